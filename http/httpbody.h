/* SPDX-License-Identifier: ISC */
/*
 * httpbody.h - decode the body of an HTTP message in place, as it arrives; by
 * length or chunked. Pure. Runs in: engine
 */
#ifndef HTTP_HTTPBODY_H
#define HTTP_HTTPBODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpbody {
	uint32_t n;		/* bytes of body decoded so far */
	uint32_t left;		/* private: bytes left of the body or chunk */
	uint32_t line_n;	/* private: bytes since the last chunk's data */
	uint8_t state;		/* private */
	bool chunked;		/* private */
};

/** httpbody_length - start a body of @length bytes, at most HTTP_BODY_MAX
 * (checked by the caller). 0: it is complete at once. */
void httpbody_length(struct httpbody *, uint32_t length);

/** httpbody_chunked - start a chunked body. Chunk extensions and trailers are
 * skipped. */
void httpbody_chunked(struct httpbody *);

/**
 * httpbody_feed - decode the bytes that have arrived.
 * @buf: the b->n bytes decoded so far, followed by new bytes
 * @len: in: bytes at @buf; out: b->n, plus, if the body is complete, the bytes
 *       after it, which are moved down to follow it directly
 *
 * Lines must end in CRLF: only old clients omit the CR, and they do not send
 * chunks.
 *
 * Return: 1 the body is complete, 0 need more, -400 bad chunk, -413 body above
 * HTTP_BODY_MAX, -431 a chunk's line or all trailers above HTTP_HEAD_MAX.
 * After an error @b and @buf are invalid.
 * Source: RFC 9112 7.1
 */
int httpbody_feed(struct httpbody *b, char *buf, size_t *len);

#endif
