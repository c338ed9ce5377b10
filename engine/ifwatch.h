/* SPDX-License-Identifier: ISC */
/*
 * ifwatch.h - the engine follows the interfaces: it reads their state and
 * adapts everything that depends on it. A message of the kernel without a
 * change (the lifetimes of IPv6 addresses are renewed all the time) causes
 * nothing but that read.
 *
 * Runs in: engine
 */
#ifndef ENGINE_IFWATCH_H
#define ENGINE_IFWATCH_H

#include "base/loop.h"
#include "conf/conf.h"
#include "igd/igd.h"
#include "engine/brokerclient.h"
#include "engine/extchoice.h"
#include "conf/ifstate.h"
#include "ipc/engine_kept.h"
#include "engine/services.h"
#include "engine/uplink.h"

struct ifwatch {
	/* set by the owner before ifwatch_open(); all borrowed */
	const struct conf *conf;
	struct loop *loop;
	struct igd *igd;	/* its wan, and its map's policy and ext, are
				 * kept current */
	struct brokerclient *brokerclient; /* open before ifwatch_refresh() */
	struct services *services;	/* open */
	struct engine_kept *kept;	/* how long there is a connection */
	struct uplink *uplink;	/* open; NULL: no upstream is asked */

	struct loop_fd netlink;	/* private, down to port */
	struct loop_timer settle;
	struct loop_timer choose;	/* the active interface may change */
	struct extchoice choice;
	bool settling;		/* a change waits for the timer */
	bool repeat;		/* send the table again, even if the state has
				 * not changed */
	uint8_t repeats;	/* how often, since the last change or complete
				 * sync */
	bool was_read;		/* @ifstate is valid */
	bool serve_due;		/* an address could not be served, or the
				 * configuration may have changed */
	uint64_t opened_ms;
	bool sync_due;		/* until the LAN is served */
	bool synced;		/* the table was sent */
	bool reported;		/* the monitor knows that we are ready */
	struct services_at at;	/* what the monitor knows that we serve by */

	struct ifstate ifstate;	/* as read last; public, read-only */
};

/** ifwatch_open - receive changes from now on. @f: the caller's memory; zeroed
 * but for what the owner sets. Return: 0 or -errno */
int ifwatch_open(struct ifwatch *f);

/**
 * ifwatch_refresh - read the state of the interfaces now, without waiting for a
 * message of the kernel.
 *
 * Updates the gateway's external address and link. After a change, suspends
 * mappings whose network no longer exists, removes those that are now forbidden
 * (they count as refused to their requesters). The protocols then serve the
 * addresses that exist, subscribers may get an event, and the whole table is
 * sent to the monitor. The first call does all of that, and reports to the
 * monitor whether we serve; so does each call that finds a difference. No table
 * is sent before the LAN is served once: a daemon that serves nobody must not
 * replace the rules that an engine before it or an earlier run left. But if its
 * port is not released, or no network appears, within ten seconds, the table is
 * sent. A step that failed is logged and retried.
 */
void ifwatch_refresh(struct ifwatch *);

/**
 * ifwatch_synced - the sync that was sent last was answered.
 * @complete: the kernel has each rule that was in it
 *
 * After an incomplete one, wait a second, read the state again, and send the
 * table again even if the state is the same. If that is incomplete as well, the
 * next wait is twice as long, up to about a minute.
 *
 * A sync is incomplete if the change of the firewall failed, or if the monitor
 * left rules out. The monitor reads the interfaces a little later than we do.
 * If a network disappears and returns in between, we see no change, but the
 * monitor has dropped its rules.
 */
void ifwatch_synced(struct ifwatch *, bool complete);

#endif
