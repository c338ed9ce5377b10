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
 * no later than the longest lease; pinholes are in a table of their own, with
 * ids that are unique; there are no more than the tables' size; a file that is
 * written again is read equal, including fields of a later version; the next start reads a deletion and an addition, one line each.
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

/* The tables of a start, and what the file is read into them with. */
struct start {
	struct portmap *table[NAT_KINDS];
	struct leases file, *l;
	struct leases_met met;
};

static void check_entry(const struct portmap *pm, const struct pm_entry *e,
			int kind)
{
	char buf[PM_DESC_MAX + 1];
	struct str desc = portmap_desc(pm, e, buf);

	CHECK(nat_rule_sane(&e->rule) && e->rule.kind == kind);
	CHECK(kind == NAT_PORTMAP ? e->told_port && !e->unique_id :
				    e->unique_id != 0);
	CHECK(!addr_is_set(e->host) && e->host.family != ADDR_LINK);
	CHECK(e->state == PM_ACTIVE || e->state == PM_SUSPENDED);
	CHECK((e->state == PM_SUSPENDED) ==
	      (e->suspended_ms > NOW_MS || e->overruled));
	CHECK(!e->overruled || (e->enabled && !e->suspended_ms));
	CHECK(e->suspended_ms <= NOW_MS + 1000ull * PM_SUSPENDED_MAX_S);
	for (size_t i = 0; i < sizeof(e->nonce.byte); i++)
		CHECK(e->origin == ORIGIN_PCP || !e->nonce.byte[i]);
	CHECK(e->origin == ORIGIN_PCP || !e->peer);
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

/* Unique ids are unique. */
static void check_table(const struct portmap *pm, int kind)
{
	CHECK(portmap_count(pm) <= MAX);
	for (size_t i = 0; i < portmap_count(pm); i++) {
		check_entry(pm, entry(pm, i), kind);
		CHECK(kind != NAT_PINHOLE ||
		      portmap_by_id(pm, entry(pm, i)->unique_id) ==
		      portmap_at(pm, i));
	}
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
		CHECK(!memcmp(&x->nonce, &y->nonce, sizeof(x->nonce)));
		CHECK(x->peer == y->peer);
		CHECK(addr_equal(x->requester, y->requester));
		CHECK(x->enabled == y->enabled);
		CHECK(str_eq(portmap_desc(a, x, x_desc),
			     portmap_desc(b, y, y_desc)));
		CHECK(str_eq(portmap_note(a, x, x_note),
			     portmap_note(b, y, y_note)));
		CHECK(x->told_port == y->told_port);
		CHECK(x->unique_id == y->unique_id);
	}
}

static void open_start(struct start *s, int dir_fd)
{
	int err;

	memset(s, 0, sizeof(*s));
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++)
		s->table[k] = portmap_new(MAX, MAX - 1);
	s->l = leases_open(&s->file, dir_fd, s->table, &clock_now, &s->met,
			   &err);
	CHECK(s->l && err == 0 && s->met.old_err == 0);
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++)
		check_table(s->table[k], k);
}

static void free_start(struct start *s)
{
	leases_close(s->l);
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++)
		portmap_free(s->table[k]);
}

static void check_equal(const struct start *a, const struct start *b)
{
	CHECK(!b->met.dropped && !b->met.cut && !b->met.aside);
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++)
		check_same(a->table[k], b->table[k]);
	CHECK(portmap_last_id(a->table[NAT_PINHOLE]) ==
	      portmap_last_id(b->table[NAT_PINHOLE]));
}

/* Delete the first mapping of a table, and add the last one again. */
static void change(int dir_fd, int kind)
{
	struct start was, now;
	const struct portmap *a, *b;
	size_t n;

	open_start(&was, dir_fd);
	a = was.table[kind];
	n = portmap_count(a);
	if (n) {
		CHECK(!leases_del(was.l, &entry(a, 0)->rule));
		CHECK(!leases_set(was.l, entry(a, n - 1), &clock_now));
	}
	open_start(&now, dir_fd);
	b = now.table[kind];
	CHECK(!now.met.dropped && !now.met.cut && !now.met.aside);
	CHECK(portmap_count(b) == n - (n > 1));
	if (n)
		CHECK(nat_rule_equal(&entry(b, portmap_count(b) - 1)->rule,
				     &entry(a, n - 1)->rule));
	free_start(&now);
	free_start(&was);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_blow_up((struct str){ (const char *)data, n },
				     FILE_CAP / 2);
	struct start first, again;
	int dir_fd;

	make_file("mappings.before",
		  make_file("mappings.old",
			    make_file("mappings", make_file("leases", in))));
	dir_fd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_start(&first, dir_fd);
	CHECK(first.met.dropped <= in.n + 1);
	open_start(&again, dir_fd);
	check_equal(&first, &again);
	change(dir_fd, NAT_PORTMAP);
	change(dir_fd, NAT_PINHOLE);
	free_start(&first);
	free_start(&again);
	close(dir_fd);
	fuzz_free(in);
	return 0;
}
