/* SPDX-License-Identifier: ISC */
/*
 * test_ssdp.c - valid searches are answered in time and at a limited rate,
 * announcements follow the addresses, and the messages have the standard's
 * form.
 *
 * The dialogue uses real sockets. It runs in a network namespace of its own,
 * where port 1900 is free, over the loopback interface, with a fake clock. It
 * is skipped if the program cannot make a namespace.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/limits.h"
#include "base/wr.h"
#include "ssdp.h"
#include "sys/ifsock.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define R1 "uuid:11111111-1111-1111-1111-111111111100"
#define W1 "uuid:11111111-1111-1111-1111-111111111101"
#define R2 "uuid:22222222-2222-2222-2222-222222222200"
#define DEV "urn:schemas-upnp-org:device:"
#define SVC "urn:schemas-upnp-org:service:"

static const struct ssdp_target target[] = {
	{ "upnp:rootdevice", 0, R1, "/igd1.xml" },
	{ R1, 0, R1, "/igd1.xml" },
	{ DEV "InternetGatewayDevice:", 1, R1, "/igd1.xml" },
	{ W1, 0, W1, "/igd1.xml" },
	{ DEV "WANDevice:", 1, W1, "/igd1.xml" },
	{ SVC "Layer3Forwarding:", 1, R1, "/igd1.xml" },
	{ SVC "WANIPConnection:", 1, W1, "/igd1.xml" },
	{ "upnp:rootdevice", 0, R2, "/igd2.xml" },
	{ R2, 0, R2, "/igd2.xml" },
	{ DEV "InternetGatewayDevice:", 2, R2, "/igd2.xml" },
	{ SVC "Layer3Forwarding:", 1, R2, "/igd2.xml" },
	{ SVC "WANIPConnection:", 2, R2, "/igd2.xml" },
	{ SVC "WANIPv6FirewallControl:", 3, R2, "/igd2.xml" },
};

static uint32_t rnd_value, rnd_step;

static uint32_t rnd(void)
{
	uint32_t value = rnd_value;

	rnd_value -= rnd_step;
	return value;
}

static int64_t wall_s(void)
{
	return 784111777;
}

static uint32_t next_id;

static uint32_t next_boot_id(void *arg)
{
	return *(uint32_t *)arg;
}

static unsigned outside;
static struct addr outsider;

static void on_outside(void *arg, struct addr peer)
{
	assert_ptr_equal(arg, &next_id);
	outsider = peer;
	outside++;
}

static const struct ssdp_config config = {
	.target = target,
	.target_n = N(target),
	.server = "Linux/6 UPnP/1.1 upnpd/0.1",
	.boot_id = 1700000000,
	.next_boot_id = next_boot_id,
	.outside = on_outside,
	.arg = &next_id,
	.config_id = 4711,
	.notify_s = 900,
	.rnd = rnd,
	.wall_s = wall_s,
};

/* ---- searches --------------------------------------------------- */

#define SEARCH(fields) "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n" \
	fields "\r\n"
#define MAN "MAN: \"ssdp:discover\"\r\n"

/* Parse a copy that ends at a page without access. */
static bool parse(const char *p, size_t n, struct ssdp_search *ret)
{
	static char *end;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map;

	if (!end) {
		map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(map != MAP_FAILED);
		assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
		end = map + page;
	}
	assert_true(n <= page);
	memcpy(end - n, p, n);
	return ssdpmsg_parse_search((struct str){ end - n, n }, ret);
}

static void test_valid_searches_are_parsed(void **state)
{
	static const struct {
		const char *text, *st;
		unsigned mx;
		bool all;
	} row[] = {
		{ SEARCH(MAN "MX: 2\r\nST: ssdp:all\r\n"), "ssdp:all", 2,
		  true },
		/* libtorrent, rust-igd: no space after the colon */
		{ SEARCH("ST:upnp:rootdevice\r\nMan:\"ssdp:discover\"\r\n"
			 "MX:3\r\n"), "upnp:rootdevice", 3, false },
		{ SEARCH(MAN "ST: " R1 "\r\n"), R1, 0, false },
		{ SEARCH(MAN "MX: 0\r\nST: x\r\n"), "x", 0, false },
		{ SEARCH(MAN "MX: 5\r\nST: x\r\n"), "x", 5, false },
		{ SEARCH(MAN "MX: 6\r\nST: x\r\n"), "x", 5, false },
		{ SEARCH(MAN "MX: 99999999999999999999\r\nST: x\r\n"), "x", 5,
		  false },
		{ SEARCH(MAN "ST: ssdp:ALL\r\n"), "ssdp:ALL", 0, false },
		{ "M-SEARCH * HTTP/1.0\nman:  \"ssdp:discover\" \nst: y\t\n\n",
		  "y", 0, false },
		{ SEARCH(MAN "ST: z\r\n") "trailing", "z", 0, false },
	};
	struct ssdp_search s;
	size_t i;

	for (i = 0; i < N(row); i++) {
		memset(&s, 0xa5, sizeof(s));
		assert_true(parse(row[i].text, strlen(row[i].text), &s));
		assert_string_equal(s.st, row[i].st);
		assert_int_equal(s.mx, row[i].mx);
		assert_int_equal(s.all, row[i].all);
	}
}

static void test_invalid_searches_are_ignored(void **state)
{
	static const char *const row[] = {
		"",
		"\r\n\r\n",
		SEARCH(MAN),
		SEARCH("ST: ssdp:all\r\n"),
		SEARCH("MAN: \"ssdp:discover\r\nST: x\r\n"),
		SEARCH("MAN: \"ssdp:update\"\r\nST: x\r\n"),
		SEARCH("MAN: \"SSDP:DISCOVER\"\r\nST: x\r\n"),
		SEARCH(MAN "MX: -1\r\nST: x\r\n"),
		SEARCH(MAN "MX: 1s\r\nST: x\r\n"),
		SEARCH(MAN "MX:\r\nST: x\r\n"),
		SEARCH(MAN "ST: a\x01" "b\r\n"),
		SEARCH(MAN "ST : x\r\n"),
		SEARCH(MAN "ST: x\r\n folded\r\n"),
		"M-SEARCH /x HTTP/1.1\r\n" MAN "ST: x\r\n\r\n",
		"m-search * HTTP/1.1\r\n" MAN "ST: x\r\n\r\n",
		"M-SEARCH * HTTP/2.0\r\n" MAN "ST: x\r\n\r\n",
		"NOTIFY * HTTP/1.1\r\n" MAN "ST: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" MAN "ST: x\r\n\r\n",
		"GET / HTTP/1.1\r\nX: M-SEARCH * HTTP/1.1\r\n" MAN
			"ST: x\r\n\r\n",
	};
	struct ssdp_search s, before;
	size_t i;

	memset(&before, 0xa5, sizeof(before));
	s = before;
	for (i = 0; i < N(row); i++)
		assert_false(parse(row[i], strlen(row[i]), &s));
	assert_memory_equal(&s, &before, sizeof(s));
}

/* A client for Bitcoin sends no quotes and no empty line. */
static void test_search_may_lack_quotes_and_its_last_line(void **state)
{
	static const char whole[] = SEARCH("MAN: ssdp:discover\r\nMX: 1\r\n"
					   "ST: ssdp:all\r\n");
	const size_t end = strlen(whole);
	struct ssdp_search s;

	for (size_t n = end - 4; n <= end; n += 2) {
		assert_true(parse(whole, n, &s));
		assert_string_equal(s.st, "ssdp:all");
		assert_true(s.all);
	}
}

static void test_search_without_st_is_ignored(void **state)
{
	static const char whole[] = SEARCH(MAN "MX: 1\r\nST: ssdp:all\r\n");
	const size_t st = (size_t)(strstr(whole, "ST:") - whole);
	struct ssdp_search s;

	for (size_t n = 0; n < st + 3; n++)
		assert_false(parse(whole, n, &s));
}

static void test_st_has_a_maximum_length(void **state)
{
	char text[1024], st[300];
	struct ssdp_search s;
	size_t n;

	for (n = 253; n < 259; n++) {
		memset(st, 'x', n);
		st[n] = '\0';
		snprintf(text, sizeof(text), SEARCH(MAN "ST: %s\r\n"), st);
		assert_int_equal(parse(text, strlen(text), &s),
				 n < sizeof(s.st));
	}
}

/* Change each byte to each value: never a crash, and never an ST with a line
 * end. */
static void test_parse_any_byte(void **state)
{
	static const char whole[] = "M-SEARCH * HTTP/1.1\r\n" MAN
		"ST: ssdp:all\r\n\r\n";
	char text[sizeof(whole)];
	struct ssdp_search s;
	size_t i;
	int c;

	for (i = 0; i < sizeof(whole) - 1; i++) {
		for (c = 0; c < 256; c++) {
			memcpy(text, whole, sizeof(whole));
			text[i] = (char)c;
			if (parse(text, sizeof(whole) - 1, &s))
				assert_null(strpbrk(s.st, "\r\n"));
		}
	}
}

/* ---- targets ------------------------------------------------------- */

/* Return: the targets that answer @st, a letter each; 'a' is target 0 */
static const char *who_of(const char *st, bool newest)
{
	static char names[N(target) + 1];
	struct ssdp_search s = { .all = strcmp(st, "ssdp:all") == 0,
				 .newest = newest };
	char buf[256];
	struct wr w;
	size_t i, n = 0;

	assert_true(str_copy(s.st, sizeof(s.st), str_z(st)));
	for (i = 0; i < N(target); i++) {
		w = wr_init(buf, sizeof(buf));
		if (!ssdpmsg_match(&config, i, &s, &w)) {
			assert_int_equal(w.len, 0);
			continue;
		}
		names[n++] = (char)('a' + i);
		if (!s.all)
			assert_string_equal(wr_cstr(&w), st);
	}
	names[n] = '\0';
	return names;
}

static const char *who(const char *st)
{
	return who_of(st, false);
}

static void test_which_targets_answer(void **state)
{
	static const struct {
		const char *st, *who;
	} row[] = {
		{ "ssdp:all", "abcdefghijklm" },
		{ "upnp:rootdevice", "ah" },
		{ R1, "b" },
		{ W1, "d" },
		{ R2, "i" },
		/* of two roots the one with exactly that version */
		{ DEV "InternetGatewayDevice:1", "c" },
		{ DEV "InternetGatewayDevice:2", "j" },
		{ DEV "InternetGatewayDevice:3", "" },
		{ SVC "WANIPConnection:1", "g" },
		{ SVC "WANIPConnection:2", "l" },
		/* if both have it, the first */
		{ SVC "Layer3Forwarding:1", "f" },
		{ SVC "Layer3Forwarding:2", "" },
		/* a lower version that no root has exactly */
		{ SVC "WANIPv6FirewallControl:1", "m" },
		{ SVC "WANIPv6FirewallControl:2", "m" },
		{ SVC "WANIPv6FirewallControl:3", "m" },
		{ SVC "WANIPv6FirewallControl:4", "" },
		/* unknown names */
		{ "", "" },
		{ "upnp:rootdevice ", "" },
		{ "upnp:rootdevic", "" },
		{ "UPNP:rootdevice", "" },
		{ "upnp:rootdevice1", "" },
		{ "uuid:", "" },
		{ R1 "::upnp:rootdevice", "" },
		{ DEV "InternetGatewayDevice", "" },
		{ DEV "InternetGatewayDevice:", "" },
		{ DEV "InternetGatewayDevice:0", "" },
		{ DEV "InternetGatewayDevice:01", "" },
		{ DEV "InternetGatewayDevice:1 ", "" },
		{ DEV "InternetGatewayDevice:+1", "" },
		{ DEV "InternetGatewayDevice:1:1", "" },
		{ DEV "InternetGatewayDevice:4294967297", "" },
		{ DEV "InternetGatewayDevice:18446744073709551617", "" },
		{ SVC "InternetGatewayDevice:1", "" },
		{ DEV "WANIPConnection:1", "" },
		{ SVC "WANPPPConnection:1", "" },
	};
	size_t i;

	for (i = 0; i < N(row); i++)
		assert_string_equal(who(row[i].st), row[i].who);
}

/* Only the root of version 2 has pinholes. */
static void test_newest_root_answers_over_ipv6(void **state)
{
	assert_string_equal(who_of("ssdp:all", true), "abcdefghijklm");
	assert_string_equal(who_of("upnp:rootdevice", true), "ah");
	assert_string_equal(who_of(R1, true), "b");
	assert_string_equal(who_of(DEV "InternetGatewayDevice:1", true), "j");
	assert_string_equal(who_of(DEV "InternetGatewayDevice:2", true), "j");
	assert_string_equal(who_of(DEV "InternetGatewayDevice:3", true), "");
	assert_string_equal(who_of(SVC "WANIPConnection:1", true), "l");
	assert_string_equal(who_of(SVC "Layer3Forwarding:1", true), "k");
	assert_string_equal(who_of(SVC "WANIPv6FirewallControl:1", true), "m");
}

static void test_answers_to_all_have_their_own_version(void **state)
{
	struct ssdp_search s = { .st = "ssdp:all", .all = true };
	char buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_true(ssdpmsg_match(&config, 12, &s, &w));
	assert_string_equal(wr_cstr(&w), SVC "WANIPv6FirewallControl:3");
	w = wr_init(buf, sizeof(buf));
	assert_true(ssdpmsg_match(&config, 0, &s, &w));
	assert_string_equal(wr_cstr(&w), "upnp:rootdevice");
}

/* A single root answers for the lower version. */
static void test_single_root_answers_for_lower_versions(void **state)
{
	struct ssdp_config c = config;
	struct ssdp_search s = { .st = DEV "InternetGatewayDevice:1" };
	char buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	c.target = target + 7;
	c.target_n = N(target) - 7;
	assert_true(ssdpmsg_match(&c, 2, &s, &w));
	assert_string_equal(wr_cstr(&w), DEV "InternetGatewayDevice:1");
}

/* ---- messages -------------------------------------------------- */

#define BOOT_FIELDS "OPT: \"http://schemas.upnp.org/upnp/1/0/\"; ns=01\r\n" \
	"01-NLS: 1700000000\r\n" \
	"BOOTID.UPNP.ORG: 1700000000\r\n" \
	"CONFIGID.UPNP.ORG: 4711\r\n"
#define BOOT BOOT_FIELDS "\r\n"
#define WHERE(path) "CACHE-CONTROL: max-age=1800\r\n" \
	"LOCATION: http://192.168.88.1:2828" path "\r\n" \
	"SERVER: Linux/6 UPnP/1.1 upnpd/0.1\r\n"

#define ANSWER(path, st, usn) "HTTP/1.1 200 OK\r\n" \
	"DATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n" \
	"EXT:\r\n" WHERE(path) "ST: " st "\r\nUSN: " usn "\r\n" BOOT

static const char *answer(size_t i, const char *st)
{
	static char buf[SSDP_REPLY_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	ssdpmsg_write_answer(&w, &config, i, str_z(st), addr_ip4(0xc0a85801),
			     2828);
	assert_false(w.over);
	return wr_cstr(&w);
}

static void test_answer_byte_by_byte(void **state)
{
	assert_string_equal(answer(0, "upnp:rootdevice"),
			    ANSWER("/igd1.xml", "upnp:rootdevice",
				   R1 "::upnp:rootdevice"));
	assert_string_equal(answer(8, R2), ANSWER("/igd2.xml", R2, R2));
	/* The version of the search, in ST and in USN. */
	assert_string_equal(answer(12, SVC "WANIPv6FirewallControl:1"),
			    ANSWER("/igd2.xml",
				   SVC "WANIPv6FirewallControl:1",
				   R2 "::" SVC "WANIPv6FirewallControl:1"));
}

static const struct ssdp_notify to_ip4 = {
	"239.255.255.250:1900", { ADDR_IP4, { 192, 168, 88, 1 } }, 2828
};

static const char *notify(size_t i, bool alive)
{
	static char buf[SSDP_REPLY_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	ssdpmsg_write_notify(&w, &config, i, alive, &to_ip4);
	assert_false(w.over);
	return wr_cstr(&w);
}

#define NOTIFY "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"

static void test_notify_byte_by_byte(void **state)
{
	assert_string_equal(notify(9, true), NOTIFY WHERE("/igd2.xml")
			    "NTS: ssdp:alive\r\n"
			    "NT: " DEV "InternetGatewayDevice:2\r\n"
			    "USN: " R2 "::" DEV "InternetGatewayDevice:2\r\n"
			    BOOT);
	assert_string_equal(notify(3, true), NOTIFY WHERE("/igd1.xml")
			    "NTS: ssdp:alive\r\nNT: " W1 "\r\nUSN: " W1 "\r\n"
			    BOOT);
	/* UDA 1.1 1.2.3: a byebye has neither LOCATION nor CACHE-CONTROL. */
	assert_string_equal(notify(0, false), NOTIFY
			    "NTS: ssdp:byebye\r\nNT: upnp:rootdevice\r\n"
			    "USN: " R1 "::upnp:rootdevice\r\n" BOOT);
}

static void test_update_byte_by_byte(void **state)
{
	char buf[SSDP_REPLY_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	ssdpmsg_write_update(&w, &config, 9, 1700000001, &to_ip4);
	/* UDA 1.1 1.2.4: neither CACHE-CONTROL nor SERVER. */
	assert_string_equal(wr_cstr(&w), NOTIFY
			    "LOCATION: http://192.168.88.1:2828/igd2.xml\r\n"
			    "NTS: ssdp:update\r\n"
			    "NT: " DEV "InternetGatewayDevice:2\r\n"
			    "USN: " R2 "::" DEV "InternetGatewayDevice:2\r\n"
			    BOOT_FIELDS
			    "NEXTBOOTID.UPNP.ORG: 1700000001\r\n\r\n");
}

static void test_max_age_is_twice_the_interval(void **state)
{
	static const struct {
		unsigned notify_s;
		const char *field;
	} row[] = {
		{ 60, "max-age=1800\r\n" },
		{ 900, "max-age=1800\r\n" },
		{ 901, "max-age=1802\r\n" },
		{ 86400, "max-age=172800\r\n" },
	};
	struct ssdp_config c = config;
	char buf[SSDP_REPLY_MAX];
	struct wr w;
	size_t i;

	for (i = 0; i < N(row); i++) {
		w = wr_init(buf, sizeof(buf));
		c.notify_s = row[i].notify_s;
		ssdpmsg_write_notify(&w, &c, 0, true, &to_ip4);
		assert_non_null(strstr(wr_cstr(&w), row[i].field));
	}
}

static void test_message_without_room_is_over(void **state)
{
	char buf[SSDP_REPLY_MAX];
	size_t len = strlen(notify(9, true)), cap;
	struct wr w;

	for (cap = 0; cap < len; cap++) {
		w = wr_init(buf, cap);
		ssdpmsg_write_notify(&w, &config, 9, true, &to_ip4);
		assert_true(w.over);
		assert_true(w.len <= cap);
	}
}

/* ---- the dialogue -------------------------------------------------- */

#define LO_IP 0x7f000001u

static bool have_net;
static struct loop *loop;
static struct ssdp *ssdp;
static uint64_t now_ms;
static int group_fd;		/* receives multicasts to the group */
static char got[2048];

static uint64_t fake_clock(void)
{
	return now_ms;
}

/* Set loopback up, with multicast. */
static bool lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
	err = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return err == 0;
}

static bool own_net(void)
{
	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	return lo_up() && if_nametoindex("lo") == 1;
}

static struct netif_addr lo_iface(uint32_t ip)
{
	return (struct netif_addr){ 1, "lo", { addr_ip4(ip), 24 } };
}

static int udp(uint32_t ip, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ip),
		.sin_port = htons(port),
	};
	struct ip_mreqn req = { .imr_ifindex = 1 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req,
				    sizeof(req)), 0);
	return fd;
}

static void hear(void)
{
	struct ip_mreqn req = {
		.imr_multiaddr.s_addr = htonl(0xeffffffa),
		.imr_ifindex = 1,
	};

	group_fd = udp(0xeffffffa, 1900);
	assert_int_equal(setsockopt(group_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP,
				    &req, sizeof(req)), 0);
}

/* ---- hosts whose hardware address is unknown ----------------------------- */

static uint32_t nobody;		/* 127.0.0.x from this one on; 0: none */
static unsigned held_n;		/* datagrams to them */
static struct addr receiver[1024];	/* of a sender's last datagram */

int __real_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port);
int __wrap_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port);
bool __real_ifsock_has_unsent(int sender);
bool __wrap_ifsock_has_unsent(int sender);

static bool is_nobody(struct addr a)
{
	return nobody && addr_to_ip4(a) >= nobody;
}

/* The datagram reaches the test, which so sees it. */
int __wrap_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port)
{
	assert_in_range(sender, 0, N(receiver) - 1);
	receiver[sender] = to;
	held_n += is_nobody(to);
	return __real_ifsock_send(sender, from, data, n, to, port);
}

bool __wrap_ifsock_has_unsent(int sender)
{
	return is_nobody(receiver[sender]) || __real_ifsock_has_unsent(sender);
}

static int set_up(void **state)
{
	nobody = held_n = 0;
	now_ms = 1000000;
	rnd_value = rnd_step = 0;
	next_id = 1700000500;
	if (!have_net)
		return 0;
	loop = loop_new(IFSOCKS_MAX + 2, fake_clock);
	ssdp = ssdp_new(loop, &config);
	hear();
	return loop && ssdp ? 0 : -1;
}

static int tear_down(void **state)
{
	if (!have_net)
		return 0;
	ssdp_free(ssdp);
	loop_free(loop);
	close(group_fd);
	return 0;
}

/* Run the loop until it has read all that was sent; the fake clock stands
 * still. */
static void pump(void)
{
	int i;

	for (i = 0; i < 100; i++)
		assert_int_equal(loop_step(loop, 0), 0);
}

static void pass(uint64_t ms)
{
	while (ms-- > 0) {
		now_ms++;
		assert_int_equal(loop_step(loop, 0), 0);
	}
}

/* Read the next datagram on @fd as a C string. Return: false: there is none */
static bool next(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Read all datagrams on @fd. Return: how many contain @text */
static size_t count(int fd, const char *text)
{
	size_t n = 0;

	while (next(fd))
		n += strstr(got, text) != NULL;
	return n;
}

static void ask(int fd, uint32_t ip, const char *st)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ip),
		.sin_port = htons(1900),
	};
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), SEARCH(MAN "MX: 1\r\nST: %s\r\n"),
		     st);
	assert_int_equal(sendto(fd, text, (size_t)n, 0,
				(struct sockaddr *)&sa, sizeof(sa)), n);
}

static void serve_lo(void)
{
	struct netif_addr lo = lo_iface(LO_IP);

	assert_int_equal(ssdp_ifaces(ssdp, &lo, 1, 2828), 0);
}

/* Serve, and discard the first announcements. */
static void serve_lo_quiet(void)
{
	serve_lo();
	pass(400);
	assert_int_equal(count(group_fd, "ssdp:alive"), 2 * N(target));
}

#define NEED_NET do { if (!have_net) skip(); } while (0)

static void test_alive_is_sent_twice_and_repeated(void **state)
{
	uint32_t r;

	NEED_NET;
	for (r = 0; r < 5; r++) {
		rnd_value = r * 0x3fffffff;
		serve_lo();
		pass(50);
		assert_int_equal(count(group_fd, "NTS: ssdp:alive\r\n"),
				 N(target));
		pass(145);
		assert_false(next(group_fd));
		pass(155);
		assert_int_equal(count(group_fd,
				       "LOCATION: http://127.0.0.1:2828/igd"),
				 N(target));
		now_ms += 674000;
		pump();
		assert_false(next(group_fd));
		now_ms += 226000;
		pump();
		assert_int_equal(count(group_fd, "ssdp:alive"), N(target));
		assert_int_equal(ssdp_ifaces(ssdp, NULL, 0, 2828), 0);
		count(group_fd, "");
	}
}

/* Each set has every target once, from the port and the address of the
 * interface. */
static void test_alive_has_every_target(void **state)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char want[256];
	size_t i;
	ssize_t n;

	NEED_NET;
	serve_lo();
	pass(50);
	/* what is known from before a restart ends first */
	for (i = 0; i < N(target); i++) {
		assert_true(next(group_fd));
		assert_non_null(strstr(got, "NTS: ssdp:byebye"));
	}
	for (i = 0; i < N(target); i++) {
		n = recvfrom(group_fd, got, sizeof(got) - 1, 0,
			     (struct sockaddr *)&from, &len);
		assert_true(n > 0);
		got[n] = '\0';
		assert_int_equal(from.sin_addr.s_addr, htonl(LO_IP));
		assert_int_equal(from.sin_port, htons(1900));
		snprintf(want, sizeof(want), "\r\nUSN: %s", target[i].udn);
		assert_non_null(strstr(got, want));
	}
	assert_false(next(group_fd));
}

/* UDA 1.1 1.1.1: 2; a household may have a router behind the router. */
static void test_multicast_ttl_is_2(void **state)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { got, sizeof(got) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int on = 1, ttl = 0;

	NEED_NET;
	assert_int_equal(setsockopt(group_fd, IPPROTO_IP, IP_RECVTTL, &on,
				    sizeof(on)), 0);
	serve_lo();
	pass(50);
	assert_true(recvmsg(group_fd, &m, 0) > 0);
	assert_non_null(CMSG_FIRSTHDR(&m));
	memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(ttl));
	assert_int_equal(ttl, 2);
}

static void test_byebye_is_sent_twice(void **state)
{
	NEED_NET;
	serve_lo_quiet();
	ssdp_byebye(ssdp);
	assert_int_equal(count(group_fd, "NTS: ssdp:byebye\r\n"),
			 2 * N(target));
	now_ms += 10000000;
	pump();
	assert_false(next(group_fd));
}

static void test_same_addresses_send_nothing(void **state)
{
	int fd;

	NEED_NET;
	serve_lo_quiet();
	fd = udp(LO_IP, 0);
	ask(fd, LO_IP, R1);
	pump();
	serve_lo();
	pass(500);
	assert_false(next(group_fd));
	assert_int_equal(count(fd, "USN: " R1), 1);
	close(fd);
}

static void test_search_is_answered(void **state)
{
	static const uint32_t to[] = { 0xeffffffa, LO_IP };
	size_t i;
	int fd;

	NEED_NET;
	serve_lo_quiet();
	for (i = 0; i < N(to); i++) {
		fd = udp(LO_IP, 0);
		ask(fd, to[i], "upnp:rootdevice");
		pump();
		assert_int_equal(count(fd, "ST: upnp:rootdevice\r\n"), 2);
		ask(fd, to[i], DEV "InternetGatewayDevice:1");
		pump();
		assert_true(next(fd));
		assert_non_null(strstr(got, "\r\nLOCATION: "
				       "http://127.0.0.1:2828/igd1.xml\r\n"));
		assert_non_null(strstr(got, "ST: " DEV
				       "InternetGatewayDevice:1\r\n"));
		assert_false(next(fd));
		/* No answer without a search. */
		ask(fd, to[i], SVC "ContentDirectory:1");
		ask(fd, to[i], DEV "InternetGatewayDevice:3");
		pass(200);
		assert_false(next(fd));
		close(fd);
	}
}

/* With any random numbers: a few at a time, and all within 100 ms. */
static void test_answers_are_spread_over_100_ms(void **state)
{
	uint32_t r;
	size_t n, sum;
	uint64_t start;
	int fd;

	NEED_NET;
	serve_lo_quiet();
	fd = udp(LO_IP, 0);
	for (r = 0; r < 60; r++) {
		rnd_value = r;
		now_ms += 10000;	/* not limited by the rate here */
		ask(fd, 0xeffffffa, "ssdp:all");
		for (start = now_ms, sum = 0; now_ms < start + 100;) {
			pump();
			n = count(fd, "200 OK");
			assert_true(n <= 4);
			assert_true(sum > 0 || n > 0 ||
				    now_ms < start + r % 50);
			sum += n;
			now_ms++;
		}
		assert_int_equal(sum, N(target));
	}
	close(fd);
}

static void test_source_outside_the_network_is_ignored(void **state)
{
	int in, out;

	NEED_NET;
	serve_lo_quiet();
	in = udp(0x7f0000ff, 0);
	out = udp(0x7f000101, 0);
	outside = 0;
	ask(out, LO_IP, R1);
	ask(out, 0xeffffffa, R1);	/* not reported: by multicast */
	ask(in, LO_IP, R1);
	pump();
	assert_int_equal(count(in, R1), 1);
	assert_int_equal(count(out, R1), 0);
	assert_int_equal(outside, 1);
	assert_int_equal(addr_to_ip4(outsider), 0x7f000101);
	close(in);
	close(out);
}

/* Send a complete search, padded to @len bytes. */
static void send_padded(int fd, size_t len)
{
	static const char head[] = SEARCH(MAN "ST: " R1 "\r\n");
	char text[SSDP_DATAGRAM_MAX + 1];
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(LO_IP),
		.sin_port = htons(1900),
	};

	memset(text, 'x', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	assert_int_equal(sendto(fd, text, len, 0, (struct sockaddr *)&sa,
				sizeof(sa)), len);
}

static void test_long_datagram_is_dropped(void **state)
{
	int fd;

	NEED_NET;
	serve_lo_quiet();
	fd = udp(LO_IP, 0);
	send_padded(fd, SSDP_DATAGRAM_MAX + 1);
	pump();
	assert_int_equal(count(fd, R1), 0);
	send_padded(fd, SSDP_DATAGRAM_MAX);
	pump();
	assert_int_equal(count(fd, R1), 1);
	close(fd);
}

/* The pool is shared fairly, searches above it are dropped, and it is complete
 * again afterwards. */
static void test_flood_leaves_places_for_others(void **state)
{
	int fd[3], i, round;

	NEED_NET;
	serve_lo_quiet();
	rnd_value = 49;
	for (i = 0; i < 3; i++)
		fd[i] = udp(LO_IP + 1 + (uint32_t)i, 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 40; i++) {
			ask(fd[0], LO_IP, R1);
			ask(fd[0], LO_IP, "nothing:of-ours");
			pump();
		}
		ask(fd[1], LO_IP, R1);
		pump();
		pass(100);
		assert_int_equal(count(fd[0], R1), SSDP_PENDING_MAX / 2);
		assert_int_equal(count(fd[1], R1), 1);
		now_ms += 10000;
		for (i = 0; i < 120; i++) {
			ask(fd[i % 2], LO_IP, R1);
			pump();
		}
		ask(fd[2], LO_IP, R1);
		pump();
		pass(100);
		assert_int_equal(count(fd[0], R1) + count(fd[1], R1),
				 SSDP_PENDING_MAX);
		assert_int_equal(count(fd[2], R1), 0);
		now_ms += 10000;
	}
	for (i = 0; i < 3; i++)
		close(fd[i]);
}

/* A source that searches all the time is answered at a limited rate. One that
 * searches 12 times at once, as Open.NAT does, is answered each time. Other
 * sources are not affected. */
static void test_answers_to_a_source_have_a_rate(void **state)
{
	const size_t all = N(target);
	size_t answers = 0;
	int fd[2], i;

	NEED_NET;
	serve_lo_quiet();
	for (i = 0; i < 2; i++)
		fd[i] = udp(LO_IP + 1 + (uint32_t)i, 0);
	for (i = 0; i < 12; i++)
		ask(fd[0], LO_IP, R1);
	for (i = 0; i < 12; i++)
		pump();
	pass(100);
	assert_int_equal(count(fd[0], R1), 12);
	now_ms += 10000;
	for (i = 0; i < 100; i++) {
		ask(fd[0], LO_IP, "ssdp:all");
		pump();
		pass(100);
		answers += count(fd[0], "200 OK");
	}
	/* for each of the two root devices */
	assert_true(answers <= 2 * (SSDP_ANSWERS_BURST + 10 * SSDP_ANSWERS_S));
	assert_true(answers > 2 * (SSDP_ANSWERS_BURST + 9 * SSDP_ANSWERS_S) -
			      all);
	ask(fd[1], LO_IP, R1);
	pump();
	pass(100);
	assert_int_equal(count(fd[1], R1), 1);
	for (i = 0; i < 2; i++)
		close(fd[i]);
}

/* Return: a socket that has searched from 127.0.0.@last, by unicast */
static int ask_from(unsigned last, const char *st)
{
	int fd = udp(0x7f000000 + last, 0);

	ask(fd, LO_IP, st);
	pump();
	return fd;
}

/* A host whose hardware address is unknown gets one datagram, whatever it has
 * asked, until that one has left. */
static void test_unknown_host_gets_one_datagram(void **state)
{
	int fd[3];

	NEED_NET;
	serve_lo_quiet();
	nobody = 0x7f000064;
	fd[0] = ask_from(100, "ssdp:all");
	fd[1] = ask_from(100, R1);
	ask(fd[0], LO_IP, R2);
	pump();
	pass(200);
	assert_int_equal(held_n, 1);
	assert_int_equal(count(fd[0], "200 OK"), 1);
	assert_false(next(fd[1]));
	fd[2] = ask_from(101, R1);	/* another host has its own */
	pass(60);
	assert_int_equal(held_n, 2);
	nobody = 0;
	pass(100);
	assert_int_equal(count(fd[0], "200 OK"), N(target));
	assert_int_equal(count(fd[1], "200 OK"), 1);
	assert_int_equal(count(fd[2], "200 OK"), 1);
	for (size_t i = 0; i < N(fd); i++)
		close(fd[i]);
}

/* A search that has waited for too long is dropped; the next one of the client
 * is answered. */
static void test_unknown_host_is_given_up(void **state)
{
	int fd;

	NEED_NET;
	serve_lo_quiet();
	nobody = 0x7f000064;
	fd = ask_from(100, "ssdp:all");
	pass(2 * SSDP_LEAVE_MS);
	assert_int_equal(count(fd, "200 OK"), 1);
	nobody = 0;
	pass(200);
	assert_false(next(fd));
	ask(fd, LO_IP, "ssdp:all");
	pump();
	pass(200);
	assert_int_equal(count(fd, "200 OK"), N(target));
	close(fd);
}

/* Searches from addresses that nobody has keep no place from others, and use up
 * no rate for the answers that are not sent. */
static void test_unknown_hosts_leave_places_for_others(void **state)
{
	int fd, i;

	NEED_NET;
	serve_lo_quiet();
	nobody = 0x7f000064;
	for (i = 0; i < 1000; i++) {
		close(ask_from(100 + (unsigned)i % 100, "ssdp:all"));
		pass(1);
	}
	assert_in_range(held_n, SSDP_PENDING_MAX + 1, 1000);
	for (i = 0; i < 3; i++) {
		fd = ask_from(9 + (unsigned)i, "ssdp:all");
		pass(200);
		assert_int_equal(count(fd, "200 OK"), N(target));
		close(fd);
	}
}

static void test_answers_of_a_lost_address_are_dropped(void **state)
{
	int fd;

	NEED_NET;
	serve_lo_quiet();
	fd = udp(LO_IP, 0);
	rnd_value = 49;
	ask(fd, 0xeffffffa, "ssdp:all");
	pump();
	assert_int_equal(ssdp_ifaces(ssdp, NULL, 0, 2828), 0);
	assert_int_equal(count(group_fd, "ssdp:byebye"), 2 * N(target));
	/* Back before the answers were due: they were for the old address. */
	serve_lo();
	pass(200);
	assert_false(next(fd));
	ask(fd, 0xeffffffa, R1);
	pass(100);
	assert_int_equal(count(fd, R1), 1);
	close(fd);
}

static void test_free_with_answers_waiting(void **state)
{
	int fd;

	NEED_NET;
	serve_lo_quiet();
	fd = udp(LO_IP, 0);
	ask(fd, 0xeffffffa, "ssdp:all");
	assert_int_equal(loop_step(loop, 0), 0);
	ssdp_free(ssdp);
	ssdp = NULL;
	pass(200);
	count(fd, "");
	assert_int_equal(count(group_fd, "ssdp:byebye"), 0);
	close(fd);
}

static void test_changed_address_is_announced(void **state)
{
	struct netif_addr moved = lo_iface(LO_IP + 4);
	int fd;

	NEED_NET;
	serve_lo_quiet();
	assert_int_equal(ssdp_ifaces(ssdp, &moved, 1, 2828), 0);
	assert_int_equal(count(group_fd, "ssdp:byebye"), 2 * N(target));
	pass(300);
	assert_int_equal(count(group_fd, "LOCATION: http://127.0.0.5:2828/"),
			 2 * N(target));
	fd = udp(LO_IP + 9, 0);
	ask(fd, 0xeffffffa, R1);
	ask(fd, LO_IP + 4, R1);
	pump();
	assert_int_equal(count(fd, "LOCATION: http://127.0.0.5:2828/"), 2);
	close(fd);
}

#define OLD_ID "\r\nBOOTID.UPNP.ORG: 1700000000\r\n"
#define NEW_ID "\r\nBOOTID.UPNP.ORG: 1700000500\r\n"

/* BOOTID did not change with the interfaces, so a control point could not know
 * that it must read the description at a new address again. */
static void test_boot_id_rises_with_new_addresses(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP), lo_iface(0x7f000101) };
	size_t updates = 0;
	int fd;

	NEED_NET;
	serve_lo_quiet();
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	/* the old network is notified, before anything else */
	while (next(group_fd)) {
		assert_non_null(strstr(got, "NTS: ssdp:update\r\n"));
		assert_non_null(strstr(got, "http://127.0.0.1:2828/"));
		assert_non_null(strstr(got, OLD_ID));
		assert_non_null(strstr(got, "\r\nNEXTBOOTID.UPNP.ORG: "
				       "1700000500\r\n\r\n"));
		updates++;
	}
	assert_int_equal(updates, 2 * N(target));
	pass(400);
	assert_int_equal(count(group_fd, NEW_ID), 4 * N(target));
	fd = udp(LO_IP, 0);
	ask(fd, LO_IP, R1);
	pump();
	assert_int_equal(count(fd, NEW_ID), 1);
	close(fd);
	/* removed and unchanged addresses do not raise it */
	assert_int_equal(ssdp_ifaces(ssdp, two, 1, 2828), 0);
	assert_int_equal(count(group_fd, ""), 0);
	serve_lo();
	pass(400);
	assert_false(next(group_fd));
}

/* Without next_boot_id() it rises as well. */
static void test_boot_id_rises_by_itself(void **state)
{
	NEED_NET;
	next_id = 5;
	serve_lo_quiet();
	assert_int_equal(ssdp_ifaces(ssdp, NULL, 0, 2828), 0);
	assert_int_equal(count(group_fd, OLD_ID), 2 * N(target));
	serve_lo();
	pass(400);
	/* byebye, alive, alive */
	assert_int_equal(count(group_fd,
			       "\r\nBOOTID.UPNP.ORG: 1700000001\r\n"),
			 3 * N(target));
}

static void test_changed_port_is_announced(void **state)
{
	struct netif_addr lo = lo_iface(LO_IP);

	NEED_NET;
	serve_lo_quiet();
	assert_int_equal(ssdp_ifaces(ssdp, &lo, 1, 4000), 0);
	pass(300);
	assert_int_equal(count(group_fd, "LOCATION: http://127.0.0.1:4000/"),
			 2 * N(target));
}

/* Return: number of sockets in this namespace that have joined the group */
static unsigned members(void)
{
	FILE *f = fopen("/proc/self/net/igmp", "r");
	unsigned users = 0, n;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " FAFFFFEF %u", &n) == 1)
			users += n;
	fclose(f);
	return users;
}

static void test_group_is_joined_once_per_interface(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP), lo_iface(0x7f000101) };

	NEED_NET;
	assert_int_equal(members(), 1);	/* group_fd */
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	assert_int_equal(members(), 2);
	assert_int_equal(ssdp_ifaces(ssdp, two, 1, 2828), 0);
	assert_int_equal(members(), 2);
	assert_int_equal(ssdp_ifaces(ssdp, NULL, 0, 2828), 0);
	assert_int_equal(members(), 1);
	assert_int_equal(ssdp_ifaces(ssdp, two, 1, 2828), 0);
	assert_int_equal(members(), 2);
	ssdp_free(ssdp);
	ssdp = NULL;
	assert_int_equal(members(), 1);
}

/* The byebye of the second network once came after the alive of the first one,
 * and so ended it for every host on the wire. */
static void test_byebye_comes_before_every_alive(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP), lo_iface(0x7f000101) };

	NEED_NET;
	rnd_value = 40;		/* the first network's delay */
	rnd_step = 30;
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	rnd_value = rnd_step = 0;
	pass(20);
	for (size_t i = 0; i < N(target); i++) {
		assert_true(next(group_fd));
		assert_non_null(strstr(got, "NTS: ssdp:byebye"));
	}
	pass(400);
	assert_int_equal(count(group_fd, "ssdp:byebye"), 0);
}

/* Two networks on one interface: each gets its own LOCATION, and when one is
 * removed the other still receives multicasts. */
static void test_two_addresses_of_one_interface(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP), lo_iface(0x7f000101) };
	int a, b;

	NEED_NET;
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	pass(400);
	count(group_fd, "");
	a = udp(0x7f000009, 0);
	b = udp(0x7f000109, 0);
	ask(a, 0xeffffffa, R1);
	ask(b, 0xeffffffa, R1);
	pump();
	assert_int_equal(count(a, "http://127.0.0.1:2828/"), 1);
	assert_int_equal(count(b, "http://127.0.1.1:2828/"), 1);
	/* its byebye would make the hosts of the other network drop us */
	assert_int_equal(ssdp_ifaces(ssdp, two + 1, 1, 2828), 0);
	assert_int_equal(count(group_fd, "ssdp:byebye"), 0);
	ask(a, 0xeffffffa, R1);
	ask(b, 0xeffffffa, R1);
	pump();
	assert_int_equal(count(a, ""), 0);
	assert_int_equal(count(b, "http://127.0.1.1:2828/"), 1);
	close(a);
	close(b);
}

/* The virtual address of VRRP as it usually is: a /32 beside the router's own
 * address. */
static void test_virtual_address(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP), lo_iface(LO_IP + 200) };
	int in, out;

	NEED_NET;
	two[1].net.bits = 32;
	serve_lo_quiet();
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	pass(400);
	/* no NOTIFY, no BOOTID */
	assert_int_equal(count(group_fd, ""), 0);
	in = udp(0x7f000009, 0);
	out = udp(0x7f000109, 0);
	ask(in, LO_IP + 200, R1);
	ask(out, LO_IP + 200, R1);
	pump();
	assert_int_equal(count(in, "http://127.0.0.201:2828/"), 1);
	assert_int_equal(count(out, ""), 0);
	ask(in, 0xeffffffa, R1);
	pump();
	assert_int_equal(count(in, "http://127.0.0.1:2828/"), 1);
	/* another router takes it over */
	assert_int_equal(ssdp_ifaces(ssdp, two, 1, 2828), 0);
	assert_int_equal(count(group_fd, "NOTIFY"), 0);
	close(in);
	close(out);
}

/* The same with the mask of the network: the kernel marks it as secondary. It
 * is announced once the other one is gone. */
static void test_secondary_address(void **state)
{
	struct netif_addr two[] = { lo_iface(LO_IP + 200), lo_iface(LO_IP) };
	int fd;

	NEED_NET;
	two[0].secondary = 1;
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), 0);
	pass(400);
	assert_int_equal(count(group_fd, "http://127.0.0.1:2828/"),
			 2 * N(target));
	fd = udp(0x7f000009, 0);
	ask(fd, LO_IP + 200, R1);
	pump();
	assert_int_equal(count(fd, "http://127.0.0.201:2828/"), 1);
	ask(fd, 0xeffffffa, R1);
	pump();
	assert_int_equal(count(fd, "http://127.0.0.1:2828/"), 1);
	two[0].secondary = 0;
	assert_int_equal(ssdp_ifaces(ssdp, two, 1, 2828), 0);
	pass(400);
	assert_true(count(group_fd, "http://127.0.0.201:2828/") >=
		    2 * N(target));
	close(fd);
}

/* An address that cannot be served does not prevent the others, and is
 * retried. */
static void test_one_failure_does_not_stop_the_others(void **state)
{
	struct netif_addr two[] = { lo_iface(0xc0a85801), lo_iface(LO_IP) };
	int fd;

	NEED_NET;
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), -EADDRNOTAVAIL);
	pass(400);
	assert_int_equal(count(group_fd, "http://127.0.0.1:2828/"),
			 2 * N(target));
	fd = udp(LO_IP, 0);
	ask(fd, 0xeffffffa, R1);
	pump();
	assert_int_equal(count(fd, R1), 1);
	/* no address was added, so BOOTID is unchanged */
	assert_int_equal(ssdp_ifaces(ssdp, two, 2, 2828), -EADDRNOTAVAIL);
	pass(400);
	assert_int_equal(count(group_fd, "NOTIFY"), 0);
	close(fd);
}

static void test_addresses_above_the_limit_are_refused(void **state)
{
	struct netif_addr many[IFSOCKS_MAX + 1];
	size_t i;

	NEED_NET;
	for (i = 0; i < N(many); i++)
		many[i] = lo_iface(LO_IP + ((uint32_t)i << 8));
	assert_int_equal(ssdp_ifaces(ssdp, many, N(many), 2828), -ENOSPC);
	assert_int_equal(ssdp_ifaces(ssdp, many, N(many) - 1, 2828), 0);
}

/* A media server on the same machine also uses the port. */
static void test_beside_another_program(void **state)
{
	int other;

	NEED_NET;
	other = udp(INADDR_ANY, 1900);
	serve_lo_quiet();
	close(other);
}

static void test_free_null(void **state)
{
	ssdp_free(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_searches_are_parsed),
		cmocka_unit_test(test_invalid_searches_are_ignored),
		cmocka_unit_test(test_search_may_lack_quotes_and_its_last_line),
		cmocka_unit_test(test_search_without_st_is_ignored),
		cmocka_unit_test(test_st_has_a_maximum_length),
		cmocka_unit_test(test_parse_any_byte),
		cmocka_unit_test(test_which_targets_answer),
		cmocka_unit_test(test_newest_root_answers_over_ipv6),
		cmocka_unit_test(test_answers_to_all_have_their_own_version),
		cmocka_unit_test(test_single_root_answers_for_lower_versions),
		cmocka_unit_test(test_answer_byte_by_byte),
		cmocka_unit_test(test_notify_byte_by_byte),
		cmocka_unit_test(test_update_byte_by_byte),
		cmocka_unit_test(test_max_age_is_twice_the_interval),
		cmocka_unit_test(test_message_without_room_is_over),
		T(test_alive_is_sent_twice_and_repeated),
		T(test_alive_has_every_target),
		T(test_multicast_ttl_is_2),
		T(test_byebye_is_sent_twice),
		T(test_same_addresses_send_nothing),
		T(test_search_is_answered),
		T(test_answers_are_spread_over_100_ms),
		T(test_source_outside_the_network_is_ignored),
		T(test_long_datagram_is_dropped),
		T(test_flood_leaves_places_for_others),
		T(test_answers_to_a_source_have_a_rate),
		T(test_unknown_host_gets_one_datagram),
		T(test_unknown_host_is_given_up),
		T(test_unknown_hosts_leave_places_for_others),
		T(test_answers_of_a_lost_address_are_dropped),
		T(test_free_with_answers_waiting),
		T(test_changed_address_is_announced),
		T(test_boot_id_rises_with_new_addresses),
		T(test_boot_id_rises_by_itself),
		T(test_changed_port_is_announced),
		T(test_group_is_joined_once_per_interface),
		T(test_byebye_comes_before_every_alive),
		T(test_two_addresses_of_one_interface),
		T(test_virtual_address),
		T(test_secondary_address),
		T(test_one_failure_does_not_stop_the_others),
		T(test_addresses_above_the_limit_are_refused),
		T(test_beside_another_program),
		cmocka_unit_test(test_free_null),
	};

	have_net = own_net();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
