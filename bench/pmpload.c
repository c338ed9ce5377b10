/* SPDX-License-Identifier: ISC */
/*
 * pmpload.c - send a gateway the same request of NAT-PMP or PCP many times, one
 * or several at once, and measure the time.
 *
 * All requests leave from one socket. An answer lets the next request go. If
 * there is none for REPEAT_MS, everything that is not answered is sent again.
 * Prints one line of "name value" pairs, as load.c does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "number.h"

#define REPEAT_MS	4000	/* the peer may need seconds for a request */
#define TRIES		3	/* give up then */
#define CONC_MAX	256
#define COUNT_MAX	10000000
#define SECONDS_MAX	600
#define MESSAGE_MAX	1100
#define PCP_HEADER	24
#define PCP_MAP_LEN	60
#define LIFETIME_S	7200

/* What is asked. */
enum what { ADDRESS, MAP, UNMAP };
static const char *const words[] = { "address", "map", "unmap" };

/* A request that is not answered. */
struct asked {
	bool waits;
	unsigned port;
	uint64_t start_us;
};

struct load {
	enum what what;
	int fd;
	unsigned first_port;
	uint32_t local;		/* the own address, of the network's order */
	size_t total, conc;
	uint64_t limit_us;	/* 0: none */

	size_t started, answered, errors, repeated;
	uint64_t max_us;
	struct asked asked[CONC_MAX];
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* RFC 6887 11.1: a TCP port, the same outside. The nonce is the port, so that
 * another run can delete the mapping. */
static size_t write_map(const struct load *l, unsigned port, uint8_t *p)
{
	memset(p, 0, PCP_MAP_LEN);
	p[0] = 2;
	p[1] = 1;
	put32(p + 4, l->what == MAP ? LIFETIME_S : 0);
	p[18] = p[19] = 0xff;
	memcpy(p + 20, &l->local, sizeof(l->local));
	put16(p + 24, port);
	p[36] = IPPROTO_TCP;
	put16(p + 40, port);
	put16(p + 42, port);
	p[54] = p[55] = 0xff;
	return PCP_MAP_LEN;
}

static void ask(const struct load *l, const struct asked *a)
{
	uint8_t buf[PCP_MAP_LEN] = { 0, 0 };
	size_t n = l->what == ADDRESS ? 2 : write_map(l, a->port, buf);

	if (send(l->fd, buf, n, 0) < 0 && errno != ECONNREFUSED) {
		perror("pmpload: send");
		exit(1);
	}
}

static bool over(const struct load *l, uint64_t start_us)
{
	return l->started == l->total ||
	       (l->limit_us && now_us() - start_us >= l->limit_us);
}

static void begin(struct load *l, struct asked *a)
{
	*a = (struct asked){
		true, l->first_port + (unsigned)l->started, now_us()
	};
	l->started++;
	ask(l, a);
}

/* The request that this answers; NULL: none */
static struct asked *find(struct load *l, const uint8_t *buf, size_t n)
{
	if (l->what != ADDRESS && n != PCP_MAP_LEN)
		return NULL;
	for (size_t i = 0; i < l->conc; i++)
		if (l->asked[i].waits &&
		    (l->what == ADDRESS ||
		     get16(buf + 40) == l->asked[i].port))
			return &l->asked[i];
	return NULL;
}

/* NAT-PMP has two bytes of result, PCP one, behind a reserved one. */
static bool is_success(const uint8_t *buf, size_t n)
{
	return n >= 12 && !buf[2] && !buf[3];
}

static struct asked *answer(struct load *l)
{
	uint8_t buf[MESSAGE_MAX];
	ssize_t n = recv(l->fd, buf, sizeof(buf), 0);
	struct asked *a;
	uint64_t took_us;

	if (n < 0)
		return NULL;
	a = find(l, buf, (size_t)n);
	if (!a)
		return NULL;
	a->waits = false;
	took_us = now_us() - a->start_us;
	if (took_us > l->max_us)
		l->max_us = took_us;
	if (!is_success(buf, (size_t)n)) {
		if (!l->errors++)
			fprintf(stderr, "pmpload: result %u\n",
				get16(buf + 2));
		return a;
	}
	l->answered++;
	return a;
}

static size_t repeat(struct load *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->conc; i++) {
		if (!l->asked[i].waits)
			continue;
		ask(l, &l->asked[i]);
		n++;
	}
	l->repeated += n;
	return n;
}

/* Return: the time until the last answer */
static uint64_t run(struct load *l)
{
	uint64_t start_us = now_us(), last_us = start_us;
	size_t waiting = 0, tries = 0;

	for (size_t i = 0; i < l->conc && !over(l, start_us); i++, waiting++)
		begin(l, &l->asked[i]);
	while (waiting) {
		struct asked *a = answer(l);

		if (!a && errno == EAGAIN) {
			if (++tries == TRIES)
				break;
			repeat(l);
		}
		if (!a)
			continue;
		tries = 0;
		last_us = now_us();
		if (over(l, start_us))
			waiting--;
		else
			begin(l, a);
	}
	if (waiting)
		fprintf(stderr, "pmpload: no answer\n");
	l->errors += waiting;
	return last_us - start_us;
}

static void report(const struct load *l, uint64_t took_us)
{
	struct rusage r;
	uint64_t own_us;

	getrusage(RUSAGE_SELF, &r);
	own_us = (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
		 (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
	printf("started %zu answered %zu errors %zu repeated %zu "
	       "max_us %" PRIu64 " own_cpu_us %" PRIu64 " rate %.1f\n",
	       l->started, l->answered, l->errors, l->repeated, l->max_us,
	       own_us, took_us ? (double)l->answered * 1e6 / (double)took_us :
	       0.0);
}

static void connect_to(struct load *l, const char *addr, unsigned port)
{
	const struct timeval wait = { .tv_usec = REPEAT_MS % 1000 * 1000,
				      .tv_sec = REPEAT_MS / 1000 };
	struct sockaddr_in to = { .sin_family = AF_INET }, me;
	socklen_t len = sizeof(me);

	to.sin_port = htons((uint16_t)port);
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, addr, &to.sin_addr) != 1 || l->fd < 0 ||
	    connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(l->fd, (struct sockaddr *)&me, &len) ||
	    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait))) {
		perror("pmpload");
		exit(1);
	}
	l->local = me.sin_addr.s_addr;
}

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr, "usage: pmpload -a ADDR [-p PORT] [-n N] [-c AT-ONCE] "
		"[-t SECONDS] [-e FIRST-PORT] address|map|unmap\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static struct load l = { .total = 1000, .conc = 1,
				 .first_port = 40000 };
	const char *addr = NULL;
	unsigned port = 5351;
	int opt;

	while ((opt = getopt(argc, argv, "a:p:n:c:t:e:")) != -1) {
		switch (opt) {
		case 'a': addr = optarg; break;
		case 'p': port = number(optarg, 65535); break;
		case 'n': l.total = number(optarg, COUNT_MAX); break;
		case 'c': l.conc = number(optarg, CONC_MAX); break;
		case 't': l.limit_us = number(optarg, SECONDS_MAX) *
				       1000000ull; break;
		case 'e': l.first_port = number(optarg, 65535); break;
		default: usage();
		}
	}
	if (!addr || optind + 1 != argc)
		usage();
	while (strcmp(words[l.what], argv[optind]))
		if (++l.what > UNMAP)
			usage();
	if (l.what != ADDRESS && l.first_port + l.total > 65536)
		usage();
	connect_to(&l, addr, port);
	report(&l, run(&l));
	return l.errors ? 1 : 0;
}
