/* SPDX-License-Identifier: ISC */
/*
 * nl_change.c - the elements that a batch of ops changes.
 *
 * Each mapping has its own element in a forward map. Those in leave_as, count and
 * upnpd_accept belong to a client's socket, and the rules that lead to it share
 * them; the rule set last is their leader. A pinhole has an element of its own
 * in each table.
 * Runs in: monitor
 */
#include "natfw/nl_change.h"
#include "natfw/table.h"

/* The receiver of the changes. */
struct sink {
	nl_change_fn fn;
	void *arg;
	bool own, own6;
};

static void emit(const struct sink *to, enum nfnl_verb verb,
		 const struct nl_table *at, const struct nl_map *map,
		 const struct nat_rule *rule)
{
	const struct nl_change c = { verb, at, map, rule };

	if (rule && (at == &nl_map_own ? to->own :
		     at == &nl_map_own6 ? to->own6 : true))
		to->fn(to->arg, &c);
}

/* Each op touches two sockets: number 2i is that of the rule that now has the
 * key of op i, number 2i + 1 that of the rule it sets. NULL: there is none. */
static const struct nat_rule *touched_rule(const struct nl_change_batch *b,
					   size_t k)
{
	const struct nat_op *op = &b->op[k / 2];

	if (k % 2 == 0)
		return table_find(b->fw, &op->rule);
	return op->verb == NAT_SET ? &op->rule : NULL;
}

static bool touched_before(const struct nl_change_batch *b, size_t k)
{
	const struct nat_rule *like = touched_rule(b, k), *r;

	for (size_t j = 0; j < k; j++) {
		r = touched_rule(b, j);
		if (r && table_same_socket(r, like))
			return true;
	}
	return false;
}

static bool has_op(const struct nl_change_batch *b, const struct nat_rule *key)
{
	for (size_t i = 0; i < b->n; i++)
		if (nat_rule_same_key(&b->op[i].rule, key))
			return true;
	return false;
}

/* The leader of the socket once all ops are done. */
static const struct nat_rule *leader_after(const struct nl_change_batch *b,
					   const struct nat_rule *like)
{
	const struct nat_rule *r, *best = NULL;

	for (size_t i = b->n; i-- > 0;)
		if (b->op[i].verb == NAT_SET &&
		    table_same_socket(&b->op[i].rule, like))
			best = table_lead(best, &b->op[i].rule);
	r = table_on_socket(b->fw, like);
	for (; r; r = table_next_on_socket(b->fw, r))
		if (!has_op(b, r))
			best = table_lead(best, r);
	return best;
}

/* Emit the changes of the elements that the rules of socket @k share. */
static void socket_changes(const struct nl_change_batch *b, size_t k,
			   const struct sink *to)
{
	const struct nl_map *map = &nl_map_table[NL_MAP_LEAVE_AS];
	const struct nat_rule *like = touched_rule(b, k), *before, *after;
	enum nfnl_verb verb;

	if (!like || touched_before(b, k))
		return;
	before = table_leader(b->fw, like);
	after = leader_after(b, like);
	if (before && after && before->ext_port == after->ext_port)
		return;
	emit(to, NFNL_DEL, &nl_map_own, map, before);
	emit(to, NFNL_ADD, &nl_map_own, map, after);
	if (before && after)
		return;
	verb = before ? NFNL_DEL : NFNL_ADD;
	emit(to, verb, &nl_map_own, &nl_map_table[NL_MAP_COUNT], like);
	for (size_t t = 0; t < b->tables->n; t++)
		if (b->tables->ip4[t])
			emit(to, verb, &b->tables->at[t],
			     &nl_map_table[NL_MAP_ACCEPT], like);
}

/* A pinhole shares no element, and its key is all of it. */
static void pinhole_changes(const struct nl_change_batch *b,
			    const struct nat_op *op, const struct sink *to)
{
	const struct nl_map *map =
		&nl_map_table[NL_MAP_PINHOLE + nl_map_pinhole(&op->rule)];
	enum nfnl_verb verb = op->verb == NAT_SET ? NFNL_ADD : NFNL_DEL;

	emit(to, verb, &nl_map_own6, map, &op->rule);
	for (size_t t = 0; t < b->tables->n; t++)
		if (b->tables->ip6[t])
			emit(to, verb, &b->tables->at[t], map, &op->rule);
}

void nl_change_each(const struct nl_change_batch *b, size_t i, nl_change_fn fn,
		    void *arg)
{
	const struct nat_rule *old = touched_rule(b, 2 * i);
	const struct nat_rule *new = touched_rule(b, 2 * i + 1);
	const struct sink to = { fn, arg, b->own, b->own6 };
	const struct nl_map *map = nl_map_forward(&b->op[i].rule);

	if (b->op[i].rule.kind == NAT_PINHOLE) {
		pinhole_changes(b, &b->op[i], &to);
		return;
	}
	emit(&to, NFNL_DEL, &nl_map_own, map, old);
	emit(&to, NFNL_ADD, &nl_map_own, map, new);
	socket_changes(b, 2 * i, &to);
	socket_changes(b, 2 * i + 1, &to);
}
