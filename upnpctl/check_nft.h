/* SPDX-License-Identifier: ISC */
/*
 * check_nft.h - the rules of nf_tables, read from the kernel, for
 * check_rules.c.
 */
#ifndef UPNPCTL_CHECK_NFT_H
#define UPNPCTL_CHECK_NFT_H

#include "upnpctl/check_rules.h"
#include "upnpctl/check_set.h"

/* One reading. Begins as { rules }. */
struct check_nft {
	struct check_rules *rules;
	struct check_sets sets;
	bool seen;		/* there was a message */
	bool mixed;		/* not all were about the same generation */
	uint16_t generation;
};

/**
 * check_nft_message - read one message of a dump. @arg: a struct check_nft
 *
 * Pure. Chains come first, then sets, their elements, and rules. Families but
 * ip and inet, and our own table, are passed over.
 */
void check_nft_message(void *arg, const struct nlmsghdr *h);

/**
 * check_nft_read - ask the kernel for all of nf_tables.
 * @r: made new, with its flow
 *
 * Return: 0, -ENOENT the kernel has no nf_tables (and so none of its rules),
 * -EPERM, -EINTR the rules changed at each try, or as nfnl_dump()
 */
int check_nft_read(struct check_rules *r, const struct check_rules_flow *flow);

#endif
