/* SPDX-License-Identifier: ISC */
/*
 * httpreq.c - check the head of an HTTP request, and read its method, path and
 * framing.
 *
 * Invariant: a request whose end another parser could see differently (two
 * lengths, a length and a coding) is refused.
 * Runs in: engine
 */
#include <errno.h>
#include "http/httpreq.h"
#include "base/wr.h"

/* Method names are case-sensitive (RFC 9110 9.1). Methods with 0 are known but
 * not served: they get 405 if the path exists. Any other method gets 501. */
static const struct {
	const char *name;
	unsigned method;
} methods[] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_HEAD },
	{ "POST", HTTP_POST },
	{ "SUBSCRIBE", HTTP_SUBSCRIBE },
	{ "UNSUBSCRIBE", HTTP_UNSUBSCRIBE },
	{ "OPTIONS", 0 },	/* a browser's preflight: there is no CORS */
	{ "PUT", 0 }, { "DELETE", 0 }, { "PATCH", 0 }, { "TRACE", 0 },
	{ "CONNECT", 0 },
};
#define METHODS_N (sizeof(methods) / sizeof(methods[0]))

static int read_method(struct str name, unsigned *ret)
{
	for (size_t i = 0; i < METHODS_N; i++) {
		if (!str_eq(name, str_z(methods[i].name)))
			continue;
		*ret = methods[i].method;
		return 0;
	}
	return -501;
}

void httpreq_allow(struct wr *w, unsigned mask)
{
	const char *sep = "";

	wr_z(w, "Allow: ");
	for (size_t i = 0; i < METHODS_N; i++) {
		if (!(mask & methods[i].method))
			continue;
		wr_fmt(w, "%s%s", sep, methods[i].name);
		sep = ", ";
	}
	wr_z(w, "\r\n");
}

/* An address, and perhaps ":" or ":port", as a client writes it in Host. */
static bool is_own(struct str host, struct addr own, uint16_t own_port)
{
	struct addr a;
	uint32_t port;

	if (!addr_host_parse(&host, &a) || !addr_equal(a, own))
		return false;
	if (!host.n)
		return true;
	return !str_u32(host, 0, UINT16_MAX, &port) && port == own_port;
}

static int check_host(const struct httpmsg *m, struct addr own,
		      uint16_t own_port)
{
	struct str host;
	size_t n = httpmsg_count(m, STR("Host"));

	if (n > 1)
		return -400;
	if (!n)
		return 0;	/* HTTP/1.0, and a library for microcontrollers.
				 * A browser always sends it */
	httpmsg_get(m, STR("Host"), &host);
	return is_own(host, own, own_port) ? 0 : -403;
}

/* Refuse requests that a web page makes: control points send no Origin, and no
 * Referer except with GET or HEAD. */
static int check_browser(const struct httpmsg *m, unsigned method)
{
	bool reads = method == HTTP_GET || method == HTTP_HEAD;

	if (httpmsg_count(m, STR("Origin")))
		return -403;
	return !reads && httpmsg_count(m, STR("Referer")) ? -403 : 0;
}

bool httpreq_is_visit(const struct httpmsg *m)
{
	return (str_eq(m->method, STR("GET")) ||
		str_eq(m->method, STR("HEAD"))) &&
	       !httpmsg_count(m, STR("Origin"));
}

/* Return: the byte that "%XY" at @s encodes, or -1 */
static int escaped(struct str s)
{
	int hi, lo;

	if (s.n < 3)
		return -1;
	hi = str_hex(s.p[1]);
	lo = str_hex(s.p[2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static int decode_path(struct str raw, struct wr *out)
{
	int c;

	while (raw.n) {
		c = *raw.p == '%' ? escaped(raw) : (unsigned char)*raw.p;
		/* no NUL and no other control character */
		if (c < 0x20 || c == 0x7f)
			return -400;
		wr_ch(out, (char)c);
		raw = str_skip(raw, *raw.p == '%' ? 3 : 1);
	}
	return out->over ? -431 : 0;
}

/* origin form "/path?query" or absolute form "http://own/path?query" */
static int read_target(struct str target, struct addr own, uint16_t own_port,
		       struct wr *out)
{
	const struct str scheme = STR("http://");
	struct str host, path = { 0 };
	bool absolute = str_istarts(target, scheme);

	if (absolute) {
		target = str_skip(target, scheme.n);
		host = (struct str){ target.p, 0 };
		while (host.n < target.n && target.p[host.n] != '/' &&
		       target.p[host.n] != '?')
			host.n++;
		if (!is_own(host, own, own_port))
			return -403;
		target = str_skip(target, host.n);
	}
	str_cut(&target, '?', &path);
	if (!path.n && absolute)
		path = STR("/");
	if (!path.n || path.p[0] != '/')
		return -400;
	return decode_path(path, out);
}

static int read_coding(const struct httpmsg *m, struct httpreq *r)
{
	struct str coding;

	if (httpmsg_count(m, STR("Content-Length")) || !m->minor)
		return -400;
	httpmsg_get(m, STR("Transfer-Encoding"), &coding);
	if (httpmsg_count(m, STR("Transfer-Encoding")) != 1 ||
	    !str_ieq(coding, STR("chunked")))
		return -501;
	r->chunked = true;
	return 0;
}

static int read_framing(const struct httpmsg *m, struct httpreq *r)
{
	struct str length;
	size_t n = httpmsg_count(m, STR("Content-Length"));

	if (httpmsg_count(m, STR("Transfer-Encoding")))
		return read_coding(m, r);
	if (!n)
		return r->method == HTTP_POST ? -411 : 0;
	if (n > 1)
		return -400;
	httpmsg_get(m, STR("Content-Length"), &length);
	switch (str_u32(length, 0, HTTP_BODY_MAX, &r->length)) {
	case 0:
		return 0;
	case -ERANGE:
		return -413;
	default:
		return -400;
	}
}

int httpreq_read(const struct httpmsg *m, struct addr own, uint16_t own_port,
		 struct wr *path, struct httpreq *ret)
{
	const struct str field = STR("Connection");
	struct httpreq r = { .http10 = m->minor == 0 };
	int err = read_method(m->method, &r.method);

	if (!err)
		err = check_host(m, own, own_port);
	if (!err)
		err = check_browser(m, r.method);
	if (!err)
		err = read_target(m->target, own, own_port, path);
	if (!err)
		err = read_framing(m, &r);
	if (err)
		return err;
	r.path = wr_done(path);
	r.keep_alive = !httpmsg_has_token(m, field, STR("close")) &&
		(!r.http10 || httpmsg_has_token(m, field, STR("keep-alive")));
	/* RFC 9110 10.1.1: a server ignores it from HTTP/1.0 */
	r.expect = !r.http10 && httpmsg_has_token(m, STR("Expect"),
						  STR("100-continue"));
	*ret = r;
	return 0;
}
