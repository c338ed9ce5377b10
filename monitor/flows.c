/* SPDX-License-Identifier: ISC */
/*
 * flows.c - ends the connections whose mapping is deleted.
 *
 * Owns: the notes of where the rules led, and the rate of the walks.
 * Never does: change a rule, or end a flow whose rule still leads to the same
 * place.
 * Invariant: a walk that has begun reaches its end, however many rules are
 * deleted meanwhile; a flow that it could not end is not tried again.
 * Runs in: monitor
 */
#include <errno.h>
#include <string.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "monitor/flows.h"

int flows_open(struct flows *f, const struct natfw *fw, size_t max)
{
	f->noted = mem_new(max, sizeof(*f->noted));
	if (!f->noted)
		return -ENOMEM;
	f->fw = fw;
	f->noted_max = max;
	return 0;
}

void flows_close(struct flows *f)
{
	mem_free(f->noted, f->noted_max, sizeof(*f->noted));
	f->noted = NULL;
}

static struct conntrack_port port_of(const struct flows *f,
				     const struct nat_rule *r)
{
	struct conntrack_port port = {
		.ext_port = r->ext_port, .int_port = r->int_port,
		.remote_port = r->remote_port, .proto = r->proto,
	};
	if (r->kind == NAT_PINHOLE) {
		port.client6 = r->client;
		port.remote6 = r->remote;
	} else {
		port.ext_ip = addr_to_ip4(f->fw->env.ext);
		port.remote = addr_to_ip4(r->remote);
		port.client = addr_to_ip4(r->client);
	}
	return port;
}

void flows_note(struct flows *f, const struct nat_rule *r)
{
	if (!r || (r->kind != NAT_PINHOLE && !addr_is_set(f->fw->env.ext)))
		return;
	f->noted[f->noted_n++] = port_of(f, r);
}

int flows_port(const struct flows *f, const struct nat_rule *r, uint16_t *ret)
{
	const struct conntrack_port port = port_of(f, r);

	return port.ext_ip ? conntrack_ask(&port, ret) : -ENOENT;
}

/* The rule that led where @p led. */
static struct nat_rule rule_of(const struct conntrack_port *p)
{
	struct nat_rule r = {
		.kind = NAT_PORTMAP, .proto = p->proto,
		.ext_port = p->ext_port, .client = addr_ip4(p->client),
		.remote = p->remote ? addr_ip4(p->remote) : addr_any(),
		.int_port = p->int_port, .remote_port = p->remote_port,
	};

	if (p->client6.family == ADDR_IP6) {
		r.kind = NAT_PINHOLE;
		r.client = p->client6;
		r.remote = p->remote6;
	}
	return r;
}

/* Does a rule of the table still lead where @p led? */
static bool still_leads(const struct flows *f, const struct conntrack_port *p)
{
	const struct nat_rule rule = rule_of(p);
	const struct nat_rule *now = natfw_lookup(f->fw, &rule);

	return now && nat_rule_equal(now, &rule);
}

/* Drop the notes whose rule was not deleted, or was set again. */
static void drop_kept(struct flows *f)
{
	size_t n = 0, walk_n = 0;

	for (size_t i = 0; i < f->noted_n; i++) {
		if (still_leads(f, &f->noted[i]))
			continue;
		walk_n += i < f->walk_n;
		f->noted[n++] = f->noted[i];
	}
	f->noted_n = n;
	f->walk_n = walk_n;
}

/* The time of a walk depends on the number of flows, which LAN hosts decide. So
 * the gap to the next walk grows with it. */
static void finish_walk(struct flows *f)
{
	uint64_t gap_ms = f->walk_us * FLOWS_GAP_WALKS / 1000;

	if (gap_ms < FLOWS_GAP_MS)
		gap_ms = FLOWS_GAP_MS;
	f->walk_gap_ms = gap_ms < FLOWS_GAP_MAX_MS ? (unsigned)gap_ms :
						     FLOWS_GAP_MAX_MS;
	f->walk_us = 0;
	f->noted_n -= f->walk_n;
	memmove(f->noted, f->noted + f->walk_n,
		f->noted_n * sizeof(*f->noted));
	f->walk_n = 0;
}

/* Begin a walk for all notes, or continue the one that has begun. */
static void walk(struct flows *f, uint64_t now_ms, uint64_t max_us)
{
	const bool begun = f->walk.open;
	uint64_t before_us;
	int err;

	drop_kept(f);
	if (f->err == -EPROTONOSUPPORT || f->err == -EOPNOTSUPP)
		f->noted_n = f->walk_n = 0;
	if (!begun)
		f->walk_n = f->noted_n;
	if (!begun && !f->noted_n)
		return;
	before_us = clock_cpu_us();
	err = conntrack_kill(&f->walk, f->noted, f->walk_n, max_us);
	f->walk_us += clock_cpu_us() - before_us;
	f->walked_ms = now_ms;
	f->walk_gap_ms = FLOWS_PAUSE_MS;
	if (err <= 0)
		finish_walk(f);
	if (err < 0 && err != f->err)	/* each reason once */
		log_warn("flows through deleted mappings may continue: %s",
			 strerror(-err));
	if (err < 0)
		f->err = err;
}

void flows_kill(struct flows *f, uint64_t now_ms)
{
	while (f->noted_n || f->walk.open)
		walk(f, now_ms, UINT64_MAX);
}

void flows_room(struct flows *f, size_t n, uint64_t now_ms)
{
	if (f->noted_n + n > f->noted_max)
		drop_kept(f);
	while (f->noted_n && f->noted_n + n > f->noted_max)
		walk(f, now_ms, UINT64_MAX);
}

void flows_end(struct flows *f, uint64_t now_ms)
{
	if (!f->noted_n && !f->walk.open)
		return;
	if (!f->walked_ms || now_ms - f->walked_ms >= f->walk_gap_ms)
		walk(f, now_ms, FLOWS_PART_US);
}
