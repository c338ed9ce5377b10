/* SPDX-License-Identifier: ISC */
/*
 * pmpmsg.c - parse requests of NAT-PMP and PCP, and write the answers.
 *
 * Owns: nothing.
 * Never does: decide whether a request is allowed. It decides what a malformed
 * one is, and which error that is.
 * Invariants: each length is compared before a byte is read; an answer is never
 * built in the buffer of the request.
 *
 * Runs in: engine
 */
#include "pmp/pmpmsg.h"

#include <netinet/in.h>
#include <string.h>

#define RESPONSE	0x80	/* of the second byte */

/* NAT-PMP */
#define NATPMP_MAP_LEN	12	/* of a request to map */
#define NATPMP_HEAD_LEN	8	/* of every answer: up to the epoch */

/* PCP: offsets and lengths (RFC 6887 7.1, 11.1, 12.1, 13) */
#define HEAD_LEN	24
#define MAP_LEN		(HEAD_LEN + 36)
#define PEER_LEN	(MAP_LEN + 20)
#define AT_RESULT	3
#define AT_LIFETIME	4
#define AT_CLIENT	8	/* request: the client's address */
#define AT_EPOCH	8	/* answer */
#define AT_RESERVED	12	/* answer: 12 bytes */
#define AT_NONCE	24
#define AT_PROTO	36
#define AT_INT_PORT	40
#define AT_EXT_PORT	42
#define AT_EXT		44
#define AT_REMOTE_PORT	60
#define AT_REMOTE	64

#define OPTION_HEAD	4
enum { OPTION_THIRD_PARTY = 1, OPTION_PREFER_FAILURE, OPTION_FILTER };
#define OPTIONAL	0x80	/* option codes from here on may be ignored */
#define FILTER_LEN	20
#define MAPPED_BITS	96	/* of ::ffff:0:0/96, before an IPv4 address */

/* ---- bytes ------------------------------------------------------------- */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

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

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* IPv4 addresses are written as ::ffff:a.b.c.d (RFC 6887 5). */
static struct addr get_addr(const uint8_t *p)
{
	if (memcmp(p, mapped, sizeof(mapped)))
		return addr_ip6(p);
	return addr_ip4(get32(p + sizeof(mapped)));
}

static void put_addr(uint8_t *p, struct addr a)
{
	memset(p, 0, 16);
	if (a.family == ADDR_IP6) {
		memcpy(p, a.byte, 16);
		return;
	}
	memcpy(p, mapped, sizeof(mapped));
	if (a.family == ADDR_IP4)
		put32(p + sizeof(mapped), addr_to_ip4(a));
}

static size_t padded(size_t n)
{
	return (n + 3) / 4 * 4;
}

/* ---- options ------------------------------------------------------------ */

/* The next option of a request; its data is the slice. */
struct option {
	uint8_t code;
	const uint8_t *data;
	size_t n;		/* without the padding */
};

/* Split off the next option of the @left bytes at *@p. Return: false: it is
 * longer than what is left */
static bool next_option(const uint8_t **p, size_t *left, struct option *ret)
{
	size_t n;

	if (*left < OPTION_HEAD)
		return false;
	n = get16(*p + 2);
	if (n > *left - OPTION_HEAD || padded(n) > *left - OPTION_HEAD)
		return false;
	*ret = (struct option){ **p, *p + OPTION_HEAD, n };
	*p += OPTION_HEAD + padded(n);
	*left -= OPTION_HEAD + padded(n);
	return true;
}

/* RFC 6887 13.1: a client must not name itself. */
static uint8_t read_third_party(struct pmpmsg *m, const struct option *o)
{
	struct addr a;

	if (o->n != 16 || m->third_party)
		return PCP_MALFORMED_OPTION;
	a = get_addr(o->data);
	if (addr_equal(a, m->client))
		return PCP_MALFORMED_REQUEST;
	if (!addr_is_host(a))
		return PCP_MALFORMED_OPTION;
	m->third_party = true;
	m->client = a;
	return PCP_SUCCESS;
}

/* RFC 6887 12.1 and 13.2, and 11.3 for a deletion. */
static uint8_t read_prefer_failure(struct pmpmsg *m, const struct option *o)
{
	if (m->opcode == PCP_PEER)
		return PCP_MALFORMED_REQUEST;
	if (o->n || m->prefer_failure || !m->lifetime_s || !m->ext_port)
		return PCP_MALFORMED_OPTION;
	m->prefer_failure = true;
	return PCP_SUCCESS;
}

/* The remote hosts of the FILTER options that were read so far. */
struct filters {
	bool any;		/* there was one */
	bool cleared;		/* a prefix length of 0 came first */
	unsigned n;		/* different ones since then; 2: or more */
	bool part;		/* one is a part of a network */
	struct addr remote;
	uint16_t port;
};

static void add_filter(struct filters *f, struct addr remote, uint16_t port)
{
	if (f->n && addr_equal(f->remote, remote) && f->port == port)
		return;
	f->remote = remote;
	f->port = port;
	f->n = f->n ? 2 : 1;
}

/* RFC 6887 13.3. The prefix of an IPv4 address counts from the beginning of
 * ::ffff:0:0/96. A whole family and every port are no filter; a whole family and
 * one port are a filter that no backend has. */
static uint8_t read_filter(const struct pmpmsg *m, const struct option *o,
			   struct filters *f)
{
	unsigned bits, least;
	struct addr remote;
	uint16_t port;
	bool every;

	if (m->opcode != PCP_MAP || o->n != FILTER_LEN || !m->lifetime_s)
		return PCP_MALFORMED_OPTION;
	bits = o->data[1];
	port = get16(o->data + 2);
	remote = get_addr(o->data + 4);
	least = remote.family == ADDR_IP4 ? MAPPED_BITS : 1;
	f->any = true;
	if (!bits) {
		*f = (struct filters){ .any = true, .cleared = true };
		return PCP_SUCCESS;
	}
	if (bits < least || bits > 128 ||
	    (bits == 128 && !addr_is_host(remote)))
		return PCP_MALFORMED_OPTION;
	every = bits == MAPPED_BITS && remote.family == ADDR_IP4;
	if (every)
		remote = addr_ip4(0);
	if (bits < 128 && (port || !every))
		f->part = true;
	add_filter(f, remote, port);
	return PCP_SUCCESS;
}

/* A backend has rules for one remote host: more is refused. The family is known
 * when all options are read. */
static uint8_t take_filters(struct pmpmsg *m, const struct filters *f)
{
	if (!f->any)
		return PCP_SUCCESS;
	m->filter = PMPMSG_CLEAR;
	if (!f->n)
		return PCP_SUCCESS;
	if (f->remote.family != m->client.family)
		return PCP_MALFORMED_OPTION;
	if (f->n > 1 || f->part)
		return PCP_EXCESSIVE_REMOTE_PEERS;
	m->filter = f->cleared ? PMPMSG_SET : PMPMSG_ADD;
	m->remote = addr_is_unspecified(f->remote) ? addr_any() : f->remote;
	m->remote_port = f->port;
	return PCP_SUCCESS;
}

static uint8_t read_option(struct pmpmsg *m, const struct option *o,
			   struct filters *f)
{
	if (o->code >= OPTIONAL)
		return PCP_SUCCESS;
	if (o->code < OPTION_THIRD_PARTY || o->code > OPTION_FILTER)
		return PCP_UNSUPP_OPTION;
	/* known, but without a meaning there (RFC 6887 11.3) */
	if (m->opcode == PCP_ANNOUNCE)
		return PCP_MALFORMED_OPTION;
	if (o->code == OPTION_THIRD_PARTY)
		return read_third_party(m, o);
	if (o->code == OPTION_PREFER_FAILURE)
		return read_prefer_failure(m, o);
	return read_filter(m, o, f);
}

/* The structure of all options is checked first: an error in it comes before
 * the error of an option (RFC 6887 7.3). */
static uint8_t read_options(struct pmpmsg *m, const uint8_t *p, size_t n)
{
	struct filters f = { .any = false };
	const uint8_t *q = p;
	size_t left = n;
	struct option o;
	uint8_t result;

	while (left)
		if (!next_option(&q, &left, &o))
			return PCP_MALFORMED_OPTION;
	while (n) {
		next_option(&p, &n, &o);
		result = read_option(m, &o, &f);
		if (result)
			return result;
	}
	return take_filters(m, &f);
}

/* ---- PCP ---------------------------------------------------------------- */

static size_t body_end(uint8_t opcode)
{
	return opcode == PCP_MAP ? MAP_LEN : opcode == PCP_PEER ? PEER_LEN :
								  HEAD_LEN;
}

/* The addresses 0.0.0.0 and :: mean that the client has no wish. */
static void read_map(struct pmpmsg *m, const uint8_t *p)
{
	memcpy(m->nonce.byte, p + AT_NONCE, sizeof(m->nonce.byte));
	m->proto = p[AT_PROTO];
	m->int_port = get16(p + AT_INT_PORT);
	m->ext_port = get16(p + AT_EXT_PORT);
	m->ext = get_addr(p + AT_EXT);
	if (addr_is_unspecified(m->ext))
		m->ext = (struct addr){ .family = ADDR_NONE };
}

/* RFC 6887 12.1 says what must not be zero, 12.3 that the remote host must be
 * one. */
static uint8_t check_peer(const struct pmpmsg *m)
{
	if (!m->proto || !m->int_port || !m->remote_port)
		return PCP_MALFORMED_REQUEST;
	if (!addr_is_host(m->remote) || m->remote.family != m->client.family)
		return PCP_MALFORMED_REQUEST;
	return PCP_SUCCESS;
}

static uint8_t read_body(struct pmpmsg *m, const uint8_t *p, size_t n)
{
	uint8_t result;

	if (m->opcode != PCP_ANNOUNCE)
		read_map(m, p);
	if (m->opcode == PCP_PEER) {
		m->remote_port = get16(p + AT_REMOTE_PORT);
		m->remote = get_addr(p + AT_REMOTE);
	}
	result = read_options(m, p + body_end(m->opcode),
			      n - body_end(m->opcode));
	if (!result && m->opcode == PCP_PEER)
		result = check_peer(m);
	/* 11.3, 15.1: all protocols of one port do not exist */
	if (!result && m->opcode == PCP_MAP && !m->proto && m->int_port)
		result = PCP_MALFORMED_REQUEST;
	return result;
}

static bool parse_pcp(const uint8_t *p, size_t n, struct pmpmsg *m)
{
	if (n < HEAD_LEN)
		return false;
	m->lifetime_s = get32(p + AT_LIFETIME);
	if (n % 4 || n > PMP_MSG_MAX || n < body_end(m->opcode)) {
		m->result = PCP_MALFORMED_REQUEST;
		return true;
	}
	if (!addr_equal(get_addr(p + AT_CLIENT), m->client))
		m->result = PCP_ADDRESS_MISMATCH;
	else
		m->result = m->opcode > PCP_PEER ? PCP_UNSUPP_OPCODE :
						   read_body(m, p, n);
	return true;
}

/* ---- NAT-PMP ------------------------------------------------------------ */

/* Bytes behind a request are ignored, but no request may be longer than what is
 * kept of it. */
static bool parse_natpmp(const uint8_t *p, size_t n, struct pmpmsg *m)
{
	if (m->opcode > NATPMP_MAP_TCP)
		m->result = NATPMP_UNSUPP_OPCODE;
	if (m->result || m->opcode == NATPMP_ADDRESS)
		return true;
	if (n < NATPMP_MAP_LEN || n > PMP_MSG_MAX)
		return false;
	m->proto = m->opcode == NATPMP_MAP_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	m->int_port = get16(p + 4);
	m->ext_port = get16(p + 6);
	m->lifetime_s = get32(p + 8);
	return true;
}

/* Another version is answered by PCP, if that is spoken: its clients know what
 * to do then, and so do NAT-PMP's (RFC 6887 9 and appendix A). If NAT-PMP alone
 * is spoken, the answer makes a client of PCP fall back (RFC 6886 3.5). */
bool pmpmsg_parse(struct str datagram, const struct pmpmsg_context *c,
		  struct pmpmsg *ret)
{
	const uint8_t *p = (const uint8_t *)datagram.p;
	struct pmpmsg m = { .client = c->source };
	bool answer = c->nat_pmp || c->pcp;

	if (datagram.n < 2 || p[1] & RESPONSE)
		return false;
	m.version = p[0];
	m.opcode = p[1];
	if (c->nat_pmp && m.version == PMP_VERSION_NAT_PMP) {
		answer = parse_natpmp(p, datagram.n, &m);
	} else if (c->pcp && m.version == PMP_VERSION_PCP) {
		answer = parse_pcp(p, datagram.n, &m);
	} else {
		m.version = c->pcp ? PMP_VERSION_PCP : PMP_VERSION_NAT_PMP;
		m.result = PCP_UNSUPP_VERSION;	/* of both protocols */
	}
	if (answer)
		*ret = m;
	return answer;
}

/* ---- answers ------------------------------------------------------------- */

/* RFC 6886 3.5: for another version, the opcode is 0. */
static size_t write_natpmp_error(const struct pmpmsg *m, struct str request,
				 const struct pmpmsg_answer *a, uint8_t *buf)
{
	size_t n = NATPMP_HEAD_LEN;

	memset(buf, 0, NATPMP_HEAD_LEN);
	if (a->result == NATPMP_UNSUPP_OPCODE) {
		n = request.n < PMP_MSG_MAX ? request.n : PMP_MSG_MAX;
		memcpy(buf, request.p, n);
		n = n < NATPMP_HEAD_LEN ? NATPMP_HEAD_LEN : n;
		buf[1] = m->opcode | RESPONSE;
	}
	put16(buf + 2, a->result);
	put32(buf + 4, a->epoch_s);
	return n;
}

static size_t write_natpmp(const struct pmpmsg *m, struct str request,
			   const struct pmpmsg_answer *a, uint8_t *buf)
{
	if (a->result == NATPMP_UNSUPP_VERSION ||
	    a->result == NATPMP_UNSUPP_OPCODE)
		return write_natpmp_error(m, request, a, buf);
	memset(buf, 0, 16);
	buf[0] = PMP_VERSION_NAT_PMP;
	buf[1] = m->opcode | RESPONSE;
	put16(buf + 2, a->result);
	put32(buf + 4, a->epoch_s);
	if (m->opcode == NATPMP_ADDRESS) {
		put32(buf + 8, a->result ? 0 : addr_to_ip4(a->ext));
		return 12;
	}
	put16(buf + 8, m->int_port);
	if (!a->result && m->lifetime_s) {
		put16(buf + 10, a->ext_port);
		put32(buf + 12, a->lifetime_s);
	}
	return 16;
}

static void write_head(const struct pmpmsg *m, const struct pmpmsg_answer *a,
		       uint8_t *buf)
{
	buf[0] = PMP_VERSION_PCP;
	buf[1] = m->opcode | RESPONSE;
	buf[2] = 0;
	buf[AT_RESULT] = a->result;
	put32(buf + AT_LIFETIME, a->lifetime_s);
	put32(buf + AT_EPOCH, a->epoch_s);
}

/* The answer has its reserved bytes where the request has the last 12 of the
 * client's address: they are copied if the request could not be parsed (RFC 6887
 * 7.2). */
static bool is_parsed(uint8_t result)
{
	return result != PCP_UNSUPP_VERSION &&
	       result != PCP_MALFORMED_REQUEST &&
	       result != PCP_UNSUPP_OPCODE && result != PCP_MALFORMED_OPTION;
}

static size_t write_error(const struct pmpmsg *m, struct str request,
			  const struct pmpmsg_answer *a, uint8_t *buf)
{
	size_t n = request.n < PMP_MSG_MAX ? request.n : PMP_MSG_MAX;
	size_t end = padded(n) < HEAD_LEN ? HEAD_LEN : padded(n);

	memcpy(buf, request.p, n);
	memset(buf + n, 0, end - n);
	write_head(m, a, buf);
	if (is_parsed(a->result))
		memset(buf + AT_RESERVED, 0, HEAD_LEN - AT_RESERVED);
	return end;
}

/* Copy the options that were processed: those that we know, in their order.
 * Return: the new length */
static size_t copy_options(struct str request, size_t at, uint8_t *buf,
			   size_t end)
{
	const uint8_t *p = (const uint8_t *)request.p + at, *from = p;
	size_t left = request.n - at;
	struct option o;

	while (next_option(&p, &left, &o)) {
		size_t n = (size_t)(p - from);

		if (o.code < OPTIONAL) {
			memcpy(buf + end, from, n);
			buf[end + 1] = 0;	/* reserved */
			if (o.code == OPTION_FILTER)
				buf[end + OPTION_HEAD] = 0;
			end += n;
		}
		from = p;
	}
	return end;
}

static size_t write_success(const struct pmpmsg *m, struct str request,
			    const struct pmpmsg_answer *a, uint8_t *buf)
{
	size_t end = body_end(m->opcode);

	memset(buf, 0, end);
	write_head(m, a, buf);
	if (m->opcode == PCP_ANNOUNCE)
		return end;
	memcpy(buf + AT_NONCE, request.p + AT_NONCE, end - AT_NONCE);
	memset(buf + AT_PROTO + 1, 0, 3);
	if (m->lifetime_s || m->opcode == PCP_PEER) {
		put16(buf + AT_EXT_PORT, a->ext_port);
		put_addr(buf + AT_EXT, a->ext);
	}
	if (m->opcode == PCP_PEER)
		put16(buf + AT_REMOTE_PORT + 2, 0);
	return copy_options(request, end, buf, end);
}

size_t pmpmsg_write(const struct pmpmsg *m, struct str request,
		    const struct pmpmsg_answer *a, uint8_t *buf)
{
	if (m->version == PMP_VERSION_NAT_PMP)
		return write_natpmp(m, request, a, buf);
	if (a->result)
		return write_error(m, request, a, buf);
	return write_success(m, request, a, buf);
}

/* ---- requests ------------------------------------------------------------ */

static size_t put_option(uint8_t *buf, uint8_t code, size_t n)
{
	memset(buf, 0, OPTION_HEAD + n);
	buf[0] = code;
	put16(buf + 2, (uint16_t)n);
	return OPTION_HEAD + n;
}

static size_t write_filter(const struct pmpmsg *m, uint8_t *buf)
{
	uint8_t *data = buf + OPTION_HEAD;
	size_t n = put_option(buf, OPTION_FILTER, FILTER_LEN);

	if (m->filter != PMPMSG_CLEAR) {
		data[1] = addr_is_set(m->remote) ? 128 : MAPPED_BITS;
		put16(data + 2, m->remote_port);
	}
	put_addr(data + 4, m->remote);
	return n;
}

size_t pmpmsg_write_request(const struct pmpmsg *m, uint8_t *buf)
{
	size_t end = body_end(m->opcode);

	memset(buf, 0, end);
	buf[0] = PMP_VERSION_PCP;
	buf[1] = m->opcode;
	put32(buf + AT_LIFETIME, m->lifetime_s);
	put_addr(buf + AT_CLIENT, m->client);
	memcpy(buf + AT_NONCE, m->nonce.byte, sizeof(m->nonce.byte));
	buf[AT_PROTO] = m->proto;
	put16(buf + AT_INT_PORT, m->int_port);
	put16(buf + AT_EXT_PORT, m->ext_port);
	put_addr(buf + AT_EXT, m->ext);
	if (m->opcode == PCP_PEER) {
		put16(buf + AT_REMOTE_PORT, m->remote_port);
		put_addr(buf + AT_REMOTE, m->remote);
	}
	if (m->third_party) {
		put_option(buf + end, OPTION_THIRD_PARTY, 16);
		put_addr(buf + end + OPTION_HEAD, m->client);
		end += OPTION_HEAD + 16;
	}
	if (m->prefer_failure)
		end += put_option(buf + end, OPTION_PREFER_FAILURE, 0);
	if (m->opcode == PCP_MAP && m->filter != PMPMSG_KEEP)
		end += write_filter(m, buf + end);
	return end;
}
