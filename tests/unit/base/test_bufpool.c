/* SPDX-License-Identifier: ISC */
/* test_bufpool.c - a pool has a fixed number of buffers, and only those in use
 * take memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/bufpool.h"

#define LEN 5000
#define N 4

static void test_every_buffer_once(void **state)
{
	struct bufpool pool, *p = &pool;
	char *buf[N];

	assert_int_equal(bufpool_init(p, LEN, N), 0);
	for (int i = 0; i < N; i++) {
		buf[i] = bufpool_get(p);
		assert_non_null(buf[i]);
		memset(buf[i], 'a' + i, LEN);
	}
	assert_null(bufpool_get(p));
	for (int i = 0; i < N; i++) {
		assert_int_equal(buf[i][0], 'a' + i);
		assert_int_equal(buf[i][LEN - 1], 'a' + i);
	}
	bufpool_put(p, buf[2]);
	assert_ptr_equal(bufpool_get(p), buf[2]);
	assert_null(bufpool_get(p));
	bufpool_done(p);
}

static bool resident(char *buf)
{
	unsigned char in[4] = { 0 };

	assert_int_equal(mincore(buf, 1, in), 0);
	return in[0] & 1;
}

/* A buffer takes memory only once it is used; the memory of a buffer in use is
 * never released; all memory is released when none is in use. */
static void test_only_used_buffers_take_memory(void **state)
{
	struct bufpool pool, *p = &pool;
	char *a, *b;

	assert_int_equal(bufpool_init(p, LEN, N), 0);
	a = bufpool_get(p);
	b = bufpool_get(p);
	assert_false(resident(a));
	memset(a, 1, LEN);
	memset(b, 2, LEN);
	bufpool_put(p, b);
	bufpool_trim(p);
	assert_true(resident(a));
	assert_int_equal(a[LEN - 1], 1);
	bufpool_put(p, a);
	assert_ptr_equal(bufpool_get(p), a);
	bufpool_put(p, a);
	bufpool_trim(p);
	assert_false(resident(a));
	assert_false(resident(b));
	bufpool_done(p);
}

static void test_impossible_sizes_are_refused(void **state)
{
	static struct bufpool never;
	struct bufpool p;

	assert_int_equal(bufpool_init(&p, 0, 1), -EINVAL);
	assert_int_equal(bufpool_init(&p, 1, 0), -EINVAL);
	assert_int_equal(bufpool_init(&p, 1, BUFPOOL_MAX + 1), -EINVAL);
	assert_int_equal(bufpool_init(&p, SIZE_MAX, 1), -EINVAL);
	assert_int_equal(bufpool_init(&p, SIZE_MAX / 8, 8), -EINVAL);
	assert_int_equal(bufpool_init(&p, SIZE_MAX / 2, 1), -ENOMEM);
	assert_null(bufpool_get(&p));
	bufpool_done(&p);
	bufpool_put(&never, NULL);
	bufpool_done(&never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_buffer_once),
		cmocka_unit_test(test_only_used_buffers_take_memory),
		cmocka_unit_test(test_impossible_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
