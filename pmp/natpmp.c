/* SPDX-License-Identifier: ISC */
/*
 * natpmp.c - NAT-PMP: from a request to the mapping core, and back to an answer.
 *
 * Never does: read or write a message, or count what a client may have; the core
 * does the latter for all protocols.
 *
 * Runs in: engine
 */
#include "pmp/natpmp.h"

#include "base/str.h"

/* RFC 6886 3.5. Code 2: the client may not have it, now or later. 4: it may
 * succeed later. */
static const uint8_t result_of[REFUSAL__MAX] = {
	[REFUSAL_NONE] = NATPMP_SUCCESS,
	[REFUSAL_SECURE] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_OUTSIDE] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_ROUTER] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_SPECIAL] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_RULE] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_REMOTE] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_ALL_PORTS] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_OWNER] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_OPERATOR] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_NONCE] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_CONFLICT] = NATPMP_NO_RESOURCES,
	[REFUSAL_FULL] = NATPMP_NO_RESOURCES,
	[REFUSAL_CLIENT_FULL] = NATPMP_NO_RESOURCES,
	[REFUSAL_PINHOLES] = NATPMP_NO_RESOURCES,
	[REFUSAL_RATE] = NATPMP_NO_RESOURCES,
	[REFUSAL_NO_PORT] = NATPMP_NO_RESOURCES,
	[REFUSAL_PORT] = NATPMP_NO_RESOURCES,
	[REFUSAL_FORWARDED] = NATPMP_NO_RESOURCES,
	[REFUSAL_BLOCKED] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_NO_ADDRESS] = NATPMP_NETWORK_FAILURE,
	[REFUSAL_FIREWALL] = NATPMP_NO_RESOURCES,
	[REFUSAL_KIND] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_MONITOR] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_UPSTREAM] = NATPMP_NETWORK_FAILURE,
	[REFUSAL_UPSTREAM_PORT] = NATPMP_NO_RESOURCES,
	[REFUSAL_LINK] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_SUBSCRIBERS] = NATPMP_NO_RESOURCES,
	[REFUSAL_HOST] = NATPMP_NOT_AUTHORIZED,
	[REFUSAL_CONNECTIONS] = NATPMP_NO_RESOURCES,
	[REFUSAL_NOT_FOUND] = NATPMP_SUCCESS,	/* 3.4: of a deletion */
};

/* The lifetime is never longer than requested (3.3), even if another protocol
 * has made the mapping and its lease is longer. A mapping without end has 0
 * seconds left. */
static void fill(struct pmpask *a, enum refusal why, const struct pm_entry *e)
{
	struct map_told told;
	uint32_t left_s;

	a->answer = (struct pmpmsg_answer){ .result = result_of[why] };
	if (!e)
		return;
	told = map_told(a->map, e);
	left_s = portmap_lease_left(e, loop_now_ms(a->loop));
	a->answer.ext_port = told.port;
	a->answer.lifetime_s = a->msg.lifetime_s;
	if (left_s && left_s < a->msg.lifetime_s)
		a->answer.lifetime_s = left_s;
}

/* struct map_wait.done */
static void answered(struct map_wait *w, enum refusal why,
		     const struct pm_entry *e)
{
	struct pmpask *a = LOOP_OWNER(w, struct pmpask, wait);

	fill(a, why, e);
	a->done(a);
}

/* Lifetime 0 deletes the mapping; with internal port 0, all mappings of the
 * protocol. The suggested port is not read (3.4). */
static int ask(struct pmpask *a, const struct pm_entry **ret)
{
	struct pm_req *q = pmpask_prepare(a, ORIGIN_NAT_PMP);

	*ret = NULL;
	q->rule.kind = NAT_PORTMAP;
	q->rule.proto = a->msg.proto;
	q->rule.client = a->source;
	q->rule.remote = addr_any();
	q->rule.int_port = a->msg.int_port;
	a->wait.done = answered;
	if (!a->msg.lifetime_s)
		return map_delete_own(a->map, &a->wait,
				      loop_now_ms(a->loop));
	if (!addr_is_set(a->map->ext))
		return REFUSAL_NO_ADDRESS;
	if (!a->msg.int_port)
		return REFUSAL_ALL_PORTS;
	q->rule.ext_port = a->msg.ext_port;
	str_copy(q->desc, sizeof(q->desc), STR(PMPASK_DESC_NATPMP));
	a->wait.req.port = MAP_PORT_OWN;
	a->wait.req.lease_s = a->msg.lifetime_s;
	return map_add(a->map, &a->wait, loop_now_ms(a->loop), ret);
}

bool natpmp_start(struct pmpask *a)
{
	const struct pm_entry *e;
	int res = ask(a, &e);

	if (res == MAP_WAIT)
		return false;
	fill(a, (enum refusal)res, e);
	return true;
}
