/* SPDX-License-Identifier: ISC */
/*
 * test_natfw.c - the kernel equals the tables after each batch, failure and
 * repair; each kind of chain has its writer; auto chooses the backend that can
 * translate here. The backends are fakes that fail on demand, and so are the
 * administrator's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "natfw/ipt_tool.h"
#include "natfw/place.h"
#include "natfw/walk.h"
#include "natfw/writers.h"
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

static int fake_open(struct natfw *fw, struct natfw_writer *w)
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

static int fake_apply(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_op *op, size_t n)
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

static int fake_sync(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_rule *r, size_t n)
{
	fake.syncs++;
	if (fake.sync_fail && fake.sync_fail--)
		return fake.rc;
	assert_in_range(n + fw->pinholes.rule_n, 0, KERNEL_MAX);
	memcpy(fake.kernel, r, n * sizeof(*r));
	fake.n = n;
	for (size_t i = 0; w->be->pinholes && i < fw->pinholes.rule_n; i++)
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

static int fake_verify(struct natfw *fw, struct natfw_writer *w,
		       const struct nat_rule *r, size_t n)
{
	if (fake.verify_rc)
		return fake.verify_rc;
	return !in_kernel(r, n) ||
	       !in_kernel(fw->pinholes.rule, fw->pinholes.rule_n);
}

static void fake_close(struct natfw *fw, struct natfw_writer *w)
{
	fake.closes++;
}

#define FAKE(label, ...) { \
		.name = label, .usable = fake_usable, .open = fake_open, \
		.apply = fake_apply, .sync = fake_sync, \
		.verify = fake_verify, .close = fake_close, .offline = true, \
		__VA_ARGS__ \
	}

static const struct natfw_backend fake_backend = FAKE("fake"),
	fake_both = FAKE("both", .pinholes = true);

static void start_with(struct natfw *fw, const struct natfw_backend *be,
		       size_t mapping_max, size_t pinhole_max)
{
	struct natfw_env env = env_of(EXT);

	memset(fw, 0, sizeof(*fw));
	memset(&fake, 0, sizeof(fake));
	fake.rc = -EIO;
	assert_int_equal(natfw_init(fw, mapping_max, pinhole_max), 0);
	assert_int_equal(natfw_open(fw, be, &env), 0);
	assert_int_equal(fake.syncs, 1);	/* chains without mappings */
	fake.syncs = 0;
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

/* ---- three kinds of chains ------------------------------------------ */

/* What the fake reader, walker and writers do. */
static struct {
	int read_rc;
	bool need[RULESET_KINDS];	/* a place in a chain of that kind */
	bool need6[RULESET_KINDS];	/* the same for pinholes */
	bool misplaced;			/* the accepts stand elsewhere */
	bool forwarded, blocked;
	bool usable[RULESET_KINDS];
	int open_rc[RULESET_KINDS], sync_rc[RULESET_KINDS];
	int stale;			/* number of syncs that find a change */
	unsigned reads, closes;
	unsigned looks;			/* at legacy iptables */
	uint64_t cpu_us;		/* for the last reading */
	char log[256];			/* what the writers did */
	enum ruleset_kind plain;
	bool tool6;			/* ip6tables is installed */
	struct ipt_print legacy;	/* the tables of legacy iptables */
	struct ipt_print legacy6;	/* those of ip6tables */
	int verify_rc;
	bool beside;			/* others change them beside a batch */
	unsigned writes;		/* number of syncs that change them */
} here;

struct ipt_print ipt_print_read(int family, void *buf, size_t n)
{
	assert_non_null(buf);
	assert_int_equal(n, NATFW_LEGACY_MAX);
	here.looks++;
	if (family == AF_INET6)
		return here.legacy6;
	assert_int_equal(family, AF_INET);
	return here.legacy;
}

/* What a reading finds. */
static struct ruleset found, *const model = &found;
static struct ruleset_table tables[RULESET_KINDS];
static struct ruleset_chain chains[RULESET_KINDS];

struct ruleset *ruleset_new(void)
{
	size_t k;

	struct ruleset *rs = calloc(1, sizeof(*rs));

	found = (struct ruleset){ .table = tables };
	found.chain = chains;
	for (k = 0; k < RULESET_KINDS; k++) {
		tables[k].kind = (uint8_t)k;
		chains[k].table = (uint32_t)k;
	}
	return rs;
}

void ruleset_free(struct ruleset *rs)
{
	free(rs);
}

void ruleset_clear(struct ruleset *rs)
{
}

void ruleset_dump_end(struct ruleset_dump *d)
{
}

/* Models take turns: the one that is read is not the one in use. */
int ruleset_read_some(struct ruleset_dump *d, struct ruleset *rs,
		      uint64_t cpu_us)
{
	here.reads++;
	here.cpu_us = cpu_us;
	if (!here.read_rc)
		*rs = *model;
	return here.read_rc;
}

void ruleset_chain_name(const struct ruleset *rs, uint32_t chain,
			struct wr *w)
{
	wr_fmt(w, "chain %u", chain);
}

void place_find(const struct ruleset *rs, const struct natfw_env *env,
		struct places *ret)
{
	size_t k;

	memset(ret, 0, sizeof(*ret));
	ret->lost4.chain = ret->lost6.chain = RULESET_NONE;
	for (k = 0; k < RULESET_KINDS; k++)
		if (here.need[k])
			ret->at[ret->n++] = (struct place){
				.family = ADDR_IP4, .chain = (uint32_t)k,
			};
	for (k = 0; k < RULESET_KINDS; k++)
		if (here.need6[k])
			ret->at[ret->n++] = (struct place){
				.family = ADDR_IP6, .chain = (uint32_t)k,
			};
}

void place_incoming(const struct natfw_env *env, const struct nat_rule *r,
		    struct walk_packet *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->dport = r->ext_port;
}

enum walk_hold walk_forwarded(const struct ruleset *rs,
			      const struct walk_packet *p,
			      struct walk_rule *ret)
{
	*ret = (struct walk_rule){ RULESET_NATIVE, 7 };
	return here.forwarded && p->dport == 80 ? WALK_DEPENDS : WALK_NO;
}

enum walk_hold place_blocked(const struct ruleset *rs,
			     const struct natfw_env *env,
			     const struct places *places,
			     const struct nat_rule *r, struct walk_rule *ret)
{
	*ret = (struct walk_rule){ RULESET_IPT_NFT, RULESET_NONE };
	return here.blocked ? WALK_YES : WALK_DEPENDS;
}

void walk_rule_text(const struct ruleset *rs, const struct walk_rule *at,
		    struct wr *w)
{
	wr_fmt(w, "rule of chain %u", at->chain);
}

const struct ipt_tool *ipt_tool_of(enum ruleset_kind kind, bool ip6)
{
	static const struct ipt_tool tool = { "6save", "6restore" };

	return here.tool6 ? &tool : NULL;
}

bool ipt_tool_unused(bool ip6)
{
	return false;
}

bool ipt_tool_built(void)
{
	return true;
}

enum ruleset_kind ipt_tool_plain(void)
{
	return here.plain;
}

static void note(const char *what, const struct natfw_writer *w)
{
	struct wr log = wr_init(here.log, sizeof(here.log));

	log.len = strlen(here.log);
	wr_fmt(&log, "%s %s%s%s;", what, w->be->name,
	       w->translates ? "*" : "", w->accepts ? "+" : "");
	wr_cstr(&log);
}

static int kind_open(struct natfw *fw, struct natfw_writer *w)
{
	note("open", w);
	return here.open_rc[w->be->kind];
}

static int kind_apply(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_op *op, size_t n)
{
	note("apply", w);
	fw->legacy.known &= !here.beside;
	return 0;
}

static int kind_sync(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_rule *r, size_t n)
{
	note("sync", w);
	if (here.stale && here.stale--)
		return -ESTALE;
	here.misplaced = false;
	if (here.writes) {
		here.writes--;
		here.legacy.hash++;
	}
	return here.sync_rc[w->be->kind];
}

static int kind_verify(struct natfw *fw, struct natfw_writer *w,
		       const struct nat_rule *r, size_t n)
{
	return here.verify_rc ? here.verify_rc : here.misplaced;
}

static bool kind_placed(const struct natfw *fw, const struct natfw_writer *w)
{
	return !here.misplaced;
}

static void kind_close(struct natfw *fw, struct natfw_writer *w)
{
	here.closes++;
}

#define KIND(variable, label, number, n_commits) \
	static bool variable##_is_usable(const struct natfw_env *env) \
	{ \
		return here.usable[number]; \
	} \
	static void variable##_does_sweep(struct natfw *fw) \
	{ \
		const struct natfw_writer w = { .be = &variable }; \
		note("sweep", &w); \
	} \
	const struct natfw_backend variable = { \
		.name = label, .kind = number, \
		.usable = variable##_is_usable, .open = kind_open, \
		.apply = kind_apply, .sync = kind_sync, \
		.verify = kind_verify, .placed = kind_placed, \
		.close = kind_close, .sweep = variable##_does_sweep, \
		.commits = n_commits, \
	}

KIND(natfw_netlink, "netlink", RULESET_NATIVE, 1);
KIND(natfw_iptables_nft, "iptables-nft", RULESET_IPT_NFT, 2);
KIND(natfw_iptables_legacy, "iptables-legacy", RULESET_IPT_LEGACY, 0);

static void start_kinds(struct natfw *fw, const struct natfw_backend *be)
{
	struct natfw_env env = env_of(EXT);

	memset(fw, 0, sizeof(*fw));
	here.usable[0] = here.usable[1] = here.usable[2] = true;
	here.legacy.known = here.legacy.own_known = true;
	here.legacy6.known = here.legacy6.own_known = true;
	assert_int_equal(natfw_init(fw, 8, 0), 0);
	assert_int_equal(natfw_open(fw, be, &env), 0);
}

static int forget(void **state)
{
	memset(&here, 0, sizeof(here));
	memset(&fake, 0, sizeof(fake));
	return 0;
}

/* A port is open before it is translated. */
static void test_each_kind_of_chain_gets_its_writer(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_NFT] = true;
	start_kinds(&fw, &natfw_netlink);
	assert_string_equal(here.log, "open netlink*;open iptables-nft+;"
			    "sync iptables-nft+;sync netlink*;");
	assert_int_equal(natfw_commits(&fw), 3);
	here.log[0] = 0;
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_OK);
	assert_string_equal(here.log, "apply iptables-nft+;apply netlink*;");
	/* the next kind, and the first is no longer needed, but still cleans
	 * up */
	here.need[RULESET_IPT_NFT] = false;
	here.need[RULESET_IPT_LEGACY] = here.need[RULESET_NATIVE] = true;
	here.log[0] = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_string_equal(here.log, "open iptables-legacy+;"
			    "sync iptables-nft;sync iptables-legacy+;"
			    "sync netlink*+;");
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_close(&fw);
	assert_int_equal(here.closes, 3);
	assert_null(writers_translator(&fw));
	natfw_done(&fw);
}

static void test_iptables_translates_beside_a_native_accept(void **state)
{
	struct natfw fw;

	here.need[RULESET_NATIVE] = here.need[RULESET_IPT_LEGACY] = true;
	start_kinds(&fw, &natfw_iptables_legacy);
	assert_string_equal(here.log, "open iptables-legacy*;open netlink+;"
			    "sync netlink+;sync iptables-legacy*+;");
	natfw_done(&fw);
}

/* One that fails leaves the others working, but no SET succeeds. */
static void test_writer_that_fails_does_not_stop_the_others(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_NFT] = true;
	start_kinds(&fw, &natfw_netlink);
	here.sync_rc[RULESET_IPT_NFT] = -EIO;
	here.misplaced = true;
	here.log[0] = 0;
	assert_int_equal(natfw_verify(&fw), -EIO);
	assert_string_equal(here.log, "sync iptables-nft+;sync netlink*;");
	assert_true(fw.dirty);
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_EFAIL);
	here.sync_rc[RULESET_IPT_NFT] = 0;
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_OK);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A rule before which an accept was to be inserted has gone. */
static void test_change_during_a_sync_is_read_again(void **state)
{
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	here.reads = 0;
	here.stale = 2;
	here.need[RULESET_IPT_NFT] = true;
	here.log[0] = 0;
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_int_equal(here.reads, 3);
	/* the others do not write by the old rules */
	assert_string_equal(here.log, "open iptables-nft+;sync iptables-nft+;"
			    "sync iptables-nft+;sync iptables-nft+;"
			    "sync netlink*;");
	here.stale = 1000;
	here.reads = 0;
	assert_int_equal(natfw_sync(&fw, NULL, 0), -ESTALE);
	assert_in_range(here.reads, 2, 10);
	assert_string_equal(fw.why, "the rules changed during each try");
	natfw_close(&fw);
	natfw_done(&fw);
}

static void test_rules_that_cannot_be_read_change_nothing(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_NFT] = true;
	start_kinds(&fw, &natfw_netlink);
	here.read_rc = -EPERM;
	here.log[0] = 0;
	assert_int_equal(natfw_sync(&fw, NULL, 0), -EPERM);
	assert_string_equal(here.log, "");
	assert_non_null(strstr(fw.why, "; CAP_NET_ADMIN is needed"));
	here.read_rc = -EINTR;	/* they change all the time */
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_true(fw.rules_stale);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* Without the rules a writer does not know that it has places. */
static void test_rules_that_cannot_be_read_fail_the_next_set(void **state)
{
	const struct nat_rule tcp80 = tcp(80, HOST(2), 80);
	struct natfw fw;

	here.need[RULESET_IPT_NFT] = true;
	start_kinds(&fw, &natfw_netlink);
	here.read_rc = -ENOBUFS;
	fw.rules_stale = true;
	natfw_check(&fw, &tcp80, 5000, NULL);
	assert_int_equal(one(&fw, set(tcp80)), NAT_EFAIL);
	here.read_rc = 0;
	assert_int_equal(one(&fw, set(tcp80)), NAT_OK);
	here.read_rc = -ENOBUFS;
	assert_int_equal(natfw_verify(&fw), -ENOBUFS);
	here.read_rc = 0;
	here.log[0] = 0;
	assert_int_equal(one(&fw, set(tcp(81, HOST(2), 81))), NAT_OK);
	assert_string_equal(here.log, "sync iptables-nft+;sync netlink*;"
			    "apply iptables-nft+;apply netlink*;");
	natfw_close(&fw);
	natfw_done(&fw);
}

/* ---- may a port be mapped? ------------------------------------------- */

static enum nat_err check(struct natfw *fw, uint16_t port, uint64_t now_ms,
			  const char *want)
{
	const struct nat_rule r = tcp(port, HOST(2), 80);
	char text[128];
	struct wr why = wr_init_cut(text, sizeof(text));
	enum nat_err err = natfw_check(fw, &r, now_ms, &why);

	assert_string_equal(wr_cstr(&why), want);
	assert_int_equal(natfw_check(fw, &r, now_ms, NULL), err);
	return err;
}

static void test_port_of_the_administrator_is_taken(void **state)
{
	struct natfw_env none = env_of(0);
	struct nat_rule hole = pinhole(2, 80);
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	here.forwarded = true;
	assert_int_equal(check(&fw, 81, 5000, ""), NAT_OK);
	assert_int_equal(check(&fw, 80, 5000, "rule of chain 0"),
			 NAT_EFORWARDED);
	here.blocked = true;
	assert_int_equal(check(&fw, 81, 5000, "rule of chain 1"), NAT_EBLOCKED);
	assert_int_equal(natfw_check(&fw, &hole, 5000, NULL), NAT_EBLOCKED);
	natfw_move(&fw, &none);	/* NAT_ENOADDR is for natfw_batch() */
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	natfw_close(&fw);
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	natfw_done(&fw);
}

static void test_chain_without_a_tool_blocks(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_LEGACY] = true;
	start_kinds(&fw, &natfw_netlink);
	natfw_close(&fw);
	natfw_done(&fw);
	start_kinds(&fw, &natfw_netlink);
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	natfw_close(&fw);
	here.usable[RULESET_IPT_LEGACY] = false;
	assert_int_equal(natfw_open(&fw, &natfw_netlink, &fw.env), 0);
	assert_int_equal(check(&fw, 80, 5000, "chain 2 drops it, and "
			       "iptables-legacy-restore is not installed"),
			 NAT_EBLOCKED);
	assert_int_equal(natfw_verify(&fw), 0);	/* nothing can be done */
	here.usable[RULESET_IPT_LEGACY] = true;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	natfw_close(&fw);
	natfw_done(&fw);
}

static void check_pinhole(struct natfw *fw, const char *text, enum nat_err want)
{
	const struct nat_rule hole = pinhole(2, 80);
	char buf[256];
	struct wr why = wr_init(buf, sizeof(buf));

	assert_int_equal(natfw_check(fw, &hole, 5000, &why), want);
	assert_string_equal(wr_cstr(&why), text);
	assert_int_equal(check(fw, 80, 5000, ""), NAT_OK);
}

/* Mappings do not need it. */
static void test_pinholes_are_refused_without_ip6tables(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_LEGACY] = here.need6[RULESET_IPT_LEGACY] = true;
	start_kinds(&fw, &natfw_iptables_legacy);
	check_pinhole(&fw, "chain 2 drops it, and ip6tables-legacy-restore is"
		      " not installed", NAT_EBLOCKED);
	assert_false(natfw_missing6(&fw, NULL));	/* no network has IPv6 */
	fw.env.ipv6 = true;
	fw.env.net[fw.env.net_n++].net.addr.family = ADDR_IP6;
	assert_true(natfw_missing6(&fw, NULL));
	here.tool6 = true;
	check_pinhole(&fw, "", NAT_OK);
	assert_false(natfw_missing6(&fw, NULL));
	fw.rules->unknown6 = true;
	check_pinhole(&fw, "ip6tables-legacy has tables, and cannot list them:"
		      " is ip6tables-legacy-save installed?", NAT_EBLOCKED);
	natfw_close(&fw);
	natfw_done(&fw);
}

static void test_rules_are_read_again_once_a_second(void **state)
{
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	here.reads = 0;
	check(&fw, 80, 5000, "");
	assert_int_equal(here.reads, 0);	/* nothing has changed */
	fw.rules_stale = true;
	check(&fw, 80, 5000, "");
	assert_int_equal(here.reads, 1);
	fw.rules_stale = true;
	check(&fw, 80, 5999, "");
	assert_int_equal(here.reads, 1);
	check(&fw, 80, 6000, "");
	assert_int_equal(here.reads, 2);
	check(&fw, 80, 9000, "");
	assert_int_equal(here.reads, 2);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A renewal has no op for the kernel, but its rule must be there. */
static void test_changed_legacy_tables_are_compared_first(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	here.log[0] = 0;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "");
	here.legacy.hash++;
	assert_true(writers_changed(&fw, NULL));
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "sync iptables-legacy*;");
	assert_false(writers_changed(&fw, NULL));
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "sync iptables-legacy*;");
	here.legacy.any = true;		/* a first table, which is empty */
	assert_true(writers_changed(&fw, NULL));
	/* no success while they cannot be compared, or not be read */
	here.sync_rc[RULESET_IPT_LEGACY] = -EIO;
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	here.legacy.known = false;
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	here.sync_rc[RULESET_IPT_LEGACY] = 0;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* After a change of ours: the next look reads our rules as they are then, and
 * compares those of others. */
static void test_own_change_of_legacy_tables_is_read_later(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	fw.legacy.own_known = false;
	here.legacy.own++;
	assert_false(writers_changed(&fw, NULL));
	assert_true(fw.legacy.own_known);
	here.legacy.own++;
	assert_true(writers_changed(&fw, NULL));
	here.legacy.own--;
	fw.legacy.own_known = false;
	here.legacy.hash++;
	assert_true(writers_changed(&fw, NULL));
	here.legacy.hash--;
	here.legacy.entries++;
	assert_true(writers_changed(&fw, NULL));
	assert_false(fw.legacy.own_known);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* To read large tables takes longer than the rest of a batch. */
static void test_owner_may_have_looked_at_legacy_tables(void **state)
{
	const struct nat_op op = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	here.looks = 0;
	assert_int_equal(one(&fw, op), NAT_OK);
	assert_int_equal(here.looks, 1);
	fw.legacy_fresh = true;
	here.legacy.hash++;
	assert_int_equal(one(&fw, op), NAT_OK);
	assert_int_equal(here.looks, 1);
	here.log[0] = 0;
	assert_int_equal(one(&fw, op), NAT_OK);	/* for one batch only */
	assert_string_equal(here.log, "sync iptables-legacy*;");
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A notice has come. Our own rules are compared at once, without those of the
 * administrator, of which there may be thousands. */
static void test_own_rules_are_compared_after_a_notice(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	here.log[0] = 0;
	here.reads = 0;
	fw.unsure = true;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_false(fw.unsure);
	here.misplaced = true;		/* not seen without a notice */
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "");
	assert_int_equal(here.reads, 0);
	fw.unsure = true;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "sync netlink*;");
	fw.unsure = here.misplaced = true;
	here.sync_rc[RULESET_NATIVE] = -EIO;
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A comparison that was cut short has compared nothing. It once counted as one
 * that found no difference, so a renewal succeeded without its rule. */
static void test_interrupted_comparison_is_made_again(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	here.verify_rc = -EINTR;
	assert_int_equal(natfw_verify(&fw), -EINTR);
	assert_true(fw.unsure);
	here.log[0] = 0;
	here.verify_rc = 0;
	here.misplaced = true;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	assert_string_equal(here.log, "sync netlink*;");
	assert_false(fw.unsure);
	here.read_rc = -EINTR;		/* of the administrator's rules */
	assert_int_equal(natfw_verify(&fw), -EINTR);
	assert_true(fw.unsure);
	natfw_close(&fw);
	natfw_done(&fw);
}

static void test_no_success_while_own_rules_cannot_be_compared(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	fw.unsure = true;
	here.verify_rc = here.sync_rc[RULESET_NATIVE] = -EIO;
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	here.sync_rc[RULESET_NATIVE] = 0;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* The tool failed. The model has no legacy chain, so no place, and the writer
 * would remove its accepts. */
static void test_unlisted_legacy_table_leaves_the_former_places(void **state)
{
	struct natfw fw;

	here.need[RULESET_IPT_LEGACY] = true;
	start_kinds(&fw, &natfw_netlink);
	here.need[RULESET_IPT_LEGACY] = false;
	found.unread[RULESET_IPT_LEGACY] = true;
	strcpy(found.why, "iptables-legacy-save: killed");
	here.log[0] = 0;
	assert_int_equal(natfw_verify(&fw), -EIO);
	assert_string_equal(here.log, "");
	assert_string_equal(fw.why, "iptables-legacy-save: killed");
	assert_true(fw.writer[RULESET_IPT_LEGACY].accepts);
	assert_int_equal(one(&fw, set(tcp(80, HOST(2), 80))), NAT_EFAIL);
	/* it works again, and there is no chain any more */
	found.unread[RULESET_IPT_LEGACY] = false;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_string_equal(here.log, "sync iptables-legacy;sync netlink*;");
	/* a kind in which nothing is ours */
	found.unread[RULESET_IPT_NFT] = true;
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A verification, or the comparison after a notice, has failed. */
static void assert_compared_again(struct natfw *fw, const struct nat_op *op)
{
	for (unsigned i = 0; i < 2; i++) {
		/* legacy iptables sends no notices */
		if (i || fw->translator == RULESET_IPT_LEGACY)
			assert_int_equal(natfw_verify(fw), here.verify_rc);
		else
			fw->unsure = true;
		here.sync_rc[fw->translator] = -EIO;
		assert_int_equal(one(fw, *op), NAT_EFAIL);
		here.sync_rc[fw->translator] = 0;
		assert_int_equal(one(fw, *op), NAT_OK);
		assert_false(fw->unsure || fw->dirty);
	}
}

/* The listing was interrupted, or the tool failed: our rules may have gone. */
static void test_what_cannot_be_compared_may_differ(void **state)
{
	static const struct natfw_backend *const row[] = {
		&natfw_netlink, &natfw_iptables_nft, &natfw_iptables_legacy,
	};
	static const int failures[] = { -EINTR, -ETIMEDOUT, -ENOENT, -EIO };
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	for (size_t i = 0; i < COUNT(row) * COUNT(failures); i++) {
		start_kinds(&fw, row[i / COUNT(failures)]);
		assert_int_equal(one(&fw, renewal), NAT_OK);
		here.verify_rc = failures[i % COUNT(failures)];
		assert_compared_again(&fw, &renewal);
		/* the next comparison is in a batch, and succeeds */
		natfw_verify(&fw);
		here.verify_rc = 0;
		assert_int_equal(one(&fw, renewal), NAT_OK);
		assert_false(fw.unsure || fw.dirty);
		natfw_close(&fw);
		natfw_done(&fw);
		forget(NULL);
	}
}

static void test_change_beside_a_batch_is_compared(void **state)
{
	const struct nat_op op = set(tcp(80, HOST(2), 80)),
			    other = set(tcp(80, HOST(2), 81)),
			    second = set(tcp(81, HOST(2), 81));
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	here.beside = true;
	here.log[0] = 0;
	assert_int_equal(one(&fw, op), NAT_OK);
	assert_string_equal(here.log, "apply iptables-legacy*;"
			    "sync iptables-legacy*;");
	/* it cannot be compared: the table stays as before */
	here.sync_rc[RULESET_IPT_LEGACY] = -EIO;
	assert_int_equal(one(&fw, other), NAT_EFAIL);
	assert_int_equal(natfw_lookup(&fw, &op.rule)->int_port, 80);
	assert_true(fw.dirty);
	here.sync_rc[RULESET_IPT_LEGACY] = 0;
	here.beside = false;
	assert_int_equal(natfw_verify(&fw), 1);
	here.beside = true;
	here.sync_rc[RULESET_IPT_LEGACY] = -EIO;
	assert_int_equal(one(&fw, second), NAT_EFAIL);
	assert_null(natfw_lookup(&fw, &second.rule));
	natfw_close(&fw);
	natfw_done(&fw);
}

/* A large firewall is read in parts: until all is read, the rules that were
 * read before decide, and nothing fails. */
static void test_unfinished_reading_leaves_the_former_rules(void **state)
{
	const struct nat_rule tcp80 = tcp(80, HOST(2), 80);
	const int unfinished[] = { 1, -EINTR };
	const struct ruleset *rules;
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	here.need[RULESET_NATIVE] = true;
	start_kinds(&fw, &natfw_netlink);
	assert_true(here.cpu_us == UINT64_MAX);
	rules = fw.rules;
	for (unsigned i = 0; i < 2; i++) {
		here.read_rc = unfinished[i];
		here.reads = 0;
		here.log[0] = 0;
		assert_int_equal(natfw_verify(&fw), i ? -EINTR : -EINPROGRESS);
		assert_string_equal(here.log, "");
		assert_int_equal(here.cpu_us, NATFW_READ_US);
		assert_int_equal(check(&fw, 80, 5000 + 1000 * i, ""), NAT_OK);
		assert_int_equal(one(&fw, set(tcp80)), NAT_OK);
		assert_int_equal(one(&fw, del(tcp80)), NAT_OK);
		assert_int_equal(natfw_move(&fw, &env), 0);
		assert_string_equal(here.log, "apply netlink*+;"
				    "apply netlink*+;sync netlink*+;");
		assert_true(fw.rules_old && fw.rules_stale);
		assert_ptr_equal(fw.rules, rules);
		assert_int_equal(here.reads, 3);
	}
	/* if there is no end of changes, repair by the former rules */
	fw.dirty = true;
	assert_int_equal(natfw_verify(&fw), 1);
	here.read_rc = 0;
	here.reads = 0;
	assert_int_equal(natfw_verify(&fw), 0);
	assert_ptr_not_equal(fw.rules, rules);
	assert_false(fw.rules_stale);
	assert_int_equal(here.reads, 1);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* Without any rules nothing is written, and what an earlier run left stays. */
static void test_first_reading_must_be_complete(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	natfw_close(&fw);
	here.read_rc = -EINTR;
	here.log[0] = 0;
	assert_int_equal(natfw_open(&fw, &natfw_netlink, &env), -EINTR);
	assert_string_equal(fw.why, "reading the rules: "
			    "they changed during each try");
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(natfw_sync(&fw, NULL, 0), -EINTR);
	assert_string_equal(here.log, "open netlink*;");
	here.read_rc = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* Another sync finds what others changed beside the first. */
static void test_sync_is_compared_with_what_it_made(void **state)
{
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	here.writes = 1;
	here.log[0] = 0;
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_string_equal(here.log, "sync iptables-legacy*;"
			    "sync iptables-legacy*;");
	assert_false(writers_changed(&fw, NULL));
	/* others change them all the time */
	here.writes = 100;
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_in_range(here.writes, 90, 99);
	assert_true(writers_changed(&fw, NULL));
	natfw_close(&fw);
	natfw_done(&fw);
}

/* The tool that lists fails, so the rules may be gone. */
static void test_legacy_that_cannot_be_verified_fails(void **state)
{
	const struct nat_op renewal = set(tcp(80, HOST(2), 80));
	struct natfw fw;

	start_kinds(&fw, &natfw_iptables_legacy);
	assert_int_equal(one(&fw, renewal), NAT_OK);
	here.verify_rc = here.sync_rc[RULESET_IPT_LEGACY] = -EIO;
	assert_int_equal(natfw_verify(&fw), -EIO);
	assert_int_equal(one(&fw, renewal), NAT_EFAIL);
	here.sync_rc[RULESET_IPT_LEGACY] = 0;
	assert_int_equal(one(&fw, renewal), NAT_OK);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* The kernel removes the table of an owner that has ended without a notice. */
static void test_lost_chain_is_looked_at_again(void **state)
{
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	here.reads = 0;
	check(&fw, 80, 5000, "");
	fw.places->lost4.chain = 0;
	check(&fw, 80, 5001, "");
	check(&fw, 80, 5002, "");
	assert_int_equal(here.reads, 1);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* Before a SET is answered, the accepts stand where they belong. */
static void test_new_place_is_filled_before_the_answer(void **state)
{
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	fw.rules_stale = here.misplaced = true;
	here.log[0] = 0;
	assert_int_equal(check(&fw, 80, 5000, ""), NAT_OK);
	assert_int_equal(one(&fw, set(tcp(80, HOST(2), 80))), NAT_OK);
	assert_string_equal(here.log, "sync netlink*;apply netlink*;");
	fw.rules_stale = here.need[RULESET_IPT_NFT] = true;
	here.log[0] = 0;
	assert_int_equal(check(&fw, 80, 6000, ""), NAT_OK);
	assert_int_equal(one(&fw, set(tcp(81, HOST(2), 80))), NAT_OK);
	assert_string_equal(here.log, "open iptables-nft+;sync iptables-nft+;"
			    "sync netlink*;apply iptables-nft+;"
			    "apply netlink*;");
	natfw_close(&fw);
	natfw_done(&fw);
}

/* ---- what an earlier run left ----------------------------------------- */

static void test_leftovers_stay_until_the_first_sync(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	start_kinds(&fw, &natfw_netlink);
	model->leftover[RULESET_IPT_LEGACY] = true;
	here.log[0] = 0;
	assert_int_equal(natfw_open(&fw, &natfw_netlink, &env), 0);
	assert_true(fw.dirty);
	/* a reload of the firewall, and a new address, before the engine has
	 * sent its table */
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_string_equal(here.log, "open netlink*;");
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_string_equal(here.log, "open netlink*;sync netlink*;");
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_false(fw.dirty);
	model->leftover[RULESET_NATIVE] = true;	/* ours, and in use */
	here.log[0] = 0;
	natfw_sweep(&fw);
	assert_string_equal(here.log, "sweep iptables-legacy;");
	here.usable[RULESET_IPT_LEGACY] = false;
	here.log[0] = 0;
	natfw_sweep(&fw);
	assert_string_equal(here.log, "");
	natfw_close(&fw);
	natfw_done(&fw);
}

static void test_nothing_left_is_not_swept(void **state)
{
	natfw_sweep_all();
	assert_int_equal(here.reads, 1);
	assert_string_equal(here.log, "");
}

/* ---- which backend ------------------------------------------------- */

static void test_backend_is_found_by_its_name(void **state)
{
	static const char *const names[] = { "iptables-legacy", "iptables-nft",
					     "netlink", "memory" };
	struct natfw_env env = env_of(EXT);
	const struct natfw_backend *be;
	const char *why = NULL;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		be = natfw_find(names[i], &env, &why);
		assert_non_null(be);
		assert_string_equal(be->name, names[i]);
		assert_string_equal(why, "configured");
	}
	assert_null(natfw_find("pf", &env, &why));
	assert_null(natfw_find("nft", &env, &why));
	assert_null(natfw_find("", &env, &why));
	here.plain = RULESET_IPT_NFT;
	assert_ptr_equal(natfw_find("iptables", &env, &why),
			 &natfw_iptables_nft);
	here.plain = RULESET_IPT_LEGACY;
	assert_ptr_equal(natfw_find("iptables", &env, &why),
			 &natfw_iptables_legacy);
	here.plain = RULESET_KINDS;
	assert_null(natfw_find("iptables", &env, &why));
	assert_string_equal(why, "iptables is not installed");
}

static void test_auto_takes_what_can_translate(void **state)
{
	static const struct {
		bool usable[RULESET_KINDS];
		const char *name, *why;
	} t[] = {
		{ { true, true, true }, "netlink",
		  "the kernel translates by nf_tables" },
		{ { true }, "netlink", "the kernel translates by nf_tables" },
		{ { false, true, true }, "iptables-legacy", "nf_tables cannot "
		  "translate here, and iptables-legacy is installed" },
		{ { false, true }, "iptables-nft", "nf_tables cannot "
		  "translate here, and iptables-nft is installed" },
		{ { false }, NULL,
		  "neither nf_tables nor iptables was found" },
	};
	struct natfw_env env = env_of(EXT);
	const struct natfw_backend *be;
	const char *why;
	size_t i;

	for (i = 0; i < COUNT(t); i++) {
		memcpy(here.usable, t[i].usable, sizeof(here.usable));
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

#define T(f) cmocka_unit_test_setup(f, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rule_is_set_and_deleted),
		T(test_op_without_effect_is_not_applied),
		T(test_invalid_ops_are_refused),
		T(test_full_table_refuses_a_new_rule),
		T(test_last_op_of_a_key_counts),
		T(test_long_batch_is_applied_in_parts),
		T(test_one_bad_rule_does_not_fail_the_others),
		T(test_flushed_firewall_is_repaired_unnoticed),
		T(test_hung_tool_is_not_tried_again_at_once),
		T(test_missing_tool_is_not_tried_again_at_once),
		T(test_failed_repair_is_tried_by_the_next_batch),
		T(test_failed_open_is_repaired_by_verify),
		T(test_sync_replaces_the_table),
		T(test_mappings_wait_for_an_external_address),
		T(test_verify_repairs_a_difference),
		T(test_both_kinds_are_held_together),
		T(test_both_kinds_are_synced_and_verified),
		T(test_a_backend_without_pinholes_gets_none),
		T(test_each_kind_has_its_own_room),
		T(test_pinholes_stay_without_an_address),
		T(test_each_kind_of_chain_gets_its_writer),
		T(test_iptables_translates_beside_a_native_accept),
		T(test_writer_that_fails_does_not_stop_the_others),
		T(test_change_during_a_sync_is_read_again),
		T(test_rules_that_cannot_be_read_change_nothing),
		T(test_rules_that_cannot_be_read_fail_the_next_set),
		T(test_port_of_the_administrator_is_taken),
		T(test_chain_without_a_tool_blocks),
		T(test_pinholes_are_refused_without_ip6tables),
		T(test_rules_are_read_again_once_a_second),
		T(test_unfinished_reading_leaves_the_former_rules),
		T(test_first_reading_must_be_complete),
		T(test_lost_chain_is_looked_at_again),
		T(test_changed_legacy_tables_are_compared_first),
		T(test_own_change_of_legacy_tables_is_read_later),
		T(test_owner_may_have_looked_at_legacy_tables),
		T(test_own_rules_are_compared_after_a_notice),
		T(test_interrupted_comparison_is_made_again),
		T(test_no_success_while_own_rules_cannot_be_compared),
		T(test_unlisted_legacy_table_leaves_the_former_places),
		T(test_what_cannot_be_compared_may_differ),
		T(test_change_beside_a_batch_is_compared),
		T(test_sync_is_compared_with_what_it_made),
		T(test_legacy_that_cannot_be_verified_fails),
		T(test_new_place_is_filled_before_the_answer),
		T(test_leftovers_stay_until_the_first_sync),
		T(test_nothing_left_is_not_swept),
		T(test_backend_is_found_by_its_name),
		T(test_auto_takes_what_can_translate),
		T(test_memory_backend_needs_no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
