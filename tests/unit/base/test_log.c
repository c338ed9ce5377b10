/* SPDX-License-Identifier: ISC */
/* test_log.c - a log line stays one line wherever it goes, and hostile lines
 * from the engine are bounded. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"

static int out[2];	/* the log's pipe */
static int relay[2];	/* from a fake engine */
static char got[65536];

static void nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int set_up(void **state)
{
	if (pipe(out) < 0 || pipe(relay) < 0)
		return -1;
	nonblock(out[0]);
	nonblock(relay[0]);
	log_open(LOG_TO_PIPE, "test", out[1], LOG_INFO);
	return 0;
}

static int tear_down(void **state)
{
	log_open(LOG_TO_STDERR, "test", -1, LOG_INFO);
	close(out[0]);
	close(out[1]);
	close(relay[0]);
	if (relay[1] >= 0)
		close(relay[1]);
	return 0;
}

/* Everything the log has written since the last call. */
static const char *written(void)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(out[0], got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	return got;
}

/* ---- out ----------------------------------------------------------- */

static void test_pipe_form(void **state)
{
	log_err("a %d", 1);
	log_warn("b");
	log_info("c");
	assert_string_equal(written(), "<3>a 1\n<4>b\n<6>c\n");
}

static void test_lines_below_the_level_are_dropped(void **state)
{
	log_debug("hidden");
	assert_string_equal(written(), "");
	log_level(LOG_DEBUG);
	log_debug("shown");
	assert_string_equal(written(), "<7>shown\n");
	log_level(LOG_ERR);
	log_warn("hidden");
	assert_string_equal(written(), "");
}

static void test_repeated_lines_are_counted(void **state)
{
	log_info("same");
	log_info("same");
	log_info("same");
	assert_string_equal(written(), "<6>same\n");
	log_info("other");
	assert_string_equal(written(),
			    "<6>last line repeated 2 times\n<6>other\n");
	log_info("other");
	log_flush();
	log_flush();
	assert_string_equal(written(), "<6>last line repeated 1 time\n");
	/* It was reported, so the count starts again for the same line. */
	log_info("other");
	log_flush();
	assert_string_equal(written(), "<6>last line repeated 1 time\n");
	log_err("other");
	assert_string_equal(written(), "<3>other\n");
}

/* Return: the number of lines that a fault makes which logs one each second,
 * for so long */
static unsigned lines_of_a_fault(unsigned seconds)
{
	unsigned n = 0;

	log_err("fault");
	for (unsigned i = 0; i < seconds; i++) {
		log_err("fault");
		log_repeats(1000 * i);
		for (const char *at = written(); (at = strchr(at, '\n')); at++)
			n++;
	}
	return n;
}

/* Regression: the monitor wrote "last line repeated 1 time" each second. */
static void test_count_of_a_lasting_fault_is_seldom_written(void **state)
{
	assert_int_equal(lines_of_a_fault(60), 1);
	log_err("other");
	written();
	assert_int_equal(lines_of_a_fault(61), 2);
	log_err("other");
	written();
	/* after 1, 3, 7, 15, 31, 63 and 123 minutes, then each hour */
	assert_int_equal(lines_of_a_fault(86400), 1 + 7 + 21);
}

static void test_line_that_comes_back_is_logged_again(void **state)
{
	log_err("fault");
	log_repeats(0);
	log_err("fault");
	log_repeats(LOG_REPEATS_MS - 1);
	assert_string_equal(written(), "<3>fault\n");
	log_repeats(LOG_REPEATS_MS);
	assert_string_equal(written(), "<3>last line repeated 1 time\n");
	log_repeats(3 * LOG_REPEATS_MS);
	log_repeats(10 * LOG_REPEATS_MS);
	assert_string_equal(written(), "");
	log_err("fault");
	assert_string_equal(written(), "<3>fault\n");
}

static void test_pending_count_goes_to_the_old_sink(void **state)
{
	int second[2];

	assert_int_equal(pipe(second), 0);
	log_info("same");
	log_info("same");
	log_open(LOG_TO_PIPE, "test", second[1], LOG_INFO);
	assert_string_equal(written(),
			    "<6>same\n<6>last line repeated 1 time\n");
	/* The reader of the new one has not seen that line. */
	log_info("same");
	close(out[0]);
	out[0] = second[0];
	nonblock(out[0]);
	assert_string_equal(written(), "<6>same\n");
	log_open(LOG_TO_PIPE, "test", out[1], LOG_INFO);
	close(second[1]);
}

static void test_control_characters_are_replaced(void **state)
{
	log_info("a\nb\rc\x1b[2Jd\x7f\x9b\xc3\xa9\te");
	assert_string_equal(written(), "<6>a?b?c?[2Jd?????e\n");
}

static void test_long_line_is_cut(void **state)
{
	char line[LOG_LINE_MAX + 2];

	memset(line, 'x', sizeof(line));
	line[LOG_LINE_MAX + 1] = '\0';
	log_info("%s", line);
	assert_int_equal(strlen(written()), 3 + LOG_LINE_MAX + 1);
	assert_int_equal(got[3 + LOG_LINE_MAX], '\n');
	line[LOG_LINE_MAX - 1] = '\0';
	log_info("%s", line);
	assert_int_equal(strlen(written()), 3 + LOG_LINE_MAX - 1 + 1);
	log_info("%s", "");
	assert_string_equal(written(), "<6>\n");
}

/* Without a reader lines are dropped as a whole, the program continues, and the
 * loss is reported when there is room again. */
static void test_full_pipe_loses_whole_lines(void **state)
{
	char all[8192], *line;
	unsigned i, told;
	ssize_t n;

	for (i = 0; i < 20000; i++)
		log_info("line %u", i);
	do {
		n = read(out[0], all, sizeof(all));
	} while (n == (ssize_t)sizeof(all));
	log_info("again");
	log_info("and again");
	line = strstr(written(), " lines lost");
	assert_non_null(line);
	assert_int_equal(sscanf(got, "<4>%u lines lost", &told), 1);
	assert_true(told > 100 && told < 20000);
	assert_non_null(strstr(got, "\n<6>again\n<6>and again\n"));
}

static void test_closed_pipe_is_harmless(void **state)
{
	close(out[0]);
	/* The engine ignores SIGPIPE as every server does. */
	log_info("into the void");
	assert_int_equal(pipe(out), 0);
}

static void test_errno_is_kept(void **state)
{
	errno = ENOTTY;
	log_info("x");
	log_info("x");
	log_flush();
	log_open(LOG_TO_PIPE, "test", -1, LOG_INFO);
	errno = EXDEV;
	log_info("bad descriptor");
	assert_int_equal(errno, EXDEV);
	log_open(LOG_TO_PIPE, "test", out[1], LOG_INFO);
}

static void test_stderr_form(void **state)
{
	int saved = dup(STDERR_FILENO);

	dup2(out[1], STDERR_FILENO);
	log_open(LOG_TO_STDERR, "upnpd", -1, LOG_INFO);
	log_warn("a\tb");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_string_equal(written(), "upnpd: a?b\n");
}

/* ---- in ------------------------------------------------------------ */

static void write_relay(const char *p, size_t n)
{
	assert_int_equal(write(relay[1], p, n), n);
}

static int read_relay(struct log_relay *r, uint64_t now_ms)
{
	int n, sum = 0;

	while ((n = log_relay_read(r, relay[0], now_ms)) > 0)
		sum += n;
	assert_true(n == 0 || n == -EAGAIN);
	return sum;
}

static void test_relay_logs_complete_lines(void **state)
{
	struct log_relay r = { 0 };

	write_relay("<4>warn\n<6>in", 13);
	assert_int_equal(read_relay(&r, 5000), 13);
	assert_string_equal(written(), "<4>warn\n");
	write_relay("fo\nplain\n", 9);
	read_relay(&r, 5000);
	assert_string_equal(written(), "<6>info\n<6>plain\n");
	assert_int_equal(log_relay_read(&r, relay[0], 5000), -EAGAIN);
}

static void test_relay_split_at_every_byte(void **state)
{
	static const char in[] = "<3>bad\n\n<5>x\n<9>y\n";
	char want[256], both[512];
	struct log_relay r;
	size_t cut;

	snprintf(want, sizeof(want), "<3>bad\n<6>\n<5>x\n<6><9>y\n");
	for (cut = 0; cut < sizeof(in); cut++) {
		memset(&r, 0, sizeof(r));
		write_relay(in, cut);
		read_relay(&r, 5000 * (cut + 1));
		write_relay(in + cut, sizeof(in) - 1 - cut);
		snprintf(both, sizeof(both), "%s", written());
		read_relay(&r, 5000 * (cut + 1));
		strncat(both, written(), sizeof(both) - strlen(both) - 1);
		assert_string_equal(both, want);
		if (cut == sizeof(in) - 1)
			break;
	}
}

static void test_relay_keeps_the_level(void **state)
{
	static const char in[] = "<0>a\n<2>b\n<7>c\n<8>d\n<-1>e\n<>f\n<6\n<";
	struct log_relay r = { 0 };

	log_level(LOG_DEBUG);
	write_relay(in, sizeof(in) - 1);
	read_relay(&r, 5000);
	assert_string_equal(written(), "<3>a\n<3>b\n<7>c\n<6><8>d\n<6><-1>e\n"
			    "<6><>f\n<6><6\n");
}

static void test_relay_replaces_hostile_bytes(void **state)
{
	static const char in[] = "<6>a\0b\x1b[31m%s%n\xff\r\n";
	struct log_relay r = { 0 };

	write_relay(in, sizeof(in) - 1);
	read_relay(&r, 5000);
	assert_string_equal(written(), "<6>a?b?[31m%s%n??\n");
}

static void test_relay_cuts_a_long_line(void **state)
{
	static char in[4096];
	struct log_relay r = { 0 };

	memset(in, 'x', sizeof(in));
	memcpy(in, "<6>", 3);
	memcpy(in + sizeof(in) - 3, "\ny\n", 3);
	write_relay(in, sizeof(in));
	read_relay(&r, 5000);
	assert_int_equal(strlen(written()), 3 + LOG_LINE_MAX + 1 + 5);
	assert_string_equal(got + 3 + LOG_LINE_MAX, "\n<6>y\n");
}

/* Lines of every length around the buffer's: cut, never lost or joined. */
static void test_relay_lines_at_the_length_limit(void **state)
{
	static char in[LOG_RELAY_BUF + 16];
	struct log_relay r = { 0 };
	size_t n, want;

	for (n = LOG_LINE_MAX - 2; n < sizeof(in) - 2; n++) {
		memset(in, 'x', n);
		memcpy(in + n, "\ny\n", 3);
		write_relay(in, n + 3);
		read_relay(&r, n * 5000);
		want = n > LOG_LINE_MAX ? LOG_LINE_MAX : n;
		assert_int_equal(strlen(written()), 3 + want + 1 + 5);
		assert_string_equal(got + 3 + want, "\n<6>y\n");
	}
}

static unsigned count_lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void test_relay_has_a_rate(void **state)
{
	struct log_relay r = { 0 };
	char line[32];
	int i, n;

	for (i = 0; i < 180; i++) {
		n = snprintf(line, sizeof(line), "line %d\n", i);
		write_relay(line, (size_t)n);
	}
	read_relay(&r, 15000);
	assert_int_equal(count_lines(written()), LOG_ENGINE_LINES);
	write_relay("late\n", 5);
	read_relay(&r, 24999);
	assert_string_equal(written(), "");
	write_relay("next\n", 5);
	read_relay(&r, 25000);
	assert_string_equal(written(), "<4>engine: dropped 81 more lines "
			    "within ten seconds\n<6>next\n");
}

static void test_relay_logs_a_last_line_without_end(void **state)
{
	struct log_relay r = { 0 };

	write_relay("<3>last wor", 11);
	close(relay[1]);
	relay[1] = -1;
	assert_int_equal(log_relay_read(&r, relay[0], 5000), 11);
	assert_string_equal(written(), "");
	assert_int_equal(log_relay_read(&r, relay[0], 5000), 0);
	assert_string_equal(written(), "<3>last wor\n");
	assert_int_equal(log_relay_read(&r, relay[0], 5000), 0);
	assert_string_equal(written(), "");
}

/* ---- syslog -------------------------------------------------------- */

/* A fake logger after its (re)start. */
static int logger_start(void)
{
	struct sockaddr_un at = { AF_UNIX, "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(at.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		_exit(10);
	return fd;
}

/* Is the next line "<PRI>Mmm dd hh:mm:ss test[PID]: TEXT"? */
static bool logger_has(int fd, const char *pri, const char *text)
{
	char line[600], tail[100];
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	snprintf(tail, sizeof(tail), " test[%ld]: %s", (long)getpid(), text);
	return !strncmp(line, pri, 4) && line[7] == ' ' && line[13] == ':' &&
	       strlen(line) == 19 + strlen(tail) && !strcmp(line + 19, tail);
}

/* In a /dev of its own. Return: 0, or the number of the failed step */
static int syslog_child(void)
{
	int fd;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE,
					  NULL) ||
	    mount("tmpfs", "/dev", "tmpfs", 0, NULL))
		return 1;
	log_open(LOG_TO_SYSLOG, "test", -1, LOG_INFO);
	log_info("nobody listens");
	fd = logger_start();
	log_info("first");
	if (!logger_has(fd, "<28>",
			"1 lines lost: they were not read in time") ||
	    !logger_has(fd, "<30>", "first"))
		return 2;
	close(fd);
	fd = logger_start();
	log_err("after a restart");
	return logger_has(fd, "<27>", "after a restart") ? 0 : 3;
}

/* Is this the only line in the kernel's log? The log is a file here. */
static bool kernel_has(int fd, const char *text)
{
	char line[256] = "", want[256];

	snprintf(want, sizeof(want), "<27>test[%ld]: %s\n", (long)getpid(),
		 text);
	return pread(fd, line, sizeof(line) - 1, 0) > 0 && !strcmp(line, want);
}

/* Without a logger, lines go to the kernel's log until a logger starts. */
static int kernel_child(void)
{
	int logger, fd;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE,
					  NULL) ||
	    mount("tmpfs", "/dev", "tmpfs", 0, NULL))
		return 1;
	fd = open("/dev/kmsg", O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return 2;
	log_open(LOG_TO_SYSLOG, "test", -1, LOG_INFO);
	log_err("nobody listens");
	if (!kernel_has(fd, "nobody listens"))
		return 3;
	logger = logger_start();
	log_err("there it is");
	return logger_has(logger, "<27>", "there it is") &&
	       kernel_has(fd, "nobody listens") ? 0 : 4;
}

static void in_child(int (*child)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_syslog_reconnects_to_a_new_logger(void **state)
{
	in_child(syslog_child);
}

static void test_kernel_log_without_a_logger(void **state)
{
	in_child(kernel_child);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pipe_form),
		T(test_lines_below_the_level_are_dropped),
		T(test_repeated_lines_are_counted),
		T(test_count_of_a_lasting_fault_is_seldom_written),
		T(test_line_that_comes_back_is_logged_again),
		T(test_pending_count_goes_to_the_old_sink),
		T(test_control_characters_are_replaced),
		T(test_long_line_is_cut),
		T(test_full_pipe_loses_whole_lines),
		T(test_closed_pipe_is_harmless),
		T(test_errno_is_kept),
		T(test_stderr_form),
		T(test_relay_logs_complete_lines),
		T(test_relay_split_at_every_byte),
		T(test_relay_keeps_the_level),
		T(test_relay_replaces_hostile_bytes),
		T(test_relay_cuts_a_long_line),
		T(test_relay_lines_at_the_length_limit),
		T(test_relay_has_a_rate),
		T(test_relay_logs_a_last_line_without_end),
		T(test_syslog_reconnects_to_a_new_logger),
		T(test_kernel_log_without_a_logger),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
