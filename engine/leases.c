/* SPDX-License-Identifier: ISC */
/*
 * leases.c - the lease file: a journal of lines, each with its own checksum.
 *
 *   upnpd-leases 1 BOOT-ID CRC
 *   + PROTO EXT-PORT CLIENT INT-PORT REMOTE ENABLED MONO-MS WALL-S LEFT-S
 *     REQUESTER DESC CRC                                  (all on one line)
 *   - PROTO EXT-PORT REMOTE CRC
 *
 * MONO-MS and WALL-S are when the lease ends, on the monotonic clock of that
 * boot and on the wall clock; LEFT-S is what was left of it when the line was
 * written; all three are 0 for a permanent one. REMOTE is * for anybody. DESC
 * may hold spaces, but no control character. CRC is that of IEEE 802.3 over
 * what stands before the space in front of it.
 *
 * Owns: the files `leases` and, while it is written anew, `leases.new`.
 * Never does: trust a line, follow a link, log.
 * Invariants: a line goes out in one write(); a failed one leaves at most a
 * torn line, and the next begins on a line of its own; `leases` is only ever
 * replaced by a whole file.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>	/* renameat() */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "base/text.h"
#include "base/wr.h"
#include "engine/leases.h"

#define FILE_NAME	"leases"
#define TEMP_NAME	"leases.new"
#define HEAD		"upnpd-leases"
#define VERSION		"1"

#define LINE_CAP	512	/* longer ones are not ours */
#define BUF_CAP		4096	/* read and written at a time */
#define CRC_LEN		8
#define WALL_MAX_S	(UINT64_MAX / 1000)
#define FIELDS_MAX	11
#define COMPACT_MIN	64	/* lines: not worth it below */
#define COMPACT_FACTOR	4	/* lines a mapping */
/* Above what compaction lets it be, for when that always fails. */
#define LINES_CAP	(5 * (size_t)PM_MAPPINGS_LIMIT)
#define RETRY_MS	60000	/* a rewrite of all lines that failed */

_Static_assert(LINE_CAP >= PM_DESC_MAX + 160, "every line of ours fits");
_Static_assert(BUF_CAP >= 2 * LINE_CAP, "the reader finds room for more");

/* ---- lines out ----------------------------------------------------- */

static uint32_t crc32_of(const char *p, size_t n)
{
	/* four bits at a time: small, and fast enough for a start */
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

static void put_remote(struct wr *w, const struct nat_rule *r)
{
	addr_write(w, r->remote);	/* "*" for ADDR_ANY */
}

static uint64_t wall_now(const struct leases_clock *clock)
{
	return clock->wall_s > 0 ? (uint64_t)clock->wall_s : 0;
}

static void put_set(struct wr *w, const struct portmap *pm,
		    const struct pm_entry *e, const struct leases_clock *clock)
{
	char desc[PM_DESC_MAX + 1];
	uint32_t left_s = portmap_lease_left(e, clock->mono_ms);
	uint64_t wall_s = left_s != 0 ? wall_now(clock) + left_s : 0;
	size_t start = w->len;

	wr_fmt(w, "+ %s %u ", nat_rule_proto(e->rule.proto), e->rule.ext_port);
	addr_write(w, e->rule.client);
	wr_fmt(w, " %u ", e->rule.int_port);
	put_remote(w, &e->rule);
	wr_fmt(w, " %d %" PRIu64 " %" PRIu64 " %" PRIu32 " ", e->enabled,
	       e->expires_ms, wall_s, left_s);
	/* Version 1 has no field for the origin: 0.0.0.0 is the operator, any
	 * other address a control point. */
	wr_ipv4(w, e->origin == ORIGIN_OPERATOR ? 0 :
						  addr_to_ip4(e->requester));
	wr_ch(w, ' ');
	/* a newline in here would let a control point write lines of its own */
	text_put(TEXT_NO_CONTROL, w, portmap_desc(pm, e, desc));
	put_end(w, start);
}

/* ---- lines in ------------------------------------------------------ */

struct loader {
	struct portmap *pm;
	const struct leases_clock *clock;
	bool same_boot;		/* the head's boot is this one */
	bool skipping;		/* to the end of a line that is too long */
	size_t line_n;
	unsigned dropped;
	size_t len;
	char buf[BUF_CAP];
};

struct lease {
	struct pm_req req;
	uint64_t mono_ms, wall_s;
	uint32_t left_s;
};

static bool get_port(struct str s, uint16_t *ret)
{
	uint32_t v;

	if (str_u32(s, 1, UINT16_MAX, &v) != 0)
		return false;
	*ret = (uint16_t)v;
	return true;
}

/* "*", or an address. */
static bool get_remote(struct str s, struct addr *ret)
{
	uint32_t ip = 0;

	if (!str_eq(s, STR("*")) && !str_ipv4(s, &ip))
		return false;
	*ret = ip ? addr_ip4(ip) : addr_any();
	return true;
}

static bool get_key(struct str proto, struct str ext_port, struct str remote,
		    struct nat_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = NAT_PORTMAP;
	ret->proto = str_eq(proto, STR("udp")) ? IPPROTO_UDP : IPPROTO_TCP;
	return (ret->proto == IPPROTO_UDP || str_eq(proto, STR("tcp"))) &&
	       get_port(ext_port, &ret->ext_port) &&
	       get_remote(remote, &ret->remote);
}

static bool get_lease(const struct str *f, struct lease *ret)
{
	struct pm_req *q = &ret->req;
	uint32_t client, requester;

	q->enabled = str_eq(f[5], STR("1"));
	if (!get_key(f[0], f[1], f[4], &q->rule) || !str_ipv4(f[2], &client) ||
	    !str_ipv4(f[9], &requester))
		return false;
	q->rule.client = addr_ip4(client);
	q->requester = requester ? addr_ip4(requester) :
				   (struct addr){ ADDR_NONE };
	return get_port(f[3], &q->rule.int_port) &&
	       (q->enabled || str_eq(f[5], STR("0"))) &&
	       str_u64(f[6], 0, UINT64_MAX, &ret->mono_ms) == 0 &&
	       str_u64(f[7], 0, WALL_MAX_S, &ret->wall_s) == 0 &&
	       str_u32(f[8], 0, PM_LEASE_MAX_S, &ret->left_s) == 0 &&
	       (ret->left_s == 0) == (ret->mono_ms == 0) &&
	       text_is(TEXT_NO_CONTROL, f[10]) &&
	       str_copy(q->desc, PM_DESC_MAX + 1, f[10]) &&
	       nat_rule_sane(&q->rule);
}

static uint64_t until(uint64_t end, uint64_t now)
{
	return end > now ? end - now : 0;
}

/* What is left of a lease, never more than when it was written: a router
 * without a clock of its own starts in the past. */
static uint64_t left_ms(const struct loader *ld, const struct lease *l)
{
	uint64_t max_ms = (uint64_t)l->left_s * 1000, left;

	if (ld->same_boot)
		left = until(l->mono_ms, ld->clock->mono_ms);
	else
		left = until(l->wall_s, wall_now(ld->clock)) * 1000;
	return left < max_ms ? left : max_ms;
}

static bool take_head(struct loader *ld, const struct str *f)
{
	if (!str_eq(f[0], STR(VERSION)) || f[1].n == 0)
		return false;
	ld->same_boot = str_eq(f[1], str_z(ld->clock->boot_id));
	return true;
}

static bool take_set(struct loader *ld, const struct str *f)
{
	uint64_t expires_ms = 0;
	struct lease l;

	if (!get_lease(f, &l))
		return false;
	if (l.left_s != 0) {
		expires_ms = left_ms(ld, &l);
		if (expires_ms == 0) {	/* and what it overwrote has ended */
			portmap_forget(ld->pm, &l.req.rule);
			return true;
		}
		expires_ms += ld->clock->mono_ms;
	}
	l.req.lease_s = l.left_s;
	l.req.origin = addr_is_set(l.req.requester) ? ORIGIN_UPNP :
						      ORIGIN_OPERATOR;
	return portmap_restore(ld->pm, &l.req, expires_ms) == PM_DONE;
}

static bool take_del(struct loader *ld, const struct str *f)
{
	struct nat_rule key;

	if (!get_key(f[0], f[1], f[2], &key))
		return false;
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
	static const struct {
		const char *verb;
		size_t field_n;
		bool (*take)(struct loader *, const struct str *field);
	} verbs[] = {
		{ HEAD, 2, take_head },
		{ "+", FIELDS_MAX, take_set },
		{ "-", 3, take_del },
	};
	struct str verb, field[FIELDS_MAX];
	size_t i = 0, n = 0;

	if (line.n >= LINE_CAP || !cut_crc(&line) ||
	    !str_cut(&line, ' ', &verb))
		return false;
	while (i < sizeof(verbs) / sizeof(verbs[0]) &&
	       !str_eq(verb, str_z(verbs[i].verb)))
		i++;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return false;
	for (; n + 1 < verbs[i].field_n; n++)
		if (!str_cut(&line, ' ', &field[n]))
			return false;
	field[n] = line;	/* the last field is all that is left */
	return verbs[i].take(ld, field);
}

/* An empty line is what a failed write left. */
static void end_line(struct loader *ld, struct str line)
{
	bool skipped = ld->skipping;

	ld->skipping = false;
	if (line.n == 0 && !skipped)
		return;
	ld->line_n++;
	if (skipped || !take_line(ld, line))
		ld->dropped++;
}

static void take_buffer(struct loader *ld)
{
	struct str rest = { ld->buf, ld->len };
	const char *nl;
	size_t n;

	while ((nl = memchr(rest.p, '\n', rest.n)) != NULL) {
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

	for (;;) {
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
	/* A last line without its end: whole if the checksum says so. */
	end_line(ld, (struct str){ ld->buf, ld->len });
	return 0;
}

/* ---- writing ------------------------------------------------------- */

/* All of it or an error: -ENOSPC when the file took only a part. */
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

	wr_z(&w, HEAD " " VERSION " ");
	wr_z(&w, clock->boot_id[0] != '\0' ? clock->boot_id : "-");
	put_end(&w, 0);
	for (size_t i = 0; i < portmap_count(pm) && err == 0; i++) {
		e = portmap_entry(pm, portmap_at(pm, i));
		if (e->state == PM_EXPIRING)
			continue;
		put_set(&w, pm, e, clock);
		if (w.cap - w.len < LINE_CAP)
			err = flush(fd, &w);
	}
	if (err == 0)
		err = flush(fd, &w);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	return err;
}

static int rewrite(struct leases *l, const struct portmap *pm,
		   const struct leases_clock *clock)
{
	int fd, err;

	unlinkat(l->dir_fd, TEMP_NAME, 0);	/* of one that was killed */
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
	/* Should the rename be lost with the power, the old file is whole. */
	fsync(l->dir_fd);
	close(l->fd);
	l->fd = fd;
	l->line_n = 1 + portmap_count(pm);
	l->torn = l->stale = false;
	return 0;
}

/* @line: at line[-1] stands a newline, for use after a torn line */
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

static int tell(struct leases *l, int err)
{
	if (err == l->told)
		return 0;
	l->told = err;
	return err;
}

/* ---- the calls ----------------------------------------------------- */

/* The descriptor that reads also appends, should the first rewrite fail: lines
 * of this boot then follow those of an older one, and are later read by the
 * wall clock, too. O_NONBLOCK: to open a fifo must not hang. */
static int start(struct leases *l, struct portmap *pm,
		 const struct leases_clock *clock, unsigned *ret_dropped)
{
	struct loader ld;
	struct stat st;
	int err;

	l->fd = openat(l->dir_fd, FILE_NAME,
		       O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
		       O_CLOEXEC, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	memset(&ld, 0, sizeof(ld));
	ld.pm = pm;
	ld.clock = clock;
	err = read_all(&ld, l->fd);
	*ret_dropped = ld.dropped;
	l->line_n = ld.line_n;
	l->torn = l->stale = true;
	return err;
}

struct leases *leases_open(struct leases *l, int dir_fd, struct portmap *pm,
			   const struct leases_clock *clock,
			   unsigned *ret_dropped, int *ret_err)
{
	*ret_dropped = 0;
	*l = (struct leases){ .dir_fd = dir_fd };
	*ret_err = start(l, pm, clock, ret_dropped);
	if (*ret_err != 0) {
		leases_close(l);
		return NULL;
	}
	*ret_err = leases_compact(l, pm, clock);
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
	char buf[LINE_CAP] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	if (l == NULL)
		return 0;
	put_set(&w, pm, e, clock);
	return tell(l, append(l, w.buf, w.len));
}

int leases_del(struct leases *l, const struct nat_rule *key)
{
	char buf[LINE_CAP] = "\n";
	struct wr w = wr_init(buf + 1, sizeof(buf) - 1);

	if (l == NULL)
		return 0;
	wr_fmt(&w, "- %s %u ", nat_rule_proto(key->proto), key->ext_port);
	put_remote(&w, key);
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
