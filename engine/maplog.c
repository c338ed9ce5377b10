/* SPDX-License-Identifier: ISC */
/* maplog.c - the log of mappings and pinholes. Runs in: engine */
#include <string.h>
#include "base/log.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "engine/maplog.h"
#include "map/ruletext.h"

/* ---- the text of a line -------------------------------------------- */

/* One side of a change. */
struct side {
	const struct pm_entry *e;
	const char *desc;
};

static void put_ports(struct wr *w, const struct side *s)
{
	ruletext_ports(w, &s->e->rule);
}

static void put_to(struct wr *w, const struct side *s)
{
	ruletext_to(w, &s->e->rule);
}

static void put_remote(struct wr *w, const struct side *s)
{
	ruletext_remote(w, &s->e->rule);
}

static void put_requester(struct wr *w, enum origin origin, struct addr who)
{
	if (origin == ORIGIN_OPERATOR)
		wr_z(w, "operator");
	else
		addr_write(w, who);
}

static void put_by(struct wr *w, const struct side *s)
{
	wr_z(w, "by=");
	put_requester(w, s->e->origin, s->e->requester);
	wr_fmt(w, " origin=%s", origin_name(s->e->origin));
}

static void put_state(struct wr *w, const struct side *s)
{
	if (!s->e->enabled)
		wr_z(w, "disabled");
}

/* Cut at MAPLOG_DESC_MAX, so that the line has room for the rest: whole
 * characters. */
static void put_desc(struct wr *w, const struct side *s)
{
	struct str rest = str_z(s->desc);
	size_t left = MAPLOG_DESC_MAX, n;
	uint32_t c;

	wr_z(w, "description=\"");
	for (; rest.n; left -= n, rest = str_skip(rest, n)) {
		n = utf8_get(rest, &c);
		if (!n)
			n = 1;
		if (n > left)
			break;
		if (rest.p[0] == '"' || rest.p[0] == '\\')
			wr_ch(w, '\\');
		wr_str(w, (struct str){ rest.p, n });
	}
	wr_z(w, rest.n ? "...\"" : "\"");
}

static void (*const parts[])(struct wr *, const struct side *) = {
	put_ports, put_to, put_remote, put_by, put_state, put_desc,
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))
#define PART_MAX 256		/* bytes of one part */

/* The parts that @s has, and @other, if it is given, has not. */
static void put_parts(struct wr *w, const struct side *s,
		      const struct side *other)
{
	char text[PART_MAX], theirs[PART_MAX];

	for (size_t i = 0; i < PARTS; i++) {
		struct wr mine = wr_init_cut(text, sizeof(text));
		struct wr its = wr_init_cut(theirs, sizeof(theirs));

		parts[i](&mine, s);
		if (other)
			parts[i](&its, other);
		if (!mine.len || str_eq(wr_done(&mine), wr_done(&its)))
			continue;
		wr_ch(w, ' ');
		wr_str(w, wr_done(&mine));
	}
}

static void put_lease(struct wr *w, const struct pm_entry *e, uint64_t now_ms)
{
	if (e->expires_ms)
		wr_fmt(w, " lease=%us",
		       (unsigned)portmap_lease_left(e, now_ms));
	else
		wr_z(w, " lease=never");
}

static void put_head(struct wr *w, const struct pm_entry *e, const char *what)
{
	wr_fmt(w, "%s %s:", e->rule.kind == NAT_PINHOLE ? "pinhole" : "mapping",
	       what);
}

/* ---- what has happened --------------------------------------------- */

static bool same_text(void (*put)(struct wr *, const struct side *),
		      const struct side *a, const struct side *b)
{
	char one[PART_MAX], two[PART_MAX];
	struct wr w = wr_init_cut(one, sizeof(one));
	struct wr v = wr_init_cut(two, sizeof(two));

	put(&w, a);
	put(&v, b);
	return str_eq(wr_done(&w), wr_done(&v));
}

/* A renewal changes nothing but the time. */
static bool is_renewal(const struct side *was, const struct side *now)
{
	for (size_t i = 0; i < PARTS; i++)
		if (!same_text(parts[i], was, now))
			return false;
	return !was->e->expires_ms == !now->e->expires_ms;
}

/* Return: NULL: a renewal, which has no line */
static const char *verb_of(const struct side *was, const struct side *now)
{
	const bool aside = portmap_is_suspended(now->e);

	if (!was->e)
		return "added";
	if (now->e->overruled && !was->e->overruled)
		return "overruled";
	if (aside != portmap_is_suspended(was->e))
		return aside ? "suspended" : "resumed";
	if (was->e->overruled && !now->e->overruled)
		return "resumed";
	return is_renewal(was, now) ? NULL : "changed";
}

static void put_stored(struct wr *w, const char *verb, const struct side *was,
		       const struct side *now, uint64_t now_ms)
{
	put_head(w, now->e, verb);
	put_parts(w, now, NULL);
	put_lease(w, now->e, now_ms);
	if (was->e && !strcmp(verb, "changed")) {
		wr_z(w, "; before:");
		put_parts(w, was, now);
		if (!was->e->expires_ms != !now->e->expires_ms)
			put_lease(w, was->e, now_ms);
	} else if (!strcmp(verb, "overruled")) {
		wr_z(w, "; the router serves its port, or a rule of the "
		     "administrator forwards it");
	} else if (!strcmp(verb, "suspended")) {
		wr_z(w, "; its client is in no internal network");
	}
}

/* Has nobody asked for the removal of a mapping whose time is over? */
static bool has_expired(const struct map_change *c, uint64_t now_ms)
{
	const struct pm_entry *e = &c->was->entry;

	return !c->by && (e->state == PM_EXPIRING ||
			  (e->expires_ms && e->expires_ms <= now_ms) ||
			  (e->suspended_ms && e->suspended_ms <= now_ms));
}

/* The daemon ends a mapping without an end only if its client is absent. */
static bool was_absent(const struct map_change *c, uint64_t now_ms)
{
	return c->was->entry.absent_s && has_expired(c, now_ms);
}

static void put_gone(struct wr *w, const struct map_change *c, uint64_t now_ms)
{
	const struct side was = { &c->was->entry, c->was->desc };
	const bool absent = was_absent(c, now_ms);

	put_head(w, was.e, c->why != REFUSAL_NONE || absent ? "removed" :
			   has_expired(c, now_ms) ? "expired" : "deleted");
	put_parts(w, &was, NULL);
	if (c->why != REFUSAL_NONE) {
		wr_fmt(w, "; %s", refusal_text(c->why));
		if (c->line)
			wr_fmt(w, " (line %u)", c->line);
	} else if (absent) {
		wr_fmt(w, "; its client was absent for %u s",
		       (unsigned)was.e->absent_s);
	} else if (c->by) {
		wr_z(w, " deleted-by=");
		put_requester(w, c->by->origin, c->by->requester);
		if (c->by->origin != ORIGIN_OPERATOR &&
		    c->by->origin != was.e->origin)
			wr_fmt(w, " (%s)", origin_name(c->by->origin));
	}
}

/* ---- lines --------------------------------------------------------- */

/* The window of the lines before is over: count what had no line. */
static void end_window(struct maplog *l, uint64_t now_ms)
{
	if (l->dropped)
		log_info("mappings: %u more changes within %u s had no line; "
			 "see: upnpctl monitor", (unsigned)l->dropped,
			 MAPLOG_WINDOW_MS / 1000);
	l->window_ms = now_ms;
	l->lines = l->dropped = 0;
}

static void write_line(struct maplog *l, const char *line, uint64_t now_ms)
{
	if (now_ms - l->window_ms >= MAPLOG_WINDOW_MS)
		end_window(l, now_ms);
	if (l->lines >= MAPLOG_LINES) {
		l->dropped++;
		return;
	}
	l->lines++;
	log_info("%s", line);
}

static void release(struct maplog *l, struct maplog_held *h, uint64_t now_ms)
{
	h->due_ms = 0;
	write_line(l, h->line, now_ms);
}

/* A free place, or that of the oldest, whose line is written now. */
static struct maplog_held *room(struct maplog *l, uint64_t now_ms)
{
	struct maplog_held *best = l->held;

	for (size_t i = 0; i < MAPLOG_HELD_MAX; i++)
		if (l->held[i].due_ms < best->due_ms)
			best = &l->held[i];
	if (best->due_ms)
		release(l, best, now_ms);
	return best;
}

static void hold(struct maplog *l, const struct pm_entry *was,
		 const char *line, uint64_t now_ms)
{
	struct maplog_held *h = room(l, now_ms);

	h->due_ms = now_ms + MAPLOG_HOLD_MS;
	h->rule = was->rule;
	h->requester = was->requester;
	h->origin = was->origin;
	str_copy(h->line, sizeof(h->line), str_z(line));
}

/* Was the same mapping deleted a moment ago? Then its line is dropped. One on
 * the same key but for another client is no longer held back, so that the lines
 * are in the order of the changes. */
static bool fold(struct maplog *l, const struct pm_entry *now, uint64_t now_ms)
{
	for (size_t i = 0; i < MAPLOG_HELD_MAX; i++) {
		struct maplog_held *h = &l->held[i];

		if (!h->due_ms || !nat_rule_same_key(&h->rule, &now->rule))
			continue;
		if (!nat_rule_equal(&h->rule, &now->rule) ||
		    !addr_equal(h->requester, now->requester) ||
		    h->origin != now->origin) {
			release(l, h, now_ms);
			continue;
		}
		h->due_ms = 0;
		if (!l->folded++)
			l->folded_ms = now_ms;
		return true;
	}
	return false;
}

void maplog_change(struct maplog *l, const struct map_change *c,
		   const char *desc, uint64_t now_ms)
{
	const struct side was = {
		c->was ? &c->was->entry : NULL, c->was ? c->was->desc : "",
	}, now = { c->now, desc };
	char line[LOG_LINE_MAX];
	struct wr w = wr_init_cut(line, sizeof(line));
	const char *verb;

	if (!l->is_on || (!c->was && !c->now))
		return;
	if (!c->now) {
		put_gone(&w, c, now_ms);
		if (c->by && c->why == REFUSAL_NONE)
			hold(l, &c->was->entry, wr_cstr(&w), now_ms);
		else
			write_line(l, wr_cstr(&w), now_ms);
		return;
	}
	verb = verb_of(&was, &now);
	if (!verb || (!was.e && fold(l, now.e, now_ms)))
		return;
	put_stored(&w, verb, &was, &now, now_ms);
	write_line(l, wr_cstr(&w), now_ms);
}

/* ---- time ---------------------------------------------------------- */

static void tell_folded(struct maplog *l)
{
	if (l->folded)
		log_info("mappings: %u were deleted and made again as they "
			 "were", (unsigned)l->folded);
	l->folded = 0;
}

uint64_t maplog_tick(struct maplog *l, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX, due_ms;

	for (size_t i = 0; i < MAPLOG_HELD_MAX; i++) {
		struct maplog_held *h = &l->held[i];

		if (h->due_ms && h->due_ms <= now_ms)
			release(l, h, now_ms);
		else if (h->due_ms && h->due_ms < next_ms)
			next_ms = h->due_ms;
	}
	if (l->dropped && now_ms - l->window_ms >= MAPLOG_WINDOW_MS)
		end_window(l, now_ms);
	if (l->folded && now_ms - l->folded_ms >= MAPLOG_WINDOW_MS)
		tell_folded(l);
	due_ms = l->window_ms + MAPLOG_WINDOW_MS;
	if (l->dropped && due_ms < next_ms)
		next_ms = due_ms;
	due_ms = l->folded_ms + MAPLOG_WINDOW_MS;
	if (l->folded && due_ms < next_ms)
		next_ms = due_ms;
	return next_ms;
}

void maplog_flush(struct maplog *l, uint64_t now_ms)
{
	for (size_t i = 0; i < MAPLOG_HELD_MAX; i++)
		if (l->held[i].due_ms)
			release(l, &l->held[i], now_ms);
	if (l->dropped)
		end_window(l, now_ms);
	tell_folded(l);
}
