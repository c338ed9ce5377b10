/* SPDX-License-Identifier: ISC */
/*
 * qemu.c - for tests under qemu-user: replaces what it does not pass to the
 * kernel, and what it passes in the wrong order of bytes. Wraps setsockopt(),
 * accept4(), sendmsg() and recvmsg(); two of them have two names in a glibc with
 * 32-bit times.
 */
#include <arpa/inet.h>
#include <byteswap.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n);
int __wrap___setsockopt64(int fd, int level, int name, const void *p,
			  socklen_t n)
	__attribute__((alias("__wrap_setsockopt")));
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap___recvmsg64(int fd, struct msghdr *m, int flags)
	__attribute__((alias("__wrap_recvmsg")));

static bool is_big_endian(void)
{
	return htonl(1) == 1;
}

/* ---- messages ------------------------------------------------------------ */

ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

/* The interface in control data has the host's order. */
static void swap_arrival(struct cmsghdr *c)
{
	struct in_pktinfo in;
	struct in6_pktinfo in6;

	if (!c || !is_big_endian())
		return;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&in, CMSG_DATA(c), sizeof(in));
		in.ipi_ifindex = (int)bswap_32((uint32_t)in.ipi_ifindex);
		memcpy(CMSG_DATA(c), &in, sizeof(in));
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&in6, CMSG_DATA(c), sizeof(in6));
		in6.ipi6_ifindex = bswap_32(in6.ipi6_ifindex);
		memcpy(CMSG_DATA(c), &in6, sizeof(in6));
	}
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t n;

	swap_arrival(CMSG_FIRSTHDR(m));
	n = __real_sendmsg(fd, m, flags);
	swap_arrival(CMSG_FIRSTHDR(m));
	return n;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, m, flags);

	if (n >= 0)
		swap_arrival(CMSG_FIRSTHDR(m));
	return n;
}

/* ---- addresses ----------------------------------------------------------- */

int __real_accept4(int fd, struct sockaddr *sa, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *n, int flags);

/* The zone is swapped as a number of 16 bits, although it has 32. */
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *n, int flags)
{
	int got = __real_accept4(fd, sa, n, flags);
	struct sockaddr_in6 in6;

	if (got < 0 || !sa || *n != sizeof(in6) || !is_big_endian())
		return got;
	memcpy(&in6, sa, sizeof(in6));
	if (in6.sin6_family == AF_INET6 && in6.sin6_scope_id > UINT16_MAX)
		in6.sin6_scope_id >>= 16;
	memcpy(sa, &in6, sizeof(in6));
	return got;
}

/* ---- options ------------------------------------------------------------- */

/* With 64 bits qemu-user reads the index as a long, and ignores an int. */
static int join(int fd, int name, const void *p, socklen_t n)
{
	struct ip_mreqn from;
	struct {
		struct in_addr group, address;
		long ifindex;
	} to;
	long ret = -1;

	if (n == sizeof(from) && sizeof(to) > sizeof(from)) {
		memcpy(&from, p, sizeof(from));
		to.group = from.imr_multiaddr;
		to.address = from.imr_address;
		to.ifindex = from.imr_ifindex;
		ret = syscall(SYS_setsockopt, fd, IPPROTO_IP, name, &to,
			      sizeof(to));
	}
	if (ret < 0)
		ret = syscall(SYS_setsockopt, fd, IPPROTO_IP, name, p, n);
	return (int)ret;
}

/* qemu-user returns ENOPROTOOPT for the first four. The kernel also takes the
 * interface of a multicast from the address that the socket is bound to. */
int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (level == IPPROTO_IP &&
	    (name == IP_MULTICAST_ALL || name == IP_MULTICAST_IF))
		return 0;
	if (level == IPPROTO_IPV6 &&
	    (name == IPV6_MULTICAST_ALL || name == IPV6_MULTICAST_IF))
		return 0;
	if (level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP ||
				    name == IP_DROP_MEMBERSHIP))
		return join(fd, name, p, n);
	return (int)syscall(SYS_setsockopt, fd, level, name, p, n);
}
