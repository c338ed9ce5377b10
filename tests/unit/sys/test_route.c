/* SPDX-License-Identifier: ISC */
/*
 * test_route.c - the routes that were saved before a link went down are the
 * same after it came up. Messages are made by hand; the last tests use links of
 * the real kernel, in a namespace for each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include "sys/netlink.h"
#include "sys/route.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/nltest.h"

#define OIF 7

/* ---- messages made by hand ----------------------------------------------- */

/* A default route by 10.1.0.254 over interface 7, as a DHCP client makes it. */
static const struct rtmsg dhcp = {
	.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN,
	.rtm_protocol = 16, .rtm_scope = RT_SCOPE_UNIVERSE,
	.rtm_type = RTN_UNICAST,
};

static struct msg route_msg(struct rtmsg r)
{
	struct msg m = msg_new(RTM_NEWROUTE, &r, sizeof(r));

	m.h.nlmsg_flags = NLM_F_MULTI;
	m.h.nlmsg_seq = 3;
	m.h.nlmsg_pid = 4;
	msg_u32(&m, RTA_TABLE, r.rtm_table);
	msg_u32(&m, RTA_GATEWAY, htonl(IP(10, 1, 0, 254)));
	msg_u32(&m, RTA_OIF, OIF);
	return m;
}

static struct route_set add(const struct msg *m)
{
	struct route_set set = { .len = 0 };

	route_add(&set, cut(m, m->len), OIF);
	return set;
}

static bool kept(const struct msg *m)
{
	return add(m).len > 0;
}

static void test_saved_route_is_a_request_to_add_it(void **state)
{
	struct msg m = route_msg(dhcp);
	struct route_set set = add(&m);
	const struct nlmsghdr *h = (const void *)set.words;

	assert_false(set.cut);
	assert_int_equal(set.len, m.len);
	assert_int_equal(h->nlmsg_len, m.len);
	assert_int_equal(h->nlmsg_type, RTM_NEWROUTE);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK |
			 NLM_F_CREATE | NLM_F_APPEND);
	assert_int_equal(h->nlmsg_seq, 0);
	assert_int_equal(h->nlmsg_pid, 0);
	assert_memory_equal(h + 1, m.bytes + 16, m.len - 16);
}

/* The flags of a route's state are removed, those of the route stay. */
static void test_state_of_a_route_is_not_saved(void **state)
{
	struct rtmsg r = dhcp;
	struct rta_cacheinfo cache = { .rta_used = 9 };
	struct route_set set, plain;
	struct msg m;

	r.rtm_flags = RTNH_F_ONLINK;
	m = route_msg(r);
	plain = add(&m);
	r.rtm_flags |= RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_OFFLOAD |
		       RTM_F_OFFLOAD | RTM_F_TRAP | RTM_F_NOTIFY;
	m = route_msg(r);
	msg_attr(&m, RTA_CACHEINFO, &cache, sizeof(cache));
	msg_u32(&m, RTA_NH_ID, 5);
	set = add(&m);
	assert_memory_equal(&set, &plain, sizeof(set));
	/* and from between other attributes */
	msg_attr(&m, RTA_METRICS | NLA_F_NESTED, "12345", 5);
	set = add(&m);
	assert_int_equal(set.len, plain.len + 12);
	assert_memory_equal((char *)set.words + plain.len + 4, "12345", 5);
}

static void test_other_routes_are_not_saved(void **state)
{
	struct rtmsg r[6] = { dhcp, dhcp, dhcp, dhcp, dhcp, dhcp };
	struct msg m;

	r[0].rtm_type = RTN_BROADCAST;
	r[1].rtm_type = RTN_LOCAL;
	r[2].rtm_protocol = RTPROT_KERNEL;
	r[3].rtm_table = RT_TABLE_LOCAL;
	r[4].rtm_flags = RTM_F_CLONED;
	r[5].rtm_family = AF_INET6;
	for (size_t i = 0; i < 6; i++) {
		m = route_msg(r[i]);
		assert_false(kept(&m));
	}
	m = route_msg(dhcp);
	assert_true(kept(&m));
	m.h.nlmsg_type = RTM_DELROUTE;
	assert_false(kept(&m));
	m = msg_new(RTM_NEWROUTE, &dhcp, sizeof(dhcp));
	assert_false(kept(&m));			/* a multipath route */
	msg_u32(&m, RTA_OIF, OIF + 1);
	assert_false(kept(&m));
}

/* The attribute is used, or the header's field if there is none. */
static void test_routes_of_the_local_table_are_not_saved(void **state)
{
	struct rtmsg r = dhcp;
	struct msg m;

	r.rtm_table = RT_TABLE_COMPAT;
	m = msg_new(RTM_NEWROUTE, &r, sizeof(r));
	msg_u32(&m, RTA_OIF, OIF);
	assert_true(kept(&m));
	msg_u32(&m, RTA_TABLE, 1000);
	assert_true(kept(&m));
	m = msg_new(RTM_NEWROUTE, &r, sizeof(r));
	msg_u32(&m, RTA_OIF, OIF);
	msg_u32(&m, RTA_TABLE, RT_TABLE_LOCAL);
	assert_false(kept(&m));
	r.rtm_table = RT_TABLE_LOCAL;
	m = msg_new(RTM_NEWROUTE, &r, sizeof(r));
	msg_u32(&m, RTA_OIF, OIF);
	assert_false(kept(&m));
}

/* A cut message is saved if the interface is in it, and is then well formed. */
static void test_cut_route_is_saved_only_if_well_formed(void **state)
{
	struct msg m = route_msg(dhcp);
	struct route_set set;
	size_t len;

	for (len = 16; len <= m.len; len++) {
		set = (struct route_set){ .len = 0 };
		route_add(&set, cut(&m, len), OIF);
		assert_int_equal(set.len, len == m.len ? len : 0);
	}
	msg_attr(&m, RTA_METRICS, "12345678", 8);
	for (; len < m.len; len++) {
		set = (struct route_set){ .len = 0 };
		route_add(&set, cut(&m, len), OIF);
		assert_int_equal(set.len, m.len - 12);
		assert_int_equal(set.words[0], set.len);
	}
}

/* A route that does not fit is left out, and the others stay complete. */
static void test_route_that_does_not_fit_is_left_out(void **state)
{
	static struct {
		struct route_set set;
		char behind[512];
	} s;
	struct msg big = route_msg(dhcp), small = route_msg(dhcp);
	static const char metrics[149];		/* not of four bytes */
	size_t n = 0, len = 0;

	for (size_t i = 0; i < sizeof(s.behind); i++)
		s.behind[i] = 'x';
	msg_attr(&big, RTA_METRICS, metrics, sizeof(metrics));
	assert_int_equal(big.h.nlmsg_len % 4, 0);
	while (!s.set.cut) {
		len = s.set.len;
		route_add(&s.set, cut(&big, big.len - 3), OIF);
		assert_true(++n < 100);
	}
	assert_int_equal(n - 1, ROUTE_SET_BYTES / big.len);
	assert_int_equal(s.set.len, len);
	route_add(&s.set, cut(&small, small.len), OIF);
	assert_int_equal(s.set.len, len + small.len);
	for (size_t i = 0; i < sizeof(s.behind); i++)
		assert_int_equal(s.behind[i], 'x');
}

/* ---- the real kernel ----------------------------------------------------- */

/* up0 is 10.1.0.1/24 and up1 its other end; routes over both. */
static void lay_links(void)
{
	ip("link set lo up");
	ip("link add up0 type veth peer name up1");
	ip("addr add 10.1.0.1/24 dev up0");
	ip("addr add 10.1.0.2/24 dev up0");
	ip("addr add 10.5.0.1/24 dev up1");
	ip("link set up0 up");
	ip("link set up1 up");
}

/* The output of `ip @line`, with a NUL after it. */
static void ip_output(const char *line, char *text, size_t cap)
{
	int fd = memfd_create("out", 0), saved = dup(1);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(dup2(fd, 1), 1);
	ip(line);
	assert_int_equal(dup2(saved, 1), 1);
	n = pread(fd, text, cap - 1, 0);
	assert_true(n >= 0 && (size_t)n < cap - 1);
	text[n] = '\0';
	close(saved);
	close(fd);
}

/* The same, once it shows a link with or without a carrier as expected: the
 * kernel notices a change of the carrier after some time. */
static void ip_output_linkdown(const char *line, bool down, char *text,
			       size_t cap)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	int tries = 1500;

	do {
		ip_output(line, text, cap);
	} while (!strstr(text, "linkdown") == down && tries-- &&
		 !nanosleep(&pause, NULL));
}

/* All routes, once the kernel has seen that both ends are up. */
static void every_route(char *text, size_t cap)
{
	ip_output_linkdown("-d -4 route show table all", false, text, cap);
}

/* Take the link down and up, and restore. @err is the expected result. */
static void down_and_up(int err)
{
	struct route_set set = { .len = 0 };
	int ifindex = (int)if_nametoindex("up0");

	assert_int_equal(route_save(ifindex, &set), 0);
	ip("link set up0 down");
	ip("link set up0 up");
	assert_int_equal(route_restore(&set), err);
}

/* All routes are the same, in the kernel's order. */
static void assert_same_after(const char *const *route, size_t n)
{
	static char before[8192], after[8192];

	NEED_ROOT();
	lay_links();
	for (size_t i = 0; i < n; i++)
		ip(route[i]);
	every_route(before, sizeof(before));
	down_and_up(0);
	every_route(after, sizeof(after));
	assert_string_equal(before, after);
	/* the routes were deleted, or nothing was tested */
	ip("link set up0 down");
	ip("link set up0 up");
	every_route(after, sizeof(after));
	assert_string_not_equal(before, after);
}

#define SAME(...) do { \
	static const char *const route[] = { __VA_ARGS__ }; \
	assert_same_after(route, sizeof(route) / sizeof(route[0])); \
} while (0)

static void test_default_route_is_restored(void **state)
{
	SAME("route add default via 10.1.0.254");
}

static void test_default_route_of_dhcp_is_restored(void **state)
{
	SAME("route add default via 10.1.0.254 dev up0 proto dhcp metric 100 "
	     "src 10.1.0.2");
}

/* The gateway is reached by a route of its own, or by none. */
static void test_gateway_with_its_own_route_is_restored(void **state)
{
	SAME("route add 192.0.2.1 dev up0 scope link",
	     "route add default via 192.0.2.1 dev up0");
}

static void test_gateway_onlink_is_restored(void **state)
{
	SAME("route add default via 192.0.2.1 dev up0 onlink");
}

static void test_route_without_gateway_is_restored(void **state)
{
	SAME("route add default dev up0 scope link");
}

static void test_many_kinds_of_routes_are_restored(void **state)
{
	SAME("route add default via 10.1.0.254 metric 10",
	     "route add default via 10.1.0.253 metric 20",
	     "route add 10.7.0.0/16 via 10.1.0.9 tos 0x10 mtu lock 1400",
	     "route add 10.8.0.0/16 via 10.1.0.9 proto static advmss 900 "
	     "congctl reno",
	     "route add 10.9.0.0/16 via 10.1.0.9 table 77",
	     "route add 10.9.0.0/16 dev up0 table 1000 proto 99",
	     "route add 10.6.0.0/16 via inet6 fe80::1 dev up0",
	     "route add 10.4.0.0/16 via 10.5.0.9",
	     "route add unreachable 10.3.0.0/16");
}

/* Two routes that differ in the gateway only: the first is used. */
static void test_order_of_routes_is_restored(void **state)
{
	SAME("route append default via 10.1.0.254 dev up0",
	     "route append default via 10.1.0.253 dev up0",
	     "route append default via 10.1.0.252 dev up0");
}

/* On a link without a carrier the kernel reports routes as dead. */
static void test_routes_without_a_carrier_are_restored(void **state)
{
	static char before[8192], after[8192];

	NEED_ROOT();
	lay_links();
	ip("route add default via 10.1.0.254 dev up0");
	ip("link set up1 down");
	ip_output_linkdown("-4 route show default", true, before,
			   sizeof(before));
	assert_non_null(strstr(before, "linkdown"));
	down_and_up(0);
	ip_output("-4 route show default", after, sizeof(after));
	assert_string_equal(before, after);
}

/* The nexthop object is deleted with the link, so a plain route is restored. */
static void test_nexthop_object_becomes_a_plain_route(void **state)
{
	static char after[8192];

	NEED_ROOT();
	lay_links();
	if (ip_status("nexthop add id 5 via 10.1.0.254 dev up0"))
		skip();
	ip("route add default nhid 5");
	down_and_up(0);
	ip_output("-4 route show default", after, sizeof(after));
	assert_string_equal(after, "default via 10.1.0.254 dev up0 \n");
}

/* It is not saved: the kernel keeps it, because of the other link. */
static void test_multipath_route_is_kept_by_the_kernel(void **state)
{
	static char before[8192], after[8192];

	NEED_ROOT();
	lay_links();
	ip("route add default nexthop via 10.1.0.254 nexthop via 10.5.0.254");
	every_route(before, sizeof(before));
	down_and_up(0);
	every_route(after, sizeof(after));
	assert_string_equal(before, after);
}

/* A route that was added meanwhile is preferred to ours of the same metric. */
static void test_route_added_meanwhile_is_preferred(void **state)
{
	static char after[8192];
	struct route_set set;

	NEED_ROOT();
	lay_links();
	ip("route add default via 10.1.0.254");
	assert_int_equal(route_save((int)if_nametoindex("up0"), &set), 0);
	ip("link set up0 down");
	ip("link set up0 up");
	ip("route add default via 10.1.0.253");
	assert_int_equal(route_restore(&set), 0);
	assert_int_equal(route_restore(&set), 0);	/* all exist already */
	ip_output("-4 route show default", after, sizeof(after));
	assert_string_equal(after, "default via 10.1.0.253 dev up0 \n"
			    "default via 10.1.0.254 dev up0 \n");
}

/* The error depends on the route and on the kernel. */
static bool is_missing(int err)
{
	return err == -ENETUNREACH || err == -ENETDOWN || err == -ENODEV;
}

/* A route that cannot be restored does not stop the others. */
static void test_one_failure_does_not_stop_the_others(void **state)
{
	static char after[8192];
	struct route_set set;

	NEED_ROOT();
	lay_links();
	ip("route add 10.7.0.0/16 via 10.1.0.9 src 10.1.0.2");
	ip("route add default via 10.1.0.254");
	assert_int_equal(route_save((int)if_nametoindex("up0"), &set), 0);
	ip("link set up0 down");
	assert_true(is_missing(route_restore(&set)));
	ip("addr del 10.1.0.2/24 dev up0");
	ip("link set up0 up");
	assert_int_equal(route_restore(&set), -EINVAL);
	ip_output("-4 route show default", after, sizeof(after));
	assert_string_equal(after, "default via 10.1.0.254 dev up0 \n");
	ip("link del up0");
	assert_true(is_missing(route_restore(&set)));
}

/* Of too many routes those that fit are restored, and the call reports it. */
static void test_too_many_routes_are_reported(void **state)
{
	struct route_set set;
	char line[64];

	NEED_ROOT();
	lay_links();
	for (int i = 0; i < 90; i++) {
		snprintf(line, sizeof(line),
			 "route add 10.7.%d.0/24 via 10.1.0.9", i);
		ip(line);
	}
	assert_int_equal(route_save((int)if_nametoindex("up0"), &set), 0);
	assert_true(set.cut && set.len > ROUTE_SET_BYTES - 128);
	ip("link set up0 down");
	ip("link set up0 up");
	assert_int_equal(route_restore(&set), -ENOSPC);
	ip("route del 10.7.55.0/24");
}

static void test_interface_without_routes_saves_none(void **state)
{
	struct route_set set = { .len = 77 };

	assert_int_equal(route_save(0, &set), -ENODEV);
	assert_int_equal(route_save(-1, &set), -ENODEV);
	assert_int_equal(set.len, 77);
	assert_int_equal(route_save(0x7ffffff0, &set), 0);
	assert_int_equal(set.len, 0);
	assert_int_equal(route_restore(&set), 0);
}

/* ---- lookups ------------------------------------------------------------- */

static bool is_default(const struct msg *m, int ifindex)
{
	return route_is_default(&m->h, ifindex);
}

static void test_default_route_is_recognised(void **state)
{
	static const struct rtmsg none = { .rtm_family = AF_INET,
					   .rtm_type = RTN_UNICAST };
	struct rtnexthop hop[2] = {
		{ .rtnh_len = sizeof(*hop), .rtnh_ifindex = OIF + 1 },
		{ .rtnh_len = sizeof(*hop), .rtnh_ifindex = OIF },
	};
	struct rtmsg r = none;
	struct msg m = msg_new(RTM_NEWROUTE, &r, sizeof(r));

	assert_false(is_default(&m, OIF));
	msg_u32(&m, RTA_OIF, OIF);
	assert_true(is_default(&m, OIF));
	assert_false(is_default(&m, OIF + 1));
	for (size_t len = 16; len < m.len; len++)
		assert_false(route_is_default(cut(&m, len), OIF));
	r.rtm_dst_len = 1;
	m = msg_new(RTM_NEWROUTE, &r, sizeof(r));
	msg_u32(&m, RTA_OIF, OIF);
	assert_false(is_default(&m, OIF));
	r = none;
	r.rtm_type = RTN_UNREACHABLE;
	m = msg_new(RTM_NEWROUTE, &r, sizeof(r));
	msg_u32(&m, RTA_OIF, OIF);
	assert_false(is_default(&m, OIF));

	m = msg_new(RTM_NEWROUTE, &none, sizeof(none));
	msg_attr(&m, RTA_MULTIPATH, hop, sizeof(hop));
	assert_true(is_default(&m, OIF) && is_default(&m, OIF + 1));
	assert_false(is_default(&m, OIF + 2));
	for (size_t len = 16; len < m.len; len++)
		assert_false(route_is_default(cut(&m, len), OIF));
	/* wrong lengths */
	for (unsigned len = 0; len < 100; len++) {
		hop[0].rtnh_len = (unsigned short)len;
		m = msg_new(RTM_NEWROUTE, &none, sizeof(none));
		msg_attr(&m, RTA_MULTIPATH, hop, sizeof(hop));
		assert_int_equal(route_is_default(cut(&m, m.len), OIF),
				 len == sizeof(*hop));
	}
}

static void test_interface_to_the_internet_is_found(void **state)
{
	const struct addr there = addr_ip4(0xc6290004);
	int oif = 77, up0;

	NEED_ROOT();
	lay_links();
	up0 = (int)if_nametoindex("up0");
	assert_int_equal(route_out(there, &oif), -ENETUNREACH);
	assert_int_equal(route_has_default(up0), 0);
	ip("route add default via 10.1.0.254");
	assert_int_equal(route_out(there, &oif), 0);
	assert_int_equal(oif, up0);
	assert_int_equal(route_has_default(up0), 1);
	/* a table without a rule counts for route_has_default() only */
	ip("route del default");
	ip("route add default via 10.1.0.254 table 9");
	assert_int_equal(route_out(there, &oif), -ENETUNREACH);
	assert_int_equal(route_has_default(up0), 1);
	ip("rule add pref 9 table 9");
	assert_int_equal(route_out(there, &oif), 0);
	ip("rule del pref 9");
	ip("route add blackhole default");
	assert_true(route_out(there, &oif) < 0);
	assert_int_equal(oif, up0);
}

/* One interface may have a modem's management address and the provider's. */
static void test_source_address_is_that_of_the_default_route(void **state)
{
	struct addr now = addr_ip4(77);
	int up0;

	NEED_ROOT();
	lay_links();
	up0 = (int)if_nametoindex("up0");
	assert_int_equal(route_source(0, &now), -ENODEV);
	assert_true(route_source(9999, &now) < 0);
	assert_int_equal(addr_to_ip4(now), 77);
	ip("addr add 10.2.0.7/24 dev up0");
	ip("addr add 10.2.0.8/24 dev up0");
	ip("route add default via 10.2.0.254 dev up0");
	assert_int_equal(route_source(up0, &now), 0);
	assert_int_equal(addr_to_ip4(now), 0x0a020007);
	ip("route change default via 10.2.0.254 dev up0 src 10.2.0.8");
	assert_int_equal(route_source(up0, &now), 0);
	assert_int_equal(addr_to_ip4(now), 0x0a020008);
	/* a better route over another interface, a tunnel, does not matter */
	ip("route add 198.0.0.0/8 dev up1");
	assert_int_equal(route_source(up0, &now), 0);
	assert_int_equal(addr_to_ip4(now), 0x0a020008);
	ip("link set up0 down");
	assert_true(route_source(up0, &now) < 0);
}

static void test_gateway_of_an_interface(void **state)
{
	struct addr now = addr_ip4(77);
	int up0;

	NEED_ROOT();
	lay_links();
	up0 = (int)if_nametoindex("up0");
	assert_int_equal(route_gateway(0, &now), -ENETUNREACH);
	ip("addr add 10.2.0.7/24 dev up0");
	assert_true(route_gateway(up0, &now) < 0);
	assert_int_equal(addr_to_ip4(now), 77);
	ip("route add default via 10.2.0.254 dev up0");
	assert_int_equal(route_gateway(up0, &now), 0);
	assert_int_equal(addr_to_ip4(now), 0x0a0200fe);
	/* on a point-to-point link, the peer */
	ip("route del default");
	ip("addr add 10.3.0.1 peer 10.3.0.2 dev up0");
	ip("route add default dev up0");
	assert_int_equal(route_gateway(up0, &now), 0);
	assert_int_equal(addr_to_ip4(now), 0x0a030002);
}

static void test_addresses_of_the_router_are_local(void **state)
{
	const struct addr host = addr_ip4(0x0a010007);	/* of up0's network */
	char line[64];

	NEED_ROOT();
	lay_links();
	assert_int_equal(route_is_local(host, 0), 0);
	for (unsigned i = 1; i < 100; i++) {
		snprintf(line, sizeof(line), "addr add 10.9.0.%u/32 dev lo", i);
		ip(line);
	}
	for (uint32_t i = 1; i < 100; i++)
		assert_int_equal(route_is_local(addr_ip4(0x0a090000 + i), 0),
				 1);
	assert_int_equal(route_is_local(addr_ip4(0x0a010002), 0), 1);
	assert_int_equal(route_is_local(addr_ip4(0x0a050001), 0), 1);
	/* no route; a route that drops */
	assert_int_equal(route_is_local(addr_ip4(0x0a090064), 0), 0);
	ip("route add blackhole 10.9.1.0/24");
	ip("route add unreachable 10.9.2.0/24");
	ip("route add prohibit 10.9.3.0/24");
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(route_is_local(
			addr_ip4(0x0a090001 + (i << 8)), 0), 0);
	/* a prefix that is delivered to the router */
	ip("route add local 10.9.4.0/24 dev lo");
	assert_int_equal(route_is_local(addr_ip4(0x0a090407), 0), 1);
	assert_int_equal(route_is_local(addr_any(), 0), -EAFNOSUPPORT);
}

static int is_local(const char *ip, const char *vrf)
{
	return route_is_local(addr_of_text(ip), (int)if_nametoindex(vrf));
}

static void test_ipv6_addresses_of_the_router_are_local(void **state)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	int oif = 0;

	NEED_ROOT();
	lay_links();
	if (system("ip -6 addr add 2001:db8:88::1/64 dev up0 nodad 2>&1"))
		skip();		/* this kernel has no IPv6 */
	ip("-6 addr add fd00:88::1/64 dev up1 nodad");
	/* the kernel notices the carrier of a new link some time later, and
	 * makes no IPv6 route before */
	for (int i = 0; i < 1500 && !(is_local("2001:db8:88::1", "lo") &&
				      is_local("fd00:88::1", "lo")); i++)
		nanosleep(&pause, NULL);
	assert_int_equal(is_local("2001:db8:88::1", "lo"), 1);
	assert_int_equal(is_local("fd00:88::1", "lo"), 1);
	assert_int_equal(is_local("::1", "lo"), 1);
	assert_int_equal(is_local("2001:db8:88::7", "lo"), 0);
	assert_int_equal(is_local("2001:db8:99::7", "lo"), 0);
	assert_int_equal(route_out(addr_of_text("2001:db8:88::7"), &oif), 0);
	assert_int_equal(oif, (int)if_nametoindex("up0"));
	ip("-6 route add blackhole 2001:db8:9::/64");
	ip("-6 route add unreachable 2001:db8:a::/64");
	ip("-6 route add prohibit 2001:db8:b::/64");
	assert_int_equal(is_local("2001:db8:9::7", "lo"), 0);
	assert_int_equal(is_local("2001:db8:a::7", "lo"), 0);
	assert_int_equal(is_local("2001:db8:b::7", "lo"), 0);
	ip("-6 route add local 2001:db8:c::/64 dev lo");
	assert_int_equal(is_local("2001:db8:c::7", "lo"), 1);
	/* any router of the network: this one */
	assert_int_equal(system("echo 1 > /proc/sys/net/ipv6/conf/up0/"
				"forwarding"), 0);
	assert_int_equal(is_local("2001:db8:88::", "lo"), 1);
}

/* A bridge or an interface that has just disappeared changes nothing. */
static void test_only_a_vrf_has_other_local_addresses(void **state)
{
	const struct addr host = addr_ip4(0x0a010007);

	NEED_ROOT();
	lay_links();
	assert_int_equal(route_is_local(host, (int)if_nametoindex("up0")), 0);
	assert_int_equal(route_is_local(host, (int)if_nametoindex("up1")), 0);
	assert_int_equal(route_is_local(host, 9999), 0);
	assert_int_equal(route_is_local(addr_ip4(0x0a010001), 9999), 1);
	if (system("ip link add vrf0 type vrf table 9 2>/dev/null"))
		skip();		/* this kernel has none */
	ip("link set vrf0 up");
	ip("addr add 10.1.0.7/32 dev vrf0");
	assert_int_equal(route_is_local(host, 0), 0);
	assert_int_equal(route_is_local(host, (int)if_nametoindex("vrf0")), 1);
	ip("-6 addr add 2001:db8:88::9/128 dev vrf0 nodad");
	assert_int_equal(is_local("2001:db8:88::9", "lo"), 0);
	assert_int_equal(is_local("2001:db8:88::9", "vrf0"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saved_route_is_a_request_to_add_it),
		cmocka_unit_test(test_state_of_a_route_is_not_saved),
		cmocka_unit_test(test_other_routes_are_not_saved),
		cmocka_unit_test(test_routes_of_the_local_table_are_not_saved),
		cmocka_unit_test(test_cut_route_is_saved_only_if_well_formed),
		cmocka_unit_test(test_route_that_does_not_fit_is_left_out),
		netns_test(test_default_route_is_restored),
		netns_test(test_default_route_of_dhcp_is_restored),
		netns_test(test_gateway_with_its_own_route_is_restored),
		netns_test(test_gateway_onlink_is_restored),
		netns_test(test_route_without_gateway_is_restored),
		netns_test(test_many_kinds_of_routes_are_restored),
		netns_test(test_order_of_routes_is_restored),
		netns_test(test_routes_without_a_carrier_are_restored),
		netns_test(test_nexthop_object_becomes_a_plain_route),
		netns_test(test_multipath_route_is_kept_by_the_kernel),
		netns_test(test_route_added_meanwhile_is_preferred),
		netns_test(test_one_failure_does_not_stop_the_others),
		netns_test(test_too_many_routes_are_reported),
		netns_test(test_interface_without_routes_saves_none),
		cmocka_unit_test(test_default_route_is_recognised),
		netns_test(test_interface_to_the_internet_is_found),
		netns_test(test_source_address_is_that_of_the_default_route),
		netns_test(test_gateway_of_an_interface),
		netns_test(test_addresses_of_the_router_are_local),
		netns_test(test_ipv6_addresses_of_the_router_are_local),
		netns_test(test_only_a_vrf_has_other_local_addresses),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
