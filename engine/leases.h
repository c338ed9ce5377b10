/* SPDX-License-Identifier: ISC */
/*
 * leases.h - the lease file: mappings and pinholes survive a crash, a restart, a
 * reboot.
 *
 * It is a journal in the state directory. Each line ends with a checksum; a
 * torn one is ignored. A change appends one line, which the kernel keeps if we
 * crash. When the journal is several times as long as the table, it is
 * rewritten, at most once in LEASES_REWRITE_MS; but at once if it is full
 * (LEASES_LINES), or if a line could not be written. So no change is lost if we
 * crash, unless the disk is full. Only the start waits until the file is on the
 * disk (fsync). Later the kernel decides when to write, and an earlier file is
 * kept as well: leasekeep.h.
 *
 * Clients may renew as often as they like. A renewal that makes the lease at
 * most LEASES_LATE_MS longer than in the file is written LEASES_LATE_MS later,
 * or by leases_save(). After a crash in between, each lease ends so much later.
 *
 * The end of a lease is written as the time of two clocks. The monotonic clock
 * is valid until the machine restarts (the first line has the boot id); after
 * that the wall clock is used.
 *
 * The file is "mappings". Version 1 was called "leases", and an upnpd that
 * knows only version 1 overwrites a file there that it cannot read. So "leases"
 * now holds one line: such an upnpd logs it as invalid, and continues with its
 * own file. If we find such a file, we read it and replace it by the line.
 * Runs in: engine
 */
#ifndef ENGINE_LEASES_H
#define ENGINE_LEASES_H

#include "engine/leasekeep.h"
#include "map/portmap.h"

struct leases {
	int dir_fd;		/* borrowed */
	struct portmap *table[NAT_KINDS];	/* borrowed, by enum nat_kind;
						 * NULL: there is none */
	int fd;			/* appends to the file */
	size_t line_n;		/* lines in it */
	bool old_done;		/* an older upnpd's file was read */
	bool torn;		/* its last line may have no end */
	bool stale;		/* a change is missing in the file */
	bool failed;		/* the last rewrite */
	bool late;		/* renewals are not written yet */
	int told;		/* the last error reported; 0: none since */
	uint64_t late_ms;	/* when to write them */
	uint64_t rewrite_ms;	/* no rewrite before this time, unless a
				 * change would be lost */
	struct leasekeep keep;
};

struct leases_clock {
	uint64_t mono_ms;	/* now, CLOCK_MONOTONIC */
	int64_t wall_s;		/* now, CLOCK_REALTIME */
	char boot_id[40];	/* of this boot, NUL-terminated; "": not
				 * known, so every start counts as one after
				 * a reboot */
};

/* What leases_open() found. */
struct leases_met {
	unsigned dropped;	/* lines that were torn, foreign, out of range,
				 * or that the table refused */
	unsigned cut;		/* mappings that have lost fields of a later
				 * version, which were longer than we keep */
	bool aside;		/* the file was of a version that we do not
				 * know: it was renamed to LEASES_ASIDE */
	bool whole;		/* there was a file, and every mapping in it was
				 * read */
	bool restored;		/* the file was not complete, as after a power
				 * failure: an earlier one was read */
	int old_err;		/* 0, or -errno: the file of an older upnpd
				 * cannot be read, and stays */
};

#define LEASES_ASIDE "mappings.aside"

/**
 * leases_open - read the file into the tables, then keep it open for appending.
 * @l:  the caller's memory
 * @dir_fd: the state directory, borrowed until leases_close()
 * @table: by enum nat_kind, borrowed. The mappings are restored into their
 *         table, in the order in which they were made, except those whose lease
 *         has ended; pinholes with their unique ids. If there is no table for
 *         them, they end. The policy is not checked: the owner removes mappings
 *         that a new configuration forbids (portmap_forget() and leases_del()),
 *         and then sends its sync.
 * @ret_met: set even when NULL is returned
 * @ret_err: always set: 0 or -errno
 *
 * The file is rewritten at once. If that fails (a full disk), the old file
 * stays and is appended to, and *ret_err is the reason. Refuses a file that is
 * not a regular one (O_NOFOLLOW). The file is created with mode 0600. Without a
 * usable file the daemon can continue: every later call on NULL does nothing.
 *
 * A write beyond RLIMIT_FSIZE raises SIGXFSZ: the owner ignores that signal.
 *
 * Return: @l, or NULL
 */
struct leases *leases_open(struct leases *l, int dir_fd,
			   struct portmap *const table[NAT_KINDS],
			   const struct leases_clock *,
			   struct leases_met *ret_met, int *ret_err);

/** leases_close - close the file; NULL is allowed. */
void leases_close(struct leases *);

/* The functions below return 0 or -errno. If they fail again for the same
 * reason, they return 0, so that a full disk causes one line in the log. The
 * next successful rewrite writes the changes that were not written. */

/** leases_set - record that this mapping of a table was made or changed. */
int leases_set(struct leases *, const struct pm_entry *,
	       const struct leases_clock *);

/** leases_del - record that the mapping with that key has ended. */
int leases_del(struct leases *, const struct nat_rule *);

/** leases_tick - write renewals that are due, and rewrite the file if it has
 * more than 64 lines and more than four lines per mapping, if it is full, or if
 * a change could not be written. Call it after each change, and at
 * leases_due_ms(). */
int leases_tick(struct leases *, const struct leases_clock *);

/** leases_due_ms - when to call leases_tick() at the latest (CLOCK_MONOTONIC).
 * 0: at once, UINT64_MAX: never */
uint64_t leases_due_ms(const struct leases *);

/** leases_save - write everything that is not written yet, before the end. */
int leases_save(struct leases *, const struct leases_clock *);

#endif
