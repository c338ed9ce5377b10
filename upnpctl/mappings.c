/* SPDX-License-Identifier: ISC */
/*
 * mappings.c - "mappings print": print the mappings and pinholes or a part of
 * them, as text or as JSON.
 *
 * A table has the port mappings, and a second one the pinholes, if there are
 * any: they have other columns, so that an IPv6 address fits into a line.
 *
 * A mapping's number is its index in the whole table, even if "where" hides
 * some mappings: "mappings remove" uses the same numbers.
 * Runs in: upnpctl
 */
#include <errno.h>
#include "base/utf8.h"
#include "base/wr.h"
#include <stdlib.h>
#include "conf/confmapping.h"
#include "upnpctl/args.h"
#include "upnpctl/counts.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/livemap.h"
#include "upnpctl/mappings.h"
#include "upnpctl/json.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"

/* ---- the table ------------------------------------------------------- */

int mappings_add(struct mappings *t, const struct ctl_mapping *m)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		void *v = realloc(t->v, cap * sizeof(*t->v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *m;
	return 0;
}

static int add_record(void *arg, const struct ctl_rep *rep)
{
	return mappings_add(arg, &rep->mapping);
}

int mappings_fetch_if_any(const struct live *l, struct mappings *ret,
			  int *ret_err)
{
	struct ctl_req req = { .verb = CTL_MAPPINGS };
	struct ctl_end end;

	*ret = (struct mappings){ 0 };
	*ret_err = live_request(l, &req, CTLCLIENT_KIND(CTL_MAPPING),
				add_record, ret, &end);
	if (*ret_err)
		return livemap_is_absent(*ret_err) ? CMD_OK :
		       live_fail(l, *ret_err);
	return live_report_end(l, &end, NULL);
}

int mappings_fetch(const struct live *l, struct mappings *ret)
{
	int err, status = mappings_fetch_if_any(l, ret, &err);

	return status == CMD_OK && err ? live_fail(l, err) : status;
}

void mappings_free(struct mappings *t)
{
	free(t->v);
	*t = (struct mappings){ 0 };
}

/* ---- filter --------------------------------------------------- */

/* A field that is 0, or ADDR_ANY, matches every mapping. */
struct filter {
	struct addr to, remote, by;
	uint16_t ext_port, to_port, remote_port;
	uint16_t id;
	uint8_t proto, origin;
	bool is_pinhole, by_operator, is_dynamic, is_static, is_disabled, is_suspended,
	     is_overruled;
};

enum { BY_PROTO, BY_EXT_PORT, BY_TO, BY_REMOTE, BY_REQUESTER, BY_ORIGIN,
       BY_ID };

static const struct {
	const char *key, *accepts;
} filters[] = {
	[BY_PROTO] = { "protocol", "tcp, udp, dccp, sctp or udplite" },
	[BY_EXT_PORT] = { "external-port", "a port, 1 to 65535" },
	[BY_TO] = { "to", "an address, or address:port" },
	[BY_REMOTE] = { "remote-host", "an address, or address:port" },
	[BY_REQUESTER] = { "by", "an address, or operator" },
	[BY_ORIGIN] = { "origin", "operator, upnp, nat-pmp or pcp" },
	[BY_ID] = { "id", "a pinhole's id, 1 to 65535" },
};

/* Set the filter of filters[@i]. */
static bool set_value(struct filter *f, size_t i, struct str v)
{
	switch (i) {
	case BY_PROTO:
		return maptext_read_proto(v, &f->proto);
	case BY_EXT_PORT:
		return maptext_read_port(v, &f->ext_port);
	case BY_TO:
		return addr_parse(v, &f->to) ||
		       maptext_read_to(v, &f->to, &f->to_port);
	case BY_REMOTE:
		return confmapping_read_remote(v, &f->remote, &f->remote_port);
	case BY_REQUESTER:
		f->by_operator = str_eq(v, STR("operator"));
		return f->by_operator || addr_parse(v, &f->by);
	case BY_ID:
		return maptext_read_port(v, &f->id);
	}
	for (f->origin = 1; f->origin < ORIGINS; f->origin++)
		if (str_eq(v, str_z(origin_name(f->origin))))
			return true;
	return false;
}

static bool set_word(struct filter *f, struct str word)
{
	if (str_eq(word, STR("pinhole")))
		return f->is_pinhole = true;
	if (str_eq(word, STR("dynamic")))
		return f->is_dynamic = true;
	if (str_eq(word, STR("static")))
		return f->is_static = true;
	if (str_eq(word, STR("disabled")))
		return f->is_disabled = true;
	if (str_eq(word, STR("suspended")))
		return f->is_suspended = true;
	if (str_eq(word, STR("overruled")))
		return f->is_overruled = true;
	return false;
}

static int set_filter(struct filter *f, struct str arg)
{
	struct str value = arg, key;

	if (set_word(f, arg))
		return CMD_OK;
	str_cut(&value, '=', &key);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		if (!str_eq(key, str_z(filters[i].key)))
			continue;
		if (set_value(f, i, value))
			return CMD_OK;
		return cmd_fail(CMD_USAGE, "%s is \"%.*s\"; it takes %s",
				filters[i].key, STR_F(value),
				filters[i].accepts);
	}
	return cmd_fail(CMD_USAGE, "where does not know \"%.*s\"; it takes "
			"protocol=, external-port=, to=, remote-host=, by=, "
			"origin=, id=, pinhole, dynamic, static, disabled, "
			"suspended, overruled",
			STR_F(arg));
}

static bool is_pinhole(const struct ctl_mapping *m)
{
	return m->rule.kind == NAT_PINHOLE;
}

/* A pinhole's external port is its internal one. */
static uint16_t ext_port(const struct ctl_mapping *m)
{
	return is_pinhole(m) ? m->rule.int_port : m->rule.ext_port;
}

static bool passes(const struct filter *f, const struct ctl_mapping *m)
{
	const struct nat_rule *r = &m->rule;
	bool operators = m->origin == ORIGIN_OPERATOR;

	return (!f->proto || f->proto == r->proto) &&
	       (!f->ext_port || f->ext_port == ext_port(m)) &&
	       (!f->id || f->id == m->unique_id) &&
	       (!f->is_pinhole || is_pinhole(m)) &&
	       addr_matches(f->to, r->client) &&
	       (!f->to_port || f->to_port == r->int_port) &&
	       addr_matches(f->remote, r->remote) &&
	       (!f->remote_port || f->remote_port == r->remote_port) &&
	       addr_matches(f->by, m->requester) &&
	       (!f->origin || f->origin == m->origin) &&
	       (!f->by_operator || operators) &&
	       (!f->is_dynamic || !operators) &&
	       (!f->is_static || operators) &&
	       (!f->is_disabled || !m->enabled) &&
	       (!f->is_suspended || m->suspended) &&
	       (!f->is_overruled || m->overruled);
}

struct options {
	bool detail, stats;
	struct filter filter;
};

const struct cmd_arg mappings_print_args[] = {
	{ "detail", CMD_WORD, .help = "every field" },
	{ "stats", CMD_WORD, .help = "packets and bytes" },
	{ "where", CMD_WHERE, .help = "only some, such as: where dynamic" },
	{ NULL },
};

static int read_options(const struct cmd *c, struct options *o)
{
	int status = CMD_OK;

	*o = (struct options){
		.filter = { .to = addr_any(), .remote = addr_any(),
			    .by = addr_any() },
		.detail = cmd_word(c, "detail"), .stats = cmd_word(c, "stats"),
	};
	for (size_t i = 0; i < c->n && status == CMD_OK; i++)
		if (c->kind[i] == CMD_TERM)
			status = set_filter(&o->filter, c->arg[i]);
	return status;
}

/* ---- output ----------------------------------------------------- */

static const char flags_line[] =
	"Flags: D - dynamic, S - static, X - disabled, "
	"U - suspended, O - overruled\n";

struct listing {
	const struct mappings *all;
	const struct filter *filter;
	const struct counts *counts;
	const uint8_t *columns;		/* of the table, ends with COLUMN_END */
	unsigned number_width, flags_width;
	uint8_t kind;			/* only these; 0: all */
	bool counting;			/* the counters are asked for */
};

/* The columns of a table: fields, and the kernel's counters. */
enum { COLUMN_PACKETS = MAPTEXT__MAX, COLUMN_BYTES, COLUMN_END };

static const uint8_t plain_columns[] = {
	MAPTEXT_PROTOCOL, MAPTEXT_EXT_PORT, MAPTEXT_TO, MAPTEXT_REMOTE,
	MAPTEXT_LEFT, MAPTEXT_BY, MAPTEXT_DESC, COLUMN_END,
};

static const uint8_t stats_columns[] = {
	MAPTEXT_PROTOCOL, MAPTEXT_EXT_PORT, MAPTEXT_TO, COLUMN_PACKETS,
	COLUMN_BYTES, MAPTEXT_DESC, COLUMN_END,
};

/* 79 columns, and the description. "detail" has the rest. */
static const uint8_t pinhole_columns[] = {
	MAPTEXT_PROTOCOL, MAPTEXT_TO, MAPTEXT_LEFT, MAPTEXT_DESC, COLUMN_END,
};

static const uint8_t pinhole_stats_columns[] = {
	MAPTEXT_PROTOCOL, MAPTEXT_TO, COLUMN_PACKETS, MAPTEXT_DESC, COLUMN_END,
};

static const char *column_name(unsigned column)
{
	return column == COLUMN_PACKETS ? "packets" :
	       column == COLUMN_BYTES ? "bytes" : maptext_name(column);
}

/* The count of a mapping's socket, or the packets of a pinhole. @ret_packets:
 * set only if true is returned. @ret_bytes: set to NULL if they are not known */
static bool find_count(const struct listing *k, const struct ctl_mapping *m,
		       uint64_t *ret_packets, const uint64_t **ret_bytes)
{
	const struct nl_list_count *c = counts_of(k->counts, &m->rule);

	*ret_bytes = c ? &c->bytes : NULL;
	if (!k->counting)
		return false;
	if (is_pinhole(m))
		return counts_packets(&m->rule, ret_packets);
	if (c)
		*ret_packets = c->packets;
	return c != NULL;
}

/* Write the text of one column: "" for a missing count. */
static void put_column(struct wr *w, const struct listing *k, unsigned column,
		       const struct ctl_mapping *m)
{
	const uint64_t *bytes;
	uint64_t packets;

	if (column < MAPTEXT__MAX)
		maptext_put(w, column, m);
	else if (find_count(k, m, &packets, &bytes))
		wr_u64(w, column == COLUMN_PACKETS || !bytes ? packets :
							       *bytes);
}

/* Return: the first mapping from @i on that passes the filter, or their
 * number */
static size_t next_shown(const struct listing *k, size_t i)
{
	while (i < k->all->n && (!passes(k->filter, &k->all->v[i]) ||
				 (k->kind && k->kind != k->all->v[i].rule.kind)))
		i++;
	return i;
}

#define EACH_SHOWN(k, i) \
	(size_t i = next_shown(k, 0); i < (k)->all->n; \
	 i = next_shown(k, i + 1))

static struct listing make_listing(const struct mappings *all,
			     const struct options *o,
			     const struct counts *counts)
{
	struct listing k = {
		all, &o->filter, counts,
		o->stats ? stats_columns : plain_columns, 3, 1, 0, false
	};

	for (size_t n = 1000; n <= all->n && k.number_width < 9; n *= 10)
		k.number_width++;
	for EACH_SHOWN(&k, i) {
		char flags[8];
		struct wr w = wr_init(flags, sizeof(flags));

		maptext_flags(&w, &all->v[i]);
		if (w.len > k.flags_width)
			k.flags_width = (unsigned)w.len;
	}
	return k;
}

static void put_spaces(unsigned n)
{
	while (n-- > 0)
		out_str(STR(" "));
}

/* "  0 D " */
static void put_number(const struct listing *k, size_t i)
{
	char buf[24], flags[8];
	struct wr w = wr_init(buf, sizeof(buf));
	struct wr f = wr_init(flags, sizeof(flags));

	wr_u64(&w, i);
	if (w.len < k->number_width)
		put_spaces(k->number_width - (unsigned)w.len);
	out_str(wr_done(&w));
	maptext_flags(&f, &k->all->v[i]);
	put_spaces(1);
	out_pad(wr_done(&f), k->flags_width + 1);
}

static void put_head(const struct listing *k, const unsigned *width)
{
	const uint8_t *f = k->columns;
	char buf[32];

	put_spaces(k->number_width - 1);
	out_pad(STR("#"), k->flags_width + 3);
	for (; *f != COLUMN_END; f++) {
		struct wr w = wr_init(buf, sizeof(buf));

		for (const char *p = column_name(*f); *p; p++)
			wr_ch(&w, *p >= 'a' && *p <= 'z' ?
			      (char)(*p - 'a' + 'A') : *p);
		if (f[1] == COLUMN_END)
			out_str(wr_done(&w));
		else
			out_pad(wr_done(&w), width[*f] + 3);
	}
	out_str(STR("\n"));
}

static void find_widths(const struct listing *k, unsigned *width)
{
	char buf[MAPTEXT_MAX];

	for (const uint8_t *f = k->columns; *f != COLUMN_END; f++)
		width[*f] = utf8_count(str_z(column_name(*f)));
	for EACH_SHOWN(k, i) {
		for (const uint8_t *f = k->columns; *f != COLUMN_END; f++) {
			struct wr w = wr_init(buf, sizeof(buf));
			unsigned n;

			put_column(&w, k, *f, &k->all->v[i]);
			n = utf8_count(wr_done(&w));
			width[*f] = n > width[*f] ? n : width[*f];
		}
	}
}

static void put_table(const struct listing *k)
{
	unsigned width[COLUMN_END];
	char buf[MAPTEXT_MAX];

	find_widths(k, width);
	put_head(k, width);
	for EACH_SHOWN(k, i) {
		put_number(k, i);
		for (const uint8_t *f = k->columns; *f != COLUMN_END; f++) {
			struct wr w = wr_init(buf, sizeof(buf));

			put_column(&w, k, *f, &k->all->v[i]);
			if (f[1] == COLUMN_END)
				out_str(wr_done(&w));
			else
				out_pad(wr_done(&w), width[*f] + 3);
		}
		out_str(STR("\n"));
	}
}

/* The port mappings, and a table of the pinholes if there are any. */
static void put_tables(struct listing *k, bool stats)
{
	bool more;

	k->kind = NAT_PINHOLE;
	more = next_shown(k, 0) < k->all->n;
	k->kind = NAT_PORTMAP;
	out_str(STR(flags_line));
	if (!more || next_shown(k, 0) < k->all->n) {
		put_table(k);
		out_str(more ? STR("\n") : STR(""));
	}
	k->kind = NAT_PINHOLE;
	k->columns = stats ? pinhole_stats_columns : pinhole_columns;
	if (more)
		put_table(k);
}

static void put_pairs(enum maptext_field from, enum maptext_field to,
		      const struct ctl_mapping *m)
{
	char buf[MAPTEXT_MAX + 128];
	struct wr w = wr_init_cut(buf, sizeof(buf));

	maptext_pairs(&w, from, to, m);
	out_str(wr_done(&w));
	out_str(STR("\n"));
}

static void put_detail(const struct listing *k)
{
	const unsigned indent = k->number_width + k->flags_width + 2;

	out_str(STR(flags_line));
	for EACH_SHOWN(k, i) {
		const struct ctl_mapping *m = &k->all->v[i];
		const uint64_t *bytes;
		uint64_t packets;

		put_number(k, i);
		put_pairs(MAPTEXT_PROTOCOL, MAPTEXT_REMOTE, m);
		put_spaces(indent);
		put_pairs(MAPTEXT_LEFT, MAPTEXT_DESC, m);
		if (find_count(k, m, &packets, &bytes)) {
			put_spaces(indent);
			out_fmt("packets=%llu", (unsigned long long)packets);
			if (bytes)
				out_fmt(" bytes=%llu",
					(unsigned long long)*bytes);
			out_str(STR("\n"));
		}
		out_str(STR("\n"));
	}
}

static void put_json(const struct listing *k)
{
	json_array(NULL);
	for EACH_SHOWN(k, i) {
		const struct ctl_mapping *m = &k->all->v[i];
		const uint64_t *bytes;
		uint64_t packets;

		json_object(NULL);
		json_u64("number", i);
		maptext_json(m);
		if (find_count(k, m, &packets, &bytes)) {
			json_u64("packets", packets);
			if (bytes)
				json_u64("bytes", *bytes);
		}
		json_end();
	}
	json_end();
}

int mappings_print(struct cmd *c)
{
	struct counts counts = { 0 };
	struct mappings all;
	struct options o;
	struct listing k;
	struct live l;
	int status = read_options(c, &o);

	if (status != CMD_OK)
		return status;
	live_refresh(&l, c->env);
	status = mappings_fetch(&l, &all);
	if (status == CMD_OK) {
		k = make_listing(&all, &o, &counts);
		k.counting = o.stats || o.detail || c->env->json;
		if (k.counting)
			counts_read(&counts);
		if (c->env->json)
			put_json(&k);
		else if (o.detail)
			put_detail(&k);
		else
			put_tables(&k, o.stats);
	}
	counts_free(&counts);
	mappings_free(&all);
	return status;
}
