/* SPDX-License-Identifier: ISC */
/*
 * rulechange.c - "rules add", "set", "enable", "disable", "comment", "move" and
 * "remove". Runs in: upnpctl
 */
#include <stdlib.h>
#include <string.h>
#include "upnpctl/change.h"
#include "upnpctl/maptext.h"
#include "upnpctl/options.h"
#include "upnpctl/pick.h"
#include "upnpctl/rulelist.h"

/* ---- what they take ------------------------------------------------------ */

#define ITEMS { "N,...", CMD_ITEMS, true, .values = "all" }

const struct cmd_arg rulechange_items_args[] = { ITEMS, { NULL } };

const struct cmd_arg rulechange_set_args[] = {
	ITEMS,
	{ "action", CMD_KEY, .values = "allow deny",
	  .help = "what to do with a request that matches" },
	{ "network", CMD_KEY, .help = "of the clients; or one address" },
	{ NULL },
};

const struct cmd_arg rulechange_add_args[] = {
	{ "action", CMD_KEY, true, .values = "allow deny",
	  .help = "what to do with a request that matches" },
	{ "network", CMD_KEY, true, .help = "of the clients; or one address" },
	{ "place-before", CMD_KEY, .help = "the rule before which it is placed; "
					   "by default the end" },
	{ NULL },
};

const struct cmd_arg rulechange_move_args[] = {
	ITEMS,
	{ "destination", CMD_KEY, .help = "the rule before which they are "
					  "placed; by default the end" },
	{ NULL },
};

const struct cmd_arg rulechange_comment_args[] = {
	ITEMS,
	{ "comment", CMD_KEY, .help = "a text; or it follows the numbers" },
	{ "TEXT", CMD_OTHER },
	{ NULL },
};

/* What "add" and "set" take, apart from the action and the network. */
bool rulechange_arg(size_t i, struct cmd_arg *ret)
{
	static const struct cmd_arg more[] = {
		{ "external-ports", CMD_KEY, .help = "a port or a range; by "
		  "default 1024-65535 to allow, 0-65535 to deny" },
		{ "internal-ports", CMD_KEY, .help = "the same of the client" },
		{ "disabled", CMD_KEY, .values = "yes no",
		  .help = "it is as if it were not there" },
		{ "comment", CMD_KEY, .help = "a text for the operator" },
	};

	if (i < sizeof(more) / sizeof(more[0]))
		*ret = more[i];
	return i < sizeof(more) / sizeof(more[0]);
}

/* ---- values -------------------------------------------------------------- */

static bool set_action(struct confrule *r, struct str v, struct wr *why)
{
	r->is.allow = str_eq(v, STR("allow"));
	return r->is.allow || str_eq(v, STR("deny"));
}

static bool set_external(struct confrule *r, struct str v, struct wr *why)
{
	return confrule_read_ports(v, &r->is.ext_lo, &r->is.ext_hi);
}

static bool set_internal(struct confrule *r, struct str v, struct wr *why)
{
	return confrule_read_ports(v, &r->is.int_lo, &r->is.int_hi);
}

static bool set_network(struct confrule *r, struct str v, struct wr *why)
{
	return !confrule_read_net(v, &r->is.net, why);
}

static bool set_disabled(struct confrule *r, struct str v, struct wr *why)
{
	return maptext_read_bool(v, &r->disabled);
}

static bool set_comment(struct confrule *r, struct str v, struct wr *why)
{
	return maptext_read_desc(v, r->comment.text);
}

enum { ACTION, EXTERNAL, NETWORK, INTERNAL, DISABLED, COMMENT, KEYS };

static const struct {
	const char *name;
	/* @why: the problem, if accepts does not say it */
	bool (*set)(struct confrule *, struct str value, struct wr *why);
	const char *accepts;
	const char *unset;	/* the value of "!comment"; NULL: it has none */
} keys[KEYS] = {
	[ACTION] = { "action", set_action, "allow or deny" },
	[EXTERNAL] = { "external-ports", set_external,
		       "a port or a range, such as 1024-65535" },
	[NETWORK] = { "network", set_network, "" },
	[INTERNAL] = { "internal-ports", set_internal,
		       "a port or a range, such as 1024-65535" },
	[DISABLED] = { "disabled", set_disabled, "yes or no", "no" },
	[COMMENT] = { "comment", set_comment, "up to 256 bytes of UTF-8 "
		      "without control characters", "" },
};

_Static_assert(PM_DESC_MAX == 256, "the text above names it");

/* Set one value. @arg: "key=value" or "!key". Other keys are ignored. */
static int set_value(struct confrule *r, struct str arg)
{
	bool unset = str_starts(arg, STR("!"));
	struct str key = str_skip(arg, unset), value = STR("");
	char text[256];
	struct wr why = wr_init_cut(text, sizeof(text));
	size_t i = 0;

	options_split(key, &key, &value);
	while (i < KEYS && !str_eq(key, str_z(keys[i].name)))
		i++;
	if (i == KEYS)
		return CMD_OK;
	if (unset && !keys[i].unset)
		return cmd_fail(CMD_USAGE, "a rule cannot be without %s; set "
				"%s=...", keys[i].name, keys[i].name);
	if (unset)
		value = str_z(keys[i].unset);
	if (keys[i].set(r, value, &why))
		return CMD_OK;
	if (why.len)
		return cmd_fail(CMD_USAGE, "%s: %s", keys[i].name,
				wr_cstr(&why));
	return cmd_fail(CMD_USAGE, "%s is \"%.*s\"; it takes %s", keys[i].name,
			STR_F(value), keys[i].accepts);
}

static int set_values(const struct cmd *c, struct confrule *r)
{
	int status = CMD_OK;

	for (size_t i = 0; i < c->n && !status; i++)
		if (c->kind[i] == CMD_KEY)
			status = set_value(r, c->arg[i]);
	return status;
}

/* ---- what the rules mean as a whole -------------------------------------- */

struct summary {
	size_t rules, allowing;	/* enabled ones */
	bool open;		/* one allows the default to every IPv4 host */
};

static struct summary summarize(const struct confedit *text)
{
	static struct rulelist *rules;
	struct summary s = { 0 };

	CMD_LARGE(rules);
	rulelist_read(text, rules);
	for (size_t i = 0; i < rules->n; i++) {
		const struct policy_rule *r = &rules->at[i].is.is;

		if (rules->at[i].invalid || rules->at[i].is.disabled)
			continue;
		s.rules++;
		s.allowing += r->allow;
		s.open |= r->allow && r->net.addr.family == ADDR_IP4 &&
			  !r->net.bits && r->ext_lo <= POLICY_PORT_FLOOR &&
			  r->int_lo <= POLICY_PORT_FLOOR &&
			  r->ext_hi == UINT16_MAX && r->int_hi == UINT16_MAX;
	}
	return s;
}

/* Print what a change means for all clients: the first rule, for example, ends
 * what is allowed without rules. */
static void notice(struct summary was, struct summary is)
{
	if (is.rules && !was.rules && !is.open)
		cmd_fail(CMD_OK, "from now on, what no rule allows is refused; "
			 "to allow ports 1024-65535 to all hosts, as without "
			 "rules: rules add action=allow network=0.0.0.0/0 and "
			 "rules add action=allow network=::/0");
	else if (is.rules && !is.allowing && was.allowing)
		cmd_fail(CMD_OK, "no rule allows anything now, so that every "
			 "request of a client is refused");
	else if (!is.rules && was.rules)
		cmd_fail(CMD_OK, "without rules, ports 1024-65535 are allowed "
			 "to all hosts");
}

static int run(struct cmd *c, int (*edit)(struct cmd *, struct change *))
{
	static struct change *change;
	struct summary was;
	int status;

	if (c->env->change)
		return edit(c, c->env->change);
	CMD_LARGE(change);
	status = change_begin(change, c->env->file);
	if (status)
		return status;
	was = summarize(&change->now);
	status = edit(c, change);
	if (status) {
		change_drop(change);
		return status;
	}
	status = change_end(change);
	if (!status)
		notice(was, summarize(&change->now));
	return status;
}

/* ---- add ----------------------------------------------------------------- */

/* The number of the one rule that @item names. */
static int pick_one(const struct confedit *text, struct str item, size_t *ret)
{
	static struct rulelist *rules;
	struct list l;
	bool *chosen;
	size_t n = 0;
	int status;

	CMD_LARGE(rules);
	rulelist_read(text, rules);
	l = rulelist(rules);
	chosen = list_mask(&l);
	status = pick_items(&l, item, false, chosen);
	for (size_t i = 0; i < l.n; i++) {
		n += chosen[i];
		*ret = chosen[i] ? i : *ret;
	}
	free(chosen);
	if (!status && n != 1)
		status = cmd_fail(CMD_USAGE, "\"%.*s\" is not one rule",
				  STR_F(item));
	return status;
}

static int edit_add(struct cmd *c, struct change *change)
{
	struct confrule r = { .is.ext_hi = UINT16_MAX,
			      .is.int_hi = UINT16_MAX };
	struct str value;
	size_t at = SIZE_MAX;
	int status = CMD_OK;

	if (!cmd_key(c, "action", &value) || !cmd_key(c, "network", &value))
		return cmd_fail(CMD_USAGE, "a rule needs action= and network=; "
				"example: rules add action=deny "
				"network=192.168.88.66");
	cmd_key(c, "action", &value);
	if (str_eq(value, STR("allow")))
		r.is.ext_lo = r.is.int_lo = POLICY_PORT_FLOOR;
	status = set_values(c, &r);
	if (!status && cmd_key(c, "place-before", &value))
		status = pick_one(&change->now, value, &at);
	if (status)
		return status;
	return change_fault(confedit_add_rule(&change->now, at, &r),
			    STR("comment"));
}

int rulechange_add(struct cmd *c)
{
	return run(c, edit_add);
}

/* ---- set, enable, disable, comment, remove ------------------------------- */

static int set_text(struct confrule *r, struct str text)
{
	if (maptext_read_desc(text, r->comment.text))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "comment is \"%.*s\"; it takes %s",
			STR_F(text), keys[COMMENT].accepts);
}

/* @text: of "comment" */
static int edit_one(const struct cmd *c, struct change *change,
		    const struct rulelist_item *item, size_t i, struct str text)
{
	struct confrule r = item->is;
	int status = CMD_OK;

	if (c->verb->run == rulechange_remove)
		return change_fault(confedit_del_rule(&change->now, i),
				    STR("rule"));
	if (item->invalid)
		return cmd_fail(CMD_USAGE, "rule %zu has an error; remove it, "
				"and add it again", i);
	if (c->verb->run == rulechange_enable)
		r.disabled = false;
	else if (c->verb->run == rulechange_disable)
		r.disabled = true;
	else if (c->verb->run == rulechange_comment)
		status = set_text(&r, text);
	else
		status = set_values(c, &r);
	if (status || !memcmp(&r, &item->is, sizeof(r)))
		return status;
	return change_fault(confedit_set_rule(&change->now, i, &r),
			    STR("comment"));
}

static int edit_selected(struct cmd *c, struct change *change)
{
	static struct rulelist *rules;
	char text[2 * PM_DESC_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct list l;
	bool *chosen;
	int status = CMD_OK;

	if (c->verb->run == rulechange_comment)
		status = options_comment(c, &w);
	if (status)
		return status;
	CMD_LARGE(rules);
	rulelist_read(&change->now, rules);
	l = rulelist(rules);
	chosen = list_mask(&l);
	status = pick_cmd(c, &l, chosen);
	/* the last one first, because a removal changes the later numbers */
	for (size_t i = l.n; i-- && !status;)
		if (chosen[i])
			status = edit_one(c, change, &rules->at[i], i,
					  wr_done(&w));
	free(chosen);
	return status;
}

int rulechange_set(struct cmd *c)
{
	return run(c, edit_selected);
}

int rulechange_enable(struct cmd *c)
{
	return run(c, edit_selected);
}

int rulechange_disable(struct cmd *c)
{
	return run(c, edit_selected);
}

int rulechange_remove(struct cmd *c)
{
	return run(c, edit_selected);
}

int rulechange_comment(struct cmd *c)
{
	return run(c, edit_selected);
}

/* ---- move ---------------------------------------------------------------- */

/* Move the chosen rules, in their order, before the rule @to, or to the end. */
static int move(struct confedit *text, size_t n, const bool *chosen, size_t to)
{
	size_t next = to;	/* the place of the next one */
	size_t moved = 0;	/* from before @to */
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		if (!chosen[i])
			continue;
		err = confedit_move_rule(text, i < to ? i - moved : i, next);
		moved += i < to;
		next += i >= to;
	}
	return change_fault(err, STR("rule"));
}

static int edit_move(struct cmd *c, struct change *change)
{
	static struct rulelist *rules;
	struct str value;
	struct list l;
	bool *chosen;
	size_t to = SIZE_MAX;
	int status = CMD_OK;

	CMD_LARGE(rules);
	if (cmd_key(c, "destination", &value))
		status = pick_one(&change->now, value, &to);
	else if (c->n > 1 && c->kind[c->n - 1] == CMD_ITEMS)	/* "move 2 0" */
		status = pick_one(&change->now, c->arg[--c->n], &to);
	if (status)
		return status;
	rulelist_read(&change->now, rules);
	l = rulelist(rules);
	chosen = list_mask(&l);
	status = pick_cmd(c, &l, chosen);
	if (!status)
		status = move(&change->now, l.n, chosen, to < l.n ? to : l.n);
	free(chosen);
	return status;
}

int rulechange_move(struct cmd *c)
{
	return run(c, edit_move);
}
