/* SPDX-License-Identifier: ISC */
/*
 * pcp.c - PCP: from a MAP or PEER request to the mapping core, and back to an
 * answer.
 *
 * An IPv4 client gets a port mapping, an IPv6 client a pinhole with unchanged
 * address and port. PEER is a mapping, or a pinhole, that one remote host and
 * port may use; the kernel then sends the client's packets from the mapped port.
 *
 * Never does: read or write a message; change what a request with another nonce
 * may not change: the core decides that (map/interwork.h).
 *
 * Runs in: engine
 */
#include "pmp/pcp.h"

#include <netinet/in.h>
#include <string.h>
#include "base/str.h"
#include "map/mapreport.h"

/* RFC 6887 7.4. The second code is for PREFER_FAILURE and PEER, which accept one
 * port only; 0: the first. */
static const struct {
	uint8_t result, only;
} code[REFUSAL__MAX] = {
	[REFUSAL_NONE] = { PCP_SUCCESS },
	[REFUSAL_SECURE] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_OUTSIDE] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_ROUTER] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_SPECIAL] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_RULE] = { PCP_NOT_AUTHORIZED },	/* see result_of() */
	[REFUSAL_REMOTE] = { PCP_MALFORMED_REQUEST },	/* 12.3 */
	[REFUSAL_ALL_PORTS] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_OWNER] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_OPERATOR] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_NONCE] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_CONFLICT] = { PCP_NO_RESOURCES, PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_FULL] = { PCP_NO_RESOURCES },
	[REFUSAL_CLIENT_FULL] = { PCP_USER_EX_QUOTA },
	[REFUSAL_PINHOLES] = { PCP_NO_RESOURCES },
	[REFUSAL_RATE] = { PCP_NO_RESOURCES },
	[REFUSAL_NO_PORT] = { PCP_NO_RESOURCES, PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_PORT] = { PCP_NO_RESOURCES, PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_FORWARDED] = { PCP_NO_RESOURCES,
				PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_BLOCKED] = { PCP_NOT_AUTHORIZED,
			      PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_NO_ADDRESS] = { PCP_NETWORK_FAILURE },
	[REFUSAL_FIREWALL] = { PCP_NO_RESOURCES },
	[REFUSAL_KIND] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_MONITOR] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_UPSTREAM] = { PCP_NETWORK_FAILURE },
	[REFUSAL_UPSTREAM_PORT] = { PCP_NO_RESOURCES,
				    PCP_CANNOT_PROVIDE_EXTERNAL },
	[REFUSAL_LINK] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_SUBSCRIBERS] = { PCP_NO_RESOURCES },
	[REFUSAL_HOST] = { PCP_NOT_AUTHORIZED },
	[REFUSAL_CONNECTIONS] = { PCP_NO_RESOURCES },
	[REFUSAL_NOT_FOUND] = { PCP_SUCCESS },	/* 15.1: of a deletion */
};

uint32_t pcp_error_s(uint8_t result)
{
	return result == PCP_NETWORK_FAILURE || result == PCP_NO_RESOURCES ||
	       result == PCP_USER_EX_QUOTA ? PCP_ERROR_SHORT_S :
					     PCP_ERROR_LONG_S;
}

static uint64_t now_ms(const struct pmpask *a)
{
	return loop_now_ms(a->loop);
}

static enum nat_kind kind_of(const struct pmpask *a)
{
	return a->msg.client.family == ADDR_IP6 ? NAT_PINHOLE : NAT_PORTMAP;
}

static struct portmap *table_of(const struct pmpask *a)
{
	return map_table(a->map, kind_of(a));
}

static bool is_peer(const struct pmpask *a)
{
	return a->msg.opcode == PCP_PEER;
}

/* Does the request accept the suggested port and address only? */
static bool is_strict(const struct pmpask *a)
{
	return a->msg.prefer_failure || is_peer(a);
}

/* ---- answers ------------------------------------------------------------- */

/* Complete the answer. Return: true */
static bool fail(struct pmpask *a, uint8_t result)
{
	a->answer = (struct pmpmsg_answer){
		.result = result, .lifetime_s = pcp_error_s(result),
	};
	return true;
}

/* 7.4: only the wished port is not allowed if the client may have others. */
static bool may_have_another(const struct pmpask *a)
{
	struct policy_ports range[POLICY_PORTS_MAX];

	return policy_ports(&a->map->policy, &a->wait.req.mapping.rule, 1,
			    range) > 0;
}

static uint8_t result_of(const struct pmpask *a, enum refusal why)
{
	if (!is_strict(a))
		return code[why].result;
	if (why == REFUSAL_RULE && kind_of(a) == NAT_PORTMAP &&
	    may_have_another(a))
		return PCP_CANNOT_PROVIDE_EXTERNAL;
	return code[why].only ? code[why].only : code[why].result;
}

/*
 * 11.3: an error because of the nonce lasts as long as the mapping; one without
 * end may be deleted by the program that made it, so the client may ask again
 * after a day. A port that another client has may be free soon.
 */
static bool refuse(struct pmpask *a, enum refusal why)
{
	fail(a, result_of(a, why));
	if (why == REFUSAL_NONCE)
		a->answer.lifetime_s = a->wait.left_s ? a->wait.left_s :
							PCP_LEASE_MAX_S;
	else if (why == REFUSAL_CONFLICT || why == REFUSAL_NO_PORT)
		a->answer.lifetime_s = PCP_ERROR_SHORT_S;
	return true;
}

/* A lease without end is the longest number (11.3, static mappings). */
static bool succeed(struct pmpask *a, const struct pm_entry *e)
{
	uint32_t left_s = portmap_lease_left(e, now_ms(a));
	struct map_told told = map_told(a->map, e);

	if (e->rule.kind == NAT_PINHOLE)	/* 11.1: unchanged */
		told = (struct map_told){ e->rule.client, e->rule.int_port };
	if (!addr_is_set(told.addr))
		return fail(a, PCP_NETWORK_FAILURE);
	a->made = e->rule;
	a->answer = (struct pmpmsg_answer){
		.lifetime_s = left_s ? left_s : UINT32_MAX,
		.ext_port = told.port, .ext = told.addr,
	};
	return true;
}

/* ---- requests to the mapping core ------------------------------------------ */

/* The request of @a, but for the port and the remote host. */
static struct pm_req *prepare(struct pmpask *a)
{
	struct pm_req *q = pmpask_prepare(a, ORIGIN_PCP);

	a->wait.req.third_party = a->msg.third_party;
	q->peer = is_peer(a);
	q->nonce = a->msg.nonce;
	q->rule.kind = (uint8_t)kind_of(a);
	q->rule.proto = a->msg.proto;
	q->rule.client = a->msg.client;
	q->rule.int_port = a->msg.int_port;
	q->rule.remote = addr_any();
	return q;
}

/* The next of the client's mappings of that protocol and internal port that MAP
 * has made, or PEER (@peer). @slot: PM_NONE, or of the last one */
static const struct pm_entry *next_made(const struct pmpask *a, bool peer,
					uint16_t *slot)
{
	const struct portmap *pm = table_of(a);
	const struct pm_entry *e;

	if (!pm)
		return NULL;
	while ((*slot = portmap_by_socket(pm, a->msg.proto, a->msg.client,
					  a->msg.int_port, *slot)) !=
	       PM_NONE) {
		e = portmap_entry(pm, *slot);
		if (e->origin == ORIGIN_PCP && e->peer == peer)
			return e;
	}
	return NULL;
}

static bool is_nonce_of(const struct pmpask *a, const struct pm_entry *e)
{
	return !memcmp(&e->nonce, &a->msg.nonce, sizeof(e->nonce));
}

static bool has_filter(const struct nat_rule *r)
{
	return addr_is_set(r->remote) || r->remote_port;
}

/* What MAP has made for the client. There may be two while a filter is being
 * replaced: then that with the client's nonce, and that with a filter. */
static const struct pm_entry *find_mapping(const struct pmpask *a)
{
	const struct pm_entry *e, *found = NULL;
	uint16_t slot = PM_NONE;

	while ((e = next_made(a, false, &slot)))
		if (!found || (is_nonce_of(a, e) && !is_nonce_of(a, found)) ||
		    (is_nonce_of(a, e) == is_nonce_of(a, found) &&
		     has_filter(&e->rule)))
			found = e;
	return found;
}

/* What PEER has made for the same remote host and port. */
static const struct pm_entry *find_peer(const struct pmpask *a)
{
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((e = next_made(a, true, &slot)))
		if (addr_equal(e->rule.remote, a->msg.remote) &&
		    e->rule.remote_port == a->msg.remote_port)
			return e;
	return NULL;
}

/* ---- deletion -------------------------------------------------------------- */

/* struct map_wait.done */
static void deleted(struct map_wait *w, enum refusal why,
		    const struct pm_entry *e)
{
	struct pmpask *a = LOOP_OWNER(w, struct pmpask, wait);

	if (why == REFUSAL_NONE)
		a->answer = (struct pmpmsg_answer){ .result = PCP_SUCCESS };
	else
		refuse(a, why);
	a->done(a);
}

/* 15.1: what is not there is deleted. A mapping for all ports exists only as a
 * pinhole. */
static bool delete(struct pmpask *a)
{
	int res;

	a->answer = (struct pmpmsg_answer){ .result = PCP_SUCCESS };
	prepare(a);
	if (!nat_rule_has_proto(kind_of(a), a->msg.proto) ||
	    (kind_of(a) == NAT_PORTMAP && !a->msg.int_port))
		return true;
	a->wait.done = deleted;
	res = map_delete_own(a->map, &a->wait, now_ms(a));
	if (res == MAP_WAIT)
		return false;
	return res == REFUSAL_NONE || refuse(a, (enum refusal)res);
}

/* ---- a new filter ------------------------------------------------------------ */

/* The mapping with the former filter is gone, or could not be deleted. */
static bool replaced(struct pmpask *a, enum refusal why)
{
	const struct portmap *pm = table_of(a);
	const struct pm_entry *e = portmap_entry(pm, portmap_find(pm,
								  &a->made));

	if (why == REFUSAL_NONE && e)
		return succeed(a, e);
	a->made.kind = 0;
	return why == REFUSAL_NONE ? fail(a, PCP_NO_RESOURCES) :
				     refuse(a, why);
}

/* struct map_wait.done */
static void on_replaced(struct map_wait *w, enum refusal why,
			const struct pm_entry *e)
{
	struct pmpask *a = LOOP_OWNER(w, struct pmpask, wait);

	replaced(a, why);
	a->done(a);
}

/* Has MAP made another mapping, with the same nonce and another filter? */
static bool has_former(const struct pmpask *a)
{
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((e = next_made(a, false, &slot)))
		if (is_nonce_of(a, e) &&
		    !nat_rule_same_remote(&e->rule, &a->made))
			return true;
	return false;
}

/* The mapping @e is there. The filter is enforced only when the one without it,
 * or with another one, is gone. Return: as pcp_start() */
static bool replace(struct pmpask *a, const struct pm_entry *e)
{
	struct nat_rule *r;
	int res;

	succeed(a, e);
	if (a->answer.result || is_peer(a) || !has_former(a))
		return true;
	r = &prepare(a)->rule;
	r->remote = a->made.remote;
	r->remote_port = a->made.remote_port;
	a->wait.req.except = true;
	a->wait.done = on_replaced;
	res = map_delete_own(a->map, &a->wait, now_ms(a));
	return res != MAP_WAIT && replaced(a, (enum refusal)res);
}

/* ---- a mapping ---------------------------------------------------------------- */

/* struct map_wait.done */
static void added(struct map_wait *w, enum refusal why,
		  const struct pm_entry *e)
{
	struct pmpask *a = LOOP_OWNER(w, struct pmpask, wait);

	if (e ? replace(a, e) : refuse(a, why))
		a->done(a);
}

/* 15: lifetimes; 12.1: PEER never makes one shorter. */
static uint32_t lease_of(const struct pmpask *a)
{
	const struct pm_entry *e = is_peer(a) ? find_peer(a) : NULL;
	uint32_t s = a->msg.lifetime_s, left_s;

	s = s < PCP_LEASE_MIN_S ? PCP_LEASE_MIN_S : s;
	s = s > PCP_LEASE_MAX_S ? PCP_LEASE_MAX_S : s;
	left_s = e ? portmap_lease_left(e, now_ms(a)) : 0;
	return left_s > s ? left_s : s;
}

/* @wished: the external port; 0: none. @only: no other one */
static bool add(struct pmpask *a, struct addr remote, uint16_t remote_port,
		uint16_t wished, bool only)
{
	struct pm_req *q = prepare(a);
	const struct pm_entry *e;
	int res;

	q->rule.remote = remote;
	q->rule.remote_port = remote_port;
	q->rule.ext_port = kind_of(a) == NAT_PORTMAP ? wished : 0;
	str_copy(q->desc, sizeof(q->desc), STR(PMPASK_DESC_PCP));
	a->wait.req.port = only ? MAP_PORT_OWN_ONLY : MAP_PORT_OWN;
	a->wait.req.lease_s = lease_of(a);
	a->wait.done = added;
	res = map_add(a->map, &a->wait, now_ms(a), &e);
	if (res == MAP_WAIT)
		return false;
	return e ? replace(a, e) : refuse(a, (enum refusal)res);
}

/* Can the suggested address and port be had at all? A pinhole has those of the
 * client. */
static bool is_possible(const struct pmpask *a)
{
	const struct pmpmsg *m = &a->msg;
	bool pinhole = kind_of(a) == NAT_PINHOLE;
	struct addr ext = pinhole ? m->client : a->map->ext;

	if (addr_is_set(m->ext) && !addr_equal(m->ext, ext))
		return false;
	return !pinhole || !m->ext_port || m->ext_port == m->int_port;
}

/* 13.3: the filters of a request are added to those of the mapping, and one is
 * all that there can be. Without the option, the mapping keeps its filter. A
 * suggested address that is not ours does not matter to MAP (11.3). */
static bool map(struct pmpask *a)
{
	const struct pmpmsg *m = &a->msg;
	const struct pm_entry *e = find_mapping(a);
	struct nat_rule r = { .remote = addr_any() };
	bool adds = m->filter == PMPMSG_ADD;

	if (m->prefer_failure && !is_possible(a))
		return fail(a, PCP_CANNOT_PROVIDE_EXTERNAL);
	if (m->filter == PMPMSG_KEEP && e) {
		r = e->rule;
	} else if (adds || m->filter == PMPMSG_SET) {
		r.remote = m->remote;
		r.remote_port = m->remote_port;
	}
	if (adds && has_filter(&r) && e && is_nonce_of(a, e) &&
	    has_filter(&e->rule) && !nat_rule_same_remote(&r, &e->rule))
		return fail(a, PCP_EXCESSIVE_REMOTE_PEERS);
	return add(a, r.remote, r.remote_port, m->ext_port,
		   m->prefer_failure);
}

bool pcp_flow(struct pmpask *a, uint16_t ext_port)
{
	const struct pmpmsg *m = &a->msg;

	a->asks_flow = false;
	/* 12.3: of a flow, what is suggested does not matter */
	if (ext_port)
		return add(a, m->remote, m->remote_port, ext_port, true);
	if (!is_possible(a))
		return fail(a, PCP_CANNOT_PROVIDE_EXTERNAL);
	return add(a, m->remote, m->remote_port, m->ext_port,
		   m->ext_port != 0);
}

/* A mapping that PEER made already decides about the port. */
static bool peer(struct pmpask *a)
{
	const struct pmpmsg *m = &a->msg;

	if (kind_of(a) == NAT_PINHOLE)
		return pcp_flow(a, 0);
	if (find_peer(a))
		return add(a, m->remote, m->remote_port, 0, false);
	if (!a->ask_flow)
		return pcp_flow(a, 0);
	a->flow = prepare(a)->rule;
	a->flow.remote = m->remote;
	a->flow.remote_port = m->remote_port;
	a->asks_flow = true;
	a->ask_flow(a);
	return false;
}

/*
 * All ports of a client, or all its protocols (11.3). The policy decides first:
 * without a line that allows all ports it is NOT_AUTHORIZED, because the
 * operator has not asked for that. With such a line, UNSUPP_PROTOCOL says that
 * there is no such port mapping, and nothing for all protocols. Return: the
 * result, 0: go on
 */
static uint8_t check_wildcard(struct pmpask *a)
{
	struct nat_rule r = prepare(a)->rule;
	enum refusal why;
	unsigned line;

	r.kind = NAT_PINHOLE;	/* the kind that can have all ports */
	why = policy_check(&a->map->policy, &r, a->msg.third_party ?
			   addr_any() : a->source, &line);
	if (why != REFUSAL_NONE) {
		mapreport_refusal(a->map, &a->wait, why, line);
		return code[why].result;
	}
	return kind_of(a) == NAT_PINHOLE ? PCP_SUCCESS : PCP_UNSUPP_PROTOCOL;
}

static uint8_t check(struct pmpask *a)
{
	uint8_t result = a->msg.int_port ? PCP_SUCCESS : check_wildcard(a);

	if (result)
		return result;
	if (!nat_rule_has_proto(kind_of(a), a->msg.proto))
		return PCP_UNSUPP_PROTOCOL;
	if (kind_of(a) == NAT_PORTMAP && !addr_is_set(a->map->ext))
		return PCP_NETWORK_FAILURE;
	return PCP_SUCCESS;
}

bool pcp_start(struct pmpask *a)
{
	uint8_t result;

	if (a->msg.third_party && !a->may_third_party)
		return fail(a, PCP_UNSUPP_OPTION);
	if (!is_peer(a) && !a->msg.lifetime_s)
		return delete(a);
	result = check(a);
	if (result)
		return fail(a, result);
	return is_peer(a) ? peer(a) : map(a);
}
