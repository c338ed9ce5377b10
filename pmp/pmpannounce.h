/* SPDX-License-Identifier: ISC */
/*
 * pmpannounce.h - announcements: the external address and the epoch of NAT-PMP
 * (RFC 6886 3.2.1), and PCP's ANNOUNCE (RFC 6887 14.1).
 *
 * Each address announces on its own: clients accept an announcement only from
 * the address that is their gateway's, which may be a virtual one (VRRP).
 *
 * Runs in: engine
 */
#ifndef PMP_PMPANNOUNCE_H
#define PMP_PMPANNOUNCE_H

#include "base/limits.h"
#include "base/loop.h"
#include "pmp/pmp.h"
#include "sys/ifsock.h"

struct pmpannounce;

/* The announcements of one address; its socket has the same index in the set.
 */
struct pmpannounce_link {
	struct pmpannounce *all;
	const struct ifsock *sock;	/* NULL: none now */
	unsigned sent;
	struct loop_timer timer;
};

struct pmpannounce {
	struct loop *loop;
	const struct pmp_config *config;
	struct pmpannounce_link link[IFSOCKS_MAX];
};

/** pmpannounce_init - initialize @a, memory of the caller that is all zero and
 * must not move. @config is borrowed. */
void pmpannounce_init(struct pmpannounce *a, struct loop *,
		      const struct pmp_config *config);

/** pmpannounce_begin - announce from @sock, an open socket, PMP_ANNOUNCE_N
 * times; the first time in the next round of the loop. If it announces already,
 * it begins again. */
void pmpannounce_begin(struct pmpannounce *, const struct ifsock *sock);

/** pmpannounce_again - pmpannounce_begin() for every socket that has begun
 * before. */
void pmpannounce_again(struct pmpannounce *);

/** pmpannounce_end - stop, because @sock is about to be closed. */
void pmpannounce_end(struct pmpannounce *, const struct ifsock *sock);

#endif
