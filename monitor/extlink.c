/* SPDX-License-Identifier: ISC */
/* extlink.c - takes the external link up and down. Runs in: monitor */
#include <string.h>
#include "base/log.h"
#include "conf/ifstate.h"
#include "monitor/enginelog.h"
#include "monitor/extlink.h"
#include "sys/netif.h"

static bool may_log(struct broker *g)
{
	return enginelog_may(&g->rate, g->now_ms);
}

/* The link that was taken down is taken up again, although another one may be
 * the active one since. */
static const struct ifstate_ext *link_to_set(const struct broker *g,
					  const struct ifstate *r, bool up)
{
	for (size_t i = 0; i < r->ext_n; i++)
		if (up && !strcmp(r->ext[i].name, g->down))
			return &r->ext[i];
	return ifstate_external(r);
}

/* Save the routes before the link goes down. One that is down has none any
 * more: keep those that were saved when it went down. */
static int save(struct broker *g, const struct ifstate_ext *ext, bool up)
{
	int err;

	if (up || !ext->up)
		return 0;
	err = route_save(ext->ifindex, &g->routes);
	if (!err)
		memcpy(g->down, ext->name, sizeof(g->down));
	return err;
}

enum nat_err extlink_set(struct broker *g, bool up)
{
	const char *word = up ? "up" : "down";
	const struct ifstate_ext *ext;
	const char *name;
	struct ifstate r;
	int err;

	if (!g->conf->allow_disable_external)
		return NAT_EREFUSED;
	err = ifstate_read(g->conf, &r);
	if (err) {
		if (may_log(g))
			log_err("cannot read the interfaces: %s",
				strerror(-err));
		return NAT_EFAIL;
	}
	ifstate_activate(&r, g->conf, g->ext_index);
	ext = link_to_set(g, &r, up);
	name = ext->name;
	err = save(g, ext, up);
	if (!err)
		err = netif_set_up(name, up);
	if (err) {
		if (may_log(g))
			log_err("%s cannot be taken %s: %s", name, word,
				strerror(-err));
		return NAT_EFAIL;
	}
	if (may_log(g))
		log_warn("%s taken %s for a control point", name, word);
	if (!up)
		return NAT_OK;
	err = route_restore(&g->routes);
	if (err && may_log(g))
		log_warn("cannot restore some routes over %s: %s", name,
			 strerror(-err));
	memset(&g->routes, 0, sizeof(g->routes));
	memset(g->down, 0, sizeof(g->down));
	return NAT_OK;
}
