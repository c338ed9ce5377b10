/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pmp.c - datagrams from several hosts to the server of NAT-PMP and PCP,
 * with the real mapping core and a fake kernel.
 *
 * Input: a line, the plan; then datagrams, each after its length in two bytes.
 * For each one, a byte of the plan says who sends it, what the kernel answers,
 * and what happens then: time passes, a flow is found, the external address
 * changes, an address is no longer served.
 *
 * Holds: each answer is to a host that has asked, from the address that was
 * asked, and no longer than the request or PCP's longest answer without options;
 * there are no more answers than requests; each rule is sane, of an internal
 * network, and of the host that asked, or of a third party that is allowed.
 */
#include <errno.h>
#include "pmp/pmp.h"
#include "pmp/pmpmsg.h"
#include "sys/ifsock.h"
#include "fuzz.h"

#define HOSTS	4		/* the last one is link-local */
#define MAPPINGS 6
#define LEAST	80		/* bytes: PEER's answer */

static uint64_t clock_ms;
static struct map map;
static struct ifsock_set *socks;
static uint32_t epoch;
static struct nat_rule asked_flow;
static bool third_party;
static size_t requests, answers;
static size_t longest;		/* of the requests */
static bool asked[HOSTS];

/* The datagram that is received next. */
static struct str datagram;
static bool arrived;
static unsigned sender;

static struct addr host(unsigned i)
{
	uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x88,
			     [15] = 0x10 };

	if (i < 2)
		return addr_ip4(0xc0a8580au + i);
	if (i == 3) {
		memset(byte, 0, 8);
		byte[0] = 0xfe;
		byte[1] = 0x80;
	}
	return addr_ip6(byte);
}

static struct netif_addr router(unsigned i)
{
	struct netif_addr at = { 3, "lan0", { host(i), i < 2 ? 24 : 64 } };

	at.net.addr.byte[i < 2 ? 3 : 15] = 1;
	return at;
}

/* ---- the sockets -------------------------------------------------------------- */

int __wrap_ifsock_serve(struct ifsock_set *set, const struct netif_addr *at,
			size_t n, uint16_t port);
void __wrap_ifsock_close(struct ifsock_set *set);
ssize_t __wrap_ifsock_recv(struct ifsock *s, void *buf, size_t size,
			   struct addr *ret_peer, uint16_t *ret_port,
			   struct ifsock **ret_local);
int __wrap_ifsock_send(int fd, const struct ifsock *from, void *data, size_t n,
		       struct addr to, uint16_t port);

/* Each address has the socket with its place in the list. */
int __wrap_ifsock_serve(struct ifsock_set *set, const struct netif_addr *at,
			size_t n, uint16_t port)
{
	CHECK(port == 5351);
	socks = set;
	for (size_t i = 0; i < HOSTS; i++) {
		struct ifsock *s = &set->sock[i];

		if (i >= n && s->io.fd >= 0) {
			set->config.closing(set->config.arg, s);
			s->io.fd = -1;
		} else if (i < n && s->io.fd < 0) {
			s->io.fd = (int)i;
			s->at = at[i];
			set->port = port;
			set->config.opened(set->config.arg, s);
		}
	}
	return 0;
}

void __wrap_ifsock_close(struct ifsock_set *set)
{
	__wrap_ifsock_serve(set, NULL, 0, 5351);
}

ssize_t __wrap_ifsock_recv(struct ifsock *s, void *buf, size_t size,
			   struct addr *ret_peer, uint16_t *ret_port,
			   struct ifsock **ret_local)
{
	if (!arrived)
		return -EAGAIN;
	arrived = false;
	if (datagram.n > size)
		return 0;
	memcpy(buf, datagram.p, datagram.n);
	*ret_peer = host(sender);
	*ret_port = 40000;
	*ret_local = s;
	return (ssize_t)datagram.n;
}

int __wrap_ifsock_send(int fd, const struct ifsock *from, void *data, size_t n,
		       struct addr to, uint16_t port)
{
	const uint8_t *p = data;
	unsigned i = 0;

	CHECK(fd == from->io.fd && n >= 8);
	CHECK(p[1] & 0x80 || (n == 8 && !p[0]));
	if (port == 5350)
		return 0;	/* an announcement */
	for (; i < HOSTS; i++)
		if (addr_equal(host(i), to))
			break;
	CHECK(i < HOSTS && asked[i] && port == 40000);
	CHECK(to.family == from->at.net.addr.family);
	CHECK(n <= longest + 3 || n <= LEAST);
	answers++;
	return 0;
}

/* ---- the owner of the core ------------------------------------------------------- */

static void nothing(void *arg)
{
}

static void stored(void *arg, const struct pm_entry *e)
{
	CHECK(nat_rule_sane(&e->rule));
	CHECK(policy_net_of(&map.policy, e->rule.client));
	CHECK(third_party || addr_equal(e->rule.client, e->requester));
}

static void gone(void *arg, const struct nat_rule *r)
{
}

static void refused(void *arg, const struct refused *r)
{
	CHECK(r->why != REFUSAL_NONE && r->why < REFUSALS);
}

static uint32_t rnd_of(void *arg)
{
	return 7;
}

static uint64_t fake_clock(void)
{
	return clock_ms;
}

static uint32_t epoch_s(void *arg)
{
	return epoch;
}

static bool may_ask(void *arg, struct addr a)
{
	return third_party;
}

static void ask_flow(void *arg, const struct nat_rule *r)
{
	struct nat_rule rule = *r;

	rule.ext_port = 1;
	CHECK(nat_rule_sane(&rule) && r->kind == NAT_PORTMAP &&
	      r->remote_port && addr_is_host(r->remote));
	asked_flow = *r;
}

static const struct map_ops ops = {
	.wake = nothing, .stored = stored, .gone = gone, .refused = refused,
	.rnd = rnd_of,
};

/* Answer all ops. */
static void settle(enum nat_err err)
{
	struct portmap *pm = NULL;
	struct nat_op_id id;
	struct nat_op op;

	while ((pm = map_next_table(&map, pm)))
		while (portmap_next_op(pm, &op, &id)) {
			CHECK(nat_rule_sane(&op.rule));
			map_answer(&map, id, err, clock_ms);
		}
}

/* ---- a run --------------------------------------------------------------------------- */

static void pass(struct loop *loop, uint64_t ms)
{
	clock_ms += ms;
	epoch += (uint32_t)(ms / 1000);
	loop_step(loop, 0);
	map_tick(&map, clock_ms);
}

/* The header of PCP names the sender. */
static void name_sender(char *p, size_t n)
{
	struct addr a = host(sender);

	if (n < 24 || p[0] != 2)
		return;
	memset(p + 8, 0, 16);
	if (a.family == ADDR_IP6) {
		memcpy(p + 8, a.byte, 16);
	} else {
		memset(p + 18, 0xff, 2);
		memcpy(p + 20, a.byte, 4);
	}
}

/* Bits of @how: 0-1 the sender, 2 keep the header as it is, 3 the kernel answers
 * later, 4-5 with which error, 6-7 what happens then. */
static void arrive(struct pmp *pmp, struct loop *loop, uint8_t how)
{
	static const enum nat_err errs[] = {
		NAT_OK, NAT_EFAIL, NAT_ECONFLICT, NAT_ENOADDR,
	};

	sender = how & 3;
	if (!(how & 4))
		name_sender((char *)(uintptr_t)datagram.p, datagram.n);
	if (socks->sock[sender].io.fd >= 0) {
		asked[sender] = true;
		requests++;
		if (datagram.n > longest)
			longest = datagram.n;
		arrived = true;
		socks->config.ready(socks->config.arg, &socks->sock[sender]);
	}
	if (!(how & 8))
		settle(errs[how >> 4 & 3]);
	if (how >> 6 == 1)
		pass(loop, 1000);
	else if (how >> 6 == 2)
		pass(loop, 200000);
	else if (how >> 6 == 3)
		pmp_flow(pmp, &asked_flow, 40000);
}

/* What has no datagram: an empty one. */
static void change(struct pmp *pmp, uint8_t how)
{
	struct netif_addr at[HOSTS];

	for (unsigned i = 0; i < HOSTS; i++)
		at[i] = router(i);
	if (how & 1)
		map.ext = how & 2 ? addr_ip4(0xcb007108) :
				    (struct addr){ .family = ADDR_NONE };
	else
		map.ext = addr_ip4(0xcb007107);
	pmp_address(pmp);
	third_party |= how & 4;
	map.strict_nonce = how & 8;
	pmp_ifaces(pmp, at, HOSTS - (how >> 4 & 3));
}

static void begin(struct portmap *pm, struct portmap *pinholes)
{
	clock_ms = 1000000;
	epoch = 1;
	requests = answers = longest = 0;
	memset(asked, 0, sizeof(asked));
	third_party = false;
	memset(&asked_flow, 0, sizeof(asked_flow));
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .adds_per_s = 4, .ops = &ops,
		.ext = addr_ip4(0xcb007107), .pinholes = pinholes,
		.policy = { .secure = true, .net_n = 2 },
	};
	map.policy.net[0] = router(0);
	map.policy.net[1] = router(2);
	map_init(&map, pm);
}

static void run(struct pmp *pmp, struct loop *loop, struct fuzz_plan *plan,
		struct str in)
{
	while (in.n >= 2) {
		size_t n = fuzz_u16(&in);
		uint8_t how = fuzz_next(plan);

		n = n < in.n ? n : in.n;
		datagram = fuzz_copy((struct str){ in.p, n });
		in = str_skip(in, n);
		if (n)
			arrive(pmp, loop, how);
		else
			change(pmp, how);
		fuzz_free(datagram);
	}
	settle(NAT_OK);
	for (int i = 0; i < 4; i++)	/* mapping updates are no answers */
		settle(NAT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	struct fuzz_plan plan = fuzz_plan(&in);
	struct portmap *pm = portmap_new(MAPPINGS, MAPPINGS - 1);
	struct portmap *pinholes = portmap_new(MAPPINGS, MAPPINGS - 1);
	struct loop *loop = loop_new(2, fake_clock);
	const struct pmp_config config = {
		.nat_pmp = true, .pcp = true, .map = &map,
		.epoch_s = epoch_s, .may_ask_for_others = may_ask,
		.ask_flow = ask_flow,
	};
	struct pmp *pmp;

	CHECK(pm && pinholes && loop);
	begin(pm, pinholes);
	pmp = pmp_new(loop, &config);
	CHECK(pmp);
	change(pmp, 0);
	run(pmp, loop, &plan, in);
	CHECK(answers <= requests * (1 + PMP_UPDATE_N * MAPPINGS));
	CHECK(portmap_count(pm) <= MAPPINGS);
	pmp_free(pmp);
	portmap_free(pm);
	portmap_free(pinholes);
	loop_free(loop);
	return 0;
}
