/* SPDX-License-Identifier: ISC */
/*
 * test_ruleset_read.c - all rules are read as of one moment, or again; only
 * what is needed is listed; a tool is run only for a table that needs it.
 * The kernel and the tools are replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <cmocka.h>
#include "base/wr.h"
#include "natfw/ipt_tool.h"
#include "natfw/nfnl.h"
#include "natfw/ruleset_dump.h"
#include "natfw/ruleset_ipt.h"
#include "tests/unit/nldump.h"
#include "tests/unit/rulemsg.h"
#include "tests/unit/rulesmodel.h"

#define MESSAGES_MAX	32

static struct {
	uint32_t message[MESSAGES_MAX][256];
	size_t n;
	unsigned dumps, opened;
	unsigned change_at;	/* the rules change before that dump */
	bool changing;		/* and before each later one */
	unsigned fail_at;	/* that dump fails */
	int fail_rc, open_rc;
	const char *long_set;	/* it has more elements than are read */
	unsigned long_sent;
	bool no_tool[RULESET_KINDS];
	const char *legacy;	/* a table of legacy iptables */
	const char *legacy6;	/* a table of legacy ip6tables */
	bool no_tool6[RULESET_KINDS];
	int tool_rc;
	bool tool_changes;	/* the rules change while it runs */
	int notices;		/* they are sent by it */
	void (*notice)(void);	/* sends what has changed at @change_at */
	char log[1024];		/* dumps and runs */
} kernel;

static void begin(void)
{
	memset(&kernel, 0, sizeof(kernel));
	memset(&nldump, 0, sizeof(nldump));
	nldump.generation = 5;
}

static void keep(const struct nlmsghdr *h)
{
	assert_true(kernel.n < MESSAGES_MAX);
	assert_true(h->nlmsg_len <= sizeof(kernel.message[0]));
	memcpy(kernel.message[kernel.n++], h, h->nlmsg_len);
}

static void note(const char *what)
{
	size_t at = strlen(kernel.log);

	snprintf(kernel.log + at, sizeof(kernel.log) - at, "%s%s",
		 at ? ", " : "", what);
}

/* ---- the kernel -------------------------------------------------------- */

int __wrap_nfnl_open(void);

int __wrap_nfnl_open(void)
{
	kernel.opened++;
	return kernel.open_rc ? kernel.open_rc :
	       open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Elements of a set that is too long, in datagrams of ten. */
static int send_long(const struct nfnl_query *q, nl_fn fn, void *arg)
{
	uint32_t key = 0;

	while (kernel.long_sent < 3 * RULESET_SET_ELEMS_MAX) {
		begin_elems(nfnl_family(q->family), q->table, q->name);
		for (int i = 0; i < 10; i++, key++)
			put_elem(&key, 4, 0, NFT_CONTINUE, NULL);
		kernel.long_sent += 10;
		end_message();
		nldump_deliver((void *)rm.room, fn, arg);
		if (*q->stop)
			return -ECANCELED;
	}
	return 0;
}

static const char *name_of_dump(const struct nfnl_query *q)
{
	static char name[64];
	static const struct {
		int type;
		const char *name;
	} types[] = {
		{ NFT_MSG_GETTABLE, "tables" }, { NFT_MSG_GETCHAIN, "chains" },
		{ NFT_MSG_GETSET, "sets" }, { NFT_MSG_GETRULE, "rules" },
		{ NFT_MSG_GETSETELEM, "elements" },
	};
	struct wr w = wr_init_cut(name, sizeof(name));

	for (size_t i = 0; i < 5; i++)
		if (types[i].type == q->type)
			wr_z(&w, types[i].name);
	if (q->table)
		wr_fmt(&w, " %s %s", q->family, q->table);
	if (q->name)
		wr_fmt(&w, " %s", q->name);
	return wr_cstr(&w);
}

/* A request's number is that of its answer and 1. */
static bool is_answer(const struct nlmsghdr *h, int type)
{
	return h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | (type - 1));
}

/* Old kernels send the rules of all tables, so this one does. */
int __wrap_nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *q,
		     nl_fn fn, void *arg)
{
	kernel.dumps++;
	note(name_of_dump(q));
	if (kernel.dumps == kernel.change_at) {
		nldump.generation++;
		kernel.change_at += kernel.changing;
		if (kernel.notice)
			kernel.notice();
	}
	if (kernel.dumps == kernel.fail_at)
		return kernel.fail_rc;
	if (q->type == NFT_MSG_GETSETELEM && kernel.long_set &&
	    !strcmp(q->name, kernel.long_set))
		return send_long(q, fn, arg);
	for (size_t i = 0; i < kernel.n; i++)
		if (is_answer((void *)kernel.message[i], q->type))
			nldump_deliver((void *)kernel.message[i], fn, arg);
	return 0;
}

/* ---- tools ------------------------------------------------------------- */

const struct ipt_tool *__wrap_ipt_tool_of(enum ruleset_kind kind, bool ip6);
bool __wrap_ipt_tool_has_table(const char *table, bool ip6);
int __wrap_ruleset_ipt_read(struct ruleset *model, enum ruleset_kind kind,
			    uint8_t family, const char *tool, const char *table);

const struct ipt_tool *__wrap_ipt_tool_of(enum ruleset_kind kind, bool ip6)
{
	static const struct ipt_tool tool[RULESET_KINDS] = {
		[RULESET_IPT_NFT] = { "nft-save", "" },
		[RULESET_IPT_LEGACY] = { "legacy-save", "" },
	};

	static const struct ipt_tool tool6[RULESET_KINDS] = {
		[RULESET_IPT_NFT] = { "6nft-save", "" },
		[RULESET_IPT_LEGACY] = { "6legacy-save", "" },
	};

	if (ip6)
		return kernel.no_tool6[kind] ? NULL : &tool6[kind];
	return kernel.no_tool[kind] ? NULL : &tool[kind];
}

bool __wrap_ipt_tool_has_table(const char *table, bool ip6)
{
	const char *has = ip6 ? kernel.legacy6 : kernel.legacy;

	return has && !strcmp(has, table);
}

int __wrap_ruleset_ipt_read(struct ruleset *model, enum ruleset_kind kind,
			    uint8_t family, const char *tool, const char *table)
{
	char buf[64];
	int rc = kernel.tool_rc;

	snprintf(buf, sizeof(buf), "%s -t %s", tool, table);
	note(buf);
	nldump.generation += kernel.tool_changes;
	kernel.tool_changes = false;
	if (rc == -EINTR)
		kernel.tool_rc = 0;
	return rc;
}

/* ---- nf_tables --------------------------------------------------------- */

static void keep_table(uint8_t family, const char *name)
{
	const struct nfgenmsg about = { .nfgen_family = family };

	nlmsg_begin(&rm.m, rm.room, sizeof(rm.room), 1);
	nlmsg_open(&rm.m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, 0,
		   about);
	nlmsg_name(&rm.m, NFTA_TABLE_NAME, name);
	rm.list = 0;
	keep(end_message());
}

/* A table with a chain, a set that a rule looks up, and one that none does. */
static void keep_firewall(void)
{
	keep_table(NFPROTO_INET, "fw");
	keep(chain_message(NFPROTO_INET, "fw", "forward", "filter",
			   NF_INET_FORWARD, true));
	keep(set_message(NFPROTO_INET, "fw", "used", 4, 0));
	keep(set_message(NFPROTO_INET, "fw", "unused", 4, 0));
	begin_rule(NFPROTO_INET, "fw", "forward");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_1);
	put_lookup("used", NFT_REG_1, -1, 0);
	put_verdict(NF_DROP, NULL);
	keep(end_message());
	begin_elems(NFPROTO_INET, "fw", "used");
	put_elem("\x0a\0\0\1", 4, 0, NFT_CONTINUE, NULL);
	keep(end_message());
}

#define FIREWALL "tables, chains, sets, rules inet fw, elements inet fw used"

static void test_only_what_rules_use_is_listed(void **state)
{
	begin();
	keep_firewall();
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, FIREWALL);
	assert_int_equal(kernel.opened, 1);
	assert_int_equal(rs->base_n, 1);
	assert_int_equal(rs->rule_n, 1);
	assert_int_equal(rs->set[0].n, 1);
	assert_int_equal(rs->generation, 5);
	assert_string_equal(rs->why, "");
	assert_true(rs->listed[RULESET_NATIVE]);
	assert_false(rs->listed[RULESET_IPT_NFT]);
}

/* An old kernel sends all rules in each dump; none is there twice. */
static void test_rules_are_those_of_the_table(void **state)
{
	begin();
	keep_firewall();
	keep_table(NFPROTO_IPV4, "other");
	keep(chain_message(NFPROTO_IPV4, "other", "c", "", -1, false));
	begin_rule(NFPROTO_IPV4, "other", "c");
	keep(end_message());
	assert_int_equal(ruleset_read(rs), 0);
	assert_int_equal(rs->rule_n, 2);
	assert_int_equal(rs->chain[0].counted, 1);
	assert_int_equal(rs->chain[1].counted, 1);
}

/* The elements and rules of upnpd itself may be 60000. */
static void test_own_rules_and_elements_are_not_listed(void **state)
{
	begin();
	keep_table(NFPROTO_IPV4, "upnpd");
	keep(chain_message(NFPROTO_IPV4, "upnpd", "forward", "filter",
			   NF_INET_FORWARD, false));
	keep(set_message(NFPROTO_IPV4, "upnpd", "count", 12, 0));
	keep_table(NFPROTO_IPV4, "filter");
	keep(chain_message(NFPROTO_IPV4, "filter", "FORWARD", "", -1, false));
	keep(chain_message(NFPROTO_IPV4, "filter", "UPNPD", "", -1, false));
	keep(chain_message(NFPROTO_IPV4, "filter", "UPNPD-udp-1024", "", -1,
			   false));
	keep(set_message(NFPROTO_IPV4, "filter", "upnpd_accept", 4, 0));
	begin_rule(NFPROTO_IPV4, "filter", "FORWARD");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1);
	put_lookup("upnpd_accept", NFT_REG_1, -1, 0);
	keep(end_message());
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, "tables, chains, sets, "
			    "rules ip filter FORWARD");
	assert_int_equal(rs->base_n, 0);
	assert_true(rs->leftover[RULESET_NATIVE]);
	assert_true(rs->leftover[RULESET_IPT_NFT]);
}

/* The dump ends early, on a socket of its own, and the next set is read. */
static void test_long_set_is_not_read_to_its_end(void **state)
{
	begin();
	keep(set_message(NFPROTO_INET, "fw", "bans", 4, 0));
	keep_firewall();
	begin_rule(NFPROTO_INET, "fw", "forward");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_1);
	put_lookup("bans", NFT_REG_1, -1, 0);
	keep(end_message());
	kernel.long_set = "bans";
	assert_int_equal(ruleset_read(rs), 0);
	assert_true(kernel.long_sent <= RULESET_SET_ELEMS_MAX + 10);
	assert_int_equal(kernel.opened, 2);
	assert_false(rs->set[0].known);
	assert_true(rs->set[1].known);
	assert_int_equal(rs->set[1].n, 1);
	assert_int_equal(rs->elem_n, 1);
}

/* ---- one moment -------------------------------------------------------- */

static void test_changed_rules_are_read_again(void **state)
{
	for (unsigned at = 2; at <= 5; at++) {
		begin();
		keep_firewall();
		kernel.change_at = at;
		assert_int_equal(ruleset_read(rs), 0);
		assert_int_equal(kernel.dumps, 10);
		assert_int_equal(rs->generation, 6);
		assert_int_equal(rs->rule_n, 1);
		assert_int_equal(rs->table_n, 1);
	}
	/* the kernel says so itself, or the set is gone */
	for (unsigned i = 0; i < 2; i++) {
		begin();
		keep_firewall();
		kernel.fail_at = 5;
		kernel.fail_rc = i ? -EINTR : -ENOENT;
		assert_int_equal(ruleset_read(rs), 0);
		assert_int_equal(kernel.dumps, 10);
		assert_int_equal(rs->rule_n, 1);
	}
}

static void test_rules_that_always_change_are_given_up(void **state)
{
	begin();
	keep_firewall();
	kernel.change_at = 2;
	kernel.changing = true;
	assert_int_equal(ruleset_read(rs), -EINTR);
	assert_int_equal(kernel.dumps, 5 * NL_TRIES);
	/* what was read last is there */
	assert_int_equal(rs->base_n, 1);
	assert_int_equal(rs->rule_n, 1);
}

static void send_notice(void)
{
	const struct nlmsghdr *h = end_message();

	assert_int_equal(send(kernel.notices, h, h->nlmsg_len, 0),
			 h->nlmsg_len);
}

static void generation_ends(void)
{
	const struct nfgenmsg about = { .res_id = 0 };

	nlmsg_begin(&rm.m, rm.room, sizeof(rm.room), 1);
	nlmsg_open(&rm.m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, 0,
		   about);
	nlmsg_u32(&rm.m, NFTA_GEN_ID, nldump.generation + 0x10000);
	rm.list = 0;
	send_notice();
}

static struct {
	int type;
	const char *table, *name;
} change;

static void send_change(void)
{
	begin_message(change.type, NFPROTO_INET, change.table, change.name);
	send_notice();
	generation_ends();
}

static void send_own_change(void)
{
	begin_message(NFT_MSG_NEWRULE, NFPROTO_IPV4, "upnpd", "count");
	send_notice();
	generation_ends();
}

/* Longer than any part of a dump: it is lost. */
static void send_long_notice(void)
{
	static const char whole[40000];

	assert_int_equal(send(kernel.notices, whole, sizeof(whole), 0),
			 sizeof(whole));
	generation_ends();
}

static void nothing_sent(void)
{
}

static void open_watch(unsigned change_at, void (*notice)(void))
{
	int end[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
				    end), 0);
	kernel.notices = end[0];
	nldump.watch = end[1];
	kernel.change_at = change_at;
	kernel.notice = notice;
}

/* Return: how often the rules were read */
static unsigned read_watched(void)
{
	assert_int_equal(ruleset_read(rs), 0);
	close(kernel.notices);
	if (nldump.watch)
		close(nldump.watch);
	nldump.watch = 0;
	return kernel.opened;
}

/* How often are the rules read if they change before dump @at? */
static unsigned readings(unsigned at, void (*notice)(void))
{
	unsigned n;

	begin();
	keep_firewall();
	keep_table(NFPROTO_IPV4, "upnpd");
	open_watch(at, notice);
	n = read_watched();
	assert_int_equal(rs->rule_n, 1);
	assert_int_equal(rs->set[0].n, 1);
	return n;
}

/* Dumps 1 to 5: tables, chains, sets, rules, elements. Only what was read
 * before it changed is read again. */
static void test_only_changes_of_what_was_read_matter(void **state)
{
	static const struct {
		int type;
		const char *table, *name;
		unsigned at, readings;
	} row[] = {
		{ NFT_MSG_NEWTABLE, "other", "", 4, 1 },
		{ NFT_MSG_NEWRULE, "other", "c", 5, 1 },
		{ NFT_MSG_NEWRULE, "fw", "forward", 3, 1 },
		{ NFT_MSG_NEWRULE, "fw", "forward", 4, 2 },
		{ NFT_MSG_DELRULE, "fw", "forward", 5, 2 },
		{ NFT_MSG_NEWCHAIN, "fw", "c", 3, 2 },
		{ NFT_MSG_DELSET, "fw", "s", 5, 2 },
		{ NFT_MSG_DELTABLE, "fw", "", 5, 2 },
		{ NFT_MSG_NEWSETELEM, "fw", "used", 4, 1 },
		{ NFT_MSG_NEWSETELEM, "fw", "used", 5, 2 },
		{ NFT_MSG_DELSETELEM, "fw", "unused", 5, 1 },
		{ NFT_MSG_NEWOBJ, "fw", "counter", 5, 1 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		change.type = row[i].type;
		change.table = row[i].table;
		change.name = row[i].name;
		if (readings(row[i].at, send_change) != row[i].readings)
			fail_msg("row %zu", i);
	}
	assert_int_equal(readings(5, send_own_change), 1);
	assert_int_equal(readings(5, send_long_notice), 2);
	/* the notice of the generation that was read has not come yet */
	assert_int_equal(readings(5, nothing_sent), 2);
}

/* ---- a table that is made meanwhile ------------------------------------- */

static void make_late_table(void)
{
	keep_table(NFPROTO_INET, "late");
	send_notice();
	keep(chain_message(NFPROTO_INET, "late", "c", "filter",
			   NF_INET_FORWARD, true));
	send_notice();
	generation_ends();
}

/* Its chains come without the flags of their table, such as the owner. */
static void test_table_made_meanwhile_is_left_out(void **state)
{
	for (unsigned at = 2; at <= 4; at++) {
		begin();
		keep_firewall();
		open_watch(at, make_late_table);
		assert_int_equal(read_watched(), 1);
		assert_int_equal(rs->table_n, 1);
		assert_int_equal(rs->chain_n, 1);
		assert_int_equal(ruleset_read(rs), 0);
		assert_int_equal(rs->table_n, 2);
		assert_int_equal(rs->chain_n, 2);
	}
}

/* t: a new table; b: one of a family that is not read; r: a rule of fw;
 * e: an element of our set; a full stop ends a transaction */
static const char *script;

static void send_script(void)
{
	for (const char *p = script; *p; p++) {
		if (*p == '.') {
			generation_ends();
			nldump.generation += p[1] != '\0';
			continue;
		}
		if (*p == 't' || *p == 'b')
			begin_message(NFT_MSG_NEWTABLE, *p == 't' ?
				      NFPROTO_INET : NFPROTO_BRIDGE, "new",
				      "");
		else if (*p == 'r')
			begin_message(NFT_MSG_NEWRULE, NFPROTO_INET, "fw",
				      "forward");
		else
			begin_message(NFT_MSG_NEWSETELEM, NFPROTO_INET, "fw",
				      RULESET_OWN_SET);
		send_notice();
	}
}

/* Before dump 3 no rule was read. The model lacks the new table, so it must not
 * have a rule that was made with it, or later. */
static void test_model_with_a_table_left_out_is_of_one_moment(void **state)
{
	static const struct {
		const char *script;
		unsigned readings;
	} row[] = {
		{ "t.", 1 }, { "r.", 1 }, { "r.t.", 1 }, { "tt.t.", 1 },
		{ "t.e.", 1 }, { "br.b.r.", 1 },
		{ "tr.", 2 }, { "rt.", 2 }, { "t.r.", 2 }, { "et.e.r.", 2 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		script = row[i].script;
		if (readings(3, send_script) != row[i].readings)
			fail_msg("%s", script);
	}
}

/* ---- a generation that no dump shows ------------------------------------- */

/* The rules of the chain are flushed: the dumps after that have no message. */
static unsigned readings_of_empty_chain(unsigned at, void (*notice)(void))
{
	begin();
	keep_table(NFPROTO_INET, "fw");
	keep(chain_message(NFPROTO_INET, "fw", "forward", "filter",
			   NF_INET_FORWARD, true));
	open_watch(at, notice);
	if (!notice) {
		close(nldump.watch);
		nldump.watch = 0;
	}
	return read_watched();
}

static void test_change_before_empty_dumps_is_noticed(void **state)
{
	for (unsigned at = 3; at <= 4; at++) {
		assert_int_equal(readings_of_empty_chain(at, NULL), 2);
		assert_int_equal(readings_of_empty_chain(at, nothing_sent), 2);
		assert_int_equal(readings_of_empty_chain(at, generation_ends),
				 1);
	}
}

/* In parts: with no time, one part a call. */
static void test_rules_are_read_in_parts(void **state)
{
	struct ruleset_dump d = { .nl.rules = NULL };
	unsigned parts = 1;

	begin();
	keep_firewall();
	while (ruleset_read_some(&d, rs, 0) > 0)
		parts++;
	assert_int_equal(parts, 6);
	assert_string_equal(kernel.log, FIREWALL);
	assert_int_equal(rs->rule_n, 1);
	assert_int_equal(rs->base_n, 1);
	/* the next one begins again */
	assert_int_equal(ruleset_read_some(&d, rs, 0), 1);
	assert_int_equal(rs->rule_n, 0);
	ruleset_dump_end(&d);
	ruleset_dump_end(&d);
	assert_int_equal(ruleset_read_some(&d, rs, UINT64_MAX), 0);
	assert_int_equal(rs->rule_n, 1);
}

static void test_kernel_without_nf_tables_has_no_rules(void **state)
{
	begin();
	kernel.open_rc = -EPROTONOSUPPORT;
	kernel.legacy = "nat";
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, "legacy-save -t nat");
	begin();
	kernel.fail_at = 1;
	kernel.fail_rc = -EINVAL;
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, "tables");
	begin();
	kernel.fail_at = 1;
	kernel.fail_rc = -EPERM;
	kernel.legacy = "nat";
	assert_int_equal(ruleset_read(rs), -EPERM);
	assert_string_equal(kernel.log, "tables");
}

/* ---- iptables ---------------------------------------------------------- */

static void keep_ipt_table(uint8_t family, const char *match)
{
	size_t nest;

	keep_table(family, "filter");
	begin_message(NFT_MSG_NEWCHAIN, family, "filter", "FORWARD");
	nlmsg_name(&rm.m, NFTA_CHAIN_NAME, "FORWARD");
	nest = nlmsg_nest(&rm.m, NFTA_CHAIN_HOOK);
	nlmsg_u32(&rm.m, NFTA_HOOK_HOOKNUM, NF_INET_FORWARD);
	nlmsg_u32(&rm.m, NFTA_HOOK_PRIORITY, 0);
	nlmsg_unnest(&rm.m, nest);
	nlmsg_name(&rm.m, NFTA_CHAIN_TYPE, "filter");
	keep(end_message());
	begin_rule(family, "filter", "FORWARD");
	put_xt("match", match);
	put_verdict(NF_DROP, NULL);
	keep(end_message());
}

#define IPT "tables, chains, sets, rules ip filter"

static void test_tool_explains_its_matches(void **state)
{
	begin();
	keep_ipt_table(NFPROTO_IPV4, "conntrack");
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, IPT ", nft-save -t filter");
	assert_int_equal(rs->table[0].kind, RULESET_IPT_NFT);
	/* there is nothing to explain */
	begin();
	keep_ipt_table(NFPROTO_IPV4, "comment");
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, IPT);
	assert_int_equal(rs->table[0].kind, RULESET_IPT_NFT);
}

/* The tool saw other rules than the dump, or the rules changed meanwhile. */
static void test_rules_that_change_under_the_tool(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		begin();
		keep_ipt_table(NFPROTO_IPV4, "conntrack");
		kernel.tool_rc = i ? -EINTR : 0;
		kernel.tool_changes = true;
		assert_int_equal(ruleset_read(rs), 0);
		assert_string_equal(kernel.log, IPT ", nft-save -t filter, "
				    IPT ", nft-save -t filter");
		assert_int_equal(rs->generation, 6);
	}
}

/* Without the tool, or if it refuses the table, nobody saves it. */
static void test_table_without_a_tool_is_native(void **state)
{
	begin();
	keep_ipt_table(NFPROTO_IPV4, "conntrack");
	kernel.no_tool[RULESET_IPT_NFT] = true;
	assert_int_equal(ruleset_read(rs), 0);
	assert_int_equal(rs->table[0].kind, RULESET_NATIVE);
	assert_non_null(strstr(rs->why, "table filter"));
	assert_string_equal(rs->remedy, "install iptables");
	assert_int_equal(rs->cond[rs->rule[0].cond].op, RULESET_UNKNOWN);
	begin();
	keep_ipt_table(NFPROTO_IPV4, "conntrack");
	kernel.tool_rc = -EOPNOTSUPP;
	assert_int_equal(ruleset_read(rs), 0);
	assert_int_equal(rs->table[0].kind, RULESET_NATIVE);
	assert_string_equal(rs->why, "");
}

/* Without the program the table is one of nf_tables, and nothing is missing that
 * port mappings need. */
static void test_ip6tables_has_a_program_of_its_own(void **state)
{
	begin();
	kernel.no_tool[RULESET_IPT_NFT] = true;
	keep_ipt_table(NFPROTO_IPV6, "conntrack");
	assert_int_equal(ruleset_read(rs), 0);
	assert_non_null(strstr(kernel.log, "6nft-save -t filter"));
	assert_int_equal(rs->table[0].kind, RULESET_IPT_NFT);
	assert_string_equal(rs->why, "");
	begin();
	kernel.no_tool6[RULESET_IPT_NFT] = true;
	keep_ipt_table(NFPROTO_IPV6, "conntrack");
	assert_int_equal(ruleset_read(rs), 0);
	assert_null(strstr(kernel.log, "save"));
	assert_int_equal(rs->table[0].kind, RULESET_NATIVE);
	assert_string_equal(rs->why, "");
}

static void test_legacy_ip6tables_is_read(void **state)
{
	begin();
	kernel.legacy6 = "filter";
	assert_int_equal(ruleset_read(rs), 0);
	assert_non_null(strstr(kernel.log, "6legacy-save -t filter"));
	assert_false(rs->unknown6);
	begin();
	kernel.legacy6 = "filter";
	kernel.tool_rc = -EIO;
	assert_int_equal(ruleset_read(rs), 0);
	assert_true(rs->unread[RULESET_IPT_LEGACY]);
	assert_true(rs->unknown6);
	/* mappings need no ip6tables */
	begin();
	kernel.legacy6 = "filter";
	kernel.no_tool6[RULESET_IPT_LEGACY] = true;
	assert_int_equal(ruleset_read(rs), 0);
	assert_null(strstr(kernel.log, "save"));
	assert_false(rs->unread[RULESET_IPT_LEGACY]);
	assert_true(rs->unknown6);
	assert_string_equal(rs->why, "");
}

/* The tool would create a table that does not exist. */
static void test_legacy_table_must_exist(void **state)
{
	begin();
	keep_firewall();
	kernel.legacy = "filter";
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(kernel.log, FIREWALL ", legacy-save -t filter");
	assert_false(rs->unread[RULESET_IPT_LEGACY]);
	begin();
	kernel.legacy = "filter";
	kernel.tool_rc = -EIO;
	assert_int_equal(ruleset_read(rs), 0);
	assert_true(rs->unread[RULESET_IPT_LEGACY]);
	begin();
	kernel.legacy = "filter";
	kernel.no_tool[RULESET_IPT_LEGACY] = true;
	assert_int_equal(ruleset_read(rs), 0);
	assert_string_equal(rs->remedy, "install iptables-legacy");
	assert_null(strstr(kernel.log, "save"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_rules_use_is_listed),
		cmocka_unit_test(test_rules_are_those_of_the_table),
		cmocka_unit_test(test_own_rules_and_elements_are_not_listed),
		cmocka_unit_test(test_long_set_is_not_read_to_its_end),
		cmocka_unit_test(test_changed_rules_are_read_again),
		cmocka_unit_test(test_rules_that_always_change_are_given_up),
		cmocka_unit_test(test_only_changes_of_what_was_read_matter),
		cmocka_unit_test(test_table_made_meanwhile_is_left_out),
		cmocka_unit_test(
			test_model_with_a_table_left_out_is_of_one_moment),
		cmocka_unit_test(test_change_before_empty_dumps_is_noticed),
		cmocka_unit_test(test_rules_are_read_in_parts),
		cmocka_unit_test(test_kernel_without_nf_tables_has_no_rules),
		cmocka_unit_test(test_tool_explains_its_matches),
		cmocka_unit_test(test_rules_that_change_under_the_tool),
		cmocka_unit_test(test_table_without_a_tool_is_native),
		cmocka_unit_test(test_ip6tables_has_a_program_of_its_own),
		cmocka_unit_test(test_legacy_ip6tables_is_read),
		cmocka_unit_test(test_legacy_table_must_exist),
	};

	return cmocka_run_group_tests(tests, new_model, free_model);
}
