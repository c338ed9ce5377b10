/* SPDX-License-Identifier: ISC */
/* ucishow.c - the sections of UCI's package upnpd. Runs in: upnpctl */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "sys/proc.h"
#include "upnpctl/maptext.h"
#include "upnpctl/ucishow.h"

#define SHOW_MS 10000

static void take_line(void *arg, struct str line)
{
	ucishow_line(arg, line);
}

int ucishow_read(struct ucishow *u)
{
	/* -X prints a name for each unnamed section, which uci set accepts */
	const char *const argv[] = { "uci", "-q", "-X", "show", "upnpd", NULL };
	struct proc p = { .argv = argv, .line = take_line, .arg = u,
			  .deadline_ms = SHOW_MS };

	u->n = 0;
	return proc_run(&p);
}

/* Return: the index of the section, or u->n if there is none */
static size_t find(const struct ucishow *u, struct str name)
{
	size_t i = 0;

	while (i < u->n && !str_eq(name, str_z(u->at[i].name)))
		i++;
	return i;
}

/* Remove the quotes around a value. The values of a mapping's key contain no
 * quotes, so nothing is unescaped. */
static struct str unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '\'' && s.p[s.n - 1] == '\'')
		return (struct str){ s.p + 1, s.n - 2 };
	return s;
}

static void set_option(struct ucishow_section *s, struct str key,
		       struct str value)
{
	if (str_eq(key, STR("proto")))
		str_copy(s->proto, sizeof(s->proto), value);
	else if (str_eq(key, STR("external_port")))
		str_copy(s->port, sizeof(s->port), value);
	else if (str_eq(key, STR("remote")))
		str_copy(s->remote, sizeof(s->remote), value);
	else if (str_eq(key, STR("to")))
		str_copy(s->to, sizeof(s->to), value);
}

/* upnpd.NAME=TYPE, upnpd.NAME.OPTION='VALUE' */
void ucishow_line(struct ucishow *u, struct str line)
{
	struct str value = line, path, name;
	struct ucishow_section *s;
	size_t i;

	if (!str_starts(line, STR("upnpd.")) ||
	    !str_cut(&value, '=', &path) || path.n == line.n)
		return;
	value = unquoted(value);
	path = str_skip(path, sizeof("upnpd.") - 1);
	str_cut(&path, '.', &name);
	i = find(u, name);
	if (i < u->n && path.n)
		set_option(&u->at[i], path, value);
	if (i < u->n || path.n || i == UCISHOW_MAX)
		return;
	s = &u->at[i];
	*s = (struct ucishow_section){ "" };
	if (str_copy(s->name, sizeof(s->name), name) &&
	    str_copy(s->type, sizeof(s->type), value))
		u->n++;
}

bool ucishow_find(const struct ucishow *u, const char *name)
{
	return find(u, str_z(name)) < u->n;
}

const char *ucishow_of_type(const struct ucishow *u, const char *type)
{
	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->at[i].type, type))
			return u->at[i].name;
	return NULL;
}

/* The external port of a pinhole, which may be left out, is that of "to". */
static bool is_mapping(const struct ucishow_section *s,
		       const struct conf_mapping *m)
{
	struct conf_mapping is = { .proto = m->proto, .remote = addr_any() };

	if (*s->remote && !confmapping_read_remote(str_z(s->remote), &is.remote,
						   &is.remote_port))
		return false;
	if (!maptext_read_to(str_z(s->to), &is.client, &is.int_port))
		is.client = (struct addr){ 0 };
	is.ext_port = is.int_port;
	if (is.client.family != ADDR_IP6 &&
	    !maptext_read_port(str_z(s->port), &is.ext_port))
		return false;
	return !strcmp(s->type, "mapping") &&
	       !strcmp(s->proto, nat_rule_proto(m->proto)) &&
	       confmapping_same_key(&is, m);
}

struct ucishow_section *ucishow_mapping(struct ucishow *u,
					const struct conf_mapping *m)
{
	for (size_t i = 0; i < u->n; i++)
		if (is_mapping(&u->at[i], m))
			return &u->at[i];
	return NULL;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

void ucishow_new_name(struct ucishow *u, const char *text, char ret[64])
{
	char name[64];
	struct wr w = wr_init(name, sizeof(name));
	size_t len;

	for (; *text && w.len < 52; text++)
		wr_ch(&w, is_letter(*text) ? *text : '_');
	len = w.len;
	str_copy(ret, 64, wr_done(&w));
	for (unsigned n = 2; ucishow_find(u, ret); n++) {
		w = wr_init(name, sizeof(name));
		w.len = len;
		wr_fmt(&w, "_%u", n);
		str_copy(ret, 64, wr_done(&w));
	}
	if (u->n == UCISHOW_MAX)
		return;
	u->at[u->n] = (struct ucishow_section){ "" };
	str_copy(u->at[u->n++].name, 64, str_z(ret));
}
