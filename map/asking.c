/* SPDX-License-Identifier: ISC */
/*
 * asking.c - requests that wait until the neighbour table tells whether an
 * address belongs to the host that asks.
 *
 * Owns: map.asking. The owner bounds the wait: after a second, map_ops.same_host
 * no longer returns MAP_ASKED.
 * Runs in: engine
 */
#include "map/asking.h"
#include "map/holder.h"
#include "map/mapreport.h"
#include "map/waitlist.h"

/* An IPv4 host that maps an IPv4 port is counted by its address: there is no
 * need to ask the kernel for each mapping. */
void asking_set_host(struct map *m, struct map_wait *w)
{
	struct pm_req *q = &w->req.mapping;

	q->host = (struct addr){ 0 };
	if (q->origin == ORIGIN_OPERATOR || !q->requester_if ||
	    !m->ops->host || (q->rule.kind != NAT_PINHOLE &&
			      q->requester.family != ADDR_IP6))
		return;
	if (!m->ops->host(m->ops_arg, q->requester_if, q->requester, &q->host))
		q->host = (struct addr){ 0 };
}

/* A host has one IPv4 address. Several at one link-layer address are hosts
 * behind a Wi-Fi repeater or a proxy. */
bool asking_may(const struct map *m, const struct pm_req *by,
		struct addr client)
{
	return by->requester_if && m->ops->same_host &&
	       (by->requester.family == ADDR_IP6 ||
		client.family == ADDR_IP6);
}

/* The table of an interface may show an address of another one's network: a
 * host enters any address with the source of a neighbour solicitation. */
enum map_same asking_same(const struct map *m, const struct pm_req *by,
			  struct addr client)
{
	if (!asking_may(m, by, client) ||
	    !policy_on_link(&m->policy, by->requester_if, client))
		return MAP_OTHER;
	return m->ops->same_host(m->ops_arg, by->requester_if, by->requester,
				 client);
}

static bool is_same_asker(const struct pm_req *a, const struct pm_req *b)
{
	return addr_equal(holder_asker(a->requester, a->host),
			  holder_asker(b->requester, b->host));
}

int asking_wait(struct map *m, struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	size_t n = 0, own = 0;

	for (const struct map_wait *o = m->asking; o; o = o->next) {
		n++;
		own += is_same_asker(q, &o->req.mapping);
	}
	if (n >= MAP_ASKING_MAX || own >= MAP_ASKING_PER_HOST)
		return (int)mapreport_refusal(m, w, REFUSAL_RATE, 0);
	waitlist_add(&m->asking, w);
	return MAP_WAIT;
}
