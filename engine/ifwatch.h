/* SPDX-License-Identifier: ISC */
/*
 * ifwatch.h - the engine's eye on the interfaces: what they are now, and all
 * that has to change with them.
 */
#ifndef ENGINE_IFWATCH_H
#define ENGINE_IFWATCH_H

#include "base/loop.h"
#include "conf/conf.h"
#include "igd/igd.h"
#include "engine/brokerclient.h"
#include "conf/ifstate.h"
#include "engine/urlroutes.h"
#include "ssdp.h"

struct ifwatch {
	/* by the owner before ifwatch_open(); all borrowed for good */
	const struct conf *conf;
	struct loop *loop;
	struct igd *igd;	/* its wan, and its map's policy and ext_ip, are
				 * kept current */
	struct brokerclient *brokerclient; /* open before ifwatch_refresh() */
	struct urlroutes *urlroutes;
	struct ssdp *ssdp;

	struct loop_fd netlink;	/* private, down to told */
	struct loop_timer settle;
	bool settling;		/* it is to look at what changed */
	bool looked;
	bool told;		/* the monitor: that we serve */

	struct ifstate ifstate;	/* as it was looked at last; to be read */
};

/** ifwatch_open - hear of changes from now on. @f: the caller's; zeroed but for
 * what the owner sets. Return: 0 or -errno */
int ifwatch_open(struct ifwatch *f);

/**
 * ifwatch_refresh - take the interfaces as they are, without waiting for the
 * kernel to tell.
 *
 * What changed goes to the gateway; mappings that are forbidden now are dropped
 * and refused to their requesters; the monitor gets the whole table; HTTP and
 * SSDP move to the addresses that are there; subscribers may hear of it. The
 * first time all of that is done, and the monitor is told once we serve. What
 * could not be had is logged and tried again.
 */
void ifwatch_refresh(struct ifwatch *);

#endif
