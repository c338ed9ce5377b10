/* SPDX-License-Identifier: ISC */
/*
 * conntrack.c - a netlink client for the kernel's table of tracked flows.
 *
 * An entry of the table, and a request to delete one, which repeats parts of
 * it:
 *   nfgenmsg, CTA_TUPLE_ORIG { CTA_TUPLE_IP { src dst }
 *                              CTA_TUPLE_PROTO { number src dst } }, CTA_ID,
 *   CTA_ZONE if it has one
 * The direction of the answers is CTA_TUPLE_REPLY: a flow that a mapping
 * translated has the external address in one tuple and the client in the other.
 *
 * A kernel since 6.12 finds and deletes the flows of a port itself, in one
 * system call. On an older kernel, for many ports, or in a table so large that
 * the call takes long, we dump the entries and look for the flows.
 *
 * Owns: the socket of a walk between two calls. Never does: wait.
 * Invariant: a request names the entry by its ID as well, so a flow with the
 * same tuple that began after the dump is not deleted.
 * Runs in: monitor
 */
#include "sys/conntrack.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "sys/ctmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define MSG(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))
/* A delete request: headers, a tuple of IPv6 (76), ID and zone (8 each), and
 * room for more that a later kernel puts into a tuple. */
#define REQUEST_MAX 256

/* A part of a walk over the table. */
struct part {
	const struct conntrack_port *port;
	size_t port_n;
	uint64_t end_us;	/* CPU time at which it ends */
	int fd;			/* for the requests */
	int err;		/* the first error, or 0 */
	size_t len;
	union nl_buf requests;	/* not sent yet */
};

/* ---- reading an entry ---------------------------------------------------- */

struct tuple {
	uint32_t src, dst;
	struct addr src6, dst6;		/* of IPv6; else ADDR_NONE */
	uint16_t src_port, dst_port;
	uint8_t proto;
};

static bool read_addresses(struct nl_span ip, struct tuple *t)
{
	uint8_t src[16], dst[16];

	if (ctmsg_value(ip, CTA_IP_V4_SRC, &t->src, 4))
		return ctmsg_value(ip, CTA_IP_V4_DST, &t->dst, 4);
	if (!ctmsg_value(ip, CTA_IP_V6_SRC, src, sizeof(src)) ||
	    !ctmsg_value(ip, CTA_IP_V6_DST, dst, sizeof(dst)))
		return false;
	t->src6 = addr_ip6(src);
	t->dst6 = addr_ip6(dst);
	return true;
}

static bool read_tuple(struct nl_span s, struct tuple *t)
{
	struct nl_span proto = ctmsg_nest(s, CTA_TUPLE_PROTO);

	*t = (struct tuple){ 0 };
	if (!read_addresses(ctmsg_nest(s, CTA_TUPLE_IP), t) ||
	    !ctmsg_value(proto, CTA_PROTO_NUM, &t->proto, 1) ||
	    !ctmsg_value(proto, CTA_PROTO_SRC_PORT, &t->src_port, 2) ||
	    !ctmsg_value(proto, CTA_PROTO_DST_PORT, &t->dst_port, 2))
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
	    !read_tuple(ctmsg_nest(s, CTA_TUPLE_ORIG), &orig) ||
	    !read_tuple(ctmsg_nest(s, CTA_TUPLE_REPLY), &reply))
		return false;
	*ret = (struct conntrack_flow){
		.src = orig.src, .dst = orig.dst, .dst_port = orig.dst_port,
		.reply_src = reply.src, .reply_port = reply.src_port,
		.proto = orig.proto, .src6 = orig.src6, .dst6 = orig.dst6,
		.src_port = orig.src_port,
		.reply_dst = reply.dst, .reply_dst_port = reply.dst_port,
	};
	return true;
}

/* ---- the ports ----------------------------------------------------------- */

static bool is_pinhole(const struct conntrack_port *p)
{
	return p->client6.family == ADDR_IP6;
}

/* @host: the remote host of a mapping, the client of a pinhole */
static uint64_t key(uint8_t proto, uint16_t port, uint32_t host)
{
	return (uint64_t)proto << 48 | (uint64_t)port << 32 | host;
}

static uint32_t hash_of(struct addr a)
{
	uint64_t h = hash_add(HASH_BEGIN, a.byte, sizeof(a.byte));

	return (uint32_t)(h ^ h >> 32);
}

static uint64_t key_of(const struct conntrack_port *p)
{
	return is_pinhole(p) ?
	       key(p->proto, p->int_port, hash_of(p->client6)) :
	       key(p->proto, p->ext_port, p->remote);
}

/* Move the port at @i down the heap until no child is greater. */
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

	for (size_t i = n / 2; i > 0; i--)
		sift(p, i - 1, n);
	while (n > 1) {
		last = p[--n];
		p[n] = p[0];
		p[0] = last;
		sift(p, 0, n);
	}
}

/* Find the first port whose key is @k or more, or @n. */
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

static bool has_source_port(const struct conntrack_port *p,
			    const struct conntrack_flow *f)
{
	return !p->remote_port || p->remote_port == f->src_port;
}

static bool find_for(const struct conntrack_port *p, size_t n,
		     const struct conntrack_flow *f, uint32_t remote)
{
	uint64_t k = key(f->proto, f->dst_port, remote);

	for (size_t i = lower_bound(p, n, k); i < n && key_of(&p[i]) == k; i++)
		if (!is_pinhole(&p[i]) && has_source_port(&p[i], f) &&
		    p[i].ext_ip == f->dst &&
		    p[i].client == f->reply_src &&
		    p[i].int_port == f->reply_port)
			return true;
	return false;
}

/* @port: 0: among the pinholes of all ports */
static bool find_pinhole(const struct conntrack_port *p, size_t n,
			 const struct conntrack_flow *f, uint16_t port)
{
	uint64_t k = key(f->proto, port, hash_of(f->dst6));

	for (size_t i = lower_bound(p, n, k); i < n && key_of(&p[i]) == k; i++)
		if (is_pinhole(&p[i]) && addr_equal(p[i].client6, f->dst6) &&
		    addr_matches(p[i].remote6, f->src6) &&
		    has_source_port(&p[i], f))
			return true;
	return false;
}

bool conntrack_find(const struct conntrack_port *p, size_t n,
		    const struct conntrack_flow *f)
{
	if (f->dst6.family == ADDR_IP6)
		return find_pinhole(p, n, f, f->dst_port) ||
		       find_pinhole(p, n, f, 0);
	return find_for(p, n, f, 0) || find_for(p, n, f, f->src);
}

/* ---- the walk ------------------------------------------------------------ */

/* The kernel answers only the requests that fail. -ENOENT is not an error: the
 * flow has ended meanwhile. */
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

static void send_requests(struct part *u)
{
	int err = 0;

	if (!u->len)
		return;
	if (send(u->fd, u->requests.bytes, u->len, 0) < 0)
		err = -errno;
	else
		err = read_errors(u->fd);
	if (!u->err)
		u->err = err;
	u->len = 0;
}

static void copy_attr(struct part *u, struct nl_span s, unsigned type)
{
	const struct rtattr *a = ctmsg_find(s, type);

	if (!a || u->len + RTA_ALIGN(a->rta_len) > sizeof(u->requests))
		return;
	memcpy(u->requests.bytes + u->len, a, a->rta_len);
	u->len += RTA_ALIGN(a->rta_len);
}

/* Append a request to delete the entry @h. */
static void put_request(struct part *u, const struct nlmsghdr *h, bool ip6)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
	} fixed = {
		.head.nlmsg_type = MSG(IPCTNL_MSG_CT_DELETE),
		.head.nlmsg_flags = NLM_F_REQUEST,
		.about.nfgen_family = ip6 ? AF_INET6 : AF_INET,
	};
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	size_t at = u->len;
	uint32_t len;

	memcpy(u->requests.bytes + at, &fixed, sizeof(fixed));
	u->len += sizeof(fixed);
	copy_attr(u, s, CTA_TUPLE_ORIG);
	copy_attr(u, s, CTA_ZONE);
	copy_attr(u, s, CTA_ID);
	len = (uint32_t)(u->len - at);
	memcpy(u->requests.bytes + at, &len, sizeof(len));
}

static void on_entry(void *arg, const struct nlmsghdr *h)
{
	struct part *u = arg;
	struct conntrack_flow f;

	if (!conntrack_read(h, &f) || !conntrack_find(u->port, u->port_n, &f))
		return;
	if (u->len + REQUEST_MAX > sizeof(u->requests))
		send_requests(u);
	put_request(u, h, f.dst6.family == ADDR_IP6);
}

/* Ask for all entries of IPv6, or for those of IPv4 whose destination was
 * translated. A kernel without this filter (before 5.17) dumps all entries,
 * which costs time only. */
static int begin_walk(struct conntrack_walk *w, bool ip6)
{
	const uint16_t len = NLA_HDRLEN + sizeof(uint32_t);
	const uint32_t dnat = htonl(ip6 ? 0 : IPS_DST_NAT);
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
		struct nlattr status;
		uint32_t status_be;
		struct nlattr mask;
		uint32_t mask_be;
	} req = {
		.head = { ip6 ? NLMSG_LENGTH(sizeof(req.about)) : sizeof(req),
			  MSG(IPCTNL_MSG_CT_GET), NLM_F_REQUEST | NLM_F_DUMP,
			  0, 0 },
		.about.nfgen_family = ip6 ? AF_INET6 : AF_INET,
		.status = { len, CTA_STATUS }, .status_be = dnat,
		.mask = { len, CTA_STATUS_MASK }, .mask_be = dnat,
	};

	w->fd = netlink_open(NETLINK_NETFILTER);
	if (w->fd < 0)
		return w->fd;
	w->open = true;
	return send(w->fd, &req, req.head.nlmsg_len, 0) < 0 ? -errno : 0;
}

static void end_walk(struct conntrack_walk *w)
{
	if (w->open)
		close(w->fd);
	w->open = false;
}

/* Read the dump until its end or the end of the part. The kernel makes the next
 * datagram when one is read, so the dump waits if nobody reads. */
static int read_dump(const struct conntrack_walk *w, struct part *u)
{
	bool interrupted;	/* never, for this table */
	union nl_buf buf;
	ssize_t n;
	int more;

	do {
		n = netlink_recv(w->fd, &buf);
		if (n < 0)
			return (int)n;
		more = netlink_walk((struct nl_span){ buf.bytes, (size_t)n },
				    on_entry, u, &interrupted);
	} while (more > 0 && clock_cpu_us() < u->end_us);
	return more;
}

/* ---- the kernel's own search --------------------------------------------- */

/* linux/netfilter/nfnetlink_conntrack.h has these only since 5.8, and never the
 * flags, which are in net/netfilter/nf_internals.h. */
enum {
	FILTER = 25, FILTER_ORIG_FLAGS = 1, FILTER_REPLY_FLAGS = 2,
	BY_SRC = 1 << 0, BY_DST = 1 << 1, BY_PROTO = 1 << 3,
	BY_SRC_PORT = 1 << 4, BY_DST_PORT = 1 << 5,
};

/* Delete the flows of a port by a filter. An older kernel takes this as a
 * request to delete a single entry, and refuses it (-EINVAL), because that
 * request needs both ports of the first tuple. So it cannot delete another
 * flow. The remote port is compared in the second tuple therefore.
 * Return: 0, -errno; -EINVAL the kernel has no such filter */
static int kill_port(int fd, const struct conntrack_port *p)
{
	const uint32_t orig = BY_DST | BY_PROTO | BY_DST_PORT |
			      (p->remote ? BY_SRC : 0);
	const uint32_t reply = BY_SRC | BY_PROTO | BY_SRC_PORT |
			       (p->remote_port ? BY_DST_PORT : 0);
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
		struct ctmsg_half orig;
		struct ctmsg_tuple reply;
		struct nlattr filter;
		struct ctmsg_attr flags[2];
	} req = {
		.head = { sizeof(req), MSG(IPCTNL_MSG_CT_DELETE),
			  NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
		.about.nfgen_family = AF_INET,
		.orig = ctmsg_half_of(CTA_TUPLE_ORIG, p->remote, p->ext_ip,
				       p->proto, CTA_PROTO_DST_PORT,
				       p->ext_port),
		.reply = ctmsg_tuple_of(CTA_TUPLE_REPLY, p->client, 0,
					 p->proto, p->int_port,
					 p->remote_port),
		.filter = { NLA_HDRLEN + sizeof(req.flags),
			    FILTER | NLA_F_NESTED },
		.flags = { ctmsg_of(FILTER_ORIG_FLAGS, &orig, sizeof(orig)),
			   ctmsg_of(FILTER_REPLY_FLAGS, &reply,
				     sizeof(reply)) },
	};

	return netlink_ask_by(fd, &req.head, NULL, NULL);
}

/* The kernel walks its table for each port. This takes a fiftieth of a
 * walk if there are few flows, but as long as a walk if the table is full. So
 * use it for few ports only, and stop if the first ones take long. */
#define SEARCHES_MAX	16
#define SEARCHES_US	1000

static void on_stats(void *arg, const struct nlmsghdr *h)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	uint32_t be;

	if (h->nlmsg_type == MSG(IPCTNL_MSG_CT_GET_STATS) &&
	    ctmsg_value(s, CTA_STATS_GLOBAL_ENTRIES, &be, sizeof(be)))
		*(uint32_t *)arg = ntohl(be);
}

/* The number of flows in the table; the greatest number if the kernel does not
 * answer. */
static uint32_t count_flows(int fd)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
	} req = {
		.head = { sizeof(req), MSG(IPCTNL_MSG_CT_GET_STATS),
			  NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
	};
	uint32_t n = UINT32_MAX;

	return netlink_ask_by(fd, &req.head, on_stats, &n) ? UINT32_MAX : n;
}

static bool has_pinhole(const struct part *u)
{
	for (size_t i = 0; i < u->port_n; i++)
		if (is_pinhole(&u->port[i]))
			return true;
	return false;
}

/* Not for pinholes: the kernel (6.18, ctnetlink_filter_match_tuple()) finds the
 * flows whose IPv6 addresses differ from those of the filter.
 * Return: 0, -E2BIG a walk is better, other -errno */
static int kill_ports(const struct part *u)
{
	uint64_t end_us = clock_cpu_us() + SEARCHES_US;
	int err = 0;

	if (u->port_n > SEARCHES_MAX || has_pinhole(u) ||
	    count_flows(u->fd) > CONNTRACK_SEARCH_MAX)
		return -E2BIG;
	for (size_t i = 0; !err && i < u->port_n; i++) {
		if (i && clock_cpu_us() >= end_us)
			return -E2BIG;
		err = kill_port(u->fd, &u->port[i]);
	}
	return err;
}

/* ---- both ---------------------------------------------------------------- */

/* Begin with the family that has ports, or with IPv4. */
static int begin_walks(struct conntrack_walk *w, const struct part *u)
{
	bool ip4 = false;

	for (size_t i = 0; i < u->port_n; i++)
		ip4 |= !is_pinhole(&u->port[i]);
	w->err = 0;
	w->then_ip6 = ip4 && has_pinhole(u);
	return begin_walk(w, !ip4);
}

static int run_part(struct conntrack_walk *w, struct part *u)
{
	int err = 0;

	if (!w->open) {
		if (!kill_ports(u))
			return 0;
		err = begin_walks(w, u);
	}
	if (!err)
		err = read_dump(w, u);
	if (!err && w->then_ip6) {
		end_walk(w);
		w->then_ip6 = false;
		err = begin_walk(w, true);
		if (!err)
			err = read_dump(w, u);
	}
	send_requests(u);
	if (!w->err)
		w->err = u->err;
	return err ? err : w->err;
}

int conntrack_kill(struct conntrack_walk *w, struct conntrack_port *port,
		   size_t n, uint64_t max_us)
{
	struct part u = { .port = port, .port_n = n };
	uint64_t now_us = clock_cpu_us();
	int err;

	if (n && !w->open)
		conntrack_sort(port, n);
	u.end_us = max_us < UINT64_MAX - now_us ? now_us + max_us : UINT64_MAX;
	u.fd = n ? netlink_open(NETLINK_NETFILTER) : 0;
	err = u.fd;
	if (n && u.fd >= 0) {
		err = run_part(w, &u);
		close(u.fd);
	}
	if (err <= 0)
		end_walk(w);
	/* nfnetlink_rcv_msg(): -EINVAL for an unknown subsystem */
	return err == -EINVAL ? -EOPNOTSUPP : err;
}
