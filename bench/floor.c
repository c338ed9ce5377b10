/* SPDX-License-Identifier: ISC */
/*
 * floor.c - a server that parses nothing: the highest rate that any server
 * reaches, and the memory of two processes that do nothing.
 *
 * It makes upnpd's system calls for a request: by TCP ppoll accept4 recvfrom
 * sendmsg close, by UDP ppoll recvmsg sendmsg with the source address. Any
 * request gets a reply of REPLY-BYTES, any datagram one of 12 bytes (NAT-PMP's
 * external address). As in upnpd, one process waits and its child serves, and
 * ppoll() gets as many descriptors.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNS_MAX	512
#define REPLY_MAX	2048
#define UDP_REPLY	12
#define OTHERS		5	/* descriptors of upnpd that are not ready */

enum { TCP, UDP, FIRST = UDP + 1 + OTHERS };

/* From FIRST on: connections, the first n of them. */
static struct pollfd place[FIRST + CONNS_MAX];
static size_t conns;
static char reply[REPLY_MAX], request[8192];
static size_t reply_len;
static struct sockaddr_in at = { .sin_family = AF_INET };

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

/* Return: true when the connection is closed */
static bool serve(int fd)
{
	struct iovec iov = { reply, reply_len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recv(fd, request, sizeof(request), 0);

	if (n < 0)
		return false;
	if (n > 0)
		sendmsg(fd, &msg, MSG_NOSIGNAL);
	close(fd);
	return true;
}

static bool take(void)
{
	int fd = accept4(place[TCP].fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && !serve(fd))
		place[FIRST + conns++] = (struct pollfd){ fd, POLLIN, 0 };
	return fd >= 0;
}

static void answer(int fd)
{
	const struct in_pktinfo info = { .ipi_spec_dst = at.sin_addr };
	_Alignas(struct cmsghdr) char control[64];
	struct sockaddr_storage peer;
	struct iovec iov = { request, sizeof(request) };
	struct msghdr m = {
		.msg_name = &peer, .msg_namelen = sizeof(peer),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	if (recvmsg(fd, &m, 0) < 0)
		return;
	memset(request, 0, UDP_REPLY);
	request[1] = (char)128;
	iov.iov_len = UDP_REPLY;
	m.msg_controllen = CMSG_SPACE(sizeof(info));
	c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){ CMSG_LEN(sizeof(info)), IPPROTO_IP,
			       IP_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	sendmsg(fd, &m, 0);
}

static void go_round(void)
{
	const struct timespec wait = { .tv_sec = 60 };

	if (ppoll(place, FIRST + conns, &wait, NULL) < 0)
		die("ppoll");
	if (place[UDP].revents)
		answer(place[UDP].fd);
	for (size_t i = conns; i-- > 0;)
		if (place[FIRST + i].revents && serve(place[FIRST + i].fd))
			place[FIRST + i] = place[FIRST + --conns];
	if (place[TCP].revents)
		while (conns < CONNS_MAX && take())
			;
}

static int open_at(int type, const char *port)
{
	const int on = 1;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    (type == SOCK_STREAM && listen(fd, 1024)))
		die("bind");
	return fd;
}

/* A reply of @len bytes, head and body. */
static void write_reply(size_t len)
{
	int head = snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\n"
			    "Connection: close\r\nContent-Length: %06zu\r\n"
			    "\r\n", len);

	snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nConnection: close"
		 "\r\nContent-Length: %06zu\r\n\r\n", len - (size_t)head);
	memset(reply + head, ' ', len - (size_t)head);
	reply_len = len;
}

int main(int argc, char **argv)
{
	pid_t child;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 ||
	    atoi(argv[4]) < 100 || atoi(argv[4]) > REPLY_MAX) {
		fprintf(stderr, "usage: floor ADDR TCP-PORT UDP-PORT "
			"REPLY-BYTES\n");
		return 2;
	}
	write_reply((size_t)atoi(argv[4]));
	for (size_t i = 0; i < FIRST; i++)
		place[i] = (struct pollfd){ socket(AF_INET, SOCK_DGRAM, 0),
					    POLLIN, 0 };
	place[TCP].fd = open_at(SOCK_STREAM, argv[2]);
	place[UDP].fd = open_at(SOCK_DGRAM, argv[3]);
	child = fork();
	if (child < 0)
		die("fork");
	if (child) {
		waitpid(child, NULL, 0);
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (;;)
		go_round();
}
