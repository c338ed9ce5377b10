/* SPDX-License-Identifier: ISC */
/*
 * test_pmp.c - the server of NAT-PMP and PCP: who is answered, from which
 * address, how often; requests that wait; announcements and mapping updates.
 *
 * Real sockets, over the loopback interface of a network namespace of its own,
 * with a fake clock and a fake kernel. Skipped if the program cannot make such a
 * namespace; without IPv6 there (qemu-user), only what needs it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pmp/pmp.h"
#include "sys/ifsock.h"
#include "tests/unit/lo6.h"
#include "tests/unit/pmpgw.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define OWN	"192.168.88.1"
#define OWN_LO	"127.0.0.1"
#define OWN_LL	"fe80::1"
#define OWN6	"2001:db8:88::1"
#define ANN	"192.168.88.10"
#define BOB	"192.168.88.11"
#define ANN6	"2001:db8:88::10"
#define ANN_LL	"fe80::10"
#define EPOCH	"01020304"

static bool have_net, have_ip6;
static struct pmp *pmp;
static struct pmp_config config;
static uint32_t epoch;
static unsigned outside;
static bool third_party;
static struct nat_rule asked_flow;
static unsigned flows_asked;
/* sockets of the test, closed by tear_down() */
static int opened[512];
static size_t opened_n;

static uint32_t epoch_s(void *arg)
{
	return epoch;
}

static bool may_ask_for_others(void *arg, struct addr a)
{
	return third_party;
}

static void ask_flow(void *arg, const struct nat_rule *r)
{
	asked_flow = *r;
	flows_asked++;
}

static void on_outside(void *arg, struct addr peer)
{
	outside++;
}

/* ---- a socket whose buffer is full -------------------------------------------- */

static bool full;		/* of each address's socket */
static unsigned senders;	/* opened while it is full */

int __real_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port);
int __wrap_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port);
int __real_ifsock_sender(const struct ifsock *from);
int __wrap_ifsock_sender(const struct ifsock *from);

int __wrap_ifsock_send(int sender, const struct ifsock *from, void *data,
		       size_t n, struct addr to, uint16_t port)
{
	if (full && sender == from->io.fd)
		return -EAGAIN;
	return __real_ifsock_send(sender, from, data, n, to, port);
}

int __wrap_ifsock_sender(const struct ifsock *from)
{
	senders++;
	return __real_ifsock_sender(from);
}

/* ---- begin and end ----------------------------------------------------------------- */

static struct netif_addr at(const char *text)
{
	struct addr a = addr_of_text(text);

	return (struct netif_addr){
		LO6_IFINDEX, "lo", { a, a.family == ADDR_IP4 ? 24 : 64 }
	};
}

/* Serve these addresses, and give the first announcements time to end. */
static void serve(const char *const *text, size_t n)
{
	struct netif_addr list[8];

	for (size_t i = 0; i < n; i++)
		list[i] = at(text[i]);
	assert_int_equal(pmp_ifaces(pmp, list, n), 0);
}

static void serve_all(void)
{
	static const char *const all[] = { OWN, OWN_LO, OWN_LL, OWN6 };

	serve(all, have_ip6 ? N(all) : 2);
}

static int set_up(void **state)
{
	epoch = 0x01020304;
	outside = flows_asked = senders = 0;
	third_party = full = false;
	opened_n = 0;
	if (!have_net)
		return 0;
	gw_begin(state);
	config = (struct pmp_config){
		.nat_pmp = true, .pcp = true, .map = &map,
		.epoch_s = epoch_s, .may_ask_for_others = may_ask_for_others,
		.ask_flow = ask_flow, .outside = on_outside,
	};
	pmp = pmp_new(gw_loop, &config);
	return !pmp;
}

static int tear_down(void **state)
{
	while (opened_n)
		close(opened[--opened_n]);
	if (!have_net)
		return 0;
	pmp_free(pmp);
	return gw_end(state);
}

/* Make another server with the changed @config. */
static void again(void)
{
	pmp_free(pmp);
	pmp = pmp_new(gw_loop, &config);
	assert_non_null(pmp);
}

#define NEED_NET do { if (!have_net) skip(); } while (0)
#define NEED_IP6 do { if (!have_ip6) skip(); } while (0)

/* ---- clients -------------------------------------------------------------------------- */

/* A socket of a host, connected to @to port 5351, so that it hears of a port
 * that is closed, and of no other sender. @port: 0: any */
static int client(const char *from, uint16_t port, const char *to)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(addr_of_text(from), port,
					 LO6_IFINDEX, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	len = addr_to_sockaddr(addr_of_text(to), 5351, LO6_IFINDEX, &sa);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	assert_in_range(opened_n, 0, N(opened) - 1);
	return opened[opened_n++] = fd;
}

static void post(int fd, const char *hex)
{
	struct str s = bytes_of(hex);

	assert_int_equal(send(fd, s.p, s.n, 0), s.n);
}

/* Let the server read all that was sent. The kernel does not answer. */
static void pump(void)
{
	for (int i = 0; i < 150; i++)
		assert_int_equal(loop_step(gw_loop, 0), 0);
}

/* Is the next datagram on @fd these bytes? NULL: there is none. */
static bool gets(int fd, const char *want)
{
	uint8_t buf[PMP_DATAGRAM_MAX];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (!want || n < 0)
		return !want && n < 0 && errno == EAGAIN;
	return are_bytes(buf, (size_t)n, want);
}

/* The same, after a request whose ops the kernel answers at once. */
static bool says(int fd, const char *request, const char *want)
{
	post(fd, request);
	pump();
	gw_settle();
	pump();
	return gets(fd, want);
}

#define BODY(nonce, proto, port, ext_port, ext) \
	nonce proto "000000" port ext_port ext
#define ZERO12 "00000000 00000000 00000000"
#define ASK(op, who, life, body) "02" op "0000" life who body
#define SAY(op, code, life, body) "028" op "00" code life EPOCH ZERO12 body
#define TCP(ext_port, ext) BODY(H_NONCE, "06", "1388", ext_port, ext)
#define MAP(life, body) ASK("01", H_ANN, life, body)
#define OK(life, body) SAY("1", "00", life, body)
#define HOUR "00000e10"
#define ADDRESS "00800000" EPOCH "cb007107"

/* ---- who is answered, and from where ------------------------------------------------------- */

static void test_address(void **state)
{
	NEED_NET;
	serve_all();
	assert_true(pmp_serves(pmp));
	assert_true(says(client(ANN, 0, OWN), "0000", ADDRESS));
	/* npm's clients send from this port */
	assert_true(says(client(ANN, 5350, OWN), "0000", ADDRESS));
	map.ext.family = ADDR_NONE;
	assert_true(says(client(ANN, 0, OWN), "0000",
			 "00800003" EPOCH "00000000"));
}

/* The client is connected to the address that it asks, so an answer from another
 * one does not reach it. */
static void test_answer_comes_from_the_asked_address(void **state)
{
	NEED_NET;
	serve_all();
	assert_true(says(client(ANN, 0, OWN_LO), "0000", ADDRESS));
	assert_true(says(client("127.0.0.9", 0, OWN), "0000", ADDRESS));
}

static void test_announce_request(void **state)
{
	NEED_NET;
	serve_all();
	assert_true(says(client(ANN, 0, OWN), ASK("00", H_ANN, "00000000", ""),
			 SAY("0", "00", "00000000", "")));
	NEED_IP6;
	assert_true(says(client(ANN6, 0, OWN6),
			 ASK("00", H_ANN6, "00000000", ""),
			 SAY("0", "00", "00000000", "")));
	/* link-local, from the address that was asked */
	assert_true(says(client(ANN_LL, 0, OWN_LL),
			 ASK("00", "fe800000 00000000 00000000 00000010",
			     "00000000", ""),
			 SAY("0", "00", "00000000", "")));
}

/* RFC 6886 is for IPv4 only. */
static void test_nat_pmp_over_ip6(void **state)
{
	NEED_IP6;
	serve_all();
	assert_true(says(client(ANN6, 0, OWN6), "0000",
			 "02800001 00000708" EPOCH "00000000 00000000"
			 "00000000"));
	config.pcp = false;
	again();
	serve_all();
	post(client(ANN6, 0, OWN6), "0000");
	pump();
	assert_int_equal(recv(opened[opened_n - 1], &(char){ 0 }, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_true(says(client(ANN, 0, OWN), "0000", ADDRESS));
	/* RFC 6886 3.5: PCP's clients fall back */
	assert_true(says(client(ANN, 0, OWN), MAP(HOUR, TCP("1388", H_NO4)),
			 "00000001" EPOCH));
}

/* The port is closed (RFC 6886 3.8). */
static void test_neither(void **state)
{
	char byte;

	NEED_NET;
	config.nat_pmp = config.pcp = false;
	again();
	serve_all();
	assert_false(pmp_serves(pmp));
	post(client(ANN, 0, OWN), "0000");
	assert_int_equal(recv(opened[0], &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

static void test_sources_that_are_not_served(void **state)
{
	int net, all;

	NEED_NET;
	serve_all();
	/* not in a network of the interface */
	assert_true(says(client("127.0.1.9", 0, OWN_LO), "0000", NULL));
	assert_int_equal(outside, 1);
	/* the network's own and its broadcast address: all hosts */
	net = client("127.0.0.0", 0, OWN_LO);
	all = client("127.0.0.255", 0, OWN_LO);
	assert_true(says(net, "0000", NULL));
	assert_true(says(all, "0000", NULL));
	assert_int_equal(outside, 1);
}

static void test_long_datagrams(void **state)
{
	static char text[2 * PMP_DATAGRAM_MAX + 1];
	uint8_t buf[PMP_DATAGRAM_MAX];
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = "02010000"[i % 8];
	post(fd, text);
	pump();
	/* the longest that is received: MALFORMED_REQUEST, cut */
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), PMP_MSG_MAX);
	assert_int_equal(buf[3], PCP_MALFORMED_REQUEST);
	strcpy(text + sizeof(text) - 3, "00");
	send(fd, text, PMP_DATAGRAM_MAX + 1, 0);
	pump();
	assert_true(gets(fd, NULL));
}

/* A source has its burst, and others are answered. */
static void test_rate(void **state)
{
	int ann, bob;

	NEED_NET;
	serve_all();
	ann = client(ANN, 0, OWN);
	bob = client(BOB, 0, OWN);
	for (unsigned i = 0; i < PMP_REQUESTS_BURST; i++) {
		post(ann, "00");	/* too short for an answer */
		loop_step(gw_loop, 0);
	}
	assert_true(says(ann, "0000", NULL));
	assert_true(says(bob, "0000", ADDRESS));
	gw_now_ms += 1;
	assert_true(says(ann, "0000", ADDRESS));
}

/* The kernel keeps datagrams to hosts that do not exist. */
static void test_full_buffer(void **state)
{
	NEED_NET;
	serve_all();
	full = true;
	assert_true(says(client(ANN, 0, OWN), "0000", ADDRESS));
	assert_int_equal(senders, 1);
	NEED_IP6;
	assert_true(says(client(ANN6, 0, OWN6),
			 ASK("00", H_ANN6, "00000000", ""),
			 SAY("0", "00", "00000000", "")));
	assert_int_equal(senders, 2);
	assert_true(says(client(ANN_LL, 0, OWN_LL),
			 ASK("00", "fe800000 00000000 00000000 00000010",
			     "00000000", ""),
			 SAY("0", "00", "00000000", "")));
}

/* ---- requests that wait ------------------------------------------------------------------------ */

static void test_map(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	post(fd, "0002 0000 1388 1388 00000e10");
	pump();
	assert_true(gets(fd, NULL));	/* the kernel has not answered */
	gw_settle();
	assert_true(gets(fd, "00820000" EPOCH "13881388" HOUR));
	assert_true(says(fd, ASK("01", H_ANN, HOUR,
				 BODY(H_NONCE, "11", "1389", "1389", H_NO4)),
			 OK(HOUR, BODY(H_NONCE, "11", "1389", "1389",
				       H_EXT))));
	NEED_IP6;
	assert_true(says(client(ANN6, 0, OWN6),
			 ASK("01", H_ANN6, HOUR, TCP("0000", H_NO6)),
			 OK(HOUR, TCP("1388", H_ANN6))));
}

/* A copy of a request that waits gets no answer of its own; later it does. */
static void test_copies(void **state)
{
	static const char map_tcp[] = "0002 0000 1388 1388 00000e10";
	static const char ok[] = "00820000" EPOCH "13881388" HOUR;
	int fd, other;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	other = client(ANN, 0, OWN);
	for (int i = 0; i < 3; i++)
		post(fd, map_tcp);
	post(other, map_tcp);
	pump();
	gw_settle();
	assert_true(gets(fd, ok));
	assert_true(gets(fd, NULL));
	assert_true(gets(other, ok));
	assert_true(says(fd, map_tcp, ok));
	assert_int_equal(gw_ops, 3);	/* one for each answer */
}

/* A host has half of the places. */
static void test_places(void **state)
{
	char text[64];
	int ann, bob;

	NEED_NET;
	portmap_free(map.pm);
	map_init(&map, portmap_new(512, 256));
	serve_all();
	ann = client(ANN, 0, OWN);
	bob = client(BOB, 0, OWN);
	for (unsigned i = 0; i < PMP_PENDING_PER_CLIENT + 1; i++) {
		snprintf(text, sizeof(text), "0002 0000 %04x %04x 00000e10",
			 5000 + i, 5000 + i);
		post(ann, text);
	}
	pump();
	post(bob, "0002 0000 1388 2222 00000e10");
	pump();
	gw_settle();
	assert_int_equal(gw_ops, PMP_PENDING_PER_CLIENT + 1);
	assert_true(gets(bob, "00820000" EPOCH "13882222" HOUR));
	/* the one that found no place is repeated */
	assert_true(says(client(ANN, 0, OWN), text,
			 "00820000" EPOCH "13c813c8" HOUR));
}

/* Jami deletes all mappings of both protocols and requests its own at once. The
 * deletion of UDP waits for that of TCP, and must not delete what was requested
 * after it. */
static void test_deletion_of_all_comes_first(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	assert_true(says(fd, "0002 0000 1388 1388 00000e10",
			 "00820000" EPOCH "13881388" HOUR));
	assert_true(says(fd, "0001 0000 1389 1389 00000e10",
			 "00810000" EPOCH "13891389" HOUR));
	post(fd, "0002 0000 0000 0000 00000000");
	post(fd, "0001 0000 0000 0000 00000000");
	post(fd, "0001 0000 1389 1389 00000e10");
	post(fd, "0001 0000 138a 138a 00000e10");
	pump();
	/* other hosts do not wait */
	assert_true(says(client(BOB, 0, OWN), "0000", ADDRESS));
	gw_settle();
	pump();
	gw_settle();
	assert_true(gets(fd, "00820000" EPOCH "00000000 00000000"));
	assert_true(gets(fd, "00810000" EPOCH "00000000 00000000"));
	assert_true(gets(fd, "00810000" EPOCH "13891389" HOUR));
	assert_true(gets(fd, "00810000" EPOCH "138a138a" HOUR));
	assert_int_equal(portmap_count(map.pm), 2);
}

/* Its address is no longer served, or the server ends: no answer, and nothing
 * is written to the request any more. */
static void test_requests_that_wait_are_forgotten(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	post(fd, MAP(HOUR, TCP("1388", H_NO4)));
	post(fd, "0001 0000 0000 0000 00000000");
	post(fd, "0001 0000 1388 1388 00000e10");
	pump();
	serve((const char *const[]){ OWN_LO }, 1);
	gw_settle();
	serve_all();
	pump();
	assert_true(says(fd, "0000", "00810000" EPOCH "00000000 00000000"));
	post(fd, "0002 0000 1389 1389 00000e10");
	pump();
	pmp_free(pmp);
	pmp = NULL;
	gw_settle();
}

/* The deletion of all mappings is forgotten with its address: the request behind
 * it, at another address, begins. */
static void test_held_request_of_another_address(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN_LO);
	assert_true(says(fd, "0002 0000 1388 1388 00000e10",
			 "00820000" EPOCH "13881388" HOUR));
	post(client(ANN, 0, OWN), "0002 0000 0000 0000 00000000");
	pump();
	post(fd, "0001 0000 1389 1389 00000e10");
	pump();
	serve((const char *const[]){ OWN_LO }, 1);
	gw_settle();
	assert_true(gets(fd, "00810000" EPOCH "13891389" HOUR));
}

static void test_third_party(void **state)
{
	static const char body[] = TCP("1388", H_NO4) H_THIRD(H_BOB);
	char request[512], want[512];
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	snprintf(request, sizeof(request), "02010000" HOUR H_ANN "%s", body);
	snprintf(want, sizeof(want), "02810005 00000708" EPOCH ZERO12 "%s",
		 body);
	assert_true(says(fd, request, want));
	third_party = true;
	assert_true(says(fd, request,
			 OK(HOUR, TCP("1388", H_EXT) H_THIRD(H_BOB))));
}

static void test_peer(void **state)
{
	static const char request[] = ASK("02", H_ANN, HOUR,
		BODY(H_NONCE, "11", "1388", "0000", H_NO4) "01bb0000" H_PEER);
	static const char want[] = SAY("2", "00", HOUR,
		BODY(H_NONCE, "11", "1388", "c350", H_EXT) "01bb0000" H_PEER);
	struct nat_rule other;
	int fd, second;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	second = client(ANN, 0, OWN);
	post(fd, request);
	post(second, request);
	pump();
	assert_int_equal(flows_asked, 2);
	other = asked_flow;
	other.remote_port++;
	pmp_flow(pmp, &other, 50001);
	gw_settle();
	assert_true(gets(fd, NULL));
	pmp_flow(pmp, &asked_flow, 50000);
	pmp_flow(pmp, &asked_flow, 50000);	/* nobody waits for it */
	gw_settle();
	assert_true(gets(fd, want));
	assert_true(gets(second, want));
}

/* ---- announcements ------------------------------------------------------------------------------ */

/* A socket that listens where clients do. */
static int listener(const char *group)
{
	struct addr a = addr_of_text(group);
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a, 5350, LO6_IFINDEX, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return opened[opened_n++] = fd;
}

/* Is the next datagram on @fd @want, from port 5351 of @from? */
static bool hears(int fd, const char *from, const char *want)
{
	uint8_t buf[PMP_DATAGRAM_MAX];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint16_t port;
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&sa,
			     &len);

	if (n < 0)
		return false;
	assert_string_equal(addr_text(addr_from_sockaddr(&sa, len, &port))
			    .text, from);
	assert_int_equal(port, 5351);
	return are_bytes(buf, (size_t)n, want);
}

#define ANNOUNCE "02800000 00000000" EPOCH ZERO12

/* Ten times, with gaps of 250 ms and twice as long each, with the epoch of each
 * time. */
static void test_announcements(void **state)
{
	char want[2][128];
	uint64_t gap_ms = 250;
	int fd;

	NEED_NET;
	fd = listener("224.0.0.1");
	serve((const char *const[]){ OWN }, 1);
	for (unsigned i = 0; i < PMP_ANNOUNCE_N; i++) {
		pump();
		snprintf(want[0], sizeof(want[0]), "00800000 %08x cb007107",
			 epoch);
		snprintf(want[1], sizeof(want[1]), "02800000 00000000 %08x"
			 ZERO12, epoch);
		assert_true(hears(fd, OWN, want[0]));
		assert_true(hears(fd, OWN, want[1]));
		gw_now_ms += gap_ms - 1;
		pump();
		assert_true(gets(fd, NULL));
		gw_now_ms += 1;
		gap_ms *= 2;
		epoch += 3;
	}
	gw_now_ms += 1000000;
	pump();
	assert_true(gets(fd, NULL));
}

/* Every address: one of them may be the virtual address that is the gateway. */
static void test_every_address_announces(void **state)
{
	int fd, fd6;

	NEED_IP6;
	fd = listener("224.0.0.1");
	fd6 = listener("ff02::1");
	serve_all();
	pump();
	assert_true(hears(fd, OWN, ADDRESS));
	assert_true(hears(fd, OWN, ANNOUNCE));
	assert_true(hears(fd, OWN_LO, ADDRESS));
	assert_true(hears(fd, OWN_LO, ANNOUNCE));
	assert_true(gets(fd, NULL));
	assert_true(hears(fd6, OWN_LL, ANNOUNCE));
	assert_true(hears(fd6, OWN6, ANNOUNCE));
	assert_true(gets(fd6, NULL));
	/* the same addresses again: nothing; a new one: only that */
	serve_all();
	pump();
	assert_true(gets(fd, NULL));
}

static void test_protocols_that_are_announced(void **state)
{
	int fd;

	NEED_NET;
	fd = listener("224.0.0.1");
	config.pcp = false;
	again();
	serve((const char *const[]){ OWN }, 1);
	pump();
	assert_true(hears(fd, OWN, ADDRESS));
	assert_true(gets(fd, NULL));
	config.pcp = true;
	config.nat_pmp = false;
	again();
	serve((const char *const[]){ OWN }, 1);
	pump();
	assert_true(hears(fd, OWN, ANNOUNCE));
	assert_true(gets(fd, NULL));
}

static void test_changed_address_is_announced(void **state)
{
	int fd;

	NEED_NET;
	fd = listener("224.0.0.1");
	serve((const char *const[]){ OWN }, 1);
	pump();
	assert_true(hears(fd, OWN, ADDRESS));
	assert_true(hears(fd, OWN, ANNOUNCE));
	map.ext = addr_ip4(0xcb007108);
	epoch = 0;
	pmp_address(pmp);
	pump();
	assert_true(hears(fd, OWN, "00800000 00000000 cb007108"));
	assert_true(hears(fd, OWN, "02800000 00000000 00000000" ZERO12));
	gw_now_ms += 250;
	pump();
	assert_true(hears(fd, OWN, "00800000 00000000 cb007108"));
	assert_true(hears(fd, OWN, "02800000 00000000 00000000" ZERO12));
	map.ext.family = ADDR_NONE;
	pmp_address(pmp);
	pump();
	assert_true(hears(fd, OWN, "00800003 00000000 00000000"));
}

/* ---- mapping updates ------------------------------------------------------------------------------- */

#define NEW_EXT "00000000 00000000 0000ffff cb007108"

static void change_address(void)
{
	map.ext = addr_ip4(0xcb007108);
	pmp_address(pmp);
	pump();
}

/* Three times, where the last request came from, with its nonce. */
static void test_update(void **state)
{
	static const char want[] = OK("00000e08", BODY(H_NONCE2, "06", "1388",
						       "1388", NEW_EXT));
	int first, last;

	NEED_NET;
	serve_all();
	first = client(ANN, 0, OWN);
	assert_true(says(first, MAP(HOUR, TCP("1388", H_NO4)),
			 OK(HOUR, TCP("1388", H_EXT))));
	last = client(ANN, 0, OWN);
	assert_true(says(last, MAP(HOUR, BODY(H_NONCE2, "06", "1388", "1388",
					      H_EXT)),
			 OK(HOUR, BODY(H_NONCE2, "06", "1388", "1388",
				       H_EXT))));
	gw_now_ms += 8000;
	loop_step(gw_loop, 0);
	change_address();
	assert_true(gets(last, want));
	assert_true(gets(last, NULL));
	gw_now_ms += 249;
	pump();
	assert_true(gets(last, NULL));
	gw_now_ms += 1;
	pump();
	assert_true(gets(last, want));
	gw_now_ms += 500;
	pump();
	assert_true(gets(last, OK("00000e08", BODY(H_NONCE2, "06", "1388",
						   "1388", NEW_EXT))));
	gw_now_ms += 100000;
	pump();
	assert_true(gets(last, NULL));
	assert_true(gets(first, NULL));
}

/* The address that was asked is gone, and another one has its place. */
static void test_update_leaves_from_the_asked_address(void **state)
{
	static const char *const all[] = { OWN, OWN_LO };
	int fd;

	NEED_NET;
	serve(all, 2);
	fd = client(ANN, 0, OWN_LO);
	assert_true(says(fd, MAP(HOUR, TCP("1388", H_NO4)),
			 OK(HOUR, TCP("1388", H_EXT))));
	serve(all, 1);
	serve(all, 2);
	change_address();
	assert_true(gets(fd, NULL));
}

/* The client has requested the mapping again: no more updates. */
static void test_update_ends_with_a_request(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	assert_true(says(fd, MAP(HOUR, TCP("1388", H_NO4)),
			 OK(HOUR, TCP("1388", H_EXT))));
	change_address();
	assert_true(gets(fd, OK(HOUR, TCP("1388", NEW_EXT))));
	assert_true(says(fd, MAP(HOUR, TCP("1388", H_EXT)),
			 OK(HOUR, TCP("1388", NEW_EXT))));
	gw_now_ms += 250;
	pump();
	assert_true(gets(fd, NULL));
}

/* Its options are in it; PREFER_FAILURE makes it an error. */
static void test_options_of_updates(void **state)
{
	int fd, fd2, fd3, fd4;

	NEED_NET;
	serve_all();
	third_party = true;
	fd = client(ANN, 0, OWN);
	fd2 = client(ANN, 0, OWN);
	fd3 = client(ANN, 0, OWN);
	fd4 = client(BOB, 0, OWN);
	assert_true(says(fd, MAP(HOUR, TCP("1388", H_NO4) H_THIRD(H_BOB)
				 H_FILTER("80", "01bb", H_PEER)),
			 OK(HOUR, TCP("1388", H_EXT) H_THIRD(H_BOB)
			    H_FILTER("80", "01bb", H_PEER))));
	assert_true(says(fd2, MAP(HOUR, BODY(H_NONCE, "06", "1389", "1389",
					     H_NO4) H_PREFER),
			 OK(HOUR, BODY(H_NONCE, "06", "1389", "1389", H_EXT)
			    H_PREFER)));
	assert_true(says(fd3, "0002 0000 138a 138a 00000e10",
			 "00820000" EPOCH "138a138a" HOUR));
	post(fd4, ASK("02", H_BOB, HOUR,
		      BODY(H_NONCE, "11", "138b", "138b", H_NO4) "01bb0000"
		      H_PEER));
	pump();
	pmp_flow(pmp, &asked_flow, 0);
	gw_settle();
	assert_true(gets(fd4, SAY("2", "00", HOUR, BODY(H_NONCE, "11", "138b",
			 "138b", H_EXT) "01bb0000" H_PEER)));
	change_address();
	assert_true(gets(fd, OK(HOUR, TCP("1388", NEW_EXT) H_THIRD(H_BOB)
				H_FILTER("80", "01bb", H_PEER))));
	assert_true(gets(fd2, SAY("1", "0b", "0000001e",
				  BODY(H_NONCE, "06", "1389", "1389", H_NO4)
				  H_PREFER)));
	/* NAT-PMP has announcements only */
	assert_true(gets(fd3, NULL));
	assert_true(gets(fd4, SAY("2", "00", HOUR, BODY(H_NONCE, "11", "138b",
			 "138b", NEW_EXT) "01bb0000" H_PEER)));
}

/* Nothing is sent for a mapping that ended, or while there is no address. */
static void test_no_update(void **state)
{
	int fd;

	NEED_NET;
	serve_all();
	fd = client(ANN, 0, OWN);
	assert_true(says(fd, MAP(HOUR, TCP("1388", H_NO4)),
			 OK(HOUR, TCP("1388", H_EXT))));
	map.ext.family = ADDR_NONE;
	pmp_address(pmp);
	pump();
	assert_true(gets(fd, NULL));
	assert_true(says(fd, MAP("00000000", TCP("0000", H_NO4)),
			 OK("00000000", TCP("0000", H_NO4))));
	/* another client has the slot now */
	map.ext = addr_ip4(0xcb007107);
	assert_true(says(client(BOB, 0, OWN), "0002 0000 1388 1388 00000e10",
			 "00820000" EPOCH "13881388" HOUR));
	change_address();
	assert_true(gets(fd, NULL));
}

static void test_free_null(void **state)
{
	pmp_free(NULL);
}

/* ---- the network ------------------------------------------------------------------------------------ */

/* Which network namespace is this? lo6_own_net() may enter one and fail. */
static void read_ns(char ret[64])
{
	ssize_t n = readlink("/proc/self/ns/net", ret, 63);

	ret[n > 0 ? n : 0] = '\0';
}

/* Give lo another address: all of its network are then addresses of lo. */
static bool add_lan(void)
{
	struct ifreq ifr = { .ifr_name = "lo:1" };
	struct sockaddr_storage sa;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok;

	addr_to_sockaddr(addr_ip4(0xc0a85801), 0, 0, &sa);
	memcpy(&ifr.ifr_addr, &sa, sizeof(ifr.ifr_addr));
	ok = fd >= 0 && !ioctl(fd, SIOCSIFADDR, &ifr);
	addr_to_sockaddr(addr_ip4(0xffffff00), 0, 0, &sa);
	memcpy(&ifr.ifr_netmask, &sa, sizeof(ifr.ifr_netmask));
	ok = ok && !ioctl(fd, SIOCSIFNETMASK, &ifr);
	if (fd >= 0)
		close(fd);
	return ok;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const char *const ip6[] = { OWN_LL, OWN6, ANN6, ANN_LL };
	const struct CMUnitTest tests[] = {
		TEST(test_address),
		TEST(test_answer_comes_from_the_asked_address),
		TEST(test_announce_request),
		TEST(test_nat_pmp_over_ip6),
		TEST(test_neither),
		TEST(test_sources_that_are_not_served),
		TEST(test_long_datagrams),
		TEST(test_rate),
		TEST(test_full_buffer),
		TEST(test_map),
		TEST(test_copies),
		TEST(test_places),
		TEST(test_deletion_of_all_comes_first),
		TEST(test_requests_that_wait_are_forgotten),
		TEST(test_held_request_of_another_address),
		TEST(test_third_party),
		TEST(test_peer),
		TEST(test_announcements),
		TEST(test_every_address_announces),
		TEST(test_protocols_that_are_announced),
		TEST(test_changed_address_is_announced),
		TEST(test_update),
		TEST(test_update_leaves_from_the_asked_address),
		TEST(test_update_ends_with_a_request),
		TEST(test_options_of_updates),
		TEST(test_no_update),
		cmocka_unit_test(test_free_null),
	};

	char before[64], after[64];

	read_ns(before);
	have_ip6 = lo6_own_net(ip6, N(ip6));
	read_ns(after);
	have_net = strcmp(before, after) && add_lan();
	have_ip6 &= have_net;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
