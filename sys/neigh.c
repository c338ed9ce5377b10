/* SPDX-License-Identifier: ISC */
/*
 * neigh.c - the kernel's neighbour table, by rtnetlink.
 *
 * Owns: nothing between two calls.
 * Never does: change the table; wait. netlink.h has the reason.
 * Runs in: any
 */
#include "sys/neigh.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/neighbour.h>
#include "sys/netlink.h"

#define PORT_DISCARD	9	/* RFC 863 */
#define DRAIN_MAX	64	/* datagrams in a turn */

/* NUD_PROBE asks again whether the neighbour is still there. */
#define COUNTS	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | \
		 NUD_PERMANENT)

struct find_req {
	struct nlmsghdr h;
	struct ndmsg n;
	struct rtattr dst_attr;
	char dst[16];
};

struct want {
	int ifindex;
	struct addr a, link;
	uint16_t states;	/* of the address; 0: it has no entry */
	bool found;
};

static int family_of(struct addr a)
{
	return a.family == ADDR_IP6 ? AF_INET6 : AF_INET;
}

/* Return: the state of the entry of @a on @ifindex; 0: it is another entry, or
 * it has none */
static uint16_t parse(const struct nlmsghdr *h, int ifindex, struct addr a,
		      struct addr *ret_link)
{
	const struct ndmsg *n = netlink_body(h, sizeof(*n));
	const size_t len = addr_bits(a) / 8;
	struct nl_span attrs = netlink_attrs(h, sizeof(*n));
	bool same = false;
	const struct rtattr *at;

	if (h->nlmsg_type != RTM_NEWNEIGH || !n || !len ||
	    n->ndm_family != family_of(a) || n->ndm_ifindex != ifindex)
		return 0;
	*ret_link = (struct addr){ 0 };
	while ((at = netlink_next_attr(&attrs))) {
		const char *value = (const char *)at + RTA_LENGTH(0);

		if (at->rta_type == NDA_DST && RTA_PAYLOAD(at) == len)
			same = memcmp(value, a.byte, len) == 0;
		else if (at->rta_type == NDA_LLADDR)
			*ret_link = addr_link(value, RTA_PAYLOAD(at));
	}
	return same ? n->ndm_state : 0;
}

bool neigh_parse(const struct nlmsghdr *h, int ifindex, struct addr a,
		 struct addr *ret)
{
	struct addr link;

	if (!(parse(h, ifindex, a, &link) & COUNTS) ||
	    link.family != ADDR_LINK)
		return false;
	*ret = link;
	return true;
}

static void on_entry(void *arg, const struct nlmsghdr *h)
{
	struct want *w = arg;
	struct addr link;

	w->states |= parse(h, w->ifindex, w->a, &link);
	w->found |= neigh_parse(h, w->ifindex, w->a, &w->link);
}

/* @flags: NLM_F_ACK for one entry, NLM_F_DUMP for all of that family */
static int ask(struct want *w, uint16_t flags)
{
	const size_t len = addr_bits(w->a) / 8;
	struct find_req r = {
		.h = { .nlmsg_type = RTM_GETNEIGH,
		       .nlmsg_flags = NLM_F_REQUEST | flags },
		.n = { .ndm_family = (uint8_t)family_of(w->a),
		       .ndm_ifindex = w->ifindex },
		.dst_attr = { .rta_type = NDA_DST },
	};

	r.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.n));
	if (flags & NLM_F_DUMP) {
		r.n.ndm_ifindex = 0;	/* a strict kernel refuses it */
	} else {
		r.dst_attr.rta_len = (uint16_t)RTA_LENGTH(len);
		memcpy(r.dst, w->a.byte, len);
		r.h.nlmsg_len += (uint32_t)RTA_LENGTH(len);
	}
	return netlink_ask(NETLINK_ROUTE, &r.h, on_entry, w);
}

/* Kernels before 5.0 can only list the whole table. */
static int look_up(struct want *w)
{
	int err;

	if (!addr_is_set(w->a))
		return -EINVAL;
	err = ask(w, NLM_F_ACK);
	for (int i = 0; (err == -EOPNOTSUPP || err == -EINTR) && i < NL_TRIES;
	     i++)
		err = ask(w, NLM_F_DUMP);
	return err;
}

int neigh_find(int ifindex, struct addr a, struct addr *ret)
{
	struct want w = { .ifindex = ifindex, .a = a };
	int err = look_up(&w);

	if (w.found)
		*ret = w.link;
	return w.found ? 0 : err ? err : -ENOENT;
}

enum neigh_seen neigh_seen(int ifindex, struct addr a)
{
	struct want w = { .ifindex = ifindex, .a = a };

	look_up(&w);
	if (w.found)
		return NEIGH_THERE;
	return w.states & (NUD_INCOMPLETE | NUD_FAILED) ? NEIGH_SILENT :
							  NEIGH_UNKNOWN;
}

union pktinfo {
	struct cmsghdr h;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Name the interface. Without it, a link-local address has no route, and an
 * address may be resolved on another link. */
static void put_pktinfo(struct msghdr *m, union pktinfo *buf, int ifindex,
			struct addr a)
{
	struct in6_pktinfo in6 = { .ipi6_ifindex = (unsigned)ifindex };
	struct in_pktinfo in = { .ipi_ifindex = ifindex };
	const bool is6 = a.family == ADDR_IP6;
	const size_t n = is6 ? sizeof(in6) : sizeof(in);
	struct cmsghdr *c;

	memset(buf, 0, sizeof(*buf));
	m->msg_control = buf;
	m->msg_controllen = CMSG_SPACE(n);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), is6 ? (void *)&in6 : (void *)&in, n);
}

void neigh_probe(int ifindex, struct addr a)
{
	struct sockaddr_storage to;
	struct msghdr m = { .msg_name = &to };
	union pktinfo info;
	int fd;

	m.msg_namelen = addr_to_sockaddr(a, PORT_DISCARD, (unsigned)ifindex,
					 &to);
	if (!m.msg_namelen)
		return;
	fd = socket(family_of(a), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return;
	put_pktinfo(&m, &info, ifindex, a);
	sendmsg(fd, &m, MSG_NOSIGNAL);
	close(fd);
}

int neigh_open(void)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH,
	};
	int fd = netlink_open(NETLINK_ROUTE), err;

	if (fd < 0 || !bind(fd, (struct sockaddr *)&groups, sizeof(groups)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void neigh_drain(int fd)
{
	union nl_buf buf;
	ssize_t n;
	int left = DRAIN_MAX;

	do {
		n = netlink_recv(fd, &buf);
	} while ((n >= 0 || n == -ENOBUFS || n == -EMSGSIZE) && --left);
}
