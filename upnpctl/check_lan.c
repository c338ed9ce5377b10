/* SPDX-License-Identifier: ISC */
/*
 * check_lan.c - search the LAN for other gateways as a program there would, by
 * an M-SEARCH from each internal interface.
 *
 * The search is sent before the other checks and the answers are read after
 * them, so that the checks run during the wait.
 * Runs in: upnpctl
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "base/wr.h"
#include "http/httpmsg.h"
#include "upnpctl/check.h"

#define SSDP_PORT	1900
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

/* ---- sending the search ---------------------------------------------- */

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

/* Send the search from the first address of each internal interface. */
void check_lan_search(struct check *c)
{
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_port = htons(SSDP_PORT),
		.sin_addr.s_addr = htonl(SSDP_GROUP_IP),
	};

	c->search_ms = (int64_t)clock_mono_ms();
	for (size_t i = 0; i < c->conf.iface_n; i++) {
		const struct conf_iface *f = &c->conf.iface[i];
		const struct netif_link *l = &c->net.link[i];
		const struct netif_addr *a;

		c->search[i] = -1;
		a = netif_first_addr(&c->net, l->ifindex);
		if (f->disabled || f->type != CONF_INTERNAL || !l->up || !a)
			continue;
		c->search[i] = open_socket(a->net.addr, l->ifindex);
		if (c->search[i] >= 0 &&
		    sendto(c->search[i], search, sizeof(search) - 1, 0,
			   (const struct sockaddr *)&group,
			   sizeof(group)) < 0) {
			close(c->search[i]);
			c->search[i] = -1;
		}
	}
}

/* ---- answers --------------------------------------------------------- */

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
	bool own = false;

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

/* Wait until WAIT_MS after the search was sent. Read at least what has
 * arrived. */
static void wait_for_answers(struct check *c, struct seen *seen)
{
	struct pollfd p[CONF_IFACES_MAX];
	const size_t n = c->conf.iface_n;
	int64_t left;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ c->search[i], POLLIN, 0 };
	do {
		left = c->search_ms + WAIT_MS - (int64_t)clock_mono_ms();
		if (poll(p, n, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < n; i++)
			if (p[i].fd >= 0 && p[i].revents)
				read_answers(c, seen, p[i].fd);
	} while (left > 0);
}

void check_lan_gateways(struct check *c)
{
	struct seen seen = { .n = 0 };
	size_t asked = 0;

	for (size_t i = 0; i < c->conf.iface_n; i++)
		asked += c->search[i] >= 0;
	if (asked)
		wait_for_answers(c, &seen);
	for (size_t i = 0; i < c->conf.iface_n; i++)
		if (c->search[i] >= 0)
			close(c->search[i]);
	if (asked)
		check_report_ok(c, "no other UPnP gateway answers on the LAN");
}
