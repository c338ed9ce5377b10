/* SPDX-License-Identifier: ISC */
/*
 * refusals.c - "refusals print": the latest refused requests of hosts on the
 * LAN, as the engine remembers them (map/recent.h).
 * Runs in: upnpctl
 */
#include <errno.h>
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/listprint.h"
#include "upnpctl/live.h"
#include "upnpctl/maptext.h"
#include "upnpctl/names.h"
#include "upnpctl/refusals.h"

/* The list's data. */
struct refusals {
	struct ctl_refused at[RECENT_MAX];
	size_t n;
	const struct names *names;	/* NULL: addresses are shown */
};

static const struct ctl_refused *at(const struct list *l, size_t i)
{
	const struct refusals *d = l->data;

	return &d->at[i];
}

static const char *name_of(const struct list *l, struct addr a)
{
	const struct refusals *d = l->data;

	return d->names ? names_of(d->names, a) : NULL;
}

/* ---- properties ------------------------------------------------------ */

static void put_ago(const struct list *l, size_t i, struct wr *w)
{
	maptext_time(w, at(l, i)->ago_s);
}

static void put_protocol(const struct list *l, size_t i, struct wr *w)
{
	const struct nat_rule *r = &at(l, i)->rule;

	if (r->kind)
		wr_z(w, nat_rule_proto(r->proto));
}

/* A client that accepts any port has no port, and a pinhole neither. */
static void put_ext_port(const struct list *l, size_t i, struct wr *w)
{
	if (at(l, i)->rule.ext_port)
		wr_u64(w, at(l, i)->rule.ext_port);
}

static void put_to(const struct list *l, size_t i, struct wr *w)
{
	const struct nat_rule *r = &at(l, i)->rule;

	if (!addr_is_set(r->client))
		return;
	addr_host_write(w, r->client);
	if (r->int_port)
		wr_fmt(w, ":%u", (unsigned)r->int_port);
	else
		wr_z(w, ":*");
}

static void put_by(const struct list *l, size_t i, struct wr *w)
{
	const char *name = name_of(l, at(l, i)->client);

	if (name)
		wr_z(w, name);
	else if (addr_is_set(at(l, i)->client))
		addr_write(w, at(l, i)->client);
}

static void put_origin(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, origin_name(at(l, i)->origin));
}

static void put_reason(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, refusal_name(at(l, i)->why));
}

static void put_text(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, refusal_text(at(l, i)->why));
}

static void put_line(const struct list *l, size_t i, struct wr *w)
{
	if (at(l, i)->line)
		wr_u64(w, at(l, i)->line);
}

static void put_times(const struct list *l, size_t i, struct wr *w)
{
	wr_u64(w, at(l, i)->times);
}

static const struct prop props[] = {
	{ "ago", PROP_TIME, PROP_IN_TABLE | PROP_IN_DETAIL, put_ago },
	{ "protocol", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP,
	  put_protocol, .head = "proto" },
	{ "external-port", PROP_NUMBER, PROP_IN_TABLE | PROP_IN_DETAIL |
	  PROP_DROP, put_ext_port, .head = "port" },
	{ "to", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP,
	  put_to },
	{ "by", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL | PROP_DROP,
	  put_by, .rank = 2 },
	{ "origin", PROP_WORD, PROP_IN_DETAIL, put_origin },
	{ "times", PROP_NUMBER, PROP_IN_TABLE | PROP_IN_DETAIL, put_times,
	  .rank = 3 },
	{ "reason", PROP_WORD, PROP_IN_TABLE | PROP_IN_DETAIL, put_reason },
	{ "line", PROP_NUMBER, PROP_IN_DETAIL | PROP_DROP, put_line },
	{ "text", PROP_TEXT, PROP_IN_DETAIL | PROP_LINE, put_text },
};

static void put_json(const struct list *l, size_t i)
{
	const struct ctl_refused *r = at(l, i);
	const char *by = name_of(l, r->client);

	json_u64("ago", r->ago_s);
	json_u64("times", r->times);
	json_str("reason", str_z(refusal_name(r->why)));
	json_str("text", str_z(refusal_text(r->why)));
	if (r->line)
		json_u64("line", r->line);
	else
		json_null("line");
	json_str("origin", str_z(origin_name(r->origin)));
	json_addr("by", r->client);
	if (by)
		json_str("by-name", str_z(by));
	if (r->rule.kind)
		maptext_rule_json(&r->rule);
	else
		json_null("kind");
}

/* ---- the list ------------------------------------------------------------ */

static int take(void *arg, const struct ctl_rep *rep)
{
	struct refusals *d = arg;

	if (d->n == RECENT_MAX)
		return -EPROTO;
	d->at[d->n++] = rep->refused;
	return 0;
}

int refusals_open(const struct cmd_env *env, struct list *ret)
{
	static struct refusals *d;
	const struct ctl_req req = { .verb = CTL_REFUSALS };
	struct ctl_end end;
	struct live l;
	int err;

	CMD_LARGE(d);
	*d = (struct refusals){ .n = 0 };
	live_refresh(&l, env);
	err = live_request(&l, &req, CTLCLIENT_KIND(CTL_REFUSED), take, d,
			   &end);
	if (err)
		return live_fail(&l, err);
	*ret = (struct list){
		.what = "refusal", .props = props,
		.prop_n = sizeof(props) / sizeof(props[0]),
		.n = d->n, .data = d, .json = put_json,
	};
	return live_report_end(&l, &end, NULL);
}

/* ---- the command ----------------------------------------------------- */

const struct cmd_arg refusals_print_args[] = {
	{ "detail", CMD_WORD, .help = "every property" },
	{ "terse", CMD_WORD, .help = "every property, a line for each" },
	{ "brief", CMD_WORD, .help = "the table, as without this word" },
	{ "names", CMD_WORD, .help = "names of hosts, from DHCP leases" },
	{ "count-only", CMD_WORD, .help = "how many there are" },
	{ "where", CMD_WHERE, .help = "only some: where by=192.168.88.10" },
	{ NULL },
};

int refusals_print(struct cmd *c)
{
	struct names names = { 0 };
	struct list l = { 0 };
	int status = refusals_open(c->env, &l);
	struct refusals *d = l.data;

	if (d && cmd_word(c, "names")) {
		names_read(&names);
		d->names = &names;
	}
	if (status == CMD_OK)
		status = listprint_list(c, &l);
	names_free(&names);
	return status;
}
