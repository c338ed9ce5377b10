/* SPDX-License-Identifier: ISC */
/*
 * settings.c - "print" and "set": the global options, and of /ip nat-pmp the
 * option nat-pmp, which RouterOS calls "enabled" there. Runs in: upnpctl
 */
#include <string.h>
#include "base/wr.h"
#include "upnpctl/change.h"
#include "upnpctl/json.h"
#include "upnpctl/options.h"
#include "upnpctl/out.h"
#include "upnpctl/view.h"

/* As wide as "allow-disable-external-interface", indented by four. */
#define NAME_COLUMNS 36

/* The options that RouterOS has. */
static const char *const routeros[] = {
	"enabled", "allow-disable-external-interface", "show-dummy-rule",
};

static void put_line(const char *name, const struct confopt *o,
		     const struct conf *conf)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	confopt_put(o, conf, &w);
	for (size_t n = strlen(name); n < NAME_COLUMNS; n++)
		out_str(STR(" "));
	out_fmt("%s:%s", name, w.len ? " " : "");
	out_pad(wr_done(&w), 0);
	out_str(STR("\n"));
}

int settings_print(struct cmd *c)
{
	static struct view *v;
	const struct confopt *o;
	bool detail = c->n == 1 && str_eq(c->arg[0], STR("detail"));
	int status;

	if (c->n && !detail)
		return cmd_fail(CMD_USAGE, "print takes detail, not \"%.*s\"",
				STR_F(c->arg[c->n - 1]));
	CMD_LARGE(v);
	status = view_open(v, c->env->file);
	if (status)
		return status;
	if (c->env->json) {
		json_object(NULL);
		for (size_t i = 0; (o = confopt_at(false, i)); i++)
			options_json(o, &v->conf);
		json_end();
		return CMD_OK;
	}
	for (size_t i = 0; detail && (o = confopt_at(false, i)); i++)
		put_line(confopt_name(o), o, &v->conf);
	for (size_t i = 0; !detail && i < sizeof(routeros) / sizeof(*routeros);
	     i++)
		put_line(routeros[i], confopt_find(false, str_z(routeros[i])),
			 &v->conf);
	return CMD_OK;
}

static int edit(struct cmd *c, struct change *change)
{
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++) {
		status = options_set(&change->now, NULL, c->arg[i]);
		if (str_starts(c->arg[i], STR("enabled=")))
			change->serve = true;
	}
	return status;
}

/* ---- /ip nat-pmp ----------------------------------------------------- */

int settings_print_natpmp(struct cmd *c)
{
	static struct view *v;
	int status;

	if (c->n)
		return cmd_fail(CMD_USAGE, "nat-pmp print takes no argument, "
				"not \"%.*s\"", STR_F(c->arg[0]));
	CMD_LARGE(v);
	status = view_open(v, c->env->file);
	if (status)
		return status;
	if (c->env->json) {
		json_object(NULL);
		json_bool("enabled", v->conf.nat_pmp);
		json_end();
	} else {
		put_line("enabled", confopt_find(false, STR("nat-pmp")),
			 &v->conf);
	}
	if (v->conf.nat_pmp && !v->conf.enabled)
		cmd_fail(CMD_OK, "nothing is served, because upnpd is not "
			 "enabled; run: upnpctl set enabled=yes");
	return CMD_OK;
}

static int edit_natpmp(struct cmd *c, struct change *change)
{
	const struct str key = STR("enabled=");
	char text[64];
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++) {
		struct wr w = wr_init_cut(text, sizeof(text));
		struct str arg = c->arg[i];

		if (str_eq(arg, STR("!enabled")))
			wr_z(&w, "!nat-pmp");
		else if (str_starts(arg, key))
			wr_fmt(&w, "nat-pmp=%.*s",
			       STR_F(str_skip(arg, key.n)));
		else
			return cmd_fail(CMD_USAGE, "nat-pmp set takes enabled="
					"yes or enabled=no, not \"%.*s\"",
					STR_F(arg));
		status = options_set(&change->now, NULL, wr_done(&w));
	}
	return status;
}

int settings_set(struct cmd *c)
{
	const char *menu = c->verb->menu;

	if (!c->n)
		return cmd_fail(CMD_USAGE, "%s%sset needs an option, such as: "
				"set enabled=yes", menu, *menu ? " " : "");
	return change_run(c, *menu ? edit_natpmp : edit);
}
