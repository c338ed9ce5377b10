/* SPDX-License-Identifier: ISC */
/*
 * parts.c - which value of an option needs which part of the build. make
 * defines PARTS_WITHOUT, a list of those that were left out.
 * Runs in: any
 */
#include <string.h>
#include "conf/parts.h"

static const struct part {
	const char *name;	/* in make's words */
	const char *what;	/* in the reader's */
	const char *other;	/* value of the option that needs no part */
	const char *remedy;
} netlink = {
	"netlink", "the netlink backend", "auto", "BACKENDS=\"netlink iptables\""
}, iptables = {
	"iptables", "iptables", "auto", "BACKENDS=\"netlink iptables\""
}, pmp = {
	"PMP", "NAT-PMP and PCP", "no", "PMP=yes"
}, page = {
	"STATUS_PAGE", "the status page", "no", "STATUS_PAGE=yes"
};

static const struct {
	const char *option, *value;
	const struct part *part;
} needs[] = {
	{ "nat-pmp", "yes", &pmp },
	{ "pcp", "yes", &pmp },
	{ "status-page", "own", &page },
	{ "status-page", "all", &page },
	{ "backend", "netlink", &netlink },
	{ "backend", "iptables", &iptables },
	{ "backend", "iptables-legacy", &iptables },
	{ "backend", "iptables-nft", &iptables },
};

const char *parts_without(void)
{
	return PARTS_WITHOUT;
}

static const struct part *part_for(const char *option, struct str value)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (!strcmp(option, needs[i].option) &&
		    str_eq(value, str_z(needs[i].value)))
			return needs[i].part;
	return NULL;
}

bool parts_lack(const char *option, struct str value, struct wr *why)
{
	const struct part *p = part_for(option, value);

	if (!p || !strstr(PARTS_WITHOUT, p->name))
		return false;
	wr_fmt(why, "but this upnpd was built without %s; set it to %s, or "
	       "build upnpd with %s", p->what, p->other, p->remedy);
	return true;
}
