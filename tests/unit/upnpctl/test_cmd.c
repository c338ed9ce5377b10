/* SPDX-License-Identifier: ISC */
/* test_cmd.c - words select the command that they name, and an error lists the
 * commands that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/cmd.h"

static const struct cmd_verb verbs[] = {
	{ .menu = "", .name = "print" },
	{ .menu = "", .name = "set" },
	{ .menu = "", .name = "monitor" },
	{ .menu = "interfaces", .name = "print" },
	{ .menu = "interfaces", .name = "set" },
	{ .menu = "interfaces", .name = "add" },
	{ .menu = "mappings", .name = "print" },
	{ .menu = "mappings", .name = "remove" },
	{ .menu = "nat-pmp", .name = "print" },
	{ .menu = "nat-pmp interfaces", .name = "print" },
	{ .menu = "nat-pmp", .name = "set" },
	{ .name = NULL },
};
static const struct cmd_env env = { .verbs = verbs };
static char stderr_text[2048];
static int err_pipe[2], err_fd;

static int catch_stderr(void **state)
{
	if (pipe(err_pipe))
		return -1;
	err_fd = dup(STDERR_FILENO);
	return 0;
}

/* Call cmd_find(), with stderr in @stderr_text. Return: "menu verb/arg/arg",
 * "menu" for a path, or NULL */
static const char *find(const char *menu, const char *words)
{
	static char text[256];
	static struct cmd cmd;
	struct str rest = str_z(words), at[16];
	struct wr w = wr_init(text, sizeof(text));
	size_t n = 0;
	int status;
	ssize_t got;

	while (str_word(&rest, &at[n]))
		n++;
	dup2(err_pipe[1], STDERR_FILENO);
	status = cmd_find(&env, &menu, at, n, &cmd);
	dup2(err_fd, STDERR_FILENO);
	stderr_text[0] = '\0';
	if (status) {
		assert_int_equal(status, CMD_USAGE);
		got = read(err_pipe[0], stderr_text, sizeof(stderr_text) - 1);
		assert_true(got > 0);
		stderr_text[got] = '\0';
		return NULL;
	}
	assert_ptr_equal(cmd.env, &env);
	wr_z(&w, menu);
	if (cmd.verb) {
		assert_string_equal(cmd.verb->menu, menu);
		wr_fmt(&w, " %s", cmd.verb->name);
	}
	for (size_t i = 0; i < cmd.n; i++)
		wr_fmt(&w, "/%.*s", STR_F(cmd.arg[i]));
	return wr_cstr(&w);
}

static void test_a_command_has_many_spellings(void **state)
{
	static const char *const same[] = {
		"interfaces print detail", "ip upnp interfaces print detail",
		"/ip upnp interfaces print detail",
		"/ip/upnp/interfaces/print detail",
		"/ip/upnp/interfaces print detail",
		"/ip upnp interfaces/print detail", "int pr detail",
		"/ip upnp i p detail", "//ip//upnp/interfaces/ print detail",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(find("", same[i]),
				    "interfaces print/detail");
	assert_string_equal(find("interfaces", "print detail"),
			    "interfaces print/detail");
	assert_string_equal(find("interfaces", "/ip upnp set a=b"),
			    " set/a=b");
	assert_string_equal(find("", "se enabled=yes x"), " set/enabled=yes/x");
}

static void test_paths_are_menus(void **state)
{
	assert_string_equal(find("interfaces", "/ip upnp"), "");
	assert_string_equal(find("", "/ip/upnp/interfaces"), "interfaces");
	assert_string_equal(find("", "int"), "interfaces");
	assert_string_equal(find("", ""), "");
	assert_null(find("", "/ip"));
	assert_string_equal(stderr_text, "upnpctl: the path ends too early; it "
			    "is /ip upnp or /ip nat-pmp\n");
}

/* RouterOS has it beside /ip upnp. */
static void test_nat_pmp_is_a_menu_of_its_own(void **state)
{
	static const char *const same[] = {
		"/ip nat-pmp interfaces print", "/ip/nat-pmp/interfaces/print",
		"ip nat-pmp int pr", "nat-pmp interfaces print", "n i p",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(find("", same[i]),
				    "nat-pmp interfaces print");
	assert_string_equal(find("", "/ip nat-pmp print"), "nat-pmp print");
	assert_string_equal(find("", "/ip nat-pmp set enabled=yes"),
			    "nat-pmp set/enabled=yes");
	assert_string_equal(find("interfaces", "/ip nat-pmp"), "nat-pmp");
	assert_string_equal(find("nat-pmp", "set a=b"), "nat-pmp set/a=b");
	assert_string_equal(find("nat-pmp", "interfaces"),
			    "nat-pmp interfaces");
	assert_string_equal(find("nat-pmp interfaces", "/ip upnp set"), " set");
	assert_null(find("", "/ip nat-pmp remove"));
	assert_string_equal(stderr_text, "upnpctl: there is no command "
			    "\"remove\" for nat-pmp; there are: print, "
			    "interfaces, set\n");
	assert_null(find("", "nat-pmp interfaces add"));
	assert_string_equal(stderr_text, "upnpctl: there is no command "
			    "\"add\" for nat-pmp interfaces; there are: "
			    "print\n");
}

static void test_unknown_words_are_explained(void **state)
{
	assert_null(find("", "prunt"));
	assert_string_equal(stderr_text, "upnpctl: there is no command "
			    "\"prunt\"; there are: print, set, monitor, "
			    "interfaces, mappings, nat-pmp\n");
	assert_null(find("", "interfaces remove"));
	assert_string_equal(stderr_text, "upnpctl: there is no command "
			    "\"remove\" for interfaces; there are: print, set, "
			    "add\n");
	assert_null(find("", "m"));
	assert_string_equal(stderr_text, "upnpctl: more than one command "
			    "begins with \"m\"; there are: print, set, "
			    "monitor, interfaces, mappings, nat-pmp\n");
	assert_null(find("", "/interface bridge add"));
	assert_string_equal(stderr_text, "upnpctl: there is no menu "
			    "\"interface\" here; use /ip upnp or /ip "
			    "nat-pmp\n");
	assert_null(find("", "/ip firewall print"));
	assert_null(find("", "print/detail"));
	assert_null(find("", "\x1b[2Jx"));
	assert_null(strchr(stderr_text, '\x1b'));
}

static void test_keys_and_values(void **state)
{
	struct cmd c = {
		.n = 3, .arg = { STR("a=1"), STR("b"), STR("c=x=y") },
	};
	struct str v;

	assert_true(cmd_key(&c, "a", &v));
	assert_true(str_eq(v, STR("1")));
	assert_false(cmd_key(&c, "b", &v));
	assert_true(cmd_key(&c, "c", &v));
	assert_true(str_eq(v, STR("x=y")));
	assert_false(cmd_key(&c, "", &v));
}

static void test_an_error_is_one_line(void **state)
{
	char text[2048];
	ssize_t n;

	dup2(err_pipe[1], STDERR_FILENO);
	cmd_set_line(7);
	assert_int_equal(cmd_fail(1, "no %s", "luck"), 1);
	cmd_set_line(0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cmd_fail(1, "%s", text);
	dup2(err_fd, STDERR_FILENO);
	n = read(err_pipe[0], text, sizeof(text));
	assert_true(n > 30);
	assert_memory_equal(text, "upnpctl: line 7: no luck\n", 25);
	assert_int_equal(n, 25 + 1024);		/* cut, and still a line */
	assert_int_equal(text[n - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_has_many_spellings),
		cmocka_unit_test(test_paths_are_menus),
		cmocka_unit_test(test_nat_pmp_is_a_menu_of_its_own),
		cmocka_unit_test(test_unknown_words_are_explained),
		cmocka_unit_test(test_keys_and_values),
		cmocka_unit_test(test_an_error_is_one_line),
	};

	return cmocka_run_group_tests(tests, catch_stderr, NULL);
}
