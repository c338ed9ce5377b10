/* SPDX-License-Identifier: ISC */
/*
 * test_broker.c - the monitor refuses what policy, limits, the router's own
 * ports and the administrator's rules forbid, whatever the engine requests, and
 * takes ports back. Backend and kernel are fakes in this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "sys/netif.h"
#include "sys/proc.h"
#include "monitor/broker.h"
#include "monitor/overrule.h"
#include "natfw/watch.h"
#include "engine/brokerclient.h"
#include "conf/ifstate.h"

#define CLIENT	0xc0a85802u	/* 192.168.88.2 */
#define ROUTER	0xc0a85801u
#define EXT	0x0b162101u

/* ---- fakes ----------------------------------------------------------- */

static uint32_t ext_ip;
static int ext_master;
static bool link_state = true;
static char steps[32];		/* what was done to the link, a letter each */
static int save_fails, restore_fails;
static unsigned batches;
static size_t batch_size;
static int tool_fails;

static size_t more_externals;	/* 1: there is wan1 as well */
static size_t more_nets, routed_nets;	/* the last ones are routed */

/* [2001:db8:1::@host] */
static struct addr lan6(uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = host };

	return addr_ip6(byte);
}

int ifstate_read(const struct conf *c, struct ifstate *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ext_n = 1;
	memcpy(ret->ext[0].name, "wan0", sizeof("wan0"));
	ret->ext[0].ifindex = 2;
	ret->ext[0].master = ext_master;
	if (ext_ip)
		ret->ext[0].addr = addr_ip4(ext_ip);
	ret->ext[0].up = link_state;
	if (more_externals) {
		ret->ext_n = 2;
		ret->ext[1] = ret->ext[0];
		memcpy(ret->ext[1].name, "wan1", sizeof("wan1"));
		ret->ext[1].ifindex = 5;
		ret->ext[1].addr = addr_ip4(EXT + 1);
	}
	ret->net[0] = (struct netif_addr){ 3, "lan0", { addr_ip4(ROUTER),
							24 } };
	ret->net[1] = (struct netif_addr){ 3, "lan0", { lan6(0), 64 } };
	ret->net_n = 2;
	while (ret->net_n < 2 + more_nets) {
		struct netif_addr *a = &ret->net[ret->net_n++];

		*a = (struct netif_addr){ 3, "lan0", { addr_ip4(ROUTER), 24 } };
		a->net.addr.byte[2] = (uint8_t)ret->net_n;
	}
	ret->routed_n = routed_nets;
	for (size_t i = 1; i <= routed_nets; i++)
		ret->net[ret->net_n - i].routed = 1;
	ret->own[0] = addr_ip4(ROUTER);
	ret->own[1] = addr_ip4(EXT);
	ret->own_n = 2;
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

static uint32_t hidden_ip;	/* the router's, and not in the list; 0: none */

static int fake_local(struct addr a, int master)
{
	return hidden_ip && addr_equal(a, addr_ip4(hidden_ip));
}

void ifstate_policy(const struct ifstate *r, const struct conf *c,
		   struct policy *ret)
{
	*ret = (struct policy){ .own = { addr_ip4(ROUTER), addr_ip4(EXT),
					 lan6(1) },
				.own_n = 3, .is_local = fake_local };
	for (size_t i = 0; i < r->net_n; i++)
		ret->net[ret->net_n++] = r->net[i];
}

static int ports_fail;
static unsigned ports_reads, ports_asks;
static uint16_t tcp_service, udp_service;	/* 0: none */
static uint64_t udp_inode;

static void serve_port(uint64_t *field, uint16_t port)
{
	if (port)
		field[port / 64] |= 1ull << port % 64;
}

int ports_listening(uint8_t protocol, struct addr at, struct ports *ret)
{
	ports_reads++;
	if (protocol == IPPROTO_UDP) {
		memset(ret->udp, 0, sizeof(ret->udp));
		serve_port(ret->udp, udp_service);
		return ports_fail;
	}
	assert_int_equal(protocol, IPPROTO_TCP);
	memset(ret->tcp, 0, sizeof(ret->tcp));
	serve_port(ret->tcp, 2222);
	serve_port(ret->tcp, tcp_service);
	return ports_fail;
}

/* One port, of the same sockets. */
int ports_served(uint8_t protocol, struct addr at, int ifindex, uint16_t port)
{
	ports_asks++;
	if (ports_fail)
		return ports_fail;
	if (protocol == IPPROTO_UDP)
		return udp_service && port == udp_service;
	return port == 2222 || (tcp_service && port == tcp_service);
}

int ports_holders(uint8_t protocol, struct addr at, uint16_t port,
		  struct ports_holder *ret, size_t max)
{
	assert_int_equal(protocol, IPPROTO_UDP);
	if (port != udp_service)
		return 0;
	ret[0] = (struct ports_holder){ 0, udp_inode };
	return 1;
}

/* The administrator's rules. */
static uint16_t forwarded, blocked;		/* ports; 0: none */
static bool all_forwarded;

enum nat_err __wrap_natfw_check(struct natfw *fw, const struct nat_rule *rule,
				uint64_t now_ms, struct wr *why);
enum nat_err __wrap_natfw_check(struct natfw *fw, const struct nat_rule *rule,
				uint64_t now_ms, struct wr *why)
{
	const uint16_t port = rule->kind == NAT_PINHOLE ? rule->int_port :
							  rule->ext_port;

	wr_z(why, "ip nat prerouting, rule 3");
	return port == forwarded || all_forwarded ? NAT_EFORWARDED :
	       port == blocked ? NAT_EBLOCKED : NAT_OK;
}

static unsigned sweeps;

void __wrap_natfw_sweep(struct natfw *fw);
void __wrap_natfw_sweep(struct natfw *fw)
{
	sweeps++;
}

bool ports_set(const uint64_t field[1024], uint16_t port)
{
	return field[port / 64] >> port % 64 & 1;
}

static void step(char what)
{
	size_t n = strlen(steps);

	assert_true(n < sizeof(steps) - 1);
	steps[n] = what;
}

static char link_name[IF_NAMESIZE];	/* that was taken up or down */

int netif_set_up(const char *name, bool up)
{
	strcpy(link_name, name);
	step(up ? 'u' : 'd');
	link_state = up;
	return 0;
}

/* The routes of this kernel: one, whose content is 7. */
int route_save(int ifindex, struct route_set *ret)
{
	assert_true(ifindex == 2 || ifindex == 5);
	step('s');
	if (save_fails)
		return save_fails;
	*ret = (struct route_set){ { 7 }, 4 };
	return 0;
}

int route_restore(const struct route_set *set)
{
	assert_true(link_state);
	step(set->len ? 'r' : '-');
	if (set->len)
		assert_int_equal(set->words[0], 7);
	return restore_fails;
}

/* The conntrack_kill() calls and the ports of the last one. */
static struct conntrack_port killed[NAT_BATCH_MAX];
static size_t killed_n;
static unsigned kills;
static int kill_fails;
static unsigned kill_takes_ms;

static void work(unsigned ms)
{
	clock_t end = clock() + (clock_t)ms * CLOCKS_PER_SEC / 1000;

	while (clock() < end)
		;
}

int conntrack_kill(struct conntrack_walk *w, struct conntrack_port *port,
		   size_t n, uint64_t max_us)
{
	assert_in_range(n, 1, NAT_BATCH_MAX);
	memcpy(killed, port, n * sizeof(*port));
	killed_n = n;
	kills++;
	work(kill_takes_ms);
	return kill_fails;
}

/* The flow that was asked for last. */
static struct conntrack_port asked;
static int ask_fails;
static unsigned asks;

int conntrack_ask(const struct conntrack_port *p, uint16_t *ret)
{
	asked = *p;
	asks++;
	if (!ask_fails)
		*ret = 61000;
	return ask_fails;
}

/* Notices of nf_tables; each fake_apply() and fake_sync() of an "nftables"
 * backend causes one. */
static unsigned notices;

int watch_open(void)
{
	return dup(0);
}

int watch_open_all(void)
{
	return -EPERM;
}

unsigned watch_read(int fd)
{
	unsigned n = notices;

	notices = 0;
	return n;
}

static unsigned warnings, errors, infos;

void log_msg(int level, const char *fmt, ...)
{
	if (level == LOG_WARNING)
		warnings++;
	if (level == LOG_ERR)
		errors++;
	infos += level == LOG_INFO;
}

static bool fake_usable(const struct natfw_env *env)
{
	return true;
}

static int fake_open(struct natfw *fw, struct natfw_writer *w)
{
	return 0;
}

static int fake_apply(struct natfw *fw, struct natfw_writer *w,
		      const struct nat_op *op, size_t n)
{
	batches++;
	notices++;
	batch_size = n;
	return tool_fails;
}

static bool hurried;		/* no time to read the administrator's rules */

static int fake_sync(struct natfw *fw, struct natfw_writer *w,
		     const struct nat_rule *r, size_t n)
{
	notices++;
	fw->rules_old = hurried;
	if (tool_fails)
		str_copy(fw->why, sizeof(fw->why), STR("it refused"));
	return tool_fails;
}

static int drifted;		/* the result of verify */
static unsigned meanwhile;	/* changes by others during verify */

static int fake_verify(struct natfw *fw, struct natfw_writer *w,
		       const struct nat_rule *r, size_t n)
{
	notices += meanwhile;
	return drifted;
}

static int packets_fail;

static int fake_packets(struct natfw *fw, struct natfw_writer *w,
			const struct nat_rule *r, uint64_t *ret)
{
	*ret = UINT64_MAX - r->int_port;
	return packets_fail;
}

static void fake_close(struct natfw *fw, struct natfw_writer *w)
{
}

#define FAKE \
	.usable = fake_usable, .open = fake_open, .apply = fake_apply, \
	.sync = fake_sync, .verify = fake_verify, .close = fake_close, \
	.commits = 1, .offline = true

const struct natfw_backend
	natfw_iptables_legacy = { .name = "iptables-legacy" },
	natfw_iptables_nft = { .name = "iptables-nft" },
	natfw_netlink = { .name = "netlink", FAKE },
	natfw_memory = { .name = "memory", FAKE, .pinholes = true,
			 .packets = fake_packets };

/* ---- set up ----------------------------------------------------------- */

#define N_HOLES 12		/* max-pinholes: more than max_per_client */

static struct broker broker;
static struct conf conf;
static int engine, monitor;

static int setup(void **state)
{
	int fd[2];

	memset(&conf, 0, sizeof(conf));
	conf.enabled = true;
	conf.max_mappings = 4;
	conf.ipv6 = true;
	conf.max_per_client = 4;
	conf.max_pinholes = N_HOLES;
	str_copy(conf.backend, sizeof(conf.backend), STR("memory"));
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL };
	conf.iface_n = 1;
	ext_ip = EXT;
	ext_master = 0;
	ports_fail = 0;
	tcp_service = udp_service = forwarded = blocked = 0;
	sweeps = ports_reads = ports_asks = infos = 0;
	all_forwarded = false;
	batches = 0;
	tool_fails = 0;
	drifted = 0;
	meanwhile = 0;
	hurried = false;
	broker.repairs = 0;
	notices = 0;
	killed_n = kills = 0;
	kill_fails = 0;
	kill_takes_ms = 0;
	warnings = 0;
	link_state = true;
	memset(steps, 0, sizeof(steps));
	save_fails = restore_fails = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK,
				    0, fd), 0);
	engine = fd[0];
	monitor = fd[1];
	return broker_open(&broker, &conf);
}

const struct conf_iface *conf_external(const struct conf *c)
{
	return &c->iface[0];
}

static int teardown(void **state)
{
	broker_close(&broker);
	close(engine);
	close(monitor);
	return 0;
}

static struct nat_rule rule(uint16_t port)
{
	return (struct nat_rule){ .client = addr_ip4(CLIENT),
				  .remote = addr_any(), .ext_port = port,
				  .int_port = port, .kind = NAT_PORTMAP,
				  .proto = IPPROTO_TCP };
}

static struct nat_rule pinhole(uint8_t host, uint16_t port)
{
	return (struct nat_rule){ .client = lan6(host), .remote = addr_any(),
				  .int_port = port, .kind = NAT_PINHOLE,
				  .proto = IPPROTO_TCP };
}

static void send_request(uint32_t verb, struct nat_rule r)
{
	static uint16_t slot;
	struct broker_req req = {
		BROKER_VERSION, verb, { r.kind, ++slot, 1 }, r,
	};

	assert_int_equal(send(engine, &req, sizeof(req), 0), sizeof(req));
}

/* The next answer's error; -1: there is none. */
static int answer(void)
{
	struct broker_rep rep;

	if (recv(engine, &rep, sizeof(rep), 0) != sizeof(rep))
		return -1;
	return rep.err;
}

static int req(uint32_t verb, struct nat_rule r)
{
	send_request(verb, r);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	return answer();
}

static void refresh_by(uint32_t ext_index)
{
	struct broker_req req = {
		.version = BROKER_VERSION, .verb = BROKER_REFRESH,
		.ext_index = ext_index,
	};

	assert_int_equal(send(engine, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(answer(), NAT_OK);
}

/* Serve until no request waits, as the monitor's loop does. */
static void serve_all(void)
{
	struct pollfd p = { monitor, POLLIN };

	while (poll(&p, 1, 0) == 1)
		assert_int_equal(broker_serve(&broker, monitor), 0);
}

static void test_rule_is_set_and_deleted(void **state)
{
	struct nat_rule r = rule(8080);

	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	assert_non_null(natfw_lookup(&broker.fw, &r));
	assert_int_equal(req(BROKER_DEL, r), NAT_OK);
	assert_null(natfw_lookup(&broker.fw, &r));
}

static void test_waiting_requests_are_one_batch(void **state)
{
	for (uint16_t p = 5001; p <= 5003; p++)
		send_request(BROKER_SET, rule(p));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(batches, 1);
	assert_int_equal(batch_size, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), -1);
}

static void test_policy_is_checked_again(void **state)
{
	struct nat_rule r = rule(8080);

	r.client = addr_ip4(0x08080808);
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	r.client = addr_ip4(ROUTER);
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	r.client = addr_ip4(0xc0a858ff);
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	hidden_ip = addr_to_ip4(rule(8080).client);
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_EREFUSED);
	hidden_ip = 0;
	assert_int_equal(req(BROKER_SET, rule(22)), NAT_EREFUSED);
	r = rule(8080);
	r.proto = IPPROTO_ICMP;
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	r = rule(8080);
	r.remote.byte[0] = 1;
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	r = rule(8080);
	r.kind = NAT_PINHOLE;
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	assert_int_equal(req(BROKER_SET, pinhole(1, 8080)), NAT_EREFUSED);
	assert_int_equal(req(BROKER_SET, pinhole(7, 22)), NAT_EREFUSED);
	r = pinhole(7, 8080);
	r.client.byte[5] = 2;	/* another network */
	assert_int_equal(req(BROKER_SET, r), NAT_EREFUSED);
	assert_int_equal(batches, 0);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
}

static void test_port_of_the_router_is_refused(void **state)
{
	struct nat_rule udp = rule(2222);

	assert_int_equal(req(BROKER_SET, rule(2222)), NAT_ECONFLICT);
	udp.proto = IPPROTO_UDP;
	assert_int_equal(req(BROKER_SET, udp), NAT_OK);
}

/* On a kernel whose listening ports cannot be read, every client once got 501,
 * and no log line gave the reason. */
static void test_unreadable_ports_of_the_router_are_logged(void **state)
{
	ports_fail = -ENOENT;
	errors = 0;
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_EFAIL);
	assert_int_equal(errors, 1);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
	ports_fail = 0;
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
}

static void test_full_table_refuses_a_rule(void **state)
{
	for (uint16_t p = 5001; p <= 5004; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5005)), NAT_ENOSPC);
	assert_int_equal(broker.fw.mappings.rule_n, 4);
}

static void test_client_at_its_limit_gets_no_new_rule(void **state)
{
	struct nat_rule other = rule(6000), moved = rule(5001);

	conf.max_per_client = 2;
	other.client = addr_ip4(CLIENT + 1);
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5002)), NAT_OK);
	warnings = 0;
	assert_int_equal(req(BROKER_SET, rule(5003)), NAT_ENOSPC);
	assert_int_equal(warnings, 1);
	assert_int_equal(req(BROKER_SET, other), NAT_OK);
	/* another client's rule in its place counts, its own does not */
	other.client = addr_ip4(CLIENT);
	assert_int_equal(req(BROKER_SET, other), NAT_ENOSPC);
	moved.int_port = 7000;
	assert_int_equal(req(BROKER_SET, moved), NAT_OK);
	assert_int_equal(req(BROKER_DEL, moved), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5003)), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 3);
}

/* Rules that wait in the same batch count. */
static void test_client_limit_holds_within_a_batch(void **state)
{
	conf.max_per_client = 2;
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	send_request(BROKER_SET, rule(5001));
	send_request(BROKER_SET, rule(5002));
	send_request(BROKER_SET, rule(5003));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(answer(), NAT_ENOSPC);	/* at once, the others after */
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 2);
}

static void test_client_limit_holds_within_a_sync(void **state)
{
	struct nat_rule other = rule(6000);

	conf.max_per_client = 1;
	other.client = addr_ip4(CLIENT + 1);
	for (int again = 0; again < 2; again++) {
		send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
		send_request(BROKER_SYNC_RULE, rule(5001));
		send_request(BROKER_SYNC_RULE, rule(5002));
		send_request(BROKER_SYNC_RULE, other);
		send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
		serve_all();
		assert_int_equal(broker.fw.mappings.rule_n, 2);
		assert_int_equal(answer(), NAT_OK);
		assert_int_equal(answer(), NAT_EREFUSED);
		assert_int_equal(answer(), -1);
	}
}

static void test_failed_tool_leaves_no_rule(void **state)
{
	tool_fails = -EIO;
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_EFAIL);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
}

static void test_flows_end_with_their_rule(void **state)
{
	struct nat_rule r = rule(8080);

	r.remote = addr_ip4(0x0b162109);
	r.int_port = 8000;
	assert_int_equal(req(BROKER_DEL, r), NAT_OK);	/* there is none */
	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	assert_int_equal(req(BROKER_SET, r), NAT_OK);	/* renewed */
	assert_int_equal(kills, 0);
	assert_int_equal(req(BROKER_DEL, r), NAT_OK);
	assert_int_equal(kills, 1);
	assert_int_equal(killed_n, 1);
	assert_int_equal(killed[0].ext_ip, EXT);
	assert_int_equal(killed[0].remote, 0x0b162109);
	assert_int_equal(killed[0].client, CLIENT);
	assert_int_equal(killed[0].ext_port, 8080);
	assert_int_equal(killed[0].int_port, 8000);
	assert_int_equal(killed[0].proto, IPPROTO_TCP);
}

/* The flows of the former target end, those of the new one stay. */
static void test_flows_end_when_the_port_leads_elsewhere(void **state)
{
	struct nat_rule r = rule(8080);

	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	r.int_port = 8081;
	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	assert_int_equal(kills, 1);
	assert_int_equal(killed[0].int_port, 8080);
	r.client = addr_ip4(CLIENT + 1);
	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	assert_int_equal(kills, 2);
	assert_int_equal(killed[0].client, CLIENT);
}

static void test_flows_of_a_batch_end_in_one_walk(void **state)
{
	for (uint16_t p = 5001; p <= 5003; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	send_request(BROKER_DEL, rule(5001));
	send_request(BROKER_SET, rule(5002));		/* stays */
	send_request(BROKER_DEL, rule(5003));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(kills, 1);
	assert_int_equal(killed_n, 2);
	assert_int_equal(killed[0].ext_port, 5001);
	assert_int_equal(killed[1].ext_port, 5003);
}

/* The first change of a burst is walked at once, the others share a walk. */
static void test_flows_of_a_burst_share_a_walk(void **state)
{
	for (uint16_t p = 5001; p <= 5004; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	broker.now_ms = 70000;
	assert_int_equal(req(BROKER_DEL, rule(5001)), NAT_OK);
	assert_int_equal(kills, 1);
	assert_int_equal(broker.flows.noted_n, 0);
	broker.now_ms += FLOWS_GAP_MS - 1;
	assert_int_equal(req(BROKER_DEL, rule(5002)), NAT_OK);
	assert_int_equal(req(BROKER_DEL, rule(5003)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5003)), NAT_OK);	/* again */
	assert_int_equal(kills, 1);
	assert_int_not_equal(broker.flows.noted_n, 0);
	broker.now_ms += 1;
	flows_kill(&broker.flows, broker.now_ms);
	assert_int_equal(kills, 2);
	assert_int_equal(killed_n, 1);
	assert_int_equal(killed[0].ext_port, 5002);
	assert_int_equal(broker.flows.noted_n, 0);
	flows_kill(&broker.flows, broker.now_ms);
	assert_int_equal(kills, 2);
	broker.now_ms += FLOWS_GAP_MS;
	assert_int_equal(req(BROKER_DEL, rule(5004)), NAT_OK);
	assert_int_equal(kills, 3);
}

/* The gap after a long walk is a second at most. */
static void test_long_walk_makes_a_long_gap(void **state)
{
	for (uint16_t p = 5001; p <= 5003; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	kill_takes_ms = 21;			/* 20 at least, as it counts */
	broker.now_ms = 70000;
	assert_int_equal(req(BROKER_DEL, rule(5001)), NAT_OK);
	assert_int_equal(kills, 1);
	assert_in_range(broker.flows.walk_gap_ms, 400, FLOWS_GAP_MAX_MS);
	broker.now_ms += 399;
	kill_takes_ms = 60;
	assert_int_equal(req(BROKER_DEL, rule(5002)), NAT_OK);
	assert_int_equal(kills, 1);
	broker.now_ms += FLOWS_GAP_MAX_MS;
	flows_kill(&broker.flows, broker.now_ms);
	assert_int_equal(kills, 2);
	assert_int_equal(broker.flows.walk_gap_ms, FLOWS_GAP_MAX_MS);
	broker.now_ms += FLOWS_GAP_MAX_MS;
	assert_int_equal(req(BROKER_DEL, rule(5003)), NAT_OK);
	assert_int_equal(kills, 3);
}

static void test_flows_end_after_a_sync(void **state)
{
	struct nat_rule moved = rule(5002);

	for (uint16_t p = 5001; p <= 5003; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	moved.int_port = 6000;
	send_request(BROKER_SYNC_RULE, rule(5001));
	send_request(BROKER_SYNC_RULE, moved);
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(kills, 1);
	assert_int_equal(killed_n, 2);
	assert_int_equal(killed[0].ext_port + killed[1].ext_port, 5002 + 5003);
	assert_int_equal(killed[0].int_port + killed[1].int_port, 5002 + 5003);
}

/* A rule that the tool failed to delete still passes its flows. */
static void test_flows_stay_if_the_rule_stays(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	tool_fails = -EIO;
	assert_int_equal(req(BROKER_DEL, rule(8080)), NAT_EFAIL);
	assert_int_equal(kills, 0);
	broker_verify(&broker);
	assert_int_equal(kills, 0);
}

static void set_and_delete(void)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_int_equal(req(BROKER_DEL, rule(8080)), NAT_OK);
}

/* The mapping is deleted nevertheless, and one log line reports the failure. */
static void test_failure_to_end_flows_is_logged_once(void **state)
{
	kill_fails = -ENOBUFS;
	set_and_delete();
	set_and_delete();
	assert_int_equal(kills, 2);
	assert_int_equal(warnings, 1);
	kill_fails = -EOPNOTSUPP;
	set_and_delete();
	set_and_delete();
	assert_int_equal(kills, 3);		/* not tried again */
	assert_int_equal(warnings, 2);
}

static void test_mapping_without_an_external_address_fails(void **state)
{
	ext_ip = 0;
	assert_int_equal(req(BROKER_REFRESH, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_ENOADDR);
	ext_ip = EXT;
	assert_int_equal(req(BROKER_REFRESH, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
}

/* The owner clears it for the next engine. */
static void test_serving_is_kept_until_the_owner_clears_it(void **state)
{
	assert_false(broker.ready);
	assert_int_equal(req(BROKER_IDLE, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.ready && !broker.serving);
	assert_int_equal(req(BROKER_SERVING, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.serving);
	assert_int_equal(req(BROKER_REFRESH, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.ready && broker.serving);
	assert_int_equal(req(BROKER_IDLE, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.ready && !broker.serving);
}

/* Mappings in force stay while an engine has no port or no network: only its
 * table says which of them have ended. */
static void test_rules_stay_if_nobody_can_be_served(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_int_equal(req(BROKER_SERVING, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(req(BROKER_IDLE, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	broker_reset(&broker);		/* the next engine */
	assert_int_equal(req(BROKER_IDLE, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(kills, 0);
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
}

/* What an earlier daemon left is not ours before the first table. */
static void test_leftovers_stay_if_nobody_can_be_served(void **state)
{
	broker.fw.held = true;
	assert_int_equal(req(BROKER_IDLE, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.fw.held);
}

/* Return: the number of the ping that the engine reads, 0: none */
static uint32_t read_ping(void)
{
	struct broker_rep rep;

	if (recv(engine, &rep, sizeof(rep), 0) != sizeof(rep))
		return 0;
	assert_int_equal(rep.version, BROKER_VERSION);
	assert_int_equal(rep.verb, BROKER_PING);
	return rep.id.generation;
}

/* Return: broker_serve()'s result */
static int answer_ping(uint32_t number)
{
	const struct broker_req pong = {
		.version = BROKER_VERSION, .verb = BROKER_PING,
		.id.generation = number,
	};

	assert_int_equal(send(engine, &pong, sizeof(pong), 0), sizeof(pong));
	return broker_serve(&broker, monitor);
}

static void test_ping_is_answered_by_its_number(void **state)
{
	uint32_t first, second;

	assert_int_equal(answer_ping(0), -EPROTO);	/* to no ping */
	broker_ping(&broker, monitor);
	assert_true(broker.pinged);
	broker_ping(&broker, monitor);		/* it was sent */
	first = read_ping();
	assert_int_equal(read_ping(), 0);
	assert_int_equal(answer_ping(first + 1), -EPROTO);
	assert_true(broker.pinged);
	/* other requests are no answer, and a sync goes on */
	send_request(BROKER_SYNC_RULE, rule(6000));
	assert_int_equal(answer_ping(first), 0);
	assert_false(broker.pinged);
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(answer_ping(first), -EPROTO);	/* once more */
	broker_ping(&broker, monitor);
	second = read_ping();
	assert_int_not_equal(second, first);
	broker_reset(&broker);			/* another engine */
	assert_int_equal(answer_ping(second), -EPROTO);
}

/* Whatever the engine answers, a ping that found no room was not read. */
static void test_ping_that_found_no_room_is_sent_again(void **state)
{
	const struct broker_rep rep = { .version = BROKER_VERSION };
	uint32_t number = 0;

	while (send(monitor, &rep, sizeof(rep), 0) > 0)
		;
	broker_ping(&broker, monitor);
	assert_true(broker.pinged);
	assert_int_equal(answer_ping(broker.ping), -EPROTO);
	while (answer() == NAT_OK)
		;
	broker_ping(&broker, monitor);
	number = read_ping();
	assert_int_equal(number, broker.ping);
	assert_int_equal(answer_ping(number), 0);
	assert_false(broker.pinged);
}

static void test_sync_replaces_the_table(void **state)
{
	struct nat_rule out = rule(7000), r = rule(6000);

	out.client = addr_ip4(0x08080808);
	assert_int_equal(req(BROKER_SET, rule(5000)), NAT_OK);
	send_request(BROKER_SYNC_RULE, r);
	send_request(BROKER_REFRESH, (struct nat_rule){ 0 });	/* again */
	send_request(BROKER_SYNC_RULE, rule(6001));
	send_request(BROKER_SYNC_RULE, out);		/* left out */
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_EREFUSED);
	assert_int_equal(answer(), -1);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(broker.fw.mappings.rule[0].ext_port, 6001);
}

/* The network disappeared after the engine read the interfaces. This is not a
 * fault of the engine: the answer makes it read them again. */
static void test_network_that_disappeared_is_reported(void **state)
{
	struct nat_rule out = rule(7000);

	out.client = addr_ip4(0xc0a85902);
	warnings = 0;
	for (unsigned again = 0; again < 2; again++) {
		send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
		send_request(BROKER_SYNC_RULE, rule(6000));
		send_request(BROKER_SYNC_RULE, out);
		send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
		serve_all();
		assert_int_equal(answer(), NAT_OK);
		assert_int_equal(answer(), NAT_EREFUSED);
		assert_int_equal(broker.fw.mappings.rule_n, 1);
		assert_int_equal(broker.fw.mappings.rule[0].ext_port, 6000);
	}
	/* rules of an earlier sync, or before a restart, do not count */
	send_request(BROKER_SYNC_RULE, out);
	send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
	send_request(BROKER_SYNC_RULE, rule(6000));
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(warnings, 0);
}

/* Networks after the first sixteen were once left out without a log line. */
static void test_networks_beyond_the_limit_are_logged(void **state)
{
	more_nets = NATFW_NETS_MAX - 2;
	conf.hairpin = true;
	assert_int_equal(broker_refresh(&broker), 0);
	assert_int_equal(broker.fw.env.net_n, NATFW_NETS_MAX);
	assert_int_equal(warnings, 0);
	more_nets += 2;
	assert_int_equal(broker_refresh(&broker), 0);
	assert_int_equal(broker.fw.env.net_n, NATFW_NETS_MAX);
	assert_int_equal(warnings, 1);
	assert_int_equal(broker_refresh(&broker), 0);
	assert_int_equal(warnings, 1);
	more_nets++;
	assert_int_equal(broker_refresh(&broker), 0);
	assert_int_equal(warnings, 2);
	more_nets = 0;
}

/* The engine serves all networks behind other routers, but not addresses beyond
 * IFSOCKS_MAX. */
static void test_routed_networks_are_never_left_out(void **state)
{
	const struct netif_addr *net = broker.fw.env.net;

	more_nets = NATFW_NETS_MAX + 9;
	routed_nets = 2;
	conf.hairpin = true;
	assert_int_equal(broker_refresh(&broker), 0);
	assert_int_equal(broker.fw.env.net_n, NATFW_NETS_MAX);
	assert_int_equal(warnings, 1);
	assert_true(net[NATFW_NETS_MAX - 1].routed);
	assert_true(net[NATFW_NETS_MAX - 2].routed);
	assert_false(net[NATFW_NETS_MAX - 3].routed);
	more_nets = routed_nets = 0;
}

static void test_sync_larger_than_the_table_is_cut(void **state)
{
	for (uint16_t p = 5001; p <= 5009; p++)
		send_request(BROKER_SYNC_RULE, rule(p));
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_EREFUSED);
	assert_int_equal(broker.fw.mappings.rule_n, 4);
}

static void test_link_is_taken_down_only_if_allowed(void **state)
{
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }),
			 NAT_EREFUSED);
	assert_true(link_state);
	conf.allow_disable_external = true;
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	assert_false(link_state);
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(link_state);
}

/* The engine says which external interface is the active one; another number
 * than that of an external interface means nothing. */
static void test_engine_chooses_among_the_external_interfaces(void **state)
{
	more_externals = 1;
	refresh_by(5);
	assert_string_equal(broker.fw.env.ext_if, "wan1");
	assert_int_equal(broker.fw.env.ext_index, 5);
	assert_int_equal(addr_to_ip4(broker.fw.env.ext), EXT + 1);
	refresh_by(3);		/* lan0 */
	assert_string_equal(broker.fw.env.ext_if, "wan0");
	/* pinholes have an interface of their own */
	assert_string_equal(broker.fw.env.ext6_if, "wan1");
	assert_int_equal(broker.fw.env.ext6_index, 5);
	refresh_by(5);
	refresh_by(0);
	assert_string_equal(broker.fw.env.ext_if, "wan0");
	assert_int_equal(addr_to_ip4(broker.fw.env.ext), EXT);
	more_externals = 0;
}

/* Another interface has become the active one since. */
static void test_the_link_that_was_taken_down_is_taken_up(void **state)
{
	conf.allow_disable_external = true;
	more_externals = 1;
	refresh_by(2);
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(link_name, "wan0");
	refresh_by(5);
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(link_name, "wan0");
	assert_true(link_state);
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(link_name, "wan1");
	more_externals = 0;
}

/* Routes are saved before the link goes down, and restored once it is up. */
static void test_link_keeps_its_routes(void **state)
{
	conf.allow_disable_external = true;
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(steps, "sd");
	/* already down: the saved routes stay */
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(steps, "sdd");
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(steps, "sddur");
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(steps, "sdduru-");
}

static void test_reload_keeps_the_saved_routes(void **state)
{
	conf.allow_disable_external = true;
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	broker_close(&broker);
	assert_int_equal(broker_open(&broker, &conf), 0);
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_string_equal(steps, "sdur");
}

/* If the routes cannot be saved, the link is not taken down. If they cannot be
 * restored, one log line reports it and the link is up. */
static void test_failures_with_routes_are_reported(void **state)
{
	conf.allow_disable_external = true;
	save_fails = -EINTR;
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }),
			 NAT_EFAIL);
	assert_string_equal(steps, "s");
	save_fails = 0;
	restore_fails = -ENETUNREACH;
	assert_int_equal(req(BROKER_LINK_DOWN, (struct nat_rule){ 0 }), NAT_OK);
	warnings = 0;
	assert_int_equal(req(BROKER_LINK_UP, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(warnings, 2);
	assert_true(link_state);
}

/* The answer to BROKER_VERIFY, and the fields of the status file. */
static void test_verify_reports_repairs_and_failures(void **state)
{
	struct nat_rule none = { .kind = 0 };
	struct broker_rep rep;

	send_request(BROKER_VERIFY, none);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(recv(engine, &rep, sizeof(rep), 0), sizeof(rep));
	assert_int_equal(rep.verb, BROKER_VERIFY);
	assert_int_equal(rep.err, NAT_OK);
	assert_int_equal(rep.repaired, 0);
	drifted = 1;
	send_request(BROKER_VERIFY, none);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(recv(engine, &rep, sizeof(rep), 0), sizeof(rep));
	assert_int_equal(rep.err, NAT_OK);
	assert_int_equal(rep.repaired, 1);
	assert_int_equal(broker.repairs, 1);
	assert_string_equal(broker_fault(&broker), "");
	tool_fails = -EIO;
	send_request(BROKER_VERIFY, none);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(recv(engine, &rep, sizeof(rep), 0), sizeof(rep));
	assert_int_equal(rep.err, NAT_EFAIL);
	assert_int_equal(broker.repairs, 1);
	assert_string_equal(broker_fault(&broker), "it refused");
}

/* A renewal is answered when the rules are there. Once a turn is enough for the
 * administrator's rules; the backend compares ours again before the answer. */
static void test_changed_legacy_iptables_is_verified_first(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_false(broker_poll(&broker));
	broker.fw.legacy.hash++;	/* as if it had changed */
	assert_true(broker_poll(&broker));
	assert_true(broker.suspect);
	broker.suspect = false;		/* it is known now */
	assert_true(broker_poll(&broker));
	assert_false(broker.suspect);
	drifted = 1;
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_int_equal(broker.repairs, 1);
	assert_false(broker_poll(&broker));
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_int_equal(broker.repairs, 1);
	/* it cannot be repaired, and is not tried twice */
	broker.fw.legacy.hash++;
	tool_fails = -EIO;
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_EFAIL);
	assert_false(broker_poll(&broker));
}

/* The backend need not look again if no other request has come since. */
static void test_one_request_needs_one_look_at_legacy_iptables(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_true(broker.batch.fresh);
	assert_false(broker.fw.legacy_fresh);	/* only for that batch */
	send_request(BROKER_SET, rule(8081));
	send_request(BROKER_SET, rule(8082));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
	assert_false(broker.batch.fresh);
	broker.fw.legacy.hash++;
	assert_int_equal(req(BROKER_SET, rule(8083)), NAT_OK);
	assert_false(broker.batch.fresh);
}

/* Legacy iptables is flushed, restored and verified, and flushed again: the
 * second flush was once taken for the first. */
static void test_same_change_of_legacy_iptables_is_noticed_again(void **state)
{
	broker.fw.legacy.hash++;
	assert_true(broker_poll(&broker));
	assert_true(broker.suspect);
	assert_int_equal(broker_verify(&broker), 0);
	assert_false(broker.suspect);
	broker.fw.legacy.hash++;
	assert_true(broker_poll(&broker));
	assert_true(broker.suspect);
	/* a change of ours in between, and theirs is undone and made again */
	broker.suspect = false;
	broker.fw.legacy.hash++;
	assert_true(broker_poll(&broker));
	assert_true(broker.suspect);
	broker.suspect = false;
	broker.fw.legacy.hash -= 2;
	assert_false(broker_poll(&broker));
	broker.fw.legacy.hash += 2;
	assert_true(broker_poll(&broker));
	assert_true(broker.suspect);
}

/* The verification that a request makes is cut short. It was once not made
 * again before the next interval. */
static void test_interrupted_verification_is_due_again(void **state)
{
	const int cut_short[] = { -EINTR, -ENOBUFS };

	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	for (size_t i = 0; i < 2; i++) {
		broker.fw.legacy.hash++;
		drifted = cut_short[i];
		assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
		assert_true(broker.suspect);
		drifted = 0;
		assert_int_equal(broker_verify(&broker), 0);
		assert_false(broker.suspect);
	}
}

/* An operator is not told that all is well. */
static void test_interrupted_resync_is_a_failure(void **state)
{
	errors = 0;
	drifted = -EINTR;
	assert_int_equal(req(BROKER_VERIFY, (struct nat_rule){ 0 }), NAT_EFAIL);
	assert_true(broker.suspect);
	assert_int_equal(warnings, 1);
	assert_int_equal(errors, 0);
	drifted = -ENOBUFS;
	assert_int_equal(req(BROKER_VERIFY, (struct nat_rule){ 0 }), NAT_EFAIL);
	assert_true(broker.suspect);
	drifted = 0;
	assert_int_equal(req(BROKER_VERIFY, (struct nat_rule){ 0 }), NAT_OK);
	assert_false(broker.suspect);
}

/* By old rules a place may lack its accept. */
static void test_sync_by_old_rules_is_verified(void **state)
{
	hurried = true;
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }), NAT_OK);
	assert_true(broker.suspect);
	assert_int_equal(broker_verify(&broker), 0);
	assert_false(broker.suspect);
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_false(broker.suspect);
}

/* Notices of our own changes are not suspicious, those of others are. */
static void test_only_changes_by_others_are_suspect(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(8080)), NAT_OK);
	assert_false(broker.suspect);
	broker_changed(&broker, 0);
	assert_false(broker.suspect);
	notices = 1;
	broker_changed(&broker, 0);
	assert_true(broker.suspect);
	assert_int_equal(broker_verify(&broker), 0);
	assert_false(broker.suspect);
	/* between two of ours */
	send_request(BROKER_SET, rule(8081));
	notices = 1;
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(answer(), NAT_OK);
	assert_true(broker.suspect);
	/* a repair is our own */
	drifted = 1;
	assert_int_equal(broker_verify(&broker), 1);
	broker_changed(&broker, 0);
	assert_false(broker.suspect);
	/* A flush makes several changes. One that came between our check and
	 * our repair was once counted as the repair's, and its rules were
	 * missing until the next check. */
	meanwhile = 1;
	assert_int_equal(broker_verify(&broker), 1);
	assert_true(broker.suspect);
	drifted = 0;
	assert_int_equal(broker_verify(&broker), 0);
	assert_true(broker.suspect);
	meanwhile = 0;
	assert_int_equal(broker_verify(&broker), 0);
	assert_false(broker.suspect);
}

/* ---- pinholes -------------------------------------------------------- */

static void test_mappings_and_pinholes_are_one_batch(void **state)
{
	struct nat_rule hole = pinhole(7, 8080);

	send_request(BROKER_SET, rule(8080));
	send_request(BROKER_SET, hole);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(batches, 1);
	assert_int_equal(batch_size, 2);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(broker.fw.pinholes.rule_n, 1);
	assert_int_equal(req(BROKER_DEL, hole), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(broker.fw.pinholes.rule_n, 0);
	assert_int_equal(kills, 1);	/* of the pinhole's flows */
	assert_true(addr_equal(killed[0].client6, hole.client));
	assert_int_equal(killed[0].int_port, 8080);
}

static void test_answer_repeats_the_id_of_the_op(void **state)
{
	struct broker_req req = {
		BROKER_VERSION, BROKER_SET, { NAT_PINHOLE, 7, 65535 },
		pinhole(7, 8080),
	};
	struct broker_rep rep;

	for (int again = 0; again < 2; again++) {
		assert_int_equal(send(engine, &req, sizeof(req), 0),
				 sizeof(req));
		assert_int_equal(broker_serve(&broker, monitor), 0);
		assert_int_equal(recv(engine, &rep, sizeof(rep), 0),
				 sizeof(rep));
		assert_int_equal(rep.version, BROKER_VERSION);
		assert_int_equal(rep.verb, BROKER_SET);
		assert_memory_equal(&rep.id, &req.id, sizeof(rep.id));
		assert_int_equal(rep.err, again ? NAT_EREFUSED : NAT_OK);
		req.rule.client = lan6(1);	/* refused: the router */
	}
}

static struct broker_rep count(struct nat_rule r)
{
	struct broker_rep rep;

	send_request(BROKER_PACKETS, r);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(recv(engine, &rep, sizeof(rep), 0), sizeof(rep));
	assert_int_equal(rep.verb, BROKER_PACKETS);
	return rep;
}

static void test_packets_of_a_pinhole(void **state)
{
	struct nat_rule hole = pinhole(7, 8080), bad = hole;

	assert_int_equal(req(BROKER_SET, hole), NAT_OK);
	assert_int_equal(count(hole).err, NAT_OK);
	assert_true(count(hole).packets == UINT64_MAX - 8080);
	packets_fail = -EIO;
	assert_int_equal(count(hole).err, NAT_EFAIL);
	assert_true(count(hole).packets == 0);
	packets_fail = -EOPNOTSUPP;
	assert_int_equal(count(hole).err, NAT_EKIND);
	packets_fail = 0;
	hole.int_port++;
	assert_int_equal(count(hole).err, NAT_EFAIL);
	assert_int_equal(count(rule(8080)).err, NAT_EFAIL);
	bad.client.family = ADDR_LINK;
	assert_int_equal(count(bad).err, NAT_EFAIL);
}

static struct nat_rule flow(void)
{
	struct nat_rule r = rule(0);

	r.int_port = 5060;
	r.remote = addr_ip4(0x08080808);
	r.remote_port = 3478;
	return r;
}

static struct broker_rep ask(struct nat_rule r)
{
	struct broker_rep rep;

	send_request(BROKER_FLOW, r);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(recv(engine, &rep, sizeof(rep), 0), sizeof(rep));
	assert_int_equal(rep.verb, BROKER_FLOW);
	if (rep.err != NAT_OK)
		assert_int_equal(rep.rule.ext_port, 0);
	r.ext_port = rep.rule.ext_port;		/* the rest is the question's */
	assert_true(nat_rule_equal(&rep.rule, &r));
	return rep;
}

static void test_port_of_a_flow_is_answered(void **state)
{
	struct broker_rep rep;

	asks = 0;
	ask_fails = 0;
	rep = ask(flow());
	assert_int_equal(rep.err, NAT_OK);
	assert_int_equal(rep.rule.ext_port, 61000);
	assert_int_equal(asked.ext_ip, EXT);
	assert_int_equal(asked.client, CLIENT);
	assert_int_equal(asked.int_port, 5060);
	assert_int_equal(asked.remote, 0x08080808);
	assert_int_equal(asked.remote_port, 3478);
	ask_fails = -ENOENT;
	rep = ask(flow());
	assert_int_equal(rep.err, NAT_OK);
	assert_int_equal(rep.rule.ext_port, 0);
	ask_fails = -EPROTONOSUPPORT;
	assert_int_equal(ask(flow()).err, NAT_EFAIL);
	assert_int_equal(asks, 3);
	ask_fails = 0;
}

/* A compromised engine learns nothing of the router's own flows, or of those of
 * hosts outside. */
static void test_only_flows_of_clients_are_answered(void **state)
{
	struct nat_rule bad[8];
	size_t n = 0;

	for (n = 0; n < 8; n++)
		bad[n] = flow();
	bad[0].client = addr_ip4(0x08080404);
	bad[1].client = addr_ip4(ROUTER);
	bad[2].remote = addr_any();
	bad[3].remote_port = 0;
	bad[4].int_port = 0;
	bad[5].proto = IPPROTO_SCTP;
	bad[6] = pinhole(7, 5060);
	bad[6].remote_port = 3478;
	bad[7].client.byte[9] = 1;
	asks = 0;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ask(bad[i]).err, NAT_EREFUSED);
	assert_int_equal(asks, 0);
}

/* The router serves port 2222, which does not conflict with a pinhole. */
static void test_pinhole_may_use_a_port_of_the_router(void **state)
{
	ports_fail = -EIO;
	assert_int_equal(req(BROKER_SET, pinhole(7, 2222)), NAT_OK);
	ports_fail = 0;
}

static void test_sync_has_both_kinds(void **state)
{
	assert_int_equal(req(BROKER_SET, pinhole(9, 9000)), NAT_OK);
	send_request(BROKER_SYNC_RULE, rule(6000));	/* not the last one */
	send_request(BROKER_SYNC_RULE, pinhole(7, 6000));
	send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
	send_request(BROKER_SYNC_RULE, pinhole(7, 6001));
	send_request(BROKER_SYNC_RULE, rule(6001));
	send_request(BROKER_SYNC_RULE, pinhole(1, 6001));	/* left out */
	send_request(BROKER_SYNC_RULE, pinhole(8, 6001));
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_EREFUSED);
	assert_int_equal(answer(), -1);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(broker.fw.mappings.rule[0].ext_port, 6001);
	assert_int_equal(broker.fw.pinholes.rule_n, 2);
	assert_int_equal(broker.fw.pinholes.rule[0].int_port, 6001);
	assert_int_equal(broker_verify(&broker), 0);
}

/* Mappings take no room from pinholes, nor pinholes from mappings. */
static void test_each_kind_has_its_own_limit(void **state)
{
	for (uint16_t p = 5001; p <= 5004; p++)
		assert_int_equal(req(BROKER_SET, rule(p)), NAT_OK);
	assert_int_equal(req(BROKER_SET, pinhole(7, 5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5005)), NAT_ENOSPC);
	for (unsigned i = 1; i < N_HOLES; i++)
		assert_int_equal(req(BROKER_SET,
				     pinhole(7, (uint16_t)(5001 + i))), NAT_OK);
	assert_int_equal(req(BROKER_SET, pinhole(8, 5001)), NAT_ENOSPC);
	assert_int_equal(req(BROKER_DEL, rule(5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, pinhole(8, 5001)), NAT_ENOSPC);
	assert_int_equal(broker.fw.pinholes.rule_n, N_HOLES);
}

static void test_sync_keeps_the_limit_of_each_kind(void **state)
{
	for (unsigned i = 0; i <= N_HOLES; i++) {
		send_request(BROKER_SYNC_RULE,
			     pinhole(7, (uint16_t)(5001 + i)));
		serve_all();
	}
	for (uint16_t p = 5001; p <= 5005; p++)
		send_request(BROKER_SYNC_RULE, rule(p));
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_EREFUSED);
	assert_int_equal(broker.fw.pinholes.rule_n, N_HOLES);
	assert_int_equal(broker.fw.mappings.rule_n, 4);
}

/* The engine counts them by the host that asked, which may have many addresses;
 * the monitor would leave out pinholes of an honest engine. */
static void test_pinholes_are_not_limited_by_client(void **state)
{
	conf.max_per_client = 1;
	warnings = 0;
	for (uint16_t p = 5001; p <= 5003; p++)
		assert_int_equal(req(BROKER_SET, pinhole(7, p)), NAT_OK);
	for (uint16_t p = 5001; p <= 5004; p++)
		send_request(BROKER_SYNC_RULE, pinhole(7, p));
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(broker.fw.pinholes.rule_n, 4);
	assert_int_equal(warnings, 0);
}

/* With ipv6 = no or max-pinholes = 0 an honest engine asks for none. */
static void test_disabled_pinholes_are_refused(void **state)
{
	for (int i = 0; i < 2; i++) {
		broker_close(&broker);
		conf.ipv6 = i;
		conf.max_pinholes = i ? 0 : N_HOLES;
		assert_int_equal(broker_open(&broker, &conf), 0);
		assert_int_equal(req(BROKER_SET, pinhole(7, 5001)), NAT_EKIND);
		send_request(BROKER_SYNC_RULE, pinhole(7, 5001));
		assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }),
				 NAT_EREFUSED);
		assert_int_equal(broker.fw.pinholes.rule_n, 0);
	}
}

/* A SET of a pinhole must not succeed without a rule. */
static void test_backend_without_pinholes_refuses_them(void **state)
{
	broker_close(&broker);
	str_copy(conf.backend, sizeof(conf.backend), STR("netlink"));
	assert_int_equal(broker_open(&broker, &conf), 0);
	warnings = 0;
	assert_int_equal(req(BROKER_SET, pinhole(7, 5001)), NAT_EKIND);
	assert_int_equal(warnings, 1);
	assert_int_equal(batches, 0);
	send_request(BROKER_SYNC_RULE, pinhole(7, 5001));
	send_request(BROKER_SYNC_RULE, rule(5001));
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }),
			 NAT_EREFUSED);
	assert_int_equal(broker.fw.pinholes.rule_n, 0);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
}

static void test_malformed_request_is_an_error(void **state)
{
	char raw[sizeof(struct broker_req) + 1] = { 0 };
	struct broker_req req = {
		BROKER_VERSION, BROKER_SET, { NAT_PORTMAP, 7, 1 }, rule(8080),
	};

	/* valid except for its length */
	memcpy(raw, &req, sizeof(req));
	req.verb = BROKER__MAX;
	for (size_t n = 1; n <= sizeof(raw); n++) {
		if (n == sizeof(struct broker_req))
			continue;
		assert_int_equal(send(engine, raw, n, 0), n);
		assert_int_equal(broker_serve(&broker, monitor), -EPROTO);
	}
	assert_int_equal(send(engine, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(broker_serve(&broker, monitor), -EPROTO);
	req.verb = 0;
	assert_int_equal(send(engine, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(broker_serve(&broker, monitor), -EPROTO);
	req.verb = BROKER_SET;
	req.version = BROKER_VERSION + 1;
	assert_int_equal(send(engine, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(broker_serve(&broker, monitor), -EPROTO);
	assert_int_equal(answer(), -1);
	assert_int_equal(batches, 0);
}

static void test_closed_channel_is_an_error(void **state)
{
	send_request(BROKER_SET, rule(8080));
	shutdown(engine, SHUT_RDWR);
	assert_int_equal(broker_serve(&broker, monitor), -EPIPE);
}

/* An engine that floods and never reads its answers. */
static void test_engine_that_reads_no_answers_is_an_error(void **state)
{
	struct broker_req req = {
		BROKER_VERSION, BROKER_SET, { 0 }, rule(22),
	};
	int err = 0;

	for (int i = 0; i < 100000 && !err; i++) {
		if (send(engine, &req, sizeof(req), 0) < 0)
			assert_int_equal(errno, EAGAIN);
		if (i % 64 == 0)
			err = broker_serve(&broker, monitor);
	}
	assert_int_equal(err, -EXFULL);
}

/* Fill the socket with requests. Return: how many */
static size_t flood(uint32_t verb)
{
	struct broker_req req = { BROKER_VERSION, verb, { 0 }, rule(8080) };
	const int size = 1 << 20;
	size_t n = 0;

	setsockopt(engine, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (send(engine, &req, sizeof(req), 0) == sizeof(req))
		n++;
	return n;
}

static size_t left_over(void)
{
	struct broker_req req;
	size_t n = 0;

	while (recv(monitor, &req, sizeof(req), 0) == sizeof(req))
		n++;
	return n;
}

/* An engine that sent requests faster than they were served kept the monitor in
 * one call for ever: it handled no signal, verified no rule, read no log. */
static void test_one_turn_serves_a_limited_number(void **state)
{
	size_t n = flood(BROKER_SYNC_RULE);

	assert_true(n > NAT_BATCH_MAX);
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(left_over(), n - NAT_BATCH_MAX);
}

/* A request that may run a tool ends the turn. */
static void test_request_that_may_run_a_tool_ends_the_turn(void **state)
{
	static const uint32_t verbs[] = {
		BROKER_VERIFY, BROKER_REFRESH, BROKER_SYNC_END, BROKER_LINK_UP,
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		send_request(verbs[i], (struct nat_rule){ 0 });
		send_request(verbs[i], (struct nat_rule){ 0 });
		assert_int_equal(broker_serve(&broker, monitor), 0);
		assert_int_not_equal(answer(), -1);
		assert_int_equal(answer(), -1);
		assert_int_equal(broker_serve(&broker, monitor), 0);
		assert_int_not_equal(answer(), -1);
	}
	/* each would be a batch of its own */
	for (int i = 0; i < 3; i++) {
		send_request(BROKER_SET, rule(5001));
		send_request(BROKER_SYNC_RULE, rule(5001));
		send_request(BROKER_DEL, rule(5001));
		send_request(BROKER_SYNC_RULE, rule(5001));
	}
	batches = 0;
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(batches, 1);
}

/* An engine must not fill the log: without a limit each of these requests made
 * a line. */
static void test_log_lines_about_requests_are_limited(void **state)
{
	broker.now_ms = 70000;
	warnings = 0;
	for (int i = 0; i < 3 * LOG_ENGINE_LINES; i++)
		assert_int_equal(req(BROKER_SET, rule(22)), NAT_EREFUSED);
	assert_int_equal(warnings, LOG_ENGINE_LINES);
	broker.now_ms += LOGRATE_WINDOW_MS - 1;
	assert_int_equal(req(BROKER_SET, rule(22)), NAT_EREFUSED);
	assert_int_equal(warnings, LOG_ENGINE_LINES);
	/* one line counts the dropped ones, and a new window begins */
	broker.now_ms += 1;
	assert_int_equal(req(BROKER_SET, rule(22)), NAT_EREFUSED);
	assert_int_equal(warnings, LOG_ENGINE_LINES + 2);
}

/* A control point that takes the link down and up must not fill the log. */
static void test_log_lines_about_the_link_are_limited(void **state)
{
	conf.allow_disable_external = true;
	broker.now_ms = 70000;
	warnings = 0;
	for (int i = 0; i < 2 * LOG_ENGINE_LINES; i++) {
		memset(steps, 0, sizeof(steps));
		req(i % 2 ? BROKER_LINK_UP : BROKER_LINK_DOWN,
		    (struct nat_rule){ 0 });
	}
	assert_int_equal(warnings, LOG_ENGINE_LINES);
}

/* Return: the answer to the end of the sync */
static int sync_one(struct nat_rule r)
{
	send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
	send_request(BROKER_SYNC_RULE, r);
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_OK);
	return answer();
}

/* ---- overruled ------------------------------------------------------- */

/* The next record; its verb is 0 if there is none. */
static struct broker_rep record(void)
{
	struct broker_rep rep = { .verb = 0 };

	if (recv(engine, &rep, sizeof(rep), 0) != sizeof(rep))
		rep.verb = 0;
	return rep;
}

static void assert_taken(uint16_t port, enum nat_err err)
{
	struct broker_rep rep = record();
	struct nat_rule r = rule(port);

	assert_int_equal(rep.verb, BROKER_TAKEN);
	assert_int_equal(rep.version, BROKER_VERSION);
	assert_int_equal(rep.err, err);
	r.proto = rep.rule.proto;
	assert_memory_equal(&rep.rule, &r, sizeof(r));
}

static uint64_t run(void)
{
	return overrule_run(&broker, monitor);
}

/* The interval, or somebody changed the firewall. */
static uint64_t verify(void)
{
	broker_verify(&broker);
	return run();
}

static struct nat_rule udp(uint16_t port)
{
	struct nat_rule r = rule(port);

	r.proto = IPPROTO_UDP;
	return r;
}

/* A LAN client once got the port of the administrator's own forward. */
static void test_port_that_the_administrator_forwards_is_refused(void **state)
{
	forwarded = 8022;
	blocked = 8023;
	assert_int_equal(req(BROKER_SET, rule(8022)), NAT_EFORWARDED);
	assert_int_equal(req(BROKER_SET, udp(8022)), NAT_EFORWARDED);
	assert_int_equal(req(BROKER_SET, rule(8023)), NAT_EBLOCKED);
	assert_int_equal(req(BROKER_SET, rule(8024)), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	forwarded = 0;
	assert_int_equal(req(BROKER_SET, rule(8022)), NAT_OK);
}

/* The log names the rule, once a minute for a port and an error. */
static void test_rule_that_has_a_port_is_logged(void **state)
{
	broker.now_ms = 70000;
	forwarded = 8022;
	infos = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(req(BROKER_SET, rule(8022)), NAT_EFORWARDED);
	assert_int_equal(infos, 1);
	assert_int_equal(req(BROKER_SET, udp(8022)), NAT_EFORWARDED);
	assert_int_equal(infos, 2);
	broker.now_ms += REFUSAL_LOG_MS - 1;
	assert_int_equal(req(BROKER_SET, rule(8022)), NAT_EFORWARDED);
	assert_int_equal(infos, 2);
	broker.now_ms += 1;
	assert_int_equal(req(BROKER_SET, rule(8022)), NAT_EFORWARDED);
	assert_int_equal(infos, 3);
	forwarded = 0;
	blocked = 8022;
	for (int i = 0; i < 2; i++)
		assert_int_equal(req(BROKER_SET, rule(8022)), NAT_EBLOCKED);
	assert_int_equal(infos, 4);
	/* more ports than places: the rest has no line */
	for (uint16_t p = 100; p < 200; p++) {
		forwarded = (uint16_t)(8000 + p);
		assert_int_equal(req(BROKER_SET, rule(forwarded)),
				 NAT_EFORWARDED);
	}
	assert_in_range(infos, 4, 4 + BROKER_PORTS_LOGGED);
}

static void test_renewal_is_checked(void **state)
{
	broker.now_ms = 70000;
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	assert_int_equal(batches, 1);	/* the kernel has the rule already */
	blocked = 5001;
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_EBLOCKED);
	assert_true(run() == UINT64_MAX);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	forwarded = 5001;
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_EFORWARDED);
	run();
	assert_taken(5001, NAT_EFORWARDED);
	assert_int_equal(record().verb, 0);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
	assert_int_equal(batches, 2);
	assert_int_equal(kills, 1);
	assert_int_equal(killed[0].ext_port, 5001);
}

/* One turn asks for one port, and then reads all of them once, however many
 * clients renew. */
static void test_renewals_of_a_turn_share_the_ports(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5002)), NAT_OK);
	assert_int_equal(ports_reads, 0);
	ports_asks = 0;
	tcp_service = 5001;
	send_request(BROKER_SET, rule(5001));
	send_request(BROKER_SET, rule(5002));
	send_request(BROKER_SET, rule(5003));
	assert_int_equal(broker_serve(&broker, monitor), 0);
	assert_int_equal(ports_asks, 1);
	assert_int_equal(ports_reads, 1);	/* of its protocol alone */
	assert_int_equal(answer(), NAT_ECONFLICT);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
}

/* A question for one port does not find the sockets of a VRF. */
static void test_ports_of_a_vrf_are_all_read(void **state)
{
	ext_master = 7;
	assert_int_equal(req(BROKER_REFRESH, (struct nat_rule){ 0 }), NAT_OK);
	ports_asks = ports_reads = 0;
	tcp_service = 5001;
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_ECONFLICT);
	assert_int_equal(req(BROKER_SET, rule(5002)), NAT_OK);
	assert_int_equal(ports_asks, 0);
	assert_int_equal(ports_reads, 2);
}

/* A line that is down for a moment costs no mapping. */
static void test_renewal_without_an_external_address(void **state)
{
	struct nat_rule r = rule(5001);

	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	ext_ip = 0;
	assert_int_equal(req(BROKER_REFRESH, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(req(BROKER_SET, r), NAT_OK);
	r.int_port = 7000;
	assert_int_equal(req(BROKER_SET, r), NAT_ENOADDR);
}

static void test_service_of_the_router_takes_its_port_at_verify(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	assert_int_equal(req(BROKER_SET, rule(5002)), NAT_OK);
	assert_int_equal(req(BROKER_SET, pinhole(7, 5002)), NAT_OK);
	verify();
	assert_int_equal(record().verb, 0);
	tcp_service = 5002;
	warnings = 0;
	verify();
	assert_taken(5002, NAT_ECONFLICT);
	assert_int_equal(record().verb, 0);
	assert_int_equal(warnings, 1);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	assert_int_equal(broker.fw.mappings.rule[0].ext_port, 5001);
	assert_int_equal(broker.fw.pinholes.rule_n, 1);
	assert_int_equal(req(BROKER_SET, rule(5002)), NAT_ECONFLICT);
}

/* A resolver's sockets have random ports, and each exists for a moment. */
static void test_udp_socket_takes_a_port_only_if_it_stays(void **state)
{
	broker.now_ms = 70000;
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_OK);
	udp_service = 5001;
	udp_inode = 1;
	assert_true(verify() == 70000 + TAKEN_UDP_MS);
	broker.now_ms += TAKEN_UDP_MS - 1;
	verify();
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_OK);
	udp_inode = 2;			/* another socket */
	broker.now_ms += 1;
	assert_true(run() == broker.now_ms + TAKEN_UDP_MS);
	udp_service = 0;		/* it is not there at one look */
	verify();
	udp_service = 5001;
	broker.now_ms += 10000;
	verify();
	broker.now_ms += TAKEN_UDP_MS - 1;
	run();
	assert_int_equal(record().verb, 0);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	broker.now_ms += 1;
	run();				/* the timer, without a verify */
	assert_taken(5001, NAT_ECONFLICT);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
	assert_true(run() == UINT64_MAX);
	/* for a new mapping it counts at once */
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_ECONFLICT);
}

/* The look that saw the socket first may be a renewal. */
static void test_udp_socket_takes_a_port_at_a_renewal(void **state)
{
	broker.now_ms = 70000;
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_OK);
	udp_service = 5001;
	udp_inode = 1;
	broker.now_ms += 5000;
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_OK);
	assert_true(run() == broker.now_ms + TAKEN_UDP_MS);
	broker.now_ms += TAKEN_UDP_MS;
	assert_int_equal(req(BROKER_SET, udp(5001)), NAT_ECONFLICT);
	run();
	assert_taken(5001, NAT_ECONFLICT);
}

static void test_unreadable_ports_take_nothing(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	tcp_service = 5001;
	ports_fail = -EIO;
	verify();
	assert_int_equal(record().verb, 0);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	forwarded = 5001;		/* this can be read */
	verify();
	assert_taken(5001, NAT_EFORWARDED);
}

/* The lease file's table is checked like a later one. */
static void test_sync_leaves_out_and_reports_what_is_taken(void **state)
{
	tcp_service = 5001;
	forwarded = 5003;
	udp_service = 5004;
	udp_inode = 1;
	send_request(BROKER_REFRESH, (struct nat_rule){ 0 });
	for (uint16_t p = 5001; p <= 5003; p++)
		send_request(BROKER_SYNC_RULE, rule(p));
	send_request(BROKER_SYNC_RULE, udp(5004));
	send_request(BROKER_SYNC_END, (struct nat_rule){ 0 });
	serve_all();
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(answer(), NAT_OK);
	assert_int_equal(broker.fw.mappings.rule_n, 2);
	run();
	assert_taken(5003, NAT_EFORWARDED);
	assert_taken(5001, NAT_ECONFLICT);
	assert_int_equal(record().verb, 0);
	broker.now_ms += TAKEN_UDP_MS;
	run();
	assert_taken(5004, NAT_ECONFLICT);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	/* a report that waits is void when the engine has the rule again */
	send_request(BROKER_SYNC_RULE, rule(5003));
	send_request(BROKER_SYNC_RULE, rule(5001));
	assert_int_equal(req(BROKER_SYNC_END, (struct nat_rule){ 0 }), NAT_OK);
	forwarded = 0;
	assert_int_equal(req(BROKER_SET, rule(5003)), NAT_OK);
	run();
	assert_taken(5001, NAT_ECONFLICT);
	assert_int_equal(record().verb, 0);
}

/* The engine asks for its overruled mappings again when something changed, but
 * not as long as nothing was refused. */
static void test_engine_learns_that_something_changed(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	verify();
	assert_int_equal(record().verb, 0);
	forwarded = 5001;
	verify();
	assert_taken(5001, NAT_EFORWARDED);
	assert_int_equal(record().verb, 0);
	for (int again = 0; again < 2; again++) {
		verify();
		assert_int_equal(record().verb, BROKER_CHANGED);
		assert_int_equal(req(BROKER_SET, rule(5001)), NAT_EFORWARDED);
		run();
		assert_int_equal(record().verb, 0);
	}
	forwarded = 0;
	verify();
	assert_int_equal(record().verb, BROKER_CHANGED);
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	verify();
	assert_int_equal(record().verb, 0);
	/* another address may be free */
	assert_int_equal(req(BROKER_SET, rule(2222)), NAT_ECONFLICT);
	ext_ip++;
	assert_int_equal(broker_refresh(&broker), 0);
	run();
	assert_int_equal(record().verb, BROKER_CHANGED);
}

/* The administrator forwards everything to one host. The engine's socket must
 * keep room for the answers. */
static void test_reports_wait_until_the_engine_reads(void **state)
{
	enum { N = 2 * OVERRULE_REPORTS_MAX + 10 };
	unsigned n;

	broker_close(&broker);
	conf.max_mappings = conf.max_per_client = N;
	assert_int_equal(broker_open(&broker, &conf), 0);
	broker.now_ms = 70000;
	for (uint16_t i = 0; i < N; i++)
		assert_int_equal(req(BROKER_SET, rule((uint16_t)(3000 + i))),
				 NAT_OK);
	all_forwarded = true;
	assert_true(verify() == 70000 + OVERRULE_STEP_MS);
	assert_int_equal(broker.fw.mappings.rule_n, N - OVERRULE_REPORTS_MAX);
	assert_true(run() == 70000 + OVERRULE_STEP_MS);
	assert_int_equal(broker.fw.mappings.rule_n, N - OVERRULE_REPORTS_MAX);
	for (n = 0; record().verb == BROKER_TAKEN; n++)
		;
	run();
	for (; record().verb == BROKER_TAKEN; n++)
		;
	assert_int_equal(n, 2 * OVERRULE_REPORTS_MAX);
	assert_true(run() == UINT64_MAX);
	for (; record().verb == BROKER_TAKEN; n++)
		;
	assert_int_equal(n, N);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
}

/* The next engine sends the whole table. */
static void test_rules_are_removed_without_an_engine(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	forwarded = 5001;
	broker_verify(&broker);
	overrule_run(&broker, -1);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
	assert_int_equal(sync_one(rule(5001)), NAT_OK);
	overrule_run(&broker, -1);
	run();
	assert_int_equal(record().verb, 0);
}

static void test_rule_that_cannot_be_removed_is_tried_again(void **state)
{
	assert_int_equal(req(BROKER_SET, rule(5001)), NAT_OK);
	forwarded = 5001;
	tool_fails = -EIO;
	verify();
	assert_taken(5001, NAT_EFORWARDED);
	assert_int_equal(broker.fw.mappings.rule_n, 1);
	tool_fails = 0;
	verify();
	assert_taken(5001, NAT_EFORWARDED);
	assert_int_equal(broker.fw.mappings.rule_n, 0);
}

/* At the start, and whenever the operator resyncs. */
static void test_earlier_rules_are_swept(void **state)
{
	broker_sweep(&broker);
	broker_sweep(&broker);
	assert_int_equal(sweeps, 1);
	broker_verify(&broker);
	assert_int_equal(sweeps, 1);
	assert_int_equal(req(BROKER_VERIFY, (struct nat_rule){ 0 }), NAT_OK);
	assert_int_equal(sweeps, 2);
	broker_close(&broker);
	broker_sweep(&broker);
	assert_int_equal(sweeps, 2);
	assert_int_equal(broker_open(&broker, &conf), 0);
	broker_sweep(&broker);
	assert_int_equal(sweeps, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_rule_is_set_and_deleted),
		T(test_waiting_requests_are_one_batch),
		T(test_policy_is_checked_again),
		T(test_port_of_the_router_is_refused),
		T(test_unreadable_ports_of_the_router_are_logged),
		T(test_full_table_refuses_a_rule),
		T(test_client_at_its_limit_gets_no_new_rule),
		T(test_client_limit_holds_within_a_batch),
		T(test_client_limit_holds_within_a_sync),
		T(test_failed_tool_leaves_no_rule),
		T(test_flows_end_with_their_rule),
		T(test_flows_end_when_the_port_leads_elsewhere),
		T(test_flows_of_a_batch_end_in_one_walk),
		T(test_flows_of_a_burst_share_a_walk),
		T(test_long_walk_makes_a_long_gap),
		T(test_flows_end_after_a_sync),
		T(test_flows_stay_if_the_rule_stays),
		T(test_failure_to_end_flows_is_logged_once),
		T(test_mapping_without_an_external_address_fails),
		T(test_sync_replaces_the_table),
		T(test_network_that_disappeared_is_reported),
		T(test_networks_beyond_the_limit_are_logged),
		T(test_routed_networks_are_never_left_out),
		T(test_sync_larger_than_the_table_is_cut),
		T(test_link_is_taken_down_only_if_allowed),
		T(test_engine_chooses_among_the_external_interfaces),
		T(test_the_link_that_was_taken_down_is_taken_up),
		T(test_link_keeps_its_routes),
		T(test_reload_keeps_the_saved_routes),
		T(test_failures_with_routes_are_reported),
		T(test_verify_reports_repairs_and_failures),
		T(test_changed_legacy_iptables_is_verified_first),
		T(test_one_request_needs_one_look_at_legacy_iptables),
		T(test_serving_is_kept_until_the_owner_clears_it),
		T(test_rules_stay_if_nobody_can_be_served),
		T(test_leftovers_stay_if_nobody_can_be_served),
		T(test_ping_is_answered_by_its_number),
		T(test_ping_that_found_no_room_is_sent_again),
		T(test_same_change_of_legacy_iptables_is_noticed_again),
		T(test_interrupted_verification_is_due_again),
		T(test_interrupted_resync_is_a_failure),
		T(test_sync_by_old_rules_is_verified),
		T(test_only_changes_by_others_are_suspect),
		T(test_mappings_and_pinholes_are_one_batch),
		T(test_answer_repeats_the_id_of_the_op),
		T(test_packets_of_a_pinhole),
		T(test_port_of_a_flow_is_answered),
		T(test_only_flows_of_clients_are_answered),
		T(test_pinhole_may_use_a_port_of_the_router),
		T(test_sync_has_both_kinds),
		T(test_each_kind_has_its_own_limit),
		T(test_sync_keeps_the_limit_of_each_kind),
		T(test_pinholes_are_not_limited_by_client),
		T(test_disabled_pinholes_are_refused),
		T(test_backend_without_pinholes_refuses_them),
		T(test_malformed_request_is_an_error),
		T(test_closed_channel_is_an_error),
		T(test_engine_that_reads_no_answers_is_an_error),
		T(test_one_turn_serves_a_limited_number),
		T(test_request_that_may_run_a_tool_ends_the_turn),
		T(test_log_lines_about_requests_are_limited),
		T(test_log_lines_about_the_link_are_limited),
		T(test_port_that_the_administrator_forwards_is_refused),
		T(test_rule_that_has_a_port_is_logged),
		T(test_renewal_is_checked),
		T(test_renewals_of_a_turn_share_the_ports),
		T(test_ports_of_a_vrf_are_all_read),
		T(test_renewal_without_an_external_address),
		T(test_service_of_the_router_takes_its_port_at_verify),
		T(test_udp_socket_takes_a_port_only_if_it_stays),
		T(test_udp_socket_takes_a_port_at_a_renewal),
		T(test_unreadable_ports_take_nothing),
		T(test_sync_leaves_out_and_reports_what_is_taken),
		T(test_engine_learns_that_something_changed),
		T(test_reports_wait_until_the_engine_reads),
		T(test_rules_are_removed_without_an_engine),
		T(test_rule_that_cannot_be_removed_is_tried_again),
		T(test_earlier_rules_are_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
