/* SPDX-License-Identifier: ISC */
/*
 * test_jail.c - a process in the jail has lost every right that the engine does
 * not need.
 *
 * It is linked without the system call filter, so that the other barriers are
 * tested alone; test_seccomp.c tests them together.
 *
 * root runs all tests, another user those that need no root. Each check runs in
 * a child of its own, and its exit status is the result.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/jail.h"
#include "tests/wrap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define SOME_UID 12345
#define SOME_GID 23456

static char dir[64];
static bool root;
static uid_t uid;
static gid_t gid;

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "%s", "/tmp/upnpd-jail-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root = geteuid() == 0;
	uid = root ? SOME_UID : geteuid();
	gid = root ? SOME_GID : getegid();
	return jail_dir(dir, uid, gid);
}

static void name_in_dir(char *buf, size_t cap, const char *name)
{
	assert_true(snprintf(buf, cap, "%s/%s", dir, name) < (int)cap);
}

static int tear_down(void **state)
{
	static const char *const left[] = { "file", "link", "of-root",
					    "two-names", "second" };
	char name[128];
	size_t i;

	for (i = 0; i < N(left); i++) {
		name_in_dir(name, sizeof(name), left[i]);
		unlink(name);
	}
	name_in_dir(name, sizeof(name), "sub");
	rmdir(name);
	return rmdir(dir);
}

/* ---- checks, run in the jail: 0 is success -------------------------- */

static int see_no_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT ? 0 : 1;
}

/* The root directory's parent does not lead out either. */
static int see_no_parent(void)
{
	struct stat here, up;

	if (stat("/", &here) < 0 || stat("/../..", &up) < 0)
		return 1;
	return here.st_ino == up.st_ino && here.st_dev == up.st_dev ? 0 : 2;
}

static int try_other_ids(void)
{
	if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
		return 1;
	if (setresuid(0, 0, 0) == 0 || setgroups(0, NULL) == 0)
		return 2;
	if (getuid() != uid || geteuid() != uid)
		return 3;
	if (getgid() != gid || getegid() != gid)
		return 4;
	return 0;
}

static int have_no_groups(void)
{
	return getgroups(0, NULL) == 0 ? 0 : 1;
}

static int have_no_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct cap[_LINUX_CAPABILITY_U32S_3];
	size_t i;

	if (syscall(SYS_capget, &head, cap) < 0)
		return 1;
	for (i = 0; i < N(cap); i++)
		if (cap[i].effective || cap[i].permitted || cap[i].inheritable)
			return 2;
	return 0;
}

static int chroot_no_more(void)
{
	return chroot(".") < 0 && errno == EPERM ? 0 : 1;
}

static int open_no_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, 1) < 0 ? 0 : 1;
}

static int write_in_dir(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1;
}

static int start_no_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 && errno == EAGAIN ? 0 : 1;
}

static int start_a_process(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? 0 : 1;
}

static int bounded_by_nothing(void)
{
	for (unsigned cap = 0; cap < 32; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return 1;
	return 0;
}

static int have_limits(void)
{
	static const int what[] = { RLIMIT_NPROC, RLIMIT_CORE };
	struct rlimit rl;
	size_t i;

	for (i = 0; i < N(what); i++) {
		if (getrlimit(what[i], &rl) < 0)
			return 1;
		if (rl.rlim_cur != 0 || rl.rlim_max != 0)
			return 2;
		rl.rlim_max = 1;
		if (setrlimit(what[i], &rl) == 0)
			return 3;
	}
	return 0;
}

static int open_so_many_files(void)
{
	int i;

	for (i = 0; i < 20; i++)
		if (dup(0) < 0)
			return errno == EMFILE ? 0 : 1;
	return 2;
}

/* The limit makes the write fail; it does not kill. */
static int write_so_much(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return 1;
	if (pwrite(fd, "x", 1, (16 << 20) - 1) != 1)
		return 2;
	if (pwrite(fd, "x", 1, 16 << 20) >= 0 || errno != EFBIG)
		return 3;
	return ftruncate(fd, 0) == 0 ? 0 : 4;
}

static int have_no_new_privs(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2;
}

/* ---- running them -------------------------------------------------- */

static struct jail jail(void)
{
	return (struct jail){ dir, uid, gid, 12 };
}

/* The error of the jail, or 100 + the result of @check inside. @shut: as an
 * engine, else as the fork server */
static int behind(bool shut, struct jail j, int (*check)(void))
{
	int status, err, filter;
	pid_t pid = fork();

	if (pid == 0) {
		/* A root process may have been given more rights. */
		if (root && (setgroups(2, (gid_t[]){ 4, 5 }) < 0 ||
			     prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0))
			_exit(99);
		err = jail_enter(&j);
		if (!err && shut)
			err = jail_shut(&filter);
		_exit(err < 0 ? -err : 100 + check());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int in_jail(struct jail j, int (*check)(void))
{
	return behind(true, j, check);
}

static int (*const for_both[])(void) = {
	write_in_dir, open_so_many_files, write_so_much, have_no_new_privs,
	have_no_capabilities, open_no_raw_socket, chroot_no_more,
};

static void test_engine_without_root_has_no_rights(void **state)
{
	for (size_t i = 0; i < N(for_both); i++)
		assert_int_equal(in_jail(jail(), for_both[i]), 100);
	assert_int_equal(in_jail(jail(), have_limits), 100);
	assert_int_equal(in_jail(jail(), start_no_process), 100);
}

/* The fork server has the same limits, but it can fork. */
static void test_forkserver_can_fork(void **state)
{
	for (size_t i = 0; i < N(for_both); i++)
		assert_int_equal(behind(false, jail(), for_both[i]), 100);
	assert_int_equal(behind(false, jail(), start_a_process), 100);
}

static void test_engine_of_root_has_no_rights(void **state)
{
	static int (*const check[])(void) = {
		see_no_passwd, see_no_parent, try_other_ids,
		have_no_groups, bounded_by_nothing,
	};
	size_t i;

	if (!root)
		skip();
	for (i = 0; i < N(check); i++) {
		assert_int_equal(in_jail(jail(), check[i]), 100);
		assert_int_equal(behind(false, jail(), check[i]), 100);
	}
}

/* The securebits that keep capabilities after uid 0 are set. */
static void test_securebits_do_not_help(void **state)
{
	int status;
	pid_t pid;

	if (!root)
		skip();
	pid = fork();
	if (pid == 0) {
		struct jail j = jail();

		/* SECBIT_NO_SETUID_FIXUP */
		if (prctl(PR_SET_SECUREBITS, 1 << 2, 0, 0, 0) < 0)
			_exit(99);
		_exit(jail_enter(&j) < 0 ? 0 : chroot_no_more());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_uid_0_is_refused(void **state)
{
	struct jail j = jail();

	if (!root)
		skip();
	j.uid = 0;
	assert_int_equal(in_jail(j, write_in_dir), EINVAL);
	j = jail();
	j.gid = 0;
	assert_int_equal(in_jail(j, write_in_dir), EINVAL);
}

static void test_missing_directory_is_an_error(void **state)
{
	struct jail j = jail();

	j.dir = "/nowhere/at/all";
	assert_int_equal(in_jail(j, write_in_dir), ENOENT);
}

/* ---- jail_dir() ---------------------------------------------------- */

static void check_dir(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
}

static void test_dir_is_made_and_taken_over(void **state)
{
	char name[128];

	name_in_dir(name, sizeof(name), "sub");
	assert_int_equal(jail_dir(name, uid, gid), 0);
	check_dir(name);
	assert_int_equal(chmod(name, 0777), 0);
	if (root)
		assert_int_equal(chown(name, 0, 0), 0);
	name_in_dir(name, sizeof(name), "sub///");
	assert_int_equal(jail_dir(name, uid, gid), 0);
	check_dir(name);
}

static void check_owner(const char *name, uid_t owner)
{
	char path[128];
	struct stat st;

	name_in_dir(path, sizeof(path), name);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_uid, owner);
}

static void put_file(const char *name, uid_t owner)
{
	char path[128];
	int fd;

	name_in_dir(path, sizeof(path), name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fchown(fd, owner, owner), 0);
	close(fd);
}

/* A package gives the daemon a user of its own: what it has stored as nobody is
 * read by it still. */
static void test_files_of_the_former_user_are_taken_over(void **state)
{
	char from[128], to[128];

	if (!root)
		return;
	assert_int_equal(chown(dir, uid + 1, uid + 1), 0);
	put_file("file", uid + 1);
	put_file("of-root", 0);
	put_file("two-names", uid + 1);
	name_in_dir(from, sizeof(from), "two-names");
	name_in_dir(to, sizeof(to), "second");
	assert_int_equal(link(from, to), 0);
	name_in_dir(to, sizeof(to), "link");
	assert_int_equal(symlink("of-root", to), 0);
	assert_int_equal(lchown(to, uid + 1, uid + 1), 0);
	assert_int_equal(jail_dir(dir, uid, gid), 0);
	check_owner("file", uid);
	check_owner("of-root", 0);
	check_owner("two-names", uid + 1);
	check_owner("link", uid + 1);
}

static void test_dir_of_others_is_refused(void **state)
{
	char name[128], slash[128], longer[8192];
	struct stat st;
	int fd;

	name_in_dir(name, sizeof(name), "file");
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(jail_dir(name, uid, gid), -ENOTDIR);

	name_in_dir(name, sizeof(name), "link");
	assert_int_equal(symlink(".", name), 0);	/* to the test's dir */
	assert_true(jail_dir(name, uid, gid) < 0);
	name_in_dir(slash, sizeof(slash), "link/");
	assert_true(jail_dir(slash, uid, gid) < 0);

	/* a typing error could name /etc */
	if (root) {
		name_in_dir(name, sizeof(name), "full");
		name_in_dir(slash, sizeof(slash), "full/sub");
		assert_int_equal(mkdir(name, 0755), 0);
		assert_int_equal(mkdir(slash, 0755), 0);
		assert_int_equal(jail_dir(name, uid, gid), -ENOTEMPTY);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(rmdir(slash), 0);
		assert_int_equal(rmdir(name), 0);
	}
	name_in_dir(name, sizeof(name), "no/sub");
	assert_int_equal(jail_dir(name, uid, gid), -ENOENT);
	assert_int_equal(jail_dir("/", uid, gid), -EINVAL);
	assert_int_equal(jail_dir("", uid, gid), -EINVAL);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(jail_dir(longer, uid, gid), -ENAMETOOLONG);
}

static int readdir_err;	/* it fails with this, or 0 */

struct dirent *__real_readdir(DIR *);
struct dirent *__wrap_readdir(DIR *);
struct dirent *__wrap_readdir(DIR *d)
{
	if (!readdir_err)
		return __real_readdir(d);
	errno = readdir_err;
	return NULL;
}

/* A failed read once counted as an empty directory, which was taken over. */
static void test_dir_that_cannot_be_read_is_not_empty(void **state)
{
	char name[128];

	name_in_dir(name, sizeof(name), "sub");
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(jail_dir_empty(name), 0);
	assert_int_equal(jail_dir_empty(dir), -ENOTEMPTY);
	readdir_err = EIO;
	assert_int_equal(jail_dir_empty(name), -EIO);
	if (root)
		assert_int_equal(jail_dir(name, uid, gid), -EIO);
	readdir_err = 0;
	assert_int_equal(jail_dir_empty(name), 0);
	assert_int_equal(jail_dir_empty("/nowhere"), -ENOENT);
}

static void test_user_falls_back_to_nobody(void **state)
{
	uid_t nobody, u = 7;
	gid_t g = 7;

	assert_int_equal(jail_user("root", &u, &g), 0);
	assert_int_equal(u, 0);
	assert_int_equal(g, 0);
	assert_int_equal(jail_user("nobody", &nobody, &g), 0);
	assert_int_not_equal(nobody, 0);
	assert_int_equal(jail_user("no-such-user-here", &u, &g), 0);
	assert_int_equal(u, nobody);
	assert_int_equal(jail_user(NULL, &u, &g), 0);
	assert_int_equal(u, nobody);
}

/* A small router's system may have no users. Return: 0, or the failed step */
static int small_system(void)
{
	uid_t u = 7;
	gid_t g = 7;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE,
					  NULL) ||
	    mount("tmpfs", "/etc", "tmpfs", 0, NULL))
		return 1;
	if (jail_user("upnpd", &u, &g) != 1 || u != 65534 || g != 65534)
		return 2;
	if (mkdir("/etc/state", 0700) ||
	    mount("tmpfs", "/etc", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL))
		return 3;
	if (jail_dir("/etc/state", 0, 0) != -EROFS ||
	    jail_dir("/etc/state", u, g) != -EROFS ||
	    jail_dir("/etc/other", u, g) != -EROFS)
		return 4;
	if (mount("tmpfs", "/etc", "tmpfs", MS_REMOUNT, NULL) ||
	    mkdir("/etc/passwd", 0755))
		return 5;
	u = 7;
	return jail_user("upnpd", &u, &g) == -EISDIR && u == 7 ? 0 : 6;
}

static void test_system_without_users_has_a_fallback(void **state)
{
	int status;
	pid_t pid;

	if (!root)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(small_system());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_engine_without_root_has_no_rights),
		T(test_forkserver_can_fork),
		T(test_engine_of_root_has_no_rights),
		T(test_securebits_do_not_help),
		T(test_uid_0_is_refused),
		T(test_missing_directory_is_an_error),
		T(test_dir_is_made_and_taken_over),
		T(test_files_of_the_former_user_are_taken_over),
		T(test_dir_of_others_is_refused),
		T(test_dir_that_cannot_be_read_is_not_empty),
		T(test_user_falls_back_to_nobody),
		T(test_system_without_users_has_a_fallback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
