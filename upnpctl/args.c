/* SPDX-License-Identifier: ISC */
/*
 * args.c - check the arguments of a command against what its verb takes, and
 * write them in full. Runs in: upnpctl
 */
#include <string.h>
#include "conf/confopt.h"
#include "upnpctl/args.h"
#include "upnpctl/menu.h"
#include "upnpctl/similar.h"

#define USAGE_WORDS 6		/* more would not fit into a line */
#define LISTED_MAX 16		/* names in an error; of more, only similar */

bool args_at(const struct cmd_verb *v, size_t i, struct cmd_arg *ret)
{
	size_t n = 0;

	for (; v->args && v->args[n].name; n++) {
		if (n == i) {
			*ret = v->args[i];
			return true;
		}
	}
	*ret = (struct cmd_arg){ NULL };
	return v->more && v->more(i - n, ret);
}

bool args_takes(const struct cmd_verb *v, enum cmd_kind kind,
		struct cmd_arg *ret)
{
	struct cmd_arg a;

	for (size_t i = 0; args_at(v, i, &a); i++) {
		if (a.kind != kind)
			continue;
		if (ret)
			*ret = a;
		return true;
	}
	return false;
}

/* ---- values ---------------------------------------------------------- */

/* The @i-th word of "yes or no" or "auto, netlink or iptables". */
static bool word_at(struct str text, size_t i, struct str *ret)
{
	while (str_word(&text, ret)) {
		if (str_eq(*ret, STR("or")) || str_eq(*ret, STR("of:")))
			continue;
		if (ret->p[ret->n - 1] == ',')
			ret->n--;
		if (!i--)
			return true;
	}
	return false;
}

static bool has_words(const struct confopt *o)
{
	return o && (confopt_kind(o) == CONFOPT_BOOL ||
		     confopt_kind(o) == CONFOPT_WORD);
}

bool args_value(const struct cmd_arg *a, size_t i, struct wr *ret)
{
	char range[256];
	struct wr w = wr_init_cut(range, sizeof(range));
	struct str word;

	if (a->values)
		wr_z(&w, a->values);
	else if (has_words(a->option))
		confopt_range(a->option, &w);
	if (!word_at(wr_done(&w), i, &word))
		return false;
	wr_str(ret, word);
	return true;
}

/* Write the value in full if it is the beginning of one word. */
static void complete_value(struct wr *w, const struct cmd_arg *a,
			   struct str value)
{
	struct similar s = { .word = value };
	char text[ARGS_VALUE_MAX], best[ARGS_VALUE_MAX];
	struct wr b = wr_init(best, sizeof(best));

	for (size_t i = 0; ; i++) {
		struct wr t = wr_init(text, sizeof(text));

		if (!args_value(a, i, &t))
			break;
		if (!similar_add(&s, wr_done(&t)))
			continue;
		b.len = 0;
		wr_str(&b, wr_done(&t));
	}
	wr_str(w, s.n == 1 ? wr_done(&b) : value);
}

/* ---- usage and errors ------------------------------------------------ */

static void put_name(struct wr *w, const struct cmd_arg *a)
{
	wr_fmt(w, "%s%s", a->name, a->kind == CMD_KEY ? "=" : "");
}

/* List the arguments whose names have @part. Another name of one is not
 * listed. Return: how many */
static size_t list_args(struct wr *w, const struct cmd_verb *v, struct str part)
{
	struct cmd_arg a;
	size_t n = 0;

	for (size_t i = 0; args_at(v, i, &a); i++) {
		if (a.same_as || !similar_has(str_z(a.name), part))
			continue;
		wr_z(w, n++ ? ", " : "");
		if (a.kind == CMD_TERM)
			wr_z(w, "terms as of where");
		else
			put_name(w, &a);
	}
	return n;
}

/* What the verb takes; of very much only what is similar to the word. */
static void put_taken(struct wr *w, const struct cmd *c, const char *menu,
		      struct str word)
{
	char text[900];
	struct wr all = wr_init_cut(text, sizeof(text));

	if (list_args(&all, c->verb, STR("")) <= LISTED_MAX) {
		wr_fmt(w, "; %s%s takes: ", menu, c->verb->name);
		wr_str(w, wr_done(&all));
		return;
	}
	all.len = 0;
	if (word.n > 2 && list_args(&all, c->verb, word)) {
		wr_z(w, "; similar: ");
		wr_str(w, wr_done(&all));
	}
	wr_fmt(w, "; for all, see: upnpctl %s%s -h", menu, c->verb->name);
}

/* Keys, and the words after the first ones, are not named one by one. */
void args_put_usage(struct wr *w, const struct cmd_verb *v)
{
	const char *between = "";
	struct cmd_arg a;
	bool keys = false;
	unsigned words = 0;

	for (size_t i = 0; args_at(v, i, &a); i++) {
		words += a.kind == CMD_WORD;
		if (words > USAGE_WORDS && a.kind == CMD_WORD)
			continue;
		if (a.kind == CMD_KEY && !a.needed) {
			keys = true;
			continue;
		}
		wr_z(w, between);
		wr_z(w, a.needed ? "" : "[");
		put_name(w, &a);
		wr_z(w, a.kind == CMD_WHERE ? " ..." :
			a.kind == CMD_KEY ? "..." : "");
		wr_z(w, a.needed ? "" : "]");
		between = " ";
	}
	if (words > USAGE_WORDS)
		wr_z(w, " ...");
	if (keys)
		wr_fmt(w, "%s[KEY=VALUE ...]", between);
}

void args_put_help(struct wr *w, const struct cmd_arg *a)
{
	const char *by_default;

	if (a->help)
		wr_z(w, a->help);
	if (a->same_as)
		wr_fmt(w, "the same as %s", a->same_as);
	if (!a->option)
		return;
	wr_z(w, a->help ? ": " : "");
	confopt_range(a->option, w);
	by_default = confopt_default(a->option);
	if (*by_default)
		wr_fmt(w, "; default %s", by_default);
}

static int refuse(const struct cmd *c, const char *what, struct str word,
		  const struct similar *s)
{
	char text[900], menu[64];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct wr m = wr_init_cut(menu, sizeof(menu));
	struct cmd_arg a;

	menu_put_command(&m, c->menu);
	wr_cstr(&m);
	if (!args_at(c->verb, 0, &a))
		return cmd_fail(CMD_USAGE, "%s%s takes no argument, not "
				"\"%.*s\"", menu, c->verb->name, STR_F(word));
	if (!similar_ask(s, &w))
		put_taken(&w, c, menu, word);
	return cmd_fail(CMD_USAGE, "there is no %s \"%.*s\"%s", what,
			STR_F(word), wr_cstr(&w));
}

/* Report that a word is the beginning of several names. */
static int ambiguous(const struct cmd *c, struct str word, bool key)
{
	char text[512];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct cmd_arg a;

	for (size_t i = 0; args_at(c->verb, i, &a); i++) {
		if ((a.kind == CMD_KEY) != key || a.same_as ||
		    !str_starts(str_z(a.name), word))
			continue;
		wr_z(&w, w.len ? ", " : "");
		put_name(&w, &a);
	}
	return cmd_fail(CMD_USAGE, "\"%.*s\" is the beginning of several names: "
			"%s", STR_F(word), wr_cstr(&w));
}

/* ---- names ----------------------------------------------------------- */

/* Compare a name with those of arguments of @kinds (a bit each). Other names of
 * one argument count as one. */
static struct similar look_up(const struct cmd_verb *v, struct str name,
			      unsigned kinds, struct cmd_arg *ret)
{
	struct similar s = { .word = name };
	const char *found = NULL;
	struct cmd_arg a;

	*ret = (struct cmd_arg){ NULL };
	for (size_t i = 0; args_at(v, i, &a); i++) {
		const char *full = a.same_as ? a.same_as : a.name;

		if (!(kinds & 1u << a.kind) ||
		    !similar_add(&s, str_z(a.name)))
			continue;
		if (found && !strcmp(found, full))
			s.n = 1;
		found = full;
		*ret = a;
	}
	return s;
}

bool args_find_key(const struct cmd_verb *v, struct str name,
		   struct cmd_arg *ret)
{
	return look_up(v, name, 1u << CMD_KEY, ret).n == 1;
}

static struct str full_name(const struct cmd_arg *a)
{
	return str_z(a->same_as ? a->same_as : a->name);
}

/* Add an argument. @text: borrowed, or in c->text */
static int add(struct cmd *c, enum cmd_kind kind, struct str text)
{
	c->kind[c->n] = (uint8_t)kind;
	c->arg[c->n++] = text;
	return CMD_OK;
}

static bool has_key(const struct cmd *c, struct str name)
{
	for (size_t i = 0; i < c->n; i++) {
		struct str rest = str_skip(c->arg[i],
					   str_starts(c->arg[i], STR("!")));
		struct str key;

		if (c->kind[i] == CMD_KEY && str_cut(&rest, '=', &key) &&
		    str_eq(key, name))
			return true;
	}
	return false;
}

/* Add "key=value" or "!key", in full. @rest: after the key, with its "=" */
static int add_key(struct cmd *c, struct wr *w, const struct cmd_arg *a,
		   struct str rest)
{
	size_t start = w->len;

	if (has_key(c, full_name(a)))
		return cmd_fail(CMD_USAGE, "%.*s is set twice; set it once",
				STR_F(full_name(a)));
	wr_z(w, rest.n ? "" : "!");
	wr_str(w, full_name(a));
	if (rest.n) {
		wr_ch(w, '=');
		complete_value(w, a, str_skip(rest, 1));
	}
	if (w->over)
		return cmd_fail(CMD_USAGE, "the command is too long");
	return add(c, CMD_KEY, (struct str){ w->buf + start, w->len - start });
}

static int read_key(struct cmd *c, struct wr *w, struct str word,
		    struct str key, struct str rest)
{
	struct cmd_arg a;
	struct similar s;

	if (rest.n && str_eq(key, STR("numbers")) &&
	    args_takes(c->verb, CMD_ITEMS, NULL))
		return add(c, CMD_ITEMS, str_skip(rest, 1));
	s = look_up(c->verb, key, 1u << CMD_KEY, &a);
	/* a text may begin like a key */
	if (s.n == 1 && (s.exact || !args_takes(c->verb, CMD_OTHER, NULL)))
		return add_key(c, w, &a, rest);
	if (args_takes(c->verb, CMD_TERM, NULL))
		return add(c, CMD_TERM, word);
	if (args_takes(c->verb, CMD_OTHER, NULL))
		return add(c, CMD_OTHER, word);
	if (s.n > 1)
		return ambiguous(c, key, true);
	return refuse(c, "option", key, &s);
}

/* A word that should have been "key=value". */
static int not_a_setting(const struct cmd *c, struct str word)
{
	char text[ARGS_VALUE_MAX];
	struct wr value = wr_init(text, sizeof(text));
	struct cmd_arg a;

	if (look_up(c->verb, word, 1u << CMD_KEY, &a).n != 1)
		args_takes(c->verb, CMD_KEY, &a);
	if (!args_value(&a, 0, &value))
		wr_z(&value, "...");
	return cmd_fail(CMD_USAGE, "\"%.*s\" is not a setting; a setting is, "
			"for example, %s=%s", STR_F(word), a.name,
			wr_cstr(&value));
}

static bool has_kind(const struct cmd *c, enum cmd_kind kind)
{
	return memchr(c->kind, kind, c->n) != NULL;
}

/* Read a word without "=". An item may have the name of anything, so that
 * another word must not be shortened where an item can stand. */
static int read_word(struct cmd *c, struct str word)
{
	const unsigned kinds = 1u << CMD_WORD | 1u << CMD_WHERE;
	struct cmd_arg a;
	struct similar s = look_up(c->verb, word, kinds, &a);
	bool items = args_takes(c->verb, CMD_ITEMS, NULL);

	if (s.n == 1 && (s.exact || !items)) {
		if (a.kind == CMD_WORD)
			return add(c, CMD_WORD, full_name(&a));
		c->where = true;
		return CMD_OK;
	}
	if (items && has_kind(c, CMD_ITEMS) &&
	    args_takes(c->verb, CMD_PROP, NULL))
		return add(c, CMD_PROP, word);
	if (items)
		return add(c, CMD_ITEMS, word);
	if (args_takes(c->verb, CMD_PROP, NULL))
		return add(c, CMD_PROP, word);
	if (args_takes(c->verb, CMD_TERM, NULL))
		return add(c, CMD_TERM, word);
	if (args_takes(c->verb, CMD_OTHER, NULL))
		return add(c, CMD_OTHER, word);
	if (s.n > 1)
		return ambiguous(c, word, false);
	if (!args_takes(c->verb, CMD_WORD, NULL) &&
	    args_takes(c->verb, CMD_KEY, NULL))
		return not_a_setting(c, word);
	return refuse(c, "argument", word, &s);
}

int args_read(struct cmd *c, const struct str *word, size_t n)
{
	struct wr w = wr_init(c->text, sizeof(c->text));
	int status = CMD_OK;

	c->n = 0;
	c->where = false;
	for (size_t i = 0; i < n && !status; i++) {
		struct str rest = word[i], key;
		bool is_set = str_cut(&rest, '=', &key) && key.n &&
			      key.n < word[i].n;

		if (c->where)
			status = add(c, CMD_TERM, word[i]);
		else if (str_starts(word[i], STR("[")))
			status = read_word(c, word[i]);
		else if (is_set)
			status = read_key(c, &w, word[i], key,
					  str_skip(word[i], key.n));
		else if (str_starts(word[i], STR("!")))
			status = read_key(c, &w, word[i], str_skip(word[i], 1),
					  STR(""));
		else
			status = read_word(c, word[i]);
	}
	return status;
}
