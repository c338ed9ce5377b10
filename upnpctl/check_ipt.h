/* SPDX-License-Identifier: ISC */
/*
 * check_ipt.h - parse the output of iptables-save, of any variant. Pure.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_IPT_H
#define UPNPCTL_CHECK_IPT_H

#include "upnpctl/check_rules.h"

/* Initialize as { rules }. */
struct check_ipt {
	struct check_rules *rules;
	/* private: the table of the next line */
	char table[32];			/* "" for a table that is skipped */
};

/** check_ipt_line - parse the next line. @arg: a struct check_ipt */
void check_ipt_line(void *arg, struct str line);

#endif
