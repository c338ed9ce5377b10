/* SPDX-License-Identifier: ISC */
/*
 * fuzz_upstream.c - a hostile gateway in front of this router: its datagrams
 * and its answers by HTTP, in any order, at any time.
 *
 * Input: events, each a byte that says which, two bytes of its own, and for
 * what the gateway sends a length and so many bytes. A datagram of PCP gets the
 * nonce that the gateway has seen, if it has the place for one.
 *
 * Holds: a port that is held has a port at the gateway; the external address is
 * one that a host can have; a client gets one answer, in time; requests go to
 * the ports of the protocols, and by HTTP only while none is under way; a
 * request by HTTP has one line with the path, and no control character but the
 * ends of lines.
 */
#include <netinet/in.h>
#include "upstream/upreply.h"
#include "upstream/uplease.h"
#include "upstream/upstream.h"
#include "fuzz.h"

#define LEASES	8
#define OURS	addr_ip4(0xc0a8580a)
#define GW	addr_ip4(0xc0a85801)

static struct upstream u;
static struct upstream_lease lease[LEASES];
static uint64_t now;
static bool http;			/* a request by HTTP is under way */
static bool waits[LEASES];		/* for the answer for port 40000 + i */
static unsigned rnd;

static void op_send(void *arg, uint16_t port, const void *p, size_t n)
{
	CHECK(port == 5351 || port == 1900);
	CHECK(n && n <= UPSTREAM_REQUEST_MAX);
	CHECK(port == 1900 || n <= UPMSG_MAX);
}

static void op_http(void *arg, uint16_t port, struct str request)
{
	struct str rest = request, line;

	CHECK(port && !http);
	http = true;
	CHECK(request.n > 16 && request.n <= UPSTREAM_REQUEST_MAX);
	CHECK(str_cut(&rest, '\r', &line));
	CHECK(fuzz_printable(line));
	CHECK(str_starts(line, STR("GET /")) ||
	      str_starts(line, STR("POST /")));
	CHECK(line.n > 9 && str_eq(str_skip(line, line.n - 9),
				   STR(" HTTP/1.1")));
	for (size_t i = 0; i < request.n; i++)
		CHECK(request.p[i] == '\r' || request.p[i] == '\n' ||
		      (request.p[i] >= ' ' && request.p[i] <= '~'));
}

static void op_answered(void *arg, const struct upstream_lease *l)
{
	CHECK(l->port >= 40000 && l->port < 40000 + LEASES);
	CHECK(l->held != UPSTREAM_HELD || l->ext_port);
	CHECK(l->held != UPSTREAM_UNASKED);
	if (l->wait_ms) {
		CHECK(waits[l->port - 40000]);
		CHECK(now <= l->wait_ms);
		waits[l->port - 40000] = false;
	}
}

static void op_changed(void *arg)
{
}

static uint32_t op_rnd(void *arg)
{
	return rnd++ * 2654435761u;
}

static const struct upstream_ops ops = {
	op_send, op_http, op_answered, op_changed, op_rnd,
};

static void check_state(void)
{
	CHECK(u.state <= UPSTREAM_ANSWERS && u.way < UPSTREAM_WAYS);
	CHECK((u.state == UPSTREAM_ANSWERS) == (u.way != UPSTREAM_NO_WAY));
	CHECK(u.ext.family == ADDR_NONE || addr_is_host(u.ext));
	for (unsigned i = 0; i < LEASES; i++) {
		const struct upstream_lease *l =
			uplease_find(&u, IPPROTO_TCP, (uint16_t)(40000 + i));

		CHECK(!l || l->held != UPSTREAM_HELD ||
		      (l->ext_port && u.state == UPSTREAM_ANSWERS));
		CHECK(waits[i] == (l && l->wait_ms));
	}
}

/* The owner calls it when it is due, many times at once if need be. */
static void pass(uint64_t ms)
{
	uint64_t end = now + ms, due;
	unsigned turns = 0;

	while ((due = upstream_tick(&u, now)) <= end && turns++ < 10000)
		now = due > now ? due : now;
	CHECK(turns < 10000);
	now = end;
}

static void want(unsigned i, bool waiting)
{
	const struct upstream_lease *l =
		uplease_want(&u, IPPROTO_TCP, (uint16_t)(40000 + i), 0,
			      waiting, now);

	CHECK(!l || l->port == 40000 + i);
	waits[i] |= l && l->wait_ms;
}

static struct str take(struct str *in)
{
	size_t n = fuzz_u16(in);
	struct str s = { in->p, n < in->n ? n : in->n };

	*in = str_skip(*in, s.n);
	return fuzz_copy(s);
}

static void pmp(struct str d)
{
	char *p = (char *)(uintptr_t)d.p;

	if (d.n >= 36 && p[0] == 2)
		memcpy(p + 24, u.nonce.byte, 12);
	upstream_pmp(&u, d, now);
}

static void http_answer(struct str s, bool eof)
{
	struct str body = { NULL, 0 };
	unsigned status = 0;

	if (!http || upreply_body((char *)(uintptr_t)s.p, s.n, eof, &status,
				  &body) == 0)
		return;
	CHECK(fuzz_inside(body, s));
	http = false;
	upstream_http(&u, body.p ? status : 0, body, now);
}

static void event(struct str *in)
{
	uint8_t what = fuzz_u8(in) % 8, arg = fuzz_u8(in);
	struct str s;

	switch (what) {
	case 0:
		pass(arg * 50u);
		break;
	case 1:
		pass(arg * 60000u);
		break;
	case 2:
		want(arg % LEASES, arg & 0x80);
		break;
	case 3:
		uplease_drop(&u, IPPROTO_TCP, (uint16_t)(40000 + arg % LEASES),
			      now);
		waits[arg % LEASES] = false;
		break;
	case 4:
		http = false;	/* the owner gives it up */
		upstream_set(&u, arg & 1 ? OURS : addr_ip4(0xc0a8580b), GW,
			     50000, now);
		break;
	default:
		s = take(in);
		if (what == 5)
			pmp(s);
		else if (what == 6)
			upstream_ssdp(&u, s, now);
		else
			http_answer(s, arg & 1);
		fuzz_free(s);
	}
	pass(0);
	check_state();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };

	memset(&u, 0, sizeof(u));
	memset(lease, 0, sizeof(lease));
	memset(waits, 0, sizeof(waits));
	u = (struct upstream){ .ops = &ops, .lease = lease,
			       .lease_max = LEASES };
	u.allowed = fuzz_u8(&in) % 16;
	memcpy(u.nonce.byte, "0123456789ab", 12);
	now = 1000000;
	rnd = 0;
	http = false;
	upstream_init(&u);
	upstream_set(&u, OURS, GW, 50000, now);
	pass(0);
	while (in.n)
		event(&in);
	return 0;
}
