/* SPDX-License-Identifier: ISC */
/* verbs.c - the table of commands. Runs in: upnpctl */
#include "upnpctl/ifacelist.h"
#include "upnpctl/menu.h"
#include "upnpctl/verbs.h"

/* In the order of the usage. */
const struct cmd_verb verbs_table[] = {
	{ MENU_UPNP, "print", settings_print, "print the settings",
	  settings_print_args, NULL, true },
	{ MENU_UPNP, "set", settings_set, "set options; !KEY: the default",
	  NULL, settings_set_arg, true },
	{ MENU_UPNP, "get", settings_get, "print the value of one option",
	  settings_get_args, NULL, true },
	{ MENU_UPNP, "export", export_run, "print the settings as a script" },
	{ MENU_INTERFACES, "print", ifaceprint_run, "print the interfaces",
	  ifaceprint_args, NULL, true },
	{ MENU_INTERFACES, "add", ifaces_add,
	  "add one; disabled=yes by default", ifaces_add_args, ifaces_arg,
	  true },
	{ MENU_INTERFACES, "set", ifaces_set, "set options of interfaces",
	  ifaces_set_args, ifaces_arg, true },
	{ MENU_INTERFACES, "enable", ifaces_enable, "enable interfaces",
	  ifaces_items_args, NULL, true },
	{ MENU_INTERFACES, "disable", ifaces_disable, "disable interfaces",
	  ifaces_items_args, NULL, true },
	{ MENU_INTERFACES, "remove", ifaces_remove, "remove interfaces",
	  ifaces_items_args, NULL, true },
	{ MENU_INTERFACES, "find", listget_find, "print the numbers of some",
	  listget_find_args, NULL, true },
	{ MENU_INTERFACES, "get", listget_run, "print one value",
	  listget_args, NULL, true },
	{ MENU_MAPPINGS, "print", mappings_print, "print the mappings",
	  mappings_print_args, NULL, false },
	{ MENU_MAPPINGS, "add", mapchange_add,
	  "map a port to a host of the LAN", mapchange_add_args, NULL, true },
	{ MENU_MAPPINGS, "remove", mapchange_remove, "remove mappings",
	  mapchange_items_args, NULL, true },
	{ MENU_MAPPINGS, "migrate", migrate_run,
	  "move old static mappings to the file" },
	{ MENU_NATPMP, "print", settings_print_natpmp,
	  "print the setting of NAT-PMP", NULL, NULL, true },
	{ MENU_NATPMP, "set", settings_set_natpmp, "turn NAT-PMP on or off",
	  settings_natpmp_args, NULL, true },
	{ MENU_NAT, "print", mappings_print, "the same as mappings print",
	  mappings_print_args, NULL, false },
	{ MENU_UPNP, "status", status_run, "print the state of the daemon" },
	{ MENU_UPNP, "monitor", mapmonitor_run,
	  "print changes of the mappings" },
	{ MENU_UPNP, "resync", resync_run,
	  "verify the firewall and repair it" },
	{ MENU_UPNP, "metrics", metrics_run, "print metrics for Prometheus" },
	{ MENU_UPNP, "check", check_run, "why would a port not open here?" },
	{ .name = NULL },
};

const struct cmd_list verbs_lists[] = {
	{ MENU_INTERFACES, ifacelist_open },
	{ 0 },
};
