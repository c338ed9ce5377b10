/* SPDX-License-Identifier: ISC */
/*
 * uci.h - write a change of the configuration to UCI, OpenWrt's store of
 * settings. Runs in: upnpctl
 */
#ifndef UPNPCTL_UCI_H
#define UPNPCTL_UCI_H

#include "conf/confedit.h"

/**
 * uci_write - apply the differences between @was and @now to UCI's package
 * upnpd, and commit them.
 *
 * Compares settings, interfaces, mappings and rules. On an error, reverts what
 * was not committed. Fails if the operator has uncommitted changes, because the
 * commit would include them.
 *
 * Return: exit status; errors are reported on stderr
 */
int uci_write(const struct confedit *was, const struct confedit *now);

#endif
