/* SPDX-License-Identifier: ISC */
/* test_upwait.c - requests that wait for the NAT in front of the router, and
 * ports that differ from ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "map/told.h"
#include "map/upwait.h"
#include "tests/unit/map/coretest.h"

static enum map_upstream says;
static uint16_t says_port;
static unsigned asked;

static enum map_upstream upstream(void *arg, const struct pm_entry *e,
				  uint16_t *ret_port)
{
	asked++;
	*ret_port = says_port;
	return says;
}

static struct map_ops ops;

static int set_up(void **state)
{
	core_set_up(state);
	ops = core_ops;
	ops.upstream = upstream;
	map.ops = &ops;
	says = MAP_UPSTREAM_ASKED;
	says_port = 0;
	asked = 0;
	return 0;
}

static size_t count(void)
{
	return portmap_count(map.pm);
}

/* The client is answered when both the kernel and the upstream have it. */
static void test_waits_for_both(void **state)
{
	struct answer a;

	assert_int_equal(ask(&a, V4, (struct rq){ .ext_port = 5001 }),
			 MAP_WAIT);
	assert_int_equal(asked, 0);
	answer_all();
	assert_int_equal(asked, 1);
	assert_int_equal(a.n, 0);
	upwait_answer(&map, IPPROTO_UDP, 5001, MAP_UPSTREAM_HELD, 5001);
	upwait_answer(&map, IPPROTO_TCP, 5002, MAP_UPSTREAM_HELD, 5002);
	assert_int_equal(a.n, 0);
	upwait_answer(&map, IPPROTO_TCP, 5001, MAP_UPSTREAM_HELD, 5001);
	assert_int_equal(a.n, 1);
	assert_true(a.why == REFUSAL_NONE && a.has_e);
	assert_int_equal(a.e.told_port, 5001);
	upwait_answer(&map, IPPROTO_TCP, 5001, MAP_UPSTREAM_HELD, 5001);
	assert_int_equal(a.n, 1);
}

/* A pinhole, a refusal of the kernel, and a mapping that is disabled do not
 * concern it. */
static void test_does_not_wait(void **state)
{
	struct answer a;

	assert_int_equal(get(&a, V6, (struct rq){ 0 }), REFUSAL_NONE);
	ask(&a, V4, (struct rq){ 0 });
	answer(NAT_EFAIL);
	assert_int_equal(a.why, REFUSAL_FIREWALL);
	assert_int_equal(get(&a, V4, (struct rq){ .disabled = true }),
			 REFUSAL_NONE);
	assert_int_equal(asked, 0);
}

static void test_refusal_is_a_warning_or_an_error(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_REFUSED;
	assert_int_equal(get(&a, V4, (struct rq){ 0 }), REFUSAL_NONE);
	assert_int_equal(count(), 1);
	map.upstream_only = true;
	/* a renewal is refused, but what was there stays */
	assert_int_equal(get(&a, V4, (struct rq){ 0 }), REFUSAL_UPSTREAM);
	assert_int_equal(count(), 1);
	assert_int_equal(get(&a, V4, (struct rq){ .ext_port = 5001 }),
			 REFUSAL_UPSTREAM);
	assert_false(a.has_e);
	assert_int_equal(last_refused.why, REFUSAL_UPSTREAM);
	assert_int_equal(count(), 1);
	says = MAP_UPSTREAM_NONE;
	assert_int_equal(get(&a, V4, (struct rq){ .ext_port = 5001 }),
			 REFUSAL_NO_ADDRESS);
	says = MAP_UPSTREAM_ASKED;
	get(&a, V4, (struct rq){ .ext_port = 5001 });
	refused = wakes = 0;
	upwait_answer(&map, IPPROTO_TCP, 5001, MAP_UPSTREAM_REFUSED, 0);
	assert_int_equal(a.why, REFUSAL_UPSTREAM);
	assert_int_equal(refused, 1);
	assert_int_equal(wakes, 1);	/* for the deletion of its rule */
	answer_all();
	assert_int_equal(count(), 1);
}

/* RFC 6970: who asks for one port gets an error, who takes any is told it. */
static void test_other_port(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_HELD;
	says_port = 6000;
	assert_int_equal(get(&a, V4, (struct rq){ 0 }), REFUSAL_UPSTREAM_PORT);
	assert_int_equal(count(), 0);
	assert_int_equal(get(&a, V4, (struct rq){ .port = MAP_PORT_ANY }),
			 REFUSAL_NONE);
	assert_true(a.e.told_port == 6000 && a.e.rule.ext_port == 5000);
	assert_int_equal(told_rule_port(&map, IPPROTO_TCP, 6000, addr_any(),
					addr_any()), 5000);
	assert_int_equal(told_rule_port(&map, IPPROTO_UDP, 6000, addr_any(),
					addr_any()), 6000);
	assert_int_equal(told_rule_port(&map, IPPROTO_TCP, 6000,
					host_addr(V4, BOB), addr_any()), 6000);
	/* PREFER_FAILURE */
	assert_int_equal(get(&a, V4, (struct rq){
		.by = ORIGIN_PCP, .port = MAP_PORT_OWN_ONLY, .nonce = 1,
		.int_port = 5001, .ext_port = 5001,
	}), REFUSAL_UPSTREAM_PORT);
	assert_int_equal(count(), 1);
}

/* The client renews and deletes by the port that it was told. */
static void test_client_knows_the_told_port(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_HELD;
	says_port = 6000;
	get(&a, V4, (struct rq){ .port = MAP_PORT_ANY });
	assert_int_equal(get(&a, V4, (struct rq){ .ext_port = 6000 }),
			 REFUSAL_NONE);
	assert_int_equal(get(&a, V4, (struct rq){ .ext_port = 6000,
						  .port = MAP_PORT_ANY }),
			 REFUSAL_NONE);
	assert_int_equal(count(), 1);
	/* another client means our port 6000 */
	assert_int_equal(get(&a, V4, (struct rq){ .from = BOB,
						  .ext_port = 6000 }),
			 REFUSAL_NONE);
	assert_int_equal(count(), 2);
	assert_int_equal(delete(&a, V4, (struct rq){ .ext_port = 6000 }),
			 REFUSAL_NONE);
	assert_int_equal(portmap_on_port(map.pm, IPPROTO_TCP, 5000, PM_NONE),
			 PM_NONE);
}

/* Two clients were told the same port, because the upstream did not answer for
 * one of them. Each deletes its own. */
static void test_own_mapping_comes_first(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_HELD;
	says_port = 6000;
	get(&a, V4, (struct rq){ .port = MAP_PORT_ANY });
	says = MAP_UPSTREAM_REFUSED;
	assert_int_equal(get(&a, V4, (struct rq){ .from = BOB,
						  .ext_port = 6000 }),
			 REFUSAL_NONE);
	assert_int_equal(delete(&a, V4, (struct rq){ .from = BOB,
						     .ext_port = 6000 }),
			 REFUSAL_NONE);
	assert_int_equal(portmap_on_port(map.pm, IPPROTO_TCP, 6000, PM_NONE),
			 PM_NONE);
	assert_int_equal(count(), 1);
}

/* The lease file has the told port: before the upstream answers the next
 * daemon, the client names its mapping by it. */
static void test_told_port_after_a_restart(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_NONE;
	assert_int_equal(get(&a, V4, (struct rq){ 0 }), REFUSAL_NONE);
	portmap_set_told(map.pm, portmap_at(map.pm, 0), 6000);
	assert_int_equal(told_rule_port(&map, IPPROTO_TCP, 6000, addr_any(),
					addr_any()), 5000);
}

/* DeletePortMappingRange means the told ports as well. */
static void test_range_of_told_ports(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_HELD;
	says_port = 6000;
	get(&a, V4, (struct rq){ .port = MAP_PORT_ANY });
	fill(&a, V4, (struct rq){ 0 });
	assert_int_equal(map_delete_range(&map, &a.wait, 5000, 5000, false),
			 REFUSAL_NOT_FOUND);
	fill(&a, V4, (struct rq){ 0 });
	assert_int_equal(map_delete_range(&map, &a.wait, 6000, 6000, false),
			 MAP_WAIT);
	answer_all();
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(count(), 0);
}

/* The upstream's port changes, or there is no upstream any more. */
static void test_told_port_follows(void **state)
{
	struct answer a;

	says = MAP_UPSTREAM_HELD;
	says_port = 5000;
	get(&a, V4, (struct rq){ 0 });
	stored = 0;
	upwait_answer(&map, IPPROTO_TCP, 5000, MAP_UPSTREAM_HELD, 6001);
	assert_int_equal(stored, 1);
	assert_int_equal(portmap_entry(map.pm, portmap_at(map.pm, 0))->told_port,
			 6001);
	upwait_answer(&map, IPPROTO_TCP, 5000, MAP_UPSTREAM_HELD, 6001);
	assert_int_equal(stored, 1);
	upwait_answer(&map, IPPROTO_TCP, 5000, MAP_UPSTREAM_REFUSED, 0);
	assert_int_equal(portmap_entry(map.pm, portmap_at(map.pm, 0))->told_port,
			 6001);
}

static void test_mapping_goes_while_it_waits(void **state)
{
	struct answer a, b, c;

	get(&a, V4, (struct rq){ 0 });
	get(&c, V4, (struct rq){ .ext_port = 5001 });
	assert_int_equal(delete(&b, V4, (struct rq){ 0 }), REFUSAL_NONE);
	assert_int_equal(a.n, 0);
	upwait_gone(&map);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.why, REFUSAL_FIREWALL);
	assert_int_equal(c.n, 0);
	/* the requester of the other has disconnected */
	map_cancel(&map, &c.wait);
	upwait_answer(&map, IPPROTO_TCP, 5001, MAP_UPSTREAM_HELD, 5001);
	assert_int_equal(c.n, 0);
}

/* The network of its client goes while it waits: the owner no longer asks the
 * upstream for the port, so that no answer would come. */
static void test_mapping_is_suspended_while_it_waits(void **state)
{
	struct answer a, c;

	get(&a, V4, (struct rq){ 0 });
	upwait_gone(&map);
	assert_int_equal(a.n, 0);
	map.policy.net_n = 0;
	assert_int_equal(map_apply_policy(&map, now_ms).suspended, 1);
	upwait_gone(&map);
	assert_int_equal(a.n, 1);
	assert_true(a.why == REFUSAL_NONE && a.has_e);
	map.policy.net_n = 2;
	map_apply_policy(&map, now_ms);
	answer_all();
	/* without the upstream, the mapping is worth nothing */
	map.upstream_only = true;
	get(&c, V4, (struct rq){ .ext_port = 5001 });
	map.policy.net_n = 0;
	map_apply_policy(&map, now_ms);
	upwait_gone(&map);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.why, REFUSAL_UPSTREAM);
	answer_all();
	assert_int_equal(count(), 1);
	assert_int_equal(gone, 1);
}

#define UP(fn) cmocka_unit_test_setup_teardown(fn, set_up, core_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UP(test_waits_for_both),
		UP(test_does_not_wait),
		UP(test_refusal_is_a_warning_or_an_error),
		UP(test_other_port),
		UP(test_client_knows_the_told_port),
		UP(test_own_mapping_comes_first),
		UP(test_told_port_after_a_restart),
		UP(test_range_of_told_ports),
		UP(test_told_port_follows),
		UP(test_mapping_goes_while_it_waits),
		UP(test_mapping_is_suspended_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
