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
#include "base/wr.h"
#include "map/nat_rule.h"
#include "natfw/ipt_print.h"
#include "natfw/ruleset.h"
#include "natfw/ruleset_dump.h"
#include "sys/netif.h"

/* The router's side of the rules, read from the configuration and the kernel.
 * Interface names are checked: [A-Za-z0-9_.@-], as long as the kernel's. */
struct natfw_env {
	char ext_if[IF_NAMESIZE];
	uint32_t ext_index;	/* its index; 0: not known */
	uint32_t ext_master;	/* index of the VRF or bridge that it is part
				 * of; 0: none */
	/* by which the Internet's IPv6 hosts reach the LAN, if that is another
	 * one; empty: @ext_if */
	char ext6_if[IF_NAMESIZE];
	uint32_t ext6_index;
	struct addr ext;	/* the interface's own address (IPv4);
				 * ADDR_NONE: the kernel holds none of our
				 * mappings */
	/* the internal networks of both families, as in struct policy; what is
	 * for IPv4 only skips the others */
	struct netif_addr net[NATFW_NETS_MAX];
	size_t net_n;
	bool ipv6;		/* pinholes can exist */
	bool hairpin;
	bool masquerade;
	/* the only native chain that gets accepts; "": each that would drop
	 * packets to mapped ports */
	char nft_table[64];	/* "inet fw4" */
	char nft_chain[64];	/* "forward" */
};

struct natfw;
struct natfw_writer;
struct places;

/*
 * A way to write rules. One of them translates addresses; each writes the
 * accepts in the forward chains of its own kind (natfw/place.h). The functions
 * get their writer, whose flags say what it has to do.
 */
struct natfw_backend {
	const char *name;
	/* the kind of chain that it can write into */
	enum ruleset_kind kind;
	/* can it translate: is the tool installed, or has the kernel nf_tables
	 * nat that works beside what is there? Changes nothing */
	bool (*usable)(const struct natfw_env *);
	/* get ready; changes nothing. Our chains or table may exist already,
	 * from an earlier run or a killed monitor: they keep working until the
	 * first sync. 0 or -errno; the other functions may be called after an
	 * error as well */
	int (*open)(struct natfw *, struct natfw_writer *);
	/* change the kernel as these ops will change the tables: all or
	 * nothing. Called before a table is changed. */
	int (*apply)(struct natfw *, struct natfw_writer *,
		     const struct nat_op *, size_t n);
	/* make the kernel hold exactly these port mappings, and our accepts in
	 * fw->places of this kind (if fw->rules_old, and they stand there, they
	 * need not be made again); remove what is ours and not wanted any
	 * more, also what an earlier run left in chains of this kind. Called
	 * at the start, after a reload or a new address, when the places
	 * changed, and to repair; fw->rules was read just before, unless
	 * fw->rules_old. One transaction if the tool has transactions. A
	 * backend that makes pinholes reads them from fw->pinholes.
	 * 0; -ESTALE: the rules have changed since they were read, so read
	 * them again; other -errno */
	int (*sync)(struct natfw *, struct natfw_writer *,
		    const struct nat_rule *, size_t n);
	/* compare the kernel with what sync makes; fw->rules was read just
	 * before. 0 equal, 1 different, -errno */
	int (*verify)(struct natfw *, struct natfw_writer *,
		      const struct nat_rule *, size_t n);
	/* do our accepts stand in fw->rules exactly where fw->places wants
	 * them? Reads only the model. NULL: it makes none */
	bool (*placed)(const struct natfw *, const struct natfw_writer *);
	/* read how many packets this pinhole of the table let in; see
	 * natfw_packets(). -EOPNOTSUPP: this writer does not count it, perhaps
	 * another one does. NULL: it never counts */
	int (*packets)(struct natfw *, struct natfw_writer *,
		       const struct nat_rule *, uint64_t *ret);
	/* remove everything of ours, and free what open took */
	void (*close)(struct natfw *, struct natfw_writer *);
	/* remove what an earlier run may have left in chains of this kind,
	 * where fw->rules shows something; not called while a writer of the
	 * kind is in use. @fw: only its rules and why are valid. NULL: nothing
	 * can be left */
	void (*sweep)(struct natfw *);
	/* number of nf_tables transactions, and so of notices, for each
	 * change; 0: the rules are not in nf_tables */
	unsigned commits;
	/* does it make rules for pinholes as well? If not, they are refused:
	 * NAT_EKIND */
	bool pinholes;
	/* it changes no kernel, so that other people's rules do not matter */
	bool offline;
};

/* A backend in use. */
struct natfw_writer {
	const struct natfw_backend *be;	/* NULL: not in use */
	bool translates;
	bool accepts;		/* some of fw->places are of its kind */
	void *own;		/* the backend's, from its open to its close */
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

/* The tables and their writers; backends may read them. */
struct natfw {
	struct natfw_writer writer[RULESET_KINDS];	/* by kind */
	enum ruleset_kind translator;	/* index of the one that translates */
	struct natfw_env env;
	struct natfw_table mappings, pinholes;
	/* The administrator's rules, as they were at one moment, and the places
	 * made from them. NULL before natfw_open(), and where the backend is
	 * offline. The next reading fills another model, in parts; only when
	 * it is complete it takes the place of this one. */
	struct ruleset *rules, *next_rules;
	struct ruleset_dump reading;
	struct places *places;
	unsigned places_no;	/* counts other @rules and @places; 0: there
				 * are none yet */
	bool rules_fresh;	/* they were read for the sync that follows */
	bool rules_old;		/* the last sync had no time to read them, so
				 * verify soon; the owner may clear it */
	bool rules_stale;	/* they may have changed since: the owner sets
				 * it, a reading clears it */
	bool unsure;		/* somebody else has changed nf_tables since our
				 * own rules were compared: the owner sets it,
				 * and a verification that was interrupted */
	uint64_t rules_ms;	/* when natfw_check() read them */
	/* The tables of legacy iptables, of both families, before our rules
	 * were compared with them, or after we changed them; see writers_changed() */
	struct ipt_print legacy;
	void *legacy_buf;	/* NATFW_LEGACY_MAX bytes */
	bool legacy_fresh;	/* writers_changed() found no change after the
				 * ops had come: the owner may set it for one
				 * natfw_batch() */
	bool dirty;		/* kernel and tables may differ: sync is due */
	bool held;		/* the kernel holds what an earlier run left:
				 * only natfw_sync() and natfw_batch() end it */
	char why[256];		/* the tool's message at its last failure */
};

extern const struct natfw_backend natfw_iptables_legacy, natfw_iptables_nft,
	natfw_netlink, natfw_memory;

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
 * natfw_find - find the backend called @name.
 *
 * "auto" is netlink where the kernel can translate with it, otherwise the
 * installed variant of iptables. "iptables" is the variant that the program
 * iptables is.
 * @ret_why: a literal: why it was chosen, or why there is none
 * Return: NULL for an unknown name, or if there is no such tool
 */
const struct natfw_backend *natfw_find(const char *name,
				       const struct natfw_env *,
				       const char **ret_why);

/** natfw_open - start with a backend and an environment. What an earlier run
 * left keeps working until the first natfw_sync(). 0 or -errno; fw->why has the
 * tool's message. After an error the backend stays and is tried again at the
 * next use. */
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

/** natfw_move - set a new environment, and sync the kernel, but not before the
 * first natfw_sync() if an earlier run left something. 0 or -errno */
int natfw_move(struct natfw *, const struct natfw_env *);

/**
 * natfw_verify - compare the kernel with the tables and repair it; likewise not
 * before the first natfw_sync().
 *
 * A large firewall is read in parts, each for NATFW_READ_US.
 * Return: 0 equal, 1 repaired, -EINPROGRESS there is more to read: call it
 * again soon, -EINTR the rules changed meanwhile: try again later; until then
 * natfw_batch() compares our own rules before it reports a success; other
 * -errno not repaired
 */
int natfw_verify(struct natfw *);

/** natfw_close - remove everything of ours from the kernel. */
void natfw_close(struct natfw *);

/**
 * natfw_check - do the administrator's rules leave this port to a mapping or
 * pinhole, and do they let its packets arrive?
 * @rule: not yet in the table, or to be renewed
 * @now_ms: monotonic. The rules are read again if they may have changed, at
 *          most once a second, and for NATFW_READ_US; if they are not read
 *          completely, those that were read before decide. For legacy
 *          iptables see writers_changed()
 * @why: what forwards or drops it, for the log; may be NULL
 * Return: NAT_OK; NAT_EFORWARDED a rule of the administrator forwards that
 * port, for all or some sources; NAT_EBLOCKED a rule drops its packets and no
 * accept of ours can help
 */
enum nat_err natfw_check(struct natfw *, const struct nat_rule *rule,
			 uint64_t now_ms, struct wr *why);

/** natfw_fault - why rules may not work: the backend's last error, or a chain
 * that natfw_lost() reports for a family. Return: "" if they do; valid until
 * the next call that reads or changes the rules */
const char *natfw_fault(const struct natfw *);

/** natfw_lost - why no mapping (ADDR_IP4) or no pinhole (ADDR_IP6) can work, or
 * not all, by the rules that were read last: a chain that drops and where no
 * accept can be, or a configured chain that does not exist. Return: "" if there
 * is no such thing; valid until the next call that reads them */
const char *natfw_lost(const struct natfw *, uint8_t family);

/** natfw_missing6 - does a table of IPv6 need a tool that is not installed? Then
 * no pinhole works. @why: which one, or NULL. May run a program. */
bool natfw_missing6(const struct natfw *, struct wr *why);

/** natfw_open6 - do the rules that were read last drop no new connection over
 * IPv6 from the Internet to the internal networks? Then no pinhole is needed.
 * Return: false also where they are not known, or no such network has IPv6 */
bool natfw_open6(const struct natfw *);

/** natfw_commits - the number of notices that one change of the kernel by all
 * writers in use causes, at most. */
unsigned natfw_commits(const struct natfw *);

/** natfw_sweep - remove what writers that are not in use may have left in the
 * kernel, in an earlier run. Looks first; loads no module. */
void natfw_sweep(struct natfw *);

/** natfw_sweep_all - the same for every backend, where none is in use: upnpd is
 * not enabled. */
void natfw_sweep_all(void);

/** natfw_takes - does the backend make rules of this kind? Pinholes only where
 * the environment has IPv6. */
bool natfw_takes(const struct natfw *, uint8_t kind);

/** natfw_lookup - find the rule with that key, or NULL. */
const struct nat_rule *natfw_lookup(const struct natfw *,
				    const struct nat_rule *key);

/**
 * natfw_packets - read how many packets a pinhole let in since it was made
 * (WANIPv6FirewallControl:1, GetPinholePackets).
 * @key: its key
 * @ret: set only on success
 *
 * The counter starts again at 0 if somebody deletes our rules. It survives a
 * sync that keeps the pinhole, and the death of the monitor.
 * Return: 0, -ENOENT no such pinhole, -EOPNOTSUPP the backend does not count,
 * -EAGAIN the kernel and the table may differ, other -errno
 */
int natfw_packets(struct natfw *, const struct nat_rule *key, uint64_t *ret);

#endif
