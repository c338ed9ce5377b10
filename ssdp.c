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
#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"
#include "ssdp/ssdpanswer.h"
#include "sys/ifsock.h"

#define GROUP_IP	0xeffffffau	/* 239.255.255.250 */
#define SSDP_PORT	1900
#define MULTICAST_TTL	2	/* UDA 1.1 1.1.1 */

/* The first NOTIFY is sent well within 150 ms of the start. The set is sent
 * twice because UDP loses datagrams (UDA 1.1 1.2.2). */
#define FIRST_SPREAD_MS	50
#define SECOND_MS	200
#define SECOND_SPREAD_MS 100

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

struct ssdp {
	struct loop *loop;
	struct ssdp_config config;
	uint16_t http_port;
	bool had_network;	/* NOTIFYs with this BOOTID were sent */
	struct ifsock_set socks;
	struct link link[IFSOCKS_MAX];
	struct ssdpanswer answer;
};

static uint64_t random_below(const struct ssdp *s, uint64_t n)
{
	return s->config.rnd() % n;
}

static bool is_open(const struct link *l)
{
	return l->sock->io.fd >= 0;
}

/* A datagram that cannot be sent now is not retried: any may get lost. Only
 * multicasts are sent from the socket of an address: they never wait for the
 * hardware address of a host. */
static void send_to_group(const struct link *l, const struct wr *w)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(addr_ip4(GROUP_IP), SSDP_PORT, 0, &sa);

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
		send_to_group(l, &w);
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

/* ---- searches ------------------------------------------------------- */

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
		ssdpanswer_handle(&s->answer, (struct str){ buf, (size_t)n },
				  local, from, port);
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

	ssdpanswer_forget(&s->answer, sock);
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
	s->http_port = s->answer.http_port = http_port;
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
		.type = SOCK_DGRAM, .group = { addr_ip4(GROUP_IP) },
		.group_n = 1, .ttl = MULTICAST_TTL, .ready = on_socket,
		.opened = on_opened, .closing = on_closing,
		.outside = on_outside, .arg = s,
	};
	size_t i;

	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	ssdpanswer_init(&s->answer, loop, &s->config);
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
