/* SPDX-License-Identifier: ISC */
/*
 * ctmsg.h - the attributes of messages about tracked flows (ctnetlink): find
 * them, and write the tuple of a flow. Pure.
 * Runs in: monitor
 */
#ifndef SYS_CTMSG_H
#define SYS_CTMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sys/netlink.h"

/* ---- reading ------------------------------------------------------------- */

/** ctmsg_find - the first attribute of that type, or NULL. */
const struct rtattr *ctmsg_find(struct nl_span, unsigned type);

/** ctmsg_nest - what the first attribute of that type contains; empty if there
 * is none. */
struct nl_span ctmsg_nest(struct nl_span, unsigned type);

/** ctmsg_value - copy the first @size bytes of that attribute. Return: false,
 * and @ret is unchanged, if there is none or it is shorter */
bool ctmsg_value(struct nl_span, unsigned type, void *ret, size_t size);

/* ---- writing ------------------------------------------------------------- */

/* An attribute of up to four bytes. */
struct ctmsg_attr {
	struct nlattr head;
	char value[4];
};

/** ctmsg_of - make one. @n: at most 4 */
struct ctmsg_attr ctmsg_of(uint16_t type, const void *value, size_t n);

/** ctmsg_be32 - make one with that number. @v: host order */
struct ctmsg_attr ctmsg_be32(uint16_t type, uint32_t v);

/* A tuple of IPv4 with one port only, for a filter. */
struct ctmsg_half {
	struct nlattr tuple, ip;
	struct ctmsg_attr src, dst;
	struct nlattr about;
	struct ctmsg_attr proto, port;
};

/* One with both ports. */
struct ctmsg_tuple {
	struct ctmsg_half half;
	struct ctmsg_attr dst_port;
};

/** ctmsg_half_of - make a tuple with one port. @type: CTA_TUPLE_*; @port_type:
 * CTA_PROTO_SRC_PORT or CTA_PROTO_DST_PORT. Addresses and port in host order */
struct ctmsg_half ctmsg_half_of(uint16_t type, uint32_t src, uint32_t dst,
				  uint8_t proto, uint16_t port_type,
				  uint16_t port);

/** ctmsg_tuple_of - make a tuple with both ports, likewise. */
struct ctmsg_tuple ctmsg_tuple_of(uint16_t type, uint32_t src, uint32_t dst,
				    uint8_t proto, uint16_t src_port,
				    uint16_t dst_port);

#endif
