/* SPDX-License-Identifier: ISC */
/*
 * flowpacket.c - the packets of a flow that a mapping or pinhole lets in, as
 * the forward chains see them.
 * Runs in: monitor, upnpctl
 */
#include <string.h>
#include "natfw/backend.h"
#include "natfw/flowpacket.h"

static void set_if(char *dst, const char *name)
{
	memset(dst, 0, IF_NAMESIZE);
	str_copy(dst, IF_NAMESIZE, str_z(name));
}

struct addr_net flowpacket_internet(uint8_t family)
{
	return (struct addr_net){ .addr = { .family = family } };
}

struct walk_packet flowpacket_first(const struct natfw_env *env,
				    const struct netif_addr *net,
				    const struct netif_addr *from,
				    uint8_t proto)
{
	const uint8_t family = net->net.addr.family;
	struct walk_packet p = {
		.family = family, .proto = proto,
		.iif_index = from ? (uint32_t)from->ifindex :
				    backend_ext_index(env, family),
		.oif_index = (uint32_t)net->ifindex,
		.src = from ? from->net : flowpacket_internet(family),
		.dst = net->net,
		.ct_state = WALK_STATE_NEW,
	};

	if (family == ADDR_IP4) {
		p.ct_status = IPS_DST_NAT;
		p.orig_dst = env->ext;
	}
	set_if(p.iif, from ? from->ifname : backend_ext_if(env, family));
	set_if(p.oif, net->ifname);
	return p;
}

struct walk_packet flowpacket_later(const struct walk_packet *first)
{
	struct walk_packet p = *first;

	p.ct_state = WALK_STATE_ESTABLISHED;
	p.ct_status |= IPS_SEEN_REPLY | IPS_CONFIRMED;
	return p;
}

struct walk_packet flowpacket_answer(const struct walk_packet *first)
{
	struct walk_packet p = flowpacket_later(first);

	set_if(p.iif, first->oif);
	set_if(p.oif, first->iif);
	p.iif_index = first->oif_index;
	p.oif_index = first->iif_index;
	p.src = first->dst;
	p.dst = first->src;
	p.sport = first->dport;
	p.dport = first->sport;
	return p;
}
