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
#include "base/mem.h"
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/ipt_tool.h"
#include "natfw/place.h"
#include "natfw/table.h"
#include "natfw/walk.h"
#include "natfw/writers.h"

/* ---- the tables ---------------------------------------------------- */

int natfw_init(struct natfw *fw, size_t mapping_max, size_t pinhole_max)
{
	int rc = table_init(fw, mapping_max ? mapping_max : 1, pinhole_max);

	if (rc)
		table_done(fw);
	return rc;
}

static void free_model(struct natfw *fw)
{
	ruleset_dump_end(&fw->reading);
	ruleset_free(fw->rules);
	ruleset_free(fw->next_rules);
	mem_free(fw->places, 1, sizeof(*fw->places));
	mem_free(fw->legacy_buf, 1, NATFW_LEGACY_MAX);
	fw->rules = fw->next_rules = NULL;
	fw->places_no = 0;
	fw->places = NULL;
	fw->legacy_buf = NULL;
}

void natfw_done(struct natfw *fw)
{
	table_done(fw);
	free_model(fw);
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
	const struct natfw_backend *be = writers_translator(fw);

	return kind == NAT_PORTMAP ||
	       (kind == NAT_PINHOLE && be && be->pinholes && fw->env.ipv6);
}

/* Should the kernel hold the table's rules of this kind now? */
static bool in_kernel(const struct natfw *fw, uint8_t kind)
{
	return kind == NAT_PINHOLE ? fw->env.ipv6 : addr_is_set(fw->env.ext);
}

/* The number of port mappings that the kernel should hold. */
static size_t kernel_n(const struct natfw *fw)
{
	return in_kernel(fw, NAT_PORTMAP) ? fw->mappings.rule_n : 0;
}

static int kernel_sync(struct natfw *fw)
{
	int rc;

	if (!writers_translator(fw)) {
		str_copy(fw->why, sizeof(fw->why), STR("there is no backend"));
		return -ENODEV;
	}
	fw->held = false;
	rc = writers_sync(fw, fw->mappings.rule, kernel_n(fw));
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
	rc = writers_apply(fw, op, n);
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

/* Has a writer found that others changed legacy iptables beside it? */
static bool unproven(const struct natfw *fw)
{
	return !fw->legacy.known;
}

/* Change the kernel and the tables. If it is not certain that the kernel holds
 * all of it, compare. Return: 0, or -errno: the tables are as before */
static int change(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct nat_op undo[NAT_BATCH_MAX];
	const struct nat_rule *old;
	int rc = kernel_apply(fw, op, n);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		old = table_find(fw, &op[i].rule);
		undo[i].verb = old ? NAT_SET : NAT_DEL;
		undo[i].rule = old ? *old : op[i].rule;
	}
	do_ops(fw, op, n);
	if (n && unproven(fw))
		rc = kernel_sync(fw);
	if (rc)
		do_ops(fw, undo, n);
	return rc;
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
	return change(fw, op, 1) ? NAT_EFAIL : NAT_OK;
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
	if (change(fw, todo, todo_n))
		for (size_t i = 0; i < todo_n; i++)
			ret[at[i]] = do_alone(fw, &todo[i]);
	for (size_t i = 0; i < n; i++)
		ret[i] = ret[last_of_key(op, n, i)];
}

/* What the table has already succeeds without an op for the kernel. So find out
 * whether the kernel still holds it. A comparison that fails does not show
 * it. */
static bool may_differ(struct natfw *fw)
{
	return fw->dirty ||
	       (!fw->legacy_fresh && writers_have_legacy(fw) &&
		writers_changed(fw, NULL)) ||
	       (fw->unsure && writers_own(fw, fw->mappings.rule,
					  kernel_n(fw)) != 0);
}

void natfw_batch(struct natfw *fw, const struct nat_op *op, size_t n,
		 enum nat_err *ret)
{
	size_t step;

	if (writers_translator(fw) && may_differ(fw))
		fw->dirty = true;
	fw->legacy_fresh = false;
	if (!writers_translator(fw) || (fw->dirty && kernel_sync(fw))) {
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

/* The model is made once, before the monitor serves anybody. */
static int make_model(struct natfw *fw)
{
	if (!fw->rules)
		fw->rules = ruleset_new();
	if (!fw->next_rules)
		fw->next_rules = ruleset_new();
	if (!fw->places)
		fw->places = mem_new(1, sizeof(*fw->places));
	if (!fw->legacy_buf)
		fw->legacy_buf = mem_reserve(1, NATFW_LEGACY_MAX);
	return fw->rules && fw->next_rules && fw->places &&
	       fw->legacy_buf ? 0 : -ENOMEM;
}

/* What an earlier run left keeps working until the engine has sent its table,
 * so that the death of a monitor costs no connection. */
int natfw_open(struct natfw *fw, const struct natfw_backend *be,
	       const struct natfw_env *env)
{
	int rc = be->offline ? 0 : make_model(fw);

	if (rc) {
		str_copy(fw->why, sizeof(fw->why), STR("out of memory"));
		free_model(fw);
		return rc;
	}
	fw->env = *env;
	fw->dirty = true;
	rc = writers_open(fw, be);
	if (!rc)
		rc = writers_read(fw);
	/* -EINTR: what an earlier run left is not known */
	fw->held = rc == -EINTR || (!rc && writers_left(fw));
	if (rc || fw->mappings.rule_n || fw->pinholes.rule_n || fw->held)
		return rc;
	fw->rules_fresh = true;
	return kernel_sync(fw);
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
	return fw->held ? 0 : kernel_sync(fw);
}

int natfw_verify(struct natfw *fw)
{
	int rc;

	if (fw->held)
		return 0;
	rc = writers_read(fw);
	fw->unsure |= rc == -EINTR;
	/* if the rules change all the time, repair by those read before */
	if (rc && !(rc == -EINTR && fw->dirty))
		return rc;
	fw->rules_fresh = !rc;
	rc = 1;
	if (writers_translator(fw) && !fw->dirty)
		rc = writers_verify(fw, fw->mappings.rule, kernel_n(fw));
	if (rc > 0) {
		fw->dirty = true;
		rc = kernel_sync(fw);
		rc = rc ? rc : 1;
	}
	fw->rules_fresh = false;
	return rc;
}

void natfw_close(struct natfw *fw)
{
	writers_close(fw);
	free_model(fw);
	fw->dirty = fw->held = false;
}

int natfw_packets(struct natfw *fw, const struct nat_rule *key, uint64_t *ret)
{
	const struct nat_rule *rule = table_find(fw, key);

	if (key->kind != NAT_PINHOLE || !rule)
		return -ENOENT;
	return fw->dirty ? -EAGAIN : writers_packets(fw, rule, ret);
}

unsigned natfw_commits(const struct natfw *fw)
{
	unsigned n = 0;

	for (unsigned k = 0; k < RULESET_KINDS; k++)
		if (fw->writer[k].be)
			n += fw->writer[k].be->commits;
	return n;
}

void natfw_sweep(struct natfw *fw)
{
	writers_sweep(fw);
}

void natfw_sweep_all(void)
{
	struct natfw fw = { .rules = NULL };

	if (!make_model(&fw))
		writers_sweep(&fw);
	free_model(&fw);
}

/* ---- the administrator's rules ------------------------------------- */

#define READ_AGAIN_MS 1000

/* The kernel gives no notice when it removes the table of an owner that has
 * ended. */
static bool may_have_changed(const struct natfw *fw)
{
	return fw->rules_stale || fw->places->lost4.chain != RULESET_NONE ||
	       fw->places->lost6.chain != RULESET_NONE;
}

/* Accepts that stand elsewhere than the rules need them are moved by the next
 * change, before it is answered. */
static void read_again(struct natfw *fw, uint64_t now_ms)
{
	if ((fw->rules_ms && now_ms - fw->rules_ms < READ_AGAIN_MS) ||
	    !may_have_changed(fw))
		return;
	fw->rules_ms = now_ms;
	if (!writers_look(fw) && !writers_placed(fw))
		fw->dirty = true;
}

/* @family: of the packets that the rule drops */
static void put_why(const struct natfw *fw, uint8_t family,
		    const struct walk_rule *at, struct wr *why)
{
	const struct place_loss *lost = places_lost(fw->places, family);

	if (!why)
		return;
	if (at->chain == lost->chain && at->chain != RULESET_NONE)
		wr_z(why, lost->why);
	else
		walk_rule_text(fw->rules, at, why);
}

enum nat_err natfw_check(struct natfw *fw, const struct nat_rule *rule,
			 uint64_t now_ms, struct wr *why)
{
	struct walk_packet p;
	struct walk_rule at;

	if (!fw->rules || !in_kernel(fw, rule->kind))
		return NAT_OK;
	read_again(fw, now_ms);
	place_incoming(&fw->env, rule, &p);
	if (walk_forwarded(fw->rules, &p, &at) != WALK_NO) {
		put_why(fw, rule->client.family, &at, why);
		return NAT_EFORWARDED;
	}
	if (writers_missing(fw, rule->client.family, why))
		return NAT_EBLOCKED;
	if (place_blocked(fw->rules, &fw->env, fw->places, rule, &at) !=
	    WALK_YES)
		return NAT_OK;
	put_why(fw, rule->client.family, &at, why);
	return NAT_EBLOCKED;
}

const char *natfw_fault(const struct natfw *fw)
{
	const char *lost4 = natfw_lost(fw, ADDR_IP4);

	if (fw->dirty)
		return fw->why;
	return *lost4 ? lost4 : natfw_lost(fw, ADDR_IP6);
}

const char *natfw_lost(const struct natfw *fw, uint8_t family)
{
	return fw->places ? places_lost(fw->places, family)->why : "";
}

bool natfw_open6(const struct natfw *fw)
{
	if (!fw->places || !fw->places_no || !backend_has_ip6(&fw->env) ||
	    fw->places->lost6.chain != RULESET_NONE ||
	    *fw->env.nft_chain)	/* the other chains are not searched */
		return false;
	for (size_t i = 0; i < fw->places->n; i++)
		if (fw->places->at[i].family == ADDR_IP6)
			return false;
	return true;
}

bool natfw_missing6(const struct natfw *fw, struct wr *why)
{
	return backend_has_ip6(&fw->env) &&
	       writers_missing(fw, ADDR_IP6, why);
}

/* ---- which backend ------------------------------------------------- */

/*
 * The choices of "auto", in this order: netlink needs no tool, and its cost
 * does not grow with the number of mappings. What filters forwarding does not
 * matter, because each kind of chain gets its accepts from a writer of its own.
 */
static const struct {
	const struct natfw_backend *be;
	const char *why;
} choices[] = {
	{ &natfw_netlink, "the kernel translates by nf_tables" },
	{ &natfw_iptables_legacy, "nf_tables cannot translate here, and "
				  "iptables-legacy is installed" },
	{ &natfw_iptables_nft, "nf_tables cannot translate here, and "
			       "iptables-nft is installed" },
};

static const struct natfw_backend *choose(const struct natfw_env *env,
					  const char **ret_why)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		if (!choices[i].be->usable(env))
			continue;
		*ret_why = choices[i].why;
		return choices[i].be;
	}
	*ret_why = ipt_tool_built() ?
		"neither nf_tables nor iptables was found" :
		"the kernel has no nf_tables, and this upnpd was built without "
		"iptables";
	return NULL;
}

static const struct natfw_backend *plain_iptables(const char **ret_why)
{
	enum ruleset_kind kind = ipt_tool_plain();

	if (kind >= RULESET_KINDS) {
		*ret_why = "iptables is not installed";
		return NULL;
	}
	*ret_why = "configured, and the variant that iptables is";
	return kind == RULESET_IPT_NFT ? &natfw_iptables_nft :
					 &natfw_iptables_legacy;
}

static const struct natfw_backend *const backends[] = {
	&natfw_netlink, &natfw_iptables_nft, &natfw_iptables_legacy,
	&natfw_memory,
};

const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *env,
				       const char **ret_why)
{
	if (!strcmp(name, "auto"))
		return choose(env, ret_why);
	if (!strcmp(name, "iptables"))
		return plain_iptables(ret_why);
	*ret_why = "configured";
	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	return NULL;
}
