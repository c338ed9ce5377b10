/* SPDX-License-Identifier: ISC */
/*
 * test_ipt_pinhole.c - pinholes as rules of ip6tables: the lines of a sync and
 * of a batch, differences that verify finds, counters that a sync keeps, and no
 * run of a tool where our chains cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "tests/unit/fakeipt.h"

static const struct want_place places[] = {
	{ "FORWARD", NULL, true, true },
	{ "FORWARD", NULL, true, true, .table = IPT_FILTER6 },
};

static struct nat_rule open_to(uint8_t proto, const char *remote,
			       uint16_t remote_port, uint16_t port)
{
	struct nat_rule r = pinhole(5, port);

	r.proto = proto;
	r.remote_port = remote_port;
	if (remote)
		r.remote = addr_of_text(remote);
	return r;
}

/* A rule of each form. */
static void fill_pinholes(void)
{
	const struct nat_rule r[] = {
		open_to(IPPROTO_TCP, NULL, 0, 80),
		open_to(IPPROTO_UDP, "2001:db8:9::9", 7, 1053),
		open_to(IPPROTO_TCP, "2001:db8:9::9", 0, 0),
		open_to(IPPROTO_SCTP, NULL, 0, 80),
		open_to(IPPROTO_UDPLITE, NULL, 0, 81),
		open_to(IPPROTO_DCCP, "2001:db8:9::9", 8, 82),
	};

	for (size_t i = 0; i < COUNT(r); i++)
		table_set(&it.fw, &r[i]);
}

static void begin_with(const struct natfw_backend *be)
{
	begin(be, NULL);
	set_places(places, COUNT(places));
	fill_table();
	fill_pinholes();
}

static struct fake_chain *chain6(const char *name)
{
	struct fake_chain *c = chain(IPT_FILTER6, name);

	assert_non_null(c);
	return c;
}

/* ---- sync ---------------------------------------------------------- */

static const char sync_lines[] =
	"*filter\n"
	":UPNPD - [0:0]\n"
	":UPNPD-tcp-1 - [0:0]\n"
	":UPNPD-udp-1024 - [0:0]\n"
	":UPNPD-rest - [0:0]\n"
	"-A UPNPD ! -i wan0 -m conntrack --ctdir ORIGINAL -j RETURN\n"
	"-A UPNPD ! -o wan0 -m conntrack --ctdir REPLY -j RETURN\n"
	"-A UPNPD -m conntrack --ctproto 6 --ctorigdstport 1:1023"
	" -j UPNPD-tcp-1\n"
	"-A UPNPD -m conntrack --ctproto 17 --ctorigdstport 1024:2047"
	" -j UPNPD-udp-1024\n"
	"-A UPNPD -j UPNPD-rest\n"
	"-A UPNPD-tcp-1 -m conntrack --ctproto 6 --ctorigdst 2001:db8::5"
	" --ctorigdstport 80 -j ACCEPT\n"
	"-A UPNPD-udp-1024 -m conntrack --ctproto 17 --ctorigsrc"
	" 2001:db8:9::9 --ctorigdst 2001:db8::5 --ctorigsrcport 7"
	" --ctorigdstport 1053 -j ACCEPT\n"
	"-A UPNPD-rest -m conntrack --ctproto 6 --ctorigsrc 2001:db8:9::9"
	" --ctorigdst 2001:db8::5 -j ACCEPT\n"
	"-A UPNPD-rest -m conntrack --ctproto 132 --ctorigdst 2001:db8::5"
	" --ctorigdstport 80 -j ACCEPT\n"
	"-A UPNPD-rest -m conntrack --ctproto 136 --ctorigdst 2001:db8::5"
	" --ctorigdstport 81 -j ACCEPT\n"
	"-A UPNPD-rest -s 2001:db8:9::9/128 -d 2001:db8::5/128 -p dccp -m dccp"
	" --sport 8 --dport 82 -j ACCEPT\n"
	"-A FORWARD -j UPNPD\n"
	"COMMIT\n";

static void test_sync_writes_a_rule_for_each_pinhole(void **state)
{
	/* ip6tables comes last */
	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, sync_lines);
	assert_string_equal(ipt.cmd, "6nft-restore --noflush -w");
	assert_int_equal(ipt.restores, 2);
	assert_int_equal(verify_it(), 0);
	assert_int_equal(sync_it(), 0);
	assert_int_equal(ipt.restores, 2);
	end();
	begin_with(&natfw_iptables_legacy);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, sync_lines);
	assert_string_equal(ipt.cmd, "6legacy-restore --noflush -w");
	assert_int_equal(verify_it(), 0);
	end();
}

/* netlink translates, and only a chain of ip6tables drops. */
static void test_writer_of_ip6tables_alone(void **state)
{
	begin_with(&natfw_iptables_nft);
	it.w->translates = false;
	set_places(&places[1], 1);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, sync_lines);
	assert_int_equal(ipt.restores, 1);
	assert_int_equal(ipt.saves, 1);
	assert_int_equal(verify_it(), 0);
	assert_null(chain(IPT_FILTER, "UPNPD"));
	assert_null(chain(IPT_NAT, "UPNPD"));
	end();
}

static void test_jump_stands_before_the_drop(void **state)
{
	static const struct want_place before = {
		"FORWARD", "-j DROP", true, false, .ifname = "lan0",
		.proto = IPPROTO_SCTP, .table = IPT_FILTER6,
	};

	begin_with(&natfw_iptables_nft);
	assert_int_equal(fake_restore6("*filter\n-A FORWARD -i lan0 -j ACCEPT\n"
				       "-A FORWARD -j DROP\n"), 0);
	set_places(&before, 1);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(lines_of(IPT_FILTER6, "FORWARD"),
			    "-i lan0 -j ACCEPT\n-o lan0 -p sctp -j UPNPD\n"
			    "-j DROP\n");
	look();
	find_places();
	assert_true(it.w->be->placed(&it.fw, it.w));
	/* another place: only the jump is written */
	assert_int_equal(fake_restore6("*filter\n-I FORWARD 1 -o lan1"
				       " -j ACCEPT\n"), 0);
	chain6("UPNPD-tcp-1")->packets[0] = 3;
	assert_int_equal(verify_it(), 0);
	assert_int_equal(fake_restore6("*filter\n-D FORWARD -o lan0 -p sctp"
				       " -j UPNPD\n"), 0);
	look();
	find_places();
	assert_false(it.w->be->placed(&it.fw, it.w));
	assert_int_equal(verify_it(), 1);
	assert_int_equal(sync_it(), 0);
	assert_string_equal(ipt.in, "*filter\n-I FORWARD 3 -o lan0 -p sctp"
			    " -j UPNPD\nCOMMIT\n");
	end();
}

static void test_no_pinholes_without_ipv6(void **state)
{
	begin_with(&natfw_iptables_nft);
	it.fw.env.ipv6 = false;
	assert_int_equal(sync_it(), 0);
	assert_null(chain(IPT_FILTER6, "UPNPD-tcp-1"));
	assert_int_equal(verify_it(), 0);
	end();
}

/* ---- other listings ------------------------------------------------ */

static void change_line(const char *name, size_t i, const char *line)
{
	struct fake_chain *c = chain6(name);

	assert_true(i < c->n);
	assert_true(str_copy(c->line[i], LINE_MAX_N, str_z(line)));
}

static void test_verify_finds_every_changed_rule(void **state)
{
	static const struct {
		const char *chain;
		size_t i;
		const char *line;
		int rc;
	} t[] = {
		{ "UPNPD", 0, "-i lan0 -j RETURN", 1 },
		{ "UPNPD-tcp-1", 0, "-m conntrack --ctproto 6 --ctorigdst"
		  " 2001:db8::6 --ctorigdstport 80 -j ACCEPT", 1 },
		{ "UPNPD-tcp-1", 0, "-m conntrack --ctproto 6 --ctorigdst"
		  " 2001:db8::5 --ctorigdstport 81 -j ACCEPT", 1 },
		{ "UPNPD-tcp-1", 0, "-m conntrack --ctproto 6 --ctorigdst"
		  " 2001:db8::5 --ctorigdstport 80 -j DROP", 1 },
		{ "UPNPD-tcp-1", 0, "-m conntrack --ctproto 6 ! --ctorigdst"
		  " 2001:db8::5 --ctorigdstport 80 -j ACCEPT", 1 },
		{ "UPNPD-rest", 1, "-m conntrack --ctproto 136 --ctorigdst"
		  " 2001:db8::5 --ctorigdstport 80 -j ACCEPT", 1 },
		{ "UPNPD-rest", 3, "-s 2001:db8:9::9/128 -d 2001:db8::5/128"
		  " -p dccp -m dccp --sport 8 -j ACCEPT", 1 },
		{ "FORWARD", 0, "-o lan0 -j UPNPD", 1 },
		/* the same in other words */
		{ "UPNPD-rest", 3, "-s 2001:DB8:9:0::9/128 -d 2001:db8::5"
		  " -p 33 -m dccp --sport 8 --dport 82 -j ACCEPT", 0 },
		{ "UPNPD-tcp-1", 0, "-m conntrack --ctproto 6 --ctorigdst"
		  " 2001:db8::5/128 --ctorigdstport 80 -j ACCEPT", 0 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		begin_with(&natfw_iptables_nft);
		assert_int_equal(sync_it(), 0);
		change_line(t[i].chain, t[i].i, t[i].line);
		assert_int_equal(verify_it(), t[i].rc);
		assert_int_equal(sync_it(), 0);
		assert_int_equal(verify_it(), 0);
		end();
	}
}

/* ---- counters ------------------------------------------------------ */

static uint64_t packets(uint8_t proto, uint16_t port, int rc)
{
	const struct nat_rule key = open_to(proto, NULL, 0, port);
	const struct nat_rule *r = table_find(&it.fw, &key);
	uint64_t n = 77;

	assert_non_null(r);
	assert_int_equal(it.w->be->packets(&it.fw, it.w, r, &n), rc);
	return n;
}

static void test_sync_keeps_counters(void **state)
{
	const struct nat_rule gone = open_to(IPPROTO_TCP, NULL, 0, 80),
			      new = open_to(IPPROTO_TCP, NULL, 0, 81);

	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	chain6("UPNPD-rest")->packets[1] = UINT64_C(9000000000);
	assert_int_equal(packets(IPPROTO_SCTP, 80, 0), 9000000000);
	/* one goes, one comes, one was added by somebody, one is double */
	table_del(&it.fw, &gone);
	table_set(&it.fw, &new);
	assert_int_equal(fake_restore6("*filter\n-I UPNPD-rest 1 -p tcp"
				       " -j ACCEPT\n-I UPNPD-rest 4 -m"
				       " conntrack --ctproto 132 --ctorigdst"
				       " 2001:db8::5 --ctorigdstport 80 -j"
				       " ACCEPT\n"), 0);
	assert_int_equal(verify_it(), 1);
	assert_int_equal(sync_it(), 0);
	assert_non_null(strstr(ipt.in, "-D UPNPD-rest -p tcp -j ACCEPT\n"));
	assert_non_null(strstr(ipt.in, "-D UPNPD-tcp-1 -m conntrack --ctproto 6"
			       " --ctorigdst 2001:db8::5 --ctorigdstport 80"
			       " -j ACCEPT\n"));
	assert_null(strstr(ipt.in, "--ctproto 136"));
	assert_int_equal(verify_it(), 0);
	assert_int_equal(packets(IPPROTO_TCP, 81, 0), 0);
	assert_int_equal(packets(IPPROTO_UDPLITE, 81, 0), 0);
	end();
}

/* More rules than can be deleted one by one: only that leaf is made anew. */
static void test_leaf_full_of_other_rules(void **state)
{
	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	chain6("UPNPD-rest")->packets[1] = 9;
	for (int i = 0; i < IPT_LIST_STALE_MAX + 9; i++)
		assert_int_equal(fake_restore6("*filter\n-A UPNPD-tcp-1"
					       " -p tcp -j ACCEPT\n"), 0);
	assert_int_equal(sync_it(), 0);
	assert_non_null(strstr(ipt.in, ":UPNPD-tcp-1 - [0:0]\n"));
	assert_null(strstr(ipt.in, ":UPNPD-rest - [0:0]\n"));
	assert_int_equal(verify_it(), 0);
	assert_int_equal(packets(IPPROTO_SCTP, 80, 0), 9);
	end();
}

/* A rule that the tool does not find by its text. */
static void test_rule_that_cannot_be_deleted(void **state)
{
	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	change_line("UPNPD-tcp-1", 0, "-p tcp  -j ACCEPT ");
	assert_int_equal(sync_it(), 0);
	assert_int_equal(verify_it(), 0);
	end();
}

static void test_counters_are_read_once_in_a_while(void **state)
{
	const struct nat_op op = del(open_to(IPPROTO_TCP, NULL, 0, 80));
	unsigned runs;

	begin_with(&natfw_iptables_legacy);
	assert_int_equal(sync_it(), 0);
	chain6("UPNPD-tcp-1")->packets[0] = 5;
	assert_int_equal(packets(IPPROTO_TCP, 80, 0), 5);
	runs = ipt.runs;
	chain6("UPNPD-rest")->packets[1] = 6;
	assert_int_equal(packets(IPPROTO_SCTP, 80, 0), 0);
	assert_int_equal(ipt.runs, runs);
	/* the table has changed, so the notes are of no use */
	assert_int_equal(apply_it(&op, 1), 0);
	assert_int_equal(packets(IPPROTO_SCTP, 80, 0), 6);
	/* somebody deleted the rules: a repair is due */
	chain6("UPNPD-rest")->n = 0;
	packets(IPPROTO_SCTP, 80, 0);
	((struct ipt_seen *)it.w->own)->read_ms = 0;
	packets(IPPROTO_SCTP, 80, -EAGAIN);
	ipt.refuse = 1;
	((struct ipt_seen *)it.w->own)->read_ms = 0;
	packets(IPPROTO_SCTP, 80, -EIO);
	ipt.refuse = 0;
	/* no chain drops: nothing counts */
	set_places(places, 1);
	assert_int_equal(sync_it(), 0);
	packets(IPPROTO_SCTP, 80, -EOPNOTSUPP);
	end();
}

/* ---- a batch ------------------------------------------------------- */

static void test_batch_writes_only_its_changes(void **state)
{
	const struct nat_op ops[] = {
		del(open_to(IPPROTO_TCP, NULL, 0, 80)),
		set(open_to(IPPROTO_SCTP, NULL, 0, 90)),
		set(open_to(IPPROTO_UDP, NULL, 0, 4096)),
	};
	const struct nat_op both[] = { set(tcp(90, HOST(2), 90)), ops[0] };

	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	ipt.restores = 0;
	assert_int_equal(apply_it(ops, COUNT(ops)), 0);
	assert_string_equal(ipt.in,
		"*filter\n"
		"-N UPNPD-udp-4096\n"
		"-A UPNPD -m conntrack --ctproto 17 --ctorigdstport 4096:5119"
		" -j UPNPD-udp-4096\n"
		"-D UPNPD-tcp-1 -m conntrack --ctproto 6 --ctorigdst"
		" 2001:db8::5 --ctorigdstport 80 -j ACCEPT\n"
		"-A UPNPD-rest -m conntrack --ctproto 132 --ctorigdst"
		" 2001:db8::5 --ctorigdstport 90 -j ACCEPT\n"
		"-A UPNPD-udp-4096 -m conntrack --ctproto 17 --ctorigdst"
		" 2001:db8::5 --ctorigdstport 4096 -j ACCEPT\n"
		"-D UPNPD -m conntrack --ctproto 6 --ctorigdstport 1:1023"
		" -j UPNPD-tcp-1\n"
		"-X UPNPD-tcp-1\n"
		"COMMIT\n");
	/* no rule of IPv4 */
	assert_int_equal(ipt.restores, 1);
	assert_int_equal(verify_it(), 0);
	table_set(&it.fw, &ops[0].rule);
	assert_int_equal(sync_it(), 0);
	ipt.restores = 0;
	assert_int_equal(apply_it(both, 1), 0);
	assert_int_equal(ipt.restores, 1);
	assert_int_equal(apply_it(both, 2), 0);
	assert_int_equal(ipt.restores, 3);
	assert_int_equal(verify_it(), 0);
	end();
}

/* The other family has no part in it. */
static void test_change_is_one_run(void **state)
{
	const struct nat_op ops[] = {
		set(pinhole(7, 9000)), set(pinhole(7, 9001)),
		del(pinhole(7, 9000)), del(pinhole(7, 9001)),
	};

	begin_with(&natfw_iptables_legacy);
	assert_int_equal(sync_it(), 0);
	for (size_t i = 0; i < COUNT(ops); i++) {
		ipt.runs = ipt.saves = 0;
		assert_int_equal(apply_it(&ops[i], 1), 0);
		assert_int_equal(ipt.runs, 1);
		assert_int_equal(ipt.saves, 0);
		assert_int_equal(commits(), 1);
	}
	assert_int_equal(verify_it(), 0);
	end();
}

/* Where no chain of ip6tables drops, a batch of pinholes runs no tool. */
static void test_batch_without_a_place(void **state)
{
	const struct nat_op op = set(open_to(IPPROTO_SCTP, NULL, 0, 90));

	begin_with(&natfw_iptables_nft);
	set_places(places, 1);
	assert_int_equal(sync_it(), 0);
	ipt.runs = 0;
	assert_int_equal(apply_it(&op, 1), 0);
	assert_int_equal(ipt.runs, 0);
	assert_int_equal(verify_it(), 0);
	assert_null(chain(IPT_FILTER6, "UPNPD"));
	end();
}

static void test_batch_alone_is_known(void **state)
{
	const struct nat_op ops[] = {
		set(open_to(IPPROTO_UDP, NULL, 0, 4096)),
		del(open_to(IPPROTO_TCP, NULL, 0, 80)),
		set(tcp(90, HOST(2), 90)),
	};

	begin_with(&natfw_iptables_legacy);
	it.fw.legacy_buf = ipt.in;
	assert_int_equal(sync_it(), 0);
	it.fw.legacy = ipt_print_all(backend_has_ip6(&it.fw.env), NULL, 0);
	assert_int_equal(apply_it(ops, COUNT(ops)), 0);
	assert_true(it.fw.legacy.known);
	it.fw.legacy_buf = NULL;
	end();
}

/* ---- where no tool is run ------------------------------------------- */

static void test_mappings_work_without_ip6tables(void **state)
{
	begin_with(&natfw_iptables_legacy);
	ipt.missing6 = true;
	assert_int_equal(sync_it(), 0);
	assert_int_equal(verify_it(), 0);
	assert_non_null(chain(IPT_FILTER, "UPNPD"));
	assert_null(chain(IPT_FILTER6, "UPNPD"));
	it.w->be->close(&it.fw, it.w);
	assert_false(anything_left());
	end();
}

static void test_tool_is_run_only_where_chains_can_be(void **state)
{
	begin_with(&natfw_iptables_legacy);
	/* a program would load the module */
	ipt.absent[IPT_FILTER6] = true;
	set_places(places, 1);
	assert_int_equal(sync_it(), 0);
	assert_int_equal(verify_it(), 0);
	it.w->be->close(&it.fw, it.w);
	assert_false(anything_left());
	end();
	/* the variant of nf_tables: there is no sign of our chains */
	begin_with(&natfw_iptables_nft);
	set_places(places, 1);
	assert_int_equal(sync_it(), 0);
	ipt.refuse = 1;
	ipt.saves = 0;
	it.w->be->close(&it.fw, it.w);
	assert_int_equal(ipt.saves, 2);
	ipt.refuse = 0;
	end();
}

/* ---- what is left --------------------------------------------------- */

static void test_close_and_sweep_leave_nothing(void **state)
{
	static const struct natfw_backend *const be[] = {
		&natfw_iptables_nft, &natfw_iptables_legacy,
	};

	for (size_t i = 0; i < 2; i++) {
		begin_with(be[i]);
		assert_int_equal(sync_it(), 0);
		it.w->be->close(&it.fw, it.w);
		assert_false(anything_left());
		end();
		/* of an earlier run, in ip6tables alone */
		begin(be[i], NULL);
		assert_int_equal(fake_restore6("*filter\n:UPNPD - [0:0]\n"
			":UPNPD-rest - [0:0]\n-A UPNPD -j UPNPD-rest\n"
			"-A FORWARD -j UPNPD\n"), 0);
		look();
		assert_true(it.fw.rules->leftover6[be[i]->kind]);
		assert_false(it.fw.rules->leftover[be[i]->kind]);
		be[i]->sweep(&it.fw);
		assert_false(anything_left());
		assert_int_equal(ipt.restores, 1);
		end();
	}
}

/* The place is gone, so are the chains. */
static void test_chains_go_with_their_place(void **state)
{
	begin_with(&natfw_iptables_nft);
	assert_int_equal(sync_it(), 0);
	set_places(places, 1);
	assert_int_equal(verify_it(), 1);
	assert_int_equal(sync_it(), 0);
	assert_null(chain(IPT_FILTER6, "UPNPD"));
	assert_non_null(chain(IPT_FILTER, "UPNPD"));
	assert_int_equal(verify_it(), 0);
	end();
}

/* ---- one rule ------------------------------------------------------ */

static void test_each_rule_can_be_read(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP,
		IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_DCCP };
	char buf[256];
	struct wr w;

	for (unsigned i = 0; i < COUNT(protos) * 8; i++) {
		const struct nat_rule r = open_to(protos[i / 8],
			i & 1 ? "64:ff9b::102:304" : NULL, i & 2 ? 9 : 0,
			i & 4 ? 65535 : 0);
		struct nat_rule is;

		w = wr_init(buf, sizeof(buf));
		wr_z(&w, "UPNPD-rest");
		ipt_rule_specs[IPT_ACCEPT6].put(&w, &it.fw.env, &r);
		assert_true(ipt_rule_read6(str_trim(wr_done(&w)), &is));
		assert_memory_equal(&is, &r, sizeof(r));
	}
}

static void test_other_rules_are_refused(void **state)
{
	static const char *const t[] = {
		"", "UPNPD-rest", "UPNPD-rest -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 1 --ctorigdst 2001:db8::5"
		" -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 256 --ctorigdst"
		" 2001:db8::5 -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 192.0.2.1"
		" -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst"
		" 2001:db8::5/64 -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 2001:db8::5"
		" --ctorigdstport 80:81 -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 2001:db8::5"
		" --ctorigdstport 65536 -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 2001:db8::5"
		" -m rpfilter -j ACCEPT",
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 2001:db8::5"
		" -j",
		/* it only counts */
		"UPNPD-rest -m conntrack --ctproto 6 --ctorigdst 2001:db8::5",
	};
	struct nat_rule r;

	for (size_t i = 0; i < COUNT(t); i++)
		if (ipt_rule_read6(str_z(t[i]), &r))
			fail_msg("%s", t[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_writes_a_rule_for_each_pinhole),
		cmocka_unit_test(test_writer_of_ip6tables_alone),
		cmocka_unit_test(test_jump_stands_before_the_drop),
		cmocka_unit_test(test_no_pinholes_without_ipv6),
		cmocka_unit_test(test_verify_finds_every_changed_rule),
		cmocka_unit_test(test_sync_keeps_counters),
		cmocka_unit_test(test_leaf_full_of_other_rules),
		cmocka_unit_test(test_rule_that_cannot_be_deleted),
		cmocka_unit_test(test_counters_are_read_once_in_a_while),
		cmocka_unit_test(test_batch_writes_only_its_changes),
		cmocka_unit_test(test_change_is_one_run),
		cmocka_unit_test(test_batch_without_a_place),
		cmocka_unit_test(test_batch_alone_is_known),
		cmocka_unit_test(test_mappings_work_without_ip6tables),
		cmocka_unit_test(test_tool_is_run_only_where_chains_can_be),
		cmocka_unit_test(test_close_and_sweep_leave_nothing),
		cmocka_unit_test(test_chains_go_with_their_place),
		cmocka_unit_test(test_each_rule_can_be_read),
		cmocka_unit_test(test_other_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
