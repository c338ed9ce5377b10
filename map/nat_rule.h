/* SPDX-License-Identifier: ISC */
/*
 * nat_rule.h - one rule of the NAT: what a mapping means to the kernel.
 *
 * The engine sends this record to the monitor, which passes it to a backend. It
 * has a fixed size, no pointer and no text: of what a client wrote, only
 * numbers reach the firewall.
 * Runs in: any
 */
#ifndef MAP_NAT_RULE_H
#define MAP_NAT_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

enum nat_kind {
	NAT_PORTMAP = 1,	/* IPv4 port mapping: DNAT and accept */
	NAT_PINHOLE = 2,	/* IPv6 pinhole: accept (not implemented) */
};

struct nat_rule {
	struct addr client;	/* the LAN host */
	struct addr remote;	/* the host that may connect, or ADDR_ANY */
	uint16_t ext_port;
	uint16_t int_port;
	uint8_t kind;		/* enum nat_kind */
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
};

_Static_assert(sizeof(struct nat_rule) == 40, "no padding: it is sent as is");

enum nat_verb {
	NAT_SET = 1,		/* add this rule, or replace the one with the
				 * same key */
	NAT_DEL = 2,		/* delete the rule with this key */
};

struct nat_op {
	struct nat_rule rule;
	uint32_t verb;		/* enum nat_verb */
};

/* The result of an op. It is sent over the socket as an int32_t. */
enum nat_err {
	NAT_OK = 0,
	NAT_EFAIL,		/* the firewall did not take it */
	NAT_EREFUSED,		/* the monitor's policy forbids it */
	NAT_ECONFLICT,		/* the router itself serves that port */
	NAT_ENOSPC,		/* more rules than max-mappings */
	NAT_ENOADDR,		/* there is no external address now */
};

/**
 * nat_rule_same_key - kind, protocol, external port and remote host equal?
 *
 * The key of a port mapping: WANIPConnection:1 2.4.16 (AddPortMapping).
 */
bool nat_rule_same_key(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_equal - are both rules equal in every field? */
bool nat_rule_equal(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_proto - "tcp" or "udp", as files and upnpctl have it, of an
 * IPPROTO_. */
const char *nat_rule_proto(uint8_t proto);

/**
 * nat_rule_sane - is this record a rule?
 *
 * A known kind and protocol, ports not 0, a client and a remote host of the
 * kind's family, the remote host perhaps ADDR_ANY. No address is 0.0.0.0 or ::,
 * and the bytes that its family does not use are 0 (addr.h). Pure.
 */
bool nat_rule_sane(const struct nat_rule *);

#endif
