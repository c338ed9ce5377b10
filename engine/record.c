/* SPDX-License-Identifier: ISC */
/* record.c - what happened to requests and mappings. Runs in: engine */
#include "engine/record.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/wr.h"

/* ---- the log of mappings --------------------------------------------- */

static void on_tick(struct loop_timer *t)
{
	struct record *r = LOOP_OWNER(t, struct record, tick);
	const uint64_t now_ms = loop_now_ms(r->loop);
	const uint64_t due_ms = maplog_tick(&r->maplog, now_ms);

	if (due_ms == UINT64_MAX)
		loop_timer_del(r->loop, t);
	else
		loop_timer_set(r->loop, t, due_ms - now_ms);
}

void record_changed(struct record *r, const struct map_change *c)
{
	char desc[PM_DESC_MAX + 1] = "";

	if (c->now)
		portmap_desc(map_table(r->map, c->now->rule.kind), c->now,
			     desc);
	maplog_change(&r->maplog, c, desc, loop_now_ms(r->loop));
	on_tick(&r->tick);
}

/* ---- refusals -------------------------------------------------------- */

static void log_refusal(const struct record *r, const struct refused *why,
			uint32_t muted)
{
	const struct refusal_settings settings = {
		.max_mappings = r->conf->max_mappings,
		.per_client = r->conf->max_per_client,
		.max_pinholes = r->conf->max_pinholes,
		.adds_per_s = r->map->adds_per_s,
		.rule_n = r->conf->rule_n,
	};
	char text[LOG_LINE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	refusal_put(&w, why, &settings);
	if (muted)
		wr_fmt(&w, "; %u more since its last line", (unsigned)muted);
	log_info("%s", wr_cstr(&w));
}

void record_refused(struct record *r, const struct refused *why,
		    struct addr share)
{
	const uint64_t now_ms = loop_now_ms(r->loop);
	uint32_t muted = 0;

	if (refusal_count(&r->refusals, why, share, now_ms, &muted))
		log_refusal(r, why, muted);
	r->kept->refused[why->why] = r->refusals.n[why->why];
	recent_add(&r->kept->recent, why, share, now_ms);
}

/* ---- the status ------------------------------------------------------ */

static void put_mappings(const struct portmap *pm, struct ctl_status *ret)
{
	ret->mappings = (uint32_t)portmap_count(pm);
	ret->suspended = ret->mappings - (uint32_t)portmap_shown_count(pm);
	for (size_t i = 0; i < portmap_count(pm); i++) {
		const struct pm_entry *e = portmap_entry(pm,
							 portmap_at(pm, i));

		ret->mappings_of[e->origin]++;
		ret->overruled += e->overruled;
	}
}

static void put_pinholes(const struct portmap *pm, struct ctl_status *ret)
{
	ret->pinholes = (uint32_t)portmap_count(pm);
	ret->pinholes_max = (uint32_t)portmap_max(pm);
	ret->pinholes_suspended = ret->pinholes -
				  (uint32_t)portmap_shown_count(pm);
	for (size_t i = 0; i < portmap_count(pm); i++)
		ret->pinholes_of[portmap_entry(pm,
					       portmap_at(pm, i))->origin]++;
}

void record_status(const struct record *r, struct ctl_status *ret)
{
	ret->up_s = (uint32_t)((loop_now_ms(r->loop) - r->kept->began_ms) /
			       1000);
	memcpy(ret->refused, r->refusals.n, sizeof(ret->refused));
	ret->mappings_max = r->conf->max_mappings;
	ret->per_client_max = r->conf->max_per_client;
	put_mappings(r->map->pm, ret);
	if (r->map->pinholes)
		put_pinholes(r->map->pinholes, ret);
}

/* ---- begin and end --------------------------------------------------- */

int record_open(struct record *r, struct engine_kept *kept)
{
	const uint64_t now_ms = loop_now_ms(r->loop);
	const struct policy lines = {
		.rule = r->conf->rule, .rule_n = r->conf->rule_n,
	};

	r->kept = kept ? kept : mem_new(1, sizeof(*r->kept));
	if (!r->kept)
		return -ENOMEM;
	if (r->kept->began_ms > now_ms || (r->kept->ended_ms &&
	    now_ms - r->kept->ended_ms > ENGINE_KEPT_GAP_MS))
		*r->kept = (struct engine_kept){ 0 };
	r->reloaded = r->kept->ended_ms != 0;
	r->kept->ended_ms = 0;
	if (!r->kept->began_ms)
		r->kept->began_ms = now_ms;
	memcpy(r->refusals.n, r->kept->refused, sizeof(r->refusals.n));
	rulecounts_adopt(&r->kept->decided, &lines);
	r->map->decided = &r->kept->decided;
	r->maplog.is_on = r->conf->log_mappings;
	r->tick.cb = on_tick;
	return 0;
}

void record_close(struct record *r)
{
	if (!r->kept)
		return;
	maplog_flush(&r->maplog, loop_now_ms(r->loop));
	r->kept->ended_ms = loop_now_ms(r->loop);
}
