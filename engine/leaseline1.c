/* SPDX-License-Identifier: ISC */
/*
 * leaseline1.c - reads the lines of the lease file, version 1.
 *
 *   PROTO EXT-PORT CLIENT INT-PORT REMOTE ENABLED MONO-MS WALL-S LEFT-S
 *   REQUESTER DESC                           a mapping, all on one line
 *   PROTO EXT-PORT REMOTE                    the key of one
 *
 * MONO-MS, WALL-S and LEFT-S are those of struct leaseline_end, 0 for a
 * permanent mapping. REMOTE is * for every host. REQUESTER 0.0.0.0 is the
 * operator, any other address a control point.
 * Runs in: engine
 */
#include <string.h>
#include "base/text.h"
#include "engine/leaseline1.h"

#define WALL_MAX_S	(UINT64_MAX / 1000)

enum { PROTO, EXT_PORT, CLIENT, INT_PORT, REMOTE, ENABLED, MONO_MS, WALL_S,
       LEFT_S, REQUESTER, DESC, FIELDS };

/* Parse the remote host. 0.0.0.0 also means every host. */
static bool get_remote(struct str s, struct addr *ret)
{
	uint32_t ip = 0;

	if (!str_eq(s, STR("*")) && !str_ipv4(s, &ip))
		return false;
	*ret = ip != 0 ? addr_ip4(ip) : addr_any();
	return true;
}

static bool get_key(struct str proto, struct str ext_port, struct str remote,
		    struct nat_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = NAT_PORTMAP;
	return leaseline_get_proto(proto, &ret->proto) &&
	       leaseline_get_port(ext_port, &ret->ext_port) &&
	       get_remote(remote, &ret->remote);
}

static bool get_end(const struct str *f, struct leaseline_end *ret)
{
	return str_u64(f[MONO_MS], 0, UINT64_MAX, &ret->mono_ms) == 0 &&
	       str_u64(f[WALL_S], 0, WALL_MAX_S, &ret->wall_s) == 0 &&
	       str_u32(f[LEFT_S], 0, PM_LEASE_MAX_S, &ret->left_s) == 0 &&
	       (ret->left_s == 0) == (ret->mono_ms == 0);
}

static bool get_requester(struct str s, struct pm_req *ret)
{
	uint32_t ip;

	if (!str_ipv4(s, &ip))
		return false;
	ret->origin = ip != 0 ? ORIGIN_UPNP : ORIGIN_OPERATOR;
	if (ip != 0)
		ret->requester = addr_ip4(ip);
	return true;
}

/* Split @s into @n fields, the last of which may hold spaces. */
static bool split(struct str s, struct str *field, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (!str_cut(&s, ' ', &field[i]))
			return false;
	field[n - 1] = s;
	return true;
}

bool leaseline1_get(struct str fields, struct leaseline *ret)
{
	struct pm_req *q = &ret->req;
	struct str f[FIELDS];
	uint32_t client;

	memset(ret, 0, sizeof(*ret));
	if (!split(fields, f, FIELDS) ||
	    !get_key(f[PROTO], f[EXT_PORT], f[REMOTE], &q->rule) ||
	    !str_ipv4(f[CLIENT], &client))
		return false;
	q->rule.client = addr_ip4(client);
	ret->told_port = q->rule.ext_port;
	q->enabled = str_eq(f[ENABLED], STR("1"));
	return (q->enabled || str_eq(f[ENABLED], STR("0"))) &&
	       leaseline_get_port(f[INT_PORT], &q->rule.int_port) &&
	       get_end(f, &ret->lease) && get_requester(f[REQUESTER], q) &&
	       text_is(TEXT_NO_CONTROL, f[DESC]) &&
	       str_copy(q->desc, sizeof(q->desc), f[DESC]) &&
	       nat_rule_sane(&q->rule);
}

bool leaseline1_get_key(struct str fields, struct nat_rule *ret)
{
	struct str f[3];

	return split(fields, f, 3) && get_key(f[0], f[1], f[2], ret);
}
