/* SPDX-License-Identifier: ISC */
/*
 * genatopic.c - the evented variables and their versions.
 *
 * Owns: the versions.
 * Never does: know a subscriber.
 * Runs in: engine
 */
#include <string.h>
#include "base/hash.h"
#include "gena/genamsg.h"
#include "gena/genatopic.h"
#include "igd/wanip.h"

#define VALUE_MAX 256		/* the longest value has about 100 bytes */

/* A variable that cannot be read now is sent as empty. */
static struct str value_of(const struct genatopics *all,
			   const struct genatopic *t, size_t i, uint64_t now_ms,
			   char *buf)
{
	struct wr w = wr_init(buf, VALUE_MAX);

	if (igd_read(all->igd, t->svc, t->n, t->var[i], now_ms, &w))
		w.len = 0;
	return wr_done(&w);
}

/* A hash that changes with the variable. Collisions do not matter, because the
 * values are the gateway's own and no client can choose them. When the first
 * mapping replaces the dummy mapping, PortMappingNumberOfEntries is 1 before
 * and after. The xor makes that a change; otherwise Windows would keep showing
 * the dummy. */
static uint64_t value_hash(const struct genatopics *all,
			   const struct genatopic *t, size_t i, uint64_t now_ms)
{
	char value[VALUE_MAX];
	struct str s = value_of(all, t, i, now_ms, value);
	uint64_t state = hash_add(HASH_BEGIN, s.p, s.n);

	if (!strcmp(t->var[i]->name, "PortMappingNumberOfEntries"))
		state ^= wanip_dummy_shown(all->igd, now_ms);
	return state;
}

void genatopic_refresh(struct genatopics *all, uint64_t now_ms)
{
	for (struct genatopic *t = all->at; t < all->at + all->n; t++) {
		for (size_t i = 0; t->subs && i < t->var_n; i++) {
			uint64_t hash = value_hash(all, t, i, now_ms);

			if (hash == t->hash[i] && t->version[i])
				continue;
			t->hash[i] = hash;
			t->version[i]++;
		}
	}
}

void genatopic_write(const struct genatopics *all, const struct genatopic *t,
		     const uint32_t *confirmed, uint64_t now_ms, struct wr *w)
{
	char value[VALUE_MAX];

	genamsg_open(w);
	for (size_t i = 0; i < t->var_n; i++)
		if (confirmed[i] != t->version[i])
			genamsg_property(w, t->var[i]->name,
					 value_of(all, t, i, now_ms, value));
	genamsg_close(w);
}

struct genatopic *genatopic_find(struct genatopics *all,
				  const struct igd_service *svc, unsigned n)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].svc == svc && all->at[i].n == n)
			return &all->at[i];
	return NULL;
}

static void add_topic(struct genatopics *all, const struct igd_service *svc,
		      unsigned n)
{
	struct genatopic *t = &all->at[all->n];
	unsigned version = model_service_version(svc, n);

	if (all->n == GENA_TOPICS_MAX)
		return;
	all->n++;
	t->svc = svc;
	t->n = n;
	for (size_t i = 0; i < svc->var_n; i++)
		if (svc->var[i].evented && svc->var[i].since <= version &&
		    t->var_n < GENA_VARS_MAX)
			t->var[t->var_n++] = &svc->var[i];
}

void genatopic_init(struct genatopics *all, struct igd *igd)
{
	*all = (struct genatopics){ .igd = igd };
	for (unsigned n = 1; n <= 2; n++)
		for (size_t d = 0; d < IGD_DEVICES; d++)
			for (size_t i = 0;
			     i < model_service_n(&igd_device[d], n); i++)
				add_topic(all, igd_device[d].service[i], n);
}
