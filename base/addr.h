/* SPDX-License-Identifier: ISC */
/*
 * addr.h - addresses and networks of both families, IPv4 and IPv6, and
 * link-layer addresses.
 *
 * Pure. An address without a value is ADDR_NONE, and "every address" is
 * ADDR_ANY: the addresses 0.0.0.0 and :: mean neither.
 * Runs in: any
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/str.h"
#include "base/wr.h"

enum addr_family {
	ADDR_NONE,	/* there is no address, or it is not known */
	ADDR_ANY,	/* every address, of a remote host for example */
	ADDR_IP4,
	ADDR_IP6,
	ADDR_LINK,	/* a link-layer address, which identifies a host on its
			 * link: a key to count by. It is never sent to, and
			 * never in a rule; addr_is_set() is false */
};

/* The longest link-layer address that is kept. Ethernet and Wi-Fi have 6. */
#define ADDR_LINK_MAX 16

/* Every byte that the family does not use is 0, so that two of them can be
 * compared with memcmp(). All zero is ADDR_NONE. */
struct addr {
	uint8_t family;		/* enum addr_family */
	uint8_t byte[16];	/* in network order; IPv4: the first four;
				 * ADDR_LINK: the first ones, as many as it has
				 */
};

_Static_assert(sizeof(struct addr) == 17, "memcmp() meets no padding");

/* A network: the addresses that share the first bits. */
struct addr_net {
	struct addr addr;	/* host bits may be set */
	uint8_t bits;		/* 0 to 32 or 128 */
};

/* The longest text, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" and a NUL;
 * of a network: with "/128". The latter holds a link-layer address as well. */
#define ADDR_TEXT_MAX 46
#define ADDR_NET_TEXT_MAX (ADDR_TEXT_MAX + 4)

/** addr_any - ADDR_ANY. */
struct addr addr_any(void);

/** addr_ip4 - an IPv4 address. @ip: host order */
struct addr addr_ip4(uint32_t ip);

/** addr_ip6 - an IPv6 address. @byte: 16 bytes in network order */
struct addr addr_ip6(const void *byte);

/** addr_link - a link-layer address of @n bytes. Return: ADDR_NONE if it has
 * none or more than ADDR_LINK_MAX, or if all are 0, as on a link whose hosts
 * have no such addresses. */
struct addr addr_link(const void *byte, size_t n);

/** addr_to_ip4 - the IPv4 address in host order. Call it only for ADDR_IP4;
 * other families give 0. */
uint32_t addr_to_ip4(struct addr a);

/** addr_is_set - is it one address, of either family? */
bool addr_is_set(struct addr a);

/** addr_is_unspecified - is it 0.0.0.0 or ::? */
bool addr_is_unspecified(struct addr a);

/** addr_is_host - is it an address that a host can have? Not: 0/8, 127/8,
 * 224/4, 240/4 (RFC 6890); ::, ::1, multicast (RFC 4291 2.5 and 2.7), and IPv4
 * addresses written as IPv6 ones (::ffff:0:0/96). */
bool addr_is_host(struct addr a);

/** addr_is_private - is it an address that the Internet does not route? RFC
 * 1918, RFC 6598 (CGNAT), RFC 6333 (DS-Lite), 169.254/16; fc00::/7 (RFC 4193),
 * fe80::/10. */
bool addr_is_private(struct addr a);

/** addr_is_link_local - is it an IPv6 address that has a meaning only together
 * with an interface, fe80::/10 (RFC 4291 2.5.6)? */
bool addr_is_link_local(struct addr a);

/* The kinds of addresses of which an interface commonly has one each. */
enum addr_kind { ADDR_KIND_IP4, ADDR_KIND_GLOBAL, ADDR_KIND_UNIQUE_LOCAL,
		 ADDR_KIND_LINK_LOCAL, ADDR_KINDS };

/** addr_kind - the kind of an address that is set. Each IPv6 address that is
 * neither unique local (fc00::/7) nor link-local counts as global. */
enum addr_kind addr_kind(struct addr a);

/** addr_equal - the same family and address? */
bool addr_equal(struct addr a, struct addr b);

/** addr_compare - order for sorting: by family, then by number. Return: as
 * memcmp() */
int addr_compare(struct addr a, struct addr b);

/** addr_matches - is @a the address @what, or is @what ADDR_ANY? */
bool addr_matches(struct addr what, struct addr a);

/** addr_bits - the length of an address of this family in bits: 32, 128; 0 for
 * ADDR_NONE and ADDR_ANY. */
unsigned addr_bits(struct addr a);

/** addr_in - is @a in the network? False if the families differ. */
bool addr_in(const struct addr_net *net, struct addr a);

/** addr_net_overlap - is there an address in both networks? */
bool addr_net_overlap(const struct addr_net *a, const struct addr_net *b);

/** addr_net_first - the first address of the network: its host bits are 0. */
struct addr addr_net_first(const struct addr_net *net);

/** addr_net_last - its last address: its host bits are 1. IPv4: the broadcast
 * address, unless the network has 31 or 32 bits. */
struct addr addr_net_last(const struct addr_net *net);

/**
 * addr_parse - read an address, strictly.
 * @s: "192.168.88.1" without leading zeros (str_ipv4()), or an IPv6 address in
 *     any form of RFC 4291 2.2; no brackets, no zone, no space
 * @ret: set only on success
 */
bool addr_parse(struct str s, struct addr *ret);

/**
 * addr_net_parse - read a network: an address, "/", a number of bits.
 * @ret: set only on success; the host bits are kept as they were written
 *
 * An address alone is a network of this one address.
 */
bool addr_net_parse(struct str s, struct addr_net *ret);

/** addr_link_parse - read a link-layer address as addr_write() writes it. @ret:
 * set only on success */
bool addr_link_parse(struct str s, struct addr *ret);

/** addr_write - write an address: a dotted quad, or RFC 5952; ADDR_LINK as
 * "02:00:5e:00:53:01", at least 6 bytes. ADDR_ANY is "*", ADDR_NONE "-". */
void addr_write(struct wr *w, struct addr a);

/** addr_net_write - write a network with its host bits cleared,
 * "192.168.88.0/24". */
void addr_net_write(struct wr *w, const struct addr_net *net);

/** addr_host_write - write an address as the host of a URL or of an HTTP Host
 * field: an IPv6 address in brackets (RFC 3986 3.2.2). */
void addr_host_write(struct wr *w, struct addr a);

/**
 * addr_host_parse - read such a host, which a port may follow: "192.0.2.1",
 * "192.0.2.1:80", "[2001:db8::1]:80".
 * @s: in: all of it; out: what follows the colon, "" if nothing does
 *
 * A zone after a link-local address is skipped, "[fe80::1%eth0]" as well as
 * "[fe80::1%25eth0]" (RFC 6874): it means something only to the host that wrote
 * it.
 *
 * Return: false if it is not an address; @s and @ret are unchanged
 */
bool addr_host_parse(struct str *s, struct addr *ret);

struct addr_text {
	char text[ADDR_NET_TEXT_MAX];
};

/** addr_text - addr_write() as a string, for a log line. */
struct addr_text addr_text(struct addr a);

/**
 * addr_from_sockaddr - the address of a sockaddr_in or sockaddr_in6.
 * @sa: of @len bytes, as the kernel filled it
 * @ret_port: host order; may be NULL
 *
 * ::ffff:a.b.c.d, which an IPv6 socket shows for an IPv4 peer, is IPv4.
 * Return: ADDR_NONE for another family or a short one
 */
struct addr addr_from_sockaddr(const void *sa, socklen_t len,
			       uint16_t *ret_port);

/**
 * addr_to_sockaddr - fill a sockaddr for bind(), connect(), sendto().
 * @zone: sin6_scope_id, an interface index; for IPv6 link-local addresses
 *
 * Return: its length; 0 if @a is not one address
 */
socklen_t addr_to_sockaddr(struct addr a, uint16_t port, unsigned zone,
			   struct sockaddr_storage *ret);

#endif
