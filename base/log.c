/* SPDX-License-Identifier: ISC */
/*
 * log.c - writes log lines to stderr, syslog or a pipe.
 *
 * Owns: the process's log, static in this file.
 * Never does: wait for a reader, print a byte outside 0x20..0x7e, write a line
 * longer than LOG_LINE_MAX, change errno.
 * Runs in: any
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/date.h"
#include "base/text.h"
#include "base/wr.h"

#define LOGGER		"/dev/log"	/* the socket of every syslogd */
#define KERNEL_LOG	"/dev/kmsg"	/* what dmesg prints */
#define LEVEL_N		3	/* "<6>" */

static struct {
	enum log_sink sink;
	const char *ident;
	int fd, level;
	int logger;		/* connected to LOGGER, or -1 */
	char last[LOG_LINE_MAX + 1];	/* the last line written */
	int last_level;
	unsigned repeats;	/* of it, not logged yet */
	uint64_t wait_ms;	/* from one count to the next */
	uint64_t due_ms;	/* the count; 0: log_repeats() has not seen
				 * the line */
	unsigned lost;		/* lines that the sink did not accept */
	char error[LOG_LINE_MAX + 1];	/* the last line of LOG_ERR */
} lg = { LOG_TO_STDERR, "upnpd", STDERR_FILENO, LOG_INFO, -1 };

/* ---- sinks: each writes one printable line, false if it was lost ---- */

static bool write_line(int fd, const struct wr *w)
{
	return !w->over && write(fd, w->buf, w->len) == (ssize_t)w->len;
}

static bool send_line(int fd, const struct wr *w)
{
	return fd >= 0 && send(fd, w->buf, w->len, MSG_NOSIGNAL) >= 0;
}

static int logger_connect(void)
{
	static const struct sockaddr_un logger = { AF_UNIX, LOGGER };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&logger,
			       sizeof(logger)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void logger_close(void)
{
	if (lg.logger >= 0)
		close(lg.logger);
	lg.logger = -1;
}

static bool to_stderr(int level, const char *text)
{
	char line[LOG_LINE_MAX + 64];
	struct wr w = wr_init(line, sizeof(line));

	wr_fmt(&w, "%s: %s\n", lg.ident, text);
	return write_line(STDERR_FILENO, &w);
}

/* Used without a logger: the kernel stores the line, and prints it on the
 * console depending on its level. Writing to the console directly could block.
 * The kernel limits the rate. Opened for each line, because a logger may run by
 * the time of the next one. */
static bool to_kernel(int level, const char *text)
{
	char line[LOG_LINE_MAX + 64];
	struct wr w = wr_init(line, sizeof(line));
	int fd = open(KERNEL_LOG, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK |
		      O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	wr_fmt(&w, "<%d>%s[%ld]: %s\n", LOG_DAEMON | level, lg.ident,
	       (long)getpid(), text);
	done = write_line(fd, &w);
	close(fd);
	return done;
}

/* The logger's socket fails while the logger restarts: then connect again and
 * send the line once more. */
static bool to_syslog(int level, const char *text)
{
	char line[LOG_LINE_MAX + 64];
	struct wr w = wr_init(line, sizeof(line));

	wr_fmt(&w, "<%d>", LOG_DAEMON | level);
	date_syslog(&w, time(NULL));
	wr_fmt(&w, " %s[%ld]: %s", lg.ident, (long)getpid(), text);
	if (lg.logger < 0)
		lg.logger = logger_connect();
	if (send_line(lg.logger, &w))
		return true;
	logger_close();
	lg.logger = logger_connect();
	return send_line(lg.logger, &w) || to_kernel(level, text);
}

/* A single write() of less than PIPE_BUF bytes is written as a whole or not at
 * all. */
static bool to_pipe(int level, const char *text)
{
	char line[LOG_RELAY_BUF];
	struct wr w = wr_init(line, sizeof(line));

	wr_fmt(&w, "<%d>%s\n", level, text);
	return write_line(lg.fd, &w);
}

static bool (*const sink_line[])(int level, const char *text) = {
	[LOG_TO_STDERR] = to_stderr,
	[LOG_TO_SYSLOG] = to_syslog,
	[LOG_TO_PIPE] = to_pipe,
};

/* Report lost lines as soon as there is room again. */
static void put(int level, const char *text)
{
	char note[64];
	struct wr w = wr_init(note, sizeof(note));

	if (lg.lost > 0) {
		wr_fmt(&w, "%u lines lost: they were not read in time",
		       lg.lost);
		if (sink_line[lg.sink](LOG_WARNING, wr_cstr(&w)))
			lg.lost = 0;
	}
	if (!sink_line[lg.sink](level, text))
		lg.lost++;
}

/* ---- lines --------------------------------------------------------- */

static void flush_repeats(void)
{
	char note[64];
	struct wr w = wr_init(note, sizeof(note));

	if (lg.repeats == 0)
		return;
	wr_fmt(&w, "last line repeated %u time%s", lg.repeats,
	       lg.repeats > 1 ? "s" : "");
	put(lg.last_level, wr_cstr(&w));
	lg.repeats = 0;
}

void log_repeats(uint64_t now_ms)
{
	int saved = errno;

	if (!lg.last[0] || (lg.due_ms && now_ms < lg.due_ms))
		return;
	if (lg.due_ms && !lg.repeats) {
		lg.last[0] = '\0';
		return;
	}
	if (lg.due_ms)
		flush_repeats();
	lg.due_ms = now_ms + lg.wait_ms;
	lg.wait_ms *= 2;
	if (lg.wait_ms > LOG_REPEATS_MAX_MS)
		lg.wait_ms = LOG_REPEATS_MAX_MS;
	errno = saved;
}

void log_flush(void)
{
	int saved = errno;

	flush_repeats();
	errno = saved;
}

const char *log_last_error(void)
{
	return lg.error;
}

void log_open(enum log_sink sink, const char *ident, int fd, int level)
{
	int flags;

	log_flush();
	logger_close();
	lg.sink = sink;
	lg.ident = ident;
	lg.fd = fd;
	lg.level = level;
	lg.last[0] = '\0';	/* the new reader has not seen it */
	lg.lost = 0;
	if (sink == LOG_TO_PIPE) {
		flags = fcntl(fd, F_GETFL);
		if (flags >= 0)
			fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
}

void log_level(int level)
{
	lg.level = level;
}

/* @text is printable. */
static void put_folded(int level, const char *text)
{
	struct str line = str_z(text);

	if (level <= LOG_ERR)
		str_copy(lg.error, sizeof(lg.error), line);
	if (line.n > 0 && level == lg.last_level &&
	    str_eq(line, str_z(lg.last))) {
		lg.repeats++;
		return;
	}
	flush_repeats();
	str_copy(lg.last, sizeof(lg.last), line);
	lg.last_level = level;
	lg.wait_ms = LOG_REPEATS_MS;
	lg.due_ms = 0;
	put(level, text);
}

void log_msg(int level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX + 1];
	struct wr w = wr_init_cut(text, sizeof(text));
	int saved = errno;
	va_list ap;

	if (level > lg.level)
		return;
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	text_clean(TEXT_ASCII, text, w.len);
	put_folded(level, wr_cstr(&w));
	errno = saved;
}

/* ---- the relay ----------------------------------------------------- */

static void relay_log_dropped(unsigned dropped)
{
	if (dropped > 0)
		log_warn("engine: dropped %u more lines within ten seconds",
			 dropped);
}

/* Remove the level from the start of @line; LOG_INFO if it has none. Raise no
 * level above LOG_ERR, because many systems write LOG_EMERG to LOG_CRIT to
 * every terminal. */
static int relay_level(struct str *line)
{
	int level;

	if (line->n < LEVEL_N || line->p[0] != '<' || line->p[2] != '>' ||
	    line->p[1] < '0' || line->p[1] > '7')
		return LOG_INFO;
	level = line->p[1] - '0';
	*line = str_skip(*line, LEVEL_N);
	return level < LOG_ERR ? LOG_ERR : level;
}

static void relay_line(struct log_relay *r, struct str line, uint64_t now_ms)
{
	int level = relay_level(&line);
	unsigned dropped;
	bool may = lograte_may(&r->rate, now_ms, &dropped);

	relay_log_dropped(dropped);
	/* A NUL would end the line for %s. */
	text_clean(TEXT_ASCII, r->buf + (line.p - r->buf), line.n);
	if (may)
		log_msg(level, "%.*s", STR_F(line));
}

/* Log the complete lines in the buffer, keep the rest. */
static void relay_lines(struct log_relay *r, uint64_t now_ms)
{
	struct str rest = { r->buf, r->len }, line;

	while (rest.n > 0 && memchr(rest.p, '\n', rest.n)) {
		str_cut(&rest, '\n', &line);
		if (!r->skipping)
			relay_line(r, line, now_ms);
		r->skipping = false;
	}
	if (r->skipping)
		rest.n = 0;
	if (rest.n == sizeof(r->buf)) {
		relay_line(r, rest, now_ms);
		r->skipping = true;
		rest.n = 0;
	}
	memmove(r->buf, rest.p, rest.n);
	r->len = rest.n;
}

int log_relay_read(struct log_relay *r, int fd, uint64_t now_ms)
{
	ssize_t n;

	do {
		n = read(fd, r->buf + r->len, sizeof(r->buf) - r->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0) {
		/* the engine has exited, perhaps in the middle of a line */
		if (r->len > 0 && !r->skipping)
			relay_line(r, (struct str){ r->buf, r->len }, now_ms);
		r->len = 0;
		r->skipping = false;
		relay_log_dropped(r->rate.dropped);
		r->rate.dropped = 0;
		return 0;
	}
	r->len += (size_t)n;
	relay_lines(r, now_ms);
	return (int)n;
}
