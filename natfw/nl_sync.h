/* SPDX-License-Identifier: ISC */
/*
 * nl_sync.h - the sync of the backend netlink. Part of nl.c.
 * Runs in: any
 */
#ifndef NATFW_NL_SYNC_H
#define NATFW_NL_SYNC_H

#include "natfw.h"

/** nl_sync - as the sync of struct natfw_backend. */
int nl_sync(struct natfw *fw, struct natfw_writer *w,
	    const struct nat_rule *rule, size_t n);

#endif
