/* SPDX-License-Identifier: ISC */
/* test_epoch.c - the epoch continues over restarts, crashes and reboots, and
 * begins anew when mappings are lost or the external address changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/epoch.h"
#include "tests/unit/addrtest.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char dir[64];
static int dir_fd;
static struct leases_clock now;
static struct epoch epoch;

static const struct addr ext = { ADDR_IP4, { 203, 0, 113, 7 } };
static const struct addr other = { ADDR_IP4, { 203, 0, 113, 8 } };
static const struct addr none = { .family = ADDR_NONE };

static int setup(void **state)
{
	strcpy(dir, "/tmp/upnpd-epoch-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	now = (struct leases_clock){
		.mono_ms = 5000000, .wall_s = 1700000000,
		.boot_id = "11111111-2222-3333-4444-555555555555",
	};
	return dir_fd < 0;
}

static int teardown(void **state)
{
	unlinkat(dir_fd, "epoch", 0);
	unlinkat(dir_fd, "state.new", 0);
	close(dir_fd);
	return rmdir(dir);
}

static void start(bool whole)
{
	epoch_open(&epoch, dir_fd, whole, &now);
}

/* Both clocks run. */
static void pass(uint64_t s)
{
	now.mono_ms += 1000 * s;
	now.wall_s += (int64_t)s;
}

static uint32_t seconds(void)
{
	return epoch_seconds(&epoch, now.mono_ms);
}

/* Another boot, which took @s seconds; its monotonic clock shows @mono_s. */
static void reboot(uint64_t s, uint64_t mono_s)
{
	now.wall_s += (int64_t)s;
	now.mono_ms = 1000 * mono_s;
	now.boot_id[0]++;
}

static void put(const char *text)
{
	int fd = openat(dir_fd, "epoch", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A first run of 1,000 seconds with an external address. */
static void first_run(void)
{
	start(true);
	assert_int_equal(seconds(), 0);
	assert_false(epoch_address(&epoch, ext, &now));
	pass(1000);
	assert_int_equal(seconds(), 1000);
}

static void test_first_start(void **state)
{
	struct stat st;

	start(true);
	assert_int_equal(seconds(), 0);
	now.mono_ms += 999;
	assert_int_equal(seconds(), 0);
	now.mono_ms += 1;
	assert_int_equal(seconds(), 1);
	assert_int_equal(fstatat(dir_fd, "epoch", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* After a crash as well: the file is not written at the end. */
static void test_restart(void **state)
{
	first_run();
	pass(5);
	start(true);
	assert_int_equal(seconds(), 1005);
	assert_false(epoch_address(&epoch, ext, &now));
	pass(5);
	start(true);
	start(true);
	assert_int_equal(seconds(), 1010);
}

/* The wall clock does not matter before a reboot. */
static void test_wall_clock_jumps(void **state)
{
	first_run();
	now.wall_s -= 500000000;
	pass(5);
	start(true);
	assert_int_equal(seconds(), 1005);
}

static void test_reboot(void **state)
{
	first_run();
	pass(5);
	start(true);	/* writes the time */
	reboot(60, 20);
	start(true);
	assert_int_equal(seconds(), 1065);
	pass(5);
	assert_int_equal(seconds(), 1070);
}

/* A router without a clock begins in 1970. */
static void test_reboot_with_a_clock_that_is_behind(void **state)
{
	first_run();
	reboot(0, 20);
	now.wall_s = 60;
	start(true);
	assert_int_equal(seconds(), 0);
}

/* Every start counts as one after a reboot. */
static void test_no_boot_id(void **state)
{
	now.boot_id[0] = '\0';
	first_run();
	pass(5);
	start(true);
	assert_int_equal(seconds(), 1005);
}

static void test_lost_mappings(void **state)
{
	first_run();
	start(false);
	assert_int_equal(seconds(), 0);
	assert_false(epoch_address(&epoch, ext, &now));
	pass(7);
	start(true);
	assert_int_equal(seconds(), 7);
}

static void test_another_address(void **state)
{
	first_run();
	assert_false(epoch_address(&epoch, none, &now));
	assert_int_equal(seconds(), 1000);
	assert_false(epoch_address(&epoch, ext, &now));
	assert_int_equal(seconds(), 1000);
	assert_true(epoch_address(&epoch, other, &now));
	assert_int_equal(seconds(), 0);
	pass(10);
	/* also while the daemon did not run */
	start(true);
	assert_int_equal(seconds(), 10);
	assert_false(epoch_address(&epoch, none, &now));
	assert_true(epoch_address(&epoch, ext, &now));
	assert_int_equal(seconds(), 0);
	assert_false(epoch_address(&epoch, ext, &now));
}

static void test_invalid_files(void **state)
{
	static const char *const bad[] = {
		"", "\n", "x", "- 1 2 3", "- 1 2 3 4.5.6.7 8", "- 1 2 3 x",
		"- -1 2 3 -", "- 1 -2 3 -", "- 1 2 -3 -", "- 1 2 4294967296 -",
		"- 18446744073709551616 2 3 -", "- 1 x 3 -", "-  1 2",
	};

	for (size_t i = 0; i < N(bad); i++) {
		put(bad[i]);
		start(true);
		assert_int_equal(seconds(), 0);
	}
	put("- 1 1700000000 3 -");
	start(true);
	assert_int_equal(seconds(), 3);
	put("11111111-2222-3333-4444-555555555555 5000001 1 3 -\n");
	start(true);	/* of this boot, but later than now */
	assert_int_equal(seconds(), 0);
}

static void test_file_byte_by_byte(void **state)
{
	char buf[256] = { 0 };
	int fd;

	first_run();
	pass(1);
	start(true);
	fd = openat(dir_fd, "epoch", O_RDONLY);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	assert_string_equal(buf, "11111111-2222-3333-4444-555555555555 "
			    "6001000 1700001001 1001 203.0.113.7\n");
}

/* Nothing follows a link that somebody has put there. */
static void test_link_is_not_followed(void **state)
{
	first_run();
	assert_int_equal(renameat(dir_fd, "epoch", dir_fd, "state.new"), 0);
	assert_int_equal(symlinkat("state.new", dir_fd, "epoch"), 0);
	start(true);
	assert_int_equal(seconds(), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_start),
		TEST(test_restart),
		TEST(test_wall_clock_jumps),
		TEST(test_reboot),
		TEST(test_reboot_with_a_clock_that_is_behind),
		TEST(test_no_boot_id),
		TEST(test_lost_mappings),
		TEST(test_another_address),
		TEST(test_invalid_files),
		TEST(test_file_byte_by_byte),
		TEST(test_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
