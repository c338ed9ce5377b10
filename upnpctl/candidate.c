/* SPDX-License-Identifier: ISC */
/* candidate.c - a configuration that is being changed, as a whole. */
#include <errno.h>
#include <string.h>
#include "upnpctl/candidate.h"
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confopt.h"

static struct str text_of(const struct confedit *e)
{
	return (struct str){ e->text, e->len };
}

/* ---- a sketch ------------------------------------------------------------ */

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

static void take_setting(const struct confline *l, bool of_iface, void *base)
{
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	const struct confopt *o = confopt_find(of_iface, l->key);

	if (o && base)
		confopt_set(o, l->value, base, &why);
}

void candidate_draft(const struct confedit *e, struct conf *ret)
{
	struct str rest = text_of(e), line, name;
	struct conf_iface *iface = NULL;
	bool in_section = false;

	conf_defaults(ret);
	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);

		if (l.kind == CONFLINE_SECTION) {
			in_section = true;
			iface = confline_iface(&l, &name) ?
				add_iface(ret, name) : NULL;
		} else if (l.kind == CONFLINE_SETTING && in_section) {
			take_setting(&l, true, iface);
		} else if (l.kind == CONFLINE_SETTING) {
			take_setting(&l, false, ret);
		}
	}
}

/* ---- what is wrong, in the words of the menu ----------------------------- */

static void say(struct conf_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct conf_error *e, const char *fmt, ...)
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
		say(why, "interface %s has no type; set it: "
		    "interfaces set %s type=internal, or external", i->name,
		    i->name);
		return true;
	}
	if (i->forced_ip && i->type != CONF_EXTERNAL) {
		say(why, "interface %s is internal and has a forced-ip; only "
		    "the external one takes it", i->name);
		return true;
	}
	return false;
}

static bool explain_second(const struct conf_iface *first,
			   const struct conf_iface *second,
			   struct conf_error *why)
{
	say(why, "%s would be a second external interface, after %s; disable "
	    "or remove one: interfaces disable %s", second->name, first->name,
	    first->name);
	return true;
}

/* It is enabled, and an interface is missing. */
static bool explain_missing(const struct conf *c, bool external,
			    struct conf_error *why)
{
	const char *type = external ? "internal" : "external";

	for (size_t i = 0; i < c->iface_n; i++) {
		const struct conf_iface *f = &c->iface[i];

		if ((f->type == CONF_EXTERNAL) == external)
			continue;
		say(why, "enabled=yes needs an %s interface, and %s is "
		    "disabled; enable it: interfaces enable %s", type, f->name,
		    f->name);
		return true;
	}
	say(why, "enabled=yes needs an %s interface, and there is none; add "
	    "it: interfaces add interface=NAME type=%s disabled=no", type,
	    type);
	return true;
}

/* @missing: that interfaces are missing is all that is wrong; else something
 * else is, and that does not matter. Return: false when it is nothing that the
 * menu has words for */
static bool explain(const struct confedit *e, bool missing,
		    struct conf_error *why)
{
	const struct conf_iface *external = NULL;
	static struct conf c;

	candidate_draft(e, &c);
	for (size_t i = 0; i < c.iface_n; i++) {
		const struct conf_iface *f = &c.iface[i];

		if (explain_iface(f, why))
			return true;
		if (f->disabled || f->type == CONF_INTERNAL)
			continue;
		if (external)
			return explain_second(external, f, why);
		external = f;
	}
	if (missing)
		return explain_missing(&c, external, why);
	if (!c.nft_table[0] == !c.nft_chain[0])
		return false;
	say(why, "nft-table and nft-forward-chain go together; set both or "
	    "none");
	return true;
}

/* ---- reading and judging ------------------------------------------------- */

int candidate_read(const struct confedit *e, const char *name, struct conf *ret,
	       bool *ret_short, struct conf_error *err)
{
	static struct confedit off;
	static struct conf conf;
	struct conf_error unused;

	*ret_short = false;
	if (!conf_parse(text_of(e), name, ret, err))
		return 0;
	off = *e;
	if (confedit_set(&off, NULL, STR("enabled"), STR("no")) ||
	    conf_parse(text_of(&off), name, &conf, &unused))
		return -EINVAL;
	*ret = conf;
	ret->enabled = true;
	*ret_short = true;
	return 0;
}

int candidate_check(const struct confedit *was, const struct confedit *now,
		const char *name, bool serve, struct conf *ret,
		bool *ret_short, struct conf_error *why)
{
	static struct conf old, new;
	struct conf_error old_why;
	bool old_short;
	int old_err = candidate_read(was, name, &old, &old_short, &old_why);
	int err = candidate_read(now, name, &new, ret_short, why);

	if (!err && (!*ret_short || (!old_err && old_short && !serve))) {
		*ret = new;
		return 0;
	}
	/* The operator sees the old file, and its lines. */
	if (!explain(now, !err, why) && old_err)
		*why = old_why;
	return -EINVAL;
}
