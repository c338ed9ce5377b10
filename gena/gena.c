/* SPDX-License-Identifier: ISC */
/*
 * gena.c - subscriptions and events.
 *
 * Each evented variable has a version (genatopic.h). For each variable a
 * subscriber has two versions: the last one in a message (notified) and the last
 * one in a message that arrived (confirmed). A version other than notified is a
 * reason to send a message. The message has all variables that are not
 * confirmed, so the next message repeats what a failed delivery lost. A new
 * subscriber has confirmed nothing, so its initial event has all variables.
 *
 * When a client or the pool has no place left, a subscription whose messages
 * fail gives up its place. A failure is seen only when a message is sent, so
 * before that the older subscriptions get one.
 *
 * Never does: retry a message that failed at every URL (UDA 1.1 4.3.2: the
 * message is dropped, the subscription stays); log.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "base/bufpool.h"
#include "base/mem.h"
#include "gena/gena.h"
#include "base/wr.h"
#include "gena/genamsg.h"
#include "gena/genasend.h"
#include "gena/genatopic.h"
#include "igd/peer.h"

#define ANSWER_EXTRA_MAX 96

struct sub {
	struct gena *gena;
	struct genatopic *topic;	/* NULL: the slot is free */
	char sid[GENAMSG_SID_LEN + 1];
	struct addr peer, local;
	int ifindex;		/* the interface of @local */
	struct addr share;	/* by what the client is counted */
	uint32_t seq;		/* of the next message, or the current one */
	uint64_t expires_ms;
	uint64_t next_ms;	/* no message is sent earlier */
	uint64_t deadline_ms;	/* of the current message */
	uint64_t turn;		/* order of (re)newals: lower is older */
	uint32_t failed;	/* messages in a row that did not arrive */
	uint32_t asked;		/* how often the current one has waited for
				 * must_ask() */
	size_t url;		/* index of the URL in use */
	char *buf;		/* current message; NULL: none */
	uint32_t notified[GENA_VARS_MAX];
	uint32_t confirmed[GENA_VARS_MAX];
	struct genasend send;
	struct genamsg_callback callback;
};

struct gena {
	struct loop *loop;
	struct gena_config config;
	struct bufpool pool;
	struct loop_timer timer;
	bool dirty;
	uint64_t turn;
	uint64_t probed_ms;	/* all were, last */
	size_t used;
	struct genatopics topics;
	struct sub sub[GENA_SUBS_MAX];
	char extra[ANSWER_EXTRA_MAX];
	char body[GENA_BODY_MAX];
};

/* ---- changes ------------------------------------------------------- */

static bool has_changes(const struct sub *s)
{
	return memcmp(s->notified, s->topic->version, sizeof(s->notified)) != 0;
}

/* ---- one message --------------------------------------------------- */

static struct str write_body(struct sub *s)
{
	struct gena *g = s->gena;
	struct wr w = wr_init(g->body, sizeof(g->body));

	genatopic_write(&g->topics, s->topic, s->confirmed,
			loop_now_ms(g->loop), &w);
	memcpy(s->notified, s->topic->version, sizeof(s->notified));
	return w.over ? STR("") : wr_done(&w);
}

/* The remaining URLs share the remaining time, so that a URL that accepts the
 * connection and then hangs does not use the time of the next. */
static uint64_t url_deadline_ms(const struct sub *s)
{
	uint64_t now_ms = loop_now_ms(s->gena->loop);

	if (now_ms >= s->deadline_ms)
		return now_ms;
	return now_ms + (s->deadline_ms - now_ms) / (s->callback.n - s->url);
}

/* Is the URL the subscriber's? Another address than the one that subscribed may
 * have changed hands, or was not in the neighbour table. */
static enum map_same owns(const struct sub *s, const struct genamsg_url *url)
{
	const struct peer peer = { s->gena->config.igd, s->ifindex, s->peer };

	return peer_owns(&peer, url->host);
}

/* Is that not known yet of the first URL that may get the message? */
static bool must_ask(const struct sub *s)
{
	enum map_same same = MAP_OTHER;

	for (size_t i = 0; i < s->callback.n && same == MAP_OTHER; i++)
		same = owns(s, &s->callback.url[i]);
	return same == MAP_ASKED;
}

/* The kernel chooses the address from which another one of the subscriber is
 * reached: it may be of the other family. */
static int dial(const struct sub *s, const struct genamsg_url *url)
{
	const struct gena_config *c = &s->gena->config;
	struct addr from = s->local;

	if (owns(s, url) != MAP_SAME)
		return -EACCES;
	if (!addr_equal(url->host, s->peer))
		from = (struct addr){ 0 };
	return c->connect(from, url->host, url->port, s->ifindex);
}

static int try_url(struct sub *s, const struct genamsg_url *url)
{
	struct wr msg = wr_init(s->buf, GENA_MSG_MAX);
	struct genamsg_notify notify = {
		url->host, url->port, genamsg_path(&s->callback, url),
		s->sid, s->seq, write_body(s),
	};
	int fd;

	genamsg_notify(&msg, &notify);
	if (msg.over || !notify.body.n)
		return -ENOSPC;
	fd = dial(s, url);
	if (fd < 0)
		return fd;
	return genasend_start(&s->send, fd, &msg, url_deadline_ms(s));
}

/* End the current message, delivered or not. */
static void finish(struct sub *s, bool arrived)
{
	uint64_t sent_ms = s->send.sent_ms;

	/* the message may have been sent long after begin() */
	if (sent_ms + GENA_MODERATE_MS > s->next_ms)
		s->next_ms = sent_ms + GENA_MODERATE_MS;
	s->failed++;
	if (arrived) {
		s->failed = 0;
		memcpy(s->confirmed, s->notified, sizeof(s->confirmed));
	}
	bufpool_put(&s->gena->pool, s->buf);
	s->buf = NULL;
	s->seq = genamsg_next_seq(s->seq);
}

/* UDA 1.1 4.1.2: the URLs are tried in order until one succeeds. */
static void attempt(struct sub *s)
{
	for (; s->url < s->callback.n; s->url++)
		if (!try_url(s, &s->callback.url[s->url]))
			return;
	finish(s, false);
}

static void begin(struct sub *s, uint64_t now_ms)
{
	if (s->asked < GENA_ASKS_MAX && must_ask(s)) {
		s->asked++;
		s->next_ms = now_ms + GENA_ASK_MS;
		return;
	}
	s->asked = 0;
	/* never NULL: there is a buffer for each subscriber */
	s->buf = bufpool_get(&s->gena->pool);
	s->url = 0;
	s->next_ms = now_ms + GENA_MODERATE_MS;
	s->deadline_ms = now_ms + GENA_ANSWER_MS;
	attempt(s);
}

static void next_attempt(struct sub *s, uint64_t now_ms)
{
	s->url++;
	if (now_ms < s->deadline_ms)
		attempt(s);
	else
		finish(s, false);
}

/* ---- subscribers --------------------------------------------------- */

static void drop(struct sub *s)
{
	struct gena *g = s->gena;

	genasend_stop(&s->send);
	bufpool_put(&g->pool, s->buf);
	s->buf = NULL;
	s->topic->subs--;
	s->topic = NULL;
	g->used--;
	if (!g->used)
		bufpool_trim(&g->pool);
}

/* Set the timer to the first time at which a subscriber needs it. */
static void schedule(struct gena *g)
{
	uint64_t now_ms = loop_now_ms(g->loop), at = UINT64_MAX, wake;

	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		const struct sub *s = &g->sub[i];

		if (!s->topic)
			continue;
		wake = s->expires_ms;
		if (s->buf)
			wake = genasend_due_ms(&s->send);
		else if (has_changes(s))
			wake = s->next_ms;
		wake = wake < s->expires_ms ? wake : s->expires_ms;
		at = wake < at ? wake : at;
	}
	if (!g->used)
		loop_timer_del(g->loop, &g->timer);
	else if (g->dirty || at <= now_ms)
		loop_timer_set(g->loop, &g->timer, 0);
	else
		loop_timer_set(g->loop, &g->timer, at - now_ms);
}

static void run_sub(struct sub *s, uint64_t now_ms)
{
	if (now_ms >= s->expires_ms) {
		drop(s);
	} else if (s->buf) {
		if (now_ms < genasend_due_ms(&s->send))
			return;
		genasend_stop(&s->send);
		next_attempt(s, now_ms);
	} else if (has_changes(s) && now_ms >= s->next_ms) {
		begin(s, now_ms);
	}
}

static void on_timer(struct loop_timer *t)
{
	struct gena *g = LOOP_OWNER(t, struct gena, timer);
	uint64_t now_ms = loop_now_ms(g->loop);

	if (g->dirty)
		genatopic_refresh(&g->topics, now_ms);
	g->dirty = false;
	for (size_t i = 0; i < GENA_SUBS_MAX; i++)
		if (g->sub[i].topic)
			run_sub(&g->sub[i], now_ms);
	schedule(g);
}

static void on_done(struct genasend *send, enum genasend_end how)
{
	struct sub *s = LOOP_OWNER(send, struct sub, send);
	struct gena *g = s->gena;

	if (how == GENASEND_OK)
		finish(s, true);
	else if (how == GENASEND_UNKNOWN)
		drop(s);
	else
		next_attempt(s, loop_now_ms(g->loop));
	schedule(g);
}

void gena_mark_dirty(struct gena *g)
{
	if (!g->used)
		return;
	g->dirty = true;
	loop_timer_set(g->loop, &g->timer, 0);
}

/* ---- SUBSCRIBE and UNSUBSCRIBE ------------------------------------- */

static struct sub *find_sub(struct gena *g, const struct gena_request *req,
			    struct str sid)
{
	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		struct sub *s = &g->sub[i];

		if (s->topic && s->topic->svc == req->svc &&
		    s->topic->n == req->n && str_eq(sid, str_z(s->sid)))
			return s;
	}
	return NULL;
}

static size_t count_of(const struct gena *g, struct addr share)
{
	size_t n = 0;

	for (size_t i = 0; i < GENA_SUBS_MAX; i++)
		n += g->sub[i].topic && addr_equal(g->sub[i].share, share);
	return n;
}

/* Before places run out, send all variables again to the subscriptions of the
 * client, or of all, to find out which of them fail: a program that was killed
 * could not end its own. */
static void probe(struct gena *g, struct addr share, size_t own)
{
	uint64_t now_ms = loop_now_ms(g->loop);
	bool all = g->used >= GENA_SUBS_MAX * 3 / 4 &&
		   now_ms - g->probed_ms >= GENA_PROBE_MS;

	if (!all && own < GENA_SUBS_PER_CLIENT / 2)
		return;
	if (all)
		g->probed_ms = now_ms;
	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		struct sub *s = &g->sub[i];

		if (!s->topic || s->buf ||
		    !(all || addr_equal(s->share, share)))
			continue;
		memset(s->notified, 0, sizeof(s->notified));
		memset(s->confirmed, 0, sizeof(s->confirmed));
	}
}

/* How readily a subscription gives up its place to a new one of @share, which
 * has @own: the one that failed most often, else one with the same callback,
 * else one of the client that has most. 0: not at all */
static size_t readiness(const struct gena *g, const struct sub *s,
			struct addr share, size_t own,
			const struct genamsg_callback *cb)
{
	bool same = addr_equal(s->share, share);
	size_t n;

	if (!same && own >= GENA_SUBS_PER_CLIENT)
		return 0;
	if (s->failed)
		return 2 * GENA_SUBS_MAX + s->failed;
	if (same)
		return genamsg_same(&s->callback, cb) ? 2 * GENA_SUBS_MAX : 0;
	n = count_of(g, s->share);
	return own < GENA_SUBS_SHARE && n > GENA_SUBS_SHARE ? n : 0;
}

/* Return: the subscription that gives up its place, of those that do so equally
 * readily the one that was not renewed for longest; NULL: none */
static struct sub *find_victim(struct gena *g, struct addr share, size_t own,
			       const struct genamsg_callback *cb)
{
	struct sub *found = NULL;
	size_t most = 0, n;

	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		struct sub *s = &g->sub[i];

		n = s->topic ? readiness(g, s, share, own, cb) : 0;
		if (n > most || (found && n == most &&
				 s->turn < found->turn)) {
			found = s;
			most = n;
		}
	}
	return found;
}

/* Return: a slot for a new subscription; NULL if a limit is reached */
static struct sub *find_slot(struct gena *g, const struct gena_request *req,
			     const struct genamsg_callback *cb)
{
	size_t own = count_of(g, req->share), i = 0;
	struct sub *s;

	probe(g, req->share, own);
	if (own < GENA_SUBS_PER_CLIENT && g->used < GENA_SUBS_MAX) {
		while (g->sub[i].topic)
			i++;
		return &g->sub[i];
	}
	s = find_victim(g, req->share, own, cb);
	if (!s || !addr_equal(s->share, req->share))
		igd_refused(g->config.igd, REFUSAL_SUBSCRIBERS,
			    s ? s->peer : req->peer);
	if (s)
		drop(s);
	return s;
}

/* Start or renew the subscription's time, and write the reply. */
static void grant(struct sub *s, const struct httpmsg *head,
		  struct gena_reply *ret)
{
	struct gena *g = s->gena;
	struct wr w = wr_init(g->extra, sizeof(g->extra));
	struct str timeout = { 0 };
	unsigned seconds;

	httpmsg_get(head, STR("TIMEOUT"), &timeout);
	seconds = genamsg_timeout_s(timeout);
	s->expires_ms = loop_now_ms(g->loop) + seconds * 1000u;
	s->turn = ++g->turn;
	wr_fmt(&w, "SID: %s\r\nTIMEOUT: Second-%u\r\n", s->sid, seconds);
	*ret = (struct gena_reply){ 200, wr_done(&w) };
}

static int subscribe(struct gena *g, const struct gena_request *req,
		     struct gena_reply *ret)
{
	const struct peer peer = { g->config.igd, req->ifindex, req->peer };
	/* what the neighbour table does not show yet is decided by dial() */
	const struct genamsg_owner owner = { peer_may_own, &peer };
	struct genatopic *t = genatopic_find(&g->topics, req->svc, req->n);
	struct genamsg_callback callback;
	struct str nt, value;
	uint8_t rnd[16];
	struct sub *s;

	if (!httpmsg_get(req->head, STR("NT"), &nt) ||
	    !str_eq(nt, STR("upnp:event")) ||
	    !httpmsg_get(req->head, STR("CALLBACK"), &value) ||
	    genamsg_callback(value, &owner, &callback))
		return 412;
	if (!t || !t->var_n ||
	    getrandom(rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		return 503;
	s = find_slot(g, req, &callback);
	if (!s)
		return 503;
	*s = (struct sub){
		.gena = g, .topic = t, .callback = callback,
		.peer = req->peer, .local = req->local,
		.ifindex = req->ifindex, .share = req->share,
		.next_ms = loop_now_ms(g->loop) + GENA_INITIAL_MS,
		.send = { .loop = g->loop, .done = on_done },
	};
	t->subs++;
	g->used++;
	g->dirty = true;	/* the topic was not refreshed before */
	genamsg_sid(rnd, s->sid);
	grant(s, req->head, ret);
	return 200;
}

/* With a SID: renew or unsubscribe. */
static int handle_known(struct gena *g, const struct gena_request *req,
		     struct str sid, struct gena_reply *ret)
{
	struct sub *s = find_sub(g, req, sid);

	if (httpmsg_count(req->head, STR("NT")) ||
	    httpmsg_count(req->head, STR("CALLBACK")))
		return 400;
	if (!s)
		return 412;
	if (req->subscribe)
		grant(s, req->head, ret);
	else
		drop(s);
	return 200;
}

void gena_handle(struct gena *g, const struct gena_request *req,
		 struct gena_reply *ret)
{
	uint64_t now_ms = loop_now_ms(g->loop);
	struct str sid;

	*ret = (struct gena_reply){ .extra = STR("") };
	/* An expired subscription must not be renewed or use a slot. */
	for (size_t i = 0; i < GENA_SUBS_MAX; i++)
		if (g->sub[i].topic && now_ms >= g->sub[i].expires_ms)
			drop(&g->sub[i]);
	if (httpmsg_get(req->head, STR("SID"), &sid))
		ret->status = handle_known(g, req, sid, ret);
	else if (req->subscribe)
		ret->status = subscribe(g, req, ret);
	else
		ret->status = 412;
	schedule(g);
}

/* ---- start --------------------------------------------------------- */

struct gena *gena_new(struct loop *loop, const struct gena_config *config)
{
	struct gena *g = mem_new(1, sizeof(*g));

	if (!g)
		return NULL;
	g->loop = loop;
	g->config = *config;
	if (!g->config.connect)
		g->config.connect = genasend_connect;
	g->timer.cb = on_timer;
	genatopic_init(&g->topics, config->igd);
	if (!bufpool_init(&g->pool, GENA_MSG_MAX, GENA_SUBS_MAX))
		return g;
	mem_free(g, 1, sizeof(*g));
	return NULL;
}

void gena_free(struct gena *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < GENA_SUBS_MAX; i++)
		if (g->sub[i].topic)
			drop(&g->sub[i]);
	loop_timer_del(g->loop, &g->timer);
	bufpool_done(&g->pool);
	mem_free(g, 1, sizeof(*g));
}

size_t gena_count(const struct gena *g)
{
	return g->used;
}
