/* SPDX-License-Identifier: ISC */
/* cmd.c - report errors; the arguments of a command. Runs in: upnpctl */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "upnpctl/cmd.h"
#include "base/text.h"
#include "base/wr.h"
#include "upnpctl/term.h"

#define NAME "upnpctl: "

static unsigned script_line;
static bool as_json, quiet;

void *cmd_large(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		exit(cmd_fail(CMD_FAULT, "out of memory"));
	return p;
}

void cmd_set_line(unsigned line)
{
	script_line = line;
}

void cmd_set_json(bool on)
{
	as_json = on;
}

bool cmd_set_quiet(bool on)
{
	bool was = quiet;

	quiet = on;
	return was;
}

/* Write one line, as write_text() does. */
static void write_json(int status, struct str text)
{
	char line[2 * 1024 + 64];
	struct wr w = wr_init(line, sizeof(line));

	text = str_skip(text, sizeof(NAME) - 1);
	wr_z(&w, status ? "{\"error\": \"" : "{\"notice\": \"");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			wr_ch(&w, '\\');
		/* the text may be cut inside a character */
		text_put(TEXT_ASCII, &w, (struct str){ text.p + i, 1 });
	}
	wr_fmt(&w, "\", \"status\": %d}\n", status);
	if (write(STDERR_FILENO, line, w.len) < 0)
		return;
}

/* Write the text with one write(). On a terminal its lines are broken at
 * spaces, without indentation, so that a command can be copied from them. */
static void write_text(struct str s)
{
	char lines[2 * 1024];
	struct wr w = wr_init_cut(lines, sizeof(lines));
	unsigned width = term_width_of(STDERR_FILENO);
	size_t n;

	do {
		n = width ? term_line(s, width) : s.n;
		wr_str(&w, (struct str){ s.p, n });
		wr_ch(&w, '\n');
		s = str_skip(s, n);
		s = str_skip(s, str_starts(s, STR(" ")));
	} while (s.n);
	if (write(STDERR_FILENO, lines, w.len) < 0)
		return;		/* stderr is closed; nothing else to do */
}

int cmd_fail(int status, const char *fmt, ...)
{
	char text[1024];
	struct wr w = wr_init_cut(text, sizeof(text) - 1);
	va_list ap;

	if (quiet)
		return status;
	wr_z(&w, NAME);
	if (script_line)
		wr_fmt(&w, "line %u: ", script_line);
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	/* the text may quote the arguments and be printed on a terminal */
	text_clean(TEXT_NO_CONTROL, text, w.len);
	if (as_json)
		write_json(status, (struct str){ text, w.len });
	else
		write_text((struct str){ text, w.len });
	return status;
}

bool cmd_key(const struct cmd *c, const char *key, struct str *ret_value)
{
	struct str rest, head;

	for (size_t i = 0; i < c->n; i++) {
		rest = c->arg[i];
		if (c->kind[i] != CMD_KEY || !str_cut(&rest, '=', &head) ||
		    head.n == c->arg[i].n || !str_eq(head, str_z(key)))
			continue;
		*ret_value = rest;
		return true;
	}
	return false;
}

bool cmd_word(const struct cmd *c, const char *word)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->kind[i] == CMD_WORD && str_eq(c->arg[i], str_z(word)))
			return true;
	return false;
}
