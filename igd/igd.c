/* SPDX-License-Identifier: ISC */
/*
 * igd.c - control points that wait for the kernel, and what the services share.
 *
 * Owns: the queue of waits. A wait is the owner of an op in the mapping table,
 * and gets that op's result; or it found another's op on its key under way,
 * and starts over when that one is done; or it waits for the link.
 * Never does: write into a wait after its done() was called: it may be gone,
 * or in use again.
 */
#include <errno.h>
#include <string.h>
#include "igd/igd.h"

/* Of one argument. No string of the model needs more; a description has its
 * own, lower limit. */
#define STRING_MAX 1024

/* ---- the two lists ------------------------------------------------- */

static void list_add(struct igd_wait **list, struct igd_wait *w)
{
	while (*list)
		list = &(*list)->next;
	w->next = NULL;
	*list = w;
}

static bool list_del(struct igd_wait **list, const struct igd_wait *w)
{
	for (; *list; list = &(*list)->next) {
		if (*list != w)
			continue;
		*list = w->next;
		return true;
	}
	return false;
}

static struct igd_wait *list_pop(struct igd_wait **list)
{
	struct igd_wait *w = *list;

	if (w)
		*list = w->next;
	return w;
}

static int enqueue(struct igd *igd, struct igd_wait *w, uint16_t slot,
		   bool owner)
{
	w->slot = slot;
	w->owner = owner;
	list_add(&igd->waiting, w);
	return IGD_WAIT;
}

/* ---- add and delete ------------------------------------------------ */

int igd_refuse(unsigned service_version)
{
	return service_version < 2 ? WANIP_CONFLICT : UPNP_NOT_AUTHORIZED;
}

/* Version 1 has no code for a table that is full; RFC 6970 gives lack of
 * resources as 501. */
static int full(unsigned version)
{
	return version < 2 ? UPNP_ACTION_FAILED : WANIP_NO_PORT_MAPS;
}

static int add_result(const struct igd_wait *w, enum nat_err err)
{
	switch (err) {
	case NAT_OK:
		return UPNP_OK;
	case NAT_EREFUSED:
		return igd_refuse(w->version);
	case NAT_ECONFLICT:
		return w->version < 2 ? WANIP_CONFLICT : WANIP_OTHER_MECHANISM;
	case NAT_ENOSPC:
		return full(w->version);
	default:
		return UPNP_ACTION_FAILED;
	}
}

static int op_result(const struct igd_wait *w, enum nat_err err)
{
	if (w->what == IGD_WAIT_ADD)
		return add_result(w, err);
	return err == NAT_OK ? UPNP_OK : UPNP_ACTION_FAILED;
}

static void tell_stored(struct igd *igd, uint16_t slot)
{
	if (slot != PM_NONE)
		igd->ops->stored(igd->ops_arg, portmap_entry(igd->pm, slot));
}

static int wait_for_op(struct igd *igd, struct igd_wait *w, uint16_t slot,
		       bool owner)
{
	enqueue(igd, w, slot, owner);
	if (owner)
		igd->ops->kick(igd->ops_arg);
	return IGD_WAIT;
}

static int start_add(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	uint16_t slot = PM_NONE;
	enum pm_result res = portmap_add(igd->pm, &w->req, now_ms, &slot);

	switch (res) {
	case PM_DONE:
		tell_stored(igd, portmap_find(igd->pm, &w->req.rule));
		return UPNP_OK;
	case PM_STARTED:
	case PM_BUSY:
		return wait_for_op(igd, w, slot, res == PM_STARTED);
	case PM_CONFLICT:
		return WANIP_CONFLICT;
	case PM_FULL:
	case PM_CLIENT_FULL:
		return full(w->version);
	default:
		return UPNP_ACTION_FAILED;
	}
}

/*
 * In secure mode a mapping is its client's, and that of who asked for it.
 * Version 1 has no code for "not yours": 718 would make no sense here, so the
 * mapping is one that the asker can not see.
 */
static int may_delete(struct igd *igd, const struct igd_wait *w,
		      const struct pm_entry *e)
{
	uint32_t asker_ip = w->req.asker_ip;

	if (!igd->policy.secure || e->rule.client.ip == asker_ip ||
	    e->asker_ip == asker_ip)
		return UPNP_OK;
	igd->ops->refused(igd->ops_arg, asker_ip, &e->rule,
			  "delete: the mapping of another client", 0);
	return w->version < 2 ? WANIP_NO_SUCH_ENTRY : UPNP_NOT_AUTHORIZED;
}

static int start_delete(struct igd *igd, struct igd_wait *w)
{
	uint16_t slot = portmap_find(igd->pm, &w->req.rule);
	struct nat_rule rule;
	enum pm_result res;
	int err;

	if (slot == PM_NONE)
		return WANIP_NO_SUCH_ENTRY;
	err = may_delete(igd, w, portmap_entry(igd->pm, slot));
	if (err)
		return err;
	rule = portmap_entry(igd->pm, slot)->rule;
	res = portmap_delete(igd->pm, slot, &slot);
	switch (res) {
	case PM_DONE:
		igd->ops->gone(igd->ops_arg, &rule);
		return UPNP_OK;
	case PM_STARTED:
	case PM_BUSY:
		return wait_for_op(igd, w, slot, res == PM_STARTED);
	case PM_NOT_FOUND:
		return WANIP_NO_SUCH_ENTRY;
	default:
		return UPNP_ACTION_FAILED;
	}
}

int igd_start(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	if (w->what == IGD_WAIT_ADD)
		return start_add(igd, w, now_ms);
	return start_delete(igd, w);
}

/* ---- answers of the monitor ---------------------------------------- */

static void tell_change(struct igd *igd, enum pm_change change, uint16_t slot,
			const struct nat_rule *gone)
{
	if (change == PM_ADDED || change == PM_UPDATED)
		tell_stored(igd, slot);
	else if (change == PM_REMOVED)
		igd->ops->gone(igd->ops_arg, gone);
}

/* Take all that wait for @slot (never PM_NONE, which is the link's) off the
 * queue: the owner is returned, the others stand behind those that are ready
 * already. */
static struct igd_wait *take_waits(struct igd *igd, uint16_t slot)
{
	struct igd_wait **at = &igd->waiting, *w, *owner = NULL;

	while ((w = *at)) {
		if (w->slot != slot) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->owner)
			owner = w;
		else
			list_add(&igd->ready, w);
	}
	return owner;
}

/*
 * A done() may cancel waits or start new ones: those that are to be tried
 * again stand in a list of the igd's, where igd_wait_cancel() finds them, and
 * one that has to wait once more goes to the other list.
 */
static void try_again(struct igd *igd, uint64_t now_ms)
{
	struct igd_wait *w;
	int err;

	while ((w = list_pop(&igd->ready))) {
		err = igd_start(igd, w, now_ms);
		if (err != IGD_WAIT)
			w->done(w, err, w->req.rule.ext_port);
	}
}

void igd_nat_done(struct igd *igd, uint32_t id, enum nat_err err,
		  uint64_t now_ms)
{
	struct nat_rule gone;
	uint16_t slot = PM_NONE;
	enum pm_change change;
	struct igd_wait *owner;

	memset(&gone, 0, sizeof(gone));
	change = portmap_done(igd->pm, id, err, now_ms, &slot, &gone);
	if (slot == PM_NONE)
		return;
	tell_change(igd, change, slot, &gone);
	owner = take_waits(igd, slot);
	if (owner)
		owner->done(owner, op_result(owner, err),
			    owner->req.rule.ext_port);
	try_again(igd, now_ms);
}

void igd_wait_cancel(struct igd *igd, struct igd_wait *w)
{
	if (!list_del(&igd->waiting, w))
		list_del(&igd->ready, w);
}

/* ---- the link ------------------------------------------------------ */

/* Another change is under way. One down while it comes up has no code of its
 * own (WANIPConnection:1 2.4.5, ForceTermination). */
static int link_is_busy(const struct igd *igd, bool up)
{
	if (!igd->link_to_up)
		return WANIP_DISCONNECT_IN_PROGRESS;
	return up ? WANIP_SETUP_IN_PROGRESS : UPNP_ACTION_FAILED;
}

int igd_link(struct igd *igd, struct igd_call *call, bool up, int fail)
{
	struct igd_wait *w = call->wait;

	if (!igd->allow_link)
		return UPNP_NOT_AUTHORIZED;
	if (igd->link_busy)
		return link_is_busy(igd, up);
	if (igd->wan.admin_up == up)
		return up ? UPNP_OK : WANIP_ALREADY_TERMINATED;
	if (!w || !igd->ops->link(igd->ops_arg, up))
		return fail;
	igd->link_busy = true;
	igd->link_to_up = up;
	w->what = IGD_WAIT_LINK;
	w->fail = fail;
	w->req.rule.ext_port = 0;
	return enqueue(igd, w, PM_NONE, true);
}

void igd_link_done(struct igd *igd, enum nat_err err)
{
	struct igd_wait *w = igd->waiting;

	igd->link_busy = false;
	while (w && w->what != IGD_WAIT_LINK)
		w = w->next;
	if (!w)
		return;
	list_del(&igd->waiting, w);
	w->done(w, err == NAT_OK ? UPNP_OK : w->fail, 0);
}

/* ---- the rest ------------------------------------------------------ */

void igd_init(struct igd *igd, struct portmap *pm)
{
	igd->pm = pm;
	igd->waiting = NULL;
	igd->ready = NULL;
	igd->link_busy = false;
	igd->link_to_up = false;
}

uint64_t igd_tick(struct igd *igd, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	portmap_expire(igd->pm, now_ms, &next_ms, igd->ops->gone,
		       igd->ops_arg);
	igd->ops->kick(igd->ops_arg);
	return next_ms;
}

static const struct igd_reader *find_reader(const struct igd_service *svc,
					    const char *name)
{
	const struct igd_reader *r;

	for (r = svc->reader; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

int igd_read(struct igd *igd, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *wr)
{
	const struct igd_reader *reader = find_reader(svc, var->name);
	struct igd_call call = { .svc = svc, .n = n, .now_ms = now_ms };
	const struct igd_out *out;
	int err;

	if (!reader)
		return UPNP_INVALID_VAR;
	err = reader->get(igd, &call);
	if (err)
		return err;
	out = &call.out[reader->out];
	if (out->s.p)
		wr_str(wr, out->s);
	else
		wr_u64(wr, out->u);
	return UPNP_OK;
}

/* ---- arguments ----------------------------------------------------- */

static bool is_negative(struct str s)
{
	uint32_t u;

	return s.n && s.p[0] == '-' &&
	       str_u32(str_skip(s, 1), 0, UINT32_MAX, &u) != -EINVAL;
}

/* 600 for what is no number, 601 for one that is out of range. */
static int check_number(const struct igd_var *var, struct igd_in *in)
{
	uint32_t min = var->ranged ? var->min : 0;
	uint32_t max = var->type == IGD_UI2 ? UINT16_MAX : UINT32_MAX;
	struct str s = str_trim(in->s);
	int err;

	if (var->ranged && var->max < max)
		max = var->max;
	err = str_u32(s, min, max, &in->u);
	if (!err)
		return UPNP_OK;
	return err == -ERANGE || is_negative(s) ? UPNP_OUT_OF_RANGE
						: UPNP_VALUE_INVALID;
}

/* UDA 1.1 2.3: boolean. */
static int check_bool(const struct igd_var *var, struct igd_in *in)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "0", false }, { "false", false }, { "no", false },
		{ "1", true }, { "true", true }, { "yes", true },
	};
	struct str s = str_trim(in->s);
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_ieq(s, str_z(words[i].word)))
			continue;
		in->u = words[i].value;
		return UPNP_OK;
	}
	return UPNP_VALUE_INVALID;
}

/* Any case is taken for a word of the list; the list's goes on. */
static int check_string(const struct igd_var *var, struct igd_in *in)
{
	const char *const *word = var->allowed;

	if (in->s.n > STRING_MAX)
		return UPNP_STRING_TOO_LONG;
	if (!word)
		return UPNP_OK;
	for (; *word; word++) {
		if (!str_ieq(str_trim(in->s), str_z(*word)))
			continue;
		in->s = str_z(*word);
		return UPNP_OK;
	}
	return UPNP_VALUE_INVALID;
}

int igd_check(const struct igd_var *var, struct igd_in *in)
{
	switch (var->type) {
	case IGD_UI2:
	case IGD_UI4:
		return check_number(var, in);
	case IGD_BOOL:
		return check_bool(var, in);
	default:
		return check_string(var, in);
	}
}

/* ---- text ---------------------------------------------------------- */

/* What the first byte says: bytes of the character, its own bits, and the
 * lowest code point that needs so many bytes. */
static const struct utf8_form {
	uint8_t mask, lead;
	uint8_t n;
	uint32_t min;
} utf8_form[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

static const struct utf8_form *utf8_find(uint8_t first)
{
	size_t i;

	for (i = 0; i < sizeof(utf8_form) / sizeof(utf8_form[0]); i++)
		if ((first & utf8_form[i].mask) == utf8_form[i].lead)
			return &utf8_form[i];
	return NULL;
}

static bool xml_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xd800 || (c > 0xdfff && c < 0xfffe) ||
	       (c > 0xffff && c <= 0x10ffff);
}

size_t igd_utf8(struct str s, uint32_t *ret_c)
{
	const uint8_t *b = (const uint8_t *)s.p;
	const struct utf8_form *form = s.n ? utf8_find(b[0]) : NULL;
	uint32_t c;
	size_t i;

	if (!form || s.n < form->n)
		return 0;
	c = b[0] & (uint8_t)~form->mask;
	for (i = 1; i < form->n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < form->min || !xml_char(c))
		return 0;
	*ret_c = c;
	return form->n;
}
