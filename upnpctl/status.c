/* SPDX-License-Identifier: ISC */
/*
 * status.c - "status": print the state of the daemon. The monitor's part comes
 * from its status file, the engine's over the socket; each works without the
 * other. Runs in: upnpctl
 */
#include <errno.h>
#include "base/date.h"
#include "base/wr.h"
#include "upnpctl/chain.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/externals.h"
#include "upnpctl/json.h"
#include "upnpctl/live.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"
#include "upnpctl/term.h"

struct snapshot {
	struct live l;
	struct ctl_status engine;	/* where engine_err is 0 */
	int engine_err;
	bool running, known;	/* !known: cannot tell whether it runs */
	/* Of the daemon's configuration; no interface if it cannot be read. */
	struct externals externals;
};

static void read_externals(struct snapshot *p, const struct cmd_env *env)
{
	static struct conf *conf;
	struct conf_error unused;

	CMD_LARGE(conf);
	p->externals.state.ext_n = 0;
	if (!p->engine_err && !conf_read(env->file, conf, &unused))
		externals_read(env, conf, &p->externals);
}

static void take_snapshot(struct snapshot *p, const struct cmd_env *env)
{
	live_refresh(&p->l, env);
	p->engine_err = live_engine(&p->l, &p->engine);
	/* Read it again, because an engine may have died during the request. */
	live_refresh(&p->l, env);
	p->running = p->l.alive || !p->engine_err;
	read_externals(p, env);
	/* Otherwise a daemon may run that this user may not access. */
	p->known = p->running || !p->l.monitor_err ||
		   p->engine_err == -ENOENT || p->engine_err == -ECONNREFUSED;
}

static const struct {
	char name[16], text[72];
} no_address[] = {
	[CTL_ADDRESS_OK] = { "none", "not known yet" },
	[CTL_NO_INTERFACE] = { "no-interface", "there is no such interface" },
	[CTL_INTERFACE_DOWN] = { "interface-down", "the interface is down" },
	[CTL_NO_CARRIER] = { "no-carrier", "the interface has no carrier" },
	[CTL_NO_ADDRESS] = { "no-address", "the interface has no IPv4 address" },
	[CTL_ADDRESS_PRIVATE] = { "private", "it is behind another NAT, and "
				  "private-external-address is refuse" },
};

/* ---- as text -------------------------------------------------------- */

#define KEY_COLUMNS 20

/* Print "       external-address: 198.51.100.7". */
__attribute__((format(printf, 3, 0)))
static void put_line(enum term_colour colour, const char *key, const char *fmt,
		     va_list ap)
{
	char raw[PATH_MAX + STATUS_TEXT_MAX], clean[sizeof(raw)];
	struct wr w = wr_init_cut(raw, sizeof(raw));
	struct wr c = wr_init_cut(clean, sizeof(clean));

	wr_vfmt(&w, fmt, ap);
	maptext_clean(&c, wr_done(&w));
	for (size_t n = str_z(key).n; n < KEY_COLUMNS; n++)
		out_ch(' ');
	out_fmt("%s: ", key);
	if (colour)
		term_colour(colour);
	term_wrap(wr_done(&c), KEY_COLUMNS + 2);
	if (colour)
		term_colour(TERM_PLAIN);
}

__attribute__((format(printf, 2, 3)))
static void line(const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(TERM_PLAIN, key, fmt, ap);
	va_end(ap);
}

/* The same for something that is wrong. */
__attribute__((format(printf, 2, 3)))
static void fault(const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(TERM_PROBLEM, key, fmt, ap);
	va_end(ap);
}

static const char *format_time(char buf[32], uint64_t unix_s)
{
	struct wr w = wr_init(buf, 32);

	date_iso(&w, unix_s > INT64_MAX ? INT64_MAX : (int64_t)unix_s);
	return wr_cstr(&w);
}

static const char *format_duration(char buf[32], uint64_t s)
{
	struct wr w = wr_init_cut(buf, 32);

	maptext_time(&w, s);
	return wr_cstr(&w);
}

static void put_running(const struct snapshot *p)
{
	const struct statusfile *m = &p->l.monitor;
	char a[32], b[32];

	if (p->running && p->l.alive)
		line("running", "yes, process %ld", (long)m->pid);
	else
		fault("running", "%s", p->running ? "yes" :
		      p->known ? "no" : "not known");
	if (p->l.alive)
		line("since", "%s, for %s", format_time(a, m->since_s),
		     format_duration(b, live_uptime_s(&p->l)));
	if (live_waits(&p->l))
		line("waits", "for an external and an internal interface; see: "
		     "upnpctl interfaces print");
	else if (live_idle(&p->l))
		line("enabled", "no; run: upnpctl set enabled=yes");
	if (p->l.reason[0])
		fault("reason", "%s", p->l.reason);
	else if (!p->running && live_ended(&p->l))
		fault("ended", "%s",
		      m->fault[0] ? m->fault : "stopped by a signal");
	else if (!p->running && !p->l.monitor_err)
		fault("ended", "without a reason in its status file");
	line("configuration", "%s", m->file[0] ? m->file : p->l.file);
	if (p->l.conf_wrong && (p->running || !p->l.reason[0]))
		fault("configuration-fault", "%s", p->l.conf_why.text);
}

static void put_engine_fault(const struct snapshot *p)
{
	char text[1024 + STATUS_TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (live_idle(&p->l) || (p->known && !p->running))
		return;
	live_error_text(&w, &p->l, p->engine_err);
	fault("engine", "%s", wr_cstr(&w));
}

/* "wan1: the interface has no carrier" */
static void put_others(const struct externals *x)
{
	for (size_t i = 0; i < x->state.ext_n; i++) {
		char text[128];
		struct wr w = wr_init_cut(text, sizeof(text));

		if (!x->served || i == x->state.active)
			continue;
		wr_fmt(&w, "%s: ", x->state.ext[i].name);
		externals_put(x, i, &w);
		line("other-external", "%s", wr_cstr(&w));
	}
}

static void put_external(const struct ctl_status *s, const struct externals *x)
{
	line("external-interface", "%s", s->ext_if[0] ? s->ext_if : "none");
	put_others(x);
	if (!addr_is_set(s->ext) || s->no_address != CTL_ADDRESS_OK) {
		fault("external-address", "none: %s",
		      no_address[s->no_address].text);
		return;
	}
	line("external-address", "%s%s", addr_text(s->ext).text,
	     s->ext_private ? ", private: behind another NAT, which must "
	     "forward ports as well" : "");
}

/* Only behind another NAT: elsewhere there is nothing to tell. */
static void put_chain(const struct ctl_status *s)
{
	char text[320];
	struct wr w = wr_init_cut(text, sizeof(text));

	chain_put(s, &w);
	if (w.len)
		line("upstream", "%s", wr_cstr(&w));
	if (!w.len && !s->ext_private)
		return;
	w = wr_init_cut(text, sizeof(text));
	chain_reach(s, &w);
	line("reachable", "%s", wr_cstr(&w));
}

/* "upnp, nat-pmp (does not listen yet), pcp" */
static void put_protocols(const struct ctl_status *s)
{
	char text[160];
	struct wr w = wr_init_cut(text, sizeof(text));

	for (unsigned o = ORIGIN_OPERATOR + 1; o < ORIGINS; o++)
		if (s->protocols & 1u << o)
			wr_fmt(&w, "%s%s%s", w.len ? ", " : "", origin_name(o),
			       s->served & 1u << o ? "" :
			       " (does not listen yet)");
	line("protocols", "%s", w.len ? wr_cstr(&w) : "none is on");
}

/* "2 upnp, 1 pcp": those of clients */
static void put_origins(const char *key, const uint32_t of[ORIGINS])
{
	char text[160];
	struct wr w = wr_init_cut(text, sizeof(text));

	for (unsigned o = ORIGIN_OPERATOR + 1; o < ORIGINS; o++)
		if (of[o])
			wr_fmt(&w, "%s%u %s", w.len ? ", " : "",
			       (unsigned)of[o], origin_name(o));
	if (w.len)
		line(key, "%s", wr_cstr(&w));
}

static void put_pinholes(const struct ctl_status *s)
{
	char without[32];
	struct wr w = wr_init(without, sizeof(without));

	if (s->pinholes_suspended)
		wr_fmt(&w, ", %u suspended", (unsigned)s->pinholes_suspended);
	if (s->pinholes_max)
		line("pinholes", "%u of %u, %u static%s",
		     (unsigned)s->pinholes, (unsigned)s->pinholes_max,
		     (unsigned)s->pinholes_of[ORIGIN_OPERATOR], wr_cstr(&w));
	else
		line("pinholes", "disabled");
	put_origins("pinholes-by-origin", s->pinholes_of);
}

static void put_engine(const struct ctl_status *s, const struct externals *x)
{
	char time[32], without[64];	/* mappings without a rule */
	struct wr w = wr_init(without, sizeof(without));
	bool any = false;

	line("engine", "%s for %s%s", s->served ? "serving" : "running",
	     format_duration(time, s->up_s),
	     s->served ? "" : ", but serves nobody");
	put_protocols(s);
	if (s->http_port)
		line("http-port", "%u", (unsigned)s->http_port);
	else
		line("http-port", "none: %s",
		     s->protocols & 1u << ORIGIN_UPNP ?
		     "it does not listen yet" : "upnp is no");
	put_external(s, x);
	put_chain(s);
	if (s->suspended)
		wr_fmt(&w, ", %u suspended", (unsigned)s->suspended);
	if (s->overruled)
		wr_fmt(&w, ", %u overruled", (unsigned)s->overruled);
	line("mappings", "%u of %u, %u static%s; %u per client at most",
	     (unsigned)s->mappings, (unsigned)s->mappings_max,
	     (unsigned)s->mappings_of[ORIGIN_OPERATOR], wr_cstr(&w),
	     (unsigned)s->per_client_max);
	put_origins("mappings-by-origin", s->mappings_of);
	put_pinholes(s);
	line("subscribers", "%u of %u", (unsigned)s->subscribers,
	     (unsigned)s->subscribers_max);
	for (unsigned i = REFUSAL_NONE + 1; i < REFUSALS; i++) {
		if (!s->refused[i])
			continue;
		any = true;
		line("refused", "%u %s: %s", (unsigned)s->refused[i],
		     refusal_name(i), refusal_text(i));
	}
	if (!any)
		line("refused", "none");
}

static void put_monitor(const struct statusfile *m)
{
	char time[32];

	if (m->backend[0])
		line("backend", "%s: %s", m->backend, m->backend_why);
	if (m->firewall_fault[0])
		fault("firewall", "%s", m->firewall_fault);
	else if (m->backend[0])
		line("firewall", "as it should be");
	line("engine-deaths", "%u", (unsigned)m->engine_deaths);
	if (!m->reloads)
		line("last-reload", "never");
	else
		line("last-reload", "%s%s", m->reload_fault[0] ? "failed: " :
		     "succeeded", m->reload_fault);
	if (m->repaired_s)
		line("last-repair", "%s, %u in all",
		     format_time(time, m->repaired_s), (unsigned)m->repairs);
	else
		line("last-repair", "never");
}

/* ---- as JSON --------------------------------------------------------- */

static void json_text(const char *key, const char *text)
{
	if (text[0])
		json_str(key, str_z(text));
	else
		json_null(key);
}

static void json_time(const char *key, uint64_t unix_s)
{
	char buf[32];

	if (unix_s)
		json_str(key, str_z(format_time(buf, unix_s)));
	else
		json_null(key);
}

static void json_running(const struct snapshot *p)
{
	const struct statusfile *m = &p->l.monitor;

	if (p->known)
		json_bool("running", p->running);
	else
		json_null("running");
	json_bool("enabled", p->running &&
		  (!live_idle(&p->l) || live_waits(&p->l)));
	json_bool("waits", p->running && live_waits(&p->l));
	if (p->l.alive) {
		json_u64("pid", (uint64_t)m->pid);
		json_time("since", m->since_s);
		json_u64("uptime", live_uptime_s(&p->l));
	}
	json_text("fault", p->running ? "" : m->fault);
	json_text("reason", p->l.reason);
	json_str("configuration", str_z(m->file[0] ? m->file : p->l.file));
	json_text("configuration-fault",
		  p->l.conf_wrong ? p->l.conf_why.text : "");
}

/* The enabled external interfaces, in the order of the configuration. */
static void json_externals(const struct externals *x)
{
	json_array("externals");
	for (size_t i = 0; i < x->state.ext_n && x->served; i++) {
		const enum externals_why why = externals_why(x, i);

		json_object(NULL);
		json_str("interface", str_z(x->state.ext[i].name));
		json_addr("address", x->state.ext[i].addr);
		json_bool("active", why == EXTERNALS_ACTIVE ||
			  why == EXTERNALS_PINHOLES);
		json_str("state", str_z(externals_word(why)));
		json_end();
	}
	json_end();
}

static void json_external(const struct ctl_status *s)
{
	bool usable = addr_is_set(s->ext) && s->no_address == CTL_ADDRESS_OK;

	enum chain_reach reach = chain_reach(s, NULL);

	json_object("external");
	json_text("interface", s->ext_if);
	json_addr("address", usable ? s->ext : (struct addr){ 0 });
	json_bool("behind-nat", s->ext_private);
	json_text("fault", usable ? "" : no_address[s->no_address].name);
	if (reach == CHAIN_UNKNOWN)
		json_null("reachable");
	else
		json_bool("reachable", reach == CHAIN_YES);
	json_end();
	chain_json(s);
}

static void json_protocols(const struct ctl_status *s)
{
	json_object("protocols");
	for (unsigned o = ORIGIN_OPERATOR + 1; o < ORIGINS; o++) {
		json_object(origin_name(o));
		json_bool("enabled", s->protocols & 1u << o);
		json_bool("serving", s->served & 1u << o);
		json_end();
	}
	json_end();
}

static void json_pinholes(const struct ctl_status *s)
{
	json_object("pinholes");
	json_u64("count", s->pinholes);
	json_u64("static", s->pinholes_of[ORIGIN_OPERATOR]);
	json_u64("suspended", s->pinholes_suspended);
	json_object("by-origin");
	for (unsigned o = 1; o < ORIGINS; o++)
		json_u64(origin_name(o), s->pinholes_of[o]);
	json_end();
	json_u64("max", s->pinholes_max);
	json_end();
}

static void json_engine(const struct ctl_status *s, const struct externals *x)
{
	json_object("engine");
	json_u64("uptime", s->up_s);
	json_u64("http-port", s->http_port);
	json_array("igd-versions");
	for (unsigned v = 1; v < 32; v++)
		if (s->igd_versions & 1u << v)
			json_u64(NULL, v);
	json_end();
	json_end();
	json_protocols(s);
	json_external(s);
	json_externals(x);
	json_object("mappings");
	json_u64("count", s->mappings);
	json_u64("static", s->mappings_of[ORIGIN_OPERATOR]);
	json_u64("suspended", s->suspended);
	json_u64("overruled", s->overruled);
	json_object("by-origin");
	for (unsigned o = 1; o < ORIGINS; o++)
		json_u64(origin_name(o), s->mappings_of[o]);
	json_end();
	json_u64("max", s->mappings_max);
	json_u64("max-per-client", s->per_client_max);
	json_end();
	json_pinholes(s);
	json_object("subscribers");
	json_u64("count", s->subscribers);
	json_u64("max", s->subscribers_max);
	json_end();
	json_object("refused");
	for (unsigned i = REFUSAL_NONE + 1; i < REFUSALS; i++)
		json_u64(refusal_name(i), s->refused[i]);
	json_end();
}

static void json_engine_fault(const struct snapshot *p)
{
	static const char *const keys[] = {
		"protocols", "external", "externals", "upstream", "mappings",
		"pinholes", "subscribers", "refused"
	};
	char text[1024 + STATUS_TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	live_error_text(&w, &p->l, p->engine_err);
	json_object("engine");
	json_str("fault", wr_done(&w));
	json_end();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_null(keys[i]);
}

static void json_monitor(const struct statusfile *m)
{
	json_object("firewall");
	json_text("backend", m->backend);
	json_text("backend-why", m->backend_why);
	json_text("fault", m->firewall_fault);
	json_u64("repairs", m->repairs);
	json_time("last-repair", m->repaired_s);
	json_end();
	json_u64("engine-deaths", m->engine_deaths);
	json_u64("reloads", m->reloads);
	json_text("reload-fault", m->reload_fault);
}

int status_run(struct cmd *c)
{
	struct snapshot p;

	take_snapshot(&p, c->env);
	if (c->env->json) {
		json_object(NULL);
		json_running(&p);
		if (p.engine_err)
			json_engine_fault(&p);
		else
			json_engine(&p.engine, &p.externals);
		if (p.l.alive)
			json_monitor(&p.l.monitor);
		json_end();
	} else {
		put_running(&p);
		if (p.engine_err)
			put_engine_fault(&p);
		else
			put_engine(&p.engine, &p.externals);
		if (p.l.alive)
			put_monitor(&p.l.monitor);
	}
	return p.running ? CMD_OK : CMD_FAULT;
}
