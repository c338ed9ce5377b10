/* SPDX-License-Identifier: ISC */
/*
 * genamsg.c - parse and write the texts of eventing.
 *
 * Invariant: the only text of a subscriber in a NOTIFY is the path, which has
 * only visible ASCII, so a subscriber cannot add a line to the request.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include "gena/genamsg.h"
#include "base/uuid.h"
#include "base/wr.h"

/* ---- CALLBACK ------------------------------------------------------ */

/* Split off the next <URL>. Return: 1, 0 none is left, -EINVAL */
static int next_url(struct str *rest, struct str *ret_url)
{
	struct str s = str_trim(*rest);

	if (!s.n)
		return 0;
	if (s.p[0] != '<' || !memchr(s.p, '>', s.n))
		return -EINVAL;
	s = str_skip(s, 1);
	str_cut(&s, '>', ret_url);
	*rest = s;
	return 1;
}

/* Characters of a URL, RFC 3986 2: no space, control character or '<'. */
static bool is_uri(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("<>\"\\^`{|}", s.p[i]))
			return false;
	}
	return true;
}

/* Return: host and port, RFC 3986 3.2 */
static struct str authority_of(struct str s)
{
	size_t n = 0;

	while (n < s.n && !strchr("/?#", s.p[n]))
		n++;
	return (struct str){ s.p, n };
}

/* Parse a URL. Return: true: events may be sent to it */
static bool parse_url(struct str url, const struct genamsg_owner *owner,
		      struct genamsg_url *ret, struct str *ret_path)
{
	struct str rest = str_skip(url, 7), authority, path;
	struct addr host;
	uint32_t port = 80;

	if (!str_istarts(url, STR("http://")) || !is_uri(url))
		return false;
	authority = authority_of(rest);
	rest = str_skip(rest, authority.n);
	if (!addr_host_parse(&authority, &host))
		return false;
	if (authority.n && str_u32(authority, 1, UINT16_MAX, &port))
		return false;
	if (!owner->owns(owner->arg, host))
		return false;
	path = (struct str){ rest.p, 0 };
	str_cut(&rest, '#', &path);
	*ret = (struct genamsg_url){ .host = host, .port = (uint16_t)port };
	*ret_path = path;
	return true;
}

static void add_url(struct genamsg_callback *cb, struct wr *text,
		    const struct genamsg_url *url, struct str path)
{
	size_t off = text->len;
	struct genamsg_url *place;

	if (!path.n || path.p[0] != '/')
		wr_ch(text, '/');
	wr_str(text, path);
	if (text->over)
		return;
	place = &cb->url[cb->n++];
	*place = *url;
	place->off = (uint16_t)off;
	place->len = (uint16_t)(text->len - off);
}

int genamsg_callback(struct str value, const struct genamsg_owner *owner,
		     struct genamsg_callback *ret)
{
	struct genamsg_callback cb = { .n = 0 };
	struct wr text = wr_init(cb.text, sizeof(cb.text));
	struct genamsg_url url;
	struct str text_url, path;
	int got;

	if (value.n > GENA_CALLBACK_MAX)
		return -EINVAL;
	while ((got = next_url(&value, &text_url)) > 0)
		if (cb.n < GENA_URLS_MAX &&
		    parse_url(text_url, owner, &url, &path))
			add_url(&cb, &text, &url, path);
	if (got < 0 || !cb.n)
		return -EINVAL;
	*ret = cb;
	return 0;
}

struct str genamsg_path(const struct genamsg_callback *cb,
			const struct genamsg_url *url)
{
	return (struct str){ cb->text + url->off, url->len };
}

bool genamsg_same(const struct genamsg_callback *a,
		  const struct genamsg_callback *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->url[i].port != b->url[i].port ||
		    !addr_equal(a->url[i].host, b->url[i].host) ||
		    !str_eq(genamsg_path(a, &a->url[i]),
			    genamsg_path(b, &b->url[i])))
			return false;
	return true;
}

/* ---- TIMEOUT, SID, SEQ --------------------------------------------- */

unsigned genamsg_timeout_s(struct str value)
{
	static const struct str prefix = { "Second-", 7 };
	uint32_t s;
	int err;

	if (str_ieq(value, STR("infinite")))
		return GENA_TIMEOUT_MAX_S;
	if (!str_istarts(value, prefix))
		return GENA_TIMEOUT_MIN_S;
	value = str_skip(value, prefix.n);
	if (str_ieq(value, STR("infinite")))
		return GENA_TIMEOUT_MAX_S;
	err = str_u32(value, 0, GENA_TIMEOUT_MAX_S, &s);
	if (err == -ERANGE)
		return GENA_TIMEOUT_MAX_S;
	return err || s < GENA_TIMEOUT_MIN_S ? GENA_TIMEOUT_MIN_S : s;
}

void genamsg_sid(const uint8_t rnd[16], char *ret)
{
	struct wr w = wr_init(ret, GENAMSG_SID_LEN + 1);
	uint8_t id[UUID_BYTES];

	memcpy(id, rnd, sizeof(id));
	uuid_make(id);
	wr_z(&w, "uuid:");
	uuid_put(&w, id);
	wr_cstr(&w);
}

uint32_t genamsg_next_seq(uint32_t seq)
{
	return seq == UINT32_MAX ? 1 : seq + 1;
}

/* ---- NOTIFY -------------------------------------------------------- */

void genamsg_notify(struct wr *w, const struct genamsg_notify *n)
{
	wr_fmt(w, "NOTIFY %.*s HTTP/1.1\r\nHOST: ", STR_F(n->path));
	addr_host_write(w, n->host);
	wr_fmt(w, ":%u\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n"
	       "CONTENT-LENGTH: %zu\r\nNT: upnp:event\r\n"
	       "NTS: upnp:propchange\r\nSID: %s\r\nSEQ: %u\r\n"
	       "CONNECTION: close\r\n\r\n",
	       n->port, n->body.n, n->sid, (unsigned)n->seq);
	wr_str(w, n->body);
}

void genamsg_open(struct wr *w)
{
	wr_z(w, "<?xml version=\"1.0\"?>\r\n<e:propertyset "
	     "xmlns:e=\"urn:schemas-upnp-org:event-1-0\">");
}

void genamsg_property(struct wr *w, const char *name, struct str value)
{
	wr_fmt(w, "<e:property><%s>", name);
	wr_xml(w, value);
	wr_fmt(w, "</%s></e:property>", name);
}

void genamsg_close(struct wr *w)
{
	wr_z(w, "</e:propertyset>\r\n");
}
