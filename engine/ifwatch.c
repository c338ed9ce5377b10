/* SPDX-License-Identifier: ISC */
/*
 * ifwatch.c - follow the interfaces: read their state, and adapt everything
 * that depends on it.
 *
 * Owns: the netlink socket that receives changes; the state read last.
 * Never does: change an interface; decide what a network allows (ifstate.h).
 * Invariant: the monitor gets no mapping that policy forbids in the networks
 * that were read last.
 *
 * Runs in: engine
 */
#include <string.h>
#include "base/limits.h"
#include "base/log.h"
#include "base/wr.h"
#include "igd/wanip.h"
#include "sys/netif.h"
#include "engine/ifwatch.h"

/* Interfaces change in bursts: read their state once for all. */
#define SETTLE_MS	10
#define RETRY_MS	1000
#define REPEATS_MAX	6	/* how often the wait is doubled */
#define SYNC_HOLD_MS	10000	/* for our port, or a network, to come back */
#define LEFT_NAMED	4	/* addresses that a log line names */

/* Do hosts of the LAN have addresses that the IPv6 Internet reaches? */
static bool has_global_ip6(const struct ifstate *r)
{
	for (size_t i = 0; i < r->net_n; i++)
		if (addr_kind(r->net[i].net.addr) == ADDR_KIND_GLOBAL)
			return true;
	return false;
}

/* The connection of the engine before this one is the same as long as its
 * address is. */
static uint64_t connected_since(struct ifwatch *f)
{
	struct engine_kept *k = f->kept;
	const uint64_t now_ms = loop_now_ms(f->loop);

	if (!wanip_connected(f->igd)) {
		k->ext_since_ms = 0;
		return now_ms;
	}
	if (!k->ext_since_ms || k->ext_since_ms > now_ms ||
	    !addr_equal(k->ext, f->igd->map->ext)) {
		k->ext = f->igd->map->ext;
		k->ext_since_ms = now_ms;
	}
	return k->ext_since_ms;
}

/* The external address that clients are told. A private one is not enough where
 * private-external-address = refuse, unless an upstream has a better one. */
static struct addr find_ext(struct ifwatch *f)
{
	const struct ifstate_ext *e = ifstate_external(&f->ifstate);
	struct addr ours = ifstate_reported(e, f->conf);

	f->igd->map->upstream_only = e->is_private && f->conf->refuse_private;
	if (f->uplink) {
		uplink_follow(f->uplink, e);
		if (uplink_answers(f->uplink))
			return uplink_ext(f->uplink, ours);
		/* Another address would begin PCP's epoch anew. */
		if (addr_is_set(ours) && uplink_searches(f->uplink))
			return addr_is_set(f->igd->map->ext) ?
			       f->igd->map->ext : f->kept->ext;
	}
	if (f->igd->map->upstream_only)
		return (struct addr){ .family = ADDR_NONE };
	return ours;
}

static void update_wan(struct ifwatch *f)
{
	const struct ifstate_ext *e = ifstate_external(&f->ifstate);
	struct igd_wan *wan = &f->igd->wan;
	struct map *map = f->igd->map;
	struct addr ext = find_ext(f);
	bool moved = !addr_equal(ext, map->ext);
	bool connected = wanip_connected(f->igd);

	map->ext = ext;
	if (moved)
		services_address(f->services);
	wan->ip6 = has_global_ip6(&f->ifstate);
	wan->admin_up = e->up;
	/* somebody else took it up again */
	if (e->up && !f->igd->link_busy)
		f->igd->internet_off = f->igd->link_off =
			f->kept->link_off = false;
	wan->link_up = e->up && e->running;
	if (moved || connected != wanip_connected(f->igd))
		wan->since_ms = connected_since(f);
	wan->up_bps = wan->down_bps = netif_speed_bps(e->name);
	if (f->conf->up_bps)
		wan->up_bps = f->conf->up_bps;
	if (f->conf->down_bps)
		wan->down_bps = f->conf->down_bps;
}

static void log_external(const struct ifwatch *f)
{
	const struct ifstate_ext *e = ifstate_external(&f->ifstate);
	const char *name = e->name;
	struct addr ext = f->igd->map->ext;

	if (f->uplink && uplink_searches(f->uplink))
		return;		/* the result will be logged */
	if (f->uplink && uplink_answers(f->uplink))
		log_info("external address %s, as the upstream of %s reports",
			 addr_text(ext).text, name);
	else if (e->is_private && f->igd->wan.link_up)
		log_warn("%s has a private address: another NAT is in front, "
			 "ports opened here are unreachable from outside%s",
			 name, f->conf->refuse_private ? "; none are opened" :
			 "");
	else if (!addr_is_set(ext))
		log_info("no external address on %s%s", name,
			 wanip_connected(f->igd) ? ": no port is mapped; hosts "
			 "with IPv6 can open ports of their own" : "");
	else if (!addr_equal(ext, e->addr))
		log_info("external address %s by forced-ip; %s has %s, where "
			 "ports are opened", addr_text(ext).text, name,
			 addr_text(e->addr).text);
	else
		log_info("external address %s on %s", addr_text(ext).text,
			 name);
}

/* Is @i the first address of its kind on its interface? */
static bool is_first(const struct netif_addr *net, size_t i)
{
	const enum addr_kind kind = addr_kind(net[i].net.addr);

	for (size_t k = i; k-- > 0 && net[k].ifindex == net[i].ifindex;)
		if (addr_kind(net[k].net.addr) == kind)
			return false;
	return true;
}

static size_t address_n(const struct ifwatch *f)
{
	return f->ifstate.net_n - f->ifstate.routed_n;
}

/* Choose the networks to serve: on each interface the first IPv4, global,
 * unique local and link-local address, then the other addresses while there is
 * room, then all networks behind other routers.
 */
static size_t choose_networks(const struct ifwatch *f,
			      struct netif_addr ret[NETWORKS_SERVED_MAX])
{
	const struct netif_addr *net = f->ifstate.net;
	size_t n = 0;

	for (int first = 1; first >= 0; first--)
		for (size_t i = 0; i < address_n(f) && n < IFSOCKS_MAX; i++)
			if (is_first(net, i) == first)
				ret[n++] = net[i];
	for (size_t i = address_n(f); i < f->ifstate.net_n; i++)
		ret[n++] = net[i];
	return n;
}

/* Serve the addresses of the internal interfaces. */
static int serve_interfaces(struct ifwatch *f)
{
	struct netif_addr at[NETWORKS_SERVED_MAX];
	size_t n = choose_networks(f, at);

	return services_serve(f->services, at, n);
}

/* These are left out: see choose_networks(). */
static void log_addresses_left(const struct ifwatch *f)
{
	const struct netif_addr *net = f->ifstate.net;
	char text[LEFT_NAMED * (ADDR_TEXT_MAX + IF_NAMESIZE + 8)];
	struct wr w = wr_init_cut(text, sizeof(text));
	size_t n = 0, left = 0;

	if (address_n(f) <= IFSOCKS_MAX)
		return;
	for (size_t i = 0; i < address_n(f); i++)
		n += is_first(net, i);
	for (size_t i = 0; i < address_n(f); i++) {
		if (is_first(net, i) || n++ < IFSOCKS_MAX ||
		    left++ >= LEFT_NAMED)
			continue;
		wr_fmt(&w, "%s%s on %s", left == 1 ? "" : ", ",
		       addr_text(net[i].net.addr).text, net[i].ifname);
	}
	log_warn("internal interfaces have %u addresses; only %u are served: "
		 "not %s%s", (unsigned)address_n(f), IFSOCKS_MAX, wr_cstr(&w),
		 left > LEFT_NAMED ? ", ..." : "");
}

static void apply_policy(struct ifwatch *f)
{
	struct map_applied did =
		map_apply_policy(f->igd->map, loop_now_ms(f->loop));

	if (did.suspended)
		log_info("%u mappings suspended: their clients are in no "
			 "internal network now", (unsigned)did.suspended);
	if (did.resumed)
		log_info("%u suspended mappings resumed: their network is "
			 "back", (unsigned)did.resumed);
}

static bool is_up(const struct ifwatch *f)
{
	const struct services_at at = services_at(f->services);

	return services_up(f->services, &at);
}

/* Does another process have our port, or is there no internal network? If it
 * stays so, the table is sent all the same, so that leases end. If no protocol
 * is on, there is nothing to wait for. */
static bool may_sync(const struct ifwatch *f)
{
	return f->synced || is_up(f) || !conf_serves(f->conf) ||
	       loop_now_ms(f->loop) >= f->opened_ms + SYNC_HOLD_MS;
}

static void sync_if_due(struct ifwatch *f)
{
	if (!f->sync_due || !may_sync(f))
		return;
	f->sync_due = false;
	f->synced = true;
	brokerclient_sync(f->brokerclient,
			  ifstate_external(&f->ifstate)->ifindex);
}

/* A link that a control point has taken down stays the active one, or the next
 * one would connect the LAN again. */
static void choose_external(struct ifwatch *f, struct ifstate *r)
{
	const uint64_t now_ms = loop_now_ms(f->loop);
	const bool stay = f->igd->link_busy || f->igd->link_off;
	const uint64_t due_ms = extchoice_make(&f->choice, r,
					       f->conf->external_selection,
					       stay, now_ms);

	memcpy(f->kept->active, f->choice.name, sizeof(f->kept->active));
	if (due_ms == UINT64_MAX)
		loop_timer_del(f->loop, &f->choose);
	else
		loop_timer_set(f->loop, &f->choose,
			       due_ms > now_ms ? due_ms - now_ms : 0);
}

/* Read the state, and adapt to what changed. */
static int read_state(struct ifwatch *f)
{
	struct addr before = f->igd->map->ext;
	struct ifstate r;
	bool changed;
	int err = ifstate_read(f->conf, &r);

	if (err) {
		log_err("interfaces cannot be read: %s", strerror(-err));
		return err;
	}
	choose_external(f, &r);
	changed = !f->was_read || memcmp(&r, &f->ifstate, sizeof(r)) != 0;
	if (changed)
		f->repeats = 0;
	changed |= f->repeat;
	f->repeat = false;
	f->ifstate = r;
	update_wan(f);
	ifstate_policy(&r, f->conf, &f->igd->map->policy);
	if (changed) {
		/* The monitor would refuse mappings that the new networks or
		 * configuration forbid, and clients must not see a mapping
		 * without a rule. */
		apply_policy(f);
		f->sync_due = true;
		log_addresses_left(f);
	}
	if (!addr_equal(f->igd->map->ext, before) || !f->was_read)
		log_external(f);
	f->was_read = true;
	services_mark_dirty(f->services);
	if (changed || f->serve_due)
		err = serve_interfaces(f);
	f->serve_due = err != 0;
	sync_if_due(f);
	return err;
}

static void log_serving(const struct ifwatch *f, bool up)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (up) {
		services_put(&f->at, &w);
		log_info("serving on %s, %u mappings", wr_cstr(&w),
			 (unsigned)portmap_count(f->igd->map->pm));
	} else if (conf_serves(f->conf)) {
		log_info("nobody is served: no internal interface has an "
			 "address");
	} else {
		log_info("nobody is served: upnp, nat-pmp and pcp are no");
	}
}

/* Report that we are ready even if only some networks are served, or if there
 * is none yet. */
static void report(struct ifwatch *f, int err)
{
	const struct services_at at = services_at(f->services);
	bool up = services_up(f->services, &at);

	if (f->reported ? services_at_equal(&at, &f->at) : !up && err)
		return;
	f->reported = true;
	f->at = at;
	if (up || !err)
		log_serving(f, up);
	brokerclient_serving(f->brokerclient, up);
}

static void refresh(struct ifwatch *f)
{
	int err = read_state(f);

	if (err)
		loop_timer_set(f->loop, &f->settle, RETRY_MS);
	else if (f->sync_due && !f->settling)	/* see may_sync() */
		loop_timer_set(f->loop, &f->settle, f->opened_ms +
			       SYNC_HOLD_MS - loop_now_ms(f->loop));
	report(f, err);
}

void ifwatch_refresh(struct ifwatch *f)
{
	f->serve_due = true;
	refresh(f);
}

void ifwatch_synced(struct ifwatch *f, bool complete)
{
	if (complete) {
		f->repeats = 0;
		return;
	}
	f->repeat = true;
	if (!f->settling)
		loop_timer_set(f->loop, &f->settle, RETRY_MS << f->repeats);
	if (f->repeats < REPEATS_MAX)
		f->repeats++;
}

static void on_settle(struct loop_timer *t)
{
	struct ifwatch *f = LOOP_OWNER(t, struct ifwatch, settle);

	f->settling = false;
	refresh(f);
}

static void on_choose(struct loop_timer *t)
{
	refresh(LOOP_OWNER(t, struct ifwatch, choose));
}

static void on_netlink(struct loop_fd *w, short revents)
{
	struct ifwatch *f = LOOP_OWNER(w, struct ifwatch, netlink);

	if (!netif_drain(w->fd) || f->settling)
		return;
	f->settling = true;
	loop_timer_set(f->loop, &f->settle, SETTLE_MS);
}

/* Clients are told the address while the upstream is searched for. A link that a
 * control point has taken down stays the active one. */
static void adopt_kept(struct ifwatch *f)
{
	struct engine_kept *k = f->kept;

	if (k->ext.family != ADDR_IP4 || !addr_is_host(k->ext))
		k->ext = (struct addr){ .family = ADDR_NONE };
	k->active[sizeof(k->active) - 1] = '\0';
	memcpy(f->choice.name, k->active, sizeof(f->choice.name));
	f->igd->link_off = k->link_off;
}

int ifwatch_open(struct ifwatch *f)
{
	adopt_kept(f);
	f->settle.cb = on_settle;
	f->choose.cb = on_choose;
	f->opened_ms = loop_now_ms(f->loop);
	loop_fd_init(&f->netlink, netif_open(), on_netlink);
	if (f->netlink.fd < 0)
		return f->netlink.fd;
	return loop_fd_add(f->loop, &f->netlink, POLLIN);
}
