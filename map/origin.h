/* SPDX-License-Identifier: ISC */
/* origin.h - through which door a request for a mapping came in.
 * Runs in: any */
#ifndef MAP_ORIGIN_H
#define MAP_ORIGIN_H

/* 0 is none of them: a record whose origin nobody set has no rights of the
 * operator. */
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
