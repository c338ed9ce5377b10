/* SPDX-License-Identifier: ISC */
/*
 * test_iptables.c - a sync and a batch write exactly the lines that
 * iptables-restore needs, verify finds every difference in the output of
 * iptables-save, and close and sweep leave nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "tests/unit/fakeipt.h"

static const struct want_place at_end = { "FORWARD", NULL, true, true };

/* Did the last restore get this? */
static bool sent(const char *text)
{
	return strstr(ipt.in, text);
}

static void admin(const char *lines)
{
	assert_int_equal(fake_restore(lines), 0);
}

static void begin_nft(void)
{
	begin(&natfw_iptables_nft, NULL);
	set_places(&at_end, 1);
}

/* ---- sync ---------------------------------------------------------- */

static const char filter_lines[] =
	"*filter\n"
	":UPNPD - [0:0]\n"
	":UPNPD-tcp-1 - [0:0]\n"
	":UPNPD-udp-1 - [0:0]\n"
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
	"-A FORWARD -j UPNPD\n"
	"COMMIT\n";

static const char nat_lines[] =
	"*nat\n"
	":UPNPD - [0:0]\n"
	":UPNPD-POST - [0:0]\n"
	":UPNPD-tcp-1 - [0:0]\n"
	":UPNPD-udp-1 - [0:0]\n"
	":UPNPD-POST-tcp-7168 - [0:0]\n"
	":UPNPD-POST-udp-5120 - [0:0]\n"
	"-A PREROUTING -j UPNPD\n"
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
	char want[sizeof(filter_lines) + sizeof(nat_lines)];

	snprintf(want, sizeof(want), "%s%s", filter_lines, nat_lines);
	for (size_t cap = 1; cap < 300; cap += 7) {	/* for each read size */
		begin_nft();
		ipt.cap = cap;
		fill_table();
		assert_int_equal(sync_it(), 0);
		assert_string_equal(ipt.in, want);
		assert_string_equal(ipt.cmd, "nft-restore --noflush -w");
		assert_int_equal(verify_it(), 0);
		end();
	}
	begin(&natfw_iptables_legacy, NULL);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.cmd, "legacy-restore --noflush -w");
	end();
}

/* netlink translates: the writer has nothing in nat, and with no place it has
 * nothing at all. */
static void test_each_writer_has_its_tables(void **state)
{
	for (int what = 0; what < 4; what++) {
		begin_nft();
		fill_table();
		assert_int_equal(sync_it(), 0);		/* all of it */
		it.w->translates = what & 1;
		it.w->accepts = what & 2;
		set_places(&at_end, it.w->accepts);
		assert_int_equal(verify_it(), what == 3 ? 0 : 1);
		assert_int_equal(sync_it(), 0);
		assert_int_equal(verify_it(), 0);
		assert_int_equal(chain(IPT_NAT, "UPNPD") != NULL, what & 1);
		assert_int_equal(chain(IPT_NAT, "UPNPD-POST") != NULL,
				 what & 1);
		assert_int_equal(chain(IPT_FILTER, "UPNPD") != NULL, what >> 1);
		assert_string_equal(lines_of(IPT_FILTER, "FORWARD"),
				    what & 2 ? "-j UPNPD\n" : "");
		assert_string_equal(lines_of(IPT_NAT, "PREROUTING"),
				    what & 1 ? "-j UPNPD\n" : "");
		assert_int_equal(anything_left(), what != 0);
		end();
	}
}

static void test_batch_changes_only_the_writers_tables(void **state)
{
	const struct nat_op op = set(tcp(80, HOST(4), 8080));

	begin_nft();
	it.w->translates = false;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(apply_it(&op, 1), 0);
	assert_false(sent("*nat"));
	assert_int_equal(verify_it(), 0);
	assert_non_null(chain(IPT_FILTER, "UPNPD-tcp-1"));
	end();
	begin_nft();
	it.w->accepts = false;
	set_places(NULL, 0);
	assert_int_equal(sync_it(), 0);
	assert_int_equal(apply_it(&op, 1), 0);
	assert_false(sent("*filter"));
	assert_int_equal(verify_it(), 0);
	it.w->translates = false;
	assert_int_equal(sync_it(), 0);
	ipt.runs = 0;
	assert_int_equal(apply_it(&op, 1), 0);
	assert_int_equal(ipt.runs, 0);
	end();
}

/* Other people's rules may change often, and a sync of many mappings is
 * long. */
static void test_sync_writes_only_what_differs(void **state)
{
	begin_nft();
	fill_table();
	assert_int_equal(sync_it(), 0);
	ipt.restores = 0;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(ipt.restores, 0);
	admin("*nat\n-A PREROUTING -i wan0 -j RETURN\n");
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, "*nat\n-D PREROUTING -j UPNPD\n"
			    "-D POSTROUTING -j UPNPD-POST\n"
			    "-A PREROUTING -j UPNPD\n"
			    "-I POSTROUTING -j UPNPD-POST\nCOMMIT\n");
	admin("*filter\n-A FORWARD -i wan0 -j RETURN\n");
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, "*filter\n-D FORWARD -j UPNPD\n"
			    "-A FORWARD -j UPNPD\nCOMMIT\n");
	table_clear(&it.fw);
	admin("*filter\n:UPNPD - [0:0]\n");
	assert_int_equal(sync_it(), 0);
	assert_true(sent("*filter\n:UPNPD - ") && sent("*nat\n:UPNPD - "));
	assert_int_equal(verify_it(), 0);
	/* without an address, nat's first chain is empty; is it missed? */
	it.fw.env.ext = (struct addr){ 0 };
	assert_int_equal(sync_it(), 0);
	admin("*nat\n-D PREROUTING -j UPNPD\n-X UPNPD\n");
	assert_int_equal(sync_it(), 0);
	assert_int_equal(verify_it(), 0);
	end();
}

/* Each network has its lines, however few rules there are. */
static void test_each_network_has_hairpin_without_rules(void **state)
{
	begin_nft();
	it.fw.env.hairpin = true;
	assert_int_equal(sync_it(), 0);
	assert_true(sent("-s 192.168.88.0/24 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_true(sent(
			       "-s 10.0.0.0/8 -d 10.0.0.0/8 -o lan1 "));
	end();
}

static void test_sync_follows_the_environment(void **state)
{
	begin_nft();
	it.fw.env.hairpin = it.fw.env.masquerade = true;
	/* an IPv6 network has no rule in the IPv4 tables */
	it.fw.env.net[1].net = (struct addr_net){ addr_of_text("fd00::1"), 64 };
	fill_table();
	assert_int_equal(sync_it(), 0);
	assert_true(sent("-A UPNPD-POST -s 192.168.88.0/24"
			       " -d 192.168.88.0/24 -o lan0 -m conntrack"
			       " --ctstate DNAT --ctorigdst 203.0.113.7"
			       " -j MASQUERADE\n"
			       "-A UPNPD-POST ! -o wan0 -j RETURN\n"));
	assert_true(sent("-A UPNPD-tcp-1 -d 203.0.113.7/32"
			       " -p tcp"));
	/* after the jumps */
	assert_true(sent(" -j UPNPD-POST-udp-5120\n"
			       "-A UPNPD-POST -s 192.168.88.0/24 -o wan0"
			       " -j MASQUERADE\n-A UPNPD-udp-1 "));
	assert_false(sent("lan1"));
	/* a network behind another router on lan0: each pair */
	it.fw.env.net[1] = (struct netif_addr){ 3, "lan0",
		{ addr_of_text("172.31.0.0"), 16 }, .routed = 1 };
	assert_int_equal(sync_it(), 0);
	assert_true(sent("-s 192.168.88.0/24 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_true(sent("-s 192.168.88.0/24 -d 172.31.0.0/16"
			       " -o lan0 "));
	assert_true(sent("-s 172.31.0.0/16 -d 192.168.88.0/24"
			       " -o lan0 "));
	assert_true(sent("-s 172.31.0.0/16 -d 172.31.0.0/16"
			       " -o lan0 "));
	assert_true(sent("-s 172.31.0.0/16 -o wan0"
			       " -j MASQUERADE\n"));
	/* no address: hooks and masquerade only */
	it.fw.env.ext = (struct addr){ 0 };
	assert_int_equal(sync_it(), 0);
	assert_false(sent("DNAT --to"));
	assert_false(sent("ACCEPT"));
	assert_false(sent("0.0.0.0"));
	assert_true(sent("-j MASQUERADE\n-X UPNPD-tcp-1\n"));
	end();
}

/* The longest lines, as many as there can be in one piece of input. */
static void test_lines_of_most_networks_fit_into_a_piece(void **state)
{
	struct natfw_env env = {
		.ext_if = "fifteen-letters", .ext = addr_ip4(0xcb647171),
		.net_n = NATFW_NETS_MAX, .hairpin = true,
		.masquerade = true,
	};
	size_t lines = 0;

	for (size_t i = 0; i < env.net_n; i++)
		env.net[i] = (struct netif_addr){ 3, "fifteen-letters",
			{ addr_ip4(0xc0a86464 + (uint32_t)i), 32 },
			.routed = i == 0 };	/* pairs with each other one */
	begin_nft();
	it.fw.env = env;
	ipt.saves = 0;
	it.w->be->sync(&it.fw, it.w, NULL, 0);
	for (const char *at = ipt.in; (at = strstr(at, " -d 192.168.100."));)
		lines += *at++ != 0;
	assert_int_equal(lines, 3 * NATFW_NETS_MAX - 2);
	assert_null(strstr(ipt.in, "does not fit"));
	end();
}

static void test_batch_writes_only_its_changes(void **state)
{
	struct nat_op op[3] = { set(tcp(80, HOST(4), 8080)),
				del(tcp(81, 0, 0)) };

	begin_nft();
	it.fw.env.hairpin = true;
	it.fw.env.masquerade = true;
	fill_table();
	assert_int_equal(sync_it(), 0);
	op[2] = set(rule(IPPROTO_TCP, PEER, 82, HOST(5), 1));
	assert_int_equal(apply_it(op, 3), 0);
#define DST(ext) "-d 203.0.113.7/32 -p tcp -m tcp --dport " ext \
	" -j DNAT --to-destination 192.168.88."
#define SRC(host, more, port) "-s 192.168.88." host "/32 " more \
	"-o wan0 -p tcp -m tcp --sport " port " -j SNAT" \
	" --to-source 203.0.113.7:"
#define ACC(src, port) "-m conntrack --ctstate DNAT --ctproto 6 " src \
	"--ctorigdst 203.0.113.7 --ctorigdstport " port " -j ACCEPT\n"
	assert_string_equal(ipt.in,
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
	end();
}

/* An insert in the middle makes the nft variant read every rule, so it is used
 * only where a rule has to stay behind. */
static void test_batch_appends_where_order_is_free(void **state)
{
	struct nat_op op = set(tcp(80, HOST(4), 8080));

	begin_nft();
	assert_int_equal(sync_it(), 0);
	assert_int_equal(apply_it(&op, 1), 0);
	assert_string_equal(ipt.in,
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
	end();
}

/* ---- a remote port ------------------------------------------------- */

static void test_rule_of_a_remote_port_names_it(void **state)
{
	struct nat_rule r =
		from_port(rule(IPPROTO_UDP, PEER, 40000, HOST(3), 5060), 3478);

	begin_nft();
	table_set(&it.fw, &r);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(lines_of(IPT_FILTER, "UPNPD-udp-39936"),
		"-m conntrack --ctstate DNAT --ctproto 17"
		" --ctorigsrc 198.51.100.9 --ctorigdst 203.0.113.7"
		" --ctorigsrcport 3478 --ctorigdstport 40000 -j ACCEPT\n");
	assert_string_equal(lines_of(IPT_NAT, "UPNPD-udp-39936"),
		"-s 198.51.100.9/32 -d 203.0.113.7/32 -i wan0 -p udp -m udp"
		" --sport 3478 --dport 40000"
		" -j DNAT --to-destination 192.168.88.3:5060\n");
	assert_string_equal(lines_of(IPT_NAT, "UPNPD-POST-udp-4096"),
		"-s 192.168.88.3/32 -d 198.51.100.9/32 -o wan0 -p udp -m udp"
		" --sport 5060 --dport 3478"
		" -j SNAT --to-source 203.0.113.7:40000\n");
	assert_int_equal(verify_it(), 0);
	end();
}

/* How closely a rule of DNAT matches: 2 by remote port, 1 by host, 0. */
static int closeness(const char *line)
{
	return !strncmp(line, "-s ", 3) + (strstr(line, " --sport ") != NULL);
}

/* Return: the number of rules */
static size_t check_order(const char *leaf)
{
	const struct fake_chain *c = chain(IPT_NAT, leaf);

	for (size_t i = 1; c && i < c->n; i++)
		if (closeness(c->line[i - 1]) < closeness(c->line[i]))
			fail_msg("%s: \"%s\" is before \"%s\"", leaf,
				 c->line[i - 1], c->line[i]);
	return c ? c->n : 0;
}

static struct nat_op any_op(void)
{
	struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
				 dice(3) ? PEER + dice(2) : 0,
				 (uint16_t)(1022 + dice(4)),
				 HOST(2 + dice(2)), (uint16_t)(1 + dice(2)));

	if (addr_is_set(r.remote) && dice(2))
		r.remote_port = (uint16_t)(1 + dice(2));
	return dice(3) ? set(r) : del(r);
}

static bool has_key(const struct nat_op *op, size_t n, const struct nat_op *new)
{
	for (size_t i = 0; i < n; i++)
		if (nat_rule_same_key(&op[i].rule, &new->rule))
			return true;
	return false;
}

/* iptables takes the first rule that matches, and that must be the one that
 * matches most closely. */
static void test_closer_rules_come_first(void **state)
{
	static const char *const leaves[] = {
		"UPNPD-tcp-1", "UPNPD-udp-1", "UPNPD-tcp-1024",
		"UPNPD-udp-1024",
	};
	struct nat_op op[8];

	begin_nft();
	assert_int_equal(sync_it(), 0);
	for (int turn = 0; turn < 600; turn++) {
		size_t n = 0, rules = 0;

		for (size_t i = 0; i < 1 + dice(COUNT(op)); i++) {
			op[n] = any_op();
			n += !has_key(op, n, &op[n]);
		}
		assert_int_equal(apply_it(op, n), 0);
		for (size_t i = 0; i < COUNT(leaves); i++)
			rules += check_order(leaves[i]);
		assert_int_equal(rules, it.fw.mappings.rule_n);
		if (turn % 100 == 99)
			assert_int_equal(verify_it(), 0);
	}
	assert_true(it.fw.mappings.rule_n > 16);
	admin("*nat\n:UPNPD-tcp-1 - [0:0]\n");
	assert_int_equal(sync_it(), 0);
	for (size_t i = 0; i < COUNT(leaves); i++)
		check_order(leaves[i]);
	assert_int_equal(verify_it(), 0);
	end();
}

/* ---- verify -------------------------------------------------------- */

/* Every line of ours, in both tables: without it, and with another last
 * byte. */
static void test_verify_finds_every_changed_line(void **state)
{
	static struct fake_table good;
	size_t damaged = 0;

	begin_nft();
	fill_table();
	assert_int_equal(sync_it(), 0);
	for (int t = 0; t < IPT_TABLES; t++) {
		good = ipt.table[t];

		for (size_t c = 0; c < good.n; c++)
			for (size_t i = 0; i < good.chain[c].n; i++) {
				struct fake_chain *bad =
					&ipt.table[t].chain[c];
				char *line = bad->line[i];

				line[strlen(line) - 1] ^= 1;
				assert_int_equal(verify_it(), 1);
				ipt.table[t] = good;
				bad->n--;
				memmove(bad->line[i], bad->line[i + 1],
					(bad->n - i) * LINE_MAX_N);
				assert_int_equal(verify_it(), 1);
				assert_int_equal(sync_it(), 0);
				assert_int_equal(verify_it(), 0);
				ipt.table[t] = good;
				damaged++;
			}
	}
	assert_int_equal(damaged, 7 + 14);
	end();
}

static void test_verify_finds_what_is_too_much(void **state)
{
	static const struct {
		const char *lines;
		int rc;
	} t[] = {
		{ "*filter\n-A FORWARD -j UPNPD\n", 1 },
		{ "*filter\n-A INPUT -s 10.0.0.1/32 -j UPNPD\n", 1 },
		{ "*filter\n-A FORWARD -m comment --comment \"a b\" -g UPNPD\n",
		  1 },
		{ "*nat\n-I POSTROUTING -j UPNPD-POST\n", 1 },
		{ "*nat\n-A POSTROUTING -j UPNPD\n", 1 },
		{ "*nat\n-A UPNPD -j DROP\n", 1 },
		{ "*nat\n-A UPNPD-tcp-1 -j DROP\n", 1 },
		/* other people's */
		{ "*filter\n:UPNPDX - [0:0]\n-A UPNPDX -j DROP\n"
		  ":UPNPD-tcp-2 - [0:0]\n-A UPNPD-tcp-2 -j DROP\n"
		  "-I FORWARD -j UPNPDX\n", 0 },
		{ "*filter\n-I FORWARD -m comment --comment \"-j UPNPD\""
		  " -j ACCEPT\n", 0 },
		{ "*nat\n-I PREROUTING -i lan0 -j RETURN\n"
		  "-I POSTROUTING -o lan0 -j RETURN\n", 0 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		begin_nft();
		fill_table();
		assert_int_equal(sync_it(), 0);
		admin(t[i].lines);
		assert_int_equal(verify_it(), t[i].rc);
		assert_int_equal(sync_it(), 0);
		assert_int_equal(verify_it(), 0);
		it.w->be->close(&it.fw, it.w);
		assert_null(chain(IPT_FILTER, "UPNPD"));
		assert_null(chain(IPT_NAT, "UPNPD"));
		end();
	}
}

/* "-m tcp", "/32" and a protocol's name depend on the tool's version. */
static void test_verify_accepts_other_spellings(void **state)
{
	begin_nft();
	fill_table();
	assert_int_equal(sync_it(), 0);
	for (size_t c = 0; c < ipt.table[IPT_NAT].n; c++)
		for (size_t i = 0; i < ipt.table[IPT_NAT].chain[c].n; i++) {
			char *line = ipt.table[IPT_NAT].chain[c].line[i], *at;

			while ((at = strstr(line, " -m tcp")))
				memmove(at, at + 7, strlen(at + 7) + 1);
			while ((at = strstr(line, "/32")))
				memmove(at, at + 3, strlen(at + 3) + 1);
			if ((at = strstr(line, "-p tcp ")))
				memcpy(at, "  -p 6", 6);
			if ((at = strstr(line, "-p udp ")))
				memcpy(at, " -p 17", 6);
		}
	assert_int_equal(verify_it(), 0);
	ipt.refuse = 4;
	assert_int_equal(verify_it(), -EIO);
	assert_string_equal(it.fw.why, "nft-save: refused");
	end();
}

/* ---- open and failures --------------------------------------------- */

static void test_open_changes_nothing(void **state)
{
	begin_nft();
	assert_int_equal(it.w->be->open(&it.fw, it.w), 0);
	assert_int_equal(ipt.restores, 0);
	ipt.refuse = 1;
	assert_int_equal(it.w->be->open(&it.fw, it.w), -EIO);
	assert_string_equal(it.fw.why, "nft-save: refused");
	ipt.missing = true;
	assert_int_equal(it.w->be->open(&it.fw, it.w), -ENOENT);
	assert_string_equal(it.fw.why,
			    "iptables-nft-restore and -save are not installed");
	assert_int_equal(sync_it(), -ENOENT);
	assert_int_equal(verify_it(), -ENOENT);
	assert_false(it.w->be->usable(&it.fw.env));
	end();
}

/* Exit status 4 is retried for a while, each time after a new listing, because
 * one table may be done. */
static void test_busy_tool_is_retried_for_a_while(void **state)
{
	const struct nat_op op = set(tcp(90, HOST(2), 90)),
			    op2 = set(tcp(91, HOST(2), 90)),
			    op3 = set(tcp(4092, HOST(2), 90));

	begin_nft();
	ipt.busy = 3;
	fill_table();
	assert_int_equal(sync_it(), 0);
	assert_int_equal(ipt.restores, 4);
	assert_int_equal(ipt.saves, 4 * 2);
	/* a batch is retried after a sync, which has nothing to do */
	ipt.busy = 3;
	ipt.restores = ipt.saves = 0;
	assert_int_equal(apply_it(&op, 1), 0);
	assert_int_equal(ipt.restores, 4);
	assert_int_equal(ipt.saves, 3 * 2);
	assert_int_equal(verify_it(), 0);
	/* filter was committed */
	ipt.busy_nat = 2;
	assert_int_equal(apply_it(&op3, 1), 0);
	assert_int_equal(verify_it(), 0);
	/* it stays busy: as one that hangs */
	ipt.busy = 1000;
	assert_int_equal(apply_it(&op2, 1), -ETIMEDOUT);
	assert_string_equal(it.fw.why, "nft-restore: exit status 4");
	/* the tool stays busy */
	ipt.busy = 1000;
	table_clear(&it.fw);
	assert_int_equal(sync_it(), -EAGAIN);
	assert_string_equal(it.fw.why, "nft-restore: exit status 4");
	assert_in_range(ipt.busy,
			1000 - NATFW_BUSY_MS / NATFW_BUSY_STEP_MS - 1,
			1000 - 2);
	/* close removes everything */
	ipt.busy = 2;
	it.w->be->close(&it.fw, it.w);
	assert_false(anything_left());
	end();
}

/* ---- what a change costs -------------------------------------------- */

/* One run, which replaces each table once, and no listing. */
static void test_change_is_one_run(void **state)
{
	static const struct natfw_backend *const be[] = {
		&natfw_iptables_nft, &natfw_iptables_legacy,
	};
	const struct nat_op ops[] = {
		set(tcp(5000, HOST(2), 90)), set(tcp(5000, HOST(2), 91)),
		set(tcp(60, HOST(2), 90)), del(tcp(5000, 0, 0)),
		del(tcp(60, 0, 0)),
	};

	for (size_t i = 0; i < 2 * COUNT(be); i++) {
		begin(be[i / 2], NULL);
		set_places(&at_end, 1);
		for (uint16_t p = 0; i % 2 && p < 150; p++) {
			const struct nat_rule r = tcp(2048 + p, HOST(3), 80);

			table_set(&it.fw, &r);
		}
		assert_int_equal(sync_it(), 0);
		for (size_t k = 0; k < COUNT(ops); k++) {
			ipt.runs = ipt.saves = 0;
			assert_int_equal(apply_it(&ops[k], 1), 0);
			assert_int_equal(ipt.runs, 1);
			assert_int_equal(ipt.saves, 0);
			assert_int_equal(commits(), 2);
		}
		assert_int_equal(verify_it(), 0);
		end();
	}
}

/* ---- others change legacy tables beside a batch ------------------------- */

static void delete_a_rule(void)
{
	assert_true(chain(IPT_NAT, "UPNPD-tcp-1")->n > 0);
	chain(IPT_NAT, "UPNPD-tcp-1")->n--;
}

static void add_a_rule(void)
{
	admin("*filter\n-A FORWARD -i lan0 -j ACCEPT\n");
}

/* Make a batch. Is it certain that it alone changed the tables? */
static bool alone(const struct nat_op *op, size_t n, void (*beside)(void))
{
	ipt.between = beside;
	assert_int_equal(apply_it(op, n), 0);
	return it.fw.legacy.known;
}

static void begin_legacy(void)
{
	begin(&natfw_iptables_legacy, NULL);
	set_places(&at_end, 1);
	it.fw.legacy_buf = ipt.in;
	fill_table();
	assert_int_equal(sync_it(), 0);
	it.fw.legacy = ipt_print_all(backend_has_ip6(&it.fw.env), NULL, 0);
}

static void test_batch_alone_is_known(void **state)
{
	const struct nat_op ops[] = {
		set(tcp(90, HOST(2), 90)), set(tcp(90, HOST(2), 91)),
		set(rule(IPPROTO_UDP, PEER, 5000, HOST(3), 5353)),
		set(rule(IPPROTO_UDP, PEER, 5000, HOST(4), 5353)),
		set(rule(IPPROTO_UDP, 0, 5000, HOST(4), 5354)),
		del(tcp(90, 0, 0)),
		del(rule(IPPROTO_UDP, PEER, 5000, HOST(4), 5353)),
		del(rule(IPPROTO_UDP, 0, 5000, HOST(4), 5354)),
	};
	const struct nat_op batch[] = {
		set(tcp(80, HOST(5), 8080)), set(tcp(60000, HOST(5), 81)),
		del(tcp(81, 0, 0)), set(tcp(61, HOST(5), 82)),
	};

	begin_legacy();
	for (size_t i = 0; i < COUNT(ops); i++)
		assert_true(alone(&ops[i], 1, NULL));
	assert_true(alone(batch, COUNT(batch), NULL));
	assert_int_equal(verify_it(), 0);
	it.fw.legacy_buf = NULL;
	end();
}

static void test_change_beside_a_batch_is_noticed(void **state)
{
	void (*const changes[])(void) = { delete_a_rule, add_a_rule };
	const struct nat_op op = set(tcp(90, HOST(2), 90)),
			    next = set(tcp(91, HOST(2), 90));

	for (size_t i = 0; i < COUNT(changes); i++) {
		begin_legacy();
		assert_false(alone(&op, 1, changes[i]));
		/* until somebody compares */
		assert_false(alone(&next, 1, NULL));
		it.fw.legacy_buf = NULL;
		end();
	}
}

/* ---- close and sweep ----------------------------------------------- */

static const struct {
	const char *lines;
	bool any;
} left[] = {
	{ "*filter\n:UPNPD - [0:0]\n-A UPNPD -j ACCEPT\n"
	  "-I FORWARD -j UPNPD\n", true },
	{ "*filter\n:UPNPD - [0:0]\n:user - [0:0]\n-A FORWARD -j user\n"
	  "-A user -o lan0 -j UPNPD\n-A user -o lan1 -p tcp -j UPNPD\n"
	  "-A INPUT -j UPNPD\n-A user -o lan0 -j UPNPD\n", true },
	{ "*nat\n:UPNPD - [0:0]\n-I PREROUTING -j UPNPD\n", true },
	{ "*nat\n:UPNPD-POST - [0:0]\n:UPNPD-POST-tcp-1 - [0:0]\n"
	  "-A UPNPD-POST -j UPNPD-POST-tcp-1\n", true },
	{ "*filter\n:UPNPD-udp-1024 - [0:0]\n"
	  "-A UPNPD-udp-1024 -j ACCEPT\n", true },
	{ "*filter\n-A FORWARD -j ACCEPT\n", false },
};

static void test_sweep_removes_what_was_left(void **state)
{
	static const struct natfw_backend *const be[] = {
		&natfw_iptables_nft, &natfw_iptables_legacy,
	};

	for (size_t i = 0; i < 2 * COUNT(left); i++) {
		begin(be[i & 1], left[i / 2].lines);
		look();
		/* an unused writer; a save of the other table is no error */
		ipt.absent[*left[i / 2].lines == '*' &&
			   left[i / 2].lines[1] == 'f'] = i & 1;
		assert_int_equal(anything_left(), left[i / 2].any);
		be[i & 1]->sweep(&it.fw);
		assert_false(anything_left());
		assert_int_equal(ipt.restores, left[i / 2].any);
		if (!left[i / 2].any)
			assert_int_equal(ipt.runs, 0);
		end();
	}
}

/* Running the tool of the legacy variant would load its modules. */
static void test_sweep_looks_without_a_tool(void **state)
{
	begin(&natfw_iptables_legacy, NULL);
	ipt.absent[IPT_FILTER] = ipt.absent[IPT_NAT] = true;
	natfw_iptables_legacy.sweep(&it.fw);
	it.w->translates = it.w->accepts = false;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(it.w->be->open(&it.fw, it.w), 0);
	it.w->be->close(&it.fw, it.w);
	assert_int_equal(ipt.runs, 0);
	/* accepts need only filter */
	it.w->accepts = true;
	set_places(&at_end, 1);
	ipt.absent[IPT_FILTER] = false;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(verify_it(), 0);
	it.w->be->close(&it.fw, it.w);
	assert_false(anything_left());
	end();
}

/* A failure in one table does not keep the other. */
static void test_close_cleans_each_table(void **state)
{
	begin_nft();
	fill_table();
	assert_int_equal(sync_it(), 0);
	/* two spaces: the tool would not find it, and refuse all of filter */
	admin("*filter\n-I FORWARD  -j UPNPD\n");
	it.w->be->close(&it.fw, it.w);
	assert_null(chain(IPT_NAT, "UPNPD"));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change_is_one_run),
		cmocka_unit_test(test_batch_alone_is_known),
		cmocka_unit_test(test_change_beside_a_batch_is_noticed),
		cmocka_unit_test(test_sync_writes_every_chain_and_rule),
		cmocka_unit_test(test_each_writer_has_its_tables),
		cmocka_unit_test(test_batch_changes_only_the_writers_tables),
		cmocka_unit_test(test_sync_writes_only_what_differs),
		cmocka_unit_test(test_each_network_has_hairpin_without_rules),
		cmocka_unit_test(test_sync_follows_the_environment),
		cmocka_unit_test(test_lines_of_most_networks_fit_into_a_piece),
		cmocka_unit_test(test_batch_writes_only_its_changes),
		cmocka_unit_test(test_batch_appends_where_order_is_free),
		cmocka_unit_test(test_rule_of_a_remote_port_names_it),
		cmocka_unit_test(test_closer_rules_come_first),
		cmocka_unit_test(test_verify_finds_every_changed_line),
		cmocka_unit_test(test_verify_finds_what_is_too_much),
		cmocka_unit_test(test_verify_accepts_other_spellings),
		cmocka_unit_test(test_open_changes_nothing),
		cmocka_unit_test(test_busy_tool_is_retried_for_a_while),
		cmocka_unit_test(test_sweep_removes_what_was_left),
		cmocka_unit_test(test_sweep_looks_without_a_tool),
		cmocka_unit_test(test_close_cleans_each_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
