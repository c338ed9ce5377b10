/* SPDX-License-Identifier: ISC */
/*
 * test_ruleset_dump.c - the rules change between two dumps of one reading: it
 * is void, or the model is as of one moment. The kernel is real, in a network
 * namespace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include "natfw/ruleset_dump.h"
#include "sys/proc.h"
#include "tests/unit/nltest.h"
#include "tests/unit/rulesmodel.h"

/* The reading has five dumps: tables, chains, sets, rules, elements. */
#define FIREWALL \
	"add table inet fw; add set inet fw s { type ipv4_addr; };" \
	" add element inet fw s { 192.0.2.1 };" \
	" add chain inet fw forward { type filter hook forward priority 0; };" \
	" add rule inet fw forward ip saddr @s drop"

static bool nft(const char *line)
{
	const char *const argv[] = { "nft", line, NULL };
	struct proc proc = { .argv = argv, .deadline_ms = 60000 };

	return !proc_run(&proc);
}

static void begin(void)
{
	if (unshare(CLONE_NEWNET) || !proc_exists("nft") || !nft(FIREWALL)) {
		print_message("no network namespace, or no nft: skipped\n");
		skip();
	}
	ruleset_clear(rs);
}

/* Read all, and make the change when @dumps are complete. @watch: without it
 * only the generation shows a change */
static int read_with(unsigned dumps, const char *change, bool watch)
{
	struct ruleset_dump d;
	bool asked = false;
	unsigned n = 0;
	int rc;

	begin();
	assert_int_equal(ruleset_dump_begin(&d, rs), 0);
	assert_true(d.watch_fd >= 0);
	if (!watch) {
		close(d.watch_fd);
		d.watch_fd = -EPERM;
	}
	do {
		if (n == dumps && change) {
			assert_true(nft(change));
			change = NULL;
		}
		rc = ruleset_dump_step(&d);
		n += asked && !d.asked;
		asked = d.asked;
	} while (rc > 0);
	assert_null(change);
	ruleset_dump_end(&d);
	return rc;
}

static void test_unchanged_rules_are_read(void **state)
{
	for (unsigned watch = 0; watch < 2; watch++) {
		assert_int_equal(read_with(0, NULL, watch), 0);
		assert_int_equal(rs->table_n, 1);
		assert_int_equal(rs->rule_n, 1);
		assert_int_equal(rs->set[0].n, 1);
	}
}

static void test_change_of_what_was_read_voids_the_reading(void **state)
{
	static const char rule[] = "add rule inet fw forward drop",
			  flush[] = "flush chain inet fw forward";

	for (unsigned dumps = 1; dumps <= 5; dumps++) {
		assert_int_equal(read_with(dumps, rule, true),
				 dumps < 4 ? 0 : -EINTR);
		assert_int_equal(read_with(dumps, rule, false), -EINTR);
		/* the dumps that follow have no message */
		assert_int_equal(read_with(dumps, flush, false), -EINTR);
	}
	assert_int_equal(read_with(3, rule, true), 0);
	assert_int_equal(rs->rule_n, 2);
}

static void test_table_made_meanwhile_is_left_out(void **state)
{
	static const char alone[] =
		"add table inet new; add chain inet new c; "
		"add rule inet new c drop",
		  with_rule[] =
		"add table inet new; add rule inet fw forward drop";

	for (unsigned dumps = 1; dumps <= 5; dumps++) {
		assert_int_equal(read_with(dumps, alone, true), 0);
		assert_int_equal(rs->table_n, 1);
		assert_int_equal(rs->chain_n, 1);
		assert_int_equal(rs->rule_n, 1);
		assert_int_equal(read_with(dumps, with_rule, true), -EINTR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged_rules_are_read),
		cmocka_unit_test(
			test_change_of_what_was_read_voids_the_reading),
		cmocka_unit_test(test_table_made_meanwhile_is_left_out),
	};

	return cmocka_run_group_tests(tests, new_model, free_model);
}
