/* SPDX-License-Identifier: ISC */
/*
 * httplisten.c - the HTTP server's listening sockets, one for each address.
 *
 * Owns: when to accept, and when to pause. The sockets are ifsock's.
 * Never does: read from a connection.
 *
 * Runs in: engine
 */
#include <errno.h>
#include <sys/socket.h>
#include "http/httplisten.h"

/* The most connections to accept in one round, so that other descriptors get
 * their turn. */
#define ACCEPTS_MAX 64
/* A round accepts only one connection until this many rounds in a row have
 * found one, because a second accept() would usually find none. */
#define PATIENCE 8
/* Pause when descriptors or memory have run out and nothing can be closed. */
#define PAUSE_MS 1000
/* The port that the kernel chose for the first address may be taken at another
 * address. Let the kernel choose again, this many times. */
#define ANY_PORT_TRIES 8

/* How to continue after a failed accept(). */
enum fault { FAULT_NONE, FAULT_NEXT, FAULT_PRESSED };

static enum fault fault_of(int err)
{
	switch (err) {
	case -EAGAIN:
		return FAULT_NONE;	/* no connection is waiting */
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
		return FAULT_PRESSED;
	default:			/* only that connection's: accept(2) */
		return FAULT_NEXT;
	}
}

/* Return: true: try again in this round */
static bool accept_one(struct httplisten *h, struct ifsock *s)
{
	const struct httplisten_ops *ops = &h->ops;
	struct httpends ends = {
		.local = s->at.net.addr, .local_port = ifsock_port(&h->set),
		.ifindex = s->at.ifindex,
		.url_addr = ifsock_for_urls(s)->at.net.addr,
	};
	int fd = ifsock_accept(s, &ends.peer);

	if (fd >= 0) {
		ops->accepted(ops->arg, fd, &ends);
		return true;
	}
	switch (fault_of(fd)) {
	case FAULT_NONE:
		return false;
	case FAULT_NEXT:
		return true;
	default:
		if (ops->pressed(ops->arg))
			return true;
		/* the socket stays readable: do not spin on it */
		loop_fd_mod(h->loop, &s->io, 0);
		loop_timer_set(h->loop, &h->pause, PAUSE_MS);
		return false;
	}
}

static void on_ready(void *arg, struct ifsock *s)
{
	struct httplisten *h = arg;
	unsigned *full = &h->full[ifsock_index(s)];
	int max = *full < PATIENCE ? 1 : ACCEPTS_MAX;

	for (int i = 0; i < max && s->io.fd >= 0; i++) {
		if (!accept_one(h, s)) {
			*full = 0;
			return;
		}
	}
	++*full;
}

static void on_closing(void *arg, struct ifsock *s)
{
	const struct httplisten *h = arg;

	if (h->ops.ended)
		h->ops.ended(h->ops.arg, s->at.net.addr, s->at.ifindex);
}

static void on_outside(void *arg, struct addr peer)
{
	const struct httplisten *h = arg;

	if (h->ops.outside)
		h->ops.outside(h->ops.arg, peer);
}

static void on_pause_end(struct loop_timer *t)
{
	struct httplisten *h = LOOP_OWNER(t, struct httplisten, pause);

	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		loop_fd_mod(h->loop, &h->set.sock[i].io, POLLIN);
}

void httplisten_init(struct httplisten *h, struct loop *loop,
		     const struct httplisten_ops *ops)
{
	const struct ifsock_config config = {
		.type = SOCK_STREAM, .backlog = HTTP_BACKLOG,
		.ready = on_ready, .closing = on_closing,
		.outside = on_outside, .arg = h,
	};

	*h = (struct httplisten){ .loop = loop, .ops = *ops };
	h->pause.cb = on_pause_end;
	ifsock_init(&h->set, loop, &config);
}

void httplisten_done(struct httplisten *h)
{
	h->ops.ended = NULL;
	ifsock_close(&h->set);
	loop_timer_del(h->loop, &h->pause);
}

uint16_t httplisten_port(const struct httplisten *h)
{
	return ifsock_port(&h->set);
}

/* Does a socket stay, so that the port cannot change? */
static bool keeps_any(const struct ifsock_set *set, const struct netif_addr *at,
		      size_t n)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (set->sock[i].io.fd >= 0 &&
		    ifsock_is_wanted(&set->sock[i], at, n))
			return true;
	return false;
}

int httplisten_set(struct httplisten *h, const struct netif_addr *at,
		   size_t n, uint16_t port)
{
	int tries = port || keeps_any(&h->set, at, n) ? 1 : ANY_PORT_TRIES;
	int err = ifsock_serve(&h->set, at, n, port);

	while (err == -EADDRINUSE && --tries) {
		ifsock_close(&h->set);	/* no peer knows the port yet */
		err = ifsock_serve(&h->set, at, n, port);
	}
	return err;
}
