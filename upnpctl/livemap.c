/* SPDX-License-Identifier: ISC */
/*
 * livemap.c - try the mappings of a changed configuration in the running
 * daemon. The engine accepts or refuses each one. Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/livemap.h"
#include "upnpctl/maptext.h"
#include "upnpctl/reload.h"
#include "upnpctl/ruleadd.h"

bool livemap_is_absent(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -ECANCELED;
}

bool livemap_other_file(const struct live *l)
{
	return l->alive && !access(l->file, F_OK) &&
	       !reload_same_file(&l->monitor, l->file);
}

/*
 * Report a mapping that a line denies or that no line allows (policy.h), and
 * print the command that would allow it. The first allow or deny line of a file
 * turns the default rule off, so the advice repeats that rule.
 */
static int refused_by_rule(const struct live *l, const struct ctl_end *end,
			   const struct nat_rule *r)
{
	char text[384];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (end->line)
		wr_fmt(&w, "line %u denies it; to allow it: ",
		       (unsigned)end->line);
	else if (l->has_rules)
		wr_z(&w, "no line allows it; to allow it: ");
	else
		wr_z(&w, "ports below 1024 need a rule, and the first rule "
			 "turns the default off; to keep it: rules add "
			 "action=allow network=0.0.0.0/0 and rules add "
			 "action=allow network=::/0; then: ");
	ruleadd_put(&w, true, r);
	wr_z(&w, end->line ? " place-before=0" : "");
	return cmd_fail(CMD_FAULT, "refused by %s: %s", l->monitor.file[0] ?
			l->monitor.file : l->file, wr_cstr(&w));
}

int livemap_report(const struct live *l, const struct ctl_end *end,
		   const struct nat_rule *rule)
{
	char key[MAPTEXT_KEY_MAX];
	struct wr w = wr_init(key, sizeof(key));

	if (end->err == CTL_EREFUSED && end->refusal == REFUSAL_RULE)
		return refused_by_rule(l, end, rule);
	maptext_key(&w, rule);
	return live_report_end(l, end, wr_cstr(&w));
}

/* ---- requests -------------------------------------------------------- */

static int send_add(const struct live *l, const struct conf *c,
		    const struct conf_mapping *m, struct ctl_end *ret_end)
{
	struct ctl_req req = {
		.verb = CTL_ADD, .rule = confmapping_rule(m),
		.disabled = m->disabled, .configured = true,
	};

	str_copy(req.desc, sizeof(req.desc), str_z(confmapping_text(c, m)));
	return live_request(l, &req, CTLCLIENT_KIND(CTL_ADDED), NULL, NULL,
			    ret_end);
}

static int send_delete(const struct live *l, const struct conf_mapping *m,
		       struct ctl_end *ret_end)
{
	struct ctl_req req = {
		.verb = CTL_DELETE, .rule = confmapping_rule(m),
	};

	return live_request(l, &req, CTLCLIENT_KIND(CTL_REMOVED), NULL, NULL,
			    ret_end);
}

/* ---- comparing ------------------------------------------------------- */

static bool is_in(const struct conf *c, const struct conf *other,
		  const struct conf_mapping *m)
{
	const struct conf_mapping *o = confmapping_find(other, m);
	struct nat_rule a = confmapping_rule(m), b;

	if (!o || o->disabled != m->disabled)
		return false;
	b = confmapping_rule(o);
	return nat_rule_equal(&a, &b) && !strcmp(confmapping_text(c, m),
						 confmapping_text(other, o));
}

/* Handle a request that did not reach the engine. If no engine runs, there is
 * nothing to try: the next engine reads the file. */
static int failed(struct livemap *lm, int err)
{
	lm->absent = livemap_is_absent(err);
	return lm->absent ? CMD_OK : live_fail(&lm->live, err);
}

/* Runs before add_new(), so that a new mapping can use the port of an old
 * one. */
static int remove_old(struct livemap *lm)
{
	struct ctl_end end = { .err = CTL_OK };
	int err, status = CMD_OK;

	for (size_t i = 0; i < lm->was->mapping_n && !status && !lm->absent;
	     i++) {
		const struct conf_mapping *m = &lm->was->mapping[i];
		struct nat_rule rule = confmapping_rule(m);

		if (is_in(lm->was, lm->now, m))
			continue;
		err = send_delete(&lm->live, m, &end);
		lm->removed[i] = !err && end.err == CTL_OK;
		if (err)
			status = failed(lm, err);
		else if (end.err != CTL_ENOENT)
			status = livemap_report(&lm->live, &end, &rule);
	}
	return status;
}

static int add_new(struct livemap *lm)
{
	struct ctl_end end = { .err = CTL_OK };
	int err, status = CMD_OK;

	for (size_t i = 0; i < lm->now->mapping_n && !status && !lm->absent;
	     i++) {
		const struct conf_mapping *m = &lm->now->mapping[i];
		struct nat_rule rule = confmapping_rule(m);

		if (is_in(lm->now, lm->was, m))
			continue;
		err = send_add(&lm->live, lm->now, m, &end);
		/* after an error, the engine may have added it nevertheless */
		lm->added[i] = err || end.err == CTL_OK;
		status = err ? failed(lm, err) :
			 livemap_report(&lm->live, &end, &rule);
	}
	return status;
}

static bool differ(const struct conf *was, const struct conf *now)
{
	bool same = was->mapping_n == now->mapping_n;

	for (size_t i = 0; same && i < now->mapping_n; i++)
		same = is_in(now, was, &now->mapping[i]);
	return !same;
}

int livemap_try(struct livemap *lm, const char *file, const struct conf *was,
		const struct conf *now)
{
	const struct cmd_env env = { .file = file };
	int status;

	*lm = (struct livemap){ .was = was, .now = now };
	if (!differ(was, now))
		return CMD_OK;
	live_refresh(&lm->live, &env);
	/* another daemon may serve the same control socket */
	if (!lm->live.alive || !reload_same_file(&lm->live.monitor, file))
		return CMD_OK;
	status = remove_old(lm);
	if (!status)
		status = add_new(lm);
	if (status)
		livemap_undo(lm);
	return status;
}

void livemap_undo(struct livemap *lm)
{
	struct ctl_end unused;
	int err = 0;

	for (size_t i = 0; i < CONF_MAPPINGS_MAX && !err; i++)
		if (lm->added[i])
			err = send_delete(&lm->live, &lm->now->mapping[i],
					  &unused);
	for (size_t i = 0; i < CONF_MAPPINGS_MAX && !err; i++)
		if (lm->removed[i])
			err = send_add(&lm->live, lm->was, &lm->was->mapping[i],
				       &unused);
	memset(lm->added, 0, sizeof(lm->added));
	memset(lm->removed, 0, sizeof(lm->removed));
}
