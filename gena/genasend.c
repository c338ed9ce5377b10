/* SPDX-License-Identifier: ISC */
/*
 * genasend.c - deliver one message.
 *
 * Never does: follow a redirect, read a body, resolve a name.
 * Limits: the head of the answer must fit in the buffer of the message.
 * Runs in: engine
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/wr.h"
#include "http/httpmsg.h"
#include "base/limits.h"
#include "gena/genasend.h"

int genasend_connect(struct addr local, struct addr peer, uint16_t port,
		     int ifindex)
{
	const unsigned zone = ifindex > 0 ? (unsigned)ifindex : 0;
	struct sockaddr_storage from, to;
	socklen_t from_n = addr_to_sockaddr(local, 0, zone, &from);
	socklen_t to_n = addr_to_sockaddr(peer, port, zone, &to);
	int fd, err, one = 1;

	if (!to_n || (!from_n && local.family != ADDR_NONE))
		return -EAFNOSUPPORT;
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return -errno;
	/* without it, bind() would reserve a local port */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if ((!from_n || !bind(fd, (const struct sockaddr *)&from, from_n)) &&
	    (!connect(fd, (const struct sockaddr *)&to, to_n) ||
	     errno == EINPROGRESS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void genasend_stop(struct genasend *s)
{
	if (!s->active)
		return;
	s->active = false;
	loop_fd_del(s->loop, &s->io);
	close(s->io.fd);
}

static void end(struct genasend *s, enum genasend_end how)
{
	genasend_stop(s);
	s->done(s, how);
}

/* ---- the answer ---------------------------------------------------- */

/* Return: false: the head is an interim answer, 1xx */
static bool classify(unsigned status, enum genasend_end *ret)
{
	if (status >= 100 && status < 200)
		return false;
	*ret = GENASEND_FAILED;
	if (status >= 200 && status < 300)
		*ret = GENASEND_OK;
	else if (status == 412)		/* UDA 1.1 4.3.2: no such SID */
		*ret = GENASEND_UNKNOWN;
	return true;
}

/* Nothing may be used after end(): the owner may have started the next
 * delivery. */
static void parse_answer(struct genasend *s)
{
	enum genasend_end how = GENASEND_FAILED;
	struct httpmsg msg;
	ssize_t n;

	for (;;) {
		n = httpmsg_parse(s->buf, s->n, &msg);
		if (!n && s->n < s->cap)
			return;
		if (n <= 0 || classify(msg.status, &how))
			break;
		s->n -= (size_t)n;
		memmove(s->buf, s->buf + n, s->n);
	}
	end(s, how);
}

static void read_input(struct genasend *s)
{
	ssize_t n = recv(s->io.fd, s->buf + s->n, s->cap - s->n, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(s, GENASEND_FAILED);
		return;
	}
	s->n += (size_t)n;
	parse_answer(s);
}

/* ---- the message --------------------------------------------------- */

static void write_output(struct genasend *s)
{
	ssize_t n = send(s->io.fd, s->buf + s->off, s->n - s->off,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(s, GENASEND_FAILED);
		return;
	}
	s->off += (size_t)n;
	if (s->off < s->n)
		return;
	s->sent = true;
	s->sent_ms = loop_now_ms(s->loop);
	s->n = 0;		/* from now on the buffer holds the answer */
	loop_fd_mod(s->loop, &s->io, POLLIN);
}

static void on_ready(struct loop_fd *io, short revents)
{
	struct genasend *s = LOOP_OWNER(io, struct genasend, io);
	int err = 0;
	socklen_t len = sizeof(err);

	if (!s->connected)
		s->connected = !getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err,
					   &len) && !err;
	if (!s->connected)
		end(s, GENASEND_FAILED);
	else if (!s->sent)
		write_output(s);
	else
		read_input(s);
}

int genasend_start(struct genasend *s, int fd, const struct wr *msg,
		   uint64_t answer_by_ms)
{
	int err;

	s->buf = msg->buf;
	s->cap = msg->cap;
	s->n = msg->len;
	s->off = 0;
	s->connected = s->sent = false;
	s->connect_by_ms = loop_now_ms(s->loop) + GENA_CONNECT_MS;
	s->answer_by_ms = answer_by_ms;
	loop_fd_init(&s->io, fd, on_ready);
	err = loop_fd_add(s->loop, &s->io, POLLOUT);
	s->active = !err;
	if (err)
		close(fd);
	return err;
}

uint64_t genasend_due_ms(const struct genasend *s)
{
	if (s->connected || s->connect_by_ms > s->answer_by_ms)
		return s->answer_by_ms;
	return s->connect_by_ms;
}
