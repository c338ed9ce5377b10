/* SPDX-License-Identifier: ISC */
/*
 * ifacelist.c - the interfaces of the configuration as a list.
 * Runs in: upnpctl
 */
#include <string.h>
#include "conf/confopt.h"
#include "sys/netif.h"
#include "upnpctl/externals.h"
#include "upnpctl/ifacelist.h"
#include "upnpctl/json.h"
#include "upnpctl/options.h"
#include "upnpctl/view.h"

static const struct conf_iface *at(const struct list *l, size_t i)
{
	const struct conf *c = l->data;

	return &c->iface[i];
}

static void put_name(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, at(l, i)->name);
}

static void put_type(const struct list *l, size_t i, struct wr *w)
{
	confopt_put(confopt_find(true, STR("type")), at(l, i), w);
}

static void put_forced_ip(const struct list *l, size_t i, struct wr *w)
{
	confopt_put(confopt_find(true, STR("forced-ip")), at(l, i), w);
}

static void put_network(const struct list *l, size_t i, struct wr *w)
{
	confopt_put(confopt_find(true, STR("network")), at(l, i), w);
}

static bool is_type(struct str s)
{
	return str_eq(s, STR("external")) || str_eq(s, STR("internal"));
}

static const struct prop props[] = {
	{ "interface", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL, put_name },
	{ "type", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL, put_type, NULL,
	  is_type, "external or internal" },
	{ "forced-ip", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP,
	  put_forced_ip },
	{ "network", PROP_WORD, PROP_IN_DETAIL | PROP_DROP, put_network },
};

static bool is_disabled(const struct list *l, size_t i)
{
	return at(l, i)->disabled;
}

/* The system lacks an interface of that name now. */
static bool is_invalid(const struct list *l, size_t i)
{
	return !netif_is_there(at(l, i)->name);
}

static bool is_dynamic(const struct list *l, size_t i)
{
	return false;
}

/* A bit for each interface that is active: mappings or pinholes use it. None
 * without a daemon. */
static uint32_t active;
_Static_assert(CONF_IFACES_MAX <= 32, "a bit for each");

static bool is_active(const struct list *l, size_t i)
{
	return active >> i & 1;
}

#define ACTIVE 3	/* its letter is set while a daemon runs */

static struct list_flag flags[] = {
	{ 'X', "disabled", is_disabled },
	{ 'I', "invalid", is_invalid, true },
	{ 'D', "dynamic", is_dynamic },
	[ACTIVE] = { '\0', "active", is_active },
};

static int named(const struct list *l, struct str item, size_t *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!str_eq(item, str_z(at(l, i)->name)))
			continue;
		*ret = i;
		return CMD_OK;
	}
	return -1;
}

static void put_json(const struct list *l, size_t i)
{
	const struct conf_iface *f = at(l, i);

	json_str("interface", str_z(f->name));
	json_str("type", f->type == CONF_EXTERNAL ? STR("external") :
						    STR("internal"));
	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
		json_bool(flags[k].name, flags[k].is(l, i));
	json_addr("forced-ip", f->forced_ip);
	options_json(confopt_find(true, STR("network")), f);
}

struct list ifacelist(struct conf *c)
{
	return (struct list){
		.what = "interface", .example = "0",
		.how_to_add = "interfaces add interface=NAME type=internal",
		.props = props, .prop_n = sizeof(props) / sizeof(props[0]),
		.flags = flags, .flag_n = sizeof(flags) / sizeof(flags[0]),
		.n = c->iface_n, .data = c, .named = named, .name = put_name,
		.json = put_json,
	};
}

static void find_active(const struct cmd_env *env, const struct conf *c)
{
	static struct externals *x;

	CMD_LARGE(x);
	active = 0;
	flags[ACTIVE].letter = '\0';
	if (externals_read(env, c, x) || !x->served)
		return;
	flags[ACTIVE].letter = 'A';
	for (size_t i = 0; i < c->iface_n; i++)
		if (externals_uses(x, c->iface[i].name))
			active |= UINT32_C(1) << i;
}

int ifacelist_open(const struct cmd_env *env, struct list *ret)
{
	static struct view *v;
	int status;

	CMD_LARGE(v);
	status = view_open(v, env);
	if (status)
		return status;
	*ret = ifacelist(&v->conf);
	if (!env->change)
		find_active(env, &v->conf);
	return CMD_OK;
}
