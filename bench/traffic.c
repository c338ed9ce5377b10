/* SPDX-License-Identifier: ISC */
/*
 * traffic.c - datagrams, and how many are answered or arrive in a second:
 *	traffic address|map|unmap ADDR FIRST-PORT N AT-ONCE	requests of NAT-PMP's
 *		external address, or of PCP for TCP ports from FIRST-PORT on
 *	traffic flows|packets FROM-NS TO-NS FROM TO PORT N	new flows to a UDP
 *		port, each from another source port, or datagrams of one flow,
 *		to see how many arrive in a second of processor time: router
 *		and links work inside our system calls, and by the clock on
 *		the wall it repeats badly
 * It prints one line of "name value" pairs. An answer lets the next request go.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define FLIGHT		64	/* flows in flight, so that no queue overflows */
#define FIRST_SOURCE	1024
#define LOST_MS		200	/* a datagram not received by then is lost */
#define ANSWER_S	5	/* the peer may need seconds for an answer */
#define MAP_LEN		60

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static double read_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now_s(void)
{
	return read_s(CLOCK_MONOTONIC);
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

/* RFC 6887 11.1: a TCP port, the same outside; the nonce is the port. */
static size_t write_map(unsigned char *p, struct in_addr own, unsigned port,
			unsigned lease_s)
{
	memset(p, 0, MAP_LEN);
	p[0] = 2;
	p[1] = 1;
	put16(p + 6, lease_s);
	p[18] = p[19] = 0xff;
	memcpy(p + 20, &own, sizeof(own));
	put16(p + 24, port);
	p[36] = IPPROTO_TCP;
	put16(p + 40, port);
	put16(p + 42, port);
	p[54] = p[55] = 0xff;
	return MAP_LEN;
}

static int requests(char **arg)
{
	const bool is_map = strcmp(arg[0], "address");
	const unsigned lease_s = strcmp(arg[0], "unmap") ? 7200 : 0;
	const unsigned first = (unsigned)atoi(arg[2]);
	const unsigned n = (unsigned)atoi(arg[3]), at_once = (unsigned)atoi(arg[4]);
	const struct timeval patience = { ANSWER_S, 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5351) };
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	unsigned char out[MAP_LEN] = { 0 }, in[2048];
	unsigned sent = 0, came = 0, errors = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double start, end;

	if (inet_pton(AF_INET, arg[1], &to.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(fd, (struct sockaddr *)&own, &len) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)))
		die("connect");
	start = end = now_s();
	while (came < n && end < start + 1) {
		while (sent < n && sent < came + at_once)
			if (send(fd, out, !is_map ? 2 : write_map(
					out, own.sin_addr, first + sent,
					lease_s), 0) < 0)
				die("send");
			else
				sent++;
		if (recv(fd, in, sizeof(in), 0) < 12)
			break;
		errors += in[2] || in[3];
		came++;
		end = now_s();
	}
	printf("rate %.1f answered %u started %u errors %u\n",
	       came ? came / (end - start) : 0.0, came, sent,
	       errors + (end < start + 1 && came < n));
	return 0;
}

/* A socket stays in the namespace where it was made. */
static int socket_in(const char *ns, int family, int type, int protocol)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
	fd = socket(family, type, protocol);
	if (fd < 0)
		die("socket");
	return fd;
}

struct datagram {
	struct iphdr ip;	/* with IPv6 the kernel writes the header */
	struct udphdr udp;
	uint32_t run;
};

struct flows {
	int out, in;
	struct sockaddr_storage to;
	socklen_t to_len;
	struct datagram d;	/* all but the source port */
	size_t skip;		/* of d */
};

static void open_flows(struct flows *f, char **arg)
{
	const int at = offsetof(struct udphdr, check);
	struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)&f->to;
	struct sockaddr_in *to4 = (struct sockaddr_in *)&f->to;
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };

	f->d = (struct datagram){
		.ip = { .version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_UDP },
		.udp = { .dest = htons((uint16_t)atoi(arg[5])),
			 .len = htons(sizeof(f->d) - sizeof(f->d.ip)) },
		.run = (uint32_t)getpid(),
	};
	any.sin6_port = f->d.udp.dest;
	if (inet_pton(AF_INET6, arg[4], &to6->sin6_addr) == 1) {
		to6->sin6_family = AF_INET6;
		f->to_len = sizeof(*to6);
		f->skip = sizeof(f->d.ip);
		f->out = socket_in(arg[1], AF_INET6, SOCK_RAW, IPPROTO_UDP);
		setsockopt(f->out, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof(at));
	} else {
		inet_pton(AF_INET, arg[3], &f->d.ip.saddr);
		inet_pton(AF_INET, arg[4], &f->d.ip.daddr);
		to4->sin_family = AF_INET;
		to4->sin_addr.s_addr = f->d.ip.daddr;
		f->to_len = sizeof(*to4);
		f->out = socket_in(arg[1], AF_INET, SOCK_RAW, IPPROTO_RAW);
	}
	f->in = socket_in(arg[2], AF_INET6, SOCK_DGRAM, 0);
	if (bind(f->in, (const struct sockaddr *)&any, sizeof(any)))
		die("bind");
}

/* @step: 1: each is a new flow, 0: all are of one */
static void send_some(const struct flows *f, unsigned source, unsigned n,
		      unsigned step)
{
	static struct datagram d[FLIGHT];
	struct mmsghdr msg[FLIGHT] = { 0 };
	struct iovec iov[FLIGHT];

	for (unsigned i = 0; i < n; i++) {
		d[i] = f->d;
		d[i].udp.source = htons((uint16_t)(source + i * step));
		iov[i] = (struct iovec){ (char *)&d[i] + f->skip,
					 sizeof(d[i]) - f->skip };
		msg[i].msg_hdr = (struct msghdr){
			.msg_name = (void *)(uintptr_t)&f->to,
			.msg_namelen = f->to_len,
			.msg_iov = &iov[i], .msg_iovlen = 1,
		};
	}
	if (sendmmsg(f->out, msg, n, 0) != (int)n)
		die("sendmmsg");
}

static unsigned await(const struct flows *f, unsigned n)
{
	struct pollfd p = { f->in, POLLIN, 0 };
	unsigned got = 0;
	uint32_t run;

	while (got < n) {
		if (recv(f->in, &run, sizeof(run), MSG_DONTWAIT) > 0)
			got += run == f->d.run;
		else if (poll(&p, 1, LOST_MS) <= 0)
			break;
	}
	return got;
}

static int count_flows(char **arg)
{
	const unsigned n = (unsigned)atoi(arg[6]);
	const unsigned step = !strcmp(arg[0], "flows");
	static struct flows f;
	unsigned came = 0, lost = 0;
	double start;

	open_flows(&f, arg);
	if (!step) {
		send_some(&f, FIRST_SOURCE, 1, step);
		if (await(&f, 1) != 1)
			die("no flow");
	}
	start = read_s(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned sent = 0; sent < n; sent += FLIGHT) {
		send_some(&f, FIRST_SOURCE + sent * step, FLIGHT, step);
		came += await(&f, FLIGHT);
		lost = sent + FLIGHT - came;
		if (lost >= FLIGHT)
			break;
	}
	printf("rate %.1f answered %u errors %u\n", came /
	       (read_s(CLOCK_PROCESS_CPUTIME_ID) - start), came, lost);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 8 && strstr("flows packets", argv[1]))
		return count_flows(argv + 1);
	if (argc == 6 && strstr("address map unmap", argv[1]))
		return requests(argv + 1);
	fprintf(stderr, "usage: see traffic.c\n");
	return 2;
}
