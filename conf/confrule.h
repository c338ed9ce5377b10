/* SPDX-License-Identifier: ISC */
/*
 * confrule.h - parse and write the allow and deny lines of the configuration:
 *
 *   allow 1024-65535 192.168.88.0/24 1024-65535 [disabled] ["comment"]
 *   deny 0-65535 192.168.88.66 0-65535
 *
 * The daemon reads a disabled line as if it were not there.
 *
 * Pure. Runs in: any
 */
#ifndef CONF_CONFRULE_H
#define CONF_CONFRULE_H

#include "conf/conftail.h"
#include "map/policy.h"

struct confrule {
	struct policy_rule is;		/* its line is 0 */
	bool disabled;
	struct conftail_comment comment;
};

/**
 * confrule_parse - parse an allow or deny line.
 * @word: allow or deny
 * @args: the line after that word
 * @ret:  set on success only
 * @why:  receives the problem and the fix
 *
 * Return: 0 or -EINVAL
 */
int confrule_parse(struct str word, struct str args, struct confrule *ret,
		   struct wr *why);

/** confrule_put - write the line, without a newline, in the form that
 * confrule_parse() reads. */
void confrule_put(struct wr *, const struct confrule *);

/** confrule_read_ports - read "80" or "1024-65535".
 * @ret_lo, @ret_hi: set only on success */
bool confrule_read_ports(struct str, uint16_t *ret_lo, uint16_t *ret_hi);

/** confrule_put_ports - write one port or a range of ports. */
void confrule_put_ports(struct wr *, uint16_t lo, uint16_t hi);

/** confrule_read_net - read a network or the address of one host.
 * @ret: set only on success
 *
 * Return: 0 or -EINVAL, with @why */
int confrule_read_net(struct str, struct addr_net *ret, struct wr *why);

#endif
