/* SPDX-License-Identifier: ISC */
/*
 * check_lan.c - search the LAN for other gateways as a program there would, by
 * an M-SEARCH from each internal interface.
 *
 * The search is sent before the other checks and the answers are read after
 * them, so that the checks run during the wait. The router's own firewall may
 * drop an answer, because it belongs to no flow: the search was sent to the
 * multicast address. So a packet socket receives the answers before the
 * firewall.
 * Runs in: upnpctl
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "base/wr.h"
#include "http/httpmsg.h"
#include "sys/route.h"
#include "base/portnumbers.h"
#include "upnpctl/check.h"

#define SSDP_GROUP_IP	0xeffffffau	/* 239.255.255.250 */
/* Answers are sent within MX, 1 s (UDA 1.1 1.3.3); 500 ms for delays. */
#define WAIT_MS		1500
#define GATEWAYS_MAX	8	/* reported at most */

static const char search[] =
	"M-SEARCH * HTTP/1.1\r\n"
	"HOST: 239.255.255.250:1900\r\n"
	"MAN: \"ssdp:discover\"\r\n"
	"MX: 1\r\n"
	"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
	"\r\n";

/* ---- sending the search --------------------------------------------- */

static int open_socket(struct addr a, int ifindex)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(addr_to_ip4(a)) };
	struct ip_mreqn by = { .imr_address = sa.sin_addr,
			       .imr_ifindex = ifindex };
	const int ttl = 2;	/* UDA 1.1 1.3.2 */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
	    !setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by)) &&
	    !setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)))
		return fd;
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in sa = { 0 };
	socklen_t len = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &len) ? 0 :
	       ntohs(sa.sin_port);
}

/* Receive UDP datagrams to @port on that interface, each with its IPv4 header.
 * Return: -1: not possible; only root may do it */
static int open_packet(int ifindex, uint16_t port)
{
	/* UDP, no later fragment, and the port */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(*code), .filter = code,
	};
	struct sockaddr_ll sa = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = ifindex };
	/* protocol 0: it receives nothing before it has the filter */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);

	if (fd < 0)
		return -1;
	if (port && !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)) &&
	    !bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	close(fd);
	return -1;
}

static void search_on(struct check *c, size_t i, const struct netif_addr *a)
{
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_port = htons(SSDP_PORT),
		.sin_addr.s_addr = htonl(SSDP_GROUP_IP),
	};
	int fd = open_socket(a->net.addr, a->ifindex);

	if (fd < 0)
		return;
	/* the port is chosen now, before the first datagram */
	c->seen[i] = open_packet(a->ifindex, port_of(fd));
	if (sendto(fd, search, sizeof(search) - 1, 0,
		   (const struct sockaddr *)&group, sizeof(group)) >= 0) {
		c->search[i] = fd;
		return;
	}
	close(fd);
}

/* Send the search from the first address of each internal interface. */
void check_lan_search(struct check *c)
{
	c->search_ms = (int64_t)clock_mono_ms();
	for (size_t i = 0; i < c->conf.iface_n; i++) {
		const struct conf_iface *f = &c->conf.iface[i];
		const struct netif_link *l = &c->net.link[i];
		const struct netif_addr *a;

		c->search[i] = c->seen[i] = -1;
		a = netif_first_addr(&c->net, l->ifindex);
		if (!f->disabled && f->type == CONF_INTERNAL && l->up && a)
			search_on(c, i, a);
	}
}

/* ---- answers -------------------------------------------------------- */

bool check_lan_answer(struct str datagram, char *ret_server, size_t cap)
{
	static const struct str type =
		STR("urn:schemas-upnp-org:device:InternetGatewayDevice:");
	struct wr w = wr_init_cut(ret_server, cap);
	struct httpmsg m;
	struct str st, server = STR("");

	if (httpmsg_parse(datagram.p, datagram.n, &m) <= 0 || m.status != 200 ||
	    !httpmsg_get(&m, STR("ST"), &st) || !str_starts(st, type))
		return false;
	httpmsg_get(&m, STR("SERVER"), &server);
	text_put(TEXT_ASCII, &w, server);
	wr_cstr(&w);
	return true;
}

struct seen {
	struct addr at[GATEWAYS_MAX];
	size_t n;
};

static bool seen_before(struct seen *s, struct addr a)
{
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(s->at[i], a))
			return true;
	if (s->n == GATEWAYS_MAX)
		return true;
	s->at[s->n++] = a;
	return false;
}

/* Is @server the SERVER field of upnpd? */
static bool is_upnpd(const char *server)
{
	struct str rest = str_z(server), word;

	while (str_word(&rest, &word))
		if (str_starts(word, STR("upnpd/")))
			return true;
	return false;
}

static void handle_answer(struct check *c, struct seen *seen, struct addr a,
			  struct str datagram)
{
	char server[96];
	bool own = route_is_local(a, 0) > 0;

	for (size_t i = 0; i < c->net.addr_n; i++)
		own |= addr_equal(c->net.addr[i].net.addr, a);
	if (!check_lan_answer(datagram, server, sizeof(server)) ||
	    (own && is_upnpd(server)) || seen_before(seen, a))
		return;
	check_report(c, CHECK_WARNING, "another UPnP gateway answers at %s%s "
		  "(%s): programs may open their port there\n%s",
		  addr_text(a).text,
		  own ? ", on this router" : "", *server ? server : "unnamed",
		  own ? "Stop that program" :
		  "Turn UPnP off there, or use one router only");
}

static void read_answers(struct check *c, struct seen *seen, int fd)
{
	struct sockaddr_storage from;
	char buf[SSDP_DATAGRAM_MAX];
	socklen_t len;
	ssize_t n;

	for (int i = 0; i < 64; i++) {
		len = sizeof(from);
		n = recvfrom(fd, buf, sizeof(buf), 0,
			     (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		handle_answer(c, seen, addr_from_sockaddr(&from, len, NULL),
			      (struct str){ buf, (size_t)n });
	}
}

bool check_lan_packet(struct str packet, struct addr *ret_from,
		      struct str *ret_datagram)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	size_t head = packet.n ? (p[0] & 0xfu) * 4u : 0;

	if (packet.n < 20 || p[0] >> 4 != 4 || head < 20 ||
	    packet.n < head + 8)
		return false;
	*ret_from = addr_ip4((uint32_t)p[12] << 24 | (uint32_t)p[13] << 16 |
			     (uint32_t)p[14] << 8 | p[15]);
	*ret_datagram = str_skip(packet, head + 8);
	return true;
}

static void read_packets(struct check *c, struct seen *seen, int fd)
{
	char buf[60 + 8 + SSDP_DATAGRAM_MAX];
	struct str datagram;
	struct addr from;
	ssize_t n;

	for (int i = 0; i < 64; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			return;
		if (check_lan_packet((struct str){ buf, (size_t)n }, &from,
				     &datagram))
			handle_answer(c, seen, from, datagram);
	}
}

/* Wait until WAIT_MS after the search was sent. Read at least what has
 * arrived. Return: 0 or -errno */
static int wait_for_answers(struct check *c, struct seen *seen)
{
	struct pollfd p[2 * CONF_IFACES_MAX];
	const size_t n = c->conf.iface_n;
	int64_t left;

	for (size_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ c->search[i], POLLIN, 0 };
		p[n + i] = (struct pollfd){ c->seen[i], POLLIN, 0 };
	}
	do {
		left = c->search_ms + WAIT_MS - (int64_t)clock_mono_ms();
		if (poll(p, 2 * n, left > 0 ? (int)left : 0) < 0 &&
		    errno != EINTR)
			return -errno;
		for (size_t i = 0; i < n; i++) {
			if (p[i].fd >= 0 && p[i].revents)
				read_answers(c, seen, p[i].fd);
			if (p[n + i].fd >= 0 && p[n + i].revents)
				read_packets(c, seen, p[n + i].fd);
		}
	} while (left > 0);
	return 0;
}

/* Report the first interface where an answer may have been missed. */
static void report_missed(struct check *c)
{
	for (size_t i = 0; i < c->conf.iface_n; i++) {
		const struct conf_iface *f = &c->conf.iface[i];

		if (f->disabled || f->type != CONF_INTERNAL ||
		    !netif_first_addr(&c->net, c->net.link[i].ifindex) ||
		    !c->net.link[i].up)
			continue;
		if (c->search[i] < 0)
			check_report(c, CHECK_WARNING, "no search could be "
				     "sent on %s: another gateway there is not "
				     "noticed\n"
				     "Let UDP to port 1900 out in the "
				     "firewall's output chain, or see ip route",
				     f->name);
		else if (c->seen[i] < 0)
			check_report(c, CHECK_WARNING, "the router's firewall "
				     "may drop the answer of another gateway "
				     "on %s, and upnpctl cannot look before "
				     "it\n%s", f->name, geteuid() ?
				     "Run upnpctl check as root" :
				     "Use a kernel with packet sockets");
		else
			continue;
		return;
	}
}

static void close_all(const int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

void check_lan_gateways(struct check *c)
{
	struct seen seen = { .n = 0 };
	size_t asked = 0;
	int err = 0;

	for (size_t i = 0; i < c->conf.iface_n; i++)
		asked += c->search[i] >= 0;
	if (asked)
		err = wait_for_answers(c, &seen);
	if (err)
		check_report(c, CHECK_WARNING, "answers of other gateways "
			     "cannot be read: %s\n"
			     "Run upnpctl check again", strerror(-err));
	if (!c->reported)
		report_missed(c);
	close_all(c->search, c->conf.iface_n);
	close_all(c->seen, c->conf.iface_n);
	if (asked)
		check_report_ok(c, "no other UPnP gateway answers on the LAN");
}
