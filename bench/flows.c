/* SPDX-License-Identifier: ISC */
/*
 * flows.c - traffic from outside to mapped ports. Measures how many new flows
 * per second arrive, when all ports forward, or the speed of one connection.
 *
 * Has sockets in two namespaces, of the outside host and of the LAN host.
 * Prints one line of "name value" pairs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "number.h"

#define BATCH		64	/* in flight, so that no queue overflows */
#define FIRST_SOURCE	1024	/* source ports, one for each flow */
#define SOURCES		64000
#define LOST_MS		200	/* a datagram not received by then is lost */
#define AGAIN_MS	2	/* between two scans of all ports */
#define CHUNK		131072
#define PORTS		65536

struct flows {
	const char *outside, *lan;	/* namespaces */
	struct sockaddr_in from, to;
	struct sockaddr_in6 to6;	/* set: to a pinhole there */
	unsigned port, n, limit_s;
	unsigned look;		/* number of the scan of all ports */
	int out_fd, in_fd;
};

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	uint32_t run, number;
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "flows: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* A socket stays in the namespace where it was made. */
static int socket_of(int family, const char *ns, int type, int protocol)
{
	char path[128];
	int ns_fd, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0 || setns(ns_fd, CLONE_NEWNET))
		die(path);
	close(ns_fd);
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		die("socket");
	return fd;
}

static int socket_in(const char *ns, int type, int protocol)
{
	return socket_of(AF_INET, ns, type, protocol);
}

/* The kernel writes the checksum, which IPv6 needs. */
static void open6(struct flows *f)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)f->port) };
	const int at = offsetof(struct udphdr, check);

	f->out_fd = socket_of(AF_INET6, f->outside, SOCK_RAW, IPPROTO_UDP);
	f->in_fd = socket_of(AF_INET6, f->lan, SOCK_DGRAM, 0);
	if (setsockopt(f->out_fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at,
		       sizeof(at)))
		die("IPV6_CHECKSUM");
	if (bind(f->in_fd, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
}

static void bind_port(int fd, unsigned port)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port) };
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		die("bind");
}

static bool readable(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) > 0;
}

/* ---- datagrams out ------------------------------------------------- */

static void fill_datagram(const struct flows *f, struct datagram *d,
			  unsigned source, unsigned port)
{
	*d = (struct datagram){
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = f->from.sin_addr.s_addr,
			.daddr = f->to.sin_addr.s_addr,
		},
		.udp = {
			.source = htons((uint16_t)source),
			.dest = htons((uint16_t)port),
			.len = htons(sizeof(*d) - sizeof(d->ip)),
		},
		.run = (uint32_t)getpid(),
	};
}

/* @first: number of the first of @n datagrams; @next fills a datagram */
static void send_some(const struct flows *f, unsigned first, unsigned n,
		      void (*next)(const struct flows *, struct datagram *,
				   unsigned number))
{
	static struct datagram d[BATCH];
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	unsigned i;
	int sent;

	memset(msg, 0, sizeof(msg));
	for (i = 0; i < n; i++) {
		next(f, &d[i], first + i);
		d[i].number = first + i;
		iov[i] = (struct iovec){ &d[i], sizeof(d[i]) };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		msg[i].msg_hdr.msg_name = (void *)(uintptr_t)&f->to;
		msg[i].msg_hdr.msg_namelen = sizeof(f->to);
		if (f->to6.sin6_family) {
			iov[i].iov_base = &d[i].udp;
			iov[i].iov_len -= sizeof(d[i].ip);
			msg[i].msg_hdr.msg_name = (void *)(uintptr_t)&f->to6;
			msg[i].msg_hdr.msg_namelen = sizeof(f->to6);
		}
	}
	for (i = 0; i < n; i += (unsigned)sent) {
		sent = sendmmsg(f->out_fd, msg + i, n - i, 0);
		if (sent <= 0)
			die("send");
	}
}

static void next_flow(const struct flows *f, struct datagram *d, unsigned i)
{
	fill_datagram(f, d, FIRST_SOURCE + i, f->port);
}

static void next_port(const struct flows *f, struct datagram *d, unsigned i)
{
	fill_datagram(f, d, FIRST_SOURCE + f->look % SOURCES, f->port + i);
}

/* ---- new flows per second ------------------------------------------ */

/* Wait for @n datagrams. Return: the number that arrived */
static unsigned await(const struct flows *f, unsigned n)
{
	uint32_t body[2];
	unsigned got = 0;
	ssize_t len;

	while (got < n) {
		len = recv(f->in_fd, body, sizeof(body), MSG_DONTWAIT);
		if (len == sizeof(body) && body[0] == (uint32_t)getpid())
			got++;
		else if (len < 0 && !readable(f->in_fd, LOST_MS))
			break;
	}
	return got;
}

static int new_flows(struct flows *f)
{
	uint64_t start_us, end_us;
	unsigned sent = 0, came = 0, n;

	if (f->to6.sin6_family) {
		open6(f);
	} else {
		f->out_fd = socket_in(f->outside, SOCK_RAW, IPPROTO_RAW);
		f->in_fd = socket_in(f->lan, SOCK_DGRAM, 0);
		bind_port(f->in_fd, f->port);
	}
	start_us = now_us();
	end_us = start_us + f->limit_s * 1000000ull;
	while (sent < f->n && now_us() < end_us) {
		n = f->n - sent < BATCH ? f->n - sent : BATCH;
		send_some(f, sent, n, next_flow);
		sent += n;
		came += await(f, n);
	}
	printf("rate %.1f came %u lost %u\n",
	       came / ((double)(now_us() - start_us) / 1e6), came,
	       sent - came);
	return came ? 0 : 1;
}

/* ---- when all ports forward ---------------------------------------- */

static unsigned drain(const struct flows *f, bool *seen)
{
	struct datagram d;
	unsigned got = 0, port;

	while (recv(f->in_fd, &d, sizeof(d), MSG_DONTWAIT) == sizeof(d)) {
		port = ntohs(d.udp.dest);
		if (d.run != (uint32_t)getpid() || port < f->port ||
		    port >= f->port + f->n || seen[port - f->port])
			continue;
		seen[port - f->port] = true;
		got++;
	}
	return got;
}

/*
 * Scan the ports that do not forward yet. Each scan uses a new source port,
 * because the router keeps the destination of a flow that came too early.
 * Until the last port forwards, only that port is scanned, so that the router
 * does not keep too many flows.
 */
static unsigned look(struct flows *f, bool *seen)
{
	unsigned i, got = 0;

	f->look++;
	for (i = seen[f->n - 1] ? 0 : f->n - 1; i < f->n; i++) {
		if (seen[i])
			continue;
		send_some(f, i, 1, next_port);
		got += drain(f, seen);
	}
	if (readable(f->in_fd, AGAIN_MS))
		got += drain(f, seen);
	return got;
}

/* Prints "ready", and then the monotonic time at which all ports forwarded. */
static int all_forward(struct flows *f)
{
	static bool seen[PORTS];
	uint64_t end_us = now_us() + f->limit_s * 1000000ull;
	unsigned got = 0;

	f->out_fd = socket_in(f->outside, SOCK_RAW, IPPROTO_RAW);
	f->in_fd = socket_in(f->lan, SOCK_RAW, IPPROTO_UDP);
	printf("ready\n");
	fflush(stdout);
	while (got < f->n && now_us() < end_us)
		got += look(f, seen);
	printf("at_ms %" PRIu64 " left %u\n", now_us() / 1000, f->n - got);
	return got == f->n ? 0 : 1;
}

/* ---- one connection ------------------------------------------------ */

static void __attribute__((noreturn)) sender(const struct flows *f)
{
	static char chunk[CHUNK];
	struct sockaddr_in to = f->to;
	uint64_t end_us;

	to.sin_port = htons((uint16_t)f->port);
	if (connect(f->out_fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	end_us = now_us() + f->limit_s * 1000000ull;
	while (now_us() < end_us)
		if (send(f->out_fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0)
			die("send");
	_exit(0);
}

static int one_connection(struct flows *f)
{
	static char chunk[CHUNK];
	uint64_t start_us, bytes = 0;
	pid_t pid;
	ssize_t n;
	int fd;

	f->out_fd = socket_in(f->outside, SOCK_STREAM, 0);
	f->in_fd = socket_in(f->lan, SOCK_STREAM, 0);
	bind_port(f->in_fd, f->port);
	if (listen(f->in_fd, 1))
		die("listen");
	pid = fork();
	if (pid == 0)
		sender(f);
	close(f->out_fd);
	if (!readable(f->in_fd, 3000) ||
	    (fd = accept(f->in_fd, NULL, NULL)) < 0)
		die("no connection");
	start_us = now_us();
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		bytes += (uint64_t)n;
	printf("rate %.1f\n",
	       (double)bytes / 1e6 / ((double)(now_us() - start_us) / 1e6));
	waitpid(pid, NULL, 0);
	return 0;
}

/* ---- start --------------------------------------------------------- */

static const struct {
	const char *word;
	int (*run)(struct flows *);
} modes[] = {
	{ "new", new_flows },
	{ "all", all_forward },
	{ "tcp", one_connection },
};

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: flows -o OUTSIDE-NS -l LAN-NS -s FROM-ADDR "
		"-a TO-ADDR [-6 PINHOLE-ADDR] -p PORT "
		"[-n FLOWS-OR-PORTS] [-t SECONDS] new|all|tcp\n");
	exit(2);
}

static void address(const char *s, struct sockaddr_in *ret)
{
	ret->sin_family = AF_INET;
	if (inet_pton(AF_INET, s, &ret->sin_addr) != 1)
		usage();
}

static void address6(const char *s, struct sockaddr_in6 *ret)
{
	ret->sin6_family = AF_INET6;
	if (inet_pton(AF_INET6, s, &ret->sin6_addr) != 1)
		usage();
}

static void parse_args(struct flows *f, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "o:l:s:a:6:p:n:t:")) != -1) {
		switch (opt) {
		case 'o': f->outside = optarg; break;
		case 'l': f->lan = optarg; break;
		case 's': address(optarg, &f->from); break;
		case 'a': address(optarg, &f->to); break;
		case '6': address6(optarg, &f->to6); break;
		case 'p': f->port = number(optarg, PORTS - 1); break;
		case 'n': f->n = number(optarg, SOURCES); break;
		case 't': f->limit_s = number(optarg, 600); break;
		default: usage();
		}
	}
	if (!f->outside || !f->lan || !f->port || !f->from.sin_family ||
	    !f->to.sin_family || optind + 1 != argc)
		usage();
}

int main(int argc, char **argv)
{
	static struct flows f = { .n = 1000, .limit_s = 10 };
	size_t i;

	parse_args(&f, argc, argv);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[optind], modes[i].word))
			return modes[i].run(&f);
	usage();
}
