/* SPDX-License-Identifier: ISC */
/*
 * iptables.c - mappings as iptables rules, legacy or nft variant.
 *
 *   nat     UPNPD       hooked at the head of PREROUTING: DNAT
 *   nat     UPNPD-POST  hooked at the head of POSTROUTING: SNAT, masquerade
 *   filter  UPNPD       hooked at the head of FORWARD: accept
 *
 * Each chain begins with a guard that sends what is none of its business
 * back, so that the number of mappings costs other traffic nothing.
 *
 * Everything goes through iptables-restore, which commits a table as a whole.
 * Two tables are two commits: filter comes first, and natfw.c repairs it when
 * nat fails. Rules are written in the very form iptables-save prints, because
 * verify compares the two.
 *
 * Never touches: chains, rules and policies of others.
 */
#include <fcntl.h>
#include <unistd.h>
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/iptables_rule.h"

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

/* ---- looking ------------------------------------------------------- */

struct ipt_scan {
	const char *table;		/* being listed now */
	struct backend_tally tally;	/* of the rules in our chains */
	unsigned hooked[HOOKS];		/* jumps to them */
	bool others;	/* a FORWARD policy of DROP, or a rule not ours */
};

/* Parts that another version of the tool may print otherwise do not count:
 * "-m tcp", "/32". */
static uint64_t hash_rule(struct str rule)
{
	uint64_t h = BACKEND_HASH;
	struct str word;

	while (str_word(&rule, &word)) {
		if (str_eq(word, STR("-m"))) {
			str_word(&rule, &word);
			continue;
		}
		if (word.n > 3 && !memcmp(word.p + word.n - 3, "/32", 3))
			word.n -= 3;
		h = backend_hash_words(h, word);
	}
	return h;
}

static bool is_hook(const struct ipt_scan *scan, const struct ipt_hook *hook,
		    struct str line)
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_fmt(&w, "-A %s -j %s", hook->from, hook->to);
	return !strcmp(scan->table, hook->table) && str_eq(line, wr_done(&w));
}

static void scan_line(void *arg, struct str line)
{
	struct ipt_scan *scan = arg;
	int i;

	if (str_starts(line, STR("-A " DNAT_CHAIN " ")) ||
	    str_starts(line, STR("-A " SNAT_CHAIN " "))) {
		backend_count(&scan->tally, hash_rule(line));
		return;
	}
	for (i = 0; i < HOOKS; i++) {
		if (is_hook(scan, &hooks[i], line)) {
			scan->hooked[i]++;
			return;
		}
	}
	scan->others |= str_starts(line, STR("-A ")) ||
			str_starts(line, STR(":FORWARD DROP"));
}

static int scan_table(struct natfw *fw, const struct ipt_tool *tool,
		      const char *table, struct ipt_scan *scan)
{
	const char *const argv[] = { tool->save, "-t", table, NULL };
	struct backend_run run = {
		.argv = argv,
		.line = scan_line,
		.arg = scan,
		.rules = fw ? fw->rule_n : 0,
	};

	scan->table = table;
	return backend_run(fw, &run);
}

static int scan_all(struct natfw *fw, struct ipt_scan *scan)
{
	const struct ipt_tool *tool = tool_of(fw->be);
	int rc;

	memset(scan, 0, sizeof(*scan));
	rc = scan_table(fw, tool, "filter", scan);
	return rc ? rc : scan_table(fw, tool, "nat", scan);
}

static bool hooked_once(const struct ipt_scan *scan)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		if (scan->hooked[i] != 1)
			return false;
	return true;
}

/* ---- input for iptables-restore ------------------------------------ */

/*
 * The input is a list of steps: a text that needs only the environment, then
 * a text for each rule, or for each op of a batch.
 */
struct ipt_text {
	const struct natfw *fw;
	const struct ipt_scan *found;	/* hooks to take out first */
	const struct ipt_step *step;	/* the one being written */
	const struct nat_rule *rule;
	const struct nat_op *op;	/* instead of rule */
	size_t n;			/* rules or ops */
	size_t i;			/* of the step; 0 is its head */
};

struct ipt_step {
	void (*head)(const struct ipt_text *, struct wr *);
	void (*each)(const struct ipt_text *, struct wr *, size_t i);
};

static bool text_piece(void *arg, struct wr *w)
{
	struct ipt_text *t = arg;
	const struct ipt_step *step = t->step;

	if (!step->head && !step->each)
		return false;
	if (!t->i && step->head)
		step->head(t, w);
	else if (t->i)
		step->each(t, w, t->i - 1);
	t->i++;
	if (!step->each || t->i > t->n) {
		t->step++;
		t->i = 0;
	}
	return true;
}

static int restore(struct natfw *fw, struct ipt_text *t)
{
	const char *const argv[] = {
		tool_of(fw->be)->restore, "--noflush", "-w", NULL
	};
	struct backend_run run = {
		.argv = argv,
		.piece = text_piece,
		.arg = t,
		.rules = t->n + fw->rule_n,
	};

	return backend_run(fw, &run);
}

static void put_unhook(const struct ipt_text *t, struct wr *w, int hook)
{
	const struct ipt_hook *h = &hooks[hook];
	unsigned n;

	for (n = t->found->hooked[hook]; n > 0; n--)
		wr_fmt(w, "-D %s -j %s\n", h->from, h->to);
}

static void put_hook(const struct ipt_text *t, struct wr *w, int hook)
{
	const struct ipt_hook *h = &hooks[hook];

	put_unhook(t, w, hook);
	wr_fmt(w, "-I %s -j %s\n", h->from, h->to);
}

/* ---- sync: everything anew ----------------------------------------- */

static void sync_filter(const struct ipt_text *t, struct wr *w)
{
	/* declaring a chain makes it or empties it */
	wr_z(w, "*filter\n:" ACCEPT_CHAIN " - [0:0]\n");
	put_hook(t, w, HOOK_FORWARD);
	wr_z(w, "-A " ACCEPT_CHAIN
		" -m conntrack ! --ctstate DNAT -j RETURN\n");
}

static void sync_accept(const struct ipt_text *t, struct wr *w, size_t i)
{
	wr_z(w, "-A " ACCEPT_CHAIN);
	spec_accept(w, &t->fw->env, &t->rule[i]);
}

/* A client that asks for its own network's mapped service must be answered
 * through the router, which translated the request. */
static void put_hairpin(const struct natfw_env *env, struct wr *w,
			const struct natfw_net *net)
{
	wr_fmt(w, "-A " SNAT_CHAIN " -s %s -d %s -o %s -m conntrack"
	       " --ctstate DNAT --ctorigdst %s -j MASQUERADE\n",
	       backend_net(net).z, backend_net(net).z, net->ifname,
	       backend_ip(env->ext_ip).z);
}

static void sync_nat(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;
	size_t i;

	wr_z(w, "COMMIT\n*nat\n:" DNAT_CHAIN " - [0:0]\n:" SNAT_CHAIN
		" - [0:0]\n");
	put_hook(t, w, HOOK_PRE);
	put_hook(t, w, HOOK_POST);
	if (env->ext_ip)
		wr_fmt(w, "-A " DNAT_CHAIN " ! -d %s/32 -j RETURN\n",
		       backend_ip(env->ext_ip).z);
	for (i = 0; env->ext_ip && env->hairpin && i < env->net_n; i++)
		if (env->net[i].ip)
			put_hairpin(env, w, &env->net[i]);
	wr_fmt(w, "-A " SNAT_CHAIN " ! -o %s -j RETURN\n", env->ext_if);
}

static void put_dnat(const struct ipt_text *t, struct wr *w, size_t i)
{
	wr_z(w, "-A " DNAT_CHAIN);
	spec_dnat(w, &t->fw->env, &t->rule[i]);
}

/* A rule with a remote host is the closer match: it stands before the one that
 * takes the same port from anybody. */
static void sync_dnat_remote(const struct ipt_text *t, struct wr *w, size_t i)
{
	if (t->rule[i].remote.ip)
		put_dnat(t, w, i);
}

static void sync_dnat_any(const struct ipt_text *t, struct wr *w, size_t i)
{
	if (!t->rule[i].remote.ip)
		put_dnat(t, w, i);
}

static void sync_snat(const struct ipt_text *t, struct wr *w, size_t i)
{
	wr_z(w, "-A " SNAT_CHAIN);
	spec_snat(w, &t->fw->env, &t->rule[i]);
}

static void sync_end(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;
	size_t i;

	for (i = 0; env->masquerade && i < env->net_n; i++) {
		if (env->net[i].ip)
			wr_fmt(w, "-A " SNAT_CHAIN " -s %s -o %s -j MASQUERADE"
			       "\n", backend_net(&env->net[i]).z, env->ext_if);
	}
	wr_z(w, "COMMIT\n");
}

static const struct ipt_step sync_steps[] = {
	{ sync_filter, sync_accept },
	{ sync_nat, sync_dnat_remote },
	{ NULL, sync_dnat_any },
	{ NULL, sync_snat },
	{ sync_end, NULL },
	{ NULL, NULL },
};

static int ipt_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct ipt_scan found;
	struct ipt_text t = {
		.fw = fw,
		.found = &found,
		.step = sync_steps,
		.rule = rule,
		.n = n,
	};
	int rc;

	rc = scan_all(fw, &found);
	return rc ? rc : restore(fw, &t);
}

/* ---- apply: a batch ------------------------------------------------ */

struct ipt_spec {
	const char *chain;
	void (*put)(struct wr *, const struct natfw_env *,
		    const struct nat_rule *);
};

static const struct ipt_spec spec_of_accept = { ACCEPT_CHAIN, spec_accept };
static const struct ipt_spec spec_of_dnat = { DNAT_CHAIN, spec_dnat };
static const struct ipt_spec spec_of_snat = { SNAT_CHAIN, spec_snat };

/* @place: where in the chain, from 1; 0: at its end */
static void put_op(const struct ipt_text *t, struct wr *w, size_t i,
		   const struct ipt_spec *spec, size_t place)
{
	const struct nat_op *op = &t->op[i];
	const struct nat_rule *old = natfw_at_key(t->fw, &op->rule);

	if (old) {
		wr_fmt(w, "-D %s", spec->chain);
		spec->put(w, &t->fw->env, old);
	}
	if (op->verb != NAT_SET)
		return;
	if (place)
		wr_fmt(w, "-I %s %u", spec->chain, (unsigned)place);
	else
		wr_fmt(w, "-A %s", spec->chain);
	spec->put(w, &t->fw->env, &op->rule);
}

static void apply_filter(const struct ipt_text *t, struct wr *w)
{
	wr_z(w, "*filter\n");
}

static void apply_accept(const struct ipt_text *t, struct wr *w, size_t i)
{
	put_op(t, w, i, &spec_of_accept, 0);
}

static void apply_nat(const struct ipt_text *t, struct wr *w)
{
	wr_z(w, "COMMIT\n*nat\n");
}

static void apply_dnat(const struct ipt_text *t, struct wr *w, size_t i)
{
	/* 2: right after the guard */
	put_op(t, w, i, &spec_of_dnat, t->op[i].rule.remote.ip ? 2 : 0);
}

/* Before the masquerade rules, after the guard and what stands before it. */
static void apply_snat(const struct ipt_text *t, struct wr *w, size_t i)
{
	const struct natfw_env *env = &t->fw->env;
	size_t place = 2, j;

	for (j = 0; env->hairpin && j < env->net_n; j++)
		place += env->net[j].ip != 0;
	put_op(t, w, i, &spec_of_snat, place);
}

static void apply_end(const struct ipt_text *t, struct wr *w)
{
	wr_z(w, "COMMIT\n");
}

static const struct ipt_step apply_steps[] = {
	{ apply_filter, apply_accept },
	{ apply_nat, apply_dnat },
	{ NULL, apply_snat },
	{ apply_end, NULL },
	{ NULL, NULL },
};

static int ipt_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct ipt_text t = {
		.fw = fw,
		.step = apply_steps,
		.op = op,
		.n = n,
	};

	return restore(fw, &t);
}

/* ---- verify -------------------------------------------------------- */

/* What a scan would find if all were right: the lines sync would write. */
static void scan_expected(struct natfw *fw, const struct nat_rule *rule,
			  size_t n, struct ipt_scan *want)
{
	static const struct ipt_scan unhooked;
	struct ipt_text t = {
		.fw = fw,
		.found = &unhooked,
		.step = sync_steps,
		.rule = rule,
		.n = n,
	};
	char buf[BACKEND_PIECE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str rest, line;

	memset(want, 0, sizeof(*want));
	want->table = "";
	while (text_piece(&t, &w)) {
		rest = wr_done(&w);
		while (str_cut(&rest, '\n', &line))
			scan_line(want, line);
		w.len = 0;
	}
}

static int ipt_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct ipt_scan is, want;
	int rc;

	rc = scan_all(fw, &is);
	if (rc)
		return rc;
	scan_expected(fw, rule, n, &want);
	return !hooked_once(&is) || !backend_same(is.tally, want.tally);
}

/* ---- open and close ------------------------------------------------ */

static bool ipt_usable(const struct natfw_env *env)
{
	return proc_exists("iptables-restore") && proc_exists("iptables-save");
}

static bool ipt_legacy_usable(const struct natfw_env *env)
{
	return proc_exists("iptables-legacy-restore") &&
	       proc_exists("iptables-legacy-save");
}

static bool ipt_nft_usable(const struct natfw_env *env)
{
	return proc_exists("iptables-nft-restore") &&
	       proc_exists("iptables-nft-save");
}

/* Chains that a killed monitor left go on working until the first sync, so
 * that its death costs no connection. */
static int ipt_open(struct natfw *fw, const struct natfw_env *env)
{
	struct ipt_scan found;
	int rc;

	rc = scan_all(fw, &found);
	if (rc)
		return rc;
	if (!hooked_once(&found))
		return ipt_sync(fw, NULL, 0);
	fw->dirty = true;
	return 0;
}

/* Declaring a chain first makes these work where it is missing. */
static void close_filter(const struct ipt_text *t, struct wr *w)
{
	wr_z(w, "*filter\n:" ACCEPT_CHAIN " - [0:0]\n");
	put_unhook(t, w, HOOK_FORWARD);
	wr_z(w, "-X " ACCEPT_CHAIN "\nCOMMIT\n");
}

static void close_nat(const struct ipt_text *t, struct wr *w)
{
	wr_z(w, "*nat\n:" DNAT_CHAIN " - [0:0]\n:" SNAT_CHAIN " - [0:0]\n");
	put_unhook(t, w, HOOK_PRE);
	put_unhook(t, w, HOOK_POST);
	wr_z(w, "-X " DNAT_CHAIN "\n-X " SNAT_CHAIN "\nCOMMIT\n");
}

static const struct ipt_step close_steps[][2] = {
	{ { close_filter, NULL }, { NULL, NULL } },
	{ { close_nat, NULL }, { NULL, NULL } },
};

/* Each table by itself: if one can not be cleaned, the other still is. */
static void ipt_close(struct natfw *fw)
{
	struct ipt_scan found;
	size_t i;

	if (scan_all(fw, &found))
		return;
	for (i = 0; i < sizeof(close_steps) / sizeof(*close_steps); i++) {
		struct ipt_text t = {
			.fw = fw,
			.found = &found,
			.step = close_steps[i],
		};

		restore(fw, &t);
	}
}

/* ---- for "auto" ---------------------------------------------------- */

static bool ipt_decides(const struct natfw_backend *be, const char *table)
{
	struct ipt_scan scan = { 0 };

	return !scan_table(NULL, tool_of(be), table, &scan) && scan.others;
}

/*
 * Does legacy iptables have this table here? Asking the tool would load the
 * module and so make true what was asked.
 */
static bool legacy_has(const char *table)
{
	char buf[256];
	struct str rest, name;
	ssize_t n;
	int fd;

	fd = open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	rest = (struct str){ buf, n > 0 ? (size_t)n : 0 };
	while (str_cut(&rest, '\n', &name))
		if (str_eq(name, str_z(table)))
			return true;
	return false;
}

static bool legacy_decides(const struct natfw_backend *be)
{
	return (legacy_has("filter") && ipt_decides(be, "filter")) ||
	       (legacy_has("nat") && ipt_decides(be, "nat"));
}

static bool ipt_governs(void)
{
	return legacy_decides(&natfw_iptables);
}

static bool ipt_legacy_governs(void)
{
	return legacy_decides(&natfw_iptables_legacy);
}

static bool ipt_nft_governs(void)
{
	return ipt_decides(&natfw_iptables_nft, "filter") ||
	       ipt_decides(&natfw_iptables_nft, "nat");
}

/* ---- three of a kind ----------------------------------------------- */

#define IPT_BACKEND(label, usable_fn, governs_fn) \
	{ \
		.name = label, .usable = usable_fn, .open = ipt_open, \
		.apply = ipt_apply, .sync = ipt_sync, \
		.verify = ipt_verify, .close = ipt_close, \
		.governs = governs_fn, \
	}

const struct natfw_backend natfw_iptables =
	IPT_BACKEND("iptables", ipt_usable, ipt_governs);
const struct natfw_backend natfw_iptables_legacy =
	IPT_BACKEND("iptables-legacy", ipt_legacy_usable, ipt_legacy_governs);
const struct natfw_backend natfw_iptables_nft =
	IPT_BACKEND("iptables-nft", ipt_nft_usable, ipt_nft_governs);
