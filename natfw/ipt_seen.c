/* SPDX-License-Identifier: ISC */
/* ipt_seen.c - notes of a listing. Runs in: any */
#include <string.h>
#include "base/mem.h"
#include "natfw/ipt_seen.h"
#include "natfw/table.h"

void ipt_seen_free(struct ipt_seen *s)
{
	if (!s)
		return;
	mem_free(s->stands, s->max, sizeof(*s->stands));
	mem_free(s->packets, s->max, sizeof(*s->packets));
	mem_free(s, 1, sizeof(*s));
}

struct ipt_seen *ipt_seen_new(const struct natfw *fw)
{
	struct ipt_seen *s = mem_new(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fw = fw;
	s->max = fw->pinholes.rule_max;
	if (!s->max)
		return s;
	s->stands = mem_new(s->max, sizeof(*s->stands));
	s->packets = mem_new(s->max, sizeof(*s->packets));
	if (s->stands && s->packets)
		return s;
	ipt_seen_free(s);
	return NULL;
}

void ipt_seen_begin(struct ipt_seen *s)
{
	if (s->max)
		memset(s->stands, 0, s->max * sizeof(*s->stands));
	s->read_ms = 0;
}

bool ipt_seen_rule(void *seen, const struct nat_rule *r, uint64_t packets)
{
	struct ipt_seen *s = seen;
	const struct nat_rule *known = table_find(s->fw, r);
	size_t i;

	if (!known || !table_pinholes(s->fw))
		return false;
	i = (size_t)(known - s->fw->pinholes.rule);
	if (s->stands[i])
		return false;
	s->stands[i] = true;
	s->packets[i] = packets;
	return true;
}
