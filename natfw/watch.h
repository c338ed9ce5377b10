/* SPDX-License-Identifier: ISC */
/*
 * watch.h - hear when nf_tables was changed, by whomever: nft, iptables-nft, a
 * firewall's reload. iptables-legacy tells nobody.
 */
#ifndef NATFW_WATCH_H
#define NATFW_WATCH_H

/**
 * watch_open - a socket that becomes readable with every transaction.
 *
 * Needs CAP_NET_ADMIN. Of what the kernel tells only that there was one is
 * queued, so that a large rule set costs no more than a small one.
 *
 * Return: the descriptor, non-blocking, close-on-exec; -EPROTONOSUPPORT (a
 * kernel without nf_tables), other -errno
 */
int watch_open(void);

/**
 * watch_read - take what has come.
 *
 * Return: how many transactions there were since it was asked last; a large
 * number when some were lost
 */
unsigned watch_read(int fd);

#endif
