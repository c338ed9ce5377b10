/* SPDX-License-Identifier: ISC */
/*
 * iptval.h - the values of iptables' options, as iptables-save prints them.
 * Pure. All return false for a value that they do not know.
 * Runs in: any
 */
#ifndef NATFW_IPTVAL_H
#define NATFW_IPTVAL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

/** iptval_word - split off the next word. A text in quotes is one word, with
 * its quotes. Return: false at the end, or if the text does not end in this
 * line, which then stays in @rest */
bool iptval_word(struct str *rest, struct str *ret);

/* Addresses: a value and a mask, or the first and the last. Bytes in network
 * order. */
struct iptval_addr {
	uint8_t a[16], b[16];
	uint8_t len;		/* 4, 16 */
};

/** iptval_net - "10.0.0.1", "10.0.0.0/8", "10.0.0.1/255.0.0.255". The bits of
 * the value are in the mask. */
bool iptval_net(struct str s, struct iptval_addr *ret);

/** iptval_addrs - "10.0.0.5-10.0.0.9" */
bool iptval_addrs(struct str s, struct iptval_addr *ret);

/** iptval_ports - "80", "1024:65535"; an end may be left out. */
bool iptval_ports(struct str s, uint32_t *ret_lo, uint32_t *ret_hi);

/** iptval_mark - "0x10/0xff", "0x10" */
bool iptval_mark(struct str s, uint32_t *ret_value, uint32_t *ret_mask);

/** iptval_proto - "tcp", "6"; 0: any */
bool iptval_proto(struct str s, uint32_t *ret);

#define IPTVAL_SNAT	(UINT32_C(1) << 30)
#define IPTVAL_DNAT	(UINT32_C(1) << 31)

/** iptval_states - "NEW,DNAT": NF_CT_STATE_BIT() and others of that kind, and
 * IPTVAL_* */
bool iptval_states(struct str list, uint32_t *ret);

/** iptval_status - "ASSURED,CONFIRMED": IPS_* */
bool iptval_status(struct str list, uint32_t *ret);

#define IPTVAL_TYPES	12

/** iptval_types - "LOCAL,BROADCAST": 1 << RTN_*, for less than IPTVAL_TYPES
 * types */
bool iptval_types(struct str list, uint32_t *ret);

/** iptval_tcp_flags - "SYN,ACK": the bits of the header, TH_* */
bool iptval_tcp_flags(struct str list, uint32_t *ret);

#endif
