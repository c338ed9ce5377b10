/* SPDX-License-Identifier: ISC */
/*
 * fakeipt.h - iptables-save and iptables-restore over chains in memory, and a
 * writer in use with its model and places. It replaces sys/proc.c and
 * natfw/ipt_tool.c. Include it once, after cmocka.h.
 */
#ifndef TESTS_UNIT_FAKEIPT_H
#define TESTS_UNIT_FAKEIPT_H

#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_seen.h"
#include "natfw/ipt_tool.h"
#include "natfw/place.h"
#include "natfw/ruleset.h"
#include "natfw/ruleset_ipt.h"
#include "natfw/table.h"
#include "sys/proc.h"
#include "tests/unit/natfwtest.h"

/* ---- the tables ---------------------------------------------------- */

#define CHAINS_MAX	48
#define LINES_MAX	256
#define LINE_MAX_N	240

struct fake_chain {
	char name[40], policy[8];
	char line[LINES_MAX][LINE_MAX_N];	/* without "-A NAME " */
	uint64_t packets[LINES_MAX];	/* its counter */
	size_t n;
};

struct fake_table {
	struct fake_chain chain[CHAINS_MAX];
	size_t n;
};

static struct {
	struct fake_table table[IPT_TABLES], before;
	char in[65536];		/* input of the last restore */
	size_t in_n, cap;	/* @cap: bytes that are read at a time */
	char cmd[128];
	unsigned runs, saves, restores;
	unsigned busy;		/* restores that exit with 4 */
	unsigned busy_nat;	/* the same, after filter is committed */
	int deadline_ms;
	bool missing;		/* the programs are not installed */
	bool missing6;		/* those of ip6tables are not */
	bool absent[IPT_TABLES];	/* legacy: the module is not loaded */
	int refuse;		/* a save exits with this status */
	void (*between)(void);	/* called once, before the next restore */
} ipt;

static struct fake_chain *chain_in(struct fake_table *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(name, str_z(t->chain[i].name)))
			return &t->chain[i];
	return NULL;
}

static struct fake_chain *chain(enum ipt_table t, const char *name)
{
	return chain_in(&ipt.table[t], str_z(name));
}

static struct fake_chain *make_chain(struct fake_table *t, struct str name,
				     const char *policy)
{
	struct fake_chain *c = &t->chain[t->n++];

	assert_true(t->n <= CHAINS_MAX);
	memset(c, 0, sizeof(*c));
	assert_true(str_copy(c->name, sizeof(c->name), name));
	assert_true(str_copy(c->policy, sizeof(c->policy), str_z(policy)));
	return c;
}

/* The last word is a target; does it exist? */
static bool has_target(struct fake_table *t, struct str rule)
{
	static const char *const known[] = { "ACCEPT", "DROP", "RETURN",
					     "MASQUERADE" };
	struct str word = { 0 }, rest = rule;

	while (str_word(&rest, &word))
		;
	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq(word, str_z(known[i])))
			return true;
	return strchr(rule.p, ':') || chain_in(t, word);
}

static bool is_referenced(struct fake_table *t, struct str name)
{
	char end[64];

	/* after -j or -g */
	snprintf(end, sizeof(end), " %.*s", STR_F(name));
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->chain[i].n; k++) {
			const char *line = t->chain[i].line[k];
			size_t n = strlen(line), e = strlen(end);

			if (n > e && !strcmp(line + n - e, end) &&
			    strchr("jg", line[n - e - 1]))
				return true;
		}
	return false;
}

static int insert(struct fake_table *t, struct fake_chain *c, size_t at,
		  struct str rule)
{
	char text[LINE_MAX_N];

	assert_true(str_copy(text, sizeof(text), rule));
	if (at > c->n || !has_target(t, str_z(text)))
		return 1;
	assert_true(c->n < LINES_MAX);
	memmove(c->line[at + 1], c->line[at], (c->n - at) * LINE_MAX_N);
	memmove(c->packets + at + 1, c->packets + at,
		(c->n - at) * sizeof(*c->packets));
	memcpy(c->line[at], text, LINE_MAX_N);
	c->packets[at] = 0;
	c->n++;
	return 0;
}

static int erase(struct fake_chain *c, struct str rule)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!str_eq(rule, str_z(c->line[i])))
			continue;
		memmove(c->line[i], c->line[i + 1],
			(c->n - i - 1) * LINE_MAX_N);
		memmove(c->packets + i, c->packets + i + 1,
			(c->n - i - 1) * sizeof(*c->packets));
		c->n--;
		return 0;
	}
	return 1;
}

static int declare(struct fake_table *t, struct str line)
{
	struct fake_chain *c;
	struct str name, policy;

	assert_true(str_word(&line, &name));
	assert_true(str_word(&line, &policy));
	name = str_skip(name, 1);
	c = chain_in(t, name);
	if (!c)
		c = make_chain(t, name, "");
	str_copy(c->policy, sizeof(c->policy), policy);
	c->n = 0;
	return 0;
}

static int command(struct fake_table *t, struct str line)
{
	struct fake_chain *c;
	struct str verb, name, rest = line, word;
	uint32_t number = 1;

	if (line.p[0] == ':')
		return declare(t, line);
	if (!str_word(&rest, &verb) || !str_word(&rest, &name))
		return 2;
	c = chain_in(t, name);
	if (str_eq(verb, STR("-N")))
		return c ? 1 : (make_chain(t, name, "-"), 0);
	if (!c)
		return 1;
	if (str_eq(verb, STR("-X"))) {
		if (c->n || is_referenced(t, name))
			return 1;
		*c = t->chain[--t->n];
		return 0;
	}
	rest = str_skip(rest, 1);
	if (str_eq(verb, STR("-D")))
		return erase(c, rest);
	if (str_eq(verb, STR("-A")))
		return insert(t, c, c->n, rest);
	assert_true(str_eq(verb, STR("-I")));
	line = rest;
	str_word(&line, &word);
	if (!str_u32(word, 1, 9999, &number))
		rest = str_skip(line, 1);
	return insert(t, c, number - 1, rest);
}

static bool pick(struct str name, bool ip6, enum ipt_table *ret)
{
	for (*ret = 0; *ret < IPT_TABLES; (*ret)++)
		if (str_eq(name, str_z(ipt_rule_tables[*ret])) &&
		    ipt_rule_ip6(*ret) == ip6)
			return true;
	return false;
}

/* Each table is committed as a whole. */
static int restore_of(bool ip6, const char *text)
{
	struct str rest = str_z(text), line;
	enum ipt_table t = IPT_FILTER;
	int rc;

	while (str_cut(&rest, '\n', &line)) {
		if (line.p[0] == '*') {
			assert_true(pick(str_skip(line, 1), ip6, &t));
			ipt.before = ipt.table[t];
			if (t == IPT_NAT && ipt.busy_nat) {
				ipt.busy_nat--;
				return 4;
			}
		} else if (!str_eq(line, STR("COMMIT"))) {
			rc = command(&ipt.table[t], line);
			if (rc) {
				ipt.table[t] = ipt.before;

				return rc;
			}
		}
	}
	return 0;
}

static int fake_restore(const char *text)
{
	return restore_of(false, text);
}

static int fake_restore6(const char *text)
{
	return restore_of(true, text);
}

/* The lines of iptables-save, to a test or to the caller of proc_run(). */
static void save_of(enum ipt_table t, bool counters,
		    void (*fn)(void *, struct str), void *arg)
{
	const struct fake_table *table = &ipt.table[t];
	char buf[LINE_MAX_N + 64];
	struct wr w;

	w = wr_init(buf, sizeof(buf));
	wr_fmt(&w, "*%s", ipt_rule_tables[t]);
	fn(arg, wr_done(&w));
	for (size_t i = 0; i < table->n; i++) {
		w = wr_init(buf, sizeof(buf));
		wr_fmt(&w, ":%s %s [12:34]", table->chain[i].name,
		       table->chain[i].policy);
		fn(arg, wr_done(&w));
	}
	for (size_t i = 0; i < table->n; i++)
		for (size_t k = 0; k < table->chain[i].n; k++) {
			w = wr_init(buf, sizeof(buf));
			if (counters)
				wr_fmt(&w, "[%llu:99] ", (unsigned long long)
				       table->chain[i].packets[k]);
			wr_fmt(&w, "-A %s %s", table->chain[i].name,
			       table->chain[i].line[k]);
			fn(arg, wr_done(&w));
		}
	fn(arg, STR("COMMIT"));
}

static void fake_save(enum ipt_table t, void (*fn)(void *, struct str),
		      void *arg)
{
	save_of(t, false, fn, arg);
}

/* ---- the programs -------------------------------------------------- */

bool proc_exists(const char *name)
{
	return !ipt.missing;
}

static int run_restore(struct proc *p, bool ip6)
{
	size_t n;

	for (ipt.in_n = 0; (n = p->fill(p->arg, ipt.in + ipt.in_n, ipt.cap));) {
		ipt.in_n += n;
		assert_true(ipt.in_n + ipt.cap < sizeof(ipt.in));
	}
	ipt.in[ipt.in_n] = '\0';
	ipt.restores++;
	if (ipt.busy) {
		ipt.busy--;
		return 4;
	}
	if (ipt.between) {
		ipt.between();
		ipt.between = NULL;
	}
	return restore_of(ip6, ipt.in);
}

int proc_run(struct proc *p)
{
	struct wr w = wr_init(ipt.cmd, sizeof(ipt.cmd));
	const bool ip6 = p->argv[0][0] == '6';
	enum ipt_table t;
	int rc;

	assert_false(ip6 && ipt.missing6);
	for (size_t i = 0; p->argv[i]; i++)
		wr_fmt(&w, i ? " %s" : "%s", p->argv[i]);
	wr_cstr(&w);
	ipt.runs++;
	ipt.deadline_ms = p->deadline_ms;
	if (p->fill) {
		rc = run_restore(p, ip6);
		if (rc && rc != 4)
			str_copy(p->err, sizeof(p->err), STR("refused"));
		return rc;
	}
	assert_string_equal(p->argv[1], "-t");
	assert_true(pick(str_z(p->argv[2]), ip6, &t));
	ipt.saves++;
	/* a program of the legacy variant would load the module */
	assert_false(strstr(ipt.cmd, "legacy") && ipt.absent[t]);
	if (ipt.refuse) {
		str_copy(p->err, sizeof(p->err), STR("refused"));
		return ipt.refuse;
	}
	save_of(t, p->argv[3] && !strcmp(p->argv[3], "-c"), p->line, p->arg);
	return 0;
}

const struct ipt_tool *ipt_tool_of(enum ruleset_kind kind, bool ip6)
{
	static const struct ipt_tool nft[] = {
		{ "nft-save", "nft-restore" }, { "6nft-save", "6nft-restore" },
	}, legacy[] = {
		{ "legacy-save", "legacy-restore" },
		{ "6legacy-save", "6legacy-restore" },
	};

	if (ipt.missing || (ip6 && ipt.missing6))
		return NULL;
	return kind == RULESET_IPT_NFT ? &nft[ip6] : &legacy[ip6];
}

enum ruleset_kind ipt_tool_plain(void)
{
	return RULESET_IPT_NFT;
}

bool ipt_tool_has_table(const char *name, bool ip6)
{
	enum ipt_table t;

	return pick(str_z(name), ip6, &t) && !ipt.absent[t];
}

/* As ipt_print.c, without the hash: the number of entries is the point. */
struct ipt_print ipt_print_read(int family, void *buf, size_t n)
{
	struct ipt_print ret = { .known = true, .any = true, .own_known = buf };

	for (int t = 0; t < IPT_TABLES; t++)
		for (size_t i = 0; i < ipt.table[t].n &&
		     ipt_rule_ip6(t) == (family == AF_INET6); i++)
			ret.entries += 2 + (uint32_t)ipt.table[t].chain[i].n;
	return ret;
}

/* ---- a writer in use ----------------------------------------------- */

/* A place by its text: "FORWARD" and the rule before which it is, or NULL. */
struct want_place {
	const char *chain, *before;
	bool to, from;
	uint8_t proto;
	const char *ifname;
	bool hairpin;
	enum ipt_table table;
};

static struct {
	struct natfw fw;
	struct natfw_writer *w;
	struct places places;
	const struct want_place *want;
	size_t want_n;
} it;

/* The administrator's tables, and a writer that both translates and accepts. */
static inline void begin(const struct natfw_backend *be, const char *rules)
{
	static const char empty[] = "*filter\n:INPUT ACCEPT [0:0]\n"
		":FORWARD DROP [0:0]\n*nat\n:PREROUTING ACCEPT [0:0]\n"
		":POSTROUTING ACCEPT [0:0]\n";
	static const char empty6[] = "*filter\n:INPUT ACCEPT [0:0]\n"
		":FORWARD DROP [0:0]\n";

	memset(&ipt, 0, sizeof(ipt));
	ipt.cap = 4096;
	assert_int_equal(fake_restore(empty), 0);
	assert_int_equal(fake_restore6(empty6), 0);
	if (rules)
		assert_int_equal(fake_restore(rules), 0);
	memset(&it, 0, sizeof(it));
	assert_int_equal(table_init(&it.fw, 256, 256), 0);
	it.fw.env = env_of(EXT);
	it.fw.rules = ruleset_new();
	assert_non_null(it.fw.rules);
	it.fw.places = &it.places;
	it.w = &it.fw.writer[be->kind];
	*it.w = (struct natfw_writer){ .be = be, .translates = true,
				       .accepts = true };
}

static inline void end(void)
{
	ipt_seen_free(it.w->own);
	table_done(&it.fw);
	ruleset_free(it.fw.rules);
}

/* Read the model, as the core does before a sync. */
static inline void look(void)
{
	struct ruleset_ipt r = { it.fw.rules, it.w->be->kind };

	ruleset_clear(it.fw.rules);
	for (int t = 0; t < IPT_TABLES; t++) {
		r.family = ipt_rule_ip6(t) ? NFPROTO_IPV6 : NFPROTO_IPV4;
		if (it.w->be->kind == RULESET_IPT_LEGACY && ipt.absent[t])
			continue;
		fake_save(t, ruleset_ipt_line, &r);
	}
	ruleset_sort(it.fw.rules);
}

static inline uint32_t model_chain(enum ipt_table t, const char *name)
{
	const struct ruleset *rs = it.fw.rules;
	const uint8_t family = ipt_rule_ip6(t) ? NFPROTO_IPV6 : NFPROTO_IPV4;

	for (uint32_t i = 0; i < rs->chain_n; i++)
		if (!strcmp(rs->chain[i].name, name) &&
		    ruleset_table_of(rs, i)->family == family &&
		    !strcmp(ruleset_table_of(rs, i)->name, ipt_rule_tables[t]))
			return i;
	fail_msg("the model has no chain %s", name);
	return 0;
}

static inline uint32_t model_rule(enum ipt_table t, const char *name,
				  const char *text)
{
	const struct fake_chain *c = chain(t, name);
	const struct ruleset *rs = it.fw.rules;
	uint32_t number = 0, i;

	if (!text)
		return RULESET_NONE;
	while (number < c->n && strcmp(c->line[number], text))
		number++;
	assert_true(number < c->n);
	for (i = rs->chain[model_chain(t, name)].first; i != RULESET_NONE;
	     i = rs->rule[i].next)
		if (rs->rule[i].number == number + 1)
			return i;
	fail_msg("the model has no rule %s", text);
	return 0;
}

static inline void find_places(void)
{
	it.places.n = 0;
	for (size_t i = 0; i < it.want_n; i++) {
		const struct want_place *p = &it.want[i];
		struct place *at = &it.places.at[it.places.n++];

		*at = (struct place){
			.family = ipt_rule_ip6(p->table) ? ADDR_IP6 : ADDR_IP4,
			.chain = model_chain(p->table, p->chain),
			.before = model_rule(p->table, p->chain, p->before),
			.to = p->to, .from = p->from, .proto = p->proto,
			.hairpin = p->hairpin,
		};
		if (p->ifname)
			str_copy(at->ifname, IF_NAMESIZE, str_z(p->ifname));
	}
}

static inline void set_places(const struct want_place *want, size_t n)
{
	it.want = want;
	it.want_n = n;
}

static inline size_t kernel_n(void)
{
	return addr_is_set(it.fw.env.ext) ? it.fw.mappings.rule_n : 0;
}

static inline int sync_it(void)
{
	look();
	find_places();
	return it.w->be->sync(&it.fw, it.w, it.fw.mappings.rule, kernel_n());
}

static inline int verify_it(void)
{
	look();
	find_places();
	return it.w->be->verify(&it.fw, it.w, it.fw.mappings.rule, kernel_n());
}

/* How often does the input of the last restore replace a table? */
static inline unsigned commits(void)
{
	unsigned n = 0;

	for (const char *at = ipt.in; (at = strstr(at, "COMMIT\n")); at++)
		n++;
	return n;
}

/* Change the kernel, then the table. */
static inline int apply_it(const struct nat_op *op, size_t n)
{
	int rc = it.w->be->apply(&it.fw, it.w, op, n);

	for (size_t i = 0; !rc && i < n; i++) {
		if (op[i].verb == NAT_SET)
			table_set(&it.fw, &op[i].rule);
		else
			table_del(&it.fw, &op[i].rule);
	}
	return rc;
}

static inline void fill_table(void)
{
	const struct nat_rule r[] = {
		tcp(80, HOST(2), 8080),
		rule(IPPROTO_UDP, PEER, 53, HOST(3), 5353),
		tcp(81, HOST(2), 8080),
	};

	for (size_t i = 0; i < COUNT(r); i++)
		table_set(&it.fw, &r[i]);
}

/* The rules of a chain, one a line. */
static inline const char *lines_of(enum ipt_table t, const char *name)
{
	static char text[8192];
	const struct fake_chain *c = chain(t, name);
	struct wr w = wr_init(text, sizeof(text));

	for (size_t i = 0; c && i < c->n; i++)
		wr_fmt(&w, "%s\n", c->line[i]);
	return wr_cstr(&w);
}

/* Is a chain, or a jump, of ours left? */
static inline bool anything_left(void)
{
	for (int t = 0; t < IPT_TABLES; t++)
		for (size_t i = 0; i < ipt.table[t].n; i++) {
			const struct fake_chain *c = &ipt.table[t].chain[i];

			if (strstr(c->name, "UPNPD") ||
			    strstr(lines_of(t, c->name), "UPNPD"))
				return true;
		}
	return false;
}

#endif
