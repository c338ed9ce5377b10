/* SPDX-License-Identifier: ISC */
/*
 * check_firewall.c - checks of the rules that stand, and of the tools that
 * upnpd needs to add its own.
 *
 * Never does: load a kernel module by asking. So legacy iptables is not asked
 * for a table by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "upnpctl/check.h"
#include "map/policy.h"
#include "natfw.h"

/* ---- the tools ------------------------------------------------------- */

/* Names as upnpd.conf's backend has them. */
static const struct {
	const char *backend;
	const char *argv[4];
	void (*line)(void *, struct str);
} tools[TOOLS] = {
	[TOOL_NFT] = { "nft", { "nft", "list", "ruleset" }, rules_nft },
	[TOOL_LEGACY] = { "iptables-legacy", { "iptables-legacy-save" },
			  rules_ipt },
	[TOOL_XTNFT] = { "iptables-nft", { "iptables-nft-save" }, rules_ipt },
	[TOOL_PLAIN] = { "iptables", { "iptables-save" }, rules_ipt },
};

static int list(struct check *c, enum check_tool t)
{
	struct proc proc = {
		.argv = tools[t].argv,
		.line = tools[t].line,
		.arg = &c->rules[t],
		.deadline_ms = PROC_DEADLINE_MS,
	};
	struct wr w = wr_init_cut(c->why, sizeof(c->why));
	int rc;

	rules_begin(&c->rules[t], &c->flow);
	rc = proc_run(&proc);
	if (rc && rc != -ENOENT) {
		wr_fmt(&w, "%s: %s", proc.argv[0], *proc.err ? proc.err :
		       rc < 0 ? strerror(-rc) : "it failed");
		wr_cstr(&w);
	}
	return rc > 0 ? -EIO : rc;
}

/* Plain iptables is one of the other two where those are there. */
static void list_all(struct check *c)
{
	for (int t = 0; t < TOOL_PLAIN; t++)
		c->listed[t] = list(c, t);
	c->listed[TOOL_PLAIN] =
		c->listed[TOOL_LEGACY] == -ENOENT &&
		c->listed[TOOL_XTNFT] == -ENOENT ? list(c, TOOL_PLAIN) :
						   -ENOENT;
}

/* upnpd needs no nft for its rules, but without it nobody sees others'. */
static bool unseen(const struct check *c)
{
	return c->listed[TOOL_NFT] == -ENOENT &&
	       ((c->backend && !strcmp(c->backend, natfw_netlink.name)) ||
		natfw_netlink.governs());
}

/* Is there a tool whose rules are not known? */
static bool blind(const struct check *c)
{
	if (unseen(c))
		return true;
	for (int t = 0; t < TOOLS; t++)
		if ((c->listed[t] && c->listed[t] != -ENOENT) ||
		    c->rules[t].over)
			return true;
	return false;
}

/* ---- the backend ----------------------------------------------------- */

/* What keeps the backend from being used, or NULL: only root may ask the kernel
 * for nf_tables. */
static const char *unusable(const struct natfw_backend *be,
			    const struct natfw_env *env)
{
	bool kernel = be == &natfw_netlink;

	if ((kernel && geteuid()) || be->usable(env))
		return NULL;
	return kernel ? "the kernel has no nf_tables" :
			"that tool is not installed";
}

void check_firewall_backend(struct check *c)
{
	const char *name = c->conf.backend, *why;
	struct natfw_env env = { .hairpin = false };
	const struct natfw_backend *be;
	const char *lacks;

	be = natfw_find(name, &env, &why);
	if (!be) {
		check_report(c, CHECK_PROBLEM, "%s: upnpd can not open a port\n"
			  "Install nftables or iptables", why);
		return;
	}
	c->backend = *c->backend_run ? c->backend_run : be->name;
	lacks = unusable(be, &env);
	if (lacks)
		check_report(c, CHECK_PROBLEM,
			     "backend = %s, but %s: upnpd can "
			     "not open a port\nInstall it, or set backend=auto",
			     name, lacks);
	else if (!strcmp(be->name, "memory"))
		check_report(c, CHECK_PROBLEM, "backend = memory: upnpd opens "
			  "ports in its memory only\nupnpctl set "
			  "backend=auto");
	check_report_ok(c, "upnpd %s %s (%s)", c->daemon ? "uses" : "would use",
		   c->backend, why);
}

/* ---- the kernel ------------------------------------------------------ */

#define CONNTRACK "/proc/sys/net/netfilter/nf_conntrack_"

/* Return: 1 its name is in the file, 0 not, -1 there is no such file */
static int named_in(const char *path)
{
	static const char name[] = "nf_conntrack";
	char buf[4096];
	size_t at = 0;		/* letters of the name met so far */
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (n > 0 && name[at]) {
		n = read(fd, buf, sizeof(buf));
		for (ssize_t i = 0; i < n && name[at]; i++)
			at = buf[i] == name[at] ? at + 1 : buf[i] == *name;
	}
	close(fd);
	return !name[at];
}

/* As a module that is not loaded? Where nothing tells, it may be. */
static bool may_be_loaded(void)
{
	static const char *const lists[] = { "dep", "builtin" };
	char path[128];
	struct utsname u;
	int told = -1, in;

	if (uname(&u))
		return true;
	for (size_t i = 0; i < 2; i++) {
		struct wr w = wr_init(path, sizeof(path));

		wr_fmt(&w, "/lib/modules/%s/modules.%s", u.release, lists[i]);
		in = named_in(wr_cstr(&w));
		told = in > told ? in : told;
	}
	return told;
}

void check_firewall_kernel(struct check *c)
{
	int64_t max = check_report_number(CONNTRACK "max");
	int64_t count = check_report_number(CONNTRACK "count");

	if (max < 0 && !may_be_loaded())
		check_report(c, CHECK_PROBLEM, "the kernel has no connection "
			  "tracking: it can not translate addresses\nInstall "
			  "its modules (OpenWrt: kmod-nf-conntrack, "
			  "kmod-nf-nat), or another kernel");
	else if (max > 0 && count >= max - max / 20)
		check_report(c, CHECK_WARNING,
			     "the kernel tracks %llu of at most "
			     "%llu flows: new ones are dropped\nsysctl -w "
			     "net.netfilter.nf_conntrack_max=%llu",
			     (unsigned long long)count, (unsigned long long)max,
			     (unsigned long long)max * 2);
	check_report_ok(c, max < 0 ? "connection tracking is not loaded, as it "
		   "seems; the first rule loads it" :
		   "the kernel tracks connections");
}

/* ---- several at once ------------------------------------------------- */

void check_firewall_others(struct check *c)
{
	char used[64];
	struct wr w = wr_init_cut(used, sizeof(used));
	unsigned n = 0;

	list_all(c);
	if (unseen(c))
		check_report_ok(
			c, "the rules of nf_tables can not be seen: nft is "
			   "not installed, and upnpd does not need it");
	else if (blind(c))
		check_report(
			c, CHECK_WARNING,
			"the firewall's rules are not all "
			"known: %s\n%s",
			*c->why ? c->why : "there are too many chains",
			geteuid() ? "Run upnpctl check as root"
				  : "See what the tool says when you run it");
	for (int t = 0; t < TOOLS; t++)
		if (!c->listed[t] && c->rules[t].used)
			wr_fmt(&w, "%s%s", n++ ? " and " : "",
			       tools[t].backend);
	wr_cstr(&w);
	if (n > 1)
		check_report(c, CHECK_WARNING,
			     "%s rules are in use: a packet has "
			     "to pass all of them, upnpd opens ports in one\n"
			     "Keep one, and take the other's rules out",
			     used);
	check_report_ok(
		c, n ? "the rules in use are %s's" : "no rules are in use%s",
		used);
}

/* ---- on the way out -------------------------------------------------- */

/* Those whose addresses nobody outside could answer. */
static uint32_t private_nets(const struct rules_flow *f)
{
	uint32_t ret = 0;

	for (size_t i = 0; i < f->n; i++)
		if (policy_private(f->net[i].ip))
			ret |= UINT32_C(1) << i;
	return ret;
}

static void say_net(struct check *c, const struct rules_net *net)
{
	char text[24];
	struct wr w = wr_init(text, sizeof(text));

	wr_net(&w, net->ip, net->mask);
	wr_cstr(&w);
	check_report(
		c, CHECK_PROBLEM,
		"nothing translates %s (%s) on its way out "
		"by %s: its hosts have no Internet, and no answer through a "
		"port arrives\nAdd a masquerade rule to the firewall, or: "
		"upnpctl set masquerade=yes",
		text, net->ifname, c->ext->name);
}

void check_firewall_masquerade(struct check *c)
{
	uint32_t lacking = private_nets(&c->flow);

	if (c->conf.masquerade) {
		check_report_ok(
			c, "upnpd translates the internal networks itself");
		return;
	}
	for (int t = 0; t < TOOLS; t++)
		if (!c->listed[t])
			lacking &= ~rules_masquerade(&c->rules[t]);
	for (size_t i = 0; i < c->flow.n && !blind(c); i++)
		if (lacking >> i & 1)
			say_net(c, &c->flow.net[i]);
	if (!lacking)
		check_report_ok(c,
				"the internal networks are translated on their "
				"way out");
}

/* ---- on the way in --------------------------------------------------- */

/* Do upnpd's rules stand where this tool's do? */
static bool works_with(const char *backend, int tool)
{
	return !strcmp(backend, tools[tool].backend) ||
	       (tool == TOOL_NFT && !strcmp(backend, natfw_netlink.name));
}

/* Will upnpd put its accept where @tool's chain drops, once it runs? */
static bool will_open(const struct check *c, int tool,
		      const struct rules_base *base)
{
	struct str name = str_z(base->name);

	if (c->daemon || !c->backend)
		return false;
	if (!strcmp(c->backend, "iptables"))
		return tool != TOOL_NFT;
	if (!works_with(c->backend, tool))
		return false;
	return tool != TOOL_NFT || !*c->conf.nft_table ||
	       str_starts(name, str_z(c->conf.nft_table));
}

static void say_block(struct check *c, int tool, const struct rules_base *base)
{
	const char *backend = tools[tool].backend;
	const char *use = tool == TOOL_NFT ? natfw_netlink.name : backend;

	if (c->backend && strcmp(c->backend, "iptables") &&
	    !works_with(c->backend, tool))
		check_report(c, CHECK_PROBLEM, "the %s chain %s drops what an "
			  "open port lets in, and upnpd works with %s\n"
			  "upnpctl set backend=%s, or take that chain out",
			  backend, base->name, c->backend, use);
	else if (tool == TOOL_NFT && *c->conf.nft_table)
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops what an "
			  "open port lets in, and upnpd's accept is not in "
			  "it\nSet nft-table and nft-forward-chain to it, or "
			  "unset both", base->name);
	else
		check_report(c, CHECK_PROBLEM, "the %s chain %s drops what an "
			  "open port lets in before upnpd's accept, or that "
			  "is missing\nupnpctl resync; if that does not help, "
			  "move the dropping rule to the end", backend,
			  base->name);
}

/* A configured chain that is not there: nothing is opened then. */
static void check_chain(struct check *c)
{
	struct conf *conf = &c->conf;

	if (!*conf->nft_table || !c->backend ||
	    !works_with(c->backend, TOOL_NFT) || c->listed[TOOL_NFT] ||
	    rules_has(&c->rules[TOOL_NFT], conf->nft_table, conf->nft_chain))
		return;
	check_report(c, CHECK_PROBLEM, "there is no chain %s in the nft table "
		  "%s: upnpd can not put its accept there\nCorrect nft-table "
		  "and nft-forward-chain, or unset both", conf->nft_chain,
		  conf->nft_table);
}

void check_firewall_forward(struct check *c)
{
	const struct rules_base *base;
	uint32_t nets;

	check_chain(c);
	for (int t = 0; t < TOOLS; t++) {
		base = c->listed[t] ? NULL : rules_block(&c->rules[t], &nets);
		if (base && !will_open(c, t, base))
			say_block(c, t, base);
	}
	if (!blind(c))
		check_report_ok(c, "no rule drops what an open port lets in%s",
			   c->daemon ? "" : ", once upnpd runs");
}
