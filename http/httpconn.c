/* SPDX-License-Identifier: ISC */
/*
 * httpconn.c - the HTTP server's connections and buffers, and sending.
 *
 * Owns: slots, descriptors, buffers.
 * Never does: parse input.
 * Invariant: turn is unique and grows, so exactly one connection has waited
 * longest, even within a millisecond.
 * Runs in: engine
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/wr.h"
#include "http/httpconn.h"

/* The routes answer much earlier. This keeps a fault there from using a slot
 * forever. */
#define PENDING_MS 60000
/* How long to read from a client after the last reply. A close with unread
 * bytes would send a reset, and the client might not see the reply (RFC 9112
 * 9.6). */
#define LINGER_MS 2000

static const struct {
	short events;		/* errors and hang-ups are always reported */
	unsigned wait_ms;
} phase[] = {
	[CONN_READING] = { POLLIN, HTTP_IDLE_MS },
	[CONN_PENDING] = { 0, PENDING_MS },
	[CONN_SENDING] = { POLLOUT, HTTP_REPLY_MS },
	[CONN_LINGERING] = { POLLIN, LINGER_MS },
};

int httpconn_pool_init(struct httpconn_pool *all, struct loop *loop)
{
	all->loop = loop;
	return bufpool_init(&all->pool, HTTP_BUF_LEN, HTTP_BUFS_MAX);
}

void httpconn_pool_done(struct httpconn_pool *all)
{
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		if (all->slot[i].state != CONN_FREE)
			httpconn_close(&all->slot[i]);
	bufpool_done(&all->pool);
}

void httpconn_enter(struct httpconn *c, enum httpconn_state state)
{
	struct httpconn_pool *all = c->all;

	c->state = (uint8_t)state;
	c->due_ms = loop_now_ms(all->loop) + phase[state].wait_ms;
	if (state == CONN_SENDING && c->due_ms > c->reply_by_ms)
		c->due_ms = c->reply_by_ms;
	c->turn = ++all->turn;
	loop_fd_mod(all->loop, &c->io, phase[state].events);
}

void httpconn_release(struct httpconn *c, char **buf)
{
	if (*buf && c->state != CONN_FREE)
		c->client->held[SHARE_BUFFERS]--;
	bufpool_put(&c->all->pool, *buf);
	*buf = NULL;
}

void httpconn_close(struct httpconn *c)
{
	struct httpconn_pool *all = c->all;

	loop_fd_del(all->loop, &c->io);
	close(c->io.fd);
	c->client->held[SHARE_SLOTS]--;
	c->client->held[SHARE_BUFFERS] -= !!c->in + !!c->out;
	c->state = CONN_FREE;	/* its buffers are not counted any more */
	c->in_n = 0;
	httpconn_release(c, &c->out);
	/* the routes may still be reading the current request */
	if (c != all->current)
		httpconn_release(c, &c->in);
	all->used--;
	while (all->top && all->slot[all->top - 1].state == CONN_FREE)
		all->top--;
}

void httpconn_pool_trim(struct httpconn_pool *all)
{
	bufpool_trim(&all->pool);
}

/* ---- eviction ------------------------------------------------- */

static bool may_evict(const struct httpconn *c, enum httpconn_share what)
{
	if (c->state == CONN_FREE || c == c->all->current)
		return false;
	if (what == SHARE_BUFFERS)
		return c->in || c->out;
	return c->state == CONN_READING || c->state == CONN_LINGERING;
}

/* Of one client: connections that were answered first, then the oldest. */
static bool evict_before(const struct httpconn *a, const struct httpconn *b)
{
	bool a_done = a->state == CONN_LINGERING;
	bool b_done = b->state == CONN_LINGERING;

	return a_done == b_done ? a->turn < b->turn : a_done;
}

static void evict(struct httpconn *c)
{
	if ((c->in || c->out) && c->all->lost)
		c->all->lost(c);
	if (c->state != CONN_PENDING) {
		httpconn_close(c);
		return;
	}
	/* only the requests after the one that is being answered */
	httpconn_release(c, &c->in);
	c->in_n = 0;
	c->keep_alive = false;
	c->may_send = true;
}

/* Evict a connection of the client that holds most, with the one that @own asks
 * for. @own: NULL: nobody. Return: false: there is none */
static bool make_room(struct httpconn_pool *all, enum httpconn_share what,
		      const struct httpconn_client *own)
{
	struct httpconn *first = NULL;
	size_t most = own ? own->held[what] : 0;

	if (what == SHARE_SLOTS && most >= HTTP_CONNS_PER_CLIENT)
		most++;		/* only one of its own */
	for (size_t i = 0; i < all->top; i++) {
		struct httpconn *c = &all->slot[i];
		size_t n;

		if (!may_evict(c, what))
			continue;
		n = c->client->held[what] + (c->client == own);
		if (n > most || (n == most && (!first ||
					       evict_before(c, first))))
			first = c;
		if (n > most)
			most = n;
	}
	if (!first)
		return false;
	evict(first);
	return true;
}

bool httpconn_pool_evict(struct httpconn_pool *all)
{
	return make_room(all, SHARE_SLOTS, NULL);
}

char *httpconn_buffer(struct httpconn *c)
{
	struct httpconn_pool *all = c->all;
	char *buf = bufpool_get(&all->pool);

	if (!buf) {
		make_room(all, SHARE_BUFFERS, c->client);
		buf = bufpool_get(&all->pool);
	}
	c->client->held[SHARE_BUFFERS]++;
	return buf;
}

/* ---- new connections ----------------------------------------------------- */

/* Return: the client's record, or a free one */
static struct httpconn_client *find_client(struct httpconn_pool *all,
					   struct addr share)
{
	struct httpconn_client *place = all->client;

	for (size_t i = 0; i < all->top; i++) {
		const struct httpconn *c = &all->slot[i];

		if (c->state != CONN_FREE &&
		    addr_equal(c->client->share, share))
			return c->client;
	}
	/* there is one more than there can be connections */
	while (place->held[SHARE_SLOTS])
		place++;
	*place = (struct httpconn_client){ .share = share };
	return place;
}

struct httpconn *httpconn_pool_admit(struct httpconn_pool *all, int fd,
				 void (*cb)(struct loop_fd *, short),
				 const struct httpends *ends)
{
	struct httpconn_client *own = find_client(all, ends->share);
	struct httpconn *c = all->slot;

	if ((own->held[SHARE_SLOTS] >= HTTP_CONNS_PER_CLIENT ||
	     all->used == HTTP_CONNS_MAX) && !make_room(all, SHARE_SLOTS, own))
		return NULL;
	/* the lowest free slot, so that scans up to all->top stay short */
	while (c < all->slot + HTTP_CONNS_MAX &&
	       (c->state != CONN_FREE || c == all->current))
		c++;
	if (c == all->slot + HTTP_CONNS_MAX)
		return NULL;
	*c = (struct httpconn){ .all = all, .client = own, .ends = *ends };
	loop_fd_init(&c->io, fd, cb);
	if (loop_fd_add(all->loop, &c->io, 0))
		return NULL;
	httpconn_enter(c, CONN_READING);
	own->held[SHARE_SLOTS]++;
	all->used++;
	if (all->top < (size_t)(c - all->slot) + 1)
		all->top = (size_t)(c - all->slot) + 1;
	return c;
}

/* ---- sending ------------------------------------------------------- */

#define PIECES_PER_TURN	4	/* buffers of a long reply */

/* Return: bytes sent, 0 if the socket accepts none now, -errno */
static ssize_t send_two(int fd, struct str a, struct str b)
{
	/* struct iovec has no const */
	struct iovec iov[] = {
		{ (void *)(uintptr_t)a.p, a.n },
		{ (void *)(uintptr_t)b.p, b.n },
	};
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void start_sending(struct httpconn *c, size_t length)
{
	c->reply_by_ms = loop_now_ms(c->all->loop) + HTTP_REPLY_MS +
			 length / HTTP_REPLY_BYTES_MS;
	httpconn_enter(c, CONN_SENDING);
}

int httpconn_send(struct httpconn *c, struct str a, struct str b)
{
	ssize_t n = send_two(c->io.fd, a, b);
	size_t sent;
	struct wr w;

	if (n < 0)
		return (int)n;
	sent = (size_t)n;
	if (sent == a.n + b.n)
		return 1;
	c->out = httpconn_buffer(c);
	w = wr_init(c->out, HTTP_BUF_LEN);
	wr_str(&w, str_skip(a, sent));
	wr_str(&w, str_skip(b, sent > a.n ? sent - a.n : 0));
	c->out_off = 0;
	c->out_n = (uint32_t)w.len;
	start_sending(c, w.len);
	return 0;
}

/* Write the next piece of the body behind what the buffer holds. */
static bool add_piece(struct httpconn *c)
{
	struct httpsource *s = &c->source;
	struct wr w = wr_init(c->out + c->out_n, HTTP_BUF_LEN - c->out_n);

	if (!s->left)
		return false;
	s->write(s->arg, s->at, s->left, &w);
	if (w.over || !w.len || w.len > s->left)
		return false;	/* a fault of the owner: the reply ends here */
	s->left -= w.len;
	c->out_n += (uint32_t)w.len;
	return true;
}

#define CHUNK_LINE	10	/* "0000abcd\r\n" before a chunk */
#define CHUNK_END	2	/* "\r\n" after it */

/* The same for a body whose length is not known. A piece of no bytes is its
 * end, and a chunk of no bytes is the last one (RFC 9112 7.1). */
static bool add_open_piece(struct httpconn *c)
{
	const size_t line = c->chunked ? CHUNK_LINE : 0;
	const size_t end = c->chunked ? CHUNK_END : 0;
	const size_t room = HTTP_BUF_LEN - c->out_n - line - end;
	struct httpsource *s = &c->source;
	char *at = c->out + c->out_n;
	struct wr head = wr_init(at, line), body = wr_init(at + line, room);
	struct wr tail;

	s->write(s->arg, s->at, s->left, &body);
	if (body.over)
		return false;
	if (!body.len)
		s->left = 0;
	tail = wr_init(at + line + body.len, end);
	if (c->chunked) {
		wr_fmt(&head, "%08zx\r\n", body.len);
		wr_z(&tail, "\r\n");
	}
	c->out_n += (uint32_t)(line + body.len + end);
	c->reply_by_ms += body.len / HTTP_REPLY_BYTES_MS;
	return true;
}

static bool add_next(struct httpconn *c)
{
	return c->source.left == HTTPSOURCE_OPEN ? add_open_piece(c) :
						   add_piece(c);
}

/* Send from the buffer. Return: 1: all of it, 0: the socket is full, -errno */
static int send_buffer(struct httpconn *c)
{
	struct str rest = { c->out + c->out_off, c->out_n - c->out_off };
	ssize_t n = send_two(c->io.fd, rest, (struct str){ 0 });

	if (n < 0)
		return (int)n;
	c->out_off += (uint32_t)n;
	if (n && c->state == CONN_SENDING)	/* there was progress */
		httpconn_enter(c, CONN_SENDING);
	return (size_t)n == rest.n;
}

/* A turn is bounded, so that a fast reader of a long reply does not keep the
 * other connections waiting. */
int httpconn_send_rest(struct httpconn *c)
{
	int rc;

	for (unsigned i = 0; i < PIECES_PER_TURN; i++) {
		rc = send_buffer(c);
		if (rc <= 0)
			return rc;
		c->out_off = c->out_n = 0;
		if (c->source.left && !add_next(c))
			return -EIO;
		if (!c->out_n) {
			httpconn_release(c, &c->out);
			return 1;
		}
	}
	return 0;
}

int httpconn_send_source(struct httpconn *c, struct str head,
			 const struct httpsource *source)
{
	struct wr w;
	int rc;

	c->out = httpconn_buffer(c);
	w = wr_init(c->out, HTTP_BUF_LEN);
	wr_str(&w, head);
	c->out_off = 0;
	c->out_n = (uint32_t)w.len;
	c->source = *source;
	if (!add_next(c))
		return -EIO;
	rc = httpconn_send_rest(c);
	if (!rc)
		start_sending(c, source->left == HTTPSOURCE_OPEN ? c->out_n :
						source->left);
	return rc;
}
