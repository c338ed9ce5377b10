/* SPDX-License-Identifier: ISC */
/*
 * brokerclient.c - the engine's end of the channel to the monitor.
 *
 * Invariant: a sync is sent while no op is in flight, and no op is sent before
 * the sync is complete. So the monitor gets the committed tables, and no
 * requested change is lost between them.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "engine/brokerclient.h"

/* Find the next rule of the sync. */
static const struct nat_rule *next_rule(struct brokerclient *p)
{
	for (; p->sync_table < NAT_KINDS; p->sync_table++, p->sync_slot = 0) {
		const struct portmap *pm = p->table[p->sync_table].pm;

		while (pm && p->sync_slot < portmap_slots(pm)) {
			const struct pm_entry *e =
				portmap_entry(pm, p->sync_slot++);

			if (e && portmap_has_rule(e))
				return &e->rule;
		}
	}
	return NULL;
}

/* Make the next message of the sync in progress. */
static bool next_sync(struct brokerclient *p, struct broker_req *ret)
{
	const struct nat_rule *rule;

	if (p->in_flight && !p->syncing)
		return false;
	p->syncing = true;
	if (p->refresh_due) {
		p->refresh_due = false;
		p->sync_table = p->sync_slot = 0;
		ret->verb = BROKER_REFRESH;
		ret->ext_index = (uint32_t)p->ext_index;
		return true;
	}
	rule = next_rule(p);
	if (rule) {
		ret->verb = BROKER_SYNC_RULE;
		ret->rule = *rule;
		return true;
	}
	p->syncing = false;
	p->synced = true;
	ret->verb = BROKER_SYNC_END;
	return true;
}

/* The tables take turns. */
static bool next_op(struct brokerclient *p, struct broker_req *ret)
{
	struct nat_op op;

	for (int i = 0; i < NAT_KINDS; i++) {
		struct portmap *pm;

		p->op_table = (uint16_t)((p->op_table + 1) % NAT_KINDS);
		pm = p->table[p->op_table].pm;
		if (!pm || !portmap_next_op(pm, &op, &ret->id))
			continue;
		ret->verb = op.verb == NAT_SET ? BROKER_SET : BROKER_DEL;
		ret->rule = op.rule;
		return true;
	}
	return false;
}

static void next_flow(struct brokerclient *p, struct broker_req *ret)
{
	ret->verb = BROKER_FLOW;
	ret->rule = p->flow[0];
	p->flow_n--;
	memmove(&p->flow[0], &p->flow[1], p->flow_n * sizeof(p->flow[0]));
}

static bool next_request(struct brokerclient *p, struct broker_req *ret)
{
	if (p->syncing || p->refresh_due)
		return next_sync(p, ret);
	if (p->link_due) {
		ret->verb = p->link_due;
		p->link_due = 0;
		return true;
	}
	if (p->verify_due) {
		p->verify_due = false;
		ret->verb = BROKER_VERIFY;
		return true;
	}
	if (p->serving_due) {
		ret->verb = p->serving_due;
		p->serving_due = 0;
		return true;
	}
	if (p->packets_due) {
		p->packets_due = false;
		ret->verb = BROKER_PACKETS;
		ret->rule = p->counted;
		return true;
	}
	if (p->flow_n) {
		next_flow(p, ret);
		return true;
	}
	return p->synced && next_op(p, ret);
}

/* The answer to a ping comes first, however many requests are in flight. */
static bool next_record(struct brokerclient *p, struct broker_req *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->version = BROKER_VERSION;
	if (p->ping_due) {
		p->ping_due = false;
		ret->verb = BROKER_PING;
		ret->id = p->ping;
		return true;
	}
	return p->in_flight < NAT_BATCH_MAX && next_request(p, ret);
}

static bool is_answered(uint32_t verb)
{
	return verb != BROKER_SYNC_RULE && verb != BROKER_PING;
}

void brokerclient_pump(struct brokerclient *p)
{
	while (p->holds || next_record(p, &p->held)) {
		p->holds = true;
		if (send(p->chan.fd, &p->held, sizeof(p->held),
			 MSG_NOSIGNAL) < 0)
			break;
		p->holds = false;
		p->in_flight += is_answered(p->held.verb);
	}
	loop_fd_mod(p->loop, &p->chan, p->holds ? POLLIN | POLLOUT : POLLIN);
}

void brokerclient_sync(struct brokerclient *p, int ext_index)
{
	p->ext_index = ext_index;
	p->refresh_due = true;
	brokerclient_pump(p);
}

void brokerclient_verify(struct brokerclient *p)
{
	p->verify_due = true;
	brokerclient_pump(p);
}

void brokerclient_serving(struct brokerclient *p, bool yes)
{
	p->serving_due = yes ? BROKER_SERVING : BROKER_IDLE;
	brokerclient_pump(p);
}

void brokerclient_packets(struct brokerclient *p, const struct nat_rule *rule)
{
	p->packets_due = true;
	p->counted = *rule;
	brokerclient_pump(p);
}

bool brokerclient_flow(struct brokerclient *p, const struct nat_rule *rule)
{
	if (p->flow_n == BROKER_FLOWS_MAX)
		return false;
	p->flow[p->flow_n] = *rule;
	p->flow[p->flow_n++].ext_port = 0;
	brokerclient_pump(p);
	return true;
}

void brokerclient_link(struct brokerclient *p, bool up)
{
	p->link_due = up ? BROKER_LINK_UP : BROKER_LINK_DOWN;
	brokerclient_pump(p);
}

/* Return: false if it is neither a notice nor the answer to a request */
static bool take_answer(struct brokerclient *p, const struct broker_rep *rep)
{
	const enum nat_err err = (enum nat_err)rep->err;
	uint16_t t = rep->id.table;

	if (rep->version != BROKER_VERSION)
		return false;
	if (rep->verb == BROKER_TAKEN || rep->verb == BROKER_CHANGED) {
		p->notice(p->arg, rep);
		return true;
	}
	if (rep->verb == BROKER_PING) {
		p->ping_due = true;
		p->ping = rep->id;
		return true;
	}
	p->in_flight -= p->in_flight > 0;
	if (rep->verb == BROKER_SET || rep->verb == BROKER_DEL) {
		if (t >= NAT_KINDS || !p->table[t].pm)
			return false;
		p->table[t].done(p->arg, rep->id, err);
		return true;
	}
	p->answer(p->arg, rep);
	return true;
}

static void on_chan(struct loop_fd *w, short revents)
{
	struct brokerclient *p = LOOP_OWNER(w, struct brokerclient, chan);
	struct broker_rep rep;
	bool ours = true;
	ssize_t n;

	do {
		n = recv(w->fd, &rep, sizeof(rep), 0);
		if (n != sizeof(rep))
			break;
		ours = take_answer(p, &rep);
	} while (ours && p->in_flight);
	if (ours && (n == sizeof(rep) ||
		     (n < 0 && (errno == EAGAIN || errno == EINTR)))) {
		brokerclient_pump(p);
		return;
	}
	loop_fd_del(p->loop, w);
	p->lost(p->arg);
}

int brokerclient_open(struct brokerclient *p, struct loop *loop, int fd)
{
	p->loop = loop;
	loop_fd_init(&p->chan, fd, on_chan);
	return loop_fd_add(loop, &p->chan, POLLIN);
}
