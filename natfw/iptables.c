/* SPDX-License-Identifier: ISC */
/*
 * iptables.c - mappings and pinholes as rules of iptables and ip6tables, legacy
 * or nft variant.
 *
 *   nat     UPNPD       DNAT; the last rule of PREROUTING jumps to it, so that
 *                       a DNAT of the administrator comes first
 *   nat     UPNPD-POST  SNAT, masquerade; hooked at the head of POSTROUTING
 *   filter  UPNPD       accept; hooked at the places of the accept (place.h)
 *   filter  UPNPD       the same for pinholes, in the table of ip6tables
 *
 * A writer that translates has the chains in nat, and one that has places the
 * chain in filter, of the family that the places are in. Each chain begins with
 * a guard that returns unrelated traffic, so that the number of mappings costs
 * other traffic nothing. Then follow jumps to the chain's leaves, which have
 * the rules (ipt_leaf.h). A leaf is made with its first rule and deleted with
 * its last.
 *
 * All changes go through iptables-restore, which commits a table as a whole.
 * Two tables are two commits: filter comes first, and natfw.c repairs it if nat
 * fails. ip6tables-restore is a run of its own. The rule of a pinhole counts
 * its packets, so a sync leaves those in place that are right. Rules are
 * written exactly as iptables-save prints them, because verify compares the
 * two.
 *
 * Never touches: chains, rules and policies of others.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_job.h"
#include "natfw/ipt_jump.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_steps.h"
#include "natfw/ipt_text.h"
#include "natfw/table.h"

#define KEEP_MS 1000	/* counters, until they are read again */

/* ---- leaves ------------------------------------------------------- */

static void add_leaves(struct ipt_leaf_count *c, const struct nat_rule *rule,
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		ipt_leaf_count_add(c, &rule[i]);
}

/* The leaves that the wanted tables are to have. */
static struct ipt_leaves leaves_for(const struct ipt_job *job)
{
	struct ipt_leaf_count count = { 0 };
	struct ipt_leaves ret;

	add_leaves(&count, job->rule, job->n);
	add_leaves(&count, job->fw->pinholes.rule, table_pinholes(job->fw));
	ret = ipt_leaf_used(&count);
	for (int c = 0; c < IPT_CHAINS; c++)
		if (!job->want[ipt_rule_specs[c].table])
			memset(ret.bits[c], 0, sizeof(ret.bits[c]));
	return ret;
}

/* ---- comparing ------------------------------------------------------- */

/* What the kernel has, and the steps that are due. */
struct state {
	struct ipt_list is;
	struct ipt_jumps jumps[IPT_TABLES];	/* of nat: none */
	const struct ipt_text_step *due[IPT_TABLES];	/* NULL: none */
};

/* The text of a sync, without parts. @table: or another of its family */
static struct ipt_text text_of(const struct ipt_job *job, enum ipt_table table,
			       const struct state *is)
{
	const bool ip6 = ipt_rule_ip6(table);

	return (struct ipt_text){
		.fw = job->fw, .found = &is->is,
		.jumps = &is->jumps[ip6 ? IPT_FILTER6 : IPT_FILTER],
		.leaves = leaves_for(job),
		.rule = ip6 ? job->fw->pinholes.rule : job->rule,
		.n = ip6 ? table_pinholes(job->fw) : job->n,
	};
}

/* Scan the lines that a sync would write if nothing of ours existed. */
static void scan_wanted(const struct ipt_job *job, const struct state *is,
			struct ipt_list *want)
{
	char buf[BACKEND_PIECE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str rest, line;

	ipt_list_init(want);
	for (int t = 0; t < IPT_TABLES; t++) {
		struct ipt_text text = text_of(job, t, is);

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
static const struct ipt_text_step *steps_for(const struct ipt_job *job,
					     enum ipt_table table,
					     const struct ipt_list *is,
					     const struct ipt_list *want,
					     const struct ipt_jumps *jumps)
{
	struct backend_tally due;

	if (!job->want[table])
		return is->ours[table] ? ipt_steps_remove[table] : NULL;
	for (int c = 0; c < IPT_CHAINS; c++)
		if (!is->chain[c] && ipt_rule_specs[c].table == table)
			return ipt_steps_sync[table];
	if (!backend_same(is->tally[table], want->tally[table]))
		return ipt_steps_sync[table];
	due = ipt_jump_tally(jumps);
	if (table == IPT_NAT ? ipt_list_hooked(is) :
	    backend_same(is->jumps[table], due))
		return NULL;
	return ipt_steps_jumps[table];
}

/* Return: 1 something differs, 0, -ESTALE (the places are those of an older
 * ruleset) or other -errno */
static int compare(const struct ipt_job *job, struct state *ret)
{
	struct ipt_list want;
	int rc = ipt_job_scan(job, &ret->is);

	for (int t = 0; t < IPT_TABLES; t++) {
		ret->jumps[t].n = 0;
		if (!rc && t != IPT_NAT && job->want[t])
			rc = ipt_jump_find(job->fw, job->kind, t, &ret->is,
					   &ret->jumps[t]);
	}
	if (rc)
		return rc;
	scan_wanted(job, ret, &want);
	for (int t = 0; t < IPT_TABLES; t++) {
		ret->due[t] = steps_for(job, t, &ret->is, &want,
					&ret->jumps[t]);
		rc |= ret->due[t] != NULL;
	}
	return rc;
}

/* ---- sync and verify ------------------------------------------------- */

static int sync_once(const struct ipt_job *job)
{
	struct state is;
	struct ipt_text text, text6;
	int rc = compare(job, &is);

	if (rc <= 0)
		return rc;
	text = text_of(job, IPT_FILTER, &is);
	text6 = text_of(job, IPT_FILTER6, &is);
	text6.stands = job->seen->stands;
	text6.redo = job->redo;
	for (int t = 0; t < IPT_TABLES; t++)
		if (is.due[t])
			ipt_text_add(ipt_rule_ip6(t) ? &text6 : &text,
				     is.due[t]);
	job->seen->read_ms = 0;
	return ipt_job_restore_both(job, &text, &text6);
}

/* Did the tool refuse because a chain has vanished since the scan? */
static bool is_stale(const struct ipt_job *job)
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
	struct ipt_job job;
	uint64_t end_ms = 0;
	int rc = ipt_job_begin(&job, fw, w, rule, n);

	if (rc)
		return rc;
	do {
		rc = sync_once(&job);
	} while (rc == -EAGAIN && backend_wait(&end_ms));
	if (rc == -EIO && is_stale(&job))
		return -ESTALE;
	/* a rule that somebody has put into a leaf may be one that the tool
	 * cannot delete by its text */
	job.redo = rc == -EIO && job.want[IPT_FILTER6];
	return job.redo ? sync_once(&job) : rc;
}

static int ipt_verify(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_rule *rule, size_t n)
{
	struct ipt_job job;
	struct state is;
	int rc = ipt_job_begin(&job, fw, w, rule, n);

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

	add_leaves(&c, fw->mappings.rule, fw->mappings.rule_n);
	add_leaves(&c, fw->pinholes.rule, table_pinholes(fw));
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
 * The rules of others are compared by their hash before the next change, and
 * within a second at the latest: no rule of ours alters it. The hash of our own
 * rules is not known until then, because it is one of the kernel's records,
 * which only the tool makes. So a change of our rules by others that leaves
 * their number the same, made beside our tool or in the NATFW_LEGACY_OWN_MS
 * behind it, is found only by the next verification. To read the tables here as
 * well would take as long as the reading before the change. */
static void note_change(const struct ipt_job *job, int entries)
{
	struct natfw *fw = job->fw;
	struct ipt_print now;

	if (job->kind != RULESET_IPT_LEGACY || !fw->legacy_buf)
		return;
	now = ipt_print_all(backend_has_ip6(&fw->env), NULL, 0);
	fw->legacy.known &= now.known && now.entries == fw->legacy.entries +
						       (uint32_t)entries;
	fw->legacy.entries = now.entries;
	fw->legacy.own_known = false;
}

static bool has_kind(const struct nat_op *op, size_t n, uint8_t kind)
{
	for (size_t i = 0; i < n; i++)
		if (op[i].rule.kind == kind)
			return true;
	return false;
}

static int apply_once(const struct ipt_job *job, const struct nat_op *op,
		      size_t n)
{
	struct ipt_leaves before = leaves_for(job);
	struct ipt_leaves after = leaves_after(job->fw, op, n);
	struct ipt_text t = {
		.fw = job->fw, .leaves = ipt_leaf_minus(&after, &before),
		.left = ipt_leaf_minus(&before, &after), .op = op, .n = n,
	}, t6 = t;
	bool ip4 = has_kind(op, n, NAT_PORTMAP);
	bool ip6 = has_kind(op, n, NAT_PINHOLE);
	int rc;

	for (int table = 0; table < IPT_TABLES; table++)
		if (job->want[table] && (ipt_rule_ip6(table) ? ip6 : ip4))
			ipt_text_add(ipt_rule_ip6(table) ? &t6 : &t,
				     ipt_steps_apply[table]);
	job->seen->read_ms = 0;
	if (!t.part_n && !t6.part_n)
		return 0;
	rc = ipt_job_restore_both(job, &t, &t6);
	if (!rc)
		note_change(job, t.entries + t6.entries);
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
	struct ipt_job job;
	uint64_t end_ms = 0;
	int rc = ipt_job_begin(&job, fw, w, fw->mappings.rule, fw->mappings.rule_n);

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

/* ---- counters -------------------------------------------------------- */

/* The listing is kept for a moment: a client may ask for each of its pinholes.
 * Return: 0 or -errno */
static int read_counters(const struct ipt_job *job)
{
	const uint64_t now_ms = clock_mono_ms();
	struct ipt_list list;
	int rc;

	if (job->seen->read_ms && now_ms - job->seen->read_ms < KEEP_MS)
		return 0;
	ipt_list_init(&list);
	ipt_seen_begin(job->seen);
	list.pinhole = ipt_seen_rule;
	list.arg = job->seen;
	rc = ipt_list_table(job->fw, job->tool[IPT_FILTER6]->save, IPT_FILTER6,
			    &list);
	if (!rc)
		job->seen->read_ms = now_ms ? now_ms : 1;
	return rc;
}

/* The rule sees what the rules before its place leave to it: mostly the first
 * packet of each flow. */
static int ipt_packets(struct natfw *fw, struct natfw_writer *w,
		       const struct nat_rule *rule, uint64_t *ret)
{
	const size_t i = (size_t)(rule - fw->pinholes.rule);
	struct ipt_job job;
	int rc = ipt_job_begin(&job, fw, w, NULL, 0);

	if (!rc && !job.want[IPT_FILTER6])
		return -EOPNOTSUPP;
	if (!rc)
		rc = read_counters(&job);
	if (rc)
		return rc;
	if (!job.seen->stands[i])
		return -EAGAIN;
	*ret = job.seen->packets[i];
	return 0;
}

/* ---- open, close and sweep ------------------------------------------- */

static bool nft_usable(const struct natfw_env *env)
{
	return ipt_tool_of(RULESET_IPT_NFT, false);
}

static bool legacy_usable(const struct natfw_env *env)
{
	return ipt_tool_of(RULESET_IPT_LEGACY, false);
}

/* Does the tool work? It changes nothing, so that chains which a killed monitor
 * left keep working until the first sync. */
static int ipt_open(struct natfw *fw, struct natfw_writer *w)
{
	struct ipt_list found;
	struct ipt_job job;
	int rc = ipt_job_begin(&job, fw, w, NULL, 0);

	return rc ? rc : ipt_job_scan(&job, &found);
}

/* Clean each table in a separate run, so that a failure in one does not
 * prevent the other. Return: -EAGAIN if the tool was busy, else 0 */
static int remove_once(const struct ipt_job *job)
{
	struct ipt_list is;
	int rc = 0;

	ipt_list_init(&is);
	for (int t = 0; t < IPT_TABLES; t++) {
		struct ipt_text text = { .fw = job->fw, .found = &is };

		if (!job->want[t] ||
		    ipt_list_table(job->fw, job->tool[t]->save, t, &is) ||
		    !is.ours[t])
			continue;
		ipt_text_add(&text, ipt_steps_remove[t]);
		if (ipt_job_restore(job, t, &text) == -EAGAIN)
			rc = -EAGAIN;
	}
	return rc;
}

/* Without a place in ip6tables our chains can only be there if the model shows
 * them. @looked: the model shows whether something is left */
static bool can_have(const struct ipt_job *job, enum ipt_table table,
		     bool looked)
{
	const bool ip6 = ipt_rule_ip6(table);
	const struct ruleset *rs = job->fw->rules;

	if (!job->tool[table] ||
	    (job->kind == RULESET_IPT_LEGACY &&
	     !ipt_tool_has_table(ipt_rule_tables[table], ip6)))
		return false;
	return !ip6 || !rs || rs->leftover6[job->kind] ||
	       (!looked && ipt_jump_has_place(job->fw, job->kind, table));
}

static void remove_all(struct natfw *fw, enum ruleset_kind kind, bool looked)
{
	struct ipt_job job = { .fw = fw, .kind = kind };
	uint64_t end_ms = 0;
	bool any = false;

	if (looked && fw->rules && !fw->rules->leftover[kind] &&
	    !fw->rules->leftover6[kind])
		return;
	ipt_job_tools(&job);
	for (int t = 0; t < IPT_TABLES; t++) {
		job.want[t] = can_have(&job, t, looked);
		any |= job.want[t];
	}
	if (any)
		while (remove_once(&job) && backend_wait(&end_ms))
			;
}

static void ipt_close(struct natfw *fw, struct natfw_writer *w)
{
	remove_all(fw, w->be->kind, false);
	ipt_seen_free(w->own);
	w->own = NULL;
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
		.packets = ipt_packets, .pinholes = true, \
		.close = ipt_close, .sweep = sweep_fn, .commits = n_commits, \
	}

const struct natfw_backend natfw_iptables_nft =
	IPT_BACKEND("iptables-nft", RULESET_IPT_NFT, 3, nft_usable, nft_sweep);
const struct natfw_backend natfw_iptables_legacy =
	IPT_BACKEND("iptables-legacy", RULESET_IPT_LEGACY, 0, legacy_usable,
		    legacy_sweep);
