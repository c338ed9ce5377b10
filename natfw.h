/* SPDX-License-Identifier: ISC */
/*
 * natfw.h - the tables of port mappings and pinholes, and the backends that
 * make the kernel hold them.
 *
 * The tables hold what the engine requested and the monitor allowed. The
 * firewall is a projection of them that can be verified and repaired at any
 * time.
 * Runs in: any
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

/* The router's side of the rules, read from the configuration and the kernel.
 * Interface names are checked: [A-Za-z0-9_.@-], as long as the kernel's. */
struct natfw_env {
	char ext_if[IF_NAMESIZE];
	struct addr ext;	/* the interface's own address (IPv4);
				 * ADDR_NONE: the kernel holds none of our
				 * mappings */
	struct netif_addr net[NETWORKS_SERVED_MAX];	/* internal */
	size_t net_n;
	bool hairpin;
	bool masquerade;
	/* netlink: the chain of the accept; "": each forward chain */
	char nft_table[64];	/* "inet fw4" */
	char nft_chain[64];	/* "forward" */
};

struct natfw;

struct natfw_backend {
	const char *name;
	/* is the tool installed, or has the kernel nf_tables? */
	bool (*usable)(const struct natfw_env *);
	/* create our chains or table. They may exist already, from an earlier
	 * call or a killed monitor. Does not touch other people's rules. 0 or
	 * -errno; the other functions may be called after an error as well */
	int (*open)(struct natfw *, const struct natfw_env *);
	/* change the kernel as these ops will change the tables: all or
	 * nothing. Called before a table is changed. */
	int (*apply)(struct natfw *, const struct nat_op *, size_t n);
	/* make the kernel hold exactly these port mappings and our hooks.
	 * Called at the start, after a reload or a new address, and to repair.
	 * One transaction if the tool has transactions. A backend that makes
	 * pinholes reads them from fw->pinholes */
	int (*sync)(struct natfw *, const struct nat_rule *, size_t n);
	/* 0 equal, 1 different, -errno */
	int (*verify)(struct natfw *, const struct nat_rule *, size_t n);
	/* remove everything of ours; called after every open */
	void (*close)(struct natfw *);
	/* number of nf_tables transactions, and so of notices, for each
	 * change; 0: the rules are not in nf_tables */
	unsigned commits;
	/* for "auto": does this tool filter forwarded packets on this machine?
	 * Does not depend on the configuration, changes nothing, and loads no
	 * module. NULL: it never does */
	bool (*governs)(void);
	/* does it make rules for pinholes as well? If not, they are refused:
	 * NAT_EKIND */
	bool pinholes;
};

enum natfw_by {
	NATFW_BY_KEY,		/* as nat_rule_same_key() */
	NATFW_BY_SOCKET,	/* client, protocol, internal port */
	NATFW_INDEXES,
};

/* A chained hash index over the table. A link is a rule's index plus one; 0
 * ends a chain. The rule that was set last is the first of its chain. */
struct natfw_index {
	uint16_t *head;
	uint16_t *next;
};

/* The rules of one kind. */
struct natfw_table {
	struct nat_rule *rule;	/* unordered, keys are unique; natfw/table.h
				 * finds one */
	size_t rule_n, rule_max;
	struct natfw_index index[NATFW_INDEXES];	/* private to table.c */
	uint32_t slots;		/* of head in each, a power of two */
	struct clientcount by_client;	/* private to table.c */
};

/* The tables and their backend; backends may read them. */
struct natfw {
	const struct natfw_backend *be;
	struct natfw_env env;
	struct natfw_table mappings, pinholes;
	bool dirty;		/* kernel and tables may differ: sync is due */
	char why[256];		/* the tool's message at its last failure */
	void *own;		/* the backend's, from its open to its close;
				 * NULL at other times */
};

extern const struct natfw_backend natfw_iptables, natfw_iptables_legacy,
	natfw_iptables_nft, natfw_netlink, natfw_memory;

/**
 * natfw_init - make empty tables.
 * @fw: the caller's, zeroed; natfw_done() frees what it holds
 * @mapping_max: as max-mappings
 * @pinhole_max: 0: no memory is allocated for them
 *
 * Return: 0, -ENOMEM, -EINVAL (more than PM_MAPPINGS_LIMIT)
 */
int natfw_init(struct natfw *fw, size_t mapping_max, size_t pinhole_max);
void natfw_done(struct natfw *fw);

/**
 * natfw_find - find the backend called @name; "auto" chooses by what filters
 * forwarding on this machine.
 * @ret_why: a literal: why auto chose it or found none, otherwise "configured"
 * Return: NULL for an unknown name, or if auto finds no tool
 */
const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *,
				       const char **ret_why);

/** natfw_open - start with a backend and an environment. 0 or -errno; fw->why
 * has the tool's message. After an error the backend stays and is tried again
 * at the next use. */
int natfw_open(struct natfw *, const struct natfw_backend *,
	       const struct natfw_env *);

/**
 * natfw_batch - apply these ops as one transaction.
 * @ret: a nat_err for each op
 *
 * Ops on the same key are applied in order (the last one counts; a backend
 * never gets two of one key). After a failure the table is as before, and the
 * kernel is repaired to match it. Then each op is tried alone, so that a rule
 * which the kernel refuses does not fail the others, and a batch that failed
 * because somebody flushed the firewall succeeds after the repair. There is no
 * second try if the tool hung, is missing or could not repair.
 *
 * A SET of a port mapping fails with NAT_ENOADDR if there is no external
 * address; a pinhole needs none. A SET of a pinhole fails with NAT_EKIND if the
 * backend does not make pinholes.
 */
void natfw_batch(struct natfw *, const struct nat_op *, size_t n,
		 enum nat_err *ret);

/**
 * natfw_sync - replace the tables with these rules, of any kind.
 *
 * The tables are replaced even if the kernel could not be changed; then dirty
 * stays set, and natfw_verify() tries again. Pinholes are left out if the
 * backend has none.
 * Return: 0, -errno, or -ENOSPC when there are more rules of a kind than its
 * table holds (nothing changed)
 */
int natfw_sync(struct natfw *, const struct nat_rule *, size_t n);

/** natfw_move - set a new environment, and sync the kernel. 0 or -errno */
int natfw_move(struct natfw *, const struct natfw_env *);

/** natfw_verify - compare the kernel with the tables and repair it. Return: 0
 * equal, 1 repaired, -errno not repaired */
int natfw_verify(struct natfw *);

/** natfw_close - remove everything of ours from the kernel. */
void natfw_close(struct natfw *);

/** natfw_takes - does the backend make rules of this kind? */
bool natfw_takes(const struct natfw *, uint8_t kind);

/** natfw_lookup - find the rule with that key, or NULL. */
const struct nat_rule *natfw_lookup(const struct natfw *,
				    const struct nat_rule *key);

#endif
