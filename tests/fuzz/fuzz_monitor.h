/* SPDX-License-Identifier: ISC */
/*
 * fuzz_monitor.h - a router and its monitor, for an engine under test: the
 * interfaces, the firewall as a list of rules, and the answers to the engine's
 * requests, which the caller sends when it likes, with any result.
 *
 * Include it once, after fuzz_net.h.
 */
#ifndef TESTS_FUZZ_FUZZ_MONITOR_H
#define TESTS_FUZZ_FUZZ_MONITOR_H

#include <errno.h>
#include "conf/ifstate.h"
#include "ipc/brokermsg.h"
#include "map/policy.h"
#include "sys/neigh.h"

#define MON_ROUTER	addr_ip4(0xc0a85801u)	/* 192.168.88.1 */
#define MON_ROUTER2	addr_ip4(0xc0a85901u)	/* 192.168.89.1 */
#define MON_LAN		3			/* ifindex of lan0 */
#define MON_LAN2	4			/* of lan1 */
#define MON_QUEUE	1024
#define MON_RULES	128
#define MON_PORT	2000			/* the first of 8 in use */

static struct {
	int fd;				/* our end of the channel */
	const struct conf *conf;
	struct broker_req queue[MON_QUEUE];	/* received, not answered */
	size_t queue_n;
	struct nat_rule rule[MON_RULES], staged[MON_RULES];
	size_t rule_n, staged_n;
	bool stalled;			/* it does not read */
	bool ready, serving;		/* as the engine has reported */
	/* the engine was sent what no monitor sends */
	bool lied;
	/* the last sync was not complete, so the engine owes another one */
	bool behind;
	bool synced;			/* one was complete */
	uint16_t ping, pong;		/* the last one sent, and received */

	/* the router */
	uint32_t ext;			/* the external address, 0: none */
	bool ext_up, lan, lan2;
	bool ip6;			/* both LANs have IPv6 */
	bool renumbered;		/* they have the other prefix */
	uint16_t firewall6;		/* enum nat_ip6 */
	uint8_t taken;			/* a bit for each port from MON_PORT */
	int netlink;			/* the engine's socket, our end */

	/* its neighbour table */
	uint8_t resolved[2];		/* of each LAN, a bit for each host */
	bool silent;			/* no host answers now */
	int neigh;			/* the engine's socket, our end; -1 */
} mon;

/* ---- addresses over IPv6 ------------------------------------------------- */

/* Each host has these; the router has no MON_LATE. A neighbour's MON_LATE is
 * resolved when the engine asks for it. */
enum mon_addr { MON_GLOBAL, MON_LINK_LOCAL, MON_LATE };

/* Host 1 is the router; others are numbered from MON_HOSTS, of which there are
 * 4. Their IPv4 addresses have the same last byte. */
#define MON_HOSTS	10

static struct addr mon_addr6(int ifindex, uint8_t host, enum mon_addr which)
{
	uint8_t byte[16] = { 0xfe, 0x80, [15] = host };

	if (which != MON_LINK_LOCAL) {
		memcpy(byte, (uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
		byte[5] = (uint8_t)(mon.renumbered ? 0x80 : 0x40);
		byte[7] = (uint8_t)ifindex;
	}
	if (which == MON_LATE)
		byte[14] = 1;
	return addr_ip6(byte);
}

/* ---- the interfaces ------------------------------------------------------ */

int __wrap_ifstate_read(const struct conf *c, struct ifstate *ret);
int __wrap_netif_open(void);
bool __wrap_netif_drain(int fd);
int __wrap_netif_counters(int ifindex, struct netif_counters *ret);
uint64_t __wrap_netif_speed_bps(const char *name);
int __wrap_route_is_local(struct addr a, int master);
int __wrap_route_gateway(int ifindex, struct addr *ret);

static void mon_add_net(struct ifstate *r, int ifindex, const char *name,
			struct addr a, uint8_t bits)
{
	struct netif_addr *to = &r->net[r->net_n++];

	to->ifindex = ifindex;
	str_copy(to->ifname, sizeof(to->ifname), str_z(name));
	to->net = (struct addr_net){ a, bits };
	r->own[r->own_n++] = a;
}

static void mon_add_lan(struct ifstate *r, int ifindex, const char *name,
			struct addr ip4)
{
	mon_add_net(r, ifindex, name, ip4, 24);
	for (int i = MON_GLOBAL; mon.ip6 && i <= MON_LINK_LOCAL; i++)
		mon_add_net(r, ifindex, name, mon_addr6(ifindex, 1, i), 64);
}

/* No upstream: fuzz_upstream.c plays one. */
int __wrap_route_gateway(int ifindex, struct addr *ret)
{
	return -ENETUNREACH;
}

/* All addresses are in ifstate.own. */
int __wrap_route_is_local(struct addr a, int master)
{
	return 0;
}

int __wrap_ifstate_read(const struct conf *c, struct ifstate *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ext_n = 1;
	ret->ext[0].ifindex = 2;
	ret->ext[0].up = ret->ext[0].running = mon.ext_up;
	if (mon.ext) {
		ret->ext[0].addr = addr_ip4(mon.ext);
		ret->own[ret->own_n++] = ret->ext[0].addr;
		ret->ext[0].is_private = addr_is_private(ret->ext[0].addr);
	}
	if (mon.lan)
		mon_add_lan(ret, MON_LAN, "lan0", MON_ROUTER);
	if (mon.lan2)
		mon_add_lan(ret, MON_LAN2, "lan1", MON_ROUTER2);
	return 0;
}

int __wrap_netif_open(void)
{
	int fd[2];

	CHECK(!net_pair(SOCK_DGRAM, fd));
	mon.netlink = fd[1];
	return fd[0];
}

bool __wrap_netif_drain(int fd)
{
	char byte;
	bool any = false;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		any = true;
	return any;
}

int __wrap_netif_counters(int ifindex, struct netif_counters *ret)
{
	*ret = (struct netif_counters){ 1, 2, 3, 0x100000004 };
	return 0;
}

uint64_t __wrap_netif_speed_bps(const char *name)
{
	return 1000000000;
}

static void mon_notify_change(void)
{
	send(mon.netlink, "", 1, MSG_DONTWAIT);
}

/* ---- the neighbour table ------------------------------------------------- */

int __wrap_neigh_find(int ifindex, struct addr a, struct addr *ret);
void __wrap_neigh_probe(int ifindex, struct addr a);
int __wrap_neigh_open(void);
void __wrap_neigh_drain(int fd);

static void mon_notify_neigh(void)
{
	if (mon.neigh >= 0)
		send(mon.neigh, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Return: the neighbour with that address, from 0; -1: nobody has it.
 * @ret_late: is it one that is asked for? */
static int mon_host_of(int ifindex, struct addr a, bool *ret_late)
{
	uint8_t last = a.byte[a.family == ADDR_IP6 ? 15 : 3];

	*ret_late = false;
	if (last < MON_HOSTS || last >= MON_HOSTS + 4)
		return -1;
	if (a.family == ADDR_IP4)
		return a.byte[2] == 88 + (ifindex == MON_LAN2) ?
		       last - MON_HOSTS : -1;
	for (int i = MON_GLOBAL; i <= MON_LATE; i++) {
		*ret_late = i == MON_LATE;
		if (addr_equal(a, mon_addr6(ifindex, last, i)))
			return last - MON_HOSTS;
	}
	return -1;
}

int __wrap_neigh_find(int ifindex, struct addr a, struct addr *ret)
{
	bool late;
	int host = mon_host_of(ifindex, a, &late);
	const uint8_t link[6] = { 2, [4] = (uint8_t)ifindex,
				  [5] = (uint8_t)host };

	CHECK(ifindex == MON_LAN || ifindex == MON_LAN2);
	if (host < 0 ||
	    (late && !(mon.resolved[ifindex - MON_LAN] >> host & 1)))
		return -ENOENT;
	*ret = addr_link(link, sizeof(link));
	return 0;
}

void __wrap_neigh_probe(int ifindex, struct addr a)
{
	bool late;
	int host = mon_host_of(ifindex, a, &late);

	CHECK(ifindex == MON_LAN || ifindex == MON_LAN2);
	if (host < 0 || mon.silent)
		return;
	mon.resolved[ifindex - MON_LAN] |= (uint8_t)(1 << host);
	mon_notify_neigh();
}

int __wrap_neigh_open(void)
{
	int fd[2];

	CHECK(!net_pair(SOCK_DGRAM, fd));
	if (mon.neigh >= 0)
		close(mon.neigh);	/* the engine has closed its end */
	mon.neigh = fd[1];
	return fd[0];
}

void __wrap_neigh_drain(int fd)
{
	__wrap_netif_drain(fd);
}

/* ---- the firewall -------------------------------------------------------- */

static struct nat_rule *mon_rule(const struct nat_rule *key)
{
	for (size_t i = 0; i < mon.rule_n; i++)
		if (nat_rule_same_key(&mon.rule[i], key))
			return &mon.rule[i];
	return NULL;
}

static void mon_unset(const struct nat_rule *key)
{
	struct nat_rule *r = mon_rule(key);

	if (r)
		*r = mon.rule[--mon.rule_n];
}

static bool mon_is_taken(const struct nat_rule *r)
{
	unsigned bit = r->ext_port - (unsigned)MON_PORT;

	return r->kind == NAT_PORTMAP && bit < 8 && mon.taken >> bit & 1;
}

static bool mon_allows(const struct nat_rule *r)
{
	static struct ifstate state;
	static struct policy policy;

	__wrap_ifstate_read(mon.conf, &state);
	ifstate_policy(&state, mon.conf, &policy);
	return nat_rule_sane(r) &&
	       policy_check(&policy, r, addr_any(), NULL) == REFUSAL_NONE;
}

/* ---- answers ------------------------------------------------------------- */

static void mon_send(struct broker_rep rep)
{
	rep.version = BROKER_VERSION;
	send(mon.fd, &rep, sizeof(rep), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The port of @r belongs to somebody else now. */
static void mon_take(const struct nat_rule *r)
{
	struct broker_rep rep = { .verb = BROKER_TAKEN, .err = NAT_ECONFLICT,
				  .rule = *r };

	mon_send(rep);
	mon_unset(&rep.rule);
}

static void mon_take_all(void)
{
	for (size_t i = 0; i < mon.rule_n; i++)
		if (mon_is_taken(&mon.rule[i]))
			mon_take(&mon.rule[i--]);
}

static enum nat_err mon_change(const struct broker_req *req, enum nat_err err)
{
	if (req->verb == BROKER_DEL) {
		if (err == NAT_OK)
			mon_unset(&req->rule);
		return err;
	}
	if (!mon_allows(&req->rule))
		return NAT_EREFUSED;
	if (mon_is_taken(&req->rule))
		return NAT_ECONFLICT;
	if (err == NAT_OK && !mon.ext && req->rule.kind == NAT_PORTMAP)
		err = NAT_ENOADDR;
	if (err != NAT_OK)
		return err;
	mon_unset(&req->rule);
	CHECK(mon.rule_n < MON_RULES);
	mon.rule[mon.rule_n++] = req->rule;
	return NAT_OK;
}

/* A rule that policy forbids is left out, and the engine syncs again. A taken
 * one is left out and reported. */
static enum nat_err mon_sync(enum nat_err err)
{
	size_t n = 0;

	mon.behind = err != NAT_OK;
	if (err != NAT_OK) {
		mon.staged_n = 0;
		return NAT_EFAIL;
	}
	for (size_t i = 0; i < mon.staged_n; i++) {
		if (mon_allows(&mon.staged[i]))
			mon.staged[n++] = mon.staged[i];
		else
			mon.behind = true;
	}
	memcpy(mon.rule, mon.staged, n * sizeof(mon.rule[0]));
	mon.rule_n = n;
	mon.staged_n = 0;
	mon.synced = !mon.behind;
	return mon.behind ? NAT_EREFUSED : NAT_OK;
}

static enum nat_err mon_result(const struct broker_req *req, enum nat_err err)
{
	switch (req->verb) {
	case BROKER_SET:
	case BROKER_DEL:
		return mon_change(req, err);
	case BROKER_REFRESH:
		mon.staged_n = 0;
		return err;
	case BROKER_SYNC_END:
		return mon_sync(err);
	case BROKER_LINK_UP:
	case BROKER_LINK_DOWN:
		CHECK(mon.conf->allow_disable_external);
		if (err == NAT_OK)
			mon.ext_up = req->verb == BROKER_LINK_UP;
		mon_notify_change();
		return err;
	case BROKER_SERVING:
	case BROKER_IDLE:
		mon.ready = true;
		mon.serving = req->verb == BROKER_SERVING;
		return NAT_OK;
	}
	CHECK(req->verb == BROKER_VERIFY || req->verb == BROKER_PACKETS ||
	      req->verb == BROKER_FLOW);
	return err;
}

/* Some flows have a port. */
static struct nat_rule mon_flow(const struct broker_req *req, enum nat_err err)
{
	struct nat_rule r = req->rule;

	if (req->verb != BROKER_FLOW)
		return (struct nat_rule){ 0 };
	CHECK(r.kind == NAT_PORTMAP && !r.ext_port && r.remote_port &&
	      addr_is_set(r.remote));
	if (err == NAT_OK)
		r.ext_port = r.int_port % 2 ? r.int_port : 0;
	return r;
}

/* Answer the oldest request, with @err if it is one that can fail. Return:
 * false if there is none */
static bool mon_answer(enum nat_err err)
{
	struct broker_req req;
	bool taken;

	do {
		if (!mon.queue_n)
			return false;
		req = mon.queue[0];
		memmove(mon.queue, mon.queue + 1, --mon.queue_n *
			sizeof(mon.queue[0]));
		if (req.verb != BROKER_SYNC_RULE)
			break;
		CHECK(mon.staged_n < MON_RULES);
		mon.staged[mon.staged_n++] = req.rule;
	} while (1);
	taken = req.verb == BROKER_SET && mon_is_taken(&req.rule) &&
		mon_rule(&req.rule);
	mon_send((struct broker_rep){
		.verb = req.verb, .id = req.id,
		.err = (int32_t)mon_result(&req, err),
		.ip6 = req.verb == BROKER_SYNC_END ? mon.firewall6 : 0,
		.packets = req.verb == BROKER_PACKETS ? req.rule.int_port : 0,
		.rule = mon_flow(&req, err),
	});
	if (taken)
		mon_take(mon_rule(&req.rule));
	mon_take_all();
	return true;
}

/* Read what the engine has sent. */
static void mon_read(void)
{
	struct broker_req req;
	ssize_t n;

	while (!mon.stalled && mon.queue_n < MON_QUEUE &&
	       (n = recv(mon.fd, &req, sizeof(req), MSG_TRUNC)) > 0) {
		CHECK(n == sizeof(req) && req.version == BROKER_VERSION);
		if (req.verb == BROKER_PING) {
			mon.pong = req.id.slot;
			continue;
		}
		CHECK(req.verb >= BROKER_SET && req.verb <= BROKER_FLOW);
		if (req.verb <= BROKER_SYNC_RULE)
			CHECK(nat_rule_sane(&req.rule));
		mon.queue[mon.queue_n++] = req;
	}
}

/* Does the engine answer? Its answer arrives with the next mon_read(). */
static void mon_send_ping(void)
{
	mon_send((struct broker_rep){
		.verb = BROKER_PING, .id = { .slot = ++mon.ping },
	});
}

/* The router's services, or the administrator's forwards, change. */
static void mon_set_taken(uint8_t taken)
{
	uint8_t freed = mon.taken & ~taken;

	mon.taken = taken;
	mon_take_all();
	if (freed)
		mon_send((struct broker_rep){ .verb = BROKER_CHANGED,
					      .ip6 = mon.firewall6 });
}

/* The administrator's rules for IPv6 change, and what the neighbours do. */
static void mon_set_ip6(uint8_t how)
{
	enum nat_ip6 firewall = !(how & 16) ? NAT_IP6_CLOSED : how & 64 ?
				NAT_IP6_NONE : NAT_IP6_OPEN;

	mon.silent = how & 32;
	if (how & 64)
		memset(mon.resolved, 0, sizeof(mon.resolved));
	mon_notify_neigh();
	if (firewall == mon.firewall6)
		return;
	mon.firewall6 = (uint16_t)firewall;
	mon_send((struct broker_rep){ .verb = BROKER_CHANGED,
				      .ip6 = mon.firewall6 });
}

/* Send a record that is wrong by @how. */
static void mon_lie(uint8_t how, struct str *in)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = 1 + how / 8 % 15u,
		.err = (int8_t)fuzz_u8(in),
		.id = { fuzz_u8(in) % 4, fuzz_u8(in) % 32, fuzz_u8(in) % 8 },
	};
	size_t n = sizeof(rep), at;

	if (mon.queue_n && how & 1)
		rep.id = mon.queue[mon.queue_n - 1].id;
	if (mon.rule_n)
		rep.rule = mon.rule[how % mon.rule_n];
	at = fuzz_u8(in);
	if (at < sizeof(rep))
		((char *)&rep)[at] = (char)fuzz_u8(in);
	if (how % 8 == 6)
		n = fuzz_u8(in) % (2 * sizeof(rep));
	mon.lied = true;
	if (n > sizeof(rep)) {
		char longer[2 * sizeof(rep)] = { 0 };

		send(mon.fd, longer, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	send(mon.fd, &rep, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A new engine: @fd is our end of its channel. The rules stay. */
static void mon_begin(int fd, const struct conf *conf)
{
	mon.fd = fd;
	mon.conf = conf;
	mon.queue_n = mon.staged_n = 0;
	mon.ping = mon.pong = 0;
	mon.stalled = mon.ready = mon.serving = mon.lied = false;
	mon.behind = mon.synced = false;
	mon.neigh = -1;
}

#endif
