/* SPDX-License-Identifier: ISC */
/*
 * ipt_job.c - runs iptables-save and -restore for a writer.
 *
 * Never does: run a tool for a table that cannot have chains of ours.
 * Runs in: any
 */
#include <errno.h>
#include "natfw/backend.h"
#include "natfw/ipt_job.h"
#include "natfw/ipt_jump.h"

/* Looking for a program that is missing runs another one. */
static bool may_need_ip6(const struct ipt_job *job)
{
	const struct ruleset *rs = job->fw->rules;

	return !rs || rs->leftover6[job->kind] ||
	       ipt_jump_has_place(job->fw, job->kind, IPT_FILTER6);
}

void ipt_job_tools(struct ipt_job *job)
{
	for (int t = 0; t < IPT_TABLES; t++)
		if (!ipt_rule_ip6(t) || may_need_ip6(job))
			job->tool[t] = ipt_tool_of(job->kind, ipt_rule_ip6(t));
}

/* Without ip6tables natfw.c refuses pinholes: writers_missing(). */
static int check_tools(struct ipt_job *job)
{
	struct wr w = wr_init_cut(job->fw->why, sizeof(job->fw->why));

	ipt_job_tools(job);
	if (!job->tool[IPT_FILTER6])
		job->want[IPT_FILTER6] = false;
	if (job->tool[IPT_FILTER] ||
	    !(job->want[IPT_FILTER] || job->want[IPT_NAT]))
		return 0;
	wr_fmt(&w, "iptables-%s-restore and -save are not installed",
	       job->kind == RULESET_IPT_NFT ? "nft" : "legacy");
	wr_cstr(&w);
	return -ENOENT;
}

int ipt_job_begin(struct ipt_job *job, struct natfw *fw, struct natfw_writer *w,
		  const struct nat_rule *rule, size_t n)
{
	const enum ruleset_kind kind = w->be->kind;

	if (!w->own)
		w->own = ipt_seen_new(fw);
	*job = (struct ipt_job){
		.fw = fw, .kind = kind, .rule = rule, .n = n,
		.want = {
			[IPT_FILTER] = w->accepts &&
				       ipt_jump_has_place(fw, kind, IPT_FILTER),
			[IPT_NAT] = w->translates,
			[IPT_FILTER6] = w->accepts &&
					ipt_jump_has_place(fw, kind,
							   IPT_FILTER6),
		},
		.seen = w->own,
	};
	return w->own ? check_tools(job) : -ENOMEM;
}

/* Can the table have chains of ours that are not wanted? Listing a table of the
 * legacy variant would load its module. */
static bool may_have(const struct ipt_job *job, enum ipt_table table)
{
	const struct ruleset *rs = job->fw->rules;
	const bool ip6 = ipt_rule_ip6(table);

	if (!job->tool[table] ||
	    (job->kind == RULESET_IPT_LEGACY &&
	     !ipt_tool_has_table(ipt_rule_tables[table], ip6)))
		return false;
	return !rs || (ip6 ? rs->leftover6 : rs->leftover)[job->kind];
}

int ipt_job_scan(const struct ipt_job *job, struct ipt_list *ret)
{
	int rc = 0;

	ipt_list_init(ret);
	ipt_seen_begin(job->seen);
	ret->pinhole = ipt_seen_rule;
	ret->arg = job->seen;
	ipt_jump_watch(job->fw, job->kind, ret);
	for (int t = 0; t < IPT_TABLES && !rc; t++)
		if (job->want[t] || may_have(job, t))
			rc = ipt_list_table(job->fw, job->tool[t]->save, t,
					    ret);
	return rc;
}

/* RESOURCE_PROBLEM of iptables' xtables.h, which the manual does not mention:
 * another process holds the lock, the lock file cannot be opened yet, or the
 * kernel's table was changed between reading and writing. */
#define EXIT_BUSY 4

/* Write the parts of the text; all are of one family. Return: as
 * backend_run() */
int ipt_job_restore(const struct ipt_job *job, enum ipt_table table,
		   struct ipt_text *t)
{
	const struct natfw *fw = job->fw;
	const struct ipt_tool *tool = job->tool[table];
	const char *const argv[] = {
		tool ? tool->restore : NULL, "--noflush", "-w", NULL
	};
	struct backend_run run = {
		.argv = argv, .piece = ipt_text_piece, .arg = t,
		.rules = t->n + fw->mappings.rule_n + fw->pinholes.rule_n,
		.busy = EXIT_BUSY,
	};

	return t->part_n ? backend_run(job->fw, &run) : 0;
}

/* One run for each family. Return: the first error */
int ipt_job_restore_both(const struct ipt_job *job, struct ipt_text *ip4,
			struct ipt_text *ip6)
{
	int rc = ipt_job_restore(job, IPT_FILTER, ip4);
	int rc6 = ipt_job_restore(job, IPT_FILTER6, ip6);

	return rc ? rc : rc6;
}
