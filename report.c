/* SPDX-License-Identifier: ISC */
/* report.c - keeps the monitor's status file as things are. */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/str.h"
#include "report.h"

static void copy(char *dst, size_t cap, const char *text)
{
	struct wr w = wr_init_cut(dst, cap);

	wr_z(&w, text);
	wr_cstr(&w);
}

static void write_now(struct report *r)
{
	int err;

	if (!r->path[0] || memcmp(&r->now, &r->told, sizeof(r->now)) == 0)
		return;
	err = status_write(r->path, &r->now);
	if (err && !r->failed)
		log_warn("status file %s: %s; upnpctl can not tell all",
			 r->path, strerror(-err));
	r->failed = err != 0;
	r->told = r->now;
}

static uint64_t seconds(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return t.tv_sec > 0 ? (uint64_t)t.tv_sec : 0;
}

void report_start(struct report *r, const char *file, const char *pid_file)
{
	memset(r, 0, sizeof(*r));
	if (status_path(pid_file, r->path))
		r->path[0] = '\0';
	r->now.pid = getpid();
	copy(r->now.file, sizeof(r->now.file), file);
	r->now.since_s = seconds(CLOCK_REALTIME);
	r->now.since_mono_s = seconds(CLOCK_BOOTTIME);
}

static void take_gate(struct report *r, const struct gate *g)
{
	struct status *s = &r->now;

	s->backend[0] = s->backend_why[0] = '\0';
	if (g->open) {
		copy(s->backend, sizeof(s->backend), g->fw.be->name);
		copy(s->backend_why, sizeof(s->backend_why), g->why);
	}
	copy(s->firewall_fault, sizeof(s->firewall_fault), gate_fault(g));
	if (s->repairs != g->repairs)
		s->repaired_s = seconds(CLOCK_REALTIME);
	s->repairs = g->repairs;
}

void report_state(struct report *r, enum status_state state,
		  const struct gate *g)
{
	r->now.state = state;
	take_gate(r, g);
	write_now(r);
}

void report_gate(struct report *r, const struct gate *g)
{
	bool well = !*gate_fault(g);

	if (well == !r->now.firewall_fault[0] && r->now.repairs == g->repairs)
		return;
	take_gate(r, g);
	write_now(r);
}

void report_reload(struct report *r, const char *fault)
{
	r->now.reloads++;
	copy(r->now.reload_fault, sizeof(r->now.reload_fault), fault);
	write_now(r);
}

void report_death(struct report *r)
{
	r->now.engine_deaths++;
	write_now(r);
}

void report_end(struct report *r, const char *fault)
{
	if (!r->path[0])
		return;
	if (!fault) {
		unlink(r->path);
		return;
	}
	r->now.state = STATUS_ENDED;
	copy(r->now.fault, sizeof(r->now.fault), fault);
	write_now(r);
}
