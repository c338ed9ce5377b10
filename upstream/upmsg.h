/* SPDX-License-Identifier: ISC */
/*
 * upmsg.h - the messages of a client of NAT-PMP (RFC 6886) and of PCP (RFC
 * 6887): requests to the upstream, and its answers.
 *
 * Pure. All numbers on the wire have their most significant byte first.
 * Runs in: engine
 */
#ifndef UPSTREAM_UPMSG_H
#define UPSTREAM_UPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/str.h"

#define UPMSG_MAX	60	/* bytes of the longest request: MAP */

/* The Mapping Nonce (RFC 6887 11.1). */
struct upmsg_nonce {
	uint8_t byte[12];
};

/* A port of ours that the upstream is asked to forward to us. */
struct upmsg_ask {
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;		/* ours: the upstream's internal port */
	uint16_t ext_port;	/* suggested; 0: none */
	uint32_t lease_s;	/* 0: delete the mapping */
	struct addr client;	/* our IPv4 address towards the upstream */
	struct addr ext;	/* suggested; ADDR_NONE: none. PCP only */
	struct upmsg_nonce nonce;	/* PCP only */
};

enum upmsg_kind {
	UPMSG_ALIVE,		/* to ANNOUNCE, or for the external address */
	UPMSG_MAP,
};

/* An answer. Fields that it does not have are 0, or ADDR_NONE. */
struct upmsg_reply {
	uint8_t kind;		/* enum upmsg_kind */
	uint8_t result;		/* 0: success */
	bool unsupported;	/* @result: the upstream lacks the protocol,
				 * its version or the opcode */
	uint8_t proto;
	uint16_t port, ext_port;
	uint32_t lease_s, epoch_s;
	struct addr ext;	/* an address of a host */
};

/** upmsg_pcp_alive - write an ANNOUNCE request (RFC 6887 14.1). @buf: UPMSG_MAX
 * bytes. Return: its length */
size_t upmsg_pcp_alive(struct addr client, uint8_t *buf);

/** upmsg_pcp_map - write a MAP request without options (RFC 6887 11.1); to
 * delete, the suggested port and address are zero (15.1). @buf: UPMSG_MAX
 * bytes. Return: its length */
size_t upmsg_pcp_map(const struct upmsg_ask *, uint8_t *buf);

/**
 * upmsg_pcp_read - read an answer of PCP.
 * @nonce: of our requests; an answer to MAP with another one is dropped
 * @ret: set only when true is returned
 *
 * Return: false: it is not an answer that the client may use (RFC 6887 8.3)
 */
bool upmsg_pcp_read(struct str datagram, const struct upmsg_nonce *nonce,
		    struct upmsg_reply *ret);

/** upmsg_natpmp_alive - write a request for the external address (RFC 6886
 * 3.2). @buf: UPMSG_MAX bytes. Return: its length */
size_t upmsg_natpmp_alive(uint8_t *buf);

/** upmsg_natpmp_map - write a request for a mapping (RFC 6886 3.3), or to
 * delete it (3.4). @buf: UPMSG_MAX bytes. Return: its length */
size_t upmsg_natpmp_map(const struct upmsg_ask *, uint8_t *buf);

/** upmsg_natpmp_read - read an answer of NAT-PMP. @ret: set only when true is
 * returned. Return: false: drop it */
bool upmsg_natpmp_read(struct str datagram, struct upmsg_reply *ret);

/* What is known of the upstream's clock. All zero: nothing. */
struct upmsg_epoch {
	uint64_t at_ms;		/* when the last answer arrived */
	uint32_t s;		/* its epoch */
	bool known;
};

/**
 * upmsg_epoch - take an answer's epoch.
 * @e: what is known; it is updated
 *
 * Return: true: the upstream has lost its mappings since the last answer (RFC
 * 6887 8.5; RFC 6886 3.6 has looser bounds for a slow clock, which this
 * function grants to both)
 */
bool upmsg_epoch(struct upmsg_epoch *e, uint32_t epoch_s, uint64_t now_ms);

#endif
