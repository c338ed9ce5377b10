/* SPDX-License-Identifier: ISC */
/*
 * test_statusfile.c - the status file is replaced as a whole, has printable
 * text only, and is parsed strictly.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "ipc/statusfile.h"

static char dir[] = "/tmp/test_statusXXXXXX";
static char path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/upnpd.status", dir);
	return 0;
}

static int drop_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void put(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_path_is_beside_the_pid_file(void **state)
{
	char got[PATH_MAX], name[PATH_MAX + 8];

	assert_int_equal(statusfile_path("/run/upnpd.pid", got), 0);
	assert_string_equal(got, "/run/upnpd.status");
	assert_int_equal(statusfile_path("/run/upnpd", got), 0);
	assert_string_equal(got, "/run/upnpd.status");
	assert_int_equal(statusfile_path(".pid", got), 0);
	assert_string_equal(got, ".pid.status");
	assert_int_equal(statusfile_beside("/run/upnpd.pid", ".jail", got), 0);
	assert_string_equal(got, "/run/upnpd.jail");
	memset(name, 'a', sizeof(name));
	name[PATH_MAX - 7] = '\0';
	assert_int_equal(statusfile_path(name, got), -ENAMETOOLONG);
	name[PATH_MAX - 8] = '\0';
	assert_int_equal(statusfile_path(name, got), 0);
}

/* Fields at the ends of their ranges are read back. */
static void test_fields_are_read_back(void **state)
{
	struct statusfile s = {
		.pid = 4711, .state = STATUS_ENDED, .since_s = UINT64_MAX,
		.since_mono_s = 1, .reloads = UINT32_MAX, .engine_deaths = 3,
		.repairs = 4, .repaired_s = 5,
		.backend = "iptables-legacy", .backend_why = "rules stand",
		.fault = "why = \"this\" # that",
	}, got;

	memset(s.file, 'f', sizeof(s.file) - 1);
	memset(s.reload_fault, 'r', sizeof(s.reload_fault) - 1);
	memset(s.firewall_fault, 'w', sizeof(s.firewall_fault) - 1);
	assert_int_equal(statusfile_write(path, &s), 0);
	assert_int_equal(statusfile_read(path, &got), 0);
	assert_memory_equal(&got, &s, sizeof(s));
}

/* A tool's message must not become a line of its own, or an escape sequence. */
static void test_text_is_made_printable(void **state)
{
	struct statusfile s = { .pid = 1, .state = STATUS_SERVING }, got;

	strcpy(s.firewall_fault, "a\npid = 2\x1b[2J\xff");
	assert_int_equal(statusfile_write(path, &s), 0);
	assert_int_equal(statusfile_read(path, &got), 0);
	assert_int_equal(got.pid, 1);
	assert_string_equal(got.firewall_fault, "a?pid = 2?[2J?");
}

static void test_file_is_replaced_as_a_whole(void **state)
{
	struct statusfile s = { .pid = 1, .state = STATUS_SERVING }, got;
	struct stat before, after;

	assert_int_equal(statusfile_write(path, &s), 0);
	assert_int_equal(stat(path, &before), 0);
	s.pid = 2;
	assert_int_equal(statusfile_write(path, &s), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(after.st_mode & 0777, 0644);
	assert_int_equal(statusfile_read(path, &got), 0);
	assert_int_equal(got.pid, 2);
}

/* A link with the file's name is replaced, not followed; so is the temporary
 * file's. */
static void test_links_are_replaced_not_followed(void **state)
{
	struct statusfile s = { .pid = 1, .state = STATUS_SERVING }, got;
	char temp[80], victim[80];
	struct stat st;

	snprintf(temp, sizeof(temp), "%s.new", path);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	unlink(path);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(symlink(victim, temp), 0);
	assert_int_equal(statusfile_read(path, &got), -ELOOP);
	assert_int_equal(statusfile_write(path, &s), 0);
	assert_int_equal(stat(victim, &st), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(lstat(temp, &st), -1);
}

static void test_invalid_files_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "pid = 1\n", "state = 1\n", "pid = 1\nstate = 0\n",
		"pid = 1\nstate = 5\n", "pid = x\nstate = 1\n",
		"pid = -1\nstate = 1\n", "pid = 4294967296\nstate = 1\n",
		"pid = 1\nstate = 1\nfault = a\tb\n",
		("pid = 1\nstate = 1\nbackend = "
		 "123456789012345678901234567890123\n"),
	};
	struct statusfile got = { .pid = 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i]);
		assert_int_equal(statusfile_read(path, &got), -EBADMSG);
		assert_int_equal(got.pid, 77);
	}
	unlink(path);
	assert_int_equal(statusfile_read(path, &got), -ENOENT);
}

/* A later version may write more keys. */
static void test_unknown_keys_are_skipped(void **state)
{
	struct statusfile got;

	put("mood = good\npid = 1\nnot a line\nstate = 2\n");
	assert_int_equal(statusfile_read(path, &got), 0);
	assert_int_equal(got.state, STATUS_DISABLED);
}

static void test_write_error_is_returned(void **state)
{
	struct statusfile s = { .pid = 1, .state = STATUS_SERVING };

	assert_int_equal(statusfile_write("/nowhere/at/all", &s), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_is_beside_the_pid_file),
		cmocka_unit_test(test_fields_are_read_back),
		cmocka_unit_test(test_text_is_made_printable),
		cmocka_unit_test(test_file_is_replaced_as_a_whole),
		cmocka_unit_test(test_links_are_replaced_not_followed),
		cmocka_unit_test(test_invalid_files_are_refused),
		cmocka_unit_test(test_unknown_keys_are_skipped),
		cmocka_unit_test(test_write_error_is_returned),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
