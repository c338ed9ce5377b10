/* SPDX-License-Identifier: ISC */
/* fault.c - logs why mappings or pinholes cannot work, once for each cause.
 * Runs in: monitor */
#include "base/hash.h"
#include "base/log.h"
#include "base/wr.h"
#include "monitor/fault.h"

static void note_missing6(struct broker *g)
{
	char text[BROKER_WHY_MAX];
	struct wr why = wr_init_cut(text, sizeof(text));
	const bool missing = g->pinholes_max && natfw_missing6(&g->fw, &why);

	if (missing == g->missing6)
		return;
	g->missing6 = missing;
	if (missing)
		log_warn("firewall: pinholes do not work: %s", wr_cstr(&why));
	else
		log_info("firewall: pinholes can work again");
}

enum nat_ip6 fault_ip6(const struct broker *g)
{
	if (!g->pinholes_max || g->missing6)
		return NAT_IP6_NONE;
	return natfw_open6(&g->fw) ? NAT_IP6_OPEN : NAT_IP6_CLOSED;
}

void fault_note(struct broker *g)
{
	const struct str why = str_z(natfw_lost(&g->fw));
	const uint64_t hash = why.n ? hash_add(HASH_BEGIN, why.p, why.n) : 0;

	note_missing6(g);
	if (hash == g->lost)
		return;
	g->lost = hash;
	if (hash)
		log_warn("firewall: mappings do not work: %.*s", STR_F(why));
	else
		log_info("firewall: mappings can work again");
}
