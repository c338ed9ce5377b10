/* SPDX-License-Identifier: ISC */
/*
 * nfnl.h - nf_tables by asking the kernel itself: microseconds where `nft -f -`
 * needs milliseconds. Elements of sets and maps, any other message, and dumps.
 *
 * A batch is one transaction: the kernel does all of it or nothing.
 */
#ifndef NATFW_NFNL_H
#define NATFW_NFNL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include "sys/netlink.h"
#include "natfw/nlmsg.h"

/* Four parts: one more than the longest key, ipv4_addr . inet_proto .
 * inet_service. */
#define NFNL_VALUE_MAX		16

/* Bytes of elements in one message; an attribute holds 65535. */
#define NFNL_LIST_MAX		60000

enum nfnl_verb { NFNL_ADD, NFNL_DEL };

/* Where an element belongs. The names live as long as the call. */
struct nfnl_set {
	const char *family;	/* "ip", "ip6", "inet", "bridge", as nft */
	const char *table, *name;
};

/* A key or the data of a map, part by part. Begins as { 0 }. */
struct nfnl_value {
	uint8_t bytes[NFNL_VALUE_MAX];
	size_t n;		/* beyond NFNL_VALUE_MAX: there were too many */
};

/* Private but for what is said of its fields. */
struct nfnl_batch {
	struct nlmsg m;		/* m.seq is the next batch's */
	uint32_t first;		/* the number of its first message */
	size_t last;		/* where the last message begins */
	size_t list;		/* where its list of elements does, or 0 */
	enum nfnl_verb verb;	/* of that list */
	struct nfnl_set set;
	/* the message that failed, by its number, and where in it, if known:
	 * 0 when not */
	uint32_t fault, fault_at;
};

/** nfnl_family - its number, NFPROTO_UNSPEC for one that is not known here. */
uint8_t nfnl_family(const char *name);

/** nfnl_family_name - the other way round; NULL. */
const char *nfnl_family_name(uint8_t number);

/** nfnl_ip - append an ipv4_addr. @ip: host order */
void nfnl_ip(struct nfnl_value *, uint32_t ip);

/** nfnl_proto - append an inet_proto. */
void nfnl_proto(struct nfnl_value *, uint8_t proto);

/** nfnl_port - append an inet_service. @port: host order */
void nfnl_port(struct nfnl_value *, uint16_t port);

/**
 * nfnl_open - a socket for nfnl_commit(), close-on-exec.
 *
 * To be kept: close() waits until the kernel has freed what the last batch
 * deleted, some 15 ms.
 *
 * Return: the descriptor, or -errno (-EPROTONOSUPPORT: no netfilter)
 */
int nfnl_open(void);

/**
 * nfnl_begin - start a batch.
 * @room: of @cap bytes, aligned to four; the caller's, until the commit
 * @seq: one that the socket's earlier batches did not have, nor their messages,
 *       each of which has the next number: it tells an answer to this batch
 *       from what may be left of theirs
 */
void nfnl_begin(struct nfnl_batch *, void *room, size_t cap, uint32_t seq);

/**
 * nfnl_elem - one more element to add or to delete.
 * @set: its names live until the commit
 * @key: of the set's type
 * @data: of the map's type; NULL for a set, and for NFNL_DEL
 *
 * They are done in order. Adding one that is there with the same data is no
 * error, as in nft. What cannot be put into the batch spoils it: that is told
 * by nfnl_commit().
 */
void nfnl_elem(struct nfnl_batch *, enum nfnl_verb, const struct nfnl_set *,
	       const struct nfnl_value *key, const struct nfnl_value *data);

/**
 * nfnl_open_msg - one more message of another kind, to be filled.
 * @type: NFT_MSG_*
 * @flags: NLM_F_CREATE and such
 *
 * Return: where to put its attributes, until nfnl_close_msg()
 */
struct nlmsg *nfnl_open_msg(struct nfnl_batch *, int type, unsigned flags,
			    const char *family);
void nfnl_close_msg(struct nfnl_batch *);

/**
 * nfnl_commit - let the kernel do the batch; the batch is used up.
 * @fd: of nfnl_open()
 *
 * Does not wait: the kernel has answered when send() returns. An empty batch
 * is done without asking.
 *
 * Return: 0 all is done. Nothing is done: -ENOENT no such table, set or
 * element to delete, -EBUSY or -EEXIST the key is there with other data,
 * -EINVAL a key or data not of the set's type, -EPERM; -ENOBUFS a batch that
 * is too long or an element with too many parts or too long a name (nothing
 * was sent), -EAFNOSUPPORT an unknown family (likewise). Nobody knows: -EAGAIN
 * the kernel gave no answer, -EBADMSG, -EMSGSIZE, -ENOBUFS when answers were
 * lost; -EMSGSIZE also for a batch that is longer than the socket's SO_SNDBUF
 * Source: linux/netfilter/nfnetlink.h and nf_tables.h
 */
int nfnl_commit(struct nfnl_batch *, int fd);

/* What is asked for; NULL: of any. */
struct nfnl_query {
	int type;		/* NFT_MSG_GET* */
	const char *family, *table;
	const char *name;	/* of a chain or a set */
	size_t rules;		/* how many the answer may be about */
};

/**
 * nfnl_dump - hand each message of the answer to @fn.
 * @seq: as nfnl_begin() wants it
 *
 * Takes PROC_LIST_DEADLINE_MS at most, and a millisecond more for every four
 * rules, as a tool is given: the kernel walks a set from its beginning for each
 * part of the answer. Whoever gets an error but -ENOENT must
 * not use the socket for another dump: parts of this one may be left in it.
 *
 * Return: 0, -ENOENT no such table or set, -EINTR it is not of one moment,
 * -ETIMEDOUT, -EMSGSIZE, -ENOBUFS, -EPERM, other -errno
 */
int nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *, nl_fn fn,
	      void *arg);

#endif
