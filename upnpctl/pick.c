/* SPDX-License-Identifier: ISC */
/* pick.c - select interfaces by number, name or property. Runs in: upnpctl */
#include "base/wr.h"
#include "sys/netif.h"
#include "upnpctl/pick.h"
#include "conf/confopt.h"

_Static_assert(CONF_IFACES_MAX <= 32, "a bit each");

bool pick_invalid(const struct conf_iface *i)
{
	return !netif_is_there(i->name);
}

/* ---- by property ---------------------------------------------------- */

/* Write the value of a property as the configuration has it. Return: false:
 * there is no such property */
static bool property(const struct conf_iface *i, struct str key, struct wr *w)
{
	const struct confopt *o = confopt_find(true, key);

	if (str_eq(key, STR("interface")))
		wr_z(w, i->name);
	else if (str_eq(key, STR("invalid")))
		wr_z(w, pick_invalid(i) ? "yes" : "no");
	else if (str_eq(key, STR("dynamic")))
		wr_z(w, "no");
	else if (o)
		confopt_put(o, i, w);
	return o || w->len;
}

struct term {
	struct str key, value;
	bool negate;		/* != */
};

static struct term read_term(struct str text)
{
	struct term t = { .value = text };

	str_cut(&t.value, '=', &t.key);
	if (t.key.n == text.n) {
		t.value = STR("yes");
		t.negate = str_starts(t.key, STR("!"));
		t.key = str_skip(t.key, t.negate);
	} else if (t.key.n && t.key.p[t.key.n - 1] == '!') {
		t.key.n--;
		t.negate = true;
	}
	return t;
}

int pick_where(const struct conf_iface *i, const struct str *term, size_t n,
	       bool *ret)
{
	bool all = true;

	for (size_t k = 0; k < n; k++) {
		char text[CONFOPT_VALUE_MAX];
		struct wr w = wr_init(text, sizeof(text));
		struct term t = read_term(term[k]);

		if (str_eq(term[k], STR("and")))
			continue;
		if (!property(i, t.key, &w))
			return cmd_fail(CMD_USAGE, "interfaces have no "
					"property \"%.*s\"; they have "
					"interface, type, disabled, forced-ip, "
					"network, invalid, dynamic",
					STR_F(t.key));
		if (str_eq(t.value, wr_done(&w)) == t.negate)
			all = false;
	}
	*ret = all;
	return CMD_OK;
}

/* Add the interfaces that "find type=internal disabled=yes" selects. @text has
 * no brackets. */
static int find(const struct conf *c, struct str text, uint32_t *mask)
{
	struct str term[8], word;
	size_t n = 0;
	bool is = false;

	str_word(&text, &word);
	if (!str_eq(word, STR("find")))
		return cmd_fail(CMD_USAGE, "\"[%.*s\" is not [find ...]",
				STR_F(word));
	while (str_word(&text, &word)) {
		if (n == sizeof(term) / sizeof(term[0]))
			return cmd_fail(CMD_USAGE, "[find ...] has too many "
					"terms");
		if (str_eq(word, STR("where")))
			continue;
		term[n++] = word;
	}
	for (size_t i = 0; i < c->iface_n; i++) {
		if (pick_where(&c->iface[i], term, n, &is))
			return CMD_USAGE;
		if (is)
			*mask |= 1u << i;
	}
	return CMD_OK;
}

/* ---- by number and name -------------------------------------------------- */

static int no_such(const struct conf *c, struct str item, bool number)
{
	char list[CONF_IFACES_MAX * (IF_NAMESIZE + 5)];
	struct wr w = wr_init_cut(list, sizeof(list));

	if (!c->iface_n)
		return cmd_fail(CMD_USAGE, "there is no interface %s%.*s; "
				"there are none; add it: interfaces add "
				"interface=NAME type=internal",
				number ? "number " : "", STR_F(item));
	for (size_t i = 0; i < c->iface_n; i++)
		wr_fmt(&w, "%s%u %s", i ? ", " : "", (unsigned)i,
		       c->iface[i].name);
	return cmd_fail(CMD_USAGE, "there is no interface %s%.*s; there are: "
			"%s", number ? "number " : "", STR_F(item),
			wr_cstr(&w));
}

/* "0" or "1-3" */
static bool is_range(struct str item, uint32_t *ret_lo, uint32_t *ret_hi)
{
	struct str rest = item, head;
	uint32_t lo, hi;

	if (!str_cut(&rest, '-', &head) || str_u32(head, 0, UINT32_MAX, &lo))
		return false;
	hi = lo;
	if (head.n < item.n && str_u32(rest, lo, UINT32_MAX, &hi))
		return false;
	*ret_lo = lo;
	*ret_hi = hi;
	return true;
}

static int pick_item(const struct conf *c, struct str item, uint32_t *mask)
{
	uint32_t lo, hi;

	for (size_t i = 0; i < c->iface_n; i++) {
		if (!str_eq(item, str_z(c->iface[i].name)))
			continue;
		*mask |= 1u << i;
		return CMD_OK;
	}
	if (!is_range(item, &lo, &hi))
		return no_such(c, item, false);
	if (hi >= c->iface_n)
		return no_such(c, item, true);
	for (; lo <= hi; lo++)
		*mask |= 1u << lo;
	return CMD_OK;
}

int pick_items(const struct conf *c, struct str items, uint32_t *ret_mask)
{
	struct str item;
	int status = CMD_OK;

	if (items.n > 1 && items.p[0] == '[')
		return find(c, (struct str){ items.p + 1, items.n - 2 },
			    ret_mask);
	while (!status && str_cut(&items, ',', &item))
		status = pick_item(c, str_trim(item), ret_mask);
	return status;
}
