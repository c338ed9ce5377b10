/* SPDX-License-Identifier: ISC */
/*
 * mapprint.c - "mappings print".
 *
 * A mapping's number is its index in the whole table, even if "where" hides
 * some mappings: "mappings remove" uses the same numbers.
 * Runs in: upnpctl
 */
#include "upnpctl/listprint.h"
#include "upnpctl/maplist.h"

const struct cmd_arg mapprint_args[] = {
	{ "detail", CMD_WORD, .help = "every field" },
	{ "terse", CMD_WORD, .help = "every field, a line for each" },
	{ "brief", CMD_WORD, .help = "the table, as without this word" },
	{ "stats", CMD_WORD, .help = "packets and bytes" },
	{ "names", CMD_WORD, .help = "names of hosts, from DHCP leases" },
	{ "count-only", CMD_WORD, .help = "how many there are" },
	{ "limit", CMD_KEY, .help = "not more than this many of them" },
	{ "where", CMD_WHERE, .help = "only some, such as: where dynamic" },
	{ NULL },
};

static bool is_counting(const struct cmd *c)
{
	return c->env->json || c->where || cmd_word(c, "stats") ||
	       cmd_word(c, "detail") || cmd_word(c, "terse");
}

int mapprint_run(struct cmd *c)
{
	struct names names = { 0 };
	struct list l;
	/* a script prints what it would write */
	int status = c->env->change ? maplist_open(c->env, &l) :
				      maplist_open_live(c->env, &l);

	if (status == CMD_OK) {
		if (is_counting(c))
			maplist_set_counts(&l);
		if (cmd_word(c, "names")) {
			names_read(&names);
			maplist_set_names(&l, &names);
		}
		status = listprint_list(c, &l);
	}
	list_close(&l);
	names_free(&names);
	return status;
}
