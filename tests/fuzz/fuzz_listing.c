/* SPDX-License-Identifier: ISC */
/*
 * fuzz_listing.c - listings of iptables and of the kernel, of a firewall in any
 * state, are read into the model and by the writers.
 *
 * Input: a byte for backend and environment; one for exit statuses; the
 * listing, printed for every request.
 *
 * Holds: the properties of fuzz_tool.h; a rule is deleted from a foreign chain
 * only by the handle with which it was listed as ours. The lists of the model
 * end, and its indices exist.
 */
#include <netinet/in.h>
#include "fuzz.h"
#include "fuzz_tool.h"
#include "tests/wrap.h"
#include "natfw.h"
#include "natfw/nl_list.h"
#include "natfw/ruleset_ipt.h"

#define EXT 0xc6336407u		/* 198.51.100.7 */

static struct natfw fw;

static struct nat_rule rule(uint32_t remote, uint16_t port, uint8_t proto)
{
	return (struct nat_rule){
		.client = addr_ip4(0xc0a8580a), .ext_port = port,
		.remote = remote ? addr_ip4(remote) : addr_any(),
		.int_port = 8080, .kind = NAT_PORTMAP, .proto = proto,
	};
}

static struct nat_rule from_port(uint16_t remote_port)
{
	struct nat_rule r = rule(0x08080808, 80, IPPROTO_TCP);

	r.remote_port = remote_port;
	return r;
}

/* Any port of the host, from one peer. */
static struct nat_rule pinhole(uint8_t proto, uint16_t remote_port)
{
	const uint8_t net[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 };
	struct nat_rule r = { .kind = NAT_PINHOLE, .proto = proto,
			      .remote_port = remote_port };

	r.client = r.remote = addr_ip6(net);
	return r;
}

static struct natfw_env environment(uint8_t how)
{
	struct natfw_env env = {
		.ext_if = "wan0",
		.ext = how & 8 ? (struct addr){ 0 } : addr_ip4(EXT),
		.net = { { 0, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } },
					24 } },
			 { 0, "lan1", { { ADDR_IP4, { 10, 0, 0, 1 } }, 8 } },
			 { 0, "lan0", { pinhole(0, 0).client, 64 } } },
		.net_n = 3, .ipv6 = true, .hairpin = how & 16, .masquerade = how & 32,
	};

	if (how & 64) {
		str_copy(env.nft_table, sizeof(env.nft_table),
			 STR("inet fw4"));
		str_copy(env.nft_chain, sizeof(env.nft_chain),
			 STR("forward"));
	}
	return env;
}

/* ---- the model ------------------------------------------------------------ */

/* The pauses between two tries. */
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	return 0;
}

static void check_cond(const struct ruleset *rs, const struct ruleset_cond *c)
{
	CHECK(c->field < RULESET_FIELDS && c->op <= RULESET_IN_SET);
	CHECK(c->len <= sizeof(c->value) || c->op == RULESET_IN_SET);
	CHECK(c->set == RULESET_NONE || c->set < rs->set_n);
}

static void check_rule(const struct ruleset *rs, uint32_t chain,
		       const struct ruleset_rule *r)
{
	bool jumps = r->verdict == RULESET_JUMP || r->verdict == RULESET_GOTO;

	CHECK(r->chain == chain && r->verdict <= RULESET_QUEUE);
	CHECK(r->target == RULESET_NONE || r->target < rs->chain_n);
	CHECK(!jumps || r->target != RULESET_NONE);
	CHECK(r->cond + r->cond_n <= rs->cond_n);
	for (uint32_t i = 0; i < r->cond_n; i++)
		check_cond(rs, &rs->cond[r->cond + i]);
}

static void check_chain(const struct ruleset *rs, uint32_t chain)
{
	const struct ruleset_chain *c = &rs->chain[chain];
	uint32_t i, n = 0, number = 0;
	char name[64];
	struct wr w = wr_init_cut(name, sizeof(name));

	CHECK(c->table < rs->table_n);
	CHECK(strlen(c->name) < RULESET_TEXT_MAX);
	for (i = c->first; i != RULESET_NONE; i = rs->rule[i].next) {
		CHECK(i < rs->rule_n && n++ < rs->rule_n);
		CHECK(rs->rule[i].next != RULESET_NONE || i == c->last);
		check_rule(rs, chain, &rs->rule[i]);
		CHECK(rs->rule[i].number - number <= 1);
		number = rs->rule[i].number;
	}
	ruleset_chain_name(rs, chain, &w);
	CHECK(fuzz_printable(wr_done(&w)));
}

static void check_model(const struct ruleset *rs)
{
	for (uint32_t i = 0; i < rs->chain_n; i++)
		check_chain(rs, i);
	CHECK(rs->rule_n <= RULESET_RULES_MAX);
	CHECK(rs->cond_n <= RULESET_CONDS_MAX);
	CHECK(memchr(rs->why, '\0', sizeof(rs->why)));
}

/* Let the rules with a number of their own be replaced. */
static void mark_rules(struct ruleset *rs)
{
	const struct ruleset_rule *next;
	struct ruleset_rule *r;

	for (uint32_t c = 0; c < rs->chain_n; c++) {
		uint32_t i = rs->chain[c].first, number = 0;

		for (; i != RULESET_NONE; i = r->next) {
			r = &rs->rule[i];
			next = r->next == RULESET_NONE ? NULL :
			       &rs->rule[r->next];
			r->xt = r->number != number &&
				(!next || next->number != r->number);
			number = r->number;
		}
	}
}

/* Read the listing as legacy tables, then once more beside the rules that it
 * has given. */
static void check_reader(void)
{
	static struct ruleset *rs;
	int rc;

	if (!rs)
		rs = ruleset_new();
	CHECK(rs);
	ruleset_clear(rs);
	rc = ruleset_ipt_read(rs, RULESET_IPT_LEGACY, NFPROTO_IPV4, "x",
			      "filter");
	check_model(rs);
	mark_rules(rs);
	if (rc || *rs->why)
		return;
	ruleset_ipt_read(rs, RULESET_IPT_LEGACY, NFPROTO_IPV4, "x",
			      "filter");
	check_model(rs);
}

/* ---- the writers ---------------------------------------------------------- */

static void counted(void *arg, const struct nl_list_count *c)
{
	uint64_t *sum = arg;

	*sum += c->client + c->port + c->proto + c->packets + c->bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct natfw_backend *const backends[] = {
		&natfw_iptables_legacy, &natfw_iptables_nft,
	};
	const struct nat_rule rules[] = {
		rule(0, 80, IPPROTO_TCP), rule(0x08080808, 80, IPPROTO_TCP),
		rule(0, 53, IPPROTO_UDP), pinhole(IPPROTO_SCTP, 0),
		from_port(99),
	};
	struct nat_op port = { from_port(98), NAT_SET };
	struct nat_op hole = { pinhole(IPPROTO_TCP, 9), NAT_SET };
	struct nat_op op = { rule(0, 81, IPPROTO_TCP), NAT_SET };
	struct str in = { (const char *)data, n };
	uint8_t how = fuzz_u8(&in), rc = fuzz_u8(&in);
	struct natfw_env env = environment(how);
	struct nl_list_sock sock = { .fd = -1 };
	uint64_t sum = 0;
	enum nat_err err;

	memset(&tool, 0, sizeof(tool));
	memset(&fw, 0, sizeof(fw));
	tool.lists = in;
	tool.list_rc = rc & 1;
	tool.rc = rc >> 1 & 1;
	tool.kernel = rc & 4 ? -ENOENT : 0;
	tool.legacy = how & 2;
	check_reader();
	CHECK(!natfw_init(&fw, 8, 8));
	natfw_open(&fw, how & 128 ? &natfw_netlink : backends[how % 2],
		   &env);
	natfw_sync(&fw, rules, how & 4 ? 4 : 5);
	CHECK(natfw_verify(&fw) <= 1);
	natfw_batch(&fw, &op, 1, &err);
	natfw_batch(&fw, &port, 1, &err);
	natfw_batch(&fw, &hole, 1, &err);
	natfw_packets(&fw, &rules[3], &sum);
	op.verb = NAT_DEL;
	natfw_batch(&fw, &op, 1, &err);
	CHECK(fw.mappings.rule_n <= 6);
	CHECK(natfw_verify(&fw) <= 1);
	check_model(fw.rules);
	CHECK(natfw_check(&fw, &op.rule, 1, NULL) <= NAT_EBLOCKED);
	CHECK(natfw_check(&fw, &hole.rule, 1, NULL) <= NAT_EBLOCKED);
	CHECK(memchr(fw.why, '\0', sizeof(fw.why)));
	natfw_close(&fw);
	natfw_done(&fw);
	nl_list_counts(&sock, counted, &sum);
	return 0;
}
