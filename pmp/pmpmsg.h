/* SPDX-License-Identifier: ISC */
/*
 * pmpmsg.h - the messages of NAT-PMP (RFC 6886) and of PCP (RFC 6887), which
 * share a port.
 *
 * Pure: no socket, no clock. A datagram is parsed into a struct, and each answer
 * is written from that struct and the datagram. All numbers on the wire have
 * their most significant byte first.
 * Runs in: engine
 */
#ifndef PMP_PMPMSG_H
#define PMP_PMPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "map/portmap.h"

/* The first byte of every message. PCP's version 1 was a draft. */
enum { PMP_VERSION_NAT_PMP = 0, PMP_VERSION_PCP = 2 };

/* NAT-PMP's opcodes, and its result codes (RFC 6886 3.5) */
enum { NATPMP_ADDRESS, NATPMP_MAP_UDP, NATPMP_MAP_TCP };
enum {
	NATPMP_SUCCESS,
	NATPMP_UNSUPP_VERSION,
	NATPMP_NOT_AUTHORIZED,
	NATPMP_NETWORK_FAILURE,
	NATPMP_NO_RESOURCES,
	NATPMP_UNSUPP_OPCODE,
};

/* PCP's opcodes, and its result codes (RFC 6887 7.4) */
enum { PCP_ANNOUNCE, PCP_MAP, PCP_PEER };
enum {
	PCP_SUCCESS,
	PCP_UNSUPP_VERSION,
	PCP_NOT_AUTHORIZED,
	PCP_MALFORMED_REQUEST,
	PCP_UNSUPP_OPCODE,
	PCP_UNSUPP_OPTION,
	PCP_MALFORMED_OPTION,
	PCP_NETWORK_FAILURE,
	PCP_NO_RESOURCES,
	PCP_UNSUPP_PROTOCOL,
	PCP_USER_EX_QUOTA,
	PCP_CANNOT_PROVIDE_EXTERNAL,
	PCP_ADDRESS_MISMATCH,
	PCP_EXCESSIVE_REMOTE_PEERS,
};

/* What the FILTER options of a MAP request ask for, taken together. */
enum pmpmsg_filter {
	PMPMSG_KEEP,	/* no option: the mapping keeps the filter it has */
	PMPMSG_CLEAR,	/* prefix length 0: every remote host */
	PMPMSG_SET,	/* @remote only, whatever filter the mapping has */
	PMPMSG_ADD,	/* @remote besides the filter that the mapping has */
};

/* A parsed request. Fields that it does not have are 0, or ADDR_NONE. */
struct pmpmsg {
	uint8_t version;	/* of the answer: PMP_VERSION_... */
	uint8_t opcode;
	uint8_t result;		/* not 0: the answer is this error */
	uint8_t proto;		/* IPPROTO_; PCP: any number, 0 means all */
	uint16_t int_port, ext_port;
	uint32_t lifetime_s;	/* as requested */

	/* PCP only */
	struct pm_nonce nonce;
	struct addr client;	/* whose ports: the source of the request, or
				 * that of THIRD_PARTY */
	struct addr ext;	/* the suggested external address; ADDR_NONE:
				 * none, which is written as 0.0.0.0 or :: */
	bool third_party;
	bool prefer_failure;
	uint8_t filter;		/* enum pmpmsg_filter */
	struct addr remote;	/* PEER; PMPMSG_SET and PMPMSG_ADD, ADDR_ANY
				 * for every host. It has the family of
				 * @client */
	uint16_t remote_port;	/* likewise; 0: every port */
};

/* What the server knows when it parses. */
struct pmpmsg_context {
	bool nat_pmp, pcp;	/* the protocols that are spoken here */
	struct addr source;	/* of the datagram */
};

/**
 * pmpmsg_parse - parse a datagram.
 * @ret: set only when true is returned. If its result is not 0, the answer is
 *       that error; else the request is well-formed
 *
 * The checks have the order of RFC 6887 8.2: length 2, response bit, version,
 * length 24, the limits of the length, the client's address, the opcode, the
 * options from the first to the last. A NAT-PMP request for a mapping that is too
 * short, or longer than PMP_MSG_MAX, is dropped, because that protocol has no code
 * for it.
 *
 * Return: false: drop it without an answer
 */
bool pmpmsg_parse(struct str datagram, const struct pmpmsg_context *,
		  struct pmpmsg *ret);

/* The values of an answer that the request does not have. */
struct pmpmsg_answer {
	uint8_t result;
	uint32_t epoch_s;
	uint32_t lifetime_s;	/* of the mapping, or PCP: of the error */
	uint16_t ext_port;
	struct addr ext;	/* the external address; ADDR_NONE: unknown */
};

/**
 * pmpmsg_write - write the answer to a request.
 * @request: the datagram that was parsed into @m; announcements have none
 * @buf: PMP_MSG_MAX bytes, which do not overlap @request
 *
 * An error of PCP is a copy of the whole request, padded to a multiple of 4 and
 * cut at PMP_MSG_MAX bytes. A success has the options that were processed. In
 * the answer to a deletion, the external port and address are those of the
 * request (RFC 6887 7.3, 8.2, 15.1).
 *
 * Return: its length
 */
size_t pmpmsg_write(const struct pmpmsg *m, struct str request,
		    const struct pmpmsg_answer *, uint8_t *buf);

/**
 * pmpmsg_write_request - write the MAP or PEER request of @m. A mapping update
 * is the answer to it (RFC 6887 14.2).
 * @buf: PMP_MSG_MAX bytes
 *
 * Return: its length
 */
size_t pmpmsg_write_request(const struct pmpmsg *m, uint8_t *buf);

#endif
