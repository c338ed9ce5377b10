/* SPDX-License-Identifier: ISC */
/*
 * mapmonitor.c - "monitor": print a line for each mapping that is added,
 * changed or removed.
 *
 * Keeps a copy of the table. If events are missing, because the engine was
 * replaced or upnpctl read too slowly, it finds the changes by comparing the
 * copy with the new table.
 * Invariant: the table is sorted by key, without duplicates.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/date.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/listprint.h"
#include "upnpctl/maplist.h"
#include "upnpctl/mappings.h"
#include "upnpctl/maptext.h"
#include "upnpctl/monexec.h"
#include "upnpctl/out.h"
#include "upnpctl/term.h"

const struct cmd_arg mapmonitor_args[] = {
	{ "exec", CMD_KEY, .help = "run this program for each change; an "
	  "absolute path" },
	{ NULL },
};

struct watch {
	const struct cmd_env *env;
	const char *program;	/* for each event; NULL: print it */
	struct live l;
	struct ctlclient c;
	struct mappings table;
	bool have_table;	/* it was read at least once */
};

/* Results of run_connection(), beside -errno. */
enum { SERVER_CLOSED = 1, EVENTS_LOST, OUTPUT_CLOSED, REFUSED };

/* ---- the table ------------------------------------------------------- */

/* The key of a pinhole: nat_rule_same_key() */
static int compare_pinholes(const struct nat_rule *x, const struct nat_rule *y)
{
	int c = addr_compare(x->client, y->client);

	if (c == 0)
		c = x->int_port - y->int_port;
	if (c == 0)
		c = x->proto - y->proto;
	if (c == 0)
		c = addr_compare(x->remote, y->remote);
	return c ? c : x->remote_port - y->remote_port;
}

static int compare(const void *a, const void *b)
{
	const struct nat_rule *x = &((const struct ctl_mapping *)a)->rule;
	const struct nat_rule *y = &((const struct ctl_mapping *)b)->rule;
	int c;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->kind == NAT_PINHOLE)
		return compare_pinholes(x, y);
	if (x->ext_port != y->ext_port)
		return x->ext_port < y->ext_port ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	c = addr_compare(x->remote, y->remote);
	return c ? c : x->remote_port - y->remote_port;
}

/* Return: the index of @m, or where to insert it */
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

/* Are two mappings equal apart from the time left, which always changes? */
static bool same(const struct ctl_mapping *a, const struct ctl_mapping *b)
{
	return nat_rule_equal(&a->rule, &b->rule) && a->origin == b->origin &&
	       addr_equal(a->requester, b->requester) &&
	       a->enabled == b->enabled &&
	       a->suspended == b->suspended && a->overruled == b->overruled &&
	       !a->left_s == !b->left_s && strcmp(a->desc, b->desc) == 0;
}

/* ---- lines ----------------------------------------------------------- */

/* Return: 0: the line was written; OUTPUT_CLOSED */
static int print_event(const struct watch *w, const char *event,
		       const struct ctl_mapping *m)
{
	char text[MAPTEXT_MAX + 256];
	struct wr out = wr_init_cut(text, sizeof(text));

	date_iso(&out, time(NULL));
	if (w->program)
		return monexec_run(w->program, event, wr_done(&out), m);
	if (w->env->json) {
		json_object(NULL);
		json_str("time", wr_done(&out));
		json_str("event", str_z(event));
		maptext_json(m);
		json_end();
		return out_flush() ? OUTPUT_CLOSED : 0;
	}
	wr_fmt(&out, " %s ", event);
	maptext_flags(&out, m);
	wr_ch(&out, ' ');
	maptext_pairs(&out, MAPTEXT_PROTOCOL, MAPTEXT_REMOTE, m);
	wr_ch(&out, ' ');
	maptext_pairs(&out, strcmp(event, "removed") ? MAPTEXT_LEFT :
		      MAPTEXT_BY, MAPTEXT_DESC, m);
	term_wrap(wr_done(&out), sizeof("2026-01-01T00:00:00Z"));
	return out_flush() ? OUTPUT_CLOSED : 0;
}

/* Print an event that is not about a mapping. */
static int print_notice(const struct watch *w, const char *event,
			struct str text)
{
	char buf[64];
	struct wr out = wr_init(buf, sizeof(buf));

	date_iso(&out, time(NULL));
	if (w->env->json) {
		json_object(NULL);
		json_str("time", wr_done(&out));
		json_str("event", str_z(event));
		json_str("text", text);
		json_end();
	} else {
		wr_fmt(&out, " %s: ", event);
		out_str(wr_done(&out));
		term_wrap(text, utf8_count(wr_done(&out)));
	}
	return out_flush() ? OUTPUT_CLOSED : 0;
}

/* ---- events ------------------------------------------------------------ */

static int handle_added(struct watch *w, const struct ctl_mapping *m)
{
	size_t i = place(&w->table, m);
	bool there = is_at(&w->table, i, m);
	int err = 0;

	if (there)
		w->table.v[i] = *m;
	else
		err = insert(&w->table, i, m);
	return err ? err : print_event(w, there ? "changed" : "added", m);
}

/* CTL_REMOVED has only the key; the table has the rest of the mapping. */
static int handle_removed(struct watch *w, const struct ctl_mapping *m)
{
	struct mappings *t = &w->table;
	size_t i = place(t, m);
	struct ctl_mapping was;

	if (!is_at(t, i, m))
		return 0;
	was = t->v[i];
	t->n--;
	memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(*t->v));
	return print_event(w, "removed", &was);
}

/* Print the differences between @old and @now, both sorted. */
static int print_differences(const struct watch *w, const struct mappings *old,
			   const struct mappings *now)
{
	size_t i = 0, j = 0;
	int err = 0;

	while (!err && (i < old->n || j < now->n)) {
		int c = i == old->n ? 1 : j == now->n ? -1 :
			compare(&old->v[i], &now->v[j]);

		if (c < 0)
			err = print_event(w, "removed", &old->v[i]);
		else if (c > 0)
			err = print_event(w, "added", &now->v[j]);
		else if (!same(&old->v[i], &now->v[j]))
			err = print_event(w, "changed", &now->v[j]);
		i += c <= 0;
		j += c >= 0;
	}
	return err;
}

/* For qsort() of pointers into a table. Equal keys keep their order by the
 * address, because qsort() is not stable. */
static int compare_at(const void *a, const void *b)
{
	const struct ctl_mapping *x = *(const struct ctl_mapping *const *)a;
	const struct ctl_mapping *y = *(const struct ctl_mapping *const *)b;
	int c = compare(x, y);

	return c ? c : x < y ? -1 : x > y;
}

/* Sort the table. Of duplicate keys the last one is kept. */
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

/* The table, for a user who looks at a terminal. Return: as print_event() */
static int print_first(const struct watch *w, const struct mappings *t)
{
	struct mappings copy = { 0 };
	struct list l;
	int err = 0;

	if (w->env->json || w->program || !term_width())
		return 0;
	for (size_t i = 0; i < t->n && !err; i++)
		err = mappings_add(&copy, &t->v[i]);
	if (!err) {
		l = maplist_of(&copy);
		listprint_table(&l);
		list_close(&l);
		out_str(STR("waiting for changes; Ctrl-C ends\n"));
	}
	mappings_free(&copy);
	return err ? err : out_flush() ? OUTPUT_CLOSED : 0;
}

static int replace_table(struct watch *w, struct mappings *fresh)
{
	int err = w->have_table ? 0 : print_first(w, fresh);

	if (!err)
		err = put_in_order(fresh);
	if (w->have_table && !err)
		err = print_notice(w, "connected",
				   STR("again; changes in between follow"));
	if (w->have_table && !err)
		err = print_differences(w, &w->table, fresh);
	if (err)
		return err;
	w->have_table = true;
	mappings_free(&w->table);
	w->table = *fresh;
	*fresh = (struct mappings){ 0 };
	return 0;
}

/* ---- one connection -------------------------------------------------- */

static int handle_end(struct watch *w, const struct ctl_end *end)
{
	if (end->err == CTL_OK)
		return SERVER_CLOSED;
	live_report_end(&w->l, end, NULL);
	return REFUSED;
}

/* Read the table, up to CTL_READY. */
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
			return handle_end(w, &rep.end);
		if (fresh->n >= CTLCLIENT_MAPPINGS_MAX)
			return -EPROTO;
		err = mappings_add(fresh, &rep.mapping);
		if (err)
			return err;
	}
}

/* Return: 0: there is an event, or @wait_ms is over; OUTPUT_CLOSED; -errno */
static int wait_event(const struct watch *w, int wait_ms)
{
	struct pollfd p[] = {
		{ .fd = STDOUT_FILENO }, { .fd = w->c.fd, .events = POLLIN },
	};

	if (poll(p, 2, wait_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	return p[0].revents & (POLLERR | POLLHUP | POLLNVAL) ?
	       OUTPUT_CLOSED : 0;
}

static int handle_lost(const struct watch *w, uint32_t n)
{
	char text[64];
	struct wr t = wr_init(text, sizeof(text));
	int err;

	wr_fmt(&t, "%u events, read too slowly; reading the table again",
	       (unsigned)n);
	err = print_notice(w, "lost", wr_done(&t));
	return err ? err : EVENTS_LOST;
}

static int handle_event(struct watch *w)
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
		return handle_added(w, &rep.mapping);
	case CTL_REMOVED:
		return handle_removed(w, &rep.mapping);
	case CTL_LOST:
		return handle_lost(w, rep.lost);
	}
	return handle_end(w, &rep.end);
}

/* Connect, read the table, print events until the connection ends.
 * @ret_up: the table was read */
static int run_connection(struct watch *w, bool *ret_up)
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
		err = replace_table(w, &fresh);
	while (!err) {
		err = wait_event(w, -1);
		if (!err)
			err = handle_event(w);
	}
	mappings_free(&fresh);
	ctlclient_close(&w->c);
	return err;
}

/* ---- reconnecting --------------------------------- */

/* Can a restart of the engine or of the daemon end this error? */
static bool is_temporary(const struct watch *w, int err)
{
	switch (err) {
	case SERVER_CLOSED:
	case EVENTS_LOST:
	case -ECONNRESET:
		return true;
	case -ECANCELED:
	case -ENOENT:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
		return w->have_table;
	}
	return false;
}

static int print_waiting(const struct watch *w, int err)
{
	char text[1024 + STATUS_TEXT_MAX];
	struct wr t = wr_init_cut(text, sizeof(text));

	live_error_text(&t, &w->l, err < 0 ? err : -ECONNRESET);
	return print_notice(w, "waiting", wr_done(&t));
}

/*
 * Reconnect after each temporary error. After CTLCLIENT_QUIET_MS print the
 * reason; after CTLCLIENT_GONE_MS without a daemon give up. Wait without limit
 * for a daemon that is not enabled.
 */
static int watch(struct watch *w)
{
	uint64_t since_ms = clock_mono_ms(), now_ms, max_ms;
	bool up, notified = false;
	int err, stop = 0;

	for (;;) {
		up = false;
		err = run_connection(w, &up);
		now_ms = clock_mono_ms();
		if (up) {
			since_ms = now_ms;
			notified = false;
		}
		max_ms = w->have_table ? CTLCLIENT_GONE_MS : CTLCLIENT_WAIT_MS;
		if (!is_temporary(w, err) ||
		    (err != -ECANCELED && now_ms - since_ms > max_ms))
			return err;
		if (!notified && now_ms - since_ms > CTLCLIENT_QUIET_MS) {
			stop = print_waiting(w, err);
			notified = true;
		}
		if (!stop)
			stop = wait_event(w, CTLCLIENT_RETRY_MS);
		if (stop)
			return stop;
	}
}

int mapmonitor_run(struct cmd *c)
{
	struct watch w = { .env = c->env, .c.fd = -1,
			   .program = c->env->exec };
	char path[PATH_MAX];
	struct str value;
	int err = CMD_OK;

	if (cmd_key(c, "exec", &value)) {
		if (!str_copy(path, sizeof(path), value))
			return cmd_fail(CMD_USAGE, "exec is too long");
		w.program = path;
	}
	if (w.program)
		err = monexec_check(w.program);
	if (err)
		return err;
	json_lines();
	err = watch(&w);
	mappings_free(&w.table);
	if (err == OUTPUT_CLOSED)
		return CMD_OK;
	if (err == REFUSED)
		return CMD_FAULT;
	return live_fail(&w.l, err > 0 ? -ECONNRESET : err);
}
