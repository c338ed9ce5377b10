/* SPDX-License-Identifier: ISC */
/*
 * nl_list.c - reads dumps of nf_tables, message by message. It keeps only sums.
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
#include "natfw/nlattr.h"

/* The name of the table, in messages about tables, chains, sets and rules. */
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

/* ---- our own table ------------------------------------------------- */

/* The attributes of each kind that are compared. The others, such as the number
 * of users, change while the thing itself does not. */
static const struct kind {
	int get, new;
	uint8_t attr[7];
} kinds[] = {
	/* the kernel calls no chain of a table with the flag dormant */
	{ NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE,
	  { NFTA_TABLE_NAME, NFTA_TABLE_FLAGS } },
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
	const struct kind *kind = &kinds[scan->kind];
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct nl_span s = attrs_of(h, kind->new);
	uint64_t hash = HASH_BEGIN;
	const uint8_t *attr;

	if (!about || about->nfgen_family != nfnl_family(scan->table->family) ||
	    !str_eq(nlattr_name(s, ATTR_TABLE), str_z(scan->table->name)))
		return;
	for (attr = kind->attr; *attr; attr++)
		hash = backend_hash(hash, nlattr_get(s, *attr));
	backend_count(&scan->own, hash);
}

int nl_list_own(struct nl_list_sock *sock, const struct nl_table *table,
		struct nl_list_scan *scan)
{
	struct nfnl_query q = { 0, table->family, table->name };
	int rc = 0, one;

	scan->table = table;
	for (scan->kind = 0; scan->kind < sizeof(kinds) / sizeof(*kinds);
	     scan->kind++) {
		q.type = kinds[scan->kind].get;
		one = dump(sock, &q, scan_own, scan);
		if (one == -EINTR)
			rc = one;
		else if (one && one != -ENOENT)
			return one;
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

static bool read_counter(struct nl_span e, struct nl_list_count *ret)
{
	struct nl_span expr = nlattr_nest(e, NFTA_SET_ELEM_EXPR), data;

	data = nlattr_nest(expr, NFTA_EXPR_DATA);
	return str_eq(nlattr_name(expr, NFTA_EXPR_NAME), STR("counter")) &&
	       nlattr_u64(data, NFTA_COUNTER_PACKETS, &ret->packets) &&
	       nlattr_u64(data, NFTA_COUNTER_BYTES, &ret->bytes);
}

static bool read_count(struct nl_span e, struct nl_list_count *ret)
{
	return read_counter(e, ret) &&
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

int nl_list_counts(struct nl_list_sock *sock, nl_list_count_fn fn, void *arg)
{
	const struct nfnl_query q = {
		NFT_MSG_GETSETELEM, nl_map_own.family, nl_map_own.name,
		NL_MAP_COUNT_SET
	};
	struct counting to = { fn, arg };

	return dump(sock, &q, count_elements, &to);
}

/* ---- pinholes ------------------------------------------------------ */

static bool is_own6(const struct nlmsghdr *h, struct nl_span s)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));

	return about && about->nfgen_family == NFPROTO_IPV6 &&
	       str_eq(nlattr_name(s, ATTR_TABLE), str_z(nl_map_own6.name));
}

static void see_table(void *arg, const struct nlmsghdr *h)
{
	struct nl_list_own6 *ret = arg;

	struct nl_span s = attrs_of(h, NFT_MSG_NEWTABLE);
	uint32_t flags = 0;

	if (!is_own6(h, s))
		return;
	nlattr_u32(s, NFTA_TABLE_FLAGS, &flags);
	ret->exists = true;
	ret->strange |= flags != 0;
}

static void see_set(void *arg, const struct nlmsghdr *h)
{
	struct nl_span s = attrs_of(h, NFT_MSG_NEWSET);
	const struct nl_map *map = &nl_map_table[NL_MAP_PINHOLE];
	struct nl_list_own6 *ret = arg;
	uint32_t key_len = 0;

	if (!is_own6(h, s))
		return;
	nlattr_u32(s, NFTA_SET_KEY_LEN, &key_len);
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++, map++) {
		if (!str_eq(nlattr_name(s, NFTA_SET_NAME), str_z(map->name)) ||
		    key_len != nl_map_len(map->key))
			continue;
		ret->sets |= (uint8_t)(1u << i);
		return;
	}
	ret->strange = true;
}

int nl_list_own6(struct nl_list_sock *sock, struct nl_list_own6 *ret)
{
	struct nfnl_query q = { NFT_MSG_GETTABLE, nl_map_own6.family };
	int rc, one;

	*ret = (struct nl_list_own6){ 0 };
	rc = dump(sock, &q, see_table, ret);
	if ((rc && rc != -EINTR) || !ret->exists)
		return rc;
	q.type = NFT_MSG_GETSET;
	q.table = nl_map_own6.name;
	one = dump(sock, &q, see_set, ret);
	return one && one != -ENOENT ? one : rc;
}

struct reading {
	const struct nl_map *map;
	void (*fn)(void *arg, const struct nat_rule *);
	void *arg;
};

static void read_pinholes(void *arg, const struct nlmsghdr *h)
{
	const struct reading *to = arg;
	struct nl_span list = nlattr_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS), e;
	const struct rtattr *a;
	struct nat_rule r;

	while ((a = netlink_next_attr(&list))) {
		e = nlattr_span(nlattr_bytes(a));
		if (nl_map_read(to->map, value_of(e, NFTA_SET_ELEM_KEY), &r))
			to->fn(to->arg, &r);
	}
}

int nl_list_pinholes(struct nl_list_sock *sock, const struct nl_map *map,
		     void (*fn)(void *arg, const struct nat_rule *), void *arg)
{
	const struct nfnl_query q = {
		NFT_MSG_GETSETELEM, nl_map_own6.family, nl_map_own6.name,
		map->name
	};
	struct reading to = { map, fn, arg };

	return dump(sock, &q, read_pinholes, &to);
}

struct packets {
	uint64_t n;
	bool known;
};

static void read_packets(void *arg, const struct nlmsghdr *h)
{
	struct nl_span list = nlattr_nest(attrs_of(h, NFT_MSG_NEWSETELEM),
				       NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct rtattr *a = netlink_next_attr(&list);
	struct packets *ret = arg;
	struct nl_list_count c;

	if (a && read_counter(nlattr_span(nlattr_bytes(a)), &c)) {
		ret->n = c.packets;
		ret->known = true;
	}
}

int nl_list_packets(struct nl_list_sock *sock, const struct nat_rule *r,
		    uint64_t *ret)
{
	const struct nl_map *map =
		&nl_map_table[NL_MAP_PINHOLE + nl_map_pinhole(r)];
	const struct nfnl_set set = { nl_map_own6.family, nl_map_own6.name,
				      map->name };
	const struct nfnl_value key = nl_map_key(map, NULL, r);
	struct packets got = { 0 };
	int rc = nfnl_get(sock->fd, ++sock->seq, &set, &key, read_packets,
			  &got);

	if (rc)
		return rc;
	if (!got.known)
		return -EOPNOTSUPP;
	*ret = got.n;
	return 0;
}
