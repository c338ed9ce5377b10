/* SPDX-License-Identifier: ISC */
/*
 * log.h - writes log lines to stderr, syslog or, in the engine, a pipe.
 *
 * Repeated lines are folded: "last line repeated N times" is written before the
 * next other line, or by log_repeats() or log_flush(). Bytes outside 0x20..0x7e become '?'.
 * Levels are syslog's (LOG_ERR .. LOG_DEBUG). errno is kept.
 * Runs in: any
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <syslog.h>
#include "base/limits.h"
#include "base/lograte.h"
#include "base/str.h"

#define LOG_RELAY_BUF (LOG_LINE_MAX + 8)

enum log_sink { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_PIPE };

/**
 * log_open - set the destination of the following lines.
 * @ident: a literal, "upnpd"
 * @fd:    LOG_TO_PIPE: the pipe's write end, made non-blocking here; a line
 *         that does not fit is dropped and counted. Otherwise ignored.
 * @level: lines above it (less urgent) are dropped
 *
 * syslog: to /dev/log, connected again if the logger restarts; without a
 * logger, to the kernel's log (/dev/kmsg), if that can be written. Does not use
 * libc's syslog(), which adds time zones and stdio to a static binary. A
 * pending count of repeats is written to the old sink first.
 */
void log_open(enum log_sink, const char *ident, int fd, int level);

/** log_level - change the level. */
void log_level(int level);

/**
 * log_msg - write one line, without a newline in @fmt.
 *
 * At most LOG_LINE_MAX bytes; the rest is cut. A pipe gets the line in one
 * write() as "<level>text\n".
 */
void log_msg(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)	log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_msg(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_msg(LOG_DEBUG, __VA_ARGS__)

/** log_last_error - the last line at LOG_ERR or above, as it was written, to
 * show why something ended; "" before the first. */
const char *log_last_error(void);

/**
 * log_repeats - write a pending "repeated N times" if it is due.
 * @now_ms: of a monotonic clock
 *
 * To be called from time to time. The count is due LOG_REPEATS_MS after the
 * first call since the line was logged, then after twice that time, and so on
 * to LOG_REPEATS_MAX_MS. If it is 0 then, the next such line is logged again.
 */
void log_repeats(uint64_t now_ms);

/** log_flush - write a pending "repeated N times" now (also at exit). */
void log_flush(void);

/**
 * struct log_relay - the monitor's end of the engine's log pipe.
 *
 * Zeroed by the owner. Holds the part of a line that was read so far, and the
 * rate.
 */
struct log_relay {
	char buf[LOG_RELAY_BUF];
	size_t len;
	bool skipping;		/* the rest of a line that was too long */
	struct lograte rate;
};

/**
 * log_relay_read - read bytes from an untrusted engine, log complete lines.
 * @now_ms: for the rate, LOG_ENGINE_LINES in ten seconds; further lines are
 *          counted and reported in one line
 *
 * A line is cut at LOG_LINE_MAX, and bytes outside 0x20..0x7e become '?'. The
 * level is LOG_ERR..LOG_DEBUG; LOG_EMERG..LOG_CRIT, which many loggers write to
 * every terminal, become LOG_ERR; a line without a level is LOG_INFO. At end of
 * file an unfinished line is logged.
 * Return: >0 bytes read, 0 at end of file, -errno (-EAGAIN: nothing now)
 */
int log_relay_read(struct log_relay *, int fd, uint64_t now_ms);

#endif
