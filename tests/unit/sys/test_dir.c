/* SPDX-License-Identifier: ISC */
/* test_dir.c - the names in a directory, also where there are many. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/dir.h"

#define MANY	300	/* with names as long as these: many reads */
#define LONG	"-a-name-that-is-long-enough-to-need-more-than-one-buffer"

static char path[] = "/tmp/test_dir.XXXXXX";
static int dir_fd;

static void name_of(int i, char name[128])
{
	snprintf(name, 128, "%d" LONG, i);
}

static int setup(void **state)
{
	if (!mkdtemp(path))
		return -1;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0;
}

static int teardown(void **state)
{
	char name[128];

	for (int i = 0; i < MANY; i++) {
		name_of(i, name);
		unlinkat(dir_fd, name, 0);
	}
	close(dir_fd);
	return rmdir(path);
}

static void test_empty(void **state)
{
	const char *name = "as it was";
	struct dir d;

	assert_int_equal(dir_open(&d, path), 0);
	assert_int_equal(dir_next(&d, &name), 0);
	assert_string_equal(name, "as it was");
	dir_close(&d);
}

/* Each once, whole. */
static void test_many(void **state)
{
	bool seen[MANY] = { false };
	char name[128], *end;
	const char *got;
	struct dir d;
	long i;
	int n = 0;

	for (i = 0; i < MANY; i++) {
		name_of((int)i, name);
		close(openat(dir_fd, name, O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(dir_open(&d, path), 0);
	while (dir_next(&d, &got) == 1) {
		i = strtol(got, &end, 10);
		assert_string_equal(end, LONG);
		assert_in_range(i, 0, MANY - 1);
		assert_false(seen[i]);
		seen[i] = true;
		n++;
	}
	assert_int_equal(n, MANY);
	assert_int_equal(dir_next(&d, &got), 0);
	dir_close(&d);
}

static void test_here(void **state)
{
	char here[256], was[256];

	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_equal(dir_here(here, sizeof(here)), 0);
	assert_string_equal(here, was);
	assert_int_equal(dir_here(here, strlen(was)), -ERANGE);
	assert_int_equal(chdir(path), 0);
	assert_int_equal(dir_here(here, sizeof(here)), 0);
	assert_string_equal(here, path);
	assert_int_equal(mkdir("gone", 0700), 0);
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(unlinkat(dir_fd, "gone", AT_REMOVEDIR), 0);
	assert_int_equal(dir_here(here, sizeof(here)), -ENOENT);
	assert_int_equal(chdir(was), 0);
}

static void test_errors(void **state)
{
	const char *name;
	struct dir d;

	assert_int_equal(dir_open(&d, "/nowhere"), -ENOENT);
	assert_int_equal(dir_open(&d, "/dev/null"), -ENOTDIR);
	d = (struct dir){ .fd = -1 };
	assert_int_equal(dir_next(&d, &name), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_here),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
