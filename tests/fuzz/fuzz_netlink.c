/* SPDX-License-Identifier: ISC */
/*
 * fuzz_netlink.c - all readers of the kernel's answers by netlink and in /proc.
 *
 * Input: a byte for the reader; one for the position (in words of four bytes)
 * at which the datagram ends and the next one begins, 0 for none; one for the
 * interface and the ports; the kernel's answer to every request.
 *
 * Holds: nothing is read beyond a message; tables stay within their size and in
 * order; an incomplete answer is an error; requests to the kernel are complete
 * messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include "sys/conntrack.h"
#include "sys/netif.h"
#include "sys/netlink.h"
#include "sys/ports.h"
#include "sys/route.h"
#include "fuzz.h"
#include "natfw/nfnl.h"
#include "natfw/watch.h"
#include "tests/wrap.h"

#define PEERS_MAX 512
#define BATCH_BYTES 98304

static struct str datagram[2];
static int peer[PEERS_MAX];
static size_t peer_n;
static unsigned arg;
static bool asking;		/* the input's caller runs */

/* ---- the kernel ---------------------------------------------------------- */

int __wrap_socket(int family, int type, int protocol);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

/* Every request gets the same answer. */
int __wrap_socket(int family, int type, int protocol)
{
	int fd[2];

	if (peer_n == PEERS_MAX) {
		errno = EMFILE;
		return -1;
	}
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
			  SOCK_CLOEXEC, 0, fd));
	for (size_t i = 0; i < 2; i++)
		if (datagram[i].p)
			send(fd[1], datagram[i].p, datagram[i].n, MSG_DONTWAIT);
	peer[peer_n++] = fd[1];
	return fd[0];
}

/* A file of /proc. */
int __wrap_open(const char *path, int flags, ...)
{
	int fd;

	if (!asking)		/* musl's opendir(), for the corpus */
		return __real_open(path, flags);
	fd = memfd_create("proc", MFD_CLOEXEC);
	CHECK(fd >= 0 && str_starts(str_z(path), STR("/proc/net/")));
	CHECK(write(fd, datagram[0].p, datagram[0].n) ==
	      (ssize_t)datagram[0].n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void check_whole(struct nl_span s)
{
	while (netlink_next_msg(&s))
		;
	CHECK(!s.n);
}

static void hang_up(void)
{
	static union nl_buf big[8];
	ssize_t n;

	for (size_t i = 0; i < peer_n; i++) {
		while ((n = recv(peer[i], big, sizeof(big), MSG_TRUNC)) > 0) {
			CHECK((size_t)n <= sizeof(big));
			check_whole((struct nl_span){ (char *)big, (size_t)n });
		}
		close(peer[i]);
	}
	peer_n = 0;
}

/* ---- the readers --------------------------------------------------------- */

static void check_table(const struct netif_table *t)
{
	bool secondary = false;

	CHECK(t->link_n <= CONF_IFACES_MAX && t->addr_n <= NETIF_ADDRS_MAX);
	for (size_t i = 0; i < t->addr_n; i++) {
		const struct addr_net *net = &t->addr[i].net;

		CHECK(addr_is_set(net->addr) &&
		      net->bits <= addr_bits(net->addr));
		CHECK(!secondary || t->addr[i].secondary);
		secondary = t->addr[i].secondary;
	}
}

static void ask_netif(void)
{
	static const char *const names[] = { "wan0", "lan0" };
	struct netif_table t = { .addr_n = 0 };
	struct netif_counters c;
	int fd = __wrap_socket(0, 0, 0);

	if (!netif_read(names, 2, &t)) {
		check_table(&t);
		CHECK(!strcmp(t.link[1].name, "lan0"));
	}
	netif_counters(1 + (int)arg, &c);
	netif_set_up("wan0", arg & 1);
	netif_drain(fd);
	CHECK(!netif_drain(fd));
	close(fd);
	fd = __wrap_socket(0, 0, 0);
	CHECK(watch_read(fd) <= 1000000 && !watch_read(fd));
	close(fd);
}

/* Read all messages into one table; it need not be complete. */
static void add_addr(void *table, const struct nlmsghdr *h)
{
	struct ports_socket s;
	struct netif_link l;
	struct netif_addr a;

	if (netif_parse_addr(h, &a))
		for (unsigned i = 0; i <= arg; i++)
			netif_add_addr(table, &a);
	netif_parse_link(h, &l);
	if (ports_parse_diag(h, &s))
		ports_serves(&s, addr_ip4(0xc0a85801));
}

static void parse_all(void)
{
	struct nl_span s = { datagram[0].p, datagram[0].n };
	struct netif_table t = { .addr_n = 0 };
	bool interrupted;

	netlink_walk(s, add_addr, &t, &interrupted);
	check_table(&t);
}

static void ask_routes(void)
{
	struct route_set set;

	if (route_save(1 + (int)arg % 4, &set))
		return;
	CHECK(set.len <= sizeof(set.words));
	check_whole((struct nl_span){ (char *)set.words, set.len });
	route_restore(&set);
}

static void ask_ports(void)
{
	static struct ports p;
	uint64_t any = 0;

	memset(&p, 0xff, sizeof(p));
	if (!ports_listening(0, addr_ip4(0xc0a85801), &p))
		return;
	for (size_t i = 0; i < 1024; i++)
		any |= p.tcp[i] | p.udp[i];
	CHECK(!any);
}

static void scan_ports(void)
{
	static uint64_t field[1024];
	int fd = __wrap_open("/proc/net/tcp", O_RDONLY);

	ports_scan(fd, 10, addr_ip4(0xc0a85801), field);
	close(fd);
}

static void ask_flows(void)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port port[6];
	uint16_t ext_port = 0;
	int more, rc;

	for (unsigned i = 0; i < 6; i++)
		port[i] = (struct conntrack_port){
			.ext_ip = 0xc6336407, .remote = i & 1 ? 0x08080808 : 0,
			.client = 0xc0a8580a + i, .int_port = 80,
			.ext_port = (uint16_t)((i * 7 + arg) % 5 + 8080),
			.proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP,
			.remote_port = i == 5 ? 3478 : 0,
		};
	rc = conntrack_ask(&port[5], &ext_port);
	CHECK(rc <= 0 && (rc == 0) == (ext_port != 0));
	do {
		more = conntrack_kill(&w, port, 6, 0);
		CHECK(more <= 1 && w.open == (more == 1));
	} while (more > 0);
	for (unsigned i = 1; i < 6; i++)
		CHECK(port[i - 1].proto <= port[i].proto);
}

static void ask_nftables(void)
{
	static uint32_t room[BATCH_BYTES / sizeof(uint32_t)];
	struct nfnl_batch b;
	const struct nfnl_set set = { "ip", "upnpd", "forward_to" };
	struct nfnl_value key = { { 0 }, 0 };
	int fd = __wrap_socket(0, 0, 0);

	nfnl_ip(&key, 0xc0a8580a);
	nfnl_proto(&key, IPPROTO_TCP);
	nfnl_port(&key, (uint16_t)arg);
	nfnl_begin(&b, room, sizeof(room), 1);
	for (unsigned i = 0; i <= arg; i++)
		nfnl_elem(&b, i & 1 ? NFNL_ADD : NFNL_DEL, &set, &key,
			  i & 1 ? &key : NULL);
	CHECK(nfnl_commit(&b, fd) <= 0);
	CHECK(recv(fd, &key, 1, MSG_DONTWAIT) < 0);	/* all is read */
	close(fd);
	fd = __wrap_socket(0, 0, 0);
	CHECK(nfnl_dump(fd, 1, &(struct nfnl_query){ NFT_MSG_GETSET }, NULL,
			NULL) <= 0);
	close(fd);
}

static void (*const requesters[])(void) = {
	parse_all, ask_netif, ask_routes, ask_ports, scan_ports, ask_flows,
	ask_nftables,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n }, all;
	size_t who =
		fuzz_u8(&in) % (sizeof(requesters) / sizeof(requesters[0]));
	size_t at = 4u * fuzz_u8(&in);

	arg = fuzz_u8(&in);
	/* as long as the kernel's longest, aligned like the kernel's */
	in.n = in.n < NL_BUF + 64 ? in.n : NL_BUF + 64;
	all = fuzz_copy(in);
	at = at && at < all.n ? at : all.n;
	datagram[0] = (struct str){ all.p, at };
	datagram[1] = (struct str){ at < all.n ? all.p + at : NULL,
				    all.n - at };
	asking = true;
	requesters[who]();
	asking = false;
	hang_up();
	fuzz_free(all);
	return 0;
}
