/* SPDX-License-Identifier: ISC */
/* nlmsg.c - a bounded writer of netlink messages. Pure. Runs in: any */
#include "natfw/nlmsg.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter/nf_tables.h>

void nlmsg_begin(struct nlmsg *m, void *room, size_t cap, uint32_t seq)
{
	*m = (struct nlmsg){ .p = room, .cap = cap, .seq = seq };
}

void nlmsg_spoil(struct nlmsg *m, int err)
{
	if (!m->err)
		m->err = err;
}

/* Append @n bytes, padded with zeros to the alignment of a header; NULL if they
 * do not fit. */
static void *grow(struct nlmsg *m, size_t n)
{
	char *at = m->p + m->len;

	if (NLMSG_ALIGN(n) > m->cap - m->len)
		nlmsg_spoil(m, -ENOBUFS);
	if (m->err)
		return NULL;
	n = NLMSG_ALIGN(n);
	memset(at, 0, n);
	m->len += n;
	return at;
}

size_t nlmsg_open(struct nlmsg *m, int type, unsigned flags,
		  struct nfgenmsg about)
{
	size_t at = m->len;
	struct nlmsghdr *h = grow(m, NLMSG_LENGTH(sizeof(about)));

	if (!h)
		return at;
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = m->seq++;
	memcpy(NLMSG_DATA(h), &about, sizeof(about));
	return at;
}

void nlmsg_close(struct nlmsg *m, size_t at)
{
	struct nlmsghdr *h = (void *)(m->p + at);

	if (!m->err)
		h->nlmsg_len = (uint32_t)(m->len - at);
}

void nlmsg_put(struct nlmsg *m, uint16_t type, const void *p, size_t n)
{
	struct nlattr *a;

	if (n > NLMSG_NEST_MAX - NLA_HDRLEN)
		nlmsg_spoil(m, -ENOBUFS);
	a = grow(m, NLA_HDRLEN + n);
	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n)
		memcpy(a + 1, p, n);
}

size_t nlmsg_nest(struct nlmsg *m, uint16_t type)
{
	size_t at = m->len;

	nlmsg_put(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nlmsg_unnest(struct nlmsg *m, size_t at)
{
	struct nlattr *a = (void *)(m->p + at);

	if (m->len - at > NLMSG_NEST_MAX)
		nlmsg_spoil(m, -ENOBUFS);
	if (!m->err)
		a->nla_len = (uint16_t)(m->len - at);
}

void nlmsg_u32(struct nlmsg *m, uint16_t type, uint32_t value)
{
	value = htobe32(value);
	nlmsg_put(m, type, &value, sizeof(value));
}

void nlmsg_name(struct nlmsg *m, uint16_t type, const char *name)
{
	size_t n = strlen(name) + 1;

	if (n > NFT_NAME_MAXLEN)
		nlmsg_spoil(m, -ENOBUFS);
	else
		nlmsg_put(m, type, name, n);
}
