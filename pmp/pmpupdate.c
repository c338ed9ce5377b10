/* SPDX-License-Identifier: ISC */
/*
 * pmpupdate.c - mapping updates.
 *
 * Owns: where the last request for each port mapping came from.
 * Invariant: a slot of the mapping table may be used by another mapping later,
 * so what is noted counts only while the mapping has the same rule.
 *
 * Runs in: engine
 */
#include "pmp/pmpupdate.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

static uint32_t hash_of(const struct nat_rule *r)
{
	uint64_t h = hash_add(HASH_BEGIN, r, sizeof(*r));

	return (uint32_t)(h ^ h >> 32);
}

void pmpupdate_note(struct pmpupdate *u, const struct pmpask *a, uint16_t port,
		    size_t sock)
{
	uint16_t slot;

	if (a->made.kind != NAT_PORTMAP || a->source.family != ADDR_IP4)
		return;
	slot = portmap_find(u->map->pm, &a->made);
	if (slot >= u->client_n)	/* PM_NONE as well */
		return;
	u->client[slot] = (struct pmpupdate_client){
		.nonce = a->msg.nonce, .ip = addr_to_ip4(a->source),
		.rule = hash_of(&a->made), .port = port,
		.told = portmap_entry(u->map->pm, slot)->told_port,
		.sock = (uint8_t)sock, .third_party = a->msg.third_party,
		.prefer_failure = a->msg.prefer_failure,
		.filter = a->msg.filter != PMPMSG_KEEP,
	};
}

/* The request that made the mapping @e, as its update answers it. */
static struct pmpmsg request_of(const struct pmpupdate_client *c,
				const struct pm_entry *e)
{
	const struct nat_rule *r = &e->rule;
	bool any = !addr_is_set(r->remote) && !r->remote_port;

	return (struct pmpmsg){
		.version = PMP_VERSION_PCP,
		.opcode = e->peer ? PCP_PEER : PCP_MAP,
		.proto = r->proto, .int_port = r->int_port,
		.ext_port = e->told_port, .lifetime_s = PCP_LEASE_MIN_S,
		.nonce = c->nonce, .client = r->client,
		.third_party = c->third_party,
		.prefer_failure = c->prefer_failure,
		.filter = !c->filter || e->peer ? PMPMSG_KEEP :
			  any ? PMPMSG_CLEAR : PMPMSG_SET,
		.remote = r->remote, .remote_port = r->remote_port,
	};
}

/* A client that accepts one address only gets an error (14.2). */
static void update(struct pmpupdate *u, const struct pmpupdate_client *c,
		   const struct pm_entry *e)
{
	const struct pmpmsg m = request_of(c, e);
	uint32_t left_s = portmap_lease_left(e, loop_now_ms(u->loop));
	struct pmpmsg_answer a = {
		.lifetime_s = left_s ? left_s : UINT32_MAX,
		.ext_port = e->told_port, .ext = u->map->ext,
	};

	if (c->prefer_failure) {
		a.result = PCP_CANNOT_PROVIDE_EXTERNAL;
		a.lifetime_s = PCP_ERROR_SHORT_S;
	}
	u->send(u, c, &m, &a);
}

/* Return: false: there is nothing to send for this slot */
static bool send_one(struct pmpupdate *u, size_t slot)
{
	struct pmpupdate_client *c = &u->client[slot];
	const struct pm_entry *e;

	if (!c->due)
		return false;
	e = portmap_entry(u->map->pm, (uint16_t)slot);
	if (!e || !portmap_is_shown(e) || hash_of(&e->rule) != c->rule) {
		*c = (struct pmpupdate_client){ .port = 0 };
		return false;
	}
	c->told = e->told_port;
	update(u, c, e);
	return true;
}

void pmpupdate_forget(struct pmpupdate *u, size_t sock)
{
	for (size_t i = 0; i < u->client_n; i++)
		if (u->client[i].port && u->client[i].sock == sock)
			u->client[i] = (struct pmpupdate_client){ .port = 0 };
}

/* The gaps between the rounds are 250 and 500 ms (14.2). */
static void on_timer(struct loop_timer *t)
{
	struct pmpupdate *u = LOOP_OWNER(t, struct pmpupdate, timer);
	unsigned sent = 0;

	if (!addr_is_set(u->map->ext))
		return;
	while (u->next < u->client_n && sent < PMP_UPDATE_BURST)
		sent += send_one(u, u->next++);
	if (u->next < u->client_n) {
		loop_timer_set(u->loop, t, PMP_UPDATE_GAP_MS);
		return;
	}
	u->next = 0;
	if (++u->round < PMP_UPDATE_N) {
		loop_timer_set(u->loop, t, (uint64_t)PMP_UPDATE_MS <<
					   (u->round - 1));
		return;
	}
	/* memory that was never used stays untouched */
	for (size_t i = 0; i < u->client_n; i++)
		if (u->client[i].due)
			u->client[i].due = false;
}

static void begin_rounds(struct pmpupdate *u)
{
	u->round = 0;
	u->next = 0;
	loop_timer_set(u->loop, &u->timer, 0);
}

void pmpupdate_stored(struct pmpupdate *u, const struct pm_entry *e)
{
	uint16_t slot = PM_NONE;
	struct pmpupdate_client *c;

	if (e->rule.kind == NAT_PORTMAP)
		slot = portmap_find(u->map->pm, &e->rule);
	if (slot >= u->client_n)	/* PM_NONE as well */
		return;
	c = &u->client[slot];
	if (!c->port || c->told == e->told_port ||
	    c->rule != hash_of(&e->rule) || !addr_is_set(u->map->ext))
		return;
	c->due = true;
	begin_rounds(u);
}

void pmpupdate_begin(struct pmpupdate *u)
{
	if (!addr_is_set(u->map->ext)) {
		loop_timer_del(u->loop, &u->timer);
		return;
	}
	for (size_t i = 0; i < u->client_n; i++)
		if (u->client[i].port)
			u->client[i].due = true;
	begin_rounds(u);
}

bool pmpupdate_init(struct pmpupdate *u)
{
	u->client_n = portmap_slots(u->map->pm);
	u->client = mem_reserve(u->client_n, sizeof(*u->client));
	u->timer.cb = on_timer;
	return u->client != NULL;
}

void pmpupdate_done(struct pmpupdate *u)
{
	loop_timer_del(u->loop, &u->timer);
	mem_free(u->client, u->client_n, sizeof(*u->client));
}
