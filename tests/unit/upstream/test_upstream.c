/* SPDX-License-Identifier: ISC */
/*
 * test_upstream.c - the search for the upstream, its epoch, and the life of a
 * port that it forwards, against a gateway that the test plays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include "upstream/uplease.h"
#include "upstream/upstream.h"

#define OURS	addr_ip4(0xc0a8580a)
#define GW	addr_ip4(0xc0a85801)
#define EXT	0x0b162101
#define LEASES	4
#define MANY	64

static struct upstream u;
static struct upstream_lease leases[MANY];
static uint64_t now, due;
static unsigned changes, answers, https;
static struct upstream_lease answer;	/* the last one */

/* The gateway */
static bool pcp, natpmp, upnp;		/* what it speaks */
static bool drops_maps;			/* of PCP */
static uint8_t result;			/* of PCP and NAT-PMP */
static uint32_t epoch_s, lease_s;
static uint16_t other_port;		/* that it grants; 0: the wished one */
static uint32_t ext_ip;
static unsigned soap_error, soap_errors;	/* so often */
static bool upnp2;
static uint32_t boot_id;
/* What it has received */
static unsigned maps, deletions, alives, searches;
static uint16_t asked_port, mapped_port, mapped_ext;
/* Its answers on the way */
static struct { uint16_t port; size_t n; uint8_t buf[512]; } queue[32];
static size_t queue_n;
static char reply[2048];
static bool replies, http_hangs;

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static void answer_with(uint16_t port, const void *p, size_t n)
{
	assert_true(queue_n < 32);
	queue[queue_n].port = port;
	queue[queue_n].n = n;
	memcpy(queue[queue_n++].buf, p, n);
}

static void note_map(const uint8_t *port_be, bool deletes)
{
	mapped_port = (uint16_t)(port_be[0] << 8 | port_be[1]);
	mapped_ext = (uint16_t)(port_be[2] << 8 | port_be[3]);
	maps += !deletes;
	deletions += deletes;
}

static void gateway_pcp(const uint8_t *q, size_t n)
{
	uint8_t a[60] = { 2, q[1] | 0x80, 0, result };
	uint32_t lease = n == 60 && (q[4] | q[5] | q[6] | q[7]) ? lease_s : 0;

	alives += !q[1];
	if (n == 60)
		note_map(q + 40, !lease);
	if (!pcp || (n == 60 && drops_maps))
		return;
	put32(a + 4, lease);
	put32(a + 8, epoch_s);
	if (n == 60) {
		memcpy(a + 24, q + 24, 20);
		if (lease && (other_port || !(q[42] | q[43])))
			put16(a + 42, other_port ? other_port : mapped_port);
		memset(a + 54, 0xff, 2);
		put32(a + 56, ext_ip);
	}
	answer_with(5351, a, n);
}

static void gateway_natpmp(const uint8_t *q, size_t n)
{
	uint8_t a[16] = { 0, q[1] | 0x80, 0, result };
	bool deletes = n == 12 && !(q[8] | q[9] | q[10] | q[11]);

	alives += !q[1];
	if (q[1])
		note_map(q + 4, deletes);
	if (!natpmp)
		return;
	put32(a + 4, epoch_s);
	if (!q[1]) {
		put32(a + 8, ext_ip);
		answer_with(5351, a, 12);
		return;
	}
	memcpy(a + 8, q + 4, 2);
	put16(a + 10, deletes ? 0 : other_port ? other_port :
	      (uint32_t)(q[6] << 8 | q[7]));
	put32(a + 12, deletes ? 0 : lease_s);
	answer_with(5351, a, 16);
}

static void op_send(void *arg, uint16_t port, const void *p, size_t n)
{
	const uint8_t *q = p;
	char text[512];
	struct wr w = wr_init(text, sizeof(text));

	asked_port = port;
	if (port == 5351 && q[0] == 2) {
		gateway_pcp(q, n);
	} else if (port == 5351) {
		gateway_natpmp(q, n);
	} else {
		searches++;
		wr_fmt(&w, "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:"
		       "InternetGatewayDevice:1\r\nLOCATION: "
		       "http://192.168.88.1:5000/d.xml\r\n"
		       "BOOTID.UPNP.ORG: %u\r\n\r\n", (unsigned)boot_id);
		if (upnp)
			answer_with(1900, text, w.len);
	}
}

#define SOAP "<s:Envelope xmlns:s=\"e\"><s:Body>%s</s:Body></s:Envelope>"

static uint32_t number_in(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	uint32_t n = 0;

	for (at = at ? at + strlen(name) : ""; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint32_t)(*at - '0');
	return n;
}

static void op_http(void *arg, uint16_t port, struct str request)
{
	struct wr w = wr_init(reply, sizeof(reply));
	char text[2048], inner[256] = "<r/>";
	struct wr i = wr_init(inner, sizeof(inner));

	assert_int_equal(port, 5000);
	assert_true(str_copy(text, sizeof(text), request));
	https++;
	replies = !http_hangs;
	if (!upnp) {
		wr_z(&w, "000");	/* no connection */
		wr_cstr(&w);
		return;
	}
	if (!strncmp(text, "GET /d.xml ", 11)) {
		wr_fmt(&w, "200<root><service><serviceType>urn:schemas-upnp-org"
		       ":service:WANIPConnection:%d</serviceType><controlURL>"
		       "/c</controlURL></service></root>", upnp2 ? 2 : 1);
		wr_cstr(&w);
		return;
	}
	assert_false(strncmp(text, "POST /c ", 8));
	if (strstr(text, "#Add")) {
		maps++;
		mapped_port = (uint16_t)number_in(text, "<NewInternalPort>");
		mapped_ext = (uint16_t)number_in(text, "<NewExternalPort>");
		if (strstr(text, "#AddAny"))
			wr_fmt(&i, "<NewReservedPort>%u</NewReservedPort>",
			       other_port ? other_port : mapped_ext);
	} else if (strstr(text, "#Delete")) {
		deletions++;
	} else {
		wr_fmt(&i, "<NewExternalIPAddress>%s</NewExternalIPAddress>",
		       addr_text(addr_ip4(ext_ip)).text);
	}
	if (soap_errors && strstr(text, "#Add")) {
		soap_errors--;
		i.len = 0;
		wr_fmt(&i, "<errorCode>%u</errorCode>", soap_error);
		wr_z(&w, "500");
	} else {
		wr_z(&w, "200");
	}
	wr_fmt(&w, SOAP, wr_cstr(&i));
	wr_cstr(&w);
}

static void op_answered(void *arg, const struct upstream_lease *l)
{
	answers++;
	answer = *l;
}

static void op_changed(void *arg)
{
	changes++;
}

static uint32_t op_rnd(void *arg)
{
	return 40000 - 1024;
}

static const struct upstream_ops ops = {
	op_send, op_http, op_answered, op_changed, op_rnd,
};

/* Deliver the answers of the gateway, and those to what they cause. */
static void deliver(void)
{
	while (queue_n || replies) {
		struct str d = { (const char *)queue[0].buf, queue[0].n };

		if (replies) {
			replies = false;
			upstream_http(&u, (unsigned)(reply[0] - '0') * 100,
				      str_z(reply + 3), now);
		} else {
			uint8_t copy[512];
			uint16_t port = queue[0].port;

			memcpy(copy, d.p, d.n);
			d.p = (const char *)copy;
			queue_n--;
			memmove(queue, queue + 1, queue_n * sizeof(queue[0]));
			if (port == 5351)
				upstream_pmp(&u, d, now);
			else
				upstream_ssdp(&u, d, now);
		}
		due = upstream_tick(&u, now);
	}
}

static void tick(void)
{
	due = upstream_tick(&u, now);
	deliver();
}

/* Time passes; everything that is due happens in time. */
static void pass(uint64_t ms)
{
	uint64_t end = now + ms;

	unsigned still = 0;

	tick();
	while (due <= end) {
		still = due <= now ? still + 1 : 0;
		assert_true(still < 3);
		due = due < now ? now : due;
		epoch_s += (uint32_t)(due / 1000 - now / 1000);
		now = due;
		tick();
	}
	epoch_s += (uint32_t)(end / 1000 - now / 1000);
	now = end;
	tick();
}

static int setup(void **state)
{
	memset(&u, 0, sizeof(u));
	memset(leases, 0, sizeof(leases));
	u.ops = &ops;
	u.lease = leases;
	u.lease_max = LEASES;
	u.allowed = 1 << UPSTREAM_PCP | 1 << UPSTREAM_NAT_PMP |
		    1 << UPSTREAM_UPNP;
	memcpy(u.nonce.byte, "0123456789ab", 12);
	pcp = natpmp = upnp = upnp2 = replies = drops_maps = false;
	http_hangs = false;
	result = 0;
	epoch_s = 1000;
	lease_s = 3600;
	other_port = 0;
	ext_ip = EXT;
	soap_errors = 0;
	boot_id = 1;
	queue_n = 0;
	maps = deletions = alives = searches = changes = answers = https = 0;
	now = 1000000;
	upstream_init(&u);
	return 0;
}

static void begin(void)
{
	upstream_set(&u, OURS, GW, 50000, now);
	pass(3000);
}

static void test_off(void **state)
{
	assert_null(uplease_want(&u, IPPROTO_TCP, 40000, 0, true, now));
	assert_true(upstream_tick(&u, now) == UINT64_MAX);
	upstream_set(&u, OURS, (struct addr){ 0 }, 50000, now);
	assert_int_equal(u.state, UPSTREAM_OFF);
	assert_true(upstream_tick(&u, now) == UINT64_MAX);
	assert_int_equal(alives + searches, 0);
}

/* PCP is preferred although the others answer as well; NAT-PMP tells the
 * address. */
static void test_search_prefers_pcp(void **state)
{
	pcp = natpmp = upnp = true;
	upstream_set(&u, OURS, GW, 50000, now);
	assert_int_equal(u.state, UPSTREAM_SEARCHING);
	tick();
	tick();
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(u.way, UPSTREAM_PCP);
	assert_true(addr_equal(u.ext, addr_ip4(EXT)));
	assert_int_equal(maps, 0);
}

static void test_search_finds_each(void **state)
{
	static const struct { bool pcp, natpmp, upnp; uint8_t way; } of[] = {
		{ true, false, false, UPSTREAM_PCP },
		{ false, true, false, UPSTREAM_NAT_PMP },
		{ false, true, true, UPSTREAM_NAT_PMP },
		{ false, false, true, UPSTREAM_UPNP },
		{ true, false, true, UPSTREAM_PCP },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		setup(state);
		pcp = of[i].pcp;
		natpmp = of[i].natpmp;
		upnp = of[i].upnp;
		begin();
		assert_int_equal(u.state, UPSTREAM_ANSWERS);
		assert_int_equal(u.way, of[i].way);
		assert_true(addr_equal(u.ext, addr_ip4(EXT)));
	}
}

/* Without NAT-PMP, the address is that of a mapping of our own socket. */
static void test_pcp_alone_maps_own_port(void **state)
{
	pcp = true;
	begin();
	assert_int_equal(maps, 1);
	assert_int_equal(mapped_port, 50000);
	assert_true(addr_equal(u.ext, addr_ip4(EXT)));
	assert_int_equal(answers, 0);
}

static void search_for(uint64_t ms, enum upstream_state then)
{
	pass(ms);
	assert_int_equal(u.state, then);
}

/* A better protocol has its time, and no more. */
static void test_time_of_the_search(void **state)
{
	natpmp = true;		/* PCP may follow */
	upstream_set(&u, OURS, GW, 50000, now);
	search_for(900, UPSTREAM_SEARCHING);
	search_for(200, UPSTREAM_ANSWERS);
	setup(state);
	natpmp = true;
	u.allowed = 1 << UPSTREAM_NAT_PMP;
	upstream_set(&u, OURS, GW, 50000, now);
	search_for(1, UPSTREAM_ANSWERS);
	setup(state);
	pcp = true;		/* NAT-PMP may tell the address */
	upstream_set(&u, OURS, GW, 50000, now);
	search_for(200, UPSTREAM_SEARCHING);
	search_for(200, UPSTREAM_ANSWERS);
	setup(state);
	upnp = http_hangs = true;
	upstream_set(&u, OURS, GW, 50000, now);
	search_for(UPSTREAM_WAIT_MS + 1000, UPSTREAM_SEARCHING);
	upstream_http(&u, 503, STR(""), now);
	search_for(1, UPSTREAM_SILENT);
}

static void test_only_the_allowed_protocol(void **state)
{
	pcp = natpmp = upnp = true;
	u.allowed = 1 << UPSTREAM_UPNP;
	begin();
	assert_int_equal(u.way, UPSTREAM_UPNP);
	assert_int_equal(alives, 0);
	setup(state);
	pcp = natpmp = upnp = true;
	u.allowed = 1 << UPSTREAM_NAT_PMP;
	begin();
	assert_int_equal(u.way, UPSTREAM_NAT_PMP);
	assert_int_equal(searches, 0);
}

/* 10 minutes, 1 hour, then daily. Requests do not wait. */
static void test_silent_upstream(void **state)
{
	static const uint64_t wait_s[] = { 600, 3600, 86400, 86400 };

	begin();
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(u.state, UPSTREAM_SILENT);
		assert_null(uplease_want(&u, IPPROTO_TCP, 40000, 0, true,
					  now));
		alives = 0;
		pass(wait_s[i] * 1000 - 5000);
		assert_int_equal(alives, 0);
		assert_int_equal(u.state, UPSTREAM_SILENT);
		pass(8000);
		assert_true(alives > 4);
	}
	/* it answers at last, and is asked for what is mapped */
	pcp = natpmp = true;
	pass(UINT64_C(86400) * 1000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(mapped_port, 40000);
	assert_int_equal(uplease_find(&u, IPPROTO_TCP, 40000)->held,
			 UPSTREAM_HELD);
}

static const struct upstream_lease *ask(uint16_t port, uint16_t wish)
{
	const struct upstream_lease *l =
		uplease_want(&u, IPPROTO_TCP, port, wish, true, now);

	tick();
	return l;
}

/* A mapping: made, renewed before half of its lease, deleted */
static void one_life(void **state, unsigned way)
{
	const struct upstream_lease *l;

	setup(state);
	pcp = way == UPSTREAM_PCP;
	natpmp = way != UPSTREAM_UPNP;
	upnp = upnp2 = way == UPSTREAM_UPNP;
	begin();
	assert_int_equal(u.way, way);
	l = ask(40000, 40000);
	assert_int_equal(answers, 1);
	assert_true(answer.wait_ms && answer.held == UPSTREAM_HELD);
	assert_int_equal(answer.ext_port, 40000);
	assert_true(mapped_port == 40000 && mapped_ext == 40000);
	assert_int_equal(maps, 1);
	/* nobody asks the upstream for a mapping that it holds */
	assert_ptr_equal(ask(40000, 40000), l);
	assert_true(!l->wait_ms && maps == 1 && answers == 1);
	/* not all at once: op_rnd() adds 39 s */
	pass(3600 * 1000 * 3 / 8 + 38000);
	assert_int_equal(maps, 1);
	pass(3600 * 1000 / 8 - 39000);
	assert_int_equal(maps, 2);
	assert_int_equal(uplease_find(&u, IPPROTO_TCP, 40000)->held,
			 UPSTREAM_HELD);
	uplease_drop(&u, IPPROTO_TCP, 40000, now);
	tick();
	assert_int_equal(deletions, 1);
	assert_null(uplease_find(&u, IPPROTO_TCP, 40000));
	pass(3600 * 1000);
	assert_true(maps == 2 && deletions == 1);
}

static void test_one_life(void **state)
{
	one_life(state, UPSTREAM_PCP);
	one_life(state, UPSTREAM_NAT_PMP);
	one_life(state, UPSTREAM_UPNP);
}

static void test_other_port(void **state)
{
	pcp = natpmp = true;
	other_port = 50505;
	begin();
	ask(40000, 40000);
	assert_true(answer.held == UPSTREAM_HELD && answer.port == 40000);
	assert_int_equal(answer.ext_port, 50505);
	/* the renewal suggests the port that it has */
	pass(1800 * 1000);
	assert_int_equal(mapped_ext, 50505);
}

/* WANIPConnection:1 has no AddAnyPortMapping: after a conflict another port is
 * tried. */
static void test_conflict_of_upnp1(void **state)
{
	upnp = true;
	soap_error = 718;
	soap_errors = 1;
	begin();
	ask(41000, 41000);
	assert_int_equal(answer.held, UPSTREAM_HELD);
	assert_int_equal(answer.ext_port, 40000);
	soap_errors = 100;
	ask(41001, 41001);
	assert_int_equal(answer.held, UPSTREAM_REFUSED);
	assert_int_equal(answer.error, 718);
}

static void test_only_permanent_leases(void **state)
{
	upnp = true;
	soap_error = 725;
	soap_errors = 1;
	begin();
	ask(41000, 41000);
	assert_int_equal(answer.held, UPSTREAM_HELD);
	assert_true(answer.end_ms == UINT64_MAX);
	/* it is renewed all the same */
	maps = 0;
	pass(1800 * 1000);
	assert_int_equal(maps, 1);
}

/* The service says 2, but lacks its action. */
static void test_no_add_any(void **state)
{
	upnp = upnp2 = true;
	soap_error = 401;
	soap_errors = 1;
	begin();
	ask(41000, 41000);
	assert_int_equal(answer.held, UPSTREAM_HELD);
}

static void test_refusal(void **state)
{
	pcp = natpmp = true;
	begin();
	result = 2;
	ask(40000, 40000);
	assert_true(answer.wait_ms && answer.held == UPSTREAM_REFUSED);
	assert_int_equal(answer.error, 2);
	/* it is asked again, each time later */
	maps = 0;
	pass(29000);
	assert_int_equal(maps, 0);
	pass(2000);
	assert_int_equal(maps, 1);
	pass(58000);
	assert_int_equal(maps, 1);
	/* and at once, if a client asks */
	result = 0;
	answers = 0;
	ask(40000, 40000);
	assert_true(answers && answer.held == UPSTREAM_HELD);
	assert_int_equal(answer.error, 0);
}

/* It lives, but does not answer for one port: that port is held until its lease
 * ends, and asked for again, each time later. */
static void test_no_answer_for_one_port(void **state)
{
	const struct upstream_lease *l;

	pcp = natpmp = true;
	begin();
	l = ask(40000, 40000);
	drops_maps = true;
	maps = 0;
	pass(1700 * 1000);
	assert_int_equal(maps, 4 * UPSTREAM_TRIES);	/* 0, 30, 90, 210 s */
	assert_int_equal(l->held, UPSTREAM_HELD);
	assert_true(l->end_ms > now);
	pass(3600 * 1000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(l->held, UPSTREAM_UNANSWERED);
	drops_maps = false;
	ask(40000, 40000);
	assert_int_equal(l->held, UPSTREAM_HELD);
}

/* A success without a lease or a port is none. */
static void test_success_that_is_none(void **state)
{
	pcp = natpmp = true;
	begin();
	lease_s = 0;
	ask(40000, 40000);
	assert_int_equal(answers, 0);
	pass(2500);
	assert_int_equal(answers, 1);
	assert_int_equal(answer.held, UPSTREAM_UNANSWERED);
}

/* The client is answered within 2 s, though the upstream is silent. Then it is
 * searched for again. */
static void test_upstream_falls_silent(void **state)
{
	pcp = natpmp = true;
	begin();
	ask(40001, 40001);
	pcp = natpmp = false;
	maps = answers = 0;
	ask(40000, 40000);
	pass(1999);
	assert_true(answers == 0 && maps == 4);
	pass(1);
	assert_int_equal(answers, 1);
	assert_true(answer.wait_ms && answer.held == UPSTREAM_UNANSWERED);
	pass(30000);
	assert_int_equal(u.state, UPSTREAM_SILENT);
	assert_false(addr_is_set(u.ext));
	assert_int_equal(uplease_find(&u, IPPROTO_TCP, 40001)->held,
			 UPSTREAM_UNANSWERED);
}

/* The epoch shows that the upstream has restarted: all ports are asked for
 * again, within a minute. */
static void test_lost_state(void **state)
{
	pcp = natpmp = true;
	begin();
	ask(40000, 40000);
	ask(40001, 40001);
	maps = 0;
	pass(61000);
	assert_int_equal(maps, 0);
	epoch_s = 3;
	pass(61000);
	assert_int_equal(maps, 2);
	setup(state);
	upnp = true;
	begin();
	ask(40000, 40000);
	maps = 0;
	pass(61000);
	assert_int_equal(maps, 0);
	boot_id = 2;
	pass(61000);
	assert_int_equal(maps, 1);
}

static void test_new_address_of_ours(void **state)
{
	pcp = natpmp = true;
	begin();
	ask(40000, 40000);
	maps = 0;
	upstream_set(&u, addr_ip4(0xc0a8580b), GW, 50000, now);
	pass(3000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(maps, 1);
	/* nothing has changed */
	upstream_set(&u, addr_ip4(0xc0a8580b), GW, 50000, now);
	pass(3000);
	assert_int_equal(maps, 1);
}

/* Its address may change, but not at each answer. */
static void test_address_that_flaps(void **state)
{
	natpmp = true;
	begin();
	assert_int_equal(u.way, UPSTREAM_NAT_PMP);
	changes = 0;
	for (unsigned i = 0; i < 100; i++) {
		uint8_t d[12] = { 0, 128 };

		put32(d + 4, epoch_s);
		put32(d + 8, EXT + 1 + i);
		now += 10;
		upstream_pmp(&u, (struct str){ (const char *)d, 12 }, now);
	}
	assert_true(changes <= 1);
	ext_ip = EXT + 5;
	pass(61000);
	assert_true(addr_equal(u.ext, addr_ip4(EXT + 5)));
}

static void test_table_is_full(void **state)
{
	pcp = natpmp = true;
	begin();
	for (uint16_t i = 0; i < LEASES; i++)
		assert_non_null(ask(40000 + i, 0));
	assert_null(ask(40000 + LEASES, 0));
	uplease_drop(&u, IPPROTO_TCP, 40000, now);
	tick();
	assert_non_null(ask(40000 + LEASES, 0));
}

/* The client deletes while the upstream has not answered: it may have the
 * mapping. */
static void test_deletion_before_the_answer(void **state)
{
	pcp = natpmp = true;
	begin();
	uplease_want(&u, IPPROTO_TCP, 40000, 0, true, now);
	due = upstream_tick(&u, now);	/* sent; the answer is on the way */
	uplease_drop(&u, IPPROTO_TCP, 40000, now);
	deliver();
	pass(3000);
	assert_int_equal(deletions, 1);
	assert_int_equal(answers, 0);
	assert_null(uplease_find(&u, IPPROTO_TCP, 40000));
	/* wanted again before the deletion was sent */
	ask(40001, 0);
	uplease_drop(&u, IPPROTO_TCP, 40001, now);
	ask(40001, 0);
	assert_int_equal(uplease_find(&u, IPPROTO_TCP, 40001)->held,
			 UPSTREAM_HELD);
}

/* An upstream that is searched for, or silent, may still forward the port: a
 * lease of UPnP may have no end. */
static void deletion_without_answer(void **state, unsigned way, bool late)
{
	setup(state);
	pcp = natpmp = way == UPSTREAM_PCP;
	upnp = way == UPSTREAM_UPNP;
	soap_error = 725;
	soap_errors = upnp;
	begin();
	ask(40000, 40000);
	assert_int_equal(answer.held, UPSTREAM_HELD);
	pcp = natpmp = upnp = false;
	if (late)
		pass(70000);
	assert_true(late == (u.state == UPSTREAM_SILENT));
	uplease_drop(&u, IPPROTO_TCP, 40000, now);
	pass(70000);
	assert_int_equal(u.state, UPSTREAM_SILENT);
	assert_null(uplease_find(&u, IPPROTO_TCP, 40000));
	pcp = natpmp = way == UPSTREAM_PCP;
	upnp = way == UPSTREAM_UPNP;
	maps = deletions = 0;
	pass(700 * 1000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_true(maps == 0 && deletions == 1);
	/* the place is free */
	for (uint16_t i = 0; i < LEASES; i++)
		assert_non_null(ask(41000 + i, 0));
}

static void test_deletion_without_answer(void **state)
{
	deletion_without_answer(state, UPSTREAM_PCP, true);
	deletion_without_answer(state, UPSTREAM_UPNP, true);
	deletion_without_answer(state, UPSTREAM_PCP, false);
	deletion_without_answer(state, UPSTREAM_UPNP, false);
}

/* A port that it was never asked for, and one that another gateway had, are not
 * deleted; a deletion yields to a new mapping. */
static void test_deletion_of_nothing(void **state)
{
	pcp = natpmp = true;
	begin();
	ask(40000, 40000);
	ask(40001, 40001);
	pcp = natpmp = false;
	pass(70000);
	uplease_drop(&u, IPPROTO_TCP, 40000, now);
	for (uint16_t i = 0; i < LEASES; i++)
		ask(41000 + i, 0);
	assert_non_null(uplease_find(&u, IPPROTO_TCP, 41002));
	assert_null(uplease_find(&u, IPPROTO_TCP, 41003));
	for (uint16_t i = 0; i < LEASES; i++)
		uplease_drop(&u, IPPROTO_TCP, 41000 + i, now);
	uplease_drop(&u, IPPROTO_TCP, 40001, now);
	deletions = 0;
	pcp = natpmp = true;
	upstream_set(&u, addr_ip4(0xc0a8580b), GW, 50000, now);
	pass(3000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(deletions, 0);
}

/* A client that waits does not wait for the renewals of all other ports. */
static void test_who_waits_comes_first(void **state)
{
	u.lease_max = MANY;
	pcp = natpmp = true;
	begin();
	for (uint16_t i = 0; i < MANY - 1; i++) {
		ask(40000 + i, 0);
		pass(100);
	}
	/* two answers show its restart: all of them are due again */
	uplease_want(&u, IPPROTO_TCP, 50001, 0, true, now);
	now += 1000;
	upstream_pmp(&u, (struct str){ "\0\200\0\0\0\0\0\1"
				       "\13\26\41\1", 12 }, now);
	upstream_pmp(&u, (struct str){ "\2\200\0\0\0\0\0\0\0\0\0\1"
				       "\0\0\0\0\0\0\0\0\0\0\0\0", 24 }, now);
	maps = 0;
	u.batch_ms = now;
	upstream_tick(&u, now);
	assert_int_equal(maps, 8);
	queue_n = 0;
	assert_int_equal(uplease_find(&u, IPPROTO_TCP, 50001)->tries, 1);
}

/* The gateway's address is lost, and the mapping is deleted meanwhile. */
static void test_nothing_is_kept_without_a_gateway(void **state)
{
	pcp = natpmp = true;
	begin();
	ask(40000, 40000);
	maps = 0;
	upstream_set(&u, OURS, (struct addr){ .family = ADDR_NONE }, 50000,
		     now);
	assert_null(uplease_find(&u, IPPROTO_TCP, 40000));
	upstream_set(&u, OURS, GW, 50000, now);
	pass(3000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(maps, 0);
}

/* It has restarted, and its description cannot be had yet: there is no URL to
 * which a request for a port could go. */
static void test_no_request_without_a_description(void **state)
{
	upnp = true;
	begin();
	ask(40000, 40000);
	boot_id = 2;
	do {
		now = due;
		due = upstream_tick(&u, now);
	} while (!queue_n);
	upstream_ssdp(&u, (struct str){ (const char *)queue[0].buf,
					queue[0].n }, now);
	queue_n = 0;
	https = 0;
	replies = false;
	upstream_http(&u, 503, STR(""), now);
	upstream_tick(&u, now);
	assert_int_equal(https, 0);
	/* later it can */
	maps = 0;
	pass(10000);
	assert_int_equal(u.state, UPSTREAM_ANSWERS);
	assert_int_equal(maps, 1);
}

/* An answer to what was asked before the search is none to the search. */
static void test_late_answer_by_http(void **state)
{
	upnp = true;
	begin();
	now = due;
	due = upstream_tick(&u, now);
	assert_int_equal(queue_n, 1);
	upstream_ssdp(&u, (struct str){ (const char *)queue[0].buf,
					queue[0].n }, now);
	assert_true(replies);
	replies = false;
	upnp = false;
	queue_n = 0;
	while (u.state == UPSTREAM_ANSWERS) {
		now = due;
		due = upstream_tick(&u, now);
	}
	upstream_http(&u, 200, str_z(reply + 3), now);
	pass(3000);
	assert_int_equal(u.state, UPSTREAM_SILENT);
}

static bool asks_again;

static void op_answered_asks(void *arg, const struct upstream_lease *l)
{
	const struct upstream_lease *next;

	answers++;
	if (!asks_again)
		return;
	asks_again = false;
	next = uplease_want(&u, IPPROTO_TCP, 40009, 0, true, now);
	/* its answer would never come */
	assert_true(!next || !next->wait_ms);
}

/* The next client must not wait for an upstream that is lost. */
static void test_client_that_asks_when_it_is_lost(void **state)
{
	struct upstream_ops asking = ops;

	asking.answered = op_answered_asks;
	pcp = natpmp = true;
	begin();
	u.ops = &asking;
	pcp = natpmp = false;
	ask(40000, 0);
	asks_again = true;
	answers = 0;
	upstream_set(&u, OURS, (struct addr){ .family = ADDR_NONE }, 50000,
		     now);
	assert_int_equal(answers, 1);
	assert_false(asks_again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_off, setup),
		cmocka_unit_test_setup(test_search_prefers_pcp, setup),
		cmocka_unit_test_setup(test_search_finds_each, setup),
		cmocka_unit_test_setup(test_pcp_alone_maps_own_port, setup),
		cmocka_unit_test_setup(test_time_of_the_search, setup),
		cmocka_unit_test_setup(test_only_the_allowed_protocol, setup),
		cmocka_unit_test_setup(test_silent_upstream, setup),
		cmocka_unit_test_setup(test_one_life, setup),
		cmocka_unit_test_setup(test_other_port, setup),
		cmocka_unit_test_setup(test_conflict_of_upnp1, setup),
		cmocka_unit_test_setup(test_only_permanent_leases, setup),
		cmocka_unit_test_setup(test_no_add_any, setup),
		cmocka_unit_test_setup(test_refusal, setup),
		cmocka_unit_test_setup(test_no_answer_for_one_port, setup),
		cmocka_unit_test_setup(test_success_that_is_none, setup),
		cmocka_unit_test_setup(test_upstream_falls_silent, setup),
		cmocka_unit_test_setup(test_lost_state, setup),
		cmocka_unit_test_setup(test_new_address_of_ours, setup),
		cmocka_unit_test_setup(test_address_that_flaps, setup),
		cmocka_unit_test_setup(test_table_is_full, setup),
		cmocka_unit_test_setup(test_deletion_before_the_answer, setup),
		cmocka_unit_test_setup(test_deletion_without_answer, setup),
		cmocka_unit_test_setup(test_deletion_of_nothing, setup),
		cmocka_unit_test_setup(test_who_waits_comes_first, setup),
		cmocka_unit_test_setup(test_nothing_is_kept_without_a_gateway,
				       setup),
		cmocka_unit_test_setup(test_no_request_without_a_description,
				       setup),
		cmocka_unit_test_setup(test_late_answer_by_http,
				       setup),
		cmocka_unit_test_setup(test_client_that_asks_when_it_is_lost,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
