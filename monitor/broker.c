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
#include "sys/netlink.h"
#include "monitor/answer.h"
#include "monitor/broker.h"
#include "monitor/enginelog.h"
#include "monitor/extlink.h"
#include "monitor/fault.h"
#include "monitor/rulecheck.h"
#include "natfw/table.h"
#include "natfw/watch.h"
#include "natfw/writers.h"
#include "ipc/brokermsg.h"
#include "conf/ifstate.h"
#include "map/refusal.h"

static void note_nets_left(struct broker *g, size_t left)
{
	bool is_new = left != g->nets_left;

	g->nets_left = left;
	if (is_new && left && (g->conf->hairpin || g->conf->masquerade))
		log_warn("firewall: there are more than %d internal networks; "
			 "%u of them have no hairpin and no masquerade",
			 NATFW_NETS_MAX, (unsigned)left);
}

static int read_env(struct broker *g, struct natfw_env *env)
{
	const struct conf *c = g->conf;
	const struct ifstate_ext *ext, *ext6;
	struct ifstate r;
	int err = ifstate_read(c, &r);

	if (err) {
		log_err("cannot read the interfaces: %s", strerror(-err));
		return err;
	}
	ifstate_activate(&r, c, g->ext_index);
	ext = ifstate_external(&r);
	ext6 = ifstate_external6(&r);
	ifstate_policy(&r, c, &g->policy);
	memset(env, 0, sizeof(*env));
	memcpy(env->ext_if, ext->name, IF_NAMESIZE);
	env->ext = ifstate_usable(ext, c);
	env->ext_index = (uint32_t)ext->ifindex;
	env->ext_master = (uint32_t)ext->master;
	memcpy(env->ext6_if, ext6->name, IF_NAMESIZE);
	env->ext6_index = (uint32_t)ext6->ifindex;
	env->hairpin = c->hairpin;
	env->masquerade = c->masquerade;
	env->ipv6 = c->ipv6;
	str_copy(env->nft_table, sizeof(env->nft_table), str_z(c->nft_table));
	str_copy(env->nft_chain, sizeof(env->nft_chain), str_z(c->nft_chain));
	/* leave room for the networks behind other routers, which are last */
	for (size_t i = 0; i < g->policy.net_n; i++)
		if (g->policy.net[i].routed ||
		    env->net_n < NATFW_NETS_MAX - r.routed_n)
			env->net[env->net_n++] = g->policy.net[i];
	note_nets_left(g, g->policy.net_n - env->net_n);
	return 0;
}

/* Up to as many notices as our own changes cause are ours. More than that means
 * that somebody else changes the ruleset, and may not have finished. */
void broker_changed(struct broker *g, unsigned ours)
{
	/* by old rules a place may lack its accept */
	g->suspect |= g->fw.rules_old;
	g->fw.rules_old = false;
	if (g->watch_fd < 0 ||
	    watch_read(g->watch_fd) <= ours * natfw_commits(&g->fw))
		return;
	g->suspect = true;
	g->fw.rules_stale = g->fw.unsure = true;
}

/* Tables that twice cannot be read have not changed in between. */
static bool differs(const struct ipt_print *a, const struct ipt_print *b)
{
	return a->known != b->known || (a->known && !ipt_print_same(a, b));
}

bool broker_poll(struct broker *g)
{
	struct broker_polled is = { .than = g->fw.legacy };
	bool changed;

	if (!g->open || g->fw.dirty)
		return false;
	changed = writers_changed(&g->fw, &is.now);
	if (changed && (differs(&is.now, &g->polled.now) ||
			differs(&is.than, &g->polled.than)))
		g->suspect = true;
	g->polled = is;
	return changed;
}

/* Every writer that is in use causes notices. The first one of nf_tables may be
 * in use only after somebody has added chains. */
static void watch(struct broker *g)
{
	if (g->watch_fd >= 0 || !natfw_commits(&g->fw))
		return;
	g->watch_fd = watch_open();
	g->fw.rules_stale = true;	/* we missed what came before */
}

int broker_refresh(struct broker *g)
{
	struct natfw_env env;
	int err = read_env(g, &env);

	if (err || memcmp(&env, &g->fw.env, sizeof(env)) == 0)
		return err;
	err = natfw_move(&g->fw, &env);
	broker_changed(g, 1);
	taken_look_begin(&g->taken);	/* other sockets may serve now */
	g->look_due = g->verified = true;
	if (err)
		log_err("firewall: %s", g->fw.why);
	fault_note(g);
	return err;
}

void broker_sweep(struct broker *g)
{
	if (!g->open || g->swept)
		return;
	g->swept = true;
	natfw_sweep(&g->fw);
}

int broker_verify(struct broker *g)
{
	int got;

	if (!g->open)
		return 0;
	broker_changed(g, 0);
	got = broker_refresh(g);
	g->suspect = false;	/* the check that follows sees these changes */
	if (got)
		return got;
	got = natfw_verify(&g->fw);
	if (got == -EINPROGRESS || got == -EINTR)
		return got;
	g->polled = (struct broker_polled){ { 0 } };
	g->look_due = g->verified = true;
	broker_changed(g, got != 0);
	watch(g);
	fault_note(g);
	if (got > 0) {
		g->repairs++;
		/* a reload of the firewall does that, so it is no fault */
		log_info("firewall: our rules had been changed; repaired");
	} else if (got < 0) {
		log_err("firewall: %s", g->fw.why);
	}
	return got;
}

/* The owner repeats only a verification of its own that was cut short. */
static int verify_now(struct broker *g)
{
	int got = broker_verify(g);

	g->suspect |= got < 0;
	return got;
}

/* Verify for the operator. A large firewall is read in one turn, because the
 * answer waits for it; its size and the tries limit the time. */
static int verify_all(struct broker *g)
{
	int got, tries = NL_TRIES;

	natfw_sweep(&g->fw);
	do {
		got = verify_now(g);
	} while (got == -EINPROGRESS || (got == -EINTR && --tries));
	if (got == -EINTR)
		log_warn("firewall: the rules changed during each try; trying "
			 "again soon");
	return got;
}

const char *broker_fault(const struct broker *g)
{
	return g->open ? natfw_fault(&g->fw) : "";
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
	g->next_look_ms = UINT64_MAX;
	g->taken.fw = &g->fw;
	err = read_env(g, &env);
	if (err)
		return err;
	be = natfw_find(conf->backend, &env, &why);
	if (!be) {
		log_err("no backend for the firewall: %s", why);
		return -ENOENT;
	}
	g->pinholes_max = be->pinholes && conf->ipv6 ? conf->max_pinholes : 0;
	err = natfw_init(&g->fw, max, g->pinholes_max);
	if (err)
		return err;
	g->staged = mem_new(stage_max(g), sizeof(*g->staged));
	if (!g->staged || flows_open(&g->flows, &g->fw,
				     stage_max(g) > NAT_BATCH_MAX ?
				     stage_max(g) : NAT_BATCH_MAX)) {
		free_lists(g);
		natfw_done(&g->fw);
		return -ENOMEM;
	}
	g->open = true;
	/* before the rules are read, so that no change is missed */
	if (be->commits)
		g->watch_fd = watch_open();
	g->why = why;
	log_info("backend %s: %s", be->name, why);
	if (natfw_open(&g->fw, be, &env))
		log_err("firewall: %s; trying again every %u s", g->fw.why,
			(unsigned)conf->verify_interval);
	broker_changed(g, 0);
	g->suspect = false;	/* our own tables and chains */
	watch(g);
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

static void drop_sync(struct broker *g)
{
	g->left_out = false;
	g->left_n = 0;
	if (!g->staged_n)
		return;
	g->staged_by = (struct clientcount){ { 0 } };
	g->staged_n = g->pinholes_staged = 0;
}

void broker_reset(struct broker *g)
{
	drop_sync(g);
	g->pinged = g->ping_held = false;
}

/* ---- a sign of life ------------------------------------------------------ */

void broker_ping(struct broker *g, int fd)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = BROKER_PING,
	};

	if (!g->pinged) {
		g->ping++;
		g->pinged = g->ping_held = true;
	}
	rep.id.generation = g->ping;
	if (g->ping_held && send(fd, &rep, sizeof(rep), MSG_NOSIGNAL) > 0)
		g->ping_held = false;
}

/* An answer to no ping, or to another one, is forged. */
static int handle_pong(struct broker *g, const struct broker_req *req)
{
	if (!g->pinged || g->ping_held || req->id.generation != g->ping)
		return -EPROTO;
	g->pinged = false;
	return 0;
}

/* ---- requests ------------------------------------------------------------ */

static bool may_log(struct broker *g)
{
	return enginelog_may(&g->rate, g->now_ms);
}

static enum nat_err check(struct broker *g, struct broker_batch *b,
			  const struct broker_req *req)
{
	enum nat_err err;

	if (req->verb == BROKER_DEL)
		return nat_rule_sane(&req->rule) ? NAT_OK : NAT_EREFUSED;
	err = rulecheck_policy(g, &req->rule);
	if (!err)
		err = rulecheck_client(g, b, &req->rule);
	return err ? err : rulecheck_port(g, &req->rule);
}

static int batch_flush(struct broker *g, int fd, struct broker_batch *b)
{
	int err = 0;

	if (!b->n)
		return 0;
	flows_room(&g->flows, b->n, g->now_ms);
	for (size_t i = 0; i < b->n; i++)
		flows_note(&g->flows, natfw_lookup(&g->fw, &b->op[i].rule));
	g->fw.legacy_fresh = b->fresh;
	natfw_batch(&g->fw, b->op, b->n, b->err);
	b->flushed++;
	flows_end(&g->flows, g->now_ms);
	for (size_t i = 0; i < b->n && !err; i++) {
		struct broker_req req = { .verb = BROKER_SET, .id = b->id[i] };

		if (b->op[i].verb == NAT_DEL)
			req.verb = BROKER_DEL;
		if (b->err[i] == NAT_EFAIL && may_log(g))
			log_err("firewall: %s", g->fw.why);
		g->ask_due |= b->err[i] != NAT_OK;
		err = answer_send(fd, &req, b->err[i], false);
	}
	b->n = 0;
	b->turn_over = true;
	taken_turn(&g->taken);
	return err;
}

/* Is the rule in the table, and is it only the external address that the kernel
 * lacks? A client that renews its mapping while the line is down keeps it. */
static bool waits_for_address(const struct broker *g,
			      const struct broker_req *req)
{
	const struct nat_rule *old = natfw_lookup(&g->fw, &req->rule);

	return req->verb == BROKER_SET && !addr_is_set(g->fw.env.ext) && old &&
	       nat_rule_equal(old, &req->rule);
}

static int batch_add(struct broker *g, int fd, struct broker_batch *b,
		     const struct broker_req *req)
{
	enum nat_err err;

	b->fresh = !b->polled && !broker_poll(g);
	if (!b->polled && !b->fresh)
		verify_now(g);
	b->polled = true;
	err = check(g, b, req);
	if (err || waits_for_address(g, req))
		return answer_send(fd, req, err, false);
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

static void stage_rule(struct broker *g, const struct nat_rule *rule)
{
	const enum nat_err err = rulecheck_policy(g, rule);
	const char *why = NULL;

	g->left_n = 0;		/* @staged is used again */
	g->left_out |= err != NAT_OK;
	if (err != NAT_OK)
		return;
	if (stage_full(g, rule->kind)) {
		why = rule->kind == NAT_PINHOLE ?
		      "engine syncs more pinholes than max-pinholes" :
		      "engine syncs more rules than max-mappings";
	} else if (rule->kind == NAT_PINHOLE) {
		g->staged[g->staged_n++] = *rule;
		g->pinholes_staged++;
	} else if (client_full(g, rule->client)) {
		why = RULECHECK_OVER_LIMIT;
	} else {
		g->staged[g->staged_n++] = *rule;
		clientcount_add(&g->staged_by, rule->client);
	}
	g->left_out |= why != NULL;
	if (why && may_log(g))
		log_warn("%s", why);
}

/* Move the staged rules whose port is taken to the end, and do not count them
 * any more: they are left out, and the engine gets a report of each. */
static void leave_out_taken(struct broker *g)
{
	char text[BROKER_WHY_MAX];
	size_t n = g->staged_n;

	for (size_t i = n; i-- > 0;) {
		struct nat_rule *r = &g->staged[i], taken = *r;
		struct wr why = wr_init_cut(text, sizeof(text));

		if (r->kind == NAT_PINHOLE ||
		    !nat_rule_taken(taken_check(&g->taken, r, true, g->now_ms,
						&why)))
			continue;
		*r = g->staged[--n];
		g->staged[n] = taken;
	}
	g->left_at = n;
	g->left_n = g->staged_n - n;
	g->staged_n = n;
}

static enum nat_err sync_end(struct broker *g)
{
	const struct natfw_table *t = &g->fw.mappings, *p = &g->fw.pinholes;
	bool left_out = g->left_out;
	size_t left_n;
	int err;

	leave_out_taken(g);
	left_n = g->left_n;
	flows_room(&g->flows, t->rule_n + p->rule_n, g->now_ms);
	for (size_t i = 0; i < t->rule_n; i++)
		flows_note(&g->flows, &t->rule[i]);
	for (size_t i = 0; i < p->rule_n; i++)
		flows_note(&g->flows, &p->rule[i]);
	err = natfw_sync(&g->fw, g->staged, g->staged_n);
	flows_end(&g->flows, g->now_ms);
	drop_sync(g);
	g->left_n = left_n;
	fault_note(g);
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
	if (req->verb == BROKER_PING)
		return handle_pong(g, req);
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
		res = sync_end(g);
		g->told_ip6 = (uint16_t)fault_ip6(g);
		return answer_synced(fd, req, res, (enum nat_ip6)g->told_ip6);
	case BROKER_REFRESH:
		drop_sync(g);	/* one begins or restarts */
		g->ext_index = req->ext_index;
		res = broker_refresh(g) ? NAT_EFAIL : NAT_OK;
		return answer_send(fd, req, res, false);
	case BROKER_LINK_UP:
	case BROKER_LINK_DOWN:
		res = extlink_set(g, req->verb == BROKER_LINK_UP);
		return answer_send(fd, req, res, false);
	case BROKER_PACKETS:
		return answer_packets(fd, req, &g->fw);
	case BROKER_FLOW:
		res = rulecheck_flow(g, &req->rule);
		return answer_flow(fd, req, res, &g->flows);
	case BROKER_VERIFY:
		err = verify_all(g);	/* 1: repaired */
		res = err < 0 || *broker_fault(g) ? NAT_EFAIL : NAT_OK;
		return answer_send(fd, req, res, err > 0);
	case BROKER_SERVING:
	case BROKER_IDLE:
		/* the rules stay, until the engine's table ends some */
		g->ready = true;
		g->serving = req->verb == BROKER_SERVING;
		return answer_send(fd, req, NAT_OK, false);
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
	b->turn_over = b->polled = false;
	taken_turn(&g->taken);
	broker_changed(g, 0);
	for (int i = 0; i < NAT_BATCH_MAX && !err && !b->turn_over; i++) {
		got = read_request(fd, &req);
		if (got <= 0)
			break;
		err = handle_request(g, fd, b, &req);
	}
	if (!err)
		err = batch_flush(g, fd, b);
	broker_changed(g, b->flushed);
	return err ? err : got < 0 ? got : 0;
}
