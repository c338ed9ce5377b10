/* SPDX-License-Identifier: ISC */
/*
 * ctlserver.c - serves upnpctl: a fixed number of connections, one request
 * each.
 *
 * Never does: wait for a reader. A list is read from the mapping table while
 * the socket has room. Changes are only counted while the socket has none.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "engine/ctlserver.h"

enum conn_state {
	CONN_FREE,
	CONN_ASKING,		/* its request has not arrived */
	CONN_LISTING,		/* the table is being sent */
	CONN_FOLLOWING,		/* changes are sent until it closes */
	CONN_WAITING,		/* for the kernel */
	CONN_VERIFYING,		/* for the monitor */
};

struct conn {
	struct loop_fd io;
	struct ctlserver *ctl;
	struct map_wait wait;
	uint8_t kind;		/* of the last mapping listed, enum nat_kind */
	uint64_t seq;		/* of the last mapping listed */
	uint64_t due_ms;	/* when to close it, 0: never */
	uint32_t lost;		/* changes that it was too slow for */
	uint8_t state;		/* enum conn_state */
	uint8_t verb;		/* enum ctl_verb */
};

struct ctlserver {
	struct loop *loop;
	struct loop_fd listen;
	struct loop_timer sweep;
	uid_t owner;
	struct map *map;
	struct ctlserver_ops ops;
	struct conn conn[CTL_CLIENTS_MAX];
};

/* ---- sending records ----------------------------------------------------- */

/* Return: false if the socket is full, or if the peer has closed it */
static bool send_rep(int fd, enum ctl_kind kind, struct ctl_rep *rep)
{
	rep->version = CTL_VERSION;
	rep->kind = kind;
	return send(fd, rep, sizeof(*rep), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       sizeof(*rep);
}

static bool send_end(int fd, const struct ctl_end *end)
{
	struct ctl_rep rep;

	memset(&rep, 0, sizeof(rep));
	rep.end = *end;
	return send_rep(fd, CTL_END, &rep);
}

/* Seconds until the mapping ends, by its lease or its suspension. 0: never */
static uint32_t left_s(const struct pm_entry *e, uint64_t now_ms)
{
	uint32_t lease_s = portmap_lease_left(e, now_ms);
	uint32_t suspended_s = portmap_suspended_left(e, now_ms);

	return suspended_s && (!lease_s || suspended_s < lease_s) ?
	       suspended_s : lease_s;
}

static bool send_mapping(struct conn *c, enum ctl_kind kind,
			 const struct pm_entry *e)
{
	uint64_t now_ms = loop_now_ms(c->ctl->loop);
	struct ctl_rep rep;

	memset(&rep, 0, sizeof(rep));
	rep.mapping.rule = e->rule;
	rep.mapping.origin = e->origin;
	rep.mapping.requester = e->requester;
	rep.mapping.left_s = left_s(e, now_ms);
	rep.mapping.enabled = e->enabled;
	rep.mapping.suspended = portmap_is_suspended(e);
	rep.mapping.overruled = e->overruled;
	rep.mapping.configured = e->configured;
	if (e->told_port != e->rule.ext_port)
		rep.mapping.told_port = map_told(c->ctl->map, e).port;
	rep.mapping.unique_id = e->unique_id;
	portmap_desc(map_table(c->ctl->map, e->rule.kind), e,
		     rep.mapping.desc);
	return send_rep(c->io.fd, kind, &rep);
}

static bool send_removed(struct conn *c, const struct nat_rule *rule)
{
	struct ctl_rep rep;

	memset(&rep, 0, sizeof(rep));
	rep.mapping.rule = *rule;
	return send_rep(c->io.fd, CTL_REMOVED, &rep);
}

static bool send_number(struct conn *c, enum ctl_kind kind, uint32_t lost)
{
	struct ctl_rep rep;

	memset(&rep, 0, sizeof(rep));
	rep.lost = lost;
	return send_rep(c->io.fd, kind, &rep);
}

/* ---- connections --------------------------------------------------------- */

static void drop(struct conn *c)
{
	if (c->state == CONN_WAITING)
		map_cancel(c->ctl->map, &c->wait);
	loop_fd_del(c->ctl->loop, &c->io);
	close(c->io.fd);
	c->state = CONN_FREE;
}

static void enter(struct conn *c, enum conn_state state, short events)
{
	uint64_t now_ms = loop_now_ms(c->ctl->loop);

	c->state = (uint8_t)state;
	c->due_ms = state == CONN_ASKING || state == CONN_LISTING ?
		    now_ms + CTL_TURN_MS : 0;
	loop_fd_mod(c->ctl->loop, &c->io, events);
}

/* The socket always has room for an answer that is not a list. */
static void finish(struct conn *c, const struct ctl_end *end)
{
	send_end(c->io.fd, end);
	drop(c);
}

static void fail(struct conn *c, enum ctl_err err)
{
	const struct ctl_end end = { .err = err };

	finish(c, &end);
}

/* ---- lists and changes --------------------------------------------------- */

/* Report the number of lost changes before the next change. */
static void tell_lost(struct conn *c)
{
	if (c->lost && send_number(c, CTL_LOST, c->lost))
		c->lost = 0;
	loop_fd_mod(c->ctl->loop, &c->io, c->lost ? POLLIN | POLLOUT : POLLIN);
}

/* The next mapping of the list: port mappings first, then pinholes. */
static const struct pm_entry *next_listed(struct conn *c)
{
	for (; c->kind < NAT_KINDS; c->kind++, c->seq = 0) {
		const struct portmap *pm = map_table(c->ctl->map, c->kind);
		const struct pm_entry *e = NULL;

		if (pm)
			e = portmap_entry(pm, portmap_after(pm, c->seq));
		if (e)
			return e;
	}
	return NULL;
}

static void list(struct conn *c)
{
	const struct pm_entry *e;

	while ((e = next_listed(c))) {
		if (!send_mapping(c, CTL_MAPPING, e))
			return;
		c->seq = e->seq;
		c->due_ms = loop_now_ms(c->ctl->loop) + CTL_TURN_MS;
	}
	if (c->verb == CTL_MAPPINGS) {
		fail(c, CTL_OK);
	} else if (send_number(c, CTL_READY, 0)) {
		enter(c, CONN_FOLLOWING, POLLIN);
		tell_lost(c);
	}	/* else the socket is full: POLLOUT calls this again */
}

static void lose(struct conn *c)
{
	c->lost++;
	if (c->state == CONN_FOLLOWING)
		loop_fd_mod(c->ctl->loop, &c->io, POLLIN | POLLOUT);
}

/* Must @c get this change now? Not if the mapping is still to come in its
 * list. */
static bool is_told(struct conn *c, uint8_t kind, uint64_t seq)
{
	if (c->state == CONN_LISTING && c->verb == CTL_MONITOR &&
	    (kind < c->kind || (kind == c->kind && seq <= c->seq)))
		lose(c);
	if (c->state != CONN_FOLLOWING)
		return false;
	if (c->lost)
		lose(c);
	return !c->lost;
}

void ctlserver_stored(struct ctlserver *ctl, const struct pm_entry *e)
{
	for (size_t i = 0; ctl && i < CTL_CLIENTS_MAX; i++) {
		struct conn *c = &ctl->conn[i];

		if (is_told(c, e->rule.kind, e->seq) &&
		    !send_mapping(c, CTL_ADDED, e))
			lose(c);
	}
}

void ctlserver_gone(struct ctlserver *ctl, const struct nat_rule *rule)
{
	for (size_t i = 0; ctl && i < CTL_CLIENTS_MAX; i++) {
		struct conn *c = &ctl->conn[i];

		if (is_told(c, 0, 0) && !send_removed(c, rule))
			lose(c);
	}
}

/* ---- requests ------------------------------------------------------------ */

/* @e: the mapping that was added, or NULL */
static void finish_change(struct conn *c, enum refusal why,
			  const struct pm_entry *e)
{
	struct ctl_end end = {
		.err = CTL_EREFUSED, .line = c->wait.line, .refusal = why,
	};

	if (why == REFUSAL_NONE) {
		end.err = CTL_OK;
	} else if (why == REFUSAL_NOT_FOUND) {
		end.err = CTL_ENOENT;	/* it needs no reason */
		end.refusal = REFUSAL_NONE;
	} else if (why == REFUSAL_FIREWALL) {
		end.err = CTL_EFAIL;
	}
	if (why == REFUSAL_NONE && c->verb == CTL_DELETE)
		send_removed(c, &c->wait.req.mapping.rule);
	else if (why == REFUSAL_NONE && e)
		send_mapping(c, CTL_ADDED, e);
	finish(c, &end);
}

static void on_done(struct map_wait *w, enum refusal why,
		    const struct pm_entry *e)
{
	struct conn *c = LOOP_OWNER(w, struct conn, wait);

	c->state = CONN_ASKING;	/* so that drop() cancels nothing */
	finish_change(c, why, e);
}

/* Allow only printable UTF-8, because terminals and lists show the text. */
static bool good_desc(const char *desc)
{
	struct str s = { desc, 0 };
	uint32_t c;
	size_t n;

	if (!memchr(desc, '\0', PM_DESC_MAX + 1))
		return false;
	s.n = strlen(desc);
	for (; s.n; s = str_skip(s, n)) {
		n = utf8_get_xml(s, &c);
		if (!n || utf8_is_control(c))
			return false;
	}
	return true;
}

static void change(struct conn *c, const struct ctl_req *q)
{
	struct map_wait *w = &c->wait;
	struct pm_req *m = &w->req.mapping;
	const struct pm_entry *e = NULL;
	const struct portmap *pm;
	int res;

	if (!nat_rule_sane(&q->rule) || q->lease_s > PM_LEASE_MAX_S ||
	    !good_desc(q->desc)) {
		fail(c, CTL_EINVAL);
		return;
	}
	*w = (struct map_wait){ .done = on_done };
	m->origin = ORIGIN_OPERATOR;
	m->rule = q->rule;
	m->enabled = !q->disabled;
	m->configured = q->configured;
	w->req.lease_s = q->lease_s ? q->lease_s : MAP_LEASE_FOREVER;
	memcpy(m->desc, q->desc, sizeof(m->desc));
	if (q->verb == CTL_ADD) {
		res = map_add(c->ctl->map, w, loop_now_ms(c->ctl->loop), &e);
	} else {
		/* the request has the key; the answer reports the whole rule */
		pm = map_table(c->ctl->map, q->rule.kind);
		if (pm)
			e = portmap_entry(pm, portmap_find(pm, &q->rule));
		if (e)
			m->rule = e->rule;
		res = map_delete(c->ctl->map, w);
	}
	if (res == MAP_WAIT)
		enter(c, CONN_WAITING, 0);
	else
		finish_change(c, (enum refusal)res, e);
}

static void tell_status(struct conn *c)
{
	struct ctl_rep rep;

	memset(&rep, 0, sizeof(rep));
	c->ctl->ops.status(c->ctl->ops.arg, &rep.status);
	send_rep(c->io.fd, CTL_STATUS_IS, &rep);
	fail(c, CTL_OK);
}

/* All of them fit into the socket's buffer. */
static void tell_rules(struct conn *c)
{
	const struct map *m = c->ctl->map;
	const struct policy *p = &m->policy;
	struct ctl_rep rep;

	for (size_t i = 0; m->decided && i <= p->rule_n; i++) {
		const struct policy_rule *l = &p->rule[i];

		memset(&rep, 0, sizeof(rep));
		rep.rule.decided = m->decided->none;
		if (i < p->rule_n)
			rep.rule = (struct ctl_rule){
				.line = l->line, .allow = l->allow,
				.ext_lo = l->ext_lo, .ext_hi = l->ext_hi,
				.int_lo = l->int_lo, .int_hi = l->int_hi,
				.net = l->net, .decided = m->decided->at[i].n,
			};
		send_rep(c->io.fd, CTL_RULE, &rep);
	}
	fail(c, CTL_OK);
}

/* All of them fit as well. upnpctl checks what is in them. */
static void tell_refusals(struct conn *c)
{
	const uint64_t now_ms = loop_now_ms(c->ctl->loop);
	const struct recent_refusal *r = NULL;
	struct ctl_rep rep;

	while ((r = recent_before(c->ctl->ops.recent, r))) {
		memset(&rep, 0, sizeof(rep));
		rep.refused = (struct ctl_refused){
			.rule = r->rule, .client = r->client, .why = r->why,
			.origin = r->origin, .line = r->line,
			.times = r->times,
			.ago_s = (uint32_t)((now_ms - r->at_ms) / 1000),
		};
		send_rep(c->io.fd, CTL_REFUSED, &rep);
	}
	fail(c, CTL_OK);
}

static size_t monitors(const struct ctlserver *ctl)
{
	size_t n = 0;

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		n += ctl->conn[i].state != CONN_FREE &&
		     ctl->conn[i].verb == CTL_MONITOR;
	return n;
}

static void serve(struct conn *c, const struct ctl_req *q)
{
	c->verb = (uint8_t)q->verb;
	switch (q->verb) {
	case CTL_STATUS:
		tell_status(c);
		return;
	case CTL_MAPPINGS:
	case CTL_MONITOR:
		if (monitors(c->ctl) > CTL_MONITORS_MAX) {
			fail(c, CTL_EBUSY);
			return;
		}
		enter(c, CONN_LISTING, POLLOUT);
		list(c);
		return;
	case CTL_ADD:
	case CTL_DELETE:
		change(c, q);
		return;
	case CTL_RULES:
		tell_rules(c);
		return;
	case CTL_REFUSALS:
		tell_refusals(c);
		return;
	case CTL_VERIFY:
		enter(c, CONN_VERIFYING, 0);
		c->ctl->ops.verify(c->ctl->ops.arg);
		return;
	}
	fail(c, CTL_EINVAL);
}

static void ask(struct conn *c)
{
	/* one byte more than a record, to detect a longer one */
	union {
		struct ctl_req req;
		char raw[sizeof(struct ctl_req) + 1];
	} in;
	ssize_t n = recv(c->io.fd, &in, sizeof(in.raw), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		drop(c);
	else if ((size_t)n < sizeof(in.req.version))
		fail(c, CTL_EINVAL);
	else if (in.req.version != CTL_VERSION)
		fail(c, CTL_EVERSION);
	else if (n != sizeof(in.req))
		fail(c, CTL_EINVAL);
	else
		serve(c, &in.req);
}

/* ---- events -------------------------------------------------------------- */

static void on_io(struct loop_fd *io, short revents)
{
	struct conn *c = LOOP_OWNER(io, struct conn, io);

	if (c->state == CONN_ASKING)
		ask(c);
	else if (revents & (POLLHUP | POLLERR))
		drop(c);
	else if (c->state == CONN_LISTING)
		list(c);
	else if (revents & POLLOUT)
		tell_lost(c);
	else
		drop(c);	/* a second request, or it was closed */
}

static void on_sweep(struct loop_timer *t)
{
	struct ctlserver *ctl = LOOP_OWNER(t, struct ctlserver, sweep);
	uint64_t now_ms = loop_now_ms(ctl->loop);
	bool any = false;

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct conn *c = &ctl->conn[i];

		if (c->state != CONN_FREE && c->due_ms && c->due_ms <= now_ms)
			drop(c);
		any |= c->state != CONN_FREE;
	}
	if (any)
		loop_timer_set(ctl->loop, t, CTL_TURN_MS);
}

/* Ask the kernel for the peer's user, because somebody may have changed the
 * mode of the socket's file. */
static bool may_talk(const struct ctlserver *ctl, int fd)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       (who.uid == 0 || who.uid == ctl->owner);
}

static void refuse(int fd, enum ctl_err err)
{
	const struct ctl_end end = { .err = err };

	send_end(fd, &end);
	close(fd);
}

static void adopt(struct ctlserver *ctl, int fd)
{
	struct conn *c = ctl->conn;

	while (c < ctl->conn + CTL_CLIENTS_MAX && c->state != CONN_FREE)
		c++;
	if (!may_talk(ctl, fd)) {
		refuse(fd, CTL_EPERM);
		return;
	}
	if (c == ctl->conn + CTL_CLIENTS_MAX) {
		refuse(fd, CTL_EBUSY);
		return;
	}
	*c = (struct conn){ .ctl = ctl, .kind = NAT_PORTMAP };
	loop_fd_init(&c->io, fd, on_io);
	if (loop_fd_add(ctl->loop, &c->io, POLLIN)) {
		refuse(fd, CTL_EBUSY);
		return;
	}
	enter(c, CONN_ASKING, POLLIN);
	if (!ctl->sweep.active)
		loop_timer_set(ctl->loop, &ctl->sweep, CTL_TURN_MS);
}

static void on_connect(struct loop_fd *w, short revents)
{
	struct ctlserver *ctl = LOOP_OWNER(w, struct ctlserver, listen);
	int fd;

	while ((fd = accept4(w->fd, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		adopt(ctl, fd);
}

void ctlserver_verified(struct ctlserver *ctl, bool ok, bool repaired)
{
	const struct ctl_end end = {
		.err = ok ? CTL_OK : CTL_EFAIL, .repaired = repaired,
	};

	for (size_t i = 0; ctl && i < CTL_CLIENTS_MAX; i++)
		if (ctl->conn[i].state == CONN_VERIFYING)
			finish(&ctl->conn[i], &end);
}

struct ctlserver *ctlserver_new(struct loop *loop, int fd, uid_t owner,
		    struct map *map, const struct ctlserver_ops *ops)
{
	struct ctlserver *ctl = mem_new(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	ctl->loop = loop;
	ctl->owner = owner;
	ctl->map = map;
	ctl->ops = *ops;
	ctl->sweep.cb = on_sweep;
	loop_fd_init(&ctl->listen, fd, on_connect);
	if (loop_fd_add(loop, &ctl->listen, POLLIN) == 0)
		return ctl;
	mem_free(ctl, 1, sizeof(*ctl));
	return NULL;
}

void ctlserver_free(struct ctlserver *ctl)
{
	if (!ctl)
		return;
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (ctl->conn[i].state != CONN_FREE)
			drop(&ctl->conn[i]);
	loop_timer_del(ctl->loop, &ctl->sweep);
	loop_fd_del(ctl->loop, &ctl->listen);
	mem_free(ctl, 1, sizeof(*ctl));
}
