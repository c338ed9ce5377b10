/* SPDX-License-Identifier: ISC */
/*
 * settings.c - "print" and "set": the global options, and of /ip nat-pmp the
 * option nat-pmp, which RouterOS calls "enabled" there. Runs in: upnpctl
 */
#include <string.h>
#include "base/wr.h"
#include "conf/confline.h"
#include "upnpctl/args.h"
#include "upnpctl/candidate.h"
#include "upnpctl/change.h"
#include "upnpctl/json.h"
#include "upnpctl/menu.h"
#include "upnpctl/options.h"
#include "upnpctl/out.h"
#include "upnpctl/rulelist.h"
#include "upnpctl/term.h"
#include "upnpctl/view.h"

/* As wide as "allow-disable-external-interface", indented by four. */
#define NAME_COLUMNS 36

/* The options that RouterOS has. */
static const char *const routeros[] = {
	"enabled", "allow-disable-external-interface", "show-dummy-rule",
};

static void put_text(const char *name, struct str value)
{
	for (size_t n = strlen(name); n < NAME_COLUMNS; n++)
		out_str(STR(" "));
	out_fmt("%s:%s", name, value.n ? " " : "");
	term_wrap(value, NAME_COLUMNS + 2);
}

static void put_line(const char *name, const struct confopt *o,
		     const struct conf *conf)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	confopt_put(o, conf, &w);
	put_text(name, wr_done(&w));
}

/* The rules are printed by "rules print"; here they complete the settings. */
static void put_rules(const struct confedit *text)
{
	struct confline l;

	for (size_t i = 0; confedit_rule(text, i, &l); i++)
		put_text("rule", l.text);
}

static void rules_json(const struct confedit *text)
{
	static struct rulelist *rules;
	struct list l;

	CMD_LARGE(rules);
	rulelist_read(text, rules);
	l = rulelist(rules);
	json_array("rules");
	for (size_t i = 0; i < l.n; i++) {
		json_object(NULL);
		json_u64("number", i);
		l.json(&l, i);
		json_end();
	}
	json_end();
}

const struct cmd_arg settings_print_args[] = {
	{ "detail", CMD_WORD, .help = "every setting, and the rules" },
	{ NULL },
};

bool settings_set_arg(size_t i, struct cmd_arg *ret)
{
	const struct confopt *o = confopt_at(false, i);

	if (o)
		*ret = (struct cmd_arg){ confopt_name(o), CMD_KEY,
					 .option = o };
	return o;
}

int settings_print(struct cmd *c)
{
	static struct view *v;
	const struct confopt *o;
	bool detail = cmd_word(c, "detail");
	int status;

	CMD_LARGE(v);
	status = view_open(v, c->env);
	if (status)
		return status;
	if (c->env->json) {
		json_object(NULL);
		for (size_t i = 0; (o = confopt_at(false, i)); i++)
			options_json(o, &v->conf);
		rules_json(&v->text);
		json_end();
		return CMD_OK;
	}
	for (size_t i = 0; detail && (o = confopt_at(false, i)); i++)
		put_line(confopt_name(o), o, &v->conf);
	if (detail)
		put_rules(&v->text);
	for (size_t i = 0; !detail && i < sizeof(routeros) / sizeof(*routeros);
	     i++)
		put_line(routeros[i], confopt_find(false, str_z(routeros[i])),
			 &v->conf);
	if (!c->env->change)
		view_notice_missing(c->env->file);
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

/* NAT-PMP is on, and upnpd itself is not. */
static void warn_off(const struct conf *conf)
{
	if (conf->nat_pmp && !conf->enabled)
		cmd_fail(CMD_OK, "nothing is served, because upnpd is not "
			 "enabled; run: upnpctl set enabled=yes");
}

int settings_print_natpmp(struct cmd *c)
{
	static struct view *v;
	int status;

	CMD_LARGE(v);
	status = view_open(v, c->env);
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
	warn_off(&v->conf);
	return CMD_OK;
}

const struct cmd_arg settings_natpmp_args[] = {
	{ "enabled", CMD_KEY, .values = "yes no", .help = "serve NAT-PMP" },
	{ NULL },
};

static int edit_natpmp(struct cmd *c, struct change *change)
{
	const struct str key = STR("enabled=");
	char text[64];
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++) {
		struct wr w = wr_init_cut(text, sizeof(text));

		if (str_starts(c->arg[i], STR("!")))
			wr_z(&w, "!nat-pmp");
		else
			wr_fmt(&w, "nat-pmp=%.*s",
			       STR_F(str_skip(c->arg[i], key.n)));
		status = options_set(&change->now, NULL, wr_done(&w));
	}
	return status;
}

static int set(struct cmd *c, int (*change)(struct cmd *, struct change *))
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (c->n)
		return change_run(c, change);
	menu_put_command(&w, c->menu);
	return cmd_fail(CMD_USAGE, "%sset needs an option, such as: set "
			"enabled=yes", wr_cstr(&w));
}

int settings_set(struct cmd *c)
{
	return set(c, edit);
}

int settings_set_natpmp(struct cmd *c)
{
	static struct view *v;
	int status = set(c, edit_natpmp);

	if (status || c->env->change)
		return status;
	CMD_LARGE(v);
	status = view_open(v, c->env);
	if (!status)
		warn_off(&v->conf);
	return status;
}

/* ---- /ip firewall nat ------------------------------------------------ */

const struct cmd_arg settings_masquerade_args[] = {
	{ "chain", CMD_KEY, true, .values = "srcnat" },
	{ "action", CMD_KEY, true, .values = "masquerade" },
	{ "out-interface", CMD_KEY, true, true, .help = "the external one" },
	{ NULL },
};

static bool is_key(struct cmd *c, const char *key, struct str want)
{
	struct str value;

	return cmd_key(c, key, &value) && str_eq(value, want);
}

/* Is it an enabled external interface, or is there none yet? */
static bool is_external(const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->iface_n; i++)
		if (str_eq(name, str_z(c->iface[i].name)))
			return c->iface[i].type == CONF_EXTERNAL &&
			       !c->iface[i].disabled;
	return !conf_external(c);
}

static int edit_masquerade(struct cmd *c, struct change *change)
{
	static struct conf *conf;
	struct str out = { NULL, 0 };

	CMD_LARGE(conf);
	candidate_draft(&change->now, conf);
	cmd_key(c, "out-interface", &out);
	if (!out.n || !is_key(c, "chain", STR("srcnat")) ||
	    !is_key(c, "action", STR("masquerade")))
		return cmd_fail(CMD_USAGE, "only this rule can be added: "
				"/ip/firewall/nat add action=masquerade "
				"chain=srcnat out-interface=NAME; for a port: "
				"mappings add");
	if (!is_external(conf, out))
		return cmd_fail(CMD_USAGE, "upnpd masquerades only at the "
				"active external interface; %.*s is not an "
				"external one", STR_F(out));
	return options_set(&change->now, NULL, STR("masquerade=yes"));
}

int settings_masquerade(struct cmd *c)
{
	int status = change_run(c, edit_masquerade);

	if (!status)
		cmd_fail(CMD_OK, "this set masquerade=yes: the internal "
			 "networks are masqueraded at the active external interface");
	return status;
}

/* ---- get ----------------------------------------------------------------- */

const struct cmd_arg settings_get_args[] = {
	{ "value-name", CMD_KEY, .help = "the option" },
	{ NULL },
};

bool settings_get_arg(size_t i, struct cmd_arg *ret)
{
	if (!settings_set_arg(i, ret))
		return false;
	ret->kind = CMD_WORD;
	return true;
}

int settings_get(struct cmd *c)
{
	static struct view *v;
	struct str name = { NULL, 0 };
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	const struct confopt *o;
	int status;

	if (!cmd_key(c, "value-name", &name) && c->n)
		name = c->arg[0];
	if (!name.n || c->n > 1)
		return cmd_fail(CMD_USAGE, "get needs one option, such as: get "
				"enabled");
	status = options_find(false, name, &o);
	CMD_LARGE(v);
	if (!status)
		status = view_open(v, c->env);
	if (status)
		return status;
	confopt_put(o, &v->conf, &w);
	if (c->env->json) {
		json_object(NULL);
		options_json(o, &v->conf);
		json_end();
		return CMD_OK;
	}
	out_pad(wr_done(&w), 0);
	out_str(STR("\n"));
	return CMD_OK;
}
