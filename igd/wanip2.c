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

/* List the requester's own mappings that clients see; those of all clients if
 * the requester asks for them and list-scope allows it. */
static bool is_listed(const struct igd_list *l, const struct pm_entry *e,
		      uint16_t from)
{
	return portmap_is_shown(e) && e->rule.proto == l->proto &&
	       e->seq <= l->last_seq &&
	       e->rule.ext_port >= from && e->rule.ext_port <= l->end &&
	       (l->client.family == ADDR_ANY || owner_is(e, l->client));
}

/* The ports that have a mapping to be listed, a bit each. The list is in the
 * order of ports, not of age: a control point that gets only part of it, because
 * of NewNumberOfPorts, continues from the last port that it got. */
struct ports {
	uint64_t bit[(UINT16_MAX + 1) / 64];
};

static void find_ports(struct ports *p, const struct igd *igd,
		       const struct igd_list *l)
{
	size_t n = portmap_count(igd->map->pm);
	const struct pm_entry *e;

	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < n; i++) {
		e = portmap_entry(igd->map->pm, portmap_at(igd->map->pm, i));
		if (l->port <= UINT16_MAX &&
		    is_listed(l, e, (uint16_t)l->port))
			p->bit[e->rule.ext_port / 64] |=
				UINT64_C(1) << e->rule.ext_port % 64;
	}
}

/* Advance to the next port with a mapping, which may be l->port. Return: false
 * if there is none */
static bool to_port(const struct ports *p, struct igd_list *l)
{
	uint64_t rest;

	for (; l->port <= UINT16_MAX; l->port += 64 - l->port % 64) {
		rest = p->bit[l->port / 64] >> l->port % 64;
		for (; rest; rest >>= 1, l->port++)
			if (rest & 1)
				return true;
	}
	return false;
}

/* The next mapping, or NULL. The same port may have entries that are not
 * committed or not to be listed. */
static const struct pm_entry *next_entry(const struct ports *p,
					 const struct igd *igd,
					 struct igd_list *l)
{
	const struct pm_entry *e;

	for (; to_port(p, l); l->port++, l->slot = PM_NONE) {
		while ((l->slot = portmap_on_port(igd->map->pm, l->proto,
						  (uint16_t)l->port,
						  l->slot)) != PM_NONE) {
			e = portmap_entry(igd->map->pm, l->slot);
			l->gen = e->gen;
			if (is_listed(l, e, (uint16_t)l->port))
				return e;
		}
	}
	return NULL;
}

/* The table may have changed since the last piece. If the entry that was
 * written last has gone, its slot no longer leads to the others on its port:
 * continue with the next port. */
static void check_position(const struct igd *igd, struct igd_list *l)
{
	const struct pm_entry *e = portmap_entry(igd->map->pm, l->slot);

	if (l->slot == PM_NONE || (e && e->gen == l->gen))
		return;
	l->port++;
	l->slot = PM_NONE;
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

size_t wanip2_list_length(const struct igd *igd, const struct igd_list *list)
{
	char buf[WANIP2_ENTRY_MAX];
	struct igd_list l = *list;
	const struct pm_entry *e;
	struct ports ports;
	size_t sum = 0;

	find_ports(&ports, igd, &l);
	for (; l.left && (e = next_entry(&ports, igd, &l)); l.left--) {
		struct wr w = wr_init(buf, sizeof(buf));

		put_entry(igd, &w, e, l.now_ms);
		sum += w.len;
	}
	return sum;
}

bool wanip2_list_write(const struct igd *igd, struct igd_list *l, size_t max,
		       struct wr *w)
{
	const size_t start = w->len;
	const struct pm_entry *e;
	char buf[WANIP2_ENTRY_MAX];
	struct ports ports;
	struct igd_list at;

	check_position(igd, l);
	find_ports(&ports, igd, l);
	for (; l->left; l->left--) {
		struct wr one = wr_init(buf, sizeof(buf));

		at = *l;
		e = next_entry(&ports, igd, l);
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
	struct igd_list *l = &call->list;
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
	if (!wanip2_list_length(igd, l))
		return WANIP_RANGE_NOT_FOUND;
	call->out[0].list = true;
	return UPNP_OK;
}
