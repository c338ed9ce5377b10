/* SPDX-License-Identifier: ISC */
/*
 * fuzz_engine.c - a whole engine, through its sockets: HTTP, SSDP, events, the
 * control socket and the monitor's channel, while time moves and the router's
 * networks change. The monitor's answers come late, are failures, are wrong,
 * or never come; the engine crashes and starts again.
 *
 * Input: a byte for the settings; then steps, each a byte for the action,
 * followed by its arguments.
 *
 * Holds after each step: a success was sent only for what the firewall has
 * then; table and firewall agree whenever no request is open; the table keeps
 * its limits; every message is complete, and goes to a host of the LAN. After
 * all answers of the monitor: each request has its reply, the firewall has
 * exactly the table's rules, events and upnpctl report the same number. After
 * a crash: every mapping that was in the table is in it again.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include "base/loop.h"
#include "engine/ctlserver.h"
#include "engine/ifwatch.h"
#include "igd/wanip.h"
#include "map/pmtable.h"
#include "sys/jail.h"
#include "fuzz_net.h"
#include "fuzz_monitor.h"
#include "fuzz_lan.h"
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

#define STEPS_MAX	400
#define STARTS_MAX	6
#define PROMISES_MAX	64

const unsigned fuzz_cuts_max = 8;

static struct engine *eng;
static struct str in;			/* of the run */
static jmp_buf ended;			/* the engine's process */
static struct conf conf;
static bool crashed;
static size_t steps;
static int ctl_listener;
/* The mappings that the last engine had. */
static struct nat_rule promise[PROMISES_MAX];
static size_t promise_n;

/* ---- the properties ------------------------------------------------------ */

/* No request is open, and the engine owes none. */
static bool is_idle(void)
{
	const struct brokerclient *p = &eng->brokerclient;

	return !mon.lied && !mon.stalled && mon.synced && !mon.behind &&
	       !mon.queue_n && !p->in_flight && !p->holds && !p->refresh_due &&
	       !p->syncing && !eng->ifwatch.settle.active &&
	       eng->pm->queue_head == PM_NONE;
}

/* A rule of the firewall belongs to a mapping, or to one that is being
 * removed. */
static void check_rule(const struct nat_rule *r)
{
	uint16_t slot = PM_NONE;
	const struct pm_entry *m;

	do {
		slot = portmap_rival(eng->pm, r, slot);
		m = portmap_entry(eng->pm, slot);
		CHECK(m);
	} while (!nat_rule_equal(&m->rule, r) || m->state == PM_SUSPENDED);
}

static void check_mapping(const struct pm_entry *m)
{
	const struct nat_rule *r = mon_rule(&m->rule);

	if (portmap_has_rule(m))
		CHECK(r && nat_rule_equal(r, &m->rule));
	CHECK(m->state != PM_ACTIVE || !m->expires_ms ||
	      m->expires_ms > net.clock_ms);
}

static void check_table(void)
{
	size_t n = portmap_count(eng->pm), same;

	CHECK(n <= conf.max_mappings);
	for (size_t i = 0; i < n; i++) {
		const struct pm_entry *m =
			portmap_entry(eng->pm, portmap_at(eng->pm, i));

		CHECK(m && nat_rule_sane(&m->rule));
		same = 1;
		for (size_t k = 0; k < i; k++) {
			const struct pm_entry *o =
				portmap_entry(eng->pm, portmap_at(eng->pm, k));

			CHECK(!nat_rule_same_key(&m->rule, &o->rule));
			CHECK(!nat_rule_rivals(&m->rule, &o->rule) ||
			      addr_equal(m->rule.client, o->rule.client));
			same += addr_equal(m->rule.client, o->rule.client);
		}
		CHECK(same <= conf.max_per_client);
	}
}

static void check(void)
{
	CHECK(!stopped || mon.lied);
	check_table();
	CHECK(urlroutes_subscribers(eng->urlroutes) <= GENA_SUBS_MAX);
	if (!is_idle())
		return;
	for (size_t i = 0; i < portmap_count(eng->pm); i++)
		check_mapping(portmap_entry(eng->pm, portmap_at(eng->pm, i)));
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
	CHECK(mon.serving == (httpd_port(urlroutes_httpd(eng->urlroutes)) > 0));
	check();
	ask_status();
	CHECK(lan_status.mappings == portmap_count(eng->pm));
	CHECK(lan_status.subscribers == urlroutes_subscribers(eng->urlroutes));
	check_events();
}

/* ---- requests ------------------------------------------------------------ */

#define URN "urn:schemas-upnp-org:service:WANIPConnection:"

static void put_soap(struct lan_conn *c, unsigned version, const char *action,
		     const char *args, const struct lan_want *w)
{
	char body[2048], text[3072];
	int n, body_n;

	body_n = snprintf(body, sizeof(body), "<?xml version=\"1.0\"?>"
		"<s:Envelope xmlns:s=\""
		"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle="
		"\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
		"<u:%s xmlns:u=\"" URN "%u\">%s</u:%s></s:Body></s:Envelope>",
		action, version, args, action);
	n = snprintf(text, sizeof(text), "POST /igd%u/wanip/control HTTP/1.1"
		"\r\nHost: 192.168.88.1:2828\r\nContent-Type: text/xml\r\n"
		"SOAPAction: \"" URN "%u#%s\"\r\nContent-Length: %d\r\n\r\n%s",
		version, version, action, body_n, body);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	if (c->want_n == LAN_WANTS || c->raw ||
	    c->out_n + (size_t)n > sizeof(c->out))
		return;
	c->want[c->want_n++] = *w;
	lan_put(c, (struct str){ text, (size_t)n });
}

/* A request about a mapping, from a byte of bits and two for the rest. */
static void put_mapping(struct lan_conn *c, enum lan_kind kind, uint8_t what)
{
	static const uint32_t lease[] = { 0, 1, 5, 60, 3600, 100000, 604800,
					  604801 };
	uint8_t bits = fuzz_u8(&in), more = fuzz_u8(&in);
	unsigned version = bits & 16 || kind == LAN_ANY ? 2 : 1;
	struct lan_want w = { kind, .enabled = !(bits & 64) };
	struct nat_rule *r = &w.rule;
	char args[1024];
	int n;

	r->kind = NAT_PORTMAP;
	r->proto = bits & 8 ? IPPROTO_UDP : IPPROTO_TCP;
	r->ext_port = (uint16_t)(MON_PORT + bits % 8);
	r->remote = bits & 32 ? addr_ip4(0x08080808) : addr_any();
	r->int_port = (uint16_t)(3000 + more / 8);
	r->client = bits & 128 ? LAN_HOST(more) : c->peer;
	n = snprintf(args, sizeof(args), "<NewRemoteHost>%s</NewRemoteHost>"
		"<NewExternalPort>%u</NewExternalPort>"
		"<NewProtocol>%s</NewProtocol>", bits & 32 ? "8.8.8.8" : "",
		r->ext_port, bits & 8 ? "UDP" : "TCP");
	if (kind != LAN_DELETE && what != 2)
		snprintf(args + n, sizeof(args) - (size_t)n,
			"<NewInternalPort>%u</NewInternalPort>"
			"<NewInternalClient>%s</NewInternalClient><NewEnabled>"
			"%u</NewEnabled><NewPortMappingDescription>%.*s"
			"</NewPortMappingDescription>"
			"<NewLeaseDuration>%u</NewLeaseDuration>",
			r->int_port, addr_text(r->client).text, w.enabled,
			more > 250 ? 250 : more % 3, "ddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"dddddddddddddddddddddddddddddddddddddddddddddddddddddd"
			"ddddddddddd", lease[more % 8]);
	put_soap(c, version, kind == LAN_DELETE ? "DeletePortMapping" :
		 kind == LAN_ANY ? "AddAnyPortMapping" : what == 2 ?
		 "GetSpecificPortMappingEntry" : "AddPortMapping", args, &w);
}

static void put_other(struct lan_conn *c, uint8_t what)
{
	static const struct {
		const char *action, *args;
		unsigned version;
	} call[] = {
		{ "GetExternalIPAddress", "", 1 },
		{ "GetStatusInfo", "", 1 },
		{ "ForceTermination", "", 1 },
		{ "RequestConnection", "", 2 },
		{ "GetGenericPortMappingEntry", "<NewPortMappingIndex>1"
		  "</NewPortMappingIndex>", 1 },
		{ "DeletePortMappingRange", "<NewStartPort>2000</NewStartPort>"
		  "<NewEndPort>2004</NewEndPort><NewProtocol>TCP</NewProtocol>"
		  "<NewManage>1</NewManage>", 2 },
		{ "DeletePortMappingRange", "<NewStartPort>2000</NewStartPort>"
		  "<NewEndPort>2007</NewEndPort><NewProtocol>UDP</NewProtocol>"
		  "<NewManage>0</NewManage>", 2 },
		{ "GetListOfPortMappings", "<NewStartPort>0</NewStartPort>"
		  "<NewEndPort>65535</NewEndPort><NewProtocol>TCP</NewProtocol>"
		  "<NewManage>1</NewManage><NewNumberOfPorts>0"
		  "</NewNumberOfPorts>", 2 },
	};
	const struct lan_want w = { LAN_OTHER };

	put_soap(c, call[what % 8].version, call[what % 8].action,
		 call[what % 8].args, &w);
}

static __attribute__((format(printf, 3, 4)))
void put_plain(struct lan_conn *c, const struct lan_want *w,
	       const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	CHECK(n > 0 && (size_t)n < sizeof(text));
	if (c->want_n == LAN_WANTS || c->raw)
		return;
	c->want[c->want_n++] = *w;
	lan_put(c, (struct str){ text, (size_t)n });
}

static void put_subscription(struct lan_conn *c, uint8_t what)
{
	static unsigned path;
	struct lan_want w = { LAN_SUBSCRIBE };
	const struct lan_want other = { LAN_OTHER };
	struct lan_sub *s = lan_sub_n ? &lan_sub[what % lan_sub_n] : NULL;

	if (what < 128 || !s) {
		w.cb_port = (uint16_t)(5000 + what % 4);
		put_plain(c, &w, "SUBSCRIBE /igd1/wanip/event HTTP/1.1\r\n"
			  "Host: 192.168.88.1:2828\r\nNT: upnp:event\r\n"
			  "CALLBACK: <http://%s:%u/%u>\r\n\r\n",
			  addr_text(c->peer).text, w.cb_port, path++);
	} else if (what < 192) {
		put_plain(c, &other, "SUBSCRIBE /igd1/wanip/event HTTP/1.1\r\n"
			  "Host: 192.168.88.1:2828\r\nSID: %s\r\n\r\n",
			  s->sid);
	} else {
		s->honest = false;
		put_plain(c, &other, "UNSUBSCRIBE /igd1/wanip/event HTTP/1.1"
			  "\r\nHost: 192.168.88.1:2828\r\nSID: %s\r\n\r\n",
			  s->sid);
	}
}

static struct str take_bytes(void)
{
	size_t n = fuzz_u8(&in);
	struct str s = { in.p, n < in.n ? n : in.n };

	in = str_skip(in, s.n);
	return s;
}

/* ---- steps --------------------------------------------------------------- */

static void step_http(uint8_t what)
{
	uint8_t who = fuzz_u8(&in), how = fuzz_u8(&in);
	struct lan_conn *c = &lan_conn[who % LAN_CONNS];
	const struct lan_want other = { LAN_OTHER };

	if (!lan_open(c, who & 128 ? addr_ip4(0xc0a8590a) : LAN_HOST(who / 8),
		      who & 128 ? MON_ROUTER2 : MON_ROUTER))
		return;
	switch (what % 8) {
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
		put_plain(c, &other, "GET /%s HTTP/1.%u\r\nHost: 192.168.88.1"
			  ":2828\r\n\r\n", how & 16 ? "igd1.xml" :
			  "igd2/wanip.xml", how >> 5 & 1);
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
	static const char *const target[] = {
		"ssdp:all", "upnp:rootdevice", URN "1",
		"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
	};
	uint8_t how = fuzz_u8(&in);
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
	net_deliver(s, how & 32 ? MON_ROUTER : addr_ip4(0xeffffffa), from,
		    how & 16 ? 4 : 3);
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

static void promise_all(void)
{
	promise_n = 0;
	for (size_t i = 0; i < portmap_count(eng->pm); i++) {
		const struct pm_entry *m =
			portmap_entry(eng->pm, portmap_at(eng->pm, i));

		/* upnpctl writes a configured one into the configuration */
		if (m->state != PM_EXPIRING && !m->configured &&
		    (!m->expires_ms || m->expires_ms > net.clock_ms))
			promise[promise_n++] = m->rule;
	}
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
		step_ssdp();
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

static void on_sent(struct str text, struct addr to, uint16_t port)
{
	struct httpmsg m;

	CHECK(text.n <= SSDP_REPLY_MAX);
	CHECK(httpmsg_parse(text.p, text.n, &m) == (ssize_t)text.n);
	CHECK(addr_to_ip4(to) == 0xeffffffa ||
	      (addr_to_ip4(to) & 0xfffffe00) == 0xc0a85800);
	CHECK(port == 1900);
}

static void check_promises(void)
{
	for (size_t i = 0; i < promise_n; i++)
		CHECK(portmap_find(eng->pm, &promise[i]) != PM_NONE);
	/* an engine that ends by itself, later, promises nothing */
	promise_n = 0;
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
		"secure-mode = %s\nshow-dummy-rule = %s\n"
		"private-external-address = %s\nhttp-port = 2828\n"
		"allow-disable-external-interface = yes\nlist-scope = %s\n"
		"max-lease = %d\n%s"
		"[interface wan0]\ntype = external\n"
		"[interface lan0]\ntype = internal\n"
		"[interface lan1]\ntype = internal\n",
		how & 1 ? 5 : 12, how & 1 ? 3 : 8, how & 2 ? "no" : "yes",
		how & 4 ? "no" : "yes", how & 8 ? "refuse" : "warn",
		how & 16 ? "all" : "own", how & 32 ? 604800 : 86400,
		how & 64 ? "deny 2003 192.168.88.0/24 0-65535\n"
		"allow 1024-65535 0.0.0.0/0 1024-65535\n" : "");

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
	struct engine_start s = { .owner = getuid(), .boot_id = "boot" };
	int fd[2];

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
	read_settings(fuzz_u8(&in));
	for (int i = 0; i < STARTS_MAX; i++) {
		run_engine(first + 1);
		if (!in.n || steps >= STEPS_MAX)
			break;
	}
	close(first);
	return 0;
}
