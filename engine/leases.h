/* SPDX-License-Identifier: ISC */
/*
 * leases.h - the lease file: mappings survive a crash, a restart, a reboot.
 *
 * It is a journal in the state directory. Each line ends with a checksum; a
 * torn one is ignored. A change appends one line. When the journal is several
 * times as long as the table, it is written anew (temporary file, fsync,
 * rename).
 *
 * The end of a lease is written by two clocks. The monotonic clock is right as
 * long as the machine was not restarted (the first line has the boot id), the
 * wall clock afterwards.
 *
 * The file is "mappings". Version 1 was called "leases", and an upnpd that
 * knows only version 1 overwrites what it cannot read there. So "leases" now
 * holds one line, about which such an upnpd logs that it makes no sense before
 * it goes on with a file of its own. If we find that file again, we read it
 * and replace it by the line.
 * Runs in: engine
 */
#ifndef ENGINE_LEASES_H
#define ENGINE_LEASES_H

#include "map/portmap.h"

struct leases {
	int dir_fd;		/* borrowed */
	int fd;			/* appends to the file */
	size_t line_n;		/* lines in it */
	bool old_done;		/* what an older upnpd left was read */
	bool torn;		/* its last line may have no end */
	bool stale;		/* a change is missing in it */
	int told;		/* the error reported last; 0: it is over */
	uint64_t retry_ms;	/* no rewrite before that */
};

struct leases_clock {
	uint64_t mono_ms;	/* now, CLOCK_MONOTONIC */
	int64_t wall_s;		/* now, CLOCK_REALTIME */
	char boot_id[40];	/* of this boot, NUL-terminated; "": not
				 * known, so every start counts as one after
				 * a reboot */
};

/* What leases_open() met. */
struct leases_met {
	unsigned dropped;	/* lines that were torn, foreign, out of range,
				 * or that the table refused */
	unsigned cut;		/* mappings that have lost fields of a later
				 * version, which were longer than we keep */
	bool aside;		/* the file was of a version that we do not
				 * know: it was renamed to LEASES_ASIDE */
	int old_err;		/* 0, or -errno: the file of an older upnpd
				 * cannot be read, and stays */
};

#define LEASES_ASIDE "mappings.aside"

/**
 * leases_open - read the file into a table, then keep it open for appending.
 * @l:  the caller's memory
 * @dir_fd: the state directory, borrowed until leases_close()
 * @pm: restored into, in the order in which the mappings were made; those
 *      whose lease has ended are left out. Policy is not asked: the owner
 *      looks through the table and drops what a new configuration forbids
 *      (portmap_forget() and leases_del()). Then it sends its sync.
 * @ret_met: set even when NULL is returned
 * @ret_err: set always: 0 or -errno
 *
 * What was read is at once written anew. Where that fails (a full disk), the
 * old file stays and is appended to, and *ret_err says why. Refuses what is
 * not a regular file (O_NOFOLLOW). The file is made with mode 0600. Without a
 * usable file the daemon can go on: every later call on NULL does nothing.
 *
 * A write beyond RLIMIT_FSIZE raises SIGXFSZ: the owner ignores that signal.
 *
 * Return: @l, or NULL
 */
struct leases *leases_open(struct leases *l, int dir_fd, struct portmap *pm,
			   const struct leases_clock *,
			   struct leases_met *ret_met, int *ret_err);

/** leases_close - close the file; NULL is allowed. */
void leases_close(struct leases *);

/* The three below return 0 or -errno. If they fail again for the same reason,
 * they return 0, so that a full disk is one line in the log. The next
 * leases_compact() that works writes what could not be written. */

/** leases_set - record that this mapping of the table was made or changed. */
int leases_set(struct leases *, const struct portmap *, const struct pm_entry *,
	       const struct leases_clock *);

/** leases_del - record that the mapping with that key has ended. */
int leases_del(struct leases *, const struct nat_rule *);

/** leases_compact - write the file anew from the table, if it has more than 64
 * lines and than four times the mappings, or if a change could not be written
 * (then at most once a minute). Call it after changes. */
int leases_compact(struct leases *, const struct portmap *,
		   const struct leases_clock *);

#endif
