/* SPDX-License-Identifier: ISC */
/*
 * test_conntrack.c - only the flows of a closed port are found and deleted, and
 * a cut entry is not read. Entries are made by hand; the last tests use the
 * real kernel's table, in a namespace for each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include "base/limits.h"
#include "sys/conntrack.h"
#include "tests/unit/nltest.h"

#define EXT	IP(11, 22, 33, 1)
#define PEER	IP(11, 22, 33, 9)
#define CLIENT	IP(192, 168, 88, 10)
#define ROUTER	IP(192, 168, 88, 1)
#define CT(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))
#define NEST(type) ((type) | NLA_F_NESTED)

static const struct conntrack_port game = {
	.ext_ip = EXT, .client = CLIENT, .ext_port = 40000, .int_port = 8000,
	.proto = IPPROTO_TCP,
};

/* ---- messages made by hand ---------------------------------------------- */

struct tuple {
	uint32_t src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
};

/* The tuples of a flow to the LAN host game, and of its answers. */
static const struct tuple in = { PEER, EXT, 5000, 40000, IPPROTO_TCP };
static const struct tuple back = { CLIENT, PEER, 8000, 5000, IPPROTO_TCP };

static size_t open_nest(struct msg *m, uint16_t type)
{
	size_t at = m->len;

	msg_attr(m, NEST(type), "", 0);
	return at;
}

static void close_nest(struct msg *m, size_t at)
{
	uint16_t len = (uint16_t)(m->len - at);

	memcpy(m->bytes + at, &len, sizeof(len));
}

static void put_tuple(struct msg *m, uint16_t type, const struct tuple *t)
{
	uint16_t src_port = htons(t->src_port), dst_port = htons(t->dst_port);
	size_t at = open_nest(m, type), inner = open_nest(m, CTA_TUPLE_IP);

	msg_u32(m, CTA_IP_V4_SRC, htonl(t->src));
	msg_u32(m, CTA_IP_V4_DST, htonl(t->dst));
	close_nest(m, inner);
	inner = open_nest(m, CTA_TUPLE_PROTO);
	msg_attr(m, CTA_PROTO_NUM, &t->proto, 1);
	msg_attr(m, CTA_PROTO_SRC_PORT, &src_port, 2);
	msg_attr(m, CTA_PROTO_DST_PORT, &dst_port, 2);
	close_nest(m, inner);
	close_nest(m, at);
}

static struct msg entry(uint16_t type, const struct tuple *orig,
			const struct tuple *reply)
{
	struct nfgenmsg about = { .nfgen_family = AF_INET };
	struct msg m = msg_new(CT(type), &about, sizeof(about));

	put_tuple(&m, CTA_TUPLE_ORIG, orig);
	put_tuple(&m, CTA_TUPLE_REPLY, reply);
	msg_u32(&m, CTA_ID, 7);
	return m;
}

static void test_entry_is_read(void **state)
{
	struct msg m = entry(IPCTNL_MSG_CT_NEW, &in, &back);
	struct conntrack_flow f;

	assert_true(conntrack_read(&m.h, &f));
	assert_int_equal(f.src, PEER);
	assert_int_equal(f.dst, EXT);
	assert_int_equal(f.src_port, 5000);
	assert_int_equal(f.dst_port, 40000);
	assert_int_equal(f.reply_src, CLIENT);
	assert_int_equal(f.reply_dst, PEER);
	assert_int_equal(f.reply_port, 8000);
	assert_int_equal(f.reply_dst_port, 5000);
	assert_int_equal(f.proto, IPPROTO_TCP);
	m = entry(IPCTNL_MSG_CT_DELETE, &in, &back);
	assert_false(conntrack_read(&m.h, &f));
}

/* An entry is read completely or not at all, wherever the message ends and
 * whatever length an attribute claims: the page after it is unreadable. */
static void test_cut_entry_is_not_read(void **state)
{
	struct msg m = entry(IPCTNL_MSG_CT_NEW, &in, &back);
	struct conntrack_flow f;
	size_t len, tuples = m.len - 8;		/* without the ID */

	for (len = sizeof(struct nlmsghdr); len <= m.len; len++)
		assert_int_equal(conntrack_read(cut(&m, len), &f),
				 len >= tuples);
	for (len = 20; len < m.len; len += 2) {
		struct msg lie = m;

		memcpy(lie.bytes + len, "\xff\xff", 2);
		conntrack_read(cut(&lie, lie.len), &f);
		memcpy(lie.bytes + len, "\0\0", 2);
		conntrack_read(cut(&lie, lie.len), &f);
	}
}

/* ICMP has no ports; IPv6 has no four-byte addresses. */
static void test_other_entries_are_not_read(void **state)
{
	struct nfgenmsg about = { .nfgen_family = AF_INET };
	struct msg m = msg_new(CT(IPCTNL_MSG_CT_NEW), &about, sizeof(about));
	size_t at = open_nest(&m, CTA_TUPLE_ORIG), inner;
	struct conntrack_flow f;

	assert_false(conntrack_read(cut(&m, m.len), &f));
	inner = open_nest(&m, CTA_TUPLE_IP);
	msg_attr(&m, CTA_IP_V6_SRC, "0123456789abcdef", 16);
	close_nest(&m, inner);
	close_nest(&m, at);
	assert_false(conntrack_read(cut(&m, m.len), &f));
}

/* ---- the ports ----------------------------------------------------------- */

static bool finds(struct conntrack_port p, struct conntrack_flow f)
{
	return conntrack_find(&p, 1, &f);
}

static const struct conntrack_flow to_game = {
	.src = PEER, .dst = EXT, .dst_port = 40000, .reply_port = 8000,
	.reply_src = CLIENT, .proto = IPPROTO_TCP,
};

static void test_flow_must_match_each_field(void **state)
{
	struct conntrack_port p = game;
	struct conntrack_flow f = to_game;

	assert_true(finds(game, to_game));
	assert_false(conntrack_find(&game, 0, &to_game));
	f.dst++;
	assert_false(finds(game, f));
	f = to_game, f.dst_port++;
	assert_false(finds(game, f));
	f = to_game, f.reply_src++;
	assert_false(finds(game, f));
	f = to_game, f.reply_port++;
	assert_false(finds(game, f));
	f = to_game, f.proto = IPPROTO_UDP;
	assert_false(finds(game, f));
	p.remote = PEER;
	assert_true(finds(p, to_game));
	p.remote++;
	assert_false(finds(p, to_game));
}

/* A flow that the client began: the external port is its source. */
static void test_outbound_is_not_found(void **state)
{
	struct tuple out = { CLIENT, PEER, 8000, 5000, IPPROTO_TCP };
	struct tuple reply = { PEER, EXT, 5000, 40000, IPPROTO_TCP };
	struct msg m = entry(IPCTNL_MSG_CT_NEW, &out, &reply);
	struct conntrack_flow f;

	assert_true(conntrack_read(&m.h, &f));
	assert_false(finds(game, f));
}

/* Every one of many is found, in any order of the flows. */
static void test_each_of_many_ports_is_found(void **state)
{
	static struct conntrack_port p[5000];
	struct conntrack_flow f = to_game;
	size_t n = sizeof(p) / sizeof(p[0]), i;

	for (i = 0; i < n; i++) {
		p[i] = game;
		p[i].ext_port = (uint16_t)(1024 + i * 4999 % n / 2);
		p[i].proto = i * 4999 % n % 2 ? IPPROTO_TCP : IPPROTO_UDP;
	}
	conntrack_sort(p, n);
	for (i = 0; i < n; i++) {
		f.dst_port = (uint16_t)(1024 + i / 2);
		f.proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		assert_true(conntrack_find(p, n, &f));
	}
	f.dst_port = 1023;
	assert_false(conntrack_find(p, n, &f));
	f.dst_port = (uint16_t)(1024 + n / 2);
	assert_false(conntrack_find(p, n, &f));
}

/* The same port for two remote hosts and for any host. */
static void test_port_of_a_remote_host_is_found(void **state)
{
	struct conntrack_port p[3] = { game, game, game };
	struct conntrack_flow f = to_game;

	p[0].remote = PEER + 1;
	p[1].remote = PEER;
	p[2].remote = 0, p[2].client = CLIENT + 1;
	conntrack_sort(p, 3);
	assert_true(conntrack_find(p, 3, &f));
	f.src = PEER + 2;
	assert_false(conntrack_find(p, 3, &f));
	f.reply_src = CLIENT + 1;
	assert_true(conntrack_find(p, 3, &f));
}

/* A mapping for one port of the remote host does not own the flows of its other
 * ports, which another mapping with the same external port may. */
static void test_remote_port_of_a_mapping_must_match(void **state)
{
	struct conntrack_flow f = to_game;
	struct conntrack_port p[3] = { game, game, game };

	f.src_port = 5000;
	for (uint16_t i = 0; i < 3; i++) {
		p[i].remote = PEER;
		p[i].remote_port = 4999 + i;
	}
	assert_false(finds(p[0], f));
	assert_true(finds(p[1], f));
	assert_false(finds(p[2], f));
	conntrack_sort(p, 3);
	assert_true(conntrack_find(p, 3, &f));
	f.src_port = 5003;
	assert_false(conntrack_find(p, 3, &f));
}

/* ---- the kernel's table -------------------------------------------------- */

static void put_nat(struct msg *m, uint16_t type, uint32_t host, uint16_t port)
{
	size_t at = open_nest(m, type), inner;

	port = htons(port);
	msg_u32(m, CTA_NAT_V4_MINIP, htonl(host));
	inner = open_nest(m, CTA_NAT_PROTO);
	msg_attr(m, CTA_PROTONAT_PORT_MIN, &port, 2);
	msg_attr(m, CTA_PROTONAT_PORT_MAX, &port, 2);
	close_nest(m, inner);
	close_nest(m, at);
}

/* Add a UDP flow to the table. The destination becomes that of @to, or the
 * source that of @as; NULL: it is not translated. */
static void track_nat(int fd, struct tuple orig, const struct tuple *to,
		      const struct tuple *as)
{
	struct tuple reply = { orig.dst, orig.src, orig.dst_port,
			       orig.src_port, orig.proto };
	struct msg m = entry(IPCTNL_MSG_CT_NEW, &orig, &reply);

	m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	m.len -= 8;				/* no ID */
	msg_u32(&m, CTA_TIMEOUT, htonl(1000));
	if (to)
		put_nat(&m, CTA_NAT_DST, to->src, to->src_port);
	if (as)
		put_nat(&m, CTA_NAT_SRC, as->src, as->src_port);
	m.h.nlmsg_len = (uint32_t)m.len;
	assert_int_equal(netlink_ask_by(fd, &m.h, NULL, NULL), 0);
}

static void track_by(int fd, struct tuple orig, const struct tuple *to)
{
	track_nat(fd, orig, to, NULL);
}

static void track(struct tuple orig, const struct tuple *to)
{
	int fd = netlink_open(NETLINK_NETFILTER);

	track_by(fd, orig, to);
	close(fd);
}

static void count_entry(void *arg, const struct nlmsghdr *h)
{
	struct conntrack_flow f;

	*(unsigned *)arg += conntrack_read(h, &f);
}

static unsigned tracked_of(uint8_t family)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
	} req = {
		{ sizeof(req), CT(IPCTNL_MSG_CT_GET),
		  NLM_F_REQUEST | NLM_F_DUMP, 0, 0 }, { family, 0, 0 },
	};
	unsigned n = 0;

	assert_int_equal(netlink_ask(NETLINK_NETFILTER, &req.head, count_entry,
				&n), 0);
	return n;
}

static unsigned tracked(void)
{
	return tracked_of(AF_INET);
}

static unsigned tracked6(void)
{
	return tracked_of(AF_INET6);
}

static struct tuple from(uint16_t src_port, uint16_t dst_port)
{
	return (struct tuple){ PEER, EXT, src_port, dst_port, IPPROTO_UDP };
}

/* More ports than the kernel's own search is used for. */
#define MANY 17

/* End the flows through @p. @by_walk: and through further ports without any
 * flow, so that the table is walked. */
static void kill_ports(const struct conntrack_port *p, bool by_walk)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port all[MANY];

	for (uint16_t i = 0; i < MANY; i++) {
		all[i] = i ? game : *p;
		all[i].ext_port = i ? (uint16_t)(50000 - i) : p->ext_port;
	}
	assert_int_equal(conntrack_kill(&w, all, by_walk ? MANY : 1,
					UINT64_MAX), 0);
	assert_false(w.open);
}

/* Flows that differ from the port in one field stay. */
static void check_kill(bool by_walk)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	static const struct tuple to2 = { .src = CLIENT, .src_port = 8001 };
	static const struct tuple to3 = { .src = CLIENT + 1,
					  .src_port = 8000 };
	struct tuple elsewhere = from(5006, 40000);
	struct conntrack_port p = game;

	ip("link set lo up");
	track(from(5000, 40000), &to);
	track(from(5001, 40000), &to);
	track(from(5002, 40001), &to);		/* another port */
	track(from(5003, 40000), &to3);		/* of another client */
	track(from(5004, 40000), NULL);		/* to the router itself */
	track(from(5005, 40000), &to2);		/* to another service */
	elsewhere.dst = EXT + 1;
	track(elsewhere, &to);			/* a former address */
	assert_int_equal(tracked(), 7);
	kill_ports(&p, by_walk);		/* TCP */
	assert_int_equal(tracked(), 7);
	p.proto = IPPROTO_UDP;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 5);
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 5);
}

static void test_kill_without_ports_does_nothing(void **state)
{
	struct conntrack_walk w = { .open = false };

	assert_int_equal(conntrack_kill(&w, NULL, 0, 0), 0);
	assert_false(w.open);
}

static void test_kill_ends_only_the_flows_of_the_port(void **state)
{
	NEED_ROOT();
	check_kill(false);
}

static void test_walk_ends_only_the_flows_of_the_port(void **state)
{
	NEED_ROOT();
	check_kill(true);
}

static void test_kill_ends_the_flows_of_two_ports(void **state)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	struct conntrack_port p[2] = { game, game };
	struct conntrack_walk w = { .open = false };

	NEED_ROOT();
	ip("link set lo up");
	for (uint16_t i = 0; i < 3; i++)
		track(from(5000, 40000 + i), &to);
	p[0].proto = p[1].proto = IPPROTO_UDP;
	p[1].ext_port = 40001;
	assert_int_equal(conntrack_kill(&w, p, 2, UINT64_MAX), 0);
	assert_int_equal(tracked(), 1);
}

/* The port was open to one host; another host's flow through it stays. */
static void kill_by_remote(bool by_walk)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	struct tuple other = from(5001, 40000);
	struct conntrack_port p = game;

	ip("link set lo up");
	other.src++;
	track(from(5000, 40000), &to);
	track(other, &to);
	p.proto = IPPROTO_UDP;
	p.remote = PEER + 2;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 2);
	p.remote = PEER;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 1);
	p.remote = 0;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 0);
}

/* Other ports of that host have flows of their own, perhaps by other mappings
 * with the same external port. */
static void kill_by_remote_port(bool by_walk)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	struct tuple other = from(5000, 40000);
	struct conntrack_port p = game;

	ip("link set lo up");
	other.src++;
	track(from(5000, 40000), &to);
	track(from(5001, 40000), &to);
	track(from(5002, 40000), &to);
	track(other, &to);
	p.proto = IPPROTO_UDP;
	p.remote = PEER;
	p.remote_port = 5003;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 4);
	p.remote_port = 5001;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 3);
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 3);
	p.remote_port = 0;
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 1);
}

static void test_kill_ends_only_flows_of_the_remote_port(void **state)
{
	NEED_ROOT();
	kill_by_remote_port(false);
}

static void test_walk_ends_only_flows_of_the_remote_port(void **state)
{
	NEED_ROOT();
	kill_by_remote_port(true);
}

/* The external port of the client's flow with port @port of PEER; 0: none. */
static uint16_t ask_for(uint32_t client, uint16_t port)
{
	struct conntrack_port p = {
		.ext_ip = EXT, .remote = PEER, .client = client,
		.int_port = 8000, .remote_port = port, .proto = IPPROTO_UDP,
	};
	uint16_t ret = 0;
	int rc = conntrack_ask(&p, &ret);

	assert_int_equal(rc, ret ? 0 : -ENOENT);
	return ret;
}

/* A flow that the client began, and one that came in. */
static void test_ask_finds_the_external_port_of_a_flow(void **state)
{
	static const struct tuple as = { .src = EXT, .src_port = 61000 };
	static const struct tuple old = { .src = EXT + 1, .src_port = 61001 };
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	const struct tuple out = { CLIENT, PEER, 8000, 3478, IPPROTO_UDP };
	struct tuple plain = out, moved = out, second = out;
	int fd;

	NEED_ROOT();
	ip("link set lo up");
	assert_int_equal(ask_for(CLIENT, 3478), 0);
	fd = netlink_open(NETLINK_NETFILTER);
	track_nat(fd, out, NULL, &as);
	plain.dst_port = 1;		/* not translated */
	track_nat(fd, plain, NULL, NULL);
	moved.dst_port = 2;		/* by a former address */
	track_nat(fd, moved, NULL, &old);
	second.src++;			/* of another client */
	second.dst_port = 3;
	track_nat(fd, second, NULL, &as);
	track_nat(fd, from(4, 40000), &to, NULL);
	close(fd);
	assert_int_equal(tracked(), 5);
	assert_int_equal(ask_for(CLIENT, 3478), 61000);
	assert_int_equal(ask_for(CLIENT, 1), 0);
	assert_int_equal(ask_for(CLIENT, 2), 0);
	assert_int_equal(ask_for(CLIENT, 3), 0);
	assert_int_equal(ask_for(CLIENT + 1, 3), 61000);
	assert_int_equal(ask_for(CLIENT, 4), 40000);
	assert_int_equal(ask_for(CLIENT, 5), 0);
	assert_int_equal(ask_for(CLIENT + 1, 3478), 0);
}

static void test_kill_ends_only_flows_of_the_remote_host(void **state)
{
	NEED_ROOT();
	kill_by_remote(false);
}

static void test_walk_ends_only_flows_of_the_remote_host(void **state)
{
	NEED_ROOT();
	kill_by_remote(true);
}

static void kill_many(bool by_walk)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	struct conntrack_port p = game;

	ip("link set lo up");
	p.proto = IPPROTO_UDP;
	for (uint16_t port = 10000; port < 13000; port++)
		track(from(port, port % 3 ? 40000 : 40001), &to);
	assert_int_equal(tracked(), 3000);
	kill_ports(&p, by_walk);
	assert_int_equal(tracked(), 1000);
}

static void test_kill_ends_many_flows(void **state)
{
	NEED_ROOT();
	kill_many(false);
}

/* More requests than a datagram holds, and more entries than one returns. */
static void test_walk_ends_many_flows(void **state)
{
	NEED_ROOT();
	kill_many(true);
}

/* Add @n flows, every third through another port than the others. */
static void track_many(uint16_t n)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	int fd = netlink_open(NETLINK_NETFILTER);

	for (uint16_t i = 0; i < n; i++)
		track_by(fd, from(10000 + i, i % 3 ? 40000 : 40001), &to);
	close(fd);
	assert_int_equal(tracked(), n);
}

#define LARGE	4500	/* more flows than the kernel may search */

static void two_ports(struct conntrack_port p[2])
{
	p[0] = p[1] = game;
	p[0].proto = p[1].proto = IPPROTO_UDP;
	p[1].ext_port = 40001;
}

/* The kernel deletes the flows of a small table in one system call. A larger
 * table would take too long for one. */
static void test_a_large_table_is_walked_in_parts(void **state)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p[2];
	unsigned calls = 1;

	NEED_ROOT();
	assert_true(LARGE > CONNTRACK_SEARCH_MAX);
	ip("link set lo up");
	track_many(LARGE);
	two_ports(p);
	assert_int_equal(conntrack_kill(&w, p, 1, 0), 1);
	assert_true(w.open);
	assert_in_range(tracked(), LARGE - 200, LARGE - 1);
	while (conntrack_kill(&w, p, 1, 0) == 1)
		calls++;
	assert_false(w.open);
	assert_int_equal(tracked(), LARGE / 3);
	assert_in_range(calls, 10, LARGE);
}

static void test_a_small_table_is_left_to_the_kernel(void **state)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p[2];

	NEED_ROOT();
	ip("link set lo up");
	track_many(600);
	two_ports(p);
	assert_int_equal(conntrack_kill(&w, p, 1, 0), 0);
	assert_int_equal(tracked(), 200);
}

/* A port that was mapped again keeps the flows that the walk has not found
 * yet. */
static void test_a_walk_continues_with_fewer_ports(void **state)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p[2];
	unsigned left;

	NEED_ROOT();
	ip("link set lo up");
	track_many(LARGE);
	two_ports(p);
	assert_int_equal(conntrack_kill(&w, p, 2, 0), 1);
	left = tracked();
	assert_in_range(left, LARGE / 2, LARGE - 1);
	assert_int_equal(conntrack_kill(&w, &p[1], 1, UINT64_MAX), 0);
	assert_in_range(tracked(), left - LARGE / 3, left - 1);
	assert_false(w.open);
	assert_int_equal(conntrack_kill(&w, p, 2, UINT64_MAX), 0);
	assert_int_equal(tracked(), 0);
}

static void test_a_walk_without_ports_ends(void **state)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p[2];
	unsigned left;

	NEED_ROOT();
	ip("link set lo up");
	track_many(LARGE);
	two_ports(p);
	assert_int_equal(conntrack_kill(&w, p, 2, 0), 1);
	left = tracked();
	assert_int_equal(conntrack_kill(&w, p, 0, UINT64_MAX), 0);
	assert_false(w.open);
	assert_int_equal(tracked(), left);
}

/* ---- pinholes ------------------------------------------------------------ */

/* 2001:db8::@n */
static struct addr host6(uint8_t n)
{
	return addr_ip6((uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = n });
}

/* The first packet's tuple of a flow, or with @answer its answers'. */
static void put_tuple6(struct msg *m, const struct conntrack_flow *f, bool answer)
{
	const uint16_t src_port = htons(answer ? f->dst_port : f->src_port);
	const uint16_t dst_port = htons(answer ? f->src_port : f->dst_port);
	size_t at = open_nest(m, answer ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	size_t inner = open_nest(m, CTA_TUPLE_IP);

	msg_attr(m, CTA_IP_V6_SRC, answer ? f->dst6.byte : f->src6.byte, 16);
	msg_attr(m, CTA_IP_V6_DST, answer ? f->src6.byte : f->dst6.byte, 16);
	close_nest(m, inner);
	inner = open_nest(m, CTA_TUPLE_PROTO);
	msg_attr(m, CTA_PROTO_NUM, &f->proto, 1);
	msg_attr(m, CTA_PROTO_SRC_PORT, &src_port, 2);
	msg_attr(m, CTA_PROTO_DST_PORT, &dst_port, 2);
	close_nest(m, inner);
	close_nest(m, at);
}

static struct msg entry6(const struct conntrack_flow *f)
{
	struct nfgenmsg about = { .nfgen_family = AF_INET6 };
	struct msg m = msg_new(CT(IPCTNL_MSG_CT_NEW), &about, sizeof(about));

	put_tuple6(&m, f, false);
	put_tuple6(&m, f, true);
	return m;
}

static struct conntrack_flow flow6(uint8_t src, uint16_t src_port, uint8_t dst,
				   uint16_t dst_port)
{
	return (struct conntrack_flow){
		.src6 = host6(src), .dst6 = host6(dst), .src_port = src_port,
		.dst_port = dst_port, .proto = IPPROTO_UDP,
	};
}

static struct conntrack_port hole(uint8_t client, uint16_t port,
				  uint8_t remote, uint16_t remote_port)
{
	return (struct conntrack_port){
		.client6 = host6(client), .int_port = port,
		.remote6 = remote ? host6(remote) : addr_any(),
		.remote_port = remote_port, .proto = IPPROTO_UDP,
	};
}

static void test_entry_of_ipv6_is_read(void **state)
{
	const struct conntrack_flow f = flow6(9, 5000, 2, 8000);
	struct msg m = entry6(&f);
	struct conntrack_flow is;

	assert_true(conntrack_read(&m.h, &is));
	assert_true(addr_equal(is.src6, f.src6));
	assert_true(addr_equal(is.dst6, f.dst6));
	assert_int_equal(is.src_port, 5000);
	assert_int_equal(is.dst_port, 8000);
	for (size_t len = NLMSG_HDRLEN; len < m.len; len++)
		assert_false(conntrack_read(cut(&m, len), &is));
}

/* What the pinhole leaves open may be anything, and nothing else. */
static void test_flow_through_a_pinhole_is_found(void **state)
{
	for (unsigned open = 0; open < 8; open++) {
		const struct conntrack_port p = hole(2, open & 1 ? 0 : 8000,
						     open & 2 ? 0 : 9,
						     open & 4 ? 0 : 5000);

		assert_true(finds(p, flow6(9, 5000, 2, 8000)));
		assert_false(finds(p, flow6(9, 5000, 3, 8000)));
		assert_int_equal(finds(p, flow6(9, 5000, 2, 8001)), open & 1);
		assert_int_equal(finds(p, flow6(8, 5000, 2, 8000)),
				 !!(open & 2));
		assert_int_equal(finds(p, flow6(9, 5001, 2, 8000)),
				 !!(open & 4));
		/* the client began it */
		assert_false(finds(p, flow6(2, 8000, 9, 5000)));
	}
}

static void test_pinholes_and_mappings_are_one_list(void **state)
{
	struct conntrack_port p[300];

	for (size_t i = 0; i < 100; i++) {
		p[i] = game;
		p[i].ext_port = (uint16_t)(1000 + i);
		p[i + 100] = hole((uint8_t)(i + 1), 8000, 0, 0);
		p[i + 200] = hole(200, (uint16_t)(1000 + i), 0, 0);
	}
	conntrack_sort(p, 300);
	for (uint8_t i = 0; i < 100; i++) {
		struct conntrack_flow f = to_game;

		f.dst_port = 1000 + i;
		assert_true(conntrack_find(p, 300, &f));
		f = flow6(9, 1, i + 1, 8000);
		assert_true(conntrack_find(p, 300, &f));
		f = flow6(9, 1, 200, 1000 + i);
		assert_true(conntrack_find(p, 300, &f));
		f.dst_port += 100;
		assert_false(conntrack_find(p, 300, &f));
	}
}

static void track6(struct conntrack_flow f)
{
	struct msg m = entry6(&f);

	m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	msg_u32(&m, CTA_TIMEOUT, htonl(1000));
	assert_int_equal(netlink_ask(NETLINK_NETFILTER, &m.h, NULL, NULL), 0);
}

/* @by_walk: with more ports than the kernel searches for */
static void kill_pinhole(struct conntrack_port p, bool by_walk)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port all[MANY];

	for (uint16_t i = 0; i < MANY; i++)
		all[i] = i ? hole(100, 50000 + i, 0, 0) : p;
	assert_int_equal(conntrack_kill(&w, all, by_walk ? MANY : 1,
					UINT64_MAX), 0);
	assert_false(w.open);
}

static void check_pinhole(bool by_walk)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };

	ip("link set lo up");
	track(from(5000, 8000), &to);
	track6(flow6(9, 5000, 2, 8000));
	track6(flow6(9, 5001, 2, 8000));
	track6(flow6(8, 5000, 2, 8000));
	track6(flow6(9, 5000, 2, 8001));
	track6(flow6(9, 5000, 3, 8000));
	track6(flow6(2, 8000, 9, 5000 + 7));	/* the client began it */
	assert_int_equal(tracked() + tracked6(), 7);
	kill_pinhole(hole(2, 8000, 7, 0), by_walk);
	assert_int_equal(tracked6(), 6);
	kill_pinhole(hole(2, 8000, 9, 5000), by_walk);
	assert_int_equal(tracked6(), 5);
	kill_pinhole(hole(2, 8000, 9, 0), by_walk);
	assert_int_equal(tracked6(), 4);
	kill_pinhole(hole(2, 8000, 0, 0), by_walk);
	assert_int_equal(tracked6(), 3);
	kill_pinhole(hole(2, 0, 0, 0), by_walk);
	assert_int_equal(tracked6(), 2);
	assert_int_equal(tracked(), 1);
}

/* The kernel's own search for IPv6 addresses finds all others, so it
 * is not used. */
static void test_kill_ends_only_the_flows_of_the_pinhole(void **state)
{
	NEED_ROOT();
	check_pinhole(false);
}

static void test_walk_ends_only_the_flows_of_the_pinhole(void **state)
{
	NEED_ROOT();
	check_pinhole(true);
}

static void test_one_walk_is_for_both_families(void **state)
{
	static const struct tuple to = { .src = CLIENT, .src_port = 8000 };
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p[MANY];
	int rc;

	NEED_ROOT();
	ip("link set lo up");
	track(from(5000, 40000), &to);
	track6(flow6(9, 5000, 2, 8000));
	for (uint16_t i = 0; i < MANY; i++)
		p[i] = hole(100, 50000 + i, 0, 0);
	p[0] = game;
	p[0].proto = IPPROTO_UDP;
	p[1] = hole(2, 8000, 0, 0);
	while ((rc = conntrack_kill(&w, p, MANY, 0)) == 1)
		;
	assert_int_equal(rc, 0);
	assert_int_equal(tracked() + tracked6(), 0);
}

/* Without the rights the call fails and no flow ends. */
static void test_kill_without_rights_ends_no_flow(void **state)
{
	struct conntrack_walk w = { .open = false };
	struct conntrack_port p = game;
	pid_t pid;
	int status;

	NEED_ROOT();
	pid = fork();
	if (pid == 0) {
		if (setuid(65534))
			_exit(1);
		_exit(conntrack_kill(&w, &p, 1, 0) == -EPERM ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_is_read),
		cmocka_unit_test(test_entry_of_ipv6_is_read),
		cmocka_unit_test(test_flow_through_a_pinhole_is_found),
		cmocka_unit_test(test_pinholes_and_mappings_are_one_list),
		cmocka_unit_test(test_cut_entry_is_not_read),
		cmocka_unit_test(test_other_entries_are_not_read),
		cmocka_unit_test(test_flow_must_match_each_field),
		cmocka_unit_test(test_outbound_is_not_found),
		cmocka_unit_test(test_each_of_many_ports_is_found),
		cmocka_unit_test(test_port_of_a_remote_host_is_found),
		cmocka_unit_test(test_remote_port_of_a_mapping_must_match),
		cmocka_unit_test(test_kill_without_ports_does_nothing),
		netns_test(test_kill_ends_only_the_flows_of_the_port),
		netns_test(test_kill_ends_only_the_flows_of_the_pinhole),
		netns_test(test_walk_ends_only_the_flows_of_the_pinhole),
		netns_test(test_one_walk_is_for_both_families),
		netns_test(test_walk_ends_only_the_flows_of_the_port),
		netns_test(test_kill_ends_the_flows_of_two_ports),
		netns_test(test_kill_ends_only_flows_of_the_remote_host),
		netns_test(test_walk_ends_only_flows_of_the_remote_host),
		netns_test(test_kill_ends_only_flows_of_the_remote_port),
		netns_test(test_walk_ends_only_flows_of_the_remote_port),
		netns_test(test_ask_finds_the_external_port_of_a_flow),
		netns_test(test_kill_ends_many_flows),
		netns_test(test_a_large_table_is_walked_in_parts),
		netns_test(test_a_small_table_is_left_to_the_kernel),
		netns_test(test_a_walk_continues_with_fewer_ports),
		netns_test(test_a_walk_without_ports_ends),
		netns_test(test_walk_ends_many_flows),
		netns_test(test_kill_without_rights_ends_no_flow),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
