/* SPDX-License-Identifier: ISC */
/*
 * fuzz_soap.c - SOAP calls on a gateway with a fake kernel.
 *
 * Input: requests, with RS (0x1e) between them. Each is a line that selects
 * URL, client, the kernel's result and the time that passes; a line with the
 * value of SOAPAction; the body. At the URL of pinholes, the line also selects
 * whether something drops IPv6, and what the neighbour table learns.
 *
 * Each client is a host with several addresses, of both families. One of them
 * is not in the neighbour table before it is asked for.
 *
 * Holds: exactly one reply to each request; a well-formed body (by xmltiny), in
 * ASCII; in secure mode a requester gets mappings and pinholes to its own host
 * only; packets are asked for one pinhole at a time; and the properties of
 * fuzz_igd.h about tables and kernel.
 */
#include <netinet/in.h>
#include "fuzz.h"
#include "fuzz_igd.h"
#include "igd/count.h"
#include "soap.h"
#include "xmltiny.h"

#define REQUESTS_MAX 32
#define HOSTS	3

static struct gateway gw;
static struct soap *soap;
static bool waits[REQUESTS_MAX];	/* for the answer */
static bool knows_all;			/* the neighbour table */
static bool resolves;			/* what it does not know */
static bool count_asked;

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

/* ---- hosts --------------------------------------------------------------- */

/* The addresses of host @n: what a request may come from, and LATE, which is
 * asked for first. */
enum { IP4, GLOBAL, LINK_LOCAL, SOURCES, LATE = SOURCES, ADDRS };

#define IFINDEX	2			/* of gw_init()'s networks */

static struct addr addr_of(unsigned n, unsigned which)
{
	static const uint8_t link[16] = { 0xfe, 0x80, [15] = 0x10 };
	struct addr a = addr_ip6(link);

	switch (which) {
	case IP4:
		return GW_CLIENT(n);
	case LINK_LOCAL:
		a.byte[15] = (uint8_t)(a.byte[15] + n);
		return a;
	default:
		return gw_lan6((uint8_t)((which == LATE ? 0x20 : 0x10) + n));
	}
}

/* Return: 1 + the host of this address; 0: it is nobody's, or not known yet */
static unsigned host_of(struct addr a)
{
	for (unsigned n = 0; n < HOSTS; n++)
		for (unsigned i = 0; i < (knows_all ? ADDRS : SOURCES); i++)
			if (addr_equal(a, addr_of(n, i)))
				return n + 1;
	return 0;
}

static bool is_late(struct addr a)
{
	bool late = false;

	for (unsigned n = 0; n < HOSTS; n++)
		late |= addr_equal(a, addr_of(n, LATE));
	return late;
}

static enum map_same same_host(void *arg, int ifindex, struct addr from,
			       struct addr client)
{
	CHECK(ifindex == IFINDEX && host_of(from));
	if (!knows_all && is_late(client))
		return resolves ? MAP_ASKED : MAP_OTHER;
	return host_of(from) == host_of(client) ? MAP_SAME : MAP_OTHER;
}

static bool host_link(void *arg, int ifindex, struct addr from,
		      struct addr *ret)
{
	const uint8_t link[6] = { 2, [5] = (uint8_t)host_of(from) };

	CHECK(ifindex == IFINDEX);
	*ret = addr_link(link, sizeof(link));
	return host_of(from) > 0;
}

static void on_stored(const struct pm_entry *e)
{
	CHECK(addr_equal(e->requester, e->rule.client) ||
	      host_of(e->requester) == host_of(e->rule.client));
}

/* ---- packets and timeouts ------------------------------------------------ */

static bool packets(void *arg, const struct nat_rule *r)
{
	CHECK(!count_asked && r->kind == NAT_PINHOLE && nat_rule_sane(r));
	count_asked = true;
	return true;
}

static uint32_t outbound_s(void *arg, uint8_t proto)
{
	CHECK(nat_rule_has_proto(NAT_PINHOLE, proto));
	return proto == IPPROTO_TCP ? 0 : proto;
}

static void answer_counts(enum nat_err err, uint64_t n)
{
	for (size_t i = 0; count_asked; i++) {
		CHECK(i <= REQUESTS_MAX);
		count_asked = false;
		count_done(&gw.igd, err, n);
	}
}

/* ---- requests ------------------------------------------------------------ */

static const char *const paths[] = {
	"/igd1/wanip/control", "/igd2/wanip/control", "/igd1/wancic/control",
	"/igd2/wancic/control", "/igd1/l3f/control", "/igd2/l3f/control",
	"/igd2/wanip6/control",
};
#define PATHS	(sizeof(paths) / sizeof(paths[0]))

/* '0' is the first, '1' the second, and so on. */
static unsigned choose(struct fuzz_plan *plan, unsigned n)
{
	return (unsigned)(fuzz_next(plan) + 256 - '0') % 256 % n;
}

/* What only a request for a pinhole chooses. */
static void choose_ip6(struct fuzz_plan *plan, struct soap_post *post)
{
	unsigned who = choose(plan, HOSTS * SOURCES);
	unsigned state = choose(plan, 8);

	post->client = addr_of(who % HOSTS, who / HOSTS);
	gw.igd.wan.firewall6 = state == 7 ? NAT_IP6_OPEN : state == 5 ?
			       NAT_IP6_NONE : NAT_IP6_CLOSED;
	knows_all |= state & 1;
	resolves = !(state & 4);
	if (state & 2)
		map_hosts_changed(&gw.map, gw.now_ms);
}

static bool call(struct str text, uint32_t token, struct fuzz_plan *plan)
{
	struct soap_post post = {
		.content_type = STR("text/xml; charset=\"utf-8\""),
		.local = GW_ROUTER, .ifindex = IFINDEX, .token = token,
		.now_ms = gw.now_ms,
	};
	unsigned path = choose(plan, PATHS);
	struct soap_reply reply = { 0, { NULL, 0 } };
	struct str copy;
	bool done;

	CHECK(model_resolve(str_z(paths[path]), &post.n, &post.svc) ==
	      IGD_CONTROL);
	post.client = GW_CLIENT(choose(plan, HOSTS));
	if (path == PATHS - 1)
		choose_ip6(plan, &post);
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
	if (what <= NAT_ENOADDR) {
		gw_settle(&gw, (enum nat_err)what);
		answer_counts((enum nat_err)what, gw.now_ms / 400000 - 2);
	}
	if (what == 7 && waits[token]) {
		soap_cancel(soap, token);
		waits[token] = false;
	}
	gw_pass(&gw, choose(&plan, 16) * 400000u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n }, text;
	struct map_ops map_ops = gw_map_ops;
	struct igd_ops ops = gw_ops;

	map_ops.same_host = same_host;
	map_ops.host = host_link;
	ops.packets = packets;
	ops.outbound_s = outbound_s;
	memset(waits, 0, sizeof(waits));
	knows_all = count_asked = false;
	gw_init(&gw);
	gw.stored = on_stored;
	gw.map.ops = &map_ops;
	gw.igd.ops = &ops;
	if (!soap)	/* large; unchanged if no request waits */
		soap = soap_new(NULL, &gw.igd, on_answer, NULL);
	for (uint32_t token = 0; token < REQUESTS_MAX; token++)
		if (str_cut(&in, 0x1e, &text))
			request(text, token);
	knows_all = true;
	map_hosts_changed(&gw.map, gw.now_ms);
	gw_settle(&gw, NAT_OK);
	answer_counts(NAT_OK, UINT64_MAX);
	for (uint32_t token = 0; token < REQUESTS_MAX; token++)
		CHECK(!waits[token]);
	gw_check(&gw);
	gw_done(&gw);
	return 0;
}
