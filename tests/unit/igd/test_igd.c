/* SPDX-License-Identifier: ISC */
/*
 * test_igd.c - each action checks its arguments, has the error codes of the
 * standards, and is answered only when the kernel or the link is done. The
 * mapping table is real; the test plays the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include <netinet/in.h>
#include <stdlib.h>
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/l3f.h"
#include "igd/link.h"
#include "igd/upnp_err.h"
#include "igd/value.h"
#include "igd/wancic.h"
#include "igd/wanip.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define UUID "uuid:00112233-4455-6677-8899-aabbccddeeff"

enum { ROUTER = IP(192, 168, 88, 1), ANN = IP(192, 168, 88, 10),
       BOB = IP(192, 168, 88, 11), WAN_IP = IP(203, 0, 113, 7) };

/* ---- the engine and the kernel ------------------------------------- */

struct world {
	struct map map;
	struct igd igd;
	struct portmap *pm;
	uint64_t now_ms;
	unsigned wakes, stored, gone, refused, links;
	struct pm_entry last_stored;
	char last_desc[PM_DESC_MAX + 1];
	struct nat_rule last_gone;
	enum refusal why;
	unsigned line;
	bool link_up, link_works, counters_work;
	uint32_t rnd;
	struct igd_counters counters;
	/* ops fetched from the table, not answered yet */
	struct nat_op_id id[16];
	struct nat_op op[16];
	size_t op_n;
};

static bool op_counters(void *arg, struct igd_counters *ret)
{
	struct world *w = arg;

	*ret = w->counters;
	return w->counters_work;
}

static bool op_link(void *arg, bool up)
{
	struct world *w = arg;

	w->links++;
	w->link_up = up;
	return w->link_works;
}

static void op_wake(void *arg)
{
	((struct world *)arg)->wakes++;
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	struct world *w = arg;

	w->stored++;
	w->last_stored = *e;
	portmap_desc(w->map.pm, e, w->last_desc);
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	struct world *w = arg;

	w->gone++;
	w->last_gone = *r;
}

static void op_refused(void *arg, const struct refused *r)
{
	struct world *w = arg;

	w->refused++;
	w->why = r->why;
	w->line = r->line;
}

static uint32_t op_rnd(void *arg)
{
	return ((struct world *)arg)->rnd;
}

static const struct igd_ops ops = { op_counters, op_link };

static const struct map_ops map_ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd,
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->now_ms = 1000000;
	w->link_works = w->counters_work = true;
	w->pm = portmap_new(4, 3);
	w->igd = (struct igd){
		.allow_link = true,
		.ops = &ops,
		.ops_arg = w,
		.wan_uuid = { NULL, UUID, UUID },
		.wan = { .link_up = true, .admin_up = true,
			 .since_ms = 400000 },
	};
	w->map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &map_ops, .ops_arg = w,
		.ext = addr_ip4(WAN_IP),
	};
	w->map.policy.net[0] = (struct netif_addr){ 2, "", { addr_ip4(ROUTER),
							     24 } };
	w->map.policy.net_n = 1;
	map_init(&w->map, w->pm);
	igd_init(&w->igd, &w->map);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	portmap_free(w->pm);
	free(w);
	return 0;
}

/* Fetch ops, as the engine does after wake(). Return: the number of ops that
 * are not answered */
static size_t take_ops(struct world *w)
{
	while (w->op_n < ARRAY_N(w->op) &&
	       portmap_next_op(w->pm, &w->op[w->op_n], &w->id[w->op_n]))
		w->op_n++;
	return w->op_n;
}

/* Answer the oldest op. */
static void answer(struct world *w, enum nat_err err)
{
	struct nat_op_id id;

	assert_true(take_ops(w) > 0);
	id = w->id[0];
	w->op_n--;
	memmove(w->id, w->id + 1, w->op_n * sizeof(w->id[0]));
	memmove(w->op, w->op + 1, w->op_n * sizeof(w->op[0]));
	map_answer(&w->map, id, err, w->now_ms);
}

/* ---- requesters ---------------------------------------------------- */

struct requester {
	struct igd_wait wait;
	unsigned answers;
	int err;
	uint16_t port;
};

static void asker_done(struct igd_wait *wait, int err, uint32_t port)
{
	struct requester *a = (struct requester *)
		((char *)wait - offsetof(struct requester, wait));

	a->answers++;
	a->err = err;
	a->port = port;
}

struct mapping {
	const char *remote;
	uint16_t ext_port;
	const char *proto;
	uint16_t int_port;
	const char *client;
	bool disabled;
	const char *desc;
	uint32_t lease_s;
	uint32_t requester_ip;
	unsigned version;
};

/* TCP port 5000, from ANN to herself, without an end. */
static const struct mapping plain = {
	"", 5000, "TCP", 5001, "", false, "game", 0, ANN, 1,
};

static struct igd_call call_by(const struct world *w, uint32_t requester_ip,
			       unsigned version)
{
	return (struct igd_call){ .n = version, .version = version,
				  .client = addr_ip4(requester_ip), .local =
					  addr_ip4(ROUTER),
				  .now_ms = w->now_ms };
}

static struct igd_call mapping_call(struct world *w, struct requester *a,
				    const struct mapping *m)
{
	struct igd_call call = call_by(w, m->requester_ip, m->version);

	call.in[0].s = str_z(m->remote);
	call.in[1].u = m->ext_port;
	call.in[2].s = str_z(m->proto);
	call.in[3].u = m->int_port;
	call.in[4].s = str_z(m->client);
	call.in[5].u = !m->disabled;
	call.in[6].s = str_z(m->desc);
	call.in[7].u = m->lease_s;
	if (a) {
		a->wait.done = asker_done;
		call.wait = &a->wait;
	}
	return call;
}

static int add(struct world *w, struct requester *a, const struct mapping *m)
{
	struct igd_call call = mapping_call(w, a, m);

	return wanip_add(&w->igd, &call);
}

static int del(struct world *w, struct requester *a, const struct mapping *m)
{
	struct igd_call call = mapping_call(w, a, m);

	return wanip_delete(&w->igd, &call);
}

/* Add a mapping, and let the kernel accept it. */
static void have(struct world *w, const struct mapping *m)
{
	struct requester a = { .answers = 0 };

	assert_int_equal(add(w, &a, m), IGD_WAIT);
	answer(w, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 0);
}

static int specific(struct world *w, const struct mapping *m,
		    struct igd_call *ret)
{
	*ret = mapping_call(w, NULL, m);
	return wanip_get_specific_entry(&w->igd, ret);
}

static int generic(struct world *w, uint32_t index, struct igd_call *ret)
{
	*ret = call_by(w, ANN, 1);
	ret->in[0].u = index;
	return wanip_get_generic_entry(&w->igd, ret);
}

static void assert_str(struct str s, const char *want)
{
	char got[512];

	assert_non_null(s.p);
	assert_true(str_copy(got, sizeof(got), s));
	assert_string_equal(got, want);
}

/* ---- AddPortMapping ------------------------------------------------ */

static void add_is_answered_after_the_kernel(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call got;

	assert_int_equal(add(w, &a, &plain), IGD_WAIT);
	assert_int_equal(w->wakes, 1);
	assert_int_equal(specific(w, &plain, &got), WANIP_NO_SUCH_ENTRY);
	assert_int_equal(a.answers, 0);
	answer(w, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.port, 5000);
	assert_int_equal(w->stored, 1);
	assert_string_equal(w->last_desc, "game");
	assert_int_equal(addr_to_ip4(w->last_stored.rule.client), ANN);
	assert_int_equal(specific(w, &plain, &got), 0);
	assert_int_equal(got.out[0].u, 5001);
	assert_str(got.out[1].s, "192.168.88.10");
	assert_int_equal(got.out[2].u, 1);
	assert_str(got.out[3].s, "game");
	assert_int_equal(got.out[4].u, 0);
}

static void kernel_errors_have_their_codes(void **state)
{
	static const struct {
		enum nat_err err;
		int code1, code2;
	} row[] = {
		{ NAT_EFAIL, 501, 501 },	{ NAT_EREFUSED, 718, 606 },
		{ NAT_ECONFLICT, 718, 729 },	{ NAT_ENOSPC, 501, 728 },
		{ NAT_ENOADDR, 501, 501 },	{ (enum nat_err)99, 501, 501 },
	};
	struct world *w = *state;
	struct mapping m = plain;
	size_t i;

	for (i = 0; i < 2 * ARRAY_N(row); i++) {
		struct requester a = { .answers = 0 };

		m.version = 1 + i % 2;
		assert_int_equal(add(w, &a, &m), IGD_WAIT);
		answer(w, row[i / 2].err);
		assert_int_equal(a.answers, 1);
		assert_int_equal(a.err, i % 2 ? row[i / 2].code2
					      : row[i / 2].code1);
	}
	assert_int_equal(w->stored, 0);
	assert_int_equal(portmap_count(w->pm), 0);
}

/* The whole table: each row is version 1, version 2. */
static void refusals_have_their_codes(void **state)
{
	static const struct {
		enum refusal why;
		int code[UPNP_ADD_PINHOLE][2];	/* at version 1 and 2 */
	} row[] = {
		{ REFUSAL_NONE, { { 0, 0 }, { 0, 0 }, { 0, 0 } } },
		{ REFUSAL_SECURE, { { 718, 606 } } },
		{ REFUSAL_OUTSIDE, { { 718, 606 } } },
		{ REFUSAL_ROUTER, { { 718, 606 } } },
		{ REFUSAL_SPECIAL, { { 718, 606 } } },
		{ REFUSAL_RULE, { { 718, 606 } } },
		{ REFUSAL_REMOTE, { { 718, 606 } } },
		{ REFUSAL_OWNER,
		  { { 501, 501 }, { 714, 606 }, { 606, 606 } } },
		{ REFUSAL_OPERATOR,
		  { { 718, 718 }, { 714, 606 }, { 501, 501 } } },
		{ REFUSAL_CONFLICT, { { 718, 718 } } },
		{ REFUSAL_FULL, { { 501, 728 } } },
		{ REFUSAL_CLIENT_FULL, { { 501, 728 } } },
		{ REFUSAL_RATE, { { 501, 728 } } },
		{ REFUSAL_NO_PORT, { { 728, 728 } } },
		{ REFUSAL_PORT, { { 718, 729 } } },
		{ REFUSAL_NO_ADDRESS, { { 501, 501 } } },
		{ REFUSAL_FIREWALL, { { 501, 501 } } },
		{ REFUSAL_MONITOR, { { 718, 606 } } },
		{ REFUSAL_UPSTREAM, { { 501, 501 } } },
		{ REFUSAL_UPSTREAM_PORT, { { 718, 718 } } },
		{ REFUSAL_NOT_FOUND,
		  { { 501, 501 }, { 714, 714 }, { 730, 730 } } },
		{ (enum refusal)99, { { 501, 501 } } },
	};
	size_t i;
	int call, v, want;

	for (i = 0; i < ARRAY_N(row); i++)
		for (call = 0; call < UPNP_ADD_PINHOLE; call++)
			for (v = 0; v < 2; v++) {
				want = row[i].code[call][v];
				if (!want && row[i].why)
					want = 501;
				assert_int_equal(upnp_err_of(row[i].why,
						 (enum upnp_call)call,
						 (unsigned)v + 1), want);
			}
}

/* WANIPv6FirewallControl has one version. */
static void refusals_of_pinholes_have_their_codes(void **state)
{
	static const struct {
		enum refusal why;
		int add, change;
	} row[] = {
		{ REFUSAL_NONE, 0, 0 },
		{ REFUSAL_SECURE, 606, 501 }, { REFUSAL_OUTSIDE, 606, 501 },
		{ REFUSAL_ROUTER, 606, 501 }, { REFUSAL_SPECIAL, 606, 501 },
		{ REFUSAL_RULE, 606, 501 }, { REFUSAL_REMOTE, 606, 501 },
		{ REFUSAL_MONITOR, 606, 501 },
		{ REFUSAL_OPERATOR, 606, 606 }, { REFUSAL_OWNER, 501, 606 },
		{ REFUSAL_ALL_PORTS, 706, 501 },
		{ REFUSAL_PINHOLES, 701, 501 },
		{ REFUSAL_CLIENT_FULL, 701, 501 },
		{ REFUSAL_RATE, 701, 501 }, { REFUSAL_KIND, 703, 501 },
		{ REFUSAL_BLOCKED, 501, 501 },
		{ REFUSAL_FIREWALL, 501, 501 },
		{ REFUSAL_NOT_FOUND, 501, 704 },
	};

	for (size_t i = 0; i < ARRAY_N(row); i++) {
		assert_int_equal(upnp_err_code(upnp_err_of(row[i].why,
				 UPNP_ADD_PINHOLE, 1)), row[i].add);
		assert_int_equal(upnp_err_code(upnp_err_of(row[i].why,
				 UPNP_CHANGE_PINHOLE, 1)), row[i].change);
	}
}

static void add_checks_its_arguments(void **state)
{
	static const struct {
		struct mapping m;
		int err;
	} row[] = {
		{ { "", 0, "TCP", 1, "", 0, "", 0, ANN, 1 }, 716 },
		{ { "", 0, "TCP", 0, "", 0, "", 0, ANN, 1 }, 716 },
		{ { "x", 0, "TCP", 0, "", 0, "", 0, ANN, 1 }, 600 },
		{ { "", 5000, "TCP", 0, "", 0, "", 0, ANN, 1 }, 402 },
		{ { "", 5000, "TCP", 0, "", 0, "", 0, ANN, 2 }, 732 },
		{ { "", 5000, "TCP", 1, "x", 0, "", 0, ANN, 1 }, 402 },
		{ { "", 5000, "TCP", 1, "localhost", 0, "", 0, ANN, 1 }, 402 },
		{ { "", 5000, "TCP", 1, "192.168.88.010", 0, "", 0, ANN, 1 },
		  402 },
		{ { "", 5000, "TCP", 1, "192.168.88.10;reboot", 0, "", 0, ANN,
		    1 }, 402 },
		{ { "", 5000, "TCP", 5001, "", 0, "", 604801, ANN, 2 }, 601 },
	};
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++)
		assert_int_equal(add(w, &a, &row[i].m), row[i].err);
	assert_int_equal(a.answers, 0);
	assert_int_equal(w->wakes, 0);
	assert_int_equal(take_ops(w), 0);
}

static void remote_host_is_an_address_or_any_host(void **state)
{
	static const struct {
		const char *remote;
		int err;
		uint32_t ip;
	} row[] = {
		{ "", 0, 0 },		{ "*", 0, 0 },
		{ "0.0.0.0", 0, 0 },	{ "::", 0, 0 },
		{ "0:0:0:0:0:0:0:0", 0, 0 },
		{ " 198.51.100.9\n", 0, 0xc6336409 },
		/* a blank must not open the port to everybody */
		{ " ", 600, 0 },	{ " \r\n", 600, 0 },
		{ "224.0.0.1", 402, 0 }, { "127.0.0.1", 402, 0 },
		{ "255.255.255.255", 402, 0 }, { "0.0.0.1", 402, 0 },
		{ "example.org", 600, 0 }, { "1.2.3", 600, 0 },
		{ "1.2.3.4.5", 600, 0 }, { "::1", 600, 0 },
		{ "**", 600, 0 },
	};
	struct world *w = *state;
	struct mapping m = plain;
	struct igd_call got;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		struct requester a = { .answers = 0 };

		m.remote = row[i].remote;
		assert_int_equal(specific(w, &m, &got),
				 row[i].err ? row[i].err : 714);
		assert_int_equal(del(w, &a, &m),
				 row[i].err ? row[i].err : 714);
		if (row[i].err) {
			assert_int_equal(add(w, &a, &m), row[i].err);
			continue;
		}
		assert_int_equal(add(w, &a, &m), IGD_WAIT);
		take_ops(w);
		assert_int_equal(addr_to_ip4(w->op[0].rule.remote), row[i].ip);
		assert_int_equal(w->op[0].rule.remote.family,
				 row[i].ip ? ADDR_IP4 : ADDR_ANY);
		answer(w, NAT_EFAIL);
	}
}

static void protocol_is_case_insensitive(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };

	m.proto = "udp";
	assert_int_equal(add(w, &a, &m), IGD_WAIT);
	take_ops(w);
	assert_int_equal(w->op[0].rule.proto, IPPROTO_UDP);
	assert_int_equal(w->op[0].rule.kind, NAT_PORTMAP);
	assert_true(nat_rule_sane(&w->op[0].rule));
}

static void lease_is_granted(void **state)
{
	static const struct {
		uint32_t max_s, asked_s;
		unsigned version;
		uint32_t granted_s;
	} row[] = {
		{ 604800, 0, 1, 0 },		{ 604800, 0, 2, 604800 },
		{ 604800, 1, 1, 1 },		{ 604800, 604800, 1, 604800 },
		{ 604800, 604801, 1, 604800 },
		{ 604800, 4294967295u, 1, 604800 },
		{ 3600, 0, 1, 3600 },		{ 3600, 0, 2, 3600 },
		{ 3600, 3600, 1, 3600 },	{ 3600, 3601, 1, 3600 },
		{ 3600, 604800, 2, 3600 },	{ 3600, 60, 1, 60 },
	};
	struct world *w = *state;
	struct mapping m = plain;
	struct igd_call got;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		struct requester a = { .answers = 0 };

		w->map.max_lease_s = row[i].max_s;
		m.version = row[i].version;
		m.lease_s = row[i].asked_s;
		assert_int_equal(add(w, &a, &m), IGD_WAIT);
		answer(w, NAT_OK);
		assert_int_equal(specific(w, &m, &got), 0);
		assert_int_equal(got.out[4].u, row[i].granted_s);
		assert_int_equal(w->stored, i + 1);
	}
	w->now_ms += 18500;
	assert_int_equal(specific(w, &m, &got), 0);
	assert_int_equal(got.out[4].u, 42);
}

static void description_is_cleaned(void **state)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{ "", "" },
		{ "Transmission at 51413", "Transmission at 51413" },
		{ "a\tb\r\nc\x7f" "d", "abcd" },
		{ "esc\x1b[31m", "esc[31m" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xae", /* 2, 3, 4 bytes */
		  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xae" },
		{ "a\xc2\x9b" "b\xc2\x80" "c\xc2\xa0", "abc\xc2\xa0" },
		{ "\xff\x80", "??" },
		{ "\xc3", "?" },
		{ "\xc3(", "?(" },
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf", "??" },		/* '/' in two bytes */
		{ "\xed\xa0\x80", "???" },	/* a surrogate */
		{ "\xef\xbf\xbf", "???" },	/* not allowed in XML */
		{ "\xf4\x90\x80\x80", "????" },	/* above U+10FFFF */
		{ "<&>\"'", "<&>\"'" },
	};
	struct world *w = *state;
	struct mapping m = plain;
	size_t i;

	have(w, &m);
	for (i = 0; i < ARRAY_N(row); i++) {
		struct requester a = { .answers = 0 };

		m.desc = row[i].in;
		assert_int_equal(add(w, &a, &m), IGD_WAIT);
		answer(w, NAT_OK);
		assert_string_equal(w->last_desc, row[i].out);
	}
}

static void description_has_at_most_256_bytes(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };
	char text[300];

	memset(text, 'x', sizeof(text));
	text[257] = '\0';
	m.desc = text;
	assert_int_equal(add(w, &a, &m), 605);
	text[256] = '\0';
	have(w, &m);
	assert_int_equal(strlen(w->last_desc), 256);
	/* characters that are removed do not count */
	memcpy(text, "\r\n", 2);
	memset(text + 256, 'y', 2);
	text[258] = '\0';
	assert_int_equal(add(w, &a, &m), IGD_WAIT);
	answer(w, NAT_OK);
	assert_int_equal(strlen(w->last_desc), 256);
}

static void requests_against_policy_are_refused(void **state)
{
	const struct policy_rule deny = {
		false, 5000, 5000, 0, 65535, { addr_ip4(0), 0 }, 42,
	};
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };

	m.client = "192.168.88.1";
	assert_int_equal(add(w, &a, &m), 718);
	assert_int_equal(w->refused, 1);
	assert_int_equal(w->why, REFUSAL_ROUTER);
	m.client = "192.168.88.11";
	w->map.policy.secure = true;
	m.version = 2;
	assert_int_equal(add(w, &a, &m), 606);
	assert_int_equal(w->why, REFUSAL_SECURE);
	w->map.policy.secure = false;
	w->map.policy.rule = &deny;
	w->map.policy.rule_n = 1;
	assert_int_equal(add(w, &a, &m), 606);
	assert_int_equal(w->why, REFUSAL_RULE);
	assert_int_equal(w->line, 42);
	assert_int_equal(w->refused, 3);
	assert_int_equal(take_ops(w), 0);
}

static void port_of_another_client_conflicts(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };

	have(w, &plain);
	m.requester_ip = BOB;
	assert_int_equal(add(w, &a, &m), 718);
	m.version = 2;
	assert_int_equal(add(w, &a, &m), 718);
	assert_int_equal(w->refused, 2);
	assert_int_equal(w->why, REFUSAL_CONFLICT);
}

static void full_tables_have_their_codes(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };

	for (m.ext_port = 6000; m.ext_port < 6003; m.ext_port++)
		have(w, &m);
	assert_int_equal(add(w, &a, &m), 501);	/* limit of 3 per client */
	m.version = 2;
	assert_int_equal(add(w, &a, &m), 728);
	m.requester_ip = BOB;
	have(w, &m);
	m.ext_port++;
	assert_int_equal(add(w, &a, &m), 728);	/* limit of 4 in all */
	m.version = 1;
	assert_int_equal(add(w, &a, &m), 501);
}

/* ---- DeletePortMapping --------------------------------------------- */

static void delete_waits_for_the_kernel(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call got;

	assert_int_equal(del(w, &a, &plain), 714);
	have(w, &plain);
	assert_int_equal(del(w, &a, &plain), IGD_WAIT);
	answer(w, NAT_EREFUSED);
	assert_int_equal(a.err, 501);
	assert_int_equal(specific(w, &plain, &got), 0);
	assert_int_equal(del(w, &a, &plain), IGD_WAIT);
	answer(w, NAT_OK);
	assert_int_equal(a.answers, 2);
	assert_int_equal(a.err, 0);
	assert_int_equal(w->gone, 1);
	assert_int_equal(w->last_gone.ext_port, 5000);
	assert_int_equal(specific(w, &plain, &got), 714);
}

static void only_the_owner_deletes_in_secure_mode(void **state)
{
	struct world *w = *state;
	struct mapping m = plain, by_bob = plain;
	struct requester a = { .answers = 0 };

	/* ANN's mapping, made for her by BOB */
	m.client = "192.168.88.10";
	m.requester_ip = BOB;
	have(w, &m);
	w->map.policy.secure = true;
	by_bob.requester_ip = IP(192, 168, 88, 12);
	assert_int_equal(del(w, &a, &by_bob), 714);
	by_bob.version = 2;
	assert_int_equal(del(w, &a, &by_bob), 606);
	assert_int_equal(w->refused, 2);
	by_bob.requester_ip = BOB;
	assert_int_equal(del(w, &a, &by_bob), IGD_WAIT);
	answer(w, NAT_EFAIL);
	assert_int_equal(del(w, &a, &plain), IGD_WAIT);
	answer(w, NAT_EFAIL);
	w->map.policy.secure = false;
	by_bob.requester_ip = IP(192, 168, 88, 12);
	assert_int_equal(del(w, &a, &by_bob), IGD_WAIT);
	answer(w, NAT_OK);
	assert_int_equal(a.err, 0);
}

/* ---- reading ------------------------------------------------------- */

static void entries_are_listed(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct igd_call got;

	have(w, &plain);
	m.proto = "UDP";
	m.remote = "198.51.100.9";
	m.lease_s = 30;
	have(w, &m);
	assert_int_equal(generic(w, 0, &got), 0);
	assert_str(got.out[0].s, "");
	assert_str(got.out[2].s, "TCP");
	assert_int_equal(generic(w, 1, &got), 0);
	assert_str(got.out[0].s, "198.51.100.9");
	assert_int_equal(got.out[1].u, 5000);
	assert_str(got.out[2].s, "UDP");
	assert_int_equal(got.out[3].u, 5001);
	assert_str(got.out[4].s, "192.168.88.10");
	assert_int_equal(got.out[5].u, 1);
	assert_str(got.out[6].s, "game");
	assert_int_equal(got.out[7].u, 30);
	assert_int_equal(generic(w, 2, &got), 713);
	assert_int_equal(generic(w, 65535, &got), 713);
}

static const char *value_of(struct world *w, const char *service,
			    const char *name, char buf[256])
{
	struct wr wr = wr_init(buf, 256);
	unsigned n;
	const struct igd_service *svc;
	const struct igd_var *var;

	assert_int_equal(model_resolve(str_z(service), &n, &svc), IGD_CONTROL);
	var = model_var(svc, 1, str_z(name));
	assert_non_null(var);
	if (igd_read(&w->igd, svc, 1, var, w->now_ms, &wr))
		return NULL;
	return wr_cstr(&wr);
}

static void dummy_is_listed_without_mappings(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };
	struct igd_call got;
	char buf[256];
	static const char path[] = "/igd1/wanip/control";

	assert_int_equal(generic(w, 0, &got), 713);
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "0");
	w->igd.show_dummy = true;
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "1");
	assert_int_equal(generic(w, 1, &got), 713);
	assert_int_equal(generic(w, 0, &got), 0);
	assert_str(got.out[0].s, "");
	assert_int_equal(got.out[1].u, 9);
	assert_str(got.out[2].s, "TCP");
	assert_int_equal(got.out[3].u, 9);
	assert_str(got.out[4].s, "192.168.88.1");
	assert_int_equal(got.out[5].u, 0);
	assert_str(got.out[6].s, "dummy");
	assert_int_equal(got.out[7].u, 0);
	m.ext_port = 9;
	m.proto = "UDP";
	assert_int_equal(specific(w, &m, &got), 714);
	assert_int_equal(del(w, &a, &m), 714);
	m.proto = "TCP";
	m.remote = "198.51.100.9";
	assert_int_equal(specific(w, &m, &got), 714);
	assert_int_equal(del(w, &a, &m), 714);
	m.remote = "";
	assert_int_equal(specific(w, &m, &got), 0);
	assert_int_equal(got.out[0].u, 9);
	assert_str(got.out[1].s, "192.168.88.1");
	assert_int_equal(got.out[2].u, 0);
	assert_str(got.out[3].s, "dummy");
	have(w, &plain);
	assert_int_equal(specific(w, &m, &got), 714);
	assert_int_equal(generic(w, 0, &got), 0);
	assert_int_equal(got.out[1].u, 5000);
	assert_int_equal(generic(w, 1, &got), 713);
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "1");
}

/* A control point that deletes the first entry until there is none must come to
 * an end. */
static void deleted_dummy_is_hidden_for_a_minute(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };
	struct igd_call got;
	char buf[256];
	static const char path[] = "/igd1/wanip/control";

	w->igd.show_dummy = true;
	m.ext_port = 9;
	assert_int_equal(del(w, &a, &m), 0);
	assert_int_equal(generic(w, 0, &got), 713);
	assert_int_equal(specific(w, &m, &got), 714);
	assert_int_equal(del(w, &a, &m), 714);
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "0");
	w->now_ms += 59999;
	assert_int_equal(generic(w, 0, &got), 713);
	w->now_ms += 1;
	assert_int_equal(generic(w, 0, &got), 0);
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "1");
}

/* Control points do not see a mapping while its client's network is absent. */
static void suspended_mapping_is_not_shown(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };
	struct igd_call got;
	char buf[256];
	static const char path[] = "/igd1/wanip/control";
	uint16_t slot;

	have(w, &plain);
	m.ext_port = 5001;
	have(w, &m);
	slot = portmap_at(w->pm, 0);
	assert_true(portmap_suspend(w->pm, slot, UINT64_MAX));
	assert_string_equal(
		value_of(w, path, "PortMappingNumberOfEntries", buf), "1");
	assert_int_equal(generic(w, 0, &got), 0);
	assert_int_equal(got.out[1].u, 5001);
	assert_int_equal(generic(w, 1, &got), 713);
	assert_int_equal(specific(w, &m, &got), 0);
	assert_int_equal(specific(w, &plain, &got), 714);
	assert_int_equal(del(w, &a, &plain), 714);
	assert_true(portmap_suspend(w->pm, portmap_at(w->pm, 1), UINT64_MAX));
	w->igd.show_dummy = true;
	assert_int_equal(generic(w, 0, &got), 0);
	assert_str(got.out[6].s, "dummy");
}

/* Control points see a mapping whose port somebody else has, as disabled. */
static void overruled_mapping_is_shown_as_disabled(void **state)
{
	struct world *w = *state;
	struct mapping m = plain;
	struct requester a = { .answers = 0 };
	struct igd_call got;
	uint16_t slot;

	have(w, &plain);
	slot = portmap_at(w->pm, 0);
	assert_int_equal(specific(w, &plain, &got), 0);
	assert_int_equal(got.out[2].u, 1);
	assert_true(portmap_overrule(w->pm, slot));
	assert_int_equal(specific(w, &plain, &got), 0);
	assert_int_equal(got.out[2].u, 0);
	assert_int_equal(generic(w, 0, &got), 0);
	assert_int_equal(got.out[5].u, 0);
	/* a renewal has the code of a new request */
	for (unsigned v = 1; v <= 2; v++) {
		m.version = v;
		assert_int_equal(add(w, &a, &m), IGD_WAIT);
		answer(w, NAT_EFORWARDED);
		assert_int_equal(a.err, v == 1 ? 718 : 729);
	}
	assert_int_equal(del(w, &a, &plain), 0);
}

static void status_follows_address_and_link(void **state)
{
	struct world *w = *state;
	struct igd_call got = call_by(w, ANN, 1);

	assert_int_equal(wanip_get_status_info(&w->igd, &got), 0);
	assert_str(got.out[0].s, "Connected");
	assert_str(got.out[1].s, "ERROR_NONE");
	assert_int_equal(got.out[2].u, 600);
	assert_int_equal(wanip_get_external_ip(&w->igd, &got), 0);
	assert_str(got.out[0].s, "203.0.113.7");
	w->igd.wan.link_up = false;
	wanip_get_status_info(&w->igd, &got);
	assert_str(got.out[0].s, "Disconnected");
	w->igd.wan.link_up = true;
	w->map.ext = (struct addr){ 0 };
	wanip_get_status_info(&w->igd, &got);
	assert_str(got.out[0].s, "Disconnected");
	assert_int_equal(got.out[2].u, 0);
	assert_int_equal(wanip_get_external_ip(&w->igd, &got), 0);
	assert_str(got.out[0].s, "");
	/* DS-Lite, or a provider without IPv4 */
	w->igd.wan.ip6 = true;
	wanip_get_status_info(&w->igd, &got);
	assert_str(got.out[0].s, "Connected");
	assert_int_equal(got.out[2].u, 600);
	w->igd.wan.link_up = false;
	wanip_get_status_info(&w->igd, &got);
	assert_str(got.out[0].s, "Disconnected");
}

/* Version 2 once got 703 or 501, as if a disconnect would make a change
 * possible. */
static void connection_type_is_fixed(void **state)
{
	struct world *w = *state;
	struct igd_call call = call_by(w, ANN, 1);

	assert_int_equal(wanip_get_connection_type_info(&w->igd, &call), 0);
	assert_str(call.out[0].s, "IP_Routed");
	assert_str(call.out[1].s, "IP_Routed");
	assert_int_equal(wanip_get_nat_rsip_status(&w->igd, &call), 0);
	call.in[0].s = STR("IP_Routed");
	assert_int_equal(wanip_set_connection_type(&w->igd, &call), 0);
	call.in[0].s = STR("IP_Bridged");
	assert_int_equal(wanip_set_connection_type(&w->igd, &call), 703);
	w->map.ext = (struct addr){ 0 };
	assert_int_equal(wanip_set_connection_type(&w->igd, &call), 501);
	call.version = 2;
	assert_int_equal(wanip_set_connection_type(&w->igd, &call), 731);
	call.in[0].s = STR("IP_Routed");
	assert_int_equal(wanip_set_connection_type(&w->igd, &call), 0);
}

/* Every evented variable has a value, and no reader fails. */
static void evented_variables_can_be_read(void **state)
{
	struct world *w = *state;
	size_t d, s, v, seen = 0;
	char buf[256];

	for (d = 0; d < IGD_DEVICES; d++)
		for (s = 0; s < igd_device[d].service_n; s++) {
			const struct igd_service *svc =
				igd_device[d].service[s];

			for (v = 0; v < svc->var_n; v++) {
				struct wr wr = wr_init(buf, sizeof(buf));
				int err = igd_read(&w->igd, svc, 1,
						   &svc->var[v], w->now_ms,
						   &wr);

				assert_true(!err || err == UPNP_INVALID_VAR);
				assert_false(wr.over);
				if (svc->var[v].evented)
					assert_int_equal(err, 0);
				seen += svc->var[v].evented;
			}
		}
	assert_true(seen >= 9);
	assert_null(value_of(w, "/igd1/wanip/control", "RemoteHost", buf));
}

static void variables_have_the_values_of_the_actions(void **state)
{
	static const struct {
		const char *path, *name, *value;
	} row[] = {
		{ "/igd1/wanip/control", "ConnectionStatus", "Connected" },
		{ "/igd1/wanip/control", "Uptime", "600" },
		{ "/igd1/wanip/control", "NATEnabled", "1" },
		{ "/igd1/wanip/control", "RSIPAvailable", "0" },
		{ "/igd1/wanip/control", "ExternalIPAddress", "203.0.113.7" },
		{ "/igd1/wancic/control", "PhysicalLinkStatus", "Up" },
		{ "/igd1/wancic/control", "EnabledForInternet", "1" },
		{ "/igd1/wancic/control", "WANAccessType", "Ethernet" },
		{ "/igd1/wancic/control", "TotalPacketsReceived", "4" },
		{ "/igd1/l3f/control", "DefaultConnectionService",
		  UUID ":WANConnectionDevice:1,"
		  "urn:upnp-org:serviceId:WANIPConn1" },
	};
	struct world *w = *state;
	char buf[256];
	size_t i;

	w->counters = (struct igd_counters){ 1, 2, 3, 4 };
	for (i = 0; i < ARRAY_N(row); i++)
		assert_string_equal(value_of(w, row[i].path, row[i].name, buf),
				    row[i].value);
}

/* ---- the link ------------------------------------------------------ */

static struct igd_call link_call(struct world *w, struct requester *a)
{
	struct igd_call call = call_by(w, ANN, 1);

	a->wait.done = asker_done;
	call.wait = &a->wait;
	return call;
}

static void link_goes_down_and_up(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call call = link_call(w, &a);

	assert_int_equal(wanip_request_connection(&w->igd, &call), 0);
	assert_int_equal(w->links, 0);
	assert_int_equal(wanip_terminate(&w->igd, &call), IGD_WAIT);
	assert_int_equal(w->links, 1);
	assert_false(w->link_up);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 0);
	w->igd.wan.admin_up = false;
	assert_int_equal(wanip_terminate(&w->igd, &call), 711);
	assert_int_equal(wanip_request_connection(&w->igd, &call), IGD_WAIT);
	assert_true(w->link_up);
	link_done(&w->igd, NAT_EFAIL);
	assert_int_equal(a.answers, 2);
	assert_int_equal(a.err, 704);
	w->link_works = false;
	assert_int_equal(wanip_request_connection(&w->igd, &call), 704);
	w->igd.wan.admin_up = true;
	assert_int_equal(wanip_terminate(&w->igd, &call), 501);
	link_done(&w->igd, NAT_OK);	/* nobody waits */
	assert_int_equal(a.answers, 2);
}

static void link_changes_one_at_a_time(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 }, b = { .answers = 0 };
	struct igd_call call = link_call(w, &a), other = link_call(w, &b);

	assert_int_equal(wanip_terminate(&w->igd, &call), IGD_WAIT);
	assert_int_equal(wanip_terminate(&w->igd, &other), 707);
	assert_int_equal(wanip_request_connection(&w->igd, &other), 707);
	other.in[0].u = 1;
	assert_int_equal(wancic_set_enabled(&w->igd, &other), 501);
	igd_cancel(&w->igd, &a.wait);
	assert_int_equal(wanip_request_connection(&w->igd, &other), 707);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(a.answers, 0);
	w->igd.wan.admin_up = false;
	assert_int_equal(wanip_request_connection(&w->igd, &call), IGD_WAIT);
	assert_int_equal(wanip_request_connection(&w->igd, &other), 705);
	assert_int_equal(wanip_terminate(&w->igd, &other), 501);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
}

static void link_change_can_be_forbidden(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call call = link_call(w, &a);

	w->igd.allow_link = false;
	assert_int_equal(wanip_terminate(&w->igd, &call), 606);
	assert_int_equal(wancic_set_enabled(&w->igd, &call), 606);
	/* a connection that is there may be requested */
	assert_int_equal(wanip_request_connection(&w->igd, &call), 0);
	call.in[0].u = 1;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), 0);
	w->igd.wan.admin_up = false;
	assert_int_equal(wanip_request_connection(&w->igd, &call), 606);
	assert_int_equal(wancic_set_enabled(&w->igd, &call), 606);
	assert_int_equal(w->links, 0);
}

/* A link that was taken down by SetEnabledForInternet comes up by it only. */
static void internet_access_is_not_the_connection(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call call = link_call(w, &a);

	assert_int_equal(wanip_terminate(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	w->igd.wan.admin_up = false;
	wancic_get_enabled(&w->igd, &call);
	assert_int_equal(call.out[0].u, 1);
	assert_int_equal(wanip_request_connection(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	w->igd.wan.admin_up = true;

	call.in[0].u = 0;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_EFAIL);
	wancic_get_enabled(&w->igd, &call);
	assert_int_equal(call.out[0].u, 1);
	assert_int_equal(wancic_set_enabled(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	w->igd.wan.admin_up = false;
	wancic_get_enabled(&w->igd, &call);
	assert_int_equal(call.out[0].u, 0);
	assert_int_equal(wanip_request_connection(&w->igd, &call), 709);
	call.in[0].u = 1;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	w->igd.wan.admin_up = true;
	assert_int_equal(wanip_request_connection(&w->igd, &call), 0);
}

static void enabled_for_internet_is_idempotent(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 };
	struct igd_call call = link_call(w, &a);

	call.in[0].u = 1;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), 0);
	call.in[0].u = 0;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(a.err, 0);
	w->igd.wan.admin_up = false;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), 0);
	wancic_get_enabled(&w->igd, &call);
	assert_int_equal(call.out[0].u, 0);
	call.in[0].u = 1;
	assert_int_equal(wancic_set_enabled(&w->igd, &call), IGD_WAIT);
	link_done(&w->igd, NAT_EFAIL);
	assert_int_equal(a.err, 501);
}

/* The kernel's answer for a slot must not end a wait for the link. */
static void link_wait_is_separate_from_mapping_waits(void **state)
{
	struct world *w = *state;
	struct requester a = { .answers = 0 }, b = { .answers = 0 };
	struct igd_call call = link_call(w, &a);

	assert_int_equal(wanip_terminate(&w->igd, &call), IGD_WAIT);
	assert_int_equal(add(w, &b, &plain), IGD_WAIT);
	answer(w, NAT_OK);
	assert_int_equal(a.answers, 0);
	assert_int_equal(b.answers, 1);
	assert_int_equal(add(w, &b, &(struct mapping){ "", 5005, "TCP", 5005,
			 "", false, "", 0, ANN, 1 }), IGD_WAIT);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 1);
	answer(w, NAT_OK);
	assert_int_equal(b.answers, 2);
}

/* ---- WANCommonInterfaceConfig -------------------------------------- */

static void link_properties_fit_ui4(void **state)
{
	struct world *w = *state;
	struct igd_call call = call_by(w, ANN, 1);

	w->igd.wan.up_bps = 10000000000u;
	w->igd.wan.down_bps = 1000000000u;
	assert_int_equal(wancic_get_link_properties(&w->igd, &call), 0);
	assert_str(call.out[0].s, "Ethernet");
	assert_int_equal(call.out[1].u, 4294967295u);
	assert_int_equal(call.out[2].u, 1000000000u);
	assert_str(call.out[3].s, "Up");
	w->igd.wan.link_up = false;
	wancic_get_link_properties(&w->igd, &call);
	assert_str(call.out[3].s, "Down");
}

static void at_most_one_connection_is_active(void **state)
{
	struct world *w = *state;
	struct igd_call call = call_by(w, ANN, 1);

	assert_int_equal(wancic_get_max_connections(&w->igd, &call), 0);
	assert_int_equal(call.out[0].u, 1);
	call = call_by(w, ANN, 2);
	assert_int_equal(wancic_get_connection(&w->igd, &call), 0);
	assert_str(call.out[0].s, UUID ":WANConnectionDevice:2");
	assert_str(call.out[1].s, "urn:upnp-org:serviceId:WANIPConn1");
	call.in[0].u = 1;
	assert_int_equal(wancic_get_connection(&w->igd, &call), 713);
	call.in[0].u = 0;
	w->igd.wan.link_up = false;
	assert_int_equal(wancic_get_connection(&w->igd, &call), 713);
}

static void counters_roll_over(void **state)
{
	static igd_action_fn *const get[] = {
		wancic_get_bytes_sent, wancic_get_bytes_received,
		wancic_get_packets_sent, wancic_get_packets_received,
	};
	static const uint32_t want[] = { 5, 4294967295u, 0, 7 };
	struct world *w = *state;
	size_t i;

	w->counters = (struct igd_counters){ 0x100000005, 0xffffffff,
					     0x300000000, 7 };
	for (i = 0; i < ARRAY_N(get); i++) {
		struct igd_call call = call_by(w, ANN, 1);

		assert_int_equal(get[i](&w->igd, &call), 0);
		assert_int_equal(call.out[0].u, want[i]);
		w->counters_work = false;
		assert_int_equal(get[i](&w->igd, &call), 501);
		w->counters_work = true;
	}
}

/* ---- Layer3Forwarding ---------------------------------------------- */

static void default_connection_is_fixed(void **state)
{
	static const struct {
		const char *value;
		int err;
	} row[] = {
		{ UUID ":WANConnectionDevice:1,"
		  "urn:upnp-org:serviceId:WANIPConn1", 0 },
		{ "UUID:00112233-4455-6677-8899-AABBCCDDEEFF:"
		  "WANConnectionDevice:1, urn:upnp-org:serviceId:WANIPConn1",
		  0 },
		{ "uuid:11112233-4455-6677-8899-aabbccddeeff:"
		  "WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1",
		  720 },
		{ UUID ":WANConnectionDevice:2,"
		  "urn:upnp-org:serviceId:WANIPConn1", 720 },
		{ UUID ":WANConnectionDevice:1,"
		  "urn:upnp-org:serviceId:WANPPPConn1", 721 },
		{ UUID ":WANConnectionDevice:1,"
		  "urn:upnp-org:serviceId:WANIPConn1,", 721 },
		{ UUID ":WANConnectionDevice:1,", 402 },
		{ UUID ":WANConnectionDevice:1", 402 },
		{ ",urn:upnp-org:serviceId:WANIPConn1", 720 },
		{ ",", 402 },
		{ "", 402 },
	};
	struct world *w = *state;
	struct igd_call call = call_by(w, ANN, 1);
	size_t i;

	assert_int_equal(l3f_get_default(&w->igd, &call), 0);
	assert_str(call.out[0].s, row[0].value);
	for (i = 0; i < ARRAY_N(row); i++) {
		call.in[0].s = str_z(row[i].value);
		assert_int_equal(l3f_set_default(&w->igd, &call), row[i].err);
	}
	call.n = 2;
	assert_int_equal(l3f_get_default(&w->igd, &call), 0);
	assert_str(call.out[0].s, row[3].value);
}

/* ---- arguments and text -------------------------------------------- */

static const char *const colours[] = { "Red", "Green", NULL };
static const struct igd_var ui2 = { "a", IGD_UI2, 1 };
static const struct igd_var ui4 = { "b", IGD_UI4, 1 };
static const struct igd_var boolean = { "c", IGD_BOOL, 1 };
static const struct igd_var text = { "d", IGD_STRING, 1 };
static const struct igd_var ranged = { "e", IGD_UI2, 1, .ranged = true,
				       .min = 5, .max = 10 };
static const struct igd_var wide = { "f", IGD_UI2, 1, .ranged = true,
				     .min = 0, .max = 604800 };
static const struct igd_var colour = { "g", IGD_STRING, 1,
				       .allowed = colours };

static void numbers_and_booleans_are_checked(void **state)
{
	static const struct {
		const struct igd_var *var;
		const char *in;
		int err;
		uint32_t u;
	} row[] = {
		{ &ui2, "0", 0, 0 },		{ &ui2, "65535", 0, 65535 },
		{ &ui2, "65536", 601, 0 },	{ &ui2, "65616", 601, 0 },
		{ &ui2, " 80\r\n", 0, 80 },	{ &ui2, "0080", 0, 80 },
		{ &ui2, "-1", 601, 0 },		{ &ui2, "-", 600, 0 },
		{ &ui2, "-x", 600, 0 },		{ &ui2, "", 600, 0 },
		{ &ui2, "+5", 600, 0 },		{ &ui2, "8 0", 600, 0 },
		{ &ui2, "0x50", 600, 0 },	{ &ui2, "80;", 600, 0 },
		{ &ui2, "99999999999999999999999", 601, 0 },
		{ &ui2, "-99999999999999999999", 601, 0 },
		{ &ui4, "4294967295", 0, 4294967295u },
		{ &ui4, "4294967296", 601, 0 },
		{ &ranged, "4", 601, 0 },	{ &ranged, "5", 0, 5 },
		{ &ranged, "10", 0, 10 },	{ &ranged, "11", 601, 0 },
		{ &wide, "65536", 601, 0 },	{ &wide, "65535", 0, 65535 },
		{ &boolean, "0", 0, 0 },	{ &boolean, "1", 0, 1 },
		{ &boolean, "True", 0, 1 },	{ &boolean, "NO", 0, 0 },
		{ &boolean, " yes ", 0, 1 },	{ &boolean, "false", 0, 0 },
		{ &boolean, "2", 600, 0 },	{ &boolean, "", 600, 0 },
		{ &boolean, "truetrue", 600, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		struct igd_in in = { str_z(row[i].in), 0 };

		assert_int_equal(value_check(row[i].var, 1, &in), row[i].err);
		if (!row[i].err)
			assert_int_equal(in.u, row[i].u);
	}
}

/* Version 1 has no range for these; port 0 has its own code, 732. */
static void ranges_are_those_of_the_version(void **state)
{
	static const struct igd_var lease = {
		"Lease", IGD_UI4, 1, .ranged = true, .range_since = 2,
		.max = 604800,
	};
	static const struct igd_var port = {
		"Port", IGD_UI2, 1, .ranged = true, .range_since = 2,
		.range_told = true, .min = 1, .max = 65535,
	};
	struct igd_in in = { STR("604801"), 0 };

	assert_int_equal(value_check(&lease, 1, &in), 0);
	assert_int_equal(in.u, 604801);
	assert_int_equal(value_check(&lease, 2, &in), 601);
	in.s = STR("604800");
	assert_int_equal(value_check(&lease, 2, &in), 0);
	in.s = STR("0");
	assert_int_equal(value_check(&port, 2, &in), 0);
	assert_true(value_ranged(&port, 2));
	assert_false(value_ranged(&port, 1));
}

static void strings_are_checked(void **state)
{
	char buf[1025];
	struct igd_in in = { { buf, 1024 }, 0 };

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(value_check(&text, 1, &in), 0);
	in.s.n = 1025;
	assert_int_equal(value_check(&text, 1, &in), 605);
	assert_int_equal(value_check(&colour, 1, &in), 605);
	in.s = STR(" gReEn\n");
	assert_int_equal(value_check(&colour, 1, &in), 0);
	assert_str(in.s, "Green");
	in.s = STR("Gree");
	assert_int_equal(value_check(&colour, 1, &in), 601);
	in.s = STR("");
	assert_int_equal(value_check(&colour, 1, &in), 601);
	assert_int_equal(value_check(&text, 1, &in), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(add_is_answered_after_the_kernel),
		T(kernel_errors_have_their_codes),
		cmocka_unit_test(refusals_have_their_codes),
		cmocka_unit_test(refusals_of_pinholes_have_their_codes),
		T(add_checks_its_arguments),
		T(remote_host_is_an_address_or_any_host),
		T(protocol_is_case_insensitive),
		T(lease_is_granted),
		T(description_is_cleaned),
		T(description_has_at_most_256_bytes),
		T(requests_against_policy_are_refused),
		T(port_of_another_client_conflicts),
		T(full_tables_have_their_codes),
		T(delete_waits_for_the_kernel),
		T(only_the_owner_deletes_in_secure_mode),
		T(entries_are_listed),
		T(dummy_is_listed_without_mappings),
		T(deleted_dummy_is_hidden_for_a_minute),
		T(suspended_mapping_is_not_shown),
		T(overruled_mapping_is_shown_as_disabled),
		T(status_follows_address_and_link),
		T(connection_type_is_fixed),
		T(evented_variables_can_be_read),
		T(variables_have_the_values_of_the_actions),
		T(link_goes_down_and_up),
		T(link_changes_one_at_a_time),
		T(link_change_can_be_forbidden),
		T(internet_access_is_not_the_connection),
		T(enabled_for_internet_is_idempotent),
		T(link_wait_is_separate_from_mapping_waits),
		T(link_properties_fit_ui4),
		T(at_most_one_connection_is_active),
		T(counters_roll_over),
		T(default_connection_is_fixed),
		cmocka_unit_test(numbers_and_booleans_are_checked),
		cmocka_unit_test(ranges_are_those_of_the_version),
		cmocka_unit_test(strings_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
