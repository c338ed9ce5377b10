/* SPDX-License-Identifier: ISC */
/*
 * ipt_tool.c - finds the programs of iptables.
 * Never does: change or list a table.
 * Runs in: any
 */
#include <string.h>
#include "base/limits.h"
#include "base/str.h"
#include "sys/proc.h"
#include "natfw/ipt_tool.h"

/* Of each family. */
static const struct ipt_tool plain[] = {
	{ "iptables-save", "iptables-restore" },
	{ "ip6tables-save", "ip6tables-restore" },
};

static const struct ipt_tool own[][RULESET_KINDS] = {
	{
		[RULESET_IPT_NFT] = { "iptables-nft-save",
				      "iptables-nft-restore" },
		[RULESET_IPT_LEGACY] = { "iptables-legacy-save",
					 "iptables-legacy-restore" },
	}, {
		[RULESET_IPT_NFT] = { "ip6tables-nft-save",
				      "ip6tables-nft-restore" },
		[RULESET_IPT_LEGACY] = { "ip6tables-legacy-save",
					 "ip6tables-legacy-restore" },
	},
};

static bool exists(const struct ipt_tool *t)
{
	return proc_exists(t->save) && proc_exists(t->restore);
}

/* "iptables-save v1.8.9 (nf_tables)". Before 1.8 there was only the legacy
 * variant under this name, which prints no variant. */
static void read_version(void *nft, struct str line)
{
	static const char mark[] = "(nf_tables)";

	for (size_t i = 0; i + sizeof(mark) - 1 <= line.n; i++)
		if (!memcmp(line.p + i, mark, sizeof(mark) - 1))
			*(bool *)nft = true;
}

static enum ruleset_kind variant_of(const struct ipt_tool *t)
{
	const char *const argv[] = { t->save, "-V", NULL };
	bool nft = false;
	struct proc proc = {
		.argv = argv, .line = read_version, .arg = &nft,
		.deadline_ms = PROC_LIST_DEADLINE_MS,
	};

	if (!proc_exists(t->save) || proc_run(&proc) < 0)
		return RULESET_KINDS;
	return nft ? RULESET_IPT_NFT : RULESET_IPT_LEGACY;
}

enum ruleset_kind ipt_tool_plain(void)
{
	return variant_of(&plain[false]);
}

const struct ipt_tool *ipt_tool_of(enum ruleset_kind kind, bool ip6)
{
	/* found once, because each batch asks, and running plain iptables-save
	 * takes longer than the batch */
	static const struct ipt_tool *known[2][RULESET_KINDS];

	if (known[ip6][kind])
		return known[ip6][kind];
	if (own[ip6][kind].save && exists(&own[ip6][kind]))
		known[ip6][kind] = &own[ip6][kind];
	else if (exists(&plain[ip6]) && variant_of(&plain[ip6]) == kind)
		known[ip6][kind] = &plain[ip6];
	return known[ip6][kind];
}

bool ipt_tool_built(void)
{
	return true;
}

bool ipt_tool_unused(bool ip6)
{
	return false;
}
