/* SPDX-License-Identifier: ISC */
/*
 * watch.c - opens sockets for NFNLGRP_NFTABLES notices, and counts those of the
 * end of each transaction.
 * Runs in: monitor
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "sys/netlink.h"
#include "natfw/watch.h"

#define LOST 1000000	/* more than any change makes */
#define NEWGEN (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)

/* Pass only NEWGEN, one datagram a transaction; drop the others, which list the
 * changes. */
static int only_newgen(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct nlmsghdr, nlmsg_type)),
		/* the load converts from network order */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NEWGEN), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {
		sizeof(code) / sizeof(code[0]), code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)) ? -errno : 0;
}

static int open_watch(int (*filter)(int fd))
{
	const struct sockaddr_nl group = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1u << (NFNLGRP_NFTABLES - 1),
	};
	int fd = netlink_open(NETLINK_NETFILTER);
	int err;

	if (fd < 0)
		return fd;
	err = filter ? filter(fd) : 0;
	if (!err && bind(fd, (const struct sockaddr *)&group, sizeof(group)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int watch_open(void)
{
	return open_watch(only_newgen);
}

int watch_open_all(void)
{
	return open_watch(NULL);
}

unsigned watch_read(int fd)
{
	union nl_buf buf;
	unsigned n = 0;
	ssize_t got;

	while ((got = netlink_recv(fd, &buf)) >= 0)
		n++;
	return got == -ENOBUFS || got == -EMSGSIZE ? LOST : n;
}
