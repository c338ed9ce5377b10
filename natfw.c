/* SPDX-License-Identifier: ISC */
/*
 * natfw.c - keeps the kernel equal to the tables of rules.
 *
 * Owns: the content of the tables, the choice of a backend.
 * Never does: use a tool's syntax; log.
 * Invariants: unless fw->dirty, the kernel held exactly these tables after our
 * last change; a rule of a kind that the backend does not make is in no table.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include "sys/proc.h"
#include "base/str.h"
#include "natfw.h"
#include "natfw/table.h"

/* ---- the tables ---------------------------------------------------- */

int natfw_init(struct natfw *fw, size_t mapping_max, size_t pinhole_max)
{
	int rc = table_init(fw, mapping_max ? mapping_max : 1, pinhole_max);

	if (rc)
		table_done(fw);
	return rc;
}

void natfw_done(struct natfw *fw)
{
	table_done(fw);
	memset(fw, 0, sizeof(*fw));
}

const struct nat_rule *natfw_lookup(const struct natfw *fw,
				    const struct nat_rule *key)
{
	return table_find(fw, key);
}

static void do_ops(struct natfw *fw, const struct nat_op *op, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (op[i].verb == NAT_SET)
			table_set(fw, &op[i].rule);
		else
			table_del(fw, &op[i].rule);
	}
}

/* ---- the kernel ---------------------------------------------------- */

bool natfw_takes(const struct natfw *fw, uint8_t kind)
{
	return kind == NAT_PORTMAP ||
	       (kind == NAT_PINHOLE && fw->be && fw->be->pinholes);
}

/* Should the kernel hold the table's rules of this kind now? */
static bool in_kernel(const struct natfw *fw, uint8_t kind)
{
	return kind == NAT_PINHOLE || addr_is_set(fw->env.ext);
}

/* The number of port mappings that the kernel should hold. */
static size_t kernel_n(const struct natfw *fw)
{
	return in_kernel(fw, NAT_PORTMAP) ? fw->mappings.rule_n : 0;
}

static int kernel_sync(struct natfw *fw)
{
	int rc;

	if (!fw->be) {
		str_copy(fw->why, sizeof(fw->why), STR("there is no backend"));
		return -ENODEV;
	}
	rc = fw->be->sync(fw, fw->mappings.rule, kernel_n(fw));
	fw->dirty = rc != 0;
	return rc;
}

/* All or nothing. After a failure the kernel still equals the tables, or dirty
 * is set. If the tool hung or is missing, do not sync at once: each try would
 * block the other requests until the deadline. */
static int kernel_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	int rc;

	if (!n)
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

/* How many more rules of each kind fit. */
struct room {
	size_t mappings, pinholes;
};

static struct room room_of(const struct natfw *fw)
{
	return (struct room){ fw->mappings.rule_max - fw->mappings.rule_n,
			      fw->pinholes.rule_max - fw->pinholes.rule_n };
}

/* Does this op need a change of the table? If not, *ret is its result.
 * @room: kept up to date */
static bool op_wanted(const struct natfw *fw, const struct nat_op *op,
		      struct room *room, enum nat_err *ret)
{
	const struct nat_rule *old = table_find(fw, &op->rule);
	const uint8_t kind = op->rule.kind;
	size_t *left = kind == NAT_PINHOLE ? &room->pinholes : &room->mappings;

	*ret = NAT_OK;
	if (op->verb == NAT_DEL) {
		*left += old != NULL;
		return old;
	}
	if (op->verb != NAT_SET || !nat_rule_sane(&op->rule))
		*ret = NAT_EREFUSED;
	else if (!natfw_takes(fw, kind))
		*ret = NAT_EKIND;
	else if (!in_kernel(fw, kind))
		*ret = NAT_ENOADDR;
	else if (!old && !*left)
		*ret = NAT_ENOSPC;
	if (*ret || (old && nat_rule_equal(old, &op->rule)))
		return false;
	*left -= old == NULL;
	return true;
}

/* The index of the last op with the key of op @i. */
static size_t last_of_key(const struct nat_op *op, size_t n, size_t i)
{
	for (size_t j = n - 1; j > i; j--)
		if (nat_rule_same_key(&op[j].rule, &op[i].rule))
			return j;
	return i;
}

static enum nat_err do_alone(struct natfw *fw, const struct nat_op *op)
{
	struct room room = room_of(fw);
	enum nat_err err;

	if (fw->dirty)
		return NAT_EFAIL;
	/* checked again: an op before it that made room may have failed */
	if (!op_wanted(fw, op, &room, &err))
		return err;
	if (kernel_apply(fw, op, 1))
		return NAT_EFAIL;
	do_ops(fw, op, 1);
	return NAT_OK;
}

static void batch_do(struct natfw *fw, const struct nat_op *op, size_t n,
		     enum nat_err *ret)
{
	struct nat_op todo[NAT_BATCH_MAX];	/* ops for the kernel */
	size_t at[NAT_BATCH_MAX];	/* their indexes in the batch */
	struct room room = room_of(fw);
	size_t todo_n = 0;

	for (size_t i = 0; i < n; i++) {
		if (last_of_key(op, n, i) != i ||
		    !op_wanted(fw, &op[i], &room, &ret[i]))
			continue;
		if (!in_kernel(fw, op[i].rule.kind)) {
			do_ops(fw, &op[i], 1);
			continue;
		}
		todo[todo_n] = op[i];
		at[todo_n++] = i;
	}
	if (!kernel_apply(fw, todo, todo_n)) {
		do_ops(fw, todo, todo_n);
	} else {
		for (size_t i = 0; i < todo_n; i++)
			ret[at[i]] = do_alone(fw, &todo[i]);
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = ret[last_of_key(op, n, i)];
}

void natfw_batch(struct natfw *fw, const struct nat_op *op, size_t n,
		 enum nat_err *ret)
{
	size_t step;

	if (!fw->be || (fw->dirty && kernel_sync(fw))) {
		for (size_t i = 0; i < n; i++)
			ret[i] = NAT_EFAIL;
		return;
	}
	for (size_t i = 0; i < n; i += step) {
		step = n - i < NAT_BATCH_MAX ? n - i : NAT_BATCH_MAX;
		batch_do(fw, op + i, step, ret + i);
	}
}

/* ---- the whole tables ---------------------------------------------- */

int natfw_open(struct natfw *fw, const struct natfw_backend *be,
	       const struct natfw_env *env)
{
	int rc;

	fw->be = be;
	fw->env = *env;
	fw->dirty = fw->mappings.rule_n || fw->pinholes.rule_n;
	rc = be->open(fw, env);
	if (rc)
		fw->dirty = true;
	return rc;
}

int natfw_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	size_t pinhole_n = 0;

	for (size_t i = 0; i < n; i++)
		pinhole_n += rule[i].kind == NAT_PINHOLE;
	if (n - pinhole_n > fw->mappings.rule_max ||
	    (natfw_takes(fw, NAT_PINHOLE) &&
	     pinhole_n > fw->pinholes.rule_max))
		return -ENOSPC;
	table_clear(fw);
	for (size_t i = 0; i < n; i++)
		if (natfw_takes(fw, rule[i].kind) && nat_rule_sane(&rule[i]))
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
		rc = fw->be->verify(fw, fw->mappings.rule, kernel_n(fw));
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
 * The choices of "auto", in this order.
 *
 * Where iptables filters, it must be the backend: a FORWARD chain that drops
 * overrides what other chains accept, and only iptables can write into it.
 * Where nftables filters as well, iptables still comes first, because whoever
 * runs it beside native nft does so for its drops. Plain iptables follows its
 * variants: on some systems a variant has no other name.
 *
 * netlink needs no tool. But where nothing filters yet, the installed tool
 * shows what the administrator, or the system, is going to use.
 */
static const struct {
	const struct natfw_backend *be;
	bool idle;		/* chosen where nothing filters, if usable */
	const char *tool;	/* and if this program exists; or NULL */
	const char *why;
} choices[] = {
	{ &natfw_iptables_legacy, false, NULL,
	  "there are iptables-legacy rules" },
	{ &natfw_iptables_nft, false, NULL, "there are iptables-nft rules" },
	{ &natfw_iptables, false, NULL, "there are iptables rules" },
	{ &natfw_netlink, false, NULL,
	  "an nf_tables chain filters forwarding" },
	{ &natfw_netlink, true, "nft",
	  "nothing filters forwarding, and nft is installed" },
	{ &natfw_iptables, true, NULL,
	  "nothing filters forwarding, and iptables is installed" },
	{ &natfw_netlink, true, NULL,
	  "nothing filters forwarding, and the kernel has nf_tables" },
};

static const struct natfw_backend *choose(const struct natfw_env *env,
					  const char **ret_why)
{
	const struct natfw_backend *be;
	const char *tool;

	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		be = choices[i].be;
		tool = choices[i].tool;
		if (!be->usable(env) || (tool && !proc_exists(tool)) ||
		    (!choices[i].idle && !(be->governs && be->governs())))
			continue;
		*ret_why = choices[i].why;
		return be;
	}
	*ret_why = "neither nf_tables nor iptables was found";
	return NULL;
}

static const struct natfw_backend *const backends[] = {
	&natfw_iptables, &natfw_iptables_legacy, &natfw_iptables_nft,
	&natfw_netlink, &natfw_memory,
};

const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *env,
				       const char **ret_why)
{
	if (!strcmp(name, "auto"))
		return choose(env, ret_why);
	*ret_why = "configured";
	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	return NULL;
}
