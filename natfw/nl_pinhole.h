/* SPDX-License-Identifier: ISC */
/*
 * nl_pinhole.h - our table of IPv6, which counts the packets that pinholes let
 * in.
 *
 *   table ip6 upnpd  a set for each combination of what pinholes leave open,
 *                    with a counter for each pinhole, and a chain that looks
 *                    them up on the forward hook, behind all filters
 *
 * Unlike that of IPv4, this table is not replaced by a sync: the counters must
 * survive it, and the monitor's death. The sync adds and deletes what differs.
 * Runs in: any
 */
#ifndef NATFW_NL_PINHOLE_H
#define NATFW_NL_PINHOLE_H

#include <stdbool.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_list.h"

/* How a sync gets the table. */
enum nl_pinhole_how {
	NL_PINHOLE_CHANGE,	/* change what differs */
	NL_PINHOLE_REMAKE,	/* delete it first: the counters begin again */
	NL_PINHOLE_OMIT,	/* leave it out: the kernel does not take it */
};

/** nl_pinhole_sets - the sets that the table of pinholes needs now, a bit for
 * each (nl_map_pinhole()). */
unsigned nl_pinhole_sets(const struct natfw *);

/**
 * nl_pinhole_sync - write what makes the kernel's table have these sets, and no
 * element of another pinhole. The elements that are missing are the caller's.
 * @sets: 0: delete the table
 *
 * Reads the kernel's table meanwhile. Return: 0, or as nl_list_elements()
 */
int nl_pinhole_sync(struct nfnl_batch *, struct nl_list_sock *,
		    const struct natfw *, unsigned sets,
		    enum nl_pinhole_how how);

/** nl_pinhole_add - write what adds the sets @new to a table that has @old. */
void nl_pinhole_add(struct nfnl_batch *, const struct natfw *, unsigned old,
		    unsigned new);

#endif
