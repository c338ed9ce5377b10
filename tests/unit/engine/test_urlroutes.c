/* SPDX-License-Identifier: ISC */
/*
 * test_urlroutes.c - each URL leads to its document, action or subscription,
 * and each device and service can be searched for. The HTTP server, SOAP and
 * GENA are fakes in this file; the model and the documents are real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "engine/urlroutes.h"
#include "gena/gena.h"
#include "soap.h"

#define CLIENT	0xc0a8580au	/* 192.168.88.10 */
#define LAN0	0xc0a85801u
#define LAN1	0x0a000001u
#define BOTH	6u
#define WANIP	"/igd1/wanip"

/* ---- the HTTP server ------------------------------------------------- */

static char some_httpd;
#define HTTPD	((struct httpd *)(void *)&some_httpd)

static struct httpd_routes routes;
static struct {
	uint32_t id;
	int status;
	const char *type;
	char extra[64];
	char body[HTTP_REPLY_MAX];
	size_t body_n;
	bool page;
	unsigned n;
} replied;

struct httpd *httpd_new(struct loop *loop, const struct httpd_routes *r,
			const struct httpd_config *config)
{
	assert_string_equal(config->server, "a server");
	routes = *r;
	return HTTPD;
}

void httpd_free(struct httpd *h)
{
}

uint16_t httpd_port(const struct httpd *h)
{
	assert_ptr_equal(h, HTTPD);
	return 2828;
}

void httpd_reply(struct httpd *h, uint32_t id, const struct httpd_reply *r)
{
	assert_ptr_equal(h, HTTPD);
	replied.n++;
	replied.id = id;
	replied.status = r->status;
	replied.type = r->content_type;
	snprintf(replied.extra, sizeof(replied.extra), "%.*s",
		 STR_F(r->extra));
	assert_in_range(r->body.n, 0, sizeof(replied.body) - 1);
	memcpy(replied.body, r->body.n ? r->body.p : "", r->body.n);
	replied.body[r->body.n] = '\0';
	replied.body_n = r->body.n;
	replied.page = r->source != NULL;
}

/* ---- the status page ------------------------------------------------- */

static const struct statuspage page;

void statuspage_reply(const struct statuspage *p, const struct httpd_req *q,
		      uint64_t now_ms, struct httpsource *ret_source,
		      struct httpd_reply *ret)
{
	assert_ptr_equal(p, &page);
	assert_int_equal(now_ms, 4711);
	*ret = (struct httpd_reply){ .status = 200, .source = ret_source };
}

void statuspage_misnamed(const struct statuspage *p,
			 const struct httpends *ends, struct wr *w,
			 struct httpd_reply *ret)
{
	assert_ptr_equal(p, &page);
	assert_int_equal(ends->local_port, 2828);
	wr_z(w, "elsewhere");
	ret->body = wr_done(w);
}

/* ---- SOAP ------------------------------------------------------------ */

static char some_soap;
#define SOAP	((struct soap *)(void *)&some_soap)

static struct {
	void (*answer)(void *arg, uint32_t token, const struct soap_reply *);
	void *arg;
	struct soap_post post;
	bool waits;
	struct soap_reply reply;
	uint32_t cancelled;
} soap;

struct soap *soap_new(struct loop *l, struct igd *igd_,
		      void (*answer)(void *arg, uint32_t token,
				     const struct soap_reply *),
		      void *arg)
{
	soap.answer = answer;
	soap.arg = arg;
	return SOAP;
}

void soap_free(struct soap *s)
{
}

bool soap_post(struct soap *s, const struct soap_post *p,
	       struct soap_reply *ret)
{
	soap.post = *p;
	*ret = soap.reply;
	return !soap.waits;
}

void soap_cancel(struct soap *s, uint32_t token)
{
	soap.cancelled = token;
}

/* ---- GENA ------------------------------------------------------------ */

static char some_gena;
#define GENA	((struct gena *)(void *)&some_gena)

static struct gena_request asked;
static unsigned dirty;

struct gena *gena_new(struct loop *loop, const struct gena_config *c)
{
	return GENA;
}

void gena_free(struct gena *g)
{
}

void gena_handle(struct gena *g, const struct gena_request *a,
	      struct gena_reply *ret)
{
	asked = *a;
	*ret = (struct gena_reply){ 200, STR("SID: uuid:1\r\n") };
}

void gena_mark_dirty(struct gena *g)
{
	assert_ptr_equal(g, GENA);
	dirty++;
}

size_t gena_count(const struct gena *g)
{
	return 17;
}

/* ---- the module under test ------------------------------------------- */

static struct refused refusal;

static void on_refused(void *arg, const struct refused *r)
{
	refusal = *r;
}

static const struct map_ops map_ops = { .refused = on_refused };
static struct map map = { .ops = &map_ops };
static struct igd igd = { .map = &map };
static struct desc_info desc;
static struct loop *loop;
static struct urlroutes *r;

static uint64_t fake_clock(void)
{
	return 4711;
}

static int64_t wall_s(void)
{
	return 0;
}

/* Test an instance with these roots. It is never freed. */
static void use_roots(unsigned versions)
{
	static struct urlroutes *made[BOTH + 1];
	const struct urlroutes_config c = {
		&desc, &igd, versions, "a server", wall_s,
	};

	if (!made[versions])
		made[versions] = urlroutes_new(loop, &c);
	r = made[versions];
	assert_non_null(r);
	routes.arg = soap.arg = r;
}

/* Test an instance with a status page, which is the last that is made. */
static void use_page(void)
{
	const struct urlroutes_config c = {
		&desc, &igd, BOTH, "a server", wall_s, &page,
	};

	r = urlroutes_new(loop, &c);
	assert_non_null(r);
	assert_ptr_equal(routes.arg, r);
}

static int make_loop(void **state)
{
	static const uint8_t uuid[16] = { 1, 2, 3 };

	desc.friendly_name = "a gateway";
	desc_udns(uuid, &desc);
	loop = loop_new(1, fake_clock);
	return loop ? 0 : -1;
}

static int free_loop(void **state)
{
	loop_free(loop);
	return 0;
}

static int set_up(void **state)
{
	use_roots(BOTH);
	memset(&replied, 0, sizeof(replied));
	soap.waits = false;
	dirty = 0;
	return 0;
}

static unsigned methods(const char *path)
{
	return routes.methods(routes.arg, str_z(path));
}

static void serve(enum http_method method, const char *path, uint32_t id)
{
	static struct httpmsg head;
	static const char text[] =
		"POST / HTTP/1.1\r\nSOAPAction: \"what#todo\"\r\n"
		"Content-Type: text/xml\r\n"
		"Accept-Language: de\r\n\r\n";
	const struct httpd_req req = {
		.method = method, .path = str_z(path), .head = &head,
		.body = STR("a body"), .peer = addr_ip4(CLIENT),
		.local = addr_ip4(LAN0), .ifindex = 5,
		.id = id,
	};

	assert_true(httpmsg_parse(text, sizeof(text) - 1, &head) > 0);
	routes.serve(routes.arg, &req);
}

/* ---- methods --------------------------------------------------- */

static void test_each_url_has_its_methods(void **state)
{
	assert_int_equal(methods("/igd1.xml"), HTTP_GET);
	assert_int_equal(methods("/igd2.xml"), HTTP_GET);
	assert_int_equal(methods(WANIP ".xml"), HTTP_GET);
	assert_int_equal(methods(WANIP "/control"), HTTP_POST);
	assert_int_equal(methods("/igd2/wanip/control"), HTTP_POST);
	assert_int_equal(methods(WANIP "/event"),
			 HTTP_SUBSCRIBE | HTTP_UNSUBSCRIBE | HTTP_POST);
	assert_int_equal(methods("/"), 0);
	assert_int_equal(methods("/igd3.xml"), 0);
	assert_int_equal(methods(WANIP), 0);
	assert_int_equal(methods("/igd1/none/control"), 0);
}

static void test_a_root_that_is_off_has_no_urls(void **state)
{
	use_roots(1u << 1);
	assert_int_equal(methods("/igd1.xml"), HTTP_GET);
	assert_int_equal(methods("/igd2.xml"), 0);
	assert_int_equal(methods("/igd2/wanip/control"), 0);
	use_roots(1u << 2);
	assert_int_equal(methods("/igd1.xml"), 0);
	assert_int_equal(methods(WANIP "/event"), 0);
	assert_int_equal(methods("/igd2.xml"), HTTP_GET);
}

/* ---- documents ------------------------------------------------------- */

static void test_a_description_is_served(void **state)
{
	serve(HTTP_GET, "/igd1.xml", 7);
	assert_int_equal(replied.id, 7);
	assert_int_equal(replied.status, 200);
	assert_string_equal(replied.type, "text/xml; charset=\"utf-8\"");
	assert_non_null(strstr(replied.body, "InternetGatewayDevice:1"));
	assert_non_null(strstr(replied.body, "a gateway"));
	serve(HTTP_GET, "/igd2.xml", 8);
	assert_non_null(strstr(replied.body, "InternetGatewayDevice:2"));
}

static void test_the_description_of_a_service_is_served(void **state)
{
	serve(HTTP_GET, WANIP ".xml", 7);
	assert_int_equal(replied.status, 200);
	assert_non_null(strstr(replied.body, "<scpd "));
	assert_null(strstr(replied.body, "AddAnyPortMapping"));
	serve(HTTP_GET, "/igd2/wanip.xml", 7);
	assert_non_null(strstr(replied.body, "AddAnyPortMapping"));
	serve(HTTP_GET, "/igd2/l3f.xml", 7);
	assert_non_null(strstr(replied.body, "DefaultConnectionService"));
	assert_null(strstr(replied.body, "AddAnyPortMapping"));
}

static void get_at(uint32_t local_ip, const char *path)
{
	static struct httpmsg head;
	const struct httpd_req req = {
		.method = HTTP_GET, .path = str_z(path), .head = &head,
		.local = addr_of_text("fe80::1"), .url_addr = addr_ip4(local_ip),
	};

	routes.serve(routes.arg, &req);
	assert_int_equal(replied.status, 200);
}

/* UDA 1.1 2.11: the language is told to clients that ask for one. */
static void test_a_description_has_a_language_if_asked(void **state)
{
	serve(HTTP_GET, "/igd1.xml", 7);
	assert_string_equal(replied.extra, "Content-Language: en\r\n");
	get_at(LAN0, "/igd1.xml");
	assert_string_equal(replied.extra, "");
}

/* presentationURL names the router as the client knows it. */
static void test_a_description_has_the_address_of_the_request(void **state)
{
	get_at(LAN0, "/igd1.xml");
	assert_non_null(strstr(replied.body, "192.168.88.1"));
	get_at(LAN1, "/igd1.xml");
	assert_non_null(strstr(replied.body, "10.0.0.1"));
	assert_null(strstr(replied.body, "192.168.88.1"));
}

static void assert_services_are_sent(unsigned n, const struct igd_device *dev)
{
	static char want[HTTP_REPLY_MAX];
	char path[64];

	for (size_t i = 0; i < model_service_n(dev, n); i++) {
		struct wr w = wr_init(want, sizeof(want));

		snprintf(path, sizeof(path), "/igd%u/%s.xml", n,
			 dev->service[i]->path);
		desc_scpd(&w, &desc, dev->service[i], n);
		get_at(LAN1, path);
		assert_string_equal(replied.body, wr_cstr(&w));
	}
}

/* The bytes from which the CONFIGID was made. */
static void test_a_document_is_sent_as_it_was_written(void **state)
{
	static char want[HTTP_REPLY_MAX];

	for (unsigned n = 1; n <= 2; n++) {
		struct wr w = wr_init(want, sizeof(want));

		desc_root(&w, &desc, n, addr_ip4(LAN0), 2828);
		get_at(LAN0, n == 1 ? "/igd1.xml" : "/igd2.xml");
		assert_string_equal(replied.body, wr_cstr(&w));
		for (size_t d = 0; d < IGD_DEVICES; d++)
			assert_services_are_sent(n, &igd_device[d]);
	}
}

static void test_an_unknown_url_is_404(void **state)
{
	serve(HTTP_GET, "/favicon.ico", 9);
	assert_int_equal(replied.id, 9);
	assert_int_equal(replied.status, 404);
	assert_int_equal(replied.body_n, 0);
}

/* ---- actions --------------------------------------------------------- */

static void test_an_action_is_passed_to_soap(void **state)
{
	soap.reply = (struct soap_reply){ 200, STR("<ok/>") };
	serve(HTTP_POST, "/igd2/wanip/control", 21);
	assert_string_equal(soap.post.svc->name, "WANIPConnection");
	assert_int_equal(soap.post.n, 2);
	assert_true(str_eq(soap.post.soap_action, STR("\"what#todo\"")));
	assert_true(str_eq(soap.post.content_type, STR("text/xml")));
	assert_true(str_eq(soap.post.body, STR("a body")));
	assert_ip(soap.post.client, CLIENT);
	assert_ip(soap.post.local, LAN0);
	assert_int_equal(soap.post.ifindex, 5);
	assert_int_equal(soap.post.token, 21);
	assert_int_equal(soap.post.now_ms, 4711);
	assert_int_equal(replied.id, 21);
	assert_int_equal(replied.status, 200);
	assert_string_equal(replied.body, "<ok/>");
	assert_string_equal(replied.type, "text/xml; charset=\"utf-8\"");
	assert_int_equal(dirty, 1);	/* the action may have changed one */
}

/* KTorrent posts to the event URL if that begins with a slash. */
static void test_an_action_may_be_posted_to_the_event_url(void **state)
{
	soap.reply = (struct soap_reply){ 200, STR("<ok/>") };
	serve(HTTP_POST, "/igd2/wanip/event", 22);
	assert_int_equal(soap.post.token, 22);
	assert_int_equal(soap.post.n, 2);
	assert_string_equal(replied.body, "<ok/>");
}

static void test_an_empty_reply_has_no_type(void **state)
{
	soap.reply = (struct soap_reply){ 415, STR("") };
	serve(HTTP_POST, WANIP "/control", 21);
	assert_int_equal(replied.status, 415);
	assert_null(replied.type);
}

static void test_an_action_may_be_answered_later(void **state)
{
	const struct soap_reply late = { 500, STR("<fault/>") };

	soap.waits = true;
	serve(HTTP_POST, WANIP "/control", 33);
	assert_int_equal(replied.n, 0);
	assert_int_equal(dirty, 0);
	soap.answer(soap.arg, 33, &late);
	assert_int_equal(replied.n, 1);
	assert_int_equal(replied.id, 33);
	assert_int_equal(replied.status, 500);
	assert_string_equal(replied.body, "<fault/>");
	assert_int_equal(dirty, 1);
}

static void test_an_aborted_request_is_cancelled(void **state)
{
	routes.aborted(routes.arg, 34);
	assert_int_equal(soap.cancelled, 34);
}

/* ---- events ---------------------------------------------------------- */

static void test_a_subscription_is_passed_to_gena(void **state)
{
	serve(HTTP_SUBSCRIBE, "/igd2/wanip/event", 41);
	assert_true(asked.subscribe);
	assert_string_equal(asked.svc->name, "WANIPConnection");
	assert_int_equal(asked.n, 2);
	assert_ip(asked.peer, CLIENT);
	assert_ip(asked.local, LAN0);
	assert_int_equal(asked.ifindex, 5);
	assert_non_null(asked.head);
	assert_int_equal(replied.id, 41);
	assert_int_equal(replied.status, 200);
	assert_string_equal(replied.extra, "SID: uuid:1\r\n");
	serve(HTTP_UNSUBSCRIBE, WANIP "/event", 42);
	assert_false(asked.subscribe);
	assert_int_equal(asked.n, 1);
}

static void test_event_calls_are_passed_to_gena(void **state)
{
	urlroutes_mark_dirty(r);
	assert_int_equal(dirty, 1);
	assert_int_equal(urlroutes_subscribers(r), 17);
	assert_ptr_equal(urlroutes_httpd(r), HTTPD);
}

/* ---- refusals -------------------------------------------------------- */

static void test_a_refusal_of_the_server_has_its_reason(void **state)
{
	routes.refused(routes.arg, addr_ip4(CLIENT), 403);
	assert_int_equal(refusal.why, REFUSAL_HOST);
	assert_ip(refusal.client, CLIENT);
	routes.refused(routes.arg, addr_ip4(CLIENT + 1), 503);
	assert_int_equal(refusal.why, REFUSAL_CONNECTIONS);
	assert_ip(refusal.client, CLIENT + 1);
	routes.refused(routes.arg, addr_ip4(CLIENT + 2), 0);
	assert_int_equal(refusal.why, REFUSAL_OUTSIDE);
	assert_ip(refusal.client, CLIENT + 2);
}

/* ---- targets --------------------------------------------------------- */

static unsigned count(const struct ssdp_target *t, size_t n, const char *nt,
		      unsigned version, const char *path)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		found += !strcmp(t[i].nt, nt) && t[i].version == version &&
			 !strcmp(t[i].path, path);
	return found;
}

#define URN(name) "urn:schemas-upnp-org:" name ":"

/* UDA 1.1 1.2.2: 3 + 2d + k targets, for d embedded devices and k services. */
static void test_both_roots_can_be_searched_for(void **state)
{
	struct ssdp_target t[SSDP_TARGETS_MAX];
	size_t n = urlroutes_targets(r, t), k = 0;

	for (size_t d = 0; d < IGD_DEVICES; d++)
		k += model_service_n(&igd_device[d], 1) +
		     model_service_n(&igd_device[d], 2);
	assert_int_equal(n, 2 * (3 + 2 * (IGD_DEVICES - 1)) + k);
	assert_int_equal(n, 10 + 11);
	for (unsigned v = 1; v <= 2; v++) {
		const char *path = v == 1 ? "/igd1.xml" : "/igd2.xml";

		assert_int_equal(count(t, n, "upnp:rootdevice", 0, path), 1);
		for (size_t d = 0; d < IGD_DEVICES; d++)
			assert_int_equal(count(t, n, desc.udn[v][d], 0, path),
					 1);
		assert_int_equal(count(t, n, URN("device:"
						 "InternetGatewayDevice"), v,
				       path), 1);
		assert_int_equal(count(t, n, URN("device:WANDevice"), v, path),
				 1);
		assert_int_equal(count(t, n, URN("service:WANIPConnection"), v,
				       path), 1);
		/* has no version 2 */
		assert_int_equal(count(t, n, URN("service:"
						 "WANCommonInterfaceConfig"), 1,
				       path), 1);
	}
	assert_int_equal(count(t, n, URN("service:WANCommonInterfaceConfig"), 2,
			       "/igd2.xml"), 0);
	assert_int_equal(count(t, n, URN("service:WANIPv6FirewallControl"), 1,
			       "/igd2.xml"), 1);
	assert_int_equal(count(t, n, URN("service:WANIPv6FirewallControl"), 1,
			       "/igd1.xml"), 0);
}

static void test_a_target_has_the_udn_of_its_device(void **state)
{
	struct ssdp_target t[SSDP_TARGETS_MAX];
	size_t n = urlroutes_targets(r, t);
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned v = strcmp(t[i].path, "/igd1.xml") ? 2 : 1;

		if (!strcmp(t[i].nt, "upnp:rootdevice"))
			assert_string_equal(t[i].udn, desc.udn[v][0]);
		else if (!strcmp(t[i].nt, URN("service:WANIPConnection")))
			assert_string_equal(t[i].udn, desc.udn[v][2]);
		else
			continue;
		found++;
	}
	assert_int_equal(found, 4);
}

static void test_a_root_that_is_off_cannot_be_searched_for(void **state)
{
	struct ssdp_target t[SSDP_TARGETS_MAX];
	size_t n;

	use_roots(1u << 2);
	n = urlroutes_targets(r, t);
	assert_int_equal(n, 11);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(t[i].path, "/igd2.xml");
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

/* ---- the status page ------------------------------------------------- */

static void test_without_a_page_its_url_is_404(void **state)
{
	use_roots(BOTH);
	assert_int_equal(routes.methods(r, STR("/")), 0);
	assert_null(routes.misnamed);
	serve(HTTP_GET, "/", 11);
	assert_int_equal(replied.status, 404);
}

static void test_the_page_is_served(void **state)
{
	const struct httpends ends = { .local_port = 2828 };
	struct httpd_reply reply = { .status = 403 };

	use_page();
	assert_int_equal(routes.methods(r, STR("/")), HTTP_GET);
	assert_int_equal(routes.methods(r, STR("/x")), 0);
	serve(HTTP_GET, "/", 12);
	assert_int_equal(replied.id, 12);
	assert_int_equal(replied.status, 200);
	assert_true(replied.page);
	serve(HTTP_GET, "/igd1.xml", 13);
	assert_false(replied.page);
	routes.misnamed(r, &ends, &reply);
	assert_int_equal(reply.status, 403);
	assert_true(str_eq(reply.body, STR("elsewhere")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_url_has_its_methods),
		TEST(test_a_root_that_is_off_has_no_urls),
		TEST(test_a_description_is_served),
		TEST(test_the_description_of_a_service_is_served),
		TEST(test_a_description_has_the_address_of_the_request),
		TEST(test_a_document_is_sent_as_it_was_written),
		TEST(test_an_unknown_url_is_404),
		TEST(test_an_action_is_passed_to_soap),
		TEST(test_an_action_may_be_posted_to_the_event_url),
		TEST(test_a_description_has_a_language_if_asked),
		TEST(test_an_empty_reply_has_no_type),
		TEST(test_an_action_may_be_answered_later),
		TEST(test_an_aborted_request_is_cancelled),
		TEST(test_a_subscription_is_passed_to_gena),
		TEST(test_event_calls_are_passed_to_gena),
		TEST(test_a_refusal_of_the_server_has_its_reason),
		TEST(test_both_roots_can_be_searched_for),
		TEST(test_a_target_has_the_udn_of_its_device),
		TEST(test_a_root_that_is_off_cannot_be_searched_for),
		cmocka_unit_test(test_without_a_page_its_url_is_404),
		cmocka_unit_test(test_the_page_is_served),
	};

	return cmocka_run_group_tests(tests, make_loop, free_loop);
}
