/* SPDX-License-Identifier: ISC */
/*
 * check_mappings.c - check that each of the operator's mappings is in effect
 * and in the configuration. Runs in: upnpctl
 */
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/check.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/migrate.h"
#include "upnpctl/reload.h"

/* The mapping of the configuration that the engine serves for @m, or NULL. */
static const struct ctl_mapping *find_served(const struct mappings *all,
					     const struct conf_mapping *m)
{
	struct nat_rule rule = confmapping_rule(m);

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].configured &&
		    all->v[i].enabled == !m->disabled &&
		    nat_rule_equal(&all->v[i].rule, &rule))
			return &all->v[i];
	return NULL;
}

static int add_record(void *arg, const struct ctl_rep *rep)
{
	return mappings_add(arg, &rep->mapping);
}

/* Like mappings_fetch(), but without messages on stderr. */
static int fetch(const struct live *l, struct mappings *ret)
{
	struct ctl_req req = { .verb = CTL_MAPPINGS };
	struct ctl_end end;
	int err;

	*ret = (struct mappings){ 0 };
	err = live_request(l, &req, CTLCLIENT_KIND(CTL_MAPPING), add_record,
			   ret, &end);
	return err ? err : (int)end.err;
}

static void check_configured(struct check *c, const struct mappings *all)
{
	for (size_t i = 0; i < c->conf.mapping_n; i++) {
		const struct conf_mapping *m = &c->conf.mapping[i];
		const struct ctl_mapping *served = find_served(all, m);
		char key[64];
		struct wr w = wr_init(key, sizeof(key));

		if (served && !served->suspended)
			continue;
		confmapping_put_key(&w, m);
		wr_cstr(&w);
		if (served)
			check_report(c, CHECK_PROBLEM, "mapping %s of line %u "
				     "is suspended: %s is in no internal "
				     "network\nCorrect the address, or bring "
				     "its interface up", key, m->line,
				     addr_text(m->client).text);
		else
			check_report(c, CHECK_PROBLEM, "mapping %s of line %u "
				     "is not in effect\nSee the log of upnpd "
				     "for the reason; if the file was changed, "
				     "reload it: kill -HUP %ld", key, m->line,
				     (long)c->daemon);
	}
}

/* Report mappings whose lines were deleted after the engine had read them. */
static void check_deleted(struct check *c, const struct mappings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct conf_mapping m = confmapping_of_rule(&all->v[i].rule);
		char key[64];
		struct wr w = wr_init(key, sizeof(key));

		if (!all->v[i].configured || confmapping_find(&c->conf, &m))
			continue;
		confmapping_put_key(&w, &m);
		check_report(c, CHECK_WARNING, "mapping %s is in effect, but "
			     "no longer in the file\n"
			     "Make upnpd read the file: kill -HUP %ld",
			     wr_cstr(&w), (long)c->daemon);
	}
}

void check_mappings(struct check *c)
{
	const struct mappings *all = &c->all;
	struct live l;
	size_t left;

	if (!c->daemon || !c->conf.enabled) {
		check_report_ok(c, "upnpd adds the mappings of the "
				"configuration when it starts");
		return;
	}
	live_refresh(&l, c->env);
	if (!reload_same_file(&l.monitor, c->env->file))
		return;		/* check_daemon() has reported it */
	c->have_all = !fetch(&l, &c->all);
	if (!c->have_all) {
		check_report(c, CHECK_WARNING, "the mappings cannot be read "
			     "from upnpd\nRun upnpctl check as root; if that "
			     "does not help, see upnpctl mappings print");
		return;
	}
	left = migrate_left(all);
	if (left)
		check_report(c, CHECK_WARNING, "%zu static mappings are only "
			     "in the lease file: they are lost with state-dir, "
			     "and an export omits them\n"
			     "upnpctl mappings migrate", left);
	check_configured(c, all);
	check_deleted(c, all);
	check_report_ok(c, c->conf.mapping_n ?
			"every mapping of the configuration is in effect" :
			"no static mapping is missing from the configuration");
}
