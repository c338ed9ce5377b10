/* SPDX-License-Identifier: ISC */
/*
 * uplease.c - the table of the ports that the upstream is asked for.
 *
 * Owns: the leases.
 * Invariants: while the upstream answers, each lease has a time at which its
 * next request is due; a client waits only while the upstream answers.
 * Runs in: engine
 */
#include "upstream/upask.h"
#include "upstream/uplease.h"

#define FAILS_MAX	6	/* the wait is doubled up to half an hour */
#define RENEW_MIN_MS	10000	/* whatever lease the upstream grants */
#define RENEW_MAX_MS	43200000
#define HTTP_TRIES	2

static bool is_free(const struct upstream_lease *l)
{
	return !l->port;
}

struct upstream_lease *uplease_lookup(const struct upstream *u, uint8_t proto,
				      uint16_t port)
{
	for (size_t i = 0; i < u->lease_n; i++)
		if (u->lease[i].port == port && u->lease[i].proto == proto &&
		    port)
			return &u->lease[i];
	return NULL;
}

const struct upstream_lease *uplease_find(const struct upstream *u,
					  uint8_t proto, uint16_t port)
{
	const struct upstream_lease *l = uplease_lookup(u, proto, port);

	return l && !l->drop ? l : NULL;
}

static void set_free(struct upstream_lease *l)
{
	*l = (struct upstream_lease){ 0 };
}

/* A port that is mapped matters more than a deletion, which the upstream may
 * never answer. */
static struct upstream_lease *reserve(struct upstream *u)
{
	struct upstream_lease *drop = NULL;

	for (size_t i = 0; i < u->lease_n; i++) {
		if (is_free(&u->lease[i]))
			return &u->lease[i];
		if (u->lease[i].drop)
			drop = &u->lease[i];
	}
	if (u->lease_n < u->lease_max)
		return &u->lease[u->lease_n++];
	if (drop)
		set_free(drop);
	return drop;
}

/* The client that waits for @l gets its answer. */
static void answered(struct upstream *u, struct upstream_lease *l)
{
	const struct upstream_lease answer = *l;

	l->wait_ms = 0;
	u->ops->answered(u->arg, &answer);
}

/* ---- requests ------------------------------------------------------------ */

const struct upstream_lease *uplease_want(struct upstream *u, uint8_t proto,
					  uint16_t port, uint16_t wish,
					  bool wait, uint64_t now_ms)
{
	struct upstream_lease *l = uplease_lookup(u, proto, port);

	if (!l)
		l = reserve(u);
	if (!l)
		return NULL;
	if (is_free(l) || l->drop)
		*l = (struct upstream_lease){
			.port = port, .proto = proto, .due_ms = now_ms,
			.ext_port = wish, .asked = l->asked,
		};
	if (u->state != UPSTREAM_ANSWERS)
		return NULL;
	if (l->held == UPSTREAM_HELD && l->end_ms > now_ms)
		return l;
	if (!wait)
		return l;
	/* ask again, also after a refusal: its reason may have gone */
	if (!l->tries)
		l->due_ms = now_ms;
	if (!l->wait_ms)
		l->wait_ms = now_ms + UPSTREAM_WAIT_MS;
	return l;
}

void uplease_drop(struct upstream *u, uint8_t proto, uint16_t port,
		  uint64_t now_ms)
{
	struct upstream_lease *l = uplease_lookup(u, proto, port);

	if (!l || l->drop)
		return;
	/* An unanswered request may have made a mapping all the same. While
	 * the upstream is silent, the deletion waits until it answers. */
	if (!l->asked) {
		set_free(l);
		return;
	}
	l->drop = true;
	l->tries = l->fails = 0;
	l->wait_ms = 0;
	l->due_ms = now_ms;
}

/* ---- answers ------------------------------------------------------------- */

static uint64_t retry_ms(struct upstream_lease *l)
{
	uint64_t wait_ms = (uint64_t)UPSTREAM_RETRY_MS << l->fails;

	if (l->fails < FAILS_MAX)
		l->fails++;
	return wait_ms;
}

/* Before half of the lease, and not all leases at once (RFC 6887 11.2.1). */
static uint64_t renew_ms(const struct upstream *u, uint64_t lease_ms)
{
	uint64_t ms = lease_ms * 3 / 8;

	ms += u->ops->rnd(u->arg) % (lease_ms / 8 + 1);
	if (ms > RENEW_MAX_MS)
		return RENEW_MAX_MS;
	return ms < RENEW_MIN_MS ? RENEW_MIN_MS : ms;
}

static void hold(struct upstream *u, struct upstream_lease *l,
		 const struct uplease_answer *a, uint64_t now_ms)
{
	/* an unlimited lease is renewed as well: the upstream may restart */
	uint32_t lease_s = a->lease_s ? a->lease_s : UPSTREAM_LEASE_S;

	l->held = UPSTREAM_HELD;
	l->fails = 0;
	l->error = 0;
	l->ext_port = a->ext_port;
	l->due_ms = now_ms + renew_ms(u, lease_s * UINT64_C(1000));
	l->end_ms = a->lease_s ? now_ms + lease_s * UINT64_C(1000) :
				 UINT64_MAX;
}

void uplease_answer(struct upstream *u, struct upstream_lease *l,
		    const struct uplease_answer *a, uint64_t now_ms)
{
	l->tries = 0;
	if (l->drop) {
		set_free(l);
		return;
	}
	l->asked = !a->error;
	if (a->error) {
		l->held = UPSTREAM_REFUSED;
		l->error = a->error;
		l->due_ms = now_ms + retry_ms(l);
	} else {
		hold(u, l, a, now_ms);
	}
	answered(u, l);
}

void uplease_again(struct upstream_lease *l, uint64_t now_ms)
{
	l->asked = l->held == UPSTREAM_HELD;
	l->due_ms = now_ms;
}

/* The table has no order: those that waited for the upstream are no different
 * from the others. */
void uplease_ask_all(struct upstream *u, uint64_t now_ms)
{
	for (size_t i = 0; i < u->lease_n; i++) {
		struct upstream_lease *l = &u->lease[i];

		if (is_free(l))
			continue;
		if (l->held == UPSTREAM_HELD)
			l->held = UPSTREAM_UNASKED;
		l->tries = l->fails = 0;
		l->due_ms = now_ms;
	}
}

void uplease_lost(struct upstream *u, uint64_t now_ms)
{
	for (size_t i = 0; i < u->lease_n; i++) {
		u->lease[i].asked = false;
		if (u->lease[i].drop)
			set_free(&u->lease[i]);
	}
	uplease_ask_all(u, now_ms);
}

void uplease_silent(struct upstream *u)
{
	uplease_ask_all(u, 0);
	for (size_t i = 0; i < u->lease_n; i++) {
		struct upstream_lease *l = &u->lease[i];

		if (is_free(l) || l->drop)
			continue;
		l->held = UPSTREAM_UNANSWERED;
		if (l->wait_ms)
			answered(u, l);
	}
}

void uplease_forget(struct upstream *u)
{
	for (size_t i = 0; i < u->lease_n; i++)
		set_free(&u->lease[i]);
	u->lease_n = 0;
}

/* ---- time ---------------------------------------------------------------- */

/* The last try of a request has had no answer. */
static void give_up(struct upstream *u, struct upstream_lease *l,
		    uint64_t now_ms)
{
	l->tries = 0;
	if (!u->tries)
		u->due_ms = now_ms;	/* look at once whether it is alive */
	if (l->drop && l->fails == FAILS_MAX) {
		set_free(l);
		return;
	}
	l->due_ms = now_ms + retry_ms(l);
	if (l->drop)
		return;
	/* the upstream may hold it until its lease ends */
	if (l->held != UPSTREAM_HELD || l->end_ms <= now_ms)
		l->held = UPSTREAM_UNANSWERED;
	if (l->wait_ms)
		answered(u, l);
}

static void send_lease(struct upstream *u, struct upstream_lease *l,
		       uint64_t now_ms)
{
	const bool upnp = u->way == UPSTREAM_UPNP;

	if (l->tries >= (upnp ? HTTP_TRIES : UPSTREAM_TRIES)) {
		give_up(u, l, now_ms);
		return;
	}
	l->due_ms = now_ms + (upnp ? UPSTREAM_HTTP_MS + 1000 :
			      (uint64_t)UPSTREAM_TRY_MS << l->tries);
	l->tries++;
	l->asked = true;
	upask_lease(u, l);
}

/* May a request leave now? By HTTP one at a time, and only if the description
 * has told where to. */
static bool may_send(const struct upstream *u, unsigned sent)
{
	return u->way == UPSTREAM_UPNP ?
	       u->http == UPASK_IDLE && u->upnp.service :
	       sent < UPSTREAM_BATCH;
}

static uint64_t min_ms(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A client that waits comes first: after a restart of the upstream all other
 * ports are due as well. @waits: only those */
static void send_due(struct upstream *u, bool waits, unsigned *sent,
		     uint64_t now_ms)
{
	for (size_t i = 0; i < u->lease_n; i++) {
		struct upstream_lease *l = &u->lease[i];

		if (is_free(l) || l->due_ms > now_ms ||
		    (waits && !l->wait_ms))
			continue;
		if (!may_send(u, *sent))
			return;
		send_lease(u, l, now_ms);
		if (++*sent == UPSTREAM_BATCH)
			u->batch_ms = now_ms + UPSTREAM_BATCH_MS;
	}
}

uint64_t uplease_tick(struct upstream *u, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;
	unsigned sent = now_ms < u->batch_ms ? UPSTREAM_BATCH : 0;

	if (u->state != UPSTREAM_ANSWERS)
		return next_ms;
	send_due(u, true, &sent, now_ms);
	send_due(u, false, &sent, now_ms);
	for (size_t i = 0; i < u->lease_n; i++) {
		struct upstream_lease *l = &u->lease[i];

		if (is_free(l))
			continue;
		if (l->wait_ms && l->wait_ms <= now_ms) {
			if (l->held != UPSTREAM_HELD)
				l->held = UPSTREAM_UNANSWERED;
			answered(u, l);
		}
		if (is_free(l))
			continue;
		if (l->wait_ms)
			next_ms = min_ms(next_ms, l->wait_ms);
		if (l->due_ms > now_ms)
			next_ms = min_ms(next_ms, l->due_ms);
		else if (u->way != UPSTREAM_UPNP)
			next_ms = min_ms(next_ms, u->batch_ms);
		/* else upstream_http() comes first */
	}
	return next_ms;
}
