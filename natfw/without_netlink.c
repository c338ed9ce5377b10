/* SPDX-License-Identifier: ISC */
/*
 * without_netlink.c - takes the place of the netlink backend in a build without
 * it (tools/parts.mk). The rules that others have in nf_tables are read all the
 * same.
 * Runs in: any
 */
#include "natfw.h"

static bool not_usable(const struct natfw_env *env)
{
	return false;
}

const struct natfw_backend natfw_netlink = {
	.name = "netlink", .kind = RULESET_NATIVE, .usable = not_usable,
};
