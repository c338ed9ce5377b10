/* SPDX-License-Identifier: ISC */
/*
 * services.c - creates the servers of the protocols that are on, and lets them
 * serve the same addresses.
 *
 * Owns: SSDP's BOOTID, the identity, the servers.
 * Never does: create a server of a protocol that is off, so nothing listens on
 * its port.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/wr.h"
#include "engine/services.h"
#include "engine/state.h"
#include "igd/peer.h"
#include "sys/rnd.h"

static int64_t wall_s(void)
{
	return time(NULL);
}

static uint32_t next_boot_id(void *arg)
{
	struct services *s = arg;

	if (s->boot_id < s->boot_id_last)
		return ++s->boot_id;
	s->boot_id = state_boot_id(s->dir_fd, wall_s(), false,
				   &s->boot_id_last);
	return s->boot_id;
}

static void on_outside(void *arg, struct addr peer)
{
	igd_refused(((struct services *)arg)->igd, REFUSAL_OUTSIDE, peer);
}

static struct addr share(void *arg, int ifindex, struct addr peer)
{
	const struct peer p = { ((struct services *)arg)->igd, ifindex, peer };

	return peer_share(&p);
}

/* ---- UPnP ------------------------------------------------------------ */

static int open_upnp(struct services *s)
{
	struct urlroutes_config urlroutes = {
		&s->id.desc, s->igd, s->conf->igd_version, s->id.server,
		wall_s,
	};
	struct ssdp_config ssdp = {
		.target = s->target, .next_boot_id = next_boot_id,
		.outside = on_outside, .share = share, .arg = s,
		.notify_s = s->conf->notify_interval,
		.rnd = rnd_u32, .wall_s = wall_s,
	};
	int err = identity_read(&s->id, s->conf, s->dir_fd);

	if (err)
		log_err("state-dir: %s; our UUIDs change at the next start",
			strerror(-err));
	s->boot_id = state_boot_id(s->dir_fd, wall_s(), true,
				   &s->boot_id_last);
	for (unsigned n = 1; n <= 2; n++)
		s->igd->wan_uuid[n] = s->id.desc.udn[n][IGD_DEVICES - 1];
	s->urlroutes = urlroutes_new(s->loop, &urlroutes);
	if (!s->urlroutes)
		return -ENOMEM;
	ssdp.server = s->id.server;
	ssdp.boot_id = s->boot_id;
	ssdp.config_id = s->id.desc.config_id;
	ssdp.target_n = urlroutes_targets(s->urlroutes, s->target);
	s->ssdp = ssdp_new(s->loop, &ssdp);
	return s->ssdp ? 0 : -ENOMEM;
}

static int serve_upnp(struct services *s, const struct netif_addr *at,
		      size_t n)
{
	struct httpd *httpd = urlroutes_httpd(s->urlroutes);
	uint16_t port = (uint16_t)s->conf->http_port;
	int err = httpd_listen(httpd, at, n, port);
	int err2 = ssdp_ifaces(s->ssdp, at, n, httpd_port(httpd));

	if (err)
		log_err("HTTP port %u: %s; trying again", (unsigned)port,
			strerror(-err));
	if (err2)
		log_err("SSDP port 1900: %s; trying again", strerror(-err2));
	return err ? err : err2;
}

/* ---- all ------------------------------------------------------------- */

int services_open(struct services *s)
{
	return s->conf->upnp ? open_upnp(s) : 0;
}

int services_serve(struct services *s, const struct netif_addr *at, size_t n)
{
	return s->urlroutes ? serve_upnp(s, at, n) : 0;
}

struct services_at services_at(const struct services *s)
{
	struct services_at ret = { .http_port = 0 };

	if (s->urlroutes)
		ret.http_port = httpd_port(urlroutes_httpd(s->urlroutes));
	return ret;
}

bool services_up(const struct services *s, const struct services_at *at)
{
	return at->http_port != 0;
}

bool services_at_equal(const struct services_at *a,
		       const struct services_at *b)
{
	return a->http_port == b->http_port;
}

void services_put(const struct services_at *at, struct wr *w)
{
	wr_fmt(w, "port %u", (unsigned)at->http_port);
}

void services_mark_dirty(struct services *s)
{
	if (s->urlroutes)
		urlroutes_mark_dirty(s->urlroutes);
}

void services_status(const struct services *s, struct ctl_status *ret)
{
	const struct services_at at = services_at(s);

	ret->protocols = s->urlroutes ? 1u << ORIGIN_UPNP : 0;
	ret->served = at.http_port ? 1u << ORIGIN_UPNP : 0;
	ret->http_port = at.http_port;
	if (!s->urlroutes)
		return;
	ret->igd_versions = s->conf->igd_version;
	ret->subscribers = (uint32_t)urlroutes_subscribers(s->urlroutes);
	ret->subscribers_max = GENA_SUBS_MAX;
}

void services_byebye(struct services *s)
{
	if (s->ssdp)
		ssdp_byebye(s->ssdp);
}
