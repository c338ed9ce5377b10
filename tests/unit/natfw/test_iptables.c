/* SPDX-License-Identifier: ISC */
/*
 * test_iptables.c - a sync and a batch write exactly the lines that
 * iptables-restore needs, and verify finds every difference in the output of
 * iptables-save.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/wr.h"
#include "tests/unit/faketool.h"
#include "natfw/ipt_leaf.h"

/* natfw.c's table of choices needs them; no test here calls them. */
const struct natfw_backend natfw_netlink = { 0 },
	natfw_memory = { 0 };

/* ---- iptables ------------------------------------------------------ */

static const char ipt_filter[] =
	"*filter\n"
	":UPNPD - [0:0]\n"
	":UPNPD-tcp-1 - [0:0]\n"
	":UPNPD-udp-1 - [0:0]\n"
	"-I FORWARD -j UPNPD\n"
	"-A UPNPD -m conntrack ! --ctstate DNAT -j RETURN\n"
	"-A UPNPD -m conntrack --ctproto 6 --ctorigdstport 1:1023"
	" -j UPNPD-tcp-1\n"
	"-A UPNPD -m conntrack --ctproto 17 --ctorigdstport 1:1023"
	" -j UPNPD-udp-1\n"
	"-A UPNPD-tcp-1 -m conntrack --ctstate DNAT --ctproto 6"
	" --ctorigdst 203.0.113.7 --ctorigdstport 80 -j ACCEPT\n"
	"-A UPNPD-udp-1 -m conntrack --ctstate DNAT --ctproto 17"
	" --ctorigsrc 198.51.100.9 --ctorigdst 203.0.113.7"
	" --ctorigdstport 53 -j ACCEPT\n"
	"-A UPNPD-tcp-1 -m conntrack --ctstate DNAT --ctproto 6"
	" --ctorigdst 203.0.113.7 --ctorigdstport 81 -j ACCEPT\n"
	"COMMIT\n";

static const char ipt_nat[] =
	"*nat\n"
	":UPNPD - [0:0]\n"
	":UPNPD-POST - [0:0]\n"
	":UPNPD-tcp-1 - [0:0]\n"
	":UPNPD-udp-1 - [0:0]\n"
	":UPNPD-POST-tcp-7168 - [0:0]\n"
	":UPNPD-POST-udp-5120 - [0:0]\n"
	"-I PREROUTING -j UPNPD\n"
	"-I POSTROUTING -j UPNPD-POST\n"
	"-A UPNPD ! -d 203.0.113.7/32 -j RETURN\n"
	"-A UPNPD-POST ! -o wan0 -j RETURN\n"
	"-A UPNPD -p tcp -m tcp --dport 1:1023 -j UPNPD-tcp-1\n"
	"-A UPNPD -p udp -m udp --dport 1:1023 -j UPNPD-udp-1\n"
	"-A UPNPD-POST -p tcp -m tcp --sport 7168:8191"
	" -j UPNPD-POST-tcp-7168\n"
	"-A UPNPD-POST -p udp -m udp --sport 5120:6143"
	" -j UPNPD-POST-udp-5120\n"
	"-A UPNPD-udp-1 -s 198.51.100.9/32 -d 203.0.113.7/32 -i wan0 -p udp"
	" -m udp --dport 53 -j DNAT --to-destination 192.168.88.3:5353\n"
	"-A UPNPD-tcp-1 -d 203.0.113.7/32 -i wan0 -p tcp -m tcp --dport 80"
	" -j DNAT --to-destination 192.168.88.2:8080\n"
	"-A UPNPD-tcp-1 -d 203.0.113.7/32 -i wan0 -p tcp -m tcp --dport 81"
	" -j DNAT --to-destination 192.168.88.2:8080\n"
	"-A UPNPD-POST-tcp-7168 -s 192.168.88.2/32 -o wan0 -p tcp -m tcp"
	" --sport 8080 -j SNAT --to-source 203.0.113.7:80\n"
	"-A UPNPD-POST-udp-5120 -s 192.168.88.3/32 -d 198.51.100.9/32 -o wan0"
	" -p udp -m udp --sport 5353 -j SNAT --to-source 203.0.113.7:53\n"
	"-A UPNPD-POST-tcp-7168 -s 192.168.88.2/32 -o wan0 -p tcp -m tcp"
	" --sport 8080 -j SNAT --to-source 203.0.113.7:81\n"
	"COMMIT\n";

static void test_sync_writes_every_chain_and_rule(void **state)
{
	char want[sizeof(ipt_filter) + sizeof(ipt_nat)];
	struct natfw fw;
	size_t cap;

	snprintf(want, sizeof(want), "%s%s", ipt_filter, ipt_nat);
	begin(&fw, &natfw_iptables, NULL);
	for (cap = 1; cap < 300; cap += 7) {	/* for each read size */
		tool.cap = cap;
		fill_table(&fw);
		assert_string_equal(tool.in, want);
	}
	assert_string_equal(tool.cmd, "iptables-restore --noflush -w");
	fw.be = &natfw_iptables_legacy;
	fill_table(&fw);
	assert_string_equal(tool.cmd, "iptables-legacy-restore --noflush -w");
	fw.be = &natfw_iptables_nft;
	fill_table(&fw);
	assert_string_equal(tool.cmd, "iptables-nft-restore --noflush -w");
	natfw_done(&fw);
}

static void test_sync_removes_old_jumps_first(void **state)
{
	static const struct answer listed[] = {
		{ "iptables-save -t filter", "*filter\n-A FORWARD -j UPNPD\n"
		  "-A FORWARD -s 10.0.0.1/32 -j UPNPD\n"
		  "-A FORWARD -j UPNPD\n", 0 },
		{ "iptables-save -t nat", "-A PREROUTING -j UPNPD\n"
		  "-A FORWARD -j UPNPD\n", 0 },
		{ NULL }
	};
	struct natfw fw;

	begin(&fw, &natfw_iptables, listed);
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "[0:0]\n-D FORWARD -j UPNPD\n"
			       "-D FORWARD -j UPNPD\n-I FORWARD -j UPNPD\n"));
	assert_non_null(strstr(tool.in, "[0:0]\n-D PREROUTING -j UPNPD\n"
			       "-I PREROUTING -j UPNPD\n"
			       "-I POSTROUTING -j UPNPD-POST\n"));
	natfw_close(&fw);
	assert_string_equal(tool.in, "*nat\n:UPNPD - [0:0]\n"
			    ":UPNPD-POST - [0:0]\n-D PREROUTING -j UPNPD\n"
			    "-X UPNPD\n-X UPNPD-POST\nCOMMIT\n");
	natfw_done(&fw);
}

/* Each network has its lines, however few rules there are. */
static void test_each_network_has_hairpin_without_rules(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	fw.env.hairpin = true;
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_non_null(strstr(tool.in, "-s 192.168.88.0/24 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_non_null(strstr(tool.in,
			       "-s 10.0.0.0/8 -d 10.0.0.0/8 -o lan1 "));
	natfw_done(&fw);
}

static void test_sync_follows_the_environment(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	fw.env.hairpin = fw.env.masquerade = true;
	/* an IPv6 network has no rule in the IPv4 tables */
	fw.env.net[1].net = (struct addr_net){ addr_of_text("fd00::1"), 64 };
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "-A UPNPD-POST -s 192.168.88.0/24"
			       " -d 192.168.88.0/24 -o lan0 -m conntrack"
			       " --ctstate DNAT --ctorigdst 203.0.113.7"
			       " -j MASQUERADE\n"
			       "-A UPNPD-POST ! -o wan0 -j RETURN\n"));
	assert_non_null(strstr(tool.in, "-A UPNPD-tcp-1 -d 203.0.113.7/32"
			       " -p tcp"));
	/* after the jumps */
	assert_non_null(strstr(tool.in, " -j UPNPD-POST-udp-5120\n"
			       "-A UPNPD-POST -s 192.168.88.0/24 -o wan0"
			       " -j MASQUERADE\n-A UPNPD-udp-1 "));
	assert_null(strstr(tool.in, "lan1"));
	/* a network behind another router on lan0: each pair */
	fw.env.net[1] = (struct netif_addr){ 3, "lan0",
		{ addr_of_text("172.31.0.0"), 16 }, .routed = 1 };
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_non_null(strstr(tool.in, "-s 192.168.88.0/24 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_non_null(strstr(tool.in, "-s 192.168.88.0/24 -d 172.31.0.0/16"
			       " -o lan0 "));
	assert_non_null(strstr(tool.in, "-s 172.31.0.0/16 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_non_null(strstr(tool.in, "-s 172.31.0.0/16 -d 172.31.0.0/16"
			       " -o lan0 "));
	assert_non_null(strstr(tool.in, "-s 172.31.0.0/16 -o wan0"
			       " -j MASQUERADE\n"));
	/* no address: hooks and masquerade only */
	fw.env.ext = (struct addr){ 0 };
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_null(strstr(tool.in, "DNAT --to"));
	assert_null(strstr(tool.in, "ACCEPT"));
	assert_null(strstr(tool.in, "0.0.0.0"));
	assert_non_null(strstr(tool.in, "-j MASQUERADE\nCOMMIT\n"));
	natfw_done(&fw);
}

/* The longest lines, as many as there can be in one piece of input. */
static void test_lines_of_most_networks_fit_into_a_piece(void **state)
{
	struct natfw_env env = {
		.ext_if = "fifteen-letters", .ext = addr_ip4(0xcb647171),
		.net_n = NETWORKS_SERVED_MAX, .hairpin = true,
		.masquerade = true,
	};
	struct natfw fw;
	size_t lines = 0;

	for (size_t i = 0; i < env.net_n; i++)
		env.net[i] = (struct netif_addr){ 3, "fifteen-letters",
			{ addr_ip4(0xc0a86464 + (uint32_t)i), 32 },
			.routed = i == 0 };	/* pairs with each other one */
	begin(&fw, &natfw_iptables, NULL);
	assert_int_equal(natfw_move(&fw, &env), 0);
	for (const char *at = tool.in; (at = strstr(at, " -d 192.168.100."));)
		lines += *at++ != 0;
	assert_int_equal(lines, 3 * NETWORKS_SERVED_MAX - 2);
	assert_null(strstr(tool.in, "does not fit"));
	natfw_done(&fw);
}

static void test_batch_writes_only_its_changes(void **state)
{
	struct nat_op op[3] = { set(tcp(80, HOST(4), 8080)),
				del(tcp(81, 0, 0)) };
	enum nat_err err[3];
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	fw.env.hairpin = true;
	fw.env.masquerade = true;
	fill_table(&fw);
	op[2] = set(rule(IPPROTO_TCP, PEER, 82, HOST(5), 1));
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0] | err[1] | err[2], NAT_OK);
#define DST(ext) "-d 203.0.113.7/32 -p tcp -m tcp --dport " ext \
	" -j DNAT --to-destination 192.168.88."
#define SRC(host, more, port) "-s 192.168.88." host "/32 " more \
	"-o wan0 -p tcp -m tcp --sport " port " -j SNAT" \
	" --to-source 203.0.113.7:"
#define ACC(src, port) "-m conntrack --ctstate DNAT --ctproto 6 " src \
	"--ctorigdst 203.0.113.7 --ctorigdstport " port " -j ACCEPT\n"
	assert_string_equal(tool.in,
		"*filter\n"
		"-D UPNPD-tcp-1 " ACC("", "80") "-A UPNPD-tcp-1 " ACC("", "80")
		"-D UPNPD-tcp-1 " ACC("", "81")
		"-A UPNPD-tcp-1 " ACC("--ctorigsrc 198.51.100.9 ", "82")
		"COMMIT\n*nat\n"
		/* two hairpin rules and the guard come before it */
		"-N UPNPD-POST-tcp-1\n"
		"-I UPNPD-POST 4 -p tcp -m tcp --sport 1:1023"
		" -j UPNPD-POST-tcp-1\n"
		"-D UPNPD-tcp-1 " DST("80") "2:8080\n"
		"-A UPNPD-tcp-1 " DST("80") "4:8080\n"
		"-D UPNPD-tcp-1 " DST("81") "2:8080\n"
		"-I UPNPD-tcp-1 -s 198.51.100.9/32 " DST("82") "5:1\n"
		"-D UPNPD-POST-tcp-7168 " SRC("2", "", "8080") "80\n"
		"-A UPNPD-POST-tcp-7168 " SRC("4", "", "8080") "80\n"
		"-D UPNPD-POST-tcp-7168 " SRC("2", "", "8080") "81\n"
		"-A UPNPD-POST-tcp-1 " SRC("5", "-d 198.51.100.9/32 ", "1")
		"82\n"
		"COMMIT\n");
	natfw_done(&fw);
}

/* An insert in the middle makes the nft variant read every rule, so it is used
 * only where a rule has to stay behind. */
static void test_batch_appends_where_order_is_free(void **state)
{
	struct nat_op op = set(tcp(80, HOST(4), 8080));
	enum nat_err err;
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	natfw_batch(&fw, &op, 1, &err);
	assert_int_equal(err, NAT_OK);
	assert_string_equal(tool.in,
		"*filter\n"
		"-N UPNPD-tcp-1\n"
		"-A UPNPD -m conntrack --ctproto 6 --ctorigdstport 1:1023"
		" -j UPNPD-tcp-1\n"
		"-A UPNPD-tcp-1 " ACC("", "80")
		"COMMIT\n*nat\n"
		"-N UPNPD-tcp-1\n"
		"-A UPNPD -p tcp -m tcp --dport 1:1023 -j UPNPD-tcp-1\n"
		"-N UPNPD-POST-tcp-7168\n"
		"-A UPNPD-POST -p tcp -m tcp --sport 7168:8191"
		" -j UPNPD-POST-tcp-7168\n"
		"-A UPNPD-tcp-1 -d 203.0.113.7/32 -i wan0 -p tcp -m tcp"
		" --dport 80 -j DNAT --to-destination 192.168.88.4:8080\n"
		"-A UPNPD-POST-tcp-7168 " SRC("4", "", "8080") "80\n"
		"COMMIT\n");
	natfw_done(&fw);
}

/* ---- leaves -------------------------------------------------------- */

/* Did the last run get this line about chains and jumps? */
static bool sent(const char *line)
{
	return strstr(tool.in, line);
}

/* Leaf names and numbers convert to each other; every port is in one leaf. */
static void test_every_port_is_in_one_leaf(void **state)
{
	struct nat_rule r = tcp(1, HOST(2), 1);
	unsigned port, chain, leaf, is;
	struct wr w;
	char buf[64];

	for (chain = 0; chain < IPT_CHAINS; chain++) {
		for (leaf = 0; leaf < IPT_LEAVES; leaf++) {
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
	enum nat_err err[2];
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	natfw_batch(&fw, &op, 1, err);
	assert_true(sent("-N UPNPD-tcp-1024\n-A UPNPD -p tcp -m tcp"
			 " --dport 1024:2047 -j UPNPD-tcp-1024\n"));
	assert_true(sent("-N UPNPD-POST-tcp-64512\n-A UPNPD-POST -p tcp -m tcp"
			 " --sport 64512:65535 -j UPNPD-POST-tcp-64512\n"));
	op = set(tcp(1024, HOST(4), 64512));
	natfw_batch(&fw, &op, 1, err);
	assert_false(sent("-N ") || sent(" -j UPNPD"));
	two[0] = set(tcp(2048, HOST(4), 64511));	/* beyond the edges */
	two[1] = set(tcp(1023, HOST(4), 1));
	natfw_batch(&fw, two, 2, err);
	assert_true(sent("-N UPNPD-tcp-1\n") && sent("-N UPNPD-tcp-2048\n"));
	assert_true(sent("-N UPNPD-POST-tcp-63488\n"));
	two[0] = del(tcp(2047, 0, 0));
	two[1] = set(tcp(2048, HOST(4), 64510));	/* stays in its leaf */
	natfw_batch(&fw, two, 2, err);
	assert_false(sent("-N ") || sent("-X ") || sent(" -j UPNPD"));
	/* change the target of one rule; the others stay */
	op = set(tcp(1024, HOST(4), 64511));
	natfw_batch(&fw, &op, 1, err);
	assert_false(sent("-N "));
	assert_true(sent("-D UPNPD-POST -p tcp -m tcp --sport 64512:65535"
			 " -j UPNPD-POST-tcp-64512\n"
			 "-X UPNPD-POST-tcp-64512\nCOMMIT\n"));
	/* delete the last rule of one leaf, set the first of another */
	two[0] = del(tcp(1024, 0, 0));
	two[1] = set(tcp(3072, HOST(4), 64511));
	natfw_batch(&fw, two, 2, err);
	assert_true(sent("*filter\n-N UPNPD-tcp-3072\n"));
	assert_true(sent("-D UPNPD -m conntrack --ctproto 6 --ctorigdstport"
			 " 1024:2047 -j UPNPD-tcp-1024\n"
			 "-X UPNPD-tcp-1024\nCOMMIT\n*nat\n"));
	assert_true(sent("-D UPNPD -p tcp -m tcp --dport 1024:2047"
			 " -j UPNPD-tcp-1024\n-X UPNPD-tcp-1024\nCOMMIT\n"));
	assert_false(sent("-X UPNPD-POST"));
	natfw_done(&fw);
}

/* After a failed batch, the sync makes the missing leaves. */
static void test_sync_makes_leaves_after_a_failure(void **state)
{
	struct nat_op op = set(tcp(2047, HOST(4), 65535));
	enum nat_err err;
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	tool.busy = 1;
	natfw_batch(&fw, &op, 1, &err);
	assert_int_equal(err, NAT_OK);
	assert_true(sent("-N UPNPD-tcp-1024\n"));
	fw.dirty = true;			/* synced first */
	op = set(tcp(2046, HOST(4), 65535));
	natfw_batch(&fw, &op, 1, &err);
	assert_false(sent("-N "));
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	natfw_batch(&fw, &op, 1, &err);
	assert_true(sent("-N UPNPD-tcp-1024\n"));
	natfw_done(&fw);
}

/* A sync keeps the leaves that have rules and deletes the others; close deletes
 * all of them. Chains with similar names belong to other people. */
static void test_leaves_of_a_killed_monitor_are_cleaned(void **state)
{
	static const struct answer left[] = {
		{ "iptables-save -t filter", "*filter\n"
		  ":UPNPD-tcp-1 - [0:0]\n:UPNPD-tcp-1024 - [0:0]\n"
		  ":UPNPD-tcp-1025 - [0:0]\n:UPNPD-sctp-1 - [0:0]\n"
		  ":UPNPD-udp-64512 - [0:0]\n:UPNPD-tcp-65536 - [0:0]\n"
		  ":UPNPD-tcp-01 - [0:0]\n:UPNPD-POST-tcp-1 - [0:0]\n"
		  ":UPNPD-tcp- - [0:0]\n:UPNPD- - [0:0]\n:\n", 0 },
		{ "iptables-save -t nat", "*nat\n"
		  ":UPNPD-udp-2048 - [0:0]\n:UPNPD-POST-tcp-7168 - [0:0]\n"
		  ":UPNPD-POST-udp-1 - [0:0]\n", 0 },
		{ NULL }
	};
	struct natfw fw;

	begin(&fw, &natfw_iptables, left);
	fill_table(&fw);
	assert_true(sent("*filter\n:UPNPD - [0:0]\n:UPNPD-tcp-1 - [0:0]\n"
			 ":UPNPD-tcp-1024 - [0:0]\n:UPNPD-udp-1 - [0:0]\n"
			 ":UPNPD-udp-64512 - [0:0]\n-I FORWARD"));
	assert_true(sent("-X UPNPD-tcp-1024\n-X UPNPD-udp-64512\nCOMMIT\n"));
	assert_true(sent("-X UPNPD-udp-2048\n-X UPNPD-POST-udp-1\nCOMMIT\n"));
	assert_false(sent("1025 ") || sent("sctp") || sent("65536 ") ||
		     sent("-01") || sent("-X UPNPD-tcp-1\n") ||
		     sent("-X UPNPD-POST-tcp-7168"));
	natfw_close(&fw);
	assert_string_equal(tool.in, "*nat\n:UPNPD - [0:0]\n"
			    ":UPNPD-POST - [0:0]\n:UPNPD-udp-2048 - [0:0]\n"
			    ":UPNPD-POST-tcp-7168 - [0:0]\n"
			    ":UPNPD-POST-udp-1 - [0:0]\n"
			    "-X UPNPD\n-X UPNPD-POST\n-X UPNPD-udp-2048\n"
			    "-X UPNPD-POST-tcp-7168\n-X UPNPD-POST-udp-1\n"
			    "COMMIT\n");
	natfw_done(&fw);
}

/* ---- verify -------------------------------------------------------- */

/* The listing that iptables-save would print after a sync's input, because
 * verify reads what sync wrote. */
static void ipt_listing(char *out, size_t cap, const char *in)
{
	struct str rest = str_z(in), line;
	struct wr w = wr_init(out, cap);

	wr_z(&w, "# Generated by iptables-save\n:FORWARD DROP [12:34]\n"
	     "-A FORWARD -i lan0 -j ACCEPT\n");
	while (str_cut(&rest, '\n', &line)) {
		if (str_starts(line, STR("-I ")))
			wr_fmt(&w, "-A %.*s\n", STR_F(str_skip(line, 3)));
		else
			wr_fmt(&w, "%.*s\n", STR_F(line));
	}
	assert_false(w.over);
	wr_cstr(&w);
}

static int ipt_verify_listing(struct natfw *fw, const char *filter,
			      const char *nat)
{
	const struct answer listed[] = {
		{ "iptables-save -t filter", filter, 0 },
		{ "iptables-save -t nat", nat, 0 },
		{ NULL }
	};
	int rc;

	tool.answer = listed;
	rc = natfw_iptables.verify(fw, fw->mappings.rule, fw->mappings.rule_n);
	tool.answer = NULL;
	return rc;
}

/* Delete line number @n, or change its last but one byte. */
static bool damage(char *out, const char *text, size_t n, bool change)
{
	struct str rest = str_z(text), line;
	size_t i, len = 0;
	bool ours = false;

	for (i = 0; str_cut(&rest, '\n', &line); i++) {
		if (i == n)
			ours = line.p[0] == '-' &&
			       !str_starts(line, STR("-A FORWARD -i"));
		if (i == n && !change)
			continue;
		memcpy(out + len, line.p, line.n);
		len += line.n;
		if (i == n)
			out[len - 2] ^= 1;
		out[len++] = '\n';
	}
	out[len] = '\0';
	return ours;
}

static void test_verify_finds_every_changed_line(void **state)
{
	static char filter[8192], nat[8192], bad[16384], *at;
	static const struct answer no[] = { { "iptables-save", NULL, 4 },
					    { NULL } };
	struct natfw fw;
	size_t n, damaged = 0;

	begin(&fw, &natfw_iptables, NULL);
	fill_table(&fw);
	ipt_listing(filter, sizeof(filter), ipt_filter);
	ipt_listing(nat, sizeof(nat), ipt_nat);
	assert_int_equal(ipt_verify_listing(&fw, filter, nat), 0);
	for (n = 0; n < 60; n++) {
		bool change = n & 1;

		if (damage(bad, filter, n / 2, change)) {
			assert_int_equal(ipt_verify_listing(&fw, bad, nat), 1);
			damaged++;
		}
		if (damage(bad, nat, n / 2, change)) {
			assert_int_equal(ipt_verify_listing(&fw, filter, bad),
					 1);
			damaged++;
		}
	}
	assert_int_equal(damaged, 2 * (7 + 14));
	/* a second hook, or an additional rule */
	snprintf(bad, sizeof(bad), "%s-A FORWARD -j UPNPD\n", filter);
	assert_int_equal(ipt_verify_listing(&fw, bad, nat), 1);
	snprintf(bad, sizeof(bad), "%s-A UPNPD -j DROP\n", nat);
	assert_int_equal(ipt_verify_listing(&fw, filter, bad), 1);
	snprintf(bad, sizeof(bad), "%s-A UPNPD-tcp-1 -j DROP\n", nat);
	assert_int_equal(ipt_verify_listing(&fw, filter, bad), 1);
	/* other people's rules, and other spellings of ours */
	snprintf(bad, sizeof(bad), "%s-A UPNPDX -j DROP\n"
		 "-A UPNPD-tcp-2 -j DROP\n", filter);
	assert_int_equal(ipt_verify_listing(&fw, bad, nat), 0);
	while ((at = strstr(nat, " -m tcp")))
		memmove(at, at + 7, strlen(at + 7) + 1);
	while ((at = strstr(nat, "/32")))
		memmove(at, at + 3, strlen(at + 3) + 1);
	assert_int_equal(ipt_verify_listing(&fw, filter, nat), 0);
	tool.answer = no;
	assert_int_equal(natfw_iptables.verify(&fw, fw.mappings.rule,
					       fw.mappings.rule_n), -EIO);
	assert_string_equal(fw.why, "iptables-save: refused");
	natfw_done(&fw);
}

static void test_open_keeps_the_rules_of_a_killed_monitor(void **state)
{
	static const struct answer left[] = {
		{ "iptables-save -t filter", "-A FORWARD -j UPNPD\n", 0 },
		{ "iptables-save -t nat", "-A PREROUTING -j UPNPD\n"
		  "-A POSTROUTING -j UPNPD-POST\n", 0 },
		{ NULL }
	}, no[] = { { "iptables-restore", NULL, 2 }, { NULL } };
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	assert_int_equal(natfw_open(&fw, &natfw_iptables, &env), 0);
	assert_false(fw.dirty);
	assert_true(tool.in_n > 0);
	/* a killed monitor's rules keep working until the first sync */
	tool.in_n = 0;
	tool.answer = left;
	assert_int_equal(natfw_open(&fw, &natfw_iptables, &env), 0);
	assert_true(fw.dirty);
	assert_int_equal(tool.in_n, 0);
	tool.answer = no;
	assert_int_equal(natfw_open(&fw, &natfw_iptables, &env), -EIO);
	assert_string_equal(fw.why, "iptables-restore: refused");
	natfw_done(&fw);
}

/* Exit status 4 is retried for a while, each time after a new listing, because
 * one table may be done. Another status is not retried. */
static void test_busy_tool_is_retried_for_a_while(void **state)
{
	static const struct answer no[] = { { "iptables-restore", NULL, 1 },
					    { NULL } };
	const struct nat_op op = {
		.verb = NAT_SET, .rule = tcp(90, HOST(2), 90),
	};
	enum nat_err err;
	struct natfw fw;

	begin(&fw, &natfw_iptables, NULL);
	tool.busy = 3;
	fill_table(&fw);
	assert_false(fw.dirty);
	assert_int_equal(tool.runs, 4 * 3);	/* save, save, restore */
	/* a batch: it fails, the table is synced, the batch succeeds */
	tool.busy = 3;
	tool.runs = 0;
	natfw_batch(&fw, &op, 1, &err);
	assert_int_equal(err, NAT_OK);
	assert_int_equal(tool.runs, 1 + 3 * 3 + 1);
	/* the tool stays busy */
	tool.busy = 1000;
	assert_int_equal(natfw_sync(&fw, fw.mappings.rule, 0), -EAGAIN);
	assert_true(fw.dirty);
	assert_string_equal(fw.why, "iptables-restore: exit status 4");
	assert_in_range(tool.busy,
			1000 - NATFW_BUSY_MS / NATFW_BUSY_STEP_MS - 1,
			1000 - 2);
	/* close removes everything */
	tool_reset(NULL);
	tool.busy = 2;
	natfw_iptables.close(&fw);
	assert_int_equal(tool.runs, 2 * 4);	/* both tables each time */
	tool_reset(no);
	assert_int_equal(natfw_sync(&fw, fw.mappings.rule, 0), -EIO);
	assert_int_equal(tool.runs, 3);
	natfw_done(&fw);
}

static void test_governs_if_others_filter_forwarding(void **state)
{
	static const struct {
		const char *filter, *nat;
		bool is;
	} t[] = {
		{ ":FORWARD ACCEPT [0:0]\n:UPNPD - [0:0]\n"
		  "-A FORWARD -j UPNPD\n-A UPNPD -j ACCEPT\n"
		  "-A UPNPD-udp-1024 -j ACCEPT\n",
		  ":PREROUTING ACCEPT [0:0]\n", false },
		{ ":INPUT DROP [0:0]\n", "", false },
		{ ":FORWARD DROP [0:0]\n", "", true },
		{ "-A FORWARD -i lan0 -j ACCEPT\n", "", true },
		{ "", "-A POSTROUTING -j MASQUERADE\n", true },
	};
	size_t i;

	for (i = 0; i < COUNT(t); i++) {
		const struct answer listed[] = {
			{ "iptables-nft-save -t filter", t[i].filter, 0 },
			{ "iptables-nft-save -t nat", t[i].nat, 0 },
			{ NULL }
		};

		tool.answer = listed;
		assert_int_equal(natfw_iptables_nft.governs(), t[i].is);
		tool.answer = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_writes_every_chain_and_rule),
		cmocka_unit_test(test_sync_removes_old_jumps_first),
		cmocka_unit_test(test_each_network_has_hairpin_without_rules),
		cmocka_unit_test(test_sync_follows_the_environment),
		cmocka_unit_test(test_lines_of_most_networks_fit_into_a_piece),
		cmocka_unit_test(test_batch_writes_only_its_changes),
		cmocka_unit_test(test_batch_appends_where_order_is_free),
		cmocka_unit_test(test_every_port_is_in_one_leaf),
		cmocka_unit_test(test_leaf_is_made_and_deleted_with_its_rules),
		cmocka_unit_test(test_sync_makes_leaves_after_a_failure),
		cmocka_unit_test(test_leaves_of_a_killed_monitor_are_cleaned),
		cmocka_unit_test(test_verify_finds_every_changed_line),
		cmocka_unit_test(test_open_keeps_the_rules_of_a_killed_monitor),
		cmocka_unit_test(test_busy_tool_is_retried_for_a_while),
		cmocka_unit_test(test_governs_if_others_filter_forwarding),
	};

	return cmocka_run_group_tests(tests, tool_setup, NULL);
}
