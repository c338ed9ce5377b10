/* SPDX-License-Identifier: ISC */
/*
 * urlroutes.c - route requests to documents, SOAP and events; list the search
 * targets. Runs in: engine
 */
#include "base/mem.h"
#include "base/wr.h"
#include "gena/gena.h"
#include "igd/peer.h"
#include "engine/urlroutes.h"
#include "soap.h"

#define XML_TYPE "text/xml; charset=\"utf-8\""

struct urlroutes {
	struct urlroutes_config config;
	struct loop *loop;
	struct httpd *httpd;
	struct soap *soap;
	struct gena *gena;
	char urn[SSDP_TARGETS_MAX][80];	/* of the targets */
	char doc[HTTP_REPLY_MAX];	/* the document that was sent last */
};

static const char *const root_path[3] = { NULL, "/igd1.xml", "/igd2.xml" };

static bool is_on(const struct urlroutes *s, unsigned n)
{
	return s->config.versions & 1u << n;
}

static unsigned methods(void *arg, struct str path)
{
	struct urlroutes *s = arg;
	const struct igd_service *svc;
	unsigned n;
	enum igd_doc doc = model_resolve(path, &n, &svc);

	if (s->config.page && str_eq(path, STR(STATUSPAGE_PATH)))
		return HTTP_GET;
	if (doc == IGD_NOTHING || !is_on(s, n))
		return 0;
	switch (doc) {
	case IGD_CONTROL:
		return HTTP_POST;
	case IGD_EVENT:		/* KTorrent posts actions there */
		return HTTP_SUBSCRIBE | HTTP_UNSUBSCRIBE | HTTP_POST;
	default:
		return HTTP_GET;
	}
}

static void send_soap(void *arg, uint32_t token, const struct soap_reply *r)
{
	struct urlroutes *s = arg;
	struct httpd_reply reply = { r->status, XML_TYPE, STR(""), r->body,
				     r->source };

	if (!r->body.n && !r->source)
		reply.content_type = NULL;
	httpd_reply(s->httpd, token, &reply);
	/* the action may have changed a variable */
	gena_mark_dirty(s->gena);
}

static void serve_post(struct urlroutes *s, const struct httpd_req *req,
		       const struct igd_service *svc, unsigned n)
{
	struct soap_post post = {
		.svc = svc, .n = n, .body = req->body,
		.client = req->peer, .local = req->local,
		.ifindex = req->ifindex,
		.token = req->id, .now_ms = loop_now_ms(s->loop),
	};
	struct soap_reply reply;

	httpmsg_get(req->head, STR("SOAPAction"), &post.soap_action);
	httpmsg_get(req->head, STR("Content-Type"), &post.content_type);
	if (soap_post(s->soap, &post, &reply))
		send_soap(s, req->id, &reply);
}

static void serve_event(struct urlroutes *s, const struct httpd_req *req,
			const struct igd_service *svc, unsigned n)
{
	struct gena_request request = {
		.subscribe = req->method == HTTP_SUBSCRIBE, .svc = svc, .n = n,
		.head = req->head, .peer = req->peer,
		.local = req->local, .ifindex = req->ifindex,
		.share = req->share,
	};
	struct gena_reply answer;
	struct httpd_reply reply = { 0 };

	gena_handle(s->gena, &request, &answer);
	reply.status = answer.status;
	reply.extra = answer.extra;
	httpd_reply(s->httpd, req->id, &reply);
}

/* Write a document. @svc: NULL: a root's description. Return: "" if it is too
 * long */
static struct str document(struct urlroutes *s, unsigned n,
			   const struct igd_service *svc, struct addr url_addr)
{
	struct wr w = wr_init(s->doc, sizeof(s->doc));

	if (svc)
		desc_scpd(&w, s->config.desc, svc, n);
	else
		desc_root(&w, s->config.desc, n, url_addr,
			  httpd_port(s->httpd));
	return w.over ? STR("") : wr_done(&w);
}

static void serve_page(struct urlroutes *s, const struct httpd_req *req)
{
	struct httpsource source;
	struct httpd_reply reply;

	statuspage_reply(s->config.page, req, loop_now_ms(s->loop), &source,
			 &reply);
	httpd_reply(s->httpd, req->id, &reply);
}

static void misnamed(void *arg, const struct httpends *ends,
		     struct httpd_reply *ret)
{
	struct urlroutes *s = arg;
	struct wr w = wr_init(s->doc, sizeof(s->doc));

	statuspage_misnamed(s->config.page, ends, &w, ret);
}

static void serve(void *arg, const struct httpd_req *req)
{
	struct urlroutes *s = arg;
	struct httpd_reply reply = { .status = 404 };
	const struct igd_service *svc = NULL;
	unsigned n;

	if (s->config.page && str_eq(req->path, STR(STATUSPAGE_PATH))) {
		serve_page(s, req);
		return;
	}
	switch (model_resolve(req->path, &n, &svc)) {
	case IGD_CONTROL:
		serve_post(s, req, svc, n);
		return;
	case IGD_ROOT_XML:
	case IGD_SCPD:
		reply.body = document(s, n, svc, req->url_addr);
		break;
	case IGD_EVENT:
		if (req->method == HTTP_POST)
			serve_post(s, req, svc, n);
		else
			serve_event(s, req, svc, n);
		return;
	case IGD_NOTHING:
		httpd_reply(s->httpd, req->id, &reply);
		return;
	}
	reply.status = reply.body.n ? 200 : 503;
	if (reply.body.n)
		reply.content_type = XML_TYPE;
	/* UDA 1.1 2.11 */
	if (httpmsg_count(req->head, STR("Accept-Language")))
		reply.extra = STR("Content-Language: en\r\n");
	httpd_reply(s->httpd, req->id, &reply);
}

static void aborted(void *arg, uint32_t id)
{
	struct urlroutes *s = arg;

	soap_cancel(s->soap, id);
}

static void refused(void *arg, struct addr peer, int status)
{
	struct urlroutes *s = arg;

	igd_refused(s->config.igd, status == 403 ? REFUSAL_HOST :
		    status ? REFUSAL_CONNECTIONS : REFUSAL_OUTSIDE, peer);
}

static struct addr share(void *arg, int ifindex, struct addr peer)
{
	const struct urlroutes *s = arg;
	const struct peer p = { s->config.igd, ifindex, peer };

	return peer_share(&p);
}

struct urlroutes *urlroutes_new(struct loop *loop,
				const struct urlroutes_config *config)
{
	struct httpd_config http = { config->server, config->wall_s };
	struct gena_config gena = { .igd = config->igd };
	struct httpd_routes routes = { methods, serve, aborted, refused, share,
				       config->page ? misnamed : NULL, NULL };
	struct urlroutes *s = mem_new(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	s->loop = loop;
	routes.arg = s;
	s->httpd = httpd_new(loop, &routes, &http);
	s->soap = soap_new(loop, config->igd, send_soap, s);
	s->gena = gena_new(loop, &gena);
	if (s->httpd && s->soap && s->gena)
		return s;
	gena_free(s->gena);
	httpd_free(s->httpd);
	soap_free(s->soap);
	mem_free(s, 1, sizeof(*s));
	return NULL;
}

struct httpd *urlroutes_httpd(struct urlroutes *s)
{
	return s->httpd;
}

size_t urlroutes_subscribers(const struct urlroutes *s)
{
	return gena_count(s->gena);
}

void urlroutes_mark_dirty(struct urlroutes *s)
{
	gena_mark_dirty(s->gena);
}

/* ---- search targets -------------------------------------------------- */

struct list {
	struct urlroutes *urlroutes;
	struct ssdp_target *at;
	size_t n;
};

static void add(struct list *l, const char *nt, const char *udn, unsigned root)
{
	if (l->n < SSDP_TARGETS_MAX)
		l->at[l->n++] = (struct ssdp_target){ nt, 0, udn,
						      root_path[root] };
}

static void add_urn(struct list *l, const char *kind, const char *name,
		    unsigned version, const char *udn, unsigned root)
{
	char *urn = l->urlroutes->urn[l->n < SSDP_TARGETS_MAX ? l->n : 0];
	struct wr w = wr_init(urn, sizeof(l->urlroutes->urn[0]));

	if (l->n == SSDP_TARGETS_MAX)
		return;
	wr_fmt(&w, "urn:schemas-upnp-org:%s:%s:", kind, name);
	l->at[l->n++] = (struct ssdp_target){ wr_cstr(&w), version, udn,
					      root_path[root] };
}

static void add_device(struct list *l, unsigned root, size_t d)
{
	const char *udn = l->urlroutes->config.desc->udn[root][d];
	const struct igd_device *dev = &igd_device[d];

	if (d == 0)
		add(l, "upnp:rootdevice", udn, root);
	add(l, udn, udn, root);
	add_urn(l, "device", dev->name, root, udn, root);
	for (size_t i = 0; i < model_service_n(dev, root); i++)
		add_urn(l, "service", dev->service[i]->name,
			model_service_version(dev->service[i], root), udn,
			root);
}

size_t urlroutes_targets(struct urlroutes *s, struct ssdp_target *ret)
{
	struct list l = { s, ret, 0 };

	for (unsigned root = 1; root <= 2; root++)
		for (size_t d = 0; d < IGD_DEVICES && is_on(s, root); d++)
			add_device(&l, root, d);
	return l.n;
}
