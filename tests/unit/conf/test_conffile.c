/* SPDX-License-Identifier: ISC */
/*
 * test_conffile.c - the configuration file is always the old or the new one:
 * after a failed call, after the process is killed at a call, and with several
 * writers. The tests use real files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "conf/conffile.h"
#include "tests/wrap.h"

/* ---- calls that can fail, or at which the process is killed ---------- */

static enum { NOTHING, FAIL, DIE } plan;
static int plan_at;		/* number of the call that fails */
static int call_n;		/* calls since plan_failure() */
static const char *failed;	/* the call that failed */
static char trace[1024];	/* the calls, if no failure is planned */
static int open_flags;		/* of the last openat() */
static unsigned naps;

static void plan_failure(int what, int at)
{
	plan = what;
	plan_at = at;
	call_n = 0;
	failed = "";
	trace[0] = '\0';
}

static bool fails(const char *name)
{
	if (plan == NOTHING)
		return false;
	strncat(trace, name, sizeof(trace) - strlen(trace) - 2);
	strcat(trace, " ");
	if (++call_n != plan_at || plan != FAIL)
		return false;
	failed = name;
	errno = ENOSPC;
	return true;
}

/* @nr: number of the call; call_n may be higher, because musl's fstat() makes
 * another call. */
static void kill_at(int nr)
{
	if (plan == DIE && nr == plan_at)
		raise(SIGKILL);
}

#define WRAP(name, params, args)			\
	int __real_##name params;			\
	int __wrap_##name params;			\
	int __wrap_##name params			\
	{						\
		int nr, ret;				\
							\
		if (fails(#name))			\
			return -1;			\
		nr = call_n;				\
		ret = __real_##name args;		\
		kill_at(nr);				\
		return ret;				\
	}

WRAP(flock, (int fd, int how), (fd, how))
WRAP(unlinkat, (int fd, const char *z, int f), (fd, z, f))
WRAP(fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
WRAP(fchmod, (int fd, mode_t m), (fd, m))
WRAP(fstat, (int fd, struct stat *st), (fd, st))
WRAP(fstatat, (int fd, const char *z, struct stat *st, int f), (fd, z, st, f))
WRAP(fsync, (int fd), (fd))
WRAP(renameat, (int a, const char *x, int b, const char *y), (a, x, b, y))

int __real_openat(int fd, const char *z, int flags, ...);
int __wrap_openat(int fd, const char *z, int flags, ...);
int __wrap_openat(int fd, const char *z, int flags, ...)
{
	va_list ap;
	mode_t mode;
	int ret;

	va_start(ap, flags);
	mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	open_flags = flags;
	if (fails("openat"))
		return -1;
	ret = __real_openat(fd, z, flags, mode);
	kill_at(call_n);
	return ret;
}

/* Closes the descriptor even if it fails, as Linux does. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	int ret = __real_close(fd);

	if (fails("close"))
		return -1;
	kill_at(call_n);
	return ret;
}

/* Writes half of the bytes, to leave a half-written file. */
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	ssize_t ret;

	if (fails("write"))
		return -1;
	ret = __real_write(fd, p, plan != NOTHING && n > 1 ? n / 2 : n);
	kill_at(call_n);
	return ret;
}

int __real_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	naps++;
	return naps < 1000000 ? sched_yield() : -1;
}

/* ---- a directory of files -------------------------------------------- */

static char dir[] = "/tmp/upnpd-conffile-XXXXXX";
static struct conffile file;
static struct confedit edit;

#define OLD "enabled = no\n"

static const char *in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *z = path[turn++ % 4];

	snprintf(z, PATH_MAX, "%s/%s", dir, name);
	return z;
}

static void put(const char *name, const void *data, size_t n)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static bool holds(const char *name, const void *data, size_t n)
{
	static char got[2 * CONF_FILE_MAX];
	FILE *f = fopen(in_dir(name), "r");
	size_t len;

	if (!f)
		return false;
	len = fread(got, 1, sizeof(got), f);
	fclose(f);
	return len == n && !memcmp(got, data, n);
}

static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void new_text(size_t n)
{
	memset(edit.text, '#', n);
	edit.text[n - 1] = '\n';
	edit.len = n;
}

static int setup(void **state)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	return mkdtemp(dir) && !chmod(dir, 0755) ? 0 : -1;
}

static int teardown(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	plan_failure(NOTHING, 0);
	conffile_close(&file);
	while ((e = readdir(d)))
		if (*e->d_name != '.' || strlen(e->d_name) > 2) {
			unlink(in_dir(e->d_name));
			rmdir(in_dir(e->d_name));
		}
	closedir(d);
	return rmdir(dir);
}

/* Open, write @n bytes, close. */
static int change(const char *name, size_t n)
{
	int err = conffile_open(&file, in_dir(name), true, &edit);

	if (err)
		return err;
	new_text(n);
	err = conffile_write(&file, &edit);
	conffile_close(&file);
	return err;
}

static int open_to(const char *name, bool to_change)
{
	int err = conffile_open(&file, in_dir(name), to_change, &edit);

	assert_int_equal(file.dir_fd >= 0, !err && to_change);
	return err;
}

/* ---- one process ----------------------------------------------------- */

static void test_file_is_read(void **state)
{
	static char big[CONF_FILE_MAX + 1];

	put("conf", OLD, strlen(OLD));
	assert_int_equal(open_to("conf", false), 0);
	assert_true(file.exists);
	assert_string_equal(file.path, in_dir("conf"));
	assert_int_equal(edit.len, strlen(OLD));
	assert_memory_equal(edit.text, OLD, edit.len);
	assert_int_equal(conffile_write(&file, &edit), -EBADF);
	conffile_close(&file);
	conffile_close(&file);
	put("big", big, CONF_FILE_MAX);
	assert_int_equal(open_to("big", false), 0);
	assert_int_equal(edit.len, CONF_FILE_MAX);
	put("big", big, CONF_FILE_MAX + 1);
	assert_int_equal(open_to("big", true), -EFBIG);
	assert_int_equal(open_to("none", false), 0);
	assert_false(file.exists);
	assert_int_equal(edit.len, 0);
}

static void test_path_that_is_not_a_file_is_refused(void **state)
{
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
	assert_int_equal(symlink("b", in_dir("a")), 0);
	assert_int_equal(symlink("a", in_dir("b")), 0);
	assert_int_equal(open_to("fifo", true), -EINVAL);
	assert_int_equal(open_to("sub", true), -EISDIR);
	assert_int_equal(open_to("sub/", true), -EISDIR);
	assert_int_equal(open_to("none/", true), -EISDIR);
	assert_int_equal(open_to("none/conf", true), -ENOENT);
	assert_int_equal(open_to("fifo/conf", true), -ENOTDIR);
	assert_int_equal(open_to("a", true), -ELOOP);
	assert_int_equal(entries(), 4);
}

static void test_replaced_file_keeps_owner_and_mode(void **state)
{
	struct stat before, st;
	mode_t mask = umask(077);

	put("conf", OLD, strlen(OLD));
	assert_int_equal(chmod(in_dir("conf"), 0642), 0);
	if (!geteuid())
		assert_int_equal(chown(in_dir("conf"), 12, 34), 0);
	assert_int_equal(stat(in_dir("conf"), &before), 0);
	assert_int_equal(change("conf", 100), 0);
	assert_int_equal(stat(in_dir("conf"), &st), 0);
	assert_int_equal(st.st_mode, before.st_mode);
	assert_int_equal(st.st_uid, before.st_uid);
	assert_int_equal(st.st_gid, before.st_gid);
	assert_true(holds("conf", edit.text, 100));
	assert_int_equal(change("new", 200), 0);
	assert_int_equal(stat(in_dir("new"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_uid, geteuid());
	assert_true(holds("new", edit.text, 200));
	assert_int_equal(entries(), 2);
	umask(mask);
}

/* The handle knows the state that it wrote itself. */
static void test_file_can_be_written_twice(void **state)
{
	assert_int_equal(open_to("conf", true), 0);
	new_text(10);
	assert_int_equal(conffile_write(&file, &edit), 0);
	new_text(20);
	assert_int_equal(conffile_write(&file, &edit), 0);
	assert_true(holds("conf", edit.text, 20));
}

static bool is_link(const char *name, const char *to)
{
	char got[PATH_MAX];
	ssize_t n = readlink(in_dir(name), got, sizeof(got));

	return n >= 0 && str_eq((struct str){ got, (size_t)n }, str_z(to));
}

static void test_links_are_followed(void **state)
{
	char here[PATH_MAX];

	put("conf", OLD, strlen(OLD));
	assert_int_equal(symlink("conf", in_dir("link")), 0);
	assert_int_equal(symlink(in_dir("later"), in_dir("far")), 0);
	assert_int_equal(symlink("far", in_dir("farther")), 0);
	assert_int_equal(symlink(".", in_dir("same")), 0);
	assert_int_equal(open_to("same/link", true), 0);
	assert_string_equal(file.path, in_dir("conf"));
	conffile_close(&file);
	assert_int_equal(change("same/link", 50), 0);
	assert_true(is_link("link", "conf"));
	assert_true(holds("conf", edit.text, 50));
	assert_int_equal(change("same/farther", 60), 0);
	assert_true(is_link("far", in_dir("later")));
	assert_true(holds("later", edit.text, 60));
	assert_int_equal(entries(), 6);
	/* names without a directory, and in the root directory */
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(conffile_open(&file, "conf", false, &edit), 0);
	assert_string_equal(file.path, in_dir("conf"));
	assert_int_equal(conffile_open(&file, "conf2", false, &edit), 0);
	assert_string_equal(file.path, in_dir("conf2"));
	assert_int_equal(chdir(here), 0);
	assert_int_equal(conffile_open(&file, "/no-such-conf", false, &edit),
			 0);
	assert_string_equal(file.path, "/no-such-conf");
}

static void test_too_long_name_is_refused(void **state)
{
	char name[NAME_MAX + 1];

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(change(name, 10), -ENAMETOOLONG);
	name[NAME_MAX - 5] = '\0';	/* with ".", ".new" */
	assert_int_equal(change(name, 10), 0);
	assert_int_equal(entries(), 1);
}

/* A writer such as an editor does not use the lock. */
static void test_change_by_another_writer_is_kept(void **state)
{
	put("conf", OLD, strlen(OLD));
	assert_int_equal(open_to("conf", true), 0);
	put("conf", "other\n", 6);
	assert_int_equal(conffile_write(&file, &edit), -ESTALE);
	assert_true(holds("conf", "other\n", 6));
	unlink(in_dir("conf"));
	assert_int_equal(conffile_write(&file, &edit), -ENOENT);
	assert_int_equal(entries(), 0);
	conffile_close(&file);
	assert_int_equal(open_to("conf", true), 0);
	put("conf", "other\n", 6);
	assert_int_equal(conffile_write(&file, &edit), -ESTALE);
	assert_true(holds("conf", "other\n", 6));
	assert_int_equal(entries(), 1);
}

/* A file with the temporary file's name is removed, not written to. */
static void test_leftover_temporary_file_is_removed(void **state)
{
	put("victim", OLD, strlen(OLD));
	put(".conf.new", "half", 4);
	assert_int_equal(change("conf", 30), 0);
	assert_int_equal(entries(), 2);
	assert_int_equal(symlink("victim", in_dir(".conf.new")), 0);
	assert_int_equal(change("conf", 40), 0);
	assert_true(holds("conf", edit.text, 40));
	assert_true(holds("victim", OLD, strlen(OLD)));
	assert_int_equal(entries(), 2);
	assert_int_equal(mkdir(in_dir(".conf.new"), 0700), 0);
	assert_int_equal(change("conf", 50), -EISDIR);
	new_text(40);
	assert_true(holds("conf", edit.text, 40));
}

/* ---- failures -------------------------------------------------------- */

/* This order keeps the file whole if the power fails, and safe in a directory
 * of another user. */
static void test_order_of_calls(void **state)
{
	const char *p;

	put("conf", OLD, strlen(OLD));
	plan_failure(FAIL, 0);
	assert_int_equal(change("conf", 2), 0);
	plan = NOTHING;
	p = strstr(trace, "openat fstat ");
	assert_non_null(p);
	p = strstr(p, "fchmod write write fsync ");
	assert_non_null(p);
	p = strstr(p, "renameat fsync close ");
	assert_non_null(p);
	assert_string_equal(p, "renameat fsync close ");
	assert_true(open_flags & O_EXCL && open_flags & O_NOFOLLOW);
}

/* Each call of a change in turn fails with ENOSPC. */
static void test_failed_call_leaves_a_whole_file(void **state)
{
	unsigned refused = 0;

	put("conf", OLD, strlen(OLD));
	if (!geteuid())
		assert_int_equal(chown(in_dir("conf"), 12, 34), 0);
	for (int at = 1;; at++) {
		int err, n;

		put("conf", OLD, strlen(OLD));
		plan_failure(FAIL, at);
		err = change("conf", 1000);
		n = call_n;
		plan = NOTHING;
		if (n < at)
			break;
		if (err)
			assert_true(holds("conf", OLD, strlen(OLD)));
		else
			assert_true(holds("conf", edit.text, 1000));
		if (err != -ENOSPC && strcmp(failed, "fsync") &&
		    strcmp(failed, "close"))
			fail_msg("%s failed, but: %d", failed, err);
		assert_int_equal(entries(), 1);
		refused += err == -ENOSPC;
	}
	assert_true(refused > 15);
}

static int child_status(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_kill_at_any_call_leaves_a_whole_file(void **state)
{
	unsigned killed = 0, left_old = 0, left_new = 0, left_temp = 0;

	for (int at = 1;; at++) {
		pid_t pid;
		int status;

		put("conf", OLD, strlen(OLD));
		pid = fork();
		if (!pid) {
			plan_failure(DIE, at);
			_exit(change("conf", 1000) ? 1 : 0);
		}
		status = child_status(pid);
		new_text(1000);
		if (holds("conf", OLD, strlen(OLD)))
			left_old++;
		else if (holds("conf", edit.text, 1000))
			left_new++;
		else
			fail_msg("torn at call %d", at);
		left_temp += entries() == 2;
		/* the next writer gets the lock and removes the leftover */
		assert_int_equal(change("conf", 500), 0);
		assert_true(holds("conf", edit.text, 500));
		assert_int_equal(entries(), 1);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			break;
		}
		assert_int_equal(WTERMSIG(status), SIGKILL);
		killed++;
	}
	assert_true(killed > 15);
	assert_true(left_old > 10 && left_new > 2 && left_temp > 10);
	assert_true(left_temp < left_old);
}

/* Run in a child, because @run drops rights or makes a namespace. */
static void in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int line = run();

		if (line > 0)
			fprintf(stderr, "line %d\n", line);
		_exit(line < 0 ? 77 : line > 0);
	}
	status = child_status(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static int change_read_only(void)
{
	if (!geteuid() && (setgid(65534) || setuid(65534)))
		return __LINE__;
	if (change("conf", 100) != -EACCES)
		return __LINE__;
	if (change("none", 100) != -EACCES)
		return __LINE__;
	if (conffile_open(&file, in_dir("conf"), false, &edit))
		return __LINE__;
	return entries() == 1 ? 0 : __LINE__;
}

static void test_read_only_directory_is_refused(void **state)
{
	put("conf", OLD, strlen(OLD));
	assert_int_equal(chmod(in_dir("conf"), 0644), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	in_child(change_read_only);
	assert_true(holds("conf", OLD, strlen(OLD)));
}

/* Use a file system of two pages. Return: -1 if we may not make one */
static int change_on_full_disk(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=8k"))
		return -1;
	if (change("conf", 100))
		return __LINE__;
	if (change("conf", 10000) != -ENOSPC)
		return __LINE__;
	new_text(100);
	if (!holds("conf", edit.text, 100) || entries() != 1)
		return __LINE__;
	return change("conf", 4096) ? __LINE__ : 0;
}

static void test_full_disk_keeps_the_old_file(void **state)
{
	in_child(change_on_full_disk);
}

/* ---- several processes ----------------------------------------------- */

static void test_second_writer_waits_for_the_lock(void **state)
{
	struct conffile second;

	assert_int_equal(open_to("conf", true), 0);
	naps = 0;
	assert_int_equal(conffile_open(&second, in_dir("conf"), true, &edit),
			 -ETIMEDOUT);
	assert_int_equal(second.dir_fd, -1);
	assert_int_equal(naps, CONF_LOCK_MS / CONF_LOCK_STEP_MS);
	/* a reader does not wait */
	assert_int_equal(conffile_open(&second, in_dir("conf"), false, &edit),
			 0);
	conffile_close(&file);
	assert_int_equal(conffile_open(&second, in_dir("conf"), true, &edit),
			 0);
	conffile_close(&second);
}

#define WRITERS 3
#define ROUNDS 30

/* Append the letter once in each round. */
static int add_letters(char letter)
{
	for (int i = 0; i < ROUNDS; i++) {
		size_t mine = 0;
		int err;

		do {	/* the others may hold the lock for long */
			naps = 0;
			err = conffile_open(&file, in_dir("conf"), true,
					    &edit);
		} while (err == -ETIMEDOUT);
		if (err)
			return __LINE__;
		for (size_t k = 0; k < edit.len; k++)
			mine += edit.text[k] == letter;
		if (mine != (size_t)i)
			return __LINE__;
		edit.text[edit.len++] = letter;
		if (conffile_write(&file, &edit))
			return __LINE__;
		conffile_close(&file);
	}
	return 0;
}

static void test_concurrent_changes_are_all_kept(void **state)
{
	pid_t pid[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int line = add_letters((char)('a' + i));

			if (line)
				fprintf(stderr, "line %d\n", line);
			_exit(line != 0);
		}
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(child_status(pid[i]), 0);
	assert_int_equal(open_to("conf", false), 0);
	assert_int_equal(edit.len, WRITERS * ROUNDS);
	assert_int_equal(entries(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_is_read),
		TEST(test_path_that_is_not_a_file_is_refused),
		TEST(test_replaced_file_keeps_owner_and_mode),
		TEST(test_file_can_be_written_twice),
		TEST(test_links_are_followed),
		TEST(test_too_long_name_is_refused),
		TEST(test_change_by_another_writer_is_kept),
		TEST(test_leftover_temporary_file_is_removed),
		TEST(test_order_of_calls),
		TEST(test_failed_call_leaves_a_whole_file),
		TEST(test_kill_at_any_call_leaves_a_whole_file),
		TEST(test_read_only_directory_is_refused),
		TEST(test_full_disk_keeps_the_old_file),
		TEST(test_second_writer_waits_for_the_lock),
		TEST(test_concurrent_changes_are_all_kept),
	};

	file.dir_fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
