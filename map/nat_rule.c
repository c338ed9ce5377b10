/* SPDX-License-Identifier: ISC */
/*
 * nat_rule.c - compare rules, and check that a record is a rule.
 *
 * Of an IPv4 rule's addresses only the ip member is read. The other bytes of
 * the union mean nothing, because a compiler may leave them uninitialised when
 * an initialiser names only ip.
 * Runs in: any
 */
#include <netinet/in.h>
#include <string.h>
#include "map/nat_rule.h"

static bool same_addr(uint8_t kind, const union nat_addr *a,
		      const union nat_addr *b)
{
	if (kind == NAT_PORTMAP)
		return a->ip == b->ip;
	return memcmp(a->ip6, b->ip6, sizeof(a->ip6)) == 0;
}

bool nat_rule_same_key(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->kind == b->kind && a->proto == b->proto &&
	       a->ext_port == b->ext_port &&
	       same_addr(a->kind, &a->remote, &b->remote);
}

bool nat_rule_equal(const struct nat_rule *a, const struct nat_rule *b)
{
	return nat_rule_same_key(a, b) && a->int_port == b->int_port &&
	       same_addr(a->kind, &a->client, &b->client) &&
	       memcmp(a->zero, b->zero, sizeof(a->zero)) == 0;
}

const char *nat_rule_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : "udp";
}

bool nat_rule_sane(const struct nat_rule *r)
{
	static const union nat_addr nobody;

	if (r->kind != NAT_PORTMAP && r->kind != NAT_PINHOLE)
		return false;
	if (r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP)
		return false;
	if (r->ext_port == 0 || r->int_port == 0)
		return false;
	if (r->zero[0] != 0 || r->zero[1] != 0)
		return false;
	return !same_addr(r->kind, &r->client, &nobody);
}
