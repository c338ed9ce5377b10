/* SPDX-License-Identifier: ISC */
/* test_hash.c - the hash is FNV-1a, whole or in parts; that of words sees
 * each bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/hash.h"
#include "base/str.h"

static uint64_t hash_of(const char *z)
{
	struct str s = str_z(z);

	return hash_add(HASH_BEGIN, s.p, s.n);
}

/* http://www.isthe.com/chongo/tech/comp/fnv/, the test vectors */
static void test_published_vectors(void **state)
{
	assert_int_equal(hash_of(""), 0xcbf29ce484222325u);
	assert_int_equal(hash_of("a"), 0xaf63dc4c8601ec8cu);
	assert_int_equal(hash_of("foobar"), 0x85944171f73967e8u);
}

/* 0xff must not count as a negative number. */
static void test_bytes_are_unsigned(void **state)
{
	assert_int_equal(hash_of("\xff"), (HASH_BEGIN ^ 0xff) * 0x100000001b3u);
}

static void test_parts_hash_as_the_whole(void **state)
{
	uint64_t h = hash_add(HASH_BEGIN, "foo", 3);

	assert_int_equal(hash_add(h, "bar", 3), hash_of("foobar"));
	assert_int_equal(hash_add(h, "", 0), h);
}

/* Each bit of each byte counts, and so does the place of a word. */
static void test_words_hash_every_bit(void **state)
{
	unsigned char data[27] = { 1 };
	uint64_t seen[8 * sizeof(data) + 1];
	size_t n = 0;

	seen[n++] = hash_words(HASH_BEGIN, data, sizeof(data));
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		seen[n++] = hash_words(HASH_BEGIN, data, sizeof(data));
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(seen[i], seen[k]);
	for (size_t part = 0; part <= sizeof(data); part += 8)
		assert_int_equal(hash_words(hash_words(HASH_BEGIN, data, part),
					    data + part, sizeof(data) - part),
				 seen[0]);
	memmove(data + 8, data, 8);
	memset(data, 0, 8);
	assert_int_not_equal(hash_words(HASH_BEGIN, data, sizeof(data)),
			     seen[0]);
	assert_int_equal(hash_words(HASH_BEGIN, data, 3),
			 hash_add(HASH_BEGIN, data, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_bytes_are_unsigned),
		cmocka_unit_test(test_parts_hash_as_the_whole),
		cmocka_unit_test(test_words_hash_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
