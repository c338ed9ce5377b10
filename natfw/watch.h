/* SPDX-License-Identifier: ISC */
/*
 * watch.h - notices of changes of nf_tables by any program: nft, iptables-nft,
 * a reload of the firewall. iptables-legacy causes none.
 * Runs in: monitor
 */
#ifndef NATFW_WATCH_H
#define NATFW_WATCH_H

/**
 * watch_open - open a socket that becomes readable with every transaction.
 *
 * Needs CAP_NET_ADMIN. Only one notice a transaction is queued, so that a large
 * ruleset costs no more than a small one.
 * Return: the descriptor, non-blocking, close-on-exec; -EPROTONOSUPPORT (a
 * kernel without nf_tables), other -errno
 */
int watch_open(void);

/** watch_open_all - open a socket that receives every message about what a
 * transaction changes. Return: as watch_open() */
int watch_open_all(void);

/** watch_read - read the notices. Return: the number of transactions since the
 * last call; a large number if notices were lost */
unsigned watch_read(int fd);

#endif
