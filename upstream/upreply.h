/* SPDX-License-Identifier: ISC */
/* upreply.h - the body of the upstream's answer by HTTP. Pure.
 * Runs in: engine */
#ifndef UPSTREAM_UPREPLY_H
#define UPSTREAM_UPREPLY_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

/**
 * upreply_body - find the body of an answer.
 * @buf: the @n bytes that have arrived; a chunked body is decoded in place, if
 *       the answer is complete
 * @eof: the peer has closed: no more will arrive
 * @ret_status, @ret_body: set only if it is complete
 *
 * The request has "Connection: close": an answer without a length, or a chunked
 * one, is complete at the end of the connection.
 *
 * Return: 1 complete, 0 need more, -1 it is not an answer, or is cut
 */
int upreply_body(char *buf, size_t n, bool eof, unsigned *ret_status,
		 struct str *ret_body);

#endif
