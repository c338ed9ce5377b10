/* SPDX-License-Identifier: ISC */
/* ifstate.c - the configuration's interfaces as the kernel has them now. */
#include <string.h>
#include "conf/ifstate.h"

static size_t enabled_names(const struct conf *c, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < c->iface_n; i++)
		if (!c->iface[i].disabled)
			names[n++] = c->iface[i].name;
	return n;
}

static void take_external(struct ifstate *r, const struct conf_iface *ext,
			  const struct netif_table *t,
			  const struct netif_link *l)
{
	const struct netif_addr *a = netif_first_addr(t, l->ifindex);

	r->ext_ifindex = l->ifindex;
	r->ext_up = l->up;
	r->ext_running = l->running;
	r->ext_ip = a ? a->ip : 0;
	r->ext_private = a && !ext->forced_ip && policy_private(a->ip);
}

static void take_internal(struct ifstate *r, const struct netif_table *t,
			  const struct netif_link *l)
{
	for (size_t i = 0; i < t->addr_n && l->up; i++)
		if (t->addr[i].ifindex == l->ifindex &&
		    r->net_n < NETIF_ADDRS_MAX)
			r->net[r->net_n++] = t->addr[i];
}

int ifstate_read(const struct conf *c, struct ifstate *ret)
{
	const struct conf_iface *ext = conf_external(c);
	const char *names[CONF_IFACES_MAX];
	struct netif_table t;
	int err = netif_read(names, enabled_names(c, names), &t);

	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < t.addr_n; i++)
		ret->own_ip[ret->own_n++] = t.addr[i].ip;
	for (size_t i = 0; i < t.link_n; i++) {
		if (!t.link[i].ifindex)
			continue;
		if (strcmp(t.link[i].name, ext->name) == 0)
			take_external(ret, ext, &t, &t.link[i]);
		else
			take_internal(ret, &t, &t.link[i]);
	}
	return 0;
}

uint32_t ifstate_usable_ip(const struct ifstate *r, const struct conf *c)
{
	return r->ext_private && c->refuse_private ? 0 : r->ext_ip;
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
