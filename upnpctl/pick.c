/* SPDX-License-Identifier: ISC */
/* pick.c - the items of a list that a command names. Runs in: upnpctl */
#include <stdlib.h>
#include <string.h>
#include "upnpctl/args.h"
#include "upnpctl/menu.h"
#include "upnpctl/pick.h"
#include "upnpctl/where.h"
#include "upnpctl/words.h"

/* ---- [find ...] ------------------------------------------------------ */

/* @item: "[find ...]" */
static int find(const struct list *l, struct str item, bool *chosen)
{
	struct str text = { item.p + 1, item.n - 1 };
	static struct words *w;
	const char *why;
	unsigned line = 0;
	bool *found;
	size_t skip = 1;
	int status;

	CMD_LARGE(w);
	if (!text.n || text.p[--text.n] != ']')
		return cmd_fail(CMD_USAGE, "%.*s: a bracket is not closed; add ]",
				STR_F(item));
	if (words_next(w, &text, &line, &why))
		return cmd_fail(CMD_USAGE, "[find ...]: %s", why);
	if (!w->n || !str_eq(w->at[0], STR("find")))
		return cmd_fail(CMD_USAGE, "\"%.*s\" is not [find ...]",
				STR_F(item));
	if (w->n > 1 && str_eq(w->at[1], STR("where")))
		skip++;
	found = list_mask(l);
	status = where_items(l, w->at + skip, w->n - skip, found);
	for (size_t i = 0; i < l->n && !status; i++)
		chosen[i] |= found[i];
	free(found);
	return status;
}

/* ---- by number and name -------------------------------------------------- */

/* List the first items by number and name. */
static void list_items(const struct list *l, struct wr *w)
{
	for (size_t i = 0; i < l->n; i++) {
		wr_z(w, i ? ", " : "");
		if (!l->by_key)
			wr_u64(w, i);
		if (!l->by_key && l->name)
			wr_ch(w, ' ');
		if (l->name)
			l->name(l, i, w);
	}
}

static int no_such(const struct list *l, struct str item, bool number)
{
	char text[320];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (!l->n)
		return cmd_fail(CMD_USAGE, "there is no %s %s%.*s; there are "
				"none%s%s", l->what, number ? "number " : "",
				STR_F(item), l->how_to_add ? "; add it: " : "",
				l->how_to_add ? l->how_to_add : "");
	if (l->n > 16 && !l->by_key)
		wr_fmt(&w, "0 to %zu", l->n - 1);
	else
		list_items(l, &w);
	return cmd_fail(CMD_USAGE, "there is no %s %s%.*s; there are: %s",
			l->what, number ? "number " : "", STR_F(item),
			wr_cstr(&w));
}

/* "0" or "1-3" */
static bool is_range(struct str item, uint32_t *ret_lo, uint32_t *ret_hi)
{
	struct str rest = item, head;
	uint32_t lo, hi;

	if (!str_cut(&rest, '-', &head) || str_u32(head, 0, UINT32_MAX, &lo))
		return false;
	hi = lo;
	if (head.n < item.n && str_u32(rest, lo, UINT32_MAX, &hi))
		return false;
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}

static int pick_range(const struct list *l, struct str item, uint32_t lo,
		      uint32_t hi, bool *chosen)
{
	if (l->by_key)
		return cmd_fail(CMD_USAGE, "%.*s is a number from %ss print, "
				"which needs a running upnpd; use a key such "
				"as %s", STR_F(item), l->what, l->example);
	if (hi >= l->n)
		return no_such(l, item, true);
	for (; lo <= hi; lo++)
		chosen[lo] = true;
	return CMD_OK;
}

static int pick_item(const struct list *l, struct str item, bool all,
		     bool *chosen)
{
	uint32_t lo, hi;
	size_t i;
	int status;

	if (!item.n)
		return cmd_fail(CMD_USAGE, "an empty text is no %s; example: %s",
				l->what, l->example);
	status = l->named ? l->named(l, item, &i) : -1;
	if (!status)
		chosen[i] = true;
	if (status >= 0)
		return status;
	if (all && str_eq(item, STR("all"))) {
		memset(chosen, true, l->n);
		return CMD_OK;
	}
	if (is_range(item, &lo, &hi))
		return pick_range(l, item, lo, hi, chosen);
	return no_such(l, item, false);
}

int pick_items(const struct list *l, struct str items, bool all,
		    bool *chosen)
{
	struct str item;
	int status = CMD_OK;
	bool more = true;

	if (str_starts(items, STR("[")))
		return find(l, items, chosen);
	while (more && !status) {
		item = (struct str){ items.p, 0 };
		more = str_cut(&items, ',', &item) &&
		       item.p + item.n != items.p;
		status = pick_item(l, str_trim(item), all, chosen);
	}
	return status;
}

int pick_cmd(const struct cmd *c, const struct list *l, bool *ret)
{
	struct cmd_arg a = { NULL };
	char menu[64];
	struct wr w = wr_init_cut(menu, sizeof(menu));
	bool any = false;
	int status = CMD_OK;

	args_takes(c->verb, CMD_ITEMS, &a);
	for (size_t i = 0; i < c->n && !status; i++) {
		if (c->kind[i] != CMD_ITEMS)
			continue;
		any = true;
		status = pick_items(l, c->arg[i], a.values, ret);
	}
	if (any)
		return status;
	menu_put_command(&w, c->menu);
	return cmd_fail(CMD_USAGE, "name %s %s, such as: %s%s %s",
			strchr("aeiou", *l->what) ? "an" : "a", l->what,
			wr_cstr(&w), c->verb->name, l->example);
}
