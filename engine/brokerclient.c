/* SPDX-License-Identifier: ISC */
/*
 * brokerclient.c - the engine's end of the line to the monitor.
 *
 * Invariant: a sync is sent while no op is under way, and no op is sent before
 * the sync is whole. So the table the monitor takes over is the committed one,
 * and nothing that was asked for is lost in between.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "engine/brokerclient.h"

/* The next message of the sync that is due. */
static bool next_sync(struct brokerclient *p, struct broker_req *ret)
{
	if (p->in_flight && !p->syncing)
		return false;
	p->syncing = true;
	if (p->refresh_due) {
		p->refresh_due = false;
		p->sync_slot = 0;
		ret->verb = BROKER_REFRESH;
		return true;
	}
	while (p->sync_slot < portmap_slots(p->pm)) {
		const struct pm_entry *e = portmap_entry(p->pm, p->sync_slot++);

		if (e && e->state == PM_ACTIVE && e->enabled) {
			ret->verb = BROKER_SYNC_RULE;
			ret->rule = e->rule;
			return true;
		}
	}
	p->syncing = false;
	ret->verb = BROKER_SYNC_END;
	return true;
}

static bool next_request(struct brokerclient *p, struct broker_req *ret)
{
	struct nat_op op;

	memset(ret, 0, sizeof(*ret));
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
		p->serving_due = false;
		ret->verb = BROKER_SERVING;
		return true;
	}
	if (!portmap_next_op(p->pm, &op, &ret->id))
		return false;
	ret->verb = op.verb == NAT_SET ? BROKER_SET : BROKER_DEL;
	ret->rule = op.rule;
	return true;
}

void brokerclient_pump(struct brokerclient *p)
{
	while (p->in_flight < NAT_BATCH_MAX) {
		if (!p->holds && !next_request(p, &p->held))
			break;
		p->holds = true;
		if (send(p->chan.fd, &p->held, sizeof(p->held),
			 MSG_NOSIGNAL) < 0)
			break;
		p->holds = false;
		p->in_flight += p->held.verb != BROKER_SYNC_RULE;
	}
	loop_fd_mod(p->loop, &p->chan, p->holds ? POLLIN | POLLOUT : POLLIN);
}

void brokerclient_sync(struct brokerclient *p)
{
	p->refresh_due = true;
	brokerclient_pump(p);
}

void brokerclient_verify(struct brokerclient *p)
{
	p->verify_due = true;
	brokerclient_pump(p);
}

void brokerclient_serving(struct brokerclient *p)
{
	p->serving_due = true;
	brokerclient_pump(p);
}

void brokerclient_link(struct brokerclient *p, bool up)
{
	p->link_due = up ? BROKER_LINK_UP : BROKER_LINK_DOWN;
	brokerclient_pump(p);
}

static void on_chan(struct loop_fd *w, short revents)
{
	struct brokerclient *p = LOOP_OWNER(w, struct brokerclient, chan);
	struct broker_rep rep;
	ssize_t n;

	do {
		n = recv(w->fd, &rep, sizeof(rep), 0);
		if (n != sizeof(rep))
			break;
		p->in_flight -= p->in_flight > 0;
		p->answer(p->arg, &rep);
	} while (p->in_flight);
	if (n == sizeof(rep) ||
	    (n < 0 && (errno == EAGAIN || errno == EINTR))) {
		brokerclient_pump(p);
		return;
	}
	loop_fd_del(p->loop, w);
	p->lost(p->arg);
}

int brokerclient_open(struct brokerclient *p, struct loop *loop, int fd,
		      struct portmap *pm)
{
	p->loop = loop;
	p->pm = pm;
	loop_fd_init(&p->chan, fd, on_chan);
	return loop_fd_add(loop, &p->chan, POLLIN);
}
