/* SPDX-License-Identifier: ISC */
/*
 * nfnl.h - put elements into nf_tables sets and maps, and take them out, by
 * asking the kernel itself: microseconds where `nft -f -` needs milliseconds.
 *
 * Only elements. Tables, chains, sets, rules and listings stay with nft, whose
 * language is easier to read than netlink.
 *
 * A batch is one transaction: the kernel does all of it or nothing.
 */
#ifndef NATFW_NFNL_H
#define NATFW_NFNL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

/* A batch of NAT_BATCH_MAX new mappings, three elements each, about a hundred
 * bytes an element; well below the least SO_SNDBUF. A batch lives on the stack
 * and no more of it is touched than is filled. */
#define NFNL_BATCH_BYTES	98304
/* Four parts: one more than the longest key, ipv4_addr . inet_proto .
 * inet_service. */
#define NFNL_VALUE_MAX		16

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

/* Private but for its size. */
struct nfnl_batch {
	union {
		struct nlmsghdr first;
		char bytes[NFNL_BATCH_BYTES];
	} buf;
	size_t len;
	size_t last;		/* where the last element's message begins */
	uint32_t seq;
	int err;		/* the first thing that went wrong, or 0 */
};

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
 * @seq: one that the socket's earlier batches did not have: it tells an answer
 *       to this one from what may be left of theirs
 */
void nfnl_begin(struct nfnl_batch *, uint32_t seq);

/**
 * nfnl_elem - one more element to add or to delete.
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
 * lost
 * Source: linux/netfilter/nfnetlink.h and nf_tables.h
 */
int nfnl_commit(struct nfnl_batch *, int fd);

#endif
