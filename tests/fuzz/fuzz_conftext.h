/* SPDX-License-Identifier: ISC */
/*
 * fuzz_conftext.h - writes a configuration by the option table: equal
 * configurations give equal texts. Include it once.
 */
#ifndef TESTS_FUZZ_FUZZ_CONFTEXT_H
#define TESTS_FUZZ_FUZZ_CONFTEXT_H

#include "base/wr.h"
#include "conf/confmapping.h"
#include "conf/confopt.h"
#include "conf/confrule.h"
#include "fuzz.h"

static inline void conftext_options(struct wr *w, bool of_iface,
				    const void *base)
{
	const struct confopt *o;
	char value[CONFOPT_VALUE_MAX];
	struct wr v;

	for (size_t i = 0; (o = confopt_at(of_iface, i)); i++) {
		v = wr_init(value, sizeof(value));
		confopt_put(o, base, &v);
		CHECK(!v.over);
		/* right after the =, because it may begin with # */
		wr_fmt(w, "%s =%.*s\n", confopt_name(o), STR_F(wr_done(&v)));
	}
}

static inline struct str conftext(const struct conf *c, char *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	conftext_options(&w, false, c);
	for (size_t i = 0; i < c->rule_n; i++) {
		confrule_put(&w, &(struct confrule){ .is = c->rule[i] });
		wr_ch(&w, '\n');
	}
	for (size_t i = 0; i < c->mapping_n; i++) {
		confmapping_put(&w, &c->mapping[i],
				confmapping_text(c, &c->mapping[i]));
		wr_ch(&w, '\n');
	}
	for (size_t i = 0; i < c->iface_n; i++) {
		wr_fmt(&w, "[interface %s]\n", c->iface[i].name);
		conftext_options(&w, true, &c->iface[i]);
	}
	CHECK(!w.over);
	return wr_done(&w);
}

#endif
