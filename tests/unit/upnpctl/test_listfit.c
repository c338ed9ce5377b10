/* SPDX-License-Identifier: ISC */
/*
 * test_listfit.c - a table fits into every width, and loses first what tells
 * least.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "upnpctl/listfit.h"

static const char *const rows[][4] = {
	{ "tcp", "192.168.88.10:8080", "192.168.88.10", "a game on the sofa" },
	{ "udp", "192.168.88.11:51413", "192.168.88.11", "" },
};

static bool known = true, remote;

#define PUT(name, k) \
	static void name(const struct list *l, size_t i, struct wr *w) \
	{ \
		wr_z(w, rows[i][k]); \
	}
PUT(put_protocol, 0)
PUT(put_to, 1)
PUT(put_by, 2)
PUT(put_text, 3)

static void put_remote(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, remote ? "203.0.113.5" : "");
}

static bool is_known(const struct list *l, size_t i)
{
	return known;
}

static bool is_disabled(const struct list *l, size_t i)
{
	return i == 1;
}

static const struct prop props[] = {
	{ "protocol", PROP_WORD, PROP_IN_TABLE, put_protocol,
	  .head = "proto" },
	{ "to", PROP_WORD, PROP_IN_TABLE, put_to },
	{ "remote-host", PROP_WORD, PROP_IN_TABLE | PROP_DROP, put_remote,
	  .head = "remote", .rank = 1 },
	{ "by", PROP_WORD, PROP_IN_TABLE | PROP_DROP, put_by, .rank = 2,
	  .known = is_known },
	{ "description", PROP_TEXT, PROP_IN_TABLE | PROP_CUT, put_text },
};

static const struct list_flag flags[] = {
	{ 'X', "disabled", is_disabled },
	{ '\0', "odd", is_disabled },
};

static const struct list list = {
	.what = "mapping", .props = props, .prop_n = 5, .flags = flags,
	.flag_n = 2, .n = 2,
};
static const bool shown[] = { true, true };

static int set_up(void **state)
{
	known = true;
	remote = false;
	return 0;
}

/* The columns of a row. */
static unsigned row(const struct listfit *f)
{
	unsigned sum = f->number + f->flags + 2;

	for (size_t k = 0; k < f->n; k++)
		sum += f->column[k].width + (k ? f->gap : 0);
	return sum;
}

/* The names of the columns: "protocol to". */
static const char *names(const struct listfit *f)
{
	static char text[128];
	struct wr w = wr_init(text, sizeof(text));

	for (size_t k = 0; k < f->n; k++)
		wr_fmt(&w, "%s%s", k ? " " : "", f->column[k].prop->name);
	return wr_cstr(&w);
}

static struct listfit make(unsigned width)
{
	struct listfit f;

	listfit_make(&f, &list, shown, PROP_IN_TABLE, false, width);
	return f;
}

static void test_without_a_terminal_all_columns_are_there(void **state)
{
	struct listfit f = make(0);

	assert_string_equal(names(&f),
			    "protocol to remote-host by description");
	assert_int_equal(f.column[1].width, 19);
	assert_int_equal(f.column[2].width, strlen("remote-host"));
	assert_int_equal(f.gap, 3);
	assert_int_equal(f.number, 3);
	assert_int_equal(f.flags, 1);
}

static void test_columns_that_tell_nothing_are_left_out(void **state)
{
	struct listfit f = make(200);

	assert_string_equal(names(&f), "protocol to description");
	remote = true;
	f = make(200);
	assert_string_equal(names(&f), "protocol to remote-host description");
	known = false;
	f = make(200);
	assert_string_equal(names(&f),
			    "protocol to remote-host by description");
}

static void test_every_width_is_kept(void **state)
{
	remote = true;
	known = false;
	for (unsigned width = 20; width < 130; width++) {
		struct listfit f = make(width);

		assert_in_range(row(&f), 1, width);
		assert_true(f.n >= 3);
	}
}

/* At each step: the text is cut, headings are short, columns are missing. */
static void test_order_of_the_steps(void **state)
{
	const unsigned whole = 7 - 1 + 8 + 3 + 19 + 3 + 11 + 3 + 13 + 3 + 18;
	struct listfit f;

	remote = true;
	known = false;
	f = make(whole);
	assert_int_equal(row(&f), whole);
	assert_int_equal(f.column[4].width, 18);
	f = make(whole - 1);
	assert_int_equal(f.column[4].width, 17);
	assert_false(f.brief);
	f = make(whole - 8);
	assert_true(f.brief);
	assert_string_equal(listfit_head(&f, 0), "proto");
	assert_int_equal(f.n, 5);
	f = make(64);
	assert_string_equal(names(&f), "protocol to remote-host description");
	f = make(50);
	assert_string_equal(names(&f), "protocol to description");
	assert_int_equal(f.column[1].width, 19);
	f = make(30);
	assert_true(f.column[1].width < 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			test_without_a_terminal_all_columns_are_there, set_up),
		cmocka_unit_test_setup(
			test_columns_that_tell_nothing_are_left_out, set_up),
		cmocka_unit_test_setup(test_every_width_is_kept, set_up),
		cmocka_unit_test_setup(test_order_of_the_steps, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
