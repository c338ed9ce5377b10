/* SPDX-License-Identifier: ISC */
/*
 * test_confedit.c - a change of the configuration's text keeps everything else
 * in it: single changes of unusual files, then random changes that are compared
 * with a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "conf/confedit.h"
#include "conf/confline.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"
#include "tests/unit/conf/edittest.h"

enum op { SET, UNSET, ADD, DEL };

static int run(enum op op, const char *iface, const char *key,
	       const char *value)
{
	switch (op) {
	case SET:
		return confedit_set(&edit, iface, str_z(key), str_z(value));
	case UNSET:
		return confedit_unset(&edit, iface, str_z(key));
	case ADD:
		return confedit_add_iface(&edit, iface);
	case DEL:
		return confedit_del_iface(&edit, iface);
	}
	return -ENOSYS;
}

struct sample {
	const char *before;
	enum op op;
	const char *iface, *key, *value;
	int err;
	const char *after;	/* NULL: unchanged */
};

#define LAN "[interface lan0]\ntype = internal\n"
#define WAN "[interface wan0]\ntype = external\n"

static const struct sample samples[] = {
	/* a key that is set */
	{ "a = 1\nb = 2\n", SET, NULL, "a", "3", 0, "a = 3\nb = 2\n" },
	{ "a=1", SET, NULL, "a", "2 3", 0, "a=2 3" },
	{ "\t a\t=\t1\t # c\r\nb = 2\r\n", SET, NULL, "a", "22", 0,
	  "\t a\t=\t22\t # c\r\nb = 2\r\n" },
	{ "a = 1 # a = 2\n", SET, NULL, "a", "3", 0, "a = 3 # a = 2\n" },
	{ "#a = 1\n# a = 1\na = 1#2\n", SET, NULL, "a", "3", 0,
	  "#a = 1\n# a = 1\na = 3\n" },
	{ "a =\n", SET, NULL, "a", "1", 0, "a = 1\n" },
	{ "a=   # c\n", SET, NULL, "a", "1", 0, "a= 1   # c\n" },
	{ "a = 1 # c\n", SET, NULL, "a", "", 0, "a = # c\n" },
	{ "a = 1", SET, NULL, "a", "", 0, "a =" },
	{ "a = 1 # c\n", SET, NULL, "a", "#1", 0, "a =#1 # c\n" },
	{ "a =#1 # c\n", SET, NULL, "a", "2", 0, "a = 2 # c\n" },
	{ "a==1\n", SET, NULL, "a", "2", 0, "a=2\n" },
	{ LAN WAN, SET, "wan0", "type", "internal", 0,
	  LAN "[interface wan0]\ntype = internal\n" },
	{ "a = 1\n" LAN "a = 2\n" WAN "a = 3\n", SET, "lan0", "a", "4", 0,
	  "a = 1\n" LAN "a = 4\n" WAN "a = 3\n" },
	/* a key that is not set */
	{ "", SET, NULL, "a", "1", 0, "a = 1\n" },
	{ "", SET, NULL, "a", "", 0, "a =\n" },
	{ "", SET, NULL, "a", "#", 0, "a =#\n" },
	{ "b = 2", SET, NULL, "a", "1", 0, "b = 2\na = 1\n" },
	{ "b = 2\n\n# end\n", SET, NULL, "a", "1", 0,
	  "b = 2\na = 1\n\n# end\n" },
	{ "# head", SET, NULL, "a", "1", 0, "# head\n\na = 1\n" },
	{ "# head\r\n", SET, NULL, "a", "1", 0, "# head\r\n\r\na = 1\r\n" },
	{ "\n", SET, NULL, "a", "1", 0, "\na = 1\n" },
	{ LAN, SET, NULL, "a", "1", 0, "a = 1\n\n" LAN },
	{ "# head\n" LAN, SET, NULL, "a", "1", 0,
	  "# head\n\na = 1\n\n" LAN },
	{ "# head\n\n# the LAN\n" LAN, SET, NULL, "a", "1", 0,
	  "# head\n\na = 1\n\n# the LAN\n" LAN },
	{ "deny 1 0.0.0.0/0 1 # c\n\n" LAN, SET, NULL, "a", "1", 0,
	  "deny 1 0.0.0.0/0 1 # c\na = 1\n\n" LAN },
	{ LAN "\n# up\n" WAN, SET, "lan0", "a", "1", 0,
	  LAN "a = 1\n\n# up\n" WAN },
	{ "[interface x]#", SET, "x", "a", "1", -ENOENT },
	{ "[interface x] #\n# c\n", SET, "x", "a", "1", 0,
	  "[interface x] #\na = 1\n# c\n" },
	{ LAN, SET, "lan", "a", "1", -ENOENT },
	{ "#" LAN, SET, "lan0", "a", "1", -ENOENT },
	/* values that the file cannot hold */
	{ "a = 1\n", SET, NULL, "a", "1\n2", -EINVAL },
	{ "a = 1\n", SET, NULL, "a", "\x1b", -EINVAL },
	{ "a = 1\n", SET, NULL, "a", "1 #2", -EINVAL },
	{ "a = 1\n", SET, NULL, "a", " 1", -EINVAL },
	{ "a = 1\n", SET, NULL, "a", "1\t", -EINVAL },
	{ "", SET, NULL, "a=b", "1", -EINVAL },
	{ "", SET, NULL, "a\nb", "1", -EINVAL },
	{ "", SET, NULL, "#a", "1", -EINVAL },
	{ "", SET, NULL, "", "1", -EINVAL },
	{ "", SET, NULL, "allow", "1", -EINVAL },
	{ "", SET, NULL, "[a", "]", -EINVAL },
	/* unset */
	{ "a = 1\nb = 2 # c\nc = 3\n", UNSET, NULL, "b", NULL, 0,
	  "a = 1\nc = 3\n" },
	{ "a = 1\nb = 2", UNSET, NULL, "b", NULL, 0, "a = 1\n" },
	{ "a = 1", UNSET, NULL, "a", NULL, 0, "" },
	{ "a = 1\n", UNSET, NULL, "b", NULL, 0, NULL },
	{ "", UNSET, NULL, "b", NULL, 0, NULL },
	{ LAN "a = 1\n", UNSET, NULL, "a", NULL, 0, NULL },
	{ LAN "# c\n\ta=1\r\n\n" WAN, UNSET, "lan0", "a", NULL, 0,
	  LAN "# c\n\n" WAN },
	{ LAN, UNSET, "wan0", "a", NULL, -ENOENT },
	{ "allow 1 0.0.0.0/0 1\n", UNSET, NULL, "allow", NULL, 0, NULL },
	/* add a section */
	{ "", ADD, "lan0", NULL, NULL, 0, "[interface lan0]\n" },
	{ "a = 1", ADD, "lan0", NULL, NULL, 0, "a = 1\n\n[interface lan0]\n" },
	{ "a = 1\r\n", ADD, "x", NULL, NULL, 0,
	  "a = 1\r\n\r\n[interface x]\r\n" },
	{ "a = 1\n\n", ADD, "x", NULL, NULL, 0, "a = 1\n\n[interface x]\n" },
	{ LAN "# end", ADD, "x", NULL, NULL, 0,
	  LAN "# end\n\n[interface x]\n" },
	{ " [interface\tlan0 ] # c", ADD, "lan0", NULL, NULL, -EEXIST },
	{ "", ADD, "a b", NULL, NULL, -EINVAL },
	{ "", ADD, "", NULL, NULL, -EINVAL },
	{ "", ADD, "a]\nb", NULL, NULL, -EINVAL },
	/* delete a section */
	{ "a = 1\n\n" LAN, DEL, "lan0", NULL, NULL, 0, "a = 1\n" },
	{ "a = 1\n" LAN, DEL, "lan0", NULL, NULL, 0, "a = 1\n" },
	{ LAN, DEL, "lan0", NULL, NULL, 0, "" },
	{ "[interface a]", DEL, "a", NULL, NULL, 0, "" },
	{ LAN "\n" WAN, DEL, "lan0", NULL, NULL, 0, WAN },
	{ LAN WAN, DEL, "lan0", NULL, NULL, 0, WAN },
	{ LAN WAN, DEL, "wan0", NULL, NULL, 0, LAN },
	{ "# head\n" LAN "\n# up\n" WAN, DEL, "lan0", NULL, NULL, 0,
	  "# head\n\n# up\n" WAN },
	{ "# head\n\n# the LAN\n" LAN "# more\n\n# up\n" WAN, DEL, "lan0",
	  NULL, NULL, 0, "# head\n\n# up\n" WAN },
	{ "# head\n\n# the LAN\n" LAN "# up\n" WAN, DEL, "lan0", NULL, NULL,
	  0, "# head\n\n# up\n" WAN },
	{ "# head\n# two\n" LAN, DEL, "lan0", NULL, NULL, 0,
	  "# head\n# two\n" },
	{ LAN "\n# apart\n\n# up\n" WAN, DEL, "lan0", NULL, NULL, 0,
	  "# apart\n\n# up\n" WAN },
	{ LAN WAN "\n# apart\n", DEL, "wan0", NULL, NULL, 0,
	  LAN "\n# apart\n" },
	{ LAN "\r\n[interface x]\r\n# c\r\ntype = internal\r\n", DEL, "x",
	  NULL, NULL, 0, LAN },
	{ LAN, DEL, "wan0", NULL, NULL, -ENOENT },
};

static void test_single_changes(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		const char *after = s->after ? s->after : s->before;
		int err;

		load(s->before);
		err = run(s->op, s->iface, s->key, s->value);
		if (err != s->err || edit.len != strlen(after) ||
		    memcmp(edit.text, after, edit.len))
			fail_msg("%zu: %d\n%s-- gave\n%.*s-- wanted %d\n%s", i,
				 err, s->before, (int)edit.len, edit.text,
				 s->err, after);
	}
}

static void test_change_that_does_not_fit_is_refused(void **state)
{
	static char value[CONF_LINE_MAX + 1];

	memset(edit.text, '#', sizeof(edit.text));
	edit.len = sizeof(edit.text) - 7;
	assert_int_equal(run(SET, NULL, "a", "1"), -ENOSPC);
	assert_int_equal(run(ADD, "a", NULL, NULL), -ENOSPC);
	assert_int_equal(edit.len, sizeof(edit.text) - 7);
	edit.len--;		/* LF, LF, "a = 1", LF */
	assert_int_equal(run(SET, NULL, "a", "1"), 0);
	assert_int_equal(edit.len, sizeof(edit.text));
	assert_int_equal(run(SET, NULL, "a", "12"), -ENOSPC);
	assert_int_equal(run(SET, NULL, "a", "2"), 0);
	assert_memory_equal(edit.text + edit.len - 8, "\n\na = 2\n", 8);
	load("");
	memset(value, 'v', sizeof(value) - 1);
	assert_int_equal(run(SET, NULL, "a", value), -EINVAL);
	value[CONF_LINE_MAX - 4] = '\0';
	assert_int_equal(run(SET, NULL, "a", value), 0);
}

/* Every call returns, whatever bytes the file has. */
static void test_any_bytes_can_be_edited(void **state)
{
	static const char seed[] = "# h\na = 1 # c\r\n\n# l\n" LAN "\n" WAN;
	uint32_t x = 1;

	for (int round = 0; round < 20000; round++) {
		load(seed);
		for (int k = 0; k < 3; k++) {
			x = x * 1664525u + 1013904223u;
			edit.text[(x >> 8) % edit.len] = (char)(x >> 24);
		}
		run(SET, NULL, "a", "2");
		run(SET, "lan0", "b", "2");
		run(UNSET, NULL, "a", NULL);
		run(DEL, "lan0", NULL, NULL);
		run(ADD, "x", NULL, NULL);
		assert_true(edit.len <= sizeof(seed) + 64);
	}
}

/* ---- random edits, compared with a model ----------------------------- */

static uint32_t seed_now;

static uint32_t rnd(uint32_t n)
{
	seed_now = seed_now * 1664525u + 1013904223u;
	return (seed_now >> 8) % n;
}

struct pool {
	const char *key;
	const char *value[4];
};

static const struct pool pool[] = {
	{ "friendly-name", { "#1", "a#b", "x  y = z", "[interface lan0]" } },
	{ "http-port", { "0", "2828", "65535", "00080" } },
	{ "hairpin", { "yes", "no", "yes", "no" } },
	{ "serial-number", { "", "#", "allow", "\xc3\xa4" } },
	{ "backend", { "auto", "nft", "iptables", "memory" } },
	{ "log-level", { "error", "info", "debug", "notice" } },
	{ "uuid", { "", "01234567-89ab-cdef-0123-456789abcdef", "", "" } },
};
#define POOL (sizeof(pool) / sizeof(pool[0]))
#define NAMES 4		/* interfaces i0 to i3 */

static const char *nl;		/* the file's line end */

static void put_line(struct wr *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put_line(struct wr *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	wr_vfmt(w, fmt, ap);
	va_end(ap);
	wr_z(w, nl);
}

static void put_noise(struct wr *w)
{
	static const char *const noise[] = {
		"", "", " \t", "# hairpin = yes", "\t#x", "#[interface i1]",
		"# the next",
	};

	for (uint32_t n = rnd(4); n > 0; n--)
		put_line(w, "%s", noise[rnd(7)]);
}

static void put_setting(struct wr *w, const char *key, const char *value)
{
	static const char *const space[] = { "", " ", "\t", "  " };
	const char *behind = *value == '#' ? "" : space[rnd(4)];

	put_line(w, "%s%s%s=%s%s%s", space[rnd(4)], key, space[rnd(4)], behind,
		 value, rnd(3) ? "" : " # was = 1");
}

static void put_section(struct wr *w, uint32_t i)
{
	bool first = rnd(2);

	put_noise(w);
	put_line(w, "%s[%sinterface i%u]%s", rnd(3) ? "" : " ",
		 rnd(3) ? "" : "\t", (unsigned)i, rnd(3) ? "" : "  # [x]");
	if (first)
		put_setting(w, "type", "internal");
	put_noise(w);
	if (rnd(2))
		put_setting(w, "disabled", rnd(2) ? "yes" : "no");
	if (!first)
		put_setting(w, "type", "internal");
	put_noise(w);
}

static void make_file(void)
{
	struct wr w = wr_init(edit.text, sizeof(edit.text));
	uint32_t from = rnd(NAMES);

	nl = rnd(4) ? "\n" : "\r\n";
	for (size_t i = 0; i < POOL; i++) {
		put_noise(&w);
		if (rnd(2))
			put_setting(&w, pool[i].key, pool[i].value[rnd(4)]);
		if (!rnd(4))
			put_line(&w, "%s", "\tdeny 22 0.0.0.0/0 1-2 # ssh");
	}
	for (uint32_t i = 0; i < NAMES; i++)
		if (rnd(2))
			put_section(&w, (i + from) % NAMES);
	edit.len = w.len;
	if (edit.len && !rnd(4))
		edit.len -= strlen(nl);	/* no newline at the end */
}

static void put_table(struct wr *w, bool of_iface, const void *base)
{
	const struct confopt *o;

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++) {
		wr_fmt(w, "%s=", confopt_name(o));
		confopt_put(o, base, w);
		wr_ch(w, '\n');
	}
}

/* The configuration without its line numbers. */
static const char *dump(const struct conf *c, char *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	put_table(&w, false, c);
	for (size_t i = 0; i < c->rule_n; i++)
		wr_fmt(&w, "%d %u\n", c->rule[i].allow, c->rule[i].ext_lo);
	for (size_t i = 0; i < c->iface_n; i++) {
		wr_fmt(&w, "[%s]\n", c->iface[i].name);
		put_table(&w, true, &c->iface[i]);
	}
	assert_false(w.over);
	return wr_cstr(&w);
}

static struct confedit old;	/* the text before the edit */

static void show(const char *what)
{
	fail_msg("%s\n%.*s-- became\n%.*s--", what, (int)old.len, old.text,
		 (int)edit.len, edit.text);
}

static void read_back(struct conf *ret)
{
	struct conf_error why;

	if (conf_parse((struct str){ edit.text, edit.len }, "f", ret, &why))
		show(why.text);
}

static void expect_model(const struct conf *model)
{
	static char wanted[8192], got[8192];
	struct conf conf;

	read_back(&conf);
	dump(model, wanted, sizeof(wanted));
	if (strcmp(dump(&conf, got, sizeof(got)), wanted))
		show("the reader reads something else");
}

static size_t find_iface(const struct conf *c, const char *iface)
{
	size_t i = 0;

	while (i < c->iface_n && strcmp(c->iface[i].name, iface))
		i++;
	return i;
}

/* The lines that differ between the two texts: a slice of each. */
static void differ(struct str *ret_old, struct str *ret_new)
{
	struct str a = { old.text, old.len }, b = { edit.text, edit.len };
	struct str la, lb, ra = a, rb = b;

	while (str_cut(&ra, '\n', &la) && str_cut(&rb, '\n', &lb) &&
	       str_eq(la, lb)) {
		a = ra;
		b = rb;
	}
	while (a.n && b.n && a.p[a.n - 1] == b.p[b.n - 1]) {
		a.n--;
		b.n--;
	}
	/* back to the end of a line */
	while (a.n + a.p < old.text + old.len && a.n && a.p[a.n - 1] != '\n') {
		a.n++;
		b.n++;
	}
	*ret_old = a;
	*ret_new = b;
}

static size_t count(struct str text, enum confline_kind kind, const char *key)
{
	struct str line;
	size_t n = 0;

	while (str_cut(&text, '\n', &line)) {
		struct confline l = confline_split(line);

		n += l.kind == kind && (!key || str_eq(l.key, str_z(key)));
	}
	return n;
}

static size_t lines(struct str text)
{
	struct str line;
	size_t n = 0;

	while (str_cut(&text, '\n', &line))
		n++;
	return n;
}

static struct str comment_of(struct str line)
{
	struct confline l = confline_split(line);

	return str_trim(str_skip(line, (size_t)(l.text.p - line.p) + l.text.n));
}

/* Only the value in the line of @key has changed. */
static void expect_replaced(const char *key)
{
	struct str was, is;

	differ(&was, &is);
	if (!was.n && !is.n)
		return;
	if (lines(was) != 1 || lines(is) != 1 ||
	    count(was, CONFLINE_SETTING, key) != 1 ||
	    count(is, CONFLINE_SETTING, key) != 1 ||
	    !str_eq(comment_of(was), comment_of(is)))
		show("more than a value has changed");
}

/* One line of @kind was added, and nothing else but blank lines. */
static void expect_added(enum confline_kind kind, const char *key)
{
	struct str was, is;

	/* the change adds a newline to a last line without one */
	if (old.len && old.text[old.len - 1] != '\n' &&
	    edit.text[edit.len - 1] == '\n') {
		memcpy(old.text + old.len, nl, strlen(nl));
		old.len += strlen(nl);
	}
	differ(&was, &is);
	if (was.n || count(is, kind, key) != 1 ||
	    lines(is) != 1 + count(is, CONFLINE_BLANK, NULL))
		show("more than one line was added");
}

static void expect_deleted(size_t sections, size_t settings)
{
	struct str was, is;

	differ(&was, &is);
	if (is.n || count(was, CONFLINE_SECTION, NULL) != sections ||
	    count(was, CONFLINE_SETTING, NULL) != settings ||
	    count(was, CONFLINE_RULE, NULL))
		show("other lines were deleted");
}

static bool is_set(const char *iface, const char *key)
{
	struct str rest = { edit.text, edit.len }, line, name;
	bool in = !iface;

	while (str_cut(&rest, '\n', &line)) {
		struct confline l = confline_split(line);

		if (l.kind == CONFLINE_SECTION)
			in = iface && confline_iface(&l, &name) &&
			     str_eq(name, str_z(iface));
		if (in && l.kind == CONFLINE_SETTING &&
		    str_eq(l.key, str_z(key)))
			return true;
	}
	return false;
}

static void set_both(struct conf *model, const char *iface, const char *key,
		     const char *value)
{
	bool there = is_set(iface, key);
	void *base = model;
	struct wr none = wr_init(NULL, 0);

	if (iface)
		base = &model->iface[find_iface(model, iface)];
	assert_int_equal(run(SET, iface, key, value), 0);
	assert_int_equal(confopt_set(confopt_find(iface, str_z(key)),
				     str_z(value), base, &none), 0);
	if (there)
		expect_replaced(key);
	else
		expect_added(CONFLINE_SETTING, key);
}

static void unset_both(struct conf *model, const char *iface, const char *key)
{
	bool there = is_set(iface, key);
	const struct confopt *o = confopt_find(iface, str_z(key));
	void *base = model;
	struct wr none = wr_init(NULL, 0);

	if (iface)
		base = &model->iface[find_iface(model, iface)];
	assert_int_equal(run(UNSET, iface, key, NULL), 0);
	assert_int_equal(confopt_set(o, str_z(confopt_default(o)), base,
				     &none), 0);
	expect_deleted(0, there);
}

static void add_both(struct conf *model, const char *iface)
{
	struct conf_iface *f = &model->iface[model->iface_n++];

	*f = (struct conf_iface){ .type = CONF_INTERNAL };
	confopt_defaults(true, f);
	str_copy(f->name, sizeof(f->name), str_z(iface));
	assert_int_equal(run(ADD, iface, NULL, NULL), 0);
	expect_added(CONFLINE_SECTION, NULL);
	old = edit;
	assert_int_equal(run(SET, iface, "type", "internal"), 0);
	f->type = CONF_INTERNAL;
	expect_added(CONFLINE_SETTING, "type");
}

static void del_both(struct conf *model, const char *iface)
{
	size_t i = find_iface(model, iface);
	size_t settings = (size_t)is_set(iface, "type") +
			  is_set(iface, "disabled");

	assert_int_equal(run(DEL, iface, NULL, NULL), 0);
	memmove(&model->iface[i], &model->iface[i + 1],
		(model->iface_n - i - 1) * sizeof(model->iface[0]));
	model->iface_n--;
	expect_deleted(1, settings);
}

static void edit_iface(struct conf *model)
{
	static const char *const names[] = { "i0", "i1", "i2", "i3" };
	const char *iface = names[rnd(NAMES)];

	if (find_iface(model, iface) == model->iface_n) {
		assert_int_equal(run(DEL, iface, NULL, NULL), -ENOENT);
		add_both(model, iface);
		return;
	}
	assert_int_equal(run(ADD, iface, NULL, NULL), -EEXIST);
	switch (rnd(3)) {
	case 0:
		del_both(model, iface);
		break;
	case 1:
		unset_both(model, iface, "disabled");
		break;
	case 2:
		set_both(model, iface, "disabled", rnd(2) ? "yes" : "no");
		break;
	}
}

static void edit_once(struct conf *model)
{
	const struct pool *p = &pool[rnd(POOL)];

	old = edit;
	if (rnd(2))
		edit_iface(model);
	else if (rnd(4))
		set_both(model, NULL, p->key, p->value[rnd(4)]);
	else
		unset_both(model, NULL, p->key);
	expect_model(model);
}

static void test_random_changes_match_the_model(void **state)
{
	struct conf model;

	for (uint32_t file = 0; file < 1000; file++) {
		seed_now = file;
		make_file();
		old = edit;
		read_back(&model);
		for (int i = 0; i < 20; i++)
			edit_once(&model);
	}
}

/* A section that is added and deleted leaves no trace. */
static void test_adding_and_deleting_leaves_no_trace(void **state)
{
	for (uint32_t file = 0; file < 1000; file++) {
		struct str was, is;

		seed_now = file;
		make_file();
		if (!edit.len || edit.text[edit.len - 1] != '\n' ||
		    (edit.len > 1 && is_set("new", "type")))
			continue;
		old = edit;
		assert_int_equal(run(ADD, "new", NULL, NULL), 0);
		assert_int_equal(run(SET, "new", "type", "internal"), 0);
		assert_int_equal(run(DEL, "new", NULL, NULL), 0);
		differ(&was, &is);
		if (is.n || lines(was) != count(was, CONFLINE_BLANK, NULL))
			show("something is left");
	}
}

/* ---- mappings -------------------------------------------------------- */

static void test_mappings_are_added_and_deleted(void **state)
{
	struct conf_mapping a = mapping("tcp 80 10.0.0.1:80");
	struct conf_mapping b = mapping("udp 80 10.0.0.1:80 remote 1.2.3.4 "
					"disabled");

	load("# head\n\n" LAN);
	assert_int_equal(confedit_add_mapping(&edit, &a,
					      "say \"#1\" # a\\"), 0);
	expect_text("# head\n\nmapping tcp 80 10.0.0.1:80 "
		    "\"say \\\"#1\\\" # a\\\\\"\n\n" LAN);
	assert_int_equal(confedit_add_mapping(&edit, &b, ""), 0);
	expect_text("# head\n\nmapping tcp 80 10.0.0.1:80 "
		    "\"say \\\"#1\\\" # a\\\\\"\n"
		    "mapping udp 80 10.0.0.1:80 remote 1.2.3.4 disabled\n\n"
		    LAN);
	/* only the key is compared, not the destination */
	assert_int_equal(confedit_add_mapping(&edit, &a, ""), -EEXIST);
	a = mapping("tcp 80 10.0.0.2:81");
	assert_int_equal(confedit_add_mapping(&edit, &a, ""), -EEXIST);
	assert_int_equal(confedit_del_mapping(&edit, &a), 0);
	assert_int_equal(confedit_del_mapping(&edit, &a), -ENOENT);
	b.remote = addr_any();
	assert_int_equal(confedit_del_mapping(&edit, &b), -ENOENT);
	b.remote = addr_ip4(0x01020304);
	assert_int_equal(confedit_del_mapping(&edit, &b), 0);
	expect_text("# head\n\n\n" LAN);
}

static void test_mapping_is_added_after_the_settings(void **state)
{
	struct conf_mapping a = mapping("tcp 80 10.0.0.1:80");

	load("a = 1\r\nallow 1 10.0.0.0/8 1\r\n\r\n# lan\r\n[interface x]\r\n"
	     "mapping tcp 80 10.0.0.1:80\r\n");
	assert_int_equal(confedit_add_mapping(&edit, &a, ""), 0);
	expect_text("a = 1\r\nallow 1 10.0.0.0/8 1\r\n"
		    "mapping tcp 80 10.0.0.1:80\r\n\r\n# lan\r\n"
		    "[interface x]\r\nmapping tcp 80 10.0.0.1:80\r\n");
}

static void test_mapping_with_the_longest_comment(void **state)
{
	struct conf_mapping a = mapping("udp 65535 192.168.188.188:65535 "
					"remote 203.203.203.203 disabled");
	char comment[PM_DESC_MAX + 1];

	memset(comment, '"', PM_DESC_MAX);
	comment[PM_DESC_MAX] = '\0';
	load("");
	assert_int_equal(confedit_add_mapping(&edit, &a, comment), 0);
	assert_int_equal(confedit_del_mapping(&edit, &a), 0);
	assert_int_equal(edit.len, 0);
	/* a comment that the reader would refuse is not written */
	assert_int_equal(confedit_add_mapping(&edit, &a, "a\nb"), -EINVAL);
	assert_int_equal(edit.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_changes),
		cmocka_unit_test(test_mappings_are_added_and_deleted),
		cmocka_unit_test(test_mapping_is_added_after_the_settings),
		cmocka_unit_test(test_mapping_with_the_longest_comment),
		cmocka_unit_test(test_change_that_does_not_fit_is_refused),
		cmocka_unit_test(test_any_bytes_can_be_edited),
		cmocka_unit_test(test_random_changes_match_the_model),
		cmocka_unit_test(test_adding_and_deleting_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
