/* SPDX-License-Identifier: ISC */
/* check_ipt.c - parse the output of iptables-save. Runs in: upnpctl */
#include <string.h>
#include "upnpctl/check_ipt.h"
#include "base/wr.h"
#include "upnpctl/check_match.h"
#include "natfw/ipt_leaf.h"

/* ---- words ----------------------------------------------------------- */

enum kind {
	UNKNOWN, IIF, OIF, SADDR, DADDR, STATE, NARROW, HARMLESS, JUMP,
	GOTO,
};

struct word {
	char z[12];
	unsigned char kind;
};

/* The options that are understood, each with a value. The value of -m is the
 * name of a match, whose options follow. */
static const struct word options[] = {
	{ "-i", IIF }, { "-o", OIF }, { "-s", SADDR }, { "-d", DADDR },
	{ "-p", NARROW }, { "-m", HARMLESS }, { "--comment", HARMLESS },
	{ "--ctstate", STATE }, { "--state", STATE }, { "--mark", NARROW },
	{ "-j", JUMP }, { "-g", GOTO },
};

static const struct word targets[] = {
	{ "ACCEPT", CHECK_RULES_ACCEPT }, { "DROP", CHECK_RULES_DROP },
	{ "REJECT", CHECK_RULES_DROP }, { "MASQUERADE", CHECK_RULES_MASQ },
	{ "SNAT", CHECK_RULES_MASQ }, { "RETURN", CHECK_RULES_RETURN },
	{ IPT_ACCEPT_CHAIN, CHECK_RULES_OURS },
};

#define KIND_IN(table, s) kind_in(table, sizeof(table) / sizeof(table[0]), s)
static unsigned kind_in(const struct word *w, size_t n, struct str s)
{
	for (; n > 0; n--, w++)
		if (str_eq(s, (struct str){ w->z, strnlen(w->z,
							  sizeof(w->z)) }))
			return w->kind;
	return 0;
}

/* Split off the next word, or a text in quotes. */
static bool next_word(struct str *rest, struct str *ret)
{
	struct str s = *rest;
	size_t n;

	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = str_skip(s, 1);
	if (!s.n || *s.p != '"')
		return str_word(rest, ret);
	for (n = 1; n < s.n && s.p[n] != '"'; n++)
		n += s.p[n] == '\\' && n + 1 < s.n;
	n += n < s.n;
	*ret = (struct str){ s.p, n };
	*rest = str_skip(s, n);
	return true;
}

/* ---- conditions ------------------------------------------------------ */

/* "wan+" matches every name that begins with "wan". */
static bool is_iface(struct str value, const char *name)
{
	if (!value.n || value.p[value.n - 1] != '+')
		return str_eq(value, str_z(name));
	value.n--;
	return str_starts(str_z(name), value);
}

static void match_iface(struct check_match *m, bool in, bool negate,
			struct str value)
{
	uint32_t nets = 0;

	for (size_t i = 0; i < m->flow->n; i++)
		if (is_iface(value, m->flow->net[i].ifname) != negate)
			nets |= UINT32_C(1) << i;
	check_match_iface(m, in, is_iface(value, m->flow->ext) != negate, nets);
}

/* "10.0.0.0/8", "10.0.0.1" */
static bool parse_net(struct str s, uint32_t *ret_lo, uint32_t *ret_hi)
{
	struct str head, rest = s;
	uint32_t plen = 32, bits;

	if (!str_cut(&rest, '/', &head) || !str_ipv4(head, ret_lo) ||
	    (head.n < s.n && str_u32(rest, 0, 32, &plen)))
		return false;
	bits = (uint32_t)((UINT64_C(1) << (32 - plen)) - 1);
	*ret_lo &= ~bits;
	*ret_hi = *ret_lo | bits;
	return true;
}

static void match_addr(struct check_match *m, bool source, bool negate,
		       struct str value)
{
	struct check_ranges ranges = { .unknown = false };
	uint32_t lo, hi;

	if (parse_net(value, &lo, &hi))
		check_match_range(&ranges, m->flow, lo, hi);
	else
		ranges.unknown = true;
	check_match_addr(m, source, negate, &ranges);
}

/* "NEW,DNAT". Both flows are new, and the destination of incoming packets was
 * translated. */
static void match_state(struct check_match *m, bool negate, struct str list)
{
	bool is_new = false, is_dnat = false;
	struct str one;

	while (str_cut(&list, ',', &one)) {
		is_new |= str_ieq(one, STR("NEW"));
		is_dnat |= str_ieq(one, STR("DNAT"));
	}
	if (negate && is_new)
		check_match_unknown(m);
	else if (negate)
		check_match_add(m, is_dnat ? CHECK_NEVER : CHECK_ALWAYS,
				CHECK_ALWAYS);
	else
		check_match_add(m, is_new || is_dnat ? CHECK_ALWAYS :
				CHECK_NEVER,
				is_new ? CHECK_ALWAYS : CHECK_NEVER);
}

static void add_condition(struct check_match *m, enum kind kind, bool negate,
			  struct str value)
{
	switch (kind) {
	case IIF:
	case OIF:
		match_iface(m, kind == IIF, negate, value);
		break;
	case SADDR:
	case DADDR:
		match_addr(m, kind == SADDR, negate, value);
		break;
	case STATE:
		match_state(m, negate, value);
		break;
	case NARROW:
		check_match_add(m, CHECK_MAYBE, CHECK_NEVER);
		break;
	case HARMLESS:
		break;
	default:
		check_match_unknown(m);
	}
}

/* ---- lines ----------------------------------------------------------- */

static uint64_t key_of(const struct check_ipt *ipt, struct str chain)
{
	return check_rules_key(STR(""), str_z(ipt->table), chain);
}

/* Parse the rule after "-A CHAIN". Return: is it a rule of upnpd? */
static bool parse_rule(const struct check_ipt *ipt, int here, struct str line)
{
	struct check_match m = check_match_init(ipt->rules->flow);
	struct str w, value = STR("");
	bool negate = false;
	enum kind kind;
	unsigned target;

	while (next_word(&line, &w)) {
		if (str_eq(w, STR("!"))) {
			negate = true;
			continue;
		}
		kind = (enum kind)KIND_IN(options, w);
		if (kind != UNKNOWN)
			next_word(&line, &value);
		if (kind == JUMP || kind == GOTO) {
			target = KIND_IN(targets, value);
			if (!target)
				target = kind == JUMP ? CHECK_RULES_JUMP :
							CHECK_RULES_GOTO;
			check_rules_rule(ipt->rules, here, &m, target,
					 key_of(ipt, value));
			return target == CHECK_RULES_OURS;
		}
		add_condition(&m, kind, negate, value);
		negate = false;
	}
	return false;
}

/* ":FORWARD DROP [0:0]". Chains of upnpd are skipped: there may be hundreds. */
static void begin_chain(struct check_ipt *ipt, struct str line)
{
	struct check_rules *r = ipt->rules;
	struct str name, policy = STR("");
	bool nat = !strcmp(ipt->table, "nat"), drop;
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));
	int here;

	if (!str_word(&line, &name) || ipt_leaf_is_ours(name))
		return;
	str_word(&line, &policy);
	here = check_rules_chain(r, key_of(ipt, name));
	drop = str_eq(policy, STR("DROP"));
	if (here < 0)
		return;
	if (nat && str_eq(name, STR("POSTROUTING")))
		r->chain[here].post = true;
	if (nat || !str_eq(name, STR("FORWARD")))
		return;
	wr_fmt(&w, "%s %.*s", ipt->table, STR_F(name));
	check_rules_base(r, here, drop, wr_done(&w));
	r->used |= drop;
}

/* "-A CHAIN ...". A rule of a built-in chain counts as use of the firewall,
 * unless it is a rule of upnpd. */
static void add_rule(struct check_ipt *ipt, struct str line)
{
	struct check_rules *r = ipt->rules;
	bool nat = !strcmp(ipt->table, "nat"), counts, ours;
	struct str name;
	int here;

	if (!str_word(&line, &name) || ipt_leaf_is_ours(name))
		return;
	here = check_rules_chain(r, key_of(ipt, name));
	if (here < 0)
		return;
	counts = str_eq(name, STR("FORWARD")) ||
		 (nat && (str_eq(name, STR("PREROUTING")) ||
			  str_eq(name, STR("POSTROUTING"))));
	ours = parse_rule(ipt, here, line) ||
	       str_eq(str_trim(line), STR("-j " IPT_SNAT_CHAIN));
	r->used |= counts && !ours;
}

void check_ipt_line(void *arg, struct str line)
{
	struct check_ipt *ipt = arg;
	uint8_t bit;

	line = str_trim(line);
	if (str_starts(line, STR("*"))) {
		/* "*filter". Tables other than filter and nat are skipped. */
		line = str_skip(line, 1);
		bit = check_rules_xt(line);
		ipt->rules->xt_listed |= bit;
		ipt->table[0] = '\0';
		if (bit == CHECK_RULES_FILTER || bit == CHECK_RULES_NAT)
			str_copy(ipt->table, sizeof(ipt->table), line);
		return;
	}
	if (*ipt->table && str_starts(line, STR(":")))
		begin_chain(ipt, str_skip(line, 1));
	else if (*ipt->table && str_starts(line, STR("-A ")))
		add_rule(ipt, str_skip(line, 3));
}
