/* SPDX-License-Identifier: ISC */
/*
 * nl_state.c - the socket of the backend netlink, and what should exist.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "natfw/nl_state.h"
#include "natfw/nl_why.h"
#include "natfw/table.h"

/* ---- the socket ---------------------------------------------------- */

/* w->own is NULL if there was no memory at the open. */
int nl_state_open(struct natfw *fw, const struct natfw_writer *w)
{
	struct nl *st = w->own;
	int size;

	if (!st)
		return nl_why_set(fw, -ENOMEM, "room for a batch", NULL);
	st->sock.rules = (uint32_t)(fw->mappings.rule_n + fw->pinholes.rule_n);
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

void nl_state_close(struct nl *st)
{
	if (st->sock.fd >= 0)
		close(st->sock.fd);
	st->sock.fd = -EBADF;
}

/* The rest of a failed dump may still be in the socket, and the next request
 * must not read it as its answer. */
int nl_state_dump_failed(struct natfw *fw, struct nl *st, int err)
{
	nl_state_close(st);
	return nl_why_set(fw, err, "listing",
			  nl_why_is_missing(err) ? "nf_tables" : NULL);
}

void nl_state_begin(struct nl *st, struct nfnl_batch *b)
{
	nfnl_begin(b, st->room, st->cap, st->sock.seq + 1);
}

int nl_state_commit(struct nl *st, struct nfnl_batch *b)
{
	int rc = nfnl_commit(b, st->sock.fd);

	st->sock.seq = b->m.seq;
	return rc;
}

/* A long batch, such as a sync's, has touched megabytes. Free them. */
void nl_state_release(struct nl *st, const struct nfnl_batch *b)
{
	if (b->m.len > NL_STATE_KEPT)
		mem_release(st->room, st->cap);
}

/* ---- which elements ------------------------------------------------ */

static void each_pinhole_set(const struct nl *st, const struct nl_table *t,
			     nl_state_set_fn fn, void *arg)
{
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++)
		if (st->pinholes & 1u << i)
			fn(arg, t, &nl_map_table[NL_MAP_PINHOLE + i]);
}

void nl_state_each_set(const struct natfw_writer *w, nl_state_set_fn fn,
		       void *arg)
{
	const struct nl *st = w->own;

	for (size_t i = 0; w->translates && i < NL_MAP_OWN_N; i++)
		fn(arg, &nl_map_own, &nl_map_table[i]);
	for (unsigned i = 0; w->translates && i < NL_MAP_FROMS; i++)
		if (st->from & 1u << i)
			fn(arg, &nl_map_own, &nl_map_table[NL_MAP_FROM + i]);
	if (w->translates && st->counts)
		each_pinhole_set(st, &nl_map_own6, fn, arg);
	for (size_t t = 0; t < st->tables.n; t++) {
		if (st->tables.ip4[t])
			fn(arg, &st->tables.at[t],
			   &nl_map_table[NL_MAP_ACCEPT]);
		if (st->tables.ip6[t])
			each_pinhole_set(st, &st->tables.at[t], fn, arg);
	}
}

struct nfnl_set nl_state_set(const struct nl_table *t,
			     const struct nl_map *map)
{
	return (struct nfnl_set){ t->family, t->name, map->name };
}

void nl_state_elements_of(void *elements, const struct nl_table *t,
			  const struct nl_map *map)
{
	const struct nl_state_elements *e = elements;
	const bool mappings = map < &nl_map_table[NL_MAP_PINHOLE];
	const struct nat_rule *rule = mappings ? e->rule :
						 e->fw->pinholes.rule;
	const size_t n = mappings ? e->n : table_pinholes(e->fw);
	const struct nfnl_set set = nl_state_set(t, map);
	struct nfnl_value key, value;

	for (size_t i = 0; i < n; i++) {
		if (!nl_map_has(map, e->fw, &rule[i]))
			continue;
		key = nl_map_key(map, &e->fw->env, &rule[i]);
		value = nl_map_value(map, &e->fw->env, &rule[i]);
		e->fn(e->arg, &set, &key, &value);
	}
}

bool nl_state_same_table(const struct nl_table *a, const struct nl_table *b)
{
	return !strcmp(a->family, b->family) && !strcmp(a->name, b->name);
}

/* ---- what exists --------------------------------------------------- */

int nl_state_scan(struct nl *st, struct nl_list_scan *ret,
		  struct nl_list_scan *ret6)
{
	int rc = nl_list_own(&st->sock, &nl_map_own, ret), one;

	if (rc && rc != -EINTR)
		return rc;
	one = nl_list_own(&st->sock, &nl_map_own6, ret6);
	return one ? one : rc;
}

/* Transactions of others are no reason to fail: if two dumps agree, they did not
 * change our tables. */
int nl_state_record(struct natfw *fw, struct nl *st)
{
	int rc = -EINTR, tries = NL_TRIES;

	for (; rc == -EINTR && tries; tries--) {
		struct nl_list_scan scan = { 0 }, scan6 = { 0 };

		rc = nl_state_scan(st, &scan, &scan6);
		if (rc == -EINTR && backend_same(scan.own, st->own) &&
		    backend_same(scan6.own, st->own6))
			rc = 0;
		st->own = scan.own;
		st->own6 = scan6.own;
	}
	return rc ? nl_state_dump_failed(fw, st, rc) : 0;
}

bool nl_state_placed(const struct natfw *fw, const struct natfw_writer *w)
{
	const struct nl *st = w->own;

	return st->placed_no == fw->places_no ||
	       nl_place_right(fw, st->pinholes);
}

bool nl_state_follow(const struct natfw *fw, const struct natfw_writer *w)
{
	static const bool none[RULESET_TABLES_MAX];
	struct nl *st = w->own;

	if (!nl_state_placed(fw, w))
		return false;
	if (st->placed_no != fw->places_no)
		nl_place_tables(fw, none, &st->tables);
	st->placed_no = fw->places_no;
	return true;
}
