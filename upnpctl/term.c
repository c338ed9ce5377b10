/* SPDX-License-Identifier: ISC */
/* term.c - what standard output can show. Runs in: upnpctl */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/utf8.h"
#include "upnpctl/out.h"
#include "upnpctl/term.h"

/* A table needs this many columns for its numbers and one word. */
#define WIDTH_MIN 20
#define WIDTH_MAX 10000
#define WIDTH_DEFAULT 80	/* a serial line does not know its size */

unsigned term_width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	uint32_t n;

	if (!isatty(fd))
		return 0;
	if (columns && !str_u32(str_z(columns), 1, WIDTH_MAX, &n))
		return n < WIDTH_MIN ? WIDTH_MIN : n;
	if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

unsigned term_width(void)
{
	return term_width_of(STDOUT_FILENO);
}

static bool has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (!no || !*no) && term && *term && strcmp(term, "dumb") &&
	       isatty(STDOUT_FILENO);
}

void term_colour(enum term_colour c)
{
	static const char *const codes[] = {
		[TERM_PLAIN] = "\033[0m", [TERM_GOOD] = "\033[32m",
		[TERM_WARNING] = "\033[33m", [TERM_PROBLEM] = "\033[1;31m",
	};

	if (has_colours())
		out_str(str_z(codes[c]));
}

size_t term_line(struct str s, unsigned room)
{
	size_t fits = utf8_fit(s, room), n = fits;

	if (fits == s.n || s.p[fits] == ' ')
		return fits;
	while (n && s.p[n - 1] != ' ')
		n--;
	while (n && s.p[n - 1] == ' ')
		n--;
	if (n)
		return n;
	/* a longer word is broken, a list of addresses at its commas */
	for (n = fits; n && s.p[n - 1] != ',';)
		n--;
	n = n ? n : fits;
	return n ? n : 1;	/* a character that is wider than the room */
}

void term_wrap(struct str s, unsigned column)
{
	unsigned width = term_width();
	unsigned room = width > column + WIDTH_MIN / 2 ? width - column :
						     WIDTH_MIN / 2;

	for (;;) {
		size_t n = width ? term_line(s, room) : s.n;

		out_pad((struct str){ s.p, n }, 0);
		out_ch('\n');
		s = str_skip(s, n);
		while (s.n && *s.p == ' ')
			s = str_skip(s, 1);
		if (!s.n)
			return;
		out_pad(STR(""), column);
	}
}
