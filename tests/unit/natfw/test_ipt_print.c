/* SPDX-License-Identifier: ISC */
/*
 * test_ipt_print.c - each change of a table of legacy iptables changes the
 * fingerprint, and nothing else does. The kernel and the tools are real, in a
 * network namespace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/wr.h"
#include "natfw/ipt_print.h"
#include "sys/caps.h"
#include "sys/proc.h"

#define BUF_MAX (1 << 20)

static void *buf;
static struct str input;

static size_t fill(void *arg, char *to, size_t cap)
{
	size_t n = input.n < cap ? input.n : cap;

	memcpy(to, input.p, n);
	input = str_skip(input, n);
	return n;
}

static void restore(const char *tool, const char *text)
{
	const char *const argv[] = { tool, "-w", NULL };
	struct proc proc = { .argv = argv, .fill = fill, .deadline_ms = 60000 };

	input = str_z(text);
	if (proc_run(&proc))
		fail_msg("%s: %s", tool, proc.err);
}

/* Run a program with these words. */
static int run(const char *words)
{
	char copy[256], *save = NULL;
	const char *argv[32] = { 0 };
	struct proc proc = { .argv = argv, .deadline_ms = 60000 };
	size_t n = 0;

	str_copy(copy, sizeof(copy), str_z(words));
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return proc_run(&proc);
}

static struct ipt_print print(int family)
{
	struct ipt_print ret = ipt_print_read(family, buf, BUF_MAX);

	assert_true(ret.known);
	return ret;
}

/* A namespace without tables. */
static void begin(const char *tool)
{
	if (unshare(CLONE_NEWNET) || !proc_exists(tool)) {
		print_message("no network namespace, or no %s: skipped\n",
			      tool);
		skip();
	}
}

static const struct variant {
	int family;
	const char *tool, *address;
} variants[] = {
	{ AF_INET, "iptables-legacy", "192.0.2.1" },
	{ AF_INET6, "ip6tables-legacy", "2001:db8::1" },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define VARIANTS COUNT(variants)
#define RULES \
	"*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:own -\n" \
	"-A FORWARD -i lan0 -j ACCEPT\n-A FORWARD -j own\n" \
	"-A own -p tcp -m tcp --dport 80 -j ACCEPT\n" \
	"-A own -p tcp -m tcp --dport 81 -j ACCEPT\nCOMMIT\n"

static void assert_changes(const struct variant *v, const char *words)
{
	char line[256];
	struct wr w = wr_init(line, sizeof(line));
	struct ipt_print before = print(v->family), after;

	wr_fmt(&w, "%s -w %s", v->tool, words);
	assert_int_equal(run(wr_cstr(&w)), 0);
	after = print(v->family);
	if (ipt_print_same(&before, &after))
		fail_msg("not noticed: %s", line);
}

/* Which tables there are is not known, so there may be some. */
static void test_unreadable_list_is_not_an_empty_one(void **state)
{
	struct rlimit before, none;
	struct ipt_print p;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	p = ipt_print_read(AF_INET, buf, BUF_MAX);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(p.known);
}

static void test_each_change_is_seen(void **state)
{
	static const char *const changes[] = {
		"-A own -j RETURN", "-R own 3 -j DROP", "-D own 3",
		"-R own 2 -p tcp -m tcp --dport 82 -j ACCEPT",
		"-R own 2 -p tcp -m tcp --dport 82 -j DROP",
		"-R own 2 -p udp -m udp --dport 82 -j DROP",
		"-I FORWARD 1 -j DROP", "-D FORWARD 1",
		"-R FORWARD 1 -i lan1 -j ACCEPT",
		"-R FORWARD 1 ! -i lan1 -j ACCEPT",
		"-P FORWARD ACCEPT", "-N other", "-E other another",
		"-R FORWARD 2 -j another", "-D FORWARD 2", "-F own", "-X own",
		"-F", "-t nat -A POSTROUTING -o wan0 -j MASQUERADE",
		"-t nat -F", "-t raw -S",
	};
	char tool[64];

	for (size_t i = 0; i < VARIANTS; i++) {
		struct wr w = wr_init(tool, sizeof(tool));
		struct ipt_print none, some;

		begin(variants[i].tool);
		none = print(variants[i].family);
		assert_false(none.any);
		wr_fmt(&w, "%s-restore", variants[i].tool);
		restore(wr_cstr(&w), RULES);
		some = print(variants[i].family);
		assert_true(some.any);
		assert_false(ipt_print_same(&none, &some));
		for (size_t k = 0; k < sizeof(changes) / sizeof(*changes); k++)
			assert_changes(&variants[i], changes[k]);
	}
}

#define OUR_RULES \
	"*filter\n:FORWARD DROP\n:UPNPD -\n:UPNPD-tcp-1 -\n:VPN -\n" \
	":zone -\n-A FORWARD -j VPN\n-A FORWARD -j UPNPD\n" \
	"-A FORWARD -g zone\n-A VPN -j zone\n-A zone -j DROP\n" \
	"-A UPNPD -j UPNPD-tcp-1\n" \
	"-A UPNPD-tcp-1 -p tcp -m tcp --dport 80 -j ACCEPT\nCOMMIT\n" \
	"*nat\n:UPNPD -\n-A UPNPD -j RETURN\nCOMMIT\n"

/* Our chains are before those of others, which move in the kernel's table when
 * rules of ours come and go, and so do the targets of jumps. */
static void test_our_rules_count_apart(void **state)
{
	static const char *const ours[] = {
		"-A UPNPD-tcp-1 -p tcp -m tcp --dport 81 -j ACCEPT",
		"-N UPNPD-udp-1", "-A UPNPD -j UPNPD-udp-1",
		"-R UPNPD-tcp-1 1 -p tcp -m tcp --dport 82 -j ACCEPT",
		"-R UPNPD 2 -j UPNPD-tcp-1", "-D UPNPD 2", "-F UPNPD-tcp-1",
		"-t nat -I UPNPD -p udp -m udp --dport 81 -j RETURN",
		"-t nat -D UPNPD 2",
	}, *const theirs[] = {
		"-R FORWARD 1 -j zone", "-R FORWARD 3 -j zone",
		"-R FORWARD 2 -j RETURN", "-R FORWARD 2 -j UPNPD",
		"-E VPN VPM", "-R VPM 1 -j RETURN", "-R zone 1 -j ACCEPT",
		"-P FORWARD ACCEPT", "-I FORWARD 2 -j ACCEPT",
	};
	char line[256];

	for (size_t i = 0; i < VARIANTS; i++) {
		const struct variant *v = &variants[i];
		struct ipt_print before, after;
		struct wr w = wr_init(line, sizeof(line));

		begin(v->tool);
		wr_fmt(&w, "%s-restore", v->tool);
		restore(wr_cstr(&w), OUR_RULES);
		before = print(v->family);
		for (size_t k = 0; k < COUNT(ours); k++, before = after) {
			assert_changes(v, ours[k]);
			after = print(v->family);
			if (after.hash != before.hash)
				fail_msg("a change of others: %s", ours[k]);
			assert_int_not_equal(after.own, before.own);
			before.own_known = false;
			assert_int_equal(ipt_print_same(&before, &after),
					 before.entries == after.entries);
		}
		for (size_t k = 0; k < COUNT(theirs); k++, before = after) {
			assert_changes(v, theirs[k]);
			after = print(v->family);
			if (after.hash == before.hash)
				fail_msg("not noticed: %s", theirs[k]);
			if (after.own != before.own)
				fail_msg("ours changed: %s", theirs[k]);
		}
		after = ipt_print_read(v->family, NULL, 0);
		assert_true(after.known && !after.own_known);
		assert_int_equal(after.entries, before.entries);
	}
}

/* A rule is one entry, a chain two. */
static void test_entries_are_counted(void **state)
{
	struct ipt_print p;

	begin("iptables-legacy");
	restore("iptables-legacy-restore", RULES);
	p = print(AF_INET);
	assert_int_equal(p.entries, 3 + 1 + 2 + 4);
	assert_int_equal(run("iptables-legacy -w -N other"), 0);
	assert_int_equal(print(AF_INET).entries, p.entries + 2);
	assert_int_equal(run("iptables-legacy -w -A other -j DROP"), 0);
	assert_int_equal(print(AF_INET).entries, p.entries + 3);
	assert_int_equal(run("iptables-legacy -w -t nat -S"), 0);
	assert_int_equal(print(AF_INET).entries, p.entries + 3 + 5);
}

/* Counters change with each packet, and the tool writes an unchanged table
 * as a new one. */
static void test_same_rules_are_the_same(void **state)
{
	struct ipt_print before, after;

	begin("iptables-legacy");
	assert_int_equal(run("ip link set lo up"), 0);
	restore("iptables-legacy-restore", RULES);
	before = print(AF_INET);
	assert_int_equal(run("iptables-legacy -w -A own -j DROP"), 0);
	assert_int_equal(run("iptables-legacy -w -D own 3"), 0);
	after = print(AF_INET);
	assert_true(ipt_print_same(&before, &after));
	assert_int_equal(run("iptables-legacy -w -t filter -Z INPUT"), 0);
	for (int i = 0; i < 3; i++) {
		const struct sockaddr_in to = {
			.sin_family = AF_INET, .sin_port = htons(9),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		assert_int_equal(sendto(fd, "x", 1, 0,
					(const struct sockaddr *)&to,
					sizeof(to)), 1);
		close(fd);
	}
	after = print(AF_INET);
	assert_true(ipt_print_same(&before, &after));
}

/* Then only the number and the size of its rules count. */
static void test_table_that_does_not_fit(void **state)
{
	static uint64_t small[16];
	struct ipt_print before, after;

	begin("iptables-legacy");
	restore("iptables-legacy-restore", RULES);
	before = ipt_print_read(AF_INET, small, sizeof(small));
	assert_true(before.known);
	assert_int_equal(run("iptables-legacy -w -F own"), 0);
	after = ipt_print_read(AF_INET, small, sizeof(small));
	assert_true(after.known);
	assert_false(ipt_print_same(&before, &after));
}

/* The monitor has only two capabilities left. */
static void test_works_with_the_monitors_capabilities(void **state)
{
	struct ipt_print before, after;

	begin("iptables-legacy");
	restore("iptables-legacy-restore", RULES);
	before = print(AF_INET);
	assert_int_equal(caps_cut(), 0);
	after = print(AF_INET);
	assert_true(ipt_print_same(&before, &after));
	assert_int_equal(caps_drop(), 0);
	after = ipt_print_read(AF_INET, buf, BUF_MAX);
	assert_false(ipt_print_same(&after, &after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreadable_list_is_not_an_empty_one),
		cmocka_unit_test(test_each_change_is_seen),
		cmocka_unit_test(test_our_rules_count_apart),
		cmocka_unit_test(test_entries_are_counted),
		cmocka_unit_test(test_same_rules_are_the_same),
		cmocka_unit_test(test_table_that_does_not_fit),
		/* the last one, because the rights do not come back */
		cmocka_unit_test(test_works_with_the_monitors_capabilities),
	};

	buf = mem_new(1, BUF_MAX);
	assert_non_null(buf);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
