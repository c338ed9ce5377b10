/* SPDX-License-Identifier: ISC */
/*
 * conf.c - the configuration file: one table of options, one small parser a
 * type of value.
 *
 * Invariants: a struct conf leaves this file only when the whole text was
 * right; every message names file, line, what is wrong and what would be right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "conf.h"

/* A configuration has a few hundred bytes; 64 KiB leaves room for comments. */
#define CONF_FILE_MAX 65536

struct reader {
	const char *name;	/* of the file, for messages */
	unsigned line;
	struct conf *conf;
	struct conf_iface *iface;	/* the open [interface] section */
	uint64_t seen, iface_seen;	/* options set, a bit each */
	struct conf_error *err;
};

struct opt {
	const char *name;
	int (*parse)(struct reader *, const struct opt *, struct str, void *);
	size_t offset;
	uint32_t min, max;
	const char *const *words;	/* for parse_word(), NULL-terminated */
};

static int fail(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

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
	return -EINVAL;
}

/* ---- one parser a type of value ------------------------------------- */

static int parse_bool(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	bool *b = field;

	*b = str_eq(v, STR("yes"));
	if (*b || str_eq(v, STR("no")))
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes yes or no", o->name,
		    STR_F(v));
}

static int parse_u32(struct reader *r, const struct opt *o, struct str v,
		     void *field)
{
	if (str_u32(v, o->min, o->max, field) == 0)
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes a number from %u to %u",
		    o->name, STR_F(v), (unsigned)o->min, (unsigned)o->max);
}

static bool printable(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return false;
	return true;
}

static int parse_text(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	if (v.n >= o->min && printable(v) && str_copy(field, CONF_STR_MAX, v))
		return 0;
	return fail(r, "%s takes %u to %u printable bytes", o->name,
		    (unsigned)o->min, CONF_STR_MAX - 1);
}

static int parse_path(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	if (v.n > 1 && v.p[0] == '/' && printable(v) &&
	    str_copy(field, CONF_STR_MAX, v))
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes an absolute path", o->name,
		    STR_F(v));
}

/* A word out of a list; the field gets min plus its index. An empty one is a
 * number without a word. */
static int parse_word(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	char list[128];
	struct wr w = wr_init(list, sizeof(list));

	for (uint32_t i = 0; o->words[i]; i++) {
		if (!*o->words[i])
			continue;
		if (str_eq(v, str_z(o->words[i]))) {
			*(uint32_t *)field = i + o->min;
			return 0;
		}
		wr_fmt(&w, "%s%s", i ? ", " : "", o->words[i]);
	}
	return fail(r, "%s is \"%.*s\"; it takes one of: %s", o->name,
		    STR_F(v), wr_cstr(&w));
}

/* A word whose text is kept, for what other layers look up by name. */
static int parse_name(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	uint32_t index;
	int err = parse_word(r, o, v, &index);

	if (!err)
		str_copy(field, CONF_STR_MAX, v);
	return err;
}

/* A name that ends up in a ruleset: letters that mean nothing there. */
static bool ruleset_name(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
	}
	return v.n > 0 && v.n < 32;
}

static int parse_nft_table(struct reader *r, const struct opt *o,
			   struct str v, void *field)
{
	struct str rest = v, family, table;

	if (str_word(&rest, &family) && str_word(&rest, &table) &&
	    (str_eq(family, STR("inet")) || str_eq(family, STR("ip"))) &&
	    ruleset_name(table) && str_trim(rest).n == 0 &&
	    str_copy(field, CONF_STR_MAX, v))
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes a family (ip or inet) and "
		    "a table, such as: inet fw4", o->name, STR_F(v));
}

static int parse_nft_chain(struct reader *r, const struct opt *o,
			   struct str v, void *field)
{
	if (ruleset_name(v) && str_copy(field, CONF_STR_MAX, v))
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes a chain, such as: forward",
		    o->name, STR_F(v));
}

static int parse_uuid(struct reader *r, const struct opt *o, struct str v,
		      void *field)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	bool good = v.n == sizeof(shape) - 1;

	for (size_t i = 0; good && i < v.n; i++) {
		char c = v.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			   (c >= 'A' && c <= 'F');

		good = shape[i] == 'x' ? hex : c == '-';
	}
	if (good && str_copy(field, CONF_STR_MAX, v))
		return 0;
	return fail(r, "%s is \"%.*s\"; it takes a UUID: %s", o->name,
		    STR_F(v), shape);
}

static int parse_forced_ip(struct reader *r, const struct opt *o,
			   struct str v, void *field)
{
	uint32_t ip;

	if (str_ipv4(v, &ip) && policy_unicast(ip)) {
		*(uint32_t *)field = ip;
		return 0;
	}
	return fail(r, "%s is \"%.*s\"; it takes an IPv4 address", o->name,
		    STR_F(v));
}

/* ---- the tables ------------------------------------------------------ */

static const char *const backend_words[] = {
	"auto", "nft", "iptables", "iptables-legacy", "iptables-nft",
	"memory", NULL
};
static const char *const type_words[] = { "external", "internal", NULL };
static const char *const private_words[] = { "warn", "refuse", NULL };
static const char *const level_words[] = {
	"error", "warning", "notice", "info", "debug", NULL
};
/* From CONF_IGD1 on; no word is 3 or 5. */
static const char *const version_words[] = { "1", "", "2", "", "both", NULL };
static const char *const scope_words[] = { "own", "all", NULL };

#define O(field) offsetof(struct conf, field)
static const struct opt options[] = {
	{ "enabled", parse_bool, O(enabled) },
	{ "allow-disable-external-interface", parse_bool,
	  O(allow_disable_external) },
	{ "show-dummy-rule", parse_bool, O(show_dummy_rule) },
	{ "backend", parse_name, O(backend), .words = backend_words },
	{ "http-port", parse_u32, O(http_port), 0, 65535 },
	{ "igd-version", parse_word, O(igd_version), CONF_IGD1,
	  .words = version_words },
	{ "list-scope", parse_word, O(list_scope), CONF_LIST_OWN,
	  .words = scope_words },
	{ "secure-mode", parse_bool, O(secure_mode) },
	{ "max-lease", parse_u32, O(max_lease), 1, PM_LEASE_MAX_S },
	{ "max-mappings", parse_u32, O(max_mappings), 1, PM_MAPPINGS_LIMIT },
	{ "max-mappings-per-client", parse_u32, O(max_per_client), 1,
	  PM_MAPPINGS_LIMIT },
	{ "private-external-address", parse_word, O(refuse_private),
	  .words = private_words },
	{ "hairpin", parse_bool, O(hairpin) },
	{ "masquerade", parse_bool, O(masquerade) },
	{ "notify-interval", parse_u32, O(notify_interval), 30, 86400 },
	{ "verify-interval", parse_u32, O(verify_interval), 1, 86400 },
	{ "upstream-bps", parse_u32, O(up_bps), 0, UINT32_MAX },
	{ "downstream-bps", parse_u32, O(down_bps), 0, UINT32_MAX },
	{ "state-dir", parse_path, O(state_dir) },
	{ "pid-file", parse_path, O(pid_file) },
	{ "control-socket", parse_path, O(control_socket) },
	{ "user", parse_text, O(user), 1 },
	{ "uuid", parse_uuid, O(uuid) },
	{ "friendly-name", parse_text, O(friendly_name), 1 },
	{ "manufacturer", parse_text, O(manufacturer), 1 },
	{ "manufacturer-url", parse_text, O(manufacturer_url) },
	{ "model-name", parse_text, O(model_name), 1 },
	{ "model-number", parse_text, O(model_number) },
	{ "serial-number", parse_text, O(serial_number) },
	{ "presentation-url", parse_text, O(presentation_url) },
	{ "nft-table", parse_nft_table, O(nft_table) },
	{ "nft-forward-chain", parse_nft_chain, O(nft_chain) },
	{ "log-level", parse_word, O(log_level), 3, .words = level_words },
};
#undef O

#define O(field) offsetof(struct conf_iface, field)
static const struct opt iface_options[] = {
	{ "type", parse_word, O(type), CONF_EXTERNAL, .words = type_words },
	{ "disabled", parse_bool, O(disabled) },
	{ "forced-ip", parse_forced_ip, O(forced_ip) },
};
#undef O

_Static_assert(sizeof(options) / sizeof(options[0]) <= 64, "bits of seen");

/* ---- lines ------------------------------------------------------------ */

static int set_option(struct reader *r, const struct opt *table, size_t n,
		      void *base, uint64_t *seen, struct str key,
		      struct str value)
{
	for (size_t i = 0; i < n; i++) {
		const struct opt *o = &table[i];

		if (!str_eq(key, str_z(o->name)))
			continue;
		if (*seen & (uint64_t)1 << i)
			return fail(r, "%s is set a second time; remove one",
				    o->name);
		*seen |= (uint64_t)1 << i;
		return o->parse(r, o, value, (char *)base + o->offset);
	}
	return fail(r, "there is no option \"%.*s\"%s; see upnpd.conf(5)",
		    STR_F(key), r->iface ? " in an [interface] section" : "");
}

static int read_ports(struct reader *r, struct str v, uint16_t *ret_lo,
		      uint16_t *ret_hi)
{
	struct str rest = v, head;
	uint32_t lo, hi;

	if (str_cut(&rest, '-', &head) && !str_u32(head, 0, 65535, &lo)) {
		hi = lo;
		if (head.n == v.n || !str_u32(rest, lo, 65535, &hi)) {
			*ret_lo = (uint16_t)lo;
			*ret_hi = (uint16_t)hi;
			return 0;
		}
	}
	return fail(r, "\"%.*s\" is no port or range; such as: 1024-65535",
		    STR_F(v));
}

static int read_net(struct reader *r, struct str v, uint32_t *ret_ip,
		    uint32_t *ret_mask)
{
	struct str rest = v, head;
	uint32_t ip, plen = 32;

	if (str_cut(&rest, '/', &head) && str_ipv4(head, &ip) &&
	    (head.n == v.n || !str_u32(rest, 0, 32, &plen))) {
		uint32_t mask = plen ? ~(uint32_t)0 << (32 - plen) : 0;

		if (ip & ~mask)
			return fail(r, "\"%.*s\" has bits beyond its prefix; "
				    "write the network's own address",
				    STR_F(v));
		*ret_ip = ip;
		*ret_mask = mask;
		return 0;
	}
	return fail(r, "\"%.*s\" is no network; such as: 192.168.88.0/24",
		    STR_F(v));
}

/* allow|deny EXT-PORTS NETWORK INT-PORTS */
static int read_rule(struct reader *r, bool allow, struct str args)
{
	struct policy_rule rule = { .allow = allow, .line = r->line };
	struct str ext, net, inner;
	int err;

	if (r->iface)
		return fail(r, "a rule holds for all interfaces; move it before "
			    "the first [interface] section");
	if (!str_word(&args, &ext) || !str_word(&args, &net) ||
	    !str_word(&args, &inner) || str_trim(args).n)
		return fail(r, "a rule has three parts; such as: %s "
			    "1024-65535 192.168.88.0/24 1024-65535",
			    allow ? "allow" : "deny");
	if (r->conf->rule_n == CONF_RULES_MAX)
		return fail(r, "there are more than %d rules; join some",
			    CONF_RULES_MAX);
	err = read_ports(r, ext, &rule.ext_lo, &rule.ext_hi);
	if (!err)
		err = read_net(r, net, &rule.net_ip, &rule.net_mask);
	if (!err)
		err = read_ports(r, inner, &rule.int_lo, &rule.int_hi);
	if (!err)
		r->conf->rule[r->conf->rule_n++] = rule;
	return err;
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
	if (i->forced_ip && i->type != CONF_EXTERNAL)
		return fail(r, "interface %s has a forced-ip but is internal; "
			    "only the external one takes it", i->name);
	return 0;
}

static int begin_section(struct reader *r, struct str head)
{
	unsigned line = r->line;
	struct str word, name;
	int err = end_section(r);

	if (err)
		return err;
	r->line = line;
	if (!str_word(&head, &word) || !str_eq(word, STR("interface")) ||
	    !str_word(&head, &name) || str_trim(head).n)
		return fail(r, "unknown section; such as: [interface lan0]");
	if (!ruleset_name(name) || name.n >= IF_NAMESIZE)
		return fail(r, "\"%.*s\" is no interface name", STR_F(name));
	for (size_t i = 0; i < r->conf->iface_n; i++)
		if (str_eq(name, str_z(r->conf->iface[i].name)))
			return fail(r, "interface %.*s has a section already, "
				    "on line %u; join them", STR_F(name),
				    r->conf->iface[i].line);
	if (r->conf->iface_n == CONF_IFACES_MAX)
		return fail(r, "there are more than %d interfaces",
			    CONF_IFACES_MAX);
	r->iface = &r->conf->iface[r->conf->iface_n++];
	*r->iface = (struct conf_iface){ .line = line };
	str_copy(r->iface->name, sizeof(r->iface->name), name);
	r->iface_seen = 0;
	return 0;
}

/* A comment starts with # at the start of the line or after white space. */
static struct str without_comment(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' ||
					 line.p[i - 1] == '\t'))
			line.n = i;
	return str_trim(line);
}

static int read_line(struct reader *r, struct str line)
{
	struct str rest, word, key, value;

	line = rest = without_comment(line);
	if (!line.n)
		return 0;
	if (line.p[0] == '[' && line.p[line.n - 1] == ']' && line.n > 2)
		return begin_section(r, (struct str){ line.p + 1, line.n - 2 });
	if (str_word(&rest, &word) &&
	    (str_eq(word, STR("allow")) || str_eq(word, STR("deny"))))
		return read_rule(r, str_eq(word, STR("allow")), rest);
	value = line;
	str_cut(&value, '=', &key);
	if (key.n == line.n)
		return fail(r, "\"%.*s\" is no setting; such as: enabled = yes",
			    STR_F(line));
	key = str_trim(key);
	value = str_trim(value);
	if (r->iface)
		return set_option(r, iface_options,
				  sizeof(iface_options) / sizeof(struct opt),
				  r->iface, &r->iface_seen, key, value);
	return set_option(r, options, sizeof(options) / sizeof(struct opt),
			  r->conf, &r->seen, key, value);
}

static int check_whole(struct reader *r)
{
	const struct conf_iface *external = NULL;
	unsigned internal = 0;

	for (size_t i = 0; i < r->conf->iface_n; i++) {
		const struct conf_iface *f = &r->conf->iface[i];

		if (f->disabled)
			continue;
		internal += f->type == CONF_INTERNAL;
		if (f->type == CONF_INTERNAL)
			continue;
		r->line = f->line;
		if (external)
			return fail(r, "a second external interface, after %s "
				    "on line %u; disable one",
				    external->name, external->line);
		external = f;
	}
	r->line = 0;
	if (r->conf->enabled && !external)
		return fail(r, "enabled, but without an external interface; "
			    "add an [interface NAME] with type = external");
	if (r->conf->enabled && !internal)
		return fail(r, "enabled, but without an internal interface; "
			    "add an [interface NAME] with type = internal");
	if (!r->conf->nft_table[0] != !r->conf->nft_chain[0])
		return fail(r, "nft-table and nft-forward-chain go together; "
			    "set both or none");
	return 0;
}

void conf_defaults(struct conf *c)
{
	*c = (struct conf){
		.allow_disable_external = true,
		.show_dummy_rule = true,
		.secure_mode = true,
		.backend = "auto",
		.http_port = 2828,
		.igd_version = CONF_IGD_BOTH,
		.max_lease = PM_LEASE_MAX_S,
		.max_mappings = 1024,
		.max_per_client = 128,
		.notify_interval = 900,
		.verify_interval = 30,
		.log_level = 6,
		.state_dir = "/var/lib/upnpd",
		.control_socket = "/run/upnpd.sock",
		.pid_file = "/run/upnpd.pid",
		.user = "upnpd",
		.friendly_name = "Router",
		.manufacturer = "upnpd",
		.model_name = "Internet Gateway Device",
		.model_number = UPNPD_VERSION,
	};
}

int conf_parse(struct str text, const char *name, struct conf *ret,
	       struct conf_error *err)
{
	struct conf conf;
	struct reader r = { .name = name, .conf = &conf, .err = err };
	struct str line;
	int e;

	conf_defaults(&conf);
	while (str_cut(&text, '\n', &line)) {
		r.line++;
		e = read_line(&r, line);
		if (e)
			return e;
	}
	e = end_section(&r);
	if (!e)
		e = check_whole(&r);
	if (!e)
		*ret = conf;
	return e;
}

static int fail_file(const char *path, struct conf_error *err, int e)
{
	struct wr w = wr_init_cut(err->text, sizeof(err->text));

	wr_fmt(&w, "%s: %s", path, strerror(e));
	wr_cstr(&w);
	return -e;
}

int conf_read(const char *path, struct conf *ret, struct conf_error *err)
{
	static char text[CONF_FILE_MAX];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_file(path, err, errno);
	do {
		n = read(fd, text + len, sizeof(text) - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0) {
		int e = errno;

		close(fd);
		return fail_file(path, err, e);
	}
	close(fd);
	if (len == sizeof(text))
		return fail_file(path, err, EFBIG);
	return conf_parse((struct str){ text, len }, path, ret, err);
}

const struct conf_iface *conf_external(const struct conf *c)
{
	for (size_t i = 0; i < c->iface_n; i++)
		if (c->iface[i].type == CONF_EXTERNAL && !c->iface[i].disabled)
			return &c->iface[i];
	return NULL;
}
