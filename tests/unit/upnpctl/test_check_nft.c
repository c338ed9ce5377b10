/* SPDX-License-Identifier: ISC */
/*
 * test_check_nft.c - rules of nf_tables, as an administrator writes them, are
 * judged as the kernel would apply them. nft adds them to the kernel of a
 * network namespace, where they are read. Each vector is one rule in one chain,
 * and its meaning for a network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include "base/str.h"
#include "base/wr.h"
#include "upnpctl/check_nft.h"
#include "tests/unit/nltest.h"

static struct check_rules_flow flow = {
	.ext = "wan0",
	.net = {
		{ 0, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } }, 24 } },
		{ 0, "lan1", { { ADDR_IP4, { 192, 168, 89, 1 } }, 24 } },
	},
	.n = 2,
};

static struct check_rules rules;

/* ---- the kernel -------------------------------------------------------- */

/* Create interfaces with the flow's names, for rules that use an index. */
static int own_router(void **state)
{
	if (geteuid() != 0)
		return 0;
	if (own_netns(state))
		return -1;
	ip("link add wan0 type veth peer name peer0");
	ip("link add lan0 type veth peer name lan1");
	flow.ext_index = if_nametoindex("wan0");
	flow.net[0].ifindex = if_nametoindex("lan0");
	flow.net[1].ifindex = if_nametoindex("lan1");
	return 0;
}

#define ifstate_test(f) cmocka_unit_test_setup(f, own_router)

/* Replace the kernel's rules by @script. */
static bool nft(const char *script)
{
	int in[2], status;
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		execlp("nft", "nft", "-f", "-", NULL);
		_exit(127);
	}
	close(in[0]);
	dprintf(in[1], "flush ruleset\n%s", script);
	close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

static struct check_rules *loaded(const char *script)
{
	if (!nft(script))
		fail_msg("nft refuses: %s", script);
	assert_int_equal(check_nft_read(&rules, &flow), 0);
	assert_false(rules.over);
	return &rules;
}

static char text[8192];

static const char *with(const char *before, const char *rule)
{
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "%s%s\n}\n}\n", before, rule);
	return wr_cstr(&w);
}

static uint32_t blocked(struct check_rules *r)
{
	uint32_t nets = 0;

	return check_rules_block(r, NULL, &nets) ? nets : 0;
}

struct vector {
	const char *rule;
	uint32_t nets;
};

/* ---- outgoing -------------------------------------------------------- */

#define POST \
	"table inet nat {\n" \
	"set wans { type ifname; elements = { \"tun0\", \"wan0\" }; }\n" \
	"set tuns { type ifname; elements = { \"tun0\" }; }\n" \
	"set ws { type ifname; flags interval; elements = { \"wa*\" }; }\n" \
	"set inside { type ipv4_addr; flags interval;" \
	" elements = { 10.0.0.0/8, 192.168.0.0/16 }; }\n" \
	"set empty { type ipv4_addr; }\n" \
	"map where { type ifname : ipv4_addr;" \
	" elements = { \"tun0\" : 192.0.2.1 }; }\n" \
	"chain c { masquerade; }\n" \
	"chain postrouting { type nat hook postrouting priority srcnat;\n"

static void test_rules_that_masquerade(void **state)
{
	static const struct vector v[] = {
		{ "masquerade", 3 },
		{ "oifname \"wan0\" masquerade", 3 },
		{ "oif \"wan0\" counter masquerade fully-random", 3 },
		{ "oif \"lan0\" masquerade", 0 },
		{ "oif != \"lan0\" masquerade", 3 },
		{ "meta oifname { \"tun0\", \"wan0\" } masquerade", 3 },
		{ "meta oifname { \"tun0\", \"wa*\" } masquerade", 3 },
		{ "meta oifname { \"tun0\", \"wax*\" } masquerade", 0 },
		{ "meta oifname != { \"tun0\", \"wan0\" } masquerade", 0 },
		{ "oifname \"wan*\" snat ip to 192.0.2.1", 3 },
		{ "oifname \"wanx*\" snat ip to 192.0.2.1", 0 },
		{ "oifname != \"lan0\" masquerade", 3 },
		{ "oifname @wans masquerade", 3 },
		{ "oifname @tuns masquerade", 0 },
		{ "oifname @ws masquerade", 3 },
		{ "oifname \"wan1\" masquerade", 0 },
		{ "oifname \"wan\" masquerade", 0 },
		{ "oifname != \"wan0\" masquerade", 0 },
		{ "iifname \"lan1\" oifname \"wan0\" masquerade", 2 },
		{ "ip saddr 192.168.88.0/24 oifname \"wan0\" masquerade", 1 },
		{ "ip saddr 192.168.0.0/16 masquerade", 3 },
		{ "ip saddr 192.168.88.0/23 masquerade", 3 },
		{ "ip saddr 192.168.90.0/23 masquerade", 0 },
		{ "ip saddr 192.168.88.7 masquerade", 1 },
		{ "ip saddr 192.168.88.7 ip daddr 0.0.0.0/0 masquerade", 1 },
		{ "ip saddr 192.168.88.7-192.168.88.9 masquerade", 1 },
		{ "ip saddr != 192.168.88.0-192.168.88.255 masquerade", 2 },
		{ "ip saddr >= 192.168.89.0 masquerade", 2 },
		{ "ip saddr < 192.168.89.0 masquerade", 1 },
		{ "ip saddr { 10.0.0.0/8, 192.168.89.0-192.168.89.255 } "
		  "masquerade", 2 },
		{ "ip saddr { 10.0.0.1, 192.168.89.2 } masquerade", 2 },
		{ "ip saddr != 192.168.88.0/24 masquerade", 2 },
		{ "ip saddr != { 192.168.88.0/24, 10.0.0.0/8 } masquerade",
		  2 },
		{ "ip saddr @inside masquerade", 3 },
		{ "ip saddr @empty masquerade", 0 },
		{ "ip saddr != @inside masquerade", 0 },
		{ "ip saddr . oifname { 10.0.0.1 . \"wan0\" } masquerade", 3 },
		{ "ip saddr 172.17.0.0/16 masquerade", 0 },
		{ "ip daddr 192.168.88.0/24 masquerade", 0 },
		{ "ip daddr != 192.168.0.0/16 masquerade", 3 },
		{ "ip daddr 0.0.0.0/0 masquerade", 3 },
		{ "ip daddr { 0.0.0.0/1, 128.0.0.0/1 } masquerade", 3 },
		{ "ip6 saddr fd00::/8 masquerade", 0 },
		{ "meta nfproto ipv6 masquerade", 0 },
		{ "meta protocol ip6 masquerade", 0 },
		{ "meta protocol ip masquerade", 3 },
		{ "meta nfproto { ipv4, ipv6 } masquerade", 3 },
		{ "meta nfproto ipv4 masquerade comment \"a ' drop\"", 3 },
		{ "tcp dport 80 masquerade", 0 },
		{ "meta l4proto tcp masquerade", 0 },
		{ "meta l4proto { tcp, udp } masquerade", 3 },
		{ "meta l4proto != icmp masquerade", 3 },
		{ "ip protocol udp masquerade", 0 },
		{ "meta mark 0x00004000 masquerade", 0 },
		{ "meta mark 1-5 masquerade", 0 },
		{ "meta mark & 0x4000 == 0x4000 masquerade", 0 },
		{ "meta mark & 0x4000 == 0 masquerade", 3 },
		{ "ct mark != 7 masquerade", 3 },
		{ "ct state new masquerade", 3 },
		{ "ct state established,related masquerade", 0 },
		{ "ct status dnat masquerade", 0 },
		{ "ct status ! dnat masquerade", 3 },
		{ "limit rate 5/second masquerade", 3 },
		{ "meta mark set 7 masquerade", 3 },
		{ "fib daddr type unicast masquerade", 3 },
		{ "snat ip to oifname map @where", 0 },
		{ "snat ip to ip saddr map { 192.168.88.0/24 : 192.0.2.1 }",
		  1 },
		{ "oifname vmap { \"wan0\" : jump c }", 3 },
		{ "oifname vmap { \"wan1\" : jump c }", 0 },
		{ "iifname . oifname vmap { \"a\" . \"b\" : jump c }", 3 },
		{ "ip saddr vmap { 192.168.88.0/24 : drop, "
		  "192.168.89.0/24 : jump c }", 2 },
		{ "ip saddr 192.168.88.0/24 goto c", 1 },
		{ "log prefix \"masquerade drop\" level debug", 0 },
		{ "oifname \"wan0\" return", 0 },
		{ "oifname \"wan0\" accept", 0 },
		{ "", 0 },
	};

	NEED_ROOT();
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (check_rules_masquerade(loaded(with(POST, v[i].rule))) !=
		    v[i].nets)
			fail_msg("%s", v[i].rule);
}

/* ---- incoming -------------------------------------------------------- */

#define FORWARD \
	"table inet f {\n" \
	"set upnpd_accept { type ipv4_addr . inet_proto . inet_service; }\n" \
	"set bad { type ipv4_addr; flags interval;" \
	" elements = { 203.0.113.0/24 }; }\n" \
	"set wans { type ifname; elements = { \"wan0\" }; }\n" \
	"chain a { icmp type 3 accept; }\n" \
	"chain b { drop; }\n" \
	"chain c { iifname \"wan0\" accept; }\n" \
	"chain forward { type filter hook forward priority filter;\n"
#define OURS	"ct status dnat ip daddr . meta l4proto . th dport " \
		"@upnpd_accept accept comment \"upnpd\""
#define ANSWERS	"ct status dnat ip saddr . meta l4proto . th sport " \
		"@upnpd_accept accept comment \"upnpd\""

static void test_rules_that_drop(void **state)
{
	static const struct vector v[] = {
		{ "", 0 },
		{ "drop", 3 },
		{ "reject with icmpx admin-prohibited", 3 },
		{ "counter drop", 3 },
		{ "log prefix \"x accept\" drop", 3 },
		{ "limit rate 1/second drop", 0 },
		{ "iifname \"wan0\" drop", 3 },
		{ "iif \"wan0\" drop", 3 },
		{ "iifname @wans drop", 3 },
		{ "iifname != @wans drop", 0 },
		{ "iifname \"lan0\" drop", 0 },
		{ "oifname \"lan1\" drop", 2 },
		{ "oif \"lan1\" drop", 2 },
		{ "oifname \"lan*\" drop", 3 },
		{ "ct state invalid drop", 0 },
		{ "ct state { new, invalid } drop", 3 },
		{ "ct state new drop", 3 },
		{ "ct state != established drop", 3 },
		{ "ct state ! established,related drop", 3 },
		{ "ct state & (new | invalid) != 0 drop", 3 },
		{ "tcp dport 22 drop", 0 },
		{ "meta l4proto icmp drop", 0 },
		{ "meta l4proto { tcp, udp } drop", 3 },
		{ "ip ttl 5 drop", 0 },
		{ "ip saddr 203.0.113.0/24 drop", 0 },
		{ "ip saddr @bad drop", 0 },
		{ "ip saddr != @bad drop", 3 },
		{ "ip saddr 1.2.3.4 ip daddr 192.168.88.7 drop", 0 },
		{ "ip daddr 192.168.88.0/24 drop", 1 },
		{ "ip daddr 192.168.88.0-192.168.89.127 drop", 1 },
		{ "ip daddr 192.168.88.7 drop", 0 },
		{ "ip6 daddr fd00::/8 drop", 0 },
		{ "meta nfproto ipv4 drop", 3 },
		{ "meta mark 0 drop", 0 },
		{ OURS "\ndrop", 0 },
		{ ANSWERS "\n" OURS "\ndrop", 0 },
		{ ANSWERS "\ndrop", 3 },
		{ "iifname \"wan0\" drop\n" OURS, 3 },
		{ "tcp dport 22 drop\n" OURS "\ndrop", 0 },
		{ "ct status dnat accept\ndrop", 0 },
		{ "ct status != dnat accept\ndrop", 3 },
		{ "ct status snat accept\ndrop", 3 },
		{ "ct status assured,dnat accept\ndrop", 0 },
		{ "ct status ! dnat drop", 0 },
		{ "ct state established,related accept\ndrop", 3 },
		/* the text of nft does not show this */
		{ "ct state vmap { established : accept, new : drop }", 3 },
		{ "ct state vmap { established : accept, invalid : drop }",
		  0 },
		{ "ct state vmap { new : accept }\ndrop", 0 },
		{ "iifname vmap { \"wan0\" : accept, \"lan0\" : drop }\ndrop",
		  0 },
		{ "iifname vmap { \"wan0\" : goto b, \"lan0\" : accept }", 3 },
		{ "iifname vmap { \"wan0\" : jump a, \"lan0\" : jump b }\n"
		  "drop", 3 },
		{ "ip daddr vmap { 192.168.88.0/24 : drop, 0.0.0.0-1.0.0.0 : "
		  "accept }", 1 },
		{ "ip daddr . tcp dport vmap { 192.168.88.1 . 1 : drop }", 0 },
		{ "iifname \"wan0\" accept\ndrop", 0 },
		{ "iifname \"wan0\" tcp dport 22 accept\ndrop", 3 },
		{ "tcp flags syn drop", 0 },
		{ "fib saddr type local drop", 0 },
		{ "jump b", 3 },
		{ "jump a\ndrop", 3 },
		{ "iifname \"wan0\" jump c\ndrop", 0 },
		{ "iifname \"lan0\" jump b", 0 },
		{ "tcp dport 22 jump b", 0 },
		{ "goto a\ndrop", 0 },
		{ "oifname \"lan0\" return\ndrop", 2 },
		{ "counter name \"hits\" drop", 3 },
		{ "quota over 5 mbytes drop", 0 },
	};

	NEED_ROOT();
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct wr w = wr_init(text, sizeof(text));

		wr_fmt(&w, "table inet f { counter hits { }\n}\n%s%s\n}\n}\n",
		       FORWARD, v[i].rule);
		if (blocked(loaded(wr_cstr(&w))) != v[i].nets)
			fail_msg("%s", v[i].rule);
	}
}

static void test_policies_that_drop(void **state)
{
	uint32_t nets;

	NEED_ROOT();
	loaded("table inet fw4 { chain forward { type filter hook forward "
	       "priority 0; policy drop; }; chain x { }; }\n");
	assert_string_equal(check_rules_block(&rules, NULL, &nets)->name,
			    "inet fw4 forward");
	assert_int_equal(nets, 3);
	assert_true(check_rules_used(&rules));
	assert_true(check_rules_has(&rules, "inet  fw4", "forward"));
	assert_true(check_rules_has(&rules, "inet fw4", "x"));
	assert_false(check_rules_has(&rules, "inet fw4", "input"));
	assert_int_equal(blocked(loaded(
		"table ip6 f { chain forward { type filter hook forward "
		"priority 0; policy drop; }; }\n")), 0);
	assert_int_equal(blocked(loaded(
		"table ip f { chain input { type filter hook input priority "
		"0; policy drop; }; }\n")), 0);
	/* both of two chains drop */
	loaded("table inet a { chain f { type filter hook forward priority 0; "
	       "policy drop; }; }\ntable ip b { chain f { type filter hook "
	       "forward priority 5; drop; }; }\n");
	assert_ptr_equal(check_rules_block(&rules, NULL, &nets), rules.base);
	assert_ptr_equal(check_rules_block(&rules, rules.base, &nets),
			 rules.base + 1);
	assert_null(check_rules_block(&rules, rules.base + 1, &nets));
	/* only the second of two chains drops */
	loaded("table inet a {\nset upnpd_accept { type ipv4_addr . inet_proto"
	       " . inet_service; }\nchain f { type filter hook forward "
	       "priority 0; policy drop;\n" OURS "\n}\n}\ntable ip b { chain "
	       "f { type filter hook forward priority 5; drop; }; }\n");
	assert_string_equal(check_rules_block(&rules, NULL, &nets)->name,
			    "ip b f");
}

/* ---- the source of rules --------------------------------------------- */

static void test_rules_count_as_use(void **state)
{
	NEED_ROOT();
	/* upnpd's own table does not count */
	assert_false(check_rules_used(loaded(
		"table ip upnpd { chain postrouting { type nat hook "
		"postrouting priority 95; oifname \"wan0\" masquerade; }; }"
		"\n")));
	assert_int_equal(check_rules_masquerade(&rules), 0);
	assert_false(check_rules_used(loaded(
		"table inet x { chain in { type filter hook input priority 0; "
		"policy drop; drop; }; }\n")));
	assert_false(check_rules_used(loaded(with(FORWARD, OURS))));
	assert_true(check_rules_used(loaded(with(FORWARD,
						 "tcp dport 1 drop"))));
	assert_true(check_rules_used(loaded(with(POST, "masquerade"))));
	assert_false(check_rules_used(loaded("")));
}

/* Chains of the iptables command are ignored if iptables-save lists them.
 * A chain that only has the same name is read like any other. */
static void test_chains_of_the_iptables_command(void **state)
{
	NEED_ROOT();
	loaded("table ip filter { chain FORWARD { type filter hook forward "
	       "priority filter; policy drop; counter drop; }; }\n"
	       "table ip nat { chain POSTROUTING { type nat hook postrouting "
	       "priority srcnat; oifname \"wan0\" masquerade; }; }\n");
	assert_int_equal(rules.xt_used, CHECK_RULES_FILTER | CHECK_RULES_NAT);
	assert_int_equal(rules.xt_opaque, 0);
	assert_true(check_rules_used(&rules));
	assert_int_equal(blocked(&rules), 3);
	assert_int_equal(check_rules_masquerade(&rules), 3);
	rules.xt_ignored = CHECK_RULES_NAT;
	assert_true(check_rules_used(&rules));
	assert_int_equal(check_rules_masquerade(&rules), 0);
	rules.xt_ignored |= CHECK_RULES_FILTER;
	assert_false(check_rules_used(&rules));
	assert_int_equal(blocked(&rules), 0);
	/* another table or chain does not belong to the command */
	loaded("table ip mine { chain FORWARD { type filter hook forward "
	       "priority filter; policy drop; }; }\ntable ip filter { chain "
	       "forward { type filter hook forward priority filter; policy "
	       "drop; }; }\n");
	rules.xt_ignored = 0xff;
	assert_int_equal(blocked(&rules), 3);
	assert_int_equal(rules.base_n, 2);
	assert_int_equal(rules.xt_used, 0);
}

/* ---- large rulesets ---------------------------------------------------- */

/* A set with too many addresses counts as unknown; a shorter one is read. */
static void test_long_set_is_unknown(void **state)
{
	static char script[1 << 18];

	NEED_ROOT();
	for (size_t n = 4000; n <= 5000; n += 1000) {
		struct wr w = wr_init(script, sizeof(script));

		wr_z(&w, "table ip f {\nset s { type ipv4_addr; elements = {");
		for (size_t i = 0; i < n; i++)
			wr_fmt(&w, " 10.0.%u.%u,", (unsigned)(i / 250),
			       (unsigned)(i % 250));
		wr_z(&w, " 10.9.9.9 }\n}\nchain p { type nat hook postrouting "
		     "priority 0; ip saddr @s masquerade; }\n}\n");
		assert_int_equal(check_rules_masquerade(loaded(wr_cstr(&w))),
				 n == 4000 ? 0 : 3);
	}
}

/* The dump needs several datagrams. */
static void test_dump_of_many_rules(void **state)
{
	static char script[1 << 18];
	struct wr w = wr_init(script, sizeof(script));

	NEED_ROOT();
	wr_z(&w, FORWARD);
	for (unsigned i = 0; i < 1000; i++)
		wr_fmt(&w, "tcp dport %u accept\n", i + 1);
	wr_z(&w, "oifname \"lan1\" drop\n}\n}\n");
	assert_int_equal(blocked(loaded(wr_cstr(&w))), 2);
}

/* ---- without permission ---------------------------------------------- */

static void test_without_permission(void **state)
{
	int status;
	pid_t pid;

	NEED_ROOT();
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(check_nft_read(&rules, &flow) == -EPERM ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ifstate_test(test_rules_that_masquerade),
		ifstate_test(test_rules_that_drop),
		ifstate_test(test_policies_that_drop),
		ifstate_test(test_rules_count_as_use),
		ifstate_test(test_chains_of_the_iptables_command),
		ifstate_test(test_long_set_is_unknown),
		ifstate_test(test_dump_of_many_rules),
		ifstate_test(test_without_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
