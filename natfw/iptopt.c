/* SPDX-License-Identifier: ISC */
/*
 * iptopt.c - one function for each kind of option. It splits the option's
 * values off the line, and returns false if it does not know them.
 * Runs in: any
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include "natfw/iptopt.h"
#include "natfw/iptval.h"

#define NEW	((uint32_t)NF_CT_STATE_BIT(IP_CT_NEW))
#define PORTS	15		/* numbers of one multiport match */

/* ---- conditions ---------------------------------------------------- */

static void add_way(struct iptopt *o, const struct ruleset_cond *cond,
		    unsigned way)
{
	if (o->n == IPTOPT_CONDS_MAX - 1) {	/* one is left for this */
		iptopt_unknown(o);
		return;
	}
	o->at[o->n].cond = *cond;
	o->at[o->n++].way = (uint8_t)way;
}

static void add(struct iptopt *o, const struct ruleset_cond *cond)
{
	add_way(o, cond, 0);
}

/* At least one of two holds; negated: neither. */
static void add_either(struct iptopt *o, struct ruleset_cond a,
		       struct ruleset_cond b, bool negate)
{
	unsigned way = 1 + 2 * o->choices;

	if (!negate && o->choices == IPTOPT_CHOICES_MAX) {
		iptopt_unknown(o);
		return;
	}
	a.negate ^= negate;
	b.negate ^= negate;
	add_way(o, &a, negate ? 0 : way);
	add_way(o, &b, negate ? 0 : way + 1);
	o->choices += !negate;
}

static struct ruleset_cond new_cond(uint8_t field, enum ruleset_op op,
				    size_t len, bool negate)
{
	return (struct ruleset_cond){
		.field = field, .op = (uint8_t)op, .len = (uint8_t)len,
		.negate = negate, .set = RULESET_NONE, .part = { field },
		.part_len = { (uint8_t)len },
	};
}

static struct ruleset_cond unknown_cond(void)
{
	return new_cond(RULESET_OTHER, RULESET_UNKNOWN, 0, false);
}

void iptopt_unknown(struct iptopt *o)
{
	if (!o->unknown)
		o->at[o->n++].cond = unknown_cond();
	o->unknown = true;
}

/* One byte. @proto: 0 is any */
static struct ruleset_cond is_proto(uint32_t proto, bool negate)
{
	struct ruleset_cond c = new_cond(RULESET_L4PROTO, RULESET_MASK, 1,
					 negate);

	c.value[0] = (uint8_t)proto;
	c.mask[0] = proto ? 0xff : 0;
	return c;
}

/* No packet that is followed matches the rule. */
static void add_never(struct iptopt *o)
{
	struct ruleset_cond c = is_proto(0, true);

	add(o, &c);
}

/* 32 bits in host order, under a mask. */
static struct ruleset_cond is_u32(uint8_t field, uint32_t value, uint32_t mask,
				  bool negate)
{
	struct ruleset_cond c = new_cond(field, RULESET_MASK, 4, negate);

	memcpy(c.value, &value, sizeof(value));
	memcpy(c.mask, &mask, sizeof(mask));
	return c;
}

/* At least one of these bits is set. */
static struct ruleset_cond has_bits(uint8_t field, uint32_t bits, bool negate)
{
	return is_u32(field, 0, bits, !negate);
}

/* True for the first packet of a flow, and perhaps for a later one; or false
 * for the first, and perhaps true for a later one. */
static void add_if_new(struct iptopt *o, bool if_new)
{
	struct ruleset_cond is_new = has_bits(RULESET_CT_STATE, NEW, !if_new);

	if (if_new) {
		add_either(o, is_new, unknown_cond(), false);
		return;
	}
	add(o, &is_new);
	iptopt_unknown(o);
}

static void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A set with these elements. */
static uint32_t new_set(struct iptopt *o, uint32_t key_len,
			const struct ruleset_elem *elem, size_t n)
{
	uint32_t set = ruleset_add_set(o->rules, o->table, STR(""), key_len);

	for (size_t i = 0; set != RULESET_NONE && i < n; i++)
		ruleset_add_elem(o->rules, set, &elem[i]);
	return set;
}

/* ---- options of every rule ----------------------------------------- */

struct option;
typedef bool option_fn(struct iptopt *, const struct option *, bool negate,
		       struct str *line);

struct option {
	char name[20];		/* with '*' at its end: any that begins so */
	option_fn *read;
	uint8_t field;
};

/* "wan+" matches every name that begins with "wan". */
static bool read_iface(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct ruleset_cond c = new_cond(opt->field, RULESET_MASK, IF_NAMESIZE,
					 negate);
	size_t fixed = IF_NAMESIZE;
	struct str name;

	if (!iptval_word(line, &name))
		return false;
	if (name.n && name.p[name.n - 1] == '+')
		fixed = --name.n;
	if (name.n >= IF_NAMESIZE)
		return false;
	memcpy(c.value, name.p, name.n);
	memset(c.mask, 0xff, fixed);
	add(o, &c);
	return true;
}

static void add_addr(struct iptopt *o, uint8_t field, enum ruleset_op op,
		     const struct iptval_addr *addr, bool negate)
{
	struct ruleset_cond c = new_cond(field, op, addr->len, negate);

	memcpy(c.value, addr->a, addr->len);
	memcpy(c.mask, addr->b, addr->len);
	add(o, &c);
}

static bool read_net(struct iptopt *o, const struct option *opt, bool negate,
		     struct str *line)
{
	struct iptval_addr net;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_net(s, &net))
		return false;
	add_addr(o, opt->field, RULESET_MASK, &net, negate);
	return true;
}

static bool read_addrs(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct iptval_addr range;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_addrs(s, &range))
		return false;
	add_addr(o, opt->field, RULESET_RANGE, &range, negate);
	return true;
}

static bool read_proto(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct ruleset_cond c;
	uint32_t proto;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_proto(s, &proto))
		return false;
	c = is_proto(proto, negate);
	add(o, &c);
	return true;
}

/* ---- ports --------------------------------------------------------- */

static bool read_port(struct iptopt *o, const struct option *opt, bool negate,
		      struct str *line)
{
	struct ruleset_cond c = new_cond(opt->field, RULESET_RANGE, 2, negate);
	uint32_t lo, hi;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_ports(s, &lo, &hi))
		return false;
	put_be16(c.value, lo);
	put_be16(c.mask, hi);
	add(o, &c);
	return true;
}

/* "80,443,8000:8080". Of --ports, whose field is not one, the source or the
 * destination has to match. */
static bool read_ports(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct ruleset_elem elem[PORTS] = { 0 };
	struct ruleset_cond src = new_cond(RULESET_SPORT, RULESET_IN_SET, 2,
					   false), dst;
	struct str list, one;
	uint32_t lo, hi;
	size_t n = 0;

	if (!iptval_word(line, &list))
		return false;
	while (str_cut(&list, ',', &one)) {
		if (n == PORTS || !iptval_ports(one, &lo, &hi))
			return false;
		put_be16(elem[n].lo, lo);
		put_be16(elem[n++].hi, hi);
	}
	src.set = new_set(o, 2, elem, n);
	dst = src;
	dst.field = dst.part[0] = RULESET_DPORT;
	if (opt->field == RULESET_OTHER) {
		add_either(o, src, dst, negate);
		return true;
	}
	src.negate = dst.negate = negate;
	add(o, opt->field == RULESET_SPORT ? &src : &dst);
	return true;
}

/* ---- the state of the flow ----------------------------------------- */

/* "NEW,DNAT": one of its states, or one of its translations. */
static bool read_states(struct iptopt *o, const struct option *opt, bool negate,
			struct str *line)
{
	uint32_t bits, states, status = 0;
	struct ruleset_cond c;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_states(s, &bits))
		return false;
	states = bits & ~(IPTVAL_SNAT | IPTVAL_DNAT);
	if (bits & IPTVAL_SNAT)
		status |= IPS_SRC_NAT;
	if (bits & IPTVAL_DNAT)
		status |= IPS_DST_NAT;
	if (states && status) {
		add_either(o, has_bits(RULESET_CT_STATE, states, false),
			   has_bits(RULESET_CT_STATUS, status, false), negate);
		return true;
	}
	c = status ? has_bits(RULESET_CT_STATUS, status, negate) :
		     has_bits(RULESET_CT_STATE, states, negate);
	add(o, &c);
	return true;
}

static bool read_status(struct iptopt *o, const struct option *opt, bool negate,
			struct str *line)
{
	struct ruleset_cond c;
	uint32_t bits;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_status(s, &bits))
		return false;
	c = has_bits(RULESET_CT_STATUS, bits, negate);
	add(o, &c);
	return true;
}

/* A flow's first packet has the original direction. */
static bool read_dir(struct iptopt *o, const struct option *opt, bool negate,
		     struct str *line)
{
	struct str s;
	bool original;

	if (!iptval_word(line, &s))
		return false;
	original = str_eq(s, STR("ORIGINAL"));
	if (!original && !str_eq(s, STR("REPLY")))
		return false;
	add_if_new(o, original != negate);
	return true;
}

/* ---- other matches ------------------------------------------------- */

static bool read_types(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct ruleset_cond c = new_cond(opt->field, RULESET_IN_SET, 4, negate);
	struct ruleset_elem elem[IPTVAL_TYPES] = { 0 };
	uint32_t bits, type;
	size_t n = 0;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_types(s, &bits))
		return false;
	for (type = 0; type < IPTVAL_TYPES; type++) {
		if (!(bits >> type & 1))
			continue;
		memcpy(elem[n].lo, &type, sizeof(type));
		memcpy(elem[n++].hi, &type, sizeof(type));
	}
	memcpy(&type, elem[0].lo, sizeof(type));
	if (n == 1)
		c = is_u32(opt->field, type, UINT32_MAX, negate);
	else
		c.set = new_set(o, 4, elem, n);
	add(o, &c);
	return true;
}

static bool read_mark(struct iptopt *o, const struct option *opt, bool negate,
		      struct str *line)
{
	struct ruleset_cond c;
	uint32_t value, mask;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_mark(s, &value, &mask))
		return false;
	c = is_u32(RULESET_MARK, value, mask, negate);
	add(o, &c);
	return true;
}

/* "FIN,SYN,RST,ACK SYN": a mask, and which of its flags are set. A flow's first
 * packet has SYN alone, and no other that is valid has SYN without ACK. */
static bool read_tcp_flags(struct iptopt *o, const struct option *opt,
			   bool negate, struct str *line)
{
	struct ruleset_cond c = has_bits(RULESET_CT_STATE, NEW, negate);
	uint32_t mask, flags;
	bool if_new;
	struct str s;

	if (!iptval_word(line, &s) || !iptval_tcp_flags(s, &mask) ||
	    !iptval_word(line, &s) || !iptval_tcp_flags(s, &flags))
		return false;
	if_new = (mask & TH_SYN) == flags;
	if (if_new && mask & TH_ACK && flags & TH_SYN)
		add(o, &c);
	else
		add_if_new(o, if_new != negate);
	return true;
}

/* The packets that are followed are not part of IPsec. */
static bool read_policy(struct iptopt *o, const struct option *opt, bool negate,
			struct str *line)
{
	struct str s;

	return iptval_word(line, &s) && str_eq(s, STR("none")) && !negate;
}

/* The packets that are followed come more slowly than any limit. A true field:
 * the option means "over the limit". */
static bool read_limit(struct iptopt *o, const struct option *opt, bool negate,
		       struct str *line)
{
	struct str s;

	if (opt->field != negate)
		add_never(o);
	return iptval_word(line, &s);
}

/* The packets that are followed have a source that is not forged. */
static bool read_invert(struct iptopt *o, const struct option *opt, bool negate,
			struct str *line)
{
	add_never(o);
	return true;
}

/* No condition, with a value or without. */
static bool read_nothing(struct iptopt *o, const struct option *opt,
			 bool negate, struct str *line)
{
	struct str rest = *line, s;

	if (iptval_word(&rest, &s) && (opt->field || !str_starts(s, STR("-"))))
		*line = rest;
	return true;
}

/* The options of these matches are in the table below, or are unknown
 * conditions. Without an option they are no condition. */
static bool is_known_match(struct str s)
{
	static const char names[][12] = {
		"tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6",
		"icmpv6", "comment", "conntrack", "state", "addrtype", "mark",
		"connmark", "iprange", "multiport", "policy", "limit",
		"hashlimit", "connlimit", "rpfilter",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(s, str_z(names[i])))
			return true;
	return false;
}

static const struct option options[] = {
	{ "-i", read_iface, RULESET_IIFNAME },
	{ "-o", read_iface, RULESET_OIFNAME },
	{ "-s", read_net, RULESET_SADDR }, { "-d", read_net, RULESET_DADDR },
	{ "-p", read_proto }, { "--comment", read_nothing, true },
	{ "--sport", read_port, RULESET_SPORT },
	{ "--dport", read_port, RULESET_DPORT },
	{ "--sports", read_ports, RULESET_SPORT },
	{ "--dports", read_ports, RULESET_DPORT },
	{ "--ports", read_ports, RULESET_OTHER },
	{ "--tcp-flags", read_tcp_flags },
	{ "--src-range", read_addrs, RULESET_SADDR },
	{ "--dst-range", read_addrs, RULESET_DADDR },
	{ "--ctstate", read_states }, { "--state", read_states },
	{ "--ctstatus", read_status }, { "--ctproto", read_proto },
	{ "--ctorigdst", read_net, RULESET_CT_ORIG_DADDR },
	{ "--ctorigdstport", read_port, RULESET_CT_ORIG_DPORT },
	{ "--ctdir", read_dir },
	{ "--src-type", read_types, RULESET_SADDR_TYPE },
	{ "--dst-type", read_types, RULESET_DADDR_TYPE },
	{ "--mark", read_mark },
	{ "--dir", read_nothing, true }, { "--pol", read_policy },
	{ "--limit", read_limit, false }, { "--limit-burst", read_nothing },
	{ "--hashlimit-above", read_limit, true },
	{ "--hashlimit-upto", read_limit, false },
	{ "--hashlimit-name", read_nothing, true },
	{ "--hashlimit*", read_nothing },
	{ "--connlimit-above", read_limit, true },
	{ "--connlimit-upto", read_limit, false },
	{ "--connlimit*", read_nothing },
	{ "--loose", read_nothing }, { "--validmark", read_nothing },
	{ "--accept-local", read_nothing }, { "--invert", read_invert },
};

/* ---- a line -------------------------------------------------------- */

static bool is_option(const struct option *opt, struct str name)
{
	struct str z = str_z(opt->name);

	if (z.p[z.n - 1] != '*')
		return str_eq(name, z);
	z.n--;
	return str_starts(name, z);
}

static void read_option(struct iptopt *o, struct str name, bool negate,
			struct str *line)
{
	const struct option *opt = options;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]);
	     i++, opt++) {
		if (!is_option(opt, name))
			continue;
		if (!opt->read(o, opt, negate, line))
			iptopt_unknown(o);
		return;
	}
	iptopt_unknown(o);
}

/* -m: the next options are of this match. Return: are they known? */
static bool read_match(struct iptopt *o, struct str *line)
{
	struct str name;

	if (iptval_word(line, &name) && is_known_match(name))
		return true;
	iptopt_unknown(o);
	return false;
}

/* Does a name follow, as behind -j and -m? A value of an option that is not
 * known can be the same word, but then mostly an option follows, and no name
 * begins like one. */
static bool is_name_next(struct str line)
{
	struct str w;

	return !iptval_word(&line, &w) || (*w.p != '-' && *w.p != '!');
}

void iptopt_read(struct iptopt *o, struct str line)
{
	bool negate = false, known = true, named;
	struct str w;

	o->target = STR("");
	o->n = o->choices = 0;
	o->go = o->unknown = false;
	while (iptval_word(&line, &w)) {
		named = is_name_next(line);
		if (named && (str_eq(w, STR("-j")) || str_eq(w, STR("-g")))) {
			o->go = w.p[1] == 'g';
			if (iptval_word(&line, &o->target))
				return;
			break;
		}
		if (str_eq(w, STR("!"))) {
			negate = true;
			continue;
		}
		if (named && str_eq(w, STR("-m")))
			known = read_match(o, &line);
		else if (known)
			read_option(o, w, negate, &line);
		negate = false;
	}
	/* a comment with a newline in it: the target is behind that */
	if (line.n) {
		iptopt_unknown(o);
		o->target = STR("(cut)");
	}
}

/* ---- to the model -------------------------------------------------- */

unsigned iptopt_ways(const struct iptopt *o)
{
	return 1u << o->choices;
}

static bool is_of_way(unsigned which, unsigned way)
{
	if (!which)
		return true;
	which--;
	return (way >> which / 2 & 1) == which % 2;
}

void iptopt_put(const struct iptopt *o, unsigned way)
{
	for (size_t i = 0; i < o->n; i++)
		if (is_of_way(o->at[i].way, way))
			ruleset_add_cond(o->rules, &o->at[i].cond);
}
