/* SPDX-License-Identifier: ISC */
/*
 * table.h - the tables of rules in a struct natfw, one for each kind. A table
 * has two indexes, because these lookups are frequent: the rule with a key, and
 * the rules that lead to a client's socket.
 *
 * Each function gets a rule, whose kind selects the table. Only natfw.c changes
 * a table; the backends read it. A pointer into it is valid until the next
 * change.
 * Runs in: monitor
 */
#ifndef NATFW_TABLE_H
#define NATFW_TABLE_H

#include "natfw.h"

/**
 * table_init - make empty tables.
 * @mapping_max: capacity for port mappings, 1 to PM_MAPPINGS_LIMIT; else
 *               -EINVAL
 * @pinhole_max: likewise, or 0: that table stays empty and has no memory
 *
 * Allocates all memory of the tables.
 * Return: 0, or -ENOMEM; table_done() is harmless then
 */
int table_init(struct natfw *, size_t mapping_max, size_t pinhole_max);

/** table_done - free what table_init() allocated; harmless on a zeroed one. */
void table_done(struct natfw *);

/** table_clear - delete all rules of every kind. */
void table_clear(struct natfw *);

/** table_set - add this rule, or replace the one with its key. There must be
 * room for a new one. */
void table_set(struct natfw *, const struct nat_rule *rule);

/** table_del - delete the rule with the key of @key, if there is one. */
void table_del(struct natfw *, const struct nat_rule *key);

/** table_pinholes - the number of pinholes that the kernel should hold: none
 * without IPv6. */
size_t table_pinholes(const struct natfw *);

/** table_find - find the rule with the key of @key, or NULL. */
const struct nat_rule *table_find(const struct natfw *,
				  const struct nat_rule *key);

/** table_on_socket - find the rules that lead to the same socket as @like:
 * return the one that was set last; NULL if there is none. */
const struct nat_rule *table_on_socket(const struct natfw *,
				       const struct nat_rule *like);

/** table_next_on_socket - find the rule to the same socket that was set before
 * @r, a rule of the table; NULL if there is none. */
const struct nat_rule *table_next_on_socket(const struct natfw *,
					    const struct nat_rule *r);

/** table_lead - choose the leader of @best (may be NULL) and @r, which was set
 * before @best: @best, unless only @r accepts any remote host. */
const struct nat_rule *table_lead(const struct nat_rule *best,
				  const struct nat_rule *r);

/**
 * table_leader - find the leader of the rules that lead to the same socket as
 * @like: the client's own traffic leaves with its external port. NULL if there
 * is none.
 *
 * It is the rule set last among those for any remote host. If there is none for
 * any remote host, it is the rule set last of all. A rule for a single host
 * leads only then, because its port is closed to all other hosts.
 */
const struct nat_rule *table_leader(const struct natfw *,
				    const struct nat_rule *like);

/**
 * table_client_n - count the rules of this kind and client. The result may be
 * too high.
 * @like: its kind and client
 * @enough: a result of this or more is exact
 *
 * It walks the rules only if their counter (see clientcount.h) reaches
 * @enough, because the counter may be too high.
 */
size_t table_client_n(const struct natfw *, const struct nat_rule *like,
		      size_t enough);

/** table_same_socket - do both lead to the same socket of a client? */
bool table_same_socket(const struct nat_rule *a, const struct nat_rule *b);

#endif
