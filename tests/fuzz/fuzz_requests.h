/* SPDX-License-Identifier: ISC */
/*
 * fuzz_requests.h - the HTTP requests that the programs of fuzz_lan.h send: for
 * mappings, for pinholes, and for events. They are made from bytes of the input.
 *
 * Include it once, after fuzz_lan.h.
 */
#ifndef TESTS_FUZZ_FUZZ_REQUESTS_H
#define TESTS_FUZZ_FUZZ_REQUESTS_H

#include <netinet/in.h>
#include <stdarg.h>
#include "fuzz_lan.h"

static struct str in;			/* of the run: what is left of it */

/* ---- SOAP ---------------------------------------------------------------- */

#define URN "urn:schemas-upnp-org:service:WANIPConnection:"
#define URN6 "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"

/* @urn: of the service; @path: of its URL */
static void put_action(struct lan_conn *c, const char *urn, const char *path,
		       const char *action, const char *args,
		       const struct lan_want *w)
{
	char body[2048], text[3072];
	int n, body_n;

	body_n = snprintf(body, sizeof(body), "<?xml version=\"1.0\"?>"
		"<s:Envelope xmlns:s=\""
		"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle="
		"\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
		"<u:%s xmlns:u=\"%s\">%s</u:%s></s:Body></s:Envelope>",
		action, urn, args, action);
	n = snprintf(text, sizeof(text), "POST %s HTTP/1.1"
		"\r\nHost: %s:2828\r\nContent-Type: text/xml\r\n"
		"SOAPAction: \"%s#%s\"\r\nContent-Length: %d\r\n\r\n%s",
		path, lan_host_text(c->at).text, urn, action, body_n, body);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	if (c->want_n == LAN_WANTS || c->raw ||
	    c->out_n + (size_t)n > sizeof(c->out))
		return;
	c->want[c->want_n++] = *w;
	lan_put(c, (struct str){ text, (size_t)n });
}

static void put_soap(struct lan_conn *c, unsigned version, const char *action,
		     const char *args, const struct lan_want *w)
{
	put_action(c, version == 2 ? URN "2" : URN "1", version == 2 ?
		   "/igd2/wanip/control" : "/igd1/wanip/control", action, args,
		   w);
}

/* ---- requests for mappings ----------------------------------------------- */

/* The number of the host at the other end, from 0. */
static unsigned lan_number(const struct lan_conn *c)
{
	return c->peer.byte[c->peer.family == ADDR_IP6 ? 15 : 3] - MON_HOSTS;
}

/* Its IPv4 address. */
static struct addr lan_ip4(const struct lan_conn *c)
{
	return c->peer.family == ADDR_IP4 ? c->peer : LAN_HOST(lan_number(c));
}

/* A request about a mapping, from a byte of bits and two for the rest. */
static void put_mapping(struct lan_conn *c, enum lan_kind kind, uint8_t what)
{
	static const uint32_t lease[] = { 0, 1, 5, 60, 3600, 100000, 604800,
					  604801 };
	uint8_t bits = fuzz_u8(&in), more = fuzz_u8(&in);
	unsigned version = bits & 16 || kind == LAN_ANY ? 2 : 1;
	struct lan_want w = { kind, .enabled = !(bits & 64) };
	struct nat_rule *r = &w.rule;
	char args[1024];
	int n;

	r->kind = NAT_PORTMAP;
	r->proto = bits & 8 ? IPPROTO_UDP : IPPROTO_TCP;
	r->ext_port = (uint16_t)(MON_PORT + bits % 8);
	r->remote = bits & 32 ? addr_ip4(0x08080808) : addr_any();
	r->int_port = (uint16_t)(3000 + more / 8);
	r->client = bits & 128 ? LAN_HOST(more) : lan_ip4(c);
	n = snprintf(args, sizeof(args), "<NewRemoteHost>%s</NewRemoteHost>"
		"<NewExternalPort>%u</NewExternalPort>"
		"<NewProtocol>%s</NewProtocol>", bits & 32 ? "8.8.8.8" : "",
		r->ext_port, bits & 8 ? "UDP" : "TCP");
	if (kind != LAN_DELETE && what != 2)
		snprintf(args + n, sizeof(args) - (size_t)n,
			"<NewInternalPort>%u</NewInternalPort>"
			"<NewInternalClient>%s</NewInternalClient><NewEnabled>"
			"%u</NewEnabled><NewPortMappingDescription>%.*s"
			"</NewPortMappingDescription>"
			"<NewLeaseDuration>%u</NewLeaseDuration>",
			r->int_port, addr_text(r->client).text, w.enabled,
			more > 250 ? 250 : more % 3, "ddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"ddddddddddd", lease[more % 8]);
	put_soap(c, version, kind == LAN_DELETE ? "DeletePortMapping" :
		 kind == LAN_ANY ? "AddAnyPortMapping" : what == 2 ?
		 "GetSpecificPortMappingEntry" : "AddPortMapping", args, &w);
}

/* ---- requests for pinholes ----------------------------------------------- */

/* An address for InternalClient: usually one of the host's own. */
static struct addr pinhole_client(const struct lan_conn *c, uint8_t more)
{
	uint8_t host = (uint8_t)(MON_HOSTS + lan_number(c) % 4);

	switch (more % 8) {
	case 0:
		return mon_addr6(MON_LAN, (uint8_t)(MON_HOSTS + more / 64),
				 MON_GLOBAL);
	case 1:
		return mon_addr6(MON_LAN, 1, MON_GLOBAL);
	case 2:
		return mon_addr6(MON_LAN2, host, MON_GLOBAL);
	case 3:
	case 4:
		return mon_addr6(MON_LAN, host, MON_LATE);
	default:
		return mon_addr6(MON_LAN, host, MON_GLOBAL);
	}
}

static struct lan_want pinhole_want(const struct lan_conn *c, uint8_t bits,
				    uint8_t more)
{
	struct lan_want w = { LAN_ADD_PINHOLE, .enabled = true };

	w.rule.kind = NAT_PINHOLE;
	w.rule.proto = bits & 8 ? IPPROTO_UDP : IPPROTO_TCP;
	w.rule.remote = bits & 16 ? mon_addr6(99, 1, MON_GLOBAL) : addr_any();
	w.rule.remote_port = bits & 16 ? 443 : 0;
	w.rule.client = pinhole_client(c, more);
	w.rule.int_port = (uint16_t)(4000 + more / 8 % 4);
	return w;
}

/* Add a pinhole, or ask how long a flow out stays open. */
static void put_five(struct lan_conn *c, const char *path, bool add,
		     uint8_t bits, uint8_t more)
{
	static const uint32_t lease[] = { 1, 60, 3600, 86400 };
	struct lan_want w = pinhole_want(c, bits, more);
	char args[512];
	int n;

	if (!add)
		w.kind = LAN_OTHER;
	n = snprintf(args, sizeof(args), "<Protocol>%u</Protocol>"
		"<RemoteHost>%s</RemoteHost><RemotePort>%u</RemotePort>"
		"<InternalClient>%s</InternalClient>"
		"<InternalPort>%u</InternalPort>", w.rule.proto,
		bits & 16 ? addr_text(w.rule.remote).text : "",
		w.rule.remote_port, addr_text(w.rule.client).text,
		w.rule.int_port);
	if (add)
		snprintf(args + n, sizeof(args) - (size_t)n,
			 "<LeaseTime>%u</LeaseTime>", lease[bits / 32 % 4]);
	put_action(c, URN6, path, add ? "AddPinhole" :
		   "GetOutboundPinholeTimeout", args, &w);
}

static void put_pinhole(struct lan_conn *c)
{
	static const char *const action[] = {
		"UpdatePinhole", "DeletePinhole", "GetPinholePackets",
		"CheckPinholeWorking", "GetFirewallStatus",
	};
	uint8_t bits = fuzz_u8(&in), more = fuzz_u8(&in);
	const char *path = bits & 128 ? "/igd2/wanip/control" :
					"/igd2/wanip6/control";
	const struct lan_id *id = &lan_id[more % LAN_IDS];
	struct lan_want w = { LAN_OTHER };
	char args[128];

	if (bits % 8 < 3 && (bits % 8 < 2 || !(more & 32))) {
		put_five(c, path, bits % 8 < 2 || !(more & 1), bits, more);
		return;
	}
	snprintf(args, sizeof(args), "<UniqueID>%u</UniqueID>"
		 "<NewLeaseTime>%u</NewLeaseTime>", id->id,
		 more & 128 ? 60u : 86400u);
	if (bits % 8 == 4 && id->id) {
		w.kind = LAN_DELETE;
		w.rule = id->rule;
	}
	put_action(c, URN6, path, action[(bits % 8 + 2) % 5], args, &w);
}

static void put_other(struct lan_conn *c, uint8_t what)
{
	static const struct {
		const char *action, *args;
		unsigned version;
	} call[] = {
		{ "GetExternalIPAddress", "", 1 },
		{ "GetStatusInfo", "", 1 },
		{ "ForceTermination", "", 1 },
		{ "RequestConnection", "", 2 },
		{ "GetGenericPortMappingEntry", "<NewPortMappingIndex>1"
		  "</NewPortMappingIndex>", 1 },
		{ "DeletePortMappingRange", "<NewStartPort>2000</NewStartPort>"
		  "<NewEndPort>2004</NewEndPort><NewProtocol>TCP</NewProtocol>"
		  "<NewManage>1</NewManage>", 2 },
		{ "DeletePortMappingRange", "<NewStartPort>2000</NewStartPort>"
		  "<NewEndPort>2007</NewEndPort><NewProtocol>UDP</NewProtocol>"
		  "<NewManage>0</NewManage>", 2 },
		{ "GetListOfPortMappings", "<NewStartPort>0</NewStartPort>"
		  "<NewEndPort>65535</NewEndPort><NewProtocol>TCP</NewProtocol>"
		  "<NewManage>1</NewManage><NewNumberOfPorts>0"
		  "</NewNumberOfPorts>", 2 },
	};
	const struct lan_want w = { LAN_OTHER };

	put_soap(c, call[what % 8].version, call[what % 8].action,
		 call[what % 8].args, &w);
}

/* ---- others -------------------------------------------------------------- */

static __attribute__((format(printf, 3, 4)))
void put_plain(struct lan_conn *c, const struct lan_want *w,
	       const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	if (c->want_n == LAN_WANTS || c->raw)
		return;
	c->want[c->want_n++] = *w;
	lan_put(c, (struct str){ text, (size_t)n });
}

static void put_subscription(struct lan_conn *c, uint8_t what)
{
	static unsigned path;
	struct lan_want w = { LAN_SUBSCRIBE };
	const struct lan_want other = { LAN_OTHER };
	struct lan_sub *s = lan_sub_n ? &lan_sub[what % lan_sub_n] : NULL;

	if (what < 128 || !s) {
		w.cb_port = (uint16_t)(5000 + what % 4);
		put_plain(c, &w, "SUBSCRIBE /igd1/wanip/event HTTP/1.1\r\n"
			  "Host: %s:2828\r\nNT: upnp:event\r\n"
			  "CALLBACK: <http://%s:%u/%u>\r\n\r\n",
			  lan_host_text(c->at).text,
			  lan_host_text(c->peer).text, w.cb_port, path++);
	} else if (what < 192) {
		put_plain(c, &other, "SUBSCRIBE /igd1/wanip/event HTTP/1.1\r\n"
			  "Host: %s:2828\r\nSID: %s\r\n\r\n",
			  lan_host_text(c->at).text, s->sid);
	} else {
		s->honest = false;
		put_plain(c, &other, "UNSUBSCRIBE /igd1/wanip/event HTTP/1.1"
			  "\r\nHost: %s:2828\r\nSID: %s\r\n\r\n",
			  lan_host_text(c->at).text, s->sid);
	}
}

#endif
