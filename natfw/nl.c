/* SPDX-License-Identifier: ISC */
/*
 * nl.c - the backend netlink: mappings as elements of nf_tables maps, so that
 * the cost of a packet or of a change does not grow with their number. It talks
 * to the kernel directly, so the router needs no tool.
 *
 *   table ip upnpd   maps  forward_to    proto . port -> client . port
 *                          forward_from  the same, for one remote host
 *                          forward_from_port  for one port of it; both are
 *                                        made when a mapping needs them
 *                          leave_as      client . proto . port -> ext . port
 *                    and the two nat chains that look them up;
 *                    the set count, with a counter for each client's socket,
 *                    and a chain that looks it up on the forward hook
 *   table ip6 upnpd  counts the packets to pinholes: nl_pinhole.h
 *   in each native place (natfw/place.h): rules that accept packets to and from
 *   the sockets in the set upnpd_accept, or in the sets upnpd_pinhole..., which
 *   are in the same table.
 *
 * The accept must be in the foreign chain because an accept in one table does
 * not override a drop in another. The set's key is what a packet has after
 * DNAT, because the original port of a flow (ct original proto-dst) cannot be
 * part of a key. A pinhole's key is its five-tuple, without what it leaves open:
 * the sets of the combinations that are in use are exact, and are made when the
 * first pinhole needs one.
 *
 * Several mappings may lead to one socket. They share its elements in leave_as,
 * count and upnpd_accept. One of them is the leader (table_leader()): the
 * client's own traffic leaves with its external port.
 *
 * Every change is one transaction, in one message to the kernel, and the answer
 * is in the socket when send() returns. A sync replaces our table within its
 * transaction, so a mapping that stays is never missing. `nft list
 * ruleset` shows the table as if nft had made it.
 *
 * A foreign table that the kernel does not let us change is left out of the
 * transaction, so that the other places get their accepts; the sync fails all
 * the same, because no packet arrives.
 *
 * A nat map's element cannot count, because nat sees only the first packet of a
 * flow, and the accept sees only packets that would be dropped otherwise: so
 * counting has a chain of its own.
 *
 * Owns: the socket, room for the longest batch.
 * Never does: run a tool; wait for an answer; touch tables, chains, rules and
 * sets of others; write into chains of the iptables command, because
 * iptables-save would print our rule there without its lookup.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/nl_change.h"
#include "natfw/nl_foreign.h"
#include "natfw/nl_map.h"
#include "natfw/nl_pinhole.h"
#include "natfw/nl_place.h"
#include "natfw/nl_rule.h"
#include "natfw/nl_state.h"
#include "natfw/nl_sync.h"
#include "natfw/nl_trial.h"
#include "natfw/nl_why.h"

/* Bytes for a rule's elements, rounded up: 44 in a forward map, 40 in leave_as,
 * 24 in count and in the set of each table with a place. ROOM_REST: for the
 * rules of our table, up to 964 KB, because hairpin has a rule for each pair of
 * networks; or for the changes of a batch of NAT_BATCH_MAX, two messages of
 * about a hundred bytes for each element. Only what is used of it becomes
 * resident. */
#define ROOM_RULE	(128 + 24 * PLACES_MAX)
#define ROOM_REST	(4 << 20)
/* Of a pinhole: 56 in our table and in the set of each table with a place. */
#define ROOM_PINHOLE	(56 + 56 * PLACES_MAX)

/* ---- apply --------------------------------------------------------- */

struct changes {
	const struct natfw_env *env;
	struct nfnl_batch b;
};

static void put_change(void *arg, const struct nl_change *c)
{
	struct changes *to = arg;
	const struct nfnl_set set = {
		c->at->family, c->at->name, c->map->name
	};
	const struct nfnl_value key = nl_map_key(c->map, to->env, c->rule);
	const struct nfnl_value value = nl_map_value(c->map, to->env, c->rule);

	nfnl_elem(&to->b, c->verb, &set, &key,
		  c->verb == NFNL_ADD && value.n ? &value : NULL);
}

/* The sets that the ops need, and that are not there yet. */
struct new_sets {
	unsigned pinholes;	/* a bit for each: nl_map_pinhole() */
	unsigned from;		/* likewise: nl_map_from() */
};

static struct new_sets new_sets(const struct nl *st,
				const struct nl_change_batch *batch)
{
	struct new_sets ret = { 0 };

	for (size_t i = 0; i < batch->n; i++) {
		const struct nat_op *op = &batch->op[i];

		if (op->verb != NAT_SET)
			continue;
		if (op->rule.kind == NAT_PINHOLE)
			ret.pinholes |= 1u << nl_map_pinhole(&op->rule);
		else if (batch->own)
			ret.from |= nl_map_from(&op->rule);
	}
	ret.pinholes &= ~st->pinholes;
	ret.from &= ~st->from;
	return ret;
}

static void put_new_sets(struct nfnl_batch *b, const struct natfw *fw,
			 const struct nl *st,
			 const struct nl_change_batch *batch,
			 const struct new_sets *new)
{
	const struct nl_foreign what = { false, new->pinholes };

	if (new->from)
		nl_rule_put_from(b, &fw->env, st->from, new->from);
	if (!new->pinholes)
		return;
	if (batch->own6)
		nl_pinhole_add(b, fw, batch->sets, new->pinholes);
	if (fw->rules)
		nl_foreign_put(b, fw, batch->tables, &what);
}

static int try_apply(struct natfw *fw, struct nl *st,
		     const struct nl_change_batch *batch,
		     const struct new_sets *new)
{
	struct changes to = { .env = &fw->env };
	const struct nlmsghdr *h;
	struct nl_table table;
	int rc;

	nl_state_begin(st, &to.b);
	put_new_sets(&to.b, fw, st, batch, new);
	for (size_t i = 0; i < batch->n; i++)
		nl_change_each(batch, i, put_change, &to);
	rc = nl_state_commit(st, &to.b);
	h = rc ? nl_why_message(&to.b) : NULL;
	/* the kernel has no tables of IPv6, or no counters */
	if (h && new->pinholes && batch->own6 && !batch->sets &&
	    (nl_why_is_missing(rc) || rc == -EAFNOSUPPORT) &&
	    nl_rule_table(h, &table) &&
	    nl_state_same_table(&table, &nl_map_own6))
		rc = 1;
	else if (rc)
		rc = nl_why_batch(fw, &to.b, rc);
	nl_state_release(st, &to.b);
	return rc;
}

static int nl_apply(struct natfw *fw, struct natfw_writer *w,
		    const struct nat_op *op, size_t n)
{
	struct nl *st = w->own;
	struct nl_change_batch batch = {
		fw, .own = w->translates, .op = op, .n = n,
	};
	int rc = nl_state_open(fw, w);
	struct new_sets new;

	if (rc)
		return rc;
	nl_state_follow(fw, w);
	new = new_sets(st, &batch);
	batch.tables = &st->tables;
	batch.sets = st->pinholes;
	batch.own6 = w->translates && st->counts;
	rc = try_apply(fw, st, &batch, &new);
	if (rc > 0) {
		st->counts = batch.own6 = false;
		rc = try_apply(fw, st, &batch, &new);
	}
	if (rc)
		return rc;
	st->pinholes |= new.pinholes;
	st->from |= new.from;
	return new.pinholes || new.from ? nl_state_record(fw, st) : 0;
}

/* ---- verify -------------------------------------------------------- */

static void count_wanted(void *tally, const struct nfnl_set *set,
			 const struct nfnl_value *key,
			 const struct nfnl_value *value)
{
	backend_count(tally, nl_list_hash(set, key, value));
}

struct scanning {
	struct nl *st;
	struct nl_list_scan *scan;
	int rc;
};

static void scan_set(void *arg, const struct nl_table *t,
		     const struct nl_map *map)
{
	const struct nfnl_set set = nl_state_set(t, map);
	struct scanning *to = arg;
	int one;

	if (to->rc && to->rc != -EINTR)
		return;
	one = nl_list_elements(&to->st->sock, to->scan, &set);
	to->rc = one ? one : to->rc;
}

static int scan_all(struct nl *st, const struct natfw_writer *w,
		    struct nl_list_scan *scan, struct nl_list_scan *scan6)
{
	struct scanning to = { st, scan, nl_state_scan(st, scan, scan6) };

	nl_state_each_set(w, scan_set, &to);
	return to.rc;
}

static int nl_verify(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_rule *rule, size_t n)
{
	struct nl *st = w->own;
	struct backend_tally want = { 0 };
	struct nl_state_elements elements = {
		fw, rule, n, count_wanted, &want,
	};
	struct nl_list_scan scan, scan6;
	bool equal;
	int rc = nl_state_open(fw, w), tries = NL_TRIES;

	if (rc)
		return rc;
	if (!nl_state_follow(fw, w))
		return 1;
	nl_state_each_set(w, nl_state_elements_of, &elements);
	do {
		scan = scan6 = (struct nl_list_scan){ 0 };
		rc = scan_all(st, w, &scan, &scan6);
		equal = backend_same(scan.own, st->own) &&
			backend_same(scan6.own, st->own6) &&
			backend_same(scan.elements, want);
		/* others' transactions do not matter if nothing differs */
		if (rc == -EINTR && equal)
			rc = 0;
	} while (rc == -EINTR && --tries);
	if (!rc || rc == -ENOENT)
		st->altered = !backend_same(scan6.own, st->own6);
	if (rc == -ENOENT)
		return 1;	/* a table or a set is missing */
	if (rc == -EINTR)
		return rc;
	return rc ? nl_state_dump_failed(fw, st, rc) : !equal;
}

/* ---- open and close ------------------------------------------------ */

static size_t size_of(size_t cap)
{
	return offsetof(struct nl, room) + cap;
}

/* Make room for the longest batch of tables of that many rules. Return: NULL if
 * there is no memory */
static struct nl *alloc(size_t rule_max, size_t pinhole_max)
{
	const size_t cap = ROOM_REST + rule_max * ROOM_RULE +
			   pinhole_max * ROOM_PINHOLE;
	struct nl *st = mmap(NULL, size_of(cap), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	if (st == MAP_FAILED)
		return NULL;
	st->cap = cap;
	st->sock.fd = -EBADF;
	st->counts = true;
	return st;
}

static void release(struct natfw_writer *w)
{
	struct nl *st = w->own;

	nl_state_close(st);
	munmap(st, size_of(st->cap));
	w->own = NULL;
}

static int nl_open_backend(struct natfw *fw, struct natfw_writer *w)
{
	w->own = alloc(fw->mappings.rule_max, fw->pinholes.rule_max);
	return nl_state_open(fw, w);
}

/* A transaction for each table, so that a failure in one does not prevent the
 * others. */
static void clean(struct nl *st, const struct ruleset *rs)
{
	bool without[RULESET_TABLES_MAX];
	struct nfnl_batch b;

	memset(without, true, sizeof(without));
	for (uint32_t t = 0; t < rs->table_n; t++) {
		without[t] = false;
		nl_state_begin(st, &b);
		nl_foreign_clean(&b, rs, without);
		nl_state_commit(st, &b);
		without[t] = true;
	}
}

/* Our tables are deleted first: if the rest fails, they are still removed.
 * @rs: may be NULL */
static void remove_all(struct natfw *fw, struct nl *st,
		       const struct ruleset *rs)
{
	struct nfnl_batch b;

	nl_state_begin(st, &b);
	nl_rule_delete_table(&b, &nl_map_own);
	nl_state_commit(st, &b);
	nl_state_begin(st, &b);
	if (!nl_pinhole_sync(&b, &st->sock, fw, 0, NL_PINHOLE_CHANGE))
		nl_state_commit(st, &b);
	if (rs)
		clean(st, rs);
}

/* A reading that was interrupted may lack our rules. The former model has those
 * that were there when it was read. */
static const struct ruleset *rules_now(struct natfw *fw)
{
	if (!fw->next_rules)
		return fw->rules;
	ruleset_dump_end(&fw->reading);
	return ruleset_read(fw->next_rules) ? fw->rules : fw->next_rules;
}

static void nl_close(struct natfw *fw, struct natfw_writer *w)
{
	if (!w->own)
		return;
	if (!nl_state_open(fw, w))
		remove_all(fw, w->own, rules_now(fw));
	release(w);
}

static void nl_sweep(struct natfw *fw)
{
	struct natfw_writer w = { .own = alloc(0, 0) };

	if (!w.own)
		return;
	if (!nl_state_open(fw, &w))
		remove_all(fw, w.own, fw->rules);
	release(&w);
}

/* ---- counters ------------------------------------------------------ */

static int nl_packets(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_rule *rule, uint64_t *ret)
{
	struct nl *st = w->own;
	int rc;

	if (!w->translates)	/* the table of counters is the translator's */
		return -EOPNOTSUPP;
	rc = nl_state_open(fw, w);
	if (rc)
		return rc;
	if (!st->counts)
		return -EOPNOTSUPP;
	rc = nl_list_packets(&st->sock, rule, ret);
	return rc && rc != -ENOENT && rc != -EOPNOTSUPP ?
	       nl_state_dump_failed(fw, st, rc) : rc;
}

static bool nl_placed(const struct natfw *fw, const struct natfw_writer *w)
{
	const struct nl *st = w->own;

	return nl_place_right(fw, st ? st->pinholes : 0);
}

const struct natfw_backend natfw_netlink = {
	.name = "netlink",
	.kind = RULESET_NATIVE,
	.usable = nl_trial_passes,
	.open = nl_open_backend,
	.apply = nl_apply,
	.sync = nl_sync,
	.verify = nl_verify,
	.placed = nl_placed,
	.packets = nl_packets,
	.close = nl_close,
	.sweep = nl_sweep,
	.commits = 1,
	.pinholes = true,
};
