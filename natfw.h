/* SPDX-License-Identifier: ISC */
/*
 * natfw.h - the NAT as the monitor sees it: the rules that shall be, and the
 * backends that make the kernel hold them.
 *
 * The table here is what the engine asked for and the monitor allowed; the
 * firewall is a projection of it that can be verified and repaired at any time.
 */
#ifndef NATFW_H
#define NATFW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clientcount.h"
#include "base/limits.h"
#include "map/nat_rule.h"
#include "sys/netif.h"

/* Where the rules stand: read by the monitor from configuration and kernel.
 * Interface names are checked: [A-Za-z0-9_.@-], as long as the kernel's. */
struct natfw_env {
	char ext_if[IF_NAMESIZE];
	uint32_t ext_ip;	/* the interface's own address; 0: none, and
				 * then the kernel holds none of our mappings */
	struct netif_addr net[CONF_IFACES_MAX];	/* internal */
	size_t net_n;
	bool hairpin;
	bool masquerade;
	/* netlink: where the accept has to stand; "": each forward chain */
	char nft_table[64];	/* "inet fw4" */
	char nft_chain[64];	/* "forward" */
};

struct natfw;

struct natfw_backend {
	const char *name;
	/* is the tool or the kernel's part here? */
	bool (*usable)(const struct natfw_env *);
	/* make our chains or table; idempotent (also over what a killed
	 * monitor left); other people's rules untouched. 0 or -errno; the
	 * other functions may be called after an error, too */
	int (*open)(struct natfw *, const struct natfw_env *);
	/* bring the kernel from the table as it is to the table with these ops
	 * done: all or nothing. Called before the table is changed. */
	int (*apply)(struct natfw *, const struct nat_op *, size_t n);
	/* make the kernel hold exactly these, hooks and all: start, reload,
	 * new address, repair. One transaction where the tool has it */
	int (*sync)(struct natfw *, const struct nat_rule *, size_t n);
	/* 0 as it should be, 1 drifted, -errno */
	int (*verify)(struct natfw *, const struct nat_rule *, size_t n);
	/* leave nothing of ours behind; called after every open */
	void (*close)(struct natfw *);
	/* in how many transactions of nf_tables, which tells of each, a
	 * change is made; 0: its rules live elsewhere */
	unsigned commits;
	/* for "auto": does its tool filter forwarding here, whatever is
	 * configured? Changes nothing, loads nothing. NULL: never */
	bool (*governs)(void);
};

enum natfw_by {
	NATFW_BY_KEY,		/* as nat_rule_same_key() */
	NATFW_BY_SOCKET,	/* client, protocol, internal port */
	NATFW_INDEXES,
};

/* A hash index over the table, chained: places are numbers in it plus one, 0
 * ends a chain. The rule that was set last is the first of its chain. */
struct natfw_index {
	uint16_t *head;
	uint16_t *next;
};

/* What a backend may look at. */
struct natfw {
	const struct natfw_backend *be;
	struct natfw_env env;
	struct nat_rule *rule;	/* the table, no order, no two of one key;
				 * natfw/table.h finds one */
	size_t rule_n, rule_max;
	bool dirty;		/* kernel and table may differ: sync is due */
	char why[256];		/* what the tool said when it last failed */
	void *own;		/* the backend's, from its open to its close;
				 * NULL at other times */
	struct natfw_index index[NATFW_INDEXES];	/* natfw/table.c's */
	uint32_t slots;		/* of head in each, a power of two */
	struct clientcount by_client;	/* and this */
};

extern const struct natfw_backend natfw_iptables, natfw_iptables_legacy,
	natfw_iptables_nft, natfw_netlink, natfw_memory;

/**
 * natfw_init - an empty table.
 * @fw: the caller's, zeroed; natfw_done() frees what it holds
 * @rule_max: as max-mappings. Return: 0, -ENOMEM, -EINVAL (more than
 * PM_MAPPINGS_LIMIT)
 */
int natfw_init(struct natfw *fw, size_t rule_max);
void natfw_done(struct natfw *fw);

/**
 * natfw_find - the backend called @name; "auto" looks at what governs
 * forwarding on this machine.
 * @ret_why: a literal: why auto chose it or found none, "configured" otherwise
 *
 * Return: NULL for an unknown name, or when auto finds no tool
 */
const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *,
				       const char **ret_why);

/** natfw_open - start with a backend and an environment. 0 or -errno, fw->why
 * says what the tool said; the backend is kept and tried again when used. */
int natfw_open(struct natfw *, const struct natfw_backend *,
	       const struct natfw_env *);

/**
 * natfw_batch - do these ops as one transaction.
 * @ret: one nat_err an op
 *
 * Ops on the same key are done in order (the last one counts; a backend never
 * sees two of one key). After a failure the table is as before and the kernel
 * is brought back to it. Then each op is tried alone, so that one bad rule does
 * not spoil the others, and a batch that failed on a firewall somebody flushed
 * goes through after the repair; not when the tool hung, is missing or could
 * not repair. Without an external address a SET is NAT_ENOADDR.
 */
void natfw_batch(struct natfw *, const struct nat_op *, size_t n,
		 enum nat_err *ret);

/**
 * natfw_sync - the table shall be exactly these.
 *
 * The table is taken over even when the kernel could not be brought to it
 * (then dirty stays set and natfw_verify() tries again).
 * Return: 0, -errno, or -ENOSPC when n > rule_max (nothing changed)
 */
int natfw_sync(struct natfw *, const struct nat_rule *, size_t n);

/** natfw_move - the environment has changed: sync into it. 0 or -errno */
int natfw_move(struct natfw *, const struct natfw_env *);

/** natfw_verify - repair the kernel where it drifted. Return: 0 it was right,
 * 1 repaired, -errno it could not be */
int natfw_verify(struct natfw *);

/** natfw_close - take everything of ours out of the kernel. */
void natfw_close(struct natfw *);

/** natfw_lookup - the rule with that key, or NULL. */
const struct nat_rule *natfw_lookup(const struct natfw *,
				    const struct nat_rule *key);

#endif
