/* SPDX-License-Identifier: ISC */
/*
 * ipt_tool.h - the programs of the two variants of iptables and of ip6tables:
 * by their own name (iptables-nft-save), or as plain iptables-save where that
 * is the variant.
 * Runs in: any
 */
#ifndef NATFW_IPT_TOOL_H
#define NATFW_IPT_TOOL_H

#include <stdbool.h>
#include "natfw/ruleset.h"

struct ipt_tool {
	const char *save, *restore;
};

/**
 * ipt_tool_plain - which variant is plain iptables-save?
 *
 * Asks it with -V, which reads no table and loads no module.
 * Return: RULESET_IPT_NFT or RULESET_IPT_LEGACY; RULESET_KINDS if it is not
 * installed
 */
enum ruleset_kind ipt_tool_plain(void);

/**
 * ipt_tool_of - find the programs for that kind of chains. A kind that was
 * found once is not searched again.
 * @ip6: those of ip6tables
 * Return: literals; NULL if iptables-save or iptables-restore of that variant
 * is not installed
 */
const struct ipt_tool *ipt_tool_of(enum ruleset_kind, bool ip6);

/** ipt_tool_built - has this upnpd the iptables backend (BACKENDS of make)? If
 * not, ipt_tool_of() finds nothing. */
bool ipt_tool_built(void);

/** ipt_tool_unused - is a program that saves tables of the nft variant
 * installed, which this upnpd was built not to use? */
bool ipt_tool_unused(bool ip6);

/** ipt_tool_has_table - has the kernel this table of legacy iptables, or of
 * ip6tables? Asks no tool, because a tool would load the table's module.
 * @table: NULL: any */
bool ipt_tool_has_table(const char *table, bool ip6);

#endif
