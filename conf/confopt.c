/* SPDX-License-Identifier: ISC */
/*
 * confopt.c - the table of options, and a parser and a writer for each type of
 * value.
 *
 * Invariants: a written value is parsed to the same value; a value that is
 * refused leaves the field unchanged; a message repeats no control character.
 * Runs in: any
 */
#include <errno.h>
#include "base/text.h"
#include "base/wr.h"
#include "conf/confline.h"
#include "conf/confopt.h"
#include "conf/parts.h"

#define QUOTE_MAX 64	/* bytes of a bad value repeated in a message */

enum type_id { YES_NO, NUMBER, WORD, BACKEND, TEXT, PATH, SOCKET, UUID,
	       NFT_TABLE, NFT_CHAIN, ADDRESS, NETWORKS, CLIENTS };

/* The common part of the options of one type. */
struct type {
	enum confopt_kind kind;
	const char *lead;	/* precedes the range in a message */
	/* false: refused */
	bool (*set)(const struct confopt *, struct str, void *field);
	void (*put)(const struct confopt *, const void *field, struct wr *);
	void (*range)(const struct confopt *, struct wr *);
	const char *words;	/* the range, if range is NULL */
};

struct confopt {
	const char *name;
	uint8_t type;		/* enum type_id */
	uint16_t offset;
	const char *preset;	/* as in the file; "": none */
	uint32_t min, max;	/* types with a list: number of the first word,
				 * and step from one word to the next */
	const char *const *list;	/* of those types; ends with NULL */
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

/* ---- numbers --------------------------------------------------------- */

static bool set_number(const struct confopt *o, struct str v, void *field)
{
	return str_u32(v, o->min, o->max, field) == 0;
}

static void put_number(const struct confopt *o, const void *field, struct wr *w)
{
	wr_u64(w, *(const uint32_t *)field);
}

static void range_number(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "%u to %u", (unsigned)o->min, (unsigned)o->max);
}

/* ---- words of a list ------------------------------------------------- */

/* Set the field to the number of word @v. */
static bool set_word(const struct confopt *o, struct str v, void *field)
{
	uint32_t number = o->min;

	for (const char *const *w = o->list; *w; w++) {
		if (str_eq(v, str_z(*w))) {
			*(uint32_t *)field = number;
			return true;
		}
		number += o->max;
	}
	return false;
}

static void put_word(const struct confopt *o, const void *field, struct wr *w)
{
	uint32_t value = *(const uint32_t *)field, number = o->min;

	for (const char *const *v = o->list; *v; v++) {
		if (value == number)
			wr_z(w, *v);
		number += o->max;
	}
}

static void range_word(const struct confopt *o, struct wr *w)
{
	for (const char *const *v = o->list; *v; v++)
		wr_fmt(w, "%s%s", v == o->list ? "" : ", ", *v);
}

static bool store(struct str v, void *field)
{
	return v.n < CONF_STR_MAX && str_copy(field, CONF_STR_MAX, v);
}

/* The field holds the text, because the backends are found by name. */
static bool set_backend(const struct confopt *o, struct str v, void *field)
{
	uint32_t unused;

	v = confopt_current(o, v);
	return set_word(o, v, &unused) && store(v, field);
}

static void put_text(const struct confopt *o, const void *field, struct wr *w)
{
	wr_z(w, field);
}

/* ---- text ------------------------------------------------------------ */

/* A text for a description, or a path: no tab either. */
static bool set_text(const struct confopt *o, struct str v, void *field)
{
	struct str rest = v, head;

	if (str_cut(&rest, '\t', &head) && head.n < v.n)
		return false;
	return v.n >= o->min && store(v, field);
}

static void range_text(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "%u to %u printable bytes", (unsigned)o->min,
	       CONF_STR_MAX - 1);
}

static bool set_path(const struct confopt *o, struct str v, void *field)
{
	return v.n > 1 && v.p[0] == '/' && set_text(o, v, field);
}

_Static_assert(CONF_STR_MAX == 128, "the texts above say 127 bytes");

/* A socket's path is shorter than a file's: struct sockaddr_un. */
static bool set_socket(const struct confopt *o, struct str v, void *field)
{
	return v.n <= 107 && set_path(o, v, field);
}

/* Here and below, an empty value means that the daemon chooses one itself. */
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
	return (good || !v.n) && store(v, field);
}

static bool set_nft_table(const struct confopt *o, struct str v, void *field)
{
	struct str rest = v, family, table;

	if (v.n && (!str_word(&rest, &family) || !str_word(&rest, &table) ||
		    (!str_eq(family, STR("inet")) &&
		     !str_eq(family, STR("ip"))) ||
		    !confline_name(table) || str_trim(rest).n))
		return false;
	return store(v, field);
}

static bool set_nft_chain(const struct confopt *o, struct str v, void *field)
{
	return (!v.n || confline_name(v)) && store(v, field);
}

/* ---- addresses ------------------------------------------------------- */

static bool set_address(const struct confopt *o, struct str v, void *field)
{
	struct addr a = { .family = ADDR_NONE };

	if (v.n && (!addr_parse(v, &a) || a.family != ADDR_IP4 ||
		    !addr_is_host(a)))
		return false;
	*(struct addr *)field = a;
	return true;
}

static void put_address(const struct confopt *o, const void *field,
			struct wr *w)
{
	struct addr a = *(const struct addr *)field;

	if (addr_is_set(a))
		addr_write(w, a);
}

/* ---- networks of hosts ----------------------------------------------- */

/* Behind another router, or of clients. The widest networks allowed are as large
 * as 10.0.0.0/8 and fc00::/7: a wider one contains addresses that are not in the
 * LAN. Link-local addresses are not routed. */
static bool is_routed(const struct addr_net *n)
{
	static const struct addr_net link_local[] = {
		{ { ADDR_IP4, { 169, 254 } }, 16 },
		{ { ADDR_IP6, { 0xfe, 0x80 } }, 10 },
	};

	return n->bits >= (n->addr.family == ADDR_IP4 ? 8 : 7) &&
	       addr_equal(n->addr, addr_net_first(n)) &&
	       addr_is_host(n->addr) && !addr_net_overlap(&link_local[0], n) &&
	       !addr_net_overlap(&link_local[1], n);
}

static bool set_networks(const struct confopt *o, struct str v, void *field)
{
	struct conf_networks now = *(struct conf_networks *)field;
	struct addr_net net;
	struct str one;

	if (!v.n)
		now.n = 0;
	else if (v.p[v.n - 1] == ',')
		return false;
	while (str_cut(&v, ',', &one)) {
		if (now.n == CONF_NETWORKS_MAX ||
		    !addr_net_parse(str_trim(one), &net) || !is_routed(&net))
			return false;
		now.at[now.n++] = net;
	}
	*(struct conf_networks *)field = now;
	return true;
}

static void put_networks(const struct confopt *o, const void *field,
			 struct wr *w)
{
	const struct conf_networks *c = field;

	for (size_t i = 0; i < c->n; i++) {
		if (i)
			wr_ch(w, ',');
		addr_net_write(w, &c->at[i]);
	}
}

static void range_clients(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "up to %d networks of clients, without host bits, such as "
	       "192.168.88.10/32", CONF_NETWORKS_MAX);
}

static void range_networks(const struct confopt *o, struct wr *w)
{
	wr_fmt(w, "up to %d networks behind other routers of the LAN, without "
	       "host bits, such as 172.31.0.0/16", CONF_NETWORKS_MAX);
}

/* ---- the tables ------------------------------------------------------ */

static const struct type types[] = {
	[YES_NO] = { CONFOPT_BOOL, "", set_bool, put_bool, NULL, "yes or no" },
	[NUMBER] = { CONFOPT_NUMBER, "a number from ", set_number, put_number,
		  range_number },
	[WORD] = { CONFOPT_WORD, "one of: ", set_word, put_word, range_word },
	[BACKEND] = { CONFOPT_WORD, "one of: ", set_backend, put_text,
		  range_word },
	[TEXT] = { CONFOPT_TEXT, "", set_text, put_text, range_text },
	[PATH] = { CONFOPT_TEXT, "", set_path, put_text, NULL,
		  "an absolute path of up to 127 bytes" },
	[SOCKET] = { CONFOPT_TEXT, "", set_socket, put_text, NULL,
		  "an absolute path of up to 107 bytes" },
	[UUID] = { CONFOPT_TEXT, "", set_uuid, put_text, NULL,
		  "a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx) or nothing" },
	[NFT_TABLE] = { CONFOPT_TEXT, "", set_nft_table, put_text, NULL,
		  "a family (ip or inet) and a table, such as inet fw4, or "
		  "nothing" },
	[NFT_CHAIN] = { CONFOPT_TEXT, "", set_nft_chain, put_text, NULL,
		  "a chain, such as forward, or nothing" },
	[ADDRESS] = { CONFOPT_ADDRESS, "", set_address, put_address, NULL,
		  "an IPv4 address of a host, or nothing" },
	[NETWORKS] = { CONFOPT_NETWORKS, "", set_networks, put_networks,
		  range_networks },
	[CLIENTS] = { CONFOPT_NETWORKS, "", set_networks, put_networks,
		  range_clients },
};

static const char *const backend_words[] = {
	"auto", "netlink", "iptables", "iptables-legacy", "iptables-nft",
	"memory", NULL,
};
static const char *const type_words[] = { "external", "internal", NULL };
static const char *const private_words[] = { "warn", "refuse", NULL };
/* In the order of enum conf_ask_upstream. */
static const char *const ask_words[] = {
	"auto", "no", "pcp", "nat-pmp", "upnp", NULL,
};
/* In the order of enum conf_selection. */
static const char *const selection_words[] = { "route", "priority", NULL };
/* The first is syslog's LOG_ERR. */
static const char *const level_words[] = {
	"error", "warning", "notice", "info", "debug", NULL,
};
/* The first is CONF_IGD1, in steps of two. */
static const char *const version_words[] = { "1", "2", "both", NULL };
static const char *const scope_words[] = { "own", "all", NULL };
static const char *const page_words[] = { "own", "all", "no", NULL };

#define DIGITS_(n) #n
#define DIGITS(n) DIGITS_(n)	/* a limit as a string */

#define O(field) offsetof(struct conf, field)
static const struct confopt options[] = {
	{ "enabled", YES_NO, O(enabled), "no" },
	{ "allow-disable-external-interface", YES_NO,
	  O(allow_disable_external), "yes" },
	{ "show-dummy-rule", YES_NO, O(show_dummy_rule), "yes" },
	{ "upnp", YES_NO, O(upnp), "yes" },
	{ "nat-pmp", YES_NO, O(nat_pmp), "yes" },
	{ "pcp", YES_NO, O(pcp), "yes" },
	{ "backend", BACKEND, O(backend), "auto", .list = backend_words },
	{ "http-port", NUMBER, O(http_port), "2828", 0, 65535 },
	{ "igd-version", WORD, O(igd_version), "both", CONF_IGD1, 2,
	  version_words },
	{ "list-scope", WORD, O(list_scope), "own", CONF_LIST_OWN, 1,
	  scope_words },
	{ "status-page", WORD, O(status_page), "own", CONF_PAGE_OWN, 1,
	  page_words },
	{ "secure-mode", YES_NO, O(secure_mode), "yes" },
	{ "pcp-strict-nonce", YES_NO, O(pcp_strict_nonce), "no" },
	{ "pcp-third-party", CLIENTS, O(pcp_third_party), "" },
	{ "max-lease", NUMBER, O(max_lease), DIGITS(PM_LEASE_MAX_S), 1,
	  PM_LEASE_MAX_S },
	{ "absent-timeout", NUMBER, O(absent_timeout), "0", 0, ABSENT_MAX_S },
	{ "max-mappings", NUMBER, O(max_mappings), "1024", 1,
	  PM_MAPPINGS_LIMIT },
	{ "max-pinholes", NUMBER, O(max_pinholes), "1024", 0,
	  PM_PINHOLES_LIMIT },
	{ "max-mappings-per-client", NUMBER, O(max_per_client), "128", 1,
	  PM_MAPPINGS_LIMIT },
	{ "private-external-address", WORD, O(refuse_private), "warn", 0, 1,
	  private_words },
	{ "ask-upstream", WORD, O(ask_upstream), "auto", CONF_ASK_AUTO, 1,
	  ask_words },
	{ "external-selection", WORD, O(external_selection), "route",
	  CONF_SELECT_ROUTE, 1, selection_words },
	{ "ipv6", YES_NO, O(ipv6), "yes" },
	{ "hairpin", YES_NO, O(hairpin), "no" },
	{ "masquerade", YES_NO, O(masquerade), "no" },
	{ "notify-interval", NUMBER, O(notify_interval), "900", 30, 86400 },
	{ "verify-interval", NUMBER, O(verify_interval), "30", 1, 86400 },
	{ "upstream-bps", NUMBER, O(up_bps), "0", 0, UINT32_MAX },
	{ "downstream-bps", NUMBER, O(down_bps), "0", 0, UINT32_MAX },
	{ "state-dir", PATH, O(state_dir), "/var/lib/upnpd" },
	{ "pid-file", PATH, O(pid_file), "/run/upnpd.pid" },
	{ "control-socket", SOCKET, O(control_socket), "/run/upnpd.sock" },
	{ "user", TEXT, O(user), "upnpd", 1 },
	{ "uuid", UUID, O(uuid), "" },
	{ "friendly-name", TEXT, O(friendly_name), "Router", 1 },
	{ "manufacturer", TEXT, O(manufacturer), "upnpd", 1 },
	{ "manufacturer-url", TEXT, O(manufacturer_url), "" },
	{ "model-name", TEXT, O(model_name), "Internet Gateway Device", 1 },
	{ "model-number", TEXT, O(model_number), UPNPD_VERSION },
	{ "serial-number", TEXT, O(serial_number), "" },
	{ "presentation-url", TEXT, O(presentation_url), "" },
	{ "nft-table", NFT_TABLE, O(nft_table), "" },
	{ "nft-forward-chain", NFT_CHAIN, O(nft_chain), "" },
	{ "log-mappings", YES_NO, O(log_mappings), "yes" },
	{ "log-level", WORD, O(log_level), "info", 3, 1, level_words },
};
#undef O

#define O(field) offsetof(struct conf_iface, field)
static const struct confopt iface_options[] = {
	{ "type", WORD, O(type), "", CONF_EXTERNAL, 1, type_words },
	{ "disabled", YES_NO, O(disabled), "no" },
	{ "forced-ip", ADDRESS, O(forced_ip), "" },
	{ "network", NETWORKS, O(network), "" },
};
#undef O

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(COUNT(options) <= CONFOPT_MAX, "the larger table fits");

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
	return types[o->type].kind;
}

/* Only options with the value no have presets that need a part. */
const char *confopt_default(const struct confopt *o)
{
	struct wr none = wr_init(NULL, 0);

	return parts_lack(o->name, str_z(o->preset), &none) ? "no" : o->preset;
}

void confopt_defaults(bool of_iface, void *base)
{
	const struct confopt *o;
	struct wr none = wr_init(NULL, 0);

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++)
		if (*o->preset)
			confopt_set(o, str_z(confopt_default(o)), base, &none);
}

struct str confopt_current(const struct confopt *o, struct str v)
{
	if (o->type == BACKEND && str_eq(v, STR("nft")))
		return STR("netlink");
	return v;
}

int confopt_set(const struct confopt *o, struct str v, void *base,
		struct wr *why)
{
	bool holds = confline_holds(v), cut = v.n > QUOTE_MAX;
	char lack[160];
	struct wr w = wr_init_cut(lack, sizeof(lack));

	if (parts_lack(o->name, v, &w)) {
		wr_fmt(why, "%s is \"%.*s\", %s", o->name, STR_F(v),
		       wr_cstr(&w));
		return -EINVAL;
	}
	if (holds && types[o->type].set(o, v, (char *)base + o->offset))
		return 0;
	wr_fmt(why, "%s is \"", o->name);
	/* Repeat only the start of the value, without control characters: the
	 * message may be printed on a terminal or logged. */
	text_put(TEXT_NO_CONTROL, why,
		 (struct str){ v.p, cut ? QUOTE_MAX : v.n });
	wr_fmt(why, "%s\"; it takes ", cut ? "..." : "");
	if (holds) {
		wr_z(why, types[o->type].lead);
		confopt_range(o, why);
	} else {
		wr_z(why, "no control character, no space at an end and no # "
		     "after a space");
	}
	return -EINVAL;
}

void confopt_put(const struct confopt *o, const void *base, struct wr *w)
{
	types[o->type].put(o, (const char *)base + o->offset, w);
}

void confopt_range(const struct confopt *o, struct wr *w)
{
	if (types[o->type].range)
		types[o->type].range(o, w);
	else
		wr_z(w, types[o->type].words);
}
