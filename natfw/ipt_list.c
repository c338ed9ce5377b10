/* SPDX-License-Identifier: ISC */
/*
 * ipt_list.c - reads a listing in one pass, line by line. Of our rules it keeps
 * only counts and sums, of the jumps also the text, which deletes them.
 * Runs in: any
 */
#include <string.h>
#include "base/hash.h"
#include "base/wr.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_rule.h"

void ipt_list_init(struct ipt_list *l)
{
	memset(l, 0, offsetof(struct ipt_list, jump));
}

/* ---- hashes -------------------------------------------------------------- */

/* The number of a protocol for its name. */
static struct str proto_number(struct str word)
{
	static const char names[][2][8] = {
		{ "tcp", "6" }, { "udp", "17" }, { "dccp", "33" },
		{ "sctp", "132" }, { "udplite", "136" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(word, str_z(names[i][0])))
			return str_z(names[i][1]);
	return word;
}

/* Versions of the tool print some parts in different ways: leave out "-m tcp"
 * and "/32", and take a protocol's name for its number. */
static uint64_t hash_rule(uint64_t h, struct str rule)
{
	struct str word;

	while (str_word(&rule, &word)) {
		if (str_eq(word, STR("-m"))) {
			str_word(&rule, &word);
			continue;
		}
		if (word.n > 3 && !memcmp(word.p + word.n - 3, "/32", 3))
			word.n -= 3;
		h = backend_hash(h, proto_number(word));
	}
	return h;
}

uint64_t ipt_list_hash_jump(struct str rule, uint32_t others)
{
	return hash_rule(hash_add(HASH_BEGIN, &others, sizeof(others)), rule);
}

/* ---- chains -------------------------------------------------------------- */

static bool is_ours(const struct ipt_list *l, struct str name)
{
	unsigned leaf;

	for (int chain = 0; chain < IPT_CHAINS; chain++)
		if (ipt_rule_specs[chain].table == l->table &&
		    (str_eq(name, str_z(ipt_rule_specs[chain].chain)) ||
		     ipt_leaf_read(name, chain, &leaf)))
			return true;
	return false;
}

static struct ipt_list_chain *watched(struct ipt_list *l, struct str name)
{
	for (size_t i = 0; i < l->watch_n; i++)
		if (l->watch[i].table == l->table &&
		    str_eq(name, str_z(l->watch[i].name)))
			return &l->watch[i];
	return NULL;
}

void ipt_list_watch(struct ipt_list *l, enum ipt_table table, const char *name)
{
	if (ipt_list_chain_of(l, table, name) || l->watch_n == PLACES_MAX)
		return;
	l->watch[l->watch_n++] = (struct ipt_list_chain){
		.name = name, .table = table,
	};
}

const struct ipt_list_chain *ipt_list_chain_of(const struct ipt_list *l,
					       enum ipt_table table,
					       const char *name)
{
	for (size_t i = 0; i < l->watch_n; i++)
		if (l->watch[i].table == table &&
		    !strcmp(name, l->watch[i].name))
			return &l->watch[i];
	return NULL;
}

/* ":UPNPD-tcp-39936 - [0:0]" */
static void note_chain(struct ipt_list *l, struct str line)
{
	struct ipt_list_chain *chain;
	struct str name;
	unsigned leaf;

	if (!str_word(&line, &name))
		return;
	name = str_skip(name, 1);
	l->ours[l->table] |= is_ours(l, name);
	chain = watched(l, name);
	if (chain)
		chain->exists = true;
	for (int c = 0; c < IPT_CHAINS; c++) {
		if (ipt_rule_specs[c].table != l->table)
			continue;
		l->chain[c] |= str_eq(name, str_z(ipt_rule_specs[c].chain));
		if (ipt_leaf_read(name, c, &leaf))
			ipt_leaf_add(&l->leaves, c, leaf);
	}
}

/* ---- jumps --------------------------------------------------------------- */

/* Do the last two words jump to a chain of ours? A jump to a chain has no
 * options behind it. */
static bool is_jump(const struct ipt_list *l, struct str rule)
{
	struct str before = STR(""), last = STR(""), word;

	while (str_word(&rule, &word)) {
		before = last;
		last = word;
	}
	return (str_eq(before, STR("-j")) || str_eq(before, STR("-g"))) &&
	       is_ours(l, last);
}

static void keep_jump(struct ipt_list *l, struct str rule)
{
	struct wr w = wr_init(l->text + l->text_n, sizeof(l->text) - l->text_n);

	if (l->jump_n == IPT_LIST_JUMPS_MAX)
		return;
	wr_str(&w, rule);
	if (w.over)
		return;
	l->jump[l->jump_n++] = (struct ipt_list_jump){
		.text = (uint32_t)l->text_n, .len = (uint32_t)rule.n,
		.number = l->now_rules, .table = l->table,
	};
	l->text_n += rule.n;
}

static void note_jump(struct ipt_list *l, struct str chain, struct str rule)
{
	uint32_t others = l->now_rules - 1 - l->now_jumps;

	l->ours[l->table] = true;
	keep_jump(l, rule);
	l->now_jumps++;
	if (l->table != IPT_NAT) {
		backend_count(&l->jumps[l->table],
			      ipt_list_hash_jump(rule, others));
		return;
	}
	l->nat_jumps++;
	l->pre_jumps += str_eq(rule, STR("PREROUTING -j " IPT_DNAT_CHAIN));
	l->post_jumps += str_eq(rule, STR("POSTROUTING -j " IPT_SNAT_CHAIN));
	if (str_eq(chain, STR("PREROUTING")))
		l->pre_last = true;
}

uint32_t ipt_list_jumps_before(const struct ipt_list *l, enum ipt_table table,
			       const char *chain, uint32_t number)
{
	uint32_t n = 0;

	for (size_t i = 0; i < l->jump_n; i++) {
		const struct ipt_list_jump *j = &l->jump[i];
		struct str text = { l->text + j->text, j->len }, name;

		n += j->table == table && j->number < number &&
		     str_word(&text, &name) && str_eq(name, str_z(chain));
	}
	return n;
}

bool ipt_list_hooked(const struct ipt_list *l)
{
	return l->nat_jumps == 2 && l->pre_jumps == 1 && l->post_jumps == 1 &&
	       l->pre_last;
}

/* ---- lines --------------------------------------------------------------- */

/* A rule in a chain of others. The rules of a chain are listed one after the
 * other. */
static void note_rule(struct ipt_list *l, struct str chain, struct str rule)
{
	if (!str_eq(chain, str_z(l->now))) {
		/* a longer name does not compare equal, so each of its rules
		 * is number 1; it is not watched, and has no jump of ours */
		str_copy(l->now, sizeof(l->now), chain);
		l->now_rules = l->now_jumps = 0;
		l->now_watch = watched(l, chain);
	}
	l->now_rules++;
	if (l->now_watch)
		l->now_watch->rules++;
	if (is_jump(l, rule))
		note_jump(l, chain, rule);
	else if (l->table == IPT_NAT && str_eq(chain, STR("PREROUTING")))
		l->pre_last = false;
}

static void keep_stale(struct ipt_list *l, unsigned leaf, struct str rule)
{
	struct wr w = wr_init(l->stale_text + l->stale_text_n,
			      sizeof(l->stale_text) - l->stale_text_n);

	wr_str(&w, rule);
	if (l->stale_n == IPT_LIST_STALE_MAX || w.over) {
		ipt_leaf_add(&l->redo, IPT_ACCEPT6, leaf);
		return;
	}
	l->stale[l->stale_n++] = (struct ipt_list_stale){
		.text = (uint32_t)l->stale_text_n, .len = (uint32_t)rule.n,
		.leaf = leaf,
	};
	l->stale_text_n += rule.n;
}

/* In a leaf of pinholes. Versions of the tool print addresses in different
 * ways, so the rule counts, not the text. */
static uint64_t note_pinhole(struct ipt_list *l, unsigned leaf,
			     struct str line, uint64_t packets)
{
	struct nat_rule r;
	bool known = ipt_rule_read6(line, &r) &&
		     ipt_leaf_of(IPT_ACCEPT6, &r) == leaf;

	if (l->pinhole && !(known && l->pinhole(l->arg, &r, packets)))
		keep_stale(l, leaf, line);
	return known ? hash_add(HASH_BEGIN, &r, sizeof(r)) :
		       hash_rule(HASH_BEGIN, line);
}

static void note_own(struct ipt_list *l, struct str chain, struct str line,
		     uint64_t packets)
{
	unsigned leaf;

	backend_count(&l->tally[l->table],
		      l->table == IPT_FILTER6 &&
		      ipt_leaf_read(chain, IPT_ACCEPT6, &leaf) ?
		      note_pinhole(l, leaf, line, packets) :
		      hash_rule(HASH_BEGIN, line));
}

/* "[7:700] -A ..." */
static struct str cut_counters(struct str line, uint64_t *packets)
{
	*packets = 0;
	if (!str_starts(line, STR("[")))
		return line;
	for (line = str_skip(line, 1);
	     line.n && *line.p >= '0' && *line.p <= '9';
	     line = str_skip(line, 1))
		*packets = *packets * 10 + (uint64_t)(*line.p - '0');
	while (line.n && *line.p != '-')
		line = str_skip(line, 1);
	return line;
}

void ipt_list_line(void *arg, struct str line)
{
	struct ipt_list *l = arg;
	struct str rest, name;
	uint64_t packets;

	line = cut_counters(line, &packets);
	if (str_starts(line, STR(":"))) {
		note_chain(l, line);
		return;
	}
	if (!str_starts(line, STR("-A ")))
		return;
	rest = str_skip(line, 3);
	line = rest;
	if (!str_word(&rest, &name))
		return;
	if (is_ours(l, name))
		note_own(l, name, line, packets);
	else
		note_rule(l, name, line);
}

int ipt_list_table(struct natfw *fw, const char *save, enum ipt_table table,
		   struct ipt_list *l)
{
	const char *const argv[] = {
		save, "-t", ipt_rule_tables[table],
		ipt_rule_ip6(table) ? "-c" : NULL, NULL
	};
	struct backend_run run = {
		.argv = argv, .line = ipt_list_line, .arg = l,
		.rules = fw->mappings.rule_n + fw->pinholes.rule_n,
	};

	l->table = table;
	l->now[0] = '\0';
	return backend_run(fw, &run);
}
