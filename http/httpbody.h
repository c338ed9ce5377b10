/* SPDX-License-Identifier: ISC */
/*
 * httpbody.h - the body of an HTTP message, by length or chunked, decoded in
 * place as it comes. Pure.
 *
 * Runs in: engine
 */
#ifndef HTTP_HTTPBODY_H
#define HTTP_HTTPBODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpbody {
	uint32_t n;		/* bytes of body decoded so far */
	uint32_t left;		/* private: of the body or of this chunk */
	uint32_t line_n;	/* private: bytes since the last chunk's data */
	uint8_t state;		/* private */
	bool chunked;		/* private */
};

/** httpbody_length - a body of @length bytes, which the caller has checked
 * against HTTP_BODY_MAX. 0: it is whole at once. */
void httpbody_length(struct httpbody *, uint32_t length);

/** httpbody_chunked - a chunked body. Its chunks' extensions and its trailers
 * are passed over. */
void httpbody_chunked(struct httpbody *);

/**
 * httpbody_feed - decode what has come.
 * @buf: the place of the body: the b->n bytes decoded so far, then new ones
 * @len: in: bytes at @buf; out: b->n, and when the body is whole, what came
 *       after it, moved down to stand right behind it
 *
 * Line ends must be CRLF: no client that sends chunks is so old that it
 * leaves the CR out.
 *
 * Return: 1 the body is whole, 0 need more, -400 bad chunk, -413 body above
 * HTTP_BODY_MAX, -431 a chunk's line or all trailers above HTTP_HEAD_MAX.
 * After an error neither @b nor @buf means anything.
 * Source: RFC 9112 7.1
 */
int httpbody_feed(struct httpbody *b, char *buf, size_t *len);

#endif
