/* SPDX-License-Identifier: ISC */
/*
 * nft.c - mappings as elements of nft maps: what a packet or a change costs
 * does not grow with their number.
 *
 *   table ip upnpd   maps  forward_to    proto . port -> client . port
 *                          forward_from  the same, for one remote host
 *                          leave_as      client . proto . port -> ext . port
 *                    and the two nat chains that look into them
 *   in each foreign forward chain: two rules at its head that accept what was
 *   forwarded to, or comes back from, the sockets in the set upnpd_accept,
 *   which stands in the same table
 *
 * The accept must stand there because an accept in one table does not overrule
 * a drop in another. The set is keyed by what a packet has after DNAT: nft can
 * not put the original port of a flow (ct original proto-dst) into a key.
 *
 * Several mappings may lead to one socket. They share its elements in leave_as
 * and upnpd_accept, and the one that was set last leads: the client's own
 * traffic leaves with its external port.
 *
 * Every change is one `nft -f -`, which is one transaction. Never touches:
 * tables, chains, rules and sets of others; chains that the iptables command
 * keeps, which it could no longer read with our rules in them.
 */
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/nft_list.h"
#include "natfw/nft_map.h"

/* ---- input for nft ------------------------------------------------- */

struct nft_text {
	struct natfw *fw;
	const struct nft_look *look;	/* our old rules in foreign chains */
	const struct nat_rule *rule;
	const struct nat_op *op;	/* instead of rule */
	size_t n;			/* rules or ops */
	size_t i;
	size_t step;			/* of sync: a map, then a place */
	bool listing;			/* a list of elements has begun */
};

static int nft_run(struct natfw *fw, struct nft_text *t,
		   bool (*piece)(void *, struct wr *))
{
	static const char *const argv[] = { "nft", "-f", "-", NULL };
	struct backend_run run = {
		.argv = argv,
		.piece = piece,
		.arg = t,
		.rules = t->n + fw->rule_n,
	};

	return backend_run(fw, &run);
}

static const struct nft_place own_place = { .family = "ip", .table = "upnpd" };

static void nft_put_old(struct wr *w, const struct nft_text *t)
{
	const struct nft_look *look = t->look;
	size_t p, k;

	for (p = 0; p < look->place_n; p++)
		for (k = 0; k < look->old_n[p]; k++)
			wr_fmt(w, "delete rule %s %s %s handle %llu\n",
			       look->place[p].family, look->place[p].table,
			       look->place[p].chain,
			       (unsigned long long)look->old[p][k]);
}

/* Did rules of ours stand in the table of place @p? */
static bool nft_table_old(const struct nft_look *look, size_t p)
{
	size_t q;

	for (q = 0; q < look->place_n; q++)
		if (look->old_n[q] &&
		    nft_same_table(&look->place[q], &look->place[p]))
			return true;
	return false;
}

/* Our rules out of all foreign chains, and our sets empty or, where they are
 * not needed (or @keep is not set), gone. */
static void nft_put_clean(struct wr *w, const struct nft_text *t, bool keep)
{
	const struct nft_state *st = nft_state(t->fw);
	size_t p;

	nft_put_old(w, t);
	for (p = 0; p < st->place_n; p++) {
		const struct nft_place *at = &st->place[p];
		bool wanted = nft_has_set(st, p);

		if (!nft_first_of_table(st, p) ||
		    (!wanted && !nft_table_old(t->look, p)))
			continue;
		wr_fmt(w, "add set %s %s upnpd_accept { type ipv4_addr"
		       " . inet_proto . inet_service; }\n%s set %s %s"
		       " upnpd_accept\n", at->family, at->table,
		       keep && wanted ? "flush" : "delete", at->family,
		       at->table);
	}
}

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

static void nft_put_forward(struct wr *w, const struct natfw_env *env)
{
	size_t i;

	wr_fmt(w, RULE_PRE "iifname \"%s\" ip daddr %s dnat ip addr . port to"
	       " ip saddr . " BY_PORT "@forward_from\n",
	       env->ext_if, backend_ip(env->ext_ip).z);
	wr_fmt(w, RULE_PRE "iifname { \"%s\"", env->ext_if);
	for (i = 0; env->hairpin && i < env->net_n; i++)
		wr_fmt(w, ", \"%s\"", env->net[i].ifname);
	wr_fmt(w, " } ip daddr %s dnat ip addr . port to " BY_PORT
	       "@forward_to\n", backend_ip(env->ext_ip).z);
	wr_fmt(w, RULE_POST "oifname \"%s\" snat ip addr . port to"
	       " ip saddr . meta l4proto . th sport map @leave_as\n",
	       env->ext_if);
}

/* A client that asks for its own network's mapped service must be answered
 * through the router, which translated the request. */
static void nft_put_hairpin(struct wr *w, const struct natfw_env *env,
			    const struct natfw_net *net)
{
	wr_fmt(w, RULE_POST "oifname \"%s\" ip saddr %s ip daddr %s"
	       " ct status dnat ct original ip daddr %s masquerade\n",
	       net->ifname, backend_net(net).z, backend_net(net).z,
	       backend_ip(env->ext_ip).z);
}

static void nft_put_skeleton(struct wr *w, const struct natfw_env *env)
{
	size_t i;

	wr_z(w, skeleton);
	if (env->ext_ip)
		nft_put_forward(w, env);
	for (i = 0; i < env->net_n; i++) {
		if (!env->net[i].ip)
			continue;
		if (env->ext_ip && env->hairpin)
			nft_put_hairpin(w, env, &env->net[i]);
		if (env->masquerade)
			wr_fmt(w, RULE_POST "oifname \"%s\" ip saddr %s"
			       " masquerade\n", env->ext_if,
			       backend_net(&env->net[i]).z);
	}
}

/* ---- sync ---------------------------------------------------------- */

/* What to fill in which table in step @step; false: nothing. */
static bool nft_step(const struct nft_state *st, size_t step,
		     const struct nft_map **ret_map,
		     const struct nft_place **ret_place)
{
	if (step < ACCEPT) {
		*ret_map = &maps[step];
		*ret_place = &own_place;
		return true;
	}
	*ret_map = &maps[ACCEPT];
	*ret_place = &st->place[step - ACCEPT];
	return nft_has_set(st, step - ACCEPT);
}

static void nft_put_accept(struct wr *w, const struct nft_place *at)
{
	wr_fmt(w, "insert rule %s %s %s ct status dnat"
	       " ip saddr . meta l4proto . th sport " ACCEPT_RULE "\n",
	       at->family, at->table, at->chain);
	wr_fmt(w, "insert rule %s %s %s ct status dnat"
	       " ip daddr . meta l4proto . th dport " ACCEPT_RULE "\n",
	       at->family, at->table, at->chain);
}

static void nft_sync_head(struct nft_text *t, struct wr *w)
{
	const struct nft_state *st = nft_state(t->fw);

	if (t->step == 0) {
		nft_put_clean(w, t, true);
		nft_put_skeleton(w, &t->fw->env);
	} else if (t->step >= ACCEPT && st->place[t->step - ACCEPT].wanted) {
		nft_put_accept(w, &st->place[t->step - ACCEPT]);
	}
}

static void nft_sync_element(struct nft_text *t, struct wr *w,
			     const struct nat_rule *r)
{
	const struct nft_place *at;
	const struct nft_map *map;

	if (!nft_step(nft_state(t->fw), t->step, &map, &at) ||
	    !map->has(t->fw, r))
		return;
	if (!t->listing)
		wr_fmt(w, "add element %s %s %s {\n", at->family, at->table,
		       map->name);
	t->listing = true;
	nft_put_element(w, t->fw, map, r);
	wr_z(w, ",\n");
}

/* A step is its head, its elements, its end. */
static bool nft_sync_piece(void *arg, struct wr *w)
{
	struct nft_text *t = arg;

	if (t->step == ACCEPT + nft_state(t->fw)->place_n)
		return false;
	if (t->i == 0) {
		nft_sync_head(t, w);
	} else if (t->i <= t->n) {
		nft_sync_element(t, w, &t->rule[t->i - 1]);
	} else {
		if (t->listing)
			wr_z(w, "}\n");
		t->listing = false;
		t->step++;
		t->i = 0;
		return true;
	}
	t->i++;
	return true;
}

static int nft_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct nft_state *st = nft_state(fw);
	struct nft_look look = { 0 };
	struct nft_text t = { .fw = fw, .look = &look, .rule = rule, .n = n };
	int rc;

	rc = nft_find(fw, &fw->env, st);
	if (!rc && !nft_found(fw, st))
		rc = -EIO;
	if (!rc)
		rc = nft_look_places(fw, st, &look);
	if (!rc)
		rc = nft_run(fw, &t, nft_sync_piece);
	st->chains = (struct backend_tally){ 0 };
	return rc;
}

/* ---- apply --------------------------------------------------------- */

static void nft_put_add(struct wr *w, const struct natfw *fw,
			const struct nft_place *at, const struct nft_map *map,
			const struct nat_rule *r)
{
	wr_fmt(w, "add element %s %s %s { ", at->family, at->table, map->name);
	nft_put_element(w, fw, map, r);
	wr_z(w, " }\n");
}

static void nft_put_delete(struct wr *w, const struct nft_place *at,
			   const struct nft_map *map, const struct nat_rule *r)
{
	wr_fmt(w, "delete element %s %s %s { ", at->family, at->table,
	       map->name);
	map->key(w, r);
	wr_z(w, " }\n");
}

/* Has an op before this one, or the other half of it, seen to the socket? */
static bool nft_socket_done(const struct nft_text *t,
			    const struct nat_rule *like)
{
	const struct nat_rule *old, *new;
	size_t i;

	for (i = 0; i < t->i; i++) {
		old = natfw_at_key(t->fw, &t->op[i].rule);
		if (old && old != like && natfw_same_socket(old, like))
			return true;
		if (old == like)
			return false;
		new = &t->op[i].rule;
		if (t->op[i].verb != NAT_SET)
			continue;
		if (new == like)
			return false;
		if (natfw_same_socket(new, like))
			return true;
	}
	return false;
}

static bool nft_is_touched(const struct nft_text *t, const struct nat_rule *r)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (nat_rule_same_key(&t->op[i].rule, r))
			return true;
	return false;
}

/* Who leads the socket when all ops are done. */
static const struct nat_rule *nft_leader_after(const struct nft_text *t,
					       const struct nat_rule *like)
{
	const struct nat_rule *r;
	size_t i;

	for (i = t->n; i-- > 0;)
		if (t->op[i].verb == NAT_SET &&
		    natfw_same_socket(&t->op[i].rule, like))
			return &t->op[i].rule;
	r = natfw_chain(t->fw, NATFW_BY_SOCKET, like);
	while (r && !(natfw_same_socket(r, like) && !nft_is_touched(t, r)))
		r = natfw_chain_next(t->fw, NATFW_BY_SOCKET, r);
	return r;
}

/* Bring the elements that a socket's rules share from before to after. */
static void nft_put_socket(const struct nft_text *t, struct wr *w,
			   const struct nat_rule *like)
{
	const struct nft_state *st = nft_state(t->fw);
	const struct nat_rule *before, *after;
	size_t p;

	if (nft_socket_done(t, like))
		return;
	before = nft_leader(t->fw, like);
	after = nft_leader_after(t, like);
	if (before && after && before->ext_port == after->ext_port)
		return;
	if (before)
		nft_put_delete(w, &own_place, &maps[LEAVE_AS], before);
	if (after)
		nft_put_add(w, t->fw, &own_place, &maps[LEAVE_AS], after);
	for (p = 0; p < st->place_n && !(before && after); p++) {
		if (!nft_has_set(st, p))
			continue;
		if (before)
			nft_put_delete(w, &st->place[p], &maps[ACCEPT], before);
		else
			nft_put_add(w, t->fw, &st->place[p], &maps[ACCEPT],
				    after);
	}
}

static bool nft_apply_piece(void *arg, struct wr *w)
{
	struct nft_text *t = arg;
	const struct nat_rule *old, *new;

	if (t->i == t->n)
		return false;
	new = &t->op[t->i].rule;
	old = natfw_at_key(t->fw, new);
	if (t->op[t->i++].verb != NAT_SET)
		new = NULL;
	if (old)
		nft_put_delete(w, &own_place, nft_forward(old), old);
	if (new)
		nft_put_add(w, t->fw, &own_place, nft_forward(new), new);
	if (old)
		nft_put_socket(t, w, old);
	if (new)
		nft_put_socket(t, w, new);
	return true;
}

static int nft_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct nft_text t = { .fw = fw, .op = op, .n = n };

	return nft_run(fw, &t, nft_apply_piece);
}

/* ---- verify -------------------------------------------------------- */

static struct backend_tally nft_expected(struct natfw *fw,
					 const struct nat_rule *rule, size_t n)
{
	const struct nft_state *st = nft_state(fw);
	struct backend_tally tally = { 0 };
	const struct nft_place *at;
	const struct nft_map *map;
	char buf[128];
	struct wr w;
	size_t step, i;
	uint64_t set;

	for (step = 0; step < ACCEPT + st->place_n; step++) {
		if (!nft_step(st, step, &map, &at))
			continue;
		set = nft_hash_set(str_z(at->family), str_z(at->table),
				   str_z(map->name));
		for (i = 0; i < n; i++) {
			if (!map->has(fw, &rule[i]))
				continue;
			w = wr_init(buf, sizeof(buf));
			nft_put_element(&w, fw, map, &rule[i]);
			backend_count(&tally,
				      backend_hash_words(set, wr_done(&w)));
		}
	}
	return tally;
}

/* How many lines our two chains have: the hooks, and nft_put_skeleton(). */
static size_t nft_chain_lines(const struct natfw_env *env)
{
	size_t n = env->ext_ip ? 2 + 3 : 2, i;

	for (i = 0; i < env->net_n; i++)
		if (env->net[i].ip)
			n += env->masquerade + (env->ext_ip && env->hairpin);
	return n;
}

/*
 * Each version of nft prints rules its own way, so they are compared with how
 * they looked the first time after a sync, and then only their number is
 * known. Looking right after the sync would cost a second with a big table.
 */
static bool nft_chains_right(struct natfw *fw, const struct nft_look *look)
{
	struct nft_state *st = nft_state(fw);

	if (!st->chains.n && look->chains.n == nft_chain_lines(&fw->env))
		st->chains = look->chains;
	return backend_same(look->chains, st->chains);
}

/* Exactly two rules in each wanted place, none in the others. */
static bool nft_places_right(const struct nft_look *look)
{
	size_t p;

	for (p = 0; p < look->place_n; p++)
		if (look->old_n[p] != (look->place[p].wanted ? 2 : 0))
			return false;
	return true;
}

static bool nft_same_places(const struct nft_state *a,
			    const struct nft_state *b)
{
	return a->place_n == b->place_n &&
	       !memcmp(a->place, b->place, a->place_n * sizeof(*a->place));
}

static int nft_look_all(struct natfw *fw, struct nft_look *look)
{
	static const struct nft_query own = { "table", "ip", "upnpd", NULL };
	struct nft_state *st = nft_state(fw);
	size_t p;
	int rc;

	rc = nft_list(fw, &own, nft_look_line, look);
	if (!rc)
		rc = nft_look_places(fw, st, look);
	for (p = 0; !rc && p < st->place_n; p++) {
		const struct nft_query q = {
			"set", st->place[p].family, st->place[p].table,
			"upnpd_accept"
		};

		if (nft_has_set(st, p))
			rc = nft_list(fw, &q, nft_look_line, look);
	}
	return rc;
}

static int nft_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct nft_state *st = nft_state(fw), now;
	struct nft_look look = { 0 };
	int rc;

	rc = nft_find(fw, &fw->env, &now);
	if (rc)
		return rc;
	if (!nft_same_places(st, &now))
		return 1;
	rc = nft_look_all(fw, &look);
	if (rc == -EIO)
		return 1;	/* something is not there to be listed */
	if (rc)
		return rc;
	return !nft_places_right(&look) ||
	       !nft_chains_right(fw, &look) ||
	       !backend_same(look.elements, nft_expected(fw, rule, n));
}

/* ---- open and close ------------------------------------------------ */

static bool nft_usable(const struct natfw_env *env)
{
	return proc_exists("nft");
}

/* A table that a killed monitor left goes on working until the first sync, so
 * that its death costs no connection. */
static int nft_open(struct natfw *fw, const struct natfw_env *env)
{
	static const struct nft_query own = { "table", "ip", "upnpd", NULL };
	int rc;

	rc = nft_list(fw, &own, NULL, NULL);
	if (rc == -EIO)
		return nft_sync(fw, NULL, 0);
	if (!rc)
		fw->dirty = true;
	return rc;
}

static bool nft_close_own(void *arg, struct wr *w)
{
	struct nft_text *t = arg;

	if (t->i++)
		return false;
	wr_z(w, "add table ip upnpd\ndelete table ip upnpd\n");
	return true;
}

static bool nft_close_foreign(void *arg, struct wr *w)
{
	struct nft_text *t = arg;

	if (t->i++)
		return false;
	nft_put_clean(w, t, false);
	return true;
}

/* Two transactions: if the foreign part fails, ours still goes. */
static void nft_close(struct natfw *fw)
{
	struct nft_look look = { 0 };
	struct nft_text own = { .fw = fw }, foreign = { .fw = fw };

	foreign.look = &look;
	nft_run(fw, &own, nft_close_own);
	if (nft_find(fw, &fw->env, nft_state(fw)) ||
	    nft_look_places(fw, nft_state(fw), &look))
		return;
	nft_run(fw, &foreign, nft_close_foreign);
}

static bool nft_governs(void)
{
	static const struct natfw_env any;
	struct nft_state found;

	return !nft_find(NULL, &any, &found) && found.place_n;
}

const struct natfw_backend natfw_nft = {
	.name = "nft",
	.usable = nft_usable,
	.open = nft_open,
	.apply = nft_apply,
	.sync = nft_sync,
	.verify = nft_verify,
	.close = nft_close,
	.governs = nft_governs,
};
