/* SPDX-License-Identifier: ISC */
/*
 * check_match.c - interfaces, addresses and states against the two flows.
 */
#include <string.h>
#include "upnpctl/check_match.h"

struct match match_init(const struct rules_flow *flow)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << flow->n) - 1);

	return (struct match){ flow, all, all, all };
}

void match_unknown(struct match *m, bool narrow)
{
	m->sure = 0;
	if (narrow)
		m->out = 0;
}

void match_none(struct match *m)
{
	m->in = m->sure = m->out = 0;
}

/* ---- words ----------------------------------------------------------- */

bool match_token(struct str *rest, struct str *ret)
{
	struct str s = *rest;
	size_t n = 0;

	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = str_skip(s, 1);
	if (s.n && *s.p == '"') {
		for (n = 1; n < s.n && s.p[n] != '"'; n++)
			n += s.p[n] == '\\' && n + 1 < s.n;
		n += n < s.n;
		*ret = (struct str){ s.p, n };
		*rest = str_skip(s, n);
		if (str_starts(*rest, STR(",")))
			*rest = str_skip(*rest, 1);
		return true;
	}
	if (!str_word(rest, ret))
		return false;
	if (ret->n > 1 && ret->p[ret->n - 1] == ',')
		ret->n--;
	return true;
}

static bool plain(struct str s)
{
	static const char *const words[] = { "vmap", "map", "and", "or" };
	char c = s.n ? *s.p : '@';

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(s, str_z(words[i])))
			return false;
	return c == '"' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* "ip saddr . tcp dport { 10.0.0.1 . 80 }": behind the fields is the value; the
 * name of a set is left to the caller. */
static void skip_concatenation(struct str *rest)
{
	struct str before = *rest, w;

	while (match_token(rest, &w) && !str_starts(w, STR("@"))) {
		if (str_eq(w, STR("{"))) {
			str_cut(rest, '}', &w);
			return;
		}
		before = *rest;
	}
	*rest = before;
}

struct values match_values(struct str *rest)
{
	struct values v = { .negate = false };
	struct str before = *rest, w = STR("");

	match_token(rest, &w);
	if (str_eq(w, STR("!="))) {
		v.negate = true;
		before = *rest;
		match_token(rest, &w);
	}
	if (str_eq(w, STR("{"))) {
		str_cut(rest, '}', &v.list);
		v.unknown = v.list.n == 0;
		return v;
	}
	v.list = w;
	v.unknown = !plain(w);
	if (str_eq(w, STR(".")))
		skip_concatenation(rest);
	else if (str_eq(w, STR("vmap")))
		*rest = before;		/* the caller looks into it */
	return v;
}

static bool next_value(struct str *list, struct str *ret)
{
	if (!str_cut(list, ',', ret))
		return false;
	*ret = str_trim(*ret);
	if (ret->n > 1 && ret->p[0] == '"' && ret->p[ret->n - 1] == '"')
		*ret = (struct str){ ret->p + 1, ret->n - 2 };
	return true;
}

/* ---- interfaces ------------------------------------------------------ */

static bool is_iface(struct str value, const char *name)
{
	char last = value.n ? value.p[value.n - 1] : '\0';

	if (last != '*' && last != '+')
		return str_eq(value, str_z(name));
	value.n--;
	return str_starts(str_z(name), value);
}

static bool fits_iface(struct values v, const char *name)
{
	struct str one;
	bool hit = false;

	while (next_value(&v.list, &one))
		hit |= is_iface(one, name);
	return hit != v.negate;
}

void match_iface(struct match *m, bool in, struct values v)
{
	uint32_t ext, nets = 0;

	if (v.unknown) {
		match_unknown(m, false);
		return;
	}
	ext = fits_iface(v, m->flow->ext) ? ~(uint32_t)0 : 0;
	for (size_t i = 0; i < m->flow->n; i++)
		if (fits_iface(v, m->flow->net[i].ifname))
			nets |= UINT32_C(1) << i;
	m->in &= in ? ext : nets;
	m->sure &= m->in;
	m->out &= in ? nets : ext;
}

/* ---- addresses ------------------------------------------------------- */

/* "10.0.0.0/8", "10.0.0.1-10.0.0.9", "10.0.0.1" */
static bool parse_range(struct str s, uint32_t *ret_lo, uint32_t *ret_hi)
{
	struct str head, rest = s;
	uint32_t plen, bits;

	if (memchr(s.p, '-', s.n))
		return str_cut(&rest, '-', &head) && str_ipv4(head, ret_lo) &&
		       str_ipv4(rest, ret_hi);
	if (!str_cut(&rest, '/', &head) || !str_ipv4(head, ret_lo))
		return false;
	*ret_hi = *ret_lo;
	if (head.n == s.n)
		return true;
	if (str_u32(rest, 0, 32, &plen))
		return false;
	bits = (uint32_t)((UINT64_C(1) << (32 - plen)) - 1);
	*ret_lo &= ~bits;
	*ret_hi |= bits;
	return true;
}

struct cover {
	bool all, some, unknown;
};

/* How do the values lie to the addresses from lo to hi? */
static struct cover cover_of(struct str list, uint32_t lo, uint32_t hi)
{
	struct cover c = { false, false, false };
	uint32_t from, to;
	struct str one;

	while (next_value(&list, &one)) {
		if (!one.n || !parse_range(one, &from, &to)) {
			c.unknown = true;
			continue;
		}
		c.all |= from <= lo && to >= hi;
		c.some |= from <= hi && to >= lo;
	}
	return c;
}

/* An end of the flow that is in the internal network. */
static void inner_end(const struct match *m, struct values v, uint32_t *may,
		      uint32_t *sure)
{
	for (size_t i = 0; i < m->flow->n; i++) {
		const struct rules_net *net = &m->flow->net[i];
		struct cover c = cover_of(v.list, net->ip & net->mask,
					  net->ip | ~net->mask);
		uint32_t bit = UINT32_C(1) << i;
		bool never = v.negate ? c.all : !c.some && !c.unknown;
		bool always = v.negate ? !c.some && !c.unknown : c.all;

		if (never)
			*may &= ~bit;
		if (!always)
			*sure &= ~bit;
	}
}

/* The end on the Internet: a rule for some addresses of it is none for it. */
static bool outer_end(struct values v)
{
	return v.negate || cover_of(v.list, 0, UINT32_MAX).all;
}

void match_addr(struct match *m, bool source, struct values v)
{
	uint32_t unused = 0;

	if (v.unknown) {
		match_unknown(m, false);
		return;
	}
	if (source) {
		inner_end(m, v, &m->out, &unused);
		m->sure &= outer_end(v) ? m->sure : 0;
		return;
	}
	inner_end(m, v, &m->in, &m->sure);
	m->sure &= m->in;
	m->out = outer_end(v) ? m->out : 0;
}

/* ---- states ---------------------------------------------------------- */

void match_state(struct match *m, struct values v)
{
	bool is_new = false, is_dnat = false;
	struct str one;

	while (!v.unknown && next_value(&v.list, &one)) {
		is_new |= str_ieq(one, STR("new"));
		is_dnat |= str_ieq(one, STR("dnat"));
	}
	if (v.unknown || (v.negate && is_new)) {
		match_unknown(m, false);
	} else if (v.negate) {
		if (is_dnat)
			m->in = m->sure = 0;
	} else if (!is_new) {
		m->out = 0;
		if (!is_dnat)
			m->in = m->sure = 0;
	}
}
