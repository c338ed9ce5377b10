/* SPDX-License-Identifier: ISC */
/*
 * ssdp.c - discovery (UDA 1.1 section 1).
 *
 * The dialogue: when an interface is had, NOTIFY ssdp:alive goes out for every
 * target, twice, and again before half of max-age is over. A control point
 * multicasts M-SEARCH (or sends it to our address); each target that matches
 * is answered by a datagram of its own. At the end, NOTIFY ssdp:byebye.
 *
 * Never does: answer what came in on another interface than the internal ones
 * or from outside their networks (SSDP reflection).
 */
#include "ssdp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/bucket.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/wr.h"

#define GROUP_IP	0xeffffffau	/* 239.255.255.250 */
#define SSDP_PORT	1900
#define MULTICAST_TTL	2	/* UDA 1.1 1.1.1 */
#define ST_SIZE		sizeof(((struct ssdp_search *)0)->st)

/* The first NOTIFY is out well within 150 ms of the start; the set is sent
 * twice, since UDP is lossy (UDA 1.1 1.2.2). */
#define FIRST_SPREAD_MS	50
#define SECOND_MS	200
#define SECOND_SPREAD_MS 100

/* An answer's first datagram goes after half of the spread at most. The rest
 * goes a few at a time: control points with small buffers lose what comes at
 * once. SSDP_TARGETS_MAX are out 35 ms after the first. */
#define BURST		4
#define BURST_GAP_MS	5

/* Searches waiting for one client: two hosts can not starve a third. */
#define PENDING_PER_CLIENT (SSDP_PENDING_MAX / 2)

/* An internal interface, or rather one address of it. */
struct link {
	struct ssdp *ssdp;
	struct netif_addr iface;
	struct loop_fd sock;	/* fd -1: not open, this place is free */
	struct loop_timer notify;
	bool again;		/* the second set comes soon after the first */
	bool fresh;		/* it has just come */
};

/* A search that has not been answered to its end. */
struct pending {
	const struct link *link;	/* NULL: this place is free */
	struct sockaddr_in client;
	struct ssdp_search search;
	size_t next;			/* target */
	struct loop_timer timer;
};

struct ssdp {
	struct loop *loop;
	struct ssdp_config config;
	uint16_t http_port;
	bool announced;		/* by this BOOTID */
	struct link group;	/* has but a socket, which only hears */
	struct buckets rate;	/* of answers, a source */
	struct link link[CONF_IFACES_MAX];
	struct pending pending[SSDP_PENDING_MAX];
};

static uint64_t random_below(const struct ssdp *s, uint64_t n)
{
	return s->config.rnd() % n;
}

static struct sockaddr_in address(uint32_t ip)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ip),
		.sin_port = htons(SSDP_PORT),
	};
}

/* A datagram that can not be sent now is lost, as any may be on its way. */
static void send_to(const struct link *l, const struct wr *w,
		    struct sockaddr_in to)
{
	if (!w->over)
		sendto(l->sock.fd, w->buf, w->len, 0,
		       (struct sockaddr *)&to, sizeof(to));
}

enum nts { ALIVE, BYEBYE, UPDATE };

/* @next_boot_id: of an UPDATE */
static void tell_all(const struct link *l, enum nts nts, uint32_t next_boot_id)
{
	const struct ssdp *s = l->ssdp;
	char buf[SSDP_REPLY_MAX];
	struct wr w;
	size_t i;

	for (i = 0; i < s->config.target_n; i++) {
		w = wr_init(buf, sizeof(buf));
		if (nts == UPDATE)
			ssdpmsg_write_update(&w, &s->config, i, next_boot_id,
					  l->iface.ip, s->http_port);
		else
			ssdpmsg_write_notify(&w, &s->config, i, nts == ALIVE,
					  l->iface.ip, s->http_port);
		send_to(l, &w, address(GROUP_IP));
	}
}

/* At random before half of max-age, so that the devices of a network do not
 * speak all at once, and one set that is lost does no harm (UDA 1.1 1.2.2). */
static void on_notify(struct loop_timer *t)
{
	struct link *l = LOOP_OWNER(t, struct link, notify);
	const struct ssdp *s = l->ssdp;
	uint64_t quarter_ms = (uint64_t)s->config.notify_s * 250;

	tell_all(l, ALIVE, 0);
	loop_timer_set(s->loop, t, l->again ?
		     SECOND_MS + random_below(s, SECOND_SPREAD_MS) :
		     3 * quarter_ms + random_below(s, quarter_ms + 1));
	l->again = false;
}

/* Begin to announce: a set soon, another one soon after. */
static void announce(struct link *l)
{
	l->again = true;
	loop_timer_set(l->ssdp->loop, &l->notify,
		     random_below(l->ssdp, FIRST_SPREAD_MS));
}

/* ---- answers ------------------------------------------------------- */

/* Go on to the next target that matches; false: there is none. */
static bool next_match(const struct ssdp *s, struct pending *p,
		       struct wr *ret_st)
{
	for (; p->next < s->config.target_n; p->next++)
		if (ssdpmsg_match(&s->config, p->next, &p->search, ret_st))
			return true;
	return false;
}

/* Answer for the next target; false: that was the last one. */
static bool answer_one(struct pending *p)
{
	const struct ssdp *s = p->link->ssdp;
	char buf[SSDP_REPLY_MAX], st_buf[ST_SIZE];
	struct wr w = wr_init(buf, sizeof(buf));
	struct wr st = wr_init(st_buf, sizeof(st_buf));

	if (!next_match(s, p, &st))
		return false;
	ssdpmsg_write_answer(&w, &s->config, p->next, wr_done(&st),
			  p->link->iface.ip, s->http_port);
	send_to(p->link, &w, p->client);
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

/* A place in the pool for a search of @client, or NULL. */
static struct pending *find_place(struct ssdp *s, struct in_addr client)
{
	struct pending *p, *place = NULL;
	unsigned same_client = 0;

	for (p = s->pending; p < s->pending + SSDP_PENDING_MAX; p++) {
		if (!p->link)
			place = place ? place : p;
		else if (p->client.sin_addr.s_addr == client.s_addr)
			same_client++;
	}
	return same_client < PENDING_PER_CLIENT ? place : NULL;
}

/* The interface a datagram came in on, if its sender is of that network. */
static struct link *link_of(struct ssdp *s, int ifindex, uint32_t from_ip)
{
	struct link *l;

	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++)
		if (l->sock.fd >= 0 && l->iface.ifindex == ifindex &&
		    netif_holds(&l->iface, from_ip))
			return l;
	return NULL;
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

/* Is there anything to say, and was it not said too often? */
static bool may_answer(struct ssdp *s, const struct pending *p)
{
	uint32_t n = count_matches(s, &p->search);

	return n && bucket_take(&s->rate, p->client.sin_addr.s_addr, n,
				 loop_now_ms(s->loop));
}

static void take(struct ssdp *s, struct str datagram, int ifindex,
		 const struct sockaddr_in *from)
{
	struct pending p = { .client = *from, .timer.cb = on_answer };
	struct pending *place;

	place = find_place(s, from->sin_addr);
	p.link = link_of(s, ifindex, ntohl(from->sin_addr.s_addr));
	if (!place || !p.link || !ssdpmsg_parse_search(datagram, &p.search) ||
	    !may_answer(s, &p))
		return;
	*place = p;
	loop_timer_set(s->loop, &place->timer,
		     random_below(s, SSDP_SPREAD_MS / 2));
}

/* ---- sockets ------------------------------------------------------- */

/* One datagram a round: other descriptors want their turn too. */
static void on_socket(struct loop_fd *w, short revents)
{
	char buf[SSDP_DATAGRAM_MAX];
	struct in_pktinfo info;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info))];
	struct sockaddr_in from = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->fd, &m, 0);
	const struct cmsghdr *c;

	if (n <= 0 || m.msg_flags & MSG_TRUNC)
		return;
	c = CMSG_FIRSTHDR(&m);	/* nothing else than this was asked for */
	if (!c || c->cmsg_type != IP_PKTINFO)
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	take(LOOP_OWNER(w, struct link, sock)->ssdp,
	     (struct str){ buf, (size_t)n }, info.ipi_ifindex, &from);
}

/* Both kinds of socket want the same. */
static const struct {
	int level, name, value;
} option[] = {
	/* Other UPnP programs on this machine use the port too. */
	{ SOL_SOCKET, SO_REUSEADDR, 1 },
	{ IPPROTO_IP, IP_PKTINFO, 1 },
	/* Only of groups that this socket joined, not any program. */
	{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
	{ IPPROTO_IP, IP_MULTICAST_TTL, MULTICAST_TTL },
	/* Control points on the router itself hear us. */
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 1 },
};

static void sock_close(struct link *l)
{
	if (l->sock.fd < 0)
		return;
	loop_fd_del(l->ssdp->loop, &l->sock);
	close(l->sock.fd);
	l->sock.fd = -1;
}

/* Return: 0, or -errno and the socket is not open */
static int sock_open(struct link *l, uint32_t ip)
{
	struct sockaddr_in sa = address(ip);
	int err = 0, fd;
	size_t i;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	l->sock.fd = fd;
	for (i = 0; i < sizeof(option) / sizeof(option[0]) && err == 0; i++)
		err = setsockopt(fd, option[i].level, option[i].name,
				 &option[i].value, sizeof(option[i].value));
	if (err < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		err = -errno;
	else
		err = loop_fd_add(l->ssdp->loop, &l->sock, POLLIN);
	if (err < 0)
		sock_close(l);
	return err;
}

/* @what of @fd: multicast by the interface of @l. That another address of the
 * same interface has joined (EADDRINUSE) is as good. */
static int multicast(int fd, int what, const struct link *l)
{
	struct ip_mreqn req = {
		.imr_multiaddr.s_addr = htonl(GROUP_IP),
		.imr_address.s_addr = htonl(l->iface.ip),
		.imr_ifindex = l->iface.ifindex,
	};

	if (setsockopt(fd, IPPROTO_IP, what, &req, sizeof(req)) < 0 &&
	    errno != EADDRINUSE)
		return -errno;
	return 0;
}

/* ---- interfaces ---------------------------------------------------- */

static void link_close(struct link *l)
{
	struct ssdp *s = l->ssdp;
	struct pending *p;

	if (l->sock.fd < 0)
		return;
	for (p = s->pending; p < s->pending + SSDP_PENDING_MAX; p++) {
		if (p->link == l) {
			loop_timer_del(s->loop, &p->timer);
			p->link = NULL;
		}
	}
	loop_timer_del(s->loop, &l->notify);
	sock_close(l);
	/* Fails where the interface is no more: the kernel was first. */
	multicast(s->group.sock.fd, IP_DROP_MEMBERSHIP, l);
}

static int link_open(struct link *l, const struct netif_addr *iface)
{
	int err;

	l->iface = *iface;
	err = sock_open(l, iface->ip);
	if (err == 0)
		err = multicast(l->sock.fd, IP_MULTICAST_IF, l);
	if (err < 0) {
		sock_close(l);
		return err;
	}
	l->fresh = true;
	announce(l);
	return 0;
}

/* The link that serves @iface, else a free one, else NULL. */
static struct link *link_for(struct ssdp *s, const struct netif_addr *iface)
{
	struct link *l, *unused = NULL;

	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++) {
		if (l->sock.fd < 0)
			unused = l;
		else if (l->iface.ifindex == iface->ifindex &&
			 l->iface.ip == iface->ip &&
			 l->iface.mask == iface->mask)
			return l;
	}
	return unused;
}

static bool is_wanted(const struct link *l, const struct netif_addr *iface,
		      size_t n)
{
	while (n > 0)
		if (link_for(l->ssdp, &iface[--n]) == l)
			return true;
	return false;
}

/* Joins even where it is served already: another address of that interface
 * may just have taken the membership with it. */
static int serve(struct ssdp *s, const struct netif_addr *iface)
{
	struct link *l = link_for(s, iface);
	int err = 0;

	if (!l)
		return -ENOSPC;
	if (l->sock.fd < 0)
		err = link_open(l, iface);
	if (err < 0)
		return err;
	return multicast(s->group.sock.fd, IP_ADD_MEMBERSHIP, l);
}

/*
 * UDA 1.1 1.2: who comes back to a network, or has another address there, is
 * as one that was started anew; the networks that were there all along are
 * told so before they hear the new BOOTID. Announcements of what has just come
 * wait for their timer, so they have it already.
 */
static void raise_boot_id(struct ssdp *s)
{
	uint32_t next = s->config.next_boot_id(s->config.arg);
	struct link *l;

	if (next <= s->config.boot_id)
		next = s->config.boot_id + 1;
	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++) {
		if (l->sock.fd < 0 || l->fresh)
			continue;
		tell_all(l, UPDATE, next);
		tell_all(l, UPDATE, next);
		announce(l);
	}
	s->config.boot_id = next;
}

/* What has just come is the first there is, or it raises BOOTID. */
static void note_fresh(struct ssdp *s)
{
	struct link *l;
	bool any = false;

	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++)
		any |= l->fresh;
	if (any && s->announced)
		raise_boot_id(s);
	s->announced |= any;
	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++)
		l->fresh = false;
}

int ssdp_ifaces(struct ssdp *s, const struct netif_addr *iface, size_t n,
		uint16_t http_port)
{
	bool moved = http_port != s->http_port;	/* and so has all LOCATION */
	struct link *l;
	int err, first_err = 0;
	size_t i;

	for (l = s->link; l < s->link + CONF_IFACES_MAX; l++) {
		if (l->sock.fd < 0 || (!moved && is_wanted(l, iface, n)))
			continue;
		tell_all(l, BYEBYE, 0);
		tell_all(l, BYEBYE, 0);
		link_close(l);
	}
	s->http_port = http_port;
	if (s->group.sock.fd < 0)
		first_err = sock_open(&s->group, GROUP_IP);
	for (i = 0; i < n; i++) {
		err = serve(s, &iface[i]);
		if (first_err == 0)
			first_err = err;
	}
	note_fresh(s);
	return first_err;
}

void ssdp_byebye(struct ssdp *s)
{
	ssdp_ifaces(s, NULL, 0, s->http_port);
}

static void link_init(struct link *l, struct ssdp *s)
{
	l->ssdp = s;
	l->notify.cb = on_notify;
	loop_fd_init(&l->sock, -1, on_socket);
}

struct ssdp *ssdp_new(struct loop *loop, const struct ssdp_config *config)
{
	struct ssdp *s = mem_new(1, sizeof(*s));
	size_t i;

	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	s->rate.burst = SSDP_ANSWERS_BURST;
	s->rate.per_s = SSDP_ANSWERS_S;
	link_init(&s->group, s);
	for (i = 0; i < CONF_IFACES_MAX; i++)
		link_init(&s->link[i], s);
	return s;
}

void ssdp_free(struct ssdp *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < CONF_IFACES_MAX; i++)
		link_close(&s->link[i]);
	sock_close(&s->group);
	mem_free(s, 1, sizeof(*s));
}
