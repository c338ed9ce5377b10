/* SPDX-License-Identifier: ISC */
/*
 * test_descpool.c - every text is read back as it was stored, and no cell is
 * lost, up to the last cell and in random histories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "map/descpool.h"

#define TEXTS	40
#define CELLS	(TEXTS * DESCPOOL_CELLS)

/* One cell more, which must not be written. */
static struct descpool_cell cell[CELLS + 1];
static struct descpool texts;

static int set_up(void **state)
{
	/* old contents must not be read */
	memset(cell, 'z', sizeof(cell));
	descpool_init(&texts, cell, CELLS);
	return 0;
}

static int tear_down(void **state)
{
	struct descpool_cell untouched;

	memset(&untouched, 'z', sizeof(untouched));
	return memcmp(&cell[CELLS], &untouched, sizeof(untouched));
}

static uint32_t put(const char *z)
{
	return descpool_put(&texts, str_z(z));
}

/* Make a text whose bytes differ from their neighbours, and from those of other
 * seeds. */
static const char *text_of(size_t n, unsigned seed)
{
	static char text[PM_DESC_MAX + 2];
	size_t i;

	assert_true(n < sizeof(text));
	for (i = 0; i < n; i++)
		text[i] = (char)('!' + (i * 7 + seed) % 90);
	text[n] = '\0';
	return text;
}

/* Check the text and its NUL, and that no byte after it was written. */
static void reads(uint32_t number, const char *want)
{
	char buf[PM_DESC_MAX + 2];
	size_t i, n = strlen(want);
	struct str got;

	memset(buf, '#', sizeof(buf));
	got = descpool_get(&texts, number, buf);
	assert_ptr_equal(got.p, buf);
	assert_int_equal(got.n, n);
	assert_string_equal(buf, want);
	for (i = n + 1; i < sizeof(buf); i++)
		assert_int_equal(buf[i], '#');
}

static void test_empty_text_needs_no_cell(void **state)
{
	assert_int_equal(put(""), 0);
	assert_int_equal(texts.used, 0);
	reads(0, "");
	descpool_drop(&texts, 0);
	assert_int_equal(texts.free, 0);
}

static void test_every_length_is_stored_whole(void **state)
{
	size_t n;

	for (n = 1; n <= PM_DESC_MAX; n++) {
		uint32_t number = put(text_of(n, 0));
		size_t cells = (n + DESCPOOL_CELL_LEN - 1) / DESCPOOL_CELL_LEN;

		assert_int_not_equal(number, 0);
		reads(number, text_of(n, 0));
		descpool_drop(&texts, number);
		/* the cells of the text before were used first */
		assert_int_equal(texts.used, cells);
	}
}

/* Store a shorter text in the cells of a longer one. */
static void test_reused_cells_show_nothing_of_the_old_text(void **state)
{
	size_t n;

	for (n = 1; n < PM_DESC_MAX; n++) {
		descpool_drop(&texts, put(text_of(PM_DESC_MAX, 1)));
		descpool_drop(&texts, put(text_of(n, 2)));
		reads(put(text_of(n, 2)), text_of(n, 2));
		set_up(NULL);
	}
}

static void test_long_text_is_cut_at_the_maximum(void **state)
{
	char want[PM_DESC_MAX + 1];

	memcpy(want, text_of(PM_DESC_MAX, 0), sizeof(want));
	reads(put(text_of(PM_DESC_MAX + 1, 0)), want);
}

/* In any order, the room is enough. */
static void test_every_text_may_have_the_maximum_length(void **state)
{
	uint32_t number[TEXTS];
	unsigned i, turn;

	for (i = 0; i < TEXTS; i++)
		number[i] = put(text_of(PM_DESC_MAX, i));
	for (turn = 1; turn < 5; turn++) {
		for (i = 0; i < TEXTS; i++)
			reads(number[i], text_of(PM_DESC_MAX, i * turn));
		for (i = 0; i < TEXTS; i += turn)
			descpool_drop(&texts, number[i]);
		for (i = 0; i < TEXTS; i += turn)
			number[i] = put(text_of(PM_DESC_MAX, 0));
		for (i = 0; i < TEXTS; i++)
			descpool_drop(&texts, number[i]);
		for (i = 0; i < TEXTS; i++)
			number[i] = put(text_of(PM_DESC_MAX, i * (turn + 1)));
	}
	assert_int_equal(texts.used, CELLS);
}

/* The owner has cells for every text, so this does not happen there. */
static void test_text_is_cut_without_room(void **state)
{
	uint32_t i, last;
	char want[PM_DESC_MAX + 1];

	for (i = 1; i < TEXTS; i++)
		put(text_of(PM_DESC_MAX, i));
	for (i = 0; i < DESCPOOL_CELLS - 2; i++)
		put("x");
	memcpy(want, text_of(PM_DESC_MAX, 0), sizeof(want));
	want[2 * DESCPOOL_CELL_LEN] = '\0';
	last = put(text_of(PM_DESC_MAX, 0));
	reads(last, want);
	assert_int_equal(put("y"), 0);
	descpool_drop(&texts, last);
	reads(put("y"), "y");
}

/* ---- random histories ---------------------------------------------- */

static uint32_t rnd_state = 1;

static uint32_t rnd(uint32_t n)
{
	rnd_state = rnd_state * 1664525u + 1013904223u;
	return (rnd_state >> 8) % n;
}

static size_t rnd_len(void)
{
	switch (rnd(4)) {
	case 0:
		return PM_DESC_MAX - rnd(3);
	case 1:
		return rnd(3) * DESCPOOL_CELL_LEN + rnd(3);
	default:
		return rnd(PM_DESC_MAX + 1);
	}
}

/* Each cell that was ever used belongs to one text, or is free. */
static void counts(const uint32_t *number, const size_t *len)
{
	uint32_t i, at, n = 0;

	for (i = 0; i < TEXTS; i++)
		if (number[i])
			n += (uint32_t)((len[i] + DESCPOOL_CELL_LEN - 1) /
					DESCPOOL_CELL_LEN);
	for (at = texts.free; at; at = cell[at - 1].next) {
		assert_in_range(at, 1, texts.used);
		assert_true(++n <= texts.used);
	}
	assert_int_equal(n, texts.used);
}

static void test_random_histories_match_plain_copies(void **state)
{
	static char copy[TEXTS][PM_DESC_MAX + 1];
	uint32_t number[TEXTS] = { 0 };
	size_t len[TEXTS] = { 0 };
	unsigned turn, i;

	memset(copy, 0, sizeof(copy));
	for (turn = 0; turn < 20000; turn++) {
		i = rnd(TEXTS);
		reads(number[i], copy[i]);
		descpool_drop(&texts, number[i]);
		len[i] = rnd(3) ? rnd_len() : 0;
		memcpy(copy[i], text_of(len[i], turn), len[i] + 1);
		number[i] = put(copy[i]);
		if (turn % 50 == 0)
			counts(number, len);
	}
	for (i = 0; i < TEXTS; i++)
		reads(number[i], copy[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_empty_text_needs_no_cell),
		T(test_every_length_is_stored_whole),
		T(test_reused_cells_show_nothing_of_the_old_text),
		T(test_long_text_is_cut_at_the_maximum),
		T(test_every_text_may_have_the_maximum_length),
		T(test_text_is_cut_without_room),
		T(test_random_histories_match_plain_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
