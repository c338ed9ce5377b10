/* SPDX-License-Identifier: ISC */
/*
 * table.c - the rules in one array without holes, and hash chains over it.
 *
 * Owns: fw->rule, rule_n, rule_max and index.
 * Never does: check whether a rule is permitted; natfw.c does that.
 * Invariants: keys are unique; each rule is in one chain of each index; in a
 * chain the rule that was set last comes first.
 * Runs in: monitor
 */
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "natfw/table.h"

_Static_assert(PM_MAPPINGS_LIMIT < UINT16_MAX, "an index fits a link");

/* The size of the rules, followed by the links and heads of each index. */
static size_t bytes(const struct natfw *fw)
{
	size_t links = NATFW_INDEXES * (fw->rule_max + fw->slots);

	return fw->rule_max * sizeof(*fw->rule) + links * sizeof(uint16_t);
}

int table_init(struct natfw *fw, size_t rule_max)
{
	uint16_t *at;

	if (!rule_max || rule_max > PM_MAPPINGS_LIMIT)
		return -EINVAL;
	fw->rule_max = rule_max;
	fw->slots = 1;
	while (fw->slots < rule_max)
		fw->slots *= 2;
	fw->rule = mem_new(1, bytes(fw));
	if (!fw->rule)
		return -ENOMEM;
	at = (uint16_t *)(fw->rule + rule_max);
	for (int by = 0; by < NATFW_INDEXES; by++) {
		fw->index[by].next = at;
		fw->index[by].head = at + rule_max;
		at += rule_max + fw->slots;
	}
	return 0;
}

void table_done(struct natfw *fw)
{
	mem_free(fw->rule, 1, bytes(fw));
	memset(fw->index, 0, sizeof(fw->index));
	fw->rule = NULL;
	fw->rule_n = fw->rule_max = fw->slots = 0;
}

/* ---- chains -------------------------------------------------------- */

/* The head of the chain where @r is, or would be. */
static uint16_t *chain_of(const struct natfw *fw, int by,
			  const struct nat_rule *r)
{
	const struct natfw_index *x = &fw->index[by];
	uint64_t ip = addr_to_ip4(by == NATFW_BY_KEY ? r->remote : r->client);
	uint64_t port = by == NATFW_BY_KEY ? r->ext_port : r->int_port;
	uint64_t h = (ip << 32 | port << 8 | r->proto) * 0x9e3779b97f4a7c15u;

	return &x->head[(uint32_t)(h >> 32) & (fw->slots - 1)];
}

static const struct nat_rule *rule_at(const struct natfw *fw, uint32_t place)
{
	return place ? &fw->rule[place - 1] : NULL;
}

static const struct nat_rule *next_of(const struct natfw *fw, int by,
				      const struct nat_rule *r)
{
	return rule_at(fw, fw->index[by].next[r - fw->rule]);
}

/* The link in the chain that leads to rule number @i. */
static uint16_t *link_to(struct natfw *fw, int by, size_t i)
{
	uint16_t *link = chain_of(fw, by, &fw->rule[i]);

	while (*link != i + 1)
		link = &fw->index[by].next[*link - 1];
	return link;
}

/* ---- lookup -------------------------------------------------------- */

const struct nat_rule *table_find(const struct natfw *fw,
				  const struct nat_rule *key)
{
	const struct nat_rule *r;

	r = rule_at(fw, *chain_of(fw, NATFW_BY_KEY, key));
	while (r && !nat_rule_same_key(r, key))
		r = next_of(fw, NATFW_BY_KEY, r);
	return r;
}

size_t table_client_n(const struct natfw *fw, struct addr client, size_t enough)
{
	size_t i, n = clientcount_get(&fw->by_client, client);

	if (n < enough)
		return n;
	for (i = n = 0; i < fw->rule_n; i++)
		n += addr_equal(fw->rule[i].client, client);
	return n;
}

bool table_same_socket(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->proto == b->proto && a->int_port == b->int_port &&
	       addr_equal(a->client, b->client);
}

/* @r, or the first after it in its chain, that leads to @like's socket */
static const struct nat_rule *on_socket(const struct natfw *fw,
					const struct nat_rule *r,
					const struct nat_rule *like)
{
	while (r && !table_same_socket(r, like))
		r = next_of(fw, NATFW_BY_SOCKET, r);
	return r;
}

const struct nat_rule *table_on_socket(const struct natfw *fw,
				       const struct nat_rule *like)
{
	uint32_t first = *chain_of(fw, NATFW_BY_SOCKET, like);

	return on_socket(fw, rule_at(fw, first), like);
}

const struct nat_rule *table_next_on_socket(const struct natfw *fw,
					    const struct nat_rule *r)
{
	return on_socket(fw, next_of(fw, NATFW_BY_SOCKET, r), r);
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

void table_clear(struct natfw *fw)
{
	for (int by = 0; by < NATFW_INDEXES; by++)
		memset(fw->index[by].head, 0,
		       fw->slots * sizeof(*fw->index[by].head));
	fw->by_client = (struct clientcount){ { 0 } };
	fw->rule_n = 0;
}

void table_del(struct natfw *fw, const struct nat_rule *key)
{
	const struct nat_rule *old = table_find(fw, key);
	size_t i, last;

	if (!old)
		return;
	i = (size_t)(old - fw->rule);
	last = fw->rule_n - 1;
	for (int by = 0; by < NATFW_INDEXES; by++) {
		uint16_t *next = fw->index[by].next;

		*link_to(fw, by, i) = next[i];
		if (i == last)
			continue;
		/* the last rule moves into the hole and keeps its position in
		 * its chain */
		*link_to(fw, by, last) = (uint16_t)(i + 1);
		next[i] = next[last];
	}
	clientcount_sub(&fw->by_client, old->client);
	fw->rule[i] = fw->rule[last];
	fw->rule_n--;
}

void table_set(struct natfw *fw, const struct nat_rule *rule)
{
	uint16_t *head;
	size_t i;

	table_del(fw, rule);
	i = fw->rule_n++;
	fw->rule[i] = *rule;
	clientcount_add(&fw->by_client, rule->client);
	for (int by = 0; by < NATFW_INDEXES; by++) {
		head = chain_of(fw, by, rule);
		fw->index[by].next[i] = *head;
		*head = (uint16_t)(i + 1);
	}
}
