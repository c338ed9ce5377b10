/* SPDX-License-Identifier: ISC */
/*
 * out.c - write buffered text to standard output.
 *
 * Owns: the buffer and the first write error, which out_flush() returns, so
 * that a full disk or a closed pipe makes the command fail.
 * Runs in: upnpctl
 */
#include <unistd.h>
#include "upnpctl/out.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "sys/fileio.h"

static struct {
	char buf[4096];
	size_t len;
	int err;
} out;

int out_flush(void)
{
	if (!out.err)
		out.err = fileio_write(STDOUT_FILENO,
				     (struct str){ out.buf, out.len });
	out.len = 0;
	return out.err;
}

void out_ch(char c)
{
	if (out.len == sizeof(out.buf))
		out_flush();
	out.buf[out.len++] = c;
}

void out_str(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		out_ch(s.p[i]);
}

void out_fmt(const char *fmt, ...)
{
	char text[1024];
	struct wr w = wr_init_cut(text, sizeof(text));
	va_list ap;

	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	out_str(wr_done(&w));
}

void out_pad(struct str s, unsigned width)
{
	for (size_t i = 0; i < s.n; i++)
		out_ch(text_allows(TEXT_NO_CONTROL, s.p[i]) ? s.p[i] : '?');
	for (unsigned columns = utf8_count(s); columns < width; columns++)
		out_ch(' ');
}
