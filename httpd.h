/* SPDX-License-Identifier: ISC */
/*
 * httpd.h - a small HTTP/1.1 server without any UPnP.
 *
 * The owner gets complete requests and sends complete replies, at once or
 * later, by the request's id. There are HTTP_CONNS_MAX connections and
 * HTTP_BUFS_MAX buffers. If none is free, the server closes a connection of the
 * client that holds most (http/httpconn.h).
 * Runs in: engine
 */
#ifndef HTTPD_H
#define HTTPD_H

#include "base/addr.h"
#include "http/httpends.h"
#include "http/httplisten.h"
#include "http/httpmsg.h"
#include "http/httpsource.h"
#include "http/httpreq.h"	/* enum http_method */
#include "base/loop.h"
#include "base/str.h"

struct httpd;

struct httpd_req {
	enum http_method method;
	struct str path;	/* decoded, without query */
	const struct httpmsg *head;
	struct str body;
	struct addr peer, local;
	uint16_t local_port;
	int ifindex;		/* the interface of @local; 0: not known */
	struct addr url_addr;	/* the router's, for URLs in the reply: @local,
				 * or if that is link-local perhaps another one
				 * of the interface */
	struct addr share;	/* httpd_routes.share() */
	uint32_t id;		/* for httpd_reply() */
};

struct httpd_reply {
	int status;
	const char *content_type;	/* NULL: none */
	struct str extra;	/* more header lines, each with CRLF */
	struct str body;	/* for HEAD only its length is sent */
	/* instead of body, if it is not NULL and not empty: copied */
	const struct httpsource *source;	/* may be NULL */
};

/* The owner's callbacks. */
struct httpd_routes {
	/* the methods (enum http_method, or-ed) that @path allows; 0: 404.
	 * Any other method: 405 with Allow. GET includes HEAD. */
	unsigned (*methods)(void *arg, struct str path);
	/* handle a complete request; it is valid until this returns.
	 * Answer by httpd_reply(), now or later. */
	void (*serve)(void *arg, const struct httpd_req *);
	/* the client of an unanswered request has closed its connection, or
	 * the answer took too long: the id is invalid from now on */
	void (*aborted)(void *arg, uint32_t id);
	/* a request was refused: 403 (Host is not this server), 503 (no
	 * connection is free), 408 (it, or the reading of its reply, was too
	 * slow, or its buffer was another client's share), 0 (the peer is in
	 * none of the served networks, and got no answer). May be NULL */
	void (*refused)(void *arg, struct addr peer, int status);
	/* by what a client's connections and buffers are counted, addr_share();
	 * NULL: by its address */
	struct addr (*share)(void *arg, int ifindex, struct addr peer);
	/* for a person who reached this server by another name: set the type,
	 * @ret->extra and the body of the 403 to a GET or HEAD with a foreign
	 * Host. They are valid until the next call. NULL: no body */
	void (*misnamed)(void *arg, const struct httpends *,
			 struct httpd_reply *ret);
	void *arg;
};

struct httpd_config {
	const char *server;		/* SERVER field, at most 200 bytes */
	int64_t (*wall_s)(void);	/* for DATE */
};

/**
 * httpd_new - create the server; it does not listen yet.
 *
 * @loop is borrowed. @routes and @config are copied, but what they point to is
 * borrowed. @loop needs room for HTTP_CONNS_MAX + IFSOCKS_MAX descriptors.
 *
 * Return: owned by the caller (httpd_free()), NULL without memory
 */
struct httpd *httpd_new(struct loop *loop, const struct httpd_routes *routes,
			const struct httpd_config *config);

/** httpd_free - close all connections and free the server. NULL does
 * nothing. */
void httpd_free(struct httpd *);

/**
 * httpd_listen - listen on exactly these addresses.
 * @port: 0: a free port, chosen for the first address and used for all
 *
 * Existing listeners in the list stay, with their connections; those not in the
 * list are closed. Connections are accepted from every network of the interface
 * that has the address (ifsock.h). Uses SO_REUSEADDR and the backlog
 * HTTP_BACKLOG, and binds to the interface if the kernel lets an ordinary user
 * do that.
 *
 * Return: 0, or -errno of the first failure (the other addresses listen)
 */
int httpd_listen(struct httpd *, const struct netif_addr *, size_t n,
		 uint16_t port);

/** httpd_port - the port that it listens on, 0 if it does not listen. */
uint16_t httpd_port(const struct httpd *);

/** httpd_adopt - serve a connected socket, for tests with a socketpair. The
 * server owns @fd from now on. Return: 0 or -errno (@fd is closed) */
int httpd_adopt(struct httpd *, int fd, const struct httpends *);

/**
 * httpd_reply - answer a request.
 *
 * Writes the status line, Content-Length or Transfer-Encoding (httpsource.h),
 * Content-Type, DATE, SERVER, EXT and @extra; "Connection: close" if it will
 * close. Ignores an @id that was
 * aborted. Everything in @r may be freed afterwards.
 */
void httpd_reply(struct httpd *, uint32_t id, const struct httpd_reply *r);

#endif
