/* SPDX-License-Identifier: ISC */
/*
 * test_statuspage.c - the status page is complete however it is divided, shows
 * each viewer what is its own, and lets no text become HTML.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "tests/unit/pmtest.h"
#include "base/wr.h"
#include "engine/statushtml.h"
#include "engine/statuspage.h"

#define ANN	0xc0a8580au
#define BOB	0xc0a8580bu
#define ROUTER	0xc0a85801u
#define LAN	2
#define MAPPINGS 1100
#define OWN	"Open ports of your device"
#define OTHERS	"Open ports of other devices"
#define REFUSED	"Refused requests of your device"

static struct map map;
static struct recent recent;
static struct statuspage page;
static struct ctl_status status;
static uint64_t now_ms;
static int ifindex_of_viewer;
static unsigned lookups;

/* ---- the fakes ------------------------------------------------------- */

static void on_status(void *arg, struct ctl_status *ret)
{
	*ret = status;
}

/* The last byte of a link-layer address is that of the IPv4 address and of the
 * IPv6 one. The host .99 is not known. */
static bool find_host(void *arg, int ifindex, struct addr a, struct addr *ret)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 0 };

	lookups++;
	mac[5] = a.family == ADDR_IP4 ? a.byte[3] : a.byte[15];
	*ret = addr_link(mac, sizeof(mac));
	return ifindex == LAN && mac[5] != 0x99;
}

static uint32_t rnd(void *arg)
{
	return 7;
}

static const struct map_ops map_ops = { .host = find_host, .rnd = rnd };

static int set_up(void **state)
{
	now_ms = 100000000;
	lookups = 0;
	ifindex_of_viewer = LAN;
	recent = (struct recent){ 0 };
	map = (struct map){
		.ops = &map_ops, .pinholes = portmap_new(64, 64),
		.policy = { .net_n = 2, .net = {
			{ LAN, "", { addr_ip4(ROUTER), 24 } },
			{ LAN, "", { addr_of_text("2001:db8:88::1"), 64 } },
		} },
	};
	map_init(&map, portmap_new(MAPPINGS, MAPPINGS));
	status = (struct ctl_status){
		.ext = addr_of_text("203.0.113.7"),
		.served = 1u << ORIGIN_UPNP | 1u << ORIGIN_PCP,
	};
	page = (struct statuspage){
		.name = "Home", .map = &map, .recent = &recent,
		.status = on_status,
	};
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(map.pm);
	portmap_free(map.pinholes);
	return 0;
}

/* ---- mappings -------------------------------------------------------- */

static void put(struct portmap *pm, const struct pm_req *q, uint32_t lease_s)
{
	assert_int_equal(portmap_restore(pm, q, lease_s ? now_ms +
					 1000ull * lease_s : 0), PM_DONE);
}

static void open_port(uint32_t client, uint16_t port, const char *desc)
{
	struct pm_req q = req(client, port);

	q.rule.int_port = port;
	snprintf(q.desc, sizeof(q.desc), "%s", desc);
	put(map.pm, &q, 3540);
}

static struct pm_req pinhole(const char *client, uint16_t port)
{
	struct pm_req q = req(ANN, 0);

	q.rule.kind = NAT_PINHOLE;
	q.rule.client = q.requester = addr_of_text(client);
	q.rule.int_port = port;
	return q;
}

/* ---- reading the page ------------------------------------------------ */

static char text[1 << 20];
static unsigned pieces;

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Write the page for @viewer, in pieces of @room bytes. */
static void render_in(struct addr viewer, size_t room)
{
	const struct httpd_req q = { .method = HTTP_GET, .peer = viewer,
				     .ifindex = ifindex_of_viewer };
	struct httpsource source;
	struct httpd_reply r;
	size_t n = 0;

	statuspage_reply(&page, &q, now_ms, &source, &r);
	assert_int_equal(r.status, 200);
	assert_ptr_equal(r.source, &source);
	assert_int_equal(source.left, HTTPSOURCE_OPEN);
	for (pieces = 0;; pieces++) {
		struct wr w = wr_init(text + n, room);

		assert_in_range(n + room, 0, sizeof(text) - 1);
		source.write(source.arg, source.at, source.left, &w);
		assert_false(w.over);
		n += w.len;
		if (!w.len)
			break;
	}
	text[n] = '\0';
	assert_memory_equal(text, "<!DOCTYPE html>", 15);
	assert_string_equal(text + n - 8, "</html>\n");
	assert_int_equal(count("<table "), count("</tbody>\n</table>\n"));
	assert_int_equal(count("<section "), count("</section>\n"));
}

static void render(const char *viewer)
{
	render_in(addr_of_text(viewer), 2 * HTTPSOURCE_ROOM);
}

#define HAS(what)	assert_int_equal(count(what), 1)
#define LACKS(what)	assert_int_equal(count(what), 0)

/* ---- tests ----------------------------------------------------------- */

static void test_an_empty_page(void **state)
{
	render("192.168.88.10");
	HAS("<html lang=\"en\">");
	HAS("<title>Home: open ports</title>");
	HAS("<dd>203.0.113.7</dd>");
	HAS("<dd>UPnP, PCP</dd>");
	HAS("<dd>192.168.88.10</dd>");
	HAS("No port is open for your device.");
	LACKS("<table");
	LACKS(REFUSED);
	LACKS(OTHERS);
	LACKS("<script");
}

static void test_ports_of_the_viewer(void **state)
{
	struct pm_req q = req(ANN, 49152);

	open_port(ANN, 51413, "Transmission");
	open_port(BOB, 3074, "Xbox");
	q.origin = ORIGIN_PCP;
	strcpy(q.desc, "PCP");
	q.rule.remote = addr_of_text("198.51.100.9");
	q.rule.remote_port = 7;
	put(map.pm, &q, 0);
	render("192.168.88.10");
	HAS("<tr><th scope=\"row\">TCP 51413</th><td><bdi>Transmission</bdi>"
	    "</td><td>UPnP</td><td>59 min</td></tr>\n");
	HAS("<tr><th scope=\"row\">TCP 49152<small>to port 80</small>"
	    "<small>only from 198.51.100.9</small>"
	    "<small>only from port 7</small></th><td><i>not named</i></td>"
	    "<td>PCP</td><td>no end</td></tr>\n");
	LACKS("Xbox");
	render("192.168.88.11");
	HAS("Xbox");
	LACKS("Transmission");
	render("192.168.88.12");
	HAS("No port is open for your device.");
}

static void test_the_operators_and_those_for_others(void **state)
{
	struct pm_req q = req(ANN, 80);

	q.origin = ORIGIN_OPERATOR;
	q.requester = (struct addr){ 0 };
	put(map.pm, &q, 0);
	/* Ann asked for a port of Bob */
	q = req(BOB, 8000);
	q.requester = addr_ip4(ANN);
	put(map.pm, &q, 90061);
	render("192.168.88.10");
	HAS("<td>the operator</td><td>no end</td>");
	HAS("TCP 8000<small>to port 80</small><small>to 192.168.88.11</small>");
	HAS("<td>UPnP<small>asked by 192.168.88.10</small></td>"
	    "<td>1 day 1 h</td>");
	render("192.168.88.11");
	HAS("TCP 8000<small>to port 80</small></th>");
	LACKS("the operator</td>");
}

static void test_all_of_others(void **state)
{
	page.all = true;
	render("192.168.88.10");
	HAS("No port is open for another device.");
	open_port(ANN, 51413, "Transmission");
	open_port(BOB, 3074, "Xbox");
	render("192.168.88.10");
	HAS("Transmission");
	HAS("<tr><th scope=\"row\">TCP 3074</th><td>192.168.88.11</td>"
	    "<td><bdi>Xbox</bdi></td><td>UPnP</td><td>59 min</td></tr>\n");
	assert_true(strstr(text, "Transmission") < strstr(text, OTHERS "</h2>"));
	assert_true(strstr(text, "Xbox") > strstr(text, OTHERS "</h2>"));
}

static void test_a_host_has_addresses_of_both_families(void **state)
{
	struct pm_req q = pinhole("2001:db8:88::a", 8080), far;

	q.host = (struct addr){ 0 };
	put(map.pinholes, &q, 60);
	far = pinhole("2001:db8:77::a", 8081);	/* behind another router */
	put(map.pinholes, &far, 60);
	q = pinhole("2001:db8:88::b", 0);
	put(map.pinholes, &q, 60);
	open_port(ANN, 51413, "Transmission");
	open_port(BOB, 3074, "Xbox");
	render("192.168.88.10");
	HAS("TCP 8080<small>over IPv6</small><small>to 2001:db8:88::a</small>");
	HAS("Transmission");
	LACKS("8081");
	LACKS("all ports");
	LACKS("Xbox");
	render("2001:db8:88::b");
	HAS("TCP all ports<small>over IPv6</small></th>");
	HAS("Xbox");
	HAS("TCP 3074<small>to 192.168.88.11</small>");
	LACKS("Transmission");
	/* an address that the neighbour table does not show has only its own */
	render("2001:db8:88::99");
	HAS("No port is open for your device.");
	/* an IPv4 address is not another IPv4 address's host */
	render("192.168.88.11");
	LACKS("Transmission");
}

static void test_a_pinhole_of_a_former_address_of_the_host(void **state)
{
	struct pm_req q = pinhole("2001:db8:88::77", 8080);

	assert_true(find_host(NULL, LAN, addr_ip4(ANN), &q.host));
	put(map.pinholes, &q, 60);
	render("192.168.88.10");
	HAS("TCP 8080");
	render("192.168.88.11");
	LACKS("TCP 8080");
}

static void test_ports_that_are_not_open(void **state)
{
	struct pm_req q = req(ANN, 5000);

	q.enabled = false;
	put(map.pm, &q, 60);
	open_port(ANN, 5001, "b");
	open_port(ANN, 5002, "c");
	assert_true(portmap_overrule(map.pm, portmap_at(map.pm, 1)));
	assert_true(portmap_suspend(map.pm, portmap_at(map.pm, 2),
				    UINT64_MAX));
	render("192.168.88.10");
	HAS("Not open: it is switched off.");
	HAS("Not open: the router needs this port for something else.");
	HAS("Not open: the network of the device is missing.");
}

static void test_reasons_for_no_address(void **state)
{
	static const char *const why[] = {
		[CTL_ADDRESS_OK] = "not known yet",
		[CTL_NO_INTERFACE] = "does not exist",
		[CTL_INTERFACE_DOWN] = "switched off",
		[CTL_NO_CARRIER] = "the cable or the signal",
		[CTL_NO_ADDRESS] = "the provider has not given one",
		[CTL_ADDRESS_PRIVATE] = "another router is between",
	};

	status.ext_private = true;
	render("192.168.88.10");
	HAS("It must open the ports as well.");
	LACKS("Nobody can reach");
	for (uint32_t i = 0; i <= CTL_ADDRESS_PRIVATE; i++) {
		status.no_address = i;
		status.ext = i ? addr_of_text("203.0.113.7") :
				 (struct addr){ 0 };
		render("192.168.88.10");
		HAS(why[i]);
		HAS("Nobody can reach the open ports over IPv4.");
		LACKS("<dd>203.0.113.7");
	}
}

/* ---- refusals -------------------------------------------------------- */

static void refuse(const char *client, uint16_t port, enum refusal why,
		   unsigned times)
{
	struct refused r = {
		.why = why, .origin = ORIGIN_UPNP,
		.client = addr_of_text(client), .rule = req(ANN, port).rule,
	};
	struct addr share = r.client;

	if (r.client.family == ADDR_IP6) {
		r.rule = pinhole(client, port).rule;
		find_host(NULL, LAN, r.client, &share);
	}
	while (times--)
		recent_add(&recent, &r, share, now_ms);
}

static void test_refusals_of_the_viewer(void **state)
{
	refuse("192.168.88.10", 80, REFUSAL_RULE, 3);
	refuse("192.168.88.11", 81, REFUSAL_RULE, 1);
	now_ms += 60000;
	refuse("2001:db8:88::a", 82, REFUSAL_RATE, 1);
	refuse("fe80::a", 83, REFUSAL_FULL, 1);
	refuse("fe80::b", 84, REFUSAL_FULL, 1);
	now_ms += 4000;
	render("192.168.88.10");
	HAS("<h2 id=\"refused\">" REFUSED "</h2>");
	HAS("<tr><th scope=\"row\">TCP 80</th><td>The settings of the router do "
	    "not allow this port.</td><td>1 min 4 s ago<small>3 times</small>"
	    "</td></tr>\n");
	HAS("<tr><th scope=\"row\">TCP 82<small>over IPv6</small></th><td>Too "
	    "many new ports at once.</td><td>just now</td></tr>\n");
	HAS("TCP 83");
	LACKS("TCP 81");
	LACKS("TCP 84");
	assert_true(strstr(text, "TCP 82") < strstr(text, "TCP 80"));
	render("192.168.88.11");
	HAS("TCP 81");
	HAS("TCP 84");
	LACKS("TCP 80");
	/* the same address on another link is another host's */
	render("fe80::a");
	HAS("TCP 83");
	ifindex_of_viewer = LAN + 1;
	render("fe80::a");
	LACKS("TCP 83");
}

/* The host wanted any external port for its port 80, an hour ago. */
static void test_a_refusal_for_any_port(void **state)
{
	refuse("192.168.88.10", 0, REFUSAL_NO_PORT, 1);
	now_ms += 3600000;
	render("192.168.88.10");
	HAS("<th scope=\"row\">TCP 80</th>");
	HAS("<td>1 h ago</td>");
}

/* A reason without a text would show nothing. */
static void test_each_reason_has_a_text(void **state)
{
	for (unsigned why = REFUSAL_NONE + 1; why < REFUSALS; why++) {
		const bool named = why < REFUSAL_SUBSCRIBERS;

		recent = (struct recent){ 0 };
		refuse("192.168.88.10", 80, (enum refusal)why, 1);
		render("192.168.88.10");
		assert_int_equal(count("The router does not allow it."),
				 named ? 0 : 1);
		LACKS("<td></td>");
	}
}

/* What another engine has left may hold anything. */
static void test_any_bytes_of_refusals_do_no_harm(void **state)
{
	srand(1);
	for (int turn = 0; turn < 500; turn++) {
		uint8_t *p = (uint8_t *)&recent;

		for (size_t i = 0; i < sizeof(recent); i++)
			p[i] = (uint8_t)rand();
		for (size_t i = 0; i < RECENT_MAX; i++) {
			recent.at[i].client = addr_ip4(ANN);
			recent.at[i].at_ms %= 3 * now_ms;
		}
		render("192.168.88.10");
		assert_in_range(count("<th scope=\"row\">"), 0, RECENT_MAX);
	}
}

/* ---- texts ----------------------------------------------------------- */

static void test_texts_are_escaped(void **state)
{
	char buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	statushtml_text(&w, STR("<a b='c'>&amp;\"\x01\n\x7f\xc2\x9b\xff|\xc3\xa4"
				"\xed\xa0\x80"));
	assert_string_equal(wr_cstr(&w),
			    "&lt;a b=&apos;c&apos;&gt;&amp;amp;&quot;"
			    "\xef\xbf\xbd   \xef\xbf\xbd|\xc3\xa4"
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_names_become_no_html(void **state)
{
	static const char nasty[] = "</td><script>x</script>";

	page.name = "<b>\"Home\"";
	open_port(ANN, 5000, nasty);
	render("192.168.88.10");
	HAS("<title>&lt;b&gt;&quot;Home&quot;: open ports</title>");
	HAS("<h1><bdi>&lt;b&gt;&quot;Home&quot;</bdi></h1>");
	HAS("<bdi>&lt;/td&gt;&lt;script&gt;x&lt;/script&gt;</bdi>");
	LACKS("<script");
}

/* ---- length ---------------------------------------------------------- */

/* The longest of each text, in pieces that have only the room that is
 * promised. */
static void test_the_longest_pieces_fit(void **state)
{
	char name[CONF_STR_MAX], desc[PM_DESC_MAX + 1];
	struct pm_req q = pinhole("2001:db8:88:1234:1234:1234:1234:1234",
				  65535);

	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(desc, '"', sizeof(desc) - 1);
	desc[sizeof(desc) - 1] = '\0';
	page.name = name;
	page.all = true;
	memcpy(q.desc, desc, sizeof(desc));
	q.rule.proto = IPPROTO_UDPLITE;
	q.rule.remote = addr_of_text("2001:db8:99:1234:1234:1234:1234:1234");
	q.rule.remote_port = 65535;
	q.requester = addr_of_text("2001:db8:88:1234:1234:1234:1234:1235");
	put(map.pinholes, &q, 604799);
	open_port(ANN, 65535, desc);
	render_in(addr_of_text("2001:db8:88:1234:1234:1234:1234:1236"),
		  HTTPSOURCE_ROOM);
	assert_int_equal(count("&quot;"), 2 * (sizeof(name) - 1) +
			 2 * (sizeof(desc) - 1));
	HAS("UDPLITE 65535");
}

static void test_a_thousand_ports_are_complete(void **state)
{
	char row[64];

	page.all = true;
	for (unsigned i = 0; i < 1000; i++)
		open_port(i % 3 ? BOB : ANN, (uint16_t)(20000 + i), "a name");
	for (size_t room = HTTPSOURCE_ROOM; room <= HTTP_REPLY_MAX;
	     room *= 2) {
		render_in(addr_ip4(ANN), room);
		assert_int_equal(count("<tr><th scope=\"row\">"), 1000);
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(row, sizeof(row), "<th scope=\"row\">TCP %u</th>"
				 "%s", 20000 + i, i % 3 ?
				 "<td>192.168.88.11</td>" : "<td><bdi>");
			HAS(row);
		}
	}
	/* IPv4 needs one question to the kernel: who looks */
	assert_in_range(lookups, 1, 3);
}

/* The kernel is asked once about a host whose pinholes follow each other. */
static void test_few_questions_to_the_kernel(void **state)
{
	for (uint16_t port = 1; port <= 20; port++) {
		const struct pm_req q = pinhole("2001:db8:88::b", port);

		put(map.pinholes, &q, 60);
	}
	render("192.168.88.10");
	assert_int_equal(lookups, 2);
}

/* A piece has a bound, and is not empty before the end. */
static void test_a_piece_looks_at_few_mappings(void **state)
{
	for (unsigned i = 0; i < 1000; i++)
		open_port(BOB, (uint16_t)(20000 + i), "a name");
	render("192.168.88.10");
	assert_in_range(pieces, 1000 / STATUSPAGE_SCAN,
			1000 / STATUSPAGE_SCAN + 3);
	HAS("No port is open for your device.");
}

/* Mappings end while the page is read: all others are there, once. */
static void test_ports_end_while_the_page_is_written(void **state)
{
	const struct httpd_req q = { .peer = addr_ip4(ANN), .ifindex = LAN };
	struct httpsource source;
	struct httpd_reply r;
	size_t n = 0;
	char row[64];

	for (unsigned i = 0; i < 300; i++)
		open_port(ANN, (uint16_t)(20000 + i), "a name");
	statuspage_reply(&page, &q, now_ms, &source, &r);
	for (unsigned piece = 0;; piece++) {
		struct wr w = wr_init(text + n, HTTPSOURCE_ROOM + 1000);
		struct nat_rule key = req(ANN, (uint16_t)(20000 + 3 * piece)).rule;

		source.write(source.arg, source.at, source.left, &w);
		if (!w.len)
			break;
		n += w.len;
		key.int_port = key.ext_port;
		portmap_forget(map.pm, &key);
		key.ext_port = key.int_port = (uint16_t)(20299 - piece);
		portmap_forget(map.pm, &key);
	}
	text[n] = '\0';
	for (unsigned i = 0; i < 300; i++) {
		snprintf(row, sizeof(row), "TCP %u<", 20000 + i);
		assert_in_range(count(row), i < 250 && i % 3 ? 1 : 0, 1);
	}
}

/* ---- the reply ------------------------------------------------------- */

static void test_a_wrong_name_gets_a_link(void **state)
{
	struct httpends ends = { .url_addr = addr_ip4(ROUTER),
				 .local_port = 2828 };
	struct httpd_reply r = { .status = 403 };
	struct wr w = wr_init(text, sizeof(text));

	statuspage_misnamed(&page, &ends, &w, &r);
	wr_cstr(&w);
	assert_int_equal(r.body.n, w.len);
	assert_string_equal(r.content_type, STATUSHTML_TYPE);
	HAS("<h1><bdi>Home</bdi></h1>");
	HAS("<a href=\"http://192.168.88.1:2828/\">http://192.168.88.1:2828/"
	    "</a>");
	w.len = 0;
	ends.url_addr = addr_of_text("2001:db8:88::1");
	statuspage_misnamed(&page, &ends, &w, &r);
	wr_cstr(&w);
	HAS("href=\"http://[2001:db8:88::1]:2828/\"");
}

static void test_nothing_else_is_loaded_or_kept(void **state)
{
	const struct httpd_req q = { .peer = addr_ip4(ANN), .ifindex = LAN };
	struct httpsource source;
	struct httpd_reply r;

	statuspage_reply(&page, &q, now_ms, &source, &r);
	snprintf(text, sizeof(text), "%.*s", STR_F(r.extra));
	HAS("default-src 'none'");
	HAS("style-src 'sha256-");
	HAS("frame-ancestors 'none'");
	HAS("X-Content-Type-Options: nosniff\r\n");
	HAS("Cache-Control: no-store\r\n");
	LACKS("unsafe");
	assert_in_range(r.extra.n, 1, 512);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_empty_page),
		TEST(test_ports_of_the_viewer),
		TEST(test_the_operators_and_those_for_others),
		TEST(test_all_of_others),
		TEST(test_a_host_has_addresses_of_both_families),
		TEST(test_a_pinhole_of_a_former_address_of_the_host),
		TEST(test_ports_that_are_not_open),
		TEST(test_reasons_for_no_address),
		TEST(test_refusals_of_the_viewer),
		TEST(test_a_refusal_for_any_port),
		TEST(test_each_reason_has_a_text),
		TEST(test_any_bytes_of_refusals_do_no_harm),
		TEST(test_texts_are_escaped),
		TEST(test_names_become_no_html),
		TEST(test_the_longest_pieces_fit),
		TEST(test_a_thousand_ports_are_complete),
		TEST(test_few_questions_to_the_kernel),
		TEST(test_a_piece_looks_at_few_mappings),
		TEST(test_ports_end_while_the_page_is_written),
		TEST(test_a_wrong_name_gets_a_link),
		TEST(test_nothing_else_is_loaded_or_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
