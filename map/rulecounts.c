/* SPDX-License-Identifier: ISC */
/* rulecounts.c - how often each allow and deny line decided. Runs in: engine */
#include "base/hash.h"
#include "map/rulecounts.h"

static uint64_t hash_of(const struct policy_rule *r)
{
	const uint16_t part[] = {
		r->allow, r->ext_lo, r->ext_hi, r->int_lo, r->int_hi,
		r->net.bits,
	};
	uint64_t hash = hash_add(HASH_BEGIN, part, sizeof(part));

	hash = hash_add(hash, &r->net.addr, sizeof(r->net.addr));
	return hash ? hash : 1;
}

static uint64_t count_of(const struct rulecounts *c, uint64_t rule)
{
	for (size_t i = 0; i < CONF_RULES_MAX; i++)
		if (c->at[i].rule == rule)
			return c->at[i].n;
	return 0;
}

static bool is_there(const struct rulecounts *c, size_t n, uint64_t rule)
{
	for (size_t i = 0; i < n; i++)
		if (c->at[i].rule == rule)
			return true;
	return false;
}

void rulecounts_adopt(struct rulecounts *c, const struct policy *p)
{
	struct rulecounts now = { .none = c->none };

	for (size_t i = 0; i < p->rule_n; i++) {
		uint64_t rule = hash_of(&p->rule[i]);

		now.at[i].n = is_there(&now, i, rule) ? 0 : count_of(c, rule);
		now.at[i].rule = rule;
	}
	*c = now;
}

void rulecounts_add(struct rulecounts *c, const struct policy *p, unsigned line)
{
	if (!line)
		c->none++;
	for (size_t i = 0; line && i < p->rule_n; i++)
		if (p->rule[i].line == line)
			c->at[i].n++;
}
