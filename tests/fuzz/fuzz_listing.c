/* SPDX-License-Identifier: ISC */
/*
 * fuzz_listing.c - the backends read listings of iptables and of the kernel, of
 * a firewall in any state.
 *
 * Input: a byte for backend and environment; one for exit statuses; the
 * listing, printed for every request.
 *
 * Holds: the properties of fuzz_tool.h; a rule is deleted from a foreign chain
 * only by the handle with which it was listed as ours.
 */
#include <netinet/in.h>
#include "fuzz.h"
#include "fuzz_tool.h"
#include "natfw.h"
#include "natfw/nl_list.h"

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

static struct natfw_env environment(uint8_t how)
{
	struct natfw_env env = {
		.ext_if = "wan0",
		.ext = how & 8 ? (struct addr){ 0 } : addr_ip4(EXT),
		.net = { { 0, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } },
					24 } },
			 { 0, "lan1", { { ADDR_IP4, { 10, 0, 0, 1 } }, 8 } } },
		.net_n = 2, .hairpin = how & 16, .masquerade = how & 32,
	};

	if (how & 64) {
		str_copy(env.nft_table, sizeof(env.nft_table),
			 STR("inet fw4"));
		str_copy(env.nft_chain, sizeof(env.nft_chain),
			 STR("forward"));
	}
	return env;
}

static void counted(void *arg, const struct nl_list_count *c)
{
	uint64_t *sum = arg;

	*sum += c->client + c->port + c->proto + c->packets + c->bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct natfw_backend *const backends[] = {
		&natfw_iptables_legacy, &natfw_iptables, &natfw_iptables_nft,
		&natfw_iptables,
	};
	const struct nat_rule rules[] = {
		rule(0, 80, IPPROTO_TCP), rule(0x08080808, 80, IPPROTO_TCP),
		rule(0, 53, IPPROTO_UDP),
	};
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
	CHECK(!natfw_init(&fw, 8, 0));
	natfw_open(&fw, how & 128 ? &natfw_netlink : backends[how % 4],
		   &env);
	natfw_sync(&fw, rules, 3);
	CHECK(natfw_verify(&fw) <= 1);
	natfw_batch(&fw, &op, 1, &err);
	op.verb = NAT_DEL;
	natfw_batch(&fw, &op, 1, &err);
	CHECK(fw.mappings.rule_n <= 4);
	CHECK(natfw_verify(&fw) <= 1);
	CHECK(memchr(fw.why, '\0', sizeof(fw.why)));
	natfw_close(&fw);
	natfw_done(&fw);
	nl_list_counts(&sock, counted, &sum);
	return 0;
}
