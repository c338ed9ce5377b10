/* SPDX-License-Identifier: ISC */
/*
 * maptext.h - a mapping in words, and words read back: RouterOS's forms. Pure
 * but for the JSON, which goes to out.h.
 */
#ifndef UPNPCTL_MAPTEXT_H
#define UPNPCTL_MAPTEXT_H

#include "base/str.h"
#include "base/wr.h"
#include "ipc/ctlmsg.h"

/* The longest text of one field, quoted: a description, every byte escaped. */
#define MAPTEXT_MAX (2 * PM_DESC_MAX + 2)

enum maptext_field {
	MAPTEXT_PROTOCOL, MAPTEXT_EXT_PORT, MAPTEXT_TO, MAPTEXT_REMOTE,
	MAPTEXT_LEFT, MAPTEXT_BY, MAPTEXT_ORIGIN, MAPTEXT_DESC, MAPTEXT__MAX,
};

/** maptext_name - "external-port"; a literal. */
const char *maptext_name(enum maptext_field);

/** maptext_put - the field's text: "tcp", "192.168.88.10:80", "never",
 * "operator". Nothing in it can move a terminal's cursor. */
void maptext_put(struct wr *, enum maptext_field, const struct ctl_mapping *);

/** maptext_flags - one letter a flag: D or S, then X. */
void maptext_flags(struct wr *, const struct ctl_mapping *);

/** maptext_pairs - "protocol=tcp external-port=80 ..." from one field to
 * another, both in it; the description in quotes. */
void maptext_pairs(struct wr *, enum maptext_field from, enum maptext_field to,
		   const struct ctl_mapping *);

/** maptext_json - its fields, into the object that is open. */
void maptext_json(const struct ctl_mapping *);

/** maptext_key - "tcp:8080", or "tcp:8080:203.0.113.5" with a remote host. */
void maptext_key(struct wr *, const struct nat_rule *);

/** maptext_clean - text for a terminal: what is no UTF-8, a control character,
 * or turns the direction of writing becomes '?'. */
void maptext_clean(struct wr *, struct str);

/** maptext_time - seconds as "1w2d3h4m5s", no part that is 0; "0s". */
void maptext_time(struct wr *, uint64_t s);

/*
 * Readers. Strict: the whole of the text or nothing.
 */

/** maptext_read_time - seconds, or as maptext_time() has it, each unit once
 * and from large to small. 0, -EINVAL, -ERANGE (above PM_LEASE_MAX_S) */
int maptext_read_time(struct str, uint32_t *ret_s);

/** maptext_read_proto - "tcp" or "udp", in any case, as IPPROTO_. */
bool maptext_read_proto(struct str, uint8_t *ret);

/** maptext_read_port - 1 to 65535. */
bool maptext_read_port(struct str, uint16_t *ret);

/** maptext_read_to - "192.168.88.10:80". */
bool maptext_read_to(struct str, uint32_t *ret_ip, uint16_t *ret_port);

/** maptext_read_desc - as a mapping may carry it: UTF-8 without control
 * characters, at most PM_DESC_MAX bytes. */
bool maptext_read_desc(struct str, char ret[PM_DESC_MAX + 1]);

#endif
