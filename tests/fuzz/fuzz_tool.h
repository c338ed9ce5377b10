/* SPDX-License-Identifier: ISC */
/*
 * fuzz_tool.h - fake firewall tools, which replace proc.c and the kernel's
 * nf_tables. Checks that their input has only bytes that occur in our rules,
 * that lines and messages are complete, and that only our rules are deleted.
 * Include it once.
 */
#ifndef TESTS_FUZZ_FUZZ_TOOL_H
#define TESTS_FUZZ_FUZZ_TOOL_H

#include <endian.h>
#include <errno.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "sys/netlink.h"
#include "sys/proc.h"
#include "fuzz.h"
#include "natfw/nfnl.h"
#include "natfw/nl_rule.h"
#include "tests/unit/nldump.h"

#define TOOL_IN_MAX	(1 << 17)

static struct {
	struct str lists;	/* its output for a listing */
	int list_rc, rc;	/* exit status of a listing, of a change */
	int kernel;		/* result of nfnl_commit() */
	bool legacy;		/* legacy iptables has its tables */
	unsigned runs;
} tool;

int __wrap_nfnl_open(void);
int __wrap_nfnl_commit(struct nfnl_batch *b, int fd);
int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *,
		    const struct nfnl_value *key, nl_fn fn, void *arg);

/* ---- the tools' input ---------------------------------------------------- */

/* Names of chains are written as they were listed, if they are plain words. */
static inline bool tool_knows(char c)
{
	return c >= ' ' && c <= '~' && !strchr("\"'\\#`", c);
}

/* The next line of a listing, at most as long as the lines of proc.c. A tool
 * writes no NUL. */
static inline bool tool_next(struct str *rest, struct str *line)
{
	if (!str_cut(rest, '\n', line))
		return false;
	line->n = strnlen(line->p, line->n < 4096 ? line->n : 4096);
	return true;
}

/* Was "-A " and this rule listed? */
static inline bool tool_listed_rule(struct str rule)
{
	struct str rest = tool.lists, line;

	while (tool_next(&rest, &line))
		if (str_starts(line, STR("-A ")) &&
		    str_eq(str_skip(line, 3), rule))
			return true;
	return false;
}

/* Deletes only ours: a chain of ours, a rule in it, or a jump to it as it was
 * listed. */
static inline void tool_check_line(struct str line)
{
	struct str rule = str_skip(line, 3);

	CHECK(!str_starts(line, STR("-F")) && !str_starts(line, STR("-P")));
	CHECK(!str_eq(line, STR("does not fit")));
	if (str_starts(line, STR("-X ")))
		CHECK(str_starts(rule, STR("UPNPD")));
	if (str_starts(line, STR("-D ")) && tool_listed_rule(rule))
		return;
	if (str_starts(line, STR("-D ")))
		CHECK(str_starts(rule, STR("UPNPD")));
	for (size_t i = 0; i < line.n; i++)
		CHECK(tool_knows(line.p[i]));
}

static inline void tool_check_input(struct str in)
{
	struct str line;

	CHECK(!in.n || in.p[in.n - 1] == '\n');
	while (str_cut(&in, '\n', &line))
		tool_check_line(line);
}

/* ---- replaces proc.c ----------------------------------------------------- */

bool proc_exists(const char *name)
{
	return true;
}

bool __wrap_ipt_tool_has_table(const char *table, bool ip6);
bool __wrap_ipt_tool_has_table(const char *table, bool ip6)
{
	return tool.legacy;
}

/* Somebody else changes the tables beside each batch. */
struct ipt_print ipt_print_read(int family, void *buf, size_t n)
{
	return (struct ipt_print){ .known = true, .any = tool.legacy };
}

/* Pass each line in separate memory. */
static inline void tool_list(const struct proc *p)
{
	struct str rest = tool.lists, line, copy;

	while (tool_next(&rest, &line)) {
		copy = fuzz_copy(line);
		p->line(p->arg, copy);
		fuzz_free(copy);
	}
}

int proc_run(struct proc *p)
{
	static char buf[TOOL_IN_MAX];
	size_t n = 0, more = 1;

	tool.runs++;
	for (size_t i = 0; p->argv[i]; i++)
		CHECK(fuzz_printable(str_z(p->argv[i])));
	if (p->line)
		tool_list(p);
	while (p->fill && more) {
		CHECK(n < sizeof(buf));
		more = p->fill(p->arg, buf + n,
			       n + 1000 < sizeof(buf) ? 1000 : 1);
		n += more;
	}
	tool_check_input((struct str){ buf, n });
	str_copy(p->err, sizeof(p->err), STR("said no"));
	return p->fill ? tool.rc : tool.list_rc;
}

/* ---- replaces the last part of nfnl.c ------------------------------------ */

int __wrap_nfnl_open(void)
{
	return dup(STDERR_FILENO);
}

/* The first attribute @type of an nf_tables message. */
static inline struct str tool_attr(const struct nlmsghdr *h, unsigned type)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	const struct rtattr *a;

	while ((a = netlink_next_attr(&s)))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return (struct str){ (const char *)(a + 1),
					     RTA_PAYLOAD(a) };
	return STR("");
}

/* Was a rule with this handle listed as ours? */
static inline bool tool_listed(struct str handle)
{
	const struct str ours = { RULESET_OWN_COMMENT,
				  sizeof(RULESET_OWN_COMMENT) };
	struct str all = fuzz_copy(tool.lists);
	struct nl_span s = { all.p, all.n };
	const struct nlmsghdr *h;
	bool found = false;

	while ((h = netlink_next_msg(&s)))
		found |= str_eq(tool_attr(h, NFTA_RULE_HANDLE), handle) &&
			 str_eq(tool_attr(h, NFTA_RULE_USERDATA), ours);
	fuzz_free(all);
	return found;
}

#define TOOL_DEL(what) (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DEL##what)

/* Deletes only ours: our tables and what is in them, our sets, a rule that was
 * listed as ours. */
static inline void tool_check_message(const struct nlmsghdr *h)
{
	const struct str table = { "upnpd", 6 }, set = { "upnpd_accept", 13 };
	const struct str pinholes = STR("upnpd_pinhole");

	CHECK(h->nlmsg_type != TOOL_DEL(CHAIN));
	if (h->nlmsg_type == TOOL_DEL(TABLE))
		CHECK(str_eq(tool_attr(h, NFTA_TABLE_NAME), table));
	if (h->nlmsg_type == TOOL_DEL(SET))
		CHECK(str_eq(tool_attr(h, NFTA_SET_NAME), set) ||
		      str_starts(tool_attr(h, NFTA_SET_NAME), pinholes));
	if (h->nlmsg_type == TOOL_DEL(RULE) &&
	    !str_eq(tool_attr(h, NFTA_RULE_TABLE), table))
		CHECK(tool_listed(tool_attr(h, NFTA_RULE_HANDLE)));
}

int __wrap_nfnl_commit(struct nfnl_batch *b, int fd)
{
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;

	if (b->list) {
		nlmsg_unnest(&b->m, b->list);
		nlmsg_close(&b->m, b->last);
	}
	s.n = b->m.len;
	while ((h = netlink_next_msg(&s)))
		tool_check_message(h);
	CHECK(b->m.err || !s.n);
	return b->m.err ? b->m.err : tool.kernel;
}

/* The listing is the kernel's answer to every request. */
int __wrap_nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *q,
		     nl_fn fn, void *arg)
{
	struct str all = fuzz_copy(tool.lists);
	struct nl_span s = { all.p, all.n };
	bool interrupted = false;
	int rc = netlink_walk(s, fn, arg, &interrupted);

	fuzz_free(all);
	return rc < 0 ? rc : tool.list_rc ? -ENOENT : interrupted ? -EINTR : 0;
}

int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *set,
		    const struct nfnl_value *key, nl_fn fn, void *arg)
{
	return __wrap_nfnl_dump(fd, seq, NULL, fn, arg);
}

#endif
