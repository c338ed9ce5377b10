/* SPDX-License-Identifier: ISC */
/*
 * ssdp.c - discovery (UDA 1.1 section 1, and UDA 2.0 annex A for IPv6).
 *
 * The dialogue: in each network that is served, NOTIFY ssdp:byebye is sent for
 * every target, which ends what control points know from before a restart
 * (WANIPConnection:2 2.3.23), then ssdp:alive, twice, and again before half of
 * max-age is over. A control point sends M-SEARCH by multicast or to one of
 * our addresses; each target that matches is answered by a datagram of its
 * own. At the end, NOTIFY ssdp:byebye is sent.
 *
 * In IPv6, each interface has two groups, for the scopes of the link and of the
 * site. A control point may have joined one of them or both, and know the
 * gateway over IPv4 too; a byebye that it receives by any of them ends all.
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
#include "base/portnumbers.h"
#include "base/wr.h"
#include "ssdp/ssdpanswer.h"
#include "sys/ifsock.h"

#define TTL		2	/* UDA 1.1 1.1.1 */
#define HOP_LIMIT	10	/* UDA 2.0 annex A */

/* The groups, and HOST as annex A writes it. libgssdp searches in FF0E::C from
 * a global address, and listens in FF05::C. So nothing is announced there. */
enum { GROUP_IP4, GROUP_LINK, GROUP_SITE, GROUP_GLOBAL, GROUP__MAX };

static const struct group {
	struct addr addr;
	const char *host;
} group[GROUP__MAX] = {
	{ { ADDR_IP4, { 239, 255, 255, 250 } }, "239.255.255.250:1900" },
	{ { ADDR_IP6, { 0xff, 0x02, [15] = 0x0c } }, "[FF02::C]:1900" },
	{ { ADDR_IP6, { 0xff, 0x05, [15] = 0x0c } }, "[FF05::C]:1900" },
	{ { ADDR_IP6, { 0xff, 0x0e, [15] = 0x0c } }, "[FF0E::C]:1900" },
};

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
	uint8_t groups;		/* bits: NOTIFYs are sent from here to them */
	struct addr url_addr;	/* the address in their LOCATION */
	bool again;		/* the second set follows soon */
	bool fresh;		/* announced since the last BOOTID */
	bool begun;		/* its interface had its first byebye */
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

static const struct netif_addr *at_of(const struct link *l)
{
	return &l->sock->at;
}

#define FOR_EACH(l, s) \
	for (l = (s)->link; l < (s)->link + IFSOCKS_MAX; l++)

/* A datagram that cannot be sent now is not retried: any may get lost. Only
 * multicasts are sent from the socket of an address: they never wait for the
 * hardware address of a host. */
static void send_to_group(const struct link *l, struct addr to,
			  const struct wr *w)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, SSDP_PORT,
					 (unsigned)at_of(l)->ifindex, &sa);

	if (!w->over)
		sendto(l->sock->io.fd, w->buf, w->len, 0,
		       (struct sockaddr *)&sa, len);
}

enum nts { ALIVE, BYEBYE, UPDATE };

/* One NOTIFY for each target. @next_boot_id: of an UPDATE */
static void notify_group(const struct link *l, const struct group *to,
			 enum nts nts, uint32_t next_boot_id)
{
	const struct ssdp *s = l->ssdp;
	const struct ssdp_notify n = {
		.host = to->host, .url_addr = l->url_addr,
		.http_port = s->http_port,
	};
	char buf[SSDP_REPLY_MAX];
	struct wr w;
	size_t i;

	for (i = 0; i < s->config.target_n; i++) {
		w = wr_init(buf, sizeof(buf));
		if (nts == UPDATE)
			ssdpmsg_write_update(&w, &s->config, i, next_boot_id,
					     &n);
		else
			ssdpmsg_write_notify(&w, &s->config, i, nts == ALIVE,
					     &n);
		send_to_group(l, to->addr, &w);
	}
}

static void notify_groups(const struct link *l, unsigned groups, enum nts nts,
			  uint32_t next_boot_id)
{
	for (unsigned i = 0; i < GROUP__MAX; i++)
		if (groups >> i & 1)
			notify_group(l, &group[i], nts, next_boot_id);
}

static void notify_all(const struct link *l, enum nts nts,
		       uint32_t next_boot_id)
{
	notify_groups(l, l->groups, nts, next_boot_id);
}

/* One byebye to each group reaches all networks of the interface. All are sent
 * before the first set of any: a control point may be in several groups. */
static void first_byebye(struct ssdp *s, int ifindex)
{
	unsigned sent = 0;
	struct link *l;

	FOR_EACH(l, s) {
		if (!l->groups || l->begun || at_of(l)->ifindex != ifindex)
			continue;
		notify_groups(l, l->groups & ~sent, BYEBYE, 0);
		sent |= l->groups;
		l->begun = true;
	}
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
	if (!l->begun)
		first_byebye(s, at_of(l)->ifindex);
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

static void on_opened(void *arg, struct ifsock *sock)
{
	struct link *l = &((struct ssdp *)arg)->link[ifsock_index(sock)];

	l->groups = 0;
	l->again = l->fresh = l->begun = false;
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
	l->groups = 0;
}

static bool same_iface(const struct link *a, const struct link *b)
{
	return at_of(a)->ifindex == at_of(b)->ifindex;
}

static bool same_family(const struct link *a, const struct link *b)
{
	return at_of(a)->net.addr.family == at_of(b)->net.addr.family;
}

/* Is @l, with a link-local address, the one that announces on its interface?
 * VRRP adds another one there. */
static bool is_link_speaker(const struct link *l)
{
	const struct link *m;

	FOR_EACH(m, l->ssdp)
		if (m != l && is_open(m) && same_iface(m, l) &&
		    addr_is_link_local(at_of(m)->net.addr) &&
		    (m->groups || (!l->groups && m < l)))
			return false;
	return true;
}

/*
 * To which groups does @l send NOTIFYs?
 *
 * In IPv4, one address of each network does. The virtual address of VRRP does
 * not: it is in the network of another address (the kernel calls it secondary),
 * or it is a /32, which is not a network. It only answers.
 *
 * In IPv6, the link-local address of an interface announces to the link, and
 * the first one of the others to the site. Both announce the same URL: a
 * control point that receives both knows one gateway, at one place.
 */
static unsigned groups_of(const struct link *l)
{
	const struct netif_addr *at = at_of(l);
	bool network = at->net.bits != addr_bits(at->net.addr);

	if (!is_open(l))
		return 0;
	if (at->net.addr.family == ADDR_IP4)
		return network && !at->secondary ? 1u << GROUP_IP4 : 0;
	if (addr_is_link_local(at->net.addr))
		return is_link_speaker(l) ? 1u << GROUP_LINK : 0;
	return network && ifsock_first(l->sock) == l->sock ?
		       1u << GROUP_SITE : 0;
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
	FOR_EACH(l, s) {
		if (!l->groups || l->fresh)
			continue;
		notify_all(l, UPDATE, next);
		notify_all(l, UPDATE, next);
		announce(l);
	}
	s->config.boot_id = next;
}

/* Another byebye there would reach all hosts on the wire. */
static bool is_begun(const struct ssdp *s, int ifindex)
{
	const struct link *l;

	FOR_EACH(l, s)
		if (is_open(l) && l->begun && at_of(l)->ifindex == ifindex)
			return true;
	return false;
}

/* Note what @l announces now. It is fresh if that is more than before, or at
 * another address. */
static void choose(struct link *l)
{
	unsigned groups = groups_of(l);
	struct addr url_addr = { .family = ADDR_NONE };

	if (groups)
		url_addr = ifsock_for_urls(l->sock)->at.net.addr;
	else if (l->groups)	/* another address has become the first */
		loop_timer_del(l->ssdp->loop, &l->notify);
	l->fresh = (groups & ~(unsigned)l->groups) ||
		   (groups && !addr_equal(url_addr, l->url_addr));
	l->groups = (uint8_t)groups;
	l->url_addr = url_addr;
}

/* Start to announce in each new network. The first networks get the BOOTID of
 * the start; later ones raise it. */
static void announce_networks(struct ssdp *s)
{
	struct link *l;
	bool any = false;

	FOR_EACH(l, s)
		choose(l);
	FOR_EACH(l, s) {
		if (!l->fresh)
			continue;
		l->begun = is_begun(s, at_of(l)->ifindex);
		announce(l);
		any = true;
	}
	if (any && s->had_network)
		raise_boot_id(s);
	s->had_network |= any;
	FOR_EACH(l, s)
		l->fresh = false;
}

/* Does the interface of @l keep a network of the same family, one that is
 * announced and that @at still contains? */
static bool is_kept(const struct link *l, const struct netif_addr *at, size_t n)
{
	const struct link *m;

	FOR_EACH(m, l->ssdp)
		if (m->groups && same_iface(m, l) && same_family(m, l) &&
		    ifsock_is_wanted(m->sock, at, n))
			return true;
	return false;
}

/*
 * Send byebye on each interface that keeps no network of a family in @at. If a
 * network stays, byebye must not be sent: every host on the wire would receive
 * it, and would drop the gateway at all its addresses. If only the other family
 * stays, it is announced there once more, for hosts that use both.
 */
static void byebye_others(struct ssdp *s, const struct netif_addr *at, size_t n)
{
	struct link *l, *m;

	FOR_EACH(l, s) {
		if (!l->groups || is_kept(l, at, n))
			continue;
		notify_all(l, BYEBYE, 0);
		notify_all(l, BYEBYE, 0);
		FOR_EACH(m, s)
			if (m->groups && same_iface(m, l) && is_kept(m, at, n))
				announce(m);
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
		.type = SOCK_DGRAM, .group_n = GROUP__MAX, .ttl = TTL,
		.hop_limit = HOP_LIMIT, .ready = on_socket,
		.opened = on_opened, .closing = on_closing,
		.outside = on_outside, .arg = s,
	};
	size_t i;

	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	ssdpanswer_init(&s->answer, loop, &s->config);
	for (i = 0; i < GROUP__MAX; i++)
		socks.group[i] = group[i].addr;
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
