/* SPDX-License-Identifier: ISC */
/*
 * check_ports.c - check that the ports that upnpd serves are free or in use by
 * upnpd.
 *
 * Another socket on the port may be harmless (SO_REUSEADDR). So the check tries
 * upnpd's own bind (ports_try_bind()); it accepts no connection.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "base/portnumbers.h"
#include "base/wr.h"
#include "sys/comm.h"
#include "sys/jail.h"
#include "sys/ports.h"
#include "upnpctl/check.h"

#define SSDP_GROUP_IP	0xeffffffau	/* 239.255.255.250 */
#define HOLDERS_MAX	16		/* of one port */

/* ---- the owner of a socket ------------------------------------------ */

/* "PID (NAME) STATE PARENT ...", proc(5); NAME may contain any byte. */
static uint32_t parent_of(uint32_t pid)
{
	char buf[256];
	struct str s, word;
	uint32_t ret = 0;
	size_t at;

	if (!check_report_read(buf, sizeof(buf), &s, "/proc/%u/stat",
			       (unsigned)pid))
		return 0;
	for (at = s.n; at > 0 && s.p[at - 1] != ')'; at--)
		;
	s = str_skip(s, at);
	str_word(&s, &word);	/* STATE */
	if (str_word(&s, &word))
		str_u32(word, 0, INT32_MAX, &ret);
	return ret;
}

/* An ordinary user cannot find the process, only the owner of the socket. */
static bool is_ours(const struct check *c, const struct ports_holder *h,
		    uint32_t pid)
{
	uint32_t daemon = (uint32_t)c->daemon;
	uid_t uid;
	gid_t gid;

	if (!daemon)
		return false;
	if (!pid)
		return jail_user(c->conf.user, &uid, &gid) >= 0 &&
		       uid == h->uid;
	/* The monitor's child is the fork server, whose child is the engine. */
	for (int up = 0; up < 2 && pid && pid != daemon; up++)
		pid = parent_of(pid);
	return pid == daemon;
}

/* ---- a port --------------------------------------------------------- */

struct port {
	uint8_t protocol;
	uint16_t number;
	struct addr at;
	const char *ifname;	/* the server binds to it; or NULL */
	const char *what;
	const char *else_do;	/* beside stopping the program */
	bool bound;		/* @ifname is that of the address */
};

static void report_taken(struct check *c, const struct port *p, uint32_t pid,
			 int err)
{
	bool tcp = p->protocol == IPPROTO_TCP;
	char text[96];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (err == -EADDRINUSE)
		check_report_process(&w, pid);
	else
		wr_fmt(&w, "no program, but: %s", strerror(-err));
	wr_fmt(&w, ", at ");
	addr_write(&w, p->at);
	wr_cstr(&w);
	check_report(c, CHECK_PROBLEM, "%s port %u is taken by %s: %s cannot "
		  "be served there\nStop that program, or %s",
		  tcp ? "TCP" : "UDP", p->number, text, p->what, p->else_do);
}

/* Return: true if a finding was reported */
static bool check_port(struct check *c, const struct port *p)
{
	struct ports_holder h[HOLDERS_MAX];
	int n = ports_holders(p->protocol, p->at, p->number, h, HOLDERS_MAX);
	uint32_t pid, other = 0;
	int err;

	for (int i = 0; i < n; i++) {
		pid = comm_of_socket(h[i].inode);
		if (is_ours(c, &h[i], pid))
			return false;
		other = other ? other : pid;
	}
	err = ports_try_bind(p->protocol, p->at, p->number, p->ifname);
	if (err)
		report_taken(c, p, other, err);
	return err;
}

size_t check_ports_put(const struct check *c, const char *any, struct wr *w)
{
	const bool upnp = c->conf.upnp;
	char http[32];
	struct wr h = wr_init(http, sizeof(http));
	const char *part[3];
	size_t n = 0;

	wr_fmt(&h, "TCP port %u", c->http_port);
	if (upnp)
		part[n++] = "UDP port 1900";
	if (upnp && (c->http_port || any))
		part[n++] = c->http_port ? wr_cstr(&h) : any;
	if (c->conf.nat_pmp || c->conf.pcp)
		part[n++] = "UDP port 5351";
	for (size_t i = 0; i < n; i++)
		wr_fmt(w, "%s%s", !i ? "" : i + 1 < n ? ", " : " and ",
		       part[i]);
	return n;
}

static void report_ok(struct check *c)
{
	char ports[80];
	struct wr w = wr_init_cut(ports, sizeof(ports));
	size_t n = check_ports_put(c, NULL, &w);

	if (!n)
		check_report_ok(c, "all protocols are off, so no port is "
				"needed");
	check_report_ok(c, "%s %s free or upnpd's%s", wr_cstr(&w),
			n > 1 ? "are" : "is", c->conf.upnp && !c->http_port ?
			", and upnpd takes any free TCP port" : "");
}

/* Is the port of @p taken at an address of the router in an internal network? */
static bool check_port_inside(struct check *c, struct port *p,
			      const struct natfw_env *env)
{
	for (size_t i = 0; i < env->net_n; i++) {
		if (env->net[i].routed)
			continue;
		p->at = env->net[i].net.addr;
		if (p->bound)
			p->ifname = env->net[i].ifname;
		if (check_port(c, p))
			return true;
	}
	return false;
}

/* The multicast address is the same on all interfaces, so it is checked once.
 * Programs share the port of SSDP in IPv6. */
static void check_upnp_ports(struct check *c)
{
	struct port ssdp = { IPPROTO_UDP, SSDP_PORT, addr_ip4(SSDP_GROUP_IP),
			     NULL, "discovery",
			     "turn its UPnP or DLNA part off" };
	struct port http = { IPPROTO_TCP, c->http_port,
			     .what = "description and control",
			     .else_do = "set another http-port (0: any free "
					"port)", .bound = true };

	if (!check_port(c, &ssdp))
		check_port_inside(c, &ssdp, &c->fw);
	if (http.number && !check_port_inside(c, &http, &c->fw))
		check_port_inside(c, &http, &c->fw6);
}

/* NAT-PMP has no IPv6. */
static void check_pmp_ports(struct check *c)
{
	struct port pmp = { IPPROTO_UDP, PMP_PORT,
			    .what = "NAT-PMP and PCP",
			    .else_do = "upnpctl set nat-pmp=no pcp=no" };

	if (!c->conf.nat_pmp || !c->conf.pcp)
		pmp.what = c->conf.pcp ? "PCP" : "NAT-PMP";
	if (!check_port_inside(c, &pmp, &c->fw) && c->conf.pcp)
		check_port_inside(c, &pmp, &c->fw6);
}

void check_ports(struct check *c)
{
	if (c->conf.upnp)
		check_upnp_ports(c);
	if (c->conf.nat_pmp || c->conf.pcp)
		check_pmp_ports(c);
	report_ok(c);
}
