/* SPDX-License-Identifier: ISC */
/*
 * reload.c - have the daemon read the configuration that was written.
 *
 * The monitor reads nothing from anybody: it is told by SIGHUP, and what it
 * made of it stands in its status file.
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
#include "upnpctl/reload.h"
#include "ipc/statusfile.h"

#define LOOK_MS 20		/* between two looks */
/* The old engine may take ENGINE_STOP_MS to go, and the firewall its time. */
#define RELOAD_MS 15000
#define SERVE_MS 5000
/* An engine that answers and has no port yet waits for an address of its
 * interfaces: that is none of the reload's. */
#define LISTEN_MS 1000

struct daemon {
	pid_t pid;		/* 0: none runs */
	char statusfile_path[PATH_MAX];
	struct statusfile status;
};

static void nap(void)
{
	struct timespec t = { 0, LOOK_MS * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- is there one? ------------------------------------------------------- */

/* The number that stands in @fd, or 0. */
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

/* Does somebody hold the lock? One that begins just now would find it taken
 * by us, so that it is tried only where the process is there. */
static bool is_held(int fd, pid_t pid)
{
	if (pid && kill(pid, 0) && errno == ESRCH)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB))
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

/* One that has just begun holds the lock and writes its number next. */
static pid_t find(const char *pid_file)
{
	pid_t pid = 0;
	int fd = open(pid_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return 0;
	for (int i = 0; i < 1000 / LOOK_MS && !pid; i++) {
		pid = read_pid(fd);
		if (!is_held(fd, pid))
			break;
		if (pid) {
			close(fd);
			return pid;
		}
		nap();
	}
	close(fd);
	return 0;
}

/* Is it this file that the daemon reads? It may have been given a name from
 * where it was started. */
static bool same_file(const struct daemon *d, const char *path)
{
	char name[PATH_MAX + 32];
	struct wr w = wr_init(name, sizeof(name));
	struct stat its, ours;

	if (d->status.file[0] != '/')
		wr_fmt(&w, "/proc/%d/cwd/", (int)d->pid);
	wr_z(&w, d->status.file);
	wr_ch(&w, '\0');
	return !w.over && !stat(name, &its) && !stat(path, &ours) &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* ---- what has become of it ----------------------------------------------- */

static int look(struct daemon *d)
{
	struct statusfile s;

	if (statusfile_read(d->statusfile_path, &s) || s.pid != d->pid)
		return -ENOENT;
	d->status = s;
	return 0;
}

/* Has it given up? Says so. */
static bool ended(struct daemon *d)
{
	int err = look(d);

	if (!err && d->status.state != STATUS_ENDED)
		return false;
	if (err && kill(d->pid, 0) == 0)
		return false;
	cmd_fail(CMD_FAULT, "written, and upnpd ended with it%s%s; see its "
		 "log, then start it again", d->status.fault[0] ? ": " : "",
		 d->status.fault);
	return true;
}

static int wait_read(struct daemon *d)
{
	uint32_t before = d->status.reloads;
	uint64_t end = clock_mono_ms() + RELOAD_MS;

	while (d->status.reloads == before) {
		if (ended(d))
			return CMD_FAULT;
		if (clock_mono_ms() > end)
			return cmd_fail(CMD_FAULT, "written, and upnpd has not "
					"read it in %d s; see its log",
					RELOAD_MS / 1000);
		nap();
	}
	if (d->status.reload_fault[0])
		return cmd_fail(CMD_FAULT, "written, but upnpd did not take "
				"it: %s", d->status.reload_fault);
	return CMD_OK;
}

static int take_port(void *arg, const struct ctl_rep *r)
{
	*(uint32_t *)arg = r->status.http_port;
	return 0;
}

static int wait_serving(struct daemon *d, const char *socket)
{
	const struct ctl_req req = { .verb = CTL_STATUS };
	uint64_t start = clock_mono_ms();
	struct ctl_end end;

	for (;;) {
		uint32_t port = 0;
		int err = ctlclient_ask(socket, &req,
					CTLCLIENT_KIND(CTL_STATUS_IS),
					take_port, &port, &end);

		if (!err && (port || clock_mono_ms() > start + LISTEN_MS))
			return CMD_OK;
		if (ended(d))
			return CMD_FAULT;
		if (err && clock_mono_ms() > start + SERVE_MS)
			return cmd_fail(CMD_FAULT, "upnpd has read it, but "
					"does not serve yet: %s; see its log",
					strerror(-err));
		nap();
	}
}

int reload(const char *path, const struct conf *was, const struct conf *now)
{
	static struct daemon d;
	int status;

	d = (struct daemon){ .pid = find(was->pid_file) };
	if (!d.pid)
		return CMD_OK;
	if (statusfile_path(was->pid_file, d.statusfile_path) || look(&d))
		return cmd_fail(CMD_FAULT, "written, but upnpd (process %d) "
				"does not say how it does; have it read the "
				"file: kill -HUP %d", (int)d.pid, (int)d.pid);
	if (!same_file(&d, path))
		return CMD_OK;
	if (kill(d.pid, SIGHUP))
		return cmd_fail(CMD_FAULT, "written, but upnpd can not be "
				"told: %s", strerror(errno));
	status = wait_read(&d);
	if (status || !now->enabled)
		return status;
	return wait_serving(&d, now->control_socket);
}
