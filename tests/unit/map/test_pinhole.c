/* SPDX-License-Identifier: ISC */
/*
 * test_pinhole.c - the mapping core grants pinholes by the same rules as port
 * mappings, in a table of their own: unique ids, the host behind an address,
 * caps and rates by link-layer address and by interface, requests that wait for
 * the neighbour table. The protocol and the neighbour table are fakes.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "map/configured.h"
#include "map/map.h"
#include "map/mapreport.h"
#include "tests/unit/addrtest.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

enum { LAN = 2, GUEST = 3 };	/* interfaces */

static struct map map;
static struct portmap *pm, *holes;
static uint64_t now_ms;
static unsigned stored, gone, refused, wakes;
static struct refused last_refused;
static enum map_same same;	/* the neighbour table's answer */
static unsigned asked;
static const char *link_of_host;	/* NULL: not known */

static void op_wake(void *arg)
{
	wakes++;
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	stored++;
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	gone++;
}

static void op_refused(void *arg, const struct refused *r)
{
	refused++;
	last_refused = *r;
}

static uint32_t op_rnd(void *arg)
{
	return 0x12344321;
}

static enum map_same op_same(void *arg, int ifindex, struct addr requester,
			     struct addr client)
{
	assert_int_not_equal(ifindex, 0);
	asked++;
	return same;
}

static bool op_host(void *arg, int ifindex, struct addr requester,
		    struct addr *ret)
{
	return link_of_host && addr_link_parse(str_z(link_of_host), ret);
}

static const struct map_ops ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd, op_same, op_host,
};

static struct netif_addr net(int ifindex, const char *text, uint8_t bits)
{
	return (struct netif_addr){ .ifindex = ifindex,
				    .net = { addr_of_text(text), bits } };
}

static void start(size_t max, size_t per_client)
{
	portmap_free(pm);
	portmap_free(holes);
	pm = portmap_new(4, 4);
	holes = portmap_new(max, per_client);
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &ops, .pinholes = holes,
		.policy = { .secure = true, .net_n = 2 },
	};
	map.policy.net[0] = net(LAN, "2001:db8:88::1", 64);
	map.policy.net[1] = net(LAN, "192.168.88.1", 24);
	map_init(&map, pm);
}

static int set_up(void **state)
{
	now_ms = 1000000;
	stored = gone = refused = wakes = asked = 0;
	same = MAP_OTHER;
	link_of_host = "02:00:00:00:00:0a";
	start(8, 4);
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(pm);
	portmap_free(holes);
	pm = holes = NULL;
	return 0;
}

/* ---- the protocol -------------------------------------------------- */

struct asker {
	struct map_wait wait;
	unsigned answers;
	int why;
	uint16_t id;
};

static void done(struct map_wait *w, enum refusal why, const struct pm_entry *e)
{
	struct asker *a = (struct asker *)w;

	a->answers++;
	a->why = (int)why;
	a->id = e ? e->unique_id : 0;
}

static struct asker asker(const char *from, int ifindex, const char *client,
			  uint16_t port)
{
	struct asker a = { .wait.done = done };
	struct pm_req *q = &a.wait.req.mapping;

	a.wait.req.lease_s = 60;
	q->origin = ORIGIN_UPNP;
	q->enabled = true;
	q->requester = addr_of_text(from);
	q->requester_if = ifindex;
	q->rule = (struct nat_rule){
		.kind = NAT_PINHOLE, .proto = IPPROTO_TCP,
		.client = addr_of_text(client), .remote = addr_any(),
		.int_port = port,
	};
	return a;
}

/* The kernel answers every op. */
static void answer_all(enum nat_err err)
{
	struct nat_op_id id;
	struct nat_op op;

	while (portmap_next_op(holes, &op, &id) ||
	       portmap_next_op(pm, &op, &id))
		map_answer(&map, id, err, now_ms);
}

static int settle(struct asker *a, int why, const struct pm_entry *e)
{
	if (why == MAP_WAIT)
		answer_all(NAT_OK);
	else
		done(&a->wait, (enum refusal)why, e);
	return a->answers ? a->why : MAP_WAIT;
}

static int add(struct asker *a)
{
	const struct pm_entry *e;
	int why = map_add(&map, &a->wait, now_ms, &e);

	return settle(a, why, e);
}

static int renew(struct asker *a, uint16_t id, uint32_t lease_s)
{
	const struct pm_entry *e;
	int why;

	a->wait.unique_id = id;
	a->wait.req.lease_s = lease_s;
	why = map_renew(&map, &a->wait, now_ms, &e);
	return settle(a, why, e);
}

static int delete(struct asker *a)
{
	return settle(a, map_delete(&map, &a->wait), NULL);
}

#define ANN "2001:db8:88::a"
#define ANN2 "2001:db8:88::aa"
#define BOB "2001:db8:88::b"
#define ANN4 "192.168.88.10"
#define BOB_LINK "02:00:00:00:00:0b"

/* Open a port of Ann for Ann. Return: its unique id */
static uint16_t open_port(uint16_t port)
{
	struct asker a = asker(ANN, LAN, ANN, port);

	assert_int_equal(add(&a), REFUSAL_NONE);
	assert_int_not_equal(a.id, 0);
	return a.id;
}

/* ---- unique ids ---------------------------------------------------- */

static void test_the_first_id_is_not_known_before(void **state)
{
	assert_int_equal(open_port(8080), 0x4321 + 1);
}

static void test_a_renewal_keeps_the_id(void **state)
{
	uint16_t id = open_port(8080), other = open_port(8081);
	struct asker a = asker(ANN, LAN, ANN, 8080), b = a;
	const struct pm_entry *e;

	assert_int_not_equal(id, other);
	assert_int_equal(add(&a), REFUSAL_NONE);
	assert_int_equal(a.id, id);
	assert_int_equal(renew(&b, id, 120), REFUSAL_NONE);
	assert_int_equal(b.id, id);
	e = portmap_entry(holes, portmap_by_id(holes, id));
	assert_int_equal(e->rule.int_port, 8080);
	assert_int_equal(portmap_lease_left(e, now_ms), 120);
	assert_int_equal(portmap_count(holes), 2);
	assert_int_equal(portmap_by_id(holes, 0), PM_NONE);
	assert_int_equal(portmap_by_id(holes, 7), PM_NONE);
}

static void test_an_id_is_not_used_again_soon(void **state)
{
	bool seen[65536] = { false };

	for (int i = 0; i < 65534; i++) {
		struct asker a = asker(ANN, LAN, ANN, 8080), b = a;

		assert_int_equal(add(&a), REFUSAL_NONE);
		assert_false(seen[a.id]);
		seen[a.id] = true;
		assert_int_equal(delete(&b), REFUSAL_NONE);
	}
	assert_false(seen[0]);
}

static void test_an_id_in_use_is_skipped(void **state)
{
	struct pm_req req = asker(ANN, LAN, ANN, 9000).wait.req.mapping;

	req.unique_id = 65535;
	assert_int_equal(portmap_restore(holes, &req, 0), PM_DONE);
	assert_int_equal(portmap_by_id(holes, 65535), portmap_at(holes, 0));
	/* another line of a damaged file */
	portmap_seed_ids(holes, 65534);
	req.rule.int_port = 9001;
	assert_int_equal(portmap_restore(holes, &req, 0), PM_DONE);
	assert_int_equal(portmap_entry(holes, portmap_at(holes, 1))->unique_id,
			 1);
	portmap_seed_ids(holes, 65534);
	assert_int_equal(open_port(8080), 2);
}

static void test_an_unknown_id_is_not_found(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 0);

	assert_int_equal(renew(&a, 1, 60), REFUSAL_NOT_FOUND);
	assert_int_equal(refused, 0);
}

/* ---- two tables ---------------------------------------------------- */

/* SystemUpdateID is about port mappings. */
static void test_pinholes_do_not_change_the_update_id(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 8080);

	open_port(8080);
	assert_int_equal(map.update_id, 0);
	assert_int_equal(delete(&a), REFUSAL_NONE);
	assert_int_equal(map.update_id, 0);
	assert_int_equal(stored, 1);
	assert_int_equal(gone, 1);
}

/* Ops on the same slot number of both tables. */
static void test_answers_find_the_table_of_their_op(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 8080),
		     b = asker(ANN4, LAN, ANN4, 8080);
	const struct pm_entry *e;
	struct nat_op_id id;
	struct nat_op op;

	b.wait.req.mapping.rule.kind = NAT_PORTMAP;
	b.wait.req.mapping.rule.ext_port = 8080;
	assert_int_equal(map_add(&map, &a.wait, now_ms, &e), MAP_WAIT);
	assert_int_equal(map_add(&map, &b.wait, now_ms, &e), MAP_WAIT);
	assert_true(portmap_next_op(pm, &op, &id));
	assert_int_equal(id.table, NAT_PORTMAP);
	assert_int_equal(id.slot, 0);
	map_answer(&map, id, NAT_OK, now_ms);
	assert_int_equal(b.answers, 1);
	assert_int_equal(a.answers, 0);
	assert_true(portmap_next_op(holes, &op, &id));
	assert_int_equal(id.table, NAT_PINHOLE);
	assert_int_equal(id.slot, 0);
	map_answer(&map, id, NAT_OK, now_ms);
	assert_int_equal(a.answers, 1);
}

static void test_without_a_table_there_are_no_pinholes(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 8080), b = a, c = a;
	struct pm_req req = a.wait.req.mapping;

	map.pinholes = NULL;
	assert_int_equal(add(&a), REFUSAL_KIND);
	assert_int_equal(delete(&b), REFUSAL_NOT_FOUND);
	assert_int_equal(renew(&c, 1, 60), REFUSAL_NOT_FOUND);
	assert_int_equal(map_may(&map, &c.wait), REFUSAL_NOT_FOUND);
	req.origin = ORIGIN_OPERATOR;
	assert_int_equal(configured_restore(&map, &req), REFUSAL_KIND);
	map_overruled(&map, &req.rule);
	map_answer(&map, (struct nat_op_id){ NAT_PINHOLE, 0, 1 }, NAT_OK,
		   now_ms);
	assert_int_equal(map_tick(&map, now_ms), UINT64_MAX);
}

static void test_another_prefix_suspends(void **state)
{
	uint16_t id = open_port(8080);
	struct map_applied did;

	map.policy.net[0] = net(LAN, "2001:db8:99::1", 64);
	did = map_apply_policy(&map, now_ms);
	assert_int_equal(did.suspended, 1);
	assert_int_equal(portmap_shown_count(holes), 0);
	assert_int_not_equal(portmap_by_id(holes, id), PM_NONE);
	map.policy.net[0] = net(LAN, "2001:db8:88::1", 64);
	did = map_apply_policy(&map, now_ms);
	assert_int_equal(did.resumed, 1);
	answer_all(NAT_OK);
	assert_int_equal(portmap_shown_count(holes), 1);
	now_ms += 60001;
	map_tick(&map, now_ms);
	answer_all(NAT_OK);
	assert_int_equal(portmap_count(holes), 0);
}

/* ---- the policy ---------------------------------------------------- */

static void test_all_ports_need_a_line(void **state)
{
	struct policy_rule lines[2] = {
		{ false, 22, 22, 22, 22, { addr_of_text(BOB), 128 }, 4 },
		{ true, 0, 65535, 0, 65535, { addr_of_text(ANN), 64 }, 5 },
	};
	struct asker a = asker(ANN, LAN, ANN, 0), b = asker(BOB, LAN, BOB, 0);

	assert_int_equal(add(&a), REFUSAL_ALL_PORTS);
	map.policy.rule = lines;
	map.policy.rule_n = 2;
	a = asker(ANN, LAN, ANN, 0);
	assert_int_equal(add(&a), REFUSAL_NONE);
	assert_int_equal(add(&b), REFUSAL_ALL_PORTS);
	assert_int_equal(last_refused.line, 4);
	lines[1].int_lo = 1;	/* not all of them */
	a = asker(ANN, LAN, ANN, 0);
	assert_int_equal(add(&a), REFUSAL_ALL_PORTS);
}

/* PCP asks for any external port, and a pinhole has none: a line decides. */
static void test_any_port_is_no_way_round_the_lines(void **state)
{
	static const enum map_port how[] = {
		MAP_PORT_ANY, MAP_PORT_OWN, MAP_PORT_OWN_ONLY,
	};

	for (size_t i = 0; i < 3; i++) {
		struct asker a = asker(ANN, LAN, ANN, 80);

		a.wait.req.port = how[i];
		assert_int_equal(add(&a), REFUSAL_RULE);
		assert_int_equal(portmap_count(holes), 0);
	}
	assert_int_equal(refused, 3);
	assert_int_equal(last_refused.why, REFUSAL_RULE);
}

static void test_refusals_name_the_line_to_add(void **state)
{
	struct policy_rule line = {
		true, 1024, 65535, 1024, 65535,
		{ addr_of_text("192.168.88.0"), 24 }, 7,
	};
	struct asker a = asker(ANN, LAN, ANN, 8080), b = asker(ANN, LAN, ANN, 0);
	const struct refusal_settings settings = { .rule_n = 1 };
	char text[256];
	struct wr w = wr_init(text, sizeof(text));

	map.policy.rule = &line;
	map.policy.rule_n = 1;
	assert_int_equal(add(&a), REFUSAL_RULE);
	refusal_put(&w, &last_refused, &settings);
	assert_string_equal(wr_cstr(&w), "refused " ANN " (upnp): protocol=tcp to=["
			    ANN "]:8080: no allow line matches it; to allow "
			    "it, add \"allow 8080 " ANN " 8080\"");
	assert_int_equal(add(&b), REFUSAL_ALL_PORTS);
	w = wr_init(text, sizeof(text));
	refusal_put(&w, &last_refused, &settings);
	assert_non_null(strstr(wr_cstr(&w), "]:*: "));
	assert_non_null(strstr(text, "add \"allow 0-65535 " ANN " 0-65535\""));
}

static void test_clients_that_get_none(void **state)
{
	static const struct {
		const char *client;
		enum refusal why;
	} row[] = {
		{ "2001:db8:88::1", REFUSAL_ROUTER },
		{ "2001:db8:88::", REFUSAL_SPECIAL },
		{ "ff02::1", REFUSAL_SPECIAL }, { "fe80::1", REFUSAL_SPECIAL },
		{ "::1", REFUSAL_SPECIAL }, { "2001:db8:77::1",
					      REFUSAL_OUTSIDE },
	};

	same = MAP_SAME;
	for (size_t i = 0; i < ARRAY_N(row); i++) {
		struct asker a = asker(ANN, LAN, row[i].client, 8080);

		assert_int_equal(add(&a), row[i].why);
	}
	assert_int_equal(asked, 0);
}

/* ---- whose address ------------------------------------------------- */

static void test_another_address_of_the_same_host(void **state)
{
	static const char *const from[] = { "fe80::a", ANN4, ANN2 };

	same = MAP_SAME;
	for (size_t i = 0; i < ARRAY_N(from); i++) {
		struct asker a = asker(from[i], LAN, ANN, 8080);

		assert_int_equal(add(&a), REFUSAL_NONE);
	}
	assert_int_equal(portmap_count(holes), 1);
	assert_int_equal(asked, 3);
}

static void test_the_address_that_asks_needs_no_table(void **state)
{
	open_port(8080);
	assert_int_equal(asked, 0);
}

static void test_another_host_gets_nothing(void **state)
{
	struct asker a = asker(BOB, LAN, ANN, 8080);

	assert_int_equal(add(&a), REFUSAL_SECURE);
	assert_int_equal(last_refused.why, REFUSAL_SECURE);
	/* an interface that is not known */
	same = MAP_SAME;
	a = asker(ANN2, 0, ANN, 8080);
	assert_int_equal(add(&a), REFUSAL_SECURE);
	map.ops = &(struct map_ops){ op_wake, op_stored, op_gone, op_refused,
				     op_rnd };
	a = asker(ANN2, LAN, ANN, 8080);
	assert_int_equal(add(&a), REFUSAL_SECURE);
}

/* A host of the guests' network has put Ann's address into the table of that
 * network, by a neighbour solicitation. */
static void test_an_address_of_another_link_is_not_claimed(void **state)
{
	uint16_t id = open_port(8080);
	struct asker a = asker("2001:db8:99::b", GUEST, ANN, 8081),
		     b = asker("2001:db8:99::b", GUEST, ANN, 8080), c = b;

	map.policy.net[map.policy.net_n++] = net(GUEST, "2001:db8:99::1", 64);
	link_of_host = BOB_LINK;
	same = MAP_SAME;
	assert_int_equal(add(&a), REFUSAL_SECURE);
	assert_int_equal(renew(&b, id, 90), REFUSAL_OWNER);
	assert_int_equal(delete(&c), REFUSAL_OWNER);
	assert_int_equal(asked, 0);
}

/* The rest of the policy is checked as well. */
static void test_the_policy_applies_to_the_other_address(void **state)
{
	struct asker a = asker(ANN4, LAN, ANN, 80);

	same = MAP_SAME;
	assert_int_equal(add(&a), REFUSAL_RULE);
}

static void test_a_request_waits_for_the_table(void **state)
{
	struct asker a = asker(ANN4, LAN, ANN, 8080), b = a;

	same = MAP_ASKED;
	assert_int_equal(add(&a), MAP_WAIT);
	assert_int_equal(portmap_count(holes), 0);
	map_hosts_changed(&map, now_ms);
	assert_int_equal(a.answers, 0);
	same = MAP_SAME;
	map_hosts_changed(&map, now_ms);
	assert_int_equal(a.answers, 0);
	answer_all(NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.why, REFUSAL_NONE);
	same = MAP_ASKED;
	b.wait.req.mapping.rule.int_port = 8081;
	assert_int_equal(add(&b), MAP_WAIT);
	same = MAP_OTHER;
	map_hosts_changed(&map, now_ms);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.why, REFUSAL_SECURE);
}

static void test_a_waiting_request_is_cancelled(void **state)
{
	struct asker a = asker(ANN4, LAN, ANN, 8080);

	same = MAP_ASKED;
	assert_int_equal(add(&a), MAP_WAIT);
	map_cancel(&map, &a.wait);
	same = MAP_SAME;
	map_hosts_changed(&map, now_ms);
	answer_all(NAT_OK);
	assert_int_equal(a.answers, 0);
	assert_int_equal(portmap_count(holes), 0);
}

static void test_few_requests_wait(void **state)
{
	static struct asker a[MAP_ASKING_MAX + 1];
	char link[32];
	size_t waiting = 0;

	same = MAP_ASKED;
	for (size_t i = 0; i < MAP_ASKING_PER_HOST + 1; i++) {
		a[i] = asker(ANN, LAN, BOB, (uint16_t)(8080 + i));
		waiting += add(&a[i]) == MAP_WAIT;
	}
	assert_int_equal(waiting, MAP_ASKING_PER_HOST);
	assert_int_equal(last_refused.why, REFUSAL_RATE);
	for (size_t i = waiting; i < MAP_ASKING_MAX + 1; i++) {
		snprintf(link, sizeof(link), "02:00:00:00:01:%02x",
			 (unsigned)i);
		link_of_host = link;
		a[i] = asker(ANN, LAN, BOB, (uint16_t)(8080 + i));
		waiting += add(&a[i]) == MAP_WAIT;
	}
	assert_int_equal(waiting, MAP_ASKING_MAX);
}

/* ---- who may change one -------------------------------------------- */

static void test_the_host_changes_it_from_any_address(void **state)
{
	uint16_t id = open_port(8080);
	struct asker a = asker("fe80::a", LAN, ANN, 0),
		     b = asker(ANN4, LAN, ANN, 8080);

	assert_int_equal(renew(&a, id, 90), REFUSAL_NONE);
	assert_int_equal(delete(&b), REFUSAL_NONE);
	/* the link-layer address that asked is enough */
	assert_int_equal(asked, 0);
}

static void test_another_host_changes_nothing(void **state)
{
	uint16_t id = open_port(8080);
	struct asker a = asker(BOB, LAN, ANN, 0), b = a,
		     c = asker(BOB, LAN, ANN, 8080);

	link_of_host = BOB_LINK;
	assert_int_equal(renew(&a, id, 90), REFUSAL_OWNER);
	assert_int_equal(delete(&c), REFUSAL_OWNER);
	c = asker(BOB, LAN, ANN, 8080);
	assert_int_equal(map_may(&map, &c.wait), REFUSAL_OWNER);
	/* the table says otherwise */
	same = MAP_SAME;
	assert_int_equal(renew(&b, id, 90), REFUSAL_NONE);
	assert_int_equal(map_may(&map, &c.wait), REFUSAL_NONE);
}

/* Somebody in the guests' network has chosen Ann's link-layer address. */
static void test_the_same_link_layer_address_elsewhere(void **state)
{
	uint16_t id = open_port(8080);
	struct asker a = asker("2001:db8:99::a", GUEST, ANN, 0);

	map.policy.net[map.policy.net_n++] = net(GUEST, "2001:db8:99::1", 64);
	assert_int_equal(renew(&a, id, 90), REFUSAL_OWNER);
}

/* Ann asked from a link-local address, which a guest has chosen as well. */
static void test_the_same_link_local_address_elsewhere(void **state)
{
	struct asker ann = asker("fe80::a", LAN, ANN, 8080),
		     guest = asker("fe80::a", GUEST, ANN, 8080), b = guest;
	uint16_t id;

	map.policy.net[map.policy.net_n++] = net(GUEST, "2001:db8:99::1", 64);
	same = MAP_SAME;
	assert_int_equal(add(&ann), REFUSAL_NONE);
	id = ann.id;
	link_of_host = BOB_LINK;
	assert_int_equal(renew(&guest, id, 90), REFUSAL_OWNER);
	assert_int_equal(delete(&b), REFUSAL_OWNER);
	/* on her link it is she, whatever the table has by now */
	same = MAP_OTHER;
	ann = asker("fe80::a", LAN, ANN, 8080);
	assert_int_equal(renew(&ann, id, 90), REFUSAL_NONE);
}

static void test_a_change_waits_for_the_table(void **state)
{
	uint16_t id = open_port(8080);
	struct asker a = asker(ANN2, LAN, ANN, 0), b = asker(ANN2, LAN, ANN,
							     8080);

	link_of_host = NULL;
	same = MAP_ASKED;
	assert_int_equal(renew(&a, id, 90), MAP_WAIT);
	assert_int_equal(delete(&b), MAP_WAIT);
	same = MAP_SAME;
	map_hosts_changed(&map, now_ms);
	answer_all(NAT_OK);
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(a.id, id);
	answer_all(NAT_OK);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(portmap_count(holes), 0);
}

static void test_the_operators_pinhole_stays(void **state)
{
	struct pm_req req = asker(ANN, LAN, ANN, 8080).wait.req.mapping;
	struct asker a = asker(ANN, LAN, ANN, 8080), b = a, c = a;
	uint16_t id;

	req.origin = ORIGIN_OPERATOR;
	req.configured = true;
	req.requester = (struct addr){ 0 };
	assert_int_equal(configured_restore(&map, &req), REFUSAL_NONE);
	id = portmap_entry(holes, portmap_at(holes, 0))->unique_id;
	assert_int_equal(renew(&a, id, 90), REFUSAL_OPERATOR);
	assert_int_equal(delete(&b), REFUSAL_OPERATOR);
	assert_int_equal(add(&c), REFUSAL_NONE);
	assert_int_equal(portmap_entry(holes, portmap_at(holes, 0))->origin,
			 ORIGIN_OPERATOR);
}

/* ---- caps and rates ------------------------------------------------ */

static void test_a_host_has_one_share(void **state)
{
	static const char *const from[] = { ANN, ANN2, "fe80::a", ANN4 };
	struct asker a;

	same = MAP_SAME;
	for (uint16_t i = 0; i < 4; i++) {
		a = asker(from[i], LAN, i % 2 ? ANN : ANN2, 8080 + i);
		assert_int_equal(add(&a), REFUSAL_NONE);
	}
	a = asker("2001:db8:88::aaa", LAN, "2001:db8:88::aaa", 9000);
	assert_int_equal(add(&a), REFUSAL_CLIENT_FULL);
	link_of_host = BOB_LINK;
	a = asker(BOB, LAN, BOB, 9000);
	assert_int_equal(add(&a), REFUSAL_NONE);
}

/* The first pinhole was made while the link-layer address was not known. */
static void test_a_renewal_moves_the_count(void **state)
{
	struct asker a;

	link_of_host = NULL;
	open_port(8080);
	link_of_host = "02:00:00:00:00:0a";
	for (uint16_t i = 1; i < 5; i++)
		open_port(8080 + i);
	a = asker(ANN, LAN, ANN, 8081);
	assert_int_equal(delete(&a), REFUSAL_NONE);
	open_port(8080);
	a = asker(ANN, LAN, ANN, 8081);
	assert_int_equal(add(&a), REFUSAL_CLIENT_FULL);
}

/* As the lease file has them: without link-layer addresses. */
static void restore(const char *requester, uint16_t port)
{
	struct pm_req req = asker(requester, LAN, ANN, port)
			    .wait.req.mapping;

	req.requester_if = 0;
	assert_int_equal(portmap_restore(holes, &req, now_ms + 60000),
			 PM_DONE);
}

static void test_a_restart_does_not_renew_a_share(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 9000);

	restore(ANN, 8080);
	restore("fe80::a", 8081);
	restore(ANN4, 8082);
	restore(ANN2, 8083);
	map_apply_policy(&map, now_ms);
	assert_int_equal(add(&a), REFUSAL_CLIENT_FULL);
	/* once is enough: a new pinhole has its host's */
	portmap_set_host(holes, portmap_at(holes, 0), (struct addr){ 0 });
	map_apply_policy(&map, now_ms);
	assert_int_equal(add(&a), REFUSAL_NONE);
}

/* These addresses count as one as long as the hosts are not known. */
static void test_a_restart_takes_no_pinhole(void **state)
{
	static const char *const from[] = {
		"2001:db8:88::1a", "2001:db8:88::2a", "2001:db8:88::3a",
		"2001:db8:88::4a", "2001:db8:88::5a",
	};

	for (uint16_t i = 0; i < ARRAY_N(from); i++)
		restore(from[i], 8080 + i);
	assert_int_equal(portmap_count(holes), ARRAY_N(from));
}

static void test_the_table_is_full(void **state)
{
	struct asker a = asker(ANN, LAN, ANN, 9000);

	start(2, 4);
	open_port(8080);
	open_port(8081);
	assert_int_equal(add(&a), REFUSAL_PINHOLES);
	assert_int_equal(last_refused.why, REFUSAL_PINHOLES);
	open_port(8081);
}

static void test_an_interface_leaves_room_for_others(void **state)
{
	struct asker a;

	start(8, 8);
	map.policy.net[map.policy.net_n++] = net(GUEST, "2001:db8:99::1", 64);
	for (uint16_t i = 0; i < 6; i++)
		open_port(8080 + i);
	a = asker(ANN, LAN, ANN, 9000);
	assert_int_equal(add(&a), REFUSAL_PINHOLES);
	a = asker("2001:db8:99::a", GUEST, "2001:db8:99::a", 9000);
	assert_int_equal(add(&a), REFUSAL_NONE);
	map.policy.net_n--;
	a = asker(ANN, LAN, ANN, 9000);
	assert_int_equal(add(&a), REFUSAL_NONE);
}

static void limit_rate(uint32_t per_s)
{
	start(64, 64);
	map.adds_per_s = per_s;
	map_init(&map, pm);
}

static void test_new_pinholes_have_a_rate(void **state)
{
	struct asker a;

	limit_rate(2);
	open_port(8080);
	open_port(8081);
	a = asker(ANN2, LAN, ANN2, 8082);
	assert_int_equal(add(&a), REFUSAL_RATE);
	open_port(8081);	/* a renewal */
	link_of_host = BOB_LINK;
	a = asker(BOB, LAN, BOB, 8082);
	assert_int_equal(add(&a), REFUSAL_NONE);
	now_ms += 1000;
	link_of_host = "02:00:00:00:00:0a";
	open_port(8082);
}

/* A host that changes its link-layer address for each request. */
static void test_an_interface_has_a_rate(void **state)
{
	char link[32];
	struct asker a;

	limit_rate(1);
	for (uint16_t i = 0; i < MAP_IFACE_RATES + 1; i++) {
		snprintf(link, sizeof(link), "02:00:00:00:02:%02x", i);
		link_of_host = link;
		a = asker(ANN, LAN, ANN, 8080 + i);
		assert_int_equal(add(&a), i < MAP_IFACE_RATES ?
				 REFUSAL_NONE : REFUSAL_RATE);
	}
}

/* A host keeps its token when the interface has none left. */
static void test_a_refusal_of_the_interface_is_free(void **state)
{
	char link[32];
	struct asker a;

	limit_rate(1);
	for (uint16_t i = 0; i < MAP_IFACE_RATES; i++) {
		snprintf(link, sizeof(link), "02:00:00:00:02:%02x", i);
		link_of_host = link;
		open_port(8080 + i);
	}
	link_of_host = BOB_LINK;
	a = asker(BOB, LAN, BOB, 9000);
	assert_int_equal(add(&a), REFUSAL_RATE);
	now_ms += 1000 / MAP_IFACE_RATES;
	a = asker(BOB, LAN, BOB, 9000);
	assert_int_equal(add(&a), REFUSAL_NONE);
}

/* A dual-stack host asks for an IPv4 mapping over IPv6. */
static void test_a_mapping_over_ipv6(void **state)
{
	struct asker a = asker(ANN, LAN, ANN4, 8080);
	struct nat_rule *r = &a.wait.req.mapping.rule;

	r->kind = NAT_PORTMAP;
	r->ext_port = 8080;
	same = MAP_SAME;
	assert_int_equal(add(&a), REFUSAL_NONE);
	assert_int_equal(portmap_count(pm), 1);
	a = asker("fe80::a", LAN, ANN4, 8080);
	r = &a.wait.req.mapping.rule;
	r->kind = NAT_PORTMAP;
	r->ext_port = 8080;
	assert_int_equal(delete(&a), REFUSAL_NONE);
	same = MAP_OTHER;
	a = asker(ANN, LAN, ANN4, 8080);
	r = &a.wait.req.mapping.rule;
	r->kind = NAT_PORTMAP;
	r->ext_port = 8080;
	assert_int_equal(add(&a), REFUSAL_SECURE);
}

/* Two IPv4 hosts behind a Wi-Fi repeater have its link-layer address. */
static void test_a_mapping_for_another_ipv4_host(void **state)
{
	struct asker a = asker("192.168.88.11", LAN, ANN4, 8080), b = a;
	struct asker ann = asker(ANN4, LAN, ANN4, 8080);

	same = MAP_SAME;
	a.wait.req.mapping.rule.kind = NAT_PORTMAP;
	a.wait.req.mapping.rule.ext_port = 8080;
	b.wait.req.mapping.rule = ann.wait.req.mapping.rule =
		a.wait.req.mapping.rule;
	assert_int_equal(add(&a), REFUSAL_SECURE);
	assert_int_equal(add(&ann), REFUSAL_NONE);
	assert_int_equal(delete(&b), REFUSAL_OWNER);
	assert_int_equal(asked, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_first_id_is_not_known_before),
		T(test_a_renewal_keeps_the_id),
		T(test_an_id_is_not_used_again_soon),
		T(test_an_id_in_use_is_skipped),
		T(test_an_unknown_id_is_not_found),
		T(test_pinholes_do_not_change_the_update_id),
		T(test_answers_find_the_table_of_their_op),
		T(test_without_a_table_there_are_no_pinholes),
		T(test_another_prefix_suspends),
		T(test_all_ports_need_a_line),
		T(test_any_port_is_no_way_round_the_lines),
		T(test_refusals_name_the_line_to_add),
		T(test_clients_that_get_none),
		T(test_another_address_of_the_same_host),
		T(test_the_address_that_asks_needs_no_table),
		T(test_another_host_gets_nothing),
		T(test_an_address_of_another_link_is_not_claimed),
		T(test_the_policy_applies_to_the_other_address),
		T(test_a_request_waits_for_the_table),
		T(test_a_waiting_request_is_cancelled),
		T(test_few_requests_wait),
		T(test_the_host_changes_it_from_any_address),
		T(test_another_host_changes_nothing),
		T(test_the_same_link_layer_address_elsewhere),
		T(test_the_same_link_local_address_elsewhere),
		T(test_a_change_waits_for_the_table),
		T(test_the_operators_pinhole_stays),
		T(test_a_host_has_one_share),
		T(test_a_renewal_moves_the_count),
		T(test_a_restart_does_not_renew_a_share),
		T(test_a_restart_takes_no_pinhole),
		T(test_the_table_is_full),
		T(test_an_interface_leaves_room_for_others),
		T(test_new_pinholes_have_a_rate),
		T(test_an_interface_has_a_rate),
		T(test_a_refusal_of_the_interface_is_free),
		T(test_a_mapping_over_ipv6),
		T(test_a_mapping_for_another_ipv4_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
