/* SPDX-License-Identifier: ISC */
/*
 * confmapping.c - mapping lines of the configuration: parse, check, write.
 * Runs in: any
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "conf/confmapping.h"
#include "conf/confline.h"

#define fail confline_fail

#define EXAMPLE "mapping tcp 8080 192.168.88.10:80"
#define EXAMPLES EXAMPLE " or mapping tcp 8080 [2001:db8::5]:8080"

/* ---- parsing --------------------------------------------------------- */

static bool is_pinhole(const struct conf_mapping *m)
{
	return m->client.family == ADDR_IP6;
}

static int read_proto(struct str s, uint8_t *ret, struct wr *why)
{
	if (!nat_rule_proto_get(s, ret))
		return fail(why, "\"%.*s\" is not a protocol; write tcp or "
			    "udp", STR_F(s));
	return 0;
}

static int read_port(struct str s, uint16_t *ret, struct wr *why)
{
	uint32_t port;

	if (str_u32(s, 1, 65535, &port))
		return fail(why, "\"%.*s\" is not a port; a mapping has one "
			    "port, 1 to 65535", STR_F(s));
	*ret = (uint16_t)port;
	return 0;
}

static bool is_host(struct addr a)
{
	return addr_is_host(a) && !addr_is_link_local(a);
}

bool confmapping_read_remote(struct str s, struct addr *ret, uint16_t *ret_port)
{
	struct addr a;
	uint32_t port = 0;

	if (!addr_parse(s, &a) &&
	    (!addr_host_parse(&s, &a) || str_u32(s, 1, 65535, &port)))
		return false;
	*ret = a;
	*ret_port = (uint16_t)port;
	return true;
}

/* The remote host has the client's family. */
static int read_remote(struct str s, struct conf_mapping *m, struct wr *why)
{
	struct addr a;
	uint16_t port;

	if (!confmapping_read_remote(s, &a, &port) ||
	    a.family != m->client.family || !is_host(a))
		return fail(why, "\"%.*s\" is not an %s address of a host; "
			    "example: remote %s", STR_F(s),
			    is_pinhole(m) ? "IPv6" : "IPv4",
			    is_pinhole(m) ? "2001:db8:1::9" : "203.0.113.5");
	m->remote = a;
	m->remote_port = port;
	return 0;
}

/* ADDRESS:PORT, or [ADDRESS]:PORT for IPv6. */
static int read_to(struct str s, struct conf_mapping *m, struct wr *why)
{
	struct str port = s;

	if (!addr_host_parse(&port, &m->client) || !is_host(m->client))
		return fail(why, "\"%.*s\" is not the address and port of a "
			    "host; example: " EXAMPLES, STR_F(s));
	if (!port.n && s.p[s.n - 1] != ':')
		return fail(why, "\"%.*s\" is not ADDRESS:PORT; example: "
			    EXAMPLES, STR_F(s));
	return read_port(port, &m->int_port, why);
}

/* What a pinhole may have and a mapping may not, and the other way round. */
static int check_kind(const struct conf_mapping *m, struct wr *why)
{
	if (is_pinhole(m) && m->ext_port != m->int_port)
		return fail(why, "%u and %u differ; IPv6 translates no port, so "
			    "write the same port twice",
			    (unsigned)m->ext_port, (unsigned)m->int_port);
	if (!nat_rule_has_proto(is_pinhole(m) ? NAT_PINHOLE : NAT_PORTMAP,
				m->proto))
		return fail(why, "%s is for IPv6 only; write tcp or udp",
			    nat_rule_proto(m->proto));
	return 0;
}

/* [remote ADDRESS] [disabled] ["comment"] */
static int read_options(struct str s, struct conf_mapping *m,
			struct conftail_comment *comment, struct wr *why)
{
	struct str rest = s, word;
	int err = 0;

	if (str_word(&rest, &word) && str_eq(word, STR("remote"))) {
		if (!str_word(&rest, &word))
			return fail(why, "remote has no address; add the "
				    "address of one host, or delete remote");
		err = read_remote(word, m, why);
		s = rest;
	}
	return err ? err : conftail_parse(s, "a mapping may end with remote "
					  "ADDRESS,", &m->disabled, comment,
					  why);
}

int confmapping_parse(struct str args, struct conf_mapping *ret,
		      struct conftail_comment *ret_comment, struct wr *why)
{
	struct conf_mapping m = { .remote = addr_any() };
	struct str proto, port, to;
	int err;

	ret_comment->text[0] = '\0';
	if (!str_word(&args, &proto) || !str_word(&args, &port) ||
	    !str_word(&args, &to))
		return fail(why, "a mapping needs a protocol, a port, and a "
			    "host with its port; example: " EXAMPLES);
	err = read_proto(proto, &m.proto, why);
	if (!err)
		err = read_port(port, &m.ext_port, why);
	if (!err)
		err = read_to(to, &m, why);
	if (!err)
		err = check_kind(&m, why);
	if (!err)
		err = read_options(args, &m, ret_comment, why);
	if (!err)
		*ret = m;
	return err;
}

/* ---- writing --------------------------------------------------------- */

static void put_port(struct wr *w, const struct conf_mapping *m)
{
	wr_fmt(w, "%s %u", nat_rule_proto(m->proto), (unsigned)m->ext_port);
}

void confmapping_put_remote(struct wr *w, struct addr remote, uint16_t port)
{
	if (!port) {
		addr_write(w, remote);
		return;
	}
	addr_host_write(w, remote);
	wr_fmt(w, ":%u", (unsigned)port);
}

static void put_remote(struct wr *w, const struct conf_mapping *m)
{
	if (!addr_is_set(m->remote))
		return;
	wr_z(w, " remote ");
	confmapping_put_remote(w, m->remote, m->remote_port);
}

static void put_to(struct wr *w, const struct conf_mapping *m)
{
	wr_ch(w, ' ');
	addr_host_write(w, m->client);
	wr_fmt(w, ":%u", (unsigned)m->int_port);
}

void confmapping_put_key(struct wr *w, const struct conf_mapping *m)
{
	put_port(w, m);
	if (is_pinhole(m))
		put_to(w, m);
	put_remote(w, m);
}

void confmapping_put(struct wr *w, const struct conf_mapping *m,
		     const char *comment)
{
	wr_z(w, "mapping ");
	put_port(w, m);
	put_to(w, m);
	put_remote(w, m);
	conftail_put(w, m->disabled, comment);
}

/* ---- in a configuration ---------------------------------------------- */

static bool same_port(const struct conf_mapping *a,
		      const struct conf_mapping *b)
{
	return a->proto == b->proto && a->ext_port == b->ext_port;
}

bool confmapping_same_key(const struct conf_mapping *a,
			  const struct conf_mapping *b)
{
	if (is_pinhole(a) != is_pinhole(b) ||
	    (is_pinhole(a) && !addr_equal(a->client, b->client)))
		return false;
	return same_port(a, b) && addr_equal(a->remote, b->remote) &&
	       a->remote_port == b->remote_port;
}

const struct conf_mapping *confmapping_find(const struct conf *c,
					    const struct conf_mapping *m)
{
	for (size_t i = 0; i < c->mapping_n; i++)
		if (confmapping_same_key(&c->mapping[i], m))
			return &c->mapping[i];
	return NULL;
}

/* The mapping table has one host for each port (portmap.c). */
static int check_others(const struct conf *c, const struct conf_mapping *m,
			struct wr *why)
{
	const struct conf_mapping *old = confmapping_find(c, m);

	if (old) {
		wr_z(why, "mapping ");
		confmapping_put_key(why, m);
		return fail(why, " is already on line %u; remove one",
			    old->line);
	}
	for (old = c->mapping; old < c->mapping + c->mapping_n; old++) {
		if (is_pinhole(old) || is_pinhole(m) || !same_port(old, m) ||
		    addr_equal(old->client, m->client))
			continue;
		return fail(why, "port %s %u already leads to %s on line %u; "
			    "all mappings of a port must lead to one host",
			    nat_rule_proto(m->proto), (unsigned)m->ext_port,
			    addr_text(old->client).text, old->line);
	}
	return 0;
}

int confmapping_add(struct conf *c, const struct conf_mapping *m,
		    const char *comment, struct wr *why)
{
	struct str s = str_z(comment);
	int err = check_others(c, m, why);

	if (err)
		return err;
	if (c->mapping_n == CONF_MAPPINGS_MAX)
		return fail(why, "there are more than %d mappings; remove some",
			    CONF_MAPPINGS_MAX);
	if (!c->comments_n)
		c->comments[c->comments_n++] = '\0';
	if (s.n && c->comments_n + s.n + 1 > CONF_COMMENTS_MAX)
		return fail(why, "the comments of all mappings are longer than "
			    "%d bytes; shorten some", CONF_COMMENTS_MAX);
	c->mapping[c->mapping_n] = *m;
	c->mapping[c->mapping_n].comment = 0;
	if (s.n) {
		c->mapping[c->mapping_n].comment = (uint16_t)c->comments_n;
		str_copy(c->comments + c->comments_n, s.n + 1, s);
		c->comments_n += s.n + 1;
	}
	c->mapping_n++;
	return 0;
}

const char *confmapping_text(const struct conf *c, const struct conf_mapping *m)
{
	return c->comments + m->comment;
}

struct nat_rule confmapping_rule(const struct conf_mapping *m)
{
	return (struct nat_rule){
		.kind = is_pinhole(m) ? NAT_PINHOLE : NAT_PORTMAP,
		.proto = m->proto, .client = m->client, .remote = m->remote,
		.ext_port = is_pinhole(m) ? 0 : m->ext_port,
		.int_port = m->int_port, .remote_port = m->remote_port,
	};
}

struct conf_mapping confmapping_of_rule(const struct nat_rule *r)
{
	return (struct conf_mapping){
		.client = r->client, .remote = r->remote, .proto = r->proto,
		.ext_port = nat_rule_port(r),
		.int_port = r->int_port, .remote_port = r->remote_port,
	};
}
