/* SPDX-License-Identifier: ISC */
/*
 * httpconn.h - the HTTP server's connections and buffers, and sending.
 *
 * Both pools are small. If one is used up, a connection is evicted: of the
 * client that holds most, with what it asks for now, and of that client's
 * connections the one that has waited longest. So a client gets its share
 * however many connections another has, and all if it is alone.
 * Runs in: engine
 */
#ifndef HTTP_HTTPCONN_H
#define HTTP_HTTPCONN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/bufpool.h"
#include "http/httpbody.h"
#include "http/httpends.h"
#include "http/httpsource.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/str.h"

#define HTTP_REPLY_HEAD_MAX 1024	/* about 250 bytes in practice */
/* Room for the longest reply. Also room for the longest request and the first
 * bytes after it (the next request, or a chunk's line), so that there is always
 * room to read. */
#define HTTP_BUF_LEN (HTTP_REPLY_MAX + HTTP_REPLY_HEAD_MAX)
_Static_assert(HTTP_BUF_LEN > HTTP_HEAD_MAX + HTTP_BODY_MAX,
	       "a whole request must leave room to read on");

enum httpconn_state {
	CONN_FREE,
	CONN_READING,		/* until a request is complete */
	CONN_PENDING,		/* until the owner has answered it */
	CONN_SENDING,		/* the client is slower than the reply */
	CONN_LINGERING,		/* after the last reply, until the client
				 * closes */
};

enum httpconn_share {
	SHARE_SLOTS,
	SHARE_BUFFERS,
	SHARE__MAX,
};

/* A client with connections, and how much of each pool it holds. */
struct httpconn_client {
	struct addr share;
	uint32_t held[SHARE__MAX];	/* no slot: the record is free */
};

struct httpconn {
	struct loop_fd io;
	struct httpconn_pool *all;
	struct httpconn_client *client;
	uint64_t due_ms;	/* deadline of the state */
	uint64_t reply_by_ms;	/* deadline of the reply that is SENDING */
	uint64_t turn;		/* order of state changes: lower is older */
	uint32_t id;		/* of the request in progress */
	struct httpends ends;
	uint8_t state;		/* enum httpconn_state */
	bool started;		/* part of a request has arrived */
	bool resume;		/* parse @in before reading on */
	bool keep_alive;	/* keep it for another request */
	bool http10;		/* the client speaks HTTP/1.0 */
	bool no_body;		/* HEAD: the reply's body is not sent */
	bool may_send;		/* the client may still be sending */
	struct httpbody body;
	uint32_t head_n;	/* length of a complete head, or 0 */
	char *in;		/* buffer of unread input; NULL: none */
	uint32_t in_off, in_n;
	char *out;		/* buffer of a reply's rest; NULL: none */
	uint32_t out_off, out_n;
	struct httpsource source;	/* of the rest that is not in @out */
	bool chunked;		/* the source's pieces are sent as chunks */
	uint32_t lingered;	/* bytes discarded in LINGERING */
};

struct httpconn_pool {
	struct loop *loop;
	struct bufpool pool;
	const struct httpconn *current;	/* being processed: must not be evicted,
					 * its slot and input must not be
					 * reused */
	/* A request or a reply of this connection is lost, because another
	 * needs its buffer or its slot. Set by the owner; NULL: none. */
	void (*lost)(const struct httpconn *);
	uint64_t turn;
	size_t top;		/* slots from here on are free */
	size_t used;
	struct httpconn slot[HTTP_CONNS_MAX];
	/* one more: a new client has a record before it has a slot */
	struct httpconn_client client[HTTP_CONNS_MAX + 1];
};

/** httpconn_pool_init - initialize @all, which is zeroed. Return: 0 or
 * -ENOMEM */
int httpconn_pool_init(struct httpconn_pool *all, struct loop *);

/** httpconn_pool_done - close every connection, free the buffers. */
void httpconn_pool_done(struct httpconn_pool *all);

/**
 * httpconn_pool_admit - find a slot for a new connection, in the state READING.
 * @cb: callback for its events
 *
 * Limits: if all HTTP_CONNS_MAX slots are used, evicts a connection without a
 * complete request; if the client is at HTTP_CONNS_PER_CLIENT, one of that
 * client. Never evicts a connection with a request that is being answered, or
 * one of a client that holds less than the peer.
 *
 * Return: NULL if there is no slot; the caller still owns @fd then
 */
struct httpconn *httpconn_pool_admit(struct httpconn_pool *all, int fd,
				 void (*cb)(struct loop_fd *, short),
				 const struct httpends *);

/** httpconn_pool_trim - if no buffer is in use, return the memory of all
 * buffers to the kernel. A burst uses up to 1.2 MiB. */
void httpconn_pool_trim(struct httpconn_pool *all);

/** httpconn_pool_evict - evict a connection without a complete request. Return:
 * false: there is none */
bool httpconn_pool_evict(struct httpconn_pool *all);

/**
 * httpconn_buffer - get a buffer of HTTP_BUF_LEN bytes for a connection, which
 * must store it in @in or @out.
 *
 * Limits: if all buffers are used, evicts a connection that holds one. If that
 * one's request is being answered, it only loses the requests after it.
 *
 * Return: never NULL: only those of the current connection stay
 */
char *httpconn_buffer(struct httpconn *);

/** httpconn_enter - change the state, with its events and its deadline. */
void httpconn_enter(struct httpconn *, enum httpconn_state);

/**
 * httpconn_send - send two pieces as one; either may be empty.
 *
 * If the socket does not accept everything now, the rest is stored in a buffer
 * and the connection is SENDING; call httpconn_send_rest() when it is writable.
 *
 * Limits: HTTP_REPLY_MS without progress, and for the whole reply that and its
 * length at HTTP_REPLY_BYTES_MS.
 *
 * Return: 1: all was sent, 0: the rest waits, -errno: broken (close it)
 */
int httpconn_send(struct httpconn *, struct str a, struct str b);

/** httpconn_send_source - send a head and a body that is written in pieces.
 * Like httpconn_send(), but always uses a buffer. The time of a body whose
 * length is not known grows with each piece. @source: copied */
int httpconn_send_source(struct httpconn *, struct str head,
			 const struct httpsource *source);

/** httpconn_send_rest - continue sending. Return: as httpconn_send() */
int httpconn_send_rest(struct httpconn *);

/** httpconn_close - close the connection and release its buffers. */
void httpconn_close(struct httpconn *);

/** httpconn_release - release a buffer: &c->in or &c->out; NULL: none. */
void httpconn_release(struct httpconn *, char **buf);

#endif
