/* SPDX-License-Identifier: ISC */
/*
 * epoch.h - the epoch of NAT-PMP and PCP: the seconds since the state of the
 * mappings began (RFC 6886 3.6, RFC 6887 8.5).
 *
 * A client that sees the seconds jump requests its mappings again. So they
 * continue as long as no mapping was lost: over a restart, a crash and a reboot,
 * if the lease file could be read; and they begin anew with another external
 * address. The file "epoch" in the state directory has them, like the end of a
 * lease, with the time of two clocks: the monotonic clock, and the wall clock
 * for the time after a reboot.
 * Runs in: engine
 */
#ifndef ENGINE_EPOCH_H
#define ENGINE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "engine/leases.h"

struct epoch {
	int dir_fd;		/* borrowed */
	uint64_t base_ms;	/* CLOCK_MONOTONIC */
	uint64_t base_s;	/* the epoch's seconds then */
	struct addr ext;	/* the external address; ADDR_NONE: none yet */
};

/**
 * epoch_open - read the file and continue; or begin anew, with 0 seconds.
 * @dir_fd: the state directory, borrowed
 * @whole: the lease file was read, and no mapping was lost
 *
 * It begins anew without a file, with an invalid one, or if the clock is behind
 * that of the file. The file is written at once. Nothing waits for the disk:
 * after a power failure, it begins anew at worst.
 */
void epoch_open(struct epoch *, int dir_fd, bool whole,
		const struct leases_clock *);

/**
 * epoch_address - the external address is @ext now.
 *
 * If another one was known before, the epoch begins anew. Without an address
 * (ADDR_NONE), it continues: the same one may come back. Each new address is
 * written to the file; if that fails, the next start may begin anew.
 *
 * Return: true: the epoch has begun anew
 */
bool epoch_address(struct epoch *, struct addr ext,
		   const struct leases_clock *);

/** epoch_seconds - the seconds now. @mono_ms: CLOCK_MONOTONIC */
uint32_t epoch_seconds(const struct epoch *, uint64_t mono_ms);

#endif
