/* SPDX-License-Identifier: ISC */
/* path.c - the verb that words name. Runs in: upnpctl */
#include "upnpctl/args.h"
#include "upnpctl/path.h"
#include "upnpctl/similar.h"

/* ---- names ----------------------------------------------------------- */

/* What a word names in a menu. */
struct target {
	const struct cmd_verb *verb;	/* NULL: a menu */
	enum menu menu;
};

static struct similar look_up(const struct cmd_verb *verbs, enum menu menu,
			      bool only_menus, struct str word,
			      struct target *ret)
{
	struct similar s = { .word = word };

	for (const struct cmd_verb *v = verbs; !only_menus && v->name; v++)
		if (menu_has_verb(menu, v) && similar_add(&s, str_z(v->name)))
			*ret = (struct target){ v, menu };
	for (enum menu m = MENU_ROOT + 1; m < MENUS; m++)
		if (menu_is_below(verbs, m, menu) &&
		    similar_add(&s, str_z(menu_name(m))))
			*ret = (struct target){ NULL, m };
	return s;
}

/* List the names of a menu that begin with a word: "print, set". */
static void put_names(struct wr *w, const struct cmd_verb *verbs, enum menu menu,
		      struct str word)
{
	const char *between = "";

	for (const struct cmd_verb *v = verbs; v->name; v++) {
		if (!menu_has_verb(menu, v) ||
		    !str_starts(str_z(v->name), word))
			continue;
		wr_fmt(w, "%s%s", between, v->name);
		between = ", ";
	}
	for (enum menu m = MENU_ROOT + 1; m < MENUS; m++) {
		if (!menu_is_below(verbs, m, menu) ||
		    !str_starts(str_z(menu_name(m)), word))
			continue;
		wr_fmt(w, "%s%s", between, menu_name(m));
		between = ", ";
	}
}

static int unknown(const struct cmd_env *env, enum menu menu, struct str word,
		   const struct similar *s)
{
	char text[640];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (s->n > 1) {
		put_names(&w, env->verbs, menu, word);
		return cmd_fail(CMD_USAGE, "\"%.*s\" is the beginning of "
				"several names: %s", STR_F(word), wr_cstr(&w));
	}
	if (menu != MENU_START) {
		wr_z(&w, " in ");
		menu_put_path(&w, menu);
	}
	if (!similar_ask(s, &w)) {
		wr_z(&w, "; there are: ");
		put_names(&w, env->verbs, menu, STR(""));
	}
	return cmd_fail(CMD_USAGE, "there is no command \"%.*s\"%s",
			STR_F(word), wr_cstr(&w));
}

/* ---- paths --------------------------------------------------------------- */

struct path {
	const struct cmd_env *env;
	struct target at;
	bool moved;		/* a menu has been named */
};

static int step(struct path *p, struct str word)
{
	const struct cmd_verb *verbs = p->env->verbs;
	enum menu up = p->at.menu;
	struct target t = p->at;
	struct similar s, above;

	if (str_eq(word, STR(".."))) {
		p->at.menu = menu_parent(p->at.menu);
		p->moved = true;
		return CMD_OK;
	}
	s = look_up(verbs, p->at.menu, false, word, &t);
	for (above = s; !above.n && !p->moved && up != MENU_ROOT;) {
		up = menu_parent(up);
		above = look_up(verbs, up, true, word, &t);
	}
	if (above.n != 1)
		return unknown(p->env, above.n ? up : p->at.menu, word,
			       above.n ? &above : &s);
	p->at = t;
	p->moved = true;
	return CMD_OK;
}

/* Read one word, which may have several steps: "/ip/upnp/interfaces". */
static int walk(struct path *p, struct str word)
{
	struct str part;
	int status = CMD_OK;

	if (str_starts(word, STR("/"))) {
		p->at.menu = MENU_ROOT;
		p->moved = true;
	}
	while (!status && str_cut(&word, '/', &part)) {
		if (p->at.verb)
			return cmd_fail(CMD_USAGE, "\"%.*s\" cannot follow "
					"\"%s/\"; put a space between",
					STR_F(part), p->at.verb->name);
		if (part.n)
			status = step(p, part);
	}
	return status;
}

int path_find_verb(const struct cmd_env *env, enum menu *menu,
		   const struct str *word, size_t n, struct cmd *ret,
		   size_t *ret_used)
{
	struct path p = { .env = env, .at = { .menu = *menu } };
	size_t i;
	int status = CMD_OK;

	for (i = 0; i < n && !p.at.verb && !status; i++)
		status = walk(&p, word[i]);
	if (status)
		return status;
	*menu = p.at.menu;
	*ret_used = i;
	*ret = (struct cmd){ .env = env, .verb = p.at.verb,
			     .menu = (uint8_t)p.at.menu };
	return CMD_OK;
}

int path_find(const struct cmd_env *env, enum menu *menu,
	      const struct str *word, size_t n, struct cmd *ret)
{
	enum menu to = *menu;
	size_t used;
	int status = path_find_verb(env, &to, word, n, ret, &used);

	if (!status && ret->verb)
		status = args_read(ret, word + used, n - used);
	if (!status && ret->where && !ret->n)
		status = cmd_fail(CMD_USAGE, "where needs a term, such as: "
				  "where disabled");
	if (!status)
		*menu = to;
	return status;
}
