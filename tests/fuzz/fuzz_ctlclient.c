/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ctlclient.c - upnpctl and a hostile server on the control socket.
 *
 * Input: a byte for the request, then the server's actions, one each time that
 * upnpctl waits. The clock stands still unless an action lets time pass. After
 * the last action the server closes the connection.
 *
 * Holds: upnpctl ends, and by its deadline; it accepts only records that were
 * sent, in that order, and are valid; it closes the socket; it prints nothing
 * that moves a terminal's cursor; JSON is complete; a fault is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/wr.h"
#include "conf/ifstate.h"
#include "upnpctl/counts.h"
#include "upnpctl/args.h"
#include "upnpctl/menu.h"
#include "upnpctl/cmd.h"
#include "upnpctl/verbs.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/out.h"
#include "fuzz.h"
#include "fuzz_dir.h"
#include "tests/wrap.h"

/* No counters: the kernel is not part of this. */
void counts_read(struct counts *ret)
{
	*ret = (struct counts){ 0 };
}

const struct nl_list_count *counts_of(const struct counts *c,
				      const struct nat_rule *r)
{
	return NULL;
}

bool counts_packets(const struct nat_rule *rule, uint64_t *ret)
{
	return false;
}

void counts_free(struct counts *c)
{
}

/* Two external interfaces: mappings use the first, the second has no carrier. */
int __wrap_ifstate_read(const struct conf *c, struct ifstate *ret);

int __wrap_ifstate_read(const struct conf *c, struct ifstate *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 2; i++) {
		struct ifstate_ext *e = &ret->ext[ret->ext_n++];

		str_copy(e->name, sizeof(e->name), str_z(c->iface[i].name));
		e->ifindex = (int)i + 2;
		e->up = true;
		e->running = !i;
		e->addr = addr_ip4(0xcb007101 + (uint32_t)i);
	}
	return 0;
}

#define SENT_MAX 256
#define START_MS 1000000u

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout_ms);
ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __real_poll(struct pollfd *p, nfds_t n, int timeout_ms);
ssize_t __real_recv(int fd, void *buf, size_t n, int flags);
ssize_t __real_write(int fd, const void *buf, size_t n);

static struct str in;		/* the server's remaining actions */
static uint64_t now_ms;
static int client_fd, server_fd;	/* -1: closed */
static int recv_err;		/* errno of the next recv() */
static bool stdout_gone;

/* The records as they were sent, those of the right size. */
static struct ctl_rep sent[SENT_MAX];
static size_t sent_n, taken_n;

/* ---- the output ---------------------------------------------------------- */

static struct {
	bool json, quoted, escaped;
	int depth;
	size_t err_n;		/* bytes on stderr */
	char last, last_err;
} seen;

static void check_json(char c)
{
	if (seen.escaped) {
		seen.escaped = false;
	} else if (seen.quoted) {
		seen.escaped = c == '\\';
		seen.quoted = c != '"';
	} else {
		CHECK(strchr(" \n{}[]:,\"0123456789truefalsn", c));
		seen.quoted = c == '"';
		seen.depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		CHECK(seen.depth >= 0);
	}
}

/* C1 controls are c2 80 to c2 9f: some terminals take c2 9b for ESC [. */
static void check_output(char c)
{
	CHECK((unsigned char)c >= ' ' || c == '\n');
	CHECK(c != 0x7f);
	if (seen.json)
		check_json(c);
	else
		CHECK(seen.last != '\xc2' || (unsigned char)c >= 0xa0);
	seen.last = c;
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return __real_write(fd, buf, n);
	for (size_t i = 0; i < n; i++) {
		if (fd == STDOUT_FILENO)
			check_output(p[i]);
		CHECK((unsigned char)p[i] >= ' ' || p[i] == '\n');
		seen.last_err = p[i];
	}
	seen.err_n += fd == STDERR_FILENO ? n : 0;
	return (ssize_t)n;
}

/* ---- the server ---------------------------------------------------------- */

static void put_end(struct ctl_end *e)
{
	e->err = fuzz_u8(&in) % 16;
	e->refusal = fuzz_u8(&in) % 32;
	e->line = fuzz_u8(&in);
	e->repaired = fuzz_u8(&in);
}

static void put_status(struct ctl_status *s)
{
	s->ext = addr_ip4(fuzz_u32(&in));
	s->no_address = fuzz_u8(&in) % 16;
	s->ext_private = fuzz_u8(&in) % 4;
	memset(s->ext_if, fuzz_u8(&in), 1 + fuzz_u8(&in) % 16);
	s->http_port = fuzz_u16(&in);
	s->igd_versions = fuzz_u32(&in);
	s->up_s = fuzz_u32(&in);
	s->refused[fuzz_u8(&in) % REFUSALS] = fuzz_u8(&in);
}

static struct addr lan6(uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = host };

	return addr_ip6(byte);
}

static void make_pinhole(struct ctl_mapping *m)
{
	struct nat_rule *r = &m->rule;

	r->kind = NAT_PINHOLE;
	r->remote_port = r->ext_port % 2 ? r->ext_port : 0;
	r->ext_port = 0;
	r->client = lan6(r->client.byte[3]);
	if (addr_is_set(r->remote))
		r->remote = lan6(200);
	m->unique_id = fuzz_u16(&in);
}

/* The description is the rest of the line. */
static void put_mapping(struct ctl_mapping *m)
{
	struct str desc = STR("");

	m->rule.kind = NAT_PORTMAP;
	m->rule.proto = fuzz_u8(&in) % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	m->rule.ext_port = (uint16_t)(2000 + fuzz_u8(&in));
	m->rule.client = addr_ip4(0xc0a85800u + fuzz_u8(&in));
	m->rule.int_port = fuzz_u16(&in);
	m->rule.remote = fuzz_u8(&in) % 2 ? addr_any() : addr_ip4(0x08080808);
	m->origin = fuzz_u8(&in) % 2 ? ORIGIN_OPERATOR : ORIGIN_UPNP;
	if (m->origin != ORIGIN_OPERATOR)
		m->requester = m->rule.client;
	m->left_s = fuzz_u32(&in);
	m->enabled = fuzz_u8(&in) % 4;
	if (m->enabled == 3) {
		m->enabled = 1;
		make_pinhole(m);
	}
	str_cut(&in, '\n', &desc);
	if (desc.n > sizeof(m->desc))
		desc.n = sizeof(m->desc);	/* and no NUL */
	if (desc.n)
		memcpy(m->desc, desc.p, desc.n);
}

static void put_rule(struct ctl_rule *r)
{
	r->line = fuzz_u8(&in);
	r->allow = fuzz_u8(&in) % 3;
	r->ext_hi = fuzz_u8(&in) % 2 ? UINT16_MAX : fuzz_u32(&in);
	r->int_hi = UINT16_MAX;
	r->net = (struct addr_net){ addr_ip4(0x0a000000),
				    fuzz_u8(&in) % 2 ? 8 : fuzz_u8(&in) };
	r->decided = fuzz_u32(&in);
}

static void put_refused(struct ctl_refused *r)
{
	r->why = fuzz_u8(&in) % (REFUSALS + 2);
	r->origin = fuzz_u8(&in) % (ORIGINS + 1);
	r->rule.kind = fuzz_u8(&in) % 4;
	r->rule.proto = fuzz_u8(&in) % 2 ? IPPROTO_TCP : fuzz_u8(&in);
	r->rule.ext_port = fuzz_u16(&in);
	r->rule.int_port = fuzz_u16(&in);
	r->client.family = fuzz_u8(&in) % 6;
	r->rule.client.family = fuzz_u8(&in) % 6;
	r->rule.remote.family = fuzz_u8(&in) % 6;
	r->times = fuzz_u32(&in);
	r->line = fuzz_u32(&in);
	r->ago_s = fuzz_u32(&in);
}

/* A record with plausible fields more often than not. */
static void make_record(struct ctl_rep *rep)
{
	memset(rep, 0, sizeof(*rep));
	rep->version = CTL_VERSION;
	rep->kind = fuzz_u8(&in) % 16;
	if (rep->kind == CTL_END)
		put_end(&rep->end);
	else if (rep->kind == CTL_STATUS_IS)
		put_status(&rep->status);
	else if (rep->kind == CTL_LOST)
		rep->lost = fuzz_u32(&in);
	else if (rep->kind == CTL_RULE)
		put_rule(&rep->rule);
	else if (rep->kind == CTL_REFUSED)
		put_refused(&rep->refused);
	else if (rep->kind != CTL_READY)
		put_mapping(&rep->mapping);
}

static void spoil(struct ctl_rep *rep)
{
	size_t at = fuzz_u16(&in) % sizeof(*rep);
	size_t n = fuzz_u8(&in) % 8;

	while (n-- && at < sizeof(*rep))
		((char *)rep)[at++] = (char)fuzz_u8(&in);
}

static void send_record(char how)
{
	struct {
		struct ctl_rep rep;
		char more[8];
	} rec = { .more = "" };
	size_t n = sizeof(rec.rep);

	make_record(&rec.rep);
	if (how != 'r')
		spoil(&rec.rep);
	if (how == 'R')
		n = fuzz_u16(&in) % (sizeof(rec) + 1);
	if (server_fd < 0 || send(server_fd, &rec, n, MSG_NOSIGNAL |
				  MSG_DONTWAIT) != (ssize_t)n)
		return;
	if (n == sizeof(rec.rep) && sent_n < SENT_MAX)
		sent[sent_n++] = rec.rep;
}

static void read_request(void)
{
	struct ctl_req req;
	ssize_t n;

	if (server_fd < 0)
		return;
	n = __real_recv(server_fd, &req, sizeof(req), MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0)
		return;
	CHECK(n == sizeof(req) && req.version == CTL_VERSION);
	CHECK(req.verb && req.verb < CTL__MAX);
	CHECK(memchr(req.desc, '\0', sizeof(req.desc)));
}

static void hang_up(void)
{
	if (server_fd >= 0)
		close(server_fd);
	server_fd = -1;
}

/* Return: -1 and errno: poll() fails with it */
static int serve(uint64_t until_ms)
{
	uint8_t what = fuzz_u8(&in);
	uint64_t later;

	switch (what) {
	case 'r':		/* a record */
	case 's':		/* some of its bytes are replaced */
	case 'R':		/* it has another length */
		send_record((char)what);
		break;
	case 'q':
		read_request();
		break;
	case 't':
		later = now_ms + 100u * fuzz_u8(&in);
		now_ms = later < until_ms ? later : until_ms;
		break;
	case 'i':
		errno = EINTR;
		return -1;
	case 'e':
		recv_err = fuzz_u8(&in) % 2 ? EINTR : EAGAIN;
		break;
	case 'o':
		stdout_gone = true;
		break;
	case 'h':
		hang_up();
	}
	return 0;
}

/* ---- replacements of system calls ---------------------------------------- */

static bool is_open(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

int __wrap_socket(int domain, int type, int protocol)
{
	int fd[2];

	CHECK(!is_open(client_fd));
	hang_up();
	CHECK(!socketpair(domain, type, protocol, fd));
	client_fd = fd[0];
	server_fd = fd[1];
	return client_fd;
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	static const struct {
		char step;
		int err;
	} errs[] = {
		{ 'a', EAGAIN }, { 'i', EINTR }, { 'n', ENOENT },
		{ 'r', ECONNREFUSED }, { 'p', EACCES }, { '\0', EACCES },
	};
	char step = (char)fuzz_u8(&in);

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++)
		if (errs[i].step == step) {
			errno = errs[i].err;
			return -1;
		}
	return 0;
}

/* Return: number of ready descriptors */
static int count_ready(struct pollfd *p, nfds_t n)
{
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		p[i].revents = 0;
		if (p[i].fd == STDOUT_FILENO)
			p[i].revents = stdout_gone ? POLLHUP : 0;
		else
			__real_poll(&p[i], 1, 0);
		ready += p[i].revents != 0;
	}
	return ready;
}

int __wrap_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	uint64_t until = timeout_ms < 0 ? UINT64_MAX :
			 now_ms + (uint64_t)timeout_ms;
	int ready;

	for (;;) {
		ready = count_ready(p, n);
		if (ready || now_ms >= until)
			return ready;
		if (in.n) {
			if (serve(until))
				return -1;
			continue;
		}
		CHECK(server_fd >= 0 || timeout_ms >= 0);
		if (server_fd < 0)
			now_ms = until;
		hang_up();
	}
}

ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags)
{
	if (!recv_err)
		return __real_recv(fd, buf, n, flags);
	errno = recv_err;
	recv_err = 0;
	return -1;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	ret->tv_sec = (time_t)(now_ms / 1000);
	ret->tv_nsec = (long)(now_ms % 1000) * 1000000;
	return 0;
}

/* ---- an exchange --------------------------------------------------------- */

struct taker {
	unsigned kinds;
	size_t n, stop;		/* stops at that many; 0: never */
};

static bool ends(const char *text, size_t n)
{
	return memchr(text, '\0', n);
}

static void check_mapping(const struct ctl_mapping *m)
{
	CHECK(nat_rule_sane(&m->rule) && m->unique_id <= UINT16_MAX);
	CHECK(m->enabled <= 1 && ends(m->desc, sizeof(m->desc)));
}

static void check_removed(const struct ctl_mapping *m)
{
	static const struct ctl_mapping none;
	struct ctl_mapping rest = *m;

	CHECK(m->rule.kind == NAT_PINHOLE ? nat_rule_sane(&m->rule) :
	      m->rule.kind == NAT_PORTMAP && m->rule.ext_port &&
	      (m->rule.proto == IPPROTO_TCP || m->rule.proto == IPPROTO_UDP));
	rest.rule = none.rule;
	CHECK(!memcmp(&rest, &none, sizeof(none)));
}

static void check_rule(const struct ctl_rule *r)
{
	CHECK(!r->line || (r->allow <= 1 && r->ext_lo <= r->ext_hi &&
			   r->ext_hi <= UINT16_MAX && r->int_lo <= r->int_hi &&
			   r->int_hi <= UINT16_MAX &&
			   r->net.bits <= addr_bits(r->net.addr)));
}

static void check_refused(const struct ctl_refused *r)
{
	CHECK(r->why < REFUSALS && r->origin < ORIGINS);
	CHECK(r->rule.kind < NAT_KINDS && r->client.family <= ADDR_IP6);
}

static bool is_record(const struct ctl_rep *got, const struct ctl_rep *was)
{
	if (got->kind == CTL_REMOVED && was->kind == CTL_REMOVED)
		return !memcmp(&got->mapping.rule, &was->mapping.rule,
			       sizeof(got->mapping.rule));
	return !memcmp(got, was, sizeof(*got));
}

/* Check that it was sent, after the record that was accepted before it. */
static void check_sent(const struct ctl_rep *rep)
{
	while (taken_n < sent_n && !is_record(rep, &sent[taken_n]))
		taken_n++;
	CHECK(taken_n < sent_n || sent_n == SENT_MAX);
	taken_n++;
}

static int take(void *arg, const struct ctl_rep *rep)
{
	struct taker *t = arg;

	CHECK(rep->version == CTL_VERSION && rep->kind != CTL_END);
	CHECK(rep->kind < 32 && t->kinds & CTLCLIENT_KIND(rep->kind));
	check_sent(rep);
	if (rep->kind == CTL_MAPPING || rep->kind == CTL_ADDED)
		check_mapping(&rep->mapping);
	else if (rep->kind == CTL_RULE)
		check_rule(&rep->rule);
	else if (rep->kind == CTL_REFUSED)
		check_refused(&rep->refused);
	else if (rep->kind == CTL_REMOVED)
		check_removed(&rep->mapping);
	else if (rep->kind == CTL_STATUS_IS)
		CHECK(ends(rep->status.ext_if, sizeof(rep->status.ext_if)));
	return ++t->n == t->stop ? -ENOMEM : 0;
}

static void ask(void)
{
	static const int errs[] = {
		0, ENOENT, ECONNREFUSED, EACCES, ETIMEDOUT, ECONNRESET,
		EPROTONOSUPPORT, EPROTO, ENOMEM
	};
	struct ctl_req req = { .verb = 1 + fuzz_u8(&in) % (CTL__MAX - 1) };
	struct taker t = { .kinds = fuzz_u8(&in) };
	struct ctl_end end = { .err = 77 };
	size_t i = 0;
	int err;

	if (req.verb == CTL_RULES)
		t.kinds |= CTLCLIENT_KIND(CTL_RULE);
	if (req.verb == CTL_REFUSALS)
		t.kinds |= CTLCLIENT_KIND(CTL_REFUSED);
	t.kinds &= ~(CTLCLIENT_KIND(CTL_END) | 1u);
	t.stop = fuzz_u8(&in) % 16;
	err = ctlclient_request("/ctl", &req, t.kinds, take, &t, &end);
	while (i < sizeof(errs) / sizeof(errs[0]) && err != -errs[i])
		i++;
	CHECK(i < sizeof(errs) / sizeof(errs[0]));
	CHECK((err == -ENOMEM) == (t.stop && t.n == t.stop));
	if (err)
		CHECK(end.err == 77);
	else
		CHECK(end.err <= CTL_EFAIL && end.refusal < REFUSALS);
	CHECK(now_ms <= START_MS + CTLCLIENT_WAIT_MS);
}

/* ---- a command ----------------------------------------------------------- */

struct command {
	int (*run)(struct cmd *);
	const char *arg[4];
	enum menu menu;		/* MENU_ROOT: the first that has it */
	bool json;
	bool stays;		/* until the server closes */
};

static const struct command commands[] = {
	{ mapprint_run },
	{ mapprint_run, { "detail" } },
	{ mapprint_run, .json = true },
	{ mapprint_run, { "where", "by=192.168.88.10" } },
	{ mapchange_add, { "protocol=tcp", "external-port=2000",
			"to=192.168.88.10:80", "lease=60" } },
	{ mapchange_remove, { "all" } },
	{ mapchange_remove, { "tcp:2048" } },
	{ mapchange_remove, { "0,1" } },
	{ status_run },
	{ status_run, .json = true },
	{ metrics_run },
	{ resync_run },
	{ mapmonitor_run, .stays = true },
	{ mapmonitor_run, .json = true, .stays = true },
	{ listprint_run, { "stats" }, MENU_RULES },
	{ listprint_run, .menu = MENU_RULES, .json = true },
	{ refusals_print },
	{ refusals_print, { "detail" } },
	{ refusals_print, .json = true },
};

static const char *conf_file(void)
{
	static char path[128], text[256];
	static pid_t owner;
	struct wr w = wr_init(text, sizeof(text));

	if (owner == getpid())
		return path;
	owner = getpid();
	wr_fmt(&w, "control-socket = %s/ctl\npid-file = %s/pid\n"
	       "deny 0-65535 10.0.0.0/8 0-65535\nallow 1 10.0.0.0/8 1\n"
	       "[interface wan0]\ntype = external\n"
	       "[interface wan1]\ntype = external\n",
	       fuzz_dir(), fuzz_dir());
	snprintf(path, sizeof(path), "%s", fuzz_file("conf", text, w.len));
	return path;
}

static void run(const struct command *c)
{
	struct cmd_env env = { .file = conf_file(), .json = c->json,
			       .lists = verbs_lists };
	struct cmd cmd = { .env = &env, .verb = verbs_table };
	struct str words[4];
	size_t n = 0;
	int status;

	seen.json = c->json;
	while (cmd.verb->run != c->run ||
	       (c->menu != MENU_ROOT && cmd.verb->menu != c->menu))
		cmd.verb++;
	cmd.menu = cmd.verb->menu;
	for (; n < 4 && c->arg[n]; n++)
		words[n] = str_z(c->arg[n]);
	CHECK(!args_read(&cmd, words, n));
	status = c->run(&cmd);
	out_flush();
	/* CMD_USAGE: more than one mapping matches */
	CHECK(status == CMD_OK || status == CMD_FAULT ||
	      c->run == mapchange_remove);
	CHECK(!seen.quoted && !seen.escaped && !seen.depth);
	CHECK(!seen.last || seen.last == '\n');
	CHECK(!seen.last_err || seen.last_err == '\n');
	CHECK(status == CMD_OK || seen.err_n || seen.last);
	/* each connection by itself; "remove all" makes some of them */
	if (!c->stays && c->run != mapchange_remove &&
	    c->run != resync_run)
		CHECK(now_ms <= START_MS + CTLCLIENT_WAIT_MS);
}

/* ---- a run --------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t which;

	in = (struct str){ (const char *)data, n };
	now_ms = START_MS;
	client_fd = server_fd = -1;
	recv_err = 0;
	stdout_gone = false;
	sent_n = taken_n = 0;
	memset(&seen, 0, sizeof(seen));
	which = fuzz_u8(&in) - (size_t)'a';
	if (which < sizeof(commands) / sizeof(commands[0]))
		run(&commands[which]);
	else
		ask();
	CHECK(!is_open(client_fd));
	hang_up();
	return 0;
}
