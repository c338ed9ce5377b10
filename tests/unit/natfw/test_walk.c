/* SPDX-License-Identifier: ISC */
/*
 * test_walk.c - a packet's way through conditions, chains and verdict maps:
 * what is certain, what depends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/walk.h"
#include "tests/unit/rulesettest.h"

static const char *const holds[] = { "no", "depends", "yes" };

static struct addr_net net(const char *text)
{
	struct addr_net ret;

	assert_true(addr_net_parse(str_z(text), &ret));
	return ret;
}

/* The first packet of a flow from any host of the Internet to a client, after
 * DNAT. */
static struct walk_packet to_client(void)
{
	return (struct walk_packet){
		.family = ADDR_IP4, .proto = IPPROTO_TCP,
		.iif = "wan", .oif = "lan", .iif_index = 2, .oif_index = 3,
		.src = net("0.0.0.0/0"), .dst = net("192.168.88.0/24"),
		.ct_state = WALK_STATE_NEW, .ct_status = IPS_DST_NAT,
		.orig_dst = addr_ip4(0xcb007107),
	};
}

/* ---- conditions -------------------------------------------------------- */

/* Is a packet dropped by a rule with these conditions? The set s is known. */
static const char *match(const char *set, const char *conds,
			 const struct walk_packet *p)
{
	char text[512];
	struct wr w = wr_init(text, sizeof(text));
	struct walk_rule rule;
	enum walk_hold hold;
	struct ruleset *rs;

	wr_fmt(&w, "table native inet t\n%s%s\nchain f forward 0\n%s drop",
	       *set ? "set s " : "", set, conds);
	rs = ruletest_new(wr_cstr(&w));
	hold = walk_dropped(rs, NF_INET_FORWARD, p, NULL, 0, &rule);
	assert_int_equal(rule.rule, hold == WALK_NO ? RULESET_NONE : 0);
	ruleset_free(rs);
	return holds[hold];
}

static void assert_matches(const char *conds, const char *expected)
{
	struct walk_packet p = to_client();
	char got[256], want[256];
	struct wr w = wr_init(got, sizeof(got));

	wr_fmt(&w, "%s: %s", conds, match("", conds, &p));
	wr_cstr(&w);
	w = wr_init(want, sizeof(want));
	wr_fmt(&w, "%s: %s", conds, expected);
	assert_string_equal(got, wr_cstr(&w));
}

static void test_fields(void **state)
{
	static const struct {
		const char *conds, *expected;
	} cases[] = {
		{ "", "yes" },
		{ "other", "depends" },
		{ "iif=wan", "yes" }, { "iif=lan", "no" },
		{ "!iif=lan", "yes" }, { "iif=w*", "yes" },
		{ "iif=wa", "no" }, { "oif=l*", "yes" }, { "oif=w*", "no" },
		{ "iifx=2", "yes" }, { "iifx=3", "no" }, { "oifx=3", "yes" },
		{ "nfproto=ip", "yes" }, { "nfproto=ip6", "no" },
		{ "ethertype=2048", "yes" }, { "ethertype=34525", "no" },
		{ "proto=tcp", "yes" }, { "proto=udp", "no" },
		{ "proto=tcp-udp", "yes" },
		{ "dport=80", "depends" }, { "!dport=80", "depends" },
		{ "dport=1-65535", "yes" }, { "dport=0-65535", "yes" },
		{ "dport=1024-65535", "depends" }, { "sport=53", "depends" },
		{ "!sport=1-65535", "no" },
		{ "state=new", "yes" }, { "state=established,related", "no" },
		{ "state=new,established", "yes" }, { "!state=new", "no" },
		{ "status=dnat", "yes" }, { "!status=dnat", "no" },
		{ "status=snat", "no" }, { "status=assured", "no" },
		{ "stype=local", "no" }, { "stype=unicast", "yes" },
		{ "dtype=local", "no" }, { "!dtype=unicast", "no" },
		{ "mark=1", "depends" }, { "!mark=1", "depends" },
		{ "mark=0", "yes" }, { "!mark=0", "depends" },
		{ "odaddr=203.0.113.7", "yes" }, { "odaddr=203.0.113.8", "no" },
		{ "odport=80", "depends" },
		{ "iif=wan oif=wan", "no" }, { "iif=wan dport=1", "depends" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_matches(cases[i].conds, cases[i].expected);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *conds, *expected;
	} cases[] = {
		/* any host of the Internet */
		{ "saddr=0.0.0.0/0", "yes" }, { "!saddr=0.0.0.0/0", "no" },
		{ "saddr=1.0.0.0-223.255.255.255", "yes" },
		{ "saddr=203.0.113.0/24", "depends" },
		{ "!saddr=203.0.113.0/24", "depends" },
		{ "saddr=203.0.113.9", "depends" },
		{ "saddr=192.168.0.0/16", "no" },
		{ "!saddr=192.168.0.0/16", "yes" },
		{ "saddr=10.0.0.0/8", "no" }, { "saddr=172.16.0.0/12", "no" },
		{ "saddr=172.16.0.0/11", "depends" },
		{ "saddr=100.64.0.0/10", "no" },
		{ "saddr=169.254.0.0/16", "no" }, { "saddr=224.0.0.0/3", "no" },
		{ "saddr=127.0.0.1", "no" }, { "saddr=0.0.0.0/8", "no" },
		{ "saddr=0.0.0.0/1", "depends" },
		/* any client of the network */
		{ "daddr=192.168.88.0/24", "yes" },
		{ "daddr=192.168.0.0/16", "yes" },
		{ "daddr=192.168.88.10", "depends" },
		{ "!daddr=192.168.88.10", "depends" },
		{ "daddr=192.168.88.0/25", "depends" },
		{ "daddr=192.168.99.0/24", "no" },
		{ "!daddr=192.168.99.0/24", "yes" },
		{ "daddr=10.0.0.0/8", "no" },
		/* another family */
		{ "saddr6=::/0", "no" }, { "!saddr6=2001:db8::/32", "no" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_matches(cases[i].conds, cases[i].expected);
}

/* One address, port and interface, as for one mapping. */
static void test_exact(void **state)
{
	struct walk_packet p = to_client();

	p.src = net("198.51.100.9/32");
	p.dst = net("192.168.88.10/32");
	p.dport = 8080;
	p.orig_dport = 80;
	assert_string_equal(match("", "saddr=198.51.100.0/24", &p), "yes");
	assert_string_equal(match("", "saddr=203.0.113.0/24", &p), "no");
	assert_string_equal(match("", "daddr=192.168.88.10", &p), "yes");
	assert_string_equal(match("", "daddr=192.168.88.11", &p), "no");
	assert_string_equal(match("", "dport=8080", &p), "yes");
	assert_string_equal(match("", "dport=1-1023", &p), "no");
	assert_string_equal(match("", "odport=80", &p), "yes");
	assert_string_equal(match("", "odport=8080", &p), "no");
	p.orig_dport = 0;
	assert_string_equal(match("", "odport=8080", &p), "depends");
	*p.iif = '\0';
	p.iif_index = 0;
	assert_string_equal(match("", "iif=wan", &p), "depends");
	assert_string_equal(match("", "iifx=2", &p), "depends");
	assert_string_equal(match("", "iif=*", &p), "yes");
}

/* Does any client of 192.168.88.0/24 have an address with these bytes? */
static enum walk_hold masked(const uint8_t *value, const uint8_t *mask)
{
	struct ruleset *rs = ruletest_new("table native inet t\n"
					  "chain f forward 0\n"
					  "drop\n");
	struct ruleset_cond c = { .field = RULESET_DADDR, .op = RULESET_MASK,
				  .len = 4 };
	struct walk_packet p = to_client();
	struct walk_rule rule;
	enum walk_hold hold;

	memcpy(c.value, value, 4);
	memcpy(c.mask, mask, 4);
	ruleset_add_cond(rs, &c);
	hold = walk_dropped(rs, NF_INET_FORWARD, &p, NULL, 0, &rule);
	ruleset_free(rs);
	return hold;
}

static void test_masks(void **state)
{
	const uint8_t net24[] = { 192, 168, 88, 0 }, even[] = { 192, 0, 0, 0 };
	const uint8_t odd[] = { 192, 0, 0, 1 }, none[] = { 0, 0, 0, 0 };
	const uint8_t host[] = { 192, 168, 88, 1 };
	const uint8_t mask24[] = { 255, 255, 255, 0 };
	const uint8_t gap[] = { 255, 0, 0, 1 };

	assert_int_equal(masked(net24, mask24), WALK_YES);
	assert_int_equal(masked(none, none), WALK_YES);
	assert_int_equal(masked(even, gap), WALK_DEPENDS);
	assert_int_equal(masked(odd, gap), WALK_DEPENDS);
	/* a bit that the mask clears */
	assert_int_equal(masked(host, mask24), WALK_NO);
}

/* A packet that comes in has no other first destination than its own. */
static void test_original(void **state)
{
	struct walk_packet p = to_client();

	p.orig_dst = (struct addr){ .family = ADDR_NONE };
	assert_string_equal(match("", "odaddr=203.0.113.7", &p), "depends");
	p.ct_status = 0;
	p.dst = net("203.0.113.7/32");
	p.dport = 80;
	assert_string_equal(match("", "odaddr=203.0.113.7", &p), "yes");
	assert_string_equal(match("", "odaddr=203.0.113.8", &p), "no");
	assert_string_equal(match("", "odport=80", &p), "yes");
	p.to_router = true;
	assert_string_equal(match("", "dtype=local", &p), "yes");
	p.to_router = false;
	assert_string_equal(match("", "dtype=multicast", &p), "no");
	p.dst = net("239.255.255.250/32");
	assert_string_equal(match("", "dtype=multicast", &p), "yes");
}

/* The bits of conntrack that change while a flow lives. */
static void test_status(void **state)
{
	struct walk_packet p = to_client();

	p.ct_state = WALK_STATE_ESTABLISHED;
	p.ct_status = IPS_DST_NAT | IPS_SEEN_REPLY | IPS_CONFIRMED;
	assert_string_equal(match("", "state=established", &p), "yes");
	assert_string_equal(match("", "status=assured", &p), "depends");
	assert_string_equal(match("", "status=confirmed", &p), "yes");
	assert_string_equal(match("", "status=dnat", &p), "yes");
}

static void test_family6(void **state)
{
	struct walk_packet p = to_client();

	p.family = ADDR_IP6;
	p.src = net("::/0");
	p.dst = net("2001:db8:1::/64");
	assert_string_equal(match("", "nfproto=ip6", &p), "yes");
	assert_string_equal(match("", "saddr6=2000::/3", &p), "yes");
	assert_string_equal(match("", "saddr6=fe80::/10", &p), "no");
	assert_string_equal(match("", "saddr6=2001:db8::/32", &p), "depends");
	assert_string_equal(match("", "saddr=1.2.3.4", &p), "no");
}

static void test_sets(void **state)
{
	static const struct {
		const char *set, *conds, *expected;
	} cases[] = {
		{ "iif wan ppp0", "iif@s", "yes" },
		{ "iif lan", "iif@s", "no" }, { "iif lan", "!iif@s", "yes" },
		{ "iif ?", "iif@s", "depends" },
		{ "dport 22 80-90", "dport@s", "depends" },
		{ "dport 0-99 100-65535", "dport@s", "yes" },
		{ "dport 100-65535 50-99 0-49", "dport@s", "yes" },
		{ "dport 0-99 101-65535", "dport@s", "depends" },
		{ "dport *", "dport@s", "yes" },
		{ "saddr 10.0.0.0/8 192.168.0.0/16", "saddr@s", "no" },
		{ "saddr 10.0.0.0/8 192.168.0.0/16", "!saddr@s", "yes" },
		{ "saddr 10.0.0.0/8 203.0.113.9", "saddr@s", "depends" },
		{ "saddr 0.0.0.0/1 128.0.0.0/1", "saddr@s", "yes" },
		/* hosts that will be banned */
		{ "saddr", "saddr@s", "depends" },
		{ "saddr.dport", "saddr.dport@s", "depends" },
		{ "dport", "dport@s", "no" },
		{ "iif.oif wan|lan", "iif.oif@s", "yes" },
		{ "iif.oif wan|wan lan|wan", "iif.oif@s", "no" },
		{ "iif.oif wan|wan lan|wan", "!iif.oif@s", "yes" },
		{ "iif.dport wan|25", "iif.dport@s", "depends" },
		{ "iif.dport lan|25", "iif.dport@s", "no" },
		{ "iif.daddr wan|192.168.0.0/16", "iif.daddr@s", "yes" },
		{ "saddr.proto.dport 203.0.113.9|tcp|80",
		  "saddr.proto.dport@s", "depends" },
		{ "saddr.proto.dport 203.0.113.9|udp|80",
		  "saddr.proto.dport@s", "no" },
		{ "mark.iif 7|wan", "mark.iif@s", "depends" },
		{ "iif.saddr6 wan|::/0", "iif.saddr6@s", "no" },
	};
	struct walk_packet p = to_client();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (strcmp(match(cases[i].set, cases[i].conds, &p),
			   cases[i].expected) != 0)
			fail_msg("%s with %s", cases[i].conds, cases[i].set);
	assert_string_equal(match("", "dport@s", &p), "depends");
}

/* ---- chains ------------------------------------------------------------ */

static void put_rule(struct wr *w, const struct ruleset *rs, uint32_t chain,
		     uint32_t rule)
{
	wr_z(w, rs->chain[chain].name);
	if (rule == RULESET_NONE)
		wr_z(w, ":end");
	else
		wr_fmt(w, ":%u", (unsigned)rs->rule[rule].number);
}

/* "drop f:2, at f:1, may accept f:1" */
static const char *walk(const char *text, const struct walk_packet *p)
{
	static char ret[256];
	struct wr w = wr_init(ret, sizeof(ret));
	struct ruleset *rs = ruletest_new(text);
	struct walk_end end;

	walk_base(rs, ruleset_find_chain(rs, 0, STR("f")), p, &end);
	wr_fmt(&w, "%s ", ruletest_verdicts[end.verdict]);
	put_rule(&w, rs, end.chain, end.rule);
	wr_z(&w, ", at ");
	put_rule(&w, rs, end.at_chain, end.at_rule);
	if (end.may_rule != RULESET_NONE) {
		wr_fmt(&w, ", may %s ", ruletest_verdicts[end.may_verdict]);
		put_rule(&w, rs, rs->rule[end.may_rule].chain, end.may_rule);
	}
	if (end.capped)
		wr_z(&w, ", capped");
	ruleset_free(rs);
	return wr_cstr(&w);
}

#define TABLE	"table native inet t\n"

static void assert_walk(const char *text, const char *expected)
{
	struct walk_packet p = to_client();

	assert_string_equal(walk(text, &p), expected);
}

static void test_policy(void **state)
{
	assert_walk(TABLE "chain f forward 0", "accept f:end, at f:end");
	assert_walk(TABLE "chain f forward 0 drop", "drop f:end, at f:end");
	assert_walk(TABLE "chain f", "drop f:end, at f:end");
}

static void test_decision(void **state)
{
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=lan accept\n"
		    "status=dnat accept\n"
		    "drop\n",
		    "accept f:2, at f:2");
	assert_walk(TABLE "chain f forward 0\n"
		    "iif=lan accept\n"
		    "saddr=203.0.113.9 drop\n"
		    "state=established accept\n"
		    "iif=wan drop\n",
		    "drop f:4, at f:4");
	assert_walk(TABLE "chain f forward 0\n"
		    "saddr=203.0.113.9 drop\n"
		    "dport=22 accept\n",
		    "accept f:end, at f:end, may drop f:1");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "saddr=203.0.113.9 drop\n"
		    "dport=22 accept\n",
		    "drop f:end, at f:end, may accept f:2");
}

static void test_ours(void **state)
{
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "accept ours\n"
		    "drop\n",
		    "drop f:2, at f:2");
}

/* A rule that only logs comes with the decision. */
static void test_log(void **state)
{
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "dport=22 accept\n"
		    "continue\n"
		    "log\n"
		    "iif=lan continue\n"
		    "log\n"
		    "drop\n",
		    "drop f:6, at f:3, may accept f:1");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "log\n"
		    "continue\n",
		    "drop f:end, at f:end");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "jump=logging\n"
		    "jump=empty\n"
		    "chain logging\n"
		    "log\n",
		    "drop f:end, at f:1");
	assert_walk(TABLE "chain f forward 0\n"
		    "jump=logdrop\n"
		    "chain logdrop\n"
		    "log\n"
		    "drop\n",
		    "drop logdrop:2, at f:1");
}

static void test_jump(void **state)
{
	/* nothing in the chain precedes the decision */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=lan accept\n"
		    "jump=reject\n"
		    "accept\n"
		    "chain reject\n"
		    "proto=udp drop\n"
		    "drop\n",
		    "drop reject:2, at f:2");
	/* a ban does */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=lan accept\n"
		    "jump=zone\n"
		    "chain zone\n"
		    "saddr=203.0.113.9 drop\n"
		    "drop\n",
		    "drop zone:2, at zone:2");
	/* two jumps */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=wan jump=zone\n"
		    "chain zone\n"
		    "state=established accept\n"
		    "jump=reject\n"
		    "chain reject\n"
		    "drop\n",
		    "drop reject:1, at f:1");
	/* a chain that is entered by some packets */
	assert_walk(TABLE "chain f forward 0 accept\n"
		    "dport=25 jump=reject\n"
		    "chain reject\n"
		    "drop\n",
		    "accept f:end, at f:end, may drop reject:1");
	/* one that returns */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "jump=users\n"
		    "accept\n"
		    "chain users\n"
		    "saddr=203.0.113.9 drop\n"
		    "return\n"
		    "drop\n",
		    "accept f:2, at f:2, may drop users:1");
}

/* Packets that returned are not dropped behind the return. */
static void test_return(void **state)
{
	assert_walk(TABLE "chain f forward 0\n"
		    "jump=allow\n"
		    "chain allow\n"
		    "saddr=203.0.113.9 return\n"
		    "drop\n",
		    "accept f:end, at f:end, may drop allow:2");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "jump=allow\n"
		    "chain allow\n"
		    "saddr=203.0.113.9 return\n"
		    "drop\n",
		    "drop f:end, at f:end");
	/* behind a jump, and in a chain behind it */
	assert_walk(TABLE "chain f forward 0\n"
		    "saddr=203.0.113.9 return\n"
		    "jump=reject\n"
		    "chain reject\n"
		    "drop\n",
		    "accept f:end, at f:2, may drop reject:1");
	assert_walk(TABLE "chain f forward 0\n"
		    "jump=allow\n"
		    "chain allow\n"
		    "saddr=203.0.113.9 return\n"
		    "jump=reject\n"
		    "chain reject\n"
		    "drop\n",
		    "accept f:end, at f:end, may drop reject:1");
	/* a base chain: its policy */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=wan return\n"
		    "accept\n",
		    "drop f:end, at f:1");
	assert_walk(TABLE "chain f forward 0\n"
		    "saddr=203.0.113.9 return\n"
		    "drop\n",
		    "accept f:end, at f:2, may drop f:2");
}

static void test_goto(void **state)
{
	/* it returns to the chain before, here to the policy */
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=wan goto=zone\n"
		    "accept\n"
		    "chain zone\n"
		    "state=established accept\n",
		    "drop f:end, at f:1");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "iif=wan goto=zone\n"
		    "accept\n"
		    "chain zone\n"
		    "saddr=203.0.113.9 drop\n",
		    "drop f:end, at zone:end");
	assert_walk(TABLE "chain f forward 0 drop\n"
		    "jump=one\n"
		    "accept\n"
		    "chain one\n"
		    "goto=two\n"
		    "drop\n"
		    "chain two\n"
		    "iif=lan drop\n",
		    "accept f:2, at f:2");
	/* for some packets: those that are left reach the drop, the others
	 * are decided, or not */
	assert_walk(TABLE "chain f forward 0\n"
		    "dport=80 goto=web\n"
		    "drop\n"
		    "chain web\n"
		    "drop\n",
		    "drop f:2, at f:2");
	assert_walk(TABLE "chain f forward 0\n"
		    "dport=80 goto=web\n"
		    "drop\n"
		    "chain web\n"
		    "saddr=203.0.113.9 drop\n",
		    "accept f:end, at f:2, may drop web:1");
}

static void test_queue(void **state)
{
	assert_walk(TABLE "chain f forward 0 drop\nqueue\n",
		    "queue f:1, at f:1");
	assert_walk(TABLE "chain f forward 0 drop\ndport=80 queue\n",
		    "drop f:end, at f:end, may queue f:1");
}

static void test_maps(void **state)
{
	assert_walk(TABLE "set m state established=accept related=accept "
		    "invalid=drop\n"
		    "chain f forward 0 drop\n"
		    "state@m vmap\n"
		    "drop\n",
		    "drop f:2, at f:2");
	assert_walk(TABLE "set m iif lan=jump=lan wan=jump=wan\n"
		    "chain f forward 0 accept\n"
		    "iif@m vmap\n"
		    "chain lan\naccept\n"
		    "chain wan\nstate=established accept\ndrop\n",
		    "drop wan:2, at f:1");
	assert_walk(TABLE "set m iif lan=accept *=drop\n"
		    "chain f forward 0 accept\n"
		    "iif@m vmap\n",
		    "drop f:1, at f:1");
	assert_walk(TABLE "set m dport 25=drop 80=accept *=return\n"
		    "chain f forward 0 accept\n"
		    "dport@m vmap\n",
		    "accept f:end, at f:end, may drop f:1");
	assert_walk(TABLE "set m iif.oif wan|lan=goto=in lan|wan=accept\n"
		    "chain f forward 0 accept\n"
		    "iif.oif@m vmap\n"
		    "chain in\nsaddr=203.0.113.9 drop\n",
		    "accept f:end, at in:end, may drop in:1");
	/* its elements were not read */
	assert_walk(TABLE "set m iif ?\n"
		    "chain f forward 0 accept\n"
		    "iif@m vmap\n"
		    "drop\n",
		    "accept f:end, at f:2, may drop f:1");
	assert_walk(TABLE "set m iif ?\n"
		    "chain f prerouting 0 nat\n"
		    "iif@m vmap\n"
		    "chain x\n"
		    "iif=lan dnat\n",
		    "accept f:end, at f:end, may drop f:1");
}

/* Chains that jump to each other: the kernel refuses them, but a model that was
 * read in parts may have them. */
static void test_loop(void **state)
{
	assert_walk(TABLE "chain f forward 0\n"
		    "jump=f\n"
		    "drop\n",
		    "accept f:end, at f:end, capped");
}

/* 2^20 paths. */
static void test_steps(void **state)
{
	char text[1024];
	struct wr w = wr_init(text, sizeof(text));
	struct walk_packet p = to_client();
	struct walk_rule rule;
	struct ruleset *rs;

	wr_z(&w, TABLE "chain f forward 0\njump=c0\njump=c0\n");
	for (unsigned i = 0; i < 14; i++)
		wr_fmt(&w, "chain c%u\njump=c%u\njump=c%u\njump=c%u\n", i,
		       i + 1, i + 1, i + 1);
	rs = ruletest_new(wr_cstr(&w));
	assert_int_equal(walk_dropped(rs, NF_INET_FORWARD, &p, NULL, 0, &rule),
			 WALK_DEPENDS);
	assert_int_equal(rule.chain, 0);
	ruleset_free(rs);
}

/* ---- hooks ------------------------------------------------------------- */

static const char nat[] =
	"table legacy ip nat\n"
	"chain PREROUTING prerouting -100 nat\n"
	"dtype=local jump=DOCKER\n"
	"chain DOCKER\n"
	"iif=docker0 return\n"
	"!iif=docker0 proto=tcp dport=8080 dnat\n"
	"saddr=198.51.100.0/24 proto=tcp dport=22 dnat\n"
	"chain POSTROUTING postrouting 100 nat\n"
	"oif=wan snat\n"
	"table native inet fw\n"
	"chain own prerouting 1000 nat\n"
	"iif=wan proto=udp dport=5000-6000 dnat ours\n"
	"chain pre prerouting -90 nat\n"
	"iif=lan proto=udp dport=53 dnat\n"
	"proto=tcp dport=9000 accept\n"
	"chain late prerouting 10 nat\n"
	"iif=wan proto=udp dport=51820-51830 dnat\n"
	"proto=tcp dport=9000 dnat\n";

static void assert_forwarded(const struct ruleset *rs, uint8_t proto,
			     uint16_t port, const char *expected)
{
	struct walk_packet p = {
		.family = ADDR_IP4, .proto = proto, .iif = "wan",
		.src = net("0.0.0.0/0"), .dst = net("203.0.113.7"),
		.dport = port, .ct_state = WALK_STATE_NEW, .to_router = true,
	};
	char got[128];
	struct wr w = wr_init(got, sizeof(got));
	struct walk_rule rule;

	wr_fmt(&w, "%s ", holds[walk_forwarded(rs, &p, &rule)]);
	walk_rule_text(rs, &rule, &w);
	assert_string_equal(wr_cstr(&w), expected);
}

static void test_forwarded(void **state)
{
	struct ruleset *rs = ruletest_new(nat);

	assert_forwarded(rs, IPPROTO_TCP, 8080,
			 "yes iptables DOCKER of nat, rule 2");
	assert_forwarded(rs, IPPROTO_UDP, 8080, "no ");
	assert_forwarded(rs, IPPROTO_TCP, 22,
			 "depends iptables DOCKER of nat, rule 3");
	assert_forwarded(rs, IPPROTO_UDP, 53, "no ");
	assert_forwarded(rs, IPPROTO_UDP, 51821,
			 "yes inet fw late, rule 1");
	assert_forwarded(rs, IPPROTO_UDP, 5000, "no ");
	/* an accept ends its own chain only */
	assert_forwarded(rs, IPPROTO_TCP, 9000,
			 "yes inet fw late, rule 2");
	ruleset_free(rs);
}

/* A map that was not read may lead to each forward of its table. */
static void test_forwarded_unknown(void **state)
{
	struct ruleset *rs = ruletest_new("table native ip nat\n"
		"set m dport ?\n"
		"chain filter prerouting -200\n"
		"proto=udp dport@m vmap\n"
		"chain pre prerouting -100 nat\n"
		"proto=tcp dport@m vmap\n"
		"chain one\n"
		"dnat\n");

	assert_forwarded(rs, IPPROTO_TCP, 22, "depends ip nat one, rule 1");
	assert_forwarded(rs, IPPROTO_UDP, 22, "no ");
	ruleset_free(rs);
}

/* A rule that forwards everything takes each port. */
static void test_exposed_host(void **state)
{
	struct ruleset *rs = ruletest_new("table native ip nat\n"
		"chain pre prerouting -100 nat\n"
		"iif=wan dport=22 return\n"
		"iif=wan dnat\n");

	assert_forwarded(rs, IPPROTO_UDP, 7000, "yes ip nat pre, rule 2");
	assert_forwarded(rs, IPPROTO_TCP, 22, "no ");
	ruleset_free(rs);
}

static void test_masqueraded(void **state)
{
	struct walk_packet p = {
		.family = ADDR_IP4, .proto = IPPROTO_TCP, .iif = "lan",
		.oif = "wan", .src = net("192.168.88.0/24"),
		.dst = net("0.0.0.0/0"), .ct_state = WALK_STATE_NEW,
	};
	struct ruleset *rs = ruletest_new(nat);

	assert_int_equal(walk_masqueraded(rs, &p), WALK_YES);
	memcpy(p.oif, "lan", sizeof("lan"));
	assert_int_equal(walk_masqueraded(rs, &p), WALK_NO);
	ruleset_free(rs);
}

/* Each chain of the hook can drop; another family's cannot. */
static void test_dropped(void **state)
{
	struct ruleset *rs = ruletest_new(
		"table native inet one\n"
		"chain in input 0\n"
		"iif=lan accept\n"
		"dport=1900 drop\n"
		"chain fwd forward 0 drop\n"
		"table native ip6 six\n"
		"chain in input 0 drop\n"
		"table native ip two\n"
		"chain in input 10 drop\n"
		"saddr=198.51.100.9 accept\n"
		"iif=lan dport=1900 accept\n");
	struct walk_packet p = to_client();
	struct walk_rule rule;
	char text[64];
	struct wr w = wr_init(text, sizeof(text));

	p.dport = 1900;
	assert_int_equal(walk_dropped(rs, NF_INET_LOCAL_IN, &p, NULL, 0, &rule),
			 WALK_YES);
	walk_rule_text(rs, &rule, &w);
	assert_string_equal(wr_cstr(&w), "inet one in, rule 2");
	p.dport = 80;
	assert_int_equal(walk_dropped(rs, NF_INET_LOCAL_IN, &p, NULL, 0, &rule),
			 WALK_DEPENDS);
	w = wr_init(text, sizeof(text));
	walk_rule_text(rs, &rule, &w);
	assert_string_equal(wr_cstr(&w), "ip two in, policy");
	p.src = net("198.51.100.9");
	assert_int_equal(walk_dropped(rs, NF_INET_LOCAL_IN, &p, NULL, 0, &rule),
			 WALK_NO);
	assert_int_equal(rule.chain, RULESET_NONE);
	ruleset_free(rs);
}

/* upnpd's accepts, which the model need not have. */
static void test_accepts(void **state)
{
	struct ruleset *rs = ruletest_new(TABLE
		"chain f forward 0 drop\n"
		"dport=25 drop\n"
		"jump=reject\n"
		"chain reject\n"
		"drop\n");
	struct walk_accept at = { 0, 1 };
	struct walk_packet p = to_client();
	struct walk_rule rule;

	p.dport = 80;
	assert_int_equal(walk_dropped(rs, NF_INET_FORWARD, &p, &at, 1, &rule),
			 WALK_NO);
	p.dport = 25;
	assert_int_equal(walk_dropped(rs, NF_INET_FORWARD, &p, &at, 1, &rule),
			 WALK_YES);
	p.dport = 0;
	assert_int_equal(walk_dropped(rs, NF_INET_FORWARD, &p, &at, 1, &rule),
			 WALK_DEPENDS);
	at.before = RULESET_NONE;
	p.dport = 80;
	assert_int_equal(walk_dropped(rs, NF_INET_FORWARD, &p, &at, 1, &rule),
			 WALK_YES);
	ruleset_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_original),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_family6),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_decision),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_goto),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_forwarded_unknown),
		cmocka_unit_test(test_exposed_host),
		cmocka_unit_test(test_masqueraded),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
