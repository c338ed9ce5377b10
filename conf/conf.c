/* SPDX-License-Identifier: ISC */
/*
 * conf.c - reads the configuration file: lines, sections, rules, and the
 * conditions on the whole file. The values of options are parsed by confopt.c.
 *
 * Invariants: a caller gets a struct conf only if the whole text is valid;
 * every message names the file, the line, the problem and the fix.
 * Runs in: any
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include "conf/conf.h"
#include "base/text.h"
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"
#include "conf/confrule.h"
#include "sys/fileio.h"

struct reader {
	const char *name;	/* of the file, for messages */
	unsigned line;
	struct conf *conf;
	struct conf_iface *iface;	/* the open [interface] section */
	unsigned rules;			/* lines, with the disabled ones */
	uint64_t seen, iface_seen;	/* options set, a bit each */
	struct conf_error *err;
};

__attribute__((format(printf, 2, 3)))
static int fail(struct reader *r, const char *fmt, ...)
{
	struct wr w = wr_init_cut(r->err->text, sizeof(r->err->text));
	va_list ap;

	wr_z(&w, r->name);
	if (r->line)
		wr_fmt(&w, ":%u", r->line);
	wr_z(&w, ": ");
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	wr_cstr(&w);
	/* the text quotes the file and may be printed on a terminal */
	text_clean(TEXT_NO_CONTROL, w.buf, w.len);
	return -EINVAL;
}

/* ---- lines ------------------------------------------------------------ */

static int set_option(struct reader *r, const struct confline *l)
{
	uint64_t *seen = r->iface ? &r->iface_seen : &r->seen, bit = 1;
	void *base = r->iface ? (void *)r->iface : r->conf;
	char why[sizeof(r->err->text)];
	struct wr w = wr_init_cut(why, sizeof(why));
	const struct confopt *o;

	for (size_t i = 0; (o = confopt_at(r->iface, i)); i++, bit <<= 1)
		if (str_eq(l->key, str_z(confopt_name(o))))
			break;
	if (!o)
		return fail(r, "there is no option \"%.*s\"%s; see "
			    "upnpd.conf(5)", STR_F(l->key),
			    r->iface ? " in an [interface] section" : "");
	if (*seen & bit && confopt_kind(o) != CONFOPT_NETWORKS)
		return fail(r, "%s is set a second time; remove one",
			    confopt_name(o));
	*seen |= bit;
	if (confopt_set(o, l->value, base, &w))
		return fail(r, "%s", wr_cstr(&w));
	/* only backend has a former value */
	if (!str_eq(l->value, confopt_current(o, l->value)))
		r->conf->backend_nft = true;
	return 0;
}

/* A disabled line is checked, and left out. */
static int read_rule(struct reader *r, const struct confline *l)
{
	char why[sizeof(r->err->text)];
	struct wr w = wr_init_cut(why, sizeof(why));
	struct confrule rule;

	if (r->iface)
		return fail(r,
			    "a rule applies to all interfaces; move it before "
			    "the first [interface] section");
	if (r->rules++ == CONF_RULES_MAX)
		return fail(r, "there are more than %d rules; join some",
			    CONF_RULES_MAX);
	if (confrule_parse(l->key, l->value, &rule, &w))
		return fail(r, "%s", wr_cstr(&w));
	if (rule.disabled)
		return 0;
	rule.is.line = r->line;
	r->conf->rule[r->conf->rule_n++] = rule.is;
	return 0;
}

static int read_mapping(struct reader *r, struct str args)
{
	char why[sizeof(r->err->text)];
	struct wr w = wr_init_cut(why, sizeof(why));
	struct conftail_comment comment;
	struct conf_mapping m;
	int err;

	if (r->iface)
		return fail(r, "a mapping belongs to no interface; move it "
			    "before the first [interface] section");
	err = confmapping_parse(args, &m, &comment, &w);
	if (!err) {
		m.line = r->line;
		err = confmapping_add(r->conf, &m, comment.text, &w);
	}
	return err ? fail(r, "%s", wr_cstr(&w)) : 0;
}

static int end_section(struct reader *r)
{
	struct conf_iface *i = r->iface;

	if (!i)
		return 0;
	r->line = i->line;
	if (!i->type)
		return fail(r, "interface %s has no type; add: "
			    "type = internal, or external", i->name);
	if (addr_is_set(i->forced_ip) && i->type != CONF_EXTERNAL)
		return fail(r, "interface %s has a forced-ip but is internal; "
			    "only external ones may have it", i->name);
	if (i->network.n && i->type != CONF_INTERNAL)
		return fail(r, "interface %s has a network but is external; "
			    "only internal ones may have it", i->name);
	return 0;
}

static int begin_section(struct reader *r, const struct confline *l)
{
	unsigned line = r->line;
	struct str name;
	int err = end_section(r);

	if (err)
		return err;
	r->line = line;
	if (!confline_iface(l, &name))
		return fail(r, "unknown section; example: [interface lan0]");
	if (!confline_name(name) || name.n >= IF_NAMESIZE)
		return fail(r, "\"%.*s\" is not an interface name",
			    STR_F(name));
	for (size_t i = 0; i < r->conf->iface_n; i++)
		if (str_eq(name, str_z(r->conf->iface[i].name)))
			return fail(r, "interface %.*s already has a section, "
				    "on line %u; join them", STR_F(name),
				    r->conf->iface[i].line);
	if (r->conf->iface_n == CONF_IFACES_MAX)
		return fail(r, "there are more than %d interfaces",
			    CONF_IFACES_MAX);
	r->iface = &r->conf->iface[r->conf->iface_n++];
	*r->iface = (struct conf_iface){ .line = line };
	confopt_defaults(true, r->iface);
	str_copy(r->iface->name, sizeof(r->iface->name), name);
	r->iface_seen = 0;
	return 0;
}

static int read_line(struct reader *r, struct str line)
{
	struct confline l = confline_split(line);

	switch (l.kind) {
	case CONFLINE_SECTION:
		return begin_section(r, &l);
	case CONFLINE_RULE:
		return read_rule(r, &l);
	case CONFLINE_MAPPING:
		return read_mapping(r, l.value);
	case CONFLINE_SETTING:
		return set_option(r, &l);
	case CONFLINE_OTHER:
		return fail(r, "\"%.*s\" is not a setting; example: "
			    "enabled = yes", STR_F(l.text));
	case CONFLINE_BLANK:
	case CONFLINE_COMMENT:
		break;
	}
	return 0;
}

static int check_conf(struct reader *r)
{
	unsigned networks = 0, externals = 0;

	for (size_t i = 0; i < r->conf->iface_n; i++) {
		const struct conf_iface *f = &r->conf->iface[i];

		networks += f->network.n;
		if (networks > CONF_NETWORKS_ALL) {
			r->line = f->line;
			return fail(r, "there are more than %d networks behind "
				    "other routers; join some",
				    CONF_NETWORKS_ALL);
		}
		if (f->disabled || f->type == CONF_INTERNAL)
			continue;
		r->line = f->line;
		if (++externals > CONF_EXTERNALS_MAX)
			return fail(r, "there are more than %d external "
				    "interfaces; disable some",
				    CONF_EXTERNALS_MAX);
	}
	r->line = 0;
	if (!r->conf->nft_table[0] != !r->conf->nft_chain[0])
		return fail(r, "nft-table and nft-forward-chain go together; "
			    "set both or none");
	return 0;
}

void conf_defaults(struct conf *c)
{
	/* Leave the room for mappings untouched: it takes no memory then, and
	 * few files have mappings. */
	memset(c, 0, offsetof(struct conf, mapping));
	confopt_defaults(false, c);
}

int conf_parse(struct str text, const char *name, struct conf *ret,
	       struct conf_error *err)
{
	struct reader r = { .name = name, .conf = ret, .err = err };
	struct str line;
	int e;

	conf_defaults(ret);
	while (str_cut(&text, '\n', &line)) {
		r.line++;
		e = read_line(&r, line);
		if (e)
			return e;
	}
	e = end_section(&r);
	return e ? e : check_conf(&r);
}

int conf_read(const char *path, struct conf *ret, struct conf_error *err)
{
	static char text[CONF_FILE_MAX];	/* too large for the stack */
	struct wr w = wr_init_cut(err->text, sizeof(err->text));
	struct str whole;
	int rc = fileio_read(AT_FDCWD, path, 0, text, sizeof(text), &whole);

	if (!rc)
		return conf_parse(whole, path, ret, err);
	wr_fmt(&w, "%s: %s", path, strerror(-rc));
	wr_cstr(&w);
	return rc;
}

size_t conf_size(const struct conf *c)
{
	return c->mapping_n ? sizeof(*c) : offsetof(struct conf, mapping);
}

void conf_copy(struct conf *to, const struct conf *from)
{
	memcpy(to, from, conf_size(from));
}

bool conf_serves(const struct conf *c)
{
	return c->upnp || c->nat_pmp || c->pcp;
}

enum conf_iface_type conf_missing(const struct conf *c)
{
	bool internal = false;

	for (size_t i = 0; i < c->iface_n; i++)
		internal |= !c->iface[i].disabled &&
			    c->iface[i].type == CONF_INTERNAL;
	if (!conf_external(c))
		return CONF_EXTERNAL;
	return internal ? 0 : CONF_INTERNAL;
}

const char *conf_type_name(enum conf_iface_type type)
{
	return type == CONF_EXTERNAL ? "external" : "internal";
}

bool conf_runs(const struct conf *c)
{
	return c->enabled && !conf_missing(c);
}

const struct conf_iface *conf_external(const struct conf *c)
{
	for (size_t i = 0; i < c->iface_n; i++)
		if (c->iface[i].type == CONF_EXTERNAL && !c->iface[i].disabled)
			return &c->iface[i];
	return NULL;
}
