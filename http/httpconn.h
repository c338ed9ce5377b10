/* SPDX-License-Identifier: ISC */
/*
 * httpconn.h - the HTTP server's connections and buffers, and sending. Both
 * pools are small; the eviction rules keep one client from using them up.
 * Runs in: engine
 */
#ifndef HTTP_HTTPCONN_H
#define HTTP_HTTPCONN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/bufpool.h"
#include "http/httpbody.h"
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

struct httpconn {
	struct loop_fd io;
	struct httpconn_pool *all;
	uint64_t due_ms;	/* deadline of the state */
	uint64_t turn;		/* order of state changes: lower is older */
	uint32_t id;		/* of the request in progress */
	struct addr peer, local;
	uint16_t local_port;
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
	uint32_t lingered;	/* bytes discarded in LINGERING */
};

struct httpconn_pool {
	struct loop *loop;
	struct bufpool pool;
	const struct httpconn *current;	/* being processed: must not be evicted,
					 * its slot and input must not be
					 * reused */
	uint64_t turn;
	size_t top;		/* slots from here on are free */
	size_t used;
	struct httpconn slot[HTTP_CONNS_MAX];
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
 * Limits: if all HTTP_CONNS_MAX slots are used, closes the connection that has
 * waited longest without a complete request; if the client is at
 * HTTP_CONNS_PER_CLIENT, the one of that client. Never closes a connection with
 * a request that is being answered.
 *
 * Return: NULL if there is no slot; the caller still owns @fd then
 */
struct httpconn *httpconn_pool_admit(struct httpconn_pool *all, int fd,
				 void (*cb)(struct loop_fd *, short),
				 struct addr peer);

/** httpconn_pool_trim - if no buffer is in use, return the memory of all
 * buffers to the kernel. A burst uses up to 1.2 MiB. */
void httpconn_pool_trim(struct httpconn_pool *all);

/** httpconn_pool_evict - close a connection whose last reply was sent, else the
 * one that has waited longest for a request. Return: false: there is none */
bool httpconn_pool_evict(struct httpconn_pool *all);

/**
 * httpconn_pool_buffer - get a buffer of HTTP_BUF_LEN bytes.
 *
 * Limits: if all buffers are used, closes the connection that has waited
 * longest with part of a request, else the one whose client has not read for
 * longest.
 *
 * Return: NULL if all buffers belong to requests that are being answered
 */
char *httpconn_pool_buffer(struct httpconn_pool *all);

/** httpconn_enter - change the state, with its events and its deadline. */
void httpconn_enter(struct httpconn *, enum httpconn_state);

/**
 * httpconn_send - send two pieces as one; either may be empty.
 *
 * If the socket does not accept everything now, the rest is stored in a buffer
 * and the connection is SENDING; call httpconn_send_rest() when it is writable.
 *
 * Return: 1: all was sent, 0: the rest waits, -errno: broken (close it)
 */
int httpconn_send(struct httpconn *, struct str a, struct str b);

/** httpconn_send_source - send a head and a body that is written in pieces.
 * Like httpconn_send(), but always uses a buffer. @source: copied */
int httpconn_send_source(struct httpconn *, struct str head,
			 const struct httpsource *source);

/** httpconn_send_rest - continue sending. Return: as httpconn_send() */
int httpconn_send_rest(struct httpconn *);

/** httpconn_close - close the connection and release its buffers. */
void httpconn_close(struct httpconn *);

/** httpconn_release - release a buffer, in or out; NULL does nothing. */
void httpconn_release(struct httpconn *, char **buf);

#endif
