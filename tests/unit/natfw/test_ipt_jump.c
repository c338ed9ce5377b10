/* SPDX-License-Identifier: ISC */
/*
 * test_ipt_jump.c - the jumps to our filter chain are at the places, whatever
 * jumps an earlier run left, and verify finds one that is elsewhere. The jump
 * in nat is the last of PREROUTING.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/fakeipt.h"
#include <linux/netfilter.h>
#include "natfw/ipt_jump.h"

static void admin(const char *lines)
{
	assert_int_equal(fake_restore(lines), 0);
}

/* Both comparisons find no difference, and another sync writes nothing. */
static void assert_placed(void)
{
	assert_int_equal(verify_it(), 0);
	assert_true(it.w->be->placed(&it.fw, it.w));
	ipt.restores = 0;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(ipt.restores, 0);
}

static void assert_moved(void)
{
	assert_int_equal(verify_it(), 1);
	assert_false(it.w->be->placed(&it.fw, it.w));
	assert_int_equal(sync_it(), 0);
	assert_placed();
}

static const char ufw[] =
	"*filter\n"
	":before - [0:0]\n:user - [0:0]\n:reject - [0:0]\n"
	"-A FORWARD -s 198.51.100.66/32 -j DROP\n"
	"-A FORWARD -j before\n"
	"-A FORWARD -j user\n"
	"-A FORWARD -j reject\n"
	"-A before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"-A before -j DROP\n";

/* ---- filter -------------------------------------------------------- */

static void test_jump_goes_before_its_rule(void **state)
{
	static const struct want_place p[] = {
		{ "before", "-j DROP", true, true },
		{ "FORWARD", "-j reject", true, true },
	};

	begin(&natfw_iptables_nft, ufw);
	set_places(p, COUNT(p));
	assert_int_equal(sync_it(), 0);
	assert_string_equal(lines_of(IPT_FILTER, "FORWARD"),
			    "-s 198.51.100.66/32 -j DROP\n-j before\n"
			    "-j user\n-j UPNPD\n-j reject\n");
	assert_string_equal(lines_of(IPT_FILTER, "before"),
			    "-m conntrack --ctstate RELATED,ESTABLISHED"
			    " -j ACCEPT\n-j UPNPD\n-j DROP\n");
	assert_placed();
	/* the rules before and behind it change */
	admin("*filter\n-I FORWARD -s 198.51.100.67/32 -j DROP\n"
	      "-A FORWARD -j DROP\n");
	assert_placed();
	admin("*filter\n-I FORWARD 5 -s 198.51.100.68/32 -j DROP\n"
	      "-D FORWARD -s 198.51.100.66/32 -j DROP\n");
	assert_placed();
	/* one line, which is two rules of the model */
	admin("*filter\n-I FORWARD -p tcp -m multiport --ports 1,2 -j DROP\n");
	assert_placed();
	admin("*filter\n-D FORWARD -p tcp -m multiport --ports 1,2 -j DROP\n");
	admin("*filter\n-I FORWARD 6 -s 198.51.100.69/32 -j DROP\n");
	assert_moved();
	assert_non_null(strstr(lines_of(IPT_FILTER, "FORWARD"),
			       "-s 198.51.100.69/32 -j DROP\n-j UPNPD\n"
			       "-j reject\n"));
	end();
}

static void test_jump_follows_its_place(void **state)
{
	static const struct want_place first = { "FORWARD", "-j user", true,
						 true },
		last = { "FORWARD", NULL, true, true },
		deep = { "user", NULL, true, true };

	begin(&natfw_iptables_nft, ufw);
	set_places(&first, 1);
	assert_int_equal(sync_it(), 0);
	set_places(&last, 1);
	assert_moved();
	assert_non_null(strstr(lines_of(IPT_FILTER, "FORWARD"),
			       "-j reject\n-j UPNPD\n"));
	set_places(&deep, 1);
	assert_moved();
	assert_null(strstr(lines_of(IPT_FILTER, "FORWARD"), "UPNPD"));
	assert_string_equal(lines_of(IPT_FILTER, "user"), "-j UPNPD\n");
	end();
}

static void test_jump_has_the_conditions_of_its_place(void **state)
{
	static const struct {
		struct want_place p;
		const char *lines;
	} t[] = {
		{ { "FORWARD", "-j user", true, true, 0, NULL },
		  "-j UPNPD\n-j user\n" },
		/* without an interface, the direction cannot be said */
		{ { "FORWARD", "-j user", true, false, 0, NULL },
		  "-j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", false, true, IPPROTO_UDP, NULL },
		  "-p udp -j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", true, false, 0, "lan0" },
		  "-o lan0 -j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", false, true, IPPROTO_TCP, "lan0" },
		  "-i lan0 -p tcp -j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", true, false, IPPROTO_TCP, "lan0",
		    true }, "! -i wan0 -o lan0 -p tcp -j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", true, false, 0, NULL, true },
		  "! -i wan0 -j UPNPD\n-j user\n" },
		{ { "FORWARD", "-j user", true, true, IPPROTO_TCP,
		    "fifteen-letters" },
		  "-i fifteen-letters -p tcp -j UPNPD\n"
		  "-o fifteen-letters -p tcp -j UPNPD\n-j user\n" },
	};

	begin(&natfw_iptables_nft, ufw);
	it.w->translates = false;
	for (size_t i = 0; i < COUNT(t); i++) {
		set_places(&t[i].p, 1);
		assert_int_equal(sync_it(), 0);
		assert_non_null(strstr(lines_of(IPT_FILTER, "FORWARD"),
				       t[i].lines));
		assert_placed();
	}
	/* somebody changed it */
	strcpy(chain(IPT_FILTER, "FORWARD")->line[2],
	       "-i lan0 -p tcp -j UPNPD");
	assert_moved();
	end();
}

static void test_several_jumps_in_one_chain(void **state)
{
	static const struct want_place p[] = {
		{ "FORWARD", "-j before", true, false, 0, "lan0" },
		{ "FORWARD", "-j user", true, false, 0, "lan1" },
		{ "FORWARD", "-j user", true, false, 0, "lan2" },
		{ "FORWARD", NULL, true, false, 0, "lan3" },
		{ "FORWARD", "-j reject", true, false, 0, "lan4" },
		{ "user", NULL, true, false, 0, "lan0" },
		{ "FORWARD", NULL, true, false, 0, "lan5" },
	};

	for (int old = 0; old < 2; old++) {
		begin(&natfw_iptables_legacy, ufw);
		if (old)
			admin("*filter\n:UPNPD - [0:0]\n"
			      "-I FORWARD -j UPNPD\n-A FORWARD -j UPNPD\n"
			      "-I FORWARD 4 -o lan1 -j UPNPD\n"
			      "-A before -j UPNPD\n-A INPUT -j UPNPD\n");
		set_places(p, COUNT(p));
		assert_int_equal(sync_it(), 0);
		assert_string_equal(lines_of(IPT_FILTER, "FORWARD"),
				    "-s 198.51.100.66/32 -j DROP\n"
				    "-o lan0 -j UPNPD\n-j before\n"
				    "-o lan2 -j UPNPD\n-o lan1 -j UPNPD\n"
				    "-j user\n-o lan4 -j UPNPD\n-j reject\n"
				    "-o lan3 -j UPNPD\n-o lan5 -j UPNPD\n");
		assert_string_equal(lines_of(IPT_FILTER, "INPUT"), "");
		assert_placed();
		end();
	}
}

/* A chain with other rules than those of iptables: only table filter. */
static void test_places_of_others_are_left_out(void **state)
{
	static const struct want_place p = { "FORWARD", NULL, true, true };
	static const struct {
		const char *name;
		bool ok;
	} t[] = {
		{ "FORWARD", true }, { "ufw-before-forward", true },
		{ "a.b:c_d+e@f/g", true }, { "-x", false }, { "!x", false },
		{ "", false }, { "a b", false }, { "a\"b", false },
		{ "a'b", false }, { "a\\b", false }, { "a\nb", false },
		{ "a#b", false }, { "a\x7f", false }, { "a\xc3\xa4", false },
		{ "0123456789012345678901234567890", true },
		{ "01234567890123456789012345678901", false },
	};
	struct ruleset *rs;
	struct place at = { .before = RULESET_NONE };
	uint32_t table;

	begin(&natfw_iptables_nft, ufw);
	set_places(&p, 1);
	look();
	rs = it.fw.rules;
	table = ruleset_add_table(rs, RULESET_IPT_NFT, NFPROTO_IPV4,
				  STR("filter"));
	for (size_t i = 0; i < COUNT(t); i++) {
		at.chain = ruleset_add_chain(rs, table, str_z(t[i].name));
		assert_int_equal(ipt_jump_writable(rs, &at), t[i].ok);
	}
	/* a base chain that nft added: the tool leaves it out */
	at.chain = ruleset_add_chain(rs, table, STR("mine"));
	rs->chain[at.chain].hook = NF_INET_FORWARD;
	assert_false(ipt_jump_writable(rs, &at));
	at.chain = ruleset_add_chain(rs, table, STR("FORWARD"));
	rs->chain[at.chain].hook = NF_INET_FORWARD;
	assert_true(ipt_jump_writable(rs, &at));
	table = ruleset_add_table(rs, RULESET_IPT_NFT, NFPROTO_IPV4,
				  STR("mangle"));
	at.chain = ruleset_add_chain(rs, table, STR("FORWARD"));
	assert_false(ipt_jump_writable(rs, &at));
	/* a chain of the other variant, and of another family */
	for (int other = 0; other < 2; other++) {
		table = ruleset_add_table(rs, other ? RULESET_IPT_NFT :
					  RULESET_IPT_LEGACY,
					  other ? NFPROTO_IPV6 : NFPROTO_IPV4,
					  STR("filter"));
		it.places.n = 1;
		it.places.at[0] = (struct place){
			.chain = ruleset_add_chain(rs, table, STR("FORWARD")),
			.before = RULESET_NONE, .to = true, .from = true,
		};
		assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), 0);
		assert_string_equal(lines_of(IPT_FILTER, "FORWARD"),
				    "-s 198.51.100.66/32 -j DROP\n-j before\n"
				    "-j user\n-j reject\n");
	}
	end();
}

/* ---- races --------------------------------------------------------- */

static void drop_chain(void)
{
	admin("*filter\n:before - [0:0]\n-D FORWARD -j before\n-X before\n");
}

/* The chain of a place, or its rule, vanishes after the model was read. */
static void test_vanished_places_are_stale(void **state)
{
	static const struct want_place p = { "before", "-j DROP", true, true };
	struct fake_table before;

	begin(&natfw_iptables_nft, ufw);
	set_places(&p, 1);
	look();
	find_places();
	before = ipt.table[IPT_FILTER];
	drop_chain();
	assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), -ESTALE);
	assert_int_equal(it.w->be->verify(&it.fw, it.w, NULL, 0), 1);
	ipt.table[IPT_FILTER] = before;
	admin("*filter\n-D before -j DROP\n");
	assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), -ESTALE);
	assert_int_equal(ipt.restores, 0);
	ipt.table[IPT_FILTER] = before;
	it.places.at[0].before = RULESET_NONE;
	drop_chain();
	assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), -ESTALE);
	ipt.table[IPT_FILTER] = before;
	find_places();
	/* after the listing: the tool refuses */
	ipt.between = drop_chain;
	assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), -ESTALE);
	assert_string_equal(it.fw.why, "nft-restore: refused");
	assert_int_equal(ipt.restores, 1);
	assert_null(chain(IPT_FILTER, "UPNPD"));
	end();
}

/* An old jump in a chain that vanishes. */
static void test_vanished_old_jump_fails_once(void **state)
{
	static const struct want_place p = { "FORWARD", NULL, true, true };

	begin(&natfw_iptables_nft, ufw);
	admin("*filter\n:UPNPD - [0:0]\n-A before -j UPNPD\n");
	set_places(&p, 1);
	ipt.between = drop_chain;
	assert_int_equal(sync_it(), -EIO);
	assert_int_equal(sync_it(), 0);
	assert_placed();
	end();
}

/* ---- nat ----------------------------------------------------------- */

static void test_nat_jump_stays_last(void **state)
{
	static const struct want_place p = { "FORWARD", NULL, true, true };

	begin(&natfw_iptables_nft,
	      "*nat\n-A PREROUTING -i lan0 -j RETURN\n"
	      "-A POSTROUTING -o wan0 -j MASQUERADE\n");
	set_places(&p, 1);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(lines_of(IPT_NAT, "PREROUTING"),
			    "-i lan0 -j RETURN\n-j UPNPD\n");
	assert_string_equal(lines_of(IPT_NAT, "POSTROUTING"),
			    "-j UPNPD-POST\n-o wan0 -j MASQUERADE\n");
	assert_placed();
	admin("*nat\n-I PREROUTING -i wan1 -j RETURN\n");
	assert_placed();
	admin("*nat\n-A PREROUTING -i wan0 -p tcp -m tcp --dport 80 -j DNAT"
	      " --to-destination 192.168.88.10:80\n");
	assert_moved();
	assert_non_null(strstr(lines_of(IPT_NAT, "PREROUTING"),
			       "192.168.88.10:80\n-j UPNPD\n"));
	/* an administrator's rule before ours in POSTROUTING stays there */
	admin("*nat\n-I POSTROUTING -o wan0 -d 10.0.0.0/8 -j ACCEPT\n");
	assert_placed();
	end();
}

static void test_placed_without_a_model(void **state)
{
	static const struct want_place p = { "FORWARD", NULL, true, true };

	begin(&natfw_iptables_nft, NULL);
	set_places(&p, 1);
	look();
	find_places();
	assert_false(it.w->be->placed(&it.fw, it.w));
	ruleset_free(it.fw.rules);
	it.fw.rules = NULL;
	assert_true(it.w->be->placed(&it.fw, it.w));
	it.fw.places = NULL;
	assert_int_equal(it.w->be->sync(&it.fw, it.w, NULL, 0), 0);
	assert_string_equal(lines_of(IPT_FILTER, "FORWARD"), "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jump_goes_before_its_rule),
		cmocka_unit_test(test_jump_follows_its_place),
		cmocka_unit_test(test_jump_has_the_conditions_of_its_place),
		cmocka_unit_test(test_several_jumps_in_one_chain),
		cmocka_unit_test(test_places_of_others_are_left_out),
		cmocka_unit_test(test_vanished_places_are_stale),
		cmocka_unit_test(test_vanished_old_jump_fails_once),
		cmocka_unit_test(test_nat_jump_stays_last),
		cmocka_unit_test(test_placed_without_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
