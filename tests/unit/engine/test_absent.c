/* SPDX-License-Identifier: ISC */
/*
 * test_absent.c - the mappings of an absent client end, and no others. The
 * neighbour table and the clock are fakes in this file.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "engine/absent.h"
#include "sys/neigh.h"
#include "sys/netif.h"
#include "tests/unit/addrtest.h"

#define LAN 2
#define ANN addr_of_text("192.168.88.10")
#define BOB addr_of_text("192.168.88.11")
#define FAR addr_of_text("172.31.0.5")	/* behind another router */
#define TIMEOUT_S 600
#define MANY 100

static struct absent absent;
static struct map map;
static struct loop *loop;
static uint64_t now_ms;
static enum neigh_seen ann, bob;
static unsigned looks, probes, told;
static struct engine_kept kept;
static bool running;

enum neigh_seen neigh_seen(int ifindex, struct addr a)
{
	assert_int_equal(ifindex, LAN);
	looks++;
	return addr_equal(a, ANN) ? ann : bob;
}

void neigh_probe(int ifindex, struct addr a)
{
	assert_int_equal(ifindex, LAN);
	probes++;
}

bool netif_is_running(int ifindex)
{
	assert_int_equal(ifindex, LAN);
	return running;
}

static uint64_t fake_clock(void)
{
	return now_ms;
}

static void on_gone(void *arg)
{
	told++;
}

static void put_net(const char *text, uint8_t bits, bool routed)
{
	struct netif_addr *net = &map.policy.net[map.policy.net_n++];

	net->ifindex = LAN;
	net->net = (struct addr_net){ addr_of_text(text), bits };
	net->routed = routed;
}

static void open_absent(uint32_t timeout_s)
{
	absent = (struct absent){
		.timeout_s = timeout_s, .map = &map, .kept = &kept,
		.gone = on_gone,
	};
	assert_int_equal(absent_open(&absent, loop), 0);
}

/* Another engine begins, with the mappings that there are. */
static void restart(void)
{
	absent_close(&absent);
	open_absent(TIMEOUT_S);
}

static int set_up(void **state)
{
	now_ms = 1000000;
	ann = bob = NEIGH_THERE;
	looks = probes = told = 0;
	running = true;
	kept = (struct engine_kept){ 0 };
	memset(&map, 0, sizeof(map));
	map.pm = portmap_new(MANY, MANY);
	put_net("192.168.88.1", 24, false);
	put_net("172.31.0.0", 16, true);
	loop = loop_new(4, fake_clock);
	open_absent(TIMEOUT_S);
	return 0;
}

static int tear_down(void **state)
{
	absent_close(&absent);
	portmap_free(map.pm);
	loop_free(loop);
	return 0;
}

/* A mapping that the kernel has. Return: its slot */
static uint16_t have(struct addr client, uint16_t port, uint32_t lease_s,
		     enum origin origin)
{
	const struct pm_req q = {
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = client, .remote = addr_any(),
			  .ext_port = port, .int_port = port },
		.enabled = true, .origin = (uint8_t)origin,
		.requester = client, .lease_s = lease_s,
	};
	struct nat_op_id id;
	struct nat_rule rule;
	struct nat_op op;
	uint16_t slot;

	assert_int_equal(portmap_add(map.pm, &q, now_ms, &slot), PM_STARTED);
	assert_true(portmap_next_op(map.pm, &op, &id));
	portmap_done(map.pm, id, NAT_OK, now_ms, &slot, &rule);
	return slot;
}

/* Time passes in steps of a second. */
static void pass(uint32_t s)
{
	while (s--) {
		now_ms += 1000;
		for (int i = 0; i < 8; i++)
			loop_step(loop, 0);
	}
}

static bool ended(uint16_t slot)
{
	const struct pm_entry *e = portmap_entry(map.pm, slot);

	return e->absent_s && e->expires_ms && e->expires_ms <= now_ms;
}

static void an_absent_client_loses_its_mapping(void **state)
{
	uint16_t of_ann = have(ANN, 40000, 0, ORIGIN_UPNP);
	uint16_t of_bob = have(BOB, 40001, 0, ORIGIN_UPNP);

	pass(2 * TIMEOUT_S);
	assert_int_equal(told, 0);
	ann = NEIGH_SILENT;
	pass(TIMEOUT_S - 1);
	assert_int_equal(told, 0);
	assert_false(ended(of_ann));
	pass(3 * ABSENT_ROUND_MS / 1000);
	assert_int_equal(told, 1);
	assert_true(ended(of_ann));
	assert_in_range(portmap_entry(map.pm, of_ann)->absent_s, TIMEOUT_S,
			TIMEOUT_S + ABSENT_ROUND_MS / 1000);
	assert_false(ended(of_bob));
}

/* A moment after it was asked for, the kernel still asks or has given up. Later
 * it may have dropped the entry. */
static void the_table_is_read_while_the_kernel_asks(void **state)
{
	unsigned before;

	have(ANN, 40000, 0, ORIGIN_UPNP);
	for (int i = 0; i < 5; i++) {
		before = looks;
		while (probes == looks)
			pass(1);
		assert_int_equal(looks, before);
		pass((ABSENT_ASK_MS + 999) / 1000);
		assert_int_equal(looks, before + 1);
	}
}

/* From one look to the next, the kernel asks. */
static void it_is_asked_for_in_each_round(void **state)
{
	have(ANN, 40000, 0, ORIGIN_UPNP);
	pass(10 * ABSENT_ROUND_MS / 1000);
	assert_in_range(probes, 9, 11);
	assert_in_range(looks, probes - 1, probes);
}

/* It sleeps for longer than the kernel asks, and returns before the end. */
static void a_client_that_returns_keeps_its_mapping(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP);

	for (int i = 0; i < 5; i++) {
		ann = NEIGH_SILENT;
		pass(TIMEOUT_S - ABSENT_ROUND_MS / 1000);
		ann = NEIGH_THERE;
		pass(ABSENT_ROUND_MS / 1000 + 1);
	}
	assert_int_equal(told, 0);
	assert_false(ended(slot));
}

/* The link is down, or the table cannot be read: this time does not count, and
 * afterwards the client has what was left of its time. */
static void time_without_a_view_does_not_count(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP);

	ann = NEIGH_SILENT;
	pass(TIMEOUT_S / 2);
	running = false;
	pass(4 * TIMEOUT_S);
	running = true;
	ann = NEIGH_UNKNOWN;
	pass(4 * TIMEOUT_S);
	assert_int_equal(told, 0);
	ann = NEIGH_SILENT;
	pass(TIMEOUT_S / 2 - ABSENT_ROUND_MS / 1000);
	assert_int_equal(told, 0);
	pass(4 * ABSENT_ROUND_MS / 1000);
	assert_true(ended(slot));
}

/* The next engine counts on. It takes two looks of its own to end a mapping. */
static void a_restart_does_not_begin_anew(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP);

	ann = NEIGH_SILENT;
	for (int i = 0; i < 4; i++) {
		pass(TIMEOUT_S / 4 - 5);
		assert_int_equal(told, 0);
		restart();
		pass(5);
	}
	assert_int_equal(told, 0);
	pass(5 * ABSENT_ROUND_MS / 1000);
	assert_true(ended(slot));
}

/* A short option after a reload: all that were silent end, but those that are
 * there do not. */
static void a_restart_makes_nobody_absent(void **state)
{
	uint16_t of_ann = have(ANN, 40000, 0, ORIGIN_UPNP);
	uint16_t of_bob = have(BOB, 40001, 0, ORIGIN_UPNP);

	ann = bob = NEIGH_SILENT;
	pass(TIMEOUT_S - 2 * ABSENT_ROUND_MS / 1000);
	absent_close(&absent);
	now_ms += 20000;
	open_absent(TIMEOUT_S / 4);
	bob = NEIGH_THERE;
	pass(5);
	assert_int_equal(told, 0);
	pass(2 * ABSENT_ROUND_MS / 1000);
	assert_true(ended(of_ann));
	assert_false(ended(of_bob));
}

/* Only mappings that the last engine had take its time over. */
static void a_new_mapping_after_a_restart_begins_anew(void **state)
{
	have(ANN, 40000, 0, ORIGIN_UPNP);
	ann = NEIGH_SILENT;
	pass(TIMEOUT_S - 2 * ABSENT_ROUND_MS / 1000);
	restart();
	assert_true(ended(have(ANN, 40001, 0, ORIGIN_UPNP)) == false);
	pass(5 * ABSENT_ROUND_MS / 1000);
	assert_int_equal(told, 1);
	assert_true(ended(portmap_at(map.pm, 0)));
	assert_false(ended(portmap_at(map.pm, 1)));
}

/* What is left to the next engine is bounded, and what is over leaves it. */
static void the_list_for_the_next_engine_is_bounded(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP);

	for (size_t i = 0; i < ABSENT_KEPT_MAX; i++)
		kept.absent[i] = (struct absent_kept){
			addr_of_text("192.168.88.99"), true, UINT64_MAX };
	ann = NEIGH_SILENT;
	pass(3 * ABSENT_ROUND_MS / 1000);	/* there was no place at first */
	assert_int_equal(kept.absent[0].client.family, ADDR_IP4);
	assert_true(addr_equal(kept.absent[0].client, ANN));
	for (size_t i = 1; i < ABSENT_KEPT_MAX; i++)
		assert_int_equal(kept.absent[i].client.family, ADDR_NONE);
	ann = NEIGH_THERE;
	pass(ABSENT_ROUND_MS / 1000);
	assert_int_equal(kept.absent[0].client.family, ADDR_NONE);
	assert_false(ended(slot));
}

static void nothing_shown_is_no_absence(void **state)
{
	have(ANN, 40000, 0, ORIGIN_UPNP);
	ann = NEIGH_UNKNOWN;
	pass(4 * TIMEOUT_S);
	assert_int_equal(told, 0);
}

static void others_are_not_looked_for(void **state)
{
	ann = bob = NEIGH_SILENT;
	have(ANN, 40000, 3600 * 24, ORIGIN_UPNP);
	have(ANN, 40001, 0, ORIGIN_OPERATOR);
	have(FAR, 40002, 0, ORIGIN_UPNP);
	pass(4 * TIMEOUT_S);
	assert_int_equal(looks, 0);
	assert_int_equal(probes, 0);
	assert_int_equal(told, 0);
}

/* A slot is used again: its client has the whole time. */
static void a_new_mapping_begins_anew(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP), other;
	struct nat_op_id id;
	struct nat_rule rule;
	struct nat_op op;

	ann = NEIGH_SILENT;
	pass(TIMEOUT_S - 1);
	assert_int_equal(portmap_delete(map.pm, slot, &other), PM_STARTED);
	assert_true(portmap_next_op(map.pm, &op, &id));
	portmap_done(map.pm, id, NAT_OK, now_ms, &other, &rule);
	assert_int_equal(have(ANN, 40001, 0, ORIGIN_UPNP), slot);
	pass(TIMEOUT_S - 1);
	assert_int_equal(told, 0);
	pass(3 * ABSENT_ROUND_MS / 1000);
	assert_true(ended(slot));
}

/* A renewal wins over an end that has not been carried out. */
static void a_renewal_takes_the_end_back(void **state)
{
	uint16_t slot = have(ANN, 40000, 0, ORIGIN_UPNP);

	portmap_end(map.pm, slot, 1, now_ms);
	assert_true(ended(slot));
	slot = have(ANN, 40000, 0, ORIGIN_UPNP);
	assert_int_equal(portmap_count(map.pm), 1);
	assert_int_equal(portmap_entry(map.pm, slot)->expires_ms, 0);
	assert_int_equal(portmap_entry(map.pm, slot)->absent_s, 0);
}

/* A full table takes several turns, and each client is seen in its round. */
static void a_turn_is_short(void **state)
{
	for (uint16_t i = 0; i < MANY; i++)
		have(ANN, (uint16_t)(40000 + i), 0, ORIGIN_UPNP);
	loop_step(loop, 0);
	assert_int_equal(probes, ABSENT_TURN);
	now_ms += ABSENT_TURN_MS;
	loop_step(loop, 0);
	assert_int_equal(probes, 2 * ABSENT_TURN);
	for (int i = 0; i < 10; i++)
		pass(1);
	assert_int_equal(probes, MANY);
	assert_int_equal(looks, MANY);
	ann = NEIGH_SILENT;
	pass(TIMEOUT_S + 3 * ABSENT_ROUND_MS / 1000);
	for (uint16_t i = 0; i < MANY; i++)
		assert_true(ended(portmap_at(map.pm, i)));
}

static void zero_is_off(void **state)
{
	absent_close(&absent);
	open_absent(0);
	have(ANN, 40000, 0, ORIGIN_UPNP);
	ann = NEIGH_SILENT;
	pass(4 * TIMEOUT_S);
	assert_int_equal(looks, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_absent_client_loses_its_mapping),
		T(it_is_asked_for_in_each_round),
		T(a_client_that_returns_keeps_its_mapping),
		T(the_table_is_read_while_the_kernel_asks),
		T(time_without_a_view_does_not_count),
		T(a_restart_does_not_begin_anew),
		T(a_restart_makes_nobody_absent),
		T(a_new_mapping_after_a_restart_begins_anew),
		T(the_list_for_the_next_engine_is_bounded),
		T(nothing_shown_is_no_absence),
		T(others_are_not_looked_for),
		T(a_new_mapping_begins_anew),
		T(a_renewal_takes_the_end_back),
		T(a_turn_is_short),
		T(zero_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
