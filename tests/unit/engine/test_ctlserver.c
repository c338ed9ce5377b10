/* SPDX-License-Identifier: ISC */
/*
 * test_ctlserver.c - the control socket serves only the operator, answers each
 * request, and a slow client does not delay another.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/ctlserver.h"

#define CLIENT	0xc0a8580au	/* 192.168.88.10 */
#define ROUTER	0xc0a85801u

static char dir[] = "/tmp/test_ctlXXXXXX";
static char path[64];
static uint64_t clock_ms;
static struct loop *loop;
static struct portmap *pm, *holes;
static struct map map;
static struct ctlserver *ctl;
static int listener;
static unsigned verifies, refusals;

static uint64_t fake_clock(void)
{
	return clock_ms;
}

/* ---- the engine ---------------------------------------------------------- */

static void op_wake(void *arg)
{
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	ctlserver_stored(ctl, e);
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	ctlserver_gone(ctl, r);
}

static void op_refused(void *arg, const struct refused *r)
{
	refusals++;
}

static uint32_t op_rnd(void *arg)
{
	return 6;
}

static const struct map_ops map_ops = {
	.wake = op_wake, .stored = op_stored, .gone = op_gone,
	.refused = op_refused, .rnd = op_rnd,
};

static void on_status(void *arg, struct ctl_status *ret)
{
	ret->http_port = 2828;
	ret->mappings = (uint32_t)portmap_count(pm);
}

static void on_verify(void *arg)
{
	verifies++;
}

static struct recent recent;
static const struct ctlserver_ops ctlserver_ops = {
	on_status, on_verify, NULL, &recent
};

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/ctl", dir);
	return 0;
}

static int drop_dir(void **state)
{
	return rmdir(dir);
}

/* Create the socket as the monitor does (monitor/ctllisten.c). */
static int make_listener(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, CTL_CLIENTS_MAX), 0);
	return fd;
}

/* An address of the LAN. */
static struct addr lan6(uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = host };

	return addr_ip6(byte);
}

static int setup(void **state)
{
	clock_ms = 1000000;
	verifies = refusals = 0;
	loop = loop_new(CTL_CLIENTS_MAX + 1, fake_clock);
	pm = portmap_new(4000, 4000);
	map = (struct map){ .max_lease_s = PM_LEASE_MAX_S, .ops = &map_ops };
	map.policy.net[0] = (struct netif_addr){ 2, "", { addr_ip4(ROUTER),
							  24 } };
	map.policy.net[1] = (struct netif_addr){ 2, "", { lan6(1), 64 } };
	map.policy.net_n = 2;
	holes = portmap_new(4000, 4000);
	map.pinholes = holes;
	map_init(&map, pm);
	listener = make_listener();
	ctl = ctlserver_new(loop, listener, 77777, &map, &ctlserver_ops);
	assert_non_null(ctl);
	return 0;
}

static int teardown(void **state)
{
	ctlserver_free(ctl);
	close(listener);
	unlink(path);
	portmap_free(pm);
	portmap_free(holes);
	loop_free(loop);
	return 0;
}

/* ---- upnpctl ------------------------------------------------------------- */

static void rounds(void)
{
	for (int i = 0; i < 4; i++)
		loop_step(loop, 0);
}

static int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	strcpy(at.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	rounds();
	return fd;
}

static struct ctl_req request(enum ctl_verb verb)
{
	struct ctl_req q;

	memset(&q, 0, sizeof(q));
	q.version = CTL_VERSION;
	q.verb = verb;
	return q;
}

static void say(int fd, const void *what, size_t n)
{
	assert_int_equal(send(fd, what, n, MSG_NOSIGNAL), n);
	rounds();
}

static int ask(enum ctl_verb verb)
{
	struct ctl_req q = request(verb);
	int fd = dial();

	say(fd, &q, sizeof(q));
	return fd;
}

/* Read the next record. Return: false: there is none yet, or no more */
static bool next(int fd, struct ctl_rep *ret)
{
	ssize_t n = recv(fd, ret, sizeof(*ret), 0);

	if (n <= 0)
		return false;
	assert_int_equal(n, sizeof(*ret));
	assert_int_equal(ret->version, CTL_VERSION);
	return true;
}

static struct ctl_rep expect(int fd, enum ctl_kind kind)
{
	struct ctl_rep rep;

	assert_true(next(fd, &rep));
	assert_int_equal(rep.kind, kind);
	return rep;
}

/* Read the last record, after which the connection must be closed. */
static struct ctl_end expect_end(int fd, enum ctl_err err)
{
	struct ctl_rep rep = expect(fd, CTL_END);
	char c;

	assert_int_equal(rep.end.err, err);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
	return rep.end;
}

static struct ctl_req mapping(enum ctl_verb verb, uint16_t port)
{
	struct ctl_req q = request(verb);

	q.rule = (struct nat_rule){
		.client = addr_ip4(CLIENT), .remote = addr_any(),
		.ext_port = port, .int_port = port,
		.kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
	};
	return q;
}

static struct ctl_req pinhole(enum ctl_verb verb, uint16_t port)
{
	struct ctl_req q = request(verb);

	q.rule = (struct nat_rule){
		.client = lan6(10), .remote = addr_any(), .int_port = port,
		.kind = NAT_PINHOLE, .proto = IPPROTO_SCTP,
	};
	return q;
}

/* Answer the op in flight for the kernel. */
static void kernel(enum nat_err err)
{
	struct nat_op op;
	struct nat_op_id id;

	assert_true(portmap_next_op(pm, &op, &id) ||
		    portmap_next_op(holes, &op, &id));
	map_answer(&map, id, err, clock_ms);
	rounds();
}

static void have(uint16_t port)
{
	struct pm_req q = {
		.enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_ip4(CLIENT),
	};

	q.rule = mapping(CTL_ADD, port).rule;
	assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
}

static void have_pinhole(uint16_t port)
{
	struct pm_req q = {
		.enabled = true, .origin = ORIGIN_UPNP, .requester = lan6(10),
		.desc = "hole",
	};

	q.rule = pinhole(CTL_ADD, port).rule;
	assert_int_equal(portmap_restore(holes, &q, 0), PM_DONE);
}

/* A process that can connect to the socket is not the operator because of
 * that. */
static void only_the_operator_is_served(void **state)
{
	struct ctl_rep rep;
	int status, fd;
	pid_t pid;

	if (getuid() != 0) {
		skip();
		return;
	}
	assert_int_equal(chmod(dir, 0711), 0);
	assert_int_equal(chmod(path, 0666), 0);
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };

		if (setuid(65534))
			_exit(9);
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		strcpy(at.sun_path, path);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
			_exit(8);
		if (recv(fd, &rep, sizeof(rep), 0) != sizeof(rep))
			_exit(7);
		_exit(rep.kind == CTL_END && rep.end.err == CTL_EPERM ? 0 : 6);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		loop_step(loop, 10);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- requests ------------------------------------------------------------ */

static void status_is_reported(void **state)
{
	int fd;

	have(5000);
	fd = ask(CTL_STATUS);
	assert_int_equal(expect(fd, CTL_STATUS_IS).status.mappings, 1);
	expect_end(fd, CTL_OK);
}

static void invalid_requests_are_refused(void **state)
{
	char big[sizeof(struct ctl_req) + 1] = { CTL_VERSION };
	struct ctl_req q = request((enum ctl_verb)99);
	uint32_t version = CTL_VERSION;
	int fd = dial();

	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_EINVAL);
	q = request((enum ctl_verb)0);
	fd = dial();
	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_EINVAL);
	fd = dial();
	say(fd, "x", 1);
	expect_end(fd, CTL_EINVAL);
	fd = dial();
	memcpy(big, &version, sizeof(version));
	say(fd, big, sizeof(big));
	expect_end(fd, CTL_EINVAL);
	fd = dial();
	say(fd, &q, sizeof(q) - 1);
	expect_end(fd, CTL_EINVAL);
	q = request(CTL_STATUS);
	q.version++;
	fd = dial();
	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_EVERSION);
	fd = dial();
	close(fd);
	rounds();
}

static void invalid_mappings_are_refused(void **state)
{
	struct ctl_req q[7];

	for (size_t i = 0; i < 7; i++)
		q[i] = mapping(CTL_ADD, 5000);
	q[0].rule.ext_port = 0;
	q[1].rule.proto = 1;
	q[2].rule.kind = NAT_PINHOLE;
	q[3].lease_s = PM_LEASE_MAX_S + 1;
	memset(q[4].desc, 'x', sizeof(q[4].desc));	/* without a NUL */
	strcpy(q[5].desc, "a\x1b[2J");
	strcpy(q[6].desc, "\xff");
	for (size_t i = 0; i < 7; i++) {
		int fd = dial();

		say(fd, &q[i], sizeof(q[i]));
		expect_end(fd, CTL_EINVAL);
	}
	assert_int_equal(portmap_count(pm), 0);
}

static void mappings_are_added_and_deleted(void **state)
{
	struct ctl_req q = mapping(CTL_ADD, 5000);
	struct ctl_rep rep;
	int fd = dial();

	q.lease_s = 60;
	strcpy(q.desc, "web");
	say(fd, &q, sizeof(q));
	assert_false(next(fd, &rep));	/* not before the kernel has it */
	kernel(NAT_OK);
	rep = expect(fd, CTL_ADDED);
	assert_int_equal(rep.mapping.rule.ext_port, 5000);
	assert_int_equal(rep.mapping.origin, ORIGIN_OPERATOR);
	assert_false(addr_is_set(rep.mapping.requester));
	assert_int_equal(rep.mapping.left_s, 60);
	assert_int_equal(rep.mapping.enabled, 1);
	assert_string_equal(rep.mapping.desc, "web");
	expect_end(fd, CTL_OK);

	/* Only the key of the request matters. Found by fuzzing: the reply
	 * contained the request's other fields, not the mapping's. */
	q = mapping(CTL_DELETE, 5000);
	q.rule.client = addr_ip4(CLIENT + 7);
	q.rule.int_port = 1;
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_OK);
	rep = expect(fd, CTL_REMOVED);
	assert_int_equal(rep.mapping.rule.ext_port, 5000);
	assert_int_equal(addr_to_ip4(rep.mapping.rule.client), CLIENT);
	assert_int_equal(rep.mapping.rule.int_port, 5000);
	expect_end(fd, CTL_OK);
	fd = dial();
	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_ENOENT);
	assert_int_equal(refusals, 0);
}

static void pinholes_are_added_and_deleted(void **state)
{
	struct ctl_req q = pinhole(CTL_ADD, 5000);
	struct ctl_rep rep;
	int fd = dial();

	say(fd, &q, sizeof(q));
	kernel(NAT_OK);
	rep = expect(fd, CTL_ADDED);
	assert_true(nat_rule_equal(&rep.mapping.rule, &q.rule));
	assert_int_equal(rep.mapping.unique_id, 7);
	expect_end(fd, CTL_OK);
	assert_int_equal(portmap_count(holes), 1);
	assert_int_equal(portmap_count(pm), 0);
	q.verb = CTL_DELETE;
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_OK);
	rep = expect(fd, CTL_REMOVED);
	assert_true(nat_rule_equal(&rep.mapping.rule, &q.rule));
	expect_end(fd, CTL_OK);
	fd = dial();
	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_ENOENT);
}

static void without_a_table_pinholes_are_refused(void **state)
{
	struct ctl_req q = pinhole(CTL_ADD, 5000);
	int fd = dial();

	map.pinholes = NULL;
	say(fd, &q, sizeof(q));
	assert_int_equal(expect_end(fd, CTL_EREFUSED).refusal, REFUSAL_KIND);
	q.verb = CTL_DELETE;
	fd = dial();
	say(fd, &q, sizeof(q));
	expect_end(fd, CTL_ENOENT);
	have(5000);
	fd = ask(CTL_MAPPINGS);
	expect(fd, CTL_MAPPING);
	expect_end(fd, CTL_OK);
}

/* A configured mapping, and a disabled one, which needs no op. */
static void configured_and_disabled_mappings_are_added(void **state)
{
	struct ctl_req q = mapping(CTL_ADD, 5000);
	struct ctl_rep rep;
	int fd = dial();

	q.configured = q.disabled = 1;
	say(fd, &q, sizeof(q));
	rep = expect(fd, CTL_ADDED);
	assert_int_equal(rep.mapping.configured, 1);
	assert_int_equal(rep.mapping.enabled, 0);
	assert_int_equal(rep.mapping.left_s, 0);
	expect_end(fd, CTL_OK);
	q.disabled = 0;
	q.configured = 0;
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_OK);
	rep = expect(fd, CTL_ADDED);
	assert_int_equal(rep.mapping.configured, 0);
	assert_int_equal(rep.mapping.enabled, 1);
	expect_end(fd, CTL_OK);
}

static void refusals_have_their_reasons(void **state)
{
	struct ctl_req q = mapping(CTL_ADD, 80);
	int fd = dial();

	say(fd, &q, sizeof(q));
	assert_int_equal(expect_end(fd, CTL_EREFUSED).refusal, REFUSAL_RULE);
	q = mapping(CTL_ADD, 5000);
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_EFAIL);
	expect_end(fd, CTL_EFAIL);
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_ECONFLICT);
	assert_int_equal(expect_end(fd, CTL_EREFUSED).refusal, REFUSAL_PORT);
	fd = dial();
	say(fd, &q, sizeof(q));
	kernel(NAT_EREFUSED);
	assert_int_equal(expect_end(fd, CTL_EREFUSED).refusal,
			 REFUSAL_MONITOR);
	assert_int_equal(portmap_count(pm), 0);
}

/* The client disconnects while the op is in flight. */
static void change_continues_after_a_disconnect(void **state)
{
	struct ctl_req q = mapping(CTL_ADD, 5000);
	int fd = dial();

	say(fd, &q, sizeof(q));
	close(fd);
	rounds();
	kernel(NAT_OK);
	assert_int_equal(portmap_count(pm), 1);
}

static void counts_of_lines_are_listed(void **state)
{
	const struct policy_rule rule[] = {
		{ true, 1000, 2000, 1, 65535, { addr_ip4(ROUTER), 24 }, 7 },
		{ false, 1, 65535, 1, 65535, { lan6(0), 64 }, 9 },
	};
	struct rulecounts counts = { .at[1].n = 5, .none = 3 };
	struct ctl_rule got;
	int fd;

	map.decided = &counts;
	map.policy.rule = rule;
	map.policy.rule_n = 2;
	fd = ask(CTL_RULES);
	got = expect(fd, CTL_RULE).rule;
	assert_true(got.line == 7 && got.allow && got.ext_lo == 1000 &&
		    got.ext_hi == 2000 && got.int_lo == 1 && !got.decided);
	got = expect(fd, CTL_RULE).rule;
	assert_true(got.line == 9 && !got.allow && got.decided == 5 &&
		    got.net.bits == 64);
	got = expect(fd, CTL_RULE).rule;
	assert_true(got.line == 0 && got.decided == 3);
	expect_end(fd, CTL_OK);
}

static void recent_refusals_are_listed(void **state)
{
	struct refused r = {
		.why = REFUSAL_RULE, .origin = ORIGIN_PCP, .line = 7,
		.client = addr_ip4(CLIENT),
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_UDP,
			  .client = addr_ip4(CLIENT), .remote = addr_any(),
			  .ext_port = 80, .int_port = 81 },
	};
	struct ctl_refused got;
	int fd = ask(CTL_REFUSALS);

	expect_end(fd, CTL_OK);
	recent_add(&recent, &r, r.client, clock_ms);
	recent_add(&recent, &r, r.client, clock_ms + 1000);
	r.rule.ext_port = 0;
	r.line = 0;
	recent_add(&recent, &r, r.client, clock_ms + 2000);
	clock_ms += 5999;
	fd = ask(CTL_REFUSALS);
	got = expect(fd, CTL_REFUSED).refused;
	assert_true(got.rule.ext_port == 0 && got.rule.int_port == 81 &&
		    got.times == 1 && got.line == 0 && got.ago_s == 3);
	got = expect(fd, CTL_REFUSED).refused;
	assert_true(got.rule.ext_port == 80 && got.times == 2 &&
		    got.line == 7 && got.ago_s == 4 &&
		    got.why == REFUSAL_RULE && got.origin == ORIGIN_PCP &&
		    addr_equal(got.client, r.client));
	expect_end(fd, CTL_OK);
	recent = (struct recent){ 0 };
}

/* However many there are, the reader gets all at once. */
static void a_full_list_of_refusals_fits(void **state)
{
	int fd;

	for (unsigned i = 0; i < RECENT_MAX; i++)
		recent.at[i] = (struct recent_refusal){
			.at_ms = 1 + i, .why = REFUSAL_LINK,
		};
	fd = ask(CTL_REFUSALS);
	for (unsigned i = 0; i < RECENT_MAX; i++)
		assert_int_equal(expect(fd, CTL_REFUSED).refused.why,
				 REFUSAL_LINK);
	expect_end(fd, CTL_OK);
	recent = (struct recent){ 0 };
}

static void verify_is_answered_later(void **state)
{
	struct ctl_rep rep;
	int a = ask(CTL_VERIFY), b = ask(CTL_VERIFY);

	assert_int_equal(verifies, 2);
	assert_false(next(a, &rep));
	ctlserver_verified(ctl, true, true);
	assert_int_equal(expect_end(a, CTL_OK).repaired, 1);
	assert_int_equal(expect_end(b, CTL_OK).repaired, 1);
	a = ask(CTL_VERIFY);
	ctlserver_verified(ctl, false, false);
	expect_end(a, CTL_EFAIL);
}

/* ---- lists and reports of changes ---------------------------------------- */

/* Found by valgrind: bytes of the engine's memory were sent after the end of a
 * text. */
static void bytes_after_a_text_are_0(void **state)
{
	static const char none[PM_DESC_MAX + 1];
	struct pm_req q = { .rule = mapping(CTL_ADD, 5000).rule };
	struct ctl_rep rep;
	int fd;

	memset(q.desc, 'x', sizeof(q.desc));
	strcpy(q.desc, "web");
	assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
	fd = ask(CTL_MAPPINGS);
	rep = expect(fd, CTL_MAPPING);
	assert_string_equal(rep.mapping.desc, "web");
	assert_memory_equal(rep.mapping.desc + 3, none, PM_DESC_MAX + 1 - 3);
	expect_end(fd, CTL_OK);
}

/* The reported time is the time until the mapping ends. */
static void suspended_mappings_are_listed(void **state)
{
	struct pm_req q = {
		.enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_ip4(CLIENT),
	};
	static const struct {
		uint64_t lease_s, suspended_s;
		uint32_t left_s;
	} row[] = {
		{ 0, 0, 0 }, { 0, 100, 100 }, { 50, 100, 50 },
		{ 200, 100, 100 },
		{ 50, 0, 50 },
	};
	struct ctl_rep rep;
	int fd;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		q.rule = mapping(CTL_ADD, (uint16_t)(5000 + i)).rule;
		assert_int_equal(portmap_restore(pm, &q, row[i].lease_s ?
				 clock_ms + row[i].lease_s * 1000 : 0),
				 PM_DONE);
		if (row[i].suspended_s)
			assert_true(portmap_suspend(pm, portmap_at(pm, i),
				clock_ms + row[i].suspended_s * 1000));
	}
	assert_true(portmap_suspend(pm, portmap_at(pm, 0), UINT64_MAX));
	fd = ask(CTL_MAPPINGS);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		rep = expect(fd, CTL_MAPPING);
		assert_int_equal(rep.mapping.suspended, i != 4);
		assert_int_equal(rep.mapping.left_s, row[i].left_s);
	}
	expect_end(fd, CTL_OK);
}

/* The list is longer than the socket's buffer, and mappings end meanwhile. */
static void list_is_complete_while_mappings_change(void **state)
{
	static uint8_t seen[65536];
	struct ctl_rep rep;
	uint32_t n = 0;
	int fd;

	for (unsigned port = 2000; port < 5000; port++)
		have((uint16_t)port);
	memset(seen, 0, sizeof(seen));
	fd = ask(CTL_MAPPINGS);
	for (bool end = false; !end; rounds()) {
		while (!end && next(fd, &rep)) {
			if (rep.kind == CTL_END) {
				end = true;
				break;
			}
			assert_int_equal(rep.kind, CTL_MAPPING);
			seen[rep.mapping.rule.ext_port]++;
			/* remove a mapping that was sent: none is skipped */
			if (++n % 10 == 0)
				assert_true(portmap_forget(pm,
							   &rep.mapping.rule));
		}
	}
	close(fd);
	assert_int_equal(n, 3000);
	for (unsigned port = 2000; port < 5000; port++)
		assert_int_equal(seen[port], 1);
}

static void pinholes_follow_the_mappings(void **state)
{
	struct ctl_rep rep;
	int fd;

	have_pinhole(5000);
	have(5001);
	have_pinhole(5002);
	fd = ask(CTL_MAPPINGS);
	assert_int_equal(expect(fd, CTL_MAPPING).mapping.rule.ext_port, 5001);
	rep = expect(fd, CTL_MAPPING);
	assert_int_equal(rep.mapping.rule.int_port, 5000);
	assert_int_equal(rep.mapping.unique_id, 7);
	assert_string_equal(rep.mapping.desc, "hole");
	assert_int_equal(expect(fd, CTL_MAPPING).mapping.unique_id, 8);
	expect_end(fd, CTL_OK);
}

/* While the first list is sent, a change of the second one is not lost: it is
 * in the list. One of the first list is. */
static void changes_during_a_list_of_two_tables(void **state)
{
	const struct pm_entry *e;
	struct ctl_rep rep;
	unsigned n = 0, lost = 0;
	bool ready = false;
	int fd;

	for (unsigned port = 2000; port < 5000; port++)
		have((uint16_t)port);
	have_pinhole(5000);
	fd = ask(CTL_MONITOR);
	e = portmap_entry(holes, portmap_at(holes, 0));
	ctlserver_stored(ctl, e);	/* still to come */
	ctlserver_stored(ctl, portmap_entry(pm, portmap_at(pm, 0)));
	for (int i = 0; i < 100 && !(ready && lost); i++, rounds()) {
		while (next(fd, &rep)) {
			n += rep.kind == CTL_MAPPING;
			ready |= rep.kind == CTL_READY;
			lost += rep.kind == CTL_LOST ? rep.lost : 0;
		}
	}
	assert_true(ready);
	assert_int_equal(n, 3001);
	assert_int_equal(lost, 1);
	ctlserver_stored(ctl, e);
	assert_int_equal(expect(fd, CTL_ADDED).mapping.unique_id, 7);
	ctlserver_gone(ctl, &e->rule);
	assert_int_equal(expect(fd, CTL_REMOVED).mapping.rule.kind,
			 NAT_PINHOLE);
	close(fd);
	rounds();
}

static void changes_are_reported_as_they_happen(void **state)
{
	struct ctl_req q = mapping(CTL_ADD, 6000);
	struct ctl_rep rep;
	int fd, op;

	have(5000);
	fd = ask(CTL_MONITOR);
	assert_int_equal(expect(fd, CTL_MAPPING).mapping.rule.ext_port, 5000);
	expect(fd, CTL_READY);
	assert_false(next(fd, &rep));
	op = dial();
	say(op, &q, sizeof(q));
	assert_false(next(fd, &rep));
	kernel(NAT_OK);
	assert_int_equal(expect(fd, CTL_ADDED).mapping.rule.ext_port, 6000);
	close(op);
	q.verb = CTL_DELETE;
	op = dial();
	say(op, &q, sizeof(q));
	kernel(NAT_OK);
	assert_int_equal(expect(fd, CTL_REMOVED).mapping.rule.ext_port, 6000);
	close(op);
	close(fd);
	rounds();
}

/* A client that does not read gets the number of changes that it missed, and
 * does not delay others. */
static void slow_reader_gets_the_number_of_lost_changes(void **state)
{
	unsigned told = 0, lost = 0;
	struct nat_rule r = mapping(CTL_ADD, 7000).rule;
	struct ctl_rep rep;
	int fd = ask(CTL_MONITOR), other;

	expect(fd, CTL_READY);
	for (int i = 0; i < 5000; i++)
		ctlserver_gone(ctl, &r);
	rounds();
	other = ask(CTL_STATUS);
	expect(other, CTL_STATUS_IS);
	expect_end(other, CTL_OK);
	for (int quiet = 0; quiet < 3; rounds()) {
		quiet++;
		while (next(fd, &rep)) {
			quiet = 0;
			if (rep.kind == CTL_LOST)
				lost += rep.lost;
			else
				told++;
		}
	}
	assert_true(lost > 0);
	assert_int_equal(told + lost, 5000);
	close(fd);
	rounds();
}

/* ---- caps ---------------------------------------------------------------- */

static void connections_above_the_limit_are_refused(void **state)
{
	int fd[CTL_CLIENTS_MAX], more;

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial();
	more = dial();
	expect_end(more, CTL_EBUSY);
	close(fd[0]);
	rounds();
	more = ask(CTL_STATUS);
	expect(more, CTL_STATUS_IS);
	expect_end(more, CTL_OK);
	for (size_t i = 1; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	rounds();
}

/* They may never end, and must not take the places of those that do. */
static void monitors_leave_places_for_requests(void **state)
{
	int fd[CTL_MONITORS_MAX];

	for (size_t i = 0; i < CTL_MONITORS_MAX; i++) {
		fd[i] = ask(CTL_MONITOR);
		expect(fd[i], CTL_READY);
	}
	expect_end(ask(CTL_MONITOR), CTL_EBUSY);
	expect_end(ask(CTL_MAPPINGS), CTL_OK);
	close(fd[0]);
	rounds();
	fd[0] = ask(CTL_MONITOR);
	expect(fd[0], CTL_READY);
	for (size_t i = 0; i < CTL_MONITORS_MAX; i++)
		close(fd[i]);
	rounds();
}

/* A client that sends nothing, or reads nothing of a list, is disconnected; one
 * that follows the changes is not. */
static void silent_connections_are_closed(void **state)
{
	int mute = dial(), news = ask(CTL_MONITOR), list;
	struct ctl_rep rep;
	char c;

	for (unsigned port = 2000; port < 5000; port++)
		have((uint16_t)port);
	list = ask(CTL_MAPPINGS);
	expect(news, CTL_READY);
	for (int i = 0; i < 3; i++) {
		clock_ms += CTL_TURN_MS;
		rounds();
	}
	assert_int_equal(recv(mute, &c, 1, 0), 0);
	while (next(list, &rep))
		assert_int_equal(rep.kind, CTL_MAPPING);
	assert_int_equal(recv(list, &c, 1, 0), 0);
	assert_int_equal(recv(news, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(mute);
	close(list);
	close(news);
	rounds();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(only_the_operator_is_served),
		T(status_is_reported),
		T(invalid_requests_are_refused),
		T(invalid_mappings_are_refused),
		T(mappings_are_added_and_deleted),
		T(pinholes_are_added_and_deleted),
		T(without_a_table_pinholes_are_refused),
		T(configured_and_disabled_mappings_are_added),
		T(refusals_have_their_reasons),
		T(change_continues_after_a_disconnect),
		T(verify_is_answered_later),
		T(counts_of_lines_are_listed),
		T(recent_refusals_are_listed),
		T(a_full_list_of_refusals_fits),
		T(bytes_after_a_text_are_0),
		T(suspended_mappings_are_listed),
		T(list_is_complete_while_mappings_change),
		T(pinholes_follow_the_mappings),
		T(changes_during_a_list_of_two_tables),
		T(changes_are_reported_as_they_happen),
		T(slow_reader_gets_the_number_of_lost_changes),
		T(connections_above_the_limit_are_refused),
		T(monitors_leave_places_for_requests),
		T(silent_connections_are_closed),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
