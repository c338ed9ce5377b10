/* SPDX-License-Identifier: ISC */
/*
 * ipt_list.h - reading what iptables-save prints: the rules in our
 * chains, the jumps to them, and whether others filter here.
 */
#ifndef NATFW_IPT_LIST_H
#define NATFW_IPT_LIST_H

#include <stdbool.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"

/* Where one of our chains hangs: "-A from -j to". */
struct ipt_list_hook {
	char table[8], from[12], to[16];
};

enum { IPT_HOOK_FORWARD, IPT_HOOK_PRE, IPT_HOOK_POST, IPT_HOOKS };

extern const struct ipt_list_hook ipt_list_hooks[IPT_HOOKS];

/* What was found. */
struct ipt_list {
	const char *table;		/* being listed now */
	struct backend_tally tally;	/* of the rules in our chains */
	unsigned hooked[IPT_HOOKS];	/* jumps to them */
	struct ipt_leaves leaves;	/* that there are, with rules or not */
	bool others;	/* a FORWARD policy of DROP, or a rule not ours */
};

/** ipt_list_line - take in one line. @scan: a struct ipt_list, its table set
 * ("": no line is a hook). */
void ipt_list_line(void *scan, struct str line);

/**
 * ipt_list_table - take in a table.
 * @fw: gets what the tool said when it failed; may be NULL
 * @save: the tool, "iptables-save"
 * @scan: added to
 *
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
