/* SPDX-License-Identifier: ISC */
/*
 * pmpgw.h - a gateway for the tests of NAT-PMP and PCP: the parser, the
 * protocols and the mapping core are real; the kernel and the flows are fakes.
 * Requests and answers are text (pmptest.h). The epoch is always 0x01020304.
 */
#ifndef TESTS_UNIT_PMPGW_H
#define TESTS_UNIT_PMPGW_H

#include <netinet/in.h>
#include "pmp/natpmp.h"
#include "pmp/pcp.h"
#include "pmp/pmpask.h"
#include "pmp/pmpmsg.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/pmptest.h"

#define GW_EPOCH 0x01020304

static struct map map;
static struct loop *gw_loop;
static uint64_t gw_now_ms;
static enum nat_err gw_kernel;		/* its answer to every op */
static unsigned gw_ops;			/* since the start */
static unsigned gw_refused;
static uint32_t gw_rnd;
static bool gw_third_party;
static struct nat_op gw_last;		/* the last op */

static uint64_t gw_clock(void)
{
	return gw_now_ms;
}

static void gw_wake(void *arg)
{
}

static void gw_stored(void *arg, const struct pm_entry *e)
{
}

static void gw_gone(void *arg, const struct nat_rule *r)
{
}

static void gw_on_refused(void *arg, const struct refused *r)
{
	gw_refused++;
}

static uint32_t gw_random(void *arg)
{
	return gw_rnd;
}

static const struct map_ops gw_map_ops = {
	.wake = gw_wake, .stored = gw_stored, .gone = gw_gone,
	.refused = gw_on_refused, .rnd = gw_random,
};

static inline struct addr gw_ip6(uint8_t net, uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, net,
				   [15] = host };

	return addr_ip6(byte);
}

/* Hosts: 192.168.88.host and 2001:db8:88::host. */
static inline struct addr gw_host(uint8_t host)
{
	return addr_ip4(0xc0a85800u | host);
}

static int gw_begin(void **state)
{
	gw_now_ms = 1000000;
	gw_kernel = NAT_OK;
	gw_ops = gw_refused = 0;
	gw_rnd = 7;
	gw_third_party = false;
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &gw_map_ops,
		.ext = addr_ip4(0xcb007107), .pinholes = portmap_new(8, 6),
		.policy = { .secure = true, .net = {
				{ 2, "lan0", { gw_host(1), 24 } },
				{ 2, "lan0", { gw_ip6(0x88, 1), 64 } } },
			    .net_n = 2 },
	};
	map_init(&map, portmap_new(8, 6));
	gw_loop = loop_new(IFSOCKS_MAX, gw_clock);
	return !map.pm || !map.pinholes || !gw_loop;
}

static int gw_end(void **state)
{
	portmap_free(map.pm);
	portmap_free(map.pinholes);
	loop_free(gw_loop);
	return 0;
}

/* Let the time pass. */
static inline void gw_pass(uint32_t s)
{
	gw_now_ms += UINT64_C(1000) * s;
	loop_step(gw_loop, 0);
	map_tick(&map, gw_now_ms);
}

/* Answer one op of either table. Return: false: there is none */
static inline bool gw_answer_one(void)
{
	struct portmap *pm = NULL;
	struct nat_op_id id;

	while ((pm = map_next_table(&map, pm)))
		if (portmap_next_op(pm, &gw_last, &id)) {
			gw_ops++;
			map_answer(&map, id, gw_kernel, gw_now_ms);
			return true;
		}
	return false;
}

static inline void gw_settle(void)
{
	while (gw_answer_one())
		;
}

/* ---- one request ------------------------------------------------------------ */

struct gw_ask {
	struct pmpask ask;
	bool done;
	struct str request;
	char text[PMP_DATAGRAM_MAX];
};

static void gw_done(struct pmpask *a)
{
	LOOP_OWNER(a, struct gw_ask, ask)->done = true;
}

static bool gw_has_flows;	/* is ask_flow set? */

static void gw_ask_flow(struct pmpask *a)
{
}

/* Send a request from @from. Return: false: it was dropped. If it waits, done
 * is false. */
static inline bool gw_send(struct gw_ask *x, struct addr from, const char *hex)
{
	const struct pmpmsg_context c = {
		.nat_pmp = from.family == ADDR_IP4, .pcp = true,
		.source = from,
	};
	struct str s = bytes_of(hex);

	memset(x, 0, sizeof(*x));
	memcpy(x->text, s.p, s.n);
	x->request = (struct str){ x->text, s.n };
	if (!pmpmsg_parse(x->request, &c, &x->ask.msg))
		return false;
	x->ask.map = &map;
	x->ask.loop = gw_loop;
	x->ask.source = from;
	x->ask.ifindex = 2;
	x->ask.may_third_party = gw_third_party;
	x->ask.done = gw_done;
	x->ask.ask_flow = gw_has_flows ? gw_ask_flow : NULL;
	loop_step(gw_loop, 0);
	if (x->ask.msg.result) {
		x->ask.answer.result = x->ask.msg.result;
		x->ask.answer.lifetime_s = pcp_error_s(x->ask.msg.result);
		x->done = true;
	} else if (x->ask.msg.version == PMP_VERSION_PCP) {
		x->done = pcp_start(&x->ask);
	} else {
		x->done = natpmp_start(&x->ask);
	}
	return true;
}

/* Is the answer these bytes? */
static inline bool gw_answered(struct gw_ask *x, const char *want)
{
	uint8_t buf[PMP_MSG_MAX];
	size_t n;

	if (!x->done)
		return false;
	x->ask.answer.epoch_s = GW_EPOCH;
	n = pmpmsg_write(&x->ask.msg, x->request, &x->ask.answer, buf);
	return are_bytes(buf, n, want);
}

/* The same for a request whose ops the kernel answers at once. */
static inline bool gw_says(struct addr from, const char *request,
			   const char *want)
{
	static struct gw_ask x;

	if (!gw_send(&x, from, request))
		return !want;
	gw_settle();
	return want && gw_answered(&x, want);
}

#endif
