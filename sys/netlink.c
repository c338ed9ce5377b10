/* SPDX-License-Identifier: ISC */
/*
 * netlink.c - a small netlink client.
 *
 * Owns: nothing between two calls; netlink_ask() has a socket of its own.
 * Never does: wait.
 * Invariant: no header is read before netlink_next_msg() or netlink_next_attr()
 * found it complete, no payload before its length was checked.
 * Runs in: any
 */
#include "sys/netlink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ERRNO_MAX 4095	/* the kernel's MAX_ERRNO */

/* ---- reading messages --------------------------------------------------- */

/* Not NLMSG_NEXT and RTA_NEXT, because an unaligned length at the very end
 * makes their counters negative. Both headers align to four bytes. */
static void span_skip(struct nl_span *s, size_t n)
{
	n = NLMSG_ALIGN(n);
	if (n > s->n)
		n = s->n;
	s->p += n;
	s->n -= n;
}

const struct nlmsghdr *netlink_next_msg(struct nl_span *s)
{
	const struct nlmsghdr *h = (const void *)s->p;

	if (s->n < sizeof(*h) || h->nlmsg_len < sizeof(*h) ||
	    h->nlmsg_len > s->n)
		return NULL;
	span_skip(s, h->nlmsg_len);
	return h;
}

const struct rtattr *netlink_next_attr(struct nl_span *s)
{
	const struct rtattr *a = (const void *)s->p;

	if (s->n < sizeof(*a) || a->rta_len < sizeof(*a) || a->rta_len > s->n)
		return NULL;
	span_skip(s, a->rta_len);
	return a;
}

const void *netlink_body(const struct nlmsghdr *h, size_t size)
{
	return h->nlmsg_len < NLMSG_LENGTH(size) ? NULL :
	       (const char *)h + NLMSG_HDRLEN;
}

struct nl_span netlink_attrs(const struct nlmsghdr *h, size_t fixed)
{
	size_t at = NLMSG_LENGTH(NLMSG_ALIGN(fixed));

	if (h->nlmsg_len < at)
		return (struct nl_span){ NULL, 0 };
	return (struct nl_span){ (const char *)h + at, h->nlmsg_len - at };
}

bool netlink_attr_get(const struct nlmsghdr *h, size_t fixed, unsigned type,
		 void *ret, size_t size)
{
	struct nl_span s = netlink_attrs(h, fixed);
	const struct rtattr *a;

	while ((a = netlink_next_attr(&s))) {
		if (a->rta_type != type)
			continue;
		if (RTA_PAYLOAD(a) < size)
			return false;
		memcpy(ret, (const char *)a + RTA_LENGTH(0), size);
		return true;
	}
	return false;
}

/* The errno in an error message or at the end of a dump; 0 is an ack. */
static int end_code(const struct nlmsghdr *h)
{
	const int *code = netlink_body(h, sizeof(*code));

	if (!code)
		return h->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	return *code > 0 || *code < -ERRNO_MAX ? -EBADMSG : *code;
}

int netlink_walk(struct nl_span s, nl_fn fn, void *arg, bool *ret_interrupted)
{
	const struct nlmsghdr *h;

	while ((h = netlink_next_msg(&s))) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_interrupted = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return end_code(h);
		if (fn && h->nlmsg_type >= NLMSG_MIN_TYPE)
			fn(arg, h);
	}
	return s.n ? -EBADMSG : 1;
}

/* ---- sockets ------------------------------------------------------------ */

int netlink_open(int protocol)
{
	const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(AF_NETLINK, type, protocol);

	return fd < 0 ? -errno : fd;
}

/* The kernel's port, as the sender, is 0; no process can have that. */
ssize_t netlink_recv_into(int fd, void *buf, size_t cap)
{
	struct sockaddr_nl from;
	socklen_t from_len;
	ssize_t n;

	do {
		from = (struct sockaddr_nl){ 0 };
		from_len = sizeof(from);
		n = recvfrom(fd, buf, cap, MSG_TRUNC,
			     (struct sockaddr *)&from, &from_len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return -errno;
	return (size_t)n > cap ? -EMSGSIZE : n;
}

ssize_t netlink_recv(int fd, union nl_buf *buf)
{
	return netlink_recv_into(fd, buf->bytes, sizeof(buf->bytes));
}

int netlink_ask_by(int fd, const struct nlmsghdr *req, nl_fn fn, void *arg)
{
	bool interrupted = false;
	union nl_buf buf;
	ssize_t n;
	int more;

	if (send(fd, req, req->nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = netlink_recv(fd, &buf);
		if (n < 0)
			return (int)n;
		more = netlink_walk((struct nl_span){ buf.bytes, (size_t)n },
				    fn, arg, &interrupted);
	} while (more > 0);
	return more ? more : interrupted ? -EINTR : 0;
}

int netlink_ask(int protocol, const struct nlmsghdr *req, nl_fn fn, void *arg)
{
	int fd = netlink_open(protocol), err;

	if (fd < 0)
		return fd;
	err = netlink_ask_by(fd, req, fn, arg);
	close(fd);
	return err;
}
