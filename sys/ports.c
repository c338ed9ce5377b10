/* SPDX-License-Identifier: ISC */
/*
 * ports.c - the ports that the router itself serves, by sock_diag or /proc.
 *
 * Never does: guess. An unknown line in /proc is an error, because a socket
 * that is missed is a service whose port a mapping may take.
 * Runs in: any
 */
#include "sys/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include "sys/netlink.h"

/* A page: the kernel returns no more at once. Lines are below 256 bytes. */
#define PROC_BUF 4096

/* A connected UDP socket receives only from its peer and is not counted: it is
 * in the state ESTABLISHED, a bound one in CLOSE. */
static const struct socket_kind {
	uint8_t protocol, state, family;
	const char *path;
} served[] = {
	{ IPPROTO_TCP, TCP_LISTEN, AF_INET, "/proc/net/tcp" },
	{ IPPROTO_TCP, TCP_LISTEN, AF_INET6, "/proc/net/tcp6" },
	{ IPPROTO_UDP, TCP_CLOSE, AF_INET, "/proc/net/udp" },
	{ IPPROTO_UDP, TCP_CLOSE, AF_INET6, "/proc/net/udp6" },
};

/* Which sockets count, and the result: bits of @field, or the sockets of one
 * port in @list. */
struct want {
	uint8_t state;
	struct addr at;
	uint64_t *field;	/* of struct ports; NULL: a list */
	uint16_t port;
	struct ports_holder *list;
	size_t n, max;
};

static void count(struct want *w, const struct ports_socket *s)
{
	if (s->state != w->state || !ports_serves(s, w->at))
		return;
	if (w->field)
		w->field[s->port / 64] |= UINT64_C(1) << s->port % 64;
	else if (s->port == w->port && w->n < w->max)
		w->list[w->n++] = s->holder;
}

/* "::ffff:a.b.c.d" is the address a.b.c.d. */
static struct addr without_mapping(struct addr a)
{
	struct sockaddr_storage sa;

	return addr_from_sockaddr(&sa, addr_to_sockaddr(a, 0, 0, &sa), NULL);
}

bool ports_serves(const struct ports_socket *s, struct addr at)
{
	struct addr local = s->local;
	bool wildcard = addr_is_unspecified(local);

	if (at.family == ADDR_IP4 && local.family == ADDR_IP6) {
		if (s->v6only || wildcard)
			return !s->v6only;
		local = without_mapping(local);
		wildcard = addr_is_unspecified(local);
	}
	return local.family == at.family &&
	       (wildcard || addr_equal(local, at));
}

static struct addr address(bool v6, const uint32_t *addr_be)
{
	return v6 ? addr_ip6(addr_be) : addr_ip4(ntohl(addr_be[0]));
}

/* ---- by sock_diag ------------------------------------------------------- */

bool ports_parse_diag(const struct nlmsghdr *h, struct ports_socket *ret)
{
	const struct inet_diag_msg *m = netlink_body(h, sizeof(*m));
	uint8_t v6only = 0;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || !m)
		return false;
	netlink_attr_get(h, sizeof(*m), INET_DIAG_SKV6ONLY, &v6only,
		    sizeof(v6only));
	*ret = (struct ports_socket){
		.local = address(m->idiag_family == AF_INET6,
				 m->id.idiag_src),
		.state = m->idiag_state, .v6only = v6only, .port =
			ntohs(m->id.idiag_sport),
		.holder = { m->idiag_uid, m->idiag_inode },
	};
	return true;
}

static void on_socket(void *arg, const struct nlmsghdr *h)
{
	struct ports_socket s;

	if (ports_parse_diag(h, &s))
		count(arg, &s);
}

struct diag_request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 d;
};

static struct diag_request diag_request(uint16_t flags, uint8_t family,
					uint8_t protocol)
{
	return (struct diag_request){
		.h = {
			.nlmsg_len = sizeof(struct diag_request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		},
		.d = { .sdiag_family = family, .sdiag_protocol = protocol },
	};
}

/* @fd: of sock_diag */
static int dump_sockets(int fd, const struct socket_kind *kind, struct want *w)
{
	struct diag_request r = diag_request(NLM_F_DUMP, kind->family,
					     kind->protocol);

	r.d.idiag_states = 1u << kind->state;
	return netlink_ask_by(fd, &r.h, on_socket, w);
}

/* The kernel finds the socket that a packet to this port would reach. The
 * IPv6 wildcard is among them. */
static int find_socket(int fd, uint8_t protocol, struct addr at, int ifindex,
		       uint16_t port)
{
	struct diag_request r = diag_request(NLM_F_ACK, AF_INET, protocol);
	struct inet_diag_sockid *id = &r.d.id;
	/* udp_dump_one() in linux/net/ipv4/udp_diag.c: "src and dst are swapped
	 * for historical reasons" */
	const bool swapped = protocol == IPPROTO_UDP;

	*(swapped ? &id->idiag_dport : &id->idiag_sport) = htons(port);
	(swapped ? id->idiag_dst : id->idiag_src)[0] = htonl(addr_to_ip4(at));
	id->idiag_if = (uint32_t)ifindex;
	memset(id->idiag_cookie, 0xff, sizeof(id->idiag_cookie));
	return netlink_ask_by(fd, &r.h, NULL, NULL);
}

/* Both "no such socket" and "no sock_diag for this protocol" are ENOENT. A list
 * of the sockets in none of all states tells them apart. */
static int has_diag(int fd, uint8_t protocol)
{
	struct diag_request r = diag_request(NLM_F_DUMP, AF_INET, protocol);

	return netlink_ask_by(fd, &r.h, NULL, NULL);
}

int ports_served(uint8_t protocol, struct addr at, int ifindex, uint16_t port)
{
	int fd = netlink_open(NETLINK_SOCK_DIAG), err;

	if (fd < 0)
		return fd;
	err = find_socket(fd, protocol, at, ifindex, port);
	if (err == -ENOENT)
		err = has_diag(fd, protocol);
	else if (!err)
		err = 1;
	close(fd);
	return err;
}

/* ---- by /proc ------------------------------------------------------------ */

static bool skip_ch(struct str *s, char c)
{
	if (!s->n || *s->p != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

/* Exactly @digits digits, in capitals, as the kernel prints them. */
static bool parse_hex(struct str *s, size_t digits, uint32_t *ret)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *at;
	uint32_t v = 0;

	if (s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		at = memchr(hex, s->p[i], sizeof(hex) - 1);
		if (!at)
			return false;
		v = v << 4 | (uint32_t)(at - hex);
	}
	*s = str_skip(*s, digits);
	*ret = v;
	return true;
}

/* "ADDRESS:PORT ". The address is printed as @words words of 32 bits in host
 * order; in memory each word is in network order. */
static bool parse_endpoint(struct str *s, size_t words, uint32_t *addr_be,
		     uint32_t *port)
{
	for (size_t i = 0; i < words; i++)
		if (!parse_hex(s, 8, &addr_be[i]))
			return false;
	return skip_ch(s, ':') && parse_hex(s, 4, port) && skip_ch(s, ' ');
}

/* "TX:RX TR:WHEN RETRANSMITS UID TIMEOUT INODE ..." */
static void parse_holder(struct str rest, struct ports_holder *ret)
{
	struct ports_holder h;
	struct str word[6];

	for (size_t i = 0; i < 6; i++)
		if (!str_word(&rest, &word[i]))
			return;
	if (!str_u32(word[3], 0, UINT32_MAX, &h.uid) &&
	    !str_u64(word[5], 0, UINT64_MAX, &h.inode))
		*ret = h;
}

/* "   0: LOCAL:PORT REMOTE:PORT STATE ..." */
bool ports_parse_line(struct str line, struct ports_socket *ret)
{
	uint32_t slot, port, state, addr_be[4], peer_be[4], peer_port;
	struct ports_socket s = { .v6only = false };
	struct str head;
	size_t words = 4;

	while (skip_ch(&line, ' '))
		;
	if (!str_cut(&line, ':', &head) ||
	    str_u32(head, 0, UINT32_MAX, &slot) || !skip_ch(&line, ' '))
		return false;
	if (line.n > 8 && line.p[8] == ':')
		words = 1;
	if (!parse_endpoint(&line, words, addr_be, &port) ||
	    !parse_endpoint(&line, words, peer_be, &peer_port) ||
	    !parse_hex(&line, 2, &state) || (line.n && !skip_ch(&line, ' ')))
		return false;
	s.local = address(words == 4, addr_be);
	s.port = (uint16_t)port;
	s.state = (uint8_t)state;
	parse_holder(line, &s.holder);
	*ret = s;
	return true;
}

/* The first line of the file is its heading, "  sl  local_address ...". */
static bool parse_line(struct want *w, struct str line, bool *heading)
{
	struct ports_socket s;

	if (*heading) {
		*heading = false;
		return str_starts(str_trim(line), STR("sl "));
	}
	if (!ports_parse_line(line, &s))
		return false;
	count(w, &s);
	return true;
}

/* Parse the complete lines at the start of @text, and remove them from it. */
static bool parse_lines(struct want *w, struct str *text, bool *heading)
{
	const char *end;
	struct str line;

	while (text->n && (end = memchr(text->p, '\n', text->n))) {
		line = (struct str){ text->p, (size_t)(end - text->p) };
		if (!parse_line(w, line, heading))
			return false;
		*text = str_skip(*text, line.n + 1);
	}
	return true;
}

static int scan(int fd, struct want *w)
{
	char buf[PROC_BUF];
	struct str left = { buf, 0 };
	bool heading = true;
	ssize_t n;

	while (left.n < sizeof(buf)) {
		n = read(fd, buf + left.n, sizeof(buf) - left.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return left.n || heading ? -EBADMSG : 0;
		left.n += (size_t)n;
		if (!parse_lines(w, &left, &heading))
			return -EBADMSG;
		memmove(buf, left.p, left.n);
		left.p = buf;
	}
	return -EBADMSG;	/* a line longer than the buffer */
}

int ports_scan(int fd, uint8_t state, struct addr at, uint64_t field[1024])
{
	struct want w = { .state = state, .at = at, .field = field };

	return scan(fd, &w);
}

/* A kernel without IPv6 lacks its files. */
static int read_proc(const struct socket_kind *kind, struct want *w)
{
	int fd = open(kind->path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT && kind->family == AF_INET6 ? 0 :
								     -errno;
	err = scan(fd, w);
	close(fd);
	return err;
}

/* ---- either ------------------------------------------------------------- */

/* @fd: of sock_diag, or the -errno of its netlink_open() */
static int read_kind(int fd, const struct socket_kind *kind, struct want *w)
{
	int err = fd;

	w->state = kind->state;
	if (fd >= 0)
		err = dump_sockets(fd, kind, w);
	/* -ENOENT: the kernel has sock_diag, but not for this kind of socket */
	if (err == -ENOENT || err == -EPROTONOSUPPORT)
		return read_proc(kind, w);
	return err;
}

/* Read the sockets of one protocol, or of both (0). */
static int read_kinds(uint8_t protocol, struct want *w, struct ports *both)
{
	int fd = netlink_open(NETLINK_SOCK_DIAG), err = 0;
	bool tcp;

	for (size_t i = 0; i < sizeof(served) / sizeof(served[0]) && !err;
	     i++) {
		tcp = served[i].protocol == IPPROTO_TCP;
		if (both)
			w->field = tcp ? both->tcp : both->udp;
		if (!protocol || served[i].protocol == protocol)
			err = read_kind(fd, &served[i], w);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static void clear(uint8_t protocol, struct ports *p)
{
	if (protocol != IPPROTO_UDP)
		memset(p->tcp, 0, sizeof(p->tcp));
	if (protocol != IPPROTO_TCP)
		memset(p->udp, 0, sizeof(p->udp));
}

int ports_listening(uint8_t protocol, struct addr at, struct ports *ret)
{
	struct want w = { .at = at };
	int err;

	clear(protocol, ret);
	err = read_kinds(protocol, &w, ret);
	if (err)
		clear(protocol, ret);
	return err;
}

int ports_holders(uint8_t protocol, struct addr at, uint16_t port,
		  struct ports_holder *ret, size_t max)
{
	struct want w = { .at = at, .port = port, .list = ret, .max = max };
	int err = read_kinds(protocol, &w, NULL);

	return err ? err : (int)w.n;
}

bool ports_set(const uint64_t field[1024], uint16_t port)
{
	return field[port / 64] >> port % 64 & 1;
}

int ports_try_bind(uint8_t protocol, struct addr at, uint16_t port,
		   const char *ifname)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at, port, 0, &sa);
	const int on = 1;
	int err = 0, fd = socket(sa.ss_family, SOCK_CLOEXEC |
				 (protocol == IPPROTO_TCP ? SOCK_STREAM :
							    SOCK_DGRAM), 0);

	if (fd < 0)
		return -errno;
	if (ifname)
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
			   (socklen_t)strnlen(ifname, IF_NAMESIZE));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&sa, len))
		err = -errno;
	close(fd);
	return err;
}
