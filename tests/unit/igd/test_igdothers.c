/* SPDX-License-Identifier: ISC */
/*
 * test_igdothers.c - what a control point can do to the mappings that NAT-PMP,
 * PCP and the operator made, and what it sees of them: the error codes of both
 * versions (RFC 6970).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/wanip.h"
#include "igd/wanip2.h"
#include "igd/wanip6.h"
#include "tests/unit/map/coretest.h"

static struct igd igd;
static struct igd_wait wait;
static struct igd_call call;
static int got;

static void waited(struct igd_wait *w, int err, uint32_t value)
{
	got = (int)upnp_err_code(err);
	call.out[0].u = value;
}

static int set_up(void **state)
{
	core_set_up(state);
	igd = (struct igd){ .wan.link_up = true };
	igd_init(&igd, &map);
	return 0;
}

/* Begin an action of Ann's. */
static void begin(enum family f, unsigned version)
{
	wait = (struct igd_wait){ .done = waited };
	call = (struct igd_call){
		.n = version, .version = version, .now_ms = now_ms,
		.client = host_addr(f, ANN), .ifindex = 2,
		.local = host_addr(f, NOBODY), .wait = &wait,
	};
}

/* Return: the error code, after the answers of the kernel */
static int end(int err)
{
	got = (int)upnp_err_code(err);
	answer_all();
	return got;
}

static int add(unsigned version, uint16_t int_port, uint16_t ext_port,
	       igd_action_fn *action)
{
	begin(V4, version);
	call.in[0].s = call.in[4].s = STR("");
	call.in[1].u = ext_port;
	call.in[2].s = STR("TCP");
	call.in[3].u = int_port;
	call.in[5].u = 1;
	call.in[6].s = STR("game");
	call.in[7].u = 60;
	return end(action(&igd, &call));
}

static int delete_it(unsigned version)
{
	begin(V4, version);
	call.in[0].s = STR("");
	call.in[1].u = 5000;
	call.in[2].s = STR("TCP");
	return end(wanip_delete(&igd, &call));
}

static int delete_some(bool manage)
{
	begin(V4, 2);
	call.in[0].u = call.in[1].u = 5000;
	call.in[2].s = STR("TCP");
	call.in[3].u = manage;
	return end(wanip2_delete_range(&igd, &call));
}

static const struct row {
	enum origin made;
	int same;		/* AddPortMapping, same internal port */
	int other;		/* another internal port */
	int del1, del2;		/* DeletePortMapping at version 1 and 2 */
	int range;		/* DeletePortMappingRange */
	const char *desc;
} rows[] = {
	{ ORIGIN_UPNP, 0, 0, 0, 0, 0, "of upnp" },
	{ ORIGIN_NAT_PMP, 0, 0, 0, 0, 0, "of nat-pmp" },
	{ ORIGIN_PCP, 0, 718, 714, 606, 606, "of pcp" },
};

static void make(const struct row *r)
{
	core_tear_down(NULL);
	set_up(NULL);
	have(V4, (struct rq){ .by = r->made, .nonce = 1 });
}

static void each_code(void **state)
{
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		for (unsigned version = 1; version <= 2; version++) {
			make(&rows[i]);
			assert_int_equal(add(version, 5000, 5000, wanip_add),
					 rows[i].same);
			make(&rows[i]);
			assert_int_equal(add(version, 6000, 5000, wanip_add),
					 rows[i].other);
			make(&rows[i]);
			assert_int_equal(delete_it(version), version == 1 ?
					 rows[i].del1 : rows[i].del2);
			assert_int_equal(portmap_count(map.pm),
					 rows[i].del1 != 0);
		}
		for (unsigned manage = 0; manage < 2; manage++) {
			make(&rows[i]);
			assert_int_equal(delete_some(manage), rows[i].range);
		}
	}
}

/* RFC 6970: AddAnyPortMapping is MAP, so that another port will do. */
static void add_any_gets_another_port(void **state)
{
	make(&rows[2]);
	assert_int_equal(add(2, 6000, 5000, wanip2_add_any), 0);
	assert_int_equal(call.out[0].u, 1024 + 7);
	/* the same internal port: it is extended */
	assert_int_equal(add(2, 5000, 5000, wanip2_add_any), 0);
	assert_int_equal(call.out[0].u, 5000);
	assert_int_equal(portmap_count(map.pm), 2);
}

static void mappings_of_every_origin_are_shown(void **state)
{
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		char buf[2048], want[64];
		struct wr w = wr_init(buf, sizeof(buf));

		make(&rows[i]);
		begin(V4, 1);
		assert_int_equal(wanip_get_generic_entry(&igd, &call), 0);
		assert_int_equal(call.out[1].u, 5000);
		assert_true(str_eq(call.out[6].s, str_z(rows[i].desc)));
		assert_int_equal(call.out[7].u, 3600);
		begin(V4, 1);
		call.in[0].s = STR("");
		call.in[1].u = 5000;
		call.in[2].s = STR("TCP");
		assert_int_equal(wanip_get_specific_entry(&igd, &call), 0);
		assert_true(str_eq(call.out[3].s, str_z(rows[i].desc)));
		begin(V4, 2);
		call.in[1].u = 65535;
		call.in[2].s = STR("TCP");
		assert_int_equal(wanip2_get_list(&igd, &call), 0);
		assert_false(wanip2_list_write(&igd, &call.list, sizeof(buf),
					       &w));
		snprintf(want, sizeof(want), "<p:NewDescription>%s</",
			 rows[i].desc);
		assert_non_null(strstr(wr_cstr(&w), want));
		/* and nothing of the nonce */
		assert_null(strstr(buf, "0101"));
	}
}

static void name_remote(void)
{
	begin(V4, 2);
	call.in[0].s = STR("198.51.100.1");
	call.in[1].u = 5000;
	call.in[2].s = STR("TCP");
}

/* A mapping for one port of a remote host is named by the host. */
static void remote_ports_are_named_by_their_host(void **state)
{
	for (enum origin by = ORIGIN_NAT_PMP; by <= ORIGIN_PCP; by++) {
		core_tear_down(NULL);
		set_up(NULL);
		have(V4, (struct rq){ .by = by, .nonce = 1, .remote = FAR,
				      .remote_port = 3478 });
		assert_int_equal(delete_it(2), 714);
		name_remote();
		assert_int_equal(wanip_get_specific_entry(&igd, &call), 0);
		assert_int_equal(call.out[0].u, 5000);
		name_remote();
		assert_int_equal(end(wanip_delete(&igd, &call)),
				 by == ORIGIN_PCP ? 606 : 0);
		assert_int_equal(portmap_count(map.pm), by == ORIGIN_PCP);
	}
	/* one for all its ports comes first */
	have(V4, (struct rq){ .remote = FAR });
	name_remote();
	assert_int_equal(end(wanip_delete(&igd, &call)), 0);
	assert_int_equal(portmap_count(map.pm), 1);
}

/* ---- pinholes ------------------------------------------------------ */

static int add_pinhole(void)
{
	begin(V6, 1);
	call.in[0].s = STR("");
	call.in[2].s = STR("2001:db8:88::10");
	call.in[3].u = 5000;
	call.in[4].u = IPPROTO_TCP;
	call.in[5].u = 60;
	return end(wanip6_add(&igd, &call));
}

static int change_pinhole(igd_action_fn *action, uint16_t id, uint32_t lease_s)
{
	begin(V6, 1);
	call.in[0].u = id;
	call.in[1].u = lease_s;
	return end(action(&igd, &call));
}

static void pinholes_of_pcp_are_only_extended(void **state)
{
	const struct pm_entry e = have(V6, (struct rq){ .by = ORIGIN_PCP,
							.nonce = 1 });

	assert_int_equal(add_pinhole(), 0);
	assert_int_equal(call.out[0].u, e.unique_id);
	assert_int_equal(change_pinhole(wanip6_update, e.unique_id, 60), 0);
	assert_int_equal(portmap_entry(map.pinholes, portmap_at(map.pinholes,
		0))->expires_ms, e.expires_ms);
	assert_int_equal(change_pinhole(wanip6_delete, e.unique_id, 0), 606);
	assert_int_equal(portmap_count(map.pinholes), 1);
	have(V6, (struct rq){ .by = ORIGIN_NAT_PMP, .int_port = 5001 });
	assert_int_equal(change_pinhole(wanip6_delete,
		(uint16_t)(e.unique_id + 1), 0), 0);
}

int main(void)
{
#define IGD(fn) cmocka_unit_test_setup_teardown(fn, set_up, core_tear_down)
	const struct CMUnitTest tests[] = {
		IGD(each_code),
		IGD(add_any_gets_another_port),
		IGD(mappings_of_every_origin_are_shown),
		IGD(remote_ports_are_named_by_their_host),
		IGD(pinholes_of_pcp_are_only_extended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
