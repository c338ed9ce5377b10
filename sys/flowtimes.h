/* SPDX-License-Identifier: ISC */
/* flowtimes.h - after how many seconds without packets the kernel forgets a
 * flow. Runs in: any */
#ifndef SYS_FLOWTIMES_H
#define SYS_FLOWTIMES_H

#include <stdint.h>

#define FLOWTIMES_MAX 5		/* protocols */

struct flowtimes {
	uint32_t s[FLOWTIMES_MAX];	/* in an order of flowtimes.c */
};

/**
 * flowtimes_read - read the timeouts of established flows.
 *
 * Call it before chroot(): it reads /proc/sys/net/netfilter. If the kernel does
 * not track flows yet, they are the kernel's defaults.
 */
void flowtimes_read(struct flowtimes *ret);

/** flowtimes_of - the timeout for an IPPROTO_; 0: unknown protocol. */
uint32_t flowtimes_of(const struct flowtimes *, uint8_t proto);

#endif
