/* SPDX-License-Identifier: ISC */
/*
 * iptables.c - mappings as iptables rules, legacy or nft variant.
 *
 *   nat     UPNPD       hooked at the head of PREROUTING: DNAT
 *   nat     UPNPD-POST  hooked at the head of POSTROUTING: SNAT, masquerade
 *   filter  UPNPD       hooked at the head of FORWARD: accept
 *
 * Each chain begins with a guard that returns unrelated traffic, so that the
 * number of mappings costs other traffic nothing. Then follow jumps to the
 * chain's leaves, which have the rules (ipt_leaf.h). A leaf is made with its
 * first rule and deleted with its last.
 *
 * All changes go through iptables-restore, which commits a table as a whole.
 * Two tables are two commits: filter comes first, and natfw.c repairs it if nat
 * fails. Rules are written exactly as iptables-save prints them, because verify
 * compares the two.
 *
 * Never touches: chains, rules and policies of others.
 * Runs in: any
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/fileio.h"
#include "sys/proc.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_text.h"
#include "natfw/table.h"

/* ---- the tools ----------------------------------------------------- */

struct ipt_tool {
	const struct natfw_backend *be;
	const char *restore, *save;
};

static const struct ipt_tool tools[] = {
	{ &natfw_iptables, "iptables-restore", "iptables-save" },
	{ &natfw_iptables_legacy, "iptables-legacy-restore",
	  "iptables-legacy-save" },
	{ &natfw_iptables_nft, "iptables-nft-restore", "iptables-nft-save" },
};

static const struct ipt_tool *tool_of(const struct natfw_backend *be)
{
	const struct ipt_tool *t = tools;

	while (t->be != be)
		t++;
	return t;
}

static int scan(struct natfw *fw, struct ipt_list *ret)
{
	return ipt_list_all(fw, tool_of(fw->be)->save, ret);
}

/* ---- running iptables-restore -------------------------------------- */

/* RESOURCE_PROBLEM of iptables' xtables.h, which the manual does not mention:
 * another process holds the lock, the lock file cannot be opened yet, or the
 * kernel's table was changed between reading and writing. */
#define EXIT_BUSY 4

static int restore(struct natfw *fw, struct ipt_text *t)
{
	const char *const argv[] = {
		tool_of(fw->be)->restore, "--noflush", "-w", NULL
	};
	struct backend_run run = {
		.argv = argv, .piece = ipt_text_piece, .arg = t,
		.rules = t->n + fw->mappings.rule_n, .busy = EXIT_BUSY,
	};

	return backend_run(fw, &run);
}

static void put_unhook(const struct ipt_text *t, struct wr *w, int hook)
{
	const struct ipt_list_hook *h = &ipt_list_hooks[hook];

	for (unsigned n = t->found->hooked[hook]; n > 0; n--)
		wr_fmt(w, "-D %s -j %s\n", h->from, h->to);
}

static void put_hook(const struct ipt_text *t, struct wr *w, int hook)
{
	const struct ipt_list_hook *h = &ipt_list_hooks[hook];

	put_unhook(t, w, hook);
	wr_fmt(w, "-I %s -j %s\n", h->from, h->to);
}

/* A declaration creates the chain, or empties it if it exists. */
#define FILTER_CHAINS	"*filter\n:" IPT_ACCEPT_CHAIN " - [0:0]\n"
#define NAT_CHAINS	"*nat\n:" IPT_DNAT_CHAIN " - [0:0]\n" \
			":" IPT_SNAT_CHAIN " - [0:0]\n"

/* ---- sync: write everything ---------------------------------------- */

static void sync_filter(const struct ipt_text *t, struct wr *w)
{
	put_hook(t, w, IPT_HOOK_FORWARD);
	wr_z(w, "-A " IPT_ACCEPT_CHAIN
		" -m conntrack ! --ctstate DNAT -j RETURN\n");
}

/* A client that connects to a mapped service of its own network must get the
 * answer through the router, because the router translated the request. @from:
 * index of the network */
static void put_hairpins(const struct ipt_text *t, struct wr *w, unsigned from)
{
	const struct natfw_env *env = &t->fw->env;

	for (size_t to = 0; to < env->net_n; to++)
		if (backend_hairpin(env, from, to))
			wr_fmt(w, "-A " IPT_SNAT_CHAIN " -s %s -d %s -o %s"
			       " -m conntrack --ctstate DNAT --ctorigdst %s"
			       " -j MASQUERADE\n",
			       backend_net(&env->net[from]).z,
			       backend_net(&env->net[to]).z,
			       env->net[from].ifname,
			       addr_text(env->ext).text);
}

static void sync_nat(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;

	put_hook(t, w, IPT_HOOK_PRE);
	put_hook(t, w, IPT_HOOK_POST);
	if (addr_is_set(env->ext))
		wr_fmt(w, "-A " IPT_DNAT_CHAIN " ! -d %s/32 -j RETURN\n",
		       addr_text(env->ext).text);
}

static void sync_snat(const struct ipt_text *t, struct wr *w)
{
	wr_fmt(w, "-A " IPT_SNAT_CHAIN " ! -o %s -j RETURN\n",
	       t->fw->env.ext_if);
}

static bool has_remote(const struct nat_rule *r)
{
	return addr_is_set(r->remote);
}

static bool has_no_remote(const struct nat_rule *r)
{
	return !addr_is_set(r->remote);
}

static void sync_masquerade(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;

	for (size_t i = 0; env->masquerade && i < env->net_n; i++) {
		if (env->net[i].net.addr.family == ADDR_IP4)
			wr_fmt(w, "-A " IPT_SNAT_CHAIN " -s %s -o %s"
			       " -j MASQUERADE\n",
			       backend_net(&env->net[i]).z, env->ext_if);
	}
}

static const struct ipt_text_step sync_steps[] = {
	{ FILTER_CHAINS, NULL, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, sync_filter, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_jump_to_leaf },
	{ NULL, NULL, IPT_OF_RULES, IPT_ACCEPT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_ACCEPT, .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" NAT_CHAINS, NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_declare_leaf },
	{ NULL, sync_nat, IPT_OF_NETS, .leaf = put_hairpins },
	{ NULL, sync_snat, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_jump_to_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_jump_to_leaf },
	{ NULL, sync_masquerade },
	{ NULL, NULL, IPT_OF_RULES, IPT_DNAT, .wants = has_remote },
	{ NULL, NULL, IPT_OF_RULES, IPT_DNAT, .wants = has_no_remote },
	{ NULL, NULL, IPT_OF_RULES, IPT_SNAT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_DNAT, .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

static struct ipt_leaves leaves_of(const struct nat_rule *rule, size_t n)
{
	struct ipt_leaf_count c = { 0 };

	for (size_t i = 0; i < n; i++)
		ipt_leaf_count_add(&c, &rule[i]);
	return ipt_leaf_used(&c);
}

static int sync_once(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct ipt_list is;
	struct ipt_text t = {
		.fw = fw, .found = &is, .leaves = leaves_of(rule, n),
		.step = sync_steps, .rule = rule, .n = n,
	};
	int rc = scan(fw, &is);

	return rc ? rc : restore(fw, &t);
}

/* Retries while the tool is busy. A batch is not retried: one of its tables may
 * be committed, so natfw.c syncs after it. */
static int ipt_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	uint64_t end_ms = 0;
	int rc;

	do {
		rc = sync_once(fw, rule, n);
	} while (rc == -EAGAIN && backend_wait(&end_ms));
	return rc;
}

/* ---- apply: a batch ------------------------------------------------ */

static const struct ipt_text_step apply_steps[] = {
	{ "*filter\n", NULL, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_make_leaf },
	{ NULL, NULL, IPT_OF_OPS, IPT_ACCEPT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_ACCEPT, .leaf = ipt_text_unmake_leaf },
	{ "COMMIT\n*nat\n", NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_make_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_make_leaf },
	{ NULL, NULL, IPT_OF_OPS, IPT_DNAT },
	{ NULL, NULL, IPT_OF_OPS, IPT_SNAT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_DNAT, .leaf = ipt_text_unmake_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_unmake_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

static struct ipt_leaves leaves_after(const struct natfw *fw,
				      const struct nat_op *op, size_t n)
{
	const struct nat_rule *old;
	struct ipt_leaf_count c = { 0 };

	for (size_t i = 0; i < fw->mappings.rule_n; i++)
		ipt_leaf_count_add(&c, &fw->mappings.rule[i]);
	for (size_t i = 0; i < n; i++) {
		old = table_find(fw, &op[i].rule);
		if (old)
			ipt_leaf_count_del(&c, old);
		if (op[i].verb == NAT_SET)
			ipt_leaf_count_add(&c, &op[i].rule);
	}
	return ipt_leaf_used(&c);
}

static int ipt_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct ipt_leaves before = leaves_of(fw->mappings.rule,
					     fw->mappings.rule_n);
	struct ipt_leaves after = leaves_after(fw, op, n);
	struct ipt_text t = {
		.fw = fw, .leaves = ipt_leaf_minus(&after, &before),
		.left = ipt_leaf_minus(&before, &after),
		.step = apply_steps, .op = op, .n = n,
	};

	return restore(fw, &t);
}

/* ---- verify -------------------------------------------------------- */

/* Scan the lines that a sync would write. */
static void scan_wanted(struct natfw *fw, const struct nat_rule *rule,
			  size_t n, struct ipt_list *want)
{
	static const struct ipt_list unhooked;
	struct ipt_text t = {
		.fw = fw, .found = &unhooked,
		.leaves = leaves_of(rule, n), .step = sync_steps,
		.rule = rule, .n = n,
	};
	char buf[BACKEND_PIECE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str rest, line;

	memset(want, 0, sizeof(*want));
	want->table = "";
	while (ipt_text_piece(&t, &w)) {
		rest = wr_done(&w);
		while (str_cut(&rest, '\n', &line))
			ipt_list_line(want, line);
		w.len = 0;
	}
}

static int ipt_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct ipt_list is, want;
	int rc = scan(fw, &is);

	if (rc)
		return rc;
	scan_wanted(fw, rule, n, &want);
	return !ipt_list_hooked_once(&is) ||
	       !backend_same(is.tally, want.tally);
}

/* ---- open and close ------------------------------------------------ */

static bool tool_exists(const struct natfw_backend *be)
{
	const struct ipt_tool *tool = tool_of(be);

	return proc_exists(tool->restore) && proc_exists(tool->save);
}

static bool ipt_usable(const struct natfw_env *env)
{
	return tool_exists(&natfw_iptables);
}

static bool ipt_legacy_usable(const struct natfw_env *env)
{
	return tool_exists(&natfw_iptables_legacy);
}

static bool ipt_nft_usable(const struct natfw_env *env)
{
	return tool_exists(&natfw_iptables_nft);
}

/* Chains that a killed monitor left keep working until the first sync, so that
 * its death costs no connection. */
static int ipt_open(struct natfw *fw, const struct natfw_env *env)
{
	struct ipt_list found;
	int rc = scan(fw, &found);

	if (rc)
		return rc;
	if (!ipt_list_hooked_once(&found))
		return ipt_sync(fw, NULL, 0);
	fw->dirty = true;
	return 0;
}

/* These lines work even if a chain is missing, because its declaration comes
 * first. */
static void close_filter(const struct ipt_text *t, struct wr *w)
{
	put_unhook(t, w, IPT_HOOK_FORWARD);
	wr_z(w, "-X " IPT_ACCEPT_CHAIN "\n");
}

static void close_nat(const struct ipt_text *t, struct wr *w)
{
	put_unhook(t, w, IPT_HOOK_PRE);
	put_unhook(t, w, IPT_HOOK_POST);
	wr_z(w, "-X " IPT_DNAT_CHAIN "\n-X " IPT_SNAT_CHAIN "\n");
}

static const struct ipt_text_step close_filter_steps[] = {
	{ FILTER_CHAINS, NULL, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, close_filter, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

static const struct ipt_text_step close_nat_steps[] = {
	{ NAT_CHAINS, NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_declare_leaf },
	{ NULL, close_nat, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

/* Clean each table in a separate run, so that a failure in one does not
 * prevent the other. Return: -EAGAIN if the tool was busy, else 0 */
static int close_once(struct natfw *fw)
{
	static const struct ipt_text_step *const steps[] = {
		close_filter_steps, close_nat_steps,
	};
	struct ipt_list is;
	int rc = 0;

	if (scan(fw, &is))
		return 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct ipt_text t = {
			.fw = fw, .found = &is, .step = steps[i],
		};

		if (restore(fw, &t) == -EAGAIN)
			rc = -EAGAIN;
	}
	return rc;
}

static void ipt_close(struct natfw *fw)
{
	uint64_t end_ms = 0;

	while (close_once(fw) && backend_wait(&end_ms))
		;
}

/* ---- for "auto" ---------------------------------------------------- */

static bool ipt_filters(const struct natfw_backend *be, const char *table)
{
	const char *save = tool_of(be)->save;
	struct ipt_list scan = { 0 };

	return !ipt_list_table(NULL, save, table, &scan) && scan.others;
}

/* Has the kernel loaded this table of legacy iptables? Do not run the tool to
 * find out, because that would load it. */
static bool legacy_has_table(const char *table)
{
	char buf[256];
	struct str rest, name;

	fileio_read(AT_FDCWD, "/proc/net/ip_tables_names", 0, buf, sizeof(buf),
		    &rest);
	while (str_cut(&rest, '\n', &name))
		if (str_eq(name, str_z(table)))
			return true;
	return false;
}

static bool legacy_filters(const struct natfw_backend *be)
{
	return (legacy_has_table("filter") && ipt_filters(be, "filter")) ||
	       (legacy_has_table("nat") && ipt_filters(be, "nat"));
}

static bool ipt_governs(void)
{
	return legacy_filters(&natfw_iptables);
}

static bool ipt_legacy_governs(void)
{
	return legacy_filters(&natfw_iptables_legacy);
}

static bool ipt_nft_governs(void)
{
	return ipt_filters(&natfw_iptables_nft, "filter") ||
	       ipt_filters(&natfw_iptables_nft, "nat");
}

/* ---- the three backends -------------------------------------------- */

#define IPT_BACKEND(label, n_commits, usable_fn, governs_fn) \
	{ \
		.name = label, .usable = usable_fn, .open = ipt_open, \
		.apply = ipt_apply, .sync = ipt_sync, \
		.verify = ipt_verify, .close = ipt_close, \
		.commits = n_commits, .governs = governs_fn, \
	}

const struct natfw_backend natfw_iptables =
	IPT_BACKEND("iptables", 2, ipt_usable, ipt_governs);
const struct natfw_backend natfw_iptables_legacy =
	IPT_BACKEND("iptables-legacy", 0, ipt_legacy_usable,
		    ipt_legacy_governs);
const struct natfw_backend natfw_iptables_nft =
	IPT_BACKEND("iptables-nft", 2, ipt_nft_usable, ipt_nft_governs);
