/* SPDX-License-Identifier: ISC */
/*
 * nfnl.h - a netlink client for nf_tables: microseconds where `nft -f -` needs
 * milliseconds. Elements of sets and maps, other messages, and dumps.
 *
 * A batch is one transaction: the kernel applies all of it or nothing.
 * Runs in: any
 */
#ifndef NATFW_NFNL_H
#define NATFW_NFNL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include "sys/netlink.h"
#include "natfw/nlmsg.h"

/* The longest key: ipv6_addr . inet_proto . inet_service . ipv6_addr .
 * inet_service. */
#define NFNL_VALUE_MAX		44

/* Bytes of elements in one message; an attribute holds 65535. */
#define NFNL_LIST_MAX		60000

enum nfnl_verb { NFNL_ADD, NFNL_DEL };

/* The set or map of an element. The names live as long as the call. */
struct nfnl_set {
	const char *family;	/* "ip", "ip6", "inet", "bridge", as nft */
	const char *table, *name;
};

/* A key, or the data of a map, part by part. Starts as { 0 }. */
struct nfnl_value {
	uint8_t bytes[NFNL_VALUE_MAX];
	size_t n;		/* above NFNL_VALUE_MAX: too many parts */
};

/* Private, except m.seq, fault and fault_at. */
struct nfnl_batch {
	struct nlmsg m;		/* m.seq is the next batch's */
	uint32_t first;		/* sequence number of its first message */
	size_t last;		/* offset of the last message */
	size_t list;		/* offset of its list of elements, or 0 */
	enum nfnl_verb verb;	/* of that list */
	struct nfnl_set set;
	/* sequence number of the failed message, and the offset of the fault
	 * in it; 0 if not known */
	uint32_t fault, fault_at;
};

/** nfnl_family - the number of a family; NFPROTO_UNSPEC if unknown. */
uint8_t nfnl_family(const char *name);

/** nfnl_family_name - the name of a family; NULL if unknown. */
const char *nfnl_family_name(uint8_t number);

/** nfnl_ip - append an ipv4_addr. @ip: host order */
void nfnl_ip(struct nfnl_value *, uint32_t ip);

/** nfnl_ip6 - append an ipv6_addr. @byte: 16, in network order */
void nfnl_ip6(struct nfnl_value *, const uint8_t *byte);

/** nfnl_proto - append an inet_proto. */
void nfnl_proto(struct nfnl_value *, uint8_t proto);

/** nfnl_port - append an inet_service. @port: host order */
void nfnl_port(struct nfnl_value *, uint16_t port);

/**
 * nfnl_open - open a socket for nfnl_commit(), close-on-exec.
 *
 * Keep it open: close() waits until the kernel has freed what the last batch
 * deleted, some 15 ms.
 * Return: the descriptor, or -errno (-EPROTONOSUPPORT: no netfilter)
 */
int nfnl_open(void);

/**
 * nfnl_begin - start a batch.
 * @room: of @cap bytes, aligned to four; the caller's, until the commit
 * @seq: sequence number of the first message; the following messages count up.
 *       It must differ from those of the socket's earlier batches, so that the
 *       answer to this batch is not confused with late answers to those
 */
void nfnl_begin(struct nfnl_batch *, void *room, size_t cap, uint32_t seq);

/**
 * nfnl_elem - add or delete an element.
 * @set: its names live until the commit
 * @key: of the set's type
 * @data: of the map's type; NULL for a set, and for NFNL_DEL
 *
 * The kernel applies them in order. Adding an element that exists with the same
 * data is not an error, as in nft. An error here (too long, too many parts)
 * spoils the batch, and nfnl_commit() returns it.
 */
void nfnl_elem(struct nfnl_batch *, enum nfnl_verb, const struct nfnl_set *,
	       const struct nfnl_value *key, const struct nfnl_value *data);

/**
 * nfnl_open_msg - begin a message of another kind.
 * @type: NFT_MSG_*
 * @flags: NLM_F_CREATE or similar
 * Return: the writer for its attributes, until nfnl_close_msg()
 */
struct nlmsg *nfnl_open_msg(struct nfnl_batch *, int type, unsigned flags,
			    const char *family);
void nfnl_close_msg(struct nfnl_batch *);

/**
 * nfnl_commit - send the batch to the kernel; the batch is used up.
 * @fd: of nfnl_open()
 *
 * Does not wait: the kernel has answered when send() returns. An empty batch
 * succeeds without a message.
 * Return: 0 applied. Nothing is applied: -ENOENT no such table, set or element
 * to delete, -EBUSY or -EEXIST the key exists with other data, -EINVAL a key or
 * data is not of the set's type, -EPERM; -ENOBUFS the batch is too long, or an
 * element has too many parts or too long a name (nothing was sent),
 * -EAFNOSUPPORT unknown family (likewise). Unknown whether it is applied:
 * -EAGAIN the kernel gave no answer, -EBADMSG, -EMSGSIZE, -ENOBUFS answers were
 * lost; -EMSGSIZE also if the batch is longer than the socket's SO_SNDBUF
 * Source: linux/netfilter/nfnetlink.h and nf_tables.h
 */
int nfnl_commit(struct nfnl_batch *, int fd);

/**
 * nfnl_get - request one element by its key, and pass it to @fn.
 * @seq: as in nfnl_begin()
 *
 * Takes the same time however many elements there are. Kernels since 4.15.
 * Return: 0, -ENOENT no such table, set or element, other -errno
 */
int nfnl_get(int fd, uint32_t seq, const struct nfnl_set *,
	     const struct nfnl_value *key, nl_fn fn, void *arg);

/* The objects to list; NULL: any. */
struct nfnl_query {
	int type;		/* NFT_MSG_GET* */
	const char *family, *table;
	const char *name;	/* of a chain or a set */
	size_t rules;		/* how many rules the answer may be about */
	const bool *stop;	/* set by @fn to end the dump; NULL: never */
	/* for the parts of the answer, aligned as union nl_buf; the kernel
	 * walks a chain or a set from its beginning for each part. NULL:
	 * NL_BUF bytes on the stack */
	void *buf;
	size_t buf_n;
};

/**
 * nfnl_ask - request a listing, which nfnl_next() reads.
 * @seq: as in nfnl_begin()
 *
 * After an error of nfnl_next() other than -ENOENT the socket cannot be used
 * for another listing: it may still hold parts of this one.
 * Return: 0 or -errno
 */
int nfnl_ask(int fd, uint32_t seq, const struct nfnl_query *);

/**
 * nfnl_next - read one part of the listing, and pass its messages to @fn.
 * @ret_interrupted: set if a transaction was made meanwhile, else unchanged
 * Return: 1 more parts follow, 0 that was the last one, -ENOENT no such table
 * or set, -ECANCELED by the query's @stop, -EMSGSIZE, -ENOBUFS, -EPERM, other
 * -errno
 */
int nfnl_next(int fd, uint32_t seq, const struct nfnl_query *, nl_fn fn,
	      void *arg, bool *ret_interrupted);

/**
 * nfnl_dump - request a listing, and pass each message of the answer to @fn.
 * @seq: as in nfnl_begin()
 *
 * Takes PROC_LIST_DEADLINE_MS at most, and a millisecond more for every four
 * rules, as a tool does (backend.h), because the kernel walks a set from its
 * beginning for each part of the answer. For the socket see nfnl_ask().
 * Return: 0, -EINTR all was read, and a transaction was made meanwhile,
 * -ETIMEDOUT, otherwise as nfnl_next()
 */
int nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *, nl_fn fn,
	      void *arg);

#endif
