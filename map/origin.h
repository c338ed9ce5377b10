/* SPDX-License-Identifier: ISC */
/* origin.h - by which protocol or program a request for a mapping was made.
 * Runs in: any */
#ifndef MAP_ORIGIN_H
#define MAP_ORIGIN_H

/* No origin is 0, so a record whose origin was not set does not have the
 * operator's rights. */
enum origin {
	ORIGIN_OPERATOR = 1,	/* upnpctl */
	ORIGIN_UPNP,
	ORIGIN_NAT_PMP,
	ORIGIN_PCP,
	ORIGINS,
};

/** origin_name - "operator", "upnp", "nat-pmp", "pcp" or "unknown". */
const char *origin_name(enum origin);

#endif
