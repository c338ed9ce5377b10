/* SPDX-License-Identifier: ISC */
/*
 * floor.c - a server that parses nothing. It shows the least time that any
 * server needs for a connection, and the least memory of two processes.
 *
 * Makes upnpd's system calls for a request (ppoll accept4 recvfrom sendmsg
 * close) and sends a fixed reply of REPLY-BYTES to any request. As in upnpd,
 * one process waits and its child serves.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "number.h"

#define BACKLOG		1024
#define CONNS_MAX	512
#define REQUEST_MAX	8192
#define REPLY_MAX	2048

/* place[0] listens; the others are connections, the first n of them. */
struct server {
	struct pollfd place[1 + CONNS_MAX];
	size_t n;
	char reply[REPLY_MAX];
	size_t reply_len;
};

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

/* Return: true when the connection is closed */
static bool serve(const struct server *s, int fd)
{
	static char request[REQUEST_MAX];
	struct iovec iov = { (void *)(uintptr_t)s->reply, s->reply_len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recv(fd, request, sizeof(request), 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0)
		sendmsg(fd, &msg, MSG_NOSIGNAL);
	close(fd);
	return true;
}

static bool take(struct server *s)
{
	int fd = accept4(s->place[0].fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	if (!serve(s, fd))
		s->place[1 + s->n++] = (struct pollfd){ fd, POLLIN, 0 };
	return true;
}

static void go_round(struct server *s)
{
	size_t i;

	if (ppoll(s->place, 1 + s->n, NULL, NULL) < 0)
		die("ppoll");
	for (i = s->n; i > 0; i--) {
		if (s->place[i].revents && serve(s, s->place[i].fd))
			s->place[i] = s->place[s->n--];
	}
	if (s->place[0].revents && take(s))
		while (s->n < CONNS_MAX && take(s))
			;
}

static int listen_at(const struct sockaddr_in *at)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) ||
	    listen(fd, BACKLOG))
		die("listen");
	return fd;
}

static void write_reply(struct server *s, size_t len)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";

	memset(s->reply, ' ', len);
	memcpy(s->reply, head, len < sizeof(head) ? len : sizeof(head) - 1);
	s->reply_len = len;
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
	static struct server s;
	struct sockaddr_in at = { .sin_family = AF_INET };
	pid_t child;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: floor ADDR PORT REPLY-BYTES\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)number(argv[2], 65535));
	write_reply(&s, number(argv[3], REPLY_MAX));
	s.place[0] = (struct pollfd){ listen_at(&at), POLLIN, 0 };
	child = fork();
	if (child < 0)
		die("fork");
	if (child)
		return watch(child);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (;;)
		go_round(&s);
}
