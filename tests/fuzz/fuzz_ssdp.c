/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ssdp.c - a datagram to the SSDP port, from anywhere.
 *
 * Input: a line with a byte for each arrival of the datagram: its source, its
 * interface, and its delay; then the datagram. If the line begins with "6",
 * each arrival has two bytes: the second one has the family and the scopes, or
 * other addresses to serve from then on.
 *
 * Holds: only complete answers with our fields are sent, none longer than
 * SSDP_REPLY_MAX, only to a host of the internal network that has searched, and
 * no more than the rate allows; a sender whose datagram has not left sends no
 * other. LOCATION has an address of the same family that is served, and a
 * link-local one only if there is no other.
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

#define IFINDEX	3
#define UUID1	"uuid:00000000-0000-4000-8000-000000000001"
#define UUID2	"uuid:00000000-0000-4000-8000-000000000002"
#define ROOTS	2
#define FIELDS	11		/* in each answer of ours */
#define ARRIVALS_MAX 64
#define NOBODY	7		/* the host with an unknown hardware address */
#define HOSTS	8
#define PEERS_MAX 256

/* The kinds of addresses. The router's ends with 1, a host's with 8 to 15, in
 * the same network or in one that nobody serves. */
enum { IP4, LINK, GLOBAL, ULA, KIND__MAX };

static const char *const router[KIND__MAX] = {
	"192.168.88.1", "fe80::1", "2001:db8:88::1", "fd00:88::1",
};
static const char *const elsewhere[KIND__MAX] = {
	"10.168.88.1", "fe80::1", "2001:db8:99::1", "fd00:99::1",
};
/* where searches are sent by multicast */
static const char *const group[KIND__MAX] = {
	"239.255.255.250", "ff02::c", "ff05::c", "ff0e::c",
};

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
static struct addr from;
static int from_ifindex;
static bool served[KIND__MAX];	/* addresses of the router */
static size_t answers;
static bool asked[KIND__MAX][HOSTS];	/* did the host search? */

static struct addr addr_of(const char *text, unsigned last)
{
	struct addr a;

	CHECK(addr_parse(str_z(text), &a));
	a.byte[addr_bits(a) / 8 - 1] = (uint8_t)last;
	return a;
}

/* The kind of a host's address in a network that may be served, or
 * KIND__MAX. */
static unsigned kind_of(struct addr a)
{
	unsigned kind = IP4;

	for (; kind < KIND__MAX; kind++) {
		struct addr_net net = { addr_of(router[kind], 1),
					kind == IP4 ? 24 : 64 };

		if (addr_in(&net, a))
			break;
	}
	return kind;
}

/* ---- the kernel ---------------------------------------------------------- */

int __real_socket(int family, int type, int protocol);
int __real_close(int fd);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_close(int fd);
int __wrap_setsockopt(int fd, int level, int name, const void *p,
		      socklen_t len);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len);
int __wrap_ifsock_sender(const struct ifsock *at);
int __wrap_ifsock_send(int sender, const struct ifsock *at, void *data,
		       size_t n, struct addr to, uint16_t port);
bool __wrap_ifsock_has_unsent(int sender);

/* By descriptor, the sockets: the other end makes one readable. */
static struct {
	int other;		/* 0: no socket */
	struct addr at;
} peer[PEERS_MAX];

int __wrap_socket(int family, int type, int protocol)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd));
	CHECK(fd[0] < PEERS_MAX);
	peer[fd[0]].other = fd[1];
	return fd[0];
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	peer[fd].at = addr_from_sockaddr(sa, len, NULL);
	return 0;
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < PEERS_MAX && peer[fd].other) {
		__real_close(peer[fd].other);
		peer[fd].other = 0;
	}
	return __real_close(fd);
}

int __wrap_setsockopt(int fd, int level, int name, const void *p,
		      socklen_t len)
{
	return 0;
}

static void put_arrival(struct msghdr *m)
{
	struct in_pktinfo ip4 = { .ipi_ifindex = from_ifindex };
	struct in6_pktinfo ip6 = { .ipi6_ifindex = (unsigned)from_ifindex };
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (from.family == ADDR_IP4) {
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(ip4));
		memcpy(CMSG_DATA(c), &ip4, sizeof(ip4));
	} else {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(ip6));
		memcpy(CMSG_DATA(c), &ip6, sizeof(ip6));
	}
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	size_t n = datagram.n, cap = m->msg_iov[0].iov_len;
	struct sockaddr_storage sa;
	char byte;

	if (read(fd, &byte, 1) != 1)
		return -1;
	m->msg_namelen = addr_to_sockaddr(from, 1900, IFINDEX, &sa);
	memcpy(m->msg_name, &sa, m->msg_namelen);
	put_arrival(m);
	if (n > cap) {
		m->msg_flags |= MSG_TRUNC;
		n = cap;
	}
	memcpy(m->msg_iov[0].iov_base, datagram.p, n);
	return (ssize_t)n;
}

/* LOCATION is of the family of @like. */
static void check_location(const struct httpmsg *m, struct addr like)
{
	struct str url;
	struct addr a;
	unsigned kind;

	CHECK(httpmsg_get(m, STR("LOCATION"), &url));
	CHECK(str_starts(url, STR("http://")));
	url = str_skip(url, 7);
	CHECK(addr_host_parse(&url, &a) && str_starts(url, STR("2828/igd")));
	CHECK(a.family == like.family);
	kind = kind_of(a);
	CHECK(kind < KIND__MAX && served[kind]);
	CHECK(addr_equal(a, addr_of(router[kind], 1)));
	CHECK(kind != LINK || !(served[GLOBAL] || served[ULA]));
}

static void check_answer(struct str text, struct addr to)
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
	check_location(&m, to);
}

/* A NOTIFY: it has the HOST of its group. */
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags,
		      const struct sockaddr *to, socklen_t len)
{
	struct str host, text = { p, n };
	struct addr at, host_addr;
	struct httpmsg m;

	at = addr_from_sockaddr(to, len, NULL);
	CHECK(httpmsg_parse(text.p, text.n, &m) == (ssize_t)text.n);
	CHECK(str_eq(m.method, STR("NOTIFY")));
	CHECK(httpmsg_get(&m, STR("HOST"), &host));
	CHECK(addr_host_parse(&host, &host_addr));
	CHECK(str_eq(host, STR("1900")) && addr_equal(host_addr, at));
	CHECK(peer[fd].at.family == at.family);
	return (ssize_t)n;
}

/* A sender is a copy of stderr. A datagram to host NOBODY stays in it. */
static bool held[PEERS_MAX];

int __wrap_ifsock_sender(const struct ifsock *at)
{
	int fd = dup(2);

	CHECK(fd >= 0 && fd < PEERS_MAX);
	held[fd] = false;
	return fd;
}

int __wrap_ifsock_send(int sender, const struct ifsock *at, void *data,
		       size_t n, struct addr to, uint16_t port)
{
	unsigned kind = kind_of(to), host = to.byte[addr_bits(to) / 8 - 1];

	CHECK(kind < KIND__MAX && host / HOSTS == 1);
	CHECK(asked[kind][host % HOSTS]);
	CHECK(!held[sender]);
	held[sender] = host % HOSTS == NOBODY;
	answers++;
	check_answer((struct str){ data, n }, to);
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

static uint32_t next_boot_id(void *arg)
{
	static uint32_t id;

	return ++id;
}

/* Serve the kinds of addresses whose bit is set. */
static void serve(struct ssdp *ssdp, unsigned kinds)
{
	struct netif_addr at[KIND__MAX];
	size_t n = 0;

	for (unsigned i = 0; i < KIND__MAX; i++) {
		served[i] = kinds >> i & 1;
		if (served[i])
			at[n++] = (struct netif_addr){
				IFINDEX, "lan0",
				{ addr_of(router[i], 1), i == IP4 ? 24 : 64 }
			};
	}
	CHECK(!ssdp_ifaces(ssdp, at, n, 2828));
}

static struct ssdp *start(struct loop *loop)
{
	const struct ssdp_config config = {
		.target = target, .server = "fuzz/1", .boot_id = 1,
		.target_n = sizeof(target) / sizeof(target[0]),
		.next_boot_id = next_boot_id, .config_id = 1,
		.notify_s = 86400, .rnd = fake_rnd, .wall_s = fake_wall,
	};
	struct ssdp *ssdp = ssdp_new(loop, &config);

	CHECK(ssdp);
	serve(ssdp, (1u << KIND__MAX) - 1);
	for (int i = 0; i < 40; i++) {	/* the first NOTIFYs are sent */
		clock_ms += 1000;
		loop_step(loop, 0);
	}
	return ssdp;
}

/* Make the socket of @at readable. Return: false: there is none */
static bool wake(struct addr at)
{
	for (int fd = 0; fd < PEERS_MAX; fd++)
		if (peer[fd].other && addr_equal(peer[fd].at, at)) {
			CHECK(write(peer[fd].other, "", 1) == 1);
			return true;
		}
	return false;
}

/* Bits of @how: 0-2 the host, 3 another network, 4 another interface, 5 a
 * group, 6-7 the delay. Those of @kinds: 0-1 the source's, 2-3 that of the
 * address or group that is asked. */
static void arrive(struct loop *loop, uint8_t how, uint8_t kinds)
{
	static const unsigned later_ms[] = { 0, 7, 60, 900 };
	unsigned kind = kinds % KIND__MAX, to = kinds / 4 % KIND__MAX;
	bool far = how & 8 && kind != LINK;

	if ((kind == IP4) != (to == IP4))	/* another family */
		to = kind;
	from = addr_of(far ? elsewhere[kind] : router[kind], 8 + how % HOSTS);
	from_ifindex = how & 16 ? IFINDEX + 1 : IFINDEX;
	if (wake(how & 32 ? addr_of(group[to], to == IP4 ? 250 : 0x0c) :
		 addr_of(router[to], 1)))
		asked[kind][how % HOSTS] |= !far && !(how & 16) && served[kind];
	loop_step(loop, 0);
	for (int i = 0; i < 4; i++) {
		clock_ms += later_ms[how >> 6];
		loop_step(loop, 0);
	}
}

static void arrive_all(struct loop *loop, struct ssdp *ssdp, struct str plan)
{
	bool both = str_starts(plan, STR("6"));
	size_t step = both ? 2 : 1;

	if (both)
		plan = str_skip(plan, 1);
	for (size_t i = 0; i < ARRIVALS_MAX && plan.n >= step; i++) {
		uint8_t kinds = both ? (uint8_t)plan.p[1] : 0;

		if (kinds & 0x80)
			serve(ssdp, kinds & 0x0f);
		else
			arrive(loop, (uint8_t)plan.p[0], kinds);
		plan = str_skip(plan, step);
	}
}

/* Each source has its burst, and the refill since, for each root device. */
static void check_rate(uint64_t passed_ms)
{
	size_t sources = 0;

	for (size_t i = 0; i < KIND__MAX * HOSTS; i++)
		sources += asked[i / HOSTS][i % HOSTS];
	CHECK(answers <= sources * ROOTS * (SSDP_ANSWERS_BURST +
					    SSDP_ANSWERS_S *
					    (passed_ms / 1000 + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	struct fuzz_plan plan = fuzz_plan(&in);
	struct loop *loop = loop_new(2 * KIND__MAX, fake_clock);
	struct ssdp *ssdp;
	uint64_t begin_ms;

	datagram = fuzz_blow_up(in, 4 * SSDP_DATAGRAM_MAX);
	ssdp = start(loop);
	answers = 0;
	memset(asked, 0, sizeof(asked));
	begin_ms = clock_ms;
	arrive_all(loop, ssdp, plan.s);
	for (int i = 0; i < 40; i++) {
		clock_ms += 20;
		loop_step(loop, 0);
	}
	check_rate(clock_ms - begin_ms);
	ssdp_free(ssdp);
	loop_free(loop);
	fuzz_free(datagram);
	return 0;
}
