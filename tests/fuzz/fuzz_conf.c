/* SPDX-License-Identifier: ISC */
/*
 * fuzz_conf.c - the configuration file.
 *
 * Holds: an error is one line that begins with the file's name; an accepted
 * configuration has a type for every interface, at most one external interface,
 * and values within their ranges; written by the option table, it is read back
 * equal.
 */
#include "fuzz.h"
#include "fuzz_conftext.h"

static void check_error(const struct conf_error *err)
{
	struct str text = { err->text, strnlen(err->text, sizeof(err->text)) };

	CHECK(text.n < sizeof(err->text));
	CHECK(str_starts(text, STR("f:")));
	CHECK(text.n > 4);
	for (size_t i = 0; i < text.n; i++)
		CHECK((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f);
}

static unsigned check_iface(const struct conf_iface *f)
{
	CHECK(f->name[0] && memchr(f->name, '\0', sizeof(f->name)));
	CHECK(f->type == CONF_EXTERNAL || f->type == CONF_INTERNAL);
	CHECK(!addr_is_set(f->forced_ip) || f->type == CONF_EXTERNAL);
	CHECK(f->network.n <= CONF_NETWORKS_MAX);
	CHECK(!f->network.n || f->type == CONF_INTERNAL);
	for (size_t i = 0; i < f->network.n; i++)
		CHECK(f->network.at[i].bits >= 7 &&
		      addr_is_host(f->network.at[i].addr));
	CHECK(!addr_is_set(f->forced_ip) || addr_is_host(f->forced_ip));
	CHECK(f->forced_ip.family <= ADDR_IP4 &&
	      f->forced_ip.family != ADDR_ANY);
	return f->type == CONF_EXTERNAL && !f->disabled;
}

static void check_rule(const struct policy_rule *r)
{
	CHECK(r->line);
	CHECK(r->ext_lo <= r->ext_hi && r->int_lo <= r->int_hi);
	CHECK(addr_equal(r->net.addr, addr_net_first(&r->net)));
}

static void check_mapping(const struct conf *c, const struct conf_mapping *m)
{
	struct nat_rule rule = confmapping_rule(m);

	CHECK(m->line && nat_rule_sane(&rule));
	CHECK(confmapping_find(c, m) == m);	/* keys differ */
	CHECK(m->comment < CONF_COMMENTS_MAX &&
	      strnlen(confmapping_text(c, m), PM_DESC_MAX + 1) <= PM_DESC_MAX);
}

static void check_conf(const struct conf *c)
{
	unsigned external = 0;

	CHECK(c->iface_n <= CONF_IFACES_MAX && c->rule_n <= CONF_RULES_MAX);
	for (size_t i = 0; i < c->iface_n; i++)
		external += check_iface(&c->iface[i]);
	for (size_t i = 0; i < c->rule_n; i++)
		check_rule(&c->rule[i]);
	CHECK(c->mapping_n <= CONF_MAPPINGS_MAX);
	for (size_t i = 0; i < c->mapping_n; i++)
		check_mapping(c, &c->mapping[i]);
	CHECK(external <= CONF_EXTERNALS_MAX);
	CHECK(!external == !conf_external(c));
	CHECK(c->max_lease >= 1 && c->max_lease <= PM_LEASE_MAX_S);
	CHECK(c->absent_timeout <= ABSENT_MAX_S);
	CHECK(c->max_mappings >= 1 && c->max_mappings <= PM_MAPPINGS_LIMIT);
	CHECK(!(c->igd_version & ~(uint32_t)CONF_IGD_BOTH) && c->igd_version);
	CHECK(c->state_dir[0] == '/' && c->pid_file[0] == '/');
	CHECK(!c->nft_table[0] == !c->nft_chain[0]);
}

/* ---- write and read back ------------------------------------------------- */

static void check_again(const struct conf *c)
{
	static char first[65536], second[65536];
	static struct conf again;
	struct conf_error err = { "" };
	struct str text = conftext(c, first, sizeof(first));

	CHECK(!conf_parse(text, "f", &again, &err));
	CHECK(again.mapping_n == c->mapping_n);
	CHECK(again.rule_n == c->rule_n && again.iface_n == c->iface_n);
	CHECK(str_eq(text, conftext(&again, second, sizeof(second))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_blow_up((struct str){ (const char *)data, n },
				       65536);
	struct conf_error err = { "" };
	static struct conf conf;

	if (conf_parse(text, "f", &conf, &err)) {
		check_error(&err);
	} else {
		check_conf(&conf);
		check_again(&conf);
	}
	fuzz_free(text);
	return 0;
}
