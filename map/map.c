/* SPDX-License-Identifier: ISC */
/*
 * map.c - the mapping core: check new requests, apply a changed policy, handle
 * the monitor's answers, end leases.
 *
 * Owns: the requests that wait. A request waits for its own op in the mapping
 * table and gets the op's result; or it waits for another request's op on the
 * same key, and starts again when that op is done.
 * Never does: write to a struct map_wait after its done() was called, because
 * the owner may have freed it or used it again.
 * Runs in: engine
 */
#include <string.h>
#include "map/asking.h"
#include "map/map.h"
#include "map/mapreport.h"
#include "map/range.h"
#include "map/share.h"
#include "map/start.h"
#include "map/upwait.h"
#include "map/waitlist.h"

void map_init(struct map *m, struct portmap *pm)
{
	m->pm = pm;
	m->update_id = 0;
	share_init(m);
	if (m->pinholes)
		portmap_seed_ids(m->pinholes,
				 (uint16_t)m->ops->rnd(m->ops_arg));
	m->waiting = m->ready = m->asking = m->at_upstream = NULL;
	m->range_left = 0;
	m->range_why = REFUSAL_NONE;
	m->resume_ms = UINT64_MAX;
}

/* ---- new requests -------------------------------------------------- */

static bool is_operators(const struct map_wait *w)
{
	return w->req.mapping.origin == ORIGIN_OPERATOR;
}

/* A line that forbids the wished port does not matter if the request accepts
 * any port. Another address than the requester's may be its own: see
 * start_run(). */
static enum refusal check_policy(struct map *m, struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	unsigned line;
	enum refusal why = policy_check(&m->policy, &q->rule,
					is_operators(w) || w->req.third_party ?
					addr_any() : q->requester, &line);

	w->asks = why == REFUSAL_SECURE && asking_may(m, q, q->rule.client);
	if (why == REFUSAL_NONE || w->asks ||
	    (why == REFUSAL_RULE && start_may_change_port(w)))
		return REFUSAL_NONE;
	return mapreport_refusal(m, w, why, line);
}

/* Only new mappings are limited: a renewal does not change the firewall. */
static enum refusal check_share(struct map *m, struct map_wait *w,
				uint64_t now_ms)
{
	enum refusal why = share_check(m, w, now_ms);

	return why == REFUSAL_NONE ? why : mapreport_refusal(m, w, why, 0);
}

/* max-lease limits clients. It also limits a request for a lease without end,
 * unless max-lease has its highest value. Return: seconds, 0: without end */
static uint32_t grant_lease(const struct map *m, const struct map_wait *w)
{
	uint32_t max_s = is_operators(w) ? PM_LEASE_MAX_S : m->max_lease_s;
	uint64_t wish_s = w->req.lease_s;

	if (wish_s == MAP_LEASE_FOREVER && max_s == PM_LEASE_MAX_S)
		return 0;
	if (!wish_s)
		return 1;
	return wish_s < max_s ? (uint32_t)wish_s : max_s;
}

static void prepare(struct map *m, struct map_wait *w, enum map_what what)
{
	w->what = (uint8_t)what;
	w->asks = false;
	w->deleted = false;
	w->line = 0;
	w->left_s = 0;
	w->tries = 0;
	w->wished = w->req.mapping.rule.ext_port;
	w->made = false;
	upwait_translate(m, w);
	asking_set_host(m, w);
}

int map_add(struct map *m, struct map_wait *w, uint64_t now_ms,
	    const struct pm_entry **ret)
{
	enum refusal why;

	*ret = NULL;
	prepare(m, w, MAP_ADD);
	if (!map_table(m, w->req.mapping.rule.kind))
		return (int)mapreport_refusal(m, w, REFUSAL_KIND, 0);
	why = check_policy(m, w);
	if (why == REFUSAL_NONE)
		why = check_share(m, w, now_ms);
	if (why != REFUSAL_NONE)
		return (int)why;
	w->req.mapping.lease_s = grant_lease(m, w);
	return start_run(m, w, now_ms, ret);
}

int map_renew(struct map *m, struct map_wait *w, uint64_t now_ms,
	      const struct pm_entry **ret)
{
	*ret = NULL;
	if (!m->pinholes)
		return REFUSAL_NOT_FOUND;
	w->req.mapping.rule = (struct nat_rule){ .kind = NAT_PINHOLE };
	prepare(m, w, MAP_RENEW);
	w->req.mapping.lease_s = grant_lease(m, w);
	return start_run(m, w, now_ms, ret);
}

static int start_on_key(struct map *m, struct map_wait *w, enum map_what what)
{
	const struct pm_entry *none;

	prepare(m, w, what);
	if (!map_table(m, w->req.mapping.rule.kind))
		return REFUSAL_NOT_FOUND;
	return start_run(m, w, 0, &none);
}

int map_may(struct map *m, struct map_wait *w)
{
	return start_on_key(m, w, MAP_MAY);
}

int map_delete(struct map *m, struct map_wait *w)
{
	return start_on_key(m, w, MAP_DELETE);
}

int map_delete_own(struct map *m, struct map_wait *w, uint64_t now_ms)
{
	const struct pm_req *q = &w->req.mapping;
	const struct pm_entry *none;

	prepare(m, w, MAP_DELETE_OWN);
	if (!map_table(m, q->rule.kind))
		return REFUSAL_NONE;
	if (m->policy.secure && !w->req.third_party &&
	    !addr_equal(q->requester, q->rule.client))
		return (int)mapreport_refusal(m, w, REFUSAL_SECURE, 0);
	return start_run(m, w, now_ms, &none);
}

int map_delete_range(struct map *m, struct map_wait *w, uint16_t lo,
		     uint16_t hi, bool others)
{
	const struct pm_entry *none;

	prepare(m, w, MAP_DELETE_RANGE);
	w->req.mapping.rule.kind = 0;	/* it is about many mappings */
	w->lo = lo;
	w->hi = hi;
	w->others = others;
	return start_run(m, w, 0, &none);
}

void map_cancel(struct map *m, struct map_wait *w)
{
	if (!waitlist_del(&m->waiting, w) && !waitlist_del(&m->ready, w) &&
	    !waitlist_del(&m->asking, w))
		waitlist_del(&m->at_upstream, w);
}

/* ---- a changed policy ---------------------------------------------- */

static bool resume(struct map *m, struct portmap *pm, uint16_t slot)
{
	int res;

	/* map_ask_again() resumes the overruled ones */
	if (!portmap_is_suspended(portmap_entry(pm, slot)))
		return false;
	mapreport_begin(m, pm, slot);
	res = portmap_resume(pm, slot);
	if (res == PM_DONE)
		mapreport_stored(m, portmap_entry(pm, slot), NULL);
	return res == PM_DONE || res == PM_STARTED;
}

/* A suspension does not end the operator's mappings, because nobody would
 * request them again. */
static bool suspend(struct map *m, struct portmap *pm, uint16_t slot,
		    uint64_t now_ms)
{
	const struct pm_entry *e = portmap_entry(pm, slot);
	uint64_t until_ms = now_ms + UINT64_C(1000) * PM_SUSPENDED_MAX_S;

	if (e->origin == ORIGIN_OPERATOR)
		until_ms = UINT64_MAX;
	mapreport_begin(m, pm, slot);
	if (!portmap_suspend(pm, slot, until_ms))
		return false;
	mapreport_stored(m, e, NULL);
	return true;
}

static enum refusal check_again(const struct map *m, const struct pm_entry *e,
				unsigned *ret_line)
{
	return policy_check(&m->policy, &e->rule, addr_any(), ret_line);
}

/* The operator's mappings are logged here too, because no answer to the
 * operator reports the removal. Return: false if an op is in flight */
static bool remove_forbidden(struct map *m, struct portmap *pm,
			     const struct pm_entry *e, enum refusal why,
			     unsigned line)
{
	struct refused r = { .why = why, .line = line, .origin = e->origin,
			     .rule = e->rule, .client = e->requester };

	mapreport_begin(m, pm, portmap_find(pm, &e->rule));
	if (!portmap_forget(pm, &r.rule))
		return false;
	m->ops->refused(m->ops_arg, &r);
	mapreport_gone(m, NULL, why, line);
	return true;
}

/* A mapping with an op in flight is left as it is: see check_answered(). */
static void apply_policy(struct map *m, struct portmap *pm, uint64_t now_ms,
			 struct map_applied *did)
{
	size_t i = 0;

	while (i < portmap_count(pm)) {
		uint16_t slot = portmap_at(pm, i);
		const struct pm_entry *e = portmap_entry(pm, slot);
		unsigned line;
		enum refusal why = check_again(m, e, &line);

		if (why == REFUSAL_NONE)
			did->resumed += resume(m, pm, slot);
		else if (why == REFUSAL_OUTSIDE)
			did->suspended += suspend(m, pm, slot, now_ms);
		else if (remove_forbidden(m, pm, e, why, line))
			continue;	/* the next mapping has index i now */
		i++;
	}
}

struct map_applied map_apply_policy(struct map *m, uint64_t now_ms)
{
	struct map_applied did = { 0 };
	struct portmap *pm = NULL;

	share_find_hosts(m);
	while ((pm = map_next_table(m, pm)))
		apply_policy(m, pm, now_ms, &did);
	return did;
}

/* Check the mapping with the key of @rule again after an op on it, because the
 * policy may have changed while the op was in flight. A sync follows each such
 * change and waits for the op, so it removes the rule from the kernel. */
static void check_answered(struct map *m, const struct nat_rule *rule,
			   uint64_t now_ms)
{
	struct portmap *pm = map_table(m, rule->kind);
	uint16_t slot = portmap_find(pm, rule);
	const struct pm_entry *e = portmap_entry(pm, slot);
	enum refusal why;
	unsigned line;

	if (!e)
		return;
	why = check_again(m, e, &line);
	if (why == REFUSAL_OUTSIDE)
		suspend(m, pm, slot, now_ms);
	else if (why != REFUSAL_NONE)
		remove_forbidden(m, pm, e, why, line);
	else if (portmap_is_suspended(e) && m->resume_ms == UINT64_MAX)
		m->resume_ms = now_ms + MAP_RESUME_MS;
}

static void resume_table(struct map *m, struct portmap *pm)
{
	unsigned line;

	for (size_t i = 0; i < portmap_count(pm); i++) {
		uint16_t slot = portmap_at(pm, i);

		if (check_again(m, portmap_entry(pm, slot), &line) ==
		    REFUSAL_NONE)
			resume(m, pm, slot);
	}
}

static void resume_again(struct map *m)
{
	struct portmap *pm = NULL;

	m->resume_ms = UINT64_MAX;
	while ((pm = map_next_table(m, pm)))
		resume_table(m, pm);
}

/* ---- overruled mappings -------------------------------------------- */

void map_overruled(struct map *m, const struct nat_rule *rule)
{
	struct portmap *pm = map_table(m, rule->kind);
	uint16_t slot = pm ? portmap_find(pm, rule) : PM_NONE;

	if (slot == PM_NONE ||
	    !nat_rule_equal(&portmap_entry(pm, slot)->rule, rule))
		return;
	mapreport_begin(m, pm, slot);
	if (portmap_overrule(pm, slot))
		mapreport_stored(m, portmap_entry(pm, slot), NULL);
}

void map_ask_again(struct map *m)
{
	struct portmap *pm = NULL;
	bool any = false;

	while ((pm = map_next_table(m, pm)))
		for (size_t i = 0; i < portmap_count(pm); i++) {
			uint16_t slot = portmap_at(pm, i);

			if (portmap_entry(pm, slot)->overruled)
				any |= portmap_resume(pm, slot) == PM_STARTED;
		}
	if (any)
		m->ops->wake(m->ops_arg);
}

/* ---- answers of the monitor ---------------------------------------- */

/* Could a request for another port succeed? */
static bool depends_on_port(enum refusal why)
{
	return why == REFUSAL_PORT || why == REFUSAL_FORWARDED ||
	       why == REFUSAL_BLOCKED;
}

/* The op of @w is done. @slot: the mapping, if it was to be added or renewed */
static void finish(struct map *m, struct map_wait *w, enum refusal why,
		   uint16_t slot)
{
	const struct pm_entry *e = NULL;

	/* Only the monitor knows which ports are taken. If the request accepts
	 * any port, start again with another one. */
	if (w->what == MAP_ADD && start_may_change_port(w) &&
	    depends_on_port(why) && ++w->tries < PM_ANY_TRIES) {
		w->wished = 0;
		waitlist_add(&m->ready, w);
		return;
	}
	/* There may be another one to delete. A range has no slot. */
	if (w->what == MAP_DELETE_OWN && why == REFUSAL_NONE &&
	    slot != PM_NONE) {
		w->deleted = true;
		waitlist_add(&m->ready, w);
		return;
	}
	if (why == REFUSAL_NONE && w->what == MAP_ADD) {
		int res = upwait_start(m, w, slot);

		if (res == MAP_WAIT)
			return;
		why = (enum refusal)res;
	}
	if (why != REFUSAL_NONE)
		why = mapreport_refusal(m, w, why, 0);
	else if (w->what == MAP_ADD || w->what == MAP_RENEW)
		e = portmap_entry(map_table(m, w->req.mapping.rule.kind), slot);
	w->done(w, why, e);
}

/* A done() may cancel requests or make new ones. Requests that start again are
 * in m->ready, where map_cancel() finds them. One that has to wait once more
 * moves to m->waiting. */
static void start_again(struct map *m, uint64_t now_ms)
{
	const struct pm_entry *e;
	struct map_wait *w;
	int why;

	while ((w = m->ready)) {
		m->ready = w->next;
		why = start_run(m, w, now_ms, &e);
		if (why != MAP_WAIT)
			w->done(w, (enum refusal)why, e);
	}
}

void map_hosts_changed(struct map *m, uint64_t now_ms)
{
	while (m->asking) {
		struct map_wait *w = m->asking;

		m->asking = w->next;
		waitlist_add(&m->ready, w);
	}
	start_again(m, now_ms);
}

/* The request whose op on @slot is done, or NULL. */
static const struct pm_req *asker_of(const struct map *m, enum nat_kind kind,
				     uint16_t slot)
{
	const struct map_wait *w = waitlist_owner(m, kind, slot);

	if (!w && kind == NAT_PORTMAP && range_has(m, slot))
		w = waitlist_owner(m, NAT_PORTMAP, PM_NONE);
	return w ? &w->req.mapping : NULL;
}

/* The op may replace the mapping of another slot. */
static void begin_answer(struct map *m, const struct portmap *pm, uint16_t slot)
{
	const struct pm_entry *e = portmap_entry(pm, slot);

	if (e)
		mapreport_begin(m, pm, e->state == PM_ADDING ? e->replaces :
							       slot);
}

void map_answer(struct map *m, struct nat_op_id id, enum nat_err err,
		uint64_t now_ms)
{
	struct portmap *pm = map_table(m, id.table);
	enum refusal why = refusal_of_nat(err);
	struct map_wait *owner, *ranger;
	const struct pm_req *by;
	uint16_t slot = PM_NONE;
	enum pm_change change;
	struct nat_rule rule;

	if (!pm)
		return;
	begin_answer(m, pm, id.slot);
	change = portmap_done(pm, id, err, now_ms, &slot, &rule);
	if (slot == PM_NONE)
		return;
	by = asker_of(m, rule.kind, slot);
	if (change == PM_ADDED || change == PM_UPDATED)
		mapreport_stored(m, portmap_entry(pm, slot), by);
	else if (change == PM_REMOVED)
		mapreport_gone(m, by, REFUSAL_NONE, 0);
	owner = waitlist_wake(m, rule.kind, slot);
	ranger = rule.kind == NAT_PORTMAP ? range_done(m, slot, why) : NULL;
	if (owner) {
		owner->made = change == PM_ADDED;
		finish(m, owner, why, slot);
	}
	if (ranger)
		finish(m, ranger, m->range_why, PM_NONE);
	check_answered(m, &rule, now_ms);
	start_again(m, now_ms);
}

/* ---- without a request --------------------------------------------- */

static void expired(void *arg, const struct pm_snapshot *was)
{
	struct map *m = arg;

	m->was = *was;
	mapreport_gone(m, NULL, REFUSAL_NONE, 0);
}

uint64_t map_tick(struct map *m, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX, due_ms;
	struct portmap *pm = NULL;

	if (m->resume_ms <= now_ms)
		resume_again(m);
	while ((pm = map_next_table(m, pm))) {
		portmap_expire(pm, now_ms, &due_ms, expired, m);
		next_ms = due_ms < next_ms ? due_ms : next_ms;
	}
	m->ops->wake(m->ops_arg);
	return next_ms < m->resume_ms ? next_ms : m->resume_ms;
}

struct map_told map_told(const struct map *m, const struct pm_entry *e)
{
	return (struct map_told){ m->ext, e->told_port };
}
