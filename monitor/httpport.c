/* SPDX-License-Identifier: ISC */
/*
 * httpport.c - is the configured http-port free? A daemon that cannot listen
 * would serve nobody. Runs in: monitor
 */
#include <errno.h>
#include <netinet/in.h>
#include "base/log.h"
#include "base/wr.h"
#include "conf/ifstate.h"
#include "monitor/httpport.h"
#include "sys/comm.h"
#include "sys/ports.h"

static bool is_taken(const struct netif_addr *at, uint16_t port)
{
	return ports_try_bind(IPPROTO_TCP, at->net.addr, port, at->ifname) ==
	       -EADDRINUSE;
}

/* "lighttpd (process 812)" */
static void put_holder(struct wr *w, struct addr at, uint16_t port)
{
	uint32_t pid = comm_of_port(IPPROTO_TCP, at, port);

	if (pid && comm_write(w, pid))
		wr_fmt(w, " (process %u)", (unsigned)pid);
	else
		wr_z(w, "another program");
}

static void report(struct addr at, uint16_t port)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	put_holder(&w, at, port);
	log_err("http-port %u is taken by %s, at %s: stop that program, or set "
		"another http-port (0: any free port)", (unsigned)port,
		wr_cstr(&w), addr_text(at).text);
}

int httpport_check(const struct conf *conf)
{
	uint16_t port = (uint16_t)conf->http_port;
	struct ifstate r;

	if (!conf->upnp || !port || ifstate_read(conf, &r))
		return 0;
	for (size_t i = 0; i < r.net_n; i++) {
		if (r.net[i].routed || !is_taken(&r.net[i], port))
			continue;
		report(r.net[i].net.addr, port);
		return -EADDRINUSE;
	}
	return 0;
}
