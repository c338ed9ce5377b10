/* SPDX-License-Identifier: ISC */
/* iptval.c - words, numbers, addresses and names. Runs in: any */
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <string.h>
#include "base/addr.h"
#include "natfw/iptval.h"

#define BIT(n)	(UINT32_C(1) << (n))

bool iptval_word(struct str *rest, struct str *ret)
{
	struct str s = *rest;
	size_t n;

	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = str_skip(s, 1);
	if (!s.n || *s.p != '"')
		return str_word(rest, ret);
	for (n = 1; n < s.n && s.p[n] != '"'; n++)
		n += s.p[n] == '\\' && n + 1 < s.n;
	if (n == s.n)
		return false;
	*ret = (struct str){ s.p, n + 1 };
	*rest = str_skip(s, n + 1);
	return true;
}

/* ---- addresses ----------------------------------------------------- */

/* "8", "255.0.255.0" */
static bool parse_mask(struct str s, const struct addr *addr, uint8_t *mask)
{
	unsigned bits = addr_bits(*addr);
	struct addr a;
	uint32_t plen;

	if (addr_parse(s, &a) && a.family == addr->family) {
		memcpy(mask, a.byte, bits / 8);
		return true;
	}
	if (str_u32(s, 0, bits, &plen))
		return false;
	memset(mask, 0, bits / 8);
	memset(mask, 0xff, plen / 8);
	if (plen % 8)
		mask[plen / 8] = (uint8_t)(0xff00 >> plen % 8);
	return true;
}

bool iptval_net(struct str s, struct iptval_addr *ret)
{
	struct iptval_addr net = { .len = 0 };
	struct str rest = s, head;
	struct addr a;

	if (!str_cut(&rest, '/', &head) || !addr_parse(head, &a))
		return false;
	net.len = (uint8_t)(addr_bits(a) / 8);
	memset(net.b, 0xff, net.len);
	if (head.n < s.n && !parse_mask(rest, &a, net.b))
		return false;
	for (size_t i = 0; i < net.len; i++)
		net.a[i] = a.byte[i] & net.b[i];
	*ret = net;
	return true;
}

bool iptval_addrs(struct str s, struct iptval_addr *ret)
{
	struct addr lo, hi;
	struct str head;

	if (!str_cut(&s, '-', &head) || !addr_parse(head, &lo) ||
	    !addr_parse(s, &hi) || lo.family != hi.family)
		return false;
	*ret = (struct iptval_addr){ .len = (uint8_t)(addr_bits(lo) / 8) };
	memcpy(ret->a, lo.byte, ret->len);
	memcpy(ret->b, hi.byte, ret->len);
	return true;
}

/* ---- numbers ------------------------------------------------------- */

bool iptval_ports(struct str s, uint32_t *ret_lo, uint32_t *ret_hi)
{
	uint32_t lo = 0, hi = UINT16_MAX;
	struct str head, rest = s;

	if (!str_cut(&rest, ':', &head) ||
	    (head.n && str_u32(head, 0, UINT16_MAX, &lo)))
		return false;
	if (head.n == s.n)
		hi = lo;
	if (rest.n && str_u32(rest, 0, UINT16_MAX, &hi))
		return false;
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}

/* "0x1f", "31" */
static bool parse_u32(struct str s, uint32_t *ret)
{
	uint32_t v = 0;

	if (!str_istarts(s, STR("0x")))
		return !str_u32(s, 0, UINT32_MAX, ret);
	s = str_skip(s, 2);
	if (!s.n || s.n > 8)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (str_hex(s.p[i]) < 0)
			return false;
		v = v << 4 | (uint32_t)str_hex(s.p[i]);
	}
	*ret = v;
	return true;
}

bool iptval_mark(struct str s, uint32_t *ret_value, uint32_t *ret_mask)
{
	struct str head, rest = s;
	uint32_t value, mask = UINT32_MAX;

	if (!str_cut(&rest, '/', &head) || !parse_u32(head, &value) ||
	    (head.n < s.n && !parse_u32(rest, &mask)))
		return false;
	*ret_value = value;
	*ret_mask = mask;
	return true;
}

/* ---- names --------------------------------------------------------- */

struct name {
	char z[12];
	uint32_t is;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool find(const struct name *names, size_t n, struct str s,
		 uint32_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(s, str_z(names[i].z))) {
			*ret = names[i].is;
			return true;
		}
	}
	return false;
}

/* All the names of a list. */
static bool find_all(const struct name *names, size_t n, struct str list,
		     uint32_t *ret)
{
	uint32_t bits, all = 0;
	struct str one;

	while (str_cut(&list, ',', &one)) {
		if (!find(names, n, one, &bits))
			return false;
		all |= bits;
	}
	*ret = all;
	return true;
}

/* The tool takes the names from /etc/protocols. So a name that is not in the
 * table may still mean a protocol that is. */
bool iptval_proto(struct str s, uint32_t *ret)
{
	static const struct name names[] = {
		{ "all", 0 }, { "icmp", IPPROTO_ICMP },
		{ "igmp", IPPROTO_IGMP }, { "ipencap", IPPROTO_IPIP },
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
		{ "dccp", IPPROTO_DCCP }, { "ipv6", IPPROTO_IPV6 },
		{ "gre", IPPROTO_GRE }, { "esp", IPPROTO_ESP },
		{ "ah", IPPROTO_AH }, { "ipv6-icmp", IPPROTO_ICMPV6 },
		{ "icmpv6", IPPROTO_ICMPV6 }, { "ospf", 89 },
		{ "pim", IPPROTO_PIM }, { "vrrp", 112 }, { "l2tp", 115 },
		{ "sctp", IPPROTO_SCTP }, { "udplite", IPPROTO_UDPLITE },
	};

	return find(names, COUNT(names), s, ret) ||
	       !str_u32(s, 0, UINT8_MAX, ret);
}

bool iptval_states(struct str list, uint32_t *ret)
{
	static const struct name names[] = {
		{ "INVALID", NF_CT_STATE_INVALID_BIT },
		{ "NEW", NF_CT_STATE_BIT(IP_CT_NEW) },
		{ "ESTABLISHED", NF_CT_STATE_BIT(IP_CT_ESTABLISHED) },
		{ "RELATED", NF_CT_STATE_BIT(IP_CT_RELATED) },
		{ "UNTRACKED", NF_CT_STATE_UNTRACKED_BIT },
		{ "SNAT", IPTVAL_SNAT }, { "DNAT", IPTVAL_DNAT },
	};

	return find_all(names, COUNT(names), list, ret);
}

bool iptval_status(struct str list, uint32_t *ret)
{
	static const struct name names[] = {
		{ "NONE", 0 }, { "EXPECTED", IPS_EXPECTED },
		{ "SEEN_REPLY", IPS_SEEN_REPLY }, { "ASSURED", IPS_ASSURED },
		{ "CONFIRMED", IPS_CONFIRMED },
	};

	return find_all(names, COUNT(names), list, ret);
}

bool iptval_types(struct str list, uint32_t *ret)
{
	static const struct name names[IPTVAL_TYPES] = {
		{ "UNSPEC", BIT(0) }, { "UNICAST", BIT(1) },
		{ "LOCAL", BIT(2) }, { "BROADCAST", BIT(3) },
		{ "ANYCAST", BIT(4) }, { "MULTICAST", BIT(5) },
		{ "BLACKHOLE", BIT(6) }, { "UNREACHABLE", BIT(7) },
		{ "PROHIBIT", BIT(8) }, { "THROW", BIT(9) },
		{ "NAT", BIT(10) }, { "XRESOLVE", BIT(11) },
	};

	return find_all(names, COUNT(names), list, ret);
}

bool iptval_tcp_flags(struct str list, uint32_t *ret)
{
	static const struct name names[] = {
		{ "FIN", BIT(0) }, { "SYN", BIT(1) }, { "RST", BIT(2) },
		{ "PSH", BIT(3) }, { "ACK", BIT(4) }, { "URG", BIT(5) },
		{ "ALL", 0x3f }, { "NONE", 0 },
	};

	return find_all(names, COUNT(names), list, ret);
}
