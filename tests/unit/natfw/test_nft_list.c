/* SPDX-License-Identifier: ISC */
/*
 * test_nft_list.c - which foreign chains are found, and lines cut short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/nft_list.h"
#include "tests/unit/faketool.h"

/* Chains found, as "family table chain[*];", * where the accept belongs. */
static const char *places(const char *chains, const char *table,
			  const char *chain)
{
	static char buf[1024];
	const struct answer listed[] = {
		{ "nft -nn -a list chains", chains, 0 }, { NULL }
	};
	struct natfw_env env = env_of(EXT);
	struct wr w = wr_init(buf, sizeof(buf));
	struct nft_places found;
	size_t i;
	int rc;

	str_copy(env.nft_table, sizeof(env.nft_table), str_z(table));
	str_copy(env.nft_chain, sizeof(env.nft_chain), str_z(chain));
	tool.answer = listed;
	rc = nft_find(NULL, &env, &found);
	tool.answer = NULL;
	if (rc)
		return strerror(-rc);
	for (i = 0; i < found.n; i++)
		wr_fmt(&w, "%s %s %s%s;", found.at[i].family,
		       found.at[i].table, found.at[i].chain,
		       found.at[i].wanted ? "*" : "");
	return wr_cstr(&w);
}

static void test_places(void **state)
{
	assert_string_equal(places("", "", ""), "");
	assert_string_equal(places(NFT_CHAINS, "", ""),
			    "inet fw4 forward*;ip filter late*;");
	assert_string_equal(places(NFT_CHAINS, "inet fw4", "forward"),
			    "inet fw4 forward*;ip filter late;");
	assert_string_equal(places(NFT_CHAINS, "inet fw4", "forward_wan"),
			    "inet fw4 forward;inet fw4 forward_wan*;"
			    "ip filter late;");
	assert_string_equal(places(NFT_CHAINS, "inet fw4", "nowhere"),
			    "inet fw4 forward;ip filter late;");
	assert_string_equal(places(NFT_CHAINS, "inet fw4; flush", "forward"),
			    "Invalid argument");
	assert_string_equal(places(NFT_CHAINS, "inet", "forward"),
			    "Invalid argument");
	assert_string_equal(places(NFT_CHAINS, "inet fw4", "a\"b"),
			    "Invalid argument");
}

/* One that can not be named back to nft is passed over. */
static void test_odd_names(void **state)
{
#define FORWARD "\t\ttype filter hook forward priority 0;\n\t}\n}\n"
	assert_string_equal(places("table ip a;b {\n\tchain c {\n" FORWARD,
				   "", ""), "");
	assert_string_equal(places("table ip a {\n\tchain \"c\" {\n" FORWARD,
				   "", ""), "");
	assert_string_equal(places("table ip a {\n\tchain "
		"a1234567890123456789012345678901234567890123456789012345678901"
		"xyz {\n" FORWARD, "", ""), "");
	assert_string_equal(places("table ip a-b.c/d_e {\n\tchain C {\n"
				   FORWARD, "", ""), "ip a-b.c/d_e C*;");
	assert_string_equal(places("\ntable\ntable ip\nchain {\n}\n{\n"
				   "type filter hook forward priority 0;\n"
				   "table ip a {\nchain c {\n"
				   "type filter hook forward priority\n"
				   "type filter hook forward priority \n",
				   "", ""), "");
	/* more than there is room for: the configured one has its place */
	assert_string_equal(places("table ip t {\n"
		"chain a {\ntype filter hook forward priority 0;\n"
		"chain b {\ntype filter hook forward priority 0;\n"
		"chain c {\ntype filter hook forward priority 0;\n"
		"chain d {\ntype filter hook forward priority 0;\n"
		"chain e {\ntype filter hook forward priority 0;\n",
		"ip t", "e"), "ip t a;ip t b;ip t c;ip t e*;");
}

/* A chain of one table was taken for the same name in the next, as soon as
 * that table's heading came: the configured place was found twice, got its
 * rules twice and was repaired for ever. */
static void test_same_name_before(void **state)
{
	assert_string_equal(places("table ip a {\n\tchain forward {\n"
				   FORWARD "table inet fw4 {\n"
				   "\tchain forward {\n" FORWARD,
				   "inet fw4", "forward"),
			    "ip a forward;inet fw4 forward*;");
}

/* What a name before it left behind does not make a place another. */
static void test_same_places(void **state)
{
	static const char short_after_long[] = "table ip a {\n"
		"chain a_long_name {\nset another {\n}\n"
		"chain f {\n" FORWARD;
	static const char alone[] = "table ip a {\nchain f {\n" FORWARD;
	const char *const listing[] = { short_after_long, alone, "" };
	struct natfw_env env = env_of(EXT);
	struct nft_places found[3];
	size_t i;

	memset(found, 0x5a, sizeof(found));
	for (i = 0; i < 3; i++) {
		const struct answer all[] = { { "nft", listing[i], 0 },
					      { NULL } };

		tool.answer = all;
		assert_int_equal(nft_find(NULL, &env, &found[i]), 0);
		tool.answer = NULL;
	}
	assert_true(nft_same_places(&found[0], &found[1]));
	assert_false(nft_same_places(&found[1], &found[2]));
	found[0].at[0].wanted = false;
	assert_false(nft_same_places(&found[0], &found[1]));
}

/* Read as a listing of anything, after a heading of every kind. */
static void read_anywhere(const char *text)
{
	static const char *const before[] = {
		"", "table ip t {\n", "table ip t {\nchain c {\n",
		"table ip t {\nset s {\n", "table ip upnpd {\nchain c {\n",
		"table ip upnpd {\nmap m {\nelements = { 1,\n",
	};
	struct nft_places places = { .at = { { "ip", "t", "c" } }, .n = 1 };
	struct natfw_env env = env_of(EXT);
	char listing[512];
	size_t i;

	for (i = 0; i < COUNT(before); i++) {
		const struct answer all[] = { { "nft", listing, 0 }, { NULL } };
		struct nft_look look = { .places = &places };
		struct nft_places found;

		snprintf(listing, sizeof(listing), "%s%s\n", before[i], text);
		tool.answer = all;
		assert_int_equal(nft_look_chains(NULL, &look), 0);
		assert_int_equal(nft_look_own(NULL, &look), 0);
		assert_int_equal(nft_find(NULL, &env, &found), 0);
		tool.answer = NULL;
	}
}

/* Every line cut short at either end, where looking beyond it would crash. */
static void test_cut_lines(void **state)
{
	static const char *const lines[] = {
		"ct status 0x20 " NFT_ACCEPT_RULE " # handle 12",
		"table inet fw4 { # handle 1", "map leave_as {",
		"elements = { 1 . 2 : 3 . 4, 5 . 6 : 7 . 8 }",
		"type filter hook forward priority -150; policy drop;",
	};
	char cut[128];
	size_t i, n;

	for (i = 0; i < COUNT(lines); i++) {
		for (n = 0; n <= strlen(lines[i]); n++) {
			str_copy(cut, sizeof(cut), (struct str){ lines[i], n });
			tool.at_low = false;
			read_anywhere(cut);
			tool.at_low = true;
			read_anywhere(lines[i] + n);
		}
	}
	tool.at_low = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_same_name_before),
		cmocka_unit_test(test_same_places),
		cmocka_unit_test(test_cut_lines),
	};

	return cmocka_run_group_tests(tests, tool_setup, NULL);
}
