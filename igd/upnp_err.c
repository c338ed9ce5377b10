/* SPDX-License-Identifier: ISC */
/* upnp_err.c - the error codes with their texts in the standards, and the codes
 * for refusals by the mapping core.
 * Runs in: engine */
#include <stddef.h>
#include "igd/upnp_err.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t err;		/* enum upnp_err */
	const char *text;
} err_text[] = {
	{ UPNP_INVALID_ACTION, "Invalid Action" },
	{ UPNP_INVALID_ARGS, "Invalid Args" },
	{ UPNP_INVALID_VAR, "Invalid Var" },
	{ UPNP_ACTION_FAILED, "Action Failed" },
	{ UPNP_VALUE_INVALID, "Argument Value Invalid" },
	{ UPNP_OUT_OF_RANGE, "Argument Value Out of Range" },
	{ UPNP_NOT_IMPLEMENTED, "Optional Action Not Implemented" },
	{ UPNP_OUT_OF_MEMORY, "Out of Memory" },
	{ UPNP_HUMAN_REQUIRED, "Human Intervention Required" },
	{ UPNP_STRING_TOO_LONG, "String Argument Too Long" },
	{ UPNP_NOT_AUTHORIZED, "Action not authorized" },
	{ WANIP_INACTIVE_REQUIRED, "InactiveConnectionStateRequired" },
	{ WANIP_SETUP_FAILED, "ConnectionSetupFailed" },
	{ WANIP_SETUP_IN_PROGRESS, "ConnectionSetupInProgress" },
	{ WANIP_NOT_CONFIGURED, "ConnectionNotConfigured" },
	{ WANIP_DISCONNECT_IN_PROGRESS, "DisconnectInProgress" },
	{ WANIP_INVALID_LAYER2, "InvalidLayer2Address" },
	{ WANIP_ACCESS_DISABLED, "InternetAccessDisabled" },
	{ WANIP_INVALID_TYPE, "InvalidConnectionType" },
	{ WANIP_ALREADY_TERMINATED, "ConnectionAlreadyTerminated" },
	{ WANIP_INDEX_INVALID, "SpecifiedArrayIndexInvalid" },
	{ WANIP_NO_SUCH_ENTRY, "NoSuchEntryInArray" },
	{ WANIP_WILDCARD_SRC, "WildCardNotPermittedInSrcIP" },
	{ WANIP_WILDCARD_EXT_PORT, "WildCardNotPermittedInExtPort" },
	{ WANIP_CONFLICT, "ConflictInMappingEntry" },
	{ L3F_INVALID_UUID, "InvalidDeviceUUID" },
	{ L3F_INVALID_SERVICE, "InvalidServiceID" },
	{ L3F_INVALID_SELECTION, "InvalidConnServiceSelection" },
	{ WANIP_SAME_PORT_REQUIRED, "SamePortValuesRequired" },
	{ WANIP_ONLY_PERMANENT, "OnlyPermanentLeasesSupported" },
	{ WANIP_REMOTE_WILDCARD_ONLY, "RemoteHostOnlySupportsWildcard" },
	{ WANIP_EXT_PORT_WILDCARD_ONLY, "ExternalPortOnlySupportsWildcard" },
	{ WANIP_NO_PORT_MAPS, "NoPortMapsAvailable" },
	{ WANIP_OTHER_MECHANISM, "ConflictWithOtherMechanisms" },
	{ WANIP_RANGE_NOT_FOUND, "PortMappingNotFound" },
	{ WANIP_READ_ONLY, "ReadOnly" },
	{ WANIP_WILDCARD_INT_PORT, "WildCardNotPermittedInIntPort" },
	{ WANIP_INCONSISTENT, "InconsistentParameters" },
	{ WANIP6_NO_SPACE, "PinholeSpaceExhausted" },
	{ WANIP6_FIREWALL_DISABLED, "FirewallDisabled" },
	{ WANIP6_NOT_ALLOWED, "InboundPinholeNotAllowed" },
	{ WANIP6_NO_SUCH_ENTRY, "NoSuchEntry" },
	{ WANIP6_PROTO_UNSUPPORTED, "ProtocolNotSupported" },
	{ WANIP6_PORT_WILDCARD, "InternalPortWildcardingNotAllowed" },
	{ WANIP6_PROTO_WILDCARD, "ProtocolWildcardingNotAllowed" },
	{ WANIP6_WILDCARD_SRC, "WildCardNotPermittedInSrcIP" },
	{ WANIP6_NO_TRAFFIC, "NoTrafficReceived" },
};

unsigned upnp_err_code(int err)
{
	return (unsigned)err & 0xffff;
}

const char *upnp_err_text(int err)
{
	for (size_t i = 0; i < ARRAY_N(err_text); i++)
		if (err_text[i].err == (uint32_t)err)
			return err_text[i].text;
	return "Action Failed";
}

/*
 * The codes at version 1 and at version 2 of the service (docs/protocol.md,
 * "Error codes").
 *
 * Version 1 lacks three codes. A refusal by policy is 718 there, and a full
 * table is 501 (RFC 6970 maps lack of resources to it). A mapping that the
 * requester may not delete, another client's or one of PCP, is 714, as if it did
 * not exist.
 */
struct codes {
	uint32_t v1, v2;	/* enum upnp_err */
};

#define BY_POLICY	{ WANIP_CONFLICT, UPNP_NOT_AUTHORIZED }
#define FULL		{ UPNP_ACTION_FAILED, WANIP_NO_PORT_MAPS }
#define BOTH(code)	{ code, code }

static const struct codes add_codes[REFUSAL__MAX] = {
	[REFUSAL_SECURE] = BY_POLICY,
	[REFUSAL_OUTSIDE] = BY_POLICY,
	[REFUSAL_ROUTER] = BY_POLICY,
	[REFUSAL_SPECIAL] = BY_POLICY,
	[REFUSAL_RULE] = BY_POLICY,
	[REFUSAL_REMOTE] = BY_POLICY,
	[REFUSAL_MONITOR] = BY_POLICY,
	[REFUSAL_OPERATOR] = BOTH(WANIP_CONFLICT),
	[REFUSAL_CONFLICT] = BOTH(WANIP_CONFLICT),
	[REFUSAL_FULL] = FULL,
	[REFUSAL_CLIENT_FULL] = FULL,
	[REFUSAL_RATE] = FULL,
	[REFUSAL_NO_PORT] = BOTH(WANIP_NO_PORT_MAPS),
	[REFUSAL_PORT] = { WANIP_CONFLICT, WANIP_OTHER_MECHANISM },
	[REFUSAL_FORWARDED] = { WANIP_CONFLICT, WANIP_OTHER_MECHANISM },
	/* RFC 6970: of CANNOT_PROVIDE_EXTERNAL */
	[REFUSAL_UPSTREAM_PORT] = BOTH(WANIP_CONFLICT),
};

static const struct codes delete_codes[REFUSAL__MAX] = {
	[REFUSAL_OWNER] = { WANIP_NO_SUCH_ENTRY, UPNP_NOT_AUTHORIZED },
	[REFUSAL_OPERATOR] = { WANIP_NO_SUCH_ENTRY, UPNP_NOT_AUTHORIZED },
	[REFUSAL_NOT_FOUND] = BOTH(WANIP_NO_SUCH_ENTRY),
};

static const struct codes range_codes[REFUSAL__MAX] = {
	[REFUSAL_OWNER] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_NOT_FOUND] = BOTH(WANIP_RANGE_NOT_FOUND),
};

/* The service exists under IGD:2 only. RFC 6970 does not mention pinholes. */
static const struct codes add_pinhole_codes[REFUSAL__MAX] = {
	[REFUSAL_SECURE] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_OUTSIDE] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_ROUTER] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_SPECIAL] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_RULE] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_REMOTE] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_MONITOR] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_OPERATOR] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_ALL_PORTS] = BOTH(WANIP6_PORT_WILDCARD),
	[REFUSAL_PINHOLES] = BOTH(WANIP6_NO_SPACE),
	[REFUSAL_CLIENT_FULL] = BOTH(WANIP6_NO_SPACE),
	[REFUSAL_RATE] = BOTH(WANIP6_NO_SPACE),
	[REFUSAL_KIND] = BOTH(WANIP6_NOT_ALLOWED),
};

static const struct codes change_pinhole_codes[REFUSAL__MAX] = {
	[REFUSAL_OWNER] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_OPERATOR] = BOTH(UPNP_NOT_AUTHORIZED),
	[REFUSAL_NOT_FOUND] = BOTH(WANIP6_NO_SUCH_ENTRY),
};

static const struct codes *const code_table[UPNP_CALLS] = {
	[UPNP_ADD] = add_codes,
	[UPNP_DELETE] = delete_codes,
	[UPNP_DELETE_RANGE] = range_codes,
	[UPNP_ADD_PINHOLE] = add_pinhole_codes,
	[UPNP_CHANGE_PINHOLE] = change_pinhole_codes,
};

int upnp_err_of(enum refusal why, enum upnp_call call, unsigned version)
{
	const struct codes *c;
	uint32_t code;

	if (why == REFUSAL_NONE)
		return UPNP_OK;
	if ((unsigned)why >= REFUSAL__MAX)
		return UPNP_ACTION_FAILED;
	c = &code_table[call][why];
	code = version < 2 ? c->v1 : c->v2;
	return code ? (int)code : UPNP_ACTION_FAILED;
}
