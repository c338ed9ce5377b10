/* SPDX-License-Identifier: ISC */
/* upnp_err.h - the error codes, and their texts. Runs in: engine */
#ifndef IGD_UPNP_ERR_H
#define IGD_UPNP_ERR_H

#include "map/refusal.h"

/* WANIPv6FirewallControl:1 has other errors with the same codes: see
 * upnp_err_code(). */
#define UPNP_ERR_WANIP6(code)	(0x10000 + (code))

/* UPnP error codes: UDA 1.1 3.2.2 (4xx, 6xx), WANIPConnection:1 and :2,
 * WANIPv6FirewallControl:1. */
enum upnp_err {
	UPNP_OK = 0,
	UPNP_INVALID_ACTION = 401,
	UPNP_INVALID_ARGS = 402,
	UPNP_INVALID_VAR = 404,
	UPNP_ACTION_FAILED = 501,
	UPNP_VALUE_INVALID = 600,
	UPNP_OUT_OF_RANGE = 601,
	UPNP_NOT_IMPLEMENTED = 602,
	UPNP_OUT_OF_MEMORY = 603,
	UPNP_HUMAN_REQUIRED = 604,
	UPNP_STRING_TOO_LONG = 605,
	UPNP_NOT_AUTHORIZED = 606,
	WANIP_INACTIVE_REQUIRED = 703,
	WANIP_SETUP_FAILED = 704,
	WANIP_SETUP_IN_PROGRESS = 705,
	WANIP_NOT_CONFIGURED = 706,
	WANIP_DISCONNECT_IN_PROGRESS = 707,
	WANIP_INVALID_LAYER2 = 708,
	WANIP_ACCESS_DISABLED = 709,
	WANIP_INVALID_TYPE = 710,
	WANIP_ALREADY_TERMINATED = 711,
	WANIP_INDEX_INVALID = 713,
	WANIP_NO_SUCH_ENTRY = 714,
	WANIP_WILDCARD_SRC = 715,
	WANIP_WILDCARD_EXT_PORT = 716,
	WANIP_CONFLICT = 718,
	L3F_INVALID_UUID = 720,
	L3F_INVALID_SERVICE = 721,
	L3F_INVALID_SELECTION = 723,
	WANIP_SAME_PORT_REQUIRED = 724,
	WANIP_ONLY_PERMANENT = 725,
	WANIP_REMOTE_WILDCARD_ONLY = 726,
	WANIP_EXT_PORT_WILDCARD_ONLY = 727,
	WANIP_NO_PORT_MAPS = 728,
	WANIP_OTHER_MECHANISM = 729,
	WANIP_RANGE_NOT_FOUND = 730,
	WANIP_READ_ONLY = 731,
	WANIP_WILDCARD_INT_PORT = 732,
	WANIP_INCONSISTENT = 733,
	WANIP6_NO_SPACE = UPNP_ERR_WANIP6(701),
	WANIP6_FIREWALL_DISABLED = UPNP_ERR_WANIP6(702),
	WANIP6_NOT_ALLOWED = UPNP_ERR_WANIP6(703),
	WANIP6_NO_SUCH_ENTRY = UPNP_ERR_WANIP6(704),
	WANIP6_PROTO_UNSUPPORTED = UPNP_ERR_WANIP6(705),
	WANIP6_PORT_WILDCARD = UPNP_ERR_WANIP6(706),
	WANIP6_PROTO_WILDCARD = UPNP_ERR_WANIP6(707),
	WANIP6_WILDCARD_SRC = UPNP_ERR_WANIP6(708),
	WANIP6_NO_TRAFFIC = UPNP_ERR_WANIP6(709),
};

/** upnp_err_code - the errorCode that is sent for an enum upnp_err. */
unsigned upnp_err_code(int err);

/** upnp_err_text - the errorDescription of an enum upnp_err, as the standard spells it;
 * "Action Failed" for an unknown code. Never empty. */
const char *upnp_err_text(int err);

/* The actions whose refusals have codes of their own. */
enum upnp_call {
	UPNP_ADD,		/* AddPortMapping, AddAnyPortMapping */
	UPNP_DELETE,		/* DeletePortMapping */
	UPNP_DELETE_RANGE,	/* DeletePortMappingRange */
	UPNP_ADD_PINHOLE,	/* AddPinhole */
	UPNP_CHANGE_PINHOLE,	/* the actions with a UniqueID */
	UPNP_CALLS,
};

/**
 * upnp_err_of - the error code for a refusal by the mapping core.
 * @version: of the service, 1 or 2
 *
 * Return: 0 for REFUSAL_NONE; 501 if the table has no code
 */
int upnp_err_of(enum refusal, enum upnp_call, unsigned version);

#endif
