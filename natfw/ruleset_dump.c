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

/* Has a change of that kind, in that table, changed what was read? The tables,
 * chains and sets come first. @kind: one that the model has */
static bool matters(const struct ruleset_dump *d, unsigned kind,
		    uint32_t table, struct nl_span s)
{
	switch (kind) {
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		return d->phase > RULES ||
		       (d->phase == RULES && is_read(d, table));
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		return elems_read(d, table,
				  nlattr_name(s, NFTA_SET_ELEM_LIST_SET));
	}
	return true;
}

/* Does the model have objects of that kind? Elements of our set change with
 * each mapping, and are not in it. */
static bool is_modelled(unsigned kind, struct nl_span s)
{
	switch (kind) {
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		return !str_eq(nlattr_name(s, NFTA_SET_ELEM_LIST_SET),
			       STR(RULESET_OWN_SET));
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWSET:
	case NFT_MSG_DELSET:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		return true;
	}
	return false;
}

/* A transaction is over. */
static void note_generation(struct ruleset_dump *d, struct nl_span s)
{
	uint32_t generation;

	d->changed = false;
	if (!nlattr_u32(s, NFTA_GEN_ID, &generation))
		return;
	d->noticed = (uint16_t)generation;
	d->any = true;
}

/* With a table left out, the model must be as of the moment before that table
 * was made: nothing that is read later may have changed since. */
static void note_change(struct ruleset_dump *d, uint8_t family, unsigned kind,
			struct nl_span s)
{
	struct str name = nlattr_name(s, NFTA_TABLE_NAME);
	uint32_t table = ruleset_nl_find_table(d->nl.rules, family, name);

	if (ruleset_nl_is_own(family, name) || !ruleset_nl_is_read(family))
		return;
	if (table != RULESET_NONE) {
		if (!is_modelled(kind, s))
			return;
		d->changed = true;
		d->touched |= d->left_out || matters(d, kind, table, s);
	} else if (kind == NFT_MSG_NEWTABLE) {
		d->left_out = true;
		d->touched |= d->changed;
	}
}

void ruleset_dump_notice(void *arg, const struct nlmsghdr *h)
{
	struct ruleset_dump *d = arg;
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct nl_span s = netlink_attrs(h, sizeof(*about));
	unsigned kind = h->nlmsg_type & 0xff;

	if (!about || h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return;
	if (kind == NFT_MSG_NEWGEN)
		note_generation(d, s);
	else if (d->phase != TABLES || d->asked)
		note_change(d, about->nfgen_family, kind, s);
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

/* ---- generations ------------------------------------------------------- */

static void on_generation(void *arg, const struct nlmsghdr *h)
{
	struct ruleset_nl *nl = arg;

	ruleset_nl_generation(nl, h);
	nl->enough = true;
}

/* The messages of a dump have the generation as well, but a dump may have none.
 * The answer is one message, which no other follows. */
static int read_generation(struct ruleset_dump *d)
{
	const struct nfnl_query q = {
		.type = NFT_MSG_GETGEN, .stop = &d->nl.enough,
	};
	bool interrupted;
	int rc = nfnl_ask(d->fd, ++d->seq, &q);

	d->nl.enough = false;
	if (rc)
		return rc;
	do {
		rc = nfnl_next(d->fd, d->seq, &q, on_generation, &d->nl,
			       &interrupted);
	} while (rc > 0);
	return rc == -ECANCELED ? 0 : rc;
}

/* The notices of the present generation must have come: those of a commit in
 * progress come a moment after it is visible. */
int ruleset_dump_check(struct ruleset_dump *d)
{
	int rc = read_generation(d);

	if (rc)
		return rc;
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
static void find_rules(struct ruleset_dump *d)
{
	const struct ruleset *rs = d->nl.rules;

	for (; d->at < rs->table_n; d->at++, d->chain = 0) {
		if (ruleset_nl_own_table(&rs->table[d->at]))
			continue;
		if (!rs->table[d->at].ipt_ours && !d->chain)
			return;
		for (; rs->table[d->at].ipt_ours && d->chain < rs->chain_n;
		     d->chain++)
			if (rs->chain[d->chain].table == d->at &&
			    !rs->chain[d->chain].ours)
				return;
	}
	d->phase = ELEMS;
	d->at = 0;
}

static void find_elems(struct ruleset_dump *d)
{
	const struct ruleset *rs = d->nl.rules;

	for (; d->at < rs->set_n; d->at++)
		if (rs->set[d->at].used && rs->set[d->at].known)
			return;
	d->phase = DONE;
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
	d->nl.all_tables = true;
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
		if (d->touched)
			return -EINTR;
		if (!find(d))
			return ruleset_dump_check(d);
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
	return d->fd < 0 ? d->fd : read_generation(d);
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
