/* SPDX-License-Identifier: ISC */
/*
 * uplink.c - the upstream's sockets and timers, and the mappings that it is
 * asked for.
 *
 * Owns: a UDP socket for NAT-PMP and PCP, connected to the gateway, so that the
 * kernel drops what others send; one for SSDP; one HTTP connection at a time.
 * Never does: send to another host than the gateway, or believe one.
 * Runs in: engine
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/portnumbers.h"
#include "engine/state.h"
#include "engine/uplink.h"
#include "map/upwait.h"
#include "sys/rnd.h"
#include "sys/route.h"
#include "upstream/uplease.h"
#include "upstream/upreply.h"

static uint64_t now_ms(const struct uplink *u)
{
	return loop_now_ms(u->loop);
}

/* Run the timer at the end of this round of the loop: callers may be anywhere
 * in the mapping core. */
static void kick(struct uplink *u)
{
	loop_timer_set(u->loop, &u->tick, 0);
}

static void run(struct uplink *u)
{
	uint64_t now = now_ms(u), due = upstream_tick(&u->up, now);

	if (u->changed_due)
		due = now;	/* see on_tick() */
	if (due == UINT64_MAX)
		loop_timer_del(u->loop, &u->tick);
	else
		loop_timer_set(u->loop, &u->tick, due > now ? due - now : 0);
}

/* ---- sockets ------------------------------------------------------------- */

static void close_socket(struct uplink *u, struct loop_fd *io)
{
	if (io->fd < 0)
		return;
	loop_fd_del(u->loop, io);
	close(io->fd);
	io->fd = -1;
}

/* An ordinary user may bind to an interface since Linux 5.7; before, our
 * address and the gateway's are the checks that remain. */
static int bind_socket(const struct uplink *u, int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = addr_to_sockaddr(u->client, 0, 0, &sa);

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, u->ifname,
		       (socklen_t)strnlen(u->ifname, sizeof(u->ifname))) &&
	    errno != EPERM)
		return -errno;
	return bind(fd, (const struct sockaddr *)&sa, n) ? -errno : 0;
}

/* @port: of the gateway; 0: the socket is not connected */
static int open_socket(struct uplink *u, struct loop_fd *io, int type,
		       uint16_t port, short events)
{
	struct sockaddr_storage sa;
	socklen_t n = addr_to_sockaddr(u->gateway, port, 0, &sa);
	int err;

	close_socket(u, io);
	io->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (io->fd < 0)
		return -errno;
	err = bind_socket(u, io->fd);
	if (!err && port && connect(io->fd, (const struct sockaddr *)&sa, n) &&
	    errno != EINPROGRESS)
		err = -errno;
	if (!err)
		err = loop_fd_add(u->loop, io, events);
	if (err) {
		close(io->fd);
		io->fd = -1;
	}
	return err;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	uint16_t port = 0;

	if (!getsockname(fd, (struct sockaddr *)&sa, &n))
		addr_from_sockaddr(&sa, n, &port);
	return port;
}

/* ---- datagrams ----------------------------------------------------------- */

static void on_datagram(struct uplink *u, int fd,
			void (*read)(struct upstream *, struct str, uint64_t))
{
	char buf[UPSTREAM_DATAGRAM_MAX];
	struct sockaddr_storage sa;
	ssize_t n;

	for (unsigned i = 0; i < UPSTREAM_BATCH; i++) {
		socklen_t len = sizeof(sa);

		n = recvfrom(fd, buf, sizeof(buf), MSG_TRUNC,
			     (struct sockaddr *)&sa, &len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n > 0 && (size_t)n <= sizeof(buf) &&
		    addr_equal(addr_from_sockaddr(&sa, len, NULL),
			       u->gateway))
			read(&u->up, (struct str){ buf, (size_t)n },
			     now_ms(u));
	}
	run(u);
}

static void on_pmp(struct loop_fd *io, short revents)
{
	on_datagram(LOOP_OWNER(io, struct uplink, pmp), io->fd, upstream_pmp);
}

static void on_ssdp(struct loop_fd *io, short revents)
{
	on_datagram(LOOP_OWNER(io, struct uplink, ssdp), io->fd,
		    upstream_ssdp);
}

/* Errors do not matter: each request is repeated. */
static void op_send(void *arg, uint16_t port, const void *p, size_t n)
{
	struct uplink *u = arg;
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(u->gateway, port, 0, &sa);

	if (port != SSDP_PORT) {
		send(u->pmp.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	if (u->ssdp.fd < 0 && open_socket(u, &u->ssdp, SOCK_DGRAM, 0, POLLIN))
		return;
	sendto(u->ssdp.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT,
	       (const struct sockaddr *)&sa, len);
}

/* ---- HTTP ---------------------------------------------------------------- */

static void end_tcp(struct uplink *u, unsigned status, struct str body)
{
	close_socket(u, &u->tcp);
	loop_timer_del(u->loop, &u->tcp_timer);
	upstream_http(&u->up, status, body, now_ms(u));
	run(u);
}

static void fail_tcp(struct uplink *u)
{
	end_tcp(u, 0, (struct str){ NULL, 0 });
}

static void on_tcp_timer(struct loop_timer *t)
{
	fail_tcp(LOOP_OWNER(t, struct uplink, tcp_timer));
}

static void read_tcp(struct uplink *u)
{
	ssize_t n = recv(u->tcp.fd, u->buf + u->n, UPSTREAM_REPLY_MAX - u->n,
			 MSG_DONTWAIT);
	unsigned status;
	struct str body;
	int res;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		u->n += (size_t)n;
	res = upreply_body(u->buf, u->n, n <= 0, &status, &body);
	if (res > 0)
		end_tcp(u, status, body);
	else if (res < 0 || u->n == UPSTREAM_REPLY_MAX)
		fail_tcp(u);
}

static void write_tcp(struct uplink *u)
{
	ssize_t n = send(u->tcp.fd, u->buf + u->off, u->n - u->off,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail_tcp(u);
		return;
	}
	u->off += (size_t)n;
	if (u->off < u->n)
		return;
	u->sent = true;
	u->n = 0;
	loop_fd_mod(u->loop, &u->tcp, POLLIN);
}

static void on_tcp(struct loop_fd *io, short revents)
{
	struct uplink *u = LOOP_OWNER(io, struct uplink, tcp);

	if (u->sent)
		read_tcp(u);
	else
		write_tcp(u);	/* fails, if connect() did */
}

/* The answer, or the failure, is reported later. */
static void op_http(void *arg, uint16_t port, struct str request)
{
	struct uplink *u = arg;
	uint64_t wait_ms = UPSTREAM_HTTP_MS;

	memcpy(u->buf, request.p, request.n);
	u->n = request.n;
	u->off = 0;
	u->sent = false;
	if (open_socket(u, &u->tcp, SOCK_STREAM, port, POLLOUT))
		wait_ms = 0;
	loop_timer_set(u->loop, &u->tcp_timer, wait_ms);
}

/* ---- answers for the mappings -------------------------------------------- */

static const char *const way_names[UPSTREAM_WAYS] = {
	[UPSTREAM_NO_WAY] = "nothing", [UPSTREAM_PCP] = "PCP",
	[UPSTREAM_NAT_PMP] = "NAT-PMP", [UPSTREAM_UPNP] = "UPnP",
};

/* One line a minute: a mapping is asked for again and again. */
static void log_refusal(struct uplink *u, const struct upstream_lease *l)
{
	const char *proto = l->proto == IPPROTO_UDP ? "udp" : "tcp";

	if (now_ms(u) < u->log_ms)
		return;
	u->log_ms = now_ms(u) + REFUSAL_LOG_MS;
	if (l->held == UPSTREAM_REFUSED)
		log_warn("upstream %s refuses %s port %u with %s error %u: the "
			 "port is unreachable from outside",
			 addr_text(u->up.gateway).text, proto, l->port,
			 way_names[u->up.way], l->error);
	else
		log_warn("upstream %s does not answer for %s port %u: the port "
			 "may be unreachable from outside",
			 addr_text(u->up.gateway).text, proto, l->port);
}

static void op_answered(void *arg, const struct upstream_lease *l)
{
	struct uplink *u = arg;

	if (l->held != UPSTREAM_HELD && u->up.state == UPSTREAM_ANSWERS)
		log_refusal(u, l);
	upwait_answer(u->map, l->proto, l->port,
		     l->held == UPSTREAM_HELD ? MAP_UPSTREAM_HELD :
						MAP_UPSTREAM_REFUSED,
		     l->ext_port);
}

static void op_changed(void *arg)
{
	struct uplink *u = arg;

	u->changed_due = true;
	kick(u);
}

static uint32_t op_rnd(void *arg)
{
	return rnd_u32();
}

static const struct upstream_ops ops = {
	op_send, op_http, op_answered, op_changed, op_rnd,
};

static bool is_wanted(const struct pm_entry *e)
{
	return e->state >= PM_ACTIVE && e->state != PM_DELETING &&
	       e->state != PM_EXPIRING && portmap_in_force(e) &&
	       !portmap_is_suspended(e);
}

/* The port that clients are told by one of the mappings on it: the upstream is
 * asked for that one. 0: no mapping wants the port */
static uint16_t wish_of(const struct uplink *u, uint8_t proto, uint16_t port)
{
	uint16_t slot = PM_NONE;
	const struct pm_entry *e;

	while ((slot = portmap_on_port(u->map->pm, proto, port, slot)) !=
	       PM_NONE) {
		e = portmap_entry(u->map->pm, slot);
		if (is_wanted(e))
			return e->told_port;
	}
	return 0;
}

enum map_upstream uplink_ask(struct uplink *u, const struct pm_entry *e,
			     uint16_t *ret_port)
{
	const struct upstream_lease *l;

	if (!uplink_answers(u))
		return MAP_UPSTREAM_NONE;
	l = uplease_want(&u->up, e->rule.proto, e->rule.ext_port, e->told_port,
			 true, now_ms(u));
	kick(u);
	if (!l)
		return MAP_UPSTREAM_NONE;
	if (l->wait_ms)
		return MAP_UPSTREAM_ASKED;
	*ret_port = l->ext_port;
	return l->held == UPSTREAM_HELD ? MAP_UPSTREAM_HELD :
					  MAP_UPSTREAM_REFUSED;
}

void uplink_refresh(struct uplink *u, const struct nat_rule *r)
{
	uint16_t wish;

	if (r->kind != NAT_PORTMAP || u->up.state == UPSTREAM_OFF)
		return;
	wish = wish_of(u, r->proto, r->ext_port);
	if (wish)
		uplease_want(&u->up, r->proto, r->ext_port, wish, false,
			     now_ms(u));
	else
		uplease_drop(&u->up, r->proto, r->ext_port, now_ms(u));
	kick(u);
}

/* ---- changes ------------------------------------------------------------- */

static void refresh_all(struct uplink *u)
{
	const struct portmap *pm = u->map->pm;

	for (size_t i = 0; i < portmap_count(pm); i++)
		uplink_refresh(u, &portmap_entry(pm, portmap_at(pm, i))->rule);
}

/* Without an upstream, clients are told our ports again. */
static void tell_own_ports(struct uplink *u)
{
	const struct portmap *pm = u->map->pm;

	for (size_t i = 0; i < portmap_count(pm); i++) {
		const struct nat_rule *r =
			&portmap_entry(pm, portmap_at(pm, i))->rule;

		upwait_answer(u->map, r->proto, r->ext_port, MAP_UPSTREAM_HELD,
			     r->ext_port);
	}
}

static void log_state(struct uplink *u)
{
	const struct upstream *up = &u->up;
	const char *gateway = addr_text(up->gateway).text;
	char at[ADDR_NET_TEXT_MAX];

	str_copy(at, sizeof(at), str_z(gateway));
	if (up->state == u->logged)
		return;
	if (up->state == UPSTREAM_ANSWERS)
		log_info("upstream %s answers by %s: it is asked to forward "
			 "each port; its external address is %s", at,
			 way_names[up->way], addr_is_set(up->ext) ?
			 addr_text(up->ext).text : "not known");
	else if (up->state == UPSTREAM_SILENT)
		log_warn("upstream %s answers neither PCP nor NAT-PMP nor UPnP:"
			 " forward the ports there by hand, or turn one of "
			 "them on; trying again in %u minutes", at,
			 (unsigned)((up->retry_ms - now_ms(u)) / 60000));
	if (up->state == UPSTREAM_ANSWERS || up->state == UPSTREAM_SILENT)
		u->logged = up->state;
}

static void on_tick(struct loop_timer *t)
{
	struct uplink *u = LOOP_OWNER(t, struct uplink, tick);
	const bool changed = u->changed_due;

	u->changed_due = false;
	run(u);
	upwait_gone(u->map);
	if (!changed)
		return;
	/* SSDP is used by the search, and by UPnP */
	if (u->up.state != UPSTREAM_SEARCHING && u->up.way != UPSTREAM_UPNP)
		close_socket(u, &u->ssdp);
	log_state(u);
	u->changed(u->arg);
}

static unsigned allowed_of(uint32_t ask)
{
	static const unsigned of[] = {
		[CONF_ASK_AUTO] = 1 << UPSTREAM_PCP | 1 << UPSTREAM_NAT_PMP |
				  1 << UPSTREAM_UPNP,
		[CONF_ASK_PCP] = 1 << UPSTREAM_PCP,
		[CONF_ASK_NAT_PMP] = 1 << UPSTREAM_NAT_PMP,
		[CONF_ASK_UPNP] = 1 << UPSTREAM_UPNP,
	};

	return ask < sizeof(of) / sizeof(of[0]) ? of[ask] : 0;
}

int uplink_open(struct uplink *u)
{
	u->pmp.fd = u->ssdp.fd = u->tcp.fd = -1;
	loop_fd_init(&u->pmp, -1, on_pmp);
	loop_fd_init(&u->ssdp, -1, on_ssdp);
	loop_fd_init(&u->tcp, -1, on_tcp);
	u->tick.cb = on_tick;
	u->tcp_timer.cb = on_tcp_timer;
	u->up.ops = &ops;
	u->up.arg = u;
	u->up.allowed = allowed_of(u->conf->ask_upstream);
	upstream_init(&u->up);
	if (!u->up.allowed)
		return 0;
	u->up.lease_max = (uint16_t)u->conf->max_mappings;
	u->up.lease = mem_new(u->up.lease_max, sizeof(*u->up.lease));
	u->buf = mem_new(1, UPSTREAM_REPLY_MAX);
	return u->up.lease && u->buf ? 0 : -ENOMEM;
}

/* Stored at the first use: few routers are behind another NAT. */
static void load_nonce(struct uplink *u)
{
	static const struct upmsg_nonce none;
	int err;

	if (memcmp(&u->up.nonce, &none, sizeof(none)) != 0)
		return;
	err = state_nonce(u->dir_fd, u->up.nonce.byte);
	if (err)
		log_warn("the nonce for the upstream cannot be stored: %s; "
			 "after a restart it may refuse renewals for an hour",
			 strerror(-err));
}

static bool is_asked(const struct uplink *u, const struct ifstate_ext *x)
{
	return u->up.allowed && x->ifindex && x->up && x->running &&
	       addr_is_set(x->addr) &&
	       (u->conf->ask_upstream != CONF_ASK_AUTO || x->is_private);
}

void uplink_follow(struct uplink *u, const struct ifstate_ext *x)
{
	const bool was_off = u->up.state == UPSTREAM_OFF;
	struct addr gateway = { .family = ADDR_NONE };
	uint16_t port = u->up.own_port;

	if (is_asked(u, x))
		route_gateway(x->ifindex, &gateway);
	if (!addr_is_set(gateway)) {
		close_socket(u, &u->pmp);
	} else if (u->pmp.fd < 0 || !addr_equal(gateway, u->gateway) ||
		   !addr_equal(x->addr, u->client) ||
		   strcmp(x->name, u->ifname)) {
		load_nonce(u);
		str_copy(u->ifname, sizeof(u->ifname), str_z(x->name));
		u->client = x->addr;
		u->gateway = gateway;
		close_socket(u, &u->ssdp);
		if (open_socket(u, &u->pmp, SOCK_DGRAM, PMP_PORT, POLLIN))
			gateway = (struct addr){ .family = ADDR_NONE };
		else
			port = port_of(u->pmp.fd);
	}
	upstream_set(&u->up, x->addr, gateway, port, now_ms(u));
	if (was_off && u->up.state != UPSTREAM_OFF)
		refresh_all(u);
	else if (!was_off && u->up.state == UPSTREAM_OFF)
		tell_own_ports(u);
	if (u->up.state != UPSTREAM_OFF)
		kick(u);
}

bool uplink_answers(const struct uplink *u)
{
	return u->up.state == UPSTREAM_ANSWERS;
}

bool uplink_searches(const struct uplink *u)
{
	return u->up.state == UPSTREAM_SEARCHING;
}

struct addr uplink_ext(const struct uplink *u, struct addr ours)
{
	return addr_is_set(ours) && uplink_answers(u) &&
	       addr_is_set(u->up.ext) ? u->up.ext : ours;
}

_Static_assert((int)CTL_UPSTREAM_OFF == (int)UPSTREAM_OFF &&
	       (int)CTL_UPSTREAM_SEARCHED == (int)UPSTREAM_SEARCHING &&
	       (int)CTL_UPSTREAM_SILENT == (int)UPSTREAM_SILENT &&
	       (int)CTL_UPSTREAM_ANSWERS == (int)UPSTREAM_ANSWERS &&
	       (int)CTL_BY_PCP == (int)UPSTREAM_PCP &&
	       (int)CTL_BY_NAT_PMP == (int)UPSTREAM_NAT_PMP &&
	       (int)CTL_BY_UPNP == (int)UPSTREAM_UPNP, "sent as they are");

void uplink_status(const struct uplink *u, struct ctl_status *ret)
{
	const struct upstream *up = &u->up;
	uint64_t now = now_ms(u);

	ret->upstream_state = up->state;
	ret->upstream_way = up->way;
	if (up->state == UPSTREAM_OFF)
		return;
	if (up->state == UPSTREAM_ANSWERS && addr_is_set(up->ext))
		ret->ext_private = addr_is_private(up->ext);
	ret->upstream_client = up->client;
	ret->upstream_gateway = up->gateway;
	ret->upstream_ext = up->ext;
	if (up->state == UPSTREAM_SILENT && up->retry_ms > now)
		ret->upstream_retry_s =
			(uint32_t)((up->retry_ms - now) / 1000);
	for (size_t i = 0; i < up->lease_n; i++) {
		const struct upstream_lease *l = &up->lease[i];
		uint64_t left_s = l->end_ms > now ? (l->end_ms - now) / 1000 :
						    0;

		if (!l->port || l->drop)
			continue;
		ret->upstream_held += l->held == UPSTREAM_HELD;
		ret->upstream_refused += l->held == UPSTREAM_REFUSED;
		if (l->held == UPSTREAM_REFUSED)
			ret->upstream_error = l->error;
		if (l->held == UPSTREAM_HELD && l->end_ms != UINT64_MAX &&
		    (!ret->upstream_until_s || left_s < ret->upstream_until_s))
			ret->upstream_until_s = left_s > UINT32_MAX ?
						UINT32_MAX : (uint32_t)left_s;
	}
}
