/* SPDX-License-Identifier: ISC */
/*
 * statusfile.h - what the monitor says of itself, in a file beside the pid
 * file.
 *
 * The monitor reads nothing from anybody, so that upnpctl can not ask it: it
 * writes down what only it knows (and what there is to say while there is no
 * engine), whole, whenever that changes. "key = value" lines; a reader passes
 * over keys it does not know.
 */
#ifndef IPC_STATUSFILE_H
#define IPC_STATUSFILE_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#define STATUS_TEXT_MAX 512	/* bytes of one value, with the NUL */

enum status_state {
	STATUS_SERVING = 1, /* there is an engine, or about to be one again */
	STATUS_DISABLED,    /* enabled = no: there is none */
	STATUS_ENDED,	    /* the daemon gave up: fault says why */
};

struct statusfile {
	pid_t pid;
	uint32_t state;			/* enum status_state */
	uint64_t since_s;		/* wall clock of its start */
	uint64_t since_mono_s;		/* the same on CLOCK_BOOTTIME */
	uint32_t reloads;		/* tried since the start */
	char reload_fault[STATUS_TEXT_MAX];	/* of the last one; "": it
						 * went well */
	char fault[STATUS_TEXT_MAX];	/* why it ended */
	uint32_t engine_deaths;
	char backend[32];		/* "": none was chosen yet */
	char backend_why[STATUS_TEXT_MAX];
	char firewall_fault[STATUS_TEXT_MAX];	/* "": our rules stand */
	uint32_t repairs;
	uint64_t repaired_s;		/* wall clock of the last, 0 never */
	char file[PATH_MAX];		/* the configuration it reads */
};

/** statusfile_beside - what stands beside the pid file: its name with @ending
 * for
 * ".pid", or with @ending behind. -ENAMETOOLONG */
int statusfile_beside(const char *pid_file, const char *ending,
		  char ret[PATH_MAX]);

/** statusfile_path - where the status of the daemon with that pid file is:
 * ".status". -ENAMETOOLONG */
int statusfile_path(const char *pid_file, char ret[PATH_MAX]);

/** statusfile_write - replace the file as a whole. Bytes that are not printable
 * become '?'. 0 or -errno */
int statusfile_write(const char *path, const struct statusfile *);

/** statusfile_read - 0, -ENOENT, -EBADMSG (not such a file), other -errno */
int statusfile_read(const char *path, struct statusfile *ret);

#endif
