/* SPDX-License-Identifier: ISC */
/*
 * maptext.c - format and parse the fields of a mapping.
 *
 * Invariant: maptext_clean() has filtered all text from the LAN that this file
 * writes for a terminal.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <netinet/in.h>
#include "upnpctl/maptext.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/json.h"
#include "upnpctl/out.h"
#include "igd/igd.h"

/* ---- untrusted text ------------------------------------ */

/* Bidirectional controls are not printable, because a description could use
 * them to look like another column. */
static bool is_printable(uint32_t c)
{
	return !utf8_is_control(c) && c != 0x200e && c != 0x200f &&
	       c != 0x061c && (c < 0x2028 || c > 0x202e) &&
	       (c < 0x2066 || c > 0x2069);
}

/* Return: length of the first character, 0 if it is not printable */
static size_t printable_len(struct str s)
{
	uint32_t c = 0;
	size_t n = utf8_get_xml(s, &c);

	return n && is_printable(c) ? n : 0;
}

void maptext_clean(struct wr *w, struct str s)
{
	uint32_t c;
	size_t n;

	for (; s.n; s = str_skip(s, n)) {
		n = printable_len(s);
		if (n) {
			wr_str(w, (struct str){ s.p, n });
			continue;
		}
		wr_ch(w, '?');
		n = utf8_get_xml(s, &c);
		n = n ? n : 1;	/* not a character */
	}
}

/* ---- writing --------------------------------------------------------- */

void maptext_time(struct wr *w, uint64_t s)
{
	static const struct {
		uint32_t s;
		char unit;
	} parts[] = {
		{ 604800, 'w' }, { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' },
		{ 1, 's' },
	};

	if (s == 0)
		wr_z(w, "0s");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (s >= parts[i].s) {
			wr_u64(w, s / parts[i].s);
			wr_ch(w, parts[i].unit);
		}
		s %= parts[i].s;
	}
}

static const char *const names[MAPTEXT__MAX] = {
	[MAPTEXT_PROTOCOL] = "protocol", [MAPTEXT_EXT_PORT] = "external-port",
	[MAPTEXT_TO] = "to", [MAPTEXT_REMOTE] = "remote-host",
	[MAPTEXT_LEFT] = "time-left", [MAPTEXT_BY] = "by",
	[MAPTEXT_ORIGIN] = "origin", [MAPTEXT_ID] = "id",
	[MAPTEXT_DESC] = "description",
};

const char *maptext_name(enum maptext_field f)
{
	return names[f];
}

static bool is_pinhole(const struct nat_rule *r)
{
	return r->kind == NAT_PINHOLE;
}

bool maptext_has(enum maptext_field f, const struct ctl_mapping *m)
{
	return is_pinhole(&m->rule) ? f != MAPTEXT_EXT_PORT : f != MAPTEXT_ID;
}

/* @port: 0: every port */
static void put_socket(struct wr *w, struct addr host, uint16_t port)
{
	addr_host_write(w, host);
	wr_ch(w, ':');
	if (port)
		wr_u64(w, port);
	else
		wr_ch(w, '*');
}

static void put_remote(struct wr *w, const struct nat_rule *r)
{
	if (r->remote_port)
		put_socket(w, r->remote, r->remote_port);
	else if (addr_is_set(r->remote))
		addr_write(w, r->remote);
}

static void put_rule(struct wr *w, enum maptext_field f,
		     const struct nat_rule *r)
{
	if (f == MAPTEXT_PROTOCOL)
		wr_z(w, nat_rule_proto(r->proto));
	else if (f == MAPTEXT_EXT_PORT)
		wr_u64(w, r->ext_port);
	else if (f == MAPTEXT_REMOTE)
		put_remote(w, r);
	else if (addr_is_set(r->client))
		put_socket(w, r->client, r->int_port);
}

void maptext_put(struct wr *w, enum maptext_field f,
		 const struct ctl_mapping *m)
{
	bool by_operator = m->origin == ORIGIN_OPERATOR;

	if (!maptext_has(f, m))
		return;
	if (f <= MAPTEXT_REMOTE)
		put_rule(w, f, &m->rule);
	else if (f == MAPTEXT_ID)
		wr_u64(w, m->unique_id);
	else if (f == MAPTEXT_LEFT && m->left_s)
		maptext_time(w, m->left_s);
	else if (f == MAPTEXT_LEFT)
		wr_z(w, "never");
	else if (f == MAPTEXT_BY && by_operator)
		wr_z(w, "operator");
	else if (f == MAPTEXT_BY)
		addr_write(w, m->requester);
	else if (f == MAPTEXT_ORIGIN)
		wr_z(w, origin_name(m->origin));
	else if (f == MAPTEXT_DESC)
		maptext_clean(w, str_z(m->desc));
}

void maptext_flags(struct wr *w, const struct ctl_mapping *m)
{
	wr_ch(w, m->origin == ORIGIN_OPERATOR ? 'S' : 'D');
	if (!m->enabled)
		wr_ch(w, 'X');
	if (m->suspended)
		wr_ch(w, 'U');
	if (m->overruled)
		wr_ch(w, 'O');
}

static void put_quoted(struct wr *w, struct str s)
{
	wr_ch(w, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			wr_ch(w, '\\');
		wr_ch(w, s.p[i]);
	}
	wr_ch(w, '"');
}

void maptext_pairs(struct wr *w, enum maptext_field from,
		   enum maptext_field to, const struct ctl_mapping *m)
{
	char buf[MAPTEXT_MAX];

	for (enum maptext_field f = from; f <= to && f < MAPTEXT__MAX; f++) {
		struct wr text = wr_init(buf, sizeof(buf));

		if (!maptext_has(f, m))
			continue;
		maptext_put(&text, f, m);
		wr_fmt(w, "%s%s=", f == from ? "" : " ", names[f]);
		if (f == MAPTEXT_DESC || text.len == 0)
			put_quoted(w, wr_done(&text));
		else
			wr_str(w, wr_done(&text));
	}
}

/* null is every port. A pinhole's external port is its internal one. */
static void json_port(const char *name, uint16_t port)
{
	if (port)
		json_u64(name, port);
	else
		json_null(name);
}

void maptext_rule_json(const struct nat_rule *r)
{
	json_str("kind", is_pinhole(r) ? STR("pinhole") : STR("mapping"));
	json_str("protocol", str_z(nat_rule_proto(r->proto)));
	json_port("external-port", nat_rule_port(r));
	json_addr("to-address", r->client);
	json_port("to-port", r->int_port);
	json_addr("remote-host", r->remote);
	json_port("remote-port", r->remote_port);
}

void maptext_json(const struct ctl_mapping *m)
{
	json_bool("dynamic", m->origin != ORIGIN_OPERATOR);
	json_bool("disabled", !m->enabled);
	json_bool("suspended", m->suspended);
	json_bool("overruled", m->overruled);
	maptext_rule_json(&m->rule);
	if (!is_pinhole(&m->rule))
		json_port("upstream-port", (uint16_t)m->told_port);
	if (is_pinhole(&m->rule))
		json_u64("id", m->unique_id);
	if (m->left_s)
		json_u64("time-left", m->left_s);
	else
		json_null("time-left");
	if (m->origin == ORIGIN_OPERATOR)
		json_null("by");
	else
		json_addr("by", m->requester);
	json_str("origin", str_z(origin_name(m->origin)));
	json_bool("configured", m->configured);
	json_str("description", str_z(m->desc));
}

void maptext_key(struct wr *w, const struct nat_rule *r)
{
	bool remote = addr_is_set(r->remote) || r->remote_port;

	wr_fmt(w, "%s:", nat_rule_proto(r->proto));
	if (is_pinhole(r))
		put_socket(w, r->client, r->int_port);
	else
		wr_u64(w, r->ext_port);
	if (!remote)
		return;
	wr_ch(w, ':');
	if (is_pinhole(r))
		put_socket(w, r->remote, r->remote_port);
	else
		confmapping_put_remote(w, r->remote, r->remote_port);
}

/* ---- reading --------------------------------------------------------- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Seconds in @unit, which must be smaller than *@last. Return: 0: there is no
 * such unit, or it is not smaller */
static uint32_t unit_s(char unit, uint32_t *last)
{
	static const char units[] = "wdhms";
	static const uint32_t s[] = { 604800, 86400, 3600, 60, 1 };

	for (size_t i = 0; i < sizeof(units) - 1; i++)
		if (units[i] == unit && s[i] < *last)
			return *last = s[i];
	return 0;
}

static int read_units(struct str s, uint64_t *total)
{
	uint32_t n, unit, last = UINT32_MAX;
	size_t i;
	int err;

	for (*total = 0; s.n; s = str_skip(s, i + 1)) {
		for (i = 0; i < s.n && digit(s.p[i]); i++)
			;
		unit = i < s.n ? unit_s(s.p[i], &last) : 0;
		if (!unit)
			return -EINVAL;
		err = str_u32((struct str){ s.p, i }, 0, UINT32_MAX, &n);
		if (err)
			return err;
		*total += (uint64_t)n * unit;
	}
	return 0;
}

int maptext_read_time(struct str s, uint32_t *ret_s)
{
	uint64_t total;
	int err;

	if (s.n == 0)
		return -EINVAL;
	if (digit(s.p[s.n - 1]))
		return str_u32(s, 0, PM_LEASE_MAX_S, ret_s);
	err = read_units(s, &total);
	if (err)
		return err;
	if (total > PM_LEASE_MAX_S)
		return -ERANGE;
	*ret_s = (uint32_t)total;
	return 0;
}

bool maptext_read_bool(struct str s, bool *ret)
{
	*ret = str_eq(s, STR("yes")) || str_eq(s, STR("true"));
	return *ret || str_eq(s, STR("no")) || str_eq(s, STR("false"));
}

bool maptext_read_proto(struct str s, uint8_t *ret)
{
	char low[16];

	if (s.n >= sizeof(low))
		return false;
	for (size_t i = 0; i < s.n; i++)
		low[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ?
			 (char)(s.p[i] - 'A' + 'a') : s.p[i];
	return nat_rule_proto_get((struct str){ low, s.n }, ret);
}

bool maptext_read_port(struct str s, uint16_t *ret)
{
	uint32_t port;

	if (str_u32(s, 1, 65535, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

bool maptext_read_to(struct str s, struct addr *ret, uint16_t *ret_port)
{
	return addr_host_parse(&s, ret) && maptext_read_port(s, ret_port);
}

/* Split off the part before the next colon. @ret_more: there is one */
static struct str next_part(struct str *rest, bool *ret_more)
{
	struct str head = *rest;

	str_cut(rest, ':', &head);
	*ret_more = rest->p > head.p + head.n;
	return head;
}

/* "8080", "8080:203.0.113.5" or "8080:203.0.113.5:3478". @ret_more: a remote
 * host is named */
static bool read_mapping_key(struct str s, struct nat_rule *ret, bool *ret_more)
{
	struct addr remote;

	if (!maptext_read_port(next_part(&s, ret_more), &ret->ext_port))
		return false;
	if (!*ret_more)
		return true;
	if (!confmapping_read_remote(s, &remote, &ret->remote_port) ||
	    remote.family != ADDR_IP4)
		return false;
	if (!addr_is_unspecified(remote))
		ret->remote = remote;
	return !ret->remote_port || addr_is_set(ret->remote);
}

/* "*" or a port */
static bool read_any_port(struct str s, uint16_t *ret)
{
	*ret = 0;
	return str_eq(s, STR("*")) || maptext_read_port(s, ret);
}

/* "[2001:db8::5]:8080" or "[2001:db8::5]:8080:[2001:db8::9]:*" */
static bool read_pinhole_key(struct str s, struct nat_rule *ret, bool *ret_more)
{
	ret->kind = NAT_PINHOLE;
	if (!addr_host_parse(&s, &ret->client) ||
	    !read_any_port(next_part(&s, ret_more), &ret->int_port))
		return false;
	if (!*ret_more)
		return true;
	if (str_starts(s, STR("*:")))
		s = str_skip(s, 2);
	else if (!addr_host_parse(&s, &ret->remote) ||
		 ret->remote.family != ADDR_IP6)
		return false;
	return read_any_port(s, &ret->remote_port);
}

bool maptext_read_key(struct str s, struct nat_rule *ret, bool *ret_any_remote)
{
	bool more, ok;

	*ret = (struct nat_rule){ .kind = NAT_PORTMAP, .remote = addr_any() };
	if (!maptext_read_proto(next_part(&s, &more), &ret->proto) || !more)
		return false;
	if (s.n && *s.p == '[')
		ok = read_pinhole_key(s, ret, &more);
	else
		ok = read_mapping_key(s, ret, &more);
	*ret_any_remote = !more;
	return ok && nat_rule_has_proto(ret->kind, ret->proto);
}

bool maptext_read_desc(struct str s, char ret[PM_DESC_MAX + 1])
{
	struct str rest = s;

	while (rest.n) {
		size_t n = printable_len(rest);

		if (!n)
			return false;
		rest = str_skip(rest, n);
	}
	return str_copy(ret, PM_DESC_MAX + 1, s);
}
