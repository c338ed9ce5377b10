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
	return a->kind == NAT_PINHOLE || addr_equal(a->remote, b->remote);
}

bool nat_rule_rivals(const struct nat_rule *a, const struct nat_rule *b)
{
	if (a->kind != b->kind || a->proto != b->proto ||
	    a->ext_port != b->ext_port)
		return false;
	return a->kind != NAT_PINHOLE ||
	       (a->int_port == b->int_port &&
		a->remote_port == b->remote_port &&
		addr_equal(a->client, b->client) &&
		addr_equal(a->remote, b->remote));
}

bool nat_rule_equal(const struct nat_rule *a, const struct nat_rule *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

const char *nat_rule_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : "udp";
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
	if (r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP)
		return false;
	if (r->int_port == 0)
		return false;
	if (pinhole ? r->ext_port != 0 : !r->ext_port || r->remote_port)
		return false;
	return is_address(r->client, family) &&
	       (addr_equal(r->remote, addr_any()) ||
		is_address(r->remote, family));
}
