/* SPDX-License-Identifier: ISC */
/*
 * place.h - where the accept of mapped packets, and of those to pinholes,
 * belongs in the administrator's forward chains. Pure, but for the name of a
 * process in a message.
 *
 * An accept in one chain does not override a drop in another, so each chain of
 * the forward hook that would drop mapped packets gets an accept of its own. It
 * goes as late as possible: directly before the first rule, in order of
 * evaluation and also inside chains that are jumped to, that drops a packet to
 * a mapped client whatever its source and port; if only the policy drops, at
 * the end. So every earlier drop of the administrator keeps its effect. (An
 * accept in a chain that several rules lead to serves the packets of each.) The
 * two families are searched one after the other, and a place is of one.
 * Runs in: any
 */
#ifndef NATFW_PLACE_H
#define NATFW_PLACE_H

#include "natfw.h"
#include "natfw/ruleset.h"
#include "natfw/walk.h"

#define PLACES_MAX 64		/* the most that a router with containers and
				 * virtual machines was seen to need is 12 */

/* One accept. All that is left open matches any packet of its family. */
struct place {
	uint8_t family;		/* ADDR_IP4: of mappings; ADDR_IP6: of pinholes */
	uint32_t chain;		/* where it is inserted */
	uint32_t before;	/* this rule; RULESET_NONE: at the end */
	bool to, from;		/* packets to, and from, clients */
	bool hairpin;		/* only packets that did not arrive on the
				 * external interface; then @from is false */
	uint8_t proto;		/* IPPROTO_*; 0: any */
	char ifname[IF_NAMESIZE];	/* the client's; "": any */
};

/* Why packets of a family may not pass. */
struct place_loss {
	/* the first chain where a place is needed and cannot be: its table is
	 * owned by another process, or is one of iptables other than filter,
	 * or there are more than PLACES_MAX; RULESET_NONE: none */
	uint32_t chain;
	/* why, and what to do about it; also if the configured chain does not
	 * exist; else "" */
	char why[200];
};

struct places {
	struct place at[PLACES_MAX];
	size_t n;
	struct place_loss lost4, lost6;
};

/** places_lost - why packets of that family may not pass. */
static inline const struct place_loss *places_lost(const struct places *p,
						   uint8_t family)
{
	return family == ADDR_IP6 ? &p->lost6 : &p->lost4;
}

/**
 * place_find - find all places.
 * @rs: as read; our own rules in it are skipped
 * @env: its interfaces and networks; nft_table and nft_chain, if set, are the
 *       only native chain that gets an accept
 *
 * The packets that are followed: for each internal network and each protocol
 * the first packet of a flow to a mapped client, a later one, and an answer;
 * with hairpin also those from the internal networks. For IPv6, if env->ipv6:
 * only flows from the Internet.
 * Sorted by chain, in order of evaluation. Places that differ only in
 * interface, protocol or direction are one, where that lets the same packets
 * pass.
 */
void place_find(const struct ruleset *rs, const struct natfw_env *env,
		struct places *ret);

/** place_lacks_chain - does the configured table exist without the configured
 * chain? Then no mapping works. Where the table does not exist either, the
 * firewall that was meant does not run: OpenWrt's fw4 is configured where fw3
 * with iptables runs. */
bool place_lacks_chain(const struct ruleset *, const struct natfw_env *);

/**
 * place_blocked - would packets to that mapping or pinhole be dropped all the
 * same?
 *
 * For the packets of exactly this rule, and the answers of the client: a drop
 * before a place, for all sources, that only this port, protocol or client
 * meets; a drop on the prerouting hook; the chain of places_lost().
 * @ret: what drops them
 * Return: WALK_YES for all of them; WALK_DEPENDS for some, such as a list of
 * banned sources
 */
enum walk_hold place_blocked(const struct ruleset *, const struct natfw_env *,
			     const struct places *, const struct nat_rule *,
			     struct walk_rule *ret);

/** place_incoming - the first packet from the Internet to the port of @rule, as
 * it arrives; or to a pinhole. @rule: its remote host counts, and its remote
 * port */
void place_incoming(const struct natfw_env *, const struct nat_rule *rule,
		    struct walk_packet *ret);

#endif
