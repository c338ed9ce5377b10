/* SPDX-License-Identifier: ISC */
/*
 * fuzz_leases.c - the lease file.
 *
 * Input: an older upnpd's file, a line "=", our file, a line "=", and the two
 * files that ours replaced, the older one first; each may be missing. A "$" at
 * the end of a line is replaced by the checksum of the text before it, which a
 * fuzzer would not find.
 *
 * Holds: a lease that is read is a valid rule, with printable text and an end
 * no later than the longest lease; there are no more than the table's size; a
 * file that is written again is read equal, including fields of a later
 * version; the next start reads a deletion and an addition, one line each.
 */
#include "base/limits.h"
#include "base/wr.h"
#include "fuzz.h"
#include "fuzz_dir.h"
#include "engine/leases.h"

#define NOW_MS	5000000u
#define MAX	6
#define FILE_CAP 65536

static const struct leases_clock clock_now = { NOW_MS, 1700000000, "boot-1" };

/* IEEE 802.3, bit by bit, independent of the tested one. */
static uint32_t crc_of(const char *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	while (n--) {
		crc ^= (uint8_t)*p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void put_line(struct wr *w, struct str line)
{
	char crc[16];

	if (line.n && line.p[line.n - 1] == '$') {
		line.n--;
		wr_str(w, line);
		snprintf(crc, sizeof(crc), " %08x", crc_of(line.p, line.n));
		wr_z(w, crc);
	} else {
		wr_str(w, line);
	}
}

/* Write the lines up to "=", or all, as the file @name; without any: no file.
 * Return: what follows them */
static struct str make_file(const char *name, struct str in)
{
	static char buf[FILE_CAP];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str line;
	size_t n;

	while (n = in.n, str_cut(&in, '\n', &line)) {
		if (str_eq(line, STR("=")))
			break;
		put_line(&w, line);
		if (line.n < n)
			wr_ch(&w, '\n');
	}
	unlink(fuzz_file(name, buf, w.len));
	if (w.len)
		fuzz_file(name, buf, w.len);
	return in;
}

static void check_entry(const struct portmap *pm, const struct pm_entry *e)
{
	char buf[PM_DESC_MAX + 1];
	struct str desc = portmap_desc(pm, e, buf);

	CHECK(nat_rule_sane(&e->rule) && e->rule.kind == NAT_PORTMAP &&
	      e->told_port);
	CHECK(e->state == PM_ACTIVE || e->state == PM_SUSPENDED);
	CHECK((e->state == PM_SUSPENDED) ==
	      (e->suspended_ms > NOW_MS || e->overruled));
	CHECK(!e->overruled || (e->enabled && !e->suspended_ms));
	CHECK(e->suspended_ms <= NOW_MS + 1000ull * PM_SUSPENDED_MAX_S);
	CHECK(desc.n <= PM_DESC_MAX);
	for (size_t i = 0; i < desc.n; i++)
		CHECK((unsigned char)buf[i] >= ' ' && buf[i] != 0x7f);
	CHECK(!e->expires_ms || (e->expires_ms > NOW_MS &&
	      e->expires_ms <= NOW_MS + 1000ull * PM_LEASE_MAX_S));
}

static const struct pm_entry *entry(const struct portmap *pm, size_t i)
{
	return portmap_entry(pm, portmap_at(pm, i));
}

static void check_same(const struct portmap *a, const struct portmap *b)
{
	CHECK(portmap_count(a) == portmap_count(b));
	for (size_t i = 0; i < portmap_count(a); i++) {
		const struct pm_entry *x = entry(a, i), *y = entry(b, i);
		char x_desc[PM_DESC_MAX + 1], y_desc[PM_DESC_MAX + 1];
		char x_note[PM_NOTE_MAX + 1], y_note[PM_NOTE_MAX + 1];

		CHECK(nat_rule_equal(&x->rule, &y->rule));
		CHECK(x->expires_ms == y->expires_ms);
		CHECK(x->suspended_ms == y->suspended_ms);
		CHECK(x->overruled == y->overruled);
		CHECK(x->origin == y->origin);
		CHECK(addr_equal(x->requester, y->requester));
		CHECK(x->enabled == y->enabled);
		CHECK(str_eq(portmap_desc(a, x, x_desc),
			     portmap_desc(b, y, y_desc)));
		CHECK(str_eq(portmap_note(a, x, x_note),
			     portmap_note(b, y, y_note)));
		CHECK(x->told_port == y->told_port);
	}
}

static struct portmap *load(int dir_fd, struct leases_met *ret_met)
{
	struct portmap *pm = portmap_new(MAX, MAX - 1);
	struct leases file, *l;
	int err;

	l = leases_open(&file, dir_fd, pm, &clock_now, ret_met, &err);
	CHECK(l && err == 0 && ret_met->old_err == 0);
	leases_close(l);
	CHECK(portmap_count(pm) <= MAX);
	for (size_t i = 0; i < portmap_count(pm); i++)
		check_entry(pm, entry(pm, i));
	return pm;
}

/* Delete the first mapping, and add the last one again. */
static void change(int dir_fd)
{
	struct portmap *pm = portmap_new(MAX, MAX - 1), *now;
	struct leases_met met;
	struct leases file, *l;
	size_t n;
	int err;

	l = leases_open(&file, dir_fd, pm, &clock_now, &met, &err);
	CHECK(l && err == 0);
	n = portmap_count(pm);
	if (n) {
		CHECK(!leases_del(l, pm, &entry(pm, 0)->rule));
		CHECK(!leases_set(l, pm, entry(pm, n - 1), &clock_now));
	}
	leases_close(l);
	now = load(dir_fd, &met);
	CHECK(!met.dropped && !met.cut && !met.aside);
	CHECK(portmap_count(now) == n - (n > 1));
	if (n)
		CHECK(nat_rule_equal(&entry(now, portmap_count(now) - 1)->rule,
				     &entry(pm, n - 1)->rule));
	portmap_free(now);
	portmap_free(pm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_blow_up((struct str){ (const char *)data, n },
				     FILE_CAP / 2);
	struct portmap *first, *again;
	struct leases_met met;
	int dir_fd;

	make_file("mappings.before",
		  make_file("mappings.old",
			    make_file("mappings", make_file("leases", in))));
	dir_fd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	first = load(dir_fd, &met);
	CHECK(met.dropped <= in.n + 1);
	again = load(dir_fd, &met);
	CHECK(!met.dropped && !met.cut && !met.aside);
	check_same(first, again);
	change(dir_fd);
	portmap_free(first);
	portmap_free(again);
	close(dir_fd);
	fuzz_free(in);
	return 0;
}
