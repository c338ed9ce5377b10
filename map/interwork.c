/* SPDX-License-Identifier: ISC */
/*
 * interwork.c - what a request of one protocol does to a mapping that another
 * one has made: one table for all protocols.
 *
 * A protocol may do everything to its own mappings. To those of others it may
 * only add time, because the program that made them relies on them. The nonce
 * tells apart programs that speak PCP.
 * Runs in: engine
 */
#include <string.h>
#include "map/interwork.h"

/* Not in enum interwork: the nonce decides. */
#define BY_NONCE	0xff

/* By who asks and who made the mapping: with the request's internal port, and
 * with another one. WANIPConnection:2 2.5.16: an overwrite may change the
 * internal port; NAT-PMP and PCP name a mapping by it, so for them the port
 * belongs to another mapping. */
static const struct {
	uint8_t same, other;
} cell[ORIGINS][ORIGINS] = {
	[ORIGIN_OPERATOR] = {
		[ORIGIN_OPERATOR] = { INTERWORK_FULL, INTERWORK_FULL },
		[ORIGIN_UPNP] = { INTERWORK_FULL, INTERWORK_FULL },
		[ORIGIN_NAT_PMP] = { INTERWORK_FULL, INTERWORK_FULL },
		[ORIGIN_PCP] = { INTERWORK_FULL, INTERWORK_FULL },
	},
	[ORIGIN_UPNP] = {
		[ORIGIN_OPERATOR] = { INTERWORK_OPERATORS,
				      INTERWORK_OPERATORS },
		[ORIGIN_UPNP] = { INTERWORK_FULL, INTERWORK_FULL },
		[ORIGIN_NAT_PMP] = { INTERWORK_EXTEND, INTERWORK_FULL },
		[ORIGIN_PCP] = { INTERWORK_EXTEND, INTERWORK_CONFLICT },
	},
	[ORIGIN_NAT_PMP] = {
		[ORIGIN_OPERATOR] = { INTERWORK_OPERATORS,
				      INTERWORK_OPERATORS },
		[ORIGIN_UPNP] = { INTERWORK_EXTEND, INTERWORK_CONFLICT },
		[ORIGIN_NAT_PMP] = { INTERWORK_FULL, INTERWORK_CONFLICT },
		[ORIGIN_PCP] = { INTERWORK_EXTEND, INTERWORK_CONFLICT },
	},
	[ORIGIN_PCP] = {
		[ORIGIN_OPERATOR] = { INTERWORK_OPERATORS,
				      INTERWORK_OPERATORS },
		[ORIGIN_UPNP] = { INTERWORK_EXTEND, INTERWORK_CONFLICT },
		[ORIGIN_NAT_PMP] = { INTERWORK_EXTEND, INTERWORK_CONFLICT },
		[ORIGIN_PCP] = { BY_NONCE, INTERWORK_CONFLICT },
	},
};

bool interwork_same_nonce(const struct pm_entry *e, const struct pm_req *q)
{
	return memcmp(&e->nonce, &q->nonce, sizeof(e->nonce)) == 0;
}

bool interwork_keeps(const struct pm_entry *e, const struct pm_req *by)
{
	return e->origin == ORIGIN_PCP && by->origin == ORIGIN_UPNP;
}

enum refusal interwork_stays(const struct pm_entry *e, const struct pm_req *q)
{
	if (q->origin == ORIGIN_PCP)
		return REFUSAL_NONCE;
	if (e->origin == ORIGIN_OPERATOR)
		return REFUSAL_OPERATOR;
	return e->origin == ORIGIN_PCP && !e->peer ? REFUSAL_NONCE :
						     REFUSAL_NONE;
}

/* PEER cannot shorten what MAP made (RFC 6887 12.1). */
static enum interwork by_nonce(const struct map *m, const struct pm_entry *e,
			       const struct pm_req *q)
{
	if (!interwork_same_nonce(e, q))
		return m->strict_nonce ? INTERWORK_NONCE : INTERWORK_EXTEND;
	return q->peer && !e->peer ? INTERWORK_EXTEND : INTERWORK_FULL;
}

/* A PCP mapping for some remote hosts is on the wished port: UPnP cannot give
 * the port's other remote hosts to another internal port. */
static bool port_is_kept(const struct map *m, const struct pm_req *q)
{
	const struct portmap *pm = map_table(m, q->rule.kind);
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	if (q->origin != ORIGIN_UPNP || q->rule.kind != NAT_PORTMAP)
		return false;
	while ((slot = portmap_rival(pm, &q->rule, slot)) != PM_NONE) {
		e = portmap_entry(pm, slot);
		if (e->origin == ORIGIN_PCP &&
		    e->rule.int_port != q->rule.int_port)
			return true;
	}
	return false;
}

enum interwork interwork_add(const struct map *m, const struct pm_req *q,
			     uint16_t *ret_slot)
{
	const struct portmap *pm = map_table(m, q->rule.kind);
	const struct pm_entry *e;
	uint8_t what;

	*ret_slot = portmap_find(pm, &q->rule);
	if (port_is_kept(m, q))
		return INTERWORK_CONFLICT;
	e = portmap_entry(pm, *ret_slot);
	if (!e)
		return INTERWORK_NEW;
	/* The table refuses it. */
	if (!addr_equal(e->rule.client, q->rule.client) &&
	    e->origin != ORIGIN_OPERATOR)
		return INTERWORK_NEW;
	what = e->rule.int_port == q->rule.int_port ?
	       cell[q->origin][e->origin].same :
	       cell[q->origin][e->origin].other;
	return what == BY_NONCE ? by_nonce(m, e, q) : (enum interwork)what;
}
