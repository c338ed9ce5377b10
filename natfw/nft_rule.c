/* SPDX-License-Identifier: ISC */
/*
 * nft_rule.c - the text of what is there whatever the mappings are. Pure.
 */
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/nft_map.h"
#include "natfw/nft_rule.h"

/* ---- foreign chains ------------------------------------------------ */

static void put_old(struct wr *w, const struct nft_look *look, size_t p)
{
	const struct nft_place *at = &look->places->at[p];
	size_t k;

	for (k = 0; k < look->old_n[p]; k++)
		wr_fmt(w, "delete rule %s %s %s handle %llu\n", at->family,
		       at->table, at->chain,
		       (unsigned long long)look->old[p][k]);
}

/* Did rules of ours stand in the table of place @p? */
static bool had_rules(const struct nft_look *look, size_t p)
{
	const struct nft_places *places = look->places;
	size_t q;

	for (q = 0; q < places->n; q++)
		if (look->old_n[q] &&
		    nft_same_table(&places->at[q], &places->at[p]))
			return true;
	return false;
}

void nft_put_clean(struct wr *w, const struct nft_look *look, bool keep,
		   bool count)
{
	const struct nft_places *places = look->places;
	const struct nft_place *at;
	bool wanted;
	size_t p;

	for (p = 0; p < places->n; p++)
		put_old(w, look, p);
	for (p = 0; p < places->n; p++) {
		at = &places->at[p];
		wanted = nft_has_set(places, p);
		if (!nft_is_first(places, p) ||
		    (!wanted && !had_rules(look, p)))
			continue;
		wr_fmt(w, "add set %s %s " NFT_ACCEPT_SET " { type ipv4_addr"
		       " . inet_proto . inet_service; %s}\n%s set %s %s "
		       NFT_ACCEPT_SET "\n", at->family, at->table,
		       count ? "counter; " : "",
		       keep && wanted ? "flush" : "delete", at->family,
		       at->table);
	}
}

void nft_put_accept(struct wr *w, const struct nft_place *at)
{
	wr_fmt(w, "insert rule %s %s %s ct status dnat"
	       " ip saddr . meta l4proto . th sport " NFT_ACCEPT_RULE "\n",
	       at->family, at->table, at->chain);
	wr_fmt(w, "insert rule %s %s %s ct status dnat"
	       " ip daddr . meta l4proto . th dport " NFT_ACCEPT_RULE "\n",
	       at->family, at->table, at->chain);
}

/* ---- our own table ------------------------------------------------- */

/* Deleted and made anew in one transaction: whatever became of it, it is
 * right again. Priorities in numbers, which old versions know. */
static const char skeleton[] =
	"add table ip upnpd\n"
	"delete table ip upnpd\n"
	"add table ip upnpd\n"
	"add map ip upnpd forward_to { type inet_proto . inet_service"
	" : ipv4_addr . inet_service; }\n"
	"add map ip upnpd forward_from { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add map ip upnpd leave_as { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add chain ip upnpd prerouting"
	" { type nat hook prerouting priority -105; }\n"
	"add chain ip upnpd postrouting"
	" { type nat hook postrouting priority 95; }\n";

#define RULE_PRE	"add rule ip upnpd prerouting "
#define RULE_POST	"add rule ip upnpd postrouting "
#define BY_PORT		"meta l4proto . th dport map "

static void put_forward(struct wr *w, const struct natfw_env *env)
{
	size_t i;

	wr_fmt(w, RULE_PRE "iifname \"%s\" ip daddr %s dnat ip addr . port to"
	       " ip saddr . " BY_PORT "@forward_from\n",
	       env->ext_if, backend_ip(env->ext_ip).z);
	if (nft_many_in(env)) {
		wr_fmt(w, RULE_PRE "iifname { \"%s\"", env->ext_if);
		for (i = 0; i < env->net_n; i++)
			wr_fmt(w, ", \"%s\"", env->net[i].ifname);
		wr_z(w, " }");
	} else {
		wr_fmt(w, RULE_PRE "iifname \"%s\"", env->ext_if);
	}
	wr_fmt(w, " ip daddr %s dnat ip addr . port to " BY_PORT
	       "@forward_to\n", backend_ip(env->ext_ip).z);
	wr_fmt(w, RULE_POST "oifname \"%s\" snat ip addr . port to"
	       " ip saddr . meta l4proto . th sport map @leave_as\n",
	       env->ext_if);
}

/* A client that asks for its own network's mapped service must be answered
 * through the router, which translated the request. */
static void put_hairpin(struct wr *w, const struct natfw_env *env,
			const struct natfw_net *net)
{
	wr_fmt(w, RULE_POST "oifname \"%s\" ip saddr %s ip daddr %s"
	       " ct status dnat ct original ip daddr %s masquerade\n",
	       net->ifname, backend_net(net).z, backend_net(net).z,
	       backend_ip(env->ext_ip).z);
}

void nft_put_table(struct wr *w, const struct natfw_env *env)
{
	size_t i;

	wr_z(w, skeleton);
	if (env->ext_ip)
		put_forward(w, env);
	for (i = 0; i < env->net_n; i++) {
		if (!env->net[i].ip)
			continue;
		if (env->ext_ip && env->hairpin)
			put_hairpin(w, env, &env->net[i]);
		if (env->masquerade)
			wr_fmt(w, RULE_POST "oifname \"%s\" ip saddr %s"
			       " masquerade\n", env->ext_if,
			       backend_net(&env->net[i]).z);
	}
}

/* The line with the hook in each, three rules, and one or two a network. */
size_t nft_chain_lines(const struct natfw_env *env)
{
	size_t n = env->ext_ip ? 2 + 3 : 2, i;

	for (i = 0; i < env->net_n; i++)
		if (env->net[i].ip)
			n += env->masquerade + (env->ext_ip && env->hairpin);
	return n;
}
