/* SPDX-License-Identifier: ISC */
/*
 * ifsock.c - a socket for each address of the internal interfaces.
 *
 * Owns: the sockets of the set.
 * Never does: interpret what a peer sends.
 * Invariants: all sockets of a set have the same port; a socket stays open as
 * long as its interface has its address.
 *
 * Runs in: engine
 */
#include "sys/ifsock.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>
#include "sys/ifsockio.h"

static bool is_open(const struct ifsock *s)
{
	return s->io.fd >= 0;
}

static bool is_group(const struct ifsock *s)
{
	return s >= s->set->group && s < s->set->group + IFSOCK_GROUPS_MAX;
}

/* ---- which address of an interface ----------------------------------- */

/* Is it the virtual address of VRRP, a temporary or a deprecated one? */
static bool is_spare(const struct netif_addr *at)
{
	return at->secondary || at->net.bits == addr_bits(at->net.addr);
}

/* The order of ifsock_first(). Global addresses come before unique local ones,
 * because a control point names the address that it asks from in a request for
 * a pinhole, and no packet from outside reaches a unique local one. */
static unsigned rank_of(const struct netif_addr *at)
{
	if (addr_is_link_local(at->net.addr))
		return 8;
	return (is_spare(at) ? 4 : 0) +
	       (at->net.addr.family == ADDR_IP6 &&
		addr_is_private(at->net.addr) ? 1 : 0);
}

/* The first address of this family on interface @ifindex, in that order; if
 * @peer is not NULL, of those whose network holds it. NULL: there is none. */
static struct ifsock *find_best(struct ifsock_set *set, int ifindex,
				uint8_t family, const struct addr *peer)
{
	struct ifsock *found = NULL;

	for (size_t i = 0; i < IFSOCKS_MAX; i++) {
		struct ifsock *s = &set->sock[i];

		if (!is_open(s) || s->at.ifindex != ifindex ||
		    s->at.net.addr.family != family ||
		    (peer && !addr_in(&s->at.net, *peer)))
			continue;
		if (!found || rank_of(&s->at) < rank_of(&found->at))
			found = s;
	}
	return found;
}

static struct ifsock *find_net(struct ifsock_set *set, int ifindex,
			       struct addr peer)
{
	return find_best(set, ifindex, peer.family, &peer);
}

static struct ifsock *find_first(struct ifsock_set *set, int ifindex,
				 uint8_t family)
{
	return find_best(set, ifindex, family, NULL);
}

const struct ifsock *ifsock_first(const struct ifsock *s)
{
	return find_first(s->set, s->at.ifindex, s->at.net.addr.family);
}

const struct ifsock *ifsock_for_urls(const struct ifsock *s)
{
	return addr_is_link_local(s->at.net.addr) ? ifsock_first(s) : s;
}

/* ---- which peers are served ---------------------------------------- */

/* Is @peer in a network behind another router on interface @ifindex (0: on any
 * interface)? */
static bool is_routed(const struct ifsock_set *set, int ifindex,
		      struct addr peer)
{
	for (size_t i = 0; i < set->routed_n; i++)
		if ((!ifindex || set->routed[i].ifindex == ifindex) &&
		    addr_in(&set->routed[i].net, peer))
			return true;
	return false;
}

static bool in_any_net(const struct ifsock_set *set, struct addr peer)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (is_open(&set->sock[i]) &&
		    addr_in(&set->sock[i].at.net, peer))
			return true;
	return is_routed(set, 0, peer);
}

/* May @peer, whose packet arrived on the interface of @s, use the address of
 * @s? A /32 has no network. VRRP may put it on an interface of its own, a
 * macvlan; its peers are then in the network of the interface below. */
static bool accepts(const struct ifsock *s, struct addr peer)
{
	if (find_net(s->set, s->at.ifindex, peer) ||
	    is_routed(s->set, s->at.ifindex, peer))
		return true;
	return s->at.net.bits == addr_bits(s->at.net.addr) &&
	       in_any_net(s->set, peer);
}

/* Find the socket that answers @peer, whose packet arrived on @ifindex for
 * @asked, the group's socket or that of an address. Another host may have
 * routed it to an address of another interface: then the arrival interface
 * answers. Routers forward a group of IPv6 with a wider scope than the link. */
static struct ifsock *find_local(struct ifsock *asked, int ifindex,
				 struct addr peer)
{
	struct ifsock_set *set = asked->set;
	bool unicast = !is_group(asked);

	if (unicast && asked->at.ifindex == ifindex && accepts(asked, peer))
		return asked;
	if ((unicast || peer.family == ADDR_IP6) &&
	    is_routed(set, ifindex, peer))
		return find_first(set, ifindex, peer.family);
	return find_net(set, ifindex, peer);
}

/* Multicasts are not reported: not every search by a host of another network
 * on the wire is for this router. */
static void report_outside(const struct ifsock *asked, int ifindex,
			   struct addr peer)
{
	struct ifsock_set *set = asked->set;

	if (set->config.outside && !is_group(asked) &&
	    find_first(set, ifindex, peer.family))
		set->config.outside(set->config.arg, peer);
}

int ifsock_accept(struct ifsock *s, struct addr *ret_peer)
{
	struct addr peer;
	unsigned zone;
	int fd = ifsockio_accept(s->io.fd, &peer, &zone);

	if (fd < 0)
		return fd;
	/* every link has the link-local addresses: an old kernel does not bind
	 * the socket to its interface */
	if ((zone && zone != (unsigned)s->at.ifindex) || !accepts(s, peer)) {
		close(fd);
		report_outside(s, zone ? (int)zone : s->at.ifindex, peer);
		return -EACCES;
	}
	*ret_peer = peer;
	return fd;
}

ssize_t ifsock_recv(struct ifsock *s, void *buf, size_t size,
		    struct addr *ret_peer, uint16_t *ret_port,
		    struct ifsock **ret_local)
{
	struct ifsock *local;
	struct addr peer;
	uint16_t port;
	int ifindex;
	ssize_t n = ifsockio_recv(s->io.fd, buf, size, &peer, &port, &ifindex);

	if (n <= 0)
		return n;
	local = find_local(s, ifindex, peer);
	if (!local) {
		report_outside(s, ifindex, peer);
		return 0;
	}
	*ret_peer = peer;
	*ret_port = port;
	*ret_local = local;
	return n;
}

/* ---- opening and closing --------------------------------------------- */

/* Open the socket of s->at. Return: 0, or -errno and @s is not open */
static int open_socket(struct ifsock *s, uint16_t port)
{
	const struct ifsock_config *c = &s->set->config;
	int err, fd = c->type == SOCK_STREAM ?
			      ifsockio_listen(&s->at, port, c->backlog) :
			      ifsockio_dgram(&s->at, port);

	if (fd < 0)
		return fd;
	s->io.fd = fd;
	err = loop_fd_add(s->set->loop, &s->io, POLLIN);
	if (err) {
		close(fd);
		s->io.fd = -1;
	}
	return err;
}

static void close_socket(struct ifsock *s)
{
	if (!is_open(s))
		return;
	loop_fd_del(s->set->loop, &s->io);
	close(s->io.fd);
	s->io.fd = -1;
}

/* ---- groups ------------------------------------------------------------ */

/* A group of this scope is another one on each link (RFC 4291 2.7). */
static bool is_link_scoped(struct addr group)
{
	return group.family == ADDR_IP6 && (group.byte[1] & 0x0f) == 2;
}

static struct ifsock *find_group(struct ifsock_set *set, struct addr group,
				 int ifindex)
{
	for (size_t i = 0; i < IFSOCK_GROUPS_MAX; i++)
		if (is_open(&set->group[i]) &&
		    set->group[i].at.ifindex == ifindex &&
		    addr_equal(set->group[i].at.net.addr, group))
			return &set->group[i];
	return NULL;
}

/* Return: 0, -ENOSPC (there are more interfaces than CONF_IFACES_MAX), or
 * another -errno */
static int open_group(struct ifsock_set *set, struct addr group, int ifindex,
		      uint16_t port, struct ifsock **ret)
{
	for (size_t i = 0; i < IFSOCK_GROUPS_MAX; i++) {
		struct ifsock *s = &set->group[i];

		if (is_open(s))
			continue;
		s->at = (struct netif_addr){
			.ifindex = ifindex,
			.net = { group, (uint8_t)addr_bits(group) },
		};
		*ret = s;
		return open_socket(s, port);
	}
	return -ENOSPC;
}

static int join(struct ifsock_set *set, struct addr group,
		const struct netif_addr *at, uint16_t port)
{
	int ifindex = is_link_scoped(group) ? at->ifindex : 0;
	struct ifsock *s = find_group(set, group, ifindex);
	int err = s ? 0 : open_group(set, group, ifindex, port, &s);

	return err ? err : ifsockio_join(s->io.fd, group, at);
}

/* Joins on each call: an earlier attempt may have failed. */
static int join_all(struct ifsock_set *set, const struct netif_addr *at,
		    uint16_t port)
{
	const struct ifsock_config *c = &set->config;
	int err, first = 0;

	for (size_t i = 0; i < c->group_n; i++) {
		if (c->group[i].family != at->net.addr.family)
			continue;
		err = join(set, c->group[i], at, port);
		if (!first)
			first = err;
	}
	return first;
}

/* Leave the groups of this family on the interface of @at. */
static void leave_all(struct ifsock_set *set, const struct netif_addr *at)
{
	for (size_t i = 0; i < IFSOCK_GROUPS_MAX; i++) {
		struct ifsock *s = &set->group[i];
		struct addr group = s->at.net.addr;

		if (!is_open(s) || group.family != at->net.addr.family)
			continue;
		if (!s->at.ifindex)
			ifsockio_leave(s->io.fd, group, at);
		else if (s->at.ifindex == at->ifindex)
			close_socket(s);
	}
}

static void stop(struct ifsock *s)
{
	struct ifsock_set *set = s->set;

	if (set->config.closing)
		set->config.closing(set->config.arg, s);
	close_socket(s);
	if (!find_first(set, s->at.ifindex, s->at.net.addr.family))
		leave_all(set, &s->at);
}

/* ---- sending --------------------------------------------------------- */

/* The groups of all hosts, in which every host is a member. */
static const struct addr all_hosts[] = {
	{ ADDR_IP4, { 224, 0, 0, 1 } },
	{ ADDR_IP6, { 0xff, 0x02, [15] = 1 } },
};

/* It is bound to a group, because no unicast arrives there: one of two sockets
 * that are bound to the same address would take the other's. A set without
 * groups uses that of all hosts; the socket did not join it, so it receives
 * nothing. */
int ifsock_sender(const struct ifsock *from)
{
	const struct ifsock_config *c = &from->set->config;
	bool ip6 = from->at.net.addr.family == ADDR_IP6;
	struct netif_addr at = { .net.addr = all_hosts[ip6] };

	for (size_t i = 0; i < c->group_n; i++)
		if (c->group[i].family == from->at.net.addr.family &&
		    !is_link_scoped(c->group[i]))
			at.net.addr = c->group[i];
	if (is_link_scoped(at.net.addr))
		at.ifindex = from->at.ifindex;
	return ifsockio_dgram(&at, from->set->port);
}

int ifsock_send(int sender, const struct ifsock *from, void *data, size_t n,
		struct addr to, uint16_t port)
{
	return ifsockio_send(sender, &from->at, data, n, to, port);
}

bool ifsock_has_unsent(int sender)
{
	int bytes = 0;

	return !ioctl(sender, SIOCOUTQ, &bytes) && bytes > 0;
}

/* ---- the list of addresses ------------------------------------------ */

/* Do both need the same socket? It does not depend on the prefix length. */
static bool same(const struct netif_addr *a, const struct netif_addr *b)
{
	return addr_equal(a->net.addr, b->net.addr) &&
	       a->ifindex == b->ifindex &&
	       !strncmp(a->ifname, b->ifname, sizeof(a->ifname));
}

static const struct netif_addr *find_addr(const struct netif_addr *at,
					  size_t n,
					  const struct netif_addr *like)
{
	for (size_t i = 0; i < n; i++)
		if (!at[i].routed && same(&at[i], like))
			return &at[i];
	return NULL;
}

static struct ifsock *find_sock(struct ifsock_set *set,
				const struct netif_addr *at)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (is_open(&set->sock[i]) && same(&set->sock[i].at, at))
			return &set->sock[i];
	return NULL;
}

static struct ifsock *find_free(struct ifsock_set *set)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (!is_open(&set->sock[i]))
			return &set->sock[i];
	return NULL;
}

bool ifsock_is_wanted(const struct ifsock *s, const struct netif_addr *at,
		      size_t n)
{
	return find_addr(at, n, &s->at) != NULL;
}

static void stop_others(struct ifsock_set *set, const struct netif_addr *at,
			size_t n)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++) {
		struct ifsock *s = &set->sock[i];
		const struct netif_addr *wanted;

		if (!is_open(s))
			continue;
		wanted = find_addr(at, n, &s->at);
		if (wanted)
			s->at = *wanted;
		else
			stop(s);
	}
}

static int hops_of(const struct ifsock_config *c, const struct netif_addr *at)
{
	return at->net.addr.family == ADDR_IP6 ? c->hop_limit : c->ttl;
}

/* The port in use is known when the first socket is open: the kernel chose it.
 */
static int start(struct ifsock_set *set, const struct netif_addr *at,
		 uint16_t port)
{
	const struct ifsock_config *c = &set->config;
	struct ifsock *s = find_free(set);
	int err;

	if (!s)
		return -ENOSPC;
	s->at = *at;
	err = open_socket(s, port ? port : ifsock_port(set));
	if (!err && c->type == SOCK_DGRAM && hops_of(c, at))
		err = ifsockio_sends_to_groups(s->io.fd, at,
					       hops_of(c, at));
	if (err) {
		close_socket(s);
		return err;
	}
	set->port = c->type == SOCK_STREAM ? ifsockio_port(s->io.fd) : port;
	if (c->opened)
		c->opened(c->arg, s);
	return 0;
}

static int serve_one(struct ifsock_set *set, const struct netif_addr *at,
		     uint16_t port)
{
	int err = 0;

	if (at->routed) {
		if (set->routed_n < CONF_NETWORKS_ALL)
			set->routed[set->routed_n++] = *at;
		return 0;
	}
	if (!find_sock(set, at))
		err = start(set, at, port);
	return err ? err : join_all(set, at, port);
}

int ifsock_serve(struct ifsock_set *set, const struct netif_addr *at,
		 size_t n, uint16_t port)
{
	int err, first = 0;

	if (port && port != set->port)
		ifsock_close(set);
	stop_others(set, at, n);
	set->routed_n = 0;
	for (size_t i = 0; i < n; i++) {
		err = serve_one(set, &at[i], port);
		if (!first)
			first = err;
	}
	return first;
}

void ifsock_close(struct ifsock_set *set)
{
	stop_others(set, NULL, 0);
	for (size_t i = 0; i < IFSOCK_GROUPS_MAX; i++)
		close_socket(&set->group[i]);
}

uint16_t ifsock_port(const struct ifsock_set *set)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (is_open(&set->sock[i]))
			return set->port;
	return 0;
}

size_t ifsock_index(const struct ifsock *s)
{
	return (size_t)(s - s->set->sock);
}

static void on_ready(struct loop_fd *io, short revents)
{
	struct ifsock *s = LOOP_OWNER(io, struct ifsock, io);

	s->set->config.ready(s->set->config.arg, s);
}

static void init_sock(struct ifsock *s, struct ifsock_set *set)
{
	s->set = set;
	loop_fd_init(&s->io, -1, on_ready);
}

void ifsock_init(struct ifsock_set *set, struct loop *loop,
		 const struct ifsock_config *config)
{
	*set = (struct ifsock_set){ .loop = loop, .config = *config };
	for (size_t i = 0; i < IFSOCK_GROUPS_MAX; i++)
		init_sock(&set->group[i], set);
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		init_sock(&set->sock[i], set);
}
