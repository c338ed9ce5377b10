/* SPDX-License-Identifier: ISC */
/*
 * nl_list.c - dumps of nf_tables, message by message. Nothing is kept but
 * names, handles and sums.
 *
 * Never does: change anything.
 * Invariant: no attribute is read before its length was checked.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "natfw/nl_list.h"
#include "natfw/nl_rule.h"

/* The table, by its name: in what is told of chains, sets, rules. */
#define ATTR_TABLE	NFTA_CHAIN_TABLE

/* ---- attributes ---------------------------------------------------- */

static struct str text_of(const struct rtattr *a)
{
	return (struct str){ (const char *)(a + 1), RTA_PAYLOAD(a) };
}

static unsigned type_of(const struct rtattr *a)
{
	return a->rta_type & NLA_TYPE_MASK;
}

static struct nl_span span_of(struct str s)
{
	return (struct nl_span){ s.p, s.n };
}

/* The first attribute @type, without what is behind a NUL where it is a
 * name; nothing when there is none. */
static struct str get(struct nl_span s, unsigned type)
{
	const struct rtattr *a;

	while ((a = netlink_next_attr(&s)))
		if (type_of(a) == type)
			return text_of(a);
	return (struct str){ NULL, 0 };
}

static struct str get_name(struct nl_span s, unsigned type)
{
	struct str name = get(s, type);

	if (name.n && !name.p[name.n - 1])
		name.n--;
	return name;
}

static struct nl_span get_nest(struct nl_span s, unsigned type)
{
	return span_of(get(s, type));
}

static bool get_u32(struct nl_span s, unsigned type, uint32_t *ret)
{
	struct str v = get(s, type);

	if (v.n != sizeof(*ret))
		return false;
	memcpy(ret, v.p, sizeof(*ret));
	*ret = be32toh(*ret);
	return true;
}

static bool get_u64(struct nl_span s, unsigned type, uint64_t *ret)
{
	struct str v = get(s, type);

	if (v.n != sizeof(*ret))
		return false;
	memcpy(ret, v.p, sizeof(*ret));
	*ret = be64toh(*ret);
	return true;
}

/* The attributes of a message of nf_tables; none when it is another. */
static struct nl_span attrs_of(const struct nlmsghdr *h, int type)
{
	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type))
		return (struct nl_span){ NULL, 0 };
	return netlink_attrs(h, sizeof(struct nfgenmsg));
}

static int dump(struct nl_sock *s, const struct nfnl_query *q, nl_fn fn,
		void *arg)
{
	struct nfnl_query patient = *q;

	patient.rules = s->rules;
	return nfnl_dump(s->fd, ++s->seq, &patient, fn, arg);
}

/* ---- finding places ------------------------------------------------ */

/* The table that a message is about, whatever else it tells. */
static bool take_table(const struct nlmsghdr *h, struct nl_span s,
		       struct nft_place *at)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	const char *family = about ? nfnl_family_name(about->nfgen_family) :
				     NULL;

	memset(at, 0, sizeof(*at));
	return family &&
	       str_copy(at->family, sizeof(at->family), str_z(family)) &&
	       nft_take_name(at->table, sizeof(at->table),
			     get_name(s, ATTR_TABLE));
}

static void find_chain(void *arg, const struct nlmsghdr *h)
{
	struct nft_search *search = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWCHAIN);
	struct nl_span hook = get_nest(s, NFTA_CHAIN_HOOK);
	uint32_t number, priority;
	struct nft_place at;

	if (!take_table(h, s, &at) ||
	    !nft_take_name(at.chain, sizeof(at.chain),
			   get_name(s, NFTA_CHAIN_NAME)))
		return;
	nft_search_chain(search, &at);
	if (str_eq(get_name(s, NFTA_CHAIN_TYPE), STR("filter")) &&
	    get_u32(hook, NFTA_HOOK_HOOKNUM, &number) &&
	    number == NF_INET_FORWARD &&
	    get_u32(hook, NFTA_HOOK_PRIORITY, &priority))
		nft_search_filter(search, &at, (int32_t)priority);
}

int nl_find(struct nl_sock *sock, const struct natfw_env *env,
	    struct nft_places *ret)
{
	const struct nfnl_query q = { .type = NFT_MSG_GETCHAIN };
	struct nft_search search;
	int rc, tries = NL_TRIES;

	do {
		rc = nft_search_begin(&search, env, ret);
		if (!rc)
			rc = dump(sock, &q, find_chain, &search);
	} while (rc == -EINTR && --tries);
	return rc;
}

/* ---- our own table ------------------------------------------------- */

/* What is looked at of each kind of thing; the rest, such as how many use it,
 * changes without its changing. */
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

static bool is_own(struct nl_span s, const struct nfgenmsg *about)
{
	return about && about->nfgen_family == nfnl_family(nft_own.family) &&
	       str_eq(get_name(s, ATTR_TABLE), str_z(nft_own.table));
}

static void look_own(void *arg, const struct nlmsghdr *h)
{
	struct nl_look *look = arg;
	const struct kind *kind = &kinds[look->p];
	struct nl_span s = attrs_of(h, kind->new);
	uint64_t hash = BACKEND_HASH;
	const uint8_t *attr;

	if (!is_own(s, netlink_body(h, sizeof(struct nfgenmsg))))
		return;
	for (attr = kind->attr; *attr; attr++)
		hash = backend_hash(hash, get(s, *attr));
	backend_count(&look->own, hash);
}

int nl_look_own(struct nl_sock *sock, struct nl_look *look)
{
	struct nfnl_query q = { 0, nft_own.family, nft_own.table, NULL };
	int rc = 0;

	for (look->p = 0; look->p < sizeof(kinds) / sizeof(*kinds);
	     look->p++) {
		q.type = kinds[look->p].get;
		rc = dump(sock, &q, look_own, look);
		if (rc && rc != -ENOENT)
			break;
		rc = 0;
	}
	return rc;
}

/* ---- foreign tables ------------------------------------------------ */

static bool looks_up_accept(struct nl_span list)
{
	const struct rtattr *a;
	struct nl_span e;

	while ((a = netlink_next_attr(&list))) {
		e = span_of(text_of(a));
		if (str_eq(get_name(e, NFTA_EXPR_NAME), STR("lookup")) &&
		    str_eq(get_name(get_nest(e, NFTA_EXPR_DATA),
				    NFTA_LOOKUP_SET), STR(NFT_ACCEPT_SET)))
			return true;
	}
	return false;
}

/* Kernels of old pass over the chain that was asked for. */
static void look_rule(void *arg, const struct nlmsghdr *h)
{
	const struct str comment = { NL_COMMENT, sizeof(NL_COMMENT) };
	struct nl_look *look = arg;
	const struct nft_place *at = &look->places->at[look->p];
	struct nl_span s = attrs_of(h, NFT_MSG_NEWRULE);
	size_t *n = &look->old_n[look->p];

	if (!str_eq(get_name(s, NFTA_RULE_TABLE), str_z(at->table)) ||
	    !str_eq(get_name(s, NFTA_RULE_CHAIN), str_z(at->chain)) ||
	    !str_eq(get(s, NFTA_RULE_USERDATA), comment) ||
	    !looks_up_accept(get_nest(s, NFTA_RULE_EXPRESSIONS)))
		return;
	if (*n < NFT_OLD_MAX &&
	    get_u64(s, NFTA_RULE_HANDLE, &look->old[look->p][*n]))
		(*n)++;
}

static void look_set(void *arg, const struct nlmsghdr *h)
{
	struct nl_look *look = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWSET);

	if (str_eq(get_name(s, NFTA_SET_TABLE),
		   str_z(look->places->at[look->p].table)) &&
	    str_eq(get_name(s, NFTA_SET_NAME), STR(NFT_ACCEPT_SET)))
		look->set[look->p] = true;
}

int nl_look_places(struct nl_sock *sock, struct nl_look *look)
{
	const struct nft_places *places = look->places;
	int rc = 0;

	for (look->p = 0; !rc && look->p < places->n; look->p++) {
		const struct nft_place *at = &places->at[look->p];
		const struct nfnl_query rules = {
			NFT_MSG_GETRULE, at->family, at->table, at->chain
		};
		const struct nfnl_query sets = {
			NFT_MSG_GETSET, at->family, at->table, NULL
		};

		rc = dump(sock, &rules, look_rule, look);
		if (!rc)
			rc = dump(sock, &sets, look_set, look);
	}
	return rc;
}

/* ---- elements ------------------------------------------------------ */

static uint64_t hash_set(const struct nfnl_set *set)
{
	uint64_t h = backend_hash(BACKEND_HASH, str_z(set->family));

	return backend_hash(backend_hash(h, str_z(set->table)),
			    str_z(set->name));
}

static struct str bytes_of(const struct nfnl_value *v)
{
	return (struct str){ (const char *)v->bytes, v->n };
}

uint64_t nl_hash_element(const struct nfnl_set *set,
			 const struct nfnl_value *key,
			 const struct nfnl_value *data)
{
	uint64_t h = backend_hash(hash_set(set), bytes_of(key));

	return backend_hash(h, bytes_of(data));
}

static void look_elements(void *arg, const struct nlmsghdr *h)
{
	struct nl_look *look = arg;
	struct nl_span list = get_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS), e;
	const struct rtattr *a;
	uint64_t hash;

	while ((a = netlink_next_attr(&list))) {
		e = span_of(text_of(a));
		hash = backend_hash(look->hash,
				    get(get_nest(e, NFTA_SET_ELEM_KEY),
					NFTA_DATA_VALUE));
		hash = backend_hash(hash,
				    get(get_nest(e, NFTA_SET_ELEM_DATA),
					NFTA_DATA_VALUE));
		backend_count(&look->elements, hash);
	}
}

int nl_look_elements(struct nl_sock *sock, struct nl_look *look,
		     const struct nfnl_set *set)
{
	const struct nfnl_query q = {
		NFT_MSG_GETSETELEM, set->family, set->table, set->name
	};

	look->hash = hash_set(set);
	return dump(sock, &q, look_elements, look);
}

/* ---- counters ------------------------------------------------------ */

struct counting {
	nl_count_fn fn;
	void *arg;
};

/* client . protocol . port, each in four bytes */
static bool take_key(struct str key, struct nl_count *ret)
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

static bool take_count(struct nl_span e, struct nl_count *ret)
{
	struct nl_span expr = get_nest(e, NFTA_SET_ELEM_EXPR), data;

	data = get_nest(expr, NFTA_EXPR_DATA);
	return str_eq(get_name(expr, NFTA_EXPR_NAME), STR("counter")) &&
	       get_u64(data, NFTA_COUNTER_PACKETS, &ret->packets) &&
	       get_u64(data, NFTA_COUNTER_BYTES, &ret->bytes) &&
	       take_key(get(get_nest(e, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE),
			ret);
}

static void count_elements(void *arg, const struct nlmsghdr *h)
{
	const struct counting *to = arg;
	struct nl_span list = get_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct rtattr *a;
	struct nl_count c;

	while ((a = netlink_next_attr(&list)))
		if (take_count(span_of(text_of(a)), &c))
			to->fn(to->arg, &c);
}

/* Where our set stands: in the first such table, as any packet passes all. */
struct whose {
	struct nft_place at;
	bool found;
};

static void find_set(void *arg, const struct nlmsghdr *h)
{
	struct whose *whose = arg;
	struct nl_span s = attrs_of(h, NFT_MSG_NEWSET);

	if (!whose->found &&
	    str_eq(get_name(s, NFTA_SET_NAME), STR(NFT_ACCEPT_SET)))
		whose->found = take_table(h, s, &whose->at);
}

int nl_counts(struct nl_sock *sock, nl_count_fn fn, void *arg)
{
	const struct nfnl_query sets = { .type = NFT_MSG_GETSET };
	struct whose whose = { .found = false };
	struct counting to = { fn, arg };
	int rc = dump(sock, &sets, find_set, &whose);

	if (rc || !whose.found)
		return rc ? rc : -ENOENT;
	return dump(sock, &(struct nfnl_query){
		NFT_MSG_GETSETELEM, whose.at.family, whose.at.table,
		NFT_ACCEPT_SET }, count_elements, &to);
}
