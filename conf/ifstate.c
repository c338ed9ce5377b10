/* SPDX-License-Identifier: ISC */
/*
 * ifstate.c - the state of the configured interfaces.
 *
 * Owns: nothing between two calls.
 * Never does: change an interface.
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
		     struct addr a)
{
	for (size_t i = 0; i < n; i++)
		if (addr[i].ifindex == ifindex &&
		    addr_equal(addr[i].net.addr, a))
			return true;
	return false;
}

static struct addr first_addr(const struct netif_addr *addr, size_t n,
			      int ifindex, bool public_only)
{
	for (size_t i = 0; i < n; i++)
		if (addr[i].ifindex == ifindex &&
		    addr[i].net.addr.family == ADDR_IP4 &&
		    !(public_only && addr_is_private(addr[i].net.addr)))
			return addr[i].net.addr;
	return (struct addr){ .family = ADDR_NONE };
}

struct addr ifstate_choose(const struct netif_addr *addr, size_t n,
			   int ifindex, struct addr forced_ip,
			   struct addr route)
{
	struct addr a;

	if (has_addr(addr, n, ifindex, forced_ip))
		return forced_ip;
	/* on an unnumbered link, @route is the address of another interface */
	if (!has_addr(addr, n, ifindex, route))
		route = (struct addr){ .family = ADDR_NONE };
	if (addr_is_set(route) && !addr_is_private(route))
		return route;
	a = first_addr(addr, n, ifindex, true);
	if (!addr_is_set(a) && addr_is_set(route))
		return route;
	return addr_is_set(a) ? a : first_addr(addr, n, ifindex, false);
}

/* Set each member on its own, because padding must not differ between two
 * reads. */
static void add_external(struct ifstate *r, const struct conf_iface *conf,
			 const struct netif_table *t,
			 const struct netif_link *l)
{
	struct ifstate_ext *e = &r->ext[r->ext_n];
	struct addr route = { 0 };

	if (r->ext_n == CONF_EXTERNALS_MAX)
		return;
	r->ext_n++;
	memcpy(e->name, l->name, sizeof(e->name));
	e->forced_ip = conf->forced_ip;
	if (!l->ifindex)
		return;
	route_source(l->ifindex, &route);	/* ADDR_NONE if it fails */
	e->ifindex = l->ifindex;
	e->master = l->master;
	e->up = l->up;
	e->running = l->running;
	e->addr = ifstate_choose(t->addr, t->addr_n, l->ifindex,
				 conf->forced_ip, route);
	e->is_private = !addr_is_set(conf->forced_ip) &&
			addr_is_private(e->addr);
}

/* ---- all interfaces ------------------------------------------------------ */

static bool is_used(const struct conf *c, struct addr a)
{
	return c->ipv6 || a.family == ADDR_IP4;
}

static void add_internal(struct ifstate *r, const struct conf *c,
			 const struct netif_table *t,
			 const struct netif_link *l)
{
	for (size_t i = 0; i < t->addr_n && l->ifindex && l->up; i++)
		if (t->addr[i].ifindex == l->ifindex &&
		    is_used(c, t->addr[i].net.addr) &&
		    r->net_n < NETIF_ADDRS_MAX)
			r->net[r->net_n++] = t->addr[i];
}

static void add_routed(struct ifstate *r, const struct conf *c,
		       const struct conf_iface *conf,
		       const struct netif_link *l)
{
	for (size_t i = 0; i < conf->network.n && l->ifindex && l->up; i++) {
		struct netif_addr *a = &r->net[r->net_n];

		if (r->routed_n == CONF_NETWORKS_ALL)
			return;
		if (!is_used(c, conf->network.at[i].addr))
			continue;
		a->ifindex = l->ifindex;
		memcpy(a->ifname, l->name, sizeof(a->ifname));
		a->master = l->master;
		a->net = conf->network.at[i];
		a->routed = 1;
		r->net_n++;
		r->routed_n++;
	}
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
		if (is_used(c, t.addr[i].net.addr))
			ret->own[ret->own_n++] = t.addr[i].net.addr;
	ret->own_cut = t.addr_cut;
	ret->own_sum = t.ip4_sum ^ (c->ipv6 ? t.ip6_sum : 0);
	l = t.link;	/* in the order of enabled_names() */
	for (size_t i = 0; i < c->iface_n; i++) {
		if (c->iface[i].disabled)
			continue;
		if (c->iface[i].type == CONF_EXTERNAL)
			add_external(ret, &c->iface[i], &t, l);
		else
			add_internal(ret, c, &t, l);
		l++;
	}
	l = t.link;
	for (size_t i = 0; i < c->iface_n; i++)
		if (!c->iface[i].disabled)
			add_routed(ret, c, &c->iface[i], l++);
	if (ret->ext_n > 1)
		ret->internet_out = route_internet(ADDR_IP4);
	if (ret->ext_n > 1 && c->ipv6)
		ret->internet6_out = route_internet(ADDR_IP6);
	return 0;
}

bool ifstate_is_usable(const struct ifstate_ext *e)
{
	return e->up && e->running && addr_is_set(e->addr);
}

size_t ifstate_select(const struct ifstate *r, enum conf_selection by,
		      size_t active)
{
	size_t first = r->ext_n;

	for (size_t i = r->ext_n; i-- > 0;) {
		if (!ifstate_is_usable(&r->ext[i]))
			continue;
		if (by == CONF_SELECT_ROUTE &&
		    r->ext[i].ifindex == r->internet_out)
			return i;
		first = i;
	}
	if (first == r->ext_n ||
	    (by == CONF_SELECT_ROUTE && ifstate_is_usable(&r->ext[active])))
		return active;
	return first;
}

void ifstate_activate(struct ifstate *r, const struct conf *c,
		      uint32_t ext_index)
{
	r->active = ifstate_select(r, c->external_selection, 0);
	for (size_t i = 0; i < r->ext_n && ext_index; i++)
		if ((uint32_t)r->ext[i].ifindex == ext_index)
			r->active = i;
}

const struct ifstate_ext *ifstate_external(const struct ifstate *r)
{
	return &r->ext[r->active];
}

const struct ifstate_ext *ifstate_external6(const struct ifstate *r)
{
	for (size_t i = 0; i < r->ext_n && r->internet6_out; i++)
		if (r->ext[i].ifindex == r->internet6_out)
			return &r->ext[i];
	return ifstate_external(r);
}

struct addr ifstate_usable(const struct ifstate_ext *e, const struct conf *c)
{
	if (e->is_private && c->refuse_private &&
	    c->ask_upstream == CONF_ASK_NO)
		return (struct addr){ .family = ADDR_NONE };
	return e->addr;
}

struct addr ifstate_reported(const struct ifstate_ext *e, const struct conf *c)
{
	struct addr a = ifstate_usable(e, c);

	if (!e->up || !e->running)
		return (struct addr){ .family = ADDR_NONE };
	return addr_is_set(a) && addr_is_set(e->forced_ip) ? e->forced_ip : a;
}

static int compare_prefixes(const struct netif_addr *a,
			    const struct netif_addr *b)
{
	int by_addr = addr_compare(a->net.addr, b->net.addr);

	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return by_addr ? by_addr : (int)a->net.bits - (int)b->net.bits;
}

/* The kernel lists the newest address first, so they are sorted: another
 * address in a prefix must not change the order. @first: the first prefix */
static void add_prefix(struct policy *p, size_t first,
		       const struct netif_addr *net)
{
	struct netif_addr a = *net;
	size_t at = p->net_n;

	a.net.addr = addr_net_first(&net->net);
	a.secondary = 0;
	while (at > first && compare_prefixes(&p->net[at - 1], &a) > 0)
		at--;
	if (at > first && !compare_prefixes(&p->net[at - 1], &a))
		return;
	memmove(&p->net[at + 1], &p->net[at],
		(p->net_n - at) * sizeof(p->net[0]));
	p->net[at] = a;
	p->net_n++;
}

static void add_networks(struct policy *p, const struct ifstate *r)
{
	const size_t own_n = r->net_n - r->routed_n;
	size_t first;

	for (size_t i = 0; i < own_n; i++)
		if (r->net[i].net.addr.family == ADDR_IP4)
			p->net[p->net_n++] = r->net[i];
	first = p->net_n;
	for (size_t i = 0; i < own_n; i++)
		if (r->net[i].net.addr.family == ADDR_IP6 &&
		    !addr_is_link_local(r->net[i].net.addr))
			add_prefix(p, first, &r->net[i]);
	for (size_t i = own_n; i < r->net_n; i++)
		p->net[p->net_n++] = r->net[i];
}

void ifstate_policy(const struct ifstate *r, const struct conf *c,
		   struct policy *ret)
{
	*ret = (struct policy){
		.rule = c->rule, .rule_n = c->rule_n,
		.secure = c->secure_mode,
		.own_cut = r->own_cut,
		/* five system calls for each request and each mapping, so only
		 * if there are addresses that the list does not have */
		.is_local = r->own_cut ? route_is_local : NULL,
	};
	for (size_t i = 0; i < r->own_n; i++)
		ret->own[ret->own_n++] = r->own[i];
	add_networks(ret, r);
}
