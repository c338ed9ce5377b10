/* SPDX-License-Identifier: ISC */
/* listget.c - the verbs "find" and "get" of every list. Runs in: upnpctl */
#include <stdlib.h>
#include "upnpctl/json.h"
#include "upnpctl/menu.h"
#include "upnpctl/out.h"
#include "upnpctl/pick.h"
#include "upnpctl/where.h"

const struct cmd_arg listget_find_args[] = {
	{ "where", CMD_WHERE, .help = "terms, such as disabled" },
	{ "TERM ...", CMD_TERM, .help = "the same without where" },
	{ NULL },
};

const struct cmd_arg listget_args[] = {
	{ "ITEM", CMD_ITEMS, true, .help = "a number or a name" },
	{ "PROPERTY", CMD_PROP, .help = "of the item" },
	{ "value-name", CMD_KEY, .help = "the property" },
	{ NULL },
};

/* ---- find ---------------------------------------------------------------- */

/* "tcp:8080", of a list whose numbers are not known. */
static void put_name(const struct cmd *c, const struct list *l, size_t i)
{
	char text[256];
	struct wr w = wr_init_cut(text, sizeof(text));

	l->name(l, i, &w);
	if (c->env->json)
		json_str(NULL, wr_done(&w));
	else
		out_pad(wr_done(&w), 0);
}

/* "0,2": for "remove $(upnpctl interfaces find disabled)". */
static void put_numbers(const struct cmd *c, const struct list *l,
			const bool *found)
{
	bool first = true;

	if (c->env->json)
		json_array(NULL);
	for (size_t i = 0; i < l->n; i++) {
		if (!found[i])
			continue;
		if (!first && !c->env->json)
			out_ch(',');
		first = false;
		if (l->by_key)
			put_name(c, l, i);
		else if (c->env->json)
			json_u64(NULL, i);
		else
			out_fmt("%zu", i);
	}
	if (c->env->json)
		json_end();
	else
		out_str(STR("\n"));
}

int listget_find(struct cmd *c)
{
	struct list l;
	bool *found = NULL;
	int status = menu_open_list(c->env, c->menu, &l);

	if (!status) {
		found = list_mask(&l);
		status = where_cmd(&l, c, found);
	}
	if (!status)
		put_numbers(c, &l, found);
	free(found);
	list_close(&l);
	return status;
}

/* ---- get ----------------------------------------------------------------- */

/* The properties that the command names, as words or as "value-name=". @ret:
 * the last one. Return: how many */
static size_t wanted(const struct cmd *c, struct str *ret)
{
	size_t n = cmd_key(c, "value-name", ret);

	for (size_t i = 0; i < c->n; i++) {
		if (c->kind[i] != CMD_PROP)
			continue;
		*ret = c->arg[i];
		n++;
	}
	return n;
}

static void put_value(const struct cmd *c, struct str value)
{
	if (c->env->json)
		json_str(NULL, value);
	else
		out_pad(value, 0);
	if (!c->env->json)
		out_str(STR("\n"));
}

static void put_item(const struct cmd *c, const struct list *l, size_t i,
		     const struct prop *p, const struct list_flag *f)
{
	char text[1024];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (p)
		p->put(l, i, &w);
	else
		wr_z(&w, f->is(l, i) ? "yes" : "no");
	put_value(c, wr_done(&w));
}

static int get(struct cmd *c, const struct list *l, bool *chosen)
{
	const struct prop *p;
	const struct list_flag *f;
	size_t n = 0, last = 0;
	struct str name;
	int status = pick_cmd(c, l, chosen);

	for (size_t i = 0; i < l->n; i++) {
		n += chosen[i];
		last = chosen[i] ? i : last;
	}
	if (status)
		return status;
	if (n != 1)
		return cmd_fail(CMD_USAGE, "get takes one %s, not %zu", l->what,
				n);
	if (wanted(c, &name) != 1)
		return cmd_fail(CMD_USAGE, "get needs one property, such as: "
				"get %s %s", l->example, l->props[0].name);
	status = list_look_up(l, name, &p, &f);
	if (!status)
		put_item(c, l, last, p, f);
	return status;
}

int listget_run(struct cmd *c)
{
	struct list l;
	bool *chosen = NULL;
	int status = menu_open_list(c->env, c->menu, &l);

	if (!status) {
		chosen = list_mask(&l);
		status = get(c, &l, chosen);
	}
	free(chosen);
	list_close(&l);
	return status;
}
