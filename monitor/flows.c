/* SPDX-License-Identifier: ISC */
/*
 * flows.c - ends the connections whose mapping is deleted.
 *
 * Owns: the notes of where the rules led, and the rate of the walks.
 * Never does: change a rule, or end a flow whose rule still leads to the same
 * place.
 * Invariant: flows_kill() leaves no note behind; a flow that it could not end
 * is not tried again.
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

void flows_note(struct flows *f, const struct nat_rule *r)
{
	if (r && r->kind == NAT_PORTMAP && addr_is_set(f->fw->env.ext))
		f->noted[f->noted_n++] = (struct conntrack_port){
			.ext_ip = addr_to_ip4(f->fw->env.ext),
			.remote = addr_to_ip4(r->remote),
			.client = addr_to_ip4(r->client),
			.ext_port = r->ext_port, .int_port = r->int_port,
			.proto = r->proto,
		};
}

/* Does a rule of the table still lead where @p led? */
static bool still_leads(const struct flows *f, const struct conntrack_port *p)
{
	const struct nat_rule rule = {
		.kind = NAT_PORTMAP, .proto = p->proto,
		.ext_port = p->ext_port, .client = addr_ip4(p->client),
		.remote = p->remote ? addr_ip4(p->remote) : addr_any(),
		.int_port = p->int_port,
	};
	const struct nat_rule *now = natfw_lookup(f->fw, &rule);

	return now && nat_rule_equal(now, &rule);
}

void flows_kill(struct flows *f, uint64_t now_ms)
{
	uint64_t before_us, gap_ms;
	size_t n = 0;
	int err;

	for (size_t i = 0; i < f->noted_n; i++)
		if (!still_leads(f, &f->noted[i]))
			f->noted[n++] = f->noted[i];
	f->noted_n = 0;
	if (!n || f->err == -EPROTONOSUPPORT || f->err == -EOPNOTSUPP)
		return;
	/* The time of a walk depends on the number of flows, which LAN hosts
	 * decide. So the gap to the next walk grows with it. */
	before_us = clock_cpu_us();
	err = conntrack_kill(f->noted, n);
	gap_ms = (clock_cpu_us() - before_us) * FLOWS_GAP_WALKS / 1000;
	if (gap_ms < FLOWS_GAP_MS)
		gap_ms = FLOWS_GAP_MS;
	f->walk_gap_ms = gap_ms < FLOWS_GAP_MAX_MS ? (unsigned)gap_ms :
						     FLOWS_GAP_MAX_MS;
	f->walked_ms = now_ms;
	if (err && err != f->err)	/* each reason once */
		log_warn("flows through deleted mappings may continue: %s",
			 strerror(-err));
	if (err)
		f->err = err;
}

void flows_room(struct flows *f, size_t n, uint64_t now_ms)
{
	if (f->noted_n + n > f->noted_max)
		flows_kill(f, now_ms);
}

void flows_end(struct flows *f, uint64_t now_ms)
{
	if (!f->walked_ms || now_ms - f->walked_ms >= f->walk_gap_ms)
		flows_kill(f, now_ms);
}
