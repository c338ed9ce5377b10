/* SPDX-License-Identifier: ISC */
/*
 * uci.h - write a change of the configuration to UCI, OpenWrt's store of
 * settings. Runs in: upnpctl
 */
#ifndef UPNPCTL_UCI_H
#define UPNPCTL_UCI_H

#include "conf/confedit.h"

/**
 * uci_write - change the package upnpd as @now differs from @was, and commit
 * it.
 *
 * Settings, interfaces and mappings are compared; no command changes allow and
 * deny lines. An error reverts what was not committed. Changes of the
 * operator that are not committed yet are an error, because the commit would
 * include them.
 *
 * Return: exit status; errors are reported on stderr
 */
int uci_write(const struct confedit *was, const struct confedit *now);

#endif
