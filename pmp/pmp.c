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
#include "pmp/natpmp.h"
#include "pmp/pmpannounce.h"
#include "pmp/pmpask.h"
#include "pmp/pmpmsg.h"
#include "sys/ifsock.h"

#define PMP_PORT	5351

/* A request that waits for the mapping core, or for the monitor. */
struct pending {
	struct pmpask ask;
	struct pmp *pmp;
	const struct ifsock *sock;	/* NULL: this place is free */
	uint16_t port;			/* of the source */
	struct addr share;
	size_t n;
	uint8_t request[PMP_MSG_MAX];
};

struct pmp {
	struct loop *loop;
	struct pmp_config config;
	struct ifsock_set socks;
	struct buckets rate;		/* of requests, for each share */
	struct pmpannounce announce;
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
	for (p = (s)->pending; p < (s)->pending + PMP_PENDING_MAX; p++)

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
			a.lifetime_s = PCP_ERROR_LONG_S;
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
			place = p;
		else if (is_copy(p, r))
			return NULL;
		else if (addr_equal(p->share, r->share))
			same++;
	}
	return same < PMP_PENDING_PER_CLIENT ? place : NULL;
}

static void finish(struct pending *p)
{
	const struct request r = {
		.sock = p->sock, .source = p->ask.source, .port = p->port,
		.datagram = { (const char *)p->request, p->n },
	};

	answer(p->pmp, &r, &p->ask.msg, &p->ask.answer);
	p->sock = NULL;
}

/* struct pmpask.done */
static void on_done(struct pmpask *a)
{
	finish(LOOP_OWNER(a, struct pending, ask));
}

/* A request that finds no place is dropped, as RFC 6887 8.2 allows: its client
 * repeats it. */
static void start(struct pmp *s, const struct request *r,
		  const struct pmpmsg *m)
{
	struct pending *p = find_place(s, r);

	if (!p)
		return;
	p->ask = (struct pmpask){
		.map = s->config.map, .loop = s->loop, .msg = *m,
		.source = r->source, .ifindex = r->ifindex, .done = on_done,
	};
	p->pmp = s;
	p->sock = r->sock;
	p->port = r->port;
	p->share = r->share;
	p->n = r->datagram.n;
	memcpy(p->request, r->datagram.p, p->n);
	if (natpmp_start(&p->ask))
		finish(p);
}

static void forget(struct pending *p)
{
	map_cancel(p->ask.map, &p->ask.wait);
	p->sock = NULL;
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
	if (!m.result && m.version == PMP_VERSION_PCP &&
	    m.opcode != PCP_ANNOUNCE)
		m.result = PCP_UNSUPP_OPCODE;
	if (m.result || m.opcode == NATPMP_ADDRESS)	/* PCP_ANNOUNCE too */
		answer_now(s, r, &m);
	else
		start(s, r, &m);
}

/* One datagram a round, so that other descriptors get their turn. The answer
 * leaves from the address that was asked, even if another interface than its own
 * received the request. */
static void on_socket(void *arg, struct ifsock *sock)
{
	struct pmp *s = arg;
	char buf[PMP_DATAGRAM_MAX];
	struct request r = { .sock = sock };
	struct ifsock *local;
	ssize_t n = ifsock_recv(sock, buf, sizeof(buf), &r.source, &r.port,
				&local);

	if (n <= 0 || !is_host_of(&local->at.net, r.source))
		return;
	r.ifindex = local->at.ifindex;
	r.share = share_of(s, r.ifindex, r.source);
	r.datagram = (struct str){ buf, (size_t)n };
	if (bucket_take(&s->rate, r.share, 1, loop_now_ms(s->loop)))
		handle(s, &r);
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
	FOR_EACH(p, s)
		if (p->sock == sock)
			forget(p);
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
}

void pmp_flow(struct pmp *s, const struct nat_rule *rule, uint16_t ext_port)
{
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
	mem_free(s, 1, sizeof(*s));
}
