/* SPDX-License-Identifier: ISC */
/*
 * leases.c - the lease file: a journal of lines, each with its own checksum.
 *
 *   upnpd-leases 2 boot=BOOT-ID last-id=N CRC
 *   + FIELDS CRC			a mapping: leaseline.c
 *   - FIELDS CRC			the key of a mapping that has ended
 *   . N CRC			N mappings were written before it at once
 *   < CRC			renewals may be missing from here on
 *   > CRC			none is missing
 *   = CRC			the lines after it are newer than `leases`
 *
 * last-id: the unique id that a pinhole got last. The lines after it may have
 * later ones. It is missing if there is no table of pinholes.
 *
 * CRC: leaseline.c. Version 1 has "upnpd-leases 1 BOOT-ID CRC", and other
 * fields: leaseline1.c.
 *
 * Owns: the files `mappings` and, while it is rewritten, `mappings.new`;
 * `leases`, an older upnpd's file or a line for it, and `leases.new`. The files
 * that `mappings` has replaced: leasekeep.c.
 * Never does: trust a line, follow a link, log; fsync() after the start,
 * because that may take seconds, in which no client would be served.
 * Invariants: each line is written by one write(), alone or with others. After
 * a failed write, which may leave a torn line, the next line begins with a line
 * feed. `mappings` is only replaced by a complete file. `leases` is replaced
 * only when its content is in `mappings`.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>	/* renameat() */
#include <string.h>
#include <unistd.h>
#include "base/str.h"
#include "base/wr.h"
#include "engine/leaseline.h"
#include "engine/leaseread.h"
#include "engine/leases.h"
#include "sys/fileio.h"

#define TEMP_NAME	"mappings.new"

/* The file of an older upnpd. If it finds NOTE_OLD there, it logs an invalid
 * line, and starts its own file. */
#define OLD_NAME	"leases"
#define OLD_TEMP	"leases.new"
#define NOTE_OLD	"upnpd-leases 2 is in mappings\n"

#define BUF_CAP		4096	/* written at a time */
#define COMPACT_MIN	64	/* lines; do not compact fewer */
#define COMPACT_FACTOR	4	/* lines per mapping */

/* All fields but desc and note need below 512 bytes. */
#define OUR_LINE_MAX	(512 + PM_NOTE_MAX + PM_DESC_MAX)

_Static_assert(OUR_LINE_MAX <= LEASELINE_MAX, "every line of ours fits");

/* ---- the tables ----------------------------------------------------- */

static struct portmap *table_of(const struct leases *l,
				const struct nat_rule *rule)
{
	return l->table[rule->kind];
}

/* Mappings of all tables. */
static size_t count(const struct leases *l)
{
	size_t n = 0;

	for (int k = 0; k < NAT_KINDS; k++)
		n += l->table[k] != NULL ? portmap_count(l->table[k]) : 0;
	return n;
}

/* The @i-th mapping of all tables; NULL past the end. @ret_slot: its slot */
static const struct pm_entry *nth(const struct leases *l, size_t i,
				  uint16_t *ret_slot)
{
	for (int k = 0; k < NAT_KINDS; k++) {
		const struct portmap *pm = l->table[k];
		size_t n = pm != NULL ? portmap_count(pm) : 0;

		if (i < n) {
			*ret_slot = portmap_at(pm, i);
			return portmap_entry(pm, *ret_slot);
		}
		i -= n;
	}
	return NULL;
}

/* ---- writing lines ------------------------------------------------- */

/* @left_s: 0: never */
static struct leaseline_end make_end(uint64_t end_ms, uint32_t left_s,
				     const struct leases_clock *clock)
{
	if (left_s == 0)
		return (struct leaseline_end){ 0 };
	return (struct leaseline_end){
		end_ms, leaseread_wall(clock) + left_s, left_s,
	};
}

static void put_set(struct wr *w, const struct leases *l,
		    const struct pm_entry *e, const struct leases_clock *clock)
{
	const struct leaseline_end lease = make_end(e->expires_ms,
		portmap_lease_left(e, clock->mono_ms), clock);
	const struct leaseline_end suspended = make_end(e->suspended_ms,
		portmap_suspended_left(e, clock->mono_ms), clock);
	size_t start = w->len;

	wr_z(w, "+ ");
	leaseline_put(w, table_of(l, &e->rule), e, &lease, &suspended);
	leaseline_put_crc(w, start);
}

/* A line with a verb alone. */
static void put_mark(struct wr *w, char verb)
{
	size_t start = w->len;

	wr_ch(w, verb);
	leaseline_put_crc(w, start);
}

static void put_whole(struct wr *w, unsigned mappings)
{
	size_t start = w->len;

	wr_fmt(w, ". %u", mappings);
	leaseline_put_crc(w, start);
}

/* ---- what the file has of a mapping -------------------------------- */

static bool belongs(const struct pm_entry *e)
{
	return e->state != PM_EXPIRING && !e->configured;
}

/* The checksum of all fields, but of the lease only whether it ends. */
static struct pm_saved to_save(const struct leases *l,
			       const struct pm_entry *e)
{
	const struct leaseline_end lease = { .left_s = e->expires_ms != 0 };
	const struct leaseline_end suspended = {
		e->suspended_ms, 0, e->suspended_ms != 0,
	};
	char buf[OUR_LINE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	leaseline_put(&w, table_of(l, &e->rule), e, &lease, &suspended);
	return (struct pm_saved){ e->expires_ms, leaseline_crc(wr_done(&w)) };
}

static void set_saved(const struct leases *l, const struct pm_entry *e,
		      uint16_t slot)
{
	portmap_set_saved(table_of(l, &e->rule), slot, to_save(l, e));
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

static void put_head(struct wr *w, const struct leases *l,
		     const struct leases_clock *clock)
{
	const struct portmap *pinholes = l->table[NAT_PINHOLE];

	wr_z(w, LEASELINE_HEAD " " LEASELINE_VERSION " boot=");
	wr_z(w, clock->boot_id[0] != '\0' ? clock->boot_id : "-");
	if (pinholes != NULL)
		wr_fmt(w, " last-id=%u", portmap_last_id(pinholes));
	leaseline_put_crc(w, 0);
}

static int write_tables(int fd, const struct leases *l,
			const struct leases_clock *clock)
{
	const struct pm_entry *e;
	char buf[BUF_CAP];
	struct wr w = wr_init(buf, sizeof(buf));
	unsigned n = 0;
	uint16_t slot;
	int err = 0;

	put_head(&w, l, clock);
	for (size_t i = 0; (e = nth(l, i, &slot)) != NULL && err == 0; i++) {
		if (!belongs(e))
			continue;
		put_set(&w, l, e, clock);
		n++;
		if (w.cap - w.len < OUR_LINE_MAX)
			err = flush(fd, &w);
	}
	if (err == 0) {
		put_whole(&w, n);
		err = flush(fd, &w);
	}
	return err;
}

/* Replace an older upnpd's file by a line for it. If there is no room for the
 * line, delete the file, so that it is not read again. */
static void end_old(struct leases *l, bool durable)
{
	if (l->old_done && fileio_replace(l->dir_fd, OLD_NAME, OLD_TEMP, 0600,
					  durable, STR(NOTE_OLD)) != 0)
		unlinkat(l->dir_fd, OLD_NAME, 0);
	l->old_done = false;
}

static int replace(struct leases *l, int fd, const struct leases_clock *clock,
		   bool durable)
{
	int err = write_tables(fd, l, clock);

	if (err == 0 && durable && fsync(fd) != 0)
		err = -errno;
	if (err != 0)
		return err;
	if (!durable)
		leasekeep_keep(&l->keep, l->dir_fd, clock->mono_ms);
	return renameat(l->dir_fd, TEMP_NAME, l->dir_fd, LEASES_FILE) != 0 ?
	       -errno : 0;
}

/* The new file is in place. If a power failure undoes the rename, the replaced
 * file is read, or the one before it. */
static void replaced(struct leases *l, const struct leases_clock *clock,
		     bool durable)
{
	l->keep.disk_ms = durable ? 0 : clock->mono_ms + LEASES_DISK_MS;
	if (durable && fsync(l->dir_fd) == 0)
		leasekeep_forget(&l->keep, l->dir_fd);
	end_old(l, durable);
}

/* @durable: of the start, when no client waits */
static int rewrite(struct leases *l, const struct leases_clock *clock,
		   bool durable)
{
	const struct pm_entry *e;
	uint16_t slot;
	int fd, err;

	l->rewrite_ms = clock->mono_ms + LEASES_REWRITE_MS;
	l->stale = l->failed = true;		/* if this fails */
	unlinkat(l->dir_fd, TEMP_NAME, 0);	/* a killed upnpd left it */
	fd = openat(l->dir_fd, TEMP_NAME,
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = replace(l, fd, clock, durable);
	if (err != 0) {
		close(fd);
		unlinkat(l->dir_fd, TEMP_NAME, 0);
		return err;
	}
	replaced(l, clock, durable);
	close(l->fd);
	l->fd = fd;
	for (size_t i = 0; (e = nth(l, i, &slot)) != NULL; i++)
		set_saved(l, e, slot);
	l->line_n = 2 + count(l);
	l->torn = l->stale = l->failed = l->late = false;
	return 0;
}

static bool is_full(const struct leases *l)
{
	return l->line_n >= LEASES_LINES + LEASES_LINES_EACH * count(l);
}

/* Append @lines of them, @n bytes. @text: text[-1] is a line feed, which is
 * written too after a torn line */
static int append(struct leases *l, const char *text, size_t n, size_t lines)
{
	size_t got = 0;
	int err;

	/* The next leases_tick() rewrites it, if the last rewrite did not
	 * fail. */
	if (is_full(l)) {
		l->stale = true;
		return 0;
	}
	if (l->torn) {
		text--;
		n++;
	}
	err = write_once(l->fd, text, n, &got);
	if (got > 0) {
		l->torn = got < n;
		l->line_n += lines;
	}
	if (err != 0)
		l->stale = true;
	return err;
}

static int append_mark(struct leases *l, char verb)
{
	char buf[16] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	put_mark(&w, verb);
	return append(l, w.buf, w.len, 1);
}

/* A renewal that makes the lease a little longer is not written now. After a
 * crash each lease ends LEASES_LATE_MS later instead. */
static int postpone(struct leases *l, const struct leases_clock *clock)
{
	if (l->late)
		return 0;
	l->late = true;
	l->late_ms = clock->mono_ms + LEASES_LATE_MS;
	return append_mark(l, '<');
}

static int write_late(struct leases *l, const struct leases_clock *clock)
{
	char buf[1 + BUF_CAP] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);
	const struct pm_entry *e;
	uint16_t slot;
	size_t n = 0;
	int err = 0;

	l->late = false;
	for (size_t i = 0; (e = nth(l, i, &slot)) != NULL && err == 0; i++) {
		if (!belongs(e) || e->saved.end_ms == e->expires_ms)
			continue;
		put_set(&w, l, e, clock);
		set_saved(l, e, slot);
		n++;
		if (w.cap - w.len >= OUR_LINE_MAX)
			continue;
		err = append(l, w.buf, w.len, n);
		w.len = n = 0;
	}
	if (err == 0 && n != 0)
		err = append(l, w.buf, w.len, n);
	return err != 0 ? err : append_mark(l, '>');
}

static int tell(struct leases *l, int err)
{
	if (err == l->told)
		return 0;
	l->told = err;
	return err;
}

/* ---- public functions ---------------------------------------------- */

static bool note_is_there(const struct leases *l)
{
	char buf[sizeof(NOTE_OLD)];
	struct str s;

	fileio_read(l->dir_fd, OLD_NAME, O_NOFOLLOW | O_NONBLOCK, buf,
		    sizeof(buf), &s);
	return str_eq(s, STR(NOTE_OLD));
}

/* Read the file that an older upnpd left. */
static int load_old(struct leases *l, struct leaseread *rd)
{
	int fd, err;

	if (note_is_there(l))
		return 0;
	fd = leasekeep_open(l->dir_fd, OLD_NAME, O_RDONLY);
	if (fd < 0) {
		l->old_done = fd == -ENOENT;
		return l->old_done ? 0 : fd;
	}
	err = leaseread_run1(rd, fd);
	l->old_done = err == 0;
	close(fd);
	return err;
}

static int open_file(struct leases *l)
{
	l->fd = leasekeep_open(l->dir_fd, LEASES_FILE,
			       O_RDWR | O_APPEND | O_CREAT);
	return l->fd < 0 ? l->fd : 0;
}

/* The file has a version that we do not know. Keep it for the upnpd that wrote
 * it. */
static int set_aside(struct leases *l, struct leaseread *rd)
{
	close(l->fd);
	l->fd = -1;
	if (renameat(l->dir_fd, LEASES_FILE, l->dir_fd, LEASES_ASIDE) != 0)
		return -errno;
	rd->met->aside = true;
	rd->met->dropped--;	/* its head */
	rd->line_n = 0;
	return open_file(l);
}

/* The descriptor also appends, in case the first rewrite fails. Then lines of
 * this boot follow those of an older one, and all of them are later read by the
 * wall clock. */
static int load(struct leases *l, struct leaseread *rd)
{
	int err;

	rd->met->restored = leasekeep_choose(l->dir_fd, rd);
	err = open_file(l);
	if (err == 0)
		err = leaseread_run(rd, l->fd);
	if (err == 0 && rd->foreign)
		err = set_aside(l, rd);
	l->line_n = rd->line_n;
	l->torn = l->stale = true;
	return err;
}

struct leases *leases_open(struct leases *l, int dir_fd,
			   struct portmap *const table[NAT_KINDS],
			   const struct leases_clock *clock,
			   struct leases_met *ret_met, int *ret_err)
{
	struct leaseread rd = { .table = l->table, .clock = clock,
				.met = ret_met };

	*ret_met = (struct leases_met){ 0 };
	*l = (struct leases){
		.dir_fd = dir_fd, .fd = -1,
		.keep.disk_ms = clock->mono_ms + LEASES_DISK_MS,
	};
	memcpy(l->table, table, sizeof(l->table));
	ret_met->old_err = load_old(l, &rd);
	*ret_err = load(l, &rd);
	if (*ret_err != 0) {
		leases_close(l);
		return NULL;
	}
	ret_met->whole = rd.whole && !ret_met->dropped && !ret_met->aside &&
			 !ret_met->restored;
	*ret_err = tell(l, rewrite(l, clock, true));
	/* The older upnpd's file stays, because the rewrite failed. Without
	 * this line, the next start would prefer that file to the changes that
	 * we append. */
	if (*ret_err != 0 && rd.newer_seq[NAT_PORTMAP] != 0)
		append_mark(l, '=');
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

int leases_set(struct leases *l, const struct pm_entry *e,
	       const struct leases_clock *clock)
{
	char buf[1 + OUR_LINE_MAX] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);
	struct portmap *pm;
	struct pm_saved saved;

	if (l == NULL)
		return 0;
	saved = to_save(l, e);
	if (saved.crc == e->saved.crc) {
		if (saved.end_ms == e->saved.end_ms)
			return 0;
		if (saved.end_ms > e->saved.end_ms &&
		    saved.end_ms - e->saved.end_ms <= LEASES_LATE_MS)
			return tell(l, postpone(l, clock));
	}
	pm = table_of(l, &e->rule);
	put_set(&w, l, e, clock);
	portmap_set_saved(pm, portmap_find(pm, &e->rule), saved);
	return tell(l, append(l, w.buf, w.len, 1));
}

int leases_del(struct leases *l, const struct nat_rule *key)
{
	char buf[1 + OUR_LINE_MAX] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);
	struct portmap *pm;
	uint16_t slot;

	if (l == NULL)
		return 0;
	pm = table_of(l, key);
	slot = portmap_find(pm, key);
	/* it may be there as a mapping of the configuration */
	if (slot != PM_NONE)
		portmap_set_saved(pm, slot, (struct pm_saved){ 0 });
	wr_z(&w, "- ");
	leaseline_put_key(&w, key);
	leaseline_put_crc(&w, 0);
	return tell(l, append(l, w.buf, w.len, 1));
}

/* When to rewrite the file. At once if a change is missing in it, or has no
 * room: after a crash, a deleted mapping would be there again. A full disk must
 * not cause a rewrite for each change, so after a failed one we wait. */
static uint64_t rewrite_due_ms(const struct leases *l)
{
	if (l->stale || is_full(l))
		return l->failed ? l->rewrite_ms : 0;
	if (l->line_n > COMPACT_MIN &&
	    l->line_n > COMPACT_FACTOR * count(l))
		return l->rewrite_ms;
	return UINT64_MAX;
}

int leases_tick(struct leases *l, const struct leases_clock *clock)
{
	bool late, done = false;
	int err = 0;

	if (l == NULL)
		return 0;
	late = l->late && clock->mono_ms >= l->late_ms;
	if (late && clock->mono_ms < rewrite_due_ms(l)) {
		err = write_late(l, clock);
		done = true;
	}
	/* the lines of write_late() may have had no room */
	if (clock->mono_ms >= rewrite_due_ms(l)) {
		err = rewrite(l, clock, false);
		done = true;
	}
	return done ? tell(l, err) : 0;
}

uint64_t leases_due_ms(const struct leases *l)
{
	uint64_t due_ms;

	if (l == NULL)
		return UINT64_MAX;
	due_ms = rewrite_due_ms(l);
	return l->late && l->late_ms < due_ms ? l->late_ms : due_ms;
}

int leases_save(struct leases *l, const struct leases_clock *clock)
{
	int err = 0;

	if (l == NULL)
		return 0;
	if (l->late)
		err = write_late(l, clock);
	if (l->stale)
		err = rewrite(l, clock, false);
	return tell(l, err);
}
