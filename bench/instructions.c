/* SPDX-License-Identifier: ISC */
/*
 * instructions.c - the monitor and the engine in one process, under callgrind,
 * one round of their loops at a time, as instructions.py commands. So the same
 * requests cost the same number of instructions each time.
 *
 * Both are the daemon's own objects, the firewall and the network are the
 * kernel's. Replaced (--wrap): what makes three processes of them, the jail,
 * which callgrind cannot enter, the clock, and random numbers.
 *
 * Commands, one letter each, with a number or a name; "." answers each:
 *	e, m	a round of the engine, of the monitor, that is counted
 *	w MS	let time pass, and then a round of the engine that is counted
 *	t MS	let time pass, and do what is due, not counted
 *	d NAME	write the counts, begin anew
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include "conf/conf.h"
#include "engine/engine.h"
#include "monitor/monitor.h"
#include "monitor/supervisor.h"

#define WAIT_MS		10000	/* for a request that has been sent */
#define STEP_MS		20	/* of time that passes */
#define ROUNDS		8	/* in each step: more than one request needs */

int measured_engine(int wait_ms);
int measured_monitor(void);
int __wrap_loop_run(struct loop *);
struct loop *__wrap_loop_new(size_t n, uint64_t (*clock)(void));
struct loop *__real_loop_new(size_t n, uint64_t (*clock)(void));
int __wrap_jail_shut(int *ret);
int __wrap_caps_cut(void);
int __wrap_supervisor_open(struct supervisor *, const struct jail *,
			   engine_run_fn *);
void __wrap_supervisor_start(struct supervisor *, const struct conf *, int);
ssize_t __wrap_getrandom(void *, size_t, unsigned);
time_t __wrap_time(time_t *);

static struct {
	uint64_t now_ms;
	struct loop *monitor, *engine;
	struct supervisor *supervisor;
	struct engine_start start;
	uint32_t rnd;
} bench = { .now_ms = 1000, .rnd = 1 };

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	_exit(1);
}

/* ---- what is replaced ---------------------------------------------------- */

static uint64_t clock_ms(void)
{
	return bench.now_ms;
}

struct loop *__wrap_loop_new(size_t n, uint64_t (*clock)(void))
{
	return __real_loop_new(n, clock_ms);
}

time_t __wrap_time(time_t *ret)
{
	const time_t now_s = (time_t)(1800000000 + bench.now_ms / 1000);

	if (ret)
		*ret = now_s;
	return now_s;
}

ssize_t __wrap_getrandom(void *buf, size_t n, unsigned flags)
{
	for (size_t i = 0; i < n; i++) {
		bench.rnd = bench.rnd * 1664525u + 1013904223u;
		((unsigned char *)buf)[i] = (unsigned char)(bench.rnd >> 24);
	}
	return (ssize_t)n;
}

int __wrap_jail_shut(int *ret)
{
	*ret = 0;
	return 0;
}

int __wrap_caps_cut(void)
{
	return 0;
}

int __wrap_supervisor_open(struct supervisor *w, const struct jail *jail,
			   engine_run_fn *run)
{
	bench.supervisor = w;
	return chdir(jail->dir) ? -1 : 0;
}

static void on_request(struct loop_fd *chan, short revents)
{
	struct supervisor *w = bench.supervisor;

	if (w->ops->request(w->arg, chan->fd))
		die("the engine's request");
}

/* The engine starts when the monitor's loop would begin. */
void __wrap_supervisor_start(struct supervisor *w, const struct conf *c,
			     int ctl_fd)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) ||
	    send(fd[1], c, conf_size(c), 0) != (ssize_t)conf_size(c))
		die("socketpair");
	loop_fd_init(&w->chan, fd[1], on_request);
	loop_fd_add(w->loop, &w->chan, POLLIN);
	w->running = true;
	bench.start = (struct engine_start){
		.chan_fd = fd[0], .ctl_fd = ctl_fd, .boot_id = "boot",
		.log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
	};
}

/* ---- commands ------------------------------------------------------------ */

/* callgrind counts what these two call. */
int __attribute__((noinline)) measured_engine(int wait_ms)
{
	return loop_step(bench.engine, wait_ms);
}

int __attribute__((noinline)) measured_monitor(void)
{
	return loop_step(bench.monitor, WAIT_MS);
}

static void pass(unsigned long ms)
{
	for (unsigned long at = 0; at < ms; at += STEP_MS) {
		bench.now_ms += STEP_MS;
		for (int i = 0; i < ROUNDS; i++)
			if (loop_step(bench.engine, 0) ||
			    loop_step(bench.monitor, 0))
				die("loop_step");
	}
}

static void obey(const char *line)
{
	int err = 0;

	switch (line[0]) {
	case 'e':
		err = measured_engine(WAIT_MS);
		break;
	case 'w':
		bench.now_ms += strtoul(line + 1, NULL, 10);
		err = measured_engine(0);
		break;
	case 'm':
		err = measured_monitor();
		break;
	case 't':
		pass(strtoul(line + 1, NULL, 10));
		break;
	case 'd':
		CALLGRIND_DUMP_STATS_AT(line + 2);
		break;
	}
	if (err || write(STDOUT_FILENO, ".", 1) != 1)
		die(line);
}

/* Each of the two runs its loop once: first the monitor. */
int __wrap_loop_run(struct loop *l)
{
	char line[64];

	if (!bench.monitor) {
		bench.monitor = l;
		return engine_run(&bench.start);
	}
	bench.engine = l;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct monitor_ready ready;
	static struct conf conf;
	struct conf_error why;

	if (argc != 2 || conf_read(argv[1], &conf, &why)) {
		fprintf(stderr, "usage: instructions CONFIGURATION\n");
		return 2;
	}
	return monitor_run(argv[1], &conf, false, engine_run, &ready);
}
