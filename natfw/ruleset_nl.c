/* SPDX-License-Identifier: ISC */
/*
 * ruleset_nl.c - reads the kernel's messages about nf_tables. Pure.
 *
 * Never does: change anything; allocate memory.
 * Invariant: no attribute is read before its length was checked.
 * Source: linux/netfilter/nf_tables.h
 * Runs in: any
 */
#include <endian.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "natfw/ipt_leaf.h"
#include "natfw/nfnl.h"
#include "natfw/nlattr.h"
#include "natfw/ruleset_elem.h"
#include "natfw/ruleset_expr.h"
#include "natfw/ruleset_nl.h"

/* The name of the table, in all messages. */
#define ATTR_TABLE	1
_Static_assert(NFTA_TABLE_NAME == ATTR_TABLE &&
	       NFTA_CHAIN_TABLE == ATTR_TABLE &&
	       NFTA_RULE_TABLE == ATTR_TABLE &&
	       NFTA_SET_TABLE == ATTR_TABLE &&
	       NFTA_SET_ELEM_LIST_TABLE == ATTR_TABLE,
	       "the table is the same attribute in all messages");

/* ---- tables ------------------------------------------------------------ */

bool ruleset_nl_is_own(uint8_t family, struct str name)
{
	return family != NFPROTO_INET && str_eq(name, STR(RULESET_OWN_TABLE));
}

bool ruleset_nl_own_table(const struct ruleset_table *t)
{
	return ruleset_nl_is_own(t->family, str_z(t->name));
}

bool ruleset_nl_is_read(uint8_t family)
{
	return family == NFPROTO_INET || family == NFPROTO_IPV4 ||
	       family == NFPROTO_IPV6;
}

uint32_t ruleset_nl_find_table(const struct ruleset *rs, uint8_t family,
			       struct str name)
{
	for (uint32_t i = 0; i < rs->table_n; i++)
		if (rs->table[i].kind != RULESET_IPT_LEGACY &&
		    rs->table[i].family == family &&
		    str_eq(str_z(rs->table[i].name), name))
			return i;
	return RULESET_NONE;
}

/* Return: RULESET_NONE also for a family that is not read, and for a table that
 * was made after the tables were read */
static uint32_t table_of(const struct ruleset_nl *nl, const struct nlmsghdr *h,
			 struct nl_span s)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct str name = nlattr_name(s, ATTR_TABLE);

	if (!about || !name.n || !ruleset_nl_is_read(about->nfgen_family))
		return RULESET_NONE;
	if (nl->all_tables)
		return ruleset_nl_find_table(nl->rules, about->nfgen_family,
					     name);
	return ruleset_add_table(nl->rules, RULESET_NATIVE,
				 about->nfgen_family, name);
}

static void handle_table(struct ruleset *rs, uint32_t table, struct nl_span s)
{
	struct ruleset_table *t = &rs->table[table];
	uint32_t flags = 0;

	nlattr_u32(s, NFTA_TABLE_FLAGS, &flags);
	t->dormant = flags & NFT_TABLE_F_DORMANT;
	if (flags & NFT_TABLE_F_OWNER) {
		t->owner = UINT32_MAX;
		nlattr_u32(s, NFTA_TABLE_OWNER, &t->owner);
	}
	if (ruleset_nl_own_table(t))
		rs->leftover[RULESET_NATIVE] = true;
}

/* ---- chains ------------------------------------------------------------ */

/* The chains that the iptables command hooks. Source: xtables_ipv4 in
 * iptables/nft.c */
static const struct ipt_chain_at {
	char table[9], name[12], type[7];
	int8_t hook;
	int16_t priority;
} ipt_chains[] = {
	{ "filter", "INPUT", "filter", NF_INET_LOCAL_IN, 0 },
	{ "filter", "FORWARD", "filter", NF_INET_FORWARD, 0 },
	{ "filter", "OUTPUT", "filter", NF_INET_LOCAL_OUT, 0 },
	{ "nat", "PREROUTING", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "nat", "INPUT", "nat", NF_INET_LOCAL_IN, 100 },
	{ "nat", "POSTROUTING", "nat", NF_INET_POST_ROUTING, 100 },
	{ "nat", "OUTPUT", "nat", NF_INET_LOCAL_OUT, -100 },
	{ "mangle", "PREROUTING", "filter", NF_INET_PRE_ROUTING, -150 },
	{ "mangle", "INPUT", "filter", NF_INET_LOCAL_IN, -150 },
	{ "mangle", "FORWARD", "filter", NF_INET_FORWARD, -150 },
	{ "mangle", "OUTPUT", "route", NF_INET_LOCAL_OUT, -150 },
	{ "mangle", "POSTROUTING", "filter", NF_INET_POST_ROUTING, -150 },
	{ "raw", "PREROUTING", "filter", NF_INET_PRE_ROUTING, -300 },
	{ "raw", "OUTPUT", "filter", NF_INET_LOCAL_OUT, -300 },
	{ "security", "INPUT", "filter", NF_INET_LOCAL_IN, 50 },
	{ "security", "FORWARD", "filter", NF_INET_FORWARD, 50 },
	{ "security", "OUTPUT", "filter", NF_INET_LOCAL_OUT, 50 },
};

#define IPT_HOOKED (sizeof(ipt_chains) / sizeof(*ipt_chains))

static bool is_ipt_table(const struct ruleset_table *t)
{
	for (size_t i = 0; i < IPT_HOOKED && t->family != NFPROTO_INET; i++)
		if (!strcmp(t->name, ipt_chains[i].table))
			return true;
	return false;
}

/* A chain of another name does not matter to the command. */
static void compare_with_ipt(struct ruleset_table *t, struct str name,
			     struct str type, int hook, int32_t priority)
{
	const struct ipt_chain_at *c = ipt_chains;

	for (size_t i = 0; i < IPT_HOOKED && t->family != NFPROTO_INET;
	     i++, c++) {
		if (strcmp(t->name, c->table) || !str_eq(name, str_z(c->name)))
			continue;
		t->ipt_like = true;
		t->ipt_alien |= !str_eq(type, str_z(c->type)) ||
				hook != c->hook || priority != c->priority;
	}
}

/* Read the hook into @c. */
static void handle_hook(struct ruleset_table *t, struct ruleset_chain *c,
			struct nl_span s)
{
	struct nl_span hook = nlattr_nest(s, NFTA_CHAIN_HOOK);
	struct str type = nlattr_name(s, NFTA_CHAIN_TYPE);
	uint32_t number, priority, policy = NF_ACCEPT;

	if (!nlattr_u32(hook, NFTA_HOOK_HOOKNUM, &number) ||
	    !nlattr_u32(hook, NFTA_HOOK_PRIORITY, &priority) ||
	    number > INT8_MAX)
		return;
	nlattr_u32(s, NFTA_CHAIN_POLICY, &policy);
	c->hook = t->dormant ? -1 : (int)number;
	c->priority = (int32_t)priority;
	c->nat = str_eq(type, STR("nat"));
	c->drop = policy == NF_DROP;
	compare_with_ipt(t, str_z(c->name), type, (int)number, c->priority);
}

/* Our leaves are not added: only rules of our chains jump to them. */
static void handle_chain(struct ruleset *rs, uint32_t table, struct nl_span s)
{
	struct ruleset_table *t = &rs->table[table];
	struct str name = nlattr_name(s, NFTA_CHAIN_NAME);
	bool ours = ruleset_nl_own_table(t), leaf = false;
	uint32_t chain;

	if (!name.n)
		return;
	if (is_ipt_table(t) && ipt_leaf_is_ours(name)) {
		ours = t->ipt_ours = true;
		(t->family == NFPROTO_IPV6 ? rs->leftover6 : rs->leftover)
			[RULESET_IPT_NFT] = true;
		leaf = !str_eq(name, STR(IPT_ACCEPT_CHAIN)) &&
		       !str_eq(name, STR(IPT_DNAT_CHAIN)) &&
		       !str_eq(name, STR(IPT_SNAT_CHAIN));
	}
	chain = leaf ? RULESET_NONE : ruleset_add_chain(rs, table, name);
	if (chain == RULESET_NONE)
		return;
	rs->chain[chain].ours = ours;
	handle_hook(t, &rs->chain[chain], s);
}

/* ---- rules ------------------------------------------------------------- */

/* The chain that an immediate verdict leads to; RULESET_NONE: none */
static uint32_t target_of(const struct ruleset *rs, uint32_t table,
			  struct nl_span data)
{
	struct nl_span value = nlattr_nest(data, NFTA_IMMEDIATE_DATA);
	struct str name = nlattr_name(nlattr_nest(value, NFTA_DATA_VERDICT),
				      NFTA_VERDICT_CHAIN);

	return name.n ? ruleset_find_chain(rs, table, name) : RULESET_NONE;
}

static bool is_own_set(struct str name)
{
	return str_eq(name, STR(RULESET_OWN_SET)) ||
	       str_starts(name, STR(RULESET_OWN_PINHOLES));
}

/* A rule with our comment that looks up our set, or a jump to our chain. */
static bool is_own_rule(const struct ruleset *rs, uint32_t table,
			struct nl_span s)
{
	const struct str comment = {
		RULESET_OWN_COMMENT, sizeof(RULESET_OWN_COMMENT),
	};
	bool ours = str_eq(nlattr_get(s, NFTA_RULE_USERDATA), comment);
	struct nl_span list = nlattr_nest(s, NFTA_RULE_EXPRESSIONS), e, data;
	const struct rtattr *a;
	uint32_t target;

	while ((ours || rs->table[table].ipt_ours) &&
	       (a = netlink_next_attr(&list))) {
		e = nlattr_span(nlattr_bytes(a));
		data = nlattr_nest(e, NFTA_EXPR_DATA);
		if (ours && str_eq(nlattr_name(e, NFTA_EXPR_NAME),
				   STR("lookup")) &&
		    is_own_set(nlattr_name(data, NFTA_LOOKUP_SET)))
			return true;
		if (!str_eq(nlattr_name(e, NFTA_EXPR_NAME), STR("immediate")))
			continue;
		target = target_of(rs, table, data);
		if (target != RULESET_NONE && rs->chain[target].ours)
			return true;
	}
	return false;
}

/* The rules of a chain follow each other. */
static uint32_t chain_of(struct ruleset_nl *nl, uint32_t table,
			 struct nl_span s)
{
	const struct ruleset *rs = nl->rules;
	struct str name = nlattr_name(s, NFTA_RULE_CHAIN);

	if (nl->last >= rs->chain_n || rs->chain[nl->last].table != table ||
	    !str_eq(name, str_z(rs->chain[nl->last].name)))
		nl->last = ruleset_find_chain(rs, table, name);
	return nl->last;
}

/* Old kernels dump the rules of all tables and chains. */
static void handle_rule(struct ruleset_nl *nl, uint32_t table, struct nl_span s)
{
	struct ruleset *rs = nl->rules;
	uint32_t chain = chain_of(nl, table, s), rule;
	struct ruleset_rule *r;
	bool ours;

	nl->unfiltered |= nl->only && table != nl->table;
	if (nl->only && (table != nl->table || (nl->chain != RULESET_NONE &&
						chain != nl->chain)))
		return;
	if (chain == RULESET_NONE || rs->chain[chain].ours)
		return;
	ours = is_own_rule(rs, table, s);
	rule = ours ? ruleset_add_own_rule(rs, chain) :
		      ruleset_add_rule(rs, chain);
	if (rule == RULESET_NONE)
		return;
	r = &rs->rule[rule];
	nlattr_u64(s, NFTA_RULE_HANDLE, &r->handle);
	if (!ruleset_expr_read(rs, rule, nlattr_nest(s, NFTA_RULE_EXPRESSIONS)))
		rs->table[table].ipt_alien = true;
	if (ours && r->target == RULESET_NONE)
		rs->leftover[RULESET_NATIVE] = true;
}

/* ---- sets -------------------------------------------------------------- */

/* The elements of a set that packets add to are unknown: they come and go
 * without a new generation. */
static void handle_set(struct ruleset *rs, uint32_t table, struct nl_span s)
{
	struct str name = nlattr_name(s, NFTA_SET_NAME);
	uint32_t flags = 0, key_len = 0, i;
	struct ruleset_set *set;

	if (!name.n || ruleset_nl_own_table(&rs->table[table]) ||
	    ruleset_find_set(rs, table, name) != RULESET_NONE)
		return;
	nlattr_u32(s, NFTA_SET_KEY_LEN, &key_len);
	nlattr_u32(s, NFTA_SET_FLAGS, &flags);
	i = ruleset_add_set(rs, table, name, key_len);
	if (i == RULESET_NONE)
		return;
	set = &rs->set[i];
	set->ours = is_own_set(name);
	if (set->ours)
		rs->leftover[RULESET_NATIVE] = true;
	set->known = key_len && key_len <= RULESET_KEY_MAX && !set->ours &&
		     !(flags & NFT_SET_EVAL);
	/* the elements of a concatenation have both ends */
	set->interval = flags & NFT_SET_INTERVAL && !(flags & NFT_SET_CONCAT);
}

static void handle_elems(struct ruleset_nl *nl, uint32_t table,
			 struct nl_span s)
{
	struct ruleset *rs = nl->rules;
	uint32_t set = ruleset_find_set(rs, table,
					nlattr_name(s, NFTA_SET_ELEM_LIST_SET));
	struct nl_span list = nlattr_nest(s, NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct rtattr *a;

	if (set == RULESET_NONE)
		return;
	while (rs->set[set].known && (a = netlink_next_attr(&list)))
		ruleset_elem_read(rs, set, nlattr_span(nlattr_bytes(a)));
	nl->enough = !rs->set[set].known;
}

/* ---- messages ---------------------------------------------------------- */

void ruleset_nl_generation(void *arg, const struct nlmsghdr *h)
{
	struct ruleset_nl *nl = arg;
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	uint16_t generation = about ? be16toh(about->res_id) : 0;

	nl->mixed |= nl->seen && generation != nl->rules->generation;
	nl->rules->generation = generation;
	nl->seen = true;
}

void ruleset_nl_message(void *arg, const struct nlmsghdr *h)
{
	struct ruleset_nl *nl = arg;
	struct ruleset *rs = nl->rules;
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	uint32_t table;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	ruleset_nl_generation(nl, h);
	table = table_of(nl, h, s);
	if (table == RULESET_NONE)
		return;
	switch (h->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		handle_table(rs, table, s);
		break;
	case NFT_MSG_NEWCHAIN:
		handle_chain(rs, table, s);
		break;
	case NFT_MSG_NEWSET:
		handle_set(rs, table, s);
		break;
	case NFT_MSG_NEWRULE:
		handle_rule(nl, table, s);
		break;
	case NFT_MSG_NEWSETELEM:
		handle_elems(nl, table, s);
		break;
	}
}

void ruleset_nl_end(struct ruleset_nl *nl)
{
	struct ruleset *rs = nl->rules;

	rs->listed[RULESET_NATIVE] = true;
	for (uint32_t i = 0; i < rs->set_n; i++)
		ruleset_elem_finish(rs, i);
	for (uint32_t i = 0; i < rs->table_n; i++) {
		struct ruleset_table *t = &rs->table[i];

		if (!t->ipt_like || t->ipt_alien)
			continue;
		t->kind = RULESET_IPT_NFT;
		rs->listed[RULESET_IPT_NFT] = true;
	}
}
