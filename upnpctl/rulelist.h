/* SPDX-License-Identifier: ISC */
/*
 * rulelist.h - the allow and deny lines of a configuration as a list.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_RULELIST_H
#define UPNPCTL_RULELIST_H

#include "conf/confedit.h"
#include "conf/confrule.h"
#include "upnpctl/list.h"

/* One more line than the daemon accepts, so that it can be removed. */
#define RULELIST_MAX (CONF_RULES_MAX + 1)

struct rulelist_item {
	bool invalid;		/* the line has an error; is is zero */
	struct confrule is;
	bool counted;		/* the daemon has the rule, and decided is how
				 * often it decided */
	uint64_t decided;
};

struct rulelist {
	struct rulelist_item at[RULELIST_MAX];
	size_t n;
	bool counted;		/* unmatched is how many requests no line
				 * matched */
	uint64_t unmatched;
	/* The counts are read by this when the first one is needed; NULL: they
	 * are never read, or were read already. */
	const struct cmd_env *counts_of;
};

/** rulelist_read - read the lines. The number of an item is that of its line
 * for confedit. */
void rulelist_read(const struct confedit *, struct rulelist *ret);

/** rulelist - make the list. @rules: borrowed by the list */
struct list rulelist(struct rulelist *rules);

/** rulelist_open - the same, of the configuration; for menu_open_list(). */
int rulelist_open(const struct cmd_env *, struct list *ret);

#endif
