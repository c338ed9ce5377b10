/* SPDX-License-Identifier: ISC */
/*
 * netlink.h - ask the kernel by netlink, and take its messages apart.
 *
 * For netif, ports and route. No request waits: the kernel's answer is in the
 * socket when the request's send() returns; an empty socket is an error
 * (-EAGAIN), not a reason to sleep.
 */
#ifndef SYS_NETLINK_H
#define SYS_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* No part of a dump is longer than its reader's buffer, and 8 KiB are enough
 * for any (NLMSG_GOODSIZE, linux/netlink.h); a link is 2 KiB. On the stack, in
 * both processes. */
#define NL_BUF 8192
/* Tries at a dump while the table changes under it (-EINTR). */
#define NL_TRIES 4

/* A datagram, aligned for the headers in it. */
union nl_buf {
	struct nlmsghdr first;
	char bytes[NL_BUF];
};

/* What is left of a datagram or of a message; @p is aligned to four bytes. */
struct nl_span {
	const char *p;
	size_t n;
};

/* Takes one message of an answer, which is whole. */
typedef void (*nl_fn)(void *arg, const struct nlmsghdr *);

/* ---- taking messages apart: pure ---------------------------------------- */

/**
 * netlink_next_msg - split off the first message.
 *
 * Return: it, whole, or NULL: nothing is left (s->n is 0), or what is left is
 * no message
 */
const struct nlmsghdr *netlink_next_msg(struct nl_span *s);

/** netlink_next_attr - the same for the attributes of a message. */
const struct rtattr *netlink_next_attr(struct nl_span *s);

/** netlink_body - the fixed part of a whole message, or NULL where it is
 * shorter than @size. */
const void *netlink_body(const struct nlmsghdr *h, size_t size);

/** netlink_attrs - the attributes behind a fixed part of @fixed bytes; none
 * where the message is too short for it. */
struct nl_span netlink_attrs(const struct nlmsghdr *h, size_t fixed);

/**
 * netlink_attr_get - copy the first @size bytes of the first attribute @type.
 * @fixed: size of the fixed part before the attributes
 * @ret: set only on success. A copy, since netlink aligns 64-bit values to
 *       four bytes only
 *
 * Return: false when there is none or it is shorter
 */
bool netlink_attr_get(const struct nlmsghdr *h, size_t fixed, unsigned type,
		 void *ret, size_t size);

/**
 * netlink_walk - go through one datagram of an answer.
 * @fn: takes each message before the end; may be NULL
 * @ret_interrupted: set when the table changed while it was dumped, else left
 *
 * Return: 1 when more datagrams follow, 0 at the end, -EBADMSG, or the
 * kernel's -errno
 */
int netlink_walk(struct nl_span s, nl_fn fn, void *arg, bool *ret_interrupted);

/* ---- sockets ------------------------------------------------------------ */

/** netlink_open - a netlink socket, non-blocking, close-on-exec. Return: the
 * descriptor, or -errno (-EPROTONOSUPPORT: a kernel without @protocol) */
int netlink_open(int protocol);

/**
 * netlink_recv - one datagram from the kernel, whole.
 *
 * What another process sent to our socket is dropped.
 *
 * Return: its length, -EAGAIN there is none, -EMSGSIZE it was longer than
 * @buf, -ENOBUFS some were lost, other -errno
 */
ssize_t netlink_recv(int fd, union nl_buf *buf);

/**
 * netlink_ask - send @req and hand every message of the answer to @fn.
 * @protocol: NETLINK_ROUTE, NETLINK_SOCK_DIAG
 * @req: with NLM_F_DUMP, or with NLM_F_ACK, so that the answer has an end
 * @fn: may be NULL where only the ack matters; may have seen a part of the
 *      answer when an error is returned
 *
 * By a socket of its own.
 *
 * Return: 0, -EINTR when a dump is not of one moment, other -errno
 */
int netlink_ask(int protocol, const struct nlmsghdr *req, nl_fn fn, void *arg);

/** netlink_ask_by - the same by a socket of the caller's, from netlink_open():
 * for several questions in a row. After an error it may hold the rest of an
 * answer.
 */
int netlink_ask_by(int fd, const struct nlmsghdr *req, nl_fn fn, void *arg);

#endif
