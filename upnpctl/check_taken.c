/* SPDX-License-Identifier: ISC */
/*
 * check_taken.c - check that the packets of each mapping and pinhole reach its
 * client: no rule of the administrator forwards or drops its port, and no
 * program of the router serves it.
 * Runs in: upnpctl
 */
#include <netinet/in.h>
#include <string.h>
#include "base/wr.h"
#include "conf/confmapping.h"
#include "map/nat_rule.h"
#include "sys/comm.h"
#include "sys/ports.h"
#include "upnpctl/check.h"

#define NAMED_MAX	8	/* mappings that are reported one by one */

struct taken {
	struct check *c;
	struct ports *served;	/* of the router; NULL: not known */
	unsigned n;		/* mappings whose packets do not arrive */
	char name[160];		/* "tcp 8080 to 192.168.88.10:80" */
};

static void put_name(struct taken *t, const struct nat_rule *rule)
{
	struct wr w = wr_init_cut(t->name, sizeof(t->name));

	if (rule->kind == NAT_PINHOLE)
		wr_fmt(&w, "%s to [%s]:%u", nat_rule_proto(rule->proto),
		       addr_text(rule->client).text, rule->int_port);
	else
		wr_fmt(&w, "%s %u to %s:%u", nat_rule_proto(rule->proto),
		       rule->ext_port, addr_text(rule->client).text,
		       rule->int_port);
	if (addr_is_set(rule->remote)) {
		wr_z(&w, " from ");
		confmapping_put_remote(&w, rule->remote, rule->remote_port);
	}
	wr_cstr(&w);
}

/* Count it. Return: is it reported by itself? */
static bool count(struct taken *t)
{
	return ++t->n <= NAMED_MAX;
}

/* Return: true: a rule forwards the port, perhaps */
static bool check_forwarded(struct taken *t, const struct nat_rule *rule)
{
	char text[200];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct walk_packet p;
	struct walk_rule by;
	enum walk_hold hold;

	place_incoming(&t->c->fw, rule, &p);
	hold = walk_forwarded(t->c->rules, &p, &by);
	if (hold == WALK_NO || !count(t))
		return hold != WALK_NO;
	walk_rule_text(t->c->rules, &by, &w);
	wr_cstr(&w);
	if (hold == WALK_YES)
		check_report(t->c, CHECK_PROBLEM, "%s is overruled: "
			     "that port is forwarded by %s\n"
			     "Remove that rule if the mapping is to have the "
			     "port", t->name, text);
	else
		check_report(t->c, CHECK_PROBLEM, "%s is overruled: "
			     "that port is perhaps forwarded, for some hosts "
			     "or under a condition that upnpd does not know, "
			     "by %s\n"
			     "Limit that rule to its own ports if the mapping "
			     "is to have this one", t->name, text);
	return true;
}

static bool check_blocked(struct taken *t, const struct nat_rule *rule)
{
	struct check *c = t->c;
	const bool pinhole = rule->kind == NAT_PINHOLE;
	const struct places *places = pinhole ? &c->places6 : &c->places;
	char text[200];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct walk_rule by;

	/* check_forward.c has reported a chain that is lost */
	if (place_blocked(c->rules, pinhole ? &c->fw6 : &c->fw, places, rule,
			  &by) != WALK_YES || by.chain ==
	    places_lost(places, rule->client.family)->chain)
		return false;
	if (!count(t))
		return true;
	walk_rule_text(c->rules, &by, &w);
	check_report(c, CHECK_PROBLEM, "%s is blocked: its packets are "
		     "dropped before upnpd's accept rule, by %s\n"
		     "Remove that rule if the port is to be open", t->name,
		     wr_cstr(&w));
	return true;
}

/* A program of the router has the port. For a moment a resolver has any UDP
 * port, so there only the daemon's longer look counts. */
static bool check_served(struct taken *t, const struct nat_rule *rule,
			 bool overruled)
{
	struct check *c = t->c;
	bool tcp = rule->proto == IPPROTO_TCP;
	char who[64];
	struct wr w = wr_init_cut(who, sizeof(who));

	if (!t->served || (!tcp && !overruled && c->daemon) ||
	    !ports_set(tcp ? t->served->tcp : t->served->udp, rule->ext_port))
		return false;
	if (!count(t))
		return true;
	check_report_process(&w, comm_of_port(rule->proto, c->fw.ext,
					      rule->ext_port));
	check_report(c, CHECK_PROBLEM, "%s is overruled: %s serves that port "
		     "of the router\n"
		     "Stop that program, or have it listen on an internal "
		     "address, if the mapping is to have the port", t->name,
		     wr_cstr(&w));
	return true;
}

static void check_mapping(struct taken *t, const struct nat_rule *rule,
			  bool overruled)
{
	put_name(t, rule);
	if (rule->kind == NAT_PINHOLE) {
		if (t->c->rules)
			check_blocked(t, rule);
		return;
	}
	if (!addr_is_set(t->c->fw.ext))
		return;		/* it is not in effect */
	if (t->c->rules && (check_forwarded(t, rule) ||
			    check_blocked(t, rule)))
		return;
	if (check_served(t, rule, overruled) || !overruled || !count(t))
		return;
	check_report(t->c, CHECK_PROBLEM, "%s is overruled: a rule or a "
		     "program of the router had the port when upnpd looked\n"
		     "upnpctl resync looks again", t->name);
}

/* The mappings of the engine; without one, those that it would have. */
static void check_all(struct taken *t)
{
	struct check *c = t->c;

	for (size_t i = 0; i < c->all.n; i++)
		if (c->all.v[i].enabled && !c->all.v[i].suspended)
			check_mapping(t, &c->all.v[i].rule,
				      c->all.v[i].overruled);
	for (size_t i = 0; i < c->conf.mapping_n && !c->daemon; i++) {
		struct nat_rule rule = confmapping_rule(&c->conf.mapping[i]);

		if (!c->conf.mapping[i].disabled)
			check_mapping(t, &rule, false);
	}
}

void check_taken(struct check *c)
{
	static struct ports *ports;
	struct taken t = { .c = c };
	int err = 0;

	if ((!addr_is_set(c->fw.ext) && !check_report_prefixes(c)) ||
	    (c->daemon && !c->have_all))
		return;		/* reported by an earlier check */
	CMD_LARGE(ports);
	if (addr_is_set(c->fw.ext))
		err = ports_listening(0, c->fw.ext, ports);
	t.served = err ? NULL : ports;
	check_all(&t);
	if (err)
		check_report(c, CHECK_WARNING, "the ports that the router "
			     "itself serves cannot be read: %s\n"
			     "Mount /proc, or use a kernel with sock_diag",
			     strerror(-err));
	if (t.n > NAMED_MAX)
		check_report(c, CHECK_PROBLEM, "%u more mappings are overruled "
			     "or blocked\n"
			     "See upnpctl mappings print", t.n - NAMED_MAX);
	if (!c->reported)
		check_firewall_unread(c, "no rule that was read takes or drops "
				      "the port of a mapping");
	check_report_ok(c, "no mapping is overruled or blocked");
}
