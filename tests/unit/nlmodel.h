/* SPDX-License-Identifier: ISC */
/*
 * nlmodel.h - a fake nf_tables, which replaces nfnl.c's sockets: it keeps the
 * tables, chains, sets, rules and elements that it receives, in their order,
 * and dumps them. A batch that fails changes nothing. Include it once, after
 * cmocka.h, and link with --wrap of nfnl_open, nfnl_commit, nfnl_dump,
 * nfnl_ask, nfnl_next and watch_open_all.
 */
#ifndef TESTS_UNIT_NLMODEL_H
#define TESTS_UNIT_NLMODEL_H

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw/nfnl.h"
#include "tests/unit/nldump.h"
#include "tests/unit/nltest.h"

#define NFT(what) (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_##what)
#define OBJECTS_MAX 256
#define ELEMENTS_MAX 128

/* A table, a chain, a set or a rule: the message that made it. */
struct object {
	union {
		struct nlmsghdr h;
		char bytes[1024];
	};
};

struct element {
	char set[64];		/* "ip upnpd forward_to" */
	struct nfnl_value key, data;
	uint64_t packets;	/* of a set with counters */
};

static struct model {
	struct object object[OBJECTS_MAX];
	size_t object_n;
	struct element element[ELEMENTS_MAX];
	size_t element_n;
	uint64_t handle;	/* of the last rule */
	unsigned commits;
	int open_rc, dump_rc;
	int commit_rc;		/* not 0: every batch fails with it */
	const char *owned;	/* a table that nobody else may change */
	const char *refused;	/* a table whose chains the kernel lacks */
	void (*before_commit)(void);	/* somebody changes it first, once */
	char log[4096];		/* of the last batch: its elements, as text */
} model;

int __wrap_nfnl_open(void);
int __wrap_nfnl_commit(struct nfnl_batch *, int fd);
int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *,
		    const struct nfnl_value *key, nl_fn fn, void *arg);

/* ---- reading messages -------------------------------------------------- */

/* The value of the first attribute @type; without the NUL of a name. */
static inline struct str attr(struct nl_span s, unsigned type, bool name)
{
	struct str v = { NULL, 0 };
	const struct rtattr *a;

	while (!v.p && (a = netlink_next_attr(&s)))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			v = (struct str){ (const char *)(a + 1),
					  RTA_PAYLOAD(a) };
	if (name && v.n)
		v.n--;
	return v;
}

static inline struct nl_span nest(struct nl_span s, unsigned type)
{
	struct str v = attr(s, type, false);

	return (struct nl_span){ v.p, v.n };
}

static inline struct nl_span attrs(const struct nlmsghdr *h)
{
	return netlink_attrs(h, sizeof(struct nfgenmsg));
}

struct path {
	char z[64];
};

/* "ip upnpd"; in all messages the table's name is attribute 1. */
static inline struct path table_of(const struct nlmsghdr *h)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct path ret;
	struct wr w = wr_init(ret.z, sizeof(ret.z));

	wr_fmt(&w, "%s %.*s", nfnl_family_name(about->nfgen_family),
	       STR_F(attr(attrs(h), 1, true)));
	wr_cstr(&w);
	return ret;
}

/* "ip upnpd forward_to": with the name of the set or the chain. */
static inline struct path path_of(const struct nlmsghdr *h)
{
	unsigned type = h->nlmsg_type == NFT(NEWCHAIN) ? NFTA_CHAIN_NAME : 2;
	struct path table = table_of(h), ret;
	struct wr w = wr_init(ret.z, sizeof(ret.z));

	if (h->nlmsg_type == NFT(NEWTABLE) || h->nlmsg_type == NFT(DELTABLE))
		return table;

	wr_fmt(&w, "%s %.*s", table.z, STR_F(attr(attrs(h), type, true)));
	wr_cstr(&w);
	return ret;
}

_Static_assert(NFTA_SET_NAME == 2 && NFTA_RULE_CHAIN == 2 &&
	       NFTA_SET_ELEM_LIST_SET == 2, "path_of() relies on it");

static inline bool in_table(const struct nlmsghdr *h, const char *table)
{
	return !strcmp(table_of(h).z, table);
}

static inline bool mentions(const struct nlmsghdr *h, const char *name)
{
	return memmem(h, h->nlmsg_len, name, strlen(name) + 1);
}

/* ---- the content -------------------------------------------------------- */

static inline struct object *model_object(uint16_t type, const char *path)
{
	size_t i;

	for (i = 0; i < model.object_n; i++)
		if (model.object[i].h.nlmsg_type == type &&
		    !strcmp(path_of(&model.object[i].h).z, path))
			return &model.object[i];
	return NULL;
}

/* The number of rules of this chain ("inet fw4 forward") with the name. */
static inline size_t model_rules(const char *chain, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < model.object_n; i++)
		n += model.object[i].h.nlmsg_type == NFT(NEWRULE) &&
		     !strcmp(path_of(&model.object[i].h).z, chain) &&
		     mentions(&model.object[i].h, name);
	return n;
}

static inline void model_drop(struct object *o)
{
	size_t i = (size_t)(o - model.object);

	assert_true(i < model.object_n);
	model.object_n--;
	memmove(o, o + 1, (model.object_n - i) * sizeof(*o));
}

static inline struct object *model_keep(const struct nlmsghdr *h)
{
	struct object *o = &model.object[model.object_n++];

	assert_true(model.object_n <= OBJECTS_MAX);
	assert_true(h->nlmsg_len <= sizeof(o->bytes) - 64);
	memset(o, 0, sizeof(*o));
	memcpy(o, h, h->nlmsg_len);
	/* all is dumped as of one generation */
	((struct nfgenmsg *)(o->bytes + NLMSG_HDRLEN))->res_id = 0;
	return o;
}

static inline void model_append(struct object *o, uint16_t type,
				const void *p, size_t n)
{
	const struct rtattr a = { (uint16_t)RTA_LENGTH(n), type };

	memcpy(o->bytes + o->h.nlmsg_len, &a, sizeof(a));
	memcpy(o->bytes + o->h.nlmsg_len + sizeof(a), p, n);
	o->h.nlmsg_len += RTA_SPACE(n);
}

/* The index of the rule with that handle, in that chain; else object_n. */
static inline size_t model_position(const char *chain, struct str handle)
{
	size_t i;

	for (i = 0; i < model.object_n; i++)
		if (model.object[i].h.nlmsg_type == NFT(NEWRULE) &&
		    !strcmp(path_of(&model.object[i].h).z, chain) &&
		    str_eq(attr(attrs(&model.object[i].h), NFTA_RULE_HANDLE,
				false), handle))
			break;
	return i;
}

/* The kernel lists the rule with its handle, at its place in the chain. Return:
 * 0 or -ENOENT */
static inline int model_rule(const struct nlmsghdr *h)
{
	const struct path chain = path_of(h);
	struct str before = attr(attrs(h), NFTA_RULE_POSITION, false);
	const uint64_t handle = htobe64(++model.handle);
	struct object *o, moved;
	size_t at = model.object_n, i;

	if (before.n)
		at = model_position(chain.z, before);
	else if (!(h->nlmsg_flags & NLM_F_APPEND))
		for (i = at; i-- > 0;)
			if (model.object[i].h.nlmsg_type == NFT(NEWRULE) &&
			    !strcmp(path_of(&model.object[i].h).z, chain.z))
				at = i;
	if ((before.n && at == model.object_n) ||
	    !model_object(NFT(NEWCHAIN), chain.z))
		return -ENOENT;
	o = model_keep(h);
	model_append(o, NFTA_RULE_HANDLE, &handle, sizeof(handle));
	moved = *o;
	memmove(&model.object[at + 1], &model.object[at],
		(model.object_n - 1 - at) * sizeof(*o));
	model.object[at] = moved;
	return 0;
}

static inline struct element *model_find(const char *set, struct str key)
{
	size_t i;

	for (i = 0; i < model.element_n; i++) {
		struct element *e = &model.element[i];

		if (!strcmp(e->set, set) &&
		    str_eq(key, (struct str){ (char *)e->key.bytes,
					      e->key.n }))
			return e;
	}
	return NULL;
}

static inline size_t model_count(const char *set)
{
	size_t i, n = 0;

	for (i = 0; i < model.element_n; i++)
		n += !strcmp(model.element[i].set, set);
	return n;
}

/* ---- text: "192.168.88.2 . 6 . 80" --------------------------------------- */

/* A pinhole's key, part by part: an address has 16 bytes. */
static inline void put_pinhole(struct wr *w, const char *set,
			       const struct nfnl_value *v)
{
	bool port = strstr(set, "_port"), from = strstr(set, "_from");
	bool sport = strstr(set, "_sport");
	const uint8_t *at = v->bytes;

	addr_write(w, addr_ip6(at));
	wr_fmt(w, " . %u", at[16]);
	at += 20;
	if (port) {
		wr_fmt(w, " . %u", (unsigned)(at[0] << 8 | at[1]));
		at += 4;
	}
	if (from) {
		wr_z(w, " . ");
		addr_write(w, addr_ip6(at));
		at += 16;
	}
	if (sport) {
		wr_fmt(w, " . %u", (unsigned)(at[0] << 8 | at[1]));
		at += 4;
	}
	assert_ptr_equal(at, v->bytes + v->n);
}

/* Every key and value except the keys of forward_to begins with an address,
 * followed by the protocol, except in values, and one or two ports. */
static inline void put_parts(struct wr *w, const struct nfnl_value *v, bool ip,
			     bool proto)
{
	uint32_t addr;
	uint16_t port;
	size_t at = 0;

	if (ip) {
		memcpy(&addr, v->bytes, sizeof(addr));
		addr_write(w, addr_ip4(be32toh(addr)));
		wr_z(w, " . ");
		at = 4;
	}
	if (proto) {
		wr_fmt(w, "%u . ", v->bytes[at]);
		at += 4;
	}
	assert_true(v->n - at == 4 || (proto && v->n - at == 8));
	for (size_t first = at; at < v->n; at += 4) {
		memcpy(&port, v->bytes + at, sizeof(port));
		wr_fmt(w, "%s%u", at == first ? "" : " . ", be16toh(port));
	}
}

static inline void put_element(struct wr *w, const struct element *e)
{
	wr_fmt(w, "%s { ", e->set);
	if (strstr(e->set, "upnpd_pinhole")) {
		put_pinhole(w, e->set, &e->key);
		wr_z(w, " }\n");
		return;
	}
	put_parts(w, &e->key, strcmp(e->set, "ip upnpd forward_to") != 0, true);
	if (e->data.n) {
		wr_z(w, " : ");
		put_parts(w, &e->data, true, false);
	}
	wr_z(w, " }\n");
}

/* ---- batches ------------------------------------------------------------- */

static inline struct nfnl_value value_of(struct nl_span s, unsigned type)
{
	struct str v = attr(nest(s, type), NFTA_DATA_VALUE, false);
	struct nfnl_value ret = { .n = v.n };

	assert_true(v.n <= sizeof(ret.bytes));
	if (v.n)
		memcpy(ret.bytes, v.p, v.n);
	return ret;
}

/* An existing key stays as it is, with its counter, and only our table of IPv6
 * gets one. A missing key cannot be deleted. */
static inline void model_element(const char *set, struct nl_span s, bool add,
				 struct wr *log)
{
	struct element new = { "", value_of(s, NFTA_SET_ELEM_KEY),
			       value_of(s, NFTA_SET_ELEM_DATA) }, *old;

	str_copy(new.set, sizeof(new.set), str_z(set));
	old = model_find(set, (struct str){ (char *)new.key.bytes,
					    new.key.n });
	wr_z(log, add ? "add " : "delete ");
	put_element(log, &new);
	if (add && old && !strncmp(set, "ip6 upnpd ", 10))
		return;
	if (add) {
		assert_null(old);
		assert_true(model.element_n < ELEMENTS_MAX);
		model.element[model.element_n++] = new;
	} else {
		assert_non_null(old);
		assert_int_equal(new.data.n, 0);
		*old = model.element[--model.element_n];
	}
}

static inline void model_elements(const struct nlmsghdr *h, struct wr *log)
{
	struct nl_span list = nest(attrs(h), NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct path set = path_of(h);
	const struct rtattr *a;

	assert_non_null(model_object(NFT(NEWSET), set.z));
	while ((a = netlink_next_attr(&list)))
		model_element(set.z, (struct nl_span){ (const char *)(a + 1),
						     RTA_PAYLOAD(a) },
			      h->nlmsg_type == NFT(NEWSETELEM), log);
}

/* Delete the elements of all sets whose name begins with @set. */
static inline void model_flush(const char *set)
{
	size_t i, n = 0;

	for (i = 0; i < model.element_n; i++)
		if (strncmp(model.element[i].set, set, strlen(set)))
			model.element[n++] = model.element[i];
	model.element_n = n;
}

static inline void model_flush_set(const char *set)
{
	size_t i, n = 0;

	for (i = 0; i < model.element_n; i++)
		if (strcmp(model.element[i].set, set))
			model.element[n++] = model.element[i];
	model.element_n = n;
}

static inline void model_del_table(const struct nlmsghdr *h)
{
	const struct path table = table_of(h);
	const char *name = table.z;
	char set[80];
	size_t i;

	assert_true(!strcmp(name, "ip upnpd") || !strcmp(name, "ip6 upnpd"));
	for (i = model.object_n; i-- > 0;)
		if (in_table(&model.object[i].h, name))
			model_drop(&model.object[i]);
	snprintf(set, sizeof(set), "%s ", name);
	model_flush(set);
}

/* A set that a rule uses cannot be deleted. */
static inline int model_del_set(const struct nlmsghdr *h)
{
	const struct path path = path_of(h), table = table_of(h);
	size_t i;

	const char *name = strrchr(path.z, ' ') + 1;

	assert_true(str_starts(str_z(name), STR("upnpd_accept")) ||
		    str_starts(str_z(name), STR("upnpd_pinhole")));
	if (!model_object(NFT(NEWSET), path.z))
		return -ENOENT;
	for (i = 0; i < model.object_n; i++)
		if (model.object[i].h.nlmsg_type == NFT(NEWRULE) &&
		    in_table(&model.object[i].h, table.z) &&
		    mentions(&model.object[i].h, name))
			return -EBUSY;
	model_drop(model_object(NFT(NEWSET), path.z));
	model_flush_set(path.z);
	return 0;
}

/* All rules of our chain. */
static inline int model_clear(const char *chain)
{
	assert_true(!strcmp(chain, "ip6 upnpd forward") ||
		    !strcmp(chain, "ip upnpd prerouting"));
	for (size_t i = model.object_n; i-- > 0;)
		if (model.object[i].h.nlmsg_type == NFT(NEWRULE) &&
		    !strcmp(path_of(&model.object[i].h).z, chain))
			model_drop(&model.object[i]);
	return 0;
}

/* Only a rule with upnpd's comment. */
static inline int model_del_rule(const struct nlmsghdr *h)
{
	if (!attr(attrs(h), NFTA_RULE_HANDLE, false).n)
		return model_clear(path_of(h).z);

	size_t i = model_position(path_of(h).z, attr(attrs(h),
						     NFTA_RULE_HANDLE, false));

	if (i == model.object_n)
		return -ENOENT;
	assert_true(mentions(&model.object[i].h, "\x06upnpd"));
	model_drop(&model.object[i]);
	return 0;
}

static inline int model_message(const struct nlmsghdr *h, struct wr *log)
{
	if (h->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && model.owned &&
	    in_table(h, model.owned))
		return -EPERM;
	if (h->nlmsg_type == NFT(NEWCHAIN) && model.refused &&
	    in_table(h, model.refused))
		return -ENOENT;
	switch (h->nlmsg_type) {
	case NFNL_MSG_BATCH_BEGIN:
		break;
	case NFT(NEWTABLE):
		if (!model_object(NFT(NEWTABLE), table_of(h).z))
			model_keep(h);
		break;
	case NFT(DELTABLE):
		model_del_table(h);
		break;
	case NFT(NEWSET):
		assert_null(model_object(NFT(NEWSET), path_of(h).z));
		model_keep(h);
		break;
	case NFT(NEWCHAIN):
		if (!in_table(h, "ip6 upnpd") ||
		    !model_object(NFT(NEWCHAIN), path_of(h).z))
			model_keep(h);
		break;
	case NFT(DELSET):
		return model_del_set(h);
	case NFT(NEWRULE):
		return model_rule(h);
	case NFT(DELRULE):
		return model_del_rule(h);
	case NFT(NEWSETELEM):
	case NFT(DELSETELEM):
		/* a flush */
		if (!attr(attrs(h), NFTA_SET_ELEM_LIST_ELEMENTS, false).n)
			model_flush_set(path_of(h).z);
		else
			model_elements(h, log);
		break;
	default:
		fail_msg("message 0x%x", h->nlmsg_type);
	}
	return 0;
}

int __wrap_nfnl_open(void)
{
	return model.open_rc ? model.open_rc :
	       open("/dev/null", O_RDWR | O_CLOEXEC);
}

static inline int model_batch(struct nfnl_batch *b, struct wr *log)
{
	static struct model whole;
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;
	int rc = 0;

	whole = model;
	while (!rc && (h = netlink_next_msg(&s)))
		rc = model_message(h, log);
	if (!rc) {
		assert_int_equal(s.n, 0);
		return 0;
	}
	b->fault = h->nlmsg_seq;
	model = whole;
	return rc;
}

int __wrap_nfnl_commit(struct nfnl_batch *b, int fd)
{
	void (*change)(void) = model.before_commit;
	struct wr log;
	int rc;

	if (b->list) {
		nlmsg_unnest(&b->m, b->list);
		nlmsg_close(&b->m, b->last);
	}
	assert_int_equal(b->m.err, 0);
	model.before_commit = NULL;
	if (change)
		change();
	model.commits++;
	if (model.commit_rc)
		return model.commit_rc;
	log = wr_init(model.log, sizeof(model.log));
	rc = model_batch(b, &log);
	wr_cstr(&log);
	assert_false(log.over);
	return rc;
}

/* ---- dumps --------------------------------------------------------------- */

static inline void dump_element(const struct element *e, uint8_t family,
				const struct nfnl_query *q, nl_fn fn,
				void *arg)
{
	const struct nfgenmsg about = { .nfgen_family = family };
	const uint64_t packets = htobe64(e->packets);
	uint32_t list[48];
	struct nlmsg m;
	size_t elem, value;
	struct msg whole = msg_new(NFT(NEWSETELEM), &about, sizeof(about));

	nlmsg_begin(&m, list, sizeof(list), 0);
	elem = nlmsg_nest(&m, NFTA_LIST_ELEM);
	value = nlmsg_nest(&m, NFTA_SET_ELEM_KEY);
	nlmsg_put(&m, NFTA_DATA_VALUE, e->key.bytes, e->key.n);
	nlmsg_unnest(&m, value);
	if (e->data.n) {
		value = nlmsg_nest(&m, NFTA_SET_ELEM_DATA);
		nlmsg_put(&m, NFTA_DATA_VALUE, e->data.bytes, e->data.n);
		nlmsg_unnest(&m, value);
	}
	if (!strncmp(e->set, "ip6 upnpd ", 10)) {
		size_t expr = nlmsg_nest(&m, NFTA_SET_ELEM_EXPR);

		nlmsg_name(&m, NFTA_EXPR_NAME, "counter");
		value = nlmsg_nest(&m, NFTA_EXPR_DATA);
		nlmsg_put(&m, NFTA_COUNTER_PACKETS, &packets, sizeof(packets));
		nlmsg_put(&m, NFTA_COUNTER_BYTES, &packets, sizeof(packets));
		nlmsg_unnest(&m, value);
		nlmsg_unnest(&m, expr);
	}
	nlmsg_unnest(&m, elem);
	assert_int_equal(m.err, 0);
	msg_attr(&whole, NFTA_SET_ELEM_LIST_TABLE, q->table,
		 strlen(q->table) + 1);
	msg_attr(&whole, NFTA_SET_ELEM_LIST_SET, q->name,
		 strlen(q->name) + 1);
	msg_attr(&whole, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, m.p,
		 m.len);
	fn(arg, &whole.h);
}

/* Dump the elements of the requested set; of other types dump everything, as
 * old kernels do: the requester must filter. */
int __wrap_nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *q,
		     nl_fn fn, void *arg)
{
	char set[64];
	struct wr w = wr_init(set, sizeof(set));
	size_t i;

	assert_true(fd >= 0);
	if (model.dump_rc)
		return model.dump_rc;
	for (i = 0; i < model.object_n; i++)
		if (model.object[i].h.nlmsg_type ==
		    (NFNL_SUBSYS_NFTABLES << 8 | (q->type - 1)))
			fn(arg, &model.object[i].h);
	if (q->type != NFT_MSG_GETSETELEM)
		return 0;
	wr_fmt(&w, "%s %s %s", q->family, q->table, q->name);
	wr_cstr(&w);
	if (!model_object(NFT(NEWSET), set))
		return -ENOENT;
	for (i = 0; i < model.element_n; i++)
		if (!strcmp(model.element[i].set, set))
			dump_element(&model.element[i],
				     nfnl_family(q->family), q, fn, arg);
	return 0;
}

int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *set,
		    const struct nfnl_value *key, nl_fn fn, void *arg)
{
	const struct nfnl_query q = { 0, set->family, set->table, set->name };
	const struct str bytes = { (const char *)key->bytes, key->n };
	char path[64];
	struct wr w = wr_init(path, sizeof(path));
	struct element *e;

	wr_fmt(&w, "%s %s %s", set->family, set->table, set->name);
	e = model_find(wr_cstr(&w), bytes);
	if (!e)
		return -ENOENT;
	dump_element(e, nfnl_family(set->family), &q, fn, arg);
	return 0;
}

/* ---- other people's chains and rules ------------------------------------- */

#define NO_HOOK 1000	/* instead of a priority */

static inline void model_table(const char *family, const char *table)
{
	const struct nfgenmsg about = { .nfgen_family = nfnl_family(family) };
	struct msg m = msg_new(NFT(NEWTABLE), &about, sizeof(about));

	msg_attr(&m, NFTA_TABLE_NAME, table, strlen(table) + 1);
	if (!model_object(NFT(NEWTABLE), table_of(&m.h).z))
		model_keep(&m.h);
}

/* A filter chain on the forward hook. @policy: NF_ACCEPT, NF_DROP */
static inline void model_chain(const char *family, const char *table,
			       const char *chain, int32_t priority,
			       uint32_t policy)
{
	const struct nfgenmsg about = { .nfgen_family = nfnl_family(family) };
	struct msg m = msg_new(NFT(NEWCHAIN), &about, sizeof(about));
	const struct {
		struct nlattr num_head;
		uint32_t num;
		struct nlattr prio_head;
		uint32_t prio;
	} hook = {
		{ 8, NFTA_HOOK_HOOKNUM }, htobe32(NF_INET_FORWARD),
		{ 8, NFTA_HOOK_PRIORITY }, htobe32((uint32_t)priority),
	};

	model_table(family, table);
	msg_attr(&m, NFTA_CHAIN_TABLE, table, strlen(table) + 1);
	msg_attr(&m, NFTA_CHAIN_NAME, chain, strlen(chain) + 1);
	if (priority != NO_HOOK) {
		msg_attr(&m, NFTA_CHAIN_HOOK | NLA_F_NESTED, &hook,
			 sizeof(hook));
		msg_attr(&m, NFTA_CHAIN_TYPE, "filter", 7);
		policy = htobe32(policy);
		msg_attr(&m, NFTA_CHAIN_POLICY, &policy, sizeof(policy));
	}
	model_keep(&m.h);
}

#endif
