/* SPDX-License-Identifier: ISC */
/*
 * rogue_engine.c - a compromised engine below the whole daemon: the monitor,
 * the supervisor and the fork server are the real ones. test_rogue.py chooses
 * what it does.
 *
 * The linker calls __wrap_engine_run() in place of engine_run(). If the state
 * directory has a file "attack", this process does what the file names, once;
 * "again NAME" has each further engine do it as well. Otherwise it is the real
 * engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/str.h"
#include "engine/engine.h"
#include "ipc/brokermsg.h"
#include "sys/jail.h"

#define RECORDS	20000	/* of a flood that ends */
#define FDS	64	/* descriptors in one record */

static int chan, logs, control;

static void wait_for(int fd, short events)
{
	struct pollfd p = { fd, events };

	ppoll(&p, 1, NULL, NULL);	/* the filter lacks poll() */
}

/* Return: false if the monitor has closed the channel */
static bool put(const void *p, size_t n)
{
	while (send(chan, p, n, MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN)
			return false;
		wait_for(chan, POLLOUT);
	}
	return true;
}

static struct broker_req request(uint32_t verb)
{
	struct broker_req req = { .version = BROKER_VERSION, .verb = verb };

	return req;
}

/* Read the next record, a ping or an answer. */
static bool get(struct broker_rep *rep)
{
	ssize_t n;

	while ((n = recv(chan, rep, sizeof(*rep), 0)) < 0 && errno == EAGAIN)
		wait_for(chan, POLLIN);
	return n == sizeof(*rep);
}

/* Read what has arrived, and answer pings, so that nobody thinks we hang. */
static void read_all(void)
{
	struct broker_req pong = request(BROKER_PING);
	struct broker_rep rep;

	while (recv(chan, &rep, sizeof(rep), 0) == sizeof(rep)) {
		if (rep.verb != BROKER_PING)
			continue;
		pong.id = rep.id;
		put(&pong, sizeof(pong));
	}
}

/* The configuration, which is larger than any record, was read before. */
static struct nat_op_id read_ping(void)
{
	struct broker_rep rep = { 0 };

	while (get(&rep) && rep.verb != BROKER_PING)
		;
	return rep.id;
}

/* A rule that the policy allows. */
static struct nat_rule rule(uint16_t port)
{
	return (struct nat_rule){
		.client = addr_ip4(0xc0a8580a), .remote = addr_any(),
		.ext_port = port, .int_port = port, .kind = NAT_PORTMAP,
		.proto = IPPROTO_UDP,
	};
}

static uint32_t random_word(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* ---- what it does; most end with a record that ends the engine ----------- */

/* @n: the record's size */
static void send_size(uint32_t n)
{
	static char record[65536];
	const struct broker_req req = request(BROKER_REFRESH);

	memcpy(record, &req, sizeof(req));
	put(record, n);
}

static void send_verb(uint32_t verb)
{
	const struct broker_req req = request(verb);

	put(&req, sizeof(req));
}

static void send_version(uint32_t version)
{
	struct broker_req req = request(BROKER_REFRESH);

	req.version = version;
	put(&req, sizeof(req));
}

/* @more: added to the ping's number; 0: the right answer, twice */
static void send_pong(uint32_t more)
{
	struct broker_req pong = request(BROKER_PING);

	pong.id = read_ping();
	pong.id.generation += more;
	put(&pong, sizeof(pong));
	if (!more)
		put(&pong, sizeof(pong));
}

/* Ask without end, and read no answer. */
static void be_deaf(uint32_t unused)
{
	struct broker_req req = request(BROKER_SET);

	while (put(&req, sizeof(req)))
		;
}

/* Many descriptors, among them both ends that we hold, with valid records. */
static void send_fds(uint32_t unused)
{
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(FDS * sizeof(int))];
	} c = { { .cmsg_len = CMSG_LEN(FDS * sizeof(int)),
		  .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct broker_req req = request(BROKER_REFRESH);
	struct iovec iov = { &req, sizeof(req) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c),
	};
	int fd[FDS];

	for (int i = 0; i < FDS; i++)
		fd[i] = i % 3 == 0 ? chan : i % 3 == 1 ? logs : control;
	memcpy(CMSG_DATA(&c.head), fd, sizeof(fd));
	for (int i = 0; i < 100; i++) {
		while (sendmsg(chan, &msg, MSG_NOSIGNAL) < 0 &&
		       errno == EAGAIN)
			wait_for(chan, POLLOUT);
		read_all();
	}
	send_verb(0);
}

/* Bytes of all kinds: lines without an end, escape sequences, many lines. */
static void flood_fd(int fd)
{
	char text[4096];

	for (int i = 0; i < 256; i++) {
		for (size_t j = 0; j < sizeof(text); j++)
			text[j] = i % 4 ? (char)random_word() :
				  j % 8 ? '\x1b' : '\n';
		while (write(fd, text, sizeof(text)) < 0 && errno == EAGAIN)
			wait_for(fd, POLLOUT);
	}
	send_verb(0);
}

static void flood_log(uint32_t unused)
{
	flood_fd(logs);
}

static void flood_stderr(uint32_t unused)
{
	flood_fd(STDERR_FILENO);
}

/* Random requests, and valid ones with a field that is wrong. */
static void send_random(uint32_t unused)
{
	struct broker_req req;
	uint8_t *byte = (uint8_t *)&req.id;
	const size_t n = sizeof(req) - sizeof(req.version) - sizeof(req.verb);

	for (int i = 0; i < RECORDS; i++) {
		req = request(BROKER_SET + random_word() % 3);
		req.rule = rule((uint16_t)random_word());
		byte[random_word() % n] = (uint8_t)random_word();
		for (size_t j = 0; i % 2 && j < n; j++)
			byte[j] = (uint8_t)random_word();
		if (!put(&req, sizeof(req)))
			return;
		read_all();
	}
	send_verb(0);
}

/* More rules than there may be, and no end of the table. */
static void send_half_a_table(uint32_t unused)
{
	struct broker_req req = request(BROKER_SYNC_RULE);

	for (int i = 0; i < RECORDS; i++) {
		req.rule = rule((uint16_t)(1024 + i));
		put(&req, sizeof(req));
	}
	_exit(0);
}

/* Every kind of request without a pause, until the channel is closed. */
static void flood(uint32_t unused)
{
	static const uint8_t verb[] = {
		BROKER_REFRESH, BROKER_SYNC_END, BROKER_LINK_DOWN,
		BROKER_VERIFY, BROKER_LINK_UP, BROKER_SERVING,
	};
	struct broker_req req;

	do {
		req = request(verb[random_word() % sizeof(verb)]);
		read_all();
	} while (put(&req, sizeof(req)));
}

static void hang_up(uint32_t unused)
{
	close(chan);
}

/* The next engine accepts on the same socket. */
static void spoil_control(uint32_t unused)
{
	shutdown(control, SHUT_RDWR);
	_exit(0);
}

/* It answers one ping, and then never again. */
static void loop_for_ever(uint32_t unused)
{
	struct broker_req pong = request(BROKER_PING);

	pong.id = read_ping();
	put(&pong, sizeof(pong));
	for (;;)
		read_ping();
}

static void die(uint32_t status)
{
	_exit((int)status);
}

static const struct {
	const char *name;
	void (*fn)(uint32_t arg);
	uint32_t arg;
} attacks[] = {
	{ "short", send_size, sizeof(struct broker_req) - 1 },
	{ "long", send_size, sizeof(struct broker_req) + 1 },
	{ "huge", send_size, 65536 },
	{ "empty", send_size, 0 },
	{ "verb-0", send_verb, 0 },
	{ "verb-of-the-monitor", send_verb, BROKER_TAKEN },
	{ "verb-max", send_verb, BROKER__MAX },
	{ "verb-huge", send_verb, UINT32_MAX },
	{ "version-old", send_version, BROKER_VERSION - 1 },
	{ "version-new", send_version, BROKER_VERSION + 1 },
	{ "pong-wrong", send_pong, 1 },
	{ "pong-old", send_pong, UINT32_MAX },
	{ "pong-twice", send_pong, 0 },
	{ "deaf", be_deaf, 0 },
	{ "fds", send_fds, 0 },
	{ "log", flood_log, 0 },
	{ "stderr", flood_stderr, 0 },
	{ "random", send_random, 0 },
	{ "half-table", send_half_a_table, 0 },
	{ "flood", flood, 0 },
	{ "hang-up", hang_up, 0 },
	{ "control", spoil_control, 0 },
	{ "hang", loop_for_ever, 0 },
	{ "die", die, 7 },
};

static bool attack(const struct engine_start *s, struct str name)
{
	static char conf[65536];
	int filter;

	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (!str_eq(name, str_z(attacks[i].name)))
			continue;
		if (jail_shut(&filter) ||
		    recv(s->chan_fd, conf, sizeof(conf), 0) < 0)
			return false;
		chan = s->chan_fd;
		logs = s->log_fd;
		control = s->ctl_fd;
		attacks[i].fn(attacks[i].arg);
		return true;
	}
	return false;
}

int __real_engine_run(const struct engine_start *s);
int __wrap_engine_run(const struct engine_start *s);

int __wrap_engine_run(const struct engine_start *s)
{
	int fd = openat(AT_FDCWD, "attack", O_RDONLY | O_CLOEXEC);
	char buf[64];
	struct str name = { buf, 0 };
	ssize_t n;

	if (fd < 0)
		return __real_engine_run(s);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	name.n = n > 0 ? (size_t)n : 0;
	if (str_starts(name, STR("again ")))
		name = str_skip(name, 6);
	else
		unlinkat(AT_FDCWD, "attack", 0);
	if (!attack(s, name))
		return 9;
	for (;;)
		ppoll(NULL, 0, NULL, NULL);
}
