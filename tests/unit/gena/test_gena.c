/* SPDX-License-Identifier: ISC */
/*
 * test_gena.c - a subscriber gets the initial event and then what changed, at a
 * limited rate, and a faulty subscriber delays no other. Subscribers are
 * socketpairs; the clock and the gateway's address are the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "gena/gena.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define UUID "uuid:00112233-4455-6677-8899-aabbccddeeff"
#define ROUTER 0xc0a85801u	/* 192.168.88.1 */
#define IFINDEX 7
#define PEER 0xc0a8580au	/* 192.168.88.10 */
#define OTHER 0xc0a8580bu	/* 192.168.88.11 */
#define CB "CALLBACK: <http://192.168.88.10:4004/cb>\r\n"
#define CB_OTHER "CALLBACK: <http://192.168.88.11:4004/cb>\r\n"
#define NT "NT: upnp:event\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define GONE "HTTP/1.1 412 Precondition Failed\r\n\r\n"

static uint64_t clock_now;
static struct loop *loop;
static struct portmap *pm;
static struct map map;
static struct igd igd;
static struct gena *gena;
static const struct igd_service *wanip;

/* The connections that gena made: the test's ends, and their destinations. */
static struct {
	int fd;
	struct addr local, peer;
	uint16_t port;
	int ifindex;
} made[1024];
static size_t made_n;
static uint16_t closed_port;	/* connections to it are refused */
static uint16_t mute_port;	/* connections to it are never established */

static uint64_t fake_clock(void)
{
	return clock_now;
}

/* Fill a socket: then it is not writable, like one that is not connected
 * yet. */
static void fill(int fd)
{
	char junk[4096] = { 0 };

	while (write(fd, junk, sizeof(junk)) > 0)
		;
}

static int fake_connect(struct addr local, struct addr peer, uint16_t port,
			int ifindex)
{
	int pair[2];

	assert_true(made_n < ARRAY_N(made));
	made[made_n].fd = -1;
	made[made_n].local = local;
	made[made_n].peer = peer;
	made[made_n].port = port;
	made[made_n].ifindex = ifindex;
	made_n++;
	if (port == closed_port)
		return -ECONNREFUSED;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair), 0);
	made[made_n - 1].fd = pair[1];
	if (port == mute_port)
		fill(pair[0]);
	return pair[0];
}

static unsigned refused[REFUSALS];

static void op_wake(void *arg)
{
}

static void op_refused(void *arg, const struct refused *r)
{
	refused[r->why]++;
}

/* What the neighbour table says of an address, beside the one that asked. */
static struct {
	struct addr host;
	enum map_same same;
	unsigned asked;
} neighbour;

static enum map_same op_same_host(void *arg, int ifindex, struct addr requester,
				  struct addr client)
{
	assert_int_equal(ifindex, IFINDEX);
	neighbour.asked++;
	return addr_equal(client, neighbour.host) ? neighbour.same : MAP_OTHER;
}

static const struct map_ops ops = {
	.wake = op_wake, .refused = op_refused, .same_host = op_same_host,
};

static int setup(void **state)
{
	const struct gena_config config = { &igd, fake_connect };
	unsigned n;

	clock_now = 1000000;
	made_n = 0;
	closed_port = mute_port = 0;
	loop = loop_new(GENA_SUBS_MAX, fake_clock);
	pm = portmap_new(16, 16);
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &ops,
		.ext = addr_ip4(0x0b162101),
		.policy = {
			.net = {
				{ IFINDEX, "lan0", { addr_ip4(ROUTER), 24 } },
				{ IFINDEX, "lan0",
				  { addr_of_text("2001:db8:88::1"), 64 } },
				{ IFINDEX + 1, "lan1",
				  { addr_of_text("2001:db8:99::1"), 64 } },
				{ IFINDEX, "lan0",
				  { addr_of_text("2001:db8:aa::"), 64 },
				  .routed = 1 },
			},
			.net_n = 4,
		},
	};
	memset(&neighbour, 0, sizeof(neighbour));
	map_init(&map, pm);
	igd = (struct igd){
		.wan_uuid = { NULL, UUID, UUID },
		.wan = { .link_up = true, .admin_up = true },
	};
	igd_init(&igd, &map);
	gena = gena_new(loop, &config);
	assert_int_equal(model_resolve(STR("/igd1/wanip/event"), &n, &wanip),
			 IGD_EVENT);
	return gena ? 0 : -1;
}

static int teardown(void **state)
{
	gena_free(gena);
	portmap_free(pm);
	loop_free(loop);
	for (size_t i = 0; i < made_n; i++) {
		if (made[i].fd >= 0)
			close(made[i].fd);
	}
	return 0;
}

/* ---- a control point ----------------------------------------------- */

static void run(void)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_step(loop, 0), 0);
}

static void pass(uint64_t ms)
{
	clock_now += ms;
	run();
}

static void change_ip(uint32_t ip)
{
	map.ext = ip ? addr_ip4(ip) : (struct addr){ 0 };
	gena_mark_dirty(gena);
	run();
}

/* @who: who asks, at which of the router's addresses, for which topic */
static int ask_as(struct gena_request req, const char *method,
		  const char *fields, char *sid)
{
	struct gena_reply answer;
	struct httpmsg head;
	char text[2048];

	snprintf(text, sizeof(text), "%s /x HTTP/1.1\r\n%s\r\n", method,
		 fields);
	assert_true(httpmsg_parse(text, strlen(text), &head) > 0);
	req.head = &head;
	req.subscribe = *method == 'S';
	req.ifindex = IFINDEX;
	gena_handle(gena, &req, &answer);
	if (answer.status == 200 && req.subscribe && sid)
		assert_true(str_copy(sid, 42, str_skip((struct str){
			answer.extra.p, 46 }, 5)));
	if (answer.status != 200)
		assert_int_equal(answer.extra.n, 0);
	return answer.status;
}

static int ask_at(const char *method, const struct igd_service *svc,
		  unsigned n, uint32_t peer_ip, const char *fields, char *sid)
{
	const struct gena_request who = {
		.svc = svc, .n = n, .peer = addr_ip4(peer_ip),
		.local = addr_ip4(ROUTER), .share = addr_ip4(peer_ip),
	};

	return ask_as(who, method, fields, sid);
}

static int ask(const char *method, const char *fields, char *sid)
{
	return ask_at(method, wanip, 1, PEER, fields, sid);
}

static const char *with_sid(const char *sid, const char *more)
{
	static char text[256];

	snprintf(text, sizeof(text), "SID: %s\r\n%s", sid, more);
	return text;
}

static void subscribe(char *sid)
{
	assert_int_equal(ask("SUBSCRIBE", CB NT, sid), 200);
}

/* Return: the bytes received on connection @i, or "" */
static const char *received(size_t i)
{
	static char text[4096];
	ssize_t n;

	assert_true(i < made_n);
	n = read(made[i].fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool has(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

static void answer(size_t i, const char *text)
{
	assert_int_equal(write(made[i].fd, text, strlen(text)), strlen(text));
	run();
}

static bool was_closed(size_t i)
{
	char c[2048];
	ssize_t n;

	while ((n = read(made[i].fd, c, sizeof(c))) > 0)
		;
	return n == 0 || errno == ECONNRESET;
}

/* Subscribe, and deliver the initial event over connection 0. */
static void settle(char *sid)
{
	subscribe(sid);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 1);
	assert_true(has(received(0), "\r\nSEQ: 0\r\n"));
	answer(0, OK);
	assert_true(was_closed(0));
}

/* ---- requests -------------------------------------------------- */

static const struct {
	const char *method, *fields;
	int status;
} asks[] = {
	{ "SUBSCRIBE", CB NT, 200 },
	{ "SUBSCRIBE", CB NT "TIMEOUT: Second-infinite\r\n", 200 },
	{ "SUBSCRIBE", CB, 412 },
	{ "SUBSCRIBE", NT, 412 },
	{ "SUBSCRIBE", "", 412 },
	{ "SUBSCRIBE", CB "NT: upnp:propchange\r\n", 412 },
	{ "SUBSCRIBE", CB "NT:\r\n", 412 },
	{ "SUBSCRIBE", "CALLBACK:\r\n" NT, 412 },
	{ "SUBSCRIBE", "CALLBACK: http://192.168.88.10:1/\r\n" NT, 412 },
	{ "SUBSCRIBE", CB_OTHER NT, 412 },
	{ "SUBSCRIBE", "SID: uuid:x\r\n" NT, 400 },
	{ "SUBSCRIBE", "SID: uuid:x\r\n" CB, 400 },
	{ "SUBSCRIBE", "SID: uuid:x\r\n" CB NT, 400 },
	{ "SUBSCRIBE", "SID: uuid:x\r\n", 412 },
	{ "SUBSCRIBE", "SID:\r\n", 412 },
	{ "UNSUBSCRIBE", "", 412 },
	{ "UNSUBSCRIBE", "SID: uuid:x\r\n", 412 },
	{ "UNSUBSCRIBE", "SID: uuid:x\r\n" NT, 400 },
	{ "UNSUBSCRIBE", "SID: uuid:x\r\n" CB, 400 },
	{ "UNSUBSCRIBE", CB NT, 412 },
};

static void each_request_has_its_status(void **state)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_N(asks); i++) {
		int status = ask(asks[i].method, asks[i].fields, NULL);

		if (status != asks[i].status)
			fail_msg("%s %s: %d", asks[i].method, asks[i].fields,
				 status);
		count += status == 200;
		assert_int_equal(gena_count(gena), count);
	}
}

static void the_reply_has_sid_and_timeout(void **state)
{
	struct gena_request q = {
		.subscribe = true, .svc = wanip, .n = 1,
		.peer = addr_ip4(PEER), .local = addr_ip4(ROUTER),
	};
	static const char text[] = "SUBSCRIBE / HTTP/1.1\r\n" CB NT
				   "TIMEOUT: Second-3600\r\n\r\n";
	struct gena_reply a;
	struct httpmsg head;

	assert_true(httpmsg_parse(text, sizeof(text) - 1, &head) > 0);
	q.head = &head;
	gena_handle(gena, &q, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.extra.n, 46 + 2 + 22);
	assert_memory_equal(a.extra.p, "SID: uuid:", 10);
	assert_memory_equal(a.extra.p + 46, "\r\nTIMEOUT: Second-3600\r\n",
			    24);
}

static void sids_differ_and_are_compared_exactly(void **state)
{
	char a[42], b[42];

	subscribe(a);
	subscribe(b);
	assert_string_not_equal(a, b);
	a[0] = 'U';
	assert_int_equal(ask("SUBSCRIBE", with_sid(a, ""), NULL), 412);
	a[0] = 'u';
	assert_int_equal(ask("SUBSCRIBE", with_sid(a, ""), NULL), 200);
	a[40] = '\0';
	assert_int_equal(ask("SUBSCRIBE", with_sid(a, ""), NULL), 412);
}

static void a_sid_is_known_at_its_own_url_only(void **state)
{
	const struct igd_service *l3f;
	char sid[42];
	unsigned n;

	model_resolve(STR("/igd1/l3f/event"), &n, &l3f);
	subscribe(sid);
	assert_int_equal(ask_at("UNSUBSCRIBE", l3f, 1, PEER,
				with_sid(sid, ""), NULL), 412);
	assert_int_equal(ask_at("UNSUBSCRIBE", wanip, 2, PEER,
				with_sid(sid, ""), NULL), 412);
	assert_int_equal(ask("UNSUBSCRIBE", with_sid(sid, ""), NULL), 200);
	assert_int_equal(ask("UNSUBSCRIBE", with_sid(sid, ""), NULL), 412);
}

static void a_service_without_events_is_refused(void **state)
{
	static const struct igd_service mute = { .name = "Mute" };

	assert_int_equal(ask_at("SUBSCRIBE", &mute, 1, PEER, CB NT, NULL),
			 503);
}

/* ---- places --------------------------------------------------- */

static size_t answered_n;	/* connections in made[] that were answered */

/* Subscribe @host, 192.168.88.@host, at its port @port. @sid: may be NULL */
static int join(unsigned host, unsigned port, unsigned path, char *sid)
{
	char fields[128];

	snprintf(fields, sizeof(fields), "CALLBACK: <http://192.168.88.%u:%u/%u>"
		 "\r\n" NT, host, port, path);
	return ask_at("SUBSCRIBE", wanip, 1, 0xc0a85800u + host, fields, sid);
}

/* Accept every message that is on its way. Return: their number */
static size_t accept_all(void)
{
	size_t before = answered_n;

	for (; answered_n < made_n; answered_n++) {
		if (made[answered_n].fd < 0)
			continue;
		received(answered_n);
		answer(answered_n, OK);
	}
	return answered_n - before;
}

/* Fill the places of hosts 20, 21 ... with subscriptions that receive events,
 * @each for a host. */
static void fill_places(unsigned each)
{
	answered_n = 0;
	for (unsigned i = 0; i < GENA_SUBS_MAX; i++)
		assert_int_equal(join(20 + i / each, 80, i, NULL), 200);
	pass(GENA_INITIAL_MS);
	accept_all();
	memset(refused, 0, sizeof(refused));
}

/* Is the subscription there? */
static bool lives(unsigned host, const char *sid)
{
	return ask_at("SUBSCRIBE", wanip, 1, 0xc0a85800u + host,
		      with_sid(sid, ""), NULL) == 200;
}

static void a_client_has_a_limit(void **state)
{
	char sid[42];

	for (unsigned i = 0; i < GENA_SUBS_PER_CLIENT; i++)
		assert_int_equal(join(10, 80, i, sid), 200);
	memset(refused, 0, sizeof(refused));
	assert_int_equal(join(10, 80, 99, NULL), 503);
	assert_int_equal(refused[REFUSAL_SUBSCRIBERS], 1);
	assert_int_equal(join(11, 80, 99, NULL), 200);
	assert_int_equal(ask("UNSUBSCRIBE", with_sid(sid, ""), NULL), 200);
	assert_int_equal(join(10, 80, 99, NULL), 200);
}

static void all_clients_together_have_a_limit(void **state)
{
	/* each has a delivery of its own: there is room for all */
	fill_places(GENA_SUBS_SHARE);
	assert_int_equal(made_n, GENA_SUBS_MAX);
	assert_int_equal(join(10, 80, 1, NULL), 503);
	assert_int_equal(refused[REFUSAL_SUBSCRIBERS], 1);
	pass(1800 * 1000);
	assert_int_equal(join(10, 80, 1, NULL), 200);
	assert_int_equal(gena_count(gena), 1);
}

/* One host has as many as the places, with several addresses. */
static void a_client_with_few_takes_a_place(void **state)
{
	char mine[42], sid[42];

	answered_n = 0;
	assert_int_equal(join(10, 80, 0, mine), 200);
	assert_int_equal(join(20, 80, 99, sid), 200);
	for (unsigned i = 2; i < GENA_SUBS_MAX; i++)
		assert_int_equal(join(20 + i / 16, 80, i, NULL), 200);
	pass(GENA_INITIAL_MS);
	accept_all();
	memset(refused, 0, sizeof(refused));
	for (unsigned i = 1; i < GENA_SUBS_SHARE; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	assert_int_equal(refused[REFUSAL_SUBSCRIBERS], GENA_SUBS_SHARE - 1);
	assert_int_equal(join(10, 80, 99, NULL), 503);
	/* nor does the one that has more than its share */
	assert_int_equal(join(20, 80, 98, NULL), 503);
	assert_int_equal(gena_count(gena), GENA_SUBS_MAX);
	assert_true(lives(10, mine));
	assert_false(lives(20, sid));	/* its oldest */
}

/* A message that did not arrive decides, then the age; not the age first. */
static void the_failed_one_gives_up_its_place(void **state)
{
	char old[42], once[42], twice[42];

	answered_n = 0;
	assert_int_equal(join(10, 80, 0, old), 200);
	closed_port = 81;
	assert_int_equal(join(10, 81, 1, twice), 200);
	pass(GENA_INITIAL_MS);
	change_ip(1);
	pass(GENA_MODERATE_MS);
	for (unsigned i = 2; i < GENA_SUBS_PER_CLIENT - 1; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	assert_int_equal(join(10, 81, 99, once), 200);
	pass(GENA_INITIAL_MS);
	accept_all();
	memset(refused, 0, sizeof(refused));
	assert_true(lives(10, twice));		/* renewed: it is not older */
	assert_int_equal(join(10, 80, 1001, NULL), 200);
	assert_false(lives(10, twice));
	assert_int_equal(join(10, 80, 1002, NULL), 200);
	assert_false(lives(10, once));
	assert_int_equal(refused[REFUSAL_SUBSCRIBERS], 0);
	assert_int_equal(join(10, 80, 1003, NULL), 503);
	assert_true(lives(10, old));
}

/* Also that of another client, if all places are taken, and not before. */
static void a_failed_one_makes_room_for_another_client(void **state)
{
	char dead[42];

	closed_port = 81;
	answered_n = 0;
	assert_int_equal(join(30, 81, 1, dead), 200);
	for (unsigned i = 0; i < GENA_SUBS_PER_CLIENT; i++)
		assert_int_equal(join(31, 80, i, NULL), 200);
	pass(GENA_INITIAL_MS);
	accept_all();
	assert_int_equal(join(31, 80, 99, NULL), 503);
	for (unsigned i = GENA_SUBS_PER_CLIENT + 1; i < GENA_SUBS_MAX; i++)
		assert_int_equal(join(40 + i / 6, 80, i, NULL), 200);
	assert_true(lives(30, dead));
	assert_int_equal(join(10, 80, 1, NULL), 200);
	assert_false(lives(30, dead));
}

/* The failures end with a message that arrives. */
static void a_recovered_one_keeps_its_place(void **state)
{
	char sid[42];

	answered_n = 0;
	closed_port = 81;
	assert_int_equal(join(10, 81, 0, sid), 200);
	for (unsigned i = 1; i < GENA_SUBS_PER_CLIENT; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	pass(GENA_INITIAL_MS);
	accept_all();
	closed_port = 0;
	change_ip(1);
	pass(GENA_MODERATE_MS);
	accept_all();
	assert_int_equal(join(10, 80, 99, NULL), 503);
	assert_true(lives(10, sid));
}

/* A program that was restarted with the same port: the oldest is dead. */
static void the_same_callback_gives_up_its_place(void **state)
{
	char first[42], second[42];

	for (unsigned i = 2; i < GENA_SUBS_PER_CLIENT; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	assert_int_equal(join(10, 80, 1, first), 200);
	assert_int_equal(join(10, 80, 1, second), 200);
	memset(refused, 0, sizeof(refused));
	assert_true(lives(10, first));		/* renewed */
	assert_int_equal(join(10, 80, 1, NULL), 200);
	assert_false(lives(10, second));
	assert_true(lives(10, first));
	assert_int_equal(refused[REFUSAL_SUBSCRIBERS], 0);
}

/* Before a client's places run out, its older subscriptions get a message with
 * all variables, as often as any message; those of others get none. */
static void a_client_near_its_limit_is_probed(void **state)
{
	unsigned half = GENA_SUBS_PER_CLIENT / 2;
	size_t before;

	answered_n = 0;
	assert_int_equal(join(11, 80, 0, NULL), 200);
	for (unsigned i = 0; i < half; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(accept_all(), half + 1);
	pass(1000);
	assert_int_equal(accept_all(), 0);
	before = made_n;
	for (unsigned i = half; i < GENA_SUBS_PER_CLIENT; i++)
		assert_int_equal(join(10, 80, i, NULL), 200);
	run();
	assert_int_equal(made_n, before + half);
	for (size_t i = before; i < made_n; i++)
		assert_ip(made[i].peer, 0xc0a8580a);
	assert_true(has(received(before), "\r\nSEQ: 1\r\n"));
	answer(before, OK);
	assert_true(has(received(before + 1), "<PossibleConnectionTypes>"));
}

/* Before all places run out, all get a message, once in a while. */
static void all_are_probed_when_places_run_out(void **state)
{
	unsigned enough = GENA_SUBS_MAX * 3 / 4;

	answered_n = 0;
	for (unsigned i = 0; i < enough; i++)
		assert_int_equal(join(20 + i / 4, 80, i, NULL), 200);
	pass(1000);
	assert_int_equal(accept_all(), enough);
	assert_int_equal(join(10, 80, 0, NULL), 200);
	pass(1000);
	assert_int_equal(accept_all(), enough + 1);
	assert_int_equal(join(10, 80, 1, NULL), 200);
	pass(1000);
	assert_int_equal(accept_all(), 1);
	pass(GENA_PROBE_MS);
	assert_int_equal(join(10, 80, 2, NULL), 200);
	pass(1000);
	assert_int_equal(accept_all(), enough + 3);
}

/* ---- time ----------------------------------------------------- */

static void a_subscription_ends_unless_it_is_renewed(void **state)
{
	char sid[42];

	settle(sid);
	pass(1799999 - GENA_INITIAL_MS);
	assert_int_equal(ask("SUBSCRIBE", with_sid(sid,
			     "TIMEOUT: Second-1900\r\n"), NULL), 200);
	pass(1899999);
	assert_int_equal(gena_count(gena), 1);
	pass(1);
	assert_int_equal(gena_count(gena), 0);
	assert_int_equal(ask("SUBSCRIBE", with_sid(sid, ""), NULL), 412);
	assert_int_equal(made_n, 1);
}

static char late_sid[42];
static int late_status;

static void on_late(struct loop_fd *w, short revents)
{
	late_status = ask("SUBSCRIBE", with_sid(late_sid, ""), NULL);
	loop_fd_del(loop, w);
}

/* A request may be read in the loop round whose timers would expire the
 * subscription. */
static void an_expired_subscription_is_not_renewed(void **state)
{
	struct loop_fd w;
	int pair[2];

	settle(late_sid);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_fd_init(&w, pair[0], on_late);
	assert_int_equal(loop_fd_add(loop, &w, POLLIN), 0);
	pass(1800000 - GENA_INITIAL_MS);
	assert_int_equal(late_status, 412);
	close(pair[0]);
	close(pair[1]);
}

/* ---- events --------------------------------------------------- */

static void the_initial_event_follows_the_reply(void **state)
{
	char sid[42], line[64];
	const char *text;

	subscribe(sid);
	run();
	assert_int_equal(made_n, 0);
	/* libgupnp lost an event directly after the reply */
	pass(GENA_INITIAL_MS - 1);
	assert_int_equal(made_n, 0);
	pass(1);
	assert_int_equal(made_n, 1);
	assert_ip(made[0].local, ROUTER);
	assert_int_equal(made[0].ifindex, IFINDEX);
	assert_ip(made[0].peer, PEER);
	assert_int_equal(made[0].port, 4004);
	text = received(0);
	snprintf(line, sizeof(line), "\r\nSID: %s\r\nSEQ: 0\r\n", sid);
	assert_true(has(text, "NOTIFY /cb HTTP/1.1\r\n"));
	assert_true(has(text, line));
	for (size_t i = 0; i < wanip->var_n; i++) {
		snprintf(line, sizeof(line), "<e:property><%s>",
			 wanip->var[i].name);
		if (wanip->var[i].since == 1)
			assert_int_equal(has(text, line),
					 wanip->var[i].evented);
	}
	assert_true(has(text, "<ExternalIPAddress>11.22.33.1<"));
	assert_true(has(text, "<PortMappingNumberOfEntries>0<"));
	assert_true(has(text, "<ConnectionStatus>Connected<"));
}

static void every_service_has_an_initial_event(void **state)
{
	size_t n = 0;

	for (unsigned root = 1; root <= 2; root++) {
		for (size_t d = 0; d < IGD_DEVICES; d++) {
			const struct igd_device *dev = &igd_device[d];

			for (size_t i = 0; i < model_service_n(dev, root);
			     i++, n++) {
				assert_int_equal(ask_at("SUBSCRIBE",
					dev->service[i], root, PEER, CB NT,
					NULL), 200);
				pass(GENA_INITIAL_MS);
				assert_true(has(received(n), "</e:property>"));
			}
		}
	}
}

static void an_event_has_only_changed_variables(void **state)
{
	char sid[42];
	const char *text;

	settle(sid);
	pass(1000);
	gena_mark_dirty(gena);
	run();
	assert_int_equal(made_n, 1);
	change_ip(0x01020304);
	assert_int_equal(made_n, 2);
	text = received(1);
	assert_true(has(text, "\r\nSEQ: 1\r\n"));
	assert_true(has(text, "\">"
		"<e:property><ExternalIPAddress>1.2.3.4</ExternalIPAddress>"
		"</e:property></e:propertyset>"));
	answer(1, OK);
	change_ip(0x01020304);
	pass(1000);
	assert_int_equal(made_n, 2);
}

/* With show-dummy-rule, the default, there was no event for the first mapping:
 * the number of entries was 1 before and after. */
static void the_end_of_the_dummy_is_notified(void **state)
{
	const struct pm_req req = {
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .ext_port = 5000, .int_port = 5000,
			  .client = addr_ip4(PEER),
			  .remote = addr_any() },
	};
	char sid[42];

	igd.show_dummy = true;
	settle(sid);
	pass(GENA_MODERATE_MS);
	gena_mark_dirty(gena);
	run();
	assert_int_equal(made_n, 1);
	assert_int_equal(portmap_restore(pm, &req, 0), PM_DONE);
	gena_mark_dirty(gena);
	run();
	assert_int_equal(made_n, 2);
	assert_true(has(received(1), "<e:property><PortMappingNumberOfEntries>"
			"1</PortMappingNumberOfEntries></e:property>"
			"</e:propertyset>"));
}

static void events_are_moderated_and_have_the_newest_values(void **state)
{
	char sid[42];

	settle(sid);
	for (uint32_t ip = 1; ip < 100; ip++) {
		change_ip(ip);
		pass(1);
	}
	assert_int_equal(made_n, 1);
	pass(GENA_MODERATE_MS - 99 - 1);
	assert_int_equal(made_n, 1);
	pass(1);
	assert_int_equal(made_n, 2);
	assert_true(has(received(1), ">0.0.0.99</ExternalIPAddress>"));
	answer(1, OK);
	pass(1000);
	assert_int_equal(made_n, 2);
}

/* A subscriber that refuses connections gets no more of them than one that
 * answers. */
static void refused_connections_are_moderated(void **state)
{
	closed_port = 1;
	assert_int_equal(ask("SUBSCRIBE", NT
		"CALLBACK: <http://192.168.88.10:1/a>\r\n", NULL), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 1);
	for (uint32_t ip = 1; ip <= 5 * GENA_MODERATE_MS; ip++) {
		change_ip(ip);
		pass(1);
	}
	assert_in_range(made_n, 4, 6);
}

static void one_delivery_at_a_time(void **state)
{
	char sid[42];
	const char *text;

	subscribe(sid);
	pass(GENA_INITIAL_MS);
	change_ip(1);
	pass(1000);
	change_ip(2);
	pass(1000);
	assert_int_equal(made_n, 1);
	answer(0, OK);
	assert_int_equal(made_n, 2);
	text = received(1);
	assert_true(has(text, "\r\nSEQ: 1\r\n"));
	assert_true(has(text, ">0.0.0.2</ExternalIPAddress>"));
	assert_false(has(text, "ConnectionStatus"));
}

/* After a connection that took long the next message must still wait. */
static void moderation_counts_from_the_sending(void **state)
{
	char sid[42];

	subscribe(sid);
	clock_now += GENA_INITIAL_MS;
	loop_step(loop, 0);	/* started, not sent */
	assert_int_equal(made_n, 1);
	clock_now += 1000;
	run();
	answer(0, OK);
	change_ip(1);
	assert_int_equal(made_n, 1);
	pass(GENA_MODERATE_MS - 1);
	assert_int_equal(made_n, 1);
	pass(1);
	assert_int_equal(made_n, 2);
}

/* ---- faulty subscribers --------------------------------- */

static void callbacks_are_tried_in_order(void **state)
{
	closed_port = 1;
	assert_int_equal(ask("SUBSCRIBE", NT
		"CALLBACK: <http://192.168.88.10:1/a>"
		"<http://192.168.88.10:2/b> <http://192.168.88.10:3/c>\r\n",
		NULL), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 2);
	assert_int_equal(made[1].port, 2);
	assert_true(has(received(1), "NOTIFY /b "));
	answer(1, "HTTP/1.1 500 Oops\r\n\r\n");
	assert_int_equal(made_n, 3);
	assert_int_equal(made[2].port, 3);
	assert_true(has(received(2), "\r\nSEQ: 0\r\n"));
	answer(2, OK);
	pass(1000);
	/* the next message starts with the first URL again */
	change_ip(1);
	assert_int_equal(made[3].port, 1);
	assert_true(has(received(4), "\r\nSEQ: 1\r\n"));
}

static void subscribe_to_two(void)
{
	assert_int_equal(ask("SUBSCRIBE", NT
		"CALLBACK: <http://192.168.88.10:1/a>"
		"<http://192.168.88.10:2/b>\r\n", NULL), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 1);
}

static void a_connection_has_five_seconds(void **state)
{
	mute_port = 1;
	subscribe_to_two();
	pass(GENA_CONNECT_MS - 1);
	assert_int_equal(made_n, 1);
	pass(1);
	assert_int_equal(made_n, 2);
	assert_true(has(received(1), "\r\nSEQ: 0\r\n"));
}

/* A URL that accepts the connection and hangs leaves time for the next. */
static void a_message_has_thirty_seconds_in_all(void **state)
{
	subscribe_to_two();
	pass(GENA_ANSWER_MS / 2 - 1);
	assert_false(was_closed(0));
	pass(1);
	assert_true(was_closed(0));
	assert_int_equal(made_n, 2);
	assert_true(has(received(1), "\r\nSEQ: 0\r\n"));
	pass(GENA_ANSWER_MS / 2 - 1);
	assert_false(was_closed(1));
	pass(1);
	assert_true(was_closed(1));
	assert_int_equal(made_n, 2);
	change_ip(1);
	assert_true(has(received(2), "\r\nSEQ: 1\r\n"));
}

static void a_failed_delivery_keeps_the_subscription(void **state)
{
	char sid[42];
	const char *text;

	settle(sid);
	pass(1000);
	closed_port = 4004;
	change_ip(1);
	assert_int_equal(made_n, 2);
	/* abandoned: it is not retried */
	pass(60000);
	assert_int_equal(made_n, 2);
	assert_int_equal(gena_count(gena), 1);
	closed_port = 0;
	igd.wan.link_up = false;
	gena_mark_dirty(gena);
	run();
	text = received(2);
	assert_true(has(text, "\r\nSEQ: 2\r\n"));
	assert_true(has(text, "<ConnectionStatus>"));
	/* the next event repeats what was lost */
	assert_true(has(text, "<ExternalIPAddress>"));
	assert_false(has(text, "PossibleConnectionTypes"));
}

static void an_invalid_answer_keeps_the_subscription(void **state)
{
	char sid[42];

	subscribe(sid);
	pass(GENA_INITIAL_MS);
	answer(0, "\x01\x02 what?\r\n\r\n");
	assert_true(was_closed(0));
	assert_int_equal(gena_count(gena), 1);
	assert_int_equal(made_n, 1);
}

static void a_412_ends_the_subscription(void **state)
{
	char sid[42];

	settle(sid);
	pass(1000);
	change_ip(1);
	answer(1, GONE);
	assert_true(was_closed(1));
	assert_int_equal(gena_count(gena), 0);
	change_ip(2);
	pass(1000);
	assert_int_equal(made_n, 2);
	assert_int_equal(ask("SUBSCRIBE", with_sid(sid, ""), NULL), 412);
}

static void a_hanging_subscriber_delays_no_other(void **state)
{
	unsigned good = 0;

	assert_int_equal(ask_at("SUBSCRIBE", wanip, 1, OTHER, CB_OTHER NT,
				NULL), 200);
	run();
	subscribe(NULL);
	pass(GENA_INITIAL_MS);
	for (uint32_t ip = 1; ip <= 20; ip++) {
		assert_ip(made[made_n - 1].peer, PEER);
		assert_true(received(made_n - 1)[0]);
		answer(made_n - 1, OK);
		good++;
		pass(GENA_MODERATE_MS);
		change_ip(ip);
	}
	assert_int_equal(made_n, 1 + good + 1);
	assert_false(was_closed(0));
	/* after 30 s the message is abandoned; the next has the changes */
	answer(made_n - 1, OK);
	good = (unsigned)made_n;
	pass(GENA_ANSWER_MS - 20 * GENA_MODERATE_MS - 1);
	assert_int_equal(made_n, good);
	pass(1);
	assert_true(was_closed(0));
	assert_int_equal(made_n, good + 1);
	assert_ip(made[good].peer, OTHER);
	assert_true(has(received(good), "\r\nSEQ: 1\r\n"));
}

static void unsubscribing_closes_the_delivery(void **state)
{
	char sid[42];

	subscribe(sid);
	pass(GENA_INITIAL_MS);
	assert_int_equal(ask("UNSUBSCRIBE", with_sid(sid, ""), NULL), 200);
	assert_true(was_closed(0));
	assert_int_equal(gena_count(gena), 0);
	change_ip(1);
	assert_int_equal(made_n, 1);
	/* its slot is used by the next subscription */
	subscribe(sid);
	pass(GENA_INITIAL_MS);
	assert_true(has(received(1), "\r\nSEQ: 0\r\n"));
}

static void unsubscribed_before_the_initial_event(void **state)
{
	char sid[42];

	subscribe(sid);
	assert_int_equal(ask("UNSUBSCRIBE", with_sid(sid, ""), NULL), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 0);
}

/* ---- several addresses of a host ------------------------------------- */

static struct gena_request who6(const char *peer, const char *local)
{
	const uint8_t mac[6] = { 2, 0, 0x5e, 0, 0x53, 1 };

	return (struct gena_request){
		.svc = wanip, .n = 1, .peer = addr_of_text(peer),
		.local = addr_of_text(local),
		.share = addr_link(mac, sizeof(mac)),
	};
}

/* Return: the status of a SUBSCRIBE over a link-local address */
static int subscribe6(const char *url)
{
	char fields[512];

	snprintf(fields, sizeof(fields), "CALLBACK: <http://%s/cb>\r\n" NT,
		 url);
	return ask_as(who6("fe80::10", "fe80::1"), "SUBSCRIBE", fields, NULL);
}

static void assert_made(size_t i, const char *peer, struct addr local)
{
	assert_true(made_n > i);
	assert_string_equal(addr_text(made[i].peer).text, peer);
	assert_true(addr_equal(made[i].local, local));
	assert_int_equal(made[i].ifindex, IFINDEX);
}

/* A link-local address is reached by the interface of the subscription; its
 * zone, which is the subscriber's, is not sent. */
static void a_link_local_subscriber_gets_its_events(void **state)
{
	assert_int_equal(subscribe6("[fe80::10%eth0]:4004"), 200);
	pass(GENA_INITIAL_MS);
	assert_made(0, "fe80::10", addr_of_text("fe80::1"));
	assert_true(has(received(0), "\r\nHOST: [fe80::10]:4004\r\n"));
	assert_int_equal(neighbour.asked, 0);
}

/* The kernel chooses where from: perhaps another family. */
static void another_address_of_the_subscriber_gets_events(void **state)
{
	static const char *const host[][2] = {
		{ "192.168.88.10:4004", "192.168.88.10" },
		{ "[2001:db8:88::10]:4004", "2001:db8:88::10" },
		{ "[fe80::11]:4004", "fe80::11" },
	};
	char line[64];

	for (size_t i = 0; i < ARRAY_N(host); i++) {
		neighbour.host = addr_of_text(host[i][1]);
		neighbour.same = MAP_SAME;
		assert_int_equal(subscribe6(host[i][0]), 200);
		pass(GENA_INITIAL_MS);
		assert_made(i, host[i][1], (struct addr){ 0 });
		snprintf(line, sizeof(line), "\r\nHOST: %s\r\n", host[i][0]);
		assert_true(has(received(i), line));
		answer(i, OK);
	}
}

/* Each of these is another host, or not on the subscriber's link: a host of the
 * link may answer for addresses of others (proxy ARP). */
static void an_address_elsewhere_gets_no_events(void **state)
{
	static const char *const host[] = {
		"11.22.33.9", "2001:db8:1::9", "2001:db8:99::10",
		"2001:db8:aa::10", "ff02::1", "::1", "127.0.0.1",
		"224.0.0.1", "::ffff:192.168.88.10",
	};
	char url[64];

	for (size_t i = 0; i < ARRAY_N(host); i++) {
		struct wr w = wr_init(url, sizeof(url));

		neighbour.host = addr_of_text(host[i]);
		neighbour.same = MAP_SAME;
		addr_host_write(&w, neighbour.host);
		assert_int_equal(subscribe6(wr_cstr(&w)), 412);
	}
	assert_int_equal(neighbour.asked, 0);
	neighbour.host = addr_of_text("fe80::12");
	assert_int_equal(subscribe6("[2001:db8:88::10]"), 412);
	assert_int_equal(neighbour.asked, 1);
	assert_int_equal(gena_count(gena), 0);
}

/* Whose an address is may be known a moment after the subscription, and may
 * change after that. */
static void each_message_checks_whose_the_address_is(void **state)
{
	neighbour.host = addr_of_text("2001:db8:88::10");
	neighbour.same = MAP_ASKED;
	assert_int_equal(subscribe6("[2001:db8:88::10]:4004"), 200);
	pass(GENA_INITIAL_MS);
	assert_int_equal(made_n, 0);
	for (int i = 1; i < GENA_ASKS_MAX; i++)
		pass(GENA_ASK_MS);
	assert_int_equal(made_n, 0);
	neighbour.same = MAP_SAME;
	pass(GENA_ASK_MS);
	assert_made(0, "2001:db8:88::10", (struct addr){ 0 });
	assert_true(has(received(0), "\r\nSEQ: 0\r\n"));
	answer(0, OK);
	neighbour.same = MAP_OTHER;
	change_ip(2);
	pass(GENA_MODERATE_MS);
	assert_int_equal(made_n, 1);
	assert_int_equal(gena_count(gena), 1);
}

/* A message does not wait for an address that nobody has; nor for a second URL
 * while there is a first. */
static void a_message_does_not_wait_for_ever(void **state)
{
	neighbour.host = addr_of_text("2001:db8:88::10");
	neighbour.same = MAP_ASKED;
	assert_int_equal(subscribe6("[2001:db8:88::10]:1/a>"
				    "<http://[fe80::10]:2"), 200);
	pass(GENA_INITIAL_MS);
	for (int i = 0; i < GENA_ASKS_MAX; i++) {
		assert_int_equal(made_n, 0);
		pass(GENA_ASK_MS);
	}
	assert_made(0, "fe80::10", addr_of_text("fe80::1"));
	answer(0, OK);
	assert_int_equal(subscribe6("[fe80::10]:2/a>"
				    "<http://[2001:db8:88::10]:1"), 200);
	pass(GENA_INITIAL_MS);
	assert_made(1, "fe80::10", addr_of_text("fe80::1"));
}

/* However many addresses a host has, it has one share. */
static void the_addresses_of_a_host_share_a_limit(void **state)
{
	char peer[64], fields[128];

	for (unsigned i = 0; i <= GENA_SUBS_PER_CLIENT; i++) {
		snprintf(peer, sizeof(peer), "2001:db8:88::%x", 0x100 + i);
		snprintf(fields, sizeof(fields),
			 "CALLBACK: <http://[%s]/>\r\n" NT, peer);
		assert_int_equal(ask_as(who6(peer, "2001:db8:88::1"),
					"SUBSCRIBE", fields, NULL),
				 i < GENA_SUBS_PER_CLIENT ? 200 : 503);
	}
	assert_int_equal(gena_count(gena), GENA_SUBS_PER_CLIENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_request_has_its_status),
		T(the_reply_has_sid_and_timeout),
		T(sids_differ_and_are_compared_exactly),
		T(a_sid_is_known_at_its_own_url_only),
		T(a_service_without_events_is_refused),
		T(a_client_has_a_limit),
		T(all_clients_together_have_a_limit),
		T(a_client_with_few_takes_a_place),
		T(the_failed_one_gives_up_its_place),
		T(a_failed_one_makes_room_for_another_client),
		T(a_recovered_one_keeps_its_place),
		T(the_same_callback_gives_up_its_place),
		T(a_client_near_its_limit_is_probed),
		T(all_are_probed_when_places_run_out),
		T(a_subscription_ends_unless_it_is_renewed),
		T(an_expired_subscription_is_not_renewed),
		T(the_initial_event_follows_the_reply),
		T(every_service_has_an_initial_event),
		T(an_event_has_only_changed_variables),
		T(the_end_of_the_dummy_is_notified),
		T(events_are_moderated_and_have_the_newest_values),
		T(refused_connections_are_moderated),
		T(one_delivery_at_a_time),
		T(moderation_counts_from_the_sending),
		T(callbacks_are_tried_in_order),
		T(a_connection_has_five_seconds),
		T(a_message_has_thirty_seconds_in_all),
		T(a_failed_delivery_keeps_the_subscription),
		T(an_invalid_answer_keeps_the_subscription),
		T(a_412_ends_the_subscription),
		T(a_hanging_subscriber_delays_no_other),
		T(unsubscribing_closes_the_delivery),
		T(unsubscribed_before_the_initial_event),
		T(a_link_local_subscriber_gets_its_events),
		T(another_address_of_the_subscriber_gets_events),
		T(an_address_elsewhere_gets_no_events),
		T(each_message_checks_whose_the_address_is),
		T(a_message_does_not_wait_for_ever),
		T(the_addresses_of_a_host_share_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
