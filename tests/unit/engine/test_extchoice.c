/* SPDX-License-Identifier: ISC */
/* test_extchoice.c - the active external interface changes at once, but not
 * each time that one flaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "engine/extchoice.h"
#include "tests/unit/logged.h"

static struct extchoice choice;
static struct ifstate ifstate;
static uint64_t now_ms, due_ms;

static int set_up(void **state)
{
	memset(&choice, 0, sizeof(choice));
	memset(&ifstate, 0, sizeof(ifstate));
	for (size_t i = 0; i < 2; i++) {
		struct ifstate_ext *e = &ifstate.ext[ifstate.ext_n++];

		strcpy(e->name, i ? "wan1" : "wan0");
		e->ifindex = 2 + (int)i;
		e->addr = addr_ip4(0x0b162101 + (uint32_t)i);
		e->up = e->running = true;
	}
	ifstate.internet_out = 2;
	now_ms = 1000;
	logged_open();
	return 0;
}

static int tear_down(void **state)
{
	logged_close();
	return 0;
}

static const char *choose(int internet_out)
{
	ifstate.internet_out = internet_out;
	ifstate.active = 0;
	due_ms = extchoice_make(&choice, &ifstate, CONF_SELECT_ROUTE, false,
				now_ms);
	return ifstate_external(&ifstate)->name;
}

static void test_changes_at_once(void **state)
{
	assert_string_equal(choose(3), "wan1");
	assert_int_equal(logged_count("<6>wan1 is the active external "
				      "interface\n"), 1);
	assert_string_equal(choose(2), "wan0");
	assert_int_equal(due_ms, UINT64_MAX);
	assert_int_equal(logged_count("<6>wan0 is the active external "
				      "interface now, instead of wan1\n"), 1);
}

/* Use up the changes that are made at once; wan0 is active then. */
static void use_up(void)
{
	choose(2);
	for (int i = 0; i < EXTERNAL_MOVES; i++)
		choose(i % 2 ? 2 : 3);
	assert_string_equal(choice.name, "wan0");
}

static void test_more_changes_wait(void **state)
{
	use_up();
	assert_string_equal(choose(3), "wan0");
	assert_true(choice.waits);
	assert_int_equal(due_ms, now_ms + EXTERNAL_MOVE_MS);
	now_ms = due_ms - 1;
	assert_string_equal(choose(3), "wan0");
	assert_int_equal(logged_count("<4>wan1 would be the active external "
				      "interface, but "), 1);
	now_ms = due_ms;
	assert_string_equal(choose(3), "wan1");
	assert_false(choice.waits);
	/* the next one has to wait again */
	assert_string_equal(choose(2), "wan1");
	/* all of them are free again after a while */
	now_ms += (EXTERNAL_MOVES + 1) * EXTERNAL_MOVE_MS;
	assert_string_equal(choose(2), "wan0");
	assert_string_equal(choose(3), "wan1");
}

static void test_a_change_that_is_undone_does_not_wait(void **state)
{
	use_up();
	choose(3);
	assert_string_equal(choose(2), "wan0");
	assert_false(choice.waits);
	assert_int_equal(due_ms, UINT64_MAX);
}

static void test_one_that_fails_is_left_at_once(void **state)
{
	use_up();
	ifstate.ext[0].running = false;
	assert_string_equal(choose(3), "wan1");
	ifstate.ext[0].running = true;
	assert_string_equal(choose(2), "wan1");
}

static void test_a_link_that_was_taken_down_stays(void **state)
{
	choose(2);
	ifstate.ext[0].up = false;
	extchoice_make(&choice, &ifstate, CONF_SELECT_ROUTE, true, now_ms);
	assert_int_equal(ifstate.active, 0);
	extchoice_make(&choice, &ifstate, CONF_SELECT_ROUTE, false, now_ms);
	assert_int_equal(ifstate.active, 1);
}

static void test_one_interface_needs_no_line(void **state)
{
	ifstate.ext_n = 1;
	assert_string_equal(choose(0), "wan0");
	assert_string_equal(choose(3), "wan0");
	assert_int_equal(logged_count("active"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_changes_at_once),
		T(test_more_changes_wait),
		T(test_a_change_that_is_undone_does_not_wait),
		T(test_one_that_fails_is_left_at_once),
		T(test_a_link_that_was_taken_down_stays),
		T(test_one_interface_needs_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
