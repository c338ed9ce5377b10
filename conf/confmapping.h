/* SPDX-License-Identifier: ISC */
/*
 * confmapping.h - parse and write the mapping lines of the configuration:
 *
 *   mapping tcp 8080 192.168.88.10:80 [remote ADDRESS[:PORT]] [disabled]
 *     ["comment"]
 *   mapping tcp 8080 [2001:db8::5]:8080 [remote ADDRESS] and so on
 *
 * With an IPv6 address it is a pinhole: both ports are equal, because nothing
 * is translated, and the protocol may be dccp, sctp or udplite as well.
 *
 * Pure. Runs in: any
 */
#ifndef CONF_CONFMAPPING_H
#define CONF_CONFMAPPING_H

#include "base/wr.h"
#include "conf/conf.h"
#include "conf/conftail.h"
#include "map/nat_rule.h"

/**
 * confmapping_parse - parse the part of a line after the word "mapping".
 * @ret: set on success only; its members line and comment are 0
 * @ret_comment: "" if the line has none; undefined after an error
 * @why: receives the problem and the fix
 *
 * The end of the line is that of conftail.h. The comment is the description of
 * the mapping for clients.
 *
 * Return: 0 or -EINVAL
 */
int confmapping_parse(struct str args, struct conf_mapping *ret,
		      struct conftail_comment *ret_comment, struct wr *why);

/** confmapping_put - write the line, without a newline, in the form that
 * confmapping_parse() reads. */
void confmapping_put(struct wr *, const struct conf_mapping *,
		     const char *comment);

/** confmapping_read_remote - read a remote host, with or without a port:
 * "203.0.113.5", "203.0.113.5:3478", "2001:db8::9", "[2001:db8::9]:3478".
 * @ret, @ret_port: set only on success; 0: no port */
bool confmapping_read_remote(struct str, struct addr *ret, uint16_t *ret_port);

/** confmapping_put_remote - write one. @port: 0: none */
void confmapping_put_remote(struct wr *, struct addr, uint16_t port);

/** confmapping_put_key - write the key in the words of the line: "tcp 8080",
 * "tcp 8080 remote 203.0.113.5", "tcp 8080 [2001:db8::5]:8080". */
void confmapping_put_key(struct wr *, const struct conf_mapping *);

/**
 * confmapping_add - add a mapping to a configuration.
 * @why: receives the problem and the fix
 *
 * Refuses a second mapping with the same key, a second host for one port of
 * IPv4, and a mapping or comment that exceeds CONF_MAPPINGS_MAX or
 * CONF_COMMENTS_MAX.
 *
 * Return: 0 or -EINVAL
 */
int confmapping_add(struct conf *, const struct conf_mapping *,
		    const char *comment, struct wr *why);

/** confmapping_find - the mapping with the key of @m, or NULL. */
const struct conf_mapping *confmapping_find(const struct conf *,
					    const struct conf_mapping *m);

/** confmapping_same_key - are protocol, external port, remote host and its port
 * equal, and of pinholes the client? */
bool confmapping_same_key(const struct conf_mapping *a,
			  const struct conf_mapping *b);

/** confmapping_text - the comment of a mapping, or "". */
const char *confmapping_text(const struct conf *, const struct conf_mapping *);

/** confmapping_rule - the rule of a mapping or pinhole, for the table and the
 * firewall. */
struct nat_rule confmapping_rule(const struct conf_mapping *);

/** confmapping_of_rule - the mapping with this rule: enabled, without a
 * comment. */
struct conf_mapping confmapping_of_rule(const struct nat_rule *);

#endif
