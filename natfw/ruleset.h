/* SPDX-License-Identifier: ISC */
/*
 * ruleset.h - the administrator's rules, as a model: tables, chains, rules with
 * their conditions, and sets. ruleset_nl.c fills it from the kernel's dumps of
 * nf_tables, ruleset_ipt.c from iptables-save. walk.h follows a packet through
 * it.
 *
 * All lists have a limit. If one is full, or a part cannot be read, the model
 * is incomplete, and @why says so; what was read is still valid.
 * Runs in: any
 */
#ifndef NATFW_RULESET_H
#define NATFW_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define RULESET_TABLES_MAX	256
#define RULESET_CHAINS_MAX	2048	/* a container host has 200 */
#define RULESET_RULES_MAX	65536	/* a blocklist of rules has 20000 */
#define RULESET_CONDS_MAX	262144
#define RULESET_RULES_OURS	1024	/* of both, kept for rules of upnpd */
#define RULESET_CONDS_OURS	4096
#define RULESET_SETS_MAX	1024
#define RULESET_ELEMS_MAX	32768	/* of all sets */
#define RULESET_SET_ELEMS_MAX	4096	/* of one; a longer one is unknown */
#define RULESET_TEXT_MAX	262144	/* bytes of names */
#define RULESET_KEY_MAX		32	/* bytes of a set's key */
#define RULESET_PARTS_MAX	5	/* fields of a concatenation */
#define RULESET_NONE		UINT32_MAX	/* no such index */

/* What upnpd makes in nf_tables: the tables "ip upnpd" and "ip6 upnpd", and in
 * tables of others sets, and rules that look them up and have this comment (as
 * nft keeps it in the rule's user data). Names of chains of iptables:
 * ipt_leaf.h. */
#define RULESET_OWN_TABLE	"upnpd"
#define RULESET_OWN_SET		"upnpd_accept"
#define RULESET_OWN_PINHOLES	"upnpd_pinhole"	/* the names begin with it */
#define RULESET_OWN_COMMENT	"\x00\x06upnpd"

/* Which program writes these chains. Each kind needs its own writer. */
enum ruleset_kind {
	RULESET_NATIVE,		/* nf_tables: nft, firewalld, fw4 ... */
	RULESET_IPT_NFT,	/* iptables, kept in nf_tables */
	RULESET_IPT_LEGACY,	/* iptables-legacy */
	RULESET_KINDS,
};

/* The subject of a condition, and the layout of its bytes. Network order if
 * nothing else is said. */
enum ruleset_field {
	RULESET_OTHER,		/* not known to the reader */
	RULESET_IIF,		/* interface index, 32 bits, host order */
	RULESET_OIF,
	RULESET_IIFNAME,	/* 16 bytes, zero behind the name */
	RULESET_OIFNAME,
	RULESET_NFPROTO,	/* NFPROTO_*, one byte */
	RULESET_ETHERTYPE,	/* ETH_P_*, 16 bits */
	RULESET_L4PROTO,	/* IPPROTO_*, one byte */
	RULESET_MARK,		/* of the packet or its flow: 32 bits, host
				 * order */
	RULESET_SADDR,		/* 4 or 16 bytes: @len says which */
	RULESET_DADDR,
	RULESET_SPORT,		/* 16 bits, at the offset of TCP and UDP */
	RULESET_DPORT,
	RULESET_CT_STATE,	/* NF_CT_STATE_BIT(), 32 bits, host order */
	RULESET_CT_STATUS,	/* IPS_*, 32 bits, host order */
	RULESET_SADDR_TYPE,	/* RTN_*, 32 bits, host order: fib, addrtype */
	RULESET_DADDR_TYPE,
	RULESET_CT_ORIG_DADDR,	/* the flow's first destination: 4 or 16 */
	RULESET_CT_ORIG_DPORT,	/* 16 bits */
	RULESET_FIELDS,
};

enum ruleset_op {
	RULESET_UNKNOWN,	/* holds for some packets */
	RULESET_MASK,		/* (field & mask) == value */
	RULESET_RANGE,		/* value <= field <= upper, as memcmp() */
	RULESET_IN_SET,		/* the field, or the concatenation of @part, is
				 * in the set */
};

struct ruleset_cond {
	uint8_t field;		/* enum ruleset_field; of a concatenation
				 * RULESET_OTHER, see @part */
	uint8_t op;		/* enum ruleset_op */
	uint8_t len;		/* bytes of the field */
	bool negate;		/* it holds if the test is false */
	uint8_t value[16];
	uint8_t mask[16];	/* RULESET_RANGE: the upper end */
	uint32_t set;		/* index; RULESET_NONE: it was not read */
	uint8_t part[RULESET_PARTS_MAX];	/* fields of a concatenation,
				 * each padded to a multiple of 4 bytes; else
				 * part[0] is @field */
	uint8_t part_len[RULESET_PARTS_MAX];	/* bytes of each, without the
				 * padding; 0: no more parts */
};

enum ruleset_verdict {
	RULESET_CONTINUE,	/* with the next rule */
	RULESET_ACCEPT,
	RULESET_DROP,		/* or reject */
	RULESET_RETURN,
	RULESET_JUMP,
	RULESET_GOTO,
	RULESET_MAP,		/* that of the element that is found */
	RULESET_SNAT,		/* or masquerade */
	RULESET_DNAT,		/* or redirect */
	RULESET_QUEUE,		/* a program decides */
};

struct ruleset_rule {
	uint32_t chain, next;	/* indices; RULESET_NONE: the last */
	uint64_t handle;	/* of nf_tables, else 0 */
	uint32_t number;	/* its place in its chain, from 1; our own
				 * rules count as well. Two rules with the same
				 * number are one, with alternatives */
	uint32_t cond, cond_n;	/* in @conds: all must hold */
	uint8_t verdict;	/* enum ruleset_verdict */
	bool ours;		/* upnpd made it: it is not walked */
	bool log;		/* it continues, and does no more than to log
				 * and to count */
	bool xt;		/* it has a match or target of iptables that the
				 * dump of nf_tables does not explain: a
				 * condition is unknown */
	uint32_t target;	/* chain, for JUMP and GOTO */
	uint32_t map;		/* cond with the lookup of MAP: its last one */
};

struct ruleset_chain {
	uint32_t table;
	const char *name;	/* in @text */
	uint32_t hash;		/* private: of the name */
	uint32_t first, last;	/* rules, RULESET_NONE: it is empty */
	uint32_t counted;	/* rules in the chain: the list may have no room
				 * for all */
	int hook;		/* NF_INET_*; -1: only jumped to, or its table
				 * is dormant */
	int32_t priority;
	bool nat;		/* of type nat, else filter or route */
	bool drop;		/* its policy */
	bool ours;		/* upnpd made it: it is not walked */
};

struct ruleset_table {
	uint8_t kind;		/* enum ruleset_kind */
	uint8_t family;		/* NFPROTO_IPV4, _IPV6, _INET */
	const char *name;
	uint32_t owner;		/* netlink port, mostly the pid, of the process
				 * that alone may change it; 0: none */
	bool dormant;		/* the kernel calls none of its chains */
	/* private, of ruleset_nl.c: a chain has a name that iptables hooks;
	 * something is not as iptables makes it; there are chains of upnpd */
	bool ipt_like, ipt_alien, ipt_ours;
};

/* The keys from lo to hi, both included, padded with zeros; of a concatenation
 * each field by itself. */
struct ruleset_elem {
	uint8_t lo[RULESET_KEY_MAX], hi[RULESET_KEY_MAX];
	bool any;		/* every key that no other element has */
	bool end;		/* private: a range ends before lo */
	uint8_t verdict;	/* enum ruleset_verdict, of a verdict map */
	uint32_t target;	/* chain of its JUMP or GOTO */
};

struct ruleset_set {
	uint32_t table;
	const char *name;
	uint32_t hash;		/* private: of the name */
	uint32_t key_len;
	bool known;		/* all its elements were read */
	bool ours;		/* upnpd made it; its elements are not read */
	bool used;		/* private: a rule looks it up */
	bool interval;		/* private: an element begins or ends a range */
	uint32_t first, n;	/* in @elem */
};

struct ruleset {
	struct ruleset_table *table;
	struct ruleset_chain *chain;
	struct ruleset_rule *rule;
	struct ruleset_cond *cond;
	struct ruleset_set *set;
	struct ruleset_elem *elem;
	char *text;
	uint32_t table_n, chain_n, rule_n, cond_n, set_n, elem_n, text_n;
	/* chains on a hook that the kernel calls, by hook and priority. Its
	 * order of those with equal priority is not known; here they are
	 * ordered by family, kind and names. Chains of upnpd are left out. */
	uint32_t *base;
	uint32_t base_n;
	bool listed[RULESET_KINDS];	/* chains of this kind were read */
	bool unread[RULESET_KINDS];	/* the tool could not list a table of
				 * this kind */
	char why[200];		/* why it is incomplete; "": it is complete */
	char remedy[100];	/* what the operator can do about it */
	uint16_t generation;	/* of nf_tables, as it was read */
	bool leftover[RULESET_KINDS];	/* chains, rules or sets of upnpd were
				 * found there */
	bool leftover6[RULESET_KINDS];	/* the same for tables of ip6tables */
	bool unknown6;		/* a table of ip6tables-legacy could not be
				 * listed, or its program is missing: what it
				 * drops is not known */
	uint32_t open;		/* private: the rule that gets conditions */
};

/** ruleset_table_of - the table that a chain is in. */
static inline const struct ruleset_table *
ruleset_table_of(const struct ruleset *rs, uint32_t chain)
{
	return &rs->table[rs->chain[chain].table];
}

/** ruleset_new - reserve the memory of a model, once. Only what is used of it
 * becomes resident. Return: NULL without memory */
struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *);

/** ruleset_clear - forget all, and give the memory back to the kernel. */
void ruleset_clear(struct ruleset *);

/**
 * ruleset_read - read the rules of all kinds that the kernel has now.
 *
 * Changes nothing, and creates no table of legacy iptables: a tool is run only
 * for tables that exist. The kernel may load nf_tables, as for any request.
 * Blocks for one dump of nf_tables, and for the runs of iptables-save: a few
 * milliseconds each on a PC; NL_TRIES times if the rules change.
 * Return: 0; -EINTR the rules changed during each try (the model holds what
 * was read last); other -errno: nf_tables could not be read, and nothing else
 * either. A part that is missing is no error: see @why
 */
int ruleset_read(struct ruleset *);

struct ruleset_dump;

/**
 * ruleset_read_some - the same, once and in parts.
 * @d: of this reading; zeroed before the first part
 * @rs: as ruleset_read(); it is cleared at the first part, and complete when
 *      this returns 0
 * @cpu_us: begin no part after so much CPU time; tools run without regard to it
 *
 * Return: 1 there is more to read: call it again; 0; -EINTR the rules changed
 * meanwhile; other -errno. After 0 and an error the next call begins again.
 */
int ruleset_read_some(struct ruleset_dump *d, struct ruleset *rs,
		      uint64_t cpu_us);

/* ---- for the readers and their tests ------------------------------------- */

/** ruleset_add_table - find that table, or add it. Return: its index, or
 * RULESET_NONE if there is no room (@why is set) */
uint32_t ruleset_add_table(struct ruleset *, enum ruleset_kind, uint8_t family,
			   struct str name);

/** ruleset_add_chain - find that chain of the table, or add it, on no hook.
 * Return: as ruleset_add_table() */
uint32_t ruleset_add_chain(struct ruleset *, uint32_t table, struct str name);

/** ruleset_add_rule - add an empty rule at the end of a chain: it continues,
 * and has no conditions. Its number counts rules for which there is no room as
 * well. Return: as ruleset_add_table() */
uint32_t ruleset_add_rule(struct ruleset *, uint32_t chain);

/** ruleset_add_own_rule - the same for a rule of upnpd in a chain of others.
 * There is room for it if the list is full for others: a writer must find its
 * rules. */
uint32_t ruleset_add_own_rule(struct ruleset *, uint32_t chain);

/** ruleset_add_rule_after - add an empty rule directly behind @rule, with the
 * same number and handle: an alternative. Return: as ruleset_add_table() */
uint32_t ruleset_add_rule_after(struct ruleset *, uint32_t rule);

/** ruleset_redo_rule - make the rule an empty one, which keeps its place, its
 * number and its handle. */
void ruleset_redo_rule(struct ruleset *, uint32_t rule);

/** ruleset_add_cond - add a condition to the rule that was added or made empty
 * last. */
void ruleset_add_cond(struct ruleset *, const struct ruleset_cond *);

/** ruleset_add_set - add a set without elements. @name: may be empty, for one
 * that only its index finds. It is known until a reader says otherwise. Return:
 * as ruleset_add_table() */
uint32_t ruleset_add_set(struct ruleset *, uint32_t table, struct str name,
			 uint32_t key_len);

/** ruleset_add_elem - add an element to the set that was added last, or that
 * has the last elements. Return: false: there is no room; the set is then
 * unknown, and has none */
bool ruleset_add_elem(struct ruleset *, uint32_t set,
		      const struct ruleset_elem *);

/** ruleset_forget_elems - make the set an unknown one. */
void ruleset_forget_elems(struct ruleset *, uint32_t set);

/** ruleset_find_chain, ruleset_find_set - find it by its name. Return: its
 * index, or RULESET_NONE */
uint32_t ruleset_find_chain(const struct ruleset *, uint32_t table,
			    struct str name);
uint32_t ruleset_find_set(const struct ruleset *, uint32_t table,
			  struct str name);

/** ruleset_incomplete - note why; only the first reason is kept.
 * @remedy: a literal */
void ruleset_incomplete(struct ruleset *, const char *remedy, const char *fmt,
			...) __attribute__((format(printf, 3, 4)));

/** ruleset_sort - fill @base, once all chains are there. */
void ruleset_sort(struct ruleset *);

/** ruleset_pack - all was read and sorted: move what is used together, and give
 * the rest of the memory back to the kernel. Nothing can be added afterwards,
 * until ruleset_clear(). */
void ruleset_pack(struct ruleset *);

/** ruleset_buffer - memory for the reader of a dump, which ruleset_pack() gives
 * back. @ret_n: its size */
void *ruleset_buffer(struct ruleset *, size_t *ret_n);

/** ruleset_chain_name - write "inet fw4 forward", or "iptables FORWARD of
 * filter" for the kinds of iptables. The bytes are printable. */
struct wr;
void ruleset_chain_name(const struct ruleset *, uint32_t chain, struct wr *);

#endif
