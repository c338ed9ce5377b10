/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pmpmsg.c - a datagram to the parser of NAT-PMP and PCP, and the answers
 * to it.
 *
 * Input: a byte of flags (which protocols are spoken, the family of the source,
 * whether the header names the source), then the datagram.
 *
 * Holds: what is dropped is short, or a response, or not spoken; every answer is
 * a response that is no longer than the request, or than PCP's header; PCP's
 * are a multiple of 4 and repeat the nonce, the protocol and the internal port;
 * a request that is written from its fields is parsed to the same fields.
 */
#include "pmp/pmpmsg.h"
#include "fuzz.h"

#define HEAD_LEN 24		/* of PCP */

enum { NAT_PMP = 1, PCP = 2, IP6 = 4, NAMES_SOURCE = 8 };

static const uint8_t source6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x88,
				     [15] = 0x10 };

static struct pmpmsg_context context(uint8_t flags)
{
	return (struct pmpmsg_context){
		.nat_pmp = flags & NAT_PMP, .pcp = flags & PCP,
		.source = flags & IP6 ? addr_ip6(source6) :
					addr_ip4(0xc0a8580a),
	};
}

/* The request with the address of the source in PCP's header. */
static struct str with_source(struct str in, const struct pmpmsg_context *c)
{
	static uint8_t buf[2 * PMP_DATAGRAM_MAX];
	size_t n = in.n < sizeof(buf) ? in.n : sizeof(buf);

	if (n)
		memcpy(buf, in.p, n);
	if (n < HEAD_LEN)
		return (struct str){ (const char *)buf, n };
	if (c->source.family == ADDR_IP6) {
		memcpy(buf + 8, c->source.byte, 16);
	} else {
		memset(buf + 8, 0, 10);
		memset(buf + 18, 0xff, 2);
		memcpy(buf + 20, c->source.byte, 4);
	}
	return (struct str){ (const char *)buf, n };
}

static bool may_drop(struct str in, const struct pmpmsg_context *c)
{
	return in.n < 2 || (uint8_t)in.p[1] & 0x80 ||
	       (!c->nat_pmp && !c->pcp) || (in.p[0] == 2 && in.n < HEAD_LEN) ||
	       (in.p[0] == 0 && in.n < 12);
}

static void check_fields(const struct pmpmsg *m)
{
	CHECK(m->version == PMP_VERSION_NAT_PMP ||
	      m->version == PMP_VERSION_PCP);
	CHECK(m->opcode < 0x80);
	if (m->result || m->version == PMP_VERSION_NAT_PMP)
		return;
	CHECK(m->opcode <= PCP_PEER);
	if (m->opcode == PCP_ANNOUNCE)
		return;
	CHECK(!m->prefer_failure || (m->ext_port && m->lifetime_s));
	if (m->opcode == PCP_PEER)
		CHECK(m->proto && m->int_port && m->remote_port &&
		      m->filter == PMPMSG_KEEP && !m->prefer_failure);
	if (addr_is_set(m->remote)) {
		CHECK(addr_is_host(m->remote));
		CHECK(m->remote.family == m->client.family);
	}
}

static void check_answer(const struct pmpmsg *m, struct str in,
			 const struct pmpmsg_answer *a)
{
	uint8_t *buf = malloc(PMP_MSG_MAX);
	size_t n, least = m->version == PMP_VERSION_PCP ? HEAD_LEN : 16;

	CHECK(buf);
	n = pmpmsg_write(m, in, a, buf);
	CHECK(n >= 8 && n <= PMP_MSG_MAX);
	CHECK(n <= least || n <= (in.n + 3) / 4 * 4);
	CHECK(buf[0] == m->version);
	if (m->version == PMP_VERSION_PCP) {
		CHECK(n % 4 == 0 && n >= HEAD_LEN);
		CHECK(buf[1] == (m->opcode | 0x80) && !buf[2]);
		CHECK(buf[3] == a->result);
	} else if (a->result == NATPMP_UNSUPP_VERSION) {
		CHECK(n == 8 && !buf[1]);
	} else {
		CHECK(buf[1] == (m->opcode | 0x80));
	}
	if (m->version == PMP_VERSION_PCP && n >= 42 && m->opcode &&
	    in.n >= 42) {
		CHECK(!memcmp(buf + 24, in.p + 24, 13));
		CHECK(!memcmp(buf + 40, in.p + 40, 2));
	}
	free(buf);
}

/* Also checks the parser of options: it reads what the writer has written. */
static void check_written(const struct pmpmsg *m, struct pmpmsg_context c)
{
	uint8_t buf[PMP_MSG_MAX];
	struct pmpmsg again;
	size_t n;

	if (m->third_party)	/* then the header would name another host */
		return;
	n = pmpmsg_write_request(m, buf);
	c.pcp = true;
	CHECK(pmpmsg_parse((struct str){ (const char *)buf, n }, &c, &again));
	CHECK(!again.result && again.opcode == m->opcode);
	CHECK(again.proto == m->proto && again.int_port == m->int_port &&
	      again.ext_port == m->ext_port);
	CHECK(again.filter == m->filter ||
	      (m->filter == PMPMSG_SET && again.filter == PMPMSG_ADD));
	CHECK(addr_equal(again.remote, m->remote) &&
	      again.remote_port == m->remote_port);
	CHECK(!memcmp(&again.nonce, &m->nonce, sizeof(m->nonce)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	uint8_t flags = fuzz_u8(&in);
	struct pmpmsg_context c = context(flags);
	struct pmpmsg_answer a = { .epoch_s = 1, .lifetime_s = 2,
				   .ext_port = 3, .ext = c.source };
	struct pmpmsg m;

	if (flags & NAMES_SOURCE)
		in = with_source(in, &c);
	in = fuzz_copy(in);
	if (!pmpmsg_parse(in, &c, &m)) {
		CHECK(may_drop(in, &c));
		fuzz_free(in);
		return 0;
	}
	CHECK(in.n >= 2 && !((uint8_t)in.p[1] & 0x80));
	check_fields(&m);
	a.result = m.result;
	check_answer(&m, in, &a);
	if (!m.result && m.version == PMP_VERSION_PCP && m.opcode) {
		check_written(&m, c);
		a.result = PCP_NO_RESOURCES;
		check_answer(&m, in, &a);
	}
	fuzz_free(in);
	return 0;
}
