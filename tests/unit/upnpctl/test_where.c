/* SPDX-License-Identifier: ISC */
/* test_where.c - the terms of where select items by text, number, time and
 * flag, and a wrong term is refused also if the list is empty. The list and
 * cmd_fail() are fakes in this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "upnpctl/where.h"
#include "tests/unit/upnpctl/failtest.h"

static const struct item {
	const char *to, *text, *port, *left, *on;
} items[] = {
	{ "10.0.0.1:80", "A game", "80", "1h30m", "yes" },
	{ "10.0.0.2:80", "phone", "8080", "never", "no" },
	{ "10.0.0.2:81", "", "", "45s", "yes" },
};

#define PUT(field)							\
	static void put_##field(const struct list *l, size_t i,	\
				struct wr *w)				\
	{								\
		wr_z(w, items[i].field);				\
	}
PUT(to)
PUT(text)
PUT(port)
PUT(left)
PUT(on)

/* "10.0.0.2" is also every port of it. */
static bool same_to(const struct list *l, size_t i, struct str value)
{
	return str_starts(str_z(items[i].to), value);
}

static bool accepts_to(struct str value)
{
	return str_starts(value, STR("10."));
}

static bool is_last(const struct list *l, size_t i)
{
	return i == 2;
}

static const struct prop props[] = {
	{ "to", PROP_WORD, 0, put_to, same_to, accepts_to, "an address" },
	{ "description", PROP_TEXT, 0, put_text },
	{ "port", PROP_NUMBER, 0, put_port },
	{ "time-left", PROP_TIME, 0, put_left },
	{ "on", PROP_BOOL, 0, put_on },
};

static const struct list_flag flags[] = { { 'L', "last", is_last } };

static struct list list = {
	.what = "thing", .props = props, .prop_n = 5, .flags = flags,
	.flag_n = 1, .n = 3,
};

/* @terms: separated by ";". Return: a digit for each item, or the error */
static const char *where(const char *terms)
{
	static char text[512];
	struct str rest = str_z(terms), term[8];
	struct wr w = wr_init(text, sizeof(text));
	bool found[4];
	size_t n = 0;

	while (str_cut(&rest, ';', &term[n]))
		n++;
	if (where_items(&list, term, n, found) != CMD_OK)
		return stderr_text;
	for (size_t i = 0; i < list.n; i++)
		if (found[i])
			wr_u64(&w, i);
	return wr_cstr(&w);
}

#define IS(terms, want) assert_string_equal(where(terms), want)

static void test_texts(void **state)
{
	IS("", "012");
	IS("description=phone", "1");
	IS("description=", "2");
	IS("description!=", "01");
	IS("description!=phone", "02");
	IS("description~GAME", "0");
	IS("description~", "012");
	IS("description~a=b", "");
	IS("to=10.0.0.2", "12");
	IS("to=10.0.0.2:81", "2");
	IS("to!=10.0.0.2", "0");
	IS("to~0.2", "12");
}

static void test_numbers_and_times(void **state)
{
	IS("port>80", "1");
	IS("port<8080", "0");
	IS("port>79;port<81", "0");
	IS("time-left<1h", "2");
	IS("time-left>1h", "01");
	IS("time-left>5400", "1");
	IS("time-left<never", "02");
	IS("time-left=never", "1");
}

static void test_flags_and_booleans(void **state)
{
	IS("last", "2");
	IS("!last", "01");
	IS("last=yes", "2");
	IS("last!=yes", "01");
	IS("last=false", "01");
	IS("on", "02");
	IS("!on", "1");
	IS("on=true", "02");
	IS("on!=no", "02");
}

static void test_and_binds_more_than_or(void **state)
{
	IS("last;or;port=80", "02");
	IS("port=80;or;on;and;last", "02");
	IS("on;last;or;port=8080", "12");
	IS("on;and;!last", "0");
	IS("port=80;or;port=8080;or;last", "012");
}

static void test_names_may_be_shortened(void **state)
{
	IS("desc=phone", "1");
	IS("la", "2");
	IS("t=10.0.0.1", "things have several properties that begin with "
	   "\"t\"; they have to, description, port, time-left, on, last");
}

static void test_wrong_terms_are_refused(void **state)
{
	static const char *const wrong[][2] = {
		{ "prot=80", "things have no property \"prot\"; did you mean "
			     "port?" },
		{ "colour", "things have no property \"colour\"; they have to, "
			    "description, port, time-left, on, last" },
		{ "=x", "things have no property \"\"; they have to, "
			"description, port, time-left, on, last" },
		{ "to=11.0.0.1", "to is \"11.0.0.1\"; it takes an address" },
		{ "to>10.0.0.1", "to is not a number; use =, != or ~" },
		{ "port>x", "port is \"x\"; it takes a number" },
		{ "time-left<soon", "time-left is \"soon\"; it takes a time, "
				    "such as 1h30m" },
		{ "last=maybe", "last is \"maybe\"; it takes yes or no" },
		{ "last~y", "last is \"y\"; it takes yes or no" },
		{ "or;last", "things have no property \"or\"; did you mean "
			     "on?" },
		{ "last;or", "things have no property \"or\"; did you mean "
			     "on?" },
	};

	for (list.n = 0; list.n <= 3; list.n += 3)
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			IS(wrong[i][0], wrong[i][1]);
	list.n = 3;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_numbers_and_times),
		cmocka_unit_test(test_flags_and_booleans),
		cmocka_unit_test(test_and_binds_more_than_or),
		cmocka_unit_test(test_names_may_be_shortened),
		cmocka_unit_test(test_wrong_terms_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
