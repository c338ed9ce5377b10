/* SPDX-License-Identifier: ISC */
/* test_upxml.c - the texts of a UPnP control point, and what it accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include "upstream/upreply.h"
#include "upstream/upxml.h"

#define GW addr_ip4(0xc0a85801)

#define ANSWER(location) \
	"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n" \
	"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n" \
	"USN: uuid:x\r\nEXT:\r\nLOCATION: " location "\r\n" \
	"BOOTID.UPNP.ORG: 1796088462\r\n\r\n"

static void test_search(void **state)
{
	char buf[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	upxml_search(GW, &w);
	assert_string_equal(wr_cstr(&w),
		"M-SEARCH * HTTP/1.1\r\nHOST: 192.168.88.1:1900\r\n"
		"MAN: \"ssdp:discover\"\r\nMX: 1\r\n"
		"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
		"\r\n");
}

static void test_found(void **state)
{
	struct upxml_gateway g;

	assert_true(upxml_found(
		STR(ANSWER("http://192.168.88.1:5555/rootDesc.xml")), GW, &g));
	assert_int_equal(g.url.port, 5555);
	assert_string_equal(g.url.path, "/rootDesc.xml");
	assert_int_equal(g.boot_id, 1796088462);
	assert_true(upxml_found(STR(ANSWER("HTTP://192.168.88.1")), GW, &g));
	assert_int_equal(g.url.port, 80);
	assert_string_equal(g.url.path, "/");
}

/* Another host, or a path that would be more than a path. */
static void test_location_elsewhere(void **state)
{
	static const char *const bad[] = {
		ANSWER("http://192.168.88.2:5555/rootDesc.xml"),
		ANSWER("http://192.168.88.1.evil.example/x"),
		ANSWER("http://router/x"), ANSWER("https://192.168.88.1/x"),
		ANSWER("http://192.168.88.1@10.0.0.1/x"),
		ANSWER("http://192.168.88.1:0/x"),
		ANSWER("http://192.168.88.1:65536/x"),
		ANSWER("http://192.168.88.1:80/a b"),
		ANSWER("http://192.168.88.1:80/a#b"),
		ANSWER("http://192.168.88.1:80/\x7f"), ANSWER("/x"), ANSWER(""),
		"HTTP/1.1 404 Not Found\r\n\r\n", "NOTIFY * HTTP/1.1\r\n\r\n",
		"", "HTTP/1.1 200 OK\r\n",
		("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n"
		 "LOCATION: http://192.168.88.1/x\r\n\r\n"),
	};
	struct upxml_gateway g = { .boot_id = 7 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(upxml_found(str_z(bad[i]), GW, &g));
	assert_int_equal(g.boot_id, 7);
}

#define SERVICE(type, url) \
	"<service><serviceType>urn:schemas-upnp-org:service:" type \
	"</serviceType><serviceId>x</serviceId><controlURL>" url \
	"</controlURL></service>"
#define DEVICE(base, services) \
	"<?xml version=\"1.0\"?>\n<root xmlns=\"urn:x\">" base \
	"<device><serviceList>" services "</serviceList></device></root>"

static bool described(const char *doc, struct upxml_gateway *g)
{
	*g = (struct upxml_gateway){ .url = { 5555, "/a/root.xml" } };
	return upxml_described(str_z(doc), GW, g);
}

static void test_described(void **state)
{
	struct upxml_gateway g;

	assert_true(described(DEVICE("",
		SERVICE("WANPPPConnection:1", "/ppp")
		SERVICE("WANIPConnection:1", "/ip1")
		SERVICE("WANIPConnection:1", "/second")), &g));
	assert_int_equal(g.service, UPXML_WANIP1);
	assert_string_equal(g.url.path, "/ip1");
	assert_int_equal(g.url.port, 5555);
	assert_true(described(DEVICE("",
		SERVICE("WANIPConnection:1", "/ip1")
		SERVICE("WANIPConnection:2", " ctl?x=1&amp;y=2 ")), &g));
	assert_int_equal(g.service, UPXML_WANIP2);
	assert_string_equal(g.url.path, "/a/ctl?x=1&y=2");
	assert_true(described(DEVICE("<URLBase>http://192.168.88.1:49000/"
				     "</URLBase>",
		SERVICE("WANPPPConnection:1", "ppp")), &g));
	assert_int_equal(g.url.port, 49000);
	assert_string_equal(g.url.path, "/ppp");
	assert_true(described(DEVICE("",
		SERVICE("WANIPConnection:1", "http://192.168.88.1:81/c")), &g));
	assert_int_equal(g.url.port, 81);
}

static void test_no_service(void **state)
{
	struct upxml_gateway g;

	assert_false(described(DEVICE("", SERVICE("Layer3Forwarding:1", "/x")),
			       &g));
	assert_false(described(DEVICE("", SERVICE("WANIPConnection:1", "")),
			       &g));
	assert_false(described(DEVICE("",
		SERVICE("WANIPConnection:1", "http://10.0.0.1/c")), &g));
	assert_false(described(DEVICE("",
		SERVICE("WANIPConnection:1", "/c HTTP/1.1&#13;&#10;X:")), &g));
	assert_false(described("<root><service>", &g));
	assert_false(described("", &g));
}

static void test_call(void **state)
{
	const struct upxml_gateway g = {
		.url = { 5555, "/ctl" }, .service = UPXML_WANIP2,
	};
	const struct upxml_ask a = {
		.proto = IPPROTO_UDP, .port = 40000, .ext_port = 40001,
		.lease_s = 3600, .client = addr_ip4(0xc0a8580a),
	};
	char buf[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	const char *text;

	upxml_call(GW, &g, UPXML_ADD_ANY, &a, &w);
	assert_false(w.over);
	text = wr_cstr(&w);
	assert_non_null(strstr(text, "POST /ctl HTTP/1.1\r\n"
			       "Host: 192.168.88.1:5555\r\n"));
	assert_non_null(strstr(text, "SOAPAction: \"urn:schemas-upnp-org:"
			       "service:WANIPConnection:2#AddAnyPortMapping\""));
	assert_non_null(strstr(text, "<NewExternalPort>40001</NewExternalPort>"
			       "<NewProtocol>UDP</NewProtocol>"
			       "<NewInternalPort>40000</NewInternalPort>"
			       "<NewInternalClient>192.168.88.10<"));
	assert_non_null(strstr(text, "<NewLeaseDuration>3600<"));
}

/* The longest request fits. */
static void test_longest_call(void **state)
{
	struct upxml_gateway g = { { 65535, "/" }, UPXML_WANPPP1, 0 };
	const struct upxml_ask a = {
		.proto = IPPROTO_TCP, .port = 65535, .ext_port = 65535,
		.lease_s = UINT32_MAX, .client = addr_ip4(0xc8c8c8c8),
	};
	char buf[UPSTREAM_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	memset(g.url.path + 1, 'x', sizeof(g.url.path) - 2);
	upxml_call(addr_ip4(0xc8c8c8c8), &g, UPXML_ADD_ANY, &a, &w);
	assert_false(w.over);
	assert_int_equal(memcmp(buf + w.len - 2, "\r\n", 2), 0);
}

#define SOAP(x) "<s:Envelope xmlns:s=\"e\"><s:Body>" x "</s:Body></s:Envelope>"

static void test_answer(void **state)
{
	struct upxml_reply r;

	assert_true(upxml_answer(200, STR(SOAP(
		"<u:R xmlns:u=\"x\"><NewExternalIPAddress>11.22.33.1"
		"</NewExternalIPAddress></u:R>")), &r));
	assert_true(!r.error && addr_equal(r.ext, addr_ip4(0x0b162101)));
	assert_true(upxml_answer(200, STR(SOAP("<R><NewReservedPort>40002"
					       "</NewReservedPort></R>")),
				 &r));
	assert_true(!r.error && r.ext_port == 40002 && !addr_is_set(r.ext));
	assert_true(upxml_answer(500, STR(SOAP(
		"<s:Fault><errorCode>718</errorCode></s:Fault>")), &r));
	assert_int_equal(r.error, 718);
	/* an address that no host can have is none */
	assert_true(upxml_answer(200, STR(SOAP(
		"<R><NewExternalIPAddress>0.0.0.0</NewExternalIPAddress></R>")),
				 &r));
	assert_false(addr_is_set(r.ext));
	assert_false(upxml_answer(200, STR(SOAP(
		"<errorCode>718</errorCode>")), &r));
	assert_false(upxml_answer(500, STR(SOAP("<x/>")), &r));
	assert_false(upxml_answer(404, STR(SOAP("<x/>")), &r));
	assert_false(upxml_answer(200, STR("<x>"), &r));
}

static int body_of(const char *text, bool eof, unsigned *status, char *ret)
{
	static char buf[1024];
	struct str body;
	int res;

	strcpy(buf, text);
	res = upreply_body(buf, strlen(text), eof, status, &body);
	if (res == 1)
		str_copy(ret, 64, body);
	return res;
}

static void test_http(void **state)
{
	unsigned status;
	char body[64];

	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
				 "abcd", false, &status, body), 1);
	assert_string_equal(body, "abc");
	assert_int_equal(status, 200);
	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
				 "ab", false, &status, body), 0);
	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
				 "ab", true, &status, body), -1);
	assert_int_equal(body_of("HTTP/1.0 500 No\r\n\r\nabc", false, &status,
				 body), 0);
	assert_int_equal(body_of("HTTP/1.0 500 No\r\n\r\nabc", true, &status,
				 body), 1);
	assert_string_equal(body, "abc");
	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				 "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
				 true, &status, body), 1);
	assert_string_equal(body, "abc");
	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				 "chunked\r\n\r\n9\r\nab", true, &status,
				 body), -1);
	assert_int_equal(body_of("HTTP/1.1 200", false, &status, body), 0);
	assert_int_equal(body_of("HTTP/1.1 200", true, &status, body), -1);
	assert_int_equal(body_of("GET / HTTP/1.1\r\n\r\n", true, &status,
				 body), -1);
	assert_int_equal(body_of("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n"
				 "\r\n", false, &status, body), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_location_elsewhere),
		cmocka_unit_test(test_described),
		cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_longest_call),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
