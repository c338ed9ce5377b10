/* SPDX-License-Identifier: ISC */
/*
 * maplist.c - the mappings and pinholes as a list.
 *
 * Pinholes are a second table: they have other columns, so that an IPv6 address
 * fits into a line.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "conf/confmapping.h"
#include "upnpctl/counts.h"
#include "upnpctl/json.h"
#include "upnpctl/livemap.h"
#include "upnpctl/maplist.h"
#include "upnpctl/maptext.h"
#include "upnpctl/view.h"

/* The list's data. */
struct data {
	struct mappings all;
	const struct names *names;	/* NULL: addresses are shown */
	bool counting;
	struct counts counts;
};

const struct ctl_mapping *maplist_at(const struct list *l, size_t i)
{
	const struct data *d = l->data;

	return &d->all.v[i];
}

static bool is_pinhole(const struct list *l, size_t i)
{
	return maplist_at(l, i)->rule.kind == NAT_PINHOLE;
}

/* ---- values ---------------------------------------------------------- */

#define PUT(name, field) \
	static void name(const struct list *l, size_t i, struct wr *w) \
	{ \
		maptext_put(w, field, maplist_at(l, i)); \
	}
PUT(put_protocol, MAPTEXT_PROTOCOL)
PUT(put_ext_port, MAPTEXT_EXT_PORT)
PUT(put_remote, MAPTEXT_REMOTE)
PUT(put_left, MAPTEXT_LEFT)
PUT(put_origin, MAPTEXT_ORIGIN)
PUT(put_id, MAPTEXT_ID)
PUT(put_desc, MAPTEXT_DESC)

/* Only if it is another one than ours. */
static void put_upstream_port(const struct list *l, size_t i, struct wr *w)
{
	if (maplist_at(l, i)->told_port)
		wr_u64(w, maplist_at(l, i)->told_port);
}

static const char *name_of(const struct list *l, struct addr a)
{
	const struct data *d = l->data;

	return d->names ? names_of(d->names, a) : NULL;
}

static void put_to(const struct list *l, size_t i, struct wr *w)
{
	const struct nat_rule *r = &maplist_at(l, i)->rule;
	const char *name = name_of(l, r->client);

	if (!name)
		maptext_put(w, MAPTEXT_TO, maplist_at(l, i));
	else if (r->int_port)
		wr_fmt(w, "%s:%u", name, (unsigned)r->int_port);
	else
		wr_fmt(w, "%s:*", name);
}

static void put_by(const struct list *l, size_t i, struct wr *w)
{
	const char *name = name_of(l, maplist_at(l, i)->requester);

	if (name)
		wr_z(w, name);
	else
		maptext_put(w, MAPTEXT_BY, maplist_at(l, i));
}

/* The host that a mapping leads to has requested it. */
static bool by_is_known(const struct list *l, size_t i)
{
	const struct ctl_mapping *m = maplist_at(l, i);

	return addr_equal(m->requester, m->rule.client);
}

/* The count of a mapping's socket, or the packets of a pinhole. @ret_packets:
 * set only if true is returned. @ret_bytes: set to NULL if they are not known */
static bool find_count(const struct list *l, size_t i, uint64_t *ret_packets,
		       const uint64_t **ret_bytes)
{
	const struct data *d = l->data;
	const struct nat_rule *r = &maplist_at(l, i)->rule;
	const struct nl_list_count *c = counts_of(&d->counts, r);

	*ret_bytes = c ? &c->bytes : NULL;
	if (!d->counting)
		return false;
	if (is_pinhole(l, i))
		return counts_packets(r, ret_packets);
	if (c)
		*ret_packets = c->packets;
	return c != NULL;
}

static void put_packets(const struct list *l, size_t i, struct wr *w)
{
	const uint64_t *bytes;
	uint64_t packets;

	if (find_count(l, i, &packets, &bytes))
		wr_u64(w, packets);
}

static void put_bytes(const struct list *l, size_t i, struct wr *w)
{
	const uint64_t *bytes;
	uint64_t packets;

	if (find_count(l, i, &packets, &bytes) && bytes)
		wr_u64(w, *bytes);
}

/* ---- where ----------------------------------------------------------- */

static bool is_proto(struct str s)
{
	uint8_t proto;

	return maptext_read_proto(s, &proto);
}

static bool same_proto(const struct list *l, size_t i, struct str s)
{
	uint8_t proto;

	return maptext_read_proto(s, &proto) &&
	       proto == maplist_at(l, i)->rule.proto;
}

static bool is_port(struct str s)
{
	uint16_t port;

	return maptext_read_port(s, &port);
}

/* A pinhole's external port is its internal one. */
static bool same_ext_port(const struct list *l, size_t i, struct str s)
{
	const struct nat_rule *r = &maplist_at(l, i)->rule;
	uint16_t port;

	return maptext_read_port(s, &port) && port == nat_rule_port(r);
}

/* "192.168.88.10" or "192.168.88.10:80". @ret_port: 0: none is named */
static bool read_to(struct str s, struct addr *ret, uint16_t *ret_port)
{
	*ret_port = 0;
	return addr_parse(s, ret) || maptext_read_to(s, ret, ret_port);
}

/* Does @read read the address @a in @s, and @port or none? */
static bool same_end(struct str s,
		     bool (*read)(struct str, struct addr *, uint16_t *),
		     struct addr a, uint16_t port)
{
	struct addr is;
	uint16_t is_port;

	return read(s, &is, &is_port) && addr_equal(is, a) &&
	       (!is_port || is_port == port);
}

static bool is_to(struct str s)
{
	struct addr a;
	uint16_t port;

	return read_to(s, &a, &port);
}

static bool same_to(const struct list *l, size_t i, struct str s)
{
	const struct nat_rule *r = &maplist_at(l, i)->rule;

	return same_end(s, read_to, r->client, r->int_port);
}

static bool is_remote(struct str s)
{
	struct addr a;
	uint16_t port;

	return confmapping_read_remote(s, &a, &port);
}

static bool same_remote(const struct list *l, size_t i, struct str s)
{
	const struct nat_rule *r = &maplist_at(l, i)->rule;

	return same_end(s, confmapping_read_remote, r->remote, r->remote_port);
}

static bool is_by(struct str s)
{
	struct addr a;

	return str_eq(s, STR("operator")) || addr_parse(s, &a);
}

static bool same_by(const struct list *l, size_t i, struct str s)
{
	const struct ctl_mapping *m = maplist_at(l, i);
	struct addr a;

	if (str_eq(s, STR("operator")))
		return m->origin == ORIGIN_OPERATOR;
	return addr_parse(s, &a) && addr_equal(a, m->requester);
}

static bool is_origin(struct str s)
{
	for (unsigned o = 0; o < ORIGINS; o++)
		if (str_eq(s, str_z(origin_name(o))))
			return true;
	return false;
}

static const struct prop props[] = {
	{ "protocol", PROP_WORD, PROP_IN_TABLE | PROP_IN_STATS |
	  PROP_IN_DETAIL | PROP_IN_SECOND | PROP_IN_SECOND_STATS,
	  put_protocol, same_proto, is_proto,
	  "tcp, udp, dccp, sctp or udplite", "proto" },
	{ "external-port", PROP_NUMBER, PROP_IN_TABLE | PROP_IN_STATS |
	  PROP_IN_DETAIL | PROP_DROP, put_ext_port, same_ext_port, is_port,
	  "a port, 1 to 65535", "port" },
	{ "upstream-port", PROP_NUMBER, PROP_IN_DETAIL | PROP_DROP,
	  put_upstream_port, NULL, is_port, "a port, 1 to 65535" },
	{ "to", PROP_WORD, PROP_IN_TABLE | PROP_IN_STATS | PROP_IN_DETAIL |
	  PROP_IN_SECOND | PROP_IN_SECOND_STATS, put_to, same_to, is_to,
	  "an address, or address:port" },
	{ "remote-host", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP,
	  put_remote, same_remote, is_remote, "an address, or address:port",
	  "remote", 1 },
	{ "time-left", PROP_TIME, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_LINE |
	  PROP_IN_SECOND, put_left, .head = "left", .rank = 2 },
	{ "by", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP, put_by,
	  same_by, is_by, "an address, or operator", NULL, 3, by_is_known },
	{ "origin", PROP_WORD, PROP_IN_DETAIL, put_origin, NULL, is_origin,
	  "operator, upnp, nat-pmp or pcp" },
	{ "id", PROP_NUMBER, PROP_IN_DETAIL | PROP_DROP, put_id, NULL, is_port,
	  "a pinhole's id, 1 to 65535" },
	{ "packets", PROP_NUMBER, PROP_IN_STATS | PROP_IN_DETAIL |
	  PROP_IN_SECOND_STATS | PROP_DROP, put_packets, .rank = 1 },
	{ "bytes", PROP_NUMBER, PROP_IN_STATS | PROP_IN_DETAIL | PROP_DROP,
	  put_bytes, .rank = 2 },
	{ "description", PROP_TEXT, PROP_IN_TABLE | PROP_IN_STATS |
	  PROP_IN_DETAIL | PROP_CUT | PROP_DROP | PROP_IN_SECOND |
	  PROP_IN_SECOND_STATS, put_desc },
};

static bool is_static(const struct list *l, size_t i)
{
	return maplist_at(l, i)->origin == ORIGIN_OPERATOR;
}

static bool is_dynamic(const struct list *l, size_t i)
{
	return !is_static(l, i);
}

static bool is_disabled(const struct list *l, size_t i)
{
	return !maplist_at(l, i)->enabled;
}

static bool is_suspended(const struct list *l, size_t i)
{
	return maplist_at(l, i)->suspended;
}

static bool is_overruled(const struct list *l, size_t i)
{
	return maplist_at(l, i)->overruled;
}

static const struct list_flag flags[] = {
	{ 'D', "dynamic", is_dynamic },
	{ 'S', "static", is_static },
	{ 'X', "disabled", is_disabled },
	{ 'U', "suspended", is_suspended, true },
	{ 'O', "overruled", is_overruled, true },
	{ '\0', "pinhole", is_pinhole },
};

/* ---- keys ------------------------------------------------------------ */

/* maptext_read_key() */
struct wanted {
	struct nat_rule key;
	bool any_remote;
};

static bool is_wanted(const struct wanted *want, const struct nat_rule *r)
{
	struct nat_rule key = want->key;

	if (want->any_remote) {
		key.remote = r->remote;
		key.remote_port = r->remote_port;
	}
	return nat_rule_same_key(&key, r);
}

/* A key that means this mapping only. The mapping for all remote hosts has the
 * key of remote host 0.0.0.0, a pinhole that of "*:*", if there are others. */
static void put_name(const struct list *l, size_t i, struct wr *w)
{
	const struct nat_rule *r = &maplist_at(l, i)->rule;
	const struct wanted want = { .key = *r, .any_remote = true };
	size_t n = 0;

	maptext_key(w, r);
	if (addr_is_set(r->remote) || r->remote_port)
		return;
	for (size_t k = 0; k < l->n; k++)
		n += is_wanted(&want, &maplist_at(l, k)->rule);
	if (n > 1)
		wr_z(w, is_pinhole(l, i) ? ":*:*" : ":0.0.0.0");
}

/* Report that several mappings match, with their keys. */
static int ambiguous(const struct list *l, struct str item,
		     const struct wanted *want)
{
	char names[512];
	struct wr w = wr_init_cut(names, sizeof(names));

	for (size_t i = 0; i < l->n; i++) {
		if (!is_wanted(want, &maplist_at(l, i)->rule))
			continue;
		wr_z(&w, w.len ? ", " : "");
		put_name(l, i, &w);
	}
	return cmd_fail(CMD_USAGE, "\"%.*s\" is more than one mapping; use one "
			"of: %s", STR_F(item), wr_cstr(&w));
}

static int named(const struct list *l, struct str item, size_t *ret)
{
	struct wanted want;
	size_t found = 0;

	if (!maptext_read_key(item, &want.key, &want.any_remote))
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		if (!is_wanted(&want, &maplist_at(l, i)->rule))
			continue;
		found++;
		*ret = i;
	}
	if (found > 1)
		return ambiguous(l, item, &want);
	if (!found)
		return cmd_fail(CMD_FAULT, "there is no mapping %.*s; see: "
				"upnpctl mappings print", STR_F(item));
	return CMD_OK;
}

/* ---- the list ---------------------------------------------------------- */

/* The key that means this mapping only, whatever others there are: a program
 * that removes it by this key a minute later removes no other. */
static void put_key(const struct ctl_mapping *m)
{
	char key[MAPTEXT_KEY_MAX];
	struct wr w = wr_init_cut(key, sizeof(key));

	maptext_key(&w, &m->rule);
	if (!addr_is_set(m->rule.remote) && !m->rule.remote_port)
		wr_z(&w, m->rule.kind == NAT_PINHOLE ? ":*:*" : ":0.0.0.0");
	json_str("key", wr_done(&w));
}

static void put_json(const struct list *l, size_t i)
{
	const struct ctl_mapping *m = maplist_at(l, i);
	const char *to = name_of(l, m->rule.client);
	const char *by = name_of(l, m->requester);
	const uint64_t *bytes;
	uint64_t packets;

	put_key(m);
	maptext_json(m);
	if (to)
		json_str("to-name", str_z(to));
	if (by)
		json_str("by-name", str_z(by));
	if (!find_count(l, i, &packets, &bytes))
		return;
	json_u64("packets", packets);
	if (bytes)
		json_u64("bytes", *bytes);
}

static void close_list(struct list *l)
{
	struct data *d = l->data;

	counts_free(&d->counts);
	mappings_free(&d->all);
	free(d);
}

void maplist_set_names(struct list *l, const struct names *n)
{
	struct data *d = l->data;

	d->names = n;
}

void maplist_set_counts(struct list *l)
{
	struct data *d = l->data;

	d->counting = true;
	counts_read(&d->counts);
}

struct list maplist_of(struct mappings *t)
{
	struct data *d = cmd_large(sizeof(*d));

	d->all = *t;
	*t = (struct mappings){ 0 };
	return (struct list){
		.what = "mapping", .example = "tcp:8080",
		.how_to_add = "mappings add protocol=tcp external-port=8080 "
			      "to=192.168.88.10:80",
		.props = props, .prop_n = sizeof(props) / sizeof(props[0]),
		.flags = flags, .flag_n = sizeof(flags) / sizeof(flags[0]),
		.n = d->all.n, .data = d, .named = named, .name = put_name,
		.json = put_json, .second = is_pinhole, .close = close_list,
	};
}

/* The mappings of a configuration, as the engine would list them. */
static int read_conf(const struct cmd_env *env, struct mappings *ret)
{
	static struct view *v;
	int err = 0, status;

	CMD_LARGE(v);
	status = view_open(v, env);
	if (status)
		return status;
	for (size_t i = 0; i < v->conf.mapping_n && !err; i++) {
		const struct conf_mapping *is = &v->conf.mapping[i];
		struct ctl_mapping m = {
			.rule = confmapping_rule(is),
			.origin = ORIGIN_OPERATOR, .enabled = !is->disabled,
			.configured = true,
		};

		str_copy(m.desc, sizeof(m.desc),
			 str_z(confmapping_text(&v->conf, is)));
		err = mappings_add(ret, &m);
	}
	return err ? cmd_fail(CMD_FAULT, "out of memory") : CMD_OK;
}

int maplist_open(const struct cmd_env *env, struct list *ret)
{
	struct mappings all = { 0 };
	struct live l;
	int err = -ENOENT, status = CMD_OK;

	live_refresh(&l, env);
	if (!env->change && !livemap_other_file(&l))
		status = mappings_fetch_if_any(&l, &all, &err);
	if (status == CMD_OK && err) {
		mappings_free(&all);
		status = read_conf(env, &all);
	}
	*ret = maplist_of(&all);
	ret->by_key = err != 0;
	return status;
}

int maplist_open_live(const struct cmd_env *env, struct list *ret)
{
	struct mappings all = { 0 };
	struct live l;
	int status;

	live_refresh(&l, env);
	status = mappings_fetch(&l, &all);
	*ret = maplist_of(&all);
	return status;
}
