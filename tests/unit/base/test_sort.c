/* SPDX-License-Identifier: ISC */
/* test_sort.c - every order of a few, and many by chance, against the rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/sort.h"

#define FEW	7
#define MANY	1000

struct thing {
	uint16_t key, place;	/* place: where it stood before */
	char rest[11];		/* goes along; a size that is no power of 2 */
};

static int compare(const void *a, const void *b)
{
	const struct thing *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void make(struct thing *t, unsigned key, size_t place)
{
	t->key = (uint16_t)key;
	t->place = (uint16_t)place;
	memset(t->rest, (int)(key % 251), sizeof(t->rest));
}

static void check(const struct thing *v, size_t n, unsigned sum)
{
	struct thing like;

	for (size_t i = 0; i < n; i++) {
		make(&like, v[i].key, 0);
		assert_memory_equal(v[i].rest, like.rest, sizeof(like.rest));
		assert_true(i == 0 || v[i - 1].key < v[i].key ||
			    (v[i - 1].key == v[i].key &&
			     v[i - 1].place < v[i].place));
		sum -= v[i].key;
	}
	assert_int_equal(sum, 0);
}

/* FEW keys of FEW values each, all there are of them. */
static void test_every_order(void **state)
{
	struct thing v[FEW];
	unsigned all = 1, sum;

	for (size_t n = 0; n <= FEW; n++, all *= FEW) {
		for (unsigned code = 0; code < all; code++) {
			unsigned rest = code;

			sum = 0;
			for (size_t i = 0; i < n; i++, rest /= FEW) {
				make(&v[i], rest % FEW, i);
				sum += v[i].key;
			}
			assert_int_equal(sort(v, n, sizeof(*v), compare), 0);
			check(v, n, sum);
		}
	}
}

static void test_many(void **state)
{
	static struct thing v[MANY];
	uint32_t random = 1;
	unsigned sum = 0;

	for (size_t i = 0; i < MANY; i++) {
		random = random * 1664525 + 1013904223;
		make(&v[i], random >> 22, i);
		sum += v[i].key;
	}
	assert_int_equal(sort(v, MANY, sizeof(*v), compare), 0);
	check(v, MANY, sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
