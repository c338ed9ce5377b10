/* SPDX-License-Identifier: ISC */
/*
 * ifaces.c - "interfaces add", "set", "enable", "disable" and "remove".
 * Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/change.h"
#include "upnpctl/options.h"
#include "upnpctl/pick.h"
#include "upnpctl/candidate.h"
#include "conf/confline.h"

/* ---- selecting interfaces ------------------------------------------------ */

/* Does the argument select interfaces, rather than set an option? "numbers=0"
 * selects. @ret_items: the list */
static bool is_selector(struct str arg, struct str *ret_items)
{
	struct str key, value;

	*ret_items = arg;
	if (str_starts(arg, STR("[")))
		return true;
	if (options_split(arg, &key, &value)) {
		*ret_items = value;
		return str_eq(key, STR("numbers"));
	}
	return !str_starts(arg, STR("!"));
}

/* ---- verbs --------------------------------------------------------------- */

static int set_one(struct cmd *c, struct change *change,
		   const struct conf_iface *i)
{
	struct str unused, key, value;
	int status = CMD_OK;

	for (size_t k = 0; k < c->n && !status; k++) {
		if (is_selector(c->arg[k], &unused))
			continue;
		if (options_split(c->arg[k], &key, &value) &&
		    str_eq(key, STR("comment")))
			continue;
		if (str_eq(key, STR("interface")) &&
		    !str_eq(value, str_z(i->name)))
			return cmd_fail(CMD_USAGE, "an interface cannot be "
					"renamed; remove %s and add %.*s",
					i->name, STR_F(value));
		if (!str_eq(key, STR("interface")))
			status = options_set(&change->now, i->name, c->arg[k]);
	}
	return status;
}

/* Run the verb for each selected interface, in the order of the file. */
static int edit_selected(struct cmd *c, struct change *change)
{
	static struct conf *conf;
	uint32_t mask = 0;
	bool selected = false;
	struct str items;
	int status = CMD_OK;

	CMD_LARGE(conf);
	candidate_draft(&change->now, conf);
	for (size_t i = 0; i < c->n && !status; i++) {
		if (!is_selector(c->arg[i], &items))
			continue;
		selected = true;
		status = pick_items(conf, items, &mask);
	}
	if (!selected)
		return cmd_fail(CMD_USAGE, "name an interface, such as: "
				"interfaces %s 0, or its name", c->verb->name);
	for (size_t i = 0; i < conf->iface_n && !status; i++) {
		const struct conf_iface *f = &conf->iface[i];

		if (!(mask & 1u << i))
			continue;
		if (c->verb->run == ifaces_set)
			status = set_one(c, change, f);
		else if (c->verb->run == ifaces_remove)
			status = change_fault(confedit_del_iface(&change->now,
						f->name), str_z(f->name));
		else if (f->disabled != (c->verb->run == ifaces_disable))
			status = options_set(&change->now, f->name,
					     f->disabled ? STR("disabled=no") :
					     STR("disabled=yes"));
	}
	return status;
}

int ifaces_set(struct cmd *c)
{
	return change_run(c, edit_selected);
}

/* For verbs without options: every argument must select interfaces. */
static int run_without_options(struct cmd *c)
{
	struct str items;

	for (size_t i = 0; i < c->n; i++)
		if (!is_selector(c->arg[i], &items))
			return cmd_fail(CMD_USAGE, "interfaces %s takes "
					"numbers and names, not \"%.*s\"",
					c->verb->name, STR_F(c->arg[i]));
	return change_run(c, edit_selected);
}

int ifaces_enable(struct cmd *c)
{
	return run_without_options(c);
}

int ifaces_disable(struct cmd *c)
{
	return run_without_options(c);
}

int ifaces_remove(struct cmd *c)
{
	return run_without_options(c);
}

/* ---- add ----------------------------------------------------------------- */

/* Set the options of a new interface; options that are not given keep their
 * default. */
static int add_options(struct cmd *c, struct change *change, const char *name)
{
	struct str key, value;
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++) {
		if (!options_split(c->arg[i], &key, &value))
			return cmd_fail(CMD_USAGE, "\"%.*s\" is not a setting; "
					"a setting is, for example, "
					"type=internal", STR_F(c->arg[i]));
		if (!str_eq(key, STR("interface")) &&
		    !str_eq(key, STR("comment")))
			status = options_set(&change->now, name, c->arg[i]);
	}
	if (!status && !c->env->add_enabled && !cmd_key(c, "disabled", &value))
		status = options_set(&change->now, name, STR("disabled=yes"));
	return status;
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
	if (err)
		return change_fault(err, given);
	return add_options(c, change, name);
}

int ifaces_add(struct cmd *c)
{
	return change_run(c, edit_add);
}
