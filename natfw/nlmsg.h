/* SPDX-License-Identifier: ISC */
/*
 * nlmsg.h - netlink messages with nested attributes, written into a buffer of
 * the caller's. Pure.
 */
#ifndef NATFW_NLMSG_H
#define NATFW_NLMSG_H

#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/netfilter/nfnetlink.h>

/* What an attribute can hold: its length is 16 bits wide. */
#define NLMSG_NEST_MAX	65535

/* Messages, one behind the other. Invariant: len is a multiple of four; once
 * err is set, nothing changes. */
struct nlmsg {
	char *p;		/* aligned to four bytes */
	size_t cap, len;
	uint32_t seq;		/* the next message's */
	int err;		/* the first thing that went wrong, or 0 */
};

/** nlmsg_begin - nothing is written yet. @room: of @cap bytes, aligned to
 * four; lives as long as @m */
void nlmsg_begin(struct nlmsg *m, void *room, size_t cap, uint32_t seq);

/** nlmsg_spoil - remember that something went wrong: -errno. */
void nlmsg_spoil(struct nlmsg *m, int err);

/**
 * nlmsg_open - begin a message.
 * @flags: beside NLM_F_REQUEST
 *
 * Each has a number of its own, one above that of the message before it.
 * What does not fit spoils all: -ENOBUFS.
 *
 * Return: where it begins, for nlmsg_close()
 */
size_t nlmsg_open(struct nlmsg *m, int type, unsigned flags,
		  struct nfgenmsg about);
void nlmsg_close(struct nlmsg *m, size_t at);

/** nlmsg_nest - begin an attribute made of attributes. Return: where it
 * begins, for nlmsg_unnest(), by which it must be within NLMSG_NEST_MAX */
size_t nlmsg_nest(struct nlmsg *m, uint16_t type);
void nlmsg_unnest(struct nlmsg *m, size_t at);

/** nlmsg_put - an attribute of @n bytes. */
void nlmsg_put(struct nlmsg *m, uint16_t type, const void *p, size_t n);

/** nlmsg_u32 - a number, which nf_tables wants in the network's order. */
void nlmsg_u32(struct nlmsg *m, uint16_t type, uint32_t value);

/** nlmsg_name - a text with its NUL, at most NFT_NAME_MAXLEN bytes. */
void nlmsg_name(struct nlmsg *m, uint16_t type, const char *name);

#endif
