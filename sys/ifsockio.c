/* SPDX-License-Identifier: ISC */
/*
 * ifsockio.c - the system calls of ifsock.c, for both families.
 *
 * Owns: nothing; the caller owns each socket.
 * Never does: decide which peers are served.
 *
 * Runs in: engine
 */
#include "sys/ifsockio.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_ip6(struct addr a)
{
	return a.family == ADDR_IP6;
}

struct option {
	int level, name, value;
};

static int set_options(int fd, const struct option *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (setsockopt(fd, o[i].level, o[i].name, &o[i].value,
			       sizeof(o[i].value)))
			return -errno;
	return 0;
}

#define SET(fd, o) set_options(fd, o, sizeof(o) / sizeof(*(o)))

/* ---- opening --------------------------------------------------------- */

/* Open a socket of the address's family that other programs can share. */
static int open_shared(struct addr a, int type)
{
	static const struct option shared[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ IPPROTO_IPV6, IPV6_V6ONLY, 1 },
	};
	int fd = socket(is_ip6(a) ? AF_INET6 : AF_INET,
			type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, shared, is_ip6(a) ? 2 : 1);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int bind_to(int fd, const struct netif_addr *at, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at->net.addr, port,
					 (unsigned)at->ifindex, &sa);

	return bind(fd, (const struct sockaddr *)&sa, len) ? -errno : 0;
}

/* Return: @fd; @err, and @fd is closed */
static int opened(int fd, int err)
{
	if (!err)
		return fd;
	close(fd);
	return err;
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
int ifsockio_listen(const struct netif_addr *at, uint16_t port, int backlog)
{
	static const struct option nodelay[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};
	int fd = open_shared(at->net.addr, SOCK_STREAM);
	int err;

	if (fd < 0)
		return fd;
	err = bind_iface(fd, at);
	if (!err)
		err = SET(fd, nodelay);
	if (!err)
		err = bind_to(fd, at, port);
	if (!err && listen(fd, backlog))
		err = -errno;
	return opened(fd, err);
}

/* Only groups that the socket joined, not other programs. A kernel before 4.20
 * does not know this for IPv6: then a datagram may arrive on an interface that
 * is not served, and the caller drops it. */
static int only_own_groups(int fd, struct addr a)
{
	static const struct option ip4[] = {
		{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
	};
	static const struct option ip6[] = {
		{ IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0 },
	};
	int err;

	if (!is_ip6(a))
		return SET(fd, ip4);
	err = SET(fd, ip6);
	return err == -ENOPROTOOPT ? 0 : err;
}

static int report_arrival(int fd, struct addr a)
{
	static const struct option ip4[] = {
		{ IPPROTO_IP, IP_PKTINFO, 1 },
	};
	static const struct option ip6[] = {
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
	};

	return is_ip6(a) ? SET(fd, ip6) : SET(fd, ip4);
}

int ifsockio_dgram(const struct netif_addr *at, uint16_t port)
{
	int fd = open_shared(at->net.addr, SOCK_DGRAM);
	int err;

	if (fd < 0)
		return fd;
	err = only_own_groups(fd, at->net.addr);
	if (!err)
		err = report_arrival(fd, at->net.addr);
	if (!err)
		err = bind_to(fd, at, port);
	return opened(fd, err);
}

uint16_t ifsockio_port(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	uint16_t port;

	getsockname(fd, (struct sockaddr *)&sa, &len);
	addr_from_sockaddr(&sa, len, &port);
	return port;
}

/* ---- groups ----------------------------------------------------------- */

int ifsockio_sends_to_groups(int fd, const struct netif_addr *at, int hops)
{
	const struct ip_mreqn from = {
		.imr_address.s_addr = htonl(addr_to_ip4(at->net.addr)),
		.imr_ifindex = at->ifindex,
	};
	const struct option ip4[] = {
		{ IPPROTO_IP, IP_MULTICAST_TTL, hops },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 1 },
	};
	const struct option ip6[] = {
		{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops },
		{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_IF, at->ifindex },
	};

	if (is_ip6(at->net.addr))
		return SET(fd, ip6);
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)))
		return -errno;
	return SET(fd, ip4);
}

static int membership(int fd, bool join, struct addr group,
		      const struct netif_addr *at)
{
	struct ip_mreqn ip4 = {
		.imr_multiaddr.s_addr = htonl(addr_to_ip4(group)),
		.imr_address.s_addr = htonl(addr_to_ip4(at->net.addr)),
		.imr_ifindex = at->ifindex,
	};
	struct ipv6_mreq ip6 = { .ipv6mr_interface = (unsigned)at->ifindex };
	int err;

	memcpy(&ip6.ipv6mr_multiaddr, group.byte, sizeof(group.byte));
	if (is_ip6(group))
		err = setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP :
				 IPV6_LEAVE_GROUP, &ip6, sizeof(ip6));
	else
		err = setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP :
				 IP_DROP_MEMBERSHIP, &ip4, sizeof(ip4));
	return err ? -errno : 0;
}

int ifsockio_join(int fd, struct addr group, const struct netif_addr *at)
{
	int err = membership(fd, true, group, at);

	return err == -EADDRINUSE ? 0 : err;
}

void ifsockio_leave(int fd, struct addr group, const struct netif_addr *at)
{
	membership(fd, false, group, at);
}

/* ---- sending and receiving ------------------------------------------ */

int ifsockio_accept(int fd, struct addr *ret_peer, unsigned *ret_zone)
{
	struct sockaddr_storage sa;
	struct sockaddr_in6 in6;
	socklen_t len = sizeof(sa);
	int got = accept4(fd, (struct sockaddr *)&sa, &len,
			  SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (got < 0)
		return -errno;
	*ret_peer = addr_from_sockaddr(&sa, len, NULL);
	*ret_zone = 0;
	if (addr_is_link_local(*ret_peer)) {
		memcpy(&in6, &sa, sizeof(in6));
		*ret_zone = in6.sin6_scope_id;
	}
	return got;
}

/* Room for what either family says about a datagram. */
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Return: 0: it is not in the message */
static int arrival_of(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);	/* no other was asked */
	struct in_pktinfo ip4;
	struct in6_pktinfo ip6;

	if (!c)
		return 0;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&ip4, CMSG_DATA(c), sizeof(ip4));
		return ip4.ipi_ifindex;
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&ip6, CMSG_DATA(c), sizeof(ip6));
		return (int)ip6.ipi6_ifindex;
	}
	return 0;
}

ssize_t ifsockio_recv(int fd, void *buf, size_t size, struct addr *ret_peer,
		      uint16_t *ret_port, int *ret_ifindex)
{
	_Alignas(struct cmsghdr) char control[CONTROL_SIZE];
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
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		return -errno;
	if (m.msg_flags & MSG_TRUNC)
		return 0;
	*ret_peer = addr_from_sockaddr(&sa, m.msg_namelen, ret_port);
	*ret_ifindex = arrival_of(&m);
	return n;
}

static void put_control(struct msghdr *m, int level, int type,
			const void *data, size_t n)
{
	struct cmsghdr *c;

	m->msg_controllen = CMSG_SPACE(n);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
}

int ifsockio_send(int fd, const struct netif_addr *at, void *data, size_t n,
		  struct addr to, uint16_t port)
{
	const struct in_pktinfo ip4 = {
		.ipi_spec_dst.s_addr = htonl(addr_to_ip4(at->net.addr)),
	};
	struct in6_pktinfo ip6 = { .ipi6_ifindex = 0 };
	_Alignas(struct cmsghdr) char control[CONTROL_SIZE] = { 0 };
	unsigned zone = addr_is_link_local(to) ? (unsigned)at->ifindex : 0;
	struct sockaddr_storage sa;
	struct iovec iov = { data, n };
	struct msghdr m = {
		.msg_name = &sa,
		.msg_namelen = addr_to_sockaddr(to, port, zone, &sa),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (is_ip6(to)) {
		memcpy(&ip6.ipi6_addr, at->net.addr.byte,
		       sizeof(at->net.addr.byte));
		/* a link-local source needs it, whatever the receiver is */
		if (addr_is_link_local(at->net.addr))
			ip6.ipi6_ifindex = (unsigned)at->ifindex;
		put_control(&m, IPPROTO_IPV6, IPV6_PKTINFO, &ip6, sizeof(ip6));
	} else {
		put_control(&m, IPPROTO_IP, IP_PKTINFO, &ip4, sizeof(ip4));
	}
	return sendmsg(fd, &m, 0) < 0 ? -errno : 0;
}
