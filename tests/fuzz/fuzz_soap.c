/* SPDX-License-Identifier: ISC */
/*
 * fuzz_soap.c - SOAP calls on a gateway with a fake kernel.
 *
 * Input: requests, with RS (0x1e) between them. Each is a line that selects
 * URL, client, the kernel's result and the time that passes; a line with the
 * value of SOAPAction; the body.
 *
 * Holds: exactly one reply to each request; a well-formed body (by xmltiny), in
 * ASCII; in secure mode a requester gets mappings to itself only; and the
 * properties of fuzz_igd.h about table and kernel.
 */
#include "fuzz.h"
#include "fuzz_igd.h"
#include "soap.h"
#include "xmltiny.h"

#define REQUESTS_MAX 32

static struct gateway gw;
static struct soap *soap;
static bool waits[REQUESTS_MAX];	/* for the answer */
static struct addr requester[REQUESTS_MAX];

/* ---- replies ------------------------------------------------------------- */

/* A list of mappings is a document inside CDATA. */
static void check_xml(struct str doc)
{
	enum xml_token t;
	struct xml x;

	xmltiny_init(&x, doc);
	do {
		t = xmltiny_next(&x);
		CHECK(t != XML_ERR);
		if (t == XML_TEXT && x.cdata)
			check_xml(x.text);
	} while (t != XML_END);
}

static void check_text(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		CHECK((text.p[i] >= ' ' && text.p[i] <= '~') ||
		      text.p[i] == '\r' || text.p[i] == '\n');
	check_xml(text);
}

/* Write a reply with a list in pieces, as the server does. */
static void check_source(struct httpsource s)
{
	static char text[1 << 20];
	struct wr w = wr_init(text, sizeof(text));
	size_t at;

	while (s.left) {
		struct wr piece = wr_init(text + w.len, HTTPSOURCE_ROOM);

		CHECK(w.len + HTTPSOURCE_ROOM <= sizeof(text));
		s.write(s.arg, s.at, s.left, &piece);
		at = piece.len;
		CHECK(!piece.over && at && at <= s.left);
		s.left -= at;
		w.len += at;
	}
	check_text(wr_done(&w));
}

static void check_reply(const struct soap_reply *r)
{
	if (r->source) {
		CHECK(r->status == 200 && !r->body.n);
		check_source(*r->source);
		return;
	}
	switch (r->status) {
	case 200:
	case 500:
		CHECK(r->body.n);
		break;
	case 400:
	case 415:
	case 503:
		CHECK(!r->body.n);
		return;
	default:
		CHECK(!"a status that is known");
	}
	check_text(r->body);
}

static void on_answer(void *arg, uint32_t token, const struct soap_reply *r)
{
	CHECK(token < REQUESTS_MAX && waits[token]);
	waits[token] = false;
	check_reply(r);
}

static void on_stored(const struct pm_entry *e)
{
	CHECK(addr_equal(e->requester, e->rule.client));
}

/* ---- requests ------------------------------------------------------------ */

static const char *const paths[] = {
	"/igd1/wanip/control", "/igd2/wanip/control", "/igd1/wancic/control",
	"/igd2/wancic/control", "/igd1/l3f/control", "/igd2/l3f/control",
};

/* '0' is the first, '1' the second, and so on. */
static unsigned choose(struct fuzz_plan *plan, unsigned n)
{
	return (unsigned)(fuzz_next(plan) + 256 - '0') % 256 % n;
}

static bool call(struct str text, uint32_t token, struct fuzz_plan *plan)
{
	struct soap_post post = {
		.content_type = STR("text/xml; charset=\"utf-8\""),
		.local = GW_ROUTER, .token = token, .now_ms = gw.now_ms,
	};
	const char *path = paths[choose(plan, 6)];
	struct soap_reply reply = { 0, { NULL, 0 } };
	struct str copy;
	bool done;

	CHECK(model_resolve(str_z(path), &post.n, &post.svc) == IGD_CONTROL);
	post.client = requester[token] = GW_CLIENT(choose(plan, 3));
	str_cut(&text, '\n', &post.soap_action);
	copy = post.body = fuzz_blow_up(text, HTTP_BODY_MAX);
	done = soap_post(soap, &post, &reply);
	fuzz_free(copy);
	if (done)
		check_reply(&reply);
	else
		CHECK(!reply.status);
	return done;
}

static void request(struct str text, uint32_t token)
{
	struct fuzz_plan plan = fuzz_plan(&text);
	unsigned what;

	waits[token] = true;
	if (call(text, token, &plan))
		waits[token] = false;
	what = choose(&plan, 8);
	if (what <= NAT_ENOADDR)
		gw_settle(&gw, (enum nat_err)what);
	if (what == 7 && waits[token]) {
		soap_cancel(soap, token);
		waits[token] = false;
	}
	gw_pass(&gw, choose(&plan, 16) * 400000u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n }, text;

	memset(waits, 0, sizeof(waits));
	gw_init(&gw);
	gw.stored = on_stored;
	if (!soap)	/* large; unchanged if no request waits */
		soap = soap_new(NULL, &gw.igd, on_answer, NULL);
	for (uint32_t token = 0; token < REQUESTS_MAX; token++)
		if (str_cut(&in, 0x1e, &text))
			request(text, token);
	gw_settle(&gw, NAT_OK);
	for (uint32_t token = 0; token < REQUESTS_MAX; token++)
		CHECK(!waits[token]);
	gw_check(&gw);
	gw_done(&gw);
	return 0;
}
