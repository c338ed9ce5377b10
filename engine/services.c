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

/* Each request that waits asks one question at most. */
_Static_assert(BROKER_FLOWS_MAX >= PMP_PENDING_MAX, "all questions fit");

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
		wall_s, s->conf->status_page != CONF_PAGE_NO ? &s->page : NULL,
	};
	struct ssdp_config ssdp = {
		.target = s->target, .next_boot_id = next_boot_id,
		.outside = on_outside, .share = share, .arg = s,
		.notify_s = s->conf->notify_interval,
		.rnd = rnd_u32, .wall_s = wall_s,
	};
	int err = identity_read(&s->id, s->conf, s->dir_fd);

	s->page = (struct statuspage){
		.name = s->conf->friendly_name, .map = s->igd->map,
		.recent = s->recent, .status = s->status, .arg = s->clock_arg,
		.all = s->conf->status_page == CONF_PAGE_ALL,
	};
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

/* ---- NAT-PMP and PCP ------------------------------------------------- */

static uint32_t epoch_s(void *arg)
{
	const struct services *s = arg;

	return epoch_seconds(&s->epoch, loop_now_ms(s->loop));
}

static bool may_ask_for_others(void *arg, struct addr requester)
{
	const struct conf_networks *nets =
		&((struct services *)arg)->conf->pcp_third_party;

	for (size_t i = 0; i < nets->n; i++)
		if (addr_in(&nets->at[i], requester))
			return true;
	return false;
}

/* Questions of requests that were given up may still wait, so the queue may be
 * full. */
static void ask_flow(void *arg, const struct nat_rule *rule)
{
	struct services *s = arg;

	if (!brokerclient_flow(s->brokerclient, rule))
		pmp_flow(s->pmp, rule, 0);
}

static int open_pmp(struct services *s)
{
	const struct pmp_config config = {
		.nat_pmp = s->conf->nat_pmp, .pcp = s->conf->pcp,
		.map = s->igd->map, .epoch_s = epoch_s,
		.may_ask_for_others = may_ask_for_others,
		.ask_flow = ask_flow, .share = share, .outside = on_outside,
		.arg = s,
	};

	epoch_open(&s->epoch, s->dir_fd, s->leases_whole,
		   s->clock_now(s->clock_arg));
	s->pmp = pmp_new(s->loop, &config);
	return s->pmp ? 0 : -ENOMEM;
}

static int serve_pmp(struct services *s, const struct netif_addr *at, size_t n)
{
	int err = pmp_ifaces(s->pmp, at, n);

	if (err)
		log_err("UDP port 5351 (NAT-PMP, PCP): %s; trying again",
			strerror(-err));
	return err;
}

/* ---- all ------------------------------------------------------------- */

int services_open(struct services *s)
{
	int err = s->conf->upnp ? open_upnp(s) : 0;

	if (!err && (s->conf->nat_pmp || s->conf->pcp))
		err = open_pmp(s);
	return err;
}

int services_serve(struct services *s, const struct netif_addr *at, size_t n)
{
	int err = s->urlroutes ? serve_upnp(s, at, n) : 0;
	int err2 = s->pmp ? serve_pmp(s, at, n) : 0;

	return err ? err : err2;
}

struct services_at services_at(const struct services *s)
{
	struct services_at ret = { .pmp = s->pmp && pmp_serves(s->pmp) };

	if (s->urlroutes)
		ret.http_port = httpd_port(urlroutes_httpd(s->urlroutes));
	return ret;
}

bool services_up(const struct services *s, const struct services_at *at)
{
	return s->urlroutes ? at->http_port != 0 : at->pmp;
}

bool services_at_equal(const struct services_at *a,
		       const struct services_at *b)
{
	return a->http_port == b->http_port && a->pmp == b->pmp;
}

void services_put(const struct services_at *at, struct wr *w)
{
	if (at->http_port)
		wr_fmt(w, "port %u", (unsigned)at->http_port);
	if (at->pmp)
		wr_fmt(w, "%sUDP port 5351", at->http_port ? " and " : "");
}

void services_address(struct services *s)
{
	if (!s->pmp)
		return;
	/* RFC 6887 8.5: mappings of another external address are new ones */
	epoch_address(&s->epoch, s->igd->map->ext, s->clock_now(s->clock_arg));
	pmp_address(s->pmp);
}

void services_stored(struct services *s, const struct pm_entry *e)
{
	if (s->pmp)
		pmp_stored(s->pmp, e);
	services_mark_dirty(s);
}

void services_flow(struct services *s, const struct nat_rule *rule)
{
	struct nat_rule asked = *rule;

	asked.ext_port = 0;
	if (s->pmp)
		pmp_flow(s->pmp, &asked, rule->ext_port);
}

void services_mark_dirty(struct services *s)
{
	if (s->urlroutes)
		urlroutes_mark_dirty(s->urlroutes);
}

void services_status(const struct services *s, struct ctl_status *ret)
{
	const struct services_at at = services_at(s);

	const uint32_t pmp = (uint32_t)(s->conf->nat_pmp << ORIGIN_NAT_PMP |
					s->conf->pcp << ORIGIN_PCP);

	ret->protocols = (uint32_t)s->conf->upnp << ORIGIN_UPNP | pmp;
	ret->served = (uint32_t)(at.http_port != 0) << ORIGIN_UPNP |
		      (at.pmp ? pmp : 0);
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
