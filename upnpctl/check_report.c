/* SPDX-License-Identifier: ISC */
/*
 * check_report.c - functions that the checks share: report findings, read small
 * files. Runs in: upnpctl
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include "base/text.h"
#include "base/wr.h"
#include "sys/comm.h"
#include "sys/fileio.h"
#include "upnpctl/check.h"
#include "upnpctl/json.h"
#include "upnpctl/out.h"
#include "upnpctl/term.h"

static const char *const level_words[] = { "ok", "warning", "problem" };

/* ---- findings ------------------------------------------------------- */

/* The columns of the texts. A narrow terminal has no column for them: they
 * begin in a line of their own. */
#define TEXT_COLUMN 27
#define NARROW_COLUMN 4
#define TEXT_MIN 40

static void put_text(const char *name, enum check_level level, struct str text,
		     struct str remedy)
{
	static const uint8_t colours[] = {
		[CHECK_OK] = TERM_GOOD, [CHECK_WARNING] = TERM_WARNING,
		[CHECK_PROBLEM] = TERM_PROBLEM,
	};
	unsigned width = term_width();
	bool narrow = width && width < TEXT_COLUMN + TEXT_MIN;
	unsigned column = narrow ? NARROW_COLUMN : TEXT_COLUMN;

	term_colour(colours[level]);
	out_pad(str_z(level_words[level]), 9);
	term_colour(TERM_PLAIN);
	out_pad(str_z(name), narrow ? 0 : TEXT_COLUMN - 9);
	if (narrow) {
		out_ch('\n');
		out_pad(STR(""), column);
	}
	term_wrap(text, column);
	if (!remedy.n)
		return;
	out_pad(STR(""), column);
	out_str(STR("-> "));
	term_wrap(remedy, column + 3);
}

__attribute__((format(printf, 3, 0)))
static void report(struct check *c, enum check_level level, const char *fmt,
		   va_list ap)
{
	char buf[1600];
	struct wr w = wr_init_cut(buf, sizeof(buf));
	struct str remedy, text;

	wr_vfmt(&w, fmt, ap);
	remedy = wr_done(&w);
	str_cut(&remedy, '\n', &text);
	text_clean(TEXT_NO_CONTROL, buf, text.n);
	text_clean(TEXT_NO_CONTROL, buf + w.len - remedy.n, remedy.n);
	if (c->env->json) {
		json_object(NULL);
		json_str("level", str_z(level_words[level]));
		json_str("check", str_z(c->name));
		json_str("text", text);
		if (remedy.n)
			json_str("remedy", remedy);
		else
			json_null("remedy");
		json_end();
	} else {
		put_text(c->name, level, text, remedy);
	}
	c->reported++;
	c->count[level]++;
	if (level > c->worst)
		c->worst = level;
}

void check_report(struct check *c, enum check_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(c, level, fmt, ap);
	va_end(ap);
}

void check_report_ok(struct check *c, const char *fmt, ...)
{
	va_list ap;

	if (c->reported)
		return;
	va_start(ap, fmt);
	report(c, CHECK_OK, fmt, ap);
	va_end(ap);
}

void check_report_counts(const struct check *c)
{
	const unsigned *n = c->count;

	out_fmt("%u ok, %u warning%s, %u problem%s\n", n[CHECK_OK],
		n[CHECK_WARNING], n[CHECK_WARNING] == 1 ? "" : "s",
		n[CHECK_PROBLEM], n[CHECK_PROBLEM] == 1 ? "" : "s");
}

/* ---- small files ---------------------------------------------------- */

__attribute__((format(printf, 4, 0)))
static bool read_path(char *buf, size_t cap, struct str *ret, const char *fmt,
		      va_list ap)
{
	char path[160];
	struct wr w = wr_init(path, sizeof(path));
	struct str rest;
	int err;

	wr_vfmt(&w, fmt, ap);
	wr_ch(&w, '\0');
	if (w.over)
		return false;
	err = fileio_read(AT_FDCWD, path, O_NONBLOCK, buf, cap, &rest);
	if (err && err != -EFBIG)	/* the first line may be complete */
		return false;
	*ret = rest;		/* for an empty file */
	str_cut(&rest, '\n', ret);
	return true;
}

bool check_report_read(char *buf, size_t cap, struct str *ret, const char *fmt,
		       ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = read_path(buf, cap, ret, fmt, ap);
	va_end(ap);
	return ok;
}

int64_t check_report_number(const char *fmt, ...)
{
	char buf[32];
	struct str text;
	uint64_t v;
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = read_path(buf, sizeof(buf), &text, fmt, ap) &&
	     !str_u64(str_trim(text), 0, INT64_MAX, &v);
	va_end(ap);
	return ok ? (int64_t)v : -1;
}

const struct conf_iface *check_report_iface(const struct check *c, int ifindex)
{
	for (size_t i = 0; i < c->conf.iface_n; i++)
		if (c->net.link[i].ifindex == ifindex &&
		    !c->conf.iface[i].disabled)
			return &c->conf.iface[i];
	return NULL;
}

bool check_report_prefixes(const struct check *c)
{
	for (size_t i = 0; i < c->fw6.net_n; i++)
		if (addr_kind(c->fw6.net[i].net.addr) == ADDR_KIND_GLOBAL)
			return true;
	return false;
}

bool check_report_only_ip6(const struct check *c)
{
	return !c->fw.net_n && c->fw6.net_n;
}

void check_report_process(struct wr *w, uint32_t pid)
{
	if (!pid)
		wr_z(w, "a program that this user may not see");
	else if (comm_write(w, pid))
		wr_fmt(w, " (process %u)", (unsigned)pid);
	else
		wr_fmt(w, "process %u", (unsigned)pid);
}
