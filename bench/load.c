/* SPDX-License-Identifier: ISC */
/*
 * load.c - send a gateway the same request many times, each on a new
 * connection, one or several at once, beside idle connections, and measure the
 * time.
 *
 * The time of a request is from connect() to the end of the reply, which is the
 * server's close. Requests that are in flight when the time is over count
 * neither as answered nor as errors. Prints one line of "name value" pairs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "number.h"

#define REQUEST_MAX	2048
#define CONC_MAX	1000
#define IDLE_MAX	4000
#define COUNT_MAX	1000000
#define SECONDS_MAX	600
#define STALL_MS	8000	/* give up if nothing happens for so long */
#define IDLE_MS		3000	/* for the idle connections to connect */
#define STATUS_LEN	12	/* "HTTP/1.1 200" */

#define WANIP "urn:schemas-upnp-org:service:WANIPConnection:1"
#define WANIP6 "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"

/* The arguments of an action. */
enum args { NO_ARGS, INDEX, KEY, MAPPING, PINHOLE };

struct action {
	const char *word;	/* on the command line */
	const char *name;	/* NULL: the document at the path */
	enum args args;
};

static const struct action actions[] = {
	{ "get", NULL, NO_ARGS },
	{ "getip", "GetExternalIPAddress", NO_ARGS },
	{ "add", "AddPortMapping", MAPPING },
	{ "delete", "DeletePortMapping", KEY },
	{ "specific", "GetSpecificPortMappingEntry", KEY },
	{ "list", "GetGenericPortMappingEntry", INDEX },
	{ "pinhole", "AddPinhole", PINHOLE },
};

struct conn {
	int fd;			/* -1: free */
	uint64_t start_us;
	char out[REQUEST_MAX];
	size_t out_len, sent;
	char status[STATUS_LEN];
	size_t got;
};

struct load {
	const struct action *action;
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} to;
	socklen_t to_len;
	char host[INET6_ADDRSTRLEN + 2];	/* as in a URL */
	char local[INET6_ADDRSTRLEN];
	const char *path, *proto;
	unsigned port, first_port;
	size_t total, conc, idle;
	size_t keys;		/* number of ports or indexes to use in turn */
	uint64_t limit_us;	/* 0: none */

	size_t started, ended, errors;
	uint64_t *took_us;	/* of each answered request */
	size_t took_n;
	size_t reply_len;	/* of the last answered request */
	struct conn conn[CONC_MAX];
	struct pollfd pfd[CONC_MAX];
	struct pollfd idle_pfd[IDLE_MAX];
	size_t idle_n;		/* those that are connected */
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- requests ------------------------------------------------------ */

/* Write the arguments of request number @i, which use ports in turn. */
static void write_args(const struct load *l, size_t i, char *buf, size_t cap)
{
	unsigned key = (unsigned)(i % l->keys), port = l->first_port + key;
	int n = 0;

	buf[0] = '\0';
	if (l->action->args == INDEX)
		snprintf(buf, cap, "<NewPortMappingIndex>%u"
			 "</NewPortMappingIndex>", key);
	if (l->action->args == PINHOLE)
		snprintf(buf, cap, "<RemoteHost></RemoteHost>"
			 "<RemotePort>0</RemotePort>"
			 "<InternalClient>%s</InternalClient>"
			 "<InternalPort>%u</InternalPort>"
			 "<Protocol>%u</Protocol><LeaseTime>86400</LeaseTime>",
			 l->local, port, strcmp(l->proto, "UDP") ?
			 IPPROTO_TCP : IPPROTO_UDP);
	if (l->action->args == KEY || l->action->args == MAPPING)
		n = snprintf(buf, cap, "<NewRemoteHost></NewRemoteHost>"
			     "<NewExternalPort>%u</NewExternalPort>"
			     "<NewProtocol>%s</NewProtocol>", port, l->proto);
	if (l->action->args == MAPPING)
		snprintf(buf + n, cap - (size_t)n,
			 "<NewInternalPort>%u</NewInternalPort>"
			 "<NewInternalClient>%s</NewInternalClient>"
			 "<NewEnabled>1</NewEnabled>"
			 "<NewPortMappingDescription>load"
			 "</NewPortMappingDescription>"
			 "<NewLeaseDuration>0</NewLeaseDuration>",
			 port, l->local);
}

static size_t write_get(const struct load *l, char *buf, size_t cap)
{
	int len = snprintf(buf, cap, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n"
			   "Connection: close\r\n\r\n", l->path, l->host,
			   l->port);

	return (size_t)len < cap ? (size_t)len : cap - 1;
}

static size_t write_request(const struct load *l, size_t i, char *buf,
			    size_t cap)
{
	const char *service = l->action->args == PINHOLE ? WANIP6 : WANIP;
	char args[640], body[1280];
	int len;

	if (!l->action->name)
		return write_get(l, buf, cap);
	write_args(l, i, args, sizeof(args));
	len = snprintf(body, sizeof(body), "<?xml version=\"1.0\"?>\r\n"
		       "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/"
		       "envelope/\" s:encodingStyle=\"http://schemas.xmlsoap."
		       "org/soap/encoding/\"><s:Body><u:%s xmlns:u=\"%s\">%s"
		       "</u:%s></s:Body></s:Envelope>\r\n",
		       l->action->name, service, args, l->action->name);
	len = snprintf(buf, cap, "POST %s HTTP/1.1\r\nHost: %s:%u\r\n"
		       "Content-Type: text/xml; charset=\"utf-8\"\r\n"
		       "SOAPAction: \"%s#%s\"\r\n"
		       "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
		       l->path, l->host, l->port, service, l->action->name, len,
		       body);
	return (size_t)len < cap ? (size_t)len : cap - 1;
}

/* ---- one connection ------------------------------------------------ */

/* Print the first failure; count the others. */
static void failed(struct load *l, const struct conn *c, const char *why)
{
	if (!l->errors++)
		fprintf(stderr, "load: %s after %zu bytes and %" PRIu64
			" us: \"%.*s\"\n", why, c->got,
			now_us() - c->start_us,
			(int)(c->got < STATUS_LEN ? c->got : STATUS_LEN),
			c->status);
}

/* @why: NULL if the server closed the connection, which ends a reply */
static void conn_end(struct load *l, struct conn *c, const char *why)
{
	if (!why && (c->got < STATUS_LEN || memcmp(c->status + 8, " 200", 4)))
		why = "no 200";
	if (why) {
		failed(l, c, why);
	} else {
		l->took_us[l->took_n++] = now_us() - c->start_us;
		l->reply_len = c->got;
	}
	close(c->fd);
	c->fd = -1;
	l->ended++;
}

static void conn_start(struct load *l, struct conn *c)
{
	c->out_len = write_request(l, l->started++, c->out, sizeof(c->out));
	c->sent = c->got = 0;
	c->start_us = now_us();
	c->fd = socket(l->to.any.sa_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("load: socket");
		exit(1);
	}
	if (connect(c->fd, &l->to.any, l->to_len) &&
	    errno != EINPROGRESS)
		conn_end(l, c, strerror(errno));
}

static void conn_send(struct load *l, struct conn *c)
{
	ssize_t n = send(c->fd, c->out + c->sent, c->out_len - c->sent,
			 MSG_NOSIGNAL);

	if (n > 0)
		c->sent += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		conn_end(l, c, strerror(errno));
}

static void conn_recv(struct load *l, struct conn *c)
{
	char buf[4096];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
	size_t room = STATUS_LEN - (c->got < STATUS_LEN ? c->got : STATUS_LEN);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_end(l, c, n ? strerror(errno) : NULL);
		return;
	}
	if (room)
		memcpy(c->status + c->got, buf,
		       (size_t)n < room ? (size_t)n : room);
	c->got += (size_t)n;
}

/* ---- idle connections ---------------------------------------------- */

static void idle_open(struct load *l, struct pollfd *p)
{
	p->fd = socket(l->to.any.sa_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	p->events = POLLOUT;
	if (p->fd >= 0)
		connect(p->fd, &l->to.any, l->to_len);
}

/*
 * Return: number of connections that are neither connected nor refused yet.
 * For the others, set events to 0, so that poll() does not report them again.
 */
static size_t idle_settle(struct load *l)
{
	size_t i, waiting = 0;

	for (i = 0; i < l->idle; i++) {
		struct pollfd *p = &l->idle_pfd[i];

		if (p->events && p->revents) {
			l->idle_n += !(p->revents & (POLLERR | POLLHUP));
			p->events = 0;
		}
		waiting += p->events != 0;
	}
	return waiting;
}

static void idle_connect(struct load *l)
{
	uint64_t end_us = now_us() + IDLE_MS * 1000;
	size_t i;

	for (i = 0; i < l->idle; i++)
		idle_open(l, &l->idle_pfd[i]);
	do {
		poll(l->idle_pfd, l->idle, 10);
	} while (idle_settle(l) && now_us() < end_us);
}

/* ---- all connections ----------------------------------------------- */

static bool time_is_up(const struct load *l, uint64_t start_us)
{
	return l->limit_us && now_us() - start_us >= l->limit_us;
}

static void prepare(struct load *l)
{
	size_t i;

	for (i = 0; i < l->conc; i++) {
		struct conn *c = &l->conn[i];

		if (c->fd < 0 && l->started < l->total)
			conn_start(l, c);
		l->pfd[i].fd = c->fd;
		l->pfd[i].events = c->sent < c->out_len ? POLLOUT : POLLIN;
	}
}

static void dispatch(struct load *l)
{
	size_t i;

	for (i = 0; i < l->conc; i++) {
		struct conn *c = &l->conn[i];

		if (l->pfd[i].fd < 0 || !l->pfd[i].revents)
			continue;
		if (c->sent < c->out_len)
			conn_send(l, c);
		else
			conn_recv(l, c);
	}
}

/* Return: false if nothing happened within @wait_ms */
static bool step(struct load *l, int wait_ms)
{
	int n;

	prepare(l);
	n = poll(l->pfd, l->conc, wait_ms);
	if (n < 0 && errno != EINTR) {
		perror("load: poll");
		exit(1);
	}
	if (n > 0)
		dispatch(l);
	return n != 0;
}

/* Return: the duration in us */
static uint64_t run(struct load *l)
{
	uint64_t start_us = now_us(), last_us = start_us;
	size_t i;

	for (i = 0; i < l->conc; i++)
		l->conn[i].fd = -1;
	while (l->ended < l->total && !time_is_up(l, start_us)) {
		if (step(l, l->limit_us ? 20 : STALL_MS)) {
			last_us = now_us();
		} else if (now_us() - last_us >= STALL_MS * 1000) {
			l->errors += l->total - l->ended;
			break;
		}
	}
	return now_us() - start_us;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t percentile(const struct load *l, unsigned percent)
{
	size_t i = l->took_n * percent / 100;

	if (!l->took_n)
		return 0;
	return l->took_us[i < l->took_n ? i : l->took_n - 1];
}

/* CPU time of this program. */
static uint64_t cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void report(struct load *l, uint64_t elapsed_us)
{
	double s = (double)elapsed_us / 1e6;

	qsort(l->took_us, l->took_n, sizeof(*l->took_us), compare_u64);
	printf("rate %.1f p50_us %" PRIu64 " p99_us %" PRIu64 " max_us %" PRIu64
	       " answered %zu started %zu errors %zu idle %zu bytes %zu"
	       " own_cpu_us %" PRIu64 "\n",
	       s > 0 ? (double)l->took_n / s : 0.0, percentile(l, 50),
	       percentile(l, 99), percentile(l, 100), l->took_n, l->started,
	       l->errors, l->idle_n, l->reply_len, cpu_us());
}

/* ---- start --------------------------------------------------------- */

static void usage(void)
{
	fprintf(stderr, "usage: load -a ADDR -p PORT -u PATH [-n REQUESTS] "
		"[-c AT-ONCE] [-t SECONDS] [-i IDLE-CONNECTIONS] "
		"[-e FIRST-EXTERNAL-PORT] [-k KEYS] [-P TCP|UDP] "
		"get|getip|add|delete|specific|list|pinhole\n");
	exit(2);
}

static const struct action *find_action(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (word && !strcmp(word, actions[i].word))
			return &actions[i];
	usage();
	return NULL;
}

static bool parse_gateway(struct load *l, const char *addr)
{
	bool ip6 = false;

	if (addr && inet_pton(AF_INET, addr, &l->to.ip4.sin_addr) == 1) {
		l->to.ip4.sin_family = AF_INET;
		l->to.ip4.sin_port = htons((uint16_t)l->port);
		l->to_len = sizeof(l->to.ip4);
	} else if (addr &&
		   inet_pton(AF_INET6, addr, &l->to.ip6.sin6_addr) == 1) {
		l->to.ip6.sin6_family = AF_INET6;
		l->to.ip6.sin6_port = htons((uint16_t)l->port);
		l->to_len = sizeof(l->to.ip6);
		ip6 = true;
	} else {
		return false;
	}
	snprintf(l->host, sizeof(l->host), "%s%s%s", ip6 ? "[" : "", addr,
		 ip6 ? "]" : "");
	return true;
}

static void parse_args(struct load *l, int argc, char **argv)
{
	const char *addr = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "a:p:u:n:c:e:k:i:t:P:")) != -1) {
		switch (opt) {
		case 'a': addr = optarg; break;
		case 'p': l->port = number(optarg, 65535); break;
		case 'u': l->path = optarg; break;
		case 'n': l->total = number(optarg, COUNT_MAX); break;
		case 'c': l->conc = number(optarg, CONC_MAX); break;
		case 'e': l->first_port = number(optarg, 65535); break;
		case 'k': l->keys = number(optarg, COUNT_MAX); break;
		case 'i': l->idle = number(optarg, IDLE_MAX); break;
		case 't': l->limit_us = number(optarg, SECONDS_MAX) *
					1000000ull; break;
		case 'P': l->proto = optarg; break;
		default: usage();
		}
	}
	l->action = find_action(argv[optind]);
	if (!l->port || !l->path || strlen(l->path) > 128 ||
	    !parse_gateway(l, addr) ||
	    (strcmp(l->proto, "TCP") && strcmp(l->proto, "UDP")))
		usage();
	if (!l->keys)
		l->keys = l->total;
	if (l->action->args >= KEY && l->first_port + l->keys > 65536)
		usage();
}

/* Find the local address on the route to the gateway, the mappings' client. */
static void find_local(struct load *l)
{
	struct sockaddr_storage me;
	socklen_t len = sizeof(me);
	int fd = socket(l->to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, &l->to.any, l->to_len) ||
	    getsockname(fd, (struct sockaddr *)&me, &len) ||
	    getnameinfo((struct sockaddr *)&me, len, l->local,
			sizeof(l->local), NULL, 0, NI_NUMERICHOST)) {
		perror("load");
		exit(1);
	}
	close(fd);
}

/* The idle connections exceed the usual limit of open files. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

int main(int argc, char **argv)
{
	static struct load l = {
		.total = 1000, .conc = 1, .first_port = 10000, .proto = "TCP",
	};

	parse_args(&l, argc, argv);
	raise_limit();
	find_local(&l);
	l.took_us = calloc(l.total, sizeof(*l.took_us));
	if (!l.took_us) {
		perror("load");
		return 1;
	}
	idle_connect(&l);
	report(&l, run(&l));
	free(l.took_us);
	return l.errors ? 1 : 0;
}
