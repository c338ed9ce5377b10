/* SPDX-License-Identifier: ISC */
/*
 * fuzz_net.h - a network, a clock and a memory for a whole engine in one
 * process. The engine's sockets are ends of socket pairs. The Makefile wraps
 * the functions of libc (W_engine).
 *
 * Include it once.
 */
#ifndef TESTS_FUZZ_FUZZ_NET_H
#define TESTS_FUZZ_FUZZ_NET_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/addr.h"
#include "sys/netif.h"
#include "fuzz.h"

#define NET_FDS		4096
#define NET_QUEUE	64		/* connections that wait for accept4() */
#define NET_DIALS	64		/* connections of the engine */
#define NET_GAP		16		/* free numbers: none is open above */

/* A socket of the engine. */
struct net_sock {
	enum { NET_OTHER, NET_NEW, NET_LISTEN, NET_UDP, NET_DIAL } kind;
	int peer;			/* our end */
	struct addr at;			/* where it is bound */
	uint16_t port;
	int zone;			/* the interface that it is bound to */
};

/* What a datagram of ours begins with. */
struct net_from {
	struct sockaddr_storage from;
	socklen_t len;
	int ifindex;
};

static struct {
	struct net_sock sock[NET_FDS];
	int top;			/* no socket is above it */
	struct {
		int fd;
		struct addr peer;
		int zone;
	} queue[NET_QUEUE];		/* for the listener at @queue_at */
	size_t queue_n;
	int queue_at;
	struct {
		int fd;			/* our end, -1: taken */
		struct addr peer;
		uint16_t port;
	} dial[NET_DIALS];		/* connections that the engine made */
	size_t dial_n;
	uint64_t clock_ms;
	int64_t wall_s;
	uint32_t rnd;
	/* what the kernel refuses now */
	bool dial_fails, dial_refused, sends_full;
	/* a datagram of the engine, from its port @from; it may be looked at
	 * only */
	void (*sent)(struct str, uint16_t from, struct addr to, uint16_t port);
} net;

/* libc's headers call these functions by other names: see tests/wrap.h. */
#ifdef __USE_FILE_OFFSET64
#define __wrap_mmap __wrap_mmap64
#define __real_mmap __real_mmap64
#endif
#ifdef _REDIR_TIME64
#define __wrap_time __wrap___time64
#endif

/* ---- memory: what the engine does not free at its exit ------------------- */

void *__real_calloc(size_t n, size_t size);
void __real_free(void *);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
int __real_munmap(void *, size_t);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *, size_t);

#define NET_BLOCKS 64

static struct {
	void *p;
	size_t n;			/* 0: of calloc() */
} net_block[NET_BLOCKS];
static bool net_records;		/* the engine runs */

static void *net_block_add(void *p, size_t n)
{
	for (size_t i = 0; i < NET_BLOCKS && net_records && p; i++) {
		if (net_block[i].p)
			continue;
		net_block[i].p = p;
		net_block[i].n = n;
		return p;
	}
	CHECK(!net_records || !p);
	return p;
}

static void net_block_drop(const void *p)
{
	for (size_t i = 0; i < NET_BLOCKS && p; i++)
		if (net_block[i].p == p)
			net_block[i].p = NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return net_block_add(__real_calloc(n, size), 0);
}

void __wrap_free(void *p)
{
	net_block_drop(p);
	__real_free(p);
}

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return net_block_add(__real_mmap(at, n, prot, flags, fd, off), n);
}

int __wrap_munmap(void *p, size_t n)
{
	net_block_drop(p);
	return __real_munmap(p, n);
}

static void net_free_all(void)
{
	for (size_t i = 0; i < NET_BLOCKS; i++) {
		if (net_block[i].p && net_block[i].n)
			__real_munmap(net_block[i].p, net_block[i].n);
		else
			__real_free(net_block[i].p);
		net_block[i].p = NULL;
	}
}

/* ---- clock and random numbers -------------------------------------------- */

time_t __wrap_time(time_t *ret);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);

time_t __wrap_time(time_t *ret)
{
	time_t now = (time_t)(net.wall_s + (int64_t)(net.clock_ms / 1000));

	if (ret)
		*ret = now;
	return now;
}

ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags)
{
	for (size_t i = 0; i < n; i++) {
		net.rnd = net.rnd * 1664525 + 1013904223;
		((uint8_t *)p)[i] = (uint8_t)(net.rnd >> 24);
	}
	return (ssize_t)n;
}

static uint64_t net_clock(void)
{
	return net.clock_ms;
}

/* ---- sockets ------------------------------------------------------------- */

int __real_socket(int family, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __real_close(int fd);
int __real_listen(int fd, int backlog);
int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __real_getsockopt(int fd, int level, int name, void *p, socklen_t *len);
int __real_setsockopt(int fd, int level, int name, const void *p, socklen_t);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_listen(int fd, int backlog);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_close(int fd);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *p, socklen_t *len);
int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

static struct net_sock *net_sock(int fd)
{
	CHECK(fd >= 0 && fd < NET_FDS);
	if (fd > net.top)
		net.top = fd;
	return &net.sock[fd];
}

/* The interface in an address of the link; 0: it has none. */
static int net_zone(const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in6 in6 = { .sin6_scope_id = 0 };

	if (sa->sa_family == AF_INET6 && len == sizeof(in6))
		memcpy(&in6, sa, sizeof(in6));
	return (int)in6.sin6_scope_id;
}

static int net_pair(int type, int fd[2])
{
	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd))
		return -1;
	*net_sock(fd[0]) = *net_sock(fd[1]) = (struct net_sock){ NET_OTHER };
	return 0;
}

int __wrap_socket(int family, int type, int protocol)
{
	int fd[2];

	if (family != AF_INET && family != AF_INET6)
		return __real_socket(family, type, protocol);
	if (net_pair(type & 15, fd))
		return -1;
	*net_sock(fd[0]) = (struct net_sock){
		(type & 15) == SOCK_DGRAM ? NET_UDP : NET_NEW, fd[1],
	};
	return fd[0];
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct net_sock *s = net_sock(fd);

	if (s->kind == NET_OTHER)
		return __real_bind(fd, sa, len);
	s->at = addr_from_sockaddr(sa, len, &s->port);
	s->zone = net_zone(sa, len);
	return 0;
}

int __wrap_listen(int fd, int backlog)
{
	CHECK(net_sock(fd)->kind == NET_NEW);
	net_sock(fd)->kind = NET_LISTEN;
	return 0;
}

static void net_queue_drop(int fd)
{
	while (net.queue_at == fd && net.queue_n)
		__real_close(net.queue[--net.queue_n].fd);
}

int __wrap_close(int fd)
{
	struct net_sock *s = net_sock(fd);
	int peer = s->peer;

	if (s->kind == NET_LISTEN)
		net_queue_drop(fd);
	if (s->kind == NET_OTHER || s->kind == NET_DIAL)
		peer = -1;
	*s = (struct net_sock){ NET_OTHER };
	if (peer >= 0)
		__real_close(peer);
	return __real_close(fd);
}

/* A host of the LAN answers, refuses, or is silent. */
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct net_sock *s = net_sock(fd);
	uint16_t port;
	size_t i = 0;

	if (s->kind == NET_OTHER)
		return __real_connect(fd, sa, len);
	CHECK(s->kind == NET_NEW);
	if (net.dial_fails) {
		errno = EHOSTUNREACH;
		return -1;
	}
	while (i < net.dial_n && net.dial[i].fd >= 0)
		i++;
	CHECK(i < NET_DIALS);
	net.dial_n += i == net.dial_n;
	net.dial[i].fd = s->peer;
	net.dial[i].peer = addr_from_sockaddr(sa, len, &port);
	net.dial[i].port = port;
	s->kind = NET_DIAL;
	errno = EINPROGRESS;
	return -1;
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct sockaddr_storage from;
	int got;
	char byte;

	if (net_sock(fd)->kind == NET_OTHER) {
		got = __real_accept4(fd, sa, len, flags);
		if (got >= 0)
			*net_sock(got) = (struct net_sock){ NET_OTHER };
		return got;
	}
	if (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
		return -1;
	CHECK(net.queue_n && net.queue_at == fd);
	*len = addr_to_sockaddr(net.queue[0].peer, 40000,
				(unsigned)net.queue[0].zone, &from);
	memcpy(sa, &from, *len);
	got = net.queue[0].fd;
	memmove(net.queue, net.queue + 1, --net.queue_n *
		sizeof(net.queue[0]));
	return got;
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	const struct net_sock *s = net_sock(fd);
	struct sockaddr_storage at;

	CHECK(s->kind != NET_OTHER);
	*len = addr_to_sockaddr(s->at, s->port ? s->port : 2828, 0, &at);
	memcpy(sa, &at, *len);
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *p, socklen_t *len)
{
	int err = net.dial_refused ? ECONNREFUSED : 0;

	if (net_sock(fd)->kind == NET_OTHER)
		return __real_getsockopt(fd, level, name, p, len);
	CHECK(name == SO_ERROR);
	memcpy(p, &err, sizeof(err));
	return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (net_sock(fd)->kind == NET_OTHER)
		return __real_setsockopt(fd, level, name, p, n);
	return 0;
}

/* Tell on which interface a datagram arrived. */
static void net_put_arrival(struct msghdr *m, bool is6, int ifindex)
{
	const struct in_pktinfo in = { .ipi_ifindex = ifindex };
	const struct in6_pktinfo in6 = { .ipi6_ifindex = (unsigned)ifindex };
	const size_t n = is6 ? sizeof(in6) : sizeof(in);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	CHECK(m->msg_controllen >= CMSG_SPACE(n));
	c->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), is6 ? (const void *)&in6 : &in, n);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	static char buf[8192];
	struct net_from head;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	size_t cap = m->msg_iov[0].iov_len;

	if (n < 0)
		return n;
	CHECK(net_sock(fd)->kind == NET_UDP && (size_t)n >= sizeof(head));
	memcpy(&head, buf, sizeof(head));
	n -= (ssize_t)sizeof(head);
	memcpy(m->msg_name, &head.from, head.len);
	m->msg_namelen = head.len;
	net_put_arrival(m, head.from.ss_family == AF_INET6, head.ifindex);
	m->msg_flags = (size_t)n > cap ? MSG_TRUNC : 0;
	n = (size_t)n > cap ? (ssize_t)cap : n;
	memcpy(m->msg_iov[0].iov_base, buf + sizeof(head), (size_t)n);
	return n;
}

ssize_t __real_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);

static ssize_t net_send(int fd, struct str s, const struct sockaddr *to,
			socklen_t len)
{
	struct addr peer;
	uint16_t port;

	CHECK(net_sock(fd)->kind == NET_UDP);
	if (net.sends_full) {
		errno = EAGAIN;
		return -1;
	}
	peer = addr_from_sockaddr(to, len, &port);
	/* an address of the link says nothing without its interface */
	CHECK(!addr_is_link_local(peer) || net_zone(to, len));
	net.sent(s, net_sock(fd)->port, peer, port);
	return (ssize_t)s.n;
}

ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len)
{
	/* musl's send() */
	if (!to)
		return __real_sendto(fd, p, n, flags, to, len);
	return net_send(fd, (struct str){ p, n }, to, len);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (net_sock(fd)->kind != NET_UDP)
		return __real_sendmsg(fd, m, flags);
	CHECK(m->msg_iovlen == 1);
	return net_send(fd, (struct str){ m->msg_iov[0].iov_base,
					  m->msg_iov[0].iov_len },
			m->msg_name, m->msg_namelen);
}

/* ---- our side ------------------------------------------------------------ */

/* The engine's next socket of @kind at @at and above @fd, which gets what
 * arrives on @ifindex; -1: there is none. @port: 0: any */
static int net_find(int fd, int kind, struct addr at, uint16_t port,
		    int ifindex)
{
	while (++fd <= net.top) {
		const struct net_sock *s = &net.sock[fd];

		if ((int)s->kind == kind && addr_equal(s->at, at) &&
		    (!port || s->port == port) &&
		    (!s->zone || s->zone == ifindex))
			return fd;
	}
	return -1;
}

/* Connect as @peer, on that interface, to the engine's address @at. The caller
 * runs the loop before the next one. Return: our end, or -1 */
static int net_connect(struct addr peer, struct addr at, int ifindex)
{
	int fd[2], listener = net_find(-1, NET_LISTEN, at, 0, ifindex);

	if (listener < 0 || (net.queue_n && net.queue_at != listener) ||
	    net.queue_n == NET_QUEUE || net_pair(SOCK_STREAM, fd))
		return -1;
	net.queue_at = listener;
	net.queue[net.queue_n].fd = fd[0];
	net.queue[net.queue_n].zone = addr_is_link_local(peer) ? ifindex : 0;
	net.queue[net.queue_n++].peer = peer;
	CHECK(send(net_sock(listener)->peer, "", 1, 0) == 1);
	return fd[1];
}

/* Send a datagram to the engine's sockets at @at, a group or an address, and
 * @port. One of two at a group only sends. */
static void net_deliver(struct str s, struct addr at, uint16_t port,
			struct addr from, uint16_t from_port, int ifindex)
{
	unsigned zone = addr_is_link_local(from) ? (unsigned)ifindex : 0;
	struct net_from head;
	static char buf[8192];
	int fd = -1;

	if (s.n > sizeof(buf) - sizeof(head))
		return;
	memset(&head, 0, sizeof(head));
	head.ifindex = ifindex;
	head.len = addr_to_sockaddr(from, from_port, zone, &head.from);
	memcpy(buf, &head, sizeof(head));
	if (s.n)
		memcpy(buf + sizeof(head), s.p, s.n);
	while ((fd = net_find(fd, NET_UDP, at, port, ifindex)) >= 0)
		send(net_sock(fd)->peer, buf, sizeof(head) + s.n,
		     MSG_DONTWAIT);
}

/* Begin with no socket. */
static void net_init(void)
{
	memset(&net, 0, sizeof(net));
	net.queue_at = -1;
	net.clock_ms = 1000000;
	net.wall_s = 1700000000;
	net.rnd = 7;
}

/* The engine's process has ended: close what it and we left open.
 * @first: the lowest of these descriptors */
static void net_close_all(int first)
{
	for (int fd = first, gap = 0; fd < NET_FDS && gap < NET_GAP; fd++) {
		net.sock[fd] = (struct net_sock){ NET_OTHER };
		gap = __real_close(fd) ? gap + 1 : 0;
	}
	net.queue_n = net.dial_n = 0;
}

#endif
