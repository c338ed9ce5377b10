/* SPDX-License-Identifier: ISC */
/*
 * engine_kept.h - what an engine leaves to its successor, so that a reload or a
 * crash does not begin it anew: counters and times for the operator, and what
 * the log compares.
 *
 * The fork server maps the memory before it starts engines, one at a time; each
 * of them inherits it. The monitor never reads it. An engine trusts it no more
 * than the network: it holds numbers, addresses and rules only. A reader checks
 * each that it uses as an index, as a size or as a rule.
 * Runs in: engine, fork server
 */
#ifndef IPC_ENGINE_KEPT_H
#define IPC_ENGINE_KEPT_H

#include <net/if.h>
#include <stdbool.h>
#include "base/addr.h"
#include "base/limits.h"
#include "map/nat_rule.h"
#include "map/recent.h"
#include "map/refusal.h"
#include "map/rulecounts.h"

/* A client of a mapping without an end that does not answer (absent-timeout) */
struct absent_kept {
	struct addr client;	/* ADDR_NONE: the place is free */
	bool met;		/* private: in this round */
	uint64_t silent_ms;	/* for how long */
};

/* A mapping of the operator's configuration that was in force. */
struct kept_configured {
	struct nat_rule rule;
	uint8_t disabled;
};

/* All zero at the start of the daemon. Times are of CLOCK_MONOTONIC. */
struct engine_kept {
	uint64_t began_ms;	/* the first engine began to serve; 0: none
				 * has */
	uint64_t ended_ms;	/* the last one ended as requested; 0: one runs,
				 * or it has crashed */
	struct addr ext;	/* the external address, and since when there */
	uint64_t ext_since_ms;	/* has been a connection; 0: there is none */
	char active[IF_NAMESIZE];	/* the active external interface */
	bool link_off;		/* a control point has taken it down */
	uint32_t update_id;	/* map.update_id */
	uint32_t refused[REFUSALS];	/* refusal_counts.n */
	struct rulecounts decided;
	struct recent recent;
	uint32_t configured_n;	/* see configlog.h */
	struct kept_configured configured[CONF_MAPPINGS_MAX];
	struct absent_kept absent[ABSENT_KEPT_MAX];
};

/* An engine that starts later than this after the last one is no successor: the
 * daemon was not enabled in between. A reload takes a second, and with a slow
 * firewall tool a few more. */
#define ENGINE_KEPT_GAP_MS	30000

#endif
