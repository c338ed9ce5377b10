/* SPDX-License-Identifier: ISC */
/*
 * wanip6.c - WANIPv6FirewallControl:1: pinholes through the IPv6 firewall.
 *
 * The standard has two values for "every": an empty host, and 0 for a port. A
 * pinhole for every protocol (65535) is never made, and one for every internal
 * port only if the configuration allows it.
 *
 * Runs in: engine
 */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include "igd/count.h"
#include "igd/igd.h"
#include "igd/upnp_err.h"
#include "igd/wanip.h"
#include "igd/wanip6.h"

#define PROTO_ANY 65535		/* WANIPv6FirewallControl:1 2.3.6 */

/* ---- state --------------------------------------------------------- */

static bool has_pinholes(const struct igd *igd)
{
	return igd->map->pinholes != NULL;
}

static bool is_open(const struct igd *igd)
{
	return igd->wan.firewall6 == NAT_IP6_OPEN;
}

/* Those that were made before a tool was removed can still be deleted. */
static bool makes_pinholes(const struct igd *igd)
{
	return has_pinholes(igd) && igd->wan.firewall6 != NAT_IP6_NONE;
}

int wanip6_get_status(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = !is_open(igd);
	call->out[1].u = makes_pinholes(igd);
	return UPNP_OK;
}

/* 702: nothing is dropped, so there is nothing to open. 703: the operator has
 * switched pinholes off. */
static int check_status(const struct igd *igd)
{
	if (!has_pinholes(igd))
		return WANIP6_NOT_ALLOWED;
	return is_open(igd) ? WANIP6_FIREWALL_DISABLED : UPNP_OK;
}

/* ---- arguments ----------------------------------------------------- */

/* The five-tuple of AddPinhole and GetOutboundPinholeTimeout. */
enum { IN_REMOTE, IN_REMOTE_PORT, IN_CLIENT, IN_PORT, IN_PROTO, IN_LEASE };

static int parse_remote(struct str s, struct addr *ret)
{
	int err = wanip_parse_host(s, ADDR_IP6, ret);

	/* an IPv4 host as well as a name: neither can come through */
	return err ? UPNP_VALUE_INVALID : UPNP_OK;
}

/* An address, never a name. Empty means the address that asks, unless that is
 * not one that can be reached from outside. */
static int parse_client(const struct igd_call *call, struct addr *ret)
{
	struct str s = str_trim(call->in[IN_CLIENT].s);

	if (!s.n) {
		*ret = call->client;
		return ret->family == ADDR_IP6 && !addr_is_link_local(*ret) ?
		       UPNP_OK : WANIP6_WILDCARD_SRC;
	}
	if (str_eq(s, STR("*")))
		return WANIP6_WILDCARD_SRC;
	if (!addr_parse(s, ret) || ret->family != ADDR_IP6)
		return UPNP_INVALID_ARGS;
	return addr_is_unspecified(*ret) ? WANIP6_WILDCARD_SRC : UPNP_OK;
}

static int parse_proto(const struct igd_call *call, uint8_t *ret)
{
	uint32_t proto = call->in[IN_PROTO].u;

	if (proto == PROTO_ANY)
		return WANIP6_PROTO_WILDCARD;
	if (!nat_rule_has_proto(NAT_PINHOLE, proto))
		return WANIP6_PROTO_UNSUPPORTED;
	*ret = (uint8_t)proto;
	return UPNP_OK;
}

static int parse_rule(const struct igd_call *call, struct nat_rule *ret)
{
	int err = parse_remote(call->in[IN_REMOTE].s, &ret->remote);

	ret->kind = NAT_PINHOLE;
	ret->remote_port = (uint16_t)call->in[IN_REMOTE_PORT].u;
	ret->int_port = (uint16_t)call->in[IN_PORT].u;
	if (!err)
		err = parse_client(call, &ret->client);
	return err ? err : parse_proto(call, &ret->proto);
}

/* ---- requests to the mapping core ---------------------------------- */

/* struct map_wait.done; @e: NULL for a deletion */
static void answer(struct map_wait *map, enum refusal why,
		   const struct pm_entry *e)
{
	struct igd_wait *w = igd_wait_of(map);

	w->done(w, upnp_err_of(why, w->call, w->version),
		e ? e->unique_id : 0);
}

static struct map_wait *prepare(struct igd *igd, struct igd_call *call,
				enum upnp_call what)
{
	struct map_wait *w = wanip_prepare(igd, call, what);

	w->done = answer;
	return w;
}

int wanip6_add(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = prepare(igd, call, UPNP_ADD_PINHOLE);
	int err = makes_pinholes(igd) ? check_status(igd) : WANIP6_NOT_ALLOWED;
	const struct pm_entry *e;

	if (!err)
		err = parse_rule(call, &w->req.mapping.rule);
	if (err)
		return err;
	w->req.mapping.enabled = true;
	w->req.lease_s = call->in[IN_LEASE].u;
	err = wanip_result(call, map_add(igd->map, w, call->now_ms, &e));
	if (!err)
		call->out[0].u = e->unique_id;
	return err;
}

/* The pinhole with the UniqueID of the call; NULL: there is none that clients
 * see. */
static const struct pm_entry *find(const struct igd *igd,
				   const struct igd_call *call)
{
	const struct portmap *pm = igd->map->pinholes;
	const struct pm_entry *e;

	if (!pm)
		return NULL;
	e = portmap_entry(pm, portmap_by_id(pm, (uint16_t)call->in[0].u));
	return e && portmap_is_shown(e) ? e : NULL;
}

int wanip6_update(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = prepare(igd, call, UPNP_CHANGE_PINHOLE);
	const struct pm_entry *e;
	int err = check_status(igd);

	if (err)
		return err;
	w->unique_id = (uint16_t)call->in[0].u;
	w->req.lease_s = call->in[1].u;
	return wanip_result(call, map_renew(igd->map, w, call->now_ms, &e));
}

/* A request about the pinhole with the UniqueID of the call. */
static int prepare_change(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = prepare(igd, call, UPNP_CHANGE_PINHOLE);
	const struct pm_entry *e = find(igd, call);
	int err = check_status(igd);

	if (err)
		return err;
	if (!e)
		return WANIP6_NO_SUCH_ENTRY;
	w->req.mapping.rule = e->rule;
	return UPNP_OK;
}

int wanip6_delete(struct igd *igd, struct igd_call *call)
{
	int err = prepare_change(igd, call);

	return err ? err : wanip_result(call, map_delete(igd->map,
							 &call->wait->map));
}

/* ---- counts of packets --------------------------------------------- */

/* struct map_wait.done: the requester may read the count of its pinhole. */
static void may_count(struct map_wait *map, enum refusal why,
		      const struct pm_entry *e)
{
	struct igd_wait *w = igd_wait_of(map);

	if (why != REFUSAL_NONE) {
		w->done(w, upnp_err_of(why, w->call, w->version), 0);
		return;
	}
	if (count_ask(w->igd, w) != IGD_WAIT)
		w->done(w, UPNP_ACTION_FAILED, 0);
}

/* A pinhole that was made anew meanwhile answers with a count of its own. */
static int count(struct igd *igd, struct igd_call *call, bool working)
{
	struct igd_wait *w = call->wait;
	int err = prepare_change(igd, call);

	if (err)
		return err;
	w->map.done = may_count;
	w->counted = w->map.req.mapping.rule;
	w->working = working;
	err = wanip_result(call, map_may(igd->map, &w->map));
	return err ? err : count_ask(igd, w);
}

int wanip6_get_packets(struct igd *igd, struct igd_call *call)
{
	return count(igd, call, false);
}

int wanip6_check_working(struct igd *igd, struct igd_call *call)
{
	return count(igd, call, true);
}

/* ---- outbound ------------------------------------------------------ */

/* How long a flow that a host has opened stays open without packets. The
 * five-tuple does not matter but for its protocol. */
int wanip6_get_timeout(struct igd *igd, struct igd_call *call)
{
	struct nat_rule r = { 0 };
	int err = is_open(igd) ? WANIP6_FIREWALL_DISABLED :
				   parse_rule(call, &r);

	if (err)
		return err;
	if (!r.int_port)
		return WANIP6_PORT_WILDCARD;
	call->out[0].u = igd->ops->outbound_s ?
			 igd->ops->outbound_s(igd->ops_arg, r.proto) : 0;
	return call->out[0].u ? UPNP_OK : UPNP_ACTION_FAILED;
}

const struct igd_reader wanip6_reader[] = {
	{ "FirewallEnabled", 0, wanip6_get_status },
	{ "InboundPinholeAllowed", 1, wanip6_get_status },
	{ NULL },
};
