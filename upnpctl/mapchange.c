/* SPDX-License-Identifier: ISC */
/*
 * mapchange.c - "mappings add" and "mappings remove".
 *
 * A permanent mapping is a line of the configuration. change.c tries it in the
 * running engine, which accepts or refuses it, and then writes the line.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/candidate.h"
#include "upnpctl/change.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/livemap.h"
#include "upnpctl/mapargs.h"
#include "upnpctl/maplist.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"
#include "upnpctl/pick.h"

/* ---- what they take -------------------------------------------------- */

const struct cmd_arg mapchange_add_args[] = {
	{ "protocol", CMD_KEY, true, .values = "tcp udp dccp sctp udplite",
	  .help = "tcp or udp; the others to IPv6 addresses" },
	{ "external-port", CMD_KEY, .help = "the port of the router" },
	{ "to", CMD_KEY, true, .help = "ADDRESS:PORT of the LAN" },
	{ "remote-host", CMD_KEY, .help = "ADDRESS[:PORT] of the peer" },
	{ "lease", CMD_KEY, .help = "how long, such as 1d2h" },
	{ "disabled", CMD_KEY, .values = "yes no",
	  .help = "it is kept without effect" },
	{ "comment", CMD_KEY, .help = "any text" },
	{ NULL },
};

const struct cmd_arg mapchange_items_args[] = {
	{ "N,...|all|PROTO:PORT", CMD_ITEMS, true, .values = "all" },
	{ NULL },
};

/* ---- add: for a time --------------------------------------------------- */

struct added {
	struct ctl_mapping m;
	bool done;
};

static int store_added(void *arg, const struct ctl_rep *rep)
{
	struct added *a = arg;

	a->m = rep->mapping;
	a->done = true;
	return 0;
}

static int report_added(const struct cmd *c, const struct added *a,
		      const struct ctl_req *req)
{
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	if (c->env->json && a->done) {
		json_object(NULL);
		maptext_json(&a->m);
		json_end();
	}
	/* a few seconds of the lease may have passed already */
	if (a->done && a->m.left_s && (!req->lease_s ||
				       a->m.left_s + 60 < req->lease_s)) {
		maptext_time(&w, a->m.left_s);
		cmd_fail(CMD_OK, "the lease is %s: max-lease does not allow a "
			 "longer one", wr_cstr(&w));
	}
	return CMD_OK;
}

/* A mapping with a lease is not part of the configuration: only the engine has
 * it. */
static int add_for_a_time(struct cmd *c, const struct ctl_req *req)
{
	struct added added = { 0 };
	struct ctl_end end;
	struct live l;
	int err, status;

	if (c->env->change)
		return cmd_fail(CMD_USAGE, "lease is not allowed in a script, "
				"which can only change the configuration");
	live_refresh(&l, c->env);
	err = live_request(&l, req, CTLCLIENT_KIND(CTL_ADDED), store_added,
			   &added, &end);
	if (err)
		return live_fail(&l, err);
	status = livemap_report(&l, &end, &req->rule);
	return status == CMD_OK ? report_added(c, &added, req) : status;
}

/* ---- add: the configuration ------------------------------------------- */

static int edit_add(struct cmd *c, struct change *change)
{
	struct conf_mapping m;
	struct ctl_req req;
	char key[MAPTEXT_KEY_MAX];
	struct wr w = wr_init(key, sizeof(key));
	int err, status = mapargs_add(c, &req);

	if (status)
		return status;
	m = confmapping_of_rule(&req.rule);
	m.disabled = req.disabled;
	maptext_key(&w, &req.rule);
	err = confedit_add_mapping(&change->now, &m, req.desc);
	if (err == -EEXIST)
		return cmd_fail(CMD_USAGE, "%s is in the configuration "
				"already; remove it first: mappings remove %s",
				key, wr_cstr(&w));
	return change_fault(err, wr_done(&w));
}

int mapchange_add(struct cmd *c)
{
	struct added added = { .done = true };
	struct ctl_req req;
	int status = mapargs_add(c, &req);

	if (status == CMD_OK && req.lease_s)
		return add_for_a_time(c, &req);
	if (status == CMD_OK)
		status = change_run(c, edit_add);
	if (status != CMD_OK || c->env->change)
		return status;
	added.m = (struct ctl_mapping){
		.rule = req.rule, .origin = ORIGIN_OPERATOR,
		.enabled = !req.disabled, .configured = true,
	};
	memcpy(added.m.desc, req.desc, sizeof(req.desc));
	return report_added(c, &added, &req);
}

/* ---- remove ------------------------------------------------------------- */

/* Remove a mapping. Succeeds if it does not exist any more. */
static int remove_one(const struct live *l, const struct nat_rule *rule,
		      int *ret_err)
{
	struct ctl_req req = { .verb = CTL_DELETE, .rule = *rule };
	char key[MAPTEXT_KEY_MAX];
	struct wr w = wr_init(key, sizeof(key));
	struct ctl_end end;

	*ret_err = live_request(l, &req, CTLCLIENT_KIND(CTL_REMOVED), NULL,
				NULL, &end);
	if (*ret_err)
		return live_fail(l, *ret_err);
	if (end.err == CTL_ENOENT)
		return CMD_OK;
	maptext_key(&w, rule);
	return live_report_end(l, &end, wr_cstr(&w));
}

/* Remove the chosen mappings that only the engine has. Report one that cannot
 * be removed and continue with the others. If there is no engine, stop. */
static int remove_live(const struct cmd_env *env, const struct list *all,
		       const bool *chosen)
{
	struct live l;
	int status = CMD_OK, err = 0;

	live_refresh(&l, env);
	for (size_t i = 0; i < all->n && !err; i++)
		if (chosen[i] && remove_one(&l, &maplist_at(all, i)->rule,
					    &err))
			status = CMD_FAULT;
	return status;
}

/* Delete the lines of the chosen mappings that the configuration has: they are
 * chosen no more. If the file was changed since the engine read it, it may not
 * have a line any more: then only the engine has the mapping. */
static void remove_lines(const struct list *all, bool *chosen,
			 struct change *change)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct ctl_mapping *is = maplist_at(all, i);
		struct conf_mapping m = confmapping_of_rule(&is->rule);

		if (chosen[i] && is->configured)
			chosen[i] = confedit_del_mapping(&change->now, &m);
	}
}

static bool any_configured(const struct list *all, const bool *chosen)
{
	for (size_t i = 0; i < all->n; i++)
		if (chosen[i] && maplist_at(all, i)->configured)
			return true;
	return false;
}

static int remove_chosen(struct cmd *c, const struct list *all, bool *chosen)
{
	static struct change *change;
	int status = CMD_OK;

	if (c->env->change) {
		remove_lines(all, chosen, c->env->change);
		return CMD_OK;
	}
	if (any_configured(all, chosen)) {
		CMD_LARGE(change);
		status = change_begin(change, c->env->file);
		if (status)
			return status;
		remove_lines(all, chosen, change);
		status = change_end(change);
	}
	if (status || all->by_key)
		return status;
	return remove_live(c->env, all, chosen);
}

int mapchange_remove(struct cmd *c)
{
	struct list all;
	bool *chosen = NULL;
	int status = maplist_open(c->env, &all);

	if (!status) {
		chosen = list_mask(&all);
		status = pick_cmd(c, &all, chosen);
	}
	if (!status)
		status = remove_chosen(c, &all, chosen);
	free(chosen);
	list_close(&all);
	return status;
}
