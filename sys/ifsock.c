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

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>

static bool is_open(const struct ifsock *s)
{
	return s->io.fd >= 0;
}

/* ---- which peers are served ---------------------------------------- */

/* The address of interface @ifindex whose network holds @peer, or, for ADDR_ANY,
 * its first address: the primary one if there are several. NULL: there is
 * none. */
static struct ifsock *find_net(struct ifsock_set *set, int ifindex,
			       struct addr peer)
{
	struct ifsock *found = NULL;

	for (size_t i = 0; i < IFSOCKS_MAX; i++) {
		struct ifsock *s = &set->sock[i];

		if (!is_open(s) || s->at.ifindex != ifindex ||
		    !(peer.family == ADDR_ANY || addr_in(&s->at.net, peer)))
			continue;
		if (!found || (found->at.secondary && !s->at.secondary))
			found = s;
	}
	return found;
}

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
 * answers. */
static struct ifsock *find_local(struct ifsock *asked, int ifindex,
				 struct addr peer)
{
	struct ifsock_set *set = asked->set;

	if (asked != &set->group && asked->at.ifindex == ifindex &&
	    accepts(asked, peer))
		return asked;
	if (asked != &set->group && is_routed(set, ifindex, peer))
		return find_net(set, ifindex, addr_any());
	return find_net(set, ifindex, peer);
}

/* Multicasts are not reported: not every search by a host of another network
 * on the wire is for this router. */
static void report_outside(const struct ifsock *asked, int ifindex,
			   struct addr peer)
{
	struct ifsock_set *set = asked->set;

	if (set->config.outside && asked != &set->group &&
	    find_net(set, ifindex, addr_any()))
		set->config.outside(set->config.arg, peer);
}

int ifsock_accept(struct ifsock *s, struct addr *ret_peer)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr peer;
	int fd;

	fd = accept4(s->io.fd, (struct sockaddr *)&sa, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	peer = addr_from_sockaddr(&sa, len, NULL);
	if (!accepts(s, peer)) {
		close(fd);
		report_outside(s, s->at.ifindex, peer);
		return -EACCES;
	}
	*ret_peer = peer;
	return fd;
}

ssize_t ifsock_recv(struct ifsock *s, void *buf, size_t size,
		    struct addr *ret_peer, uint16_t *ret_port,
		    struct ifsock **ret_local)
{
	struct in_pktinfo info;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info))];
	struct sockaddr_storage sa;
	struct iovec iov = { buf, size };
	struct msghdr m = {
		.msg_name = &sa,
		.msg_namelen = sizeof(sa),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(s->io.fd, &m, 0);
	const struct cmsghdr *c;
	struct ifsock *local;
	struct addr peer;
	uint16_t port;

	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);	/* only IP_PKTINFO is requested */
	if (m.msg_flags & MSG_TRUNC || !c || c->cmsg_type != IP_PKTINFO)
		return 0;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	peer = addr_from_sockaddr(&sa, m.msg_namelen, &port);
	local = find_local(s, info.ipi_ifindex, peer);
	if (!local) {
		report_outside(s, info.ipi_ifindex, peer);
		return 0;
	}
	*ret_peer = peer;
	*ret_port = port;
	*ret_local = local;
	return n;
}

/* ---- opening -------------------------------------------------------- */

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

/* The kernel allows this to an ordinary user since Linux 5.7. Where it does
 * not, the address and the source's network are the checks that remain. */
static int bind_iface(int fd, const struct netif_addr *at)
{
	socklen_t len = (socklen_t)strnlen(at->ifname, sizeof(at->ifname));

	if (!len || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, at->ifname,
				len))
		return 0;
	return errno == EPERM ? 0 : -errno;
}

/* Accepted sockets inherit TCP_NODELAY: the last part of a reply must not wait
 * for an acknowledgement. */
static int set_stream(int fd, const struct netif_addr *at)
{
	int err = bind_iface(fd, at);

	return err ? err : set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* Sockets are not bound to their interface: one on another interface may
 * answer (find_local()). */
static int set_dgram(int fd, const struct ifsock_config *c)
{
	const struct {
		int name, value;
	} option[] = {
		{ IP_PKTINFO, 1 },
		/* only groups that this socket joined, not other programs */
		{ IP_MULTICAST_ALL, 0 },
		{ IP_MULTICAST_TTL, c->multicast_ttl },
		/* control points on the router itself receive it */
		{ IP_MULTICAST_LOOP, 1 },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(option) / sizeof(option[0]) && !err; i++)
		err = set_option(fd, IPPROTO_IP, option[i].name,
				 option[i].value);
	return err;
}

/* @what of @fd: the group, on the interface of @at. Another address of the
 * interface may have joined already (EADDRINUSE). */
static int multicast(int fd, int what, struct addr group,
		     const struct netif_addr *at)
{
	struct ip_mreqn req = {
		.imr_multiaddr.s_addr = htonl(addr_to_ip4(group)),
		.imr_address.s_addr = htonl(addr_to_ip4(at->net.addr)),
		.imr_ifindex = at->ifindex,
	};

	if (setsockopt(fd, IPPROTO_IP, what, &req, sizeof(req)) &&
	    errno != EADDRINUSE)
		return -errno;
	return 0;
}

static int set_up(int fd, const struct ifsock *s,
		  const struct sockaddr_storage *sa, socklen_t len)
{
	const struct ifsock_config *c = &s->set->config;
	int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err)
		err = c->type == SOCK_STREAM ? set_stream(fd, &s->at) :
					       set_dgram(fd, c);
	if (!err && bind(fd, (const struct sockaddr *)sa, len))
		err = -errno;
	if (!err && c->type == SOCK_STREAM && listen(fd, c->backlog))
		err = -errno;
	if (!err && addr_is_set(c->group) && s != &s->set->group)
		err = multicast(fd, IP_MULTICAST_IF, c->group, &s->at);
	return err;
}

/* Return: 0, or -errno and @s is not open */
static int open_socket(struct ifsock *s, struct addr a, uint16_t port)
{
	struct ifsock_set *set = s->set;
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a, port, (unsigned)s->at.ifindex, &sa);
	int err, fd;

	fd = socket(sa.ss_family, set->config.type | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = set_up(fd, s, &sa, len);
	if (!err) {
		s->io.fd = fd;
		err = loop_fd_add(set->loop, &s->io, POLLIN);
	}
	if (err) {
		close(fd);
		s->io.fd = -1;
	}
	return err;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	uint16_t port;

	getsockname(fd, (struct sockaddr *)&sa, &len);
	addr_from_sockaddr(&sa, len, &port);
	return port;
}

/* ---- sending --------------------------------------------------------- */

/* It is bound to the group, because no unicast arrives there: one of two
 * sockets that are bound to the same address would take the other's. */
static int set_up_sender(int fd, const struct ifsock_set *set)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(set->config.group, set->port, 0, &sa);
	int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!err)
		err = set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	if (!err && bind(fd, (const struct sockaddr *)&sa, len))
		err = -errno;
	return err;
}

int ifsock_sender(const struct ifsock_set *set)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_up_sender(fd, set);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int ifsock_send(int sender, const struct ifsock *from, void *data, size_t n,
		struct addr to, uint16_t port)
{
	const struct in_pktinfo info = {
		.ipi_spec_dst.s_addr = htonl(addr_to_ip4(from->at.net.addr)),
	};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info))] = { 0 };
	struct sockaddr_storage sa;
	struct iovec iov = { data, n };
	struct msghdr m = {
		.msg_name = &sa,
		.msg_namelen = addr_to_sockaddr(to, port, 0, &sa),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(sender, &m, 0) < 0 ? -errno : 0;
}

bool ifsock_has_unsent(int sender)
{
	int bytes = 0;

	return !ioctl(sender, SIOCOUTQ, &bytes) && bytes > 0;
}

/* ---- closing -------------------------------------------------------- */

static void close_socket(struct ifsock *s)
{
	if (!is_open(s))
		return;
	loop_fd_del(s->set->loop, &s->io);
	close(s->io.fd);
	s->io.fd = -1;
}

static void stop(struct ifsock *s)
{
	struct ifsock_set *set = s->set;

	if (set->config.closing)
		set->config.closing(set->config.arg, s);
	close_socket(s);
	/* fails if the interface was removed: the kernel left the group */
	if (is_open(&set->group) &&
	    !find_net(set, s->at.ifindex, addr_any()))
		multicast(set->group.io.fd, IP_DROP_MEMBERSHIP,
			  set->config.group, &s->at);
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

static int start(struct ifsock_set *set, const struct netif_addr *at,
		 uint16_t port)
{
	struct ifsock *s = find_free(set);
	int err;

	if (!s)
		return -ENOSPC;
	s->at = *at;
	err = open_socket(s, at->net.addr, port ? port : ifsock_port(set));
	if (err)
		return err;
	if (set->config.type == SOCK_STREAM)
		port = bound_port(s->io.fd);
	set->port = port;
	if (set->config.opened)
		set->config.opened(set->config.arg, s);
	return 0;
}

/* Joins on each call: an earlier attempt may have failed. */
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
	if (err || !addr_is_set(set->config.group))
		return err;
	return multicast(set->group.io.fd, IP_ADD_MEMBERSHIP,
			 set->config.group, at);
}

int ifsock_serve(struct ifsock_set *set, const struct netif_addr *at,
		 size_t n, uint16_t port)
{
	int err, first = 0;

	if (port && port != set->port)
		ifsock_close(set);
	stop_others(set, at, n);
	set->routed_n = 0;
	if (addr_is_set(set->config.group) && !is_open(&set->group))
		first = open_socket(&set->group, set->config.group, port);
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
	close_socket(&set->group);
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
	init_sock(&set->group, set);
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		init_sock(&set->sock[i], set);
}
