/* SPDX-License-Identifier: ISC */
/*
 * ipt_steps.c - the steps of a sync, a batch and a removal, with the lines that
 * depend on the environment. Pure.
 * Runs in: any
 */
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_steps.h"

/* A declaration creates the chain, or empties it if it exists. */
#define FILTER_CHAINS	"*filter\n:" IPT_ACCEPT_CHAIN " - [0:0]\n"
#define NAT_CHAINS	"*nat\n:" IPT_DNAT_CHAIN " - [0:0]\n" \
			":" IPT_SNAT_CHAIN " - [0:0]\n"

/* ---- sync: write everything ---------------------------------------- */

/* A client that connects to a mapped service of its own network must get the
 * answer through the router, because the router translated the request. @from:
 * index of the network */
static void put_hairpins(const struct ipt_text *t, struct wr *w, unsigned from)
{
	const struct natfw_env *env = &t->fw->env;

	for (size_t to = 0; to < env->net_n; to++)
		if (backend_hairpin(env, from, to))
			wr_fmt(w, "-A " IPT_SNAT_CHAIN " -s %s -d %s -o %s"
			       " -m conntrack --ctstate DNAT --ctorigdst %s"
			       " -j MASQUERADE\n",
			       backend_net(&env->net[from]).z,
			       backend_net(&env->net[to]).z,
			       env->net[from].ifname,
			       addr_text(env->ext).text);
}

static void put_nat_guard(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;

	if (addr_is_set(env->ext))
		wr_fmt(w, "-A " IPT_DNAT_CHAIN " ! -d %s/32 -j RETURN\n",
		       addr_text(env->ext).text);
}

static void put_snat_guard(const struct ipt_text *t, struct wr *w)
{
	wr_fmt(w, "-A " IPT_SNAT_CHAIN " ! -o %s -j RETURN\n",
	       t->fw->env.ext_if);
}

/* Rules that match more closely come first. */
static bool has_remote_port(const struct nat_rule *r)
{
	return r->remote_port;
}

static bool has_no_remote_port(const struct nat_rule *r)
{
	return !r->remote_port;
}

static bool has_only_remote_host(const struct nat_rule *r)
{
	return addr_is_set(r->remote) && !r->remote_port;
}

static bool has_no_remote(const struct nat_rule *r)
{
	return !addr_is_set(r->remote);
}

static void put_masquerade(const struct ipt_text *t, struct wr *w)
{
	const struct natfw_env *env = &t->fw->env;

	for (size_t i = 0; env->masquerade && i < env->net_n; i++) {
		if (env->net[i].net.addr.family == ADDR_IP4)
			wr_fmt(w, "-A " IPT_SNAT_CHAIN " -s %s -o %s"
			       " -j MASQUERADE\n",
			       backend_net(&env->net[i]).z, env->ext_if);
	}
}

#define FILTER_GUARD	"-A " IPT_ACCEPT_CHAIN \
			" -m conntrack ! --ctstate DNAT -j RETURN\n"
#define NAT_HOOKS	"-A PREROUTING -j " IPT_DNAT_CHAIN "\n" \
			"-I POSTROUTING -j " IPT_SNAT_CHAIN "\n"

static const struct ipt_text_step sync_filter[] = {
	{ FILTER_CHAINS, NULL, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_OLD_JUMPS, IPT_ACCEPT },
	{ FILTER_GUARD, NULL, IPT_OF_LEAVES, IPT_ACCEPT,
	  .leaf = ipt_text_jump_to_leaf },
	{ NULL, NULL, IPT_OF_RULES, IPT_ACCEPT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_ACCEPT, .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_JUMPS },
	{ "COMMIT\n" },
	{ NULL }
};

static const struct ipt_text_step sync_nat[] = {
	{ NAT_CHAINS, NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_OLD_JUMPS, IPT_DNAT },
	{ NAT_HOOKS, put_nat_guard, IPT_OF_NETS, .leaf = put_hairpins },
	{ NULL, put_snat_guard, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_jump_to_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_jump_to_leaf },
	{ NULL, put_masquerade },
	{ NULL, NULL, IPT_OF_RULES, IPT_DNAT, .wants = has_remote_port },
	{ NULL, NULL, IPT_OF_RULES, IPT_DNAT, .wants = has_only_remote_host },
	{ NULL, NULL, IPT_OF_RULES, IPT_DNAT, .wants = has_no_remote },
	{ NULL, NULL, IPT_OF_RULES, IPT_SNAT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_DNAT, .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

/* Return flows that do not begin outside, and their answers: a pinhole is no
 * way between internal networks, nor from one that is not configured. */
static void put_guard6(const struct ipt_text *t, struct wr *w)
{
	const char *ext_if = backend_ext_if(&t->fw->env, ADDR_IP6);

	wr_fmt(w, "-A " IPT_ACCEPT_CHAIN " ! -i %s -m conntrack --ctdir"
	       " ORIGINAL -j RETURN\n"
	       "-A " IPT_ACCEPT_CHAIN " ! -o %s -m conntrack --ctdir REPLY"
	       " -j RETURN\n", ext_if, ext_if);
}

/* Rules that stay are not touched, because they count packets, and
 * ip6tables-nft 1.8.9 cannot set a counter. */
static const struct ipt_text_step sync_filter6[] = {
	{ FILTER_CHAINS, NULL, IPT_OF_LEAVES, IPT_ACCEPT6,
	  .leaf = ipt_text_change_leaf },
	{ NULL, NULL, IPT_OF_OLD_JUMPS, IPT_ACCEPT6 },
	{ NULL, put_guard6, IPT_OF_LEAVES, IPT_ACCEPT6,
	  .leaf = ipt_text_jump_to_leaf },
	{ NULL, NULL, IPT_OF_STALE, IPT_ACCEPT6 },
	{ NULL, NULL, IPT_OF_RULES, IPT_ACCEPT6 },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_ACCEPT6, .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_JUMPS },
	{ "COMMIT\n" },
	{ NULL }
};

const struct ipt_text_step *const ipt_steps_sync[IPT_TABLES] = {
	[IPT_FILTER] = sync_filter, [IPT_NAT] = sync_nat,
	[IPT_FILTER6] = sync_filter6,
};

/* ---- only the jumps ------------------------------------------------ */

#define JUMPS_IN_FILTER(of) { \
	{ "*filter\n", NULL, IPT_OF_OLD_JUMPS, of }, \
	{ NULL, NULL, IPT_OF_JUMPS }, \
	{ "COMMIT\n" }, \
	{ NULL } \
}

static const struct ipt_text_step
	jumps_in_filter[] = JUMPS_IN_FILTER(IPT_ACCEPT),
	jumps_in_filter6[] = JUMPS_IN_FILTER(IPT_ACCEPT6);

static const struct ipt_text_step jumps_in_nat[] = {
	{ "*nat\n", NULL, IPT_OF_OLD_JUMPS, IPT_DNAT },
	{ NAT_HOOKS "COMMIT\n" },
	{ NULL }
};

const struct ipt_text_step *const ipt_steps_jumps[IPT_TABLES] = {
	[IPT_FILTER] = jumps_in_filter, [IPT_NAT] = jumps_in_nat,
	[IPT_FILTER6] = jumps_in_filter6,
};

/* ---- remove everything --------------------------------------------- */

/* These lines work even if a chain is missing, because its declaration comes
 * first. */
#define REMOVE_FILTER(of) { \
	{ FILTER_CHAINS, NULL, IPT_OF_LEAVES, of, \
	  .leaf = ipt_text_declare_leaf }, \
	{ NULL, NULL, IPT_OF_OLD_JUMPS, of }, \
	{ "-X " IPT_ACCEPT_CHAIN "\n", NULL, IPT_OF_LEAVES, of, \
	  .leaf = ipt_text_drop_leaf }, \
	{ "COMMIT\n" }, \
	{ NULL } \
}

static const struct ipt_text_step
	remove_filter[] = REMOVE_FILTER(IPT_ACCEPT),
	remove_filter6[] = REMOVE_FILTER(IPT_ACCEPT6);

static const struct ipt_text_step remove_nat[] = {
	{ NAT_CHAINS, NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_declare_leaf },
	{ NULL, NULL, IPT_OF_OLD_JUMPS, IPT_DNAT },
	{ "-X " IPT_DNAT_CHAIN "\n-X " IPT_SNAT_CHAIN "\n", NULL,
	  IPT_OF_LEAVES, IPT_DNAT, .leaf = ipt_text_drop_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_drop_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

const struct ipt_text_step *const ipt_steps_remove[IPT_TABLES] = {
	[IPT_FILTER] = remove_filter, [IPT_NAT] = remove_nat,
	[IPT_FILTER6] = remove_filter6,
};

/* ---- a batch ------------------------------------------------------- */

#define APPLY_FILTER(of) { \
	{ "*filter\n", NULL, IPT_OF_LEAVES, of, \
	  .leaf = ipt_text_make_leaf }, \
	{ NULL, NULL, IPT_OF_OPS, of }, \
	{ NULL, NULL, IPT_OF_LEAVES, of, .leaf = ipt_text_unmake_leaf }, \
	{ "COMMIT\n" }, \
	{ NULL } \
}

static const struct ipt_text_step
	apply_filter[] = APPLY_FILTER(IPT_ACCEPT),
	apply_filter6[] = APPLY_FILTER(IPT_ACCEPT6);

static const struct ipt_text_step apply_nat[] = {
	{ "*nat\n", NULL, IPT_OF_LEAVES, IPT_DNAT,
	  .leaf = ipt_text_make_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_make_leaf },
	{ NULL, NULL, IPT_OF_OPS, IPT_DNAT, .wants = has_no_remote_port },
	{ NULL, NULL, IPT_OF_OPS, IPT_DNAT, .wants = has_remote_port },
	{ NULL, NULL, IPT_OF_OPS, IPT_SNAT },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_DNAT, .leaf = ipt_text_unmake_leaf },
	{ NULL, NULL, IPT_OF_LEAVES, IPT_SNAT, .leaf = ipt_text_unmake_leaf },
	{ "COMMIT\n" },
	{ NULL }
};

const struct ipt_text_step *const ipt_steps_apply[IPT_TABLES] = {
	[IPT_FILTER] = apply_filter, [IPT_NAT] = apply_nat,
	[IPT_FILTER6] = apply_filter6,
};
