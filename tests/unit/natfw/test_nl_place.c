/* SPDX-License-Identifier: ISC */
/*
 * test_nl_place.c - the accept belongs in each foreign chain that filters
 * forwarded packets, or only in the configured chain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/nl_place.h"
#include "tests/unit/natfwtest.h"

#define NO_FILTER INT64_MAX	/* a chain that does not filter forwarding */

struct chain {
	const char *family, *table, *chain;
	int64_t priority;
};

/* Hooks of every kind, and chains of other programs. */
static const struct chain chains[] = {
	{ "inet", "fw4", "input", NO_FILTER },
	{ "inet", "fw4", "mangle_forward", -150 },
	{ "inet", "fw4", "forward", 0 },
	{ "inet", "fw4", "forward_wan", NO_FILTER },
	{ "bridge", "b", "forward", 0 },
	{ "ip", "filter", "FORWARD", 0 },
	{ "ip", "filter", "late", 10 },
	{ "ip", "upnpd", "forward", 0 },
	{ NULL }
};

/* In the order of the kernel's dump. Return: as nl_place_search_begin() */
static int find(const struct chain *c, const struct natfw_env *env,
		struct nl_places *ret)
{
	struct nl_place_search search;
	int rc = nl_place_search_begin(&search, env, ret);

	for (; !rc && c->family; c++) {
		struct nl_place at = { .family = "" };

		str_copy(at.family, sizeof(at.family), str_z(c->family));
		if (!nl_place_copy_name(at.table, sizeof(at.table),
					str_z(c->table)) ||
		    !nl_place_copy_name(at.chain, sizeof(at.chain),
					str_z(c->chain)))
			continue;
		nl_place_add_chain(&search, &at);
		if (c->priority != NO_FILTER)
			nl_place_add_filter(&search, &at, c->priority);
	}
	return rc;
}

/* Chains found, as "family table chain[*];", * where the accept belongs. */
static const char *places(const struct chain *c, const char *table,
			  const char *chain)
{
	static char buf[1024];
	struct natfw_env env = env_of(EXT);
	struct wr w = wr_init(buf, sizeof(buf));
	struct nl_places found;
	size_t i;
	int rc;

	str_copy(env.nft_table, sizeof(env.nft_table), str_z(table));
	str_copy(env.nft_chain, sizeof(env.nft_chain), str_z(chain));
	rc = find(c, &env, &found);
	if (rc)
		return strerror(-rc);
	for (i = 0; i < found.n; i++)
		wr_fmt(&w, "%s %s %s%s;", found.at[i].family,
		       found.at[i].table, found.at[i].chain,
		       found.at[i].wanted ? "*" : "");
	return wr_cstr(&w);
}

#define CHAINS(...) ((const struct chain[]){ __VA_ARGS__, { NULL } })

static void test_places_are_chains_that_filter_forwarding(void **state)
{
	assert_string_equal(places(&(struct chain){ NULL }, "", ""), "");
	assert_string_equal(places(chains, "", ""),
			    "inet fw4 forward*;ip filter late*;");
	assert_string_equal(places(chains, "inet fw4", "forward"),
			    "inet fw4 forward*;ip filter late;");
	assert_string_equal(places(chains, "inet fw4", "forward_wan"),
			    "inet fw4 forward;inet fw4 forward_wan*;"
			    "ip filter late;");
	assert_string_equal(places(chains, "inet fw4", "nowhere"),
			    "inet fw4 forward;ip filter late;");
	assert_string_equal(places(chains, "inet fw4; flush", "forward"),
			    "Invalid argument");
	assert_string_equal(places(chains, "inet", "forward"),
			    "Invalid argument");
	assert_string_equal(places(chains, "inet fw4", "a\"b"),
			    "Invalid argument");
}

/* A chain that the configuration cannot name is left out. */
static void test_chain_that_nft_quotes_is_left_out(void **state)
{
	assert_string_equal(places(CHAINS({ "ip", "a;b", "c", 0 }), "", ""),
			    "");
	assert_string_equal(places(CHAINS({ "ip", "a", "\"c\"", 0 }), "", ""),
			    "");
	assert_string_equal(places(CHAINS({ "ip", "a", "", 0 }), "", ""), "");
	assert_string_equal(places(CHAINS({ "ip", "a",
		"a1234567890123456789012345678901234567890123456789012345678901"
		"xyz", 0 }), "", ""), "");
	assert_string_equal(places(CHAINS({ "ip", "a-b.c/d_e", "C", 0 }), "",
				   ""), "ip a-b.c/d_e C*;");
	/* more chains than fit: the configured one gets a place */
	assert_string_equal(places(CHAINS({ "ip", "t", "a", 0 },
		{ "ip", "t", "b", 0 }, { "ip", "t", "c", 0 },
		{ "ip", "t", "d", 0 }, { "ip", "t", "e", 0 }), "ip t", "e"),
		"ip t a;ip t b;ip t c;ip t e*;");
}

/* A chain of the same name in another table is another place. */
static void test_same_name_elsewhere_is_another_place(void **state)
{
	assert_string_equal(places(CHAINS({ "ip", "a", "forward", 0 },
					  { "inet", "fw4", "forward", 0 }),
				   "inet fw4", "forward"),
			    "ip a forward;inet fw4 forward*;");
}

/* The rest of a longer name in the buffer does not make places differ. */
static void test_bytes_after_a_name_do_not_differ(void **state)
{
	const struct chain *const listing[] = {
		CHAINS({ "ip", "another", "a_long_name", NO_FILTER },
		       { "ip", "a", "f", 0 }),
		CHAINS({ "ip", "a", "f", 0 }), &(struct chain){ NULL },
	};
	struct natfw_env env = env_of(EXT);
	struct nl_places found[3];
	size_t i;

	memset(found, 0x5a, sizeof(found));
	for (i = 0; i < 3; i++)
		assert_int_equal(find(listing[i], &env, &found[i]), 0);
	assert_true(nl_place_same_all(&found[0], &found[1]));
	assert_false(nl_place_same_all(&found[1], &found[2]));
	found[0].at[0].wanted = false;
	assert_false(nl_place_same_all(&found[0], &found[1]));
}

/* Places of one table: the first has the set, if any of them wants it. */
static void test_first_place_of_a_table_has_the_set(void **state)
{
	const struct nl_places p = { .n = 4, .at = {
		{ "ip", "t", "a", false }, { "ip", "t", "b", true },
		{ "inet", "t", "a", true }, { "ip", "u", "a", false },
	} };

	assert_true(nl_place_is_first(&p, 0) && nl_place_has_set(&p, 0));
	assert_false(nl_place_is_first(&p, 1) || nl_place_has_set(&p, 1));
	assert_true(nl_place_is_first(&p, 2) && nl_place_has_set(&p, 2));
	assert_true(nl_place_is_first(&p, 3));
	assert_false(nl_place_has_set(&p, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_are_chains_that_filter_forwarding),
		cmocka_unit_test(test_chain_that_nft_quotes_is_left_out),
		cmocka_unit_test(test_same_name_elsewhere_is_another_place),
		cmocka_unit_test(test_bytes_after_a_name_do_not_differ),
		cmocka_unit_test(test_first_place_of_a_table_has_the_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
