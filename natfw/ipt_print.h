/* SPDX-License-Identifier: ISC */
/*
 * ipt_print.h - a fingerprint of the tables of legacy iptables, which sends no
 * notice of a change. It is read from the kernel, without the tool.
 *
 * Its parts are all rules, chains and policies of all tables, in their order.
 * Counters are no part of it. What is not in chains of ours has a hash of its
 * own, which no change of our rules alters.
 * Runs in: monitor
 */
#ifndef NATFW_IPT_PRINT_H
#define NATFW_IPT_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/hash.h"

#define IPT_PRINT_OURS	"UPNPD"	/* how the names of our chains begin */

struct ipt_print {
	uint64_t hash;		/* of all but our chains */
	uint64_t own;		/* of our chains, without the jumps to them */
	uint32_t entries;	/* of all tables: one for each rule, and two
				 * for each chain */
	bool any;		/* there is a table */
	bool known;		/* false: the tables could not be read */
	bool own_known;		/* false: we have changed our rules, and @own
				 * was not read since */
};

/**
 * ipt_print_read - read all tables that exist.
 * @family: AF_INET or AF_INET6
 * @buf: @n bytes of the caller's, from mem_reserve(); their pages are given
 *       back to the kernel. A table that is larger counts only by the number
 *       and the size of its rules. NULL: find only the number of entries,
 *       which takes microseconds
 *
 * Creates no table, and loads no module. Needs CAP_NET_ADMIN if there is a
 * table. Microseconds for a small table, 3 ms for 5000 rules (2 MB).
 */
struct ipt_print ipt_print_read(int family, void *buf, size_t n);

/** ipt_print_all - the same for the tables of IPv4, and those of IPv6 if
 * @with_ip6, as one. */
static inline struct ipt_print ipt_print_all(bool with_ip6, void *buf, size_t n)
{
	struct ipt_print ret = ipt_print_read(AF_INET, buf, n), ip6;

	if (!with_ip6)
		return ret;
	ip6 = ipt_print_read(AF_INET6, buf, n);
	ret.hash = hash_add(ret.hash, &ip6.hash, sizeof(ip6.hash));
	ret.own = hash_add(ret.own, &ip6.own, sizeof(ip6.own));
	ret.entries += ip6.entries;
	ret.any |= ip6.any;
	ret.known &= ip6.known;
	ret.own_known &= ip6.own_known;
	return ret;
}

/** ipt_print_same - are both known, and are the tables the same? Our own rules
 * count by their number only if @own_known is false for one of them. */
static inline bool ipt_print_same(const struct ipt_print *a,
				  const struct ipt_print *b)
{
	return a->known && b->known && a->any == b->any &&
	       a->hash == b->hash && a->entries == b->entries &&
	       (a->own == b->own || !a->own_known || !b->own_known);
}

#endif
