/* SPDX-License-Identifier: ISC */
/*
 * uplink.h - asks a NAT in front of the router, the upstream, to forward each
 * mapped port to us (ask-upstream). It has the sockets of upstream.h, and
 * passes the answers to the mappings.
 *
 * The gateway of the external interface is the only host that is asked. The
 * sockets are bound to that interface and to our address on it.
 * Runs in: engine
 */
#ifndef ENGINE_UPLINK_H
#define ENGINE_UPLINK_H

#include "base/loop.h"
#include "conf/conf.h"
#include "conf/ifstate.h"
#include "ipc/ctlmsg.h"
#include "map/map.h"
#include "upstream/upstream.h"

struct uplink {
	/* set by the owner before uplink_open(); all borrowed */
	struct loop *loop;
	const struct conf *conf;
	struct map *map;
	int dir_fd;		/* the state directory */
	void (*changed)(void *arg);	/* from the loop: uplink_ext() may have
					 * changed */
	void *arg;

	/* private from here on */
	struct upstream up;
	struct addr client, gateway;	/* of the sockets */
	struct loop_fd pmp, ssdp, tcp;	/* fd -1: not open */
	char ifname[IF_NAMESIZE];
	struct loop_timer tick, tcp_timer;
	bool changed_due;
	bool sent;		/* tcp: the whole request */
	char *buf;		/* tcp: the request, then the answer */
	size_t n, off;		/* bytes in it; of the request: sent */
	uint8_t logged;		/* enum upstream_state, of the log */
	uint64_t log_ms;	/* until then, refusals are not logged */
};

/** uplink_open - allocate what ask-upstream needs. @u: the caller's memory,
 * zeroed but for what the owner sets. Return: 0 or -ENOMEM */
int uplink_open(struct uplink *u);

/** uplink_follow - the external interface may have changed: find its gateway,
 * and ask it if ask-upstream says so. */
void uplink_follow(struct uplink *, const struct ifstate_ext *);

/** uplink_ext - the external address that clients are told. @ours: without an
 * upstream (ifstate_reported()); ADDR_NONE stays */
struct addr uplink_ext(const struct uplink *, struct addr ours);

/** uplink_answers - is there an upstream that answers? */
bool uplink_answers(const struct uplink *);

/** uplink_searches - is it being searched for? It takes 2 seconds. */
bool uplink_searches(const struct uplink *);

/** uplink_ask - a client waits for that mapping. As map_ops.upstream */
enum map_upstream uplink_ask(struct uplink *, const struct pm_entry *,
			     uint16_t *ret_port);

/** uplink_refresh - mappings with that kind, protocol and external port have
 * changed: ask for the port, or give it up. */
void uplink_refresh(struct uplink *, const struct nat_rule *);

/** uplink_status - set the fields of the upstream, and ext_private if it has
 * told its external address. */
void uplink_status(const struct uplink *, struct ctl_status *ret);

#endif
