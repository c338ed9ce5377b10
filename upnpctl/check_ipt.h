/* SPDX-License-Identifier: ISC */
/*
 * check_ipt.h - reads what iptables-save lists, of whatever variant. Pure.
 */
#ifndef UPNPCTL_CHECK_IPT_H
#define UPNPCTL_CHECK_IPT_H

#include "upnpctl/check_rules.h"

/* Begins as { rules }. */
struct check_ipt {
	struct check_rules *rules;
	/* private: where the next line stands */
	char table[32];			/* "" for one that is passed over */
};

/** check_ipt_line - the next line. @arg: a struct check_ipt */
void check_ipt_line(void *arg, struct str line);

#endif
