/* SPDX-License-Identifier: ISC */
/*
 * check_ipv6.c - check that pinholes are possible: an internal prefix that the
 * Internet can reach, the kernel's settings, the route.
 *
 * Source: linux Documentation/networking/ip-sysctl.rst (accept_ra, forwarding,
 * force_forwarding), linux/ipv6_route.h.
 * Runs in: upnpctl
 */
#include <fcntl.h>
#include <string.h>
#include <linux/ipv6_route.h>
#include "base/str.h"
#include "sys/fileio.h"
#include "sys/route.h"
#include "upnpctl/check.h"
#include "upnpctl/cmd.h"

#define SETTING		"/proc/sys/net/ipv6/conf/"

/* Return: -1: the interface has no such setting, or it cannot be read */
static int64_t setting(const char *ifname, const char *name)
{
	return check_report_number(SETTING "%s/%s", ifname, name);
}

/* ---- router advertisements -------------------------------------------- */

/* Does the kernel take a default route from router advertisements that arrive
 * on the interface? A router does so only with accept_ra = 2. */
static bool accepts_ra(const char *ifname)
{
	int64_t ra = setting(ifname, "accept_ra");

	return (setting(ifname, "forwarding") == 0 ? ra >= 1 : ra >= 2) &&
	       setting(ifname, "accept_ra_defrtr") != 0 &&
	       setting(ifname, "disable_ipv6") == 0;
}

/* With accept_ra = 1, turning forwarding on deletes the default route, and no
 * advertisement brings it back. */
static bool ignores_ra(const char *ifname)
{
	return setting(ifname, "accept_ra") == 1 &&
	       setting(ifname, "forwarding") > 0;
}

static void check_inner_ra(struct check *c)
{
	for (size_t i = 0; i < c->conf.iface_n; i++) {
		const struct conf_iface *f = &c->conf.iface[i];

		if (f->disabled || f->type != CONF_INTERNAL ||
		    !accepts_ra(f->name) || !setting("all", "forwarding"))
			continue;
		check_report(c, CHECK_WARNING, "every host on %s can become "
			     "the router's way to the Internet: the kernel "
			     "accepts router advertisements there\n"
			     "sysctl -w net/ipv6/conf/%s/accept_ra=0", f->name,
			     f->name);
	}
}

/* The number in hexadecimal, as the kernel writes it. */
static unsigned long hex_of(struct str s)
{
	unsigned long v = 0;

	for (size_t i = 0; i < s.n && str_hex(s.p[i]) >= 0; i++)
		v = v << 4 | (unsigned long)str_hex(s.p[i]);
	return v;
}

/* Is this line a default route over the interface that the kernel learnt from
 * a router advertisement? */
static bool is_ra_default(struct str line, const char *ifname)
{
	enum { TO, BITS, FROM, FROM_BITS, VIA, METRIC, REFS, USES, FLAGS,
	       IFNAME, FIELDS };
	const unsigned long flags = RTF_DEFAULT | RTF_ADDRCONF;
	struct str field[FIELDS];

	for (size_t i = 0; i < FIELDS; i++)
		if (!str_word(&line, &field[i]))
			return false;
	return hex_of(field[BITS]) == 0 &&
	       (hex_of(field[FLAGS]) & flags) == flags &&
	       str_eq(field[IFNAME], str_z(ifname));
}

static bool has_ra_default(const char *ifname)
{
	static char (*buf)[65536];	/* a router has a dozen of 150 bytes */
	struct str rest, line;

	CMD_LARGE(buf);
	fileio_read(AT_FDCWD, "/proc/net/ipv6_route", 0, *buf, sizeof(*buf),
		    &rest);
	while (str_cut(&rest, '\n', &line))
		if (is_ra_default(line, ifname))
			return true;
	return false;
}

/* ---- the route to the Internet ---------------------------------------- */

/* Look up the route to a root name server, 2001:503:ba3e::2:30; nothing is sent
 * to it. Return: as route_out() */
static int internet_out(int *ret_ifindex)
{
	static const uint8_t somewhere[16] = {
		0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 2, [15] = 0x30,
	};

	return route_out(addr_ip6(somewhere), ret_ifindex);
}

static void report_no_route(struct check *c, int err)
{
	const char *name = c->ext->name;

	if (ignores_ra(name))
		check_report(c, CHECK_PROBLEM, "there is no IPv6 route to the "
			     "Internet (%s): the kernel ignores router "
			     "advertisements on %s, because accept_ra = 1 and "
			     "it forwards\n"
			     "sysctl -w net/ipv6/conf/%s/accept_ra=2, and the "
			     "same line in /etc/sysctl.conf", strerror(-err),
			     name, name);
	else
		check_report(c, CHECK_PROBLEM, "there is no IPv6 route to the "
			     "Internet (%s): answers through a pinhole do not "
			     "leave\n"
			     "Check that the DHCPv6 client, PPP or tunnel of "
			     "the provider's IPv6 runs", strerror(-err));
}

static void report_other_route(struct check *c, int out)
{
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned)out, name))
		check_report(c, CHECK_PROBLEM, "the IPv6 route to the Internet "
			     "uses %s, which is not configured: no pinhole lets "
			     "packets from there in\n"
			     "upnpctl interfaces add interface=%s "
			     "type=external disabled=no", name, name);
}

static void check_route(struct check *c)
{
	const char *name = c->fw6.ext_if;
	const struct conf_iface *f;
	int out, err = internet_out(&out);

	if (err) {
		report_no_route(c, err);
		return;
	}
	f = check_report_iface(c, out);
	if (!f)
		report_other_route(c, out);
	else if (f->type == CONF_INTERNAL)
		check_report(c, CHECK_PROBLEM, "the IPv6 route to the Internet "
			     "uses %s, which is configured as internal: no "
			     "pinhole lets packets from there in\n"
			     "See ip -6 route; make the interface of the "
			     "default route the external one", f->name);
	else if (ignores_ra(name) && has_ra_default(name))
		check_report(c, CHECK_WARNING, "the IPv6 route to the Internet "
			     "will expire: it is of a router advertisement, "
			     "and the kernel ignores the next ones on %s, "
			     "because accept_ra = 1 and it forwards\n"
			     "sysctl -w net/ipv6/conf/%s/accept_ra=2, and the "
			     "same line in /etc/sysctl.conf", name, name);
}

/* ---- forwarding ------------------------------------------------------- */

/* Linux 6.17 can forward what arrives on single interfaces. */
static bool forces_forwarding(const struct check *c)
{
	for (size_t i = 0; i < c->conf.iface_n; i++)
		if (!c->conf.iface[i].disabled &&
		    setting(c->conf.iface[i].name, "force_forwarding") != 1)
			return false;
	return true;
}

static void check_forwarding(struct check *c)
{
	int64_t all = setting("all", "forwarding");
	const char *name = c->ext ? c->ext->name : "";

	if (all < 0)
		check_report(c, CHECK_WARNING, "the kernel does not show "
			     "whether it forwards IPv6: " SETTING
			     "all/forwarding cannot be read\n"
			     "Mount /proc");
	if (all || forces_forwarding(c))
		return;
	/* otherwise turning it on deletes the default route */
	if (*name && setting(name, "accept_ra") == 1)
		check_report(c, CHECK_PROBLEM, "the kernel does not forward "
			     "IPv6: no packet passes a pinhole\n"
			     "sysctl -w net/ipv6/conf/%s/accept_ra=2 "
			     "net.ipv6.conf.all.forwarding=1, and the same "
			     "lines in /etc/sysctl.conf", name);
	else
		check_report(c, CHECK_PROBLEM, "the kernel does not forward "
			     "IPv6: no packet passes a pinhole\n"
			     "sysctl -w net.ipv6.conf.all.forwarding=1, and "
			     "the same line in /etc/sysctl.conf");
}

/* ---- the prefixes ------------------------------------------------------ */

static void check_no_prefix(struct check *c)
{
	const char *what = c->fw6.net_n ? "only unique local IPv6 addresses" :
					  "no IPv6 address";
	int out;

	if (!c->ext || internet_out(&out) ||
	    out != c->net.link[c->ext - c->conf.iface].ifindex)
		check_report_ok(c, "no internal interface has a global IPv6 "
				"address, nor is there an IPv6 route to the "
				"Internet: there is nothing to open");
	else
		check_report(c, CHECK_WARNING, "the internal interfaces have "
			     "%s, although %s has an IPv6 route to the "
			     "Internet: no pinhole is possible\n"
			     "Have the DHCPv6 client of %s request a prefix "
			     "(IA_PD) and assign it to the internal interfaces",
			     what, c->ext->name, c->ext->name);
}

void check_ipv6(struct check *c)
{
	if (!c->conf.ipv6) {
		check_report_ok(c, "ipv6 = no: upnpd serves no client over "
				"IPv6, and opens no pinhole");
		return;
	}
	check_inner_ra(c);
	if (!check_report_prefixes(c)) {
		check_no_prefix(c);
		return;
	}
	check_forwarding(c);
	if (c->ext)
		check_route(c);
	check_report_ok(c, "the kernel forwards IPv6, and the internal "
			"networks have addresses that the Internet can reach");
}
