/* SPDX-License-Identifier: ISC */
/*
 * test_services.c - a protocol that is off has no server, and nothing is done
 * for it; those that are on serve the same addresses. The servers are fakes in
 * this file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/wr.h"
#include "engine/services.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/logged.h"

/* ---- the servers ----------------------------------------------------- */

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
	struct urlroutes *routes;	/* what urlroutes_new() returns */
	struct ssdp_config ssdp;
	int listen_err, ssdp_err;
	uint16_t has_port, ssdp_port;
	struct pmp_config pmp;
	struct pmp *new_pmp;		/* what pmp_new() returns */
	bool pmp_serves, flows_full;
	struct nat_rule flow;
	uint16_t flow_port;
	const struct statuspage *page;
} fake;

struct urlroutes *urlroutes_new(struct loop *l,
				const struct urlroutes_config *c)
{
	assert_int_equal(c->versions, CONF_IGD_BOTH);
	assert_true(*c->server);
	fake.page = c->page;
	note("routes");
	return fake.routes;
}

struct httpd *urlroutes_httpd(struct urlroutes *r)
{
	assert_ptr_equal(r, ROUTES);
	return HTTPD;
}

size_t urlroutes_subscribers(const struct urlroutes *r)
{
	assert_ptr_equal(r, ROUTES);
	return 3;
}

void urlroutes_mark_dirty(struct urlroutes *r)
{
	assert_ptr_equal(r, ROUTES);
	note("events");
}

size_t urlroutes_targets(struct urlroutes *r, struct ssdp_target *ret)
{
	return 7;
}

int httpd_listen(struct httpd *h, const struct netif_addr *a, size_t n,
		 uint16_t port)
{
	assert_ptr_equal(h, HTTPD);
	assert_int_equal(n, 2);
	assert_int_equal(port, 5000);
	note("http");
	return fake.listen_err;
}

uint16_t httpd_port(const struct httpd *h)
{
	assert_ptr_equal(h, HTTPD);
	return fake.has_port;
}

struct ssdp *ssdp_new(struct loop *l, const struct ssdp_config *c)
{
	fake.ssdp = *c;
	note("ssdp-new");
	return SSDP;
}

int ssdp_ifaces(struct ssdp *s, const struct netif_addr *f, size_t n,
		uint16_t http_port)
{
	assert_ptr_equal(s, SSDP);
	assert_int_equal(n, 2);
	fake.ssdp_port = http_port;
	note("ssdp");
	return fake.ssdp_err;
}

void ssdp_byebye(struct ssdp *s)
{
	assert_ptr_equal(s, SSDP);
	note("byebye");
}

struct pmp *pmp_new(struct loop *l, const struct pmp_config *c)
{
	fake.pmp = *c;
	note("pmp-new");
	return fake.new_pmp;
}

int pmp_ifaces(struct pmp *p, const struct netif_addr *a, size_t n)
{
	assert_ptr_equal(p, PMP);
	assert_int_equal(n, 2);
	note("pmp");
	return fake.pmp_serves ? 0 : -EADDRINUSE;
}

bool pmp_serves(const struct pmp *p)
{
	assert_ptr_equal(p, PMP);
	return fake.pmp_serves;
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
	assert_ptr_equal(p, PMP);
	fake.flow = *r;
	fake.flow_port = port;
	note("flow");
}

static struct brokerclient client;

bool brokerclient_flow(struct brokerclient *c, const struct nat_rule *r)
{
	assert_ptr_equal(c, &client);
	fake.flow = *r;
	note("ask");
	return !fake.flows_full;
}

/* ---- the module under test ------------------------------------------- */

static struct conf conf;
static struct map map;
static struct igd igd;
static struct loop *loop;
static struct services s;
static uint64_t now_ms;

static uint64_t fake_clock(void)
{
	return now_ms;
}
static char dir[] = "/tmp/test_services.XXXXXX";
static int dir_fd;
static const struct netif_addr at[2] = {
	{ .ifindex = 3, .ifname = "lan0" }, { .ifindex = 4, .ifname = "lan1" },
};

static const struct leases_clock *clock_now(void *arg)
{
	static struct leases_clock clock = { .boot_id = "boot" };

	clock.mono_ms = now_ms;
	clock.wall_s = (int64_t)now_ms / 1000;
	return &clock;
}

static int set_up(void **state)
{
	conf_defaults(&conf);
	conf.http_port = 5000;
	memset(&fake, 0, sizeof(fake));
	fake.routes = ROUTES;
	fake.has_port = 5000;
	fake.new_pmp = PMP;
	fake.pmp_serves = true;
	now_ms = 1000000;
	calls[0] = '\0';
	memset(&map, 0, sizeof(map));
	igd_init(&igd, &map);
	logged_open();
	loop = loop_new(4, fake_clock);
	s = (struct services){ .loop = loop, .conf = &conf, .igd = &igd,
			       .brokerclient = &client, .dir_fd = dir_fd };
	s.clock_now = clock_now;
	unlinkat(dir_fd, "epoch", 0);
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	loop_free(loop);
	logged_close();
	return 0;
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0;
}

static int drop_dir(void **state)
{
	unlinkat(dir_fd, "uuid", 0);
	unlinkat(dir_fd, "epoch", 0);
	unlinkat(dir_fd, "bootid", 0);
	close(dir_fd);
	return rmdir(dir);
}

static const char *text_of(const struct services_at *what)
{
	static char text[64];
	struct wr w = wr_init(text, sizeof(text));

	services_put(what, &w);
	return wr_cstr(&w);
}

static void test_upnp_is_http_and_ssdp(void **state)
{
	struct services_at now;

	conf.nat_pmp = conf.pcp = false;
	assert_int_equal(services_open(&s), 0);
	CALLS("routes ssdp-new");
	assert_int_equal(fake.ssdp.target_n, 7);
	assert_int_equal(fake.ssdp.boot_id, s.boot_id);
	assert_memory_equal(igd.wan_uuid[1], s.id.desc.udn[1][IGD_DEVICES - 1],
			    16);
	assert_int_equal(services_serve(&s, at, 2), 0);
	CALLS("http ssdp");
	assert_int_equal(fake.ssdp_port, 5000);
	now = services_at(&s);
	assert_true(services_up(&s, &now));
	assert_string_equal(text_of(&now), "port 5000");
	services_mark_dirty(&s);
	services_byebye(&s);
	CALLS("events byebye");
}

static void test_the_status_page_is_as_configured(void **state)
{
	static const struct recent recent;

	s.recent = &recent;
	assert_int_equal(services_open(&s), 0);
	assert_ptr_equal(fake.page->map, &map);
	assert_ptr_equal(fake.page->recent, &recent);
	assert_string_equal(fake.page->name, "Router");
	assert_false(fake.page->all);
	assert_true(s.id.desc.has_page);
	conf.status_page = CONF_PAGE_ALL;
	assert_int_equal(services_open(&s), 0);
	assert_true(fake.page->all);
	conf.status_page = CONF_PAGE_NO;
	assert_int_equal(services_open(&s), 0);
	assert_null(fake.page);
	assert_false(s.id.desc.has_page);
}

static void test_without_upnp_there_is_neither_http_nor_ssdp(void **state)
{
	struct ctl_status status = { .http_port = 0 };
	struct services_at now;

	conf.upnp = conf.nat_pmp = conf.pcp = false;
	assert_int_equal(services_open(&s), 0);
	assert_int_equal(services_serve(&s, at, 2), 0);
	services_mark_dirty(&s);
	services_byebye(&s);
	services_status(&s, &status);
	CALLS("");
	now = services_at(&s);
	assert_false(services_up(&s, &now));
	assert_int_equal(status.protocols, 0);
	assert_int_equal(status.served, 0);
	assert_int_equal(status.igd_versions, 0);
	assert_int_equal(status.subscribers_max, 0);
	/* no UUID, no BOOTID */
	assert_int_equal(faccessat(dir_fd, "bootid", F_OK, 0), -1);
}

static void test_nat_pmp_and_pcp(void **state)
{
	struct services_at now;

	conf.upnp = false;
	assert_int_equal(services_open(&s), 0);
	CALLS("pmp-new");
	assert_true(fake.pmp.nat_pmp && fake.pmp.pcp);
	assert_ptr_equal(fake.pmp.map, &map);
	assert_int_equal(services_serve(&s, at, 2), 0);
	CALLS("pmp");
	now = services_at(&s);
	assert_true(services_up(&s, &now));
	assert_string_equal(text_of(&now), "UDP port 5351");
	fake.pmp_serves = false;
	assert_int_equal(services_serve(&s, at, 2), -EADDRINUSE);
	assert_int_equal(logged_errors("<3>UDP port 5351 (NAT-PMP, PCP): ",
				       EADDRINUSE), 1);
	now = services_at(&s);
	assert_false(services_up(&s, &now));
}

static void test_one_of_two(void **state)
{
	struct ctl_status status = { .http_port = 0 };

	conf.upnp = conf.nat_pmp = false;
	assert_int_equal(services_open(&s), 0);
	CALLS("pmp-new");
	assert_true(!fake.pmp.nat_pmp && fake.pmp.pcp);
	services_status(&s, &status);
	assert_int_equal(status.protocols, 1u << ORIGIN_PCP);
	assert_int_equal(status.served, 1u << ORIGIN_PCP);
}

static void test_all_protocols(void **state)
{
	struct services_at now, before;

	assert_int_equal(services_open(&s), 0);
	CALLS("routes ssdp-new pmp-new");
	assert_int_equal(services_serve(&s, at, 2), 0);
	CALLS("http ssdp pmp");
	before = services_at(&s);
	assert_string_equal(text_of(&before), "port 5000 and UDP port 5351");
	fake.pmp_serves = false;
	now = services_at(&s);
	assert_false(services_at_equal(&now, &before));
	assert_true(services_up(&s, &now));	/* by UPnP */
	assert_string_equal(text_of(&now), "port 5000");
	fake.has_port = 0;
	fake.pmp_serves = true;
	now = services_at(&s);
	assert_false(services_up(&s, &now));	/* UPnP is not yet */
}

static void pass_seconds(unsigned n)
{
	now_ms += n * 1000;
	loop_step(loop, 0);
}

/* The next engine. */
static void open_again(bool whole)
{
	memset(&s.epoch, 0, sizeof(s.epoch));
	s.leases_whole = whole;
	assert_int_equal(services_open(&s), 0);
}

/* The epoch begins with the state of the mappings, and with each external
 * address. It goes on if the next engine has the mappings. */
static void test_epoch(void **state)
{
	conf.upnp = false;
	open_again(true);
	assert_int_equal(fake.pmp.epoch_s(&s), 0);
	map.ext = addr_ip4(0xc6336407);
	services_address(&s);
	CALLS("pmp-new address");
	pass_seconds(5);
	assert_int_equal(fake.pmp.epoch_s(&s), 5);
	open_again(true);
	services_address(&s);
	pass_seconds(2);
	assert_int_equal(fake.pmp.epoch_s(&s), 7);
	open_again(false);
	assert_int_equal(fake.pmp.epoch_s(&s), 0);
	pass_seconds(9);
	calls[0] = '\0';
	services_address(&s);	/* the first one of this engine */
	assert_int_equal(fake.pmp.epoch_s(&s), 9);
	map.ext = addr_ip4(0xc6336408);
	services_address(&s);
	CALLS("address address");
	assert_int_equal(fake.pmp.epoch_s(&s), 0);
}

static void test_third_parties_are_named(void **state)
{
	const struct addr host = addr_ip4(0xc0a8580a);

	assert_int_equal(services_open(&s), 0);
	assert_false(fake.pmp.may_ask_for_others(&s, host));
	conf.pcp_third_party.n = 2;
	conf.pcp_third_party.at[0] = (struct addr_net){ addr_ip4(0x0a000000),
							8 };
	conf.pcp_third_party.at[1] = (struct addr_net){ host, 32 };
	assert_true(fake.pmp.may_ask_for_others(&s, host));
	assert_true(fake.pmp.may_ask_for_others(&s, addr_ip4(0x0a010203)));
	assert_false(fake.pmp.may_ask_for_others(&s, addr_ip4(0xc0a8580b)));
}

/* A question always gets an answer. */
static void test_flows(void **state)
{
	struct nat_rule rule = { .kind = NAT_PORTMAP, .int_port = 7,
				 .remote_port = 9 };

	assert_int_equal(services_open(&s), 0);
	calls[0] = '\0';
	fake.pmp.ask_flow(&s, &rule);
	CALLS("ask");
	rule.ext_port = 40000;
	services_flow(&s, &rule);
	CALLS("flow");
	assert_int_equal(fake.flow_port, 40000);
	assert_int_equal(fake.flow.ext_port, 0);
	assert_int_equal(fake.flow.remote_port, 9);
	fake.flows_full = true;
	fake.pmp.ask_flow(&s, &rule);
	CALLS("ask flow");
	assert_int_equal(fake.flow_port, 0);
}

static void test_the_first_error_is_returned(void **state)
{
	conf.nat_pmp = conf.pcp = false;
	assert_int_equal(services_open(&s), 0);
	fake.ssdp_err = -EADDRNOTAVAIL;
	assert_int_equal(services_serve(&s, at, 2), -EADDRNOTAVAIL);
	assert_int_equal(logged_errors("<3>SSDP port 1900: ", EADDRNOTAVAIL),
			 1);
	fake.listen_err = -EADDRINUSE;
	fake.has_port = 0;
	assert_int_equal(services_serve(&s, at, 2), -EADDRINUSE);
	assert_int_equal(logged_errors("<3>HTTP port 5000: ", EADDRINUSE), 1);
}

static void test_no_memory(void **state)
{
	fake.routes = NULL;
	assert_int_equal(services_open(&s), -ENOMEM);
	fake.routes = ROUTES;
	fake.new_pmp = NULL;
	assert_int_equal(services_open(&s), -ENOMEM);
}

static void test_status_has_the_protocols(void **state)
{
	struct ctl_status status = { .http_port = 1 };

	conf.pcp = false;
	assert_int_equal(services_open(&s), 0);
	services_status(&s, &status);
	assert_int_equal(status.protocols,
			 1u << ORIGIN_UPNP | 1u << ORIGIN_NAT_PMP);
	assert_int_equal(status.served, status.protocols);
	assert_int_equal(status.http_port, 5000);
	assert_int_equal(status.igd_versions, CONF_IGD_BOTH);
	assert_int_equal(status.subscribers, 3);
	fake.has_port = 0;
	services_status(&s, &status);
	assert_int_equal(status.served, 1u << ORIGIN_NAT_PMP);
}

/* BOOTID grows with each change, and the state directory has it. */
static void test_boot_ids_grow(void **state)
{
	uint32_t id;

	assert_int_equal(services_open(&s), 0);
	id = s.boot_id;
	for (int i = 1; i <= 20; i++)
		assert_true(fake.ssdp.next_boot_id(&s) >= id + (uint32_t)i);
	id = s.boot_id;
	assert_int_equal(services_open(&s), 0);	/* the next start */
	assert_true(s.boot_id > id);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_upnp_there_is_neither_http_nor_ssdp),
		TEST(test_upnp_is_http_and_ssdp),
		TEST(test_the_status_page_is_as_configured),
		TEST(test_nat_pmp_and_pcp),
		TEST(test_one_of_two),
		TEST(test_all_protocols),
		TEST(test_epoch),
		TEST(test_third_parties_are_named),
		TEST(test_flows),
		TEST(test_the_first_error_is_returned),
		TEST(test_no_memory),
		TEST(test_status_has_the_protocols),
		TEST(test_boot_ids_grow),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
