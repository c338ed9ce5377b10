/* SPDX-License-Identifier: ISC */
/*
 * httpd.c - a small HTTP/1.1 server without any UPnP.
 *
 * A connection is READING until a request is complete, PENDING until the routes
 * have answered it, and SENDING while the client is slower than the reply. Then
 * it is READING again or closed. It is LINGERING before the close if the client
 * may still be sending.
 *
 * Owns: the connections and the buffers.
 * Never does: allocate after httpd_new(); block; call the routes from inside
 * httpd_reply(); read a request while an older one is unanswered.
 * Invariants: a connection has a buffer only while bytes are waiting. A request
 * that arrives in one piece is handled in srv->scratch, and its reply is sent
 * without a copy.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/addrshare.h"
#include "base/wr.h"
#include "http/httpbody.h"
#include "http/httpreply.h"
#include "http/httpreq.h"
#include "base/mem.h"
#include "http/httpconn.h"
#include "httpd.h"
#include "http/httplisten.h"

#define REPLY_EXTRA_MAX	512
#define SWEEP_MS	1000	/* a deadline is noticed this late at most */
#define LINGER_BYTES	131072	/* discarded after the last reply */

struct httpd {
	struct loop *loop;
	struct httpd_routes routes;
	struct httpd_config config;
	struct httplisten listen;
	struct loop_timer sweep;
	struct httpmsg msg;	/* the head that was parsed last, */
	struct httpreq req;	/* its request, */
	unsigned allow;		/* and the methods that its path allows */
	uint32_t serial;	/* of requests */
	struct httpconn_pool conns;
	char path[HTTP_HEAD_MAX];
	char head[HTTP_REPLY_HEAD_MAX];
	/* input of a connection without buffer */
	char scratch[HTTP_BUF_LEN];
};

static struct httpd *server_of(const struct httpconn *c)
{
	return LOOP_OWNER(c->all, struct httpd, conns);
}

/* Close, and cancel a pending request, because the client has disconnected or
 * its address is no longer served. */
static void abort_connection(struct httpconn *c)
{
	struct httpd *srv = server_of(c);
	uint32_t id = c->id;
	bool pending = c->state == CONN_PENDING;

	httpconn_close(c);
	if (pending)
		srv->routes.aborted(srv->routes.arg, id);
}

/* ---- replies ------------------------------------------------------- */

/* Stop sending. If the client may still be sending, wait until it closes:
 * closing with unread bytes would send a reset, which can destroy the reply
 * (RFC 9112 9.6). */
static void finish(struct httpconn *c)
{
	if (!c->may_send && !c->in_n) {
		httpconn_close(c);
		return;
	}
	shutdown(c->io.fd, SHUT_WR);
	c->in_n = 0;
	c->lingered = 0;
	httpconn_enter(c, CONN_LINGERING);
}

static size_t body_length(const struct httpd_reply *r)
{
	return r->source ? r->source->left : r->body.n;
}

static struct str write_head(struct httpd *srv, const struct httpd_reply *r,
			     const char *connection, bool chunked)
{
	const struct httpreply head = {
		.status = r->status, .content_type = r->content_type,
		.length = body_length(r), .chunked = chunked,
		.date_s = srv->config.wall_s(), .server = srv->config.server,
		.connection = connection, .extra = r->extra,
	};
	struct wr w = { srv->head, sizeof(srv->head), 0, false };

	httpreply_write(&w, &head);
	return wr_done(&w);
}

/* @sent: result of httpconn_send() */
static void after_send(struct httpconn *c, int sent)
{
	if (sent < 0) {
		httpconn_close(c);
	} else if (sent > 0 && c->keep_alive) {
		c->started = false;
		httpconn_enter(c, CONN_READING);
	} else if (sent > 0) {
		finish(c);
	}
}

static void send_reply(struct httpconn *c, const struct httpd_reply *r)
{
	struct str body = c->no_body ? STR("") : r->body, head;
	const char *connection = c->http10 ? "keep-alive" : NULL;

	/* miniupnpc reads until close after Content-Length: 0 */
	c->keep_alive = c->keep_alive && body_length(r);
	c->chunked = body_length(r) == HTTPSOURCE_OPEN && !c->http10;
	if (body_length(r) == HTTPSOURCE_OPEN && c->http10)
		c->keep_alive = false;	/* the end of the body is the close */
	head = write_head(server_of(c), r, c->keep_alive ? connection :
			  "close", c->chunked);
	if (r->source && !c->no_body)
		after_send(c, httpconn_send_source(c, head, r->source));
	else
		after_send(c, httpconn_send(c, head, body));
}

/* Answer with r->status and a short body, and close. */
static void send_failure(struct httpconn *c, const struct httpd_reply *r)
{
	c->keep_alive = false;
	c->may_send = true;
	c->in_n = 0;
	if (c != c->all->current)
		httpconn_release(c, &c->in);
	send_reply(c, r);
}

static void fail_request(struct httpconn *c, int status)
{
	struct httpd_reply r = { .status = status };
	char buf[128];
	struct wr w = { buf, sizeof(buf), 0, false };

	if (status == 405) {
		httpreq_allow(&w, server_of(c)->allow);
		r.extra = wr_done(&w);
	}
	send_failure(c, &r);
}

/* A request whose head was refused with @status. srv->msg is that head if the
 * status is 403. */
static void refuse_head(struct httpconn *c, int status)
{
	struct httpd *srv = server_of(c);
	struct httpd_reply r = { .status = status };

	if (status != 403 || !srv->routes.misnamed ||
	    !httpreq_is_visit(&srv->msg)) {
		fail_request(c, status);
		return;
	}
	srv->routes.misnamed(srv->routes.arg, &c->ends, &r);
	c->no_body = str_eq(srv->msg.method, STR("HEAD"));
	send_failure(c, &r);
}

/* ---- requests ------------------------------------------------------ */

static char *in_at(const struct httpconn *c)
{
	return (c->in ? c->in : server_of(c)->scratch) + c->in_off;
}

/* Skip empty lines before a request (RFC 9112 2.2); some clients send one after
 * a body. They do not start a request, so they get no buffer and no
 * deadline. */
static void skip_empty_lines(struct httpconn *c)
{
	while (c->in_n && (*in_at(c) == '\r' || *in_at(c) == '\n')) {
		c->in_off++;
		c->in_n--;
	}
}

static void report_refused(struct httpd *srv, struct addr peer, int status)
{
	if (srv->routes.refused)
		srv->routes.refused(srv->routes.arg, peer, status);
}

/* Parse the head into srv->msg, srv->req and srv->allow. Return: the head's
 * length, 0 need more, minus a status */
static int read_head(struct httpconn *c)
{
	struct httpd *srv = server_of(c);
	struct wr path = { srv->path, sizeof(srv->path), 0, false };
	size_t len = c->in_n < HTTP_HEAD_MAX ? c->in_n : HTTP_HEAD_MAX;
	ssize_t n = httpmsg_parse(in_at(c), len, &srv->msg);
	int err;

	if (n < 0)
		return (int)n;
	if (!n)
		return len < HTTP_HEAD_MAX ? 0 : -431;
	err = httpreq_read(&srv->msg, c->ends.local, c->ends.local_port,
			   &path, &srv->req);
	if (err == -403)
		report_refused(srv, c->ends.peer, 403);
	if (err)
		return err;
	srv->allow = srv->routes.methods(srv->routes.arg, srv->req.path);
	if (!srv->allow)
		return -404;
	if (srv->allow & HTTP_GET)
		srv->allow |= HTTP_HEAD;
	return srv->allow & srv->req.method ? (int)n : -405;
}

/* The client waits for this before it sends the body (RFC 9110 10.1.1). */
static void send_continue(struct httpconn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const size_t len = sizeof(line) - 1;
	ssize_t n = send(c->io.fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* if it was not sent, the client continues after a while; only a part
	 * of it would break the framing */
	if (n > 0 && (size_t)n < len)
		httpconn_close(c);
}

/* Start to read a new request. Return: as read_body() */
static int begin_request(struct httpconn *c)
{
	const struct httpreq *req = &server_of(c)->req;
	int n = read_head(c);

	if (n <= 0)
		return n;
	c->head_n = (uint32_t)n;
	if (req->chunked)
		httpbody_chunked(&c->body);
	else
		httpbody_length(&c->body, req->length);
	/* not if the body has begun to arrive */
	if (req->expect && c->in_n == c->head_n &&
	    (req->chunked || req->length)) {
		send_continue(c);
		return 0;
	}
	return 1;
}

/* Return: 1 the body is complete, 0 need more, minus a status */
static int read_body(struct httpconn *c)
{
	size_t len = c->in_n - c->head_n;
	int err = httpbody_feed(&c->body, in_at(c) + c->head_n, &len);

	c->in_n = c->head_n + (uint32_t)len;
	return err;
}

/* Pass a complete request to the routes. */
static void serve(struct httpconn *c)
{
	struct httpd *srv = server_of(c);
	struct httpd_req req = {
		.method = (enum http_method)srv->req.method,
		.path = srv->req.path, .head = &srv->msg,
		.body = { in_at(c) + c->head_n, c->body.n },
		.peer = c->ends.peer, .local = c->ends.local,
		.local_port = c->ends.local_port, .ifindex = c->ends.ifindex,
		.url_addr = c->ends.url_addr, .share = c->ends.share,
	};
	uint32_t size = c->head_n + c->body.n;

	/* the id contains the slot, so httpd_reply() need not search */
	req.id = srv->serial++ * HTTP_CONNS_MAX +
		 (uint32_t)(c - srv->conns.slot);
	c->id = req.id;
	c->keep_alive = srv->req.keep_alive;
	c->http10 = srv->req.http10;
	c->no_body = req.method == HTTP_HEAD;
	c->in_off += size;
	c->in_n -= size;
	c->head_n = 0;
	httpconn_enter(c, CONN_PENDING);
	srv->routes.serve(srv->routes.arg, &req);
}

/* Return: false if no further request is complete */
static bool next_request(struct httpconn *c)
{
	bool fresh = !c->head_n;
	int err = 1;

	if (fresh)
		skip_empty_lines(c);
	if (!c->in_n)
		return false;
	if (fresh)
		err = begin_request(c);
	if (err > 0)
		err = read_body(c);
	/* srv->msg may hold another connection's head by now */
	if (err > 0 && !fresh)
		err = read_head(c);
	if (err < 0)
		refuse_head(c, -err);
	if (err > 0)
		serve(c);
	return err > 0;
}

/* Move unread input to a buffer; release the buffer if there is none. */
static void store_input(struct httpconn *c)
{
	const char *from = in_at(c);

	c->in_off = 0;
	if (!c->in_n) {
		httpconn_release(c, &c->in);
		return;
	}
	if (!c->in)
		c->in = httpconn_buffer(c);
	memmove(c->in, from, c->in_n);
}

static void process_input(struct httpconn *c)
{
	struct httpd *srv = server_of(c);

	srv->conns.current = c;
	while (c->state == CONN_READING && next_request(c))
		;
	store_input(c);		/* must not evict this connection */
	srv->conns.current = NULL;
	/* The deadline starts at a request's first byte, so that a slow sender
	 * cannot extend it. */
	if (c->state == CONN_READING && c->in_n && !c->started) {
		c->started = true;
		c->due_ms = loop_now_ms(srv->loop) + HTTP_REQUEST_MS;
	}
}

void httpd_reply(struct httpd *srv, uint32_t id, const struct httpd_reply *r)
{
	static const struct httpd_reply too_long = { .status = 500 };
	struct httpconn *c = &srv->conns.slot[id % HTTP_CONNS_MAX];

	if (c->state != CONN_PENDING || c->id != id)
		return;
	if (r->body.n > HTTP_REPLY_MAX || r->extra.n > REPLY_EXTRA_MAX)
		r = &too_long;
	send_reply(c, r);
	if (c == srv->conns.current)
		return;		/* process_input() continues */
	if (!c->in_n) {
		store_input(c);
	} else if (c->state == CONN_READING) {
		/* the next request has arrived: handle it from the loop */
		c->resume = true;
		loop_fd_mod(srv->loop, &c->io, POLLOUT);
	}
}

/* ---- the loop's events --------------------------------------------- */

static void read_input(struct httpconn *c)
{
	ssize_t n = recv(c->io.fd, in_at(c) + c->in_n, HTTP_BUF_LEN - c->in_n,
			 MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->in_n += (uint32_t)n;
		process_input(c);
	} else if (n < 0 || !c->in_n) {
		httpconn_close(c);
	} else {
		fail_request(c, 400);	/* closed in the middle of a request */
	}
}

static void discard_input(struct httpconn *c)
{
	ssize_t n = recv(c->io.fd, server_of(c)->scratch, HTTP_BUF_LEN,
			 MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->lingered += (uint32_t)n;
	if (n <= 0 || c->lingered > LINGER_BYTES)
		httpconn_close(c);
}

static void on_ready(struct loop_fd *io, short revents)
{
	struct httpconn *c = LOOP_OWNER(io, struct httpconn, io);

	switch (c->state) {
	case CONN_READING:
		if (!c->resume) {
			read_input(c);
			break;
		}
		c->resume = false;
		loop_fd_mod(server_of(c)->loop, io, POLLIN);
		process_input(c);
		break;
	case CONN_PENDING:
		/* Only if both directions are shut down: a client that has shut
		 * down its sending direction still reads the reply. */
		if (revents & (POLLERR | POLLHUP))
			abort_connection(c);
		break;
	case CONN_SENDING:
		after_send(c, httpconn_send_rest(c));
		process_input(c);
		break;
	case CONN_LINGERING:
		discard_input(c);
		break;
	}
}

/* A request or a reply was too slow, or its buffer was another's share. */
static void on_lost(const struct httpconn *c)
{
	report_refused(server_of(c), c->ends.peer, 408);
}

static void expire(struct httpconn *c)
{
	struct httpd *srv = server_of(c);
	bool part = c->state == CONN_READING && c->started;

	if (part || c->state == CONN_SENDING)
		on_lost(c);
	if (c->state == CONN_PENDING) {
		srv->routes.aborted(srv->routes.arg, c->id);
		fail_request(c, 503);
	} else if (part) {
		fail_request(c, 408);
	} else {
		httpconn_close(c);
	}
}

static void on_sweep(struct loop_timer *t)
{
	struct httpd *srv = LOOP_OWNER(t, struct httpd, sweep);
	uint64_t now_ms = loop_now_ms(srv->loop);

	for (size_t i = 0; i < srv->conns.top; i++) {
		struct httpconn *c = &srv->conns.slot[i];

		if (c->state != CONN_FREE && now_ms >= c->due_ms)
			expire(c);
	}
	if (srv->conns.used)
		loop_timer_set(srv->loop, t, SWEEP_MS);
	else
		httpconn_pool_trim(&srv->conns);
}

/* ---- new connections ---------------------------------------------- */

/* There is no slot: send 503 without one, if the socket accepts it. */
static void refuse_connection(struct httpd *srv, int fd, struct addr peer)
{
	const struct httpd_reply r = { .status = 503 };
	struct str head = write_head(srv, &r, "close", false);
	char sink[1024];

	/* closing with unread bytes would send a reset */
	recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
	send(fd, head.p, head.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	close(fd);
	report_refused(srv, peer, 503);
}

static struct httpconn *admit(struct httpd *srv, int fd,
			      const struct httpends *at)
{
	const struct httpd_routes *r = &srv->routes;
	struct httpends ends = *at;
	struct httpconn *c;

	ends.share = r->share ? r->share(r->arg, ends.ifindex, ends.peer) :
				addr_share(ends.peer, (struct addr){ 0 });
	c = httpconn_pool_admit(&srv->conns, fd, on_ready, &ends);
	if (!c) {
		refuse_connection(srv, fd, ends.peer);
		return NULL;
	}
	if (!srv->sweep.active)
		loop_timer_set(srv->loop, &srv->sweep, SWEEP_MS);
	return c;
}

int httpd_adopt(struct httpd *srv, int fd, const struct httpends *ends)
{
	return admit(srv, fd, ends) ? 0 : -ENOSPC;
}

static void on_accepted(void *arg, int fd, const struct httpends *ends)
{
	struct httpconn *c = admit(arg, fd, ends);

	if (c)
		read_input(c);	/* usually the request has arrived already */
}

static bool on_pressed(void *arg)
{
	struct httpd *srv = arg;

	return httpconn_pool_evict(&srv->conns);
}

static void on_outside(void *arg, struct addr peer)
{
	report_refused(arg, peer, 0);
}

static void on_ended(void *arg, struct addr local, int ifindex)
{
	struct httpd *srv = arg;

	for (size_t i = 0; i < srv->conns.top; i++) {
		struct httpconn *c = &srv->conns.slot[i];

		if (c->state != CONN_FREE && c->ends.ifindex == ifindex &&
		    addr_equal(c->ends.local, local))
			abort_connection(c);
	}
}

/* ---- the server ---------------------------------------------------- */

struct httpd *httpd_new(struct loop *loop, const struct httpd_routes *routes,
			const struct httpd_config *config)
{
	struct httpd *srv = mem_new(1, sizeof(*srv));
	struct httplisten_ops ops = {
		.accepted = on_accepted, .pressed = on_pressed,
		.outside = on_outside, .ended = on_ended, .arg = srv,
	};

	if (!srv)
		return NULL;
	srv->loop = loop;
	srv->routes = *routes;
	srv->config = *config;
	srv->sweep.cb = on_sweep;
	srv->conns.lost = on_lost;
	httplisten_init(&srv->listen, loop, &ops);
	if (httpconn_pool_init(&srv->conns, loop)) {
		httpd_free(srv);
		return NULL;
	}
	return srv;
}

void httpd_free(struct httpd *srv)
{
	if (!srv)
		return;
	loop_timer_del(srv->loop, &srv->sweep);
	httplisten_done(&srv->listen);
	httpconn_pool_done(&srv->conns);
	mem_free(srv, 1, sizeof(*srv));
}

int httpd_listen(struct httpd *srv, const struct netif_addr *at, size_t n,
		 uint16_t port)
{
	return httplisten_set(&srv->listen, at, n, port);
}

uint16_t httpd_port(const struct httpd *srv)
{
	return httplisten_port(&srv->listen);
}
