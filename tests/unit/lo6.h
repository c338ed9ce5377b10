/* SPDX-License-Identifier: ISC */
/* lo6.h - a network namespace whose loopback interface has IPv6 addresses and
 * carries the multicasts of IPv6, for tests of real sockets. */
#ifndef LO6_H
#define LO6_H

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/addr.h"
#include "sys/netlink.h"

#define LO6_IFINDEX	1

static bool lo6_ask(struct nlmsghdr *h)
{
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	return !netlink_ask(NETLINK_ROUTE, h, NULL, NULL);
}

static bool lo6_add_addr(const char *text)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
		struct rtattr attr;
		uint8_t ip[16];
	} r = {
		.h = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_NEWADDR },
		.a = { .ifa_family = AF_INET6, .ifa_prefixlen = 64,
		       .ifa_index = LO6_IFINDEX },
		.attr = { RTA_LENGTH(sizeof(r.ip)), IFA_LOCAL },
	};

	return inet_pton(AF_INET6, text, r.ip) == 1 && lo6_ask(&r.h);
}

/* The kernel gives the loopback interface no route for groups, and takes only a
 * local one. */
static bool lo6_add_route(void)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		struct rtattr dst_attr;
		uint8_t dst[16];
		struct rtattr oif_attr;
		uint32_t oif;
	} r = {
		.h = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_NEWROUTE },
		.r = { .rtm_family = AF_INET6, .rtm_dst_len = 8,
		       .rtm_table = RT_TABLE_LOCAL, .rtm_type = RTN_LOCAL,
		       .rtm_protocol = RTPROT_STATIC },
		.dst_attr = { RTA_LENGTH(sizeof(r.dst)), RTA_DST },
		.dst = { 0xff },
		.oif_attr = { RTA_LENGTH(sizeof(r.oif)), RTA_OIF },
		.oif = LO6_IFINDEX,
	};

	return lo6_ask(&r.h);
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
	     if_nametoindex("lo") == LO6_IFINDEX && lo6_add_route();
	for (size_t i = 0; ok && i < n; i++)
		ok = lo6_add_addr(addrs[i]) && lo6_is_usable(addrs[i]);
	if (fd >= 0)
		close(fd);
	return ok;
}

#endif
