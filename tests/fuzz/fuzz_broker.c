/* SPDX-License-Identifier: ISC */
/*
 * fuzz_broker.c - a hostile engine and the monitor's broker, with every
 * backend.
 *
 * Input: a byte for backend and settings; then steps, each a byte for the
 * action, followed by its arguments.
 *
 * Holds: a repeated request gets the same answer and changes nothing the second
 * time; the table has only rules that policy allows, with unique keys, and no
 * more than max-mappings, max-mappings-per-client and max-pinholes; a port that the router
 * serves is not mapped; each request has one answer; a malformed record ends
 * the engine; and the properties of fuzz_tool.h about the tools' input.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "sys/netif.h"
#include "fuzz.h"
#include "fuzz_tool.h"
#include "monitor/broker.h"
#include "monitor/overrule.h"
#include "natfw/watch.h"
#include "engine/brokerclient.h"
#include "conf/ifstate.h"

#define ROUTER	0xc0a85801u	/* 192.168.88.1 */
#define EXT	0xc6336407u
#define MAX	4		/* mappings */
#define MAX_PINHOLES 5
#define PER_CLIENT 3
#define WAIT_MAX 64		/* requests before they are served */
#define STEPS_MAX 256
#define SERVED	2002u		/* by the router, by TCP */

static struct broker broker;
static struct conf conf;
static int engine, monitor;
static uint32_t ext_ip;
static struct policy policy;
static unsigned waiting;	/* requests without an answer yet */
static struct nat_op_id ping;	/* the last one */

/* ---- the rest of the router ---------------------------------------------- */

int ifstate_read(const struct conf *c, struct ifstate *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ext_n = 2;
	memcpy(ret->ext[0].name, "wan0", sizeof("wan0"));
	ret->ext[0].ifindex = 2;
	if (ext_ip)
		ret->ext[0].addr = addr_ip4(ext_ip);
	ret->ext[0].up = true;
	ret->ext[1] = ret->ext[0];
	memcpy(ret->ext[1].name, "wan1", sizeof("wan1"));
	ret->ext[1].ifindex = 4;
	ret->net[0] = (struct netif_addr){ 3, "lan0", { addr_ip4(ROUTER),
							24 } };
	ret->net_n = 1;
	return 0;
}

const struct ifstate_ext *ifstate_external(const struct ifstate *r)
{
	return &r->ext[r->active];
}

void ifstate_activate(struct ifstate *r, const struct conf *c,
		      uint32_t ext_index)
{
	for (size_t i = 0; i < r->ext_n; i++)
		if ((uint32_t)r->ext[i].ifindex == ext_index)
			r->active = i;
}

const struct ifstate_ext *ifstate_external6(const struct ifstate *r)
{
	return &r->ext[r->ext_n - 1];
}

struct addr ifstate_usable(const struct ifstate_ext *e, const struct conf *c)
{
	return e->addr;
}

void ifstate_policy(const struct ifstate *r, const struct conf *c,
		   struct policy *ret)
{
	*ret = policy;
}

static bool watched;

/* nf_tables notifies of our own changes, and sometimes of those of others. */
int watch_open(void)
{
	return watched ? dup(STDERR_FILENO) : -EPROTONOSUPPORT;
}

unsigned watch_read(int fd)
{
	return tool.runs % 4;
}

int ports_listening(uint8_t protocol, struct addr at, struct ports *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tcp[SERVED / 64] |= 1ull << SERVED % 64;
	return 0;
}

/* As in a kernel that cannot be asked for one port. */
int ports_served(uint8_t protocol, struct addr at, int ifindex, uint16_t port)
{
	return -ENOENT;
}

int ports_holders(uint8_t protocol, struct addr at, uint16_t port,
		  struct ports_holder *ret, size_t max)
{
	return 0;
}

bool ports_set(const uint64_t field[1024], uint16_t port)
{
	return field[port / 64] >> port % 64 & 1;
}

int netif_set_up(const char *name, bool up)
{
	CHECK(conf.allow_disable_external);
	CHECK(!strcmp(name, "wan0") || !strcmp(name, "wan1"));
	return 0;
}

int route_save(int ifindex, struct route_set *ret)
{
	return 0;
}

int route_restore(const struct route_set *set)
{
	return 0;
}

int conntrack_kill(struct conntrack_walk *w, struct conntrack_port *port,
		   size_t n, uint64_t max_us)
{
	CHECK(n && n <= NAT_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		CHECK(addr_is_set(port[i].client6) ||
		      (port[i].client && port[i].ext_port &&
		       port[i].ext_ip));
	return 0;
}

/* Only flows of clients are asked for. */
int conntrack_ask(const struct conntrack_port *p, uint16_t *ret)
{
	const struct addr client = addr_ip4(p->client);

	CHECK(p->ext_ip == ext_ip && p->remote && p->remote_port &&
	      p->int_port);
	CHECK(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP);
	CHECK(policy_net_of(&policy, client) &&
	      !policy_is_router(&policy, client));
	if (p->int_port % 3 == 0)
		return -ENOENT;
	if (p->int_port % 3 == 1)
		return -EPERM;
	*ret = p->int_port;
	return 0;
}

const struct conf_iface *conf_external(const struct conf *c)
{
	return &c->iface[0];
}

void log_msg(int level, const char *fmt, ...)
{
}

/* ---- the properties ------------------------------------------------------ */

static void check_rule(const struct natfw_table *t, size_t i, uint8_t kind)
{
	const struct nat_rule *r = &t->rule[i];
	unsigned of_client = 0;

	CHECK(nat_rule_sane(r) && r->kind == kind);
	CHECK(policy_check(&policy, r, addr_any(), NULL) == REFUSAL_NONE);
	CHECK(natfw_lookup(&broker.fw, r) == r);
	for (size_t k = 0; k < i; k++) {
		CHECK(!nat_rule_same_key(r, &t->rule[k]));
		of_client += addr_equal(r->client, t->rule[k].client);
	}
	CHECK(kind == NAT_PINHOLE || of_client < PER_CLIENT);
}

static void check_rules(const struct natfw_table *t, uint8_t kind, size_t max)
{
	CHECK(t->rule_n <= max);
	for (size_t i = 0; i < t->rule_n; i++)
		check_rule(t, i, kind);
}

static void check_table(void)
{
	const struct natfw_table *pinholes = &broker.fw.pinholes;

	CHECK(broker.staged_n - broker.pinholes_staged <= MAX);
	CHECK(broker.pinholes_staged <= MAX_PINHOLES);
	check_rules(&broker.fw.mappings, NAT_PORTMAP, MAX);
	check_rules(pinholes, NAT_PINHOLE,
		    natfw_takes(&broker.fw, NAT_PINHOLE) ? MAX_PINHOLES : 0);
}

/* ---- the engine ---------------------------------------------------------- */

static void new_engine(void)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd));
	engine = fd[0];
	monitor = fd[1];
	waiting = 0;
	ping = (struct nat_op_id){ 0 };
	broker_reset(&broker);
}

/* A port that the router serves is not mapped. */
static void check_ports(const struct nat_rule *before, size_t n)
{
	for (size_t i = 0; i < broker.fw.mappings.rule_n; i++) {
		const struct nat_rule *r = &broker.fw.mappings.rule[i];
		bool had = r->proto != IPPROTO_TCP || r->ext_port != SERVED;

		for (size_t k = 0; k < n; k++)
			had |= nat_rule_same_key(r, &before[k]);
		CHECK(had);
	}
}

/* Serve until no request is pending. */
static int serve_turns(void)
{
	struct pollfd p = { monitor, POLLIN };
	struct nat_rule before[MAX];
	size_t n;
	int err = 0;

	while (!err && poll(&p, 1, 0) == 1) {
		n = broker.fw.mappings.rule_n;
		memcpy(before, broker.fw.mappings.rule, n * sizeof(before[0]));
		err = broker_serve(&broker, monitor);
		check_ports(before, n);
	}
	return err;
}

/* Serve all requests. Return: the last answer's error, or -1 without one */
static int serve(void)
{
	struct broker_rep rep;
	int err = serve_turns(), last = -1;

	check_table();
	CHECK(err == 0 || err == -EPROTO || err == -EPIPE);
	overrule_run(&broker, monitor);
	while (recv(engine, &rep, sizeof(rep), 0) == sizeof(rep)) {
		if (rep.verb == BROKER_TAKEN || rep.verb == BROKER_CHANGED) {
			CHECK(rep.verb == BROKER_CHANGED ||
			      nat_rule_sane(&rep.rule));
			continue;
		}
		if (rep.verb == BROKER_PING) {
			ping = rep.id;
			continue;
		}
		CHECK(waiting-- && rep.verb && rep.verb < BROKER_TAKEN);
		CHECK(rep.err >= NAT_OK && rep.err <= NAT_EBLOCKED);
		CHECK(rep.err == NAT_OK || !rep.rule.ext_port);
		last = rep.err;
	}
	CHECK(err || !waiting);
	if (err) {
		close(engine);
		close(monitor);
		new_engine();
	}
	return last;
}

static void send_request(const struct broker_req *req)
{
	if (waiting == WAIT_MAX)
		serve();
	CHECK(send(engine, req, sizeof(*req), 0) == sizeof(*req));
	waiting += req->verb != BROKER_SYNC_RULE && req->verb != BROKER_PING;
}

static struct addr lan6(uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = host };

	return addr_ip6(byte);
}

/* A pinhole for the IPv6 address of the same client. */
static void make_pinhole(struct nat_rule *r)
{
	r->kind = NAT_PINHOLE;
	r->client = lan6(r->client.byte[3]);
	if (addr_is_set(r->remote))
		r->remote = lan6(200);
	r->remote_port = r->ext_port % 2 ? 0 : r->ext_port;
	r->ext_port = 0;
}

/* A rule whose fields are plausible more often than not, partly overwritten
 * with bytes of the input. */
static struct nat_rule make_rule(struct str *in)
{
	struct nat_rule r;
	uint8_t what;
	size_t at, n;

	memset(&r, 0, sizeof(r));
	r.client = addr_ip4(0xc0a85800 | fuzz_u8(in));
	r.remote = fuzz_u8(in) % 4 ? addr_any() : addr_ip4(0x08080808);
	r.ext_port = (uint16_t)(2000 + fuzz_u8(in) % 8);
	r.int_port = fuzz_u16(in);
	r.kind = NAT_PORTMAP;
	what = fuzz_u8(in);
	r.proto = what % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	if (addr_is_set(r.remote) && what & 8)
		r.remote_port = 3478 + what / 16 % 2;
	if (what & 64)
		make_pinhole(&r);
	at = fuzz_u8(in);
	for (n = at / sizeof(r); n; n--)
		((char *)&r)[at++ % sizeof(r)] = (char)fuzz_u8(in);
	return r;
}

static struct broker_req make_request(struct str *in)
{
	struct broker_req req = {
		.version = BROKER_VERSION, .verb = fuzz_u8(in),
		.id = { NAT_PORTMAP, 7, 7 },
	};

	req.verb = req.verb < 0xf0 ? req.verb % BROKER__MAX : req.verb;
	req.rule = make_rule(in);
	if (req.verb == BROKER_PING && req.rule.ext_port % 4)
		req.id = ping;		/* the right answer, or an old one */
	return req;
}

static uint64_t table_sum(void)
{
	uint64_t sum = broker.fw.mappings.rule_n;

	for (size_t i = 0; i < broker.fw.mappings.rule_n; i++) {
		const struct nat_rule *r = &broker.fw.mappings.rule[i];

		sum += (uint64_t)addr_to_ip4(r->client) * 31 +
		       addr_to_ip4(r->remote) * 7u +
		       (r->ext_port * 65537ull ^ r->int_port) * 1009 +
		       r->remote_port * 31337ull + r->proto;
	}
	return sum;
}

/* The answer depends only on the request and the table. */
static void send_twice(const struct broker_req *req)
{
	uint64_t sum;
	int first;

	if (req->verb != BROKER_SET && req->verb != BROKER_DEL)
		return;
	serve();
	send_request(req);
	first = serve();
	sum = table_sum();
	send_request(req);
	CHECK(serve() == first);
	CHECK(table_sum() == sum);
	CHECK(first != NAT_OK || req->verb != BROKER_SET ||
	      nat_rule_equal(natfw_lookup(&broker.fw, &req->rule), &req->rule));
	CHECK(first != NAT_OK || req->verb != BROKER_DEL ||
	      !natfw_lookup(&broker.fw, &req->rule));
}

/* Send a malformed record. */
static void send_malformed(struct str *in)
{
	char raw[2 * sizeof(struct broker_req)] = { 0 };
	size_t n = fuzz_u8(in) % sizeof(raw) + 1;

	for (size_t i = 0; i < n; i++)
		raw[i] = (char)fuzz_u8(in);
	if (n == sizeof(struct broker_req))
		return;
	CHECK(send(engine, raw, n, 0) == (ssize_t)n);
	CHECK(serve_turns() == -EPROTO);
	check_table();
	close(engine);
	close(monitor);
	new_engine();
}

static void step(struct str *in)
{
	uint8_t what = fuzz_u8(in);
	struct broker_req req;

	switch (what % 8) {
	case 4:
		if (what & 8)
			broker_ping(&broker, monitor);
		serve();
		break;
	case 5:
		serve();
		ext_ip = what & 8 ? 0 : EXT;
		tool.rc = what >> 4 & 1;
		tool.list_rc = what >> 5 & 1;
		tool.kernel = what & 64 ? -EAGAIN : 0;
		break;
	case 6:
		send_malformed(in);
		break;
	default:
		req = make_request(in);
		if (what % 8 < 2)
			send_twice(&req);
		else
			send_request(&req);
		break;
	}
}

/* ---- a run --------------------------------------------------------------- */

static const char listing[] =
	"-A FORWARD -j UPNPD\n-A PREROUTING -j UPNPD\n";

static void set_up(uint8_t how)
{
	static const char *const backend[] = { "netlink", "iptables",
					       "memory", "iptables-nft" };
	static const struct policy_rule lines[] = {
		{ false, 2005, 2005, 0, 65535, { { ADDR_IP4 }, 0 }, 1 },
		{ true, 1024, 65535, 80, 65535,
		  { { ADDR_IP4, { 192, 168, 88 } }, 24 }, 2 },
	};

	memset(&tool, 0, sizeof(tool));
	tool.lists = str_z(listing);
	memset(&conf, 0, sizeof(conf));
	conf.enabled = true;
	conf.max_mappings = MAX;
	conf.ipv6 = true;
	conf.max_pinholes = MAX_PINHOLES;
	conf.max_per_client = PER_CLIENT;
	if (how % 4 == 0)
		tool.lists = STR("");
	str_copy(conf.backend, sizeof(conf.backend), str_z(backend[how % 4]));
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL };
	conf.iface_n = 1;
	conf.hairpin = how & 4;
	conf.masquerade = how & 8;
	conf.allow_disable_external = how & 16;
	watched = how & 64;
	ext_ip = EXT;
	policy = (struct policy){
		.net = { { 3, "", { addr_ip4(ROUTER), 24 } },
			 { 3, "", { lan6(1), 64 } } }, .net_n = 2,
		.own = { addr_ip4(ROUTER), addr_ip4(EXT) }, .own_n = 2,
		.rule = how & 32 ? lines : NULL, .rule_n = how & 32 ? 2 : 0,
	};
}

/* All properties would hold if a missing setting made the broker refuse
 * everything, so check that it accepts something. */
static void check_it_opens(uint8_t how, uint8_t kind, enum nat_err want)
{
	struct broker_req req = { BROKER_VERSION, BROKER_SET, { 0 }, {
		.client = addr_ip4(0xc0a8580a), .remote = addr_any(),
		.ext_port = 2000, .int_port = 8080,
		.kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
	} };

	if (kind == NAT_PINHOLE)
		make_pinhole(&req.rule);
	set_up(how);
	tool.lists = STR("");	/* a text is not the kernel's rules */
	memset(&broker, 0, sizeof(broker));
	CHECK(!broker_open(&broker, &conf));
	new_engine();
	send_request(&req);
	CHECK(serve() == (int)want);
	CHECK(broker.fw.mappings.rule_n + broker.fw.pinholes.rule_n ==
	      (want == NAT_OK));
	broker_close(&broker);
	close(engine);
	close(monitor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	static bool opens;

	if (!opens) {
		check_it_opens(0, NAT_PORTMAP, NAT_OK);
		check_it_opens(0, NAT_PINHOLE, NAT_OK);		/* netlink */
		check_it_opens(1, NAT_PORTMAP, NAT_OK);
		check_it_opens(1, NAT_PINHOLE, NAT_OK);		/* iptables */
		check_it_opens(2, NAT_PINHOLE, NAT_OK);		/* memory */
	}
	opens = true;
	set_up(fuzz_u8(&in));
	memset(&broker, 0, sizeof(broker));
	CHECK(!broker_open(&broker, &conf));
	new_engine();
	for (int i = 0; i < STEPS_MAX && in.n; i++)
		step(&in);
	serve();
	CHECK(broker_verify(&broker) <= 1);
	broker_close(&broker);
	close(engine);
	close(monitor);
	return 0;
}
