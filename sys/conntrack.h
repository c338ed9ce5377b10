/* SPDX-License-Identifier: ISC */
/*
 * conntrack.h - ends the flows that came in through a port that is closed now.
 *
 * Deleting a NAT rule stops only new flows: tracked flows are still
 * translated, and most firewalls accept established flows.
 * Runs in: monitor
 */
#ifndef SYS_CONNTRACK_H
#define SYS_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "sys/netlink.h"

/* A port that led to a host of the LAN: a mapping, or a pinhole. Addresses of
 * IPv4, and ports, in host order. */
struct conntrack_port {
	uint32_t ext_ip;
	uint32_t remote;	/* the permitted remote host; 0: any */
	uint32_t client;
	uint16_t ext_port;
	uint16_t int_port;
	uint16_t remote_port;	/* of the remote host; 0: any */
	uint8_t proto;		/* IPPROTO_* */
	/* A pinhole has these instead of the addresses above. Its port, 0 for
	 * any, is int_port. */
	struct addr client6;	/* ADDR_NONE: it is a mapping */
	struct addr remote6;	/* or ADDR_ANY */
};

/* The parts of a tracked flow that matter here. Host order. */
struct conntrack_flow {
	uint32_t src, dst;	/* of its first packet, before translation */
	uint16_t src_port, dst_port;
	uint32_t reply_src, reply_dst;		/* of the answers */
	uint16_t reply_port, reply_dst_port;	/* their source port, and the
						 * other one */
	uint8_t proto;
	/* of IPv6 instead of the addresses above; else ADDR_NONE */
	struct addr src6, dst6;
};

/**
 * conntrack_read - read an entry of the kernel's table.
 * @ret: set only on success
 *
 * Pure. Return: false if it is not the entry of a flow with ports
 * Source: linux/netfilter/nfnetlink_conntrack.h
 */
bool conntrack_read(const struct nlmsghdr *, struct conntrack_flow *ret);

/** conntrack_sort - sort ports for conntrack_find(), without allocation. Pure.
 */
void conntrack_sort(struct conntrack_port *, size_t n);

/**
 * conntrack_find - did this flow come in through one of these ports? Pure.
 * @port: sorted
 *
 * A flow that the client began is not one of them, even if its source port was
 * translated to the external port, because a client may do that without a
 * mapping as well.
 */
bool conntrack_find(const struct conntrack_port *port, size_t n,
		    const struct conntrack_flow *);

/**
 * conntrack_ask - find the external port of a flow between a client and a host
 * outside, whoever began it.
 * @p: ext_ip, remote, client, int_port, proto and remote_port identify the
 *     flow; its ext_port does not matter
 * @ret: set only on success
 *
 * One request, in which the kernel looks up the flow by its tuple, in constant
 * time: flows in another zone than 0 are not found. Does not wait.
 * Return: 0, -ENOENT there is no such flow, or it does not use ext_ip, other
 * -errno
 */
int conntrack_ask(const struct conntrack_port *p, uint16_t *ret);

/* A walk over the kernel's table that is under way. Zeroed: there is none. */
struct conntrack_walk {
	bool open;
	bool then_ip6;	/* the flows of IPv6 come after those of IPv4 */
	int fd;		/* the dump's socket: the kernel keeps its place */
	int err;	/* the first request that failed, or 0 */
};

/**
 * conntrack_kill - delete all flows through these ports from the kernel's
 * table, or continue to.
 * @w: zeroed before the first call
 * @port: sorted by the first call of a walk; in the next ones the same, or some
 *        of them, in this order
 * @n: 0: begins nothing, and ends the walk that is under way
 * @max_us: stop after this much CPU time
 *
 * However many ports there are, it takes one walk over the table for each
 * family; that for mappings dumps only translated flows. For a few ports and a small table the kernel searches
 * itself if it can (since 6.12), because it skips empty slots faster. Measured
 * on x86-64 with 262144 slots: 10 ms a walk, 0.2 ms a port that the kernel
 * searches, either of them 0.2 us more for a flow that is not translated, 2.3
 * us for one that is ended.
 *
 * The next packet of a deleted flow begins a new flow, which finds no rule. One
 * case is not covered: a client that still sends, with the same port inside and
 * outside, begins a flow of its own.
 *
 * Does not wait. Takes longer than @max_us by one part of the dump, in which
 * the kernel skips all flows that are not translated.
 * Return: 1 more is left: call it again; 0 done; -EPROTONOSUPPORT or
 * -EOPNOTSUPP the kernel has no conntrack, -EPERM, other -errno: the walk has
 * ended, some flows may be deleted
 */
int conntrack_kill(struct conntrack_walk *w, struct conntrack_port *port,
		   size_t n, uint64_t max_us);

#endif
