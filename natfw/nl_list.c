/* SPDX-License-Identifier: ISC */
/*
 * nl_list.c - reads dumps of nf_tables, message by message. It keeps only
 * names, handles and sums.
 *
 * Never does: change anything.
 * Invariant: no attribute is read before its length was checked.
 * Runs in: any
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "natfw/nl_list.h"
#include "base/hash.h"
#include "natfw/nl_rule.h"
#include "natfw/nlattr.h"

/* The name of the table, in messages about chains, sets and rules. */
#define ATTR_TABLE	NFTA_CHAIN_TABLE

/* The attributes of an nf_tables message; none if it is of another type. */
static struct nl_span attrs_of(const struct nlmsghdr *h, int type)
{
	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type))
		return (struct nl_span){ NULL, 0 };
	return netlink_attrs(h, sizeof(struct nfgenmsg));
}

static int dump(struct nl_list_sock *s, const struct nfnl_query *q, nl_fn fn,
		void *arg)
{
	struct nfnl_query timed = *q;

	timed.rules = s->rules;
	return nfnl_dump(s->fd, ++s->seq, &timed, fn, arg);
}

/* ---- finding places ------------------------------------------------ */

/* The table that a message is about. */
static bool read_table(const struct nlmsghdr *h, struct nl_span s,
		       struct nl_place *at)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	const char *family = about ? nfnl_family_name(about->nfgen_family) :
				     NULL;

	memset(at, 0, sizeof(*at));
	return family &&
	       str_copy(at->family, sizeof(at->family), str_z(family)) &&
	       nl_place_copy_name(at->table, sizeof(at->table),
				  nlattr_name(s, ATTR_TABLE));
}

static void find_chain(void *arg, const struct nlmsghdr *h)
{
	struct nl_place_search *search = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWCHAIN);
	struct nl_span hook = nlattr_nest(s, NFTA_CHAIN_HOOK);
	uint32_t number, priority;
	struct nl_place at;

	if (!read_table(h, s, &at) ||
	    !nl_place_copy_name(at.chain, sizeof(at.chain),
				nlattr_name(s, NFTA_CHAIN_NAME)))
		return;
	nl_place_add_chain(search, &at);
	if (str_eq(nlattr_name(s, NFTA_CHAIN_TYPE), STR("filter")) &&
	    nlattr_u32(hook, NFTA_HOOK_HOOKNUM, &number) &&
	    number == NF_INET_FORWARD &&
	    nlattr_u32(hook, NFTA_HOOK_PRIORITY, &priority))
		nl_place_add_filter(search, &at, (int32_t)priority);
}

int nl_list_places(struct nl_list_sock *sock, const struct natfw_env *env,
		   struct nl_places *ret)
{
	const struct nfnl_query q = { .type = NFT_MSG_GETCHAIN };
	struct nl_place_search search;
	int rc, tries = NL_TRIES;

	do {
		rc = nl_place_search_begin(&search, env, ret);
		if (!rc)
			rc = dump(sock, &q, find_chain, &search);
	} while (rc == -EINTR && --tries);
	return rc;
}

/* ---- our own table ------------------------------------------------- */

/* The attributes of each kind that are compared. The others, such as the number
 * of users, change while the thing itself does not. */
static const struct kind {
	int get, new;
	uint8_t attr[7];
} kinds[] = {
	{ NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN,
	  { NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY,
	    NFTA_CHAIN_TYPE } },
	{ NFT_MSG_GETSET, NFT_MSG_NEWSET,
	  { NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,
	    NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN } },
	{ NFT_MSG_GETRULE, NFT_MSG_NEWRULE,
	  { NFTA_RULE_CHAIN, NFTA_RULE_HANDLE, NFTA_RULE_EXPRESSIONS } },
};

static void scan_own(void *arg, const struct nlmsghdr *h)
{
	struct nl_list_scan *scan = arg;
	const struct kind *kind = &kinds[scan->p];
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct nl_span s = attrs_of(h, kind->new);
	uint64_t hash = HASH_BEGIN;
	const uint8_t *attr;

	if (!about || about->nfgen_family != nfnl_family(nl_place_own.family) ||
	    !str_eq(nlattr_name(s, ATTR_TABLE), str_z(nl_place_own.table)))
		return;
	for (attr = kind->attr; *attr; attr++)
		hash = backend_hash(hash, nlattr_get(s, *attr));
	backend_count(&scan->own, hash);
}

int nl_list_own(struct nl_list_sock *sock, struct nl_list_scan *scan)
{
	struct nfnl_query q = { 0, nl_place_own.family, nl_place_own.table };
	int rc = 0;

	for (scan->p = 0; scan->p < sizeof(kinds) / sizeof(*kinds);
	     scan->p++) {
		q.type = kinds[scan->p].get;
		rc = dump(sock, &q, scan_own, scan);
		if (rc && rc != -ENOENT)
			break;
		rc = 0;
	}
	return rc;
}

/* ---- foreign tables ------------------------------------------------ */

static bool uses_accept_set(struct nl_span list)
{
	const struct rtattr *a;
	struct nl_span e;

	while ((a = netlink_next_attr(&list))) {
		e = nlattr_span(nlattr_bytes(a));
		if (str_eq(nlattr_name(e, NFTA_EXPR_NAME), STR("lookup")) &&
		    str_eq(nlattr_name(nlattr_nest(e, NFTA_EXPR_DATA),
				    NFTA_LOOKUP_SET), STR(NL_PLACE_SET)))
			return true;
	}
	return false;
}

/* Old kernels list all rules, not only those of the requested chain. */
static void scan_rule(void *arg, const struct nlmsghdr *h)
{
	const struct str comment = { NL_RULE_COMMENT, sizeof(NL_RULE_COMMENT) };
	struct nl_list_scan *scan = arg;
	const struct nl_place *at = &scan->places->at[scan->p];
	struct nl_span s = attrs_of(h, NFT_MSG_NEWRULE);
	size_t *n = &scan->old_n[scan->p];

	if (!str_eq(nlattr_name(s, NFTA_RULE_TABLE), str_z(at->table)) ||
	    !str_eq(nlattr_name(s, NFTA_RULE_CHAIN), str_z(at->chain)) ||
	    !str_eq(nlattr_get(s, NFTA_RULE_USERDATA), comment) ||
	    !uses_accept_set(nlattr_nest(s, NFTA_RULE_EXPRESSIONS)))
		return;
	if (*n < NL_PLACE_RULES_MAX &&
	    nlattr_u64(s, NFTA_RULE_HANDLE, &scan->old[scan->p][*n]))
		(*n)++;
}

static void scan_set(void *arg, const struct nlmsghdr *h)
{
	struct nl_list_scan *scan = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWSET);

	if (str_eq(nlattr_name(s, NFTA_SET_TABLE),
		   str_z(scan->places->at[scan->p].table)) &&
	    str_eq(nlattr_name(s, NFTA_SET_NAME), STR(NL_PLACE_SET)))
		scan->set[scan->p] = true;
}

int nl_list_foreign(struct nl_list_sock *sock, struct nl_list_scan *scan)
{
	const struct nl_places *places = scan->places;
	int rc = 0;

	for (scan->p = 0; !rc && scan->p < places->n; scan->p++) {
		const struct nl_place *at = &places->at[scan->p];
		const struct nfnl_query rules = {
			NFT_MSG_GETRULE, at->family, at->table, at->chain
		};
		const struct nfnl_query sets = {
			NFT_MSG_GETSET, at->family, at->table, NULL
		};

		rc = dump(sock, &rules, scan_rule, scan);
		if (!rc)
			rc = dump(sock, &sets, scan_set, scan);
	}
	return rc;
}

/* ---- elements ------------------------------------------------------ */

static uint64_t hash_set(const struct nfnl_set *set)
{
	uint64_t h = backend_hash(HASH_BEGIN, str_z(set->family));

	return backend_hash(backend_hash(h, str_z(set->table)),
			    str_z(set->name));
}

static struct str bytes_of(const struct nfnl_value *v)
{
	return (struct str){ (const char *)v->bytes, v->n };
}

uint64_t nl_list_hash(const struct nfnl_set *set, const struct nfnl_value *key,
		      const struct nfnl_value *data)
{
	uint64_t h = backend_hash(hash_set(set), bytes_of(key));

	return backend_hash(h, bytes_of(data));
}

/* The bytes of a key or of a map's data. */
static struct str value_of(struct nl_span e, unsigned type)
{
	return nlattr_get(nlattr_nest(e, type), NFTA_DATA_VALUE);
}

static void scan_elements(void *arg, const struct nlmsghdr *h)
{
	struct nl_list_scan *scan = arg;
	struct nl_span list = nlattr_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS), e;
	const struct rtattr *a;
	uint64_t hash;

	while ((a = netlink_next_attr(&list))) {
		e = nlattr_span(nlattr_bytes(a));
		hash = backend_hash(scan->hash, value_of(e, NFTA_SET_ELEM_KEY));
		hash = backend_hash(hash, value_of(e, NFTA_SET_ELEM_DATA));
		backend_count(&scan->elements, hash);
	}
}

int nl_list_elements(struct nl_list_sock *sock, struct nl_list_scan *scan,
		     const struct nfnl_set *set)
{
	const struct nfnl_query q = {
		NFT_MSG_GETSETELEM, set->family, set->table, set->name
	};

	scan->hash = hash_set(set);
	return dump(sock, &q, scan_elements, scan);
}

/* ---- counters ------------------------------------------------------ */

struct counting {
	nl_list_count_fn fn;
	void *arg;
};

/* client . protocol . port, each in four bytes */
static bool read_key(struct str key, struct nl_list_count *ret)
{
	uint32_t ip;
	uint16_t port;

	if (key.n != 12)
		return false;
	memcpy(&ip, key.p, sizeof(ip));
	memcpy(&port, key.p + 8, sizeof(port));
	ret->client = be32toh(ip);
	ret->proto = (uint8_t)key.p[4];
	ret->port = be16toh(port);
	return true;
}

static bool read_count(struct nl_span e, struct nl_list_count *ret)
{
	struct nl_span expr = nlattr_nest(e, NFTA_SET_ELEM_EXPR), data;

	data = nlattr_nest(expr, NFTA_EXPR_DATA);
	return str_eq(nlattr_name(expr, NFTA_EXPR_NAME), STR("counter")) &&
	       nlattr_u64(data, NFTA_COUNTER_PACKETS, &ret->packets) &&
	       nlattr_u64(data, NFTA_COUNTER_BYTES, &ret->bytes) &&
	       read_key(value_of(e, NFTA_SET_ELEM_KEY), ret);
}

static void count_elements(void *arg, const struct nlmsghdr *h)
{
	const struct counting *to = arg;
	struct nl_span list = nlattr_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct rtattr *a;
	struct nl_list_count c;

	while ((a = netlink_next_attr(&list)))
		if (read_count(nlattr_span(nlattr_bytes(a)), &c))
			to->fn(to->arg, &c);
}

/* The first table with our set; one is enough, since each packet passes all. */
struct set_place {
	struct nl_place at;
	bool found;
};

static void find_set(void *arg, const struct nlmsghdr *h)
{
	struct set_place *set_place = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWSET);

	if (!set_place->found &&
	    str_eq(nlattr_name(s, NFTA_SET_NAME), STR(NL_PLACE_SET)))
		set_place->found = read_table(h, s, &set_place->at);
}

int nl_list_counts(struct nl_list_sock *sock, nl_list_count_fn fn, void *arg)
{
	const struct nfnl_query sets = { .type = NFT_MSG_GETSET };
	struct set_place set_place = { .found = false };
	struct counting to = { fn, arg };
	int rc = dump(sock, &sets, find_set, &set_place);

	if (rc || !set_place.found)
		return rc ? rc : -ENOENT;
	return dump(sock, &(struct nfnl_query){
		NFT_MSG_GETSETELEM, set_place.at.family, set_place.at.table,
		NL_PLACE_SET }, count_elements, &to);
}
