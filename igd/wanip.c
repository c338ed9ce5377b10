/* SPDX-License-Identifier: ISC */
/*
 * wanip.c - WANIPConnection: the actions of version 1, for the connection's
 * state and its port mappings. wanip2.c has the actions that version 2 adds.
 *
 * The caller has checked the arguments against the model: numbers are in their
 * type's range, a protocol is "TCP" or "UDP". This file checks what they mean.
 * Runs in: engine
 */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include "base/utf8.h"
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/link.h"
#include "igd/upnp_err.h"
#include "igd/value.h"
#include "igd/wanip.h"
#include "map/told.h"

/* ---- state --------------------------------------------------------- */

/* DS-Lite and providers without IPv4: there is no external address, but clients
 * open ports of their own IPv6 addresses, which they do only at a router that
 * is connected. */
bool wanip_connected(const struct igd *igd)
{
	return igd->wan.link_up &&
	       (addr_is_set(igd->map->ext) || igd->wan.ip6);
}

/* The type is fixed: only setting the same one succeeds. Version 2 has a code
 * for that; at version 1 another type needs a disconnect first
 * (WANIPConnection:1 2.4.1). */
int wanip_set_connection_type(struct igd *igd, struct igd_call *call)
{
	if (str_ieq(str_trim(call->in[0].s), STR("IP_Routed")))
		return UPNP_OK;
	if (call->version >= 2)
		return WANIP_READ_ONLY;
	return wanip_connected(igd) ? WANIP_INACTIVE_REQUIRED
				  : UPNP_ACTION_FAILED;
}

int wanip_get_connection_type_info(struct igd *igd, struct igd_call *call)
{
	call->out[0].s = STR("IP_Routed");
	call->out[1].s = STR("IP_Routed");
	return UPNP_OK;
}

/* WANIPConnection:2 2.5.3.4: 709 while EnabledForInternet is 0. */
int wanip_request_connection(struct igd *igd, struct igd_call *call)
{
	if (igd->internet_off)
		return WANIP_ACCESS_DISABLED;
	return link_change(igd, call, true, WANIP_SETUP_FAILED);
}

int wanip_terminate(struct igd *igd, struct igd_call *call)
{
	return link_change(igd, call, false, UPNP_ACTION_FAILED);
}

/* miniupnpc uses a router only if the status is "Connected". */
int wanip_get_status_info(struct igd *igd, struct igd_call *call)
{
	call->out[0].s = wanip_connected(igd) ? STR("Connected")
					    : STR("Disconnected");
	call->out[1].s = STR("ERROR_NONE");
	call->out[2].u = 0;
	if (wanip_connected(igd) && call->now_ms > igd->wan.since_ms)
		call->out[2].u = (uint32_t)((call->now_ms -
					     igd->wan.since_ms) / 1000);
	return UPNP_OK;
}

int wanip_get_nat_rsip_status(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = 0;
	call->out[1].u = 1;
	return UPNP_OK;
}

/* Write @a. Return: "" for any host, and if there is no address */
static struct str put_addr(struct wr *w, struct addr a)
{
	size_t at = w->len;

	if (!addr_is_set(a))
		return STR("");
	addr_write(w, a);
	return str_skip(wr_done(w), at);
}

int wanip_get_external_ip(struct igd *igd, struct igd_call *call)
{
	struct wr w = wr_init(call->text, sizeof(call->text));

	call->out[0].s = put_addr(&w, igd->map->ext);
	return UPNP_OK;
}

/* ---- parsing arguments into a rule --------------------------------- */

int wanip_parse_host(struct str s, enum addr_family family, struct addr *ret)
{
	struct addr a;

	*ret = addr_any();
	if (!s.n)
		return UPNP_OK;
	s = str_trim(s);	/* a blank is not the empty string */
	if (str_eq(s, STR("*")))
		return UPNP_OK;
	if (!addr_parse(s, &a))
		return UPNP_VALUE_INVALID;
	if (addr_is_unspecified(a))
		return UPNP_OK;
	if (a.family != family)
		return UPNP_VALUE_INVALID;
	*ret = a;
	return addr_is_host(a) ? UPNP_OK : UPNP_INVALID_ARGS;
}

/* The first three arguments of Add, Delete and GetSpecific: a mapping's key. */
static int parse_key(const struct igd_in in[3], struct nat_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = NAT_PORTMAP;
	ret->ext_port = (uint16_t)in[1].u;
	ret->proto = str_ieq(in[2].s, STR("UDP")) ? IPPROTO_UDP : IPPROTO_TCP;
	return wanip_parse_host(in[0].s, ADDR_IP4, &ret->remote);
}

/* An IPv4 address, never a name: a lookup would block, and would pass a name
 * that the control point chose to the resolver. */
static int parse_client(struct str s, struct addr requester, struct addr *ret)
{
	*ret = requester;
	s = str_trim(s);
	if (s.n && !addr_parse(s, ret))
		return UPNP_INVALID_ARGS;
	return ret->family == ADDR_IP4 ? UPNP_OK : UPNP_INVALID_ARGS;
}

/* Others show the text in lists, logs and web pages: make it valid UTF-8
 * without control characters. */
static int clean_desc(struct str s, char desc[PM_DESC_MAX + 1])
{
	struct wr w = wr_init(desc, PM_DESC_MAX);
	uint32_t c;
	size_t n;

	for (; s.n; s = str_skip(s, n)) {
		n = utf8_get_xml(s, &c);
		if (n && !utf8_is_control(c))
			wr_str(&w, (struct str){ s.p, n });
		else if (!n && (unsigned char)*s.p >= 0x80)
			wr_ch(&w, '?');
		n = n ? n : 1;
	}
	desc[w.len] = '\0';
	return w.over ? UPNP_STRING_TOO_LONG : UPNP_OK;
}

/* 0 means forever at version 1, and the longest lease from version 2 on
 * (WANIPConnection:2 2.3.18). More than a week is an error at version 2. At
 * version 1, whose clients do not know that limit, the core shortens it. */
static int parse_lease(const struct igd_call *call, uint32_t asked_s,
		       uint64_t *ret_s)
{
	*ret_s = asked_s;
	if (asked_s > PM_LEASE_MAX_S && call->version >= 2)
		return UPNP_OUT_OF_RANGE;
	if (!asked_s)
		*ret_s = call->version < 2 ? MAP_LEASE_FOREVER :
					     MAP_LEASE_LONGEST;
	return UPNP_OK;
}

/* ---- the dummy mapping --------------------------------------------- */

/* show-dummy-rule, as in RouterOS: some control points (Windows among them)
 * consider a router with an empty list broken. The entry is port 9 (discard),
 * disabled, to the router itself: it cannot be used and has no rule in the
 * kernel. */
#define DUMMY_PORT	9
#define DUMMY_HIDDEN_MS	60000

bool wanip_dummy_shown(const struct igd *igd, uint64_t now_ms)
{
	return igd->show_dummy && now_ms >= igd->dummy_from_ms &&
	       !portmap_shown_count(igd->map->pm);
}

bool wanip_dummy_delete(struct igd *igd, uint8_t proto, uint32_t lo,
			uint32_t hi, uint64_t now_ms)
{
	if (proto != IPPROTO_TCP || lo > DUMMY_PORT || hi < DUMMY_PORT ||
	    !wanip_dummy_shown(igd, now_ms))
		return false;
	igd->dummy_from_ms = now_ms + DUMMY_HIDDEN_MS;
	return true;
}

static bool is_dummy(const struct igd *igd, const struct nat_rule *key,
		     uint64_t now_ms)
{
	return key->ext_port == DUMMY_PORT && key->proto == IPPROTO_TCP &&
	       !addr_is_set(key->remote) && wanip_dummy_shown(igd, now_ms);
}

/* ---- requests to the mapping core ---------------------------------- */

/* struct map_wait.done */
static void answer(struct map_wait *map, enum refusal why,
		   const struct pm_entry *e)
{
	struct igd_wait *w = igd_wait_of(map);

	w->done(w, upnp_err_of(why, w->call, w->version),
		e ? map_told(w->igd->map, e).port : 0);
}

struct map_wait *wanip_prepare(struct igd *igd, struct igd_call *call,
			       enum upnp_call what)
{
	struct igd_wait *w = call->wait;

	w->igd = igd;
	w->call = (uint8_t)what;
	w->version = (uint8_t)call->version;
	w->map.done = answer;
	memset(&w->map.req, 0, sizeof(w->map.req));
	w->map.req.mapping.origin = ORIGIN_UPNP;
	w->map.req.mapping.requester = call->client;
	w->map.req.mapping.requester_if = call->ifindex;
	return &w->map;
}

int wanip_result(const struct igd_call *call, int res)
{
	if (res == MAP_WAIT)
		return IGD_WAIT;
	return upnp_err_of((enum refusal)res, call->wait->call, call->version);
}

enum { ADD_REMOTE, ADD_EXT_PORT, ADD_PROTO, ADD_INT_PORT, ADD_CLIENT,
       ADD_ENABLED, ADD_DESC, ADD_LEASE };

/* WANIPConnection:1 2.4.16; internal port 0 has its own code in :2. */
int wanip_parse_add(const struct igd_call *call, struct map_request *ret)
{
	struct nat_rule *r = &ret->mapping.rule;
	int err = parse_key(call->in, r);

	if (err)
		return err;
	if (!r->ext_port && ret->port == MAP_PORT_WISHED)
		return WANIP_WILDCARD_EXT_PORT;
	r->int_port = (uint16_t)call->in[ADD_INT_PORT].u;
	if (!r->int_port)
		return call->version < 2 ? UPNP_INVALID_ARGS
					 : WANIP_WILDCARD_INT_PORT;
	err = parse_client(call->in[ADD_CLIENT].s, call->client,
			   &r->client);
	ret->mapping.enabled = call->in[ADD_ENABLED].u;
	if (!err)
		err = clean_desc(call->in[ADD_DESC].s, ret->mapping.desc);
	if (!err)
		err = parse_lease(call, call->in[ADD_LEASE].u, &ret->lease_s);
	return err;
}

int wanip_add(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = wanip_prepare(igd, call, UPNP_ADD);
	int err = wanip_parse_add(call, &w->req);
	const struct pm_entry *e;

	if (err)
		return err;
	return wanip_result(call, map_add(igd->map, w, call->now_ms, &e));
}

/* UPnP has no remote ports. A control point names a mapping for some ports of a
 * remote host, which it has seen in a list, by the host. */
static void complete_key(const struct igd *igd, struct nat_rule *key)
{
	const struct portmap *pm = igd->map->pm;
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	if (portmap_find(pm, key) != PM_NONE)
		return;
	while ((slot = portmap_on_port(pm, key->proto, key->ext_port, slot)) !=
	       PM_NONE) {
		e = portmap_entry(pm, slot);
		if (portmap_is_shown(e) &&
		    addr_equal(e->rule.remote, key->remote))
			key->remote_port = e->rule.remote_port;
	}
}

int wanip_delete(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = wanip_prepare(igd, call, UPNP_DELETE);
	struct nat_rule *key = &w->req.mapping.rule;
	int err = parse_key(call->in, key);

	if (!err && !addr_is_set(key->remote) &&
	    wanip_dummy_delete(igd, key->proto, key->ext_port, key->ext_port,
			       call->now_ms))
		return UPNP_OK;
	if (err)
		return err;
	complete_key(igd, key);
	return wanip_result(call, map_delete(igd->map, w));
}

/* ---- reading ------------------------------------------------------- */

/* The last five out arguments of both Get...Entry actions, except the second,
 * the client. */
static void put_target(const struct igd *igd, struct igd_call *call,
		       struct igd_out out[5], const struct pm_entry *e)
{
	out[0].u = e->rule.int_port;
	out[2].u = portmap_in_force(e);
	out[3].s = portmap_desc(igd->map->pm, e, call->desc);
	out[4].u = portmap_lease_left(e, call->now_ms);
}

/* Write the last five out arguments of both Get...Entry actions. */
static void put_dummy(struct igd_call *call, struct igd_out out[5])
{
	struct wr w = wr_init(call->text, sizeof(call->text));

	out[0].u = DUMMY_PORT;
	out[1].s = put_addr(&w, call->local);
	out[2].u = 0;
	out[3].s = STR("dummy");
	out[4].u = 0;
}

/* Control points increment the index until they get 713. */
int wanip_get_generic_entry(struct igd *igd, struct igd_call *call)
{
	struct wr w = wr_init(call->text, sizeof(call->text));
	uint32_t index = call->in[0].u;
	uint16_t slot = portmap_shown_at(igd->map->pm, index);
	const struct pm_entry *e = portmap_entry(igd->map->pm, slot);

	if (!e && !index && wanip_dummy_shown(igd, call->now_ms)) {
		call->out[0].s = STR("");
		call->out[1].u = DUMMY_PORT;
		call->out[2].s = STR("TCP");
		put_dummy(call, &call->out[3]);
		return UPNP_OK;
	}
	if (!e)
		return WANIP_INDEX_INVALID;
	call->out[0].s = put_addr(&w, e->rule.remote);
	call->out[1].u = map_told(igd->map, e).port;
	call->out[2].s = e->rule.proto == IPPROTO_UDP ? STR("UDP") : STR("TCP");
	call->out[4].s = put_addr(&w, e->rule.client);
	put_target(igd, call, &call->out[3], e);
	return UPNP_OK;
}

int wanip_get_specific_entry(struct igd *igd, struct igd_call *call)
{
	struct wr w = wr_init(call->text, sizeof(call->text));
	const struct pm_entry *e;
	struct nat_rule key;
	uint16_t slot;
	int err = parse_key(call->in, &key);

	if (err)
		return err;
	if (is_dummy(igd, &key, call->now_ms)) {
		put_dummy(call, call->out);
		return UPNP_OK;
	}
	key.ext_port = told_rule_port(igd->map, key.proto, key.ext_port,
				      addr_any(), call->client);
	complete_key(igd, &key);
	slot = portmap_find(igd->map->pm, &key);
	e = portmap_entry(igd->map->pm, slot);
	if (!e || !portmap_is_shown(e))
		return WANIP_NO_SUCH_ENTRY;
	call->out[1].s = put_addr(&w, e->rule.client);
	put_target(igd, call, call->out, e);
	return UPNP_OK;
}

static int get_entry_number(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = wanip_dummy_shown(igd, call->now_ms) ?
			 1 : (uint32_t)portmap_shown_count(igd->map->pm);
	return UPNP_OK;
}

static int get_update_id(struct igd *igd, struct igd_call *call)
{
	call->out[0].u = igd->map->update_id;
	return UPNP_OK;
}

/* The variables of a mapping (ExternalPort, ...) are not here, because each
 * mapping has its own values. */
const struct igd_reader wanip_reader[] = {
	{ "ConnectionType", 0, wanip_get_connection_type_info },
	{ "PossibleConnectionTypes", 1, wanip_get_connection_type_info },
	{ "ConnectionStatus", 0, wanip_get_status_info },
	{ "LastConnectionError", 1, wanip_get_status_info },
	{ "Uptime", 2, wanip_get_status_info },
	{ "RSIPAvailable", 0, wanip_get_nat_rsip_status },
	{ "NATEnabled", 1, wanip_get_nat_rsip_status },
	{ "ExternalIPAddress", 0, wanip_get_external_ip },
	{ "PortMappingNumberOfEntries", 0, get_entry_number },
	{ "SystemUpdateID", 0, get_update_id },
	{ NULL },
};
