/* SPDX-License-Identifier: ISC */
/*
 * ctlclient.c - upnpctl's end of the control socket.
 *
 * Invariants: the socket never blocks, every wait ends at the deadline; a
 * record is returned only after all of it was checked.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "upnpctl/ctlclient.h"

/* ---- waiting --------------------------------------------------------- */

/* Return: the time left, for poll(): -1 for ever, 0 none */
static int left_ms(const struct ctlclient *c)
{
	uint64_t now = clock_mono_ms();

	if (c->deadline_ms == CTLCLIENT_FOREVER)
		return -1;
	if (now >= c->deadline_ms)
		return 0;
	if (c->deadline_ms - now > INT32_MAX)
		return INT32_MAX;
	return (int)(c->deadline_ms - now);
}

static int wait_for(const struct ctlclient *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int left, n;

	do {
		left = left_ms(c);
		if (left == 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* Sleep before a retry, where poll() cannot wait for the event. */
static int pause_for(const struct ctlclient *c)
{
	int left = left_ms(c);

	if (left == 0)
		return -ETIMEDOUT;
	if (left < 0 || left > CTLCLIENT_RETRY_MS)
		left = CTLCLIENT_RETRY_MS;
	poll(NULL, 0, left);
	return 0;
}

/* ---- connecting and sending ------------------------------------------ */

/* EAGAIN: the queue of the listening socket is full (unix(7)). */
static int connect_to(struct ctlclient *c, const struct sockaddr_un *to)
{
	int err = 0;

	while (!err && connect(c->fd, (const struct sockaddr *)to,
			       sizeof(*to))) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		err = pause_for(c);
	}
	return err;
}

static int send_request(struct ctlclient *c, const struct ctl_req *req)
{
	struct ctl_req r = *req;
	ssize_t n;
	int err;

	r.version = CTL_VERSION;
	do {
		err = wait_for(c, POLLOUT);
		if (err)
			return err;
		n = send(c->fd, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	/* A server that refused the connection may have sent the reason. */
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return -errno;
	return 0;
}

int ctlclient_open(struct ctlclient *c, const char *path,
		   const struct ctl_req *req, uint64_t deadline_ms)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int err;

	*c = (struct ctlclient){ .fd = -1, .deadline_ms = deadline_ms };
	if (!str_copy(to.sun_path, sizeof(to.sun_path), str_z(path)))
		return -ENAMETOOLONG;
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0);
	if (c->fd < 0)
		return -errno;
	err = connect_to(c, &to);
	if (!err)
		err = send_request(c, req);
	if (err)
		ctlclient_close(c);
	return err;
}

void ctlclient_close(struct ctlclient *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* ---- checking records ------------------------------------------------ */

static bool has_nul(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

static bool is_range(uint32_t lo, uint32_t hi)
{
	return lo <= hi && hi <= UINT16_MAX;
}

static bool is_sane_rule(const struct ctl_rule *r)
{
	return !r->line || (r->allow <= 1 && is_range(r->ext_lo, r->ext_hi) &&
			    is_range(r->int_lo, r->int_hi) &&
			    (r->net.addr.family == ADDR_IP4 ||
			     r->net.addr.family == ADDR_IP6) &&
			    r->net.bits <= addr_bits(r->net.addr));
}

/* Of what was refused, nothing need be a rule: only its kind and protocol must
 * be known, and its addresses be addresses. */
static bool is_sane_refused(const struct ctl_refused *r)
{
	return r->why < REFUSALS && r->origin < ORIGINS &&
	       (!r->rule.kind || nat_rule_has_proto(r->rule.kind,
						    r->rule.proto)) &&
	       r->rule.kind < NAT_KINDS &&
	       r->client.family <= ADDR_IP6 &&
	       r->rule.client.family <= ADDR_IP6 &&
	       r->rule.remote.family <= ADDR_IP6;
}

static bool sane(const struct ctl_rep *rep)
{
	const struct ctl_status *s = &rep->status;
	const struct ctl_mapping *m = &rep->mapping;
	const struct nat_rule *r = &m->rule;

	switch (rep->kind) {
	case CTL_END:
		return rep->end.err <= CTL_EFAIL && rep->end.refusal < REFUSALS;
	case CTL_STATUS_IS:
		return has_nul(s->ext_if, sizeof(s->ext_if)) &&
		       s->no_address <= CTL_ADDRESS_PRIVATE &&
		       s->upstream_state < CTL_UPSTREAMS &&
		       s->upstream_way < CTL_WAYS &&
		       s->upstream_error <= UINT16_MAX &&
		       s->ext_private <= 1 && s->protocols < 1u << ORIGINS &&
		       s->served < 1u << ORIGINS && s->http_port <= UINT16_MAX;
	case CTL_MAPPING:
	case CTL_ADDED:
		return nat_rule_sane(r) && m->unique_id <= UINT16_MAX &&
		       m->told_port <= UINT16_MAX &&
		       m->enabled <= 1 && has_nul(m->desc, sizeof(m->desc));
	case CTL_REMOVED:	/* only the key is used */
		return r->kind == NAT_PINHOLE ? nat_rule_sane(r) :
		       r->kind == NAT_PORTMAP && r->ext_port &&
		       nat_rule_has_proto(NAT_PORTMAP, r->proto);
	case CTL_READY:
	case CTL_LOST:
		return true;
	case CTL_RULE:
		return is_sane_rule(&rep->rule);
	case CTL_REFUSED:
		return is_sane_refused(&rep->refused);
	}
	return false;
}

/* @n: length of the record, which may be more than sizeof(*rep) */
static int check(struct ctl_rep *rep, size_t n, unsigned kinds)
{
	struct nat_rule rule;

	if (n == 0)
		return -ECONNRESET;
	if (n < sizeof(rep->version))
		return -EPROTO;
	/* First, because a record of another version may have another size. */
	if (rep->version != CTL_VERSION)
		return -EPROTONOSUPPORT;
	if (n != sizeof(*rep) || rep->kind >= 32 ||
	    !(kinds & CTLCLIENT_KIND(rep->kind)) || !sane(rep))
		return -EPROTO;
	if (rep->kind == CTL_REMOVED) {
		rule = rep->mapping.rule;
		rep->mapping = (struct ctl_mapping){ .rule = rule };
	}
	return 0;
}

/*
 * A server that closes before it has read the request leaves ECONNRESET on the
 * socket. recv() returns that once, before the server's record: read again.
 */
static ssize_t receive(int fd, struct ctl_rep *rep)
{
	ssize_t n = -1;

	/* MSG_TRUNC: return the full length of a truncated record. */
	for (int i = 0; i < 2 && n < 0; i++) {
		n = recv(fd, rep, sizeof(*rep), MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0 && errno != ECONNRESET)
			break;
	}
	return n;
}

int ctlclient_next(struct ctlclient *c, unsigned kinds, struct ctl_rep *ret)
{
	struct ctl_rep rep;
	ssize_t n;
	int err;

	do {
		err = wait_for(c, POLLIN);
		if (err)
			return err;
		n = receive(c->fd, &rep);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return -errno;
	err = check(&rep, (size_t)n, kinds);
	if (!err)
		*ret = rep;
	return err;
}

/* ---- request and all records ----------------------------------------- */

/* @ret_n: number of records before the last */
static int exchange(struct ctlclient *c, unsigned kinds,
		    int (*handle)(void *, const struct ctl_rep *), void *arg,
		    struct ctl_rep *rep, size_t *ret_n)
{
	int err;

	rep->kind = CTL_END;
	for (*ret_n = 0;; ++*ret_n) {
		err = ctlclient_next(c, kinds | CTLCLIENT_KIND(CTL_END), rep);
		if (err || rep->kind == CTL_END)
			return err;
		/* No tables are longer; a bad engine could send for ever. */
		if (*ret_n >= CTLCLIENT_MAPPINGS_MAX)
			return -EPROTO;
		err = handle ? handle(arg, rep) : 0;
		if (err)
			return err;
	}
}

int ctlclient_request(const char *path, const struct ctl_req *req,
		      unsigned kinds,
		      int (*handle)(void *arg, const struct ctl_rep *),
		      void *arg, struct ctl_end *ret_end)
{
	uint64_t deadline = clock_mono_ms() + CTLCLIENT_WAIT_MS;
	struct ctl_rep rep;
	struct ctlclient c;
	size_t n = 0;
	int err;

	do {
		err = ctlclient_open(&c, path, req, deadline);
		if (err)
			return err;
		err = exchange(&c, kinds, handle, arg, &rep, &n);
		ctlclient_close(&c);
	} while (err == -ECONNRESET && n == 0 && pause_for(&c) == 0);
	if (!err)
		*ret_end = rep.end;
	return err;
}
