/* SPDX-License-Identifier: ISC */
/* broker.h - the monitor's side of engine/brokerclient.h: checks each request
 * of the engine and has the backend carry out the permitted ones.
 * Runs in: monitor */
#ifndef MONITOR_BROKER_H
#define MONITOR_BROKER_H

#include "base/clientcount.h"
#include "base/lograte.h"
#include "sys/route.h"
#include "conf/conf.h"
#include "monitor/flows.h"
#include "monitor/taken.h"
#include "natfw.h"

/* SETs and DELs that one turn received. */
struct broker_batch {
	size_t n;
	unsigned flushed;	/* kernel changes, if all of them succeeded */
	bool turn_over;		/* no further request in this turn */
	bool polled;		/* broker_poll() was called in this turn */
	bool fresh;		/* ... after the last request had come, and
				 * found no change */
	struct nat_op op[NAT_BATCH_MAX];
	struct nat_op_id id[NAT_BATCH_MAX];
	enum nat_err err[NAT_BATCH_MAX];
};

/* Legacy iptables as it was found, and what that was compared with. */
struct broker_polled {
	struct ipt_print now, than;
};

struct broker {
	const struct conf *conf;	/* borrowed */
	struct natfw fw;
	struct policy policy;
	size_t nets_left;		/* that do not fit into natfw_env */
	uint32_t ext_index;		/* of the active external interface, as
					 * the engine has chosen; 0: none */
	struct route_set routes;	/* of the link that we took down */
	char down[IF_NAMESIZE];		/* its name; empty: there is none */
	struct nat_rule *staged;	/* the sync in progress */
	size_t staged_n, pinholes_staged;	/* of all kinds; of these */
	size_t pinholes_max;		/* 0: there can be none */
	bool left_out;			/* the sync lacks a rule that policy
					 * or a limit forbids */
	size_t left_at, left_n;		/* in @staged: rules whose port is
					 * taken, to be reported (overrule.h) */
	struct clientcount staged_by;	/* staged mappings by client */
	struct flows flows;		/* of deleted rules */
	/* overrule.h: a look at all mappings is due, or is made now; the rest
	 * of them; when to look again, because of a UDP socket */
	bool look_due, looking;
	size_t looks_left;
	uint64_t next_look_ms;
	bool verified;			/* @look_due is due to a change, or to
					 * the interval */
	bool ask_due;			/* the engine may have a mapping without
					 * a rule: tell it of the next change */
	bool tell_due;			/* tell it now */
	uint16_t told_ip6;		/* fault_ip6(), as it was told */
	bool swept;			/* broker_sweep() */
	struct {		/* until then, no line on this port and error */
		uint64_t due_ms;	/* 0: a free place */
		uint16_t port;
		uint8_t proto, err;
	} logged[BROKER_PORTS_LOGGED];
	uint64_t now_ms;		/* the owner's clock, 0: it has none */
	struct lograte rate;		/* of log lines about requests */
	const char *why;		/* the backend was chosen; a literal */
	/* a hash of why mappings, and pinholes, do not work, as it was logged;
	 * 0: they do */
	uint64_t lost4, lost6;
	bool missing6;			/* natfw_missing6(), by fault_note() */
	uint32_t repairs;		/* of rules that somebody had changed */
	int watch_fd;			/* readable when nf_tables was changed;
					 * -1: no notices */
	bool suspect;			/* somebody else changed the firewall,
					 * or a check was cut short: verify */
	/* the engine reports that it is ready, and that it serves; the owner
	 * clears them for the next one */
	bool ready, serving;
	/* by the last broker_poll(); unknown after a verification, so that
	 * each later difference is a new one */
	struct broker_polled polled;
	uint32_t ping;			/* its number */
	bool pinged, ping_held;		/* not answered; not sent */
	bool open;
	/* The large members come last, unused while nothing changes. */
	struct broker_batch batch;
	struct taken taken;
};

/**
 * broker_open - choose the backend and create our chains.
 * @g: the caller's; zeroed, or closed
 * @conf: enabled; borrowed until broker_close()
 *
 * A firewall tool that fails now is logged, and broker_verify() retries it.
 * Return: 0, -ENOENT no backend is usable, other -errno
 */
int broker_open(struct broker *g, const struct conf *conf);

/** broker_close - remove our rules from the kernel. Does nothing if not
 * open. */
void broker_close(struct broker *);

/** broker_changed - read the notices from @watch_fd; sets @suspect if somebody
 * else caused one of them, or if our last change was made by old rules.
 * @ours: how many changes of the kernel we made since the last call */
void broker_changed(struct broker *, unsigned ours);

/** broker_poll - has somebody changed legacy iptables, which sends no notice,
 * since our rules were last compared with it? Sets @suspect if it has changed
 * since the last call, or was compared in between. Return: false also if a
 * repair has failed, and is due anyway */
bool broker_poll(struct broker *);

/** broker_reset - another engine starts: drop a sync that is half received, and
 * a ping. */
void broker_reset(struct broker *);

/** broker_ping - ask the engine for a sign of life, on @fd; send the former
 * ping again if there was no room for it. @pinged is false once it is
 * answered. */
void broker_ping(struct broker *, int fd);

/** broker_refresh - apply the present addresses and settings. 0 or -errno */
int broker_refresh(struct broker *);

/** broker_sweep - remove what an earlier run left, once after
 * broker_open(). */
void broker_sweep(struct broker *);

/** broker_verify - compare the kernel with the table, and repair what differs.
 * Return: 0 no difference, 1 repaired, -EINPROGRESS call it again soon, -EINTR
 * others change the rules: try again later, other -errno not repaired
 * (logged). @suspect is cleared in each case: the caller must repeat what is
 * not complete */
int broker_verify(struct broker *);

/** broker_fault - why the kernel's rules may differ from the table, or why
 * mappings cannot work; "" if all is well. Valid until the next call. */
const char *broker_fault(const struct broker *);

/**
 * broker_serve - read and answer what the engine has sent.
 * @fd: the SOCK_SEQPACKET end, non-blocking
 *
 * SETs and DELs that wait together are one batch. A call is one turn: at most
 * NAT_BATCH_MAX requests, one transaction of the backend, and one request of
 * another kind than SET, DEL and SYNC_RULE; others wait for the next turn. The
 * log lines about requests have a limited rate, LOG_ENGINE_LINES.
 *
 * Blocks while the backend works, and for a part of a walk over the kernel's
 * flows if rules were deleted, to end their flows. As long as @flows.noted_n is
 * not 0, the walk needs further parts, or is not made yet because the last one
 * is too recent (@now_ms, which the owner sets): the owner must call
 * flows_end().
 *
 * Return: 0, -EPIPE the engine closed its end, -EPROTO it sent a malformed
 * request, -EXFULL it does not read its answers
 */
int broker_serve(struct broker *, int fd);

#endif
