/* SPDX-License-Identifier: ISC */
/*
 * conf.h - the configuration, and the reader of its file. The options are in
 * confopt.h.
 * Runs in: any
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "map/policy.h"

enum conf_iface_type { CONF_EXTERNAL = 1, CONF_INTERNAL };

struct conf_networks {
	struct addr_net at[CONF_NETWORKS_MAX];
	uint8_t n;
};

struct conf_iface {
	char name[IF_NAMESIZE];
	uint32_t type;		/* enum conf_iface_type, 0 not set yet */
	bool disabled;
	struct addr forced_ip;	/* IPv4 or ADDR_NONE; external only */
	unsigned line;		/* of its section, for messages */
	struct conf_networks network;	/* behind other routers; internal
					 * only */
};

enum conf_status_page { CONF_PAGE_OWN, CONF_PAGE_ALL, CONF_PAGE_NO };
/* By which protocol a NAT in front of the router is asked for each port. AUTO:
 * by any of them, while the external address is private. */
enum conf_ask_upstream {
	CONF_ASK_AUTO, CONF_ASK_NO, CONF_ASK_PCP, CONF_ASK_NAT_PMP,
	CONF_ASK_UPNP,
};

/* Which of several enabled external interfaces is active. ROUTE: the one of the
 * default route. PRIORITY: the first in the file that is up, has a carrier and
 * an address. */
enum conf_selection { CONF_SELECT_ROUTE, CONF_SELECT_PRIORITY };

enum conf_list_scope { CONF_LIST_OWN, CONF_LIST_ALL };

/* One bit for each root device: 1 << its version. */
enum conf_versions { CONF_IGD1 = 2, CONF_IGD2 = 4, CONF_IGD_BOTH = 6 };

/* A mapping of the operator; the fields and their limits: confmapping.h. */
struct conf_mapping {
	struct addr client;	/* IPv6: it is a pinhole */
	struct addr remote;	/* of the same family, or ADDR_ANY */
	uint16_t remote_port;	/* of that host; 0: any */
	uint16_t ext_port, int_port;	/* a pinhole's are equal */
	uint16_t comment;	/* its offset in conf.comments; 0: none */
	uint8_t proto;		/* nat_rule_has_proto() */
	bool disabled;
	unsigned line;		/* of the file, for messages */
};

struct conf {
	bool enabled;		/* the master of the next three */
	bool upnp, nat_pmp, pcp;	/* the protocols that are served */
	bool allow_disable_external, show_dummy_rule, secure_mode, hairpin,
		masquerade, ipv6, pcp_strict_nonce, log_mappings;
	/* whose hosts may use THIRD_PARTY of PCP; none by default */
	struct conf_networks pcp_third_party;
	uint32_t refuse_private; /* 0 warn, 1 refuse */
	uint32_t ask_upstream;	/* enum conf_ask_upstream */
	uint32_t external_selection; /* enum conf_selection */
	uint32_t list_scope;	/* enum conf_list_scope */
	uint32_t status_page;	/* enum conf_status_page */
	char backend[CONF_STR_MAX];
	bool backend_nft;	/* the file has nft, a former name of netlink */
	uint32_t http_port, igd_version, max_lease, absent_timeout,
		max_mappings, max_pinholes, max_per_client, notify_interval,
		verify_interval, log_level,
		up_bps, down_bps;
	char state_dir[CONF_STR_MAX], control_socket[CONF_STR_MAX],
		pid_file[CONF_STR_MAX], user[CONF_STR_MAX], uuid[CONF_STR_MAX],
		friendly_name[CONF_STR_MAX], manufacturer[CONF_STR_MAX],
		manufacturer_url[CONF_STR_MAX], model_name[CONF_STR_MAX],
		model_number[CONF_STR_MAX], serial_number[CONF_STR_MAX],
		presentation_url[CONF_STR_MAX], nft_table[CONF_STR_MAX],
		nft_chain[CONF_STR_MAX];
	struct policy_rule rule[CONF_RULES_MAX];	/* enabled lines only */
	size_t rule_n;
	struct conf_iface iface[CONF_IFACES_MAX];
	size_t iface_n;
	/* Last, because few files have mappings: see conf_size(). */
	size_t mapping_n, comments_n;
	struct conf_mapping mapping[CONF_MAPPINGS_MAX];
	char comments[CONF_COMMENTS_MAX];	/* strings; the first is "" */
};

/* Why a file was refused: "FILE:LINE: the problem; the fix". */
struct conf_error {
	char text[512];
};

/** conf_defaults - set every option to its default; no interface. */
void conf_defaults(struct conf *);

/**
 * conf_read - read and check a whole file.
 * @ret: its content is undefined after an error
 * Return: 0, or -errno with @err filled: -EINVAL for the file's content, others
 * if it could not be read
 */
int conf_read(const char *path, struct conf *ret, struct conf_error *err);

/** conf_parse - the same from memory; @name is the file's name in messages. */
int conf_parse(struct str text, const char *name, struct conf *ret,
	       struct conf_error *err);

/**
 * conf_size - the bytes of a configuration that are in use.
 *
 * A configuration without mappings ends before them: it is copied and sent
 * without that part, so that the part takes no memory in any process.
 */
size_t conf_size(const struct conf *);

/** conf_copy - copy the bytes that are in use. */
void conf_copy(struct conf *to, const struct conf *from);

/** conf_serves - is any protocol on, by which a client can ask for a port? If
 * not, only the operator's mappings are made. */
bool conf_serves(const struct conf *);

/** conf_missing - without an enabled interface of which type is nobody served?
 * Return: 0 if there are interfaces of both types */
enum conf_iface_type conf_missing(const struct conf *);

/** conf_type_name - "external" or "internal". */
const char *conf_type_name(enum conf_iface_type);

/** conf_runs - does an engine run with it: is it enabled, and has it the
 * interfaces that it needs? */
bool conf_runs(const struct conf *);

/** conf_external - find the enabled external interface, or NULL. */
const struct conf_iface *conf_external(const struct conf *);

#endif
