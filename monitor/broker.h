/* SPDX-License-Identifier: ISC */
/*
 * broker.h - the monitor's side of brokerclient.h: judges each request of the
 * engine and has the backend carry out what may be.
 */
#ifndef MONITOR_BROKER_H
#define MONITOR_BROKER_H

#include "base/clientcount.h"
#include "base/lograte.h"
#include "sys/ports.h"
#include "sys/route.h"
#include "conf/conf.h"
#include "monitor/flows.h"
#include "natfw.h"

/* More than the usual network has hosts. */

struct broker {
	const struct conf *conf;	/* borrowed */
	struct natfw fw;
	struct policy policy;
	bool incomplete;		/* an internal interface is not there */
	struct ports ports;		/* served by the router itself */
	bool looked;			/* at those, in this turn */
	struct route_set routes;	/* of the link we took down */
	bool synced;			/* a whole table has come */
	struct nat_rule *staged;	/* the sync that is coming in */
	size_t staged_n;
	struct clientcount staged_by;	/* of them, by their client */
	struct flows flows;		/* through rules that are gone */
	uint64_t now_ms;		/* the owner's clock, 0: it has none */
	struct lograte rate;		/* of what the engine has us say */
	const char *why;		/* the backend was chosen; a literal */
	uint32_t repairs;		/* of rules that somebody had changed */
	int watch_fd;			/* readable when nf_tables was changed;
					 * -1: we are not told */
	bool suspect;			/* somebody else did: to be verified */
	bool serving;			/* the engine says that it does; the
					 * owner sets it back for the next */
	bool open;
};

/**
 * broker_open - choose the backend and make our chains.
 * @g: the caller's; zeroed, or closed
 * @conf: enabled; borrowed until broker_close()
 *
 * A firewall tool that fails now is logged and tried again by broker_verify().
 * Return: 0, -ENOENT without any usable backend, other -errno
 */
int broker_open(struct broker *g, const struct conf *conf);

/** broker_close - take our rules out of the kernel. Not open: does nothing. */
void broker_close(struct broker *);

/** broker_changed - take what came on watch_fd; @g->suspect is set where it was
 * not all by ourselves. */
void broker_changed(struct broker *);

/** broker_reset - another engine is to come: forget a sync half received. */
void broker_reset(struct broker *);

/** broker_refresh - follow addresses and settings as they are now. 0 or -errno
 */
int broker_refresh(struct broker *);

/** broker_verify - look, and repair rules that somebody changed.
 * Return: 0 they were right, 1 repaired, -errno they could not be (logged) */
int broker_verify(struct broker *);

/** broker_fault - why the kernel may hold other rules than the table says; ""
 * where all is well. Valid until the next call. */
const char *broker_fault(const struct broker *);

/**
 * broker_serve - read and answer what the engine has sent.
 * @fd: the SOCK_SEQPACKET end, non-blocking
 *
 * SETs and DELs that wait together are one batch. It is one turn, whatever else
 * waits: NAT_BATCH_MAX requests at most, one transaction of the backend, one
 * request of another kind than SET, DEL and SYNC_RULE. What it says in the log
 * has a rate, LOG_ENGINE_LINES_S.
 * Blocks for as long as the backend takes, and for a walk over the kernel's
 * flows when rules vanished: those that came through them are ended. At
 * @now_ms, which the owner sets, that may be too early after the last walk:
 * as long as @flows.gone_n is not 0, flows_kill() is due.
 *
 * Return: 0, -EPIPE the engine has hung up, -EPROTO it sent what makes no
 * sense, -EXFULL it does not read its answers
 */
int broker_serve(struct broker *, int fd);

#endif
