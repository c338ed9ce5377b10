/* SPDX-License-Identifier: ISC */
/*
 * test_supervisor.c - an engine that exits is replaced, one that misbehaves,
 * hangs or does not stop is killed, and too many exits end the daemon. The fork
 * server is a fake in this file: the test sends its messages through a socket
 * pair. Time is the loop's fake clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/limits.h"
#include "monitor/supervisor.h"
#include "tests/unit/logged.h"

#define RETRY_MS	1000	/* an engine could not be started */
#define MINUTE_MS	60000
#define STEP_MS		100	/* a round of the loop comes so often */
#define TICK_MS		1000
#define EXITED(status)	((status) << 8)		/* as waitpid() has it */
#define KILLED(signo)	(signo)

/* ---- the fork server ------------------------------------------------- */

static struct {
	int far;		/* the fork server's end of the socket */
	int start_err, close_err, close_status;
	unsigned starts, kills, closes;
	int fd[FORKSERVER_FDS];	/* of the last engine, our copies */
	bool chan_was_shut;	/* when it was closed */
} server;

int forkserver_open(struct forkserver *ret, const struct jail *jail,
		    engine_run_fn *run)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
				    SOCK_CLOEXEC, 0, pair), 0);
	*ret = (struct forkserver){ 1, pair[0] };
	server.far = pair[1];
	return 0;
}

static void drop_engine(void)
{
	for (size_t i = 0; i < FORKSERVER_FDS; i++) {
		if (server.fd[i] >= 0)
			close(server.fd[i]);
		server.fd[i] = -1;
	}
}

int forkserver_start(const struct forkserver *f, const int fd[FORKSERVER_FDS])
{
	if (server.start_err)
		return server.start_err;
	server.starts++;
	drop_engine();
	for (size_t i = 0; i < FORKSERVER_FDS; i++)
		if (fd[i] >= 0)
			server.fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 0);
	return 0;
}

int forkserver_kill(const struct forkserver *f)
{
	server.kills++;
	return 0;
}

int forkserver_read(const struct forkserver *f, struct forkserver_rep *ret)
{
	ssize_t n = recv(f->fd, ret, sizeof(*ret), 0);

	if (n < 0)
		return -errno;
	return n == sizeof(*ret) ? 0 : -EPIPE;
}

static bool chan_is_shut(void)
{
	struct pollfd p = { server.fd[FORKSERVER_CHAN], POLLRDHUP };

	return poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP;
}

int forkserver_close(struct forkserver *f, int *ret_status)
{
	if (f->fd < 0)
		return -ECHILD;
	server.closes++;
	if (server.fd[FORKSERVER_CHAN] >= 0)
		server.chan_was_shut = chan_is_shut();
	*ret_status = server.close_status;
	close(f->fd);
	*f = (struct forkserver){ 0, -1 };
	return server.close_err;
}

static int run_nothing(const struct engine_start *s)
{
	return 0;
}

/* ---- the owner ------------------------------------------------------- */

static char calls[128];		/* of the owner's callbacks, one word each */
static int request_err;
static char requested;		/* the byte that the last request had */

static void note(const char *what)
{
	assert_true(strlen(calls) + strlen(what) + 2 < sizeof(calls));
	strcat(calls, *calls ? " " : "");
	strcat(calls, what);
}

static void on_starting(void *arg)
{
	note("starting");
}

static int on_request(void *arg, int fd)
{
	note("request");
	requested = 0;
	recv(fd, &requested, 1, 0);
	return request_err;
}

static unsigned pings;		/* since the start of the test */
static bool answers, pinged;	/* the engine answers; it has to */

static void on_ping(void *arg, int fd)
{
	assert_int_equal(fd, supervisor_channel(arg));
	pings++;
	pinged = true;
}

static void on_exited(void *arg)
{
	note("exited");
}

static void on_stopped(void *arg)
{
	note("stopped");
}

static void on_failed(void *arg)
{
	note("failed");
}

static const struct supervisor_ops ops = {
	on_starting, on_request, on_ping, on_exited, on_stopped, on_failed,
};

/* The callbacks since the last use of this macro. */
#define CALLS(want) do {					\
		assert_string_equal(calls, want);		\
		calls[0] = '\0';				\
	} while (0)

/* ---- the module under test ------------------------------------------- */

static uint64_t now_ms;
static struct loop *loop;
static struct supervisor sup;
static struct conf conf;
static const struct jail jail = { "/", 1, 1, 77 };

static uint64_t fake_clock(void)
{
	return now_ms;
}

/* The machine stands still, or is too busy for us. */
static void jump(uint64_t ms)
{
	now_ms += ms;
	assert_int_equal(loop_step(loop, 0), 0);
	if (answers && pinged)
		supervisor_answered(&sup);
	pinged = false;
}

static void pass(uint64_t ms)
{
	for (; ms > STEP_MS; ms -= STEP_MS)
		jump(STEP_MS);
	jump(ms);
}

/* The fork server sends a message. */
static void event(enum forkserver_event what, int value)
{
	const struct forkserver_rep rep = { what, value };

	assert_int_equal(send(server.far, &rep, sizeof(rep), 0), sizeof(rep));
	pass(0);
}

static int set_up(void **state)
{
	now_ms = 1000000;
	memset(&server, 0, sizeof(server));
	memset(server.fd, -1, sizeof(server.fd));
	calls[0] = '\0';
	request_err = 0;
	pings = 0;
	answers = true;
	pinged = false;
	conf_defaults(&conf);
	logged_open();
	loop = loop_new(8, fake_clock);
	memset(&sup, 0, sizeof(sup));
	supervisor_init(&sup, loop, &ops, &sup);
	return loop ? supervisor_open(&sup, &jail, run_nothing) : -1;
}

static int tear_down(void **state)
{
	supervisor_close(&sup);
	drop_engine();
	close(server.far);
	loop_free(loop);
	logged_close();
	return 0;
}

/* An engine that runs. */
static void start(void)
{
	supervisor_start(&sup, &conf, -1);
	event(FORKSERVER_STARTED, 77);
	CALLS("starting");
}

/* An engine exits, and its successor starts. */
static void exit_and_restart(void)
{
	event(FORKSERVER_EXITED, EXITED(1));
	pass(ENGINE_RESTART_MS);
	event(FORKSERVER_STARTED, 78);
	CALLS("exited starting");
}

static void engine_sends(char c)
{
	assert_int_equal(send(server.fd[FORKSERVER_CHAN], &c, 1, 0), 1);
	pass(0);
}

static void engine_logs(const char *text)
{
	ssize_t n = (ssize_t)strlen(text);

	assert_int_equal(write(server.fd[FORKSERVER_LOG], text, (size_t)n), n);
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- a start --------------------------------------------------------- */

static void test_an_engine_finds_its_configuration_in_its_channel(void **state)
{
	static struct conf got;

	conf.http_port = 4711;
	supervisor_start(&sup, &conf, -1);
	assert_int_equal(server.starts, 1);
	CALLS("starting");
	/* without the room for mappings, of which it has none */
	assert_int_equal(recv(server.fd[FORKSERVER_CHAN], &got, sizeof(got), 0),
			 offsetof(struct conf, mapping));
	assert_memory_equal(&got, &conf, sizeof(got));
	assert_false(chan_is_shut());
}

static void test_an_engine_finds_the_mappings_of_the_configuration(void **state)
{
	static struct conf got;

	conf.mapping_n = 1;
	conf.mapping[0].ext_port = 8080;
	supervisor_start(&sup, &conf, -1);
	assert_int_equal(recv(server.fd[FORKSERVER_CHAN], &got, sizeof(got), 0),
			 sizeof(got));
	assert_memory_equal(&got, &conf, sizeof(got));
	conf.mapping_n = 0;
	conf.mapping[0].ext_port = 0;
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	assert_int_equal(fstat(a, &sa), 0);
	assert_int_equal(fstat(b, &sb), 0);
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static void test_the_control_socket_is_handed_to_each_engine(void **state)
{
	int first = socket(AF_UNIX, SOCK_STREAM, 0);
	int second = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(first >= 0 && second >= 0);
	supervisor_start(&sup, &conf, first);
	assert_true(same_file(server.fd[FORKSERVER_CTL], first));
	event(FORKSERVER_EXITED, EXITED(1));
	pass(ENGINE_RESTART_MS);
	assert_int_equal(server.starts, 2);
	assert_true(same_file(server.fd[FORKSERVER_CTL], first));
	supervisor_control(&sup, second);
	assert_int_equal(server.starts, 2);	/* for the next one */
	event(FORKSERVER_EXITED, EXITED(1));
	pass(ENGINE_RESTART_MS);
	assert_true(same_file(server.fd[FORKSERVER_CTL], second));
	supervisor_control(&sup, -1);
	event(FORKSERVER_EXITED, EXITED(1));
	pass(ENGINE_RESTART_MS);
	assert_int_equal(server.starts, 4);
	assert_int_equal(server.fd[FORKSERVER_CTL], -1);
	close(first);
	close(second);
}

static void test_an_engine_may_take_long_once_it_has_started(void **state)
{
	start();
	pass(10 * FORKSERVER_ANSWER_MS);
	CALLS("");
	assert_int_equal(server.kills, 0);
	assert_int_equal(logged_count("<3>"), 0);
}

static void test_a_silent_fork_server_ends_the_daemon(void **state)
{
	supervisor_start(&sup, &conf, -1);
	pass(FORKSERVER_ANSWER_MS - 1);
	CALLS("starting");
	pass(1);
	CALLS("failed");
	assert_int_equal(logged_count("does not answer"), 1);
	assert_true(chan_is_shut());
	event(FORKSERVER_STARTED, 77);	/* ignored */
	pass(MINUTE_MS);
	CALLS("");
	assert_int_equal(server.starts, 1);
}

static void test_an_engine_that_could_not_be_forked_is_retried(void **state)
{
	supervisor_start(&sup, &conf, -1);
	for (unsigned i = 1; i <= 2 * ENGINE_DEATHS_MAX; i++) {
		CALLS("starting");
		event(FORKSERVER_FAILED, -EAGAIN);
		assert_true(chan_is_shut());
		pass(RETRY_MS - 1);
		assert_int_equal(server.starts, i);
		pass(1);
		assert_int_equal(server.starts, i + 1);
	}
	event(FORKSERVER_STARTED, 77);
	CALLS("starting");		/* it does not count as an exit */
	assert_int_not_equal(logged_errors("<3>engine: ", EAGAIN), 0);
	assert_int_not_equal(logged_count("; trying again"), 0);
}

static void test_a_request_that_cannot_be_sent_is_retried(void **state)
{
	const unsigned before = open_fds();

	server.start_err = -EMSGSIZE;
	supervisor_start(&sup, &conf, -1);
	CALLS("");
	assert_int_equal(open_fds(), before);
	pass(RETRY_MS - 1);
	server.start_err = 0;
	pass(0);
	assert_int_equal(server.starts, 0);
	pass(1);
	assert_int_equal(server.starts, 1);
	CALLS("starting");
	assert_int_equal(logged_errors("<3>engine: ", EMSGSIZE), 1);
}

/* With room for 0 to 3 descriptors only, those that were opened are closed. */
static void test_a_start_without_descriptors_leaks_none(void **state)
{
	const unsigned before = open_fds();
	const int next = dup(0);
	struct rlimit old, few;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (rlim_t n = 0; n < 4; n++) {
		few = (struct rlimit){ (rlim_t)next + n, old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		if (n == 0)
			supervisor_start(&sup, &conf, -1);
		else
			pass(RETRY_MS);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_int_equal(server.starts, 0);
		assert_int_equal(open_fds(), before);
	}
	pass(RETRY_MS);
	assert_int_equal(server.starts, 1);
	CALLS("starting");
	assert_int_not_equal(logged_errors("<3>engine: ", EMFILE), 0);
}

/* ---- an engine that runs ---------------------------------------------- */

static void test_requests_of_the_engine_reach_the_owner(void **state)
{
	start();
	engine_sends('a');
	CALLS("request");
	assert_int_equal(requested, 'a');
	engine_sends('b');
	CALLS("request");
	assert_int_equal(requested, 'b');
	assert_int_equal(server.kills, 0);
}

static void test_the_log_of_the_engine_is_copied(void **state)
{
	start();
	engine_logs("<4>a warning\n<6>half ");
	pass(0);
	assert_int_equal(logged_count("<4>a warning\n"), 1);
	assert_int_equal(logged_count("half"), 0);
	engine_logs("a line\n");
	pass(0);
	assert_int_equal(logged_count("<6>half a line\n"), 1);
}

/* A closed pipe is always readable. */
static void test_a_log_that_the_engine_has_closed_is_not_watched(void **state)
{
	start();
	assert_int_not_equal(sup.log.slot, -1);
	engine_logs("<4>the end");
	close(server.fd[FORKSERVER_LOG]);
	server.fd[FORKSERVER_LOG] = -1;
	pass(0);	/* the text, then the end of file */
	pass(0);
	assert_int_equal(logged_count("<4>the end\n"), 1);
	assert_int_equal(sup.log.slot, -1);
}

static void test_half_a_line_is_not_joined_to_the_next_log(void **state)
{
	start();
	engine_logs("<4>the first was ");
	pass(0);
	exit_and_restart();
	engine_logs("<4>the second\n");
	pass(0);
	assert_int_equal(logged_count("<4>the second\n"), 1);
	assert_int_equal(logged_count("the first was <4>"), 0);
}

/* ---- an engine that exits --------------------------------------------- */

static void test_an_engine_that_exited_is_replaced_after_a_delay(void **state)
{
	unsigned before;

	start();
	before = open_fds();
	event(FORKSERVER_EXITED, EXITED(3));
	CALLS("exited");
	assert_true(chan_is_shut());
	assert_int_equal(logged_count("<3>engine ended with status 3"), 1);
	pass(ENGINE_RESTART_MS - 1);
	assert_int_equal(server.starts, 1);
	pass(1);
	assert_int_equal(server.starts, 2);
	CALLS("starting");
	assert_int_equal(open_fds(), before);
	event(FORKSERVER_STARTED, 78);
	engine_sends('a');
	CALLS("request");
	event(FORKSERVER_EXITED, KILLED(SIGSEGV));
	assert_int_equal(logged_count("<3>engine ended by signal 11"), 1);
}

/* The lines are in the pipe when the fork server reports the exit. */
static void test_the_last_lines_of_an_engine_are_logged(void **state)
{
	char line[128];

	start();
	memset(line, 'x', sizeof(line));
	memcpy(line, "<6>", 3);
	memcpy(line + sizeof(line) - 2, "\n", 2);
	for (unsigned i = 0; i < LOG_ENGINE_LINES - 2; i++) {
		line[3] = (char)(33 + i % 90);
		engine_logs(line);
	}
	engine_logs("<3>out of luck\n<3>in the middle of");
	close(server.fd[FORKSERVER_LOG]);
	server.fd[FORKSERVER_LOG] = -1;
	event(FORKSERVER_EXITED, EXITED(1));
	assert_int_equal(logged_count("<6>"), LOG_ENGINE_LINES - 2);
	assert_int_equal(logged_count("<3>out of luck\n"), 1);
	assert_int_equal(logged_count("<3>in the middle of\n"), 1);
}

static void test_five_exits_in_a_minute_end_the_daemon(void **state)
{
	start();
	for (unsigned i = 1; i < ENGINE_DEATHS_MAX; i++)
		exit_and_restart();
	/* the first exit was a minute ago */
	pass(MINUTE_MS - (ENGINE_DEATHS_MAX - 1) * ENGINE_RESTART_MS);
	event(FORKSERVER_EXITED, EXITED(1));
	CALLS("exited failed");
	assert_int_equal(logged_count("<3>engine died 5 times within a minute"),
			 1);
	pass(MINUTE_MS);
	assert_int_equal(server.starts, ENGINE_DEATHS_MAX);
	assert_false(supervisor_stop(&sup));
}

static void test_an_exit_more_than_a_minute_ago_is_forgotten(void **state)
{
	const unsigned more = ENGINE_DEATHS_MAX - 2;

	start();
	exit_and_restart();
	pass(2);
	for (unsigned i = 0; i < more; i++)
		exit_and_restart();
	pass(MINUTE_MS - 2 - (more + 1) * ENGINE_RESTART_MS + 1);
	exit_and_restart();	/* the first was a minute and 1 ms ago */
	/* the second was a minute less 1 ms ago */
	event(FORKSERVER_EXITED, EXITED(1));
	CALLS("exited failed");
}

/* An exit at time 0 counts. */
static void test_five_exits_right_after_boot_end_the_daemon(void **state)
{
	now_ms = 0;
	start();
	for (unsigned i = 1; i < ENGINE_DEATHS_MAX; i++)
		exit_and_restart();
	event(FORKSERVER_EXITED, EXITED(1));
	CALLS("exited failed");
}

/* ---- an engine that is stopped ----------------------------------------- */

static void test_an_engine_that_is_stopped_may_send_byebye(void **state)
{
	start();
	assert_true(supervisor_stop(&sup));
	assert_true(chan_is_shut());
	engine_logs("<6>byebye\n");
	pass(ENGINE_STOP_MS - 1);
	assert_int_equal(logged_count("<6>byebye\n"), 1);
	CALLS("");
	event(FORKSERVER_EXITED, EXITED(0));
	CALLS("stopped");
	pass(MINUTE_MS);
	assert_int_equal(server.kills, 0);
	assert_int_equal(server.starts, 1);
	assert_int_equal(logged_count("<3>"), 0);
	CALLS("");
}

static void test_an_engine_that_does_not_stop_is_killed(void **state)
{
	start();
	assert_true(supervisor_stop(&sup));
	pass(ENGINE_STOP_MS - 1);
	assert_int_equal(server.kills, 0);
	pass(1);
	assert_int_equal(server.kills, 1);
	assert_int_equal(logged_count("<3>engine: it does not stop"), 1);
	event(FORKSERVER_EXITED, KILLED(SIGKILL));
	CALLS("stopped");
	pass(MINUTE_MS);
	CALLS("");
}

static void test_a_killed_engine_that_stays_ends_the_daemon(void **state)
{
	start();
	supervisor_stop(&sup);
	pass(ENGINE_STOP_MS);
	pass(FORKSERVER_ANSWER_MS - 1);
	CALLS("");
	pass(1);
	CALLS("failed");
	assert_int_equal(logged_count("does not answer"), 1);
}

/* The fork server reports the start, then does not answer the kill request. */
static void test_an_engine_killed_before_it_started_must_end(void **state)
{
	supervisor_start(&sup, &conf, -1);
	CALLS("starting");
	supervisor_stop(&sup);
	pass(ENGINE_STOP_MS);
	assert_int_equal(server.kills, 1);
	event(FORKSERVER_STARTED, 77);
	pass(FORKSERVER_ANSWER_MS);
	CALLS("failed");
}

static void test_a_start_that_fails_while_stopping_is_not_retried(void **state)
{
	supervisor_start(&sup, &conf, -1);
	CALLS("starting");
	assert_true(supervisor_stop(&sup));
	event(FORKSERVER_FAILED, -EAGAIN);
	CALLS("stopped");
	pass(MINUTE_MS);
	assert_int_equal(server.starts, 1);
}

static void test_a_stop_between_two_engines_needs_no_wait(void **state)
{
	start();
	event(FORKSERVER_EXITED, EXITED(1));
	CALLS("exited");
	assert_false(supervisor_stop(&sup));
	pass(MINUTE_MS);
	assert_int_equal(server.starts, 1);
	CALLS("");
}

/* A reload stops between two engines and starts another one. */
static void test_a_stop_between_two_does_not_kill_the_next(void **state)
{
	start();
	event(FORKSERVER_EXITED, EXITED(1));
	assert_false(supervisor_stop(&sup));
	supervisor_start(&sup, &conf, -1);
	event(FORKSERVER_STARTED, 78);
	pass(ENGINE_STOP_MS);
	CALLS("exited starting");
	assert_int_equal(server.kills, 0);
}

static void test_another_engine_can_be_started_after_a_stop(void **state)
{
	static struct conf next, got;

	start();
	supervisor_stop(&sup);
	event(FORKSERVER_EXITED, EXITED(0));
	CALLS("stopped");
	next = conf;
	next.http_port = 4712;
	supervisor_start(&sup, &next, -1);
	event(FORKSERVER_STARTED, 78);
	CALLS("starting");
	recv(server.fd[FORKSERVER_CHAN], &got, sizeof(got), 0);
	assert_int_equal(got.http_port, 4712);
	event(FORKSERVER_EXITED, EXITED(1));	/* unasked again */
	CALLS("exited");
}

/* ---- an engine that misbehaves ----------------------------------------- */

static void check_killed(int err, const char *why)
{
	start();
	request_err = err;
	engine_sends('x');
	CALLS("request");
	assert_int_equal(server.kills, 1);
	assert_int_equal(logged_count(why), 1);
	engine_sends('y');	/* not read any more */
	CALLS("");
	assert_int_equal(server.kills, 1);
	request_err = 0;
	event(FORKSERVER_EXITED, KILLED(SIGKILL));
	CALLS("exited");
	pass(ENGINE_RESTART_MS);
	event(FORKSERVER_STARTED, 78);
	pass(10 * FORKSERVER_ANSWER_MS);
	CALLS("starting");
	engine_sends('z');
	CALLS("request");
	assert_int_equal(server.kills, 1);
}

static void test_an_engine_that_sends_nonsense_is_replaced(void **state)
{
	check_killed(-EPROTO, "<3>engine: it sent a malformed request");
}

static void test_an_engine_that_does_not_read_is_replaced(void **state)
{
	check_killed(-EXFULL, "<3>engine: it does not read its answers");
}

static void test_an_engine_that_hung_up_has_time_to_exit(void **state)
{
	start();
	request_err = -EPIPE;
	engine_sends('x');
	CALLS("request");
	pass(ENGINE_STOP_MS - 1);
	assert_int_equal(server.kills, 0);
	pass(1);
	assert_int_equal(server.kills, 1);
	event(FORKSERVER_EXITED, KILLED(SIGKILL));
	CALLS("exited");
}

static void test_an_engine_that_hung_up_and_exited_is_not_killed(void **state)
{
	start();
	request_err = -EPIPE;
	engine_sends('x');
	request_err = 0;
	event(FORKSERVER_EXITED, EXITED(0));
	CALLS("request exited");
	pass(ENGINE_RESTART_MS);
	event(FORKSERVER_STARTED, 78);
	pass(ENGINE_STOP_MS);
	assert_int_equal(server.kills, 0);
}

/* ---- an engine that hangs ---------------------------------------------- */

/* It gets a ping and does not answer. */
static void hang(void)
{
	const unsigned before = pings;

	answers = false;
	while (pings == before)
		pass(STEP_MS);
}

static void check_killed_after(uint64_t patience_ms)
{
	pass(patience_ms - 1);
	assert_int_equal(server.kills, 0);
	assert_int_equal(logged_count("<3>"), 0);
	pass(1);
	assert_int_equal(server.kills, 1);
	assert_int_equal(logged_count("<3>engine: it hangs"), 1);
}

static void test_an_engine_that_hangs_is_replaced(void **state)
{
	start();
	hang();
	check_killed_after(ENGINE_ANSWER_MS);
	engine_sends('y');	/* not read any more */
	CALLS("");
	pass(FORKSERVER_ANSWER_MS - 1);
	assert_int_equal(server.kills, 1);
	event(FORKSERVER_EXITED, KILLED(SIGKILL));
	CALLS("exited");
	pass(ENGINE_RESTART_MS);
	event(FORKSERVER_STARTED, 78);
	CALLS("starting");
	answers = true;
	pass(MINUTE_MS);
	assert_int_equal(server.kills, 1);
}

static void test_an_engine_that_hangs_at_its_start_is_replaced(void **state)
{
	answers = false;
	start();
	check_killed_after(ENGINE_START_MS);
}

/* The router need not wake up each second. */
static void test_an_idle_engine_is_seldom_pinged(void **state)
{
	start();
	pass(20 * ENGINE_PING_MS);
	assert_in_range(pings, 19, 21);
	assert_int_equal(server.kills, 0);
}

/* A suspend, a guest without its host, a frozen group of processes: each time
 * the loop notices one tick. */
static void test_time_in_which_the_machine_stood_still(void **state)
{
	start();
	hang();
	for (unsigned i = 1; i < ENGINE_ANSWER_MS / TICK_MS; i++)
		jump(60 * MINUTE_MS);
	assert_int_equal(server.kills, 0);
	supervisor_answered(&sup);
	answers = true;
	pass(MINUTE_MS);
	assert_int_equal(server.kills, 0);
	/* it counts neither for an engine that stops, nor for the fork
	 * server */
	supervisor_stop(&sup);
	jump(60 * MINUTE_MS);
	assert_int_equal(server.kills, 0);
	jump(TICK_MS);
	assert_int_equal(server.kills, 1);
	for (unsigned i = 1; i < FORKSERVER_ANSWER_MS / TICK_MS; i++)
		jump(60 * MINUTE_MS);
	CALLS("");
	jump(TICK_MS);
	CALLS("failed");
}

/* Its answer may be behind its requests, and the firewall is slow. */
static void test_a_tick_with_unread_requests_does_not_count(void **state)
{
	start();
	hang();
	loop_fd_del(loop, &sup.chan);	/* we are behind with our work */
	engine_sends('x');
	pass(2 * ENGINE_ANSWER_MS);
	assert_int_equal(server.kills, 0);
	loop_fd_add(loop, &sup.chan, POLLIN);
	pass(0);
	CALLS("request");
	check_killed_after(ENGINE_ANSWER_MS);
}

static void test_a_ping_is_sent_again_until_it_is_answered(void **state)
{
	unsigned before;

	start();
	hang();
	before = pings;
	pass(5 * TICK_MS);
	assert_int_equal(pings, before + 5);
	supervisor_answered(&sup);
	supervisor_answered(&sup);	/* ignored */
	pass(ENGINE_PING_MS - 1);
	assert_int_equal(pings, before + 5);
	pass(1);
	assert_int_equal(pings, before + 6);
}

static void test_an_engine_that_stops_is_not_pinged(void **state)
{
	unsigned before;

	start();
	supervisor_stop(&sup);
	before = pings;
	event(FORKSERVER_EXITED, EXITED(0));
	CALLS("stopped");
	pass(MINUTE_MS);
	assert_int_equal(pings, before);
	assert_int_equal(server.kills, 0);
}

/* ---- the fork server's end ------------------------------------------- */

static void check_failed(const char *line)
{
	start();
	engine_logs("<5>last of all\n");
	shutdown(server.far, SHUT_RDWR);
	pass(0);
	CALLS("failed");
	assert_int_equal(logged_count(line), 1);
	assert_int_equal(logged_count("<5>last of all\n"), 1);
	assert_int_equal(server.closes, 1);
	assert_false(supervisor_is_open(&sup));
	assert_false(supervisor_stop(&sup));
	pass(MINUTE_MS);
	CALLS("");
	assert_int_equal(server.starts, 1);
}

static void test_a_killed_fork_server_ends_the_daemon(void **state)
{
	server.close_status = KILLED(SIGKILL);
	check_failed("ended by signal 9");
}

static void test_a_fork_server_that_exits_ends_the_daemon(void **state)
{
	server.close_status = EXITED(4);
	check_failed("ended with status 4");
}

static void test_a_fork_server_that_hangs_up_ends_the_daemon(void **state)
{
	server.close_err = -ETIMEDOUT;
	check_failed("closed its socket");
}

/* No retry, and no further log line. */
static void test_an_exit_between_engines_ends_the_daemon(void **state)
{
	start();
	event(FORKSERVER_EXITED, EXITED(1));
	server.close_status = EXITED(0);
	shutdown(server.far, SHUT_RDWR);
	pass(0);
	CALLS("exited failed");
	logged_clear();
	pass(ENGINE_RESTART_MS);
	assert_int_equal(server.starts, 1);
	assert_int_equal(logged_count("<3>"), 0);
}

/* ---- open and close -------------------------------------------------- */

static void test_without_a_fork_server_all_else_is_harmless(void **state)
{
	struct supervisor s = { 0 };

	supervisor_init(&s, loop, &ops, &s);
	assert_false(supervisor_is_open(&s));
	assert_true(supervisor_is_open(&sup));
	assert_false(supervisor_stop(&s));
	assert_int_equal(supervisor_channel(&s), -1);
	supervisor_control(&s, 7);
	supervisor_close(&s);
	supervisor_close(&s);
	assert_int_equal(server.closes, 0);
	CALLS("");
}

/* The fork server waits for its engine, and the engine until its channel
 * closes. */
static void test_a_close_hangs_up_on_the_engine_first(void **state)
{
	assert_int_equal(supervisor_channel(&sup), -1);
	start();
	assert_true(supervisor_channel(&sup) >= 0);
	engine_logs("<6>byebye\n");
	supervisor_close(&sup);
	assert_int_equal(server.closes, 1);
	assert_true(server.chan_was_shut);
	assert_int_equal(logged_count("<6>byebye\n"), 1);
	assert_int_equal(logged_count("<4>"), 0);
	assert_false(supervisor_is_open(&sup));
}

static void test_a_fork_server_that_does_not_end_is_logged(void **state)
{
	start();
	server.close_err = -ETIMEDOUT;
	supervisor_close(&sup);
	assert_int_equal(logged_count("the fork server does not exit"), 1);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_engine_finds_its_configuration_in_its_channel),
		TEST(test_an_engine_finds_the_mappings_of_the_configuration),
		TEST(test_the_control_socket_is_handed_to_each_engine),
		TEST(test_an_engine_may_take_long_once_it_has_started),
		TEST(test_a_silent_fork_server_ends_the_daemon),
		TEST(test_an_engine_that_could_not_be_forked_is_retried),
		TEST(test_a_request_that_cannot_be_sent_is_retried),
		TEST(test_a_start_without_descriptors_leaks_none),
		TEST(test_requests_of_the_engine_reach_the_owner),
		TEST(test_the_log_of_the_engine_is_copied),
		TEST(test_a_log_that_the_engine_has_closed_is_not_watched),
		TEST(test_half_a_line_is_not_joined_to_the_next_log),
		TEST(test_an_engine_that_exited_is_replaced_after_a_delay),
		TEST(test_the_last_lines_of_an_engine_are_logged),
		TEST(test_five_exits_in_a_minute_end_the_daemon),
		TEST(test_an_exit_more_than_a_minute_ago_is_forgotten),
		TEST(test_five_exits_right_after_boot_end_the_daemon),
		TEST(test_an_engine_that_is_stopped_may_send_byebye),
		TEST(test_an_engine_that_does_not_stop_is_killed),
		TEST(test_a_killed_engine_that_stays_ends_the_daemon),
		TEST(test_an_engine_killed_before_it_started_must_end),
		TEST(test_a_start_that_fails_while_stopping_is_not_retried),
		TEST(test_a_stop_between_two_engines_needs_no_wait),
		TEST(test_a_stop_between_two_does_not_kill_the_next),
		TEST(test_another_engine_can_be_started_after_a_stop),
		TEST(test_an_engine_that_sends_nonsense_is_replaced),
		TEST(test_an_engine_that_does_not_read_is_replaced),
		TEST(test_an_engine_that_hung_up_has_time_to_exit),
		TEST(test_an_engine_that_hung_up_and_exited_is_not_killed),
		TEST(test_an_engine_that_hangs_is_replaced),
		TEST(test_an_engine_that_hangs_at_its_start_is_replaced),
		TEST(test_an_idle_engine_is_seldom_pinged),
		TEST(test_time_in_which_the_machine_stood_still),
		TEST(test_a_tick_with_unread_requests_does_not_count),
		TEST(test_a_ping_is_sent_again_until_it_is_answered),
		TEST(test_an_engine_that_stops_is_not_pinged),
		TEST(test_a_killed_fork_server_ends_the_daemon),
		TEST(test_a_fork_server_that_exits_ends_the_daemon),
		TEST(test_a_fork_server_that_hangs_up_ends_the_daemon),
		TEST(test_an_exit_between_engines_ends_the_daemon),
		TEST(test_without_a_fork_server_all_else_is_harmless),
		TEST(test_a_close_hangs_up_on_the_engine_first),
		TEST(test_a_fork_server_that_does_not_end_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
