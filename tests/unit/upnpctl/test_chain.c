/* SPDX-License-Identifier: ISC */
/* test_chain.c - what upnpctl says of the NATs in front of the router. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "upnpctl/chain.h"

static struct ctl_status s;

static int set_up(void **state)
{
	s = (struct ctl_status){
		.ext = addr_ip4(0x0b162101),
		.upstream_state = CTL_UPSTREAM_ANSWERS,
		.upstream_way = CTL_BY_PCP, .upstream_held = 3,
		.upstream_until_s = 1800,
		.upstream_client = addr_ip4(0x0a000102),
		.upstream_gateway = addr_ip4(0x0a000101),
		.upstream_ext = addr_ip4(0x0b162101),
	};
	return 0;
}

static void assert_chain(const char *text)
{
	char buf[320];
	struct wr w = wr_init(buf, sizeof(buf));

	chain_put(&s, &w);
	assert_string_equal(wr_cstr(&w), text);
}

static void assert_reach(enum chain_reach reach, const char *text)
{
	char buf[320];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(chain_reach(&s, &w), reach);
	assert_string_equal(wr_cstr(&w), text);
	assert_int_equal(chain_reach(&s, NULL), reach);
}

static void test_answers(void **state)
{
	assert_chain("10.0.1.1, asked by pcp from 10.0.1.2; its external "
		     "address is 11.22.33.1; it forwards 3 ports; the next "
		     "lease ends in 30m");
	assert_reach(CHAIN_YES, "yes, as far as the upstream tells");
	s.upstream_refused = 1;
	s.upstream_error = 2;
	s.upstream_until_s = 0;
	assert_chain("10.0.1.1, asked by pcp from 10.0.1.2; its external "
		     "address is 11.22.33.1; it forwards 3 ports and refuses 1 "
		     "(error 2)");
	assert_reach(CHAIN_UNKNOWN, "not every port: the upstream refuses "
		     "some");
	s.upstream_ext = (struct addr){ 0 };
	s.upstream_refused = 0;
	assert_chain("10.0.1.1, asked by pcp from 10.0.1.2; its external "
		     "address is not known; it forwards 3 ports");
	assert_reach(CHAIN_UNKNOWN, "not known: the upstream has not told its "
		     "external address");
	s.ext_private = 1;
	assert_reach(CHAIN_NO, "no: the upstream is behind another NAT");
}

static void test_does_not_answer(void **state)
{
	s.upstream_state = CTL_UPSTREAM_SEARCHED;
	assert_chain("10.0.1.1, being searched for");
	assert_reach(CHAIN_UNKNOWN, "not known: the upstream is being searched "
		     "for");
	s.upstream_state = CTL_UPSTREAM_SILENT;
	s.upstream_retry_s = 600;
	s.ext_private = 1;
	assert_chain("10.0.1.1, does not answer; next try in 10m");
	assert_reach(CHAIN_NO, "no: the NAT in front does not forward ports by "
		     "itself");
}

static void test_no_upstream(void **state)
{
	s.upstream_state = CTL_UPSTREAM_OFF;
	assert_chain("");
	assert_reach(CHAIN_YES, "yes, unless the provider filters");
	s.no_address = CTL_NO_CARRIER;
	assert_reach(CHAIN_NO, "no: there is no external address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers, set_up),
		cmocka_unit_test_setup(test_does_not_answer, set_up),
		cmocka_unit_test_setup(test_no_upstream, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
