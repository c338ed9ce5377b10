/* SPDX-License-Identifier: ISC */
/* wanip2.c - WANIPConnection:2: the actions that version 1 lacks.
 * Runs in: engine */
#include <netinet/in.h>
#include <string.h>
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/upnp_err.h"
#include "igd/value.h"
#include "igd/wanip.h"
#include "igd/wanip2.h"
#include "map/owner.h"

/* ---- AddAnyPortMapping --------------------------------------------- */

/* Port 0 means any port. The standard calls it a wildcard that may be refused,
 * but control points send it to get any port. */
int wanip2_add_any(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = wanip_prepare(igd, call, UPNP_ADD);
	const struct pm_entry *e;
	int err;

	w->req.any_port = true;
	err = wanip_parse_add(call, &w->req);
	if (err)
		return err;
	err = wanip_result(call, map_add(igd->map, w, call->now_ms, &e));
	if (!err)
		call->out[0].u = map_told(igd->map, e).port;
	return err;
}

/* ---- ranges -------------------------------------------------------- */

/* The first four arguments of both actions on a range. */
enum { IN_START, IN_END, IN_PROTO, IN_MANAGE, IN_NUMBER };

static uint8_t proto_of(const struct igd_call *call)
{
	return str_ieq(call->in[IN_PROTO].s, STR("UDP")) ? IPPROTO_UDP
							 : IPPROTO_TCP;
}

static int check_range(const struct igd_call *call)
{
	return call->in[IN_START].u > call->in[IN_END].u ? WANIP_INCONSISTENT
							 : UPNP_OK;
}

int wanip2_delete_range(struct igd *igd, struct igd_call *call)
{
	struct map_wait *w = wanip_prepare(igd, call, UPNP_DELETE_RANGE);
	int err = check_range(call);

	if (err)
		return err;
	w->req.mapping.rule.proto = proto_of(call);
	return wanip_result(call, map_delete_range(igd->map, w,
			    (uint16_t)call->in[IN_START].u,
			    (uint16_t)call->in[IN_END].u,
			    call->in[IN_MANAGE].u));
}

/* ---- GetListOfPortMappings ----------------------------------------- */

/* As CDATA: libminiupnpc does not decode the text of this argument, so it would
 * find no list if the text were escaped like others. No "]]>" can occur inside:
 * a '>' in a text is written as an entity. */
#define LIST_OPEN \
	"<![CDATA[<?xml version=\"1.0\"?>" \
	"<p:PortMappingList " \
	"xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">"
#define LIST_CLOSE "</p:PortMappingList>]]>"

/* List the requester's own mappings that clients see; those of all clients if
 * the requester asks for them and list-scope allows it. */
static bool is_listed(const struct igd *igd, const struct igd_call *call,
		      const struct pm_entry *e)
{
	bool all = call->in[IN_MANAGE].u && igd->list_all;

	return portmap_is_shown(e) && e->rule.proto == proto_of(call) &&
	       e->rule.ext_port >= call->in[IN_START].u &&
	       e->rule.ext_port <= call->in[IN_END].u &&
	       (all || owner_is(e, call->client));
}

/* The list is in the order of ports, not of age. A control point that gets only
 * part of it, because of NewNumberOfPorts or of its length, continues from the
 * last port that it got. */
struct walk {
	uint32_t port;
	uint16_t slot;		/* on that port; PM_NONE before the first */
	uint64_t has[(UINT16_MAX + 1) / 64];	/* bit set: list this port */
};

static void walk_init(struct walk *at, const struct igd *igd,
		      const struct igd_call *call)
{
	size_t n = portmap_count(igd->map->pm);
	const struct pm_entry *e;

	*at = (struct walk){ .slot = PM_NONE };
	for (size_t i = 0; i < n; i++) {
		e = portmap_entry(igd->map->pm, portmap_at(igd->map->pm, i));
		if (is_listed(igd, call, e))
			at->has[e->rule.ext_port / 64] |=
				UINT64_C(1) << e->rule.ext_port % 64;
	}
}

/* Advance to the next port to list, which may be at->port. Return: false if
 * there is none */
static bool walk_to_port(struct walk *at)
{
	uint64_t rest;

	for (; at->port <= UINT16_MAX; at->port += 64 - at->port % 64) {
		rest = at->has[at->port / 64] >> at->port % 64;
		for (; rest; rest >>= 1, at->port++)
			if (rest & 1)
				return true;
	}
	return false;
}

/* The next mapping, or NULL. The same port may have entries that are not
 * committed or not to be listed. */
static const struct pm_entry *walk_on(struct walk *at, const struct igd *igd,
				      const struct igd_call *call)
{
	const struct pm_entry *e;

	for (; walk_to_port(at); at->port++) {
		while ((at->slot = portmap_on_port(igd->map->pm, proto_of(call),
						   (uint16_t)at->port,
						   at->slot)) != PM_NONE) {
			e = portmap_entry(igd->map->pm, at->slot);
			if (is_listed(igd, call, e))
				return e;
		}
	}
	return NULL;
}

static void put_number(struct wr *w, const char *name, uint32_t value)
{
	wr_fmt(w, "<p:%s>%u</p:%s>", name, (unsigned)value, name);
}

/* Two names differ from those of the actions: NewDescription, NewLeaseTime. */
static void put_entry(const struct igd *igd, struct wr *w,
		      const struct pm_entry *e, uint64_t now_ms)
{
	const struct nat_rule *r = &e->rule;
	char desc[PM_DESC_MAX + 1];

	wr_z(w, "<p:PortMappingEntry><p:NewRemoteHost>");
	if (addr_is_set(r->remote))
		addr_write(w, r->remote);
	wr_z(w, "</p:NewRemoteHost>");
	put_number(w, "NewExternalPort", map_told(igd->map, e).port);
	wr_fmt(w, "<p:NewProtocol>%s</p:NewProtocol>",
	       r->proto == IPPROTO_UDP ? "UDP" : "TCP");
	put_number(w, "NewInternalPort", r->int_port);
	wr_z(w, "<p:NewInternalClient>");
	addr_write(w, r->client);
	wr_z(w, "</p:NewInternalClient>");
	put_number(w, "NewEnabled", portmap_in_force(e));
	wr_z(w, "<p:NewDescription>");
	value_put_text(w, portmap_desc(igd->map->pm, e, desc));
	wr_z(w, "</p:NewDescription>");
	put_number(w, "NewLeaseTime", portmap_lease_left(e, now_ms));
	wr_z(w, "</p:PortMappingEntry>");
}

/* igd_out.put: a list that is too long ends after a whole entry. */
static void put_list(const struct igd *igd, const struct igd_call *call,
		     struct wr *w)
{
	uint32_t left = call->in[IN_NUMBER].u ? call->in[IN_NUMBER].u
					      : UINT32_MAX;
	const struct pm_entry *e;
	struct walk at;

	walk_init(&at, igd, call);
	wr_z(w, LIST_OPEN);
	w->cap -= sizeof(LIST_CLOSE);
	while (left-- && (e = walk_on(&at, igd, call))) {
		size_t len = w->len;

		put_entry(igd, w, e, call->now_ms);
		if (!w->over)
			continue;
		w->len = len;	/* drop the entry that does not fit */
		w->over = false;
		break;
	}
	w->cap += sizeof(LIST_CLOSE);
	wr_z(w, LIST_CLOSE);
}

static bool any_listed(const struct igd *igd, const struct igd_call *call)
{
	const struct portmap *pm = igd->map->pm;
	size_t n = portmap_count(pm);

	for (size_t i = 0; i < n; i++)
		if (is_listed(igd, call, portmap_entry(pm, portmap_at(pm, i))))
			return true;
	return false;
}

int wanip2_get_list(struct igd *igd, struct igd_call *call)
{
	int err = check_range(call);

	if (!err && !any_listed(igd, call))
		err = WANIP_RANGE_NOT_FOUND;
	if (!err)
		call->out[0].put = put_list;
	return err;
}
