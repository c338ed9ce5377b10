/* SPDX-License-Identifier: ISC */
/*
 * qemu.c - for tests under qemu-user: replaces what it does not pass to the
 * kernel. Wraps setsockopt() and recvmsg(), each of which has two names in a
 * glibc with 32-bit times.
 */
#include <arpa/inet.h>
#include <byteswap.h>
#include <netinet/in.h>
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

/* qemu-user returns ENOPROTOOPT for the first two. The kernel also takes the
 * interface of a multicast from the address that the socket is bound to. */
int __wrap_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (level == IPPROTO_IP &&
	    (name == IP_MULTICAST_ALL || name == IP_MULTICAST_IF))
		return 0;
	if (level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP ||
				    name == IP_DROP_MEMBERSHIP))
		return join(fd, name, p, n);
	return (int)syscall(SYS_setsockopt, fd, level, name, p, n);
}

/* The control data has the host's byte order, which is little-endian. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, m, flags);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(m);
	struct in_pktinfo info;

	if (!c || c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO ||
	    htonl(1) != 1)
		return n;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	info.ipi_ifindex = (int)bswap_32((uint32_t)info.ipi_ifindex);
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return n;
}
