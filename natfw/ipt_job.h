/* SPDX-License-Identifier: ISC */
/*
 * ipt_job.h - what a writer of iptables does at one call: which tables it
 * needs, and its runs of the tools.
 * Runs in: any
 */
#ifndef NATFW_IPT_JOB_H
#define NATFW_IPT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include "natfw.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_rule.h"
#include "natfw/ipt_seen.h"
#include "natfw/ipt_text.h"
#include "natfw/ipt_tool.h"

struct ipt_job {
	struct natfw *fw;
	enum ruleset_kind kind;
	const struct ipt_tool *tool[IPT_TABLES];	/* NULL: it is missing */
	bool want[IPT_TABLES];		/* the table is to have our chains */
	const struct nat_rule *rule;	/* with these port mappings */
	size_t n;
	struct ipt_seen *seen;		/* pinholes; NULL: of no interest */
	bool redo;			/* write all of them again */
};

/** ipt_job_tools - find the tools of the tables that may have chains of
 * ours. */
void ipt_job_tools(struct ipt_job *);

/**
 * ipt_job_begin - find what the writer needs.
 * @rule: the port mappings that it is to make
 *
 * Return: 0, -ENOENT (fw->why says which tool is missing), -ENOMEM
 */
int ipt_job_begin(struct ipt_job *, struct natfw *, struct natfw_writer *,
		  const struct nat_rule *rule, size_t n);

/** ipt_job_scan - list the tables that have chains of ours, or should. Return:
 * as backend_run() */
int ipt_job_scan(const struct ipt_job *, struct ipt_list *ret);

/** ipt_job_restore - write the parts of the text, in one run; nothing without
 * parts. @table: it is of the family of all parts. Return: as backend_run() */
int ipt_job_restore(const struct ipt_job *, enum ipt_table table,
		    struct ipt_text *);

/** ipt_job_restore_both - the same for a text of each family. Return: the first
 * error; the other one was tried as well */
int ipt_job_restore_both(const struct ipt_job *, struct ipt_text *ip4,
			 struct ipt_text *ip6);

#endif
