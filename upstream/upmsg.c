/* SPDX-License-Identifier: ISC */
/*
 * upmsg.c - the messages of a client of NAT-PMP and PCP.
 *
 * Owns: nothing.
 * Runs in: engine
 */
#include <netinet/in.h>
#include <string.h>
#include "upstream/upmsg.h"

enum { PCP_VERSION = 2, PCP_ANNOUNCE = 0, PCP_MAP = 1 };
enum { NATPMP_ADDRESS = 0, NATPMP_UDP = 1, NATPMP_TCP = 2 };

#define RESPONSE	0x80
#define PCP_HEAD	24
#define PCP_MAP_LEN	60
#define PCP_MSG_MAX	1100	/* RFC 6887 7 */

/* Both protocols have 1 for the version; they differ for the opcode. */
#define UNSUPP_VERSION		1
#define PCP_UNSUPP_OPCODE	4
#define NATPMP_UNSUPP_OPCODE	5

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* An IPv4 address in IPv6's form (RFC 6887 5). ADDR_NONE is ::ffff:0.0.0.0. */
static void put_addr(uint8_t *p, struct addr a)
{
	memset(p, 0, 10);
	memset(p + 10, 0xff, 2);
	put32(p + 12, addr_to_ip4(a));
}

static struct addr host_or_none(uint32_t ip)
{
	struct addr a = addr_ip4(ip);

	return addr_is_host(a) ? a : (struct addr){ .family = ADDR_NONE };
}

static struct addr get_addr(const uint8_t *p)
{
	static const uint8_t lead[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(p, lead, sizeof(lead)) != 0)
		return (struct addr){ .family = ADDR_NONE };
	return host_or_none(get32(p + 12));
}

/* ---- PCP ----------------------------------------------------------------- */

static void pcp_head(uint8_t *buf, uint8_t opcode, uint32_t lease_s,
		     struct addr client)
{
	memset(buf, 0, UPMSG_MAX);
	buf[0] = PCP_VERSION;
	buf[1] = opcode;
	put32(buf + 4, lease_s);
	put_addr(buf + 8, client);
}

size_t upmsg_pcp_alive(struct addr client, uint8_t *buf)
{
	pcp_head(buf, PCP_ANNOUNCE, 0, client);
	return PCP_HEAD;
}

size_t upmsg_pcp_map(const struct upmsg_ask *a, uint8_t *buf)
{
	const struct addr none = { .family = ADDR_NONE };

	pcp_head(buf, PCP_MAP, a->lease_s, a->client);
	memcpy(buf + 24, a->nonce.byte, sizeof(a->nonce.byte));
	buf[36] = a->proto;
	put16(buf + 40, a->port);
	put16(buf + 42, a->lease_s ? a->ext_port : 0);
	put_addr(buf + 44, a->lease_s ? a->ext : none);
	return PCP_MAP_LEN;
}

static bool is_port_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* The fields of MAP's answer, which an error has as well. */
static bool pcp_map_read(const uint8_t *p, size_t n,
			 const struct upmsg_nonce *nonce,
			 struct upmsg_reply *r)
{
	if (n < PCP_MAP_LEN ||
	    memcmp(p + 24, nonce->byte, sizeof(nonce->byte)) != 0)
		return false;
	r->proto = p[36];
	r->port = get16(p + 40);
	if (!is_port_proto(r->proto) || !r->port)
		return false;
	if (r->result)
		return true;
	r->ext_port = get16(p + 42);
	r->ext = get_addr(p + 44);
	/* a deletion's answer may have no external port */
	return r->ext_port || !r->lease_s;
}

bool upmsg_pcp_read(struct str d, const struct upmsg_nonce *nonce,
		    struct upmsg_reply *ret)
{
	const uint8_t *p = (const uint8_t *)d.p;
	struct upmsg_reply r = { 0 };

	if (d.n < PCP_HEAD || d.n > PCP_MSG_MAX || d.n % 4 ||
	    p[0] != PCP_VERSION || !(p[1] & RESPONSE))
		return false;
	r.result = p[3];
	r.unsupported = r.result == UNSUPP_VERSION ||
			r.result == PCP_UNSUPP_OPCODE;
	r.lease_s = get32(p + 4);
	r.epoch_s = get32(p + 8);
	switch (p[1] & ~RESPONSE) {
	case PCP_ANNOUNCE:
		r.kind = UPMSG_ALIVE;
		break;
	case PCP_MAP:
		r.kind = UPMSG_MAP;
		if (!pcp_map_read(p, d.n, nonce, &r))
			return false;
		break;
	default:
		return false;
	}
	*ret = r;
	return true;
}

/* ---- NAT-PMP ------------------------------------------------------------- */

size_t upmsg_natpmp_alive(uint8_t *buf)
{
	memset(buf, 0, UPMSG_MAX);
	return 2;
}

size_t upmsg_natpmp_map(const struct upmsg_ask *a, uint8_t *buf)
{
	memset(buf, 0, UPMSG_MAX);
	buf[1] = a->proto == IPPROTO_UDP ? NATPMP_UDP : NATPMP_TCP;
	put16(buf + 4, a->port);
	put16(buf + 6, a->lease_s ? a->ext_port : 0);
	put32(buf + 8, a->lease_s);
	return 12;
}

static bool natpmp_map_read(const uint8_t *p, size_t n, struct upmsg_reply *r)
{
	if (n < 16)
		return false;
	r->kind = UPMSG_MAP;
	r->port = get16(p + 8);
	r->lease_s = get32(p + 12);
	if (!r->port)
		return false;
	if (r->result)
		return true;
	r->ext_port = get16(p + 10);
	return r->ext_port || !r->lease_s;
}

bool upmsg_natpmp_read(struct str d, struct upmsg_reply *ret)
{
	const uint8_t *p = (const uint8_t *)d.p;
	struct upmsg_reply r = { 0 };
	uint16_t result;

	if (d.n < 8 || d.n > PCP_MSG_MAX || p[0] || !(p[1] & RESPONSE))
		return false;
	result = get16(p + 2);
	r.result = result > 0xff ? 0xff : (uint8_t)result;
	r.unsupported = r.result == UNSUPP_VERSION ||
			r.result == NATPMP_UNSUPP_OPCODE;
	r.epoch_s = get32(p + 4);
	switch (p[1] & ~RESPONSE) {
	case NATPMP_ADDRESS:
		if (!r.result && d.n < 12)
			return false;
		r.kind = UPMSG_ALIVE;
		if (!r.result)
			r.ext = host_or_none(get32(p + 8));
		break;
	case NATPMP_UDP:
		r.proto = IPPROTO_UDP;
		if (!natpmp_map_read(p, d.n, &r))
			return false;
		break;
	case NATPMP_TCP:
		r.proto = IPPROTO_TCP;
		if (!natpmp_map_read(p, d.n, &r))
			return false;
		break;
	default:
		return false;
	}
	*ret = r;
	return true;
}

/* ---- the epoch ----------------------------------------------------------- */

bool upmsg_epoch(struct upmsg_epoch *e, uint32_t epoch_s, uint64_t now_ms)
{
	const struct upmsg_epoch before = *e;
	uint64_t client_s, least_s;

	*e = (struct upmsg_epoch){ now_ms, epoch_s, true };
	if (!before.known)
		return false;
	/* two answers may arrive in the wrong order (RFC 6887 8.5) */
	if ((uint64_t)epoch_s + 1 < before.s)
		return true;
	client_s = (now_ms - before.at_ms) / 1000;
	/* a clock that is slower by an eighth, and 2 s (RFC 6886 3.6) */
	least_s = before.s + client_s * 7 / 8;
	return (uint64_t)epoch_s + 2 < least_s;
}
