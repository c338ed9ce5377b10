/* SPDX-License-Identifier: ISC */
/*
 * ifstate.c - the state of the configured interfaces.
 *
 * Owns: nothing between two calls.
 * Never does: change an interface.
 *
 * Runs in: any
 */
#include <string.h>
#include "sys/route.h"
#include "conf/ifstate.h"

static size_t enabled_names(const struct conf *c, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < c->iface_n; i++)
		if (!c->iface[i].disabled)
			names[n++] = c->iface[i].name;
	return n;
}

/* ---- the external address ------------------------------------------------ */

static bool has_addr(const struct netif_addr *addr, size_t n, int ifindex,
		     uint32_t ip)
{
	for (size_t i = 0; i < n; i++)
		if (addr[i].ifindex == ifindex && addr[i].ip == ip)
			return true;
	return false;
}

static uint32_t first_addr(const struct netif_addr *addr, size_t n,
			   int ifindex, bool public_only)
{
	for (size_t i = 0; i < n; i++)
		if (addr[i].ifindex == ifindex &&
		    !(public_only && policy_private(addr[i].ip)))
			return addr[i].ip;
	return 0;
}

uint32_t ifstate_choose_ip(const struct netif_addr *addr, size_t n,
			   int ifindex, uint32_t forced_ip, uint32_t route_ip)
{
	uint32_t ip;

	if (has_addr(addr, n, ifindex, forced_ip))
		return forced_ip;
	/* an unnumbered link sends with the address of another interface */
	if (!has_addr(addr, n, ifindex, route_ip))
		route_ip = 0;
	if (route_ip && !policy_private(route_ip))
		return route_ip;
	ip = first_addr(addr, n, ifindex, true);
	if (!ip)
		ip = route_ip;
	return ip ? ip : first_addr(addr, n, ifindex, false);
}

/* Member by member: no byte of padding may differ between two reads. */
static void add_external(struct ifstate *r, const struct conf_iface *conf,
			 const struct netif_table *t,
			 const struct netif_link *l)
{
	struct ifstate_ext *e = &r->ext[r->ext_n];
	uint32_t route_ip = 0;

	if (r->ext_n == CONF_EXTERNALS_MAX)
		return;
	r->ext_n++;
	e->forced_ip = conf->forced_ip;
	if (!l->ifindex)
		return;
	route_source(l->ifindex, &route_ip);	/* 0 if it fails */
	e->ifindex = l->ifindex;
	e->up = l->up;
	e->running = l->running;
	e->ip = ifstate_choose_ip(t->addr, t->addr_n, l->ifindex,
				  conf->forced_ip, route_ip);
	e->is_private = e->ip && !conf->forced_ip && policy_private(e->ip);
}

/* ---- all interfaces ------------------------------------------------------ */

static void add_internal(struct ifstate *r, const struct netif_table *t,
			 const struct netif_link *l)
{
	for (size_t i = 0; i < t->addr_n && l->ifindex && l->up; i++)
		if (t->addr[i].ifindex == l->ifindex &&
		    r->net_n < NETIF_ADDRS_MAX)
			r->net[r->net_n++] = t->addr[i];
}

int ifstate_read(const struct conf *c, struct ifstate *ret)
{
	const char *names[CONF_IFACES_MAX];
	const struct netif_link *l;
	struct netif_table t;
	int err = netif_read(names, enabled_names(c, names), &t);

	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < t.addr_n; i++)
		ret->own_ip[ret->own_n++] = t.addr[i].ip;
	l = t.link;	/* as in enabled_names() */
	for (size_t i = 0; i < c->iface_n; i++) {
		if (c->iface[i].disabled)
			continue;
		if (c->iface[i].type == CONF_EXTERNAL)
			add_external(ret, &c->iface[i], &t, l);
		else
			add_internal(ret, &t, l);
		l++;
	}
	return 0;
}

const struct ifstate_ext *ifstate_external(const struct ifstate *r)
{
	return &r->ext[0];
}

uint32_t ifstate_usable_ip(const struct ifstate_ext *e, const struct conf *c)
{
	return e->is_private && c->refuse_private ? 0 : e->ip;
}

uint32_t ifstate_reported_ip(const struct ifstate_ext *e, const struct conf *c)
{
	uint32_t ip = ifstate_usable_ip(e, c);

	if (!ip || !e->up || !e->running)
		return 0;
	return e->forced_ip ? e->forced_ip : ip;
}

static bool has_net(const struct ifstate *r, const char *name)
{
	for (size_t i = 0; i < r->net_n; i++)
		if (strcmp(r->net[i].ifname, name) == 0)
			return true;
	return false;
}

bool ifstate_complete(const struct ifstate *r, const struct conf *c)
{
	for (size_t i = 0; i < c->iface_n; i++) {
		const struct conf_iface *f = &c->iface[i];

		if (f->type == CONF_INTERNAL && !f->disabled &&
		    !has_net(r, f->name))
			return false;
	}
	return true;
}

void ifstate_policy(const struct ifstate *r, const struct conf *c,
		   struct policy *ret)
{
	*ret = (struct policy){
		.rule = c->rule, .rule_n = c->rule_n,
		.secure = c->secure_mode,
	};
	for (size_t i = 0; i < r->own_n; i++)
		ret->own_ip[ret->own_n++] = r->own_ip[i];
	for (size_t i = 0; i < r->net_n; i++)
		ret->net[ret->net_n++] = r->net[i];
}
