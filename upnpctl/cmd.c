/* SPDX-License-Identifier: ISC */
/* cmd.c - find the verb that words name; report errors. Runs in: upnpctl */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "upnpctl/cmd.h"
#include "base/text.h"
#include "base/wr.h"

#define NAME "upnpctl: "

static unsigned script_line;
static bool as_json;

void *cmd_large(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		exit(cmd_fail(CMD_FAULT, "out of memory"));
	return p;
}

void cmd_set_line(unsigned line)
{
	script_line = line;
}

void cmd_set_json(bool on)
{
	as_json = on;
}

/* Write the line with one write(), as for plain text. */
static void write_json(int status, struct str text)
{
	char line[2 * 1024 + 64];
	struct wr w = wr_init(line, sizeof(line));

	text = str_skip(text, sizeof(NAME) - 1);
	wr_z(&w, status ? "{\"error\": \"" : "{\"notice\": \"");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			wr_ch(&w, '\\');
		/* the text may be cut inside a character */
		text_put(TEXT_ASCII, &w, (struct str){ text.p + i, 1 });
	}
	wr_fmt(&w, "\", \"status\": %d}\n", status);
	if (write(STDERR_FILENO, line, w.len) < 0)
		return;
}

int cmd_fail(int status, const char *fmt, ...)
{
	char text[1024];
	struct wr w = wr_init_cut(text, sizeof(text) - 1);
	va_list ap;

	wr_z(&w, NAME);
	if (script_line)
		wr_fmt(&w, "line %u: ", script_line);
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	/* the text may quote the arguments and be printed on a terminal */
	text_clean(TEXT_NO_CONTROL, text, w.len);
	text[w.len++] = '\n';
	if (as_json)
		write_json(status, (struct str){ text, w.len - 1 });
	else if (write(STDERR_FILENO, text, w.len) < 0)
		return status;	/* stderr is closed; nothing else to do */
	return status;
}

bool cmd_key(const struct cmd *c, const char *key, struct str *ret_value)
{
	struct str rest, head;

	for (size_t i = 0; i < c->n; i++) {
		rest = c->arg[i];
		if (!str_cut(&rest, '=', &head) || head.n == c->arg[i].n ||
		    !str_eq(head, str_z(key)))
			continue;
		*ret_value = rest;
		return true;
	}
	return false;
}

/* ---- menus and verbs ----------------------------------------------------- */

/* The command or menu that a word names in the current menu. */
struct match {
	const struct cmd_verb *verb;
	const char *menu;
	bool exact;		/* the whole name, not a prefix of it */
	unsigned n;		/* how many names begin with the word */
};

/* Is @word the name or a prefix of it? Count the match. */
static bool matches(struct match *m, struct str word, const char *name)
{
	bool exact = str_eq(word, str_z(name));

	if (m->exact || (!exact && !str_starts(str_z(name), word)))
		return false;
	m->n = exact ? 1 : m->n + 1;
	m->exact = exact;
	return true;
}

/* Is row @v the first of its menu? The rows of a menu need not be adjacent. */
static bool first_of_menu(const struct cmd_verb *verbs,
			  const struct cmd_verb *v)
{
	for (const struct cmd_verb *u = verbs; u < v; u++)
		if (!strcmp(u->menu, v->menu))
			return false;
	return true;
}

/* The name that the menu of row @v has in @menu, if it is directly below it and
 * this is its first row; or NULL. */
static const char *name_below(const struct cmd_verb *verbs,
			      const struct cmd_verb *v, const char *menu)
{
	size_t n = strlen(menu);
	const char *name = v->menu + n;

	if (strncmp(v->menu, menu, n) || !*name || !first_of_menu(verbs, v))
		return NULL;
	if (n && *name++ != ' ')
		return NULL;
	return strchr(name, ' ') ? NULL : name;
}

static void look_up(const struct cmd_verb *verbs, const char *menu,
		    struct str word, struct match *ret)
{
	*ret = (struct match){ .menu = menu };
	for (const struct cmd_verb *v = verbs; v->name; v++) {
		const char *below = name_below(verbs, v, menu);

		if (!strcmp(v->menu, menu) && matches(ret, word, v->name)) {
			ret->verb = v;
			ret->menu = menu;
		}
		if (below && matches(ret, word, below)) {
			ret->verb = NULL;
			ret->menu = v->menu;
		}
	}
}

/* List the names of a menu: "print, set, interfaces". */
static const char *names(const struct cmd_verb *verbs, const char *menu,
			 struct wr *w)
{
	const char *between = "";

	for (const struct cmd_verb *v = verbs; v->name; v++) {
		const char *name = !strcmp(v->menu, menu) ? v->name :
				   name_below(verbs, v, menu);

		if (!name)
			continue;
		wr_fmt(w, "%s%s", between, name);
		between = ", ";
	}
	return wr_cstr(w);
}

static int unknown(const struct cmd_env *env, const struct match *m,
		   struct str word)
{
	char list[512];
	struct wr w = wr_init_cut(list, sizeof(list));

	return cmd_fail(CMD_USAGE, "%s \"%.*s\"%s%s; there are: %s",
			m->n ? "more than one command begins with"
			     : "there is no command", STR_F(word),
			*m->menu && !m->n ? " for " : "",
			m->n ? "" : m->menu,
			names(env->verbs, m->n ? "" : m->menu, &w));
}

/* ---- paths --------------------------------------------------------------- */

/* The part of "/ip upnp" or "/ip nat-pmp" that has been read. */
enum position { AT_ROOT, AT_IP, AT_MENU };

struct path {
	const struct cmd_env *env;
	const char *menu;
	enum position at;
	const struct cmd_verb *verb;
};

static int step(struct path *p, struct str word)
{
	struct match m;

	if (p->at != AT_MENU) {
		struct str want = p->at == AT_ROOT ? STR("ip") : STR("upnp");
		bool nat_pmp = p->at == AT_IP && str_eq(word, STR("nat-pmp"));

		if (!nat_pmp && !str_eq(word, want))
			return cmd_fail(CMD_USAGE, "there is no menu \"%.*s\" "
					"here; use /ip upnp or /ip nat-pmp",
					STR_F(word));
		p->menu = nat_pmp ? "nat-pmp" : "";
		p->at++;
		return CMD_OK;
	}
	if (!*p->menu && str_eq(word, STR("ip"))) {
		p->at = AT_IP;
		return CMD_OK;
	}
	look_up(p->env->verbs, p->menu, word, &m);
	if (m.n != 1)
		return unknown(p->env, &m, word);
	p->menu = m.menu;
	p->verb = m.verb;
	return CMD_OK;
}

/* Read one word, which may have several steps: "/ip/upnp/interfaces". */
static int walk(struct path *p, struct str word)
{
	struct str part;
	int status = CMD_OK;

	if (str_starts(word, STR("/")))
		p->at = AT_ROOT;
	while (!status && str_cut(&word, '/', &part)) {
		if (p->verb)
			return cmd_fail(CMD_USAGE, "\"%.*s\" cannot follow "
					"\"%s/\"; put a space between",
					STR_F(part), p->verb->name);
		if (part.n)
			status = step(p, part);
	}
	return status;
}

int cmd_find(const struct cmd_env *env, const char **menu,
	     const struct str *word, size_t n, struct cmd *ret)
{
	struct path p = { .env = env, .menu = *menu, .at = AT_MENU };
	size_t i;
	int status = CMD_OK;

	for (i = 0; i < n && !p.verb && !status; i++)
		status = walk(&p, word[i]);
	if (status)
		return status;
	if (p.at != AT_MENU)
		return cmd_fail(CMD_USAGE, "the path ends too early; it is "
				"/ip upnp or /ip nat-pmp");
	*menu = p.menu;
	*ret = (struct cmd){ .env = env, .verb = p.verb };
	for (; i < n; i++)
		ret->arg[ret->n++] = word[i];
	return CMD_OK;
}
