/* SPDX-License-Identifier: ISC */
/*
 * complete.c - list commands and options, for the shell's completion.
 * Runs in: upnpctl
 */
#include "upnpctl/complete.h"
#include "base/wr.h"
#include "upnpctl/out.h"
#include "conf/confopt.h"

/* @name: the option's name in that menu */
static void put_option(const char *command, const char *name,
		       const struct confopt *o)
{
	char text[256];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct str range, word;

	out_fmt("%s %s=", command, name);
	if (confopt_kind(o) == CONFOPT_BOOL || confopt_kind(o) == CONFOPT_WORD)
		confopt_range(o, &w);
	/* Print "yes or no" and "a, b or c" as words: " yes no". */
	range = wr_done(&w);
	while (str_word(&range, &word)) {
		if (str_eq(word, STR("or")) || str_eq(word, STR("of:")))
			continue;
		if (word.n && word.p[word.n - 1] == ',')
			word.n--;
		out_fmt(" %.*s", STR_F(word));
	}
	out_str(STR("\n"));
}

void complete_print(const struct cmd_verb *verbs)
{
	const struct confopt *o;

	for (const struct cmd_verb *v = verbs; v->name; v++)
		out_fmt("%s%s%s\n", v->menu, *v->menu ? " " : "", v->name);
	for (size_t i = 0; (o = confopt_at(false, i)); i++)
		put_option("set", confopt_name(o), o);
	put_option("nat-pmp set", "enabled",
		   confopt_find(false, STR("nat-pmp")));
	for (size_t i = 0; (o = confopt_at(true, i)); i++) {
		put_option("interfaces add", confopt_name(o), o);
		put_option("interfaces set", confopt_name(o), o);
	}
	out_str(STR("interfaces add interface=\n"
		    "mappings add protocol= tcp udp dccp sctp udplite\n"
		    "mappings add external-port=\n"
		    "mappings add to=\n"
		    "mappings add remote-host=\n"
		    "mappings add lease=\n"
		    "mappings add disabled= yes no\n"
		    "mappings add comment=\n"
		    "mappings remove all\n"));
}
