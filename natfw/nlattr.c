/* SPDX-License-Identifier: ISC */
/*
 * nlattr.c - a bounded reader of nested netlink attributes. Pure.
 *
 * Invariant: no attribute is read before its length was checked.
 * Runs in: any
 */
#include <endian.h>
#include <string.h>
#include "natfw/nlattr.h"

struct str nlattr_bytes(const struct rtattr *a)
{
	return (struct str){ (const char *)(a + 1), RTA_PAYLOAD(a) };
}

struct nl_span nlattr_span(struct str bytes)
{
	return (struct nl_span){ bytes.p, bytes.n };
}

struct str nlattr_get(struct nl_span s, unsigned type)
{
	const struct rtattr *a;

	while ((a = netlink_next_attr(&s)))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return nlattr_bytes(a);
	return (struct str){ NULL, 0 };
}

struct str nlattr_name(struct nl_span s, unsigned type)
{
	struct str name = nlattr_get(s, type);

	if (name.n && !name.p[name.n - 1])
		name.n--;
	return name;
}

struct nl_span nlattr_nest(struct nl_span s, unsigned type)
{
	return nlattr_span(nlattr_get(s, type));
}

bool nlattr_u32(struct nl_span s, unsigned type, uint32_t *ret)
{
	struct str v = nlattr_get(s, type);

	if (v.n != sizeof(*ret))
		return false;
	memcpy(ret, v.p, sizeof(*ret));
	*ret = be32toh(*ret);
	return true;
}

bool nlattr_u64(struct nl_span s, unsigned type, uint64_t *ret)
{
	struct str v = nlattr_get(s, type);

	if (v.n != sizeof(*ret))
		return false;
	memcpy(ret, v.p, sizeof(*ret));
	*ret = be64toh(*ret);
	return true;
}
