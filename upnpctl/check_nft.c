/* SPDX-License-Identifier: ISC */
/*
 * check_nft.c - match the conditions and verdicts of nf_tables against the two
 * flows. Runs in: upnpctl
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include "base/wr.h"
#include "upnpctl/check_match.h"
#include "upnpctl/check_nft.h"
#include "natfw/nfnl.h"
#include "natfw/nl_place.h"

/* ---- conditions ------------------------------------------------------ */

/* A condition and the keys that it compares with; a mask has no keys. */
struct test {
	const struct nl_ruleset_cond *cond;
	const struct check_elem *elem;
	size_t n;
};

/* A field's bytes, padded with zeros. */
struct key {
	uint8_t bytes[NL_RULESET_BYTES];
};

static struct key key_of(const void *p, size_t n)
{
	struct key key = { { 0 } };

	memcpy(key.bytes, p, n);
	return key;
}

static struct key key_u32(uint32_t value)
{
	return key_of(&value, sizeof(value));
}

static bool holds(const struct test *t, struct key x)
{
	const struct nl_ruleset_cond *cond = t->cond;
	bool hit = cond->op == NL_OP_MASK;

	for (size_t i = 0; hit && i < NL_RULESET_BYTES; i++)
		hit = (x.bytes[i] & cond->mask[i]) == cond->value[i];
	for (size_t i = 0; !hit && i < t->n; i++)
		hit = t->elem[i].any ||
		      (memcmp(t->elem[i].lo, x.bytes, sizeof(x.bytes)) <= 0 &&
		       memcmp(t->elem[i].hi, x.bytes, sizeof(x.bytes)) >= 0);
	return hit != cond->negate;
}

/* Match the name or the index of an interface. */
static void match_iface(struct check_match *m, const struct test *t)
{
	const struct check_rules_flow *flow = m->flow;
	unsigned field = t->cond->field;
	bool in = field == NL_FIELD_IIF || field == NL_FIELD_IIFNAME;
	bool by_name = field == NL_FIELD_IIFNAME || field == NL_FIELD_OIFNAME;
	uint32_t nets = 0;

	for (size_t i = 0; i < flow->n; i++) {
		const struct netif_addr *net = &flow->net[i];

		if (holds(t, by_name ?
			  key_of(net->ifname, strnlen(net->ifname,
						      IF_NAMESIZE)) :
			  key_u32(net->ifindex)))
			nets |= UINT32_C(1) << i;
	}
	check_match_iface(m, in, holds(t, by_name ?
			  key_of(flow->ext, strnlen(flow->ext, IF_NAMESIZE)) :
			  key_u32(flow->ext_index)), nets);
}

/* Match a field that has the same value in both flows. */
static void match_same(struct check_match *m, bool hold)
{
	enum check_hold both = hold ? CHECK_ALWAYS : CHECK_NEVER;

	check_match_add(m, both, both);
}

static void match_family(struct check_match *m, const struct test *t)
{
	const uint8_t family = NFPROTO_IPV4;
	const uint16_t type = htons(ETH_P_IP);

	match_same(m, holds(t, t->cond->field == NL_FIELD_NFPROTO ?
			    key_of(&family, sizeof(family)) :
			    key_of(&type, sizeof(type))));
}

/* A mapping is for TCP or UDP; outgoing packets use both. */
static void match_l4proto(struct check_match *m, const struct test *t)
{
	const uint8_t tcp = IPPROTO_TCP, udp = IPPROTO_UDP;
	int n = holds(t, key_of(&tcp, 1)) + holds(t, key_of(&udp, 1));

	check_match_add(m, (enum check_hold)n,
			n == 2 ? CHECK_ALWAYS : CHECK_NEVER);
}

/* Most packets have no mark. */
static void match_mark(struct check_match *m, const struct test *t)
{
	check_match_add(m, CHECK_MAYBE, t->cond->op != NL_OP_UNKNOWN &&
			holds(t, key_u32(0)) ? CHECK_MAYBE : CHECK_NEVER);
}

static void match_port(struct check_match *m, const struct test *t)
{
	check_match_add(m, CHECK_MAYBE,
			t->cond->negate ? CHECK_MAYBE : CHECK_NEVER);
}

static uint32_t address(const uint8_t *bytes)
{
	uint32_t ip;

	memcpy(&ip, bytes, sizeof(ip));
	return ntohl(ip);
}

static void match_addr(struct check_match *m, const struct test *t)
{
	uint32_t mask = address(t->cond->mask), lo = address(t->cond->value);
	struct check_ranges ranges = { .unknown = false };

	if (t->cond->op != NL_OP_MASK)
		;
	else if (~mask & (~mask + 1))
		ranges.unknown = true;
	else if (!(lo & ~mask))
		check_match_range(&ranges, m->flow, lo, lo | ~mask);
	for (size_t i = 0; i < t->n; i++) {
		if (t->elem[i].any)
			check_match_range(&ranges, m->flow, 0, UINT32_MAX);
		else
			check_match_range(&ranges, m->flow,
					  address(t->elem[i].lo),
					  address(t->elem[i].hi));
	}
	check_match_addr(m, t->cond->field == NL_FIELD_SADDR, t->cond->negate,
			 &ranges);
}

/* NF_CT_STATE_BIT(IP_CT_NEW), which the header defines for the kernel only. */
#define STATE_NEW	(1u << (IP_CT_NEW + 1))

static void match_state(struct check_match *m, const struct test *t)
{
	match_same(m, holds(t, key_u32(STATE_NEW)));
}

/* The status bits that are known: a packet to an open port has IPS_DST_NAT, and
 * it is the first packet of a flow that was not expected. The other bits depend
 * on the progress of conntrack. */
#define STATUS_KNOWN	(IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED | \
			 IPS_CONFIRMED | IPS_SRC_NAT | IPS_DST_NAT)

static enum check_hold status_is(const struct nl_ruleset_cond *cond,
				 uint32_t known)
{
	uint32_t mask, value;
	bool hit;

	memcpy(&mask, cond->mask, sizeof(mask));
	memcpy(&value, cond->value, sizeof(value));
	hit = !((known ^ value) & mask & STATUS_KNOWN || value & ~mask);
	if (hit && mask & ~(uint32_t)STATUS_KNOWN)
		return CHECK_MAYBE;
	return hit != cond->negate ? CHECK_ALWAYS : CHECK_NEVER;
}

static void match_status(struct check_match *m, const struct test *t)
{
	if (t->cond->op != NL_OP_MASK)
		check_match_unknown(m);
	else
		check_match_add(m, status_is(t->cond, IPS_DST_NAT),
				status_is(t->cond, 0));
}

static const struct {
	void (*match)(struct check_match *, const struct test *);
	bool unknown_ok;	/* also called if the keys were not read */
} matchers[NL_FIELD__MAX] = {
	[NL_FIELD_IIF] = { match_iface, false },
	[NL_FIELD_OIF] = { match_iface, false },
	[NL_FIELD_IIFNAME] = { match_iface, false },
	[NL_FIELD_OIFNAME] = { match_iface, false },
	[NL_FIELD_NFPROTO] = { match_family, false },
	[NL_FIELD_ETHERTYPE] = { match_family, false },
	[NL_FIELD_L4PROTO] = { match_l4proto, false },
	[NL_FIELD_MARK] = { match_mark, true },
	[NL_FIELD_SADDR] = { match_addr, false },
	[NL_FIELD_DADDR] = { match_addr, false },
	[NL_FIELD_SPORT] = { match_port, true },
	[NL_FIELD_DPORT] = { match_port, true },
	[NL_FIELD_CT_STATE] = { match_state, false },
	[NL_FIELD_CT_STATUS] = { match_status, false },
};

static void match_test(struct check_match *m, const struct test *t)
{
	unsigned field = t->cond->field;

	if (!matchers[field].match ||
	    (t->cond->op == NL_OP_UNKNOWN && !matchers[field].unknown_ok))
		check_match_unknown(m);
	else
		matchers[field].match(m, t);
}

/* The set that a condition looks up. NULL: the set was not read, or its keys
 * are concatenations. */
static const struct check_set *set_of(struct check_nft *nft,
				      const struct nl_ruleset_rule *rule,
				      const struct nl_ruleset_cond *cond)
{
	const struct check_set *set = check_set_find(&nft->sets, rule->family,
						     rule->table, cond->set);

	return set && cond->field && set->key_len == cond->len ? set : NULL;
}

/* upnpd's own rules accept packets to a client's socket and the answers from
 * there. Other outgoing packets are not in the set. */
static bool is_ours(const struct nl_ruleset_cond *cond)
{
	return cond->op == NL_OP_SET && str_eq(cond->set, STR(NL_PLACE_SET));
}

static void add_condition(struct check_nft *nft, struct check_match *m,
			  const struct nl_ruleset_rule *rule,
			  const struct nl_ruleset_cond *cond)
{
	const struct nl_ruleset_cond unknown = {
		.field = cond->field, .negate = cond->negate,
	};
	struct check_elem range = { .any = false };
	struct test t = { .cond = cond };
	const struct check_set *set;

	if (is_ours(cond)) {
		check_match_add(m, cond->field == NL_FIELD_DADDR ?
				CHECK_ALWAYS : CHECK_NEVER, CHECK_NEVER);
		return;
	}
	if (cond->op == NL_OP_RANGE) {
		memcpy(range.lo, cond->value, sizeof(range.lo));
		memcpy(range.hi, cond->upper, sizeof(range.hi));
		t.elem = &range;
		t.n = 1;
	} else if (cond->op == NL_OP_SET) {
		set = set_of(nft, rule, cond);
		t.cond = set ? cond : &unknown;
		t.elem = set ? check_set_first(&nft->sets, set) : NULL;
		t.n = set ? set->n : 0;
	}
	match_test(m, &t);
}

/* ---- rules ----------------------------------------------------------- */

/* A program that reads a queue may accept the packet, so a queue does not count
 * as a drop. */
static enum check_rules_verdict verdict_of(unsigned verdict)
{
	static const uint8_t is[] = {
		[NL_VERDICT_ACCEPT] = CHECK_RULES_ACCEPT,
		[NL_VERDICT_DROP] = CHECK_RULES_DROP,
		[NL_VERDICT_RETURN] = CHECK_RULES_RETURN,
		[NL_VERDICT_JUMP] = CHECK_RULES_JUMP,
		[NL_VERDICT_GOTO] = CHECK_RULES_GOTO,
		[NL_VERDICT_SNAT] = CHECK_RULES_MASQ,
		[NL_VERDICT_QUEUE] = CHECK_RULES_ACCEPT,
	};

	return verdict < sizeof(is) ? is[verdict] : CHECK_RULES_NONE;
}

/* Add each element as a rule. Two elements never match the same packet. If the
 * elements were not read, the chains that they lead to are unknown. */
static void add_map(struct check_nft *nft, int here,
		    const struct check_match *m,
		    const struct nl_ruleset_rule *rule)
{
	const struct nl_ruleset_cond *map = &rule->map;
	const struct check_set *set = check_set_find(&nft->sets, rule->family,
						     rule->table, map->set);
	bool one = set && map->field && set->key_len == map->len;
	struct nl_ruleset_cond key = { .field = map->field, .op = NL_OP_RANGE };
	const struct check_elem *e = set ? check_set_first(&nft->sets, set) :
					   NULL;

	if (!set)
		nft->rules->over = true;
	for (size_t i = 0; set && i < set->n; i++, e++) {
		struct check_match with = *m;
		struct test t = { &key, e, 1 };

		if (one && !e->any)
			match_test(&with, &t);
		else
			check_match_unknown(&with);
		check_rules_rule(nft->rules, here, &with,
				 verdict_of(e->verdict), e->target);
	}
}

static bool of_interest(uint8_t family, struct str table)
{
	return family == NFPROTO_INET ||
	       (family == NFPROTO_IPV4 &&
		!str_eq(table, str_z(nl_place_own.table)));
}

static uint64_t chain_key(uint8_t family, struct str table, struct str chain)
{
	return check_rules_key(str_z(nfnl_family_name(family)), table, chain);
}

/* A rule of a base chain counts as use of the firewall. */
static void note_use(struct check_rules *r, const struct check_rules_chain *c)
{
	if (c->counts && c->xt)
		r->xt_used |= c->xt;
	else
		r->used |= c->counts;
}

static void handle_rule(struct check_nft *nft, const struct nlmsghdr *h)
{
	struct check_rules *r = nft->rules;
	struct nl_ruleset_rule rule;
	struct check_match m = check_match_init(r->flow);
	bool ours = false;
	int here;

	if (!nl_ruleset_rule(h, &rule) || !of_interest(rule.family, rule.table))
		return;
	here = check_rules_chain(r, chain_key(rule.family, rule.table,
					      rule.chain));
	if (here < 0)
		return;
	for (size_t i = 0; i < rule.cond_n; i++) {
		ours |= is_ours(&rule.cond[i]);
		add_condition(nft, &m, &rule, &rule.cond[i]);
	}
	if (rule.verdict == NL_VERDICT_MAP)
		add_map(nft, here, &m, &rule);
	else
		check_rules_rule(r, here, &m, verdict_of(rule.verdict),
				 chain_key(rule.family, rule.table,
					   rule.target));
	if (!ours)
		note_use(r, &r->chain[here]);
	if (rule.opaque && rule.family == NFPROTO_IPV4)
		r->xt_opaque |= check_rules_xt(rule.table);
}

/* ---- chains ---------------------------------------------------------- */

/* Is it a base chain of the iptables command, by its name? Return: the bit of
 * its table, or 0 */
static uint8_t xt_of(const struct nl_ruleset_chain *chain)
{
	static const char *const names[] = {
		"FORWARD", "POSTROUTING", "PREROUTING", "INPUT", "OUTPUT",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (chain->family == NFPROTO_IPV4 &&
		    str_eq(chain->name, str_z(names[i])))
			return check_rules_xt(chain->table);
	return 0;
}

static void handle_chain(struct check_nft *nft, const struct nlmsghdr *h)
{
	struct check_rules *r = nft->rules;
	struct nl_ruleset_chain chain;
	struct check_rules_chain *c;
	bool forward, nat;
	char name[112];
	struct wr w = wr_init_cut(name, sizeof(name));
	int here;

	if (!nl_ruleset_chain(h, &chain) ||
	    !of_interest(chain.family, chain.table))
		return;
	here = check_rules_chain(r, chain_key(chain.family, chain.table,
					      chain.name));
	if (here < 0 || chain.hook < 0)
		return;
	c = &r->chain[here];
	forward = str_eq(chain.type, STR("filter")) &&
		  chain.hook == NF_INET_FORWARD;
	nat = str_eq(chain.type, STR("nat"));
	c->counts = forward || nat;
	c->xt = xt_of(&chain);
	c->post = nat && chain.hook == NF_INET_POST_ROUTING;
	if (!forward)
		return;
	wr_fmt(&w, "%s %.*s %.*s", nfnl_family_name(chain.family),
	       STR_F(chain.table), STR_F(chain.name));
	check_rules_base(r, here, chain.drop, wr_done(&w));
	if (chain.drop)
		note_use(r, c);
}

void check_nft_message(void *arg, const struct nlmsghdr *h)
{
	struct check_nft *nft = arg;
	uint16_t generation = nl_ruleset_generation(h);
	struct nl_ruleset_set set;

	nft->mixed |= nft->seen && generation != nft->generation;
	nft->generation = generation;
	nft->seen = true;
	handle_chain(nft, h);
	if (nl_ruleset_set(h, &set) && of_interest(set.family, set.table) &&
	    !str_eq(set.name, STR(NL_PLACE_SET)))
		check_set_add(&nft->sets, &set);
	check_set_elems(&nft->sets, h);
	handle_rule(nft, h);
}

/* ---- the kernel ------------------------------------------------------ */

/* The deadline of a dump allows for this many rules. */
#define DUMP_RULES	PM_MAPPINGS_LIMIT
#define PAUSE_NS	50000000	/* before the next try */

static int dump(struct check_nft *nft, int fd, uint32_t *seq, int type,
		const struct check_set *set)
{
	struct nfnl_query q = { .type = type, .rules = DUMP_RULES };

	if (set) {
		q.family = nfnl_family_name(set->family);
		q.table = set->table;
		q.name = set->name;
	}
	return nfnl_dump(fd, ++*seq, &q, check_nft_message, nft);
}

/* Return: as nfnl_dump(); -EINTR also if a set was deleted meanwhile */
static int dump_all(struct check_nft *nft, int fd)
{
	uint32_t seq = 0;
	int rc = dump(nft, fd, &seq, NFT_MSG_GETCHAIN, NULL);

	if (!rc)
		rc = dump(nft, fd, &seq, NFT_MSG_GETSET, NULL);
	for (size_t i = 0; !rc && i < nft->sets.n; i++) {
		const struct check_set set = nft->sets.set[i];

		rc = dump(nft, fd, &seq, NFT_MSG_GETSETELEM, &set);
	}
	if (!rc)
		rc = dump(nft, fd, &seq, NFT_MSG_GETRULE, NULL);
	if (rc == -ENOENT || (!rc && nft->mixed))
		rc = -EINTR;
	return rc;
}

int check_nft_read(struct check_rules *r, const struct check_rules_flow *flow)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int fd, rc = -EINTR;

	for (int tries = NL_TRIES; rc == -EINTR && tries; tries--) {
		struct check_nft nft = { .rules = r };

		if (tries < NL_TRIES)
			nanosleep(&pause, NULL);
		check_rules_begin(r, flow);
		fd = nfnl_open();
		rc = fd < 0 ? fd : dump_all(&nft, fd);
		check_set_free(&nft.sets);
		if (fd >= 0)
			close(fd);
	}
	/* a kernel without nfnetlink; one without nf_tables */
	return rc == -EPROTONOSUPPORT || rc == -EINVAL ? -ENOENT : rc;
}
