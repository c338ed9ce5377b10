/* SPDX-License-Identifier: ISC */
/*
 * reload.c - make the daemon read the written configuration.
 *
 * The monitor accepts no requests. SIGHUP makes it reload, and its status file
 * has the result.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/wr.h"
#include "upnpctl/cmd.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/live.h"
#include "upnpctl/reload.h"
#include "upnpctl/source.h"
#include "sys/fileio.h"
#include "sys/proc.h"
#include "ipc/statusfile.h"

#define POLL_MS 20		/* between two reads of a file */
#define PID_MS 4000
/* The old engine may need ENGINE_STOP_MS to exit, and the firewall some
 * time. */
#define RELOAD_MS 15000
#define SERVE_MS 5000
/* An engine that answers and does not serve yet waits for an address of its
 * interfaces, or for a port that another program has. The reload does not wait
 * for that. */
#define LISTEN_MS 1000

struct daemon {
	pid_t pid;		/* 0: none runs */
	char statusfile_path[PATH_MAX];
	struct statusfile status;
};

static void sleep_poll(void)
{
	struct timespec t = { 0, POLL_MS * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- finding the daemon ---------------------------------------------- */

/* The pid in the file, or 0. */
static pid_t read_pid(int fd)
{
	char text[24];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint32_t pid;

	if (n <= 0 || str_u32(str_trim((struct str){ text, (size_t)n }), 1,
			      INT32_MAX, &pid))
		return 0;
	return (pid_t)pid;
}

/* Does a process hold the lock? A daemon that starts just now must not find the
 * file locked by this test, so the lock is tried only if the process exists. */
static bool is_locked(int fd, pid_t pid)
{
	if (pid && kill(pid, 0) && errno == ESRCH)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

/* A daemon that starts holds the lock, and writes its pid when it is ready, as
 * a rule within 3 s: wait for the pid. */
static pid_t find_daemon(const char *pid_file)
{
	pid_t pid = 0;
	int fd = open(pid_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return 0;
	for (int i = 0; i < PID_MS / POLL_MS && !pid; i++) {
		pid = read_pid(fd);
		if (!is_locked(fd, pid))
			break;
		if (pid) {
			close(fd);
			return pid;
		}
		sleep_poll();
	}
	close(fd);
	return 0;
}

bool reload_same_file(const struct statusfile *s, const char *path)
{
	char name[PATH_MAX + 32];
	struct wr w = wr_init(name, sizeof(name));
	struct stat its, ours;

	/* the name may be relative to the directory of the daemon's start */
	if (s->file[0] != '/')
		wr_fmt(&w, "/proc/%d/cwd/", (int)s->pid);
	wr_z(&w, s->file);
	wr_ch(&w, '\0');
	return !w.over && !stat(name, &its) && !stat(path, &ours) &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* ---- the result ----------------------------------------------- */

static int read_status(struct daemon *d)
{
	struct statusfile s;

	if (statusfile_read(d->statusfile_path, &s) || s.pid != d->pid)
		return -ENOENT;
	d->status = s;
	return 0;
}

/* Has the daemon ended? Report it. */
static bool report_ended(struct daemon *d)
{
	int err = read_status(d);

	if (!err && d->status.state != STATUS_ENDED)
		return false;
	if (err && kill(d->pid, 0) == 0)
		return false;
	cmd_fail(CMD_FAULT, "the file was written, but upnpd ended%s%s; see "
		 "its log, then start it again", d->status.fault[0] ? ": " : "",
		 d->status.fault);
	return true;
}

static int wait_read(struct daemon *d)
{
	uint32_t before = d->status.reloads;
	uint64_t end = clock_mono_ms() + RELOAD_MS;

	while (d->status.reloads == before) {
		if (report_ended(d))
			return CMD_FAULT;
		if (clock_mono_ms() > end)
			return cmd_fail(CMD_FAULT, "the file was written, but "
					"upnpd has not read it within %d s; "
					"see its log", RELOAD_MS / 1000);
		sleep_poll();
	}
	if (d->status.reload_fault[0])
		return cmd_fail(CMD_FAULT, "the file was written, but upnpd "
				"did not accept it: %s",
				d->status.reload_fault);
	return CMD_OK;
}

static int store_serves(void *arg, const struct ctl_rep *r)
{
	*(bool *)arg = live_serves(&r->status);
	return 0;
}

static int wait_serving(struct daemon *d, const char *socket)
{
	const struct ctl_req req = { .verb = CTL_STATUS };
	uint64_t start = clock_mono_ms();
	struct ctl_end end;

	for (;;) {
		bool serves = false;
		int err = ctlclient_request(socket, &req,
					CTLCLIENT_KIND(CTL_STATUS_IS),
					store_serves, &serves, &end);

		if (!err && (serves || clock_mono_ms() > start + LISTEN_MS))
			return CMD_OK;
		if (report_ended(d))
			return CMD_FAULT;
		if (err && clock_mono_ms() > start + SERVE_MS)
			return cmd_fail(CMD_FAULT, "upnpd has read the file, "
					"but does not serve yet: %s; see its "
					"log", strerror(-err));
		sleep_poll();
	}
}

/* ---- by the service that makes the file ------------------------------- */

#define SERVICE_MS 30000	/* it may reload the firewall first */

static int run_service(const char *verb)
{
	const char *const argv[] = { SOURCE_SERVICE, verb, NULL };
	struct proc p = { .argv = argv, .deadline_ms = SERVICE_MS };

	return proc_run(&p);
}

static int wait_gone(const struct daemon *d)
{
	uint64_t end = clock_mono_ms() + RELOAD_MS;

	while (d->pid && kill(d->pid, 0) == 0) {
		if (clock_mono_ms() > end)
			return cmd_fail(CMD_FAULT, "UCI was changed, but upnpd "
					"has not ended within %d s; see its "
					"log", RELOAD_MS / 1000);
		sleep_poll();
	}
	return CMD_OK;
}

/* A copy of the file that the service makes, to detect whether it made a new
 * one. */
struct made {
	struct stat st;
	struct str text;
	char buf[CONF_FILE_MAX];
};

static void read_made(struct made *m)
{
	memset(&m->st, 0, sizeof(m->st));
	stat(SOURCE_MADE, &m->st);
	fileio_read(AT_FDCWD, SOURCE_MADE, 0, m->buf, sizeof(m->buf), &m->text);
}

static int wait_service(struct daemon *d, const struct conf *now,
			const struct made *was, const struct made *is)
{
	int status = CMD_OK;

	if (!now->enabled)
		return wait_gone(d);
	if (is->st.st_ino == was->st.st_ino &&
	    is->st.st_mtime == was->st.st_mtime)
		return cmd_fail(CMD_FAULT, "UCI was changed, but the service "
				"upnpd did not accept it; see the system log");
	if (d->pid && !str_eq(is->text, was->text))
		status = wait_read(d);
	if (status || !conf_runs(now))
		return status;
	return wait_serving(d, now->control_socket);
}

int reload_service(const struct conf *was, const struct conf *now)
{
	static struct made *before, *after;
	static struct daemon d;
	int err;

	d = (struct daemon){ .pid = find_daemon(was->pid_file) };
	if (d.pid && (statusfile_path(was->pid_file, d.statusfile_path) ||
		      read_status(&d)))
		return cmd_fail(CMD_FAULT, "UCI was changed, but upnpd "
				"(process %d) has no status file; restart it",
				(int)d.pid);
	if (!d.pid && run_service("enabled"))
		return CMD_OK;	/* the service is off and stays off */
	CMD_LARGE(before);
	CMD_LARGE(after);
	read_made(before);
	err = run_service("reload");
	read_made(after);
	if (err)
		return cmd_fail(CMD_FAULT, "UCI was changed, but "
				SOURCE_SERVICE " reload failed; see the "
				"system log");
	return wait_service(&d, now, before, after);
}

/* ---- by a signal ------------------------------------------------------- */

int reload(const char *path, const struct conf *was, const struct conf *now)
{
	static struct daemon d;
	int status;

	d = (struct daemon){ .pid = find_daemon(was->pid_file) };
	if (!d.pid)
		return CMD_OK;
	if (statusfile_path(was->pid_file, d.statusfile_path) ||
	    read_status(&d))
		return cmd_fail(CMD_FAULT, "the file was written, but upnpd "
				"(process %d) has no status file; make it read "
				"the configuration: kill -HUP %d", (int)d.pid,
				(int)d.pid);
	if (!reload_same_file(&d.status, path))
		return CMD_OK;
	if (kill(d.pid, SIGHUP))
		return cmd_fail(CMD_FAULT, "the file was written, but upnpd "
				"cannot be signalled: %s", strerror(errno));
	status = wait_read(&d);
	if (status || !conf_runs(now))
		return status;
	return wait_serving(&d, now->control_socket);
}
