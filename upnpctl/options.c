/* SPDX-License-Identifier: ISC */
/* options.c - set and print options of the configuration. Runs in: upnpctl */
#include <string.h>
#include "base/wr.h"
#include "upnpctl/change.h"
#include "upnpctl/options.h"
#include "upnpctl/json.h"
#include "upnpctl/out.h"
#include "upnpctl/similar.h"

bool options_split(struct str arg, struct str *ret_key, struct str *ret_value)
{
	struct str rest = arg, key;

	if (!str_cut(&rest, '=', &key) || key.n == arg.n)
		return false;
	*ret_key = key;
	*ret_value = rest;
	return true;
}

int options_comment(struct cmd *c, struct wr *w)
{
	struct str text;

	if (cmd_key(c, "comment", &text)) {
		wr_str(w, text);
		return CMD_OK;
	}
	if (c->n < 2)
		return cmd_fail(CMD_USAGE, "comment needs a text; example: "
				"comment 0 comment=\"my game\"");
	for (size_t i = 1; i < c->n && c->kind[i] != CMD_KEY; i++)
		wr_fmt(w, "%s%.*s", i > 1 ? " " : "", STR_F(c->arg[i]));
	c->n = 1;
	return CMD_OK;
}

int options_find(bool of_iface, struct str name, const struct confopt **ret)
{
	struct similar s = { .word = name };
	char list[640];
	struct wr w = wr_init_cut(list, sizeof(list));
	const char *verb = of_iface ? "interfaces set" : "set";
	size_t n = 0;
	const struct confopt *o;

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++)
		if (similar_add(&s, str_z(confopt_name(o))))
			*ret = o;
	if (s.n == 1)
		return CMD_OK;
	if (!s.n && similar_ask(&s, &w))
		return cmd_fail(CMD_USAGE, "there is no option \"%.*s\"%s",
				STR_F(name), wr_cstr(&w));
	for (size_t i = 0; name.n > 2 && (o = confopt_at(of_iface, i)); i++)
		if (similar_has(str_z(confopt_name(o)), name))
			wr_fmt(&w, "%s%s", n++ ? ", " : "; similar: ",
			       confopt_name(o));
	return cmd_fail(CMD_USAGE, "there is no option \"%.*s\"%s; for all, "
			"see: upnpctl %s -h", STR_F(name), wr_cstr(&w), verb);
}

/* Translate RouterOS's other words for a value, and former words of upnpd. */
static struct str translate_value(const struct confopt *o, struct str value)
{
	if (confopt_kind(o) == CONFOPT_BOOL && str_eq(value, STR("true")))
		return STR("yes");
	if (confopt_kind(o) == CONFOPT_BOOL && str_eq(value, STR("false")))
		return STR("no");
	if (confopt_kind(o) == CONFOPT_ADDRESS && str_eq(value, STR("0.0.0.0")))
		return STR("");
	return confopt_current(o, value);
}

/* Delete every line of the option: a list may have several. */
static int unset(struct confedit *e, const char *iface, struct str key)
{
	size_t len;
	int err;

	do {
		len = e->len;
		err = confedit_unset(e, iface, key);
	} while (!err && e->len < len);
	return change_fault(err, key);
}

static int set_option(struct confedit *e, const char *iface, struct str key,
		      struct str value)
{
	static struct conf *unused;
	struct conf_iface unused_iface = { 0 };
	const struct confopt *o = NULL;
	char text[512];
	struct wr why = wr_init_cut(text, sizeof(text));
	int status = options_find(iface, key, &o);

	if (status)
		return status;
	CMD_LARGE(unused);
	conf_defaults(unused);	/* a list is added to what is there */
	value = translate_value(o, value);
	if (!value.n && (confopt_kind(o) == CONFOPT_TEXT ||
			 confopt_kind(o) == CONFOPT_ADDRESS ||
			 confopt_kind(o) == CONFOPT_NETWORKS))
		return unset(e, iface, key);
	/* Check the value with the daemon's own parser. */
	if (confopt_set(o, value, iface ? (void *)&unused_iface : unused,
			&why))
		return cmd_fail(CMD_USAGE, "%s", wr_cstr(&why));
	if (confopt_kind(o) == CONFOPT_NETWORKS)
		status = unset(e, iface, key);
	if (status)
		return status;
	return change_fault(confedit_set(e, iface, key, value), key);
}

int options_set(struct confedit *e, const char *iface, struct str arg)
{
	const struct confopt *o;
	struct str key, value;
	int status;

	if (options_split(arg, &key, &value))
		return set_option(e, iface, key, value);
	if (!str_starts(arg, STR("!")))
		return cmd_fail(CMD_USAGE, "\"%.*s\" is not a setting; a "
				"setting is, for example, %s", STR_F(arg),
				iface ? "disabled=no" : "enabled=yes");
	key = str_skip(arg, 1);
	status = options_find(iface, key, &o);
	return status ? status : unset(e, iface, key);
}

/* Write a list as an array of strings. */
static void put_list(const char *name, struct str list)
{
	struct str one;

	json_array(name);
	while (str_cut(&list, ',', &one))
		json_str(NULL, one);
	json_end();
}

void options_json(const struct confopt *o, const void *base)
{
	char text[CONFOPT_VALUE_MAX];
	struct wr w = wr_init(text, sizeof(text));
	const char *name = confopt_name(o);
	uint64_t number;

	confopt_put(o, base, &w);
	switch (confopt_kind(o)) {
	case CONFOPT_BOOL:
		json_bool(name, str_eq(wr_done(&w), STR("yes")));
		return;
	case CONFOPT_NUMBER:
		if (!str_u64(wr_done(&w), 0, UINT64_MAX, &number))
			json_u64(name, number);
		return;
	case CONFOPT_NETWORKS:
		put_list(name, wr_done(&w));
		return;
	default:
		break;
	}
	if (w.len)
		json_str(name, wr_done(&w));
	else
		json_null(name);
}
