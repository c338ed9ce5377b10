/* SPDX-License-Identifier: ISC */
/*
 * migrate.c - "mappings migrate": move the operator's mappings that are only in
 * the lease file to the configuration.
 *
 * Up to version 0.1.0 the operator's mappings were only in the lease file.
 * upnpd serves them until they are moved. A second run finds nothing to move.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/candidate.h"
#include "upnpctl/change.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/livemap.h"
#include "upnpctl/maptext.h"
#include "upnpctl/migrate.h"
#include "upnpctl/out.h"

/* A package's script runs this command right after it starts upnpd, so wait
 * this long for the engine. */
#define START_MS 5000

static bool is_left(const struct ctl_mapping *m)
{
	return m->origin == ORIGIN_OPERATOR && !m->configured && !m->left_s;
}

size_t migrate_left(const struct mappings *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += is_left(&all->v[i]);
	return n;
}

/* Add the line of one mapping, if the configuration can hold it.
 * @conf: the configuration that @change holds now */
static int move_one(struct change *change, struct conf *conf,
		    const struct ctl_mapping *old)
{
	struct conf_mapping m = confmapping_of_rule(&old->rule);
	char text[512];
	struct wr w = wr_init_cut(text, sizeof(text));
	int err;

	m.disabled = !old->enabled;
	if (confmapping_find(conf, &m))
		return 0;	/* the daemon has not read the file yet */
	maptext_key(&w, &old->rule);
	wr_z(&w, ": ");
	err = confmapping_add(conf, &m, old->desc, &w);
	if (!err)
		err = confedit_add_mapping(&change->now, &m, old->desc);
	if (err)
		cmd_fail(CMD_FAULT, "%s", wr_cstr(&w));
	return err;
}

static int move_all(struct change *change, const struct mappings *all,
		    size_t *ret_moved)
{
	static struct conf *conf;
	int status = CMD_OK;

	CMD_LARGE(conf);
	candidate_draft(&change->now, conf);
	change->untried = true;
	*ret_moved = 0;
	for (size_t i = 0; i < all->n; i++) {
		if (!is_left(&all->v[i]))
			continue;
		if (move_one(change, conf, &all->v[i]))
			status = CMD_FAULT;
		else
			++*ret_moved;
	}
	return status;
}

static void put_result(const struct cmd *c, size_t moved, size_t left)
{
	if (c->env->json) {
		json_object(NULL);
		json_u64("moved", moved);
		json_u64("left", left);
		json_end();
	} else if (moved || left) {
		out_fmt("%zu of %zu static mappings moved to %s\n", moved,
			moved + left, c->env->file);
	} else {
		out_fmt("all static mappings are in %s\n", c->env->file);
	}
}

static int migrate(struct cmd *c, const struct mappings *all)
{
	static struct change *change;
	size_t moved = 0, n = migrate_left(all);
	int status, status2;

	if (n) {
		CMD_LARGE(change);
		status = change_begin(change, c->env->file);
		if (status)
			return status;
		status = move_all(change, all, &moved);
		status2 = change_end(change);
		if (status2)
			return status2;
	} else {
		status = CMD_OK;
	}
	put_result(c, moved, n - moved);
	return status;
}

int migrate_run(struct cmd *c)
{
	struct mappings all = { 0 };
	struct live l;
	int status, err;

	for (int ms = 0;; ms += CTLCLIENT_RETRY_MS) {
		mappings_free(&all);
		live_refresh(&l, c->env);
		status = mappings_fetch_if_any(&l, &all, &err);
		if (status || !err || !l.alive || live_idle(&l) ||
		    ms >= START_MS)
			break;
		poll(NULL, 0, CTLCLIENT_RETRY_MS);
	}
	if (status == CMD_OK && err)
		status = live_fail(&l, err);
	else if (status == CMD_OK && livemap_other_file(&l))
		status = cmd_fail(CMD_FAULT, "the upnpd that runs reads %s; "
				  "use -f %s", l.monitor.file, l.monitor.file);
	else if (status == CMD_OK)
		status = migrate(c, &all);
	mappings_free(&all);
	return status;
}
