/* SPDX-License-Identifier: ISC */
/*
 * rulelist.c - the allow and deny lines of the configuration as a list.
 * Runs in: upnpctl
 */
#include "conf/confline.h"
#include "upnpctl/json.h"
#include "upnpctl/rulelist.h"
#include "upnpctl/view.h"

void rulelist_read(const struct confedit *text, struct rulelist *ret)
{
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	struct confline l;

	ret->n = 0;
	while (ret->n < RULELIST_MAX && confedit_rule(text, ret->n, &l)) {
		struct rulelist_item *r = &ret->at[ret->n++];

		*r = (struct rulelist_item){ false };
		r->invalid = confrule_parse(l.key, l.value, &r->is, &why);
	}
}

/* ---- properties ------------------------------------------------------ */

static const struct rulelist_item *at(const struct list *l, size_t i)
{
	const struct rulelist *rules = l->data;

	return &rules->at[i];
}

static const char *action(const struct list *l, size_t i)
{
	return at(l, i)->is.is.allow ? "allow" : "deny";
}

static void put_action(const struct list *l, size_t i, struct wr *w)
{
	if (!at(l, i)->invalid)
		wr_z(w, action(l, i));
}

static void put_external(const struct list *l, size_t i, struct wr *w)
{
	const struct policy_rule *r = &at(l, i)->is.is;

	if (!at(l, i)->invalid)
		confrule_put_ports(w, r->ext_lo, r->ext_hi);
}

static void put_network(const struct list *l, size_t i, struct wr *w)
{
	if (!at(l, i)->invalid)
		addr_net_write(w, &at(l, i)->is.is.net);
}

static void put_internal(const struct list *l, size_t i, struct wr *w)
{
	const struct policy_rule *r = &at(l, i)->is.is;

	if (!at(l, i)->invalid)
		confrule_put_ports(w, r->int_lo, r->int_hi);
}

static void put_comment(const struct list *l, size_t i, struct wr *w)
{
	wr_z(w, at(l, i)->is.comment.text);
}

static bool same_network(const struct list *l, size_t i, struct str value)
{
	const struct addr_net *is = &at(l, i)->is.is.net;
	struct addr_net net;

	return addr_net_parse(value, &net) && net.bits == is->bits &&
	       addr_equal(net.addr, is->addr);
}

static bool is_network(struct str value)
{
	struct addr_net net;

	return addr_net_parse(value, &net);
}

static bool is_action(struct str value)
{
	return str_eq(value, STR("allow")) || str_eq(value, STR("deny"));
}

#define IN_ALL (PROP_IN_TABLE | PROP_IN_STATS | PROP_IN_DETAIL)

static const struct prop props[] = {
	{ "action", PROP_WORD, IN_ALL, put_action, NULL, is_action,
	  "allow or deny" },
	{ "external-ports", PROP_WORD, IN_ALL, put_external,
	  .head = "external" },
	{ "network", PROP_WORD, IN_ALL, put_network, same_network, is_network,
	  "a network or the address of a host" },
	{ "internal-ports", PROP_WORD, IN_ALL, put_internal,
	  .head = "internal" },
	{ "comment", PROP_TEXT, IN_ALL | PROP_CUT | PROP_DROP, put_comment },
};

static bool is_disabled(const struct list *l, size_t i)
{
	return at(l, i)->is.disabled;
}

static bool is_invalid(const struct list *l, size_t i)
{
	return at(l, i)->invalid;
}

static const struct list_flag flags[] = {
	{ 'X', "disabled", is_disabled },
	{ 'I', "invalid", is_invalid, true },
};

static void put_json(const struct list *l, size_t i)
{
	char text[256];

	for (size_t k = 0; k < sizeof(props) / sizeof(props[0]); k++) {
		struct wr w = wr_init_cut(text, sizeof(text));

		if (props[k].kind == PROP_TEXT)
			json_str(props[k].name,
				 str_z(at(l, i)->is.comment.text));
		else if (at(l, i)->invalid)
			json_null(props[k].name);
		else
			props[k].put(l, i, &w);
		if (w.len)
			json_str(props[k].name, wr_done(&w));
	}
	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
		json_bool(flags[k].name, flags[k].is(l, i));
}

/* ---- the list ------------------------------------------------------------ */

struct list rulelist(struct rulelist *rules)
{
	return (struct list){
		.what = "rule", .example = "0",
		.how_to_add = "rules add action=deny network=192.168.88.66",
		.props = props, .prop_n = sizeof(props) / sizeof(props[0]),
		.flags = flags, .flag_n = sizeof(flags) / sizeof(flags[0]),
		.n = rules->n, .data = rules, .json = put_json,
	};
}

/* 0: every port, of a pinhole */
static void put_port(struct wr *w, uint16_t port)
{
	confrule_put_ports(w, port, port ? port : UINT16_MAX);
}

void rulelist_put_add(struct wr *w, bool allow, const struct nat_rule *r)
{
	wr_fmt(w, "rules add action=%s external-ports=",
	       allow ? "allow" : "deny");
	put_port(w, r->kind == NAT_PINHOLE ? r->int_port : r->ext_port);
	wr_fmt(w, " network=%s", addr_text(r->client).text);
	if (!allow)
		return;
	wr_z(w, " internal-ports=");
	put_port(w, r->int_port);
}

int rulelist_open(const struct cmd_env *env, struct list *ret)
{
	static struct view *v;
	static struct rulelist *rules;
	int status;

	CMD_LARGE(v);
	CMD_LARGE(rules);
	status = view_open(v, env);
	if (status)
		return status;
	rulelist_read(&v->text, rules);
	*ret = rulelist(rules);
	return CMD_OK;
}
