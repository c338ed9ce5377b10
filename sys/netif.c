/* SPDX-License-Identifier: ISC */
/*
 * netif.c - the router's interfaces, by rtnetlink and ethtool.
 *
 * Owns: nothing between two calls.
 * Never does: wait for long; netlink.h has the reason.
 * Runs in: any
 */
#include "sys/netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include "sys/netlink.h"

/* Datagrams in one netif_drain(), so that many changes do not stop the loop. */
#define DRAIN_MAX 64

/* ---- one link ---------------------------------------------------------- */

struct link_req {
	struct nlmsghdr h;
	struct ifinfomsg i;
	struct rtattr name_attr;
	char name[IF_NAMESIZE];
};

static bool name_fits(const char *name)
{
	size_t n = strnlen(name, IF_NAMESIZE);

	return n > 0 && n < IF_NAMESIZE;
}

/* A request about the link called @name, which must fit. */
static struct link_req link_by_name(uint16_t type, const char *name)
{
	struct link_req r = {
		.h = {
			.nlmsg_len = sizeof(r),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.name_attr = {
			.rta_len = RTA_LENGTH(sizeof(r.name)),
			.rta_type = IFLA_IFNAME,
		},
	};

	memcpy(r.name, name, strnlen(name, sizeof(r.name) - 1));
	return r;
}

bool netif_parse_link(const struct nlmsghdr *h, struct netif_link *ret)
{
	const struct ifinfomsg *i = netlink_body(h, sizeof(*i));
	int master = 0;

	if (h->nlmsg_type != RTM_NEWLINK || !i)
		return false;
	netlink_attr_get(h, sizeof(*i), IFLA_MASTER, &master, sizeof(master));
	ret->master = master;
	ret->ifindex = i->ifi_index;
	ret->up = i->ifi_flags & IFF_UP;
	ret->running = i->ifi_flags & IFF_RUNNING;
	ret->multicast = i->ifi_flags & IFF_MULTICAST;
	ret->allmulti = i->ifi_flags & IFF_ALLMULTI;
	return true;
}

static void take_link(void *arg, const struct nlmsghdr *h)
{
	netif_parse_link(h, arg);
}

static int read_link(const char *name, struct netif_link *l)
{
	struct link_req r;
	int err;

	if (!name_fits(name))
		return -EINVAL;
	r = link_by_name(RTM_GETLINK, name);
	*l = (struct netif_link){ .ifindex = 0 };
	memcpy(l->name, r.name, sizeof(l->name));
	err = netlink_ask(NETLINK_ROUTE, &r.h, take_link, l);
	return err == -ENODEV ? 0 : err;
}

int netif_set_up(const char *name, bool up)
{
	struct link_req r;

	if (!name_fits(name))
		return -ENODEV;
	r = link_by_name(RTM_SETLINK, name);
	r.i.ifi_change = IFF_UP;
	r.i.ifi_flags = up ? IFF_UP : 0;
	return netlink_ask(NETLINK_ROUTE, &r.h, NULL, NULL);
}

/* ---- counters and speed ------------------------------------------------ */

struct counters_want {
	struct netif_counters c;
	bool found;
};

/* Newer kernels append fields to rtnl_link_stats64. The first four are in every
 * version. */
bool netif_parse_counters(const struct nlmsghdr *h,
			  struct netif_counters *ret)
{
	struct rtnl_link_stats64 s;

	if (h->nlmsg_type != RTM_NEWLINK ||
	    !netlink_attr_get(h, sizeof(struct ifinfomsg), IFLA_STATS64, &s,
			 offsetof(struct rtnl_link_stats64, rx_errors)))
		return false;
	*ret = (struct netif_counters){
		.rx_bytes = s.rx_bytes, .tx_bytes = s.tx_bytes,
		.rx_packets = s.rx_packets, .tx_packets = s.tx_packets,
	};
	return true;
}

static void take_counters(void *arg, const struct nlmsghdr *h)
{
	struct counters_want *want = arg;

	if (netif_parse_counters(h, &want->c))
		want->found = true;
}

static int ask_by_index(int ifindex, nl_fn take, void *arg)
{
	struct link_req r = link_by_name(RTM_GETLINK, "");

	if (ifindex <= 0)
		return -ENODEV;
	r.i.ifi_index = ifindex;
	r.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.i));	/* without a name */
	return netlink_ask(NETLINK_ROUTE, &r.h, take, arg);
}

bool netif_is_running(int ifindex)
{
	struct netif_link l = { .ifindex = 0 };

	return !ask_by_index(ifindex, take_link, &l) && l.up && l.running;
}

int netif_counters(int ifindex, struct netif_counters *ret)
{
	struct counters_want want = { .found = false };
	int err = ask_by_index(ifindex, take_counters, &want);

	if (err)
		return err;
	if (!want.found)
		return -ENODATA;
	*ret = want.c;
	return 0;
}

/* Return: false if the kernel did not answer */
static bool ask_by_name(const char *name, unsigned what, struct ifreq *ifr)
{
	bool ret;
	int fd;

	if (!name_fits(name))
		return false;
	memcpy(ifr->ifr_name, name, strnlen(name, sizeof(ifr->ifr_name) - 1));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	ret = ioctl(fd, what, ifr) == 0;
	close(fd);
	return ret;
}

bool netif_is_there(const char *name)
{
	struct ifreq ifr = { 0 };

	return ask_by_name(name, SIOCGIFINDEX, &ifr);
}

/* With the oldest command of ethtool: every kernel has it, and it needs no
 * privilege. */
uint64_t netif_speed_bps(const char *name)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq ifr = { .ifr_data = (void *)&cmd };
	uint32_t mbps = 0;

	if (ask_by_name(name, SIOCETHTOOL, &ifr))
		mbps = ethtool_cmd_speed(&cmd);
	/* unknown, from drivers with a 16-bit or a 32-bit field */
	if (mbps == UINT16_MAX || mbps == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return (uint64_t)mbps * 1000000;
}

/* ---- addresses --------------------------------------------------------- */

/* Is @a the first of its kind on its interface? @n: addresses before it */
static bool is_first(const struct netif_table *t, size_t n,
		     const struct netif_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (t->addr[i].ifindex == a->ifindex &&
		    addr_kind(t->addr[i].net.addr) == addr_kind(a->net.addr))
			return false;
	return true;
}

/* Which address of two stays in a full table: the first one of its kind on an
 * interface that was asked for, then its others, then the primary one. @n:
 * addresses before @a */
static int rank(const struct netif_table *t, size_t n,
		const struct netif_addr *a)
{
	const bool asked = a->ifname[0] != '\0';

	return 4 * (asked && is_first(t, n, a)) + 2 * asked +
	       !a->secondary;
}

/* Make room for @a, if need be by removing the last address of the lowest rank.
 * Return: false: @a itself is of that rank */
static bool make_room(struct netif_table *t, const struct netif_addr *a)
{
	size_t least = 0;
	int lowest;

	if (t->addr_n < NETIF_ADDRS_MAX)
		return true;
	lowest = rank(t, 0, &t->addr[0]);
	for (size_t i = 1; i < t->addr_n; i++) {
		int r = rank(t, i, &t->addr[i]);

		if (r > lowest)
			continue;
		lowest = r;
		least = i;
	}
	if (rank(t, t->addr_n, a) <= lowest)
		return false;
	t->addr_n--;
	memmove(&t->addr[least], &t->addr[least + 1],
		(t->addr_n - least) * sizeof(t->addr[0]));
	return true;
}

void netif_add_addr(struct netif_table *t, const struct netif_addr *a)
{
	const struct addr *ip = &a->net.addr;
	uint32_t *sum = ip->family == ADDR_IP4 ? &t->ip4_sum : &t->ip6_sum;
	uint32_t word;
	size_t at;

	/* as in FNV-1a, with 32 bits in each step */
	for (at = 0; at < addr_bits(*ip) / 8; at += sizeof(word)) {
		memcpy(&word, ip->byte + at, sizeof(word));
		*sum = (*sum ^ word) * 16777619u;
	}
	t->addr_cut |= t->addr_n == NETIF_ADDRS_MAX;
	if (!make_room(t, a))
		return;
	at = t->addr_n++;
	for (; !a->secondary && at > 0 && t->addr[at - 1].secondary; at--)
		t->addr[at] = t->addr[at - 1];
	t->addr[at] = *a;
}

/* On a point-to-point link IFA_ADDRESS is the peer and IFA_LOCAL our own. */
static bool read_bytes(const struct nlmsghdr *h, void *ret, size_t n)
{
	const size_t head = sizeof(struct ifaddrmsg);

	return netlink_attr_get(h, head, IFA_LOCAL, ret, n) ||
	       netlink_attr_get(h, head, IFA_ADDRESS, ret, n);
}

/* The header has room for the first eight flags, and those that are read here
 * are among them. */
static bool parse_ip4(const struct nlmsghdr *h, const struct ifaddrmsg *m,
		      struct netif_addr *ret)
{
	uint32_t ip_be;

	if (!read_bytes(h, &ip_be, sizeof(ip_be)))
		return false;
	ret->net.addr = addr_ip4(ntohl(ip_be));
	ret->secondary = (m->ifa_flags & IFA_F_SECONDARY) != 0;
	return true;
}

static bool parse_ip6(const struct nlmsghdr *h, const struct ifaddrmsg *m,
		      struct netif_addr *ret)
{
	uint8_t byte[16];

	/* RFC 4429: an optimistic address is in use */
	if (m->ifa_flags & IFA_F_DADFAILED ||
	    (m->ifa_flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) ==
	    IFA_F_TENTATIVE)
		return false;
	if (!read_bytes(h, byte, sizeof(byte)))
		return false;
	ret->net.addr = addr_ip6(byte);
	ret->secondary = (m->ifa_flags & (IFA_F_TEMPORARY |
					  IFA_F_DEPRECATED)) != 0;
	return true;
}

bool netif_parse_addr(const struct nlmsghdr *h, struct netif_addr *ret)
{
	const struct ifaddrmsg *m = netlink_body(h, sizeof(*m));
	struct netif_addr a = { .ifindex = 0 };
	bool good = false;

	if (h->nlmsg_type != RTM_NEWADDR || !m)
		return false;
	if (m->ifa_family == AF_INET)
		good = parse_ip4(h, m, &a);
	else if (m->ifa_family == AF_INET6)
		good = parse_ip6(h, m, &a);
	if (!good || m->ifa_prefixlen > addr_bits(a.net.addr))
		return false;
	a.ifindex = (int)m->ifa_index;
	a.net.bits = m->ifa_prefixlen;
	*ret = a;
	return true;
}

static void take_addr(void *arg, const struct nlmsghdr *h)
{
	struct netif_table *t = arg;
	struct netif_addr a;

	if (!netif_parse_addr(h, &a))
		return;
	for (size_t i = 0; i < t->link_n; i++) {
		if (t->link[i].ifindex != a.ifindex)
			continue;
		memcpy(a.ifname, t->link[i].name, sizeof(a.ifname));
		a.master = t->link[i].master;
	}
	/* each interface of the router has one; they are not needed */
	if (!*a.ifname && addr_is_link_local(a.net.addr))
		return;
	netif_add_addr(t, &a);
}

static int read_addrs(struct netif_table *t)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
	} r = {
		.h = {
			.nlmsg_len = sizeof(r),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.a = { .ifa_family = AF_UNSPEC },	/* IPv4 comes first */
	};

	t->addr_n = 0;
	t->addr_cut = false;
	t->ip4_sum = t->ip6_sum = 0;
	return netlink_ask(NETLINK_ROUTE, &r.h, take_addr, t);
}

static int read_table(const char *const *names, size_t n,
		      struct netif_table *t)
{
	int err = 0;

	for (t->link_n = 0; t->link_n < n && !err; t->link_n++)
		err = read_link(names[t->link_n], &t->link[t->link_n]);
	return err ? err : read_addrs(t);
}

int netif_read(const char *const *names, size_t n, struct netif_table *ret)
{
	struct netif_table t = { .link_n = 0 };
	unsigned tries = NL_TRIES;
	int err;

	if (n > CONF_IFACES_MAX)
		return -EINVAL;
	do {
		err = read_table(names, n, &t);
	} while (err == -EINTR && --tries);
	if (!err)
		*ret = t;
	return err;
}

const struct netif_addr *netif_first_addr(const struct netif_table *t,
					  int ifindex)
{
	size_t i;

	for (i = 0; i < t->addr_n; i++)
		if (t->addr[i].ifindex == ifindex && !t->addr[i].secondary &&
		    t->addr[i].net.addr.family == ADDR_IP4)
			return &t->addr[i];
	return NULL;
}

/* ---- changes ----------------------------------------------------------- */

/* linux/rtnetlink.h has no name for it as a bit. */
#define RULE6_GROUP (1u << (RTNLGRP_IPV6_RULE - 1))

int netif_open(void)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
			     RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV4_RULE | RTMGRP_IPV6_ROUTE |
			     RULE6_GROUP,
	};
	int fd = netlink_open(NETLINK_ROUTE), err;

	if (fd < 0 || !bind(fd, (struct sockaddr *)&groups, sizeof(groups)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Of routes only those matter that lead to the whole Internet, or to a half of
 * it, as VPNs add them: a router that runs OSPF or BGP changes the others all the
 * time. */
static bool is_change(struct nl_span s)
{
	const struct nlmsghdr *h = netlink_next_msg(&s);
	const struct rtmsg *r;

	if (!h || h->nlmsg_type < NLMSG_MIN_TYPE)
		return false;
	if (h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE)
		return true;
	r = netlink_body(h, sizeof(*r));
	return r && r->rtm_dst_len <= 1;
}

bool netif_drain(int fd)
{
	unsigned left = DRAIN_MAX;
	bool changed = false;
	union nl_buf buf;
	ssize_t n;

	while (left--) {
		n = netlink_recv(fd, &buf);
		if (n >= 0)
			changed |= is_change((struct nl_span){ buf.bytes,
							       (size_t)n });
		else if (n == -ENOBUFS || n == -EMSGSIZE)
			changed = true;		/* a message was lost */
		else
			break;
	}
	return changed;
}
