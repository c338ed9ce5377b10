/* SPDX-License-Identifier: ISC */
/*
 * httpconn.h - the HTTP server's connections and buffers: both few, both
 * shared out by rules that one greedy client cannot bend; and sending.
 *
 * Runs in: engine
 */
#ifndef HTTP_HTTPCONN_H
#define HTTP_HTTPCONN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bufpool.h"
#include "http/httpbody.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/str.h"

#define HTTP_REPLY_HEAD_MAX 1024	/* ours are about 250 bytes */
/* Holds the longest reply, and the longest request with room for the first
 * bytes of the next or for a chunk's line: a read always has a place to go. */
#define HTTP_BUF_LEN (HTTP_REPLY_MAX + HTTP_REPLY_HEAD_MAX)
_Static_assert(HTTP_BUF_LEN > HTTP_HEAD_MAX + HTTP_BODY_MAX,
	       "a whole request must leave room to read on");

enum httpconn_state {
	CONN_FREE,
	CONN_READING,		/* until a request is whole */
	CONN_PENDING,		/* until the site has answered it */
	CONN_SENDING,		/* the client is slower than the reply */
	CONN_LINGERING,		/* all said, until the client closes too */
};

struct httpconn {
	struct loop_fd io;
	struct httpconn_pool *all;
	uint64_t due_ms;	/* end of patience */
	uint64_t turn;		/* when the state was entered: lower is older */
	uint32_t id;		/* of the request being answered */
	uint32_t peer_ip, local_ip;
	uint16_t local_port;
	uint8_t state;		/* enum httpconn_state */
	bool begun;		/* part of a request has come */
	bool again;		/* look at what is in @in before reading on */
	bool keep;		/* for another request after this one */
	bool old;		/* the client speaks HTTP/1.0 */
	bool bare;		/* HEAD: the reply's body is not sent */
	bool more;		/* the client may still be sending */
	struct httpbody body;
	uint32_t head_n;	/* head is whole and has so many bytes, or 0 */
	char *in;		/* buffer of bytes to be read; NULL: none */
	uint32_t in_off, in_n;
	char *out;		/* buffer of a reply's rest; NULL: none */
	uint32_t out_off, out_n;
	uint32_t lingered;	/* bytes */
};

struct httpconn_pool {
	struct loop *loop;
	struct bufpool pool;
	const struct httpconn *busy;	/* being worked on: is not evicted, its
					 * place and input are not reused */
	uint64_t turn;
	size_t top;		/* places from here on are free */
	size_t used;
	struct httpconn place[HTTP_CONNS_MAX];
};

/** httpconn_pool_init - @all is zeroed. Return: 0 or -ENOMEM */
int httpconn_pool_init(struct httpconn_pool *all, struct loop *);

/** httpconn_pool_done - close every connection. */
void httpconn_pool_done(struct httpconn_pool *all);

/**
 * httpconn_pool_admit - a place for a new connection, which is then READING.
 * @cb: for its events
 *
 * A client at HTTP_CONNS_PER_CLIENT loses the one of its own that has waited
 * longest without a complete request; when all HTTP_CONNS_MAX places are
 * taken, the one that has among all goes. One that is being answered never
 * does.
 *
 * Return: NULL when there is no place; @fd is the caller's then
 */
struct httpconn *httpconn_pool_admit(struct httpconn_pool *all, int fd,
				 void (*cb)(struct loop_fd *, short),
				 uint32_t peer_ip);

/** httpconn_pool_trim - if no buffer is in use, give the memory of all of them
 * back to the kernel. A burst takes up to 1.2 MiB. */
void httpconn_pool_trim(struct httpconn_pool *all);

/** httpconn_pool_evict - close one that has had its reply already, or else the
 * one that has waited longest. false: none. */
bool httpconn_pool_evict(struct httpconn_pool *all);

/**
 * httpconn_pool_buffer - a buffer of HTTP_BUF_LEN bytes.
 *
 * When all are taken, the connection that has waited longest with part of a
 * request goes, else the one whose client has read nothing for longest.
 *
 * Return: NULL when all belong to requests that are being answered
 */
char *httpconn_pool_buffer(struct httpconn_pool *all);

/** httpconn_enter - change the state, and what and how long to wait for. */
void httpconn_enter(struct httpconn *, enum httpconn_state);

/**
 * httpconn_send - send two pieces as one; either may be empty.
 *
 * What the client does not take now waits in a buffer: the connection is
 * SENDING, and httpconn_send_rest() is due when it is writable.
 *
 * Return: 1 all is out, 0 the rest waits, -errno it is broken (drop it)
 */
int httpconn_send(struct httpconn *, struct str a, struct str b);

/** httpconn_send_rest - go on. Return: as httpconn_send() */
int httpconn_send_rest(struct httpconn *);

/** httpconn_drop - close it, give its buffers back. */
void httpconn_drop(struct httpconn *);

/** httpconn_give_back - a buffer, in or out; NULL is fine. */
void httpconn_give_back(struct httpconn *, char **buf);

#endif
