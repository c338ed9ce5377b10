/* SPDX-License-Identifier: ISC */
/* test_state.c - the UUID is generated once and stored; the BOOTID rises. */
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
#include "engine/state.h"

static char dir[64];
static int dir_fd;

static int setup(void **state)
{
	strcpy(dir, "/tmp/upnpd-state-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dir_fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	unlinkat(dir_fd, "uuid", 0);
	unlinkat(dir_fd, "bootid", 0);
	unlinkat(dir_fd, "nonce", 0);
	unlinkat(dir_fd, "state.new", 0);
	close(dir_fd);
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_uuid_is_kept(void **state)
{
	uint8_t a[16], b[16];
	struct stat st;

	assert_int_equal(state_uuid(dir_fd, "", a), 0);
	assert_int_equal(a[6] >> 4, 4);
	assert_int_equal(a[8] >> 6, 2);
	assert_int_equal(state_uuid(dir_fd, "", b), 0);
	assert_memory_equal(a, b, 16);
	assert_int_equal(fstatat(dir_fd, "uuid", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 37);
}

static void test_configured_uuid_is_used(void **state)
{
	static const uint8_t want[16] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
	};
	uint8_t a[16];

	assert_int_equal(state_uuid(dir_fd,
		"01234567-89AB-cdef-fedc-ba9876543210", a), 0);
	assert_memory_equal(a, want, 16);
	assert_int_equal(faccessat(dir_fd, "uuid", F_OK, 0), -1);
}

static void test_an_invalid_uuid_is_replaced(void **state)
{
	static const char *const bad[] = {
		"", "\n", "0123", "01234567-89ab-cdef-fedc-ba987654321",
		"01234567-89ab-cdef-fedc-ba9876543210x",
		"01234567x89ab-cdef-fedc-ba9876543210",
		"g1234567-89ab-cdef-fedc-ba9876543210",
	};
	uint8_t a[16], b[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("uuid", bad[i]);
		assert_int_equal(state_uuid(dir_fd, "", a), 0);
		assert_int_equal(state_uuid(dir_fd, "", b), 0);
		assert_memory_equal(a, b, 16);
	}
}

static void test_symbolic_link_is_not_followed(void **state)
{
	uint8_t a[16];
	struct stat st;

	assert_int_equal(symlinkat("/etc/hostname", dir_fd, "uuid"), 0);
	assert_int_equal(state_uuid(dir_fd, "", a), 0);
	assert_int_equal(fstatat(dir_fd, "uuid", &st, AT_SYMLINK_NOFOLLOW),
			 0);
	assert_true(S_ISREG(st.st_mode));
}

/* BOOTIDs of one start: the first and 255 more. */
static uint32_t first_id(int64_t wall_s)
{
	uint32_t last, id = state_boot_id(dir_fd, wall_s, true, &last);

	assert_int_equal(last, id + 255);
	return id;
}

static void test_boot_id_rises(void **state)
{
	assert_int_equal(first_id(1000), 1000);
	assert_int_equal(first_id(1000), 1256);
	assert_int_equal(first_id(5), 1512);
	assert_int_equal(first_id(2000), 2000);
	put("bootid", "rubbish");
	assert_int_equal(first_id(3000), 3000);
}

/* The last ones of 31 bits. */
static void test_boot_id_has_a_highest_value(void **state)
{
	uint32_t last;

	put("bootid", "2147483390");
	assert_int_equal(state_boot_id(dir_fd, 1, true, &last), 2147483391u);
	assert_int_equal(last, 2147483646u);
	put("bootid", "2147483391");
	assert_int_equal(state_boot_id(dir_fd, 1, true, &last), 2147483392u);
	assert_int_equal(last, 2147483392u);
}

/* Generated once; a file with other contents counts as missing. */
static void test_nonce_stays(void **state)
{
	static const uint8_t none[12];
	uint8_t a[12] = { 0 }, b[12] = { 0 };

	assert_int_equal(state_nonce(dir_fd, a), 0);
	assert_memory_not_equal(a, none, 12);
	assert_int_equal(state_nonce(dir_fd, b), 0);
	assert_memory_equal(a, b, 12);
	put("nonce", "0102030405060708090A0b0c\n");
	assert_int_equal(state_nonce(dir_fd, b), 0);
	assert_true(b[0] == 1 && b[9] == 10 && b[11] == 12);
	put("nonce", "0102030405060708090a0b0g\n");
	assert_int_equal(state_nonce(dir_fd, a), 0);
	assert_memory_not_equal(a, b, 11);
	put("nonce", "01\n");
	assert_int_equal(state_nonce(dir_fd, b), 0);
	assert_memory_not_equal(a, b, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_uuid_is_kept),
		T(test_configured_uuid_is_used),
		T(test_an_invalid_uuid_is_replaced),
		T(test_symbolic_link_is_not_followed),
		T(test_boot_id_rises),
		T(test_boot_id_has_a_highest_value),
		T(test_nonce_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
