/* SPDX-License-Identifier: ISC */
/*
 * state.c - the files "uuid", "bootid" and "nonce" in the state directory, one
 * line each.
 *
 * Files are replaced atomically: temporary file, fsync, rename. They are read
 * with O_NOFOLLOW; a file with invalid contents counts as missing.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include "base/str.h"
#include "base/uuid.h"
#include "base/wr.h"
#include "engine/state.h"
#include "sys/fileio.h"

#define BOOTID_MAX	0x7fffffffu
/* BOOTIDs of one start. One is used whenever the addresses change, when we must
 * not wait for the disk. */
#define RESERVED	255

static struct str load(int dir_fd, const char *name, char *buf, size_t cap)
{
	struct str text;

	fileio_read(dir_fd, name, O_NOFOLLOW | O_NONBLOCK, buf, cap, &text);
	return str_trim(text);
}

static int save(int dir_fd, const char *name, bool durable, struct str text)
{
	return fileio_replace(dir_fd, name, "state.new", 0600, durable, text);
}

int state_uuid(int dir_fd, const char *configured, uint8_t ret[16])
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (uuid_parse(str_z(configured), ret) ||
	    uuid_parse(load(dir_fd, "uuid", buf, sizeof(buf)), ret))
		return 0;
	if (getrandom(ret, UUID_BYTES, 0) != UUID_BYTES)
		return -EIO;
	uuid_make(ret);
	uuid_put(&w, ret);
	wr_ch(&w, '\n');
	return save(dir_fd, "uuid", true, wr_done(&w));
}

uint32_t state_boot_id(int dir_fd, int64_t wall_s, bool durable,
		       uint32_t *ret_last)
{
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));
	uint32_t last = 0, id = (uint32_t)wall_s & BOOTID_MAX;

	str_u32(load(dir_fd, "bootid", buf, sizeof(buf)), 0, BOOTID_MAX - 1,
		&last);
	if (id <= last)
		id = last + 1;
	*ret_last = id < BOOTID_MAX - RESERVED ? id + RESERVED : id;
	wr_u64(&w, *ret_last);
	wr_ch(&w, '\n');
	save(dir_fd, "bootid", durable, wr_done(&w));
	return id;
}

/* The file has 24 hexadecimal digits. */
int state_nonce(int dir_fd, uint8_t ret[12])
{
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str s = load(dir_fd, "nonce", buf, sizeof(buf));
	bool good = s.n == 24;

	for (size_t i = 0; good && i < 12; i++) {
		int hi = str_hex(s.p[2 * i]), lo = str_hex(s.p[2 * i + 1]);

		good = hi >= 0 && lo >= 0;
		if (good)
			ret[i] = (uint8_t)(hi << 4 | lo);
	}
	if (good)
		return 0;
	if (getrandom(ret, 12, 0) != 12)
		return -EIO;
	for (size_t i = 0; i < 12; i++)
		wr_fmt(&w, "%02x", ret[i]);
	wr_ch(&w, '\n');
	return save(dir_fd, "nonce", true, wr_done(&w));
}
