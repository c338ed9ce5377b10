/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ssdp.c - a datagram to the SSDP port, from anywhere.
 *
 * Input: a line with a byte for each arrival of the datagram: its source, its
 * interface, and its delay; then the datagram.
 *
 * Holds: only complete answers with our fields are sent, none longer than
 * SSDP_REPLY_MAX, only to a host of the internal network that has searched, and
 * no more than the rate allows; a sender whose datagram has not left sends no
 * other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "http/httpmsg.h"
#include "base/limits.h"
#include "fuzz.h"
#include "ssdp.h"
#include "sys/ifsock.h"

#define ROUTER	0xc0a85801u	/* 192.168.88.1 */
#define IFINDEX	3
#define UUID1	"uuid:00000000-0000-4000-8000-000000000001"
#define UUID2	"uuid:00000000-0000-4000-8000-000000000002"
#define ROOTS	2
#define FIELDS	11		/* in each answer of ours */
#define ARRIVALS_MAX 64
#define NOBODY	7		/* the host with an unknown hardware address */

static const struct ssdp_target target[] = {
	{ "upnp:rootdevice", 0, UUID1, "/igd1.xml" },
	{ UUID1, 0, UUID1, "/igd1.xml" },
	{ "urn:schemas-upnp-org:device:InternetGatewayDevice:", 1, UUID1,
	  "/igd1.xml" },
	{ "urn:schemas-upnp-org:service:WANIPConnection:", 1, UUID1,
	  "/igd1.xml" },
	{ "upnp:rootdevice", 0, UUID2, "/igd2.xml" },
	{ "urn:schemas-upnp-org:device:InternetGatewayDevice:", 2, UUID2,
	  "/igd2.xml" },
	{ "urn:schemas-upnp-org:service:WANIPConnection:", 2, UUID2,
	  "/igd2.xml" },
};

static uint64_t clock_ms;
static struct str datagram;	/* next one to receive; p NULL: none */
static struct sockaddr_in from;
static int from_ifindex;
static bool starting;		/* datagrams sent now are NOTIFYs */
static size_t answers;
static bool asked[8];		/* by last byte: did the host search? */

/* ---- the kernel ---------------------------------------------------------- */

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *p,
		      socklen_t len);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len);
int __wrap_ifsock_sender(const struct ifsock *at);
int __wrap_ifsock_send(int sender, const struct ifsock *at, void *data,
		       size_t n, struct addr to, uint16_t port);
bool __wrap_ifsock_has_unsent(int sender);

/* The other ends of the sockets; deliver() makes the sockets readable. */
static int peer[4];
static size_t peer_n;

int __wrap_socket(int family, int type, int protocol)
{
	int fd[2];

	CHECK(peer_n < 4);
	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	peer[peer_n++] = fd[1];
	return fd[0];
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *p,
		      socklen_t len)
{
	return 0;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct in_pktinfo info = { .ipi_ifindex = from_ifindex };
	size_t n = datagram.n, cap = m->msg_iov[0].iov_len;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	char byte;

	if (read(fd, &byte, 1) != 1)
		return -1;
	memcpy(m->msg_name, &from, sizeof(from));
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	if (n > cap) {
		m->msg_flags |= MSG_TRUNC;
		n = cap;
	}
	memcpy(m->msg_iov[0].iov_base, datagram.p, n);
	return (ssize_t)n;
}

static void check_answer(struct str text)
{
	struct httpmsg m;
	struct str st, usn;

	CHECK(text.n <= SSDP_REPLY_MAX);
	CHECK(httpmsg_parse(text.p, text.n, &m) == (ssize_t)text.n);
	CHECK(m.status == 200 && m.field_n == FIELDS);
	CHECK(httpmsg_get(&m, STR("ST"), &st) && st.n);
	CHECK(httpmsg_get(&m, STR("USN"), &usn));
	CHECK(str_starts(usn, STR("uuid:00000000-")));
	for (size_t i = 0; i < m.field_n; i++)
		CHECK(fuzz_printable(m.field[i].value));
}

ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len)
{
	CHECK(starting);
	return (ssize_t)n;
}

/* A sender is a copy of stderr. A datagram to host NOBODY stays in it. */
static bool held[64];

int __wrap_ifsock_sender(const struct ifsock *at)
{
	int fd = dup(2);

	CHECK(fd >= 0 && fd < 64);
	held[fd] = false;
	return fd;
}

int __wrap_ifsock_send(int sender, const struct ifsock *at, void *data,
		       size_t n, struct addr to, uint16_t port)
{
	uint32_t ip = addr_to_ip4(to);

	CHECK((ip & 0xffffff00) == (ROUTER & 0xffffff00));
	CHECK(asked[ip % 8]);
	CHECK(!held[sender]);
	held[sender] = ip % 8 == NOBODY;
	answers++;
	check_answer((struct str){ data, n });
	return 0;
}

bool __wrap_ifsock_has_unsent(int sender)
{
	return held[sender];
}

/* ---- a run --------------------------------------------------------------- */

static uint64_t fake_clock(void)
{
	return clock_ms;
}

static int64_t fake_wall(void)
{
	return 1700000000;
}

static uint32_t fake_rnd(void)
{
	return 7;
}

static struct ssdp *start(struct loop *loop)
{
	const struct ssdp_config config = {
		.target = target, .server = "fuzz/1", .boot_id = 1,
		.target_n = sizeof(target) / sizeof(target[0]),
		.config_id = 1, .notify_s = 86400, .rnd = fake_rnd,
		.wall_s = fake_wall,
	};
	const struct netif_addr lan = { IFINDEX, "lan0", { addr_ip4(ROUTER),
							   24 } };
	struct ssdp *ssdp = ssdp_new(loop, &config);

	CHECK(ssdp);
	peer_n = 0;
	CHECK(!ssdp_ifaces(ssdp, &lan, 1, 2828));
	for (int i = 0; i < 40; i++) {	/* the first NOTIFYs are sent */
		clock_ms += 1000;
		loop_step(loop, 0);
	}
	return ssdp;
}

/* Bits: 0-2 the host, 3 another network, 4 another interface, 5 the socket, 6-7
 * the delay. */
static void arrive(struct loop *loop, uint8_t how)
{
	static const unsigned later_ms[] = { 0, 7, 60, 900 };
	uint32_t net = how & 8 ? 0x0a000000 : ROUTER & 0xffffff00;
	bool ours = !(how & 8) && !(how & 16);

	from = (struct sockaddr_in){ .sin_family = AF_INET };
	from.sin_addr.s_addr = htonl(net + 8 + how % 8);
	from.sin_port = htons(1900);
	from_ifindex = how & 16 ? IFINDEX + 1 : IFINDEX;
	asked[how % 8] |= ours;
	CHECK(write(peer[how & 32 ? 1 : 0], "", 1) == 1);
	loop_step(loop, 0);
	for (int i = 0; i < 4; i++) {
		clock_ms += later_ms[how >> 6];
		loop_step(loop, 0);
	}
}

/* Each source has its burst, and the refill since, for each root device. */
static void check_rate(uint64_t passed_ms)
{
	size_t sources = 0;

	for (size_t i = 0; i < 8; i++)
		sources += asked[i];
	CHECK(answers <= sources * ROOTS * (SSDP_ANSWERS_BURST +
					    SSDP_ANSWERS_S *
					    (passed_ms / 1000 + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	struct fuzz_plan plan = fuzz_plan(&in);
	struct loop *loop = loop_new(8, fake_clock);
	struct ssdp *ssdp;
	uint64_t begin_ms;

	datagram = fuzz_blow_up(in, 4 * SSDP_DATAGRAM_MAX);
	starting = true;
	ssdp = start(loop);
	starting = false;
	answers = 0;
	memset(asked, 0, sizeof(asked));
	begin_ms = clock_ms;
	for (size_t i = 0; i < plan.s.n && i < ARRIVALS_MAX; i++)
		arrive(loop, (uint8_t)plan.s.p[i]);
	for (int i = 0; i < 40; i++) {
		clock_ms += 20;
		loop_step(loop, 0);
	}
	check_rate(clock_ms - begin_ms);
	ssdp_free(ssdp);
	loop_free(loop);
	for (size_t i = 0; i < peer_n; i++)
		close(peer[i]);
	fuzz_free(datagram);
	return 0;
}
