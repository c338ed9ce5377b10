/* SPDX-License-Identifier: ISC */
/*
 * leaseline.h - the lines of the lease file, version 2: fields with names.
 *
 * Pure: text in and out, no file. The letter at the beginning of each line is
 * leases.c's.
 * Runs in: engine
 */
#ifndef ENGINE_LEASELINE_H
#define ENGINE_LEASELINE_H

#include "base/str.h"
#include "base/wr.h"
#include "map/portmap.h"

/* The longest line, with its checksum and line feed: our longest one, and as
 * much again for fields and longer values of a later version. */
#define LEASELINE_MAX 2048

/* The first line is LEASELINE_HEAD " " LEASELINE_VERSION " boot=BOOT-ID". */
#define LEASELINE_HEAD		"upnpd-leases"
#define LEASELINE_VERSION	"2"

/* When a lease or a suspension ends. The monotonic clock is valid until the
 * machine restarts, the wall clock after that. All zero: never. */
struct leaseline_end {
	uint64_t mono_ms;	/* on CLOCK_MONOTONIC of that boot */
	uint64_t wall_s;	/* on CLOCK_REALTIME */
	uint32_t left_s;	/* from the moment when the line was written */
};

/* The contents of a line. */
struct leaseline {
	struct pm_req req;	/* lease_s is not set */
	uint16_t told_port;
	bool overruled;
	struct leaseline_end lease, suspended;
	char note[PM_NOTE_MAX + 1];	/* fields that we do not know, "a=b
					 * c=d", NUL-terminated */
	bool cut;		/* some of those did not fit into @note */
};

/**
 * leaseline_put - write the fields of a mapping or pinhole.
 * @lease: when its lease ends
 * @suspended: when its suspension ends; never: it is not suspended, or its
 *             suspension has no end
 *
 * Fields that have their usual value are left out. The mapping's note
 * (portmap_note()), which has the fields of a later version, is written
 * unchanged.
 */
void leaseline_put(struct wr *, const struct portmap *,
		   const struct pm_entry *, const struct leaseline_end *lease,
		   const struct leaseline_end *suspended);

/** leaseline_put_key - write the fields that identify the mapping @rule. */
void leaseline_put_key(struct wr *, const struct nat_rule *rule);

/**
 * leaseline_get - read the fields of a mapping.
 * @fields: without checksum
 * @ret: valid only if true is returned
 *
 * The order of the fields does not matter, but "desc", which may hold spaces,
 * is the last one. A field that this version does not know is added to the note
 * as a whole, if there is room in it.
 *
 * Return: false if a field is missing, occurs twice, or has an invalid value
 */
bool leaseline_get(struct str fields, struct leaseline *ret);

/** leaseline_get_key - read the fields that identify a mapping; others are
 * ignored. Return: as leaseline_get() */
bool leaseline_get_key(struct str fields, struct nat_rule *ret);

/** leaseline_crc - the CRC-32 of @s. */
uint32_t leaseline_crc(struct str s);

/** leaseline_put_crc - end the line that began at @start: a space, its checksum
 * and a line feed. */
void leaseline_put_crc(struct wr *, size_t start);

/** leaseline_cut_crc - remove the space and the checksum from the end of a line
 * without its line feed. Return: false if the checksum is wrong */
bool leaseline_cut_crc(struct str *line);

/** leaseline_get_port - read a port or a unique id, 1 to 65535. */
bool leaseline_get_port(struct str, uint16_t *ret);

/** leaseline_get_proto - read "tcp" or "udp", which version 1 has. */
bool leaseline_get_proto(struct str, uint8_t *ret);

#endif
