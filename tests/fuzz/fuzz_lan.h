/* SPDX-License-Identifier: ISC */
/*
 * fuzz_lan.h - programs on the LAN of an engine under test: HTTP clients,
 * subscribers to events, and upnpctl. They check each answer against the
 * firewall's rules (fuzz_monitor.h) at the time when it is sent.
 *
 * Include it once, after fuzz_monitor.h.
 */
#ifndef TESTS_FUZZ_FUZZ_LAN_H
#define TESTS_FUZZ_FUZZ_LAN_H

#include <sys/un.h>
#include "base/wr.h"
#include "http/httpmsg.h"
#include "ipc/ctlmsg.h"

#define LAN_HOST(n)	addr_ip4(0xc0a8580au + (n) % 4u)
#define LAN_CONNS	6
#define LAN_WANTS	8		/* requests that wait on a connection */
#define LAN_BUF		65536
#define LAN_SUBS	128
#define LAN_CTLS	(CTL_CLIENTS_MAX + 2)
#define LAN_IDS		4

/* The firewall may be asked whether an answer is true. */
static bool lan_trusts(void)
{
	return !mon.lied;
}

/* ---- HTTP ---------------------------------------------------------------- */

enum lan_kind {
	LAN_OTHER, LAN_PAGE, LAN_ADD, LAN_ANY, LAN_DELETE, LAN_SUBSCRIBE, LAN_ADD_PINHOLE,
};

struct lan_want {
	enum lan_kind kind;
	struct nat_rule rule;
	bool enabled;
	uint16_t cb_port;		/* of a subscription */
};

static struct lan_conn {
	int fd;				/* -1: closed */
	struct addr peer, at;
	bool raw;			/* it sent bytes of the input */
	bool stalled;			/* it does not read */
	bool late;			/* answers may have waited for it */
	struct lan_want want[LAN_WANTS];
	size_t want_n;
	char buf[LAN_BUF];		/* received */
	size_t n;
	char out[8192];			/* to be sent */
	size_t out_n, out_at;
} lan_conn[LAN_CONNS];

/* The pinholes that were made last, with their UniqueIDs. */
static struct lan_id {
	struct nat_rule rule;
	uint16_t id;			/* 0: none */
} lan_id[LAN_IDS];
static size_t lan_id_n;

static struct lan_sub {
	char sid[64];			/* "": none */
	struct addr host;
	uint16_t port;
	uint32_t seq;			/* of the last event */
	bool any, honest;		/* it gets and accepts every event */
	uint32_t entries;		/* as the last event said */
	uint64_t until_ms;
} lan_sub[LAN_SUBS];
static size_t lan_sub_n;
static uint8_t lan_events_how;		/* how subscribers answer */

/* Do events reach their subscribers? */
static bool lan_reached(void)
{
	return lan_events_how % 4 == 0 && !net.dial_fails && !net.dial_refused;
}

static void lan_set_events(uint8_t how, bool fails, bool refused)
{
	lan_events_how = how;
	net.dial_fails = fails;
	net.dial_refused = refused;
	for (size_t i = 0; i < lan_sub_n; i++)
		lan_sub[i].honest &= lan_reached();
}

static void lan_close(struct lan_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->n = c->want_n = c->out_n = c->out_at = 0;
	c->raw = c->stalled = c->late = false;
}

static bool lan_open(struct lan_conn *c, struct addr peer, struct addr at,
		     int ifindex)
{
	if (c->fd >= 0)
		return true;
	c->peer = peer;
	c->at = at;
	c->fd = net_connect(peer, at, ifindex);
	return c->fd >= 0;
}

/* The host as text, as in a URL. */
static struct addr_text lan_host_text(struct addr a)
{
	struct addr_text ret;
	struct wr w = wr_init(ret.text, sizeof(ret.text));

	addr_host_write(&w, a);
	wr_cstr(&w);
	return ret;
}

/* Send what is left, @max bytes at most. */
static void lan_flush(struct lan_conn *c, size_t max)
{
	size_t left = c->out_n - c->out_at;
	ssize_t n;

	if (c->fd < 0 || !left)
		return;
	n = send(c->fd, c->out + c->out_at, left < max ? left : max,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		c->out_at += (size_t)n;
	if (c->out_at == c->out_n)
		c->out_at = c->out_n = 0;
}

static void lan_put(struct lan_conn *c, struct str text)
{
	if (c->out_n + text.n > sizeof(c->out))
		return;
	memcpy(c->out + c->out_n, text.p, text.n);
	c->out_n += text.n;
}

static struct str lan_value(struct str body, const char *name)
{
	char tag[64];
	const char *p;
	struct str ret = { NULL, 0 };
	int n = snprintf(tag, sizeof(tag), "<%s>", name);

	p = memmem(body.p, body.n, tag, (size_t)n);
	if (p)
		for (ret.p = p + n; ret.p[ret.n] != '<'; ret.n++)
			;
	return ret;
}

static void lan_subscribed(const struct lan_conn *c, const struct lan_want *w,
			   const struct httpmsg *m)
{
	struct lan_sub *s = &lan_sub[lan_sub_n];
	struct str sid;

	CHECK(httpmsg_get(m, STR("SID"), &sid) && sid.n < sizeof(s->sid));
	for (size_t i = 0; i < lan_sub_n; i++)
		if (str_eq(str_z(lan_sub[i].sid), sid))
			return;		/* renewed */
	if (lan_sub_n == LAN_SUBS)
		return;
	lan_sub_n++;
	*s = (struct lan_sub){ .host = c->peer, .port = w->cb_port };
	str_copy(s->sid, sizeof(s->sid), sid);
	s->honest = lan_trusts() && lan_reached() && !c->late;
	/* one of many may have given up its place */
	for (size_t i = 0; lan_sub_n > GENA_SUBS_PER_CLIENT && i < lan_sub_n;
	     i++)
		lan_sub[i].honest = false;
	s->until_ms = net.clock_ms + UINT64_C(1000) * GENA_TIMEOUT_MIN_S;
}

/* A pinhole has one UniqueID as long as it lives. */
static void lan_keep_id(const struct nat_rule *r, struct str body)
{
	struct lan_id *to = &lan_id[lan_id_n++ % LAN_IDS];
	uint32_t id;

	CHECK(!str_u32(lan_value(body, "UniqueID"), 1, 65535, &id));
	*to = (struct lan_id){ *r, (uint16_t)id };
}

/* A success. The firewall must agree. */
static void lan_check(const struct lan_conn *c, const struct lan_want *w,
		      struct str body)
{
	const struct nat_rule *r;
	struct nat_rule rule = w->rule;
	uint32_t port;

	if (w->kind == LAN_ADD_PINHOLE)
		lan_keep_id(&rule, body);
	if (c->late || !lan_trusts())
		return;
	if (w->kind == LAN_ANY) {
		CHECK(!str_u32(lan_value(body, "NewReservedPort"), 1, 65535,
			       &port));
		rule.ext_port = (uint16_t)port;
	}
	r = mon_rule(&rule);
	if (w->kind == LAN_DELETE)
		CHECK(!r);
	else if (w->kind > LAN_PAGE && w->enabled)
		CHECK(r && nat_rule_equal(r, &rule));
}

/* The status page: whole, and without anything that a program wrote as HTML.
 * @body: in chunks, one of which may divide a tag */
static void lan_page(struct str body)
{
	static const char head[] = "<!DOCTYPE html>";

	CHECK(memmem(body.p, body.n, head, sizeof(head) - 1));
	CHECK(memmem(body.p, body.n, "</html>\n\r\n00000000\r\n\r\n", 22));
	CHECK(!memmem(body.p, body.n, "<script", 7));
}

static void lan_reply(struct lan_conn *c, const struct httpmsg *m,
		      struct str body)
{
	struct lan_want w;

	CHECK(m->status);
	if (c->raw || m->status == 100)
		return;
	if (!c->want_n) {
		CHECK(m->status >= 400);	/* why it is closed */
		return;
	}
	w = c->want[0];
	memmove(c->want, c->want + 1, --c->want_n * sizeof(w));
	if (m->status != 200)
		return;
	if (w.kind == LAN_SUBSCRIBE)
		lan_subscribed(c, &w, m);
	else if (w.kind == LAN_PAGE)
		lan_page(body);
	else
		lan_check(c, &w, body);
}

/* The length of a body in chunks. Return: false: it is not complete */
static bool lan_chunks(struct str s, uint32_t *ret)
{
	const size_t all = s.n;
	char *end;
	size_t n;

	do {
		if (s.n < 12)
			return false;
		n = strtoul(s.p, &end, 16);
		CHECK(end == s.p + 8 && n <= LAN_BUF);
		CHECK(!memcmp(end, "\r\n", 2));
		s = str_skip(s, 10);
		if (s.n < n + 2)
			return false;
		CHECK(!memcmp(s.p + n, "\r\n", 2));
		s = str_skip(s, n + 2);
	} while (n);
	*ret = (uint32_t)(all - s.n);
	return true;
}

/* Handle the complete replies. */
static void lan_parse(struct lan_conn *c)
{
	struct str length;
	struct httpmsg m;
	uint32_t body_n;
	ssize_t n;

	while (c->n) {
		n = httpmsg_parse(c->buf, c->n, &m);
		CHECK(n >= 0);
		if (!n)
			break;
		body_n = 0;
		if (httpmsg_get(&m, STR("Content-Length"), &length))
			CHECK(!str_u32(length, 0, LAN_BUF, &body_n));
		else if (httpmsg_count(&m, STR("Transfer-Encoding")) &&
			 !lan_chunks((struct str){ c->buf + n,
						   c->n - (size_t)n },
				     &body_n))
			break;
		if (c->n - (size_t)n < body_n)
			break;
		lan_reply(c, &m, (struct str){ c->buf + n, body_n });
		c->n -= (size_t)n + body_n;
		memmove(c->buf, c->buf + n + body_n, c->n);
	}
}

static void lan_read(struct lan_conn *c)
{
	ssize_t n = 0;

	while (c->fd >= 0 && !c->stalled && c->n < LAN_BUF &&
	       (n = recv(c->fd, c->buf + c->n, LAN_BUF - c->n,
			 MSG_DONTWAIT)) > 0) {
		c->n += (size_t)n;
		if (!c->raw)
			lan_parse(c);
		else
			c->n = 0;
	}
	if (c->fd >= 0 && !c->stalled && (n == 0 || (n < 0 &&
						      errno != EAGAIN)))
		lan_close(c);
}

/* ---- events -------------------------------------------------------------- */

static struct lan_sub *lan_sub_find(struct str sid)
{
	for (size_t i = 0; i < lan_sub_n; i++)
		if (str_eq(str_z(lan_sub[i].sid), sid))
			return &lan_sub[i];
	return NULL;
}

static void lan_event(const struct httpmsg *m, struct str body,
		      struct addr peer, uint16_t port, bool accepted)
{
	struct str sid, seq, value;
	struct lan_sub *s;
	uint32_t v;

	CHECK(str_eq(m->method, STR("NOTIFY")));
	CHECK(httpmsg_get(m, STR("SID"), &sid));
	CHECK(httpmsg_get(m, STR("SEQ"), &seq) &&
	      !str_u32(seq, 0, UINT32_MAX, &v));
	s = lan_sub_find(sid);
	if (!s)
		return;			/* the answer has not been read */
	CHECK(addr_equal(s->host, peer) && s->port == port);
	CHECK(s->any ? v > s->seq : v == 0 || !s->honest);
	s->any = true;
	s->seq = v;
	s->honest &= accepted;
	value = lan_value(body, "PortMappingNumberOfEntries");
	if (value.p)
		CHECK(!str_u32(value, 0, 65535, &s->entries));
}

/* Serve the connection number @i of the engine. */
static void lan_serve_event(size_t i)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";
	static const char gone[] = "HTTP/1.1 412 Gone\r\n\r\n";
	const unsigned how = lan_events_how % 4;
	char buf[GENA_MSG_MAX + 1];
	struct str length;
	struct httpmsg m;
	uint32_t body_n = 0;
	int fd = net.dial[i].fd;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK), head;

	if (n < 0 && errno == EAGAIN)
		return;
	head = n > 0 ? httpmsg_parse(buf, (size_t)n, &m) : 0;
	if (head > 0) {
		CHECK(httpmsg_get(&m, STR("Content-Length"), &length));
		CHECK(!str_u32(length, 0, GENA_BODY_MAX, &body_n));
		CHECK((size_t)n == (size_t)head + body_n);
		lan_event(&m, (struct str){ buf + head, body_n },
			  net.dial[i].peer, net.dial[i].port, how == 0);
		recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (how == 0)
			send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
		else if (how == 1)
			send(fd, gone, sizeof(gone) - 1, MSG_NOSIGNAL);
	}
	if (n <= 0 || how == 2) {
		close(fd);
		net.dial[i].fd = -1;
	}
}

static void lan_serve_events(void)
{
	for (size_t i = 0; i < net.dial_n; i++)
		if (net.dial[i].fd >= 0)
			lan_serve_event(i);
}

/* ---- upnpctl ------------------------------------------------------------- */

static struct lan_ctl {
	int fd;				/* -1: not connected */
	uint32_t verb;
	bool ended;			/* CTL_END was received */
	uint32_t disabled;
} lan_ctl[LAN_CTLS];
static struct ctl_status lan_status;	/* the last one */

static void lan_ctl_close(struct lan_ctl *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct lan_ctl){ .fd = -1 };
}

static void lan_ctl_check(const struct lan_ctl *c, const struct ctl_rep *rep)
{
	const struct ctl_mapping *m = &rep->mapping;
	const struct nat_rule *r;

	CHECK(rep->version == CTL_VERSION);
	switch (rep->kind) {
	case CTL_END:
		CHECK(rep->end.err <= CTL_EFAIL && rep->end.refusal < REFUSALS);
		break;
	case CTL_STATUS_IS:
		lan_status = rep->status;
		CHECK(lan_status.mappings <= lan_status.mappings_max);
		CHECK(lan_status.subscribers <= GENA_SUBS_MAX);
		break;
	case CTL_LOST:
	case CTL_READY:
		break;
	case CTL_REFUSED:
		CHECK(rep->refused.why < REFUSALS &&
		      rep->refused.rule.kind < NAT_KINDS);
		break;
	case CTL_RULE:
		CHECK(rep->rule.ext_lo <= rep->rule.ext_hi &&
		      rep->rule.ext_hi <= UINT16_MAX);
		CHECK(rep->rule.int_lo <= rep->rule.int_hi &&
		      rep->rule.int_hi <= UINT16_MAX);
		break;
	default:
		CHECK(rep->kind <= CTL_LOST && nat_rule_sane(&m->rule));
		CHECK(memchr(m->desc, '\0', PM_DESC_MAX + 1));
		r = mon_rule(&m->rule);
		if (rep->kind == CTL_ADDED && c->verb == CTL_ADD &&
		    m->enabled && !m->suspended && !m->overruled &&
		    lan_trusts())
			CHECK(r && nat_rule_equal(r, &m->rule));
	}
}

static void lan_ctl_read(struct lan_ctl *c)
{
	struct ctl_rep rep;
	ssize_t n = -1;

	while (c->fd >= 0 &&
	       (n = recv(c->fd, &rep, sizeof(rep), MSG_TRUNC)) > 0) {
		CHECK(n == sizeof(rep) && !c->ended);
		lan_ctl_check(c, &rep);
		c->ended = rep.kind == CTL_END;
	}
	if (n == 0)
		lan_ctl_close(c);
}

/* ---- all of them --------------------------------------------------------- */

static void lan_read_all(void)
{
	for (size_t i = 0; i < LAN_CONNS; i++)
		lan_read(&lan_conn[i]);
	for (size_t i = 0; i < LAN_CTLS; i++)
		lan_ctl_read(&lan_ctl[i]);
	lan_serve_events();
}

/* No program is connected: the engine is new. */
static void lan_begin(void)
{
	for (size_t i = 0; i < LAN_CONNS; i++) {
		lan_conn[i].fd = -1;
		lan_close(&lan_conn[i]);
	}
	for (size_t i = 0; i < LAN_CTLS; i++)
		lan_ctl[i] = (struct lan_ctl){ .fd = -1 };
	lan_sub_n = 0;
	lan_events_how = 0;
}

#endif
