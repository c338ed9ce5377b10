/* SPDX-License-Identifier: ISC */
/*
 * pmread.c - the mapping table for those who read it: mappings by their key,
 * number and unique id, and what is known of each.
 *
 * Never does: change an entry.
 * Runs in: engine
 */
#include "map/pmtable.h"

/* ---- finding ------------------------------------------------------- */

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

struct str portmap_note(const struct portmap *pm, const struct pm_entry *e,
			char *buf)
{
	return descpool_get(&pm->texts, e->note, buf);
}

/* ---- leases -------------------------------------------------------- */

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms <= now_ms ? 1 :
				  (uint32_t)((end_ms - now_ms + 999) / 1000);
}

uint32_t portmap_lease_left(const struct pm_entry *e, uint64_t now_ms)
{
	if (e->expires_ms == 0)
		return 0;
	return e->state == PM_EXPIRING ? 1 : seconds_left(e->expires_ms,
							  now_ms);
}

uint32_t portmap_suspended_left(const struct pm_entry *e, uint64_t now_ms)
{
	if (e->suspended_ms == 0 || e->suspended_ms == UINT64_MAX)
		return 0;
	return seconds_left(e->suspended_ms, now_ms);
}
