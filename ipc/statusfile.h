/* SPDX-License-Identifier: ISC */
/*
 * statusfile.h - the monitor's state, in a file beside the pid file.
 *
 * upnpctl cannot send the monitor a request, because the monitor reads only
 * from processes of the daemon. So the monitor writes the facts that only it
 * knows, and the state while there is no engine, and replaces the file at every
 * change. The file has lines "key = value"; a reader skips unknown keys.
 * Runs in: any
 */
#ifndef IPC_STATUSFILE_H
#define IPC_STATUSFILE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#define STATUS_TEXT_MAX 512	/* bytes of one value, with the NUL */

enum status_state {
	STATUS_SERVING = 1, /* an engine runs, or is about to */
	STATUS_DISABLED,    /* enabled = no: there is none */
	STATUS_ENDED,	    /* the daemon gave up: fault has the reason */
	STATUS_WAITING,	    /* enabled, but an interface is missing in the
			     * configuration: there is no engine */
};

struct statusfile {
	pid_t pid;
	uint32_t state;			/* enum status_state */
	uint64_t since_s;		/* wall clock of its start */
	uint64_t since_mono_s;		/* the same on CLOCK_BOOTTIME */
	uint32_t reloads;		/* tried since the start */
	char reload_fault[STATUS_TEXT_MAX];	/* of the last one; "": it
						 * succeeded */
	char fault[STATUS_TEXT_MAX];	/* why it ended */
	uint32_t engine_deaths;
	char backend[32];		/* "": none is chosen yet */
	char backend_why[STATUS_TEXT_MAX];
	char firewall_fault[STATUS_TEXT_MAX];	/* "": our rules are in force */
	uint32_t repairs;
	uint64_t repaired_s;		/* wall clock of the last, 0 never */
	char file[PATH_MAX];		/* the configuration it reads */
};

/** statusfile_beside - make the path of a file beside the pid file: with
 * @ending in place of ".pid", or appended. Return: 0 or -ENAMETOOLONG */
int statusfile_beside(const char *pid_file, const char *ending,
		  char ret[PATH_MAX]);

/** statusfile_path - the path of the status file of the daemon with that pid
 * file: ".status". Return: 0 or -ENAMETOOLONG */
int statusfile_path(const char *pid_file, char ret[PATH_MAX]);

/** statusfile_write - replace the file as a whole. Bytes that are not printable
 * become '?'. Return: 0 or -errno */
int statusfile_write(const char *path, const struct statusfile *);

/** statusfile_read - read it. Return: 0, -ENOENT, -EBADMSG (not such a file),
 * other -errno */
int statusfile_read(const char *path, struct statusfile *ret);

#endif
