/* SPDX-License-Identifier: ISC */
/*
 * table.c - the rules of each kind in one array without holes, and hash chains
 * over it.
 *
 * Owns: fw->mappings and fw->pinholes.
 * Never does: check whether a rule is permitted; natfw.c does that.
 * Invariants: keys are unique; each rule is in one chain of each index; in a
 * chain the rule that was set last comes first.
 * Runs in: monitor
 */
#include <errno.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"
#include "natfw/table.h"

_Static_assert(PM_MAPPINGS_LIMIT < UINT16_MAX, "an index fits a link");

/* ---- memory -------------------------------------------------------- */

/* The size of the rules, followed by the links and heads of each index. */
static size_t bytes(const struct natfw_table *t)
{
	size_t links = NATFW_INDEXES * (t->rule_max + t->slots);

	return t->rule_max * sizeof(*t->rule) + links * sizeof(uint16_t);
}

static int make(struct natfw_table *t, size_t rule_max)
{
	uint16_t *at;

	if (!rule_max)
		return 0;
	t->slots = 1;
	while (t->slots < rule_max)
		t->slots *= 2;
	t->rule_max = rule_max;
	t->rule = mem_new(1, bytes(t));
	if (!t->rule)
		return -ENOMEM;
	at = (uint16_t *)(t->rule + rule_max);
	for (int by = 0; by < NATFW_INDEXES; by++) {
		t->index[by].next = at;
		t->index[by].head = at + rule_max;
		at += rule_max + t->slots;
	}
	return 0;
}

static void drop(struct natfw_table *t)
{
	mem_free(t->rule, 1, bytes(t));
	memset(t->index, 0, sizeof(t->index));
	t->rule = NULL;
	t->rule_n = t->rule_max = t->slots = 0;
}

int table_init(struct natfw *fw, size_t mapping_max, size_t pinhole_max)
{
	int rc;

	if (!mapping_max || mapping_max > PM_MAPPINGS_LIMIT ||
	    pinhole_max > PM_MAPPINGS_LIMIT)
		return -EINVAL;
	rc = make(&fw->mappings, mapping_max);
	return rc ? rc : make(&fw->pinholes, pinhole_max);
}

void table_done(struct natfw *fw)
{
	drop(&fw->mappings);
	drop(&fw->pinholes);
}

/* ---- chains -------------------------------------------------------- */

/* For a rule of an unknown kind: the mappings, in which no rule has its key. */
static const struct natfw_table *table_of(const struct natfw *fw,
					  const struct nat_rule *r)
{
	return r->kind == NAT_PINHOLE ? &fw->pinholes : &fw->mappings;
}

static struct natfw_table *table_to_change(struct natfw *fw,
					   const struct nat_rule *r)
{
	return r->kind == NAT_PINHOLE ? &fw->pinholes : &fw->mappings;
}

static uint64_t hash_addr(uint64_t h, struct addr a)
{
	return hash_add(h, a.byte, addr_bits(a) / 8);
}

static uint32_t hash_of(int by, const struct nat_rule *r)
{
	const uint16_t key[] = { r->proto, r->ext_port, r->remote_port };
	const uint16_t socket[] = { r->proto, r->int_port };
	uint64_t h = HASH_BEGIN;

	if (by == NATFW_BY_KEY) {
		h = hash_add(h, key, sizeof(key));
		h = hash_addr(h, r->remote);
	}
	/* a pinhole's key includes the socket */
	if (by == NATFW_BY_SOCKET || r->kind == NAT_PINHOLE) {
		h = hash_add(h, socket, sizeof(socket));
		h = hash_addr(h, r->client);
	}
	return (uint32_t)(h ^ h >> 32);
}

/* The head of the chain where @r is, or would be. @t: its slots are not 0 */
static uint16_t *chain_of(const struct natfw_table *t, int by,
			  const struct nat_rule *r)
{
	return &t->index[by].head[hash_of(by, r) & (t->slots - 1)];
}

static const struct nat_rule *rule_at(const struct natfw_table *t,
				      uint32_t place)
{
	return place ? &t->rule[place - 1] : NULL;
}

static const struct nat_rule *first_of(const struct natfw_table *t, int by,
				       const struct nat_rule *r)
{
	return t->slots ? rule_at(t, *chain_of(t, by, r)) : NULL;
}

static const struct nat_rule *next_of(const struct natfw_table *t, int by,
				      const struct nat_rule *r)
{
	return rule_at(t, t->index[by].next[r - t->rule]);
}

/* The link in the chain that leads to rule number @i. */
static uint16_t *link_to(struct natfw_table *t, int by, size_t i)
{
	uint16_t *link = chain_of(t, by, &t->rule[i]);

	while (*link != i + 1)
		link = &t->index[by].next[*link - 1];
	return link;
}

size_t table_pinholes(const struct natfw *fw)
{
	return fw->env.ipv6 ? fw->pinholes.rule_n : 0;
}

/* ---- lookup -------------------------------------------------------- */

const struct nat_rule *table_find(const struct natfw *fw,
				  const struct nat_rule *key)
{
	const struct natfw_table *t = table_of(fw, key);
	const struct nat_rule *r = first_of(t, NATFW_BY_KEY, key);

	while (r && !nat_rule_same_key(r, key))
		r = next_of(t, NATFW_BY_KEY, r);
	return r;
}

size_t table_client_n(const struct natfw *fw, const struct nat_rule *like,
		      size_t enough)
{
	const struct natfw_table *t = table_of(fw, like);
	size_t i, n = clientcount_get(&t->by_client, like->client);

	if (n < enough)
		return n;
	for (i = n = 0; i < t->rule_n; i++)
		n += addr_equal(t->rule[i].client, like->client);
	return n;
}

bool table_same_socket(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->proto == b->proto && a->int_port == b->int_port &&
	       addr_equal(a->client, b->client);
}

/* @r, or the first after it in its chain, that leads to @like's socket */
static const struct nat_rule *on_socket(const struct natfw_table *t,
					const struct nat_rule *r,
					const struct nat_rule *like)
{
	while (r && !table_same_socket(r, like))
		r = next_of(t, NATFW_BY_SOCKET, r);
	return r;
}

const struct nat_rule *table_on_socket(const struct natfw *fw,
				       const struct nat_rule *like)
{
	const struct natfw_table *t = table_of(fw, like);

	return on_socket(t, first_of(t, NATFW_BY_SOCKET, like), like);
}

const struct nat_rule *table_next_on_socket(const struct natfw *fw,
					    const struct nat_rule *r)
{
	const struct natfw_table *t = table_of(fw, r);

	return on_socket(t, next_of(t, NATFW_BY_SOCKET, r), r);
}

const struct nat_rule *table_lead(const struct nat_rule *best,
				  const struct nat_rule *r)
{
	return best && (!addr_is_set(best->remote) || addr_is_set(r->remote)) ?
	       best : r;
}

const struct nat_rule *table_leader(const struct natfw *fw,
				    const struct nat_rule *like)
{
	const struct nat_rule *r = table_on_socket(fw, like), *best = NULL;

	for (; r; r = table_next_on_socket(fw, r))
		best = table_lead(best, r);
	return best;
}

/* ---- changes ------------------------------------------------------- */

static void clear(struct natfw_table *t)
{
	if (!t->rule_n)
		return;
	for (int by = 0; by < NATFW_INDEXES; by++)
		memset(t->index[by].head, 0,
		       t->slots * sizeof(*t->index[by].head));
	t->by_client = (struct clientcount){ { 0 } };
	t->rule_n = 0;
}

void table_clear(struct natfw *fw)
{
	clear(&fw->mappings);
	clear(&fw->pinholes);
}

void table_del(struct natfw *fw, const struct nat_rule *key)
{
	struct natfw_table *t = table_to_change(fw, key);
	const struct nat_rule *old = table_find(fw, key);
	size_t i, last;

	if (!old)
		return;
	i = (size_t)(old - t->rule);
	last = t->rule_n - 1;
	for (int by = 0; by < NATFW_INDEXES; by++) {
		uint16_t *next = t->index[by].next;

		*link_to(t, by, i) = next[i];
		if (i == last)
			continue;
		/* the last rule moves into the hole and keeps its position in
		 * its chain */
		*link_to(t, by, last) = (uint16_t)(i + 1);
		next[i] = next[last];
	}
	clientcount_sub(&t->by_client, old->client);
	t->rule[i] = t->rule[last];
	t->rule_n--;
}

void table_set(struct natfw *fw, const struct nat_rule *rule)
{
	struct natfw_table *t = table_to_change(fw, rule);
	uint16_t *head;
	size_t i;

	table_del(fw, rule);
	i = t->rule_n++;
	t->rule[i] = *rule;
	clientcount_add(&t->by_client, rule->client);
	for (int by = 0; by < NATFW_INDEXES; by++) {
		head = chain_of(t, by, rule);
		t->index[by].next[i] = *head;
		*head = (uint16_t)(i + 1);
	}
}
