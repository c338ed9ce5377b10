/* SPDX-License-Identifier: ISC */
/*
 * echo.c - a server of UDP that parses nothing. It shows the highest rate of
 * answers that any server reaches.
 *
 * Makes upnpd's system calls for a request of NAT-PMP (ppoll recvmsg sendmsg):
 * the same number of descriptors in ppoll(), where the network is the only one,
 * with a time limit, and the same control messages. Sends a fixed answer of 12
 * bytes, as long as that with the external address, to any datagram. As in
 * upnpd, one process waits and its child serves.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "number.h"

#define REQUEST_MAX	2048
#define REPLY_LEN	12
#define CONTROL_SIZE	64
#define PLACES		7	/* descriptors in ppoll(): upnpd's, by strace */
#define WAIT_S		60

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static void put_source(struct msghdr *m, struct in_addr source)
{
	const struct in_pktinfo info = { .ipi_spec_dst = source };
	struct cmsghdr *c;

	m->msg_controllen = CMSG_SPACE(sizeof(info));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

static void serve(int fd, struct in_addr source)
{
	static char request[REQUEST_MAX], reply[REPLY_LEN] = { 0, (char)128 };
	_Alignas(struct cmsghdr) char control[CONTROL_SIZE];
	struct sockaddr_storage peer;
	struct iovec iov = { request, sizeof(request) };
	struct msghdr m = {
		.msg_name = &peer, .msg_namelen = sizeof(peer),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(fd, &m, 0) < 0)
		return;
	iov = (struct iovec){ reply, sizeof(reply) };
	memset(control, 0, sizeof(control));
	put_source(&m, source);
	sendmsg(fd, &m, 0);
}

static int open_at(const struct sockaddr_in *at)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		die("bind");
	return fd;
}

/* The parent waits here. When it is killed, PR_SET_PDEATHSIG ends the child. */
static int watch(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	static struct pollfd place[PLACES];
	const struct timespec wait = { .tv_sec = WAIT_S };
	pid_t child;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: echo ADDR PORT\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)number(argv[2], 65535));
	for (size_t i = 1; i < PLACES; i++)
		place[i] = (struct pollfd){ socket(AF_INET, SOCK_DGRAM, 0),
					    POLLIN, 0 };
	place[0] = (struct pollfd){ open_at(&at), POLLIN, 0 };
	child = fork();
	if (child < 0)
		die("fork");
	if (child)
		return watch(child);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (;;) {
		if (ppoll(place, PLACES, &wait, NULL) < 0)
			die("ppoll");
		if (place[0].revents)
			serve(place[0].fd, at.sin_addr);
	}
}
