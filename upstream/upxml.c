/* SPDX-License-Identifier: ISC */
/*
 * upxml.c - the texts of a UPnP control point.
 *
 * Owns: nothing.
 * Limits: a URL that is longer than UPSTREAM_PATH_MAX counts as missing.
 * Runs in: engine
 */
#include <netinet/in.h>
#include <string.h>
#include "base/portnumbers.h"
#include "http/httpmsg.h"
#include "upstream/upxml.h"
#include "xmltiny.h"

#define DEVICE "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
#define SERVICE "urn:schemas-upnp-org:service:"

static const char *const service_names[] = {
	[UPXML_WANIP2] = SERVICE "WANIPConnection:2",
	[UPXML_WANIP1] = SERVICE "WANIPConnection:1",
	[UPXML_WANPPP1] = SERVICE "WANPPPConnection:1",
};
#define SERVICES (sizeof(service_names) / sizeof(service_names[0]))

static const char *const action_names[] = {
	[UPXML_ADDRESS] = "GetExternalIPAddress",
	[UPXML_ADD] = "AddPortMapping",
	[UPXML_ADD_ANY] = "AddAnyPortMapping",
	[UPXML_DELETE] = "DeletePortMapping",
};

/* ---- URLs ---------------------------------------------------------------- */

/* Nothing that could end the request line or begin another one. */
static bool set_path(struct upxml_url *u, struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] > '~' || path.p[i] == '#')
			return false;
	if (!path.n)
		path = STR("/");
	return path.p[0] == '/' && str_copy(u->path, sizeof(u->path), path);
}

/* "http://ADDRESS:PORT/PATH", ADDRESS being @gateway. */
static bool set_absolute(struct upxml_url *ret, struct str s,
			 struct addr gateway)
{
	struct upxml_url u = { .port = 80 };
	struct str rest = str_skip(s, 7), host, path;
	struct addr a;
	uint32_t port;

	if (!str_istarts(s, STR("http://")) || !str_cut(&rest, '/', &host))
		return false;
	path = (struct str){ host.p + host.n, (size_t)(s.p + s.n - host.p) -
					      host.n };
	if (!addr_host_parse(&host, &a) || !addr_equal(a, gateway))
		return false;
	if (host.n) {
		if (str_u32(host, 1, UINT16_MAX, &port))
			return false;
		u.port = (uint16_t)port;
	}
	if (!set_path(&u, path))
		return false;
	*ret = u;
	return true;
}

/* A path is relative to the URL of the description (UDA 1.1 2.3). */
static bool set_url(struct upxml_url *ret, struct str s, struct addr gateway)
{
	struct upxml_url u = *ret;
	struct wr w = wr_init(u.path, sizeof(u.path));
	const char *slash;

	s = str_trim(s);
	if (!s.n)
		return false;
	if (str_istarts(s, STR("http://")))
		return set_absolute(ret, s, gateway);
	if (s.p[0] != '/') {
		slash = strrchr(ret->path, '/');
		wr_str(&w, (struct str){ ret->path,
					 slash ? (size_t)(slash - ret->path) :
						 0 });
		wr_ch(&w, '/');
	}
	wr_str(&w, s);
	if (w.over || !set_path(ret, wr_done(&w)))
		return false;
	return true;
}

/* ---- search -------------------------------------------------------------- */

void upxml_search(struct addr gateway, struct wr *w)
{
	/* Some devices want MX although a unicast search has none. */
	wr_fmt(w, "M-SEARCH * HTTP/1.1\r\nHOST: %s:%d\r\n"
	       "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: " DEVICE "\r\n\r\n",
	       addr_text(gateway).text, SSDP_PORT);
}

bool upxml_found(struct str datagram, struct addr gateway,
		 struct upxml_gateway *ret)
{
	struct upxml_gateway g = { 0 };
	struct httpmsg m;
	struct str v;

	if (httpmsg_parse(datagram.p, datagram.n, &m) <= 0 ||
	    m.status != 200 || !httpmsg_get(&m, STR("ST"), &v) ||
	    !str_eq(v, STR(DEVICE)) ||
	    !httpmsg_get(&m, STR("LOCATION"), &v) ||
	    !set_absolute(&g.url, v, gateway))
		return false;
	if (httpmsg_get(&m, STR("BOOTID.UPNP.ORG"), &v))
		str_u32(v, 0, UINT32_MAX, &g.boot_id);
	*ret = g;
	return true;
}

/* ---- description --------------------------------------------------------- */

void upxml_get(struct addr gateway, const struct upxml_url *url, struct wr *w)
{
	wr_fmt(w, "GET %s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n\r\n",
	       url->path, addr_text(gateway).text, url->port);
}

static enum upxml_service service_of(struct str type)
{
	for (size_t i = 1; i < SERVICES; i++)
		if (str_eq(type, str_z(service_names[i])))
			return (enum upxml_service)i;
	return UPXML_NO_SERVICE;
}

/* The text of one element, decoded. */
struct text {
	char buf[UPSTREAM_PATH_MAX + 64];
	struct wr w;
};

static void text_begin(struct text *t)
{
	t->w = wr_init(t->buf, sizeof(t->buf));
}

static void text_add(struct text *t, const struct xml *x)
{
	if (!xmltiny_decode(x->text, x->cdata, &t->w))
		t->w.over = true;
}

static struct str text_end(const struct text *t)
{
	return t->w.over ? (struct str){ NULL, 0 } : str_trim(wr_done(&t->w));
}

/* Call @end at the end of each element. @text: what follows the last tag inside
 * of it. Return: false: @doc is not well-formed */
static bool read_elements(struct str doc,
			  void (*end)(void *arg, struct str name,
				      struct str text), void *arg)
{
	enum xml_token token;
	struct text text;
	struct xml x;

	xmltiny_init(&x, doc);
	text_begin(&text);
	while ((token = xmltiny_next(&x)) != XML_END) {
		switch (token) {
		case XML_OPEN:
			text_begin(&text);
			break;
		case XML_TEXT:
			text_add(&text, &x);
			break;
		case XML_CLOSE:
			end(arg, x.local, text_end(&text));
			text_begin(&text);
			break;
		default:
			return false;
		}
	}
	return true;
}

struct reading {
	struct upxml_url base;
	struct upxml_gateway best;
	enum upxml_service service;	/* of the service element */
	struct upxml_url control;	/* the same; port 0: none */
	struct addr gateway;
};

static void end_element(void *arg, struct str name, struct str text)
{
	struct reading *r = arg;

	if (str_eq(name, STR("URLBase"))) {
		set_url(&r->base, text, r->gateway);
	} else if (str_eq(name, STR("serviceType"))) {
		r->service = service_of(text);
	} else if (str_eq(name, STR("controlURL"))) {
		r->control = r->base;
		if (!set_url(&r->control, text, r->gateway))
			r->control.port = 0;
	} else if (str_eq(name, STR("service"))) {
		/* the first of the best kind */
		if (r->service && r->control.port &&
		    (!r->best.service || r->service < r->best.service)) {
			r->best.service = (uint8_t)r->service;
			r->best.url = r->control;
		}
		r->service = UPXML_NO_SERVICE;
		r->control.port = 0;
	}
}

bool upxml_described(struct str doc, struct addr gateway,
		     struct upxml_gateway *ret)
{
	struct reading r = { .base = ret->url, .gateway = gateway };

	if (!read_elements(doc, end_element, &r) || !r.best.service)
		return false;
	ret->url = r.best.url;
	ret->service = r.best.service;
	return true;
}

/* ---- SOAP ---------------------------------------------------------------- */

static void put_body(enum upxml_action action, const struct upxml_ask *a,
		     struct wr *w)
{
	const char *proto;

	if (action == UPXML_ADDRESS)
		return;
	proto = a->proto == IPPROTO_UDP ? "UDP" : "TCP";
	wr_fmt(w, "<NewRemoteHost></NewRemoteHost><NewExternalPort>%u"
	       "</NewExternalPort><NewProtocol>%s</NewProtocol>",
	       a->ext_port, proto);
	if (action == UPXML_DELETE)
		return;
	wr_fmt(w, "<NewInternalPort>%u</NewInternalPort><NewInternalClient>%s"
	       "</NewInternalClient><NewEnabled>1</NewEnabled>"
	       "<NewPortMappingDescription>upnpd</NewPortMappingDescription>"
	       "<NewLeaseDuration>%u</NewLeaseDuration>", a->port,
	       addr_text(a->client).text, (unsigned)a->lease_s);
}

static void put_envelope(const char *service, enum upxml_action action,
			 const struct upxml_ask *a, struct wr *w)
{
	const char *name = action_names[action];

	wr_fmt(w, "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\""
	       "http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\""
	       "http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
	       "<u:%s xmlns:u=\"%s\">", name, service);
	put_body(action, a, w);
	wr_fmt(w, "</u:%s></s:Body></s:Envelope>\r\n", name);
}

void upxml_call(struct addr gateway, const struct upxml_gateway *g,
		enum upxml_action action, const struct upxml_ask *a,
		struct wr *w)
{
	const char *service = service_names[g->service];
	char body[UPSTREAM_REQUEST_MAX];
	struct wr b = wr_init(body, sizeof(body));

	put_envelope(service, action, a, &b);
	wr_fmt(w, "POST %s HTTP/1.1\r\nHost: %s:%u\r\n"
	       "Content-Type: text/xml; charset=\"utf-8\"\r\n"
	       "SOAPAction: \"%s#%s\"\r\nContent-Length: %u\r\n"
	       "Connection: close\r\n\r\n", g->url.path,
	       addr_text(gateway).text, g->url.port, service,
	       action_names[action], (unsigned)b.len);
	wr_str(w, wr_done(&b));
}

static void take_value(void *arg, struct str name, struct str text)
{
	struct upxml_reply *r = arg;
	struct addr a;
	uint32_t n;

	if (str_eq(name, STR("NewExternalIPAddress")) &&
	    addr_parse(text, &a) && a.family == ADDR_IP4 && addr_is_host(a))
		r->ext = a;
	else if (str_eq(name, STR("NewReservedPort")) &&
		 !str_u32(text, 1, UINT16_MAX, &n))
		r->ext_port = (uint16_t)n;
	else if (str_eq(name, STR("errorCode")) &&
		 !str_u32(text, 1, UINT16_MAX, &n))
		r->error = (uint16_t)n;
}

bool upxml_answer(unsigned status, struct str body, struct upxml_reply *ret)
{
	struct upxml_reply r = { 0 };

	if (status != 200 && status != 500)
		return false;
	if (!read_elements(body, take_value, &r) ||
	    (status == 200) != !r.error)
		return false;
	*ret = r;
	return true;
}
