/* SPDX-License-Identifier: ISC */
/* upnp_err.c - the error codes in the words of their standards. */
#include <stddef.h>
#include "igd/igd.h"
#include "igd/upnp_err.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint16_t code;		/* enum upnp_err */
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
};

const char *upnp_err_text(int code)
{
	size_t i;

	for (i = 0; i < ARRAY_N(err_text); i++)
		if (err_text[i].code == code)
			return err_text[i].text;
	return "Action Failed";
}

int upnp_err_refused(unsigned service_version)
{
	return service_version < 2 ? WANIP_CONFLICT : UPNP_NOT_AUTHORIZED;
}
