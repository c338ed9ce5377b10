/* SPDX-License-Identifier: ISC */
/*
 * statuspage.c - the order of the page: which piece comes next.
 *
 * Never does: send anything, or change anything.
 * Invariants: a mapping that exists from the first to the last piece is listed
 * once. A piece looks at a bounded number of mappings.
 * Runs in: engine
 */
#include <string.h>
#include "base/wr.h"
#include "engine/statushtml.h"
#include "engine/statuspage.h"
#include "engine/viewer.h"

enum part { OPEN, HEADER, SUMMARY, OWN, OTHERS, REFUSED, CLOSE, END };

/* How far the page is written. */
struct at {
	uint64_t now_ms;	/* of the request */
	uint64_t seq;		/* of the mapping that was looked at last; the
				 * number of refusals that were */
	struct viewer viewer;
	uint8_t part;		/* enum part */
	uint8_t refusal;	/* place of the one shown last, plus 1; 0: none */
	bool pinholes;		/* the list is in the second table */
	bool rows;		/* its table has begun */
};

_Static_assert(sizeof(struct at) <= HTTPSOURCE_AT_MAX,
	       "the connection has room for it");
_Static_assert(RECENT_MAX < UINT8_MAX, "a place fits into a byte");

static void next_part(struct at *at)
{
	at->part++;
	at->seq = 0;
	at->pinholes = at->rows = false;
}

/* The list is complete: close its table, or say that it is empty. */
static void end_list(struct wr *w, struct at *at)
{
	if (at->rows)
		statushtml_end_table(w);
	else
		statushtml_none(w, at->part == OTHERS);
	next_part(at);
}

static bool is_listed(const struct statuspage *p, struct at *at,
		      const struct pm_entry *e)
{
	return viewer_owns(&at->viewer, p->map, e) == (at->part == OWN);
}

/* Look at the next mapping of the list. */
static void step_list(const struct statuspage *p, struct at *at, struct wr *w)
{
	const bool others = at->part == OTHERS;
	struct statushtml_row row = {
		.map = p->map, .pm = at->pinholes ? p->map->pinholes :
						    p->map->pm,
		.viewer = at->viewer.addr, .now_ms = at->now_ms,
		.others = others,
	};

	row.e = row.pm ? portmap_entry(row.pm, portmap_after(row.pm, at->seq)) :
			 NULL;
	if (!row.e && at->pinholes) {
		end_list(w, at);
	} else if (!row.e) {
		at->pinholes = true;
		at->seq = 0;
	} else {
		at->seq = row.e->seq;
		if (!is_listed(p, at, row.e))
			return;
		if (!at->rows)
			statushtml_table(w, others);
		at->rows = true;
		statushtml_mapping(w, &row);
	}
}

static bool is_viewers(const struct statuspage *p, struct viewer *v,
		       const struct recent_refusal *r)
{
	if (v->link.family == ADDR_LINK && addr_equal(r->share, v->link))
		return true;
	/* each link has its own link-local addresses */
	return !addr_is_link_local(r->client) && viewer_is(v, p->map,
							   r->client);
}

static void step_refused(const struct statuspage *p, struct at *at,
			 struct wr *w)
{
	const struct recent_refusal *r = at->refusal ?
		&p->recent->at[at->refusal - 1] : NULL;

	/* a place may have got a new refusal since the last piece: the number
	 * of steps has a bound */
	r = at->seq++ < RECENT_MAX ? recent_before(p->recent, r) : NULL;
	if (!r) {
		if (at->rows)
			statushtml_end_table(w);
		next_part(at);
		return;
	}
	at->refusal = (uint8_t)(r - p->recent->at + 1);
	if (r->at_ms > at->now_ms || !is_viewers(p, &at->viewer, r))
		return;
	if (!at->rows)
		statushtml_refusals(w);
	at->rows = true;
	statushtml_refused(w, r, at->now_ms);
}

static void step(const struct statuspage *p, struct at *at, struct wr *w)
{
	struct ctl_status status = { 0 };

	switch (at->part) {
	case OPEN:
		statushtml_open(w, str_z(p->name));
		next_part(at);
		return;
	case HEADER:
		statushtml_header(w, str_z(p->name));
		next_part(at);
		return;
	case SUMMARY:
		p->status(p->arg, &status);
		statushtml_summary(w, &status, at->viewer.addr);
		next_part(at);
		return;
	case OTHERS:
		if (!p->all) {
			next_part(at);
			return;
		}
		/* fall through */
	case OWN:
		step_list(p, at, w);
		return;
	case REFUSED:
		step_refused(p, at, w);
		return;
	default:
		statushtml_close(w);
		next_part(at);
	}
}

/* As httpsource.write. */
static void write_piece(void *arg, void *pos, size_t left, struct wr *w)
{
	const struct statuspage *p = arg;
	const size_t start = w->len;
	struct at *at = pos;

	for (unsigned i = 0; i < STATUSPAGE_SCAN && at->part != END &&
	     w->cap - w->len >= HTTPSOURCE_ROOM; i++)
		step(p, at, w);
	/* a piece without a byte would be the end; HTML ignores this one */
	if (w->len == start && at->part != END)
		wr_ch(w, '\n');
}

static void set_type(struct httpd_reply *ret)
{
	ret->content_type = STATUSHTML_TYPE;
	ret->extra = STR(STATUSHTML_FIELDS);
}

void statuspage_reply(const struct statuspage *p, const struct httpd_req *req,
		      uint64_t now_ms, struct httpsource *ret_source,
		      struct httpd_reply *ret)
{
	struct at at = { .now_ms = now_ms };

	viewer_init(&at.viewer, p->map, req->ifindex, req->peer);
	*ret_source = (struct httpsource){
		.write = write_piece, .arg = (void *)(uintptr_t)p,
		.left = HTTPSOURCE_OPEN,
	};
	memcpy(ret_source->at, &at, sizeof(at));
	*ret = (struct httpd_reply){ .status = 200, .source = ret_source };
	set_type(ret);
}

void statuspage_misnamed(const struct statuspage *p,
			 const struct httpends *ends, struct wr *w,
			 struct httpd_reply *ret)
{
	statushtml_elsewhere(w, str_z(p->name), ends->url_addr,
			     ends->local_port);
	set_type(ret);
	ret->body = wr_done(w);
}
