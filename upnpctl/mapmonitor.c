/* SPDX-License-Identifier: ISC */
/*
 * mapmonitor.c - "monitor": mappings as they come and go, a line each.
 *
 * Keeps the table it was told, so that what happened while nobody told it (the
 * engine was replaced, or it read too slowly) is found by comparing.
 * Invariant: the table is in the order of its keys, no key twice.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/date.h"
#include "base/limits.h"
#include "base/wr.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/mappings.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"

struct watch {
	const struct cmd_env *env;
	struct live l;
	struct ctlclient c;
	struct mappings table;
	bool told;		/* the table was read at least once */
};

/* What follow() ends with, beside -errno. */
enum { GONE = 1, LOST, CLOSED, REFUSED };

/* ---- the table ------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct nat_rule *x = &((const struct ctl_mapping *)a)->rule;
	const struct nat_rule *y = &((const struct ctl_mapping *)b)->rule;

	if (x->ext_port != y->ext_port)
		return x->ext_port < y->ext_port ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->remote.ip != y->remote.ip)
		return x->remote.ip < y->remote.ip ? -1 : 1;
	return 0;
}

/* Return: where @m is, or would have to be */
static size_t place(const struct mappings *t, const struct ctl_mapping *m)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare(&t->v[mid], m) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct mappings *t, size_t i,
		  const struct ctl_mapping *m)
{
	return i < t->n && compare(&t->v[i], m) == 0;
}

static int insert(struct mappings *t, size_t i, const struct ctl_mapping *m)
{
	int err = mappings_add(t, m);

	if (err)
		return err;
	memmove(&t->v[i + 1], &t->v[i], (t->n - 1 - i) * sizeof(*t->v));
	t->v[i] = *m;
	return 0;
}

static void drop(struct mappings *t, size_t i)
{
	t->n--;
	memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(*t->v));
}

/* The time that is left runs by itself. */
static bool same(const struct ctl_mapping *a, const struct ctl_mapping *b)
{
	return nat_rule_equal(&a->rule, &b->rule) &&
	       a->origin == b->origin &&
	       a->requester_ip == b->requester_ip && a->enabled == b->enabled &&
	       !a->left_s == !b->left_s && strcmp(a->desc, b->desc) == 0;
}

/* ---- lines ----------------------------------------------------------- */

static void put_now(struct wr *w)
{
	date_iso(w, time(NULL));
}

/* Return: 0: the line is out; CLOSED: nobody takes it any more */
static int end_line(void)
{
	return out_flush() ? CLOSED : 0;
}

static int tell(const struct watch *w, const char *event,
		const struct ctl_mapping *m)
{
	char text[MAPTEXT_MAX + 256];
	struct wr out = wr_init_cut(text, sizeof(text));

	put_now(&out);
	if (w->env->json) {
		json_object(NULL);
		json_str("time", wr_done(&out));
		json_str("event", str_z(event));
		maptext_json(m);
		json_end();
		return end_line();
	}
	wr_fmt(&out, " %s ", event);
	maptext_flags(&out, m);
	wr_ch(&out, ' ');
	maptext_pairs(&out, MAPTEXT_PROTOCOL, MAPTEXT_REMOTE, m);
	wr_ch(&out, ' ');
	maptext_pairs(&out, strcmp(event, "removed") ? MAPTEXT_LEFT :
		      MAPTEXT_BY, MAPTEXT_DESC, m);
	out_str(wr_done(&out));
	out_str(STR("\n"));
	return end_line();
}

/* What is no mapping's news. */
static int say(const struct watch *w, const char *event, struct str text)
{
	char buf[64];
	struct wr out = wr_init(buf, sizeof(buf));

	put_now(&out);
	if (w->env->json) {
		json_object(NULL);
		json_str("time", wr_done(&out));
		json_str("event", str_z(event));
		json_str("text", text);
		json_end();
		return end_line();
	}
	wr_fmt(&out, " %s: ", event);
	out_str(wr_done(&out));
	out_str(text);
	out_str(STR("\n"));
	return end_line();
}

/* ---- news ------------------------------------------------------------ */

static int added(struct watch *w, const struct ctl_mapping *m)
{
	size_t i = place(&w->table, m);
	bool there = is_at(&w->table, i, m);
	int err = 0;

	if (there)
		w->table.v[i] = *m;
	else
		err = insert(&w->table, i, m);
	return err ? err : tell(w, there ? "changed" : "added", m);
}

/* Who asked for it is only in the table. */
static int removed(struct watch *w, const struct ctl_mapping *m)
{
	size_t i = place(&w->table, m);
	struct ctl_mapping was;

	if (!is_at(&w->table, i, m))
		return 0;
	was = w->table.v[i];
	drop(&w->table, i);
	return tell(w, "removed", &was);
}

/* What changed from @old to @now, both in order. */
static int tell_difference(const struct watch *w, const struct mappings *old,
			   const struct mappings *now)
{
	size_t i = 0, j = 0;
	int err = 0;

	while (!err && (i < old->n || j < now->n)) {
		int c = i == old->n ? 1 : j == now->n ? -1 :
			compare(&old->v[i], &now->v[j]);

		if (c < 0)
			err = tell(w, "removed", &old->v[i]);
		else if (c > 0)
			err = tell(w, "added", &now->v[j]);
		else if (!same(&old->v[i], &now->v[j]))
			err = tell(w, "changed", &now->v[j]);
		i += c <= 0;
		j += c >= 0;
	}
	return err;
}

/* For qsort() of pointers into a table. Of one key, the mapping that came
 * first is the lower one: qsort() itself need not keep their order. */
static int compare_at(const void *a, const void *b)
{
	const struct ctl_mapping *x = *(const struct ctl_mapping *const *)a;
	const struct ctl_mapping *y = *(const struct ctl_mapping *const *)b;
	int c = compare(x, y);

	return c ? c : x < y ? -1 : x > y;
}

/* Of a key that comes twice the last one counts. */
static int put_in_order(struct mappings *t)
{
	const struct ctl_mapping **at = calloc(t->n + 1, sizeof(*at));
	struct mappings sorted = { 0 };
	int err = at ? 0 : -ENOMEM;

	for (size_t i = 0; i < t->n && at; i++)
		at[i] = &t->v[i];
	if (at)
		qsort(at, t->n, sizeof(*at), compare_at);
	for (size_t i = 0; i < t->n && !err; i++)
		if (i + 1 == t->n || compare(at[i], at[i + 1]))
			err = mappings_add(&sorted, at[i]);
	free(at);
	mappings_free(err ? &sorted : t);
	if (!err)
		*t = sorted;
	return err;
}

static int take_table(struct watch *w, struct mappings *fresh)
{
	int err = put_in_order(fresh);

	if (w->told && !err)
		err = say(w, "connected", STR("again; what changed meanwhile "
					      "follows"));
	if (w->told && !err)
		err = tell_difference(w, &w->table, fresh);
	if (err)
		return err;
	w->told = true;
	mappings_free(&w->table);
	w->table = *fresh;
	*fresh = (struct mappings){ 0 };
	return 0;
}

/* ---- one connection -------------------------------------------------- */

static int ended(struct watch *w, const struct ctl_end *end)
{
	if (end->err == CTL_OK)
		return GONE;
	live_end(&w->l, end, NULL);
	return REFUSED;
}

/* The table, up to CTL_READY. */
static int read_table(struct watch *w, struct mappings *fresh)
{
	struct ctl_rep rep;
	int err;

	for (;;) {
		err = ctlclient_next(&w->c, CTLCLIENT_KIND(CTL_MAPPING) |
				     CTLCLIENT_KIND(CTL_READY) |
				     CTLCLIENT_KIND(CTL_END), &rep);
		if (err)
			return err;
		if (rep.kind == CTL_READY)
			return 0;
		if (rep.kind == CTL_END)
			return ended(w, &rep.end);
		if (fresh->n >= PM_MAPPINGS_LIMIT)
			return -EPROTO;
		err = mappings_add(fresh, &rep.mapping);
		if (err)
			return err;
	}
}

/* Return: 0: there is news; CLOSED: who read our lines has gone; -errno */
static int wait_news(const struct watch *w, int wait_ms)
{
	struct pollfd p[] = {
		{ .fd = STDOUT_FILENO }, { .fd = w->c.fd, .events = POLLIN },
	};

	if (poll(p, 2, wait_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	return p[0].revents & (POLLERR | POLLHUP | POLLNVAL) ? CLOSED : 0;
}

static int lost(const struct watch *w, uint32_t n)
{
	char text[64];
	struct wr t = wr_init(text, sizeof(text));
	int err;

	wr_fmt(&t, "%u news, read too slowly; reading all again",
	       (unsigned)n);
	err = say(w, "lost", wr_done(&t));
	return err ? err : LOST;
}

static int take_news(struct watch *w)
{
	struct ctl_rep rep;
	int err;

	w->c.deadline_ms = clock_mono_ms() + CTLCLIENT_WAIT_MS;
	err = ctlclient_next(&w->c, CTLCLIENT_KIND(CTL_ADDED) |
			     CTLCLIENT_KIND(CTL_REMOVED) |
			     CTLCLIENT_KIND(CTL_LOST) |
			     CTLCLIENT_KIND(CTL_END), &rep);
	if (err)
		return err;
	switch (rep.kind) {
	case CTL_ADDED:
		return added(w, &rep.mapping);
	case CTL_REMOVED:
		return removed(w, &rep.mapping);
	case CTL_LOST:
		return lost(w, rep.lost);
	}
	return ended(w, &rep.end);
}

/* @ret_up: did we get the table? */
static int follow(struct watch *w, bool *ret_up)
{
	struct ctl_req req = { .verb = CTL_MONITOR };
	struct mappings fresh = { 0 };
	int err;

	live_refresh(&w->l, w->env);
	if (live_idle(&w->l))
		return -ECANCELED;
	err = ctlclient_open(&w->c, w->l.socket, &req,
			     clock_mono_ms() + CTLCLIENT_WAIT_MS);
	if (!err)
		err = read_table(w, &fresh);
	*ret_up = !err;
	if (!err)
		err = take_table(w, &fresh);
	while (!err) {
		err = wait_news(w, -1);
		if (!err)
			err = take_news(w);
	}
	mappings_free(&fresh);
	ctlclient_close(&w->c);
	return err;
}

/* ---- from one connection to the next --------------------------------- */

/* The engine is replaced, or the daemon started anew: worth another try? */
static bool passing(const struct watch *w, int err)
{
	switch (err) {
	case GONE:
	case LOST:
	case -ECONNRESET:
		return true;
	case -ECANCELED:
	case -ENOENT:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
		return w->told;
	}
	return false;
}

static bool given_up(const struct watch *w, int err, uint64_t since_ms)
{
	return err != -ECANCELED &&
	       since_ms > (w->told ? CTLCLIENT_GONE_MS : CTLCLIENT_WAIT_MS);
}

static int say_waiting(const struct watch *w, int err)
{
	char text[1024 + STATUS_TEXT_MAX];
	struct wr t = wr_init_cut(text, sizeof(text));

	live_why(&t, &w->l, err < 0 ? err : -ECONNRESET);
	return say(w, "waiting", wr_done(&t));
}

/*
 * Connect again until that works. After some tries it is said what for, and
 * after CTLCLIENT_GONE_MS without a daemon it is given up; one that is not
 * enabled may be at any time.
 */
static int watch(struct watch *w)
{
	uint64_t since_ms = clock_mono_ms(), now_ms;
	bool up, said = false;
	int err, stop = 0;

	for (;;) {
		up = false;
		err = follow(w, &up);
		now_ms = clock_mono_ms();
		if (up) {
			since_ms = now_ms;
			said = false;
		}
		if (!passing(w, err) || given_up(w, err, now_ms - since_ms))
			return err;
		if (!said && now_ms - since_ms > CTLCLIENT_QUIET_MS) {
			stop = say_waiting(w, err);
			said = true;
		}
		if (!stop)
			stop = wait_news(w, CTLCLIENT_RETRY_MS);
		if (stop)
			return stop;
	}
}

int mapmonitor_run(struct cmd *c)
{
	struct watch w = { .env = c->env, .c.fd = -1 };
	int err;

	if (c->n)
		return cmd_fail(CMD_USAGE, "monitor takes nothing, not "
				"\"%.*s\"", STR_F(c->arg[0]));
	json_lines();
	err = watch(&w);
	mappings_free(&w.table);
	if (err == CLOSED)
		return CMD_OK;
	if (err == REFUSED)
		return CMD_FAULT;
	return live_fail(&w.l, err > 0 ? -ECONNRESET : err);
}
