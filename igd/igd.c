/* SPDX-License-Identifier: ISC */
/* igd.c - functions that the gateway's services share: waiting requests,
 * refusals, reading a state variable.
 * Runs in: engine */
#include <string.h>
#include "base/wr.h"
#include "igd/upnp_err.h"
#include "igd/count.h"
#include "igd/igd.h"
#include "map/mapreport.h"

void igd_init(struct igd *igd, struct map *map)
{
	igd->map = map;
	igd->link_busy = false;
	igd->link_to_up = false;
	igd->link_waits = NULL;
	igd->count_waits = NULL;
	igd->count_busy = igd->count_lost = false;
}

void igd_cancel(struct igd *igd, struct igd_wait *w)
{
	if (igd->link_waits == w)
		igd->link_waits = NULL;
	else if (!count_cancel(igd, w))
		map_cancel(igd->map, &w->map);
}

void igd_refused(struct igd *igd, enum refusal why, struct addr client)
{
	const struct refused r = {
		.why = why, .origin = ORIGIN_UPNP, .client = client,
	};

	mapreport_refused(igd->map, &r);
}

int igd_read(struct igd *igd, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *wr)
{
	const struct igd_reader *reader = svc->reader;
	struct igd_call call = { .svc = svc, .n = n, .now_ms = now_ms };
	const struct igd_out *out;
	int err;

	while (reader->name && strcmp(reader->name, var->name))
		reader++;
	if (!reader->name)
		return UPNP_INVALID_VAR;
	err = reader->get(igd, &call);
	if (err)
		return err;
	out = &call.out[reader->out];
	if (out->s.p)
		wr_str(wr, out->s);
	else
		wr_u64(wr, out->u);
	return UPNP_OK;
}
