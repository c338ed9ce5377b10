/* SPDX-License-Identifier: ISC */
/*
 * epoch.c - the epoch of NAT-PMP and PCP, in a file of one line:
 *
 *	BOOT-ID MONOTONIC-MS WALL-S SECONDS EXTERNAL-ADDRESS
 *
 * SECONDS is the epoch at the time of both clocks. Without a boot id, and
 * without an address, there is a "-".
 * Runs in: engine
 */
#include "engine/epoch.h"

#include <fcntl.h>
#include <string.h>
#include "base/str.h"
#include "base/wr.h"
#include "sys/fileio.h"

#define FILE_NAME	"epoch"
#define LINE_MAX_BYTES	192

uint32_t epoch_seconds(const struct epoch *e, uint64_t mono_ms)
{
	return (uint32_t)(e->base_s + (mono_ms - e->base_ms) / 1000);
}

static void begin(struct epoch *e, const struct leases_clock *now)
{
	e->base_ms = now->mono_ms;
	e->base_s = 0;
}

static void save(const struct epoch *e, const struct leases_clock *now)
{
	char buf[LINE_MAX_BYTES];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_z(&w, now->boot_id[0] ? now->boot_id : "-");
	wr_fmt(&w, " %llu %lld %lu ", (unsigned long long)now->mono_ms,
	       (long long)now->wall_s,
	       (unsigned long)epoch_seconds(e, now->mono_ms));
	addr_write(&w, e->ext);
	wr_ch(&w, '\n');
	if (!w.over)
		fileio_replace(e->dir_fd, FILE_NAME, "state.new", 0600,
			       false, wr_done(&w));
}

/* The line of the file. */
struct line {
	struct str boot_id;
	uint64_t mono_ms, wall_s, epoch_s;
	struct addr ext;
};

static bool next_number(struct str *rest, uint64_t max, uint64_t *ret)
{
	struct str word;

	return str_word(rest, &word) && !str_u64(word, 0, max, ret);
}

/* A wall clock before 1970 makes the line invalid. */
static bool parse(struct str text, struct line *ret)
{
	struct str word;

	ret->ext = (struct addr){ .family = ADDR_NONE };
	if (!str_word(&text, &ret->boot_id) ||
	    !next_number(&text, INT64_MAX, &ret->mono_ms) ||
	    !next_number(&text, INT64_MAX, &ret->wall_s) ||
	    !next_number(&text, UINT32_MAX, &ret->epoch_s) ||
	    !str_word(&text, &word))
		return false;
	return (str_eq(word, STR("-")) || addr_parse(word, &ret->ext)) &&
	       !str_word(&text, &word);
}

/* Return: false: the clock is behind that of the file */
static bool resume(struct epoch *e, const struct line *l,
		   const struct leases_clock *now)
{
	const bool same_boot = now->boot_id[0] &&
			       str_eq(l->boot_id, str_z(now->boot_id));

	if (same_boot) {
		if (now->mono_ms < l->mono_ms)
			return false;
		e->base_ms = l->mono_ms;
		e->base_s = l->epoch_s;
		return true;
	}
	if (now->wall_s < 0 || (uint64_t)now->wall_s < l->wall_s)
		return false;
	e->base_ms = now->mono_ms;
	e->base_s = l->epoch_s + (uint64_t)now->wall_s - l->wall_s;
	return true;
}

void epoch_open(struct epoch *e, int dir_fd, bool whole,
		const struct leases_clock *now)
{
	char buf[LINE_MAX_BYTES];
	struct str text;
	struct line l;

	*e = (struct epoch){ .dir_fd = dir_fd };
	begin(e, now);
	fileio_read(dir_fd, FILE_NAME, O_NOFOLLOW | O_NONBLOCK, buf,
		    sizeof(buf), &text);
	if (whole && parse(str_trim(text), &l) && resume(e, &l, now))
		e->ext = l.ext;
	save(e, now);
}

bool epoch_address(struct epoch *e, struct addr ext,
		   const struct leases_clock *now)
{
	bool anew = addr_is_set(e->ext);

	if (!addr_is_set(ext) || addr_equal(ext, e->ext))
		return false;
	e->ext = ext;
	if (anew)
		begin(e, now);
	save(e, now);
	return anew;
}
