/* SPDX-License-Identifier: ISC */
/*
 * iptables_list.h - reading what iptables-save prints: the rules in our
 * chains, the jumps to them, and whether others filter here.
 */
#ifndef NATFW_IPTABLES_LIST_H
#define NATFW_IPTABLES_LIST_H

#include <stdbool.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/iptables_leaf.h"

/* Where one of our chains hangs: "-A from -j to". */
struct ipt_hook {
	char table[8], from[12], to[16];
};

enum { IPT_HOOK_FORWARD, IPT_HOOK_PRE, IPT_HOOK_POST, IPT_HOOKS };

extern const struct ipt_hook ipt_hooks[IPT_HOOKS];

/* What was found. */
struct ipt_scan {
	const char *table;		/* being listed now */
	struct backend_tally tally;	/* of the rules in our chains */
	unsigned hooked[IPT_HOOKS];	/* jumps to them */
	struct ipt_leaves leaves;	/* that there are, with rules or not */
	bool others;	/* a FORWARD policy of DROP, or a rule not ours */
};

/** ipt_scan_line - take in one line. @scan: a struct ipt_scan, its table set
 * ("": no line is a hook). */
void ipt_scan_line(void *scan, struct str line);

/**
 * ipt_scan_table - take in a table.
 * @fw: gets what the tool said when it failed; may be NULL
 * @save: the tool, "iptables-save"
 * @scan: added to
 *
 * Return: as backend_run()
 */
int ipt_scan_table(struct natfw *fw, const char *save, const char *table,
		   struct ipt_scan *scan);

/** ipt_scan - filter and nat into @ret, from zero. Return: as backend_run() */
int ipt_scan(struct natfw *fw, const char *save, struct ipt_scan *ret);

/** ipt_hooked_once - is there exactly one jump to each of our chains? */
bool ipt_hooked_once(const struct ipt_scan *scan);

#endif
