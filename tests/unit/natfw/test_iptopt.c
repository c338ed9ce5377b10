/* SPDX-License-Identifier: ISC */
/*
 * test_iptopt.c - each option becomes the condition that the kernel has, and
 * what is not known never vanishes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/netfilter.h>
#include "natfw/iptopt.h"
#include "tests/unit/guardpage.h"
#include "tests/unit/ruletext.h"

static struct ruleset *rs;
static uint32_t chain;

static int begin(void **state)
{
	rs = ruleset_new();
	chain = ruleset_add_chain(rs, ruleset_add_table(rs, RULESET_IPT_LEGACY,
				  NFPROTO_IPV4, STR("filter")), STR("FORWARD"));
	return make_page(state);
}

static int end(void **state)
{
	ruleset_free(rs);
	return drop_page(state);
}

/* The conditions of one way of @line, which is read from @at. */
static const char *conds_at(struct str at, unsigned way, unsigned ways)
{
	struct iptopt opt = { .rules = rs, .table = 0 };
	static char text[1024];
	struct wr w = wr_init(text, sizeof(text));
	uint32_t rule = ruleset_add_rule(rs, chain);

	iptopt_read(&opt, at);
	assert_int_equal(iptopt_ways(&opt), ways);
	iptopt_put(&opt, way);
	put_rule(&w, rs, &rs->rule[rule]);
	w.len -= w.len > 10 ? 10 : 8;		/* ": continue" */
	return wr_cstr(&w);
}

static void is_way(const char *line, unsigned way, unsigned ways,
		   const char *want)
{
	assert_string_equal(conds_at(at_start(str_z(line)), way, ways), want);
	assert_string_equal(conds_at(at_end(str_z(line)), way, ways), want);
}

static void is(const char *line, const char *want)
{
	is_way(line, 0, 1, want);
}

static void test_interfaces_addresses_and_protocols(void **state)
{
	is("", "");
	is("-i wan0 -o lan0", "iif wan0, oif lan0");
	is("! -i ppp+", "!iif ppp+");
	is("-o +", "oif +");
	is("-i abcdefghijklmno", "iif abcdefghijklmno");
	is("-s 192.168.0.0/16 ! -d 10.0.0.1/32", "src 192.168.0.0&ffff0000, "
	   "!dst 10.0.0.1");
	is("-s 10.0.0.77/255.0.0.255", "src 10.0.0.77&ff0000ff");
	is("-d 10.1.2.3/9", "dst 10.0.0.0&ff800000");
	is("-d 0.0.0.0/0", "dst 0.0.0.0&00000000");
	is("-d fd00::1/64",
	   "dst fd00::&ffffffffffffffff0000000000000000");
	is("-m iprange --src-range 10.0.0.5-10.0.0.9 ! --dst-range "
	   "10.0.0.1-10.0.0.2", "src 10.0.0.5-10.0.0.9, "
	   "!dst 10.0.0.1-10.0.0.2");
	is("-p tcp", "l4 6");
	is("! -p udp", "!l4 17");
	is("-p 47", "l4 47");
	is("-p all", "l4 0&00");
}

static void test_ports(void **state)
{
	is("-p tcp -m tcp --dport 80", "l4 6, dport 80");
	is("-p udp -m udp ! --sport 1024:65535", "l4 17, !sport 1024-65535");
	is("-m tcp --dport :1023", "dport 0-1023");
	is("-m tcp --dport 1024:", "dport 1024-65535");
	is("-m multiport --dports 80,443,8000:8100",
	   "dport {80 443 8000-8100}");
	is("-m multiport ! --sports 1,2", "!sport {1 2}");
	is_way("-m multiport --ports 80,443", 0, 2, "sport {80 443}");
	is_way("-m multiport --ports 80,443", 1, 2, "dport {80 443}");
	is("-m multiport ! --ports 80", "!sport {80}, !dport {80}");
}

/* The bits are those of the kernel: invalid 1, established 2, related 4, new 8,
 * untracked 64; SNAT 16, DNAT 32. "Not none of these" is "one of these". */
static void test_states(void **state)
{
	is("-m conntrack --ctstate NEW", "!state 0x0&0x8");
	is("-m state --state RELATED,ESTABLISHED", "!state 0x0&0x6");
	is("-m conntrack ! --ctstate INVALID,UNTRACKED", "state 0x0&0x41");
	is("-m conntrack --ctstate DNAT", "!status 0x0&0x20");
	is("-m conntrack ! --ctstate SNAT,DNAT", "status 0x0&0x30");
	is_way("-m conntrack --ctstate NEW,DNAT", 0, 2, "!state 0x0&0x8");
	is_way("-m conntrack --ctstate NEW,DNAT", 1, 2, "!status 0x0&0x20");
	is("-m conntrack ! --ctstate NEW,DNAT",
	   "state 0x0&0x8, status 0x0&0x20");
	is("-m conntrack --ctstatus ASSURED,SEEN_REPLY", "!status 0x0&0x6");
	is("-m conntrack ! --ctstatus NONE", "status 0x0&0x0");
	is("-m conntrack --ctproto 6 --ctorigdst 203.0.113.7"
	   " --ctorigdstport 80:90",
	   "l4 6, origdst 203.0.113.7, origdport 80-90");
	is_way("-m conntrack --ctdir ORIGINAL", 0, 2, "!state 0x0&0x8");
	is_way("-m conntrack --ctdir ORIGINAL", 1, 2, "?");
	is("-m conntrack --ctdir REPLY", "state 0x0&0x8, ?");
	is("-m conntrack ! --ctdir ORIGINAL", "state 0x0&0x8, ?");
}

/* A flow's first packet has SYN and no other flag. */
static void test_tcp_flags(void **state)
{
	const char all[] = "-m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE";
	const char mss[] = "-m tcp --tcp-flags SYN,RST SYN";

	is("-m tcp --tcp-flags FIN,SYN,RST,ACK SYN", "!state 0x0&0x8");
	is("-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack"
	   " --ctstate NEW", "state 0x0&0x8, !state 0x0&0x8");
	is(all, "state 0x0&0x8, ?");
	is("-m tcp --tcp-flags FIN,SYN FIN,SYN", "state 0x0&0x8, ?");
	is("-m tcp ! --tcp-flags RST NONE", "state 0x0&0x8, ?");
	is_way(mss, 0, 2, "!state 0x0&0x8");
	is_way(mss, 1, 2, "?");
	is_way("-m tcp ! --tcp-flags FIN,ACK ACK", 0, 2, "!state 0x0&0x8");
}

static void test_other_matches(void **state)
{
	is("-m addrtype --dst-type LOCAL", "dsttype 0x2");
	is("-m addrtype ! --src-type LOCAL,BROADCAST", "!srctype {0x2 0x3}");
	is("-m addrtype --dst-type LOCAL --limit-iface-in", "dsttype 0x2, ?");
	is("-m mark --mark 0x40000/0xff0000", "mark 0x40000&0xff0000");
	is("-m connmark ! --mark 7", "!mark 0x7");
	is("-m comment --comment \"a \\\"-j DROP\\\" \\\\\" -p tcp", "l4 6");
	is("-m comment --comment -j -p tcp", "l4 6");
	is("-m policy --dir in --pol none", "");
	is("-m policy --dir in --pol ipsec", "?");
}

/* The packets that are followed are few, and their source is not forged. */
static void test_limits_hold(void **state)
{
	is("-m limit --limit 3/min --limit-burst 10 -p tcp", "l4 6");
	is("-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10"
	   " --hashlimit-mode srcip --hashlimit-name x", "");
	is("-m hashlimit --hashlimit-above 1/sec --hashlimit-name x",
	   "!l4 0&00");
	is("-m connlimit --connlimit-above 20 --connlimit-mask 32"
	   " --connlimit-saddr", "!l4 0&00");
	is("-m connlimit ! --connlimit-above 20", "");
	is("-m rpfilter --loose", "");
	is("-m rpfilter --invert", "!l4 0&00");
}

static void test_nothing_unknown_vanishes(void **state)
{
	static const char *const lines[] = {
		"-f", "! -f", "-i", "-s", "-s x", "-s 1.2.3.4/33",
		"-s 1.2.3.4/", "-s 1.2.3/8", "-i abcdefghijklmnop",
		"-p unheard", "-p 256", "-m", "-m tcp --dport http",
		"-m tcp --dport 65536", "-m tcp --dport",
		"-m multiport --dports",
		"-m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
		"-m multiport --dports 80,x", "-m tcp --tcp-option 5",
		"-m tcp --tcp-flags SYN", "-m tcp --tcp-flags SYN,X SYN",
		"-m conntrack --ctstate NEWER", "-m conntrack --ctstate",
		"-m conntrack --ctdir UP", "-m conntrack --ctorigsrc 1.2.3.4",
		"-m conntrack --ctexpire 5", "-m addrtype --dst-type WORLD",
		"-m mark --mark 0x", "-m mark --mark 1/z",
		"-m mark --mark 0x123456789", "-m icmp --icmp-type 8",
		"-m iprange --src-range 10.0.0.1", "-m iprange --src-range a-b",
		"-m set --match-set bad src", "-m set ! --match-set bad src",
		"-m recent --update --seconds 30 --hitcount 6 --name DEFAULT",
		"-m string --string \"-j ACCEPT\" --algo bm",
		"-m time --timestart 10:00:00", "-m physdev --physdev-in eth0",
		"-m mac --mac-source 02:00:00:00:00:01", "-m socket",
		"-m owner --uid-owner 0", "-m statistic --mode nth --every 2",
		"-m geoip --source-country AA", "-m pkttype --pkt-type unicast",
		"-m unheard", "--unheard", "-m tcp [unsupported revision]",
		"\"", "\"\\",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		is(lines[i], "?");
	/* the options of an unknown match are not those of a known one */
	is("-m unheard --dport 80 --mark 1 -m tcp --dport 81",
	   "?, dport 81");
}

static void test_target_ends_the_line(void **state)
{
	struct iptopt opt = { .rules = rs };

	iptopt_read(&opt, STR("-p tcp -j LOG --log-prefix \"a -j DROP\""));
	assert_true(str_eq(opt.target, STR("LOG")));
	assert_false(opt.go);
	iptopt_read(&opt, STR("-g X"));
	assert_true(str_eq(opt.target, STR("X")) && opt.go);
	iptopt_read(&opt, STR("-p tcp"));
	assert_int_equal(opt.target.n, 0);
	iptopt_read(&opt, STR("-j"));
	assert_int_equal(opt.target.n, 0);
}

/* What iptables-save prints for names like "-j": a string in quotes, these
 * without. */
static void test_value_that_looks_like_an_option(void **state)
{
	static const char *const lines[] = {
		"-m helper --helper -j -j DROP",
		"-m helper --helper -g -j DROP",
		"-m helper --helper -m -j DROP",
		("-m recent --rcheck --name -j --mask 255.255.255.255"
		 " --rsource -j DROP"),
		"-m set ! --match-set -m src -j DROP",
		"-m unheard --a -j ! --b -m ! --c -j DROP",
	};
	const char hash[] = "-m hashlimit --hashlimit-upto 1/sec"
			    " --hashlimit-name -m -j DROP";
	struct iptopt opt = { .rules = rs };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		is(lines[i], "?");
		iptopt_read(&opt, str_z(lines[i]));
		assert_true(str_eq(opt.target, STR("DROP")));
	}
	is(hash, "");
	iptopt_read(&opt, STR(hash));
	assert_true(str_eq(opt.target, STR("DROP")));
}

/* Three matches that are true for this or that: the third is unknown. So are
 * conditions beyond the limit. */
static void test_too_much_becomes_unknown(void **state)
{
	const char line[] = "-m conntrack --ctstate NEW,DNAT"
		" -m multiport --ports 1 -m conntrack --ctdir ORIGINAL";
	char many[IPTOPT_CONDS_MAX * 8 + 1] = "";
	struct iptopt opt = { .rules = rs };
	size_t n = 0;

	is_way(line, 0, 4, "!state 0x0&0x8, sport {1}, ?");
	is_way(line, 1, 4, "!status 0x0&0x20, sport {1}, ?");
	is_way(line, 2, 4, "!state 0x0&0x8, dport {1}, ?");
	is_way(line, 3, 4, "!status 0x0&0x20, dport {1}, ?");
	for (int i = 0; i < IPTOPT_CONDS_MAX; i++)
		strcat(many, "-p tcp ");
	iptopt_read(&opt, str_z(many));
	for (const char *p = conds_at(str_z(many), 0, 1); *p; p++)
		n += *p == ',';
	assert_int_equal(n, IPTOPT_CONDS_MAX - 1);
	assert_true(opt.unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces_addresses_and_protocols),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_tcp_flags),
		cmocka_unit_test(test_other_matches),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_nothing_unknown_vanishes),
		cmocka_unit_test(test_target_ends_the_line),
		cmocka_unit_test(test_value_that_looks_like_an_option),
		cmocka_unit_test(test_too_much_becomes_unknown),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
