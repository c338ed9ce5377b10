/* SPDX-License-Identifier: ISC */
/*
 * nfnl.c - a netlink client for nf_tables.
 *
 * A transaction is one datagram:
 *   NFNL_MSG_BATCH_BEGIN
 *   any messages, of which these are written here:
 *     NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM:
 *       table, set, elements { element { key { value } data { value } } ... }
 *   NFNL_MSG_BATCH_END
 *
 * The kernel answers each message that fails with an error, and a failed commit
 * with an error to the first message. Success is answered only if requested, by
 * an ack: so the last message requests one, which is then the only answer.
 *
 * Owns: nothing. Never does: wait.
 * Runs in: any
 */
#include "natfw/nfnl.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/limits.h"
#include "sys/netlink.h"

/* ---- values ------------------------------------------------------------- */

/* Each part of a concatenation has registers of four bytes of its own, and fills
 * them from their low address on. */
static void put_part(struct nfnl_value *v, const void *p, size_t n)
{
	const size_t whole = (n + 3) / 4 * 4;

	if (v->n + whole <= NFNL_VALUE_MAX) {
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

void nfnl_ip6(struct nfnl_value *v, const uint8_t *byte)
{
	put_part(v, byte, 16);
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

/* ---- families ----------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t number;
} families[] = {
	{ "ip", NFPROTO_IPV4 },
	{ "ip6", NFPROTO_IPV6 },
	{ "inet", NFPROTO_INET },
	{ "bridge", NFPROTO_BRIDGE },
};

#define FAMILIES (sizeof(families) / sizeof(*families))

const char *nfnl_family_name(uint8_t number)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].number == number)
			return families[i].name;
	return NULL;
}

uint8_t nfnl_family(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (!strcmp(name, families[i].name))
			return families[i].number;
	return NFPROTO_UNSPEC;
}

/* ---- a batch ------------------------------------------------------------ */

static const struct {
	uint16_t type, flags;
} verbs[] = {
	[NFNL_ADD] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE },
	[NFNL_DEL] = { NFT_MSG_DELSETELEM, 0 },
};

/* The first and last message of a batch; they name its subsystem. */
static void put_bracket(struct nfnl_batch *b, int type)
{
	const struct nfgenmsg about = {
		.version = NFNETLINK_V0,
		.res_id = htobe16(NFNL_SUBSYS_NFTABLES),
	};

	nlmsg_close(&b->m, nlmsg_open(&b->m, type, 0, about));
}

void nfnl_begin(struct nfnl_batch *b, void *room, size_t cap, uint32_t seq)
{
	*b = (struct nfnl_batch){ .first = seq };
	nlmsg_begin(&b->m, room, cap, seq);
	put_bracket(b, NFNL_MSG_BATCH_BEGIN);
}

/* End the list of elements that is being written, if any. */
static void end_list(struct nfnl_batch *b)
{
	if (!b->list)
		return;
	nlmsg_unnest(&b->m, b->list);
	nlmsg_close(&b->m, b->last);
	b->list = 0;
}

struct nlmsg *nfnl_open_msg(struct nfnl_batch *b, int type, unsigned flags,
			    const char *family)
{
	const struct nfgenmsg about = {
		.nfgen_family = nfnl_family(family),
		.version = NFNETLINK_V0,
	};

	if (!about.nfgen_family)
		nlmsg_spoil(&b->m, -EAFNOSUPPORT);
	end_list(b);
	b->last = nlmsg_open(&b->m, NFNL_SUBSYS_NFTABLES << 8 | type, flags,
			     about);
	return &b->m;
}

void nfnl_close_msg(struct nfnl_batch *b)
{
	nlmsg_close(&b->m, b->last);
}

/* Elements of one set and one verb share a message, because 60000 elements take
 * megabytes even so. */
static void begin_list(struct nfnl_batch *b, enum nfnl_verb verb,
		       const struct nfnl_set *set)
{
	if (b->list && b->verb == verb && !strcmp(b->set.family, set->family) &&
	    !strcmp(b->set.table, set->table) &&
	    !strcmp(b->set.name, set->name) &&
	    b->m.len - b->list < NFNL_LIST_MAX)
		return;
	nfnl_open_msg(b, verbs[verb].type, verbs[verb].flags, set->family);
	nlmsg_name(&b->m, NFTA_SET_ELEM_LIST_TABLE, set->table);
	nlmsg_name(&b->m, NFTA_SET_ELEM_LIST_SET, set->name);
	b->list = nlmsg_nest(&b->m, NFTA_SET_ELEM_LIST_ELEMENTS);
	b->verb = verb;
	b->set = *set;
}

static void put_value(struct nlmsg *m, uint16_t type,
		      const struct nfnl_value *v)
{
	size_t nest = nlmsg_nest(m, type);

	if (v->n > sizeof(v->bytes))
		nlmsg_spoil(m, -ENOBUFS);
	else
		nlmsg_put(m, NFTA_DATA_VALUE, v->bytes, v->n);
	nlmsg_unnest(m, nest);
}

void nfnl_elem(struct nfnl_batch *b, enum nfnl_verb verb,
	       const struct nfnl_set *set, const struct nfnl_value *key,
	       const struct nfnl_value *data)
{
	size_t elem;

	begin_list(b, verb, set);
	elem = nlmsg_nest(&b->m, NFTA_LIST_ELEM);
	put_value(&b->m, NFTA_SET_ELEM_KEY, key);
	if (data)
		put_value(&b->m, NFTA_SET_ELEM_DATA, data);
	nlmsg_unnest(&b->m, elem);
}

/* ---- the kernel --------------------------------------------------------- */

/* Ask for short errors: with the header of the failed message only, and with
 * the offset of the fault in it. Kernels before 4.12 refuse both options; their
 * errors have less detail. */
int nfnl_open(void)
{
	int fd = netlink_open(NETLINK_NETFILTER), on = 1;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	return fd;
}

/* Return: 0 an ack, -errno, 1 a message that is not about this batch */
static int read_reply(struct nfnl_batch *b, struct nl_span s)
{
	struct nl_span rest = s;
	const struct nlmsghdr *h = netlink_next_msg(&rest);
	bool interrupted;
	int rc;

	if (h && h->nlmsg_seq - b->first >= b->m.seq - b->first)
		return 1;
	rc = netlink_walk(s, NULL, NULL, &interrupted);
	if (h && rc < 0 && !b->fault) {
		b->fault = h->nlmsg_seq;
		b->fault_at = 0;
		if (h->nlmsg_flags & NLM_F_ACK_TLVS)
			netlink_attr_get(h, sizeof(struct nlmsgerr),
					 NLMSGERR_ATTR_OFFS, &b->fault_at,
					 sizeof(b->fault_at));
	}
	return rc;
}

/* Read until the socket is empty, because the answer to the next batch would be
 * lost if it were full. An error takes precedence over the ack. */
static int read_answer(struct nfnl_batch *b, int fd)
{
	union nl_buf buf;
	int ret = 1, result;
	ssize_t n;

	while ((n = netlink_recv(fd, &buf)) != -EAGAIN) {
		result = (int)n;
		if (n >= 0)
			result = read_reply(b, (struct nl_span){ buf.bytes,
							    (size_t)n });
		if (ret >= 0 && result < ret)
			ret = result;
		if (n < 0 && n != -ENOBUFS && n != -EMSGSIZE)
			break;	/* a retry would return the same */
	}
	return ret > 0 ? -EAGAIN : ret;
}

int nfnl_commit(struct nfnl_batch *b, int fd)
{
	struct nlmsghdr *last = (void *)(b->m.p + b->last);

	if (!b->m.err && !b->last)
		return 0;
	end_list(b);
	put_bracket(b, NFNL_MSG_BATCH_END);
	if (b->m.err)
		return b->m.err;
	last->nlmsg_flags |= NLM_F_ACK;
	if (send(fd, b->m.p, b->m.len, 0) < 0)
		return -errno;
	return read_answer(b, fd);
}

/* ---- one element --------------------------------------------------------- */

int nfnl_get(int fd, uint32_t seq, const struct nfnl_set *set,
	     const struct nfnl_value *key, nl_fn fn, void *arg)
{
	const struct nfgenmsg about = {
		.nfgen_family = nfnl_family(set->family),
		.version = NFNETLINK_V0,
	};
	uint32_t room[(128 + 2 * (NFT_NAME_MAXLEN + NLA_HDRLEN)) / 4];
	size_t at, list, elem;
	struct nlmsg m;

	nlmsg_begin(&m, room, sizeof(room), seq);
	at = nlmsg_open(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
			NLM_F_ACK, about);
	nlmsg_name(&m, NFTA_SET_ELEM_LIST_TABLE, set->table);
	nlmsg_name(&m, NFTA_SET_ELEM_LIST_SET, set->name);
	list = nlmsg_nest(&m, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = nlmsg_nest(&m, NFTA_LIST_ELEM);
	put_value(&m, NFTA_SET_ELEM_KEY, key);
	nlmsg_unnest(&m, elem);
	nlmsg_unnest(&m, list);
	nlmsg_close(&m, at);
	return m.err ? m.err : netlink_ask_by(fd, (void *)m.p, fn, arg);
}

/* ---- a dump ------------------------------------------------------------- */

int nfnl_ask(int fd, uint32_t seq, const struct nfnl_query *q)
{
	const struct nfgenmsg about = {
		.nfgen_family = q->family ? nfnl_family(q->family) : 0,
		.version = NFNETLINK_V0,
	};
	uint32_t room[(32 + 2 * (NFT_NAME_MAXLEN + NLA_HDRLEN)) / 4];
	struct nlmsg m;
	size_t at;

	nlmsg_begin(&m, room, sizeof(room), seq);
	at = nlmsg_open(&m, NFNL_SUBSYS_NFTABLES << 8 | q->type, NLM_F_DUMP,
			about);
	if (q->table)
		nlmsg_name(&m, 1, q->table);	/* NFTA_*_TABLE are all 1 */
	if (q->name)
		nlmsg_name(&m, 2, q->name);
	nlmsg_close(&m, at);
	if (m.err)
		return m.err;
	return send(fd, m.p, m.len, 0) < 0 ? -errno : 0;
}

int nfnl_next(int fd, uint32_t seq, const struct nfnl_query *q, nl_fn fn,
	      void *arg, bool *ret_interrupted)
{
	union nl_buf small;
	char *buf = q->buf ? q->buf : small.bytes;
	size_t buf_n = q->buf ? q->buf_n : sizeof(small);
	struct nl_span s, rest;
	const struct nlmsghdr *h;
	ssize_t n = netlink_recv_into(fd, buf, buf_n);
	int more;

	if (n < 0)
		return (int)n;
	s = rest = (struct nl_span){ buf, (size_t)n };
	h = netlink_next_msg(&rest);
	if (h && h->nlmsg_seq != seq)
		return 1;
	more = netlink_walk(s, fn, arg, ret_interrupted);
	return more > 0 && q->stop && *q->stop ? -ECANCELED : more;
}

int nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *q, nl_fn fn,
	      void *arg)
{
	uint64_t end = clock_mono_ms() + PROC_LIST_DEADLINE_MS + q->rules / 4;
	bool interrupted = false;
	int rc = nfnl_ask(fd, seq, q);

	if (rc)
		return rc;
	while ((rc = nfnl_next(fd, seq, q, fn, arg, &interrupted)) > 0)
		if (clock_mono_ms() > end)
			return -ETIMEDOUT;
	return rc ? rc : interrupted ? -EINTR : 0;
}
