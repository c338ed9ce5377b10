/* SPDX-License-Identifier: ISC */
/* test_refusal.c - each reason has its texts, refusals are counted, and the log
 * has a limit. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "base/wr.h"
#include "map/refusal.h"

static struct refusal_counts rs;
static uint32_t muted;

static int setup(void **state)
{
	memset(&rs, 0, sizeof(rs));
	muted = 99;
	return 0;
}

static bool refuse(uint32_t ip, enum refusal why, uint64_t now_ms)
{
	const struct refused r = {
		.why = why, .origin = ORIGIN_UPNP, .client = addr_ip4(ip),
	};

	return refusal_count(&rs, &r, r.client, now_ms, &muted);
}

static void every_reason_has_a_name_and_a_text(void **state)
{
	for (unsigned i = 0; i < REFUSAL__MAX; i++) {
		const char *name = refusal_name((enum refusal)i);

		assert_true(strlen(name) > 2);
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz-") ==
			    strlen(name));
		assert_true(strlen(refusal_text((enum refusal)i)) > 5);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(
				name, refusal_name((enum refusal)j));
	}
	/* the longest text once ran into the bytes after it */
	assert_string_equal(refusal_text(REFUSAL_HOST), "its Host, Origin "
			    "or Referer is not this router's address, as if a web "
			    "page had sent it");
	assert_string_equal(refusal_name((enum refusal)99), "unknown");
	assert_string_equal(refusal_text((enum refusal)99),
			    "unknown reason");
}

/* Every error of the monitor is a refusal, also one that is not known. */
static void errors_of_the_monitor_are_refusals(void **state)
{
	static const enum refusal want[] = {
		[NAT_OK] = REFUSAL_NONE,
		[NAT_EFAIL] = REFUSAL_FIREWALL,
		[NAT_EREFUSED] = REFUSAL_MONITOR,
		[NAT_ECONFLICT] = REFUSAL_PORT,
		[NAT_ENOSPC] = REFUSAL_FULL,
		[NAT_ENOADDR] = REFUSAL_NO_ADDRESS,
		[NAT_EKIND] = REFUSAL_KIND,
		[NAT_EFORWARDED] = REFUSAL_FORWARDED,
		[NAT_EBLOCKED] = REFUSAL_BLOCKED,
	};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(refusal_of_nat((enum nat_err)i), want[i]);
	assert_int_equal(refusal_of_nat((enum nat_err)99), REFUSAL_FIREWALL);
}

static void a_client_gets_one_log_line_a_minute(void **state)
{
	assert_true(refuse(1, REFUSAL_RULE, 5));
	assert_int_equal(muted, 0);
	assert_false(refuse(1, REFUSAL_RULE, 6));
	assert_false(refuse(1, REFUSAL_RULE, 60004));
	assert_true(refuse(2, REFUSAL_RULE, 60004));
	assert_int_equal(muted, 0);
	assert_true(refuse(1, REFUSAL_RULE, 60005));
	assert_int_equal(muted, 2);
	assert_int_equal(rs.n[REFUSAL_RULE], 5);
	/* reported: the count starts again */
	assert_true(refuse(1, REFUSAL_RULE, 200000));
	assert_int_equal(muted, 0);
}

/* Regression: whoever looked for the second reason found no line. */
static void each_reason_of_a_client_has_its_line(void **state)
{
	for (unsigned why = 1; why < REFUSALS; why++) {
		assert_true(refuse(1, (enum refusal)why, 5 + why));
		assert_int_equal(muted, 0);
	}
	for (unsigned why = 1; why < REFUSALS; why++)
		assert_false(refuse(1, (enum refusal)why, 60004));
	/* the minute began with the first line */
	assert_true(refuse(1, REFUSAL_RULE, 60006));
	assert_int_equal(muted, REFUSALS - 1);
	assert_false(refuse(1, REFUSAL_RULE, 60007));
	assert_true(refuse(1, REFUSAL_OWNER, 60008));
	assert_int_equal(muted, 1);
}

/* A host with many addresses can fill the table, but not the log. */
static void many_clients_do_not_flood_the_log(void **state)
{
	unsigned told = 0;

	for (uint32_t ip = 1; ip <= 1000; ip++)
		told += refuse(ip, REFUSAL_FULL, 1000);
	assert_int_equal(told, REFUSAL_CLIENTS_MAX);
	assert_int_equal(rs.n[REFUSAL_FULL], 1000);
	assert_true(refuse(5000, REFUSAL_FULL, 1000 + REFUSAL_LOG_MS));
	assert_int_equal(muted, 0);
}

/* A host has any number of IPv6 addresses. */
static void a_client_is_told_by_its_share(void **state)
{
	const struct addr share = addr_of_text("2001:db8::1");
	struct refused r = { .why = REFUSAL_RULE, .origin = ORIGIN_UPNP };
	unsigned told = 0;

	for (uint32_t ip = 1; ip <= 1000; ip++) {
		r.client = addr_of_text("2001:db8::");
		r.client.byte[14] = (uint8_t)(ip >> 8);
		r.client.byte[15] = (uint8_t)ip;
		told += refusal_count(&rs, &r, share, 1000, &muted);
	}
	assert_int_equal(told, 1);
	assert_true(refuse(1, REFUSAL_RULE, 1000));
	assert_true(refusal_count(&rs, &r, share, 1000 + REFUSAL_LOG_MS,
				  &muted));
	assert_int_equal(muted, 999);
}

/* The line may be the only report that a configured mapping is missing. */
static void every_refusal_of_the_operator_is_logged(void **state)
{
	const struct refused r = {
		.why = REFUSAL_CONFLICT, .origin = ORIGIN_OPERATOR,
	};

	for (int i = 1; i <= 2 * REFUSAL_CLIENTS_MAX; i++) {
		muted = 1;
		assert_true(refusal_count(&rs, &r, r.client,
					  5, &muted));
		assert_int_equal(muted, 0);
		assert_int_equal(rs.n[REFUSAL_CONFLICT], i);
	}
	assert_true(refuse(1, REFUSAL_RULE, 5));
}

static const struct refusal_settings settings = {
	.max_mappings = 1024, .per_client = 128, .max_pinholes = 512,
	.adds_per_s = 32, .rule_n = 2,
};

static void assert_line(const struct refused *r, const char *want)
{
	char buf[256];
	struct wr w = wr_init(buf, sizeof(buf));

	refusal_put(&w, r, &settings);
	assert_string_equal(wr_cstr(&w), want);
}

static void log_line_has_requester_mapping_and_reason(void **state)
{
	struct refused r = {
		.why = REFUSAL_RULE, .origin = ORIGIN_UPNP,
		.client = addr_ip4(0xc0a8580a), .line = 12,
		.rule = { .client = addr_ip4(0xc0a8580b),
			  .remote = addr_any(), .ext_port = 80,
			  .int_port = 8080, .kind = NAT_PORTMAP,
			  .proto = IPPROTO_UDP },
	};

	assert_line(&r, "refused 192.168.88.10 (upnp): protocol=udp "
		    "external-port=80 to=192.168.88.11:8080: line 12 denies "
		    "it");
	r.line = 0;
	r.why = REFUSAL_OWNER;
	/* a deletion: only the key is set */
	r.rule.client = (struct addr){ ADDR_NONE };
	r.rule.proto = IPPROTO_TCP;
	assert_line(&r, "refused 192.168.88.10 (upnp): protocol=tcp "
		    "external-port=80: the mapping is another client's");
	/* the operator's mapping, which a new configuration forbids */
	r.origin = ORIGIN_OPERATOR;
	assert_line(&r, "refused the operator: protocol=tcp "
		    "external-port=80: the mapping is another client's");
	r.origin = ORIGIN_UPNP;
	memset(&r.rule, 0, sizeof(r.rule));
	r.why = REFUSAL_LINK;
	assert_line(&r, "refused 192.168.88.10: "
			"allow-disable-external-interface is no");
}

/* The setting, or the line to add, is in the log line. */
static void log_line_names_what_decided(void **state)
{
	static const struct {
		enum refusal why;
		const char *want;
	} reasons[] = {
		{ REFUSAL_FULL, "max-mappings = 1024 is reached" },
		{ REFUSAL_CLIENT_FULL,
		  "max-mappings-per-client = 128 is reached" },
		{ REFUSAL_PINHOLES, "max-pinholes = 512 is reached" },
		{ REFUSAL_RATE, "too many new mappings at once: 32 a second" },
		{ REFUSAL_SECURE,
		  "secure-mode = yes: the client is another host" },
		{ REFUSAL_RULE, "no allow line matches it; to allow it, add "
		  "\"allow 80 192.168.88.11 8080\"" },
	};
	struct refused r = {
		.origin = ORIGIN_PCP, .client = addr_ip4(0xc0a8580a),
		.rule = { .client = addr_ip4(0xc0a8580b),
			  .remote = addr_any(), .ext_port = 80,
			  .int_port = 8080, .kind = NAT_PORTMAP,
			  .proto = IPPROTO_UDP },
	};
	struct refusal_settings none = settings;
	char buf[256];
	struct wr w;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		w = wr_init(buf, sizeof(buf));
		r.why = reasons[i].why;
		refusal_put(&w, &r, &settings);
		assert_non_null(strstr(wr_cstr(&w), reasons[i].want));
		assert_ptr_equal(strstr(buf, "refused 192.168.88.10 (pcp): "),
				 buf);
	}
	none.rule_n = 0;
	w = wr_init(buf, sizeof(buf));
	r.why = REFUSAL_RULE;
	refusal_put(&w, &r, &none);
	assert_non_null(strstr(wr_cstr(&w), ": the default allows ports from "
			       "1024 on; to allow it, add \"allow 80 "
			       "192.168.88.11 8080\", and lines for the "
			       "other ports"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(every_reason_has_a_name_and_a_text),
		T(errors_of_the_monitor_are_refusals),
		T(a_client_gets_one_log_line_a_minute),
		T(each_reason_of_a_client_has_its_line),
		T(many_clients_do_not_flood_the_log),
		T(a_client_is_told_by_its_share),
		T(every_refusal_of_the_operator_is_logged),
		T(log_line_has_requester_mapping_and_reason),
		T(log_line_names_what_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
