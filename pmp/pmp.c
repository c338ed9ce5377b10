/* SPDX-License-Identifier: ISC */
/*
 * pmp.c - the server of NAT-PMP and PCP: sockets, rates, requests that wait.
 *
 * A request that only reads is answered at once. One that changes a mapping has
 * a place in pmp.pending until the kernel has the rule. Clients repeat requests
 * soon (NAT-PMP after 250 ms), so the copy of a request that waits is dropped:
 * one answer is sent.
 *
 * Owns: the sockets, and the requests that wait.
 * Never does: answer what arrived on another interface than an internal one, or
 * from outside its networks (sys/ifsock.h); send more than one datagram for one.
 *
 * Runs in: engine
 */
#include "pmp/pmp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/addrshare.h"
#include "base/bucket.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/portnumbers.h"
#include "pmp/natpmp.h"
#include "pmp/pcp.h"
#include "pmp/pmpannounce.h"
#include "pmp/pmpask.h"
#include "pmp/pmpmsg.h"
#include "pmp/pmpupdate.h"
#include "sys/ifsock.h"

/* A request that waits for the mapping core, or for the monitor. */
struct pending {
	struct pmpask ask;
	struct pmp *pmp;
	const struct ifsock *sock;	/* NULL: this place is free */
	uint16_t port;			/* of the source */
	struct addr share;
	bool held;			/* it has not begun: see is_held() */
	uint32_t seq;			/* grows in the order of arrival */
	size_t n;
	uint8_t request[PMP_MSG_MAX];
};

struct pmp {
	struct loop *loop;
	struct pmp_config config;
	struct ifsock_set socks;
	struct buckets rate;		/* of requests, for each share */
	struct pmpannounce announce;
	struct pmpupdate update;
	uint32_t seq;			/* of the next request that waits */
	/* those from pending_n on are free. Memory that was never used costs
	 * nothing, so the first free place is taken */
	size_t pending_n;
	struct pending pending[PMP_PENDING_MAX];
};

/* A request as it arrived. */
struct request {
	const struct ifsock *sock;	/* that was asked */
	int ifindex;			/* on which it arrived */
	struct addr source, share;
	uint16_t port;
	struct str datagram;
};

#define FOR_EACH(p, s) \
	for (p = (s)->pending; p < (s)->pending + (s)->pending_n; p++)

/* ---- answers ------------------------------------------------------------- */

/*
 * The kernel keeps a datagram until the hardware address of its receiver is
 * known, and charges it to its socket for seconds. A flood from forged sources
 * could so block the answers to all others. If the buffer is full, another
 * socket sends.
 */
static void send_to(const struct ifsock *sock, uint8_t *buf, size_t n,
		    struct addr to, uint16_t port)
{
	int sender, err = ifsock_send(sock->io.fd, sock, buf, n, to, port);

	if (err != -EAGAIN && err != -ENOBUFS)
		return;
	sender = ifsock_sender(sock);
	if (sender < 0)
		return;
	ifsock_send(sender, sock, buf, n, to, port);
	close(sender);
}

static void answer(struct pmp *s, const struct request *r,
		   const struct pmpmsg *m, struct pmpmsg_answer *a)
{
	uint8_t buf[PMP_MSG_MAX];
	size_t n;

	a->epoch_s = s->config.epoch_s(s->config.arg);
	n = pmpmsg_write(m, r->datagram, a, buf);
	send_to(r->sock, buf, n, r->source, r->port);
}

/* What needs neither the core nor the monitor: an error of the parser, the
 * external address, and ANNOUNCE. */
static void answer_now(struct pmp *s, const struct request *r,
		       const struct pmpmsg *m)
{
	struct pmpmsg_answer a = { .result = m->result };

	if (m->version == PMP_VERSION_PCP) {
		if (m->result)
			a.lifetime_s = pcp_error_s(m->result);
	} else if (!m->result) {
		a.ext = s->config.map->ext;
		if (!addr_is_set(a.ext))
			a.result = NATPMP_NETWORK_FAILURE;
	}
	answer(s, r, m, &a);
}

/* ---- requests that may wait ---------------------------------------------- */

static bool is_copy(const struct pending *p, const struct request *r)
{
	return p->sock == r->sock && p->port == r->port &&
	       p->n == r->datagram.n && addr_equal(p->ask.source, r->source) &&
	       !memcmp(p->request, r->datagram.p, p->n);
}

/* Return: a free place; NULL: there is none, the source has its part of them,
 * or a copy of the request waits */
static struct pending *find_place(struct pmp *s, const struct request *r)
{
	struct pending *p, *place = NULL;
	unsigned same = 0;

	FOR_EACH(p, s) {
		if (!p->sock)
			place = place ? place : p;
		else if (is_copy(p, r))
			return NULL;
		else if (addr_equal(p->share, r->share))
			same++;
	}
	if (same >= PMP_PENDING_PER_CLIENT)
		return NULL;
	if (!place && s->pending_n < PMP_PENDING_MAX)
		place = &s->pending[s->pending_n++];
	return place;
}

static void free_place(struct pending *p)
{
	struct pmp *s = p->pmp;

	p->sock = NULL;
	while (s->pending_n && !s->pending[s->pending_n - 1].sock)
		s->pending_n--;
}

static void finish(struct pending *p)
{
	const struct request r = {
		.sock = p->sock, .source = p->ask.source, .port = p->port,
		.datagram = { (const char *)p->request, p->n },
	};

	if (!p->ask.answer.result && p->ask.made.kind)
		pmpupdate_note(&p->pmp->update, &p->ask, p->port,
			       ifsock_index(p->sock));
	answer(p->pmp, &r, &p->ask.msg, &p->ask.answer);
	free_place(p);
}

static void begin(struct pending *p)
{
	struct pmpask *a = &p->ask;

	p->held = false;
	if (a->msg.version == PMP_VERSION_PCP ? pcp_start(a) :
						natpmp_start(a))
		finish(p);
}

/* Does it delete all of the client's mappings of one protocol? */
static bool deletes_all(const struct pending *p)
{
	const struct pmpmsg *m = &p->ask.msg;

	return m->version == PMP_VERSION_NAT_PMP && !m->lifetime_s &&
	       !m->int_port;
}

/*
 * A program that starts may delete all of its host's mappings, and request its
 * own at once, without waiting for the answers (Jami). The deletion may have to
 * wait for others, and must not delete what was requested after it: so the
 * requests behind it wait until it is done.
 */
static bool is_held(struct pmp *s, struct addr source)
{
	const struct pending *p;

	FOR_EACH(p, s)
		if (p->sock && !p->held && deletes_all(p) &&
		    addr_equal(p->ask.source, source))
			return true;
	return false;
}

/* Begin the requests of @source that were held, in the order of arrival. */
static void release(struct pmp *s, struct addr source)
{
	struct pending *p, *first;

	do {
		first = NULL;
		FOR_EACH(p, s)
			if (p->sock && p->held &&
			    addr_equal(p->ask.source, source) &&
			    (!first || (int32_t)(p->seq - first->seq) < 0))
				first = p;
		if (first)
			begin(first);
	} while (first && !is_held(s, source));
}

/* struct pmpask.done */
static void on_done(struct pmpask *a)
{
	struct pending *p = LOOP_OWNER(a, struct pending, ask);
	const struct addr source = a->source;
	const bool all = deletes_all(p);

	finish(p);		/* another request may have the place now */
	if (all)
		release(p->pmp, source);
}

/* struct pmpask.ask_flow */
static void on_ask_flow(struct pmpask *a)
{
	const struct pmp_config *c = &LOOP_OWNER(a, struct pending,
						 ask)->pmp->config;

	c->ask_flow(c->arg, &a->flow);
}

void pmp_flow(struct pmp *s, const struct nat_rule *rule, uint16_t ext_port)
{
	struct pending *p;

	FOR_EACH(p, s)
		if (p->sock && p->ask.asks_flow &&
		    nat_rule_equal(&p->ask.flow, rule) &&
		    pcp_flow(&p->ask, ext_port))
			finish(p);
}

static bool may_third_party(const struct pmp *s, struct addr source)
{
	const struct pmp_config *c = &s->config;

	return c->may_ask_for_others && c->may_ask_for_others(c->arg, source);
}

/* A request that finds no place is dropped, as RFC 6887 8.2 allows: its client
 * repeats it. */
static void start(struct pmp *s, const struct request *r,
		  const struct pmpmsg *m)
{
	struct pending *p = find_place(s, r);

	/* the parser lets no longer one through */
	if (!p || r->datagram.n > sizeof(p->request))
		return;
	p->ask = (struct pmpask){
		.map = s->config.map, .loop = s->loop, .msg = *m,
		.source = r->source, .ifindex = r->ifindex, .done = on_done,
		.may_third_party = m->third_party &&
				   may_third_party(s, r->source),
		.ask_flow = s->config.ask_flow ? on_ask_flow : NULL,
	};
	p->pmp = s;
	p->sock = r->sock;
	p->port = r->port;
	p->share = r->share;
	p->n = r->datagram.n;
	memcpy(p->request, r->datagram.p, p->n);
	p->seq = s->seq++;
	p->held = true;
	if (!is_held(s, r->source))
		begin(p);
}

static void forget(struct pending *p)
{
	if (!p->held)
		map_cancel(p->ask.map, &p->ask.wait);
	free_place(p);
}

/* ---- mapping updates ------------------------------------------------------ */

/* struct pmpupdate.send: the answer to a request as the client has sent it. */
static void send_update(struct pmpupdate *u, const struct pmpupdate_client *c,
			const struct pmpmsg *m, struct pmpmsg_answer *a)
{
	struct pmp *s = LOOP_OWNER(u, struct pmp, update);
	uint8_t text[PMP_MSG_MAX];
	const struct request r = {
		.sock = &s->socks.sock[c->sock], .source = addr_ip4(c->ip),
		.port = c->port,
		.datagram = { (const char *)text,
			      pmpmsg_write_request(m, text) },
	};

	if (r.sock->io.fd >= 0 && r.sock->at.net.addr.family == ADDR_IP4)
		answer(s, &r, m, a);
}

/* ---- receiving ----------------------------------------------------------- */

static struct addr share_of(const struct pmp *s, int ifindex, struct addr peer)
{
	const struct pmp_config *c = &s->config;

	return c->share ? c->share(c->arg, ifindex, peer) :
			  addr_share(peer, (struct addr){ 0 });
}

/* An answer to the address of a network, or to its broadcast address, would
 * reach every host. */
static bool is_host_of(const struct addr_net *net, struct addr peer)
{
	if (peer.family != ADDR_IP4 || net->bits + 1u >= addr_bits(peer))
		return true;
	return !addr_equal(peer, addr_net_first(net)) &&
	       !addr_equal(peer, addr_net_last(net));
}

static void handle(struct pmp *s, const struct request *r)
{
	const struct pmpmsg_context c = {
		.nat_pmp = s->config.nat_pmp && r->source.family == ADDR_IP4,
		.pcp = s->config.pcp, .source = r->source,
	};
	struct pmpmsg m;

	if (!pmpmsg_parse(r->datagram, &c, &m))
		return;
	if (m.result || m.opcode == NATPMP_ADDRESS)	/* PCP_ANNOUNCE too */
		answer_now(s, r, &m);
	else
		start(s, r, &m);
}

/* Receive one datagram. The answer leaves from the address that was asked, even
 * if another interface than its own received the request. Return: false: there
 * is none */
static bool receive(struct pmp *s, struct ifsock *sock)
{
	char buf[PMP_DATAGRAM_MAX];
	struct request r = { .sock = sock };
	struct ifsock *local;
	ssize_t n = ifsock_recv(sock, buf, sizeof(buf), &r.source, &r.port,
				&local);

	if (n <= 0 || !is_host_of(&local->at.net, r.source))
		return n >= 0;
	r.ifindex = local->at.ifindex;
	r.share = share_of(s, r.ifindex, r.source);
	r.datagram = (struct str){ buf, (size_t)n };
	if (bucket_take(&s->rate, r.share, 1, loop_now_ms(s->loop)))
		handle(s, &r);
	return true;
}

/* A few datagrams a round, so that other descriptors get their turn. */
static void on_socket(void *arg, struct ifsock *sock)
{
	for (unsigned i = 0; i < PMP_TURN && receive(arg, sock); i++)
		;
}

/* ---- addresses ------------------------------------------------------------ */

static void on_opened(void *arg, struct ifsock *sock)
{
	struct pmp *s = arg;

	pmpannounce_begin(&s->announce, sock);
}

static void on_closing(void *arg, struct ifsock *sock)
{
	struct pmp *s = arg;
	struct pending *p;

	pmpannounce_end(&s->announce, sock);
	pmpupdate_forget(&s->update, ifsock_index(sock));
	FOR_EACH(p, s)
		if (p->sock == sock)
			forget(p);
	/* those at other sockets that waited for one of them */
	FOR_EACH(p, s)
		if (p->sock && p->held && !is_held(s, p->ask.source))
			release(s, p->ask.source);
}

static void on_outside(void *arg, struct addr peer)
{
	const struct pmp *s = arg;

	if (s->config.outside)
		s->config.outside(s->config.arg, peer);
}

int pmp_ifaces(struct pmp *s, const struct netif_addr *at, size_t n)
{
	struct netif_addr ip4[NETWORKS_SERVED_MAX];
	size_t ip4_n = 0;

	if (!s->config.nat_pmp && !s->config.pcp)
		return 0;
	if (s->config.pcp)
		return ifsock_serve(&s->socks, at, n, PMP_PORT);
	for (size_t i = 0; i < n && ip4_n < NETWORKS_SERVED_MAX; i++)
		if (at[i].net.addr.family == ADDR_IP4)
			ip4[ip4_n++] = at[i];
	return ifsock_serve(&s->socks, ip4, ip4_n, PMP_PORT);
}

void pmp_address(struct pmp *s)
{
	pmpannounce_again(&s->announce);
	pmpupdate_begin(&s->update);
}

void pmp_stored(struct pmp *s, const struct pm_entry *e)
{
	pmpupdate_stored(&s->update, e);
}

bool pmp_serves(const struct pmp *s)
{
	return ifsock_port(&s->socks) != 0;
}

/* ---- begin and end --------------------------------------------------------- */

struct pmp *pmp_new(struct loop *loop, const struct pmp_config *config)
{
	struct pmp *s = mem_new(1, sizeof(*s));
	const struct ifsock_config socks = {
		.type = SOCK_DGRAM, .ttl = 1, .hop_limit = 1,
		.ready = on_socket, .opened = on_opened,
		.closing = on_closing, .outside = on_outside, .arg = s,
	};

	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	s->update.loop = loop;
	s->update.map = config->map;
	s->update.send = send_update;
	if (!pmpupdate_init(&s->update)) {
		mem_free(s, 1, sizeof(*s));
		return NULL;
	}
	s->rate.burst = PMP_REQUESTS_BURST;
	s->rate.per_s = PMP_REQUESTS_S;
	ifsock_init(&s->socks, loop, &socks);
	pmpannounce_init(&s->announce, loop, &s->config);
	return s;
}

void pmp_free(struct pmp *s)
{
	if (!s)
		return;
	ifsock_close(&s->socks);
	pmpupdate_done(&s->update);
	mem_free(s, 1, sizeof(*s));
}
