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
 * Owns: nothing between two calls. Never does: wait.
 * Invariant: an order names the entry by its ID too: a flow of the same tuple
 * that began since the walk saw the old one is not hit.
 */
#include "base/conntrack.h"

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
	unsigned found;
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
		a = nl_next_attr(&s);
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
	struct nl_span s = nl_attrs(h, sizeof(struct nfgenmsg));
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
		n = nl_recv(fd, &buf);
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		err = nl_walk((struct nl_span){ buf.bytes, (size_t)n }, NULL,
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
	struct nl_span s = nl_attrs(h, sizeof(struct nfgenmsg));
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
	u->found++;
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
	int err = nl_ask(NETLINK_NETFILTER, &req.head, on_entry, u);

	send_orders(u);
	return err;
}

/* Return: as conntrack_kill() */
static int hunt_all(struct hunt *u)
{
	int err;

	u->fd = nl_open(NETLINK_NETFILTER);
	if (u->fd < 0)
		return u->fd;
	err = walk(u);
	close(u->fd);
	/* nfnetlink_rcv_msg(): what has no subsystem is invalid */
	if (err == -EINVAL)
		return -EOPNOTSUPP;
	return err ? err : u->err;
}

int conntrack_kill(struct conntrack_port *port, size_t n, unsigned *ret_n)
{
	struct hunt u = { .port = port, .port_n = n };
	int err = 0;

	if (n) {
		conntrack_sort(port, n);
		err = hunt_all(&u);
	}
	if (ret_n)
		*ret_n = u.found;
	return err;
}
