/* SPDX-License-Identifier: ISC */
/*
 * counts.h - packets and bytes of each mapping, read from the kernel by upnpctl
 * itself, without the daemon.
 *
 * In nf_tables, upnpd's set counts the packets that are forwarded to and from a
 * client's socket, so mappings to one socket have the same count. A missing
 * count means "not counted", not 0. Each pinhole has a count of its own.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_COUNTS_H
#define UPNPCTL_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include "map/nat_rule.h"
#include "natfw/nl_list.h"

struct counts {
	struct nl_list_count *v;	/* sorted, one for each socket */
	size_t n, cap;
};

/** counts_read - read the counters; none if nothing is counted or this user may
 * not read them. Free with counts_free(). */
void counts_read(struct counts *ret);

/** counts_of - the count of the socket that a rule leads to, or NULL. */
const struct nl_list_count *counts_of(const struct counts *,
				      const struct nat_rule *);

/** counts_packets - read how many packets a pinhole let in. Return: false if
 * nothing counts them, or this user may not read them */
bool counts_packets(const struct nat_rule *rule, uint64_t *ret);

/** counts_free - free the memory and set it to { 0 }. */
void counts_free(struct counts *);

#endif
