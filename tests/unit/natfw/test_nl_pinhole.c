/* SPDX-License-Identifier: ISC */
/*
 * test_nl_pinhole.c - pinholes with the backend netlink: an exact set for each
 * combination of what is left open, in other people's tables and, with
 * counters, in our own; and the counters survive what does not delete them. The
 * kernel is a model that stores what it is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "natfw/nl_map.h"
#include "natfw/writers.h"
#include "tests/unit/natfwtest.h"
#include "tests/unit/nlmodel.h"
#include "tests/unit/rulemsg.h"

static bool unusable(const struct natfw_env *env)
{
	return false;
}

const struct natfw_backend natfw_iptables_legacy = { .usable = unusable },
	natfw_iptables_nft = { .usable = unusable }, natfw_memory = { 0 };

bool proc_exists(const char *name)
{
	return false;
}

int proc_run(struct proc *p)
{
	fail();
	return -ENOENT;
}

#define FORWARD "inet fw4 forward"
#define OWN "ip6 upnpd"

static int reset(void **state)
{
	memset(&model, 0, sizeof(model));
	return 0;
}

static struct natfw_env env6(void)
{
	const uint8_t net[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct natfw_env env = env_of(EXT);

	env.ipv6 = true;
	env.net[env.net_n++] = (struct netif_addr){
		0, "lan0", { addr_ip6(net), 64 } };
	return env;
}

/* Open, with these rules. */
static void begin(struct natfw *fw, const struct nat_rule *r, size_t n)
{
	struct natfw_env env = env6();

	memset(fw, 0, sizeof(*fw));
	assert_int_equal(natfw_init(fw, 16, 64), 0);
	assert_int_equal(natfw_open(fw, &natfw_netlink, &env), 0);
	assert_int_equal(natfw_sync(fw, r, n), 0);
}

static void end(struct natfw *fw)
{
	natfw_close(fw);
	natfw_done(fw);
}

/* The firewall of the administrator drops what it does not know. */
static void make_fw4(void)
{
	model_chain("inet", "fw4", "forward", 0, NF_DROP);
}

/* The pinhole of this host that leaves open what is 0. */
static struct nat_rule hole(uint8_t host, uint16_t port, uint8_t remote,
			    uint16_t remote_port)
{
	const uint8_t peer[16] = { 0x20, 0x01, 0x0d, 0xb9, [15] = remote };
	struct nat_rule r = pinhole(host, port);

	if (remote)
		r.remote = addr_ip6(peer);
	r.remote_port = remote_port;
	return r;
}

static void has(const char *set, const char *key)
{
	char want[160], is[160];

	snprintf(want, sizeof(want), "%s { %s }\n", set, key);
	for (size_t i = 0; i < model.element_n; i++) {
		struct wr w = wr_init(is, sizeof(is));

		put_element(&w, &model.element[i]);
		if (!strcmp(wr_cstr(&w), want))
			return;
	}
	fail_msg("missing: %s", want);
}

static void has_both(const char *set, const char *key)
{
	char path[80];

	snprintf(path, sizeof(path), "inet fw4 upnpd_pinhole%s", set);
	has(path, key);
	snprintf(path, sizeof(path), OWN " upnpd_pinhole%s", set);
	has(path, key);
}

static void no_pinholes_change_nothing(void **state)
{
	struct natfw fw;

	make_fw4();
	begin(&fw, NULL, 0);
	assert_null(model_object(NFT(NEWTABLE), OWN));
	assert_null(strstr(model.log, "pinhole"));
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 0);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

static void each_combination_has_its_set(void **state)
{
	const struct nat_rule r[] = {
		hole(2, 80, 0, 0), hole(3, 80, 7, 0), hole(4, 80, 7, 99),
		hole(5, 80, 0, 99),
	};
	struct natfw fw;

	make_fw4();
	begin(&fw, r, COUNT(r));
	has_both("_port", "2001:db8::2 . 6 . 80");
	has_both("_port_from", "2001:db8::3 . 6 . 80 . 2001:db9::7");
	has_both("_port_from_sport",
		 "2001:db8::4 . 6 . 80 . 2001:db9::7 . 99");
	has_both("_port_sport", "2001:db8::5 . 6 . 80 . 99");
	assert_int_equal(model.element_n, 8);
	/* to the client and from it */
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 2);
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port_sport"), 2);
	assert_int_equal(model_rules(OWN " forward", "upnpd_pinhole_port"), 1);
	/* only from the external interface */
	assert_int_equal(model_rules(FORWARD, "wan0"), COUNT(r));
	assert_int_equal(model_rules(OWN " forward", "wan0"), COUNT(r));
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(natfw_sync(&fw, r, 1), 0);
	assert_int_equal(model.element_n, 2);
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 2);
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port_sport"), 0);
	assert_null(model_object(NFT(NEWSET), OWN " upnpd_pinhole_port_from"));
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
	assert_int_equal(model.element_n, 0);
	assert_null(model_object(NFT(NEWTABLE), OWN));
	assert_int_equal(model_rules(FORWARD, "upnpd"), 0);
}

/* A batch makes the sets that it needs, and their rules. */
static void batch_makes_its_sets(void **state)
{
	struct natfw fw;

	make_fw4();
	begin(&fw, NULL, 0);
	model.commits = 0;
	assert_int_equal(one(&fw, set(hole(2, 80, 0, 0))), NAT_OK);
	has_both("_port", "2001:db8::2 . 6 . 80");
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 2);
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(one(&fw, set(hole(2, 80, 9, 0))), NAT_OK);
	has_both("_port_from", "2001:db8::2 . 6 . 80 . 2001:db9::9");
	assert_int_equal(model.commits, 2);
	assert_int_equal(model_rules(OWN " forward", "upnpd_pinhole_port"), 1);
	assert_int_equal(model_rules(OWN " forward",
				     "upnpd_pinhole_port_from"), 1);
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(one(&fw, del(hole(2, 80, 0, 0))), NAT_OK);
	assert_int_equal(one(&fw, del(hole(2, 80, 9, 0))), NAT_OK);
	assert_int_equal(model.element_n, 0);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* The firewall was reloaded since its rules were read: its rules have other
 * handles, or none. */
static void reload(void)
{
	for (size_t i = model.object_n; i-- > 0;)
		if (in_table(&model.object[i].h, "inet fw4"))
			model_drop(&model.object[i]);
	model_flush("inet fw4 ");
	make_fw4();
}

static void reload_before_a_new_set_is_repaired(void **state)
{
	struct natfw fw;

	make_fw4();
	begin(&fw, NULL, 0);
	reload();
	assert_int_equal(one(&fw, set(hole(2, 80, 0, 0))), NAT_OK);
	has_both("_port", "2001:db8::2 . 6 . 80");
	reload();
	assert_int_equal(natfw_verify(&fw), 1);
	has_both("_port", "2001:db8::2 . 6 . 80");
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 2);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

static uint64_t packets(struct natfw *fw, struct nat_rule r)
{
	uint64_t n = 0;

	assert_int_equal(natfw_packets(fw, &r, &n), 0);
	return n;
}

/* Give the pinhole's element in our table a counter's value. */
static void count(const char *key, uint64_t n)
{
	char is[160];

	for (size_t i = 0; i < model.element_n; i++) {
		struct wr w = wr_init(is, sizeof(is));

		put_element(&w, &model.element[i]);
		if (strstr(wr_cstr(&w), key) &&
		    !strncmp(model.element[i].set, OWN, 9))
			model.element[i].packets = n;
	}
}

static void counters_survive(void **state)
{
	const struct nat_rule r[] = { hole(2, 80, 0, 0), hole(3, 80, 0, 0) };
	struct natfw_env env = env6();
	struct natfw fw, second;

	make_fw4();
	begin(&fw, r, 2);
	count("db8::2 ", 7);
	count("db8::3 ", 8);
	assert_int_equal(packets(&fw, r[0]), 7);
	reload();
	assert_int_equal(natfw_verify(&fw), 1);
	assert_int_equal(packets(&fw, r[0]), 7);
	assert_int_equal(one(&fw, set(hole(2, 80, 9, 0))), NAT_OK);
	assert_int_equal(packets(&fw, r[0]), 7);
	/* a monitor that was killed, and the next one */
	memset(&second, 0, sizeof(second));
	assert_int_equal(natfw_init(&second, 16, 64), 0);
	assert_int_equal(natfw_open(&second, &natfw_netlink, &env), 0);
	assert_true(second.held);
	assert_int_equal(natfw_sync(&second, &r[1], 1), 0);
	assert_int_equal(packets(&second, r[1]), 8);
	assert_int_equal(model_count(OWN " upnpd_pinhole_port"), 1);
	assert_int_equal(natfw_packets(&second, &r[0], &(uint64_t){ 0 }),
			 -ENOENT);
	assert_int_equal(natfw_verify(&second), 0);
	end(&second);
	natfw_done(&fw);
}

/* Somebody changed our table: it is made again, and counts from 0. */
static void altered_table_is_made_again(void **state)
{
	const struct nat_rule r = hole(2, 80, 0, 0);
	struct natfw fw;

	begin(&fw, &r, 1);
	count("db8::2 ", 7);
	model_drop(model_object(NFT(NEWRULE), OWN " forward"));
	assert_int_equal(natfw_verify(&fw), 1);
	assert_int_equal(model_rules(OWN " forward", "upnpd_pinhole_port"), 1);
	assert_int_equal(packets(&fw, r), 0);
	/* without a forward chain that drops there is no more than this */
	assert_int_equal(model.element_n, 1);
	end(&fw);
}

/* A kernel without tables of IPv6: pinholes work, and are not counted. */
static void refused_table_costs_only_the_counters(void **state)
{
	const struct nat_rule r[] = { hole(2, 80, 0, 0), tcp(80, HOST(2), 80) };
	struct natfw fw;

	make_fw4();
	model.refused = OWN;
	begin(&fw, r, 2);
	has("inet fw4 upnpd_pinhole_port", "2001:db8::2 . 6 . 80");
	assert_int_equal(natfw_packets(&fw, &r[0], &(uint64_t){ 0 }),
			 -EOPNOTSUPP);
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(one(&fw, set(hole(2, 80, 9, 0))), NAT_OK);
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_sync(&fw, NULL, 0);
	assert_int_equal(one(&fw, set(hole(2, 80, 0, 0))), NAT_OK);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* With ipv6 = no there is no pinhole in the kernel. */
static void without_ipv6_there_are_none(void **state)
{
	const struct nat_rule r = hole(2, 80, 0, 0);
	struct natfw_env env = env6();
	struct natfw fw;

	make_fw4();
	begin(&fw, &r, 1);
	env.ipv6 = false;
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_int_equal(model.element_n, 0);
	assert_null(model_object(NFT(NEWTABLE), OWN));
	assert_int_equal(model_rules(FORWARD, "upnpd_pinhole_port"), 0);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset)
	const struct CMUnitTest tests[] = {
		T(no_pinholes_change_nothing),
		T(each_combination_has_its_set),
		T(batch_makes_its_sets),
		T(reload_before_a_new_set_is_repaired),
		T(counters_survive),
		T(altered_table_is_made_again),
		T(refused_table_costs_only_the_counters),
		T(without_ipv6_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
