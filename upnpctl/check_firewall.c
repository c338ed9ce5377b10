/* SPDX-License-Identifier: ISC */
/*
 * check_firewall.c - checks of the firewall's rules as a whole, and of what
 * upnpd needs to add its own.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/wr.h"
#include "upnpctl/check.h"
#include "map/policy.h"
#include "natfw.h"

/* ---- the backend ---------------------------------------------------- */

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

/* ---- the kernel ----------------------------------------------------- */

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

/* Is there a module that can be loaded? Return: as has_module_name(); -1: there
 * is no list of modules */
static int may_be_loaded(void)
{
	static const char *const lists[] = { "dep", "builtin" };
	char path[128];
	struct utsname u;
	int found = -1, in;

	if (uname(&u))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		struct wr w = wr_init(path, sizeof(path));

		wr_fmt(&w, "/lib/modules/%s/modules.%s", u.release, lists[i]);
		in = has_module_name(wr_cstr(&w));
		found = in > found ? in : found;
	}
	return found;
}

static void report_full(struct check *c, int64_t count, int64_t max)
{
	if (count >= max - max / 20)
		check_report(c, CHECK_WARNING, "the kernel tracks %llu of at "
			     "most %llu flows: new ones are dropped\n"
			     "sysctl -w net.netfilter.nf_conntrack_max=%llu",
			     (unsigned long long)count, (unsigned long long)max,
			     (unsigned long long)max * 2);
	else if (count < 0)
		check_report(c, CHECK_WARNING, "the number of flows that the "
			     "kernel tracks cannot be read: " CONNTRACK
			     "count\n"
			     "Run upnpctl check as root");
}

void check_firewall_kernel(struct check *c)
{
	int64_t max = check_report_number(CONNTRACK "max");
	int found = max < 0 ? may_be_loaded() : 1;

	if (!found)
		check_report(c, CHECK_PROBLEM, "the kernel has no connection "
			  "tracking: it cannot translate addresses\nInstall "
			  "its modules (OpenWrt: kmod-nf-conntrack, "
			  "kmod-nf-nat), or another kernel");
	else if (found < 0)
		check_report(c, CHECK_WARNING, "connection tracking is not "
			     "loaded, and no list of modules shows whether the "
			     "kernel has it\n"
			     "modprobe nf_conntrack");
	else if (max > 0)
		report_full(c, check_report_number(CONNTRACK "count"), max);
	check_report_ok(c, max < 0 ? "connection tracking is not loaded; the "
			"first rule loads it" : "the kernel tracks "
			"connections");
}

/* ---- the rules ------------------------------------------------------ */

const char *check_firewall_name(enum ruleset_kind kind)
{
	static const char *const names[RULESET_KINDS] = {
		[RULESET_NATIVE] = "nft",
		[RULESET_IPT_NFT] = "iptables-nft",
		[RULESET_IPT_LEGACY] = "iptables-legacy",
	};

	return names[kind];
}

static void note_unread(struct check *c, const char *why, const char *remedy)
{
	struct wr w = wr_init_cut(c->unread, sizeof(c->unread));
	struct wr r = wr_init_cut(c->remedy, sizeof(c->remedy));

	wr_z(&w, why);
	wr_cstr(&w);
	if (!*remedy)
		remedy = "Correct that, or check the other rules by hand";
	/* that of ruleset.h is a part of a sentence */
	wr_ch(&r, (char)(*remedy >= 'a' && *remedy <= 'z' ?
			 *remedy - 'a' + 'A' : *remedy));
	wr_z(&r, remedy + 1);
	wr_cstr(&r);
}

static void note_error(struct check *c, int err)
{
	char text[128];
	struct wr w = wr_init_cut(text, sizeof(text));

	wr_fmt(&w, "nf_tables: %s", strerror(-err));
	if (err == -EINTR)
		note_unread(c, "the rules changed during each try",
			    "Run upnpctl check again");
	else
		note_unread(c, wr_cstr(&w), err == -EPERM || err == -EACCES ?
			    "Run upnpctl check as root" :
			    "Run upnpctl check again");
}

/* Read the rules. What was read is used, also if something is missing. */
static void read_rules(struct check *c)
{
	int err;

	c->rules = ruleset_new();
	err = c->rules ? ruleset_read(c->rules) : -ENOMEM;
	if (err)
		note_error(c, err);
	else if (*c->rules->why)
		note_unread(c, c->rules->why, geteuid() ?
			    "Run upnpctl check as root" : c->rules->remedy);
	if (err && err != -EINTR) {
		ruleset_free(c->rules);
		c->rules = NULL;
	} else {
		place_find(c->rules, &c->fw, &c->places);
		place_find(c->rules, &c->fw6, &c->places6);
	}
}

/* Does this chain decide anything that is not upnpd's? */
static bool is_used(const struct ruleset *rs, uint32_t chain)
{
	const struct ruleset_chain *c = &rs->chain[chain];

	for (uint32_t r = c->first; r != RULESET_NONE; r = rs->rule[r].next)
		if (!rs->rule[r].ours)
			return true;
	return c->drop;
}

/* Write the kinds of rules that are in use. Return: how many there are */
static unsigned put_used(const struct ruleset *rs, struct wr *w)
{
	bool used[RULESET_KINDS] = { false };
	unsigned n = 0;

	for (uint32_t i = 0; rs && i < rs->base_n; i++) {
		uint32_t table = rs->chain[rs->base[i]].table;

		if (is_used(rs, rs->base[i]))
			used[rs->table[table].kind] = true;
	}
	for (int k = 0; k < RULESET_KINDS; k++)
		if (used[k])
			wr_fmt(w, "%s%s", n++ ? " and " : "",
			       check_firewall_name(k));
	return n;
}

void check_firewall_others(struct check *c)
{
	char used[64];
	struct wr w = wr_init_cut(used, sizeof(used));
	unsigned n;

	read_rules(c);
	if (*c->unread)
		check_report(c, CHECK_WARNING, "the firewall's rules could not "
			     "all be read: %s\n%s", c->unread, c->remedy);
	n = put_used(c->rules, &w);
	wr_cstr(&w);
	if (n > 1)
		check_report_ok(c, "%s rules are in use: a packet has to pass "
				"all of them, and upnpd opens ports in each "
				"that drops", used);
	check_report_ok(c, n ? "the rules in use are those of %s" :
			"no rules are in use%s", used);
}

void check_firewall_unread(struct check *c, const char *result)
{
	if (*c->unread)
		check_report(c, CHECK_WARNING, "%s, but not all rules could be "
			     "read: %s\n%s", result, c->unread, c->remedy);
}

/* ---- outgoing: masquerade ------------------------------------------- */

static void report_untranslated(struct check *c, const struct netif_addr *net,
				const char *ext, enum walk_hold hold)
{
	char text[ADDR_NET_TEXT_MAX];
	struct wr w = wr_init(text, sizeof(text));

	addr_net_write(&w, &net->net);
	wr_cstr(&w);
	if (hold == WALK_NO)
		check_report(c, CHECK_PROBLEM, "nothing translates %s (%s) on "
			     "its way out by %s: its hosts have no Internet "
			     "access, and answers through an open port do not "
			     "arrive\n"
			     "Add a masquerade rule to the firewall, or: "
			     "upnpctl set masquerade=yes", text, net->ifname,
			     ext);
	else
		check_report(c, CHECK_WARNING, "a rule translates %s (%s) on "
			     "its way out by %s only under a condition: hosts "
			     "or answers that do not meet it have no Internet "
			     "access\n"
			     "Look at the masquerade rules of the firewall, "
			     "or: upnpctl set masquerade=yes", text,
			     net->ifname, ext);
}

/* Follow the first packet of a flow from that network to the Internet. */
static enum walk_hold is_translated(const struct check *c,
				    const struct netif_addr *net,
				    const struct ifstate_ext *ext)
{
	struct walk_packet p = {
		.family = ADDR_IP4,
		.proto = IPPROTO_TCP,
		.iif_index = (uint32_t)net->ifindex,
		.src = net->net,
		.oif_index = (uint32_t)ext->ifindex,
		.dst = { addr_ip4(0), 0 },
		.ct_state = WALK_STATE_NEW,
	};
	enum walk_hold tcp;

	memcpy(p.iif, net->ifname, sizeof(p.iif));
	memcpy(p.oif, ext->name, sizeof(p.oif));
	tcp = walk_masqueraded(c->rules, &p);
	p.proto = IPPROTO_UDP;
	if (walk_masqueraded(c->rules, &p) == tcp)
		return tcp;
	return WALK_DEPENDS;
}

/* Return: false: some network is not translated at that interface */
static bool check_translated(struct check *c, const struct ifstate_ext *ext)
{
	bool all = true;

	for (size_t i = 0; i < c->fw.net_n; i++) {
		enum walk_hold hold = WALK_NO;

		if (!addr_is_private(c->fw.net[i].net.addr))
			continue;
		if (c->rules)
			hold = is_translated(c, &c->fw.net[i], ext);
		all &= hold == WALK_YES;
		if (hold != WALK_YES && !*c->unread)
			report_untranslated(c, &c->fw.net[i], ext->name, hold);
	}
	return all;
}

void check_firewall_masquerade(struct check *c)
{
	const struct ifstate *s = &c->externals.state;
	bool all = true;

	if (c->conf.masquerade) {
		check_report_ok(c, "upnpd translates the internal networks "
				"itself");
		return;
	}
	/* without an address it is a tunnel for IPv6, or down */
	for (size_t i = 0; i < s->ext_n; i++)
		if (i == s->active || ifstate_is_usable(&s->ext[i]))
			all &= check_translated(c, &s->ext[i]);
	if (!all)
		check_firewall_unread(c, "no rule that was read translates the "
				      "internal networks");
	check_report_ok(c, "the internal networks are translated on their way "
			"out");
}
