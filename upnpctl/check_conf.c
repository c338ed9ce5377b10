/* SPDX-License-Identifier: ISC */
/*
 * check_conf.c - checks of the configuration, the access rules, the state
 * directory and the clock. Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "sys/jail.h"
#include "upnpctl/check.h"
#include "upnpctl/source.h"

void check_conf_file(struct check *c)
{
	struct conf_error why;
	int err = conf_read(c->env->file, &c->conf, &why);

	if (err == -ENOENT && source_is_missing(c->env->file)) {
		char text[512];
		struct wr w = wr_init_cut(text, sizeof(text));

		source_put_begin(&w, c->env->file);
		check_report(c, CHECK_PROBLEM, "there is no configuration "
			     "yet, and without it upnpd does not start\n%s",
			     wr_cstr(&w));
		conf_defaults(&c->conf);
		return;
	}
	if (err == -EACCES && geteuid()) {
		check_report(c, CHECK_PROBLEM, "%s\nRun upnpctl check as root",
			     why.text);
		conf_defaults(&c->conf);
		return;
	}
	if (err) {
		check_report(c, CHECK_PROBLEM, "%s: upnpd does not start with "
			  "this file, and the checks that need it are skipped\n"
			  "Correct it; upnpd.conf(5) has every option, and "
			  "upnpd -n -f %s checks the file", why.text,
			  c->env->file);
		/* conf_read() has left a part of the file there */
		conf_defaults(&c->conf);
		return;
	}
	c->have_conf = true;
	if (!c->conf.enabled)
		check_report(c, CHECK_PROBLEM,
			     "upnpd is not enabled: it serves "
			     "no client\nupnpctl set enabled=yes");
	if (!conf_serves(&c->conf))
		check_report(c, CHECK_WARNING, "upnp, nat-pmp and pcp are all "
			     "no: no program can open a port\n"
			     "upnpctl set upnp=yes nat-pmp=yes pcp=yes");
	if (!conf_external(&c->conf))
		check_report(c, CHECK_PROBLEM, "no external interface is "
			     "enabled: no port can be opened\n"
			     "upnpctl interfaces add interface=NAME "
			     "type=external disabled=no");
	else if (conf_missing(&c->conf))
		check_report(c, CHECK_PROBLEM, "no internal interface is "
			     "enabled: no program can ask for a port\n"
			     "upnpctl interfaces add interface=NAME "
			     "type=internal disabled=no");
	check_report_ok(c, "%s has no errors, and upnpd is enabled",
			c->env->file);
}

/* ---- access rules --------------------------------------------------- */

static bool within(uint16_t lo, uint16_t hi, uint16_t in_lo, uint16_t in_hi)
{
	return lo >= in_lo && hi <= in_hi;
}

/* Does the deny line @d deny everything that the allow line @a allows to @net?
 * @net must lie within the network of @a. */
static bool denies_all(const struct policy_rule *d, const struct policy_rule *a,
		       const struct addr_net *net)
{
	return !d->allow && d->net.bits <= net->bits &&
	       addr_in(&d->net, net->addr) &&
	       within(a->ext_lo, a->ext_hi, d->ext_lo, d->ext_hi) &&
	       within(a->int_lo, a->int_hi, d->int_lo, d->int_hi);
}

bool check_conf_open(const struct policy_rule *rule, size_t n,
		     const struct addr_net *net)
{
	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *a = &rule[i];
		const struct addr_net *both = net;	/* the narrower one */
		size_t j = 0;

		if (addr_in(net, a->net.addr) && a->net.bits >= net->bits)
			both = &a->net;
		if (!a->allow || !addr_in(&a->net, both->addr))
			continue;
		while (j < i && !denies_all(&rule[j], a, both))
			j++;
		if (j == i)
			return true;
	}
	return n == 0;
}

/* Where lines exist and none matches, a pinhole is refused as well. */
static void check_pinhole_access(struct check *c)
{
	char prefix[ADDR_NET_TEXT_MAX];
	struct wr w = wr_init(prefix, sizeof(prefix));
	struct addr_net net;

	for (size_t i = 0; i < c->fw6.net_n; i++) {
		net = c->fw6.net[i].net;
		if (addr_kind(net.addr) != ADDR_KIND_GLOBAL ||
		    check_conf_open(c->conf.rule, c->conf.rule_n, &net))
			continue;
		net.addr = addr_net_first(&net);
		addr_net_write(&w, &net);
		wr_cstr(&w);
		check_report(c, CHECK_WARNING, "the allow and deny lines allow "
			     "no pinhole to any client of %s (%s)\n"
			     "Add a line such as: allow 1024-65535 %s "
			     "1024-65535", prefix, c->fw6.net[i].ifname,
			     prefix);
		return;
	}
}

void check_conf_access(struct check *c)
{
	const struct conf *conf = &c->conf;
	size_t denied = 0;

	for (size_t i = 0; i < c->fw.net_n; i++)
		denied += !check_conf_open(conf->rule, conf->rule_n,
					   &c->fw.net[i].net);
	if (denied)
		check_report(
			c, denied == c->fw.net_n ? CHECK_PROBLEM :
			CHECK_WARNING,
			"the allow and deny lines allow no client of %s "
			"anything: every request from there is refused\nThe "
			"first line that matches decides; add one such as: "
			"allow 1024-65535 NETWORK 1024-65535",
			denied == c->fw.net_n ? "the internal networks"
					  : "one internal network");
	check_pinhole_access(c);
	check_report_ok(c, conf->rule_n ?
			"the allow and deny lines allow clients ports" :
			"every host of the internal networks may open ports "
			"from 1024 up");
}

/* ---- dangers -------------------------------------------------------- */

/* Is a whole internal network of @fw in the list, more than a single host? */
static bool has_network(const struct conf_networks *list,
			const struct natfw_env *fw)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < fw->net_n; k++)
			if (list->at[i].bits <= fw->net[k].net.bits &&
			    addr_in(&list->at[i], fw->net[k].net.addr))
				return true;
	return false;
}

void check_conf_dangers(struct check *c)
{
	const struct conf_networks *list = &c->conf.pcp_third_party;

	if (c->conf.pcp && (has_network(list, &c->fw) ||
			    has_network(list, &c->fw6)))
		check_report(c, CHECK_WARNING, "pcp-third-party has a whole "
			     "internal network: each program there may open "
			     "ports of every other host\n"
			     "Name only the hosts that need it, such as "
			     "192.168.88.10/32");
	if (c->conf.upnp && !c->conf.secure_mode)
		check_report(c, CHECK_WARNING, "secure-mode = no is dangerous: "
			     "each program on the LAN may open ports of every "
			     "other host\n"
			     "upnpctl set secure-mode=yes");
	if (c->conf.upnp && c->conf.allow_disable_external)
		check_report(c, CHECK_WARNING, "allow-disable-external-"
			     "interface = yes is dangerous: each program on "
			     "the LAN may cut off the Internet access\n"
			     "upnpctl set allow-disable-external-interface=no");
	check_report_ok(c, "clients open ports only to themselves, and cannot "
			"take the external interface down");
}

/* ---- the clock ------------------------------------------------------ */

/* A minute: the clock of the machine that made a file may differ. */
#define CLOCK_SLACK_S 60

/* A clock that is earlier than the date of a file is wrong. The program's own
 * file has the date of its build or installation. */
void check_conf_clock(struct check *c)
{
	const char *const files[] = { "/proc/self/exe", c->env->file };
	const char *const what[] = { "the program", "the configuration" };
	int64_t now = time(NULL);
	bool seen = false;
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		if (stat(files[i], &st))
			continue;
		seen = true;
		if (st.st_mtime <= now + CLOCK_SLACK_S)
			continue;
		check_report(c, CHECK_WARNING, "the clock is behind the date "
			     "of %s: the log and permanent leases will have "
			     "wrong times\n"
			     "Set the clock, or check that NTP runs", what[i]);
		return;
	}
	if (!seen)
		check_report(c, CHECK_WARNING, "the clock cannot be compared "
			     "with the date of a file, because none can be "
			     "read\n"
			     "Mount /proc");
	check_report_ok(c, "the clock is not behind the date of the program");
}

/* ---- the state directory -------------------------------------------- */

/* upnpd changes the owner of a directory that root owns only if it is empty. */
static void check_takeover(struct check *c)
{
	const char *dir = c->conf.state_dir;
	int err = jail_dir_empty(dir);

	if (err == -ENOTEMPTY)
		check_report(c, CHECK_PROBLEM, "state-dir %s belongs to root "
			     "and has files in it: upnpd does not change its "
			     "owner and does not start\n"
			     "Set state-dir to a directory of its own, or give "
			     "this one to the user %s", dir, c->conf.user);
	else if (err == -EACCES)
		check_report(c, CHECK_WARNING, "only root can find out whether "
			     "state-dir %s has files in it\n"
			     "Run upnpctl check as root", dir);
	else if (err)
		check_report(c, CHECK_PROBLEM, "state-dir %s cannot be read "
			  "(%s): upnpd does not start\nCheck its file system, "
			  "or set state-dir to another place", dir,
			  strerror(-err));
}

/* Check the file system of @path: the directory, or its parent. */
static void check_space(struct check *c, const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs))
		check_report(c, CHECK_WARNING, "the file system of state-dir "
			     "%s cannot be checked: %s\n"
			     "Check that it is mounted, and that this user may "
			     "access it", c->conf.state_dir, strerror(errno));
	else if (fs.f_flag & ST_RDONLY)
		check_report(c, CHECK_PROBLEM, "state-dir %s is on a read-only "
			  "file system: mappings are stored beside the "
			  "pid-file and lost at a reboot\nSet state-dir to a "
			  "directory that can be written", c->conf.state_dir);
	else if (!fs.f_bavail || (fs.f_files && !fs.f_favail))
		check_report(c, CHECK_PROBLEM, "the file system of state-dir "
			     "%s is full: mappings are lost at a restart\n"
			     "Free space there, or set state-dir to another "
			     "directory", c->conf.state_dir);
}

/* Check that jail_dir() would accept the directory and that the engine can
 * write there. */
static void check_owner(struct check *c, const struct stat *st)
{
	const char *dir = c->conf.state_dir;
	uid_t uid;
	gid_t gid;

	if (!S_ISDIR(st->st_mode)) {
		check_report(c, CHECK_PROBLEM, "state-dir %s is not a "
			     "directory: upnpd does not start\n"
			     "Move it away; upnpd creates the directory", dir);
	} else if (jail_user(c->conf.user, &uid, &gid) < 0) {
		check_report(c, CHECK_PROBLEM, "/etc/passwd cannot be read: "
			  "upnpd does not start\nRepair it, or remove it");
	} else if (c->daemon && (st->st_uid != uid ||
				 (st->st_mode & 0700) != 0700)) {
		check_report(c, CHECK_PROBLEM, "state-dir %s cannot be written "
			     "by upnpd's engine: mappings are lost at a "
			     "restart\n"
			     "Restart upnpd, which changes the directory's "
			     "owner if it is empty or does not belong to root",
			     dir);
	} else if (!c->daemon && !st->st_uid && uid) {
		check_takeover(c);
	}
}

static bool parent_of(const char *dir, char ret[CONF_STR_MAX])
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	while (n > 0 && dir[n - 1] != '/')
		n--;
	return str_copy(ret, CONF_STR_MAX, (struct str){ dir, n ? n : 1 });
}

/* upnpd creates the directory at its first start, but not its parent. */
static void check_missing(struct check *c)
{
	char parent[CONF_STR_MAX];
	struct stat st;

	if (!parent_of(c->conf.state_dir, parent) ||
	    stat(parent, &st) || !S_ISDIR(st.st_mode))
		check_report(c, CHECK_PROBLEM, "state-dir %s is missing, and "
			     "so is its parent directory: mappings are stored "
			     "beside the pid-file and lost at a reboot\n"
			     "mkdir -p %s", c->conf.state_dir, parent);
	else if (c->daemon)
		check_report(c, CHECK_PROBLEM, "state-dir %s is missing: "
			     "mappings are lost at a restart\n"
			     "Restart upnpd, which creates it",
			     c->conf.state_dir);
	else
		check_space(c, parent);
	check_report_ok(c, "state-dir %s will be created at the first start",
		   c->conf.state_dir);
}

void check_conf_state_dir(struct check *c)
{
	struct stat st;

	if (!lstat(c->conf.state_dir, &st)) {
		check_owner(c, &st);
		check_space(c, c->conf.state_dir);
	} else if (errno == ENOENT) {
		check_missing(c);
	} else {
		check_report(c, geteuid() ? CHECK_WARNING : CHECK_PROBLEM,
			  "state-dir %s cannot be checked: %s\n"
			  "%s", c->conf.state_dir, strerror(errno),
			  geteuid() ? "Run upnpctl check as root" :
			  "Set state-dir to a directory that can be accessed");
	}
	check_report_ok(c, "state-dir %s can be written by upnpd's engine",
		   c->conf.state_dir);
}
