/* SPDX-License-Identifier: ISC */
/*
 * ports.h - the ports that the router itself serves.
 *
 * Read by sock_diag, or by /proc/net if the kernel has no sock_diag (OpenWrt
 * without kmod-inet-diag). So it does not work in a jail without /proc.
 * Runs in: any
 */
#ifndef SYS_PORTS_H
#define SYS_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/str.h"

struct nlmsghdr;

/* One bit for each port. */
struct ports {
	uint64_t tcp[1024], udp[1024];
};

/**
 * ports_listening - read the ports that the router itself serves at @at.
 * @protocol: IPPROTO_TCP, IPPROTO_UDP, or 0 for both
 * @at: listening TCP and bound UDP sockets on this address or on the wildcard
 *      of its family count (for IPv4 also that of IPv6, if it accepts IPv4);
 *      those on another address and connected UDP sockets do not
 * @ret: filled in place (16 KiB, too large for the stack), the field of
 *       another protocol is unchanged; empty on failure
 *
 * /proc does not show whether an IPv6 wildcard accepts IPv4, so there each one
 * counts: at worst a mapping of a free port is refused.
 * Return: 0, -EBADMSG (/proc has an unknown format), other -errno (neither
 * source is available)
 */
int ports_listening(uint8_t protocol, struct addr at, struct ports *ret);

/**
 * ports_served - does the router itself serve this port?
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @at: IPv4; sockets count as for ports_listening(), but of those that are
 *      bound to an interface only the ones of @ifindex
 * @ifindex: not part of a VRF, whose own sockets are not found; 0: sockets that
 *           are bound to an interface do not count
 *
 * Asks sock_diag for one socket, where ports_listening() has all tables of
 * sockets walked, whose size grows with the router's memory.
 * Return: 1, 0, or -errno: the kernel cannot be asked so (ports_listening())
 */
int ports_served(uint8_t protocol, struct addr at, int ifindex, uint16_t port);

/* A socket, and its owner. */
struct ports_holder {
	uint32_t uid;
	uint64_t inode;		/* "socket:[N]" in /proc/PID/fd; 0: unknown */
};

/**
 * ports_holders - list the sockets that serve one port at @at, as above.
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @max: size of @ret; further sockets are left out
 * Return: their number, or -errno as ports_listening()
 */
int ports_holders(uint8_t protocol, struct addr at, uint16_t port,
		  struct ports_holder *ret, size_t max);

/** ports_set - is @port in one of the two bit fields? */
bool ports_set(const uint64_t field[1024], uint16_t port);

/* ---- pure parts, except the descriptor: for ports.c and its test --------- */

struct ports_socket {
	uint8_t state;		/* TCP_LISTEN, ...; a bound UDP socket's is
				 * TCP_CLOSE, a connected one's is not */
	bool v6only;		/* of an IPv6 socket: known not to accept
				 * IPv4 */
	uint16_t port;
	struct addr local;	/* unspecified: the wildcard */
	struct ports_holder holder;
};

/** ports_parse_diag - parse a message of sock_diag. Return: false if it is not
 * a socket */
bool ports_parse_diag(const struct nlmsghdr *h, struct ports_socket *ret);

/**
 * ports_parse_line - parse a line of /proc/net/{tcp,tcp6,udp,udp6}.
 * @line: without its newline
 *
 * It is strict up to the state. The rest differs among kernels: if it is not as
 * expected, the holder stays zero.
 * Return: false if it is not such a line; @ret is set only on success
 */
bool ports_parse_line(struct str line, struct ports_socket *ret);

/** ports_serves - does a socket receive packets for the address @at? */
bool ports_serves(const struct ports_socket *s, struct addr at);

/**
 * ports_scan - read one of the four files to its end.
 * @state: of the sockets that count
 * @field: their ports are set in it; other bits are unchanged
 * Return: 0, -EBADMSG (no heading, or a line that is unknown, too long or
 * without an end), other -errno of read()
 */
int ports_scan(int fd, uint8_t state, struct addr at, uint64_t field[1024]);

/**
 * ports_try_bind - bind a socket as upnpd's own services do, and close it.
 * @ifname: the interface to bind it to, of up to IF_NAMESIZE bytes; NULL: none
 *
 * Not for a port that this upnpd serves.
 * Return: 0: the port is free; -EADDRINUSE, other -errno
 */
int ports_try_bind(uint8_t protocol, struct addr at, uint16_t port,
		   const char *ifname);

#endif
