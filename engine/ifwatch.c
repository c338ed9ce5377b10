/* SPDX-License-Identifier: ISC */
/*
 * ifwatch.c - follow the interfaces: look at them, and bring what depends on
 * them into line.
 *
 * Owns: the netlink socket that tells of changes; what was seen last.
 * Never does: change an interface; decide what a network allows (ifstate.h).
 * Invariant: the monitor hears of no mapping that policy forbids in the
 * networks that were seen last.
 */
#include <string.h>
#include "base/limits.h"
#include "base/log.h"
#include "base/wr.h"
#include "sys/netif.h"
#include "engine/ifwatch.h"

/* Interfaces change in bursts; look once. */
#define SETTLE_MS	10
#define RETRY_MS	1000

static void look_external(struct ifwatch *f)
{
	const struct conf_iface *ext = conf_external(f->conf);
	const struct ifstate *r = &f->ifstate;
	struct igd_wan *wan = &f->igd->wan;
	struct map *map = f->igd->map;
	uint32_t ip = ifstate_usable_ip(r, f->conf);

	if (ip && ext->forced_ip)
		ip = ext->forced_ip;
	if (ip != map->ext_ip)
		wan->since_ms = loop_now_ms(f->loop);
	map->ext_ip = ip;
	wan->admin_up = r->ext_up;
	wan->link_up = r->ext_up && r->ext_running;
	wan->up_bps = wan->down_bps = netif_speed_bps(ext->name);
	if (f->conf->up_bps)
		wan->up_bps = f->conf->up_bps;
	if (f->conf->down_bps)
		wan->down_bps = f->conf->down_bps;
}

static void tell_external(const struct ifwatch *f)
{
	const char *name = conf_external(f->conf)->name;
	char ip[16];
	struct wr w = wr_init(ip, sizeof(ip));

	wr_ipv4(&w, f->igd->map->ext_ip);
	if (f->ifstate.ext_private)
		log_warn("%s has a private address: another NAT is in front, "
			 "ports opened here are not reached from outside%s",
			 name, f->conf->refuse_private ? "; none are opened" :
			 "");
	else if (f->igd->map->ext_ip)
		log_info("external address %s on %s", wr_cstr(&w), name);
	else
		log_info("no external address on %s", name);
}

/* Listen and be found on the first address of each internal interface. */
static int serve_interfaces(struct ifwatch *f)
{
	const struct netif_addr *net = f->ifstate.net;
	struct netif_addr at[CONF_IFACES_MAX];
	struct httpd *httpd = urlroutes_httpd(f->urlroutes);
	size_t n = 0;
	int err, err2;

	for (size_t i = 0; i < f->ifstate.net_n && n < CONF_IFACES_MAX; i++)
		if (i == 0 || net[i].ifindex != net[i - 1].ifindex)
			at[n++] = net[i];
	err = httpd_listen(httpd, at, n, (uint16_t)f->conf->http_port);
	err2 = ssdp_ifaces(f->ssdp, at, n, httpd_port(httpd));
	if (err)
		log_err("HTTP port %u: %s; trying again",
			(unsigned)f->conf->http_port, strerror(-err));
	if (err2)
		log_err("SSDP port 1900: %s; trying again", strerror(-err2));
	return err ? err : err2;
}

/* Take the interfaces as they are now, and follow what changed. */
static int look(struct ifwatch *f)
{
	uint32_t before = f->igd->map->ext_ip;
	struct ifstate r;
	bool changed;
	int err = ifstate_read(f->conf, &r);

	if (err) {
		log_err("interfaces can not be read: %s", strerror(-err));
		return err;
	}
	changed = memcmp(&r, &f->ifstate, sizeof(r)) != 0;
	f->ifstate = r;
	look_external(f);
	ifstate_policy(&r, f->conf, &f->igd->map->policy);
	if (changed || !f->looked) {
		/* The monitor would refuse what a new configuration or
		 * network forbids, and a mapping without a rule must not be
		 * listed. */
		map_drop_forbidden(f->igd->map,
				   !ifstate_complete(&r, f->conf));
		brokerclient_sync(f->brokerclient);
	}
	if (f->igd->map->ext_ip != before || !f->looked)
		tell_external(f);
	f->looked = true;
	urlroutes_mark_dirty(f->urlroutes);
	return serve_interfaces(f);
}

/* Look, and again in a while where not all could be had. */
void ifwatch_refresh(struct ifwatch *f)
{
	int err = look(f);

	if (err)
		loop_timer_set(f->loop, &f->settle, RETRY_MS);
	/* One network out of two is served: better than none. An interface
	 * that is not there yet is not waited for, either. */
	if (f->told || (err && !httpd_port(urlroutes_httpd(f->urlroutes))))
		return;
	f->told = true;
	brokerclient_serving(f->brokerclient);
}

static void on_settle(struct loop_timer *t)
{
	struct ifwatch *f = LOOP_OWNER(t, struct ifwatch, settle);

	f->settling = false;
	ifwatch_refresh(f);
}

static void on_netlink(struct loop_fd *w, short revents)
{
	struct ifwatch *f = LOOP_OWNER(w, struct ifwatch, netlink);

	if (!netif_drain(w->fd) || f->settling)
		return;
	f->settling = true;
	loop_timer_set(f->loop, &f->settle, SETTLE_MS);
}

int ifwatch_open(struct ifwatch *f)
{
	f->settle.cb = on_settle;
	loop_fd_init(&f->netlink, netif_open(), on_netlink);
	if (f->netlink.fd < 0)
		return f->netlink.fd;
	return loop_fd_add(f->loop, &f->netlink, POLLIN);
}
