/* SPDX-License-Identifier: ISC */
/*
 * test_natfw.c - the table and its batches against a backend that fails on
 * demand; the texts of iptables.c and nft.c against a tool that is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The backends once more, with another proc_run() under them. */
#define proc_run fake_run
#define proc_exists fake_exists
#define natfw_iptables unit_iptables
#define natfw_iptables_legacy unit_iptables_legacy
#define natfw_iptables_nft unit_iptables_nft
#define natfw_nft unit_nft
#include "natfw/iptables.c"
#include "natfw/nft.c"
#undef natfw_iptables
#undef natfw_iptables_legacy
#undef natfw_iptables_nft
#undef natfw_nft

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define EXT	0xcb007107u	/* 203.0.113.7 */
#define HOST(n)	(0xc0a85800u + (n))	/* 192.168.88.n */
#define PEER	0xc6336409u	/* 198.51.100.9 */

static struct nat_rule rule(uint8_t proto, uint32_t remote, uint16_t ext,
			    uint32_t client, uint16_t port)
{
	return (struct nat_rule){
		.client.ip = client, .remote.ip = remote, .ext_port = ext,
		.int_port = port, .kind = NAT_PORTMAP, .proto = proto,
	};
}

static struct nat_rule tcp(uint16_t ext, uint32_t client, uint16_t port)
{
	return rule(IPPROTO_TCP, 0, ext, client, port);
}

static struct nat_op set(struct nat_rule r)
{
	return (struct nat_op){ .rule = r, .verb = NAT_SET };
}

static struct nat_op del(struct nat_rule r)
{
	r.client.ip = 0;
	r.int_port = 0;
	return (struct nat_op){ .rule = r, .verb = NAT_DEL };
}

static struct natfw_env env_of(uint32_t ext_ip)
{
	return (struct natfw_env){
		.ext_if = "wan0", .ext_ip = ext_ip, .net_n = 2,
		.net = { { "lan0", HOST(1), 0xffffff00 },
			 { "lan1", 0x0a000001, 0xff000000 } },
	};
}

static uint32_t dice(uint32_t n)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/* ---- a backend that fails on demand -------------------------------- */

#define KERNEL_MAX 1024

static struct {
	struct nat_rule kernel[KERNEL_MAX];
	size_t n;
	int open_rc, verify_rc;
	int apply_fail, sync_fail;	/* how many more times */
	int rc;				/* and with what */
	uint16_t bad_port;		/* no rule with it is ever taken */
	unsigned applies, syncs, closes;
} fake;

static bool fake_usable(const struct natfw_env *env)
{
	return true;
}

static int fake_open(struct natfw *fw, const struct natfw_env *env)
{
	return fake.open_rc;
}

static size_t kernel_find(const struct nat_rule *key)
{
	size_t i;

	for (i = 0; i < fake.n; i++)
		if (nat_rule_same_key(&fake.kernel[i], key))
			break;
	return i;
}

static void kernel_do(const struct nat_op *op)
{
	size_t i = kernel_find(&op->rule);

	if (op->verb == NAT_SET) {
		fake.kernel[i] = op->rule;
		fake.n += i == fake.n;
	} else {
		assert_true(i < fake.n);	/* a real one would fail */
		fake.kernel[i] = fake.kernel[--fake.n];
	}
}

static int fake_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	size_t i, j;

	fake.applies++;
	assert_in_range(n, 1, NAT_BATCH_MAX);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			assert_false(nat_rule_same_key(&op[i].rule,
						       &op[j].rule));
	if (fake.apply_fail && fake.apply_fail--) {
		fake.n = 0;	/* half done, as far as we know */
		return fake.rc;
	}
	for (i = 0; i < n; i++)
		if (op[i].rule.ext_port == fake.bad_port)
			return -EIO;
	for (i = 0; i < n; i++)
		kernel_do(&op[i]);
	return 0;
}

static int fake_sync(struct natfw *fw, const struct nat_rule *r, size_t n)
{
	fake.syncs++;
	if (fake.sync_fail && fake.sync_fail--)
		return fake.rc;
	assert_in_range(n, 0, KERNEL_MAX);
	memcpy(fake.kernel, r, n * sizeof(*r));
	fake.n = n;
	return 0;
}

static int fake_verify(struct natfw *fw, const struct nat_rule *r, size_t n)
{
	return fake.verify_rc;
}

static void fake_close(struct natfw *fw)
{
	fake.closes++;
}

static const struct natfw_backend fake_backend = {
	"fake", fake_usable, fake_open, fake_apply, fake_sync, fake_verify,
	fake_close, NULL,
};

static void start(struct natfw *fw, size_t max)
{
	struct natfw_env env = env_of(EXT);

	memset(fw, 0, sizeof(*fw));
	memset(&fake, 0, sizeof(fake));
	fake.rc = -EIO;
	assert_int_equal(natfw_init(fw, max), 0);
	assert_int_equal(natfw_open(fw, &fake_backend, &env), 0);
}

static void assert_projected(const struct natfw *fw)
{
	const struct nat_rule *r;
	size_t i;

	assert_int_equal(fake.n, fw->rule_n);
	for (i = 0; i < fake.n; i++) {
		r = natfw_lookup(fw, &fake.kernel[i]);
		assert_non_null(r);
		assert_true(nat_rule_equal(r, &fake.kernel[i]));
	}
}

static enum nat_err one(struct natfw *fw, struct nat_op op)
{
	enum nat_err err = (enum nat_err)77;

	natfw_batch(fw, &op, 1, &err);
	return err;
}

/* ---- the table ----------------------------------------------------- */

static void test_set_and_delete(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct natfw fw;

	start(&fw, 4);
	assert_null(natfw_lookup(&fw, &r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_true(nat_rule_equal(natfw_lookup(&fw, &r), &r));
	r.int_port = 81;
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fw.rule_n, 1);
	assert_int_equal(natfw_lookup(&fw, &r)->int_port, 81);
	r.remote.ip = PEER;	/* another key */
	assert_null(natfw_lookup(&fw, &r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fw.rule_n, 2);
	assert_projected(&fw);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_null(natfw_lookup(&fw, &r));
	assert_projected(&fw);
	natfw_done(&fw);
	natfw_done(&fw);	/* harmless */
}

static void test_nothing_to_do(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct natfw fw;

	start(&fw, 4);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_int_equal(fake.applies, 0);
	one(&fw, set(r));
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(fake.applies, 1);
	natfw_batch(&fw, NULL, 0, NULL);
	assert_int_equal(fake.applies, 1);
	natfw_done(&fw);
}

static void test_refused(void **state)
{
	struct nat_rule r = tcp(80, HOST(2), 8080);
	struct nat_op odd = { .rule = r, .verb = 3 };
	struct natfw fw;

	start(&fw, 4);
	assert_int_equal(one(&fw, odd), NAT_EREFUSED);
	odd.verb = 0;
	assert_int_equal(one(&fw, odd), NAT_EREFUSED);
	r.kind = NAT_PINHOLE;
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	r = tcp(0, HOST(2), 80);
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	r = rule(1, 0, 80, HOST(2), 80);
	assert_int_equal(one(&fw, set(r)), NAT_EREFUSED);
	assert_int_equal(fake.applies, 0);
	natfw_done(&fw);
}

static void test_room(void **state)
{
	struct nat_op op[4] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(3, HOST(2), 3)) };
	enum nat_err err[4];
	struct natfw fw;

	start(&fw, 2);
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_OK);
	assert_int_equal(err[2], NAT_ENOSPC);
	assert_int_equal(one(&fw, set(tcp(2, HOST(3), 2))), NAT_OK);
	/* room made by an op before it in the same batch counts */
	op[0] = del(tcp(1, 0, 0));
	op[1] = set(tcp(4, HOST(4), 4));
	op[2] = set(tcp(5, HOST(4), 5));
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_OK);
	assert_int_equal(err[2], NAT_ENOSPC);
	assert_projected(&fw);
	/* but not when that op failed */
	op[0] = del(tcp(2, 0, 0));
	op[1] = set(tcp(6, HOST(4), 6));
	fake.bad_port = 2;
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_ENOSPC);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_same_key_in_a_batch(void **state)
{
	struct nat_op op[4] = { set(tcp(1, HOST(2), 1)), del(tcp(1, 0, 0)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(2, HOST(3), 3)) };
	enum nat_err err[4];
	struct natfw fw;

	start(&fw, 2);
	natfw_batch(&fw, op, 4, err);
	assert_int_equal(err[0] | err[1] | err[2] | err[3], NAT_OK);
	assert_int_equal(fw.rule_n, 1);
	assert_int_equal(natfw_lookup(&fw, &op[2].rule)->client.ip, HOST(3));
	assert_projected(&fw);
	/* the one that was passed over shares the fate of the last */
	fake.bad_port = 3;
	op[0] = set(tcp(3, HOST(2), 1));
	op[1] = set(tcp(3, HOST(2), 2));
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	natfw_done(&fw);
}

static void test_long_batch(void **state)
{
	enum { N = NAT_BATCH_MAX * 2 + 1 };
	static struct nat_op op[N];
	static enum nat_err err[N];
	struct natfw fw;
	size_t i;

	start(&fw, N);
	for (i = 0; i < N; i++)
		op[i] = set(tcp((uint16_t)(i + 1), HOST(2), 80));
	natfw_batch(&fw, op, N, err);
	for (i = 0; i < N; i++)
		assert_int_equal(err[i], NAT_OK);
	assert_int_equal(fake.applies, 3);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* Deleting moves the last rule into the hole: the indexes must follow. */
static void test_indexes_by_dice(void **state)
{
	struct natfw fw;
	unsigned turn;

	start(&fw, 64);
	for (turn = 0; turn < 4000; turn++) {
		struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
					 dice(2) ? PEER : 0,
					 (uint16_t)(1 + dice(20)),
					 HOST(2 + dice(3)),
					 (uint16_t)(1 + dice(3)));

		one(&fw, dice(3) ? set(r) : del(r));
		assert_projected(&fw);
	}
	assert_true(fw.rule_n > 10);
	natfw_done(&fw);
}

/* ---- failures ------------------------------------------------------ */

static void test_one_bad_rule(void **state)
{
	struct nat_op op[3] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				set(tcp(3, HOST(2), 3)) };
	enum nat_err err[3];
	struct natfw fw;

	start(&fw, 8);
	fake.bad_port = 2;
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_OK);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(err[2], NAT_OK);
	assert_int_equal(fw.rule_n, 2);
	assert_false(fw.dirty);
	assert_projected(&fw);
	natfw_done(&fw);
}

/* Somebody flushed the firewall: the op fails, the repair brings our chains
 * back, the second try goes through, and the client hears nothing of it. */
static void test_flushed_firewall(void **state)
{
	struct natfw fw;

	start(&fw, 8);
	one(&fw, set(tcp(1, HOST(2), 1)));
	fake.apply_fail = 1;
	assert_int_equal(one(&fw, set(tcp(2, HOST(2), 2))), NAT_OK);
	assert_int_equal(fake.syncs, 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void hang_or_miss(int rc)
{
	struct nat_op op[3] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)),
				del(tcp(9, 0, 0)) };
	enum nat_err err[3];
	struct natfw fw;

	start(&fw, 8);
	one(&fw, set(tcp(9, HOST(2), 9)));
	fake.apply_fail = 1;
	fake.rc = rc;
	fake.applies = 0;
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(err[2], NAT_EFAIL);
	assert_int_equal(fake.applies, 1);	/* not asked again */
	assert_int_equal(fake.syncs, 0);
	assert_int_equal(fw.rule_n, 1);
	assert_true(fw.dirty);
	/* still away: nothing is applied on an unknown state */
	fake.sync_fail = 1;
	assert_int_equal(one(&fw, op[0]), NAT_EFAIL);
	assert_int_equal(fake.applies, 1);
	/* back again */
	assert_int_equal(natfw_verify(&fw), 1);
	assert_false(fw.dirty);
	assert_projected(&fw);
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_done(&fw);
}

static void test_tool_hangs(void **state)
{
	hang_or_miss(-ETIMEDOUT);
}

static void test_tool_missing(void **state)
{
	hang_or_miss(-ENOENT);
}

static void test_repair_fails_too(void **state)
{
	struct nat_op op[2] = { set(tcp(1, HOST(2), 1)),
				set(tcp(2, HOST(2), 2)) };
	enum nat_err err[2];
	struct natfw fw;

	start(&fw, 8);
	fake.apply_fail = 1;
	fake.sync_fail = 1;
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0], NAT_EFAIL);
	assert_int_equal(err[1], NAT_EFAIL);
	assert_int_equal(fake.applies, 1);
	assert_true(fw.dirty);
	assert_int_equal(fw.rule_n, 0);
	/* the next batch begins with the repair */
	natfw_batch(&fw, op, 2, err);
	assert_int_equal(err[0] | err[1], NAT_OK);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_open_fails(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	start(&fw, 8);
	fake.open_rc = -EIO;
	assert_int_equal(natfw_open(&fw, &fake_backend, &env), -EIO);
	assert_true(fw.dirty);
	assert_int_equal(natfw_verify(&fw), 1);
	natfw_close(&fw);
	natfw_close(&fw);
	assert_int_equal(fake.closes, 1);
	/* closed: no backend */
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_EFAIL);
	assert_int_equal(natfw_verify(&fw), -ENODEV);
	assert_int_equal(natfw_sync(&fw, NULL, 0), -ENODEV);
	natfw_done(&fw);
}

/* ---- the whole table ----------------------------------------------- */

static void test_sync(void **state)
{
	struct nat_rule r[4] = { tcp(1, HOST(2), 1), tcp(2, HOST(2), 2),
				 tcp(1, HOST(3), 3), tcp(0, HOST(2), 4) };
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(tcp(7, HOST(2), 7)));
	assert_int_equal(natfw_sync(&fw, r, 4), 0);
	assert_int_equal(fw.rule_n, 2);	/* one key once, no nonsense */
	assert_int_equal(natfw_lookup(&fw, &r[0])->client.ip, HOST(3));
	assert_projected(&fw);
	natfw_done(&fw);
	start(&fw, 3);
	one(&fw, set(tcp(7, HOST(2), 7)));
	assert_int_equal(natfw_sync(&fw, r, 4), -ENOSPC);
	assert_int_equal(fw.rule_n, 1);
	fake.sync_fail = 1;
	assert_int_equal(natfw_sync(&fw, r, 2), -EIO);
	assert_int_equal(fw.rule_n, 2);
	assert_true(fw.dirty);
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_no_address(void **state)
{
	struct natfw_env none = env_of(0), env = env_of(EXT);
	struct nat_rule r = tcp(1, HOST(2), 1), other = tcp(2, HOST(2), 2);
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(r));
	one(&fw, set(other));
	assert_int_equal(natfw_move(&fw, &none), 0);
	assert_int_equal(fake.n, 0);
	assert_int_equal(fw.rule_n, 2);
	fake.applies = 0;
	assert_int_equal(one(&fw, set(tcp(3, HOST(2), 3))), NAT_ENOADDR);
	assert_int_equal(one(&fw, del(r)), NAT_OK);
	assert_int_equal(fake.applies, 0);
	assert_int_equal(natfw_move(&fw, &env), 0);
	assert_int_equal(fake.n, 1);
	assert_projected(&fw);
	natfw_done(&fw);
}

static void test_verify(void **state)
{
	struct natfw fw;

	start(&fw, 4);
	one(&fw, set(tcp(1, HOST(2), 1)));
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(fake.syncs, 0);
	fake.verify_rc = 1;
	fake.n = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_projected(&fw);
	fake.sync_fail = 1;
	assert_int_equal(natfw_verify(&fw), -EIO);
	assert_true(fw.dirty);
	fake.verify_rc = 0;
	assert_int_equal(natfw_verify(&fw), 1);
	fake.verify_rc = -ETIMEDOUT;
	assert_int_equal(natfw_verify(&fw), -ETIMEDOUT);
	natfw_done(&fw);
}

static void test_find(void **state)
{
	static const char *const names[] = { "iptables", "iptables-legacy",
					     "iptables-nft", "nft", "memory" };
	struct natfw_env env = env_of(EXT);
	const char *why = NULL;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		const struct natfw_backend *be;

		be = natfw_find(names[i], &env, &why);
		assert_non_null(be);
		assert_string_equal(be->name, names[i]);
		assert_string_equal(why, "configured");
	}
	assert_null(natfw_find("pf", &env, &why));
	assert_null(natfw_find("", &env, &why));
}

static void test_memory(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw = { 0 };

	assert_int_equal(natfw_init(&fw, 0), 0);	/* as with 1 */
	assert_true(natfw_memory.usable(&env));
	assert_int_equal(natfw_open(&fw, &natfw_memory, &env), 0);
	assert_int_equal(one(&fw, set(tcp(1, HOST(2), 1))), NAT_OK);
	assert_int_equal(one(&fw, set(tcp(2, HOST(2), 1))), NAT_ENOSPC);
	assert_int_equal(natfw_verify(&fw), 0);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* ---- a tool that is not there -------------------------------------- */

#define IN_MAX 262144

/* What it prints and how it ends, by how its command line begins. */
struct answer {
	const char *cmd, *out;
	int rc;
};

static struct {
	const struct answer *answer;	/* ends with a NULL cmd */
	char in[IN_MAX];		/* of the last run that had input */
	size_t in_n, cap;
	unsigned runs;
	char cmd[128];			/* of the last run */
	int deadline_ms;
	char *low, *edge;		/* between two unreadable pages */
} tool;

bool fake_exists(const char *name)
{
	return true;
}

/* Each line ends where reading on would crash. */
static void print_lines(const struct proc *p, const char *text)
{
	struct str rest = str_z(text), line;

	while (p->line && str_cut(&rest, '\n', &line)) {
		memcpy(tool.edge - line.n, line.p, line.n);
		p->line(p->arg, (struct str){ tool.edge - line.n, line.n });
	}
}

int fake_run(struct proc *p)
{
	const struct answer *a = tool.answer;
	struct wr w = wr_init(tool.cmd, sizeof(tool.cmd));
	size_t i, n;

	for (i = 0; p->argv[i]; i++)
		wr_fmt(&w, i ? " %s" : "%s", p->argv[i]);
	wr_cstr(&w);
	tool.runs++;
	tool.deadline_ms = p->deadline_ms;
	if (p->fill)
		tool.in_n = 0;
	while (p->fill) {
		assert_true(tool.in_n + tool.cap < IN_MAX);
		n = p->fill(p->arg, tool.in + tool.in_n, tool.cap);
		assert_in_range(n, 0, tool.cap);
		tool.in_n += n;
		tool.in[tool.in_n] = '\0';
		if (!n)
			break;
	}
	while (a && a->cmd && strncmp(tool.cmd, a->cmd, strlen(a->cmd)))
		a++;
	if (!a || !a->cmd)
		return 0;
	if (a->out)
		print_lines(p, a->out);
	if (a->rc > 0)
		strcpy(p->err, "said no");
	return a->rc;
}

static int tool_setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p, page, PROT_NONE), 0);
	assert_int_equal(mprotect(p + 3 * page, page, PROT_NONE), 0);
	tool.low = p + page;
	tool.edge = p + 3 * page;
	return 0;
}

/* A table on one of the real backends, the tool silent and content. */
static void begin(struct natfw *fw, const struct natfw_backend *be,
		  const struct answer *answer)
{
	char *low = tool.low, *edge = tool.edge;

	memset(&tool, 0, sizeof(tool));
	tool.low = low;
	tool.edge = edge;
	tool.cap = 4096;
	tool.answer = answer;
	memset(fw, 0, sizeof(*fw));
	assert_int_equal(natfw_init(fw, 256), 0);
	fw->be = be;
	fw->env = env_of(EXT);
}

static void fill_table(struct natfw *fw)
{
	const struct nat_rule r[] = {
		tcp(80, HOST(2), 8080),
		rule(IPPROTO_UDP, PEER, 53, HOST(3), 5353),
		tcp(81, HOST(2), 8080),
	};

	assert_int_equal(natfw_sync(fw, r, COUNT(r)), 0);
}

/* ---- iptables ------------------------------------------------------ */

static const char ipt_filter[] =
	"*filter\n"
	":UPNPD - [0:0]\n"
	"-I FORWARD -j UPNPD\n"
	"-A UPNPD -m conntrack ! --ctstate DNAT -j RETURN\n"
	"-A UPNPD -m conntrack --ctstate DNAT --ctproto 6"
	" --ctorigdst 203.0.113.7 --ctorigdstport 80 -j ACCEPT\n"
	"-A UPNPD -m conntrack --ctstate DNAT --ctproto 17"
	" --ctorigsrc 198.51.100.9 --ctorigdst 203.0.113.7"
	" --ctorigdstport 53 -j ACCEPT\n"
	"-A UPNPD -m conntrack --ctstate DNAT --ctproto 6"
	" --ctorigdst 203.0.113.7 --ctorigdstport 81 -j ACCEPT\n"
	"COMMIT\n";

static const char ipt_nat[] =
	"*nat\n"
	":UPNPD - [0:0]\n"
	":UPNPD-POST - [0:0]\n"
	"-I PREROUTING -j UPNPD\n"
	"-I POSTROUTING -j UPNPD-POST\n"
	"-A UPNPD ! -d 203.0.113.7/32 -j RETURN\n"
	"-A UPNPD-POST ! -o wan0 -j RETURN\n"
	"-A UPNPD -s 198.51.100.9/32 -d 203.0.113.7/32 -i wan0 -p udp -m udp"
	" --dport 53 -j DNAT --to-destination 192.168.88.3:5353\n"
	"-A UPNPD -d 203.0.113.7/32 -i wan0 -p tcp -m tcp --dport 80"
	" -j DNAT --to-destination 192.168.88.2:8080\n"
	"-A UPNPD -d 203.0.113.7/32 -i wan0 -p tcp -m tcp --dport 81"
	" -j DNAT --to-destination 192.168.88.2:8080\n"
	"-A UPNPD-POST -s 192.168.88.2/32 -o wan0 -p tcp -m tcp --sport 8080"
	" -j SNAT --to-source 203.0.113.7:80\n"
	"-A UPNPD-POST -s 192.168.88.3/32 -d 198.51.100.9/32 -o wan0 -p udp"
	" -m udp --sport 5353 -j SNAT --to-source 203.0.113.7:53\n"
	"-A UPNPD-POST -s 192.168.88.2/32 -o wan0 -p tcp -m tcp --sport 8080"
	" -j SNAT --to-source 203.0.113.7:81\n"
	"COMMIT\n";

static void test_iptables_sync_text(void **state)
{
	char want[sizeof(ipt_filter) + sizeof(ipt_nat)];
	struct natfw fw;
	size_t cap;

	snprintf(want, sizeof(want), "%s%s", ipt_filter, ipt_nat);
	begin(&fw, &unit_iptables, NULL);
	for (cap = 1; cap < 300; cap += 7) {	/* however it is read */
		tool.cap = cap;
		fill_table(&fw);
		assert_string_equal(tool.in, want);
	}
	assert_string_equal(tool.cmd, "iptables-restore --noflush -w");
	fw.be = &unit_iptables_legacy;
	fill_table(&fw);
	assert_string_equal(tool.cmd, "iptables-legacy-restore --noflush -w");
	fw.be = &unit_iptables_nft;
	fill_table(&fw);
	assert_string_equal(tool.cmd, "iptables-nft-restore --noflush -w");
	natfw_done(&fw);
}

static void test_iptables_unhooks_first(void **state)
{
	static const struct answer listed[] = {
		{ "iptables-save -t filter", "*filter\n-A FORWARD -j UPNPD\n"
		  "-A FORWARD -s 10.0.0.1/32 -j UPNPD\n"
		  "-A FORWARD -j UPNPD\n", 0 },
		{ "iptables-save -t nat", "-A PREROUTING -j UPNPD\n"
		  "-A FORWARD -j UPNPD\n", 0 },
		{ NULL }
	};
	struct natfw fw;

	begin(&fw, &unit_iptables, listed);
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "[0:0]\n-D FORWARD -j UPNPD\n"
			       "-D FORWARD -j UPNPD\n-I FORWARD -j UPNPD\n"));
	assert_non_null(strstr(tool.in, "[0:0]\n-D PREROUTING -j UPNPD\n"
			       "-I PREROUTING -j UPNPD\n"
			       "-I POSTROUTING -j UPNPD-POST\n"));
	natfw_close(&fw);
	assert_string_equal(tool.in, "*nat\n:UPNPD - [0:0]\n"
			    ":UPNPD-POST - [0:0]\n-D PREROUTING -j UPNPD\n"
			    "-X UPNPD\n-X UPNPD-POST\nCOMMIT\n");
	natfw_done(&fw);
}

static void test_iptables_environment(void **state)
{
	struct natfw fw;

	begin(&fw, &unit_iptables, NULL);
	fw.env.hairpin = fw.env.masquerade = true;
	fw.env.net[1].ip = 0;	/* an interface without an address */
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "-A UPNPD-POST -s 192.168.88.0/24"
			       " -d 192.168.88.0/24 -o lan0 -m conntrack"
			       " --ctstate DNAT --ctorigdst 203.0.113.7"
			       " -j MASQUERADE\n"
			       "-A UPNPD-POST ! -o wan0 -j RETURN\n"));
	assert_non_null(strstr(tool.in, "-A UPNPD -d 203.0.113.7/32 -p tcp"));
	assert_non_null(strstr(tool.in, ":81\n-A UPNPD-POST"
			       " -s 192.168.88.0/24 -o wan0"
			       " -j MASQUERADE\nCOMMIT\n"));
	assert_null(strstr(tool.in, "lan1"));
	/* no address: hooks and masquerade only */
	fw.env.ext_ip = 0;
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_null(strstr(tool.in, "DNAT --to"));
	assert_null(strstr(tool.in, "ACCEPT"));
	assert_null(strstr(tool.in, "0.0.0.0"));
	assert_non_null(strstr(tool.in, "-j MASQUERADE\nCOMMIT\n"));
	natfw_done(&fw);
}

static void test_iptables_apply_text(void **state)
{
	struct nat_op op[3] = { set(tcp(80, HOST(4), 8080)),
				del(tcp(81, 0, 0)) };
	enum nat_err err[3];
	struct natfw fw;

	begin(&fw, &unit_iptables, NULL);
	fw.env.hairpin = true;
	fill_table(&fw);
	op[2] = set(rule(IPPROTO_TCP, PEER, 82, HOST(5), 1));
	natfw_batch(&fw, op, 3, err);
	assert_int_equal(err[0] | err[1] | err[2], NAT_OK);
#define DST(ext) "-d 203.0.113.7/32 -p tcp -m tcp --dport " ext \
	" -j DNAT --to-destination 192.168.88."
#define SRC(host, more, port) "-s 192.168.88." host "/32 " more \
	"-o wan0 -p tcp -m tcp --sport " port " -j SNAT" \
	" --to-source 203.0.113.7:"
#define ACC(src, port) "-m conntrack --ctstate DNAT --ctproto 6 " src \
	"--ctorigdst 203.0.113.7 --ctorigdstport " port " -j ACCEPT\n"
	assert_string_equal(tool.in,
		"*filter\n"
		"-D UPNPD " ACC("", "80") "-A UPNPD " ACC("", "80")
		"-D UPNPD " ACC("", "81")
		"-A UPNPD " ACC("--ctorigsrc 198.51.100.9 ", "82")
		"COMMIT\n*nat\n"
		"-D UPNPD " DST("80") "2:8080\n-A UPNPD " DST("80") "4:8080\n"
		"-D UPNPD " DST("81") "2:8080\n"
		"-I UPNPD 2 -s 198.51.100.9/32 " DST("82") "5:1\n"
		/* two hairpin rules and the guard stand before it */
		"-D UPNPD-POST " SRC("2", "", "8080") "80\n"
		"-I UPNPD-POST 4 " SRC("4", "", "8080") "80\n"
		"-D UPNPD-POST " SRC("2", "", "8080") "81\n"
		"-I UPNPD-POST 4 " SRC("5", "-d 198.51.100.9/32 ", "1") "82\n"
		"COMMIT\n");
	natfw_done(&fw);
}

/* The listing that iptables-save would give of a sync's input: what verify
 * reads is what sync wrote. */
static void ipt_listing(char *out, size_t cap, const char *in)
{
	struct str rest = str_z(in), line;
	struct wr w = wr_init(out, cap);

	wr_z(&w, "# Generated by iptables-save\n:FORWARD DROP [12:34]\n"
	     "-A FORWARD -i lan0 -j ACCEPT\n");
	while (str_cut(&rest, '\n', &line)) {
		if (str_starts(line, STR("-I ")))
			wr_fmt(&w, "-A %.*s\n", STR_F(str_skip(line, 3)));
		else
			wr_fmt(&w, "%.*s\n", STR_F(line));
	}
	assert_false(w.over);
	wr_cstr(&w);
}

static int ipt_verify_listing(struct natfw *fw, const char *filter,
			      const char *nat)
{
	const struct answer listed[] = {
		{ "iptables-save -t filter", filter, 0 },
		{ "iptables-save -t nat", nat, 0 },
		{ NULL }
	};
	int rc;

	tool.answer = listed;
	rc = unit_iptables.verify(fw, fw->rule, fw->rule_n);
	tool.answer = NULL;
	return rc;
}

/* Take out line number @n, or change its last but one byte. */
static bool damage(char *out, const char *text, size_t n, bool change)
{
	struct str rest = str_z(text), line;
	size_t i, len = 0;
	bool ours = false;

	for (i = 0; str_cut(&rest, '\n', &line); i++) {
		if (i == n)
			ours = line.p[0] == '-' &&
			       !str_starts(line, STR("-A FORWARD -i"));
		if (i == n && !change)
			continue;
		memcpy(out + len, line.p, line.n);
		len += line.n;
		if (i == n)
			out[len - 2] ^= 1;
		out[len++] = '\n';
	}
	out[len] = '\0';
	return ours;
}

static void test_iptables_verify(void **state)
{
	static char filter[8192], nat[8192], bad[16384], *at;
	static const struct answer no[] = { { "iptables-save", NULL, 4 },
					    { NULL } };
	struct natfw fw;
	size_t n, damaged = 0;

	begin(&fw, &unit_iptables, NULL);
	fill_table(&fw);
	ipt_listing(filter, sizeof(filter), ipt_filter);
	ipt_listing(nat, sizeof(nat), ipt_nat);
	assert_int_equal(ipt_verify_listing(&fw, filter, nat), 0);
	for (n = 0; n < 40; n++) {
		bool change = n & 1;

		if (damage(bad, filter, n / 2, change)) {
			assert_int_equal(ipt_verify_listing(&fw, bad, nat), 1);
			damaged++;
		}
		if (damage(bad, nat, n / 2, change)) {
			assert_int_equal(ipt_verify_listing(&fw, filter, bad),
					 1);
			damaged++;
		}
	}
	assert_int_equal(damaged, 2 * (5 + 10));
	/* twice hooked, one rule too many */
	snprintf(bad, sizeof(bad), "%s-A FORWARD -j UPNPD\n", filter);
	assert_int_equal(ipt_verify_listing(&fw, bad, nat), 1);
	snprintf(bad, sizeof(bad), "%s-A UPNPD -j DROP\n", nat);
	assert_int_equal(ipt_verify_listing(&fw, filter, bad), 1);
	/* other people's rules, and other ways to say the same */
	snprintf(bad, sizeof(bad), "%s-A UPNPDX -j DROP\n", filter);
	assert_int_equal(ipt_verify_listing(&fw, bad, nat), 0);
	while ((at = strstr(nat, " -m tcp")))
		memmove(at, at + 7, strlen(at + 7) + 1);
	while ((at = strstr(nat, "/32")))
		memmove(at, at + 3, strlen(at + 3) + 1);
	assert_int_equal(ipt_verify_listing(&fw, filter, nat), 0);
	tool.answer = no;
	assert_int_equal(unit_iptables.verify(&fw, fw.rule, fw.rule_n), -EIO);
	assert_string_equal(fw.why, "iptables-save: said no");
	natfw_done(&fw);
}

static void test_iptables_open(void **state)
{
	static const struct answer left[] = {
		{ "iptables-save -t filter", "-A FORWARD -j UPNPD\n", 0 },
		{ "iptables-save -t nat", "-A PREROUTING -j UPNPD\n"
		  "-A POSTROUTING -j UPNPD-POST\n", 0 },
		{ NULL }
	}, no[] = { { "iptables-restore", NULL, 2 }, { NULL } };
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	begin(&fw, &unit_iptables, NULL);
	assert_int_equal(natfw_open(&fw, &unit_iptables, &env), 0);
	assert_false(fw.dirty);
	assert_true(tool.in_n > 0);
	/* what a killed monitor left works on until the first sync */
	tool.in_n = 0;
	tool.answer = left;
	assert_int_equal(natfw_open(&fw, &unit_iptables, &env), 0);
	assert_true(fw.dirty);
	assert_int_equal(tool.in_n, 0);
	tool.answer = no;
	assert_int_equal(natfw_open(&fw, &unit_iptables, &env), -EIO);
	assert_string_equal(fw.why, "iptables-restore: said no");
	natfw_done(&fw);
}

static void test_iptables_governs(void **state)
{
	static const struct {
		const char *filter, *nat;
		bool is;
	} t[] = {
		{ ":FORWARD ACCEPT [0:0]\n:UPNPD - [0:0]\n"
		  "-A FORWARD -j UPNPD\n-A UPNPD -j ACCEPT\n",
		  ":PREROUTING ACCEPT [0:0]\n", false },
		{ ":INPUT DROP [0:0]\n", "", false },
		{ ":FORWARD DROP [0:0]\n", "", true },
		{ "-A FORWARD -i lan0 -j ACCEPT\n", "", true },
		{ "", "-A POSTROUTING -j MASQUERADE\n", true },
	};
	size_t i;

	for (i = 0; i < COUNT(t); i++) {
		const struct answer listed[] = {
			{ "iptables-nft-save -t filter", t[i].filter, 0 },
			{ "iptables-nft-save -t nat", t[i].nat, 0 },
			{ NULL }
		};

		tool.answer = listed;
		assert_int_equal(unit_iptables_nft.governs(), t[i].is);
		tool.answer = NULL;
	}
}

/* A piece that does not fit spoils the whole input, never shortens it. */
static bool endless_piece(void *arg, struct wr *w)
{
	size_t i;

	for (i = 0; i < BACKEND_PIECE_MAX + 1; i++)
		wr_ch(w, 'x');
	return (*(int *)arg)++ == 0;
}

static void test_piece_too_long(void **state)
{
	static const char *const argv[] = { "nft", NULL };
	struct natfw fw;
	int pieces = 0;
	struct backend_run run = {
		.argv = argv, .piece = endless_piece, .arg = &pieces,
		.rules = 4000,
	};

	begin(&fw, &unit_nft, NULL);
	assert_int_equal(backend_run(&fw, &run), 0);
	assert_string_equal(tool.in, "does not fit\n");
	assert_int_equal(pieces, 1);
	assert_int_equal(tool.deadline_ms, PROC_DEADLINE_MS + 1000);
	natfw_done(&fw);
}

/* ---- nft ----------------------------------------------------------- */

#define CHAINS \
	"table inet fw4 {\n\tchain input {\n" \
	"\t\ttype filter hook input priority 0; policy drop;\n\t}\n" \
	"\tchain mangle_forward {\n" \
	"\t\ttype filter hook forward priority -150; policy accept;\n\t}\n" \
	"\tchain forward { # handle 4\n" \
	"\t\ttype filter hook forward priority 0; policy drop;\n\t}\n" \
	"\tchain forward_wan {\n\t}\n}\n" \
	"table bridge b {\n\tchain forward {\n" \
	"\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n" \
	"table ip filter {\n\tchain FORWARD {\n" \
	"\t\ttype filter hook forward priority 0; policy drop;\n\t}\n" \
	"\tchain late {\n" \
	"\t\ttype filter hook forward priority 10; policy drop;\n\t}\n}\n" \
	"table ip upnpd {\n\tchain forward {\n" \
	"\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n"

/* Chains found, as "family table chain[*];", * where the accept belongs. */
static const char *places(const char *chains, const char *table,
			  const char *chain)
{
	static char buf[1024];
	const struct answer listed[] = {
		{ "nft -nn -a list chains", chains, 0 }, { NULL }
	};
	struct natfw_env env = env_of(EXT);
	struct wr w = wr_init(buf, sizeof(buf));
	struct nft_state st;
	size_t i;
	int rc;

	strcpy(env.nft_table, table);
	strcpy(env.nft_chain, chain);
	tool.answer = listed;
	rc = nft_find(NULL, &env, &st);
	tool.answer = NULL;
	if (rc)
		return strerror(-rc);
	for (i = 0; i < st.place_n; i++)
		wr_fmt(&w, "%s %s %s%s;", st.place[i].family,
		       st.place[i].table, st.place[i].chain,
		       st.place[i].wanted ? "*" : "");
	return wr_cstr(&w);
}

static void test_nft_places(void **state)
{
	assert_string_equal(places("", "", ""), "");
	assert_string_equal(places(CHAINS, "", ""),
			    "inet fw4 forward*;ip filter late*;");
	assert_string_equal(places(CHAINS, "inet fw4", "forward"),
			    "inet fw4 forward*;ip filter late;");
	assert_string_equal(places(CHAINS, "inet fw4", "forward_wan"),
			    "inet fw4 forward;inet fw4 forward_wan*;"
			    "ip filter late;");
	assert_string_equal(places(CHAINS, "inet fw4", "nowhere"),
			    "inet fw4 forward;ip filter late;");
	assert_string_equal(places(CHAINS, "inet fw4; flush", "forward"),
			    "Invalid argument");
	assert_string_equal(places(CHAINS, "inet", "forward"),
			    "Invalid argument");
	assert_string_equal(places(CHAINS, "inet fw4", "a\"b"),
			    "Invalid argument");
}

/* One that can not be named back to nft is passed over. */
static void test_nft_odd_names(void **state)
{
#define FORWARD "\t\ttype filter hook forward priority 0;\n\t}\n}\n"
	assert_string_equal(places("table ip a;b {\n\tchain c {\n" FORWARD,
				   "", ""), "");
	assert_string_equal(places("table ip a {\n\tchain \"c\" {\n" FORWARD,
				   "", ""), "");
	assert_string_equal(places("table ip a {\n\tchain "
		"a1234567890123456789012345678901234567890123456789012345678901"
		"xyz {\n" FORWARD, "", ""), "");
	assert_string_equal(places("table ip a-b.c/d_e {\n\tchain C {\n"
				   FORWARD, "", ""), "ip a-b.c/d_e C*;");
	assert_string_equal(places("\ntable\ntable ip\nchain {\n}\n{\n"
				   "type filter hook forward priority 0;\n"
				   "table ip a {\nchain c {\n"
				   "type filter hook forward priority\n"
				   "type filter hook forward priority \n",
				   "", ""), "");
	/* more than there is room for: the configured one has its place */
	assert_string_equal(places("table ip t {\n"
		"chain a {\ntype filter hook forward priority 0;\n"
		"chain b {\ntype filter hook forward priority 0;\n"
		"chain c {\ntype filter hook forward priority 0;\n"
		"chain d {\ntype filter hook forward priority 0;\n"
		"chain e {\ntype filter hook forward priority 0;\n",
		"ip t", "e"), "ip t a;ip t b;ip t c;ip t e*;");
}

static const char nft_own[] =
	"add table ip upnpd\n"
	"delete table ip upnpd\n"
	"add table ip upnpd\n"
	"add map ip upnpd forward_to { type inet_proto . inet_service"
	" : ipv4_addr . inet_service; }\n"
	"add map ip upnpd forward_from { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add map ip upnpd leave_as { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add chain ip upnpd prerouting"
	" { type nat hook prerouting priority -105; }\n"
	"add chain ip upnpd postrouting"
	" { type nat hook postrouting priority 95; }\n"
	"add rule ip upnpd prerouting iifname \"wan0\" ip daddr 203.0.113.7"
	" dnat ip addr . port to ip saddr . meta l4proto . th dport"
	" map @forward_from\n"
	"add rule ip upnpd prerouting iifname { \"wan0\" }"
	" ip daddr 203.0.113.7 dnat ip addr . port to meta l4proto . th dport"
	" map @forward_to\n"
	"add rule ip upnpd postrouting oifname \"wan0\" snat ip addr . port"
	" to ip saddr . meta l4proto . th sport map @leave_as\n";

static const char nft_elements_text[] =
	"add element ip upnpd forward_to {\n"
	"6 . 80 : 192.168.88.2 . 8080,\n"
	"6 . 81 : 192.168.88.2 . 8080,\n"
	"}\n"
	"add element ip upnpd forward_from {\n"
	"198.51.100.9 . 17 . 53 : 192.168.88.3 . 5353,\n"
	"}\n"
	"add element ip upnpd leave_as {\n"
	"192.168.88.3 . 17 . 5353 : 203.0.113.7 . 53,\n"
	"192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81,\n"
	"}\n";

static void test_nft_sync_text(void **state)
{
	char want[sizeof(nft_own) + sizeof(nft_elements_text)];
	struct natfw fw;
	size_t cap;

	snprintf(want, sizeof(want), "%s%s", nft_own, nft_elements_text);
	begin(&fw, &unit_nft, NULL);
	for (cap = 1; cap < 300; cap += 7) {
		tool.cap = cap;
		fill_table(&fw);
		assert_string_equal(tool.in, want);
	}
	assert_string_equal(tool.cmd, "nft -f -");
	natfw_done(&fw);
}

static const struct answer nft_foreign[] = {
	{ "nft -nn -a list chains", CHAINS, 0 },
	{ "nft -nn -a list chain inet fw4 forward",
	  "table inet fw4 {\n\tchain forward { # handle 1\n"
	  "\t\ttype filter hook forward priority 0; policy drop;\n"
	  "\t\tct status 0x20 ip daddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 5\n"
	  "\t\tct status 0x20 ip saddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 18446744073709551615\n"
	  "\t\tct status 0x20 ip saddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 18446744073709551616\n"
	  "\t\tiifname \"lan\" accept comment \"upnpd\" # handle 7\n"
	  "\t\ttcp dport 7 accept # handle 8\n\t\t9\n"
	  "@upnpd_accept accept comment \"upnpd\" # handle \n\t}\n}\n", 0 },
	{ NULL }
};

static void test_nft_foreign_text(void **state)
{
	struct natfw fw;

	begin(&fw, &unit_nft, nft_foreign);
	fill_table(&fw);
	assert_non_null(strstr(tool.in,
		"delete rule inet fw4 forward handle 5\n"
		"delete rule inet fw4 forward handle 18446744073709551615\n"
		"add set inet fw4 upnpd_accept { type ipv4_addr . inet_proto"
		" . inet_service; }\n"
		"flush set inet fw4 upnpd_accept\n"
		"add set ip filter upnpd_accept { type ipv4_addr . inet_proto"
		" . inet_service; }\n"
		"flush set ip filter upnpd_accept\n"
		"add table ip upnpd\n"));
	assert_null(strstr(tool.in, "handle 7"));
	assert_null(strstr(tool.in, "handle 8"));
	assert_non_null(strstr(tool.in,
		"insert rule inet fw4 forward ct status dnat"
		" ip saddr . meta l4proto . th sport @upnpd_accept accept"
		" comment \"upnpd\"\n"
		"insert rule inet fw4 forward ct status dnat"
		" ip daddr . meta l4proto . th dport @upnpd_accept accept"
		" comment \"upnpd\"\n"
		"add element inet fw4 upnpd_accept {\n"
		"192.168.88.3 . 17 . 5353,\n192.168.88.2 . 6 . 8080,\n}\n"
		"insert rule ip filter late ct status"));
	/* configured: the rest is cleaned, not used */
	strcpy(fw.env.nft_table, "ip filter");
	strcpy(fw.env.nft_chain, "late");
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_non_null(strstr(tool.in, "handle 5\n"));
	assert_non_null(strstr(tool.in, "delete set inet fw4 upnpd_accept"));
	assert_non_null(strstr(tool.in, "flush set ip filter upnpd_accept"));
	assert_null(strstr(tool.in, "insert rule inet"));
	strcpy(fw.env.nft_chain, "gone");
	assert_int_equal(natfw_move(&fw, &fw.env), -EIO);
	assert_string_equal(fw.why, "nft: there is no chain gone in ip filter");
	natfw_done(&fw);
}

static void test_nft_close_text(void **state)
{
	struct natfw fw;

	begin(&fw, &unit_nft, nft_foreign);
	fill_table(&fw);
	natfw_close(&fw);
	assert_null(strstr(tool.in, "insert"));
	assert_null(strstr(tool.in, "flush"));
	assert_non_null(strstr(tool.in, "handle 5\n"));
	assert_non_null(strstr(tool.in, "delete set inet fw4 upnpd_accept"));
	assert_non_null(strstr(tool.in, "delete set ip filter upnpd_accept"));
	natfw_done(&fw);
}

static void test_nft_environment(void **state)
{
	struct natfw fw;

	begin(&fw, &unit_nft, NULL);
	fw.env.hairpin = fw.env.masquerade = true;
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "iifname { \"wan0\", \"lan0\","
			       " \"lan1\" } ip daddr"));
	assert_non_null(strstr(tool.in, "oifname \"lan1\" ip saddr 10.0.0.0/8"
			       " ip daddr 10.0.0.0/8 ct status dnat ct original"
			       " ip daddr 203.0.113.7 masquerade\n"
			       "add rule ip upnpd postrouting oifname \"wan0\""
			       " ip saddr 10.0.0.0/8 masquerade\n"));
	fw.env.ext_ip = 0;
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_null(strstr(tool.in, "dnat"));
	assert_null(strstr(tool.in, "element"));
	assert_non_null(strstr(tool.in, "/8 masquerade\n"));
	natfw_done(&fw);
}

/* ---- nft: batches against a model of the kernel -------------------- */

#define MODEL_MAX 512

static struct {
	char key[MODEL_MAX][96], value[MODEL_MAX][64];
	size_t n;
} model;

static size_t model_find(struct str key)
{
	size_t i;

	for (i = 0; i < model.n; i++)
		if (str_eq(str_z(model.key[i]), key))
			break;
	return i;
}

/* "add element ip upnpd leave_as { k : v }". As in the kernel: a key that is
 * there can not be added, one that is not can not be deleted. */
static void model_line(struct str line)
{
	struct str cmd, rest = line, key, value = { NULL, 0 };
	bool add = str_starts(line, STR("add element "));
	size_t i;

	assert_true(add || str_starts(line, STR("delete element ")));
	rest = str_skip(line, sizeof("add element ") - 1 + (add ? 0 : 3));
	assert_true(str_cut(&rest, '{', &cmd));
	assert_true(str_cut(&rest, '}', &value));
	assert_true(str_cut(&value, ':', &key));
	key = str_trim(key);
	/* the map is a part of the key: both are slices of one line */
	key = (struct str){ cmd.p, (size_t)(key.p + key.n - cmd.p) };
	i = model_find(key);
	if (add) {
		assert_int_equal(i, model.n);
		assert_true(model.n < MODEL_MAX);
		assert_true(str_copy(model.key[i], 96, key));
		assert_true(str_copy(model.value[i], 64, str_trim(value)));
		model.n++;
	} else {
		assert_true(i < model.n);
		assert_int_equal(value.n, 0);
		model.n--;
		memmove(model.key[i], model.key[model.n], 96);
		memmove(model.value[i], model.value[model.n], 64);
	}
}

static void model_run(const char *in)
{
	struct str rest = str_z(in), line;

	while (str_cut(&rest, '\n', &line))
		model_line(line);
}

static void model_has(const char *key, const char *value)
{
	size_t i = model_find(str_z(key));

	if (i == model.n)
		fail_msg("not there: %s", key);
	if (value)
		assert_string_equal(model.value[i], value);
}

/* Return: how many elements there should be */
static size_t model_check(const struct natfw *fw)
{
	char key[96], value[64];
	size_t i, j, sockets = 0;

	for (i = 0; i < fw->rule_n; i++) {
		const struct nat_rule *r = &fw->rule[i];
		bool first = true;

		for (j = 0; j < i; j++)
			first &= !natfw_same_socket(&fw->rule[j], r);
		sockets += first;
		snprintf(value, sizeof(value), "%s . %u",
			 backend_ip(r->client.ip).z, r->int_port);
		snprintf(key, sizeof(key), r->remote.ip ?
			 "ip upnpd forward_from { %s . %u . %u" :
			 "ip upnpd forward_to { %.0s%u . %u",
			 backend_ip(r->remote.ip).z, r->proto, r->ext_port);
		model_has(key, value);
		snprintf(key, sizeof(key), "inet fw4 upnpd_accept { %s . %u"
			 " . %u", backend_ip(r->client.ip).z, r->proto,
			 r->int_port);
		model_has(key, NULL);
		snprintf(key, sizeof(key), "ip upnpd leave_as { %s . %u . %u",
			 backend_ip(r->client.ip).z, r->proto, r->int_port);
		snprintf(value, sizeof(value), "203.0.113.7 . %u",
			 nft_leader(fw, r)->ext_port);
		model_has(key, value);
	}
	return fw->rule_n + 2 * sockets;
}

static struct nat_op any_op(void)
{
	struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
				 dice(4) ? 0 : PEER, (uint16_t)(1 + dice(9)),
				 HOST(2 + dice(2)), (uint16_t)(1 + dice(2)));

	return dice(3) ? set(r) : del(r);
}

static void test_nft_batches_by_dice(void **state)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", "table inet fw4 {\nchain f {\n"
		  "type filter hook forward priority 0;\n}\n}\n", 0 },
		{ NULL }
	};
	struct nat_op op[8];
	enum nat_err err[8];
	struct natfw fw;
	unsigned turn;
	size_t i, n;

	begin(&fw, &unit_nft, chains);
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	memset(&model, 0, sizeof(model));
	for (turn = 0; turn < 3000; turn++) {
		n = 1 + dice(COUNT(op));
		for (i = 0; i < n; i++)
			op[i] = any_op();
		tool.in[0] = '\0';
		natfw_batch(&fw, op, n, err);
		for (i = 0; i < n; i++)
			assert_int_equal(err[i], NAT_OK);
		model_run(tool.in);
		assert_int_equal(model_check(&fw), model.n);
	}
	assert_true(fw.rule_n > 8);
	natfw_done(&fw);
}

/* The one set last leads; when it goes, the one before it. */
static void test_nft_shared_socket(void **state)
{
	struct natfw fw;

	begin(&fw, &unit_nft, NULL);
	one(&fw, set(tcp(80, HOST(2), 8080)));
	one(&fw, set(tcp(81, HOST(2), 8080)));
	assert_string_equal(tool.in,
		"add element ip upnpd forward_to"
		" { 6 . 81 : 192.168.88.2 . 8080 }\n"
		"delete element ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n");
	one(&fw, set(tcp(82, HOST(2), 9)));
	one(&fw, del(tcp(81, 0, 0)));
	assert_string_equal(tool.in,
		"delete element ip upnpd forward_to { 6 . 81 }\n"
		"delete element ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 80 }\n");
	one(&fw, del(tcp(80, 0, 0)));
	assert_string_equal(tool.in,
		"delete element ip upnpd forward_to { 6 . 80 }\n"
		"delete element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 }\n");
	natfw_done(&fw);
}

/* ---- nft: verify --------------------------------------------------- */

#define OWN_CHAINS \
	"\tchain prerouting { # handle 4\n\t\ttype nat hook prerouting" \
	" priority dstnat - 5; policy accept;\n\t\ta # handle 6\n" \
	"\t\tb { 1, 2 } # handle 7\n\t}\n\n\tchain postrouting {\n" \
	"\t\ttype nat hook postrouting priority 95;\n\t\tc\n\t}\n}\n"
#define MAP_TO "table ip upnpd {\n\tmap forward_to {\n\t\ttype x : y\n"
#define MAP_FROM "\t}\n\n\tmap forward_from {\n\t\telements = {" \
	" 198.51.100.9 . udp . 53 : 192.168.88.3 . 5353 }\n"
#define MAP_AS "\t}\n\n\tmap leave_as {\n" \
	"\t\telements = { 192.168.88.3 . 17 . 5353 : 203.0.113.7 . 53,\n" \
	"\t\t\t     192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n\t}\n"
#define TO_80 "tcp . 80 : 192.168.88.2 . 8080"
#define TO_81 "6 . 81 : 192.168.88.2 . 8080"

static int nft_verify_table(struct natfw *fw, const char *table)
{
	const struct answer listed[] = {
		{ "nft -nn -a list table ip upnpd", table, 0 }, { NULL }
	};
	int rc;

	tool.answer = listed;
	rc = unit_nft.verify(fw, fw->rule, fw->rule_n);
	tool.answer = NULL;
	return rc;
}

static void test_nft_verify_elements(void **state)
{
	static const struct {
		const char *table;
		int rc;
	} t[] = {
		{ MAP_TO "\t\telements = { " TO_80 ",\n\t\t\t" TO_81 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		/* any order, any layout */
		{ MAP_TO "\t\telements = { " TO_81 ", " TO_80 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		{ MAP_TO "\t\telements = {\n" TO_81 ",\n" TO_80 ",\n}\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		/* one is missing, strange, twice, in the wrong map */
		{ MAP_TO "\t\telements = { " TO_81 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO "\t\telements = { " TO_81 ", 6 . 80 :"
		  " 192.168.88.2 . 8081 }\n" MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO "\t\telements = { " TO_81 ", " TO_80 ", " TO_80 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO MAP_FROM "\t}\n\tmap forward_from {\n"
		  "\t\telements = { " TO_81 ", " TO_80 " }\n"
		  MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ "", 1 },
		{ NULL, 1 },
	};
	struct natfw fw;
	size_t i;

	begin(&fw, &unit_nft, NULL);
	fill_table(&fw);
	for (i = 0; i < COUNT(t); i++)
		if (nft_verify_table(&fw, t[i].table) != t[i].rc)
			fail_msg("table %zu", i);
	natfw_done(&fw);
}

static void test_nft_verify_chains(void **state)
{
#define ELEMENTS MAP_TO "\t\telements = { " TO_81 ", " TO_80 " }\n" \
		MAP_FROM MAP_AS
	static const char right[] = ELEMENTS OWN_CHAINS;
	static const char changed[] = ELEMENTS
		"\tchain prerouting {\n\t\thook\n\t\ta\n\t\tX\n\t}\n"
		"\tchain postrouting {\n\t\thook\n\t\tc\n\t}\n}\n";
	static const char fewer[] = ELEMENTS
		"\tchain prerouting {\n\t\thook\n\t\ta\n\t}\n"
		"\tchain postrouting {\n\t\thook\n\t\tc\n\t}\n}\n";
	struct natfw fw;

	begin(&fw, &unit_nft, NULL);
	fill_table(&fw);
	/* the number of rules is known without having seen them */
	assert_int_equal(nft_verify_table(&fw, fewer), 1);
	assert_int_equal(nft_verify_table(&fw, right), 0);
	assert_int_equal(nft_verify_table(&fw, changed), 1);
	assert_int_equal(nft_verify_table(&fw, right), 0);
	/* after a sync they may look otherwise */
	fill_table(&fw);
	assert_int_equal(nft_verify_table(&fw, changed), 0);
	/* two networks, a rule each */
	fw.env.masquerade = true;
	fill_table(&fw);
	assert_int_equal(nft_verify_table(&fw, right), 1);
	natfw_done(&fw);
}

#define FW4 "table inet fw4 {\nchain f {\n" \
	"type filter hook forward priority 0;\n"
#define OURS "ct status 0x20 @upnpd_accept accept comment \"upnpd\" # handle "
#define SOCKETS "table inet fw4 {\nset upnpd_accept {\n" \
	"elements = { 192.168.88.2 . tcp . 8080, 192.168.88.3 . 17 . 5353 }\n"

static int nft_verify_foreign(struct natfw *fw, const char *chains,
			      const char *chain, const char *sockets, int rc)
{
	const struct answer listed[] = {
		{ "nft -nn -a list chains", chains, 0 },
		{ "nft -nn -a list table ip upnpd", ELEMENTS OWN_CHAINS, 0 },
		{ "nft -nn -a list chain inet fw4 f", chain, 0 },
		{ "nft -nn -a list set inet fw4 upnpd_accept", sockets, rc },
		{ NULL }
	};
	int got;

	tool.answer = listed;
	got = unit_nft.verify(fw, fw->rule, fw->rule_n);
	tool.answer = NULL;
	return got;
}

static void test_nft_verify_foreign(void **state)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", FW4, 0 }, { NULL }
	};
	static const char two[] = FW4 OURS "1\n" OURS "2\n";
	struct natfw fw;

	begin(&fw, &unit_nft, chains);
	fill_table(&fw);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, SOCKETS, 0), 0);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4, SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4 OURS "1\n", SOCKETS,
					    0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4 OURS "1\n" OURS
					    "2\n" OURS "3\n", SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, "", 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, NULL, 1), 1);
	assert_int_equal(nft_verify_foreign(&fw, "", two, SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4 "chain g {\n"
		"type filter hook forward priority 0;\n", two, SOCKETS, 0), 1);
	/* the tool itself: not a drift */
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, NULL, -ETIMEDOUT),
			 -ETIMEDOUT);
	natfw_done(&fw);
}

/* Every line cut short at either end, where looking beyond it would crash. */
static void test_nft_cut_lines(void **state)
{
	static const char *const lines[] = {
		OURS "12", "table inet fw4 { # handle 1", "map leave_as {",
		"elements = { 1 . 2 : 3 . 4, 5 . 6 : 7 . 8 }",
		"type filter hook forward priority -150; policy drop;",
	};
	struct nft_state found = { 0 };
	size_t i, n, len;

	for (i = 0; i < COUNT(lines); i++) {
		len = strlen(lines[i]);
		for (n = 0; n <= len; n++) {
			struct nft_look look = { 0 };
			struct nft_find find = { .found = &found };
			struct str s = { tool.low, n };

			memcpy(tool.low, lines[i] + len - n, n);
			nft_look_line(&look, s);
			nft_find_line(&find, s);
			look.set = find.look.chain = STR("x");
			nft_look_line(&look, s);
			nft_find_line(&find, s);
			s.p = memcpy(tool.edge - n, lines[i], n);
			nft_look_line(&look, s);
			nft_find_line(&find, s);
		}
	}
}

static void test_nft_open(void **state)
{
	static const struct answer none[] = {
		{ "nft -nn -a list table", NULL, 1 }, { NULL }
	}, gone[] = { { "nft", NULL, -ENOENT }, { NULL } };
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	begin(&fw, &unit_nft, none);
	assert_int_equal(natfw_open(&fw, &unit_nft, &env), 0);
	assert_false(fw.dirty);
	assert_string_equal(tool.in, nft_own);
	/* what a killed monitor left works on until the first sync */
	tool.in_n = 0;
	tool.answer = NULL;
	assert_int_equal(natfw_open(&fw, &unit_nft, &env), 0);
	assert_true(fw.dirty);
	assert_int_equal(tool.in_n, 0);
	tool.answer = gone;
	assert_int_equal(natfw_open(&fw, &unit_nft, &env), -ENOENT);
	assert_string_equal(fw.why, "nft: No such file or directory");
	natfw_done(&fw);
}

static void test_nft_governs(void **state)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", CHAINS, 0 }, { NULL }
	}, fails[] = { { "nft", NULL, 1 }, { NULL } };

	tool.answer = chains;
	assert_true(unit_nft.governs());
	tool.answer = fails;
	assert_false(unit_nft.governs());
	tool.answer = NULL;
	assert_false(unit_nft.governs());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_delete),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_same_key_in_a_batch),
		cmocka_unit_test(test_long_batch),
		cmocka_unit_test(test_indexes_by_dice),
		cmocka_unit_test(test_one_bad_rule),
		cmocka_unit_test(test_flushed_firewall),
		cmocka_unit_test(test_tool_hangs),
		cmocka_unit_test(test_tool_missing),
		cmocka_unit_test(test_repair_fails_too),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_iptables_sync_text),
		cmocka_unit_test(test_iptables_unhooks_first),
		cmocka_unit_test(test_iptables_environment),
		cmocka_unit_test(test_iptables_apply_text),
		cmocka_unit_test(test_iptables_verify),
		cmocka_unit_test(test_iptables_open),
		cmocka_unit_test(test_iptables_governs),
		cmocka_unit_test(test_piece_too_long),
		cmocka_unit_test(test_nft_places),
		cmocka_unit_test(test_nft_odd_names),
		cmocka_unit_test(test_nft_sync_text),
		cmocka_unit_test(test_nft_foreign_text),
		cmocka_unit_test(test_nft_close_text),
		cmocka_unit_test(test_nft_environment),
		cmocka_unit_test(test_nft_batches_by_dice),
		cmocka_unit_test(test_nft_shared_socket),
		cmocka_unit_test(test_nft_verify_elements),
		cmocka_unit_test(test_nft_verify_chains),
		cmocka_unit_test(test_nft_verify_foreign),
		cmocka_unit_test(test_nft_cut_lines),
		cmocka_unit_test(test_nft_open),
		cmocka_unit_test(test_nft_governs),
	};

	return cmocka_run_group_tests(tests, tool_setup, NULL);
}
