/* SPDX-License-Identifier: ISC */
/*
 * gena.c - subscriptions and events.
 *
 * Each evented variable of a (service, root) has a version that grows when
 * its text is seen to have changed. A subscriber has two numbers for each: what
 * it was told of (seen) and what it has confirmed (sent). New versions above
 * seen are the reason for a message; the message holds everything above sent,
 * so that what a failed delivery lost comes with the next one. A new subscriber
 * has confirmed nothing: its initial event holds all.
 *
 * Never does: retry a message that failed at every URL (UDA 1.1 4.3.2: it is
 * abandoned, the subscription stays); log.
 *
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "base/bufpool.h"
#include "base/hash.h"
#include "base/mem.h"
#include "gena/gena.h"
#include "base/wr.h"
#include "gena/genamsg.h"
#include "gena/genasend.h"
#include "igd/wanip.h"

#define ANSWER_EXTRA_MAX 96
#define VALUE_MAX 256		/* the longest has about 100 bytes */

/* What can be subscribed to: a service under one root. */
struct topic {
	const struct igd_service *svc;
	unsigned n;
	size_t subs;
	size_t var_n;
	const struct igd_var *var[GENA_VARS_MAX];
	uint64_t hash[GENA_VARS_MAX];		/* state_of() */
	uint32_t version[GENA_VARS_MAX];	/* from 1 on */
};

struct sub {
	struct gena *gena;
	struct topic *topic;	/* NULL: the place is free */
	char sid[GENAMSG_SID_LEN + 1];
	uint32_t peer_ip, local_ip;
	uint32_t seq;		/* of the next message, or the one under way */
	uint64_t expires_ms;
	uint64_t next_ms;	/* no message before */
	uint64_t give_up_ms;	/* on the message under way */
	size_t url;		/* the one being tried */
	char *buf;		/* a message is under way; NULL: none */
	uint32_t seen[GENA_VARS_MAX], sent[GENA_VARS_MAX];
	struct genasend send;
	struct genamsg_callback callback;
};

struct gena {
	struct loop *loop;
	struct gena_config config;
	struct bufpool pool;
	struct loop_timer turn;
	bool poked;
	size_t used;
	size_t topic_n;
	struct topic topic[GENA_TOPICS_MAX];
	struct sub sub[GENA_SUBS_MAX];
	char extra[ANSWER_EXTRA_MAX];
	char body[GENA_BODY_MAX];
};

/* ---- what has changed ---------------------------------------------- */

/* A variable that cannot be read now is told as empty. */
static struct str value_of(struct gena *g, const struct topic *t, size_t i,
			   char *buf)
{
	struct wr w = wr_init(buf, VALUE_MAX);

	if (igd_read(g->config.igd, t->svc, t->n, t->var[i],
		     loop_now_ms(g->loop), &w))
		w.len = 0;
	return wr_done(&w);
}

/* A number that changes with the variable. A hash is enough: the values are the
 * gateway's own, nobody crafts a collision. The first mapping takes the place
 * of the dummy, and their number is 1 before and after: without the xor,
 * Windows would go on showing the dummy. */
static uint64_t state_of(struct gena *g, const struct topic *t, size_t i)
{
	char value[VALUE_MAX];
	struct str s = value_of(g, t, i, value);
	uint64_t state = hash_add(HASH_BEGIN, s.p, s.n);

	if (!strcmp(t->var[i]->name, "PortMappingNumberOfEntries"))
		state ^= wanip_dummy_shown(g->config.igd);
	return state;
}

static void refresh_topic(struct gena *g, struct topic *t)
{
	uint64_t hash;

	for (size_t i = 0; i < t->var_n; i++) {
		hash = state_of(g, t, i);
		if (hash == t->hash[i] && t->version[i])
			continue;
		t->hash[i] = hash;
		t->version[i]++;
	}
}

static void refresh(struct gena *g)
{
	g->poked = false;
	for (size_t i = 0; i < g->topic_n; i++) {
		if (g->topic[i].subs)
			refresh_topic(g, &g->topic[i]);
	}
}

static bool has_news(const struct sub *s)
{
	return memcmp(s->seen, s->topic->version, sizeof(s->seen)) != 0;
}

/* ---- one message --------------------------------------------------- */

static struct str write_body(struct sub *s)
{
	struct gena *g = s->gena;
	const struct topic *t = s->topic;
	struct wr w = wr_init(g->body, sizeof(g->body));
	char value[VALUE_MAX];

	genamsg_open(&w);
	for (size_t i = 0; i < t->var_n; i++) {
		if (s->sent[i] != t->version[i])
			genamsg_property(&w, t->var[i]->name,
					 value_of(g, t, i, value));
	}
	genamsg_close(&w);
	memcpy(s->seen, t->version, sizeof(s->seen));
	return w.over ? STR("") : wr_done(&w);
}

/* The URLs that are left share the time that is left: one that takes the
 * connection and then hangs does not use up what is the next one's. */
static uint64_t url_give_up_ms(const struct sub *s)
{
	uint64_t now_ms = loop_now_ms(s->gena->loop);

	if (now_ms >= s->give_up_ms)
		return now_ms;
	return now_ms + (s->give_up_ms - now_ms) / (s->callback.n - s->url);
}

static int try_url(struct sub *s, const struct genamsg_url *url)
{
	const struct gena_config *c = &s->gena->config;
	struct wr msg = wr_init(s->buf, GENA_MSG_MAX);
	struct genamsg_notify notify = {
		s->peer_ip, url->port, genamsg_path(&s->callback, url),
		s->sid, s->seq, write_body(s),
	};
	int fd;

	genamsg_notify(&msg, &notify);
	if (msg.over || !notify.body.n)
		return -ENOSPC;
	fd = c->connect(s->local_ip, s->peer_ip, url->port);
	if (fd < 0)
		return fd;
	return genasend_start(&s->send, fd, &msg, url_give_up_ms(s));
}

/* The message is done with, whether it arrived or not. */
static void finish(struct sub *s, bool arrived)
{
	uint64_t sent_ms = s->send.sent_ms;

	/* it may have left long after it was begun */
	if (sent_ms + GENA_MODERATE_MS > s->next_ms)
		s->next_ms = sent_ms + GENA_MODERATE_MS;
	if (arrived)
		memcpy(s->sent, s->seen, sizeof(s->sent));
	bufpool_put(&s->gena->pool, s->buf);
	s->buf = NULL;
	s->seq = genamsg_next_seq(s->seq);
}

/* UDA 1.1 4.1.2: the URLs are tried in order until one succeeds. */
static void attempt(struct sub *s)
{
	for (; s->url < s->callback.n; s->url++) {
		if (!try_url(s, &s->callback.url[s->url]))
			return;
	}
	finish(s, false);
}

static void begin(struct sub *s, uint64_t now_ms)
{
	/* never NULL: there are as many as subscribers */
	s->buf = bufpool_get(&s->gena->pool);
	s->url = 0;
	s->next_ms = now_ms + GENA_MODERATE_MS;
	s->give_up_ms = now_ms + GENA_ANSWER_MS;
	attempt(s);
}

static void next_attempt(struct sub *s, uint64_t now_ms)
{
	s->url++;
	if (now_ms < s->give_up_ms)
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

/* When there is something to do for it, if nothing happens before. */
static uint64_t wake_ms(const struct sub *s)
{
	uint64_t due = s->expires_ms;
	uint64_t at = due;

	if (s->buf)
		at = genasend_due_ms(&s->send);
	else if (has_news(s))
		at = s->next_ms;
	return at < due ? at : due;
}

static void schedule(struct gena *g)
{
	uint64_t now_ms = loop_now_ms(g->loop), at = UINT64_MAX, wake;

	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		if (!g->sub[i].topic)
			continue;
		wake = wake_ms(&g->sub[i]);
		at = wake < at ? wake : at;
	}
	if (!g->used)
		loop_timer_del(g->loop, &g->turn);
	else if (g->poked || at <= now_ms)
		loop_timer_set(g->loop, &g->turn, 0);
	else
		loop_timer_set(g->loop, &g->turn, at - now_ms);
}

static void turn_sub(struct sub *s, uint64_t now_ms)
{
	if (now_ms >= s->expires_ms) {
		drop(s);
	} else if (s->buf) {
		if (now_ms < genasend_due_ms(&s->send))
			return;
		genasend_stop(&s->send);
		next_attempt(s, now_ms);
	} else if (has_news(s) && now_ms >= s->next_ms) {
		begin(s, now_ms);
	}
}

static void on_turn(struct loop_timer *t)
{
	struct gena *g = LOOP_OWNER(t, struct gena, turn);
	uint64_t now_ms = loop_now_ms(g->loop);

	if (g->poked)
		refresh(g);
	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		if (g->sub[i].topic)
			turn_sub(&g->sub[i], now_ms);
	}
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
	g->poked = true;
	loop_timer_set(g->loop, &g->turn, 0);
}

/* ---- SUBSCRIBE and UNSUBSCRIBE ------------------------------------- */

static struct topic *find_topic(struct gena *g, const struct gena_ask *ask)
{
	for (size_t i = 0; i < g->topic_n; i++) {
		if (g->topic[i].svc == ask->svc && g->topic[i].n == ask->n)
			return &g->topic[i];
	}
	return NULL;
}

static struct sub *find_sub(struct gena *g, const struct gena_ask *ask,
			    struct str sid)
{
	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		struct sub *s = &g->sub[i];

		if (s->topic && s->topic->svc == ask->svc &&
		    s->topic->n == ask->n && str_eq(sid, str_z(s->sid)))
			return s;
	}
	return NULL;
}

/* A place for one more of that client; NULL: a cap is reached. */
static struct sub *find_place(struct gena *g, uint32_t peer_ip)
{
	struct sub *place = NULL;
	size_t own = 0;

	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		struct sub *s = &g->sub[i];

		if (!s->topic)
			place = place ? place : s;
		else
			own += s->peer_ip == peer_ip;
	}
	return own < GENA_SUBS_PER_CLIENT ? place : NULL;
}

/* (Re)start its time, and write what it hears of it. */
static void grant(struct sub *s, const struct httpmsg *head,
		  struct gena_answer *ret)
{
	struct gena *g = s->gena;
	struct wr w = wr_init(g->extra, sizeof(g->extra));
	struct str timeout = { 0 };
	unsigned seconds;

	httpmsg_get(head, STR("TIMEOUT"), &timeout);
	seconds = genamsg_timeout_s(timeout);
	s->expires_ms = loop_now_ms(g->loop) + seconds * 1000u;
	wr_fmt(&w, "SID: %s\r\nTIMEOUT: Second-%u\r\n", s->sid, seconds);
	*ret = (struct gena_answer){ 200, wr_done(&w) };
}

static void start_sub(struct gena *g, struct sub *s, struct topic *t,
		      const struct gena_ask *ask)
{
	*s = (struct sub){
		.gena = g, .topic = t,
		.peer_ip = ask->peer_ip, .local_ip = ask->local_ip,
		.next_ms = loop_now_ms(g->loop) + GENA_INITIAL_MS,
		.send = { .loop = g->loop, .done = on_done },
	};
	t->subs++;
	g->used++;
	g->poked = true;	/* nobody has looked at the topic until now */
}

static int subscribe(struct gena *g, const struct gena_ask *ask,
		     struct gena_answer *ret)
{
	struct topic *t = find_topic(g, ask);
	struct genamsg_callback callback;
	struct str nt, value;
	uint8_t rnd[16];
	struct sub *s;

	if (!httpmsg_get(ask->head, STR("NT"), &nt) ||
	    !str_eq(nt, STR("upnp:event")) ||
	    !httpmsg_get(ask->head, STR("CALLBACK"), &value) ||
	    genamsg_callback(value, ask->peer_ip, &callback))
		return 412;
	s = find_place(g, ask->peer_ip);
	if (!s) {
		igd_refused(g->config.igd, REFUSAL_SUBSCRIBERS, ask->peer_ip);
		return 503;
	}
	if (!t || !t->var_n ||
	    getrandom(rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		return 503;
	start_sub(g, s, t, ask);
	s->callback = callback;
	genamsg_sid(rnd, s->sid);
	grant(s, ask->head, ret);
	return 200;
}

/* With a SID: renew or end. */
static int ask_known(struct gena *g, const struct gena_ask *ask,
		     struct str sid, struct gena_answer *ret)
{
	struct sub *s = find_sub(g, ask, sid);

	if (httpmsg_count(ask->head, STR("NT")) ||
	    httpmsg_count(ask->head, STR("CALLBACK")))
		return 400;
	if (!s)
		return 412;
	if (ask->subscribe)
		grant(s, ask->head, ret);
	else
		drop(s);
	return 200;
}

/* Who has expired must neither be renewed nor hold a place. */
static void expire(struct gena *g)
{
	uint64_t now_ms = loop_now_ms(g->loop);

	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		if (g->sub[i].topic && now_ms >= g->sub[i].expires_ms)
			drop(&g->sub[i]);
	}
}

void gena_ask(struct gena *g, const struct gena_ask *ask,
	      struct gena_answer *ret)
{
	struct str sid;

	*ret = (struct gena_answer){ .extra = STR("") };
	expire(g);
	if (httpmsg_get(ask->head, STR("SID"), &sid))
		ret->status = ask_known(g, ask, sid, ret);
	else if (ask->subscribe)
		ret->status = subscribe(g, ask, ret);
	else
		ret->status = 412;
	schedule(g);
}

/* ---- start --------------------------------------------------------- */

static void add_topic(struct gena *g, const struct igd_service *svc, unsigned n)
{
	struct topic *t = &g->topic[g->topic_n];
	unsigned version = model_service_version(svc, n);

	if (g->topic_n == GENA_TOPICS_MAX)
		return;
	g->topic_n++;
	t->svc = svc;
	t->n = n;
	for (size_t i = 0; i < svc->var_n; i++) {
		if (svc->var[i].evented && svc->var[i].since <= version &&
		    t->var_n < GENA_VARS_MAX)
			t->var[t->var_n++] = &svc->var[i];
	}
}

static void add_topics(struct gena *g, unsigned n)
{
	for (size_t d = 0; d < IGD_DEVICES; d++) {
		for (size_t i = 0; i < igd_device[d].service_n; i++)
			add_topic(g, igd_device[d].service[i], n);
	}
}

struct gena *gena_new(struct loop *loop, const struct gena_config *config)
{
	struct gena *g = mem_new(1, sizeof(*g));

	if (!g)
		return NULL;
	g->loop = loop;
	g->config = *config;
	if (!g->config.connect)
		g->config.connect = genasend_connect;
	g->turn.cb = on_turn;
	add_topics(g, 1);
	add_topics(g, 2);
	if (!bufpool_init(&g->pool, GENA_MSG_MAX, GENA_SUBS_MAX))
		return g;
	mem_free(g, 1, sizeof(*g));
	return NULL;
}

void gena_free(struct gena *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < GENA_SUBS_MAX; i++) {
		if (g->sub[i].topic)
			drop(&g->sub[i]);
	}
	loop_timer_del(g->loop, &g->turn);
	bufpool_done(&g->pool);
	mem_free(g, 1, sizeof(*g));
}

size_t gena_count(const struct gena *g)
{
	return g->used;
}
