/* SPDX-License-Identifier: ISC */
/* ruleadd.h - the command that adds a rule. Pure. Runs in: upnpctl */
#ifndef UPNPCTL_RULEADD_H
#define UPNPCTL_RULEADD_H

#include "base/wr.h"
#include "map/nat_rule.h"

/** ruleadd_put - write the command "rules add ..." for a rule that allows
 * or denies a mapping or pinhole. */
void ruleadd_put(struct wr *, bool allow, const struct nat_rule *);

#endif
