/* SPDX-License-Identifier: ISC */
/*
 * broker.c - checks each request of the engine and has the backend carry it
 * out.
 *
 * Never does: trust the engine. A rule that policy forbids is answered
 * NAT_EREFUSED. A malformed request is -EPROTO, and the monitor kills the
 * engine.
 * Runs in: monitor
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

#define OVER_CLIENT_LIMIT "engine asked for more than max-mappings-per-client"
#define NO_PINHOLES "engine asked for a pinhole, and the backend has none"

static void note_nets_left(struct broker *g, size_t left)
{
	bool is_new = left != g->nets_left;

	g->nets_left = left;
	if (is_new && left && (g->conf->hairpin || g->conf->masquerade))
		log_warn("firewall: there are more than %d internal networks; "
			 "%u of them have no hairpin and no masquerade",
			 NETWORKS_SERVED_MAX, (unsigned)left);
}

static int read_env(struct broker *g, struct natfw_env *env)
{
	const struct conf *c = g->conf;
	struct ifstate r;
	int err = ifstate_read(c, &r);

	if (err) {
		log_err("cannot read the interfaces: %s", strerror(-err));
		return err;
	}
	ifstate_policy(&r, c, &g->policy);
	memset(env, 0, sizeof(*env));
	memcpy(env->ext_if, conf_external(c)->name, IF_NAMESIZE);
	env->ext = ifstate_usable(ifstate_external(&r), c);
	env->hairpin = c->hairpin;
	env->masquerade = c->masquerade;
	str_copy(env->nft_table, sizeof(env->nft_table), str_z(c->nft_table));
	str_copy(env->nft_chain, sizeof(env->nft_chain), str_z(c->nft_chain));
	/* leave room for the networks behind other routers, which are last */
	for (size_t i = 0; i < r.net_n; i++)
		if (r.net[i].routed ||
		    env->net_n < NETWORKS_SERVED_MAX - r.routed_n)
			env->net[env->net_n++] = r.net[i];
	note_nets_left(g, r.net_n - env->net_n);
	return 0;
}

/* Read the kernel's notices of ruleset changes. Up to as many notices as our
 * own changes cause are ours. More than that means that somebody else changes
 * the ruleset, and may not have finished.
 * @changes: of the kernel, by us, since the last call */
static void read_watch(struct broker *g, unsigned changes)
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
	read_watch(g, 1);
	if (err)
		log_err("firewall: %s", g->fw.why);
	return err;
}

void broker_changed(struct broker *g)
{
	read_watch(g, 0);
}

int broker_verify(struct broker *g)
{
	int got;

	if (!g->open)
		return 0;
	read_watch(g, 0);
	g->suspect = false;	/* the check that follows sees these changes */
	got = broker_refresh(g);
	if (got)
		return got;
	got = natfw_verify(&g->fw);
	read_watch(g, got != 0);
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

static size_t stage_max(const struct broker *g)
{
	return g->conf->max_mappings + g->pinholes_max;
}

static void free_lists(struct broker *g)
{
	mem_free(g->staged, stage_max(g), sizeof(*g->staged));
	g->staged = NULL;
	flows_close(&g->flows);
}

int broker_open(struct broker *g, const struct conf *conf)
{
	const size_t max = conf->max_mappings;
	const struct natfw_backend *be;
	struct natfw_env env;
	const char *why;
	int err;

	/* the caller has zeroed the other members */
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
	g->pinholes_max = be->pinholes ? PM_PINHOLES_MAX : 0;
	err = natfw_init(&g->fw, max, g->pinholes_max);
	if (err)
		return err;
	g->staged = mem_new(stage_max(g), sizeof(*g->staged));
	if (!g->staged || flows_open(&g->flows, &g->fw, max > NAT_BATCH_MAX ?
				     max : NAT_BATCH_MAX)) {
		free_lists(g);
		natfw_done(&g->fw);
		return -ENOMEM;
	}
	g->open = true;
	if (be->commits)
		g->watch_fd = watch_open();
	g->why = why;
	log_info("backend %s: %s", be->name, why);
	if (natfw_open(&g->fw, be, &env))
		log_err("firewall: %s; trying again every %u s", g->fw.why,
			(unsigned)conf->verify_interval);
	read_watch(g, 0);
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
	/* A reload may come between taking the link down and bringing it up. */
	*g = (struct broker){ .routes = g->routes, .repairs = g->repairs };
}

void broker_reset(struct broker *g)
{
	g->left_out = false;
	if (!g->staged_n)
		return;
	g->staged_by = (struct clientcount){ { 0 } };
	g->staged_n = g->pinholes_staged = 0;
}

/* ---- checking ------------------------------------------------------------ */

/* An engine that sends bad requests without end must not fill the log. */
static bool may_log(struct broker *g)
{
	unsigned dropped;
	bool may = lograte_may(&g->rate, g->now_ms, &dropped);

	if (dropped)
		log_warn("engine: dropped %u more lines about its requests "
			 "within a second", dropped);
	return may;
}

/* An honest engine makes the same check before it asks. So a refusal means that
 * the engine cannot be trusted, or that a network disappeared after the engine
 * read the interfaces and before we did. */
static enum nat_err check_rule(struct broker *g, const struct nat_rule *rule)
{
	enum refusal v;

	if (!nat_rule_sane(rule))
		return NAT_EREFUSED;
	/* Check this before the table changes, so that no request succeeds
	 * without a rule. */
	if (!natfw_takes(&g->fw, rule->kind)) {
		if (may_log(g))
			log_warn(NO_PINHOLES);
		return NAT_EKIND;
	}
	v = policy_check(&g->policy, rule, addr_any(), NULL);
	if (v == REFUSAL_NONE)
		return NAT_OK;
	if (may_log(g))
		log_msg(v == REFUSAL_OUTSIDE ? LOG_INFO : LOG_WARNING,
			"engine asked for a rule that policy forbids: %s",
			refusal_text(v));
	return NAT_EREFUSED;
}

/* Refuse a mapping of a port on which the router itself listens. A pinhole does
 * not conflict, because its packets are for the client's own address. */
static enum nat_err check_port(struct broker *g, const struct nat_rule *rule)
{
	const uint64_t *field = rule->proto == IPPROTO_TCP ? g->ports.tcp :
							     g->ports.udp;
	struct addr at = g->fw.env.ext;
	int err = 0;

	if (rule->kind == NAT_PINHOLE || natfw_lookup(&g->fw, rule))
		return NAT_OK;
	/* without an address, only wildcard sockets count */
	if (!addr_is_set(at))
		at = addr_ip4(0);
	if (!g->ports_read)
		err = ports_listening(at, &g->ports);
	if (err) {
		if (may_log(g))
			log_err("cannot read the router's own ports: %s",
				strerror(-err));
		return NAT_EFAIL;
	}
	g->ports_read = true;
	return ports_set(field, rule->ext_port) ? NAT_ECONFLICT : NAT_OK;
}

/* Does @rule raise its client's number of rules in the table? */
static bool adds_rule(const struct broker *g, const struct nat_rule *rule)
{
	const struct nat_rule *old = natfw_lookup(&g->fw, rule);

	return !old || !addr_equal(old->client, rule->client);
}

/* The limit applies to the mappings of a host, and separately to the pinholes
 * of each of its IPv6 addresses, because the rules of the two kinds have
 * clients of different families. The engine counts a rule until its deletion is
 * done, so an honest engine never exceeds the limit. */
static enum nat_err check_client(struct broker *g, const struct broker_batch *b,
				 const struct nat_rule *rule)
{
	const size_t max = g->conf->max_per_client;
	const size_t enough = max > b->n ? max - b->n : 0;
	size_t n = table_client_n(&g->fw, rule, enough);

	/* under the limit even if every rule of the batch is this client's */
	if (n < enough || !adds_rule(g, rule))
		return NAT_OK;
	for (size_t i = 0; i < b->n; i++)
		n += b->op[i].verb == NAT_SET &&
		     addr_equal(b->op[i].rule.client, rule->client) &&
		     adds_rule(g, &b->op[i].rule);
	if (n < max)
		return NAT_OK;
	if (may_log(g))
		log_warn(OVER_CLIENT_LIMIT);
	return NAT_ENOSPC;
}

static enum nat_err check(struct broker *g, struct broker_batch *b,
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

static enum nat_err link_set(struct broker *g, bool up)
{
	const char *name = conf_external(g->conf)->name;
	const char *word = up ? "up" : "down";
	struct ifstate r;
	int err = 0;

	if (!g->conf->allow_disable_external)
		return NAT_EREFUSED;
	if (!up)
		err = ifstate_read(g->conf, &r);
	/* A link that is down has no routes any more, so keep the routes that
	 * were saved when it went down. */
	if (!up && !err && ifstate_external(&r)->up)
		err = route_save(ifstate_external(&r)->ifindex,
				 &g->routes);
	if (!err)
		err = netif_set_up(name, up);
	if (err) {
		if (may_log(g))
			log_err("%s cannot be taken %s: %s", name, word,
				strerror(-err));
		return NAT_EFAIL;
	}
	if (may_log(g))
		log_warn("%s taken %s for a control point", name, word);
	if (!up)
		return NAT_OK;
	err = route_restore(&g->routes);
	if (err && may_log(g))
		log_warn("cannot restore some routes over %s: %s", name,
			 strerror(-err));
	memset(&g->routes, 0, sizeof(g->routes));
	return NAT_OK;
}

/* ---- requests ------------------------------------------------------------ */

static int send_answer(int fd, const struct broker_req *req, enum nat_err err,
		       bool repaired)
{
	const struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = req->verb,
		.err = (int32_t)err, .id = req->id, .repaired = repaired,
	};

	if (send(fd, &rep, sizeof(rep), MSG_NOSIGNAL) == sizeof(rep))
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -EXFULL;
}

static int batch_flush(struct broker *g, int fd, struct broker_batch *b)
{
	int err = 0;

	if (!b->n)
		return 0;
	flows_room(&g->flows, b->n, g->now_ms);
	for (size_t i = 0; i < b->n; i++)
		flows_note(&g->flows, natfw_lookup(&g->fw, &b->op[i].rule));
	natfw_batch(&g->fw, b->op, b->n, b->err);
	b->flushed++;
	flows_end(&g->flows, g->now_ms);
	for (size_t i = 0; i < b->n && !err; i++) {
		struct broker_req req = { .verb = BROKER_SET, .id = b->id[i] };

		if (b->op[i].verb == NAT_DEL)
			req.verb = BROKER_DEL;
		if (b->err[i] == NAT_EFAIL && may_log(g))
			log_err("firewall: %s", g->fw.why);
		err = send_answer(fd, &req, b->err[i], false);
	}
	b->n = 0;
	b->turn_over = true;
	g->ports_read = false;
	return err;
}

static int batch_add(struct broker *g, int fd, struct broker_batch *b,
		     const struct broker_req *req)
{
	enum nat_err err = check(g, b, req);

	if (err)
		return send_answer(fd, req, err, false);
	b->op[b->n].rule = req->rule;
	b->op[b->n].verb = req->verb == BROKER_SET ? NAT_SET : NAT_DEL;
	b->id[b->n++] = req->id;
	return 0;
}

/* The exact count walks the staged rules. The counter is checked first, because
 * otherwise a sync of n rules would take n * n steps. */
static bool client_full(const struct broker *g, struct addr client)
{
	size_t n = 0;

	if (clientcount_get(&g->staged_by, client) < g->conf->max_per_client)
		return false;
	for (size_t i = 0; i < g->staged_n; i++)
		n += addr_equal(g->staged[i].client, client);
	return n >= g->conf->max_per_client;
}

static bool stage_full(const struct broker *g, uint8_t kind)
{
	if (kind == NAT_PINHOLE)
		return g->pinholes_staged >= g->pinholes_max;
	return g->staged_n - g->pinholes_staged >= g->conf->max_mappings;
}

/* Like check_port(), but log a conflict, because a rule of a sync has no answer
 * of its own. */
static bool port_is_free(struct broker *g, const struct nat_rule *rule)
{
	const enum nat_err err = check_port(g, rule);

	g->left_out |= err == NAT_EFAIL;	/* the next sync may know */
	if (err == NAT_ECONFLICT && may_log(g))
		log_warn("the router itself serves %s port %u: the mapping of "
			 "that port has no rule", nat_rule_proto(rule->proto),
			 rule->ext_port);
	return err == NAT_OK;
}

/* The first table after the start is the lease file's. Its ports were checked
 * when they were mapped, and the programs that listen on the router may start
 * after upnpd. So only a later table is checked against the router's ports. */
static void stage_rule(struct broker *g, const struct nat_rule *rule)
{
	const enum nat_err err = check_rule(g, rule);
	const char *why = NULL;

	g->left_out |= err == NAT_EREFUSED;
	if (err != NAT_OK)
		return;
	if (stage_full(g, rule->kind)) {
		why = rule->kind == NAT_PINHOLE ?
		      "engine syncs more pinholes than it may have" :
		      "engine syncs more rules than max-mappings";
	} else if (client_full(g, rule->client)) {
		why = OVER_CLIENT_LIMIT;
	} else if (!g->synced || port_is_free(g, rule)) {
		g->staged[g->staged_n++] = *rule;
		g->pinholes_staged += rule->kind == NAT_PINHOLE;
		clientcount_add(&g->staged_by, rule->client);
	}
	if (why && may_log(g))
		log_warn("%s", why);
}

static enum nat_err sync_end(struct broker *g)
{
	const struct natfw_table *t = &g->fw.mappings;
	bool left_out = g->left_out;
	int err;

	flows_room(&g->flows, t->rule_n, g->now_ms);
	for (size_t i = 0; i < t->rule_n; i++)
		flows_note(&g->flows, &t->rule[i]);
	err = natfw_sync(&g->fw, g->staged, g->staged_n);
	flows_end(&g->flows, g->now_ms);
	broker_reset(g);
	g->synced = true;
	if (err && may_log(g))
		log_err("firewall: %s", g->fw.why);
	if (err)
		return NAT_EFAIL;
	return left_out ? NAT_EREFUSED : NAT_OK;
}

static int handle_request(struct broker *g, int fd, struct broker_batch *b,
			  const struct broker_req *req)
{
	enum nat_err res;
	int err;

	if (req->verb == BROKER_SET || req->verb == BROKER_DEL)
		return batch_add(g, fd, b, req);
	err = batch_flush(g, fd, b);
	if (err)
		return err;
	b->turn_over |= req->verb != BROKER_SYNC_RULE;
	switch (req->verb) {
	case BROKER_SYNC_RULE:
		stage_rule(g, &req->rule);
		return 0;
	case BROKER_SYNC_END:
		b->flushed++;
		return send_answer(fd, req, sync_end(g), false);
	case BROKER_REFRESH:
		broker_reset(g);	/* a sync begins or restarts */
		res = broker_refresh(g) ? NAT_EFAIL : NAT_OK;
		return send_answer(fd, req, res, false);
	case BROKER_LINK_UP:
	case BROKER_LINK_DOWN:
		res = link_set(g, req->verb == BROKER_LINK_UP);
		return send_answer(fd, req, res, false);
	case BROKER_VERIFY:
		err = broker_verify(g);	/* 1: repaired */
		return send_answer(fd, req, err < 0 ? NAT_EFAIL : NAT_OK,
				   err > 0);
	case BROKER_SERVING:
		g->serving = true;
		return send_answer(fd, req, NAT_OK, false);
	}
	return -EPROTO;
}

/* Read the next request. Return: 1 read, 0 none now, -errno */
static int read_request(int fd, struct broker_req *ret)
{
	/* one byte more than a record, to detect a longer one */
	char raw[sizeof(*ret) + 1];
	ssize_t n = recv(fd, raw, sizeof(raw), 0);

	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (n != sizeof(*ret))
		return -EPROTO;
	memcpy(ret, raw, sizeof(*ret));
	return ret->version == BROKER_VERSION ? 1 : -EPROTO;
}

/* One turn is bounded, so that an engine that always has another request does
 * not keep the monitor from its signals, timers and other sockets. */
int broker_serve(struct broker *g, int fd)
{
	struct broker_batch *b = &g->batch;
	struct broker_req req;
	int got = 1, err = 0;

	b->n = b->flushed = 0;
	b->turn_over = g->ports_read = false;
	read_watch(g, 0);
	for (int i = 0; i < NAT_BATCH_MAX && !err && !b->turn_over; i++) {
		got = read_request(fd, &req);
		if (got <= 0)
			break;
		err = handle_request(g, fd, b, &req);
	}
	if (!err)
		err = batch_flush(g, fd, b);
	read_watch(g, b->flushed);
	return err ? err : got < 0 ? got : 0;
}
