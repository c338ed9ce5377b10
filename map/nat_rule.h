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
	NAT_PINHOLE,		/* IPv6 pinhole: accept */
	NAT_KINDS,
};

struct nat_rule {
	struct addr client;	/* the LAN host */
	struct addr remote;	/* the host that may connect, or ADDR_ANY */
	uint16_t ext_port;	/* a pinhole has none: 0 */
	uint16_t int_port;	/* of the client; a pinhole may have 0: any */
	uint16_t remote_port;	/* of the remote host, 0: any. A port mapping
				 * with one has a remote host (FILTER and PEER
				 * of RFC 6887); a pinhole need not */
	uint8_t kind;		/* enum nat_kind */
	uint8_t proto;		/* nat_rule_has_proto() */
};

_Static_assert(sizeof(struct nat_rule) == 42, "no padding: it is sent as is");

enum nat_verb {
	NAT_SET = 1,		/* add this rule, or replace the one with the
				 * same key */
	NAT_DEL = 2,		/* delete the rule with this key */
};

struct nat_op {
	struct nat_rule rule;
	uint32_t verb;		/* enum nat_verb */
};

/* Identifies an op in the message to the monitor and in its answer. */
struct nat_op_id {
	uint16_t table;		/* enum nat_kind: a table has one kind */
	uint16_t slot;		/* of the entry in the table */
	uint16_t generation;	/* which op on that slot */
};

/* The result of an op. It is sent over the socket as an int32_t. */
enum nat_err {
	NAT_OK = 0,
	NAT_EFAIL,		/* the change of the firewall failed */
	NAT_EREFUSED,		/* the monitor's policy forbids it */
	NAT_ECONFLICT,		/* the router itself serves that port */
	NAT_ENOSPC,		/* more rules of a kind than it may have */
	NAT_ENOADDR,		/* there is no external address now */
	NAT_EKIND,		/* the backend has no rules of this kind */
	NAT_EFORWARDED,		/* the administrator forwards that port */
	NAT_EBLOCKED,		/* the administrator's firewall drops its
				 * packets, and no accept of ours can help */
};

/* Can pinholes let something in? A uint16_t over the socket. */
enum nat_ip6 {
	NAT_IP6_CLOSED = 0,	/* yes; also while it is not known */
	NAT_IP6_OPEN,		/* nothing drops, so none is needed */
	NAT_IP6_NONE,		/* there are none, or the tool for the chains
				 * that drop is missing */
};

/** nat_rule_taken - does the answer to an op mean that somebody with more
 * rights has the port: the router itself, or a rule of the administrator? */
bool nat_rule_taken(enum nat_err err);

/**
 * nat_rule_same_key - are both rules of the same kind, with the same key?
 *
 * The key of a port mapping is protocol, external port, remote host
 * (WANIPConnection:1 2.4.16, AddPortMapping) and remote port, which only PCP
 * and the operator name. If several match a packet, the one that names most of
 * its source decides. That of a pinhole is protocol,
 * client, internal port, remote host and remote port, its five-tuple
 * (WANIPv6FirewallControl:1, AddPinhole).
 */
bool nat_rule_same_key(const struct nat_rule *a, const struct nat_rule *b);

/**
 * nat_rule_rivals - may only one client have both rules?
 *
 * Port mappings with the same protocol and external port are rivals, whatever
 * their remote hosts and remote ports. Pinholes are rivals only if they have the
 * same key, and so the same client.
 */
bool nat_rule_rivals(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_same_socket - do both rules lead to the same client, protocol and
 * internal port? */
bool nat_rule_same_socket(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_same_remote - do both rules have the same remote host and remote
 * port? */
bool nat_rule_same_remote(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_port - the port that an outside host sends to: of a pinhole, which
 * translates nothing, the internal port. 0: every port of the client */
uint16_t nat_rule_port(const struct nat_rule *);

/** nat_rule_equal - are both rules equal in every field? */
bool nat_rule_equal(const struct nat_rule *a, const struct nat_rule *b);

/** nat_rule_proto - the name of an IPPROTO_ in files and in upnpctl: "tcp",
 * "udp", "dccp", "sctp" or "udplite". A literal. */
const char *nat_rule_proto(uint8_t proto);

/** nat_rule_proto_get - the IPPROTO_ with that name. @ret: set only on
 * success */
bool nat_rule_proto_get(struct str name, uint8_t *ret);

/** nat_rule_has_proto - may a rule of that kind have this IPPROTO_? A port
 * mapping: TCP and UDP; a pinhole: every protocol that has ports. */
bool nat_rule_has_proto(enum nat_kind kind, uint32_t proto);

/**
 * nat_rule_sane - is this record a rule?
 *
 * It must have a known kind and protocol, the ports of its kind, and a client
 * and a remote host of the kind's family; the remote host may be ADDR_ANY, but
 * not of a port mapping with a remote port. No
 * address may be 0.0.0.0 or ::, and the bytes that its family does not use must
 * be 0 (addr.h).
 *
 * Whether a pinhole for every internal port is allowed is the policy's decision
 * (policy.h). WANIPv6FirewallControl:1 has pinholes for every protocol (65535)
 * as well: there is no such rule. Pure.
 */
bool nat_rule_sane(const struct nat_rule *);

#endif
