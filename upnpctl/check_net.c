/* SPDX-License-Identifier: ISC */
/*
 * check_net.c - checks of the router's interfaces, addresses and routes.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "conf/ifstate.h"
#include "sys/route.h"
#include "upnpctl/chain.h"
#include "upnpctl/check.h"

/* A public address to look up a route for; nothing is sent to it. */
#define SOMEWHERE_IP	0xc6290004u	/* 198.41.0.4, a root name server */

/* The checks of IPv4 that find nothing to do. */
#define ONLY_IP6	"the internal networks have no IPv4"

static const struct netif_link *link_of(const struct check *c,
					const struct conf_iface *iface)
{
	return &c->net.link[iface - c->conf.iface];
}

/* ---- interfaces ----------------------------------------------------- */

/* An IPv6 address that is only link-local serves for discovery, but no port can
 * be opened to it. */
static bool is_served(const struct check *c, int ifindex)
{
	for (size_t i = 0; i < c->fw6.net_n; i++)
		if (c->fw6.net[i].ifindex == ifindex && !c->fw6.net[i].routed)
			return true;
	return netif_first_addr(&c->net, ifindex);
}

static void check_link(struct check *c, const struct conf_iface *f)
{
	const struct netif_link *l = link_of(c, f);
	bool ext = f->type == CONF_EXTERNAL;
	/* one that is not active is missed only when the active one fails */
	enum check_level level = ext && f != c->ext ? CHECK_WARNING :
						      CHECK_PROBLEM;

	if (!l->ifindex)
		check_report(c, level, "there is no interface %s: %s\n"
			  "See ip link for the names, and correct the section "
			  "[interface %s]", f->name,
			  !ext ? "no client is served there" :
			  f == c->ext ? "no port can be opened" :
			  "no port can be opened there", f->name);
	else if (!l->up)
		check_report(c, level, "%s is down: it passes no "
			     "packets\n"
			     "ip link set %s up", f->name, f->name);
	else if (!l->running)
		check_report(c, ext ? level : CHECK_WARNING,
			  "%s has no carrier: no cable, or the other end is "
			  "off\nCheck the cable, the modem or the access "
			  "point behind it", f->name);
	else if (!ext && !is_served(c, l->ifindex))
		check_report(c, CHECK_PROBLEM, "%s has no IPv4 address%s: no "
			     "client is served there\n"
			     "ip address add ADDRESS/LENGTH dev %s", f->name,
			     c->conf.ipv6 ? ", nor an IPv6 prefix" : "",
			     f->name);
}

void check_net_interfaces(struct check *c)
{
	size_t internal = 0;

	for (size_t i = 0; i < c->conf.iface_n; i++) {
		if (c->conf.iface[i].disabled)
			continue;
		internal += c->conf.iface[i].type == CONF_INTERNAL;
		check_link(c, &c->conf.iface[i]);
	}
	if (!internal)
		check_report(c, CHECK_PROBLEM,
			     "no internal interface is enabled: "
			     "no client is served\nupnpctl interfaces add "
			     "interface=NAME type=internal disabled=no");
	check_report_ok(c, "all enabled interfaces are up");
}

/* ---- the same network twice ----------------------------------------- */

static void check_overlap(struct check *c, const struct netif_addr *a,
			  const struct netif_addr *b)
{
	const struct conf_iface *f = check_report_iface(c, a->ifindex);
	const struct conf_iface *g = check_report_iface(c, b->ifindex);
	bool ext;

	if (!f || !g || f == g || !addr_net_overlap(&a->net, &b->net))
		return;
	ext = f->type == CONF_EXTERNAL || g->type == CONF_EXTERNAL;
	check_report(c, ext ? CHECK_PROBLEM : CHECK_WARNING,
		  "%s and %s are in the same network: answers to %s may leave "
		  "by the wrong one\nGive one of them another network", f->name,
		  g->name, ext ? "clients" : "some clients");
}

/* A network behind another router needs a route to that router. */
static void check_way(struct check *c, const struct netif_addr *a)
{
	struct addr host = addr_net_last(&a->net);
	char text[ADDR_NET_TEXT_MAX];
	struct wr w = wr_init(text, sizeof(text));
	int out = 0;

	if (a->net.bits < 31)
		host.byte[3] ^= 1;	/* not the broadcast address */
	if (!route_out(host, &out) && out == a->ifindex)
		return;
	addr_net_write(&w, &a->net);
	wr_cstr(&w);
	check_report(c, CHECK_WARNING, "the route to the network %s does not "
		     "use %s: its clients get no answer\n"
		     "ip route add %s via ROUTER dev %s", text, a->ifname, text,
		     a->ifname);
}

void check_net_networks(struct check *c)
{
	for (size_t i = 0; i < c->fw.net_n; i++)
		if (c->fw.net[i].routed)
			check_way(c, &c->fw.net[i]);
	for (size_t i = 0; i < c->net.addr_n; i++)
		for (size_t j = 0; j < i; j++)
			/* each link has the same link-local network */
			if (!addr_is_link_local(c->net.addr[i].net.addr))
				check_overlap(c, &c->net.addr[j], &c->net.addr[i]);
	check_report_ok(c, "every interface has a network of its own");
}

/* ---- the default route ---------------------------------------------- */

/* The route uses an external interface that is not the active one. */
static void check_other_external(struct check *c, const struct conf_iface *f)
{
	const struct netif_link *l = link_of(c, f);

	if (!l->up || !l->running)
		check_report(c, CHECK_PROBLEM, "the route to the Internet uses "
			     "%s, which has no carrier: answers through an "
			     "open port on %s do not leave\n"
			     "Remove that route when its link fails: sysctl -w "
			     "net.ipv4.conf.all.ignore_routes_with_linkdown=1",
			     f->name, c->ext->name);
	else if (c->conf.external_selection == CONF_SELECT_PRIORITY)
		check_report(c, CHECK_WARNING, "%s is active by priority, and "
			     "the route to the Internet uses %s: answers "
			     "through an open port may leave by the wrong one\n"
			     "upnpctl set external-selection=route, unless the "
			     "firewall marks connections so that answers "
			     "return by %s, as mwan3 does", c->ext->name,
			     f->name, c->ext->name);
	else
		check_report(c, CHECK_WARNING, "the route to the Internet uses "
			     "%s, and %s is still active\n"
			     "Run upnpctl check again in a minute; the log of "
			     "upnpd has the reason", f->name, c->ext->name);
}

static void check_other_route(struct check *c, int out)
{
	const struct netif_link *ext = link_of(c, c->ext);
	const struct conf_iface *f = check_report_iface(c, out);

	if (f && f->type == CONF_EXTERNAL)
		check_other_external(c, f);
	else if (f)
		check_report(c, CHECK_PROBLEM, "the route to the Internet "
			     "uses %s, which is configured as internal; the "
			     "external interface is %s\n"
			     "Swap the types of the two: upnpctl interfaces "
			     "set", f->name, c->ext->name);
	else if (route_has_default(ext->ifindex) == 1)
		check_report(c, CHECK_WARNING, "another route to the Internet "
			  "is preferred to the one through %s: "
			  "answers through an open port may take it\n"
			  "See ip route and ip rule", c->ext->name);
	else
		check_report(c, CHECK_PROBLEM, "the route to the Internet uses "
			     "an interface that is not configured, instead of "
			     "%s\n"
			     "See ip route; make the interface of the default "
			     "route the external one", c->ext->name);
}

void check_net_roles(struct check *c)
{
	const struct netif_link *ext = link_of(c, c->ext);
	int out, err;

	if (!ext->ifindex)
		return;		/* reported by check_net_interfaces() */
	if (check_report_only_ip6(c)) {
		check_report_ok(c, ONLY_IP6);
		return;
	}
	err = route_out(addr_ip4(SOMEWHERE_IP), &out);
	if (err)
		check_report(c, CHECK_PROBLEM, "there is no route to the "
			     "Internet (%s): peers outside get no answer\n"
			     "ip route add default via GATEWAY dev %s",
			     strerror(-err), c->ext->name);
	else if (out != ext->ifindex)
		check_other_route(c, out);
	check_report_ok(c, "the route to the Internet uses %s", c->ext->name);
}

/* ---- the external address ------------------------------------------- */

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static const struct check_kind kinds[] = {
	{ IP(100, 64, 0, 0), 10, CHECK_PROBLEM,
	  "shared by the provider's customers (CGNAT, RFC 6598)" },
	{ IP(192, 0, 0, 0), 29, CHECK_PROBLEM,
	  "of a DS-Lite tunnel (RFC 6333), shared" },
	{ IP(169, 254, 0, 0), 16, CHECK_PROBLEM,
	  "link-local: DHCP got no answer" },
	{ IP(10, 0, 0, 0), 8, CHECK_WARNING,
	  "private (RFC 1918)" },
	{ IP(172, 16, 0, 0), 12, CHECK_WARNING,
	  "private (RFC 1918)" },
	{ IP(192, 168, 0, 0), 16, CHECK_WARNING,
	  "private (RFC 1918)" },
};

const struct check_kind *check_net_kind_of(struct addr a)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct addr_net net = { addr_ip4(kinds[i].ip),
					      kinds[i].bits };

		if (addr_in(&net, a))
			return &kinds[i];
	}
	return NULL;
}

/* Does a NAT in front forward ports when the daemon asks it? */
static bool check_upstream(struct check *c, const struct check_kind *k,
			   struct addr a)
{
	const struct ctl_status *s = &c->status;
	char text[320], reach[160];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct wr r = wr_init_cut(reach, sizeof(reach));

	if (s->upstream_state != CTL_UPSTREAM_ANSWERS)
		return false;
	chain_put(s, &w);
	if (chain_reach(s, &r) == CHAIN_YES)
		check_report_ok(c, "%s is %s; the upstream is %s",
				addr_text(a).text, k->what, wr_cstr(&w));
	else
		check_report(c, CHECK_WARNING, "%s is %s, and the upstream is "
			     "%s. Are ports reachable from outside? %s\n"
			     "Look at that router, or ask the provider for a "
			     "public address", addr_text(a).text, k->what,
			     wr_cstr(&w), wr_cstr(&r));
	return true;
}

static void check_kind(struct check *c, struct addr a)
{
	const struct check_kind *k = check_net_kind_of(a);
	const struct addr_text text = addr_text(a);

	if (!k || check_upstream(c, k, a))
		return;
	if (c->conf.refuse_private && !addr_is_set(c->ext->forced_ip))
		check_report(c, CHECK_PROBLEM, "%s is %s, and "
			  "private-external-address = refuse: no port is "
			  "opened\nGet a public address, or set "
			  "private-external-address=warn or forced-ip",
			  text.text, k->what);
	else if (k->level == CHECK_PROBLEM)
		check_report(c, CHECK_PROBLEM, "%s is %s: it cannot be reached "
			     "from outside\n"
			     "Ask the provider for a public address", text.text,
			     k->what);
	else
		check_report(c, k->level, "%s is %s: this router is behind "
			  "another NAT, where the port is not open\nSet the "
			  "device before it to bridge mode, or have it forward "
			  "everything here and set forced-ip", text.text,
			  k->what);
}

void check_net_external(struct check *c)
{
	const struct netif_link *l = link_of(c, c->ext);
	struct addr a, route = { 0 };

	if (!l->ifindex)
		return;		/* reported by check_net_interfaces() */
	if (check_report_only_ip6(c)) {
		check_report_ok(c, ONLY_IP6);
		return;
	}
	route_source(l->ifindex, &route);
	a = ifstate_choose(c->net.addr, c->net.addr_n, l->ifindex,
			   c->ext->forced_ip, route);
	if (!addr_is_set(a) && check_report_prefixes(c)) {
		check_report(c, CHECK_WARNING, "%s has no IPv4 address: no "
			     "port can be opened for IPv4, only pinholes for "
			     "IPv6\n"
			     "Check that its DHCP client or PPP runs, if the "
			     "provider assigns IPv4 addresses", c->ext->name);
		return;
	}
	if (!addr_is_set(a)) {
		check_report(c, CHECK_PROBLEM, "%s has no IPv4 address to open "
			     "a port on\n"
			     "Check that its DHCP client or PPP runs",
			     c->ext->name);
		return;
	}
	if (addr_is_set(c->ext->forced_ip))
		a = c->ext->forced_ip;
	check_kind(c, a);
	check_report_ok(c, "the external address is %s%s", addr_text(a).text,
		   addr_is_set(c->ext->forced_ip) ? ", by forced-ip" : "");
}

/* ---- the kernel's settings ------------------------------------------ */

#define SYSCTL "/proc/sys/net/ipv4/"

void check_net_forwarding(struct check *c)
{
	int64_t all = check_report_number(SYSCTL "ip_forward");

	if (check_report_only_ip6(c)) {
		check_report_ok(c, ONLY_IP6);
		return;
	}
	if (all < 0) {
		check_report(c, CHECK_WARNING, "the kernel does not show "
			     "whether it forwards IPv4: " SYSCTL "ip_forward "
			     "cannot be read\n"
			     "Mount /proc");
		return;
	}
	if (all == 0) {
		check_report(c, CHECK_PROBLEM, "the kernel does not forward "
			     "IPv4: no packet passes from one side to the "
			     "other\n"
			     "sysctl -w net.ipv4.ip_forward=1, and the same "
			     "line in /etc/sysctl.conf");
		return;
	}
	for (size_t i = 0; i < c->conf.iface_n; i++) {
		const struct conf_iface *f = &c->conf.iface[i];

		if (!f->disabled &&
		    check_report_number(SYSCTL "conf/%s/forwarding", f->name) ==
			    0)
			check_report(c, CHECK_PROBLEM, "packets from %s are "
				  "not forwarded\n"
				  "sysctl -w net.ipv4.conf.%s.forwarding=1",
				  f->name, f->name);
	}
	check_report_ok(c, "the kernel forwards IPv4");
}

/* A bridge that snoops IGMP forwards multicast only to ports where a host has
 * joined the group. Without a querier the hosts are not asked to rejoin, and
 * the bridge forgets them. */
static bool lacks_querier(const char *name)
{
	static const char path[] = "/sys/class/net/%s/bridge/multicast_%s";

	return check_report_number(path, name, "snooping") == 1 &&
	       check_report_number(path, name, "querier") == 0;
}

static void check_multicast_of(struct check *c, const struct conf_iface *f)
{
	const struct netif_link *l = link_of(c, f);

	if (!l->ifindex || f->disabled || f->type != CONF_INTERNAL)
		return;
	if (!l->multicast)
		check_report(c, l->allmulti ? CHECK_WARNING : CHECK_PROBLEM,
			  "multicast is off on %s: programs there do not find "
			  "upnpd\nip link set %s multicast on", f->name,
			  f->name);
	else if (lacks_querier(f->name))
		check_report(c, CHECK_WARNING, "%s snoops IGMP but sends no "
			     "queries: after some minutes it may not forward "
			     "searches\n"
			     "ip link set %s type bridge mcast_querier 1, or "
			     "mcast_snooping 0", f->name, f->name);
}

void check_net_multicast(struct check *c)
{
	if (!c->conf.upnp)
		return;		/* NAT-PMP and PCP clients ask by unicast */
	for (size_t i = 0; i < c->conf.iface_n; i++)
		check_multicast_of(c, &c->conf.iface[i]);
	if (access("/sys/class/net", F_OK))
		check_report(c, CHECK_WARNING, "whether a bridge has an IGMP "
			     "querier cannot be read\n"
			     "Mount /sys");
	check_report_ok(c, "the internal interfaces accept multicast");
}
