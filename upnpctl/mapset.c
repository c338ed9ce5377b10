/* SPDX-License-Identifier: ISC */
/*
 * mapset.c - "mappings set", "enable", "disable" and "comment": change the
 * lines of static mappings. Runs in: upnpctl
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/candidate.h"
#include "upnpctl/change.h"
#include "upnpctl/livemap.h"
#include "upnpctl/mapargs.h"
#include "upnpctl/maplist.h"
#include "upnpctl/maptext.h"
#include "upnpctl/options.h"
#include "upnpctl/pick.h"
#include "upnpctl/ruleadd.h"

const struct cmd_arg mapset_args[] = {
	{ "N,...|all|PROTO:PORT", CMD_ITEMS, true, .values = "all" },
	{ "protocol", CMD_KEY, .values = "tcp udp dccp sctp udplite",
	  .help = "tcp or udp; the others to IPv6 addresses" },
	{ "external-port", CMD_KEY, .help = "the port of the router" },
	{ "to", CMD_KEY, .help = "ADDRESS:PORT of the LAN" },
	{ "remote-host", CMD_KEY, .help = "ADDRESS[:PORT] of the peer" },
	{ "disabled", CMD_KEY, .values = "yes no",
	  .help = "it is kept without effect" },
	{ "comment", CMD_KEY, .help = "any text" },
	{ NULL },
};

const struct cmd_arg mapset_comment_args[] = {
	{ "N,...|all|PROTO:PORT", CMD_ITEMS, true, .values = "all" },
	{ "comment", CMD_KEY, .help = "a text; or it follows the mapping" },
	{ "TEXT", CMD_OTHER },
	{ NULL },
};

struct edit {
	struct cmd *cmd;
	struct str text;		/* of "comment" */
	struct change *change;
};

/* Report a mapping that has no line in the configuration. */
static int no_line(const struct edit *e, const struct ctl_mapping *m)
{
	char key[MAPTEXT_KEY_MAX], rule[160];
	struct live live;
	struct wr k = wr_init(key, sizeof(key));
	struct wr r = wr_init(rule, sizeof(rule));

	maptext_key(&k, &m->rule);
	wr_cstr(&k);
	live_refresh(&live, e->cmd->env);
	if (m->configured)
		return cmd_fail(CMD_FAULT, "%s is not in %s any more; upnpd has "
				"not read the file since", key,
				live.file);
	if (m->origin == ORIGIN_OPERATOR)
		return cmd_fail(CMD_USAGE, "%s is not in the configuration; %s",
				key, m->left_s ? "it ends with its lease: "
				"remove it, and add it without one" :
				"run: mappings migrate");
	ruleadd_put(&r, false, &m->rule);
	return cmd_fail(CMD_USAGE, "%s is a mapping of a client, %s, and cannot "
			"be changed; to refuse it: %s%s", key,
			addr_text(m->rule.client).text, wr_cstr(&r),
			live.has_rules ? " place-before=0" : "");
}

/* Change the request that would make the mapping. */
static int apply(const struct edit *e, struct ctl_req *r)
{
	const struct cmd *c = e->cmd;

	if (c->verb->run == mapset_enable || c->verb->run == mapset_disable) {
		r->disabled = c->verb->run == mapset_disable;
		return CMD_OK;
	}
	if (c->verb->run == mapset_run)
		return mapargs_set(c, r);
	if (maptext_read_desc(e->text, r->desc))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "comment is \"%.*s\"; it takes up to %d "
			"bytes of UTF-8 without control characters",
			STR_F(e->text), PM_DESC_MAX);
}

/* @conf: the configuration that the change holds */
static int edit_line(const struct edit *e, const struct conf *conf,
		     const struct conf_mapping *old)
{
	const char *comment = confmapping_text(conf, old);
	const struct nat_rule rule = confmapping_rule(old);
	struct ctl_req r = { .rule = rule, .disabled = old->disabled };
	struct conf_mapping m;
	char key[MAPTEXT_KEY_MAX];
	struct wr w = wr_init(key, sizeof(key));
	int err, status;

	str_copy(r.desc, sizeof(r.desc), str_z(comment));
	status = apply(e, &r);
	if (status)
		return status;
	m = confmapping_of_rule(&r.rule);
	m.disabled = r.disabled;
	/* a line that means the same stays as it is written */
	if (m.disabled == old->disabled && !strcmp(r.desc, comment) &&
	    nat_rule_equal(&r.rule, &rule))
		return CMD_OK;
	maptext_key(&w, &r.rule);
	err = confedit_set_mapping(&e->change->now, old, &m, r.desc);
	if (err == -EEXIST)
		return cmd_fail(CMD_USAGE, "%s is in the configuration "
				"already; remove it first", wr_cstr(&w));
	return change_fault(err, wr_done(&w));
}

static int edit_chosen(const struct edit *e, const struct list *all,
		       const bool *chosen)
{
	static struct conf *conf;
	int status = CMD_OK;

	CMD_LARGE(conf);
	candidate_draft(&e->change->now, conf);
	for (size_t i = 0; i < all->n && !status; i++) {
		const struct ctl_mapping *is = maplist_at(all, i);
		struct conf_mapping key = confmapping_of_rule(&is->rule);
		const struct conf_mapping *m = confmapping_find(conf, &key);

		if (chosen[i])
			status = m ? edit_line(e, conf, m) : no_line(e, is);
	}
	return status;
}

static int edit_file(struct edit *e, const struct list *all,
		     const bool *chosen)
{
	static struct change *change;
	int status;

	if (e->change)		/* of a script */
		return edit_chosen(e, all, chosen);
	CMD_LARGE(change);
	e->change = change;
	status = change_begin(change, e->cmd->env->file);
	if (status)
		return status;
	status = edit_chosen(e, all, chosen);
	if (!status)
		return change_end(change);
	change_drop(change);
	return status;
}

static int run(struct cmd *c)
{
	struct edit e = { .cmd = c, .change = c->env->change };
	char text[2 * PM_DESC_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct list all;
	bool *chosen = NULL;
	int status = CMD_OK;

	if (c->verb->run == mapset_comment)
		status = options_comment(c, &w);
	if (status)
		return status;
	e.text = wr_done(&w);
	status = maplist_open(c->env, &all);
	if (!status) {
		chosen = list_mask(&all);
		status = pick_cmd(c, &all, chosen);
	}
	if (!status)
		status = edit_file(&e, &all, chosen);
	free(chosen);
	list_close(&all);
	return status;
}

int mapset_run(struct cmd *c)
{
	return run(c);
}

int mapset_enable(struct cmd *c)
{
	return run(c);
}

int mapset_disable(struct cmd *c)
{
	return run(c);
}

int mapset_comment(struct cmd *c)
{
	return run(c);
}
