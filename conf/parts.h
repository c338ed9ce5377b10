/* SPDX-License-Identifier: ISC */
/*
 * parts.h - the parts that this build of upnpd lacks (tools/parts.mk), and the
 * values of options that need them.
 * Runs in: any
 */
#ifndef CONF_PARTS_H
#define CONF_PARTS_H

#include <stdbool.h>
#include "base/str.h"
#include "base/wr.h"

/** parts_without - the parts that were left out, in make's words, such as
 * "iptables PMP"; "": none. */
const char *parts_without(void);

/**
 * parts_lack - does this value of an option need a part that was left out?
 * @value: any; one that the option does not take needs nothing
 * @why: receives, only then, what is wrong and the remedy; it follows
 *       "nat-pmp is \"yes\", "
 */
bool parts_lack(const char *option, struct str value, struct wr *why);

#endif
