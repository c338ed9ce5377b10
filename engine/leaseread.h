/* SPDX-License-Identifier: ISC */
/*
 * leaseread.h - reads the lines of a lease file into the mapping table.
 * Runs in: engine
 */
#ifndef ENGINE_LEASEREAD_H
#define ENGINE_LEASEREAD_H

#include "engine/leases.h"
#include "engine/leaseline.h"

#define LEASEREAD_BUF	4096	/* bytes read at a time */

struct leaseread_format;

struct leaseread {
	struct portmap *const *table;	/* [NAT_KINDS], as leases_open() */
	const struct leases_clock *clock;
	struct leases_met *met;
	bool foreign;		/* the first line is of another version */
	bool whole;		/* every line of the last rewrite is there */
	bool late;		/* renewals of the last LEASES_LATE_MS may be
				 * missing */
	uint64_t newer_seq[NAT_KINDS];	/* mappings up to this one are newer
					 * than what the lines say about them */
	size_t line_n;

	const struct leaseread_format *format;	/* private from here on */
	bool scanning;		/* leaseread_scan() */
	bool same_boot;		/* the head has this boot's id */
	bool skipping;		/* to the end of a line that is too long */
	bool has_head;		/* a valid one */
	uint16_t last_id;	/* of the head, 0: it has none */
	uint32_t set_n;		/* valid lines with a mapping */
	size_t len;
	char buf[LEASEREAD_BUF];
};

/** leaseread_scan - read the file @fd for @foreign, @whole and @late alone. The
 * table does not change. Return: 0 or -errno */
int leaseread_scan(struct leaseread *, int fd);

/**
 * leaseread_run - read the file @fd, which was scanned, into the table.
 *
 * If it is of another version, @foreign is set. Lines that are not valid are
 * counted in @met.
 *
 * Return: 0 or -errno
 */
int leaseread_run(struct leaseread *, int fd);

/** leaseread_run1 - the same for a file of version 1, which is not scanned. */
int leaseread_run1(struct leaseread *, int fd);

/** leaseread_wall - the wall clock; 0 if it shows a time before 1970. */
uint64_t leaseread_wall(const struct leases_clock *);

#endif
