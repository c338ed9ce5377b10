/* SPDX-License-Identifier: ISC */
/*
 * portmap.c - the mapping table.
 *
 * Owns: every mapping, the order in which they were made, and the operations
 * ("ops") on their way to the kernel.
 * Never does: read a clock, allocate after portmap_new(), touch the firewall.
 * Invariants, beside those of pmtable.c, where its memory is:
 *  - all entries in a state from ACTIVE on are committed, and are in the order;
 *  - all entries that are rivals (nat_rule_rivals()) have one client;
 *  - of one key there is at most one committed entry and one that replaces it,
 *    and at most one op in flight;
 *  - of the committed entries, the kernel has those that are enabled and
 *    neither suspended nor overruled, and no others; an entry is never both;
 *  - a committed entry that has an end is in the expiry heap, unless it has
 *    ended: then it waits for the op that is in flight.
 * Runs in: engine
 */
#include "base/mem.h"
#include "map/holder.h"
#include "map/pmtable.h"

#define RETRY_MS	5000	/* until an expired rule is deleted again */

/* ---- creation ------------------------------------------------------ */

struct portmap *portmap_new(size_t max, size_t per_client)
{
	return pmtable_new(max, per_client);
}

void portmap_free(struct portmap *pm)
{
	if (pm)
		mem_free(pm, 1, pm->bytes);
}

/* ---- entries ------------------------------------------------------- */

/* Does the kernel have the rule of this committed entry? (There must not be an
 * op in flight.) */
static bool has_rule(const struct pm_entry *e)
{
	return e->enabled && e->state != PM_SUSPENDED;
}

static bool in_flight(const struct pm_entry *e)
{
	return e->queued || e->sent;
}

/* The slot of the ADDING entry that will replace @old. */
static uint16_t replacement_of(const struct portmap *pm, uint16_t old)
{
	const struct nat_rule *rule = &pm->entry[old].rule;
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_rival(pm, rule, slot)) != PM_NONE) {
		e = &pm->entry[slot];
		if (e->state == PM_ADDING && e->replaces == old)
			break;
	}
	return slot;
}

/* ---- the steps of a change ----------------------------------------- */

/* Does an existing entry prevent @req? Return: PM_DONE: no, and *ret_old is the
 * mapping that @req overwrites, if any; PM_BUSY: wait for *ret_slot; or a
 * refusal */
static int check_conflict(const struct portmap *pm, const struct pm_req *req,
			  uint16_t *ret_old, uint16_t *ret_slot)
{
	const struct nat_rule *rule = &req->rule;
	uint16_t slot = PM_NONE, busy = PM_NONE;
	int res = PM_DONE;
	const struct pm_entry *e;
	bool other;

	while ((slot = portmap_rival(pm, rule, slot)) != PM_NONE) {
		e = &pm->entry[slot];
		other = !addr_equal(e->rule.client, rule->client);
		if (!other && !nat_rule_same_key(&e->rule, rule))
			continue;
		if (in_flight(e))
			busy = slot;
		else if (e->state == PM_EXPIRING)
			res = REFUSAL_FIREWALL;
		else if (other)
			return REFUSAL_CONFLICT;
		else
			*ret_old = slot;
	}
	if (busy == PM_NONE)
		return res;
	*ret_slot = busy;
	return PM_BUSY;
}

/* The lease file has no link-layer addresses. Without them, several hosts of a
 * network have one holder, and would lose pinholes at a restart. */
static bool holder_known(const struct pm_req *req)
{
	return req->rule.kind != NAT_PINHOLE ||
	       req->requester.family != ADDR_IP6 ||
	       req->host.family == ADDR_LINK;
}

/* ---- changes ------------------------------------------------------- */

/* Enter @req, or start to. @by_op: use an op if the kernel needs one */
static int enter(struct portmap *pm, const struct pm_req *req,
		 uint64_t expires_ms, bool by_op, uint16_t *ret_slot)
{
	uint16_t old = PM_NONE, slot;
	int res = check_conflict(pm, req, &old, ret_slot);

	if (res != PM_DONE)
		return res;
	/* A renewal needs an op as well: the monitor checks whether the mapping
	 * may still have its port. */
	if (old != PM_NONE &&
	    !(by_op && (pm->entry[old].enabled || req->enabled))) {
		pmtable_activate(pm, old);
		pmtable_fill(pm, old, req, expires_ms);
		expiry_put(&pm->due, old);
		*ret_slot = old;
		return PM_DONE;
	}
	if (old == PM_NONE && pm->n >= pm->max)
		return req->rule.kind == NAT_PINHOLE ? REFUSAL_PINHOLES :
						       REFUSAL_FULL;
	if (old == PM_NONE && (by_op || holder_known(req)) &&
	    pmtable_client_full(pm, holder_of(&req->rule, req->host,
					      req->requester)))
		return REFUSAL_CLIENT_FULL;
	/* @old stays until the new slot replaces it. */
	slot = pmtable_reserve(pm, req, old);
	if (slot == PM_NONE)
		return REFUSAL_FIREWALL;
	pmtable_fill(pm, slot, req, expires_ms);
	*ret_slot = slot;
	if (!by_op || (old == PM_NONE && !req->enabled)) {
		pmtable_commit(pm, slot, req->unique_id);
		return PM_DONE;
	}
	pmtable_queue(pm, slot);
	return PM_STARTED;
}

static uint64_t end_of(uint32_t lease_s, uint64_t now_ms)
{
	return lease_s != 0 ? now_ms + (uint64_t)lease_s * 1000 : 0;
}

int portmap_add(struct portmap *pm, const struct pm_req *req, uint64_t now_ms,
		uint16_t *ret_slot)
{
	return enter(pm, req, end_of(req->lease_s, now_ms), true, ret_slot);
}

int portmap_restore(struct portmap *pm, const struct pm_req *req,
		    uint64_t expires_ms)
{
	uint16_t slot;

	return enter(pm, req, expires_ms, false, &slot);
}

int portmap_renew(struct portmap *pm, uint16_t slot,
		  const struct pm_renewal *r, uint64_t now_ms,
		  uint16_t *ret_slot)
{
	const struct pm_entry *e = &pm->entry[slot];
	uint64_t end_ms = end_of(r->lease_s, now_ms);
	struct pm_req req = {
		.rule = e->rule, .enabled = e->enabled || r->extend,
		.origin = e->origin, .configured = e->configured,
		.peer = e->peer, .nonce = e->nonce,
		.requester = e->requester, .host = e->host,
	};

	if (r->extend && (e->expires_ms == 0 ||
			  (end_ms != 0 && end_ms < e->expires_ms)))
		end_ms = e->expires_ms;
	if (req.host.family != ADDR_LINK)
		req.host = r->host;
	descpool_get(&pm->texts, e->desc, req.desc);
	return enter(pm, &req, end_ms, true, ret_slot);
}

/* If a replacement is in flight, wait for its slot, not for @slot. */
static int delete_busy(struct portmap *pm, uint16_t slot, uint16_t *ret_slot)
{
	uint16_t next = replacement_of(pm, slot);

	if (next == PM_NONE && !in_flight(&pm->entry[slot]))
		return PM_DONE;
	*ret_slot = next == PM_NONE ? slot : next;
	return PM_BUSY;
}

int portmap_reconfirm(struct portmap *pm, uint16_t slot, uint16_t *ret_slot)
{
	struct pm_entry *e = &pm->entry[slot];

	if (delete_busy(pm, slot, ret_slot) == PM_BUSY)
		return PM_BUSY;
	if (e->state == PM_EXPIRING)
		return REFUSAL_FIREWALL;
	e->state = PM_RESUMING;
	pmtable_queue(pm, slot);
	*ret_slot = slot;
	return PM_STARTED;
}

int portmap_delete(struct portmap *pm, uint16_t slot, uint16_t *ret_slot)
{
	struct pm_entry *e;

	if (slot >= pm->slot_max || !pm_committed(&pm->entry[slot]))
		return REFUSAL_NOT_FOUND;
	if (delete_busy(pm, slot, ret_slot) == PM_BUSY)
		return PM_BUSY;
	e = &pm->entry[slot];
	if (!has_rule(e)) {
		pmtable_leave(pm, slot);
		return PM_DONE;
	}
	/* An entry whose lease has ended stays EXPIRING, so that the deletion
	 * is retried if this op fails. */
	if (e->state == PM_ACTIVE)
		e->state = PM_DELETING;
	pmtable_queue(pm, slot);
	*ret_slot = slot;
	return PM_STARTED;
}

void portmap_snapshot(const struct portmap *pm, uint16_t slot,
		      struct pm_snapshot *ret)
{
	ret->entry = pm->entry[slot];
	portmap_desc(pm, &ret->entry, ret->desc);
}

bool portmap_forget(struct portmap *pm, const struct nat_rule *key)
{
	uint16_t slot = portmap_find(pm, key), busy;

	if (slot == PM_NONE || delete_busy(pm, slot, &busy) == PM_BUSY)
		return false;
	pmtable_leave(pm, slot);
	return true;
}

bool portmap_suspend(struct portmap *pm, uint16_t slot, uint64_t until_ms)
{
	struct pm_entry *e = &pm->entry[slot];
	uint16_t busy;

	if ((e->state != PM_ACTIVE && !e->overruled) ||
	    delete_busy(pm, slot, &busy) == PM_BUSY)
		return false;
	e->state = PM_SUSPENDED;
	e->overruled = false;
	pmtable_set_suspended(pm, slot, until_ms);
	expiry_put(&pm->due, slot);
	return true;
}

/* An op in flight keeps its state: if it succeeds, it ends this one, and if it
 * fails, the entry is overruled. The same holds for an overwrite in flight,
 * which has an entry of its own. */
bool portmap_overrule(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];

	if (!e->enabled || pm_set_aside(e))
		return false;
	if (e->state == PM_ACTIVE)
		e->state = PM_SUSPENDED;
	else if (e->state != PM_RESUMING && e->state != PM_DELETING)
		return false;
	e->overruled = true;
	return true;
}

int portmap_resume(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];
	uint16_t busy;

	if (!pm_set_aside(e))
		return REFUSAL_NOT_FOUND;
	if (delete_busy(pm, slot, &busy) == PM_BUSY)
		return PM_BUSY;
	if (!e->enabled) {
		pmtable_activate(pm, slot);
		expiry_put(&pm->due, slot);
		return PM_DONE;
	}
	e->state = PM_RESUMING;
	pmtable_queue(pm, slot);
	return PM_STARTED;
}

/* ---- ops ----------------------------------------------------------- */

bool portmap_next_op(struct portmap *pm, struct nat_op *ret_op,
		     struct nat_op_id *ret_id)
{
	uint16_t slot = pmtable_unqueue(pm);
	struct pm_entry *e;

	if (slot == PM_NONE)
		return false;
	e = &pm->entry[slot];
	e->sent = true;
	ret_op->rule = e->rule;
	/* Replacing an enabled mapping by a disabled one deletes the rule. */
	ret_op->verb = e->state == PM_RESUMING ||
		       (e->state == PM_ADDING && e->enabled) ?
		       NAT_SET : NAT_DEL;
	*ret_id = (struct nat_op_id){ e->rule.kind, slot, e->gen };
	return true;
}

/* The rule of a RESUMING entry was refused. A suspended entry stays suspended,
 * unless its port is taken: clients see an overruled mapping. */
static enum pm_change resume_failed(struct portmap *pm, uint16_t slot,
				    enum nat_err err)
{
	struct pm_entry *e = &pm->entry[slot];

	e->state = pm_set_aside(e) ? PM_SUSPENDED : PM_ACTIVE;
	if (!portmap_is_suspended(e) || !nat_rule_taken(err))
		return PM_NO_CHANGE;
	e->overruled = true;
	pmtable_set_suspended(pm, slot, 0);
	return PM_UPDATED;
}

static enum pm_change op_failed(struct portmap *pm, uint16_t slot,
				enum nat_err err, uint64_t now_ms)
{
	struct pm_entry *e = &pm->entry[slot];
	enum pm_change change = PM_NO_CHANGE;
	uint16_t stays = slot;

	if (e->state == PM_ADDING) {
		stays = e->replaces;
		pmtable_withdraw(pm, slot);
	} else if (e->state == PM_EXPIRING) {
		e->expires_ms = now_ms + RETRY_MS;
	} else if (e->state == PM_RESUMING) {
		change = resume_failed(pm, slot, err);
	} else {
		e->state = e->overruled ? PM_SUSPENDED : PM_ACTIVE;
	}
	if (stays != PM_NONE)
		expiry_put(&pm->due, stays);
	return change;
}

enum pm_change portmap_done(struct portmap *pm, struct nat_op_id id,
			    enum nat_err err, uint64_t now_ms,
			    uint16_t *ret_slot, struct nat_rule *ret_rule)
{
	uint16_t slot = id.slot;
	struct pm_entry *e;

	*ret_slot = PM_NONE;
	if (slot >= pm->slot_max)
		return PM_NO_CHANGE;
	e = &pm->entry[slot];
	if (!e->sent || e->gen != id.generation || e->rule.kind != id.table)
		return PM_NO_CHANGE;
	*ret_slot = slot;
	*ret_rule = e->rule;
	e->sent = false;
	e->gen++;
	if (err != NAT_OK)
		return op_failed(pm, slot, err, now_ms);
	if (e->state == PM_ADDING)
		return pmtable_commit(pm, slot, 0);
	if (e->state == PM_RESUMING) {
		enum pm_change change = pm_set_aside(e) ? PM_UPDATED :
							  PM_NO_CHANGE;

		pmtable_activate(pm, slot);
		expiry_put(&pm->due, slot);
		return change;
	}
	pmtable_leave(pm, slot);
	return PM_REMOVED;
}

/* ---- leases -------------------------------------------------------- */

/*
 * End the lease of @slot. If an op on this mapping is in flight, its own or
 * that of an overwrite (perhaps a renewal), wait for its result; on failure
 * op_failed() re-arms the lease.
 *
 * Return: true when the mapping is gone
 */
static bool end_lease(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];

	expiry_drop(&pm->due, slot);
	if (in_flight(e) || replacement_of(pm, slot) != PM_NONE)
		return false;
	if (!has_rule(e)) {
		pmtable_leave(pm, slot);
		return true;
	}
	e->state = PM_EXPIRING;
	pmtable_queue(pm, slot);
	return false;
}

void portmap_end(struct portmap *pm, uint16_t slot, uint32_t absent_s,
		 uint64_t now_ms)
{
	struct pm_entry *e = &pm->entry[slot];

	e->expires_ms = now_ms ? now_ms : 1;
	e->absent_s = absent_s;
	expiry_put(&pm->due, slot);
}

void portmap_expire(struct portmap *pm, uint64_t now_ms, uint64_t *ret_next_ms,
		    void (*gone)(void *arg, const struct pm_snapshot *was),
		    void *arg)
{
	struct pm_snapshot was;
	uint16_t slot;

	while ((slot = expiry_first(&pm->due)) != PM_NONE &&
	       expiry_ms(&pm->entry[slot]) <= now_ms) {
		portmap_snapshot(pm, slot, &was);
		if (end_lease(pm, slot) && gone != NULL)
			gone(arg, &was);
	}
	*ret_next_ms = slot == PM_NONE ? UINT64_MAX :
					 expiry_ms(&pm->entry[slot]);
}

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms <= now_ms ? 1 :
				  (uint32_t)((end_ms - now_ms + 999) / 1000);
}

uint32_t portmap_lease_left(const struct pm_entry *e, uint64_t now_ms)
{
	if (e->expires_ms == 0)
		return 0;
	return e->state == PM_EXPIRING ? 1 : seconds_left(e->expires_ms,
							  now_ms);
}

uint32_t portmap_suspended_left(const struct pm_entry *e, uint64_t now_ms)
{
	if (e->suspended_ms == 0 || e->suspended_ms == UINT64_MAX)
		return 0;
	return seconds_left(e->suspended_ms, now_ms);
}

/* ---- reading ------------------------------------------------------- */

uint16_t portmap_find(const struct portmap *pm, const struct nat_rule *rule)
{
	uint16_t slot = PM_NONE;
	const struct pm_entry *e;

	while ((slot = portmap_rival(pm, rule, slot)) != PM_NONE) {
		e = &pm->entry[slot];
		if (pm_committed(e) && nat_rule_same_key(&e->rule, rule))
			break;
	}
	return slot;
}

size_t portmap_max(const struct portmap *pm)
{
	return pm->max;
}

size_t portmap_count(const struct portmap *pm)
{
	return pm->order_n;
}

uint16_t portmap_at(const struct portmap *pm, size_t index)
{
	return index < pm->order_n ? pm->order[index] : PM_NONE;
}

bool portmap_is_suspended(const struct pm_entry *e)
{
	return e->suspended_ms != 0;
}

bool portmap_has_rule(const struct pm_entry *e)
{
	return e->enabled && (e->state == PM_ACTIVE ||
			      (e->state == PM_RESUMING && !pm_set_aside(e)));
}

bool portmap_in_force(const struct pm_entry *e)
{
	return e->enabled && !e->overruled;
}

bool portmap_is_shown(const struct pm_entry *e)
{
	return pm_committed(e) && !portmap_is_suspended(e);
}

size_t portmap_shown_count(const struct portmap *pm)
{
	return pm->order_n - pm->suspended_n;
}

uint16_t portmap_shown_at(const struct portmap *pm, size_t index)
{
	if (pm->suspended_n == 0)
		return portmap_at(pm, index);
	for (size_t i = 0; i < pm->order_n; i++)
		if (portmap_is_shown(&pm->entry[pm->order[i]]) && index-- == 0)
			return pm->order[i];
	return PM_NONE;
}

uint16_t portmap_after(const struct portmap *pm, uint64_t seq)
{
	return portmap_at(pm, pmtable_order_upto(pm, seq));
}

uint16_t portmap_rival(const struct portmap *pm, const struct nat_rule *rule,
		       uint16_t prev)
{
	uint16_t slot = prev == PM_NONE ? *pmtable_bucket(pm, rule) :
					  pm->next[prev];

	while (slot != PM_NONE && !nat_rule_rivals(&pm->entry[slot].rule, rule))
		slot = pm->next[slot];
	return slot;
}

uint16_t portmap_by_id(const struct portmap *pm, uint16_t unique_id)
{
	return pmtable_by_id(pm, unique_id);
}

void portmap_seed_ids(struct portmap *pm, uint16_t last)
{
	pm->last_id = last;
}

uint16_t portmap_last_id(const struct portmap *pm)
{
	return pm->last_id;
}

uint16_t portmap_on_port(const struct portmap *pm, uint8_t proto,
			 uint16_t ext_port, uint16_t prev)
{
	const struct nat_rule key = {
		.kind = NAT_PORTMAP, .proto = proto, .ext_port = ext_port,
	};

	return portmap_rival(pm, &key, prev);
}

uint16_t portmap_on_socket(const struct portmap *pm,
			   const struct nat_rule *rule, uint16_t prev)
{
	uint16_t at = prev == PM_NONE ? *pmtable_socket(pm, rule) :
					pm->socket_next[prev];

	while (at && !nat_rule_same_socket(&pm->entry[at - 1].rule, rule))
		at = pm->socket_next[at - 1];
	return at ? (uint16_t)(at - 1) : PM_NONE;
}

uint16_t portmap_on_told(const struct portmap *pm, uint8_t proto,
			 uint16_t port, uint16_t prev)
{
	uint16_t at = prev == PM_NONE ? *pmtable_told(pm, proto, port) :
					pm->told_next[prev];

	while (at && (pm->entry[at - 1].told_port != port ||
		      pm->entry[at - 1].rule.proto != proto))
		at = pm->told_next[at - 1];
	return at ? (uint16_t)(at - 1) : PM_NONE;
}

uint16_t portmap_slots(const struct portmap *pm)
{
	return (uint16_t)pm->slot_max;
}

const struct pm_entry *portmap_entry(const struct portmap *pm, uint16_t slot)
{
	if (slot >= pm->slot_max || pm->entry[slot].state == PM_FREE)
		return NULL;
	return &pm->entry[slot];
}

struct str portmap_desc(const struct portmap *pm, const struct pm_entry *e,
			char *buf)
{
	return descpool_get(&pm->texts, e->desc, buf);
}

/* ---- data of the owner --------------------------------------------- */

void portmap_set_told(struct portmap *pm, uint16_t slot, uint16_t port)
{
	pmtable_set_told(pm, slot, port);
}

void portmap_set_host(struct portmap *pm, uint16_t slot, struct addr host)
{
	const struct pm_req req = {
		.requester = pm->entry[slot].requester, .host = host,
	};

	pmtable_set_holder(pm, slot, &req);
}

void portmap_set_saved(struct portmap *pm, uint16_t slot, struct pm_saved saved)
{
	pm->entry[slot].saved = saved;
}

void portmap_set_note(struct portmap *pm, uint16_t slot, struct str note)
{
	struct pm_entry *e = &pm->entry[slot];

	descpool_drop(&pm->texts, e->note);
	e->note = descpool_put(&pm->texts, note);
}

struct str portmap_note(const struct portmap *pm, const struct pm_entry *e,
			char *buf)
{
	return descpool_get(&pm->texts, e->note, buf);
}
