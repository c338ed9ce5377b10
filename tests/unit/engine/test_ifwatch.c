/* SPDX-License-Identifier: ISC */
/*
 * test_ifwatch.c - after a change of the interfaces, the gateway, the mappings,
 * the monitor and the servers are updated, and a step that failed is retried.
 * The kernel's interfaces, the servers, the broker's client and the clock are
 * fakes in this file; the mapping table and the policy are real.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_addr.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "engine/ifwatch.h"
#include "sys/netif.h"
#include "sys/route.h"
#include "tests/unit/logged.h"

#define SETTLE_MS 10
#define RETRY_MS 1000
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (c) << 8 | (d))
#define WAN	IP(203, 0, 113, 7)
#define WAN1	IP(198, 51, 100, 7)
#define LAN0	IP(192, 168, 88, 1)
#define LAN1	IP(10, 0, 0, 1)
#define HOST(n)	IP(192, 168, 88, n)

/* ---- the kernel ------------------------------------------------------ */

static struct {
	struct netif_table t;
	int read_err, open_err;
	unsigned reads;
	int far;		/* the other end of the netlink socket */
	bool news;		/* its messages are changes */
	uint64_t speed_bps;
	int internet_out;
	uint32_t route_ip;	/* source of the default route; 0: none */
	uint32_t hidden_ip;	/* the router's, but in no list; 0: none */
} kernel;

int netif_open(void)
{
	int fd[2];

	if (kernel.open_err)
		return kernel.open_err;
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	kernel.far = fd[1];
	return fd[0];
}

bool netif_drain(int fd)
{
	char c[64];

	assert_true(read(fd, c, sizeof(c)) > 0);
	return kernel.news;
}

int netif_read(const char *const *names, size_t n, struct netif_table *ret)
{
	kernel.reads++;
	if (kernel.read_err)
		return kernel.read_err;
	assert_int_equal(n, kernel.t.link_n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names[i], kernel.t.link[i].name);
	*ret = kernel.t;
	return 0;
}

int route_source(int ifindex, struct addr *ret)
{
	if (ifindex != 2 || !kernel.route_ip)
		return -ENETUNREACH;
	*ret = addr_ip4(kernel.route_ip);
	return 0;
}

int route_internet(uint8_t family)
{
	return family == ADDR_IP4 ? kernel.internet_out : 0;
}

int route_gateway(int ifindex, struct addr *ret)
{
	return -ENETUNREACH;
}

int route_is_local(struct addr a, int master)
{
	return kernel.hidden_ip && addr_equal(a, addr_ip4(kernel.hidden_ip));
}

uint64_t netif_speed_bps(const char *name)
{
	assert_memory_equal(name, "wan", 3);
	return kernel.speed_bps;
}

/* wan0, lan0 and lan1 have the addresses 0, 1 and 2. */
static void reset_kernel(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.news = true;
	kernel.t.link_n = 3;
	kernel.t.link[0] = (struct netif_link){ "wan0", 2, true, true, true };
	kernel.t.link[1] = (struct netif_link){ "lan0", 3, true, true, true };
	kernel.t.link[2] = (struct netif_link){ "lan1", 4, true, true, true };
	kernel.t.addr_n = 3;
	kernel.t.addr[0] = (struct netif_addr){ 2, "wan0", { addr_ip4(WAN),
							     24 } };
	kernel.t.addr[1] = (struct netif_addr){ 3, "lan0", { addr_ip4(LAN0),
							     24 } };
	kernel.t.addr[2] = (struct netif_addr){
		4, "lan1", { addr_ip4(LAN1), 8 } };
}

/* ---- calls of the module under test ---------------------------------- */

static char calls[256];		/* in their order, one word each */

static void note(const char *what)
{
	assert_true(strlen(calls) + strlen(what) + 2 < sizeof(calls));
	strcat(calls, *calls ? " " : "");
	strcat(calls, what);
}

/* Check the calls since the last CALLS(). */
#define CALLS(want) do {					\
		assert_string_equal(calls, want);		\
		calls[0] = '\0';				\
	} while (0)

static char some_routes, some_httpd, some_ssdp, some_pmp;
#define ROUTES	((struct urlroutes *)(void *)&some_routes)
#define HTTPD	((struct httpd *)(void *)&some_httpd)
#define SSDP	((struct ssdp *)(void *)&some_ssdp)
#define PMP	((struct pmp *)(void *)&some_pmp)

static struct {
	struct netif_addr listen[NETWORKS_SERVED_MAX];
	struct netif_addr found[NETWORKS_SERVED_MAX];
	size_t listen_n, found_n;
	uint16_t port, ssdp_port;	/* requested; for LOCATION */
	int listen_err, ssdp_err;
	uint16_t has_port;		/* 0: nothing listens */
	int pmp_err;
	bool pmp;			/* NAT-PMP and PCP are served */
} served;

struct httpd *urlroutes_httpd(struct urlroutes *r)
{
	assert_ptr_equal(r, ROUTES);
	return HTTPD;
}

void urlroutes_mark_dirty(struct urlroutes *r)
{
	assert_ptr_equal(r, ROUTES);
	note("events");
}

int httpd_listen(struct httpd *h, const struct netif_addr *a, size_t n,
		 uint16_t port)
{
	assert_ptr_equal(h, HTTPD);
	assert_true(n <= NETWORKS_SERVED_MAX);
	memcpy(served.listen, a, n * sizeof(*a));
	served.listen_n = n;
	served.port = port;
	note("http");
	return served.listen_err;
}

uint16_t httpd_port(const struct httpd *h)
{
	return served.has_port;
}

int ssdp_ifaces(struct ssdp *s, const struct netif_addr *f, size_t n,
		uint16_t http_port)
{
	assert_ptr_equal(s, SSDP);
	assert_true(n <= NETWORKS_SERVED_MAX);
	memcpy(served.found, f, n * sizeof(*f));
	served.found_n = n;
	served.ssdp_port = http_port;
	note("ssdp");
	return served.ssdp_err;
}

/* services_open() calls these; the tests set its result themselves. */
struct urlroutes *urlroutes_new(struct loop *l,
				const struct urlroutes_config *c)
{
	return NULL;
}

size_t urlroutes_subscribers(const struct urlroutes *r)
{
	return 0;
}

size_t urlroutes_targets(struct urlroutes *r, struct ssdp_target *ret)
{
	return 0;
}

struct ssdp *ssdp_new(struct loop *l, const struct ssdp_config *c)
{
	return NULL;
}

void ssdp_byebye(struct ssdp *s)
{
}

struct pmp *pmp_new(struct loop *l, const struct pmp_config *c)
{
	return NULL;
}

int pmp_ifaces(struct pmp *p, const struct netif_addr *a, size_t n)
{
	assert_ptr_equal(p, PMP);
	note("pmp");
	return served.pmp_err;
}

bool pmp_serves(const struct pmp *p)
{
	assert_ptr_equal(p, PMP);
	return served.pmp;
}

void pmp_address(struct pmp *p)
{
	assert_ptr_equal(p, PMP);
	note("address");
}

void pmp_stored(struct pmp *p, const struct pm_entry *e)
{
}

void pmp_flow(struct pmp *p, const struct nat_rule *r, uint16_t port)
{
}

static struct brokerclient client;

bool brokerclient_flow(struct brokerclient *c, const struct nat_rule *rule)
{
	return false;
}

static int synced_by;	/* index of the active external interface */

void brokerclient_sync(struct brokerclient *c, int ext_index)
{
	assert_ptr_equal(c, &client);
	synced_by = ext_index;
	note("sync");
}

void brokerclient_serving(struct brokerclient *c, bool yes)
{
	assert_ptr_equal(c, &client);
	note(yes ? "serving" : "idle");
}

static struct refused refusal;		/* the last one */
static struct nat_rule gone;

static void on_refused(void *arg, const struct refused *r)
{
	refusal = *r;
	note("refused");
}

static void on_gone(void *arg, const struct nat_rule *r)
{
	gone = *r;
	note("gone");
}

static void on_stored(void *arg, const struct pm_entry *e)
{
	note("stored");
}

static const struct map_ops map_ops = {
	.refused = on_refused, .gone = on_gone, .stored = on_stored,
};

/* ---- the module under test ------------------------------------------- */

static uint64_t now_ms;
static struct loop *loop;
static struct conf conf;
static struct map map;
static struct igd igd;
static struct services services;
static struct ifwatch watch;
static struct engine_kept kept;

static uint64_t fake_clock(void)
{
	return now_ms;
}

static void pass(uint64_t ms)
{
	now_ms += ms;
	assert_int_equal(loop_step(loop, 0), 0);
}

static const struct leases_clock *clock_now(void *arg)
{
	static struct leases_clock clock = { .boot_id = "boot" };

	clock.mono_ms = now_ms;
	clock.wall_s = (int64_t)now_ms / 1000;
	return &clock;
}

static void reset_conf(void)
{
	conf_defaults(&conf);
	conf.http_port = 5000;
	conf.iface_n = 4;
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL };
	conf.iface[1] = (struct conf_iface){ "lan0", CONF_INTERNAL };
	conf.iface[2] = (struct conf_iface){ "lan1", CONF_INTERNAL };
	conf.iface[3] = (struct conf_iface){ "lan2", CONF_INTERNAL, true };
}

static int set_up(void **state)
{
	now_ms = 1000000;
	reset_kernel();
	reset_conf();
	memset(&served, 0, sizeof(served));
	served.has_port = 5000;
	calls[0] = '\0';
	logged_open();
	loop = loop_new(4, fake_clock);
	memset(&map, 0, sizeof(map));
	memset(&igd, 0, sizeof(igd));
	map.ops = &map_ops;
	map_init(&map, portmap_new(16, 16));
	igd_init(&igd, &map);
	kept = (struct engine_kept){ 0 };
	watch = (struct ifwatch){
		.conf = &conf, .loop = loop, .igd = &igd, .kept = &kept,
		.brokerclient = &client, .services = &services,
	};
	services = (struct services){
		.loop = loop, .conf = &conf, .igd = &igd,
		.urlroutes = ROUTES, .ssdp = SSDP,
		.clock_now = clock_now,
		.epoch.dir_fd = -1,	/* nothing is written */
	};
	return loop && map.pm ? ifwatch_open(&watch) : -1;
}

static int tear_down(void **state)
{
	close(watch.netlink.fd);
	close(kernel.far);
	loop_free(loop);
	portmap_free(map.pm);
	logged_close();
	return 0;
}

/* The kernel sends a message. */
static void event(void)
{
	assert_int_equal(write(kernel.far, "x", 1), 1);
	pass(0);
}

/* The kernel sends a message, and the state is read. */
static void change(void)
{
	event();
	pass(SETTLE_MS);
}

/* Read the first state. */
static void begin(void)
{
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	logged_clear();
}

static struct pm_req mapping(uint32_t client_ip, uint16_t port)
{
	return (struct pm_req){
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = addr_ip4(client_ip), .remote = addr_any(),
			  .ext_port = port, .int_port = port },
		.enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_ip4(HOST(99)),
	};
}

/* Enter a mapping, as from the lease file. */
static void add_mapping(uint32_t client_ip, uint16_t port)
{
	const struct pm_req req = mapping(client_ip, port);

	assert_int_equal(portmap_restore(map.pm, &req, 0), PM_DONE);
}

static bool has_mapping(uint16_t port)
{
	const struct pm_req req = mapping(0, port);

	return portmap_find(map.pm, &req.rule) != PM_NONE;
}

static enum pm_state state_of(uint16_t port)
{
	const struct pm_req req = mapping(0, port);

	return (enum pm_state)portmap_entry(map.pm,
		portmap_find(map.pm, &req.rule))->state;
}

/* ---- the first refresh ----------------------------------------------- */

static void test_first_refresh_updates_everything(void **state)
{
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	assert_int_equal(kernel.reads, 1);
	assert_ip(map.ext, WAN);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_true(igd.wan.admin_up && igd.wan.link_up);
	assert_int_equal(map.policy.net_n, 2);
	assert_ip(map.policy.net[0].net.addr, LAN0);
	assert_int_equal(map.policy.own_n, 3);
	assert_ip(ifstate_external(&watch.ifstate)->addr, WAN);
	assert_int_equal(logged_count("<6>external address 203.0.113.7 on "
				      "wan0\n"), 1);
	assert_int_equal(logged_count("<3>"), 0);
}

static void test_each_internal_interface_is_served(void **state)
{
	served.has_port = 4242;		/* the chosen port */
	ifwatch_refresh(&watch);
	assert_int_equal(served.port, 5000);
	assert_int_equal(served.ssdp_port, 4242);
	assert_int_equal(served.listen_n, 2);
	assert_string_equal(served.listen[0].ifname, "lan0");
	assert_int_equal(served.listen[0].ifindex, 3);
	assert_ip(served.listen[0].net.addr, LAN0);
	assert_int_equal(served.listen[0].net.bits, 24);
	assert_string_equal(served.listen[1].ifname, "lan1");
	assert_int_equal(served.found_n, 2);
	assert_string_equal(served.found[0].ifname, "lan0");
	assert_string_equal(served.found[1].ifname, "lan1");
	assert_int_equal(served.found[1].ifindex, 4);
	assert_ip(served.found[1].net.addr, LAN1);
	assert_int_equal(served.found[1].net.bits, 8);
}

static void add_addr(int ifindex, const char *name, uint32_t ip, uint8_t bits)
{
	struct netif_addr *a = &kernel.t.addr[kernel.t.addr_n++];

	*a = (struct netif_addr){ .ifindex = ifindex,
				  .net = { addr_ip4(ip), bits } };
	strcpy(a->ifname, name);
}

/* A second network on the same bridge, and the virtual address of VRRP. */
static void test_every_address_of_an_interface_is_served(void **state)
{
	add_addr(3, "lan0", IP(192, 168, 77, 1), 24);
	add_addr(3, "lan0", HOST(254), 32);
	begin();
	assert_int_equal(served.listen_n, 4);
	assert_ip(served.listen[0].net.addr, LAN0);
	assert_ip(served.listen[1].net.addr, LAN1);
	assert_ip(served.listen[2].net.addr, IP(192, 168, 77, 1));
	assert_ip(served.listen[3].net.addr, HOST(254));
	assert_int_equal(served.found_n, 4);
	assert_memory_equal(served.found, served.listen,
			    4 * sizeof(served.found[0]));
	assert_int_equal(map.policy.net_n, 4);
	kernel.t.addr_n--;		/* another router takes it over */
	change();
	CALLS("events http ssdp sync");
	assert_int_equal(served.listen_n, 3);
	assert_int_equal(logged_count("are served"), 0);
}

/* An interface with very many addresses does not use another's place. */
static void test_addresses_above_the_limit_are_not_served(void **state)
{
	kernel.t.addr_n = 2;
	for (uint32_t i = 0; i < IFSOCKS_MAX; i++)
		add_addr(3, "lan0", IP(192, 168, 100 + i, 1), 24);
	add_addr(4, "lan1", LAN1, 8);
	begin();
	assert_int_equal(served.listen_n, IFSOCKS_MAX);
	assert_ip(served.listen[0].net.addr, LAN0);
	assert_ip(served.listen[1].net.addr, LAN1);
	assert_ip(served.listen[2].net.addr, IP(192, 168, 100, 1));
	assert_int_equal(map.policy.net_n, IFSOCKS_MAX + 2);
	kernel.t.addr[kernel.t.addr_n - 1].net.addr.byte[3]++;
	change();
	assert_int_equal(logged_count("<4>internal interfaces have 66 "
				      "addresses; only 64 are served: not "
				      "192.168.162.1 on lan0, "
				      "192.168.163.1 on lan0\n"), 1);
	ifwatch_refresh(&watch);
	assert_int_equal(logged_count("are served"), 1);
}

static void add_addr6(int ifindex, const char *name, const char *ip,
		      uint8_t bits)
{
	add_addr(ifindex, name, 0, bits);
	kernel.t.addr[kernel.t.addr_n - 1].net.addr = addr_of_text(ip);
}

/* Of both families, and the first of each kind before any other. */
static void test_ipv6_addresses_are_served(void **state)
{
	struct addr last;

	kernel.t.addr_n = 2;
	add_addr(3, "lan0", LAN0, 24);
	for (uint32_t i = 0; i < IFSOCKS_MAX - 3; i++)
		add_addr(3, "lan0", IP(192, 168, 100 + i, 1), 24);
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	add_addr6(3, "lan0", "2001:db8:88::2", 64);
	add_addr6(3, "lan0", "fe80::1", 64);
	begin();
	assert_int_equal(served.listen_n, IFSOCKS_MAX);
	assert_string_equal(addr_text(served.listen[1].net.addr).text,
			    "2001:db8:88::1");
	assert_string_equal(addr_text(served.listen[2].net.addr).text,
			    "fe80::1");
	last = served.listen[IFSOCKS_MAX - 1].net.addr;
	assert_int_equal(last.family, ADDR_IP4);
	assert_memory_equal(served.found, served.listen,
			    IFSOCKS_MAX * sizeof(served.found[0]));
}

static bool serves(const char *ip)
{
	for (size_t i = 0; i < served.listen_n; i++)
		if (addr_equal(served.listen[i].net.addr, addr_of_text(ip)))
			return true;
	return false;
}

static void test_addresses_of_both_families_are_served(void **state)
{
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	add_addr6(3, "lan0", "fd00:88::1", 64);
	add_addr6(3, "lan0", "fe80::1", 64);
	add_addr6(2, "wan0", "2001:db8:11::1", 64);
	begin();
	assert_int_equal(served.listen_n, 5);
	assert_ip(served.listen[0].net.addr, LAN0);
	assert_true(serves("2001:db8:88::1") && serves("fd00:88::1") &&
		    serves("fe80::1") && serves("10.0.0.1"));
	assert_int_equal(served.found_n, 5);
	/* no rule leads to a link-local address */
	assert_int_equal(map.policy.net_n, 4);
	assert_true(igd.wan.ip6);
}

static void test_ipv6_can_be_switched_off(void **state)
{
	conf.ipv6 = false;
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	add_addr6(3, "lan0", "fe80::1", 64);
	begin();
	assert_int_equal(served.listen_n, 2);
	assert_int_equal(map.policy.net_n, 2);
	assert_int_equal(map.policy.own_n, 3);
	assert_false(igd.wan.ip6);
	kernel.t.ip6_sum++;
	kernel.t.addr_n--;
	change();
	CALLS("events");
}

/* Very many addresses of one kind do not take the place of another kind. */
static void test_each_kind_of_address_has_its_place(void **state)
{
	char text[32];

	kernel.t.addr_n = 2;
	for (unsigned i = 1; i <= IFSOCKS_MAX + 6; i++) {
		struct wr w = wr_init(text, sizeof(text));

		wr_fmt(&w, "2001:db8:88::%x", i);
		add_addr6(3, "lan0", wr_cstr(&w), 64);
	}
	add_addr6(3, "lan0", "fd00:88::1", 64);
	add_addr6(3, "lan0", "fe80::1", 64);
	add_addr(4, "lan1", LAN1, 8);
	begin();
	assert_int_equal(served.listen_n, IFSOCKS_MAX);
	assert_true(serves("192.168.88.1") && serves("2001:db8:88::1") &&
		    serves("fd00:88::1") && serves("fe80::1") &&
		    serves("10.0.0.1") && serves("2001:db8:88::3c"));
	assert_false(serves("2001:db8:88::3d"));
	/* one network, however many addresses are in it */
	assert_int_equal(map.policy.net_n, 4);
	kernel.t.ip6_sum++;
	change();
	assert_int_equal(logged_count("<4>internal interfaces have 74 "
				      "addresses; only 64 are served: not "
				      "2001:db8:88::3d on lan0, "
				      "2001:db8:88::3e on lan0, "
				      "2001:db8:88::3f on lan0, "
				      "2001:db8:88::40 on lan0, ...\n"), 1);
}

/* DS-Lite, or a provider without IPv4. */
static void test_without_ipv4_outside_the_gateway_is_connected(void **state)
{
	kernel.t.addr[0].net.addr = addr_of_text("2001:db8:11::1");
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	pass(5000);
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	assert_no_ip(map.ext);
	assert_true(igd.wan.link_up && igd.wan.ip6);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_int_equal(logged_count("<6>no external address on wan0: no port "
				      "is mapped; hosts with IPv6 can open "
				      "ports of their own\n"), 1);
	kernel.t.link[0].running = false;
	now_ms += 5000;
	change();
	kernel.t.link[0].running = true;
	now_ms += 5000;
	change();
	assert_int_equal(igd.wan.since_ms, now_ms);
}

/* They come after all addresses, and do not use an address's place. */
static void test_networks_behind_other_routers_are_served(void **state)
{
	conf.iface[1].network.at[0] =
		(struct addr_net){ addr_ip4(IP(172, 31, 0, 0)), 16 };
	conf.iface[1].network.n = 1;
	for (uint32_t i = 0; i < IFSOCKS_MAX - 2; i++)
		add_addr(3, "lan0", IP(192, 168, 100 + i, 1), 24);
	begin();
	assert_int_equal(served.listen_n, IFSOCKS_MAX + 1);
	assert_false(served.listen[IFSOCKS_MAX - 1].routed);
	assert_true(served.listen[IFSOCKS_MAX].routed);
	assert_ip(served.listen[IFSOCKS_MAX].net.addr, IP(172, 31, 0, 0));
	assert_int_equal(served.found_n, IFSOCKS_MAX + 1);
	assert_int_equal(logged_count("are served"), 0);
}

static void test_refresh_without_a_change_sends_no_table(void **state)
{
	begin();
	ifwatch_refresh(&watch);
	CALLS("events http ssdp");	/* retry those that failed */
	assert_int_equal(logged_count("address"), 0);
}

static void test_first_refresh_may_find_no_external_address(void **state)
{
	kernel.t.addr[0].ifindex = 9;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	assert_int_equal(logged_count("<6>no external address on wan0\n"), 1);
}

/* The monitor is ready without waiting for the interfaces. */
static void test_without_an_internal_interface_nothing_is_served(void **state)
{
	kernel.t.link[1].up = kernel.t.link[2].up = false;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp idle");
	assert_int_equal(served.listen_n, 0);
	assert_int_equal(served.found_n, 0);
}

/* ---- changes --------------------------------------------------------- */

static void test_a_burst_of_changes_causes_one_refresh(void **state)
{
	begin();
	event();
	pass(SETTLE_MS / 2);
	event();
	event();
	pass(SETTLE_MS / 2 - 1);
	assert_int_equal(kernel.reads, 1);
	pass(1);
	assert_int_equal(kernel.reads, 2);
	pass(10 * SETTLE_MS);
	assert_int_equal(kernel.reads, 2);
	change();		/* causes another refresh */
	assert_int_equal(kernel.reads, 3);
}

static void test_a_message_without_a_change_is_ignored(void **state)
{
	begin();
	kernel.news = false;
	change();
	assert_int_equal(kernel.reads, 1);
	CALLS("");
}

/* Router advertisements renew lifetimes every few minutes. */
static void test_renewed_lifetimes_cause_one_read(void **state)
{
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	begin();
	change();
	assert_int_equal(kernel.reads, 2);
	CALLS("events");
	pass(100 * RETRY_MS);
	assert_int_equal(kernel.reads, 2);
	CALLS("");
}

static void test_a_new_external_address_is_used(void **state)
{
	begin();
	kernel.t.addr[0].net.addr = addr_ip4(WAN + 1);
	now_ms += 5000;
	change();
	CALLS("events http ssdp sync");
	assert_ip(map.ext, WAN + 1);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_int_equal(logged_count("<6>external address 203.0.113.8"), 1);
}

/* The engine before this one has left the time and the address. */
static void test_uptime_goes_on_in_the_next_engine(void **state)
{
	const uint64_t since_ms = now_ms - 5000;

	kept.ext = addr_ip4(WAN);
	kept.ext_since_ms = since_ms;
	ifwatch_refresh(&watch);
	assert_int_equal(igd.wan.since_ms, since_ms);
	kernel.t.link[0].running = false;
	change();
	assert_int_equal(kept.ext_since_ms, 0);
	kernel.t.link[0].running = true;
	change();
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_int_equal(kept.ext_since_ms, now_ms);
}

static void test_uptime_of_another_address_does_not_count(void **state)
{
	kept.ext = addr_ip4(WAN + 1);
	kept.ext_since_ms = now_ms - 5000;
	ifwatch_refresh(&watch);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_ip(kept.ext, WAN);
}

/* An intruder in the engine before this one has left nonsense. */
static void test_uptime_of_the_future_does_not_count(void **state)
{
	kept.ext = addr_ip4(WAN);
	kept.ext_since_ms = UINT64_MAX;
	ifwatch_refresh(&watch);
	assert_int_equal(igd.wan.since_ms, now_ms);
}

static void test_a_kept_address_that_is_none_is_dropped(void **state)
{
	static const uint8_t ip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	const struct addr nonsense[] = {
		addr_ip6(ip6), addr_ip4(0x7f000001), addr_any(),
		{ .family = 77 },
	};
	const int far = kernel.far;

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct ifwatch next = watch;

		kept.ext = nonsense[i];
		assert_int_equal(ifwatch_open(&next), 0);
		loop_fd_del(loop, &next.netlink);
		close(next.netlink.fd);
		close(kernel.far);
		kernel.far = far;
		assert_int_equal(kept.ext.family, ADDR_NONE);
	}
}

static void test_uptime_goes_on_while_the_address_stays(void **state)
{
	const uint64_t since_ms = now_ms;

	begin();
	now_ms += 5000;
	kernel.t.addr[2].net.addr = addr_ip4(LAN1 + 1);
	change();
	CALLS("events http ssdp sync");
	assert_ip(served.listen[1].net.addr, LAN1 + 1);
	assert_int_equal(igd.wan.since_ms, since_ms);
	assert_int_equal(logged_count("external"), 0);
}

static void test_a_lost_external_address_is_cleared(void **state)
{
	begin();
	now_ms += 5000;
	kernel.t.addr[0].ifindex = 9;
	change();
	CALLS("events http ssdp sync");
	assert_no_ip(map.ext);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_int_equal(logged_count("<6>no external address on wan0"), 1);
}

static void test_the_state_of_the_external_link_is_followed(void **state)
{
	begin();
	kernel.t.link[0].running = false;
	change();
	assert_true(igd.wan.admin_up);
	assert_false(igd.wan.link_up);
	assert_no_ip(map.ext);
	kernel.t.link[0].up = false;
	change();
	assert_false(igd.wan.admin_up);
	assert_no_ip(map.ext);
	kernel.t.link[0].running = true;
	change();
	assert_false(igd.wan.link_up);
	kernel.t.link[0].up = true;
	now_ms += 5000;
	change();
	assert_true(igd.wan.link_up);
	assert_ip(map.ext, WAN);
	assert_int_equal(igd.wan.since_ms, now_ms);
	assert_int_equal(logged_count("<6>no external address on wan0"), 1);
	assert_int_equal(logged_count("<6>external address 203.0.113.7"), 1);
}

static void test_speed_is_that_of_the_link_unless_configured(void **state)
{
	kernel.speed_bps = 1000000000;
	begin();
	assert_int_equal(igd.wan.up_bps, 1000000000);
	assert_int_equal(igd.wan.down_bps, 1000000000);
	conf.up_bps = 5000000;
	change();
	assert_int_equal(igd.wan.up_bps, 5000000);
	assert_int_equal(igd.wan.down_bps, 1000000000);
	conf.down_bps = 16000000;
	change();
	assert_int_equal(igd.wan.down_bps, 16000000);
}

static void test_forced_ip_replaces_an_existing_address(void **state)
{
	conf.iface[0].forced_ip = addr_ip4(IP(198, 51, 100, 4));
	kernel.t.addr[0].net.addr = addr_ip4(IP(10, 9, 9, 9));
	ifwatch_refresh(&watch);
	assert_ip(map.ext, IP(198, 51, 100, 4));
	assert_ip(ifstate_external(&watch.ifstate)->addr,
			 IP(10, 9, 9, 9));
	assert_int_equal(logged_count("<6>external address 198.51.100.4 by "
				      "forced-ip; wan0 has 10.9.9.9, where "
				      "ports are opened\n"), 1);
	kernel.t.addr[0].ifindex = 9;
	change();
	assert_no_ip(map.ext);
}

/* A modem's management address is listed first. The default route, which
 * appears later, decides between two public addresses. */
static void test_default_route_chooses_the_external_address(void **state)
{
	kernel.t.addr[0].net.addr = addr_ip4(IP(192, 168, 100, 2));
	add_addr(2, "wan0", WAN, 24);
	add_addr(2, "wan0", IP(203, 0, 114, 9), 24);
	begin();
	assert_ip(map.ext, WAN);
	kernel.route_ip = IP(203, 0, 114, 9);
	change();
	CALLS("events http ssdp sync");
	assert_ip(map.ext, IP(203, 0, 114, 9));
	/* forced-ip is an address of the interface, so rules use it */
	conf.iface[0].forced_ip = addr_ip4(WAN);
	change();
	CALLS("events http ssdp sync");
	assert_ip(map.ext, WAN);
	assert_ip(ifstate_external(&watch.ifstate)->addr, WAN);
	assert_int_equal(logged_count("<6>external address 203.0.113.7 on "
				      "wan0\n"), 1);
}

static void give_second_uplink(void)
{
	conf.iface[3] = (struct conf_iface){ "wan1", CONF_EXTERNAL };
	conf.iface_n = 4;
	kernel.t.link[3] = (struct netif_link){ "wan1", 5, true, true, true };
	kernel.t.link_n = 4;
	add_addr(5, "wan1", WAN1, 24);
	kernel.internet_out = 2;
}

static void test_mappings_follow_the_default_route(void **state)
{
	give_second_uplink();
	begin();
	assert_ip(map.ext, WAN);
	assert_int_equal(synced_by, 2);
	kernel.internet_out = 5;
	change();
	CALLS("events http ssdp sync");
	assert_ip(map.ext, WAN1);
	assert_int_equal(synced_by, 5);
	assert_int_equal(logged_count("<6>wan1 is the active external interface "
				      "now, instead of wan0\n"), 1);
	assert_int_equal(logged_count("<6>external address 198.51.100.7 on "
				      "wan1\n"), 1);
	kernel.t.link[3].running = false;
	change();
	assert_ip(map.ext, WAN);
	assert_int_equal(synced_by, 2);
}

/* The route alternates: mappings are moved less often, but in the end to the
 * right interface. */
static void test_a_route_that_flaps_is_followed_slowly(void **state)
{
	unsigned moves = 0;

	give_second_uplink();
	begin();
	for (int i = 0; i < 40; i++) {
		struct addr before = map.ext;

		kernel.internet_out = i % 2 ? 2 : 5;
		change();
		moves += !addr_equal(before, map.ext);
		calls[0] = '\0';
	}
	assert_int_equal(moves, EXTERNAL_MOVES);
	assert_int_equal(logged_count("changes are enough for now"), 1);
	kernel.internet_out = 5;
	change();
	assert_ip(map.ext, WAN);
	pass(EXTERNAL_MOVE_MS);
	assert_ip(map.ext, WAN1);
}

/* A control point disconnects the LAN: another uplink must not connect it. */
static void test_terminated_link_stays_the_active_one(void **state)
{
	give_second_uplink();
	begin();
	igd.link_off = true;
	kernel.t.link[0].up = kernel.t.link[0].running = false;
	kernel.internet_out = 5;
	change();
	assert_int_equal(synced_by, 2);
	assert_no_ip(map.ext);
	/* somebody takes it up again */
	kernel.t.link[0].up = kernel.t.link[0].running = true;
	change();
	assert_false(igd.link_off);
	change();
	assert_ip(map.ext, WAN1);
}

static void test_terminated_link_stays_for_the_next_engine(void **state)
{
	const int far = kernel.far;

	give_second_uplink();
	kernel.internet_out = 5;
	kernel.t.link[0].up = kernel.t.link[0].running = false;
	kept.link_off = true;
	memset(kept.active, 'x', sizeof(kept.active));
	memcpy(kept.active, "wan0", sizeof("wan0"));
	loop_fd_del(loop, &watch.netlink);
	close(watch.netlink.fd);
	assert_int_equal(ifwatch_open(&watch), 0);
	close(far);
	ifwatch_refresh(&watch);
	assert_true(igd.link_off);
	assert_int_equal(synced_by, 2);
	assert_no_ip(map.ext);
	assert_string_equal(kept.active, "wan0");
}

static void test_private_external_address_causes_a_warning(void **state)
{
	kernel.t.addr[0].net.addr = addr_ip4(IP(100, 64, 0, 9));
	ifwatch_refresh(&watch);
	assert_ip(map.ext, IP(100, 64, 0, 9));
	assert_int_equal(logged_count("<4>wan0 has a private address"), 1);
	assert_int_equal(logged_count("none are opened"), 0);
}

static void test_private_external_address_can_be_refused(void **state)
{
	conf.refuse_private = 1;
	kernel.t.addr[0].net.addr = addr_ip4(IP(100, 64, 0, 9));
	ifwatch_refresh(&watch);
	assert_no_ip(map.ext);
	assert_int_equal(logged_count("<4>wan0 has a private address"), 1);
	assert_int_equal(logged_count("none are opened"), 1);
}

/* ---- mappings -------------------------------------------------------- */

static void test_mappings_of_a_network_that_moved_are_suspended(void **state)
{
	add_mapping(HOST(2), 4000);
	add_mapping(IP(10, 0, 0, 2), 4001);
	add_mapping(HOST(3), 4002);
	begin();
	kernel.t.addr[1].net.addr = addr_ip4(IP(192, 168, 99, 1));
	change();
	/* before the monitor gets the table */
	CALLS("stored stored events http ssdp sync");
	assert_int_equal(state_of(4000), PM_SUSPENDED);
	assert_int_equal(state_of(4001), PM_ACTIVE);
	assert_int_equal(state_of(4002), PM_SUSPENDED);
	assert_int_equal(map.update_id, 2);
	assert_int_equal(logged_count("<6>2 mappings suspended: their clients "
				      "are in no internal network now\n"), 1);
	kernel.t.addr[1].net.addr = addr_ip4(LAN0);
	change();
	/* the ops go after the table */
	CALLS("events http ssdp sync");
	assert_int_equal(state_of(4000), PM_RESUMING);
	assert_int_equal(state_of(4002), PM_RESUMING);
	assert_int_equal(logged_count("<6>2 suspended mappings resumed: their "
				      "network is back\n"), 1);
}

static enum pm_state pinhole_state(const struct portmap *pinholes)
{
	return (enum pm_state)portmap_entry(
		pinholes, portmap_at(pinholes, 0))->state;
}

/* The provider assigns another prefix: first both exist, and the first is
 * deprecated; then it goes. */
static void test_pinholes_of_a_prefix_that_went_are_suspended(void **state)
{
	struct netif_addr *old = &kernel.t.addr[3];
	const struct pm_req req = {
		.rule = { .kind = NAT_PINHOLE, .proto = IPPROTO_TCP,
			  .client = addr_of_text("2001:db8:88::10"),
			  .remote = addr_any(), .int_port = 8080 },
		.enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_of_text("2001:db8:88::10"),
	};
	struct portmap *pinholes = portmap_new(16, 16);

	map.pinholes = pinholes;
	assert_int_equal(portmap_restore(pinholes, &req, 0), PM_DONE);
	add_mapping(HOST(2), 4000);
	add_addr6(3, "lan0", "2001:db8:88::1", 64);
	begin();
	old->secondary = 1;
	add_addr6(3, "lan0", "2001:db8:99::1", 64);
	change();
	CALLS("events http ssdp sync");
	assert_int_equal(pinhole_state(pinholes), PM_ACTIVE);
	*old = kernel.t.addr[--kernel.t.addr_n];
	change();
	CALLS("stored events http ssdp sync");
	assert_int_equal(pinhole_state(pinholes), PM_SUSPENDED);
	assert_int_equal(state_of(4000), PM_ACTIVE);
	assert_int_equal(logged_count("<6>1 mappings suspended: "), 1);
	old->net.addr = addr_of_text("2001:db8:88::1");
	change();
	CALLS("events http ssdp sync");
	assert_int_equal(pinhole_state(pinholes), PM_RESUMING);
	portmap_free(pinholes);
}

static void test_mappings_of_an_interface_that_is_away_are_suspended(
	void **state)
{
	add_mapping(HOST(2), 4000);
	begin();
	kernel.t.link[1].up = false;
	change();
	CALLS("stored events http ssdp sync");
	assert_int_equal(state_of(4000), PM_SUSPENDED);
	kernel.t.link[1].up = true;
	change();
	CALLS("events http ssdp sync");
	assert_int_equal(state_of(4000), PM_RESUMING);
}

/* The mapping is not in the network of lan1, which is absent. */
static void test_absent_interface_suspends_only_mappings_outside(void **state)
{
	add_mapping(HOST(2), 4000);
	begin();
	kernel.t.addr[kernel.t.addr_n++] = (struct netif_addr){
		9, "tun0", { addr_ip4(HOST(2)), 24 } };	/* now the router's */
	kernel.t.link[2].up = false;
	change();
	CALLS("refused gone events http ssdp sync");
	assert_int_equal(refusal.why, REFUSAL_ROUTER);
}

static void test_mapping_to_an_address_that_is_not_listed_is_removed(
	void **state)
{
	add_mapping(HOST(2), 4000);
	begin();
	kernel.hidden_ip = HOST(2);
	kernel.t.addr_cut = true;
	kernel.t.ip4_sum++;
	change();
	CALLS("refused gone events http ssdp sync");
	assert_int_equal(refusal.why, REFUSAL_ROUTER);
}

static void test_mappings_that_a_line_denies_are_removed_at_start(void **state)
{
	conf.rule_n = 2;
	conf.rule[0] = (struct policy_rule){ false, 4001, 4001, 0, 65535,
					     { addr_ip4(0), 0 }, 17 };
	conf.rule[1] = (struct policy_rule){ true, 1024, 65535, 1024, 65535,
					     { addr_ip4(0), 0 }, 18 };
	add_mapping(HOST(2), 4000);
	add_mapping(HOST(2), 4001);
	ifwatch_refresh(&watch);
	CALLS("refused gone events http ssdp sync serving");
	assert_int_equal(refusal.why, REFUSAL_RULE);
	assert_int_equal(refusal.line, 17);
	assert_true(has_mapping(4000));
	assert_false(has_mapping(4001));
}

/* The monitor's answer decides whether the mapping stays. */
static void test_a_mapping_that_is_being_deleted_is_not_changed(void **state)
{
	const struct pm_req first = mapping(HOST(2), 4000);
	uint16_t slot;

	add_mapping(HOST(2), 4000);
	add_mapping(HOST(2), 4001);
	begin();
	slot = portmap_find(map.pm, &first.rule);
	assert_int_equal(portmap_delete(map.pm, slot, &slot), PM_STARTED);
	kernel.t.addr[1].net.addr = addr_ip4(IP(192, 168, 99, 1));
	change();
	CALLS("stored events http ssdp sync");
	assert_int_equal(state_of(4000), PM_DELETING);
	assert_int_equal(state_of(4001), PM_SUSPENDED);
}

/* The change of the firewall failed, or a network disappeared and returned
 * between two reads of ours, but the monitor read the interfaces in between. */
static void test_table_is_sent_again_after_an_incomplete_sync(void **state)
{
	begin();
	ifwatch_synced(&watch, false);
	CALLS("");
	pass(RETRY_MS - 1);
	CALLS("");
	pass(1);
	CALLS("events http ssdp sync");
	pass(RETRY_MS);
	CALLS("");
	change();
	CALLS("events");
	/* each repetition without a change doubles the wait */
	for (int i = 0; i < 20; i++)
		ifwatch_synced(&watch, false);
	pass(63 * RETRY_MS);
	CALLS("");
	pass(RETRY_MS);
	CALLS("events http ssdp sync");
	/* a change before that sends the table, and no repetition follows */
	ifwatch_synced(&watch, false);
	kernel.t.link[1].up = false;
	change();
	CALLS("events http ssdp sync");
	pass(100 * RETRY_MS);
	CALLS("");
	ifwatch_synced(&watch, false);
	pass(RETRY_MS);
	CALLS("events http ssdp sync");
	/* a complete sync ends the series */
	ifwatch_synced(&watch, true);
	ifwatch_synced(&watch, false);
	pass(RETRY_MS);
	CALLS("events http ssdp sync");
}

/* ---- failures -------------------------------------------------------- */

static void test_failed_read_of_the_interfaces_is_retried(void **state)
{
	kernel.read_err = -ENOBUFS;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("");
	assert_int_equal(logged_count("<3>interfaces cannot be read: No "
				      "buffer space available"), 1);
	kernel.read_err = 0;
	served.has_port = 5000;
	pass(RETRY_MS - 1);
	CALLS("");
	pass(1);
	CALLS("events http ssdp sync serving");
	pass(RETRY_MS);
	CALLS("");
}

static void test_failed_refresh_changes_nothing(void **state)
{
	add_mapping(HOST(2), 4000);
	begin();
	kernel.read_err = -EINTR;
	kernel.t.addr_n = 0;
	change();
	CALLS("");
	assert_ip(map.ext, WAN);
	assert_int_equal(map.policy.net_n, 2);
	assert_true(has_mapping(4000));
}

static void test_a_change_is_read_before_the_retry(void **state)
{
	kernel.read_err = -ENOBUFS;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	kernel.read_err = 0;
	served.has_port = 5000;
	change();
	CALLS("events http ssdp sync serving");
	pass(RETRY_MS);
	assert_int_equal(kernel.reads, 2);
}

static void test_http_port_in_use_is_retried(void **state)
{
	served.listen_err = -EADDRINUSE;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp");	/* neither "sync" nor "serving" yet */
	assert_int_equal(logged_errors("<3>HTTP port 5000: ", EADDRINUSE), 1);
	assert_int_equal(logged_count("; trying again"), 1);
	pass(RETRY_MS);
	CALLS("events http ssdp");
	served.listen_err = 0;
	served.has_port = 5000;
	pass(RETRY_MS);
	CALLS("events http ssdp sync serving");
	assert_int_equal(logged_count("<6>serving on port 5000, 0 mappings"),
			 1);
	pass(RETRY_MS);
	CALLS("");
}

/* Another process keeps our port. Leases end nevertheless. */
static void test_the_table_waits_ten_seconds_for_the_port(void **state)
{
	served.listen_err = -EADDRINUSE;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp");
	for (int s = 1; s < 10; s++) {
		pass(RETRY_MS);
		CALLS("events http ssdp");
	}
	pass(RETRY_MS);
	CALLS("events http ssdp sync");
	pass(RETRY_MS);
	CALLS("events http ssdp");
}

/* No internal network comes back. Rules of the engine before this one, or of an
 * earlier run, end nevertheless. */
static void test_the_table_waits_ten_seconds_for_a_network(void **state)
{
	kernel.t.addr_n = 1;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp idle");
	pass(4000);
	change();		/* of something else */
	CALLS("events");
	pass(6000 - SETTLE_MS - 1);
	CALLS("");
	pass(1);
	CALLS("events sync");
	pass(60000);
	CALLS("");
	kernel.t.addr_n = 3;
	served.has_port = 5000;
	change();
	CALLS("events http ssdp sync serving");
}

/* Without an address on an internal interface there is nothing to serve. The
 * monitor gets no table before somebody is served; later it does. */
static void test_no_table_is_sent_before_somebody_is_served(void **state)
{
	kernel.t.addr_n = 1;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp idle");
	assert_int_equal(logged_count("<6>nobody is served: "), 1);
	change();
	CALLS("events");
	kernel.t.addr_n = 3;
	served.has_port = 5000;
	change();
	CALLS("events http ssdp sync serving");
	kernel.t.addr_n = 1;
	served.has_port = 0;
	change();
	CALLS("events http ssdp sync idle");
	assert_int_equal(logged_count("<6>nobody is served: "), 2);
	change();
	CALLS("events");
}

static void test_serving_starts_with_one_network_of_two(void **state)
{
	served.listen_err = -EADDRNOTAVAIL;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	pass(RETRY_MS);		/* retries the other network */
	CALLS("events http ssdp");
}

static void test_ssdp_port_in_use_is_retried(void **state)
{
	served.ssdp_err = -EADDRINUSE;
	ifwatch_refresh(&watch);
	CALLS("events http ssdp sync serving");
	assert_int_equal(logged_errors("<3>SSDP port 1900: ", EADDRINUSE), 1);
	assert_int_equal(logged_count("; trying again"), 1);
	served.ssdp_err = 0;
	pass(RETRY_MS);
	CALLS("events http ssdp");
	pass(RETRY_MS);
	CALLS("");
}

/* Then UDP port 5351 decides whether the LAN is served. */
static void test_nat_pmp_and_pcp_without_upnp(void **state)
{
	conf.upnp = false;
	services.urlroutes = NULL;
	services.ssdp = NULL;
	services.pmp = PMP;
	served.has_port = 0;
	served.pmp_err = -EADDRINUSE;
	ifwatch_refresh(&watch);
	CALLS("address pmp");	/* neither "sync" nor "serving" yet */
	assert_int_equal(logged_errors("<3>UDP port 5351 (NAT-PMP, PCP): ",
				       EADDRINUSE), 1);
	served.pmp_err = 0;
	served.pmp = true;
	pass(RETRY_MS);
	CALLS("pmp sync serving");
	assert_int_equal(logged_count("<6>serving on UDP port 5351, 0 mappings"),
			 1);
	kernel.t.addr[0].net.addr = addr_ip4(WAN + 1);
	change();
	CALLS("address pmp sync");
	served.pmp = false;
	kernel.t.addr_n = 1;
	change();
	CALLS("pmp sync idle");
}

/* UPnP serves, and another program has the port of NAT-PMP and PCP. */
static void test_upnp_while_the_port_of_pcp_is_taken(void **state)
{
	services.pmp = PMP;
	served.pmp_err = -EADDRINUSE;
	ifwatch_refresh(&watch);
	CALLS("address events http ssdp pmp sync serving");
	pass(RETRY_MS);
	CALLS("events http ssdp pmp");
	served.pmp_err = 0;
	served.pmp = true;
	logged_clear();
	pass(RETRY_MS);
	CALLS("events http ssdp pmp serving");
	assert_int_equal(logged_count("<6>serving on port 5000 and UDP port "
				      "5351, 0 mappings"), 1);
	pass(RETRY_MS);
	CALLS("");
}

/* With upnp = no there are neither HTTP nor SSDP. */
static void test_no_protocol_is_on(void **state)
{
	conf.upnp = conf.nat_pmp = conf.pcp = false;
	services.urlroutes = NULL;
	services.ssdp = NULL;
	served.has_port = 0;
	ifwatch_refresh(&watch);
	CALLS("sync idle");	/* the operator's mappings need no server */
	assert_int_equal(logged_count("<6>nobody is served: upnp, nat-pmp and "
				      "pcp are no"), 1);
	pass(RETRY_MS);
	change();
	CALLS("");
}

static void test_open_fails_without_netlink(void **state)
{
	struct ifwatch w = { .conf = &conf, .loop = loop, .kept = &kept,
			     .igd = &igd };

	kernel.open_err = -EMFILE;
	assert_int_equal(ifwatch_open(&w), -EMFILE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_refresh_updates_everything),
		TEST(test_uptime_goes_on_in_the_next_engine),
		TEST(test_uptime_of_another_address_does_not_count),
		TEST(test_uptime_of_the_future_does_not_count),
		TEST(test_a_kept_address_that_is_none_is_dropped),
		TEST(test_each_internal_interface_is_served),
		TEST(test_every_address_of_an_interface_is_served),
		TEST(test_addresses_above_the_limit_are_not_served),
		TEST(test_addresses_of_both_families_are_served),
		TEST(test_ipv6_can_be_switched_off),
		TEST(test_each_kind_of_address_has_its_place),
		TEST(test_without_ipv4_outside_the_gateway_is_connected),
		TEST(test_networks_behind_other_routers_are_served),
		TEST(test_ipv6_addresses_are_served),
		TEST(test_refresh_without_a_change_sends_no_table),
		TEST(test_first_refresh_may_find_no_external_address),
		TEST(test_without_an_internal_interface_nothing_is_served),
		TEST(test_a_burst_of_changes_causes_one_refresh),
		TEST(test_a_message_without_a_change_is_ignored),
		TEST(test_renewed_lifetimes_cause_one_read),
		TEST(test_a_new_external_address_is_used),
		TEST(test_uptime_goes_on_while_the_address_stays),
		TEST(test_a_lost_external_address_is_cleared),
		TEST(test_the_state_of_the_external_link_is_followed),
		TEST(test_speed_is_that_of_the_link_unless_configured),
		TEST(test_forced_ip_replaces_an_existing_address),
		TEST(test_default_route_chooses_the_external_address),
		TEST(test_mappings_follow_the_default_route),
		TEST(test_a_route_that_flaps_is_followed_slowly),
		TEST(test_terminated_link_stays_the_active_one),
		TEST(test_terminated_link_stays_for_the_next_engine),
		TEST(test_private_external_address_causes_a_warning),
		TEST(test_private_external_address_can_be_refused),
		TEST(test_mappings_of_a_network_that_moved_are_suspended),
		TEST(test_pinholes_of_a_prefix_that_went_are_suspended),
		TEST(test_mappings_of_an_interface_that_is_away_are_suspended),
		TEST(test_absent_interface_suspends_only_mappings_outside),
		TEST(test_mapping_to_an_address_that_is_not_listed_is_removed),
		TEST(
			test_table_is_sent_again_after_an_incomplete_sync),
		TEST(test_mappings_that_a_line_denies_are_removed_at_start),
		TEST(test_a_mapping_that_is_being_deleted_is_not_changed),
		TEST(test_failed_read_of_the_interfaces_is_retried),
		TEST(test_failed_refresh_changes_nothing),
		TEST(test_a_change_is_read_before_the_retry),
		TEST(test_http_port_in_use_is_retried),
		TEST(test_nat_pmp_and_pcp_without_upnp),
		TEST(test_upnp_while_the_port_of_pcp_is_taken),
		TEST(test_no_protocol_is_on),
		TEST(test_the_table_waits_ten_seconds_for_the_port),
		TEST(test_the_table_waits_ten_seconds_for_a_network),
		TEST(test_no_table_is_sent_before_somebody_is_served),
		TEST(test_serving_starts_with_one_network_of_two),
		TEST(test_ssdp_port_in_use_is_retried),
		TEST(test_open_fails_without_netlink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
