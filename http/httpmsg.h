/* SPDX-License-Identifier: ISC */
/*
 * httpmsg.h - parse the head of an HTTP or SSDP message: start line and fields.
 *
 * The result points into the caller's buffer; nothing is copied or changed. One
 * parser for requests and responses, for HTTP/1.x over TCP and HTTPU.
 * Runs in: any
 */
#ifndef HTTP_HTTPMSG_H
#define HTTP_HTTPMSG_H

#include <sys/types.h>
#include "base/limits.h"
#include "base/str.h"

struct httpmsg_field {
	struct str name, value;	/* value without white space around it */
};

struct httpmsg {
	/* request line: method SP target SP HTTP/1.x */
	struct str method, target;
	/* status line: HTTP/1.x SP nnn; 0 for a request */
	unsigned status;
	unsigned minor;		/* HTTP/1.minor */
	struct httpmsg_field field[HTTP_HEADERS_MAX];
	size_t field_n;
};

/**
 * httpmsg_parse - parse a head up to and including its empty line.
 * @buf, @len: the bytes that have arrived; the slices in @ret point into them
 * @ret:       set only if the head is complete
 *
 * Lines end in CRLF; a lone LF is accepted (old clients). Empty lines before
 * the start line are skipped (RFC 9112 2.2). A continuation line, white space
 * before the colon, a NUL or other control character, an empty name or a name
 * that is not a token are errors (RFC 9112 5). A value may be empty, and a
 * colon need not be followed by a space (libtorrent sends ST:upnp:rootdevice).
 *
 * Return: >0 bytes of the head, 0 need more, -400 bad syntax,
 * -431 more than HTTP_HEADERS_MAX fields, -505 not HTTP/1.x
 */
ssize_t httpmsg_parse(const char *buf, size_t len, struct httpmsg *ret);

/** httpmsg_get - the value of the first field @name (case-insensitive). Return:
 * false: there is none, and @ret is not set */
bool httpmsg_get(const struct httpmsg *, struct str name, struct str *ret);

/** httpmsg_count - the number of fields with that name (Host and Content-Length
 * must occur once). */
size_t httpmsg_count(const struct httpmsg *, struct str name);

/** httpmsg_has_token - is @token in the comma-separated list of field @name (in
 * all its occurrences)? Case-insensitive. For Connection, Transfer-Encoding,
 * Expect. */
bool httpmsg_has_token(const struct httpmsg *, struct str name,
		       struct str token);

#endif
