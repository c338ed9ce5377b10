/* SPDX-License-Identifier: ISC */
/*
 * check_firewall.c - checks of the firewall's rules, and of the tools that
 * upnpd needs to add its own.
 *
 * Never does: list a table of legacy iptables by name, because that creates the
 * table.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "upnpctl/check.h"
#include "upnpctl/check_ipt.h"
#include "upnpctl/check_nft.h"
#include "map/policy.h"
#include "natfw.h"

/* ---- the rules ------------------------------------------------------- */

/* For each source of rules: its name for the operator, and the backend that
 * adds rules there. */
static const struct {
	const char *name, *backend;
	const char *argv[2];		/* the command that lists the rules */
} sources[CHECK_SOURCES] = {
	[CHECK_NFT] = { "nft", "netlink", { NULL } },
	[CHECK_LEGACY] = { "iptables-legacy", "iptables-legacy",
			   { "iptables-legacy-save" } },
	[CHECK_XTNFT] = { "iptables-nft", "iptables-nft",
			  { "iptables-nft-save" } },
	[CHECK_PLAIN] = { "iptables", "iptables", { "iptables-save" } },
};

/* Note why some rules were not read. Only the first reason is kept. */
__attribute__((format(printf, 3, 4)))
static void note_unread(struct check *c, const char *remedy,
			const char *fmt, ...)
{
	struct wr w = wr_init_cut(c->unread, sizeof(c->unread));
	va_list ap;

	if (*c->unread)
		return;
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	wr_cstr(&w);
	c->remedy = remedy;
}

static int list_kernel(struct check *c)
{
	int rc = check_nft_read(&c->rules[CHECK_NFT], &c->flow);

	if (rc == -EINTR)
		note_unread(c, "Run upnpctl check again",
			    "nf_tables changed during each try");
	else if (rc && rc != -ENOENT)
		note_unread(c, rc == -EPERM ? "Run upnpctl check as root" :
			    "Run upnpctl check again", "nf_tables: %s",
			    strerror(-rc));
	return rc;
}

static int list_by_tool(struct check *c, enum check_source t)
{
	struct check_ipt ipt = { .rules = &c->rules[t] };
	struct proc proc = {
		.argv = sources[t].argv,
		.line = check_ipt_line,
		.arg = &ipt,
		.deadline_ms = PROC_DEADLINE_MS,
	};
	int rc;

	check_rules_begin(&c->rules[t], &c->flow);
	rc = proc_run(&proc);
	if (rc && rc != -ENOENT)
		note_unread(c, geteuid() ? "Run upnpctl check as root" :
			    "Run that tool and see its message", "%s: %s",
			    proc.argv[0], *proc.err ? proc.err :
			    rc < 0 ? strerror(-rc) : "it failed");
	return rc > 0 ? -EIO : rc;
}

/* Does the kernel have tables of legacy iptables? */
static bool has_legacy(void)
{
	char buf[64];
	struct str names;

	return check_report_read(buf, sizeof(buf), &names,
			  "/proc/net/ip_tables_names") && names.n;
}

/* Chains of the iptables command in nf_tables are checked as iptables-save
 * lists them. Where it cannot list them, the kernel's dump is enough, unless
 * they have matches or targets of iptables. */
static void choose_xt_source(struct check *c)
{
	struct check_rules *nft = &c->rules[CHECK_NFT];

	if (!c->listed[CHECK_XTNFT])
		nft->xt_ignored = c->rules[CHECK_XTNFT].xt_listed;
	else if (!c->listed[CHECK_PLAIN] && !has_legacy())
		nft->xt_ignored = c->rules[CHECK_PLAIN].xt_listed;
	if (nft->xt_used & nft->xt_opaque & ~nft->xt_ignored)
		note_unread(c, "Install iptables-nft", "there are rules "
			    "of iptables-nft, whose tool is not installed "
			    "or does not list them");
	if (c->listed[CHECK_LEGACY] == -ENOENT &&
	    c->listed[CHECK_PLAIN] == -ENOENT && has_legacy())
		note_unread(c, "Install iptables-legacy", "there are tables of "
			    "iptables-legacy, which is not installed");
}

/* Plain iptables is another name of one of the two variants, so run it only if
 * neither is installed. */
static void list_all(struct check *c)
{
	bool any = false;

	c->listed[CHECK_NFT] = list_kernel(c);
	c->listed[CHECK_LEGACY] = list_by_tool(c, CHECK_LEGACY);
	c->listed[CHECK_XTNFT] = list_by_tool(c, CHECK_XTNFT);
	c->listed[CHECK_PLAIN] =
		c->listed[CHECK_LEGACY] == -ENOENT &&
		c->listed[CHECK_XTNFT] == -ENOENT ?
		list_by_tool(c, CHECK_PLAIN) : -ENOENT;
	choose_xt_source(c);
	for (int t = 0; t < CHECK_SOURCES; t++) {
		any |= c->listed[t] != -ENOENT;
		if (c->rules[t].over)
			note_unread(c, "Check the forward chains by hand",
				    "there are too many chains");
	}
	if (!any)
		note_unread(c, "Install nf_tables or iptables", "the kernel "
			    "has no nf_tables, and iptables is not installed");
}

/* ---- the backend ----------------------------------------------------- */

/* Only root can ask the kernel for nf_tables; the status file of a running
 * daemon has the answer. Return: true if the check is done, false if it must
 * continue */
static bool check_without_root(struct check *c)
{
	const char *name = c->conf.backend;

	if (!geteuid() || (strcmp(name, "auto") && strcmp(name, "netlink")))
		return false;
	c->backend = *c->backend_run ? c->backend_run : NULL;
	if (!c->backend)
		check_report(c, CHECK_WARNING, "backend = %s, and only root "
			     "can find out whether the kernel has nf_tables\n"
			     "Run upnpctl check as root", name);
	check_report_ok(c, "upnpd uses %s", c->backend_run);
	return true;
}

void check_firewall_backend(struct check *c)
{
	const char *name = c->conf.backend, *why;
	struct natfw_env env = { .hairpin = false };
	const struct natfw_backend *be;

	if (check_without_root(c))
		return;
	be = natfw_find(name, &env, &why);
	if (!be) {
		check_report(c, CHECK_PROBLEM, "%s: upnpd cannot open a port\n"
			  "Install nftables or iptables", why);
		return;
	}
	c->backend = *c->backend_run ? c->backend_run : be->name;
	if (!be->usable(&env))
		check_report(c, CHECK_PROBLEM, "backend = %s, but %s: upnpd "
			     "cannot open a port\n"
			     "Install it, or set backend=auto", name,
			     be == &natfw_netlink ?
			     "the kernel has no nf_tables" :
			     "that tool is not installed");
	else if (!strcmp(be->name, "memory"))
		check_report(c, CHECK_PROBLEM, "backend = memory: upnpd "
			     "changes no firewall and opens no port\n"
			     "upnpctl set backend=auto");
	check_report_ok(c, "upnpd %s %s (%s)", c->daemon ? "uses" : "would use",
		   c->backend, why);
}

/* ---- the kernel ------------------------------------------------------ */

#define CONNTRACK "/proc/sys/net/netfilter/nf_conntrack_"

/* Return: 1 if the file contains the name of the module, 0 if not, -1 if there
 * is no such file */
static int has_module_name(const char *path)
{
	static const char name[] = "nf_conntrack";
	char buf[4096];
	size_t at = 0;		/* letters of the name matched so far */
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

/* Is there a module that can be loaded? True if there is no list of modules. */
static bool may_be_loaded(void)
{
	static const char *const lists[] = { "dep", "builtin" };
	char path[128];
	struct utsname u;
	int found = -1, in;

	if (uname(&u))
		return true;
	for (size_t i = 0; i < 2; i++) {
		struct wr w = wr_init(path, sizeof(path));

		wr_fmt(&w, "/lib/modules/%s/modules.%s", u.release, lists[i]);
		in = has_module_name(wr_cstr(&w));
		found = in > found ? in : found;
	}
	return found;
}

void check_firewall_kernel(struct check *c)
{
	int64_t max = check_report_number(CONNTRACK "max");
	int64_t count = check_report_number(CONNTRACK "count");

	if (max < 0 && !may_be_loaded())
		check_report(c, CHECK_PROBLEM, "the kernel has no connection "
			  "tracking: it cannot translate addresses\nInstall "
			  "its modules (OpenWrt: kmod-nf-conntrack, "
			  "kmod-nf-nat), or another kernel");
	else if (max > 0 && count >= max - max / 20)
		check_report(c, CHECK_WARNING, "the kernel tracks %llu of at "
			     "most %llu flows: new ones are dropped\n"
			     "sysctl -w net.netfilter.nf_conntrack_max=%llu",
			     (unsigned long long)count, (unsigned long long)max,
			     (unsigned long long)max * 2);
	check_report_ok(c, max < 0 ? "connection tracking does not seem to be "
		   "loaded; the first rule loads it" :
		   "the kernel tracks connections");
}

/* ---- several firewalls ------------------------------------------------- */

void check_firewall_others(struct check *c)
{
	char used[64];
	struct wr w = wr_init_cut(used, sizeof(used));
	unsigned n = 0;

	list_all(c);
	if (*c->unread)
		check_report(c, CHECK_WARNING, "the firewall's rules could not "
			     "all be read: %s\n"
			     "%s", c->unread, c->remedy);
	for (int t = 0; t < CHECK_SOURCES; t++)
		if (!c->listed[t] && check_rules_used(&c->rules[t]))
			wr_fmt(&w, "%s%s", n++ ? " and " : "", sources[t].name);
	wr_cstr(&w);
	if (n > 1)
		check_report(c, CHECK_WARNING, "%s rules are in use: a packet "
			     "has to pass all of them, but upnpd opens ports "
			     "in only one\n"
			     "Keep one, and remove the other's rules", used);
	check_report_ok(c, n ? "the rules in use are those of %s" :
			"no rules are in use%s", used);
}

/* ---- outgoing: masquerade -------------------------------------------- */

static void report_untranslated(struct check *c, const struct netif_addr *net)
{
	char text[ADDR_NET_TEXT_MAX];
	struct wr w = wr_init(text, sizeof(text));

	addr_net_write(&w, &net->net);
	wr_cstr(&w);
	check_report(c, CHECK_PROBLEM, "nothing translates %s (%s) on its way "
		     "out by %s: its hosts have no Internet access, and "
		     "answers through an open port do not arrive\n"
		     "Add a masquerade rule to the firewall, or: upnpctl set "
		     "masquerade=yes", text, net->ifname, c->ext->name);
}

/* Without all rules nothing is known: a rule that was not read may translate,
 * or drop. */
static void report_unread(struct check *c, const char *result)
{
	check_report(c, CHECK_WARNING, "%s, but not all rules could be read: "
		     "%s\n"
		     "%s", result, c->unread, c->remedy);
}

void check_firewall_masquerade(struct check *c)
{
	uint32_t lacking = 0;	/* networks to be translated, a bit each */

	if (c->conf.masquerade) {
		check_report_ok(c, "upnpd translates the internal networks "
				"itself");
		return;
	}
	for (size_t i = 0; i < c->flow.n; i++)
		if (addr_is_private(c->flow.net[i].net.addr))
			lacking |= UINT32_C(1) << i;
	for (int t = 0; t < CHECK_SOURCES; t++)
		if (!c->listed[t])
			lacking &= ~check_rules_masquerade(&c->rules[t]);
	if (lacking && *c->unread)
		report_unread(c, "no rule that was read translates the "
			      "internal networks");
	for (size_t i = 0; i < c->flow.n && !*c->unread; i++)
		if (lacking >> i & 1)
			report_untranslated(c, &c->flow.net[i]);
	check_report_ok(c, "the internal networks are translated on their way "
			"out");
}

/* ---- incoming: forward chains ---------------------------------------- */

/* Does that backend add its rules where this source's rules are? */
static bool backend_uses(const char *backend, int source)
{
	return !strcmp(backend, sources[source].backend);
}

/* Return the source of that chain: a chain in nf_tables may belong to
 * iptables-nft. */
static int source_of(const struct check *c, int source,
		 const struct check_rules_base *base)
{
	return c->rules[source].chain[base->chain].xt ? CHECK_XTNFT : source;
}

/* Will upnpd add its accept rule to that chain when it is started? */
static bool will_open(const struct check *c, int source,
		      const struct check_rules_base *base)
{
	struct str name = str_z(base->name);

	if (c->daemon || !c->backend)
		return false;
	if (!strcmp(c->backend, "iptables"))
		return source != CHECK_NFT;
	if (!backend_uses(c->backend, source))
		return false;
	return source != CHECK_NFT || !*c->conf.nft_table ||
	       str_starts(name, str_z(c->conf.nft_table));
}

static void report_block(struct check *c, int source,
		      const struct check_rules_base *base)
{
	const char *name = sources[source].name;

	if (c->backend && strcmp(c->backend, "iptables") &&
	    !backend_uses(c->backend, source))
		check_report(c, CHECK_PROBLEM, "the %s chain %s drops packets "
			  "to open ports, and upnpd works with %s\n"
			  "upnpctl set backend=%s, or remove that chain",
			  name, base->name, c->backend,
			  sources[source].backend);
	else if (source == CHECK_NFT && *c->conf.nft_table)
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops packets "
			  "to open ports, and upnpd's accept rule is not in "
			  "it\nSet nft-table and nft-forward-chain to it, or "
			  "unset both", base->name);
	else
		check_report(c, CHECK_PROBLEM, "the %s chain %s drops packets "
			     "to open ports before upnpd's accept rule, or "
			     "that rule is missing\n"
			     "upnpctl resync; if that does not help, move the "
			     "dropping rule to the end", name, base->name);
}

/* Report a configured chain that does not exist: no port is opened then. */
static void check_chain(struct check *c)
{
	struct conf *conf = &c->conf;

	if (!*conf->nft_table || !c->backend ||
	    !backend_uses(c->backend, CHECK_NFT) || c->listed[CHECK_NFT] ||
	    check_rules_has(&c->rules[CHECK_NFT], conf->nft_table,
			    conf->nft_chain))
		return;
	check_report(c, CHECK_PROBLEM, "there is no chain %s in the nft table "
		  "%s: upnpd cannot add its accept rule\nCorrect nft-table "
		  "and nft-forward-chain, or unset both", conf->nft_chain,
		  conf->nft_table);
}

/* Report the first chain of a source that upnpd will not open. */
static void check_source(struct check *c, int source)
{
	const struct check_rules *r = &c->rules[source];
	const struct check_rules_base *base = NULL;
	uint32_t nets;

	while ((base = check_rules_block(r, base, &nets))) {
		if (will_open(c, source_of(c, source, base), base))
			continue;
		report_block(c, source_of(c, source, base), base);
		return;
	}
}

void check_firewall_forward(struct check *c)
{
	check_chain(c);
	for (int t = 0; t < CHECK_SOURCES; t++)
		if (!c->listed[t])
			check_source(c, t);
	if (*c->unread && !c->reported)
		report_unread(c, "no rule that was read drops packets to open "
			      "ports");
	check_report_ok(c, "no rule drops packets to open ports%s",
			c->daemon ? "" : ", once upnpd runs");
}
