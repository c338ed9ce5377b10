/* SPDX-License-Identifier: ISC */
/*
 * rulelist.c - the allow and deny lines of the configuration as a list.
 * Runs in: upnpctl
 */
#include "conf/confline.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/livemap.h"
#include "upnpctl/out.h"
#include "upnpctl/rulelist.h"
#include "upnpctl/view.h"

void rulelist_read(const struct confedit *text, struct rulelist *ret)
{
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	struct confline l;

	ret->n = 0;
	ret->counted = false;
	ret->counts_of = NULL;
	while (ret->n < RULELIST_MAX && confedit_rule(text, ret->n, &l)) {
		struct rulelist_item *r = &ret->at[ret->n++];

		*r = (struct rulelist_item){ false };
		r->invalid = confrule_parse(l.key, l.value, &r->is, &why);
	}
}

/* ---- counts ------------------------------------------------------------ */

static bool is_rule(const struct rulelist_item *item, const struct ctl_rule *r)
{
	const struct policy_rule *is = &item->is.is;

	return !item->invalid && !item->is.disabled &&
	       is->allow == r->allow && is->ext_lo == r->ext_lo &&
	       is->ext_hi == r->ext_hi && is->int_lo == r->int_lo &&
	       is->int_hi == r->int_hi && is->net.bits == r->net.bits &&
	       addr_equal(is->net.addr, r->net.addr);
}

/* Rules are known by their content, because the numbers of lines change. Of two
 * equal ones the first decides. */
static int take_count(void *arg, const struct ctl_rep *rep)
{
	struct rulelist *rules = arg;

	if (!rep->rule.line) {
		rules->counted = true;
		rules->unmatched = rep->rule.decided;
	}
	for (size_t i = 0; i < rules->n && rep->rule.line; i++) {
		if (!is_rule(&rules->at[i], &rep->rule) ||
		    rules->at[i].counted)
			continue;
		rules->at[i].counted = true;
		rules->at[i].decided = rep->rule.decided;
		break;
	}
	return 0;
}

/* Without a daemon that reads this file there are no counts. */
static void ask_for_counts(struct rulelist *rules)
{
	const struct ctl_req req = { .verb = CTL_RULES };
	struct ctl_end end;
	struct live l;

	live_refresh(&l, rules->counts_of);
	rules->counts_of = NULL;
	if (!livemap_other_file(&l))
		live_request(&l, &req, CTLCLIENT_KIND(CTL_RULE), take_count,
			     rules, &end);
}

static const struct rulelist *counted(const struct list *l)
{
	struct rulelist *rules = l->data;

	if (rules->counts_of)
		ask_for_counts(rules);
	return rules;
}

static void put_unmatched(const struct list *l, bool json)
{
	const struct rulelist *rules = counted(l);

	if (!rules->counted)
		return;
	if (!json) {
		out_fmt("requests that no rule matched: %llu\n",
			(unsigned long long)rules->unmatched);
		return;
	}
	json_object(NULL);
	json_null("number");
	json_u64("decided", rules->unmatched);
	json_end();
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

static void put_decided(const struct list *l, size_t i, struct wr *w)
{
	const struct rulelist_item *item = &counted(l)->at[i];

	if (item->counted)
		wr_u64(w, item->decided);
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
	{ "decided", PROP_NUMBER, PROP_IN_STATS | PROP_IN_DETAIL | PROP_DROP,
	  put_decided },
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
	const struct rulelist_item *item = &counted(l)->at[i];
	char text[PM_DESC_MAX + 1];

	for (size_t k = 0; k < sizeof(props) / sizeof(props[0]); k++) {
		struct wr w = wr_init_cut(text, sizeof(text));

		if (props[k].kind == PROP_NUMBER && item->counted) {
			json_u64(props[k].name, item->decided);
			continue;
		}
		props[k].put(l, i, &w);
		if (w.len || props[k].kind == PROP_TEXT)
			json_str(props[k].name, wr_done(&w));
		else
			json_null(props[k].name);
	}
	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
		json_bool(flags[k].name, flags[k].is(l, i));
}

const struct cmd_arg rulelist_print_args[] = {
	{ "detail", CMD_WORD, .help = "every property" },
	{ "terse", CMD_WORD, .help = "every property, a line for each" },
	{ "brief", CMD_WORD, .help = "the table, as without this word" },
	{ "stats", CMD_WORD, .help = "how often each rule decided" },
	{ "count-only", CMD_WORD, .help = "how many there are" },
	{ "where", CMD_WHERE, .help = "only some, such as: where disabled" },
	{ NULL },
};

/* ---- the list ------------------------------------------------------------ */

struct list rulelist(struct rulelist *rules)
{
	return (struct list){
		.what = "rule", .example = "0",
		.how_to_add = "rules add action=deny network=192.168.88.66",
		.props = props, .prop_n = sizeof(props) / sizeof(props[0]),
		.flags = flags, .flag_n = sizeof(flags) / sizeof(flags[0]),
		.n = rules->n, .data = rules, .json = put_json,
		.rest = put_unmatched,
	};
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
	if (!env->change)
		rules->counts_of = env;
	*ret = rulelist(rules);
	return CMD_OK;
}
