/* SPDX-License-Identifier: ISC */
/*
 * leasekeep.h - the files that the lease file has replaced: a power failure
 * leaves at least one whole file.
 *
 * The engine does not wait until a new "mappings" is on the disk. If the power
 * fails before that, the file may be empty, or parts of it may be missing. So
 * an earlier file stays beside it, as "mappings.old".
 *
 * A file is on the disk if it was synced at the start, or LEASES_DISK_MS after
 * it was written. If it is replaced earlier, it becomes "mappings.before", and
 * "mappings.old" later. While one waits there, no other file is kept. Times are
 * of the monotonic clock, in milliseconds.
 *
 * Runs in: engine
 */
#ifndef ENGINE_LEASEKEEP_H
#define ENGINE_LEASEKEEP_H

#include <stdbool.h>
#include <stdint.h>

struct leaseread;

#define LEASES_FILE	"mappings"

struct leasekeep {
	uint64_t disk_ms;	/* when `mappings` is on the disk; 0: it is */
	uint64_t before_ms;	/* when `mappings.before` is */
	bool waiting;		/* `mappings.before` is ours */
};

/**
 * leasekeep_keep - keep `mappings`, which is replaced next.
 * @dir_fd: the state directory
 * @now_ms: CLOCK_MONOTONIC
 *
 * `mappings.old` stays unless a file takes its place that is on the disk. On a
 * file system without hard links nothing is kept.
 */
void leasekeep_keep(struct leasekeep *, int dir_fd, uint64_t now_ms);

/** leasekeep_forget - delete the earlier files: `mappings` is on the disk. */
void leasekeep_forget(struct leasekeep *, int dir_fd);

/**
 * leasekeep_choose - scan `mappings`; if it is not whole, let the newest
 * earlier file that is whole take its place.
 * @rd: has the result of leaseread_scan() for `mappings`
 * Return: true if another file took its place
 */
bool leasekeep_choose(int dir_fd, struct leaseread *rd);

/**
 * leasekeep_open - open a file of the state directory, without following a
 * link.
 * @flags: of open(), O_CLOEXEC is added
 * Return: a descriptor; -EINVAL if it is not a regular file, or other -errno
 */
int leasekeep_open(int dir_fd, const char *name, int flags);

#endif
