/* SPDX-License-Identifier: ISC */
/*
 * ssdpanswer.h - the answers to searches (UDA 1.1 section 1.3).
 *
 * Each answer is sent by a socket of its own, so it does not wait for a host
 * whose hardware address is unknown. Such a host gets no more than the first
 * datagram: the others follow when that one has left the kernel.
 *
 * Runs in: engine
 */
#ifndef SSDP_SSDPANSWER_H
#define SSDP_SSDPANSWER_H

#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/bucket.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/str.h"
#include "ssdp/ssdpmsg.h"
#include "sys/ifsock.h"

struct ssdpanswer;

/* A search that has not been answered completely. */
struct ssdpanswer_search {
	struct ssdpanswer *all;
	const struct ifsock *from;	/* NULL: this place is free */
	struct addr client, share;	/* @share: addr_share() of @client */
	uint16_t port;
	int fd;			/* of ifsock_sender(); -1: nothing was sent */
	bool left;		/* the first datagram has left the kernel */
	bool waits;		/* for that, or for another search of the
				 * client */
	uint64_t at_ms;		/* of its arrival, then of its first datagram */
	size_t next;		/* target */
	struct ssdp_search search;
	struct loop_timer timer;
};

struct ssdpanswer {
	struct loop *loop;
	const struct ssdp_config *config;
	uint16_t http_port;	/* for LOCATION; set by the owner */
	struct buckets rate;	/* of datagrams, for each share */
	struct ssdpanswer_search search[SSDP_PENDING_MAX];
};

/** ssdpanswer_init - initialize @a, memory of the caller that is all zero and
 * must not move. @config is borrowed. */
void ssdpanswer_init(struct ssdpanswer *a, struct loop *,
		     const struct ssdp_config *config);

/**
 * ssdpanswer_handle - answer a datagram if it is a search for one of the
 * targets, after a short random delay.
 * @from: an open socket of the set; answers have its address. Before it is
 * closed, call ssdpanswer_forget().
 *
 * A search is dropped if its source is above its rate, or has half of all
 * places. All addresses of an IPv6 host are one source (base/addrshare.h). If no place is free, the search that has waited longest for an
 * unknown hardware address gives up its place.
 */
void ssdpanswer_handle(struct ssdpanswer *, struct str datagram,
		       const struct ifsock *from, struct addr client,
		       uint16_t port);

/** ssdpanswer_forget - drop all searches that @from would answer. */
void ssdpanswer_forget(struct ssdpanswer *, const struct ifsock *from);

#endif
