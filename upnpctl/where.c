/* SPDX-License-Identifier: ISC */
/*
 * where.c - the grammar of "print where", "find" and "[find ...]".
 * Runs in: upnpctl
 */
#include <stdlib.h>
#include <string.h>
#include "upnpctl/maptext.h"
#include "upnpctl/similar.h"
#include "upnpctl/where.h"

#define VALUE_MAX 1024		/* more than the longest value of a property */

enum op { OP_IS, OP_IS_NOT, OP_HAS, OP_MORE, OP_LESS };

struct term {
	const struct list *list;
	struct str text, key, value;
	enum op op;
	const struct prop *prop;
	const struct list_flag *flag;
	uint64_t number;	/* of OP_MORE and OP_LESS */
};

/* Split "key!=value". Return: it is bare, such as "disabled" or "!disabled": a
 * flag, or a property that is set or not */
static bool split(struct term *t)
{
	static const char ops[] = "=~><";
	static const enum op op[] = { OP_IS, OP_HAS, OP_MORE, OP_LESS };
	const struct str s = t->text;
	size_t i = 0;

	while (i < s.n && !memchr(ops, s.p[i], sizeof(ops) - 1))
		i++;
	t->key = (struct str){ s.p, i };
	t->value = str_skip(s, i + 1);
	if (i == s.n) {
		t->op = str_starts(s, STR("!")) ? OP_IS_NOT : OP_IS;
		t->key = str_skip(s, t->op == OP_IS_NOT);
		t->value = STR("yes");
		return true;
	}
	t->op = op[strchr(ops, s.p[i]) - ops];
	if (i && t->op == OP_IS && s.p[i - 1] == '!') {
		t->op = OP_IS_NOT;
		t->key.n--;
	}
	return false;
}

/* Parse a number, or a time in seconds. */
static bool read_number(const struct prop *p, struct str s, uint64_t *ret)
{
	uint32_t time_s;

	if (p->kind == PROP_NUMBER)
		return !str_u64(s, 0, UINT64_MAX, ret);
	*ret = UINT64_MAX;
	if (str_eq(s, STR("never")))
		return true;
	if (maptext_read_time(s, &time_s))
		return false;
	*ret = time_s;
	return true;
}

static int check_value(struct term *t)
{
	const struct prop *p = t->prop;
	const char *takes = NULL;
	bool yes;

	if (!p) {
		if (t->op > OP_IS_NOT || !maptext_read_bool(t->value, &yes))
			takes = "yes or no";
	} else if (t->op == OP_MORE || t->op == OP_LESS) {
		if (p->kind != PROP_NUMBER && p->kind != PROP_TIME)
			return cmd_fail(CMD_USAGE, "%s is not a number; use =, "
					"!= or ~", p->name);
		if (!read_number(p, t->value, &t->number))
			takes = p->kind == PROP_NUMBER ? "a number" :
				"a time, such as 1h30m";
	} else if (t->op != OP_HAS && p->accepts && t->value.n &&
		   !p->accepts(t->value)) {
		takes = p->takes;
	}
	if (!takes)
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "%s is \"%.*s\"; it takes %s",
			p ? p->name : t->flag->name, STR_F(t->value), takes);
}

static int read_term(const struct list *l, struct str text, struct term *ret)
{
	bool is_bare;
	int status;

	*ret = (struct term){ .list = l, .text = text };
	is_bare = split(ret);
	status = list_look_up(l, ret->key, &ret->prop, &ret->flag);
	if (!status && is_bare && ret->prop &&
	    ret->prop->kind != PROP_BOOL)	/* is it set? */
		*ret = (struct term){ .list = l, .prop = ret->prop,
			.op = ret->op == OP_IS ? OP_IS_NOT : OP_IS };
	return status ? status : check_value(ret);
}

static bool is(const struct term *t, size_t i, struct str text)
{
	bool yes;

	if (t->prop->equal && t->value.n)
		return t->prop->equal(t->list, i, t->value);
	if (t->prop->kind == PROP_BOOL && maptext_read_bool(t->value, &yes))
		return str_eq(text, yes ? STR("yes") : STR("no"));
	return str_eq(text, t->value);
}

static bool matches(const struct term *t, size_t i)
{
	char text[VALUE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	uint64_t n;
	bool yes;

	if (!t->prop) {
		maptext_read_bool(t->value, &yes);
		return (t->flag->is(t->list, i) == yes) == (t->op == OP_IS);
	}
	t->prop->put(t->list, i, &w);
	if (t->op == OP_HAS)
		return similar_has(wr_done(&w), t->value);
	if (t->op == OP_IS || t->op == OP_IS_NOT)
		return is(t, i, wr_done(&w)) == (t->op == OP_IS);
	if (!read_number(t->prop, wr_done(&w), &n))
		return false;	/* it is not set */
	return t->op == OP_MORE ? n > t->number : n < t->number;
}

/* Is it a word between two terms? @i: its index of @n words */
static bool is_between(struct str word, size_t i, size_t n)
{
	return i && i + 1 < n &&
	       (str_eq(word, STR("and")) || str_eq(word, STR("or")));
}

int where_items(const struct list *l, const struct str *term, size_t n,
	       bool *ret)
{
	bool *group = list_mask(l);	/* the terms since the last "or" */
	struct term t;
	int status = CMD_OK;

	memset(group, true, l->n);
	memset(ret, false, l->n);
	for (size_t k = 0; k < n && !status; k++) {
		if (is_between(term[k], k, n)) {
			for (size_t i = 0; i < l->n && *term[k].p == 'o'; i++) {
				ret[i] |= group[i];
				group[i] = true;
			}
			continue;
		}
		status = read_term(l, term[k], &t);
		for (size_t i = 0; i < l->n && !status; i++)
			group[i] = group[i] && matches(&t, i);
	}
	for (size_t i = 0; i < l->n; i++)
		ret[i] |= group[i];
	free(group);
	return status;
}

int where_cmd(const struct list *l, const struct cmd *c, bool *ret)
{
	struct str term[CMD_ARGS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->kind[i] == CMD_TERM)
			term[n++] = c->arg[i];
	return where_items(l, term, n, ret);
}
