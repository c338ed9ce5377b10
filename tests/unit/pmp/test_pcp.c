/* SPDX-License-Identifier: ISC */
/*
 * test_pcp.c - what PCP's MAP and PEER do to the mappings and pinholes, byte by
 * byte: ports, lifetimes, nonces, every option, every result code and its
 * lifetime, and mappings of other protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/pmpgw.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ANN	gw_host(10)
#define BOB	gw_host(11)
#define ANN6	gw_ip6(0x88, 0x10)

#define BODY(nonce, proto, port, ext_port, ext) \
	nonce proto "000000" port ext_port ext
#define ZERO12 "00000000 00000000 00000000"
#define EPOCH "01020304"

/* A request of @who, and its answer with @code (2 digits) and @life (8). */
#define ASK(op, who, life, body) "02" op "0000" life who body
#define SAY(op, code, life, body) "028" op "00" code life EPOCH ZERO12 body

/* MAP of Ann's TCP port 5000 with the first nonce. @ext_port: 4 digits */
#define TCP(ext_port, ext) BODY(H_NONCE, "06", "1388", ext_port, ext)
#define TCP2(ext_port, ext) BODY(H_NONCE2, "06", "1388", ext_port, ext)
#define MAP(life, body) ASK("01", H_ANN, life, body)
#define OK(life, body) SAY("1", "00", life, body)
#define ERR(code, life, body) SAY("1", code, life, body)

#define HOUR "00000e10"
#define LONG "00000708"		/* 1800 s */
#define SHORT "0000001e"	/* 30 s */

static const struct pm_entry *entry(uint8_t proto, uint16_t ext_port)
{
	return portmap_entry(map.pm, portmap_on_port(map.pm, proto, ext_port,
						     PM_NONE));
}

static uint32_t left_s(uint16_t ext_port)
{
	const struct pm_entry *e = entry(IPPROTO_TCP, ext_port);

	return e ? portmap_lease_left(e, gw_now_ms) : 0;
}

/* The only pinhole, or NULL. */
static const struct pm_entry *pinhole(void)
{
	return portmap_entry(map.pinholes, portmap_at(map.pinholes, 0));
}

/* Make a mapping of Ann's TCP port 5000 without a request of PCP. */
static void have(uint8_t origin, uint16_t ext_port, uint32_t lease_s)
{
	struct pm_req q = {
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = ANN, .remote = addr_any(),
			  .ext_port = ext_port, .int_port = 5000 },
		.enabled = true, .origin = origin, .requester = ANN,
	};

	assert_int_equal(portmap_restore(map.pm, &q, lease_s ? gw_now_ms +
					 lease_s * UINT64_C(1000) : 0),
			 PM_DONE);
}

/* ---- MAP -------------------------------------------------------------------- */

static void test_map(void **state)
{
	const struct pm_entry *e;
	char desc[PM_DESC_MAX + 1];

	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	e = entry(IPPROTO_TCP, 5000);
	assert_non_null(e);
	assert_int_equal(e->origin, ORIGIN_PCP);
	assert_false(e->peer);
	assert_true(are_bytes(e->nonce.byte, 12, H_NONCE));
	assert_true(addr_equal(e->rule.client, ANN));
	assert_false(addr_is_set(e->rule.remote));
	assert_true(str_eq(portmap_desc(map.pm, e, desc), STR("PCP")));
	assert_null(entry(IPPROTO_UDP, 5000));
	assert_int_equal(gw_ops, 1);
	/* UDP */
	assert_true(gw_says(ANN, MAP(HOUR, BODY(H_NONCE, "11", "1389", "1389",
						H_NO6)),
			    OK(HOUR, BODY(H_NONCE, "11", "1389", "1389",
					  H_EXT))));
	assert_non_null(entry(IPPROTO_UDP, 5001));
}

/* 11.3: what is suggested is only a hint. */
static void test_suggestions(void **state)
{
	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("0000", H_NO4)),
			    OK(HOUR, TCP("9c40", H_EXT))));
	/* the port that it has, whatever is suggested */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)),
			    OK(HOUR, TCP("9c40", H_EXT))));
	/* another client's port, and its sibling's */
	gw_rnd++;
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR, TCP("9c40", H_NO4)),
			    OK(HOUR, TCP("9c41", H_EXT))));
	gw_rnd++;
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR,
				     BODY(H_NONCE, "11", "1388", "9c40",
					  H_NO4)),
			    OK(HOUR, BODY(H_NONCE, "11", "1388", "9c42",
					  H_EXT))));
	/* an address that is not ours, or not one at all */
	assert_true(gw_says(ANN, MAP(HOUR, BODY(H_NONCE, "06", "1389", "1389",
						H_PEER)),
			    OK(HOUR, BODY(H_NONCE, "06", "1389", "1389",
					  H_EXT))));
	assert_true(gw_says(ANN, MAP(HOUR, BODY(H_NONCE, "06", "138a", "138a",
						H_PEER6)),
			    OK(HOUR, BODY(H_NONCE, "06", "138a", "138a",
					  H_EXT))));
}

/* 11.3: PCP's own ports are never a client's. */
static void test_ports_of_pcp(void **state)
{
	static const char *const port[] = { "14e6", "14e7" };
	char request[512], want[512];

	for (size_t i = 0; i < 2; i++) {
		gw_rnd = 40000 - POLICY_PORT_FLOOR + (uint32_t)i;
		snprintf(request, sizeof(request), "02010000 " HOUR H_ANN
			 H_NONCE "11000000 %s %s" H_NO4, port[i], port[i]);
		snprintf(want, sizeof(want), OK(HOUR, H_NONCE "11000000")
			 "%s %04x" H_EXT, port[i], 0x9c40 + (unsigned)i);
		assert_true(gw_says(ANN, request, want));
		snprintf(request, sizeof(request), "02010000 " HOUR H_ANN
			 H_NONCE "11000000 %s %s" H_NO4 H_PREFER, "1388",
			 port[i]);
		snprintf(want, sizeof(want), ERR("0b", SHORT, H_NONCE
						 "11000000")
			 "1388 %s" H_NO4 H_PREFER, port[i]);
		assert_true(gw_says(ANN, request, want));
	}
	/* of TCP they are */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("14e7", H_NO4)),
			    OK(HOUR, TCP("14e7", H_EXT))));
}

/* 15: at least 120 s, at most a day or max-lease. */
static void test_lifetimes(void **state)
{
	static const struct {
		const char *asked;
		uint32_t granted, max_lease_s;
	} row[] = {
		{ "00000001", 120, PM_LEASE_MAX_S },
		{ "00000077", 120, PM_LEASE_MAX_S },
		{ "00000078", 120, PM_LEASE_MAX_S },
		{ "00000079", 121, PM_LEASE_MAX_S },
		{ "00015180", 86400, PM_LEASE_MAX_S },
		{ "00015181", 86400, PM_LEASE_MAX_S },
		{ "ffffffff", 86400, PM_LEASE_MAX_S },
		{ "ffffffff", 7200, 7200 },
		{ "00001c20", 7200, 7200 },
		{ "00000001", 60, 60 },
	};
	char request[512], want[512];

	for (size_t i = 0; i < N(row); i++) {
		map.max_lease_s = row[i].max_lease_s;
		snprintf(request, sizeof(request), "02010000 %s" H_ANN
			 TCP("1388", H_NO4), row[i].asked);
		snprintf(want, sizeof(want), "02810000 %08x" EPOCH ZERO12
			 TCP("1388", H_EXT), row[i].granted);
		assert_true(gw_says(ANN, request, want));
		assert_int_equal(left_s(5000), row[i].granted);
	}
}

/* A shorter renewal shortens, and the lease ends. */
static void test_renewals(void **state)
{
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	gw_pass(600);
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)),
			    OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_says(ANN, MAP("00000258", TCP("1388", H_EXT)),
			    OK("00000258", TCP("1388", H_EXT))));
	assert_int_equal(left_s(5000), 600);
	gw_pass(600);
	gw_settle();
	assert_null(entry(IPPROTO_TCP, 5000));
}

/* ---- deletion ------------------------------------------------------------------- */

static void test_deletion(void **state)
{
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	/* 15.1: the suggested port and address are copied */
	assert_true(gw_says(ANN, MAP("00000000", TCP("0000", H_NO4)),
			    OK("00000000", TCP("0000", H_NO4))));
	assert_null(entry(IPPROTO_TCP, 5000));
	/* what is not there is deleted, whatever its protocol is */
	assert_true(gw_says(ANN, MAP("00000000", TCP("2222", H_PEER)),
			    OK("00000000", TCP("2222", H_PEER))));
	assert_true(gw_says(ANN, MAP("00000000", BODY(H_NONCE, "84", "1388",
						      "0000", H_NO4)),
			    OK("00000000", BODY(H_NONCE, "84", "1388", "0000",
						H_NO4))));
	/* mappings for all ports, or all protocols */
	assert_true(gw_says(ANN, MAP("00000000", BODY(H_NONCE, "06", "0000",
						      "0000", H_NO4)),
			    OK("00000000", BODY(H_NONCE, "06", "0000", "0000",
						H_NO4))));
	assert_true(gw_says(ANN, MAP("00000000", BODY(H_NONCE, "00", "0000",
						      "0000", H_NO4)),
			    OK("00000000", BODY(H_NONCE, "00", "0000", "0000",
						H_NO4))));
	assert_int_equal(gw_ops, 2);
}

/* 11.3: another nonce: NOT_AUTHORIZED, for as long as the mapping lasts. The
 * mapping of another host is none. */
static void test_deletion_with_another_nonce(void **state)
{
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	gw_pass(60);
	assert_true(gw_says(ANN, MAP("00000000", TCP2("0000", H_NO4)),
			    ERR("02", "00000dd4", TCP2("0000", H_NO4))));
	assert_true(gw_says(BOB, ASK("01", H_BOB, "00000000",
				     TCP("0000", H_NO4)),
			    OK("00000000", TCP("0000", H_NO4))));
	assert_int_equal(left_s(5000), 3540);
}

/* 15.1: what was not made by PCP is not deleted. */
static void test_deletion_of_others(void **state)
{
	static const uint8_t origin[] = {
		ORIGIN_UPNP, ORIGIN_NAT_PMP, ORIGIN_OPERATOR,
	};

	for (size_t i = 0; i < N(origin); i++) {
		have(origin[i], 5000, 600);
		assert_true(gw_says(ANN, MAP("00000000", TCP("0000", H_NO4)),
				    ERR("02", "00000258",
					TCP("0000", H_NO4))));
		assert_non_null(entry(IPPROTO_TCP, 5000));
		assert_true(portmap_forget(map.pm,
					   &entry(IPPROTO_TCP, 5000)->rule));
	}
	/* one without end: ask again tomorrow */
	have(ORIGIN_UPNP, 5000, 0);
	assert_true(gw_says(ANN, MAP("00000000", TCP("0000", H_NO4)),
			    ERR("02", "00015180", TCP("0000", H_NO4))));
}

/* ---- nonces ----------------------------------------------------------------------- */

/* Tailscale takes a new nonce each time: it gets the same port, a longer lease,
 * and no second mapping. The first nonce stays. */
static void test_new_nonce_each_time(void **state)
{
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_says(ANN, MAP("00001c20", TCP2("1388", H_EXT)),
			    OK("00001c20", TCP2("1388", H_EXT))));
	assert_int_equal(portmap_count(map.pm), 1);
	assert_true(are_bytes(entry(IPPROTO_TCP, 5000)->nonce.byte, 12,
			      H_NONCE));
	/* it cannot shorten */
	assert_true(gw_says(ANN, MAP("00000258", TCP2("1388", H_EXT)),
			    OK("00001c20", TCP2("1388", H_EXT))));
	/* and not open what a filter keeps closed */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)
				     H_FILTER("80", "0000", H_PEER)),
			    OK(HOUR, TCP("1388", H_EXT)
			       H_FILTER("80", "0000", H_PEER))));
	assert_true(gw_says(ANN, MAP(HOUR, TCP2("1388", H_EXT)
				     H_FILTER("00", "0000", H_NO4)),
			    ERR("02", HOUR, TCP2("1388", H_EXT)
				H_FILTER("00", "0000", H_NO4))));
	/* without the option, it extends the mapping with its filter */
	assert_true(gw_says(ANN, MAP("00001c20", TCP2("1388", H_EXT)),
			    OK("00001c20", TCP2("1388", H_EXT))));
	assert_int_equal(portmap_count(map.pm), 1);
	assert_true(addr_is_set(entry(IPPROTO_TCP, 5000)->rule.remote));
}

static void test_strict_nonce(void **state)
{
	map.strict_nonce = true;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	gw_pass(60);
	assert_true(gw_says(ANN, MAP("00001c20", TCP2("1388", H_EXT)),
			    ERR("02", "00000dd4", TCP2("1388", H_EXT))));
	assert_int_equal(left_s(5000), 3540);
	assert_true(gw_says(ANN, MAP("00001c20", TCP("1388", H_EXT)),
			    OK("00001c20", TCP("1388", H_EXT))));
	/* a nonce of zeros is a nonce */
	assert_true(gw_says(ANN, MAP(HOUR, BODY(ZERO12, "06", "1388", "1388",
						H_EXT)),
			    ERR("02", "00001c20", BODY(ZERO12, "06", "1388",
						       "1388", H_EXT))));
}

/* ---- PREFER_FAILURE ----------------------------------------------------------------- */

static void test_prefer_failure(void **state)
{
	/* as suggested; ::, which libpcpnatpmp sends, is no address */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO6) H_PREFER),
			    OK(HOUR, TCP("1388", H_EXT) H_PREFER)));
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT) H_PREFER),
			    OK(HOUR, TCP("1388", H_EXT) H_PREFER)));
	/* its mapping has another port */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1389", H_NO4) H_PREFER),
			    ERR("0b", SHORT, TCP("1389", H_NO4) H_PREFER)));
	/* the address is not ours */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_PEER) H_PREFER),
			    ERR("0b", LONG, TCP("1388", H_PEER) H_PREFER)));
	/* another client has the port */
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR,
				     TCP("1388", H_NO4) H_PREFER),
			    ERR("0b", SHORT, TCP("1388", H_NO4) H_PREFER)));
	/* a port that the policy does not allow, while others are */
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR,
				     TCP("0050", H_NO4) H_PREFER),
			    ERR("0b", LONG, TCP("0050", H_NO4) H_PREFER)));
	/* without the option, there is another port each time */
	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR, TCP("0050", H_NO4)),
			    OK(HOUR, TCP("9c40", H_EXT))));
}

static void test_prefer_failure_and_the_monitor(void **state)
{
	static const enum nat_err err[] = {
		NAT_ECONFLICT, NAT_EFORWARDED, NAT_EBLOCKED,
	};

	for (size_t i = 0; i < N(err); i++) {
		gw_kernel = err[i];
		gw_ops = 0;
		assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
					     H_PREFER),
				    ERR("0b", LONG, TCP("1388", H_NO4)
					H_PREFER)));
		assert_int_equal(gw_ops, 1);
	}
}

/* ---- FILTER ---------------------------------------------------------------------------- */

static const struct nat_rule *rule(void)
{
	assert_int_equal(portmap_count(map.pm), 1);
	return &entry(IPPROTO_TCP, 5000)->rule;
}

#define F(bits, port, a) H_FILTER(bits, port, a)

static void test_filter(void **state)
{
	/* one host */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     F("80", "0000", H_PEER)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("80", "0000", H_PEER))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc6336409)));
	assert_int_equal(rule()->remote_port, 0);
	/* a renewal without the option keeps it, and so does the same again */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)),
			    OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     F("80", "0000", H_PEER)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("80", "0000", H_PEER))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc6336409)));
	/* 13.3: another one is added, which is more than one */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)
				     F("80", "0000", H_PEER2)),
			    ERR("0d", LONG, TCP("1388", H_EXT)
				F("80", "0000", H_PEER2))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc6336409)));
	/* after 0, it replaces it */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)
				     F("00", "0000", H_NO4)
				     F("80", "01bb", H_PEER2)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("00", "0000", H_NO4)
			       F("80", "01bb", H_PEER2))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc633640a)));
	assert_int_equal(rule()->remote_port, 443);
	/* 0 alone removes it */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)
				     F("00", "0000", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("00", "0000", H_NO4))));
	assert_false(addr_is_set(rule()->remote));
	assert_int_equal(rule()->remote_port, 0);
	/* a mapping without a filter gets one */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_EXT)
				     F("80", "01bb", H_PEER)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("80", "01bb", H_PEER))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc6336409)));
	assert_int_equal(rule()->remote_port, 443);
	/* and loses it when the client deletes it */
	assert_true(gw_says(ANN, MAP("00000000", TCP("0000", H_NO4)),
			    OK("00000000", TCP("0000", H_NO4))));
	assert_int_equal(portmap_count(map.pm), 0);
}

static void test_filters_that_are_refused(void **state)
{
	static const struct {
		const char *option, *code;
	} row[] = {
		{ F("80", "0000", H_PEER) F("80", "0000", H_PEER2), "0d" },
		{ F("78", "0000", H_PEER), "0d" },
		{ F("60", "01bb", H_NO4), "0d" },
		{ F("5f", "0000", H_PEER), "06" },
		{ F("80", "0000", H_PEER6), "06" },
	};
	char request[512], want[512];

	for (size_t i = 0; i < N(row); i++) {
		bool parsed = row[i].code[1] != '6';

		snprintf(request, sizeof(request),
			 MAP(HOUR, TCP("1388", H_NO4)) "%s", row[i].option);
		snprintf(want, sizeof(want), "028100%s" LONG EPOCH "%s"
			 TCP("1388", H_NO4) "%s", row[i].code,
			 parsed ? ZERO12 : "00000000 0000ffff c0a8580a",
			 row[i].option);
		assert_true(gw_says(ANN, request, want));
	}
	assert_int_equal(gw_ops, 0);
}

/* The mapping with the former filter cannot be deleted: the client is told that
 * its filter is not enforced. */
static void test_filter_that_is_not_enforced(void **state)
{
	static struct gw_ask x;

	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_send(&x, ANN, MAP(HOUR, TCP("1388", H_NO4)
					 F("80", "0000", H_PEER))));
	assert_true(gw_answer_one());
	assert_false(x.done);
	gw_kernel = NAT_EFAIL;
	gw_settle();
	assert_true(gw_answered(&x, ERR("08", SHORT, TCP("1388", H_NO4)
					F("80", "0000", H_PEER))));
	/* later it works */
	gw_kernel = NAT_OK;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     F("80", "0000", H_PEER)),
			    OK(HOUR, TCP("1388", H_EXT)
			       F("80", "0000", H_PEER))));
	assert_true(addr_equal(rule()->remote, addr_ip4(0xc6336409)));
}

/* ---- THIRD_PARTY ------------------------------------------------------------------------ */

static void test_third_party(void **state)
{
	const struct pm_entry *e;

	/* 13.1: off */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     H_THIRD(H_BOB)),
			    ERR("05", LONG, TCP("1388", H_NO4)
				H_THIRD(H_BOB))));
	assert_int_equal(gw_ops, 0);
	gw_third_party = true;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     H_THIRD(H_BOB)),
			    OK(HOUR, TCP("1388", H_EXT) H_THIRD(H_BOB))));
	e = entry(IPPROTO_TCP, 5000);
	assert_true(addr_equal(e->rule.client, BOB));
	assert_true(addr_equal(e->requester, ANN));
	/* its nonce is that of the third party's mapping */
	assert_true(gw_says(BOB, ASK("01", H_BOB, "00000000",
				     TCP2("0000", H_NO4)),
			    ERR("02", HOUR, TCP2("0000", H_NO4))));
	assert_true(gw_says(ANN, MAP("00000000", TCP("0000", H_NO4)
				     H_THIRD(H_BOB)),
			    OK("00000000", TCP("0000", H_NO4)
			       H_THIRD(H_BOB))));
	assert_null(entry(IPPROTO_TCP, 5000));
	/* not the router, and not a host elsewhere */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     H_THIRD(H_PEER)),
			    ERR("02", LONG, TCP("1388", H_NO4)
				H_THIRD(H_PEER))));
	/* an IPv6 host gets a pinhole */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)
				     H_THIRD(H_ANN6)),
			    OK(HOUR, TCP("1388", H_ANN6) H_THIRD(H_ANN6))));
	assert_true(addr_equal(pinhole()->rule.client, ANN6));
}

/* ---- result codes ---------------------------------------------------------------------- */

static const struct policy_rule all_ports = {
	.allow = true, .ext_hi = UINT16_MAX, .int_hi = UINT16_MAX,
	.net = { { ADDR_IP4, { 192, 168, 88, 0 } }, 24 }, .line = 3,
};
static const struct policy_rule all_ports6 = {
	.allow = true, .ext_hi = UINT16_MAX, .int_hi = UINT16_MAX,
	.net = { { ADDR_IP6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32 }, .line = 4,
};

#define ALL(proto) BODY(H_NONCE, proto, "0000", "0000", H_NO4)

/* All ports, and all protocols: not allowed without a line for it, and then
 * there is no such port mapping (11.3). */
static void test_all_ports(void **state)
{
	assert_true(gw_says(ANN, MAP(HOUR, ALL("06")),
			    ERR("02", LONG, ALL("06"))));
	assert_true(gw_says(ANN, MAP(HOUR, ALL("00")),
			    ERR("02", LONG, ALL("00"))));
	assert_int_equal(gw_refused, 2);
	map.policy.rule = &all_ports;
	map.policy.rule_n = 1;
	assert_true(gw_says(ANN, MAP(HOUR, ALL("06")),
			    ERR("09", LONG, ALL("06"))));
	assert_true(gw_says(ANN, MAP(HOUR, ALL("00")),
			    ERR("09", LONG, ALL("00"))));
	assert_int_equal(gw_ops, 0);
}

static void test_all_ports_of_ip6(void **state)
{
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, HOUR, ALL("06")),
			    ERR("02", LONG, ALL("06"))));
	map.policy.rule = &all_ports6;
	map.policy.rule_n = 1;
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, HOUR, ALL("06")),
			    OK(HOUR, BODY(H_NONCE, "06", "0000", "0000",
					  H_ANN6))));
	assert_int_equal(pinhole()->rule.int_port, 0);
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, HOUR, ALL("00")),
			    ERR("09", LONG, ALL("00"))));
	/* a deletion needs its nonce */
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, "00000000",
				      BODY(H_NONCE2, "06", "0000", "0000",
					   H_NO4)),
			    ERR("02", HOUR, BODY(H_NONCE2, "06", "0000",
						 "0000", H_NO4))));
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, "00000000", ALL("06")),
			    OK("00000000", ALL("06"))));
	assert_null(pinhole());
}

/* 9: what a backend has no rules for. */
static void test_protocols(void **state)
{
	char request[512], want[512];

	for (unsigned proto = 1; proto < 256; proto++) {
		bool has4 = proto == 6 || proto == 17;
		bool has6 = has4 || proto == 33 || proto == 132 ||
			    proto == 136;

		snprintf(request, sizeof(request), "02010000" HOUR H_ANN
			 H_NONCE "%02x000000 1388 1388" H_NO4, proto);
		snprintf(want, sizeof(want), "028100%s %s" EPOCH ZERO12
			 H_NONCE "%02x000000 1388 1388 %s",
			 has4 ? "00" : "09", has4 ? HOUR : LONG, proto,
			 has4 ? H_EXT : H_NO4);
		assert_true(gw_says(ANN, request, want));
		snprintf(request, sizeof(request), "02010000" HOUR H_ANN6
			 H_NONCE "%02x000000 1388 1388" H_NO6, proto);
		snprintf(want, sizeof(want), "028100%s %s" EPOCH ZERO12
			 H_NONCE "%02x000000 1388 1388 %s",
			 has6 ? "00" : "09", has6 ? HOUR : LONG, proto,
			 has6 ? H_ANN6 : H_NO6);
		assert_true(gw_says(ANN6, request, want));
	}
}

static void test_not_authorized(void **state)
{
	static const char *const from[] = {
		"00000000 00000000 0000ffff 0a000005",	/* elsewhere */
		"00000000 00000000 0000ffff c0a85800",	/* the network's */
		"00000000 00000000 0000ffff c0a858ff",	/* broadcast */
		"00000000 00000000 0000ffff c0a85801",	/* the router's */
		"fe800000 00000000 00000000 00000010",	/* link-local */
		"20010db8 00990000 00000000 00000010",	/* elsewhere */
	};
	char request[512], want[512];
	struct addr a;

	for (size_t i = 0; i < N(from); i++) {
		struct str s = bytes_of(from[i]);

		a = i < 4 ? addr_ip4(0) : addr_ip6(s.p);
		if (i < 4)
			memcpy(a.byte, s.p + 12, 4);
		snprintf(request, sizeof(request), "02010000" HOUR "%s"
			 TCP("1388", H_NO4), from[i]);
		snprintf(want, sizeof(want),
			 ERR("02", LONG, TCP("1388", H_NO4)));
		assert_true(gw_says(a, request, want));
	}
	/* a port that no line allows */
	assert_true(gw_says(ANN, MAP(HOUR, BODY(H_NONCE, "06", "0050", "1388",
						H_NO4)),
			    ERR("02", LONG, BODY(H_NONCE, "06", "0050",
						 "1388", H_NO4))));
	/* the monitor's own policy, and the administrator's firewall */
	gw_kernel = NAT_EREFUSED;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    ERR("02", LONG, TCP("1388", H_NO4))));
	gw_kernel = NAT_EBLOCKED;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    ERR("02", LONG, TCP("1388", H_NO4))));
	assert_int_equal(portmap_count(map.pm), 0);
}

static void test_network_failure(void **state)
{
	map.ext.family = ADDR_NONE;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    ERR("07", SHORT, TCP("1388", H_NO4))));
	/* neither a deletion nor a pinhole needs it */
	assert_true(gw_says(ANN, MAP("00000000", TCP("1388", H_NO4)),
			    OK("00000000", TCP("1388", H_NO4))));
	assert_true(gw_says(ANN6, ASK("01", H_ANN6, HOUR, TCP("1388", H_NO6)),
			    OK(HOUR, TCP("1388", H_ANN6))));
	map.ext = addr_ip4(0xcb007107);
	gw_kernel = NAT_ENOADDR;
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    ERR("07", SHORT, TCP("1388", H_NO4))));
}

/* 8: the whole table; 10: the client's part of it. */
static void test_full(void **state)
{
	char request[512], want[512];

	for (unsigned i = 0; i < 9; i++) {
		bool ann = i < 6;

		snprintf(request, sizeof(request), "02010000" HOUR "%s"
			 H_NONCE "06000000 %04x %04x" H_NO4,
			 ann ? H_ANN : H_BOB, 5000 + i, 5000 + i);
		snprintf(want, sizeof(want), "028100%s %s" EPOCH ZERO12
			 H_NONCE "06000000 %04x %04x %s", i < 8 ? "00" : "08",
			 i < 8 ? HOUR : SHORT, 5000 + i, 5000 + i,
			 i < 8 ? H_EXT : H_NO4);
		if (i == 6)
			assert_true(gw_says(ANN, MAP(HOUR,
				    BODY(H_NONCE, "06", "2222", "2222",
					 H_NO4)),
				    ERR("0a", SHORT, BODY(H_NONCE, "06",
					"2222", "2222", H_NO4))));
		assert_true(gw_says(ann ? ANN : BOB, request, want));
	}
}

static void test_no_resources(void **state)
{
	static const enum nat_err err[] = {
		NAT_EFAIL, NAT_ECONFLICT, NAT_EFORWARDED,
	};

	for (size_t i = 0; i < N(err); i++) {
		gw_kernel = err[i];
		assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
				    ERR("08", SHORT, TCP("1388", H_NO4))));
	}
	gw_kernel = NAT_OK;
	map.adds_per_s = 1;
	map_init(&map, map.pm);
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_says(ANN, MAP(HOUR, BODY(H_NONCE, "06", "1389", "1389",
						H_NO4)),
			    ERR("08", SHORT, BODY(H_NONCE, "06", "1389",
						  "1389", H_NO4))));
}

/* Errors of the parser have their lifetime as well. */
static void test_lifetimes_of_errors(void **state)
{
	static const uint8_t brief[] = {
		PCP_NETWORK_FAILURE, PCP_NO_RESOURCES, PCP_USER_EX_QUOTA,
	};

	for (uint8_t i = 1; i <= PCP_EXCESSIVE_REMOTE_PEERS; i++)
		assert_int_equal(pcp_error_s(i), i == brief[0] ||
				 i == brief[1] || i == brief[2] ? 30 : 1800);
	assert_true(gw_says(ANN, ASK("63", H_ANN, HOUR, ""),
			    "02e30004" LONG EPOCH "00000000 0000ffff"
			    "c0a8580a"));
	assert_true(gw_says(ANN, ASK("01", H_BOB, HOUR, TCP("1388", H_NO4)),
			    ERR("0c", LONG, TCP("1388", H_NO4))));
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4) "7f000000"),
			    ERR("05", LONG, TCP("1388", H_NO4)
				"7f000000")));
}

/* ---- mappings of others ------------------------------------------------------------------ */

/* 11.3: the port that it has. The lease is extended, and whose mapping it is
 * stays. */
static void test_mapping_of_upnp(void **state)
{
	have(ORIGIN_UPNP, 5001, 600);
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1389", H_EXT))));
	assert_int_equal(entry(IPPROTO_TCP, 5001)->origin, ORIGIN_UPNP);
	assert_int_equal(left_s(5001), 3600);
	/* the true lifetime, which is longer than requested */
	assert_true(gw_says(ANN, MAP("00000258", TCP("1388", H_NO4)),
			    OK(HOUR, TCP("1389", H_EXT))));
	/* PREFER_FAILURE with its port, and with another one */
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1389", H_NO4) H_PREFER),
			    OK(HOUR, TCP("1389", H_EXT) H_PREFER)));
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4) H_PREFER),
			    ERR("0b", SHORT, TCP("1388", H_NO4) H_PREFER)));
}

/* A static mapping has the longest lifetime. */
static void test_permanent_mappings(void **state)
{
	have(ORIGIN_OPERATOR, 5001, 0);
	assert_true(gw_says(ANN, MAP(HOUR, TCP("1388", H_NO4)),
			    OK("ffffffff", TCP("1389", H_EXT))));
	assert_int_equal(entry(IPPROTO_TCP, 5001)->origin, ORIGIN_OPERATOR);
}

static void test_two_at_once(void **state)
{
	static struct gw_ask a, b;

	assert_true(gw_send(&a, ANN, MAP(HOUR, TCP("1388", H_NO4))));
	assert_true(gw_send(&b, ANN, MAP("00001c20", TCP2("1389", H_NO4))));
	assert_false(a.done || b.done);
	gw_settle();
	assert_true(gw_answered(&a, OK(HOUR, TCP("1388", H_EXT))));
	assert_true(gw_answered(&b, OK("00001c20", TCP2("1388", H_EXT))));
	assert_int_equal(portmap_count(map.pm), 1);
}

/* ---- IPv6 ------------------------------------------------------------------------------------ */

#define MAP6(life, body) ASK("01", H_ANN6, life, body)

/* The address and the port stay, whatever is suggested. */
static void test_pinhole(void **state)
{
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("9c40", H_PEER6)),
			    OK(HOUR, TCP("1388", H_ANN6))));
	assert_int_equal(pinhole()->rule.kind, NAT_PINHOLE);
	assert_int_equal(pinhole()->rule.int_port, 5000);
	assert_int_equal(pinhole()->rule.ext_port, 0);
	assert_false(addr_is_set(pinhole()->rule.remote));
	assert_int_equal(pinhole()->origin, ORIGIN_PCP);
	/* again: the same one */
	assert_true(gw_says(ANN6, MAP6("00001c20", TCP("1388", H_ANN6)),
			    OK("00001c20", TCP("1388", H_ANN6))));
	assert_int_equal(portmap_count(map.pinholes), 1);
	assert_int_equal(portmap_count(map.pm), 0);
	/* every address of a host is a client of its own */
	assert_true(gw_says(gw_ip6(0x88, 0x11),
			    ASK("01", "20010db8 00880000 00000000 00000011",
				HOUR, TCP2("1388", H_NO6)),
			    OK(HOUR, TCP2("1388", "20010db8 00880000 00000000"
					  "00000011"))));
	assert_int_equal(portmap_count(map.pinholes), 2);
	assert_true(gw_says(ANN6, MAP6("00000000", TCP("0000", H_NO6)),
			    OK("00000000", TCP("0000", H_NO6))));
	assert_int_equal(portmap_count(map.pinholes), 1);
}

static void test_prefer_failure_of_a_pinhole(void **state)
{
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_ANN6) H_PREFER),
			    OK(HOUR, TCP("1388", H_ANN6) H_PREFER)));
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1389", H_NO6) H_PREFER),
			    ERR("0b", LONG, TCP("1389", H_NO6) H_PREFER)));
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_PEER6) H_PREFER),
			    ERR("0b", LONG, TCP("1388", H_PEER6)
				H_PREFER)));
}

static void test_filter_of_a_pinhole(void **state)
{
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_NO6)),
			    OK(HOUR, TCP("1388", H_ANN6))));
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_NO6)
				       F("80", "01bb", H_PEER6)),
			    OK(HOUR, TCP("1388", H_ANN6)
			       F("80", "01bb", H_PEER6))));
	assert_int_equal(portmap_count(map.pinholes), 1);
	assert_true(addr_equal(pinhole()->rule.remote, gw_ip6(0x99, 9)));
	assert_int_equal(pinhole()->rule.remote_port, 443);
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_NO6)
				       F("00", "0000", H_NO6)),
			    OK(HOUR, TCP("1388", H_ANN6)
			       F("00", "0000", H_NO6))));
	assert_int_equal(portmap_count(map.pinholes), 1);
	assert_false(addr_is_set(pinhole()->rule.remote));
}

/* The operator has switched pinholes off. */
static void test_no_pinholes(void **state)
{
	struct portmap *pinholes = map.pinholes;

	map.pinholes = NULL;
	assert_true(gw_says(ANN6, MAP6(HOUR, TCP("1388", H_NO6)),
			    ERR("02", LONG, TCP("1388", H_NO6))));
	assert_true(gw_says(ANN6, MAP6("00000000", TCP("1388", H_NO6)),
			    OK("00000000", TCP("1388", H_NO6))));
	map.pinholes = pinholes;
}

/* ---- PEER ------------------------------------------------------------------------------------- */

#define TO "01bb0000" H_PEER
#define TO2 "01bc0000" H_PEER
#define UDP(ext_port, ext) BODY(H_NONCE, "11", "1388", ext_port, ext)
#define UDP2(ext_port, ext) BODY(H_NONCE2, "11", "1388", ext_port, ext)
#define PEER(life, body) ASK("02", H_ANN, life, body)
#define PEER_OK(life, body) SAY("2", "00", life, body)
#define PEER_ERR(code, life, body) SAY("2", code, life, body)

static void test_peer(void **state)
{
	const struct pm_entry *e;

	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(ANN, PEER(HOUR, UDP("0000", H_NO4) TO),
			    PEER_OK(HOUR, UDP("9c40", H_EXT) TO)));
	e = entry(IPPROTO_UDP, 40000);
	assert_non_null(e);
	assert_true(e->peer);
	assert_int_equal(e->origin, ORIGIN_PCP);
	assert_true(addr_equal(e->rule.remote, addr_ip4(0xc6336409)));
	assert_int_equal(e->rule.remote_port, 443);
	/* again: the same one */
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c40", H_EXT) TO),
			    PEER_OK(HOUR, UDP("9c40", H_EXT) TO)));
	assert_int_equal(portmap_count(map.pm), 1);
	/* another remote port: from the same port */
	assert_true(gw_says(ANN, PEER(HOUR, UDP("0000", H_NO4) TO2),
			    PEER_OK(HOUR, UDP("9c40", H_EXT) TO2)));
	assert_int_equal(portmap_count(map.pm), 2);
}

/* 12.1: it cannot shorten or delete; its own nonce extends. */
static void test_lifetimes_of_peer(void **state)
{
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c40", H_NO4) TO),
			    PEER_OK(HOUR, UDP("9c40", H_EXT) TO)));
	gw_pass(60);
	assert_true(gw_says(ANN, PEER("00000001", UDP("9c40", H_EXT) TO),
			    PEER_OK("00000dd4", UDP("9c40", H_EXT) TO)));
	assert_true(gw_says(ANN, PEER("00000000", UDP("9c40", H_EXT) TO),
			    PEER_OK("00000dd4", UDP("9c40", H_EXT) TO)));
	assert_true(gw_says(ANN, PEER("00001c20", UDP("9c40", H_EXT) TO),
			    PEER_OK("00001c20", UDP("9c40", H_EXT) TO)));
	assert_true(gw_says(ANN, PEER("ffffffff", UDP("9c40", H_EXT) TO),
			    PEER_OK("00015180", UDP("9c40", H_EXT) TO)));
	/* 15.1: MAP does not delete it either */
	assert_true(gw_says(ANN, MAP("00000000", UDP("0000", H_NO4)),
			    ERR("02", "00015180", UDP("0000", H_NO4))));
	assert_int_equal(portmap_count(map.pm), 1);
	/* a new one with a lifetime of 0 has the least */
	assert_true(gw_says(ANN, PEER("00000000", UDP("9c40", H_EXT) TO2),
			    PEER_OK("00000078", UDP("9c40", H_EXT) TO2)));
}

/* 12.3: another nonce. */
static void test_nonces_of_peer(void **state)
{
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c40", H_NO4) TO),
			    PEER_OK(HOUR, UDP("9c40", H_EXT) TO)));
	map.strict_nonce = true;
	gw_pass(60);
	assert_true(gw_says(ANN, PEER("00001c20", UDP2("9c40", H_EXT) TO),
			    PEER_ERR("02", "00000dd4", UDP2("9c40", H_EXT)
				     TO)));
	map.strict_nonce = false;
	assert_true(gw_says(ANN, PEER("00001c20", UDP2("9c40", H_EXT) TO),
			    PEER_OK("00001c20", UDP2("9c40", H_EXT) TO)));
}

/* 12.1: the suggested port or CANNOT_PROVIDE_EXTERNAL. */
static void test_peer_is_strict(void **state)
{
	assert_true(gw_says(BOB, ASK("01", H_BOB, HOUR, UDP("9c40", H_NO4)),
			    OK(HOUR, UDP("9c40", H_EXT))));
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c40", H_NO4) TO),
			    PEER_ERR("0b", SHORT, UDP("9c40", H_NO4) TO)));
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c41", H_PEER2) TO),
			    PEER_ERR("0b", LONG, UDP("9c41", H_PEER2) TO)));
	/* the client's MAP has another port */
	assert_true(gw_says(ANN, MAP(HOUR, UDP("9c41", H_NO4)),
			    OK(HOUR, UDP("9c41", H_EXT))));
	assert_true(gw_says(ANN, PEER(HOUR, UDP("9c42", H_NO4) TO),
			    PEER_ERR("0b", SHORT, UDP("9c42", H_NO4) TO)));
	assert_true(gw_says(ANN, PEER(HOUR, UDP("0000", H_NO4) TO),
			    PEER_OK(HOUR, UDP("9c41", H_EXT) TO)));
	/* MAP is deleted, and PEER's mapping stays */
	assert_true(gw_says(ANN, MAP("00000000", UDP("0000", H_NO4)),
			    OK("00000000", UDP("0000", H_NO4))));
	assert_int_equal(portmap_count(map.pm), 2);
	assert_true(entry(IPPROTO_UDP, 40001)->peer);
}

/* 12.3: of a flow that exists, the port is reported, whatever is suggested. */
static void test_peer_of_a_flow(void **state)
{
	static struct gw_ask x;

	gw_has_flows = true;
	assert_true(gw_send(&x, ANN, PEER(HOUR, UDP("9c40", H_PEER2) TO)));
	assert_true(x.ask.asks_flow);
	assert_false(x.done);
	assert_int_equal(x.ask.flow.kind, NAT_PORTMAP);
	assert_int_equal(x.ask.flow.proto, IPPROTO_UDP);
	assert_int_equal(x.ask.flow.int_port, 5000);
	assert_int_equal(x.ask.flow.ext_port, 0);
	assert_int_equal(x.ask.flow.remote_port, 443);
	assert_true(addr_equal(x.ask.flow.client, ANN));
	assert_true(addr_equal(x.ask.flow.remote, addr_ip4(0xc6336409)));
	assert_false(pcp_flow(&x.ask, 50000));
	gw_settle();
	assert_true(gw_answered(&x, PEER_OK(HOUR, UDP("c350", H_EXT) TO)));
	/* it is known now: nobody is asked again */
	assert_true(gw_says(ANN, PEER(HOUR, UDP("c350", H_EXT) TO),
			    PEER_OK(HOUR, UDP("c350", H_EXT) TO)));
	/* no flow: a free port */
	assert_true(gw_send(&x, ANN, PEER(HOUR, BODY(H_NONCE, "11", "1389",
						     "9c41", H_NO4) TO)));
	assert_false(pcp_flow(&x.ask, 0));
	gw_settle();
	assert_true(gw_answered(&x, PEER_OK(HOUR, BODY(H_NONCE, "11", "1389",
						       "9c41", H_EXT) TO)));
	gw_has_flows = false;
}

static void test_peer_of_ip6(void **state)
{
	static const char to[] = "01bb0000" H_PEER6;
	char request[512], want[512];

	snprintf(request, sizeof(request), "%s%s",
		 ASK("02", H_ANN6, HOUR, UDP("0000", H_NO6)), to);
	snprintf(want, sizeof(want), "%s%s",
		 PEER_OK(HOUR, UDP("1388", H_ANN6)), to);
	assert_true(gw_says(ANN6, request, want));
	assert_true(pinhole()->peer);
	assert_int_equal(pinhole()->rule.remote_port, 443);
	/* a port that it cannot have */
	snprintf(request, sizeof(request), "%s%s",
		 ASK("02", H_ANN6, HOUR, UDP("1389", H_NO6)), to);
	snprintf(want, sizeof(want), "%s%s",
		 PEER_ERR("0b", LONG, UDP("1389", H_NO6)), to);
	assert_true(gw_says(ANN6, request, want));
}

static void test_peer_of_unsupported_protocols(void **state)
{
	assert_true(gw_says(ANN, PEER(HOUR, BODY(H_NONCE, "84", "1388", "0000",
						 H_NO4) TO),
			    PEER_ERR("09", LONG, BODY(H_NONCE, "84", "1388",
						      "0000", H_NO4) TO)));
	map.ext.family = ADDR_NONE;
	assert_true(gw_says(ANN, PEER(HOUR, UDP("0000", H_NO4) TO),
			    PEER_ERR("07", SHORT, UDP("0000", H_NO4) TO)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, gw_begin, gw_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_map),
		TEST(test_suggestions),
		TEST(test_ports_of_pcp),
		TEST(test_lifetimes),
		TEST(test_renewals),
		TEST(test_deletion),
		TEST(test_deletion_with_another_nonce),
		TEST(test_deletion_of_others),
		TEST(test_new_nonce_each_time),
		TEST(test_strict_nonce),
		TEST(test_prefer_failure),
		TEST(test_prefer_failure_and_the_monitor),
		TEST(test_filter),
		TEST(test_filters_that_are_refused),
		TEST(test_filter_that_is_not_enforced),
		TEST(test_third_party),
		TEST(test_all_ports),
		TEST(test_all_ports_of_ip6),
		TEST(test_protocols),
		TEST(test_not_authorized),
		TEST(test_network_failure),
		TEST(test_full),
		TEST(test_no_resources),
		TEST(test_lifetimes_of_errors),
		TEST(test_mapping_of_upnp),
		TEST(test_permanent_mappings),
		TEST(test_two_at_once),
		TEST(test_pinhole),
		TEST(test_prefer_failure_of_a_pinhole),
		TEST(test_filter_of_a_pinhole),
		TEST(test_no_pinholes),
		TEST(test_peer),
		TEST(test_lifetimes_of_peer),
		TEST(test_nonces_of_peer),
		TEST(test_peer_is_strict),
		TEST(test_peer_of_a_flow),
		TEST(test_peer_of_ip6),
		TEST(test_peer_of_unsupported_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
