/* SPDX-License-Identifier: ISC */
/*
 * export.c - "export": print the configuration as a script in the form of
 * RouterOS's export. Runs in: upnpctl
 */
#include <string.h>
#include "base/wr.h"
#include "upnpctl/cmd.h"
#include "upnpctl/out.h"
#include "upnpctl/rulelist.h"
#include "upnpctl/view.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"

/* RouterOS's options of /ip upnp, in its order: they share one line. */
static const char *const routeros[] = {
	"allow-disable-external-interface", "enabled", "show-dummy-rule",
};
#define ROUTEROS_N (sizeof(routeros) / sizeof(routeros[0]))

static bool is_routeros(const char *name)
{
	for (size_t i = 0; i < ROUTEROS_N; i++)
		if (!strcmp(name, routeros[i]))
			return true;
	return !strcmp(name, "nat-pmp");
}

static bool is_plain(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_' || c == '/' || c == ':'))
			return false;
	}
	return v.n > 0;
}

static void put_value(struct str v)
{
	if (is_plain(v)) {
		out_str(v);
		return;
	}
	out_str(STR("\""));
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\t')
			out_str(STR("\\t"));
		else if (v.p[i] == '"' || v.p[i] == '\\' || v.p[i] == '$' ||
			 v.p[i] == '?')
			out_fmt("\\%c", v.p[i]);
		else
			out_str((struct str){ v.p + i, 1 });
	}
	out_str(STR("\""));
}

static void put_option(const struct confopt *o, const void *base)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	confopt_put(o, base, &w);
	out_fmt(" %s=", confopt_name(o));
	put_value(wr_done(&w));
}

static bool is_default(const struct confopt *o, const struct conf *conf)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	confopt_put(o, conf, &w);
	return str_eq(wr_done(&w), str_z(confopt_default(o)));
}

static void put_settings(const struct conf *conf)
{
	const struct confopt *o;

	out_fmt("/ip nat-pmp\nset enabled=%s\n", conf->nat_pmp ? "yes" : "no");
	out_str(STR("/ip upnp\nset"));
	for (size_t i = 0; i < ROUTEROS_N; i++)
		put_option(confopt_find(false, str_z(routeros[i])), conf);
	out_str(STR("\n"));
	for (size_t i = 0; (o = confopt_at(false, i)); i++) {
		if (is_routeros(confopt_name(o)) || is_default(o, conf))
			continue;
		out_str(STR("set"));
		put_option(o, conf);
		out_str(STR("\n"));
	}
}

static void put_comment(struct str comment, bool disabled)
{
	if (comment.n) {
		out_str(STR(" comment="));
		put_value(comment);
	}
	out_str(disabled ? STR(" disabled=yes") : STR(""));
}

/* Write the rules in their order, each with its options in alphabetical order,
 * as RouterOS would. */
static void put_rules(const struct confedit *text)
{
	static const char *const keys[] = {
		"external-ports", "internal-ports", "network",
	};
	static struct rulelist *rules;
	struct list l;
	char value[128];

	CMD_LARGE(rules);
	rulelist_read(text, rules);
	l = rulelist(rules);
	if (l.n)
		out_str(STR("/ip upnp rules\n"));
	for (size_t i = 0; i < l.n; i++) {
		out_fmt("add action=%s", rules->at[i].is.is.allow ? "allow" :
								    "deny");
		put_comment(str_z(rules->at[i].is.comment.text),
			    rules->at[i].is.disabled);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			struct wr w = wr_init(value, sizeof(value));

			list_prop(&l, str_z(keys[k]))->put(&l, i, &w);
			out_fmt(" %s=", keys[k]);
			put_value(wr_done(&w));
		}
		out_str(STR("\n"));
	}
}

/* Write a mapping as RouterOS would, with its options in alphabetical order. */
static void put_mapping(const struct conf *conf, const struct conf_mapping *m)
{
	const char *comment = confmapping_text(conf, m);
	char buf[ADDR_TEXT_MAX + 16];
	struct wr to = wr_init(buf, sizeof(buf));

	out_str(STR("add"));
	put_comment(str_z(comment), m->disabled);
	out_fmt(" external-port=%u protocol=%s", (unsigned)m->ext_port,
		nat_rule_proto(m->proto));
	if (addr_is_set(m->remote)) {
		confmapping_put_remote(&to, m->remote, m->remote_port);
		out_str(STR(" remote-host="));
		put_value(wr_done(&to));
		to.len = 0;
	}
	addr_host_write(&to, m->client);
	wr_fmt(&to, ":%u", (unsigned)m->int_port);
	out_str(STR(" to="));
	put_value(wr_done(&to));
	out_str(STR("\n"));
}

int export_run(struct cmd *c)
{
	static struct view *v;
	int status;

	if (c->env->json)
		return cmd_fail(CMD_USAGE, "export is a script; use "
				"\"print\" for JSON");
	CMD_LARGE(v);
	status = view_open(v, c->env);
	if (status)
		return status;
	out_str(STR("# by upnpd " UPNPD_VERSION "\n"));
	put_settings(&v->conf);
	if (v->conf.iface_n)
		out_str(STR("/ip upnp interfaces\n"));
	/* Options in RouterOS's order, which is alphabetical. */
	for (size_t i = 0; i < v->conf.iface_n; i++) {
		const struct conf_iface *f = &v->conf.iface[i];

		out_str(STR("add"));
		put_option(confopt_find(true, STR("disabled")), f);
		if (addr_is_set(f->forced_ip))
			put_option(confopt_find(true, STR("forced-ip")), f);
		out_fmt(" interface=%s", f->name);
		if (f->network.n)
			put_option(confopt_find(true, STR("network")), f);
		put_option(confopt_find(true, STR("type")), f);
		out_str(STR("\n"));
	}
	put_rules(&v->text);
	if (v->conf.mapping_n)
		out_str(STR("/ip upnp mappings\n"));
	for (size_t i = 0; i < v->conf.mapping_n; i++)
		put_mapping(&v->conf, &v->conf.mapping[i]);
	return CMD_OK;
}
