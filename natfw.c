/* SPDX-License-Identifier: ISC */
/*
 * natfw.c - the table of rules, and how the kernel is kept equal to it.
 *
 * Owns: the table, its indexes, the choice of a backend.
 * Never does: know a tool's language; log.
 * Invariants: no two rules of one key; unless fw->dirty, the kernel held just
 * this table when we last touched it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "natfw.h"
#include "natfw/backend.h"

void natfw_say(struct natfw *fw, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fw->why, sizeof(fw->why), fmt, ap);
	va_end(ap);
}

/* ---- the table ----------------------------------------------------- */

static int index_init(struct natfw_index *x, size_t rule_max)
{
	x->slots = 1;
	while (x->slots < rule_max)
		x->slots *= 2;
	x->head = calloc(x->slots, sizeof(*x->head));
	x->next = calloc(rule_max, sizeof(*x->next));
	return x->head && x->next ? 0 : -ENOMEM;
}

int natfw_init(struct natfw *fw, size_t rule_max)
{
	int by;

	if (!rule_max)
		rule_max = 1;	/* calloc(0) may be NULL */
	fw->rule_max = rule_max;
	fw->rule = calloc(rule_max, sizeof(*fw->rule));
	if (!fw->rule)
		return -ENOMEM;
	for (by = 0; by < NATFW_INDEXES; by++) {
		if (index_init(&fw->index[by], rule_max)) {
			natfw_done(fw);
			return -ENOMEM;
		}
	}
	return 0;
}

void natfw_done(struct natfw *fw)
{
	int by;

	for (by = 0; by < NATFW_INDEXES; by++) {
		free(fw->index[by].head);
		free(fw->index[by].next);
	}
	free(fw->rule);
	memset(fw, 0, sizeof(*fw));
}

const struct nat_rule *natfw_lookup(const struct natfw *fw,
				    const struct nat_rule *key)
{
	return natfw_at_key(fw, key);
}

/* The link of its chain that leads to rule number @i. */
static uint32_t *link_to(struct natfw *fw, enum natfw_by by, size_t i)
{
	struct natfw_index *x = &fw->index[by];
	uint32_t *link = &x->head[natfw_slot(fw, by, &fw->rule[i])];

	while (*link != i + 1)
		link = &x->next[*link - 1];
	return link;
}

static void table_clear(struct natfw *fw)
{
	struct natfw_index *x;
	int by;

	fw->rule_n = 0;
	for (by = 0; by < NATFW_INDEXES; by++) {
		x = &fw->index[by];
		memset(x->head, 0, x->slots * sizeof(*x->head));
	}
}

static void table_del(struct natfw *fw, const struct nat_rule *key)
{
	const struct nat_rule *old = natfw_at_key(fw, key);
	size_t i, last;
	int by;

	if (!old)
		return;
	i = (size_t)(old - fw->rule);
	last = fw->rule_n - 1;
	for (by = 0; by < NATFW_INDEXES; by++) {
		uint32_t *next = fw->index[by].next;

		*link_to(fw, by, i) = next[i];
		if (i == last)
			continue;
		/* the last rule moves into the hole, and keeps its place in
		 * its chain */
		*link_to(fw, by, last) = (uint32_t)i + 1;
		next[i] = next[last];
	}
	fw->rule[i] = fw->rule[last];
	fw->rule_n--;
}

/* There is room for it, or a rule with its key. */
static void table_set(struct natfw *fw, const struct nat_rule *rule)
{
	uint32_t *head;
	size_t i;
	int by;

	table_del(fw, rule);
	i = fw->rule_n++;
	fw->rule[i] = *rule;
	for (by = 0; by < NATFW_INDEXES; by++) {
		head = &fw->index[by].head[natfw_slot(fw, by, rule)];
		fw->index[by].next[i] = *head;
		*head = (uint32_t)i + 1;
	}
}

static void table_do(struct natfw *fw, const struct nat_op *op, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (op[i].verb == NAT_SET)
			table_set(fw, &op[i].rule);
		else
			table_del(fw, &op[i].rule);
	}
}

/* ---- the kernel ---------------------------------------------------- */

/* How many of the table's rules the kernel shall hold. */
static size_t kernel_n(const struct natfw *fw)
{
	return fw->env.ext_ip ? fw->rule_n : 0;
}

static int kernel_sync(struct natfw *fw)
{
	int rc;

	if (!fw->be) {
		natfw_say(fw, "there is no backend");
		return -ENODEV;
	}
	rc = fw->be->sync(fw, fw->rule, kernel_n(fw));
	fw->dirty = rc != 0;
	return rc;
}

/*
 * All or nothing; afterwards the kernel is as the table was, or dirty is set.
 * A tool that hung or is gone is not asked again at once: each try would cost
 * the deadline, while others wait.
 */
static int kernel_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	int rc;

	if (!n || !fw->env.ext_ip)
		return 0;
	rc = fw->be->apply(fw, op, n);
	if (!rc)
		return 0;
	fw->dirty = true;
	if (rc != -ETIMEDOUT && rc != -ENOENT)
		kernel_sync(fw);
	return rc;
}

/* ---- batches ------------------------------------------------------- */

/* The ops of a batch that ask something of the kernel. */
struct plan {
	struct nat_op op[NAT_BATCH_MAX];
	size_t at[NAT_BATCH_MAX];	/* their places in the batch */
	size_t n;
};

static enum nat_err set_allowed(const struct natfw *fw,
				const struct nat_op *op, bool room)
{
	if (op->verb != NAT_SET || op->rule.kind != NAT_PORTMAP ||
	    !nat_rule_sane(&op->rule))
		return NAT_EREFUSED;
	if (!fw->env.ext_ip)
		return NAT_ENOADDR;
	return room ? NAT_OK : NAT_ENOSPC;
}

/*
 * Must the kernel do something for this op? *ret is what becomes of it if not.
 * @room: how many more rules there may be; kept up to date
 */
static bool op_wanted(const struct natfw *fw, const struct nat_op *op,
		      size_t *room, enum nat_err *ret)
{
	const struct nat_rule *old = natfw_at_key(fw, &op->rule);

	*ret = NAT_OK;
	if (op->verb == NAT_DEL) {
		*room += old != NULL;
		return old;
	}
	*ret = set_allowed(fw, op, old || *room);
	if (*ret || (old && nat_rule_equal(old, &op->rule)))
		return false;
	*room -= old == NULL;
	return true;
}

/* The place of the last op with the key of op @i. */
static size_t last_of_key(const struct nat_op *op, size_t n, size_t i)
{
	size_t j;

	for (j = n - 1; j > i; j--)
		if (nat_rule_same_key(&op[j].rule, &op[i].rule))
			return j;
	return i;
}

static void plan_make(struct plan *plan, const struct natfw *fw,
		      const struct nat_op *op, size_t n, enum nat_err *ret)
{
	size_t room = fw->rule_max - fw->rule_n, i;

	plan->n = 0;
	for (i = 0; i < n; i++) {
		if (last_of_key(op, n, i) != i)
			continue;
		if (!op_wanted(fw, &op[i], &room, &ret[i]))
			continue;
		plan->op[plan->n] = op[i];
		plan->at[plan->n++] = i;
	}
}

static enum nat_err do_alone(struct natfw *fw, const struct nat_op *op)
{
	size_t room = fw->rule_max - fw->rule_n;
	enum nat_err err;

	if (fw->dirty)
		return NAT_EFAIL;
	/* asked again: an op before it that made room may have failed */
	if (!op_wanted(fw, op, &room, &err))
		return err;
	if (kernel_apply(fw, op, 1))
		return NAT_EFAIL;
	table_do(fw, op, 1);
	return NAT_OK;
}

static void batch_do(struct natfw *fw, const struct nat_op *op, size_t n,
		     enum nat_err *ret)
{
	struct plan plan;
	size_t i;

	plan_make(&plan, fw, op, n, ret);
	if (!kernel_apply(fw, plan.op, plan.n)) {
		table_do(fw, plan.op, plan.n);
	} else {
		for (i = 0; i < plan.n; i++)
			ret[plan.at[i]] = do_alone(fw, &plan.op[i]);
	}
	for (i = 0; i < n; i++)
		ret[i] = ret[last_of_key(op, n, i)];
}

void natfw_batch(struct natfw *fw, const struct nat_op *op, size_t n,
		 enum nat_err *ret)
{
	size_t i, step;

	if (!fw->be || (fw->dirty && kernel_sync(fw))) {
		for (i = 0; i < n; i++)
			ret[i] = NAT_EFAIL;
		return;
	}
	for (i = 0; i < n; i += step) {
		step = n - i < NAT_BATCH_MAX ? n - i : NAT_BATCH_MAX;
		batch_do(fw, op + i, step, ret + i);
	}
}

/* ---- the whole table ----------------------------------------------- */

int natfw_open(struct natfw *fw, const struct natfw_backend *be,
	       const struct natfw_env *env)
{
	int rc;

	fw->be = be;
	fw->env = *env;
	fw->dirty = fw->rule_n != 0;
	memset(fw->scratch, 0, sizeof(fw->scratch));
	rc = be->open(fw, env);
	if (rc)
		fw->dirty = true;
	return rc;
}

int natfw_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	size_t i;

	if (n > fw->rule_max)
		return -ENOSPC;
	table_clear(fw);
	for (i = 0; i < n; i++)
		if (rule[i].kind == NAT_PORTMAP && nat_rule_sane(&rule[i]))
			table_set(fw, &rule[i]);
	fw->dirty = true;
	return kernel_sync(fw);
}

int natfw_move(struct natfw *fw, const struct natfw_env *env)
{
	fw->env = *env;
	fw->dirty = true;
	return kernel_sync(fw);
}

int natfw_verify(struct natfw *fw)
{
	int rc = 1;

	if (fw->be && !fw->dirty)
		rc = fw->be->verify(fw, fw->rule, kernel_n(fw));
	if (rc <= 0)
		return rc;
	fw->dirty = true;
	rc = kernel_sync(fw);
	return rc ? rc : 1;
}

void natfw_close(struct natfw *fw)
{
	if (fw->be)
		fw->be->close(fw);
	fw->be = NULL;
	fw->dirty = false;
}

/* ---- which backend ------------------------------------------------- */

/*
 * In this order. A FORWARD chain that drops has the last word whatever other
 * chains accept, so the backend must be the one that can write into it; where
 * several filter, iptables comes first, since whoever runs it beside native
 * nft does so for its drops. Plain iptables stands behind its variants: on
 * some systems it is the only name of one.
 */
static const struct {
	const struct natfw_backend *be;
	bool idle;		/* when nothing governs: if it is installed */
	const char *why;
} choices[] = {
	{ &natfw_iptables_legacy, false, "iptables-legacy rules stand here" },
	{ &natfw_iptables_nft, false, "iptables-nft rules stand here" },
	{ &natfw_iptables, false, "iptables rules stand here" },
	{ &natfw_nft, false, "an nft forward chain filters here" },
	{ &natfw_nft, true, "nothing filters here and nft is installed" },
	{ &natfw_iptables, true,
	  "nothing filters here and iptables is installed" },
};

static const struct natfw_backend *choose(const struct natfw_env *env,
					  const char **ret_why)
{
	const struct natfw_backend *be;
	size_t i;

	for (i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		be = choices[i].be;
		if (!be->usable(env) ||
		    (!choices[i].idle && !(be->governs && be->governs())))
			continue;
		*ret_why = choices[i].why;
		return be;
	}
	*ret_why = "neither nft nor iptables was found";
	return NULL;
}

static const struct natfw_backend *const backends[] = {
	&natfw_iptables, &natfw_iptables_legacy, &natfw_iptables_nft,
	&natfw_nft, &natfw_memory,
};

const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *env,
				       const char **ret_why)
{
	size_t i;

	if (!strcmp(name, "auto"))
		return choose(env, ret_why);
	*ret_why = "configured";
	for (i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	return NULL;
}
