/* SPDX-License-Identifier: ISC */
/*
 * test_ownport.c - the port without which nobody would be served is found, and
 * a program that has it is named. The kernel is faked in this file.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "conf/ifstate.h"
#include "monitor/ownport.h"
#include "sys/comm.h"
#include "sys/ports.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/logged.h"

static struct {
	uint8_t proto;		/* the socket of another program */
	uint16_t port;
	struct addr at;		/* ADDR_NONE: everywhere */
	unsigned tries;
	unsigned ends;		/* its last try; 0: it does not end */
	int read_err;
} fake;

int ifstate_read(const struct conf *c, struct ifstate *ret)
{
	static const char *const at[] = { "192.168.88.1", "2001:db8::1",
					  "10.9.0.0" };

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 3; i++)
		ret->net[i] = (struct netif_addr){
			3, "lan0", { addr_of_text(at[i]), 24 },
			.routed = i == 2,
		};
	ret->net_n = 3;
	ret->routed_n = 1;
	return fake.read_err;
}

int ports_try_bind(uint8_t protocol, struct addr at, uint16_t port,
		   const char *ifname)
{
	assert_string_equal(ifname, "lan0");
	fake.tries++;
	if (protocol != fake.proto || port != fake.port ||
	    (fake.ends && fake.tries > fake.ends))
		return 0;
	return addr_is_set(fake.at) && !addr_equal(fake.at, at) ? 0 :
	       -EADDRINUSE;
}

uint32_t comm_of_port(uint8_t protocol, struct addr at, uint16_t port)
{
	assert_int_equal(protocol, fake.proto);
	assert_int_equal(port, fake.port);
	return 812;
}

bool comm_write(struct wr *w, uint32_t pid)
{
	wr_z(w, "natpmpd");
	return true;
}

static struct conf conf, next;

static int set_up(void **state)
{
	memset(&fake, 0, sizeof(fake));
	conf_defaults(&conf);
	conf.enabled = true;
	conf.iface_n = 2;
	conf.iface[0].type = CONF_EXTERNAL;
	conf.iface[1].type = CONF_INTERNAL;
	conf_copy(&next, &conf);
	logged_open();
	return 0;
}

static int tear_down(void **state)
{
	logged_close();
	return 0;
}

static void test_http_port(void **state)
{
	assert_int_equal(ownport_check(&conf, 0), 0);
	assert_int_equal(fake.tries, 2);	/* none for a routed network */
	fake.proto = IPPROTO_TCP;
	fake.port = 2828;
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
	assert_int_equal(logged_count("<3>http-port 2828 is taken by natpmpd "
				      "(process 812), at 192.168.88.1: stop "
				      "that program, or set another http-port"),
			 1);
	fake.at = addr_of_text("2001:db8::1");
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
	conf.http_port = 2829;
	assert_int_equal(ownport_check(&conf, 0), 0);
	conf.http_port = fake.port = 0;		/* any */
	assert_int_equal(ownport_check(&conf, 0), 0);
}

/* A service manager starts a killed daemon again at once. */
static void test_engine_of_a_killed_monitor_ends(void **state)
{
	fake.proto = IPPROTO_TCP;
	fake.port = 2828;
	fake.ends = 2;
	assert_int_equal(ownport_check(&conf, 60000), 0);
	assert_int_equal(logged_count("http-port"), 0);
	fake.tries = 0;
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
}

static void test_port_of_nat_pmp_and_pcp(void **state)
{
	fake.proto = IPPROTO_UDP;
	fake.port = 5351;
	assert_int_equal(ownport_check(&conf, 0), 0);	/* UPnP is served */
	conf.upnp = false;
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
	assert_int_equal(logged_count("<3>UDP port 5351 is taken by natpmpd "
				      "(process 812), at 192.168.88.1: stop "
				      "that program, or set upnp = yes"), 1);
	fake.at = addr_of_text("2001:db8::1");
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
	conf.pcp = false;	/* NAT-PMP has no IPv6 */
	assert_int_equal(ownport_check(&conf, 0), 0);
	fake.at = addr_of_text("192.168.88.1");
	assert_int_equal(ownport_check(&conf, 0), -EADDRINUSE);
	conf.nat_pmp = false;
	fake.tries = 0;
	assert_int_equal(ownport_check(&conf, 0), 0);
	assert_int_equal(fake.tries, 0);
}

static void test_interfaces_that_cannot_be_read(void **state)
{
	fake.proto = IPPROTO_TCP;
	fake.port = 2828;
	fake.read_err = -EIO;
	assert_int_equal(ownport_check(&conf, 0), 0);
}

static void test_ports_that_are_ours(void **state)
{
	assert_true(ownport_same(&conf, &next));
	next.http_port = 2829;
	assert_false(ownport_same(&conf, &next));
	next.upnp = false;
	assert_true(ownport_same(&conf, &next));	/* 5351 was served */
	conf.nat_pmp = false;
	assert_true(ownport_same(&conf, &next));
	conf.pcp = false;
	assert_false(ownport_same(&conf, &next));
	conf_defaults(&next);
	assert_true(ownport_same(&conf, &next));
	conf.upnp = false;
	assert_false(ownport_same(&conf, &next));
	conf_defaults(&conf);
	conf.enabled = false;
	assert_false(ownport_same(&conf, &next));
}

#define T(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_http_port),
		T(test_engine_of_a_killed_monitor_ends),
		T(test_port_of_nat_pmp_and_pcp),
		T(test_interfaces_that_cannot_be_read),
		T(test_ports_that_are_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
