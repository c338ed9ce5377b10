/* SPDX-License-Identifier: ISC */
/*
 * test_ssdp6.c - discovery over IPv6, alone and beside IPv4: which groups hear
 * what, and which address LOCATION has.
 *
 * The dialogue uses real sockets, over the loopback interface of a network
 * namespace of its own, with a fake clock. It is skipped if the program cannot
 * make such a namespace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/addrshare.h"
#include "base/limits.h"
#include "ssdp.h"
#include "tests/unit/lo6.h"

#define N(a)		(sizeof(a) / sizeof((a)[0]))
#define LO		LO6_IFINDEX

#define OWN_IP4		"127.0.0.1"
#define OWN_LL		"fe80::1"
#define OWN_GLOBAL	"2001:db8:88::1"
#define OWN_NEW		"2001:db8:99::1"
#define OWN_ULA		"fd00:88::1"
#define HOST_LL		"fe80::9"
#define HOST_GLOBAL	"2001:db8:88::9"
#define HOST_ULA	"fd00:88::9"
#define FAR_HOST	"2001:db8:77::9"	/* in no network */

#define LINK_GROUP	"ff02::c"
#define SITE_GROUP	"ff05::c"
#define GLOBAL_GROUP	"ff0e::c"	/* libgssdp searches here */
#define IP4_GROUP	"239.255.255.250"

#define R1 "uuid:11111111-1111-1111-1111-111111111100"
#define R2 "uuid:22222222-2222-2222-2222-222222222200"

/* Both roots. */
static const struct ssdp_target target[] = {
	{ "upnp:rootdevice", 0, R1, "/igd1.xml" },
	{ R1, 0, R1, "/igd1.xml" },
	{ "upnp:rootdevice", 0, R2, "/igd2.xml" },
	{ R2, 0, R2, "/igd2.xml" },
	{ "urn:schemas-upnp-org:device:InternetGatewayDevice:", 2, R2,
	  "/igd2.xml" },
};

static bool have_net;
static uint64_t now_ms;
static uint32_t next_id;
static unsigned outside;
static struct loop *loop;
static struct ssdp *ssdp;
/* control points on this machine, one in each group */
static int ip4_fd, link_fd, site_fd;
static char got[2048];

static uint64_t fake_clock(void)
{
	return now_ms;
}

static uint32_t rnd(void)
{
	return 0;
}

static int64_t wall_s(void)
{
	return 784111777;
}

static uint32_t next_boot_id(void *arg)
{
	return next_id++;
}

static void on_outside(void *arg, struct addr peer)
{
	outside++;
}

static struct addr link_addr;	/* of HOST_GLOBAL and HOST_ULA; else none */

static struct addr share(void *arg, int ifindex, struct addr peer)
{
	assert_int_equal(ifindex, LO);
	return addr_share(peer, link_addr);
}

static const struct ssdp_config config = {
	.target = target, .target_n = N(target), .server = "test/1",
	.boot_id = 1700000000, .next_boot_id = next_boot_id,
	.outside = on_outside, .share = share, .config_id = 4711, .notify_s = 900, .rnd = rnd,
	.wall_s = wall_s,
};

static struct addr a(const char *text)
{
	struct addr ret;

	assert_true(addr_parse(str_z(text), &ret));
	return ret;
}

static struct netif_addr at(const char *text)
{
	struct addr addr = a(text);

	return (struct netif_addr){
		LO, "lo", { addr, addr.family == ADDR_IP4 ? 24 : 64 }
	};
}

static int udp(const char *text, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a(text), port, LO, &sa);
	int on = 1, fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
				    sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static int hear(const char *text)
{
	struct addr addr = a(text);
	struct ip_mreqn ip4 = { .imr_ifindex = LO };
	struct ipv6_mreq ip6 = { .ipv6mr_interface = LO };
	int fd = udp(text, 1900), err;

	memcpy(&ip4.imr_multiaddr, addr.byte, sizeof(ip4.imr_multiaddr));
	memcpy(&ip6.ipv6mr_multiaddr, addr.byte, sizeof(ip6.ipv6mr_multiaddr));
	if (addr.family == ADDR_IP4)
		err = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ip4,
				 sizeof(ip4));
	else
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &ip6,
				 sizeof(ip6));
	assert_int_equal(err, 0);
	return fd;
}

static int set_up(void **state)
{
	now_ms = 1000000;
	next_id = 1700000500;
	outside = 0;
	link_addr = (struct addr){ 0 };
	if (!have_net)
		return 0;
	loop = loop_new(IFSOCKS_MAX + IFSOCK_GROUPS_MAX, fake_clock);
	ssdp = ssdp_new(loop, &config);
	ip4_fd = hear(IP4_GROUP);
	link_fd = hear(LINK_GROUP);
	site_fd = hear(SITE_GROUP);
	return loop && ssdp ? 0 : -1;
}

static int tear_down(void **state)
{
	if (!have_net)
		return 0;
	ssdp_free(ssdp);
	loop_free(loop);
	close(ip4_fd);
	close(link_fd);
	close(site_fd);
	return 0;
}

#define NEED_NET do { if (!have_net) skip(); } while (0)

static void pass(uint64_t ms)
{
	while (ms-- > 0) {
		now_ms++;
		assert_int_equal(loop_step(loop, 0), 0);
	}
}

static bool next(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Read all datagrams on @fd. Return: how many contain both texts */
static size_t count(int fd, const char *text, const char *text2)
{
	size_t n = 0;

	while (next(fd))
		n += strstr(got, text) && strstr(got, text2);
	return n;
}

/* The same, and all have the first text. */
static size_t count_all(int fd, const char *text, const char *text2)
{
	size_t n = 0;

	while (next(fd)) {
		assert_non_null(strstr(got, text));
		n += strstr(got, text2) != NULL;
	}
	return n;
}

static void discard(void)
{
	count(ip4_fd, "", "");
	count(link_fd, "", "");
	count(site_fd, "", "");
}

static void serve(const struct netif_addr *list, size_t n)
{
	assert_int_equal(ssdp_ifaces(ssdp, list, n, 2828), 0);
}

static void serve_quiet(const struct netif_addr *list, size_t n)
{
	serve(list, n);
	pass(400);
	discard();
}

static void ask(int fd, const char *to)
{
	static const char text[] = "M-SEARCH * HTTP/1.1\r\n"
		"HOST: [FF02::C]:1900\r\nMAN: \"ssdp:discover\"\r\n"
		"MX: 1\r\nST: " R2 "\r\n\r\n";
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a(to), 1900, LO, &sa);

	assert_int_equal(sendto(fd, text, sizeof(text) - 1, 0,
				(struct sockaddr *)&sa, len),
			 sizeof(text) - 1);
}

/* How is a search from @from to @to answered? Return: the host in LOCATION, ""
 * without an answer */
static const char *location(const char *from, const char *to)
{
	static char host[64];
	int fd = udp(from, 0);

	ask(fd, to);
	pass(60);
	host[0] = '\0';
	if (next(fd)) {
		assert_non_null(strstr(got, "HTTP/1.1 200 OK\r\n"));
		assert_int_equal(sscanf(strstr(got, "LOCATION: http://"),
					"LOCATION: http://%63[^/]", host), 1);
	}
	assert_false(next(fd));
	close(fd);
	return host;
}

#define OLD_ID "\r\nBOOTID.UPNP.ORG: 1700000000\r\n"
#define NEW_ID "\r\nBOOTID.UPNP.ORG: 1700000500\r\n"
#define AT(host) "\r\nLOCATION: http://" host ":2828/igd"

/* ---- announcements ------------------------------------------------------- */

/* Datagram @i of those that wait on @fd: the group's HOST and the type. */
static void check_set(int fd, const char *host, const char *nts)
{
	char start[80];
	size_t i;

	snprintf(start, sizeof(start), "NOTIFY * HTTP/1.1\r\nHOST: %s\r\n",
		 host);
	for (i = 0; i < N(target); i++) {
		assert_true(next(fd));
		assert_memory_equal(got, start, strlen(start));
		assert_non_null(strstr(got, nts));
		assert_non_null(strstr(got, OLD_ID));
		assert_non_null(strstr(got, "\r\nCONFIGID.UPNP.ORG: 4711\r\n"));
		assert_non_null(strstr(got, target[i].udn));
	}
}

/* A control point in several groups would drop the gateway at a byebye that
 * comes after an alive. */
static void test_each_group_hears_byebye_and_then_alive(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_IP4), at(OWN_LL), at(OWN_ULA), at(OWN_GLOBAL),
	};
	const struct {
		int fd;
		const char *host, *location;
	} group[] = {
		{ ip4_fd, "239.255.255.250:1900", AT("127.0.0.1") },
		{ link_fd, "[FF02::C]:1900", AT("[2001:db8:88::1]") },
		{ site_fd, "[FF05::C]:1900", AT("[2001:db8:88::1]") },
	};

	NEED_NET;
	serve(list, N(list));
	assert_int_equal(loop_step(loop, 0), 0);	/* one timer's sets */
	for (size_t i = 0; i < N(group); i++) {
		check_set(group[i].fd, group[i].host, "\r\nNTS: ssdp:byebye");
		if (i == 0)
			count(ip4_fd, "", "");
	}
	pass(400);
	for (size_t i = 0; i < N(group); i++) {
		size_t n = 0;

		while (next(group[i].fd)) {
			assert_non_null(strstr(got, "\r\nNTS: ssdp:alive"));
			assert_non_null(strstr(got, group[i].location));
			assert_non_null(strstr(got, group[i].host));
			n++;
		}
		assert_in_range(n, N(target), 2 * N(target));
	}
	now_ms += 900000;
	pass(1);
	for (size_t i = 0; i < N(group); i++)
		check_set(group[i].fd, group[i].host, group[i].location);
}

static void source_of(int fd, const char *want)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint16_t port;

	assert_true(recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&sa,
			     &len) > 0);
	assert_true(addr_equal(addr_from_sockaddr(&sa, len, &port), a(want)));
	assert_int_equal(port, 1900);
}

static void test_source_has_the_scope_of_the_group(void **state)
{
	const struct netif_addr list[] = { at(OWN_LL), at(OWN_GLOBAL) };

	NEED_NET;
	serve(list, N(list));
	pass(1);
	source_of(link_fd, OWN_LL);
	source_of(site_fd, OWN_GLOBAL);
}

/* Without a prefix, nothing can be said to the site. */
static void test_link_local_only(void **state)
{
	const struct netif_addr list[] = { at(OWN_LL) };

	NEED_NET;
	serve(list, 1);
	pass(400);
	assert_int_equal(count(link_fd, "ssdp:alive", AT("[fe80::1]")),
			 2 * N(target));
	assert_int_equal(count(site_fd, "", ""), 0);
	assert_string_equal(location(HOST_LL, LINK_GROUP), "[fe80::1]:2828");
	ssdp_byebye(ssdp);
	assert_int_equal(count(link_fd, "ssdp:byebye", ""), 2 * N(target));
}

static void test_unique_local_only(void **state)
{
	const struct netif_addr list[] = { at(OWN_LL), at(OWN_ULA) };

	NEED_NET;
	serve(list, 2);
	pass(400);
	assert_int_equal(count(link_fd, "ssdp:alive", AT("[fd00:88::1]")),
			 2 * N(target));
	assert_int_equal(count(site_fd, "ssdp:alive", AT("[fd00:88::1]")),
			 2 * N(target));
}

/* A second LL address: VRRP's. One of them announces. */
static void test_second_link_local_address(void **state)
{
	const struct netif_addr list[] = { at(OWN_LL), at(HOST_LL) };

	NEED_NET;
	serve_quiet(list, 1);
	serve(list, 2);
	pass(400);
	assert_int_equal(count(link_fd, "", ""), 0);
	assert_string_equal(location(HOST_LL, OWN_LL), "[fe80::1]:2828");
	serve(list + 1, 1);
	pass(400);
	assert_int_equal(count(link_fd, "ssdp:alive", AT("[fe80::9]")),
			 2 * N(target));
}

/* ---- answers ------------------------------------------------------------- */

static void test_location_is_an_address_that_the_searcher_can_use(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_IP4), at(OWN_LL), at(OWN_ULA), at(OWN_GLOBAL),
	};

	NEED_NET;
	serve_quiet(list, N(list));
	assert_string_equal(location(HOST_LL, LINK_GROUP),
			    "[2001:db8:88::1]:2828");
	assert_string_equal(location(HOST_GLOBAL, LINK_GROUP),
			    "[2001:db8:88::1]:2828");
	assert_string_equal(location(HOST_GLOBAL, GLOBAL_GROUP),
			    "[2001:db8:88::1]:2828");
	assert_string_equal(location(HOST_ULA, SITE_GROUP),
			    "[fd00:88::1]:2828");
	assert_string_equal(location(HOST_LL, OWN_LL),
			    "[2001:db8:88::1]:2828");
	assert_string_equal(location(HOST_GLOBAL, OWN_ULA),
			    "[fd00:88::1]:2828");
	assert_string_equal(location("127.0.0.9", IP4_GROUP), "127.0.0.1:2828");
	assert_string_equal(location(FAR_HOST, SITE_GROUP), "");
	assert_int_equal(outside, 0);
	assert_string_equal(location(FAR_HOST, OWN_GLOBAL), "");
	assert_int_equal(outside, 1);
}

/* Search many times. Return: the number of answers within 100 ms. */
static size_t flood(const char *from)
{
	int fd = udp(from, 0);
	size_t n = 0;

	for (int i = 0; i < 1000; i++) {
		ask(fd, SITE_GROUP);
		assert_int_equal(loop_step(loop, 0), 0);
		now_ms += i % 10 == 0;
		n += count(fd, "200 OK", "");
	}
	pass(100);
	n += count(fd, "200 OK", "");
	close(fd);
	return n;
}

/* A host has as many addresses as it likes, but one link-layer address. */
static void test_addresses_of_a_host_share_its_rate(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_LL), at(OWN_GLOBAL), at(OWN_ULA),
	};

	NEED_NET;
	serve_quiet(list, 3);
	link_addr = (struct addr){ ADDR_LINK, { 2, 0, 0, 0, 0, 9 } };
	assert_in_range(flood(HOST_GLOBAL), SSDP_ANSWERS_BURST,
			2 * SSDP_ANSWERS_BURST + 10);
	assert_in_range(flood(HOST_ULA), 0, 10);
	/* another host, of the same network */
	link_addr.byte[5]++;
	assert_in_range(flood(HOST_ULA), SSDP_ANSWERS_BURST,
			2 * SSDP_ANSWERS_BURST + 10);
}

/* ---- changes ------------------------------------------------------------- */

/* The provider assigns another prefix: the old one is deprecated, and goes. */
static void test_new_prefix_is_announced(void **state)
{
	struct netif_addr list[] = {
		at(OWN_IP4), at(OWN_LL), at(OWN_GLOBAL), at(OWN_NEW),
	};

	NEED_NET;
	serve_quiet(list, 3);
	list[2].secondary = 1;
	serve(list, 4);
	assert_int_equal(count(ip4_fd, "ssdp:update",
			       "NEXTBOOTID.UPNP.ORG: 1700000500\r\n"),
			 2 * N(target));
	pass(400);
	assert_int_equal(count(ip4_fd, "ssdp:alive", NEW_ID), 2 * N(target));
	assert_int_equal(count(link_fd, AT("[2001:db8:99::1]"), NEW_ID),
			 2 * N(target));
	assert_int_equal(count(site_fd, AT("[2001:db8:99::1]"), NEW_ID),
			 2 * N(target));
	assert_string_equal(location(HOST_GLOBAL, OWN_GLOBAL),
			    "[2001:db8:88::1]:2828");
	/* nobody was told of the old one any more */
	list[2] = list[3];
	serve(list, 3);
	pass(400);
	assert_int_equal(count(ip4_fd, "", "") + count(link_fd, "", "") +
			 count(site_fd, "", ""), 0);
}

/* Another prefix beside the first one changes nothing that was announced. */
static void test_further_prefix_is_not_announced(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_LL), at(OWN_GLOBAL), at(OWN_ULA), at(OWN_NEW),
	};

	NEED_NET;
	serve_quiet(list, 2);
	serve(list, 4);
	pass(400);
	assert_int_equal(count(link_fd, "", "") + count(site_fd, "", ""), 0);
	assert_string_equal(location(HOST_ULA, SITE_GROUP),
			    "[fd00:88::1]:2828");
}

/* The connection to the provider is lost, and its prefix with it. */
static void test_lost_prefix(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_LL), at(OWN_ULA), at(OWN_GLOBAL),
	};

	NEED_NET;
	serve_quiet(list, 3);
	serve(list, 2);
	pass(400);
	assert_int_equal(count(link_fd, AT("[fd00:88::1]"), NEW_ID),
			 2 * N(target));
	assert_int_equal(count(site_fd, AT("[fd00:88::1]"), NEW_ID),
			 2 * N(target));
	serve(list, 1);
	pass(400);
	assert_int_equal(count(link_fd, AT("[fe80::1]"), "ssdp:alive"),
			 2 * N(target));
	assert_int_equal(count(site_fd, "", ""), 0);
}

/* IPv6 comes later: the kernel checks first that nobody has the addresses. The
 * hosts that know the gateway already must not hear a byebye. */
static void test_second_family_comes_and_goes(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_IP4), at(OWN_LL), at(OWN_GLOBAL),
	};

	NEED_NET;
	serve_quiet(list, 1);
	serve(list, 3);
	pass(400);
	assert_int_equal(count_all(link_fd, "ssdp:alive", NEW_ID), 2 * N(target));
	assert_int_equal(count_all(site_fd, "ssdp:alive", NEW_ID), 2 * N(target));
	discard();
	/* IPv4 ends: hosts that know the gateway by both must learn that it is
	 * still there */
	serve(list + 1, 2);
	assert_int_equal(count(ip4_fd, "ssdp:byebye", ""), 2 * N(target));
	assert_int_equal(count(link_fd, "", ""), 0);
	pass(400);
	assert_int_equal(count(link_fd, "ssdp:alive", NEW_ID), 2 * N(target));
	assert_int_equal(count(site_fd, "ssdp:alive", NEW_ID), 2 * N(target));
	assert_int_equal(count(ip4_fd, "", ""), 0);
	ssdp_byebye(ssdp);
	assert_int_equal(count(link_fd, "ssdp:byebye", ""), 2 * N(target));
	assert_int_equal(count(site_fd, "ssdp:byebye", ""), 2 * N(target));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const char *const all[] = {
		OWN_LL, OWN_GLOBAL, OWN_NEW, OWN_ULA, HOST_LL, HOST_GLOBAL,
		HOST_ULA, FAR_HOST,
	};
	const struct CMUnitTest tests[] = {
		TEST(test_each_group_hears_byebye_and_then_alive),
		TEST(test_source_has_the_scope_of_the_group),
		TEST(test_link_local_only),
		TEST(test_unique_local_only),
		TEST(test_second_link_local_address),
		TEST(test_location_is_an_address_that_the_searcher_can_use),
		TEST(test_addresses_of_a_host_share_its_rate),
		TEST(test_new_prefix_is_announced),
		TEST(test_further_prefix_is_not_announced),
		TEST(test_lost_prefix),
		TEST(test_second_family_comes_and_goes),
	};

	have_net = lo6_own_net(all, N(all));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
