/* SPDX-License-Identifier: ISC */
/* test_externals.c - why an external interface is not the active one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tests/unit/addrtest.h"
#include "upnpctl/externals.h"

static struct externals x;

static int set_up(void **state)
{
	x = (struct externals){ .state = {
		.ext = {
			{ .name = "wan0", .ifindex = 2, .up = true,
			  .running = true, .addr = addr_of_text("192.0.2.1") },
			{ .name = "wan1", .ifindex = 3, .up = true,
			  .running = true, .addr = addr_of_text("192.0.2.9") },
		},
		.ext_n = 2, .internet_out = 2,
	} };
	return 0;
}

static void assert_why(size_t i, const char *word, const char *text)
{
	char buf[80];
	struct wr w = wr_init(buf, sizeof(buf));

	externals_put(&x, i, &w);
	assert_string_equal(externals_word(externals_why(&x, i)), word);
	assert_string_equal(wr_cstr(&w), text);
}

static void test_one_that_works_and_was_not_chosen(void **state)
{
	assert_why(0, "active", "active");
	assert_why(1, "spare", "the default route does not use it");
	assert_true(externals_works(&x));
	assert_true(externals_uses(&x, "wan0"));
	assert_false(externals_uses(&x, "wan1"));
	assert_false(externals_uses(&x, "lan0"));
	x.by = CONF_SELECT_PRIORITY;
	assert_why(1, "spare", "wan0 comes before it");
}

static void test_one_that_does_not_work(void **state)
{
	struct ifstate_ext *e = &x.state.ext[1];

	e->addr = (struct addr){ .family = ADDR_NONE };
	assert_why(1, "no-address", "the interface has no address");
	e->running = false;
	assert_why(1, "no-carrier", "the interface has no carrier");
	e->up = false;
	assert_why(1, "interface-down", "the interface is down");
	e->ifindex = 0;
	assert_why(1, "no-interface", "there is no such interface");
}

/* The active one, as well: the daemon may have nothing better. */
static void test_active_one_that_does_not_work(void **state)
{
	x.state.ext[0].running = false;
	assert_why(0, "no-carrier", "the interface has no carrier");
	assert_false(externals_works(&x));
	assert_false(externals_uses(&x, "wan0"));
	/* although the default route still leads over the other one */
	assert_why(1, "soon", "it becomes active soon");
	x.state.ext_n = 0;
	assert_false(externals_works(&x));
}

static void test_change_that_waits(void **state)
{
	x.state.internet_out = 3;
	assert_why(0, "active", "active");
	assert_why(1, "soon", "it becomes active soon");
}

static void test_tunnel_for_pinholes(void **state)
{
	x.state.ext[1].addr = (struct addr){ .family = ADDR_NONE };
	x.state.internet6_out = 3;
	assert_why(1, "pinholes", "only pinholes use it");
	assert_true(externals_uses(&x, "wan0"));
	assert_true(externals_uses(&x, "wan1"));
	/* one that is down does not */
	x.state.ext[1].up = false;
	assert_why(1, "interface-down", "the interface is down");
	/* usual: both families have one */
	x.state.internet6_out = 2;
	assert_why(0, "active", "active");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_that_works_and_was_not_chosen,
				       set_up),
		cmocka_unit_test_setup(test_one_that_does_not_work, set_up),
		cmocka_unit_test_setup(test_active_one_that_does_not_work,
				       set_up),
		cmocka_unit_test_setup(test_change_that_waits, set_up),
		cmocka_unit_test_setup(test_tunnel_for_pinholes, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
