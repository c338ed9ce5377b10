/* SPDX-License-Identifier: ISC */
/*
 * ports.h - which ports does the router itself serve?
 *
 * By sock_diag, and where the kernel has none (OpenWrt without
 * kmod-inet-diag) by /proc/net. So not for a jail without /proc.
 */
#ifndef SYS_PORTS_H
#define SYS_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct nlmsghdr;

/* One bit a port. */
struct ports {
	uint64_t tcp[1024], udp[1024];
};

/**
 * ports_listening - which ports does the router itself serve at @ip?
 * @ip: listening TCP and bound UDP sockets on this address or on the wildcard
 *      (IPv4, or IPv6 that takes IPv4 too) count; those on another address
 *      and connected UDP sockets do not
 * @ret: filled in place (16 KiB are no stack variable); empty on failure
 *
 * /proc does not tell an IPv6 wildcard that takes no IPv4 from one that does:
 * read from there, both count, since a port too many is only refused.
 *
 * Return: 0, -EBADMSG (what /proc has is no table of sockets), other -errno
 * (neither way is open)
 */
int ports_listening(uint32_t ip, struct ports *ret);

/* A socket, and whose it is. */
struct ports_holder {
	uint32_t uid;
	uint64_t inode;		/* "socket:[N]" in /proc/PID/fd; 0: unknown */
};

/**
 * ports_holders - the sockets that serve one port at @ip, as above.
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @max: of @ret; more are left out
 *
 * Return: how many, or -errno as ports_listening()
 */
int ports_holders(uint8_t protocol, uint32_t ip, uint16_t port,
		  struct ports_holder *ret, size_t max);

/** ports_set - is @port in one of the two bit fields? */
bool ports_set(const uint64_t field[1024], uint16_t port);

/* ---- the parts, pure but for the descriptor: for ports.c and its test ---- */

struct ports_socket {
	uint8_t family;		/* AF_INET, AF_INET6 */
	uint8_t state;		/* TCP_LISTEN, ...; a bound UDP socket's is
				 * TCP_CLOSE, a connected one's is not */
	bool v6only;		/* of AF_INET6: known to take no IPv4 */
	uint16_t port;
	uint32_t addr_be[4];	/* IPv4: the first */
	struct ports_holder holder;
};

/** ports_parse_diag - a socket from sock_diag's message; false: it is none. */
bool ports_parse_diag(const struct nlmsghdr *h, struct ports_socket *ret);

/**
 * ports_parse_line - a socket from a line of /proc/net/{tcp,tcp6,udp,udp6}.
 * @line: without its end
 *
 * Strictly, up to the state; what follows that differs among kernels: the
 * holder is left zero where it is not as expected.
 *
 * Return: false when it is no such line; @ret is set only on success
 */
bool ports_parse_line(struct str line, struct ports_socket *ret);

/** ports_serves - does a socket take what comes to the IPv4 address @ip? */
bool ports_serves(const struct ports_socket *s, uint32_t ip);

/**
 * ports_scan - read one of the four files to its end.
 * @state: of the sockets that count
 * @field: their ports are set in it, those set already stay
 *
 * Return: 0, -EBADMSG (no heading, a line that is none, too long or without
 * an end), other -errno of read()
 */
int ports_scan(int fd, uint8_t state, uint32_t ip, uint64_t field[1024]);

#endif
