/* SPDX-License-Identifier: ISC */
/*
 * listfit.h - the columns of a table, so that each row fits into a line of the
 * terminal. Pure. Runs in: upnpctl
 */
#ifndef UPNPCTL_LISTFIT_H
#define UPNPCTL_LISTFIT_H

#include "upnpctl/list.h"

#define LISTFIT_VALUE_MAX 1024	/* more than the longest value of a property */
#define LISTFIT_COLUMNS_MAX 16

struct listfit {
	const struct list *list;
	const bool *shown;
	bool second;		/* the items of the second table */
	unsigned number, flags;	/* columns of the numbers, of the flags */
	unsigned gap;		/* between two columns */
	bool brief;		/* the headings are the shorter ones */
	struct listfit_column {
		const struct prop *prop;
		unsigned natural;	/* of the longest value */
		unsigned width;		/* a longer value is cut */
	} column[LISTFIT_COLUMNS_MAX];
	size_t n;
};

/**
 * listfit_make - choose the columns and their widths.
 * @ret: borrows @shown, which has a bool for each item
 * @of: a bit of enum prop_shown: which columns; 0: none
 * @second: the items of the second table
 * @width: of the terminal; 0: there is no limit, and no column is left out
 *
 * Into a narrow terminal, the table is fitted in this order: columns without
 * information are left out; texts that may be cut become shorter; headings and
 * gaps become shorter; columns are left out by their rank; the widest columns
 * are cut.
 */
void listfit_make(struct listfit *ret, const struct list *, const bool *shown,
		  unsigned of, bool second, unsigned width);

/** listfit_has - is the item a row of the table? */
bool listfit_has(const struct listfit *, size_t i);

/** listfit_head - the heading of a column, in small letters. */
const char *listfit_head(const struct listfit *, size_t column);

/** listfit_flags - write the letters of an item's flags. */
void listfit_flags(const struct list *, size_t i, struct wr *);

#endif
