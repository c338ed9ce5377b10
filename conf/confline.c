/* SPDX-License-Identifier: ISC */
/* confline.c - splits a line of a configuration file. Runs in: any */
#include <errno.h>
#include "conf/confline.h"
#include "base/text.h"

int confline_fail(struct wr *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	wr_vfmt(why, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static size_t comment_at(struct str line)
{
	size_t i = 0;

	while (i < line.n && !(line.p[i] == '#' &&
			       (i == 0 || line.p[i - 1] == ' ' ||
				line.p[i - 1] == '\t')))
		i++;
	return i;
}

/* As comment_at(), for a mapping or a rule, which may have a text in quotes. */
static size_t comment_behind_quotes(struct str line)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == '\\' && quoted && i + 1 < line.n)
			i++;
		else if (!quoted && line.p[i] == '#' &&
			 comment_at(str_skip(line, i - 1)) == 1)
			break;
	}
	return i;
}

static bool is_section(struct str s)
{
	return s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
}

static enum confline_kind kind_of_word(struct str word)
{
	if (str_eq(word, STR("allow")) || str_eq(word, STR("deny")))
		return CONFLINE_RULE;
	return str_eq(word, STR("mapping")) ? CONFLINE_MAPPING : CONFLINE_OTHER;
}

/* Is it a line that begins with a word of its own, and may end with a text in
 * quotes? */
static bool is_worded(struct str line, struct confline *ret)
{
	struct str rest = line;

	if (!str_word(&rest, &ret->key))
		return false;
	ret->kind = kind_of_word(ret->key);
	if (ret->kind == CONFLINE_OTHER)
		return false;
	ret->text = str_trim((struct str){ line.p,
					   comment_behind_quotes(line) });
	ret->value = str_skip(ret->text, ret->key.n);
	return true;
}

static bool is_setting(struct confline *c)
{
	c->value = c->text;
	if (!str_cut(&c->value, '=', &c->key) || c->key.n == c->text.n)
		return false;
	c->key = str_trim(c->key);
	c->value = str_trim(c->value);
	return true;
}

struct confline confline_split(struct str line)
{
	struct str head = { line.p, comment_at(line) };
	struct confline c = { .text = str_trim(head) };

	if (!c.text.n) {
		c.kind = head.n < line.n ? CONFLINE_COMMENT : CONFLINE_BLANK;
	} else if (is_section(c.text)) {
		c.kind = CONFLINE_SECTION;
		c.value = (struct str){ c.text.p + 1, c.text.n - 2 };
	} else if (!is_worded(line, &c)) {
		c.kind = is_setting(&c) ? CONFLINE_SETTING : CONFLINE_OTHER;
	}
	return c;
}

bool confline_iface(const struct confline *c, struct str *ret_name)
{
	struct str rest = c->value, word, name;

	if (c->kind != CONFLINE_SECTION || !str_word(&rest, &word) ||
	    !str_eq(word, STR("interface")) || !str_word(&rest, &name) ||
	    str_trim(rest).n)
		return false;
	*ret_name = name;
	return true;
}

/* A value that begins with # is read back right after the =: "key =#1". */
bool confline_holds(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c != '\t' && !text_allows(TEXT_NO_CONTROL, c))
			return false;
		if (c == '#' && i > 0 && comment_at(str_skip(v, i - 1)) == 1)
			return false;
	}
	return str_trim(v).n == v.n;
}

bool confline_name(struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      c == '.'))
			return false;
	}
	return v.n > 0 && v.n < 32;
}
