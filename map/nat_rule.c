/* SPDX-License-Identifier: ISC */
/* nat_rule.c - compare rules, and check that a record is one. Runs in: any */
#include <netinet/in.h>
#include <string.h>
#include "map/nat_rule.h"

bool nat_rule_taken(enum nat_err err)
{
	return err == NAT_ECONFLICT || err == NAT_EFORWARDED;
}

bool nat_rule_same_key(const struct nat_rule *a, const struct nat_rule *b)
{
	if (!nat_rule_rivals(a, b))
		return false;
	return a->kind == NAT_PINHOLE || nat_rule_same_remote(a, b);
}

bool nat_rule_rivals(const struct nat_rule *a, const struct nat_rule *b)
{
	if (a->kind != b->kind || a->proto != b->proto ||
	    a->ext_port != b->ext_port)
		return false;
	return a->kind != NAT_PINHOLE ||
	       (nat_rule_same_socket(a, b) && nat_rule_same_remote(a, b));
}

bool nat_rule_same_socket(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->int_port == b->int_port && a->proto == b->proto &&
	       addr_equal(a->client, b->client);
}

bool nat_rule_same_remote(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->remote_port == b->remote_port &&
	       addr_equal(a->remote, b->remote);
}

uint16_t nat_rule_port(const struct nat_rule *r)
{
	return r->kind == NAT_PINHOLE ? r->int_port : r->ext_port;
}

bool nat_rule_equal(const struct nat_rule *a, const struct nat_rule *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static const struct {
	uint8_t number;
	bool portmap;		/* a port mapping may have it, too */
	const char *name;
} protos[] = {
	{ IPPROTO_TCP, true, "tcp" }, { IPPROTO_UDP, true, "udp" },
	{ IPPROTO_DCCP, false, "dccp" }, { IPPROTO_SCTP, false, "sctp" },
	{ IPPROTO_UDPLITE, false, "udplite" },
};

#define PROTOS (sizeof(protos) / sizeof(protos[0]))

const char *nat_rule_proto(uint8_t proto)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return "unknown";
}

bool nat_rule_proto_get(struct str name, uint8_t *ret)
{
	for (size_t i = 0; i < PROTOS; i++) {
		if (!str_eq(name, str_z(protos[i].name)))
			continue;
		*ret = protos[i].number;
		return true;
	}
	return false;
}

bool nat_rule_has_proto(enum nat_kind kind, uint32_t proto)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i].number == proto)
			return kind == NAT_PINHOLE || protos[i].portmap;
	return false;
}

/* Is @a of this family, not unspecified, and 0 in each byte that the family
 * does not use? */
static bool is_address(struct addr a, enum addr_family family)
{
	if (a.family != family || addr_is_unspecified(a))
		return false;
	return family == ADDR_IP6 || addr_equal(a, addr_ip4(addr_to_ip4(a)));
}

bool nat_rule_sane(const struct nat_rule *r)
{
	const bool pinhole = r->kind == NAT_PINHOLE;
	const enum addr_family family = pinhole ? ADDR_IP6 : ADDR_IP4;

	if (r->kind != NAT_PORTMAP && !pinhole)
		return false;
	if (!nat_rule_has_proto(r->kind, r->proto))
		return false;
	if (r->int_port == 0 && !pinhole)
		return false;
	if (pinhole != !r->ext_port)
		return false;
	if (!pinhole && r->remote_port && !addr_is_set(r->remote))
		return false;
	return is_address(r->client, family) &&
	       (addr_equal(r->remote, addr_any()) ||
		is_address(r->remote, family));
}
