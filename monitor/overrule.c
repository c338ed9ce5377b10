/* SPDX-License-Identifier: ISC */
/*
 * overrule.c - takes ports from mappings for the router and the administrator.
 *
 * Invariant: the engine is told of a rule before the rule is deleted, in the
 * order of the channel. So the last record about a rule, this one or an answer,
 * is what the table has.
 * Runs in: monitor
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/wr.h"
#include "ipc/brokermsg.h"
#include "map/refusal.h"
#include "monitor/enginelog.h"
#include "monitor/fault.h"
#include "monitor/overrule.h"

/* ---- the channel --------------------------------------------------------- */

/* How many reports may be sent now? */
static size_t room(int fd)
{
	int unread = 0;

	if (fd < 0)
		return OVERRULE_REPORTS_MAX;
	if (ioctl(fd, SIOCOUTQ, &unread) || unread)
		return 0;
	return OVERRULE_REPORTS_MAX;
}

static bool report(int fd, const struct broker_rep *rep)
{
	return fd < 0 ||
	       send(fd, rep, sizeof(*rep), MSG_NOSIGNAL) == sizeof(*rep);
}

/* Return: false if there is no room for it */
static bool report_changed(struct broker *g, int fd)
{
	const struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_CHANGED,
		.ip6 = (uint16_t)fault_ip6(g),
	};

	if (!report(fd, &rep))
		return false;
	g->told_ip6 = rep.ip6;
	return true;
}

/* @why: the administrator's rule, if it is that */
static bool report_taken(struct broker *g, int fd, enum nat_err err,
			 const struct nat_rule *r, struct wr *why)
{
	const struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_TAKEN,
		.err = (int32_t)err, .rule = *r,
	};

	if (!report(fd, &rep))
		return false;
	g->ask_due = true;
	if (enginelog_may(&g->rate, g->now_ms))
		log_warn("the mapping of %s port %u to %s:%u is overruled: "
			 "%s%s%s", nat_rule_proto(r->proto), r->ext_port,
			 addr_text(r->client).text, r->int_port,
			 refusal_text(refusal_of_nat(err)),
			 why->len ? ": " : "", wr_cstr(why));
	return true;
}

/* ---- looking at the mappings in force ------------------------------------ */

static void delete_rules(struct broker *g, size_t n)
{
	struct broker_batch *b = &g->batch;

	if (!n)
		return;
	broker_changed(g, 0);
	flows_room(&g->flows, n, g->now_ms);
	for (size_t i = 0; i < n; i++)
		flows_note(&g->flows, natfw_lookup(&g->fw, &b->op[i].rule));
	natfw_batch(&g->fw, b->op, n, b->err);
	flows_end(&g->flows, g->now_ms);
	broker_changed(g, 1);
	for (size_t i = 0; i < n; i++) {
		if (b->err[i] == NAT_OK)
			continue;
		if (enginelog_may(&g->rate, g->now_ms))
			log_err("firewall: %s", g->fw.why);
		break;		/* the next look tries again */
	}
}

/* Look at mappings, from the last one of the table to the first: a deletion
 * moves the last one, which was looked at already, into the gap. Return: false
 * if the reports have no room */
static bool look(struct broker *g, int fd, size_t *reports)
{
	const struct natfw_table *t = &g->fw.mappings;
	const uint64_t end_us = clock_cpu_us() + OVERRULE_LOOKS_US;
	size_t steps = OVERRULE_LOOKS_MAX, n = 0;
	bool fits = true;

	if (g->looks_left > t->rule_n)
		g->looks_left = t->rule_n;
	while (g->looks_left && steps-- && n < NAT_BATCH_MAX && fits) {
		const struct nat_rule *r = &t->rule[g->looks_left - 1];
		char text[BROKER_WHY_MAX];
		struct wr why = wr_init_cut(text, sizeof(text));
		enum nat_err err = taken_check(&g->taken, r, true, g->now_ms,
					       &why);

		if (nat_rule_taken(err)) {
			fits = *reports && report_taken(g, fd, err, r, &why);
			if (!fits)
				break;
			--*reports;
			g->batch.op[n++] = (struct nat_op){ *r, NAT_DEL };
		}
		g->looks_left--;
		if (clock_cpu_us() >= end_us)
			break;
	}
	delete_rules(g, n);
	return fits;
}

/* Report the rules that a sync has left out. */
static bool report_left(struct broker *g, int fd, size_t *reports)
{
	while (g->left_n) {
		const struct nat_rule *r = &g->staged[g->left_at + g->left_n -
						      1];
		char text[BROKER_WHY_MAX];
		struct wr why = wr_init_cut(text, sizeof(text));
		enum nat_err err;

		/* the engine has requested it again, successfully */
		if (natfw_lookup(&g->fw, r)) {
			g->left_n--;
			continue;
		}
		err = taken_check(&g->taken, r, true, g->now_ms, &why);
		if (!nat_rule_taken(err))
			err = NAT_ECONFLICT;	/* free again: see ask_due */
		if (!*reports || !report_taken(g, fd, err, r, &why))
			return false;
		--*reports;
		g->left_n--;
	}
	return true;
}

/* ---- all of it ----------------------------------------------------------- */

static void begin_look(struct broker *g)
{
	g->look_due = false;
	g->looking = true;
	g->looks_left = g->fw.mappings.rule_n;
	taken_look_begin(&g->taken);
	/* What is refused or taken from now on is asked for after the next
	 * change, not at once. */
	g->tell_due |= g->verified && g->ask_due;
	if (g->verified)
		g->verified = g->ask_due = false;
}

uint64_t overrule_run(struct broker *g, int fd)
{
	size_t reports = 0;
	bool fits = true;

	if (!g->open)
		return UINT64_MAX;
	if (fd < 0)
		g->left_n = 0;
	if (g->look_due || g->now_ms >= g->next_look_ms)
		begin_look(g);
	g->tell_due |= fault_ip6(g) != g->told_ip6;
	if (g->looking || g->left_n || g->tell_due)
		reports = room(fd);
	if (g->looking)
		fits = look(g, fd, &reports);
	if (g->looking && !g->looks_left) {
		taken_look_end(&g->taken);
		g->looking = false;
	}
	fits = fits && report_left(g, fd, &reports);
	if (fits && g->tell_due && !g->looking && reports)
		g->tell_due = !report_changed(g, fd);
	if (g->looking || g->left_n || g->tell_due)
		return g->now_ms + OVERRULE_STEP_MS;
	g->next_look_ms = taken_next_ms(&g->taken, g->now_ms);
	return g->next_look_ms;
}
