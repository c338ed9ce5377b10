/* SPDX-License-Identifier: ISC */
/*
 * ruleset_read.c - reads all rules that the kernel has into the model: those of
 * nf_tables from its dumps, those of iptables from iptables-save.
 * Runs in: any
 */
#include <errno.h>
#include <time.h>
#include <linux/netfilter.h>
#include "base/clock.h"
#include "natfw/ipt_tool.h"
#include "natfw/ruleset.h"
#include "natfw/ruleset_dump.h"
#include "natfw/ruleset_ipt.h"
#include "sys/netlink.h"

#define PAUSE_NS	20000000	/* before the next try */

/* Does a rule of the table have a match that the dump does not explain? */
static bool needs_tool(const struct ruleset *rs, uint32_t table)
{
	for (uint32_t i = 0; i < rs->rule_n; i++)
		if (rs->rule[i].xt && rs->chain[rs->rule[i].chain].table ==
				      table)
			return true;
	return false;
}

static const char *remedy(const char *install)
{
	return ipt_tool_built() ? install :
	       "build upnpd with BACKENDS=\"netlink iptables\"";
}

/* Without the program, nobody here saves and restores the table, so it is like
 * any other of nf_tables. Return: as ruleset_ipt_read() */
static int read_ipt_table(struct ruleset *rs, uint32_t table)
{
	struct ruleset_table *t = &rs->table[table];
	const bool ip6 = t->family == NFPROTO_IPV6;
	const struct ipt_tool *tool = ipt_tool_of(RULESET_IPT_NFT, ip6);
	bool needed = needs_tool(rs, table);
	int rc = 0;

	if (!tool) {
		/* with ip6tables missing, mappings work all the same */
		if (needed && !ip6)
			ruleset_incomplete(rs, remedy("install iptables"),
					   "the matches of iptables in table %s"
					   " are unknown", t->name);
		/* iptables-save would save an accept of ours without its set */
		if (!ipt_tool_unused(ip6))
			t->kind = RULESET_NATIVE;
	} else if (needed) {
		rc = ruleset_ipt_read(rs, RULESET_IPT_NFT, t->family,
				      tool->save, t->name);
		if (rc == -EOPNOTSUPP)
			t->kind = RULESET_NATIVE;
	}
	return rc == -EINTR ? rc : 0;
}

/* The dumps are complete. Return: 0, -EINTR the rules changed meanwhile, other
 * -errno */
static int explain(struct ruleset_dump *d, struct ruleset *rs)
{
	bool asked = false;
	int rc = 0;

	ruleset_nl_end(&d->nl);
	for (uint32_t i = 0; !rc && i < rs->table_n; i++) {
		if (rs->table[i].kind != RULESET_IPT_NFT)
			continue;
		asked = true;
		rc = read_ipt_table(rs, i);
	}
	return rc || !asked ? rc : ruleset_dump_check(d);
}

/* A tool would create the table that it is to list, so look for it first. */
static void read_legacy(struct ruleset *rs, bool ip6)
{
	static const char *const tables[] = {
		"raw", "mangle", "nat", "filter", "security",
	};
	const struct ipt_tool *tool = NULL;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (!ipt_tool_has_table(tables[i], ip6))
			continue;
		if (!tool)
			tool = ipt_tool_of(RULESET_IPT_LEGACY, ip6);
		if (!tool && ip6) {
			rs->unknown6 = true;
			return;
		}
		if (!tool) {
			ruleset_incomplete(rs,
					   remedy("install iptables-legacy"),
					   "table %s of iptables-legacy cannot "
					   "be listed", tables[i]);
			return;
		}
		if (!ruleset_ipt_read(rs, RULESET_IPT_LEGACY,
				      ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
				      tool->save, tables[i]))
			continue;
		rs->unread[RULESET_IPT_LEGACY] = true;
		rs->unknown6 |= ip6;
	}
}

static void complete(struct ruleset *rs)
{
	read_legacy(rs, false);
	read_legacy(rs, true);
	ruleset_sort(rs);
	ruleset_pack(rs);
}

static int read_nf_tables(struct ruleset_dump *d, struct ruleset *rs,
			  uint64_t cpu_us)
{
	const uint64_t begin_us = clock_cpu_us();
	int rc = 0;

	if (!d->nl.rules) {
		ruleset_clear(rs);
		rc = ruleset_dump_begin(d, rs);
	}
	while (!rc) {
		rc = ruleset_dump_step(d);
		if (rc <= 0)
			return rc ? rc : explain(d, rs);
		if (clock_cpu_us() - begin_us < cpu_us)
			rc = 0;
	}
	return rc;
}

int ruleset_read_some(struct ruleset_dump *d, struct ruleset *rs,
		      uint64_t cpu_us)
{
	int rc = read_nf_tables(d, rs, cpu_us);

	if (rc > 0)
		return 1;
	ruleset_dump_end(d);
	/* a kernel without nfnetlink; one without nf_tables */
	if (rc == -EPROTONOSUPPORT || rc == -EINVAL)
		rc = 0;
	if (!rc)
		complete(rs);
	return rc;
}

int ruleset_read(struct ruleset *rs)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct ruleset_dump d = { .nl.rules = NULL };
	int rc = -EINTR;

	for (int tries = NL_TRIES; rc == -EINTR && tries; tries--) {
		if (tries < NL_TRIES)
			nanosleep(&pause, NULL);
		rc = ruleset_read_some(&d, rs, UINT64_MAX);
	}
	if (rc == -EINTR)
		complete(rs);
	else if (rc)
		ruleset_clear(rs);
	return rc;
}
