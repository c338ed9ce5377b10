/* SPDX-License-Identifier: ISC */
/* viewer.c - the host that looks at the status page. Runs in: engine */
#include "engine/viewer.h"
#include "map/owner.h"

static bool look_up(const struct map *m, int ifindex, struct addr a,
		    struct addr *ret)
{
	return m->ops->host && m->ops->host(m->ops_arg, ifindex, a, ret) &&
	       ret->family == ADDR_LINK;
}

void viewer_init(struct viewer *v, const struct map *m, int ifindex,
		 struct addr a)
{
	*v = (struct viewer){ .addr = a, .ifindex = ifindex };
	if (!look_up(m, ifindex, a, &v->link))
		v->link = (struct addr){ 0 };
}

/* May it be a second address of the host, on the same link? */
static bool may_be(const struct viewer *v, const struct map *m, struct addr a)
{
	return (a.family == ADDR_IP6 || v->addr.family == ADDR_IP6) &&
	       v->link.family == ADDR_LINK &&
	       policy_on_link(&m->policy, v->ifindex, a) &&
	       !policy_is_router(&m->policy, a);
}

bool viewer_is(struct viewer *v, const struct map *m, struct addr a)
{
	struct addr link;

	if (addr_equal(a, v->addr))
		return true;
	if (!may_be(v, m, a))
		return false;
	/* most mappings of a host follow each other */
	if (!addr_equal(a, v->last)) {
		v->last = a;
		v->last_is = look_up(m, v->ifindex, a, &link) &&
			     addr_equal(link, v->link);
	}
	return v->last_is;
}

bool viewer_owns(struct viewer *v, const struct map *m,
		 const struct pm_entry *e)
{
	return viewer_is(v, m, e->rule.client) ||
	       (e->origin != ORIGIN_OPERATOR &&
		owner_is_asker(m, e, v->addr, v->link, v->ifindex));
}
