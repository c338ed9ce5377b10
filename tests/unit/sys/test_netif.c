/* SPDX-License-Identifier: ISC */
/*
 * test_netif.c - links, addresses and counters are read from complete messages
 * only, and each change is reported. Messages are made by hand against an
 * unreadable page; the last tests use the real kernel, in a namespace for each
 * test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "sys/netif.h"
#include "sys/netlink.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/nltest.h"

/* ---- messages made by hand --------------------------------------------- */

static struct msg addr_msg(uint32_t local, uint32_t peer, uint8_t prefix,
			   uint8_t flags)
{
	struct ifaddrmsg a = {
		.ifa_family = AF_INET, .ifa_prefixlen = prefix,
		.ifa_flags = flags, .ifa_index = 7,
	};
	struct msg m = msg_new(RTM_NEWADDR, &a, sizeof(a));
	uint32_t be = htonl(peer);

	if (peer)
		msg_attr(&m, IFA_ADDRESS, &be, sizeof(be));
	be = htonl(local);
	if (local)
		msg_attr(&m, IFA_LOCAL, &be, sizeof(be));
	return m;
}

static void take_addr(struct netif_table *t, const struct nlmsghdr *h)
{
	struct netif_addr a;

	if (netif_parse_addr(h, &a))
		netif_add_addr(t, &a);
}

static struct netif_table addr_table(struct msg m)
{
	struct netif_table t = { .addr_n = 0 };

	take_addr(&t, cut(&m, m.len));
	return t;
}

static uint32_t ip_of(const struct netif_addr *a)
{
	return addr_to_ip4(a->net.addr);
}

static void test_address_is_read(void **state)
{
	static struct netif_table t;

	t = addr_table(addr_msg(IP(10, 0, 0, 1), IP(10, 0, 0, 9), 24, 0));
	assert_int_equal(t.addr_n, 1);
	assert_int_equal(ip_of(&t.addr[0]), IP(10, 0, 0, 1));
	assert_int_equal(t.addr[0].net.bits, 24);
	assert_int_equal(t.addr[0].ifindex, 7);
	assert_false(t.addr[0].secondary);
	t = addr_table(addr_msg(0, IP(10, 0, 0, 9), 32, IFA_F_SECONDARY));
	assert_int_equal(ip_of(&t.addr[0]), IP(10, 0, 0, 9));
	assert_int_equal(t.addr[0].net.bits, 32);
	assert_true(t.addr[0].secondary);
	t = addr_table(addr_msg(IP(10, 0, 0, 1), 0, 0, 0));
	assert_int_equal(t.addr[0].net.bits, 0);
	assert_int_equal(addr_table(addr_msg(1, 1, 33, 0)).addr_n, 0);
	assert_int_equal(addr_table(addr_msg(0, 0, 24, 0)).addr_n, 0);
}

static const uint8_t ip6_of_host[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 7 };

static struct msg addr6_msg(uint8_t prefix, uint8_t flags)
{
	struct ifaddrmsg a = {
		.ifa_family = AF_INET6, .ifa_prefixlen = prefix,
		.ifa_flags = flags, .ifa_index = 7,
	};
	struct msg m = msg_new(RTM_NEWADDR, &a, sizeof(a));

	msg_attr(&m, IFA_ADDRESS, ip6_of_host, sizeof(ip6_of_host));
	return m;
}

static void test_ipv6_address_is_read(void **state)
{
	const uint8_t peer[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 9 };
	struct netif_table t = addr_table(addr6_msg(64, 0));
	struct ifaddrmsg head = { .ifa_family = AF_INET6, .ifa_index = 7 };
	struct msg m = msg_new(RTM_NEWADDR, &head, sizeof(head));

	assert_int_equal(t.addr_n, 1);
	assert_memory_equal(&t.addr[0].net.addr, &(struct addr){ ADDR_IP6 }, 1);
	assert_memory_equal(t.addr[0].net.addr.byte, ip6_of_host, 16);
	assert_int_equal(t.addr[0].net.bits, 64);
	assert_int_equal(t.addr[0].ifindex, 7);
	assert_false(t.addr[0].secondary);
	assert_int_equal(t.ip4_sum, 0);
	assert_int_not_equal(t.ip6_sum, 0);
	assert_int_equal(addr_table(addr6_msg(128, 0)).addr_n, 1);
	assert_int_equal(addr_table(addr6_msg(129, 0)).addr_n, 0);
	/* a tunnel */
	msg_attr(&m, IFA_ADDRESS, peer, sizeof(peer));
	msg_attr(&m, IFA_LOCAL, ip6_of_host, sizeof(ip6_of_host));
	t = addr_table(m);
	assert_memory_equal(t.addr[0].net.addr.byte, ip6_of_host, 16);
	/* an IPv4 address in an IPv6 message */
	m = msg_new(RTM_NEWADDR, &head, sizeof(head));
	msg_u32(&m, IFA_ADDRESS, 0x01020304);
	assert_int_equal(addr_table(m).addr_n, 0);
}

static void test_flags_of_an_ipv6_address_are_read(void **state)
{
	static const struct {
		uint8_t flags;
		bool ours, secondary;
	} row[] = {
		{ IFA_F_PERMANENT, true, false },
		{ IFA_F_TENTATIVE, false, false },
		{ IFA_F_TENTATIVE | IFA_F_PERMANENT, false, false },
		{ IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, true, false },
		{ IFA_F_DADFAILED | IFA_F_PERMANENT, false, false },
		{ IFA_F_DADFAILED | IFA_F_TENTATIVE, false, false },
		{ IFA_F_TEMPORARY, true, true },
		{ IFA_F_DEPRECATED, true, true },
	};
	static struct netif_table t;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		t = addr_table(addr6_msg(64, row[i].flags));
		assert_int_equal(t.addr_n, row[i].ours);
		if (row[i].ours)
			assert_int_equal(t.addr[0].secondary,
					 row[i].secondary);
	}
}

static void test_cut_ipv6_address_is_not_read(void **state)
{
	struct msg m = addr6_msg(64, 0);
	static struct netif_table t;

	for (size_t len = 16; len <= m.len; len++) {
		t.addr_n = 0;
		take_addr(&t, cut(&m, len));
		assert_int_equal(t.addr_n, len == m.len);
	}
}

/* A message that is cut gives an address only if the address is complete. */
static void test_cut_address_is_not_read(void **state)
{
	struct msg m = addr_msg(IP(10, 0, 0, 1), 0, 24, 0);
	static struct netif_table t;
	size_t len;

	assert_int_equal(m.len, 16 + 8 + 8);
	for (len = 16; len <= m.len; len++) {
		t.addr_n = 0;
		take_addr(&t, cut(&m, len));
		assert_int_equal(t.addr_n, len == m.len);
	}
	m.h.nlmsg_type = RTM_DELADDR;
	assert_int_equal(addr_table(m).addr_n, 0);
}

/* An attribute that claims more, less or nothing. */
static void test_attribute_of_a_wrong_length_is_not_read(void **state)
{
	static const uint16_t lies[] = { 0, 1, 3, 4, 5, 7, 9, 12, 0xffff };
	static struct netif_table t;
	struct msg m;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		m = addr_msg(IP(10, 0, 0, 1), 0, 24, 0);
		memcpy(m.bytes + 24, &lies[i], sizeof(lies[i]));
		t = addr_table(m);
		assert_int_equal(t.addr_n, 0);
	}
}

static void test_primary_addresses_come_first(void **state)
{
	struct netif_table t = { .addr_n = 0 };
	struct netif_addr a = { .ifindex = 1 };
	unsigned i;

	/* three secondary, then primary ones until long past the cap */
	for (i = 0; i < NETIF_ADDRS_MAX + 9; i++) {
		a.net.addr = addr_ip4(i);
		a.secondary = i < 3;
		netif_add_addr(&t, &a);
		if (i == 4) {
			assert_int_equal(t.addr_n, 5);
			assert_int_equal(ip_of(&t.addr[0]), 3);
			assert_int_equal(ip_of(&t.addr[1]), 4);
			assert_int_equal(ip_of(&t.addr[2]), 0);
			assert_int_equal(ip_of(&t.addr[4]), 2);
		}
	}
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	assert_true(t.addr_cut);
	for (i = 0; i < NETIF_ADDRS_MAX; i++)
		assert_int_equal(ip_of(&t.addr[i]), i + 3);
	a.secondary = true;
	a.net.addr = addr_ip4(12345);
	netif_add_addr(&t, &a);
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
}

/* Regression: on a router with many interfaces that upnpd does not use, the
 * address of a ppp0 that was created last was left out. */
static void test_addresses_of_asked_interfaces_stay(void **state)
{
	struct netif_table t = { .addr_n = 0 };
	struct netif_addr other = { .ifindex = 1 };
	struct netif_addr asked = { .ifindex = 2, .ifname = "ppp0" };

	for (unsigned i = 0; i < NETIF_ADDRS_MAX + 9; i++) {
		other.net.addr = addr_ip4(i);
		netif_add_addr(&t, &other);
	}
	asked.net.addr = addr_ip4(1000);
	netif_add_addr(&t, &asked);
	asked.net.addr = addr_ip4(1001);
	asked.secondary = 1;
	netif_add_addr(&t, &asked);
	netif_add_addr(&t, &other);
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	for (unsigned i = 0; i < NETIF_ADDRS_MAX - 2; i++)
		assert_int_equal(ip_of(&t.addr[i]), i);
	assert_int_equal(ip_of(&t.addr[NETIF_ADDRS_MAX - 2]), 1000);
	assert_int_equal(ip_of(&t.addr[NETIF_ADDRS_MAX - 1]), 1001);
	assert_string_equal(t.addr[NETIF_ADDRS_MAX - 1].ifname, "ppp0");
	/* asked-for addresses replace each other only by being primary */
	asked.secondary = 0;
	for (unsigned i = 2000; i < 2000 + NETIF_ADDRS_MAX; i++) {
		asked.net.addr = addr_ip4(i);
		netif_add_addr(&t, &asked);
	}
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	assert_int_equal(ip_of(&t.addr[0]), 1000);
	assert_int_equal(ip_of(&t.addr[NETIF_ADDRS_MAX - 1]),
			 2000 + NETIF_ADDRS_MAX - 2);
}

/* Regression: the external interface had no address if an internal one had as
 * many as the table holds. */
static void test_each_asked_interface_keeps_an_address(void **state)
{
	struct netif_table t = { .addr_n = 0 };
	struct netif_addr lan = { .ifindex = 2, .ifname = "lan0" };
	struct netif_addr wan = { .ifindex = 3, .ifname = "wan0" };

	for (unsigned i = 0; i < NETIF_ADDRS_MAX + 9; i++) {
		lan.net.addr = addr_ip4(i);
		netif_add_addr(&t, &lan);
	}
	for (unsigned i = 1000; i < 1003; i++) {
		wan.net.addr = addr_ip4(i);
		netif_add_addr(&t, &wan);
	}
	lan.net.addr = addr_ip4(2000);
	netif_add_addr(&t, &lan);
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	for (unsigned i = 0; i < NETIF_ADDRS_MAX - 1; i++)
		assert_int_equal(ip_of(&t.addr[i]), i);
	assert_int_equal(ip_of(&t.addr[NETIF_ADDRS_MAX - 1]), 1000);
}

/* Very many addresses of one kind leave a place for each other kind. */
static void test_each_kind_of_an_asked_interface_stays(void **state)
{
	static const char *const other[] = { "192.168.88.1", "fd00::1",
					     "fe80::1", "2001:db9::1" };
	struct netif_table t = { .addr_n = 0 };
	struct netif_addr a = { .ifindex = 2, .ifname = "lan0" };
	size_t left = 4;

	a.net.addr = addr_of_text("2001:db8::");
	for (unsigned i = 0; i < NETIF_ADDRS_MAX + 9; i++) {
		a.net.addr.byte[15] = (uint8_t)i;
		netif_add_addr(&t, &a);
	}
	for (size_t i = 0; i < 4; i++) {
		a.net.addr = addr_of_text(other[i]);
		netif_add_addr(&t, &a);
	}
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	assert_true(addr_equal(t.addr[0].net.addr, addr_of_text("2001:db8::")));
	for (size_t i = 0; i < t.addr_n; i++)
		for (size_t k = 0; k < 4; k++)
			left -= addr_equal(t.addr[i].net.addr,
					   addr_of_text(other[k]));
	assert_int_equal(left, 1);	/* the last one is a second global */
}

/* The sum tells of a change of an address that is not in the table. */
static void test_addresses_left_out_are_in_the_sum(void **state)
{
	struct netif_table t = { .addr_n = 0 }, longer;
	struct netif_addr a = { .ifindex = 1 };

	for (unsigned i = 0; i < NETIF_ADDRS_MAX; i++) {
		a.net.addr = addr_ip4(i);
		netif_add_addr(&t, &a);
	}
	assert_false(t.addr_cut);
	longer = t;
	netif_add_addr(&longer, &a);
	assert_true(longer.addr_cut);
	assert_memory_equal(longer.addr, t.addr, sizeof(t.addr));
	assert_int_not_equal(longer.ip4_sum, t.ip4_sum);
	a.net.addr = addr_ip4(1000);
	netif_add_addr(&t, &a);
	assert_int_not_equal(longer.ip4_sum, t.ip4_sum);
}

static void test_first_primary_address_is_found(void **state)
{
	struct netif_table t = { .addr_n = 3, .addr = {
		{ 2, "", { addr_ip4(20), 24 } }, { 3, "", { addr_ip4(30),
							    24 } },
		{ 4, "", { addr_ip4(40), 24 }, .secondary = true },
	} };

	assert_int_equal(ip_of(netif_first_addr(&t, 3)), 30);
	assert_null(netif_first_addr(&t, 4));
	assert_null(netif_first_addr(&t, 5));
}

static void test_link_is_read(void **state)
{
	struct ifinfomsg i = {
		.ifi_index = 5, .ifi_flags = IFF_UP | IFF_MULTICAST,
	};
	struct msg m = msg_new(RTM_NEWLINK, &i, sizeof(i));
	struct netif_link l = { .ifindex = 0 };
	uint32_t master = 77;
	size_t len;

	for (len = 16; len < 32; len++) {
		assert_false(netif_parse_link(cut(&m, len), &l));
		assert_int_equal(l.ifindex, 0);
	}
	assert_true(netif_parse_link(cut(&m, 32), &l));
	assert_int_equal(l.ifindex, 5);
	assert_true(l.up && l.multicast && !l.running && !l.allmulti);
	i.ifi_flags = IFF_ALLMULTI;
	m = msg_new(RTM_NEWLINK, &i, sizeof(i));
	assert_true(netif_parse_link(&m.h, &l));
	assert_true(l.allmulti && !l.multicast);
	assert_int_equal(l.master, 0);
	msg_attr(&m, IFLA_MASTER, &master, sizeof(master));
	assert_true(netif_parse_link(&m.h, &l));
	assert_int_equal(l.master, 77);
}

static void test_counters_are_read(void **state)
{
	struct ifinfomsg i = { .ifi_index = 5 };
	struct rtnl_link_stats64 s = {
		.rx_packets = 1, .tx_packets = 2,
		.rx_bytes = UINT64_C(5000000000), .tx_bytes = 4,
	};
	struct msg m = msg_new(RTM_NEWLINK, &i, sizeof(i));
	struct netif_counters c = { .rx_bytes = 77 };
	size_t len;

	msg_attr(&m, IFLA_IFNAME, "x", 2);
	msg_attr(&m, IFLA_STATS64, &s, 32);	/* what every kernel has */
	for (len = 16; len < m.len; len++)
		assert_false(netif_parse_counters(cut(&m, len), &c));
	assert_int_equal(c.rx_bytes, 77);
	assert_true(netif_parse_counters(cut(&m, m.len), &c));
	assert_int_equal(c.rx_bytes, UINT64_C(5000000000));
	assert_int_equal(c.tx_bytes, 4);
	assert_int_equal(c.rx_packets, 1);
	assert_int_equal(c.tx_packets, 2);
	m.h.nlmsg_type = RTM_DELLINK;
	assert_false(netif_parse_counters(cut(&m, m.len), &c));
}

/* ---- the real kernel --------------------------------------------------- */

/* upt0 is 10.1.0.1/24 with two more addresses, upt1 its other end. */
static void lay_links(void)
{
	ip("link set lo up");
	ip("link add upt0 type veth peer name upt1");
	ip("addr add 10.1.0.1/24 dev upt0");
	ip("addr add 10.1.0.2/24 dev upt0");
	ip("addr add 10.2.0.1/30 dev upt0");
	ip("addr add 10.3.0.1 peer 10.3.0.2/32 dev upt1");
}

static const char *const names[] = { "upt0", "nosuch0", "lo" };

static const char *ifname_of(const struct netif_table *t, uint32_t ip)
{
	for (size_t i = 0; i < t->addr_n; i++)
		if (ip_of(&t->addr[i]) == ip)
			return t->addr[i].ifname;
	return "there is no such address";
}

static void test_links_and_addresses_are_read(void **state)
{
	const struct netif_addr *a;
	static struct netif_table t;

	NEED_ROOT();
	lay_links();
	assert_int_equal(netif_read(names, 3, &t), 0);
	assert_int_equal(t.link_n, 3);
	assert_string_equal(t.link[0].name, "upt0");
	assert_true(t.link[0].ifindex > 0);
	assert_false(t.link[0].up || t.link[0].running);
	assert_true(t.link[0].multicast);
	assert_string_equal(t.link[1].name, "nosuch0");
	assert_int_equal(t.link[1].ifindex, 0);
	assert_true(t.link[2].up && t.link[2].running);
	assert_false(t.link[2].multicast);
	assert_int_equal(t.addr_n, 6);		/* with 127.0.0.1 and ::1 */
	assert_false(t.addr_cut);
	a = netif_first_addr(&t, t.link[0].ifindex);
	assert_int_equal(ip_of(a), IP(10, 1, 0, 1));
	assert_int_equal(a->net.bits, 24);
	assert_string_equal(a->ifname, "upt0");
	assert_true(t.addr[5].secondary);
	assert_int_equal(ip_of(&t.addr[5]), IP(10, 1, 0, 2));
	assert_string_equal(t.addr[5].ifname, "upt0");
	assert_string_equal(ifname_of(&t, IP(127, 0, 0, 1)), "lo");
	/* upt1 was not asked for */
	assert_string_equal(ifname_of(&t, IP(10, 3, 0, 1)), "");
}

static void test_master_of_an_interface_is_read(void **state)
{
	static struct netif_table t;

	NEED_ROOT();
	lay_links();
	ip("link add upbr0 type bridge");
	ip("link set upt0 master upbr0");
	assert_int_equal(netif_read(names, 3, &t), 0);
	assert_int_equal(t.link[0].master, if_nametoindex("upbr0"));
	assert_int_equal(t.link[2].master, 0);
	for (size_t i = 0; i < t.addr_n; i++)
		assert_int_equal(t.addr[i].master,
				 !strcmp(t.addr[i].ifname, "upt0") ?
				 t.link[0].master : 0);
}

static void test_bad_names_are_refused(void **state)
{
	static const char *const bad[] = { "", "sixteen-bytes-xx" };
	static const char *const many[CONF_IFACES_MAX + 1] = {
		[0 ... CONF_IFACES_MAX] = "lo"
	};
	struct netif_table t = { .link_n = 77 };

	assert_int_equal(netif_read(&bad[0], 1, &t), -EINVAL);
	assert_int_equal(netif_read(&bad[1], 1, &t), -EINVAL);
	assert_int_equal(netif_read(many, CONF_IFACES_MAX + 1, &t), -EINVAL);
	assert_int_equal(t.link_n, 77);
	assert_int_equal(netif_read(many, CONF_IFACES_MAX, &t), 0);
	assert_int_equal(t.link_n, CONF_IFACES_MAX);
	assert_int_equal(t.link[15].ifindex, 1);
	assert_int_equal(netif_read(NULL, 0, &t), 0);
	assert_int_equal(netif_set_up("sixteen-bytes-xx", true), -ENODEV);
	assert_int_equal(netif_speed_bps("sixteen-bytes-xx"), 0);
}

static void batch(const char *text)
{
	FILE *p;
	int fd = memfd_create("batch", 0), saved = dup(0);

	assert_true(fd >= 0 && saved >= 0);
	p = fdopen(fd, "w+");
	assert_non_null(p);
	fputs(text, p);
	rewind(p);
	assert_int_equal(dup2(fd, 0), 0);
	ip("-batch -");
	dup2(saved, 0);
	close(saved);
	fclose(p);
}

/* A dump of many datagrams, and a table that is too small for it. The addresses
 * of upt0, which was asked for, stay. */
static void test_table_is_cut_at_its_limit(void **state)
{
	static char text[64 * 1024];
	static struct netif_table t;
	size_t len = 0;
	unsigned i;

	NEED_ROOT();
	lay_links();
	for (i = 0; i < 600; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"addr add 10.9.%u.%u/32 dev upt1\n", i / 250,
			i % 250 + 1);
	batch(text);
	assert_int_equal(netif_read(names, 3, &t), 0);
	assert_int_equal(t.addr_n, NETIF_ADDRS_MAX);
	assert_true(t.addr_cut);
	for (i = 0; i < NETIF_ADDRS_MAX - 1; i++)
		assert_false(t.addr[i].secondary);
	assert_string_equal(ifname_of(&t, IP(10, 1, 0, 1)), "upt0");
	assert_string_equal(ifname_of(&t, IP(10, 1, 0, 2)), "upt0");
	assert_string_equal(ifname_of(&t, IP(10, 2, 0, 1)), "upt0");
}

static bool readable_in(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static bool readable(int fd)
{
	return readable_in(fd, 0);
}

/* A router has a link-local address on each interface. Only those of the
 * interfaces that were asked for are read. */
static void test_ipv6_addresses_of_links_are_read(void **state)
{
	static struct netif_table t;
	int links = 0, others = 0;

	NEED_ROOT();
	lay_links();
	if (ip_status("-6 addr add fe80::77/64 dev upt0 nodad"))
		skip();		/* this kernel has no IPv6 */
	ip("-6 addr add fe80::78/64 dev upt1 nodad");
	ip("-6 addr add 2001:db8::1/64 dev upt1 nodad");
	ip("-6 addr add 2001:db8:1::1/64 dev upt0 nodad preferred_lft 0");
	ip("-6 addr add 2001:db8:2::1/64 dev upt0 nodad");
	assert_int_equal(netif_read(names, 3, &t), 0);
	for (size_t i = 0; i < t.addr_n; i++) {
		const struct netif_addr *a = &t.addr[i];

		if (a->net.addr.family != ADDR_IP6)
			continue;
		assert_int_not_equal(a->net.addr.byte[15], 0x78);
		if (!strcmp(a->ifname, "upt0"))
			links++;
		else
			others++;
		assert_int_equal(a->secondary, addr_equal(a->net.addr,
			addr_of_text("2001:db8:1::1")));
	}
	assert_int_equal(links, 3);
	assert_int_equal(others, 2);	/* and ::1 */
	assert_int_equal(netif_first_addr(&t, t.link[0].ifindex)->
			 net.addr.family, ADDR_IP4);
}

static void test_each_change_is_reported(void **state)
{
	static const char *const doing[] = {
		"link add upt0 type veth peer name upt1", "link set upt0 up",
		"link set upt1 up", "addr add 10.1.0.1/24 dev upt0",
		"addr del 10.1.0.1/24 dev upt0",
		"-6 addr add 2001:db8::1/64 dev upt0 nodad",
		"-6 addr del 2001:db8::1/64 dev upt0", "link set upt1 down",
		"link del upt0",
	};
	size_t i;
	int fd;

	NEED_ROOT();
	fd = netif_open();
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_false(netif_drain(fd));
	for (i = 0; i < sizeof(doing) / sizeof(doing[0]); i++) {
		ip(doing[i]);
		/* an IPv6 address is reported from another thread, and its
		 * routes, which are no change, before or after it */
		do
			assert_true(readable_in(fd, 30000));
		while (!netif_drain(fd));
		while (netif_drain(fd))
			;
	}
	close(fd);
}

/* Only changes of default routes count. The test uses loopback, because a veth
 * reports its carrier some time later, which is a change as well. */
static void test_only_changes_of_default_routes_are_reported(void **state)
{
	int fd;

	NEED_ROOT();
	ip("link set lo up");
	fd = netif_open();
	assert_true(fd >= 0);
	assert_false(netif_drain(fd));
	ip("route add 10.9.0.0/24 dev lo");
	ip("route del 10.9.0.0/24");
	assert_true(readable(fd));
	assert_false(netif_drain(fd));
	assert_false(readable(fd));
	ip("route add default dev lo");
	assert_true(netif_drain(fd));
	ip("route change default dev lo src 127.0.0.1");
	assert_true(netif_drain(fd));
	ip("route del default");
	assert_true(netif_drain(fd));
	close(fd);
}

/* An overrun counts as a change, and later changes are reported again. */
static void test_overrun_is_a_change(void **state)
{
	unsigned rounds = 0, i;
	int fd, small = 1;
	static char text[16 * 1024];
	size_t len = 0;

	NEED_ROOT();
	lay_links();
	fd = netif_open();
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"addr add 10.9.0.%u/32 dev upt1\n", i + 1);
	batch(text);
	assert_true(netif_drain(fd));
	while (netif_drain(fd))
		assert_true(++rounds < 100);
	ip("addr del 10.9.0.1/32 dev upt1");
	assert_true(netif_drain(fd));
	close(fd);
}

/* A message that does not come from the kernel is not a change. */
static void test_forged_message_is_not_a_change(void **state)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct ifinfomsg i = { .ifi_index = 1 };
	struct msg m = msg_new(RTM_NEWLINK, &i, sizeof(i));
	socklen_t len = sizeof(to);
	int fd, other;

	NEED_ROOT();
	fd = netif_open();
	other = netlink_open(NETLINK_ROUTE);
	assert_true(fd >= 0 && other >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(sendto(other, m.bytes, m.len, 0,
				(struct sockaddr *)&to, len), m.len);
	assert_true(readable(fd));
	assert_false(netif_drain(fd));
	assert_false(readable(fd));
	close(fd);
	close(other);
}

/* The first name's link, once it is running or not: the kernel notices a change
 * of the carrier after some time. */
static struct netif_link link_that(bool runs)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	static struct netif_table t;
	int tries = 1500;

	do {
		assert_int_equal(netif_read(names, 1, &t), 0);
	} while (t.link[0].running != runs && tries-- &&
		 !nanosleep(&pause, NULL));
	assert_int_equal(t.link[0].running, runs);
	return t.link[0];
}

static void test_link_is_taken_up_and_down(void **state)
{
	struct netif_link l;

	NEED_ROOT();
	lay_links();
	assert_int_equal(netif_set_up("upt1", true), 0);
	assert_int_equal(netif_set_up("upt0", true), 0);
	l = link_that(true);
	assert_true(l.up && l.multicast);
	assert_true(netif_is_running(l.ifindex));
	assert_int_equal(netif_set_up("upt1", false), 0);
	assert_true(link_that(false).up);
	assert_false(netif_is_running(l.ifindex));
	assert_false(netif_is_running(0));
	assert_false(netif_is_running(0x7ffffff0));
	assert_int_equal(netif_set_up("upt0", false), 0);
	assert_false(link_that(false).up);
	assert_int_equal(netif_set_up("nosuch0", true), -ENODEV);
	assert_int_equal(netif_set_up("", true), -ENODEV);
}

/* In a child without rights: reading works, changing does not. */
static void test_ordinary_user_can_only_read(void **state)
{
	static struct netif_table t;
	struct netif_counters c;
	int status;
	pid_t pid;

	NEED_ROOT();
	lay_links();
	pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(1);
		if (netif_open() < 0 || netif_read(names, 3, &t))
			_exit(2);
		if (t.addr_n != 6 || netif_counters(1, &c))
			_exit(3);
		_exit(netif_set_up("upt0", true) == -EPERM ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A UDP socket bound to @addr:0, and connected to itself if requested. */
static int udp_socket(uint32_t addr, bool connected, uint16_t *ret_port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr),
	};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*ret_port = ntohs(sin.sin_port);
	if (connected)
		assert_int_equal(connect(fd, (struct sockaddr *)&sin, len), 0);
	return fd;
}

static void test_counters_and_speed_of_a_link_are_read(void **state)
{
	struct netif_counters a, b, kept = { .rx_bytes = 7 };
	uint16_t port;
	int fd;

	NEED_ROOT();
	lay_links();
	fd = udp_socket(INADDR_LOOPBACK, true, &port);
	assert_int_equal(netif_counters(1, &a), 0);
	assert_int_equal(send(fd, "0123456789", 10, 0), 10);
	assert_int_equal(netif_counters(1, &b), 0);
	assert_int_equal(b.tx_packets - a.tx_packets, 1);
	assert_int_equal(b.rx_packets - a.rx_packets, 1);
	assert_true(b.tx_bytes - a.tx_bytes >= 10 + 28);
	close(fd);
	assert_int_equal(netif_counters(0, &kept), -ENODEV);
	assert_int_equal(netif_counters(-1, &kept), -ENODEV);
	assert_int_equal(netif_counters(0x7ffffff0, &kept), -ENODEV);
	assert_int_equal(kept.rx_bytes, 7);
	assert_int_equal(netif_speed_bps("upt0"), UINT64_C(10000000000));
	assert_true(netif_is_there("upt0"));
	assert_false(netif_is_there("nosuch0"));
	assert_false(netif_is_there(""));
	assert_false(netif_is_there("sixteen-bytes-xx"));
	assert_int_equal(netif_speed_bps("lo"), 0);
	assert_int_equal(netif_speed_bps("nosuch0"), 0);
	assert_int_equal(netif_speed_bps(""), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_is_read),
		cmocka_unit_test(test_ipv6_address_is_read),
		cmocka_unit_test(test_flags_of_an_ipv6_address_are_read),
		cmocka_unit_test(test_cut_ipv6_address_is_not_read),
		cmocka_unit_test(test_cut_address_is_not_read),
		cmocka_unit_test(test_attribute_of_a_wrong_length_is_not_read),
		cmocka_unit_test(test_primary_addresses_come_first),
		cmocka_unit_test(test_addresses_of_asked_interfaces_stay),
		cmocka_unit_test(test_each_asked_interface_keeps_an_address),
		cmocka_unit_test(test_each_kind_of_an_asked_interface_stays),
		cmocka_unit_test(test_addresses_left_out_are_in_the_sum),
		cmocka_unit_test(test_first_primary_address_is_found),
		cmocka_unit_test(test_link_is_read),
		cmocka_unit_test(test_counters_are_read),
		netns_test(test_links_and_addresses_are_read),
		netns_test(test_master_of_an_interface_is_read),
		cmocka_unit_test(test_bad_names_are_refused),
		netns_test(test_table_is_cut_at_its_limit),
		netns_test(test_ipv6_addresses_of_links_are_read),
		netns_test(test_each_change_is_reported),
		netns_test(test_only_changes_of_default_routes_are_reported),
		netns_test(test_overrun_is_a_change),
		netns_test(test_forged_message_is_not_a_change),
		netns_test(test_link_is_taken_up_and_down),
		netns_test(test_ordinary_user_can_only_read),
		netns_test(test_counters_and_speed_of_a_link_are_read),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
