/* SPDX-License-Identifier: ISC */
/*
 * ipt_tool.c - finds the programs of iptables.
 * Never does: change or list a table.
 * Runs in: any
 */
#include <fcntl.h>
#include <string.h>
#include "base/limits.h"
#include "base/str.h"
#include "sys/fileio.h"
#include "sys/proc.h"
#include "natfw/ipt_tool.h"

static const struct ipt_tool plain = { "iptables-save", "iptables-restore" };

static const struct ipt_tool own[RULESET_KINDS] = {
	[RULESET_IPT_NFT] = { "iptables-nft-save", "iptables-nft-restore" },
	[RULESET_IPT_LEGACY] = { "iptables-legacy-save",
				 "iptables-legacy-restore" },
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

enum ruleset_kind ipt_tool_plain(void)
{
	static const char *const argv[] = { "iptables-save", "-V", NULL };
	bool nft = false;
	struct proc proc = {
		.argv = argv, .line = read_version, .arg = &nft,
		.deadline_ms = PROC_LIST_DEADLINE_MS,
	};

	if (!proc_exists(plain.save) || proc_run(&proc) < 0)
		return RULESET_KINDS;
	return nft ? RULESET_IPT_NFT : RULESET_IPT_LEGACY;
}

const struct ipt_tool *ipt_tool_of(enum ruleset_kind kind)
{
	/* found once, because each batch asks, and running plain iptables-save
	 * takes longer than the batch */
	static const struct ipt_tool *known[RULESET_KINDS];

	if (known[kind])
		return known[kind];
	if (own[kind].save && exists(&own[kind]))
		known[kind] = &own[kind];
	else if (exists(&plain) && ipt_tool_plain() == kind)
		known[kind] = &plain;
	return known[kind];
}

bool ipt_tool_has_table(const char *table)
{
	char buf[256];
	struct str rest, name;

	fileio_read(AT_FDCWD, "/proc/net/ip_tables_names", 0, buf, sizeof(buf),
		    &rest);
	while (str_cut(&rest, '\n', &name))
		if (table ? str_eq(name, str_z(table)) : name.n > 0)
			return true;
	return false;
}
