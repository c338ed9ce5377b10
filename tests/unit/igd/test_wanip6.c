/* SPDX-License-Identifier: ISC */
/*
 * test_wanip6.c - WANIPv6FirewallControl:1: the arguments' codes, ids, and the
 * requests that wait for a count of packets. The mapping core is real; the test
 * plays the monitor.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "igd/count.h"
#include "igd/igd.h"
#include "igd/upnp_err.h"
#include "igd/wanip6.h"
#include "tests/unit/addrtest.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define LAN 2
#define ANN "2001:db8:88::a"
#define BOB "2001:db8:88::b"

struct requester {
	struct igd_wait wait;
	unsigned answers;
	int err;
	uint32_t value;
	struct requester *cancel, *ask;	/* from within done() */
};

static struct {
	struct map map;
	struct igd igd;
	unsigned counts;	/* asked for */
	struct nat_rule counted;
	bool deaf;		/* the monitor cannot be asked */
	uint32_t outbound_s;
} w;

static void op_wake(void *arg)
{
}

static void op_stored(void *arg, const struct pm_entry *e)
{
}

static void op_gone(void *arg, const struct nat_rule *r)
{
}

static void op_refused(void *arg, const struct refused *r)
{
}

static uint32_t op_rnd(void *arg)
{
	return 0;
}

static const struct map_ops map_ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd,
};

static bool op_packets(void *arg, const struct nat_rule *r)
{
	if (w.deaf)
		return false;
	w.counts++;
	w.counted = *r;
	return true;
}

static uint32_t op_outbound_s(void *arg, uint8_t proto)
{
	return proto == IPPROTO_TCP ? w.outbound_s : 0;
}

static const struct igd_ops igd_ops = {
	.packets = op_packets, .outbound_s = op_outbound_s,
};

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	w.outbound_s = 7440;
	w.igd = (struct igd){ .ops = &igd_ops };
	w.map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &map_ops,
		.pinholes = portmap_new(8, 4),
		.policy = { .secure = true, .net_n = 1,
			    .net = { { LAN, "", {
				addr_of_text("2001:db8:88::1"), 64 } } } },
	};
	map_init(&w.map, portmap_new(4, 4));
	igd_init(&w.igd, &w.map);
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(w.map.pm);
	portmap_free(w.map.pinholes);
	return 0;
}

static int get_packets(struct requester *a, uint16_t id);

static void done(struct igd_wait *wait, int err, uint32_t value)
{
	struct requester *a = (struct requester *)wait;

	a->answers++;
	a->err = (int)upnp_err_code(err);
	a->value = value;
	if (a->cancel)
		igd_cancel(&w.igd, &a->cancel->wait);
	if (a->ask)
		assert_int_equal(get_packets(a->ask, 1), IGD_WAIT);
}

static struct igd_call call_by(struct requester *a, const char *from)
{
	if (a) {
		struct requester *cancel = a->cancel, *ask = a->ask;

		*a = (struct requester){ .wait.done = done, .cancel = cancel,
					 .ask = ask };
	}
	return (struct igd_call){ .n = 2, .version = 1, .now_ms = 1000,
				  .client = addr_of_text(from), .ifindex = LAN,
				  .wait = a ? &a->wait : NULL };
}

static void answer_all(void)
{
	struct nat_op_id id;
	struct nat_op op;

	while (portmap_next_op(w.map.pinholes, &op, &id))
		map_answer(&w.map, id, NAT_OK, 1000);
}

/* Return: the error code; the result is in @a */
static int settle(struct requester *a, struct igd_call *call, int err)
{
	if (err != IGD_WAIT)
		return (int)upnp_err_code(err);
	answer_all();
	assert_int_equal(a->answers, 1);
	call->out[0].u = a->value;
	return a->err;
}

struct tuple {
	const char *from, *remote, *client;
	uint32_t remote_port, port, proto;
};

static void fill(struct igd_call *call, const struct tuple *t)
{
	call->in[0].s = str_z(t->remote);
	call->in[1].u = t->remote_port;
	call->in[2].s = str_z(t->client);
	call->in[3].u = t->port;
	call->in[4].u = t->proto;
	call->in[5].u = 60;
}

static int add(const struct tuple *t, uint32_t *ret_id)
{
	struct requester a = { 0 };
	struct igd_call call = call_by(&a, t->from);
	int err;

	fill(&call, t);
	err = settle(&a, &call, wanip6_add(&w.igd, &call));
	if (ret_id)
		*ret_id = call.out[0].u;
	return err;
}

static const struct tuple plain = { ANN, "", ANN, 0, 8080, 6 };

static int get_packets(struct requester *a, uint16_t id)
{
	struct igd_call call = call_by(a, ANN);

	call.in[0].u = id;
	return wanip6_get_packets(&w.igd, &call);
}

static int check_working(struct requester *a, uint16_t id)
{
	struct igd_call call = call_by(a, ANN);

	call.in[0].u = id;
	return wanip6_check_working(&w.igd, &call);
}

/* ---- arguments ----------------------------------------------------- */

static void test_arguments(void **state)
{
	static const struct {
		struct tuple t;
		int err;
	} row[] = {
		{ { ANN, "", ANN, 0, 8080, 6 }, 0 },
		{ { ANN, "*", ANN, 0, 8080, 17 }, 0 },
		{ { ANN, "::", ANN, 5000, 8080, 33 }, 0 },
		{ { ANN, "2001:db8:1::9", " " ANN " ", 5000, 8080, 136 }, 0 },
		{ { ANN, "", "", 0, 8080, 6 }, 0 },
		{ { ANN, "198.51.100.9", ANN, 0, 8080, 6 }, 600 },
		{ { ANN, "example.org", ANN, 0, 8080, 6 }, 600 },
		{ { ANN, "ff02::1", ANN, 0, 8080, 6 }, 600 },
		{ { ANN, "", "printer", 0, 8080, 6 }, 402 },
		{ { ANN, "", "192.168.88.10", 0, 8080, 6 }, 402 },
		{ { ANN, "", "::", 0, 8080, 6 }, 708 },
		{ { ANN, "", "*", 0, 8080, 6 }, 708 },
		{ { "fe80::a", "", "", 0, 8080, 6 }, 708 },
		{ { "192.168.88.10", "", "", 0, 8080, 6 }, 708 },
		{ { ANN, "", ANN, 0, 8080, 65535 }, 707 },
		{ { ANN, "", ANN, 0, 8080, 0 }, 705 },
		{ { ANN, "", ANN, 0, 8080, 1 }, 705 },
		{ { ANN, "", ANN, 0, 8080, 256 + 6 }, 705 },
		{ { ANN, "", ANN, 0, 0, 6 }, 706 },
		{ { ANN, "", ANN, 0, 80, 6 }, 606 },
		{ { ANN, "", BOB, 0, 8080, 6 }, 606 },
		{ { ANN, "", "2001:db8:99::a", 0, 8080, 6 }, 606 },
	};

	for (size_t i = 0; i < ARRAY_N(row); i++)
		assert_int_equal(add(&row[i].t, NULL), row[i].err);
	assert_int_equal(portmap_count(w.map.pinholes), 4);
}

static void test_the_share_of_a_host(void **state)
{
	struct tuple t = plain;

	for (uint32_t i = 0; i < 4; i++, t.port++)
		assert_int_equal(add(&t, NULL), 0);
	assert_int_equal(add(&t, NULL), 701);
}

static void test_the_status(void **state)
{
	struct igd_call call = call_by(NULL, ANN);

	assert_int_equal(wanip6_get_status(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 1);
	assert_int_equal(call.out[1].u, 1);
	w.igd.wan.firewall6 = NAT_IP6_OPEN;
	assert_int_equal(wanip6_get_status(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 0);
	assert_int_equal(add(&plain, NULL), 702);
	w.igd.wan.firewall6 = NAT_IP6_NONE;
	assert_int_equal(wanip6_get_status(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 1);
	assert_int_equal(call.out[1].u, 0);
	assert_int_equal(add(&plain, NULL), 703);
	w.igd.wan.firewall6 = NAT_IP6_CLOSED;
	portmap_free(w.map.pinholes);
	w.map.pinholes = NULL;
	assert_int_equal(wanip6_get_status(&w.igd, &call), 0);
	assert_int_equal(call.out[1].u, 0);
	assert_int_equal(add(&plain, NULL), 703);
}

static void test_outbound_timeout(void **state)
{
	struct igd_call call = call_by(NULL, ANN);
	struct tuple t = plain;

	t.port = 80;	/* a client's port, of a flow that it opens */
	fill(&call, &t);
	assert_int_equal(wanip6_get_timeout(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 7440);
	call.in[3].u = 0;
	assert_int_equal(upnp_err_code(wanip6_get_timeout(&w.igd, &call)),
			 706);
	call.in[3].u = 80;
	call.in[4].u = IPPROTO_SCTP;
	assert_int_equal(wanip6_get_timeout(&w.igd, &call), 501);
	w.igd.wan.firewall6 = NAT_IP6_OPEN;
	assert_int_equal(upnp_err_code(wanip6_get_timeout(&w.igd, &call)),
			 702);
}

/* ---- ids ----------------------------------------------------------- */

static void test_update_and_delete(void **state)
{
	struct requester a = { 0 };
	struct igd_call call;
	uint32_t id, again;

	assert_int_equal(add(&plain, &id), 0);
	assert_int_equal(add(&plain, &again), 0);
	assert_int_equal(id, 1);
	assert_int_equal(again, 1);
	call = call_by(&a, ANN);
	call.in[0].u = id;
	call.in[1].u = 86400;
	assert_int_equal(settle(&a, &call, wanip6_update(&w.igd, &call)), 0);
	assert_int_equal(portmap_lease_left(portmap_entry(w.map.pinholes,
			 portmap_by_id(w.map.pinholes, 1)), 1000), 86400);
	call = call_by(&a, BOB);
	call.in[0].u = id;
	call.in[1].u = 60;
	assert_int_equal(settle(&a, &call, wanip6_update(&w.igd, &call)), 606);
	call = call_by(&a, BOB);
	call.in[0].u = id;
	assert_int_equal(settle(&a, &call, wanip6_delete(&w.igd, &call)), 606);
	call = call_by(&a, ANN);
	call.in[0].u = id;
	assert_int_equal(settle(&a, &call, wanip6_delete(&w.igd, &call)), 0);
	call = call_by(&a, ANN);
	call.in[0].u = id;
	assert_int_equal(settle(&a, &call, wanip6_delete(&w.igd, &call)), 704);
	call = call_by(&a, ANN);
	call.in[0].u = id;
	assert_int_equal(settle(&a, &call, wanip6_update(&w.igd, &call)), 704);
}

/* ---- counts -------------------------------------------------------- */

static void test_counts_are_asked_for_one_by_one(void **state)
{
	struct requester a = { 0 }, b = { 0 }, c = { 0 };

	assert_int_equal(add(&plain, NULL), 0);
	assert_int_equal(get_packets(&a, 1), IGD_WAIT);
	assert_int_equal(check_working(&b, 1), IGD_WAIT);
	assert_int_equal(check_working(&c, 1), IGD_WAIT);
	assert_int_equal(w.counts, 1);
	assert_int_equal(w.counted.int_port, 8080);
	count_done(&w.igd, NAT_OK, UINT64_C(0x100000005));
	assert_int_equal(a.err, 0);
	assert_int_equal(a.value, 5);	/* modulo 2^32 */
	assert_int_equal(w.counts, 2);
	count_done(&w.igd, NAT_OK, 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(b.value, 1);
	count_done(&w.igd, NAT_OK, 0);
	assert_int_equal(c.err, 709);
	assert_int_equal(w.counts, 3);
	assert_int_equal(get_packets(&a, 1), IGD_WAIT);
	count_done(&w.igd, NAT_EFAIL, 7);
	assert_int_equal(a.err, 501);
	/* an answer that nobody waits for */
	count_done(&w.igd, NAT_OK, 7);
	assert_int_equal(a.answers, 1);
}

static void test_a_count_is_the_owners(void **state)
{
	struct requester a = { 0 };
	struct igd_call call;

	assert_int_equal(add(&plain, NULL), 0);
	call = call_by(&a, BOB);
	call.in[0].u = 1;
	assert_int_equal(wanip6_get_packets(&w.igd, &call), 606);
	assert_int_equal(upnp_err_code(get_packets(&a, 2)), 704);
	assert_int_equal(w.counts, 0);
}

/* The answer to the first one must not be taken for that of the second. */
static void test_a_requester_disconnects(void **state)
{
	struct requester a = { 0 }, b = { 0 }, c = { 0 };

	assert_int_equal(add(&plain, NULL), 0);
	assert_int_equal(get_packets(&a, 1), IGD_WAIT);
	assert_int_equal(get_packets(&b, 1), IGD_WAIT);
	assert_int_equal(get_packets(&c, 1), IGD_WAIT);
	igd_cancel(&w.igd, &a.wait);
	igd_cancel(&w.igd, &c.wait);
	count_done(&w.igd, NAT_OK, 1);
	assert_int_equal(b.answers, 0);
	assert_int_equal(w.counts, 2);
	count_done(&w.igd, NAT_OK, 2);
	assert_int_equal(b.value, 2);
	assert_int_equal(a.answers + c.answers, 0);
	assert_int_equal(w.counts, 2);
}

static void test_done_asks_and_cancels(void **state)
{
	struct requester a = { 0 }, b = { 0 }, c = { 0 };

	assert_int_equal(add(&plain, NULL), 0);
	a.cancel = &b;
	a.ask = &c;
	assert_int_equal(get_packets(&a, 1), IGD_WAIT);
	assert_int_equal(get_packets(&b, 1), IGD_WAIT);
	count_done(&w.igd, NAT_OK, 1);
	assert_int_equal(w.counts, 2);
	count_done(&w.igd, NAT_OK, 2);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	assert_int_equal(c.value, 2);
}

static void test_nobody_can_be_asked(void **state)
{
	struct requester a = { 0 }, b = { 0 };

	assert_int_equal(add(&plain, NULL), 0);
	assert_int_equal(get_packets(&a, 1), IGD_WAIT);
	assert_int_equal(get_packets(&b, 1), IGD_WAIT);
	w.deaf = true;
	count_done(&w.igd, NAT_OK, 3);
	assert_int_equal(a.value, 3);
	assert_int_equal(b.err, 501);
	assert_int_equal(get_packets(&a, 1), UPNP_ACTION_FAILED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_arguments),
		T(test_the_share_of_a_host),
		T(test_the_status),
		T(test_outbound_timeout),
		T(test_update_and_delete),
		T(test_counts_are_asked_for_one_by_one),
		T(test_a_count_is_the_owners),
		T(test_a_requester_disconnects),
		T(test_done_asks_and_cancels),
		T(test_nobody_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
