/* SPDX-License-Identifier: ISC */
/*
 * nfnl.c - a netlink client for the elements of nf_tables sets.
 *
 * A transaction is one datagram:
 *   NFNL_MSG_BATCH_BEGIN
 *   NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM, any number of them:
 *     table, set, elements { element { key { value } data { value } } }
 *   NFNL_MSG_BATCH_END
 *
 * Each message that fails is answered by an error, and a commit that fails by
 * one to the first message. That all went well is told only when asked for:
 * by the ack of the last element, the one answer then.
 *
 * Owns: nothing. Never does: wait.
 * Invariant: buf.len is a multiple of four; once err is set, nothing changes.
 */
#include "natfw/nfnl.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "base/netlink.h"

/* ---- values ------------------------------------------------------------- */

/* Each part of a concatenation has a register of its own, of four bytes,
 * filled from its low address on. */
static void put_part(struct nfnl_value *v, const void *p, size_t n)
{
	const size_t whole = sizeof(uint32_t);

	if (v->n <= NFNL_VALUE_MAX - whole) {
		memset(v->bytes + v->n, 0, whole);
		memcpy(v->bytes + v->n, p, n);
		v->n += whole;
	} else {
		v->n = NFNL_VALUE_MAX + 1;
	}
}

void nfnl_ip(struct nfnl_value *v, uint32_t ip)
{
	ip = htobe32(ip);
	put_part(v, &ip, sizeof(ip));
}

void nfnl_proto(struct nfnl_value *v, uint8_t proto)
{
	put_part(v, &proto, sizeof(proto));
}

void nfnl_port(struct nfnl_value *v, uint16_t port)
{
	port = htobe16(port);
	put_part(v, &port, sizeof(port));
}

/* ---- writing messages --------------------------------------------------- */

static void spoil(struct nfnl_batch *b, int err)
{
	if (!b->err)
		b->err = err;
}

/* @n more bytes, zero up to where the next header may stand; NULL when they
 * do not fit. */
static void *grow(struct nfnl_batch *b, size_t n)
{
	char *at = b->buf.bytes + b->len;

	if (n > sizeof(b->buf.bytes) - b->len)
		spoil(b, -ENOBUFS);
	if (b->err)
		return NULL;
	n = NLMSG_ALIGN(n);
	memset(at, 0, n);
	b->len += n;
	return at;
}

/* Return: where it begins, for close_msg() */
static size_t open_msg(struct nfnl_batch *b, int type, unsigned flags,
		       struct nfgenmsg about)
{
	size_t at = b->len;
	struct nlmsghdr *h = grow(b, NLMSG_LENGTH(sizeof(about)));

	if (!h)
		return at;
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = b->seq;
	memcpy(NLMSG_DATA(h), &about, sizeof(about));
	return at;
}

static void close_msg(struct nfnl_batch *b, size_t at)
{
	struct nlmsghdr *h = (void *)(b->buf.bytes + at);

	if (!b->err)
		h->nlmsg_len = (uint32_t)(b->len - at);
}

static void put_attr(struct nfnl_batch *b, uint16_t type, const void *p,
		     size_t n)
{
	struct nlattr *a = grow(b, NLA_HDRLEN + n);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	memcpy(a + 1, p, n);
}

/* Return: where it begins, for close_nest() */
static size_t open_nest(struct nfnl_batch *b, uint16_t type)
{
	size_t at = b->len;

	put_attr(b, type | NLA_F_NESTED, "", 0);
	return at;
}

static void close_nest(struct nfnl_batch *b, size_t at)
{
	struct nlattr *a = (void *)(b->buf.bytes + at);

	if (!b->err)
		a->nla_len = (uint16_t)(b->len - at);
}

static void put_name(struct nfnl_batch *b, uint16_t type, const char *name)
{
	size_t n = strlen(name) + 1;

	if (n > NFT_NAME_MAXLEN)
		spoil(b, -ENOBUFS);
	else
		put_attr(b, type, name, n);
}

static void put_value(struct nfnl_batch *b, uint16_t type,
		      const struct nfnl_value *v)
{
	size_t nest = open_nest(b, type);

	if (v->n > sizeof(v->bytes))
		spoil(b, -ENOBUFS);
	else
		put_attr(b, NFTA_DATA_VALUE, v->bytes, v->n);
	close_nest(b, nest);
}

/* The messages around a batch, which name the subsystem it is for. */
static void put_fence(struct nfnl_batch *b, int type)
{
	const struct nfgenmsg about = {
		.version = NFNETLINK_V0,
		.res_id = htobe16(NFNL_SUBSYS_NFTABLES),
	};

	close_msg(b, open_msg(b, type, 0, about));
}

/* ---- a batch ------------------------------------------------------------ */

static const struct {
	uint16_t type, flags;
} verbs[] = {
	[NFNL_ADD] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE },
	[NFNL_DEL] = { NFT_MSG_DELSETELEM, 0 },
};

static const struct {
	const char *name;
	uint8_t number;
} families[] = {
	{ "ip", NFPROTO_IPV4 },
	{ "ip6", NFPROTO_IPV6 },
	{ "inet", NFPROTO_INET },
	{ "bridge", NFPROTO_BRIDGE },
};

static uint8_t family_of(struct nfnl_batch *b, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (!strcmp(name, families[i].name))
			return families[i].number;
	spoil(b, -EAFNOSUPPORT);
	return NFPROTO_UNSPEC;
}

void nfnl_begin(struct nfnl_batch *b, uint32_t seq)
{
	b->len = 0;
	b->last = 0;
	b->seq = seq;
	b->err = 0;
	put_fence(b, NFNL_MSG_BATCH_BEGIN);
}

void nfnl_elem(struct nfnl_batch *b, enum nfnl_verb verb,
	       const struct nfnl_set *set, const struct nfnl_value *key,
	       const struct nfnl_value *data)
{
	const struct nfgenmsg about = {
		.nfgen_family = family_of(b, set->family),
		.version = NFNETLINK_V0,
	};
	size_t list, elem;

	b->last = open_msg(b, NFNL_SUBSYS_NFTABLES << 8 | verbs[verb].type,
			   verbs[verb].flags, about);
	put_name(b, NFTA_SET_ELEM_LIST_TABLE, set->table);
	put_name(b, NFTA_SET_ELEM_LIST_SET, set->name);
	list = open_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = open_nest(b, NFTA_LIST_ELEM);
	put_value(b, NFTA_SET_ELEM_KEY, key);
	if (data)
		put_value(b, NFTA_SET_ELEM_DATA, data);
	close_nest(b, elem);
	close_nest(b, list);
	close_msg(b, b->last);
}

/* ---- the kernel --------------------------------------------------------- */

int nfnl_open(void)
{
	return nl_open(NETLINK_NETFILTER);
}

/* Return: 0 an ack, -errno, 1 a word that is not about batch @seq */
static int word_of(struct nl_span s, uint32_t seq)
{
	struct nl_span rest = s;
	const struct nlmsghdr *h = nl_next_msg(&rest);
	bool interrupted;

	if (h && h->nlmsg_seq != seq)
		return 1;
	return nl_walk(s, NULL, NULL, &interrupted);
}

/*
 * Read until nothing is left, so that the next batch finds an empty socket:
 * in a full one its answer would be lost. An error outweighs the ack.
 */
static int read_answer(int fd, uint32_t seq)
{
	union nl_buf buf;
	int ret = 1, word;
	ssize_t n;

	while ((n = nl_recv(fd, &buf)) != -EAGAIN) {
		word = (int)n;
		if (n >= 0)
			word = word_of((struct nl_span){ buf.bytes, (size_t)n },
				       seq);
		if (ret >= 0 && word < ret)
			ret = word;
		if (n < 0 && n != -ENOBUFS && n != -EMSGSIZE)
			break;	/* would be the same the next time */
	}
	return ret > 0 ? -EAGAIN : ret;
}

int nfnl_commit(struct nfnl_batch *b, int fd)
{
	struct nlmsghdr *last = (void *)(b->buf.bytes + b->last);

	if (!b->err && !b->last)
		return 0;
	put_fence(b, NFNL_MSG_BATCH_END);
	if (b->err)
		return b->err;
	last->nlmsg_flags |= NLM_F_ACK;
	if (send(fd, b->buf.bytes, b->len, 0) < 0)
		return -errno;
	return read_answer(fd, b->seq);
}
