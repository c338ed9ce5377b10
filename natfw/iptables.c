/* SPDX-License-Identifier: ISC */
/*
 * iptables.c - mappings as iptables rules, legacy or nft variant.
 *
 *   nat     UPNPD       DNAT; the last rule of PREROUTING jumps to it, so that
 *                       a DNAT of the administrator comes first
 *   nat     UPNPD-POST  SNAT, masquerade; hooked at the head of POSTROUTING
 *   filter  UPNPD       accept; hooked at the places of the accept (place.h)
 *
 * A writer that translates has the chains in nat, and one that has places the
 * chain in filter. Each chain begins with a guard that returns unrelated
 * traffic, so that the number of mappings costs other traffic nothing. Then
 * follow jumps to the chain's leaves, which have the rules (ipt_leaf.h). A leaf
 * is made with its first rule and deleted with its last.
 *
 * All changes go through iptables-restore, which commits a table as a whole.
 * Two tables are two commits: filter comes first, and natfw.c repairs it if nat
 * fails. Rules are written exactly as iptables-save prints them, because verify
 * compares the two.
 *
 * Never touches: chains, rules and policies of others.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_jump.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_steps.h"
#include "natfw/ipt_text.h"
#include "natfw/ipt_tool.h"
#include "natfw/table.h"

/* ---- a job for the tools --------------------------------------------- */

struct job {
	struct natfw *fw;
	enum ruleset_kind kind;
	const struct ipt_tool *tool;
	bool want[IPT_TABLES];		/* the table is to have our chains */
	const struct nat_rule *rule;	/* with these rules */
	size_t n;
};

static int find_tool(struct job *job)
{
	struct wr w = wr_init_cut(job->fw->why, sizeof(job->fw->why));

	job->tool = ipt_tool_of(job->kind);
	if (job->tool)
		return 0;
	wr_fmt(&w, "iptables-%s-restore and -save are not installed",
	       job->kind == RULESET_IPT_NFT ? "nft" : "legacy");
	wr_cstr(&w);
	return -ENOENT;
}

static int job_begin(struct job *job, struct natfw *fw,
		     const struct natfw_writer *w, const struct nat_rule *rule,
		     size_t n)
{
	*job = (struct job){
		.fw = fw, .kind = w->be->kind, .rule = rule, .n = n,
		.want = { [IPT_FILTER] = w->accepts,
			  [IPT_NAT] = w->translates },
	};
	return find_tool(job);
}

/* Can the table have chains of ours that are not wanted? Listing a table of the
 * legacy variant would load its module. */
static bool may_have(const struct job *job, enum ipt_table table)
{
	const struct ruleset *rs = job->fw->rules;

	if (job->kind == RULESET_IPT_LEGACY &&
	    !ipt_tool_has_table(ipt_rule_tables[table]))
		return false;
	return !rs || rs->leftover[job->kind];
}

static int scan(const struct job *job, struct ipt_list *ret)
{
	int rc = 0;

	ipt_list_init(ret);
	ipt_jump_watch(job->fw, job->kind, ret);
	for (int t = 0; t < IPT_TABLES && !rc; t++)
		if (job->want[t] || may_have(job, t))
			rc = ipt_list_table(job->fw, job->tool->save, t, ret);
	return rc;
}

/* RESOURCE_PROBLEM of iptables' xtables.h, which the manual does not mention:
 * another process holds the lock, the lock file cannot be opened yet, or the
 * kernel's table was changed between reading and writing. */
#define EXIT_BUSY 4

static int restore(const struct job *job, struct ipt_text *t)
{
	const char *const argv[] = {
		job->tool->restore, "--noflush", "-w", NULL
	};
	struct backend_run run = {
		.argv = argv, .piece = ipt_text_piece, .arg = t,
		.rules = t->n + job->fw->mappings.rule_n, .busy = EXIT_BUSY,
	};

	return backend_run(job->fw, &run);
}

/* ---- leaves ------------------------------------------------------- */

static struct ipt_leaves leaves_of(const struct nat_rule *rule, size_t n)
{
	struct ipt_leaf_count c = { 0 };

	for (size_t i = 0; i < n; i++)
		ipt_leaf_count_add(&c, &rule[i]);
	return ipt_leaf_used(&c);
}

/* The leaves that the wanted tables are to have. */
static struct ipt_leaves leaves_for(const struct job *job)
{
	struct ipt_leaves ret = leaves_of(job->rule, job->n);

	for (int c = 0; c < IPT_CHAINS; c++)
		if (!job->want[ipt_rule_specs[c].table])
			memset(ret.bits[c], 0, sizeof(ret.bits[c]));
	return ret;
}

/* ---- comparing ------------------------------------------------------- */

/* Scan the lines that a sync would write. */
static void scan_wanted(const struct job *job, const struct ipt_list *is,
			const struct ipt_jumps *jumps, struct ipt_list *want)
{
	char buf[BACKEND_PIECE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str rest, line;

	ipt_list_init(want);
	for (int t = 0; t < IPT_TABLES; t++) {
		struct ipt_text text = {
			.fw = job->fw, .found = is, .jumps = jumps,
			.leaves = leaves_for(job),
			.rule = job->rule, .n = job->n,
		};

		if (!job->want[t])
			continue;
		want->table = t;
		ipt_text_add(&text, ipt_steps_sync[t]);
		while (ipt_text_piece(&text, &w)) {
			rest = wr_done(&w);
			while (str_cut(&rest, '\n', &line))
				ipt_list_line(want, line);
			w.len = 0;
		}
	}
}

/* What differs in a table, and so the steps that correct it. */
static const struct ipt_text_step *steps_for(const struct job *job,
					     enum ipt_table table,
					     const struct ipt_list *is,
					     const struct ipt_list *want,
					     const struct ipt_jumps *jumps)
{
	if (!job->want[table])
		return is->ours[table] ? ipt_steps_remove[table] : NULL;
	for (int c = 0; c < IPT_CHAINS; c++)
		if (!is->chain[c] && ipt_rule_specs[c].table == table)
			return ipt_steps_sync[table];
	if (!backend_same(is->tally[table], want->tally[table]))
		return ipt_steps_sync[table];
	if (table == IPT_NAT ? ipt_list_hooked(is) :
	    backend_same(is->jumps, ipt_jump_tally(jumps)))
		return NULL;
	return ipt_steps_jumps[table];
}

/* What the kernel has, and the steps that are due. */
struct state {
	struct ipt_list is;
	struct ipt_jumps jumps;
	const struct ipt_text_step *due[IPT_TABLES];	/* NULL: none */
};

/* Return: 1 something differs, 0, -ESTALE (the places are those of an older
 * ruleset) or other -errno */
static int compare(const struct job *job, struct state *ret)
{
	struct ipt_list want;
	int rc = scan(job, &ret->is);

	if (!rc)
		rc = ipt_jump_find(job->fw, job->kind, &ret->is, &ret->jumps);
	if (rc)
		return rc;
	scan_wanted(job, &ret->is, &ret->jumps, &want);
	for (int t = 0; t < IPT_TABLES; t++) {
		ret->due[t] = steps_for(job, t, &ret->is, &want, &ret->jumps);
		rc |= ret->due[t] != NULL;
	}
	return rc;
}

/* ---- sync and verify ------------------------------------------------- */

static int sync_once(const struct job *job)
{
	struct state is;
	struct ipt_text text = {
		.fw = job->fw, .found = &is.is, .jumps = &is.jumps,
		.leaves = leaves_for(job),
		.rule = job->rule, .n = job->n,
	};
	int rc = compare(job, &is);

	if (rc <= 0)
		return rc;
	for (int t = 0; t < IPT_TABLES; t++)
		if (is.due[t])
			ipt_text_add(&text, is.due[t]);
	return restore(job, &text);
}

/* Did the tool refuse because a chain has vanished since the scan? */
static bool is_stale(const struct job *job)
{
	struct state is;
	char why[sizeof(job->fw->why)];
	bool ret;

	memcpy(why, job->fw->why, sizeof(why));
	ret = compare(job, &is) == -ESTALE;
	memcpy(job->fw->why, why, sizeof(why));
	return ret;
}

/* Retries while the tool is busy. */
static int ipt_sync(struct natfw *fw, struct natfw_writer *w,
		    const struct nat_rule *rule, size_t n)
{
	struct job job;
	uint64_t end_ms = 0;
	int rc = job_begin(&job, fw, w, rule, n);

	if (rc)
		return rc;
	do {
		rc = sync_once(&job);
	} while (rc == -EAGAIN && backend_wait(&end_ms));
	return rc == -EIO && is_stale(&job) ? -ESTALE : rc;
}

static int ipt_verify(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_rule *rule, size_t n)
{
	struct job job;
	struct state is;
	int rc = job_begin(&job, fw, w, rule, n);

	if (rc)
		return rc;
	rc = compare(&job, &is);
	return rc == -ESTALE ? 1 : rc;
}

static bool ipt_placed(const struct natfw *fw, const struct natfw_writer *w)
{
	return ipt_jump_placed(fw, w->be->kind, w->translates);
}

/* ---- apply: a batch ------------------------------------------------ */

static struct ipt_leaves leaves_after(const struct natfw *fw,
				      const struct nat_op *op, size_t n)
{
	const struct nat_rule *old;
	struct ipt_leaf_count c = { 0 };

	for (size_t i = 0; i < fw->mappings.rule_n; i++)
		ipt_leaf_count_add(&c, &fw->mappings.rule[i]);
	for (size_t i = 0; i < n; i++) {
		old = table_find(fw, &op[i].rule);
		if (old)
			ipt_leaf_count_del(&c, old);
		if (op[i].verb == NAT_SET)
			ipt_leaf_count_add(&c, &op[i].rule);
	}
	return ipt_leaf_used(&c);
}

/* Nobody else has changed the tables if they have as many entries as before and
 * those that we added. Otherwise natfw.c compares.
 *
 * A change beside our tool that removes as many entries as it adds is not
 * noticed here. The fingerprint after our change cannot be predicted: it is a
 * hash of the kernel's records, and a jump in other people's rules is the
 * offset of a chain, which moves with each rule of ours. To list the tables
 * instead would cost each batch as much as the change itself, and a hash of
 * other people's rules alone would not see that ours were replaced. So such a
 * change is found by the next verification, which compares everything. */
static void note_change(const struct job *job, int entries)
{
	struct natfw *fw = job->fw;
	struct ipt_print now;

	if (job->kind != RULESET_IPT_LEGACY || !fw->legacy_buf)
		return;
	now = ipt_print_read(AF_INET, fw->legacy_buf, NATFW_LEGACY_MAX);
	now.known &= fw->legacy.known &&
		     now.entries == fw->legacy.entries + (uint32_t)entries;
	fw->legacy = now;
}

static int apply_once(const struct job *job, const struct nat_op *op, size_t n)
{
	struct ipt_leaves before = leaves_for(job);
	struct ipt_leaves after = leaves_after(job->fw, op, n);
	struct ipt_text t = {
		.fw = job->fw, .leaves = ipt_leaf_minus(&after, &before),
		.left = ipt_leaf_minus(&before, &after), .op = op, .n = n,
	};
	int rc;

	for (int table = 0; table < IPT_TABLES; table++)
		if (job->want[table])
			ipt_text_add(&t, ipt_steps_apply[table]);
	rc = restore(job, &t);
	if (!rc)
		note_change(job, t.entries);
	return rc;
}

/*
 * Retries while the tool is busy, each time after a sync, because one of the
 * two tables may be committed. If it stays busy, the result is as for a tool
 * that hangs: natfw.c need not try each change alone.
 */
static int ipt_apply(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_op *op, size_t n)
{
	struct job job;
	uint64_t end_ms = 0;
	int rc = job_begin(&job, fw, w, fw->mappings.rule, fw->mappings.rule_n);

	if (rc || (!w->accepts && !w->translates))
		return rc;
	rc = apply_once(&job, op, n);
	while (rc == -EAGAIN && backend_wait(&end_ms)) {
		rc = sync_once(&job);
		if (!rc)
			rc = apply_once(&job, op, n);
	}
	return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

/* ---- open, close and sweep ------------------------------------------- */

static bool nft_usable(const struct natfw_env *env)
{
	return ipt_tool_of(RULESET_IPT_NFT);
}

static bool legacy_usable(const struct natfw_env *env)
{
	return ipt_tool_of(RULESET_IPT_LEGACY);
}

/* Does the tool work? It changes nothing, so that chains which a killed monitor
 * left keep working until the first sync. */
static int ipt_open(struct natfw *fw, struct natfw_writer *w)
{
	struct ipt_list found;
	struct job job;
	int rc = job_begin(&job, fw, w, NULL, 0);

	return rc ? rc : scan(&job, &found);
}

/* Clean each table in a separate run, so that a failure in one does not
 * prevent the other. Return: -EAGAIN if the tool was busy, else 0 */
static int remove_once(const struct job *job)
{
	struct ipt_list is;
	int rc = 0;

	ipt_list_init(&is);
	for (int t = 0; t < IPT_TABLES; t++) {
		struct ipt_text text = { .fw = job->fw, .found = &is };

		if (!job->want[t] ||
		    ipt_list_table(job->fw, job->tool->save, t, &is) ||
		    !is.ours[t])
			continue;
		ipt_text_add(&text, ipt_steps_remove[t]);
		if (restore(job, &text) == -EAGAIN)
			rc = -EAGAIN;
	}
	return rc;
}

/* @looked: the model shows whether something is left */
static void remove_all(struct natfw *fw, enum ruleset_kind kind, bool looked)
{
	struct job job = { .fw = fw, .kind = kind };
	uint64_t end_ms = 0;
	bool any = false;

	if (looked && fw->rules && !fw->rules->leftover[kind])
		return;
	for (int t = 0; t < IPT_TABLES; t++) {
		job.want[t] = kind != RULESET_IPT_LEGACY ||
			      ipt_tool_has_table(ipt_rule_tables[t]);
		any |= job.want[t];
	}
	if (any && !find_tool(&job))
		while (remove_once(&job) && backend_wait(&end_ms))
			;
}

static void ipt_close(struct natfw *fw, struct natfw_writer *w)
{
	remove_all(fw, w->be->kind, false);
}

static void nft_sweep(struct natfw *fw)
{
	remove_all(fw, RULESET_IPT_NFT, true);
}

static void legacy_sweep(struct natfw *fw)
{
	remove_all(fw, RULESET_IPT_LEGACY, true);
}

/* ---- the two backends ------------------------------------------------ */

#define IPT_BACKEND(label, of_kind, n_commits, usable_fn, sweep_fn) \
	{ \
		.name = label, .kind = of_kind, .usable = usable_fn, \
		.open = ipt_open, .apply = ipt_apply, .sync = ipt_sync, \
		.verify = ipt_verify, .placed = ipt_placed, \
		.close = ipt_close, .sweep = sweep_fn, .commits = n_commits, \
	}

const struct natfw_backend natfw_iptables_nft =
	IPT_BACKEND("iptables-nft", RULESET_IPT_NFT, 2, nft_usable, nft_sweep);
const struct natfw_backend natfw_iptables_legacy =
	IPT_BACKEND("iptables-legacy", RULESET_IPT_LEGACY, 0, legacy_usable,
		    legacy_sweep);
