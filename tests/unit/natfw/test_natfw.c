/* SPDX-License-Identifier: ISC */
/*
 * test_natfw.c - the kernel equals the tables after each batch, failure and
 * repair, and auto chooses the backend that filters here. The backend is a fake
 * that fails on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "sys/proc.h"
#include "tests/unit/natfwtest.h"

/* ---- a backend that fails on demand -------------------------------- */

#define KERNEL_MAX 1024

static struct {
	struct nat_rule kernel[KERNEL_MAX];	/* of both kinds */
	size_t n;
	int open_rc, verify_rc;
	int apply_fail, sync_fail;	/* number of failures to come */
	int rc;				/* their error */
	uint16_t bad_port;		/* a rule with it always fails */
	unsigned applies, syncs, closes;
} fake;

static bool fake_usable(const struct natfw_env *env)
{
	return true;
}

static int fake_open(struct natfw *fw, const struct natfw_env *env)
{
	return fake.open_rc;
}

static size_t kernel_find(const struct nat_rule *key)
{
	size_t i;

	for (i = 0; i < fake.n; i++)
		if (nat_rule_same_key(&fake.kernel[i], key))
			break;
	return i;
}

static void kernel_do(const struct nat_op *op)
{
	size_t i = kernel_find(&op->rule);

	if (op->verb == NAT_SET) {
		fake.kernel[i] = op->rule;
		fake.n += i == fake.n;
	} else {
		assert_true(i < fake.n);	/* a real one would fail */
		fake.kernel[i] = fake.kernel[--fake.n];
	}
}

static int fake_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	size_t i, j;

	fake.applies++;
	assert_in_range(n, 1, NAT_BATCH_MAX);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			assert_false(nat_rule_same_key(&op[i].rule,
						       &op[j].rule));
	if (fake.apply_fail && fake.apply_fail--) {
		fake.n = 0;	/* half done: the state is unknown */
		return fake.rc;
	}
	for (i = 0; i < n; i++)
		if (fake.bad_port && op[i].rule.ext_port == fake.bad_port)
			return -EIO;
	for (i = 0; i < n; i++)
		kernel_do(&op[i]);
	return 0;
}

static int fake_sync(struct natfw *fw, const struct nat_rule *r, size_t n)
{
	fake.syncs++;
	if (fake.sync_fail && fake.sync_fail--)
		return fake.rc;
	assert_in_range(n + fw->pinholes.rule_n, 0, KERNEL_MAX);
	memcpy(fake.kernel, r, n * sizeof(*r));
	fake.n = n;
	for (size_t i = 0; fw->be->pinholes && i < fw->pinholes.rule_n; i++)
		fake.kernel[fake.n++] = fw->pinholes.rule[i];
	return 0;
}

static bool in_kernel(const struct nat_rule *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kernel_find(&r[i]) == fake.n)
			return false;
	return true;
}

static int fake_verify(struct natfw *fw, const struct nat_rule *r, size_t n)
{
	if (fake.verify_rc)
		return fake.verify_rc;
	return !in_kernel(r, n) ||
	       !in_kernel(fw->pinholes.rule, fw->pinholes.rule_n);
}

static void fake_close(struct natfw *fw)
{
	fake.closes++;
}

static const struct natfw_backend fake_backend = {
	"fake", fake_usable, fake_open, fake_apply, fake_sync, fake_verify,
	fake_close, 0, NULL,
}, fake_both = {
	"both", fake_usable, fake_open, fake_apply, fake_sync, fake_verify,
	fake_close, 0, NULL, .pinholes = true,
};

static void start_with(struct natfw *fw, const struct natfw_backend *be,
		       size_t mapping_max, size_t pinhole_max)
{
	struct natfw_env env = env_of(EXT);

	memset(fw, 0, sizeof(*fw));
	memset(&fake, 0, sizeof(fake));
	fake.rc = -EIO;
	assert_int_equal(natfw_init(fw, mapping_max, pinhole_max), 0);
	assert_int_equal(natfw_open(fw, be, &env), 0);
}

static void start(struct natfw *fw, size_t max)
{
	start_with(fw, &fake_backend, max, 0);
}

static void assert_projected(const struct natfw *fw)
{
	const struct nat_rule *r;
	size_t i;

	assert_int_equal(fake.n, fw->mappings.rule_n + fw->pinholes.rule_n);
	for (i = 0; i < fake.n; i++) {
		r = natfw_lookup(fw, &fake.kernel[i]);
		assert_non_null(r);
		assert_true(nat_rule_equal(r, &fake.kernel[i]));
	}
}

/* ---- the table ----------------------------------------------------- */

static void test_rule_is_set_and_deleted(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct natfw fw;

	start(&fw, 4);
	assert_null(natfw_lookup(&fw, &r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_true(nat_rule_equal(natfw_lookup(&fw, &r), &r));
	r.int_port = 81;
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_int_equal(natfw_lookup(&fw, &r)->int_port, 81);
	r.remote = addr_ip4(PEER);	/* makes another key */
	assert_null(natfw_lookup(&fw, &r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fw.mappings.rule_n, 2);
	assert_projected(&fw);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_null(natfw_lookup(&fw, &r));
	assert_projected(&fw);
	natfw_done(&fw);
	natfw_done(&fw);	/* harmless */
}

static void test_op_without_effect_is_not_applied(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct natfw fw;

	start(&fw, 4);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_int_equal(fake.applies, 0);
	one(&fw, set(r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fake.applies, 1);
	natfw_batch(&fw, NULL, 0, NULL);
	assert_int_equal(fake.applies, 1);
	natfw_done(&fw);
}

static void test_invalid_ops_are_refused(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct nat_op odd = { .rule = r, .verb = 3 };
	struct natfw fw;

	start(&fw, 4);
	assert_int_equal(one(&fw, odd), NAT_EREFUSED);
	odd.verb = 0;
	assert_int_equal(one(&fw, odd), NAT_EREFUSED);
	r.kind = NAT_PINHOLE;
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	r = tcp(0, HOST(2), 80);
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	r = rule(1, 0, 80, HOST(2), 80);
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	assert_int_equal(fake.applies, 0);
	natfw_done(&fw);
}

static void test_full_table_refuses_a_new_rule(void **state)
{
	struct nat_op op[4] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(3, HOST(2), 3)) };
	enum nat_err err[4];
	struct natfw fw;

	start(&fw, 2);
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_OK);
	assert_int_equal(err[2], NAT_ENOSPC);
	assert_int_equal(one(&fw, set(tcp(2, HOST(3), 2))), NAT_OK);
	/* an op before it in the same batch made room */
	op[0] = del(tcp(1, 0, 0));
	op[1] = set(tcp(4, HOST(4), 4));
	op[2] = set(tcp(5, HOST(4), 5));
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_OK);
	assert_int_equal(err[2], NAT_ENOSPC);
	assert_projected(&fw);
	/* but not when that op failed */
	op[0] = del(tcp(2, 0, 0));
	op[1] = set(tcp(6, HOST(4), 6));
	fake.bad_port = 2;
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_ENOSPC);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_last_op_of_a_key_counts(void **state)
{
	struct nat_op op[4] = { set(tcp(1, HOST(2), 1)), del(tcp(1, 0, 0)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(2, HOST(3), 3)) };
	enum nat_err err[4];
	struct natfw fw;

	start(&fw, 2);
	natfw_batch(&fw, op, 4, err);
	assert_int_equal(err[0] | err[1] | err[2] | err[3], NAT_OK);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_int_equal(addr_to_ip4(natfw_lookup(&fw, &op[2].rule)->client),
			 HOST(3));
	assert_projected(&fw);
	/* the earlier op has the result of the last one */
	fake.bad_port = 3;
	op[0] = set(tcp(3, HOST(2), 1));
	op[1] = set(tcp(3, HOST(2), 2));
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	natfw_done(&fw);
}

static void test_long_batch_is_applied_in_parts(void **state)
{
	enum { N = NAT_BATCH_MAX * 2 + 1 };
	static struct nat_op op[N];
	static enum nat_err err[N];
	struct natfw fw;
	size_t i;

	start(&fw, N);
	for (i = 0; i < N; i++)
		op[i] = set(tcp((uint16_t)(i + 1), HOST(2), 80));
	natfw_batch(&fw, op, N, err);
	for (i = 0; i < N; i++)
		assert_int_equal(err[i], NAT_OK);
	assert_int_equal(fake.applies, 3);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* ---- failures ------------------------------------------------------ */

static void test_one_bad_rule_does_not_fail_the_others(void **state)
{
	struct nat_op op[3] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(3, HOST(2), 3)) };
	enum nat_err err[3];
	struct natfw fw;

	start(&fw, 8);
	fake.bad_port = 2;
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(err[2], NAT_OK);
	assert_int_equal(fw.mappings.rule_n, 2);
	assert_false(fw.dirty);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* Somebody flushed the firewall: the op fails, the repair restores our chains,
 * the second try succeeds, and the client sees no error. */
static void test_flushed_firewall_is_repaired_unnoticed(void **state)
{
	struct natfw fw;

	start(&fw, 8);
	one(&fw, set(tcp(1, HOST(2), 1)));
	fake.apply_fail = 1;
	assert_int_equal(one(&fw, set(tcp(2, HOST(2), 2))), NAT_OK);
	assert_int_equal(fake.syncs, 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void hang_or_miss(int rc)
{
	struct nat_op op[3] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				del(tcp(9, 0, 0)) };
	enum nat_err err[3];
	struct natfw fw;

	start(&fw, 8);
	one(&fw, set(tcp(9, HOST(2), 9)));
	fake.apply_fail = 1;
	fake.rc = rc;
	fake.applies = 0;
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(err[2], NAT_EFAIL);
	assert_int_equal(fake.applies, 1);	/* not tried again */
	assert_int_equal(fake.syncs, 0);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_true(fw.dirty);
	/* still missing: nothing is applied to an unknown state */
	fake.sync_fail = 1;
	assert_int_equal(one(&fw, op[0]), NAT_EFAIL);
	assert_int_equal(fake.applies, 1);
	/* the tool works again */
	assert_int_equal(natfw_verify(&fw), 1);
	assert_false(fw.dirty);
	assert_projected(&fw);
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_done(&fw);
}

static void test_hung_tool_is_not_tried_again_at_once(void **state)
{
	hang_or_miss(-ETIMEDOUT);
}

static void test_missing_tool_is_not_tried_again_at_once(void **state)
{
	hang_or_miss(-ENOENT);
}

static void test_failed_repair_is_tried_by_the_next_batch(void **state)
{
	struct nat_op op[2] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)) };
	enum nat_err err[2];
	struct natfw fw;

	start(&fw, 8);
	fake.apply_fail = 1;
	fake.sync_fail = 1;
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(fake.applies, 1);
	assert_true(fw.dirty);
	assert_int_equal(fw.mappings.rule_n, 0);
	/* the next batch begins with the repair */
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0] | err[1], NAT_OK);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_failed_open_is_repaired_by_verify(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	start(&fw, 8);
	fake.open_rc = -EIO;
	assert_int_equal(natfw_open(&fw, &fake_backend, &env), -EIO);
	assert_true(fw.dirty);
	assert_int_equal(natfw_verify(&fw), 1);
	natfw_close(&fw);
	natfw_close(&fw);
	assert_int_equal(fake.closes, 1);
	/* closed: no backend */
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_EFAIL);
	assert_int_equal(natfw_verify(&fw), -ENODEV);
	assert_int_equal(natfw_sync(&fw, NULL, 0), -ENODEV);
	natfw_done(&fw);
}

/* ---- the whole table ----------------------------------------------- */

static void test_sync_replaces_the_table(void **state)
{
	struct nat_rule r[4] = { tcp(1, HOST(2), 1), tcp(2, HOST(2), 2),
				 tcp(1, HOST(3), 3), tcp(0, HOST(2), 4) };
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(tcp(7, HOST(2), 7)));
	assert_int_equal(natfw_sync(&fw, r, 4), 0);
	/* each key once, and no invalid rule */
	assert_int_equal(fw.mappings.rule_n, 2);
	assert_int_equal(addr_to_ip4(natfw_lookup(&fw, &r[0])->client),
			 HOST(3));
	assert_projected(&fw);
	natfw_done(&fw);
	start(&fw, 3);
	one(&fw, set(tcp(7, HOST(2), 7)));
	assert_int_equal(natfw_sync(&fw, r, 4), -ENOSPC);
	assert_int_equal(fw.mappings.rule_n, 1);
	fake.sync_fail = 1;
	assert_int_equal(natfw_sync(&fw, r, 2), -EIO);
	assert_int_equal(fw.mappings.rule_n, 2);
	assert_true(fw.dirty);
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_mappings_wait_for_an_external_address(void **state)
{
	struct natfw_env none = env_of(0), env = env_of(EXT);
	struct nat_rule r = tcp(1, HOST(2), 1), other = tcp(2, HOST(2), 2);
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(r));
	one(&fw, set(other));
	assert_int_equal(natfw_move(&fw, &none), 0);
	assert_int_equal(fake.n, 0);
	assert_int_equal(fw.mappings.rule_n, 2);
	fake.applies = 0;
	assert_int_equal(one(&fw, set(tcp(3, HOST(2), 3))), NAT_ENOADDR);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_int_equal(fake.applies, 0);
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_int_equal(fake.n, 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_verify_repairs_a_difference(void **state)
{
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(tcp(1, HOST(2), 1)));
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(fake.syncs, 0);
	fake.verify_rc = 1;
	fake.n = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	fake.sync_fail = 1;
	assert_int_equal(natfw_verify(&fw), -EIO);
	assert_true(fw.dirty);
	fake.verify_rc = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	fake.verify_rc = -ETIMEDOUT;
	assert_int_equal(natfw_verify(&fw), -ETIMEDOUT);
	natfw_done(&fw);
}

/* ---- pinholes ------------------------------------------------------ */

static void test_both_kinds_are_held_together(void **state)
{
	struct nat_rule hole = pinhole(2, 80), map = tcp(1, HOST(2), 80);
	struct nat_op op[3] = { set(map), set(hole), set(pinhole(3, 80)) };
	enum nat_err err[3];
	struct natfw fw;

	start_with(&fw, &fake_both, 4, 4);
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0] | err[1] | err[2], NAT_OK);
	assert_int_equal(fake.applies, 1);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_int_equal(fw.pinholes.rule_n, 2);
	assert_projected(&fw);
	assert_int_equal(one(&fw, set(hole)), NAT_OK);	/* renewed */
	assert_int_equal(fake.applies, 1);
	assert_int_equal(one(&fw, del(hole)), NAT_OK);
	assert_int_equal(one(&fw, del(hole)), NAT_OK);	/* there is none */
	assert_null(natfw_lookup(&fw, &hole));
	assert_non_null(natfw_lookup(&fw, &map));
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_both_kinds_are_synced_and_verified(void **state)
{
	const struct nat_rule r[3] = { pinhole(2, 80), tcp(1, HOST(2), 80),
				       pinhole(2, 81) };
	struct natfw fw;

	start_with(&fw, &fake_both, 4, 4);
	one(&fw, set(pinhole(7, 7)));
	one(&fw, set(tcp(7, HOST(7), 7)));
	assert_int_equal(natfw_sync(&fw, r, 3), 0);
	assert_int_equal(fw.pinholes.rule_n, 2);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_projected(&fw);
	assert_int_equal(natfw_verify(&fw), 0);
	fake.n--;	/* somebody deletes the last one, a pinhole */
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	fake.n = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* A SET of a pinhole must not succeed without a rule. */
static void test_a_backend_without_pinholes_gets_none(void **state)
{
	const struct nat_rule r[2] = { pinhole(2, 80), tcp(1, HOST(2), 80) };
	struct nat_op op[2] = { set(r[0]), set(r[1]) };
	enum nat_err err[2];
	struct natfw fw;

	start_with(&fw, &fake_backend, 4, 4);
	assert_true(natfw_takes(&fw, NAT_PORTMAP));
	assert_false(natfw_takes(&fw, NAT_PINHOLE));
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EKIND);
	assert_int_equal(err[1], NAT_OK);
	assert_null(natfw_lookup(&fw, &r[0]));
	assert_int_equal(one(&fw, del(r[0])), NAT_OK);
	assert_projected(&fw);
	assert_int_equal(natfw_sync(&fw, r, 2), 0);
	assert_int_equal(fw.pinholes.rule_n, 0);
	assert_int_equal(fw.mappings.rule_n, 1);
	natfw_done(&fw);
}

static void test_each_kind_has_its_own_room(void **state)
{
	struct nat_op op[4] = { set(pinhole(2, 1)), set(pinhole(2, 2)),
				set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)) };
	struct nat_rule r[3] = { pinhole(2, 1), pinhole(2, 2), pinhole(2, 3) };
	enum nat_err err[4];
	struct natfw fw;

	start_with(&fw, &fake_both, 1, 1);
	natfw_batch(&fw, op, 4, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_ENOSPC);
	assert_int_equal(err[2], NAT_OK);
	assert_int_equal(err[3], NAT_ENOSPC);
	assert_int_equal(natfw_sync(&fw, r, 2), -ENOSPC);
	natfw_done(&fw);
	start_with(&fw, &fake_both, 1, 2);
	assert_int_equal(natfw_sync(&fw, r, 2), 0);
	assert_int_equal(natfw_sync(&fw, r, 3), -ENOSPC);
	assert_int_equal(fw.pinholes.rule_n, 2);
	/* a deleted one makes room for the next of the same batch */
	op[0] = del(r[0]);
	op[1] = set(r[2]);
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0] | err[1], NAT_OK);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* A pinhole needs no external IPv4 address. */
static void test_pinholes_stay_without_an_address(void **state)
{
	struct natfw_env none = env_of(0), env = env_of(EXT);
	struct nat_op op[3] = { del(tcp(1, 0, 0)), set(pinhole(3, 80)),
				set(tcp(2, HOST(2), 2)) };
	enum nat_err err[3];
	struct natfw fw;

	start_with(&fw, &fake_both, 4, 4);
	one(&fw, set(tcp(1, HOST(2), 1)));
	one(&fw, set(tcp(3, HOST(2), 3)));
	one(&fw, set(pinhole(2, 80)));
	assert_int_equal(natfw_move(&fw, &none), 0);
	assert_int_equal(fake.n, 1);
	assert_int_equal(natfw_verify(&fw), 0);
	/* deleting a mapping changes only the table */
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_OK);
	assert_int_equal(err[2], NAT_ENOADDR);
	assert_int_equal(fake.n, 2);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* ---- which backend ------------------------------------------------- */

enum { LEGACY, IPTABLES_NFT, IPTABLES, NETLINK, TOOLS };

static struct {
	bool usable, governs;
} here[TOOLS];

static bool nft_exists;

/* The choice depends only on the tools that the administrator uses. */
bool proc_exists(const char *name)
{
	assert_string_equal(name, "nft");
	return nft_exists;
}

#define FAKE_TOOL(number, variable, label) \
	static bool variable##_is_usable(const struct natfw_env *env) \
	{ \
		return here[number].usable; \
	} \
	static bool variable##_does_govern(void) \
	{ \
		return here[number].governs; \
	} \
	const struct natfw_backend variable = { \
		.name = label, .usable = variable##_is_usable, \
		.governs = variable##_does_govern, \
	}

FAKE_TOOL(LEGACY, natfw_iptables_legacy, "iptables-legacy");
FAKE_TOOL(IPTABLES_NFT, natfw_iptables_nft, "iptables-nft");
FAKE_TOOL(IPTABLES, natfw_iptables, "iptables");
FAKE_TOOL(NETLINK, natfw_netlink, "netlink");

static void test_backend_is_found_by_its_name(void **state)
{
	static const char *const names[] = { "iptables", "iptables-legacy",
					     "iptables-nft", "netlink",
					     "memory" };
	struct natfw_env env = env_of(EXT);
	const char *why = NULL;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		const struct natfw_backend *be;

		be = natfw_find(names[i], &env, &why);
		assert_non_null(be);
		assert_string_equal(be->name, names[i]);
		assert_string_equal(why, "configured");
	}
	assert_null(natfw_find("pf", &env, &why));
	assert_null(natfw_find("nft", &env, &why));
	assert_null(natfw_find("", &env, &why));
}

static void test_auto_follows_what_filters_forwarding(void **state)
{
#define B(tool) (1u << (tool))
#define ALL (B(TOOLS) - 1)
	static const struct {
		unsigned usable, governs;
		bool nft;
		const char *name, *why;
	} t[] = {
		{ 0, 0, false, NULL,
		  "neither nf_tables nor iptables was found" },
		{ 0, ALL, true, NULL,
		  "neither nf_tables nor iptables was found" },
		{ ALL, 0, true, "netlink",
		  "nothing filters forwarding, and nft is installed" },
		{ ALL - B(NETLINK), 0, true, "iptables",
		  "nothing filters forwarding, and iptables is installed" },
		/* the installed tool is the one that will be used */
		{ ALL, 0, false, "iptables",
		  "nothing filters forwarding, and iptables is installed" },
		{ B(NETLINK), 0, false, "netlink",
		  "nothing filters forwarding, and the kernel has nf_tables" },
		{ B(IPTABLES), 0, true, "iptables",
		  "nothing filters forwarding, and iptables is installed" },
		/* by a variant's name only if there are rules */
		{ B(LEGACY) | B(IPTABLES_NFT), 0, true, NULL,
		  "neither nf_tables nor iptables was found" },
		{ ALL, ALL, true, "iptables-legacy",
		  "there are iptables-legacy rules" },
		{ ALL, ALL - B(LEGACY), true, "iptables-nft",
		  "there are iptables-nft rules" },
		{ ALL, B(IPTABLES) | B(NETLINK), true, "iptables",
		  "there are iptables rules" },
		{ ALL, B(NETLINK), true, "netlink",
		  "an nf_tables chain filters forwarding" },
		{ B(NETLINK) | B(IPTABLES), B(NETLINK), false, "netlink",
		  "an nf_tables chain filters forwarding" },
		{ ALL - B(NETLINK), B(NETLINK), true, "iptables",
		  "nothing filters forwarding, and iptables is installed" },
		{ B(NETLINK), B(LEGACY) | B(IPTABLES), true, "netlink",
		  "nothing filters forwarding, and nft is installed" },
	};
	struct natfw_env env = env_of(EXT);
	const struct natfw_backend *be;
	const char *why;
	unsigned i, tool;

	for (i = 0; i < COUNT(t); i++) {
		nft_exists = t[i].nft;
		for (tool = 0; tool < TOOLS; tool++) {
			here[tool].usable = t[i].usable & B(tool);
			here[tool].governs = t[i].governs & B(tool);
		}
		be = natfw_find("auto", &env, &why);
		if (t[i].name)
			assert_string_equal(be->name, t[i].name);
		else
			assert_null(be);
		assert_string_equal(why, t[i].why);
	}
}
static void test_memory_backend_needs_no_kernel(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw = { 0 };

	assert_int_equal(natfw_init(&fw, 0, 0), 0);	/* as with 1 */
	assert_true(natfw_memory.usable(&env));
	assert_int_equal(natfw_open(&fw, &natfw_memory, &env), 0);
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_OK);
	assert_int_equal(one(&fw, set(tcp(2, HOST(2), 1))), NAT_ENOSPC);
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_close(&fw);
	natfw_done(&fw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_is_set_and_deleted),
		cmocka_unit_test(test_op_without_effect_is_not_applied),
		cmocka_unit_test(test_invalid_ops_are_refused),
		cmocka_unit_test(test_full_table_refuses_a_new_rule),
		cmocka_unit_test(test_last_op_of_a_key_counts),
		cmocka_unit_test(test_long_batch_is_applied_in_parts),
		cmocka_unit_test(test_one_bad_rule_does_not_fail_the_others),
		cmocka_unit_test(test_flushed_firewall_is_repaired_unnoticed),
		cmocka_unit_test(test_hung_tool_is_not_tried_again_at_once),
		cmocka_unit_test(test_missing_tool_is_not_tried_again_at_once),
		cmocka_unit_test(test_failed_repair_is_tried_by_the_next_batch),
		cmocka_unit_test(test_failed_open_is_repaired_by_verify),
		cmocka_unit_test(test_sync_replaces_the_table),
		cmocka_unit_test(test_mappings_wait_for_an_external_address),
		cmocka_unit_test(test_verify_repairs_a_difference),
		cmocka_unit_test(test_both_kinds_are_held_together),
		cmocka_unit_test(test_both_kinds_are_synced_and_verified),
		cmocka_unit_test(test_a_backend_without_pinholes_gets_none),
		cmocka_unit_test(test_each_kind_has_its_own_room),
		cmocka_unit_test(test_pinholes_stay_without_an_address),
		cmocka_unit_test(test_backend_is_found_by_its_name),
		cmocka_unit_test(test_auto_follows_what_filters_forwarding),
		cmocka_unit_test(test_memory_backend_needs_no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
