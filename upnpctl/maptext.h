/* SPDX-License-Identifier: ISC */
/*
 * maptext.h - format and parse the fields of a mapping or pinhole, in RouterOS's
 * forms.
 * Pure apart from maptext_json(), which writes to out.h. Runs in: upnpctl
 */
#ifndef UPNPCTL_MAPTEXT_H
#define UPNPCTL_MAPTEXT_H

#include "base/str.h"
#include "base/wr.h"
#include "ipc/ctlmsg.h"

/* The longest text of one field: a quoted description with every byte
 * escaped. */
#define MAPTEXT_MAX (2 * PM_DESC_MAX + 2)

enum maptext_field {
	MAPTEXT_PROTOCOL, MAPTEXT_EXT_PORT, MAPTEXT_TO, MAPTEXT_REMOTE,
	MAPTEXT_LEFT, MAPTEXT_BY, MAPTEXT_ORIGIN, MAPTEXT_ID, MAPTEXT_DESC,
	MAPTEXT__MAX,
};

/** maptext_has - a pinhole has no external port, a port mapping no id. */
bool maptext_has(enum maptext_field, const struct ctl_mapping *);

/** maptext_name - "external-port"; a literal. */
const char *maptext_name(enum maptext_field);

/** maptext_put - write the field's text: "tcp", "192.168.88.10:80",
 * "[2001:db8::5]:80", "never", "operator". Every port is "*". It has no control
 * characters. */
void maptext_put(struct wr *, enum maptext_field, const struct ctl_mapping *);

/** maptext_flags - write a letter for each flag: D or S, then X, and U or
 * O. */
void maptext_flags(struct wr *, const struct ctl_mapping *);

/** maptext_pairs - write "protocol=tcp external-port=80 ..." for the fields
 * @from to @to, both included, that it has; the description is quoted. */
void maptext_pairs(struct wr *, enum maptext_field from, enum maptext_field to,
		   const struct ctl_mapping *);

/** maptext_rule_json - write the rule into the open JSON object: from "kind" to
 * "remote-port". */
void maptext_rule_json(const struct nat_rule *);

/** maptext_json - write the fields into the open JSON object. */
void maptext_json(const struct ctl_mapping *);

/** maptext_key - write "tcp:8080", or "tcp:8080:203.0.113.5" with a remote host.
 * A pinhole is "tcp:[2001:db8::5]:8080", or with a remote host or its port
 * "tcp:[2001:db8::5]:8080:[2001:db8::9]:*". */
void maptext_key(struct wr *, const struct nat_rule *);

/** MAPTEXT_KEY_MAX - a key has fewer bytes: two addresses in brackets. */
#define MAPTEXT_KEY_MAX (2 * ADDR_TEXT_MAX + 32)

/**
 * maptext_read_key - parse what maptext_key() writes.
 * @ret_any_remote: no remote host is named: those of every remote host match
 *
 * Of "0.0.0.0" as a remote host, "every host" is meant.
 */
bool maptext_read_key(struct str, struct nat_rule *ret, bool *ret_any_remote);

/** maptext_clean - write text for a terminal. Bytes that are not UTF-8, control
 * characters and bidirectional controls become '?'. */
void maptext_clean(struct wr *, struct str);

/** maptext_time - write seconds as "1w2d3h4m5s", without parts that are 0;
 * "0s". */
void maptext_time(struct wr *, uint64_t s);

/*
 * Parsers. The whole text must match.
 */

/** maptext_read_time - parse seconds, or the form of maptext_time(), each unit
 * once and from large to small. Return: 0, -EINVAL, -ERANGE (above
 * PM_LEASE_MAX_S) */
int maptext_read_time(struct str, uint32_t *ret_s);

/** maptext_read_bool - parse yes or true, no or false. */
bool maptext_read_bool(struct str, bool *ret);

/** maptext_read_proto - parse the name of a protocol (nat_rule_proto()),
 * case-insensitively, into IPPROTO_. */
bool maptext_read_proto(struct str, uint8_t *ret);

/** maptext_read_port - parse a port, 1 to 65535. */
bool maptext_read_port(struct str, uint16_t *ret);

/** maptext_read_to - parse "192.168.88.10:80" or "[2001:db8::5]:80". */
bool maptext_read_to(struct str, struct addr *ret, uint16_t *ret_port);

/** maptext_read_desc - check and copy a description: UTF-8 without control
 * characters, at most PM_DESC_MAX bytes. */
bool maptext_read_desc(struct str, char ret[PM_DESC_MAX + 1]);

#endif
