/* SPDX-License-Identifier: ISC */
/*
 * test_confedit_rules.c - rules and mappings are added, moved, replaced and
 * deleted in the text of a configuration; random changes of rules are compared
 * with a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "conf/confedit.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confrule.h"
#include "tests/unit/conf/edittest.h"

static struct confrule rule(const char *line)
{
	struct confline l = confline_split(str_z(line));
	char text[256];
	struct wr why = wr_init_cut(text, sizeof(text));
	struct confrule r;

	assert_int_equal(confrule_parse(l.key, l.value, &r, &why), 0);
	return r;
}

static int add(size_t at, const char *line)
{
	struct confrule r = rule(line);

	return confedit_add_rule(&edit, at, &r);
}

#define A "allow 1 10.0.0.0/8 1\n"
#define B "deny 2 10.0.0.0/8 2\n"
#define C "deny 3 10.0.0.0/8 3 \"c # c\" # three\n"
#define LAN "\n[interface x]\ntype = internal\n"

static void test_rule_is_added_at_its_place(void **state)
{
	load("# head\n" LAN);
	assert_int_equal(add(0, "allow 1 10.0.0.0/8 1"), 0);
	expect_text("# head\n\n" A LAN);
	load("a = 1\n" A "b = 2\n" B "c = 3\n" LAN);
	assert_int_equal(add(1, "deny 3 10.0.0.0/8 3"), 0);
	assert_int_equal(add(9, "deny 4 10.0.0.0/8 4 disabled \"#4\""), 0);
	expect_text("a = 1\n" A "b = 2\ndeny 3 10.0.0.0/8 3\n" B
		    "deny 4 10.0.0.0/8 4 disabled \"#4\"\nc = 3\n" LAN);
	load("a = 1\r\n\r\n[interface x]\r\nallow 1 10.0.0.0/8 1\r\n");
	assert_int_equal(add(0, "deny 2 10.0.0.0/8 2"), 0);
	expect_text("a = 1\r\ndeny 2 10.0.0.0/8 2\r\n\r\n[interface x]\r\n"
		    "allow 1 10.0.0.0/8 1\r\n");
	load("allow 1 10.0.0.0/8 1");
	assert_int_equal(add(1, "deny 2 10.0.0.0/8 2"), 0);
	expect_text(A B);
}

static void test_rule_is_replaced_and_deleted(void **state)
{
	struct confrule r = rule("allow 5 10.0.0.0/8 5 disabled \"a\"");

	load("\t" A " " C B LAN);
	assert_int_equal(confedit_set_rule(&edit, 1, &r), 0);
	assert_int_equal(confedit_set_rule(&edit, 3, &r), -ENOENT);
	expect_text("\t" A " allow 5 10.0.0.0/8 5 disabled \"a\" # three\n" B
		    LAN);
	assert_int_equal(confedit_del_rule(&edit, 1), 0);
	assert_int_equal(confedit_del_rule(&edit, 2), -ENOENT);
	expect_text("\t" A B LAN);
	/* a line with an error has a number */
	load("allow x\n" A);
	assert_int_equal(confedit_del_rule(&edit, 0), 0);
	expect_text(A);
	/* a comment that the reader would refuse is not written */
	strcpy(r.comment.text, "a\nb");
	assert_int_equal(confedit_set_rule(&edit, 0, &r), -EINVAL);
	assert_int_equal(confedit_add_rule(&edit, 0, &r), -EINVAL);
	expect_text(A);
	memset(r.comment.text, '"', PM_DESC_MAX);
	r.comment.text[PM_DESC_MAX] = '\0';
	assert_int_equal(confedit_set_rule(&edit, 0, &r), 0);
}

static void test_rule_is_moved(void **state)
{
	static const struct {
		const char *was;
		size_t i, to;
		const char *is;
	} t[] = {
		{ A "x = 1\n" B C LAN, 2, 0, C A "x = 1\n" B LAN },
		{ A "x = 1\n" B C LAN, 0, 2, "x = 1\n" B A C LAN },
		{ A "x = 1\n" B C LAN, 0, 3, "x = 1\n" B C A LAN },
		{ A B C LAN, 1, SIZE_MAX, A C B LAN },
		{ A B C, 1, 1, A B C },
		{ A B C, 1, 2, A B C },
		{ A B "deny 4 10.0.0.0/8 4", 2, 0,
		  "deny 4 10.0.0.0/8 4\n" A B },
		{ A B "deny 4 10.0.0.0/8 4", 0, 3,
		  B "deny 4 10.0.0.0/8 4\n" A },
		{ A B "deny 4 10.0.0.0/8 4", 2, 9, A B "deny 4 10.0.0.0/8 4" },
		{ A B "[interface x]", 1, 0, B A "[interface x]" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		load(t[i].was);
		assert_int_equal(confedit_move_rule(&edit, t[i].i, t[i].to),
				 0);
		expect_text(t[i].is);
	}
	load(A LAN B);
	assert_int_equal(confedit_move_rule(&edit, 1, 0), -ENOENT);
	expect_text(A LAN B);
}

static void test_move_without_room_for_a_line_feed(void **state)
{
	memset(edit.text, '#', sizeof(edit.text));
	memcpy(edit.text, A B "#", strlen(A B "#"));
	memcpy(edit.text + sizeof(edit.text) - strlen(B), "\n" B,
	       strlen(B));
	edit.len = sizeof(edit.text);
	assert_int_equal(confedit_move_rule(&edit, 2, 0), -ENOSPC);
	assert_int_equal(confedit_move_rule(&edit, 1, 0), 0);
	assert_int_equal(edit.len, sizeof(edit.text));
	assert_memory_equal(edit.text, B A "#", strlen(A B "#"));
}

/* ---- random changes -------------------------------------------------- */

#define RULES 8

static uint32_t seed_now;

static uint32_t rnd(uint32_t n)
{
	seed_now = seed_now * 1664525 + 1013904223;
	return (seed_now >> 8) % n;
}

/* The rules have the ports of this list; the other lines stay. */
static uint16_t list[RULES];
static size_t list_n;

static void expect_list(void)
{
	struct str rest = { edit.text, edit.len }, line;
	size_t i = 0, others = 0;
	char text[64];

	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);
		struct wr w = wr_init(text, sizeof(text));

		if (l.kind != CONFLINE_RULE) {
			others++;
			continue;
		}
		assert_true(i < list_n);
		wr_fmt(&w, "deny %u 10.0.0.0/8 1", (unsigned)list[i++]);
		assert_true(str_eq(l.text, wr_done(&w)));
	}
	assert_int_equal(i, list_n);
	assert_int_equal(others, 5);
}

static void list_insert(size_t at, uint16_t port)
{
	memmove(&list[at + 1], &list[at], (list_n - at) * sizeof(list[0]));
	list[at] = port;
	list_n++;
}

static uint16_t list_remove(size_t at)
{
	uint16_t port = list[at];

	memmove(&list[at], &list[at + 1],
		(list_n - at - 1) * sizeof(list[0]));
	list_n--;
	return port;
}

static void change_once(uint16_t port)
{
	struct confrule r = rule("deny 1 10.0.0.0/8 1");
	size_t i = list_n ? rnd((uint32_t)list_n) : 0;
	size_t to = rnd((uint32_t)list_n + 1);

	r.is.ext_lo = r.is.ext_hi = port;
	switch (rnd(4)) {
	case 0:
		if (list_n == RULES)
			return;
		assert_int_equal(confedit_add_rule(&edit, to, &r), 0);
		list_insert(to, port);
		return;
	case 1:
		assert_int_equal(confedit_del_rule(&edit, i),
				 list_n ? 0 : -ENOENT);
		if (list_n)
			list_remove(i);
		return;
	case 2:
		assert_int_equal(confedit_set_rule(&edit, i, &r),
				 list_n ? 0 : -ENOENT);
		if (list_n)
			list[i] = port;
		return;
	}
	assert_int_equal(confedit_move_rule(&edit, i, to),
			 list_n ? 0 : -ENOENT);
	if (list_n)
		list_insert(to > i ? to - 1 : to, list_remove(i));
}

static void test_random_changes_match_a_list(void **state)
{
	for (uint32_t file = 0; file < 500; file++) {
		seed_now = file;
		list_n = 0;
		load("# a\nb = 1\n# c\n\n[interface x]");
		for (int i = 0; i < 40; i++) {
			change_once((uint16_t)(i + 2));
			expect_list();
		}
	}
}

/* ---- mappings -------------------------------------------------------- */

static void test_mapping_is_replaced_in_its_place(void **state)
{
	struct conf_mapping was = mapping("tcp 80 10.0.0.1:80");
	struct conf_mapping is = mapping("tcp 80 10.0.0.2:81 disabled");

	load(A "  mapping tcp 80 10.0.0.1:80 \"a # b\"\t# c\n" B
	     "mapping udp 80 10.0.0.1:80\n");
	assert_int_equal(confedit_set_mapping(&edit, &was, &is, "d"), 0);
	expect_text(A "  mapping tcp 80 10.0.0.2:81 disabled \"d\"\t# c\n" B
		    "mapping udp 80 10.0.0.1:80\n");
	was = is;
	is.proto = mapping("udp 80 10.0.0.1:80").proto;
	assert_int_equal(confedit_set_mapping(&edit, &was, &is, ""), -EEXIST);
	assert_int_equal(confedit_set_mapping(&edit, &was, &was, "a\nb"),
			 -EINVAL);
	is.ext_port = 81;
	assert_int_equal(confedit_set_mapping(&edit, &was, &is, ""), 0);
	assert_int_equal(confedit_set_mapping(&edit, &was, &is, ""), -EEXIST);
	was.ext_port = 82;
	is.ext_port = 83;
	assert_int_equal(confedit_set_mapping(&edit, &was, &is, ""), -ENOENT);
	expect_text(A "  mapping udp 81 10.0.0.2:81 disabled\t# c\n" B
		    "mapping udp 80 10.0.0.1:80\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_is_added_at_its_place),
		cmocka_unit_test(test_rule_is_replaced_and_deleted),
		cmocka_unit_test(test_rule_is_moved),
		cmocka_unit_test(test_move_without_room_for_a_line_feed),
		cmocka_unit_test(test_random_changes_match_a_list),
		cmocka_unit_test(test_mapping_is_replaced_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
