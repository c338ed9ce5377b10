/* SPDX-License-Identifier: ISC */
/*
 * conftail.c - the end of a mapping, allow or deny line: parse, write.
 * Runs in: any
 */
#include "conf/conftail.h"
#include "base/utf8.h"
#include "conf/confline.h"

#define fail confline_fail

static bool is_comment(struct str s)
{
	uint32_t c;

	for (size_t n; s.n; s = str_skip(s, n)) {
		n = utf8_get_xml(s, &c);
		if (!n || utf8_is_control(c))
			return false;
	}
	return true;
}

/* Read the text between quotes at the start of *@s, and skip it. */
static int read_comment(struct str *s, struct conftail_comment *ret,
			struct wr *why)
{
	struct wr w = wr_init(ret->text, sizeof(ret->text));
	size_t i = 1;

	for (; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\' && ++i < s->n && s->p[i] != '"' &&
		    s->p[i] != '\\')
			return fail(why, "\\%c is not known; in a comment, "
				    "write \\\" or \\\\", s->p[i]);
		if (i < s->n)
			wr_ch(&w, s->p[i]);
	}
	if (i >= s->n)
		return fail(why, "the comment has no closing quote \"");
	if (w.over || w.len > PM_DESC_MAX)
		return fail(why, "the comment is too long; the limit is %d "
			    "bytes", PM_DESC_MAX);
	if (!is_comment(wr_done(&w)))
		return fail(why, "the comment must be UTF-8 without control "
			    "characters");
	ret->text[w.len] = '\0';
	*s = str_skip(*s, i + 1);
	return 0;
}

int conftail_parse(struct str s, const char *before, bool *ret_disabled,
		   struct conftail_comment *ret, struct wr *why)
{
	struct str rest = s, word;
	int err = 0;

	ret->text[0] = '\0';
	*ret_disabled = str_word(&rest, &word) && str_eq(word, STR("disabled"));
	s = str_trim(*ret_disabled ? rest : s);
	if (s.n && *s.p == '"')
		err = read_comment(&s, ret, why);
	s = str_trim(s);
	if (err || !s.n)
		return err;
	return fail(why, "\"%.*s\" is not understood here; %s disabled and \"a "
		    "comment\", in this order", STR_F(s), before);
}

void conftail_put(struct wr *w, bool disabled, const char *comment)
{
	wr_z(w, disabled ? " disabled" : "");
	if (!*comment)
		return;
	wr_z(w, " \"");
	for (; *comment; comment++) {
		if (*comment == '"' || *comment == '\\')
			wr_ch(w, '\\');
		wr_ch(w, *comment);
	}
	wr_ch(w, '"');
}
