/* SPDX-License-Identifier: ISC */
/*
 * test_ipt_tool.c - a kind of chains gets the programs of its own name, or the
 * plain ones if -V shows that they are its variant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "natfw/ipt_tool.h"
#include "sys/fileio.h"
#include "sys/proc.h"

static const char *installed;	/* "iptables-save iptables-restore ..." */
static const char *version;	/* the output of iptables-save -V */
static int version_rc;
static unsigned runs;
static const char *names;	/* of the kernel's tables; NULL: none */
static bool ip6;

bool proc_exists(const char *name)
{
	struct str rest = str_z(installed), word;

	/* the list names those of IPv4 */
	if (ip6 != !strncmp(name, "ip6", 3))
		return false;
	while (str_word(&rest, &word))
		if (str_eq(str_skip(word, 2), str_z(name + (ip6 ? 3 : 2))))
			return true;
	return false;
}

int proc_run(struct proc *p)
{
	assert_string_equal(p->argv[0],
			    ip6 ? "ip6tables-save" : "iptables-save");
	assert_string_equal(p->argv[1], "-V");
	assert_null(p->argv[2]);
	assert_null(p->fill);
	runs++;
	p->line(p->arg, str_z(version));
	return version_rc;
}

int __wrap_fileio_read(int dir_fd, const char *path, int flags, char *buf,
		       size_t cap, struct str *ret);
int __wrap_fileio_read(int dir_fd, const char *path, int flags, char *buf,
		       size_t cap, struct str *ret)
{
	assert_string_equal(path, ip6 ? "/proc/net/ip6_tables_names" :
					"/proc/net/ip_tables_names");
	*ret = (struct str){ buf, names ? strlen(names) : 0 };
	assert_true(ret->n <= cap);
	memcpy(buf, names ? names : "", ret->n);
	return names ? 0 : -ENOENT;
}

#define OWN_NFT		"iptables-nft-save iptables-nft-restore "
#define OWN_LEGACY	"iptables-legacy-save iptables-legacy-restore "
#define PLAIN		"iptables-save iptables-restore "

/* Each in a process of its own, because it remembers. */
static void check(enum ruleset_kind kind, const char *want)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		for (int i = 0; i < 3; i++) {
			const struct ipt_tool *t = ipt_tool_of(kind, ip6);

			if (!want) {
				if (t)
					_exit(1);
				continue;
			}
			if (!t || strcmp(t->save + (ip6 ? 3 : 2), want + 2) ||
			    strncmp(t->save, ip6 ? "ip6t" : "ipt", ip6 ? 4 : 3) ||
			    strncmp(t->save, t->restore, strlen(want) - 4))
				_exit(1);
		}
		/* found once, it asks no more */
		_exit(want && runs > 1 ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

struct row {
	const char *installed, *version;
	int rc;
	const char *nft, *legacy;
};

static void check_row(const struct row *t)
{
	installed = t->installed;
	version = t->version;
	version_rc = t->rc;
	check(RULESET_IPT_NFT, t->nft);
	check(RULESET_IPT_LEGACY, t->legacy);
	check(RULESET_NATIVE, NULL);
}

static void test_each_kind_has_its_programs(void **state)
{
	static const struct row t[] = {
		{ OWN_NFT OWN_LEGACY PLAIN, "iptables-save v1.8.9 (nf_tables)",
		  0, "iptables-nft-save", "iptables-legacy-save" },
		{ PLAIN, "iptables-save v1.8.9 (nf_tables)", 0,
		  "iptables-save", NULL },
		{ PLAIN, "iptables-save v1.8.9 (legacy)", 0, NULL,
		  "iptables-save" },
		{ PLAIN, "iptables-save v1.6.1", 1, NULL, "iptables-save" },
		{ PLAIN OWN_NFT, "iptables-save v1.8.7 (legacy)", 0,
		  "iptables-nft-save", "iptables-save" },
		{ PLAIN, "", -ETIMEDOUT, NULL, NULL },
		{ "iptables-save iptables-nft-restore iptables-legacy-save",
		  "iptables-save v1.8.9 (nf_tables)", 0, NULL, NULL },
		{ "", "", 0, NULL, NULL },
	};

	for (size_t i = 0; i < 2 * sizeof(t) / sizeof(*t); i++) {
		ip6 = i >= sizeof(t) / sizeof(*t);
		check_row(&t[i % (sizeof(t) / sizeof(*t))]);
	}
	ip6 = false;
}

static void test_plain_is_asked_for_its_variant(void **state)
{
	installed = "";
	assert_int_equal(ipt_tool_plain(), RULESET_KINDS);
	installed = PLAIN;
	version = "iptables-save v1.8.9 (nf_tables)";
	version_rc = 0;
	assert_int_equal(ipt_tool_plain(), RULESET_IPT_NFT);
	version = "iptables-save v1.8.9 (legacy)";
	assert_int_equal(ipt_tool_plain(), RULESET_IPT_LEGACY);
	version = "";
	assert_int_equal(ipt_tool_plain(), RULESET_IPT_LEGACY);
}

static void check_tables(void)
{
	names = NULL;
	assert_false(ipt_tool_has_table("filter", ip6));
	assert_false(ipt_tool_has_table(NULL, ip6));
	names = "";
	assert_false(ipt_tool_has_table(NULL, ip6));
	names = "mangle\nfilter\n";
	assert_true(ipt_tool_has_table("filter", ip6));
	assert_false(ipt_tool_has_table("nat", ip6));
	assert_false(ipt_tool_has_table("filte", ip6));
	names = "nat";
	assert_true(ipt_tool_has_table("nat", ip6));
	assert_true(ipt_tool_has_table(NULL, ip6));
}

static void test_tables_of_the_kernel(void **state)
{
	check_tables();
	ip6 = true;
	check_tables();
	ip6 = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_has_its_programs),
		cmocka_unit_test(test_plain_is_asked_for_its_variant),
		cmocka_unit_test(test_tables_of_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
