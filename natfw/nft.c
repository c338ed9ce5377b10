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
 * and upnpd_accept, and one leads (table_leader()): the client's own traffic
 * leaves with its external port.
 *
 * Every change is one transaction: of elements alone, straight to the kernel;
 * otherwise, or where that fails, one `nft -f -`.
 *
 * Never touches: tables, chains, rules and sets of others; chains that the
 * iptables command keeps, which it could no longer read with our rules in them.
 */
#include <errno.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/nft_change.h"
#include "natfw/nft_list.h"
#include "natfw/nft_map.h"
#include "natfw/nft_rule.h"
#include "natfw/table.h"

/* In fw->scratch. */
struct nft_state {
	struct nft_places places;	/* at the last sync */
	struct backend_tally chains;	/* our own two, first seen after it */
	int sock;			/* to the kernel, or -errno */
	uint32_t seq;			/* of the last batch sent there */
};

static struct nft_state *nft_state(struct natfw *fw)
{
	_Static_assert(sizeof(struct nft_state) <= sizeof(fw->scratch),
		       "scratch is too small");

	return (struct nft_state *)fw->scratch;
}

/* ---- input for nft ------------------------------------------------- */

struct nft_text {
	struct natfw *fw;
	const struct nft_look *look;	/* our old rules in foreign chains */
	const struct nat_rule *rule;
	const struct nft_batch *batch;	/* instead of rule */
	size_t n;			/* rules or ops */
	size_t i;
	struct wr *w;			/* of a batch: its piece in hand */
	size_t step;			/* of sync: STEP_CLEAN and so on */
	bool plain;			/* no counters */
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

/* An nft that knows no counters in sets, or finds a set there that has none,
 * refuses the first try; what it refuses for another reason it does twice. */
static int nft_run_counting(struct natfw *fw, struct nft_text *t,
			    bool (*piece)(void *, struct wr *))
{
	struct nft_text again = *t;
	int rc = nft_run(fw, t, piece);

	again.plain = true;
	return rc == -EIO ? nft_run(fw, &again, piece) : rc;
}

/* ---- sync ---------------------------------------------------------- */

/*
 * Steps: cleaning, each map of our table, each place. The first map begins
 * with the table, a place with its rules.
 */
enum {
	STEP_CLEAN,
	STEP_MAPS,
	STEP_PLACES = STEP_MAPS + NFT_OWN_MAPS,
};

static size_t nft_steps(const struct nft_places *places)
{
	return STEP_PLACES + places->n;
}

/* What to fill in which table in step @step; false: nothing. */
static bool nft_step(const struct nft_places *places, size_t step,
		     const struct nft_map **ret_map,
		     const struct nft_place **ret_at)
{
	if (step == STEP_CLEAN)
		return false;
	if (step < STEP_PLACES) {
		*ret_map = &nft_maps[step - STEP_MAPS];
		*ret_at = &nft_own;
		return true;
	}
	*ret_map = &nft_maps[NFT_ACCEPT];
	*ret_at = &places->at[step - STEP_PLACES];
	return nft_has_set(places, step - STEP_PLACES);
}

static void nft_sync_head(const struct nft_text *t, struct wr *w)
{
	const struct nft_place *at = t->look->places->at;

	if (t->step == STEP_CLEAN)
		nft_put_clean(w, t->look, true, !t->plain);
	else if (t->step == STEP_MAPS)
		nft_put_table(w, &t->fw->env);
	else if (t->step >= STEP_PLACES && at[t->step - STEP_PLACES].wanted)
		nft_put_accept(w, &at[t->step - STEP_PLACES]);
}

static void nft_sync_element(struct nft_text *t, struct wr *w,
			     const struct nat_rule *r)
{
	const struct nft_place *at;
	const struct nft_map *map;

	if (!nft_step(t->look->places, t->step, &map, &at) ||
	    !map->has(t->fw, r))
		return;
	if (!t->listing)
		wr_fmt(w, "add element %s %s %s {\n", at->family, at->table,
		       map->name);
	t->listing = true;
	nft_put_element(w, map, &t->fw->env, r);
	wr_z(w, ",\n");
}

/* A step is its head, its elements, its end. */
static bool nft_sync_piece(void *arg, struct wr *w)
{
	struct nft_text *t = arg;

	if (t->step == nft_steps(t->look->places))
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
	struct nft_look look = { .places = &st->places };
	struct nft_text t = { .fw = fw, .look = &look, .rule = rule, .n = n };
	int rc;

	rc = nft_find(fw, &fw->env, &st->places);
	if (!rc && !nft_found(fw, &st->places))
		rc = -EIO;
	if (!rc)
		rc = nft_look_chains(fw, &look);
	if (!rc)
		rc = nft_run_counting(fw, &t, nft_sync_piece);
	st->chains = (struct backend_tally){ 0 };
	return rc;
}

/* ---- apply --------------------------------------------------------- */

/* What goes straight to the kernel. */
struct nft_kernel {
	const struct natfw_env *env;
	struct nfnl_batch batch;
};

static void nft_change_batch(void *arg, const struct nft_change *c)
{
	struct nft_kernel *to = arg;
	const struct nfnl_set set = {
		c->at->family, c->at->table, c->map->name
	};
	const struct nfnl_value key = nft_key(c->map, to->env, c->rule);
	const struct nfnl_value value = nft_value(c->map, to->env, c->rule);

	nfnl_elem(&to->batch, c->verb, &set, &key,
		  c->verb == NFNL_ADD && value.n ? &value : NULL);
}

static int nft_apply_kernel(struct nft_state *st, const struct nft_batch *b)
{
	/* no more of it is touched than is filled */
	uint32_t room[NFNL_BATCH_BYTES / sizeof(uint32_t)];
	struct nft_kernel to = { .env = &b->fw->env };
	size_t i;

	nfnl_begin(&to.batch, room, sizeof(room), st->seq + 1);
	for (i = 0; i < b->n; i++)
		nft_changes(b, i, nft_change_batch, &to);
	st->seq = to.batch.m.seq;
	return nfnl_commit(&to.batch, st->sock);
}

static void nft_change_text(void *arg, const struct nft_change *c)
{
	struct nft_text *t = arg;
	bool add = c->verb == NFNL_ADD;

	wr_fmt(t->w, "%s element %s %s %s { ", add ? "add" : "delete",
	       c->at->family, c->at->table, c->map->name);
	(add ? nft_put_element : nft_put_key)(t->w, c->map, &t->fw->env,
					      c->rule);
	wr_z(t->w, " }\n");
}

static bool nft_apply_piece(void *arg, struct wr *w)
{
	struct nft_text *t = arg;

	if (t->i == t->n)
		return false;
	t->w = w;
	nft_changes(t->batch, t->i++, nft_change_text, t);
	return true;
}

/*
 * What the kernel did not take changed nothing. nft takes longer batches, and
 * says why it fails. Should the kernel have done it without our hearing so, nft
 * fails over what is done already, and natfw.c puts things right by a sync.
 */
static int nft_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct nft_state *st = nft_state(fw);
	const struct nft_batch batch = { fw, &st->places, op, n };
	struct nft_text t = { .fw = fw, .batch = &batch, .n = n };

	if (!nft_apply_kernel(st, &batch))
		return 0;
	return nft_run(fw, &t, nft_apply_piece);
}

/* ---- verify -------------------------------------------------------- */

static void nft_expect(struct backend_tally *tally, uint64_t set,
		       const struct nft_map *map, const struct natfw_env *env,
		       const struct nat_rule *r)
{
	char buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	nft_put_element(&w, map, env, r);
	backend_count(tally, backend_hash_words(set, wr_done(&w)));
}

static struct backend_tally nft_expected(struct natfw *fw,
					 const struct nat_rule *rule, size_t n)
{
	const struct nft_places *places = &nft_state(fw)->places;
	struct backend_tally tally = { 0 };
	const struct nft_place *at;
	const struct nft_map *map;
	size_t step, i;
	uint64_t set;

	for (step = 0; step < nft_steps(places); step++) {
		if (!nft_step(places, step, &map, &at))
			continue;
		set = nft_hash_set(at, map->name);
		for (i = 0; i < n; i++)
			if (map->has(fw, &rule[i]))
				nft_expect(&tally, set, map, &fw->env,
					   &rule[i]);
	}
	return tally;
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

	for (p = 0; p < look->places->n; p++)
		if (look->old_n[p] != (look->places->at[p].wanted ? 2 : 0))
			return false;
	return true;
}

static int nft_look_all(struct natfw *fw, struct nft_look *look)
{
	int rc;

	rc = nft_look_own(fw, look);
	if (!rc)
		rc = nft_look_chains(fw, look);
	return rc ? rc : nft_look_sets(fw, look);
}

static int nft_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct nft_places now;
	struct nft_look look = { .places = &now };
	int rc;

	rc = nft_find(fw, &fw->env, &now);
	if (rc)
		return rc;
	if (!nft_same_places(&nft_state(fw)->places, &now))
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
	int rc;

	nft_state(fw)->sock = nfnl_open();
	rc = nft_look_own(fw, NULL);
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
	nft_put_clean(w, t->look, false, !t->plain);
	return true;
}

/* Two transactions: if the foreign part fails, ours still goes. */
static void nft_close(struct natfw *fw)
{
	struct nft_places places;
	struct nft_look look = { .places = &places };
	struct nft_text own = { .fw = fw };
	struct nft_text foreign = { .fw = fw, .look = &look };

	if (nft_state(fw)->sock >= 0)
		close(nft_state(fw)->sock);
	nft_state(fw)->sock = -EBADF;
	nft_run(fw, &own, nft_close_own);
	if (!nft_find(fw, &fw->env, &places) && !nft_look_chains(fw, &look))
		nft_run_counting(fw, &foreign, nft_close_foreign);
}

static bool nft_governs(void)
{
	struct nft_places found;

	return !nft_find(NULL, NULL, &found) && found.n;
}

const struct natfw_backend natfw_nft = {
	.name = "nft",
	.usable = nft_usable,
	.open = nft_open,
	.apply = nft_apply,
	.sync = nft_sync,
	.verify = nft_verify,
	.close = nft_close,
	.commits = 1,
	.governs = nft_governs,
};
