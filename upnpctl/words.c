/* SPDX-License-Identifier: ISC */
/*
 * words.c - split command lines into words, with RouterOS's quoting.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include "upnpctl/words.h"
#include "base/wr.h"

/* The rest of the text, and the current word. */
struct reader {
	struct words *words;
	struct str rest;
	unsigned line;
	size_t start;		/* of the word, in words->buf */
	const char *why;
};

void words_init(struct words *w)
{
	w->n = 0;
	w->line = 0;
	w->text = wr_init(w->buf, sizeof(w->buf));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char peek(const struct reader *r)
{
	return r->rest.n ? *r->rest.p : '\n';
}

static char next_char(struct reader *r)
{
	char c = peek(r);

	r->line += r->rest.n && c == '\n';
	r->rest = str_skip(r->rest, 1);
	return c;
}

static void skip_blank(struct reader *r)
{
	while (r->rest.n && is_blank(peek(r)))
		next_char(r);
}

static int fail(struct reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

/* The next character is "\". If it ends the line, skip to the first word of the
 * next line. */
static bool join_line(struct reader *r)
{
	struct str s = str_skip(r->rest, 1);

	if (str_starts(s, STR("\r\n")))
		s = str_skip(s, 1);
	if (s.n && *s.p != '\n')
		return false;
	r->rest = s;
	next_char(r);
	skip_blank(r);
	return true;
}

/* Read the characters after "\". The letters a, b and f are escapes unless a
 * second hexadecimal digit follows.
 * @ret_c: the character that the escape stands for */
static int read_escape(struct reader *r, char *ret_c)
{
	static const char from[] = "\"\\nrt$?_abfv";
	static const char to[] = "\"\\\n\r\t$? \a\b\f\v";
	int high = str_hex(peek(r)), low = -1;
	const char *p;
	char c;

	if (high >= 0 && r->rest.n > 1)
		low = str_hex(r->rest.p[1]);
	if (low >= 0) {
		next_char(r);
		next_char(r);
		*ret_c = (char)(high << 4 | low);
		return 0;
	}
	c = peek(r);
	p = c ? strchr(from, c) : NULL;
	if (!p)
		return fail(r, "unknown escape; write a backslash as \\\\");
	next_char(r);
	*ret_c = to[p - from];
	return 0;
}

/* Read up to the closing quote. The opening quote has been read. */
static int read_quoted(struct reader *r)
{
	int err = 0;
	char c;

	while (!err) {
		if (!r->rest.n)
			return fail(r, "a quote is not closed; add \"");
		if (peek(r) == '\\' && join_line(r))
			continue;
		c = next_char(r);
		if (c == '"')
			return 0;
		if (c == '\\')
			err = read_escape(r, &c);
		if (!err)
			wr_ch(&r->words->text, c);
	}
	return err;
}

static bool ends_word(char c)
{
	return is_blank(c) || c == '\n' || c == '\r' || c == ';';
}

/* Read "[...]" as it is. Spaces do not end it, nor does a "]" in quotes. */
static int read_bracket(struct reader *r)
{
	bool quoted = false;

	while (r->rest.n && (quoted || peek(r) != ']') && peek(r) != '\n') {
		char c = next_char(r);

		wr_ch(&r->words->text, c);
		if (quoted && c == '\\' && peek(r) != '\n')
			wr_ch(&r->words->text, next_char(r));
		quoted ^= c == '"';
	}
	if (peek(r) != ']')
		return fail(r, "a bracket is not closed; add ]");
	wr_ch(&r->words->text, next_char(r));
	return 0;
}

/* Can a bracket begin here? It can in a word or a value that is empty yet. */
static bool can_begin(const struct words *w, size_t start)
{
	return w->text.len == start || w->buf[w->text.len - 1] == '=';
}

static int read_word(struct reader *r)
{
	struct words *w = r->words;
	int err = 0;
	char c;

	if (w->n == CMD_ARGS_MAX)
		return fail(r, "too many words");
	r->start = w->text.len;
	while (!err && !ends_word(peek(r))) {
		if (peek(r) == '\\' && join_line(r))
			continue;
		if (peek(r) == '[' && can_begin(w, r->start)) {
			err = read_bracket(r);
			continue;
		}
		c = next_char(r);
		if (c == '"')
			err = read_quoted(r);
		else if (c == '\\')
			err = read_escape(r, &c);
		if (!err && c != '"')
			wr_ch(&w->text, c);
	}
	if (!err && w->text.over)
		err = fail(r, "the command is too long");
	if (!err)
		w->at[w->n++] = (struct str){ w->buf + r->start,
					      w->text.len - r->start };
	return err;
}

/* Skip white space, joined lines and a comment. Return: a word follows */
static bool skip_to_word(struct reader *r)
{
	do
		skip_blank(r);
	while (peek(r) == '\\' && r->rest.n && join_line(r));
	if (r->rest.n && peek(r) == '#')
		while (peek(r) != '\n')
			next_char(r);
	return !ends_word(peek(r));
}

/* Read one command, up to the end of the line or ";". */
static int read_command(struct reader *r)
{
	int err = 0;

	while (!err && skip_to_word(r)) {
		if (!r->words->n)
			r->words->line = r->line;
		err = read_word(r);
	}
	if (!err)
		next_char(r);
	return err;
}

int words_next(struct words *w, struct str *rest, unsigned *line,
	       const char **ret_why)
{
	struct reader r = { .words = w, .rest = *rest, .line = *line };
	int err = 0;

	words_init(w);
	while (!err && r.rest.n && !w->n)
		err = read_command(&r);
	if (err) {
		w->line = r.line;
		*ret_why = r.why;
		return err;
	}
	*rest = r.rest;
	*line = r.line;
	return 0;
}

/* Is the argument a whole line that the shell has not split? */
static bool is_line(struct str arg)
{
	struct str rest = arg, key;

	for (size_t i = 0; i < arg.n && arg.p[i] != '='; i++)
		if (is_blank(arg.p[i]) || arg.p[i] == '\n')
			return true;
	return str_cut(&rest, '=', &key) && str_starts(rest, STR("\""));
}

int words_add(struct words *w, struct str arg, bool whole, const char **ret_why)
{
	struct reader r = { .words = w, .rest = arg };
	int err = 0;

	if (!whole && is_line(arg)) {
		while (!err && r.rest.n)
			err = read_command(&r);
		*ret_why = r.why;
		return err;
	}
	if (w->n == CMD_ARGS_MAX) {
		*ret_why = "too many words";
		return -EINVAL;
	}
	w->at[w->n++] = arg;
	return 0;
}
