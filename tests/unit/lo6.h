/* SPDX-License-Identifier: ISC */
/* lo6.h - a network namespace whose loopback interface has IPv6 addresses and
 * carries the multicasts of IPv6, for tests of real sockets. */
#ifndef LO6_H
#define LO6_H

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include "base/addr.h"

#define LO6_IFINDEX	1

static bool lo6_add_addr(int fd, const char *text)
{
	struct in6_ifreq req = {
		.ifr6_prefixlen = 64, .ifr6_ifindex = LO6_IFINDEX,
	};

	return inet_pton(AF_INET6, text, &req.ifr6_addr) == 1 &&
	       !ioctl(fd, SIOCSIFADDR, &req);
}

/* The kernel gives the loopback interface no route for groups, and takes only a
 * local one. */
static bool lo6_add_route(int fd)
{
	struct in6_rtmsg route = {
		.rtmsg_dst.s6_addr = { 0xff }, .rtmsg_dst_len = 8,
		.rtmsg_type = RTN_LOCAL, .rtmsg_flags = RTF_UP | RTF_LOCAL,
		.rtmsg_ifindex = LO6_IFINDEX,
	};

	return !ioctl(fd, SIOCADDRT, &route);
}

/* The kernel adds an address at once, and lets programs use it a little later.
 */
static bool lo6_is_usable(const char *text)
{
	struct sockaddr_storage sa;
	struct addr addr;
	socklen_t len;
	bool ok = false;

	if (!addr_parse(str_z(text), &addr))
		return false;
	len = addr_to_sockaddr(addr, 0, LO6_IFINDEX, &sa);
	for (int ms = 0; ms < 5000 && !ok; ms++) {
		int fd = socket(AF_INET6, SOCK_DGRAM, 0);

		ok = !bind(fd, (struct sockaddr *)&sa, len);
		close(fd);
		if (!ok)
			poll(NULL, 0, 1);
	}
	return ok;
}

/* Enter a new namespace with these addresses, each in a /64. Return: false if
 * that is not possible here */
static bool lo6_own_net(const char *const *addrs, size_t n)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	bool ok;
	int fd;

	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
	ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr) &&
	     if_nametoindex("lo") == LO6_IFINDEX && lo6_add_route(fd);
	for (size_t i = 0; ok && i < n; i++)
		ok = lo6_add_addr(fd, addrs[i]) && lo6_is_usable(addrs[i]);
	if (fd >= 0)
		close(fd);
	return ok;
}

#endif
