/* SPDX-License-Identifier: ISC */
/*
 * nft_change.c - from the table as it is to the table with a batch of ops done,
 * in elements.
 *
 * A rule's element in a forward map is its own. Those in leave_as and
 * upnpd_accept belong to a client's socket and are shared by the rules that
 * lead to it; the rule set last is their leader.
 */
#include "natfw/nft_change.h"
#include "natfw/table.h"

/* Whom to tell of the changes. */
struct teller {
	nft_change_fn fn;
	void *arg;
};

static void tell(const struct teller *to, enum nfnl_verb verb,
		 const struct nft_place *at, const struct nft_map *map,
		 const struct nat_rule *rule)
{
	const struct nft_change c = { verb, at, map, rule };

	if (rule)
		to->fn(to->arg, &c);
}

/*
 * Each op touches two sockets: number 2i is that of the rule that stands under
 * the key of op i, number 2i + 1 that of the rule it sets. NULL: there is none.
 */
static const struct nat_rule *touched(const struct nft_batch *b, size_t k)
{
	const struct nat_op *op = &b->op[k / 2];

	if (k % 2 == 0)
		return table_find(b->fw, &op->rule);
	return op->verb == NAT_SET ? &op->rule : NULL;
}

static bool touched_before(const struct nft_batch *b, size_t k)
{
	const struct nat_rule *like = touched(b, k), *r;
	size_t j;

	for (j = 0; j < k; j++) {
		r = touched(b, j);
		if (r && table_same_socket(r, like))
			return true;
	}
	return false;
}

static bool has_op(const struct nft_batch *b, const struct nat_rule *key)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (nat_rule_same_key(&b->op[i].rule, key))
			return true;
	return false;
}

/* Who leads the socket when all ops are done. */
static const struct nat_rule *leader_after(const struct nft_batch *b,
					   const struct nat_rule *like)
{
	const struct nat_rule *r, *best = NULL;
	size_t i;

	for (i = b->n; i-- > 0;)
		if (b->op[i].verb == NAT_SET &&
		    table_same_socket(&b->op[i].rule, like))
			best = table_lead(best, &b->op[i].rule);
	r = table_on_socket(b->fw, like);
	for (; r; r = table_next_on_socket(b->fw, r))
		if (!has_op(b, r))
			best = table_lead(best, r);
	return best;
}

/* The socket goes out of our sets (@verb is NFNL_DEL), or into them. */
static void accepted(const struct nft_batch *b, const struct teller *to,
		     enum nfnl_verb verb, const struct nat_rule *like)
{
	size_t p;

	for (p = 0; p < b->places->n; p++)
		if (nft_has_set(b->places, p))
			tell(to, verb, &b->places->at[p], &nft_maps[NFT_ACCEPT],
			     like);
}

/* Bring the elements that the rules of socket @k share from before to after. */
static void socket_changes(const struct nft_batch *b, size_t k,
			   const struct teller *to)
{
	const struct nft_map *map = &nft_maps[NFT_LEAVE_AS];
	const struct nat_rule *like = touched(b, k), *before, *after;

	if (!like || touched_before(b, k))
		return;
	before = table_leader(b->fw, like);
	after = leader_after(b, like);
	if (before && after && before->ext_port == after->ext_port)
		return;
	tell(to, NFNL_DEL, &nft_own, map, before);
	tell(to, NFNL_ADD, &nft_own, map, after);
	if (!before || !after)
		accepted(b, to, before ? NFNL_DEL : NFNL_ADD, like);
}

void nft_changes(const struct nft_batch *b, size_t i, nft_change_fn fn,
		 void *arg)
{
	const struct nat_rule *old = touched(b, 2 * i);
	const struct nat_rule *new = touched(b, 2 * i + 1);
	const struct teller to = { fn, arg };
	const struct nft_map *map = nft_forward(&b->op[i].rule);

	tell(&to, NFNL_DEL, &nft_own, map, old);
	tell(&to, NFNL_ADD, &nft_own, map, new);
	socket_changes(b, 2 * i, &to);
	socket_changes(b, 2 * i + 1, &to);
}
