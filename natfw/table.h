/* SPDX-License-Identifier: ISC */
/*
 * table.h - the table of rules in a struct natfw, and the two questions that
 * are asked of it so often that each has an index: which rule has this key,
 * and which rules lead to this socket of a client.
 *
 * natfw.c alone changes it; the backends look. A pointer into it holds until
 * the next change.
 */
#ifndef NATFW_TABLE_H
#define NATFW_TABLE_H

#include "natfw.h"

/**
 * table_init - an empty table.
 * @rule_max: room for so many rules, 1 to PM_MAPPINGS_LIMIT; else -EINVAL
 *
 * All memory is taken here.
 * Return: 0, or -ENOMEM; table_done() is harmless then
 */
int table_init(struct natfw *, size_t rule_max);

/** table_done - free what table_init() took; harmless on what is all zero. */
void table_done(struct natfw *);

/** table_clear - no rule is left. */
void table_clear(struct natfw *);

/** table_set - there shall be this rule, in place of one with its key. There
 * must be room for it unless there is one. */
void table_set(struct natfw *, const struct nat_rule *rule);

/** table_del - there shall be no rule with the key of @key. */
void table_del(struct natfw *, const struct nat_rule *key);

/** table_find - the rule with the key of @key, or NULL. */
const struct nat_rule *table_find(const struct natfw *,
				  const struct nat_rule *key);

/** table_on_socket - of the rules that lead to the socket that @like leads to,
 * the one that was set last; NULL when there is none. */
const struct nat_rule *table_on_socket(const struct natfw *,
				       const struct nat_rule *like);

/** table_next_on_socket - the one that was set before @r, a rule of the table;
 * NULL when there is none. */
const struct nat_rule *table_next_on_socket(const struct natfw *,
					    const struct nat_rule *r);

/** table_lead - of @best (NULL: nobody) and @r, which was set before it, the
 * one that leads: the other one where only that lets everybody in. */
const struct nat_rule *table_lead(const struct nat_rule *best,
				  const struct nat_rule *r);

/**
 * table_leader - of the rules that lead to the socket that @like leads to, the
 * one whose external port the client's own traffic leaves by; NULL when there
 * is none.
 *
 * The one that was set last among those for any remote host, where there are
 * such: to all others, the port of one that is for a single host is closed.
 */
const struct nat_rule *table_leader(const struct natfw *,
				    const struct nat_rule *like);

/**
 * table_client_n - how many rules lead to this client, or a little more.
 * @enough: an answer of so many or more is exact
 *
 * It looks through the rules themselves only when their counter (see
 * clientcount.h) says "enough".
 */
size_t table_client_n(const struct natfw *, uint32_t client_ip, size_t enough);

/** table_same_socket - do they lead to the same socket of a client? */
bool table_same_socket(const struct nat_rule *a, const struct nat_rule *b);

#endif
