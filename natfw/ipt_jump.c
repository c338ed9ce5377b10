/* SPDX-License-Identifier: ISC */
/*
 * ipt_jump.c - the jumps to our filter chain, made from the places and compared
 * with the model. Pure.
 * Runs in: any
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include "natfw/ipt_jump.h"
#include "natfw/ipt_rule.h"

static bool is_in(const struct ruleset *rs, uint32_t chain,
		  enum ruleset_kind kind, enum ipt_table table)
{
	const struct ruleset_table *t = &rs->table[rs->chain[chain].table];

	return t->kind == kind &&
	       t->family == (ipt_rule_ip6(table) ? NFPROTO_IPV6 :
						   NFPROTO_IPV4) &&
	       !strcmp(t->name, ipt_rule_tables[table]);
}

/* ---- places -------------------------------------------------------------- */

/* A name that begins with '-' or '!' is an option to the tool, and it reads
 * quotes, escapes and comments. */
static bool is_word(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= IPT_LIST_CHAIN_MAX || *name == '-' || *name == '!')
		return false;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~' ||
		    strchr("\"'\\#`", name[i]))
			return false;
	return true;
}

bool ipt_jump_writable(const struct ruleset *rs, const struct place *p)
{
	const struct ruleset_chain *c = &rs->chain[p->chain];

	return !strcmp(ruleset_table_of(rs, p->chain)->name,
		       ipt_rule_tables[IPT_FILTER]) &&
	       is_word(c->name) &&
	       (c->hook < 0 || !strcmp(c->name, "FORWARD"));
}

/* The first place from @i on that this writer can write, or NULL. */
static const struct place *next_place(const struct natfw *fw,
				      enum ruleset_kind kind,
				      enum ipt_table table, size_t *i)
{
	const struct place *p;

	while (fw->rules && fw->places && *i < fw->places->n) {
		p = &fw->places->at[(*i)++];
		if (is_in(fw->rules, p->chain, kind, table) &&
		    ipt_jump_writable(fw->rules, p))
			return p;
	}
	return NULL;
}

bool ipt_jump_has_place(const struct natfw *fw, enum ruleset_kind kind,
			enum ipt_table table)
{
	size_t i = 0;

	return next_place(fw, kind, table, &i);
}

void ipt_jump_watch(const struct natfw *fw, enum ruleset_kind kind,
		    struct ipt_list *l)
{
	const struct place *p;
	size_t i;

	for (int t = 0; t < IPT_TABLES; t++)
		for (i = 0; (p = next_place(fw, kind, t, &i));)
			ipt_list_watch(l, t, fw->rules->chain[p->chain].name);
}

/* Fill in what the place says. */
static void set(struct ipt_jump *new, const struct place *p,
		const char *ext_if, bool from)
{
	new->ifname = p->ifname;
	new->from = from;
	new->not_from = p->hairpin && !from ? ext_if : "";
	new->proto = p->proto;
}

static void add(struct ipt_jumps *js, const struct natfw *fw,
		const struct place *p, const struct ipt_jump *j, bool from)
{
	struct ipt_jump *new = &js->at[js->n++];

	*new = *j;
	set(new, p, fw->env.ext_if, from);
}

int ipt_jump_find(const struct natfw *fw, enum ruleset_kind kind,
		  enum ipt_table table, const struct ipt_list *found, struct ipt_jumps *ret)
{
	const struct ipt_list_chain *c;
	const struct place *p;
	size_t i = 0;

	ret->n = 0;
	while ((p = next_place(fw, kind, table, &i))) {
		struct ipt_jump j = {
			.chain = fw->rules->chain[p->chain].name,
			.end = p->before == RULESET_NONE,
		};
		uint32_t number;

		c = ipt_list_chain_of(found, table, j.chain);
		if (!c || !c->exists)
			return -ESTALE;
		number = j.end ? c->rules + 1 :
			 fw->rules->rule[p->before].number;
		if (number > c->rules + j.end)
			return -ESTALE;
		j.others = number - 1 -
			   ipt_list_jumps_before(found, table, j.chain,
						 number);
		/* without an interface one rule matches both directions */
		if (p->to || !*p->ifname)
			add(ret, fw, p, &j, false);
		if (p->from && *p->ifname)
			add(ret, fw, p, &j, true);
	}
	return 0;
}

/* ---- jumps --------------------------------------------------------------- */

void ipt_jump_put(struct wr *w, const struct ipt_jump *j)
{
	if (*j->not_from)
		wr_fmt(w, " ! -i %s", j->not_from);
	if (*j->ifname)
		wr_fmt(w, " -%c %s", j->from ? 'i' : 'o', j->ifname);
	if (j->proto)
		wr_fmt(w, " -p %s", nat_rule_proto(j->proto));
	wr_z(w, " -j " IPT_ACCEPT_CHAIN);
}

uint32_t ipt_jump_number(const struct ipt_jumps *js, size_t i)
{
	uint32_t n = js->at[i].others + 1;

	for (size_t k = 0; k < i; k++)
		n += !strcmp(js->at[k].chain, js->at[i].chain) &&
		     js->at[k].others < js->at[i].others;
	return n;
}

static void count(struct backend_tally *t, const struct ipt_jump *j)
{
	char buf[IPT_LIST_CHAIN_MAX + 2 * IF_NAMESIZE + 32];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_z(&w, j->chain);
	ipt_jump_put(&w, j);
	backend_count(t, ipt_list_hash_jump(wr_done(&w), j->others));
}

struct backend_tally ipt_jump_tally(const struct ipt_jumps *js)
{
	struct backend_tally ret = { 0 };

	for (size_t i = 0; i < js->n; i++)
		count(&ret, &js->at[i]);
	return ret;
}

/* ---- in the model -------------------------------------------------------- */

static bool is_jump(const struct ruleset *rs, const struct ruleset_rule *r)
{
	return r->ours &&
	       (r->verdict == RULESET_JUMP || r->verdict == RULESET_GOTO) &&
	       r->target != RULESET_NONE && rs->chain[r->target].ours;
}

/* Read the conditions of a jump in the model. Return: false if one is not as
 * ipt_jump_put() writes it */
static bool read_jump(const struct ruleset *rs, const struct ruleset_rule *r,
		      struct ipt_jump *ret)
{
	for (uint32_t i = 0; i < r->cond_n; i++) {
		const struct ruleset_cond *c = &rs->cond[r->cond + i];

		const char *ifname = (const char *)c->value;

		if (c->op != RULESET_MASK ||
		    (c->negate && c->field != RULESET_IIFNAME))
			return false;
		switch (c->field) {
		case RULESET_IIFNAME:
		case RULESET_OIFNAME:
			if (ifname[IF_NAMESIZE - 1])
				return false;
			*(c->negate ? &ret->not_from : &ret->ifname) = ifname;
			ret->from |= c->field == RULESET_IIFNAME && !c->negate;
			break;
		case RULESET_L4PROTO:
			ret->proto = c->value[0];
			break;
		default:
			return false;
		}
	}
	return true;
}

/* Count the rules before rule @before of a chain that are no jumps of ours.
 * Several rules of the model may be one line, which has one number.
 * @tally: gets the jumps among them; may be NULL
 * Return: false if a jump is not as ipt_jump_put() writes it */
static bool others_before(const struct ruleset *rs, uint32_t chain,
			  uint32_t before, uint32_t *ret,
			  struct backend_tally *tally)
{
	uint32_t number = 0;

	*ret = 0;
	for (uint32_t i = rs->chain[chain].first;
	     i != RULESET_NONE && i != before; i = rs->rule[i].next) {
		const struct ruleset_rule *r = &rs->rule[i];
		struct ipt_jump j = {
			.chain = rs->chain[chain].name, .ifname = "",
			.not_from = "", .others = *ret,
		};

		if (!is_jump(rs, r))
			*ret += r->number != number;
		else if (tally && !read_jump(rs, r, &j))
			return false;
		else if (tally)
			count(tally, &j);
		number = r->number;
	}
	return true;
}

static bool filter_placed(const struct natfw *fw, const struct ruleset *rs,
			  enum ruleset_kind kind, enum ipt_table table)
{
	struct backend_tally want = { 0 }, is = { 0 };
	const struct place *p;
	uint32_t others;
	size_t i = 0;

	while ((p = next_place(fw, kind, table, &i))) {
		struct ipt_jump j = {
			.chain = rs->chain[p->chain].name,
		};

		others_before(rs, p->chain, p->before, &j.others, NULL);
		set(&j, p, fw->env.ext_if, false);
		if (p->to || !*p->ifname)
			count(&want, &j);
		set(&j, p, fw->env.ext_if, true);
		if (p->from && *p->ifname)
			count(&want, &j);
	}
	for (uint32_t c = 0; c < rs->chain_n; c++)
		if (is_in(rs, c, kind, table) && !rs->chain[c].ours &&
		    !others_before(rs, c, RULESET_NONE, &others, &is))
			return false;
	return backend_same(want, is);
}

/* Is a jump of ours the last rule of PREROUTING? */
static bool nat_placed(const struct ruleset *rs, enum ruleset_kind kind)
{
	for (uint32_t c = 0; c < rs->chain_n; c++)
		if (is_in(rs, c, kind, IPT_NAT) &&
		    !strcmp(rs->chain[c].name, "PREROUTING"))
			return rs->chain[c].last != RULESET_NONE &&
			       is_jump(rs, &rs->rule[rs->chain[c].last]);
	return false;
}

bool ipt_jump_placed(const struct natfw *fw, enum ruleset_kind kind,
		     bool translates)
{
	const struct ruleset *rs = fw->rules;

	return !rs || (filter_placed(fw, rs, kind, IPT_FILTER) &&
		       filter_placed(fw, rs, kind, IPT_FILTER6) &&
		       (!translates || nat_placed(rs, kind)));
}
