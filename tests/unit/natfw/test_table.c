/* SPDX-License-Identifier: ISC */
/*
 * test_table.c - the table finds the same rules as a plain list, and the right
 * rule leads a socket.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "natfw/table.h"
#include "tests/unit/natfwtest.h"

#define MAX 64

static void start(struct natfw *fw)
{
	memset(fw, 0, sizeof(*fw));
	assert_int_equal(table_init(fw, MAX, MAX), 0);
}

static uint16_t leads(const struct natfw *fw, struct nat_rule like)
{
	const struct nat_rule *r = table_leader(fw, &like);

	return r ? r->ext_port : 0;
}

static size_t rules_of(const struct natfw *fw, uint32_t client, size_t enough)
{
	struct nat_rule like = tcp(0, client, 0);

	return table_client_n(fw, &like, enough);
}

static void test_empty_table_has_no_rule(void **state)
{
	struct nat_rule r = tcp(1, HOST(2), 80);
	struct natfw fw = { 0 };

	table_done(&fw);	/* harmless */
	assert_int_equal(table_init(&fw, 1, 0), 0);
	assert_null(table_find(&fw, &r));
	assert_null(table_leader(&fw, &r));
	table_del(&fw, &r);
	table_clear(&fw);
	assert_int_equal(fw.mappings.rule_n, 0);
	table_set(&fw, &r);
	assert_int_equal(leads(&fw, r), 1);
	table_clear(&fw);
	assert_null(table_find(&fw, &r));
	assert_null(table_leader(&fw, &r));
	table_done(&fw);
	table_done(&fw);
	assert_null(fw.mappings.rule);
}

static void test_size_outside_the_limits_is_refused(void **state)
{
	struct natfw fw = { 0 };

	assert_int_equal(table_init(&fw, 0, 0), -EINVAL);
	assert_int_equal(table_init(&fw, PM_MAPPINGS_LIMIT + 1, 0), -EINVAL);
	assert_int_equal(table_init(&fw, 1, PM_MAPPINGS_LIMIT + 1), -EINVAL);
	table_done(&fw);
}

static void test_a_table_without_room_holds_nothing(void **state)
{
	struct nat_rule r = pinhole(2, 80);
	struct natfw fw = { 0 };

	assert_int_equal(table_init(&fw, 4, 0), 0);
	assert_null(fw.pinholes.rule);
	assert_null(table_find(&fw, &r));
	assert_null(table_leader(&fw, &r));
	assert_int_equal(table_client_n(&fw, &r, 1), 0);
	table_del(&fw, &r);
	table_clear(&fw);
	table_done(&fw);
}

static void test_each_kind_has_its_own_table(void **state)
{
	struct nat_rule map = tcp(1, HOST(2), 80), hole = pinhole(2, 80);
	struct nat_rule other = pinhole(3, 80);
	struct natfw fw;

	start(&fw);
	table_set(&fw, &map);
	table_set(&fw, &hole);
	table_set(&fw, &hole);
	table_set(&fw, &other);
	assert_int_equal(fw.mappings.rule_n, 1);
	assert_int_equal(fw.pinholes.rule_n, 2);
	assert_ptr_equal(table_find(&fw, &map), &fw.mappings.rule[0]);
	assert_true(nat_rule_equal(table_find(&fw, &hole), &hole));
	assert_int_equal(table_client_n(&fw, &hole, 9), 1);
	table_del(&fw, &hole);
	assert_null(table_find(&fw, &hole));
	assert_non_null(table_find(&fw, &other));
	assert_non_null(table_find(&fw, &map));
	table_clear(&fw);
	assert_null(table_find(&fw, &other));
	assert_null(table_find(&fw, &map));
	table_done(&fw);
}

/* A link can hold the largest index. */
static void test_largest_table_can_be_filled(void **state)
{
	struct natfw fw = { 0 };
	struct nat_rule r = tcp(1, HOST(2), 80);
	uint32_t i;

	assert_int_equal(table_init(&fw, PM_MAPPINGS_LIMIT, 0), 0);
	for (i = 0; i < PM_MAPPINGS_LIMIT; i++) {
		r = tcp((uint16_t)(i + 1), HOST(2), 80);
		table_set(&fw, &r);
	}
	assert_int_equal(fw.mappings.rule_n, PM_MAPPINGS_LIMIT);
	assert_int_equal(rules_of(&fw, HOST(2), 1), PM_MAPPINGS_LIMIT);
	assert_ptr_equal(table_find(&fw, &r),
			 &fw.mappings.rule[PM_MAPPINGS_LIMIT - 1]);
	assert_ptr_equal(table_on_socket(&fw, &r),
			 &fw.mappings.rule[PM_MAPPINGS_LIMIT - 1]);
	table_clear(&fw);
	assert_null(table_find(&fw, &r));
	table_done(&fw);
}

/* A count below @enough may include another client's rules. */
static void test_clients_are_counted(void **state)
{
	struct nat_rule r = tcp(1, HOST(2), 80);
	struct natfw fw;
	uint32_t twin = HOST(2) + CLIENTCOUNT_PLACES;

	start(&fw);
	assert_int_equal(rules_of(&fw, HOST(2), 1), 0);
	table_set(&fw, &r);
	table_set(&fw, &r);	/* replaces the same rule */
	assert_int_equal(rules_of(&fw, HOST(2), 9), 1);
	assert_int_equal(rules_of(&fw, HOST(3), 9), 0);
	assert_int_equal(rules_of(&fw, twin, 9), 1);
	assert_int_equal(rules_of(&fw, twin, 1), 0);
	r.client = addr_ip4(HOST(3));	/* another client gets the port */
	table_set(&fw, &r);
	assert_int_equal(rules_of(&fw, HOST(2), 9), 0);
	assert_int_equal(rules_of(&fw, HOST(3), 9), 1);
	table_del(&fw, &r);
	table_del(&fw, &r);
	assert_int_equal(rules_of(&fw, HOST(3), 9), 0);
	table_set(&fw, &r);
	table_clear(&fw);
	assert_int_equal(rules_of(&fw, HOST(3), 9), 0);
	table_done(&fw);
}

/* The client is not part of a key; client, protocol and port are a socket. */
static void test_client_is_not_part_of_the_key(void **state)
{
	struct nat_rule r = tcp(1, HOST(2), 80), other = r;
	struct natfw fw;

	start(&fw);
	table_set(&fw, &r);
	other.client = addr_ip4(HOST(3));
	assert_non_null(table_find(&fw, &other));
	assert_null(table_leader(&fw, &other));
	other = r;
	other.proto = IPPROTO_UDP;
	assert_null(table_find(&fw, &other));
	assert_null(table_leader(&fw, &other));
	other = r;
	other.remote = addr_ip4(PEER);
	assert_null(table_find(&fw, &other));
	assert_non_null(table_leader(&fw, &other));
	other = r;
	other.int_port = 81;
	assert_non_null(table_find(&fw, &other));
	assert_null(table_leader(&fw, &other));
	table_done(&fw);
}

/* The rule set last leads, even if it existed before. */
static void test_rule_set_last_leads(void **state)
{
	struct nat_rule again, gone;
	const struct nat_rule *r;
	uint16_t ext;
	struct natfw fw;

	start(&fw);
	for (ext = 1; ext <= 4; ext++) {
		struct nat_rule on = tcp(ext, HOST(2), 80);
		struct nat_rule beside = tcp(ext + 100, HOST(2), 81);

		table_set(&fw, &on);
		table_set(&fw, &beside);
		assert_int_equal(leads(&fw, on), ext);
	}
	again = tcp(2, HOST(2), 80);
	table_set(&fw, &again);
	gone = tcp(3, 0, 0);
	table_del(&fw, &gone);
	assert_int_equal(leads(&fw, again), 2);
	r = table_on_socket(&fw, &again);
	for (ext = 2; ext; ext = ext == 2 ? 4 : ext == 4 ? 1 : 0) {
		assert_non_null(r);
		assert_int_equal(r->ext_port, ext);
		r = table_next_on_socket(&fw, r);
	}
	assert_null(r);
	table_done(&fw);
}

/* A rule for a single remote host once led if it was set last. So the client's
 * traffic to any host left by a port that is open to that host only. */
static void test_rule_for_any_host_leads_before_one_host(void **state)
{
	struct nat_rule one = tcp(1, HOST(2), 80), all = tcp(2, HOST(2), 80);
	struct nat_rule last = tcp(3, HOST(2), 80);
	struct natfw fw;

	one.remote = last.remote = addr_ip4(PEER);
	start(&fw);
	table_set(&fw, &one);
	assert_int_equal(leads(&fw, one), 1);
	table_set(&fw, &all);
	table_set(&fw, &last);
	assert_int_equal(leads(&fw, one), 2);
	table_del(&fw, &all);
	assert_int_equal(leads(&fw, one), 3);
	table_done(&fw);
}

/* ---- against a plain list, in the order of setting ----------------- */

static struct nat_rule list[2 * MAX];	/* both kinds */
static size_t list_n;

static void list_del(const struct nat_rule *key)
{
	size_t i;

	for (i = 0; i < list_n; i++)
		if (nat_rule_same_key(&list[i], key))
			break;
	if (i == list_n)
		return;
	list_n--;
	memmove(&list[i], &list[i + 1], (list_n - i) * sizeof(*list));
}

static void list_set(const struct nat_rule *r)
{
	list_del(r);
	list[list_n++] = *r;
}

static void assert_same(const struct natfw *fw)
{
	const struct nat_rule *r;
	size_t i, j;

	assert_int_equal(fw->mappings.rule_n + fw->pinholes.rule_n, list_n);
	for (i = 0; i < list_n; i++) {
		r = table_find(fw, &list[i]);
		assert_non_null(r);
		assert_true(nat_rule_equal(r, &list[i]));
		r = table_on_socket(fw, &list[i]);
		for (j = list_n; j-- > 0;) {
			if (list[j].kind != list[i].kind ||
			    !table_same_socket(&list[j], &list[i]))
				continue;
			assert_non_null(r);
			assert_true(nat_rule_equal(r, &list[j]));
			r = table_next_on_socket(fw, r);
		}
		assert_null(r);
	}
}

/* A deletion moves the last rule into the hole: the indexes must follow. */
static void test_random_changes_match_a_plain_list(void **state)
{
	struct natfw fw;
	unsigned turn;

	start(&fw);
	list_n = 0;
	for (turn = 0; turn < 4000; turn++) {
		struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
					 dice(2) ? PEER : 0,
					 (uint16_t)(1 + dice(7)),
					 HOST(2 + dice(3)),
					 (uint16_t)(1 + dice(3)));

		if (addr_is_set(r.remote))
			r.remote_port = (uint16_t)dice(3);
		if (dice(3) == 0) {
			r = pinhole((uint8_t)(2 + dice(3)),
				    (uint16_t)(1 + dice(3)));
			r.remote_port = (uint16_t)dice(3);
		}
		if (dice(3)) {
			table_set(&fw, &r);
			list_set(&r);
		} else {
			table_del(&fw, &r);
			list_del(&r);
		}
		assert_same(&fw);
	}
	assert_true(fw.mappings.rule_n > 10 && fw.pinholes.rule_n > 10);
	table_done(&fw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_table_has_no_rule),
		cmocka_unit_test(test_size_outside_the_limits_is_refused),
		cmocka_unit_test(test_a_table_without_room_holds_nothing),
		cmocka_unit_test(test_each_kind_has_its_own_table),
		cmocka_unit_test(test_largest_table_can_be_filled),
		cmocka_unit_test(test_clients_are_counted),
		cmocka_unit_test(test_client_is_not_part_of_the_key),
		cmocka_unit_test(test_rule_set_last_leads),
		cmocka_unit_test(test_rule_for_any_host_leads_before_one_host),
		cmocka_unit_test(test_random_changes_match_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
