/* SPDX-License-Identifier: ISC */
/*
 * ifaces.c - "interfaces add", "set", "enable", "disable" and "remove".
 * Runs in: upnpctl
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "upnpctl/args.h"
#include "upnpctl/change.h"
#include "upnpctl/ifacelist.h"
#include "upnpctl/menu.h"
#include "upnpctl/options.h"
#include "upnpctl/pick.h"
#include "upnpctl/candidate.h"
#include "conf/confline.h"

/* ---- what they take ------------------------------------------------------ */

const struct cmd_arg ifaces_items_args[] = {
	{ "N,...|NAME", CMD_ITEMS, true, .help = "numbers or names" },
	{ NULL },
};

const struct cmd_arg ifaces_set_args[] = {
	{ "N,...|NAME", CMD_ITEMS, true, .help = "numbers or names" },
	{ "interface", CMD_KEY, .help = "its name, which cannot be changed" },
	{ "type", CMD_KEY, .values = "external internal",
	  .help = "to the internet, or to the LAN" },
	{ NULL },
};

const struct cmd_arg ifaces_add_args[] = {
	{ "interface", CMD_KEY, true, true, .help = "its name" },
	{ "type", CMD_KEY, true, .values = "external internal",
	  .help = "to the internet, or to the LAN" },
	{ NULL },
};

/* What every interface has, apart from its type. RouterOS's comment is accepted
 * and not kept. */
bool ifaces_arg(size_t i, struct cmd_arg *ret)
{
	static const struct cmd_arg more[] = {
		{ "forced-external-ip", CMD_KEY, .same_as = "forced-ip" },
		{ "comment", CMD_KEY, .help = "accepted and not kept" },
	};
	const size_t n = sizeof(more) / sizeof(more[0]);
	const struct confopt *o;

	for (size_t k = 0; (o = confopt_at(true, k)); k++) {
		if (!strcmp(confopt_name(o), "type") || i--)
			continue;
		*ret = (struct cmd_arg){ confopt_name(o), CMD_KEY,
					 .option = o };
		return true;
	}
	if (i < n)
		*ret = more[i];
	return i < n;
}

/* ---- verbs --------------------------------------------------------------- */

static int set_one(struct cmd *c, struct change *change,
		   const struct conf_iface *i)
{
	struct str key, value;
	int status = CMD_OK;

	if (cmd_key(c, "interface", &value) && !str_eq(value, str_z(i->name)))
		return cmd_fail(CMD_USAGE, "an interface cannot be renamed; "
				"remove %s and add %.*s", i->name,
				STR_F(value));
	for (size_t k = 0; k < c->n && !status; k++) {
		if (c->kind[k] != CMD_KEY)
			continue;
		if (options_split(c->arg[k], &key, &value) &&
		    (str_eq(key, STR("comment")) ||
		     str_eq(key, STR("interface"))))
			continue;
		status = options_set(&change->now, i->name, c->arg[k]);
	}
	return status;
}

static int edit_one(struct cmd *c, struct change *change,
		    const struct conf_iface *f)
{
	if (c->verb->run == ifaces_set)
		return set_one(c, change, f);
	if (c->verb->run == ifaces_remove)
		return change_fault(confedit_del_iface(&change->now, f->name),
				    str_z(f->name));
	if (f->disabled == (c->verb->run == ifaces_disable))
		return CMD_OK;
	return options_set(&change->now, f->name, f->disabled ?
			   STR("disabled=no") : STR("disabled=yes"));
}

/* Run the verb for each selected interface, in the order of the file. */
static int edit_selected(struct cmd *c, struct change *change)
{
	static struct conf *conf;
	struct list l;
	bool *chosen;
	int status;

	CMD_LARGE(conf);
	candidate_draft(&change->now, conf);
	l = ifacelist(conf);
	chosen = list_mask(&l);
	status = pick_cmd(c, &l, chosen);
	for (size_t i = 0; i < conf->iface_n && !status; i++)
		if (chosen[i])
			status = edit_one(c, change, &conf->iface[i]);
	free(chosen);
	return status;
}

int ifaces_set(struct cmd *c)
{
	return change_run(c, edit_selected);
}

int ifaces_enable(struct cmd *c)
{
	return change_run(c, edit_selected);
}

int ifaces_disable(struct cmd *c)
{
	return change_run(c, edit_selected);
}

int ifaces_remove(struct cmd *c)
{
	return change_run(c, edit_selected);
}

/* ---- add ----------------------------------------------------------------- */

/* Set the options that are given. */
static int set_given(struct cmd *c, struct change *change, const char *name)
{
	struct str key, value;
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++) {
		if (!options_split(c->arg[i], &key, &value) ||
		    (!str_eq(key, STR("interface")) &&
		     !str_eq(key, STR("comment"))))
			status = options_set(&change->now, name, c->arg[i]);
	}
	return status;
}

static int add_options(struct cmd *c, struct change *change, const char *name)
{
	struct str value;
	int status = set_given(c, change, name);

	if (!status && !c->env->add_enabled && !cmd_key(c, "disabled", &value))
		status = options_set(&change->now, name, STR("disabled=yes"));
	return status;
}

/* Has the interface of that name this type? */
static bool has_type(const struct change *change, struct str name,
		     struct str type)
{
	static struct conf *conf;

	CMD_LARGE(conf);
	candidate_draft(&change->now, conf);
	for (size_t i = 0; i < conf->iface_n; i++)
		if (str_eq(name, str_z(conf->iface[i].name)))
			return str_eq(type, str_z(conf_type_name(
						  conf->iface[i].type)));
	return false;
}

static int edit_add(struct cmd *c, struct change *change)
{
	char name[IF_NAMESIZE];
	struct str given, type;
	int err;

	if (!cmd_key(c, "interface", &given) || !given.n)
		return cmd_fail(CMD_USAGE, "interface= is missing; example: "
				"interfaces add interface=eth0 type=internal");
	if (!confline_name(given) || !str_copy(name, sizeof(name), given))
		return cmd_fail(CMD_USAGE, "\"%.*s\" cannot be an interface; "
				"a name has 1 to %d letters, digits, - _ .",
				STR_F(given), IF_NAMESIZE - 1);
	if (!cmd_key(c, "type", &type))
		return cmd_fail(CMD_USAGE, "%s needs a type; add "
				"type=internal, or external", name);
	err = confedit_add_iface(&change->now, name);
	if (err == -EEXIST && c->menu == MENU_NATPMP_INTERFACES &&
	    has_type(change, given, type)) {
		cmd_fail(CMD_OK, "%s is there already: NAT-PMP has the "
			 "interfaces of /ip upnp", name);
		return set_given(c, change, name);
	}
	if (err)
		return change_fault(err, given);
	return add_options(c, change, name);
}

int ifaces_add(struct cmd *c)
{
	return change_run(c, edit_add);
}
