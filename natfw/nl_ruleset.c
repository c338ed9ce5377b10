/* SPDX-License-Identifier: ISC */
/*
 * nl_ruleset.c - reads other people's nf_tables, message by message. Pure.
 *
 * Invariant: no attribute is read before its length was checked.
 * Source: linux/netfilter/nf_tables.h
 * Runs in: any
 */
#include <endian.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "natfw/nl_expr.h"
#include "natfw/nl_ruleset.h"
#include "natfw/nlattr.h"

/* The data type of a verdict map: NFT_DATA_VERDICT. */
#define VERDICT_TYPE	0xffffff00

uint16_t nl_ruleset_generation(const struct nlmsghdr *h)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));

	return about ? be16toh(about->res_id) : 0;
}

/* The attributes of a message of that type, and its family. */
static bool open_message(const struct nlmsghdr *h, int type,
			 uint8_t *ret_family, struct nl_span *ret)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type) || !about)
		return false;
	*ret_family = about->nfgen_family;
	*ret = netlink_attrs(h, sizeof(*about));
	return true;
}

bool nl_ruleset_chain(const struct nlmsghdr *h, struct nl_ruleset_chain *ret)
{
	uint32_t hook, priority, policy = NF_ACCEPT;
	struct nl_span s, nest;

	memset(ret, 0, sizeof(*ret));
	if (!open_message(h, NFT_MSG_NEWCHAIN, &ret->family, &s))
		return false;
	ret->table = nlattr_name(s, NFTA_CHAIN_TABLE);
	ret->name = nlattr_name(s, NFTA_CHAIN_NAME);
	ret->type = nlattr_name(s, NFTA_CHAIN_TYPE);
	ret->hook = -1;
	nest = nlattr_nest(s, NFTA_CHAIN_HOOK);
	if (nlattr_u32(nest, NFTA_HOOK_HOOKNUM, &hook) &&
	    nlattr_u32(nest, NFTA_HOOK_PRIORITY, &priority) &&
	    hook <= INT32_MAX) {
		ret->hook = (int)hook;
		ret->priority = (int32_t)priority;
	}
	nlattr_u32(s, NFTA_CHAIN_POLICY, &policy);
	ret->drop = policy == NF_DROP;
	return ret->table.n && ret->name.n;
}

bool nl_ruleset_rule(const struct nlmsghdr *h, struct nl_ruleset_rule *ret)
{
	struct nl_span s;

	memset(ret, 0, sizeof(*ret));
	if (!open_message(h, NFT_MSG_NEWRULE, &ret->family, &s))
		return false;
	ret->table = nlattr_name(s, NFTA_RULE_TABLE);
	ret->chain = nlattr_name(s, NFTA_RULE_CHAIN);
	nl_expr_read(nlattr_nest(s, NFTA_RULE_EXPRESSIONS), ret);
	return ret->table.n && ret->chain.n;
}

bool nl_ruleset_set(const struct nlmsghdr *h, struct nl_ruleset_set *ret)
{
	uint32_t flags = 0, data = 0;
	struct nl_span s;

	memset(ret, 0, sizeof(*ret));
	if (!open_message(h, NFT_MSG_NEWSET, &ret->family, &s))
		return false;
	ret->table = nlattr_name(s, NFTA_SET_TABLE);
	ret->name = nlattr_name(s, NFTA_SET_NAME);
	nlattr_u32(s, NFTA_SET_KEY_LEN, &ret->key_len);
	nlattr_u32(s, NFTA_SET_FLAGS, &flags);
	nlattr_u32(s, NFTA_SET_DATA_TYPE, &data);
	ret->interval = flags & NFT_SET_INTERVAL;
	ret->verdicts = flags & NFT_SET_MAP && data == VERDICT_TYPE;
	return ret->table.n && ret->name.n;
}

static struct nl_ruleset_elem elem_of(struct nl_span s)
{
	struct nl_span data = nlattr_nest(s, NFTA_SET_ELEM_DATA);
	struct nl_ruleset_elem e;
	uint32_t flags = 0;

	e.key = nlattr_get(nlattr_nest(s, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	e.key_end = nlattr_get(nlattr_nest(s, NFTA_SET_ELEM_KEY_END),
			       NFTA_DATA_VALUE);
	nlattr_u32(s, NFTA_SET_ELEM_FLAGS, &flags);
	e.end = flags & NFT_SET_ELEM_INTERVAL_END;
	e.verdict = nl_expr_verdict(nlattr_nest(data, NFTA_DATA_VERDICT),
				    &e.target);
	return e;
}

void nl_ruleset_elems(const struct nlmsghdr *h,
		      const struct nl_ruleset_set *set, nl_ruleset_elem_fn fn,
		      void *arg)
{
	struct nl_ruleset_elem e;
	const struct rtattr *a;
	struct nl_span s, list;
	uint8_t family;

	if (!open_message(h, NFT_MSG_NEWSETELEM, &family, &s) ||
	    family != set->family ||
	    !str_eq(nlattr_name(s, NFTA_SET_ELEM_LIST_TABLE), set->table) ||
	    !str_eq(nlattr_name(s, NFTA_SET_ELEM_LIST_SET), set->name))
		return;
	list = nlattr_nest(s, NFTA_SET_ELEM_LIST_ELEMENTS);
	while ((a = netlink_next_attr(&list))) {
		e = elem_of(nlattr_span(nlattr_bytes(a)));
		fn(arg, &e);
	}
}
