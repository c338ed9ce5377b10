/* SPDX-License-Identifier: ISC */
/* nl_why.c - writes why the kernel refused a change. Runs in: monitor */
#include "natfw/nl_why.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter/nf_tables.h>
#include "base/wr.h"
#include "natfw/nl_rule.h"

const struct nlmsghdr *nl_why_message(const struct nfnl_batch *b)
{
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;

	while (b->fault && (h = netlink_next_msg(&s)))
		if (h->nlmsg_seq == b->fault)
			return h;
	return NULL;
}

static const struct {
	uint16_t type;
	const char *what;
} actions[] = {
	{ NFT_MSG_NEWTABLE, "making the table" },
	{ NFT_MSG_DELTABLE, "deleting the table" },
	{ NFT_MSG_NEWCHAIN, "making a chain" },
	{ NFT_MSG_NEWSET, "making a set" },
	{ NFT_MSG_DELSET, "deleting a set" },
	{ NFT_MSG_NEWRULE, "making a rule" },
	{ NFT_MSG_DELRULE, "deleting a rule" },
	{ NFT_MSG_NEWSETELEM, "adding elements" },
	{ NFT_MSG_DELSETELEM, "deleting elements" },
};

static const char *action_of(const struct nlmsghdr *h)
{
	for (size_t i = 0; h && i < sizeof(actions) / sizeof(*actions); i++)
		if ((h->nlmsg_type & 0xff) == actions[i].type)
			return actions[i].what;
	return "a transaction";
}

bool nl_why_is_missing(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT;
}

int nl_why_set(struct natfw *fw, int err, const char *what, const char *module)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

	wr_fmt(&w, "netlink: %s: %s", what, strerror(-err));
	if (module)
		wr_fmt(&w, "; is the kernel without %s?", module);
	else if (err == -EPERM)
		wr_z(&w, "; CAP_NET_ADMIN is needed");
	wr_cstr(&w);
	return err == -ENOENT ? -EIO : err;
}

int nl_why_batch(struct natfw *fw, const struct nfnl_batch *b, int err)
{
	const struct nlmsghdr *h = nl_why_message(b);

	return nl_why_set(fw, err, action_of(h), h && nl_why_is_missing(err) ?
		       nl_rule_module(h, b->fault_at) : NULL);
}

int nl_why_table(struct natfw *fw, const struct nlmsghdr *h,
		 const struct nl_table *t, int err)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

	wr_fmt(&w, "netlink: %s in table %s %s: %s", action_of(h), t->family,
	       t->name, strerror(-err));
	if (err == -EPERM)
		wr_z(&w, "; another process owns this table and must let others"
			 " change it (firewalld: NftablesTableOwner=no)");
	wr_cstr(&w);
	return err == -ENOENT ? -EIO : err;
}
