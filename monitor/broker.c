/* SPDX-License-Identifier: ISC */
/*
 * broker.c - what the engine may ask for, and having it done.
 *
 * Never does: believe the engine. A rule that policy forbids is answered
 * NAT_EREFUSED; a request that is no request is -EPROTO, and the monitor ends
 * the engine.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "sys/netif.h"
#include "monitor/broker.h"
#include "natfw/table.h"
#include "natfw/watch.h"
#include "ipc/brokermsg.h"
#include "conf/ifstate.h"

#define MORE_A_CLIENT "engine asked for more than max-mappings-per-client"

/* SETs and DELs that came together. */
struct batch {
	struct nat_op op[NAT_BATCH_MAX];
	uint32_t id[NAT_BATCH_MAX];
	enum nat_err err[NAT_BATCH_MAX];
	size_t n;
	unsigned flushed;	/* changes of the kernel, if all went well */
	bool enough;		/* for this turn */
};

/* ---- the environment ----------------------------------------------------- */

static void fill_env(const struct broker *g, const struct ifstate *r,
		     struct natfw_env *env)
{
	const struct conf *c = g->conf;

	memset(env, 0, sizeof(*env));
	memcpy(env->ext_if, conf_external(c)->name, IF_NAMESIZE);
	env->ext_ip = ifstate_usable_ip(ifstate_external(r), c);
	env->hairpin = c->hairpin;
	env->masquerade = c->masquerade;
	str_copy(env->nft_table, sizeof(env->nft_table), str_z(c->nft_table));
	str_copy(env->nft_chain, sizeof(env->nft_chain), str_z(c->nft_chain));
	for (size_t i = 0; i < r->net_n && env->net_n < CONF_IFACES_MAX; i++)
		env->net[env->net_n++] = r->net[i];
}

static int read_env(struct broker *g, struct natfw_env *env)
{
	struct ifstate r;
	int err = ifstate_read(g->conf, &r);

	if (err) {
		log_err("interfaces can not be read: %s", strerror(-err));
		return err;
	}
	ifstate_policy(&r, g->conf, &g->policy);
	g->incomplete = !ifstate_complete(&r, g->conf);
	fill_env(g, &r, env);
	return 0;
}

/* What has come by now is our own doing, as far as it is not more than we did:
 * somebody may be at work at the same time, and not be done yet.
 * @changes: of the kernel, by us, since we listened last */
static void heard(struct broker *g, unsigned changes)
{
	if (g->watch_fd >= 0 &&
	    watch_read(g->watch_fd) > changes * g->fw.be->commits)
		g->suspect = true;
}

int broker_refresh(struct broker *g)
{
	struct natfw_env env;
	int err = read_env(g, &env);

	if (err || memcmp(&env, &g->fw.env, sizeof(env)) == 0)
		return err;
	err = natfw_move(&g->fw, &env);
	heard(g, 1);
	if (err)
		log_err("firewall: %s", g->fw.why);
	return err;
}

void broker_changed(struct broker *g)
{
	heard(g, 0);
}

int broker_verify(struct broker *g)
{
	int got;

	if (!g->open)
		return 0;
	heard(g, 0);
	g->suspect = false;	/* that is what we look at now */
	got = broker_refresh(g);
	if (got)
		return got;
	got = natfw_verify(&g->fw);
	heard(g, got != 0);
	if (got > 0) {
		g->repairs++;
		log_warn("firewall: our rules had been changed; repaired");
	} else if (got < 0) {
		log_err("firewall: %s", g->fw.why);
	}
	return got;
}

const char *broker_fault(const struct broker *g)
{
	return g->open && g->fw.dirty ? g->fw.why : "";
}

static void free_lists(struct broker *g)
{
	mem_free(g->staged, g->conf->max_mappings, sizeof(*g->staged));
	g->staged = NULL;
	flows_close(&g->flows);
}

static int alloc_lists(struct broker *g)
{
	const size_t max = g->conf->max_mappings;

	g->staged = mem_new(max, sizeof(*g->staged));
	if (g->staged && !flows_open(&g->flows, &g->fw, max > NAT_BATCH_MAX ?
				     max : NAT_BATCH_MAX))
		return 0;
	free_lists(g);
	return -ENOMEM;
}

int broker_open(struct broker *g, const struct conf *conf)
{
	const struct natfw_backend *be;
	struct natfw_env env;
	const char *why;
	int err;

	/* the rest is zero */
	g->conf = conf;
	g->watch_fd = -1;
	err = read_env(g, &env);
	if (err)
		return err;
	be = natfw_find(conf->backend, &env, &why);
	if (!be) {
		log_err("no backend for the firewall: %s", why);
		return -ENOENT;
	}
	err = natfw_init(&g->fw, conf->max_mappings);
	if (err)
		return err;
	err = alloc_lists(g);
	if (err) {
		natfw_done(&g->fw);
		return err;
	}
	g->open = true;
	if (be->commits)
		g->watch_fd = watch_open();
	g->why = why;
	log_info("backend %s: %s", be->name, why);
	if (natfw_open(&g->fw, be, &env))
		log_err("firewall: %s; trying again every %u s", g->fw.why,
			(unsigned)conf->verify_interval);
	heard(g, 0);
	g->suspect = false;	/* our own tables and chains */
	return 0;
}

void broker_close(struct broker *g)
{
	if (!g->open)
		return;
	flows_kill(&g->flows, g->now_ms);
	natfw_close(&g->fw);
	natfw_done(&g->fw);
	if (g->watch_fd >= 0)
		close(g->watch_fd);
	free_lists(g);
	/* a reload may come between a link's down and its up */
	*g = (struct broker){ .routes = g->routes, .repairs = g->repairs };
}

void broker_reset(struct broker *g)
{
	if (!g->staged_n)
		return;
	g->staged_by = (struct clientcount){ { 0 } };
	g->staged_n = 0;
}

/* ---- judging ------------------------------------------------------------- */

/* Whoever asks for things without end, the log is not his to fill. */
static bool may_say(struct broker *g)
{
	unsigned dropped;
	bool may = lograte_may(&g->rate, g->now_ms, &dropped);

	if (dropped)
		log_warn("engine: %u more lines on its requests within a "
			 "second dropped", dropped);
	return may;
}

/* The engine has asked itself the same question: an answer other than yes
 * means that it is not to be believed. */
static enum nat_err check_rule(struct broker *g, const struct nat_rule *rule)
{
	enum policy_verdict v;

	if (!nat_rule_sane(rule) || rule->kind != NAT_PORTMAP)
		return NAT_EREFUSED;
	v = policy_check(&g->policy, rule, 0, NULL);
	if (v == POLICY_OK)
		return NAT_OK;
	/* it keeps the mappings of a network that may come back */
	if ((v != POLICY_OUTSIDE || !g->incomplete) && may_say(g))
		log_warn("engine asked for a rule that policy forbids: %s",
			 policy_text(v));
	return NAT_EREFUSED;
}

/* A port that the router serves itself is never taken from it. */
static enum nat_err check_port(struct broker *g, const struct nat_rule *rule)
{
	const uint64_t *field = rule->proto == IPPROTO_TCP ? g->ports.tcp :
							     g->ports.udp;
	int err = 0;

	if (natfw_lookup(&g->fw, rule))
		return NAT_OK;
	if (!g->looked)
		err = ports_listening(g->fw.env.ext_ip, &g->ports);
	if (err) {
		if (may_say(g))
			log_err("the router's own ports can not be read: %s",
				strerror(-err));
		return NAT_EFAIL;
	}
	g->looked = true;
	return ports_set(field, rule->ext_port) ? NAT_ECONFLICT : NAT_OK;
}

/* Does @rule give its client a rule more than it has in the table? */
static bool is_one_more(const struct broker *g, const struct nat_rule *rule)
{
	const struct nat_rule *old = natfw_lookup(&g->fw, rule);

	return !old || old->client.ip != rule->client.ip;
}

/* The engine counts what it asks to delete until it is gone, so that an honest
 * one is never above it. */
static enum nat_err check_client(struct broker *g, const struct batch *b,
				 const struct nat_rule *rule)
{
	const size_t max = g->conf->max_per_client;
	const size_t enough = max > b->n ? max - b->n : 0;
	size_t n = table_client_n(&g->fw, rule->client.ip, enough);

	/* even if all that came with it are this client's */
	if (n < enough || !is_one_more(g, rule))
		return NAT_OK;
	for (size_t i = 0; i < b->n; i++)
		n += b->op[i].verb == NAT_SET &&
		     b->op[i].rule.client.ip == rule->client.ip &&
		     is_one_more(g, &b->op[i].rule);
	if (n < max)
		return NAT_OK;
	if (may_say(g))
		log_warn(MORE_A_CLIENT);
	return NAT_ENOSPC;
}

static enum nat_err check(struct broker *g, struct batch *b,
			  const struct broker_req *req)
{
	enum nat_err err;

	if (req->verb == BROKER_DEL)
		return nat_rule_sane(&req->rule) ? NAT_OK : NAT_EREFUSED;
	err = check_rule(g, &req->rule);
	if (!err)
		err = check_client(g, b, &req->rule);
	return err ? err : check_port(g, &req->rule);
}

/* ---- the external link --------------------------------------------------- */

/* A link that is down has no routes any more: what was saved when it went
 * down is kept. */
static int save_routes(struct broker *g)
{
	struct ifstate r;
	int err = ifstate_read(g->conf, &r);

	if (err || !ifstate_external(&r)->up)
		return err;
	return route_save(ifstate_external(&r)->ifindex, &g->routes);
}

static void restore_routes(struct broker *g, const char *name)
{
	int err = route_restore(&g->routes);

	if (err && may_say(g))
		log_warn("some routes over %s could not be put back: %s", name,
			 strerror(-err));
	memset(&g->routes, 0, sizeof(g->routes));
}

static enum nat_err link_set(struct broker *g, bool up)
{
	const char *name = conf_external(g->conf)->name;
	int err = 0;

	if (!g->conf->allow_disable_external)
		return NAT_EREFUSED;
	if (!up)
		err = save_routes(g);
	if (!err)
		err = netif_set_up(name, up);
	if (err) {
		if (may_say(g))
			log_err("%s can not be taken %s: %s", name,
				up ? "up" : "down", strerror(-err));
		return NAT_EFAIL;
	}
	if (may_say(g))
		log_warn("%s taken %s for a control point", name,
			 up ? "up" : "down");
	if (up)
		restore_routes(g, name);
	return NAT_OK;
}

/* ---- serving ------------------------------------------------------------- */

static int reply(int fd, const struct broker_rep *rep)
{
	if (send(fd, rep, sizeof(*rep), MSG_NOSIGNAL) == sizeof(*rep))
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -EXFULL;
}

static int answer(int fd, const struct broker_req *req, enum nat_err err)
{
	const struct broker_rep rep = { req->id, req->verb, (int32_t)err, 0 };

	return reply(fd, &rep);
}

static int answer_verify(struct broker *g, int fd, const struct broker_req *req)
{
	int got = broker_verify(g);
	const struct broker_rep rep = {
		req->id, req->verb, got < 0 ? NAT_EFAIL : NAT_OK, got > 0,
	};

	return reply(fd, &rep);
}

static int batch_flush(struct broker *g, int fd, struct batch *b)
{
	int err = 0;

	if (!b->n)
		return 0;
	flows_room(&g->flows, b->n, g->now_ms);
	for (size_t i = 0; i < b->n; i++)
		flows_note(&g->flows,
			   natfw_lookup(&g->fw, &b->op[i].rule));
	natfw_batch(&g->fw, b->op, b->n, b->err);
	b->flushed++;
	flows_end(&g->flows, g->now_ms);
	for (size_t i = 0; i < b->n && !err; i++) {
		struct broker_req req = { .id = b->id[i], .verb = BROKER_SET };

		if (b->op[i].verb == NAT_DEL)
			req.verb = BROKER_DEL;
		if (b->err[i] == NAT_EFAIL && may_say(g))
			log_err("firewall: %s", g->fw.why);
		err = answer(fd, &req, b->err[i]);
	}
	b->n = 0;
	b->enough = true;
	g->looked = false;
	return err;
}

static int batch_add(struct broker *g, int fd, struct batch *b,
		     const struct broker_req *req)
{
	enum nat_err err = check(g, b, req);

	if (err)
		return answer(fd, req, err);
	b->op[b->n].rule = req->rule;
	b->op[b->n].verb = req->verb == BROKER_SET ? NAT_SET : NAT_DEL;
	b->id[b->n++] = req->id;
	return 0;
}

/* Without the counter, a long sync would cost its square. */
static bool stage_full(const struct broker *g, uint32_t client)
{
	size_t n = 0;

	if (clientcount_get(&g->staged_by, client) < g->conf->max_per_client)
		return false;
	for (size_t i = 0; i < g->staged_n; i++)
		n += g->staged[i].client.ip == client;
	return n >= g->conf->max_per_client;
}

/* The first table is what the lease file has kept: its ports were asked about
 * then, and who serves them now may just have come up after us. */
static bool stage_fits(struct broker *g, const struct nat_rule *rule)
{
	return check_rule(g, rule) == NAT_OK &&
	       (!g->synced || check_port(g, rule) == NAT_OK);
}

static void stage_rule(struct broker *g, const struct nat_rule *rule)
{
	const char *why = NULL;

	if (g->staged_n == g->conf->max_mappings) {
		why = "engine syncs more rules than max-mappings";
	} else if (stage_full(g, rule->client.ip)) {
		why = MORE_A_CLIENT;
	} else if (stage_fits(g, rule)) {
		g->staged[g->staged_n++] = *rule;
		clientcount_add(&g->staged_by, rule->client.ip);
	}
	if (why && may_say(g))
		log_warn("%s", why);
}

static enum nat_err sync_end(struct broker *g)
{
	int err;

	flows_room(&g->flows, g->fw.rule_n, g->now_ms);
	for (size_t i = 0; i < g->fw.rule_n; i++)
		flows_note(&g->flows, &g->fw.rule[i]);
	err = natfw_sync(&g->fw, g->staged, g->staged_n);
	flows_end(&g->flows, g->now_ms);
	broker_reset(g);
	g->synced = true;
	if (err && may_say(g))
		log_err("firewall: %s", g->fw.why);
	return err ? NAT_EFAIL : NAT_OK;
}

static int serve(struct broker *g, int fd, struct batch *b,
		 const struct broker_req *req)
{
	int err;

	if (req->verb == BROKER_SET || req->verb == BROKER_DEL)
		return batch_add(g, fd, b, req);
	err = batch_flush(g, fd, b);
	if (err)
		return err;
	b->enough |= req->verb != BROKER_SYNC_RULE;
	switch (req->verb) {
	case BROKER_SYNC_RULE:
		stage_rule(g, &req->rule);
		return 0;
	case BROKER_SYNC_END:
		b->flushed++;
		return answer(fd, req, sync_end(g));
	case BROKER_REFRESH:
		broker_reset(g);	/* a sync begins, or begins anew */
		return answer(fd, req, broker_refresh(g) ? NAT_EFAIL : NAT_OK);
	case BROKER_LINK_UP:
	case BROKER_LINK_DOWN:
		return answer(fd, req,
			      link_set(g, req->verb == BROKER_LINK_UP));
	case BROKER_VERIFY:
		return answer_verify(g, fd, req);
	case BROKER_SERVING:
		g->serving = true;
		return answer(fd, req, NAT_OK);
	}
	return -EPROTO;
}

/* The next request. Return: 1 one is there, 0 none now, -errno */
static int receive(int fd, struct broker_req *ret)
{
	/* one byte of room more than a record: a longer one shows */
	char raw[sizeof(*ret) + 1];
	ssize_t n = recv(fd, raw, sizeof(raw), 0);

	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (n != sizeof(*ret))
		return -EPROTO;
	memcpy(ret, raw, sizeof(*ret));
	return 1;
}

/* One turn: who always has another request is not to keep the monitor from its
 * signals, timers and other sockets. */
int broker_serve(struct broker *g, int fd)
{
	struct batch b;
	struct broker_req req;
	int got = 1, err = 0;

	b.n = b.flushed = 0;
	b.enough = g->looked = false;
	heard(g, 0);
	for (int i = 0; i < NAT_BATCH_MAX && !err && !b.enough; i++) {
		got = receive(fd, &req);
		if (got <= 0)
			break;
		err = serve(g, fd, &b, &req);
	}
	if (!err)
		err = batch_flush(g, fd, &b);
	heard(g, b.flushed);
	return err ? err : got < 0 ? got : 0;
}
