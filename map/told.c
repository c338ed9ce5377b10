/* SPDX-License-Identifier: ISC */
/* told.c - mappings by the external port that clients are told.
 * Runs in: engine */
#include "map/owner.h"
#include "map/told.h"

uint16_t told_rule_port(const struct map *m, uint8_t proto, uint16_t told,
			struct addr client, struct addr asker)
{
	const struct pm_entry *e;
	uint16_t slot = PM_NONE, port = 0;

	while ((slot = portmap_on_told(m->pm, proto, told, slot)) != PM_NONE) {
		e = portmap_entry(m->pm, slot);
		if (e->state < PM_ACTIVE || !addr_matches(client,
							  e->rule.client))
			continue;
		if (owner_is(e, asker))
			return e->rule.ext_port;
		port = port ? port : e->rule.ext_port;
	}
	return port ? port : told;
}
