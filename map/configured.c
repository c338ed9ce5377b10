/* SPDX-License-Identifier: ISC */
/* configured.c - add the mappings of the operator's configuration.
 * Runs in: engine */
#include "base/hash.h"
#include "map/configured.h"
#include "map/holder.h"
#include "map/mapreport.h"

/* Remove the mapping in @slot to make room for @req. Log that a client loses
 * its mapping, because the client is not notified; but not if @req has the same
 * rule. */
static bool remove_for(struct map *m, uint16_t slot, const struct pm_req *req,
		       enum refusal why)
{
	struct portmap *pm = map_table(m, req->rule.kind);
	const struct pm_entry *e = portmap_entry(pm, slot);
	struct refused r = { .why = why, .origin = e->origin, .rule = e->rule,
			     .client = e->requester };
	bool lost = !req->enabled || !nat_rule_equal(&e->rule, &req->rule);

	mapreport_begin(m, pm, slot);
	if (e->configured || !portmap_forget(pm, &r.rule))
		return false;
	if (lost)
		mapreport_refused(m, &r);
	mapreport_gone(m, req, why, 0);
	return true;
}

/* Find a mapping on the port of @req that cannot exist beside it. Return: its
 * slot, or PM_NONE */
static uint16_t find_in_the_way(const struct map *m, const struct pm_req *req)
{
	const struct nat_rule *rule = &req->rule;
	const struct portmap *pm = map_table(m, rule->kind);
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_rival(pm, rule, slot)) != PM_NONE) {
		e = portmap_entry(pm, slot);
		if (!addr_equal(e->rule.client, rule->client) ||
		    nat_rule_same_key(&e->rule, rule))
			break;
	}
	return slot;
}

/* Find the newest mapping that is not configured. @of_client: consider only
 * mappings of the client of @req */
static uint16_t find_newest(const struct map *m, const struct pm_req *req,
			    bool of_client)
{
	const struct portmap *pm = map_table(m, req->rule.kind);
	const struct addr holder = holder_of(&req->rule, req->host,
					     req->requester);

	for (size_t i = portmap_count(pm); i-- > 0;) {
		uint16_t slot = portmap_at(pm, i);
		const struct pm_entry *e = portmap_entry(pm, slot);

		if (!e->configured && (!of_client || addr_equal(holder,
		    holder_of(&e->rule, e->host, e->requester))))
			return slot;
	}
	return PM_NONE;
}

/* A pinhole of the configuration is not in the lease file, so its unique id is
 * made of the rule: it is the same after each restart, unless another one has
 * it. */
static int restore(struct portmap *pm, const struct pm_req *req)
{
	struct pm_req with_id = *req;

	with_id.unique_id = (uint16_t)hash_add(HASH_BEGIN, &req->rule,
					       sizeof(req->rule));
	return portmap_restore(pm, &with_id, 0);
}

enum refusal configured_restore(struct map *m, const struct pm_req *req)
{
	struct portmap *pm = map_table(m, req->rule.kind);
	enum refusal why = REFUSAL_OPERATOR;
	uint16_t slot;
	int res;

	if (!pm)
		return REFUSAL_KIND;
	slot = find_in_the_way(m, req);
	while (slot != PM_NONE && remove_for(m, slot, req, why))
		slot = find_in_the_way(m, req);
	for (;;) {
		res = restore(pm, req);
		if (res != REFUSAL_FULL && res != REFUSAL_PINHOLES &&
		    res != REFUSAL_CLIENT_FULL)
			break;
		why = (enum refusal)res;
		slot = find_newest(m, req, why == REFUSAL_CLIENT_FULL);
		if (slot == PM_NONE || !remove_for(m, slot, req, why))
			break;
	}
	return res == PM_BUSY ? REFUSAL_FIREWALL : (enum refusal)res;
}
