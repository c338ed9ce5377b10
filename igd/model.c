/* SPDX-License-Identifier: ISC */
/*
 * model.c - the gateway as const tables.
 *
 * Sources: InternetGatewayDevice:1, Layer3Forwarding:1,
 * WANCommonInterfaceConfig:1 and WANIPConnection:1 (2001),
 * InternetGatewayDevice:2, WANIPConnection:2 and WANIPv6FirewallControl:1
 * (2010). Names, order, types,
 * allowed values and defaults come from them. Optional actions that this router
 * cannot support are left out, with the variables that only they use: the
 * Auto-, Idle- and WarnDisconnect times would have no effect, and the
 * provider's name is not known.
 * Runs in: engine
 */
#include "igd/model.h"
#include "igd/igd.h"
#include "igd/l3f.h"
#include "igd/wancic.h"
#include "igd/wanip.h"
#include "igd/wanip2.h"
#include "igd/wanip6.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
/* A table and its length, as two consecutive initialisers of a struct. */
#define ARRAY(a) (a), ARRAY_N(a)
/* The same for the members that are called NAME and NAME_n. */
#define ARRAY_AS(name, a) .name = (a), .name##_n = ARRAY_N(a)
/* The arguments of one action. */
#define ARGS(...) ARRAY(((const struct igd_arg[]){ __VA_ARGS__ }))
#define NO_ARGS NULL, 0

enum { IN = false, OUT = true };

/* ---- Layer3Forwarding ---------------------------------------------- */

enum { DEFAULT_CONNECTION };

static const struct igd_var l3f_vars[] = {
	[DEFAULT_CONNECTION] = { "DefaultConnectionService",
		IGD_STRING, 1, .evented = true },
};

static const struct igd_action l3f_actions[] = {
	{ "SetDefaultConnectionService", 1,
	  ARGS({ "NewDefaultConnectionService", IN, DEFAULT_CONNECTION }),
	  l3f_set_default },
	{ "GetDefaultConnectionService", 1,
	  ARGS({ "NewDefaultConnectionService", OUT, DEFAULT_CONNECTION }),
	  l3f_get_default },
};

static const struct igd_service l3f = {
	"Layer3Forwarding", "L3Forwarding1", .path = "l3f", .max_version = 1,
	ARRAY_AS(action, l3f_actions), ARRAY_AS(var, l3f_vars),
	.reader = l3f_reader,
};

/* ---- WANCommonInterfaceConfig -------------------------------------- */

static const char *const access_types[] = {
	"DSL", "POTS", "Cable", "Ethernet", NULL,
};

static const char *const link_states[] = {
	"Up", "Down", "Initializing", "Unavailable", NULL,
};

enum {
	WAN_ACCESS_TYPE, UPSTREAM_MAX, DOWNSTREAM_MAX, PHYSICAL_LINK_STATUS,
	MAX_CONNECTIONS, CONNECTION_NUMBER, TOTAL_BYTES_SENT,
	TOTAL_BYTES_RECEIVED, TOTAL_PACKETS_SENT, TOTAL_PACKETS_RECEIVED,
	ENABLED_FOR_INTERNET, CONNECTION_DEVICE, CONNECTION_SERVICE,
};

static const struct igd_var wancic_vars[] = {
	[WAN_ACCESS_TYPE] = { "WANAccessType", IGD_STRING, 1,
		.allowed = access_types },
	[UPSTREAM_MAX] = { "Layer1UpstreamMaxBitRate", IGD_UI4, 1 },
	[DOWNSTREAM_MAX] = { "Layer1DownstreamMaxBitRate", IGD_UI4, 1 },
	[PHYSICAL_LINK_STATUS] = { "PhysicalLinkStatus", IGD_STRING, 1,
		.evented = true, .allowed = link_states },
	[MAX_CONNECTIONS] = { "MaximumActiveConnections", IGD_UI2, 1 },
	[CONNECTION_NUMBER] = { "NumberOfActiveConnections", IGD_UI2, 1 },
	[TOTAL_BYTES_SENT] = { "TotalBytesSent", IGD_UI4, 1 },
	[TOTAL_BYTES_RECEIVED] = { "TotalBytesReceived", IGD_UI4, 1 },
	[TOTAL_PACKETS_SENT] = { "TotalPacketsSent", IGD_UI4, 1 },
	[TOTAL_PACKETS_RECEIVED] = { "TotalPacketsReceived", IGD_UI4, 1 },
	[ENABLED_FOR_INTERNET] = { "EnabledForInternet", IGD_BOOL, 1,
		.evented = true },
	[CONNECTION_DEVICE] = { "ActiveConnectionDeviceContainer", IGD_STRING,
		1 },
	[CONNECTION_SERVICE] = { "ActiveConnectionServiceID", IGD_STRING, 1 },
};

static const struct igd_action wancic_actions[] = {
	{ "SetEnabledForInternet", 1,
	  ARGS({ "NewEnabledForInternet", IN, ENABLED_FOR_INTERNET }),
	  wancic_set_enabled, .waits = true },
	{ "GetEnabledForInternet", 1,
	  ARGS({ "NewEnabledForInternet", OUT, ENABLED_FOR_INTERNET }),
	  wancic_get_enabled },
	{ "GetCommonLinkProperties", 1,
	  ARGS({ "NewWANAccessType", OUT, WAN_ACCESS_TYPE },
	       { "NewLayer1UpstreamMaxBitRate", OUT, UPSTREAM_MAX },
	       { "NewLayer1DownstreamMaxBitRate", OUT, DOWNSTREAM_MAX },
	       { "NewPhysicalLinkStatus", OUT, PHYSICAL_LINK_STATUS }),
	  wancic_get_link_properties },
	{ "GetMaximumActiveConnections", 1,
	  ARGS({ "NewMaximumActiveConnections", OUT, MAX_CONNECTIONS }),
	  wancic_get_max_connections },
	{ "GetTotalBytesSent", 1,
	  ARGS({ "NewTotalBytesSent", OUT, TOTAL_BYTES_SENT }),
	  wancic_get_bytes_sent },
	{ "GetTotalBytesReceived", 1,
	  ARGS({ "NewTotalBytesReceived", OUT, TOTAL_BYTES_RECEIVED }),
	  wancic_get_bytes_received },
	{ "GetTotalPacketsSent", 1,
	  ARGS({ "NewTotalPacketsSent", OUT, TOTAL_PACKETS_SENT }),
	  wancic_get_packets_sent },
	{ "GetTotalPacketsReceived", 1,
	  ARGS({ "NewTotalPacketsReceived", OUT, TOTAL_PACKETS_RECEIVED }),
	  wancic_get_packets_received },
	{ "GetActiveConnection", 1,
	  ARGS({ "NewActiveConnectionIndex", IN, CONNECTION_NUMBER },
	       { "NewActiveConnDeviceContainer", OUT, CONNECTION_DEVICE },
	       { "NewActiveConnectionServiceID", OUT, CONNECTION_SERVICE }),
	  wancic_get_connection },
};

static const struct igd_service wancic = {
	"WANCommonInterfaceConfig", "WANCommonIFC1", .path = "wancic",
	.max_version = 1,
	ARRAY_AS(action, wancic_actions), ARRAY_AS(var, wancic_vars),
	.reader = wancic_reader,
};

/* ---- WANIPConnection ----------------------------------------------- */

static const char *const connection_types[] = {
	"Unconfigured", "IP_Routed", "IP_Bridged", NULL,
};

static const char *const connection_states[] = {
	"Unconfigured", "Connecting", "Connected", "PendingDisconnect",
	"Disconnecting", "Disconnected", NULL,
};

static const char *const connection_errors[] = {
	"ERROR_NONE", "ERROR_ISP_TIME_OUT", "ERROR_COMMAND_ABORTED",
	"ERROR_NOT_ENABLED_FOR_INTERNET", "ERROR_BAD_PHONE_NUMBER",
	"ERROR_USER_DISCONNECT", "ERROR_ISP_DISCONNECT",
	"ERROR_IDLE_DISCONNECT", "ERROR_FORCED_DISCONNECT",
	"ERROR_SERVER_OUT_OF_RESOURCES", "ERROR_RESTRICTED_LOGON_HOURS",
	"ERROR_ACCOUNT_DISABLED", "ERROR_ACCOUNT_EXPIRED",
	"ERROR_PASSWORD_EXPIRED", "ERROR_AUTHENTICATION_FAILURE",
	"ERROR_NO_DIALTONE", "ERROR_NO_CARRIER", "ERROR_NO_ANSWER",
	"ERROR_LINE_BUSY", "ERROR_UNSUPPORTED_BITSPERSECOND",
	"ERROR_TOO_MANY_LINE_ERRORS", "ERROR_IP_CONFIGURATION",
	"ERROR_UNKNOWN", NULL,
};

static const char *const protocols[] = { "TCP", "UDP", NULL };

enum {
	CONNECTION_TYPE, POSSIBLE_TYPES, CONNECTION_STATUS, UPTIME,
	LAST_CONNECTION_ERROR, RSIP_AVAILABLE, NAT_ENABLED, EXTERNAL_IP,
	MAPPING_ENTRIES, MAPPING_ENABLED, LEASE_DURATION, REMOTE_HOST,
	EXTERNAL_PORT, INTERNAL_PORT, MAPPING_PROTOCOL, INTERNAL_CLIENT,
	MAPPING_DESCRIPTION, SYSTEM_UPDATE_ID, TYPE_MANAGE, TYPE_PORT_LISTING,
};

static const struct igd_var wanip_vars[] = {
	[CONNECTION_TYPE] = { "ConnectionType", IGD_STRING, 1,
		.allowed = connection_types, .allowed_since = 2,
		.dflt = "Unconfigured" },
	[POSSIBLE_TYPES] = { "PossibleConnectionTypes", IGD_STRING, 1,
		.evented = true, .allowed = connection_types },
	[CONNECTION_STATUS] = { "ConnectionStatus", IGD_STRING, 1,
		.evented = true, .allowed = connection_states,
		.dflt = "Unconfigured" },
	[UPTIME] = { "Uptime", IGD_UI4, 1 },
	[LAST_CONNECTION_ERROR] = { "LastConnectionError", IGD_STRING, 1,
		.allowed = connection_errors },
	[RSIP_AVAILABLE] = { "RSIPAvailable", IGD_BOOL, 1 },
	[NAT_ENABLED] = { "NATEnabled", IGD_BOOL, 1 },
	[EXTERNAL_IP] = { "ExternalIPAddress", IGD_STRING, 1, .evented = true },
	[MAPPING_ENTRIES] = { "PortMappingNumberOfEntries", IGD_UI2, 1,
		.evented = true },
	[MAPPING_ENABLED] = { "PortMappingEnabled", IGD_BOOL, 1 },
	[LEASE_DURATION] = { "PortMappingLeaseDuration", IGD_UI4, 1,
		.ranged = true, .range_since = 2, .min = 0,
		.max = PM_LEASE_MAX_S, .dflt = "3600", .dflt_since = 2 },
	/* KTorrent leaves out empty arguments, two JavaScript clients the
	 * remote host. */
	[REMOTE_HOST] = { "RemoteHost", IGD_STRING, 1, .optional = true },
	[EXTERNAL_PORT] = { "ExternalPort", IGD_UI2, 1 },
	/* Port 0 is 732, WildCardNotPermittedInIntPort, not 601. */
	[INTERNAL_PORT] = { "InternalPort", IGD_UI2, 1, .ranged = true,
		.range_since = 2, .range_told = true, .min = 1, .max = 65535 },
	[MAPPING_PROTOCOL] = { "PortMappingProtocol", IGD_STRING, 1,
		.allowed = protocols },
	[INTERNAL_CLIENT] = { "InternalClient", IGD_STRING, 1 },
	[MAPPING_DESCRIPTION] = { "PortMappingDescription", IGD_STRING, 1,
		.optional = true },
	[SYSTEM_UPDATE_ID] = { "SystemUpdateID", IGD_UI4, 2, .evented = true },
	[TYPE_MANAGE] = { "A_ARG_TYPE_Manage", IGD_BOOL, 2 },
	[TYPE_PORT_LISTING] = { "A_ARG_TYPE_PortListing", IGD_STRING, 2 },
};

/* GetListOfPortMappings has all of them, DeletePortMappingRange the first 4. */
static const struct igd_arg range_args[] = {
	{ "NewStartPort", IN, EXTERNAL_PORT },
	{ "NewEndPort", IN, EXTERNAL_PORT },
	{ "NewProtocol", IN, MAPPING_PROTOCOL },
	{ "NewManage", IN, TYPE_MANAGE },
	{ "NewNumberOfPorts", IN, MAPPING_ENTRIES },
	{ "NewPortListing", OUT, TYPE_PORT_LISTING },
};

/* AddAnyPortMapping has all of them, AddPortMapping the first 8, and
 * DeletePortMapping the first 3, which are the key. */
static const struct igd_arg mapping_args[] = {
	{ "NewRemoteHost", IN, REMOTE_HOST },
	{ "NewExternalPort", IN, EXTERNAL_PORT },
	{ "NewProtocol", IN, MAPPING_PROTOCOL },
	{ "NewInternalPort", IN, INTERNAL_PORT },
	{ "NewInternalClient", IN, INTERNAL_CLIENT },
	{ "NewEnabled", IN, MAPPING_ENABLED },
	{ "NewPortMappingDescription", IN, MAPPING_DESCRIPTION },
	{ "NewLeaseDuration", IN, LEASE_DURATION },
	{ "NewReservedPort", OUT, EXTERNAL_PORT },
};

static const struct igd_action wanip_actions[] = {
	{ "SetConnectionType", 1,
	  ARGS({ "NewConnectionType", IN, CONNECTION_TYPE }),
	  wanip_set_connection_type },
	{ "GetConnectionTypeInfo", 1,
	  ARGS({ "NewConnectionType", OUT, CONNECTION_TYPE },
	       { "NewPossibleConnectionTypes", OUT, POSSIBLE_TYPES }),
	  wanip_get_connection_type_info },
	{ "RequestConnection", 1, NO_ARGS, wanip_request_connection,
	  .waits = true },
	/* without WarnDisconnectDelay both end the connection at once */
	{ "RequestTermination", 1, NO_ARGS, wanip_terminate, .waits = true },
	{ "ForceTermination", 1, NO_ARGS, wanip_terminate, .waits = true },
	{ "GetStatusInfo", 1,
	  ARGS({ "NewConnectionStatus", OUT, CONNECTION_STATUS },
	       { "NewLastConnectionError", OUT, LAST_CONNECTION_ERROR },
	       { "NewUptime", OUT, UPTIME }),
	  wanip_get_status_info },
	{ "GetNATRSIPStatus", 1,
	  ARGS({ "NewRSIPAvailable", OUT, RSIP_AVAILABLE },
	       { "NewNATEnabled", OUT, NAT_ENABLED }),
	  wanip_get_nat_rsip_status },
	{ "GetGenericPortMappingEntry", 1,
	  ARGS({ "NewPortMappingIndex", IN, MAPPING_ENTRIES },
	       { "NewRemoteHost", OUT, REMOTE_HOST },
	       { "NewExternalPort", OUT, EXTERNAL_PORT },
	       { "NewProtocol", OUT, MAPPING_PROTOCOL },
	       { "NewInternalPort", OUT, INTERNAL_PORT },
	       { "NewInternalClient", OUT, INTERNAL_CLIENT },
	       { "NewEnabled", OUT, MAPPING_ENABLED },
	       { "NewPortMappingDescription", OUT, MAPPING_DESCRIPTION },
	       { "NewLeaseDuration", OUT, LEASE_DURATION }),
	  wanip_get_generic_entry },
	{ "GetSpecificPortMappingEntry", 1,
	  ARGS({ "NewRemoteHost", IN, REMOTE_HOST },
	       { "NewExternalPort", IN, EXTERNAL_PORT },
	       { "NewProtocol", IN, MAPPING_PROTOCOL },
	       { "NewInternalPort", OUT, INTERNAL_PORT },
	       { "NewInternalClient", OUT, INTERNAL_CLIENT },
	       { "NewEnabled", OUT, MAPPING_ENABLED },
	       { "NewPortMappingDescription", OUT, MAPPING_DESCRIPTION },
	       { "NewLeaseDuration", OUT, LEASE_DURATION }),
	  wanip_get_specific_entry },
	{ "AddPortMapping", 1, mapping_args, 8, wanip_add, .waits = true },
	{ "DeletePortMapping", 1, mapping_args, 3, wanip_delete,
	  .waits = true },
	{ "DeletePortMappingRange", 2, range_args, 4, wanip2_delete_range,
	  .waits = true },
	{ "GetExternalIPAddress", 1,
	  ARGS({ "NewExternalIPAddress", OUT, EXTERNAL_IP }),
	  wanip_get_external_ip },
	{ "GetListOfPortMappings", 2, ARRAY(range_args), wanip2_get_list },
	{ "AddAnyPortMapping", 2, ARRAY(mapping_args), wanip2_add_any,
	  .waits = true },
};

/* ---- WANIPv6FirewallControl ---------------------------------------- */

enum {
	FIREWALL_ENABLED, IP6_ADDRESS, IP6_PORT, IP6_PROTOCOL, UNIQUE_ID,
	LEASE_TIME, PINHOLE_ALLOWED, OUTBOUND_TIMEOUT, IS_WORKING,
	PINHOLE_PACKETS,
};

/* npm's nat-port-mapper leaves the remote port empty. */
static const struct igd_var wanip6_vars[] = {
	[FIREWALL_ENABLED] = { "FirewallEnabled", IGD_BOOL, 1,
		.evented = true },
	[IP6_ADDRESS] = { "A_ARG_TYPE_IPv6Address", IGD_STRING, 1,
		.optional = true },
	[IP6_PORT] = { "A_ARG_TYPE_Port", IGD_UI2, 1, .optional = true },
	[IP6_PROTOCOL] = { "A_ARG_TYPE_Protocol", IGD_UI2, 1 },
	[UNIQUE_ID] = { "A_ARG_TYPE_UniqueID", IGD_UI2, 1 },
	[LEASE_TIME] = { "A_ARG_TYPE_LeaseTime", IGD_UI4, 1, .ranged = true,
		.min = 1, .max = PINHOLE_LEASE_MAX_S },
	[PINHOLE_ALLOWED] = { "InboundPinholeAllowed", IGD_BOOL, 1,
		.evented = true },
	[OUTBOUND_TIMEOUT] = { "A_ARG_TYPE_OutboundPinholeTimeout", IGD_UI4,
		1 },
	[IS_WORKING] = { "A_ARG_TYPE_Boolean", IGD_BOOL, 1 },
	[PINHOLE_PACKETS] = { "A_ARG_TYPE_PinholePackets", IGD_UI4, 1 },
};

static const struct igd_action wanip6_actions[] = {
	{ "GetFirewallStatus", 1,
	  ARGS({ "FirewallEnabled", OUT, FIREWALL_ENABLED },
	       { "InboundPinholeAllowed", OUT, PINHOLE_ALLOWED }),
	  wanip6_get_status },
	{ "GetOutboundPinholeTimeout", 1,
	  ARGS({ "RemoteHost", IN, IP6_ADDRESS },
	       { "RemotePort", IN, IP6_PORT },
	       { "InternalClient", IN, IP6_ADDRESS },
	       { "InternalPort", IN, IP6_PORT },
	       { "Protocol", IN, IP6_PROTOCOL },
	       { "OutboundPinholeTimeout", OUT, OUTBOUND_TIMEOUT }),
	  wanip6_get_timeout },
	{ "AddPinhole", 1,
	  ARGS({ "RemoteHost", IN, IP6_ADDRESS },
	       { "RemotePort", IN, IP6_PORT },
	       { "InternalClient", IN, IP6_ADDRESS },
	       { "InternalPort", IN, IP6_PORT },
	       { "Protocol", IN, IP6_PROTOCOL },
	       { "LeaseTime", IN, LEASE_TIME },
	       { "UniqueID", OUT, UNIQUE_ID }),
	  wanip6_add, .waits = true },
	{ "UpdatePinhole", 1,
	  ARGS({ "UniqueID", IN, UNIQUE_ID },
	       { "NewLeaseTime", IN, LEASE_TIME }),
	  wanip6_update, .waits = true },
	{ "DeletePinhole", 1,
	  ARGS({ "UniqueID", IN, UNIQUE_ID }),
	  wanip6_delete, .waits = true },
	{ "GetPinholePackets", 1,
	  ARGS({ "UniqueID", IN, UNIQUE_ID },
	       { "PinholePackets", OUT, PINHOLE_PACKETS }),
	  wanip6_get_packets, .waits = true },
	{ "CheckPinholeWorking", 1,
	  ARGS({ "UniqueID", IN, UNIQUE_ID },
	       { "IsWorking", OUT, IS_WORKING }),
	  wanip6_check_working, .waits = true },
};

static const struct igd_service wanip6 = {
	"WANIPv6FirewallControl", "WANIPv6Firewall1", .path = "wanip6",
	.max_version = 1, .since = 2,
	ARRAY_AS(action, wanip6_actions), ARRAY_AS(var, wanip6_vars),
	.reader = wanip6_reader,
};

/* npm's nat-port-mapper sends actions for pinholes to WANIPConnection:2. */
static const struct igd_service wanip = {
	"WANIPConnection", "WANIPConn1", .path = "wanip", .max_version = 2,
	.also = &wanip6,
	ARRAY_AS(action, wanip_actions), ARRAY_AS(var, wanip_vars),
	.reader = wanip_reader,
};

/* ---- devices ------------------------------------------------------- */

static const struct igd_service *const root_services[] = { &l3f };
static const struct igd_service *const wan_services[] = { &wancic };
static const struct igd_service *const connection_services[] = {
	&wanip, &wanip6,
};

const struct igd_device igd_device[IGD_DEVICES] = {
	{ "InternetGatewayDevice", ARRAY(root_services) },
	{ "WANDevice", ARRAY(wan_services) },
	{ "WANConnectionDevice", ARRAY(connection_services) },
};

unsigned model_service_version(const struct igd_service *svc, unsigned n)
{
	return n < svc->max_version ? n : svc->max_version;
}

size_t model_service_n(const struct igd_device *dev, unsigned n)
{
	size_t i = 0;

	while (i < dev->service_n && dev->service[i]->since <= n)
		i++;
	return i;
}

/* ---- lookup -------------------------------------------------------- */

const struct igd_action *model_action(const struct igd_service *svc,
				      unsigned n, struct str name)
{
	unsigned version = model_service_version(svc, n);

	for (size_t i = 0; i < svc->action_n; i++)
		if (svc->action[i].since <= version &&
		    str_eq(name, str_z(svc->action[i].name)))
			return &svc->action[i];
	return NULL;
}

const struct igd_var *model_var(const struct igd_service *svc, unsigned n,
				struct str name)
{
	unsigned version = model_service_version(svc, n);

	for (size_t i = 0; i < svc->var_n; i++)
		if (svc->var[i].since <= version &&
		    str_eq(name, str_z(svc->var[i].name)))
			return &svc->var[i];
	return NULL;
}

const struct igd_var *model_arg_var(const struct igd_service *svc,
				    const struct igd_arg *arg)
{
	static const struct igd_var any_text = { "", IGD_STRING, 1 };

	return arg->var == IGD_ANY_TEXT ? &any_text : &svc->var[arg->var];
}

static const struct igd_service *service_at(struct str path, unsigned n)
{
	for (size_t d = 0; d < IGD_DEVICES; d++)
		for (size_t i = 0; i < model_service_n(&igd_device[d], n); i++)
			if (str_eq(path, str_z(igd_device[d].service[i]->path)))
				return igd_device[d].service[i];
	return NULL;
}

/* Resolve the part after /igdN/: a service's path and one of these suffixes. */
static enum igd_doc resolve_service(struct str path, unsigned n,
				    const struct igd_service **ret_svc)
{
	static const struct {
		struct str tail;
		enum igd_doc doc;
	} kind[] = {
		{ { ".xml", 4 }, IGD_SCPD },
		{ { "/control", 8 }, IGD_CONTROL },
		{ { "/event", 6 }, IGD_EVENT },
	};

	for (size_t i = 0; i < ARRAY_N(kind); i++) {
		const struct igd_service *svc;
		size_t len = path.n - kind[i].tail.n;

		if (path.n < kind[i].tail.n ||
		    !str_eq(str_skip(path, len), kind[i].tail))
			continue;
		svc = service_at((struct str){ path.p, len }, n);
		if (!svc)
			return IGD_NOTHING;
		*ret_svc = svc;
		return kind[i].doc;
	}
	return IGD_NOTHING;
}

enum igd_doc model_resolve(struct str path, unsigned *ret_n,
			   const struct igd_service **ret_svc)
{
	static const struct str root = { "/igd", 4 };
	enum igd_doc doc = IGD_NOTHING;
	struct str rest = str_skip(path, root.n + 1);
	char n;

	if (path.n <= root.n || !str_starts(path, root))
		return IGD_NOTHING;
	n = path.p[root.n];
	if (n != '1' && n != '2')
		return IGD_NOTHING;
	if (str_eq(rest, STR(".xml")))
		doc = IGD_ROOT_XML;
	else if (str_starts(rest, STR("/")))
		doc = resolve_service(str_skip(rest, 1), (unsigned)(n - '0'),
				      ret_svc);
	if (doc != IGD_NOTHING)
		*ret_n = (unsigned)(n - '0');
	return doc;
}
