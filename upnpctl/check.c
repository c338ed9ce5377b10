/* SPDX-License-Identifier: ISC */
/*
 * check.c - "upnpctl check": why would a port not open here?
 *
 * Owns: the order of the checks, the output, the exit status.
 * Never does: change anything.
 * Runs in: upnpctl
 */
#include <string.h>
#include "conf/ifstate.h"
#include "sys/route.h"
#include "upnpctl/check.h"
#include "upnpctl/cmd.h"
#include "upnpctl/json.h"
#include "upnpctl/out.h"

/* The state that a check needs. Without it the check is skipped; an earlier
 * check has reported that it is missing. */
enum {
	NEEDS_CONF = 1, NEEDS_NET = 2, NEEDS_EXT = 4,
	NEEDS_FLOW = 8,		/* an internal network of IPv4 */
	NEEDS_PREFIX = 16,	/* an internal prefix of IPv6 that can be
				 * reached from the Internet */
	NEEDS_ANY = 32,		/* an internal network of either family */
};

static const struct {
	const char *name;
	uint8_t needs;
	void (*run)(struct check *);
} checks[] = {
	{ "configuration", 0, check_conf_file },
	{ "daemon", 0, check_daemon },
	{ "access", NEEDS_CONF, check_conf_access },
	{ "dangers", NEEDS_CONF, check_conf_dangers },
	{ "clock", 0, check_conf_clock },
	{ "state-dir", NEEDS_CONF, check_conf_state_dir },
	{ "interfaces", NEEDS_CONF | NEEDS_NET, check_net_interfaces },
	{ "selection", NEEDS_NET | NEEDS_EXT, check_externals },
	{ "networks", NEEDS_CONF | NEEDS_NET, check_net_networks },
	{ "default-route", NEEDS_NET | NEEDS_EXT, check_net_roles },
	{ "external-address", NEEDS_NET | NEEDS_EXT, check_net_external },
	{ "forwarding", 0, check_net_forwarding },
	{ "ipv6", NEEDS_CONF | NEEDS_NET, check_ipv6 },
	{ "multicast", NEEDS_CONF | NEEDS_NET, check_net_multicast },
	{ "mappings", NEEDS_CONF, check_mappings },
	{ "ports", NEEDS_CONF | NEEDS_NET, check_ports },
	{ "backend", NEEDS_CONF, check_firewall_backend },
	{ "conntrack", 0, check_firewall_kernel },
	{ "firewalls", 0, check_firewall_others },
	{ "masquerade", NEEDS_FLOW | NEEDS_EXT, check_firewall_masquerade },
	{ "forward", NEEDS_FLOW | NEEDS_EXT, check_forward },
	{ "mapped-ports", NEEDS_ANY | NEEDS_EXT, check_taken },
	{ "pinholes", NEEDS_PREFIX | NEEDS_EXT, check_forward_pinholes },
	{ "input", NEEDS_ANY, check_input },
	{ "gateways", NEEDS_CONF | NEEDS_NET, check_lan_gateways },
};

/* ---- running the checks --------------------------------------------- */

/* The environment for networks of that family. NULL: it is not served */
static struct natfw_env *env_of(struct check *c, uint8_t family)
{
	if (family == ADDR_IP4)
		return &c->fw;
	return c->conf.ipv6 ? &c->fw6 : NULL;
}

static void add_net(struct natfw_env *fw, const struct netif_addr *a)
{
	if (fw && fw->net_n < NATFW_NETS_MAX)
		fw->net[fw->net_n++] = *a;
}

/* Interfaces that are down serve no client. */
static void add_routed(struct check *c, const struct conf_iface *i,
		       const struct netif_link *l)
{
	for (size_t k = 0; k < i->network.n && !i->disabled && l->up; k++) {
		struct netif_addr a = { .ifindex = l->ifindex,
					.net = i->network.at[k], .routed = 1 };

		memcpy(a.ifname, l->name, sizeof(a.ifname));
		add_net(env_of(c, a.net.addr.family), &a);
	}
}

static void fill_external(struct check *c)
{
	const struct netif_link *l = &c->net.link[c->ext - c->conf.iface];
	struct addr route = { 0 };

	memcpy(c->fw.ext_if, c->ext->name, sizeof(c->fw.ext_if));
	if (!l->ifindex)
		return;
	c->fw.ext_index = (uint32_t)l->ifindex;
	route_source(l->ifindex, &route);
	c->fw.ext = ifstate_choose(c->net.addr, c->net.addr_n, l->ifindex,
				   c->ext->forced_ip, route);
}

/* As ifstate_external6(): pinholes may use another interface. */
static void fill_external6(struct check *c)
{
	const int out = route_internet(ADDR_IP6);
	const struct conf_iface *f = out ? check_report_iface(c, out) : NULL;

	memcpy(c->fw6.ext_if, c->fw.ext_if, sizeof(c->fw6.ext_if));
	c->fw6.ext_index = c->fw.ext_index;
	if (!f || f->type != CONF_EXTERNAL)
		return;
	memcpy(c->fw6.ext_if, f->name, sizeof(c->fw6.ext_if));
	c->fw6.ext_index = (uint32_t)out;
}

/* Fill in the environment of the rules, as the monitor does. */
static void fill_env(struct check *c)
{
	struct natfw_env *fw = &c->fw;

	if (c->ext)
		fill_external(c);
	fill_external6(c);
	c->fw6.ipv6 = c->conf.ipv6;
	fw->hairpin = c->conf.hairpin;
	fw->masquerade = c->conf.masquerade;
	str_copy(fw->nft_table, sizeof(fw->nft_table),
		 str_z(c->conf.nft_table));
	str_copy(fw->nft_chain, sizeof(fw->nft_chain),
		 str_z(c->conf.nft_chain));
	memcpy(c->fw6.nft_table, fw->nft_table, sizeof(fw->nft_table));
	memcpy(c->fw6.nft_chain, fw->nft_chain, sizeof(fw->nft_chain));
	for (size_t i = 0; i < c->net.addr_n; i++) {
		const struct netif_addr *a = &c->net.addr[i];
		const struct conf_iface *iface =
			check_report_iface(c, a->ifindex);

		if (iface && iface->type == CONF_INTERNAL &&
		    !addr_is_link_local(a->net.addr) &&
		    c->net.link[iface - c->conf.iface].up)
			add_net(env_of(c, a->net.addr.family), a);
	}
	for (size_t i = 0; i < c->conf.iface_n; i++)
		add_routed(c, &c->conf.iface[i], &c->net.link[i]);
}

/* Find the active external interface. */
static const struct conf_iface *find_external(struct check *c)
{
	const char *name;

	if (externals_read(c->env, &c->conf, &c->externals))
		return NULL;
	name = ifstate_external(&c->externals.state)->name;
	for (size_t i = 0; i < c->conf.iface_n; i++)
		if (!strcmp(c->conf.iface[i].name, name))
			return &c->conf.iface[i];
	return NULL;
}

/* Read the network state that the other checks need. */
static void read_network(struct check *c)
{
	const char *names[CONF_IFACES_MAX];
	int err;

	for (size_t i = 0; i < c->conf.iface_n; i++)
		names[i] = c->conf.iface[i].name;
	c->ext = find_external(c);
	err = netif_read(names, c->conf.iface_n, &c->net);
	c->have_net = !err;
	if (err) {
		c->name = "interfaces";
		check_report(c, CHECK_WARNING, "the interfaces cannot be read: "
			     "%s; the checks that need them are skipped\n"
			     "Run upnpctl check again", strerror(-err));
		return;
	}
	fill_env(c);
	check_lan_search(c);
}

static void run_checks(struct check *c)
{
	unsigned have = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		c->name = checks[i].name;
		c->reported = 0;
		if ((checks[i].needs & have) != checks[i].needs)
			continue;
		out_flush();	/* the next check may take seconds */
		checks[i].run(c);
		if (i > 0)
			continue;
		read_network(c);
		have = (c->have_conf ? NEEDS_CONF : 0) |
		       (c->have_net ? NEEDS_NET : 0) |
		       (c->ext ? NEEDS_EXT : 0) |
		       (c->fw.net_n ? NEEDS_FLOW : 0) |
		       (check_report_prefixes(c) ? NEEDS_PREFIX : 0) |
		       (c->fw.net_n + c->fw6.net_n ? NEEDS_ANY : 0);
	}
}

int check_run(struct cmd *cmd)
{
	static struct check *c;

	if (cmd->n)
		return cmd_fail(CMD_USAGE, "check takes no argument, not "
				"\"%.*s\"", STR_F(cmd->arg[0]));
	CMD_LARGE(c);
	c->env = cmd->env;
	if (c->env->json)
		json_array(NULL);
	run_checks(c);
	if (c->env->json)
		json_end();
	else
		check_report_counts(c);
	mappings_free(&c->all);
	ruleset_free(c->rules);
	return (int)c->worst;
}
