/* SPDX-License-Identifier: ISC */
/*
 * test_candidate.c - upnpctl does not write a configuration that the daemon
 * would refuse; of missing interfaces it warns.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "upnpctl/candidate.h"

#define EXT_NAMED(name) "[interface " name "]\ntype = external\n"
#define EXT "[interface wan0]\ntype = external\n"
#define INT "[interface lan0]\ntype = internal\n"
#define ON "enabled = yes\n"
#define OFF "disabled = yes\n"

static struct confedit was, now;
static struct conf conf;
static struct conf_error why;

static void put(struct confedit *e, const char *text)
{
	e->len = strlen(text);
	memcpy(e->text, text, e->len);
}

/* Return: "" if @after may replace @before, else the error */
static const char *check(const char *before, const char *after)
{
	int err;

	put(&was, before);
	put(&now, after);
	memset(&conf, 0, sizeof(conf));
	err = candidate_check(&was, &now, "FILE", &conf, &why);
	if (!err)
		return "";
	assert_int_equal(err, -EINVAL);
	assert_int_equal(conf.max_lease, 0);	/* untouched */
	return why.text;
}

static void test_valid_file_is_accepted(void **state)
{
	assert_string_equal(check("", ""), "");
	assert_string_equal(check("", ON EXT INT), "");
	assert_true(conf.enabled);
	assert_int_equal(conf.iface_n, 2);
	/* errors of the old file do not matter */
	assert_string_equal(check("x", ON EXT INT), "");
}

static void test_errors_name_the_command_that_fixes_them(void **state)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ EXT EXT_NAMED("wan1") EXT_NAMED("wan2") EXT_NAMED("wan3")
		  EXT_NAMED("wan4"),
		  "wan4 would be external interface number 5, and 4 may be "
		  "enabled; disable or remove one: interfaces disable wan4" },
		{ INT "forced-ip = 1.2.3.4\n",
		  "interface lan0 is internal and has a forced-ip; only "
		  "external ones may have it" },
		{ "[interface a]\n", "interface a has no type; set it: "
				     "interfaces set a type=internal, or "
				     "external" },
		{ "nft-table = inet fw4\n", "nft-table and nft-forward-chain "
					    "go together; set both or none" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(check("", t[i].text), t[i].why);
}

/* Errors that the menu has no text for are reported by the parser, with the
 * lines of the file. */
static void test_other_errors_name_the_line(void **state)
{
	assert_memory_equal(check("\n\nfoo = 1\n", "\nfoo = 1\n"),
			    "FILE:3: ", 8);
	assert_memory_equal(check("", "\nfoo = 1\n"), "FILE:2: ", 8);
}

/* The daemon waits for the interfaces that are missing. */
static void test_missing_interfaces_are_a_warning(void **state)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ ON, "nothing is served until there is an external interface; "
		      "add it: interfaces add interface=NAME type=external "
		      "disabled=no" },
		{ ON EXT OFF INT, "nothing is served until an external "
				  "interface is enabled: interfaces enable "
				  "wan0" },
		{ ON EXT, "nothing is served until there is an internal "
			  "interface; add it: interfaces add interface=NAME "
			  "type=internal disabled=no" },
		{ ON EXT INT OFF, "nothing is served until an internal "
				  "interface is enabled: interfaces enable "
				  "lan0" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_string_equal(check("", t[i].text), "");
		assert_true(conf.enabled && candidate_waits(&conf, &why));
		assert_string_equal(why.text, t[i].why);
	}
	assert_string_equal(check(ON, ON EXT INT), "");
	assert_false(candidate_waits(&conf, &why));
	assert_string_equal(check(ON, ""), "");
	assert_false(candidate_waits(&conf, &why));
}

static void test_read_reports_an_error(void **state)
{
	put(&now, "");
	assert_int_equal(candidate_read(&now, "F", &conf, &why), 0);
	assert_false(conf.enabled);
	put(&now, ON "foo\n");
	assert_int_equal(candidate_read(&now, "F", &conf, &why), -EINVAL);
	assert_memory_equal(why.text, "F:2: ", 5);
}

static void test_draft_skips_invalid_lines(void **state)
{
	put(&now, "foo\nhttp-port = 5 # x\nmax-lease = y\n[x]\nhttp-port = 6\n"
		  "[interface a]\ntype = internal\ntype = z\n"
		  "[interface a-name-that-is-too-long]\ntype = external\n"
		  "[interface b]\ndisabled = yes");
	candidate_draft(&now, &conf);
	assert_int_equal(conf.http_port, 5);
	assert_int_equal(conf.max_lease, 604800);
	assert_int_equal(conf.iface_n, 2);
	assert_string_equal(conf.iface[0].name, "a");
	assert_int_equal(conf.iface[0].type, CONF_INTERNAL);
	assert_string_equal(conf.iface[1].name, "b");
	assert_true(conf.iface[1].disabled);
	now.len = 0;
	for (int i = 0; i < 40; i++)
		now.len += (size_t)snprintf(now.text + now.len, 32,
					    "[interface i%d]\n", i);
	candidate_draft(&now, &conf);
	assert_int_equal(conf.iface_n, CONF_IFACES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_file_is_accepted),
		cmocka_unit_test(test_errors_name_the_command_that_fixes_them),
		cmocka_unit_test(test_other_errors_name_the_line),
		cmocka_unit_test(test_missing_interfaces_are_a_warning),
		cmocka_unit_test(test_read_reports_an_error),
		cmocka_unit_test(test_draft_skips_invalid_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
