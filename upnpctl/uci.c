/* SPDX-License-Identifier: ISC */
/*
 * uci.c - write a change of the configuration to UCI.
 *
 * Owns: nothing; runs the program uci by argv, so that no value is parsed by a
 * shell.
 * Invariant: nothing is committed unless each command before has succeeded.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"
#include "sys/proc_why.h"
#include "upnpctl/candidate.h"
#include "upnpctl/cmd.h"
#include "upnpctl/source.h"
#include "upnpctl/uci.h"
#include "upnpctl/ucishow.h"

#define RUN_MS 10000	/* a command takes a few ms */

struct job {
	struct conf was, now;
	const struct confedit *was_text, *now_text;
	struct ucishow show;
	int status;		/* of the first command that failed */
};

/* ---- the program ----------------------------------------------------- */

static int run_failed(const struct proc *p, int err)
{
	char text[sizeof(p->err)];
	struct wr why = wr_init_cut(text, sizeof(text));

	if (err == -ENOENT)
		return cmd_fail(CMD_FAULT, "the configuration is kept in UCI, "
				"but the program uci is missing; install it, "
				"or replace the file with one that lacks its "
				"first line");
	proc_why(p, err, &why);
	return cmd_fail(CMD_FAULT, "uci %s %s: %s", p->argv[1], p->argv[2],
			wr_cstr(&why));
}

static int run_uci(const char *verb, const char *arg)
{
	const char *const argv[] = { "uci", verb, arg, NULL };
	struct proc p = { .argv = argv, .deadline_ms = RUN_MS };
	int err = proc_run(&p);

	return err ? run_failed(&p, err) : CMD_OK;
}

static void find_change(void *arg, struct str line)
{
	*(bool *)arg |= line.n > 0;
}

/* Fail if somebody has uncommitted changes. */
static int check_clean(void)
{
	const char *const argv[] = { "uci", "changes", "upnpd", NULL };
	bool any = false;
	struct proc p = { .argv = argv, .line = find_change, .arg = &any,
			  .deadline_ms = RUN_MS };
	int err = proc_run(&p);

	if (err)
		return run_failed(&p, err);
	if (!any)
		return CMD_OK;
	return cmd_fail(CMD_FAULT, "UCI has uncommitted changes to upnpd; run: "
			"uci commit upnpd, or: uci revert upnpd");
}

/* ---- single commands ------------------------------------------------- */

/* Run one command, unless an earlier one failed. @option: NULL for the section
 * itself */
static void put(struct job *j, const char *verb, const char *section,
		const char *option, const char *value)
{
	char text[CONFOPT_VALUE_MAX + CONF_LINE_MAX + 2 * CONF_STR_MAX];
	struct wr w = wr_init(text, sizeof(text));

	if (j->status)
		return;
	wr_fmt(&w, "upnpd.%s", section);
	if (option)
		wr_fmt(&w, ".%s", option);
	if (value)
		wr_fmt(&w, "=%s", value);
	wr_ch(&w, '\0');
	if (w.over)
		j->status = cmd_fail(CMD_FAULT, "%s is too long for UCI",
				     option ? option : section);
	else
		j->status = run_uci(verb, text);
}

static bool uci_has(const char *section, const char *option)
{
	char text[160];
	struct wr w = wr_init(text, sizeof(text));
	const char *const argv[] = { "uci", "-q", "get", text, NULL };
	struct proc p = { .argv = argv, .deadline_ms = RUN_MS };

	wr_fmt(&w, "upnpd.%s.%s", section, option);
	wr_ch(&w, '\0');
	return !w.over && proc_run(&p) == 0;
}

/* ---- settings -------------------------------------------------------- */

/* Write the value of @key in the text. The values of several lines are joined
 * with commas. Return: false if the key is not set */
static bool find_value(const struct confedit *e, const char *iface,
		       const char *key, struct wr *w)
{
	struct str rest = { e->text, e->len }, line, name;
	bool here = !iface, found = false;

	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);

		if (l.kind == CONFLINE_SECTION)
			here = iface && confline_iface(&l, &name) &&
			       str_eq(name, str_z(iface));
		else if (here && l.kind == CONFLINE_SETTING &&
			 str_eq(l.key, str_z(key))) {
			wr_z(w, found ? "," : "");
			wr_str(w, l.value);
			found = true;
		}
	}
	return found;
}

/* Option names in UCI have _ instead of -. The option network is called routed
 * there, because UCI's own "network" names a section of /etc/config/network. */
static void put_name(struct wr *w, const struct confopt *o)
{
	if (!strcmp(confopt_name(o), "network")) {
		wr_z(w, "routed");
		return;
	}
	for (const char *p = confopt_name(o); *p; p++)
		wr_ch(w, *p == '-' ? '_' : *p);
}

/* Set an option, or delete it if @value is "". UCI may not have the option,
 * because the service sets some itself. UCI writes yes as 1. */
static void put_option(struct job *j, const char *section,
		       const struct confopt *o, const char *value)
{
	char name[64];
	struct wr w = wr_init(name, sizeof(name));

	put_name(&w, o);
	if (*value && confopt_kind(o) == CONFOPT_BOOL)
		value = !strcmp(value, "yes") ? "1" : "0";
	if (*value)
		put(j, "set", section, wr_cstr(&w), value);
	else if (uci_has(section, wr_cstr(&w)))
		put(j, "delete", section, wr_cstr(&w), NULL);
}

/* @iface: NULL for the global settings */
static void put_options(struct job *j, const char *section, const char *iface)
{
	const struct confopt *o;

	for (size_t i = 0; (o = confopt_at(iface, i)); i++) {
		char was_text[CONFOPT_VALUE_MAX], now_text[CONFOPT_VALUE_MAX];
		struct wr was = wr_init(was_text, sizeof(was_text));
		struct wr now = wr_init(now_text, sizeof(now_text));
		const char *key = confopt_name(o);
		bool had = find_value(j->was_text, iface, key, &was);
		bool has = find_value(j->now_text, iface, key, &now);

		if (had != has || !str_eq(wr_done(&was), wr_done(&now)))
			put_option(j, section, o, wr_cstr(&now));
	}
}

/* ---- interfaces ------------------------------------------------------ */

static bool has_iface(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->iface_n; i++)
		if (!strcmp(c->iface[i].name, name))
			return true;
	return false;
}

/* The service appends the name of the UCI section to the head of an
 * interface's section: "[interface br-lan] # uci lan". */
static bool find_section(struct job *j, const char *iface, char ret[64])
{
	struct str rest = { j->was_text->text, j->was_text->len }, line, name;

	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);
		struct str comment = str_skip(line, (size_t)(l.text.p +
						l.text.n - line.p));
		struct str word;

		if (l.kind != CONFLINE_SECTION || !confline_iface(&l, &name) ||
		    !str_eq(name, str_z(iface)))
			continue;
		if (str_word(&comment, &word) && str_eq(word, STR("#")) &&
		    str_word(&comment, &word) && str_eq(word, STR("uci")) &&
		    str_word(&comment, &word) && str_copy(ret, 64, word) &&
		    ucishow_find(&j->show, ret))
			return true;
	}
	j->status = cmd_fail(CMD_FAULT, "the UCI section of interface %s is "
			     "unknown; run: /etc/init.d/upnpd reload", iface);
	return false;
}

static void put_ifaces(struct job *j)
{
	char section[64];

	for (size_t i = 0; i < j->was.iface_n && !j->status; i++) {
		const char *name = j->was.iface[i].name;

		if (!has_iface(&j->now, name) && find_section(j, name, section))
			put(j, "delete", section, NULL, NULL);
	}
	for (size_t i = 0; i < j->now.iface_n && !j->status; i++) {
		const char *name = j->now.iface[i].name;
		bool is_new = !has_iface(&j->was, name);

		if (is_new) {
			ucishow_new_name(&j->show, name, section);
			put(j, "set", section, NULL, "interface");
			put(j, "set", section, "name", name);
		} else if (!find_section(j, name, section)) {
			continue;
		}
		put_options(j, section, name);
	}
}

/* ---- mappings -------------------------------------------------------- */

static void put_mapping(struct job *j, const struct conf_mapping *m)
{
	const char *comment = confmapping_text(&j->now, m);
	char key[160], section[64], port[8], to[ADDR_TEXT_MAX + 8];
	char remote[ADDR_TEXT_MAX + 8];
	struct wr k = wr_init(key, sizeof(key));
	struct wr p = wr_init(port, sizeof(port));
	struct wr t = wr_init(to, sizeof(to));
	struct wr r = wr_init(remote, sizeof(remote));

	wr_z(&k, "mapping ");
	confmapping_put_key(&k, m);
	ucishow_new_name(&j->show, wr_cstr(&k), section);
	wr_u64(&p, m->ext_port);
	addr_host_write(&t, m->client);
	wr_fmt(&t, ":%u", (unsigned)m->int_port);
	put(j, "set", section, NULL, "mapping");
	put(j, "set", section, "proto", nat_rule_proto(m->proto));
	if (m->client.family != ADDR_IP6)
		put(j, "set", section, "external_port", wr_cstr(&p));
	put(j, "set", section, "to", wr_cstr(&t));
	if (addr_is_set(m->remote)) {
		confmapping_put_remote(&r, m->remote, m->remote_port);
		put(j, "set", section, "remote", wr_cstr(&r));
	}
	if (m->disabled)
		put(j, "set", section, "disabled", "1");
	if (*comment)
		put(j, "set", section, "comment", comment);
}

static bool has_mapping(const struct conf *c, const struct conf *other,
			const struct conf_mapping *m)
{
	const struct conf_mapping *o = confmapping_find(other, m);

	return o && o->disabled == m->disabled && o->int_port == m->int_port &&
	       addr_equal(o->client, m->client) &&
	       !strcmp(confmapping_text(c, m), confmapping_text(other, o));
}

/* UCI may have been changed since the service made the file. A second section
 * of a mapping would make the service refuse the whole configuration. */
static struct ucishow_section *find_mapping(struct job *j,
					    const struct conf_mapping *m,
					    bool expected)
{
	struct ucishow_section *s = ucishow_mapping(&j->show, m);
	char key[160];
	struct wr w = wr_init(key, sizeof(key));

	if (j->status || !s == !expected)
		return s;
	confmapping_put_key(&w, m);
	j->status = cmd_fail(CMD_FAULT, "UCI %s a section of mapping %s; run: "
			     SOURCE_SERVICE " reload", s ? "already has" :
			     "does not have", wr_cstr(&w));
	return NULL;
}

static void put_mappings(struct job *j)
{
	struct ucishow_section *section;

	for (size_t i = 0; i < j->was.mapping_n && !j->status; i++) {
		const struct conf_mapping *m = &j->was.mapping[i];

		if (has_mapping(&j->was, &j->now, m))
			continue;
		section = find_mapping(j, m, true);
		if (!section)
			continue;
		put(j, "delete", section->name, NULL, NULL);
		*section->type = '\0';	/* no mapping any more */
	}
	for (size_t i = 0; i < j->now.mapping_n && !j->status; i++) {
		const struct conf_mapping *m = &j->now.mapping[i];

		if (has_mapping(&j->now, &j->was, m))
			continue;
		find_mapping(j, m, false);
		put_mapping(j, m);
	}
}

/* ---- rules ----------------------------------------------------------- */

/* The rules that the service read from UCI, while they are compared with those
 * that UCI has now. */
struct rules_now {
	const struct confedit *was;
	size_t n;
	bool differ;
};

/* "uci get" prints an item of a list that has a space in quotes, with '\\'' for
 * a quote in it; an option that is no list as it is. */
static bool same_item(struct str line, struct str rule)
{
	char text[2 * CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	wr_ch(&w, '\'');
	for (size_t i = 0; i < rule.n; i++) {
		if (rule.p[i] == '\'')
			wr_z(&w, "'\\''");
		else
			wr_ch(&w, rule.p[i]);
	}
	wr_ch(&w, '\'');
	return str_eq(str_trim(line), rule) ||
	       (!w.over && str_eq(line, wr_done(&w)));
}

static void compare_rule(void *arg, struct str line)
{
	struct rules_now *now = arg;
	struct confline l;

	if (!confedit_rule(now->was, now->n++, &l) || !same_item(line, l.text))
		now->differ = true;
}

/* UCI may have been changed since the service made the file. */
static bool rules_are_read(struct job *j, const char *section)
{
	char name[96];
	struct wr w = wr_init(name, sizeof(name));
	const char *const argv[] = { "uci", "-q", "-d", "\n", "get", name,
				     NULL };
	struct rules_now now = { .was = j->was_text };
	struct proc p = { .argv = argv, .line = compare_rule, .arg = &now,
			  .deadline_ms = RUN_MS };
	struct confline l;

	wr_fmt(&w, "upnpd.%s.rule", section);
	wr_ch(&w, '\0');
	proc_run(&p);	/* it fails if there are no rules */
	if (!now.differ && !confedit_rule(j->was_text, now.n, &l))
		return true;
	j->status = cmd_fail(CMD_FAULT, "the rules in UCI are not those that "
			     "the service has read; run: " SOURCE_SERVICE
			     " reload");
	return false;
}

static bool same_rules(const struct confedit *a, const struct confedit *b)
{
	struct confline in_a, in_b;
	bool more = true;

	for (size_t i = 0; more; i++) {
		more = confedit_rule(a, i, &in_a);
		if (more != confedit_rule(b, i, &in_b) ||
		    (more && !str_eq(in_a.text, in_b.text)))
			return false;
	}
	return true;
}

/* Write the whole list, because uci cannot insert an item. */
static void put_rules(struct job *j, const char *section)
{
	char text[CONF_LINE_MAX];
	struct confline l;

	if (j->status || same_rules(j->was_text, j->now_text) ||
	    !rules_are_read(j, section))
		return;
	if (confedit_rule(j->was_text, 0, &l))
		put(j, "delete", section, "rule", NULL);
	for (size_t i = 0; confedit_rule(j->now_text, i, &l); i++) {
		if (str_copy(text, sizeof(text), l.text))
			put(j, "add_list", section, "rule", text);
		else if (!j->status)
			j->status = cmd_fail(CMD_FAULT, "rule %zu is too long "
					     "for UCI; shorten it", i);
	}
}

/* ---- the whole change ------------------------------------------------ */

int uci_write(const struct confedit *was, const struct confedit *now)
{
	static struct job *j;
	const char *global;
	int err;

	CMD_LARGE(j);
	*j = (struct job){ .was_text = was, .now_text = now };
	candidate_draft(was, &j->was);
	candidate_draft(now, &j->now);
	j->status = check_clean();
	if (j->status)
		return j->status;
	err = ucishow_read(&j->show);
	global = ucishow_of_type(&j->show, "global");
	if (err || !global)
		return cmd_fail(CMD_FAULT, "/etc/config/upnpd %s; see "
				"/usr/share/upnpd/upnpd.config", err ?
				"cannot be read by uci" :
				"has no section global");
	put_options(j, global, NULL);
	put_ifaces(j);
	put_mappings(j);
	put_rules(j, global);
	if (!j->status)
		j->status = run_uci("commit", "upnpd");
	if (j->status)
		run_uci("revert", "upnpd");
	return j->status;
}
