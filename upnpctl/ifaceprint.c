/* SPDX-License-Identifier: ISC */
/* ifaceprint.c - "interfaces print". Runs in: upnpctl */
#include <string.h>
#include "base/wr.h"
#include "sys/netif.h"
#include "upnpctl/args.h"
#include "upnpctl/ifacelist.h"
#include "upnpctl/json.h"
#include "upnpctl/options.h"
#include "upnpctl/out.h"
#include "upnpctl/view.h"
#include "upnpctl/where.h"

#define FLAGS "Flags: X - disabled, I - invalid, D - dynamic\n"

/* Which interfaces to print, and the widths of the columns. */
struct listing {
	const struct conf *conf;
	bool shown[CONF_IFACES_MAX];
	bool invalid[CONF_IFACES_MAX];
	unsigned flags, name;	/* columns */
};

static unsigned flags_of(const struct listing *l, size_t i, struct wr *w)
{
	if (l->conf->iface[i].disabled)
		wr_ch(w, 'X');
	if (l->invalid[i])
		wr_ch(w, 'I');
	return (unsigned)w->len;
}

static void measure(struct listing *l)
{
	char text[8];

	l->flags = 1;
	l->name = sizeof("INTERFACE") - 1;
	for (size_t i = 0; i < l->conf->iface_n; i++) {
		struct wr w = wr_init(text, sizeof(text));
		unsigned name = (unsigned)strlen(l->conf->iface[i].name);

		l->invalid[i] = !netif_is_there(l->conf->iface[i].name);
		if (!l->shown[i])
			continue;
		if (flags_of(l, i, &w) > l->flags)
			l->flags = (unsigned)w.len;
		if (name > l->name)
			l->name = name;
	}
}

static void put_number(const struct listing *l, size_t i)
{
	char text[8];
	struct wr w = wr_init(text, sizeof(text));

	flags_of(l, i, &w);
	out_fmt("%3u ", (unsigned)i);
	out_pad(wr_done(&w), l->flags);
	out_str(STR(" "));
}

static const char *type_of(const struct conf_iface *i)
{
	return i->type == CONF_EXTERNAL ? "external" : "internal";
}

static void put_row(const struct listing *l, size_t i)
{
	const struct conf_iface *f = &l->conf->iface[i];

	put_number(l, i);
	out_pad(str_z(f->name), l->name + 3);
	if (addr_is_set(f->forced_ip)) {
		out_pad(str_z(type_of(f)), 11);
		out_str(str_z(addr_text(f->forced_ip).text));
	} else {
		out_str(str_z(type_of(f)));
	}
	out_str(STR("\n"));
}

static void put_table(const struct listing *l)
{
	out_str(STR(FLAGS));
	out_str(STR("  # "));
	out_pad(STR(""), l->flags + 1);
	out_pad(STR("INTERFACE"), l->name + 3);
	out_str(STR("TYPE       FORCED-IP\n"));
	for (size_t i = 0; i < l->conf->iface_n; i++)
		if (l->shown[i])
			put_row(l, i);
}

static void put_networks(const struct conf_iface *f)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	confopt_put(confopt_find(true, STR("network")), f, &w);
	out_str(wr_done(&w));
}

static void put_detail(const struct listing *l)
{
	const struct conf_iface *f;
	bool first = true;

	out_str(STR(FLAGS));
	for (size_t i = 0; i < l->conf->iface_n; i++) {
		if (!l->shown[i])
			continue;
		f = &l->conf->iface[i];
		if (!first)
			out_str(STR("\n"));
		first = false;
		put_number(l, i);
		out_fmt("interface=%s type=%s", f->name, type_of(f));
		if (addr_is_set(f->forced_ip))
			out_fmt(" forced-ip=%s", addr_text(f->forced_ip).text);
		if (f->network.n) {
			out_str(STR(" network="));
			put_networks(f);
		}
		out_str(STR("\n"));
	}
}

static void put_json(const struct listing *l)
{
	json_array(NULL);
	for (size_t i = 0; i < l->conf->iface_n; i++) {
		const struct conf_iface *f = &l->conf->iface[i];

		if (!l->shown[i])
			continue;
		json_object(NULL);
		json_u64("number", i);
		json_str("interface", str_z(f->name));
		json_str("type", str_z(type_of(f)));
		json_bool("disabled", f->disabled);
		json_bool("invalid", l->invalid[i]);
		json_bool("dynamic", false);
		json_addr("forced-ip", f->forced_ip);
		options_json(confopt_find(true, STR("network")), f);
		json_end();
	}
	json_end();
}

const struct cmd_arg ifaceprint_args[] = {
	{ "detail", CMD_WORD, .help = "every property" },
	{ "where", CMD_WHERE, .help = "only some, such as: where disabled" },
	{ NULL },
};

int ifaceprint_run(struct cmd *c)
{
	static struct view *v;
	struct listing l = { .conf = NULL };
	struct list all;
	int status;

	CMD_LARGE(v);
	l.conf = &v->conf;
	status = view_open(v, c->env);
	if (status)
		return status;
	all = ifacelist(&v->conf);
	status = where_cmd(&all, c, l.shown);
	if (status)
		return status;
	measure(&l);
	if (c->env->json)
		put_json(&l);
	else if (cmd_word(c, "detail"))
		put_detail(&l);
	else
		put_table(&l);
	return CMD_OK;
}
