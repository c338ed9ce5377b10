/* SPDX-License-Identifier: ISC */
/*
 * without_pmp.c - takes the place of the server of NAT-PMP and PCP in a build
 * without it (tools/parts.mk). The configuration cannot turn them on, so no
 * function here is called.
 * Runs in: engine
 */
#include "pmp/pmp.h"

struct pmp *pmp_new(struct loop *loop, const struct pmp_config *config)
{
	return NULL;
}

int pmp_ifaces(struct pmp *p, const struct netif_addr *at, size_t n)
{
	return 0;
}

void pmp_address(struct pmp *p)
{
}

void pmp_stored(struct pmp *p, const struct pm_entry *e)
{
}

void pmp_flow(struct pmp *p, const struct nat_rule *rule, uint16_t ext_port)
{
}

bool pmp_serves(const struct pmp *p)
{
	return false;
}
