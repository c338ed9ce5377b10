/* SPDX-License-Identifier: ISC */
/* mappings.c - the table of mappings as the engine sent it. Runs in: upnpctl */
#include <errno.h>
#include <stdlib.h>
#include "upnpctl/ctlclient.h"
#include "upnpctl/livemap.h"
#include "upnpctl/mappings.h"

int mappings_add(struct mappings *t, const struct ctl_mapping *m)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		void *v = realloc(t->v, cap * sizeof(*t->v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *m;
	return 0;
}

static int add_record(void *arg, const struct ctl_rep *rep)
{
	return mappings_add(arg, &rep->mapping);
}

int mappings_fetch_if_any(const struct live *l, struct mappings *ret,
			  int *ret_err)
{
	struct ctl_req req = { .verb = CTL_MAPPINGS };
	struct ctl_end end;

	*ret = (struct mappings){ 0 };
	*ret_err = live_request(l, &req, CTLCLIENT_KIND(CTL_MAPPING),
				add_record, ret, &end);
	if (*ret_err)
		return livemap_is_absent(*ret_err) ? CMD_OK :
		       live_fail(l, *ret_err);
	return live_report_end(l, &end, NULL);
}

int mappings_fetch(const struct live *l, struct mappings *ret)
{
	int err, status = mappings_fetch_if_any(l, ret, &err);

	return status == CMD_OK && err ? live_fail(l, err) : status;
}

void mappings_free(struct mappings *t)
{
	free(t->v);
	*t = (struct mappings){ 0 };
}
