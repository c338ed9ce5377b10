/* SPDX-License-Identifier: ISC */
/*
 * fuzz_confedit.c - edits of a configuration's text.
 *
 * Input: edits, a line each, up to a line "---"; then the text to edit.
 *   s KEY VALUE      S IFACE KEY VALUE     "|" in VALUE stands for a line feed
 *   u KEY            U IFACE KEY
 *   a IFACE          d IFACE
 *   + PLACE RULE     = NUMBER RULE         rules: add, replace
 *   - NUMBER         > NUMBER PLACE        delete, move
 *
 * Holds: a failed edit changes nothing; an edit makes its change, and every
 * other line stays byte for byte, in its order; the same edit again changes
 * nothing; and if the reader accepts the text and the option table the setting,
 * the edited text is read as the same configuration with that setting.
 */
#include <errno.h>
#include "base/wr.h"
#include "conf/confedit.h"
#include "conf/confline.h"
#include "conf/confrule.h"
#include "fuzz.h"
#include "fuzz_conftext.h"

#define EDITS_MAX 40
#define EDITS_LONG_MAX 4	/* for a long text, which is slow */
#define LONG_TEXT 8192
#define LINES_MAX (CONF_FILE_MAX + 2)

struct op {
	char what;		/* s u a d + = - >; S, U: s, u with iface */
	const char *iface;	/* NULL: the global settings */
	struct str key, value;
	size_t i, to;		/* of a rule */
	struct confrule rule;
};

/* The lines of a text, without their LF. */
struct lines {
	struct str at[LINES_MAX];
	size_t n;
};

static struct confedit edit, before, again;
static struct lines old, new;

/* ---- reading a text ------------------------------------------------------ */

static struct str text_of(const struct confedit *e)
{
	return (struct str){ e->text, e->len };
}

static bool same_text(const struct confedit *a, const struct confedit *b)
{
	return str_eq(text_of(a), text_of(b));
}

static void split_lines(const struct confedit *e, struct lines *ret)
{
	struct str rest = text_of(e);

	for (ret->n = 0; str_cut(&rest, '\n', &ret->at[ret->n]); ret->n++)
		CHECK(ret->n + 1 < LINES_MAX);
}

/* Does the part that @op edits continue after this line? */
static bool in_part(const struct confline *l, const struct op *op, bool in)
{
	struct str name;

	if (l->kind != CONFLINE_SECTION)
		return in;
	return op->iface && confline_iface(l, &name) &&
	       str_eq(name, str_z(op->iface));
}

/* Count the key in that part. A section is the first of its name, up to the
 * next one. @ret_value: of the first key */
static size_t count_key(const struct lines *t, const struct op *op,
			struct str *ret_value)
{
	bool in = !op->iface, was;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct confline l = confline_split(t->at[i]);

		was = in;
		in = in_part(&l, op, in);
		if (l.kind == CONFLINE_SECTION && was)
			break;
		if (!in || l.kind != CONFLINE_SETTING ||
		    !str_eq(l.key, op->key))
			continue;
		if (!n++)
			*ret_value = l.value;
	}
	return n;
}

static size_t count_section(const struct lines *t, const char *iface)
{
	const struct op op = { .iface = iface };
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct confline l = confline_split(t->at[i]);

		n += l.kind == CONFLINE_SECTION && in_part(&l, &op, false);
	}
	return n;
}

/* ---- unchanged lines ----------------------------------------------------- */

static bool is_blank(struct str line)
{
	return confline_split(line).kind == CONFLINE_BLANK;
}

static struct str without_cr(struct str s)
{
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* The last line gets a newline if a line is added after it. */
static bool same_line(struct str a, struct str b, bool last)
{
	return str_eq(a, b) || (last && str_eq(a, without_cr(b)));
}

/* Check that every line of the old text up to @from, and from @from + @gone on,
 * is in the new one. Between them are @more new lines; @ret_at is the first. */
static void check_rest(size_t from, size_t gone, size_t more)
{
	CHECK(from + gone <= old.n && new.n == old.n - gone + more);
	for (size_t i = 0; i < from; i++)
		CHECK(same_line(old.at[i], new.at[i], i + 1 == old.n));
	for (size_t i = from + gone; i < old.n; i++)
		CHECK(str_eq(old.at[i], new.at[i - gone + more]));
}

/* The first line that differs. */
static size_t first_change(void)
{
	size_t i = 0;

	while (i < old.n && i < new.n &&
	       same_line(old.at[i], new.at[i], i + 1 == old.n))
		i++;
	return i;
}

static void check_line(struct str line, const struct op *op)
{
	struct confline l = confline_split(line);

	CHECK(l.kind == CONFLINE_SETTING);
	CHECK(str_eq(l.key, op->key) && str_eq(l.value, op->value));
}

/* Check that the line is unchanged before and after the value. */
static void check_value_alone(struct str was, struct str is)
{
	struct confline a = confline_split(was), b = confline_split(is);
	size_t key = (size_t)(a.key.p + a.key.n - was.p);
	size_t at_a = (size_t)(a.value.p + a.value.n - was.p);
	size_t at_b = (size_t)(b.value.p + b.value.n - is.p);

	CHECK(key <= is.n && !memcmp(was.p, is.p, key));
	CHECK(was.n - at_a == is.n - at_b);
	CHECK(!memcmp(was.p + at_a, is.p + at_b, was.n - at_a));
}

static void check_added(const struct op *op)
{
	size_t at = first_change(), n = new.n - old.n;

	CHECK(n >= 1 && n <= 3);
	check_rest(at, 0, n);
	if (n == 3 || (n == 2 && is_blank(new.at[at]))) {
		CHECK(is_blank(new.at[at]));
		at++;
	}
	check_line(new.at[at], op);
	if (n == 3)
		CHECK(is_blank(new.at[at + 1]));
}

static void check_set(const struct op *op)
{
	struct str was, is;
	size_t n = count_key(&old, op, &was), at;

	CHECK(count_key(&new, op, &is) == (n ? n : 1));
	CHECK(str_eq(is, op->value));
	if (!n) {
		check_added(op);
		return;
	}
	CHECK(new.n == old.n);
	at = first_change();
	if (at == old.n)
		return;
	check_rest(at, 1, 1);
	check_line(new.at[at], op);
	check_value_alone(old.at[at], new.at[at]);
}

static void check_unset(const struct op *op)
{
	struct str was;
	size_t n = count_key(&old, op, &was), at = first_change();
	struct confline l;

	if (!n) {
		CHECK(same_text(&edit, &before));
		return;
	}
	CHECK(count_key(&new, op, &was) == n - 1);
	check_rest(at, 1, 0);
	l = confline_split(old.at[at]);
	CHECK(l.kind == CONFLINE_SETTING && str_eq(l.key, op->key));
}

static void check_add(const struct op *op)
{
	size_t n = new.n - old.n;

	CHECK(n == 1 || n == 2);
	check_rest(old.n, 0, n);
	CHECK(count_section(&new, op->iface) == 1);
	CHECK(n == 1 || is_blank(new.at[old.n]));
}

/* A run of lines is deleted: comments, blanks, a head, and the settings after
 * it. (If two sections have one name, it may be either run.) */
static void check_del(const struct op *op)
{
	size_t at = first_change(), gone = old.n - new.n, heads = 0;

	CHECK(gone >= 1);
	check_rest(at, gone, 0);
	if (count_section(&old, op->iface) > 1)
		return;
	for (size_t i = at; i < at + gone; i++) {
		struct confline l = confline_split(old.at[i]);

		heads += l.kind == CONFLINE_SECTION;
		CHECK(heads || l.kind == CONFLINE_COMMENT ||
		      l.kind == CONFLINE_BLANK);
	}
	CHECK(heads == 1);
	CHECK(count_section(&new, op->iface) + 1 ==
	      count_section(&old, op->iface));
}

/* ---- rules --------------------------------------------------------------- */

/* The lines that are rules, by their index. */
struct rules {
	size_t at[LINES_MAX];
	size_t n;
};

static struct rules old_rules, new_rules;

static void find_rules(const struct lines *t, struct rules *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct confline l = confline_split(t->at[i]);

		if (l.kind == CONFLINE_SECTION)
			break;
		if (l.kind == CONFLINE_RULE)
			ret->at[ret->n++] = i;
	}
}

/* Skip the lines that are rules. */
static size_t skip(const struct rules *r, size_t i, size_t *rule)
{
	while (*rule < r->n && r->at[*rule] == i) {
		++*rule;
		i++;
	}
	return i;
}

/* Check that all other lines are unchanged. The first global setting may be
 * set apart by blank lines. */
static void check_others(const struct op *op)
{
	bool may_add = op->what == '+' && !old_rules.n;
	size_t i = 0, j = 0, a = 0, b = 0;

	for (;;) {
		i = skip(&old_rules, i, &a);
		j = skip(&new_rules, j, &b);
		if (i < old.n && j < new.n &&
		    same_line(old.at[i], new.at[j], i + 1 == old.n)) {
			i++;
			j++;
		} else if (j < new.n && may_add && is_blank(new.at[j])) {
			j++;
		} else {
			break;
		}
	}
	CHECK(i == old.n && j == new.n);
}

/* The index in the old rules of the new rule @i; SIZE_MAX: it is new. */
static size_t old_rule(const struct op *op, size_t i)
{
	size_t n = old_rules.n, to = op->to < n ? op->to : n;

	switch (op->what) {
	case '+':
		return i == to ? SIZE_MAX : i - (i > to);
	case '=':
		return i == op->i ? SIZE_MAX : i;
	case '-':
		return i + (i >= op->i);
	}
	if (to > op->i)
		to--;
	if (i == to)
		return op->i;
	i -= i > to;
	return i + (i >= op->i);
}

static void check_rules(const struct op *op)
{
	char text[CONF_LINE_MAX];
	struct wr w = wr_init(text, sizeof(text));

	confrule_put(&w, &op->rule);
	find_rules(&old, &old_rules);
	find_rules(&new, &new_rules);
	CHECK(new_rules.n == old_rules.n + (op->what == '+') -
			     (op->what == '-'));
	for (size_t i = 0; i < new_rules.n; i++) {
		size_t was = old_rule(op, i);
		struct str is = new.at[new_rules.at[i]];

		if (was == SIZE_MAX)
			CHECK(str_eq(confline_split(is).text, wr_done(&w)));
		else
			CHECK(same_line(old.at[old_rules.at[was]], is,
					old_rules.at[was] + 1 == old.n));
	}
	check_others(op);
}

/* ---- the same edit again ------------------------------------------------- */

static int run(struct confedit *e, const struct op *op)
{
	switch (op->what) {
	case 's':
		return confedit_set(e, op->iface, op->key, op->value);
	case 'u':
		return confedit_unset(e, op->iface, op->key);
	case 'a':
		return confedit_add_iface(e, op->iface);
	case '+':
		return confedit_add_rule(e, op->to, &op->rule);
	case '=':
		return confedit_set_rule(e, op->i, &op->rule);
	case '-':
		return confedit_del_rule(e, op->i);
	case '>':
		return confedit_move_rule(e, op->i, op->to);
	}
	return confedit_del_iface(e, op->iface);
}

static void check_again(const struct op *op)
{
	struct str was;
	int err;

	again = edit;
	err = run(&again, op);
	if (op->what == 's' || op->what == '=')
		CHECK(err == 0 && same_text(&again, &edit));
	if (op->what == 'u')
		CHECK(err == 0 && (count_key(&new, op, &was) ||
				   same_text(&again, &edit)));
	if (op->what == 'a')
		CHECK(err == -EEXIST);
	if (op->what == 'd' && !count_section(&new, op->iface))
		CHECK(err == -ENOENT);
}

/* ---- reading the edited text --------------------------------------------- */

static void *part_of(struct conf *c, const char *iface)
{
	for (size_t i = 0; iface && i < c->iface_n; i++)
		if (!strcmp(c->iface[i].name, iface))
			return &c->iface[i];
	return iface ? NULL : c;
}

/* Line numbers may differ. */
static void check_same(const struct conf *want, const struct conf *got)
{
	static char a[65536], b[65536];

	CHECK(str_eq(conftext(want, a, sizeof(a)),
		     conftext(got, b, sizeof(b))));
}

/* Is its validity independent of other settings? */
static bool stands_alone(struct str key)
{
	static const char *const not[] = {
		"enabled", "type", "disabled", "forced-ip", "nft-table",
		"nft-forward-chain"
	};

	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		if (str_eq(key, str_z(not[i])))
			return false;
	return true;
}

static void check_read(const struct op *op)
{
	static struct conf was, is;
	struct conf_error why;
	char unused[512];
	struct wr w = wr_init_cut(unused, sizeof(unused));
	const struct confopt *o = confopt_find(op->iface, op->key);
	struct str value = op->what == 's' ? op->value : STR("");
	void *part;
	int err;

	if ((op->what != 's' && op->what != 'u') ||
	    conf_parse(text_of(&before), "f", &was, &why))
		return;
	err = conf_parse(text_of(&edit), "f", &is, &why);
	part = part_of(&was, op->iface);
	CHECK(part);
	if (!o || !part) {
		CHECK(!err == (op->what == 'u'));
		return;
	}
	if (op->what == 'u')
		value = str_z(confopt_default(o));
	if (confopt_set(o, value, part, &w)) {
		CHECK(err || op->what == 'u');
		return;
	}
	CHECK(!err || !stands_alone(op->key));
	if (!err)
		check_same(&was, &is);
}

/* ---- a run --------------------------------------------------------------- */

/* The header lists the possible errors. */
static void check_error(const struct op *op, int err)
{
	CHECK(same_text(&edit, &before));
	CHECK(err == -ENOSPC || (err == -EINVAL && !strchr("->", op->what)) ||
	      err == (op->what == 'a' ? -EEXIST : -ENOENT));
	if (err == -ENOENT && strchr("=->", op->what)) {
		find_rules(&old, &old_rules);
		CHECK(op->i >= old_rules.n);
		return;
	}
	if (err == -ENOENT)
		CHECK(!op->iface || !count_section(&old, op->iface));
	if (err == -EEXIST)
		CHECK(count_section(&old, op->iface));
}

static void check_op(const struct op *op)
{
	int err;

	before = edit;
	err = run(&edit, op);
	CHECK(edit.len <= sizeof(edit.text));
	split_lines(&before, &old);
	split_lines(&edit, &new);
	if (err) {
		check_error(op, err);
		return;
	}
	if (op->what == 's')
		check_set(op);
	else if (op->what == 'u')
		check_unset(op);
	else if (op->what == 'a')
		check_add(op);
	else if (op->what != 'd')
		check_rules(op);
	else
		check_del(op);
	check_again(op);
	check_read(op);
}

static struct str with_line_feeds(struct str s)
{
	struct str copy = fuzz_copy(s);
	char *p = (char *)(uintptr_t)copy.p;

	for (size_t i = 0; i < s.n; i++)
		if (p[i] == '|')
			p[i] = '\n';
	return copy;
}

/* A name as a string of its own, without a NUL in it. */
static const char *take_name(struct str *line, char buf[64])
{
	struct str word;

	if (!str_cut(line, ' ', &word) || memchr(word.p, '\0', word.n) ||
	    !str_copy(buf, 64, word))
		return "";
	return buf;
}

/* PLACE RULE, NUMBER RULE, NUMBER, NUMBER PLACE */
static void read_rule_op(char what, struct str line)
{
	struct op op = { .what = what };
	char unused[256];
	struct wr why = wr_init_cut(unused, sizeof(unused));
	struct confline rule;
	struct str word;
	uint32_t i, to;

	if (!str_word(&line, &word) || str_u32(word, 0, 100, &i))
		return;
	rule = confline_split(line);
	if ((what == '+' || what == '=') &&
	    (rule.kind != CONFLINE_RULE ||
	     confrule_parse(rule.key, rule.value, &op.rule, &why)))
		return;
	if (what == '>' && str_u32(str_trim(line), 0, 100, &to))
		return;
	op.i = i;
	op.to = what == '>' ? to : i;
	check_op(&op);
}

static void read_op(struct str line)
{
	char name[64];
	struct str what = STR(""), value;
	struct op op = { 0 };

	if (!str_cut(&line, ' ', &what) || what.n != 1 ||
	    !strchr("sSuUad+=->", what.p[0]))
		return;
	if (strchr("+=->", what.p[0])) {
		read_rule_op(what.p[0], line);
		return;
	}
	op.what = what.p[0];
	if (strchr("SUad", op.what))
		op.iface = take_name(&line, name);
	if (op.what < 'a')
		op.what += 'a' - 'A';
	if (op.what == 's' || op.what == 'u')
		str_cut(&line, ' ', &op.key);
	value = with_line_feeds(line);
	op.value = value;
	check_op(&op);
	fuzz_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_blow_up((struct str){ (const char *)data, n },
				     CONF_FILE_MAX + 4096);
	struct str rest = in, ops = in, line = STR("");
	int left;

	while (str_cut(&rest, '\n', &line) && !str_eq(line, STR("---")))
		;
	ops.n -= rest.n;
	edit.len = rest.n < sizeof(edit.text) ? rest.n : sizeof(edit.text);
	if (edit.len)
		memcpy(edit.text, rest.p, edit.len);
	left = edit.len > LONG_TEXT ? EDITS_LONG_MAX : EDITS_MAX;
	while (left-- && str_cut(&ops, '\n', &line) &&
	       !str_eq(line, STR("---")))
		read_op(line);
	fuzz_free(in);
	return 0;
}
