/* SPDX-License-Identifier: ISC */
/*
 * pmpannounce.c - announce the external address and the epoch.
 *
 * Never does: send anything on an interface that is not internal: it uses only
 * the sockets of internal addresses.
 *
 * Runs in: engine
 */
#include "base/portnumbers.h"
#include "pmp/pmpannounce.h"
#include "pmp/pmpmsg.h"

/* All hosts of a link. */
static const struct addr all_ip4 = { ADDR_IP4, { 224, 0, 0, 1 } };
static const struct addr all_ip6 = { ADDR_IP6, { 0xff, 0x02, [15] = 1 } };

/* An announcement is the answer to a request that nobody sent. Without an
 * external address, that of NAT-PMP is an error (RFC 6886 3.5). */
static void send_one(const struct pmpannounce_link *l, uint8_t version)
{
	const struct pmp_config *c = l->all->config;
	const struct pmpmsg m = { .version = version };
	struct pmpmsg_answer a = { .epoch_s = c->epoch_s(c->arg) };
	struct addr to = l->sock->at.net.addr.family == ADDR_IP4 ? all_ip4 :
								  all_ip6;
	uint8_t buf[PMP_MSG_MAX];
	size_t n;

	if (version == PMP_VERSION_NAT_PMP) {
		a.ext = c->map->ext;
		if (!addr_is_set(a.ext))
			a.result = NATPMP_NETWORK_FAILURE;
	}
	n = pmpmsg_write(&m, (struct str){ NULL, 0 }, &a, buf);
	/* any may get lost: it is sent several times */
	ifsock_send(l->sock->io.fd, l->sock, buf, n, to, PMP_CLIENT_PORT);
}

/* The gaps are 250 ms, and twice as long each time. */
static void on_timer(struct loop_timer *t)
{
	struct pmpannounce_link *l = LOOP_OWNER(t, struct pmpannounce_link,
						timer);
	const struct pmp_config *c = l->all->config;

	if (c->nat_pmp && l->sock->at.net.addr.family == ADDR_IP4)
		send_one(l, PMP_VERSION_NAT_PMP);
	if (c->pcp)
		send_one(l, PMP_VERSION_PCP);
	if (++l->sent < PMP_ANNOUNCE_N)
		loop_timer_set(l->all->loop, t, (uint64_t)PMP_ANNOUNCE_MS <<
						(l->sent - 1));
}

static void begin(struct pmpannounce_link *l)
{
	l->sent = 0;
	loop_timer_set(l->all->loop, &l->timer, 0);
}

void pmpannounce_begin(struct pmpannounce *a, const struct ifsock *sock)
{
	struct pmpannounce_link *l = &a->link[ifsock_index(sock)];

	l->sock = sock;
	begin(l);
}

void pmpannounce_again(struct pmpannounce *a)
{
	for (size_t i = 0; i < IFSOCKS_MAX; i++)
		if (a->link[i].sock)
			begin(&a->link[i]);
}

void pmpannounce_end(struct pmpannounce *a, const struct ifsock *sock)
{
	struct pmpannounce_link *l = &a->link[ifsock_index(sock)];

	loop_timer_del(a->loop, &l->timer);
	l->sock = NULL;
}

void pmpannounce_init(struct pmpannounce *a, struct loop *loop,
		      const struct pmp_config *config)
{
	a->loop = loop;
	a->config = config;
	for (size_t i = 0; i < IFSOCKS_MAX; i++) {
		a->link[i].all = a;
		a->link[i].timer.cb = on_timer;
	}
}
