/* SPDX-License-Identifier: ISC */
/*
 * nl.c - the backend netlink: mappings as elements of nf_tables maps, so that
 * the cost of a packet or of a change does not grow with their number. It talks
 * to the kernel directly, so the router needs no tool.
 *
 *   table ip upnpd   maps  forward_to    proto . port -> client . port
 *                          forward_from  the same, for one remote host
 *                          leave_as      client . proto . port -> ext . port
 *                    and the two nat chains that look them up;
 *                    the set count, with a counter for each client's socket,
 *                    and a chain that looks it up on the forward hook
 *   in each native place (natfw/place.h): rules that accept packets to and from
 *   the sockets in the set upnpd_accept, which is in the same table.
 *
 * The accept must be in the foreign chain because an accept in one table does
 * not override a drop in another. The set's key is what a packet has after
 * DNAT, because the original port of a flow (ct original proto-dst) cannot be
 * part of a key.
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
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include "base/mem.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/nl_change.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"
#include "natfw/nl_list.h"
#include "natfw/nl_rule.h"
#include "natfw/nl_trial.h"
#include "natfw/nl_why.h"

/* Bytes for a rule's elements, rounded up: 36 in a forward map, 40 in leave_as,
 * 24 in count and in the set of each table with a place. ROOM_REST: for the
 * rules of our table, up to 964 KB, because hairpin has a rule for each pair of
 * networks; or for the changes of a batch of NAT_BATCH_MAX, two messages of
 * about a hundred bytes for each element. Only what is used of it becomes
 * resident. */
#define ROOM_RULE	(128 + 24 * PLACES_MAX)
#define ROOM_REST	(4 << 20)
#define ROOM_KEPT	65536	/* a longer batch is given back */

/* The state behind natfw's own: one memory mapping, of which only the touched
 * pages take memory. */
struct nl {
	struct nl_place_tables tables;	/* with our set, since the last sync */
	unsigned placed_no;		/* fw->places_no, when our rules were
					 * put there */
	struct backend_tally own;	/* our table right after the sync */
	struct nl_list_sock sock;
	size_t cap;			/* of room, in bytes */
	uint32_t room[];		/* the current batch */
};

/* ---- the socket ---------------------------------------------------- */

/* w->own is NULL if there was no memory at the open. */
static int open_sock(struct natfw *fw, const struct natfw_writer *w)
{
	struct nl *st = w->own;
	int size;

	if (!st)
		return nl_why_set(fw, -ENOMEM, "room for a batch", NULL);
	st->sock.rules = (uint32_t)fw->mappings.rule_n;
	if (st->sock.fd >= 0)
		return 0;
	st->sock.fd = nfnl_open();
	if (st->sock.fd < 0)
		return nl_why_set(fw, st->sock.fd, "opening the socket",
			       "nfnetlink");
	size = (int)st->cap;	/* let it take the longest batch */
	setsockopt(st->sock.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		   sizeof(size));
	return 0;
}

static void close_sock(struct nl *st)
{
	if (st->sock.fd >= 0)
		close(st->sock.fd);
	st->sock.fd = -EBADF;
}

/* The rest of a failed dump may still be in the socket, and the next request
 * must not read it as its answer. */
static int dump_failed(struct natfw *fw, struct nl *st, int err)
{
	close_sock(st);
	return nl_why_set(fw, err, "listing",
		       nl_why_is_missing(err) ? "nf_tables" : NULL);
}

static void begin(struct nl *st, struct nfnl_batch *b)
{
	nfnl_begin(b, st->room, st->cap, st->sock.seq + 1);
}

static int commit(struct nl *st, struct nfnl_batch *b)
{
	int rc = nfnl_commit(b, st->sock.fd);

	st->sock.seq = b->m.seq;
	return rc;
}

/* A long batch, such as a sync's, has touched megabytes. Free them. */
static void release_pages(struct nl *st, const struct nfnl_batch *b)
{
	if (b->m.len > ROOM_KEPT)
		mem_release(st->room, st->cap);
}

/* ---- which elements ------------------------------------------------ */

/* Get set number @k: the maps of our table come first, then our set in each
 * foreign table. Return: false if there is none */
static bool set_at(const struct nl *st, size_t k, const struct nl_map **ret_map,
		   struct nfnl_set *ret)
{
	const struct nl_table *t = &nl_map_own;

	if (k >= NL_MAP_OWN_N + st->tables.n)
		return false;
	*ret_map = &nl_map_table[k < NL_MAP_OWN_N ? k : NL_MAP_ACCEPT];
	if (k >= NL_MAP_OWN_N)
		t = &st->tables.at[k - NL_MAP_OWN_N];
	*ret = (struct nfnl_set){ t->family, t->name, (*ret_map)->name };
	return true;
}

static size_t first_set(const struct natfw_writer *w)
{
	return w->translates ? 0 : NL_MAP_OWN_N;
}

typedef void (*element_fn)(void *arg, const struct nfnl_set *,
			   const struct nfnl_value *key,
			   const struct nfnl_value *value);

/* Call @fn for each element that should exist, set by set. */
static void each_element(struct natfw *fw, const struct natfw_writer *w,
			 const struct nat_rule *rule, size_t n, element_fn fn,
			 void *arg)
{
	const struct nl_map *map;
	struct nfnl_value key, value;
	struct nfnl_set set;

	for (size_t k = first_set(w); set_at(w->own, k, &map, &set); k++) {
		for (size_t i = 0; i < n; i++) {
			if (!map->has(fw, &rule[i]))
				continue;
			key = nl_map_key(map, &fw->env, &rule[i]);
			value = nl_map_value(map, &fw->env, &rule[i]);
			fn(arg, &set, &key, &value);
		}
	}
}

/* ---- foreign tables ------------------------------------------------ */

/* Delete our rules, and then our sets. @without: for each table, is it left
 * alone? */
static void put_clean(struct nfnl_batch *b, const struct ruleset *rs,
		      const bool without[RULESET_TABLES_MAX])
{
	struct nl_table t;

	for (uint32_t i = 0; i < rs->rule_n; i++) {
		const struct ruleset_rule *r = &rs->rule[i];
		const struct ruleset_chain *c = &rs->chain[r->chain];

		if (nl_place_is_old(rs, r) && !without[c->table] &&
		    nl_place_table(rs, c->table, &t))
			nl_rule_delete(b, &t, c->name, r->handle);
	}
	for (uint32_t i = 0; i < rs->set_n; i++) {
		const struct ruleset_set *set = &rs->set[i];

		if (nl_place_is_old_set(rs, set) && !without[set->table] &&
		    nl_place_table(rs, set->table, &t))
			nl_rule_delete_set(b, &t);
	}
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
		begin(st, &b);
		put_clean(&b, rs, without);
		commit(st, &b);
		without[t] = true;
	}
}

static void put_places(struct nfnl_batch *b, const struct natfw *fw,
		       const struct nl_place_tables *tables)
{
	const struct ruleset *rs = fw->rules;
	const struct nl_table *t;

	for (size_t i = 0; i < tables->n; i++)
		nl_rule_put_set(b, &tables->at[i]);
	for (size_t i = 0; i < fw->places->n; i++) {
		const struct place *p = &fw->places->at[i];

		t = nl_place_in(rs, p, tables);
		if (t)
			nl_rule_put_accept(b, &fw->env, t,
					   rs->chain[p->chain].name, p,
					   p->before == RULESET_NONE ? 0 :
					   rs->rule[p->before].handle);
	}
}

/* ---- sync ---------------------------------------------------------- */

struct sync {
	struct natfw *fw;
	struct natfw_writer *w;
	const struct nat_rule *rule;
	size_t n;
	bool count;			/* elements have counters */
	bool keep;			/* the rules in foreign chains stay as
					 * they are */
	bool refused[RULESET_TABLES_MAX];	/* by the kernel */
	int refused_rc;			/* why, or 0 */
};

/* @set: its names live until the commit */
static void put_element(void *batch, const struct nfnl_set *set,
			const struct nfnl_value *key,
			const struct nfnl_value *value)
{
	nfnl_elem(batch, NFNL_ADD, set, key, value->n ? value : NULL);
}

static void put_all(struct nfnl_batch *b, const struct sync *s)
{
	const struct nl *st = s->w->own;

	if (!s->keep)
		put_clean(b, s->fw->rules, s->refused);
	if (s->w->translates)
		nl_rule_put_table(b, &nl_map_own, &s->fw->env, s->count);
	else
		nl_rule_delete_table(b, &nl_map_own);
	if (!s->keep)
		put_places(b, s->fw, &st->tables);
	for (size_t i = 0; s->keep && i < st->tables.n; i++)
		nl_rule_flush_set(b, &st->tables.at[i]);
	each_element(s->fw, s->w, s->rule, s->n, put_element, b);
}

static bool same_table(const struct nl_table *a, const struct nl_table *b)
{
	return !strcmp(a->family, b->family) && !strcmp(a->name, b->name);
}

/* The table of the model that the message is about; RULESET_NONE: it is ours,
 * or none. */
static uint32_t foreign_table(const struct ruleset *rs,
			      const struct nlmsghdr *h, struct nl_table *ret)
{
	struct nl_table t;

	if (!h || !nl_rule_table(h, ret) || same_table(ret, &nl_map_own))
		return RULESET_NONE;
	for (uint32_t i = 0; i < rs->table_n; i++)
		if (rs->table[i].kind != RULESET_IPT_LEGACY &&
		    nl_place_table(rs, i, &t) && same_table(&t, ret))
			return i;
	return RULESET_NONE;
}

/* Return: 1: try again, without what failed; -ESTALE: a rule, chain or table
 * has gone since the rules were read; other -errno */
static int failed(struct sync *s, const struct nfnl_batch *b, int err)
{
	const struct nlmsghdr *h = nl_why_message(b);
	struct nl_table table;
	uint32_t t = foreign_table(s->fw->rules, h, &table);

	/* our set there has gone, or its table */
	if (s->keep && h && nl_rule_table(h, &table) &&
	    !same_table(&table, &nl_map_own)) {
		s->keep = false;
		return 1;
	}
	if (t == RULESET_NONE) {
		if (!s->count || !nl_why_is_missing(err))
			return nl_why_batch(s->fw, b, err);
		s->count = false;	/* nft_counter may be missing */
		return 1;
	}
	if (err == -ENOENT && !nl_rule_module(h, b->fault_at))
		return -ESTALE;
	if (s->refused[t])
		return nl_why_batch(s->fw, b, err);
	s->refused_rc = nl_why_table(s->fw, h, &table, err);
	s->refused[t] = true;
	return 1;
}

static int try_sync(struct sync *s)
{
	struct nl *st = s->w->own;
	struct nfnl_batch b;
	int rc;

	if (!s->keep)
		nl_place_tables(s->fw, s->refused, &st->tables);
	begin(st, &b);
	put_all(&b, s);
	rc = commit(st, &b);
	if (rc)
		rc = failed(s, &b, rc);
	release_pages(st, &b);
	return rc;
}

/* Record our table as it is now, for verify to compare. Transactions of others
 * are no reason to fail: if two dumps agree, they did not change it. */
static int record_own(struct natfw *fw, struct nl *st)
{
	struct nl_list_scan scan = { 0 };
	int rc = -EINTR, tries = NL_TRIES;

	for (; rc == -EINTR && tries; tries--) {
		scan = (struct nl_list_scan){ 0 };
		rc = nl_list_own(&st->sock, &scan);
		if (rc == -EINTR && backend_same(scan.own, st->own))
			rc = 0;
		st->own = scan.own;
	}
	return rc ? dump_failed(fw, st, rc) : 0;
}

/* Do our rules stand where they should, as far as we know? */
static bool is_placed(const struct natfw *fw, const struct natfw_writer *w)
{
	const struct nl *st = w->own;

	return st->placed_no == fw->places_no || nl_place_right(fw, w);
}

static int nl_sync(struct natfw *fw, struct natfw_writer *w,
		   const struct nat_rule *rule, size_t n)
{
	struct sync s = { fw, w, rule, n, .count = true };
	struct nl *st = w->own;
	int rc = open_sock(fw, w);

	if (rc)
		return rc;
	s.keep = fw->rules_old && is_placed(fw, w);
	do {	/* each time with a table less, or without counters */
		rc = try_sync(&s);
	} while (rc > 0);
	if (!rc) {
		st->placed_no = fw->places_no;
		rc = record_own(fw, st);
	}
	return rc ? rc : s.refused_rc;
}

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

static int nl_apply(struct natfw *fw, struct natfw_writer *w,
		    const struct nat_op *op, size_t n)
{
	struct nl *st = w->own;
	struct nl_change_batch batch = { fw, w->translates, NULL, op, n };
	struct changes to = { .env = &fw->env };
	int rc = open_sock(fw, w);

	if (rc)
		return rc;
	batch.tables = &st->tables;
	begin(st, &to.b);
	for (size_t i = 0; i < n; i++)
		nl_change_each(&batch, i, put_change, &to);
	rc = commit(st, &to.b);
	if (rc)
		rc = nl_why_batch(fw, &to.b, rc);
	release_pages(st, &to.b);
	return rc;
}

/* ---- verify -------------------------------------------------------- */

static void count_wanted(void *tally, const struct nfnl_set *set,
			 const struct nfnl_value *key,
			 const struct nfnl_value *value)
{
	backend_count(tally, nl_list_hash(set, key, value));
}

static int scan_all(struct nl *st, const struct natfw_writer *w,
		    struct nl_list_scan *scan)
{
	const struct nl_map *map;
	struct nfnl_set set;
	int rc = nl_list_own(&st->sock, scan), one;

	for (size_t k = first_set(w); set_at(st, k, &map, &set); k++) {
		if (rc && rc != -EINTR)
			break;
		one = nl_list_elements(&st->sock, scan, &set);
		rc = one ? one : rc;
	}
	return rc;
}

static int nl_verify(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_rule *rule, size_t n)
{
	struct nl *st = w->own;
	struct backend_tally want = { 0 };
	struct nl_list_scan scan;
	bool equal;
	int rc = open_sock(fw, w), tries = NL_TRIES;

	if (rc)
		return rc;
	if (!is_placed(fw, w))
		return 1;
	st->placed_no = fw->places_no;
	each_element(fw, w, rule, n, count_wanted, &want);
	do {
		scan = (struct nl_list_scan){ 0 };
		rc = scan_all(st, w, &scan);
		equal = backend_same(scan.own, st->own) &&
			backend_same(scan.elements, want);
		/* others' transactions do not matter if nothing differs */
		if (rc == -EINTR && equal)
			rc = 0;
	} while (rc == -EINTR && --tries);
	if (rc == -ENOENT)
		return 1;	/* a table or a set is missing */
	if (rc == -EINTR)
		return rc;
	return rc ? dump_failed(fw, st, rc) : !equal;
}

/* ---- open and close ------------------------------------------------ */

static size_t size_of(size_t cap)
{
	return offsetof(struct nl, room) + cap;
}

/* Make room for the longest batch of a table of @rule_max rules. Return: NULL
 * if there is no memory */
static struct nl *alloc(size_t rule_max)
{
	const size_t cap = ROOM_REST + rule_max * ROOM_RULE;
	struct nl *st = mmap(NULL, size_of(cap), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	if (st == MAP_FAILED)
		return NULL;
	st->cap = cap;
	st->sock.fd = -EBADF;
	return st;
}

static void release(struct natfw_writer *w)
{
	struct nl *st = w->own;

	close_sock(st);
	munmap(st, size_of(st->cap));
	w->own = NULL;
}

static int nl_open_backend(struct natfw *fw, struct natfw_writer *w)
{
	w->own = alloc(fw->mappings.rule_max);
	return open_sock(fw, w);
}

/* Our table is deleted first: if the rest fails, it is still removed.
 * @rs: may be NULL */
static void remove_all(struct nl *st, const struct ruleset *rs)
{
	struct nfnl_batch b;

	begin(st, &b);
	nl_rule_delete_table(&b, &nl_map_own);
	commit(st, &b);
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
	if (!open_sock(fw, w))
		remove_all(w->own, rules_now(fw));
	release(w);
}

static void nl_sweep(struct natfw *fw)
{
	struct natfw_writer w = { .own = alloc(0) };

	if (!w.own)
		return;
	if (!open_sock(fw, &w))
		remove_all(w.own, fw->rules);
	release(&w);
}

const struct natfw_backend natfw_netlink = {
	.name = "netlink",
	.kind = RULESET_NATIVE,
	.usable = nl_trial_passes,
	.open = nl_open_backend,
	.apply = nl_apply,
	.sync = nl_sync,
	.verify = nl_verify,
	.placed = nl_place_right,
	.close = nl_close,
	.sweep = nl_sweep,
	.commits = 1,
};
