/* SPDX-License-Identifier: ISC */
/*
 * netif.h - the router's interfaces: addresses, link, counters, changes.
 *
 * By rtnetlink, which needs no privilege and no file system, so that the
 * engine can use it in its jail. No names are resolved.
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

/* An address that the router has on an interface, and so a network that it is
 * in: whatever serves, listens, allows or translates by address takes these.
 * Or a network behind another router on that interface's link (@routed), which
 * the configuration names: the router has no address in it. */
struct netif_addr {
	int ifindex;
	char ifname[IF_NAMESIZE];
	struct addr_net net;	/* net.addr is the router's own address */
	uint8_t secondary;	/* IFA_F_SECONDARY or 0 */
	uint8_t routed;		/* 1: behind another router; net.addr is the
				 * network's own */
};

_Static_assert(sizeof(struct netif_addr) == sizeof(int) + IF_NAMESIZE +
	       sizeof(struct addr_net) + 2,
	       "memcmp() meets no padding");

struct netif_link {
	char name[IF_NAMESIZE];
	int ifindex;		/* 0: no such interface now */
	bool up;		/* IFF_UP: the administrator wants it */
	bool running;		/* IFF_RUNNING: there is a carrier */
	bool multicast;		/* IFF_MULTICAST */
	bool allmulti;		/* IFF_ALLMULTI: takes every group in */
};

/* The state of the whole router that matters here, taken at one moment. */
struct netif_table {
	struct netif_link link[CONF_IFACES_MAX];	/* as asked for */
	size_t link_n;
	struct netif_addr addr[NETIF_ADDRS_MAX];	/* of every interface */
	size_t addr_n;
};

struct netif_counters {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;
};

/**
 * netif_open - a netlink socket that receives changes of links, of IPv4
 * addresses and of IPv4 default routes.
 *
 * Non-blocking, close-on-exec. Return: the descriptor, or -errno
 */
int netif_open(void);

/**
 * netif_drain - read the messages that wait in netif_open()'s socket.
 *
 * An overrun counts as a change. Messages that did not come from the kernel
 * are dropped.
 *
 * Return: true when something changed and netif_read() should be called
 */
bool netif_drain(int fd);

/**
 * netif_read - take the state of the router now.
 * @names:  NUL-terminated interface names, @n of them, n <= CONF_IFACES_MAX;
 *          ret->link[i] is names[i]'s, with ifindex 0 where there is none
 *
 * By sockets of its own, synchronously: the kernel answers at once.
 * Addresses beyond NETIF_ADDRS_MAX are left out; primary addresses come
 * before secondary ones. Those of interfaces that were not asked for have no
 * ifname.
 *
 * Return: 0, -EINVAL (too many names, or one no interface can have), -EINTR
 * (the addresses never stop changing), other -errno; @ret is set only on
 * success
 */
int netif_read(const char *const *names, size_t n, struct netif_table *ret);

/** netif_first_addr - the first primary address of @ifindex, or NULL. */
const struct netif_addr *netif_first_addr(const struct netif_table *,
					  int ifindex);

/** netif_counters - the counters of one interface (IFLA_STATS64). 0/-errno. */
int netif_counters(int ifindex, struct netif_counters *ret);

/** netif_is_there - does the kernel have a link of that name? */
bool netif_is_there(const char *name);

/** netif_speed_bps - the link's speed by ethtool, 0 where it is unknown. */
uint64_t netif_speed_bps(const char *name);

/**
 * netif_set_up - take an interface up or down (IFF_UP). Needs CAP_NET_ADMIN;
 * the monitor's only. Waits for nothing. Return: 0 or -errno
 */
int netif_set_up(const char *name, bool up);

/* ---- taking messages apart: pure, for netif.c and its test --------------- */

/** netif_parse_link - a link, all but its name; false: the message is none. */
bool netif_parse_link(const struct nlmsghdr *h, struct netif_link *ret);

/** netif_parse_counters - a link's counters; false: they are not in it. */
bool netif_parse_counters(const struct nlmsghdr *h,
			  struct netif_counters *ret);

/** netif_parse_addr - an IPv4 address, without ifname; false: the message has
 * none. (IPv6 addresses are not served yet.) */
bool netif_parse_addr(const struct nlmsghdr *h, struct netif_addr *ret);

/**
 * netif_add_addr - add an address to a table.
 *
 * Primary ones stand before secondary ones, each in the order they came; in a
 * full table (NETIF_ADDRS_MAX) a secondary one makes room for a primary one,
 * others are left out.
 */
void netif_add_addr(struct netif_table *t, const struct netif_addr *a);

#endif
