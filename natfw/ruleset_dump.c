/* SPDX-License-Identifier: ISC */
/*
 * ruleset_dump.c - requests the dumps of nf_tables one after the other, and
 * notices what changes meanwhile.
 *
 * Owns: the sockets of a reading.
 * Never does: change anything; wait; allocate memory.
 * Source: nf_tables_api.c of Linux: a dump of rules or elements continues by
 * position within the table or set that it is about, so a transaction on
 * another one does not move it. The dumps of tables, chains and sets are about
 * all of them.
 * Runs in: any
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "base/limits.h"
#include "natfw/nfnl.h"
#include "natfw/nlattr.h"
#include "natfw/ruleset_dump.h"
#include "natfw/ruleset_elem.h"
#include "natfw/watch.h"

enum { TABLES, CHAINS, SETS, RULES, ELEMS, DONE };

static const int list_type[] = {
	[TABLES] = NFT_MSG_GETTABLE, [CHAINS] = NFT_MSG_GETCHAIN,
	[SETS] = NFT_MSG_GETSET, [RULES] = NFT_MSG_GETRULE,
	[ELEMS] = NFT_MSG_GETSETELEM,
};

/* ---- notices ----------------------------------------------------------- */

static uint32_t find_table(const struct ruleset *rs, uint8_t family,
			   struct str name)
{
	for (uint32_t i = 0; i < rs->table_n; i++)
		if (rs->table[i].kind != RULESET_IPT_LEGACY &&
		    rs->table[i].family == family &&
		    str_eq(str_z(rs->table[i].name), name))
			return i;
	return RULESET_NONE;
}

/* Was that table, or set, dumped in this phase, or a part of it? */
static bool is_read(const struct ruleset_dump *d, uint32_t i)
{
	return i < d->at || (i == d->at && (d->asked || d->chain));
}

/* Were the elements of the set read? */
static bool elems_read(const struct ruleset_dump *d, uint32_t table,
		       struct str name)
{
	const struct ruleset *rs = d->nl.rules;
	uint32_t set = ruleset_find_set(rs, table, name);

	return set != RULESET_NONE && rs->set[set].used &&
	       rs->set[set].known &&
	       (d->phase > ELEMS || (d->phase == ELEMS && is_read(d, set)));
}

/* Has a change of that kind, in that table, changed what was read? */
static bool matters(const struct ruleset_dump *d, unsigned kind,
		    uint32_t table, struct nl_span s)
{
	switch (kind) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWSET:
	case NFT_MSG_DELSET:
		return true;
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		return d->phase > RULES ||
		       (d->phase == RULES && is_read(d, table));
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		return elems_read(d, table,
				  nlattr_name(s, NFTA_SET_ELEM_LIST_SET));
	}
	return false;
}

void ruleset_dump_notice(void *arg, const struct nlmsghdr *h)
{
	struct ruleset_dump *d = arg;
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct nl_span s = netlink_attrs(h, sizeof(*about));
	uint32_t generation, table;

	if (!about || h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
		if (nlattr_u32(s, NFTA_GEN_ID, &generation)) {
			d->noticed = (uint16_t)generation;
			d->any = true;
		}
		return;
	}
	table = find_table(d->nl.rules, about->nfgen_family,
			   nlattr_name(s, NFTA_TABLE_NAME));
	if (table != RULESET_NONE &&
	    !ruleset_nl_own_table(&d->nl.rules->table[table]))
		d->touched |= matters(d, h->nlmsg_type & 0xff, table, s);
}

/* A notice that is lost may have been about anything. */
static void read_notices(struct ruleset_dump *d)
{
	bool interrupted;
	size_t buf_n;
	char *buf = ruleset_buffer(d->nl.rules, &buf_n);
	ssize_t n;

	if (d->watch_fd < 0)
		return;
	while ((n = netlink_recv_into(d->watch_fd, buf, buf_n)) >= 0)
		netlink_walk((struct nl_span){ buf, (size_t)n },
			     ruleset_dump_notice, d, &interrupted);
	d->touched |= n != -EAGAIN;
}

/* The notices of the last generation that was read must have come: those of a
 * commit in progress come a moment after it is visible. */
static int unchanged(struct ruleset_dump *d)
{
	read_notices(d);
	if (d->touched)
		return -EINTR;
	if (!d->nl.mixed)
		return 0;
	return d->any && (int16_t)(d->noticed - d->nl.rules->generation) >= 0 ?
	       0 : -EINTR;
}

/* ---- what to list next ------------------------------------------------- */

/* The rules of a table are one dump; where our iptables chains are, those of
 * each other chain, because ours may have 60000. */
static bool find_rules(struct ruleset_dump *d)
{
	const struct ruleset *rs = d->nl.rules;

	for (; d->at < rs->table_n; d->at++, d->chain = 0) {
		if (ruleset_nl_own_table(&rs->table[d->at]))
			continue;
		if (!rs->table[d->at].ipt_ours && !d->chain)
			return true;
		for (; rs->table[d->at].ipt_ours && d->chain < rs->chain_n;
		     d->chain++)
			if (rs->chain[d->chain].table == d->at &&
			    !rs->chain[d->chain].ours)
				return true;
	}
	d->phase = ELEMS;
	d->at = 0;
	return false;
}

static bool find_elems(struct ruleset_dump *d)
{
	const struct ruleset *rs = d->nl.rules;

	for (; d->at < rs->set_n; d->at++)
		if (rs->set[d->at].used && rs->set[d->at].known)
			return true;
	d->phase = DONE;
	return false;
}

/* Find the next dump, from the present one on. Return: false: none is left */
static bool find(struct ruleset_dump *d)
{
	if (d->phase == RULES)
		find_rules(d);
	if (d->phase == ELEMS)
		find_elems(d);
	return d->phase != DONE;
}

static struct nfnl_query query_of(struct ruleset_dump *d)
{
	const struct ruleset *rs = d->nl.rules;
	struct nfnl_query q = {
		.type = list_type[d->phase], .stop = &d->nl.enough,
	};
	uint32_t table = RULESET_NONE;

	q.buf = ruleset_buffer(d->nl.rules, &q.buf_n);
	if (d->phase == RULES) {
		table = d->at;
		if (rs->table[table].ipt_ours)
			q.name = rs->chain[d->chain].name;
	} else if (d->phase == ELEMS) {
		table = rs->set[d->at].table;
		q.name = rs->set[d->at].name;
	}
	if (table != RULESET_NONE) {
		q.family = nfnl_family_name(rs->table[table].family);
		q.table = rs->table[table].name;
	}
	return q;
}

/* ---- one dump ---------------------------------------------------------- */

static int ask(struct ruleset_dump *d, const struct nfnl_query *q)
{
	d->nl.enough = d->interrupted = false;
	d->nl.only = d->phase == RULES;
	d->nl.table = d->at;
	d->nl.chain = q->name ? d->chain : RULESET_NONE;
	d->asked = true;
	return nfnl_ask(d->fd, ++d->seq, q);
}

/* The socket of a dump that was ended early holds parts of it. */
static int reopen(struct ruleset_dump *d)
{
	close(d->fd);
	d->fd = nfnl_open();
	return d->fd < 0 ? d->fd : 0;
}

/* Go on to the next dump. */
static void complete(struct ruleset_dump *d)
{
	d->asked = false;
	if (d->phase == ELEMS)
		ruleset_elem_finish(d->nl.rules, d->at++);
	else if (d->phase == RULES)
		d->chain++;
	else
		d->phase++;
}

/* Return: 1 go on, -errno */
static int end_of_dump(struct ruleset_dump *d, int rc)
{
	if (rc == -ECANCELED)
		rc = reopen(d);
	if (rc == -ENOENT || (d->interrupted &&
			      (d->watch_fd < 0 || d->phase < RULES ||
			       d->nl.unfiltered)))
		rc = -EINTR;
	complete(d);
	return rc ? rc : 1;
}

int ruleset_dump_step(struct ruleset_dump *d)
{
	struct nfnl_query q;
	int rc;

	if (!d->asked) {
		read_notices(d);
		if (!find(d) || d->touched)
			return unchanged(d);
	}
	q = query_of(d);
	rc = d->asked ? 0 : ask(d, &q);
	if (!rc)
		rc = nfnl_next(d->fd, d->seq, &q, ruleset_nl_message, &d->nl,
			       &d->interrupted);
	return rc > 0 ? 1 : end_of_dump(d, rc);
}

/* ---- all --------------------------------------------------------------- */

/* The notices come first, so that none is missed. */
int ruleset_dump_begin(struct ruleset_dump *d, struct ruleset *rs)
{
	*d = (struct ruleset_dump){
		.nl.rules = rs, .fd = -EBADF, .watch_fd = watch_open_all(),
	};
	d->fd = nfnl_open();
	return d->fd < 0 ? d->fd : 0;
}

int ruleset_dump_check(struct ruleset_dump *d)
{
	const struct nfnl_query q = { .type = NFT_MSG_GETTABLE };
	int rc = nfnl_dump(d->fd, ++d->seq, &q, ruleset_nl_generation, &d->nl);

	return rc && rc != -EINTR ? rc : unchanged(d);
}

void ruleset_dump_end(struct ruleset_dump *d)
{
	if (!d->nl.rules)
		return;
	if (d->fd >= 0)
		close(d->fd);
	if (d->watch_fd >= 0)
		close(d->watch_fd);
	d->nl.rules = NULL;
}
