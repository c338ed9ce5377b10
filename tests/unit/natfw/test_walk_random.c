/* SPDX-License-Identifier: ISC */
/*
 * test_walk_random.c - what is certain for an open packet is so for each packet
 * that it stands for, in random rules; and an accept at the place of a decision
 * changes that decision only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/wr.h"
#include "natfw/walk.h"
#include "natfw/walk_match.h"
#include "tests/unit/natfwtest.h"
#include "tests/unit/rulesettest.h"

#define ROUNDS	5000
#define CHAINS	4		/* each jumps only to later ones */

static uint32_t pick(uint32_t n)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void put_rules(struct wr *w, unsigned chain)
{
	static const char *const conds[] = {
		"", "", "", "iif=wan ", "iif=lan ", "saddr=203.0.113.8 ",
		"!saddr=203.0.113.8 ", "dport=80 ", "!dport=80 ",
		"dport=80 saddr=203.0.113.8 ", "other ",
	};
	static const char *const verdicts[] = {
		"accept", "drop", "drop", "return", "log", "continue",
	};

	for (uint32_t n = pick(5); n; n--) {
		uint32_t to = chain + 1 + pick(CHAINS);

		wr_z(w, conds[pick(COUNT(conds))]);
		if (to < CHAINS)
			wr_fmt(w, "%s=c%u\n", pick(3) ? "jump" : "goto",
			       (unsigned)to);
		else
			wr_fmt(w, "%s\n", verdicts[pick(COUNT(verdicts))]);
	}
}

static struct ruleset *random_rules(char *text, size_t cap)
{
	struct wr w = wr_init(text, cap);

	wr_fmt(&w, "table native inet t\nchain c0 forward 0 %s\n",
	       pick(2) ? "drop" : "accept");
	put_rules(&w, 0);
	for (unsigned c = 1; c < CHAINS; c++) {
		wr_fmt(&w, "chain c%u\n", c);
		put_rules(&w, c);
	}
	return ruletest_new(wr_cstr(&w));
}

/* One of the packets that the open one stands for. */
static struct walk_packet exact(const struct walk_packet *open, unsigned i)
{
	struct walk_packet p = *open;

	p.src.addr = addr_ip4(0xcb007108 + i % 2);
	p.src.bits = 32;
	p.dport = i / 2 ? 80 : 81;
	return p;
}

/* A program's match ("other") depends for an exact packet as well. */
static bool is_certain(const struct walk_end *end)
{
	return end->may_rule == RULESET_NONE;
}

static enum walk_hold dropped(const struct ruleset *rs,
			      const struct walk_packet *p, uint32_t chain,
			      uint32_t before)
{
	const struct walk_accept at = { chain, before };
	struct walk_rule rule;

	return walk_dropped(rs, NF_INET_FORWARD, p, &at, 1, &rule);
}

/* Is the rule the first one from the place on that decides? In a chain that
 * drops by its policy, packets that return early are dropped as well, and the
 * accept is for the others. */
static bool is_next(const struct ruleset *rs, const struct walk_packet *p,
		    const struct walk_end *end, uint32_t rule)
{
	uint32_t r = end->at_rule;

	while (r != RULESET_NONE && r != rule &&
	       (rs->rule[r].log ||
		walk_match_rule(rs, &rs->rule[r], p) == WALK_NO))
		r = rs->rule[r].next;
	/* or a jump to its chain */
	return r == rule || rule == RULESET_NONE ||
	       (r != RULESET_NONE &&
		(rs->rule[r].verdict == RULESET_JUMP ||
		 rs->rule[r].verdict == RULESET_GOTO));
}

/* Do several rules lead to that chain? An accept at its end serves the packets
 * of each. */
static bool is_shared(const struct ruleset *rs, uint32_t chain)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < rs->rule_n; i++)
		n += rs->rule[i].target == chain;
	return n > 1;
}

/* Return: how many packets an accept there lets pass */
static unsigned check_place(const struct ruleset *rs,
			    const struct walk_packet *open,
			    const struct walk_end *end, const char *text)
{
	unsigned passed = 0;
	struct walk_end one;

	for (unsigned i = 0; i < 4; i++) {
		struct walk_packet p = exact(open, i);
		enum walk_hold hold = dropped(rs, &p, end->at_chain,
					      end->at_rule);

		walk_base(rs, 0, &p, &one);
		if (!is_certain(&one))
			continue;
		if (hold != dropped(rs, &p, end->at_chain, end->at_from))
			fail_msg("earliest place of packet %u:\n%s", i, text);
		if (hold != WALK_NO || one.verdict != RULESET_DROP)
			continue;
		passed++;
		if (one.rule != end->rule &&
		    !is_next(rs, &p, end, one.rule))
			fail_msg("packet %u lost its own drop:\n%s", i, text);
	}
	if (dropped(rs, open, end->at_chain, end->at_rule) == WALK_YES)
		fail_msg("all packets are dropped:\n%s", text);
	return passed;
}

static void test_random(void **state)
{
	const struct walk_packet open = {
		.family = ADDR_IP4, .proto = IPPROTO_TCP,
		.iif = "wan", .oif = "lan",
		.src = { addr_ip4(0xcb007108), 31 },
		.dst = { addr_ip4(HOST(0)), 24 },
		.ct_state = WALK_STATE_NEW, .ct_status = IPS_DST_NAT,
	};
	unsigned certain = 0, passed = 0;
	char text[2048];

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct ruleset *rs = random_rules(text, sizeof(text));
		struct walk_end end, one;

		walk_base(rs, 0, &open, &end);
		certain += is_certain(&end);
		for (unsigned i = 0; i < 4; i++) {
			struct walk_packet p = exact(&open, i);

			walk_base(rs, 0, &p, &one);
			if (one.verdict != end.verdict && is_certain(&end))
				fail_msg("packet %u:\n%s", i, text);
		}
		if (end.verdict == RULESET_DROP &&
		    (end.rule != RULESET_NONE || !is_shared(rs, end.at_chain)))
			passed += check_place(rs, &open, &end, text);
		ruleset_free(rs);
	}
	/* not all of it depends */
	assert_in_range(certain, ROUNDS / 4, ROUNDS);
	assert_in_range(passed, ROUNDS / 4, ROUNDS * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
