/* SPDX-License-Identifier: ISC */
/*
 * wancic.c - WANCommonInterfaceConfig:1: the external interface itself.
 *
 * Control points find an IGD by this service (miniupnpc ignores a router
 * without it), and draw traffic graphs from its counters.
 * Runs in: engine
 */
#include <stddef.h>
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/l3f.h"
#include "igd/link.h"
#include "igd/upnp_err.h"
#include "igd/wanip.h"
#include "igd/wancic.h"

/* Bits per second as ui4: a link of more than 4.2 Gbit/s has the highest value
 * of that type. */
static uint32_t rate(uint64_t bps)
{
	return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

int wancic_get_link_properties(struct igd *igd, struct igd_call *call)
{
	call->out[0].s = STR("Ethernet");
	call->out[1].u = rate(igd->wan.up_bps);
	call->out[2].u = rate(igd->wan.down_bps);
	call->out[3].s = igd->wan.link_up ? STR("Up") : STR("Down");
	return UPNP_OK;
}

/* ui4 counters roll over at 2^32 (WANCommonInterfaceConfig:1), so return the
 * value modulo 2^32; do not clamp it. goupnp fails on wider numbers. */
static int counter(struct igd *igd, struct igd_call *call, size_t offset)
{
	struct igd_counters c;

	if (!igd->ops->counters(igd->ops_arg, &c))
		return UPNP_ACTION_FAILED;
	call->out[0].u =
		(uint32_t)*(const uint64_t *)((const char *)&c + offset);
	return UPNP_OK;
}

int wancic_get_bytes_sent(struct igd *igd, struct igd_call *call)
{
	return counter(igd, call, offsetof(struct igd_counters, tx_bytes));
}

int wancic_get_bytes_received(struct igd *igd, struct igd_call *call)
{
	return counter(igd, call, offsetof(struct igd_counters, rx_bytes));
}

int wancic_get_packets_sent(struct igd *igd, struct igd_call *call)
{
	return counter(igd, call, offsetof(struct igd_counters, tx_packets));
}

int wancic_get_packets_received(struct igd *igd, struct igd_call *call)
{
	return counter(igd, call, offsetof(struct igd_counters, rx_packets));
}

/* EnabledForInternet and the connection are two things: a connection that was
 * ended by ForceTermination may be requested again, one that was ended here may
 * not. link_change() has WANIPConnection's codes. This service reports every
 * failure as 501, and succeeds if the link is already in the requested state. */
int wancic_set_enabled(struct igd *igd, struct igd_call *call)
{
	int err = link_change(igd, call, call->in[0].u, UPNP_ACTION_FAILED);

	switch (err) {
	case IGD_WAIT:
		igd->link_sets_internet = true;
		return err;
	case WANIP_ALREADY_TERMINATED:
	case UPNP_OK:
		igd->internet_off = !call->in[0].u;
		return UPNP_OK;
	case WANIP_SETUP_IN_PROGRESS:
	case WANIP_DISCONNECT_IN_PROGRESS:
		return UPNP_ACTION_FAILED;
	default:
		return err;
	}
}

int wancic_get_enabled(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = !igd->internet_off;
	return UPNP_OK;
}

int wancic_get_max_connections(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = 1;
	return UPNP_OK;
}

static int get_connection_number(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = wanip_connected(igd);
	return UPNP_OK;
}

/* There is one connection, and only while it is active. */
int wancic_get_connection(struct igd *igd, struct igd_call *call)
{
	struct wr w = wr_init(call->text, sizeof(call->text));

	if (call->in[0].u || !wanip_connected(igd))
		return WANIP_INDEX_INVALID;
	l3f_put_wan_device(igd, call->n, &w);
	call->out[0].s = wr_done(&w);
	call->out[1].s = STR(IGD_WAN_SERVICE_ID);
	return UPNP_OK;
}

const struct igd_reader wancic_reader[] = {
	{ "WANAccessType", 0, wancic_get_link_properties },
	{ "Layer1UpstreamMaxBitRate", 1, wancic_get_link_properties },
	{ "Layer1DownstreamMaxBitRate", 2, wancic_get_link_properties },
	{ "PhysicalLinkStatus", 3, wancic_get_link_properties },
	{ "MaximumActiveConnections", 0, wancic_get_max_connections },
	{ "NumberOfActiveConnections", 0, get_connection_number },
	{ "TotalBytesSent", 0, wancic_get_bytes_sent },
	{ "TotalBytesReceived", 0, wancic_get_bytes_received },
	{ "TotalPacketsSent", 0, wancic_get_packets_sent },
	{ "TotalPacketsReceived", 0, wancic_get_packets_received },
	{ "EnabledForInternet", 0, wancic_get_enabled },
	{ NULL },
};
