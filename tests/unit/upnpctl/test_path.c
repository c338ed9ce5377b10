/* SPDX-License-Identifier: ISC */
/* test_path.c - words select the command that they name, names and values may
 * be shortened, and an error names what exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/args.h"
#include "upnpctl/path.h"

static const struct cmd_arg set_args[] = {
	{ "enabled", CMD_KEY, .values = "yes no" },
	{ "hairpin", CMD_KEY, .values = "yes no" },
	{ "http-port", CMD_KEY },
	{ "old-port", CMD_KEY, .same_as = "http-port" },
	{ "backend", CMD_KEY, .values = "auto, netlink or iptables" },
	{ NULL },
};

static const struct cmd_arg print_args[] = {
	{ "detail", CMD_WORD }, { "stats", CMD_WORD },
	{ "where", CMD_WHERE }, { NULL },
};

static const struct cmd_arg items_args[] = {
	{ "N,...", CMD_ITEMS, true }, { "comment", CMD_KEY }, { NULL },
};

static const struct cmd_verb verbs[] = {
	{ MENU_UPNP, "print", .args = print_args },
	{ MENU_UPNP, "set", .args = set_args },
	{ MENU_UPNP, "monitor" },
	{ MENU_INTERFACES, "print", .args = print_args },
	{ MENU_INTERFACES, "set", .args = items_args },
	{ MENU_INTERFACES, "add", .args = set_args },
	{ MENU_MAPPINGS, "print", .args = print_args },
	{ MENU_MAPPINGS, "remove", .args = items_args },
	{ MENU_NATPMP, "print" },
	{ MENU_NATPMP, "set", .args = set_args },
	{ MENU_NAT, "print", .args = print_args },
	{ MENU_EVERY, "help" },
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

/* Call path_find(), with stderr in @stderr_text. Return: "PATH verb|arg|arg",
 * "PATH" for a path, or NULL */
static const char *find(enum menu menu, const char *words)
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
	status = path_find(&env, &menu, at, n, &cmd);
	dup2(err_fd, STDERR_FILENO);
	stderr_text[0] = '\0';
	if (status) {
		assert_int_equal(status, CMD_USAGE);
		got = read(err_pipe[0], stderr_text, sizeof(stderr_text) - 1);
		assert_true(got > 9);
		stderr_text[got] = '\0';
		memmove(stderr_text, stderr_text + 9, (size_t)got - 8);
		return NULL;
	}
	assert_ptr_equal(cmd.env, &env);
	assert_int_equal(cmd.menu, menu);
	menu_put_path(&w, menu);
	if (cmd.verb)
		wr_fmt(&w, " %s", cmd.verb->name);
	for (size_t i = 0; i < cmd.n; i++)
		wr_fmt(&w, "|%.*s", STR_F(cmd.arg[i]));
	return wr_cstr(&w);
}

#define FINDS(menu, words, want) \
	assert_string_equal(find(menu, words) ? find(menu, words) : \
			    stderr_text, want)
#define REFUSES(menu, words, why) do {					\
		assert_null(find(menu, words));				\
		assert_string_equal(stderr_text, why "\n");		\
	} while (0)

static void test_a_command_has_many_spellings(void **state)
{
	static const char *const same[] = {
		"interfaces print detail", "ip upnp interfaces print detail",
		"/ip upnp interfaces print detail",
		"/ip/upnp/interfaces/print detail",
		"/ip/upnp/interfaces print detail", "upnp int print detail",
		"/ip upnp interfaces/print detail", "int pr detail",
		"/ip upnp i p d", "//ip//upnp/interfaces/ print detail",
		"mappings/../interfaces print detail", ".. upnp i p de",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		FINDS(MENU_UPNP, same[i], "/ip/upnp/interfaces print|detail");
	FINDS(MENU_INTERFACES, "print detail",
	      "/ip/upnp/interfaces print|detail");
	FINDS(MENU_INTERFACES, "/ip upnp set ena=y", "/ip/upnp set|enabled=yes");
	FINDS(MENU_INTERFACES, ".. set enable=yes", "/ip/upnp set|enabled=yes");
	FINDS(MENU_INTERFACES, "../set enable=yes", "/ip/upnp set|enabled=yes");
}

static void test_paths_are_menus(void **state)
{
	FINDS(MENU_INTERFACES, "/ip upnp", "/ip/upnp");
	FINDS(MENU_UPNP, "/ip/upnp/interfaces", "/ip/upnp/interfaces");
	FINDS(MENU_UPNP, "int", "/ip/upnp/interfaces");
	FINDS(MENU_UPNP, "", "/ip/upnp");
	FINDS(MENU_UPNP, "/ip", "/ip");
	FINDS(MENU_MAPPINGS, "/", "/");
	FINDS(MENU_MAPPINGS, "..", "/ip/upnp");
	FINDS(MENU_MAPPINGS, "../..", "/ip");
	FINDS(MENU_MAPPINGS, ".. .. .. .. ..", "/");
	FINDS(MENU_ROOT, "ip", "/ip");
}

/* A menu that the current one does not have is one of those above it. */
static void test_menus_above_are_found(void **state)
{
	FINDS(MENU_MAPPINGS, "nat-pmp set ena=n", "/ip/nat-pmp set|enabled=no");
	FINDS(MENU_MAPPINGS, "ip upnp print", "/ip/upnp print");
	FINDS(MENU_MAPPINGS, "upnp", "/ip/upnp");
	FINDS(MENU_UPNP, "firewall nat print", "/ip/firewall/nat print");
	FINDS(MENU_UPNP, "fi na pr", "/ip/firewall/nat print");
	/* but no verb, and none after a path */
	REFUSES(MENU_MAPPINGS, "monitor", "there is no command \"monitor\" in "
		"/ip/upnp/mappings; there are: print, remove, help");
	REFUSES(MENU_UPNP, "mappings ip", "there is no command \"ip\" in "
		"/ip/upnp/mappings; there are: print, remove, help");
}

/* RouterOS has it beside /ip upnp. */
static void test_nat_pmp_has_the_interfaces_of_upnp(void **state)
{
	static const char *const same[] = {
		"/ip nat-pmp interfaces print", "/ip/nat-pmp/interfaces/print",
		"ip nat-pmp int pr", "nat-pmp interfaces print", "n i p",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		FINDS(MENU_UPNP, same[i], "/ip/nat-pmp/interfaces print");
	FINDS(MENU_NATPMP, "interfaces set 0 comment=x",
	      "/ip/nat-pmp/interfaces set|0|comment=x");
	REFUSES(MENU_UPNP, "/ip nat-pmp remove", "there is no command "
		"\"remove\" in /ip/nat-pmp; there are: print, set, help, "
		"interfaces");
}

static void test_unknown_words_are_explained(void **state)
{
	REFUSES(MENU_UPNP, "prunt",
		"there is no command \"prunt\"; did you mean print?");
	REFUSES(MENU_UPNP, "intrefaces print",
		"there is no command \"intrefaces\"; did you mean interfaces?");
	REFUSES(MENU_UPNP, "frob", "there is no command \"frob\"; there are: "
		"print, set, monitor, help, interfaces, mappings");
	REFUSES(MENU_UPNP, "m", "\"m\" is the beginning of several names: "
		"monitor, mappings");
	REFUSES(MENU_UPNP, "/interface bridge add", "there is no command "
		"\"interface\" in /; there are: help, ip");
	REFUSES(MENU_UPNP, "print/detail", "\"detail\" cannot follow "
		"\"print/\"; put a space between");
	assert_null(find(MENU_UPNP, "\x1b[2Jx"));
	assert_null(strchr(stderr_text, '\x1b'));
}

static void test_arguments_are_written_in_full(void **state)
{
	FINDS(MENU_UPNP, "set http=1 ha=n !ena", "/ip/upnp set|http-port=1|"
	      "hairpin=no|!enabled");
	FINDS(MENU_UPNP, "set old=2 back=ip", "/ip/upnp set|http-port=2|"
	      "backend=iptables");
	FINDS(MENU_UPNP, "set backend=x enabled=", "/ip/upnp set|backend=x|"
	      "enabled=");
	FINDS(MENU_UPNP, "print st wh a b=c detail", "/ip/upnp print|stats|a|"
	      "b=c|detail");
	FINDS(MENU_MAPPINGS, "remove 0,1 numbers=2 [find",
	      "/ip/upnp/mappings remove|0,1|2|[find");
	REFUSES(MENU_UPNP, "set h=1", "\"h\" is the beginning of several names: "
		"hairpin=, http-port=");
	REFUSES(MENU_UPNP, "set enabeld=yes", "there is no option \"enabeld\"; "
		"did you mean enabled?");
	REFUSES(MENU_UPNP, "set !x=1", "there is no option \"!x\"; set takes: "
		"enabled=, hairpin=, http-port=, backend=");
	REFUSES(MENU_UPNP, "set yes", "\"yes\" is not a setting; a setting is, "
		"for example, enabled=yes");
	REFUSES(MENU_UPNP, "set http-port", "\"http-port\" is not a setting; a "
		"setting is, for example, http-port=...");
	REFUSES(MENU_UPNP, "print detial", "there is no argument \"detial\"; "
		"did you mean detail?");
	REFUSES(MENU_UPNP, "print 7", "there is no argument \"7\"; print takes: "
		"detail, stats, where");
	REFUSES(MENU_UPNP, "print where", "where needs a term, such as: where "
		"disabled");
	REFUSES(MENU_UPNP, "monitor x",
		"monitor takes no argument, not \"x\"");
}

static void test_keys_and_values(void **state)
{
	struct cmd c = {
		.n = 3, .arg = { STR("a=1"), STR("b"), STR("c=x=y") },
		.kind = { CMD_KEY, CMD_WORD, CMD_KEY },
	};
	struct str v;

	assert_true(cmd_key(&c, "a", &v));
	assert_true(str_eq(v, STR("1")));
	assert_false(cmd_key(&c, "b", &v));
	assert_true(cmd_key(&c, "c", &v));
	assert_true(str_eq(v, STR("x=y")));
	assert_false(cmd_key(&c, "", &v));
	assert_true(cmd_word(&c, "b"));
	assert_false(cmd_word(&c, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_has_many_spellings),
		cmocka_unit_test(test_paths_are_menus),
		cmocka_unit_test(test_menus_above_are_found),
		cmocka_unit_test(test_nat_pmp_has_the_interfaces_of_upnp),
		cmocka_unit_test(test_unknown_words_are_explained),
		cmocka_unit_test(test_arguments_are_written_in_full),
		cmocka_unit_test(test_keys_and_values),
	};

	return cmocka_run_group_tests(tests, catch_stderr, NULL);
}
