/* SPDX-License-Identifier: ISC */
/* report.c - keeps the status file and the service manager up to date.
 * Runs in: monitor */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "base/text.h"
#include "base/wr.h"
#include "monitor/report.h"
#include "natfw/writers.h"

static void copy(char *dst, size_t cap, const char *text)
{
	struct wr w = wr_init_cut(dst, cap);

	wr_z(&w, text);
	wr_cstr(&w);
}

static void state_line(const struct report *r, char *buf)
{
	const struct statusfile *s = &r->now;
	struct wr w = wr_init_cut(buf, REPORT_LINE_MAX);

	if (s->state == STATUS_DISABLED)
		wr_fmt(&w, "not enabled: set enabled = yes in %s", s->file);
	else if (s->state == STATUS_WAITING)
		wr_fmt(&w, "waits for interfaces: add an external and an "
		       "internal one to %s", s->file);
	else if (s->state == STATUS_ENDED)
		wr_fmt(&w, "ended: %s", s->fault);
	else if (r->serving)
		wr_fmt(&w, "serving by %s", s->backend);
	else if (r->ready)
		wr_z(&w, "nobody is served: no internal interface has an "
		     "address, a port is taken, or all protocols are off");
	else if (s->engine_deaths)
		wr_z(&w, "the engine ended, another one starts");
	else
		wr_z(&w, "starting");
	if (s->firewall_fault[0])
		wr_fmt(&w, "; firewall: %s", s->firewall_fault);
	if (s->reload_fault[0])
		wr_fmt(&w, "; the last reload changed nothing: %s",
		       s->reload_fault);
	/* A newline would start another variable. */
	text_clean(TEXT_ASCII, buf, w.len);
	wr_cstr(&w);
}

/* @what: variables to send before the status line, each with its newline. "":
 * only the status line, and only if it has changed. */
static void notify(struct report *r, const char *what)
{
	char text[REPORT_LINE_MAX + 128], line[REPORT_LINE_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));
	int err;

	state_line(r, line);
	if (!*what && !strcmp(line, r->line))
		return;
	copy(r->line, sizeof(r->line), line);
	wr_fmt(&w, "%sSTATUS=%s", what, line);
	err = notify_send(&r->manager, wr_done(&w));
	if (err && !r->notify_failed)
		log_warn("cannot notify the service manager: %s",
			 strerror(-err));
	r->notify_failed = err != 0;
}

void report_serving(struct report *r, bool serving)
{
	bool first = !r->ready;

	if (!first && r->serving == serving)
		return;
	r->ready = true;
	r->serving = serving;
	notify(r, first ? "READY=1\n" : "");
}

void report_reloading(struct report *r)
{
	char what[64];
	struct wr w = wr_init(what, sizeof(what));

	wr_fmt(&w, "RELOADING=1\nMONOTONIC_USEC=%llu\n",
	       (unsigned long long)clock_mono_us());
	notify(r, wr_cstr(&w));
}

void report_stopping(struct report *r)
{
	notify(r, "STOPPING=1\n");
}

static void write_now(struct report *r)
{
	/* never 0, which means that nothing is written */
	uint64_t hash = hash_add(HASH_BEGIN, &r->now, sizeof(r->now)) | 1;
	int err;

	if (!r->path[0] || hash == r->written)
		return;
	err = statusfile_write(r->path, &r->now);
	if (err && !r->write_failed)
		log_warn("status file %s: %s; upnpctl cannot show all of the "
			 "state", r->path, strerror(-err));
	r->write_failed = err != 0;
	r->written = hash;
}

static void publish(struct report *r)
{
	write_now(r);
	notify(r, "");
}

void report_start(struct report *r, const char *file, const char *pid_file)
{
	char path[PATH_MAX];
	int err = notify_open(&r->manager);

	if (err)
		log_warn("NOTIFY_SOCKET: %s; the service manager is not "
			 "notified", strerror(-err));
	if (!statusfile_path(pid_file, path))
		str_copy(r->path, sizeof(r->path), str_z(path));
	r->now.pid = getpid();
	copy(r->now.file, sizeof(r->now.file), file);
	r->now.since_s = (uint64_t)time(NULL);
	r->now.since_mono_s = clock_boot_s();
}

static void copy_broker(struct report *r, const struct broker *g)
{
	const struct natfw_backend *be = writers_translator(&g->fw);
	struct statusfile *s = &r->now;

	s->backend[0] = s->backend_why[0] = '\0';
	if (g->open) {
		copy(s->backend, sizeof(s->backend), be ? be->name : "");
		copy(s->backend_why, sizeof(s->backend_why), g->why);
	}
	copy(s->firewall_fault, sizeof(s->firewall_fault), broker_fault(g));
	if (s->repairs != g->repairs)
		s->repaired_s = (uint64_t)time(NULL);
	s->repairs = g->repairs;
}

/* No engine is about to run. */
static bool is_idle(const struct report *r)
{
	return r->now.state == STATUS_DISABLED ||
	       r->now.state == STATUS_WAITING;
}

void report_state(struct report *r, enum status_state state,
		  const struct broker *g)
{
	r->now.state = state;
	r->ready = r->serving = false;
	copy_broker(r, g);
	write_now(r);
	notify(r, is_idle(r) ? "READY=1\n" : "");
}

void report_broker(struct report *r, const struct broker *g)
{
	bool well = !*broker_fault(g);

	if (well == !r->now.firewall_fault[0] && r->now.repairs == g->repairs)
		return;
	copy_broker(r, g);
	publish(r);
}

void report_reload(struct report *r, const char *fault)
{
	r->now.reloads++;
	copy(r->now.reload_fault, sizeof(r->now.reload_fault), fault);
	publish(r);
	/* the former configuration stays in force */
	if (*fault && (r->ready || is_idle(r)))
		notify(r, "READY=1\n");
}

void report_exit(struct report *r)
{
	r->now.engine_deaths++;
	r->ready = r->serving = false;
	publish(r);
}

void report_end(struct report *r, const char *fault)
{
	if (!fault) {
		if (r->path[0])
			unlink(r->path);
		return;
	}
	r->now.state = STATUS_ENDED;
	copy(r->now.fault, sizeof(r->now.fault), fault);
	write_now(r);
	report_stopping(r);
}
