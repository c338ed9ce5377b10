/* SPDX-License-Identifier: ISC */
/*
 * confedit.c - changes the text of a configuration, line by line.
 *
 * Invariants: each change is one splice, made last; before a line is written it
 * is split as the reader will split it, and must give the intended parts.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include "conf/confedit.h"
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confrule.h"

/* A line of the text, from @at to @end, with its LF. */
struct line {
	size_t at, end;
	struct confline is;
};

/* The global settings, or those of a section. */
struct part {
	bool found;
	bool settings;		/* it has some */
	size_t at;		/* its comment block, or else its first line */
	size_t last;		/* after its last setting, or else its head */
	size_t next;		/* the next section, or the end */
	size_t next_block;	/* the next section's comment block, or @next */
};

static bool next_line(const struct confedit *e, size_t *at, struct line *ret)
{
	struct str rest = { e->text + *at, e->len - *at }, line;

	if (!str_cut(&rest, '\n', &line))
		return false;
	ret->at = *at;
	ret->end = e->len - rest.n;
	ret->is = confline_split(line);
	*at = ret->end;
	return true;
}

static struct str eol(const struct confedit *e)
{
	struct str rest = { e->text, e->len }, line;

	if (str_cut(&rest, '\n', &line) && line.n && line.n < e->len &&
	    line.p[line.n - 1] == '\r')
		return STR("\r\n");
	return STR("\n");
}

/* Replace the @n bytes at @at with @new. */
static int splice(struct confedit *e, size_t at, size_t n, struct str new)
{
	if (e->len - n + new.n > sizeof(e->text))
		return -ENOSPC;
	memmove(e->text + at + new.n, e->text + at + n, e->len - at - n);
	if (new.n)
		memcpy(e->text + at, new.p, new.n);
	e->len = e->len - n + new.n;
	return 0;
}

/* ---- finding lines --------------------------------------------------- */

static bool is_head(const struct line *l, const char *iface)
{
	struct str name;

	return iface && confline_iface(&l->is, &name) &&
	       str_eq(name, str_z(iface));
}

#define NO_RUN SIZE_MAX

/*
 * Return the start of the comment block right above @l, or else of @l.
 * @run: kept from line to line, NO_RUN at first
 *
 * A comment block at the start of the file belongs to the file.
 */
static size_t block_of(const struct line *l, size_t *run)
{
	size_t at = *run;

	if (l->is.kind != CONFLINE_COMMENT)
		*run = NO_RUN;
	else if (at == NO_RUN)
		*run = l->at;
	return at == NO_RUN || at == 0 ? l->at : at;
}

static bool is_setting(const struct line *l)
{
	return l->is.kind == CONFLINE_SETTING || l->is.kind == CONFLINE_RULE ||
	       l->is.kind == CONFLINE_MAPPING || l->is.kind == CONFLINE_OTHER;
}

static struct part find_part(const struct confedit *e, const char *iface)
{
	struct part p = { .found = !iface, .next = e->len,
			  .next_block = e->len };
	size_t at = 0, run = NO_RUN;
	struct line l;

	while (next_line(e, &at, &l)) {
		size_t block = block_of(&l, &run);

		if (p.found && l.is.kind == CONFLINE_SECTION) {
			p.next = l.at;
			p.next_block = block;
			break;
		}
		if (is_head(&l, iface)) {
			p.found = true;
			p.at = block;
			p.last = l.end;
		} else if (p.found && is_setting(&l)) {
			p.settings = true;
			p.last = l.end;
		}
	}
	return p;
}

static bool find_key(const struct confedit *e, const struct part *p,
		     struct str key, struct line *ret)
{
	size_t at = p->at;

	while (at < p->next && next_line(e, &at, ret))
		if (ret->is.kind == CONFLINE_SETTING &&
		    str_eq(ret->is.key, key))
			return true;
	return false;
}

/* Return the start of the blank line before @at, or else @at. */
static size_t blank_line_before(const struct confedit *e, size_t at)
{
	struct line l = { .at = at };
	size_t pos = 0;

	while (pos < at && next_line(e, &pos, &l))
		;
	return l.is.kind == CONFLINE_BLANK ? l.at : at;
}

static bool blank_before(const struct confedit *e, size_t at)
{
	return !at || blank_line_before(e, at) < at;
}

static bool blank_at(const struct confedit *e, size_t at)
{
	struct line l;

	return !next_line(e, &at, &l) || l.is.kind == CONFLINE_BLANK;
}

/* Skip the lines of @kind that follow @at, up to @end. */
static size_t skip_lines(const struct confedit *e, size_t at, size_t end,
			 enum confline_kind kind)
{
	size_t next = at;
	struct line l;

	while (at < end && next_line(e, &next, &l) && l.is.kind == kind)
		at = next;
	return at;
}

/* ---- settings -------------------------------------------------------- */

static bool may_be_spaced(struct str value)
{
	return value.n && value.p[0] != '#';
}

/* Write "key = value". Return: is it read back unchanged? A value that begins
 * with # follows the = at once, because it would be a comment after a space. */
static bool write_setting(struct wr *w, struct str key, struct str value)
{
	struct confline is;

	wr_fmt(w, "%.*s =%s%.*s", STR_F(key), may_be_spaced(value) ? " " : "",
	       STR_F(value));
	is = confline_split(wr_done(w));
	return !w->over && key.n && confline_holds(key) &&
	       confline_holds(value) && is.kind == CONFLINE_SETTING &&
	       str_eq(is.key, key) && str_eq(is.value, value);
}

static size_t offset(const struct confedit *e, const char *p)
{
	return (size_t)(p - e->text);
}

/* Keep the space after the = if the old and the new value allow one. */
static int replace_value(struct confedit *e, const struct line *l,
			 struct str new)
{
	size_t at = offset(e, l->is.key.p + l->is.key.n);
	size_t end = offset(e, l->is.value.p + l->is.value.n);
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	if (may_be_spaced(new) && may_be_spaced(l->is.value)) {
		at = offset(e, l->is.value.p);
	} else {
		while (e->text[at++] != '=')
			;
		if (may_be_spaced(new))
			wr_ch(&w, ' ');
	}
	wr_str(&w, new);
	return splice(e, at, end - at, wr_done(&w));
}

/* Insert @line as a line of its own at @at. */
static int insert_line(struct confedit *e, size_t at, struct str line,
		       bool blank_above, bool blank_below)
{
	char text[CONF_LINE_MAX + 8];
	struct wr w = wr_init(text, sizeof(text));
	struct str nl = eol(e);

	if (at && e->text[at - 1] != '\n')
		wr_str(&w, nl);
	if (blank_above)
		wr_str(&w, nl);
	wr_str(&w, line);
	wr_str(&w, nl);
	if (blank_below)
		wr_str(&w, nl);
	return splice(e, at, 0, wr_done(&w));
}

/* Insert @line after the last setting of the part @p. */
static int append_line(struct confedit *e, const struct part *p,
		       const char *iface, struct str line)
{
	if (p->settings || iface)
		return insert_line(e, p->last, line, false, false);
	/* The first global setting: set it apart from the head of the file and
	 * from the first section. */
	return insert_line(e, p->next_block, line,
			   !blank_before(e, p->next_block),
			   !blank_at(e, p->next_block));
}

int confedit_set(struct confedit *e, const char *iface, struct str key,
		 struct str value)
{
	struct part p = find_part(e, iface);
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	struct line l;

	if (!p.found)
		return -ENOENT;
	if (!write_setting(&w, key, value))
		return -EINVAL;
	if (find_key(e, &p, key, &l))
		return replace_value(e, &l, value);
	return append_line(e, &p, iface, wr_done(&w));
}

int confedit_unset(struct confedit *e, const char *iface, struct str key)
{
	struct part p = find_part(e, iface);
	struct line l;

	if (!p.found)
		return -ENOENT;
	if (!find_key(e, &p, key, &l))
		return 0;
	return splice(e, l.at, l.end - l.at, STR(""));
}

/* ---- mappings -------------------------------------------------------- */

/* Is it the line of a mapping with the key of @m? */
static bool is_mapping(const struct line *l, const struct conf_mapping *m)
{
	struct conftail_comment comment;
	struct conf_mapping is;
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));

	return l->is.kind == CONFLINE_MAPPING &&
	       !confmapping_parse(l->is.value, &is, &comment, &why) &&
	       confmapping_same_key(&is, m);
}

static bool find_mapping(const struct confedit *e, const struct part *p,
			 const struct conf_mapping *m, struct line *ret)
{
	size_t at = p->at;

	while (at < p->next && next_line(e, &at, ret))
		if (is_mapping(ret, m))
			return true;
	return false;
}

/* Write the line. Return: is it read back with the key of @m? */
static bool write_mapping(struct wr *w, const struct conf_mapping *m,
			  const char *comment)
{
	struct line l;

	confmapping_put(w, m, comment);
	l.is = confline_split(wr_done(w));
	return !w->over && is_mapping(&l, m);
}

int confedit_add_mapping(struct confedit *e, const struct conf_mapping *m,
			 const char *comment)
{
	struct part p = find_part(e, NULL);
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	struct line l;

	if (find_mapping(e, &p, m, &l))
		return -EEXIST;
	if (!write_mapping(&w, m, comment))
		return -EINVAL;
	return append_line(e, &p, NULL, wr_done(&w));
}

/* Replace the setting in the line, without a comment after it. */
static int replace_text(struct confedit *e, const struct line *l,
			struct str new)
{
	return splice(e, offset(e, l->is.text.p), l->is.text.n, new);
}

int confedit_set_mapping(struct confedit *e, const struct conf_mapping *m,
			 const struct conf_mapping *now, const char *comment)
{
	struct part p = find_part(e, NULL);
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	struct line l;

	if (!confmapping_same_key(m, now) && find_mapping(e, &p, now, &l))
		return -EEXIST;
	if (!find_mapping(e, &p, m, &l))
		return -ENOENT;
	if (!write_mapping(&w, now, comment))
		return -EINVAL;
	return replace_text(e, &l, wr_done(&w));
}

int confedit_del_mapping(struct confedit *e, const struct conf_mapping *m)
{
	struct part p = find_part(e, NULL);
	struct line l;

	if (!find_mapping(e, &p, m, &l))
		return -ENOENT;
	return splice(e, l.at, l.end - l.at, STR(""));
}

/* ---- rules ----------------------------------------------------------- */

/* Find the rule line @i. If there is none, @ret is the last one, and its end is
 * 0 if there are no rules at all. */
static bool find_rule(const struct confedit *e, size_t i, struct line *ret)
{
	size_t end = find_part(e, NULL).next, at = 0;
	struct line l;

	*ret = (struct line){ 0 };
	while (at < end && next_line(e, &at, &l)) {
		if (l.is.kind != CONFLINE_RULE)
			continue;
		*ret = l;
		if (!i--)
			return true;
	}
	return false;
}

bool confedit_rule(const struct confedit *e, size_t i, struct confline *ret)
{
	struct line l;
	bool found = find_rule(e, i, &l);

	*ret = l.is;
	return found;
}

/* Write the line. Return: is it read back? */
static bool write_rule(struct wr *w, const struct confrule *r)
{
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	struct confline is;
	struct confrule read;

	confrule_put(w, r);
	is = confline_split(wr_done(w));
	return !w->over && is.kind == CONFLINE_RULE &&
	       !confrule_parse(is.key, is.value, &read, &why);
}

int confedit_add_rule(struct confedit *e, size_t at, const struct confrule *r)
{
	struct part p = find_part(e, NULL);
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	struct line l;

	if (!write_rule(&w, r))
		return -EINVAL;
	if (find_rule(e, at, &l))
		return insert_line(e, l.at, wr_done(&w), false, false);
	if (l.end)
		return insert_line(e, l.end, wr_done(&w), false, false);
	return append_line(e, &p, NULL, wr_done(&w));
}

int confedit_set_rule(struct confedit *e, size_t i, const struct confrule *r)
{
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	struct line l;

	if (!find_rule(e, i, &l))
		return -ENOENT;
	if (!write_rule(&w, r))
		return -EINVAL;
	return replace_text(e, &l, wr_done(&w));
}

int confedit_del_rule(struct confedit *e, size_t i)
{
	struct line l;

	if (!find_rule(e, i, &l))
		return -ENOENT;
	return splice(e, l.at, l.end - l.at, STR(""));
}

static void reverse(char *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		char c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

/* Exchange the lines from @a to @b with those from @b to @c. */
static void exchange(struct confedit *e, size_t a, size_t b, size_t c)
{
	reverse(e->text + a, b - a);
	reverse(e->text + b, c - b);
	reverse(e->text + a, c - a);
}

int confedit_move_rule(struct confedit *e, size_t i, size_t to)
{
	struct line from, next;
	int err = 0;

	if (!find_rule(e, i, &from))
		return -ENOENT;
	if (!find_rule(e, to, &next))
		next.at = next.end;
	if (next.at == from.at || next.at == from.end)
		return 0;
	/* The last line of the file may lack its line feed. */
	if ((next.at == e->len || from.end == e->len) &&
	    e->text[e->len - 1] != '\n') {
		err = splice(e, e->len, 0, eol(e));
		if (next.at > from.end)
			next.at = e->len;
		else
			from.end = e->len;
	}
	if (err)
		return err;
	if (next.at > from.end)
		exchange(e, from.at, from.end, next.at);
	else
		exchange(e, next.at, from.at, from.end);
	return 0;
}

/* ---- sections -------------------------------------------------------- */

int confedit_add_iface(struct confedit *e, const char *iface)
{
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	if (!iface || !confline_name(str_z(iface)))
		return -EINVAL;
	if (find_part(e, iface).found)
		return -EEXIST;
	wr_fmt(&w, "[interface %s]", iface);
	return insert_line(e, e->len, wr_done(&w), !blank_before(e, e->len),
			   false);
}

int confedit_del_iface(struct confedit *e, const char *iface)
{
	struct part p = find_part(e, iface);
	size_t end;

	if (!iface || !p.found)
		return -ENOENT;
	end = skip_lines(e, p.last, p.next_block, CONFLINE_COMMENT);
	/* Lines that were set apart before and after stay set apart. */
	if (blank_before(e, p.at))
		end = skip_lines(e, end, p.next_block, CONFLINE_BLANK);
	if (end == e->len)
		p.at = blank_line_before(e, p.at);
	return splice(e, p.at, end - p.at, STR(""));
}
