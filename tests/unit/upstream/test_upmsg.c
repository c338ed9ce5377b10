/* SPDX-License-Identifier: ISC */
/*
 * test_upmsg.c - the messages of a client of NAT-PMP and PCP, byte by byte. The
 * answers of miniupnpd 2.3.1 were recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include "upstream/upmsg.h"

static const struct upmsg_nonce nonce = { "NNNNNNNNNNNN" };

static uint8_t bytes[2048];

/* @hex: spaces are skipped */
static struct str raw(const char *hex)
{
	size_t n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(str_hex(hex[0]) >= 0 && str_hex(hex[1]) >= 0);
		bytes[n++] = (uint8_t)(str_hex(hex[0]) << 4 | str_hex(hex[1]));
		hex++;
	}
	return (struct str){ (const char *)bytes, n };
}

static void assert_bytes(const uint8_t *buf, size_t n, const char *hex)
{
	struct str want = raw(hex);

	assert_int_equal(n, want.n);
	assert_memory_equal(buf, want.p, n);
}

static void test_requests(void **state)
{
	struct upmsg_ask a = {
		.proto = IPPROTO_TCP, .port = 40000, .ext_port = 40001,
		.lease_s = 3600, .client = addr_ip4(0xc0a8580a),
		.ext = addr_ip4(0x0b162101), .nonce = nonce,
	};
	uint8_t buf[UPMSG_MAX];

	assert_bytes(buf, upmsg_pcp_alive(a.client, buf),
		     "02000000 00000000 00000000000000000000ffffc0a8580a");
	assert_bytes(buf, upmsg_pcp_map(&a, buf),
		     "02010000 00000e10 00000000000000000000ffffc0a8580a"
		     "4e4e4e4e4e4e4e4e4e4e4e4e 06000000 9c409c41"
		     "00000000000000000000ffff0b162101");
	assert_bytes(buf, upmsg_natpmp_alive(buf), "0000");
	assert_bytes(buf, upmsg_natpmp_map(&a, buf),
		     "00020000 9c409c41 00000e10");
	/* a deletion suggests nothing */
	a.lease_s = 0;
	a.proto = IPPROTO_UDP;
	assert_bytes(buf, upmsg_pcp_map(&a, buf),
		     "02010000 00000000 00000000000000000000ffffc0a8580a"
		     "4e4e4e4e4e4e4e4e4e4e4e4e 11000000 9c400000"
		     "00000000000000000000ffff00000000");
	assert_bytes(buf, upmsg_natpmp_map(&a, buf),
		     "00010000 9c400000 00000000");
}

static void test_answers(void **state)
{
	struct upmsg_reply r;

	assert_true(upmsg_pcp_read(raw("0280000000000000000069140000000000000000"
				       "00000000"), &nonce, &r));
	assert_true(r.kind == UPMSG_ALIVE && !r.result);
	assert_int_equal(r.epoch_s, 0x6914);
	assert_true(upmsg_pcp_read(
		raw("0281000000000e10000069310000000000000000000000004e4e4e4e4e"
		    "4e4e4e4e4e4e4e060000009c409c4100000000000000000000ffff0b16"
		    "2101"), &nonce, &r));
	assert_true(r.kind == UPMSG_MAP && !r.result);
	assert_true(r.proto == IPPROTO_TCP && r.port == 40000 &&
		    r.ext_port == 40001 && r.lease_s == 3600);
	assert_true(addr_equal(r.ext, addr_ip4(0x0b162101)));
	assert_true(upmsg_natpmp_read(raw("00800000000069140b162101"), &r));
	assert_true(r.kind == UPMSG_ALIVE && r.epoch_s == 0x6914);
	assert_true(addr_equal(r.ext, addr_ip4(0x0b162101)));
	assert_true(upmsg_natpmp_read(raw("00820000000069329c419c4200000e10"),
				      &r));
	assert_true(r.kind == UPMSG_MAP && r.proto == IPPROTO_TCP);
	assert_true(r.port == 40001 && r.ext_port == 40002 &&
		    r.lease_s == 3600);
}

static void test_errors(void **state)
{
	struct upmsg_reply r;

	/* NOT_AUTHORIZED, with the fields of the request */
	assert_true(upmsg_pcp_read(
		raw("0281000200000708 00000001 000000000000000000000000"
		    "4e4e4e4e4e4e4e4e4e4e4e4e 11000000 9c400000"
		    "00000000000000000000ffff00000000"), &nonce, &r));
	assert_true(r.result == 2 && !r.unsupported && !r.ext_port);
	assert_int_equal(r.proto, IPPROTO_UDP);
	assert_true(upmsg_natpmp_read(raw("0081000200000001 9c400000 00000000"),
				      &r));
	assert_int_equal(r.result, 2);
	/* a server of the other protocol only (RFC 6887 9, appendix A) */
	assert_true(upmsg_pcp_read(raw("0280000100000000 00000001"
				       "000000000000000000000000"), &nonce,
				   &r));
	assert_true(r.unsupported);
	assert_false(upmsg_natpmp_read(raw("0280000100000000 00000001"
					   "000000000000000000000000"), &r));
	assert_true(upmsg_natpmp_read(raw("0080000100000001"), &r));
	assert_true(r.unsupported);
}

/* Datagrams that the upstream does not send, or not to us. */
static void test_dropped(void **state)
{
	static const char *const pcp[] = {
		"", "0280",
		/* a request; another version; not a multiple of 4 */
		"020000000000000000006914000000000000000000000000",
		"018000000000000000006914000000000000000000000000",
		"02800000000000000000691400000000000000000000000000",
		/* PEER; MAP that is cut, with another nonce, for ICMP, for
		 * port 0, without an external port */
		"028200000000000000006914000000000000000000000000",
		"028100000000000000006914000000000000000000000000",
		"0281000000000e10000069310000000000000000000000004d4e4e4e4e"
		"4e4e4e4e4e4e4e060000009c409c4100000000000000000000ffff0b16"
		"2101",
		"0281000000000e10000069310000000000000000000000004e4e4e4e4e"
		"4e4e4e4e4e4e4e010000009c409c4100000000000000000000ffff0b16"
		"2101",
		"0281000000000e10000069310000000000000000000000004e4e4e4e4e"
		"4e4e4e4e4e4e4e0600000000009c4100000000000000000000ffff0b16"
		"2101",
		"0281000000000e10000069310000000000000000000000004e4e4e4e4e"
		"4e4e4e4e4e4e4e060000009c40000000000000000000000000ffff0b16"
		"2101",
	};
	static const char *const natpmp[] = {
		"", "0080", "00800000000069", "0080000000006914",
		"0000000000006914 0b162101", "0083000000006914 0b162101",
		"0082000000006932 9c419c42", "0082000000006932 00009c4200000e10",
		"0082000000006932 9c41000000000e10",
	};
	struct upmsg_reply r = { .port = 7 };

	for (size_t i = 0; i < sizeof(pcp) / sizeof(pcp[0]); i++)
		assert_false(upmsg_pcp_read(raw(pcp[i]), &nonce, &r));
	for (size_t i = 0; i < sizeof(natpmp) / sizeof(natpmp[0]); i++)
		assert_false(upmsg_natpmp_read(raw(natpmp[i]), &r));
	assert_int_equal(r.port, 7);
}

/* An external address that no host can have is none. */
static void test_addresses_of_no_host(void **state)
{
	struct upmsg_reply r;

	assert_true(upmsg_natpmp_read(raw("008000000000691400000000"), &r));
	assert_false(addr_is_set(r.ext));
	assert_true(upmsg_natpmp_read(raw("0080000000006914 7f000001"), &r));
	assert_false(addr_is_set(r.ext));
}

static void test_epoch(void **state)
{
	struct upmsg_epoch e = { 0 };

	assert_false(upmsg_epoch(&e, 1000, 5000));
	assert_false(upmsg_epoch(&e, 1060, 65000));
	/* two answers in the wrong order */
	assert_false(upmsg_epoch(&e, 1059, 65000));
	/* a clock that is slower by an eighth */
	assert_false(upmsg_epoch(&e, 1059 + 700, 865000));
	assert_true(upmsg_epoch(&e, 1759 + 690, 1665000));
	/* a restart */
	assert_true(upmsg_epoch(&e, 3, 1725000));
	assert_false(upmsg_epoch(&e, 63, 1785000));
	/* a restart after which the epoch has passed the old one */
	assert_true(upmsg_epoch(&e, 64, 2785000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_addresses_of_no_host),
		cmocka_unit_test(test_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
