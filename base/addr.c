/* SPDX-License-Identifier: ISC */
/*
 * addr.c - addresses and networks of both families.
 *
 * Never does: resolve a name.
 * Runs in: any
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* Bytes of a zone that is skipped: an interface's name has 15 at most, each of
 * which may be escaped as three. */
#define ZONE_MAX 48

struct block {
	uint8_t head[12];	/* the first bytes of its network address */
	uint8_t family, bits;
};

static const struct block not_host[] = {
	{ { 0 }, ADDR_IP4, 8 },		{ { 127 }, ADDR_IP4, 8 },
	{ { 224 }, ADDR_IP4, 4 },	{ { 240 }, ADDR_IP4, 4 },
	{ { 0xff }, ADDR_IP6, 8 },	/* multicast */
	{ { [10] = 0xff, 0xff }, ADDR_IP6, 96 },	/* IPv4-mapped */
	/* :: and ::1 have 127 bits in common */
	{ { 0 }, ADDR_IP6, 127 },
};

static const struct block private_use[] = {
	{ { 10 }, ADDR_IP4, 8 },	{ { 172, 16 }, ADDR_IP4, 12 },
	{ { 192, 168 }, ADDR_IP4, 16 },	{ { 100, 64 }, ADDR_IP4, 10 },
	{ { 169, 254 }, ADDR_IP4, 16 }, { { 192, 0, 0 }, ADDR_IP4, 29 },
	{ { 0xfc }, ADDR_IP6, 7 },	{ { 0xfe, 0x80 }, ADDR_IP6, 10 },
};

/* Are the first @n bits equal? */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	const unsigned whole = n / 8, rest = n % 8;

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool in_blocks(struct addr a, const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct addr_net net = { { .family = b[i].family }, b[i].bits };

		memcpy(net.addr.byte, b[i].head, sizeof(b[i].head));
		if (addr_in(&net, a))
			return true;
	}
	return false;
}

struct addr addr_any(void)
{
	return (struct addr){ .family = ADDR_ANY };
}

struct addr addr_ip4(uint32_t ip)
{
	return (struct addr){ ADDR_IP4,
			      { (uint8_t)(ip >> 24), (uint8_t)(ip >> 16),
				(uint8_t)(ip >> 8), (uint8_t)ip } };
}

struct addr addr_ip6(const void *byte)
{
	struct addr a = { .family = ADDR_IP6 };

	memcpy(a.byte, byte, sizeof(a.byte));
	return a;
}

struct addr addr_link(const void *byte, size_t n)
{
	static const struct addr zero = { .family = ADDR_LINK };
	struct addr a = zero;

	if (n <= ADDR_LINK_MAX)
		memcpy(a.byte, byte, n);
	if (addr_equal(a, zero))
		a = (struct addr){ 0 };
	return a;
}

uint32_t addr_to_ip4(struct addr a)
{
	uint32_t be;

	if (a.family != ADDR_IP4)
		return 0;
	memcpy(&be, a.byte, sizeof(be));
	return ntohl(be);
}

bool addr_is_set(struct addr a)
{
	return a.family == ADDR_IP4 || a.family == ADDR_IP6;
}

bool addr_is_unspecified(struct addr a)
{
	static const uint8_t zero[sizeof(a.byte)];

	return addr_is_set(a) && memcmp(a.byte, zero, sizeof(zero)) == 0;
}

bool addr_is_host(struct addr a)
{
	return addr_is_set(a) &&
	       !in_blocks(a, not_host, sizeof(not_host) / sizeof(*not_host));
}

bool addr_is_private(struct addr a)
{
	return in_blocks(a, private_use,
			 sizeof(private_use) / sizeof(*private_use));
}

bool addr_is_link_local(struct addr a)
{
	return a.family == ADDR_IP6 && a.byte[0] == 0xfe &&
	       (a.byte[1] & 0xc0) == 0x80;
}

enum addr_kind addr_kind(struct addr a)
{
	if (a.family == ADDR_IP4)
		return ADDR_KIND_IP4;
	if (addr_is_link_local(a))
		return ADDR_KIND_LINK_LOCAL;
	return (a.byte[0] & 0xfe) == 0xfc ? ADDR_KIND_UNIQUE_LOCAL :
					    ADDR_KIND_GLOBAL;
}

bool addr_equal(struct addr a, struct addr b)
{
	return addr_compare(a, b) == 0;
}

int addr_compare(struct addr a, struct addr b)
{
	return memcmp(&a, &b, sizeof(a));
}

bool addr_matches(struct addr what, struct addr a)
{
	return what.family == ADDR_ANY || addr_equal(what, a);
}

unsigned addr_bits(struct addr a)
{
	return a.family == ADDR_IP4 ? 32 : a.family == ADDR_IP6 ? 128 : 0;
}

bool addr_in(const struct addr_net *net, struct addr a)
{
	return addr_is_set(a) && net->addr.family == a.family &&
	       net->bits <= addr_bits(a) &&
	       same_bits(net->addr.byte, a.byte, net->bits);
}

bool addr_net_overlap(const struct addr_net *a, const struct addr_net *b)
{
	return addr_in(a, b->addr) || addr_in(b, a->addr);
}

/* Set all host bits to 0 or to 1. */
static struct addr host_bits(const struct addr_net *net, bool set)
{
	struct addr a = net->addr;

	for (unsigned i = net->bits; i < addr_bits(a); i++) {
		const uint8_t bit = (uint8_t)(0x80 >> i % 8);

		if (set)
			a.byte[i / 8] |= bit;
		else
			a.byte[i / 8] &= (uint8_t)~bit;
	}
	return a;
}

struct addr addr_net_first(const struct addr_net *net)
{
	return host_bits(net, false);
}

struct addr addr_net_last(const struct addr_net *net)
{
	return host_bits(net, true);
}

bool addr_parse(struct str s, struct addr *ret)
{
	char text[ADDR_TEXT_MAX];
	uint8_t byte[16];
	uint32_t ip;

	if (str_ipv4(s, &ip)) {
		*ret = addr_ip4(ip);
		return true;
	}
	if (!str_copy(text, sizeof(text), s) ||
	    inet_pton(AF_INET6, text, byte) != 1)
		return false;
	*ret = addr_ip6(byte);
	return true;
}

bool addr_net_parse(struct str s, struct addr_net *ret)
{
	struct str head;
	struct addr a;
	uint32_t bits;
	bool has_bits = memchr(s.n ? s.p : "", '/', s.n) != NULL;

	if (!str_cut(&s, '/', &head) || !addr_parse(head, &a))
		return false;
	bits = addr_bits(a);
	if (has_bits && str_u32(s, 0, bits, &bits))
		return false;
	*ret = (struct addr_net){ a, (uint8_t)bits };
	return true;
}

bool addr_link_parse(struct str s, struct addr *ret)
{
	uint8_t byte[ADDR_LINK_MAX];
	size_t n = 0;
	struct str pair;

	if (s.n && s.p[s.n - 1] == ':')
		return false;
	while (str_cut(&s, ':', &pair)) {
		int high = pair.n == 2 ? str_hex(pair.p[0]) : -1;
		int low = pair.n == 2 ? str_hex(pair.p[1]) : -1;

		if (high < 0 || low < 0 || n == sizeof(byte))
			return false;
		byte[n++] = (uint8_t)(high << 4 | low);
	}
	*ret = addr_link(byte, n);
	return ret->family == ADDR_LINK;
}

#define LINK_USUAL 6	/* bytes, of Ethernet */

static void write_link(struct wr *w, struct addr a)
{
	size_t n = ADDR_LINK_MAX;

	while (n > LINK_USUAL && a.byte[n - 1] == 0)
		n--;
	for (size_t i = 0; i < n; i++)
		wr_fmt(w, i ? ":%02x" : "%02x", a.byte[i]);
}

static void write_ip4(struct wr *w, const uint8_t *byte)
{
	for (size_t i = 0; i < 4; i++) {
		if (i)
			wr_ch(w, '.');
		wr_u64(w, byte[i]);
	}
}

#define GROUPS 8	/* of 16 bits each, in an IPv6 address */

static unsigned group(struct addr a, size_t i)
{
	return (unsigned)(a.byte[2 * i] << 8 | a.byte[2 * i + 1]);
}

/* The first one of the longest runs of zero groups, if it has two or more of
 * them (RFC 5952 4.2). Return: its length, else 0 */
static size_t longest_zeros(struct addr a, size_t *ret_at)
{
	size_t best = 1, run = 0;

	for (size_t i = 0; i < GROUPS; i++) {
		run = group(a, i) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*ret_at = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

static void write_ip6(struct wr *w, struct addr a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t at = GROUPS, zeros = longest_zeros(a, &at);

	if (memcmp(a.byte, mapped, sizeof(mapped)) == 0) {
		wr_z(w, "::ffff:");
		write_ip4(w, a.byte + sizeof(mapped));
		return;
	}
	for (size_t i = 0; i < GROUPS; i++) {
		if (i == at) {
			wr_z(w, i + zeros < GROUPS ? ":" : "::");
			i += zeros - 1;
			continue;
		}
		wr_fmt(w, i ? ":%x" : "%x", group(a, i));
	}
}

void addr_write(struct wr *w, struct addr a)
{
	if (a.family == ADDR_LINK)
		write_link(w, a);
	else if (!addr_is_set(a))
		wr_ch(w, a.family == ADDR_ANY ? '*' : '-');
	else if (a.family == ADDR_IP4)
		write_ip4(w, a.byte);
	else
		write_ip6(w, a);
}

void addr_net_write(struct wr *w, const struct addr_net *net)
{
	addr_write(w, addr_net_first(net));
	wr_ch(w, '/');
	wr_u64(w, net->bits);
}

void addr_host_write(struct wr *w, struct addr a)
{
	if (a.family == ADDR_IP6)
		wr_ch(w, '[');
	addr_write(w, a);
	if (a.family == ADDR_IP6)
		wr_ch(w, ']');
}

/* Read an address, and the zone of a link-local one. The zone is the name or
 * the number of an interface; it may be escaped (RFC 6874). */
static bool parse_zoned(struct str s, struct addr *ret)
{
	struct str head = { 0 };
	bool zoned = s.n && memchr(s.p, '%', s.n);

	if (!zoned)
		return addr_parse(s, ret);
	str_cut(&s, '%', &head);
	if (!s.n || s.n > ZONE_MAX || !addr_parse(head, ret) ||
	    !addr_is_link_local(*ret))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

bool addr_host_parse(struct str *s, struct addr *ret)
{
	struct str rest = *s, host = { 0 };
	bool brackets = rest.n && rest.p[0] == '[';
	struct addr a;

	if (brackets && !memchr(rest.p, ']', rest.n))
		return false;
	if (brackets)
		rest = str_skip(rest, 1);
	str_cut(&rest, brackets ? ']' : ':', &host);
	if (brackets && rest.n && rest.p[0] != ':')
		return false;
	if (!parse_zoned(host, &a) || (a.family == ADDR_IP6) != brackets)
		return false;
	*s = brackets ? str_skip(rest, 1) : rest;
	*ret = a;
	return true;
}

struct addr_text addr_text(struct addr a)
{
	struct addr_text ret = { "" };
	struct wr w = wr_init(ret.text, sizeof(ret.text));

	addr_write(&w, a);
	wr_cstr(&w);
	return ret;
}

struct addr addr_from_sockaddr(const void *sa, socklen_t len,
			       uint16_t *ret_port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family = AF_UNSPEC;
	uint16_t port = 0;
	struct addr a = { 0 };

	if (len >= sizeof(family))
		memcpy(&family, sa, sizeof(family));
	if (family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		a = addr_ip4(ntohl(in.sin_addr.s_addr));
		port = ntohs(in.sin_port);
	} else if (family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		a = addr_ip6(&in6.sin6_addr);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			a = (struct addr){ .family = ADDR_IP4 };
			memcpy(a.byte, &in6.sin6_addr.s6_addr[12], 4);
		}
		port = ntohs(in6.sin6_port);
	}
	if (ret_port)
		*ret_port = port;
	return a;
}

socklen_t addr_to_sockaddr(struct addr a, uint16_t port, unsigned zone,
			   struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port),
				    .sin6_scope_id = zone };

	if (a.family == ADDR_IP4) {
		memcpy(&in.sin_addr, a.byte, sizeof(in.sin_addr));
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	if (a.family != ADDR_IP6)
		return 0;
	memcpy(&in6.sin6_addr, a.byte, sizeof(in6.sin6_addr));
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}
