/* SPDX-License-Identifier: ISC */
/*
 * test_ports.c - sock_diag and /proc/net show the same ports that the router
 * serves. Messages and lines are made by hand before an unreadable page; then
 * real sockets are read in both ways: a seccomp filter simulates a kernel
 * without sock_diag.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <net/if.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include "sys/ports.h"
#include "tests/unit/nltest.h"

#define HERE IP(10, 1, 0, 1)

/* ---- which sockets serve an address -------------------------------------- */

static struct addr asked;

static bool serves(uint8_t family, uint32_t a, uint32_t b, uint32_t c,
		   uint32_t d, bool v6only)
{
	const uint32_t be[4] = { htonl(a), htonl(b), htonl(c), htonl(d) };
	const struct ports_socket s = {
		.local = family == AF_INET ? addr_ip4(a) : addr_ip6(be),
		.v6only = v6only,
	};

	return ports_serves(&s, asked);
}

static void test_socket_serves_its_address(void **state)
{
	asked = addr_ip4(HERE);
	assert_true(serves(AF_INET, 0, 0, 0, 0, false));
	assert_true(serves(AF_INET, HERE, 0, 0, 0, false));
	assert_false(serves(AF_INET, HERE + 1, 0, 0, 0, false));
	assert_true(serves(AF_INET6, 0, 0, 0, 0, false));
	assert_false(serves(AF_INET6, 0, 0, 0, 0, true));
	assert_true(serves(AF_INET6, 0, 0, 0xffff, HERE, false));
	assert_true(serves(AF_INET6, 0, 0, 0xffff, 0, false));
	assert_false(serves(AF_INET6, 0, 0, 0xffff, HERE + 1, false));
	assert_false(serves(AF_INET6, 0, 0, 0xffff, HERE, true));
	assert_false(serves(AF_INET6, 0, 0, 0, 1, false));	/* ::1 */
	assert_false(serves(AF_INET6, 0x20010db8, 0, 0, HERE, false));
}

/* An IPv6 address is served by sockets of IPv6, v6only or not. */
static void test_only_ip6_sockets_serve_ip6(void **state)
{
	assert_true(addr_parse(STR("2001:db8::7"), &asked));
	assert_true(serves(AF_INET6, 0x20010db8, 0, 0, 7, false));
	assert_true(serves(AF_INET6, 0x20010db8, 0, 0, 7, true));
	assert_true(serves(AF_INET6, 0, 0, 0, 0, true));
	assert_false(serves(AF_INET6, 0x20010db8, 0, 0, 8, false));
	assert_false(serves(AF_INET6, 0, 0, 0xffff, 0, false));
	assert_false(serves(AF_INET, 0, 0, 0, 0, false));
	assert_false(serves(AF_INET, 0x20010db8, 0, 0, 0, false));
}

static void test_bits_are_found_at_both_ends(void **state)
{
	static uint64_t field[1024] = { 1, [1023] = UINT64_C(1) << 63 };

	assert_true(ports_set(field, 0) && ports_set(field, 65535));
	assert_false(ports_set(field, 1) || ports_set(field, 65534));
}

/* ---- sock_diag's messages ------------------------------------------------ */

static void test_cut_message_is_not_read(void **state)
{
	struct inet_diag_msg d = {
		.idiag_family = AF_INET6, .idiag_state = TCP_LISTEN,
		.id = { .idiag_sport = htons(65535), .idiag_src[3] = htonl(5) },
	};
	struct msg m = msg_new(SOCK_DIAG_BY_FAMILY, &d, sizeof(d));
	struct ports_socket s = { .port = 77 };
	uint8_t yes = 1;
	size_t len, body = m.len;

	for (len = 16; len < body; len++)
		assert_false(ports_parse_diag(cut(&m, len), &s));
	assert_int_equal(s.port, 77);
	msg_attr(&m, INET_DIAG_SKV6ONLY, &yes, sizeof(yes));
	assert_true(ports_parse_diag(cut(&m, m.len), &s));
	assert_int_equal(s.local.family, ADDR_IP6);
	assert_int_equal(s.state, TCP_LISTEN);
	assert_int_equal(s.port, 65535);
	assert_int_equal(s.local.byte[15], 5);
	assert_true(s.v6only);
	assert_true(ports_parse_diag(cut(&m, body), &s));
	assert_false(s.v6only);
	m.h.nlmsg_type = RTM_NEWLINK;
	assert_false(ports_parse_diag(cut(&m, m.len), &s));
}

/* ---- /proc's lines ------------------------------------------------------- */

#define HEADING "  sl  local_address rem_address   st tx_queue rx_queue tr\n"
#define TAIL " 00000000:00000000 00:00000000 00000000     0        0 1060 1"

/* A line as the kernel of this machine prints it, in its byte order. */
static const char *line4(uint32_t ip4, uint16_t port, unsigned st)
{
	static char text[256];

	snprintf(text, sizeof(text), "%4u: %08X:%04X %08X:%04X %02X" TAIL, 0u,
		 (unsigned)htonl(ip4), port, (unsigned)htonl(IP(9, 8, 7, 6)),
		 443u, st);
	return text;
}

static const char *line6(uint32_t a, uint32_t b, uint32_t c, uint32_t d,
			 uint16_t port, unsigned st)
{
	static char text[256];
	const char *zero = "00000000000000000000000000000000";

	snprintf(text, sizeof(text),
		 "%5u: %08X%08X%08X%08X:%04X %s:%04X %02X" TAIL, 12345u,
		 (unsigned)htonl(a), (unsigned)htonl(b), (unsigned)htonl(c),
		 (unsigned)htonl(d), port, zero, 0u, st);
	return text;
}

static void test_line_is_read(void **state)
{
	struct ports_socket s;

	assert_true(ports_parse_line(str_z(line4(HERE, 22, 0x0A)), &s));
	assert_int_equal(s.local.family, ADDR_IP4);
	assert_int_equal(s.state, TCP_LISTEN);
	assert_int_equal(addr_to_ip4(s.local), HERE);
	assert_int_equal(s.port, 22);
	assert_true(ports_parse_line(str_z(line4(0, 65535, 7)), &s));
	assert_int_equal(s.state, TCP_CLOSE);
	assert_int_equal(s.port, 65535);
	assert_true(ports_parse_line(str_z(line6(0x20010db8, 1, 2, 3, 0x1F90,
						 1)), &s));
	assert_int_equal(s.local.family, ADDR_IP6);
	assert_int_equal(s.state, TCP_ESTABLISHED);
	assert_string_equal(addr_text(s.local).text, "2001:db8:0:1:0:2:0:3");
	assert_int_equal(s.port, 8080);
	assert_true(ports_parse_line(str_z(line6(0, 0, 0xffff, HERE, 1, 7)),
				     &s));
	assert_true(ports_serves(&s, addr_ip4(HERE)));
	assert_true(ports_parse_line(STR("0: 00000000:0016 00000000:0000 0A"),
				     &s));
}

/* The position where a line's state ends. */
static size_t state_end(const char *line)
{
	return strlen(line) - strlen(TAIL);
}

static bool parse_at_page(const char *text, size_t len)
{
	struct ports_socket s;
	char *at = room + ROOM - len;

	memcpy(at, text, len);
	return ports_parse_line((struct str){ at, len }, &s);
}

/* A line that is cut before the end of the state is refused, and nothing after
 * the cut is read. */
static void cut_line(const char *line)
{
	for (size_t len = 0; len <= strlen(line); len++)
		assert_int_equal(parse_at_page(line, len),
				 len >= state_end(line));
}

static void test_cut_line_is_not_read(void **state)
{
	cut_line(line4(HERE, 22, 10));
	cut_line(line6(0, 0, 0, 0, 22, 10));
}

/* A change of any byte up to the state makes the line invalid. */
static void spoil_line(const char *line)
{
	static const char bad[] = "gxa:- \n@G/";
	char text[256];

	for (size_t i = 0; i <= state_end(line); i++) {
		for (size_t b = 0; b < sizeof(bad); b++) {
			snprintf(text, sizeof(text), "%s", line);
			text[i] = bad[b];
			if (text[i] == line[i] || strspn(text, " ") > i)
				continue;
			assert_false(parse_at_page(text, strlen(line)));
		}
	}
}

static void test_line_with_a_wrong_byte_is_not_read(void **state)
{
	static const char *const bad[] = {
		"", ":", ": ", "   : 00000000:0016 00000000:0000 0A",
		"4294967296: 00000000:0016 00000000:0000 0A",
		"0: 0000000000000000:0016 0000000000000000:0000 0A",
		"0: 00000000:0016 00000000000000000000000000000000:0000 0A",
		"0: 00000000000000000000000000000000:0016 00000000:0000 0A",
		"0: 00000000:0016 00000000:0000 0A0",
		"0: 00000000:00016 00000000:0000 0A",
		"0: 00000000:0016  00000000:0000 0A", "0:00000000:0016",
		"  sl  local_address rem_address   st tx_queue rx_queue tr",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_at_page(bad[i], strlen(bad[i])));
	spoil_line(line4(HERE, 22, 10));
	spoil_line(line6(0, 0, 0, 0, 22, 10));
}

/* ---- /proc's files ------------------------------------------------------- */

static uint64_t found[1024];

static unsigned found_n(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < 65536; i++)
		n += ports_set(found, (uint16_t)i);
	return n;
}

/* ports_scan() over a file that holds @text. */
static int scan(const char *text, size_t len)
{
	int fd = memfd_create("proc", 0), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	memset(found, 0, sizeof(found));
	err = ports_scan(fd, TCP_LISTEN, addr_ip4(HERE), found);
	close(fd);
	return err;
}

static size_t put_line(char *text, const char *line)
{
	size_t n = strlen(line);

	memcpy(text, line, n);
	text[n] = '\n';
	return n + 1;
}

/* Two lines that count and two that do not. */
static size_t small_file(char *text)
{
	size_t n = strlen(HEADING);

	memcpy(text, HEADING, n);
	n += put_line(text + n, line4(0, 22, TCP_LISTEN));
	n += put_line(text + n, line4(HERE + 1, 23, TCP_LISTEN));
	n += put_line(text + n, line4(HERE, 24, TCP_ESTABLISHED));
	n += put_line(text + n, line6(0, 0, 0xffff, HERE, 25, TCP_LISTEN));
	return n;
}

static void assert_small_file(int err)
{
	assert_int_equal(err, 0);
	assert_true(ports_set(found, 22));
	assert_true(ports_set(found, 25));
	assert_int_equal(found_n(), 2);
}

/* The file arrives by read() calls of @first bytes, then @step at a time. */
static int scan_split(const char *text, size_t len, size_t first, size_t step)
{
	int fd[2], room_for = 200 * 1024, err;
	size_t at = 0, n = first;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &room_for, sizeof(room_for));
	for (; at < len; at += n, n = step) {
		if (n > len - at)
			n = len - at;
		assert_int_equal(send(fd[0], text + at, n, MSG_DONTWAIT), n);
	}
	close(fd[0]);
	memset(found, 0, sizeof(found));
	err = ports_scan(fd[1], TCP_LISTEN, addr_ip4(HERE), found);
	close(fd[1]);
	return err;
}

static void test_file_may_arrive_in_parts(void **state)
{
	char text[1024];
	size_t len = small_file(text);

	assert_small_file(scan(text, len));
	for (size_t i = 1; i < len; i++)
		assert_small_file(scan_split(text, len, i, len));
	for (size_t i = 3; i < 40; i++)
		assert_small_file(scan_split(text, len, i, i));
}

/* A cut file is an error, unless it is cut between two lines. */
static void test_cut_file_is_an_error(void **state)
{
	char text[1024];
	size_t len = small_file(text);

	for (size_t i = 0; i <= len; i++)
		assert_int_equal(scan(text, i), i && text[i - 1] == '\n' ?
				 0 : -EBADMSG);
}

static void test_file_with_a_wrong_line_is_an_error(void **state)
{
	static const char *const bad[] = {
		"\n", "\n" HEADING, HEADING HEADING, HEADING "\n",
		"sl", "sl\n", "  slx local_address\n", "a" HEADING,
		HEADING "   0: 00000000:0016 00000000:0000 0A" TAIL "\nx\n",
		"   0: 00000000:0016 00000000:0000 0A" TAIL "\n",
	};
	char full[8192];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(scan(bad[i], strlen(bad[i])), -EBADMSG);
	memset(full, ' ', sizeof(full));	/* no line ends at all */
	assert_int_equal(scan(full, sizeof(full)), -EBADMSG);
	assert_int_equal(scan(full, 4096), -EBADMSG);
	memcpy(full, HEADING, strlen(HEADING));
	memcpy(full + sizeof(full) - 1, "\n", 1);
	assert_int_equal(scan(full, sizeof(full)), -EBADMSG);
	assert_int_equal(ports_scan(-1, TCP_LISTEN, addr_ip4(HERE), found),
			 -EBADF);
}

/* Lines that fill the buffer again and again, at every offset in it. */
static void test_long_file_is_read_to_its_end(void **state)
{
	static char text[600 * 1024];
	size_t n = strlen(HEADING);

	memcpy(text, HEADING, n);
	for (uint16_t port = 1; port <= 2500; port++) {
		n += put_line(text + n, line4(0, port, TCP_LISTEN));
		n += put_line(text + n, line4(0, port, TCP_ESTABLISHED));
	}
	assert_int_equal(scan(text, n), 0);
	assert_int_equal(found_n(), 2500);
}

/* ---- the real kernel ----------------------------------------------------- */

/* Make system call @nr fail with @err if arguments 0 and 2 are these; -1: any
 * value. Only for this process. */
static bool deny(long nr, int arg0, int arg2, int err)
{
#define ARG(i) offsetof(struct seccomp_data, args[i]) + \
	(__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)arg0, 0,
			 arg0 < 0 ? 0 : 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)arg2, 0,
			 arg2 < 0 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* The sources of ports_listening(). */
enum way {
	AS_IT_IS,
	NO_SOCK_DIAG,		/* the protocol is missing */
	NO_INET_DIAG,		/* its part for internet sockets is missing */
};

static bool use_way(enum way way)
{
	switch (way) {
	case AS_IT_IS:
		return true;
	case NO_SOCK_DIAG:
		return deny(SYS_socket, AF_NETLINK, NETLINK_SOCK_DIAG,
			    EPROTONOSUPPORT) &&
		       socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG) < 0;
	case NO_INET_DIAG:
		return deny(SYS_sendto, -1, -1, ENOENT) &&
		       send(0, "", 0, 0) < 0 && errno == ENOENT;
	}
	return false;
}

/* Run @check in a child that reads in this way. */
static void in_way(enum way way, void (*check)(bool diag))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!use_way(way))
			_exit(77);	/* no seccomp, or another call */
		check(way == AS_IT_IS);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* For the child, in which a failed assertion of cmocka's would continue with
 * the parent's other tests. */
static void check(bool is, int line)
{
	if (is)
		return;
	fprintf(stderr, "test_ports.c:%d: failed\n", line);
	_exit(1);
}
#define CHECK(x) check(x, __LINE__)

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 any = { .sin6_family = 0 };
	socklen_t len = sizeof(any);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	return ntohs(any.sin6_port);	/* at the offset of sin_port */
}

/* A UDP socket bound to @addr:0, and connected to itself if requested. */
static int udp_socket(uint32_t addr, bool connected)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin.sin_port = htons(port_of(fd));
	if (connected)
		assert_int_equal(connect(fd, (struct sockaddr *)&sin,
					 sizeof(sin)), 0);
	return fd;
}

/* -1: a kernel without IPv6. */
static int tcp6_listener(bool v6only, const struct in6_addr *addr)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_addr = *addr,
	};
	int fd = socket(AF_INET6, SOCK_STREAM, 0), only = v6only;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	assert_int_equal(bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static struct ports ports, empty;

/* The question for one port has the answer of the whole list, or none. */
static void check_one(bool diag, uint8_t protocol, uint32_t at, uint16_t port)
{
	int got = ports_served(protocol, addr_ip4(at), 0, port);
	const uint64_t *field = protocol == IPPROTO_TCP ? ports.tcp : ports.udp;

	CHECK(!ports_listening(protocol, addr_ip4(at), &ports));
	CHECK(diag ? got == ports_set(field, port) :
		     got == -ENOENT || got == -EPROTONOSUPPORT);
}

static void check_ones(bool diag, uint8_t protocol, const int *fd, size_t n)
{
	for (size_t i = 0; i < n && fd[i] >= 0; i++)
		for (uint32_t at = HERE; at <= HERE + 1; at++) {
			check_one(diag, IPPROTO_TCP, at, port_of(fd[i]));
			check_one(diag, IPPROTO_UDP, at, port_of(fd[i]));
		}
	check_one(diag, protocol, 0, port_of(fd[0]));
}

static void check_udp(bool diag)
{
	int fd[3] = {
		udp_socket(0, false), udp_socket(HERE, false),
		udp_socket(HERE, true),
	};
	uint16_t any = port_of(fd[0]), own = port_of(fd[1]),
		 conn = port_of(fd[2]);

	check_ones(diag, IPPROTO_UDP, fd, 3);
	memset(&ports, 0xff, sizeof(ports));
	/* of one protocol: the other field is left */
	CHECK(ports_listening(IPPROTO_TCP, addr_ip4(HERE), &ports) == 0);
	CHECK(!ports_set(ports.tcp, any) && ports_set(ports.udp, conn));
	CHECK(ports_listening(IPPROTO_UDP, addr_ip4(HERE), &ports) == 0);
	CHECK(ports_set(ports.udp, own) && !ports_set(ports.udp, conn));
	memset(&ports, 0xff, sizeof(ports));
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == 0);
	CHECK(ports_set(ports.udp, any) && ports_set(ports.udp, own));
	CHECK(!ports_set(ports.udp, conn) && !ports_set(ports.tcp, any));
	CHECK(ports_listening(0, addr_ip4(HERE + 1), &ports) == 0);
	CHECK(ports_set(ports.udp, any) && !ports_set(ports.udp, own));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == 0);
	CHECK(dup(0) == fd[0]);		/* nothing is left open */
	CHECK(!memcmp(&ports, &empty, sizeof(ports)));
}

/* /proc does not show which wildcard refuses IPv4. */
static void check_tcp6(bool diag)
{
	struct in6_addr mapped = { { { [10] = 255, 255, 10, 1, 0, 1 } } };
	int fd[4] = {
		tcp6_listener(false, &in6addr_any),
		tcp6_listener(true, &in6addr_any),
		tcp6_listener(false, &in6addr_loopback),
		tcp6_listener(false, &mapped),
	};

	check_ones(diag, IPPROTO_TCP, fd, 4);
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == 0);
	if (fd[0] >= 0) {
		CHECK(ports_set(ports.tcp, port_of(fd[0])));
		CHECK(ports_set(ports.tcp, port_of(fd[1])) != diag);
		CHECK(!ports_set(ports.tcp, port_of(fd[2])));
		CHECK(ports_set(ports.tcp, port_of(fd[3])));
	}
	for (int i = 0; i < 4 && fd[i] >= 0; i++)
		close(fd[i]);
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == 0);
	CHECK(!memcmp(&ports, &empty, sizeof(ports)));
}

static void check_both(enum way way)
{
	NEED_ROOT();
	ip("link set lo up");
	ip("addr add 10.1.0.1/24 dev lo");
	in_way(way, check_udp);
	in_way(way, check_tcp6);
}

static void test_sock_diag_finds_the_ports(void **state)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	if (fd < 0)
		skip();
	close(fd);
	check_both(AS_IT_IS);
}

static void test_without_sock_diag_proc_is_read(void **state)
{
	check_both(NO_SOCK_DIAG);
}

static void test_without_inet_diag_proc_is_read(void **state)
{
	check_both(NO_INET_DIAG);
}

/* One of an interface counts if packets come from there; a connection whose
 * listener is gone does not. */
static void check_bound(bool diag)
{
	const int lo = (int)if_nametoindex("lo");
	int fd[2] = { udp_socket(0, false),
		      tcp6_listener(false, &in6addr_any) };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(HERE) };
	const struct addr here = addr_ip4(HERE);
	int conn = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;

	CHECK(!setsockopt(fd[0], SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	port = port_of(fd[0]);
	CHECK(ports_served(IPPROTO_UDP, here, lo, port) == 1);
	CHECK(ports_served(IPPROTO_UDP, here, lo + 1, port) == 0);
	CHECK(ports_served(IPPROTO_UDP, here, 0, port) == 0);
	if (fd[1] < 0)
		return;
	port = port_of(fd[1]);
	to.sin_port = htons(port);
	CHECK(!connect(conn, (struct sockaddr *)&to, sizeof(to)));
	CHECK(ports_served(IPPROTO_TCP, here, lo, port) == 1);
	CHECK(accept(fd[1], NULL, NULL) >= 0);
	close(fd[1]);
	CHECK(ports_served(IPPROTO_TCP, here, lo, port) == 0);
}

static void test_sockets_of_an_interface(void **state)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	if (fd < 0)
		skip();
	close(fd);
	NEED_ROOT();
	ip("link set lo up");
	ip("addr add 10.1.0.1/24 dev lo");
	in_way(AS_IT_IS, check_bound);
}

/* The owner: the inode is the one in /proc/self/fd. */
static void check_holders(bool diag)
{
	int fd[2] = { udp_socket(HERE, false), udp_socket(0, false) };
	uint16_t port = port_of(fd[0]);
	struct ports_holder h[2] = { { 1, 1 }, { 1, 1 } };
	struct stat st;

	CHECK(ports_holders(IPPROTO_UDP, addr_ip4(HERE), port, h, 2) == 1);
	CHECK(!fstat(fd[0], &st) && h[0].inode == st.st_ino && !h[0].uid);
	CHECK(h[1].inode == 1);
	CHECK(ports_holders(IPPROTO_UDP, addr_ip4(HERE), port, h, 0) == 0);
	CHECK(ports_holders(IPPROTO_UDP, addr_ip4(HERE + 1), port, h, 2) == 0);
	CHECK(ports_holders(IPPROTO_TCP, addr_ip4(HERE), port, h, 2) == 0);
	CHECK(ports_holders(IPPROTO_UDP, addr_ip4(HERE + 1), port_of(fd[1]), h,
			    2) == 1);
	CHECK(!fstat(fd[1], &st) && h[0].inode == st.st_ino);
}

static void test_holders_of_a_port_are_found(void **state)
{
	static const enum way ways[] = { AS_IT_IS, NO_SOCK_DIAG,
					 NO_INET_DIAG };

	NEED_ROOT();
	ip("link set lo up");
	ip("addr add 10.1.0.1/24 dev lo");
	for (size_t i = 0; i < 3; i++)
		in_way(ways[i], check_holders);
}

/* Kernels differ after the state: then the holder is unknown. */
static void test_odd_end_of_a_line_hides_the_holder(void **state)
{
	static const char *const behind[] = {
		"", " 0:0 0:0 0 7", " 0:0 0:0 0 x 0 9", " 0:0 0:0 0 7 0 y",
		" 0:0 0:0 0 7 0 99999999999999999999", " 0:0 0:0 0 -7 0 9",
	};
	struct ports_socket s;
	char text[128];

	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		snprintf(text, sizeof(text), "0: 00000000:0016 00000000:0000 "
			 "0A%s", behind[i]);
		assert_true(ports_parse_line(str_z(text), &s));
		assert_int_equal(s.holder.uid, 0);
		assert_int_equal(s.holder.inode, 0);
	}
	assert_true(ports_parse_line(STR("0: 00000000:0016 00000000:0000 0A "
					 "0:0 0:0 0 65534 0 18446744073709551"
					 "615 1 x"), &s));
	assert_int_equal(s.holder.uid, 65534);
	assert_true(s.holder.inode == UINT64_MAX);
}

/* Without both sources: an error, and an empty result. */
static void check_neither(bool diag)
{
	if (!deny(SYS_openat, -1, -1, EACCES) || open("/", O_RDONLY) >= 0)
		_exit(77);
	memset(&ports, 0xff, sizeof(ports));
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == -EACCES);
	CHECK(ports_holders(IPPROTO_TCP, addr_ip4(HERE), 1, NULL, 0) ==
	      -EACCES);
	CHECK(!memcmp(&ports, &empty, sizeof(ports)));
}

static void test_without_any_source_it_fails(void **state)
{
	in_way(NO_SOCK_DIAG, check_neither);
}

/* sock_diag answers any user. */
static void check_unprivileged(bool diag)
{
	CHECK(!setresgid(65534, 65534, 65534) &&
	     !setresuid(65534, 65534, 65534));
	CHECK(ports_listening(0, addr_ip4(HERE), &ports) == 0);
}

static void test_ordinary_user_can_read(void **state)
{
	NEED_ROOT();
	in_way(AS_IT_IS, check_unprivileged);
	in_way(NO_SOCK_DIAG, check_unprivileged);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_serves_its_address),
		cmocka_unit_test(test_only_ip6_sockets_serve_ip6),
		cmocka_unit_test(test_bits_are_found_at_both_ends),
		cmocka_unit_test(test_cut_message_is_not_read),
		cmocka_unit_test(test_line_is_read),
		cmocka_unit_test(test_cut_line_is_not_read),
		cmocka_unit_test(test_line_with_a_wrong_byte_is_not_read),
		cmocka_unit_test(test_file_may_arrive_in_parts),
		cmocka_unit_test(test_cut_file_is_an_error),
		cmocka_unit_test(test_file_with_a_wrong_line_is_an_error),
		cmocka_unit_test(test_long_file_is_read_to_its_end),
		netns_test(test_sock_diag_finds_the_ports),
		netns_test(test_sockets_of_an_interface),
		netns_test(test_without_sock_diag_proc_is_read),
		netns_test(test_without_inet_diag_proc_is_read),
		cmocka_unit_test(test_odd_end_of_a_line_hides_the_holder),
		netns_test(test_holders_of_a_port_are_found),
		netns_test(test_without_any_source_it_fails),
		netns_test(test_ordinary_user_can_read),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
