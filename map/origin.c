/* SPDX-License-Identifier: ISC */
/*
 * origin.c - the names of the origins.
 *
 * Runs in: any
 */
#include "map/origin.h"

const char *origin_name(enum origin o)
{
	switch (o) {
	case ORIGIN_OPERATOR:
		return "operator";
	case ORIGIN_UPNP:
		return "upnp";
	case ORIGIN_NAT_PMP:
		return "nat-pmp";
	case ORIGIN_PCP:
		return "pcp";
	case ORIGINS:
		break;
	}
	return "unknown";
}
