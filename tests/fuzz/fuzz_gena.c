/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gena.c - the heads of SUBSCRIBE and UNSUBSCRIBE, and the NOTIFYs that
 * follow them.
 *
 * Input: heads, one after another. SIDs are the same in every run, so the input
 * may contain valid ones. A request whose Host is in brackets comes over IPv6,
 * from a host with four addresses; the neighbour table knows one of them not
 * yet.
 *
 * Holds: a subscriber has named its own address; events are sent there; a
 * NOTIFY has one head with our fields, and a well-formed body of the announced
 * length; an answer has two lines, with a timeout in range.
 */
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/wr.h"
#include "fuzz.h"
#include "fuzz_igd.h"
#include "gena/gena.h"
#include "gena/genamsg.h"
#include "xmltiny.h"

#define FIELDS		8	/* in each NOTIFY of ours */
#define REQUESTS_MAX	40
#define MADE_MAX	256

/* Over IPv6: the router, and a host with two of these addresses and those of
 * GW_CLIENT(0) and ASKED6. */
#define ROUTER6	(addr6("fe80::1"))
#define IFINDEX	2	/* of gw_init()'s network */
static const char *const host6[] = { "fe80::10", "2001:db8:88::10" };
#define ASKED6	(addr6("2001:db8:88::1a"))

static struct gateway gw;
static struct loop *loop;
static struct gena *gena;
static struct {
	int fd;
	uint16_t port;
	struct addr host;
} made[MADE_MAX];
static size_t made_n;
static uint8_t seed;

/* ---- the other side ------------------------------------------------------ */

ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags)
{
	memset(p, seed++, n);
	return (ssize_t)n;
}

static uint64_t fake_clock(void)
{
	return gw.now_ms;
}

static struct addr addr6(const char *text)
{
	struct addr a;

	CHECK(addr_parse(str_z(text), &a));
	return a;
}

static bool is_host6(struct addr a)
{
	return addr_equal(a, addr6(host6[0])) ||
	       addr_equal(a, addr6(host6[1])) || addr_equal(a, GW_CLIENT(0));
}

static enum map_same same_host(void *arg, int ifindex, struct addr requester,
			       struct addr client)
{
	CHECK(ifindex == IFINDEX && !addr_equal(requester, client));
	if (!is_host6(requester))
		return MAP_OTHER;
	if (addr_equal(client, ASKED6))
		return MAP_ASKED;
	return is_host6(client) ? MAP_SAME : MAP_OTHER;
}

/* A message leaves from the router's address that was asked, if it goes to the
 * address that asked. */
static int fake_connect(struct addr local, struct addr peer, uint16_t port,
			int ifindex)
{
	int fd[2];

	CHECK(addr_equal(peer, GW_CLIENT(1)) || is_host6(peer));
	CHECK(local.family == ADDR_NONE || local.family == peer.family);
	CHECK(port && ifindex == IFINDEX);
	if (made_n == MADE_MAX)
		return -1;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	made[made_n].fd = fd[1];
	made[made_n].host = peer;
	made[made_n++].port = port;
	return fd[0];
}

/* ---- output -------------------------------------------------------------- */

static void check_xml(struct str doc)
{
	enum xml_token t;
	struct xml x;

	xmltiny_init(&x, doc);
	do {
		t = xmltiny_next(&x);
		CHECK(t != XML_ERR);
	} while (t != XML_END);
}

static void check_notify(struct str text, struct addr to, uint16_t port)
{
	struct str host, length;
	struct addr said;
	struct httpmsg m;
	ssize_t n = httpmsg_parse(text.p, text.n, &m);
	uint32_t body_n, told;

	CHECK(n > 0 && text.n <= GENA_MSG_MAX);
	CHECK(str_eq(m.method, STR("NOTIFY")) && m.target.p[0] == '/');
	CHECK(m.field_n == FIELDS);
	CHECK(httpmsg_get(&m, STR("HOST"), &host));
	CHECK(addr_host_parse(&host, &said) && addr_equal(said, to));
	CHECK(!str_u32(host, 1, 65535, &told) && told == port);
	CHECK(httpmsg_get(&m, STR("CONTENT-LENGTH"), &length));
	CHECK(!str_u32(length, 1, GENA_BODY_MAX, &body_n));
	CHECK(body_n == text.n - (size_t)n);
	check_xml(str_skip(text, (size_t)n));
}

static void rounds(void)
{
	for (int i = 0; i < 3; i++)
		CHECK(loop_step(loop, 0) == 0);
}

/* Read every connection to its end, and answer it. */
static void answer_all(uint8_t how)
{
	static const char *const answer[] = {
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 412 No\r\n\r\n",
		"HTTP/1.1 500 No\r\n\r\n", "rubbish\n",
	};
	const char *said = answer[how % 4];
	char buf[GENA_MSG_MAX + 1];
	ssize_t n;

	for (size_t i = 0; i < made_n; i++) {
		n = read(made[i].fd, buf, sizeof(buf));
		if (n <= 0)
			continue;
		check_notify((struct str){ buf, (size_t)n }, made[i].host,
			     made[i].port);
		send(made[i].fd, said, strlen(said), MSG_NOSIGNAL);
	}
	rounds();
}

/* ---- input --------------------------------------------------------------- */

static void check_granted(struct str extra)
{
	static const char timeout[] = "\r\nTIMEOUT: Second-";
	uint32_t s;

	CHECK(str_starts(extra, STR("SID: uuid:")));
	extra = str_skip(extra, 5 + GENAMSG_SID_LEN);
	CHECK(str_starts(extra, str_z(timeout)));
	extra = str_skip(extra, sizeof(timeout) - 1);
	CHECK(extra.n > 2 && !memcmp(extra.p + extra.n - 2, "\r\n", 2));
	extra.n -= 2;
	CHECK(!str_u32(extra, GENA_TIMEOUT_MIN_S, GENA_TIMEOUT_MAX_S, &s));
}

/* CallStranger: a URL with another host gets no event. */
static void check_callback(const struct gena_request *q)
{
	struct str sid, callback;
	char ip[32];
	struct wr w = wr_init(ip, sizeof(ip));

	if (!q->subscribe || httpmsg_get(q->head, STR("SID"), &sid))
		return;
	/* the other host has other addresses: fake_connect() checks them */
	if (!addr_equal(q->peer, GW_CLIENT(1)))
		return;
	addr_write(&w, q->peer);
	CHECK(httpmsg_get(q->head, STR("CALLBACK"), &callback));
	CHECK(memmem(callback.p, callback.n, w.buf, w.len));
}

static void check_answer(const struct gena_reply *a, bool granted)
{
	switch (a->status) {
	case 200:
		if (granted)
			check_granted(a->extra);
		else
			CHECK(!a->extra.n);
		break;
	case 400:
	case 412:
	case 503:
		CHECK(!a->extra.n);
		break;
	default:
		CHECK(!"a status that is known");
	}
	CHECK(gena_count(gena) <= GENA_SUBS_MAX);
}

/* HTTP's minor version selects what the head does not: the requester, and the
 * answers to events. */
static void ask(const struct httpmsg *m)
{
	struct gena_request q = {
		.subscribe = str_eq(m->method, STR("SUBSCRIBE")),
		.head = m, .peer = GW_CLIENT(m->minor & 1),
		.local = GW_ROUTER, .ifindex = IFINDEX,
	};
	struct gena_reply a = { 0 };
	struct str host;

	if (httpmsg_get(m, STR("Host"), &host) && str_starts(host, STR("["))) {
		q.peer = addr6(host6[m->minor & 1]);
		q.local = ROUTER6;
	}
	q.share = q.peer;

	if (m->status || !m->target.n || m->target.p[0] != '/' ||
	    model_resolve(m->target, &q.n, &q.svc) != IGD_EVENT)
		return;
	gena_handle(gena, &q, &a);
	check_answer(&a, q.subscribe);
	if (a.status == 200)
		check_callback(&q);
	rounds();
	if (m->minor & 2)
		return;
	answer_all((uint8_t)(m->minor >> 2));
	gw.map.ext.byte[3]++;
	gena_mark_dirty(gena);
	gw.now_ms += m->minor > 7 ? 3000000 : 300;
	rounds();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct gena_config config = { &gw.igd, fake_connect };
	struct map_ops ops = gw_map_ops;
	const char *p = (const char *)data;
	struct httpmsg m;
	ssize_t got = 1;

	gw_init(&gw);
	ops.same_host = same_host;
	gw.map.ops = &ops;
	gw.map.policy.net[1] = (struct netif_addr){
		IFINDEX, "", { addr6("2001:db8:88::1"), 64 }
	};
	gw.map.policy.net_n = 2;
	made_n = 0;
	seed = 0;
	loop = loop_new(GENA_SUBS_MAX, fake_clock);
	gena = gena_new(loop, &config);
	CHECK(loop && gena);
	for (int i = 0; i < REQUESTS_MAX && got > 0; i++) {
		got = httpmsg_parse(p, n, &m);
		if (got <= 0)
			break;
		ask(&m);
		p += got;
		n -= (size_t)got;
	}
	answer_all(0);
	gw.now_ms += 1000ull * GENA_TIMEOUT_MAX_S;
	rounds();
	CHECK(!gena_count(gena));
	gena_free(gena);
	loop_free(loop);
	gw_done(&gw);
	for (size_t i = 0; i < made_n; i++)
		close(made[i].fd);
	return 0;
}
