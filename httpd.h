/* SPDX-License-Identifier: ISC */
/*
 * httpd.h - a small HTTP/1.1 server that knows no UPnP.
 *
 * Whole requests in, whole replies out; a reply may come later, by the
 * request's id. Fixed pools: HTTP_CONNS_MAX connections, HTTP_BUFS_MAX buffers.
 * When a pool is full, the connection that has waited longest without a
 * complete request goes; a client at HTTP_CONNS_PER_CLIENT loses its own.
 *
 * Runs in: engine
 */
#ifndef HTTPD_H
#define HTTPD_H

#include "http/httplisten.h"
#include "http/httpmsg.h"
#include "http/httpreq.h"	/* enum http_method */
#include "base/loop.h"
#include "base/str.h"

struct httpd;

struct httpd_req {
	enum http_method method;
	struct str path;	/* decoded, without query */
	const struct httpmsg *head;
	struct str body;
	uint32_t peer_ip, local_ip;
	uint16_t local_port;
	uint32_t id;		/* for httpd_reply() */
};

struct httpd_reply {
	int status;
	const char *content_type;	/* NULL: none */
	struct str extra;	/* more header lines, each with CRLF */
	struct str body;	/* left out for HEAD, its length told */
};

/* What is served. */
struct httpd_routes {
	/* the methods (enum http_method, or-ed) that @path takes; 0: 404.
	 * A method not among them: 405 with Allow. HEAD comes with GET. */
	unsigned (*methods)(void *arg, struct str path);
	/* a whole request; everything in it is valid until this returns.
	 * Answer by httpd_reply(), now or later. */
	void (*serve)(void *arg, const struct httpd_req *);
	/* the client of a request that is not answered yet has gone */
	void (*gone)(void *arg, uint32_t id);
	/* not served: 403 (Host is not us), 503 (no place). NULL: never mind */
	void (*refused)(void *arg, uint32_t peer_ip, int status);
	void *arg;
};

struct httpd_config {
	const char *server;		/* SERVER field, at most 200 bytes */
	int64_t (*wall_s)(void);	/* for DATE */
};

/**
 * httpd_new - make the server; nothing listens yet.
 *
 * @loop, @site and @config are borrowed (site and config are copied, what they
 * point to is not). @loop needs room for HTTP_CONNS_MAX + IFSOCKS_MAX
 * descriptors.
 *
 * Return: owned by the caller (httpd_free()), NULL without memory
 */
struct httpd *httpd_new(struct loop *loop, const struct httpd_routes *routes,
			const struct httpd_config *config);

/** httpd_free - close everything. NULL is fine. */
void httpd_free(struct httpd *);

/**
 * httpd_listen - listen on exactly these addresses.
 * @port: 0: any port, the same for all, chosen by the first
 *
 * Listeners that are there stay, with their connections; those not in the list
 * are closed. A connection is accepted from every network of the interface
 * that has the address (ifsock.h). SO_REUSEADDR, backlog HTTP_BACKLOG, bound
 * to the interface where the kernel lets an ordinary user do so.
 *
 * Return: 0, or -errno of the first that failed (the others listen)
 */
int httpd_listen(struct httpd *, const struct netif_addr *, size_t n,
		 uint16_t port);

/** httpd_port - the port it listens on, 0 while it does not. */
uint16_t httpd_port(const struct httpd *);

/** httpd_adopt - serve a connected socket (tests: one end of a socketpair),
 * which belongs to the server from now on. 0 or -errno (closed then). */
int httpd_adopt(struct httpd *, int fd, uint32_t peer_ip, uint32_t local_ip,
		uint16_t local_port);

/**
 * httpd_reply - answer a request.
 *
 * Writes status line, Content-Length, Content-Type, DATE, SERVER, EXT and
 * @extra; "Connection: close" where it will close. An @id whose client has
 * gone is passed over. Everything in @r may be freed afterwards.
 */
void httpd_reply(struct httpd *, uint32_t id, const struct httpd_reply *r);

#endif
