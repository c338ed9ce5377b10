/* SPDX-License-Identifier: ISC */
/*
 * leaseline.c - the lines of the lease file, version 2.
 *
 *   kind=KIND proto=PROTO port=PORT client=ADDRESS to=PORT origin=ORIGIN
 *   requester=ADDRESS nonce=HEX peer=yes remote=ADDRESS remote-port=PORT
 *   told=PORT disabled=yes overruled=yes
 *   lease=MONO-MS,WALL-S,LEFT-S suspended=MONO-MS,WALL-S,LEFT-S
 *   desc=TEXT                                         (all on one line)
 *   kind=pinhole proto=PROTO client=ADDRESS to=PORT remote=ADDRESS
 *   remote-port=PORT id=N origin=ORIGIN and so on
 *
 * "port" is the external port in our firewall, "told" the one that is reported
 * to clients; "to" is the client's port. Left out are: kind=portmap; the
 * requester of the operator's mappings; remote=*, which is every host; "told"
 * if it equals "port"; disabled=no; overruled=no; "lease" of a permanent
 * mapping; remote-port=0, which is every port; "suspended" of a mapping that is
 * not suspended, or whose suspension has no end, as the operator's. When the
 * networks are known, such a mapping is suspended again. "id" is the unique id
 * of a pinhole. "nonce" has 24 digits; only a mapping of PCP has one, and only
 * one that PEER made has "peer". The link-layer address of its requester is not
 * kept: it is read from the neighbour table again (share_find_hosts()).
 *
 * A later upnpd may add fields without a new version of the file: this one
 * keeps fields that it does not know. A field that must not be ignored needs a
 * kind or an origin of its own, because lines with an unknown one are dropped.
 *
 * CRC is the CRC-32 of IEEE 802.3 over the line up to the space before it.
 *
 * Invariant: only the value of "desc" contains spaces, and no value contains a
 * control character.
 * Runs in: engine
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include "base/addr.h"
#include "base/text.h"
#include "engine/leaseline.h"

#define CRC_LEN		8
#define WALL_MAX_S	(UINT64_MAX / 1000)

enum { KIND, PROTO, PORT, CLIENT, TO, ORIGIN, REQUESTER, NONCE, PEER, REMOTE,
       REMOTE_PORT, ID, TOLD, DISABLED, OVERRULED, LEASE, SUSPENDED, DESC,
       FIELDS };

static const char *const names[FIELDS] = {
	[KIND] = "kind", [PROTO] = "proto", [PORT] = "port",
	[CLIENT] = "client", [TO] = "to", [ORIGIN] = "origin",
	[REQUESTER] = "requester", [NONCE] = "nonce", [PEER] = "peer",
	[REMOTE] = "remote",
	[REMOTE_PORT] = "remote-port", [ID] = "id", [TOLD] = "told",
	[DISABLED] = "disabled", [OVERRULED] = "overruled",
	[LEASE] = "lease",
	[SUSPENDED] = "suspended", [DESC] = "desc",
};

/* ---- checksum ------------------------------------------------------- */

uint32_t leaseline_crc(struct str s)
{
	/* four bits at a time: a small table is fast enough */
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

void leaseline_put_crc(struct wr *w, size_t start)
{
	wr_fmt(w, " %08" PRIx32 "\n", leaseline_crc((struct str){
		w->buf + start, w->len - start }));
}

bool leaseline_cut_crc(struct str *line)
{
	char want[CRC_LEN + 1];
	struct wr w = wr_init(want, sizeof(want));
	struct str body = *line;

	if (body.n <= CRC_LEN || body.p[body.n - CRC_LEN - 1] != ' ')
		return false;
	body.n -= CRC_LEN + 1;
	wr_fmt(&w, "%08" PRIx32, leaseline_crc(body));
	if (!str_eq(wr_done(&w), str_skip(*line, body.n + 1)))
		return false;
	*line = body;
	return true;
}

/* ---- writing -------------------------------------------------------- */

static const char *const kinds[] = {
	[NAT_PORTMAP] = "portmap", [NAT_PINHOLE] = "pinhole",
};

static void put_addr(struct wr *w, const char *name, struct addr a)
{
	wr_ch(w, ' ');
	wr_z(w, name);
	wr_ch(w, '=');
	addr_write(w, a);
}

static void put_end(struct wr *w, const char *name,
		    const struct leaseline_end *end)
{
	if (end->left_s != 0)
		wr_fmt(w, " %s=%" PRIu64 ",%" PRIu64 ",%" PRIu32, name,
		       end->mono_ms, end->wall_s, end->left_s);
}

static void put_nonce(struct wr *w, const struct pm_nonce *nonce)
{
	wr_z(w, " nonce=");
	for (size_t i = 0; i < sizeof(nonce->byte); i++)
		wr_fmt(w, "%02x", nonce->byte[i]);
}

static void put_client(struct wr *w, const struct nat_rule *r)
{
	put_addr(w, "client", r->client);
	wr_fmt(w, " to=%u", r->int_port);
}

/* The key of a pinhole has its client, but no external port:
 * nat_rule_same_key() */
void leaseline_put_key(struct wr *w, const struct nat_rule *r)
{
	if (r->kind != NAT_PORTMAP)
		wr_fmt(w, "kind=%s ", kinds[r->kind]);
	wr_fmt(w, "proto=%s", nat_rule_proto(r->proto));
	if (r->kind == NAT_PINHOLE)
		put_client(w, r);
	else
		wr_fmt(w, " port=%u", r->ext_port);
	if (r->remote.family != ADDR_ANY)
		put_addr(w, "remote", r->remote);
	if (r->remote_port != 0)
		wr_fmt(w, " remote-port=%u", r->remote_port);
}

void leaseline_put(struct wr *w, const struct portmap *pm,
		   const struct pm_entry *e, const struct leaseline_end *lease,
		   const struct leaseline_end *suspended)
{
	char desc[PM_DESC_MAX + 1], note[PM_NOTE_MAX + 1];
	struct str notes = portmap_note(pm, e, note);

	leaseline_put_key(w, &e->rule);
	if (e->rule.kind == NAT_PORTMAP)
		put_client(w, &e->rule);
	if (e->unique_id != 0)
		wr_fmt(w, " id=%u", e->unique_id);
	wr_fmt(w, " origin=%s", origin_name(e->origin));
	if (e->origin != ORIGIN_OPERATOR)
		put_addr(w, "requester", e->requester);
	if (e->origin == ORIGIN_PCP)
		put_nonce(w, &e->nonce);
	if (e->peer)
		wr_z(w, " peer=yes");
	if (e->told_port != e->rule.ext_port)
		wr_fmt(w, " told=%u", e->told_port);
	if (!e->enabled)
		wr_z(w, " disabled=yes");
	if (e->overruled)
		wr_z(w, " overruled=yes");
	put_end(w, names[LEASE], lease);
	put_end(w, names[SUSPENDED], suspended);
	if (notes.n != 0)
		wr_ch(w, ' ');
	wr_str(w, notes);
	wr_z(w, " desc=");
	/* with a line feed in it, a control point could add lines */
	text_put(TEXT_NO_CONTROL, w, portmap_desc(pm, e, desc));
}

/* ---- reading -------------------------------------------------------- */

bool leaseline_get_port(struct str s, uint16_t *ret)
{
	uint32_t v;

	if (str_u32(s, 1, UINT16_MAX, &v) != 0)
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool get_kind(struct str s, uint8_t *ret)
{
	for (*ret = NAT_PORTMAP; *ret <= NAT_PINHOLE; ++*ret)
		if (str_eq(s, str_z(kinds[*ret])))
			return true;
	return false;
}

bool leaseline_get_proto(struct str s, uint8_t *ret)
{
	*ret = str_eq(s, STR("udp")) ? IPPROTO_UDP : IPPROTO_TCP;
	return *ret == IPPROTO_UDP || str_eq(s, STR("tcp"));
}

static bool get_origin(struct str s, uint8_t *ret)
{
	for (*ret = 1; *ret < ORIGINS; ++*ret)
		if (str_eq(s, str_z(origin_name(*ret))))
			return true;
	return false;
}

/* As put_nonce() writes it: without capital letters. */
static bool get_nonce(struct str s, struct pm_nonce *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *high, *low;

	if (s.n != 2 * sizeof(ret->byte))
		return false;
	for (size_t i = 0; i < sizeof(ret->byte); i++) {
		high = memchr(digits, s.p[2 * i], 16);
		low = memchr(digits, s.p[2 * i + 1], 16);
		if (high == NULL || low == NULL)
			return false;
		ret->byte[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return true;
}

/* "MONO-MS,WALL-S,LEFT-S" */
static bool get_end(struct str s, uint32_t max_s, struct leaseline_end *ret)
{
	struct str mono, wall;

	return str_cut(&s, ',', &mono) && str_cut(&s, ',', &wall) &&
	       str_u64(mono, 1, UINT64_MAX, &ret->mono_ms) == 0 &&
	       str_u64(wall, 0, WALL_MAX_S, &ret->wall_s) == 0 &&
	       str_u32(s, 1, max_s, &ret->left_s) == 0;
}

static bool get_value(int field, struct str v, struct leaseline *l)
{
	struct pm_req *q = &l->req;

	switch (field) {
	case KIND:
		return get_kind(v, &q->rule.kind);
	case PROTO:
		return nat_rule_proto_get(v, &q->rule.proto);
	case PORT:
		return leaseline_get_port(v, &q->rule.ext_port);
	case CLIENT:
		return addr_parse(v, &q->rule.client);
	case TO:		/* of a pinhole: 0 is every port */
		return str_eq(v, STR("0")) ||
		       leaseline_get_port(v, &q->rule.int_port);
	case ORIGIN:
		return get_origin(v, &q->origin);
	case REQUESTER:
		return addr_parse(v, &q->requester);
	case NONCE:
		return get_nonce(v, &q->nonce);
	case PEER:
		q->peer = str_eq(v, STR("yes"));
		return q->peer;
	case REMOTE:
		return addr_parse(v, &q->rule.remote);
	case REMOTE_PORT:
		return leaseline_get_port(v, &q->rule.remote_port);
	case ID:
		return leaseline_get_port(v, &q->unique_id);
	case TOLD:
		return leaseline_get_port(v, &l->told_port);
	case DISABLED:
		q->enabled = !str_eq(v, STR("yes"));
		return !q->enabled;
	case OVERRULED:
		l->overruled = str_eq(v, STR("yes"));
		return l->overruled;
	case LEASE:
		return get_end(v, PM_LEASE_MAX_S, &l->lease);
	case SUSPENDED:
		return get_end(v, PM_SUSPENDED_MAX_S, &l->suspended);
	default:
		return text_is(TEXT_NO_CONTROL, v) &&
		       str_copy(q->desc, sizeof(q->desc), v);
	}
}

/* @word: a field that we do not know */
static bool keep(struct str word, struct str name, struct leaseline *l)
{
	struct wr w = wr_init(l->note, sizeof(l->note));

	for (size_t i = 0; i < name.n; i++)
		if (!(name.p[i] >= 'a' && name.p[i] <= 'z') &&
		    !(name.p[i] >= '0' && name.p[i] <= '9') &&
		    name.p[i] != '-')
			return false;
	if (name.n == 0 || name.n == word.n || !text_is(TEXT_NO_CONTROL, word))
		return false;
	w.len = str_z(l->note).n;
	if (w.len + (w.len != 0) + word.n > PM_NOTE_MAX) {
		l->cut = true;
		return true;
	}
	if (w.len != 0)
		wr_ch(&w, ' ');
	wr_str(&w, word);
	wr_cstr(&w);
	return true;
}

/* Read one field. @seen: a bit for each one that was there; @rest: what follows
 * the field's name and "=" */
static bool get_field(struct str *rest, unsigned *seen, struct leaseline *l)
{
	struct str whole = *rest, word, name, value;
	int i = 0;

	if (!str_cut(rest, ' ', &word))
		return false;
	value = word;
	if (!str_cut(&value, '=', &name))	/* two spaces */
		return false;
	while (i < FIELDS && !str_eq(name, str_z(names[i])))
		i++;
	if (i == FIELDS)
		return keep(word, name, l);
	if (*seen & 1u << i || name.n == word.n)
		return false;
	*seen |= 1u << i;
	if (i == DESC) {		/* the rest of the line */
		value = str_skip(whole, name.n + 1);
		rest->n = 0;
	}
	return get_value(i, value, l);
}

/* @need: a bit for each required field. A nonce is PCP's; a file of an earlier
 * version has none. */
static bool get_fields(struct str s, unsigned need, struct leaseline *l)
{
	unsigned seen = 0;

	memset(l, 0, sizeof(*l));
	l->req.rule.kind = NAT_PORTMAP;
	l->req.rule.remote = addr_any();
	l->req.enabled = true;
	while (s.n != 0)
		if (!get_field(&s, &seen, l))
			return false;
	if (l->req.rule.kind == NAT_PINHOLE)
		need |= 1u << CLIENT | 1u << TO;
	if (!(seen & 1u << TOLD))
		l->told_port = l->req.rule.ext_port;
	if (seen & (1u << NONCE | 1u << PEER) && l->req.origin != ORIGIN_PCP)
		return false;
	return (seen & need) == need;
}

bool leaseline_get(struct str fields, struct leaseline *ret)
{
	const unsigned need = 1u << PROTO | 1u << CLIENT | 1u << TO |
			      1u << ORIGIN | 1u << DESC;

	if (!get_fields(fields, need, ret) || !nat_rule_sane(&ret->req.rule))
		return false;
	if (ret->req.unique_id != 0 && ret->req.rule.kind != NAT_PINHOLE)
		return false;
	/* the operator has no address, all others have one */
	return addr_is_set(ret->req.requester) ==
	       (ret->req.origin != ORIGIN_OPERATOR);
}

bool leaseline_get_key(struct str fields, struct nat_rule *ret)
{
	struct leaseline l;

	if (!get_fields(fields, 1u << PROTO, &l))
		return false;
	*ret = l.req.rule;
	return ret->kind == NAT_PINHOLE ? nat_rule_sane(ret) :
					  ret->ext_port != 0;
}
