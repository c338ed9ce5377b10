/* SPDX-License-Identifier: ISC */
/* test_uuid.c - UUIDs become text and are parsed strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/uuid.h"
#include "base/wr.h"

static const char text[] = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
static const uint8_t bytes[UUID_BYTES] = {
	0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x41, 0xd0,
	0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6,
};

static void test_put_writes_lower_case(void **state)
{
	char buf[UUID_TEXT_LEN + 1];
	struct wr w = wr_init(buf, sizeof(buf));

	uuid_put(&w, bytes);
	assert_string_equal(wr_cstr(&w), text);
}

static void test_parse_accepts_either_case(void **state)
{
	uint8_t got[UUID_BYTES] = { 0 };

	assert_true(uuid_parse(str_z(text), got));
	assert_memory_equal(got, bytes, sizeof(got));
	memset(got, 0, sizeof(got));
	assert_true(uuid_parse(STR("F81D4FAE-7DEC-41D0-A765-00A0C91E6BF6"),
			       got));
	assert_memory_equal(got, bytes, sizeof(got));
}

/* A wrong character at any position is refused, and nothing is set. */
static void test_parse_strictly(void **state)
{
	static const char wrong[] = "g G/:@`-\xff";
	uint8_t got[UUID_BYTES] = { 0 };
	const uint8_t none[UUID_BYTES] = { 0 };
	char z[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (const char *c = wrong; *c; c++) {
			memcpy(z, text, sizeof(z));
			if (z[i] == *c)
				continue;
			z[i] = *c;
			assert_false(uuid_parse(str_z(z), got));
		}
	assert_false(uuid_parse((struct str){ text, UUID_TEXT_LEN - 1 }, got));
	assert_false(uuid_parse((struct str){ text, sizeof(text) }, got));
	assert_false(uuid_parse(STR(""), got));
	/* a digit where a dash belongs */
	memcpy(z, text, sizeof(z));
	z[8] = '0';
	assert_false(uuid_parse(str_z(z), got));
	assert_memory_equal(got, none, sizeof(got));
}

/* RFC 9562 5.4: the version in byte 6, the variant in byte 8. */
static void test_make_sets_version_and_variant(void **state)
{
	uint8_t zeros[UUID_BYTES] = { 0 }, ones[UUID_BYTES];
	uint8_t want[UUID_BYTES] = { [6] = 0x40, [8] = 0x80 };

	uuid_make(zeros);
	assert_memory_equal(zeros, want, sizeof(want));
	memset(ones, 0xff, sizeof(ones));
	memset(want, 0xff, sizeof(want));
	want[6] = 0x4f;
	want[8] = 0xbf;
	uuid_make(ones);
	assert_memory_equal(ones, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_writes_lower_case),
		cmocka_unit_test(test_parse_accepts_either_case),
		cmocka_unit_test(test_parse_strictly),
		cmocka_unit_test(test_make_sets_version_and_variant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
