/* SPDX-License-Identifier: ISC */
/*
 * httpreq.h - check the head of an HTTP request, and read its method, path,
 * framing and use of the connection.
 *
 * Pure: works on a head that httpmsg.c has parsed.
 * Runs in: engine
 */
#ifndef HTTP_HTTPREQ_H
#define HTTP_HTTPREQ_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/wr.h"
#include "http/httpmsg.h"
#include "base/str.h"

enum http_method {
	HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4,
	HTTP_SUBSCRIBE = 8, HTTP_UNSUBSCRIBE = 16,
};

struct httpreq {
	unsigned method;	/* enum http_method; 0: an HTTP method that no
				 * path serves */
	struct str path;	/* decoded, without query, begins with / */
	bool keep_alive;	/* the client wants to keep the connection */
	bool http10;		/* HTTP/1.0: "keep-alive" must be confirmed */
	bool expect;		/* the client waits for 100 before the body */
	bool chunked;
	uint32_t length;	/* of the body, if it is not chunked */
};

/**
 * httpreq_read - check and read the head of a request.
 * @own, @own_port: the local address of the connection. Host, and the
 *          authority of an absolute target, must be this address, else 403:
 *          another name means DNS rebinding in a browser. An Origin, or a
 *          Referer with a method other than GET and HEAD, also means a browser
 *          and gets 403.
 * @path:   the decoded path is written here; HTTP_HEAD_MAX bytes are enough
 * @ret:    set only on success; points into @path's buffer
 *
 * Return: 0, or minus the status to answer with: 400, 403, 411, 413, 431, 501
 * Source: RFC 9112 2.2, 3.2, 6.1-6.3, 9.3; RFC 9110 10.1.1
 */
int httpreq_read(const struct httpmsg *, struct addr own, uint16_t own_port,
		 struct wr *path, struct httpreq *ret);

/** httpreq_is_visit - is this head, which httpreq_read() refused with 403, a
 * GET or HEAD without Origin? So a browser opens a page, and only the name in
 * Host is wrong. */
bool httpreq_is_visit(const struct httpmsg *);

/** httpreq_allow - write the line "Allow:" for the methods in @mask. */
void httpreq_allow(struct wr *, unsigned mask);

#endif
