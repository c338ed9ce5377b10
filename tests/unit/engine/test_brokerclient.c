/* SPDX-License-Identifier: ISC */
/* test_brokerclient.c - the engine sends each op once and in order, with a
 * limit of ops in flight, a sync has every rule, and an invalid message from
 * the monitor is fatal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/brokerclient.h"

static struct loop *loop;
static struct portmap *pm, *holes;	/* mappings and pinholes */
static struct brokerclient line;
static int monitor;
static unsigned answers, lost, repaired;
static uint64_t packets;

static void on_mapping_done(void *arg, struct nat_op_id id, enum nat_err err)
{
	struct nat_rule gone;
	uint16_t slot;

	answers++;
	portmap_done(pm, id, err, 0, &slot, &gone);
}

static void on_pinhole_done(void *arg, struct nat_op_id id, enum nat_err err)
{
	struct nat_rule gone;
	uint16_t slot;

	answers++;
	portmap_done(holes, id, err, 0, &slot, &gone);
}

static void on_answer(void *arg, const struct broker_rep *rep)
{
	answers++;
	repaired += rep->repaired;
	packets = rep->packets;
}

static unsigned notices;
static struct broker_rep noticed;	/* the last one */

static void on_notice(void *arg, const struct broker_rep *rep)
{
	notices++;
	noticed = *rep;
}

static void on_lost(void *arg)
{
	lost++;
}

static int setup(void **state)
{
	int fd[2];

	answers = lost = repaired = notices = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK,
				    0, fd), 0);
	monitor = fd[1];
	loop = loop_new(4, NULL);
	pm = portmap_new(1000, 1000);
	holes = NULL;
	line = (struct brokerclient){
		.table[NAT_PORTMAP] = { pm, on_mapping_done },
		.answer = on_answer, .notice = on_notice, .lost = on_lost,
		.synced = true,
	};
	assert_int_equal(brokerclient_open(&line, loop, fd[0]), 0);
	return 0;
}

/* A second table, for pinholes. */
static int setup_two(void **state)
{
	int err = setup(state);

	holes = portmap_new(1000, 1000);
	line.table[NAT_PINHOLE] = (struct brokerclient_table){
		holes, on_pinhole_done,
	};
	return err;
}

static int teardown(void **state)
{
	loop_free(loop);
	portmap_free(pm);
	portmap_free(holes);
	close(line.chan.fd);
	if (monitor >= 0)
		close(monitor);
	return 0;
}

static struct pm_req request(uint16_t port, bool enabled)
{
	struct pm_req r = {
		.rule = { .client = addr_ip4(0xc0a85802),
			  .remote = addr_any(), .ext_port = port,
			  .int_port = port, .kind = NAT_PORTMAP,
			  .proto = IPPROTO_UDP },
		.enabled = enabled,
	};

	return r;
}

static void add(uint16_t port)
{
	struct pm_req r = request(port, true);
	uint16_t slot;

	assert_int_equal(portmap_add(pm, &r, 0, &slot), PM_STARTED);
}

static struct pm_req pinhole(uint16_t port)
{
	struct pm_req r = {
		.rule = { .remote = addr_any(), .int_port = port,
			  .kind = NAT_PINHOLE, .proto = IPPROTO_UDP },
		.enabled = true,
	};

	assert_true(addr_parse(STR("2001:db8::10"), &r.rule.client));
	return r;
}

static void add_pinhole(uint16_t port)
{
	struct pm_req r = pinhole(port);
	uint16_t slot;

	assert_int_equal(portmap_add(holes, &r, 0, &slot), PM_STARTED);
}

/* Return: the next request that the monitor reads; verb 0: there is none */
static struct broker_req next(void)
{
	struct broker_req req = { 0 };

	if (recv(monitor, &req, sizeof(req), 0) != sizeof(req))
		memset(&req, 0, sizeof(req));
	return req;
}

static void reply(const struct broker_req *req, enum nat_err err)
{
	struct broker_rep rep = {
		BROKER_VERSION, req->verb, (int32_t)err, req->id, 0,
	};

	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
}

static void test_op_is_sent_and_answered(void **state)
{
	struct broker_req req;

	add(8080);
	brokerclient_pump(&line);
	req = next();
	assert_int_equal(req.verb, BROKER_SET);
	assert_int_equal(req.rule.ext_port, 8080);
	assert_int_equal(portmap_count(pm), 0);
	reply(&req, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(answers, 1);
	assert_int_equal(portmap_count(pm), 1);
}

static void test_ops_in_flight_have_a_limit(void **state)
{
	unsigned sent = 0;
	struct broker_req req, first = { 0 };

	for (uint16_t port = 1; port <= 300; port++)
		add(port);
	brokerclient_pump(&line);
	while ((req = next()).verb) {
		if (!sent++)
			first = req;
	}
	assert_int_equal(sent, 128);
	reply(&first, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(next().verb, BROKER_SET); /* one more may be sent */
	assert_int_equal(next().verb, 0);
}

static void test_sync_waits_for_ops_in_flight(void **state)
{
	struct broker_req req, set;

	add(1);
	brokerclient_pump(&line);
	set = next();
	brokerclient_sync(&line, 3);
	add(2);
	brokerclient_pump(&line);
	assert_int_equal(next().verb, 0);	/* SET 1 is in flight */
	reply(&set, NAT_OK);
	loop_step(loop, 0);
	req = next();
	assert_int_equal(req.verb, BROKER_REFRESH);
	assert_int_equal(req.ext_index, 3);
	req = next();
	assert_int_equal(req.verb, BROKER_SYNC_RULE);
	assert_int_equal(req.rule.ext_port, 1);
	assert_int_equal(next().verb, BROKER_SYNC_END);
	req = next();
	assert_int_equal(req.verb, BROKER_SET);	/* the op that waited */
	assert_int_equal(req.rule.ext_port, 2);
}

static void test_sync_omits_disabled_mappings(void **state)
{
	struct pm_req off = request(1, false), on = request(2, true);

	assert_int_equal(portmap_restore(pm, &off, 0), PM_DONE);
	assert_int_equal(portmap_restore(pm, &on, 0), PM_DONE);
	brokerclient_sync(&line, 3);
	assert_int_equal(next().verb, BROKER_REFRESH);
	assert_int_equal(next().rule.ext_port, 2);
	assert_int_equal(next().verb, BROKER_SYNC_END);
}

/* Overruled mappings have no rule. A mapping that is only checked has one. */
static void test_sync_has_the_rules_in_force(void **state)
{
	struct pm_req r;
	uint16_t slot;

	for (uint16_t port = 1; port <= 3; port++) {
		r = request(port, true);
		assert_int_equal(portmap_restore(pm, &r, 0), PM_DONE);
	}
	assert_true(portmap_overrule(pm, portmap_at(pm, 0)));
	assert_int_equal(portmap_reconfirm(pm, portmap_at(pm, 1), &slot),
			 PM_STARTED);
	assert_int_equal(portmap_resume(pm, portmap_at(pm, 0)), PM_STARTED);
	brokerclient_sync(&line, 3);
	assert_int_equal(next().verb, BROKER_REFRESH);
	assert_int_equal(next().rule.ext_port, 2);
	assert_int_equal(next().rule.ext_port, 3);
	assert_int_equal(next().verb, BROKER_SYNC_END);
	assert_int_equal(next().rule.ext_port, 2);	/* the ops */
	assert_int_equal(next().rule.ext_port, 1);
}

/* A notice is not the answer to a request. */
static void test_notices_of_the_monitor(void **state)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_TAKEN,
		.err = NAT_EFORWARDED, .rule = request(7, true).rule,
	};
	struct broker_req req;

	brokerclient_verify(&line);
	req = next();
	assert_int_equal(req.verb, BROKER_VERIFY);
	assert_int_equal(line.in_flight, 1);
	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
	loop_step(loop, 0);
	assert_int_equal(notices, 1);
	assert_int_equal(noticed.verb, BROKER_TAKEN);
	assert_true(nat_rule_equal(&noticed.rule, &rep.rule));
	assert_int_equal(line.in_flight, 1);
	reply(&req, NAT_OK);
	rep.verb = BROKER_CHANGED;
	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
	loop_step(loop, 0);
	loop_step(loop, 0);
	assert_int_equal(notices, 2);
	assert_int_equal(noticed.verb, BROKER_CHANGED);
	assert_int_equal(line.in_flight, 0);
	assert_int_equal(answers, 1);
	assert_int_equal(lost, 0);
}

/* The table is larger than the socket's buffer: nothing blocks or is lost. */
static void test_sync_under_back_pressure(void **state)
{
	static uint8_t seen[1001];
	struct broker_req req;
	unsigned n = 0;
	bool end = false;

	memset(seen, 0, sizeof(seen));
	for (uint16_t port = 1; port <= 1000; port++) {
		struct pm_req r = request(port, true);

		assert_int_equal(portmap_restore(pm, &r, 0), PM_DONE);
	}
	brokerclient_sync(&line, 3);
	assert_true(line.holds);
	for (int round = 0; round < 1000 && !end; round++) {
		while ((req = next()).verb) {
			if (req.verb == BROKER_SYNC_RULE) {
				n++;
				seen[req.rule.ext_port]++;
			}
			end |= req.verb == BROKER_SYNC_END;
		}
		loop_step(loop, 0);
	}
	assert_true(end);
	assert_int_equal(n, 1000);
	for (size_t i = 1; i <= 1000; i++)
		assert_int_equal(seen[i], 1);
}

static void test_link_change_is_answered(void **state)
{
	struct broker_req req;

	brokerclient_link(&line, false);
	req = next();
	assert_int_equal(req.verb, BROKER_LINK_DOWN);
	reply(&req, NAT_EREFUSED);
	loop_step(loop, 0);
	assert_int_equal(answers, 1);
}

static void test_packets_of_a_pinhole_are_asked_for(void **state)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_PACKETS,
		.packets = UINT64_MAX,
	};
	const struct nat_rule rule = pinhole(7).rule;
	struct broker_req req;

	brokerclient_packets(&line, &rule);
	req = next();
	assert_int_equal(req.verb, BROKER_PACKETS);
	assert_true(nat_rule_equal(&req.rule, &rule));
	assert_int_equal(next().verb, 0);
	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
	loop_step(loop, 0);
	assert_int_equal(answers, 1);
	assert_true(packets == UINT64_MAX);
}

static struct nat_rule flow(uint16_t port)
{
	struct nat_rule r = request(port, true).rule;

	r.remote = addr_ip4(0x08080808);
	r.remote_port = 3478;
	return r;
}

/* Several PEER requests may wait for their flows at the same time. */
static void test_each_flow_is_asked_for(void **state)
{
	const struct nat_rule first = flow(1);
	struct nat_rule rule;
	struct broker_req req;

	assert_true(brokerclient_flow(&line, &first));
	req = next();
	assert_int_equal(req.verb, BROKER_FLOW);
	assert_int_equal(req.rule.ext_port, 0);
	req.rule.ext_port = 1;
	assert_true(nat_rule_equal(&req.rule, &first));
	reply(&req, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(answers, 1);
	/* no more are sent than answers fit into the socket; the others wait */
	for (uint16_t i = 1; i <= NAT_BATCH_MAX + BROKER_FLOWS_MAX; i++) {
		rule = flow(i);
		assert_true(brokerclient_flow(&line, &rule));
	}
	assert_false(brokerclient_flow(&line, &rule));
	for (uint16_t i = 1; i <= NAT_BATCH_MAX + BROKER_FLOWS_MAX; i++) {
		req = next();
		assert_int_equal(req.verb, BROKER_FLOW);
		assert_int_equal(req.rule.int_port, i);
		reply(&req, NAT_OK);
		loop_step(loop, 0);
	}
	assert_int_equal(next().verb, 0);
	assert_int_equal(answers, 1 + NAT_BATCH_MAX + BROKER_FLOWS_MAX);
	assert_true(brokerclient_flow(&line, &rule));
}

static void test_two_verify_requests_are_sent_as_one(void **state)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_VERIFY, .repaired = 1,
	};
	struct broker_req req;

	brokerclient_sync(&line, 3);
	brokerclient_verify(&line);
	assert_int_equal(next().verb, BROKER_REFRESH);
	assert_int_equal(next().verb, BROKER_SYNC_END);
	req = next();
	assert_int_equal(req.verb, BROKER_VERIFY);
	rep.id = req.id;
	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
	loop_step(loop, 0);
	assert_int_equal(answers, 1);
	assert_int_equal(repaired, 1);
	assert_int_equal(next().verb, 0);
}

/* So every mapping is in force when the monitor reports that we serve. */
static void test_serving_is_sent_after_the_table(void **state)
{
	brokerclient_sync(&line, 3);
	brokerclient_serving(&line, true);
	assert_int_equal(next().verb, BROKER_REFRESH);
	assert_int_equal(next().verb, BROKER_SYNC_END);
	assert_int_equal(next().verb, BROKER_SERVING);
	assert_int_equal(next().verb, 0);
	brokerclient_serving(&line, false);
	assert_int_equal(next().verb, BROKER_IDLE);
	assert_int_equal(next().verb, 0);
}

/* The monitor would remove all other rules that an earlier run left. */
static void test_no_op_is_sent_before_the_first_sync(void **state)
{
	struct broker_req req;

	line.synced = false;
	add(1);
	brokerclient_pump(&line);
	brokerclient_serving(&line, false);
	req = next();
	assert_int_equal(req.verb, BROKER_IDLE);
	reply(&req, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(next().verb, 0);
	brokerclient_sync(&line, 3);
	assert_int_equal(next().verb, BROKER_REFRESH);
	assert_int_equal(next().verb, BROKER_SYNC_END);
	assert_int_equal(next().verb, BROKER_SET);
	assert_int_equal(next().verb, 0);
}

/* ---- pings ----------------------------------------------------------- */

static void ping(uint32_t number)
{
	struct broker_req id = { .id.generation = number };

	id.verb = BROKER_PING;
	reply(&id, NAT_OK);
	loop_step(loop, 0);
}

/* The ping is no answer, whatever is in flight. */
static void test_ping_is_answered_before_requests(void **state)
{
	struct broker_req req;
	unsigned sent = 0;

	for (uint16_t port = 1; port <= 300; port++)
		add(port);
	brokerclient_pump(&line);
	ping(77);
	while ((req = next()).verb == BROKER_SET)
		sent++;
	assert_int_equal(sent, 128);
	assert_int_equal(req.version, BROKER_VERSION);
	assert_int_equal(req.verb, BROKER_PING);
	assert_int_equal(req.id.generation, 77);
	assert_int_equal(next().verb, 0);
	assert_int_equal(line.in_flight, 128);
	assert_int_equal(answers, 0);
}

static void test_ping_is_answered_inside_a_table(void **state)
{
	struct pm_req r;
	struct broker_req req;
	unsigned rules = 0, pongs = 0;

	for (uint16_t port = 1; port <= 1000; port++) {
		r = request(port, true);
		assert_int_equal(portmap_restore(pm, &r, 0), PM_DONE);
	}
	brokerclient_sync(&line, 3);
	assert_true(line.holds);	/* there is no room for the answer */
	ping(5);
	do {
		req = next();
		rules += req.verb == BROKER_SYNC_RULE;
		pongs += req.verb == BROKER_PING;
		if (!req.verb)
			loop_step(loop, 0);
	} while (req.verb != BROKER_SYNC_END);
	assert_int_equal(rules, 1000);
	assert_int_equal(pongs, 1);
}

/* ---- two tables ------------------------------------------------------ */

/* Ops of both tables have the same slot and generation. */
static void test_answer_belongs_to_its_table(void **state)
{
	struct broker_req set, open;

	add(8080);
	add_pinhole(9090);
	brokerclient_pump(&line);
	set = next();
	open = next();
	assert_int_equal(set.id.table, NAT_PORTMAP);
	assert_int_equal(set.rule.kind, NAT_PORTMAP);
	assert_int_equal(open.id.table, NAT_PINHOLE);
	assert_int_equal(open.rule.kind, NAT_PINHOLE);
	assert_int_equal(open.rule.int_port, 9090);
	assert_int_equal(set.id.slot, open.id.slot);
	assert_int_equal(set.id.generation, open.id.generation);
	reply(&open, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_count(holes), 1);
	reply(&set, NAT_EFAIL);
	loop_step(loop, 0);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_count(holes), 1);
	assert_int_equal(answers, 2);
}

/* A burst in one table does not delay the other table. */
static void test_tables_take_turns(void **state)
{
	for (uint16_t port = 1; port <= 4; port++)
		add(port);
	add_pinhole(5);
	add_pinhole(6);
	brokerclient_pump(&line);
	assert_int_equal(next().rule.ext_port, 1);
	assert_int_equal(next().rule.int_port, 5);
	assert_int_equal(next().rule.ext_port, 2);
	assert_int_equal(next().rule.int_port, 6);
	assert_int_equal(next().rule.ext_port, 3);
	assert_int_equal(next().rule.ext_port, 4);
	assert_int_equal(next().verb, 0);
}

static void test_a_sync_has_both_tables(void **state)
{
	struct pm_req r = request(1, true), hole = pinhole(2);
	struct broker_req req;

	assert_int_equal(portmap_restore(pm, &r, 0), PM_DONE);
	assert_int_equal(portmap_restore(holes, &hole, 0), PM_DONE);
	brokerclient_sync(&line, 3);
	assert_int_equal(next().verb, BROKER_REFRESH);
	req = next();
	assert_int_equal(req.verb, BROKER_SYNC_RULE);
	assert_true(nat_rule_equal(&req.rule, &r.rule));
	req = next();
	assert_int_equal(req.verb, BROKER_SYNC_RULE);
	assert_true(nat_rule_equal(&req.rule, &hole.rule));
	req = next();
	assert_int_equal(req.verb, BROKER_SYNC_END);
	assert_int_equal(next().verb, 0);
}

/* ---- an invalid or closed connection ----------------------------------- */

static void test_answer_for_an_absent_table_is_fatal(void **state)
{
	struct broker_req req = { .verb = BROKER_SET, .id = { NAT_PINHOLE } };

	reply(&req, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(lost, 1);
	assert_int_equal(answers, 0);
}

static void test_invalid_table_number_is_fatal(void **state)
{
	struct broker_req req = { .verb = BROKER_DEL, .id = { NAT_KINDS } };

	reply(&req, NAT_OK);
	loop_step(loop, 0);
	assert_int_equal(lost, 1);
}

static void test_other_version_is_fatal(void **state)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION + 1, .verb = BROKER_VERIFY,
	};

	assert_int_equal(send(monitor, &rep, sizeof(rep), 0), sizeof(rep));
	loop_step(loop, 0);
	assert_int_equal(lost, 1);
	assert_int_equal(answers, 0);
}

static void test_closed_connection_is_fatal(void **state)
{
	close(monitor);
	monitor = -1;
	loop_step(loop, 0);
	loop_step(loop, 0);
	assert_int_equal(lost, 1);
	brokerclient_link(&line, true);		/* no SIGPIPE, no loop */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TWO(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)
		T(test_op_is_sent_and_answered),
		T(test_ops_in_flight_have_a_limit),
		T(test_sync_waits_for_ops_in_flight),
		T(test_sync_omits_disabled_mappings),
		T(test_sync_has_the_rules_in_force),
		T(test_notices_of_the_monitor),
		T(test_sync_under_back_pressure),
		T(test_link_change_is_answered),
		T(test_packets_of_a_pinhole_are_asked_for),
		T(test_each_flow_is_asked_for),
		T(test_two_verify_requests_are_sent_as_one),
		T(test_serving_is_sent_after_the_table),
		T(test_no_op_is_sent_before_the_first_sync),
		T(test_ping_is_answered_before_requests),
		T(test_ping_is_answered_inside_a_table),
		TWO(test_answer_belongs_to_its_table),
		TWO(test_tables_take_turns),
		TWO(test_a_sync_has_both_tables),
		T(test_answer_for_an_absent_table_is_fatal),
		T(test_invalid_table_number_is_fatal),
		T(test_other_version_is_fatal),
		T(test_closed_connection_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
