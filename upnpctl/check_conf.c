/* SPDX-License-Identifier: ISC */
/*
 * check_conf.c - checks of what belongs to upnpd itself: its configuration, its
 * state directory, the clock.
 *
 * Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "sys/jail.h"
#include "upnpctl/check.h"

void check_conf_file(struct check *c)
{
	struct conf_error err;

	if (conf_read(c->env->file, &c->conf, &err)) {
		check_report(c, CHECK_PROBLEM, "%s: upnpd does not start with "
			  "this, and what depends on it is not looked at\n"
			  "Put it right; upnpd.conf(5) has every option, and "
			  "upnpd -n -f %s checks the file", err.text,
			  c->env->file);
		return;
	}
	c->have_conf = true;
	if (!c->conf.enabled)
		check_report(c, CHECK_PROBLEM,
			     "upnpd is not enabled: it serves "
			     "nobody\nupnpctl set enabled=yes");
	if (!conf_external(&c->conf))
		check_report(
			c, CHECK_PROBLEM,
			"no external interface is enabled: "
			"there is no side to open a port on\n"
			"upnpctl interfaces add interface=NAME type=external "
			"disabled=no");
	check_report_ok(c, "%s is good, and upnpd is enabled", c->env->file);
}

/* ---- who may --------------------------------------------------------- */

static bool within(uint16_t lo, uint16_t hi, uint16_t in_lo, uint16_t in_hi)
{
	return lo >= in_lo && hi <= in_hi;
}

/* Does the deny line @d take all that the allow line @a gives to a network
 * that is @ip under the longer one of both masks? */
static bool takes_all(const struct policy_rule *d, const struct policy_rule *a,
		      uint32_t ip, uint32_t mask)
{
	return !d->allow && !(d->net_mask & ~mask) &&
	       !((d->net_ip ^ ip) & d->net_mask) &&
	       within(a->ext_lo, a->ext_hi, d->ext_lo, d->ext_hi) &&
	       within(a->int_lo, a->int_hi, d->int_lo, d->int_hi);
}

bool check_conf_open(const struct policy_rule *rule, size_t n, uint32_t ip,
		uint32_t mask)
{
	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *a = &rule[i];
		bool longer = a->net_mask & ~mask;
		size_t j = 0;

		if (!a->allow || (a->net_ip ^ ip) & a->net_mask & mask)
			continue;
		while (j < i && !takes_all(&rule[j], a,
					   longer ? a->net_ip : ip,
					   a->net_mask | mask))
			j++;
		if (j == i)
			return true;
	}
	return n == 0;
}

void check_conf_access(struct check *c)
{
	const struct conf *conf = &c->conf;
	size_t shut = 0;

	for (size_t i = 0; i < c->flow.n; i++)
		shut += !check_conf_open(conf->rule, conf->rule_n,
				    c->flow.net[i].ip, c->flow.net[i].mask);
	if (shut)
		check_report(
			c, shut == c->flow.n ? CHECK_PROBLEM : CHECK_WARNING,
			"the allow and deny lines let nobody of %s in: every "
			"request from there is refused\nThe first line that "
			"matches decides; add one such as: allow 1024-65535 "
			"NETWORK 1024-65535",
			shut == c->flow.n ? "the internal networks"
					  : "one internal network");
	check_report_ok(c, conf->rule_n
				   ? "the allow and deny lines let clients in"
				   : "every host of the internal networks may "
				     "have ports from "
				     "1024 on");
}

/* ---- the clock ------------------------------------------------------- */

/* A minute: files of other machines are not exact. */
#define CLOCK_SLACK_S 60

/* A clock that stands before a file was written is wrong; the program's own
 * file is as old as the build or its installation. */
void check_conf_clock(struct check *c)
{
	const char *const files[] = { "/proc/self/exe", c->env->file };
	const char *const what[] = { "the program", "the configuration" };
	int64_t now = time(NULL);
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		if (stat(files[i], &st) || st.st_mtime <= now + CLOCK_SLACK_S)
			continue;
		check_report(c, CHECK_WARNING,
			     "the clock is behind the date of "
			     "%s: the log and permanent leases will tell wrong "
			     "times\nSet the clock, or see that NTP runs",
			     what[i]);
		return;
	}
	check_report_ok(c, "the clock is not behind the date of the program");
}

/* ---- the state directory --------------------------------------------- */

/* A directory of root's: the engine's user takes over only an empty one. */
static void check_taken(struct check *c)
{
	const char *dir = c->conf.state_dir;
	int err = jail_dir_empty(dir);

	if (err == -ENOTEMPTY)
		check_report(c, CHECK_PROBLEM, "state-dir %s is root's and has "
			  "files in it: upnpd does not take it over and does "
			  "not start\nSet state-dir to a directory of its own, "
			  "or give this one to the user %s", dir,
			  c->conf.user);
	else if (err && err != -EACCES)	/* a user may not look; root may */
		check_report(c, CHECK_PROBLEM, "state-dir %s can not be read "
			  "(%s): upnpd does not start\nCheck its file system, "
			  "or set state-dir to another place", dir,
			  strerror(-err));
}

/* The file system it is on, or will be on. */
static void check_space(struct check *c, const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs))
		return;
	if (fs.f_flag & ST_RDONLY)
		check_report(c, CHECK_PROBLEM, "state-dir %s is on a read-only "
			  "file system: mappings are kept beside the pid-file, "
			  "and forgotten at a reboot\nSet state-dir to a place "
			  "that can be written", c->conf.state_dir);
	else if (!fs.f_bavail || (fs.f_files && !fs.f_favail))
		check_report(
			c, CHECK_PROBLEM,
			"the file system of state-dir %s "
			"is full: mappings are forgotten at a restart\n"
			"Make room there, or set state-dir to another place",
			c->conf.state_dir);
}

/* What jail_dir() would say to it, and whether the engine can write there. */
static void check_owner(struct check *c, const struct stat *st)
{
	const char *dir = c->conf.state_dir;
	uid_t uid;
	gid_t gid;

	if (!S_ISDIR(st->st_mode)) {
		check_report(c, CHECK_PROBLEM, "state-dir %s is no directory: "
			  "upnpd does not start\nMove it away; upnpd makes "
			  "the directory", dir);
	} else if (jail_user(c->conf.user, &uid, &gid) < 0) {
		check_report(c, CHECK_PROBLEM, "/etc/passwd can not be read: "
			  "upnpd does not start\nMend it, or remove it");
	} else if (c->daemon && (st->st_uid != uid ||
				 (st->st_mode & 0700) != 0700)) {
		check_report(
			c, CHECK_PROBLEM,
			"state-dir %s can not be written "
			"by upnpd's engine: mappings are forgotten at a "
			"restart\nRestart upnpd, which takes the directory "
			"over if it is empty or not root's",
			dir);
	} else if (!c->daemon && !st->st_uid && uid) {
		check_taken(c);
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

/* A first start makes it. */
static void check_missing(struct check *c)
{
	char parent[CONF_STR_MAX];
	struct stat st;

	if (!parent_of(c->conf.state_dir, parent) ||
	    stat(parent, &st) || !S_ISDIR(st.st_mode))
		check_report(
			c, CHECK_PROBLEM,
			"state-dir %s is missing, and so "
			"is the directory it is in: mappings are kept beside "
			"the pid-file, and forgotten at a reboot\n"
			"mkdir -p %s",
			c->conf.state_dir, parent);
	else if (c->daemon)
		check_report(c, CHECK_PROBLEM,
			     "state-dir %s is missing: mappings "
			     "are forgotten at a restart\nRestart upnpd, which "
			     "makes it",
			     c->conf.state_dir);
	else
		check_space(c, parent);
	check_report_ok(c, "state-dir %s will be made at the first start",
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
			  "state-dir %s could not be looked at: %s\n"
			  "%s", c->conf.state_dir, strerror(errno),
			  geteuid() ? "Run upnpctl check as root" :
			  "Set state-dir to a directory that can be reached");
	}
	check_report_ok(c, "state-dir %s can be written by upnpd's engine",
		   c->conf.state_dir);
}
