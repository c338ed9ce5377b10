/* SPDX-License-Identifier: ISC */
/*
 * pmread.c - the mapping table: lookups and lists.
 *
 * Never does: change the table, except the counter of unique ids.
 * Runs in: engine
 */
#include "map/pmtable.h"

uint16_t portmap_find(const struct portmap *pm, const struct nat_rule *rule)
{
	uint16_t slot = PM_NONE;
	const struct pm_entry *e;

	while ((slot = portmap_rival(pm, rule, slot)) != PM_NONE) {
		e = &pm->entry[slot];
		if (pm_committed(e) && nat_rule_same_key(&e->rule, rule))
			break;
	}
	return slot;
}

size_t portmap_max(const struct portmap *pm)
{
	return pm->max;
}

size_t portmap_count(const struct portmap *pm)
{
	return pm->order_n;
}

uint16_t portmap_at(const struct portmap *pm, size_t index)
{
	return index < pm->order_n ? pm->order[index] : PM_NONE;
}

bool portmap_is_suspended(const struct pm_entry *e)
{
	return e->suspended_ms != 0;
}

bool portmap_has_rule(const struct pm_entry *e)
{
	return e->enabled && (e->state == PM_ACTIVE ||
			      (e->state == PM_RESUMING && !pm_set_aside(e)));
}

bool portmap_in_force(const struct pm_entry *e)
{
	return e->enabled && !e->overruled;
}

bool portmap_is_shown(const struct pm_entry *e)
{
	return pm_committed(e) && !portmap_is_suspended(e);
}

size_t portmap_shown_count(const struct portmap *pm)
{
	return pm->order_n - pm->suspended_n;
}

uint16_t portmap_shown_at(const struct portmap *pm, size_t index)
{
	if (pm->suspended_n == 0)
		return portmap_at(pm, index);
	for (size_t i = 0; i < pm->order_n; i++)
		if (portmap_is_shown(&pm->entry[pm->order[i]]) && index-- == 0)
			return pm->order[i];
	return PM_NONE;
}

uint16_t portmap_after(const struct portmap *pm, uint64_t seq)
{
	return portmap_at(pm, pmtable_order_upto(pm, seq));
}

uint16_t portmap_rival(const struct portmap *pm, const struct nat_rule *rule,
		       uint16_t prev)
{
	uint16_t slot = prev == PM_NONE ? *pmtable_bucket(pm, rule) :
					  pm->next[prev];

	while (slot != PM_NONE && !nat_rule_rivals(&pm->entry[slot].rule, rule))
		slot = pm->next[slot];
	return slot;
}

uint16_t portmap_by_id(const struct portmap *pm, uint16_t unique_id)
{
	return pmtable_by_id(pm, unique_id);
}

void portmap_seed_ids(struct portmap *pm, uint16_t last)
{
	pm->last_id = last;
}

uint16_t portmap_last_id(const struct portmap *pm)
{
	return pm->last_id;
}

uint16_t portmap_on_port(const struct portmap *pm, uint8_t proto,
			 uint16_t ext_port, uint16_t prev)
{
	const struct nat_rule key = {
		.kind = NAT_PORTMAP, .proto = proto, .ext_port = ext_port,
	};

	return portmap_rival(pm, &key, prev);
}

uint16_t portmap_on_socket(const struct portmap *pm,
			   const struct nat_rule *rule, uint16_t prev)
{
	uint16_t at = prev == PM_NONE ? *pmtable_socket(pm, rule) :
					pm->socket_next[prev];

	while (at && !nat_rule_same_socket(&pm->entry[at - 1].rule, rule))
		at = pm->socket_next[at - 1];
	return at ? (uint16_t)(at - 1) : PM_NONE;
}

uint16_t portmap_by_socket(const struct portmap *pm, uint8_t proto,
			   struct addr client, uint16_t int_port,
			   uint16_t prev)
{
	const struct nat_rule key = {
		.client = client, .proto = proto, .int_port = int_port,
	};
	uint16_t slot = prev;

	do
		slot = portmap_on_socket(pm, &key, slot);
	while (slot != PM_NONE && !pm_committed(&pm->entry[slot]));
	return slot;
}

uint16_t portmap_slots(const struct portmap *pm)
{
	return (uint16_t)pm->slot_max;
}

const struct pm_entry *portmap_entry(const struct portmap *pm, uint16_t slot)
{
	if (slot >= pm->slot_max || pm->entry[slot].state == PM_FREE)
		return NULL;
	return &pm->entry[slot];
}

struct str portmap_desc(const struct portmap *pm, const struct pm_entry *e,
			char *buf)
{
	return descpool_get(&pm->texts, e->desc, buf);
}
