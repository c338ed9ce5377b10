/* SPDX-License-Identifier: ISC */
/* test_words.c - scripts and the command line are split into words in the way
 * of RouterOS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/words.h"

static struct words w;
static struct str rest;
static unsigned line;
static const char *why;

/* Place @text right before a page without access. */
static void begin(const char *text)
{
	static char *page;
	size_t n = strlen(text), size = (size_t)sysconf(_SC_PAGESIZE);

	if (!page) {
		page = mmap(NULL, 3 * size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(page, MAP_FAILED);
		assert_int_equal(mprotect(page + 2 * size, size, PROT_NONE), 0);
	}
	assert_true(n <= 2 * size);
	memcpy(page + 2 * size - n, text, n);
	rest = (struct str){ page + 2 * size - n, n };
	line = 1;
}

/* Return: the words as "a|b|c", or the error */
static const char *next(void)
{
	static char text[8192];
	struct wr out = wr_init(text, sizeof(text));

	if (words_next(&w, &rest, &line, &why))
		return why;
	for (size_t i = 0; i < w.n; i++) {
		wr_z(&out, i ? "|" : "");
		wr_str(&out, w.at[i]);
	}
	return wr_cstr(&out);
}

static void test_lines_become_words(void **state)
{
	begin("# head\n\n  /ip upnp\r\nset a=1  b=2 # why\n ; ;x;y z\n");
	assert_string_equal(next(), "/ip|upnp");
	assert_int_equal(w.line, 3);
	assert_string_equal(next(), "set|a=1|b=2");
	assert_int_equal(w.line, 4);
	assert_string_equal(next(), "x");
	assert_int_equal(w.line, 5);
	assert_string_equal(next(), "y|z");
	assert_string_equal(next(), "");
	assert_string_equal(next(), "");
	begin("print");			/* without a newline */
	assert_string_equal(next(), "print");
	assert_string_equal(next(), "");
	begin("a#b #c");		/* # begins a comment between words */
	assert_string_equal(next(), "a#b");
}

/* RouterOS breaks long lines between words, after "=", in a word and in a
 * quoted text. */
static void test_broken_lines_are_joined(void **state)
{
	begin("add comment=\\\n    \"a \\\"b\\\" c\" disabled=no \\\r\n"
	      "    interface=eth\\\n    er1\nnext\n");
	assert_string_equal(next(), "add|comment=a \"b\" c|disabled=no|"
				    "interface=ether1");
	assert_string_equal(next(), "next");
	assert_int_equal(w.line, 5);
	begin("set a=\"one\\\n    \\_two\" \\\n\\\n  b=3\nc");
	assert_string_equal(next(), "set|a=one two|b=3");
	assert_string_equal(next(), "c");
	begin("x \\");
	assert_string_equal(next(), "x");
}

static void test_escapes_are_replaced(void **state)
{
	begin("s=\"\\\"\\\\\\n\\r\\t\\$\\?\\_\\C3\\bc\\A\"");
	assert_string_equal(next(), "unknown escape; write a backslash as "
			    "\\\\");
	begin("s=\"\\\"\\\\\\n\\r\\t\\$\\?\\_\\C3\\bc\\a\\b\\f\\v\"");
	assert_string_equal(next(), "s=\"\\\n\r\t$? \xc3\xbc\a\b\f\v");
	begin("s=\"\\q\"");
	assert_string_equal(next(), "unknown escape; write a backslash as "
			    "\\\\");
	begin("s=a\\_b");
	assert_string_equal(next(), "s=a b");
	begin("s=\"\" t=\"\"u");
	assert_string_equal(next(), "s=|t=u");
}

static void test_brackets_are_one_word(void **state)
{
	begin("set [find type=internal] disabled=no\n");
	assert_string_equal(next(), "set|[find type=internal]|disabled=no");
	begin("set [find\n]");
	assert_string_equal(next(), "a bracket is not closed; add ]");
	begin("set a=[b c]");		/* where a word or a value begins */
	assert_string_equal(next(), "set|a=[b c]");
}

static void test_errors_in_a_line_are_reported(void **state)
{
	static char text[8192];
	size_t n = 0;

	begin("\n\na=\"b\nc\n");
	assert_string_equal(next(), "a quote is not closed; add \"");
	for (int i = 0; i < CMD_ARGS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "x ");
	begin(text);
	next();
	assert_int_equal(w.n, CMD_ARGS_MAX);
	strcat(text, "x");
	begin(text);
	assert_string_equal(next(), "too many words");
	memset(text, 'x', sizeof(w.buf));
	text[sizeof(w.buf)] = '\0';
	begin(text);
	next();
	assert_int_equal(w.at[0].n, sizeof(w.buf));
	text[sizeof(w.buf)] = 'x';
	text[sizeof(w.buf) + 1] = '\0';
	begin(text);
	assert_string_equal(next(), "the command is too long");
}

static const char *add(const char *a, const char *b)
{
	static char text[256];
	struct wr out = wr_init(text, sizeof(text));

	words_init(&w);
	if (words_add(&w, str_z(a), false, &why) ||
	    (b && words_add(&w, str_z(b), false, &why)))
		return why;
	for (size_t i = 0; i < w.n; i++) {
		wr_z(&out, i ? "|" : "");
		wr_str(&out, w.at[i]);
	}
	return wr_cstr(&out);
}

/* The shell passes single words, or a whole line that was quoted. */
static void test_arguments_of_the_shell_are_split(void **state)
{
	assert_string_equal(add("set", "friendly-name=My Router"),
			    "set|friendly-name=My Router");
	assert_string_equal(add("set", "friendly-name=\"My Router\""),
			    "set|friendly-name=My Router");
	assert_string_equal(add("/ip upnp interfaces", "set 0 type=internal"),
			    "/ip|upnp|interfaces|set|0|type=internal");
	assert_string_equal(add("set a=\"b c\" d=e", NULL), "set|a=b c|d=e");
	assert_string_equal(add("", "x=#1 \\2"), "|x=#1 \\2");
	assert_string_equal(add("set a=\"b", NULL),
			    "a quote is not closed; add \"");
	words_init(&w);
	assert_int_equal(words_add(&w, STR("a; \"b"), true, &why), 0);
	assert_int_equal(w.n, 1);
	assert_true(str_eq(w.at[0], STR("a; \"b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_become_words),
		cmocka_unit_test(test_broken_lines_are_joined),
		cmocka_unit_test(test_escapes_are_replaced),
		cmocka_unit_test(test_brackets_are_one_word),
		cmocka_unit_test(test_errors_in_a_line_are_reported),
		cmocka_unit_test(test_arguments_of_the_shell_are_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
