/* SPDX-License-Identifier: ISC */
/*
 * fuzz_engine.c - a whole engine, through its sockets: HTTP, SSDP, events,
 * NAT-PMP and PCP, the control socket and the monitor's channel, while time moves and the router's
 * networks change. The monitor's answers come late, are failures, are wrong,
 * or never come; the engine crashes and starts again.
 *
 * Input: a byte for the settings; then steps, each a byte for the action,
 * followed by its arguments. One of the settings gives the LANs IPv6: then
 * there are requests over it and pinholes, each host has several addresses, the
 * neighbour table learns them late or never, and the prefix changes.
 *
 * Holds after each step: a success was sent only for what the firewall has
 * then; tables and firewall agree whenever no request is open; the tables keep
 * their limits; every message is complete, and goes to a host of the LAN. After
 * all answers of the monitor: each request has its reply, the firewall has
 * exactly the tables' rules, events and upnpctl report the same number. After
 * a crash: every mapping and pinhole that was in the tables is in them again.
 */
#include <fcntl.h>
#include <setjmp.h>
#include "base/loop.h"
#include "engine/ctlserver.h"
#include "engine/ifwatch.h"
#include "igd/wanip.h"
#include "sys/jail.h"
#include "fuzz_net.h"
#include "fuzz_monitor.h"
#include "fuzz_lan.h"
#include "fuzz_lanpmp.h"
#include "fuzz_requests.h"
#include "fuzz_dir.h"

/* What the process and the kernel do for the engine. */
struct engine;
static int drive(struct engine *);
static bool stopped;
#define loop_new(n, clock)	loop_new(n, net_clock)
#define loop_run(l)		drive(&e)
#define loop_stop(l)		((void)(l), (void)(stopped = true))
#define jail_shut(ret)		(*(ret) = 0)
#define openat(at, path, how)	openat(at, fuzz_dir(), how)
#include "engine/engine.c"
#undef openat

#include "fuzz_tables.h"

#define STEPS_MAX	400
#define STARTS_MAX	6

const unsigned fuzz_cuts_max = 8;

static jmp_buf ended;			/* the engine's process */
static bool crashed;
static size_t steps;
static int ctl_listener;

/* ---- the properties ------------------------------------------------------ */

static void check(void)
{
	CHECK(!stopped || mon.lied);
	check_table(NAT_PORTMAP, conf.max_mappings);
	check_table(NAT_PINHOLE, conf.max_pinholes);
	CHECK(urlroutes_subscribers(eng->services.urlroutes) <= GENA_SUBS_MAX);
	if (!is_idle())
		return;
	for (enum nat_kind kind = NAT_PORTMAP; kind < NAT_KINDS; kind++)
		for (size_t i = 0; i < portmap_count(table(kind)); i++)
			check_mapping(entry(kind, i));
	for (size_t i = 0; i < mon.rule_n; i++)
		check_rule(&mon.rule[i]);
}

/* ---- time ---------------------------------------------------------------- */

/* Let the engine do what it can do now. */
static void rounds(void)
{
	for (int i = 0; i < 3 && !stopped; i++) {
		CHECK(!loop_step(eng->loop, 0));
		mon_read();
		lan_read_all();
	}
}

static void pass(uint64_t ms)
{
	net.clock_ms += ms;
	rounds();
}

static void answer_all(void)
{
	for (int i = 0; i < 5000 && !stopped && mon_answer(NAT_OK); i++)
		rounds();
	CHECK(stopped || mon.stalled || !mon.queue_n);
}

static void check_answered(const struct lan_conn *c)
{
	CHECK(c->fd < 0 || c->raw || c->stalled || c->out_n || !c->want_n);
}

static void ask_status(void)
{
	struct ctl_req q = { .version = CTL_VERSION, .verb = CTL_STATUS };
	struct lan_ctl *c = &lan_ctl[LAN_CTLS - 1];
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	for (size_t i = 0; i < LAN_CTLS; i++)
		lan_ctl_close(&lan_ctl[i]);
	rounds();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/ctl", fuzz_dir());
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	CHECK(c->fd >= 0);
	CHECK(!connect(c->fd, (struct sockaddr *)&at, sizeof(at)));
	CHECK(send(c->fd, &q, sizeof(q), 0) == sizeof(q));
	memset(&lan_status, 0xff, sizeof(lan_status));
	rounds();
}

/* The events that were sent last report the number of mappings. */
static void check_events(void)
{
	uint32_t shown = (uint32_t)portmap_shown_count(eng->pm);

	shown += wanip_dummy_shown(&eng->igd, net.clock_ms);
	for (size_t i = 0; i < lan_sub_n; i++) {
		const struct lan_sub *s = &lan_sub[i];

		if (s->honest && s->any && s->until_ms > net.clock_ms)
			CHECK(s->entries == shown);
	}
}

/* Answer everything, and wait until the engine has nothing left to do. */
static void settle(void)
{
	mon.stalled = false;
	lan_set_events(0, false, false);
	net.sends_full = false;
	for (size_t i = 0; i < LAN_CONNS; i++) {
		lan_conn[i].late |= lan_conn[i].stalled;
		lan_conn[i].stalled = false;
		lan_flush(&lan_conn[i], SIZE_MAX);
	}
	rounds();
	answer_all();
	/* each request on a connection may wait until it is known whose an
	 * address is */
	for (int i = 0; i < LAN_WANTS; i++) {
		pass(HOSTS_RESOLVE_MS);
		answer_all();
	}
	for (size_t i = 0; i < LAN_CONNS; i++)
		check_answered(&lan_conn[i]);
	for (int i = 0; i < 10 && !stopped; i++) {
		pass(10000);
		answer_all();
	}
	if (stopped || mon.lied)
		return;
	for (int i = 0; i < 5; i++)
		pass(GENA_MODERATE_MS);
	CHECK(mon.ready);
	CHECK(is_idle());
	CHECK(mon.serving == (httpd_port(urlroutes_httpd(eng->services.urlroutes)) > 0));
	check();
	ask_status();
	CHECK(lan_status.mappings == portmap_count(eng->pm));
	CHECK(lan_status.pinholes == portmap_count(table(NAT_PINHOLE)));
	CHECK(lan_status.subscribers == urlroutes_subscribers(eng->services.urlroutes));
	check_events();
}

/* ---- steps --------------------------------------------------------------- */

static struct str take_bytes(void)
{
	size_t n = fuzz_u8(&in);
	struct str s = { in.p, n < in.n ? n : in.n };

	in = str_skip(in, s.n);
	return s;
}

/* Connect as the host @who, over IPv6 if the LAN has it. */
static bool open_as(struct lan_conn *c, uint8_t who)
{
	const int ifindex = who & 128 ? MON_LAN2 : MON_LAN;
	const enum mon_addr which = who & 64 ? MON_LINK_LOCAL : MON_GLOBAL;
	const uint8_t host = (uint8_t)(MON_HOSTS + who / 8 % 4);

	if (mon.ip6 && who & 96)
		return lan_open(c, mon_addr6(ifindex, host, which),
				mon_addr6(ifindex, 1, which), ifindex);
	if (who & 128)
		return lan_open(c, addr_ip4(0xc0a8590a), MON_ROUTER2, ifindex);
	return lan_open(c, LAN_HOST(who / 8), MON_ROUTER, ifindex);
}

static void step_http(uint8_t what)
{
	uint8_t who = fuzz_u8(&in), how = fuzz_u8(&in);
	struct lan_conn *c = &lan_conn[who % LAN_CONNS];
	const struct lan_want other = { LAN_OTHER }, page = { LAN_PAGE };

	if (!open_as(c, who))
		return;
	switch (mon.ip6 && what & 8 ? 8 : what % 8) {
	case 8:
		put_pinhole(c);
		break;
	case 0:
	case 1:
		put_mapping(c, LAN_ADD, 0);
		break;
	case 2:
		put_mapping(c, how & 16 ? LAN_DELETE : LAN_OTHER, 2);
		break;
	case 3:
		put_mapping(c, LAN_ANY, 0);
		break;
	case 4:
		put_other(c, fuzz_u8(&in));
		break;
	case 5:
		put_subscription(c, fuzz_u8(&in));
		break;
	case 6:
		if (how & 64) {
			put_plain(c, &page, "GET / HTTP/1.1\r\nHost: %s:2828"
				  "\r\n\r\n", lan_host_text(c->at).text);
			break;
		}
		put_plain(c, &other, "GET /%s HTTP/1.%u\r\nHost: %s:2828"
			  "\r\n\r\n", how & 16 ? "igd1.xml" :
			  "igd2/wanip6.xml", how >> 5 & 1,
			  lan_host_text(c->at).text);
		break;
	case 7:
		c->raw = true;
		lan_put(c, take_bytes());
		break;
	}
	if (how % 16 < 12)		/* else more is sent later */
		lan_flush(c, how % 16 ? how * 8u : SIZE_MAX);
}

static void step_conn(void)
{
	uint8_t who = fuzz_u8(&in);
	struct lan_conn *c = &lan_conn[who % LAN_CONNS];

	switch (who / 8 % 6) {
	case 0:
		lan_close(c);
		break;
	case 1:
		if (c->fd >= 0)
			shutdown(c->fd, SHUT_WR);
		c->raw |= c->out_n > 0;		/* its last request is cut */
		break;
	case 2:
		c->stalled = c->late = true;
		break;
	case 3:
		c->stalled = false;
		break;
	default:
		lan_flush(c, who / 8);
	}
}

static void step_ssdp(void)
{
	static const uint8_t group[2][16] = {
		{ 0xff, 0x02, [15] = 0x0c }, { 0xff, 0x05, [15] = 0x0c },
	};
	static const char *const target[] = {
		"ssdp:all", "upnp:rootdevice", URN "1",
		"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
	};
	uint8_t how = fuzz_u8(&in), six = mon.ip6 ? fuzz_u8(&in) : 0;
	const int ifindex = how & 16 ? MON_LAN2 : MON_LAN;
	struct addr to = how & 32 ? MON_ROUTER : addr_ip4(0xeffffffa);
	struct addr from = how & 4 ? addr_ip4(0x0a000001) : LAN_HOST(how);
	char text[256];
	struct str s = { text, 0 };

	if (how & 8)
		s = take_bytes();
	else
		s.n = (size_t)snprintf(text, sizeof(text), "M-SEARCH * HTTP/1.1"
			"\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover"
			"\"\r\nMX: %u\r\nST: %s\r\n\r\n", how >> 6,
			target[how / 16 % 4]);
	if (six & 1) {
		from = mon_addr6(how & 4 ? 99 : ifindex,
				 (uint8_t)(MON_HOSTS + how % 4),
				 six & 2 ? MON_LINK_LOCAL : MON_GLOBAL);
		to = how & 32 ? mon_addr6(ifindex, 1, six & 4 ?
					  MON_LINK_LOCAL : MON_GLOBAL) :
		     addr_ip6(group[six >> 2 & 1]);
	}
	net_deliver(s, to, 1900, from, 1900, ifindex);
}

static void step_ctl(void)
{
	uint8_t who = fuzz_u8(&in), bits, n;
	struct lan_ctl *c = &lan_ctl[who % LAN_CTLS];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct ctl_req q = { .version = CTL_VERSION };

	if (who & 128) {
		lan_ctl_close(c);
		return;
	}
	bits = fuzz_u8(&in);
	if (c->fd < 0) {
		snprintf(at.sun_path, sizeof(at.sun_path), "%s/ctl",
			 fuzz_dir());
		c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		CHECK(c->fd >= 0);
		CHECK(!connect(c->fd, (struct sockaddr *)&at, sizeof(at)));
		rounds();
	}
	c->verb = q.verb = who / 16 % 8;
	q.rule.kind = NAT_PORTMAP;
	q.rule.proto = bits & 8 ? IPPROTO_UDP : IPPROTO_TCP;
	q.rule.client = LAN_HOST(bits / 64);
	q.rule.ext_port = (uint16_t)(MON_PORT + bits % 8);
	q.rule.int_port = 4000;
	q.rule.remote = addr_any();
	q.lease_s = bits & 16 ? 100 : 0;
	q.disabled = bits >> 5 & 1;
	if (mon.ip6 && bits & 4) {
		q.rule.kind = NAT_PINHOLE;
		q.rule.client = mon_addr6(MON_LAN, MON_HOSTS + bits / 64,
					  MON_GLOBAL);
		q.rule.ext_port = 0;
	}
	strcpy(q.desc, "c");
	n = fuzz_u8(&in);
	if (n < 128)			/* a field that is not text */
		((char *)&q)[n] = (char)fuzz_u8(&in);
	if (c->fd >= 0)
		send(c->fd, &q, n == 255 ? 7 : sizeof(q),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void step_monitor(uint8_t what)
{
	uint8_t how = fuzz_u8(&in);

	switch (what % 8) {
	case 0:
	case 1:
	case 2:
		mon_answer(NAT_OK);
		break;
	case 3:
		mon_answer(NAT_EFAIL);
		break;
	case 4:
		mon.stalled = how & 1;
		break;
	case 5:
		mon_set_taken(how);
		break;
	case 6:
		if (how & 128)
			mon_lie(how, &in);
		break;
	case 7:
		answer_all();
		break;
	}
}

static void step_router(void)
{
	static const uint32_t ext[] = { 0xc6336407, 0xc6336408, 0, 0xc0a80102 };
	uint8_t how = fuzz_u8(&in);

	mon.ext = ext[how % 4];
	mon.ext_up = how & 4 || how & 8;
	mon.lan = how & 16 || how & 32;
	mon.lan2 = how & 64;
	mon.renumbered = how & 128;
	mon_notify_change();
}

static void step_time(void)
{
	static const uint32_t ms[] = { 1, 20, 100, 1000, 5000, 10000, 60000,
				       3600000 };
	uint8_t how = fuzz_u8(&in);

	if (how & 128)
		net.wall_s += 1000 * (int8_t)how;
	for (int i = how / 8 % 8; i >= 0 && !stopped; i--)
		pass(ms[how % 8]);
}

static void end_engine(bool crash)
{
	promise_all();
	crashed = crash;
	if (crash)
		longjmp(ended, 1);
	close(mon.fd);
	mon.lied = true;		/* from here on, no answer is true */
	for (int i = 0; i < 3 && !stopped; i++)
		CHECK(!loop_step(eng->loop, 0));
	CHECK(stopped);
}

static void step(void)
{
	uint8_t what = fuzz_u8(&in);
	int turns = 0;

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
		step_http(what / 16);
		break;
	case 4:
		step_conn();
		break;
	case 5:
		if (what < 128)
			step_ssdp();
		else
			lanpmp_ask(&in);
		break;
	case 6:
		step_ctl();
		break;
	case 7:
	case 8:
	case 9:
		step_monitor(what / 16);
		break;
	case 10:
		step_router();
		break;
	case 11:
	case 12:
		step_time();
		break;
	case 13:
		lan_set_events(what / 16, what & 64, what & 128);
		break;
	case 14:
		net.sends_full = what & 128;
		if (mon.ip6)
			mon_set_ip6(what);
		break;
	case 15:
		if (what < 128)
			settle();
		else
			end_engine(what & 64);
		return;
	}
	mon_send_ping();
	do {			/* it reads one record in each round */
		rounds();
	} while (mon.pong != mon.ping && !mon.lied && !mon.stalled &&
		 !stopped && turns++ < 100);
	CHECK(turns < 100);
}

/* ---- a run --------------------------------------------------------------- */

static void on_sent(struct str text, uint16_t from, struct addr to,
		    uint16_t port)
{
	struct httpmsg m;

	if (from == LANPMP_PORT) {
		lanpmp_sent(text, to, port, mon.synced && !mon.behind);
		return;
	}
	CHECK(text.n <= SSDP_REPLY_MAX);
	CHECK(httpmsg_parse(text.p, text.n, &m) == (ssize_t)text.n);
	if (to.family == ADDR_IP4)
		CHECK(addr_to_ip4(to) == 0xeffffffa ||
		      (addr_to_ip4(to) & 0xfffffe00) == 0xc0a85800);
	else	/* a group; no answer leaves the LANs */
		CHECK(mon.ip6 && (to.byte[0] == 0xff ||
				  addr_is_link_local(to) ||
				  to.byte[7] == MON_LAN ||
				  to.byte[7] == MON_LAN2));
	CHECK(port == 1900);
}

static int drive(struct engine *e)
{
	eng = e;
	check_promises();
	rounds();
	while (!stopped && in.n && steps++ < STEPS_MAX) {
		step();
		if (!stopped)
			check();
	}
	if (!stopped)
		settle();
	return 0;
}

static void read_settings(uint8_t how)
{
	static struct conf_error err;
	char text[1024];
	int n = snprintf(text, sizeof(text), "enabled = yes\n"
		"max-mappings = %d\nmax-mappings-per-client = %d\n"
		"max-pinholes = %d\nsecure-mode = %s\nshow-dummy-rule = %s\n"
		"private-external-address = %s\nhttp-port = 2828\n"
		"allow-disable-external-interface = yes\nlist-scope = %s\n"
		"status-page = %s\n"
		"max-lease = %d\npcp-strict-nonce = %s\n"
		"pcp-third-party = 192.168.88.11/32\n%s"
		"[interface wan0]\ntype = external\n"
		"[interface lan0]\ntype = internal\n"
		"[interface lan1]\ntype = internal\n",
		how & 1 ? 5 : 12, how & 1 ? 3 : 8, how & 1 ? 4 : 10,
		how & 2 ? "no" : "yes",
		how & 4 ? "no" : "yes", how & 8 ? "refuse" : "warn",
		how & 16 ? "all" : "own", how & 16 ? "all" : "own", how & 32 ? 604800 : 86400,
		how & 4 ? "yes" : "no",
		how & 64 ? "deny 2003 192.168.88.0/24 0-65535\n"
		"allow 1024-65535 0.0.0.0/0 1024-65535\n"
		"deny 4003 ::/0 4003\nallow 4000-4003 ::/0 4000-4003\n" :
		"");

	mon.ip6 = how & 128;
	if (conf_parse((struct str){ text, (size_t)n }, "conf", &conf, &err))
		fuzz_fail(__FILE__, __LINE__, err.text);
}

static void make_listener(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/ctl", fuzz_dir());
	unlink(at.sun_path);
	ctl_listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	CHECK(!bind(ctl_listener, (struct sockaddr *)&at, sizeof(at)));
	CHECK(!__real_listen(ctl_listener, CTL_CLIENTS_MAX));
}

static void run_engine(int first)
{
	static struct engine_kept kept;
	struct engine_start s = { .owner = getuid(), .boot_id = "boot",
				  .kept = &kept };
	int fd[2];

	kept = (struct engine_kept){ 0 };
	CHECK(!net_pair(SOCK_SEQPACKET, fd));
	CHECK(send(fd[1], &conf, conf_size(&conf), 0) ==
	      (ssize_t)conf_size(&conf));
	mon_begin(fd[1], &conf);
	lan_begin();
	make_listener();
	s.chan_fd = fd[0];
	s.ctl_fd = ctl_listener;
	s.log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	stopped = crashed = false;
	net_records = true;
	if (!setjmp(ended))
		CHECK(!engine_run(&s));
	net_records = false;
	memset(eng, 0, sizeof(*eng));
	net_free_all();
	net_close_all(first);
}

static void clear_state(void)
{
	DIR *dir = opendir(fuzz_dir());
	const struct dirent *e;

	CHECK(dir);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int first;

	in = (struct str){ (const char *)data, n };
	clear_state();
	first = open("/dev/null", O_RDONLY | O_CLOEXEC);
	net_init();
	net.sent = on_sent;
	memset(&mon, 0, sizeof(mon));
	mon.ext = 0xc6336407;
	mon.ext_up = mon.lan = true;
	promise_n = steps = 0;
	lan_id_n = 0;
	memset(lan_id, 0, sizeof(lan_id));
	read_settings(fuzz_u8(&in));
	for (int i = 0; i < STARTS_MAX; i++) {
		run_engine(first + 1);
		if (!in.n || steps >= STEPS_MAX)
			break;
	}
	close(first);
	return 0;
}
