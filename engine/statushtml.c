/* SPDX-License-Identifier: ISC */
/*
 * statushtml.c - the pieces of the status page.
 *
 * The page is for the people of a household, so it says what happens in their
 * words. The operator's words are in upnpctl and in the log.
 * Runs in: engine
 */
#include <netinet/in.h>
#include "base/utf8.h"
#include "base/wr.h"
#include "engine/statushtml.h"

/* After a change, tests/netns/test_page.py prints the new hash. */
static const char style[] =
	":root{color-scheme:light dark;--page:#f3f5f7;--card:#fff;"
	"--text:#1a1f24;--dim:#57606a;--line:#d8dee4;--link:#0550ae;"
	"--warn:#8a3b00}\n"
	"@media(prefers-color-scheme:dark){:root{--page:#11151a;"
	"--card:#1b2128;--text:#e6eaee;--dim:#a2adb8;--line:#343c46;"
	"--link:#8ab8ff;--warn:#ffb77a}}\n"
	"body{margin:0 auto;max-width:56rem;padding:1.5rem 1rem;"
	"background:var(--page);color:var(--text);"
	"font:1rem/1.5 system-ui,sans-serif}\n"
	"h1{margin:0;font-size:1.75rem;line-height:1.2}\n"
	"h2{margin:0 0 .75rem;font-size:1.15rem}\n"
	"p{margin:.5rem 0}\n"
	"section p{margin:0}\n"
	"a{color:var(--link)}\n"
	"section{margin:1rem 0;padding:1rem 1.25rem;background:var(--card);"
	"border:1px solid var(--line);border-radius:.6rem}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;"
	"gap:.4rem 1.5rem;margin:0}\n"
	"dt,th,small,i,footer{color:var(--dim)}\n"
	"dd{margin:0}\n"
	"bdi,small,dd,td:nth-child(2){overflow-wrap:anywhere}\n"
	"small{display:block;font-size:.85rem;font-weight:400;"
	"white-space:normal}\n"
	"table{width:100%;border-collapse:collapse}\n"
	"th,td{padding:.5rem .75rem .5rem 0;text-align:left;"
	"vertical-align:top;border-top:1px solid var(--line)}\n"
	"th:last-child,td:last-child{padding-right:0}\n"
	"thead th{border:0;padding-top:0;font-size:.85rem;font-weight:600}\n"
	"tbody th{color:var(--text);font-weight:600;white-space:nowrap}\n"
	"small b{color:var(--warn);font-weight:600}\n"
	"footer{font-size:.85rem}\n"
	"@media(max-width:36rem){body{padding:1rem .5rem;font-size:.9rem}"
	"section{padding:.75rem}dl{grid-template-columns:1fr;gap:0}"
	"dd{margin-bottom:.5rem}th,td{padding-right:.5rem}"
	"#own+table td:nth-child(2){width:45%}"
	/* five columns do not fit: a row becomes three lines */
	"#others+table thead{position:absolute;clip-path:inset(50%)}"
	"#others+table,#others+table tbody{display:block}"
	"#others+table tr{display:grid;grid-template-columns:1fr auto;"
	"gap:0 .75rem;padding:.5rem 0;border-top:1px solid var(--line)}"
	"#others+table :is(th,td){padding:0;border:0}"
	"#others+table td:nth-child(n+4){text-align:right}"
	"#others+table td:last-child{order:1}"
	"#others+table td:nth-child(3){order:2;grid-column:1/3}"
	"#others+table td:nth-child(2){order:3}"
	"#others+table td:nth-child(4){order:4}"
	"#others+table td:nth-child(4)::before{content:\"by \"}}\n"
	"@media(max-width:22rem){th,td{overflow-wrap:anywhere}"
	"tbody th{white-space:normal}}\n";

/* ---- text ---------------------------------------------------------------- */

void statushtml_text(struct wr *w, struct str s)
{
	uint32_t c;
	size_t n;

	while (s.n) {
		n = utf8_get_xml(s, &c);
		if (!n)
			wr_z(w, "\xef\xbf\xbd");
		else if (utf8_is_control(c))
			wr_ch(w, ' ');
		else
			wr_xml(w, (struct str){ s.p, n });
		s = str_skip(s, n ? n : 1);
	}
}

/* A text of a client. <bdi> keeps its direction from the rest of the page. */
static void put_name(struct wr *w, struct str s)
{
	wr_z(w, "<bdi>");
	statushtml_text(w, s);
	wr_z(w, "</bdi>");
}

/* A time in its two largest units: "3 days 4 h", "59 min 12 s". */
static void put_span(struct wr *w, uint64_t s)
{
	static const struct {
		uint32_t s;
		const char *one, *many;
	} unit[] = {
		{ 86400, " day", " days" }, { 3600, " h", " h" },
		{ 60, " min", " min" }, { 1, " s", " s" },
	};
	unsigned i = 0;

	while (i < 3 && s < unit[i].s)
		i++;
	for (unsigned n = 0; n < 2 && i < 4; n++, i++) {
		uint64_t k = s / unit[i].s;

		s %= unit[i].s;
		if (n && !k)
			break;
		if (n)
			wr_ch(w, ' ');
		wr_u64(w, k);
		wr_z(w, k == 1 ? unit[i].one : unit[i].many);
	}
}

static void put_proto(struct wr *w, uint8_t proto)
{
	for (const char *p = nat_rule_proto(proto); *p; p++)
		wr_ch(w, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	wr_ch(w, ' ');
}

/* "TCP 8080". @port: 0: every port of a pinhole */
static void put_port(struct wr *w, uint8_t proto, uint16_t port)
{
	put_proto(w, proto);
	if (port)
		wr_u64(w, port);
	else
		wr_z(w, "all ports");
}

/* ---- the document -------------------------------------------------------- */

static void open_document(struct wr *w, struct str name, const char *what)
{
	wr_z(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	     "<meta charset=\"utf-8\">\n"
	     "<meta name=\"viewport\" content=\"width=device-width\">\n"
	     "<title>");
	statushtml_text(w, name);
	wr_z(w, what);
	wr_z(w, "</title>\n<style>");
	wr_z(w, style);
	wr_z(w, "</style>\n</head>\n");
}

static void open_header(struct wr *w, struct str name)
{
	wr_z(w, "<body>\n<header>\n<h1>");
	put_name(w, name);
	wr_z(w, "</h1>\n");
}

void statushtml_open(struct wr *w, struct str name)
{
	open_document(w, name, ": open ports");
}

void statushtml_header(struct wr *w, struct str name)
{
	open_header(w, name);
	wr_z(w, "<p>This router opens ports for the programs on your devices, "
	     "such as games, calls and file sharing, so that others on the "
	     "internet can reach them. A program asks for a port by itself, "
	     "and the port closes when its time is over.</p>\n"
	     "<p><a href=\"/\">Load this page again</a> to see what has "
	     "changed.</p>\n</header>\n<main>\n");
}

void statushtml_close(struct wr *w)
{
	wr_z(w, "</main>\n<footer>\n<p>Nothing can be changed on this page. "
	     "The operator of the router can close or forbid a port with the "
	     "command upnpctl.</p>\n</footer>\n</body>\n</html>\n");
}

void statushtml_elsewhere(struct wr *w, struct str name, struct addr a,
			  uint16_t port)
{
	open_document(w, name, ": wrong name");
	open_header(w, name);
	wr_z(w, "</header>\n<main>\n<p>For your safety, the router shows its "
	     "page only at its address, not at a name: a website could use "
	     "such a name to read the page.</p>\n<p>Open <a href=\"http://");
	for (int i = 0; i < 2; i++) {
		if (i)
			wr_z(w, "/\">http://");
		addr_host_write(w, a);
		wr_ch(w, ':');
		wr_u64(w, port);
	}
	wr_z(w, "/</a></p>\n</main>\n</body>\n</html>\n");
}

/* ---- the summary --------------------------------------------------------- */

static const char *const no_address[] = {
	[CTL_ADDRESS_OK] = "not known yet",
	[CTL_NO_INTERFACE] = "none: the internet connection does not exist",
	[CTL_INTERFACE_DOWN] = "none: the internet connection is switched off",
	[CTL_NO_CARRIER] = "none: the cable or the signal of the internet "
			   "connection is missing",
	[CTL_NO_ADDRESS] = "none: the provider has not given one to this "
			   "router",
	[CTL_ADDRESS_PRIVATE] = "none: another router is between this one and "
				"the internet",
};

static void put_address(struct wr *w, const struct ctl_status *s)
{
	const bool usable = addr_is_set(s->ext) &&
			    s->no_address == CTL_ADDRESS_OK;

	if (usable)
		addr_write(w, s->ext);
	else if (s->no_address <= CTL_ADDRESS_PRIVATE)
		wr_z(w, no_address[s->no_address]);
	if (!usable)
		wr_z(w, "<small><b>Nobody can reach the open ports over "
		     "IPv4.</b></small>");
	else if (s->ext_private)
		wr_z(w, "<small><b>Another router is between this one and the "
		     "internet. It must open the ports as well.</b></small>");
	else if (s->upstream_state == CTL_UPSTREAM_ANSWERS)
		wr_z(w, "<small>Another router is in front of this one. It "
		     "says that it opens the ports as well.</small>");
}

static const char *const origin_text[ORIGINS] = {
	[ORIGIN_OPERATOR] = "the operator", [ORIGIN_UPNP] = "UPnP",
	[ORIGIN_NAT_PMP] = "NAT-PMP", [ORIGIN_PCP] = "PCP",
};

void statushtml_summary(struct wr *w, const struct ctl_status *s,
			struct addr viewer)
{
	const char *sep = "";

	wr_z(w, "<section aria-labelledby=\"this\">\n"
	     "<h2 id=\"this\">This router</h2>\n<dl>\n"
	     "<dt>Internet address</dt><dd>");
	put_address(w, s);
	wr_z(w, "</dd>\n<dt>Programs can ask by</dt><dd>");
	for (unsigned o = ORIGIN_UPNP; o < ORIGINS; o++) {
		if (!(s->served & 1u << o))
			continue;
		wr_z(w, sep);
		wr_z(w, origin_text[o]);
		sep = ", ";
	}
	wr_z(w, "</dd>\n<dt>Your device</dt><dd>");
	addr_write(w, viewer);
	wr_z(w, "</dd>\n</dl>\n</section>\n");
}

/* ---- mappings ------------------------------------------------------------ */

/* [others] */
static const struct {
	const char *id, *title, *none;
} list[] = {
	{ "own", "Open ports of your device",
	  "No port is open for your device." },
	{ "others", "Open ports of other devices",
	  "No port is open for another device." },
};

static void put_heading(struct wr *w, bool others)
{
	wr_fmt(w, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
	       list[others].id, list[others].id, list[others].title);
}

void statushtml_table(struct wr *w, bool others)
{
	put_heading(w, others);
	wr_fmt(w, "<table aria-labelledby=\"%s\">\n<thead>\n<tr>"
	       "<th scope=\"col\">Port</th>%s<th scope=\"col\">Program</th>"
	       "<th scope=\"col\">Opened by</th>"
	       "<th scope=\"col\">Time left</th></tr>\n</thead>\n<tbody>\n",
	       list[others].id,
	       others ? "<th scope=\"col\">Device</th>" : "");
}

void statushtml_none(struct wr *w, bool others)
{
	put_heading(w, others);
	wr_fmt(w, "<p>%s</p>\n</section>\n", list[others].none);
}

void statushtml_end_table(struct wr *w)
{
	wr_z(w, "</tbody>\n</table>\n</section>\n");
}

/* Where the port leads, if that is not obvious, and for whom. */
static void put_details(struct wr *w, const struct statushtml_row *r,
			uint16_t port)
{
	const struct nat_rule *rule = &r->e->rule;

	if (rule->int_port && rule->int_port != port) {
		wr_z(w, "<small>to port ");
		wr_u64(w, rule->int_port);
		wr_z(w, "</small>");
	}
	if (!r->others && !addr_equal(rule->client, r->viewer)) {
		wr_z(w, "<small>to ");
		addr_write(w, rule->client);
		wr_z(w, "</small>");
	}
	if (addr_is_set(rule->remote)) {
		wr_z(w, "<small>only from ");
		addr_write(w, rule->remote);
		wr_z(w, "</small>");
	}
	if (rule->remote_port) {
		wr_z(w, "<small>only from port ");
		wr_u64(w, rule->remote_port);
		wr_z(w, "</small>");
	}
}

static const char *why_not_open(const struct pm_entry *e)
{
	if (e->overruled)
		return "Not open: the router needs this port for something "
		       "else.";
	if (portmap_is_suspended(e))
		return "Not open: the network of the device is missing.";
	return e->enabled ? NULL : "Not open: it is switched off.";
}

static const char *origin_of(const struct pm_entry *e)
{
	return e->origin < ORIGINS && origin_text[e->origin] ?
	       origin_text[e->origin] : "";
}

static void put_program(struct wr *w, const struct statushtml_row *r)
{
	char desc[PM_DESC_MAX + 1];
	const struct str text = portmap_desc(r->pm, r->e, desc);
	const char *why = why_not_open(r->e);

	wr_z(w, "<td>");
	/* NAT-PMP and PCP have no names: the description is the protocol */
	if (text.n && !str_eq(text, str_z(origin_of(r->e))))
		put_name(w, text);
	else
		wr_z(w, "<i>not named</i>");
	if (why)
		wr_fmt(w, "<small><b>%s</b></small>", why);
	wr_z(w, "</td>");
}

void statushtml_mapping(struct wr *w, const struct statushtml_row *r)
{
	const struct pm_entry *e = r->e;
	const bool pinhole = e->rule.kind == NAT_PINHOLE;
	const uint16_t port = pinhole ? e->rule.int_port :
					map_told(r->map, e).port;
	const uint32_t left = portmap_lease_left(e, r->now_ms);

	wr_z(w, "<tr><th scope=\"row\">");
	put_port(w, e->rule.proto, port);
	wr_z(w, pinhole ? "<small>over IPv6</small>" : "");
	put_details(w, r, port);
	wr_z(w, "</th>");
	if (r->others) {
		wr_z(w, "<td>");
		addr_write(w, e->rule.client);
		wr_z(w, "</td>");
	}
	put_program(w, r);
	wr_z(w, "<td>");
	wr_z(w, origin_of(e));
	if (e->origin != ORIGIN_OPERATOR && addr_is_set(e->requester) &&
	    !addr_equal(e->requester, e->rule.client)) {
		wr_z(w, "<small>asked by ");
		addr_write(w, e->requester);
		wr_z(w, "</small>");
	}
	wr_z(w, "</td><td>");
	if (left)
		put_span(w, left);
	else
		wr_z(w, "no end");
	wr_z(w, "</td></tr>\n");
}

/* ---- refusals ------------------------------------------------------------ */

static const char *const refusal_reason[REFUSALS] = {
	[REFUSAL_SECURE] = "A program may only open ports for its own device.",
	[REFUSAL_OUTSIDE] = "The device is not in a network of this router.",
	[REFUSAL_ROUTER] = "The port would lead to the router itself.",
	[REFUSAL_SPECIAL] = "The address is not one of a device.",
	[REFUSAL_RULE] = "The settings of the router do not allow this port.",
	[REFUSAL_REMOTE] = "The address on the internet is not valid.",
	[REFUSAL_ALL_PORTS] = "The settings do not allow all ports at once.",
	[REFUSAL_OWNER] = "The port belongs to another device.",
	[REFUSAL_OPERATOR] = "The operator has set this port.",
	[REFUSAL_NONCE] = "Another program has opened this port.",
	[REFUSAL_CONFLICT] = "Another device has this port.",
	[REFUSAL_FULL] = "The router has no room for more ports.",
	[REFUSAL_CLIENT_FULL] = "Your device has as many ports as it may have.",
	[REFUSAL_PINHOLES] = "The router has no room for more IPv6 ports.",
	[REFUSAL_RATE] = "Too many new ports at once.",
	[REFUSAL_NO_PORT] = "Every port that is allowed is in use.",
	[REFUSAL_PORT] = "The router uses this port itself.",
	[REFUSAL_FORWARDED] = "The operator has forwarded this port.",
	[REFUSAL_BLOCKED] = "The router's firewall keeps this port closed.",
	[REFUSAL_UPSTREAM] = "The router in front refuses this port.",
	[REFUSAL_UPSTREAM_PORT] = "The router in front gives another port.",
	[REFUSAL_NO_ADDRESS] = "The router has no internet address.",
	[REFUSAL_FIREWALL] = "The router could not change its firewall.",
	[REFUSAL_KIND] = "The router cannot open such ports.",
	[REFUSAL_MONITOR] = "A safety check of the router forbids it.",
	[REFUSAL_LINK] = "No program may end the internet connection.",
};

#define JUST_NOW_S 5

void statushtml_refusals(struct wr *w)
{
	wr_z(w, "<section aria-labelledby=\"refused\">\n"
	     "<h2 id=\"refused\">Refused requests of your device</h2>\n"
	     "<table aria-labelledby=\"refused\">\n<thead>\n<tr>"
	     "<th scope=\"col\">Port</th><th scope=\"col\">Reason</th>"
	     "<th scope=\"col\">When</th></tr>\n</thead>\n<tbody>\n");
}

void statushtml_refused(struct wr *w, const struct recent_refusal *r,
			uint64_t now_ms)
{
	const struct nat_rule *rule = &r->rule;
	const uint16_t port = rule->kind == NAT_PORTMAP ? rule->ext_port :
							  rule->int_port;
	const uint64_t past_s = (now_ms - r->at_ms) / 1000;

	wr_z(w, "<tr><th scope=\"row\">");
	if (!rule->kind)
		wr_z(w, "none");
	else if (rule->kind == NAT_PORTMAP && !port)
		put_port(w, rule->proto, rule->int_port);
	else
		put_port(w, rule->proto, port);
	wr_z(w, rule->kind == NAT_PINHOLE ? "<small>over IPv6</small>" : "");
	wr_z(w, "</th><td>");
	wr_z(w, r->why < REFUSALS && refusal_reason[r->why] ?
	     refusal_reason[r->why] : "The router does not allow it.");
	wr_z(w, "</td><td>");
	if (past_s < JUST_NOW_S) {
		wr_z(w, "just now");
	} else {
		put_span(w, past_s);
		wr_z(w, " ago");
	}
	if (r->times > 1) {
		wr_z(w, "<small>");
		wr_u64(w, r->times);
		wr_z(w, " times</small>");
	}
	wr_z(w, "</td></tr>\n");
}
