/* SPDX-License-Identifier: ISC */
/*
 * ipt_jump.h - the jumps from chains of others in table filter, of both
 * families, to our chain: one or two for each place of the accept (place.h).
 * Runs in: any
 */
#ifndef NATFW_IPT_JUMP_H
#define NATFW_IPT_JUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"
#include "natfw/ipt_list.h"
#include "natfw/place.h"
#include "natfw/ruleset.h"

/* A place for one interface and both directions needs two. */
#define IPT_JUMPS_MAX (2 * PLACES_MAX)

/* A jump as it should be. */
struct ipt_jump {
	const char *chain;	/* of the model */
	const char *ifname;	/* of the place; "": any */
	bool from;		/* packets from there, not to there */
	const char *not_from;	/* not packets from this interface; "": any */
	uint8_t proto;		/* as struct place */
	uint32_t others;	/* rules before it that are no jumps of ours */
	bool end;		/* it is the last rule */
};

struct ipt_jumps {
	struct ipt_jump at[IPT_JUMPS_MAX];
	size_t n;
};

/** ipt_jump_writable - can the accept be written at this place of a kind of
 * iptables? Only in table filter, and in a chain whose name iptables-restore
 * reads as one plain word. It leaves out base chains that nft added there. */
bool ipt_jump_writable(const struct ruleset *, const struct place *);

/** ipt_jump_has_place - is there a place of that kind in this table? */
bool ipt_jump_has_place(const struct natfw *, enum ruleset_kind,
			enum ipt_table);

/** ipt_jump_watch - have the scan count the rules of the places' chains. */
void ipt_jump_watch(const struct natfw *, enum ruleset_kind, struct ipt_list *);

/**
 * ipt_jump_find - make the list of jumps for all places of that kind in this
 * table.
 * @found: a listing that was made after the model, with ipt_jump_watch(); it
 *         corrects the number of a rule for jumps of ours
 * Return: 0; -ESTALE: the chain of a place, or its rule, no longer exists
 */
int ipt_jump_find(const struct natfw *, enum ruleset_kind, enum ipt_table,
		  const struct ipt_list *found, struct ipt_jumps *ret);

/** ipt_jump_put - write what follows the name of the chain: " -o lan0 -p tcp -j
 * UPNPD", in the form of iptables-save. */
void ipt_jump_put(struct wr *, const struct ipt_jump *);

/** ipt_jump_number - the number at which jump @i is inserted, if those before
 * it in the list have been inserted and all old ones are deleted. */
uint32_t ipt_jump_number(const struct ipt_jumps *, size_t i);

/** ipt_jump_tally - the sum of all jumps, for a comparison with
 * ipt_list.jumps. */
struct backend_tally ipt_jump_tally(const struct ipt_jumps *);

/** ipt_jump_placed - does the model show our jumps where they should be, in
 * filter and, if @translates, at the end of nat's PREROUTING? */
bool ipt_jump_placed(const struct natfw *, enum ruleset_kind, bool translates);

#endif
