/* SPDX-License-Identifier: ISC */
/*
 * ipt_list.h - reads the output of iptables-save and ip6tables-save: the rules
 * in our chains, and the jumps to them.
 * Runs in: any
 */
#ifndef NATFW_IPT_LIST_H
#define NATFW_IPT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"
#include "natfw/place.h"

/* Twice as many as one sync makes in filter; further ones are deleted by a
 * later sync. */
#define IPT_LIST_JUMPS_MAX	(4 * PLACES_MAX)
#define IPT_LIST_TEXT_MAX	16384
/* Rules of ours to be deleted one by one. If there are more in a leaf, it is
 * written again. */
#define IPT_LIST_STALE_MAX	64
#define IPT_LIST_STALE_TEXT	12288
#define IPT_LIST_CHAIN_MAX	32	/* bytes; iptables allows 28 */

/* A rule that jumps to one of our chains from a chain of others. */
struct ipt_list_jump {
	uint32_t text, len;	/* in @text, "FORWARD -o lan0 -j UPNPD" */
	uint32_t number;	/* its place in its chain, from 1 */
	enum ipt_table table;
};

/* A rule of a leaf of pinholes that is not wanted. */
struct ipt_list_stale {
	uint32_t text, len;	/* in @stale_text, "UPNPD-rest -m conntrack" */
	unsigned leaf;
};

/* A chain whose rules are counted. */
struct ipt_list_chain {
	const char *name;
	enum ipt_table table;
	bool exists;
	uint32_t rules;		/* of others and jumps */
};

/* The result of a scan. */
struct ipt_list {
	enum ipt_table table;		/* the one being listed */
	bool ours[IPT_TABLES];		/* one of our chains or jumps exists */
	bool chain[IPT_CHAINS];		/* this chain exists */
	/* of the rules in our chains */
	struct backend_tally tally[IPT_TABLES];
	struct ipt_leaves leaves;	/* that exist, with rules or without */
	/* The rules in leaves of pinholes are told to this function, with their
	 * counters. false: such a rule is not wanted, or was told already.
	 * NULL: all are wanted */
	bool (*pinhole)(void *arg, const struct nat_rule *, uint64_t packets);
	void *arg;
	struct ipt_leaves redo;	/* with more stale rules than fit below */
	/* of the jumps in filter, with the number of other rules before each */
	struct backend_tally jumps[IPT_TABLES];
	/* Are the jumps in nat as they should be: one at the end of PREROUTING,
	 * and one in POSTROUTING? See ipt_list_hooked(). */
	unsigned nat_jumps, pre_jumps, post_jumps;
	bool pre_last;
	struct ipt_list_chain watch[PLACES_MAX];
	size_t watch_n;
	/* the chain whose rules are being listed */
	char now[IPT_LIST_CHAIN_MAX];
	uint32_t now_rules, now_jumps;
	struct ipt_list_chain *now_watch;
	size_t jump_n, text_n, stale_n, stale_text_n;
	/* from here on ipt_list_init() clears nothing: see the counts */
	struct ipt_list_jump jump[IPT_LIST_JUMPS_MAX];
	struct ipt_list_stale stale[IPT_LIST_STALE_MAX];
	char stale_text[IPT_LIST_STALE_TEXT];
	char text[IPT_LIST_TEXT_MAX];
};

/** ipt_list_init - begin a scan. */
void ipt_list_init(struct ipt_list *);

/** ipt_list_watch - count the rules of this chain. @name: it must live as long
 * as the scan */
void ipt_list_watch(struct ipt_list *, enum ipt_table, const char *name);

/** ipt_list_line - read one line of table list->table, with the rule's counters
 * or without. @list: a struct ipt_list */
void ipt_list_line(void *list, struct str line);

/**
 * ipt_list_table - read a table.
 * @fw: its why gets the tool's message after a failure
 * @save: the tool, "iptables-save"; of ip6tables it prints counters
 * Return: as backend_run()
 */
int ipt_list_table(struct natfw *fw, const char *save, enum ipt_table,
		   struct ipt_list *);

/** ipt_list_chain_of - the counts of a chain that is watched, or NULL. */
const struct ipt_list_chain *ipt_list_chain_of(const struct ipt_list *,
					       enum ipt_table,
					       const char *name);

/** ipt_list_jumps_before - count the jumps in a chain whose number is less than
 * @number. */
uint32_t ipt_list_jumps_before(const struct ipt_list *, enum ipt_table,
			       const char *chain, uint32_t number);

/** ipt_list_hash_jump - the hash of a jump in filter for a tally.
 * @rule: "FORWARD -o lan0 -j UPNPD"
 * @others: number of rules before it in its chain that are no jumps */
uint64_t ipt_list_hash_jump(struct str rule, uint32_t others);

/** ipt_list_hooked - is there exactly one jump from PREROUTING, at its end, and
 * one from POSTROUTING? */
bool ipt_list_hooked(const struct ipt_list *);

#endif
