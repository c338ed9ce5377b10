/* SPDX-License-Identifier: ISC */
/*
 * httpbody.c - decode the body of an HTTP message in place, as it arrives.
 *
 * A state table handles each byte, except for data, which are moved in one
 * piece.
 * Invariant: b->n + b->left <= HTTP_BODY_MAX.
 * Runs in: engine
 */
#include <string.h>
#include "http/httpbody.h"
#include "base/limits.h"
#include "base/str.h"

enum state {
	BAD,			/* 0: the byte has no entry in the table */
	SIZE0, SIZE, EXT, SIZE_LF,
	DATA, DATA_CR, DATA_LF,
	LINE, TRAILER, TRAILER_LF, LAST_LF,
	DONE,
};

enum class { HEX, CR, LF, SEMI, BLANK, TEXT, CONTROL, CLASS__MAX };

/* After a size line of 0, step() replaces DATA by LINE. */
static const uint8_t next_state[DONE][CLASS__MAX] = {
	[SIZE0] = { [HEX] = SIZE },
	[SIZE] = { [HEX] = SIZE, [SEMI] = EXT, [BLANK] = EXT, [CR] = SIZE_LF },
	[EXT] = { [HEX] = EXT, [SEMI] = EXT, [BLANK] = EXT, [TEXT] = EXT,
		  [CR] = SIZE_LF },
	[SIZE_LF] = { [LF] = DATA },
	[DATA_CR] = { [CR] = DATA_LF },
	[DATA_LF] = { [LF] = SIZE0 },
	[LINE] = { [HEX] = TRAILER, [SEMI] = TRAILER, [BLANK] = TRAILER,
		   [TEXT] = TRAILER, [CR] = LAST_LF },
	[TRAILER] = { [HEX] = TRAILER, [SEMI] = TRAILER, [BLANK] = TRAILER,
		      [TEXT] = TRAILER, [CR] = TRAILER_LF },
	[TRAILER_LF] = { [LF] = LINE },
	[LAST_LF] = { [LF] = DONE },
};

static enum class class_of(unsigned char c)
{
	switch (c) {
	case '\r':
		return CR;
	case '\n':
		return LF;
	case ';':
		return SEMI;
	case ' ':
	case '\t':
		return BLANK;
	}
	if (str_hex((char)c) >= 0)
		return HEX;
	return c < 0x20 || c == 0x7f ? CONTROL : TEXT;
}

void httpbody_length(struct httpbody *b, uint32_t length)
{
	*b = (struct httpbody){ .left = length,
				.state = length ? DATA : DONE };
}

void httpbody_chunked(struct httpbody *b)
{
	*b = (struct httpbody){ .state = SIZE0, .chunked = true };
}

/* Handle one byte that is not data. */
static int step(struct httpbody *b, unsigned char c)
{
	b->state = next_state[b->state][class_of(c)];
	if (b->state == BAD)
		return -400;
	if (++b->line_n > HTTP_HEAD_MAX)
		return -431;
	if (b->state == SIZE) {
		b->left = b->left << 4 | (uint32_t)str_hex((char)c);
		if (b->left > HTTP_BODY_MAX - b->n)
			return -413;
	}
	if (b->state == DATA) {
		b->line_n = 0;
		if (!b->left)
			b->state = LINE;
	}
	return 0;
}

/* Move the data at @at down to the end of the decoded body. */
static size_t move_data(struct httpbody *b, char *buf, size_t at, size_t len)
{
	size_t n = len - at;

	if (n > b->left)
		n = b->left;
	memmove(buf + b->n, buf + at, n);
	b->n += (uint32_t)n;
	b->left -= (uint32_t)n;
	if (!b->left)
		b->state = b->chunked ? DATA_CR : DONE;
	return n;
}

int httpbody_feed(struct httpbody *b, char *buf, size_t *len)
{
	size_t at = b->n;
	int err;

	while (at < *len && b->state != DONE) {
		if (b->state == DATA) {
			at += move_data(b, buf, at, *len);
			continue;
		}
		err = step(b, (unsigned char)buf[at++]);
		if (err)
			return err;
	}
	memmove(buf + b->n, buf + at, *len - at);
	*len -= at - b->n;
	return b->state == DONE;
}
