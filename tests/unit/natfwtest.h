/* SPDX-License-Identifier: ISC */
/*
 * natfwtest.h - shared by the tests of natfw.c and natfw/: rules, ops, an
 * environment, random numbers. Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_NATFWTEST_H
#define TESTS_UNIT_NATFWTEST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "natfw.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define EXT	0xcb007107u	/* 203.0.113.7 */
#define HOST(n)	(0xc0a85800u + (n))	/* 192.168.88.n */
#define PEER	0xc6336409u	/* 198.51.100.9 */

static inline struct nat_rule rule(uint8_t proto, uint32_t remote,
				   uint16_t ext, uint32_t client,
				   uint16_t port)
{
	return (struct nat_rule){
		.client = addr_ip4(client), .ext_port = ext,
		.remote = remote ? addr_ip4(remote) : addr_any(),
		.int_port = port, .kind = NAT_PORTMAP, .proto = proto,
	};
}

static inline struct nat_rule tcp(uint16_t ext, uint32_t client, uint16_t port)
{
	return rule(IPPROTO_TCP, 0, ext, client, port);
}

/* The same, from port @sport of the remote host only. */
static inline struct nat_rule from_port(struct nat_rule r, uint16_t sport)
{
	r.remote_port = sport;
	return r;
}

/* TCP, from any host to [2001:db8::@host]. */
static inline struct nat_rule pinhole(uint8_t host, uint16_t port)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = host };

	return (struct nat_rule){
		.client = addr_ip6(byte), .remote = addr_any(),
		.int_port = port, .kind = NAT_PINHOLE, .proto = IPPROTO_TCP,
	};
}

static inline struct nat_op set(struct nat_rule r)
{
	return (struct nat_op){ .rule = r, .verb = NAT_SET };
}

static inline struct nat_op del(struct nat_rule r)
{
	if (r.kind == NAT_PORTMAP) {	/* the key of a pinhole is all of it */
		r.client = (struct addr){ ADDR_NONE };
		r.int_port = 0;
	}
	return (struct nat_op){ .rule = r, .verb = NAT_DEL };
}

static inline struct natfw_env env_of(uint32_t ext_ip)
{
	return (struct natfw_env){
		.ext = ext_ip ? addr_ip4(ext_ip) : (struct addr){ 0 },
		.ext_if = "wan0", .net_n = 2, .ipv6 = true,
		.net = { { 0, "lan0", { addr_ip4(HOST(1)), 24 } },
			 { 0, "lan1", { addr_ip4(0x0a000001), 8 } } },
	};
}

static inline uint32_t dice(uint32_t n)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/* A batch of one. */
static inline enum nat_err one(struct natfw *fw, struct nat_op op)
{
	enum nat_err err = (enum nat_err)77;

	natfw_batch(fw, &op, 1, &err);
	return err;
}

#endif
