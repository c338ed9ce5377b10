/* SPDX-License-Identifier: ISC */
/*
 * test_desc.c - the documents match the standards, are well-formed with any
 * configured name, and the model is consistent.
 *
 * The tables here repeat the standards, written by hand and in another form.
 * They are compared with the documents, which are parsed again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"
#include "base/wr.h"
#include "igd/desc.h"
#include "igd/igd.h"
#include "igd/l3f.h"
#include "igd/model.h"
#include "igd/upnp_err.h"
#include "igd/wancic.h"
#include "igd/wanip.h"
#include "igd/wanip2.h"
#include "igd/wanip6.h"
#include "xmltiny.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t base[16] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
};

static struct desc_info info_full(void)
{
	struct desc_info info = {
		.friendly_name = "Router",
		.manufacturer = "Maker",
		.manufacturer_url = "http://maker.example/",
		.model_name = "Model",
		.model_number = "1.0",
		.serial_number = "42",
		.presentation_url = "http://router.example/",
		.config_id = 4711,
	};

	desc_udns(base, &info);
	return info;
}

/* ---- a document as a list of its elements -------------------------- */

struct node {
	char path[160];		/* "root/device/UDN" */
	char text[256];		/* decoded; of leaves */
	char attr[160];		/* the value of its last attribute */
	bool leaf;
};

static struct node nodes[1024];
static size_t node_n;

static void node_open(const struct xml *x, struct str parent)
{
	struct node *n = &nodes[node_n++];
	struct wr w = wr_init(n->path, sizeof(n->path));

	assert_true(node_n < ARRAY_N(nodes));
	n->text[0] = n->attr[0] = '\0';
	n->leaf = true;
	wr_str(&w, parent);
	if (parent.n)
		wr_ch(&w, '/');
	wr_str(&w, x->local);
	wr_cstr(&w);
	assert_false(w.over);
	if (!x->attr_n)
		return;
	w = wr_init(n->attr, sizeof(n->attr));
	assert_true(xmltiny_decode(x->attr[x->attr_n - 1].value, false, &w));
	wr_cstr(&w);
}

static void node_text(struct node *n, const struct xml *x)
{
	struct wr w = wr_init(n->text, sizeof(n->text) - 1);

	assert_true(xmltiny_decode(x->text, x->cdata, &w));
	n->text[w.len] = '\0';
}

/* Parse a document into nodes[]. It must be well-formed, ASCII, and start at
 * byte 0. */
static void read_doc(struct str doc)
{
	size_t open[XML_DEPTH_MAX], depth = 0, i;
	struct xml x;
	enum xml_token t;

	for (i = 0; i < doc.n; i++)
		assert_true((unsigned char)doc.p[i] < 0x80);
	assert_true(str_starts(doc, STR("<?xml version=\"1.0\"?>")));
	node_n = 0;
	xmltiny_init(&x, doc);
	while ((t = xmltiny_next(&x)) != XML_END) {
		assert_int_not_equal(t, XML_ERR);
		if (t == XML_OPEN) {
			if (depth)
				nodes[open[depth - 1]].leaf = false;
			open[depth] = node_n;
			node_open(&x, depth ? str_z(nodes[open[depth - 1]].path)
					    : STR(""));
			depth++;
		} else if (t == XML_TEXT && nodes[open[depth - 1]].leaf) {
			node_text(&nodes[open[depth - 1]], &x);
		} else if (t == XML_CLOSE) {
			depth--;
		}
	}
	/* Text beside elements would be white space or a mistake. */
	assert_int_equal(depth, 0);
}

static char doc_buf[HTTP_REPLY_MAX];

static struct str root_doc(const struct desc_info *info, unsigned n)
{
	struct wr w = wr_init(doc_buf, sizeof(doc_buf));

	desc_root(&w, info, n, addr_ip4(0xc0a80101), 2828);
	assert_false(w.over);
	read_doc(wr_done(&w));
	return wr_done(&w);
}

static struct str scpd_doc(const struct igd_service *svc, unsigned n)
{
	struct desc_info info = info_full();
	struct wr w = wr_init(doc_buf, sizeof(doc_buf));

	desc_scpd(&w, &info, svc, n);
	assert_false(w.over);
	/* limits.h: a reply buffer holds 1.5 times the longest document */
	assert_true(w.len <= HTTP_REPLY_MAX / 3 * 2);
	read_doc(wr_done(&w));
	return wr_done(&w);
}

static const struct node *find_node(const char *path)
{
	size_t i;

	for (i = 0; i < node_n; i++)
		if (strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

static const struct igd_service *service(const char *path)
{
	const struct igd_service *svc = NULL;
	char full[64];
	unsigned n;

	/* version 2 has all of them */
	snprintf(full, sizeof(full), "/igd2/%s.xml", path);
	assert_int_equal(model_resolve(str_z(full), &n, &svc), IGD_SCPD);
	return svc;
}

static const char *const all_services[] = { "l3f", "wancic", "wanip",
					    "wanip6" };

/* ---- device description -------------------------------------------- */

#define D0 "root/device/"
#define D1 "root/device/deviceList/device/"
#define D2 "root/device/deviceList/device/deviceList/device/"

/* The leaves of the document, in the order of UDA 1.1 2.3. */
static const struct {
	const char *path, *text;
} root1[] = {
	{ "root/specVersion/major", "1" },
	{ "root/specVersion/minor", "1" },
	{ D0 "deviceType",
	  "urn:schemas-upnp-org:device:InternetGatewayDevice:1" },
	{ D0 "friendlyName", "Router" },
	{ D0 "manufacturer", "Maker" },
	{ D0 "manufacturerURL", "http://maker.example/" },
	{ D0 "modelDescription", "Internet Gateway Device" },
	{ D0 "modelName", "Model" },
	{ D0 "modelNumber", "1.0" },
	{ D0 "serialNumber", "42" },
	{ D0 "UDN", "uuid:01234567-89ab-cdef-fedc-ba9876543210" },
	{ D0 "serviceList/service/serviceType",
	  "urn:schemas-upnp-org:service:Layer3Forwarding:1" },
	{ D0 "serviceList/service/serviceId",
	  "urn:upnp-org:serviceId:L3Forwarding1" },
	{ D0 "serviceList/service/SCPDURL", "/igd1/l3f.xml" },
	{ D0 "serviceList/service/controlURL", "/igd1/l3f/control" },
	{ D0 "serviceList/service/eventSubURL", "/igd1/l3f/event" },
	{ D1 "deviceType", "urn:schemas-upnp-org:device:WANDevice:1" },
	{ D1 "friendlyName", "Router WAN device" },
	{ D1 "manufacturer", "Maker" },
	{ D1 "manufacturerURL", "http://maker.example/" },
	{ D1 "modelDescription", "WAN device of the gateway" },
	{ D1 "modelName", "Model" },
	{ D1 "modelNumber", "1.0" },
	{ D1 "serialNumber", "42" },
	{ D1 "UDN", "uuid:01234567-89ab-cdef-fedc-ba9876543211" },
	{ D1 "serviceList/service/serviceType",
	  "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1" },
	{ D1 "serviceList/service/serviceId",
	  "urn:upnp-org:serviceId:WANCommonIFC1" },
	{ D1 "serviceList/service/SCPDURL", "/igd1/wancic.xml" },
	{ D1 "serviceList/service/controlURL", "/igd1/wancic/control" },
	{ D1 "serviceList/service/eventSubURL", "/igd1/wancic/event" },
	{ D2 "deviceType",
	  "urn:schemas-upnp-org:device:WANConnectionDevice:1" },
	{ D2 "friendlyName", "Router WAN connection" },
	{ D2 "manufacturer", "Maker" },
	{ D2 "manufacturerURL", "http://maker.example/" },
	{ D2 "modelDescription", "WAN connection of the gateway" },
	{ D2 "modelName", "Model" },
	{ D2 "modelNumber", "1.0" },
	{ D2 "serialNumber", "42" },
	{ D2 "UDN", "uuid:01234567-89ab-cdef-fedc-ba9876543212" },
	{ D2 "serviceList/service/serviceType",
	  "urn:schemas-upnp-org:service:WANIPConnection:1" },
	{ D2 "serviceList/service/serviceId",
	  "urn:upnp-org:serviceId:WANIPConn1" },
	{ D2 "serviceList/service/SCPDURL", "/igd1/wanip.xml" },
	{ D2 "serviceList/service/controlURL", "/igd1/wanip/control" },
	{ D2 "serviceList/service/eventSubURL", "/igd1/wanip/event" },
	{ D0 "presentationURL", "http://router.example/" },
};

static void test_root_has_the_elements_of_the_standard(void **state)
{
	struct desc_info info = info_full();
	struct str doc = root_doc(&info, 1);
	size_t i, k = 0;

	for (i = 0; i < node_n; i++) {
		if (!nodes[i].leaf)
			continue;
		assert_true(k < ARRAY_N(root1));
		assert_string_equal(nodes[i].path, root1[k].path);
		assert_string_equal(nodes[i].text, root1[k].text);
		k++;
	}
	assert_int_equal(k, ARRAY_N(root1));
	assert_true(
		str_starts(str_skip(doc, strlen("<?xml version=\"1.0\"?>\n")),
			   STR("<root xmlns=\"urn:schemas-upnp-org:"
			       "device-1-0\" configId=\"4711\">")));
}

static void test_second_root_has_its_own_types_urls_and_udns(void **state)
{
	struct desc_info info = info_full();

	root_doc(&info, 2);
	assert_string_equal(
		find_node(D0 "deviceType")->text,
		"urn:schemas-upnp-org:device:InternetGatewayDevice:2");
	assert_string_equal(
		find_node(D2 "deviceType")->text,
		"urn:schemas-upnp-org:device:WANConnectionDevice:2");
	assert_string_equal(find_node(D0 "serviceList/service/SCPDURL")->text,
			    "/igd2/l3f.xml");
	assert_string_equal(
		find_node(D0 "serviceList/service/serviceType")->text,
		"urn:schemas-upnp-org:service:Layer3Forwarding:1");
	assert_string_equal(find_node(D0 "UDN")->text,
			    "uuid:01234567-89ab-cdef-fedc-ba9876543213");
}

static void test_empty_settings_have_no_element(void **state)
{
	struct desc_info info = info_full();

	info.manufacturer_url = info.serial_number = info.model_number = "";
	root_doc(&info, 1);
	assert_null(find_node(D0 "manufacturerURL"));
	assert_null(find_node(D0 "modelNumber"));
	assert_null(find_node(D1 "serialNumber"));
	info.manufacturer_url = info.serial_number = info.model_number = NULL;
	root_doc(&info, 1);
	assert_null(find_node(D0 "manufacturerURL"));
	/* the standard requires these, even if they are empty */
	info.friendly_name = info.manufacturer = info.model_name = "";
	root_doc(&info, 1);
	assert_non_null(find_node(D0 "friendlyName"));
	assert_non_null(find_node(D0 "manufacturer"));
	assert_non_null(find_node(D2 "modelName"));
}

static void test_presentation_url_defaults_to_the_local_address(void **state)
{
	struct desc_info info = info_full();

	info.presentation_url = "";
	root_doc(&info, 1);
	assert_string_equal(find_node(D0 "presentationURL")->text,
			    "http://192.168.1.1/");
	info.has_page = true;
	root_doc(&info, 1);
	assert_string_equal(find_node(D0 "presentationURL")->text,
			    "http://192.168.1.1:2828/");
	info.presentation_url = "http://own/";
	root_doc(&info, 1);
	assert_string_equal(find_node(D0 "presentationURL")->text,
			    "http://own/");
	assert_null(find_node(D1 "presentationURL"));
	assert_null(find_node(D2 "presentationURL"));
}

/* ---- names with special characters --------------------------------- */

static const struct {
	const char *name, *want;
} names[] = {
	{ "<script>alert(\"x\")&'</script>", NULL },
	{ "</friendlyName><UDN>uuid:evil</UDN>", NULL },
	{ "]]>&lt;&#65;", NULL },
	{ "%s%n%u", NULL },
	{ "B\xc3\xbcro", NULL },
	{ "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80", NULL },
	{ "\xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xf0\x90\x80\x80", NULL },
	{ "a\x01\x1f\x62", "ab" },
#define BAD "\xef\xbf\xbd"
	{ "\xe9t\xe9", BAD "t" BAD },		/* ISO 8859-1 */
	{ "\xc3", BAD },			/* truncated */
	{ "\xe2\x82", BAD BAD },
	{ "\x80", BAD },			/* no lead byte */
	{ "\xbf\x80", BAD BAD },
	{ "\xc0\xaf", BAD BAD },		/* overlong '/' */
	{ "\xe0\x80\xaf", BAD BAD BAD },
	{ "\xf0\x80\x80\xaf", BAD BAD BAD BAD },
	{ "\xed\xa0\x80", BAD BAD BAD },	/* a surrogate */
	{ "\xef\xbf\xbe", BAD BAD BAD },	/* U+FFFE, not in XML */
	{ "\xf4\x90\x80\x80", BAD BAD BAD BAD },
	{ "\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD },
	{ "\xff", BAD },
};

static void test_names_are_escaped_to_ascii(void **state)
{
	struct desc_info info = info_full();
	size_t i;

	for (i = 0; i < ARRAY_N(names); i++) {
		const char *want = names[i].want;

		info.friendly_name = info.serial_number = names[i].name;
		info.presentation_url = names[i].name;
		root_doc(&info, 1);
		if (!want)
			want = names[i].name;
		assert_string_equal(find_node(D0 "friendlyName")->text, want);
		assert_string_equal(find_node(D0 "serialNumber")->text, want);
		assert_string_equal(find_node(D0 "presentationURL")->text,
				    want);
		assert_string_equal(find_node(D0 "UDN")->text, info.udn[1][0]);
	}
}

/* The longest values that a configuration can hold, made of the bytes that need
 * the most room: each is written as "&#65533;". */
static void test_longest_names_fit(void **state)
{
	struct desc_info info = info_full();
	struct wr w = wr_init(doc_buf, sizeof(doc_buf));
	char z[CONF_STR_MAX];

	memset(z, 0xff, sizeof(z) - 1);
	z[sizeof(z) - 1] = '\0';
	info.friendly_name = info.manufacturer = info.manufacturer_url = z;
	info.model_name = info.model_number = info.serial_number = z;
	info.presentation_url = z;
	desc_root(&w, &info, 2, addr_ip4(0), 0);
	assert_false(w.over);
}

/* ---- too small a buffer -------------------------------------------- */

static void check_small(struct wr *w, size_t cap, size_t whole)
{
	assert_int_equal(w->over, cap < whole);
	assert_true(w->len <= cap);
	assert_int_equal(doc_buf[cap], '#');
}

static void test_small_buffer_is_reported(void **state)
{
	struct desc_info info = info_full();
	size_t root = root_doc(&info, 1).n;
	size_t scpd = scpd_doc(service("wancic"), 1).n;
	size_t cap;
	struct wr w;

	/* a byte more than the text: wr_fmt() may need room for its NUL */
	for (cap = 0; cap <= root + 1; cap += cap == root - 1 ? 2 : 1) {
		doc_buf[cap] = '#';
		w = wr_init(doc_buf, cap);
		desc_root(&w, &info, 1, addr_ip4(0xc0a80101), 2828);
		check_small(&w, cap, root);
	}
	for (cap = 0; cap <= scpd + 1; cap += cap == scpd - 1 ? 2 : 1) {
		doc_buf[cap] = '#';
		w = wr_init(doc_buf, cap);
		desc_scpd(&w, &info, service("wancic"), 1);
		check_small(&w, cap, scpd);
	}
}

/* ---- service descriptions ------------------------------------------ */

/* Each action as "Name(in:Variable, ...) -> out:Variable, ...", without the
 * "New" before each argument's name. */
static const char *const wanip_actions[] = {
	"SetConnectionType(ConnectionType:ConnectionType)",
	"GetConnectionTypeInfo()>ConnectionType:ConnectionType,"
	"PossibleConnectionTypes:PossibleConnectionTypes",
	"RequestConnection()",
	"RequestTermination()",
	"ForceTermination()",
	"GetStatusInfo()>ConnectionStatus:ConnectionStatus,"
	"LastConnectionError:LastConnectionError,Uptime:Uptime",
	"GetNATRSIPStatus()>RSIPAvailable:RSIPAvailable,"
	"NATEnabled:NATEnabled",
	"GetGenericPortMappingEntry("
	"PortMappingIndex:PortMappingNumberOfEntries)"
	">RemoteHost:RemoteHost,ExternalPort:ExternalPort,"
	"Protocol:PortMappingProtocol,InternalPort:InternalPort,"
	"InternalClient:InternalClient,Enabled:PortMappingEnabled,"
	"PortMappingDescription:PortMappingDescription,"
	"LeaseDuration:PortMappingLeaseDuration",
	"GetSpecificPortMappingEntry(RemoteHost:RemoteHost,"
	"ExternalPort:ExternalPort,Protocol:PortMappingProtocol)"
	">InternalPort:InternalPort,InternalClient:InternalClient,"
	"Enabled:PortMappingEnabled,"
	"PortMappingDescription:PortMappingDescription,"
	"LeaseDuration:PortMappingLeaseDuration",
	"AddPortMapping(RemoteHost:RemoteHost,ExternalPort:ExternalPort,"
	"Protocol:PortMappingProtocol,InternalPort:InternalPort,"
	"InternalClient:InternalClient,Enabled:PortMappingEnabled,"
	"PortMappingDescription:PortMappingDescription,"
	"LeaseDuration:PortMappingLeaseDuration)",
	"DeletePortMapping(RemoteHost:RemoteHost,"
	"ExternalPort:ExternalPort,Protocol:PortMappingProtocol)",
	"GetExternalIPAddress()>ExternalIPAddress:ExternalIPAddress",
	NULL,
};

/* Each variable as "Name type", followed by * if it is evented, =default, and
 * the allowed values. */
static const char *const wanip_vars[] = {
	"ConnectionType string=Unconfigured",
	"PossibleConnectionTypes string*|Unconfigured|IP_Routed|IP_Bridged",
	"ConnectionStatus string*=Unconfigured|Unconfigured|Connecting|"
	"Connected|PendingDisconnect|Disconnecting|Disconnected",
	"Uptime ui4",
	"LastConnectionError string|ERROR_NONE|ERROR_ISP_TIME_OUT|"
	"ERROR_COMMAND_ABORTED|ERROR_NOT_ENABLED_FOR_INTERNET|"
	"ERROR_BAD_PHONE_NUMBER|ERROR_USER_DISCONNECT|ERROR_ISP_DISCONNECT|"
	"ERROR_IDLE_DISCONNECT|ERROR_FORCED_DISCONNECT|"
	"ERROR_SERVER_OUT_OF_RESOURCES|ERROR_RESTRICTED_LOGON_HOURS|"
	"ERROR_ACCOUNT_DISABLED|ERROR_ACCOUNT_EXPIRED|"
	"ERROR_PASSWORD_EXPIRED|ERROR_AUTHENTICATION_FAILURE|"
	"ERROR_NO_DIALTONE|ERROR_NO_CARRIER|ERROR_NO_ANSWER|"
	"ERROR_LINE_BUSY|ERROR_UNSUPPORTED_BITSPERSECOND|"
	"ERROR_TOO_MANY_LINE_ERRORS|ERROR_IP_CONFIGURATION|ERROR_UNKNOWN",
	"RSIPAvailable boolean",
	"NATEnabled boolean",
	"ExternalIPAddress string*",
	"PortMappingNumberOfEntries ui2*",
	"PortMappingEnabled boolean",
	"PortMappingLeaseDuration ui4",
	"RemoteHost string",
	"ExternalPort ui2",
	"InternalPort ui2",
	"PortMappingProtocol string|TCP|UDP",
	"InternalClient string",
	"PortMappingDescription string",
	NULL,
};

static const char *const wancic_actions[] = {
	"SetEnabledForInternet(EnabledForInternet:EnabledForInternet)",
	"GetEnabledForInternet()>EnabledForInternet:EnabledForInternet",
	"GetCommonLinkProperties()>WANAccessType:WANAccessType,"
	"Layer1UpstreamMaxBitRate:Layer1UpstreamMaxBitRate,"
	"Layer1DownstreamMaxBitRate:Layer1DownstreamMaxBitRate,"
	"PhysicalLinkStatus:PhysicalLinkStatus",
	"GetMaximumActiveConnections()"
	">MaximumActiveConnections:MaximumActiveConnections",
	"GetTotalBytesSent()>TotalBytesSent:TotalBytesSent",
	"GetTotalBytesReceived()>TotalBytesReceived:TotalBytesReceived",
	"GetTotalPacketsSent()>TotalPacketsSent:TotalPacketsSent",
	"GetTotalPacketsReceived()"
	">TotalPacketsReceived:TotalPacketsReceived",
	"GetActiveConnection("
	"ActiveConnectionIndex:NumberOfActiveConnections)"
	">ActiveConnDeviceContainer:ActiveConnectionDeviceContainer,"
	"ActiveConnectionServiceID:ActiveConnectionServiceID",
	NULL,
};

static const char *const wancic_vars[] = {
	"WANAccessType string|DSL|POTS|Cable|Ethernet",
	"Layer1UpstreamMaxBitRate ui4",
	"Layer1DownstreamMaxBitRate ui4",
	"PhysicalLinkStatus string*|Up|Down|Initializing|Unavailable",
	"MaximumActiveConnections ui2",
	"NumberOfActiveConnections ui2",
	"TotalBytesSent ui4",
	"TotalBytesReceived ui4",
	"TotalPacketsSent ui4",
	"TotalPacketsReceived ui4",
	"EnabledForInternet boolean*",
	"ActiveConnectionDeviceContainer string",
	"ActiveConnectionServiceID string",
	NULL,
};

static const char *const l3f_actions[] = {
	"SetDefaultConnectionService("
	"DefaultConnectionService:DefaultConnectionService)",
	"GetDefaultConnectionService()"
	">DefaultConnectionService:DefaultConnectionService",
	NULL,
};

static const char *const l3f_vars[] = {
	"DefaultConnectionService string*",
	NULL,
};

#define ACTION "scpd/actionList/action"
#define ARG ACTION "/argumentList/argument/"
#define VAR "scpd/serviceStateTable/stateVariable"
#define RANGE VAR "/allowedValueRange/"

static bool is(const struct node *n, const char *path)
{
	return strcmp(n->path, path) == 0;
}

static bool names_have_new;	/* the arguments' of this service */

static void put_action(struct wr *w, const struct node *n)
{
	for (n++; n < nodes + node_n && !is(n, ACTION); n++) {
		bool out = is(n, ARG "name") &&
			   strcmp(n[1].text, "out") == 0;

		if (is(n, ACTION "/name"))
			wr_fmt(w, "%s(", n->text);
		if (!is(n, ARG "name"))
			continue;
		assert_true(!names_have_new ||
			    strncmp(n->text, "New", 3) == 0);
		assert_true(is(n + 1, ARG "direction"));
		assert_true(is(n + 2, ARG "relatedStateVariable"));
		if (out && !memchr(w->buf, '>', w->len))
			wr_z(w, ")>");
		else if (w->buf[w->len - 1] != '(')
			wr_ch(w, ',');
		wr_fmt(w, "%s:%s", n->text + 3 * !strncmp(n->text, "New", 3),
		       n[2].text);
	}
	if (!memchr(w->buf, '>', w->len))
		wr_ch(w, ')');
}

static void put_var(struct wr *w, const struct node *n)
{
	bool evented = strcmp(n->attr, "yes") == 0;

	assert_true(evented || strcmp(n->attr, "no") == 0);
	for (n++; n < nodes + node_n && !is(n, VAR); n++) {
		if (is(n, VAR "/name"))
			wr_fmt(w, "%s ", n->text);
		else if (is(n, VAR "/dataType"))
			wr_fmt(w, "%s%s", n->text, evented ? "*" : "");
		else if (is(n, VAR "/defaultValue"))
			wr_fmt(w, "=%s", n->text);
		else if (is(n, VAR "/allowedValueList/allowedValue"))
			wr_fmt(w, "|%s", n->text);
		else if (is(n, RANGE "minimum"))
			wr_fmt(w, " %s", n->text);
		else if (is(n, RANGE "maximum"))
			wr_fmt(w, "..%s", n->text);
	}
}

/* Compare every element @path, as written by @put, with a list. */
static void check_list(const char *path,
		       void (*put)(struct wr *, const struct node *),
		       const char *const *want)
{
	char line[1024];
	size_t i;

	for (i = 0; i < node_n; i++) {
		struct wr w = wr_init(line, sizeof(line));

		if (!is(&nodes[i], path))
			continue;
		put(&w, &nodes[i]);
		assert_non_null(*want);
		assert_string_equal(wr_cstr(&w), *want);
		want++;
	}
	assert_null(*want);
}

static void check_scpd(const struct igd_service *svc, unsigned n,
		       const char *const *actions, const char *const *vars)
{
	size_t i;

	scpd_doc(svc, n);
	names_have_new = strcmp(svc->path, "wanip6") != 0;
	assert_string_equal(nodes[0].path, "scpd");
	assert_string_equal(nodes[0].attr, "4711");
	assert_string_equal(find_node("scpd/specVersion/major")->text, "1");
	assert_string_equal(find_node("scpd/specVersion/minor")->text, "1");
	for (i = 0; i < node_n; i++)
		if (is(&nodes[i], ACTION "/argumentList"))
			assert_false(nodes[i].leaf);
	check_list(ACTION, put_action, actions);
	check_list(VAR, put_var, vars);
}

static void test_scpd_of_version_1_matches_the_standard(void **state)
{
	check_scpd(service("l3f"), 1, l3f_actions, l3f_vars);
	check_scpd(service("wancic"), 1, wancic_actions, wancic_vars);
	check_scpd(service("wanip"), 1, wanip_actions, wanip_vars);
	/* these two have no version 2 */
	check_scpd(service("l3f"), 2, l3f_actions, l3f_vars);
	check_scpd(service("wancic"), 2, wancic_actions, wancic_vars);
}

/* The parts that WANIPConnection:2 adds to version 1, in their places. */
static const char *const wanip2_new_actions[] = {
	"DeletePortMappingRange(StartPort:ExternalPort,EndPort:ExternalPort,"
	"Protocol:PortMappingProtocol,Manage:A_ARG_TYPE_Manage)",
	"GetListOfPortMappings(StartPort:ExternalPort,EndPort:ExternalPort,"
	"Protocol:PortMappingProtocol,Manage:A_ARG_TYPE_Manage,"
	"NumberOfPorts:PortMappingNumberOfEntries)"
	">PortListing:A_ARG_TYPE_PortListing",
	"AddAnyPortMapping(RemoteHost:RemoteHost,ExternalPort:ExternalPort,"
	"Protocol:PortMappingProtocol,InternalPort:InternalPort,"
	"InternalClient:InternalClient,Enabled:PortMappingEnabled,"
	"PortMappingDescription:PortMappingDescription,"
	"LeaseDuration:PortMappingLeaseDuration)>ReservedPort:ExternalPort",
};

static const char *const wanip2_new_vars[] = {
	"SystemUpdateID ui4*",
	"A_ARG_TYPE_Manage boolean",
	"A_ARG_TYPE_PortListing string",
};

static void test_scpd_of_version_2_matches_the_standard(void **state)
{
	const char *actions[ARRAY_N(wanip_actions) + 3];
	const char *vars[ARRAY_N(wanip_vars) + 3];
	size_t n = 0, i;

	for (i = 0; wanip_actions[i]; i++) {
		if (!strncmp(wanip_actions[i], "GetExternalIP", 13))
			actions[n++] = wanip2_new_actions[0];
		actions[n++] = wanip_actions[i];
	}
	actions[n++] = wanip2_new_actions[1];
	actions[n++] = wanip2_new_actions[2];
	actions[n] = NULL;
	for (i = 0; wanip_vars[i]; i++)
		vars[i] = wanip_vars[i];
	memcpy(vars + i, wanip2_new_vars, sizeof(wanip2_new_vars));
	vars[i + 3] = NULL;
	for (i = 0; vars[i]; i++) {
		if (!strcmp(vars[i], "InternalPort ui2"))
			vars[i] = "InternalPort ui2 1..65535";
		if (!strcmp(vars[i], "PortMappingLeaseDuration ui4"))
			vars[i] = "PortMappingLeaseDuration ui4=3600 0..604800";
		if (!strcmp(vars[i], "ConnectionType string=Unconfigured"))
			vars[i] = "ConnectionType string=Unconfigured"
				  "|Unconfigured|IP_Routed|IP_Bridged";
	}
	check_scpd(service("wanip"), 2, actions, vars);
}

/* WANIPv6FirewallControl:1 2.3 and 2.5. Only one argument's name has "New". */
static const char *const wanip6_actions[] = {
	"GetFirewallStatus()>FirewallEnabled:FirewallEnabled,"
	"InboundPinholeAllowed:InboundPinholeAllowed",
	"GetOutboundPinholeTimeout(RemoteHost:A_ARG_TYPE_IPv6Address,"
	"RemotePort:A_ARG_TYPE_Port,InternalClient:A_ARG_TYPE_IPv6Address,"
	"InternalPort:A_ARG_TYPE_Port,Protocol:A_ARG_TYPE_Protocol)"
	">OutboundPinholeTimeout:A_ARG_TYPE_OutboundPinholeTimeout",
	"AddPinhole(RemoteHost:A_ARG_TYPE_IPv6Address,"
	"RemotePort:A_ARG_TYPE_Port,InternalClient:A_ARG_TYPE_IPv6Address,"
	"InternalPort:A_ARG_TYPE_Port,Protocol:A_ARG_TYPE_Protocol,"
	"LeaseTime:A_ARG_TYPE_LeaseTime)>UniqueID:A_ARG_TYPE_UniqueID",
	"UpdatePinhole(UniqueID:A_ARG_TYPE_UniqueID,"
	"LeaseTime:A_ARG_TYPE_LeaseTime)",
	"DeletePinhole(UniqueID:A_ARG_TYPE_UniqueID)",
	"GetPinholePackets(UniqueID:A_ARG_TYPE_UniqueID)"
	">PinholePackets:A_ARG_TYPE_PinholePackets",
	"CheckPinholeWorking(UniqueID:A_ARG_TYPE_UniqueID)"
	">IsWorking:A_ARG_TYPE_Boolean",
	NULL,
};

static const char *const wanip6_vars[] = {
	"FirewallEnabled boolean*",
	"A_ARG_TYPE_IPv6Address string",
	"A_ARG_TYPE_Port ui2",
	"A_ARG_TYPE_Protocol ui2",
	"A_ARG_TYPE_UniqueID ui2",
	"A_ARG_TYPE_LeaseTime ui4 1..86400",
	"InboundPinholeAllowed boolean*",
	"A_ARG_TYPE_OutboundPinholeTimeout ui4",
	"A_ARG_TYPE_Boolean boolean",
	"A_ARG_TYPE_PinholePackets ui4",
	NULL,
};

static void test_scpd_of_pinholes_matches_the_standard(void **state)
{
	const struct igd_service *svc = service("wanip6");
	const char *name;
	size_t news = 0;

	assert_string_equal(svc->id, "WANIPv6Firewall1");
	check_scpd(svc, 2, wanip6_actions, wanip6_vars);
	for (size_t i = 0; i < node_n; i++) {
		name = nodes[i].text;
		if (is(&nodes[i], ACTION "/argumentList/argument/name") &&
		    !strncmp(name, "New", 3)) {
			assert_string_equal(name, "NewLeaseTime");
			news++;
		}
	}
	assert_int_equal(news, 1);
}

/* Windows uses IGD:1 only if it finds nothing there that it does not know. */
static void test_version_1_has_no_pinholes(void **state)
{
	static const char *const tails[] = { ".xml", "/control", "/event" };
	struct desc_info info = info_full();
	const struct igd_service *svc;
	char path[64];
	unsigned n;

	for (size_t i = 0; i < ARRAY_N(tails); i++) {
		snprintf(path, sizeof(path), "/igd1/wanip6%s", tails[i]);
		assert_int_equal(model_resolve(str_z(path), &n, &svc),
				 IGD_NOTHING);
	}
	root_doc(&info, 1);
	for (size_t i = 0; i < node_n; i++)
		assert_null(strstr(nodes[i].text, "IPv6"));
}

/* Some control points ignore a device because of one unknown name. */
static void test_scpd_of_version_1_has_nothing_of_version_2(void **state)
{
	static const char *const words[] = {
		"AddAny", "Range<", "GetListOf", "SystemUpdateID",
		"A_ARG_TYPE", "allowedValueRange><minimum>0",
	};
	struct str doc = scpd_doc(service("wanip"), 1);
	size_t i;

	for (i = 0; i < ARRAY_N(words); i++)
		assert_null(memmem(doc.p, doc.n, words[i], strlen(words[i])));
}

static bool var_in_doc(const char *name)
{
	size_t i;

	for (i = 0; i < node_n; i++)
		if (is(&nodes[i], VAR "/name") &&
		    strcmp(nodes[i].text, name) == 0)
			return true;
	return false;
}

static bool var_used(const char *name)
{
	size_t i;

	for (i = 0; i < node_n; i++)
		if (is(&nodes[i], ARG "relatedStateVariable") &&
		    strcmp(nodes[i].text, name) == 0)
			return true;
	return false;
}

/* Validating control points refuse an inconsistent SCPD. */
static void check_related(const char *path, unsigned n)
{
	bool evented = false;
	size_t i;

	scpd_doc(service(path), n);
	for (i = 0; i < node_n; i++) {
		if (is(&nodes[i], ARG "relatedStateVariable"))
			assert_true(var_in_doc(nodes[i].text));
		if (is(&nodes[i], VAR))
			evented = strcmp(nodes[i].attr, "yes") == 0;
		if (is(&nodes[i], VAR "/name") && !evented)
			assert_true(var_used(nodes[i].text));
	}
}

static void test_related_state_variables_exist(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_N(all_services); i++)
		check_related(all_services[i], 1);
	for (i = 0; i < ARRAY_N(all_services); i++)
		check_related(all_services[i], 2);
}

/* ---- parts that only version 2 has --------------------------------- */

static const char *const colours[] = { "red", "green", NULL };
static const struct igd_var both_vars[] = {
	{ "New", IGD_STRING, 2, .evented = true, .allowed = colours },
	{ "Old", IGD_UI2, 1, .ranged = true, .min = 1, .max = 65535,
	  .dflt = "7" },
};
static const struct igd_arg old_args[] = { { "NewOld", false, 1 } };
static const struct igd_arg new_args[] = { { "NewNew", true, 0 } };
static const struct igd_action both_actions[] = {
	{ "Later", 2, new_args, 1, NULL },
	{ "First", 1, old_args, 1, NULL },
};
static const struct igd_service both = {
	.name = "Both", .id = "Both1", .path = "both", .max_version = 2,
	.action = both_actions, .action_n = 2, .var = both_vars, .var_n = 2,
};

static void test_parts_of_version_2_are_marked(void **state)
{
	static const char *const actions1[] = { "First(Old:Old)", NULL };
	static const char *const actions2[] = {
		"Later()>New:New", "First(Old:Old)", NULL,
	};
	static const char *const vars1[] = { "Old ui2=7 1..65535", NULL };
	static const char *const vars2[] = {
		"New string*|red|green", "Old ui2=7 1..65535", NULL,
	};

	check_scpd(&both, 1, actions1, vars1);
	check_scpd(&both, 2, actions2, vars2);
	assert_int_equal(model_service_version(&both, 1), 1);
	assert_int_equal(model_service_version(&both, 2), 2);
	assert_int_equal(model_service_version(&both, 3), 2);
	assert_null(model_action(&both, 1, STR("Later")));
	assert_non_null(model_action(&both, 2, STR("Later")));
	assert_ptr_equal(model_action(&both, 1, STR("First")),
			 &both_actions[1]);
	assert_null(model_var(&both, 1, STR("New")));
	assert_ptr_equal(model_var(&both, 2, STR("New")), &both_vars[0]);
	assert_ptr_equal(model_var(&both, 1, STR("Old")), &both_vars[1]);
}

/* ---- the model ----------------------------------------------------- */

static void check_action(const struct igd_service *svc,
			 const struct igd_action *act)
{
	size_t in = 0, out = 0, i;

	assert_non_null(act->run);
	assert_true(act->since >= 1 && act->since <= svc->max_version);
	for (i = 0; i < act->arg_n; i++) {
		const struct igd_arg *arg = &act->arg[i];

		/* in-arguments come first */
		if (!arg->out)
			assert_int_equal(out, 0);
		*(arg->out ? &out : &in) += 1;
		assert_true(arg->var < svc->var_n);
		assert_true(model_arg_var(svc, arg)->since <= act->since);
	}
	assert_true(in <= SOAP_ARGS_MAX && out <= SOAP_ARGS_MAX);
	/* and no earlier entry has the same name */
	assert_ptr_equal(model_action(svc, 2, str_z(act->name)), act);
}

static void test_model_tables_are_consistent(void **state)
{
	size_t i, k;

	for (i = 0; i < ARRAY_N(all_services); i++) {
		const struct igd_service *svc = service(all_services[i]);

		assert_non_null(svc->reader);
		assert_int_equal(svc->max_version, i == 2 ? 2 : 1);
		assert_int_equal(model_service_version(svc, 1), 1);
		assert_int_equal(model_service_version(svc, 2),
				 svc->max_version);
		for (k = 0; k < svc->action_n; k++)
			check_action(svc, &svc->action[k]);
		for (k = 0; k < svc->var_n; k++)
			assert_ptr_equal(model_var(svc, 2,
						   str_z(svc->var[k].name)),
					 &svc->var[k]);
	}
}

/* Only actions that ask the monitor may wait. */
static void test_each_action_runs_its_own_function(void **state)
{
	static const struct {
		const char *svc, *name;
		igd_action_fn *run;
		bool waits;
	} want[] = {
		{ "l3f", "SetDefaultConnectionService", l3f_set_default },
		{ "l3f", "GetDefaultConnectionService", l3f_get_default },
		{ "wancic", "SetEnabledForInternet", wancic_set_enabled,
		  true },
		{ "wancic", "GetEnabledForInternet", wancic_get_enabled },
		{ "wancic", "GetCommonLinkProperties",
		  wancic_get_link_properties },
		{ "wancic", "GetTotalBytesSent", wancic_get_bytes_sent },
		{ "wancic", "GetTotalBytesReceived",
		  wancic_get_bytes_received },
		{ "wancic", "GetTotalPacketsSent", wancic_get_packets_sent },
		{ "wancic", "GetTotalPacketsReceived",
		  wancic_get_packets_received },
		{ "wanip", "SetConnectionType", wanip_set_connection_type },
		{ "wanip", "GetConnectionTypeInfo",
		  wanip_get_connection_type_info },
		{ "wanip", "RequestConnection", wanip_request_connection,
		  true },
		{ "wanip", "RequestTermination", wanip_terminate, true },
		{ "wanip", "ForceTermination", wanip_terminate, true },
		{ "wanip", "GetStatusInfo", wanip_get_status_info },
		{ "wanip", "GetNATRSIPStatus", wanip_get_nat_rsip_status },
		{ "wanip", "GetGenericPortMappingEntry",
		  wanip_get_generic_entry },
		{ "wanip", "GetSpecificPortMappingEntry",
		  wanip_get_specific_entry },
		{ "wanip", "AddPortMapping", wanip_add, true },
		{ "wanip", "DeletePortMapping", wanip_delete, true },
		{ "wanip", "GetExternalIPAddress", wanip_get_external_ip },
		{ "wanip", "AddAnyPortMapping", wanip2_add_any, true },
		{ "wanip", "DeletePortMappingRange", wanip2_delete_range,
		  true },
		{ "wanip", "GetListOfPortMappings", wanip2_get_list },
		{ "wanip6", "GetFirewallStatus", wanip6_get_status },
		{ "wanip6", "GetOutboundPinholeTimeout", wanip6_get_timeout },
		{ "wanip6", "AddPinhole", wanip6_add, true },
		{ "wanip6", "UpdatePinhole", wanip6_update, true },
		{ "wanip6", "DeletePinhole", wanip6_delete, true },
		{ "wanip6", "GetPinholePackets", wanip6_get_packets, true },
		{ "wanip6", "CheckPinholeWorking", wanip6_check_working,
		  true },
		{ "wancic", "GetMaximumActiveConnections",
		  wancic_get_max_connections },
		{ "wancic", "GetActiveConnection", wancic_get_connection },
	};
	const struct igd_action *act;
	size_t i;

	for (i = 0; i < ARRAY_N(want); i++) {
		act = model_action(service(want[i].svc), 2,
				   str_z(want[i].name));
		assert_non_null(act);
		assert_ptr_equal(act->run, want[i].run);
		assert_int_equal(act->waits, want[i].waits);
	}
}

static void test_lookup_needs_the_exact_name_and_version(void **state)
{
	const struct igd_service *svc = service("wanip");

	assert_null(model_action(svc, 1, STR("addportmapping")));
	assert_null(model_action(svc, 1, STR("AddPortMappin")));
	assert_null(model_action(svc, 1, STR("AddPortMappings")));
	assert_null(model_action(svc, 1, STR("AddPortMapping\0")));
	assert_null(model_action(svc, 1, STR("")));
	assert_null(model_action(svc, 1, (struct str){ NULL, 0 }));
	assert_null(model_action(svc, 1, STR("GetTotalBytesSent")));
	assert_null(model_var(svc, 1, STR("connectionstatus")));
	assert_null(model_var(svc, 1, STR("SystemUpdateID")));
	assert_non_null(model_var(svc, 2, STR("SystemUpdateID")));
	assert_null(model_action(svc, 1, STR("AddAnyPortMapping")));
	assert_null(model_action(svc, 1, STR("DeletePortMappingRange")));
	assert_null(model_action(svc, 1, STR("GetListOfPortMappings")));
	assert_null(model_var(svc, 1, STR("")));
	assert_non_null(model_var(svc, 1, STR("ConnectionStatus")));
}

static const struct {
	const char *path;
	enum igd_doc doc;
	unsigned n;
	const char *svc;
} paths[] = {
	{ "/igd1.xml", IGD_ROOT_XML, 1, NULL },
	{ "/igd2.xml", IGD_ROOT_XML, 2, NULL },
	{ "/igd1/l3f.xml", IGD_SCPD, 1, "Layer3Forwarding" },
	{ "/igd1/wancic/event", IGD_EVENT, 1, "WANCommonInterfaceConfig" },
	{ "/igd1/wanip/control", IGD_CONTROL, 1, "WANIPConnection" },
	{ "/igd2/wanip.xml", IGD_SCPD, 2, "WANIPConnection" },
	{ "/igd2/wanip/event", IGD_EVENT, 2, "WANIPConnection" },
	{ "" }, { "/" }, { "/igd" }, { "/igd1" }, { "/igd1/" }, { "/igd.xml" },
	{ "/igd0.xml" }, { "/igd3.xml" }, { "/igd11.xml" }, { "/igd1.xmlx" },
	{ "/igd1.xm" }, { "/IGD1.xml" }, { "igd1.xml" }, { "//igd1.xml" },
	{ "/igd1.xml/" }, { "/igd1//wanip.xml" }, { "/igd1/wanip" },
	{ "/igd1/wanip/" }, { "/igd1/wanip/control/" }, { "/igd1/.xml" },
	{ "/igd1/wanip.xml.xml" }, { "/igd1/wanip/events" },
	{ "/igd1//control" }, { "/igd1/control" }, { "/igd1/WANIP.xml" },
	{ "/igd1/wan.xml" }, { "/igd1/wanipp.xml" }, { "/igd1wanip.xml" },
	{ "/igd1-wanip.xml" },
	{ "/igd1/../igd1/wanip.xml" }, { "/igd3/wanip.xml" },
};

static void test_paths_are_resolved(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_N(paths); i++) {
		const struct igd_service *svc = &both;
		unsigned n = 99;
		/* exactly that size, so that ASan finds a read beyond it */
		size_t len = strlen(paths[i].path);
		char *path = malloc(len);
		enum igd_doc doc;

		memcpy(path, paths[i].path, len);
		doc = model_resolve((struct str){ path, len }, &n, &svc);
		free(path);

		if (doc != paths[i].doc)
			fail_msg("%s is %d", paths[i].path, doc);
		/* not set if nothing was found */
		assert_int_equal(n, doc == IGD_NOTHING ? 99 : paths[i].n);
		if (paths[i].svc)
			assert_string_equal(svc->name, paths[i].svc);
		else
			assert_ptr_equal(svc, &both);
	}
}

/* Every URL in a description leads to its service. */
static void check_urls(unsigned n)
{
	struct desc_info info = info_full();
	const struct igd_service *svc;
	unsigned found, urls = 0;
	size_t i;

	root_doc(&info, n);
	for (i = 0; i < node_n; i++) {
		const char *name = strrchr(nodes[i].path, '/');
		enum igd_doc want = IGD_NOTHING;

		if (name && strcmp(name, "/SCPDURL") == 0)
			want = IGD_SCPD;
		else if (name && strcmp(name, "/controlURL") == 0)
			want = IGD_CONTROL;
		else if (name && strcmp(name, "/eventSubURL") == 0)
			want = IGD_EVENT;
		if (want == IGD_NOTHING)
			continue;
		assert_int_equal(model_resolve(str_z(nodes[i].text), &found,
					       &svc),
				 want);
		assert_int_equal(found, n);
		urls++;
	}
	assert_int_equal(urls, n == 1 ? 9 : 12);
}

static void test_urls_of_a_description_lead_to_its_services(void **state)
{
	check_urls(1);
	check_urls(2);
}

static void test_error_codes_have_texts(void **state)
{
	int code;

	assert_string_equal(upnp_err_text(401), "Invalid Action");
	assert_string_equal(upnp_err_text(402), "Invalid Args");
	assert_string_equal(upnp_err_text(501), "Action Failed");
	assert_string_equal(upnp_err_text(606), "Action not authorized");
	assert_string_equal(upnp_err_text(713), "SpecifiedArrayIndexInvalid");
	assert_string_equal(upnp_err_text(714), "NoSuchEntryInArray");
	assert_string_equal(upnp_err_text(718), "ConflictInMappingEntry");
	assert_string_equal(upnp_err_text(725),
			    "OnlyPermanentLeasesSupported");
	assert_string_equal(upnp_err_text(733), "InconsistentParameters");
	for (code = -2; code < 1000; code++)
		assert_true(upnp_err_text(code)[0] != '\0');
	assert_string_equal(upnp_err_text(0), "Action Failed");
	assert_string_equal(upnp_err_text(717), "Action Failed");
	/* the same code in another service */
	assert_string_equal(upnp_err_text(704), "ConnectionSetupFailed");
	assert_string_equal(upnp_err_text(WANIP6_NO_SUCH_ENTRY),
			    "NoSuchEntry");
	assert_int_equal(upnp_err_code(WANIP6_NO_SUCH_ENTRY), 704);
	assert_int_equal(upnp_err_code(704), 704);
}

/* ---- identity ------------------------------------------------------ */

static void test_udns_are_derived_from_the_base(void **state)
{
	struct desc_info info;
	uint8_t high[16];

	memset(&info, '#', sizeof(info));
	desc_udns(base, &info);
	assert_string_equal(info.udn[1][0],
			    "uuid:01234567-89ab-cdef-fedc-ba9876543210");
	assert_string_equal(info.udn[1][2],
			    "uuid:01234567-89ab-cdef-fedc-ba9876543212");
	assert_string_equal(info.udn[2][0],
			    "uuid:01234567-89ab-cdef-fedc-ba9876543213");
	assert_string_equal(info.udn[2][2],
			    "uuid:01234567-89ab-cdef-fedc-ba9876543215");
	assert_int_equal(info.udn[0][2][UDN_SIZE - 1], '#');
	/* the last byte wraps around, without a carry */
	memset(high, 0xff, sizeof(high));
	desc_udns(high, &info);
	assert_string_equal(info.udn[1][0],
			    "uuid:ffffffff-ffff-ffff-ffff-ffffffffffff");
	assert_string_equal(info.udn[1][1],
			    "uuid:ffffffff-ffff-ffff-ffff-ffffffffff00");
}

static uint32_t config_id(const struct desc_info *info, unsigned versions)
{
	uint32_t id = desc_config_id(info, versions, doc_buf,
				     sizeof(doc_buf));

	assert_in_range(id, 1, 16777215);
	return id;
}

static void test_config_id_changes_with_the_documents(void **state)
{
	struct desc_info info = info_full(), other = info;
	uint32_t id = config_id(&info, 2);

	assert_int_equal(config_id(&info, 2), id);
	other.config_id = 1;
	assert_int_equal(config_id(&other, 2), id);
	assert_int_equal(info.config_id, 4711);
	assert_int_not_equal(config_id(&info, 4), id);
	assert_int_not_equal(config_id(&info, 6), id);
	other.friendly_name = "Routes";
	assert_int_not_equal(config_id(&other, 2), id);
	other = info;
	other.presentation_url = "";
	assert_int_not_equal(config_id(&other, 2), id);
	id = config_id(&other, 2);
	other.has_page = true;
	assert_int_not_equal(config_id(&other, 2), id);
	id = config_id(&info, 2);
	other = info;
	other.udn[1][2][UDN_SIZE - 2] ^= 1;
	assert_int_not_equal(config_id(&other, 2), id);
	/* parts that only the other root has do not count */
	other = info;
	other.udn[2][0][UDN_SIZE - 2] ^= 1;
	assert_int_equal(config_id(&other, 2), id);
	assert_int_not_equal(config_id(&other, 6), config_id(&info, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_has_the_elements_of_the_standard),
		cmocka_unit_test(
			test_second_root_has_its_own_types_urls_and_udns),
		cmocka_unit_test(test_empty_settings_have_no_element),
		cmocka_unit_test(
			test_presentation_url_defaults_to_the_local_address),
		cmocka_unit_test(test_names_are_escaped_to_ascii),
		cmocka_unit_test(test_longest_names_fit),
		cmocka_unit_test(test_small_buffer_is_reported),
		cmocka_unit_test(test_scpd_of_version_1_matches_the_standard),
		cmocka_unit_test(test_scpd_of_version_2_matches_the_standard),
		cmocka_unit_test(test_scpd_of_pinholes_matches_the_standard),
		cmocka_unit_test(test_version_1_has_no_pinholes),
		cmocka_unit_test(
			test_scpd_of_version_1_has_nothing_of_version_2),
		cmocka_unit_test(test_related_state_variables_exist),
		cmocka_unit_test(test_parts_of_version_2_are_marked),
		cmocka_unit_test(test_model_tables_are_consistent),
		cmocka_unit_test(test_each_action_runs_its_own_function),
		cmocka_unit_test(test_lookup_needs_the_exact_name_and_version),
		cmocka_unit_test(test_paths_are_resolved),
		cmocka_unit_test(
			test_urls_of_a_description_lead_to_its_services),
		cmocka_unit_test(test_error_codes_have_texts),
		cmocka_unit_test(test_udns_are_derived_from_the_base),
		cmocka_unit_test(test_config_id_changes_with_the_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
