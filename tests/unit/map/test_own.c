/* SPDX-License-Identifier: ISC */
/*
 * test_own.c - requests of NAT-PMP and PCP, which name a mapping by client,
 * protocol and internal port: the port that they get, nonces, deletions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/map/coretest.h"

/* The port that random_number chooses. */
#define CHOSEN (1024 + 7)

static const struct rq pmp = { .by = ORIGIN_NAT_PMP, .port = MAP_PORT_OWN };
static const struct rq pcp = { .by = ORIGIN_PCP, .port = MAP_PORT_OWN,
			       .nonce = 1 };

static struct rq with_port(struct rq r, uint16_t ext_port)
{
	r.ext_port = ext_port;
	r.no_wish = !ext_port;
	return r;
}

static struct rq udp(struct rq r)
{
	r.proto = IPPROTO_UDP;
	return r;
}

static struct rq of(enum host from, struct rq r)
{
	r.from = from;
	return r;
}

static struct rq nonce(uint8_t n, struct rq r)
{
	r.nonce = n;
	return r;
}

static struct rq only_port(uint16_t ext_port, struct rq r)
{
	r.port = MAP_PORT_OWN_ONLY;
	return with_port(r, ext_port);
}

static struct rq inside(uint16_t int_port, struct rq r)
{
	r.int_port = int_port;
	return r;
}

static struct rq to_remote(enum host remote, struct rq r)
{
	r.remote = remote;
	return r;
}

static uint16_t port_of(struct rq r)
{
	return have(V4, r).rule.ext_port;
}

static size_t count(void)
{
	return portmap_count(map.pm);
}

/* ---- the port ------------------------------------------------------ */

static void wished_port_is_given(void **state)
{
	assert_int_equal(port_of(with_port(pmp, 7000)), 7000);
}

static void taken_or_missing_wish_gets_another_port(void **state)
{
	have(V4, of(BOB, pmp));
	assert_int_equal(port_of(pmp), CHOSEN);
	assert_int_equal(port_of(inside(5001, with_port(pmp, 0))), CHOSEN + 1);
}

/* A lost answer must not cost a second mapping. */
static void same_internal_port_gets_the_same_port(void **state)
{
	static const enum origin made[] = {
		ORIGIN_UPNP, ORIGIN_NAT_PMP, ORIGIN_PCP, ORIGIN_OPERATOR,
	};

	for (size_t i = 0; i < ARRAY_N(made); i++) {
		core_tear_down(NULL);
		core_set_up(NULL);
		have(V4, (struct rq){ .by = made[i], .nonce = 1,
				      .ext_port = 7000 });
		assert_int_equal(port_of(with_port(pmp, 0)), 7000);
		assert_int_equal(port_of(with_port(pmp, 7001)), 7000);
		assert_int_equal(port_of(with_port(pcp, 7001)), 7000);
		assert_int_equal(count(), 1);
	}
}

/* Its own origin's first, with its own nonce if possible; else the oldest. */
static void one_of_several_ports_decides(void **state)
{
	have(V4, (struct rq){ .ext_port = 7000 });
	have(V4, (struct rq){ .ext_port = 7001 });
	assert_int_equal(port_of(with_port(pmp, 7001)), 7000);
	/* 7000 is UPnP's. Later NAT-PMP has one of its own. */
	have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .ext_port = 7002 });
	assert_int_equal(port_of(with_port(pmp, 7001)), 7002);
	have(V4, (struct rq){ .by = ORIGIN_PCP, .ext_port = 7003, .nonce = 2,
			      .peer = true, .remote = FAR });
	have(V4, (struct rq){ .by = ORIGIN_PCP, .ext_port = 7004, .nonce = 1,
			      .peer = true, .remote = FAR });
	assert_int_equal(port_of(to_remote(FARTHER, nonce(1, pcp))), 7004);
	/* a renewal does not make a mapping younger */
	have(V4, (struct rq){ .from = BOB, .ext_port = 8000 });
	have(V4, (struct rq){ .from = BOB, .ext_port = 8001 });
	have(V4, (struct rq){ .from = BOB, .ext_port = 8000 });
	assert_int_equal(port_of(of(BOB, with_port(pmp, 0))), 8000);
	have(V4, (struct rq){ .from = BOB, .ext_port = 8001 });
	assert_int_equal(port_of(of(BOB, with_port(pmp, 0))), 8000);
	assert_int_equal(port_of(to_remote(FARTHER, (struct rq){
		.by = ORIGIN_PCP, .nonce = 3, .peer = true,
		.port = MAP_PORT_OWN })), 7003);
}

/* Another remote host is a second mapping on the same port. */
static void remote_hosts_share_the_port(void **state)
{
	struct rq r = to_remote(FAR, pcp);

	r.peer = true;
	assert_int_equal(port_of(with_port(r, 7000)), 7000);
	r.remote = FARTHER;
	assert_int_equal(port_of(with_port(r, 7005)), 7000);
	r.remote = NOBODY;
	assert_int_equal(port_of(with_port(r, 7005)), 7000);
	assert_int_equal(count(), 3);
}

/* The administrator forwards the port now. */
static void an_overruled_mapping_does_not_decide(void **state)
{
	const struct pm_entry e = have(V4, with_port(pmp, 7000));
	struct answer a;

	map_overruled(&map, &e.rule);
	assert_int_equal(ask(&a, V4, with_port(pmp, 7000)), MAP_WAIT);
	take_ops();
	assert_int_equal(op[0].rule.ext_port, 7000);	/* it may work again */
	answer(NAT_EFORWARDED);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(a.e.rule.ext_port, CHOSEN);
	assert_int_equal(port_of(with_port(pmp, 7000)), CHOSEN);
}

/* As above, but nobody has told us yet. */
static void a_renewal_that_is_overruled_gets_another_port(void **state)
{
	struct answer a;

	have(V4, with_port(pmp, 7000));
	assert_int_equal(ask(&a, V4, with_port(pmp, 7000)), MAP_WAIT);
	answer(NAT_EFORWARDED);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(a.e.rule.ext_port, CHOSEN);
}

/* Two requests for one socket at once: one port. */
static void a_request_waits_for_one_in_flight(void **state)
{
	struct answer a, b, c;

	assert_int_equal(ask(&a, V4, with_port(pmp, 7000)), MAP_WAIT);
	assert_int_equal(ask(&b, V4, with_port(pcp, 7001)), MAP_WAIT);
	assert_int_equal(ask(&c, V4, with_port(pmp, 7002)), MAP_WAIT);
	assert_int_equal(take_ops(), 1);
	answer_all();
	assert_int_equal(a.e.rule.ext_port, 7000);
	assert_int_equal(b.e.rule.ext_port, 7000);
	assert_int_equal(c.e.rule.ext_port, 7000);
	assert_int_equal(a.n + b.n + c.n, 3);
	assert_int_equal(count(), 1);
}

/* If the first one fails, the second one starts with its own wish. */
static void a_waiting_request_keeps_its_wish(void **state)
{
	struct answer a, b;

	assert_int_equal(ask(&a, V4, with_port(pmp, 7000)), MAP_WAIT);
	assert_int_equal(ask(&b, V4, with_port(pcp, 7001)), MAP_WAIT);
	answer(NAT_EFAIL);
	answer_all();
	assert_int_equal(a.why, REFUSAL_FIREWALL);
	assert_int_equal(b.e.rule.ext_port, 7001);
}

/* A renewal that arrives while the mapping is being deleted makes a new one. */
static void a_request_waits_for_a_deletion(void **state)
{
	struct answer a, b;

	have(V4, with_port(pmp, 7000));
	assert_int_equal(ask_delete_own(&a, V4, pmp), MAP_WAIT);
	assert_int_equal(ask(&b, V4, with_port(pmp, 7001)), MAP_WAIT);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(b.e.rule.ext_port, 7001);
}

static void only_the_wished_port_will_do(void **state)
{
	struct answer a;

	assert_int_equal(port_of(only_port(7000, pcp)), 7000);
	/* its own mapping has another one */
	assert_int_equal(get(&a, V4, only_port(7001, pcp)), REFUSAL_CONFLICT);
	assert_int_equal(port_of(only_port(7000, pcp)), 7000);
	/* no preference */
	assert_int_equal(port_of(only_port(0, pcp)), 7000);
	/* another client has it, or another internal port */
	assert_int_equal(get(&a, V4, of(BOB, only_port(7000, pcp))),
			 REFUSAL_CONFLICT);
	assert_int_equal(get(&a, V4, inside(6000, only_port(7000, pcp))),
			 REFUSAL_CONFLICT);
	assert_int_equal(last_refused.why, REFUSAL_CONFLICT);
	assert_int_equal(count(), 1);
}

static void only_the_wished_port_is_tried(void **state)
{
	struct answer a;

	assert_int_equal(ask(&a, V4, only_port(7000, pcp)), MAP_WAIT);
	answer(NAT_EFORWARDED);
	assert_int_equal(a.why, REFUSAL_FORWARDED);
	assert_int_equal(take_ops(), 0);
	/* without a wish, others are */
	assert_int_equal(ask(&a, V4, only_port(0, pcp)), MAP_WAIT);
	answer(NAT_EFORWARDED);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
}

static void denied_ports_are_avoided(void **state)
{
	const struct policy_rule deny[] = {
		{ false, 7000, 7000, 0, 65535, { addr_ip4(0), 0 }, 1 },
		{ true, 1024, 65535, 0, 65535, { addr_ip4(0), 0 }, 2 },
	};
	struct answer a;

	map.policy.rule = deny;
	map.policy.rule_n = ARRAY_N(deny);
	assert_int_equal(get(&a, V4, only_port(7000, pcp)), REFUSAL_RULE);
	assert_int_equal(port_of(with_port(pcp, 7000)), CHOSEN);
	assert_int_equal(port_of(inside(6000, only_port(0, pcp))), CHOSEN + 1);
}

/* PCP's own ports are nobody's, if the gateway chooses. */
static void pcps_ports_are_not_chosen(void **state)
{
	struct answer a;

	for (uint16_t port = 5350; port <= 5351; port++) {
		random_number = port - 1024u;
		assert_int_equal(port_of(inside(port, udp(with_port(pmp,
			port)))), 5352 + (port - 5350));
		assert_int_equal(port_of(inside(port, with_port(pmp, port))),
				 port);
		assert_int_equal(get(&a, V4, inside(port + 100, udp(only_port(
			port, pcp)))), REFUSAL_CONFLICT);
	}
	assert_int_equal(port_of(udp((struct rq){ .int_port = 5351,
						  .ext_port = 5351 })), 5351);
}

/* ---- the sibling, TCP for UDP -------------------------------------- */

static void another_clients_sibling_is_not_free(void **state)
{
	struct rq any = { .port = MAP_PORT_ANY, .ext_port = 5000 };

	have(V4, (struct rq){ .from = BOB });
	assert_int_equal(port_of(udp(pmp)), CHOSEN);
	assert_int_equal(port_of(inside(5001, udp(pcp))), CHOSEN + 1);
	assert_int_equal(port_of(inside(5002, udp(any))), CHOSEN + 2);
	/* nor when no port is wished */
	random_number = 5000 - 1024;
	assert_int_equal(port_of(inside(5003, udp(with_port(pmp, 0)))), 5001);
}

static void the_clients_own_sibling_is_free(void **state)
{
	have(V4, pmp);
	assert_int_equal(port_of(udp(pmp)), 5000);
	assert_int_equal(count(), 2);
}

/* Two consoles depend on it. PREFER_FAILURE is PCP's AddPortMapping. */
static void add_port_mapping_is_per_protocol(void **state)
{
	have(V4, (struct rq){ .from = BOB });
	assert_int_equal(port_of(udp((struct rq){ .by = 0 })), 5000);
	assert_int_equal(port_of(of(BOB, (struct rq){ .ext_port = 7000 })),
			 7000);
	assert_int_equal(port_of(inside(7000, udp(only_port(7000, pcp)))),
			 7000);
}

/* A sibling that came later does not cost the client its port. */
static void a_renewal_ignores_siblings(void **state)
{
	have(V4, pmp);
	have(V4, udp((struct rq){ .from = BOB }));
	assert_int_equal(port_of(pmp), 5000);
}

/* ---- nonces -------------------------------------------------------- */

/* Another filter with another nonce would open what the filter closes. */
static void another_nonce_cannot_change_the_filter(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct answer a;

		have(f, to_remote(FAR, pcp));
		now_ms += 600000;
		assert_int_equal(get(&a, f, nonce(2, pcp)), REFUSAL_NONCE);
		assert_int_equal(a.wait.left_s, 3000);
		assert_int_equal(get(&a, f, nonce(2, to_remote(FARTHER, pcp))),
				 REFUSAL_NONCE);
		/* the same one is extended; the owner may change it */
		assert_int_equal(get(&a, f, nonce(2, to_remote(FAR, pcp))),
				 REFUSAL_NONE);
		assert_int_equal(a.e.nonce.byte[0], 1);
		assert_int_equal(get(&a, f, pcp), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 2);
	}
}

/* Strictly, any mapping of the socket counts, whatever its filter. */
static void strict_nonce_is_by_socket(void **state)
{
	map.strict_nonce = true;
	for (enum family f = V4; f < FAMILIES; f++) {
		struct answer a;
		struct rq peer = nonce(2, to_remote(FAR, pcp));

		have(f, pcp);
		assert_int_equal(get(&a, f, nonce(2, pcp)), REFUSAL_NONCE);
		assert_int_equal(get(&a, f, nonce(2, to_remote(FAR, pcp))),
				 REFUSAL_NONCE);
		/* PEER is another program's, for one remote host */
		peer.peer = true;
		assert_int_equal(get(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(get(&a, f, nonce(3, peer)), REFUSAL_NONCE);
		/* other sockets do not matter */
		assert_int_equal(get(&a, f, nonce(2, udp(pcp))), REFUSAL_NONE);
		assert_int_equal(get(&a, f, nonce(2, inside(6000, with_port(
			pcp, 6000)))), REFUSAL_NONE);
	}
}

/* The nonce of a mapping that is not there yet counts as well. */
static void nonce_of_a_request_in_flight(void **state)
{
	struct answer a, b;

	map.strict_nonce = true;
	for (enum family f = V4; f < FAMILIES; f++) {
		assert_int_equal(ask(&a, f, pcp), MAP_WAIT);
		assert_int_equal(ask(&b, f, nonce(2, to_remote(FAR, pcp))),
				 MAP_WAIT);
		answer_all();
		assert_int_equal(a.why, REFUSAL_NONE);
		assert_int_equal(b.why, REFUSAL_NONCE);
		assert_int_equal(b.wait.left_s, 3600);
	}
}

static void left_of_a_mapping_without_end_is_0(void **state)
{
	const struct pm_entry *none;
	struct answer a;

	fill(&a, V4, pcp);
	a.wait.req.lease_s = MAP_LEASE_FOREVER;
	assert_int_equal(map_add(&map, &a.wait, now_ms, &none), MAP_WAIT);
	answer_all();
	map.strict_nonce = true;
	assert_int_equal(get(&a, V4, nonce(2, pcp)), REFUSAL_NONCE);
	assert_int_equal(a.wait.left_s, 0);
}

/* ---- third parties, rates ------------------------------------------ */

static void third_party_passes_secure_mode(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct rq r = pcp;
		struct answer a;

		r.to = BOB;
		assert_int_equal(get(&a, f, r), REFUSAL_SECURE);
		r.third_party = true;
		assert_int_equal(get(&a, f, r), REFUSAL_NONE);
		assert_true(addr_equal(a.e.rule.client, host_addr(f, BOB)));
		assert_true(addr_equal(a.e.requester, host_addr(f, ANN)));
		r.third_party = false;
		assert_int_equal(delete_own(&a, f, r), REFUSAL_SECURE);
		r.third_party = true;
		assert_int_equal(delete_own(&a, f, r), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 0);
	}
	/* the rest of the policy applies */
	struct rq router = { .by = ORIGIN_PCP, .to = FAR, .third_party = true };
	struct answer a;

	assert_int_equal(get(&a, V4, router), REFUSAL_OUTSIDE);
}

static void limit_rate(uint32_t per_s)
{
	struct portmap *pm = map.pm;

	map.adds_per_s = per_s;
	map_init(&map, pm);
}

/* A renewal is one whatever port is wished. */
static void renewals_do_not_count_towards_the_rate(void **state)
{
	struct answer a;

	limit_rate(2);
	have(V4, with_port(pmp, 7000));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(port_of(with_port(pmp, 0)), 7000);
	have(V4, inside(5001, pmp));
	assert_int_equal(get(&a, V4, inside(5002, pmp)), REFUSAL_RATE);
}

/* A wish for the port of another client is no renewal. */
static void others_ports_do_not_hide_from_the_rate(void **state)
{
	static const enum map_port port[] = {
		MAP_PORT_ANY, MAP_PORT_OWN,
	};

	for (size_t i = 0; i < ARRAY_N(port); i++) {
		struct rq r = { .by = i ? ORIGIN_NAT_PMP : ORIGIN_UPNP,
				.port = port[i] };
		struct answer a;

		core_tear_down(NULL);
		core_set_up(NULL);
		limit_rate(2);
		have(V4, of(BOB, pmp));
		have(V4, r);
		have(V4, inside(5001, r));
		assert_int_equal(get(&a, V4, inside(5002, r)), REFUSAL_RATE);
	}
}

/* A conflict makes no mapping: the client may try the next port. */
static void conflicts_do_not_count_towards_the_rate(void **state)
{
	struct answer a;

	limit_rate(2);
	have(V4, of(BOB, pmp));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(get(&a, V4, (struct rq){ .by = 0 }),
				 REFUSAL_CONFLICT);
}

/* ---- deletion by NAT-PMP ------------------------------------------- */

static void nat_pmp_deletes_its_own(void **state)
{
	struct answer a;

	have(V4, with_port(pmp, 7000));
	/* the suggested port does not matter */
	assert_int_equal(delete_own(&a, V4, with_port(pmp, 7001)),
			 REFUSAL_NONE);
	assert_int_equal(count(), 0);
	assert_int_equal(gone, 1);
	/* and it is no error that there is none */
	assert_int_equal(delete_own(&a, V4, pmp), REFUSAL_NONE);
	assert_int_equal(a.n, 0);
	assert_int_equal(refused, 0);
}

static void nat_pmp_leaves_what_others_made(void **state)
{
	static const struct {
		enum origin made;
		bool peer;
		enum refusal why;
	} row[] = {
		{ ORIGIN_UPNP, false, REFUSAL_NONE },
		{ ORIGIN_PCP, false, REFUSAL_NONCE },
		{ ORIGIN_PCP, true, REFUSAL_NONE },
		{ ORIGIN_OPERATOR, false, REFUSAL_OPERATOR },
	};

	for (size_t i = 0; i < ARRAY_N(row); i++) {
		struct rq made = { .by = row[i].made, .nonce = 1,
				   .peer = row[i].peer, .ext_port = 7000 };
		struct answer a;

		core_tear_down(NULL);
		core_set_up(NULL);
		have(V4, made);
		assert_int_equal(delete_own(&a, V4, pmp), row[i].why);
		assert_int_equal(refused, row[i].why != REFUSAL_NONE);
		assert_int_equal(count(), 1);
		/* beside its own, which is deleted */
		have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .ext_port = 7001 });
		assert_int_equal(delete_own(&a, V4, pmp), REFUSAL_NONE);
		assert_int_equal(count(), 1);
	}
}

static void nat_pmp_deletes_only_that_socket(void **state)
{
	struct answer a;

	have(V4, pmp);
	have(V4, udp(pmp));
	have(V4, inside(5001, with_port(pmp, 5001)));
	have(V4, of(BOB, with_port(pmp, 5002)));
	assert_int_equal(delete_own(&a, V4, pmp), REFUSAL_NONE);
	assert_int_equal(count(), 3);
	assert_int_equal(portmap_by_socket(map.pm, IPPROTO_TCP,
		host_addr(V4, ANN), 5000, PM_NONE), PM_NONE);
}

/* Internal port 0: everything of the protocol and client that NAT-PMP made. */
static void nat_pmp_deletes_all(void **state)
{
	struct rq all = pmp;
	struct answer a;

	all.no_port = true;
	assert_int_equal(delete_own(&a, V4, all), REFUSAL_NONE);
	for (uint16_t port = 5001; port < 5004; port++)
		have(V4, inside(port, with_port(pmp, port)));
	have(V4, udp(pmp));
	have(V4, of(BOB, with_port(pmp, 5010)));
	have(V4, (struct rq){ .int_port = 5011, .ext_port = 5011 });
	have(V4, inside(5012, with_port(pcp, 5012)));
	have(V4, (struct rq){ .by = ORIGIN_OPERATOR, .int_port = 5013,
			      .ext_port = 5013, .to = ANN });
	assert_int_equal(count(), 8);
	assert_int_equal(ask_delete_own(&a, V4, all), MAP_WAIT);
	assert_int_equal(take_ops(), 3);	/* in one batch */
	answer_all();
	assert_int_equal(a.n, 1);
	/* some stay */
	assert_int_equal(a.why, REFUSAL_OPERATOR);
	assert_int_equal(count(), 5);
	assert_int_equal(gone, 3);
	assert_int_equal(refused, 1);
	assert_int_equal(delete_own(&a, V4, all), REFUSAL_OPERATOR);
	assert_int_equal(delete_own(&a, V4, udp(all)), REFUSAL_NONE);
	assert_int_equal(count(), 4);
	/* a failure is reported first */
	have(V4, inside(5001, with_port(pmp, 5001)));
	assert_int_equal(ask_delete_own(&a, V4, all), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(a.why, REFUSAL_FIREWALL);
}

/* Those of PCP stay, also if they have no rule; UPnP's are not concerned. */
static void what_stays_of_all(void **state)
{
	struct rq all = pmp, peer = to_remote(FAR, inside(5002, with_port(pcp,
		5002)));
	struct answer a;

	all.no_port = true;
	peer.peer = true;
	have(V4, (struct rq){ .int_port = 5001, .ext_port = 5001 });
	have(V4, peer);
	assert_int_equal(delete_own(&a, V4, all), REFUSAL_NONE);
	have(V4, inside(5003, with_port(pcp, 5003)));
	assert_int_equal(delete_own(&a, V4, all), REFUSAL_NONCE);
	have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .int_port = 5004,
			      .ext_port = 5004, .disabled = true });
	assert_int_equal(delete_own(&a, V4, all), REFUSAL_NONCE);
	assert_int_equal(count(), 3);
}

/* All includes what is being made. */
static void deletion_of_all_waits_for_mappings(void **state)
{
	struct rq all = pmp;
	struct answer a, b, c;

	all.no_port = true;
	assert_int_equal(ask(&a, V4, pmp), MAP_WAIT);
	assert_int_equal(ask(&b, V4, inside(5001, with_port(pmp, 5001))),
			 MAP_WAIT);
	assert_int_equal(ask_delete_own(&c, V4, all), MAP_WAIT);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.why, REFUSAL_NONE);
	assert_int_equal(count(), 0);
	/* but not what it would not delete */
	have(V4, pmp);
	ask(&a, V4, (struct rq){ .ext_port = 7000 });
	ask(&b, V4, udp(pmp));
	assert_int_equal(ask_delete_own(&c, V4, all), MAP_WAIT);
	take_ops();
	assert_int_equal(op_n, 3);
	answer_all();
	assert_int_equal(count(), 2);
	ask(&a, V4, of(BOB, with_port(pmp, 8000)));
	ask(&b, V6, pmp);
	assert_int_equal(ask_delete_own(&c, V4, all), REFUSAL_NONE);
	answer_all();
}

static void nat_pmp_learns_that_a_deletion_failed(void **state)
{
	struct answer a;

	have(V4, pmp);
	assert_int_equal(ask_delete_own(&a, V4, pmp), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.why, REFUSAL_FIREWALL);
	assert_int_equal(count(), 1);
}

/* A disabled one has no rule, so there is no op to wait for. */
static void disabled_mappings_are_deleted_at_once(void **state)
{
	struct answer a;

	for (enum family f = V4; f < FAMILIES; f++) {
		struct rq off = { .by = ORIGIN_PCP, .nonce = 1,
				  .disabled = true };

		have(f, (struct rq){ .remote = FAR });
		have(f, off);
		gone = wakes = 0;
		assert_int_equal(ask_delete_own(&a, f, pcp), REFUSAL_NONE);
		assert_int_equal(gone, 1);
		assert_int_equal(wakes, 0);
		assert_int_equal(portmap_count(table(f)), 1);
		assert_int_equal(ask_delete_own(&a, f, pcp), REFUSAL_NONCE);
		have(f, pcp);
		wakes = 0;
		assert_int_equal(ask_delete_own(&a, f, pcp), MAP_WAIT);
		assert_int_equal(wakes, 1);
		answer_all();
		assert_int_equal(a.why, REFUSAL_NONE);
	}
}

/* A mapping that is being made is deleted as soon as it is there. */
static void a_deletion_waits_for_the_mapping(void **state)
{
	struct answer a, b;

	for (enum family f = V4; f < FAMILIES; f++) {
		assert_int_equal(ask(&a, f, pcp), MAP_WAIT);
		assert_int_equal(ask_delete_own(&b, f, pcp), MAP_WAIT);
		assert_int_equal(take_ops(), 1);
		answer_all();
		assert_int_equal(a.why, REFUSAL_NONE);
		assert_int_equal(b.why, REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 0);
	}
}

static void a_deletion_can_be_cancelled(void **state)
{
	struct answer a;

	have(V4, pmp);
	assert_int_equal(ask_delete_own(&a, V4, pmp), MAP_WAIT);
	map_cancel(&map, &a.wait);
	answer_all();
	assert_int_equal(a.n, 0);
	assert_int_equal(count(), 0);
}

/* ---- deletion by PCP ----------------------------------------------- */

static void pcp_deletes_with_the_nonce(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct answer a;

		for (unsigned strict = 0; strict < 2; strict++) {
			map.strict_nonce = strict;
			have(f, pcp);
			now_ms += 600000;
			assert_int_equal(delete_own(&a, f, nonce(2, pcp)),
					 REFUSAL_NONCE);
			assert_int_equal(a.wait.left_s, 3000);
			assert_int_equal(portmap_count(table(f)), 1);
			assert_int_equal(delete_own(&a, f, pcp), REFUSAL_NONE);
			assert_int_equal(portmap_count(table(f)), 0);
			/* what is not there */
			assert_int_equal(delete_own(&a, f, pcp), REFUSAL_NONE);
		}
	}
}

static void pcp_leaves_what_others_made(void **state)
{
	static const enum origin made[] = {
		ORIGIN_UPNP, ORIGIN_NAT_PMP, ORIGIN_OPERATOR,
	};
	struct answer a;

	for (enum family f = V4; f < FAMILIES; f++)
		for (size_t i = 0; i < ARRAY_N(made); i++) {
			core_tear_down(NULL);
			core_set_up(NULL);
			have(f, (struct rq){ .by = made[i] });
			/* an old file's mapping, or a client, without nonce */
			assert_int_equal(delete_own(&a, f, nonce(0, pcp)),
					 REFUSAL_NONCE);
			assert_int_equal(a.wait.left_s, 3600);
			assert_int_equal(portmap_count(table(f)), 1);
		}
}

/* MAP deletes its mapping whatever the filter; a filter narrows that. PEER's
 * mappings are PEER's. */
static void map_and_peer_delete_their_own(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct rq peer = to_remote(FARTHER, pcp);
		struct answer a;

		peer.peer = true;
		have(f, to_remote(FAR, pcp));
		have(f, peer);
		assert_int_equal(delete_own(&a, f, to_remote(FARTHER, pcp)),
				 REFUSAL_NONCE);
		assert_int_equal(portmap_count(table(f)), 2);
		assert_int_equal(delete_own(&a, f, pcp), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 1);
		assert_int_equal(delete_own(&a, f, pcp), REFUSAL_NONCE);
		assert_int_equal(a.wait.left_s, 3600);
		assert_int_equal(portmap_count(table(f)), 1);
		assert_int_equal(delete_own(&a, f, nonce(2, peer)),
				 REFUSAL_NONCE);
		assert_int_equal(delete_own(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 0);
	}
}

static struct rq to_port(uint16_t remote_port, struct rq r)
{
	r.remote_port = remote_port;
	return r;
}

/* A remote port is a part of the filter. */
static void a_remote_port_narrows_a_deletion(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		const struct rq far = to_remote(FAR, pcp);
		struct rq peer = far;
		struct answer a;

		peer.peer = true;
		have(f, to_port(7, peer));
		have(f, to_port(8, peer));
		assert_int_equal(portmap_count(table(f)), 2);
		assert_int_equal(delete_own(&a, f, to_port(9, peer)),
				 REFUSAL_NONE);
		assert_int_equal(delete_own(&a, f, to_port(8, peer)),
				 REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 1);
		/* MAP: another port is another filter */
		have(f, to_port(7, far));
		assert_int_equal(get(&a, f, nonce(2, to_port(8, far))),
				 REFUSAL_NONCE);
		assert_int_equal(get(&a, f, nonce(2, to_port(7, far))),
				 REFUSAL_NONE);
		have(f, to_port(8, far));
		peer = to_port(8, far);
		peer.peer = false;
		peer.except = true;
		assert_int_equal(delete_own(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 1);
		assert_int_equal(delete_own(&a, f, far), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 0);
	}
}

/* A new filter: first the new mapping, then the others go. */
static void a_filter_replaces_another(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct rq now = to_remote(FARTHER, pcp), peer = pcp;
		struct answer a;

		peer.peer = true;
		peer.remote = FAR;
		have(f, pcp);
		have(f, peer);
		have(f, now);
		now.except = true;
		assert_int_equal(delete_own(&a, f, now), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 2);
		assert_int_equal(delete_own(&a, f, now), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 2);
		now.except = false;
		assert_int_equal(delete_own(&a, f, now), REFUSAL_NONE);
		/* back to every host */
		have(f, now);
		have(f, pcp);
		now = pcp;
		now.except = true;
		assert_int_equal(delete_own(&a, f, now), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 2);
		assert_int_equal(delete_own(&a, f, pcp), REFUSAL_NONE);
		assert_int_equal(delete_own(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(portmap_count(table(f)), 0);
	}
}

/* Without a table of pinholes there is nothing to delete. */
static void no_table_of_pinholes(void **state)
{
	struct portmap *holes = map.pinholes;
	struct answer a;

	map.pinholes = NULL;
	assert_int_equal(delete_own(&a, V6, pcp), REFUSAL_NONE);
	assert_int_equal(get(&a, V6, pcp), REFUSAL_KIND);
	map.pinholes = holes;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wished_port_is_given),
		T(taken_or_missing_wish_gets_another_port),
		T(same_internal_port_gets_the_same_port),
		T(one_of_several_ports_decides),
		T(remote_hosts_share_the_port),
		T(an_overruled_mapping_does_not_decide),
		T(a_renewal_that_is_overruled_gets_another_port),
		T(a_request_waits_for_one_in_flight),
		T(a_waiting_request_keeps_its_wish),
		T(a_request_waits_for_a_deletion),
		T(only_the_wished_port_will_do),
		T(only_the_wished_port_is_tried),
		T(denied_ports_are_avoided),
		T(pcps_ports_are_not_chosen),
		T(another_clients_sibling_is_not_free),
		T(the_clients_own_sibling_is_free),
		T(add_port_mapping_is_per_protocol),
		T(a_renewal_ignores_siblings),
		T(another_nonce_cannot_change_the_filter),
		T(strict_nonce_is_by_socket),
		T(nonce_of_a_request_in_flight),
		T(left_of_a_mapping_without_end_is_0),
		T(third_party_passes_secure_mode),
		T(renewals_do_not_count_towards_the_rate),
		T(others_ports_do_not_hide_from_the_rate),
		T(conflicts_do_not_count_towards_the_rate),
		T(nat_pmp_deletes_its_own),
		T(nat_pmp_leaves_what_others_made),
		T(nat_pmp_deletes_only_that_socket),
		T(nat_pmp_deletes_all),
		T(what_stays_of_all),
		T(deletion_of_all_waits_for_mappings),
		T(nat_pmp_learns_that_a_deletion_failed),
		T(disabled_mappings_are_deleted_at_once),
		T(a_deletion_waits_for_the_mapping),
		T(a_deletion_can_be_cancelled),
		T(pcp_deletes_with_the_nonce),
		T(pcp_leaves_what_others_made),
		T(map_and_peer_delete_their_own),
		T(a_remote_port_narrows_a_deletion),
		T(a_filter_replaces_another),
		T(no_table_of_pinholes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
