/* SPDX-License-Identifier: ISC */
/*
 * confopt.c - the table of options, and one small parser and writer a type of
 * value.
 *
 * Invariants: what is put is set again as the same value; a value that is
 * refused leaves the field as it was; a message repeats no control character.
 */
#include <errno.h>
#include "confline.h"
#include "confopt.h"

#define QUOTE_MAX 64	/* bytes of a bad value repeated in a message */

/* What the options of one type have in common. */
struct type {
	enum confopt_kind kind;
	const char *lead;	/* before the range, in a message */
	/* false: refused */
	bool (*set)(const struct confopt *, struct str, void *field);
	void (*put)(const struct confopt *, const void *field, struct wr *);
	void (*range)(const struct confopt *, struct wr *);
	const char *words;	/* the range, where range is NULL */
};

struct confopt {
	const char *name;
	const struct type *type;
	size_t offset;
	const char *preset;	/* as in the file; "": none */
	uint32_t min, max;
	const char *const *list;	/* of the word types; NULL-terminated */
};

/* ---- yes or no ------------------------------------------------------- */

static bool set_bool(const struct confopt *o, struct str v, void *field)
{
	bool yes = str_eq(v, STR("yes"));

	if (!yes && !str_eq(v, STR("no")))
		return false;
	*(bool *)field = yes;
	return true;
}

static void put_bool(const struct confopt *o, const void *field, struct wr *w)
{
	wr_z(w, *(const bool *)field ? "yes" : "no");
}

static const struct type yes_no = {
	CONFOPT_BOOL, "", set_bool, put_bool, NULL, "yes or no"
};

/* ---- numbers --------------------------------------------------------- */

static bool set_number(const struct confopt *o, struct str v, void *field)
{
	return str_u32(v, o->min, o->max, field) == 0;
}

static void put_number(const struct confopt *o, const void *field,
		       struct wr *w)
{
	wr_u64(w, *(const uint32_t *)field);
}

static void range_number(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "%u to %u", (unsigned)o->min, (unsigned)o->max);
}

static const struct type number = {
	CONFOPT_NUMBER, "a number from ", set_number, put_number, range_number
};

/* ---- words of a list ------------------------------------------------- */

/* An empty one is a number without a word. */
static bool find_word(const struct confopt *o, struct str v, uint32_t *ret)
{
	for (uint32_t i = 0; o->list[i]; i++)
		if (*o->list[i] && str_eq(v, str_z(o->list[i]))) {
			*ret = i;
			return true;
		}
	return false;
}

/* The field gets min plus the word's index. */
static bool set_word(const struct confopt *o, struct str v, void *field)
{
	uint32_t index;

	if (!find_word(o, v, &index))
		return false;
	*(uint32_t *)field = o->min + index;
	return true;
}

static void put_word(const struct confopt *o, const void *field, struct wr *w)
{
	uint32_t value = *(const uint32_t *)field;

	for (uint32_t i = 0; o->list[i]; i++)
		if (value == o->min + i)
			wr_z(w, o->list[i]);
}

static void range_word(const struct confopt *o, struct wr *w)
{
	for (size_t i = 0; o->list[i]; i++)
		if (*o->list[i])
			wr_fmt(w, "%s%s", i ? ", " : "", o->list[i]);
}

static const struct type word = {
	CONFOPT_WORD, "one of: ", set_word, put_word, range_word
};

static bool keep(struct str v, void *field)
{
	return v.n < CONF_STR_MAX && str_copy(field, CONF_STR_MAX, v);
}

/* A word whose text is kept, for what other layers look up by name. */
static bool set_name(const struct confopt *o, struct str v, void *field)
{
	uint32_t index;

	return find_word(o, v, &index) && keep(v, field);
}

static void put_text(const struct confopt *o, const void *field, struct wr *w)
{
	wr_z(w, field);
}

static const struct type name = {
	CONFOPT_WORD, "one of: ", set_name, put_text, range_word
};

/* ---- text ------------------------------------------------------------ */

/* A text that may end up in a description, a path: no tab either. */
static bool set_text(const struct confopt *o, struct str v, void *field)
{
	struct str rest = v, head;

	if (str_cut(&rest, '\t', &head) && head.n < v.n)
		return false;
	return v.n >= o->min && keep(v, field);
}

static void range_text(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "%u to %u printable bytes", (unsigned)o->min,
	       CONF_STR_MAX - 1);
}

static const struct type text = {
	CONFOPT_TEXT, "", set_text, put_text, range_text
};

static bool set_path(const struct confopt *o, struct str v, void *field)
{
	return v.n > 1 && v.p[0] == '/' && set_text(o, v, field);
}

static const struct type path = {
	CONFOPT_TEXT, "", set_path, put_text, NULL,
	"an absolute path of up to 127 bytes"
};

_Static_assert(CONF_STR_MAX == 128, "as the words above have it");

/* A socket's name is shorter than a file's: struct sockaddr_un. */
static bool set_socket(const struct confopt *o, struct str v, void *field)
{
	return v.n <= 107 && set_path(o, v, field);
}

static const struct type socket_path = {
	CONFOPT_TEXT, "", set_socket, put_text, NULL,
	"an absolute path of up to 107 bytes"
};

/* Without a value, the daemon finds one itself; so too for those below. */
static bool set_uuid(const struct confopt *o, struct str v, void *field)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	bool good = v.n == sizeof(shape) - 1;

	for (size_t i = 0; good && i < v.n; i++) {
		char c = v.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			   (c >= 'A' && c <= 'F');

		good = shape[i] == 'x' ? hex : c == '-';
	}
	return (good || !v.n) && keep(v, field);
}

static const struct type uuid = {
	CONFOPT_TEXT, "", set_uuid, put_text, NULL,
	"a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx) or nothing"
};

static bool set_nft_table(const struct confopt *o, struct str v, void *field)
{
	struct str rest = v, family, table;

	if (v.n && (!str_word(&rest, &family) || !str_word(&rest, &table) ||
		    (!str_eq(family, STR("inet")) &&
		     !str_eq(family, STR("ip"))) ||
		    !confline_name(table) || str_trim(rest).n))
		return false;
	return keep(v, field);
}

static const struct type nft_table = {
	CONFOPT_TEXT, "", set_nft_table, put_text, NULL,
	"a family (ip or inet) and a table, such as inet fw4, or nothing"
};

static bool set_nft_chain(const struct confopt *o, struct str v, void *field)
{
	return (!v.n || confline_name(v)) && keep(v, field);
}

static const struct type nft_chain = {
	CONFOPT_TEXT, "", set_nft_chain, put_text, NULL,
	"a chain, such as forward, or nothing"
};

/* ---- addresses ------------------------------------------------------- */

static bool set_address(const struct confopt *o, struct str v, void *field)
{
	uint32_t ip = 0;

	if (v.n && (!str_ipv4(v, &ip) || !policy_unicast(ip)))
		return false;
	*(uint32_t *)field = ip;
	return true;
}

static void put_address(const struct confopt *o, const void *field,
			struct wr *w)
{
	uint32_t ip = *(const uint32_t *)field;

	if (ip)
		wr_ipv4(w, ip);
}

static const struct type address = {
	CONFOPT_ADDRESS, "", set_address, put_address, NULL,
	"an IPv4 address of a host, or nothing"
};

/* ---- the tables ------------------------------------------------------ */

static const char *const backend_words[] = {
	"auto", "nft", "iptables", "iptables-legacy", "iptables-nft",
	"memory", NULL
};
static const char *const type_words[] = { "external", "internal", NULL };
static const char *const private_words[] = { "warn", "refuse", NULL };
/* From syslog's LOG_ERR on. */
static const char *const level_words[] = {
	"error", "warning", "notice", "info", "debug", NULL
};
/* From CONF_IGD1 on; no word is 3 or 5. */
static const char *const version_words[] = { "1", "", "2", "", "both", NULL };
static const char *const scope_words[] = { "own", "all", NULL };

#define DIGITS_(n) #n
#define DIGITS(n) DIGITS_(n)	/* a limit as text */

#define O(field) offsetof(struct conf, field)
static const struct confopt options[] = {
	{ "enabled", &yes_no, O(enabled), "no" },
	{ "allow-disable-external-interface", &yes_no,
	  O(allow_disable_external), "yes" },
	{ "show-dummy-rule", &yes_no, O(show_dummy_rule), "yes" },
	{ "backend", &name, O(backend), "auto", .list = backend_words },
	{ "http-port", &number, O(http_port), "2828", 0, 65535 },
	{ "igd-version", &word, O(igd_version), "both", CONF_IGD1,
	  .list = version_words },
	{ "list-scope", &word, O(list_scope), "own", CONF_LIST_OWN,
	  .list = scope_words },
	{ "secure-mode", &yes_no, O(secure_mode), "yes" },
	{ "max-lease", &number, O(max_lease), DIGITS(PM_LEASE_MAX_S), 1,
	  PM_LEASE_MAX_S },
	{ "max-mappings", &number, O(max_mappings), "1024", 1,
	  PM_MAPPINGS_LIMIT },
	{ "max-mappings-per-client", &number, O(max_per_client), "128", 1,
	  PM_MAPPINGS_LIMIT },
	{ "private-external-address", &word, O(refuse_private), "warn",
	  .list = private_words },
	{ "hairpin", &yes_no, O(hairpin), "no" },
	{ "masquerade", &yes_no, O(masquerade), "no" },
	{ "notify-interval", &number, O(notify_interval), "900", 30, 86400 },
	{ "verify-interval", &number, O(verify_interval), "30", 1, 86400 },
	{ "upstream-bps", &number, O(up_bps), "0", 0, UINT32_MAX },
	{ "downstream-bps", &number, O(down_bps), "0", 0, UINT32_MAX },
	{ "state-dir", &path, O(state_dir), "/var/lib/upnpd" },
	{ "pid-file", &path, O(pid_file), "/run/upnpd.pid" },
	{ "control-socket", &socket_path, O(control_socket), "/run/upnpd.sock" },
	{ "user", &text, O(user), "upnpd", 1 },
	{ "uuid", &uuid, O(uuid), "" },
	{ "friendly-name", &text, O(friendly_name), "Router", 1 },
	{ "manufacturer", &text, O(manufacturer), "upnpd", 1 },
	{ "manufacturer-url", &text, O(manufacturer_url), "" },
	{ "model-name", &text, O(model_name), "Internet Gateway Device", 1 },
	{ "model-number", &text, O(model_number), UPNPD_VERSION },
	{ "serial-number", &text, O(serial_number), "" },
	{ "presentation-url", &text, O(presentation_url), "" },
	{ "nft-table", &nft_table, O(nft_table), "" },
	{ "nft-forward-chain", &nft_chain, O(nft_chain), "" },
	{ "log-level", &word, O(log_level), "info", 3, .list = level_words },
};
#undef O

#define O(field) offsetof(struct conf_iface, field)
static const struct confopt iface_options[] = {
	{ "type", &word, O(type), "", CONF_EXTERNAL, .list = type_words },
	{ "disabled", &yes_no, O(disabled), "no" },
	{ "forced-ip", &address, O(forced_ip), "" },
};
#undef O

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(COUNT(options) <= CONFOPT_MAX, "the larger table");

const struct confopt *confopt_at(bool of_iface, size_t i)
{
	if (of_iface)
		return i < COUNT(iface_options) ? &iface_options[i] : NULL;
	return i < COUNT(options) ? &options[i] : NULL;
}

const struct confopt *confopt_find(bool of_iface, struct str key)
{
	const struct confopt *o;

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++)
		if (str_eq(key, str_z(o->name)))
			break;
	return o;
}

/* ---- one option ------------------------------------------------------ */

const char *confopt_name(const struct confopt *o)
{
	return o->name;
}

enum confopt_kind confopt_kind(const struct confopt *o)
{
	return o->type->kind;
}

const char *confopt_default(const struct confopt *o)
{
	return o->preset;
}

void confopt_defaults(bool of_iface, void *base)
{
	const struct confopt *o;
	struct wr none = wr_init(NULL, 0);

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++)
		if (*o->preset)
			confopt_set(o, str_z(o->preset), base, &none);
}

/* The beginning of a value, fit for a terminal and a log. */
static void quote(struct wr *w, struct str v)
{
	for (size_t i = 0; i < v.n && i < QUOTE_MAX; i++) {
		unsigned char c = (unsigned char)v.p[i];

		wr_ch(w, c < 0x20 || c == 0x7f ? '?' : v.p[i]);
	}
	if (v.n > QUOTE_MAX)
		wr_z(w, "...");
}

int confopt_set(const struct confopt *o, struct str v, void *base,
		struct wr *why)
{
	bool holds = confline_holds(v);

	if (holds && o->type->set(o, v, (char *)base + o->offset))
		return 0;
	wr_fmt(why, "%s is \"", o->name);
	quote(why, v);
	wr_z(why, "\"; it takes ");
	if (holds) {
		wr_z(why, o->type->lead);
		confopt_range(o, why);
	} else {
		wr_z(why, "no control character, no space at an end and no # "
		     "behind a space");
	}
	return -EINVAL;
}

void confopt_put(const struct confopt *o, const void *base, struct wr *w)
{
	o->type->put(o, (const char *)base + o->offset, w);
}

void confopt_range(const struct confopt *o, struct wr *w)
{
	if (o->type->range)
		o->type->range(o, w);
	else
		wr_z(w, o->type->words);
}
