/* SPDX-License-Identifier: ISC */
/*
 * ruleset_load.h - the registers of nf_tables while a rule is read: which field
 * of the packet each holds. Tests of a register become conditions of the rule.
 * Pure.
 * Runs in: any
 */
#ifndef NATFW_RULESET_LOAD_H
#define NATFW_RULESET_LOAD_H

#include "natfw/ruleset.h"
#include "sys/netlink.h"

#define RULESET_LOAD_WORDS	16	/* registers of four bytes */
#define RULESET_LOAD_MAX	16	/* bytes of the longest field */
#define RULESET_LOAD_ALL	(RULESET_LOAD_WORDS * 4)

/* The value that a load left in the registers, from one word on. */
struct ruleset_load {
	bool valid;
	bool opaque;		/* changed since: its bytes are unknown */
	bool exists;		/* it is not zero, whatever it is */
	bool header;		/* of a header, else of @field */
	uint8_t field;
	uint32_t base, at;	/* NFT_PAYLOAD_*, offset in that header */
	size_t len;
	uint8_t mask[RULESET_LOAD_MAX];	/* the bits that are left */
};

struct ruleset_loads {
	struct ruleset *rs;	/* its open rule gets the conditions */
	bool ip6;		/* the rule is for IPv6 only */
	struct ruleset_load word[RULESET_LOAD_WORDS];
};

/** ruleset_load_word - the first word of the register in that attribute; -1: it
 * holds no data. */
int ruleset_load_word(struct nl_span, unsigned type);

/** ruleset_load_new - a value of @len bytes, unchanged. */
struct ruleset_load ruleset_load_new(size_t len);

/** ruleset_load_put - load it. Other loads that it overwrites are forgotten.
 * @at: a word; -1: nothing happens */
void ruleset_load_put(struct ruleset_loads *, int at,
		      const struct ruleset_load *);

/** ruleset_load_at - the load at that word; NULL: it is unknown. */
const struct ruleset_load *ruleset_load_at(const struct ruleset_loads *,
					   int at);

/** ruleset_load_unknown - add a condition that is not known. */
void ruleset_load_unknown(struct ruleset_loads *, uint8_t field);

/** ruleset_load_never - add a condition that never holds. */
void ruleset_load_never(struct ruleset_loads *);

/** ruleset_load_family - add the condition that the packet is of that family,
 * NFPROTO_*. */
void ruleset_load_family(struct ruleset_loads *, uint8_t family);

/** ruleset_load_cmp - add the condition "the load at that word is equal, less
 * ...". @op: NFT_CMP_* */
void ruleset_load_cmp(struct ruleset_loads *, int at, uint32_t op,
		      struct str value);

/** ruleset_load_range - add the condition "the load at that word is from @from
 * to @to". @op: NFT_RANGE_* */
void ruleset_load_range(struct ruleset_loads *, int at, uint32_t op,
			struct str from, struct str to);

/** ruleset_load_lookup - add the condition "the fields from that word on are in
 * the set". @set: RULESET_NONE: it is unknown */
void ruleset_load_lookup(struct ruleset_loads *, int at, uint32_t set,
			 bool negate);

#endif
