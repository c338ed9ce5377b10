/* SPDX-License-Identifier: ISC */
/* fault.c - logs why mappings or pinholes cannot work, once for each cause.
 * Runs in: monitor */
#include "base/hash.h"
#include "base/log.h"
#include "base/wr.h"
#include "monitor/fault.h"

/* @why: "": they work */
static void note(const char *what, struct str why, uint64_t *logged)
{
	const uint64_t hash = why.n ? hash_add(HASH_BEGIN, why.p, why.n) : 0;

	if (hash == *logged)
		return;
	*logged = hash;
	if (hash)
		log_warn("firewall: %s do not work: %.*s", what, STR_F(why));
	else
		log_info("firewall: %s can work again", what);
}

enum nat_ip6 fault_ip6(const struct broker *g)
{
	if (!g->pinholes_max || g->missing6)
		return NAT_IP6_NONE;
	return natfw_open6(&g->fw) ? NAT_IP6_OPEN : NAT_IP6_CLOSED;
}

void fault_note(struct broker *g)
{
	char text[BROKER_WHY_MAX];
	struct wr why = wr_init_cut(text, sizeof(text));

	note("mappings", str_z(natfw_lost(&g->fw, ADDR_IP4)), &g->lost4);
	if (!g->pinholes_max)
		return;
	g->missing6 = natfw_missing6(&g->fw, &why);
	note("pinholes", g->missing6 ? wr_done(&why) :
	     str_z(natfw_lost(&g->fw, ADDR_IP6)), &g->lost6);
}
