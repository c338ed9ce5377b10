/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ruleset.c - dumps of nf_tables. The kernel writes the messages, but
 * other programs choose the rules in them.
 *
 * Input: messages, in any order, as the kernel sends them.
 *
 * Holds: nothing is read beyond a message; results lie inside it and within
 * their bounds; for any rules, the answers are about existing networks.
 */
#include <linux/netfilter/nf_tables.h>
#include "sys/netlink.h"
#include "upnpctl/check_nft.h"
#include "fuzz.h"

static struct check_rules rules;
static struct check_nft nft;

static const struct check_rules_flow flow = {
	.ext = "wan0", .ext_index = 2,
	.net = { { 3, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } }, 24 } },
		 { 4, "lan1", { { ADDR_IP4, { 10, 0, 0, 1 } }, 8 } } },
	.n = 2,
};

static struct str whole;	/* the current message */

static void check_cond(const struct nl_ruleset_cond *c)
{
	CHECK(c->field < NL_FIELD__MAX && c->op <= NL_OP_SET);
	CHECK(c->op == NL_OP_SET || c->len <= NL_RULESET_BYTES);
	CHECK(fuzz_inside(c->set, whole));
}

static void check_elem(void *arg, const struct nl_ruleset_elem *e)
{
	CHECK(fuzz_inside(e->key, whole) && fuzz_inside(e->key_end, whole));
	CHECK(fuzz_inside(e->target, whole));
	CHECK(e->verdict <= NL_VERDICT_QUEUE);
}

static void check_rule(const struct nlmsghdr *h)
{
	struct nl_ruleset_rule r;

	if (!nl_ruleset_rule(h, &r))
		return;
	CHECK(r.cond_n <= NL_RULESET_CONDS && r.verdict <= NL_VERDICT_QUEUE);
	CHECK(r.table.n && r.chain.n);
	CHECK(fuzz_inside(r.table, whole) && fuzz_inside(r.chain, whole));
	CHECK(fuzz_inside(r.target, whole));
	for (size_t i = 0; i < r.cond_n; i++)
		check_cond(&r.cond[i]);
	if (r.verdict == NL_VERDICT_MAP)
		check_cond(&r.map);
}

static void take(void *arg, const struct nlmsghdr *h)
{
	struct nl_ruleset_chain chain;
	struct nl_ruleset_set set;

	whole = (struct str){ (const char *)h, h->nlmsg_len };
	check_rule(h);
	if (nl_ruleset_chain(h, &chain))
		CHECK(fuzz_inside(chain.table, whole) && chain.name.n &&
		      fuzz_inside(chain.name, whole) &&
		      fuzz_inside(chain.type, whole) && chain.hook >= -1);
	if (nl_ruleset_set(h, &set)) {
		CHECK(fuzz_inside(set.table, whole) && set.name.n &&
		      fuzz_inside(set.name, whole));
		nl_ruleset_elems(h, &set, check_elem, NULL);
	}
	check_nft_message(&nft, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_copy((struct str){ (const char *)data, n });
	const struct check_rules_base *base = NULL;
	bool interrupted;
	uint32_t nets = 0;

	check_rules_begin(&rules, &flow);
	nft = (struct check_nft){ .rules = &rules };
	netlink_walk((struct nl_span){ in.p, in.n }, take, NULL, &interrupted);
	CHECK(!(check_rules_masquerade(&rules) & ~3u));
	while ((base = check_rules_block(&rules, base, &nets))) {
		CHECK(nets && !(nets & ~3u));
		CHECK(memchr(base->name, '\0', sizeof(base->name)));
	}
	for (size_t i = 0; i < nft.sets.n; i++)
		CHECK(nft.sets.set[i].n <= CHECK_SET_ELEMS_MAX);
	check_set_free(&nft.sets);
	fuzz_free(in);
	return 0;
}
