/* SPDX-License-Identifier: ISC */
/*
 * fuzz.h - shared by the fuzz targets. A target is a file with
 * LLVMFuzzerTestOneInput(); it ends the program if a property does not hold.
 * Include it once.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* At how many lengths replay.c cuts a file, if the target defines it. */
extern const unsigned fuzz_cuts_max __attribute__((weak));

/* A property of the program. */
#define CHECK(x) do { if (!(x)) fuzz_fail(__FILE__, __LINE__, #x); } while (0)

static inline _Noreturn void fuzz_fail(const char *file, int line,
				       const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}

/* ---- reading the input --------------------------------------------------- */

/* The next byte; 0 if there is none left. */
static inline uint8_t fuzz_u8(struct str *in)
{
	uint8_t c = in->n ? (uint8_t)in->p[0] : 0;

	*in = str_skip(*in, 1);
	return c;
}

static inline uint16_t fuzz_u16(struct str *in)
{
	uint16_t hi = fuzz_u8(in);

	return (uint16_t)(hi << 8 | fuzz_u8(in));
}

static inline uint32_t fuzz_u32(struct str *in)
{
	uint32_t hi = fuzz_u16(in);

	return hi << 16 | fuzz_u16(in);
}

/* The plan of a run: bytes that decide its course, used in a cycle. */
struct fuzz_plan {
	struct str s;
	size_t at;
};

static inline uint8_t fuzz_next(struct fuzz_plan *plan)
{
	return plan->s.n ? (uint8_t)plan->s.p[plan->at++ % plan->s.n] : 0;
}

/* Read the plan from the first line. */
static inline struct fuzz_plan fuzz_plan(struct str *in)
{
	struct fuzz_plan plan = { { NULL, 0 }, 0 };

	str_cut(in, '\n', &plan.s);
	return plan;
}

/* ---- memory -------------------------------------------------------------- */

/* A copy that ends where its allocation ends. The caller frees it. */
static inline struct str fuzz_copy(struct str s)
{
	char *p = malloc(s.n ? s.n : 1);

	if (!p)
		abort();
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

/*
 * The same, with long runs made from few bytes: after a byte, US (0x1f) and a
 * number append it 64 times that number. So a small file reaches the limits.
 */
static inline struct str fuzz_blow_up(struct str in, size_t max)
{
	char *p = malloc(max + 1);
	size_t n = 0, more;

	if (!p)
		abort();
	while (in.n && n < max) {
		p[n++] = (char)fuzz_u8(&in);
		if (in.n < 2 || in.p[0] != 0x1f)
			continue;
		fuzz_u8(&in);
		more = 64u * fuzz_u8(&in);
		more = more < max - n ? more : max - n;
		memset(p + n, p[n - 1], more);
		n += more;
	}
	in = fuzz_copy((struct str){ p, n });
	free(p);
	return in;
}

static inline void fuzz_free(struct str s)
{
	free((void *)(uintptr_t)s.p);
}

/* ---- checks of the output ------------------------------------------------ */

/* Is @in a part of @whole? */
static inline bool fuzz_inside(struct str in, struct str whole)
{
	return !in.n || (in.p >= whole.p && in.p + in.n <= whole.p + whole.n);
}

/* Visible ASCII and space: no control character, no newline. */
static inline bool fuzz_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

#endif
