/* SPDX-License-Identifier: ISC */
/*
 * mapchange.c - "mappings add" and "mappings remove".
 *
 * A permanent mapping is a line of the configuration. change.c tries it in the
 * running engine, which accepts or refuses it, and then writes the line. This
 * file checks only the syntax of the arguments.
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
#include "upnpctl/mappings.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"

/* ---- add ------------------------------------------------------------- */

enum { PROTOCOL, EXT_PORT, TO, REMOTE, LEASE, DISABLED, COMMENT, OPTIONS };

static const struct {
	const char *key, *accepts;
	bool needed;
} options[OPTIONS] = {
	[PROTOCOL] = { "protocol", "tcp or udp; to an IPv6 address also dccp, "
		       "sctp or udplite", true },
	[EXT_PORT] = { "external-port", "a port, 1 to 65535; not needed to an "
		       "IPv6 address" },
	[TO] = { "to", "a host of the LAN and a port, such as "
		 "192.168.88.10:80 or [2001:db8::5]:8080", true },
	[REMOTE] = { "remote-host", "the address of one host, which a port may "
		     "follow, such as 203.0.113.5:3478, or nothing for all" },
	[LEASE] = { "lease", "seconds or a time such as 1d2h, 1w at most; 0 "
		    "for ever" },
	[DISABLED] = { "disabled", "yes or no" },
	[COMMENT] = { "comment", "up to 256 bytes of UTF-8 without control "
		      "characters" },
};

const struct cmd_arg mapchange_add_args[] = {
	{ "protocol", CMD_KEY, true, .values = "tcp udp dccp sctp udplite" },
	{ "external-port", CMD_KEY, .help = "the port of the router" },
	{ "to", CMD_KEY, true, .help = "ADDRESS:PORT of the LAN" },
	{ "remote-host", CMD_KEY, .help = "ADDRESS[:PORT] of the peer" },
	{ "lease", CMD_KEY, .help = "how long, such as 1d2h" },
	{ "disabled", CMD_KEY, .values = "yes no" },
	{ "comment", CMD_KEY, .help = "any text" },
	{ NULL },
};

const struct cmd_arg mapchange_items_args[] = {
	{ "N,...|all|PROTO:PORT", CMD_ITEMS, true, .values = "all" },
	{ NULL },
};

_Static_assert(PM_DESC_MAX == 256 && PM_LEASE_MAX_S == 604800,
	       "the texts above name these values");

/* Is it an address that a host has, whatever the interface? */
static bool is_host(struct addr a)
{
	return addr_is_host(a) && !addr_is_link_local(a);
}

/* Parse the value of options[@i]. */
static bool parse_value(struct ctl_req *r, size_t i, struct str v)
{
	bool yes, parsed;

	switch (i) {
	case PROTOCOL:
		return maptext_read_proto(v, &r->rule.proto);
	case EXT_PORT:
		return maptext_read_port(v, &r->rule.ext_port);
	case TO:
		return maptext_read_to(v, &r->rule.client,
				       &r->rule.int_port) &&
		       is_host(r->rule.client);
	case REMOTE:
		return v.n == 0 ||
		       (confmapping_read_remote(v, &r->rule.remote,
						&r->rule.remote_port) &&
			is_host(r->rule.remote));
	case LEASE:
		return maptext_read_time(v, &r->lease_s) == 0;
	case DISABLED:
		yes = false;
		parsed = maptext_read_bool(v, &yes);
		r->disabled = yes;
		return parsed;
	}
	return maptext_read_desc(v, r->desc);
}

static int read_option(struct ctl_req *req, struct str arg, unsigned *seen)
{
	struct str value = arg, key;
	size_t i = 0;

	str_cut(&value, '=', &key);
	while (i < OPTIONS && !str_eq(key, str_z(options[i].key)))
		i++;
	if (i == OPTIONS || key.n == arg.n)
		return cmd_fail(CMD_USAGE, "mappings add takes protocol=, "
				"external-port=, to=, remote-host=, lease=, "
				"disabled=, comment=, not \"%.*s\"",
				STR_F(arg));
	if (*seen & 1u << i)
		return cmd_fail(CMD_USAGE, "%s is set twice; set it "
				"once", options[i].key);
	*seen |= 1u << i;
	if (parse_value(req, i, value))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "%s is \"%.*s\"; it takes %s",
			options[i].key, STR_F(value), options[i].accepts);
}

/* To an IPv6 address it is a pinhole, which has one port. */
static int complete_rule(struct nat_rule *r)
{
	bool pinhole = r->client.family == ADDR_IP6;

	if (!pinhole && !r->ext_port)
		return cmd_fail(CMD_USAGE, "external-port is missing; it takes "
				"%s", options[EXT_PORT].accepts);
	if (pinhole && r->ext_port && r->ext_port != r->int_port)
		return cmd_fail(CMD_USAGE, "external-port is %u, and the port "
				"of to= is %u; IPv6 translates no port: leave "
				"external-port out", (unsigned)r->ext_port,
				(unsigned)r->int_port);
	if (addr_is_set(r->remote) && r->remote.family != r->client.family)
		return cmd_fail(CMD_USAGE, "remote-host is not of the same "
				"family as to=; write an %s address",
				pinhole ? "IPv6" : "IPv4");
	r->kind = pinhole ? NAT_PINHOLE : NAT_PORTMAP;
	if (pinhole)
		r->ext_port = 0;
	if (nat_rule_has_proto(r->kind, r->proto))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "protocol %s is for IPv6 only; it takes tcp "
			"or udp", nat_rule_proto(r->proto));
}

static int read_options(const struct cmd *c, struct ctl_req *req)
{
	unsigned seen = 0;
	int status;

	*req = (struct ctl_req){
		.verb = CTL_ADD,
		.rule = { .kind = NAT_PORTMAP, .remote = addr_any() },
	};
	for (size_t i = 0; i < c->n; i++) {
		status = read_option(req, c->arg[i], &seen);
		if (status != CMD_OK)
			return status;
	}
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].needed && !(seen & 1u << i))
			return cmd_fail(CMD_USAGE, "%s is missing; it takes %s",
					options[i].key, options[i].accepts);
	return complete_rule(&req->rule);
}

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
	int err, status = read_options(c, &req);

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
	int status = read_options(c, &req);

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

/* ---- remove: selection --------------------------------------------------- */

struct selection {
	struct mappings *all;
	bool by_key;		/* without an engine there are no numbers */
	bool *chosen;		/* one for each mapping */
};

static int choose_number(struct selection *s, struct str item, uint32_t i)
{
	if (i < s->all->n) {
		s->chosen[i] = true;
		return CMD_OK;
	}
	if (!s->all->n)
		return cmd_fail(CMD_FAULT, "there is no mapping %.*s; there "
				"are no mappings", STR_F(item));
	return cmd_fail(CMD_FAULT, "there is no mapping %.*s; there are 0 to "
			"%zu", STR_F(item), s->all->n - 1);
}

/* maptext_read_key() */
struct wanted {
	struct nat_rule key;
	bool any_remote;
};

static bool is_wanted(const struct wanted *want, const struct nat_rule *r)
{
	struct nat_rule key = want->key;

	if (want->any_remote) {
		key.remote = r->remote;
		key.remote_port = r->remote_port;
	}
	return nat_rule_same_key(&key, r);
}

/* Report that several mappings match, with their keys. The mapping for all
 * remote hosts has the key of remote host 0.0.0.0, a pinhole that of "*:*". */
static int ambiguous(const struct selection *s, struct str item,
		     const struct wanted *want)
{
	char names[512];
	struct wr w = wr_init_cut(names, sizeof(names));

	for (size_t i = 0; i < s->all->n; i++) {
		const struct nat_rule *r = &s->all->v[i].rule;

		if (!is_wanted(want, r))
			continue;
		wr_z(&w, w.len ? ", " : "");
		maptext_key(&w, r);
		if (!addr_is_set(r->remote) && !r->remote_port)
			wr_z(&w, r->kind == NAT_PINHOLE ? ":*:*" : ":0.0.0.0");
	}
	return cmd_fail(CMD_USAGE, "\"%.*s\" is more than one mapping; use one "
			"of: %s", STR_F(item), wr_cstr(&w));
}

static int choose_key(struct selection *s, struct str item,
		      const struct wanted *want)
{
	size_t found = 0, last = 0;

	for (size_t i = 0; i < s->all->n; i++) {
		if (!is_wanted(want, &s->all->v[i].rule))
			continue;
		found++;
		last = i;
	}
	if (found > 1)
		return ambiguous(s, item, want);
	if (!found)
		return cmd_fail(CMD_FAULT, "there is no mapping %.*s; see: "
				"upnpctl mappings print", STR_F(item));
	s->chosen[last] = true;
	return CMD_OK;
}

static int choose(struct selection *s, struct str item)
{
	struct wanted want;
	uint32_t i;

	if (str_eq(item, STR("all"))) {
		for (i = 0; i < s->all->n; i++)
			s->chosen[i] = true;
		return CMD_OK;
	}
	if (str_u32(item, 0, UINT32_MAX, &i) == 0 && s->by_key)
		return cmd_fail(CMD_USAGE, "%u is a number from mappings "
				"print, which needs a running upnpd; use a key "
				"such as tcp:8080", (unsigned)i);
	if (str_u32(item, 0, UINT32_MAX, &i) == 0)
		return choose_number(s, item, i);
	if (maptext_read_key(item, &want.key, &want.any_remote))
		return choose_key(s, item, &want);
	return cmd_fail(CMD_USAGE, "\"%.*s\" is not a mapping; use a number "
			"from mappings print, a list such as 0,1, all, or a "
			"key such as tcp:8080", STR_F(item));
}

/* "0,1", "all", "tcp:80"; an empty item is an error. */
static int choose_list(struct selection *s, struct str list)
{
	struct str item;
	int status = CMD_OK;
	bool more = true;

	if (str_starts(list, STR("numbers=")))
		list = str_skip(list, 8);
	while (more && status == CMD_OK) {
		item = (struct str){ list.p, 0 };
		more = str_cut(&list, ',', &item) && item.p + item.n != list.p;
		status = choose(s, item);
	}
	return status;
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
static int remove_live(const struct live *l, const struct selection *s)
{
	int status = CMD_OK, err = 0;

	for (size_t i = 0; i < s->all->n && !err; i++)
		if (s->chosen[i] && !s->all->v[i].configured &&
		    remove_one(l, &s->all->v[i].rule, &err))
			status = CMD_FAULT;
	return status;
}

/* Delete the lines of the chosen mappings that the configuration has. If the
 * file was changed since the engine read it, it may not have the line any more:
 * then only the engine has the mapping. */
static void remove_lines(const struct selection *s, struct change *change)
{
	for (size_t i = 0; i < s->all->n; i++) {
		struct ctl_mapping *is = &s->all->v[i];
		struct conf_mapping m = confmapping_of_rule(&is->rule);

		if (s->chosen[i] && is->configured)
			is->configured = !confedit_del_mapping(&change->now,
							       &m);
	}
}

static bool any_configured(const struct selection *s)
{
	for (size_t i = 0; i < s->all->n; i++)
		if (s->chosen[i] && s->all->v[i].configured)
			return true;
	return false;
}

/* The mappings of a configuration, as the engine would list them. */
static int list_conf(const struct confedit *text, struct mappings *ret)
{
	static struct conf *conf;
	int err = 0;

	*ret = (struct mappings){ 0 };
	CMD_LARGE(conf);
	candidate_draft(text, conf);
	for (size_t i = 0; i < conf->mapping_n && !err; i++) {
		struct ctl_mapping m = {
			.rule = confmapping_rule(&conf->mapping[i]),
			.configured = true,
		};

		err = mappings_add(ret, &m);
	}
	return err ? cmd_fail(CMD_FAULT, "out of memory") : CMD_OK;
}

/* Read the arguments, and set s->chosen. */
static int choose_all(const struct cmd *c, struct selection *s)
{
	int status = CMD_OK;

	s->chosen = calloc(s->all->n + 1, sizeof(*s->chosen));
	if (!s->chosen)
		return cmd_fail(CMD_FAULT, "out of memory");
	for (size_t i = 0; i < c->n && status == CMD_OK; i++)
		status = choose_list(s, c->arg[i]);
	return status;
}

/* In a script or without an engine, remove only lines of the configuration. */
static int edit_remove(struct cmd *c, struct change *change)
{
	struct mappings all;
	struct selection s = { .all = &all, .by_key = true };
	int status = list_conf(&change->now, &all);

	if (status == CMD_OK)
		status = choose_all(c, &s);
	if (status == CMD_OK)
		remove_lines(&s, change);
	free(s.chosen);
	mappings_free(&all);
	return status;
}

static int remove_chosen(struct cmd *c, const struct live *l,
			 const struct selection *s)
{
	static struct change *change;
	int status = CMD_OK;

	if (any_configured(s)) {
		CMD_LARGE(change);
		status = change_begin(change, c->env->file);
		if (status)
			return status;
		remove_lines(s, change);
		status = change_end(change);
	}
	return status == CMD_OK ? remove_live(l, s) : status;
}

int mapchange_remove(struct cmd *c)
{
	struct mappings all = { 0 };
	struct selection s = { .all = &all };
	struct live l;
	int status, err;

	if (c->n == 0)
		return cmd_fail(CMD_USAGE, "mappings remove needs a mapping: "
				"a number from mappings print, a list such as "
				"0,1, all, or a key such as tcp:8080");
	if (c->env->change)
		return edit_remove(c, c->env->change);
	live_refresh(&l, c->env);
	if (livemap_other_file(&l))	/* change only the file */
		return change_run(c, edit_remove);
	status = mappings_fetch_if_any(&l, &all, &err);
	if (status == CMD_OK && err) {
		mappings_free(&all);
		return change_run(c, edit_remove);
	}
	if (status == CMD_OK)
		status = choose_all(c, &s);
	if (status == CMD_OK)
		status = remove_chosen(c, &l, &s);
	free(s.chosen);
	mappings_free(&all);
	return status;
}
