/* SPDX-License-Identifier: ISC */
/*
 * test_soap.c - each request gets exactly one well-formed reply, a body that is
 * not whole runs no action, and arguments are checked before an action sees
 * them. Each request ends at a page without access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/wr.h"
#include "igd/upnp_err.h"
#include "igd/link.h"
#include "soap.h"
#include "xmltiny.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define UUID "uuid:00112233-4455-6677-8899-aabbccddeeff"

#define WANIP_URN "urn:schemas-upnp-org:service:WANIPConnection:1"
#define WANIP "/igd1/wanip/control"
#define XML "text/xml; charset=\"utf-8\""

enum { ROUTER = IP(192, 168, 88, 1), ANN = IP(192, 168, 88, 10),
       WAN_IP = IP(203, 0, 113, 7), GUARDED = 16 * 4096 };

/* ---- writing requests ---------------------------------------------- */

#define HEAD "<?xml version=\"1.0\"?>\r\n" \
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" " \
	"s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">" \
	"<s:Body>"
#define TAIL "</s:Body></s:Envelope>\r\n"
#define ACTION(name, args) HEAD "<u:" name " xmlns:u=\"" WANIP_URN "\">" args \
	"</u:" name ">" TAIL
#define ADD "AddPortMapping"
#define CONTROL "urn:schemas-upnp-org:control-1-0"
#define QUERY(var) HEAD "<u:QueryStateVariable xmlns:u=\"" CONTROL "\">" \
	"<u:varName>" var "</u:varName></u:QueryStateVariable>" TAIL

static const char get_ip[] = ACTION("GetExternalIPAddress", "");

/* ---- fakes --------------------------------------------------------- */

struct world {
	struct map map;
	struct igd igd;
	struct portmap *pm;
	struct soap *soap;
	struct loop *loop;
	char *guarded;
	enum nat_err nat;	/* the kernel's answer */
	bool link_asked;
	/* the last reply, and the number of late ones */
	int status;
	char body[2097152];
	size_t piece_max;	/* of a reply with a list */
	void (*between_pieces)(struct world *);
	unsigned late;
	uint32_t token;
	bool ask_again;		/* from within the answer */
};

static bool op_counters(void *arg, struct igd_counters *ret)
{
	*ret = (struct igd_counters){ 1, 2, 3, 0x100000004 };
	return true;
}

static bool op_link(void *arg, bool up)
{
	((struct world *)arg)->link_asked = true;
	return true;
}

static void op_wake(void *arg)
{
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	assert_true(nat_rule_sane(&e->rule));
}

static void op_gone(void *arg, const struct nat_rule *r)
{
}

static void op_refused(void *arg, const struct refused *r)
{
}

static uint32_t op_rnd(void *arg)
{
	return 0;
}

static uint64_t fake_clock(void)
{
	return 1;
}

static const struct igd_ops ops = { op_counters, op_link };

static const struct map_ops map_ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd,
};

/* Write a reply with a list in pieces, as the server does. */
static void keep_source(struct world *w, struct httpsource s)
{
	size_t n = 0, length = s.left;

	assert_true(length < sizeof(w->body));
	while (s.left) {
		struct wr piece = wr_init(w->body + n, w->piece_max ?
					  w->piece_max : 25600);

		s.write(s.arg, s.at, s.left, &piece);
		assert_false(piece.over);
		assert_in_range(piece.len, 1, s.left);
		s.left -= piece.len;
		n += piece.len;
		if (w->between_pieces)
			w->between_pieces(w);
	}
	assert_int_equal(n, length);
	w->body[n] = '\0';
}

static void keep(struct world *w, const struct soap_reply *r)
{
	w->status = r->status;
	if (r->source) {
		assert_int_equal(r->body.n, 0);
		keep_source(w, *r->source);
		return;
	}
	assert_true(str_copy(w->body, sizeof(w->body), r->body));
}

static int post_as(struct world *w, uint32_t token, const char *path,
		   const char *soap_action, struct str body);

static void on_answer(void *arg, uint32_t token, const struct soap_reply *r)
{
	struct world *w = arg;

	w->late++;
	w->token = token;
	keep(w, r);
	if (w->ask_again) {
		w->ask_again = false;
		post_as(w, token, WANIP, WANIP_URN "#GetExternalIPAddress",
			str_z(get_ip));
	}
}

static char *guard_new(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, GUARDED + page, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p, GUARDED, PROT_READ | PROT_WRITE), 0);
	return p;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->guarded = guard_new();
	w->pm = portmap_new(4, 4);
	w->igd = (struct igd){
		.allow_link = true,
		.ops = &ops,
		.ops_arg = w,
		.wan_uuid = { NULL, UUID, UUID },
		.wan = { .link_up = true, .admin_up = true },
	};
	w->map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &map_ops, .ops_arg = w,
		.ext = addr_ip4(WAN_IP),
	};
	w->map.policy.net[0] = (struct netif_addr){ 2, "", { addr_ip4(ROUTER),
							     24 } };
	w->map.policy.net_n = 1;
	map_init(&w->map, w->pm);
	igd_init(&w->igd, &w->map);
	w->loop = loop_new(1, fake_clock);
	assert_non_null(w->loop);
	w->soap = soap_new(w->loop, &w->igd, on_answer, w);
	assert_non_null(w->soap);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	soap_free(w->soap);
	loop_free(w->loop);
	portmap_free(w->pm);
	munmap(w->guarded, GUARDED + (size_t)sysconf(_SC_PAGESIZE));
	free(w);
	return 0;
}

/* ---- sending ------------------------------------------------------- */

/* Copy @s to the end of a page, before the page without access. */
static struct str at_end(struct world *w, struct str s)
{
	assert_true(s.n <= GUARDED);
	return (struct str){ memmove(w->guarded + GUARDED - s.n, s.p, s.n),
			     s.n };
}

static bool send_post(struct world *w, struct soap_post *post,
		      const char *path)
{
	struct soap_reply reply = { 0, { NULL, 0 } };

	w->status = 0;
	w->body[0] = '\0';
	assert_int_equal(model_resolve(str_z(path), &post->n, &post->svc),
			 IGD_CONTROL);
	post->client = addr_ip4(ANN);
	post->local = addr_ip4(ROUTER);
	post->now_ms = 1000000;
	if (!soap_post(w->soap, post, &reply)) {
		assert_int_equal(reply.status, 0);
		return false;
	}
	keep(w, &reply);
	return true;
}

/* Return: the status, 0 if the answer comes later */
static int post_as(struct world *w, uint32_t token, const char *path,
		   const char *soap_action, struct str body)
{
	struct soap_post post = {
		.soap_action = str_z(soap_action),
		.content_type = STR(XML),
		.body = at_end(w, body),
		.token = token,
	};

	return send_post(w, &post, path) ? w->status : 0;
}

/* Answer all operations for the kernel. */
static void pump(struct world *w)
{
	struct nat_op op;
	struct nat_op_id id;

	while (portmap_next_op(w->pm, &op, &id)) {
		assert_true(nat_rule_sane(&op.rule));
		map_answer(&w->map, id, w->nat, 1000000);
	}
}

/* Post, and wait for a late answer. */
static int post(struct world *w, const char *soap_action, const char *body)
{
	if (!post_as(w, 1, WANIP, soap_action, str_z(body)))
		pump(w);
	return w->status;
}

static int fault_code(const struct world *w)
{
	const char *p = strstr(w->body, "<errorCode>");

	if (w->status != 500 || !p)
		return -w->status;
	return (int)strtol(p + strlen("<errorCode>"), NULL, 10);
}

/* ---- AddPortMapping ------------------------------------------------ */

/* NULL: leave the argument out. */
static const char *const add_names[] = {
	"NewRemoteHost", "NewExternalPort", "NewProtocol", "NewInternalPort",
	"NewInternalClient", "NewEnabled", "NewPortMappingDescription",
	"NewLeaseDuration",
};
enum { REMOTE, EXT_PORT, PROTO, INT_PORT, CLIENT, ENABLED, DESC, LEASE, ADD_N };

struct add {
	const char *value[ADD_N];
};

static const struct add plain = { { "", "5000", "TCP", "5001",
				    "192.168.88.10", "1", "game", "0" } };

static const char *add_body(const struct add *a, char buf[16384])
{
	struct wr w = wr_init(buf, 16384);
	size_t i;

	wr_z(&w, HEAD "<u:" ADD " xmlns:u=\"" WANIP_URN "\">");
	for (i = 0; i < ADD_N; i++)
		if (a->value[i])
			wr_fmt(&w, "<%s>%s</%s>", add_names[i], a->value[i],
			       add_names[i]);
	wr_z(&w, "</u:" ADD ">" TAIL);
	assert_false(w.over);
	return wr_cstr(&w);
}

static int add(struct world *w, const struct add *a)
{
	char buf[16384];

	return post(w, "\"" WANIP_URN "#" ADD "\"", add_body(a, buf));
}

static const struct pm_entry *entry(const struct world *w, size_t index)
{
	return portmap_entry(w->pm, portmap_at(w->pm, index));
}

static const char *desc(const struct world *w, size_t index)
{
	static char buf[PM_DESC_MAX + 1];

	return portmap_desc(w->pm, entry(w, index), buf).p;
}

/* ---- replies ------------------------------------------------------- */

#define REPLY(s) "<?xml version=\"1.0\"?>\r\n<s:Envelope " \
	"xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" " \
	"s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">" \
	"<s:Body>" s "</s:Body></s:Envelope>\r\n"

static void reply_has_its_form_byte_by_byte(void **state)
{
	struct world *w = *state;

	assert_int_equal(post(w, "\"" WANIP_URN "#GetExternalIPAddress\"",
			      get_ip), 200);
	assert_string_equal(w->body, REPLY(
		"<u:GetExternalIPAddressResponse xmlns:u=\"" WANIP_URN "\">"
		"<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>"
		"</u:GetExternalIPAddressResponse>"));
	assert_int_equal(add(w, &plain), 200);
	assert_int_equal(w->late, 1);
	assert_string_equal(w->body, REPLY(
		"<u:AddPortMappingResponse xmlns:u=\"" WANIP_URN "\">"
		"</u:AddPortMappingResponse>"));
}

static void fault_has_its_form_byte_by_byte(void **state)
{
	struct world *w = *state;

	assert_int_equal(post(w, WANIP_URN "#GetGenericPortMappingEntry",
			      ACTION("GetGenericPortMappingEntry",
				     "<NewPortMappingIndex>0"
				     "</NewPortMappingIndex>")), 500);
	assert_string_equal(w->body, REPLY(
		"<s:Fault><faultcode>s:Client</faultcode>"
		"<faultstring>UPnPError</faultstring><detail>"
		"<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">"
		"<errorCode>713</errorCode><errorDescription>"
		"SpecifiedArrayIndexInvalid</errorDescription></UPnPError>"
		"</detail></s:Fault>"));
	w->nat = NAT_ECONFLICT;
	assert_int_equal(add(w, &plain), 500);
	assert_int_equal(w->late, 1);
	assert_int_equal(fault_code(w), 718);
	assert_non_null(strstr(w->body, "ConflictInMappingEntry"));
}

static void entry_has_its_arguments_in_order(void **state)
{
	struct world *w = *state;
	struct add a = plain;

	a.value[REMOTE] = "198.51.100.9";
	a.value[PROTO] = "udp";
	a.value[LEASE] = "3600";
	a.value[DESC] = "&lt;b&gt; &amp; \"q\" \xc3\xa9 &#x1f3ae;&#9;";
	assert_int_equal(add(w, &a), 200);
	assert_int_equal(post(w, WANIP_URN "#GetGenericPortMappingEntry",
			      ACTION("GetGenericPortMappingEntry",
				     "<NewPortMappingIndex>0"
				     "</NewPortMappingIndex>")), 200);
	assert_string_equal(w->body, REPLY(
		"<u:GetGenericPortMappingEntryResponse xmlns:u=\"" WANIP_URN
		"\"><NewRemoteHost>198.51.100.9</NewRemoteHost>"
		"<NewExternalPort>5000</NewExternalPort>"
		"<NewProtocol>UDP</NewProtocol>"
		"<NewInternalPort>5001</NewInternalPort>"
		"<NewInternalClient>192.168.88.10</NewInternalClient>"
		"<NewEnabled>1</NewEnabled>"
		"<NewPortMappingDescription>&lt;b&gt; &amp; &quot;q&quot; "
		"&#233; &#127918;</NewPortMappingDescription>"
		"<NewLeaseDuration>3600</NewLeaseDuration>"
		"</u:GetGenericPortMappingEntryResponse>"));
}

/* The longest reply: a description that becomes six times as long by its
 * escapes. */
static void longest_reply_fits(void **state)
{
	struct world *w = *state;
	struct add a = plain;
	char quotes[257];

	memset(quotes, '"', 256);
	quotes[256] = '\0';
	a.value[DESC] = quotes;
	a.value[REMOTE] = "198.151.100.199";
	assert_int_equal(add(w, &a), 200);
	assert_int_equal(post(w, WANIP_URN "#GetGenericPortMappingEntry",
			      ACTION("GetGenericPortMappingEntry",
				     "<NewPortMappingIndex>0"
				     "</NewPortMappingIndex>")), 200);
	assert_non_null(strstr(w->body, "&quot;</NewPortMappingDescription>"));
}

/* The reply has exactly the out arguments of @act, in the model's order. */
static void assert_arguments(const char *body, const struct igd_action *act)
{
	struct xml x;
	size_t i = 0;
	enum xml_token t;

	while (i < act->arg_n && !act->arg[i].out)
		i++;
	xmltiny_init(&x, str_z(body));
	while ((t = xmltiny_next(&x)) != XML_END) {
		assert_int_not_equal(t, XML_ERR);
		if (t != XML_OPEN || x.depth != 4)
			continue;
		assert_true(i < act->arg_n);
		assert_true(str_eq(x.local, str_z(act->arg[i++].name)));
	}
	assert_int_equal(i, act->arg_n);
}

static bool takes_nothing(const struct igd_action *act)
{
	return !act->waits && (!act->arg_n || act->arg[0].out);
}

static void every_getter_answers(void **state)
{
	struct world *w = *state;
	char path[64], head[256], body[1024];
	size_t d, s, i, n = 0;

	for (d = 0; d < IGD_DEVICES; d++)
	for (s = 0; s < model_service_n(&igd_device[d], 1); s++)
	for (i = 0; i < igd_device[d].service[s]->action_n; i++) {
		const struct igd_service *svc = igd_device[d].service[s];
		const struct igd_action *act = &svc->action[i];

		if (act->since > 1 || !takes_nothing(act))
			continue;
		snprintf(path, sizeof(path), "/igd1/%s/control", svc->path);
		snprintf(head, sizeof(head),
			 "urn:schemas-upnp-org:service:%s:1#%s", svc->name,
			 act->name);
		snprintf(body, sizeof(body), HEAD "<%s/>" TAIL, act->name);
		assert_int_equal(post_as(w, 1, path, head, str_z(body)), 200);
		assert_arguments(w->body, act);
		n++;
	}
	assert_true(n >= 11);
}

/* ---- clients ------------------------------------------------------- */

#define SOAP_NS "http://schemas.xmlsoap.org/soap/envelope/"
#define SOAP_ENC "http://schemas.xmlsoap.org/soap/encoding/"
#define MS(t) " xmlns:dt=\"urn:schemas-microsoft-com:datatypes\" dt:dt=\"" t \
	"\""

/* Each requests the mapping of `plain` in its own form. */
static const struct client {
	const char *name, *soap_action, *content_type, *body;
} clients[] = {
	{ "miniupnpc", "\"" WANIP_URN "#AddPortMapping\"", "text/xml",
	  "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"" SOAP_NS "\" "
	  "s:encodingStyle=\"" SOAP_ENC "\"><s:Body><u:AddPortMapping "
	  "xmlns:u=\"" WANIP_URN "\"><NewRemoteHost></NewRemoteHost>"
	  "<NewExternalPort>5000</NewExternalPort>"
	  "<NewProtocol>TCP</NewProtocol>"
	  "<NewInternalPort>5001</NewInternalPort>"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>"
	  "<NewEnabled>1</NewEnabled>"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>"
	  "<NewLeaseDuration>0</NewLeaseDuration></u:AddPortMapping>"
	  "</s:Body></s:Envelope>\r\n" },
	{ "libtorrent", WANIP_URN "#AddPortMapping",
	  "text/xml; charset=\"utf-8\"",
	  "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"" SOAP_NS "\" "
	  "s:encodingStyle=\"" SOAP_ENC "\"><s:Body><u:AddPortMapping "
	  "xmlns:u=\"" WANIP_URN "\"><NewRemoteHost></NewRemoteHost>"
	  "<NewExternalPort>5000</NewExternalPort>"
	  "<NewProtocol>TCP</NewProtocol>"
	  "<NewInternalPort>5001</NewInternalPort>"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>"
	  "<NewEnabled>1</NewEnabled>"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>"
	  "<NewLeaseDuration>0</NewLeaseDuration>"
	  "</u:AddPortMapping></s:Body></s:Envelope>" },
	{ "rust igd: order of the SCPD", "\"" WANIP_URN "#AddPortMapping\"",
	  "text/xml",
	  "<SOAP-ENV:Envelope SOAP-ENV:encodingStyle=\"" SOAP_ENC "\" "
	  "xmlns:SOAP-ENV=\"" SOAP_NS "\"><SOAP-ENV:Body>\n"
	  "<u:AddPortMapping xmlns:u=\"" WANIP_URN "\">\n"
	  "<NewProtocol>TCP</NewProtocol>\n"
	  "<NewExternalPort>5000</NewExternalPort>\n"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>\n"
	  "<NewInternalPort>5001</NewInternalPort>\n"
	  "<NewLeaseDuration>0</NewLeaseDuration>\n"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>\n"
	  "<NewEnabled>1</NewEnabled>\n<NewRemoteHost></NewRemoteHost>\n"
	  "</u:AddPortMapping></SOAP-ENV:Body></SOAP-ENV:Envelope>" },
	{ "Open.NAT: no declaration, blank lines behind",
	  "\"" WANIP_URN "#AddPortMapping\"", "text/xml; charset=\"utf-8\"",
	  "<s:Envelope xmlns:s=\"" SOAP_NS "\" s:encodingStyle=\"" SOAP_ENC
	  "\"><s:Body><u:AddPortMapping xmlns:u=\"" WANIP_URN "\">"
	  "<NewRemoteHost></NewRemoteHost>"
	  "<NewExternalPort>5000</NewExternalPort>"
	  "<NewProtocol>TCP</NewProtocol>"
	  "<NewInternalPort>5001</NewInternalPort>"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>"
	  "<NewEnabled>1</NewEnabled>"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>"
	  "<NewLeaseDuration>0</NewLeaseDuration>"
	  "</u:AddPortMapping></s:Body></s:Envelope>\r\n\r\n" },
	{ "weupnp: other prefixes", WANIP_URN "#AddPortMapping", "text/xml",
	  "<?xml version=\"1.0\"?>\r\n<SOAP-ENV:Envelope "
	  "xmlns:SOAP-ENV=\"" SOAP_NS "\" SOAP-ENV:encodingStyle=\"" SOAP_ENC
	  "\"><SOAP-ENV:Body><m:AddPortMapping xmlns:m=\"" WANIP_URN "\">"
	  "<NewProtocol>TCP</NewProtocol>"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>"
	  "<NewLeaseDuration>0</NewLeaseDuration>"
	  "<NewExternalPort>5000</NewExternalPort>"
	  "<NewRemoteHost></NewRemoteHost><NewEnabled>1</NewEnabled>"
	  "<NewInternalPort>5001</NewInternalPort>"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>"
	  "</m:AddPortMapping></SOAP-ENV:Body></SOAP-ENV:Envelope>" },
	{ "goupnp", "\"" WANIP_URN "#AddPortMapping\"",
	  "text/xml; charset=\"utf-8\"",
	  "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
	  "<s:Envelope xmlns:s=\"" SOAP_NS "\" s:encodingStyle=\"" SOAP_ENC
	  "\"><s:Body><u:AddPortMapping xmlns:u=\"" WANIP_URN "\">"
	  "<NewRemoteHost/><NewExternalPort>5000</NewExternalPort>"
	  "<NewProtocol>TCP</NewProtocol>"
	  "<NewInternalPort>5001</NewInternalPort>"
	  "<NewInternalClient>192.168.88.10</NewInternalClient>"
	  "<NewEnabled>true</NewEnabled>"
	  "<NewPortMappingDescription>game</NewPortMappingDescription>"
	  "<NewLeaseDuration>0</NewLeaseDuration>"
	  "</u:AddPortMapping></s:Body></s:Envelope>" },
	{ "Windows: types as attributes", "\"" WANIP_URN "#AddPortMapping\"",
	  "text/xml; charset=\"utf-8\"",
	  "<?xml version=\"1.0\"?>\r\n<SOAP-ENV:Envelope "
	  "xmlns:SOAP-ENV=\"" SOAP_NS "\" SOAP-ENV:encodingStyle=\"" SOAP_ENC
	  "\"><SOAP-ENV:Body><m:AddPortMapping xmlns:m=\"" WANIP_URN "\">"
	  "<NewRemoteHost" MS("string") "></NewRemoteHost>"
	  "<NewExternalPort" MS("ui2") ">5000</NewExternalPort>"
	  "<NewProtocol" MS("string") ">TCP</NewProtocol>"
	  "<NewInternalPort" MS("ui2") ">5001</NewInternalPort>"
	  "<NewInternalClient" MS("string") ">192.168.88.10"
	  "</NewInternalClient>"
	  "<NewEnabled" MS("boolean") ">1</NewEnabled>"
	  "<NewPortMappingDescription" MS("string") ">game"
	  "</NewPortMappingDescription>"
	  "<NewLeaseDuration" MS("ui4") ">0</NewLeaseDuration>"
	  "</m:AddPortMapping></SOAP-ENV:Body></SOAP-ENV:Envelope>" },
	{ "a header, a mark, comments, CDATA, references, single quotes",
	  " \" urn:SCHEMAS-upnp-org:Service:wanipCONNECTION:1#AddPortMapping "
	  "\" ", "Application/SOAP+xml",
	  "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><!-- x -->"
	  "<Envelope xmlns='" SOAP_NS "'><Header><Body><AddPortMapping>"
	  "<NewExternalPort>1</NewExternalPort></AddPortMapping></Body>"
	  "</Header><Body>\n\t<a:AddPortMapping xmlns:a='x'>"
	  "<!-- <NewExternalPort>1</NewExternalPort> -->"
	  "<a:NewExternalPort> 50<!-- -->00\r\n</a:NewExternalPort>"
	  "<Unknown><NewExternalPort>1</NewExternalPort>&amp;</Unknown>"
	  "<NewRemoteHost> * </NewRemoteHost>"
	  "<NewProtocol>t&#67;<![CDATA[p]]></NewProtocol>"
	  "<NewInternalPort>&#x35;001</NewInternalPort>"
	  "<NewInternalClient></NewInternalClient><NewEnabled>YES</NewEnabled>"
	  "<NewPortMappingDescription>g<?x y?>a<![CDATA[m]]>e"
	  "</NewPortMappingDescription>"
	  "<NewLeaseDuration>00</NewLeaseDuration></a:AddPortMapping>"
	  "<NewExternalPort>2</NewExternalPort>"
	  "<DeletePortMapping/></Body><Body/></Envelope><!-- y -->" },
};

static void clients_are_understood(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(clients); i++) {
		const struct client *c = &clients[i];
		struct soap_post p = {
			.soap_action = str_z(c->soap_action),
			.content_type = str_z(c->content_type),
			.body = at_end(w, str_z(c->body)),
		};
		const struct pm_entry *e;

		tear_down(state);
		set_up(state);
		w = *state;
		p.body = at_end(w, str_z(c->body));
		if (!send_post(w, &p, WANIP))
			pump(w);
		if (w->status != 200)
			fail_msg("%s: %s", c->name, w->body);
		assert_non_null(strstr(w->body, ":AddPortMappingResponse "
				       "xmlns:u=\"" WANIP_URN "\""));
		assert_int_equal(portmap_count(w->pm), 1);
		e = entry(w, 0);
		assert_int_equal(e->rule.ext_port, 5000);
		assert_int_equal(e->rule.int_port, 5001);
		assert_int_equal(e->rule.proto, IPPROTO_TCP);
		assert_int_equal(addr_to_ip4(e->rule.client), ANN);
		assert_int_equal(e->rule.remote.family, ADDR_ANY);
		assert_true(e->enabled);
		assert_string_equal(desc(w, 0), "game");
		assert_true(e->expires_ms == 0);
	}
}

/* A body that ends anywhere before its end executes nothing. */
static void cut_body_executes_nothing(void **state)
{
	struct world *w = *state;
	struct str body;
	size_t i, n, whole;

	for (i = 0; i < ARRAY_N(clients); i++) {
		body = str_z(clients[i].body);
		whole = body.n;
		while (body.p[whole - 1] != '>')
			whole--;
		if (strstr(body.p, "<!-- y -->"))
			whole -= strlen("<!-- y -->");
		for (n = 0; n < whole; n++) {
			body.n = n;
			assert_int_equal(
				post_as(w, 1, WANIP, clients[i].soap_action,
					body), 400);
			assert_int_equal(w->body[0], '\0');
		}
	}
	pump(w);
	assert_int_equal(portmap_count(w->pm), 0);
	assert_int_equal(w->late, 0);
}

static void broken_body_is_400(void **state)
{
	static const char *const row[] = {
		"", " ", "x", "<", "\xff\xfe<\0",
		"<Envelope/>x",
		"<Envelope/><Envelope/>",
		"<!DOCTYPE x [<!ENTITY a \"b\">]>" ACTION("GetStatusInfo", ""),
		HEAD "<GetStatusInfo>&bogus;</GetStatusInfo>" TAIL,
		HEAD "<GetStatusInfo><x>&#0;</x></GetStatusInfo>" TAIL,
		HEAD "<GetStatusInfo a='&x;'/>" TAIL,
		HEAD "<GetStatusInfo></GetStatus>" TAIL,
		HEAD "<GetStatusInfo/></s:Body>",
		"<Body><GetStatusInfo/></Body>",
		"<e><s:Body><GetStatusInfo/></s:Body></e>",
		ACTION("GetStatusInfo", "") "trailing",
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		assert_int_equal(post(w, WANIP_URN "#GetStatusInfo", row[i]),
				 400);
		assert_string_equal(w->body, "");
	}
}

/* ---- the head ------------------------------------------------------ */

static void header_names_service_and_action(void **state)
{
	static const struct {
		const char *path, *soap_action, *body;
		int code;	/* of the fault, or minus the status */
	} row[] = {
#define S "urn:schemas-upnp-org:service:"
#define B ACTION("GetStatusInfo", "")
		{ WANIP, S "WANIPConnection:1#GetStatusInfo", B, -200 },
		{ WANIP, "", B, -400 },
		{ WANIP, "  ", B, -400 },
		{ WANIP, "\"\"", B, -400 },
		{ WANIP, "\"", B, 401 },
		{ WANIP, "'", B, 401 },
		{ WANIP, "#", B, 401 },
		{ WANIP, "\"#\"", B, 401 },
		{ WANIP, "#GetStatusInfo", B, 401 },
		{ WANIP, "GetStatusInfo", B, 401 },
		{ WANIP, S "#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:0#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:3#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:x#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:1:1#GetStatusInfo", B, 401 },
		{ WANIP, S "WANPPPConnection:1#GetStatusInfo", B, 401 },
		{ WANIP, S "WANIPConnection:1#", B, 401 },
		{ WANIP, S "WANIPConnection:1#NoSuchAction",
		  ACTION("NoSuchAction", ""), 401 },
		{ WANIP, S "WANIPConnection:1#getstatusinfo",
		  ACTION("getstatusinfo", ""), 401 },
		{ WANIP, S "WANIPConnection:1#GetNATRSIPStatus", B, 401 },
		{ WANIP, S "WANIPConnection:1#GetStatusInfo", HEAD TAIL, 401 },
		{ WANIP, S "WANIPConnection:1#GetStatusInfo", "<Envelope/>",
		  401 },
		{ "/igd1/wancic/control", S "WANIPConnection:1#GetStatusInfo",
		  B, 401 },
		{ "/igd1/wancic/control",
		  S "WANCommonInterfaceConfig:1#GetStatusInfo", B, 401 },
		{ "/igd1/wancic/control",
		  S "WANCommonInterfaceConfig:1#GetTotalPacketsReceived",
		  ACTION("GetTotalPacketsReceived", ""), -200 },
		/* version 1 of a service under root 2 */
		{ "/igd2/wanip/control", S "WANIPConnection:1#GetStatusInfo",
		  B, -200 },
#undef S
#undef B
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		post_as(w, 1, row[i].path, row[i].soap_action,
			str_z(row[i].body));
		if (fault_code(w) != row[i].code)
			fail_msg("%s: %d %s", row[i].soap_action, w->status,
				 w->body);
	}
}

/* The header ends at the edge of its buffer. One quotation mark alone once made
 * a length of -1 elsewhere (CVE-2026-5720). */
static void header_is_read_within_its_bounds(void **state)
{
	static const char whole[] = "\"" WANIP_URN "#GetStatusInfo\"";
	struct world *w = *state;
	size_t n;

	for (n = 0; n < sizeof(whole) - 1; n++) {
		struct soap_post p = {
			.content_type = STR(XML),
			.body = STR(ACTION("GetStatusInfo", "")),
			.soap_action = at_end(w, (struct str){ whole, n }),
		};

		assert_true(send_post(w, &p, WANIP));
		assert_int_not_equal(w->status, 200);
	}
}

static void content_must_be_xml(void **state)
{
	static const struct {
		const char *type;
		int status;
	} row[] = {
		{ "text/xml", 200 },
		{ "TEXT/XML ; charset=utf-8", 200 },
		{ "application/xml", 200 },
		{ "application/soap+xml;action=x", 200 },
		{ "", 415 },
		{ ";", 415 },
		{ "text/plain", 415 },
		{ "text/xmlx", 415 },
		{ "application/x-www-form-urlencoded", 415 },
		{ "multipart/form-data; text/xml", 415 },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		struct soap_post p = {
			.content_type = at_end(w, str_z(row[i].type)),
			.body = STR(ACTION("GetStatusInfo", "")),
			.soap_action = STR(WANIP_URN "#GetStatusInfo"),
		};

		assert_true(send_post(w, &p, WANIP));
		assert_int_equal(w->status, row[i].status);
		assert_int_equal(w->body[0] == '\0', w->status == 415);
	}
}

/* ---- arguments ----------------------------------------------------- */

static void every_argument_is_needed(void **state)
{
	struct world *w = *state;
	struct add a;
	size_t i;

	for (i = 0; i < ADD_N; i++) {
		if (i == REMOTE || i == DESC)
			continue;
		a = plain;
		a.value[i] = NULL;
		add(w, &a);
		assert_int_equal(fault_code(w), 402);
	}
	assert_int_equal(portmap_count(w->pm), 0);
}

/* KTorrent leaves empty arguments out; two JavaScript clients leave out the
 * remote host, which means any. */
static void empty_arguments_may_be_left_out(void **state)
{
	struct world *w = *state;
	struct add a = plain;

	a.value[REMOTE] = NULL;
	a.value[DESC] = NULL;
	assert_int_equal(add(w, &a), 200);
	assert_int_equal(portmap_count(w->pm), 1);
	assert_int_equal(portmap_entry(w->pm, portmap_at(w->pm, 0))
				 ->rule.remote.family, ADDR_ANY);
}

static void arguments_have_one_plain_value(void **state)
{
#define DEL(args) ACTION("DeletePortMapping", "<NewRemoteHost/>" args)
#define PORT "<NewExternalPort>5000</NewExternalPort>"
#define TCP "<NewProtocol>TCP</NewProtocol>"
	static const struct {
		const char *body;
		int code;
	} row[] = {
		{ DEL(PORT TCP), 714 },
		{ DEL(TCP PORT), 714 },
		{ DEL("<X/>" TCP "<Y>1</Y>" PORT), 714 },
		{ DEL(PORT TCP PORT), 402 },
		{ DEL(PORT TCP "<NewRemoteHost/>"), 402 },
		{ DEL(TCP "<NewExternalPort><x/>5000</NewExternalPort>"),
		  402 },
		{ DEL(TCP "<NewExternalPort>5<x>0</x></NewExternalPort>"),
		  402 },
		{ DEL(TCP "<X>" PORT "</X>"), 402 },
		{ DEL(TCP "<newexternalport>5000</newexternalport>"), 402 },
		{ DEL(PORT) , 402 },
		/* a missing argument is found before a bad value */
		{ DEL("<NewExternalPort>x</NewExternalPort>"), 402 },
		{ DEL(TCP "<NewExternalPort>x</NewExternalPort>"), 600 },
		{ DEL(TCP "<NewExternalPort/>"), 600 },
		{ DEL(PORT "<NewProtocol>SCTP</NewProtocol>"), 601 },
		{ DEL(TCP "<NewExternalPort>65616</NewExternalPort>"), 601 },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		post(w, WANIP_URN "#DeletePortMapping", row[i].body);
		assert_int_equal(fault_code(w), row[i].code);
	}
}

static void values_are_checked(void **state)
{
	static const struct {
		int arg;
		const char *value;
		int code;
	} row[] = {
		{ EXT_PORT, "65536", 601 },	{ EXT_PORT, "0", 716 },
		{ EXT_PORT, "-1", 601 },	{ EXT_PORT, "80a", 600 },
		{ INT_PORT, "", 600 },		{ INT_PORT, "0", 402 },
		{ LEASE, "4294967296", 601 },	{ LEASE, "1.5", 600 },
		{ ENABLED, "maybe", 600 },	{ ENABLED, "", 600 },
		{ PROTO, "", 601 },		{ PROTO, "TCP,UDP", 601 },
		{ REMOTE, " ", 600 },
		{ REMOTE, "example.org", 600 },	{ REMOTE, "224.0.0.1", 402 },
		{ CLIENT, "example.org", 402 },	{ CLIENT, "8.8.8.8", 718 },
		{ CLIENT, "192.168.88.1", 718 },
		{ CLIENT, "127.0.0.1", 718 },
		{ CLIENT, "`reboot`", 402 },
		/* this service maps IPv4 only */
		{ CLIENT, "2001:db8::1", 402 },	{ CLIENT, "::1", 402 },
		{ REMOTE, "2001:db8::1", 600 },
		{ EXT_PORT, "80", 718 },
	};
	struct world *w = *state;
	struct add a;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		a = plain;
		a.value[row[i].arg] = row[i].value;
		add(w, &a);
		assert_int_equal(fault_code(w), row[i].code);
	}
	assert_int_equal(portmap_count(w->pm), 0);
}

static void long_text_is_605(void **state)
{
	struct world *w = *state;
	struct add a = plain;
	char text[3000];

	memset(text, 'x', sizeof(text));
	a.value[DESC] = text;
	text[257] = '\0';
	add(w, &a);
	assert_int_equal(fault_code(w), 605);
	text[257] = 'x';
	text[1025] = '\0';
	add(w, &a);
	assert_int_equal(fault_code(w), 605);
	text[1025] = 'x';
	text[2999] = '\0';
	add(w, &a);
	assert_int_equal(fault_code(w), 605);
	a.value[LEASE] = NULL;
	add(w, &a);
	assert_int_equal(fault_code(w), 402);
	a = plain;
	a.value[REMOTE] = a.value[PROTO] = text + 1999;
	add(w, &a);
	assert_int_equal(fault_code(w), 601);
	text[256] = '\0';
	a = plain;
	a.value[DESC] = text;
	assert_int_equal(add(w, &a), 200);
	assert_string_equal(desc(w, 0), text);
}

/* Unknown arguments are skipped, whatever their length. */
static void unknown_text_does_not_count(void **state)
{
	struct world *w = *state;
	char body[12000];
	struct wr b = wr_init(body, sizeof(body));
	size_t i;

	wr_z(&b, HEAD "junk<GetStatusInfo>junk<x>");
	for (i = 0; i < 10000; i++)
		wr_ch(&b, 'x');
	wr_z(&b, "</x></GetStatusInfo>" TAIL);
	assert_int_equal(post(w, WANIP_URN "#GetStatusInfo", wr_cstr(&b)),
			 200);
	assert_non_null(strstr(w->body, ">Connected<"));
}

/* ---- version 2 ----------------------------------------------------- */

#define WANIP2 "/igd2/wanip/control"
#define URN2 "urn:schemas-upnp-org:service:WANIPConnection:2"
#define ADD_ANY "AddAnyPortMapping"

static const char add_any_args[] =
	"<NewRemoteHost/><NewExternalPort>5000</NewExternalPort>"
	"<NewProtocol>TCP</NewProtocol><NewInternalPort>5001</NewInternalPort>"
	"<NewInternalClient/><NewEnabled>1</NewEnabled>"
	"<NewPortMappingDescription>game</NewPortMappingDescription>"
	"<NewLeaseDuration>0</NewLeaseDuration>";

/* An action of version 2 at @path under the namespace @urn. */
/* Return: false if the answer comes later */
static bool post2_as(struct world *w, uint32_t token, const char *path,
		     const char *urn, const char *action, const char *args)
{
	char head[256], body[2048];

	snprintf(head, sizeof(head), "\"%s#%s\"", urn, action);
	snprintf(body, sizeof(body), HEAD "<u:%s xmlns:u=\"%s\">%s</u:%s>"
		 TAIL, action, urn, args, action);
	return post_as(w, token, path, head, str_z(body)) != 0;
}

static int post2(struct world *w, const char *path, const char *urn,
		 const char *action, const char *args)
{
	if (!post2_as(w, 1, path, urn, action, args))
		pump(w);
	return w->status;
}

/* rust-igd names version 1 even for an action of version 2, and looks for that
 * namespace in the reply. */
static void version_2_answers_in_the_namespace_asked(void **state)
{
	static const char *const urns[] = { WANIP_URN, URN2 };
	struct world *w = *state;
	char want[256];
	size_t i;

	for (i = 0; i < ARRAY_N(urns); i++) {
		assert_int_equal(post2(w, WANIP2, urns[i], ADD_ANY,
				       add_any_args), 200);
		snprintf(want, sizeof(want), "<u:" ADD_ANY "Response "
			 "xmlns:u=\"%s\"><NewReservedPort>5000"
			 "</NewReservedPort>", urns[i]);
		assert_non_null(strstr(w->body, want));
	}
	assert_int_equal(portmap_count(w->pm), 1);
}

/* Nothing at version 1 shows that version 2 exists. */
static void version_1_knows_no_other(void **state)
{
	static const char *const actions[] = {
		ADD_ANY, "DeletePortMappingRange", "GetListOfPortMappings",
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_N(actions); i++) {
		post2(w, WANIP, WANIP_URN, actions[i], add_any_args);
		assert_int_equal(fault_code(w), 401);
		post2(w, WANIP, URN2, actions[i], add_any_args);
		assert_int_equal(fault_code(w), 401);
	}
	post(w, CONTROL "#QueryStateVariable", QUERY("SystemUpdateID"));
	assert_int_equal(fault_code(w), 404);
	assert_int_equal(portmap_count(w->pm), 0);
}

static void version_2_has_its_own_codes(void **state)
{
	static const struct {
		int arg;
		const char *value;
		int code;
	} row[] = {
		{ INT_PORT, "0", 732 },		{ LEASE, "604801", 601 },
		{ EXT_PORT, "80", 606 },	{ EXT_PORT, "0", 716 },
		{ CLIENT, "192.168.88.1", 606 },
	};
	struct world *w = *state;
	char buf[16384];
	struct add a;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		a = plain;
		a.value[row[i].arg] = row[i].value;
		if (!post_as(w, 1, WANIP2, WANIP_URN "#" ADD,
			     str_z(add_body(&a, buf))))
			pump(w);
		assert_int_equal(fault_code(w), row[i].code);
	}
}

#define LIST_ARGS \
	"<NewStartPort>0</NewStartPort><NewEndPort>65535</NewEndPort>" \
	"<NewProtocol>TCP</NewProtocol><NewManage>0</NewManage>" \
	"<NewNumberOfPorts>0</NewNumberOfPorts>"

static size_t entries(const char *list)
{
	size_t n = 0;

	while ((list = strstr(list, "</p:PortMappingEntry>"))) {
		list++;
		n++;
	}
	return n;
}

static void assert_well_formed(const char *body)
{
	struct xml x;
	enum xml_token t;

	xmltiny_init(&x, str_z(body));
	while ((t = xmltiny_next(&x)) != XML_END)
		assert_int_not_equal(t, XML_ERR);
	for (; *body; body++)
		assert_true((signed char)*body > 0);
}

static struct pm_req req_of(uint16_t port, size_t desc_len)
{
	struct pm_req req = { .enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_ip4(ANN), .rule = {
		.kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
		.client = addr_ip4(ANN), .remote = addr_any(),
		.int_port = 1, .ext_port = port } };

	memset(req.desc, '"', desc_len);
	return req;
}

/* Make ports 1 to @last, with descriptions of each length. Return: the table
 * that was in use before */
static struct portmap *make_ports(struct world *w, uint16_t last)
{
	struct portmap *own = w->map.pm;

	w->map.pm = portmap_new(last, last);
	for (uint16_t port = 1; port <= last; port++) {
		struct pm_req req = req_of(port, port % (PM_DESC_MAX + 1));

		assert_int_equal(portmap_restore(w->map.pm, &req, 0), 0);
	}
	return own;
}

static struct portmap *make_many(struct world *w)
{
	return make_ports(w, 999);
}

/* A list was once cut after 24 KiB, without a word. */
static void long_list_is_whole(void **state)
{
	struct world *w = *state;
	struct portmap *own = make_many(w);
	static const size_t max[] = { HTTPSOURCE_ROOM, 5000, 25600, 1000000 };

	for (size_t i = 0; i < ARRAY_N(max); i++) {
		w->piece_max = max[i];
		assert_int_equal(post2(w, WANIP2, URN2,
				       "GetListOfPortMappings", LIST_ARGS),
				 200);
		assert_int_equal(entries(w->body), 999);
		assert_non_null(strstr(w->body, " </p:PortMappingList>]]>"
				       "</NewPortListing>"));
		assert_well_formed(w->body);
	}
	portmap_free(w->map.pm);
	w->map.pm = own;
}

static void forget_all(struct world *w)
{
	while (portmap_count(w->map.pm)) {
		uint16_t slot = portmap_at(w->map.pm, 0);
		struct nat_rule rule = portmap_entry(w->map.pm, slot)->rule;

		portmap_forget(w->map.pm, &rule);
	}
}

/* Its length was told before, so blanks take the place of what is deleted while
 * the list is sent. */
static void deleted_part_of_a_list_is_blank(void **state)
{
	struct world *w = *state;
	struct portmap *own = make_many(w);

	w->piece_max = 25600;
	w->between_pieces = forget_all;
	assert_int_equal(post2(w, WANIP2, URN2, "GetListOfPortMappings",
			       LIST_ARGS), 200);
	assert_in_range(entries(w->body), 10, 100);
	assert_non_null(strstr(w->body, "</p:PortMappingEntry>    "));
	assert_non_null(strstr(w->body, "    </p:PortMappingList>]]>"));
	assert_well_formed(w->body);
	portmap_free(w->map.pm);
	w->map.pm = own;
}

static void lengthen_one(struct world *w)
{
	struct pm_req req = req_of(900, PM_DESC_MAX);
	struct nat_rule rule;
	struct nat_op_id id;
	struct nat_op op;
	uint16_t slot;

	w->between_pieces = NULL;
	assert_int_equal(portmap_add(w->map.pm, &req, 1, &slot), PM_STARTED);
	assert_true(portmap_next_op(w->map.pm, &op, &id));
	assert_int_equal(portmap_done(w->map.pm, id, NAT_OK, 1, &slot, &rule),
			 PM_UPDATED);
}

/* The last mapping was once left out, because a renewed one was longer than
 * before. */
static void list_has_room_for_a_renewal(void **state)
{
	struct world *w = *state;
	struct portmap *own = make_many(w);

	w->between_pieces = lengthen_one;
	assert_int_equal(post2(w, WANIP2, URN2, "GetListOfPortMappings",
			       LIST_ARGS), 200);
	assert_int_equal(entries(w->body), 999);
	assert_well_formed(w->body);
	portmap_free(w->map.pm);
	w->map.pm = own;
}

/* Lists that take two turns each; one of three is cancelled meanwhile, and
 * another request is answered between. */
static void long_lists_are_measured_in_turns(void **state)
{
	struct world *w = *state;
	struct portmap *own = make_ports(w, 1500);

	for (uint32_t token = 1; token <= 3; token++)
		assert_false(post2_as(w, token, WANIP2, URN2,
				      "GetListOfPortMappings", LIST_ARGS));
	soap_cancel(w->soap, 1);
	for (unsigned turn = 0; turn < 2; turn++) {
		assert_int_equal(w->late, turn);
		assert_int_equal(post(w, WANIP_URN "#GetExternalIPAddress",
				      get_ip), 200);
		assert_int_equal(loop_step(w->loop, 0), 0);
		assert_int_equal(w->token, turn + 2);
		assert_int_equal(w->status, 200);
		assert_int_equal(entries(w->body), 1500);
		assert_well_formed(w->body);
	}
	assert_int_equal(loop_step(w->loop, 0), 0);
	assert_int_equal(w->late, 2);
	portmap_free(w->map.pm);
	w->map.pm = own;
}

/* ---- QueryStateVariable -------------------------------------------- */

static void variables_are_queried(void **state)
{
	struct world *w = *state;

	assert_int_equal(post(w, "\"" CONTROL "#QueryStateVariable\"",
			      QUERY("ConnectionStatus")), 200);
	assert_string_equal(w->body, REPLY(
		"<u:QueryStateVariableResponse xmlns:u=\"" CONTROL "\">"
		"<return>Connected</return></u:QueryStateVariableResponse>"));
	post(w, CONTROL "#QueryStateVariable", QUERY("NoSuchVariable"));
	assert_int_equal(fault_code(w), 404);
	post(w, CONTROL "#QueryStateVariable", QUERY(""));
	assert_int_equal(fault_code(w), 404);
	/* PhysicalLinkStatus is another service's */
	post(w, CONTROL "#QueryStateVariable", QUERY("PhysicalLinkStatus"));
	assert_int_equal(fault_code(w), 404);
	assert_int_equal(post_as(w, 1, "/igd1/wancic/control",
				 CONTROL "#QueryStateVariable",
				 STR(QUERY(" PhysicalLinkStatus "))), 200);
	post(w, CONTROL "#QueryStateVariable",
	     HEAD "<u:QueryStateVariable/>" TAIL);
	assert_int_equal(fault_code(w), 402);
	post(w, WANIP_URN "#QueryStateVariable", QUERY("ConnectionStatus"));
	assert_int_equal(fault_code(w), 401);
	post(w, CONTROL "#GetStatusInfo", ACTION("GetStatusInfo", ""));
	assert_int_equal(fault_code(w), 401);
	post(w, CONTROL "#QueryStateVariable", ACTION("GetStatusInfo", ""));
	assert_int_equal(fault_code(w), 401);
}

/* ---- answers that come later --------------------------------------- */

static int add_as(struct world *w, uint32_t token, const struct add *a)
{
	char buf[16384];

	return post_as(w, token, WANIP, WANIP_URN "#" ADD,
		       str_z(add_body(a, buf)));
}

static void late_answers_find_their_token(void **state)
{
	struct world *w = *state;
	struct add b = plain;

	b.value[EXT_PORT] = "5002";
	assert_int_equal(add_as(w, 77, &plain), 0);
	assert_int_equal(add_as(w, 78, &b), 0);
	assert_int_equal(w->late, 0);
	/* meanwhile others are served */
	assert_int_equal(post(w, WANIP_URN "#GetExternalIPAddress", get_ip),
			 200);
	soap_cancel(w->soap, 77);
	soap_cancel(w->soap, 79);
	pump(w);
	assert_int_equal(w->late, 1);
	assert_int_equal(w->token, 78);
	assert_int_equal(w->status, 200);
	/* the cancelled request was still carried out */
	assert_int_equal(portmap_count(w->pm), 2);
	soap_cancel(w->soap, 78);	/* was answered already */
	pump(w);
	assert_int_equal(w->late, 1);
}

static void link_change_is_answered_later(void **state)
{
	struct world *w = *state;

	assert_int_equal(post(w, WANIP_URN "#ForceTermination",
			      ACTION("ForceTermination", "")), 0);
	assert_true(w->link_asked);
	link_done(&w->igd, NAT_OK);
	assert_int_equal(w->late, 1);
	assert_int_equal(w->status, 200);
	w->igd.allow_link = false;
	post(w, WANIP_URN "#ForceTermination", ACTION("ForceTermination", ""));
	assert_int_equal(fault_code(w), 606);
}

static void answer_may_start_the_next_request(void **state)
{
	struct world *w = *state;

	w->ask_again = true;
	assert_int_equal(add_as(w, 5, &plain), 0);
	pump(w);
	assert_int_equal(w->late, 1);
	assert_int_equal(w->status, 200);
	assert_non_null(strstr(w->body, "203.0.113.7"));
}

/* More waiting requests than places: 503, and every place is free again
 * afterwards. */
static void waits_are_bounded(void **state)
{
	struct world *w = *state;
	unsigned round;
	uint32_t i;

	for (round = 1; round <= 3; round++) {
		/* alternate, so that each one needs the kernel */
		struct add a = plain;

		a.value[INT_PORT] = round % 2 ? "6001" : "6002";
		for (i = 0; i < SOAP_PENDING_MAX; i++)
			assert_int_equal(add_as(w, i, &a), 0);
		assert_int_equal(add_as(w, i, &a), 503);
		assert_string_equal(w->body, "");
		soap_cancel(w->soap, 5);
		assert_int_equal(add_as(w, i, &a), 0);
		pump(w);
		assert_int_equal(w->late, round * SOAP_PENDING_MAX);
	}
}

/* ---- random requests ----------------------------------------------- */

static uint32_t next_rnd(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void mangle(char *p, size_t *n, uint32_t *seed)
{
	static const char bytes[] = "<>&;/\"'!?-[]:= x0\0\xff";
	size_t at = next_rnd(seed) % *n, len = next_rnd(seed) % 8;

	switch (next_rnd(seed) % 4) {
	case 0:
		p[at] = (char)next_rnd(seed);
		break;
	case 1:
		p[at] = bytes[next_rnd(seed) % sizeof(bytes)];
		break;
	case 2:
		if (len < *n - at) {
			memmove(p + at, p + at + len, *n - at - len);
			*n -= len;
		}
		break;
	default:
		len = len * 4 < *n - at ? len * 4 : 0;
		memmove(p + next_rnd(seed) % (*n - len), p + at, len);
	}
}

/* Exactly one reply, well-formed and in ASCII, whatever the request. */
static void mangled_bodies_have_one_reply(void **state)
{
	struct world *w = *state;
	uint32_t seed = 1;
	char buf[4096];
	unsigned i, k, changes;
	size_t n;

	for (i = 0; i < 20000; i++) {
		const struct client *c = &clients[i % ARRAY_N(clients)];
		unsigned late = w->late;
		bool now;

		n = strlen(c->body);
		memcpy(buf, c->body, n);
		changes = 1 + next_rnd(&seed) % 3;
		for (k = 0; k < changes; k++)
			mangle(buf, &n, &seed);
		now = post_as(w, i, WANIP, c->soap_action,
			      (struct str){ buf, n });
		pump(w);
		assert_int_equal(w->late, late + !now);
		assert_int_not_equal(w->status, 0);
		if (w->body[0])
			assert_well_formed(w->body);
		else
			assert_int_equal(w->status, 400);
	}
	assert_null(w->map.waiting);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reply_has_its_form_byte_by_byte),
		T(fault_has_its_form_byte_by_byte),
		T(entry_has_its_arguments_in_order),
		T(longest_reply_fits),
		T(every_getter_answers),
		T(clients_are_understood),
		T(cut_body_executes_nothing),
		T(broken_body_is_400),
		T(header_names_service_and_action),
		T(header_is_read_within_its_bounds),
		T(content_must_be_xml),
		T(every_argument_is_needed),
		T(empty_arguments_may_be_left_out),
		T(arguments_have_one_plain_value),
		T(values_are_checked),
		T(long_text_is_605),
		T(unknown_text_does_not_count),
		T(version_2_answers_in_the_namespace_asked),
		T(version_1_knows_no_other),
		T(version_2_has_its_own_codes),
		T(long_list_is_whole),
		T(deleted_part_of_a_list_is_blank),
		T(list_has_room_for_a_renewal),
		T(long_lists_are_measured_in_turns),
		T(variables_are_queried),
		T(late_answers_find_their_token),
		T(link_change_is_answered_later),
		T(answer_may_start_the_next_request),
		T(waits_are_bounded),
		T(mangled_bodies_have_one_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
