/* SPDX-License-Identifier: ISC */
/*
 * l3f.c - Layer3Forwarding:1: which connection is the default one.
 *
 * There is one connection, so there is one answer, and nothing to set.
 * Runs in: engine
 */
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/l3f.h"
#include "igd/upnp_err.h"

#define SERVICE_ID STR(IGD_WAN_SERVICE_ID)

void l3f_put_wan_device(const struct igd *igd, unsigned n, struct wr *w)
{
	wr_z(w, igd->wan_uuid[n]);
	wr_str(w, STR(":WANConnectionDevice:"));
	wr_u64(w, n);
}

int l3f_get_default(struct igd *igd, struct igd_call *call)
{
	struct wr w = wr_init(call->text, sizeof(call->text));

	l3f_put_wan_device(igd, call->n, &w);
	wr_ch(&w, ',');
	wr_str(&w, SERVICE_ID);
	call->out[0].s = wr_done(&w);
	return UPNP_OK;
}

/* Setting the connection that is the default already succeeds. UUIDs and URNs
 * are compared case-insensitively. */
int l3f_set_default(struct igd *igd, struct igd_call *call)
{
	struct str id = str_trim(call->in[0].s), device;
	struct wr w = wr_init(call->text, sizeof(call->text));

	str_cut(&id, ',', &device);
	if (!id.n)
		return UPNP_INVALID_ARGS;
	l3f_put_wan_device(igd, call->n, &w);
	if (!str_ieq(str_trim(device), wr_done(&w)))
		return L3F_INVALID_UUID;
	if (!str_ieq(str_trim(id), SERVICE_ID))
		return L3F_INVALID_SERVICE;
	return UPNP_OK;
}

const struct igd_reader l3f_reader[] = {
	{ "DefaultConnectionService", 0, l3f_get_default },
	{ NULL },
};
