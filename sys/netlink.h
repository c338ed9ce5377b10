/* SPDX-License-Identifier: ISC */
/*
 * netlink.h - sends requests to the kernel by netlink, and reads its messages.
 *
 * No request waits: the kernel's answer is in the socket when the request's
 * send() returns. An empty socket is an error (-EAGAIN), not a reason to sleep.
 * Runs in: any
 */
#ifndef SYS_NETLINK_H
#define SYS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* A part of a dump is never longer than its reader's buffer, and 8 KiB hold any
 * (NLMSG_GOODSIZE, linux/netlink.h); a link takes 2 KiB. It is on the stack, in
 * both processes. */
#define NL_BUF 8192
/* Tries of a dump if the table changes meanwhile (-EINTR). */
#define NL_TRIES 4

/* A datagram, aligned for the headers in it. */
union nl_buf {
	struct nlmsghdr first;
	char bytes[NL_BUF];
};

/* The rest of a datagram or of a message; @p is aligned to four bytes. */
struct nl_span {
	const char *p;
	size_t n;
};

/* Handles one complete message of an answer. */
typedef void (*nl_fn)(void *arg, const struct nlmsghdr *);

/* ---- reading messages: pure --------------------------------------------- */

/** netlink_next_msg - split off the first message. Return: the message,
 * complete, or NULL: nothing is left (s->n is 0), or the rest is not a
 * message */
const struct nlmsghdr *netlink_next_msg(struct nl_span *s);

/** netlink_next_attr - the same for the attributes of a message. */
const struct rtattr *netlink_next_attr(struct nl_span *s);

/** netlink_body - the fixed part of a complete message, or NULL if that is
 * shorter than @size. */
const void *netlink_body(const struct nlmsghdr *h, size_t size);

/** netlink_attrs - the attributes after a fixed part of @fixed bytes; empty if
 * the message is too short for it. */
struct nl_span netlink_attrs(const struct nlmsghdr *h, size_t fixed);

/**
 * netlink_attr_get - copy the first @size bytes of the first attribute @type.
 * @fixed: size of the fixed part before the attributes
 * @ret: set only on success. A copy, because netlink aligns 64-bit values to
 *       four bytes only
 * Return: false if there is none or it is shorter
 */
bool netlink_attr_get(const struct nlmsghdr *h, size_t fixed, unsigned type,
		 void *ret, size_t size);

/**
 * netlink_walk - read one datagram of an answer.
 * @fn: called for each message before the end; may be NULL
 * @ret_interrupted: set if the table changed during the dump, else unchanged
 * Return: 1 more datagrams follow, 0 at the end, -EBADMSG, or the kernel's
 * -errno
 */
int netlink_walk(struct nl_span s, nl_fn fn, void *arg, bool *ret_interrupted);

/* ---- sockets ------------------------------------------------------------ */

/** netlink_open - open a netlink socket, non-blocking, close-on-exec. Return:
 * the descriptor, or -errno (-EPROTONOSUPPORT: the kernel has no @protocol) */
int netlink_open(int protocol);

/**
 * netlink_recv - receive one datagram from the kernel.
 *
 * Drops datagrams of other processes.
 * Return: its length, -EAGAIN there is none, -EMSGSIZE it was longer than
 * @buf, -ENOBUFS some were lost, other -errno
 */
ssize_t netlink_recv(int fd, union nl_buf *buf);

/** netlink_recv_into - the same for a buffer of @cap bytes, aligned as union
 * nl_buf. After one call the kernel sends parts of a dump that are as large as
 * the buffer, 32 KiB at most. */
ssize_t netlink_recv_into(int fd, void *buf, size_t cap);

/**
 * netlink_ask - send @req and pass every message of the answer to @fn.
 * @protocol: NETLINK_ROUTE, NETLINK_SOCK_DIAG
 * @req: with NLM_F_DUMP, or with NLM_F_ACK, so that the answer has an end
 * @fn: may be NULL if only the ack matters; may have got a part of the answer
 *      if an error is returned
 *
 * Opens a socket for the request.
 * Return: 0, -EINTR the table changed during the dump, other -errno
 */
int netlink_ask(int protocol, const struct nlmsghdr *req, nl_fn fn, void *arg);

/** netlink_ask_by - the same on a socket of the caller's, from netlink_open(),
 * for several requests in a row. After an error it may hold the rest of an
 * answer. */
int netlink_ask_by(int fd, const struct nlmsghdr *req, nl_fn fn, void *arg);

#endif
