/* SPDX-License-Identifier: ISC */
/*
 * candidate.c - the candidate configuration: the whole file as a change would
 * leave it. Runs in: upnpctl
 */
#include <errno.h>
#include <string.h>
#include "upnpctl/candidate.h"
#include "upnpctl/cmd.h"
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"

static struct str text_of(const struct confedit *e)
{
	return (struct str){ e->text, e->len };
}

/* ---- reading without checks ------------------------------------------ */

static struct conf_iface *add_iface(struct conf *c, struct str name)
{
	struct conf_iface *i;

	if (c->iface_n == CONF_IFACES_MAX)
		return NULL;
	i = &c->iface[c->iface_n];
	*i = (struct conf_iface){ 0 };
	if (!str_copy(i->name, sizeof(i->name), name))
		return NULL;
	c->iface_n++;
	return i;
}

static void set_option(const struct confline *l, bool of_iface, void *base)
{
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	const struct confopt *o = confopt_find(of_iface, l->key);

	if (o && base)
		confopt_set(o, l->value, base, &why);
}

static void add_mapping(const struct confline *l, unsigned line,
			struct conf *ret)
{
	struct conftail_comment comment;
	struct conf_mapping m;
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));

	if (confmapping_parse(l->value, &m, &comment, &why))
		return;
	m.line = line;
	confmapping_add(ret, &m, comment.text, &why);
}

void candidate_draft(const struct confedit *e, struct conf *ret)
{
	struct str rest = text_of(e), line, name;
	struct conf_iface *iface = NULL;
	bool in_section = false;
	unsigned n = 0;

	conf_defaults(ret);
	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);

		n++;
		if (l.kind == CONFLINE_SECTION) {
			in_section = true;
			iface = confline_iface(&l, &name) ?
				add_iface(ret, name) : NULL;
		} else if (l.kind == CONFLINE_SETTING && in_section) {
			set_option(&l, true, iface);
		} else if (l.kind == CONFLINE_SETTING) {
			set_option(&l, false, ret);
		} else if (l.kind == CONFLINE_MAPPING && !in_section) {
			add_mapping(&l, n, ret);
		}
	}
}

/* ---- errors in terms of the menu ----------------------------- */

__attribute__((format(printf, 2, 3)))
static void set_error(struct conf_error *e, const char *fmt, ...)
{
	struct wr w = wr_init_cut(e->text, sizeof(e->text));
	va_list ap;

	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	wr_cstr(&w);
}

static bool explain_iface(const struct conf_iface *i, struct conf_error *why)
{
	if (!i->type) {
		set_error(why, "interface %s has no type; set it: "
		    "interfaces set %s type=internal, or external", i->name,
		    i->name);
		return true;
	}
	if (addr_is_set(i->forced_ip) && i->type != CONF_EXTERNAL) {
		set_error(why, "interface %s is internal and has a forced-ip; "
			  "only external ones may have it", i->name);
		return true;
	}
	if (i->network.n && i->type != CONF_INTERNAL) {
		set_error(why, "interface %s is external and has a network; "
			  "only internal ones may have it", i->name);
		return true;
	}
	return false;
}

bool candidate_waits(const struct conf *c, struct conf_error *why)
{
	enum conf_iface_type missing = conf_missing(c);
	const char *type = conf_type_name(missing);

	if (!c->enabled || !missing)
		return false;
	for (size_t i = 0; i < c->iface_n; i++) {
		const struct conf_iface *f = &c->iface[i];

		if (f->type != missing)
			continue;
		set_error(why, "nothing is served until an %s interface is "
			  "enabled: interfaces enable %s", type, f->name);
		return true;
	}
	set_error(why, "nothing is served until there is an %s interface; add "
		  "it: interfaces add interface=NAME type=%s disabled=no",
		  type, type);
	return true;
}

/* Describe the first fault that the menu can fix. Return: false: the menu has no
 * text for this fault */
static bool explain(const struct confedit *e, struct conf_error *why)
{
	unsigned externals = 0;
	static struct conf *c;

	CMD_LARGE(c);
	candidate_draft(e, c);
	for (size_t i = 0; i < c->iface_n; i++) {
		const struct conf_iface *f = &c->iface[i];

		if (explain_iface(f, why))
			return true;
		if (f->disabled || f->type == CONF_INTERNAL)
			continue;
		if (++externals > CONF_EXTERNALS_MAX) {
			set_error(why, "%s would be external interface number "
				  "%u, and %d may be enabled; disable or "
				  "remove one: interfaces disable %s", f->name,
				  externals, CONF_EXTERNALS_MAX, f->name);
			return true;
		}
	}
	if (!c->nft_table[0] == !c->nft_chain[0])
		return false;
	set_error(why, "nft-table and nft-forward-chain go together; set both "
		  "or none");
	return true;
}

/* ---- reading and checking -------------------------------------------- */

int candidate_check(const struct confedit *was, const struct confedit *now,
		    const char *name, struct conf *ret, struct conf_error *why)
{
	static struct conf *old, *new;
	struct conf_error old_why;
	int old_err;

	CMD_LARGE(old);
	CMD_LARGE(new);
	old_err = conf_parse(text_of(was), name, old, &old_why);
	if (!conf_parse(text_of(now), name, new, why)) {
		*ret = *new;
		return 0;
	}
	/* @now is not written, so an error names a line of the file. */
	if (!explain(now, why) && old_err)
		*why = old_why;
	return -EINVAL;
}

int candidate_read(const struct confedit *e, const char *name, struct conf *ret,
		   struct conf_error *err)
{
	return conf_parse(text_of(e), name, ret, err);
}
