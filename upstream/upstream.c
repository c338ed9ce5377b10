/* SPDX-License-Identifier: ISC */
/*
 * upstream.c - find the upstream, follow its epoch and its address, and read
 * its answers.
 *
 * Owns: nothing; the owner's struct upstream.
 * Never does: believe a datagram that is not an answer to the protocol in use.
 * Invariant: in the state ANSWERS, @way is one of the allowed protocols.
 * Runs in: engine
 */
#include <netinet/in.h>
#include <string.h>
#include "upstream/upask.h"
#include "upstream/uplease.h"
#include "upstream/upstream.h"

/* The search: PCP is preferred, so the others wait for it. */
#define FIND_MS		UPSTREAM_WAIT_MS
#define FIND_MORE_MS	300	/* PCP has answered: for NAT-PMP's address */
#define FIND_PCP_MS	1000	/* NAT-PMP has answered: for PCP */

/* UPnP's error codes that another form of the request avoids */
enum { INVALID_ACTION = 401, NOT_IMPLEMENTED = 602, CONFLICT = 718,
       ONLY_PERMANENT = 725, NO_SUCH_ENTRY = 714 };
#define UPNP_PORTS_MAX	3	/* other ports that are tried */

/* Until the next search: 10 minutes, an hour, then a day. */
static const uint32_t silence_s[] = { 600, 3600, 86400 };
#define SILENCES (sizeof(silence_s) / sizeof(silence_s[0]))

static bool is_allowed(const struct upstream *u, enum upstream_way way)
{
	return u->allowed & 1u << way;
}

static bool is_set(struct addr a)
{
	return a.family == ADDR_IP4;
}

/* Each change is announced to clients, so it is accepted only once in
 * UPSTREAM_EXT_MS. */
static void set_ext(struct upstream *u, struct addr ext, uint64_t now_ms)
{
	if (!is_set(ext) || addr_equal(ext, u->ext) ||
	    (is_set(u->ext) && now_ms < u->ext_ms + UPSTREAM_EXT_MS))
		return;
	u->ext = ext;
	u->ext_ms = now_ms;
	if (u->state == UPSTREAM_ANSWERS)
		u->ops->changed(u->arg);
}

void upstream_init(struct upstream *u)
{
	u->state = UPSTREAM_OFF;
	u->due_ms = u->decide_ms = UINT64_MAX;
}

/* ---- the search ---------------------------------------------------------- */

/* The answer to an earlier HTTP request is ignored from now on; the owner
 * cancels its connection when it starts the next one. */
static void search(struct upstream *u, uint64_t now_ms)
{
	u->http = UPASK_IDLE;
	u->state = UPSTREAM_SEARCHING;
	u->way = UPSTREAM_NO_WAY;
	u->ext = (struct addr){ .family = ADDR_NONE };
	u->tries = 0;
	u->due_ms = now_ms;
	u->decide_ms = now_ms + FIND_MS;
	memset(u->finds, 0, sizeof(u->finds));
	memset(u->epoch, 0, sizeof(u->epoch));
	u->upnp = (struct upxml_gateway){ 0 };
	u->described.port = 0;
}

/* Set the new state first: a client that gets its answer may ask again. */
static void restart(struct upstream *u, bool usable, uint64_t now_ms)
{
	if (usable) {
		search(u, now_ms);
		uplease_lost(u, now_ms);	/* it knows us by the address */
		uplease_silent(u);
		return;
	}
	u->state = UPSTREAM_OFF;
	u->ext = (struct addr){ .family = ADDR_NONE };
	u->due_ms = UINT64_MAX;
	u->http = UPASK_IDLE;
	uplease_silent(u);
	/* the owner asks for each port again when there is a gateway */
	uplease_forget(u);
}

void upstream_set(struct upstream *u, struct addr client, struct addr gateway,
		  uint16_t own_port, uint64_t now_ms)
{
	bool usable = is_set(client) && is_set(gateway) && u->allowed;

	if (addr_equal(client, u->client) && addr_equal(gateway, u->gateway) &&
	    own_port == u->own_port && usable == (u->state != UPSTREAM_OFF))
		return;
	u->client = client;
	u->gateway = gateway;
	u->own_port = own_port;
	u->silences = 0;
	restart(u, usable, now_ms);
	u->ops->changed(u->arg);
}

static void found(struct upstream *u, enum upstream_way way, uint64_t now_ms)
{
	u->state = UPSTREAM_ANSWERS;
	u->way = (uint8_t)way;
	u->silences = 0;
	u->tries = 0;
	u->permanent = false;
	u->batch_ms = now_ms;
	u->due_ms = now_ms + UPSTREAM_ALIVE_MS;
	if (way == UPSTREAM_PCP && !u->finds[UPSTREAM_NAT_PMP])
		u->due_ms = now_ms;	/* for its address */
	uplease_ask_all(u, now_ms);
	u->ops->changed(u->arg);
}

static void silent(struct upstream *u, uint64_t now_ms)
{
	u->state = UPSTREAM_SILENT;
	u->way = UPSTREAM_NO_WAY;
	u->ext = (struct addr){ .family = ADDR_NONE };
	u->retry_ms = now_ms + UINT64_C(1000) * silence_s[u->silences];
	u->due_ms = u->retry_ms;
	if (u->silences + 1u < SILENCES)
		u->silences++;
	uplease_silent(u);
	u->ops->changed(u->arg);
}

/* The search has lasted long enough. */
static void decide(struct upstream *u, uint64_t now_ms)
{
	for (unsigned way = UPSTREAM_PCP; way < UPSTREAM_WAYS; way++)
		if (u->finds[way] && is_allowed(u, way)) {
			found(u, way, now_ms);
			return;
		}
	if (u->http != UPASK_IDLE)	/* UPnP is being asked */
		u->decide_ms = now_ms + UPSTREAM_HTTP_MS;
	else
		silent(u, now_ms);
}

/* A protocol has answered: how long may a better one take? */
static void heard(struct upstream *u, enum upstream_way way, uint64_t now_ms)
{
	uint64_t wait_ms = FIND_MS;

	if (u->state != UPSTREAM_SEARCHING || u->finds[way])
		return;
	u->finds[way] = true;
	if (u->finds[UPSTREAM_PCP])
		wait_ms = u->finds[UPSTREAM_NAT_PMP] ? 0 : FIND_MORE_MS;
	else if (u->finds[UPSTREAM_NAT_PMP])
		wait_ms = is_allowed(u, UPSTREAM_PCP) ? FIND_PCP_MS : 0;
	else if (!is_allowed(u, UPSTREAM_PCP))
		wait_ms = 0;
	if (now_ms + wait_ms < u->decide_ms)
		u->decide_ms = now_ms + wait_ms;
}

/* ---- is it alive? -------------------------------------------------------- */

static void alive(struct upstream *u, enum upstream_way way, uint64_t now_ms)
{
	if (u->state == UPSTREAM_SEARCHING) {
		heard(u, way, now_ms);
	} else if (u->state == UPSTREAM_ANSWERS && way == u->way) {
		u->tries = 0;
		u->due_ms = now_ms + UPSTREAM_ALIVE_MS;
	}
}

static void check_epoch(struct upstream *u, enum upstream_way way,
			uint32_t epoch_s, uint64_t now_ms)
{
	if (upmsg_epoch(&u->epoch[way], epoch_s, now_ms) &&
	    u->state == UPSTREAM_ANSWERS && way == u->way)
		uplease_lost(u, now_ms);
}

/* ---- answers of PCP and NAT-PMP ------------------------------------------ */

/* A mapping without a lease is none. */
static void map_answer(struct upstream *u, const struct upmsg_reply *r,
		       uint64_t now_ms)
{
	struct upstream_lease *l = uplease_lookup(u, r->proto, r->port);
	const struct uplease_answer a = {
		.error = r->result, .ext_port = r->ext_port,
		.lease_s = r->lease_s,
	};

	/* a late answer to a deletion, or to a request before it */
	if (!l || !l->tries || (!r->result && l->drop != !r->lease_s))
		return;
	uplease_answer(u, l, &a, now_ms);
}

static void pmp_answer(struct upstream *u, enum upstream_way way,
		       const struct upmsg_reply *r, uint64_t now_ms)
{
	if (r->unsupported)
		return;
	check_epoch(u, way, r->epoch_s, now_ms);
	if (!r->result && (way == UPSTREAM_NAT_PMP || r->kind == UPMSG_MAP))
		set_ext(u, r->ext, now_ms);
	alive(u, way, now_ms);
	if (r->kind == UPMSG_MAP && u->state == UPSTREAM_ANSWERS &&
	    way == u->way)
		map_answer(u, r, now_ms);
}

void upstream_pmp(struct upstream *u, struct str datagram, uint64_t now_ms)
{
	struct upmsg_reply r;

	if (u->state != UPSTREAM_SEARCHING && u->state != UPSTREAM_ANSWERS)
		return;
	if (u->way == UPSTREAM_UPNP)
		return;
	if (upmsg_pcp_read(datagram, &u->nonce, &r))
		pmp_answer(u, UPSTREAM_PCP, &r, now_ms);
	else if (upmsg_natpmp_read(datagram, &r))
		pmp_answer(u, UPSTREAM_NAT_PMP, &r, now_ms);
}

/* ---- answers of UPnP ----------------------------------------------------- */

static bool same_url(const struct upxml_url *a, const struct upxml_url *b)
{
	return a->port == b->port && !strcmp(a->path, b->path);
}

/* Is UPnP being asked: because it is in use, or searched for? */
static bool asks_upnp(const struct upstream *u)
{
	return u->state == UPSTREAM_SEARCHING ?
	       is_allowed(u, UPSTREAM_UPNP) :
	       u->state == UPSTREAM_ANSWERS && u->way == UPSTREAM_UPNP;
}

static bool is_known(const struct upstream *u, const struct upxml_gateway *g)
{
	return u->upnp.service && same_url(&g->url, &u->described) &&
	       g->boot_id == u->upnp.boot_id;
}

void upstream_ssdp(struct upstream *u, struct str datagram, uint64_t now_ms)
{
	struct upxml_gateway g;

	if (!asks_upnp(u) || !upxml_found(datagram, u->gateway, &g))
		return;
	if (is_known(u, &g)) {
		if (u->http == UPASK_IDLE)
			upask_address(u);
		else if (u->state == UPSTREAM_ANSWERS)
			alive(u, UPSTREAM_UPNP, now_ms);
		return;
	}
	if (u->http != UPASK_IDLE)
		return;
	u->described = g.url;
	u->upnp = g;
	upask_describe(u);
	/* it has restarted */
	if (u->state == UPSTREAM_ANSWERS)
		uplease_lost(u, now_ms);
}

/* Change @l or the gateway so that the request may succeed. Return: false:
 * nothing is left to try */
static bool other_form(struct upstream *u, struct upstream_lease *l,
		       unsigned error)
{
	if (l->drop)
		return false;
	if (u->action == UPXML_ADD_ANY &&
	    (error == INVALID_ACTION || error == NOT_IMPLEMENTED)) {
		u->upnp.service = UPXML_WANIP1;
		return true;
	}
	if (error == ONLY_PERMANENT && !u->permanent) {
		u->permanent = true;
		return true;
	}
	if (error == CONFLICT && l->fails < UPNP_PORTS_MAX) {
		l->fails++;
		l->held = UPSTREAM_UNASKED;
		l->ext_port = (uint16_t)(1024 + u->ops->rnd(u->arg) % 64512);
		return true;
	}
	return false;
}

static void lease_answered(struct upstream *u, const struct upxml_reply *r,
			   uint64_t now_ms)
{
	struct upstream_lease *l = uplease_lookup(u, u->http_proto,
						  u->http_port);
	struct uplease_answer a = {
		.error = r->error,
		.lease_s = u->permanent ? 0 : UPSTREAM_LEASE_S,
	};

	/* the lease may be another one by now, which is asked for later */
	if (!l || !l->tries || l->drop != (u->action == UPXML_DELETE))
		return;
	a.ext_port = r->ext_port ? r->ext_port :
		     l->ext_port ? l->ext_port : l->port;
	if (r->error && other_form(u, l, r->error)) {
		l->tries = 0;
		uplease_again(l, now_ms);
		return;
	}
	uplease_answer(u, l, &a, now_ms);
}

static void described(struct upstream *u, unsigned status, struct str body)
{
	if (status == 200 && upxml_described(body, u->gateway, &u->upnp))
		upask_address(u);
	else
		u->upnp.service = UPXML_NO_SERVICE;
}

static void addressed(struct upstream *u, const struct upxml_reply *r,
		      uint64_t now_ms)
{
	set_ext(u, r->ext, now_ms);
	alive(u, UPSTREAM_UPNP, now_ms);
}

void upstream_http(struct upstream *u, unsigned status, struct str body,
		   uint64_t now_ms)
{
	const uint8_t what = u->http;
	struct upxml_reply r;

	u->http = UPASK_IDLE;
	if (!asks_upnp(u))
		return;
	if (what == UPASK_DESCRIBE)
		described(u, status, body);
	else if (what != UPASK_IDLE && upxml_answer(status, body, &r)) {
		if (what == UPASK_ADDRESS)
			addressed(u, &r, now_ms);
		else
			lease_answered(u, &r, now_ms);
	}
	if (u->state == UPSTREAM_SEARCHING && u->http == UPASK_IDLE &&
	    u->decide_ms > now_ms + FIND_MS)
		u->decide_ms = now_ms;	/* decide() waited for this */
}

/* ---- time ---------------------------------------------------------------- */

static void search_tick(struct upstream *u, uint64_t now_ms)
{
	if (u->decide_ms <= now_ms) {
		decide(u, now_ms);
		return;
	}
	if (u->due_ms > now_ms)
		return;
	for (unsigned way = UPSTREAM_PCP; way < UPSTREAM_WAYS; way++)
		/* NAT-PMP tells the address that PCP does not */
		if (!u->finds[way] &&
		    (is_allowed(u, way) || (way == UPSTREAM_NAT_PMP &&
					    is_allowed(u, UPSTREAM_PCP))))
			upask_alive(u, way);
	u->due_ms = now_ms + (UPSTREAM_TRY_MS << u->tries);
	if (u->tries < UPSTREAM_TRIES)
		u->tries++;
}

/* Without an answer the upstream is searched for again: it may speak another
 * protocol now. */
static void look_tick(struct upstream *u, uint64_t now_ms)
{
	if (u->due_ms > now_ms)
		return;
	if (u->tries > UPSTREAM_TRIES) {
		search(u, now_ms);
		uplease_silent(u);
		u->ops->changed(u->arg);
		return;
	}
	u->due_ms = now_ms + ((uint64_t)UPSTREAM_TRY_MS << u->tries);
	u->tries++;
	upask_alive(u, u->way);
	if (u->way == UPSTREAM_PCP && u->finds[UPSTREAM_NAT_PMP])
		upask_alive(u, UPSTREAM_NAT_PMP);
}

static uint64_t next_ms(const struct upstream *u)
{
	if (u->state == UPSTREAM_SEARCHING && u->decide_ms < u->due_ms)
		return u->decide_ms;
	return u->due_ms;
}

uint64_t upstream_tick(struct upstream *u, uint64_t now_ms)
{
	uint64_t due_ms, lease_ms;

	if (u->state == UPSTREAM_SILENT && u->due_ms <= now_ms)
		search(u, now_ms);
	if (u->state == UPSTREAM_SEARCHING)
		search_tick(u, now_ms);
	if (u->state == UPSTREAM_ANSWERS)
		look_tick(u, now_ms);
	lease_ms = uplease_tick(u, now_ms);
	due_ms = next_ms(u);
	return lease_ms < due_ms ? lease_ms : due_ms;
}
