/* SPDX-License-Identifier: ISC */
/*
 * fuzz_lanpmp.h - hosts of the LAN that speak NAT-PMP and PCP to an engine
 * under test, and check its answers. Their ports are those of fuzz_engine.c.
 *
 * Include it once, after fuzz_lan.h.
 */
#ifndef TESTS_FUZZ_FUZZ_LANPMP_H
#define TESTS_FUZZ_FUZZ_LANPMP_H

#define LANPMP_PORT	5351
#define LANPMP_CLIENT	40000

struct lanpmp_msg {
	uint8_t byte[128];
	size_t n;
};

static void lanpmp_u8(struct lanpmp_msg *m, uint8_t v)
{
	m->byte[m->n++] = v;
}

static void lanpmp_u16(struct lanpmp_msg *m, uint16_t v)
{
	lanpmp_u8(m, (uint8_t)(v >> 8));
	lanpmp_u8(m, (uint8_t)v);
}

static void lanpmp_u32(struct lanpmp_msg *m, uint32_t v)
{
	lanpmp_u16(m, (uint16_t)(v >> 16));
	lanpmp_u16(m, (uint16_t)v);
}

/* An address as PCP writes it. */
static void lanpmp_addr(struct lanpmp_msg *m, struct addr a)
{
	if (a.family == ADDR_IP6) {
		memcpy(m->byte + m->n, a.byte, sizeof(a.byte));
		m->n += sizeof(a.byte);
		return;
	}
	m->n += 10;
	lanpmp_u16(m, 0xffff);
	lanpmp_u32(m, addr_to_ip4(a));
}

static struct addr lanpmp_remote(bool six)
{
	return six ? mon_addr6(99, 8, MON_GLOBAL) : addr_ip4(0x08080808);
}

/* What both protocols ask for. */
struct lanpmp_wish {
	bool udp, all;
	uint16_t int_port, ext_port;
	uint32_t lifetime_s;
};

static void lanpmp_put_natpmp(struct lanpmp_msg *m, const struct lanpmp_wish *w)
{
	lanpmp_u8(m, 0);
	lanpmp_u8(m, w->udp ? 1 : 2);
	lanpmp_u16(m, 0);
	lanpmp_u16(m, w->all && !w->lifetime_s ? 0 : w->int_port);
	lanpmp_u16(m, w->ext_port);
	lanpmp_u32(m, w->lifetime_s);
}

/* @how: bits 0-1 the nonce, 2 PEER, 3 PREFER_FAILURE, 4 FILTER, 5 of every
 * host, 6 a remote port, 7 THIRD_PARTY */
static void lanpmp_put_pcp(struct lanpmp_msg *m, const struct lanpmp_wish *w,
			   struct addr from, uint8_t how)
{
	const bool six = from.family == ADDR_IP6;

	lanpmp_u8(m, 2);
	lanpmp_u8(m, how & 4 ? 2 : 1);
	lanpmp_u16(m, 0);
	lanpmp_u32(m, w->lifetime_s);
	lanpmp_addr(m, from);
	for (int i = 0; i < 12; i++)
		lanpmp_u8(m, how & 3);
	lanpmp_u32(m, w->udp ? 17u << 24 : 6u << 24);
	lanpmp_u16(m, w->int_port);
	lanpmp_u16(m, w->ext_port);
	lanpmp_addr(m, six ? (struct addr){ ADDR_IP6 } : addr_ip4(0));
	if (how & 4) {
		lanpmp_u16(m, how & 64 ? 7 : 8);
		lanpmp_u16(m, 0);
		lanpmp_addr(m, lanpmp_remote(six));
	}
	if (how & 128) {
		lanpmp_u32(m, 1u << 24 | 16);
		lanpmp_addr(m, six ? mon_addr6(MON_LAN, MON_HOSTS, MON_GLOBAL) :
				     LAN_HOST(how));
	}
	if (how & 8)
		lanpmp_u32(m, 2u << 24);
	if (how & 16) {
		lanpmp_u32(m, 3u << 24 | 20);
		lanpmp_u16(m, how & 32 ? 0 : 128);
		lanpmp_u16(m, how & 64 ? 7 : 0);
		lanpmp_addr(m, lanpmp_remote(six));
	}
}

/* Send a request that four bytes of the input describe, or five. */
static void lanpmp_ask(struct str *in)
{
	static const uint32_t lifetime_s[] = { 0, 60, 120, 3600, UINT32_MAX,
					       7200, 1, 86400 };
	const uint8_t who = fuzz_u8(in), what = fuzz_u8(in),
		      ports = fuzz_u8(in), how = fuzz_u8(in);
	const uint8_t six = mon.ip6 ? fuzz_u8(in) : 0;
	const int ifindex = who & 16 ? MON_LAN2 : MON_LAN;
	const enum mon_addr which = six & 2 ? MON_LINK_LOCAL : MON_GLOBAL;
	struct lanpmp_wish w = {
		.udp = what & 1, .all = what & 2,
		.int_port = (uint16_t)(3000 + ports / 32),
		.ext_port = ports & 16 ? 0 : (uint16_t)(MON_PORT + ports % 8),
		.lifetime_s = lifetime_s[what / 4 % 8],
	};
	struct addr from = who & 8 ? addr_ip4(0x0a000001) : LAN_HOST(who);
	struct addr to = MON_ROUTER;
	struct lanpmp_msg m = { .n = 0 };

	if (six & 1) {
		from = mon_addr6(who & 8 ? 99 : ifindex,
				 (uint8_t)(MON_HOSTS + who % 4), which);
		to = mon_addr6(ifindex, 1, which);
		w.int_port = w.all ? 0 : w.int_port + 1000;
	}
	if (what & 32)
		lanpmp_put_pcp(&m, &w, from, how);
	else
		lanpmp_put_natpmp(&m, &w);
	if (what & 64)
		m.n = how % (m.n + 1);
	net_deliver((struct str){ (const char *)m.byte, m.n }, to, LANPMP_PORT,
		    from, LANPMP_CLIENT, ifindex);
}

static unsigned lanpmp_get16(const char *p)
{
	return (unsigned)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

/* The firewall must have what is reported. A pinhole's ports are equal. */
static void lanpmp_check(bool six, uint8_t proto, unsigned int_port,
			 unsigned ext_port)
{
	for (size_t i = 0; i < mon.rule_n; i++)
		if (mon.rule[i].kind == (six ? NAT_PINHOLE : NAT_PORTMAP) &&
		    mon.rule[i].proto == proto &&
		    mon.rule[i].int_port == int_port &&
		    (six ? int_port : mon.rule[i].ext_port) == ext_port)
			return;
	CHECK(!lan_trusts());
}

/* Announcements go to all hosts of a link, answers to the LANs. */
static void lanpmp_check_receiver(struct addr to, uint16_t port)
{
	const bool all = to.family == ADDR_IP6 ?
			 to.byte[0] == 0xff && to.byte[1] == 2 :
			 addr_to_ip4(to) == 0xe0000001;

	CHECK(port == (all ? 5350 : LANPMP_CLIENT));
	if (to.family == ADDR_IP4)
		CHECK(all || (addr_to_ip4(to) & 0xfffffe00) == 0xc0a85800);
	else
		CHECK(mon.ip6 && (all || addr_is_link_local(to) ||
				  to.byte[7] == MON_LAN ||
				  to.byte[7] == MON_LAN2));
}

/* The engine has sent @s from its port. @checks: its tables agree with the
 * firewall */
static void lanpmp_sent(struct str s, struct addr to, uint16_t port,
			bool checks)
{
	const uint8_t version = (uint8_t)s.p[0], opcode = (uint8_t)s.p[1];
	const bool pcp = version == 2;

	CHECK(s.n >= 8 && s.n <= 1100 && opcode & 0x80 && version % 2 == 0 &&
	      version < 3);
	CHECK(!pcp || (s.n >= 24 && s.n % 4 == 0));
	CHECK(pcp || to.family == ADDR_IP4);
	lanpmp_check_receiver(to, port);
	if (!checks)
		return;
	if (!pcp && s.n == 16 && !lanpmp_get16(s.p + 2) &&
	    (lanpmp_get16(s.p + 12) || lanpmp_get16(s.p + 14)))
		lanpmp_check(false, opcode == 0x81 ? 17 : 6,
			     lanpmp_get16(s.p + 8), lanpmp_get16(s.p + 10));
	if (pcp && opcode > 0x80 && !s.p[3] && s.n >= 60 &&
	    (lanpmp_get16(s.p + 4) || lanpmp_get16(s.p + 6)))
		lanpmp_check(to.family == ADDR_IP6, (uint8_t)s.p[36],
			     lanpmp_get16(s.p + 40), lanpmp_get16(s.p + 42));
}

#endif
