/* SPDX-License-Identifier: ISC */
/*
 * state.c - the files "uuid" and "bootid" in the state directory, a line each.
 *
 * Written whole: temporary file, fsync, rename. Read with O_NOFOLLOW, and what
 * is not of the exact form counts as not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include "base/str.h"
#include "base/wr.h"
#include "engine/state.h"
#include "sys/fileio.h"

#define UUID_TEXT 36

static struct str load(int dir_fd, const char *name, char *buf, size_t cap)
{
	struct str text;

	fileio_read(dir_fd, name, O_NOFOLLOW | O_NONBLOCK, buf, cap, &text);
	return str_trim(text);
}

static int save(int dir_fd, const char *name, struct str text)
{
	return fileio_replace(dir_fd, name, "state.new", 0600, true, text);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool parse_uuid(struct str s, uint8_t ret[16])
{
	size_t at = 0;

	if (s.n != UUID_TEXT)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int hi, lo;

		if (i == 4 || i == 6 || i == 8 || i == 10)
			if (s.p[at++] != '-')
				return false;
		hi = hex(s.p[at]);
		lo = hex(s.p[at + 1]);
		at += 2;
		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (uint8_t)(hi * 16 + lo);
	}
	return true;
}

static void format_uuid(struct wr *w, const uint8_t u[16])
{
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			wr_ch(w, '-');
		wr_fmt(w, "%02x", u[i]);
	}
	wr_ch(w, '\n');
}

static int random_uuid(uint8_t ret[16])
{
	if (getrandom(ret, 16, 0) != 16)
		return -EIO;
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
	return 0;
}

int state_uuid(int dir_fd, const char *configured, uint8_t ret[16])
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	int err;

	if (parse_uuid(str_z(configured), ret))
		return 0;
	if (parse_uuid(load(dir_fd, "uuid", buf, sizeof(buf)), ret))
		return 0;
	err = random_uuid(ret);
	if (err)
		return err;
	format_uuid(&w, ret);
	return save(dir_fd, "uuid", wr_done(&w));
}

uint32_t state_boot_id(int dir_fd, int64_t wall_s)
{
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));
	uint32_t last = 0, id = (uint32_t)wall_s & 0x7fffffff;

	str_u32(load(dir_fd, "bootid", buf, sizeof(buf)), 0, 0x7ffffffe,
		&last);
	if (id <= last)
		id = last + 1;
	wr_u64(&w, id);
	wr_ch(&w, '\n');
	save(dir_fd, "bootid", wr_done(&w));
	return id;
}
