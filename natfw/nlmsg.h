/* SPDX-License-Identifier: ISC */
/*
 * nlmsg.h - writes netlink messages with nested attributes into a buffer of the
 * caller's. Pure.
 * Runs in: any
 */
#ifndef NATFW_NLMSG_H
#define NATFW_NLMSG_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/netfilter/nfnetlink.h>

/* The longest attribute: its length is 16 bits wide. */
#define NLMSG_NEST_MAX	65535

/* One or more messages. Invariant: len is a multiple of four; once err is set,
 * nothing changes. */
struct nlmsg {
	char *p;		/* aligned to four bytes */
	size_t cap, len;
	uint32_t seq;		/* of the next message */
	int err;		/* the first error, or 0 */
};

/** nlmsg_begin - start with an empty buffer. @room: of @cap bytes, aligned to
 * four; lives as long as @m */
void nlmsg_begin(struct nlmsg *m, void *room, size_t cap, uint32_t seq);

/** nlmsg_spoil - record an error, -errno. */
void nlmsg_spoil(struct nlmsg *m, int err);

/**
 * nlmsg_open - begin a message.
 * @flags: in addition to NLM_F_REQUEST
 *
 * The sequence number of each message is that of the one before plus one. A
 * message that does not fit spoils the buffer: -ENOBUFS.
 * Return: its offset, for nlmsg_close()
 */
size_t nlmsg_open(struct nlmsg *m, int type, unsigned flags,
		  struct nfgenmsg about);
void nlmsg_close(struct nlmsg *m, size_t at);

/** nlmsg_nest - begin an attribute made of attributes, at most NLMSG_NEST_MAX
 * bytes. Return: its offset, for nlmsg_unnest() */
size_t nlmsg_nest(struct nlmsg *m, uint16_t type);
void nlmsg_unnest(struct nlmsg *m, size_t at);

/** nlmsg_put - append an attribute of @n bytes. */
void nlmsg_put(struct nlmsg *m, uint16_t type, const void *p, size_t n);

/** nlmsg_u32 - append a number, which nf_tables expects in network order. */
void nlmsg_u32(struct nlmsg *m, uint16_t type, uint32_t value);

/** nlmsg_name - append a string with its NUL, at most NFT_NAME_MAXLEN bytes. */
void nlmsg_name(struct nlmsg *m, uint16_t type, const char *name);

#endif
