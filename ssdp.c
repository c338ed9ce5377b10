/* SPDX-License-Identifier: ISC */
/*
 * ssdp.c - discovery (UDA 1.1 section 1).
 *
 * The dialogue: in each network that is served, NOTIFY ssdp:byebye is sent for
 * every target, which ends what control points know from before a restart
 * (WANIPConnection:2 2.3.23), then ssdp:alive, twice, and again before half of
 * max-age is over. A control point sends M-SEARCH by multicast or to one of
 * our addresses; each target that matches is answered by a datagram of its
 * own. At the end, NOTIFY ssdp:byebye is sent.
 *
 * Never does: answer a search that arrives on an interface that is not
 * internal, or from outside the internal networks (SSDP reflection).
 *
 * Runs in: engine
 */
#include "ssdp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "base/bucket.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"
#include "sys/ifsock.h"

#define GROUP_IP	0xeffffffau	/* 239.255.255.250 */
#define SSDP_PORT	1900
#define MULTICAST_TTL	2	/* UDA 1.1 1.1.1 */
#define ST_SIZE		sizeof(((struct ssdp_search *)0)->st)

/* The first NOTIFY is sent well within 150 ms of the start. The set is sent
 * twice because UDP loses datagrams (UDA 1.1 1.2.2). */
#define FIRST_SPREAD_MS	50
#define SECOND_MS	200
#define SECOND_SPREAD_MS 100

/* The first datagram of an answer is sent within half of the spread. The others
 * are sent a few at a time, because control points with small buffers lose
 * datagrams that arrive together. SSDP_TARGETS_MAX datagrams take 35 ms. */
#define BURST		4
#define BURST_GAP_MS	5

/* The most searches that may wait for one client. */
#define PENDING_PER_CLIENT (SSDP_PENDING_MAX / 2)

/* One address of an internal interface; its socket has the same index in the
 * set. */
struct link {
	struct ssdp *ssdp;
	struct ifsock *sock;
	struct loop_timer notify;
	bool announced;		/* NOTIFYs are sent from here */
	bool again;		/* the second set follows soon */
	bool fresh;		/* announced since the last BOOTID */
	bool first;		/* no set was sent on this interface before */
};

/* A search that has not been answered completely. */
struct pending {
	const struct link *link;	/* NULL: this place is free */
	struct addr client;
	uint16_t port;
	struct ssdp_search search;
	size_t next;			/* target */
	struct loop_timer timer;
};

struct ssdp {
	struct loop *loop;
	struct ssdp_config config;
	uint16_t http_port;
	bool had_network;	/* NOTIFYs with this BOOTID were sent */
	struct buckets rate;	/* of answers, for each source */
	struct ifsock_set socks;
	struct link link[IFSOCKS_MAX];
	struct pending pending[SSDP_PENDING_MAX];
};

static uint64_t random_below(const struct ssdp *s, uint64_t n)
{
	return s->config.rnd() % n;
}

static bool is_open(const struct link *l)
{
	return l->sock->io.fd >= 0;
}

/* A datagram that cannot be sent now is not retried: any may get lost. */
static void send_to(const struct link *l, const struct wr *w,
		    struct addr to, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, port, 0, &sa);

	if (!w->over)
		sendto(l->sock->io.fd, w->buf, w->len, 0,
		       (struct sockaddr *)&sa, len);
}

enum nts { ALIVE, BYEBYE, UPDATE };

/* One NOTIFY for each target. @next_boot_id: of an UPDATE */
static void notify_all(const struct link *l, enum nts nts,
		       uint32_t next_boot_id)
{
	const struct ssdp *s = l->ssdp;
	struct addr local = l->sock->at.net.addr;
	char buf[SSDP_REPLY_MAX];
	struct wr w;
	size_t i;

	for (i = 0; i < s->config.target_n; i++) {
		w = wr_init(buf, sizeof(buf));
		if (nts == UPDATE)
			ssdpmsg_write_update(&w, &s->config, i, next_boot_id,
					     local, s->http_port);
		else
			ssdpmsg_write_notify(&w, &s->config, i, nts == ALIVE,
					     local, s->http_port);
		send_to(l, &w, addr_ip4(GROUP_IP), SSDP_PORT);
	}
}

/* One byebye reaches all networks of the interface. */
static void first_byebye(struct ssdp *s, const struct link *from)
{
	int ifindex = from->sock->at.ifindex;
	struct link *l;

	notify_all(from, BYEBYE, 0);
	for (l = s->link; l < s->link + IFSOCKS_MAX; l++)
		if (l->announced && l->sock->at.ifindex == ifindex)
			l->first = false;
}

/* Send the next set at a random time before half of max-age, so that the
 * devices of a network do not all send together, and one lost set does no harm
 * (UDA 1.1 1.2.2). */
static void on_notify(struct loop_timer *t)
{
	struct link *l = LOOP_OWNER(t, struct link, notify);
	struct ssdp *s = l->ssdp;
	uint64_t quarter_ms = (uint64_t)s->config.notify_s * 250;

	/* A control point may still know the gateway from before a restart. */
	if (l->first)
		first_byebye(s, l);
	notify_all(l, ALIVE, 0);
	loop_timer_set(s->loop, t, l->again ?
		     SECOND_MS + random_below(s, SECOND_SPREAD_MS) :
		     3 * quarter_ms + random_below(s, quarter_ms + 1));
	l->again = false;
}

/* Start to announce: send one set soon, and another one soon after. */
static void announce(struct link *l)
{
	l->again = true;
	loop_timer_set(l->ssdp->loop, &l->notify,
		     random_below(l->ssdp, FIRST_SPREAD_MS));
}

/* ---- answers ------------------------------------------------------- */

/* Advance to the next target that matches. Return: false: there is none */
static bool next_match(const struct ssdp *s, struct pending *p,
		       struct wr *ret_st)
{
	for (; p->next < s->config.target_n; p->next++)
		if (ssdpmsg_match(&s->config, p->next, &p->search, ret_st))
			return true;
	return false;
}

/* Answer for the next target that matches. Return: false: there is none */
static bool answer_one(struct pending *p)
{
	const struct ssdp *s = p->link->ssdp;
	char buf[SSDP_REPLY_MAX], st_buf[ST_SIZE];
	struct wr w = wr_init(buf, sizeof(buf));
	struct wr st = wr_init(st_buf, sizeof(st_buf));

	if (!next_match(s, p, &st))
		return false;
	ssdpmsg_write_answer(&w, &s->config, p->next, wr_done(&st),
			  p->link->sock->at.net.addr, s->http_port);
	send_to(p->link, &w, p->client, p->port);
	p->next++;
	return true;
}

static void on_answer(struct loop_timer *t)
{
	struct pending *p = LOOP_OWNER(t, struct pending, timer);
	unsigned i;

	for (i = 0; i < BURST && answer_one(p); i++)
		;
	if (i < BURST)
		p->link = NULL;
	else
		loop_timer_set(p->link->ssdp->loop, t, BURST_GAP_MS);
}

/* Return: a free place for a search of @client; NULL if the pool is full or the
 * client is at its limit */
static struct pending *find_place(struct ssdp *s, struct addr client)
{
	struct pending *p, *place = NULL;
	unsigned same_client = 0;

	for (p = s->pending; p < s->pending + SSDP_PENDING_MAX; p++) {
		if (!p->link)
			place = place ? place : p;
		else if (addr_equal(p->client, client))
			same_client++;
	}
	return same_client < PENDING_PER_CLIENT ? place : NULL;
}

static uint32_t count_matches(const struct ssdp *s,
			      const struct ssdp_search *search)
{
	uint32_t n = 0;
	char buf[ST_SIZE];

	for (size_t i = 0; i < s->config.target_n; i++) {
		struct wr st = wr_init(buf, sizeof(buf));

		n += ssdpmsg_match(&s->config, i, search, &st);
	}
	return n;
}

/* Does any target match, and is the client below its rate of answers? */
static bool may_answer(struct ssdp *s, const struct pending *p)
{
	uint32_t n = count_matches(s, &p->search);

	return n && bucket_take(&s->rate, p->client, n, loop_now_ms(s->loop));
}

static void handle_search(struct ssdp *s, struct str datagram,
			  const struct link *l, struct addr from, uint16_t port)
{
	struct pending p = { .link = l, .client = from, .port = port,
			     .timer.cb = on_answer };
	struct pending *place = find_place(s, from);

	if (!place || !ssdpmsg_parse_search(datagram, &p.search) ||
	    !may_answer(s, &p))
		return;
	*place = p;
	loop_timer_set(s->loop, &place->timer,
		       random_below(s, SSDP_SPREAD_MS / 2));
}

/* One datagram a round, so that other descriptors get their turn. */
static void on_socket(void *arg, struct ifsock *sock)
{
	struct ssdp *s = arg;
	char buf[SSDP_DATAGRAM_MAX];
	struct addr from;
	uint16_t port;
	struct ifsock *local;
	ssize_t n = ifsock_recv(sock, buf, sizeof(buf), &from, &port, &local);

	if (n > 0)
		handle_search(s, (struct str){ buf, (size_t)n },
			      &s->link[ifsock_index(local)], from, port);
}

/* ---- addresses ------------------------------------------------------ */

/* Is @l the address that sends the NOTIFYs of its network? The virtual address
 * of VRRP is not: it is in the network of another address (the kernel calls it
 * secondary), or it is a /32, which is not a network. It only answers. */
static bool has_network(const struct link *l)
{
	const struct netif_addr *at = &l->sock->at;

	return is_open(l) && !at->secondary &&
	       at->net.bits != addr_bits(at->net.addr);
}

static void on_opened(void *arg, struct ifsock *sock)
{
	struct link *l = &((struct ssdp *)arg)->link[ifsock_index(sock)];

	l->announced = l->again = l->fresh = l->first = false;
}

static void on_outside(void *arg, struct addr peer)
{
	const struct ssdp *s = arg;

	if (s->config.outside)
		s->config.outside(s->config.arg, peer);
}

static void on_closing(void *arg, struct ifsock *sock)
{
	struct ssdp *s = arg;
	struct link *l = &s->link[ifsock_index(sock)];
	struct pending *p;

	for (p = s->pending; p < s->pending + SSDP_PENDING_MAX; p++) {
		if (p->link == l) {
			loop_timer_del(s->loop, &p->timer);
			p->link = NULL;
		}
	}
	loop_timer_del(s->loop, &l->notify);
	l->announced = false;
}

/*
 * Use a new BOOTID, because a device that joins a network, or changes its
 * address there, counts as restarted (UDA 1.1 1.2). Networks that were served
 * before get ssdp:update first. Announcements in a new network wait for their
 * timer, so they have the new BOOTID already.
 */
static void raise_boot_id(struct ssdp *s)
{
	uint32_t next = s->config.next_boot_id(s->config.arg);
	struct link *l;

	if (next <= s->config.boot_id)
		next = s->config.boot_id + 1;
	for (l = s->link; l < s->link + IFSOCKS_MAX; l++) {
		if (!l->announced || l->fresh)
			continue;
		notify_all(l, UPDATE, next);
		notify_all(l, UPDATE, next);
		announce(l);
	}
	s->config.boot_id = next;
}

/* Was a set sent on this interface? A byebye there would reach all hosts on the
 * wire. */
static bool was_announced(const struct ssdp *s, int ifindex)
{
	const struct link *l;

	for (l = s->link; l < s->link + IFSOCKS_MAX; l++)
		if (l->announced && !l->first &&
		    l->sock->at.ifindex == ifindex)
			return true;
	return false;
}

/* Start to announce in each new network. The first networks get the BOOTID of
 * the start; later ones raise it. */
static void announce_networks(struct ssdp *s)
{
	struct link *l;
	bool any = false;

	for (l = s->link; l < s->link + IFSOCKS_MAX; l++) {
		if (l->announced && !has_network(l)) {
			/* it has become a secondary address */
			loop_timer_del(s->loop, &l->notify);
			l->announced = false;
		}
		l->fresh = !l->announced && has_network(l);
		if (l->fresh) {
			l->first = !was_announced(s, l->sock->at.ifindex);
			l->announced = true;
			announce(l);
		}
		any |= l->fresh;
	}
	if (any && s->had_network)
		raise_boot_id(s);
	s->had_network |= any;
	for (l = s->link; l < s->link + IFSOCKS_MAX; l++)
		l->fresh = false;
}

/* Is a network of this interface announced that @at still contains? */
static bool is_iface_kept(const struct ssdp *s, int ifindex,
			  const struct netif_addr *at, size_t n)
{
	const struct link *l;

	for (l = s->link; l < s->link + IFSOCKS_MAX; l++)
		if (l->announced && l->sock->at.ifindex == ifindex &&
		    ifsock_is_wanted(l->sock, at, n))
			return true;
	return false;
}

/* Send byebye on each interface that keeps no network in @at. If a network
 * stays, byebye must not be sent: every host on the wire would receive it, and
 * would drop the gateway at all its addresses. */
static void byebye_others(const struct ssdp *s, const struct netif_addr *at,
			  size_t n)
{
	const struct link *l;

	for (l = s->link; l < s->link + IFSOCKS_MAX; l++) {
		if (!l->announced ||
		    is_iface_kept(s, l->sock->at.ifindex, at, n))
			continue;
		notify_all(l, BYEBYE, 0);
		notify_all(l, BYEBYE, 0);
	}
}

int ssdp_ifaces(struct ssdp *s, const struct netif_addr *at, size_t n,
		uint16_t http_port)
{
	int err;

	if (http_port != s->http_port) {	/* every LOCATION changes */
		byebye_others(s, NULL, 0);
		ifsock_close(&s->socks);
	}
	byebye_others(s, at, n);
	s->http_port = http_port;
	err = ifsock_serve(&s->socks, at, n, SSDP_PORT);
	announce_networks(s);
	return err;
}

void ssdp_byebye(struct ssdp *s)
{
	ssdp_ifaces(s, NULL, 0, s->http_port);
}

struct ssdp *ssdp_new(struct loop *loop, const struct ssdp_config *config)
{
	struct ssdp *s = mem_new(1, sizeof(*s));
	struct ifsock_config socks = {
		.type = SOCK_DGRAM, .group = addr_ip4(GROUP_IP),
		.multicast_ttl = MULTICAST_TTL, .ready = on_socket,
		.opened = on_opened, .closing = on_closing,
		.outside = on_outside, .arg = s,
	};
	uint32_t roots = 0;
	size_t i;

	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	for (i = 0; i < config->target_n; i++)
		roots += !strcmp(config->target[i].nt, "upnp:rootdevice");
	s->rate.burst = SSDP_ANSWERS_BURST * (roots ? roots : 1);
	s->rate.per_s = SSDP_ANSWERS_S * (roots ? roots : 1);
	ifsock_init(&s->socks, loop, &socks);
	for (i = 0; i < IFSOCKS_MAX; i++) {
		s->link[i].ssdp = s;
		s->link[i].sock = &s->socks.sock[i];
		s->link[i].notify.cb = on_notify;
	}
	return s;
}

void ssdp_free(struct ssdp *s)
{
	if (!s)
		return;
	ifsock_close(&s->socks);
	mem_free(s, 1, sizeof(*s));
}
