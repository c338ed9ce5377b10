/* SPDX-License-Identifier: ISC */
/* test_lineedit.c - keys in; the line, and what shows it, out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/lineedit.h"

static struct lineedit e;

/* Type keys. Return: the event of the last one */
static enum lineedit_event type(const char *keys)
{
	enum lineedit_event event = LINEEDIT_MORE;

	for (; *keys; keys++)
		event = lineedit_key(&e, *keys);
	return event;
}

/* The line, with "|" where the cursor is. */
static const char *line(void)
{
	static char text[LINEEDIT_MAX + 2];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct str all = lineedit_line(&e), left = lineedit_before(&e);

	wr_str(&w, left);
	wr_ch(&w, '|');
	wr_str(&w, str_skip(all, left.n));
	return wr_cstr(&w);
}

static void enter(const char *text)
{
	lineedit_begin(&e);
	type(text);
	lineedit_remember(&e);
	lineedit_begin(&e);
}

static int setup(void **state)
{
	(void)state;
	memset(&e, 0, sizeof(e));
	lineedit_begin(&e);
	return 0;
}

static void test_keys_edit(void **state)
{
	static const struct {
		const char *keys, *line;
	} cases[] = {
		{ "abc", "abc|" },
		{ "abc\033[D\033[D", "a|bc" },
		{ "abc\033[D\033[D\033[C", "ab|c" },
		{ "abc\001x", "x|abc" },
		{ "abc\033OHx\033OFy", "xabcy|" },
		{ "abc\033[1~\033[3~", "|bc" },
		{ "abc\001\004", "|bc" },
		{ "abc\177", "ab|" },
		{ "abc\010\010\010\010", "|" },
		{ "set a=1  \027", "set |" },
		{ "set a\027\031\031", "set aa|" },
		{ "set a\002\013", "set |" },
		{ "set a\025", "|" },
		{ "set a b\033[1;5D\033[1;5D", "set |a b" },
		{ "set a b\001\033f", "set| a b" },
		/* characters, not bytes */
		{ "\303\244\342\202\254x\033[D\177", "\303\244|x" },
		{ "\303\244\001\004", "|" },
		/* what is no character, no key or no text is ignored */
		{ "a\377\200b", "ab|" },
		{ "a\303b", "ab|" },
		{ "a\302\205b", "ab|" },
		{ "a\033[99;99;99;99;99;99;99;99~b", "ab|" },
		{ "a\033xb", "ab|" },
		{ "\033[D\033[C\033[A\033[B\177\027\031", "|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&e, 0, sizeof(e));
		lineedit_begin(&e);
		type(cases[i].keys);
		assert_string_equal(line(), cases[i].line);
	}
}

static void test_events(void **state)
{
	(void)state;
	assert_int_equal(type("\r"), LINEEDIT_LINE);
	assert_int_equal(type("\n"), LINEEDIT_LINE);
	assert_int_equal(type("\t"), LINEEDIT_TAB);
	assert_int_equal(type("\003"), LINEEDIT_CANCEL);
	assert_int_equal(type("\014"), LINEEDIT_CLEAR);
	assert_int_equal(type("\032"), LINEEDIT_STOP);
	assert_int_equal(type("\004"), LINEEDIT_END);
	assert_int_equal(type("a\004"), LINEEDIT_MORE);
	assert_int_equal(type("?"), LINEEDIT_HELP);
	assert_int_equal(type("\"?"), LINEEDIT_MORE);
	assert_int_equal(type("\\\"?"), LINEEDIT_MORE);
	assert_int_equal(type("\"?"), LINEEDIT_HELP);
}

static void test_history(void **state)
{
	(void)state;
	enter("one");
	enter("two");
	enter("two");
	enter("");
	type("draft\033[A");
	assert_string_equal(line(), "two|");
	type("\033[A");
	assert_string_equal(line(), "one|");
	type("\033[A\033[A");
	assert_string_equal(line(), "one|");
	type("\033[B\033[B");
	assert_string_equal(line(), "draft|");
	type("\033[B");
	assert_string_equal(line(), "draft|");
}

static void test_history_is_a_ring(void **state)
{
	char text[] = "aa";

	(void)state;
	for (int i = 0; i < LINEEDIT_HISTORY + 10; i++) {
		text[0] = (char)('a' + i / 26);
		text[1] = (char)('a' + i % 26);
		enter(text);
	}
	for (int i = 0; i < LINEEDIT_HISTORY + 20; i++)
		type("\033[A");
	assert_string_equal(line(), "ak|");	/* the tenth */
}

static void test_a_full_line_takes_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < LINEEDIT_MAX + 10; i++)
		type("x");
	assert_int_equal(lineedit_line(&e).n, LINEEDIT_MAX - 1);
	lineedit_replace(&e, 0, STR("y"));
	assert_string_equal(line(), "y|");
}

static void test_replace(void **state)
{
	(void)state;
	type("set ena x\033[D\033[D");
	lineedit_replace(&e, 4, STR("enabled="));
	assert_string_equal(line(), "set enabled=| x");
	lineedit_replace(&e, 4, STR("a\033b"));
	lineedit_replace(&e, 99, STR("a"));
	assert_string_equal(line(), "set enabled=| x");
}

static const char *shown(unsigned width)
{
	static char out[LINEEDIT_SHOW_MAX + 8];
	struct wr w = wr_init(out, sizeof(out));

	lineedit_show(&e, STR("ab> "), width, &w);
	return wr_cstr(&w);
}

static void test_show(void **state)
{
	(void)state;
	type("print\033[D");
	assert_string_equal(shown(80), "\rab> print\033[K\r\033[8C");
	/* a long line moves, and never reaches the last column */
	lineedit_begin(&e);
	type("0123456789abcdefghij");
	assert_string_equal(shown(20), "\rab> 56789abcdefghij\033[K\r\033[19C");
	type("\001");
	assert_string_equal(shown(20), "\rab> 0123456789abcde\033[K\r\033[4C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_keys_edit, setup),
		cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test_setup(test_history, setup),
		cmocka_unit_test_setup(test_history_is_a_ring, setup),
		cmocka_unit_test_setup(test_a_full_line_takes_no_more, setup),
		cmocka_unit_test_setup(test_replace, setup),
		cmocka_unit_test_setup(test_show, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
