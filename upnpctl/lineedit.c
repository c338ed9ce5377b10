/* SPDX-License-Identifier: ISC */
/* lineedit.c - edits one line. Runs in: upnpctl */
#include <string.h>
#include "base/utf8.h"
#include "upnpctl/lineedit.h"

#define CTRL(letter) ((letter) & 0x1f)
#define ESC 0x1b
#define DEL 0x7f

/* ---- characters ------------------------------------------------------ */

static bool is_inner(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t before(const struct lineedit *e, size_t at)
{
	while (at && is_inner(e->text[--at]))
		;
	return at;
}

static size_t after(const struct lineedit *e, size_t at)
{
	if (at < e->len)
		at++;
	while (at < e->len && is_inner(e->text[at]))
		at++;
	return at;
}

static size_t word_before(const struct lineedit *e)
{
	size_t at = e->at;

	while (at && e->text[at - 1] == ' ')
		at--;
	while (at && e->text[at - 1] != ' ')
		at--;
	return at;
}

static size_t word_after(const struct lineedit *e)
{
	size_t at = e->at;

	while (at < e->len && e->text[at] == ' ')
		at++;
	while (at < e->len && e->text[at] != ' ')
		at++;
	return at;
}

/* ---- changes --------------------------------------------------------- */

static void insert(struct lineedit *e, struct str s)
{
	if (s.n > LINEEDIT_MAX - 1 - e->len)
		return;
	memmove(e->text + e->at + s.n, e->text + e->at, e->len - e->at);
	memcpy(e->text + e->at, s.p, s.n);
	e->len += s.n;
	e->at += s.n;
}

/* Delete the bytes from @lo to @hi. @keep: for Ctrl-Y */
static void cut(struct lineedit *e, size_t lo, size_t hi, bool keep)
{
	if (keep && hi > lo)
		str_copy(e->cut, sizeof(e->cut),
			 (struct str){ e->text + lo, hi - lo });
	memmove(e->text + lo, e->text + hi, e->len - hi);
	e->len -= hi - lo;
	e->at = lo;
}

static void set_text(struct lineedit *e, const char *text)
{
	e->len = strlen(text);
	memcpy(e->text, text, e->len);
	e->at = e->len;
}

/* Is the cursor in quotes, where "?" is text? */
static bool is_quoted(const struct lineedit *e)
{
	bool quoted = false;

	for (size_t i = 0; i < e->at; i++) {
		if (e->text[i] == '\\')
			i++;
		else if (e->text[i] == '"')
			quoted = !quoted;
	}
	return quoted;
}

void lineedit_replace(struct lineedit *e, size_t from, struct str text)
{
	if (from > e->at || text.n > LINEEDIT_MAX - 1 - (e->len -
							 (e->at - from)))
		return;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == DEL)
			return;
	cut(e, from, e->at, false);
	insert(e, text);
}

/* ---- history --------------------------------------------------------- */

static char *past_at(struct lineedit *e, size_t back)
{
	return e->past[(e->past_n - back) % LINEEDIT_HISTORY];
}

static void go_back(struct lineedit *e, size_t back)
{
	if (back > e->past_n || back > LINEEDIT_HISTORY)
		return;
	if (!e->back)
		str_copy(e->draft, sizeof(e->draft), lineedit_line(e));
	e->back = back;
	set_text(e, back ? past_at(e, back) : e->draft);
}

void lineedit_remember(struct lineedit *e)
{
	if (!e->len || (e->past_n && str_eq(lineedit_line(e),
					    str_z(past_at(e, 1)))))
		return;
	e->past_n++;
	str_copy(past_at(e, 1), LINEEDIT_MAX, lineedit_line(e));
}

/* ---- keys ------------------------------------------------------------ */

enum key {
	KEY_NONE, KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END,
	KEY_DELETE, KEY_WORD_LEFT, KEY_WORD_RIGHT,
};

static void press(struct lineedit *e, enum key key)
{
	switch (key) {
	case KEY_UP:
		go_back(e, e->back + 1);
		break;
	case KEY_DOWN:
		if (e->back)
			go_back(e, e->back - 1);
		break;
	case KEY_RIGHT:
		e->at = after(e, e->at);
		break;
	case KEY_LEFT:
		e->at = before(e, e->at);
		break;
	case KEY_HOME:
		e->at = 0;
		break;
	case KEY_END:
		e->at = e->len;
		break;
	case KEY_DELETE:
		cut(e, e->at, after(e, e->at), false);
		break;
	case KEY_WORD_LEFT:
		e->at = word_before(e);
		break;
	case KEY_WORD_RIGHT:
		e->at = word_after(e);
		break;
	case KEY_NONE:
		break;
	}
}

/* The sequences of xterm, the Linux console, screen and rxvt, after ESC. */
static enum key key_of(const char *seq)
{
	static const struct {
		const char *seq;
		uint8_t key;
	} keys[] = {
		{ "[A", KEY_UP }, { "OA", KEY_UP }, { "[B", KEY_DOWN },
		{ "OB", KEY_DOWN }, { "[C", KEY_RIGHT }, { "OC", KEY_RIGHT },
		{ "[D", KEY_LEFT }, { "OD", KEY_LEFT }, { "[H", KEY_HOME },
		{ "OH", KEY_HOME }, { "[1~", KEY_HOME }, { "[7~", KEY_HOME },
		{ "[F", KEY_END }, { "OF", KEY_END }, { "[4~", KEY_END },
		{ "[8~", KEY_END }, { "[3~", KEY_DELETE },
		{ "[1;5D", KEY_WORD_LEFT }, { "[1;5C", KEY_WORD_RIGHT },
		{ "b", KEY_WORD_LEFT }, { "f", KEY_WORD_RIGHT },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(seq, keys[i].seq))
			return keys[i].key;
	return KEY_NONE;
}

/* A sequence is ESC and a character, or ESC [ or O, parameters and a final
 * byte (ECMA-48 5.4). An unknown one is ignored. */
static void read_escape(struct lineedit *e, char c)
{
	const size_t n = e->esc_n - 1;	/* bytes after ESC, without @c */
	const bool opens = n == 0 && (c == '[' || c == 'O');

	if (e->esc_n < sizeof(e->esc) - 1)
		e->esc[e->esc_n++] = c;
	if (opens || (n && c >= ' ' && c < '@'))
		return;
	e->esc[e->esc_n] = '\0';
	e->esc_n = 0;
	press(e, key_of(e->esc + 1));
}

/* Collect the bytes of one character. */
static void read_text(struct lineedit *e, char c)
{
	struct str s;
	uint32_t code;

	if (!is_inner(c))
		e->utf8_n = 0;
	e->utf8[e->utf8_n++] = c;
	s = (struct str){ e->utf8, e->utf8_n };
	if (utf8_get(s, &code) == s.n) {
		e->utf8_n = 0;
		if (!utf8_is_control(code))
			insert(e, s);
	}
	if (e->utf8_n == sizeof(e->utf8))
		e->utf8_n = 0;		/* no character */
}

static enum lineedit_event read_control(struct lineedit *e, char c)
{
	switch (c) {
	case '\r':
	case '\n':
		return LINEEDIT_LINE;
	case '\t':
		return LINEEDIT_TAB;
	case CTRL('c'):
		return LINEEDIT_CANCEL;
	case CTRL('d'):
		if (!e->len)
			return LINEEDIT_END;
		press(e, KEY_DELETE);
		break;
	case CTRL('l'):
		return LINEEDIT_CLEAR;
	case CTRL('z'):
		return LINEEDIT_STOP;
	case CTRL('a'):
		press(e, KEY_HOME);
		break;
	case CTRL('e'):
		press(e, KEY_END);
		break;
	case CTRL('b'):
		press(e, KEY_LEFT);
		break;
	case CTRL('f'):
		press(e, KEY_RIGHT);
		break;
	case CTRL('p'):
		press(e, KEY_UP);
		break;
	case CTRL('n'):
		press(e, KEY_DOWN);
		break;
	case CTRL('h'):
	case DEL:
		cut(e, before(e, e->at), e->at, false);
		break;
	case CTRL('k'):
		cut(e, e->at, e->len, true);
		break;
	case CTRL('u'):
		cut(e, 0, e->at, true);
		break;
	case CTRL('w'):
		cut(e, word_before(e), e->at, true);
		break;
	case CTRL('y'):
		insert(e, str_z(e->cut));
		break;
	case ESC:
		e->esc[0] = ESC;
		e->esc_n = 1;
		break;
	}
	return LINEEDIT_MORE;
}

enum lineedit_event lineedit_key(struct lineedit *e, char c)
{
	if (e->esc_n) {
		read_escape(e, c);
		return LINEEDIT_MORE;
	}
	if ((unsigned char)c < ' ' || c == DEL)
		return read_control(e, c);
	if (c == '?' && !is_quoted(e))
		return LINEEDIT_HELP;
	read_text(e, c);
	return LINEEDIT_MORE;
}

/* ---- the line -------------------------------------------------------- */

void lineedit_begin(struct lineedit *e)
{
	e->len = e->at = e->from = e->back = 0;
	e->esc_n = e->utf8_n = 0;
}

struct str lineedit_line(const struct lineedit *e)
{
	return (struct str){ e->text, e->len };
}

struct str lineedit_before(const struct lineedit *e)
{
	return (struct str){ e->text, e->at };
}

static unsigned columns(const struct lineedit *e, size_t lo, size_t hi)
{
	return utf8_count((struct str){ e->text + lo, hi - lo });
}

void lineedit_show(struct lineedit *e, struct str prompt, unsigned width,
		   struct wr *w)
{
	const unsigned used = utf8_count(prompt);
	const unsigned room = width > used + 8 ? width - used - 1 : 7;
	size_t end;

	/* move the line until the cursor is in the room */
	if (e->from > e->at)
		e->from = e->at;
	while (columns(e, e->from, e->at) > room)
		e->from = after(e, e->from);
	end = e->at;
	while (end < e->len && columns(e, e->from, after(e, end)) <= room)
		end = after(e, end);
	wr_ch(w, '\r');
	wr_str(w, prompt);
	wr_str(w, (struct str){ e->text + e->from, end - e->from });
	wr_fmt(w, "\033[K\r\033[%uC", used + columns(e, e->from, e->at));
}
