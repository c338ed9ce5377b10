/* SPDX-License-Identifier: ISC */
/*
 * leaseread.c - reads the lines of a lease file into the mapping table.
 *
 * Never does: trust a line, open a file, log.
 * Runs in: engine
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "engine/leaseline1.h"
#include "engine/leaseread.h"

#define LINE_CAP	LEASELINE_MAX	/* longer lines are not ours */
#define LAST_ID		"last-id="	/* in the first line */

_Static_assert(LEASEREAD_BUF >= 2 * LINE_CAP, "the reader finds room for more");

/* How to read one version. */
struct leaseread_format {
	const char *version, *boot;	/* the text before the boot id */
	bool (*get)(struct str fields, struct leaseline *ret);
	bool (*get_key)(struct str fields, struct nat_rule *ret);
};

static const struct leaseread_format format1 = {
	"1", "", leaseline1_get, leaseline1_get_key,
};

static const struct leaseread_format format2 = {
	LEASELINE_VERSION, "boot=", leaseline_get, leaseline_get_key,
};

uint64_t leaseread_wall(const struct leases_clock *clock)
{
	return clock->wall_s > 0 ? (uint64_t)clock->wall_s : 0;
}

static uint64_t until(uint64_t end, uint64_t now)
{
	return end > now ? end - now : 0;
}

/* The time left, but at most that when the line was written: a router whose
 * clock has no battery starts in the past. @more_ms: it ends so much later */
static uint64_t left_ms(const struct leaseread *rd,
			const struct leaseline_end *l, uint64_t more_ms)
{
	uint64_t max_ms = (uint64_t)l->left_s * 1000 + more_ms, left;

	if (rd->same_boot)
		left = until(l->mono_ms, until(rd->clock->mono_ms, more_ms));
	else
		left = until(l->wall_s, until(leaseread_wall(rd->clock),
					      more_ms / 1000)) * 1000;
	return left < max_ms ? left : max_ms;
}

/* Return: false if it has ended. @ret_ms: when it ends, 0: never */
static bool get_end(const struct leaseread *rd, const struct leaseline_end *l,
		    uint64_t more_ms, uint64_t *ret_ms)
{
	uint64_t left = left_ms(rd, l, more_ms);

	*ret_ms = l->left_s != 0 ? rd->clock->mono_ms + left : 0;
	return l->left_s == 0 || left != 0;
}

/* A client may have renewed this lease without a line: by at most
 * LEASES_LATE_MS. */
static bool get_lease(const struct leaseread *rd,
		      const struct leaseline_end *l, uint64_t *ret_ms)
{
	const uint64_t max_ms = rd->clock->mono_ms +
				(uint64_t)PM_LEASE_MAX_S * 1000;

	if (!get_end(rd, l, rd->late ? LEASES_LATE_MS : 0, ret_ms))
		return false;
	if (*ret_ms > max_ms)
		*ret_ms = max_ms;
	return true;
}

static uint64_t newest_seq(const struct portmap *pm)
{
	const struct pm_entry *e = NULL;

	if (pm != NULL)
		e = portmap_entry(pm, portmap_at(pm, portmap_count(pm) - 1));
	return e != NULL ? e->seq : 0;
}

/* If an older upnpd's file exists beside ours, then that upnpd ran after us,
 * and its file is newer. */
static bool take_head(struct leaseread *rd, struct str rest)
{
	struct str version, boot, prefix = str_z(rd->format->boot);

	if (!str_cut(&rest, ' ', &version) || version.n == 0)
		return false;
	if (!str_eq(version, str_z(rd->format->version))) {
		rd->foreign = rd->line_n == 1 && rd->format == &format2;
		return false;
	}
	/* fields of a later version may follow */
	if (!str_cut(&rest, ' ', &boot) || !str_starts(boot, prefix) ||
	    boot.n == prefix.n)
		return false;
	rd->same_boot = str_eq(str_skip(boot, prefix.n),
			       str_z(rd->clock->boot_id));
	rd->last_id = 0;
	while (str_cut(&rest, ' ', &boot))
		if (str_starts(boot, STR(LAST_ID)))
			leaseline_get_port(str_skip(boot, sizeof(LAST_ID) - 1),
					   &rd->last_id);
	for (int k = 0; k < NAT_KINDS; k++)
		rd->newer_seq[k] = newest_seq(rd->table[k]);
	return true;
}

static bool has_newer(const struct leaseread *rd, const struct nat_rule *key)
{
	const struct portmap *pm = rd->table[key->kind];
	const struct pm_entry *e = portmap_entry(pm, portmap_find(pm, key));

	return e != NULL && e->seq <= rd->newer_seq[key->kind];
}

static bool restore(struct leaseread *rd, struct portmap *pm,
		    const struct leaseline *l, uint64_t expires_ms,
		    uint64_t suspended_ms)
{
	uint16_t slot;

	if (portmap_restore(pm, &l->req, expires_ms) != PM_DONE)
		return false;
	slot = portmap_find(pm, &l->req.rule);
	portmap_set_told(pm, slot, l->told_port);
	portmap_set_note(pm, slot, str_z(l->note));
	if (suspended_ms != 0)
		portmap_suspend(pm, slot, suspended_ms);
	else if (l->overruled)
		portmap_overrule(pm, slot);
	rd->met->cut += l->cut;
	return true;
}

/* Without a table of pinholes, which the operator has disabled, they end. */
/* The id of a pinhole that has ended is not given again soon either. In the
 * part that was rewritten they have no order, but the head has the last one. */
static void note_id(struct portmap *pm, uint16_t id)
{
	if (id != 0 && (int16_t)(uint16_t)(id - portmap_last_id(pm)) > 0)
		portmap_seed_ids(pm, id);
}

static bool take_set(struct leaseread *rd, struct str fields)
{
	uint64_t expires_ms, suspended_ms;
	struct leaseline l;
	struct portmap *pm;

	if (!rd->format->get(fields, &l))
		return false;
	pm = rd->table[l.req.rule.kind];
	if (pm == NULL || has_newer(rd, &l.req.rule))
		return true;
	note_id(pm, l.req.unique_id);
	if (!get_lease(rd, &l.lease, &expires_ms) ||
	    !get_end(rd, &l.suspended, 0, &suspended_ms)) {
		/* the mapping that it overwrote has ended as well */
		portmap_forget(pm, &l.req.rule);
		return true;
	}
	l.req.lease_s = l.lease.left_s;
	return restore(rd, pm, &l, expires_ms, suspended_ms);
}

static bool take_del(struct leaseread *rd, struct str fields)
{
	struct nat_rule key;
	struct portmap *pm;

	if (!rd->format->get_key(fields, &key))
		return false;
	pm = rd->table[key.kind];
	if (pm != NULL && !has_newer(rd, &key))
		portmap_forget(pm, &key);
	return true;
}

/* The pinholes of a rewrite are not in the order of their unique ids, so the
 * head has the last one. Those in later lines got theirs after that. */
static bool take_whole(struct leaseread *rd)
{
	if (rd->last_id != 0 && rd->table[NAT_PINHOLE] != NULL)
		portmap_seed_ids(rd->table[NAT_PINHOLE], rd->last_id);
	return true;
}

static bool take_line(struct leaseread *rd, struct str line)
{
	struct str verb;

	if (line.n >= LINE_CAP || !leaseline_cut_crc(&line) ||
	    !str_cut(&line, ' ', &verb))
		return false;
	if (str_eq(verb, STR("+")))
		return take_set(rd, line);
	if (str_eq(verb, STR("-")))
		return take_del(rd, line);
	if (str_eq(verb, STR("="))) {
		memset(rd->newer_seq, 0, sizeof(rd->newer_seq));
		return true;
	}
	if (str_eq(verb, STR(".")))
		return take_whole(rd);
	if (str_eq(verb, STR(LEASELINE_HEAD)))
		return take_head(rd, line);
	/* scan_line() has read these */
	return str_eq(verb, STR("<")) || str_eq(verb, STR(">"));
}

/* Read what must be known before the first mapping is entered. */
static void scan_line(struct leaseread *rd, struct str line)
{
	struct str verb;
	uint32_t n;

	if (line.n >= LINE_CAP || !leaseline_cut_crc(&line) ||
	    !str_cut(&line, ' ', &verb))
		return;
	if (str_eq(verb, STR(LEASELINE_HEAD)))
		rd->has_head = take_head(rd, line);
	else if (str_eq(verb, STR("+")))
		rd->set_n++;
	else if (str_eq(verb, STR(".")))
		rd->whole |= rd->has_head &&
			     str_u32(line, 0, UINT32_MAX, &n) == 0 &&
			     n == rd->set_n;
	else if (str_eq(verb, STR("<")))
		rd->late = true;
	else if (str_eq(verb, STR(">")))
		rd->late = false;
}

/* Empty lines are ignored: they follow a failed write. */
static void end_line(struct leaseread *rd, struct str line)
{
	bool skipped = rd->skipping;

	rd->skipping = false;
	if (line.n == 0 && !skipped)
		return;
	rd->line_n++;
	if (rd->scanning) {
		if (!skipped)
			scan_line(rd, line);
		return;
	}
	if (skipped || !take_line(rd, line))
		rd->met->dropped++;
}

static void take_buffer(struct leaseread *rd)
{
	struct str rest = { rd->buf, rd->len };
	const char *nl;
	size_t n;

	while (!rd->foreign &&
	       (nl = memchr(rest.p, '\n', rest.n)) != NULL) {
		n = (size_t)(nl - rest.p);
		end_line(rd, (struct str){ rest.p, n });
		rest = str_skip(rest, n + 1);
	}
	if (rest.n >= LINE_CAP) {
		rd->skipping = true;
		rest.n = 0;
	}
	memmove(rd->buf, rest.p, rest.n);
	rd->len = rest.n;
}

static int read_all(struct leaseread *rd, int fd,
		    const struct leaseread_format *format)
{
	ssize_t n;

	rd->format = format;
	rd->same_boot = rd->foreign = rd->skipping = false;
	rd->line_n = rd->len = 0;
	memset(rd->newer_seq, 0, sizeof(rd->newer_seq));
	while (!rd->foreign) {
		n = read(fd, rd->buf + rd->len, sizeof(rd->buf) - rd->len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0) {
			rd->len += (size_t)n;
			take_buffer(rd);
		}
	}
	/* The last line may lack its line feed, but its checksum is there. */
	if (!rd->foreign)
		end_line(rd, (struct str){ rd->buf, rd->len });
	return 0;
}

int leaseread_scan(struct leaseread *rd, int fd)
{
	int err;

	rd->whole = rd->late = rd->has_head = false;
	rd->set_n = 0;
	rd->scanning = true;
	err = read_all(rd, fd, &format2);
	rd->scanning = false;
	return err;
}

int leaseread_run(struct leaseread *rd, int fd)
{
	return read_all(rd, fd, &format2);
}

int leaseread_run1(struct leaseread *rd, int fd)
{
	return read_all(rd, fd, &format1);
}
