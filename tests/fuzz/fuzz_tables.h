/* SPDX-License-Identifier: ISC */
/*
 * fuzz_tables.h - the tables of an engine under test, mappings and pinholes:
 * their limits, and the firewall's rules for them.
 *
 * Include it once, in fuzz_engine.c, after the engine and what runs it.
 */
#ifndef TESTS_FUZZ_FUZZ_TABLES_H
#define TESTS_FUZZ_FUZZ_TABLES_H

#include "fuzz_monitor.h"
#include "map/holder.h"
#include "map/pmtable.h"

#define PROMISES_MAX	64

static struct engine *eng;
static struct conf conf;
/* What the last engine had in its tables. */
static struct nat_rule promise[PROMISES_MAX];
static size_t promise_n;

/* No request is open, and the engine owes none. */
static bool is_idle(void)
{
	const struct brokerclient *p = &eng->brokerclient;

	return !mon.lied && !mon.stalled && mon.synced && !mon.behind &&
	       !mon.queue_n && !p->in_flight && !p->holds && !p->refresh_due &&
	       !p->syncing && !eng->ifwatch.settle.active &&
	       eng->pm->queue_head == PM_NONE &&
	       eng->map.pinholes->queue_head == PM_NONE;
}

static const struct portmap *table(enum nat_kind kind)
{
	return map_table(&eng->map, kind);
}

static const struct pm_entry *entry(enum nat_kind kind, size_t i)
{
	return portmap_entry(table(kind), portmap_at(table(kind), i));
}

/* A rule of the firewall belongs to a mapping, or to one that is being
 * removed. */
static void check_rule(const struct nat_rule *r)
{
	uint16_t slot = PM_NONE;
	const struct pm_entry *m;

	if (r->kind == NAT_PINHOLE) {
		m = portmap_entry(table(r->kind),
				  portmap_find(table(r->kind), r));
		CHECK(m && nat_rule_equal(&m->rule, r));
		CHECK(m->state != PM_SUSPENDED);
		return;
	}
	do {
		slot = portmap_rival(eng->pm, r, slot);
		m = portmap_entry(eng->pm, slot);
		CHECK(m);
	} while (!nat_rule_equal(&m->rule, r) || m->state == PM_SUSPENDED);
}

static void check_mapping(const struct pm_entry *m)
{
	const struct nat_rule *r = mon_rule(&m->rule);

	if (portmap_has_rule(m))
		CHECK(r && nat_rule_equal(r, &m->rule));
	CHECK(m->state != PM_ACTIVE || !m->expires_ms ||
	      m->expires_ms > net.clock_ms);
}

static struct addr holder(const struct pm_entry *m)
{
	return holder_of(&m->rule, m->host, m->requester);
}

static void check_table(enum nat_kind kind, size_t max)
{
	size_t n = portmap_count(table(kind)), same;

	CHECK(n <= max);
	for (size_t i = 0; i < n; i++) {
		const struct pm_entry *m = entry(kind, i);

		CHECK(m && nat_rule_sane(&m->rule) && m->rule.kind == kind);
		CHECK(!m->unique_id == (kind == NAT_PORTMAP));
		same = 1;
		for (size_t k = 0; k < i; k++) {
			const struct pm_entry *o = entry(kind, k);

			CHECK(!nat_rule_same_key(&m->rule, &o->rule));
			CHECK(!nat_rule_rivals(&m->rule, &o->rule) ||
			      addr_equal(m->rule.client, o->rule.client));
			CHECK(!m->unique_id || m->unique_id != o->unique_id);
			same += addr_equal(holder(m), holder(o));
		}
		CHECK(same <= conf.max_per_client);
	}
}

/* ---- a start ------------------------------------------------------------- */

/* upnpctl writes a configured one into the configuration. */
static void promise_one(const struct pm_entry *m)
{
	if (m->state != PM_EXPIRING && !m->configured &&
	    (!m->expires_ms || m->expires_ms > net.clock_ms))
		promise[promise_n++] = m->rule;
}

static void promise_all(void)
{
	promise_n = 0;
	for (enum nat_kind kind = NAT_PORTMAP; kind < NAT_KINDS; kind++)
		for (size_t i = 0; i < portmap_count(table(kind)); i++)
			promise_one(entry(kind, i));
}

static void check_promises(void)
{
	for (size_t i = 0; i < promise_n; i++)
		CHECK(portmap_find(table(promise[i].kind), &promise[i]) !=
		      PM_NONE);
	/* an engine that ends by itself, later, promises nothing */
	promise_n = 0;
}

#endif
