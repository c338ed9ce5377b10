/* SPDX-License-Identifier: ISC */
/*
 * ownport.c - is the port free without which nobody would be served? A daemon
 * that cannot listen there would be of no use. Runs in: monitor
 */
#include <errno.h>
#include <netinet/in.h>
#include <time.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/portnumbers.h"
#include "base/wr.h"
#include "conf/ifstate.h"
#include "monitor/ownport.h"
#include "sys/comm.h"
#include "sys/ports.h"

struct port {
	uint8_t proto;
	uint16_t number;	/* 0: any, or none */
	bool ip6;
};

static bool serves_pmp(const struct conf *c)
{
	return c->nat_pmp || c->pcp;
}

/* NAT-PMP has no IPv6. */
static struct port port_of(const struct conf *c)
{
	if (c->upnp)
		return (struct port){ IPPROTO_TCP, (uint16_t)c->http_port,
				      true };
	return (struct port){ IPPROTO_UDP, serves_pmp(c) ? PMP_PORT : 0,
			      c->pcp };
}

static bool is_taken(const struct netif_addr *at, const struct port *p)
{
	if (at->routed || (at->net.addr.family == ADDR_IP6 && !p->ip6))
		return false;
	return ports_try_bind(p->proto, at->net.addr, p->number, at->ifname) ==
	       -EADDRINUSE;
}

/* "lighttpd (process 812)" */
static void put_holder(struct wr *w, struct addr at, const struct port *p)
{
	uint32_t pid = comm_of_port(p->proto, at, p->number);

	if (pid && comm_write(w, pid))
		wr_fmt(w, " (process %u)", (unsigned)pid);
	else
		wr_z(w, "another program");
}

static void report(struct addr at, const struct port *p)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));
	bool tcp = p->proto == IPPROTO_TCP;

	put_holder(&w, at, p);
	log_err("%s %u is taken by %s, at %s: stop that program, or set %s",
		tcp ? "http-port" : "UDP port", (unsigned)p->number,
		wr_cstr(&w), addr_text(at).text, tcp ?
		"another http-port (0: any free port)" : "upnp = yes");
}

/* The first address where the port is taken. */
static bool find_taken(const struct conf *conf, const struct port *p,
		       struct addr *ret)
{
	struct ifstate r;

	if (!p->number || ifstate_read(conf, &r))
		return false;
	for (size_t i = 0; i < r.net_n; i++) {
		if (!is_taken(&r.net[i], p))
			continue;
		*ret = r.net[i].net.addr;
		return true;
	}
	return false;
}

int ownport_check(const struct conf *conf, unsigned wait_ms)
{
	const struct timespec step = { .tv_nsec = INSTANCE_STEP_MS * 1000000 };
	const uint64_t end_ms = clock_mono_ms() + wait_ms;
	const struct port p = port_of(conf);
	struct addr at;

	while (find_taken(conf, &p, &at)) {
		if (clock_mono_ms() >= end_ms) {
			report(at, &p);
			return -EADDRINUSE;
		}
		nanosleep(&step, NULL);
	}
	return 0;
}

bool ownport_same(const struct conf *now, const struct conf *next)
{
	if (!conf_runs(now))
		return false;
	if (!next->upnp)
		return serves_pmp(now);
	return now->upnp && now->http_port == next->http_port;
}
