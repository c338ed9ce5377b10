/* SPDX-License-Identifier: ISC */
/*
 * test_ipt_leaf.c - every port is in one leaf. A leaf exists as long as it has
 * rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/fakeipt.h"
#include "natfw/ipt_leaf.h"

static const struct want_place at_end = { "FORWARD", NULL, true, true };

/* Did the last restore get this? */
static bool sent(const char *text)
{
	return strstr(ipt.in, text);
}

static void begin_nft(void)
{
	begin(&natfw_iptables_nft, NULL);
	set_places(&at_end, 1);
}

/* Leaf names and numbers convert to each other; every port is in one leaf. */
static void test_every_port_is_in_one_leaf(void **state)
{
	struct nat_rule r = tcp(1, HOST(2), 1);
	unsigned port, chain, leaf, is;
	struct wr w;
	char buf[64];

	for (chain = 0; chain < IPT_CHAINS; chain++) {
		for (leaf = 0; leaf < IPT_LEAVES - (chain != IPT_ACCEPT6);
		     leaf++) {
			w = wr_init(buf, sizeof(buf));
			ipt_leaf_name(&w, chain, leaf);
			assert_true(ipt_leaf_read(wr_done(&w), chain, &is));
			assert_int_equal(is, leaf);
			assert_true(ipt_leaf_is_ours(wr_done(&w)));
			/* the length of a name that iptables accepts */
			assert_in_range(w.len, 1, 28);
		}
	}
	for (port = 1; port < 65536; port++) {
		r.ext_port = (uint16_t)port;
		r.int_port = (uint16_t)(65536 - port);
		assert_int_equal(ipt_leaf_of(IPT_ACCEPT, &r), port / 1024);
		assert_int_equal(ipt_leaf_of(IPT_DNAT, &r), port / 1024);
		assert_int_equal(ipt_leaf_of(IPT_SNAT, &r),
				 (65536 - port) / 1024);
	}
	r.proto = IPPROTO_UDP;
	assert_int_equal(ipt_leaf_of(IPT_DNAT, &r), 64 + 63);
}

/* A leaf is made with its first rule and deleted with its last. */
static void test_leaf_is_made_and_deleted_with_its_rules(void **state)
{
	struct nat_op op = set(tcp(2047, HOST(4), 65535)), two[2];

	begin_nft();
	assert_int_equal(sync_it(), 0);
	assert_int_equal(apply_it(&op, 1), 0);
	assert_true(sent("-N UPNPD-tcp-1024\n-A UPNPD -p tcp -m tcp"
			 " --dport 1024:2047 -j UPNPD-tcp-1024\n"));
	assert_true(sent("-N UPNPD-POST-tcp-64512\n-A UPNPD-POST -p tcp -m tcp"
			 " --sport 64512:65535 -j UPNPD-POST-tcp-64512\n"));
	op = set(tcp(1024, HOST(4), 64512));
	assert_int_equal(apply_it(&op, 1), 0);
	assert_false(sent("-N ") || sent(" -j UPNPD"));
	two[0] = set(tcp(2048, HOST(4), 64511));	/* beyond the edges */
	two[1] = set(tcp(1023, HOST(4), 1));
	assert_int_equal(apply_it(two, 2), 0);
	assert_true(sent("-N UPNPD-tcp-1\n") && sent("-N UPNPD-tcp-2048\n"));
	assert_true(sent("-N UPNPD-POST-tcp-63488\n"));
	two[0] = del(tcp(2047, 0, 0));
	two[1] = set(tcp(2048, HOST(4), 64510));	/* stays in its leaf */
	assert_int_equal(apply_it(two, 2), 0);
	assert_false(sent("-N ") || sent("-X ") || sent(" -j UPNPD"));
	/* change the target of one rule; the others stay */
	op = set(tcp(1024, HOST(4), 64511));
	assert_int_equal(apply_it(&op, 1), 0);
	assert_false(sent("-N "));
	assert_true(sent("-D UPNPD-POST -p tcp -m tcp --sport 64512:65535"
			 " -j UPNPD-POST-tcp-64512\n"
			 "-X UPNPD-POST-tcp-64512\nCOMMIT\n"));
	/* delete the last rule of one leaf, set the first of another */
	two[0] = del(tcp(1024, 0, 0));
	two[1] = set(tcp(3072, HOST(4), 64511));
	assert_int_equal(apply_it(two, 2), 0);
	assert_true(sent("*filter\n-N UPNPD-tcp-3072\n"));
	assert_true(sent("-D UPNPD -m conntrack --ctproto 6 --ctorigdstport"
			 " 1024:2047 -j UPNPD-tcp-1024\n"
			 "-X UPNPD-tcp-1024\nCOMMIT\n*nat\n"));
	assert_true(sent("-D UPNPD -p tcp -m tcp --dport 1024:2047"
			 " -j UPNPD-tcp-1024\n-X UPNPD-tcp-1024\nCOMMIT\n"));
	assert_false(sent("-X UPNPD-POST"));
	end();
}

/* A sync keeps the leaves that have rules and deletes the others; close deletes
 * all of them. Chains with similar names belong to other people. */
static void test_leaves_of_a_killed_monitor_are_cleaned(void **state)
{
	static const char left[] =
		"*filter\n:UPNPD-tcp-1 - [0:0]\n:UPNPD-tcp-1024 - [0:0]\n"
		":UPNPD-udp-64512 - [0:0]\n"
		":UPNPD-tcp-1025 - [0:0]\n:UPNPD-sctp-1 - [0:0]\n"
		":UPNPD-tcp-65536 - [0:0]\n:UPNPD-POST-tcp-1 - [0:0]\n"
		":UPNPD-tcp-01 - [0:0]\n:UPNPD-tcp- - [0:0]\n"
		":UPNPD- - [0:0]\n*nat\n:UPNPD-udp-2048 - [0:0]\n"
		":UPNPD-POST-tcp-7168 - [0:0]\n:UPNPD-POST-udp-1 - [0:0]\n";
	static const char *const theirs[] = {
		"UPNPD-tcp-1025", "UPNPD-sctp-1", "UPNPD-tcp-65536",
		"UPNPD-POST-tcp-1", "UPNPD-tcp-01", "UPNPD-tcp-", "UPNPD-",
	};

	begin_nft();
	assert_int_equal(fake_restore(left), 0);
	fill_table();
	assert_int_equal(sync_it(), 0);
	assert_true(sent("*filter\n:UPNPD - [0:0]\n:UPNPD-tcp-1 - [0:0]\n"
			 ":UPNPD-tcp-1024 - [0:0]\n:UPNPD-udp-1 - [0:0]\n"
			 ":UPNPD-udp-64512 - [0:0]\n-A UPNPD"));
	assert_null(chain(IPT_FILTER, "UPNPD-tcp-1024"));
	assert_null(chain(IPT_FILTER, "UPNPD-udp-64512"));
	assert_null(chain(IPT_NAT, "UPNPD-udp-2048"));
	assert_null(chain(IPT_NAT, "UPNPD-POST-udp-1"));
	assert_non_null(chain(IPT_NAT, "UPNPD-POST-tcp-7168"));
	it.w->be->close(&it.fw, it.w);
	for (size_t i = 0; i < COUNT(theirs); i++)
		assert_non_null(chain(IPT_FILTER, theirs[i]));
	assert_int_equal(ipt.table[IPT_FILTER].n, 2 + COUNT(theirs));
	assert_int_equal(ipt.table[IPT_NAT].n, 2);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_port_is_in_one_leaf),
		cmocka_unit_test(test_leaf_is_made_and_deleted_with_its_rules),
		cmocka_unit_test(test_leaves_of_a_killed_monitor_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
