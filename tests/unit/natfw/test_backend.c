/* SPDX-License-Identifier: ISC */
/*
 * test_backend.c - a tool gets all of its input piece by piece, its message is
 * kept after a failure, and listings are compared whatever their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "base/hash.h"
#include "base/wr.h"
#include "natfw/backend.h"
#include "tests/unit/faketool.h"

static const char *const argv[] = { "fw", "-x", NULL };

/* ---- input --------------------------------------------------------- */

/* Pieces of 0, 1, 2, ... 26 bytes: the first letters of the alphabet. */
static bool growing_piece(void *arg, struct wr *w)
{
	int *n = arg, i;

	if (*n > 26)
		return false;
	for (i = 0; i < *n; i++)
		wr_ch(w, (char)('a' + i));
	(*n)++;
	return true;
}

static void test_pieces_arrive_whole_for_any_read_size(void **state)
{
	size_t cap, i;
	int n, k;

	for (cap = 1; cap < 400; cap++) {	/* for each read size */
		struct backend_run run = { .argv = argv, .arg = &n,
					   .piece = growing_piece };

		tool_reset(NULL);
		tool.cap = cap;
		n = 0;
		assert_int_equal(backend_run(NULL, &run), 0);
		assert_string_equal(tool.cmd, "fw -x");
		assert_int_equal(tool.in_n, 26 * 27 / 2);
		for (i = 0, k = 1; k <= 26; i += (size_t)k++)
			assert_memory_equal(tool.in + i,
					    "abcdefghijklmnopqrstuvwxyz", k);
	}
}

static bool full_piece(void *arg, struct wr *w)
{
	int *pieces = arg;
	size_t i;

	if ((*pieces)++)
		return false;
	for (i = 0; i < BACKEND_PIECE_MAX; i++)
		wr_ch(w, 'x');
	return true;
}

static void test_piece_of_the_longest_size_fits(void **state)
{
	int pieces = 0;
	struct backend_run run = { .argv = argv, .arg = &pieces,
				   .piece = full_piece };

	tool_reset(NULL);
	assert_int_equal(backend_run(NULL, &run), 0);
	assert_int_equal(tool.in_n, BACKEND_PIECE_MAX);
	assert_int_equal(pieces, 2);
}

/* A piece that does not fit spoils the whole input, never shortens it. */
static bool endless_piece(void *arg, struct wr *w)
{
	size_t i;

	for (i = 0; i < BACKEND_PIECE_MAX + 1; i++)
		wr_ch(w, 'x');
	return (*(int *)arg)++ == 0;
}

static void test_piece_too_long_spoils_the_input(void **state)
{
	int pieces = 0;
	struct backend_run run = {
		.argv = argv, .piece = endless_piece, .arg = &pieces,
		.rules = 4000,
	};

	tool_reset(NULL);
	assert_int_equal(backend_run(NULL, &run), 0);
	assert_string_equal(tool.in, "does not fit\n");
	assert_int_equal(pieces, 1);
	assert_int_equal(tool.deadline_ms, PROC_DEADLINE_MS + 1000);
}

/* ---- its output ---------------------------------------------------- */

static int run_answered(struct natfw *fw, const char *out, int rc,
			void (*line)(void *, struct str), void *arg)
{
	const struct answer answer[] = { { "fw -x", out, rc }, { NULL } };
	struct backend_run run = { .argv = argv, .line = line, .arg = arg };
	int ret;

	tool_reset(answer);
	ret = backend_run(fw, &run);
	tool.answer = NULL;
	return ret;
}

static void join_line(void *arg, struct str line)
{
	wr_fmt(arg, "[%.*s]", STR_F(line));
}

static void test_output_arrives_line_by_line(void **state)
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(run_answered(NULL, "a\n\nb c\n", 0, join_line, &w),
			 0);
	assert_string_equal(wr_cstr(&w), "[a][][b c]");
	assert_int_equal(run_answered(NULL, "a\n", 0, NULL, NULL), 0);
}

static void test_failure_keeps_the_message_of_the_tool(void **state)
{
	struct natfw fw = { .why = "before" };

	assert_int_equal(run_answered(&fw, NULL, 0, NULL, NULL), 0);
	assert_string_equal(fw.why, "before");
	assert_int_equal(run_answered(&fw, NULL, 1, NULL, NULL), -EIO);
	assert_string_equal(fw.why, "fw: refused");
	assert_int_equal(run_answered(&fw, NULL, SILENT, NULL, NULL), -EIO);
	assert_string_equal(fw.why, "fw: exit status 99");
	assert_int_equal(run_answered(&fw, NULL, -ENOENT, NULL, NULL),
			 -ENOENT);
	assert_string_equal(fw.why, "fw: No such file or directory");
	assert_int_equal(run_answered(&fw, NULL, -ETIMEDOUT, NULL, NULL),
			 -ETIMEDOUT);
	assert_string_equal(fw.why, "fw: it took longer than 5000 ms and was "
			    "killed");
	assert_int_equal(run_answered(NULL, NULL, -ETIMEDOUT, NULL, NULL),
			 -ETIMEDOUT);
}

/* ---- comparison ---------------------------------------------------- */

static struct backend_tally tally_of(const char *const *text, size_t n)
{
	struct backend_tally t = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		backend_count(&t, backend_hash(HASH_BEGIN, str_z(text[i])));
	return t;
}

/* Where a word ends counts. */
static void test_words_are_hashed_one_by_one(void **state)
{
	uint64_t a = backend_hash(HASH_BEGIN, STR("a")),
		 ab = backend_hash(HASH_BEGIN, STR("ab"));

	assert_true(backend_hash(a, STR("b")) != ab);
	assert_true(backend_hash(a, STR("bc")) != backend_hash(ab, STR("c")));
	assert_true(backend_hash(a, STR("")) != a);
}

static void test_tallies_ignore_order_and_see_repeats(void **state)
{
	static const char *const one[] = { "a", "b", "c" },
		*const other[] = { "c", "a", "b" },
		*const twice[] = { "a", "a", "b", "b" },
		*const swapped[] = { "a", "b", "a", "b" };
	struct backend_tally none = { 0 };

	assert_true(backend_same(none, none));
	assert_true(backend_same(tally_of(one, 3), tally_of(other, 3)));
	assert_false(backend_same(tally_of(one, 2), tally_of(other, 2)));
	assert_false(backend_same(tally_of(one, 3), tally_of(one, 2)));
	assert_true(backend_same(tally_of(twice, 4), tally_of(swapped, 4)));
	assert_false(backend_same(tally_of(twice, 2), tally_of(twice + 2, 2)));
}

static void test_networks_are_written_as_text(void **state)
{
	struct netif_addr net = { 0, "lan0", { addr_ip4(HOST(1)), 24 } };

	assert_string_equal(backend_net(&net).z, "192.168.88.0/24");
	net.net = (struct addr_net){ addr_ip4(0xffffffff), 32 };
	assert_string_equal(backend_net(&net).z, "255.255.255.255/32");
	net.net.bits = 0;
	assert_string_equal(backend_net(&net).z, "0.0.0.0/0");
}

/* Hairpin is for hosts that reach each other without this router: those of one
 * network, and a LAN host with a host behind another router. Two networks on
 * one wire do not need it, because an answer takes the default route to this
 * router. */
static void test_hairpin_is_for_networks_of_one_link(void **state)
{
	struct natfw_env env = {
		.ext = addr_ip4(1), .hairpin = true, .net_n = 5, .net = {
			{ 3, "lan0", { addr_ip4(HOST(1)), 24 } },
			{ 3, "lan0", { addr_ip4(0x0a000001), 8 } },
			{ 3, "lan0", { addr_ip4(0xac1f0000), 16 }, .routed =
			  1 },
			{ 4, "lan1", { addr_ip4(0xac1e0000), 16 }, .routed =
			  1 },
			{ 3, "lan0", { { ADDR_IP6, { 0x20 } }, 64 },
			  .routed = 1 },
		},
	};
	static const char *const want[] = {
		"x x  ", " xx  ", "xxx  ", "   x ", "     ",
	};

	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++)
			assert_int_equal(backend_hairpin(&env, i, k),
					 want[i][k] == 'x');
	env.ext = (struct addr){ 0 };
	assert_false(backend_hairpin(&env, 0, 0));
	env.ext = addr_ip4(1);
	env.hairpin = false;
	assert_false(backend_hairpin(&env, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_arrive_whole_for_any_read_size),
		cmocka_unit_test(test_piece_of_the_longest_size_fits),
		cmocka_unit_test(test_piece_too_long_spoils_the_input),
		cmocka_unit_test(test_output_arrives_line_by_line),
		cmocka_unit_test(test_failure_keeps_the_message_of_the_tool),
		cmocka_unit_test(test_words_are_hashed_one_by_one),
		cmocka_unit_test(test_tallies_ignore_order_and_see_repeats),
		cmocka_unit_test(test_networks_are_written_as_text),
		cmocka_unit_test(test_hairpin_is_for_networks_of_one_link),
	};

	return cmocka_run_group_tests(tests, tool_setup, NULL);
}
