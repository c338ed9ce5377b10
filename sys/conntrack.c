/* SPDX-License-Identifier: ISC */
/*
 * conntrack.c - a netlink client for the kernel's table of tracked flows.
 *
 * An entry, and what an order to delete one repeats of it:
 *   nfgenmsg, CTA_TUPLE_ORIG { CTA_TUPLE_IP { src dst }
 *                              CTA_TUPLE_PROTO { number src dst } }, CTA_ID,
 *   CTA_ZONE where there is one
 * The answers' direction is CTA_TUPLE_REPLY: a flow that a mapping translated
 * has the external address in the one and the client in the other.
 *
 * A kernel since 6.12 finds and deletes what a port let in by itself; from an
 * older one, or for many ports, the entries are fetched and looked through.
 *
 * Owns: nothing between two calls. Never does: wait.
 * Invariant: an order names the entry by its ID too: a flow of the same tuple
 * that began since the walk saw the old one is not hit.
 */
#include "sys/conntrack.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define MSG(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))
/* An order: headers, a tuple of IPv4 (52), ID and zone (8 each), or more that
 * a later kernel puts into a tuple. */
#define ORDER_MAX 256

/* What a walk over the table carries along. */
struct hunt {
	const struct conntrack_port *port;
	size_t port_n;
	int fd;			/* takes the orders */
	int err;		/* the first thing that went wrong, or 0 */
	size_t len;
	union nl_buf orders;	/* not sent yet */
};

/* ---- reading an entry ---------------------------------------------------- */

static const struct rtattr *find_attr(struct nl_span s, unsigned type)
{
	const struct rtattr *a;

	do {
		a = netlink_next_attr(&s);
	} while (a && (a->rta_type & NLA_TYPE_MASK) != type);
	return a;
}

/* What is in the nest @type; nothing where there is none. */
static struct nl_span nest(struct nl_span s, unsigned type)
{
	const struct rtattr *a = find_attr(s, type);

	if (!a)
		return (struct nl_span){ NULL, 0 };
	return (struct nl_span){ (const char *)a + RTA_LENGTH(0),
				 RTA_PAYLOAD(a) };
}

static bool value(struct nl_span s, unsigned type, void *ret, size_t size)
{
	struct nl_span v = nest(s, type);

	if (v.n < size)
		return false;
	memcpy(ret, v.p, size);
	return true;
}

struct tuple {
	uint32_t src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
};

static bool read_tuple(struct nl_span s, struct tuple *t)
{
	struct nl_span ip = nest(s, CTA_TUPLE_IP);
	struct nl_span proto = nest(s, CTA_TUPLE_PROTO);

	if (!value(ip, CTA_IP_V4_SRC, &t->src, 4) ||
	    !value(ip, CTA_IP_V4_DST, &t->dst, 4) ||
	    !value(proto, CTA_PROTO_NUM, &t->proto, 1) ||
	    !value(proto, CTA_PROTO_SRC_PORT, &t->src_port, 2) ||
	    !value(proto, CTA_PROTO_DST_PORT, &t->dst_port, 2))
		return false;
	t->src = ntohl(t->src);
	t->dst = ntohl(t->dst);
	t->src_port = ntohs(t->src_port);
	t->dst_port = ntohs(t->dst_port);
	return true;
}

bool conntrack_read(const struct nlmsghdr *h, struct conntrack_flow *ret)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	struct tuple orig, reply;

	if (h->nlmsg_type != MSG(IPCTNL_MSG_CT_NEW) ||
	    !read_tuple(nest(s, CTA_TUPLE_ORIG), &orig) ||
	    !read_tuple(nest(s, CTA_TUPLE_REPLY), &reply))
		return false;
	*ret = (struct conntrack_flow){
		.src = orig.src, .dst = orig.dst, .dst_port = orig.dst_port,
		.reply_src = reply.src, .reply_port = reply.src_port,
		.proto = orig.proto,
	};
	return true;
}

/* ---- the ports ----------------------------------------------------------- */

static uint64_t key(uint8_t proto, uint16_t ext_port, uint32_t remote)
{
	return (uint64_t)proto << 48 | (uint64_t)ext_port << 32 | remote;
}

static uint64_t key_of(const struct conntrack_port *p)
{
	return key(p->proto, p->ext_port, p->remote);
}

/* Let the port at @i sink to where none below it is greater. */
static void sift(struct conntrack_port *p, size_t i, size_t n)
{
	struct conntrack_port moved = p[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && key_of(&p[child]) < key_of(&p[child + 1]))
			child++;
		if (key_of(&moved) >= key_of(&p[child]))
			break;
		p[i] = p[child];
		i = child;
	}
	p[i] = moved;
}

/* A heap sort: qsort() allocates in some C libraries. */
void conntrack_sort(struct conntrack_port *p, size_t n)
{
	struct conntrack_port last;
	size_t i;

	for (i = n / 2; i > 0; i--)
		sift(p, i - 1, n);
	while (n > 1) {
		last = p[--n];
		p[n] = p[0];
		p[0] = last;
		sift(p, 0, n);
	}
}

/* The first port whose key is @k or more, or @n. */
static size_t lower_bound(const struct conntrack_port *p, size_t n, uint64_t k)
{
	size_t from = 0, mid;

	while (from < n) {
		mid = from + (n - from) / 2;
		if (key_of(&p[mid]) < k)
			from = mid + 1;
		else
			n = mid;
	}
	return from;
}

static bool find_for(const struct conntrack_port *p, size_t n,
		     const struct conntrack_flow *f, uint32_t remote)
{
	uint64_t k = key(f->proto, f->dst_port, remote);
	size_t i;

	for (i = lower_bound(p, n, k); i < n && key_of(&p[i]) == k; i++)
		if (p[i].ext_ip == f->dst && p[i].client == f->reply_src &&
		    p[i].int_port == f->reply_port)
			return true;
	return false;
}

bool conntrack_find(const struct conntrack_port *p, size_t n,
		    const struct conntrack_flow *f)
{
	return find_for(p, n, f, 0) || find_for(p, n, f, f->src);
}

/* ---- the walk ------------------------------------------------------------ */

/* Orders are answered where they fail only. A flow that has ended by itself
 * meanwhile is none the worse. */
static int read_errors(int fd)
{
	bool interrupted;
	union nl_buf buf;
	ssize_t n;
	int err = 0;

	while (!err) {
		n = netlink_recv(fd, &buf);
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		err = netlink_walk((struct nl_span){buf.bytes, (size_t)n}, NULL,
				   NULL, &interrupted);
		if (err == -ENOENT || err > 0)
			err = 0;
	}
	return err;
}

static void send_orders(struct hunt *u)
{
	int err = 0;

	if (!u->len)
		return;
	if (send(u->fd, u->orders.bytes, u->len, 0) < 0)
		err = -errno;
	else
		err = read_errors(u->fd);
	if (!u->err)
		u->err = err;
	u->len = 0;
}

static void copy_attr(struct hunt *u, struct nl_span s, unsigned type)
{
	const struct rtattr *a = find_attr(s, type);

	if (!a || u->len + RTA_ALIGN(a->rta_len) > sizeof(u->orders))
		return;
	memcpy(u->orders.bytes + u->len, a, a->rta_len);
	u->len += RTA_ALIGN(a->rta_len);
}

/* The order to delete the entry @h, behind those that are there. */
static void put_order(struct hunt *u, const struct nlmsghdr *h)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
	} fixed = {
		.head.nlmsg_type = MSG(IPCTNL_MSG_CT_DELETE),
		.head.nlmsg_flags = NLM_F_REQUEST,
		.about.nfgen_family = AF_INET,
	};
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	size_t at = u->len;
	uint32_t len;

	memcpy(u->orders.bytes + at, &fixed, sizeof(fixed));
	u->len += sizeof(fixed);
	copy_attr(u, s, CTA_TUPLE_ORIG);
	copy_attr(u, s, CTA_ZONE);
	copy_attr(u, s, CTA_ID);
	len = (uint32_t)(u->len - at);
	memcpy(u->orders.bytes + at, &len, sizeof(len));
}

static void on_entry(void *arg, const struct nlmsghdr *h)
{
	struct hunt *u = arg;
	struct conntrack_flow f;

	if (!conntrack_read(h, &f) || !conntrack_find(u->port, u->port_n, &f))
		return;
	if (u->len + ORDER_MAX > sizeof(u->orders))
		send_orders(u);
	put_order(u, h);
}

/*
 * All entries whose destination was translated. A kernel that knows no such
 * filter (before 5.17) gives all there are, which does no harm.
 */
static int walk(struct hunt *u)
{
	const uint16_t len = NLA_HDRLEN + sizeof(uint32_t);
	const uint32_t dnat = htonl(IPS_DST_NAT);
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
		struct nlattr status;
		uint32_t status_be;
		struct nlattr mask;
		uint32_t mask_be;
	} req = {
		.head = { sizeof(req), MSG(IPCTNL_MSG_CT_GET),
			  NLM_F_REQUEST | NLM_F_DUMP, 0, 0 },
		.about.nfgen_family = AF_INET,
		.status = { len, CTA_STATUS }, .status_be = dnat,
		.mask = { len, CTA_STATUS_MASK }, .mask_be = dnat,
	};
	int err = netlink_ask(NETLINK_NETFILTER, &req.head, on_entry, u);

	send_orders(u);
	return err;
}

/* ---- the kernel's own search --------------------------------------------- */

/* linux/netfilter/nfnetlink_conntrack.h has them since 5.8 only. What is
 * compared of a tuple is not in it: net/netfilter/nf_internals.h. */
enum {
	FILTER = 25, FILTER_ORIG_FLAGS = 1, FILTER_REPLY_FLAGS = 2,
	BY_SRC = 1 << 0, BY_DST = 1 << 1, BY_PROTO = 1 << 3,
	BY_SRC_PORT = 1 << 4, BY_DST_PORT = 1 << 5,
};

struct attr {
	struct nlattr head;
	char value[4];
};

static struct attr attr_of(uint16_t type, const void *value, size_t n)
{
	struct attr a = { { (uint16_t)(NLA_HDRLEN + n), type }, { 0 } };

	memcpy(a.value, value, n);
	return a;
}

static struct attr attr_be32(uint16_t type, uint32_t v)
{
	v = htonl(v);
	return attr_of(type, &v, sizeof(v));
}

/* One direction of the flows meant, with one port only. */
struct half {
	struct nlattr tuple, ip;
	struct attr src, dst;
	struct nlattr about;
	struct attr proto, port;
};

static struct half half_of(uint16_t type, uint32_t src, uint32_t dst,
			   uint8_t proto, uint16_t port_type, uint16_t port)
{
	const uint16_t nest = NLA_F_NESTED;
	const uint16_t len = NLA_HDRLEN + 2 * sizeof(struct attr);

	port = htons(port);
	return (struct half){
		.tuple = { sizeof(struct half), type | nest },
		.ip = { len, CTA_TUPLE_IP | nest },
		.src = attr_be32(CTA_IP_V4_SRC, src),
		.dst = attr_be32(CTA_IP_V4_DST, dst),
		.about = { len, CTA_TUPLE_PROTO | nest },
		.proto = attr_of(CTA_PROTO_NUM, &proto, sizeof(proto)),
		.port = attr_of(port_type, &port, sizeof(port)),
	};
}

/*
 * An older kernel takes this for the order to delete one entry, and refuses it
 * (-EINVAL), since such an order needs both ports of a tuple: it can not hit
 * another flow.
 *
 * Return: 0, -errno; -EINVAL the kernel can not do it
 */
static int forget(int fd, const struct conntrack_port *p)
{
	const uint32_t orig = BY_DST | BY_PROTO | BY_DST_PORT |
			      (p->remote ? BY_SRC : 0);
	const uint32_t reply = BY_SRC | BY_PROTO | BY_SRC_PORT;
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
		struct half orig, reply;
		struct nlattr filter;
		struct attr flags[2];
	} req = {
		.head = { sizeof(req), MSG(IPCTNL_MSG_CT_DELETE),
			  NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
		.about.nfgen_family = AF_INET,
		.orig = half_of(CTA_TUPLE_ORIG, p->remote, p->ext_ip, p->proto,
				CTA_PROTO_DST_PORT, p->ext_port),
		.reply = half_of(CTA_TUPLE_REPLY, p->client, 0, p->proto,
				 CTA_PROTO_SRC_PORT, p->int_port),
		.filter = { NLA_HDRLEN + sizeof(req.flags),
			    FILTER | NLA_F_NESTED },
		.flags = { attr_of(FILTER_ORIG_FLAGS, &orig, sizeof(orig)),
			   attr_of(FILTER_REPLY_FLAGS, &reply,
				   sizeof(reply)) },
	};

	return netlink_ask_by(fd, &req.head, NULL, NULL);
}

/*
 * The kernel goes through its table for each port: in a fiftieth of a walk
 * where there are few flows, as long as a walk where it is full. So it is for
 * few ports, and the first ones tell how long it takes here.
 */
#define SEARCHES_MAX	16
#define SEARCHES_US	1000

/* Return: 0, -E2BIG it is better to walk, other -errno */
static int forget_all(const struct hunt *u)
{
	uint64_t end_us = clock_cpu_us() + SEARCHES_US;
	int err = u->port_n > SEARCHES_MAX ? -E2BIG : 0;
	size_t i;

	for (i = 0; !err && i < u->port_n; i++) {
		if (i && clock_cpu_us() >= end_us)
			return -E2BIG;
		err = forget(u->fd, &u->port[i]);
	}
	return err;
}

/* ---- both ---------------------------------------------------------------- */

/* Return: as conntrack_kill() */
static int hunt_all(struct hunt *u)
{
	int err;

	u->fd = netlink_open(NETLINK_NETFILTER);
	if (u->fd < 0)
		return u->fd;
	err = forget_all(u);
	if (err)
		err = walk(u);
	close(u->fd);
	/* nfnetlink_rcv_msg(): what has no subsystem is invalid */
	if (err == -EINVAL)
		return -EOPNOTSUPP;
	return err ? err : u->err;
}

int conntrack_kill(struct conntrack_port *port, size_t n)
{
	struct hunt u = { .port = port, .port_n = n };

	if (!n)
		return 0;
	conntrack_sort(port, n);
	return hunt_all(&u);
}
