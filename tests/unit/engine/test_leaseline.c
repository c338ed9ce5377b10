/* SPDX-License-Identifier: ISC */
/*
 * test_leaseline.c - written fields are read back, and fields that no upnpd
 * writes are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "engine/leaseline.h"
#include "tests/unit/pmtest.h"

#define A	0xc0a80102u
#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define PLAIN	"proto=tcp port=80 client=192.168.1.2 to=8080 origin=upnp " \
		"requester=192.168.1.3"

#define OF_PCP	"proto=tcp port=80 client=192.168.1.2 to=8080 origin=pcp " \
		"requester=192.168.1.2"

#define HOLE	"kind=pinhole proto=sctp client=2001:db8::1 to=0 " \
		"origin=operator"

static struct leaseline line;

static bool get(const char *z)
{
	return leaseline_get(str_z(z), &line);
}

static void fields_are_read_in_any_order(void **state)
{
	assert_true(get("told=90 remote=203.0.113.9 lease=5,6,7 x=y "
			"suspended=8,9,10 overruled=yes "
			"requester=192.168.1.3 disabled=yes origin=pcp to=8080 "
			"kind=portmap client=192.168.1.2 port=80 proto=udp "
			"peer=yes nonce=00a5ffb1c2d3e4f501020304 "
			"z= desc= two  words = x=1 "));
	assert_int_equal(line.req.rule.kind, NAT_PORTMAP);
	assert_int_equal(line.req.rule.proto, IPPROTO_UDP);
	assert_int_equal(line.req.rule.ext_port, 80);
	assert_int_equal(line.req.rule.int_port, 8080);
	assert_int_equal(addr_to_ip4(line.req.rule.client), A);
	assert_int_equal(addr_to_ip4(line.req.rule.remote), 0xcb007109);
	assert_int_equal(addr_to_ip4(line.req.requester), A + 1);
	assert_int_equal(line.req.origin, ORIGIN_PCP);
	assert_memory_equal(&line.req.nonce, "\x00\xa5\xff\xb1\xc2\xd3\xe4\xf5"
			    "\x01\x02\x03\x04", 12);
	assert_true(line.req.peer);
	assert_false(line.req.enabled);
	assert_int_equal(line.told_port, 90);
	assert_int_equal(line.lease.mono_ms, 5);
	assert_int_equal(line.lease.wall_s, 6);
	assert_int_equal(line.lease.left_s, 7);
	assert_int_equal(line.suspended.mono_ms, 8);
	assert_int_equal(line.suspended.wall_s, 9);
	assert_int_equal(line.suspended.left_s, 10);
	assert_true(line.overruled);
	assert_string_equal(line.req.desc, " two  words = x=1 ");
	assert_string_equal(line.note, "x=y z=");
	assert_false(line.cut);
}

static void usual_values_are_left_out(void **state)
{
	assert_true(get(PLAIN " desc="));
	assert_int_equal(line.req.rule.kind, NAT_PORTMAP);
	assert_int_equal(line.req.rule.remote.family, ADDR_ANY);
	assert_true(line.req.enabled);
	assert_int_equal(line.told_port, 80);
	assert_int_equal(line.lease.left_s, 0);
	assert_int_equal(line.suspended.left_s, 0);
	assert_false(line.overruled);
	assert_string_equal(line.req.desc, "");
	assert_string_equal(line.note, "");
	assert_true(get("proto=tcp port=80 client=192.168.1.2 to=8080 "
			"origin=operator desc="));
	assert_int_equal(line.req.requester.family, ADDR_NONE);
}

/* PCP's FILTER and PEER; without the host it is no rule. */
static void mapping_of_a_remote_port_is_read(void **state)
{
	struct nat_rule key;

	assert_true(get(PLAIN " remote=203.0.113.9 remote-port=3478 desc="));
	assert_int_equal(line.req.rule.remote_port, 3478);
	assert_string_equal(line.note, "");
	assert_false(get(PLAIN " remote-port=3478 desc="));
	assert_true(leaseline_get_key(STR("proto=tcp port=80 "
					  "remote=203.0.113.9 "
					  "remote-port=3478"), &key));
	assert_int_equal(key.remote_port, 3478);
}

static void pinholes_are_read(void **state)
{
	static const char *const proto[] = { "tcp", "udp", "dccp", "sctp",
					     "udplite" };
	char buf[128];

	assert_true(get(HOLE " id=65535 remote=2001:db8::9 remote-port=7 "
			"desc="));
	assert_int_equal(line.req.rule.kind, NAT_PINHOLE);
	assert_int_equal(line.req.rule.proto, IPPROTO_SCTP);
	assert_int_equal(line.req.rule.int_port, 0);
	assert_int_equal(line.req.rule.remote_port, 7);
	assert_int_equal(line.req.unique_id, 65535);
	assert_int_equal(line.told_port, 0);
	assert_string_equal(line.note, "");
	/* as the former version wrote them: without an id */
	assert_true(get(HOLE " desc="));
	assert_int_equal(line.req.unique_id, 0);
	for (size_t i = 0; i < N(proto); i++) {
		snprintf(buf, sizeof(buf), "kind=pinhole proto=%s "
			 "client=2001:db8::1 to=1 origin=operator desc=",
			 proto[i]);
		assert_true(get(buf));
	}
}

static void wrong_fields_are_refused(void **state)
{
	static const char *const bad[] = {
		/* a missing field */
		"", " ", "desc=", PLAIN,
		"port=80 client=192.168.1.2 to=80 origin=operator desc=",
		"proto=tcp client=192.168.1.2 to=80 origin=operator desc=",
		"proto=tcp port=80 to=80 origin=operator desc=",
		"proto=tcp port=80 client=192.168.1.2 origin=operator desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 origin=upnp desc=",
		/* a field twice, or in a line that cannot have it */
		PLAIN " port=81 desc=", PLAIN " told=1 told=1 desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 origin=operator "
			"requester=192.168.1.2 desc=",
		/* text that is not a field */
		PLAIN " x desc=", PLAIN " =x desc=", PLAIN "  desc=",
		PLAIN " X=1 desc=", PLAIN " x_y=1 desc=", PLAIN " desc",
		PLAIN " told desc=", PLAIN " x=\t desc=", PLAIN " x=\x7f desc=",
		/* wrong values */
		"kind=other " PLAIN " desc=", "kind= " PLAIN " desc=",
		PLAIN " told=0 desc=", PLAIN " told=65536 desc=",
		PLAIN " told= desc=", PLAIN " told=-1 desc=",
		PLAIN " disabled=no desc=", PLAIN " disabled= desc=",
		PLAIN " overruled=no desc=", PLAIN " overruled= desc=",
		PLAIN " nonce=00a5ffb1c2d3e4f501020304 desc=",
		PLAIN " peer=yes desc=",
		OF_PCP " nonce= desc=", OF_PCP " nonce=00 desc=",
		OF_PCP " nonce=00a5ffb1c2d3e4f50102030 desc=",
		OF_PCP " nonce=00a5ffb1c2d3e4f5010203040 desc=",
		OF_PCP " nonce=00A5ffb1c2d3e4f501020304 desc=",
		OF_PCP " nonce=0xa5ffb1c2d3e4f501020304 desc=",
		OF_PCP " nonce=00a5ffb1c2d3e4f50102030g desc=",
		OF_PCP " nonce=00a5ffb1c2d3e4f501020304 "
			"nonce=00a5ffb1c2d3e4f501020304 desc=",
		OF_PCP " peer=no desc=", OF_PCP " peer= desc=",
		PLAIN " remote=* desc=", PLAIN " remote=host desc=",
		PLAIN " remote= desc=", PLAIN " remote=0.0.0.0 desc=",
		PLAIN " remote=2001:db8::1 desc=",
		PLAIN " lease= desc=", PLAIN " lease=1 desc=",
		PLAIN " lease=1,2 desc=", PLAIN " lease=1,2, desc=",
		PLAIN " lease=1,2,0 desc=", PLAIN " lease=0,2,3 desc=",
		PLAIN " lease=1,2,604801 desc=", PLAIN " lease=1,2,3,4 desc=",
		PLAIN " lease=18446744073709551616,2,3 desc=",
		PLAIN " lease=1,18446744073709552,3 desc=",
		PLAIN " suspended=yes desc=", PLAIN " suspended=1,2,0 desc=",
		PLAIN " suspended=1,2,86401 desc=",
		PLAIN " desc=a\tb", PLAIN " desc=a\x7f" "b",
		"proto=TCP port=80 client=192.168.1.2 to=80 origin=operator "
			"desc=",
		"proto=tcp port=80x client=192.168.1.2 to=80 origin=operator "
			"desc=",
		"proto=tcp port=80 client=192.168.1.256 to=80 origin=operator "
			"desc=",
		"proto=tcp port=80 client=0.0.0.0 to=80 origin=operator desc=",
		"proto=tcp port=80 client=:: to=80 origin=operator desc=",
		"proto=tcp port=80 client=2001:db8::1 to=80 origin=operator "
			"desc=",
		"kind=pinhole proto=tcp client=192.168.1.2 to=80 "
			"origin=operator desc=",
		"kind=pinhole proto=tcp port=80 client=2001:db8::1 to=80 "
			"origin=operator desc=",
		"kind=pinhole proto=tcp client=2001:db8::1 origin=operator "
			"desc=",
		HOLE " id=0 desc=", HOLE " id=65536 desc=", HOLE " id= desc=",
		HOLE " id=1 id=1 desc=", PLAIN " id=1 desc=",
		"proto=sctp port=80 client=192.168.1.2 to=80 origin=operator "
			"desc=",
		"kind=pinhole proto=65535 client=2001:db8::1 to=80 "
			"origin=operator desc=",
		"proto=tcp client=192.168.1.2 to=80 origin=operator desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 remote-port=1 "
			"origin=operator desc=",
		"proto=tcp port=80 client=192.168.1.2 to=0 origin=operator "
			"desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 origin=unknown "
			"desc=",
		"proto=tcp port=80 client=192.168.1.2 to=80 origin=upnp "
			"requester=- desc=",
	};

	for (size_t i = 0; i < N(bad); i++)
		if (get(bad[i]))
			fail_msg("%s", bad[i]);
	assert_true(get(PLAIN " desc="));
	assert_true(get(OF_PCP " desc="));
	assert_false(line.req.peer);
}

static void nul_bytes_are_refused(void **state)
{
	char buf[256];
	size_t n = strlen(PLAIN " x=1 desc=abc");

	for (size_t i = 0; i < n; i++) {
		snprintf(buf, sizeof(buf), "%s", PLAIN " x=1 desc=abc");
		buf[i] = '\0';
		assert_false(leaseline_get((struct str){ buf, n }, &line));
	}
}

static void key_is_read_without_other_fields(void **state)
{
	struct nat_rule key;

	assert_true(leaseline_get_key(STR("proto=tcp port=80"), &key));
	assert_int_equal(key.kind, NAT_PORTMAP);
	assert_int_equal(key.remote.family, ADDR_ANY);
	assert_true(leaseline_get_key(STR("x=1 remote=203.0.113.9 kind=portmap "
					  "proto=udp port=80"), &key));
	assert_int_equal(addr_to_ip4(key.remote), 0xcb007109);
	assert_false(leaseline_get_key(STR("proto=tcp"), &key));
	assert_false(leaseline_get_key(STR("port=80"), &key));
	assert_true(leaseline_get_key(STR("kind=pinhole proto=tcp "
					  "client=2001:db8::1 to=80"), &key));
	assert_int_equal(key.kind, NAT_PINHOLE);
	assert_int_equal(key.int_port, 80);
	assert_false(leaseline_get_key(STR("kind=pinhole proto=tcp "
					   "client=2001:db8::1"), &key));
	/* the key of a kind that this version does not know */
	assert_false(leaseline_get_key(STR("kind=new proto=tcp port=80"),
				       &key));
}

/* Write, read, and write again; also with the longest values. */
static void written_fields_are_read_back(void **state)
{
	static char buf[LEASELINE_MAX], again[LEASELINE_MAX];
	struct leaseline_end end = { UINT64_MAX, UINT64_MAX / 1000,
				     PM_LEASE_MAX_S };
	struct leaseline_end suspended = { UINT64_MAX, UINT64_MAX / 1000,
					   PM_SUSPENDED_MAX_S };
	struct portmap *pm = portmap_new(2, 2);
	struct pm_req q = req(A, 65535);
	struct addr longest;
	struct wr w = wr_init(buf, sizeof(buf));
	struct wr w2 = wr_init(again, sizeof(again));
	char note[PM_NOTE_MAX + 1] = "a=";
	uint16_t slot;

	assert_true(addr_parse(STR("2001:1db8:1111:1111:1111:1111:1111:1111"),
			       &longest));
	q.rule.kind = NAT_PINHOLE;
	q.rule.ext_port = 0;
	q.rule.remote_port = 65533;
	q.rule.client = q.rule.remote = q.requester = longest;
	q.rule.int_port = 65534;
	q.origin = ORIGIN_PCP;
	memset(&q.nonce, 0xb7, sizeof(q.nonce));
	q.peer = true;
	q.enabled = false;
	memset(q.desc, 'x', PM_DESC_MAX);
	memset(note + 2, 'y', PM_NOTE_MAX - 2);
	assert_int_equal(portmap_restore(pm, &q, 1), PM_DONE);
	slot = portmap_at(pm, 0);
	portmap_set_told(pm, slot, 60000);
	portmap_set_note(pm, slot, str_z(note));
	leaseline_put(&w, pm, portmap_entry(pm, slot), &end, &suspended);
	/* leases.c leaves this room for "+ ", the checksum and other fields */
	assert_true(w.len + 16 < 512 + PM_NOTE_MAX + PM_DESC_MAX);
	assert_true(get(wr_cstr(&w)));
	assert_true(nat_rule_equal(&line.req.rule, &q.rule));
	assert_memory_equal(&line.req.nonce, &q.nonce, sizeof(q.nonce));
	assert_true(line.req.peer);
	assert_int_equal(line.told_port, 60000);
	assert_string_equal(line.note, note);
	assert_string_equal(line.req.desc, q.desc);
	portmap_free(pm);
	pm = portmap_new(2, 2);
	assert_int_equal(portmap_restore(pm, &line.req, 1), PM_DONE);
	slot = portmap_at(pm, 0);
	portmap_set_told(pm, slot, line.told_port);
	portmap_set_note(pm, slot, str_z(line.note));
	leaseline_put(&w2, pm, portmap_entry(pm, slot), &line.lease,
		      &line.suspended);
	assert_string_equal(wr_cstr(&w2), wr_cstr(&w));
	portmap_free(pm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_in_any_order),
		cmocka_unit_test(usual_values_are_left_out),
		cmocka_unit_test(mapping_of_a_remote_port_is_read),
		cmocka_unit_test(pinholes_are_read),
		cmocka_unit_test(wrong_fields_are_refused),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(key_is_read_without_other_fields),
		cmocka_unit_test(written_fields_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
