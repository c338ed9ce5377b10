/* SPDX-License-Identifier: ISC */
/*
 * listfit.c - the columns of a table, so that each row fits into a line of the
 * terminal. Runs in: upnpctl
 */
#include <string.h>
#include "base/utf8.h"
#include "upnpctl/listfit.h"

#define GAP 3
#define GAP_NARROW 1
/* A text that is cut keeps a word or so. */
#define CUT_MIN 12
#define CUT_MIN_NARROW 6
#define COLUMN_MIN 3		/* of a column that had to be cut */

bool listfit_has(const struct listfit *f, size_t i)
{
	return f->shown[i] &&
	       (f->list->second && f->list->second(f->list, i)) == f->second;
}

void listfit_flags(const struct list *l, size_t i, struct wr *w)
{
	for (size_t k = 0; k < l->flag_n; k++)
		if (l->flags[k].letter && l->flags[k].is(l, i))
			wr_ch(w, l->flags[k].letter);
}

const char *listfit_head(const struct listfit *f, size_t k)
{
	const struct prop *p = f->column[k].prop;

	return f->brief && p->head ? p->head : p->name;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* ---- which columns ----------------------------------------------------- */

/* The widths of the numbers and flags, which all tables of a list share. */
static void measure_numbers(struct listfit *f)
{
	f->number = 3;
	f->flags = 1;
	for (size_t n = 1000; n <= f->list->n; n *= 10)
		f->number++;
	for (size_t i = 0; i < f->list->n; i++) {
		char text[16];
		struct wr w = wr_init_cut(text, sizeof(text));

		listfit_flags(f->list, i, &w);
		if (f->shown[i])
			f->flags = larger(f->flags, (unsigned)w.len);
	}
}

/* Measure the values of a property. Return: is one of them not known from the
 * other columns? */
static bool measure(const struct listfit *f, const struct prop *p,
		    unsigned *ret)
{
	bool tells = false;

	*ret = 0;
	for (size_t i = 0; i < f->list->n; i++) {
		char text[LISTFIT_VALUE_MAX];
		struct wr w = wr_init_cut(text, sizeof(text));

		if (!listfit_has(f, i))
			continue;
		p->put(f->list, i, &w);
		*ret = larger(*ret, utf8_count(wr_done(&w)));
		tells |= w.len && (!p->known || !p->known(f->list, i));
	}
	return tells;
}

static void choose(struct listfit *f, unsigned of, bool all)
{
	for (size_t k = 0; k < f->list->prop_n; k++) {
		const struct prop *p = &f->list->props[k];
		unsigned natural;
		bool tells;

		if (!(p->shown & of) || f->n == LISTFIT_COLUMNS_MAX)
			continue;
		tells = measure(f, p, &natural);
		if (all || tells || !(p->shown & PROP_DROP))
			f->column[f->n++] = (struct listfit_column){
				.prop = p, .natural = natural,
			};
	}
}

/* ---- widths ------------------------------------------------------------ */

/* Set the widths to the smallest ones of this step. Return: columns of a row */
static unsigned narrowest(struct listfit *f, unsigned cut)
{
	unsigned sum = f->number + f->flags + 2;

	for (size_t k = 0; k < f->n; k++) {
		struct listfit_column *c = &f->column[k];

		c->width = c->prop->shown & PROP_CUT ?
			   smaller(c->natural, cut) : c->natural;
		c->width = larger(c->width,
				  utf8_count(str_z(listfit_head(f, k))));
		sum += c->width + (k ? f->gap : 0);
	}
	return sum;
}

/* Leave out the column of the highest rank; of two the one further right. */
static bool leave_out(struct listfit *f)
{
	size_t worst = 0;

	for (size_t k = 0; k < f->n; k++)
		if (f->column[k].prop->rank >= f->column[worst].prop->rank)
			worst = k;
	if (!f->n || !f->column[worst].prop->rank)
		return false;
	f->n--;
	memmove(&f->column[worst], &f->column[worst + 1],
		(f->n - worst) * sizeof(f->column[0]));
	return true;
}

/* Cut the widest columns by @excess columns in all. */
static void squeeze(struct listfit *f, unsigned excess)
{
	while (excess--) {
		size_t widest = 0;

		for (size_t k = 0; k < f->n; k++)
			if (f->column[k].width >= f->column[widest].width)
				widest = k;
		if (f->n && f->column[widest].width > COLUMN_MIN)
			f->column[widest].width--;
	}
}

/* Give the texts that are cut the @spare columns. */
static void widen(struct listfit *f, unsigned spare)
{
	for (size_t k = 0; k < f->n; k++) {
		struct listfit_column *c = &f->column[k];
		unsigned more = 0;

		if (c->natural > c->width)
			more = smaller(c->natural - c->width, spare);
		c->width += more;
		spare -= more;
	}
}

static void fit(struct listfit *f, unsigned width)
{
	unsigned sum = narrowest(f, CUT_MIN);

	if (sum > width) {
		f->brief = true;
		f->gap = GAP_NARROW;
		sum = narrowest(f, CUT_MIN_NARROW);
	}
	while (sum > width && leave_out(f))
		sum = narrowest(f, CUT_MIN_NARROW);
	if (sum > width)
		squeeze(f, sum - width);
	else
		widen(f, width - sum);
}

void listfit_make(struct listfit *f, const struct list *l, const bool *shown,
		  unsigned of, bool second, unsigned width)
{
	*f = (struct listfit){
		.list = l, .shown = shown, .second = second, .gap = GAP,
	};
	measure_numbers(f);
	choose(f, of, !width);
	if (width)
		fit(f, width);
	else
		narrowest(f, UINT32_MAX);
}
