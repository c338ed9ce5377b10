/* SPDX-License-Identifier: ISC */
/*
 * metrics.c - "metrics": print the status as numbers, in Prometheus's text
 * format 0.0.4, for node_exporter's textfile collector. upnpd itself opens no
 * port for metrics. Runs in: upnpctl
 */
#include <netinet/in.h>
#include "base/wr.h"
#include "conf/confrule.h"
#include "upnpctl/counts.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/externals.h"
#include "upnpctl/live.h"
#include "upnpctl/out.h"

enum kind { GAUGE, COUNTER };

static void head(const char *name, enum kind kind, const char *help)
{
	out_fmt("# HELP upnpd_%s %s\n# TYPE upnpd_%s %s\n", name, help, name,
		kind == GAUGE ? "gauge" : "counter");
}

static void metric(const char *name, enum kind kind, const char *help,
		   uint64_t value)
{
	head(name, kind, help);
	out_fmt("upnpd_%s %llu\n", name, (unsigned long long)value);
}

/* Escape \ and " in a label's value. Texts of the monitor have no line feed. */
static void put_label(const char *z)
{
	for (; *z; z++) {
		if (*z == '"' || *z == '\\')
			out_str(STR("\\"));
		out_str((struct str){ z, 1 });
	}
}

static void put_monitor(const struct live *l)
{
	const struct statusfile *m = &l->monitor;

	metric("start_time_seconds", GAUGE, "When the daemon was started.",
	       m->since_s);
	metric("enabled", GAUGE, "Whether the daemon is enabled.",
	       !live_idle(l) || live_waits(l));
	head("backend_info", GAUGE, "The firewall's backend.");
	out_str(STR("upnpd_backend_info{backend=\""));
	put_label(m->backend);
	out_str(STR("\"} 1\n"));
	metric("firewall_ok", GAUGE, "Whether upnpd's rules are in place.",
	       !m->firewall_fault[0]);
	metric("firewall_repairs_total", COUNTER,
	       "Repairs of changed or lost rules.", m->repairs);
	metric("firewall_last_repair_timestamp_seconds", GAUGE,
	       "Time of the last repair, 0: never.", m->repaired_s);
	metric("engine_deaths_total", COUNTER, "Engines that crashed or were "
	       "killed.", m->engine_deaths);
	metric("reloads_total", COUNTER, "Attempted reloads.", m->reloads);
	metric("reload_ok", GAUGE, "Whether the last reload succeeded.",
	       !m->reload_fault[0]);
}

/* @name: "mappings" or "pinholes"; @n, @of: how many, and by enum origin */
static void put_table(const char *name, const char *help,
		      const char *help_by_origin, uint32_t n,
		      const uint32_t of[ORIGINS])
{
	unsigned fixed = of[ORIGIN_OPERATOR];
	unsigned dynamic = fixed < n ? n - fixed : 0;
	char by[32];
	struct wr w = wr_init(by, sizeof(by));

	head(name, GAUGE, help);
	out_fmt("upnpd_%s{type=\"dynamic\"} %u\n", name, dynamic);
	out_fmt("upnpd_%s{type=\"static\"} %u\n", name, fixed);
	wr_fmt(&w, "%s_by_origin", name);
	head(wr_cstr(&w), GAUGE, help_by_origin);
	for (unsigned o = 1; o < ORIGINS; o++)
		out_fmt("upnpd_%s{origin=\"%s\"} %u\n", by, origin_name(o),
			(unsigned)of[o]);
}

static void put_pinholes(const struct ctl_status *s)
{
	put_table("pinholes", "Pinholes for IPv6, made by clients or by the "
		  "operator.", "Pinholes by the protocol that asked for them.",
		  s->pinholes, s->pinholes_of);
	metric("pinholes_suspended", GAUGE, "Pinholes whose client is in no "
	       "internal network.", s->pinholes_suspended);
	metric("pinholes_max", GAUGE, "Limit of pinholes, 0: none are made.",
	       s->pinholes_max);
}

static void put_mappings(const struct ctl_status *s)
{
	put_table("mappings", "Mappings, made by clients or by the operator.",
		  "Mappings by the protocol that asked for them.",
		  s->mappings, s->mappings_of);
	metric("mappings_suspended", GAUGE, "Mappings whose client is in no "
	       "internal network.", s->suspended);
	metric("mappings_overruled", GAUGE, "Mappings whose port the router "
	       "serves or the administrator forwards.", s->overruled);
	metric("mappings_max", GAUGE, "Limit of mappings.", s->mappings_max);
	metric("subscribers", GAUGE, "Subscriptions to events.",
	       s->subscribers);
	metric("subscribers_max", GAUGE, "Limit of subscriptions.",
	       s->subscribers_max);
}

static void put_protocols(const char *name, const char *help, uint32_t mask)
{
	head(name, GAUGE, help);
	for (unsigned o = ORIGIN_OPERATOR + 1; o < ORIGINS; o++)
		out_fmt("upnpd_%s{protocol=\"%s\"} %u\n", name,
			origin_name(o), mask >> o & 1u);
}

static void put_engine(const struct ctl_status *s)
{
	metric("engine_uptime_seconds", GAUGE,
	       "Time since upnpd began to serve.", s->up_s);
	put_protocols("protocol_enabled", "Whether the protocol is on.",
		      s->protocols);
	put_protocols("protocol_serving", "Whether it answers the LAN.",
		      s->served);
	metric("external_address_usable", GAUGE,
	       "Whether there is a usable external address.",
	       addr_is_set(s->ext) && s->no_address == CTL_ADDRESS_OK);
	metric("external_address_private", GAUGE,
	       "Whether it is behind another NAT.", s->ext_private);
	metric("upstream_answers", GAUGE, "Whether a NAT in front forwards "
	       "ports on request.",
	       s->upstream_state == CTL_UPSTREAM_ANSWERS);
	metric("upstream_forwards", GAUGE, "Ports that it forwards.",
	       s->upstream_held);
	metric("upstream_refuses", GAUGE, "Ports that it refuses.",
	       s->upstream_refused);
	put_mappings(s);
	put_pinholes(s);
	head("refused_total", COUNTER,
	     "Refused requests since upnpd began to serve, by reason.");
	for (unsigned i = REFUSAL_NONE + 1; i < REFUSALS; i++)
		out_fmt("upnpd_refused_total{reason=\"%s\"} %u\n",
			refusal_name(i), (unsigned)s->refused[i]);
}

static void put_externals(const struct cmd_env *env)
{
	static struct conf *conf;
	static struct externals *x;
	struct conf_error unused;

	CMD_LARGE(conf);
	CMD_LARGE(x);
	if (conf_read(env->file, conf, &unused) ||
	    externals_read(env, conf, x) || !x->served)
		return;
	head("external_interface_active", GAUGE, "Whether mappings or "
	     "pinholes use the external interface.");
	for (size_t i = 0; i < x->state.ext_n; i++)
		out_fmt("upnpd_external_interface_active{interface=\"%s\"} "
			"%u\n", x->state.ext[i].name,
			externals_uses(x, x->state.ext[i].name));
}

static int put_rule(void *arg, const struct ctl_rep *rep)
{
	const struct ctl_rule *r = &rep->rule;
	bool *begun = arg;
	const struct confrule line = { .is = {
		.allow = r->allow, .net = r->net,
		.ext_lo = (uint16_t)r->ext_lo, .ext_hi = (uint16_t)r->ext_hi,
		.int_lo = (uint16_t)r->int_lo, .int_hi = (uint16_t)r->int_hi,
	} };
	char text[128];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (r->line)
		confrule_put(&w, &line);
	else
		wr_z(&w, "none");
	if (!*begun)
		head("rule_decided_total", COUNTER, "Requests that an allow or "
		     "deny line decided, since upnpd began to serve.");
	*begun = true;
	out_fmt("upnpd_rule_decided_total{line=\"%u\",rule=\"%s\"} %llu\n",
		(unsigned)r->line, wr_cstr(&w),
		(unsigned long long)r->decided);
	return 0;
}

/* Equal rules differ by their lines; line 0 has what no rule matched. */
static void put_rules(const struct live *l)
{
	const struct ctl_req req = { .verb = CTL_RULES };
	struct ctl_end end;
	bool begun = false;	/* the engine may have died */

	live_request(l, &req, CTLCLIENT_KIND(CTL_RULE), put_rule, &begun, &end);
}

/* One line for each socket that mappings lead to, so max-mappings limits their
 * number. */
static void put_counts(const struct counts *c, bool bytes)
{
	char buf[32];

	head(bytes ? "forwarded_bytes_total" : "forwarded_packets_total",
	     COUNTER, bytes ? "Bytes of these packets." : "Packets to and from "
	     "a mapped port, since it was mapped or the firewall repaired.");
	for (size_t i = 0; i < c->n; i++) {
		const struct nl_list_count *one = &c->v[i];
		struct wr w = wr_init(buf, sizeof(buf));

		addr_write(&w, addr_ip4(one->client));
		wr_fmt(&w, ":%u", (unsigned)one->port);
		wr_cstr(&w);
		out_fmt("upnpd_forwarded_%s_total{protocol=\"%s\",to=\"%s\"} "
			"%llu\n", bytes ? "bytes" : "packets",
			nat_rule_proto(one->proto), buf,
			(unsigned long long)(bytes ? one->bytes :
						     one->packets));
	}
}

/* A daemon that does not run is reported as up 0; the exit status is 0. */
int metrics_run(struct cmd *c)
{
	struct ctl_status engine;
	struct counts counts;
	struct live l;
	bool serves;

	if (c->env->json)
		return cmd_fail(CMD_USAGE, "metrics cannot be printed as JSON; "
				"use \"status\"");
	live_refresh(&l, c->env);
	serves = live_engine(&l, &engine) == 0;
	metric("up", GAUGE, "Whether the daemon runs.", l.alive || serves);
	metric("engine_up", GAUGE, "Whether the engine answers.", serves);
	if (l.alive)
		put_monitor(&l);
	if (serves) {
		put_engine(&engine);
		put_externals(c->env);
		put_rules(&l);
	}
	counts_read(&counts);
	if (counts.n) {
		put_counts(&counts, false);
		put_counts(&counts, true);
	}
	counts_free(&counts);
	return CMD_OK;
}
