/* SPDX-License-Identifier: ISC */
/*
 * check_nft.h - read the rules of nf_tables from the kernel, for check_rules.c.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_NFT_H
#define UPNPCTL_CHECK_NFT_H

#include "upnpctl/check_rules.h"
#include "upnpctl/check_set.h"

/* The state of one read. Initialize as { rules }. */
struct check_nft {
	struct check_rules *rules;
	struct check_sets sets;
	bool seen;		/* a message was read */
	bool mixed;		/* messages had different generations */
	uint16_t generation;
};

/**
 * check_nft_message - read one message of a dump. @arg: a struct check_nft
 *
 * Pure. Pass chains first, then sets, their elements, and rules. Families other
 * than ip and inet, and upnpd's own table, are skipped.
 */
void check_nft_message(void *arg, const struct nlmsghdr *h);

/**
 * check_nft_read - read all of nf_tables from the kernel.
 * @r: initialized by this function, with @flow
 *
 * Return: 0, -ENOENT (the kernel has no nf_tables, and so no such rules),
 * -EPERM, -EINTR (the rules changed during each try), or as nfnl_dump()
 */
int check_nft_read(struct check_rules *r, const struct check_rules_flow *flow);

#endif
