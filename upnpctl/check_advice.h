/* SPDX-License-Identifier: ISC */
/*
 * check_advice.h - the command that makes the administrator's firewall accept
 * packets to or from the router: of ufw, firewalld, shorewall, OpenWrt, nft or
 * iptables, by the names of tables and chains. Pure.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_ADVICE_H
#define UPNPCTL_CHECK_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/wr.h"
#include "natfw/ruleset.h"

/* Packets to be accepted; a port that is 0 is any. */
struct check_advice_need {
	uint8_t proto;		/* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t dport, sport;	/* at most one of them is set */
};

struct check_advice {
	const struct ruleset *rules;
	uint32_t base;		/* the base chain that drops */
	const char *ifname;	/* the internal interface */
	bool out;		/* packets leave by it; else they arrive */
	enum ruleset_kind plain;	/* the variant of the program iptables;
					 * RULESET_KINDS: there is none */
};

/** check_advice_put - write the commands for @count needs, in one line. */
void check_advice_put(struct wr *w, const struct check_advice *a,
		      const struct check_advice_need *n, size_t count);

#endif
