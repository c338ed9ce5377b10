/* SPDX-License-Identifier: ISC */
/*
 * genamsg.h - the texts of eventing: what SUBSCRIBE's fields mean, and what a
 * NOTIFY looks like (UDA 1.1 section 4). Pure.
 *
 * Runs in: engine
 */
#ifndef GENA_GENAMSG_H
#define GENA_GENAMSG_H

#include "base/limits.h"
#include "base/str.h"
#include "base/wr.h"

#define GENAMSG_SID_LEN 41	/* "uuid:" and 36 characters */

/* Where events go: an address that is the subscriber's own, so only port and
 * path are kept. */
struct genamsg_url {
	uint16_t port;
	uint16_t off, len;	/* path and query in text[] */
};

struct genamsg_callback {
	struct genamsg_url url[GENA_URLS_MAX];	/* in the order to try */
	size_t n;
	char text[GENA_CALLBACK_MAX];
};

/**
 * genamsg_callback - take the value of CALLBACK apart.
 * @peer_ip: who subscribes
 * @ret: set only on success
 *
 * One or more <URL>. One that is not http, whose host is not the literal
 * @peer_ip (CallStranger, CVE-2020-12695: no event may be aimed at another
 * host) or whose port is 0 is passed over, so that a control point that also
 * lists its IPv6 address is served; so are those beyond GENA_URLS_MAX.
 *
 * Return: 0, -EINVAL (no URL is left, it is longer than GENA_CALLBACK_MAX, or
 * no list of <URL> at all)
 * Source: UDA 1.1 4.1.2 (412 where it "does not contain a valid HTTP URL")
 */
int genamsg_callback(struct str value, uint32_t peer_ip,
		     struct genamsg_callback *ret);

/** genamsg_path - path and query of one of them, beginning with '/'. */
struct str genamsg_path(const struct genamsg_callback *,
			const struct genamsg_url *);

/**
 * genamsg_timeout_s - how long a subscription is to last.
 * @value: of TIMEOUT, "Second-1800"; empty: none was sent
 *
 * Within GENA_TIMEOUT_MIN_S and GENA_TIMEOUT_MAX_S; "infinite" is the longest
 * (UDA 1.1 4.1.2 knows it no more), what makes no sense is as if not sent.
 */
unsigned genamsg_timeout_s(struct str value);

/** genamsg_sid - "uuid:..." of 16 random bytes (RFC 4122 4.4). @ret: room for
 * GENAMSG_SID_LEN and the NUL. */
void genamsg_sid(const uint8_t rnd[16], char *ret);

/** genamsg_next_seq - the number after @seq: after 2^32-1 comes 1, as 0 is the
 * initial event's alone (UDA 1.1 4.3.1). */
uint32_t genamsg_next_seq(uint32_t seq);

struct genamsg_notify {
	uint32_t ip;
	uint16_t port;
	struct str path;
	const char *sid;
	uint32_t seq;
	struct str body;
};

/** genamsg_notify - write a whole NOTIFY (UDA 1.1 4.3.1). */
void genamsg_notify(struct wr *, const struct genamsg_notify *);

/* The body: open, a property for each variable, close. The variable's element
 * has no prefix (UDA 1.1 4.3.1; XPath-less parsers look for the bare name). */
void genamsg_open(struct wr *);
void genamsg_property(struct wr *, const char *name, struct str value);
void genamsg_close(struct wr *);

#endif
