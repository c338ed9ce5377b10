/* SPDX-License-Identifier: ISC */
/*
 * ssdpmsg.c - parse searches, write answers and announcements. Pure.
 *
 * Never does: copy a byte of a search into an answer, except the name of a
 * known target.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include "base/date.h"
#include "base/wr.h"
#include "http/httpmsg.h"
#include "base/limits.h"
#include "ssdp/ssdpmsg.h"

#define MX_MAX		5	/* UDA 1.1 1.3.3: more counts as 5 */

/* A unicast search has no MX, and some control points always omit it. An MX
 * that is not a number makes the search invalid. */
static bool parse_mx(const struct httpmsg *m, uint32_t *ret)
{
	struct str s = STR("0");
	int err;

	httpmsg_get(m, STR("MX"), &s);
	err = str_u32(s, 0, MX_MAX, ret);
	if (err == -ERANGE)
		*ret = MX_MAX;
	return err != -EINVAL;
}

/* The end of the datagram also ends the head: a client for Bitcoin sends no
 * empty line. @whole: room for the datagram and that line */
static bool parse_head(struct str datagram, char *whole, size_t cap,
		       struct httpmsg *ret)
{
	struct wr w = wr_init(whole, cap);

	if (httpmsg_parse(datagram.p, datagram.n, ret) > 0)
		return true;
	wr_str(&w, datagram);
	wr_z(&w, "\r\n\r\n");
	return !w.over && httpmsg_parse(w.buf, w.len, ret) > 0;
}

/* The standard has the quotes; a client for Bitcoin leaves them out. */
static bool is_discover(struct str man)
{
	return str_eq(man, STR("\"ssdp:discover\"")) ||
	       str_eq(man, STR("ssdp:discover"));
}

bool ssdpmsg_parse_search(struct str datagram, struct ssdp_search *ret)
{
	char whole[SSDP_DATAGRAM_MAX + sizeof("\r\n\r\n")];
	struct ssdp_search search = { .newest = false };
	struct httpmsg m;
	struct str man, st;

	if (!parse_head(datagram, whole, sizeof(whole), &m) ||
	    !str_eq(m.method, STR("M-SEARCH")) ||
	    !str_eq(m.target, STR("*")) ||
	    !httpmsg_get(&m, STR("MAN"), &man) ||
	    !is_discover(man) ||
	    !httpmsg_get(&m, STR("ST"), &st) ||
	    !str_copy(search.st, sizeof(search.st), st) ||
	    !parse_mx(&m, &search.mx))
		return false;
	search.all = str_eq(st, STR("ssdp:all"));
	*ret = search;
	return true;
}

static void write_type(struct wr *w, const struct ssdp_target *t)
{
	wr_z(w, t->nt);
	if (t->version > 0)
		wr_u64(w, t->version);
}

/* Is @t the first target of its type with exactly this version, or is there no
 * such target? */
static bool is_first(const struct ssdp_config *c, const struct ssdp_target *t,
		     uint32_t version)
{
	const struct ssdp_target *x = c->target, *end = x + c->target_n;

	for (; x < end; x++)
		if (x->version == version && !strcmp(x->nt, t->nt))
			return x == t;
	return true;
}

/* Is @t the last target of its type with this version or a higher one? */
static bool is_newest(const struct ssdp_config *c, const struct ssdp_target *t,
		      uint32_t version)
{
	const struct ssdp_target *x = c->target + c->target_n;

	while (--x > t)
		if (x->version >= version && !strcmp(x->nt, t->nt))
			return false;
	return true;
}

/* UDA 1.1 1.3.2: a device also answers for lower versions. If a target has
 * exactly the version that is searched for, only the first such target answers.
 */
static bool matches(const struct ssdp_config *c, const struct ssdp_target *t,
		    const struct ssdp_search *search)
{
	struct str nt = str_z(t->nt), st = str_z(search->st);
	uint32_t version;

	if (t->version == 0)
		return str_eq(st, nt);
	if (!str_starts(st, nt))
		return false;
	st = str_skip(st, nt.n);
	if (str_starts(st, STR("0")) ||
	    str_u32(st, 1, t->version, &version) < 0)
		return false;
	return search->newest ? is_newest(c, t, version) :
				is_first(c, t, version);
}

bool ssdpmsg_match(const struct ssdp_config *c, size_t target,
		const struct ssdp_search *search, struct wr *ret_st)
{
	const struct ssdp_target *t = &c->target[target];

	if (search->all)
		write_type(ret_st, t);
	else if (matches(c, t, search))
		wr_z(ret_st, search->st);
	else
		return false;
	return true;
}

static void write_location(struct wr *w, const struct ssdp_target *t,
			   struct addr url_addr, uint16_t http_port)
{
	wr_z(w, "LOCATION: http://");
	addr_host_write(w, url_addr);
	wr_fmt(w, ":%u%s\r\n", http_port, t->path);
}

static void write_description(struct wr *w, const struct ssdp_config *c,
			const struct ssdp_target *t, struct addr url_addr,
			uint16_t http_port)
{
	unsigned max_age_s = 2 * c->notify_s < SSDP_MAX_AGE_MIN_S ?
				     SSDP_MAX_AGE_MIN_S : 2 * c->notify_s;

	wr_fmt(w, "CACHE-CONTROL: max-age=%u\r\n", max_age_s);
	write_location(w, t, url_addr, http_port);
	wr_fmt(w, "SERVER: %s\r\n", c->server);
}

/*
 * Write the target as @field and as USN: the uuid alone, or the uuid and the
 * type. OPT and 01-NLS have the value of BOOTID for control points older than
 * UDA 1.1: a new value means that the device was restarted (UDA 1.1 1.2.2).
 */
static void write_usn(struct wr *w, const struct ssdp_config *c,
		       const struct ssdp_target *t, const char *field,
		       struct str type)
{
	wr_fmt(w, "%s: %.*s\r\nUSN: %s", field, STR_F(type), t->udn);
	if (!str_starts(type, STR("uuid:")))
		wr_fmt(w, "::%.*s", STR_F(type));
	wr_fmt(w, "\r\nOPT: \"http://schemas.upnp.org/upnp/1/0/\"; ns=01\r\n"
	       "01-NLS: %u\r\n"
	       "BOOTID.UPNP.ORG: %u\r\n"
	       "CONFIGID.UPNP.ORG: %u\r\n",
	       c->boot_id, c->boot_id, c->config_id);
}

void ssdpmsg_write_answer(struct wr *w, const struct ssdp_config *c,
		       size_t target, struct str st, struct addr url_addr,
		       uint16_t http_port)
{
	const struct ssdp_target *t = &c->target[target];

	wr_z(w, "HTTP/1.1 200 OK\r\nDATE: ");
	date_http(w, c->wall_s());
	wr_z(w, "\r\nEXT:\r\n");
	write_description(w, c, t, url_addr, http_port);
	write_usn(w, c, t, "ST", st);
	wr_z(w, "\r\n");
}

/* Write a NOTIFY from NTS on, without the empty line. */
static void write_nts(struct wr *w, const struct ssdp_config *c,
		       const struct ssdp_target *t, const char *nts)
{
	char buf[sizeof(((struct ssdp_search *)0)->st)];
	struct wr type = wr_init(buf, sizeof(buf));

	write_type(&type, t);
	wr_fmt(w, "NTS: ssdp:%s\r\n", nts);
	write_usn(w, c, t, "NT", wr_done(&type));
}

static void write_start(struct wr *w, const struct ssdp_notify *n)
{
	wr_fmt(w, "NOTIFY * HTTP/1.1\r\nHOST: %s\r\n", n->host);
}

void ssdpmsg_write_update(struct wr *w, const struct ssdp_config *c,
		       size_t target, uint32_t next_boot_id,
		       const struct ssdp_notify *n)
{
	const struct ssdp_target *t = &c->target[target];

	write_start(w, n);
	write_location(w, t, n->url_addr, n->http_port);
	write_nts(w, c, t, "update");
	wr_fmt(w, "NEXTBOOTID.UPNP.ORG: %u\r\n\r\n", next_boot_id);
}

void ssdpmsg_write_notify(struct wr *w, const struct ssdp_config *c,
		       size_t target, bool alive, const struct ssdp_notify *n)
{
	const struct ssdp_target *t = &c->target[target];

	write_start(w, n);
	if (alive)
		write_description(w, c, t, n->url_addr, n->http_port);
	write_nts(w, c, t, alive ? "alive" : "byebye");
	wr_z(w, "\r\n");
}
