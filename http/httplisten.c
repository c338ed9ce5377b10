/* SPDX-License-Identifier: ISC */
/*
 * httplisten.c - the HTTP server's listening sockets, one an address.
 *
 * Owns: the listening sockets. Never does: read from a connection.
 * Invariant: all listeners have the same port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "http/httplisten.h"

/* Connections taken in one round, before the others get their turn. */
#define ACCEPTS_MAX 64
/* As long as each round finds one, and not for long, one is all that is asked
 * for: the question whether there are more would be in vain. */
#define PATIENCE 8
/* Wait when descriptors or memory have run out and nothing can be closed. */
#define PAUSE_MS 1000
/* The port that the kernel chose for the first address may be taken at
 * another one: choose again, so often. */
#define ANY_PORT_TRIES 8

/* What to do about a failed accept(). */
enum fault { FAULT_NONE, FAULT_NEXT, FAULT_PRESSED };

static enum fault fault_of(int err)
{
	switch (err) {
	case EAGAIN:
		return FAULT_NONE;	/* that was the last one */
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return FAULT_PRESSED;
	default:			/* of that one connection: accept(2) */
		return FAULT_NEXT;
	}
}

static void take(struct httplistener *l, int fd, const struct sockaddr_in *peer)
{
	const struct httplisten_ops *ops = &l->set->ops;
	uint32_t ip = ntohl(peer->sin_addr.s_addr);

	if (!netif_holds(&l->at, ip))
		close(fd);
	else
		ops->accepted(ops->arg, fd, ip, l->at.ip, l->set->port);
}

static bool accept_one(struct httplistener *l)
{
	const struct httplisten_ops *ops = &l->set->ops;
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd;

	fd = accept4(l->io.fd, (struct sockaddr *)&peer, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		take(l, fd, &peer);
		return true;
	}
	switch (fault_of(errno)) {
	case FAULT_NONE:
		return false;
	case FAULT_NEXT:
		return true;
	default:
		if (ops->pressed(ops->arg))
			return true;
		/* the socket stays readable: do not spin on it */
		loop_fd_mod(l->set->loop, &l->io, 0);
		loop_timer_set(l->set->loop, &l->set->pause, PAUSE_MS);
		return false;
	}
}

static void on_ready(struct loop_fd *io, short revents)
{
	struct httplistener *l = LOOP_OWNER(io, struct httplistener, io);
	int max = l->full < PATIENCE ? 1 : ACCEPTS_MAX;

	for (int i = 0; i < max && io->fd >= 0; i++) {
		if (!accept_one(l)) {
			l->full = 0;
			return;
		}
	}
	l->full++;
}

static void on_pause_end(struct loop_timer *t)
{
	struct httplisten *h = LOOP_OWNER(t, struct httplisten, pause);

	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++)
		loop_fd_mod(h->loop, &h->place[i].io, POLLIN);
}

void httplisten_init(struct httplisten *h, struct loop *loop,
		     const struct httplisten_ops *ops)
{
	*h = (struct httplisten){ .loop = loop, .ops = *ops };
	h->pause.cb = on_pause_end;
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		h->place[i].set = h;
		loop_fd_init(&h->place[i].io, -1, on_ready);
	}
}

static void stop(struct httplistener *l)
{
	loop_fd_del(l->set->loop, &l->io);
	close(l->io.fd);
	l->io.fd = -1;
}

static void stop_all(struct httplisten *h)
{
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		if (h->place[i].io.fd >= 0)
			stop(&h->place[i]);
	}
}

void httplisten_done(struct httplisten *h)
{
	stop_all(h);
	loop_timer_del(h->loop, &h->pause);
}

/* Is it the same socket? The network is only compared with, later. */
static bool same(const struct netif_addr *a, const struct netif_addr *b)
{
	return a->ip == b->ip && a->ifindex == b->ifindex &&
	       !strncmp(a->ifname, b->ifname, sizeof(a->ifname));
}

static const struct netif_addr *find(const struct netif_addr *at, size_t n,
				       const struct netif_addr *like)
{
	for (size_t i = 0; i < n; i++) {
		if (same(&at[i], like))
			return &at[i];
	}
	return NULL;
}

static struct httplistener *listener_at(struct httplisten *h,
				    const struct netif_addr *at)
{
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		if (h->place[i].io.fd >= 0 && same(&h->place[i].at, at))
			return &h->place[i];
	}
	return NULL;
}

/* Stop what is not in the list, take over the mask of what is. */
static void stop_others(struct httplisten *h, const struct netif_addr *at,
			size_t n)
{
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		struct httplistener *l = &h->place[i];
		const struct netif_addr *wanted = find(at, n, &l->at);

		if (l->io.fd < 0)
			continue;
		if (wanted) {
			l->at = *wanted;
			continue;
		}
		stop(l);
		h->ops.ended(h->ops.arg, l->at.ip);
	}
}

/* An ordinary user may do this since Linux 5.7; where he may not, the address
 * and the check of the peer's network have to do. */
static int bind_iface(int fd, const struct netif_addr *at)
{
	socklen_t len = (socklen_t)strnlen(at->ifname, sizeof(at->ifname));

	if (!len || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, at->ifname,
				len))
		return 0;
	return errno == EPERM ? 0 : -errno;
}

static int bind_address(int fd, uint32_t ip, uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(ip),
	};
	const int on = 1;

	/* accepted sockets inherit TCP_NODELAY: a reply is one write, and the
	 * end of it shall not wait for an acknowledgement */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(fd, HTTP_BACKLOG))
		return -errno;
	return 0;
}

/* Return: the socket, or -errno */
static int open_socket(const struct netif_addr *at, uint16_t port)
{
	int fd, err;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = bind_iface(fd, at);
	if (!err)
		err = bind_address(fd, at->ip, port);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);

	getsockname(fd, (struct sockaddr *)&sin, &len);
	return ntohs(sin.sin_port);
}

static struct httplistener *free_place(struct httplisten *h)
{
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		if (h->place[i].io.fd < 0)
			return &h->place[i];
	}
	return NULL;
}

static int start(struct httplisten *h, const struct netif_addr *at,
		 uint16_t port)
{
	struct httplistener *l = free_place(h);
	int fd, err;

	if (!l)
		return -ENOSPC;
	fd = open_socket(at, port);
	if (fd < 0)
		return fd;
	l->at = *at;
	loop_fd_init(&l->io, fd, on_ready);
	err = loop_fd_add(h->loop, &l->io, POLLIN);
	if (err) {
		close(fd);
		l->io.fd = -1;
		return err;
	}
	h->port = bound_port(fd);
	return 0;
}

uint16_t httplisten_port(const struct httplisten *h)
{
	for (size_t i = 0; i < HTTP_LISTENERS_MAX; i++) {
		if (h->place[i].io.fd >= 0)
			return h->port;
	}
	return 0;
}

static int start_missing(struct httplisten *h, const struct netif_addr *at,
			 size_t n, uint16_t port)
{
	int first = 0, err;

	for (size_t i = 0; i < n; i++) {
		if (listener_at(h, &at[i]))
			continue;
		err = start(h, &at[i], port ? port : httplisten_port(h));
		if (err && !first)
			first = err;
	}
	return first;
}

int httplisten_set(struct httplisten *h, const struct netif_addr *at,
		   size_t n, uint16_t port)
{
	int tries, err;

	if (port && port != h->port)
		stop_others(h, NULL, 0);
	stop_others(h, at, n);
	tries = port || httplisten_port(h) ? 1 : ANY_PORT_TRIES;
	err = start_missing(h, at, n, port);
	while (err == -EADDRINUSE && --tries) {
		stop_all(h);	/* nobody can have connected yet */
		err = start_missing(h, at, n, port);
	}
	return err;
}
