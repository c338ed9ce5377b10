/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ctlserver.c - the control socket, over real connections.
 *
 * Input: steps, each a byte for the action, followed by its arguments.
 *
 * Holds: the answers are complete records of this version and of a known kind;
 * after CTL_END the connection is closed, and nothing follows; no client stays
 * connected beyond its time; and the properties of fuzz_igd.h about table and
 * kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "engine/ctlserver.h"
#include "fuzz.h"
#include "fuzz_dir.h"
#include "fuzz_igd.h"

#define CLIENTS (CTL_CLIENTS_MAX + 2)
#define STEPS_MAX 200

static struct gateway gw;
static struct ctlserver *ctl;
static struct loop *loop;
static struct sockaddr_un at;
static int listener = -1;
static pid_t owner;		/* who made the listener; replay.c forks */

static struct client {
	int fd;			/* -1: not connected */
	bool ended;		/* CTL_END was received */
} client[CLIENTS];

static uint64_t fake_clock(void)
{
	return gw.now_ms;
}

static void on_stored(const struct pm_entry *e)
{
	ctlserver_stored(ctl, e);
}

static void on_gone(const struct nat_rule *r)
{
	ctlserver_gone(ctl, r);
}

static void on_status(void *arg, struct ctl_status *ret)
{
	ret->mappings = (uint32_t)portmap_count(gw.map.pm);
}

static void on_verify(void *arg)
{
}

static struct recent recent;	/* empty */
static const struct ctlserver_ops ops = { on_status, on_verify, NULL,
					   &recent };

/* ---- upnpctl ------------------------------------------------------------- */

static void rounds(void)
{
	for (int i = 0; i < 3; i++)
		CHECK(loop_step(loop, 0) == 0);
}

static void connect_client(struct client *c)
{
	int fd;

	if (c->fd >= 0)
		return;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	*c = (struct client){ .fd = fd };
	rounds();
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	rounds();
}

static void check_rule(const struct nat_rule *r)
{
	CHECK(nat_rule_sane(r));
	CHECK(policy_check(&gw.map.policy, r, addr_any(),
			   NULL) == REFUSAL_NONE);
}

static void check_rep(const struct ctl_rep *rep)
{
	CHECK(rep->version == CTL_VERSION);
	switch (rep->kind) {
	case CTL_END:
		CHECK(rep->end.err <= CTL_EFAIL);
		CHECK(rep->end.refusal < REFUSALS);
		CHECK(!rep->end.refusal || rep->end.err);
		break;
	case CTL_MAPPING:
	case CTL_ADDED:
	case CTL_REMOVED:
		check_rule(&rep->mapping.rule);
		CHECK(memchr(rep->mapping.desc, '\0', PM_DESC_MAX + 1));
		break;
	case CTL_LOST:
		CHECK(rep->lost);
		break;
	default:
		CHECK(rep->kind == CTL_STATUS_IS || rep->kind == CTL_READY);
	}
}

static void read_answers(struct client *c)
{
	struct ctl_rep rep;
	ssize_t n = -1;

	while (c->fd >= 0 && (n = recv(c->fd, &rep, sizeof(rep),
				       MSG_TRUNC)) > 0) {
		CHECK(n == sizeof(rep) && !c->ended);
		check_rep(&rep);
		c->ended = rep.kind == CTL_END;
	}
	if (c->fd >= 0 && c->ended)
		CHECK(n == 0 || errno == ECONNRESET);
	if (n == 0)
		hang_up(c);
}

/* A pinhole to the same host. */
static void make_pinhole(struct nat_rule *r)
{
	r->kind = NAT_PINHOLE;
	r->ext_port = 0;
	r->client = gw_lan6(r->client.byte[3]);
	if (addr_is_set(r->remote))
		r->remote = gw_lan6(200);
}

/* A record with plausible fields more often than not. */
static struct ctl_req make_request(struct str *in)
{
	struct ctl_req q;
	size_t n;

	memset(&q, 0, sizeof(q));
	q.version = CTL_VERSION;
	q.verb = fuzz_u8(in);
	q.rule.kind = NAT_PORTMAP;
	q.rule.proto = fuzz_u8(in) % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	q.rule.client = GW_CLIENT(fuzz_u8(in) % 4);
	q.rule.ext_port = (uint16_t)(2000 + fuzz_u8(in) % 8);
	q.rule.int_port = fuzz_u16(in);
	q.rule.remote = fuzz_u8(in) % 2 ? addr_any() : addr_ip4(0x08080808);
	q.lease_s = fuzz_u8(in);
	if (q.verb & 64)
		make_pinhole(&q.rule);
	q.verb &= ~64u;
	n = fuzz_u8(in);
	n = n > 250 ? sizeof(q.desc) : n;	/* then without a NUL */
	for (size_t i = 0; i < n; i++)
		q.desc[i] = i < in->n ? in->p[i] : 'x';
	*in = str_skip(*in, n);
	return q;
}

/* Overwrite a part of a record with bytes of the input, of any length. */
static void ask(struct client *c, struct str *in)
{
	struct {
		struct ctl_req q;
		char more[8];
	} rec = { .q = make_request(in) };
	size_t at_byte, n, len = sizeof(rec.q);

	at_byte = fuzz_u16(in) % sizeof(rec);
	for (n = fuzz_u8(in) % 16; n && at_byte < sizeof(rec); n--)
		((char *)&rec)[at_byte++] = (char)fuzz_u8(in);
	n = fuzz_u8(in);
	if (n > 200)
		len = n > 250 ? sizeof(rec) : n - 200;
	if (c->fd >= 0)
		send(c->fd, &rec, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	rounds();
}

static void step(struct str *in)
{
	uint8_t what = fuzz_u8(in);
	struct client *c = &client[what / 8 % CLIENTS];

	switch (what % 8) {
	case 0:
	case 1:
		connect_client(c);
		ask(c, in);
		break;
	case 2:
		ask(c, in);
		break;
	case 3:
		hang_up(c);
		break;
	case 4:
		read_answers(c);
		break;
	case 5:
		gw_answer(&gw, (enum nat_err)(what / 8 % 6));
		break;
	case 6:
		ctlserver_verified(ctl, what & 8, what & 16);
		break;
	case 7:
		gw_pass(&gw, what / 8 * 1000u);
		break;
	}
	rounds();
}

/* ---- a run --------------------------------------------------------------- */

static void init(void)
{
	if (owner == getpid())
		return;
	owner = getpid();
	at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/ctl", fuzz_dir());
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	CHECK(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(listener, CTL_CLIENTS_MAX) == 0);
}

static void finish(void)
{
	gw_settle(&gw, NAT_OK);
	ctlserver_verified(ctl, true, false);
	rounds();
	gw_check(&gw);
	for (size_t i = 0; i < CLIENTS; i++) {
		read_answers(&client[i]);
		hang_up(&client[i]);
	}
	gw_pass(&gw, 3 * CTL_TURN_MS);
	rounds();
	gw_settle(&gw, NAT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };

	init();
	gw_init(&gw);
	gw.stored = on_stored;
	gw.gone = on_gone;
	for (size_t i = 0; i < CLIENTS; i++)
		client[i] = (struct client){ .fd = -1 };
	loop = loop_new(CTL_CLIENTS_MAX + 1, fake_clock);
	ctl = ctlserver_new(loop, listener, getuid(), &gw.map, &ops);
	CHECK(ctl);
	for (int i = 0; i < STEPS_MAX && in.n; i++)
		step(&in);
	finish();
	/* all have closed: as many can connect again */
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		connect_client(&client[i]);
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		read_answers(&client[i]);
		CHECK(client[i].fd >= 0 && !client[i].ended);
	}
	ctlserver_free(ctl);
	for (size_t i = 0; i < CLIENTS; i++)
		if (client[i].fd >= 0)
			close(client[i].fd);
	loop_free(loop);
	gw_done(&gw);
	return 0;
}
