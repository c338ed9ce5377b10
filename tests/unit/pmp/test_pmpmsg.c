/* SPDX-License-Identifier: ISC */
/*
 * test_pmpmsg.c - requests of NAT-PMP and PCP are parsed, and answers written,
 * byte by byte. The order of the checks, the versions, and what a malformed
 * request is. Every request lies between two pages without access.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pmp/pmpmsg.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/guardpage.h"
#include "tests/unit/pmptest.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct pmpmsg_context both = {
	.nat_pmp = true, .pcp = true,
	.source = { ADDR_IP4, { 192, 168, 88, 10 } },
};
static const struct pmpmsg_context nat_pmp = {
	.nat_pmp = true, .source = { ADDR_IP4, { 192, 168, 88, 10 } },
};
static const struct pmpmsg_context pcp = {
	.pcp = true, .source = { ADDR_IP4, { 192, 168, 88, 10 } },
};
static const struct pmpmsg_context ip6 = {
	.pcp = true, .source = { ADDR_IP6, { 0x20, 0x01, 0x0d, 0xb8, 0, 0x88,
					     [15] = 0x10 } },
};

/* Parse it at both ends of the page. The results must be the same. */
static bool parse(const struct pmpmsg_context *c, struct str s,
		  struct pmpmsg *ret)
{
	struct pmpmsg other, before;
	bool first, second;

	memset(ret, 0xa5, sizeof(*ret));
	before = other = *ret;
	first = pmpmsg_parse(at_start(s), c, ret);
	second = pmpmsg_parse(at_end(s), c, &other);
	assert_int_equal(first, second);
	if (!first)
		assert_memory_equal(ret, &before, sizeof(before));
	return first;
}

#define DROP (-1)

/* The result of parsing, or DROP. */
static int result_of(const struct pmpmsg_context *c, const char *hex)
{
	struct pmpmsg m;

	return parse(c, bytes_of(hex), &m) ? m.result : DROP;
}

/* Is the answer to @request these bytes? @a: with epoch 0x01020304 */
static bool answers(const struct pmpmsg_context *c, const char *request,
		    struct pmpmsg_answer a, const char *want)
{
	struct str in = bytes_of(request);
	uint8_t buf[PMP_MSG_MAX];
	struct pmpmsg m;
	size_t n;

	assert_true(parse(c, in, &m));
	if (!a.result)
		a.result = m.result;
	a.epoch_s = 0x01020304;
	memset(buf, 0xee, sizeof(buf));
	n = pmpmsg_write(&m, at_end(in), &a, buf);
	assert_in_range(n, 1, PMP_MSG_MAX);
	return are_bytes(buf, n, want);
}

static const struct pmpmsg_answer none;
static const struct pmpmsg_answer granted = {
	.lifetime_s = 7200, .ext_port = 0x9c40,
	.ext = { ADDR_IP4, { 203, 0, 113, 7 } },
};
static const struct pmpmsg_answer long_error = { .lifetime_s = 1800 };

/* ---- requests of PCP, with their lifetime and their options ---------------- */

#define HEAD(op, life, from)	"02" op "0000" life from
/* TCP, internal port 5000 */
#define MAP_OF(nonce, proto, port, ext_port, ext) \
	nonce proto "000000" port ext_port ext
#define MAP(life, options) HEAD("01", life, H_ANN) \
	MAP_OF(H_NONCE, "06", "1388", "9c40", H_NO4) options
#define PEER(options) HEAD("02", "00000e10", H_ANN) \
	MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "01bb 0000" H_PEER options

/* ---- what is dropped, and versions (RFC 6887 8.2, 9; RFC 6886 3.5) ---------- */

static void test_order_of_checks(void **state)
{
	assert_int_equal(result_of(&both, ""), DROP);
	assert_int_equal(result_of(&both, "02"), DROP);
	assert_int_equal(result_of(&both, "03"), DROP);
	/* the response bit comes before the version */
	assert_int_equal(result_of(&both, "0080"), DROP);
	assert_int_equal(result_of(&both, "03ff"), DROP);
	assert_int_equal(result_of(&both, "0281 0000"), DROP);
	assert_int_equal(result_of(&both, "0081 0000 1388 0000 00001c20"),
			 DROP);
	/* the version comes before the length */
	assert_int_equal(result_of(&both, "0300"), PCP_UNSUPP_VERSION);
	assert_int_equal(result_of(&both, "0100"), PCP_UNSUPP_VERSION);
	assert_int_equal(result_of(&both, "ff7f"), PCP_UNSUPP_VERSION);
	assert_int_equal(result_of(&both, "0200"), DROP);
	assert_int_equal(result_of(&both, "0200 0000 00000000 00000000"
				   "00000000 00000000"), DROP);
	/* the length comes before the address of the client */
	assert_int_equal(result_of(&both, HEAD("00", "00000000", H_BOB) "00"),
			 PCP_MALFORMED_REQUEST);
	assert_int_equal(result_of(&both, HEAD("01", "00000e10", H_BOB)),
			 PCP_MALFORMED_REQUEST);
	/* the address comes before the opcode and the options */
	assert_int_equal(result_of(&both, HEAD("63", "00000000", H_BOB)),
			 PCP_ADDRESS_MISMATCH);
	assert_int_equal(result_of(&both, HEAD("00", "00000000", H_BOB)
				   "01000040"), PCP_ADDRESS_MISMATCH);
	assert_int_equal(result_of(&both, HEAD("63", "00000000", H_ANN)
				   "01000040"), PCP_UNSUPP_OPCODE);
}

/* Every length from 0 to 24 bytes, of each version. */
static void test_short_messages(void **state)
{
	char text[24] = { 0 };
	struct pmpmsg m;

	for (size_t n = 0; n <= sizeof(text); n++) {
		struct str s = { text, n };

		text[0] = 2;
		assert_int_equal(parse(&both, s, &m), n == 24);
		text[0] = 0;
		assert_int_equal(parse(&both, s, &m), n >= 2);
		text[0] = 7;
		assert_int_equal(parse(&both, s, &m), n >= 2);
		text[0] = 0;
		text[1] = 1;	/* NAT-PMP: map UDP */
		assert_int_equal(parse(&both, s, &m), n >= 12);
		text[1] = 0;
	}
}

static void test_lengths_of_pcp(void **state)
{
	static char text[PMP_MSG_MAX + 8];
	struct str head = bytes_of(HEAD("00", "00000000", H_ANN));
	struct pmpmsg m;

	memcpy(text, head.p, head.n);
	text[24] = (char)0x80;		/* an optional option: all the rest */
	for (size_t n = 28; n <= sizeof(text); n++) {
		text[26] = (char)((n - 28) >> 8);
		text[27] = (char)(n - 28);
		assert_true(parse(&pcp, (struct str){ text, n }, &m));
		assert_int_equal(m.result, n % 4 || n > PMP_MSG_MAX ?
				 PCP_MALFORMED_REQUEST : PCP_SUCCESS);
	}
}

/* Too short for the opcode: one word less than MAP and PEER have. */
static void test_lengths_of_opcodes(void **state)
{
	char text[80] = { 2 };
	struct pmpmsg m;

	memcpy(text + 8, bytes_of(H_ANN).p, 16);
	text[36] = 6;
	for (size_t n = 24; n < 80; n += 4) {
		struct str s = { text, n };

		text[1] = PCP_MAP;
		assert_true(parse(&pcp, s, &m));
		assert_int_equal(m.result == PCP_MALFORMED_REQUEST, n < 60);
		text[1] = PCP_PEER;
		assert_true(parse(&pcp, s, &m));
		assert_int_equal(m.result, PCP_MALFORMED_REQUEST);
	}
}

static void test_versions_when_both_are_spoken(void **state)
{
	/* PCP's answer has a whole header, also to two bytes */
	assert_true(answers(&both, "0300", long_error,
			    "02800001 00000708 01020304 00000000 00000000"
			    "00000000"));
	/* version 1, PCP's draft, as well */
	assert_true(answers(&both, "0101 0000", long_error,
			    "02810001 00000708 01020304 00000000 00000000"
			    "00000000"));
	/* the rest is copied, and padded */
	assert_true(answers(&both, "09 01 0000 aabbccdd" H_ANN "0102030405",
			    long_error,
			    "02810001 00000708 01020304 00000000 0000ffff"
			    "c0a8580a 01020304 05000000"));
}

/* RFC 6886 3.5: the version is 0, and so is the opcode. Bitcoin Core wants
 * exactly 8 bytes. */
static void test_nat_pmp_alone_answers_pcp(void **state)
{
	static const char want[] = "00000001 01020304";

	assert_true(answers(&nat_pmp, MAP("00000e10", ""), none, want));
	assert_true(answers(&nat_pmp, "0200", none, want));
	assert_true(answers(&nat_pmp, "0101", none, want));
	assert_int_equal(result_of(&nat_pmp, "0281"), DROP);
}

/* RFC 6887 appendix A */
static void test_pcp_alone_answers_nat_pmp(void **state)
{
	assert_true(answers(&pcp, "0000", long_error,
			    "02800001 00000708 01020304 00000000 00000000"
			    "00000000"));
	assert_true(answers(&pcp, "0001 0000 1388 0000 00001c20", long_error,
			    "02810001 00000708 01020304 00000000 00000000"
			    "00000000"));
}

static void test_neither_answers(void **state)
{
	const struct pmpmsg_context c = { .source = both.source };

	assert_int_equal(result_of(&c, "0000"), DROP);
	assert_int_equal(result_of(&c, "0300"), DROP);
	assert_int_equal(result_of(&c, MAP("00000e10", "")), DROP);
}

/* ---- NAT-PMP ----------------------------------------------------------------- */

static void test_natpmp_address(void **state)
{
	struct pmpmsg_answer a = { .ext = { ADDR_IP4, { 203, 0, 113, 7 } } };

	assert_true(answers(&both, "0000", a, "00800000 01020304 cb007107"));
	/* bytes behind the request do not matter */
	assert_true(answers(&both, "0000 1234", a,
			    "00800000 01020304 cb007107"));
	/* 3.2: an error has no address */
	a.result = NATPMP_NETWORK_FAILURE;
	assert_true(answers(&both, "0000", a, "00800003 01020304 00000000"));
}

static void test_natpmp_map_is_parsed(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of("0001 ffff 1388 9c40 00001c20"),
			  &m));
	assert_int_equal(m.version, 0);
	assert_int_equal(m.opcode, NATPMP_MAP_UDP);
	assert_int_equal(m.proto, IPPROTO_UDP);
	assert_int_equal(m.int_port, 5000);
	assert_int_equal(m.ext_port, 40000);
	assert_int_equal(m.lifetime_s, 7200);
	assert_true(parse(&both, bytes_of("0002 0000 0050 0000 ffffffff"),
			  &m));
	assert_int_equal(m.proto, IPPROTO_TCP);
	assert_int_equal(m.lifetime_s, UINT32_MAX);
}

/* What is behind a request is ignored, but the server keeps the whole. */
static void test_natpmp_map_is_not_long(void **state)
{
	static char text[PMP_DATAGRAM_MAX];
	struct str head = bytes_of("0001 0000 1388 0000 00000e10");
	struct pmpmsg m;

	memcpy(text, head.p, head.n);
	for (size_t n = 12; n <= sizeof(text); n++)
		assert_int_equal(parse(&both, (struct str){ text, n }, &m),
				 n <= PMP_MSG_MAX);
}

static void test_natpmp_map_answers(void **state)
{
	struct pmpmsg_answer a = granted;

	assert_true(answers(&both, "0001 0000 1388 1388 00001c20", a,
			    "00810000 01020304 13889c40 00001c20"));
	assert_true(answers(&both, "0002 0000 1388 1388 00001c20", a,
			    "00820000 01020304 13889c40 00001c20"));
	/* 3.4: a deletion has neither, whatever was suggested */
	assert_true(answers(&both, "0002 0000 1388 1388 00000000", a,
			    "00820000 01020304 13880000 00000000"));
	/* 3.5: an error keeps the internal port only */
	for (uint8_t i = 2; i < 5; i++) {
		char want[64];

		a.result = i;
		snprintf(want, sizeof(want),
			 "0082000%u 01020304 13880000 00000000", i);
		assert_true(answers(&both, "0002 0000 1388 1388 00001c20", a,
				    want));
	}
}

/* 3.5: the whole request, with the response bit, the code, and the epoch that
 * every packet has (3.6). */
static void test_natpmp_unknown_opcode(void **state)
{
	assert_true(answers(&both, "0003", none, "00830005 01020304"));
	assert_true(answers(&both, "007f 1122 33445566 778899", none,
			    "00ff0005 01020304 778899"));
}

/* ---- PCP: the answers' form ------------------------------------------------------ */

static void test_announce(void **state)
{
	assert_true(answers(&both, HEAD("00", "00000000", H_ANN), none,
			    "02800000 00000000 01020304 00000000 00000000"
			    "00000000"));
	/* an optional option is not processed, so it is left out */
	assert_true(answers(&both, HEAD("00", "00000000", H_ANN)
			    "80000003 aabbcc00", none,
			    "02800000 00000000 01020304 00000000 00000000"
			    "00000000"));
	/* reserved bytes and the lifetime are ignored */
	assert_true(answers(&both, "0200ffff 12345678" H_ANN, none,
			    "02800000 00000000 01020304 00000000 00000000"
			    "00000000"));
}

#define ZERO12 "00000000 00000000 00000000"

static void test_map_success(void **state)
{
	assert_true(answers(&both, MAP("00000e10", ""), granted,
			    "02810000 00001c20 01020304" ZERO12
			    MAP_OF(H_NONCE, "06", "1388", "9c40", H_EXT)));
	/* reserved bytes of the request are zero in the answer */
	assert_true(answers(&both, "0201aaaa 00000e10" H_ANN H_NONCE
			    "06 bbccdd 1388 1234" H_NO4, granted,
			    "02810000 00001c20 01020304" ZERO12
			    MAP_OF(H_NONCE, "06", "1388", "9c40", H_EXT)));
}

/* The options that were processed, in their order; an unknown optional one is
 * left out, and one of odd length with its padding. */
static void test_map_success_has_the_processed_options(void **state)
{
	assert_true(answers(&both, MAP("00000e10", "03ff0014 ff80 0000" H_PEER
				       "c0000005 0102030405 000000"
				       "02ff0000" H_THIRD(H_BOB)), granted,
			    "02810000 00001c20 01020304" ZERO12
			    MAP_OF(H_NONCE, "06", "1388", "9c40", H_EXT)
			    H_FILTER("80", "0000", H_PEER)
			    H_PREFER H_THIRD(H_BOB)));
}

/* 15.1: the suggested port and address are copied, whatever they are. */
static void test_map_deletion(void **state)
{
	assert_true(answers(&both, MAP("00000000", ""), none,
			    "02810000 00000000 01020304" ZERO12
			    MAP_OF(H_NONCE, "06", "1388", "9c40", H_NO4)));
	assert_true(answers(&both, HEAD("01", "00000000", H_ANN)
			    MAP_OF(H_NONCE, "06", "1388", "0000", H_NO6), none,
			    "02810000 00000000 01020304" ZERO12
			    MAP_OF(H_NONCE, "06", "1388", "0000", H_NO6)));
}

static void test_peer_success(void **state)
{
	assert_true(answers(&both, PEER(""), granted,
			    "02820000 00001c20 01020304" ZERO12
			    MAP_OF(H_NONCE, "11", "1388", "9c40", H_EXT)
			    "01bb0000" H_PEER));
	assert_true(answers(&both, HEAD("02", "00000000", H_ANN)
			    MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4)
			    "01bb ffff" H_PEER H_THIRD(H_BOB), granted,
			    "02820000 00001c20 01020304" ZERO12
			    MAP_OF(H_NONCE, "11", "1388", "9c40", H_EXT)
			    "01bb0000" H_PEER H_THIRD(H_BOB)));
}

static void test_ip6_success(void **state)
{
	struct pmpmsg_answer a = {
		.lifetime_s = 3600, .ext_port = 0x1388, .ext = ip6.source,
	};

	assert_true(answers(&ip6, HEAD("01", "00000e10", H_ANN6)
			    MAP_OF(H_NONCE, "84", "1388", "9c40", H_NO6), a,
			    "02810000 00000e10 01020304" ZERO12
			    MAP_OF(H_NONCE, "84", "1388", "1388", H_ANN6)));
}

/* Every error of a request that was parsed: a copy, with a header of ours; the
 * reserved bytes are zero (7.2). */
static void test_errors_copy_the_request(void **state)
{
	static const uint8_t codes[] = {
		PCP_NOT_AUTHORIZED, PCP_UNSUPP_OPTION, PCP_NETWORK_FAILURE,
		PCP_NO_RESOURCES, PCP_UNSUPP_PROTOCOL, PCP_USER_EX_QUOTA,
		PCP_CANNOT_PROVIDE_EXTERNAL, PCP_EXCESSIVE_REMOTE_PEERS,
	};

	for (size_t i = 0; i < N(codes); i++) {
		struct pmpmsg_answer a = { .result = codes[i],
					   .lifetime_s = 30 };
		char want[512];

		snprintf(want, sizeof(want), "028100%02x 0000001e 01020304"
			 ZERO12 MAP_OF(H_NONCE, "06", "1388", "9c40", H_NO4)
			 "80ff0001 ab000000" H_PREFER, codes[i]);
		assert_true(answers(&both, MAP("00000e10", "80ff0001 ab000000"
					       H_PREFER), a, want));
	}
}

/* If it was not, the client finds the end of its address in them. */
static void test_errors_of_unparsed_requests(void **state)
{
	assert_true(answers(&both, HEAD("01", "00000e10", H_ANN) "0102",
			    long_error,
			    "02810003 00000708 01020304 00000000 0000ffff"
			    "c0a8580a 01020000"));
	assert_true(answers(&both, "0263aabb 00000e10" H_ANN "01020304",
			    long_error,
			    "02e30004 00000708 01020304 00000000 0000ffff"
			    "c0a8580a 01020304"));
	assert_true(answers(&both, HEAD("00", "00000000", H_ANN) "01000004",
			    long_error,
			    "02800006 00000708 01020304 00000000 0000ffff"
			    "c0a8580a 01000004"));
	assert_true(answers(&both, HEAD("00", "00000000", H_BOB), long_error,
			    "0280000c 00000708 01020304" ZERO12));
}

/* An error of a request that is too long is cut. */
static void test_errors_are_cut(void **state)
{
	static char text[PMP_DATAGRAM_MAX];
	struct str head = bytes_of(HEAD("01", "00000e10", H_ANN));
	struct pmpmsg_answer a = long_error;
	uint8_t buf[PMP_MSG_MAX];
	struct pmpmsg m;

	memset(text, 'x', sizeof(text));
	memcpy(text, head.p, head.n);
	for (size_t n = 1098; n <= sizeof(text); n++) {
		struct str s = { text, n };

		if (n > 1104 && n < sizeof(text))
			continue;
		assert_true(parse(&both, s, &m));
		a.result = m.result;
		assert_int_equal(pmpmsg_write(&m, s, &a, buf), PMP_MSG_MAX);
		assert_int_equal(m.result, n == 1100 ? PCP_MALFORMED_OPTION :
						       PCP_MALFORMED_REQUEST);
		assert_memory_equal(buf + 24, text + 24, 1074);
		assert_int_equal(buf[1098], n == 1098 ? 0 : 'x');
	}
}

/* ---- PCP: fields and options ---------------------------------------------------- */

static void test_map_is_parsed(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of(HEAD("01", "fedcba98", H_ANN)
			  MAP_OF(H_NONCE, "06", "1388", "9c40", H_EXT)), &m));
	assert_int_equal(m.version, 2);
	assert_int_equal(m.opcode, PCP_MAP);
	assert_int_equal(m.result, 0);
	assert_int_equal(m.proto, IPPROTO_TCP);
	assert_int_equal(m.int_port, 5000);
	assert_int_equal(m.ext_port, 40000);
	assert_true(m.lifetime_s == 0xfedcba98);
	assert_true(are_bytes(m.nonce.byte, 12, H_NONCE));
	assert_true(addr_equal(m.ext, addr_ip4(0xcb007107)));
	assert_true(addr_equal(m.client, both.source));
	assert_false(m.third_party);
	assert_false(m.prefer_failure);
	assert_int_equal(m.filter, PMPMSG_KEEP);
}

/* 0.0.0.0 and :: are no wish. */
static void test_no_suggested_address(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of(MAP("00000e10", "")), &m));
	assert_int_equal(m.ext.family, ADDR_NONE);
	assert_true(parse(&both, bytes_of(HEAD("01", "00000e10", H_ANN)
			  MAP_OF(H_NONCE, "06", "1388", "9c40", H_NO6)), &m));
	assert_int_equal(m.ext.family, ADDR_NONE);
}

/* 11.3 and 15.1: of protocol 0, only all ports exist. */
static void test_wildcards(void **state)
{
	static const char *const life[] = { "00000000", "00000e10" };
	char text[512];

	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "02010000 %s " H_ANN
			 MAP_OF(H_NONCE, "00", "1388", "0000", H_NO4),
			 life[i]);
		assert_int_equal(result_of(&both, text),
				 PCP_MALFORMED_REQUEST);
		snprintf(text, sizeof(text), "02010000 %s " H_ANN
			 MAP_OF(H_NONCE, "00", "0000", "0000", H_NO4),
			 life[i]);
		assert_int_equal(result_of(&both, text), PCP_SUCCESS);
		snprintf(text, sizeof(text), "02010000 %s " H_ANN
			 MAP_OF(H_NONCE, "06", "0000", "0000", H_NO4),
			 life[i]);
		assert_int_equal(result_of(&both, text), PCP_SUCCESS);
	}
}

static void test_peer_is_parsed(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of(PEER("")), &m));
	assert_int_equal(m.result, 0);
	assert_int_equal(m.remote_port, 443);
	assert_true(addr_equal(m.remote, addr_ip4(0xc6336409)));
}

/* 12.1 and 12.3 */
static void test_malformed_peers(void **state)
{
	static const char *const bad[] = {
		/* protocol, internal port, remote port of 0 */
		MAP_OF(H_NONCE, "00", "1388", "0000", H_NO4) "01bb0000" H_PEER,
		MAP_OF(H_NONCE, "11", "0000", "0000", H_NO4) "01bb0000" H_PEER,
		MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "00000000" H_PEER,
		/* no host, and another family than the client's */
		MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "01bb0000" H_NO4,
		MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "01bb0000"
			"00000000 00000000 0000ffff 7f000001",
		MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "01bb0000"
			"00000000 00000000 0000ffff e0000001",
		MAP_OF(H_NONCE, "11", "1388", "0000", H_NO4) "01bb0000"
			H_PEER6,
		/* PREFER_FAILURE is implied, and not allowed */
		MAP_OF(H_NONCE, "11", "1388", "9c40", H_NO4) "01bb0000" H_PEER
			H_PREFER,
		/* the source itself as a third party */
		MAP_OF(H_NONCE, "11", "1388", "9c40", H_NO4) "01bb0000" H_PEER
			H_THIRD(H_ANN),
	};
	char text[512];

	for (size_t i = 0; i < N(bad); i++) {
		snprintf(text, sizeof(text), HEAD("02", "00000e10", H_ANN)
			 "%s", bad[i]);
		assert_int_equal(result_of(&both, text),
				 PCP_MALFORMED_REQUEST);
	}
	assert_int_equal(result_of(&both, PEER(H_FILTER("80", "0000",
							H_PEER))),
			 PCP_MALFORMED_OPTION);
}

static void test_structure_of_options(void **state)
{
	/* longer than the packet, by a byte, by its padding, by a lot */
	assert_int_equal(result_of(&both, MAP("00000e10", "80000001")),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10",
					      "80000005 01020304")),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10",
					      "8000ffff 01020304")),
			 PCP_MALFORMED_OPTION);
	/* its error comes before those of the options before it */
	assert_int_equal(result_of(&both, MAP("00000e10",
					      "7f000000 80000005 01020304")),
			 PCP_MALFORMED_OPTION);
	/* without its padding: 0 to 4 bytes */
	assert_int_equal(result_of(&both, MAP("00000e10", "80000000")), 0);
	assert_int_equal(result_of(&both, MAP("00000e10", "80000001 01000000")),
			 0);
	assert_int_equal(result_of(&both, MAP("00000e10", "80000004 01000000")),
			 0);
}

/* Codes below 128 are mandatory. */
static void test_unknown_options(void **state)
{
	char text[512];

	for (unsigned code = 0; code < 256; code++) {
		if (code >= 1 && code <= 3)
			continue;
		snprintf(text, sizeof(text), "%s %02x000000",
			 MAP("00000e10", ""), code);
		assert_int_equal(result_of(&both, text), code < 128 ?
				 PCP_UNSUPP_OPTION : PCP_SUCCESS);
		snprintf(text, sizeof(text), "%s %02x000000", PEER(""), code);
		assert_int_equal(result_of(&both, text), code < 128 ?
				 PCP_UNSUPP_OPTION : PCP_SUCCESS);
		snprintf(text, sizeof(text), "%s %02x000000",
			 HEAD("00", "00000000", H_ANN), code);
		assert_int_equal(result_of(&both, text), code < 128 ?
				 PCP_UNSUPP_OPTION : PCP_SUCCESS);
	}
	/* the first error decides */
	assert_int_equal(result_of(&both, MAP("00000e10", "7f000000"
					      "02000004 00000000")),
			 PCP_UNSUPP_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", "02000004 00000000"
					      "7f000000")),
			 PCP_MALFORMED_OPTION);
}

static void test_options_of_map_with_announce(void **state)
{
	static const char *const option[] = {
		H_THIRD(H_BOB), H_PREFER, H_FILTER("80", "0000", H_PEER),
	};
	char text[512];

	for (size_t i = 0; i < N(option); i++) {
		snprintf(text, sizeof(text), HEAD("00", "00000000", H_ANN)
			 "%s", option[i]);
		assert_int_equal(result_of(&both, text),
				 PCP_MALFORMED_OPTION);
	}
}

static void test_third_party(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of(MAP("00000e10", H_THIRD(H_BOB))),
			  &m));
	assert_int_equal(m.result, 0);
	assert_true(m.third_party);
	assert_true(addr_equal(m.client, addr_ip4(0xc0a8580b)));
	/* a host of the other family */
	assert_true(parse(&both, bytes_of(MAP("00000e10", H_THIRD(H_ANN6))),
			  &m));
	assert_int_equal(m.result, 0);
	assert_true(addr_equal(m.client, ip6.source));
	/* 13.1 */
	assert_int_equal(result_of(&both, MAP("00000e10", H_THIRD(H_ANN))),
			 PCP_MALFORMED_REQUEST);
	assert_int_equal(result_of(&both, MAP("00000e10", H_THIRD(H_BOB)
					      H_THIRD(H_BOB))),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", H_THIRD(H_NO4))),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", H_THIRD(H_NO6))),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", "01000004"
					      "c0a8580b")),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", "0100000f" H_BOB)),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10", "01000014" H_BOB
					      "00000000")),
			 PCP_MALFORMED_OPTION);
	/* with a deletion */
	assert_int_equal(result_of(&both, MAP("00000000", H_THIRD(H_BOB))),
			 0);
}

static void test_prefer_failure(void **state)
{
	struct pmpmsg m;

	assert_true(parse(&both, bytes_of(MAP("00000e10", H_PREFER)), &m));
	assert_int_equal(m.result, 0);
	assert_true(m.prefer_failure);
	/* 13.2: twice, with data, without a port; 11.3: with a deletion */
	assert_int_equal(result_of(&both, MAP("00000e10", H_PREFER H_PREFER)),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000e10",
					      "02000004 00000000")),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, HEAD("01", "00000e10", H_ANN)
				   MAP_OF(H_NONCE, "06", "1388", "0000",
					  H_EXT) H_PREFER),
			 PCP_MALFORMED_OPTION);
	assert_int_equal(result_of(&both, MAP("00000000", H_PREFER)),
			 PCP_MALFORMED_OPTION);
}

#define F(bits, port, a) H_FILTER(bits, port, a)
#define NET4 "00000000 00000000 0000ffff c6336400"

static void test_filter(void **state)
{
	static const struct {
		const char *options;
		int result;
		uint8_t filter;
		uint16_t port;
		uint32_t remote;	/* 0: every host */
	} row[] = {
		{ F("80", "0000", H_PEER), 0, PMPMSG_ADD, 0, 0xc6336409 },
		{ F("80", "01bb", H_PEER), 0, PMPMSG_ADD, 443, 0xc6336409 },
		/* 0 removes all filters, before or without others */
		{ F("00", "0000", H_NO4), 0, PMPMSG_CLEAR, 0, 0 },
		{ F("00", "01bb", H_PEER), 0, PMPMSG_CLEAR, 0, 0 },
		{ F("00", "0000", H_NO6), 0, PMPMSG_CLEAR, 0, 0 },
		{ F("00", "0000", H_NO4) F("80", "01bb", H_PEER), 0,
		  PMPMSG_SET, 443, 0xc6336409 },
		{ F("80", "01bb", H_PEER) F("00", "0000", H_NO4), 0,
		  PMPMSG_CLEAR, 0, 0 },
		{ F("80", "0000", H_PEER) F("80", "0000", H_PEER2)
		  F("00", "0000", H_NO4) F("80", "0000", H_PEER2), 0,
		  PMPMSG_SET, 0, 0xc633640a },
		/* the same again is one */
		{ F("80", "01bb", H_PEER) F("80", "01bb", H_PEER), 0,
		  PMPMSG_ADD, 443, 0xc6336409 },
		/* several add up: more than a backend has */
		{ F("80", "01bb", H_PEER) F("80", "01bb", H_PEER2),
		  PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("80", "01bb", H_PEER) F("80", "01bc", H_PEER),
		  PCP_EXCESSIVE_REMOTE_PEERS },
		/* networks */
		{ F("78", "0000", NET4), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("7f", "0000", H_PEER), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("61", "0000", H_PEER), PCP_EXCESSIVE_REMOTE_PEERS },
		/* 0.0.0.0/1 is half of the hosts, not all of them */
		{ F("61", "0000", H_NO4), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("7f", "0000", H_NO4), PCP_EXCESSIVE_REMOTE_PEERS },
		/* every IPv4 host: with every port, and with one */
		{ F("60", "0000", H_PEER), 0, PMPMSG_ADD, 0, 0 },
		{ F("60", "01bb", H_PEER), PCP_EXCESSIVE_REMOTE_PEERS },
		/* a prefix of IPv4 is 96 and more */
		{ F("01", "0000", H_PEER), PCP_MALFORMED_OPTION },
		{ F("20", "0000", H_PEER), PCP_MALFORMED_OPTION },
		{ F("5f", "0000", H_PEER), PCP_MALFORMED_OPTION },
		{ F("81", "0000", H_PEER), PCP_MALFORMED_OPTION },
		{ F("ff", "0000", H_PEER), PCP_MALFORMED_OPTION },
		/* not a host, and not of the client's family */
		{ F("80", "0000", H_NO4), PCP_MALFORMED_OPTION },
		{ F("80", "0000", "00000000 00000000 0000ffff e0000001"),
		  PCP_MALFORMED_OPTION },
		{ F("80", "0000", H_PEER6), PCP_MALFORMED_OPTION },
		/* lengths */
		{ "03000010" H_PEER, PCP_MALFORMED_OPTION },
		{ "03000018 00800000" H_PEER "00000000",
		  PCP_MALFORMED_OPTION },
	};
	char text[512];
	struct pmpmsg m;

	for (size_t i = 0; i < N(row); i++) {
		snprintf(text, sizeof(text), "%s%s", MAP("00000e10", ""),
			 row[i].options);
		assert_true(parse(&both, bytes_of(text), &m));
		assert_int_equal(m.result, row[i].result);
		if (m.result)
			continue;
		assert_int_equal(m.filter, row[i].filter);
		assert_int_equal(m.remote_port, row[i].port);
		assert_true(row[i].remote ?
			    addr_equal(m.remote, addr_ip4(row[i].remote)) :
			    !addr_is_set(m.remote));
	}
	/* with a deletion */
	assert_int_equal(result_of(&both, MAP("00000000",
					      F("80", "0000", H_PEER))),
			 PCP_MALFORMED_OPTION);
}

static void test_filter_of_ip6(void **state)
{
	static const struct {
		const char *option;
		int result;
	} row[] = {
		{ F("80", "01bb", H_PEER6), 0 },
		{ F("00", "0000", H_NO6), 0 },
		{ F("01", "0000", H_PEER6), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("40", "0000", H_PEER6), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("40", "0000", H_NO6), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("7f", "0000", H_PEER6), PCP_EXCESSIVE_REMOTE_PEERS },
		{ F("81", "0000", H_PEER6), PCP_MALFORMED_OPTION },
		{ F("80", "0000", H_PEER), PCP_MALFORMED_OPTION },
		{ F("80", "0000", H_NO6), PCP_MALFORMED_OPTION },
		/* the family is that of the third party */
		{ F("80", "01bb", H_PEER) H_THIRD(H_BOB), 0 },
		{ F("80", "01bb", H_PEER6) H_THIRD(H_BOB),
		  PCP_MALFORMED_OPTION },
	};
	char text[512];

	for (size_t i = 0; i < N(row); i++) {
		snprintf(text, sizeof(text), HEAD("01", "00000e10", H_ANN6)
			 MAP_OF(H_NONCE, "06", "1388", "0000", H_NO6) "%s",
			 row[i].option);
		assert_int_equal(result_of(&ip6, text), row[i].result);
	}
}

/* An IPv4 address in the header is never equal to an IPv6 source, and the other
 * way round. */
static void test_address_of_the_client(void **state)
{
	assert_int_equal(result_of(&ip6, HEAD("00", "00000000", H_ANN6)), 0);
	assert_int_equal(result_of(&ip6, HEAD("00", "00000000", H_ANN)),
			 PCP_ADDRESS_MISMATCH);
	assert_int_equal(result_of(&both, HEAD("00", "00000000", H_ANN6)),
			 PCP_ADDRESS_MISMATCH);
	/* ::192.168.88.10 */
	assert_int_equal(result_of(&both, HEAD("00", "00000000",
			 "00000000 00000000 00000000 c0a8580a")),
			 PCP_ADDRESS_MISMATCH);
	assert_int_equal(result_of(&both, HEAD("00", "00000000", H_NO4)),
			 PCP_ADDRESS_MISMATCH);
}

/* A request that is written is parsed to the same fields. */
static void test_written_requests_are_parsed(void **state)
{
	static const char *const text[] = {
		MAP("00000e10", ""),
		MAP("00000e10", H_THIRD(H_BOB) H_PREFER
		    H_FILTER("80", "01bb", H_PEER)),
		HEAD("01", "00000e10", H_ANN)
			MAP_OF(H_NONCE, "06", "1388", "9c40", H_EXT)
			H_FILTER("00", "0000", H_NO4),
		MAP("00000e10", H_FILTER("60", "0000", H_NO4)),
		PEER(""),
	};
	uint8_t buf[PMP_MSG_MAX];
	struct pmpmsg m;

	for (size_t i = 0; i < N(text); i++) {
		assert_true(parse(&both, bytes_of(text[i]), &m));
		assert_int_equal(m.result, 0);
		if (m.third_party)
			continue;
		assert_true(are_bytes(buf, pmpmsg_write_request(&m, buf),
				      text[i]));
	}
	assert_true(parse(&both, bytes_of(text[1]), &m));
	assert_true(are_bytes(buf, pmpmsg_write_request(&m, buf),
			      HEAD("01", "00000e10", H_BOB)
			      MAP_OF(H_NONCE, "06", "1388", "9c40", H_NO4)
			      H_THIRD(H_BOB) H_PREFER
			      H_FILTER("80", "01bb", H_PEER)));
}

/* Change each byte of a request with every option to each value: nothing is
 * read or written beyond a page, and every answer is complete. */
static void test_any_byte(void **state)
{
	static const char *const text[] = {
		MAP("00000e10", H_THIRD(H_BOB) H_PREFER "80000003 01020300"
		    H_FILTER("80", "01bb", H_PEER)),
		PEER(H_THIRD(H_BOB)),
		"0001 0000 1388 1388 00001c20",
	};
	uint8_t buf[PMP_MSG_MAX];
	struct pmpmsg_answer a;
	char copy[256];
	struct pmpmsg m;
	size_t n;

	for (size_t i = 0; i < N(text); i++) {
		struct str s = bytes_of(text[i]);

		for (size_t at = 0; at < s.n * 256; at++) {
			memcpy(copy, s.p, s.n);
			copy[at / 256] = (char)at;
			if (!parse(&both, (struct str){ copy, s.n }, &m))
				continue;
			a = granted;
			a.result = m.result;
			n = pmpmsg_write(&m, at_end((struct str){ copy, s.n }),
					 &a, buf);
			assert_true(buf[1] & 0x80 || n == 8);
			assert_in_range(n, 8, s.n > 24 ? s.n : 24);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_checks),
		cmocka_unit_test(test_short_messages),
		cmocka_unit_test(test_lengths_of_pcp),
		cmocka_unit_test(test_lengths_of_opcodes),
		cmocka_unit_test(test_versions_when_both_are_spoken),
		cmocka_unit_test(test_nat_pmp_alone_answers_pcp),
		cmocka_unit_test(test_pcp_alone_answers_nat_pmp),
		cmocka_unit_test(test_neither_answers),
		cmocka_unit_test(test_natpmp_address),
		cmocka_unit_test(test_natpmp_map_is_parsed),
		cmocka_unit_test(test_natpmp_map_is_not_long),
		cmocka_unit_test(test_natpmp_map_answers),
		cmocka_unit_test(test_natpmp_unknown_opcode),
		cmocka_unit_test(test_announce),
		cmocka_unit_test(test_map_success),
		cmocka_unit_test(test_map_success_has_the_processed_options),
		cmocka_unit_test(test_map_deletion),
		cmocka_unit_test(test_peer_success),
		cmocka_unit_test(test_ip6_success),
		cmocka_unit_test(test_errors_copy_the_request),
		cmocka_unit_test(test_errors_of_unparsed_requests),
		cmocka_unit_test(test_errors_are_cut),
		cmocka_unit_test(test_map_is_parsed),
		cmocka_unit_test(test_no_suggested_address),
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_peer_is_parsed),
		cmocka_unit_test(test_malformed_peers),
		cmocka_unit_test(test_structure_of_options),
		cmocka_unit_test(test_unknown_options),
		cmocka_unit_test(test_options_of_map_with_announce),
		cmocka_unit_test(test_third_party),
		cmocka_unit_test(test_prefer_failure),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_of_ip6),
		cmocka_unit_test(test_address_of_the_client),
		cmocka_unit_test(test_written_requests_are_parsed),
		cmocka_unit_test(test_any_byte),
	};

	return cmocka_run_group_tests(tests, make_page, drop_page);
}
