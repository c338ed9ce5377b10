/* SPDX-License-Identifier: ISC */
/* told.c - mappings by the external port that clients are told.
 * Runs in: engine */
#include "map/owner.h"
#include "map/told.h"

uint16_t told_rule_port(const struct map *m, uint8_t proto, uint16_t told,
			struct addr client, struct addr asker)
{
	const struct pm_entry *e;
	uint16_t port = 0;

	for (size_t i = 0; m->told_others && i < portmap_count(m->pm); i++) {
		e = portmap_entry(m->pm, portmap_at(m->pm, i));
		if (e->told_port != told || e->rule.proto != proto ||
		    !addr_matches(client, e->rule.client))
			continue;
		if (owner_is(e, asker))
			return e->rule.ext_port;
		port = port ? port : e->rule.ext_port;
	}
	return port ? port : told;
}
