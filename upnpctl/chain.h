/* SPDX-License-Identifier: ISC */
/* chain.h - the NATs in front of the router, as far as they are known: our
 * address, the upstream's, how it is asked, what it answers.
 * Runs in: upnpctl */
#ifndef UPNPCTL_CHAIN_H
#define UPNPCTL_CHAIN_H

#include "base/wr.h"
#include "ipc/ctlmsg.h"

enum chain_reach { CHAIN_UNKNOWN, CHAIN_NO, CHAIN_YES };

/** chain_reach - can the Internet reach a mapped port, as far as this router
 * and the upstream know? @why: a sentence is written, without a full stop; NULL:
 * none */
enum chain_reach chain_reach(const struct ctl_status *, struct wr *why);

/** chain_put - write the upstream for a person: "10.0.1.1, asked by pcp ...";
 * nothing without one. */
void chain_put(const struct ctl_status *, struct wr *);

/** chain_json - the member "upstream": an object, or null without one. */
void chain_json(const struct ctl_status *);

#endif
