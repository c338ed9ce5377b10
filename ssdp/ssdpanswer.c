/* SPDX-License-Identifier: ISC */
/*
 * ssdpanswer.c - the answers to searches.
 *
 * A host may search from addresses that nobody has. The kernel then keeps each
 * datagram for three seconds, until ARP has failed, and charges it to the
 * socket that sent it. So every answer has a socket of its own, and its first
 * datagram must leave the kernel before others are sent. Until then the client
 * gets no answer to its other searches, and its search gives up its place if
 * another client needs one.
 *
 * Owns: the sockets of the answers.
 * Runs in: engine
 */
#include "ssdp/ssdpanswer.h"

#include <string.h>
#include <unistd.h>
#include "base/addrshare.h"
#include "base/wr.h"

#define ST_SIZE		sizeof(((struct ssdp_search *)0)->st)

/* The first datagram of an answer is sent within half of the spread. The others
 * are sent a few at a time, because control points with small buffers lose
 * datagrams that arrive together. SSDP_TARGETS_MAX datagrams take 40 ms. */
#define BURST		4
#define BURST_GAP_MS	5

/* The most searches that may wait for one client. */
#define PENDING_PER_CLIENT (SSDP_PENDING_MAX / 2)

#define FOR_EACH(p, a) \
	for (p = (a)->search; p < (a)->search + SSDP_PENDING_MAX; p++)

static void drop(struct ssdpanswer_search *p)
{
	loop_timer_del(p->all->loop, &p->timer);
	if (p->fd >= 0)
		close(p->fd);
	p->from = NULL;
}

/* ---- one search -------------------------------------------------------- */

static uint64_t age_ms(const struct ssdpanswer_search *p)
{
	return loop_now_ms(p->all->loop) - p->at_ms;
}

/* Advance to the next target that matches. Return: false: there is none */
static bool next_match(struct ssdpanswer_search *p, struct wr *ret_st)
{
	const struct ssdp_config *c = p->all->config;

	for (; p->next < c->target_n; p->next++)
		if (ssdpmsg_match(c, p->next, &p->search, ret_st))
			return true;
	return false;
}

/* Take the right to send one more datagram from the client's rate. */
static bool take(struct ssdpanswer_search *p)
{
	struct ssdpanswer *a = p->all;

	return bucket_take(&a->rate, p->share, 1, loop_now_ms(a->loop));
}

/* Answer for the next target that matches. The first datagram was taken from
 * the client's rate when the search arrived. Return: false: there is none, or
 * the client is above its rate */
static bool send_one(struct ssdpanswer_search *p)
{
	const struct ssdpanswer *a = p->all;
	char buf[SSDP_REPLY_MAX], st_buf[ST_SIZE];
	struct wr w = wr_init(buf, sizeof(buf));
	struct wr st = wr_init(st_buf, sizeof(st_buf));

	if (!next_match(p, &st) || (p->left && !take(p)))
		return false;
	ssdpmsg_write_answer(&w, a->config, p->next, wr_done(&st),
			     ifsock_for_urls(p->from)->at.net.addr,
			     a->http_port);
	/* one that cannot be sent is not retried: any may get lost */
	if (!w.over)
		ifsock_send(p->fd, p->from, w.buf, w.len, p->client, p->port);
	p->next++;
	return true;
}

static bool is_held(const struct ssdpanswer_search *p)
{
	return p->fd >= 0 && !p->left && ifsock_has_unsent(p->fd);
}

/* Does a datagram of another search of this client still wait in the kernel? */
static bool is_client_held(const struct ssdpanswer_search *p)
{
	const struct ssdpanswer_search *q;

	FOR_EACH(q, p->all)
		if (q != p && q->from && addr_equal(q->client, p->client) &&
		    is_held(q))
			return true;
	return false;
}

/* Open the socket and send the first datagram. */
static bool begin(struct ssdpanswer_search *p)
{
	p->at_ms = loop_now_ms(p->all->loop);
	p->fd = ifsock_sender(p->from);
	return p->fd >= 0 && send_one(p);
}

/* Return: false: the answer is complete, or failed */
static bool advance(struct ssdpanswer_search *p)
{
	bool more = true;
	unsigned i;

	p->waits = p->fd < 0 ? is_client_held(p) : is_held(p);
	if (p->waits)
		return age_ms(p) < SSDP_LEAVE_MS;
	i = p->fd < 0;
	if (i && !begin(p))
		return false;
	if (is_held(p))
		return true;
	p->left = true;
	for (; i < BURST && more; i++)
		more = send_one(p);
	return more;
}

/* A search that waits is looked at after a quarter more of its time: 25 times
 * instead of 300. */
static void on_answer(struct loop_timer *t)
{
	struct ssdpanswer_search *p = LOOP_OWNER(t, struct ssdpanswer_search,
						 timer);

	if (advance(p))
		loop_timer_set(p->all->loop, t, BURST_GAP_MS +
			       (p->waits ? age_ms(p) / 4 : 0));
	else
		drop(p);
}

/* ---- all searches ------------------------------------------------------- */

/* Return: a place for a search of @share, free or with the search that has to
 * give it up; NULL: there is none, or the client is at its limit */
static struct ssdpanswer_search *find_place(struct ssdpanswer *a,
					    struct addr share)
{
	struct ssdpanswer_search *p, *place = NULL, *oldest = NULL;
	unsigned same_client = 0;

	FOR_EACH(p, a) {
		if (!p->from)
			place = p;
		else if (addr_equal(p->share, share))
			same_client++;
		if (p->from && p->waits &&
		    (!oldest || p->at_ms < oldest->at_ms))
			oldest = p;
	}
	if (same_client >= PENDING_PER_CLIENT)
		return NULL;
	return place ? place : oldest;
}

static struct addr share_of(const struct ssdp_config *c,
			    const struct ifsock *from, struct addr client)
{
	return c->share ? c->share(c->arg, from->at.ifindex, client) :
			  addr_share(client, (struct addr){ 0 });
}

void ssdpanswer_handle(struct ssdpanswer *a, struct str datagram,
		       const struct ifsock *from, struct addr client,
		       uint16_t port)
{
	struct ssdpanswer_search p = {
		.all = a, .from = from, .client = client, .port = port,
		.fd = -1, .at_ms = loop_now_ms(a->loop), .timer.cb = on_answer,
	};
	struct ssdpanswer_search *place;
	char buf[ST_SIZE];
	struct wr st = wr_init(buf, sizeof(buf));

	if (!ssdpmsg_parse_search(datagram, &p.search))
		return;
	p.search.newest = client.family == ADDR_IP6;
	if (!next_match(&p, &st))
		return;
	p.share = share_of(a->config, from, client);
	place = find_place(a, p.share);
	if (!place || !take(&p))
		return;
	if (place->from)
		drop(place);
	*place = p;
	loop_timer_set(a->loop, &place->timer,
		       a->config->rnd() % (SSDP_SPREAD_MS / 2));
}

void ssdpanswer_forget(struct ssdpanswer *a, const struct ifsock *from)
{
	struct ssdpanswer_search *p;

	FOR_EACH(p, a)
		if (p->from == from)
			drop(p);
}

void ssdpanswer_init(struct ssdpanswer *a, struct loop *loop,
		     const struct ssdp_config *config)
{
	uint32_t roots = 0;

	for (size_t i = 0; i < config->target_n; i++)
		roots += !strcmp(config->target[i].nt, "upnp:rootdevice");
	a->loop = loop;
	a->config = config;
	a->rate.burst = SSDP_ANSWERS_BURST * (roots ? roots : 1);
	a->rate.per_s = SSDP_ANSWERS_S * (roots ? roots : 1);
}
