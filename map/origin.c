/* SPDX-License-Identifier: ISC */
/* origin.c - the names of the origins. Runs in: any */
#include "map/origin.h"

const char *origin_name(enum origin o)
{
	static const char *const name[ORIGINS] = {
		[ORIGIN_OPERATOR] = "operator", [ORIGIN_UPNP] = "upnp",
		[ORIGIN_NAT_PMP] = "nat-pmp", [ORIGIN_PCP] = "pcp",
	};

	return (unsigned)o < ORIGINS && name[o] ? name[o] : "unknown";
}
