/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ruleset.c - dumps of nf_tables. The kernel writes the messages, but
 * other programs choose the rules in them.
 *
 * Input: messages, in any order, as the kernel sends them.
 *
 * Holds: nothing is read beyond a message; every index of the model is that of
 * an existing object of the same table; the lists of rules end, and each rule
 * is in the list of its chain; texts are printable. Packets can be followed
 * through any model, and each place is before a rule of its chain that is not
 * ours.
 */
#include <stdlib.h>
#include <netinet/in.h>
#include "base/wr.h"
#include "natfw/place.h"
#include "natfw/ruleset_nl.h"
#include "sys/netlink.h"
#include "fuzz.h"

static void check_cond(const struct ruleset *rs, uint32_t table,
		       const struct ruleset_cond *c)
{
	size_t len = 0;

	CHECK(c->field < RULESET_FIELDS && c->op <= RULESET_IN_SET);
	CHECK(c->op == RULESET_IN_SET || c->len <= sizeof(c->value));
	CHECK(c->part[0] < RULESET_FIELDS);
	for (size_t i = 0; i < RULESET_PARTS_MAX && c->part_len[i]; i++) {
		CHECK(c->part[i] < RULESET_FIELDS);
		CHECK(c->part_len[i] <= RULESET_KEY_MAX);
		len += (c->part_len[i] + 3u) / 4 * 4;
	}
	if (c->op != RULESET_IN_SET)
		return;
	CHECK(c->set < rs->set_n && rs->set[c->set].table == table);
	CHECK(c->len == rs->set[c->set].key_len && len >= c->len);
}

static void check_target(const struct ruleset *rs, uint32_t table,
			 unsigned verdict, uint32_t target)
{
	CHECK(verdict <= RULESET_QUEUE);
	if (verdict == RULESET_JUMP || verdict == RULESET_GOTO)
		CHECK(target < rs->chain_n &&
		      rs->chain[target].table == table);
}

static void check_rule(const struct ruleset *rs, uint32_t chain,
		       const struct ruleset_rule *r)
{
	uint32_t table = rs->chain[chain].table;

	CHECK(r->chain == chain);
	CHECK(r->cond <= rs->cond_n && r->cond_n <= rs->cond_n - r->cond);
	for (uint32_t i = 0; i < r->cond_n; i++)
		check_cond(rs, table, &rs->cond[r->cond + i]);
	check_target(rs, table, r->verdict, r->target);
	if (r->verdict == RULESET_MAP)
		CHECK(r->cond_n && r->map == r->cond + r->cond_n - 1);
}

static void check_chain(const struct ruleset *rs, uint32_t i)
{
	const struct ruleset_chain *c = &rs->chain[i];
	uint32_t n = 0, at;
	char buf[256];
	struct wr w = wr_init_cut(buf, sizeof(buf));

	CHECK(c->table < rs->table_n && c->hook >= -1);
	for (at = c->first; at != RULESET_NONE; at = rs->rule[at].next) {
		CHECK(at < rs->rule_n && n < rs->rule_n);
		check_rule(rs, i, &rs->rule[at]);
		CHECK(rs->rule[at].number == ++n);
		CHECK(rs->rule[at].next != RULESET_NONE || c->last == at);
	}
	CHECK(n <= c->counted);
	ruleset_chain_name(rs, i, &w);
	CHECK(fuzz_printable(wr_done(&w)));
}

static void check_set(const struct ruleset *rs, const struct ruleset_set *s)
{
	const struct ruleset_elem *e = rs->elem + s->first;

	CHECK(s->n <= RULESET_SET_ELEMS_MAX);
	CHECK(!s->n || (s->known && s->first + s->n <= rs->elem_n));
	for (uint32_t i = 0; i < s->n; i++)
		check_target(rs, s->table, e[i].verdict, e[i].target);
}

static void check_base(const struct ruleset *rs)
{
	for (uint32_t i = 0; i < rs->base_n; i++) {
		const struct ruleset_chain *c = &rs->chain[rs->base[i]];

		CHECK(rs->base[i] < rs->chain_n && c->hook >= 0 && !c->ours);
		CHECK(!i || rs->chain[rs->base[i - 1]].hook <= c->hook);
	}
}

static void check_answer(const struct ruleset *rs, enum walk_hold hold,
			 const struct walk_rule *by)
{
	CHECK((hold == WALK_NO) == (by->chain == RULESET_NONE));
	if (hold == WALK_NO)
		return;
	CHECK(by->chain < rs->chain_n);
	CHECK(by->rule == RULESET_NONE || (by->rule < rs->rule_n &&
	      rs->rule[by->rule].chain == by->chain));
}

static void check_answers(const struct ruleset *rs, const struct natfw_env *env,
			  const struct places *places,
			  const struct nat_rule *rule)
{
	struct walk_packet p;
	struct walk_rule by;
	enum walk_hold hold;

	hold = place_blocked(rs, env, places, rule, &by);
	check_answer(rs, hold, &by);
	place_incoming(env, rule, &p);
	hold = walk_forwarded(rs, &p, &by);
	check_answer(rs, hold, &by);
	walk_masqueraded(rs, &p);
}

static void check_walk(const struct ruleset *rs)
{
	struct natfw_env env = {
		.ext_if = "wan", .ext_index = 2, .ext = addr_ip4(0xcb007107),
		.net = { { 3, "lan", { addr_ip4(0xc0a85801), 24 }, 0, 0 } },
		.net_n = 1, .hairpin = true,
	};
	const struct nat_rule rule = {
		.client = addr_ip4(0xc0a8580a), .remote = addr_any(),
		.ext_port = 8080, .int_port = 80, .kind = NAT_PORTMAP,
		.proto = IPPROTO_TCP,
	};
	struct nat_rule peer = rule;
	struct places places;

	place_find(rs, &env, &places);
	CHECK(places.n <= PLACES_MAX);
	for (size_t i = 0; i < places.n; i++) {
		const struct place *at = &places.at[i];

		CHECK(at->chain < rs->chain_n && (at->to || at->from));
		CHECK(at->before == RULESET_NONE ||
		      (rs->rule[at->before].chain == at->chain &&
		       !rs->rule[at->before].ours));
	}
	CHECK(fuzz_printable(str_z(places.lost4.why)));
	CHECK(fuzz_printable(str_z(places.lost6.why)));
	check_answers(rs, &env, &places, &rule);
	peer.remote = addr_ip4(0xcb007209);
	peer.remote_port = 3478;
	check_answers(rs, &env, &places, &peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct ruleset *rs;
	struct str in = fuzz_copy((struct str){ (const char *)data, n });
	struct ruleset_nl nl;
	bool interrupted;

	if (!rs)
		rs = ruleset_new();
	if (!rs)
		abort();
	ruleset_clear(rs);
	nl = (struct ruleset_nl){ .rules = rs };
	netlink_walk((struct nl_span){ in.p, in.n }, ruleset_nl_message, &nl,
		     &interrupted);
	ruleset_nl_end(&nl);
	ruleset_sort(rs);
	for (uint32_t i = 0; i < rs->chain_n; i++)
		check_chain(rs, i);
	for (uint32_t i = 0; i < rs->set_n; i++)
		check_set(rs, &rs->set[i]);
	check_base(rs);
	check_walk(rs);
	fuzz_free(in);
	return 0;
}
