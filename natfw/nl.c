/* SPDX-License-Identifier: ISC */
/*
 * nl.c - the backend netlink: mappings as elements of nf_tables maps, so that
 * the cost of a packet or of a change does not grow with their number. It talks
 * to the kernel directly, so the router needs no tool.
 *
 *   table ip upnpd   maps  forward_to    proto . port -> client . port
 *                          forward_from  the same, for one remote host
 *                          leave_as      client . proto . port -> ext . port
 *                    and the two nat chains that look them up
 *   in each foreign forward chain: two rules at its head that accept packets to
 *   and from the sockets in the set upnpd_accept, which is in the same table as
 *   the chain.
 *
 * The accept must be in the foreign chain because an accept in one table does
 * not override a drop in another. The set's key is what a packet has after
 * DNAT, because the original port of a flow (ct original proto-dst) cannot be
 * part of a key.
 *
 * Several mappings may lead to one socket. They share its elements in leave_as
 * and upnpd_accept. One of them is the leader (table_leader()): the client's
 * own traffic leaves with its external port.
 *
 * Every change is one transaction, in one message to the kernel, and the answer
 * is in the socket when send() returns. A sync replaces our table within its
 * transaction, so a mapping that stays is never missing. `nft list
 * ruleset` shows the table as if nft had made it.
 *
 * Each element of the set upnpd_accept counts what is forwarded to and from its
 * socket. This costs a packet only the counting, because the accept looks the
 * element up anyway. A nat map's element cannot count, because nat sees only
 * the first packet of a flow. Where nothing filters there is no set, and
 * nothing is counted.
 *
 * Owns: the socket, room for the longest batch.
 * Never does: run a tool; wait for an answer; touch tables, chains, rules and
 * sets of others. It does not touch the chains of the iptables command either,
 * because that command could no longer read a chain with our rules in it.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include "base/wr.h"
#include "base/mem.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/nl_change.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"
#include "natfw/nl_list.h"
#include "natfw/nl_rule.h"

/* Bytes for a rule's elements, rounded up: 36 in a forward map, 40 in leave_as,
 * 24 in each set of NL_PLACES_MAX. ROOM_REST: for the rules of our table, up to
 * 964 KB, because hairpin has a rule for each pair of networks; or for the
 * changes of a batch of NAT_BATCH_MAX, two messages of about a hundred bytes
 * for each element. */
#define ROOM_RULE	192
#define ROOM_REST	(1 << 20)

/* The state behind natfw's own: one memory mapping, of which only the touched
 * pages take memory. */
struct nl {
	struct nl_places places;	/* at the last sync */
	struct backend_tally own;	/* our table right after the sync */
	struct nl_list_sock sock;
	size_t cap;			/* of room, in bytes */
	uint32_t room[];		/* the current batch */
};

/* ---- errors -------------------------------------------------------- */

/* The message of the batch in which the kernel found the fault, or NULL. */
static const struct nlmsghdr *failed_message(const struct nfnl_batch *b)
{
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;

	while (b->fault && (h = netlink_next_msg(&s)))
		if (h->nlmsg_seq == b->fault)
			return h;
	return NULL;
}

static const struct {
	uint16_t type;
	const char *what;
} actions[] = {
	{ NFT_MSG_NEWTABLE, "making the table" },
	{ NFT_MSG_DELTABLE, "deleting the table" },
	{ NFT_MSG_NEWCHAIN, "making a chain" },
	{ NFT_MSG_NEWSET, "making a set" },
	{ NFT_MSG_DELSET, "deleting a set" },
	{ NFT_MSG_NEWRULE, "making a rule" },
	{ NFT_MSG_DELRULE, "deleting a rule" },
	{ NFT_MSG_NEWSETELEM, "adding elements" },
	{ NFT_MSG_DELSETELEM, "deleting elements" },
};

static const char *action_of(const struct nlmsghdr *h)
{
	for (size_t i = 0; h && i < sizeof(actions) / sizeof(*actions); i++)
		if ((h->nlmsg_type & 0xff) == actions[i].type)
			return actions[i].what;
	return "a transaction";
}

static bool is_missing(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT;
}

/* Return: @err, but -EIO instead of -ENOENT. natfw.c takes -ENOENT for a
 * missing tool and then does not sync at once, but this backend needs no
 * tool. */
static int set_why(struct natfw *fw, int err, const char *what,
		   const char *module)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

	wr_fmt(&w, "netlink: %s: %s", what, strerror(-err));
	if (module)
		wr_fmt(&w, "; is the kernel without %s?", module);
	else if (err == -EPERM)
		wr_z(&w, "; CAP_NET_ADMIN is needed");
	wr_cstr(&w);
	return err == -ENOENT ? -EIO : err;
}

static int set_batch_why(struct natfw *fw, const struct nfnl_batch *b, int err)
{
	const struct nlmsghdr *h = failed_message(b);

	return set_why(fw, err, action_of(h), h && is_missing(err) ?
		       nl_rule_module(h, b->fault_at) : NULL);
}

/* ---- the socket ---------------------------------------------------- */

/* @fw->own is NULL if there was no memory at the open. */
static int open_sock(struct natfw *fw)
{
	struct nl *st = fw->own;
	int size;

	if (!st)
		return set_why(fw, -ENOMEM, "room for a batch", NULL);
	st->sock.rules = (uint32_t)fw->mappings.rule_n;
	if (st->sock.fd >= 0)
		return 0;
	st->sock.fd = nfnl_open();
	if (st->sock.fd < 0)
		return set_why(fw, st->sock.fd, "opening the socket",
			       "nfnetlink");
	size = (int)st->cap;	/* let it take the longest batch */
	setsockopt(st->sock.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		   sizeof(size));
	return 0;
}

static void close_sock(struct nl *st)
{
	if (st->sock.fd >= 0)
		close(st->sock.fd);
	st->sock.fd = -EBADF;
}

/* The rest of a failed dump may still be in the socket, and the next request
 * must not read it as its answer. */
static int dump_failed(struct natfw *fw, int err)
{
	close_sock(fw->own);
	return set_why(fw, err, "listing",
		       is_missing(err) ? "nf_tables" : NULL);
}

static void begin(struct nl *st, struct nfnl_batch *b)
{
	nfnl_begin(b, st->room, st->cap, st->sock.seq + 1);
}

static int commit(struct nl *st, struct nfnl_batch *b)
{
	int rc = nfnl_commit(b, st->sock.fd);

	st->sock.seq = b->m.seq;
	return rc;
}

/* A long batch, such as a sync's, has touched megabytes. Free them. */
static void release_pages(struct nl *st, const struct nfnl_batch *b)
{
	if (b->m.len > ROOM_REST / 16)
		mem_release(st->room, st->cap);
}

/* ---- which elements ------------------------------------------------ */

/* Get set number @k: the maps of our table come first, then our set in each
 * place that has one. Return: false if there is none */
static bool set_at(const struct nl_places *places, size_t k,
		   const struct nl_map **ret_map, struct nfnl_set *ret)
{
	const struct nl_place *at = &nl_place_own;

	*ret_map = &nl_map_table[k < NL_MAP_OWN_N ? k : NL_MAP_ACCEPT];
	if (k >= NL_MAP_OWN_N) {
		if (!nl_place_has_set(places, k - NL_MAP_OWN_N))
			return false;
		at = &places->at[k - NL_MAP_OWN_N];
	}
	*ret = (struct nfnl_set){ at->family, at->table, (*ret_map)->name };
	return true;
}

static size_t set_n(const struct nl_places *places)
{
	return NL_MAP_OWN_N + places->n;
}

typedef void (*element_fn)(void *arg, const struct nfnl_set *,
			   const struct nfnl_value *key,
			   const struct nfnl_value *value);

/* Call @fn for each element that should exist, set by set. */
static void each_element(struct natfw *fw, const struct nat_rule *rule,
			size_t n, element_fn fn, void *arg)
{
	const struct nl *st = fw->own;
	const struct nl_places *places = &st->places;
	const struct nl_map *map;
	struct nfnl_value key, value;
	struct nfnl_set set;

	for (size_t k = 0; k < set_n(places); k++) {
		if (!set_at(places, k, &map, &set))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!map->has(fw, &rule[i]))
				continue;
			key = nl_map_key(map, &fw->env, &rule[i]);
			value = nl_map_value(map, &fw->env, &rule[i]);
			fn(arg, &set, &key, &value);
		}
	}
}

/* ---- sync ---------------------------------------------------------- */

static void put_clean(struct nfnl_batch *b, const struct nl_list_scan *scan)
{
	const struct nl_places *places = scan->places;

	for (size_t p = 0; p < places->n; p++)
		for (size_t i = 0; i < scan->old_n[p]; i++)
			nl_rule_delete(b, &places->at[p], scan->old[p][i]);
	for (size_t p = 0; p < places->n; p++)
		if (nl_place_is_first(places, p) && scan->set[p])
			nl_rule_delete_set(b, &places->at[p]);
}

/* @set: its names live until the commit */
static void put_element(void *batch, const struct nfnl_set *set,
			const struct nfnl_value *key,
			const struct nfnl_value *value)
{
	nfnl_elem(batch, NFNL_ADD, set, key, value->n ? value : NULL);
}

static int replace(struct natfw *fw, const struct nl_list_scan *scan,
		   const struct nat_rule *rule, size_t n, bool count)
{
	struct nl *st = fw->own;
	const struct nl_places *places = &st->places;
	struct nfnl_batch b;
	int rc;

	begin(st, &b);
	put_clean(&b, scan);
	nl_rule_put_table(&b, &fw->env);
	for (size_t p = 0; p < places->n; p++)
		if (nl_place_has_set(places, p))
			nl_rule_put_set(&b, &places->at[p], count);
	for (size_t p = 0; p < places->n; p++)
		if (places->at[p].wanted)
			nl_rule_put_accept(&b, &places->at[p]);
	each_element(fw, rule, n, put_element, &b);
	rc = commit(st, &b);
	if (rc)
		rc = count && is_missing(rc) ? rc : set_batch_why(fw, &b, rc);
	release_pages(st, &b);
	return rc;
}

/* Record our table as it is now, for verify to compare. */
static int record_own(struct natfw *fw)
{
	struct nl *st = fw->own;
	struct nl_list_scan scan = { .places = &st->places };
	int rc = nl_list_own(&st->sock, &scan);

	st->own = scan.own;
	return rc ? dump_failed(fw, rc) : 0;
}

static int nl_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct nl *st = fw->own;
	struct nl_list_scan scan = { 0 };
	int rc = open_sock(fw);

	if (rc)
		return rc;
	scan.places = &st->places;
	rc = nl_list_places(&st->sock, &fw->env, &st->places);
	if (!rc && !nl_place_found(fw, &st->places))
		return -EIO;
	if (!rc)
		rc = nl_list_foreign(&st->sock, &scan);
	if (rc)
		return dump_failed(fw, rc);
	rc = replace(fw, &scan, rule, n, true);
	if (is_missing(rc))	/* nft_counter may be missing */
		rc = replace(fw, &scan, rule, n, false);
	return rc ? rc : record_own(fw);
}

/* ---- apply --------------------------------------------------------- */

struct changes {
	const struct natfw_env *env;
	struct nfnl_batch b;
};

static void put_change(void *arg, const struct nl_change *c)
{
	struct changes *to = arg;
	const struct nfnl_set set = {
		c->at->family, c->at->table, c->map->name
	};
	const struct nfnl_value key = nl_map_key(c->map, to->env, c->rule);
	const struct nfnl_value value = nl_map_value(c->map, to->env, c->rule);

	nfnl_elem(&to->b, c->verb, &set, &key,
		  c->verb == NFNL_ADD && value.n ? &value : NULL);
}

static int nl_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	struct nl *st = fw->own;
	struct nl_change_batch batch = { fw, NULL, op, n };
	struct changes to = { .env = &fw->env };
	int rc = open_sock(fw);

	if (rc)
		return rc;
	batch.places = &st->places;
	begin(st, &to.b);
	for (size_t i = 0; i < n; i++)
		nl_change_each(&batch, i, put_change, &to);
	rc = commit(st, &to.b);
	if (rc)
		rc = set_batch_why(fw, &to.b, rc);
	release_pages(st, &to.b);
	return rc;
}

/* ---- verify -------------------------------------------------------- */

static void count_wanted(void *tally, const struct nfnl_set *set,
		   const struct nfnl_value *key,
		   const struct nfnl_value *value)
{
	backend_count(tally, nl_list_hash(set, key, value));
}

static bool elements_right(struct natfw *fw, const struct nl_list_scan *scan,
			   const struct nat_rule *rule, size_t n)
{
	struct backend_tally want = { 0 };

	each_element(fw, rule, n, count_wanted, &want);
	return backend_same(scan->elements, want);
}

static int scan_all(struct natfw *fw, struct nl_list_scan *scan)
{
	struct nl *st = fw->own;
	struct nl_list_sock *sock = &st->sock;
	const struct nl_map *map;
	struct nfnl_set set;
	int rc = nl_list_own(sock, scan);

	if (!rc)
		rc = nl_list_foreign(sock, scan);
	for (size_t k = 0; !rc && k < set_n(scan->places); k++)
		if (set_at(scan->places, k, &map, &set))
			rc = nl_list_elements(sock, scan, &set);
	return rc;
}

/* Are there exactly two rules in each wanted place and none in the others? */
static bool places_right(const struct nl_list_scan *scan)
{
	for (size_t p = 0; p < scan->places->n; p++)
		if (scan->old_n[p] != (scan->places->at[p].wanted ? 2 : 0))
			return false;
	return true;
}

static int nl_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	struct nl *st = fw->own;
	struct nl_places now;
	struct nl_list_scan scan = { .places = &now };
	int rc = open_sock(fw), tries = NL_TRIES;

	if (rc)
		return rc;
	do {
		scan = (struct nl_list_scan){ .places = &now };
		rc = nl_list_places(&st->sock, &fw->env, &now);
		if (rc || !nl_place_same_all(&st->places, &now))
			break;
		rc = scan_all(fw, &scan);
	} while (rc == -EINTR && --tries);
	if (rc == -ENOENT)
		return 1;	/* a table or a set is missing */
	if (rc)
		return dump_failed(fw, rc);
	return !nl_place_same_all(&st->places, &now) || !places_right(&scan) ||
	       !backend_same(scan.own, st->own) ||
	       !elements_right(fw, &scan, rule, n);
}

/* ---- open and close ------------------------------------------------ */

/* List the places. Return: does the kernel have nf_tables, and may we read? */
static bool list_places(struct nl_places *ret)
{
	struct nl_list_sock sock = { .fd = nfnl_open() };
	int rc;

	if (sock.fd < 0)
		return false;
	rc = nl_list_places(&sock, NULL, ret);
	close(sock.fd);
	return !rc;
}

static bool nl_usable(const struct natfw_env *env)
{
	struct nl_places found;

	return list_places(&found);
}

static bool nl_governs(void)
{
	struct nl_places found;

	return list_places(&found) && found.n;
}

static size_t size_of(size_t cap)
{
	return offsetof(struct nl, room) + cap;
}

/* Make room for the longest batch of a table of @rule_max rules. Return: NULL
 * if there is no memory */
static struct nl *alloc(size_t rule_max)
{
	const size_t cap = ROOM_REST + rule_max * ROOM_RULE;
	struct nl *st = mmap(NULL, size_of(cap), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	if (st == MAP_FAILED)
		return NULL;
	st->cap = cap;
	st->sock.fd = -EBADF;
	return st;
}

/* A table that a killed monitor left keeps working until the first sync, so
 * that its death costs no connection. */
static int nl_open_backend(struct natfw *fw, const struct natfw_env *env)
{
	struct nl_list_scan scan = { 0 };
	struct nl *st;
	int rc;

	fw->own = st = alloc(fw->mappings.rule_max);
	rc = open_sock(fw);
	if (rc)
		return rc;
	scan.places = &st->places;
	rc = nl_list_own(&st->sock, &scan);
	if (rc)
		return dump_failed(fw, rc);
	if (!scan.own.n)
		return nl_sync(fw, NULL, 0);
	fw->dirty = true;
	return 0;
}

/* Two transactions: if the foreign part fails, ours is still removed. */
static void nl_close(struct natfw *fw)
{
	struct nl *st = fw->own;
	struct nl_places places;
	struct nl_list_scan scan = { .places = &places };
	struct nfnl_batch b;

	if (!st)
		return;
	if (!open_sock(fw)) {
		begin(st, &b);
		nl_rule_delete_table(&b);
		commit(st, &b);
		if (!nl_list_places(&st->sock, &fw->env, &places) &&
		    !nl_list_foreign(&st->sock, &scan)) {
			begin(st, &b);
			put_clean(&b, &scan);
			commit(st, &b);
		}
	}
	close_sock(st);
	munmap(st, size_of(st->cap));
	fw->own = NULL;
}

const struct natfw_backend natfw_netlink = {
	.name = "netlink",
	.usable = nl_usable,
	.open = nl_open_backend,
	.apply = nl_apply,
	.sync = nl_sync,
	.verify = nl_verify,
	.close = nl_close,
	.commits = 1,
	.governs = nl_governs,
};
