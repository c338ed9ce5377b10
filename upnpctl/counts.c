/* SPDX-License-Identifier: ISC */
/* counts.c - the counters of the set count, sorted. Runs in: upnpctl */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "upnpctl/counts.h"

static int compare(const void *x, const void *y)
{
	const struct nl_list_count *a = x, *b = y;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

/* Without memory, the counter is omitted. */
static void add_count(void *arg, const struct nl_list_count *one)
{
	struct counts *c = arg;

	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		void *v = realloc(c->v, cap * sizeof(*c->v));

		if (!v)
			return;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = *one;
}

void counts_read(struct counts *ret)
{
	struct nl_list_sock sock = { nfnl_open(), 0, PM_MAPPINGS_LIMIT };
	int rc = -EINTR, tries = NL_TRIES;

	*ret = (struct counts){ 0 };
	if (sock.fd < 0)
		return;
	while (rc == -EINTR && tries--) {
		ret->n = 0;
		rc = nl_list_counts(&sock, add_count, ret);
	}
	close(sock.fd);
	if (rc)
		ret->n = 0;
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
}

const struct nl_list_count *counts_of(const struct counts *c,
				      const struct nat_rule *r)
{
	const struct nl_list_count key = {
		.client = addr_to_ip4(r->client), .port = r->int_port,
		.proto = r->proto,
	};

	return c->n && r->kind == NAT_PORTMAP ?
	       bsearch(&key, c->v, c->n, sizeof(key), compare) :
	       NULL;
}

bool counts_packets(const struct nat_rule *rule, uint64_t *ret)
{
	struct nl_list_sock sock = { nfnl_open(), 0, PM_PINHOLES_LIMIT };
	int rc;

	if (sock.fd < 0)
		return false;
	rc = nl_list_packets(&sock, rule, ret);
	close(sock.fd);
	return rc == 0;
}

void counts_free(struct counts *c)
{
	free(c->v);
	*c = (struct counts){ 0 };
}
