/* SPDX-License-Identifier: ISC */
/*
 * value.c - check the text of a state variable's value; UTF-8 and XML text.
 *
 * Pure and without state.
 * Runs in: any
 */
#include <errno.h>
#include "base/utf8.h"
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/upnp_err.h"
#include "igd/value.h"

/* Bytes of one argument. No string of the model needs more; a description has
 * its own, lower limit. */
#define STRING_MAX 1024

bool value_ranged(const struct igd_var *var, unsigned version)
{
	return var->ranged && version >= var->range_since;
}

static bool is_negative(struct str s)
{
	uint32_t u;

	return s.n && s.p[0] == '-' &&
	       str_u32(str_skip(s, 1), 0, UINT32_MAX, &u) != -EINVAL;
}

/* Return: 0; 600 if the text is not a number; 601 if it is out of range */
static int check_number(const struct igd_var *var, unsigned version,
			struct igd_in *in)
{
	bool ranged = !var->range_told && value_ranged(var, version);
	uint32_t min = ranged ? var->min : 0;
	uint32_t max = var->type == IGD_UI2 ? UINT16_MAX : UINT32_MAX;
	struct str s = str_trim(in->s);
	int err;

	if (ranged && var->max < max)
		max = var->max;
	if (var->optional && !s.n) {
		in->u = 0;
		return UPNP_OK;
	}
	err = str_u32(s, min, max, &in->u);
	if (!err)
		return UPNP_OK;
	return err == -ERANGE || is_negative(s) ? UPNP_OUT_OF_RANGE
						: UPNP_VALUE_INVALID;
}

/* UDA 1.1 2.3: boolean. */
static int check_bool(const struct igd_var *var, struct igd_in *in)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "0", false }, { "false", false }, { "no", false },
		{ "1", true }, { "true", true }, { "yes", true },
	};
	struct str s = str_trim(in->s);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_ieq(s, str_z(words[i].word)))
			continue;
		in->u = words[i].value;
		return UPNP_OK;
	}
	return UPNP_VALUE_INVALID;
}

/* Match case-insensitively, then continue with the spelling from the
 * allowed-value list. */
static int check_string(const struct igd_var *var, struct igd_in *in)
{
	const char *const *word = var->allowed;

	if (in->s.n > STRING_MAX)
		return UPNP_STRING_TOO_LONG;
	if (!word)
		return UPNP_OK;
	for (; *word; word++) {
		if (!str_ieq(str_trim(in->s), str_z(*word)))
			continue;
		in->s = str_z(*word);
		return UPNP_OK;
	}
	return UPNP_OUT_OF_RANGE;	/* WANIPConnection:2 2.5.15.2 */
}

int value_check(const struct igd_var *var, unsigned version, struct igd_in *in)
{
	switch (var->type) {
	case IGD_UI2:
	case IGD_UI4:
		return check_number(var, version, in);
	case IGD_BOOL:
		return check_bool(var, in);
	default:
		return check_string(var, in);
	}
}

static size_t ascii_count(struct str s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] < 0x80)
		n++;
	return n;
}

void value_put_text(struct wr *w, struct str s)
{
	uint32_t c;
	size_t n;

	for (; s.n; s = str_skip(s, n)) {
		n = ascii_count(s);
		if (n) {
			wr_xml(w, (struct str){ s.p, n });
			continue;
		}
		n = utf8_get_xml(s, &c);
		if (!n) {
			c = 0xfffd;	/* in place of a byte that is wrong */
			n = 1;
		}
		wr_z(w, "&#");
		wr_u64(w, c);
		wr_ch(w, ';');
	}
}
