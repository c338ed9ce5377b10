/* SPDX-License-Identifier: ISC */
/* list.c - a list in general: its properties and flags. Runs in: upnpctl */
#include <stdlib.h>
#include "upnpctl/list.h"
#include "upnpctl/similar.h"

void list_close(struct list *l)
{
	if (l->close)
		l->close(l);
	*l = (struct list){ 0 };
}

bool *list_mask(const struct list *l)
{
	return cmd_large(l->n + 1);
}

const struct prop *list_prop(const struct list *l, struct str name)
{
	for (size_t i = 0; i < l->prop_n; i++)
		if (str_eq(name, str_z(l->props[i].name)))
			return &l->props[i];
	return NULL;
}

const struct list_flag *list_flag(const struct list *l, struct str name)
{
	for (size_t i = 0; i < l->flag_n; i++)
		if (str_eq(name, str_z(l->flags[i].name)))
			return &l->flags[i];
	return NULL;
}

static void list_names(const struct list *l, struct wr *w)
{
	for (size_t i = 0; i < l->prop_n; i++)
		wr_fmt(w, "%s%s", i ? ", " : "", l->props[i].name);
	for (size_t i = 0; i < l->flag_n; i++)
		wr_fmt(w, ", %s", l->flags[i].name);
}

int list_look_up(const struct list *l, struct str name,
		 const struct prop **ret_prop,
		 const struct list_flag **ret_flag)
{
	struct similar s = { .word = name };
	char text[640];
	struct wr w = wr_init_cut(text, sizeof(text));

	for (size_t i = 0; i < l->prop_n; i++)
		similar_add(&s, str_z(l->props[i].name));
	for (size_t i = 0; i < l->flag_n; i++)
		similar_add(&s, str_z(l->flags[i].name));
	if (s.n == 1) {
		*ret_prop = list_prop(l, s.name);
		*ret_flag = list_flag(l, s.name);
		return CMD_OK;
	}
	if (!s.n && similar_ask(&s, &w))
		return cmd_fail(CMD_USAGE, "%ss have no property \"%.*s\"%s",
				l->what, STR_F(name), wr_cstr(&w));
	list_names(l, &w);
	return cmd_fail(CMD_USAGE, s.n ? "%ss have several properties that "
			"begin with \"%.*s\"; they have %s" :
			"%ss have no property \"%.*s\"; they have %s", l->what,
			STR_F(name), wr_cstr(&w));
}
