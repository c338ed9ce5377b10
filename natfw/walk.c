/* SPDX-License-Identifier: ISC */
/*
 * walk.c - follow a packet through chains, jumps and verdict maps.
 *
 * The result of a chain is its first certain decision. What rules before it may
 * have decided concerns other packets: the walk goes on with those that are
 * left. So a rule that returns for some packets makes all later rules of its
 * chain uncertain, but not those of the chain that jumped there.
 * Runs in: any
 */
#include <string.h>
#include <linux/netfilter.h>
#include "natfw/walk.h"
#include "natfw/walk_match.h"

#define DEPTH_MAX	16	/* of jumps; the kernel's own limit */
/* Rules and elements visited in one walk. */
#define STEPS_MAX	(4 * RULESET_RULES_MAX)

struct walk {
	const struct ruleset *rs;
	const struct walk_packet *packet;
	const struct walk_accept *accept;
	size_t accept_n;
	unsigned steps;
	struct walk_end *end;
	/* the first rule that may have this verdict */
	uint32_t may[RULESET_QUEUE + 1];
	bool may_accept;	/* upnpd's accept may have met the packet */
};

/* Where a rule must be inserted to precede a decision, or a chain's end. */
struct spot {
	uint32_t chain, rule, from;	/* as walk_end's at_ */
	bool whole;		/* nothing in the chain could match before */
};

/* A chain that is being followed. */
struct frame {
	uint32_t chain;
	unsigned depth;
	bool sure;		/* the packet certainly enters the chain */
	bool all;		/* no packet has returned from it yet */
	uint32_t from;		/* the rule behind the last one that could
				 * match; RULESET_NONE: none is left */
	uint32_t log;		/* the first rule since then that logs */
	/* results */
	bool touched;		/* a rule could match */
	bool logged;
	bool decided;		/* each packet that entered is decided */
	struct spot spot;	/* of the decision, or of the end */
};

static void follow(struct walk *w, struct frame *f);

/* ---- a chain ----------------------------------------------------------- */

/* The rule from @r on that is not upnpd's. */
static uint32_t foreign_from(const struct ruleset *rs, uint32_t r)
{
	while (r != RULESET_NONE && rs->rule[r].ours)
		r = rs->rule[r].next;
	return r;
}

/* The packet may have met this rule. Return: false, the walk goes on */
static bool touch(const struct walk *w, struct frame *f, uint32_t rule)
{
	f->touched = true;
	f->from = foreign_from(w->rs, w->rs->rule[rule].next);
	f->log = RULESET_NONE;
	f->logged = false;
	return false;
}

/* A rule that only logs. Return: as touch() */
static bool note_log(struct frame *f, uint32_t rule)
{
	if (!f->logged)
		f->log = rule;
	f->logged = true;
	return false;
}

/* What is left of the chain starts at this rule, which decides. */
static struct spot spot_at(const struct frame *f, uint32_t rule)
{
	return (struct spot){ f->chain, f->logged ? f->log : rule, f->from,
			      !f->touched };
}

/* No packet is left after this rule. Return: true */
static bool stop_at(struct frame *f, uint32_t rule)
{
	f->spot = spot_at(f, rule);
	return true;
}

/* The spot in a chain that @rule leads to may as well be before that rule. */
static struct spot raise_spot(const struct frame *f, uint32_t rule,
			      struct spot inner)
{
	return inner.whole ? spot_at(f, rule) : inner;
}

static void note_may(struct walk *w, unsigned verdict, uint32_t rule)
{
	if (w->may[verdict] == RULESET_NONE)
		w->may[verdict] = rule;
}

/* Return: true if no packet is left in the chain, as the functions below */
static bool decide(struct walk *w, struct frame *f, uint32_t rule,
		   enum ruleset_verdict verdict, enum walk_hold hold)
{
	bool all = f->all && hold == WALK_YES;

	if (f->sure && all) {
		w->end->verdict = verdict;
		w->end->rule = rule;
		w->end->chain = f->chain;
	} else {
		note_may(w, verdict, rule);
	}
	f->decided = all;
	return hold == WALK_YES ? stop_at(f, rule) : touch(w, f, rule);
}

static bool leave(struct walk *w, struct frame *f, uint32_t rule,
		  enum walk_hold hold)
{
	f->all &= hold == WALK_YES;
	return hold == WALK_YES ? stop_at(f, rule) : touch(w, f, rule);
}

/* Follow the packet into another chain. A goto does not come back here. */
static bool enter(struct walk *w, struct frame *f, uint32_t rule,
		  uint32_t target, bool comes_back, enum walk_hold hold)
{
	struct frame to = {
		.chain = target, .depth = f->depth + 1,
		.sure = f->sure && f->all && hold == WALK_YES,
	};

	if (target >= w->rs->chain_n) {
		f->all = false;
		return touch(w, f, rule);
	}
	follow(w, &to);
	if (hold == WALK_YES && (to.decided || !comes_back)) {
		f->decided = to.decided && f->all;
		f->spot = raise_spot(f, rule, to.spot);
		f->touched |= to.touched;
		return true;
	}
	if (!comes_back && !to.decided)
		f->all = false;
	if (to.touched || to.decided || !comes_back)
		return touch(w, f, rule);
	return to.logged && note_log(f, rule);
}

static bool apply(struct walk *w, struct frame *f, uint32_t rule,
		  enum ruleset_verdict verdict, uint32_t target,
		  enum walk_hold hold)
{
	switch (verdict) {
	case RULESET_ACCEPT:
	case RULESET_DROP:
	case RULESET_DNAT:
	case RULESET_SNAT:
	case RULESET_QUEUE:
		return decide(w, f, rule, verdict, hold);
	case RULESET_RETURN:
		return leave(w, f, rule, hold);
	case RULESET_JUMP:
	case RULESET_GOTO:
		return enter(w, f, rule, target, verdict == RULESET_JUMP,
			     hold);
	case RULESET_CONTINUE:
	case RULESET_MAP:
		return w->rs->rule[rule].log ? note_log(f, rule) :
					       touch(w, f, rule);
	}
	return false;
}

/* The elements were not read, so the packet may meet any verdict of the table,
 * and a return. */
static bool apply_unknown(struct walk *w, struct frame *f, uint32_t rule)
{
	const struct ruleset *rs = w->rs;
	uint32_t table = rs->chain[f->chain].table;

	note_may(w, RULESET_ACCEPT, rule);
	note_may(w, RULESET_DROP, rule);
	for (uint32_t i = 0; i < rs->rule_n; i++) {
		const struct ruleset_rule *r = &rs->rule[i];

		if (rs->chain[r->chain].table == table && !r->ours &&
		    rs->chain[r->chain].hook < 0 &&
		    (r->verdict == RULESET_DNAT || r->verdict == RULESET_SNAT))
			note_may(w, r->verdict, i);
	}
	f->all = false;
	return touch(w, f, rule);
}

/* The elements of a verdict map. Two of them never match the same packet. */
static bool apply_map(struct walk *w, struct frame *f, uint32_t rule,
		      enum walk_hold hold)
{
	const struct ruleset *rs = w->rs;
	const struct ruleset_rule *r = &rs->rule[rule];
	const struct ruleset_cond *map = r->map < rs->cond_n ?
					 &rs->cond[r->map] : NULL;
	const struct ruleset_set *set = map && map->op == RULESET_IN_SET &&
					map->set < rs->set_n ?
					&rs->set[map->set] : NULL;
	enum walk_hold one;

	if (!set || !set->known)
		return apply_unknown(w, f, rule);
	for (uint32_t i = 0; i < set->n; i++) {
		const struct ruleset_elem *e = &rs->elem[set->first + i];

		w->steps++;
		one = walk_match_elem(rs, map, set->first + i, w->packet);
		if (one > hold)
			one = hold;
		if (one != WALK_NO && apply(w, f, rule, e->verdict, e->target,
					    one))
			return true;
	}
	return false;
}

/* Does an accept of upnpd precede this rule, or the end of the chain? */
static bool accepted(struct walk *w, struct frame *f, uint32_t rule)
{
	for (size_t i = 0; i < w->accept_n; i++) {
		if (w->accept[i].chain != f->chain ||
		    w->accept[i].before != rule)
			continue;
		if (f->sure && f->all) {
			w->end->verdict = RULESET_ACCEPT;
			w->end->chain = f->chain;
		}
		w->may_accept |= !f->sure || !f->all;
		f->decided = f->all;
		return stop_at(f, rule);
	}
	return false;
}

static bool follow_rule(struct walk *w, struct frame *f, uint32_t r)
{
	const struct ruleset_rule *rule = &w->rs->rule[r];
	enum walk_hold hold;

	if (rule->ours)
		return false;
	if (accepted(w, f, r))
		return true;
	hold = walk_match_rule(w->rs, rule, w->packet);
	if (hold == WALK_NO)
		return false;
	if (rule->verdict == RULESET_MAP)
		return apply_map(w, f, r, hold);
	return apply(w, f, r, rule->verdict, rule->target, hold);
}

static void follow(struct walk *w, struct frame *f)
{
	const struct ruleset_chain *c = &w->rs->chain[f->chain];

	f->all = true;
	f->from = foreign_from(w->rs, c->first);
	f->log = RULESET_NONE;
	if (f->depth > DEPTH_MAX)
		w->end->capped = true;
	for (uint32_t r = c->first; r != RULESET_NONE && !w->end->capped &&
	     !c->ours; r = w->rs->rule[r].next) {
		if (follow_rule(w, f, r))
			return;
		w->end->capped |= ++w->steps > STEPS_MAX;
	}
	if (!w->end->capped && accepted(w, f, RULESET_NONE))
		return;
	f->spot = spot_at(f, RULESET_NONE);
}

/* ---- a base chain ------------------------------------------------------ */

static void find_may(struct walk *w)
{
	static const uint8_t order[] = {
		RULESET_DROP, RULESET_DNAT, RULESET_SNAT, RULESET_QUEUE,
		RULESET_ACCEPT,
	};
	struct walk_end *end = w->end;

	for (size_t i = 0; i < sizeof(order); i++) {
		if (order[i] == end->verdict ||
		    w->may[order[i]] == RULESET_NONE)
			continue;
		end->may_rule = w->may[order[i]];
		end->may_verdict = order[i];
		return;
	}
}

static void follow_base(struct walk *w, uint32_t base, struct walk_end *ret)
{
	const struct ruleset_chain *c = &w->rs->chain[base];
	struct frame f = { .chain = base, .sure = true };

	w->end = ret;
	w->steps = 0;
	w->may_accept = false;
	memset(w->may, 0xff, sizeof(w->may));
	*ret = (struct walk_end){
		.rule = RULESET_NONE, .may_rule = RULESET_NONE,
	};
	follow(w, &f);
	if (!f.decided) {
		ret->verdict = c->drop || c->hook < 0 ? RULESET_DROP :
							RULESET_ACCEPT;
		ret->rule = RULESET_NONE;
		ret->chain = base;
	}
	ret->at_chain = f.spot.chain;
	ret->at_rule = f.spot.rule;
	ret->at_from = f.spot.from;
	find_may(w);
}

void walk_base(const struct ruleset *rs, uint32_t base,
	       const struct walk_packet *packet, struct walk_end *ret)
{
	struct walk w = { .rs = rs, .packet = packet };

	follow_base(&w, base, ret);
}

bool walk_in_base(const struct ruleset *rs, uint32_t chain, int hook,
		  uint8_t family)
{
	const struct ruleset_chain *c = &rs->chain[chain];
	uint8_t of = rs->table[c->table].family;

	return c->hook == hook && !c->ours &&
	       (of == NFPROTO_INET ||
		of == (family == ADDR_IP4 ? NFPROTO_IPV4 : NFPROTO_IPV6));
}

/* ---- answers ----------------------------------------------------------- */

/* Does the chain that was followed end with this verdict? */
static enum walk_hold ends_with(const struct walk *w,
				enum ruleset_verdict verdict)
{
	const struct walk_end *end = w->end;
	bool may = end->may_rule != RULESET_NONE;

	if (end->verdict == verdict && !may && !w->may_accept && !end->capped)
		return WALK_YES;
	return end->verdict == verdict || end->capped ||
	       w->may[verdict] != RULESET_NONE ? WALK_DEPENDS : WALK_NO;
}

static struct walk_rule rule_of(const struct walk *w,
				enum ruleset_verdict verdict)
{
	const struct walk_end *end = w->end;
	uint32_t rule = end->verdict == verdict ? end->rule : w->may[verdict];

	return (struct walk_rule){
		rule == RULESET_NONE ? end->chain : w->rs->rule[rule].chain,
		rule,
	};
}

/* Ends one of the chains with this verdict? @nat: only those of type nat
 * count. An accept ends one chain, not the hook. */
static enum walk_hold on_hook(struct walk *w, int hook, bool nat,
			      enum ruleset_verdict verdict,
			      struct walk_rule *ret)
{
	const struct ruleset *rs = w->rs;
	enum walk_hold best = WALK_NO, hold;
	struct walk_end end;

	*ret = (struct walk_rule){ RULESET_NONE, RULESET_NONE };
	for (uint32_t i = 0; i < rs->base_n && best != WALK_YES; i++) {
		uint32_t base = rs->base[i];

		if (!walk_in_base(rs, base, hook, w->packet->family) ||
		    (nat && !rs->chain[base].nat))
			continue;
		follow_base(w, base, &end);
		hold = ends_with(w, verdict);
		if (hold > best) {
			best = hold;
			*ret = rule_of(w, verdict);
		}
	}
	w->end = NULL;		/* it was ours */
	return best;
}

enum walk_hold walk_forwarded(const struct ruleset *rs,
			      const struct walk_packet *p,
			      struct walk_rule *ret)
{
	struct walk w = { .rs = rs, .packet = p };

	return on_hook(&w, NF_INET_PRE_ROUTING, true, RULESET_DNAT, ret);
}

enum walk_hold walk_dropped(const struct ruleset *rs, int hook,
			    const struct walk_packet *p,
			    const struct walk_accept *accept, size_t n,
			    struct walk_rule *ret)
{
	struct walk w = { .rs = rs, .packet = p, .accept = accept,
			  .accept_n = n };

	return on_hook(&w, hook, false, RULESET_DROP, ret);
}

enum walk_hold walk_masqueraded(const struct ruleset *rs,
				const struct walk_packet *p)
{
	struct walk w = { .rs = rs, .packet = p };
	struct walk_rule rule;

	return on_hook(&w, NF_INET_POST_ROUTING, true, RULESET_SNAT, &rule);
}

void walk_rule_text(const struct ruleset *rs, const struct walk_rule *rule,
		    struct wr *w)
{
	if (rule->chain >= rs->chain_n)
		return;
	ruleset_chain_name(rs, rule->chain, w);
	if (rule->rule < rs->rule_n)
		wr_fmt(w, ", rule %u", (unsigned)rs->rule[rule->rule].number);
	else
		wr_z(w, ", policy");
}
