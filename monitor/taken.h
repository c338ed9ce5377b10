/* SPDX-License-Identifier: ISC */
/*
 * taken.h - does somebody with more rights than a client have a port: the
 * router itself, or a rule of the administrator?
 *
 * For a new mapping, every socket of the router counts. For a mapping that is
 * in force, a UDP socket counts only if the same socket was there in two looks,
 * at least TAKEN_UDP_MS apart: a resolver's sockets have random ports, and each
 * of them exists for a moment.
 * Runs in: monitor
 */
#ifndef MONITOR_TAKEN_H
#define MONITOR_TAKEN_H

#include "base/limits.h"
#include "natfw.h"
#include "sys/ports.h"

/* A UDP socket of the router on the port of a mapping that is in force. */
struct taken_socket {
	uint64_t inode;
	uint64_t since_ms;	/* the look that saw it first */
	uint16_t port;
	bool seen;		/* in the present look */
};

struct taken {
	struct natfw *fw;	/* borrowed */
	/* in this turn: a port was asked for, and that part of @ports was read */
	struct { bool asked, read; } tcp, udp;
	size_t socket_n;
	struct taken_socket socket[TAKEN_SOCKETS_MAX];
	/* The large member comes last, unused while nothing changes. */
	struct ports ports;	/* served by the router itself */
};

/** taken_turn - a new turn: the ports that were read before may have changed
 * since. */
void taken_turn(struct taken *);

/**
 * taken_check - may a mapping with this rule have its port, or a pinhole?
 * @in_force: it has it now, so it is renewed, or looked at again
 * @now_ms: monotonic
 * @why: the rule of the administrator, for the log
 *
 * A pinhole's port is the client's, so the router's do not matter.
 *
 * Return: NAT_OK; NAT_ECONFLICT the router serves that port; NAT_EFORWARDED,
 * NAT_EBLOCKED as natfw_check(); NAT_EFAIL the router's ports cannot be read
 * (not for a mapping in force, which then keeps its port): @why has the error
 */
enum nat_err taken_check(struct taken *, const struct nat_rule *rule,
			 bool in_force, uint64_t now_ms, struct wr *why);

/** taken_look_begin - a look at all mappings begins: the ports are read again
 * for the next taken_check(). */
void taken_look_begin(struct taken *);

/** taken_look_end - all mappings were checked: forget the UDP sockets that have
 * gone. */
void taken_look_end(struct taken *);

/** taken_next_ms - when the next look is due, because a UDP socket may have
 * been there for long enough; UINT64_MAX: there is none. */
uint64_t taken_next_ms(const struct taken *, uint64_t now_ms);

#endif
