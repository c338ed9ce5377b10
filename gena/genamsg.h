/* SPDX-License-Identifier: ISC */
/*
 * genamsg.h - parse the fields of SUBSCRIBE and write NOTIFY (UDA 1.1 section
 * 4). Pure. Runs in: engine
 */
#ifndef GENA_GENAMSG_H
#define GENA_GENAMSG_H

#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/wr.h"

#define GENAMSG_SID_LEN 41	/* "uuid:" and 36 characters */

/* A URL for events. */
struct genamsg_url {
	struct addr host;	/* of the subscriber */
	uint16_t port;
	uint16_t off, len;	/* path and query in text[] */
};

struct genamsg_callback {
	struct genamsg_url url[GENA_URLS_MAX];	/* in the order to try */
	size_t n;
	char text[GENA_CALLBACK_MAX];
};

/* Is an address the subscriber's? Events must not be sent to another host
 * (CallStranger, CVE-2020-12695). */
struct genamsg_owner {
	bool (*owns)(const void *arg, struct addr host);
	const void *arg;
};

/**
 * genamsg_callback - parse the value of CALLBACK, one or more <URL>.
 * @ret: set only on success
 *
 * Skips a URL that is not http, whose host is not the literal of an address
 * that the subscriber owns, or whose port is 0. Such a URL is not an error,
 * because some control points list addresses of all their interfaces. A zone
 * after a link-local address is skipped (addr_host_parse()).
 * Limits: URLs beyond GENA_URLS_MAX are skipped.
 *
 * Return: 0, -EINVAL (no URL is left, the value is longer than
 * GENA_CALLBACK_MAX or is not a list of <URL>)
 * Source: UDA 1.1 4.1.2 (412 if it "does not contain a valid HTTP URL")
 */
int genamsg_callback(struct str value, const struct genamsg_owner *,
		     struct genamsg_callback *ret);

/** genamsg_path - the path and query of a URL, beginning with '/'. */
struct str genamsg_path(const struct genamsg_callback *,
			const struct genamsg_url *);

/** genamsg_same - are the two lists of URLs of one subscriber the same? */
bool genamsg_same(const struct genamsg_callback *,
		  const struct genamsg_callback *);

/**
 * genamsg_timeout_s - the duration of a subscription, in seconds.
 * @value: value of TIMEOUT, "Second-1800"; empty: none was sent
 *
 * Limits: GENA_TIMEOUT_MIN_S to GENA_TIMEOUT_MAX_S. "infinite", which UDA 1.1
 * 4.1.2 deprecates, is the maximum. Without a valid value, it is the minimum.
 */
unsigned genamsg_timeout_s(struct str value);

/** genamsg_sid - write "uuid:..." from 16 random bytes (RFC 4122 4.4). @ret:
 * room for GENAMSG_SID_LEN and the NUL */
void genamsg_sid(const uint8_t rnd[16], char *ret);

/** genamsg_next_seq - the SEQ after @seq: 1 after 2^32-1, because 0 is only for
 * the initial event (UDA 1.1 4.3.1). */
uint32_t genamsg_next_seq(uint32_t seq);

struct genamsg_notify {
	struct addr host;
	uint16_t port;
	struct str path;
	const char *sid;
	uint32_t seq;
	struct str body;
};

/** genamsg_notify - write a complete NOTIFY (UDA 1.1 4.3.1). */
void genamsg_notify(struct wr *, const struct genamsg_notify *);

/* Write the body: open, a property for each variable, close. The variable's
 * element has no prefix (UDA 1.1 4.3.1; simple parsers search for the name). */
void genamsg_open(struct wr *);
void genamsg_property(struct wr *, const char *name, struct str value);
void genamsg_close(struct wr *);

#endif
