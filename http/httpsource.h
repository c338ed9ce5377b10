/* SPDX-License-Identifier: ISC */
/*
 * httpsource.h - the body of a reply that is written while it is sent, because
 * it does not fit into a buffer. Runs in: engine
 */
#ifndef HTTP_HTTPSOURCE_H
#define HTTP_HTTPSOURCE_H

#include <stddef.h>
#include <stdint.h>
#include "base/wr.h"

#define HTTPSOURCE_AT_MAX 96	/* bytes of an owner's position */

/* struct httpsource.left: the length is not known before the body is written.
 * The reply is sent in chunks (RFC 9112 7.1), to an HTTP/1.0 client until the
 * connection closes. */
#define HTTPSOURCE_OPEN SIZE_MAX

/* Copied into the connection, so it points to nothing but its owner. */
struct httpsource {
	/**
	 * write - write the next bytes of the body.
	 * @at: the owner's position, from httpsource.at; moved on
	 * @left: bytes of the body that are not yet written, above 0, or
	 *        HTTPSOURCE_OPEN
	 *
	 * Writes at most @left bytes, and at least one if @w has room for
	 * HTTPSOURCE_ROOM bytes. If the length is not known, it writes nothing
	 * at the end of the body.
	 */
	void (*write)(void *arg, void *at, size_t left, struct wr *w);
	void *arg;		/* lives as long as the server */
	size_t left;		/* length of the body, or HTTPSOURCE_OPEN; 0:
				 * there is none */
	uint64_t at[HTTPSOURCE_AT_MAX / sizeof(uint64_t)];
};

/* The longest piece that a source cannot divide. */
#define HTTPSOURCE_ROOM 4096

#endif
