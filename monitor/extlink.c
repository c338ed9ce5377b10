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

enum nat_err extlink_set(struct broker *g, bool up)
{
	const char *name = conf_external(g->conf)->name;
	const char *word = up ? "up" : "down";
	struct ifstate r;
	int err = 0;

	if (!g->conf->allow_disable_external)
		return NAT_EREFUSED;
	if (!up)
		err = ifstate_read(g->conf, &r);
	/* A link that is down has no routes any more, so keep the routes that
	 * were saved when it went down. */
	if (!up && !err && ifstate_external(&r)->up)
		err = route_save(ifstate_external(&r)->ifindex,
				 &g->routes);
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
	return NAT_OK;
}
