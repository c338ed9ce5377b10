/* SPDX-License-Identifier: ISC */
/*
 * netif.h - the router's interfaces: addresses, link, counters, changes.
 *
 * It uses rtnetlink, which needs no privilege and no file system: the engine
 * uses it in its jail.
 * Runs in: any
 */
#ifndef SYS_NETIF_H
#define SYS_NETIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/limits.h"

struct nlmsghdr;

/* An address of the router on an interface, with its network. All code that
 * serves, listens, allows or translates by address uses it. Or a network behind
 * another router on the link of that interface (@routed), which the
 * configuration names: the router has no address in it. */
struct netif_addr {
	int ifindex;
	char ifname[IF_NAMESIZE];
	struct addr_net net;	/* net.addr is the router's own address */
	/* 1: IPv4: IFA_F_SECONDARY; IPv6: temporary (RFC 8981) or deprecated
	 * (its preferred lifetime is over). Others are preferred to it. */
	uint8_t secondary;
	uint8_t routed;		/* 1: behind another router; net.addr is the
				 * network's own */
	int master;		/* ifindex of the VRF, bridge or bond that the
				 * interface belongs to; 0: none */
};

_Static_assert(sizeof(struct netif_addr) == sizeof(int) + IF_NAMESIZE +
	       sizeof(struct addr_net) + 2 + sizeof(int),
	       "memcmp() meets no padding");

struct netif_link {
	char name[IF_NAMESIZE];
	int ifindex;		/* 0: no such interface now */
	bool up;		/* IFF_UP: the administrator wants it */
	bool running;		/* IFF_RUNNING: there is a carrier */
	bool multicast;		/* IFF_MULTICAST */
	bool allmulti;		/* IFF_ALLMULTI: receives every group */
	int master;		/* as in struct netif_addr */
};

/* The links that were asked for, and the addresses of the whole router. */
struct netif_table {
	struct netif_link link[CONF_IFACES_MAX];	/* as asked for */
	size_t link_n;
	struct netif_addr addr[NETIF_ADDRS_MAX];	/* of every interface */
	size_t addr_n;
	bool addr_cut;		/* there were more; route_is_local() knows */
	/* of IPv4 and IPv6: another one if any address has changed */
	uint32_t ip4_sum, ip6_sum;
};

struct netif_counters {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;
};

/**
 * netif_open - open a netlink socket that receives changes of links, and of
 * addresses, default routes and routing rules of both families.
 *
 * Non-blocking, close-on-exec. Return: the descriptor, or -errno
 */
int netif_open(void);

/**
 * netif_drain - read the messages that wait in netif_open()'s socket.
 *
 * An overrun counts as a change. Messages that do not come from the kernel are
 * ignored.
 *
 * Return: true if something changed, and netif_read() should be called
 */
bool netif_drain(int fd);

/**
 * netif_read - read the state of the router now.
 * @names:  NUL-terminated interface names, @n of them, n <= CONF_IFACES_MAX;
 *          ret->link[i] is names[i]'s, with ifindex 0 where there is none
 *
 * It uses sockets of its own and waits: the kernel answers at once. Addresses
 * of both families are read; primary ones come before secondary ones. Addresses
 * of interfaces that were not asked for have no ifname and no master; beyond
 * NETIF_ADDRS_MAX they are left out first (netif_add_addr()). Their link-local
 * addresses are left out always: no mapping or pinhole leads to one.
 *
 * Return: 0, -EINVAL (too many names, or a name that no interface can have),
 * -EINTR (the addresses change all the time), other -errno; @ret is set only on
 * success
 */
int netif_read(const char *const *names, size_t n, struct netif_table *ret);

/** netif_first_addr - find the first primary IPv4 address of @ifindex, or
 * NULL. */
const struct netif_addr *netif_first_addr(const struct netif_table *,
					  int ifindex);

/** netif_counters - read the counters of one interface (IFLA_STATS64). 0 or
 * -errno */
int netif_counters(int ifindex, struct netif_counters *ret);

/** netif_is_running - is @ifindex up, with a carrier? false: unknown as well */
bool netif_is_running(int ifindex);

/** netif_is_there - does the kernel have an interface of that name? */
bool netif_is_there(const char *name);

/** netif_speed_bps - read the link's speed in bits per second, by ethtool. 0:
 * unknown */
uint64_t netif_speed_bps(const char *name);

/**
 * netif_set_up - take an interface up or down (IFF_UP). It needs CAP_NET_ADMIN,
 * so only the monitor calls it. Return: 0 or -errno
 */
int netif_set_up(const char *name, bool up);

/* ---- parsing messages: pure, for netif.c and its test -------------------- */

/** netif_parse_link - read a link, without its name. Return: false if the
 * message is not one */
bool netif_parse_link(const struct nlmsghdr *h, struct netif_link *ret);

/** netif_parse_counters - read a link's counters. Return: false if they are not
 * in the message */
bool netif_parse_counters(const struct nlmsghdr *h,
			  struct netif_counters *ret);

/** netif_parse_addr - read an address of either family, without ifname and
 * master. Return: false if the message has none, or one that the router does
 * not have yet (IPv6: tentative, or a duplicate of another host's) */
bool netif_parse_addr(const struct nlmsghdr *h, struct netif_addr *ret);

/**
 * netif_add_addr - add an address to a table.
 *
 * Primary ones come before secondary ones, each in the order in which they were
 * added. In a full table (NETIF_ADDRS_MAX), an address with ifname replaces one
 * without; the first of its kind (addr_kind()) on its interface replaces one
 * with ifname that is not; and otherwise a primary one replaces a secondary
 * one. The rest is left out. Sets @addr_cut and the sums too.
 */
void netif_add_addr(struct netif_table *t, const struct netif_addr *a);

#endif
