/* SPDX-License-Identifier: ISC */
/* test_hash.c - the hash is FNV-1a, whole or in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_bytes_are_unsigned),
		cmocka_unit_test(test_parts_hash_as_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
