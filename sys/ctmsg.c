/* SPDX-License-Identifier: ISC */
/* ctmsg.c - the attributes of messages about tracked flows. Pure.
 * Runs in: monitor */
#include "sys/ctmsg.h"

#include <arpa/inet.h>
#include <string.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* ---- reading ------------------------------------------------------------- */

const struct rtattr *ctmsg_find(struct nl_span s, unsigned type)
{
	const struct rtattr *a;

	do {
		a = netlink_next_attr(&s);
	} while (a && (a->rta_type & NLA_TYPE_MASK) != type);
	return a;
}

struct nl_span ctmsg_nest(struct nl_span s, unsigned type)
{
	const struct rtattr *a = ctmsg_find(s, type);

	if (!a)
		return (struct nl_span){ NULL, 0 };
	return (struct nl_span){ (const char *)a + RTA_LENGTH(0),
				 RTA_PAYLOAD(a) };
}

bool ctmsg_value(struct nl_span s, unsigned type, void *ret, size_t size)
{
	struct nl_span v = ctmsg_nest(s, type);

	if (!v.p || v.n < size)
		return false;
	memcpy(ret, v.p, size);
	return true;
}

/* ---- writing ------------------------------------------------------------- */

struct ctmsg_attr ctmsg_of(uint16_t type, const void *value, size_t n)
{
	struct ctmsg_attr a = { { (uint16_t)(NLA_HDRLEN + n), type }, { 0 } };

	memcpy(a.value, value, n);
	return a;
}

struct ctmsg_attr ctmsg_be32(uint16_t type, uint32_t v)
{
	v = htonl(v);
	return ctmsg_of(type, &v, sizeof(v));
}

struct ctmsg_half ctmsg_half_of(uint16_t type, uint32_t src, uint32_t dst,
				  uint8_t proto, uint16_t port_type,
				  uint16_t port)
{
	const uint16_t nest = NLA_F_NESTED;
	const uint16_t len = NLA_HDRLEN + 2 * sizeof(struct ctmsg_attr);

	port = htons(port);
	return (struct ctmsg_half){
		.tuple = { sizeof(struct ctmsg_half), type | nest },
		.ip = { len, CTA_TUPLE_IP | nest },
		.src = ctmsg_be32(CTA_IP_V4_SRC, src),
		.dst = ctmsg_be32(CTA_IP_V4_DST, dst),
		.about = { len, CTA_TUPLE_PROTO | nest },
		.proto = ctmsg_of(CTA_PROTO_NUM, &proto, sizeof(proto)),
		.port = ctmsg_of(port_type, &port, sizeof(port)),
	};
}

struct ctmsg_tuple ctmsg_tuple_of(uint16_t type, uint32_t src, uint32_t dst,
				    uint8_t proto, uint16_t src_port,
				    uint16_t dst_port)
{
	struct ctmsg_tuple t = {
		.half = ctmsg_half_of(type, src, dst, proto,
				       CTA_PROTO_SRC_PORT, src_port),
	};

	dst_port = htons(dst_port);
	t.dst_port = ctmsg_of(CTA_PROTO_DST_PORT, &dst_port, sizeof(dst_port));
	t.half.tuple.nla_len += sizeof(t.dst_port);
	t.half.about.nla_len += sizeof(t.dst_port);
	return t;
}
