/* SPDX-License-Identifier: ISC */
/*
 * ipt_list.h - reads the output of iptables-save: the rules in our chains, the
 * jumps to them, and whether others filter here.
 * Runs in: any
 */
#ifndef NATFW_IPT_LIST_H
#define NATFW_IPT_LIST_H

#include <stdbool.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"

/* The jump to one of our chains: "-A from -j to". */
struct ipt_list_hook {
	char table[8], from[12], to[16];
};

enum { IPT_HOOK_FORWARD, IPT_HOOK_PRE, IPT_HOOK_POST, IPT_HOOKS };

extern const struct ipt_list_hook ipt_list_hooks[IPT_HOOKS];

/* The result of a scan. */
struct ipt_list {
	const char *table;		/* the one being listed */
	struct backend_tally tally;	/* of the rules in our chains */
	unsigned hooked[IPT_HOOKS];	/* jumps to our chains */
	struct ipt_leaves leaves;	/* that exist, with rules or without */
	bool others;	/* a FORWARD policy of DROP, or a rule of others */
};

/** ipt_list_line - read one line. @scan: a struct ipt_list, its table set
 * ("": no line is a hook). */
void ipt_list_line(void *scan, struct str line);

/**
 * ipt_list_table - read a table.
 * @fw: its why gets the tool's message after a failure; may be NULL
 * @save: the tool, "iptables-save"
 * @scan: added to
 * Return: as backend_run()
 */
int ipt_list_table(struct natfw *fw, const char *save, const char *table,
		   struct ipt_list *scan);

/** ipt_list_all - read filter and nat into @ret, which need not be zero.
 * Return: as backend_run() */
int ipt_list_all(struct natfw *fw, const char *save, struct ipt_list *ret);

/** ipt_list_hooked_once - is there exactly one jump to each of our chains? */
bool ipt_list_hooked_once(const struct ipt_list *scan);

#endif
