/* SPDX-License-Identifier: ISC */
/*
 * without_iptables.c - takes the place of the iptables backend in a build
 * without it (tools/parts.mk).
 * Runs in: any
 */
#include "natfw.h"

static bool not_usable(const struct natfw_env *env)
{
	return false;
}

const struct natfw_backend natfw_iptables_nft = {
	.name = "iptables-nft", .kind = RULESET_IPT_NFT, .usable = not_usable,
};
const struct natfw_backend natfw_iptables_legacy = {
	.name = "iptables-legacy", .kind = RULESET_IPT_LEGACY,
	.usable = not_usable,
};
