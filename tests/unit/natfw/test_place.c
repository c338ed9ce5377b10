/* SPDX-License-Identifier: ISC */
/*
 * test_place.c - the accept is as late as possible, in each chain that drops:
 * in the layouts of the usual firewalls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "natfw/place.h"
#include "tests/unit/natfwtest.h"
#include "tests/unit/rulesettest.h"

/* A router with one network, or with @n of them. */
static struct natfw_env router(size_t n)
{
	static const char *const names[] = { "lan", "guest", "iot" };
	struct natfw_env env = { .ext_if = "wan", .ext_index = 2,
				 .ext = addr_ip4(EXT), .net_n = n };

	for (size_t i = 0; i < n; i++) {
		struct netif_addr *net = &env.net[i];

		net->ifindex = (int)(3 + i);
		str_copy(net->ifname, sizeof(net->ifname), str_z(names[i]));
		net->net = (struct addr_net){
			addr_ip4(0xc0a85801 + ((uint32_t)i << 8)), 24,
		};
	}
	return env;
}

/* "forward:3 tcp lan to from; " */
static const char *text_of(const struct ruleset *rs, const struct places *ps)
{
	static char ret[2048];
	struct wr w = wr_init(ret, sizeof(ret));

	for (size_t i = 0; i < ps->n; i++) {
		const struct place *p = &ps->at[i];

		wr_z(&w, i ? "; " : "");
		wr_z(&w, rs->chain[p->chain].name);
		if (p->before == RULESET_NONE)
			wr_z(&w, ":end");
		else
			wr_fmt(&w, ":%u",
			       (unsigned)rs->rule[p->before].number);
		wr_z(&w, p->family == ADDR_IP6 ? " ip6" : "");
		if (p->proto)
			wr_fmt(&w, " %s", nat_rule_proto(p->proto));
		if (*p->ifname)
			wr_fmt(&w, " %s", p->ifname);
		wr_z(&w, p->hairpin ? " hairpin" : p->to ? " to" : "");
		wr_z(&w, p->from ? " from" : "");
	}
	return wr_cstr(&w);
}

static void assert_places_in(const struct natfw_env *env, const char *text,
			     const char *expected)
{
	struct ruleset *rs = ruletest_new(text);
	struct places places;

	place_find(rs, env, &places);
	assert_string_equal(text_of(rs, &places), expected);
	assert_string_equal(places.lost4.why, "");
	assert_int_equal(places.lost4.chain, RULESET_NONE);
	ruleset_free(rs);
}

static void assert_places(const char *text, const char *expected)
{
	struct natfw_env env = router(1);

	assert_places_in(&env, text, expected);
}

/* ---- layouts ----------------------------------------------------------- */

static void test_policy(void **state)
{
	assert_places("table native inet filter\n"
		      "chain forward forward 0 drop\n"
		      "iif=lan oif=wan accept\n",
		      "forward:end to");
	assert_places("table native inet filter\n"
		      "chain forward forward 0\n"
		      "iif=lan oif=wan accept\n", "");
	/* later packets are dropped */
	assert_places("table native inet filter\n"
		      "chain forward forward 0 drop\n"
		      "iif=lan accept\n"
		      "state=new accept\n",
		      "forward:end to");
	/* answers as well */
	assert_places("table native inet filter\n"
		      "chain forward forward 0 drop\n",
		      "forward:end to from");
	assert_places("", "");
}

static void test_no_network(void **state)
{
	struct natfw_env env = router(0);

	assert_places_in(&env, "table native inet filter\n"
			 "chain forward forward 0 drop\n", "");
}

/* Bans at the top keep their effect. */
static void test_blocklist(void **state)
{
	assert_places("table native inet fw\n"
		      "set bad saddr 203.0.113.9 198.51.100.0/24\n"
		      "chain forward forward 0 drop\n"
		      "saddr@bad drop\n"
		      "state=established,related accept\n"
		      "iif=lan accept\n"
		      "!saddr=192.168.0.0/16 iif=lan drop\n"
		      "iif=wan drop\n",
		      "forward:5 to");
	/* the list is empty now */
	assert_places("table native inet fw\n"
		      "set bad saddr\n"
		      "chain forward forward 0\n"
		      "jump=bans\n"
		      "chain bans\n"
		      "saddr@bad drop\n"
		      "state=established accept\n"
		      "iif=wan drop\n",
		      "bans:3 to");
}

static void test_ufw(void **state)
{
	assert_places("table legacy ip filter\n"
		      "chain FORWARD forward 0 drop\n"
		      "jump=ufw-before-logging-forward\n"
		      "jump=ufw-before-forward\n"
		      "jump=ufw-after-forward\n"
		      "jump=ufw-after-logging-forward\n"
		      "jump=ufw-reject-forward\n"
		      "jump=ufw-track-forward\n"
		      "chain ufw-before-logging-forward\n"
		      "chain ufw-before-forward\n"
		      "state=related,established accept\n"
		      "proto=icmp accept\n"
		      "jump=ufw-user-forward\n"
		      "chain ufw-user-forward\n"
		      "saddr=203.0.113.9 drop\n"
		      "chain ufw-after-forward\n"
		      "chain ufw-after-logging-forward\n"
		      "log\n"
		      "chain ufw-reject-forward\n"
		      "chain ufw-track-forward\n",
		      "FORWARD:4 to");
}

static const char fw4[] =
	"table native inet fw4\n"
	"set zones iif lan=jump=forward_lan wan=jump=forward_wan\n"
	"set state state established=accept related=accept\n"
	"chain mangle_forward forward -150\n"
	"iif=wan proto=tcp continue\n"
	"chain forward forward 0 drop\n"
	"state@state vmap\n"
	"iif=lan jump=forward_lan\n"
	"iif=wan jump=forward_wan\n"
	"jump=handle_reject\n"
	"chain handle_reject\n"
	"proto=tcp drop\n"
	"drop\n"
	"chain forward_lan\n"
	"jump=accept_to_wan\n"
	"jump=accept_to_lan\n"
	"chain accept_to_wan\n"
	"oif=wan accept\n"
	"chain accept_to_lan\n"
	"oif=lan accept\n"
	"chain forward_wan\n"
	"saddr=203.0.113.9 jump=handle_reject\n"
	"proto=icmp accept\n"
	"jump=reject_to_wan\n"
	"chain reject_to_wan\n"
	"oif=wan jump=handle_reject\n";

static void test_fw4(void **state)
{
	struct natfw_env env = router(1);

	assert_places(fw4, "forward:4 to");
	env.hairpin = true;
	assert_places_in(&env, fw4, "forward:4 to");
}

static void test_fw3(void **state)
{
	static const char fw3[] =
		"table legacy ip filter\n"
		"chain FORWARD forward 0 drop\n"
		"jump=forwarding_rule\n"
		"state=related,established accept\n"
		"iif=lan jump=zone_lan_forward\n"
		"iif=wan jump=zone_wan_forward\n"
		"jump=reject\n"
		"chain forwarding_rule\n"
		"chain zone_lan_forward\n"
		"accept\n"
		"chain zone_wan_forward\n"
		"%s"
		"oif=wan jump=reject\n"
		"chain reject\n"
		"proto=tcp drop\n"
		"drop\n";
	char text[1024];
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, fw3, "");
	assert_places(wr_cstr(&w), "FORWARD:5 to");
	/* "Accept port forwards" */
	w = wr_init(text, sizeof(text));
	wr_fmt(&w, fw3, "status=dnat accept\n");
	assert_places(wr_cstr(&w), "");
}

/* It accepts what was translated, so it needs no accept of ours. */
static void test_firewalld(void **state)
{
	assert_places("table native inet firewalld owner=1\n"
		      "chain filter_FORWARD forward 10\n"
		      "state=established,related accept\n"
		      "status=dnat accept\n"
		      "iif=lo accept\n"
		      "state=invalid drop\n"
		      "jump=filter_FORWARD_POLICIES\n"
		      "drop\n"
		      "chain filter_FORWARD_POLICIES\n"
		      "drop\n", "");
}

static void test_docker(void **state)
{
	assert_places("table nft ip filter\n"
		      "chain FORWARD forward 0 drop\n"
		      "jump=DOCKER-USER\n"
		      "jump=DOCKER-FORWARD\n"
		      "chain DOCKER-FORWARD\n"
		      "jump=DOCKER-CT\n"
		      "jump=DOCKER-ISOLATION-STAGE-1\n"
		      "jump=DOCKER-BRIDGE\n"
		      "iif=docker0 accept\n"
		      "chain DOCKER-CT\n"
		      "oif=docker0 state=related,established accept\n"
		      "chain DOCKER-ISOLATION-STAGE-1\n"
		      "iif=docker0 !oif=docker0 jump=DOCKER-ISOLATION-STAGE-2\n"
		      "chain DOCKER-ISOLATION-STAGE-2\n"
		      "oif=docker0 drop\n"
		      "chain DOCKER-BRIDGE\n"
		      "oif=docker0 jump=DOCKER\n"
		      "chain DOCKER-USER\n"
		      "saddr=203.0.113.9 drop\n"
		      "return\n",
		      "FORWARD:end to from");
}

static void test_tailscale(void **state)
{
	assert_places("table native inet filter\n"
		      "chain forward forward 0 drop\n"
		      "state=established accept\n"
		      "table nft ip filter\n"
		      "chain FORWARD forward 0\n"
		      "jump=ts-forward\n"
		      "chain ts-forward\n"
		      "iif=tailscale0 continue\n"
		      "mark=262144 accept\n"
		      "saddr=100.64.0.0/10 oif=tailscale0 drop\n"
		      "oif=tailscale0 accept\n",
		      "forward:end to");
}

static void test_shorewall(void **state)
{
	assert_places("table legacy ip filter\n"
		      "chain FORWARD forward 0 drop\n"
		      "iif=wan oif=lan jump=wan-lan\n"
		      "iif=lan oif=wan accept\n"
		      "jump=Reject\n"
		      "log\n"
		      "goto=reject\n"
		      "chain wan-lan\n"
		      "state=new,invalid jump=dynamic\n"
		      "state=established,related accept\n"
		      "jump=Reject\n"
		      "log\n"
		      "drop\n"
		      "chain dynamic\n"
		      "saddr=203.0.113.9 drop\n"
		      "chain Reject\n"
		      "dtype=broadcast drop\n"
		      "proto=udp dport=137 drop\n"
		      "chain reject\n"
		      "drop\n",
		      "wan-lan:4 to");
}

/* More than four chains on the hook. */
static void test_many_chains(void **state)
{
	assert_places("table native inet lxd\n"
		      "chain fwd.lxdbr0 forward 0\n"
		      "oif=lxdbr0 accept\n"
		      "table native inet a\n"
		      "chain a forward -10 drop\n"
		      "state=established accept\n"
		      "table native ip b\n"
		      "chain b forward 0 drop\n"
		      "state=established accept\n"
		      "table native inet c\n"
		      "chain c forward 5 drop\n"
		      "state=established accept\n"
		      "table native ip6 other\n"
		      "chain six forward 0 drop\n"
		      "table nft ip filter\n"
		      "chain FORWARD forward 0 drop\n"
		      "state=established accept\n"
		      "drop\n"
		      "table legacy ip filter\n"
		      "chain FORWARD forward 0 drop\n"
		      "state=established accept\n"
		      "table native inet d\n"
		      "chain d forward 20\n"
		      "state=established accept\n"
		      "drop\n",
		      "a:end to; b:end to; FORWARD:2 to; FORWARD:end to; "
		      "c:end to; d:2 to");
}

/* A chain at the priority of mangle is not for filtering. */
static void test_mangle(void **state)
{
	assert_places("table native inet fw\n"
		      "chain m forward -150 drop\n"
		      "chain late forward -149 drop\n",
		      "late:end to from");
}

/* ---- interfaces and protocols ------------------------------------------ */

/* TCP is rejected by one rule, the rest by the next. */
static void test_protocols(void **state)
{
	assert_places("table legacy ip filter\n"
		      "chain FORWARD forward 0\n"
		      "state=established accept\n"
		      "proto=tcp drop\n"
		      "drop\n",
		      "FORWARD:2 to");
	assert_places("table native inet fw\n"
		      "chain f forward 0\n"
		      "state=established accept\n"
		      "proto=udp drop\n",
		      "f:2 udp to");
	/* a ban in between, which TCP does not meet */
	assert_places("table native inet fw\n"
		      "chain f forward 0\n"
		      "state=established accept\n"
		      "proto=tcp drop\n"
		      "saddr=203.0.113.9 drop\n"
		      "drop\n",
		      "f:2 tcp to; f:4 udp to");
}

/* Each family has its own table. */
static void test_ip6tables(void **state)
{
	static const uint8_t ula[16] = { 0xfd, 0x00, 0, 0x88, [15] = 1 };
	struct natfw_env env = router(2);

	env.net[1] = env.net[0];
	env.net[1].net = (struct addr_net){ addr_ip6(ula), 64 };
	env.ipv6 = true;
	assert_places_in(&env, "table nft ip6 filter\n"
			 "chain FORWARD forward 0 drop\n"
			 "state=established accept\n", "FORWARD:end ip6 to");
	assert_places_in(&env, "table legacy ip6 filter\n"
			 "chain FORWARD forward 0\n"
			 "state=established accept\n"
			 "drop\n", "FORWARD:2 ip6 to");
	env.ipv6 = false;
	assert_places_in(&env, "table legacy ip6 filter\n"
			 "chain FORWARD forward 0 drop\n", "");
}

/* A chain of IPv6 in which no accept can be says nothing about IPv4, and the
 * other way round. */
static void test_each_family_has_its_loss(void **state)
{
	static const uint8_t ula[16] = { 0xfd, 0x00, 0, 0x88, [15] = 1 };
	static const char owned[] = "table native %s owned owner=4194305\n"
				    "chain f forward 0 drop\n";
	const char *why6 = "ip6 owned f drops packets to pinholes, and only";
	struct natfw_env env = router(2);
	struct places places;
	struct ruleset *rs;
	char text[128];

	env.net[1] = env.net[0];
	env.net[1].net = (struct addr_net){ addr_ip6(ula), 64 };
	env.ipv6 = true;
	for (int six = 0; six < 2; six++) {
		const struct place_loss *lost = six ? &places.lost6 :
						      &places.lost4;
		const struct place_loss *well = six ? &places.lost4 :
						      &places.lost6;

		snprintf(text, sizeof(text), owned, six ? "ip6" : "ip");
		rs = ruletest_new(text);
		place_find(rs, &env, &places);
		assert_int_equal(lost->chain, 0);
		assert_int_equal(well->chain, RULESET_NONE);
		assert_string_equal(well->why, "");
		assert_ptr_equal(lost, places_lost(&places, six ? ADDR_IP6 :
						   ADDR_IP4));
		assert_true(*lost->why);
		if (six)
			assert_memory_equal(lost->why, why6, strlen(why6));
		ruleset_free(rs);
	}
}

static void test_zones(void **state)
{
	struct natfw_env env = router(3);

	/* each zone drops for itself */
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "oif=lan jump=to_lan\n"
			 "oif=guest jump=to_guest\n"
			 "chain to_lan\n"
			 "saddr=203.0.113.9 drop\n"
			 "drop\n"
			 "chain to_guest\n"
			 "saddr=198.51.100.9 drop\n"
			 "drop\n",
			 "to_lan:2 lan to; to_guest:2 guest to");
	/* the same without bans: one accept lets the same packets pass, but
	 * not those of iot, which are not dropped */
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "oif=lan jump=to_lan\n"
			 "oif=guest jump=to_guest\n"
			 "chain to_lan\n"
			 "drop\n"
			 "chain to_guest\n"
			 "drop\n",
			 "f:2 lan to; f:2 guest to");
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "oif=lan drop\n"
			 "oif=guest drop\n"
			 "drop\n",
			 "f:2 to");
	assert_places_in(&env, "table native inet fw\n"
			 "set zones oif guest=jump=to_guest *=drop\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "oif@zones vmap\n"
			 "chain to_guest\n"
			 "saddr=198.51.100.9 drop\n"
			 "proto=udp drop\n",
			 "f:2 lan to; f:2 iot to; to_guest:2 udp guest to");
}

static void test_networks(void **state)
{
	struct natfw_env env = router(2);

	/* two networks of one interface */
	str_copy(env.net[1].ifname, sizeof(env.net[1].ifname), STR("lan"));
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "daddr=192.168.89.0/24 drop\n",
			 "f:2 to");
}

/* The same chain, from two hooks. */
static void test_shared_chain(void **state)
{
	assert_places("table native inet fw\n"
		      "chain a forward 0\n"
		      "jump=common\n"
		      "chain b forward 5\n"
		      "proto=udp jump=common\n"
		      "chain common\n"
		      "state=established accept\n"
		      "saddr=203.0.113.9 drop\n"
		      "drop\n",
		      "common:3 to; common:3 udp to");
	/* the places of a chain are together */
	assert_places("table native inet fw\n"
		      "chain a forward 0\n"
		      "jump=common\n"
		      "chain b forward 1\n"
		      "state=established accept\n"
		      "drop\n"
		      "chain c forward 5\n"
		      "proto=udp jump=common\n"
		      "chain common\n"
		      "state=established accept\n"
		      "saddr=203.0.113.9 drop\n"
		      "drop\n",
		      "common:3 to; common:3 udp to; b:2 to");
}

static void test_index(void **state)
{
	assert_places("table native inet fw\n"
		      "chain f forward 0\n"
		      "iifx=3 accept\n"
		      "state=established accept\n"
		      "!iifx=2 drop\n"
		      "iifx=2 oifx=3 drop\n",
		      "f:4 to");
}

static void test_hairpin(void **state)
{
	static const char text[] =
		"table native inet fw\n"
		"chain f forward 0 drop\n"
		"state=established accept\n"
		"iif=lan oif=lan drop\n"
		"iif=wan saddr=203.0.113.9 drop\n"
		"iif=lan accept\n";
	struct natfw_env env = router(1);

	assert_places_in(&env, text, "f:end to");
	/* the ban keeps its effect */
	env.hairpin = true;
	assert_places_in(&env, text, "f:2 hairpin; f:end to");
	/* one accept serves both */
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0 drop\n"
			 "state=established accept\n"
			 "iif=lan oif=wan accept\n"
			 "iif=lan drop\n",
			 "f:3 to");
	/* between two networks only */
	env = router(2);
	env.hairpin = true;
	assert_places_in(&env, "table native inet fw\n"
			 "chain f forward 0\n"
			 "state=established accept\n"
			 "iif=guest oif=lan drop\n",
			 "f:2 lan hairpin");
}

/* ---- where none can be ------------------------------------------------- */

static void assert_lost(const struct natfw_env *env, const char *text,
			const char *lost, const char *why)
{
	struct ruleset *rs = ruletest_new(text);
	struct places places;

	place_find(rs, env, &places);
	assert_string_equal(places.lost4.why, why);
	if (places.lost4.chain == RULESET_NONE)
		assert_null(lost);
	else
		assert_string_equal(rs->chain[places.lost4.chain].name, lost);
	ruleset_free(rs);
}

static void test_owner(void **state)
{
	struct natfw_env env = router(1);
	char text[256], why[200];
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "table native inet mine owner=%d\n"
	       "chain f forward 0 drop\n", (int)getpid());
	wr_cstr(&w);
	w = wr_init(why, sizeof(why));
	wr_fmt(&w, "inet mine f drops packets to mapped ports, and only"
	       " test_place (process %d) may change it: remove \"flags owner\""
	       " from that table", (int)getpid());
	assert_lost(&env, text, "f", wr_cstr(&w));
	assert_lost(&env, "table native inet firewalld owner=4194305\n"
		    "chain f forward 0 drop\n", "f",
		    "inet firewalld f drops packets to mapped ports, and only"
		    " process 4194305 may change it: set"
		    " NftablesTableOwner=no in /etc/firewalld/firewalld.conf");
}

/* The other places are found all the same. */
static void test_lost_and_found(void **state)
{
	struct natfw_env env = router(1);
	struct ruleset *rs = ruletest_new(
		"table native inet theirs owner=4194305\n"
		"chain f forward 0 drop\n"
		"table legacy ip security\n"
		"chain FORWARD forward 50 drop\n"
		"table native inet b\n"
		"chain b forward 60 drop\n"
		"state=established accept\n");
	struct places places;

	place_find(rs, &env, &places);
	assert_string_equal(text_of(rs, &places), "b:end to");
	assert_int_equal(places.lost4.chain, 0);
	ruleset_free(rs);
	assert_lost(&env, "table legacy ip security\n"
		    "chain FORWARD forward 50 drop\n", "FORWARD",
		    "iptables FORWARD of security drops packets to mapped"
		    " ports, and upnpd adds iptables rules only to FORWARD of table"
		    " filter, and chains it jumps to");
}

static void test_too_many(void **state)
{
	static char text[65536];
	struct natfw_env env = router(1);
	struct wr w = wr_init(text, sizeof(text));
	struct ruleset *rs;
	struct places places;

	wr_z(&w, "table native inet fw\n");
	for (int i = 0; i < PLACES_MAX + 2; i++)
		wr_fmt(&w, "chain c%d forward %d drop\n", i, i);
	rs = ruletest_new(wr_cstr(&w));
	place_find(rs, &env, &places);
	assert_int_equal(places.n, PLACES_MAX);
	assert_int_equal(places.lost4.chain, PLACES_MAX);
	assert_string_equal(places.lost4.why, "inet fw c64 drops packets to mapped"
			    " ports, and upnpd has added rules at 64 places"
			    " already: too many chains drop forwarded packets");
	ruleset_free(rs);
}

/* ---- nft-chain --------------------------------------------------------- */

static void test_configured(void **state)
{
	static const char text[] =
		"table native inet fw4\n"
		"chain user_forward\n"
		"saddr=203.0.113.9 drop\n"
		"chain forward forward 0 drop\n"
		"jump=user_forward\n"
		"table native ip other\n"
		"chain other forward 0 drop\n"
		"table nft ip filter\n"
		"chain FORWARD forward 0 drop\n"
		"state=established accept\n";
	struct natfw_env env = router(1);

	str_copy(env.nft_table, sizeof(env.nft_table), STR("inet fw4"));
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("user_forward"));
	assert_places_in(&env, text,
			 "user_forward:end to from; FORWARD:end to");
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("forward"));
	assert_places_in(&env, text,
			 "forward:end to from; FORWARD:end to");
	/* a chain of iptables, whose accept does not depend on this */
	str_copy(env.nft_table, sizeof(env.nft_table), STR("ip filter"));
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("FORWARD"));
	assert_places_in(&env, text, "FORWARD:end to");
	str_copy(env.nft_table, sizeof(env.nft_table), STR("inet fw4"));
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("none"));
	assert_lost(&env, text, NULL, "there is no chain none in inet fw4");
	/* that firewall does not run: OpenWrt with fw3 */
	str_copy(env.nft_table, sizeof(env.nft_table), STR("inet fw5"));
	assert_places_in(&env, text, "FORWARD:end to");
}

/* ---- one mapping ------------------------------------------------------- */

/* "yes inet fw f, rule 1" */
static void assert_blocked(const struct natfw_env *env, const char *text,
			   const struct nat_rule *rule, const char *expected)
{
	static const char *const holds[] = { "no", "depends ", "yes " };
	struct ruleset *rs = ruletest_new(text);
	struct walk_rule by;
	struct places places;
	char got[128];
	struct wr w = wr_init(got, sizeof(got));

	place_find(rs, env, &places);
	wr_z(&w, holds[place_blocked(rs, env, &places, rule, &by)]);
	walk_rule_text(rs, &by, &w);
	assert_string_equal(wr_cstr(&w), expected);
	ruleset_free(rs);
}

/* One rule of iptables can need two of the model. */
static void test_alternatives(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = tcp(80, HOST(10), 80);

	assert_places("table legacy ip filter\n"
		      "chain FORWARD forward 0\n"
		      "iif=lan accept\n"
		      "state=established drop\n"
		      "status=dnat same drop\n",
		      "FORWARD:2 to");
	assert_places("table legacy ip filter\n"
		      "chain FORWARD forward 0\n"
		      "iif=lan accept\n"
		      "dport=80 drop\n"
		      "proto=tcp same drop\n",
		      "FORWARD:2 tcp to");
	assert_blocked(&env, "table legacy ip filter\n"
		       "chain FORWARD forward 0\n"
		       "iif=lan accept\n"
		       "dport=80 drop\n"
		       "proto=tcp same drop\n", &r, "no");
}

static const char one_port[] =
	"table native inet fw\n"
	"chain pre prerouting -300\n"
	"proto=udp dport=1-1023 drop\n"
	"chain m forward -150\n"
	"odport=7777 drop\n"
	"chain f forward 0 drop\n"
	"saddr=203.0.113.9 drop\n"
	"iif=wan proto=tcp dport=25 drop\n"
	"saddr=192.168.88.50 drop\n"
	"state=established accept\n"
	"iif=wan jump=reject\n"
	"chain reject\n"
	"drop\n";

static void test_blocked(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = tcp(8080, HOST(10), 8080);

	assert_blocked(&env, one_port, &r, "depends inet fw f, rule 1");
	/* after translation */
	r = tcp(25, HOST(10), 2525);
	assert_blocked(&env, one_port, &r, "depends inet fw f, rule 1");
	r = tcp(2525, HOST(10), 25);
	assert_blocked(&env, one_port, &r, "yes inet fw f, rule 2");
	r.proto = IPPROTO_UDP;
	assert_blocked(&env, one_port, &r, "depends inet fw f, rule 1");
	/* before it */
	r = rule(IPPROTO_UDP, 0, 53, HOST(10), 5353);
	assert_blocked(&env, one_port, &r, "yes inet fw pre, rule 1");
	r = tcp(7777, HOST(10), 80);
	assert_blocked(&env, one_port, &r, "yes inet fw m, rule 1");
	/* a client whose answers are dropped */
	r = tcp(8080, HOST(50), 8080);
	assert_blocked(&env, one_port, &r, "yes inet fw f, rule 3");
}

static void test_blocked_remote(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = rule(IPPROTO_TCP, PEER, 8080, HOST(10), 8080);

	assert_blocked(&env, one_port, &r, "no");
	r = rule(IPPROTO_TCP, 0xcb007109, 8080, HOST(10), 8080);
	assert_blocked(&env, one_port, &r, "yes inet fw f, rule 1");
}

static const char source_ports[] =
	"table native inet fw\n"
	"chain nat prerouting -100 nat\n"
	"dport=8080 sport=5060 dnat\n"
	"chain f forward 0 drop\n"
	"sport=1-1023 drop\n";

static enum walk_hold forwards(const struct natfw_env *env, const char *text,
			       const struct nat_rule *r)
{
	struct ruleset *rs = ruletest_new(text);
	enum walk_hold ret;
	struct walk_packet p;
	struct walk_rule at;

	place_incoming(env, r, &p);
	ret = walk_forwarded(rs, &p, &at);
	ruleset_free(rs);
	return ret;
}

/* A rule about other source ports does not concern the mapping. */
static void test_blocked_remote_port(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = rule(IPPROTO_UDP, PEER, 8080, HOST(10), 8080);

	assert_blocked(&env, source_ports, &r, "depends inet fw f, rule 1");
	r.remote_port = 1023;
	assert_blocked(&env, source_ports, &r, "yes inet fw f, rule 1");
	r.remote_port = 1024;
	assert_blocked(&env, source_ports, &r, "no");
	assert_int_equal(forwards(&env, source_ports, &r), WALK_NO);
	r.remote_port = 5060;
	assert_int_equal(forwards(&env, source_ports, &r), WALK_YES);
	r.remote_port = 0;
	assert_int_equal(forwards(&env, source_ports, &r), WALK_DEPENDS);
}

/* The accept is where no rule of ours can be. */
static void test_blocked_lost(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = tcp(8080, HOST(10), 8080);

	assert_blocked(&env, "table native inet theirs owner=4194305\n"
		       "chain f forward 0 drop\n", &r,
		       "yes inet theirs f, policy");
	assert_blocked(&env, "table native inet fw\n"
		       "chain f forward -150 drop\n", &r,
		       "yes inet fw f, policy");
	assert_blocked(&env, "table native inet fw\n"
		       "chain f forward 0 drop\n", &r, "no");
	/* with an accept for another protocol */
	assert_blocked(&env, "table native inet fw\n"
		       "chain f forward 0\n"
		       "proto=udp drop\n"
		       "dport=8080 drop\n", &r, "yes inet fw f, rule 2");
	/* with an accept for another interface */
	env = router(2);
	r.client = addr_ip4(HOST(10) + 256);
	assert_blocked(&env, "table native inet fw\n"
		       "chain f forward 0\n"
		       "oif=lan drop\n"
		       "dport=8080 drop\n", &r, "yes inet fw f, rule 2");
}

/* ---- IPv6 -------------------------------------------------------------- */

/* A router with one network of both families, and with @n networks. */
static struct natfw_env router6(size_t n)
{
	struct natfw_env env = router(n);

	env.ipv6 = true;
	env.net[n] = env.net[0];
	env.net[n].net = (struct addr_net){ pinhole(1, 1).client, 64 };
	env.net_n = n + 1;
	return env;
}

#define FW4 \
	"table native inet fw4\n" \
	"chain forward forward 0 drop\n" \
	"state=established accept\n" \
	"iif=lan jump=from_lan\n" \
	"iif=wan jump=from_wan\n" \
	"jump=reject\n" \
	"chain from_lan\n" \
	"accept\n" \
	"chain from_wan\n" \
	"proto=icmp accept\n" \
	"status=dnat accept\n" \
	"jump=reject\n" \
	"chain reject\n" \
	"drop\n"

static void test_pinholes_have_places_of_their_own(void **state)
{
	struct natfw_env env = router6(1);

	/* one table for both families */
	assert_places_in(&env, "table native inet filter\n"
			 "chain forward forward 0 drop\n"
			 "state=established accept\n",
			 "forward:end to; forward:end ip6 to");
	/* what was translated passes */
	assert_places_in(&env, FW4, "forward:3 ip6 to");
	assert_places_in(&env, "table native ip6 filter\n"
			 "chain forward forward 0 drop\n",
			 "forward:end ip6 to from");
	assert_places_in(&env, "table native ip filter\n"
			 "chain forward forward 0 drop\n"
			 "state=established accept\n", "forward:end to");
	assert_places_in(&env, "table native ip6 filter\n"
			 "chain forward forward 0\n"
			 "proto=tcp iif=wan drop\n", "forward:1 ip6 tcp to");
	env.ipv6 = false;
	assert_places_in(&env, FW4, "");
}

/* Not in chains that hold other packets, nor between internal networks. */
static void test_no_places_of_pinholes(void **state)
{
	struct natfw_env env = router6(2);

	env.hairpin = true;
	assert_places_in(&env, "table native ip6 filter\n"
			 "chain forward forward 0 drop\n"
			 "iif=wan accept\n"
			 "iif=lan oif=wan accept\n", "");
	assert_places_in(&env, "table native ip6 filter\n"
			 "chain forward forward 0\n"
			 "nfproto=ip drop\n", "");
}

static void test_configured_chain_for_pinholes(void **state)
{
	struct natfw_env env = router6(1);

	str_copy(env.nft_table, sizeof(env.nft_table), STR("inet fw4"));
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("from_wan"));
	assert_places_in(&env, FW4, "from_wan:3 ip6 to from");
	/* a chain of family ip sees none of their packets */
	str_copy(env.nft_table, sizeof(env.nft_table), STR("ip fw"));
	str_copy(env.nft_chain, sizeof(env.nft_chain), STR("f"));
	assert_places_in(&env, "table native ip fw\n"
			 "chain f forward 0 drop\n"
			 "state=established accept\n", "f:end to");
}

static void test_blocked_pinhole(void **state)
{
	struct natfw_env env = router6(1);
	struct nat_rule r = pinhole(7, 8080);
	const char *fw = "table native ip6 fw\n"
		"chain dnat prerouting -100 nat\n"
		"dport=99 dnat\n"
		"chain f forward 0 drop\n"
		"saddr6=2001:db8:9::9 drop\n"
		"dport=25 drop\n"
		"sport=1-1023 drop\n"
		"state=established accept\n";

	assert_blocked(&env, fw, &r, "depends ip6 fw f, rule 1");
	r.int_port = 25;
	assert_blocked(&env, fw, &r, "yes ip6 fw f, rule 2");
	/* any port, and so others as well */
	r.int_port = 0;
	assert_blocked(&env, fw, &r, "depends ip6 fw f, rule 1");
	r.int_port = 8080;
	r.remote_port = 53;
	assert_blocked(&env, fw, &r, "yes ip6 fw f, rule 3");
	/* where no accept of ours can be */
	r = pinhole(7, 8080);
	assert_blocked(&env, "table native ip6 fw\n"
		       "chain f forward -150 drop\n", &r,
		       "yes ip6 fw f, policy");
	assert_blocked(&env, "table native ip filter\n"
		       "chain forward forward 0 drop\n", &r, "no");
}

/* The accept of mapped ports lets no packet of a pinhole in. */
static void test_a_place_serves_its_family_only(void **state)
{
	struct natfw_env env = router6(1);
	struct nat_rule r = pinhole(7, 8080);
	const char *fw = "table native inet fw\n"
		"chain f forward 0\n"
		"nfproto=ip drop\n"
		"dport=8080 drop\n";

	assert_places_in(&env, fw, "f:1 to from");
	assert_blocked(&env, fw, &r, "yes inet fw f, rule 2");
	r = tcp(8080, HOST(10), 8080);
	assert_blocked(&env, fw, &r, "no");
}

static void test_incoming_to_a_pinhole(void **state)
{
	struct natfw_env env = router6(1);
	struct nat_rule r = pinhole(7, 8080);
	struct walk_packet p;

	r.remote_port = 99;
	place_incoming(&env, &r, &p);
	assert_int_equal(p.family, ADDR_IP6);
	assert_int_equal(p.dport, 8080);
	assert_int_equal(p.sport, 99);
	assert_true(addr_equal(p.dst.addr, r.client));
	assert_int_equal(p.dst.bits, 128);
	assert_int_equal(p.src.addr.family, ADDR_IP6);
	assert_false(p.to_router);
}

static void test_incoming(void **state)
{
	struct natfw_env env = router(1);
	struct nat_rule r = tcp(80, HOST(10), 8080);
	struct walk_packet p;

	place_incoming(&env, &r, &p);
	assert_string_equal(p.iif, "wan");
	assert_string_equal(p.oif, "");
	assert_int_equal(p.iif_index, 2);
	assert_int_equal(p.dport, 80);
	assert_int_equal(p.sport, 0);
	assert_int_equal(p.src.bits, 0);
	assert_true(addr_equal(p.dst.addr, addr_ip4(EXT)));
	assert_int_equal(p.dst.bits, 32);
	assert_true(p.to_router);
	r.remote = addr_ip4(PEER);
	r.remote_port = 99;
	place_incoming(&env, &r, &p);
	assert_int_equal(p.sport, 99);
	assert_int_equal(p.src.bits, 32);
	assert_true(addr_equal(p.src.addr, addr_ip4(PEER)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_no_network),
		cmocka_unit_test(test_blocklist),
		cmocka_unit_test(test_ufw),
		cmocka_unit_test(test_fw4),
		cmocka_unit_test(test_fw3),
		cmocka_unit_test(test_firewalld),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_tailscale),
		cmocka_unit_test(test_shorewall),
		cmocka_unit_test(test_many_chains),
		cmocka_unit_test(test_mangle),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_ip6tables),
		cmocka_unit_test(test_each_family_has_its_loss),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_shared_chain),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_hairpin),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_lost_and_found),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_blocked_remote),
		cmocka_unit_test(test_blocked_remote_port),
		cmocka_unit_test(test_blocked_lost),
		cmocka_unit_test(test_incoming),
		cmocka_unit_test(test_pinholes_have_places_of_their_own),
		cmocka_unit_test(test_no_places_of_pinholes),
		cmocka_unit_test(test_configured_chain_for_pinholes),
		cmocka_unit_test(test_blocked_pinhole),
		cmocka_unit_test(test_a_place_serves_its_family_only),
		cmocka_unit_test(test_incoming_to_a_pinhole),
	};

	/* an emulator has a name of its own */
	prctl(PR_SET_NAME, "test_place");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
