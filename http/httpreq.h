/* SPDX-License-Identifier: ISC */
/*
 * httpreq.h - what an HTTP request asks for, and whether it may ask at all:
 * method, path, Host, how its body is framed, what becomes of the connection.
 *
 * Pure: looks at a head that httpmsg has parsed.
 *
 * Runs in: engine
 */
#ifndef HTTP_HTTPREQ_H
#define HTTP_HTTPREQ_H

#include <stdbool.h>
#include <stdint.h>
#include "base/wr.h"
#include "http/httpmsg.h"
#include "base/str.h"

enum http_method {
	HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4,
	HTTP_SUBSCRIBE = 8, HTTP_UNSUBSCRIBE = 16,
};

struct httpreq {
	unsigned method;	/* enum http_method; 0: one that HTTP knows and
				 * that is served nowhere */
	struct str path;	/* decoded, without query, begins with / */
	bool keep;		/* the client would keep the connection */
	bool old;		/* HTTP/1.0: keeping it has to be told */
	bool expect;		/* it waits for 100 before it sends the body */
	bool chunked;
	uint32_t length;	/* of the body, where it is not chunked */
};

/**
 * httpreq_read - check a request's head and say what it asks for.
 * @own_ip, @own_port: the address that the connection came in on. Host, and
 *          the authority of an absolute target, must name it, else 403:
 *          another name means that a browser was led here by DNS rebinding.
 *          So does an Origin, or a Referer of what is no GET, mean a browser.
 * @path:   written to; room for HTTP_HEAD_MAX is always enough
 * @ret:    set only on success; points into @path's buffer
 *
 * Return: 0, or minus the status to answer with: 400, 403, 411, 413, 431, 501
 * Source: RFC 9112 2.2, 3.2, 6.1-6.3, 9.3; RFC 9110 10.1.1
 */
int httpreq_read(const struct httpmsg *, uint32_t own_ip, uint16_t own_port,
		 struct wr *path, struct httpreq *ret);

/** httpreq_allow - write the line "Allow:" for the methods in @mask. */
void httpreq_allow(struct wr *, unsigned mask);

#endif
