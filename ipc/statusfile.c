/* SPDX-License-Identifier: ISC */
/*
 * statusfile.c - the monitor's status file, one field a line. The writer and
 * the reader share one table of fields.
 * Runs in: any
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>	/* rename() */
#include <string.h>
#include "base/str.h"
#include "base/text.h"
#include "base/wr.h"
#include "ipc/statusfile.h"
#include "sys/fileio.h"

/* All fields at their longest: five texts and a path. */
#define FILE_MAX (PATH_MAX + 5 * STATUS_TEXT_MAX + 1024)

enum kind { U32, U64, TEXT };

struct field {
	const char *name;
	uint8_t kind;		/* enum kind */
	uint16_t offset;
	uint16_t cap;		/* of a TEXT */
};

#define AT(f)	offsetof(struct statusfile, f)
#define TEXT_AT(f) TEXT, AT(f), sizeof(((struct statusfile *)0)->f)
static const struct field fields[] = {
	{ "pid", U32, AT(pid) },
	{ "state", U32, AT(state) },
	{ "file", TEXT_AT(file) },
	{ "since", U64, AT(since_s) },
	{ "since-mono", U64, AT(since_mono_s) },
	{ "reloads", U32, AT(reloads) },
	{ "reload-fault", TEXT_AT(reload_fault) },
	{ "fault", TEXT_AT(fault) },
	{ "engine-deaths", U32, AT(engine_deaths) },
	{ "backend", TEXT_AT(backend) },
	{ "backend-why", TEXT_AT(backend_why) },
	{ "firewall-fault", TEXT_AT(firewall_fault) },
	{ "repairs", U32, AT(repairs) },
	{ "repaired", U64, AT(repaired_s) },
};
#undef AT
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(sizeof(pid_t) == sizeof(uint32_t), "pid is a U32 here");

int statusfile_beside(const char *pid_file, const char *ending,
		  char ret[PATH_MAX])
{
	struct str base = str_z(pid_file);
	const struct str end = STR(".pid");
	struct wr w = wr_init(ret, PATH_MAX);

	if (base.n > end.n && str_eq(str_skip(base, base.n - end.n), end))
		base.n -= end.n;
	wr_str(&w, base);
	wr_fmt(&w, "%s%c", ending, '\0');
	return w.over ? -ENAMETOOLONG : 0;
}

int statusfile_path(const char *pid_file, char ret[PATH_MAX])
{
	return statusfile_beside(pid_file, ".status", ret);
}

/* ---- writing ------------------------------------------------------------- */

static void put_field(struct wr *w, const struct field *f,
		      const struct statusfile *s)
{
	const char *at = (const char *)s + f->offset;
	uint32_t u32;
	uint64_t u64;

	wr_fmt(w, "%s = ", f->name);
	switch (f->kind) {
	case U32:
		memcpy(&u32, at, sizeof(u32));
		wr_u64(w, u32);
		break;
	case U64:
		memcpy(&u64, at, sizeof(u64));
		wr_u64(w, u64);
		break;
	case TEXT:
		text_put(TEXT_ASCII, w, str_z(at));
		break;
	}
	wr_ch(w, '\n');
}

int statusfile_write(const char *path, const struct statusfile *s)
{
	static char text[FILE_MAX];
	char temp[PATH_MAX];
	struct wr w = wr_init(temp, sizeof(temp));

	wr_fmt(&w, "%s.new%c", path, '\0');
	if (w.over)
		return -ENAMETOOLONG;
	w = wr_init(text, sizeof(text));
	for (size_t i = 0; i < FIELDS; i++)
		put_field(&w, &fields[i], s);
	/* no other process uses the name: we hold the lock of the pid file */
	return fileio_replace(AT_FDCWD, path, temp, 0644, false, wr_done(&w));
}

/* ---- reading ------------------------------------------------------------- */

static bool parse_field(const struct field *f, struct str value,
		       struct statusfile *s)
{
	char *at = (char *)s + f->offset;
	uint32_t u32;
	uint64_t u64;

	switch (f->kind) {
	case U32:
		if (str_u32(value, 0, UINT32_MAX, &u32))
			return false;
		memcpy(at, &u32, sizeof(u32));
		return true;
	case U64:
		if (str_u64(value, 0, UINT64_MAX, &u64))
			return false;
		memcpy(at, &u64, sizeof(u64));
		return true;
	case TEXT:
		return text_is(TEXT_ASCII, value) &&
		       str_copy(at, f->cap, value);
	}
	return false;
}

static bool parse_line(struct str line, struct statusfile *s)
{
	struct str key, value = line;

	str_cut(&value, '=', &key);
	key = str_trim(key);
	value = str_trim(value);
	for (size_t i = 0; i < FIELDS; i++)
		if (str_eq(key, str_z(fields[i].name)))
			return parse_field(&fields[i], value, s);
	return true;
}

int statusfile_read(const char *path, struct statusfile *ret)
{
	static char buf[FILE_MAX];
	struct statusfile s = { 0 };
	struct str rest, line;
	int err = fileio_read(AT_FDCWD, path, O_NOFOLLOW | O_NONBLOCK, buf,
			    sizeof(buf), &rest);

	if (err)
		return err;
	while (str_cut(&rest, '\n', &line))
		if (line.n && !parse_line(line, &s))
			return -EBADMSG;
	if (s.pid <= 0 || s.state < STATUS_SERVING || s.state > STATUS_WAITING)
		return -EBADMSG;
	*ret = s;
	return 0;
}
