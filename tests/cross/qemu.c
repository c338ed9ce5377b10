/* SPDX-License-Identifier: ISC */
/*
 * qemu.c - for tests under qemu-user: what of the kernel it does not pass on.
 * Wraps setsockopt() and recvmsg(), which glibc has by two names each where its
 * own times have 32 bits.
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

/* With 64 bits it takes the index for a long, and reads none of an int. */
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

/* Not known to it: ENOPROTOOPT. The kernel takes the interface of a multicast
 * from the address that the socket is bound to, too. */
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

/* Handed over as the host's kernel wrote it: the host is little-endian. */
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
