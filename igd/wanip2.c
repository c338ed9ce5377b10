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

	w->req.port = MAP_PORT_ANY;
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
	/* it is shown only if there is nothing else to delete */
	if (wanip_dummy_delete(igd, proto_of(call), call->in[IN_START].u,
			       call->in[IN_END].u, call->now_ms))
		return UPNP_OK;
	return wanip_result(call, map_delete_range(igd->map, w,
			    (uint16_t)call->in[IN_START].u,
			    (uint16_t)call->in[IN_END].u,
			    call->in[IN_MANAGE].u));
}

/* ---- GetListOfPortMappings ----------------------------------------- */

#define MEASURED_MAX 1024	/* entries in a turn; takes 2 ms */

/* List the requester's own mappings that clients see; those of all clients if
 * the requester asks for them and list-scope allows it. */
static bool is_listed(const struct igd_list *l, const struct pm_entry *e)
{
	return portmap_is_shown(e) && e->seq <= l->last_seq &&
	       (l->client.family == ADDR_ANY || owner_is(e, l->client));
}

/* The lowest port from l->port on with a mapping to be listed; if there is
 * none, the port after the list's last one. */
static uint32_t lowest_port(const struct portmap *pm, const struct igd_list *l)
{
	uint32_t lowest = l->end + UINT32_C(1);
	const struct pm_entry *e;

	for (size_t i = 0; i < portmap_count(pm); i++) {
		e = portmap_entry(pm, portmap_at(pm, i));
		if (e->rule.proto == l->proto && e->told_port >= l->port &&
		    e->told_port < lowest && is_listed(l, e))
			lowest = e->told_port;
	}
	return lowest;
}

/* The next mapping on the port. The port may have entries that are not
 * committed or not to be listed. */
static const struct pm_entry *next_on_port(const struct portmap *pm,
					   struct igd_list *l)
{
	const struct pm_entry *e;

	while ((l->slot = portmap_on_told(pm, l->proto, (uint16_t)l->port,
					  l->slot)) != PM_NONE) {
		e = portmap_entry(pm, l->slot);
		l->gen = e->gen;
		if (is_listed(l, e))
			return e;
	}
	return NULL;
}

/* Advance to the next mapping. The list is in the order of the ports that it
 * has, not of age: a control point that gets only part of it, because of
 * NewNumberOfPorts, continues from the last port that it got. Return: NULL:
 * there is none */
static const struct pm_entry *next_entry(const struct igd *igd,
					 struct igd_list *l)
{
	const struct portmap *pm = igd->map->pm;
	const struct pm_entry *e;
	size_t empty = 0;	/* ports in succession */

	while (l->port <= l->end) {
		e = next_on_port(pm, l);
		if (e)
			return e;
		l->port++;
		/* after so many, the whole table is searched as fast */
		if (empty++ == portmap_count(pm)) {
			l->port = lowest_port(pm, l);
			empty = 0;
		}
	}
	return NULL;
}

/* The table may have changed since the last piece. If the entry that was
 * written last has gone, or has another told_port, its slot no longer leads to
 * the others on its port: continue with the next port. */
static void check_position(const struct igd *igd, struct igd_list *l)
{
	const struct pm_entry *e = portmap_entry(igd->map->pm, l->slot);

	if (l->slot == PM_NONE ||
	    (e && e->gen == l->gen && e->told_port == l->port))
		return;
	l->port++;
	l->slot = PM_NONE;
}

/* Two names differ from those of the actions: NewDescription, NewLeaseTime. A
 * list may have 60,000 entries, so this has no wr_fmt(). */
static void put_entry(const struct igd *igd, struct wr *w,
		      const struct pm_entry *e, uint64_t now_ms)
{
	const struct nat_rule *r = &e->rule;
	char desc[PM_DESC_MAX + 1];

	wr_z(w, "<p:PortMappingEntry><p:NewRemoteHost>");
	if (addr_is_set(r->remote))
		addr_write(w, r->remote);
	wr_z(w, "</p:NewRemoteHost><p:NewExternalPort>");
	wr_u64(w, map_told(igd->map, e).port);
	wr_z(w, "</p:NewExternalPort><p:NewProtocol>");
	wr_z(w, r->proto == IPPROTO_UDP ? "UDP" : "TCP");
	wr_z(w, "</p:NewProtocol><p:NewInternalPort>");
	wr_u64(w, r->int_port);
	wr_z(w, "</p:NewInternalPort><p:NewInternalClient>");
	addr_write(w, r->client);
	wr_z(w, "</p:NewInternalClient><p:NewEnabled>");
	wr_u64(w, portmap_in_force(e));
	wr_z(w, "</p:NewEnabled><p:NewDescription>");
	value_put_text(w, portmap_desc(igd->map->pm, e, desc));
	wr_z(w, "</p:NewDescription><p:NewLeaseTime>");
	wr_u64(w, portmap_lease_left(e, now_ms));
	wr_z(w, "</p:NewLeaseTime></p:PortMappingEntry>");
}

bool wanip2_list_measure(const struct igd *igd, struct igd_list *l,
			 size_t *ret_length)
{
	char buf[WANIP2_ENTRY_MAX];
	const struct pm_entry *e;
	size_t sum = 0;
	bool more = true;

	check_position(igd, l);
	for (unsigned i = 0; more && i < MEASURED_MAX; i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		e = l->left ? next_entry(igd, l) : NULL;
		more = e;
		if (more) {
			put_entry(igd, &w, e, l->now_ms);
			l->left--;
		}
		sum += w.len;
	}
	*ret_length = sum;
	return more;
}

bool wanip2_list_write(const struct igd *igd, struct igd_list *l, size_t max,
		       struct wr *w)
{
	const size_t start = w->len;
	const struct pm_entry *e;
	char buf[WANIP2_ENTRY_MAX];
	struct igd_list at;

	check_position(igd, l);
	for (; l->left && w->len - start < max; l->left--) {
		struct wr one = wr_init(buf, sizeof(buf));

		at = *l;
		e = next_entry(igd, l);
		if (!e)
			return false;
		put_entry(igd, &one, e, l->now_ms);
		if (one.len > max - (w->len - start))
			continue;
		if (one.len > w->cap - w->len) {
			*l = at;	/* for the next piece */
			return true;
		}
		wr_str(w, wr_done(&one));
	}
	return false;
}

int wanip2_get_list(struct igd *igd, struct igd_call *call)
{
	const struct portmap *pm = igd->map->pm;
	size_t n = portmap_count(pm);
	uint32_t number = call->in[IN_NUMBER].u;
	struct igd_list *l = &call->list, first;
	int err = check_range(call);

	if (err)
		return err;
	*l = (struct igd_list){
		.now_ms = call->now_ms, .client = call->client,
		.left = number ? number : UINT32_MAX,
		.port = call->in[IN_START].u,
		.end = (uint16_t)call->in[IN_END].u, .slot = PM_NONE,
		.proto = proto_of(call),
	};
	if (call->in[IN_MANAGE].u && igd->list_all)
		l->client = addr_any();
	if (n)
		l->last_seq = portmap_entry(pm, portmap_at(pm, n - 1))->seq;
	first = *l;
	if (!next_entry(igd, &first))
		return WANIP_RANGE_NOT_FOUND;
	l->port = first.port;
	call->out[0].list = true;
	return UPNP_OK;
}
