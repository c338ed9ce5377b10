/* SPDX-License-Identifier: ISC */
/*
 * test_confopt.c - each option has a valid default, accepts its range and
 * refuses other values with a message.
 *
 * With an argument it prints the table, for tests/test_man.py: a row a line,
 * with tabs between table, name, kind, default and range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "conf/confopt.h"

/* The options of both tables are stored here. */
union base {
	struct conf conf;
	struct conf_iface iface;
};

static union base base, before;
static char text[512], why[512];

static int set(const struct confopt *o, struct str value)
{
	struct wr w = wr_init_cut(why, sizeof(why));
	int err;

	memcpy(&before, &base, sizeof(base));
	err = confopt_set(o, value, &base, &w);
	wr_cstr(&w);
	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_true(str_starts(str_z(why), str_z(confopt_name(o))));
		assert_memory_equal(&base, &before, sizeof(base));
	} else {
		assert_string_equal(why, "");
	}
	return err;
}

static struct str put(const struct confopt *o)
{
	struct wr w = wr_init(text, sizeof(text));

	confopt_put(o, &base, &w);
	return str_z(wr_cstr(&w));
}

static const char *range(const struct confopt *o)
{
	static char buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	confopt_range(o, &w);
	assert_false(w.over);
	return wr_cstr(&w);
}

typedef void (*row_fn)(bool of_iface, const struct confopt *);

static void each_row(row_fn fn)
{
	const struct confopt *o;

	for (int of_iface = 0; of_iface < 2; of_iface++)
		for (size_t i = 0; (o = confopt_at(of_iface, i)); i++) {
			memset(&base, 0, sizeof(base));
			confopt_defaults(of_iface, &base);
			fn(of_iface, o);
		}
}

static void check_default(bool of_iface, const struct confopt *o)
{
	char first[CONF_STR_MAX];
	union base whole = base;

	if (!strcmp(confopt_name(o), "type"))
		return;		/* has none, and must be set */
	assert_true(str_copy(first, sizeof(first), put(o)));
	assert_string_equal(first, confopt_default(o));
	assert_int_equal(set(o, str_z(first)), 0);
	assert_memory_equal(&base, &whole, sizeof(base));
	assert_true(*range(o));
}

static void check_find(bool of_iface, const struct confopt *o)
{
	assert_ptr_equal(confopt_find(of_iface, str_z(confopt_name(o))), o);
	assert_null(confopt_find(of_iface, STR("")));
	assert_null(confopt_find(!of_iface, str_z(confopt_name(o))));
}

static void test_each_option_is_found_and_has_a_default(void **state)
{
	size_t n = 0;

	each_row(check_find);
	each_row(check_default);
	while (confopt_at(false, n))
		n++;
	assert_true(n <= CONFOPT_MAX);
}

struct good {
	enum confopt_kind kind;
	const char *name, *value;
};

static const struct good good[] = {
	{ CONFOPT_BOOL, "hairpin", "yes" },
	{ CONFOPT_BOOL, "enabled", "no" },
	{ CONFOPT_NUMBER, "http-port", "0" },
	{ CONFOPT_NUMBER, "http-port", "65535" },
	{ CONFOPT_NUMBER, "upstream-bps", "4294967295" },
	{ CONFOPT_WORD, "backend", "iptables-nft" },
	{ CONFOPT_WORD, "igd-version", "1" },
	{ CONFOPT_WORD, "igd-version", "2" },
	{ CONFOPT_WORD, "igd-version", "both" },
	{ CONFOPT_WORD, "list-scope", "all" },
	{ CONFOPT_WORD, "status-page", "own" },
	{ CONFOPT_WORD, "status-page", "no" },
	{ CONFOPT_WORD, "log-level", "error" },
	{ CONFOPT_WORD, "log-level", "debug" },
	{ CONFOPT_WORD, "type", "internal" },
	{ CONFOPT_WORD, "type", "external" },
	{ CONFOPT_TEXT, "friendly-name", "#1 = a#b \xc3\xa4" },
	{ CONFOPT_TEXT, "manufacturer-url", "" },
	{ CONFOPT_TEXT, "state-dir", "/a b" },
	{ CONFOPT_TEXT, "uuid", "01234567-89ab-CDEF-0123-456789abcdef" },
	{ CONFOPT_TEXT, "uuid", "" },
	{ CONFOPT_TEXT, "nft-table", "inet  fw4" },
	{ CONFOPT_TEXT, "nft-table", "ip\tfilter" },
	{ CONFOPT_TEXT, "nft-forward-chain", "forward" },
	{ CONFOPT_TEXT, "nft-forward-chain", "" },
	{ CONFOPT_ADDRESS, "forced-ip", "198.51.100.7" },
	{ CONFOPT_ADDRESS, "forced-ip", "" },
	{ CONFOPT_NETWORKS, "network", "172.31.0.0/16" },
	{ CONFOPT_NETWORKS, "network", "10.0.0.0/8,fc00::/7,192.0.2.1/32" },
	{ CONFOPT_NETWORKS, "network", "8.8.8.0/24,2001:db8:ffff:ffff::/64" },
	{ CONFOPT_NETWORKS, "network", "" },
	{ CONFOPT_NETWORKS, "pcp-third-party", "192.168.88.10/32" },
	{ CONFOPT_NETWORKS, "pcp-third-party", "192.168.88.0/24,fd00::/8" },
	{ CONFOPT_NETWORKS, "pcp-third-party", "" },
};

static const struct confopt *find(const char *key)
{
	const struct confopt *o = confopt_find(false, str_z(key));

	return o ? o : confopt_find(true, str_z(key));
}

static void test_valid_values_are_read_back(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct confopt *o = find(good[i].name);

		assert_int_equal(confopt_kind(o), good[i].kind);
		memset(&base, 0, sizeof(base));
		assert_int_equal(set(o, str_z(good[i].value)), 0);
		assert_true(str_eq(put(o), str_z(good[i].value)));
	}
}

/* A file of a former version is accepted; the current word is written. */
static void test_former_backend_is_accepted(void **state)
{
	const struct confopt *o = find("backend");

	assert_int_equal(set(o, STR("nft")), 0);
	assert_true(str_eq(put(o), STR("netlink")));
	assert_string_equal(base.conf.backend, "netlink");
	assert_null(strstr(range(o), ", nft"));
	assert_true(str_eq(confopt_current(o, STR("nft")), STR("netlink")));
	assert_true(str_eq(confopt_current(o, STR("auto")), STR("auto")));
	o = find("friendly-name");
	assert_true(str_eq(confopt_current(o, STR("nft")), STR("nft")));
}

/* Values that no option of a kind accepts, and the message for the last one. */
static const char *const bad_bool[] = { "", "maybe", "Yes", "1", "yes no",
					NULL };
static const char *const bad_number[] = { "", "-1", "+1", "1x", "0x1", "1 2",
					  "4294967296", "18446744073709551616",
					  NULL };
static const char *const bad_word[] = { "", "x", "auto nft", NULL };
static const char *const bad_text[] = { "a\x01", "a\nb", "a\rb", " a", "a ",
					"a #b", "\x7f", NULL };
static const char *const bad_address[] = { "1.2.3", "1.2.3.4.5", "224.0.0.1",
					   "0.0.0.0", "127.0.0.1", "01.2.3.4",
					   "x", NULL };
static const char *const bad_networks[] = {
	"x", "172.31.0.0/33", "172.31.0.1/16", "172.31.0.0/", "172.31.0.0 /16",
	"172.31.0.0/16,", ",172.31.0.0/16", "172.31.0.0/16 10.0.0.0/8",
	/* networks that are larger than a LAN, or have no hosts */
	"0.0.0.0/0", "::/0", "0.0.0.0/8", "10.0.0.0/7", "fc00::/6", "2000::/3",
	"127.0.0.0/8", "224.0.0.0/8", "240.0.0.0/8", "255.255.255.255/32",
	"169.254.0.0/16", "169.254.7.0/24", "fe80::/10", "fe80::/64",
	"169.0.0.0/8", "fe00::/7", "fe00::/8",
	"ff00::/8", "::/96", "::1/128", "::ffff:10.0.0.0/104",
	"10.1.0.0/16,10.2.0.0/16,10.3.0.0/16,10.4.0.0/16,10.5.0.0/16,"
	"10.6.0.0/16,10.7.0.0/16,10.8.0.0/16,10.9.0.0/16",
	NULL
};
static const char *const *const bad[] = {
	[CONFOPT_BOOL] = bad_bool, [CONFOPT_NUMBER] = bad_number,
	[CONFOPT_WORD] = bad_word, [CONFOPT_TEXT] = bad_text,
	[CONFOPT_ADDRESS] = bad_address, [CONFOPT_NETWORKS] = bad_networks,
};

static void check_refuses(bool of_iface, const struct confopt *o)
{
	const char *const *v = bad[confopt_kind(o)];

	for (; *v; v++)
		if (!set(o, str_z(*v)))
			fail_msg("%s accepted \"%s\"", confopt_name(o), *v);
	if (confopt_kind(o) == CONFOPT_TEXT)
		return;
	/* every message ends with the values that are accepted */
	assert_true(strlen(why) > strlen(range(o)));
	assert_string_equal(why + strlen(why) - strlen(range(o)), range(o));
}

static void test_invalid_values_are_refused(void **state)
{
	each_row(check_refuses);
}

/* One below and one above the range of each number. */
static void check_ends(bool of_iface, const struct confopt *o)
{
	unsigned long long lo, hi;
	char number[24];

	if (confopt_kind(o) != CONFOPT_NUMBER)
		return;
	assert_int_equal(sscanf(range(o), "%llu to %llu", &lo, &hi), 2);
	for (unsigned i = 0; i < 4; i++) {
		bool out = i == 0 || i == 3;
		unsigned long long v = i < 2 ? lo : hi;

		if (i == 0 && lo == 0)
			continue;
		v += i == 3;
		v -= i == 0;
		snprintf(number, sizeof(number), "%llu", v);
		assert_int_equal(set(o, str_z(number)), out ? -EINVAL : 0);
		if (!out)
			assert_string_equal(put(o).p, number);
	}
}

static void test_number_ranges_have_exact_ends(void **state)
{
	each_row(check_ends);
}

struct wrong {
	const char *name, *value, *says;
};

#define NINE	"/abcdefgh"

static const struct wrong wrong[] = {
	{ "control-socket", NINE NINE NINE NINE NINE NINE NINE NINE NINE NINE
			    NINE NINE,	/* 108 bytes: the NUL has no room */
	  "control-socket is \"/abcdefgh" },
	{ "http-port", "x",
	  "http-port is \"x\"; it takes a number from 0 to 65535" },
	{ "enabled", "1", "enabled is \"1\"; it takes yes or no" },
	{ "list-scope", "1", "list-scope is \"1\"; it takes one of: own, all" },
	{ "status-page", "yes",
	  "status-page is \"yes\"; it takes one of: own, all, no" },
	{ "igd-version", "3",
	  "igd-version is \"3\"; it takes one of: 1, 2, both" },
	{ "state-dir", "var", "state-dir is \"var\"; it takes an absolute path "
			      "of up to 127 bytes" },
	{ "state-dir", "/", "state-dir is \"/\"; it takes an absolute path" },
	{ "user", "", "user is \"\"; it takes 1 to 127 printable bytes" },
	{ "user", "a\tb", "user is \"a?b\"; it takes 1 to 127 printable" },
	{ "user", "a\x1b[2J", "user is \"a?[2J\"; it takes no control "
			      "character, no space at an end and no # after "
			      "a space" },
	{ "uuid", "01234567-89ab-cdef-0123-456789abcdeg", "uuid is \"0" },
	{ "uuid", "01234567x89ab-cdef-0123-456789abcdef", "uuid is \"0" },
	{ "nft-table", "fw4", "nft-table is \"fw4\"; it takes a family" },
	{ "nft-table", "bridge fw4", "nft-table is" },
	{ "nft-table", "inet fw4 x", "nft-table is" },
	{ "nft-table", "inet a;b", "nft-table is" },
	{ "nft-forward-chain", "a b", "nft-forward-chain is \"a b\"; it takes "
				      "a chain" },
	{ "forced-ip", "x", "forced-ip is \"x\"; it takes an IPv4 address" },
};

static void test_longest_socket_path_is_accepted(void **state)
{
	struct wr w = wr_init(why, sizeof(why));

	memset(&base, 0, sizeof(base));
	assert_int_equal(confopt_set(
		confopt_find(false, STR("control-socket")),
		STR(NINE NINE NINE NINE NINE NINE NINE NINE NINE NINE NINE
		    "/abcdefg"), &base, &w), 0);
}

static void test_message_lists_the_accepted_values(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct wrong *x = &wrong[i];

		memset(&base, 0x5a, sizeof(base));
		assert_int_equal(set(find(x->name), str_z(x->value)), -EINVAL);
		if (!str_starts(str_z(why), str_z(x->says)))
			fail_msg("said: %s\nwanted: %s", why, x->says);
	}
}

static void test_too_long_values_are_refused(void **state)
{
	char z[CONF_STR_MAX + 1], table[CONF_STR_MAX + 1];

	memset(z, 'a', sizeof(z));
	memset(table, ' ', sizeof(table));
	memcpy(table, "ip", 2);
	table[CONF_STR_MAX - 1] = 't';
	memset(&base, 0, sizeof(base));
	assert_int_equal(set(find("user"), (struct str){ z, 127 }), 0);
	assert_int_equal(set(find("user"), (struct str){ z, 128 }), -EINVAL);
	assert_true(strlen(why) < 200);
	assert_non_null(strstr(why, "aaa...\"; it takes 1 to 127"));
	z[0] = '/';
	assert_int_equal(set(find("pid-file"), (struct str){ z, 127 }), 0);
	assert_int_equal(set(find("pid-file"), (struct str){ z, 128 }),
			 -EINVAL);
	assert_int_equal(set(find("nft-table"), (struct str){ table, 128 }),
			 -EINVAL);
}

/* "type" has no value at first. */
static void test_type_has_no_default(void **state)
{
	memset(&base, 0, sizeof(base));
	confopt_defaults(true, &base);
	assert_int_equal(base.iface.type, 0);
	assert_int_equal(put(find("type")).n, 0);
	assert_int_equal(set(find("type"), STR("external")), 0);
	assert_int_equal(base.iface.type, CONF_EXTERNAL);
}

static void print_row(bool of_iface, const struct confopt *o)
{
	static const char *const kinds[] = {
		[CONFOPT_BOOL] = "bool", [CONFOPT_NUMBER] = "number",
		[CONFOPT_WORD] = "word", [CONFOPT_TEXT] = "text",
		[CONFOPT_ADDRESS] = "address", [CONFOPT_NETWORKS] = "networks",
	};

	printf("%s\t%s\t%s\t%s\t%s\n", of_iface ? "interface" : "whole",
	       confopt_name(o), kinds[confopt_kind(o)], confopt_default(o),
	       range(o));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_option_is_found_and_has_a_default),
		cmocka_unit_test(test_valid_values_are_read_back),
		cmocka_unit_test(test_former_backend_is_accepted),
		cmocka_unit_test(test_invalid_values_are_refused),
		cmocka_unit_test(test_number_ranges_have_exact_ends),
		cmocka_unit_test(test_message_lists_the_accepted_values),
		cmocka_unit_test(test_longest_socket_path_is_accepted),
		cmocka_unit_test(test_too_long_values_are_refused),
		cmocka_unit_test(test_type_has_no_default),
	};

	if (argc > 1) {
		each_row(print_row);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
