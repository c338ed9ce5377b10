/* SPDX-License-Identifier: ISC */
/*
 * counts.h - packets and bytes of each mapping, asked of the kernel by this
 * command itself: the daemon has no part in it.
 *
 * In nf_tables upnpd's set counts what is forwarded to and from a client's
 * socket, so that mappings to one socket have the same count. Where nothing is
 * counted, nothing is returned: a missing count is not 0.
 */
#ifndef UPNPCTL_COUNTS_H
#define UPNPCTL_COUNTS_H

#include <stddef.h>
#include "map/nat_rule.h"
#include "natfw/nl_list.h"

struct counts {
	struct nl_list_count *v;	/* in order, no two of one socket */
	size_t n, cap;
};

/** counts_read - as they are now; none where nothing counts, or without the
 * right to ask. The caller frees. */
void counts_read(struct counts *ret);

/** counts_of - that of the socket a rule leads to, or NULL. */
const struct nl_list_count *counts_of(const struct counts *,
				      const struct nat_rule *);

void counts_free(struct counts *);

#endif
