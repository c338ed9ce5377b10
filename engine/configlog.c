/* SPDX-License-Identifier: ISC */
/* configlog.c - log what a reload changes of the operator's mappings.
 * Runs in: engine */
#include "conf/confmapping.h"
#include "engine/configlog.h"

void configlog_note(const struct map *m, struct engine_kept *k)
{
	const struct portmap *pm = NULL;

	k->configured_n = 0;
	while ((pm = map_next_table(m, pm)))
		for (size_t i = 0; i < portmap_count(pm) &&
				   k->configured_n < CONF_MAPPINGS_MAX; i++) {
			const struct pm_entry *e =
				portmap_entry(pm, portmap_at(pm, i));

			if (e->configured)
				k->configured[k->configured_n++] =
					(struct kept_configured){
						e->rule, !e->enabled };
		}
}

/* Return: the number of rules that were noted; 0 if one is none */
static size_t noted(const struct engine_kept *k)
{
	if (k->configured_n > CONF_MAPPINGS_MAX)
		return 0;
	for (size_t i = 0; i < k->configured_n; i++)
		if (!nat_rule_sane(&k->configured[i].rule))
			return 0;
	return k->configured_n;
}

/* @n: noted() */
static const struct kept_configured *find(const struct engine_kept *k, size_t n,
					  const struct nat_rule *rule)
{
	for (size_t i = 0; i < n; i++)
		if (nat_rule_same_key(&k->configured[i].rule, rule))
			return &k->configured[i];
	return NULL;
}

static bool is_in_file(const struct conf *c, const struct nat_rule *rule)
{
	for (size_t i = 0; i < c->mapping_n; i++) {
		const struct nat_rule other = confmapping_rule(&c->mapping[i]);

		if (nat_rule_same_key(&other, rule))
			return true;
	}
	return false;
}

static void report_gone(const struct map *m, const struct kept_configured *k)
{
	const struct pm_req by = { .origin = ORIGIN_OPERATOR };
	const struct pm_snapshot was = { .entry = {
		.rule = k->rule, .origin = ORIGIN_OPERATOR,
		.state = PM_ACTIVE, .enabled = !k->disabled, .configured = true,
	} };

	m->ops->changed(m->ops_arg, &(struct map_change){
		.was = &was, .by = &by });
}

/* @k: what was noted of @e, or NULL */
static void report_now(const struct map *m, const struct portmap *pm,
		       const struct pm_entry *e,
		       const struct kept_configured *k)
{
	struct map_change c = { .now = e };
	struct pm_snapshot was = { .entry = { 0 } };

	if (k && nat_rule_equal(&k->rule, &e->rule) &&
	    !k->disabled == e->enabled)
		return;
	if (k) {
		was.entry = *e;
		was.entry.rule = k->rule;
		was.entry.enabled = !k->disabled;
		portmap_desc(pm, e, was.desc);
		c.was = &was;
	}
	m->ops->changed(m->ops_arg, &c);
}

void configlog_report(const struct map *m, const struct conf *c,
		      const struct engine_kept *kept)
{
	const size_t n = noted(kept);
	const struct portmap *pm = NULL;

	if (!m->ops->changed)
		return;
	for (size_t i = 0; i < n; i++)
		if (!is_in_file(c, &kept->configured[i].rule))
			report_gone(m, &kept->configured[i]);
	while ((pm = map_next_table(m, pm)))
		for (size_t i = 0; i < portmap_count(pm); i++) {
			const struct pm_entry *e =
				portmap_entry(pm, portmap_at(pm, i));

			if (e->configured)
				report_now(m, pm, e, find(kept, n, &e->rule));
		}
}
