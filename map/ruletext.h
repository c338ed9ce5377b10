/* SPDX-License-Identifier: ISC */
/* ruletext.h - write the parts of a rule for the log, in the words of upnpctl.
 * Runs in: any */
#ifndef MAP_RULETEXT_H
#define MAP_RULETEXT_H

#include "base/wr.h"
#include "map/nat_rule.h"

/** ruletext_ports - "protocol=tcp external-port=80"; a pinhole has no external
 * port. */
void ruletext_ports(struct wr *, const struct nat_rule *);

/** ruletext_to - "to=192.168.88.10:80", "to=[2001:db8::5]:*" (every port);
 * nothing if only the key of a port mapping is known. */
void ruletext_to(struct wr *, const struct nat_rule *);

/** ruletext_remote - "remote-host=203.0.113.5", "remote-host=203.0.113.5:80",
 * "remote-host=*:80"; nothing for every host and port. */
void ruletext_remote(struct wr *, const struct nat_rule *);

/** ruletext_put - all of them, with a space between. */
void ruletext_put(struct wr *, const struct nat_rule *);

#endif
