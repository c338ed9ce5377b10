/* SPDX-License-Identifier: ISC */
/*
 * menu.c - the tree of menus. Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/list.h"
#include "upnpctl/menu.h"

static const struct {
	const char *name;
	uint8_t parent;
	uint8_t verbs_of;	/* the menu has the verbs of this one */
	const char *help;
} menus[MENUS] = {
	[MENU_ROOT] = { "", MENU_ROOT, MENU_ROOT, "the top" },
	[MENU_IP] = { "ip", MENU_ROOT, MENU_IP, "IP services" },
	[MENU_UPNP] = { "upnp", MENU_IP, MENU_UPNP,
		"settings, state and lists of upnpd" },
	[MENU_INTERFACES] = { "interfaces", MENU_UPNP, MENU_INTERFACES,
		"external and internal interfaces" },
	[MENU_MAPPINGS] = { "mappings", MENU_UPNP, MENU_MAPPINGS,
		"port mappings and pinholes" },
	[MENU_RULES] = { "rules", MENU_UPNP, MENU_RULES,
		"who may map which ports" },
	[MENU_REFUSALS] = { "refusals", MENU_UPNP, MENU_REFUSALS,
		"the latest refused requests" },
	[MENU_NATPMP] = { "nat-pmp", MENU_IP, MENU_NATPMP,
		"the switch of NAT-PMP" },
	[MENU_NATPMP_INTERFACES] = { "interfaces", MENU_NATPMP,
		MENU_INTERFACES, "the interfaces of /ip/upnp" },
	[MENU_FIREWALL] = { "firewall", MENU_IP, MENU_FIREWALL,
		"what upnpd put into the firewall" },
	[MENU_NAT] = { "nat", MENU_FIREWALL, MENU_NAT, "the mappings" },
};

enum menu menu_parent(enum menu m)
{
	return menus[m].parent;
}

const char *menu_name(enum menu m)
{
	return menus[m].name;
}

const char *menu_help(enum menu m)
{
	return menus[m].help;
}

bool menu_has_verb(enum menu m, const struct cmd_verb *v)
{
	return v->menu == menus[m].verbs_of || v->menu == MENU_EVERY;
}

static const struct cmd_list *list_of(const struct cmd_env *env, enum menu m)
{
	const struct cmd_list *l = env->lists;

	while (l && l->open && l->menu != menus[m].verbs_of)
		l++;
	return l && l->open ? l : NULL;
}

bool menu_has_list(const struct cmd_env *env, enum menu m)
{
	return list_of(env, m);
}

int menu_open_list(const struct cmd_env *env, enum menu m, struct list *ret)
{
	const struct cmd_list *of = list_of(env, m);

	*ret = (struct list){ 0 };
	return of ? of->open(env, ret) : CMD_OK;
}

void menu_put_path(struct wr *w, enum menu m)
{
	if (menus[m].parent != MENU_ROOT)
		menu_put_path(w, menus[m].parent);
	wr_fmt(w, "/%s", menus[m].name);
}

void menu_put_command(struct wr *w, enum menu m)
{
	if (m == MENU_START)
		return;
	if (menus[m].parent == MENU_START || m == MENU_NATPMP)
		wr_z(w, menus[m].name);
	else if (m == MENU_NATPMP_INTERFACES)
		wr_z(w, "nat-pmp interfaces");
	else
		menu_put_path(w, m);
	wr_ch(w, ' ');
}

/* Is there a way from @m to a verb? A menu without verbs is not shown. */
static bool is_used(const struct cmd_verb *verbs, enum menu m)
{
	for (const struct cmd_verb *v = verbs; v->name; v++)
		if (v->menu == menus[m].verbs_of)
			return true;
	for (enum menu k = MENU_ROOT + 1; k < MENUS; k++)
		if (menus[k].parent == m && is_used(verbs, k))
			return true;
	return false;
}

bool menu_is_below(const struct cmd_verb *verbs, enum menu m, enum menu of)
{
	return m != MENU_ROOT && menus[m].parent == of && is_used(verbs, m);
}
