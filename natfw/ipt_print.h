/* SPDX-License-Identifier: ISC */
/*
 * ipt_print.h - a fingerprint of the tables of legacy iptables, which sends no
 * notice of a change. It is read from the kernel, without the tool.
 *
 * Its parts are all rules, chains and policies of all tables, in their order.
 * Counters are no part of it.
 * Runs in: monitor
 */
#ifndef NATFW_IPT_PRINT_H
#define NATFW_IPT_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/hash.h"

struct ipt_print {
	uint64_t hash;
	uint32_t entries;	/* of all tables: one for each rule, and two
				 * for each chain */
	bool any;		/* there is a table */
	bool known;		/* false: the tables could not be read */
};

/**
 * ipt_print_read - read all tables that exist.
 * @family: AF_INET or AF_INET6
 * @buf: @n bytes of the caller's, from mem_reserve(); their pages are given
 *       back to the kernel. A table that is larger counts only by the number
 *       and the size of its rules
 *
 * Creates no table, and loads no module. Needs CAP_NET_ADMIN if there is a
 * table. Microseconds for a small table, 5 ms for 5000 rules (2 MB).
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
	ret.entries += ip6.entries;
	ret.any |= ip6.any;
	ret.known &= ip6.known;
	return ret;
}

/** ipt_print_same - are both known, and are the tables the same? */
static inline bool ipt_print_same(const struct ipt_print *a,
				  const struct ipt_print *b)
{
	return a->known && b->known && a->any == b->any && a->hash == b->hash;
}

#endif
