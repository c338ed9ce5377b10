/* SPDX-License-Identifier: ISC */
/*
 * listprint.c - "print" of every list: as a table, in detail, as JSON, in the
 * shape of RouterOS 7.
 *
 * Columns and flags are those of the list. How a table is fitted into a
 * terminal is in listfit.c.
 * Runs in: upnpctl
 */
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "upnpctl/json.h"
#include "upnpctl/listfit.h"
#include "upnpctl/listprint.h"
#include "upnpctl/menu.h"
#include "upnpctl/out.h"
#include "upnpctl/term.h"
#include "upnpctl/where.h"

const struct cmd_arg listprint_args[] = {
	{ "detail", CMD_WORD, .help = "every property" },
	{ "terse", CMD_WORD, .help = "every property, a line for each" },
	{ "brief", CMD_WORD, .help = "the table, as without this word" },
	{ "count-only", CMD_WORD, .help = "how many there are" },
	{ "where", CMD_WHERE, .help = "only some, such as: where disabled" },
	{ NULL },
};

static void put_spaces(unsigned n)
{
	out_pad(STR(""), n);
}

/* ---- numbers and flags ----------------------------------------------- */

/* "Flags: X - disabled, I - invalid" */
static void put_legend(const struct list *l)
{
	char text[256];
	struct wr w = wr_init_cut(text, sizeof(text));

	for (size_t i = 0; i < l->flag_n; i++)
		if (l->flags[i].letter)
			wr_fmt(&w, "%s%c - %s", w.len ? ", " : "Flags: ",
			       l->flags[i].letter, l->flags[i].name);
	if (w.len)
		term_wrap(wr_done(&w), 0);
}

static bool warns(const struct list *l, size_t i)
{
	for (size_t k = 0; k < l->flag_n; k++)
		if (l->flags[k].warns && l->flags[k].is(l, i))
			return true;
	return false;
}

/* "  0 D " */
static void put_number(const struct listfit *f, size_t i)
{
	char number[24], flags[16];
	struct wr n = wr_init(number, sizeof(number));
	struct wr w = wr_init_cut(flags, sizeof(flags));

	wr_u64(&n, i);
	if (n.len < f->number)
		put_spaces(f->number - (unsigned)n.len);
	out_str(wr_done(&n));
	put_spaces(1);
	listfit_flags(f->list, i, &w);
	if (warns(f->list, i))
		term_colour(TERM_WARNING);
	out_pad(wr_done(&w), f->flags);
	if (warns(f->list, i))
		term_colour(TERM_PLAIN);
	put_spaces(1);
}

/* ---- the table ------------------------------------------------------- */

/* Write a cell of @width columns. @pad: spaces that are due before it; no line
 * ends with spaces */
static void put_cell(struct str s, unsigned width, unsigned *pad)
{
	unsigned columns = utf8_count(s);

	if (s.n) {
		put_spaces(*pad);
		*pad = 0;
	}
	if (columns > width) {
		s.n = utf8_fit(s, width - 1);
		columns = utf8_count(s) + 1;
		out_pad(s, 0);
		out_str(STR("\xe2\x80\xa6"));
	} else {
		out_pad(s, 0);
	}
	*pad += width - columns;
}

static void put_head(const struct listfit *f)
{
	unsigned pad = 0;

	put_spaces(f->number - 1);
	out_str(STR("#"));
	put_spaces(f->flags + 2);
	for (size_t k = 0; k < f->n; k++) {
		char text[32];
		struct wr w = wr_init_cut(text, sizeof(text));

		for (const char *p = listfit_head(f, k); *p; p++)
			wr_ch(&w, *p >= 'a' && *p <= 'z' ?
			      (char)(*p - 'a' + 'A') : *p);
		put_cell(wr_done(&w), f->column[k].width, &pad);
		pad += f->gap;
	}
	out_str(STR("\n"));
}

static void put_row(const struct listfit *f, size_t i)
{
	unsigned pad = 0;

	put_number(f, i);
	for (size_t k = 0; k < f->n; k++) {
		char text[LISTFIT_VALUE_MAX];
		struct wr w = wr_init_cut(text, sizeof(text));

		f->column[k].prop->put(f->list, i, &w);
		put_cell(wr_done(&w), f->column[k].width, &pad);
		pad += f->gap;
	}
	out_str(STR("\n"));
}

static void put_table(const struct list *l, const bool *shown, unsigned of,
		      bool second)
{
	struct listfit f;

	listfit_make(&f, l, shown, of, second, term_width());
	put_head(&f);
	for (size_t i = 0; i < l->n; i++)
		if (listfit_has(&f, i))
			put_row(&f, i);
}

static size_t count(const struct list *l, const bool *shown, bool second)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += shown[i] && (l->second && l->second(l, i)) == second;
	return n;
}

/* The table, and the second one if there are such items. */
static void put_tables(const struct list *l, const bool *shown, bool stats)
{
	size_t more = count(l, shown, true);

	put_legend(l);
	if (!more || count(l, shown, false)) {
		put_table(l, shown, stats ? PROP_IN_STATS : PROP_IN_TABLE,
			  false);
		out_str(more ? STR("\n") : STR(""));
	}
	if (more)
		put_table(l, shown, stats ? PROP_IN_SECOND_STATS :
					    PROP_IN_SECOND, true);
	if (stats && l->rest)
		l->rest(l, false);
}

/* ---- detail ---------------------------------------------------------- */

static void put_pair(struct wr *w, const struct prop *p, struct str value)
{
	bool quoted = p->kind == PROP_TEXT || !value.n;

	wr_fmt(w, "%s=%s", p->name, quoted ? "\"" : "");
	for (size_t i = 0; i < value.n; i++) {
		if (quoted && (value.p[i] == '"' || value.p[i] == '\\'))
			wr_ch(w, '\\');
		wr_ch(w, value.p[i]);
	}
	wr_z(w, quoted ? "\"" : "");
}

/* Write "name=value" after @column columns, or in the next line if it does not
 * fit; 0: at the start of a line. Return: the column after it, as @column */
static unsigned put_fitting(struct str pair, unsigned column, unsigned indent,
			    unsigned width)
{
	unsigned n = utf8_count(pair);

	if (column > indent && width && column + 1 + n > width) {
		out_str(STR("\n"));
		column = 0;
	}
	if (column > indent) {
		put_spaces(1);
		column++;
	} else if (!column) {
		put_spaces(indent);
		column = indent;
	}
	if (!width || column + n <= width) {
		out_pad(pair, 0);
		return column + n;
	}
	term_wrap(pair, indent);
	return 0;
}

/* @terse: in one line */
static void put_item(const struct listfit *f, size_t i, bool terse)
{
	unsigned indent = f->number + f->flags + 2, column = indent;
	unsigned width = terse ? 0 : term_width();
	const struct list *l = f->list;

	put_number(f, i);
	for (size_t k = 0; k < l->prop_n; k++) {
		const struct prop *p = &l->props[k];
		char text[LISTFIT_VALUE_MAX], pair[2 * LISTFIT_VALUE_MAX];
		struct wr value = wr_init_cut(text, sizeof(text));
		struct wr w = wr_init_cut(pair, sizeof(pair));

		if (!(p->shown & PROP_IN_DETAIL))
			continue;
		p->put(l, i, &value);
		if (!value.len && p->shown & PROP_DROP)
			continue;
		put_pair(&w, p, wr_done(&value));
		if (p->shown & PROP_LINE && !terse && column > indent) {
			out_str(STR("\n"));
			column = 0;
		}
		column = put_fitting(wr_done(&w), column, indent, width);
	}
	if (column)
		out_str(STR("\n"));
}

static void put_items(const struct list *l, const bool *shown, bool terse)
{
	struct listfit f;
	bool first = true;

	listfit_make(&f, l, shown, 0, false, 0);
	if (!terse)
		put_legend(l);
	for (size_t i = 0; i < l->n; i++) {
		if (!shown[i])
			continue;
		if (!first && !terse)
			out_str(STR("\n"));
		first = false;
		put_item(&f, i, terse);
	}
}

/* ---- the command ----------------------------------------------------- */

static void put_json(const struct list *l, const bool *shown, bool stats)
{
	json_array(NULL);
	for (size_t i = 0; i < l->n; i++) {
		if (!shown[i])
			continue;
		json_object(NULL);
		json_u64("number", i);
		l->json(l, i);
		json_end();
	}
	if (stats && l->rest)
		l->rest(l, true);
	json_end();
}

/* Keep only the first items, as "limit=" says. */
static int limit(const struct cmd *c, const struct list *l, bool *shown)
{
	uint32_t left = UINT32_MAX;
	struct str value;

	if (cmd_key(c, "limit", &value) &&
	    str_u32(value, 0, UINT32_MAX, &left))
		return cmd_fail(CMD_USAGE, "limit is \"%.*s\"; it takes a "
				"number", STR_F(value));
	for (size_t i = 0; i < l->n; i++) {
		shown[i] = shown[i] && left;
		left -= shown[i];
	}
	return CMD_OK;
}

int listprint_list(const struct cmd *c, const struct list *l)
{
	bool *shown = list_mask(l);
	int status = where_cmd(l, c, shown);

	if (!status)
		status = limit(c, l, shown);
	if (status)
		;
	else if (cmd_word(c, "count-only"))
		out_fmt("%zu\n", count(l, shown, false) +
				 count(l, shown, true));
	else if (c->env->json)
		put_json(l, shown, cmd_word(c, "stats"));
	else if (cmd_word(c, "detail") || cmd_word(c, "terse"))
		put_items(l, shown, cmd_word(c, "terse"));
	else
		put_tables(l, shown, cmd_word(c, "stats"));
	free(shown);
	return status;
}

void listprint_table(const struct list *l)
{
	bool *shown = list_mask(l);

	memset(shown, true, l->n);
	put_tables(l, shown, false);
	free(shown);
}

int listprint_run(struct cmd *c)
{
	struct list l;
	int status = menu_open_list(c->env, c->menu, &l);

	if (!status)
		status = listprint_list(c, &l);
	list_close(&l);
	return status;
}
