/* SPDX-License-Identifier: ISC */
/*
 * nl_why.h - why the kernel refused a change of nf_tables, as text for fw->why.
 * Runs in: monitor
 */
#ifndef NATFW_NL_WHY_H
#define NATFW_NL_WHY_H

#include <stdbool.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_map.h"

/** nl_why_message - the message of the batch in which the kernel found the
 * fault, or NULL. */
const struct nlmsghdr *nl_why_message(const struct nfnl_batch *);

/** nl_why_is_missing - does this -errno mean that a module may be missing? */
bool nl_why_is_missing(int err);

/**
 * nl_why_set - set fw->why.
 * @what: what was being done
 * @module: that may be missing, or NULL
 * Return: @err, but -EIO instead of -ENOENT. natfw.c takes -ENOENT for a
 * missing tool and then does not sync at once, but netlink needs no tool
 */
int nl_why_set(struct natfw *, int err, const char *what, const char *module);

/** nl_why_batch - the same for a batch that failed. */
int nl_why_batch(struct natfw *, const struct nfnl_batch *, int err);

/** nl_why_table - the same for a message about a foreign table. EPERM there
 * means that another process owns it: without CAP_NET_ADMIN, the kernel refuses
 * the whole batch. */
int nl_why_table(struct natfw *, const struct nlmsghdr *,
		 const struct nl_table *, int err);

#endif
