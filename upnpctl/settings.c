/* SPDX-License-Identifier: ISC */
/* settings.c - "print" and "set": the global options. Runs in: upnpctl */
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

static void put_line(const struct confopt *o, const struct conf *conf)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	const char *name = confopt_name(o);

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
		put_line(o, &v->conf);
	for (size_t i = 0; !detail && i < sizeof(routeros) / sizeof(*routeros);
	     i++)
		put_line(confopt_find(false, str_z(routeros[i])), &v->conf);
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

int settings_set(struct cmd *c)
{
	if (!c->n)
		return cmd_fail(CMD_USAGE, "set needs an option, such as: set "
				"enabled=yes");
	return change_run(c, edit);
}
