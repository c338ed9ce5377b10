/* SPDX-License-Identifier: ISC */
/*
 * route.c - saves routes as the messages in which the kernel reports them.
 *
 * The meaning of most attributes does not matter, because the kernel accepts
 * them as it reports them. The exceptions are in wanted(), kept_flags and
 * keep_attr().
 *
 * Runs in: any
 */
#include "sys/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "sys/netlink.h"

/* rtmsg.rtm_flags that are part of the route. The others are its state, and the
 * kernel refuses some of them (RTNH_F_DEAD, RTNH_F_LINKDOWN). */
static const unsigned kept_flags = RTNH_F_ONLINK | RTNH_F_PERVASIVE;

struct route_req {
	struct nlmsghdr h;
	struct rtmsg r;
};

/* ---- saving -------------------------------------------------------------- */

static bool attr_u32(const struct nlmsghdr *h, unsigned type, uint32_t *ret)
{
	return netlink_attr_get(h, sizeof(struct rtmsg), type, ret,
				sizeof(*ret));
}

/*
 * RTM_F_CLONED is a learned path MTU or redirect, not a route. A multipath
 * route has its interfaces in RTA_MULTIPATH and no RTA_OIF. The header has no
 * room for the number of a table above 255.
 */
static bool wanted(const struct nlmsghdr *h, int ifindex)
{
	const struct rtmsg *r = netlink_body(h, sizeof(*r));
	uint32_t table, oif;

	if (h->nlmsg_type != RTM_NEWROUTE || !r || r->rtm_family != AF_INET ||
	    r->rtm_type != RTN_UNICAST || r->rtm_protocol == RTPROT_KERNEL ||
	    r->rtm_flags & RTM_F_CLONED)
		return false;
	if (!attr_u32(h, RTA_TABLE, &table))
		table = r->rtm_table;
	return table != RT_TABLE_LOCAL && attr_u32(h, RTA_OIF, &oif) &&
	       oif == (uint32_t)ifindex;
}

/* The kernel refuses RTA_NH_ID together with a gateway, and the nexthop object
 * is deleted with the interface anyway. RTA_CACHEINFO is for reading only. */
static bool keep_attr(const struct rtattr *a)
{
	unsigned type = a->rta_type & NLA_TYPE_MASK;

	return type != RTA_NH_ID && type != RTA_CACHEINFO;
}

/* NLM_F_APPEND keeps the order of routes that differ only in the gateway;
 * without it each would be put before the last. */
static struct route_req request(const struct nlmsghdr *h)
{
	struct route_req r;

	memcpy(&r, h, sizeof(r));
	r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
			  NLM_F_APPEND;
	r.h.nlmsg_seq = 0;
	r.h.nlmsg_pid = 0;
	r.r.rtm_flags &= kept_flags;
	return r;
}

void route_add(struct route_set *set, const struct nlmsghdr *h, int ifindex)
{
	char *at = (char *)set->words + set->len;
	struct nl_span attrs = netlink_attrs(h, sizeof(struct rtmsg));
	struct route_req r;
	const struct rtattr *a;
	size_t len = sizeof(r);

	if (!wanted(h, ifindex))
		return;
	/* the request is never longer than the message that it is made from */
	if (NLMSG_ALIGN((size_t)h->nlmsg_len) >
	    sizeof(set->words) - set->len) {
		set->cut = true;
		return;
	}
	r = request(h);
	while ((a = netlink_next_attr(&attrs))) {
		if (!keep_attr(a))
			continue;
		memcpy(at + len, a, a->rta_len);
		len += RTA_ALIGN(a->rta_len);
	}
	r.h.nlmsg_len = (uint32_t)len;
	memcpy(at, &r, sizeof(r));
	set->len += len;
}

struct saving {
	struct route_set set;
	int ifindex;
};

static void on_route(void *arg, const struct nlmsghdr *h)
{
	struct saving *s = arg;

	route_add(&s->set, h, s->ifindex);
}

static int dump_routes(nl_fn fn, void *arg)
{
	struct route_req r = {
		.h = {
			.nlmsg_len = sizeof(r),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.r = { .rtm_family = AF_INET },
	};

	return netlink_ask(NETLINK_ROUTE, &r.h, fn, arg);
}

static int read_routes(struct saving *s)
{
	memset(&s->set, 0, sizeof(s->set));
	return dump_routes(on_route, s);
}

int route_save(int ifindex, struct route_set *ret)
{
	struct saving s = { .ifindex = ifindex };
	unsigned tries = NL_TRIES;
	int err;

	if (ifindex <= 0)
		return -ENODEV;
	do {
		err = read_routes(&s);
	} while (err == -EINTR && --tries);
	if (!err)
		*ret = s.set;
	return err;
}

/* ---- restoring ----------------------------------------------------------- */

/* RTA_VIA, an IPv6 gateway, does not count: it needs no IPv4 route. */
static bool has_gateway(const struct nlmsghdr *h)
{
	uint32_t unused_be;

	return attr_u32(h, RTA_GATEWAY, &unused_be);
}

static int send_routes(const struct route_set *set, bool gateway)
{
	struct nl_span s = { (const char *)set->words, set->len };
	const struct nlmsghdr *h;
	int err, first = 0;

	while ((h = netlink_next_msg(&s))) {
		if (has_gateway(h) != gateway)
			continue;
		err = netlink_ask(NETLINK_ROUTE, h, NULL, NULL);
		if (err && err != -EEXIST && !first)
			first = err;
	}
	return first;
}

/* First the routes without a gateway, because the kernel refuses a gateway to
 * which it knows no route yet. */
int route_restore(const struct route_set *set)
{
	int direct, behind;

	direct = send_routes(set, false);
	behind = send_routes(set, true);
	if (direct || behind)
		return direct ? direct : behind;
	return set->cut ? -ENOSPC : 0;
}

/* ---- lookups ------------------------------------------------------------- */

/* The address of a.root-servers.net, as an example of an address in the
 * Internet: a router reaches it only by its default route. */
#define ANYWHERE_IP 0xc6290004u
static const uint8_t anywhere6[16] = {
	0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 2, [15] = 0x30,
};

struct lookup {
	struct nlmsghdr h;
	struct rtmsg r;
	struct rtattr oif_attr;
	uint32_t oif;			/* 0: any */
	struct rtattr dst_attr;
	uint8_t dst[16];		/* IPv4: the first four are sent */
};

struct lookup_answer {
	uint32_t oif, src_be, gateway_be;	/* 0: none */
	unsigned char type;		/* RTN_UNICAST, RTN_LOCAL */
};

static void read_answer(void *arg, const struct nlmsghdr *h)
{
	const struct rtmsg *r = netlink_body(h, sizeof(*r));
	struct lookup_answer *a = arg;

	if (h->nlmsg_type != RTM_NEWROUTE || !r)
		return;
	a->type = r->rtm_type;
	attr_u32(h, RTA_OIF, &a->oif);
	attr_u32(h, RTA_PREFSRC, &a->src_be);
	attr_u32(h, RTA_GATEWAY, &a->gateway_be);
}

/* Ask the kernel for its route to @to. @ifindex: 0, or consider only routes
 * over it */
static int look_up(struct addr to, int ifindex, struct lookup_answer *ret)
{
	const unsigned bytes = addr_bits(to) / 8;
	struct lookup r = {
		.h = {
			.nlmsg_len = offsetof(struct lookup, dst) + bytes,
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.r = {
			.rtm_family = to.family == ADDR_IP6 ? AF_INET6 :
							      AF_INET,
			.rtm_dst_len = (unsigned char)addr_bits(to),
		},
		.oif_attr = { RTA_LENGTH(sizeof(r.oif)), RTA_OIF },
		.oif = (uint32_t)ifindex,
		.dst_attr = { (unsigned short)RTA_LENGTH(bytes), RTA_DST },
	};
	struct lookup_answer a = { 0 };
	int err;

	memcpy(r.dst, to.byte, bytes);
	err = netlink_ask(NETLINK_ROUTE, &r.h, read_answer, &a);
	if (!err && !a.oif)
		err = -ENETUNREACH;	/* a blackhole */
	if (!err)
		*ret = a;
	return err;
}

int route_out(struct addr to, int *ret_ifindex)
{
	struct lookup_answer a;
	int err = look_up(to, 0, &a);

	if (!err)
		*ret_ifindex = (int)a.oif;
	return err;
}

int route_internet(uint8_t family)
{
	const struct addr to = family == ADDR_IP6 ? addr_ip6(anywhere6) :
						    addr_ip4(ANYWHERE_IP);
	int ifindex;

	return route_out(to, &ifindex) ? 0 : ifindex;
}

int route_source(int ifindex, struct addr *ret)
{
	struct lookup_answer a;
	int err;

	if (ifindex <= 0)
		return -ENODEV;
	err = look_up(addr_ip4(ANYWHERE_IP), ifindex, &a);
	if (!err && (!a.src_be || a.oif != (uint32_t)ifindex))
		err = -ENETUNREACH;
	if (!err)
		*ret = addr_ip4(ntohl(a.src_be));
	return err;
}

struct peer_want {
	int ifindex;
	uint32_t peer_be;	/* 0: none was found */
};

/* IFA_ADDRESS is the peer if it differs from our own, IFA_LOCAL. */
static void on_peer(void *arg, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = netlink_body(h, sizeof(*m));
	struct peer_want *want = arg;
	uint32_t own_be, peer_be;

	if (h->nlmsg_type == RTM_NEWADDR && m && m->ifa_family == AF_INET &&
	    (int)m->ifa_index == want->ifindex &&
	    netlink_attr_get(h, sizeof(*m), IFA_LOCAL, &own_be, 4) &&
	    netlink_attr_get(h, sizeof(*m), IFA_ADDRESS, &peer_be, 4) &&
	    peer_be != own_be && !want->peer_be)
		want->peer_be = peer_be;
}

static int find_peer(int ifindex, uint32_t *ret_be)
{
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg m;
	} r = {
		.h = {
			.nlmsg_len = sizeof(r),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.m = { .ifa_family = AF_INET },
	};
	struct peer_want want = { .ifindex = ifindex };
	int err = netlink_ask(NETLINK_ROUTE, &r.h, on_peer, &want);

	*ret_be = want.peer_be;
	return err;
}

int route_gateway(int ifindex, struct addr *ret)
{
	struct lookup_answer a;
	int err;

	if (ifindex <= 0)
		return -ENETUNREACH;
	err = look_up(addr_ip4(ANYWHERE_IP), ifindex, &a);
	if (!err && !a.gateway_be)
		err = find_peer(ifindex, &a.gateway_be);
	if (!err && !a.gateway_be)
		err = -ENETUNREACH;
	if (!err)
		*ret = addr_ip4(ntohl(a.gateway_be));
	return err;
}

/* The errors of a lookup that finds no route, a route that drops (unreachable,
 * prohibit, blackhole), or no such interface. */
static bool finds_nothing(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH ||
	       err == -EACCES || err == -EINVAL || err == -ENODEV;
}

/* RTN_ANYCAST: 2001:db8::, by which a host finds any router of 2001:db8::/64
 * (RFC 4291 2.6.1). */
static int is_local_in(struct addr to, int ifindex)
{
	struct lookup_answer a;
	int err = look_up(to, ifindex, &a);

	if (err)
		return finds_nothing(err) ? 0 : err;
	return a.type == RTN_LOCAL || a.type == RTN_ANYCAST;
}

/* The kernel looks in the VRF's table if the lookup names its interface, as in
 * "ip route get vrf". */
int route_is_local(struct addr a, int master)
{
	int local;

	if (!addr_is_set(a))
		return -EAFNOSUPPORT;
	local = is_local_in(a, 0);
	return local || !master ? local : is_local_in(a, master);
}

/* RTA_MULTIPATH is a list of struct rtnexthop, each followed by attributes. */
static bool hops_use(const struct rtattr *a, int ifindex)
{
	const char *p = (const char *)a + RTA_LENGTH(0);
	size_t left = RTA_PAYLOAD(a);
	struct rtnexthop hop;

	while (left >= sizeof(hop)) {
		memcpy(&hop, p, sizeof(hop));
		if (hop.rtnh_ifindex == ifindex)
			return true;
		if (hop.rtnh_len < sizeof(hop) ||
		    RTNH_ALIGN((size_t)hop.rtnh_len) > left)
			return false;
		p += RTNH_ALIGN((size_t)hop.rtnh_len);
		left -= RTNH_ALIGN((size_t)hop.rtnh_len);
	}
	return false;
}

bool route_is_default(const struct nlmsghdr *h, int ifindex)
{
	const struct rtmsg *r = netlink_body(h, sizeof(*r));
	struct nl_span attrs = netlink_attrs(h, sizeof(*r));
	const struct rtattr *a;
	uint32_t oif;

	if (h->nlmsg_type != RTM_NEWROUTE || !r || r->rtm_family != AF_INET ||
	    r->rtm_dst_len || r->rtm_type != RTN_UNICAST)
		return false;
	if (attr_u32(h, RTA_OIF, &oif))
		return oif == (uint32_t)ifindex;
	while ((a = netlink_next_attr(&attrs)))
		if ((a->rta_type & NLA_TYPE_MASK) == RTA_MULTIPATH)
			return hops_use(a, ifindex);
	return false;
}

struct default_want {
	int ifindex;
	bool found;
};

static void on_default(void *arg, const struct nlmsghdr *h)
{
	struct default_want *want = arg;

	want->found |= route_is_default(h, want->ifindex);
}

int route_has_default(int ifindex)
{
	struct default_want want = { .ifindex = ifindex };
	unsigned tries = NL_TRIES;
	int err;

	do {
		err = dump_routes(on_default, &want);
	} while (err == -EINTR && --tries);
	return err ? err : want.found;
}
