/* SPDX-License-Identifier: ISC */
/*
 * check_rules.c - chains, jumps and verdicts out of the listings of nft and
 * iptables-save.
 *
 * Owns: nothing; a struct rules is the caller's. Chains are kept by the hash of
 * their names, so that thousands of rules cost no memory.
 */
#include <string.h>
#include "base/wr.h"
#include "upnpctl/check_match.h"
#include "upnpctl/check_rules.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"
#include "natfw/nl_place.h"

#define DEPTH_MAX	16	/* of jumps; the kernel's own limit */
#define STEPS_MAX	20000	/* chains looked into for one answer */

/* ---- chains and jumps ------------------------------------------------ */

static uint64_t key_of(struct str table, struct str chain)
{
	uint64_t h = BACKEND_HASH;
	struct str word;

	while (str_word(&table, &word))
		h = backend_hash(h, word);
	return backend_hash(h, chain);
}

/* Its place; one not seen yet gets one. -1: there are too many. */
static int chain_at(struct rules *r, struct str name)
{
	uint64_t key = key_of(str_z(r->table.z), name);
	size_t i;

	for (i = 0; i < r->chain_n; i++)
		if (r->chain[i].key == key)
			return (int)i;
	if (i == RULES_CHAINS_MAX) {
		r->over = true;
		return -1;
	}
	r->chain[r->chain_n++] = (struct rules_chain){ .key = key };
	return (int)i;
}

static void add_jump(struct rules *r, struct str name, uint32_t in,
		     uint32_t out)
{
	int to = chain_at(r, name);

	if (to < 0 || !(in | out))
		return;
	if (r->jump_n == RULES_JUMPS_MAX) {
		r->over = true;
		return;
	}
	r->jump[r->jump_n++] = (struct rules_jump){
		(uint16_t)r->here, (uint16_t)to, in, out };
}

static void add_base(struct rules *r, bool drop)
{
	struct rules_base *b = &r->base[r->base_n];
	struct wr w = wr_init_cut(b->name, sizeof(b->name));

	if (r->base_n == RULES_BASES_MAX) {
		r->over = true;
		return;
	}
	wr_fmt(&w, "%s %s", r->table.z, r->name.z);
	wr_cstr(&w);
	b->chain = (uint16_t)r->here;
	b->drop = drop;
	r->base_n++;
}

static void begin_chain(struct rules *r, struct str name)
{
	r->here = chain_at(r, name);
	r->counts = false;
	if (!str_copy(r->name.z, sizeof(r->name.z), name))
		r->name.z[0] = '\0';
}

/* ---- a rule ---------------------------------------------------------- */

/* Words of both languages, and what follows them. */
enum word_kind {
	W_UNKNOWN, W_NARROW, W_SKIP, W_SKIP_ONE, W_IIF, W_OIF, W_IP, W_NEVER,
	W_FAMILY, W_SADDR, W_DADDR, W_STATE, W_CT, W_ACCEPT, W_OURS, W_DROP,
	W_MASQ, W_RETURN, W_JUMP, W_GOTO, W_VMAP, W_NOT, W_PROTO,
};

struct word {
	const char *z;
	unsigned char kind;
};

static const struct word nft_words[] = {
	{ "meta", W_SKIP }, { "counter", W_SKIP }, { "packets", W_SKIP_ONE },
	{ "bytes", W_SKIP_ONE }, { "log", W_SKIP }, { "prefix", W_SKIP_ONE },
	{ "level", W_SKIP_ONE }, { "comment", W_SKIP_ONE },
	{ "iifname", W_IIF }, { "iif", W_IIF }, { "oifname", W_OIF },
	{ "oif", W_OIF }, { "ip", W_IP }, { "ip6", W_NEVER },
	{ "nfproto", W_FAMILY }, { "ct", W_CT }, { "mark", W_NARROW },
	{ "dport", W_NARROW }, { "sport", W_NARROW }, { "l4proto", W_NARROW },
	{ "protocol", W_NARROW }, { "vmap", W_VMAP }, { "accept", W_ACCEPT },
	{ "@" NL_PLACE_SET, W_OURS }, { "drop", W_DROP },
	{ "reject", W_DROP }, { "masquerade", W_MASQ }, { "snat", W_MASQ },
	{ "return", W_RETURN }, { "jump", W_JUMP }, { "goto", W_GOTO },
};

static const struct word ipt_words[] = {
	{ "!", W_NOT }, { "-i", W_IIF }, { "-o", W_OIF }, { "-s", W_SADDR },
	{ "-d", W_DADDR }, { "-p", W_PROTO }, { "-m", W_SKIP_ONE },
	{ "--comment", W_SKIP_ONE }, { "--ctstate", W_STATE },
	{ "--state", W_STATE }, { "--mark", W_NARROW }, { "-j", W_JUMP },
	{ "-g", W_GOTO },
};

static const struct word ipt_targets[] = {
	{ "ACCEPT", W_ACCEPT }, { "DROP", W_DROP }, { "REJECT", W_DROP },
	{ "MASQUERADE", W_MASQ }, { "SNAT", W_MASQ }, { "RETURN", W_RETURN },
	{ IPT_ACCEPT_CHAIN, W_OURS },
};

#define KIND_IN(table, s) kind_in(table, sizeof(table) / sizeof(table[0]), s)
static enum word_kind kind_in(const struct word *w, size_t n, struct str s)
{
	for (; n > 0; n--, w++)
		if (str_eq(s, str_z(w->z)))
			return w->kind;
	return W_UNKNOWN;
}

/* What the rule does to what it fits and no rule before it decided. */
static void verdict(struct rules *r, const struct match *m,
		    enum word_kind kind, struct str target)
{
	struct rules_chain *c = &r->chain[r->here];
	uint32_t open = ~(c->accept | c->drop | c->leave);
	uint32_t in = m->sure & open;

	switch (kind) {
	case W_OURS:
		c->accept |= m->in & open;
		break;
	case W_ACCEPT:
		c->accept |= in;
		break;
	case W_DROP:
		c->drop |= in;
		break;
	case W_RETURN:
		c->leave |= in;
		break;
	case W_MASQ:
		c->masq |= m->out;
		break;
	case W_GOTO:
	case W_JUMP:
		add_jump(r, target, in, m->out);
		if (kind == W_GOTO)
			r->chain[r->here].leave |= in;
		break;
	default:
		break;
	}
}

/* ---- nft ------------------------------------------------------------- */

static void nft_ip(struct match *m, struct str *rest)
{
	struct str w;

	if (!match_token(rest, &w))
		return;
	if (str_eq(w, STR("saddr")) || str_eq(w, STR("daddr")))
		match_addr(m, *w.p == 's', match_values(rest));
	else
		match_unknown(m, KIND_IN(nft_words, w) == W_NARROW);
}

static void nft_ct(struct match *m, struct str *rest)
{
	struct str w;

	if (!match_token(rest, &w))
		return;
	if (str_eq(w, STR("state")) || str_eq(w, STR("status")))
		match_state(m, match_values(rest));
	else
		match_unknown(m, KIND_IN(nft_words, w) == W_NARROW);
}

/* A condition; false: it is none, but what the rule does. */
static bool nft_condition(struct match *m, enum word_kind kind,
			  struct str *rest)
{
	struct str w;

	switch (kind) {
	case W_UNKNOWN:
	case W_NARROW:
		match_unknown(m, kind == W_NARROW);
		break;
	case W_SKIP:
		break;
	case W_SKIP_ONE:
		match_token(rest, &w);
		break;
	case W_IIF:
	case W_OIF:
		match_iface(m, kind == W_IIF, match_values(rest));
		break;
	case W_IP:
		nft_ip(m, rest);
		break;
	case W_NEVER:
		match_none(m);
		break;
	case W_FAMILY:
		if (match_token(rest, &w) && str_eq(w, STR("ipv6")))
			match_none(m);
		break;
	case W_CT:
		nft_ct(m, rest);
		break;
	default:
		return false;
	}
	return true;
}

/* Return: is it a rule of ours? */
static bool nft_rule(struct rules *r, struct str line)
{
	struct match m = match_init(r->flow);
	bool vmap = false;
	struct str w, target = STR("");
	enum word_kind kind;

	while (match_token(&line, &w)) {
		kind = KIND_IN(nft_words, w);
		if (nft_condition(&m, kind, &line))
			continue;
		if (kind == W_VMAP) {
			match_unknown(&m, false);
			vmap = true;
			continue;
		}
		if (kind == W_JUMP || kind == W_GOTO)
			match_token(&line, &target);
		verdict(r, &m, kind, target);
		if (!vmap)
			return kind == W_OURS;
	}
	return false;
}

/* Chains of the iptables command have these names; nobody else's should. */
static bool is_xtables(const struct rules *r)
{
	return str_starts(str_z(r->table.z), STR("ip ")) &&
	       (!strcmp(r->name.z, "FORWARD") ||
		!strcmp(r->name.z, "POSTROUTING") ||
		!strcmp(r->name.z, "PREROUTING") ||
		!strcmp(r->name.z, "INPUT") || !strcmp(r->name.z, "OUTPUT"));
}

/* "type filter hook forward priority 0; policy drop;" */
static void nft_hook(struct rules *r, struct str line)
{
	struct str w[4] = { { NULL, 0 } }, last = STR("");
	bool forward, drop;

	for (size_t i = 0; i < 4; i++)
		str_word(&line, &w[i]);
	while (str_word(&line, &last))
		;
	forward = str_eq(w[1], STR("filter")) && str_eq(w[3], STR("forward"));
	drop = str_eq(last, STR("drop;"));
	if (is_xtables(r))
		return;
	r->counts = forward || str_eq(w[1], STR("nat"));
	r->used |= forward && drop;
	if (forward)
		add_base(r, drop);
	else if (r->counts && str_eq(w[3], STR("postrouting")))
		r->chain[r->here].post = true;
}

static void nft_table(struct rules *r, struct str rest)
{
	struct str family = STR(""), name = STR("");
	struct wr w = wr_init(r->table.z, sizeof(r->table.z));

	str_word(&rest, &family);
	str_word(&rest, &name);
	wr_fmt(&w, "%.*s %.*s", STR_F(family), STR_F(name));
	wr_cstr(&w);
	r->skip = (!str_eq(family, STR("ip")) &&
		   !str_eq(family, STR("inet"))) ||
		  !strcmp(r->table.z, "ip upnpd");
	r->here = -1;
}

/* What a heading begins: a table, a chain, or what is of no interest. */
static void nft_heading(struct rules *r, struct str line)
{
	struct str w = STR(""), name = STR("");

	str_word(&line, &w);
	if (str_eq(w, STR("table"))) {
		nft_table(r, line);
		return;
	}
	str_word(&line, &name);
	r->here = -1;
	if (!r->skip && str_eq(w, STR("chain")))
		begin_chain(r, name);
}

void rules_nft(void *arg, struct str line)
{
	struct rules *r = arg;

	line = str_trim(line);
	if (!line.n || *line.p == '#')
		return;
	if (line.p[line.n - 1] == '{')
		nft_heading(r, line);
	else if (str_eq(line, STR("}")))
		r->here = -1;
	else if (r->here >= 0 && str_starts(line, STR("type ")))
		nft_hook(r, line);
	else if (r->here >= 0 && !nft_rule(r, line))
		r->used |= r->counts;
}

/* ---- iptables -------------------------------------------------------- */

static void ipt_condition(struct match *m, enum word_kind kind,
			  struct values v)
{
	switch (kind) {
	case W_IIF:
	case W_OIF:
		match_iface(m, kind == W_IIF, v);
		break;
	case W_SADDR:
	case W_DADDR:
		match_addr(m, kind == W_SADDR, v);
		break;
	case W_STATE:
		match_state(m, v);
		break;
	case W_PROTO:
	case W_NARROW:
		match_unknown(m, true);
		break;
	case W_SKIP_ONE:
		break;
	default:
		match_unknown(m, false);
	}
}

/* The words behind "-A CHAIN". Return: is it a rule of ours? */
static bool ipt_rule(struct rules *r, struct str line)
{
	struct match m = match_init(r->flow);
	struct values v = { .negate = false };
	enum word_kind kind, target;
	struct str w;

	while (match_token(&line, &w)) {
		kind = KIND_IN(ipt_words, w);
		if (kind == W_NOT) {
			v.negate = true;
			continue;
		}
		if (kind != W_UNKNOWN)
			match_token(&line, &v.list);
		if (kind == W_JUMP || kind == W_GOTO) {
			target = KIND_IN(ipt_targets, v.list);
			verdict(r, &m, target ? target : kind, v.list);
			return target == W_OURS;
		}
		ipt_condition(&m, kind, v);
		v.negate = false;
	}
	return false;
}

/* ":FORWARD DROP [0:0]" */
static void ipt_chain(struct rules *r, struct str line)
{
	struct str name, policy = STR("");
	bool nat = !strcmp(r->table.z, "nat"), drop;

	if (!str_word(&line, &name) || ipt_leaf_is_ours(name))
		return;
	str_word(&line, &policy);
	begin_chain(r, name);
	drop = str_eq(policy, STR("DROP"));
	if (r->here < 0)
		return;
	if (nat && str_eq(name, STR("POSTROUTING")))
		r->chain[r->here].post = true;
	if (nat || !str_eq(name, STR("FORWARD")))
		return;
	add_base(r, drop);
	r->used |= drop;
}

/* Rules in the chains that hooks lead to; of our own chains none. */
static void ipt_append(struct rules *r, struct str line)
{
	bool nat = !strcmp(r->table.z, "nat"), counts, ours;
	struct str name;

	if (!str_word(&line, &name))
		return;
	if (ipt_leaf_is_ours(name))
		return;
	r->here = chain_at(r, name);
	if (r->here < 0)
		return;
	counts = str_eq(name, STR("FORWARD")) ||
		 (nat && (str_eq(name, STR("PREROUTING")) ||
			  str_eq(name, STR("POSTROUTING"))));
	ours = ipt_rule(r, line) ||
	       str_eq(str_trim(line), STR("-j " IPT_SNAT_CHAIN));
	r->used |= counts && !ours;
}

void rules_ipt(void *arg, struct str line)
{
	struct rules *r = arg;

	line = str_trim(line);
	if (str_starts(line, STR("*"))) {
		line = str_skip(line, 1);
		if (!str_copy(r->table.z, sizeof(r->table.z), line))
			r->table.z[0] = '\0';
		r->skip = strcmp(r->table.z, "nat") &&
			  strcmp(r->table.z, "filter");
	} else if (!r->skip && str_starts(line, STR(":"))) {
		ipt_chain(r, str_skip(line, 1));
	} else if (!r->skip && str_starts(line, STR("-A "))) {
		ipt_append(r, str_skip(line, 3));
	}
}

/* ---- answers --------------------------------------------------------- */

void rules_begin(struct rules *r, const struct rules_flow *flow)
{
	memset(r, 0, sizeof(*r));
	r->flow = flow;
	r->here = -1;
	r->skip = true;
}

uint32_t rules_masquerade(struct rules *r)
{
	const struct rules_jump *j, *end = r->jump + r->jump_n;
	uint32_t ret = 0;

	for (int pass = 0; pass < DEPTH_MAX; pass++)
		for (j = r->jump; j < end; j++)
			r->chain[j->from].masq |=
				r->chain[j->to].masq & j->out;
	for (size_t i = 0; i < r->chain_n; i++)
		if (r->chain[i].post)
			ret |= r->chain[i].masq;
	return ret;
}

enum fate { UNDECIDED, ACCEPTED, DROPPED };

struct walk {
	const struct rules *r;
	uint32_t bit;
	unsigned steps;
};

/* Jumps were kept only as long as nothing was decided, so they come first. */
static enum fate fate_in(struct walk *walk, uint16_t chain, unsigned depth)
{
	const struct rules *r = walk->r;
	const struct rules_chain *c = &r->chain[chain];
	const struct rules_jump *j, *end = r->jump + r->jump_n;
	enum fate fate = UNDECIDED;

	if (depth == DEPTH_MAX || ++walk->steps > STEPS_MAX)
		return UNDECIDED;
	for (j = r->jump; j < end && fate == UNDECIDED; j++)
		if (j->from == chain && j->in & walk->bit)
			fate = fate_in(walk, j->to, depth + 1);
	if (fate == UNDECIDED && c->accept & walk->bit)
		fate = ACCEPTED;
	if (fate == UNDECIDED && c->drop & walk->bit)
		fate = DROPPED;
	return fate;
}

static uint32_t blocked_by(const struct rules *r, const struct rules_base *b)
{
	uint32_t nets = 0;

	for (size_t i = 0; i < r->flow->n; i++) {
		struct walk walk = { r, UINT32_C(1) << i, 0 };
		enum fate fate = fate_in(&walk, b->chain, 0);

		if (fate == DROPPED || (fate == UNDECIDED && b->drop))
			nets |= walk.bit;
	}
	return nets;
}

const struct rules_base *rules_block(struct rules *r, uint32_t *ret_nets)
{
	const struct rules_base *b;

	for (b = r->base; b < r->base + r->base_n; b++) {
		*ret_nets = blocked_by(r, b);
		if (*ret_nets)
			return b;
	}
	return NULL;
}

bool rules_has(struct rules *r, const char *table, const char *chain)
{
	uint64_t key = key_of(str_z(table), str_z(chain));

	for (size_t i = 0; i < r->chain_n; i++)
		if (r->chain[i].key == key)
			return true;
	return false;
}
