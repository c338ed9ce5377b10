/* SPDX-License-Identifier: ISC */
/* upask.c - requests to the upstream. Runs in: engine */
#include <netinet/in.h>
#include "base/portnumbers.h"
#include "upstream/upask.h"

/* Lease of the mapping that shows PCP's external address: it is asked for again
 * at each look. */
#define LOOK_LEASE_S	(2 * UPSTREAM_ALIVE_MS / 1000)

static void send_pmp(struct upstream *u, const uint8_t *buf, size_t n)
{
	u->ops->send(u->arg, PMP_PORT, buf, n);
}

/* PCP shows the external address only in the answer to MAP. Unless NAT-PMP
 * tells it, map the port of our own socket, which drops what others send. */
static void ask_pcp_address(struct upstream *u)
{
	const struct upmsg_ask a = {
		.proto = IPPROTO_UDP, .port = u->own_port,
		.lease_s = LOOK_LEASE_S, .client = u->client,
		.nonce = u->nonce,
	};
	uint8_t buf[UPMSG_MAX];

	send_pmp(u, buf, upmsg_pcp_map(&a, buf));
}

void upask_alive(struct upstream *u, enum upstream_way way)
{
	char text[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(text, sizeof(text));
	uint8_t buf[UPMSG_MAX];

	switch (way) {
	case UPSTREAM_PCP:
		send_pmp(u, buf, upmsg_pcp_alive(u->client, buf));
		if (u->state == UPSTREAM_ANSWERS &&
		    !u->finds[UPSTREAM_NAT_PMP])
			ask_pcp_address(u);
		break;
	case UPSTREAM_NAT_PMP:
		send_pmp(u, buf, upmsg_natpmp_alive(buf));
		break;
	case UPSTREAM_UPNP:
		upxml_search(u->gateway, &w);
		u->ops->send(u->arg, SSDP_PORT, w.buf, w.len);
		break;
	default:
		break;
	}
}

/* ---- HTTP ---------------------------------------------------------------- */

static void call(struct upstream *u, enum upask_http what,
		 enum upxml_action action, const struct upxml_ask *a)
{
	char text[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(text, sizeof(text));

	upxml_call(u->gateway, &u->upnp, action, a, &w);
	u->http = (uint8_t)what;
	u->action = (uint8_t)action;
	u->ops->http(u->arg, u->upnp.url.port, wr_done(&w));
}

void upask_describe(struct upstream *u)
{
	char text[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(text, sizeof(text));

	upxml_get(u->gateway, &u->described, &w);
	u->http = UPASK_DESCRIBE;
	u->ops->http(u->arg, u->described.port, wr_done(&w));
}

void upask_address(struct upstream *u)
{
	const struct upxml_ask none = { 0 };

	call(u, UPASK_ADDRESS, UPXML_ADDRESS, &none);
}

/* AddAnyPortMapping only for a new mapping: a renewal keeps its port. */
static enum upxml_action action_of(const struct upstream *u,
				   const struct upstream_lease *l)
{
	if (l->drop)
		return UPXML_DELETE;
	return u->upnp.service == UPXML_WANIP2 && l->held != UPSTREAM_HELD ?
	       UPXML_ADD_ANY : UPXML_ADD;
}

static void call_lease(struct upstream *u, const struct upstream_lease *l)
{
	const struct upxml_ask a = {
		.proto = l->proto, .port = l->port,
		.ext_port = l->ext_port ? l->ext_port : l->port,
		.lease_s = u->permanent ? 0 : UPSTREAM_LEASE_S,
		.client = u->client,
	};

	u->http_proto = l->proto;
	u->http_port = l->port;
	call(u, UPASK_LEASE, action_of(u, l), &a);
}

void upask_lease(struct upstream *u, const struct upstream_lease *l)
{
	const struct upmsg_ask a = {
		.proto = l->proto, .port = l->port, .ext_port = l->ext_port,
		.lease_s = l->drop ? 0 : UPSTREAM_LEASE_S,
		.client = u->client, .ext = u->ext, .nonce = u->nonce,
	};
	uint8_t buf[UPMSG_MAX];

	if (u->way == UPSTREAM_UPNP)
		call_lease(u, l);
	else if (u->way == UPSTREAM_PCP)
		send_pmp(u, buf, upmsg_pcp_map(&a, buf));
	else
		send_pmp(u, buf, upmsg_natpmp_map(&a, buf));
}
