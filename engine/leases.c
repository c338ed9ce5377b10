/* SPDX-License-Identifier: ISC */
/*
 * leases.c - the lease file: a journal of lines, each with its own checksum.
 *
 *   upnpd-leases 2 boot=BOOT-ID CRC
 *   + FIELDS CRC			a mapping: leaseline.c
 *   - FIELDS CRC			the key of a mapping that has ended
 *   = CRC			the lines after it are newer than `leases`
 *
 * CRC is the CRC-32 of IEEE 802.3 over the line up to the space before it.
 * Version 1 has "upnpd-leases 1 BOOT-ID CRC", and other fields: leaseline1.c.
 *
 * Owns: the files `mappings` and, while it is rewritten, `mappings.new`;
 * `leases`, an older upnpd's file or a line for it, and `leases.new`.
 * Never does: trust a line, follow a link, log.
 * Invariants: each line is written by one write(). After a failed write, which
 * may leave a torn line, the next line begins with a line feed. `mappings` is
 * only replaced by a complete file. `leases` is replaced only when its content
 * is in `mappings`.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>	/* renameat() */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "base/wr.h"
#include "engine/leaseline.h"
#include "engine/leaseline1.h"
#include "engine/leases.h"
#include "sys/fileio.h"

#define FILE_NAME	"mappings"
#define TEMP_NAME	"mappings.new"
#define HEAD		"upnpd-leases"
#define VERSION		"2"

/* The file of an older upnpd. If it finds NOTE_OLD there, it logs an invalid
 * line, and starts its own file. */
#define OLD_NAME	"leases"
#define OLD_TEMP	"leases.new"
#define OLD_VERSION	"1"
#define NOTE_OLD	"upnpd-leases 2 is in mappings\n"

#define LINE_CAP	LEASELINE_MAX	/* longer lines are not ours */
#define BUF_CAP		4096	/* read and written at a time */
#define CRC_LEN		8
#define COMPACT_MIN	64	/* lines; do not compact fewer */
#define COMPACT_FACTOR	4	/* lines per mapping */
/* More than compaction allows, in case compaction fails each time. */
#define LINES_CAP	(5 * (size_t)PM_MAPPINGS_LIMIT)
#define RETRY_MS	60000	/* after a failed rewrite */

/* All fields but desc and note need below 512 bytes. */
#define OUR_LINE_MAX	(512 + PM_NOTE_MAX + PM_DESC_MAX)

_Static_assert(OUR_LINE_MAX <= LINE_CAP, "every line of ours fits");
_Static_assert(BUF_CAP >= 2 * LINE_CAP, "the reader finds room for more");

/* ---- writing lines ------------------------------------------------- */

static uint32_t crc32_of(const char *p, size_t n)
{
	/* four bits at a time: a small table is fast enough */
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned char)p[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

/* End the line that began at @start. */
static void put_end(struct wr *w, size_t start)
{
	wr_fmt(w, " %08" PRIx32 "\n",
	       crc32_of(w->buf + start, w->len - start));
}

static uint64_t wall_now(const struct leases_clock *clock)
{
	return clock->wall_s > 0 ? (uint64_t)clock->wall_s : 0;
}

/* @left_s: 0: never */
static struct leaseline_end make_end(uint64_t end_ms, uint32_t left_s,
				     const struct leases_clock *clock)
{
	if (left_s == 0)
		return (struct leaseline_end){ 0 };
	return (struct leaseline_end){
		end_ms, wall_now(clock) + left_s, left_s,
	};
}

static void put_set(struct wr *w, const struct portmap *pm,
		    const struct pm_entry *e, const struct leases_clock *clock)
{
	const struct leaseline_end lease = make_end(e->expires_ms,
		portmap_lease_left(e, clock->mono_ms), clock);
	const struct leaseline_end suspended = make_end(e->suspended_ms,
		portmap_suspended_left(e, clock->mono_ms), clock);
	size_t start = w->len;

	wr_z(w, "+ ");
	leaseline_put(w, pm, e, &lease, &suspended);
	put_end(w, start);
}

/* ---- reading lines ------------------------------------------------- */

/* How to read one version. */
struct format {
	const char *version, *boot;	/* the text before the boot id */
	bool (*get)(struct str fields, struct leaseline *ret);
	bool (*get_key)(struct str fields, struct nat_rule *ret);
};

static const struct format format1 = {
	OLD_VERSION, "", leaseline1_get, leaseline1_get_key,
};

static const struct format format2 = {
	VERSION, "boot=", leaseline_get, leaseline_get_key,
};

struct loader {
	const struct format *format;
	struct portmap *pm;
	const struct leases_clock *clock;
	struct leases_met *met;
	bool same_boot;		/* the head has this boot's id */
	bool foreign;		/* the first line is of another version */
	bool skipping;		/* to the end of a line that is too long */
	uint64_t newer_seq;	/* mappings up to this one are newer than what
				 * the lines say about them */
	size_t line_n;
	size_t len;
	char buf[BUF_CAP];
};

static uint64_t until(uint64_t end, uint64_t now)
{
	return end > now ? end - now : 0;
}

/* The time left, but at most that when the line was written: a router whose
 * clock has no battery starts in the past. */
static uint64_t left_ms(const struct loader *ld, const struct leaseline_end *l)
{
	uint64_t max_ms = (uint64_t)l->left_s * 1000, left;

	if (ld->same_boot)
		left = until(l->mono_ms, ld->clock->mono_ms);
	else
		left = until(l->wall_s, wall_now(ld->clock)) * 1000;
	return left < max_ms ? left : max_ms;
}

/* Return: false if it has ended. @ret_ms: when it ends, 0: never */
static bool get_end(const struct loader *ld, const struct leaseline_end *l,
		    uint64_t *ret_ms)
{
	uint64_t left = left_ms(ld, l);

	*ret_ms = l->left_s != 0 ? ld->clock->mono_ms + left : 0;
	return l->left_s == 0 || left != 0;
}

static uint64_t newest_seq(const struct portmap *pm)
{
	const struct pm_entry *e =
		portmap_entry(pm, portmap_at(pm, portmap_count(pm) - 1));

	return e != NULL ? e->seq : 0;
}

/* If an older upnpd's file exists beside ours, then that upnpd ran after us,
 * and its file is newer. */
static bool take_head(struct loader *ld, struct str rest)
{
	struct str version, boot, prefix = str_z(ld->format->boot);

	if (!str_cut(&rest, ' ', &version) || version.n == 0)
		return false;
	if (!str_eq(version, str_z(ld->format->version))) {
		ld->foreign = ld->line_n == 1 && ld->format == &format2;
		return false;
	}
	/* fields of a later version may follow */
	if (!str_cut(&rest, ' ', &boot) || !str_starts(boot, prefix) ||
	    boot.n == prefix.n)
		return false;
	ld->same_boot = str_eq(str_skip(boot, prefix.n),
			       str_z(ld->clock->boot_id));
	ld->newer_seq = newest_seq(ld->pm);
	return true;
}

static bool has_newer(const struct loader *ld, const struct nat_rule *key)
{
	const struct pm_entry *e =
		portmap_entry(ld->pm, portmap_find(ld->pm, key));

	return e != NULL && e->seq <= ld->newer_seq;
}

static bool take_set(struct loader *ld, struct str fields)
{
	uint64_t expires_ms, suspended_ms;
	struct leaseline l;
	uint16_t slot;

	/* this version has no table for pinholes */
	if (!ld->format->get(fields, &l) || l.req.rule.kind != NAT_PORTMAP)
		return false;
	if (has_newer(ld, &l.req.rule))
		return true;
	if (!get_end(ld, &l.lease, &expires_ms) ||
	    !get_end(ld, &l.suspended, &suspended_ms)) {
		/* the mapping that it overwrote has ended as well */
		portmap_forget(ld->pm, &l.req.rule);
		return true;
	}
	l.req.lease_s = l.lease.left_s;
	if (portmap_restore(ld->pm, &l.req, expires_ms) != PM_DONE)
		return false;
	slot = portmap_find(ld->pm, &l.req.rule);
	portmap_set_told(ld->pm, slot, l.told_port);
	portmap_set_note(ld->pm, slot, str_z(l.note));
	if (suspended_ms != 0)
		portmap_suspend(ld->pm, slot, suspended_ms);
	else if (l.overruled)
		portmap_overrule(ld->pm, slot);
	ld->met->cut += l.cut;
	return true;
}

static bool take_del(struct loader *ld, struct str fields)
{
	struct nat_rule key;

	if (!ld->format->get_key(fields, &key))
		return false;
	if (!has_newer(ld, &key))
		portmap_forget(ld->pm, &key);
	return true;
}

static bool cut_crc(struct str *line)
{
	char want[CRC_LEN + 1];
	struct wr w = wr_init(want, sizeof(want));
	struct str body = *line;

	if (body.n <= CRC_LEN || body.p[body.n - CRC_LEN - 1] != ' ')
		return false;
	body.n -= CRC_LEN + 1;
	wr_fmt(&w, "%08" PRIx32, crc32_of(body.p, body.n));
	if (!str_eq(wr_done(&w), str_skip(*line, body.n + 1)))
		return false;
	*line = body;
	return true;
}

static bool take_line(struct loader *ld, struct str line)
{
	struct str verb;

	if (line.n >= LINE_CAP || !cut_crc(&line) ||
	    !str_cut(&line, ' ', &verb))
		return false;
	if (str_eq(verb, STR("+")))
		return take_set(ld, line);
	if (str_eq(verb, STR("-")))
		return take_del(ld, line);
	if (str_eq(verb, STR("="))) {
		ld->newer_seq = 0;
		return true;
	}
	return str_eq(verb, STR(HEAD)) && take_head(ld, line);
}

/* Empty lines are ignored: they follow a failed write. */
static void end_line(struct loader *ld, struct str line)
{
	bool skipped = ld->skipping;

	ld->skipping = false;
	if (line.n == 0 && !skipped)
		return;
	ld->line_n++;
	if (skipped || !take_line(ld, line))
		ld->met->dropped++;
}

static void take_buffer(struct loader *ld)
{
	struct str rest = { ld->buf, ld->len };
	const char *nl;
	size_t n;

	while (!ld->foreign &&
	       (nl = memchr(rest.p, '\n', rest.n)) != NULL) {
		n = (size_t)(nl - rest.p);
		end_line(ld, (struct str){ rest.p, n });
		rest = str_skip(rest, n + 1);
	}
	if (rest.n >= LINE_CAP) {
		ld->skipping = true;
		rest.n = 0;
	}
	memmove(ld->buf, rest.p, rest.n);
	ld->len = rest.n;
}

static int read_all(struct loader *ld, int fd)
{
	ssize_t n;

	while (!ld->foreign) {
		n = read(fd, ld->buf + ld->len, sizeof(ld->buf) - ld->len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0) {
			ld->len += (size_t)n;
			take_buffer(ld);
		}
	}
	/* The last line may lack its line feed, but its checksum is there. */
	if (!ld->foreign)
		end_line(ld, (struct str){ ld->buf, ld->len });
	return 0;
}

/* ---- writing ------------------------------------------------------- */

/* Write the whole text. Return: 0 or -errno; -ENOSPC if only a part was
 * written */
static int write_once(int fd, const char *p, size_t n, size_t *ret_n)
{
	ssize_t got;

	do
		got = write(fd, p, n);
	while (got < 0 && errno == EINTR);
	*ret_n = got > 0 ? (size_t)got : 0;
	if (got < 0)
		return -errno;
	return *ret_n == n ? 0 : -ENOSPC;
}

static int flush(int fd, struct wr *w)
{
	size_t n = w->len, got;

	w->len = 0;
	return write_once(fd, w->buf, n, &got);
}

static int write_table(int fd, const struct portmap *pm,
		       const struct leases_clock *clock)
{
	const struct pm_entry *e;
	char buf[BUF_CAP];
	struct wr w = wr_init(buf, sizeof(buf));
	int err = 0;

	wr_z(&w, HEAD " " VERSION " boot=");
	wr_z(&w, clock->boot_id[0] != '\0' ? clock->boot_id : "-");
	put_end(&w, 0);
	for (size_t i = 0; i < portmap_count(pm) && err == 0; i++) {
		e = portmap_entry(pm, portmap_at(pm, i));
		if (e->state == PM_EXPIRING || e->configured)
			continue;
		put_set(&w, pm, e, clock);
		if (w.cap - w.len < OUR_LINE_MAX)
			err = flush(fd, &w);
	}
	if (err == 0)
		err = flush(fd, &w);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	return err;
}

/* Replace an older upnpd's file by a line for it. If there is no room for the
 * line, delete the file, so that it is not read again. */
static void end_old(struct leases *l)
{
	if (l->old_done && fileio_replace(l->dir_fd, OLD_NAME, OLD_TEMP, 0600,
					  true, STR(NOTE_OLD)) != 0)
		unlinkat(l->dir_fd, OLD_NAME, 0);
	l->old_done = false;
}

static int rewrite(struct leases *l, const struct portmap *pm,
		   const struct leases_clock *clock)
{
	int fd, err;

	unlinkat(l->dir_fd, TEMP_NAME, 0);	/* a killed upnpd left it */
	fd = openat(l->dir_fd, TEMP_NAME,
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_table(fd, pm, clock);
	if (err == 0 && renameat(l->dir_fd, TEMP_NAME, l->dir_fd,
				 FILE_NAME) != 0)
		err = -errno;
	if (err != 0) {
		close(fd);
		unlinkat(l->dir_fd, TEMP_NAME, 0);
		return err;
	}
	/* If a power failure undoes the rename, the old file is complete. */
	fsync(l->dir_fd);
	end_old(l);
	close(l->fd);
	l->fd = fd;
	l->line_n = 1 + portmap_count(pm);
	l->torn = l->stale = false;
	return 0;
}

/* @line: line[-1] is a line feed, which is written too after a torn line */
static int append(struct leases *l, const char *line, size_t n)
{
	size_t got = 0;
	int err = -EFBIG;

	if (l->torn) {
		line--;
		n++;
	}
	if (l->line_n < LINES_CAP)
		err = write_once(l->fd, line, n, &got);
	if (got > 0) {
		l->torn = got < n;
		l->line_n++;
	}
	if (err != 0)
		l->stale = true;
	return err;
}

/* The older upnpd's file stays, because the rewrite failed. Without this line,
 * the next start would prefer that file to the changes that we append. */
static void mark_newer(struct leases *l)
{
	char buf[16] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	wr_ch(&w, '=');
	put_end(&w, 0);
	append(l, w.buf, w.len);
}

static int tell(struct leases *l, int err)
{
	if (err == l->told)
		return 0;
	l->told = err;
	return err;
}

/* ---- public functions ---------------------------------------------- */

/* O_NONBLOCK, because opening a fifo would wait. Return: descriptor or
 * -errno */
static int open_file(const struct leases *l, const char *name, int flags)
{
	struct stat st;
	int fd = openat(l->dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK |
			O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) != 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static bool note_is_there(const struct leases *l)
{
	char buf[sizeof(NOTE_OLD)];
	struct str s;

	fileio_read(l->dir_fd, OLD_NAME, O_NOFOLLOW | O_NONBLOCK, buf,
		    sizeof(buf), &s);
	return str_eq(s, STR(NOTE_OLD));
}

/* Read the file that an older upnpd left. */
static int load_old(struct leases *l, struct loader *ld)
{
	int fd, err;

	if (note_is_there(l))
		return 0;
	fd = open_file(l, OLD_NAME, O_RDONLY);
	if (fd < 0) {
		l->old_done = fd == -ENOENT;
		return l->old_done ? 0 : fd;
	}
	ld->format = &format1;
	err = read_all(ld, fd);
	l->old_done = err == 0;
	close(fd);
	return err;
}

/* The file has a version that we do not know. Keep it for the upnpd that wrote
 * it. */
static int set_aside(struct leases *l, struct loader *ld)
{
	close(l->fd);
	l->fd = -1;
	if (renameat(l->dir_fd, FILE_NAME, l->dir_fd, LEASES_ASIDE) != 0)
		return -errno;
	ld->met->aside = true;
	ld->met->dropped--;	/* its head */
	ld->line_n = 0;
	l->fd = open_file(l, FILE_NAME, O_RDWR | O_APPEND | O_CREAT);
	return l->fd < 0 ? l->fd : 0;
}

/* The descriptor also appends, in case the first rewrite fails. Then lines of
 * this boot follow those of an older one, and all of them are later read by the
 * wall clock. */
static int load(struct leases *l, struct loader *ld)
{
	int err;

	l->fd = open_file(l, FILE_NAME, O_RDWR | O_APPEND | O_CREAT);
	if (l->fd < 0)
		return l->fd;
	ld->format = &format2;
	ld->same_boot = ld->skipping = false;
	ld->line_n = ld->len = 0;
	err = read_all(ld, l->fd);
	if (err == 0 && ld->foreign)
		err = set_aside(l, ld);
	l->line_n = ld->line_n;
	l->torn = l->stale = true;
	return err;
}

struct leases *leases_open(struct leases *l, int dir_fd, struct portmap *pm,
			   const struct leases_clock *clock,
			   struct leases_met *ret_met, int *ret_err)
{
	struct loader ld = { .pm = pm, .clock = clock, .met = ret_met };

	*ret_met = (struct leases_met){ 0 };
	*l = (struct leases){ .dir_fd = dir_fd, .fd = -1 };
	ret_met->old_err = load_old(l, &ld);
	*ret_err = load(l, &ld);
	if (*ret_err != 0) {
		leases_close(l);
		return NULL;
	}
	*ret_err = leases_compact(l, pm, clock);
	if (*ret_err != 0 && ld.newer_seq != 0)
		mark_newer(l);
	return l;
}

void leases_close(struct leases *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int leases_set(struct leases *l, const struct portmap *pm,
	       const struct pm_entry *e, const struct leases_clock *clock)
{
	char buf[1 + OUR_LINE_MAX] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	if (l == NULL)
		return 0;
	put_set(&w, pm, e, clock);
	return tell(l, append(l, w.buf, w.len));
}

int leases_del(struct leases *l, const struct nat_rule *key)
{
	char buf[1 + OUR_LINE_MAX] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	if (l == NULL)
		return 0;
	wr_z(&w, "- ");
	leaseline_put_key(&w, key);
	put_end(&w, 0);
	return tell(l, append(l, w.buf, w.len));
}

int leases_compact(struct leases *l, const struct portmap *pm,
		   const struct leases_clock *clock)
{
	int err;

	if (l == NULL || clock->mono_ms < l->retry_ms)
		return 0;
	if (!l->stale && (l->line_n <= COMPACT_MIN ||
			  l->line_n <= COMPACT_FACTOR * portmap_count(pm)))
		return 0;
	err = rewrite(l, pm, clock);
	l->retry_ms = err != 0 ? clock->mono_ms + RETRY_MS : 0;
	return tell(l, err);
}
