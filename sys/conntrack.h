/* SPDX-License-Identifier: ISC */
/*
 * conntrack.h - end the flows that came in through a port that is closed now.
 *
 * A rule that is taken out of a NAT stops new flows only: what is tracked goes
 * on being translated, and most firewalls accept what is established.
 */
#ifndef SYS_CONNTRACK_H
#define SYS_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sys/netlink.h"

/* A port that led to a host of the LAN. Addresses and ports in host order. */
struct conntrack_port {
	uint32_t ext_ip;
	uint32_t remote;	/* who could come in; 0: anybody */
	uint32_t client;
	uint16_t ext_port;
	uint16_t int_port;
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
};

/* A tracked flow, as far as it matters here. Host order. */
struct conntrack_flow {
	uint32_t src, dst;	/* of its first packet, as that came in */
	uint16_t dst_port;
	uint16_t reply_port;	/* where the answers come from */
	uint32_t reply_src;
	uint8_t proto;
};

/**
 * conntrack_read - what an entry of the kernel's table says.
 * @ret: set only on success
 *
 * Pure. Return: false when it is no entry, or not of IPv4 with ports
 * Source: linux/netfilter/nfnetlink_conntrack.h
 */
bool conntrack_read(const struct nlmsghdr *, struct conntrack_flow *ret);

/** conntrack_sort - bring ports into the order that conntrack_find() needs,
 * without allocation. Pure. */
void conntrack_sort(struct conntrack_port *, size_t n);

/**
 * conntrack_find - did this flow come in through one of these ports?
 * @port: sorted
 *
 * A flow that the client began is not among them, even where its source port
 * was translated to the external one: the client may do that without a
 * mapping as well. Pure.
 */
bool conntrack_find(const struct conntrack_port *port, size_t n,
		    const struct conntrack_flow *);

/**
 * conntrack_kill - have the kernel forget all flows through these ports.
 * @port: sorted by this call
 * @n: 0 asks the kernel nothing
 *
 * One walk over the table however many ports there are, of which only the
 * translated flows are brought here. A few ports are left to the kernel where
 * it can do that (since 6.12), which passes over empty slots faster. Measured
 * on x86-64 with 262144 slots: 10 ms a walk, 0.2 ms a port left to the kernel,
 * either of them 0.2 us more for a flow that is not translated, 2.3 us for one
 * that is ended.
 *
 * The next packet of a forgotten flow is the first of a new one, which finds
 * no rule. Out of reach: a client that goes on sending and whose port is the
 * same inside and outside has begun a flow of its own by that.
 *
 * Does not wait, blocks no longer than the walk takes.
 *
 * Return: 0, -EPROTONOSUPPORT or -EOPNOTSUPP a kernel without it, -EPERM,
 * other -errno; some flows may have ended then
 */
int conntrack_kill(struct conntrack_port *port, size_t n);

#endif
