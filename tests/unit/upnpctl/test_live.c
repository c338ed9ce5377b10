/* SPDX-License-Identifier: ISC */
/*
 * test_live.c - upnpctl's commands about the running daemon send the right
 * request, print its answer, and return the right exit status, against valid
 * and invalid servers.
 */
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/wr.h"
#include "upnpctl/args.h"
#include "upnpctl/cmd.h"
#include "upnpctl/verbs.h"
#include "upnpctl/counts.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/maptext.h"
#include "upnpctl/out.h"
#include "tests/unit/fakectl.h"
#include "ipc/statusfile.h"

#define ARGS(...) (const char *const []){ __VA_ARGS__, NULL }
#define NO_ARGS (const char *const []){ NULL }

static struct cmd_env env;
static char out[65536], err[4096];

/* ---- running a command ----------------------------------------------- */

static int redirect(int fd, const char *path)
{
	int was = dup(fd);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(was >= 0 && to >= 0);
	dup2(to, fd);
	close(to);
	return was;
}

static void restore(int fd, int was)
{
	dup2(was, fd);
	close(was);
}

static void slurp(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf[fread(buf, 1, cap - 1, f)] = '\0';
	fclose(f);
}

/* Return: exit status; out[] and err[] have the output */
static int run(int (*fn)(struct cmd *), const char *const *args)
{
	static struct cmd c;
	struct str words[16];
	size_t n = 0;
	int status, fd1, fd2;

	c = (struct cmd){ .env = &env, .verb = verbs_table };
	while (c.verb->run != fn)
		c.verb++;
	for (; args[n]; n++)
		words[n] = str_z(args[n]);
	env.file = fake.conf;
	fflush(stdout);
	fd1 = redirect(1, fake.out);
	fd2 = redirect(2, fake.err);
	status = args_read(&c, words, n);
	if (!status)
		status = fn(&c);
	out_flush();
	restore(1, fd1);
	restore(2, fd2);
	slurp(fake.out, out, sizeof(out));
	slurp(fake.err, err, sizeof(err));
	return status;
}

static int setup(void **state)
{
	env = (struct cmd_env){ 0 };
	return fakectl_setup(state);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_one_line(const char *text)
{
	const char *end = strchr(text, '\n');

	if (!end || end[1])
		fail_msg("not one line: \"%s\"", text);
}

/* Remove the white space of a JSON text. */
static void squeeze(char *s)
{
	char *to = s;
	bool quoted = false;

	for (; *s; s++) {
		if (*s == '"')
			quoted = !quoted;
		if (quoted || (*s != ' ' && *s != '\n' && *s != '\t'))
			*to++ = *s;
	}
	*to = '\0';
}

/* Write the configuration: the paths of the test, and @more. */
static void put_conf(const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), "control-socket = %s\n"
		 "pid-file = %s/upnpd.pid\n%s\n", fake.socket, fake.dir,
		 more);
	put_file(fake.conf, text);
}

/* ---- the monitor's status file --------------------------------------- */

static struct statusfile monitor_status(enum status_state state)
{
	return (struct statusfile){
		.pid = getpid(), .state = state, .file = "/etc/upnpd.conf",
		.since_s = 784111777, .since_mono_s = clock_boot_s(),
		.backend = "netlink", .backend_why = "nf_tables governs here",
	};
}

static void put_status(struct statusfile s)
{
	assert_int_equal(statusfile_write(fake.status, &s), 0);
}

/* A monitor that runs with the configuration, which "mappings add" needs. */
static void put_monitor(void)
{
	struct statusfile s = monitor_status(STATUS_SERVING);

	str_copy(s.file, sizeof(s.file), str_z(fake.conf));
	put_status(s);
}

/* ---- mappings print -------------------------------------------------- */

/* ---- the kernel's counters, instead of counts.c ---------------- */

static bool counting;
static struct nl_list_count counted[] = {
	{ IP(192, 168, 88, 10), 8000, IPPROTO_TCP, 3, UINT64_MAX },
	{ IP(192, 168, 88, 11), 8000, IPPROTO_UDP, 1, 1 },
};

void counts_read(struct counts *ret)
{
	*ret = (struct counts){ 0 };
	if (counting)
		*ret = (struct counts){ counted, 2, 2 };
}

const struct nl_list_count *counts_of(const struct counts *c,
				      const struct nat_rule *r)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].client == addr_to_ip4(r->client) &&
		    c->v[i].port == r->int_port && c->v[i].proto == r->proto)
			return &c->v[i];
	return NULL;
}

bool counts_packets(const struct nat_rule *rule, uint64_t *ret)
{
	*ret = UINT64_MAX;
	return counting && rule->int_port == 8080;
}

void counts_free(struct counts *c)
{
	counting = false;
}

static void serve_table(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, 40000);

	if (req->verb != CTL_MAPPINGS) {
		tell_end(conn, CTL_OK);
		return;
	}
	tell(conn, rep);
	rep = mapping_rep(CTL_MAPPING, IPPROTO_UDP, 53);
	rep.mapping.rule.remote = addr_ip4(IP(203, 0, 113, 5));
	rep.mapping.origin = ORIGIN_OPERATOR;
	rep.mapping.requester = (struct addr){ ADDR_NONE };
	rep.mapping.left_s = 788645;
	rep.mapping.enabled = 0;
	strcpy(rep.mapping.desc,
	       "\x1b[31m\"a\\\xc2\x9b\xe2\x80\xae\xff\xc3\xa9");
	tell(conn, rep);
	rep = mapping_rep(CTL_MAPPING, IPPROTO_UDP, 53);
	rep.mapping.rule.remote = addr_ip4(IP(203, 0, 113, 6));
	rep.mapping.left_s = 1;
	rep.mapping.suspended = 1;
	rep.mapping.desc[0] = '\0';
	tell(conn, rep);
	tell_end(conn, CTL_OK);
}

static void test_print_table(void **state)
{
	fakectl_serve(serve_table);
	assert_int_equal(run(mapprint_run, NO_ARGS), CMD_OK);
	assert_string_equal(err, "");
	assert_string_equal(out,
"Flags: D - dynamic, S - static, X - disabled, U - suspended, "
"O - overruled\n"
"  #    PROTOCOL   EXTERNAL-PORT   TO                   REMOTE-HOST   "
"TIME-LEFT    BY              DESCRIPTION\n"
"  0 D  tcp        40000           192.168.88.10:8000                 "
"never        192.168.88.10   game\n"
"  1 SX udp        53              192.168.88.10:8000   203.0.113.5   "
"1w2d3h4m5s   operator        ?[31m\"a\\???\xc3\xa9\n"
"  2 DU udp        53              192.168.88.10:8000   203.0.113.6   "
"1s           192.168.88.10\n");
}

static void test_print_detail(void **state)
{
	fakectl_serve(serve_table);
	assert_int_equal(run(mapprint_run,
			     ARGS("detail", "where", "static")), CMD_OK);
	assert_string_equal(out,
"Flags: D - dynamic, S - static, X - disabled, U - suspended, "
"O - overruled\n"
"  1 SX protocol=udp external-port=53 to=192.168.88.10:8000 "
"remote-host=203.0.113.5\n"
"       time-left=1w2d3h4m5s by=operator origin=operator "
"description=\"?[31m\\\"a\\\\???\xc3\xa9\"\n");
}

static void test_print_json(void **state)
{
	fakectl_serve(serve_table);
	env.json = true;
	assert_int_equal(run(mapprint_run,
			     ARGS("where", "protocol=TCP")), CMD_OK);
	squeeze(out);
	assert_string_equal(out,
"[{\"number\":0,\"key\":\"tcp:40000:0.0.0.0\",\"dynamic\":true,\"disabled\":false,"
"\"suspended\":false,\"overruled\":false,\"kind\":\"mapping\","
"\"protocol\":\"tcp\","
"\"external-port\":40000,\"to-address\":\"192.168.88.10\",\"to-port\":8000,"
"\"remote-host\":null,\"remote-port\":null,\"upstream-port\":null,"
"\"time-left\":null,"
"\"by\":\"192.168.88.10\","
"\"origin\":\"upnp\",\"configured\":false,"
"\"description\":\"game\"}]");
	assert_int_equal(run(mapprint_run, ARGS("where", "to=1.1.1.1")),
			 CMD_OK);
	squeeze(out);
	assert_string_equal(out, "[]");
}

static void test_print_has_a_limit(void **state)
{
	fakectl_serve(serve_table);
	assert_int_equal(run(mapprint_run, ARGS("count-only", "limit=2")),
			 CMD_OK);
	assert_string_equal(out, "2\n");
	assert_int_equal(run(mapprint_run, ARGS("count-only", "limit=0")),
			 CMD_OK);
	assert_string_equal(out, "0\n");
	assert_int_equal(run(mapprint_run, ARGS("count-only", "limit=1",
						"where", "static")), CMD_OK);
	assert_string_equal(out, "1\n");
	assert_int_equal(run(mapprint_run, ARGS("terse", "limit=1")), CMD_OK);
	assert_int_equal(strncmp(out, "  0 D ", 6), 0);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	assert_int_equal(run(mapprint_run, ARGS("limit=x")), CMD_USAGE);
	assert_contains(err, "limit is \"x\"; it takes a number");
}

static void test_print_stats(void **state)
{
	fakectl_serve(serve_table);
	counting = true;
	assert_int_equal(run(mapprint_run,
			     ARGS("stats", "where", "dynamic")), CMD_OK);
	assert_string_equal(out,
"Flags: D - dynamic, S - static, X - disabled, U - suspended, "
"O - overruled\n"
"  #    PROTOCOL   EXTERNAL-PORT   TO                   PACKETS   "
"BYTES                  DESCRIPTION\n"
"  0 D  tcp        40000           192.168.88.10:8000   3         "
"18446744073709551615   game\n"
"  2 DU udp        53              192.168.88.10:8000\n");
	counting = true;
	assert_int_equal(run(mapprint_run,
			     ARGS("detail", "where", "dynamic")), CMD_OK);
	assert_non_null(strstr(out, "origin=upnp packets=3 "
			       "bytes=18446744073709551615 "
			       "description=\"game\"\n\n"));
	assert_null(strstr(strstr(out, "packets=") + 1, "packets="));
	env.json = counting = true;
	assert_int_equal(run(mapprint_run, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_non_null(strstr(out, "\"game\",\"packets\":3,"
			       "\"bytes\":18446744073709551615}"));
	assert_null(strstr(strstr(out, "packets") + 1, "packets"));
	env.json = false;
}

/* Return the number of mappings that are printed: the lines below the two of
 * the head. */
static unsigned shown(const char *const *args)
{
	unsigned n = 0;

	assert_int_equal(run(mapprint_run, args), CMD_OK);
	for (const char *p = out; *p; p++)
		n += *p == '\n';
	return n - 2;
}

static struct addr ip6(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

static struct ctl_rep pinhole_rep(enum ctl_kind kind, const char *client,
				  uint16_t port)
{
	struct ctl_rep rep = mapping_rep(kind, IPPROTO_TCP, 0);

	rep.mapping.rule.kind = NAT_PINHOLE;
	rep.mapping.rule.client = ip6(client);
	rep.mapping.rule.int_port = port;
	rep.mapping.requester = ip6("fe80::10");
	rep.mapping.unique_id = 7;
	rep.mapping.left_s = 86399;
	return rep;
}

static void tell_pinholes(int conn)
{
	struct ctl_rep rep = pinhole_rep(CTL_MAPPING, "2001:db8::5", 8080);

	tell(conn, rep);
	rep = pinhole_rep(CTL_MAPPING, "2001:db8:1234:5678:211:22ff:fe33:4455",
			  65535);
	rep.mapping.rule.proto = IPPROTO_UDPLITE;
	rep.mapping.rule.remote = ip6("2001:db8::9");
	rep.mapping.origin = ORIGIN_OPERATOR;
	rep.mapping.requester = (struct addr){ ADDR_NONE };
	rep.mapping.unique_id = 65535;
	rep.mapping.suspended = 1;
	rep.mapping.desc[0] = '\0';
	tell(conn, rep);
	rep = pinhole_rep(CTL_MAPPING, "2001:db8::5", 0);
	rep.mapping.rule.remote_port = 5060;
	tell(conn, rep);
	tell_end(conn, CTL_OK);
}

static void serve_both(int conn, unsigned nth, const struct ctl_req *req)
{
	if (req->verb != CTL_MAPPINGS) {
		tell_end(conn, CTL_OK);
		return;
	}
	tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, 40000));
	tell_pinholes(conn);
}

static void serve_pinholes(int conn, unsigned nth, const struct ctl_req *req)
{
	tell_pinholes(conn);
}

#define PINHOLES \
"  #    PROTOCOL   TO                                              " \
"TIME-LEFT   DESCRIPTION\n" \
"  %c D  tcp        [2001:db8::5]:8080                              " \
"23h59m59s   game\n" \
"  %c SU udplite    [2001:db8:1234:5678:211:22ff:fe33:4455]:65535   " \
"23h59m59s\n" \
"  %c D  tcp        [2001:db8::5]:*                                 " \
"23h59m59s   game\n"

/* No line is longer than 80 characters, without the description. */
static void test_print_pinholes(void **state)
{
	char want[1024];

	snprintf(want, sizeof(want), "Flags: D - dynamic, S - static, "
		 "X - disabled, U - suspended, O - overruled\n"
"  #    PROTOCOL   EXTERNAL-PORT   TO                   REMOTE-HOST   "
"TIME-LEFT   BY              DESCRIPTION\n"
"  0 D  tcp        40000           192.168.88.10:8000                 "
"never       192.168.88.10   game\n\n" PINHOLES, '1', '2', '3');
	fakectl_serve(serve_both);
	assert_int_equal(run(mapprint_run, NO_ARGS), CMD_OK);
	assert_string_equal(out, want);
	assert_int_equal(run(mapprint_run, ARGS("where", "pinhole")), CMD_OK);
	snprintf(want, sizeof(want), "Flags: D - dynamic, S - static, "
		 "X - disabled, U - suspended, O - overruled\n" PINHOLES, '1',
		 '2', '3');
	assert_string_equal(out, want);
	assert_int_equal(run(mapprint_run, ARGS("stats", "where", "id=7")),
			 CMD_OK);
	assert_contains(out, "PROTOCOL   TO                   PACKETS   "
			"DESCRIPTION\n");
	counting = true;
	assert_int_equal(run(mapprint_run, ARGS("stats", "where", "pinhole")),
			 CMD_OK);
	assert_contains(out, "[2001:db8::5]:8080                              "
			"18446744073709551615   game\n");
	assert_contains(out, "[2001:db8::5]:*                                 "
			"                       game\n");
	counting = true;
	assert_int_equal(run(mapprint_run, ARGS("detail", "where", "id=7")),
			 CMD_OK);
	assert_contains(out, " packets=18446744073709551615 description=");
	env.json = counting = true;
	assert_int_equal(run(mapprint_run, ARGS("where", "id=7")), CMD_OK);
	squeeze(out);
	assert_contains(out, "\"game\",\"packets\":18446744073709551615}");
	env.json = false;
}

static void test_print_pinholes_alone(void **state)
{
	char want[1024];

	snprintf(want, sizeof(want), "Flags: D - dynamic, S - static, "
		 "X - disabled, U - suspended, O - overruled\n" PINHOLES, '0',
		 '1', '2');
	fakectl_serve(serve_pinholes);
	assert_int_equal(run(mapprint_run, NO_ARGS), CMD_OK);
	assert_string_equal(out, want);
	assert_int_equal(run(mapprint_run, ARGS("detail", "where", "static")),
			 CMD_OK);
	assert_contains(out,
"  1 SU protocol=udplite to=[2001:db8:1234:5678:211:22ff:fe33:4455]:65535 "
"remote-host=2001:db8::9\n"
"       time-left=23h59m59s by=operator origin=operator id=65535\n");
	assert_int_equal(run(mapprint_run, ARGS("detail", "where", "id=7")),
			 CMD_OK);
	assert_contains(out, "to=[2001:db8::5]:* remote-host=*:5060\n");
	assert_contains(out, "by=fe80::10 origin=upnp id=7 description");
}

static void test_print_pinholes_as_json(void **state)
{
	fakectl_serve(serve_both);
	env.json = true;
	assert_int_equal(run(mapprint_run, ARGS("where", "pinhole",
						  "external-port=8080")),
			 CMD_OK);
	squeeze(out);
	assert_string_equal(out,
"[{\"number\":1,\"key\":\"tcp:[2001:db8::5]:8080:*:*\",\"dynamic\":true,\"disabled\":false,"
"\"suspended\":false,\"overruled\":false,\"kind\":\"pinhole\","
"\"protocol\":\"tcp\",\"external-port\":8080,"
"\"to-address\":\"2001:db8::5\",\"to-port\":8080,"
"\"remote-host\":null,\"remote-port\":null,\"id\":7,\"time-left\":86399,"
"\"by\":\"fe80::10\",\"origin\":\"upnp\",\"configured\":false,"
"\"description\":\"game\"}]");
	assert_int_equal(run(mapprint_run, ARGS("where", "to=2001:db8::5")),
			 CMD_OK);
	squeeze(out);
	assert_contains(out, "\"external-port\":null,");
	assert_contains(out, "\"to-port\":null,\"remote-host\":null,"
			"\"remote-port\":5060");
	env.json = false;
}

static void test_where_selects_pinholes(void **state)
{
	fakectl_serve(serve_pinholes);
	assert_int_equal(shown(ARGS("where", "id=65535")), 1);
	assert_int_equal(shown(ARGS("where", "id=8")), 0);
	assert_int_equal(shown(ARGS("where", "protocol=UDPlite")), 1);
	assert_int_equal(shown(ARGS("where", "to=2001:db8::5")), 2);
	assert_int_equal(shown(ARGS("where", "to=[2001:db8::5]:8080")), 1);
	assert_int_equal(shown(ARGS("where", "remote-host=2001:db8::9")), 1);
	assert_int_equal(shown(ARGS("where", "by=fe80::10", "dynamic")), 2);
	assert_int_equal(shown(ARGS("where", "suspended")), 1);
}

static void test_where_selects(void **state)
{
	fakectl_serve(serve_table);
	assert_int_equal(shown(ARGS("where", "protocol=udp")), 2);
	assert_int_equal(shown(ARGS("where", "external-port=53")), 2);
	assert_int_equal(shown(ARGS("where", "external-port=54")), 0);
	assert_int_equal(shown(ARGS("where", "to=192.168.88.10")), 3);
	assert_int_equal(shown(ARGS("where", "to=192.168.88.10:8000")), 3);
	assert_int_equal(shown(ARGS("where", "to=192.168.88.10:8001")), 0);
	assert_int_equal(shown(ARGS("where", "remote-host=203.0.113.6")), 1);
	assert_int_equal(shown(ARGS("where", "remote-host=203.0.113.6:1")), 0);
	assert_int_equal(shown(ARGS("where", "by=operator")), 1);
	assert_int_equal(shown(ARGS("where", "origin=operator")), 1);
	assert_int_equal(shown(ARGS("where", "origin=upnp")), 2);
	assert_int_equal(shown(ARGS("where", "origin=pcp")), 0);
	assert_int_equal(shown(ARGS("where", "by=192.168.88.10")), 2);
	assert_int_equal(shown(ARGS("where", "dynamic", "protocol=udp")), 1);
	assert_int_equal(shown(ARGS("where", "disabled")), 1);
	assert_int_equal(shown(ARGS("where", "suspended")), 1);
	assert_int_equal(shown(ARGS("where", "suspended", "static")), 0);
	assert_int_equal(shown(ARGS("where", "overruled")), 0);
	assert_int_equal(shown(ARGS("where")), 3);
	/* without a value: those that have none */
	assert_int_equal(shown(ARGS("where", "remote-host=")), 1);
	assert_int_equal(shown(ARGS("where", "external-port>53")), 1);
	assert_int_equal(shown(ARGS("where", "time-left<1m")), 1);
	assert_int_equal(shown(ARGS("where", "disabled", "or", "suspended")),
			 2);
}

static void test_print_refuses_invalid_options(void **state)
{
	static const char *const wrong[] = {
		"protocol=icmp", "external-port=0", "external-port=65536",
		"to=192.168.88.10:0", "to=192.168.88", "by=me", "origin=me",
		"static=maybe", "=", "x=y", "", "id=0", "id=65536", "pinholes",
		"to=[2001:db8::5]", "to=[2001:db8::5]:0",
	};

	fakectl_serve(serve_table);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(run(mapprint_run,
				     ARGS("where", wrong[i])), CMD_USAGE);
		assert_one_line(err);
		assert_string_equal(out, "");
	}
	assert_int_equal(run(mapprint_run, ARGS("details")), CMD_USAGE);
}

static void serve_many(int conn, unsigned nth, const struct ctl_req *req)
{
	for (uint16_t i = 1; i <= 1001; i++)
		tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, i));
	tell_end(conn, CTL_OK);
}

static void test_number_column_fits_many_mappings(void **state)
{
	fakectl_serve(serve_many);
	assert_int_equal(run(mapprint_run,
			     ARGS("where", "external-port=1001")), CMD_OK);
	assert_contains(out, "\n   #   PROTOCOL   ");
	assert_contains(out, "\n1000 D tcp        1001   ");
}

/* ---- mappings add ---------------------------------------------------- */

static void serve_add(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = { .kind = CTL_ADDED };

	rep.mapping.rule = req->rule;
	rep.mapping.left_s = req->lease_s > 3600 ? 3600 : req->lease_s;
	rep.mapping.enabled = 1;
	memcpy(rep.mapping.desc, req->desc, sizeof(req->desc));
	tell(conn, rep);
	tell_end(conn, CTL_OK);
}

static void test_add_sends_the_mapping(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_add);
	assert_int_equal(run(mapchange_add,
			     ARGS("protocol=udp", "external-port=8080",
				  "to=192.168.88.10:80",
				  "remote-host=203.0.113.5", "lease=1h",
				  "comment=a \xc3\xa9")), CMD_OK);
	assert_string_equal(out, "");
	assert_string_equal(err, "");
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_ADD);
	assert_true(nat_rule_sane(&req.rule));
	assert_int_equal(req.rule.kind, NAT_PORTMAP);
	assert_int_equal(req.rule.proto, IPPROTO_UDP);
	assert_int_equal(req.rule.ext_port, 8080);
	assert_int_equal(req.rule.int_port, 80);
	assert_int_equal(addr_to_ip4(req.rule.client), IP(192, 168, 88, 10));
	assert_int_equal(addr_to_ip4(req.rule.remote), IP(203, 0, 113, 5));
	assert_int_equal(req.lease_s, 3600);
	assert_string_equal(req.desc, "a \xc3\xa9");
}

static void test_add_sends_a_pinhole(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_add);
	assert_int_equal(run(mapchange_add,
			     ARGS("protocol=sctp", "to=[2001:db8::5]:8080",
				  "remote-host=2001:db8::9", "lease=1h")),
			 CMD_OK);
	assert_string_equal(err, "");
	req = fakectl_asked();
	assert_true(nat_rule_sane(&req.rule));
	assert_int_equal(req.rule.kind, NAT_PINHOLE);
	assert_int_equal(req.rule.proto, IPPROTO_SCTP);
	assert_int_equal(req.rule.int_port, 8080);
	assert_true(addr_equal(req.rule.client, ip6("2001:db8::5")));
	assert_true(addr_equal(req.rule.remote, ip6("2001:db8::9")));
	assert_int_equal(run(mapchange_add,
			     ARGS("protocol=tcp", "external-port=8080",
				  "to=[2001:db8::5]:8080", "lease=1h")),
			 CMD_OK);
	req = fakectl_asked();
	assert_int_equal(req.rule.kind, NAT_PINHOLE);
	assert_int_equal(req.rule.ext_port, 0);
}

static void test_add_refuses_an_invalid_pinhole(void **state)
{
	static const struct {
		const char *arg[6], *why;
	} cases[] = {
		{ { "protocol=tcp", "to=[2001:db8::5]:8080", "external-port=80",
		    "lease=1" }, "external-port is 80, and the port of to= is "
				 "8080; IPv6 translates no port: leave" },
		{ { "protocol=sctp", "to=10.0.0.1:80", "external-port=80",
		    "lease=1" }, "protocol sctp is for IPv6 only; it takes" },
		{ { "protocol=tcp", "to=[2001:db8::5]:8080",
		    "remote-host=1.2.3.4", "lease=1" },
		  "remote-host is not of the same family as to=; write an IPv6"
		},
		{ { "protocol=tcp", "to=10.0.0.1:80", "external-port=80",
		    "remote-host=2001:db8::9", "lease=1" }, "an IPv4 address" },
		{ { "protocol=tcp", "to=10.0.0.1:80", "lease=1" },
		  "external-port is missing; it takes a port" },
		{ { "protocol=tcp", "to=[fe80::5]:8080", "lease=1" },
		  "to is \"[fe80::5]:8080\"; it takes" },
		{ { "protocol=tcp", "to=2001:db8::5:8080", "lease=1" },
		  "it takes a host of the LAN and a port" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(mapchange_add, cases[i].arg), CMD_USAGE);
		assert_one_line(err);
		assert_contains(err, cases[i].why);
	}
}

static void test_add_with_required_options_only(void **state)
{
	struct ctl_req req;

	put_monitor();
	fakectl_serve(serve_add);
	env.json = true;
	assert_int_equal(run(mapchange_add,
			     ARGS("to=192.168.88.10:80", "protocol=TCP",
				  "external-port=1", "remote-host=")), CMD_OK);
	req = fakectl_asked();
	assert_int_equal(req.lease_s, 0);
	assert_int_equal(req.rule.remote.family, ADDR_ANY);
	assert_string_equal(req.desc, "");
	assert_contains(out, "\"external-port\"");
}

static void test_add_reports_a_shorter_lease(void **state)
{
	fakectl_serve(serve_add);
	assert_int_equal(run(mapchange_add,
			     ARGS("to=192.168.88.10:80", "protocol=tcp",
				  "external-port=1", "lease=2h")), CMD_OK);
	assert_contains(err, "lease is 1h");
	assert_one_line(err);
}

static void test_add_refuses_invalid_options(void **state)
{
	static const char *const wrong[][5] = {
		{ "protocol=tcp", "external-port=1" },
		{ "protocol=tcp", "to=192.168.88.10:80" },
		{ "external-port=1", "to=192.168.88.10:80" },
#define REST "external-port=1", "to=192.168.88.10:80"
		{ "protocol=", REST }, { "protocol=icmp", REST },
		{ "protocol=tcp", "protocol=tcp", REST },
		{ "protocol", REST }, { "x=1", REST }, { "", REST },
		{ "protocol=tcp", "lease=1w1s", REST },
		{ "protocol=tcp", "lease=604801", REST },
		{ "protocol=tcp", "lease=99999999999999999999s", REST },
		{ "protocol=tcp", "lease=", REST },
		{ "protocol=tcp", "lease=h", REST },
		{ "protocol=tcp", "lease=1h1h", REST },
		{ "protocol=tcp", "lease=1m1h", REST },
		{ "protocol=tcp", "lease=1h1", REST },
		{ "protocol=tcp", "lease=-1", REST },
		{ "protocol=tcp", "comment=a\nb", REST },
		{ "protocol=tcp", "comment=\x1b[2J", REST },
		{ "protocol=tcp", "comment=\xff", REST },
		{ "protocol=tcp", "remote-host=224.0.0.1", REST },
		{ "protocol=tcp", "remote-host=example.org", REST },
#undef REST
		{ "protocol=tcp", "external-port=0", "to=192.168.88.10:80" },
		{ "protocol=tcp", "external-port=65536",
		  "to=192.168.88.10:80" },
		{ "protocol=tcp", "external-port=1", "to=192.168.88.10" },
		{ "protocol=tcp", "external-port=1", "to=192.168.88.10:" },
		{ "protocol=tcp", "external-port=1", "to=192.168.88.10:0" },
		{ "protocol=tcp", "external-port=1", "to=127.0.0.1:80" },
		{ "protocol=tcp", "external-port=1", "to=host:80" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (run(mapchange_add, wrong[i]) != CMD_USAGE)
			fail_msg("case %zu was accepted", i);
		assert_one_line(err);
	}
}

static void test_too_long_comment_is_refused(void **state)
{
	char comment[PM_DESC_MAX + 16] = "comment=";
	struct ctl_req req;

	put_monitor();
	fakectl_serve(serve_add);
	memset(comment + 8, 'a', PM_DESC_MAX);
	comment[8 + PM_DESC_MAX] = '\0';
	assert_int_equal(run(mapchange_add,
			     ARGS("to=192.168.88.10:80", "protocol=tcp",
				  "external-port=1", comment)), CMD_OK);
	req = fakectl_asked();
	assert_string_equal(req.desc, comment + 8);
	strcat(comment, "a");
	assert_int_equal(run(mapchange_add,
			     ARGS("to=192.168.88.10:80", "protocol=tcp",
				  "external-port=1", comment)), CMD_USAGE);
}

static void serve_refusal(int conn, unsigned nth, const struct ctl_req *req)
{
	static const struct ctl_end ends[] = {
		{ CTL_EREFUSED, REFUSAL_RULE, 12, 0 },
		{ CTL_EREFUSED, REFUSAL_RULE, 0, 0 },
		{ CTL_EREFUSED, REFUSAL_RULE, 0, 0 },
		{ CTL_EREFUSED, REFUSAL_CONFLICT, 0, 0 },
	};

	tell(conn, (struct ctl_rep){ .kind = CTL_END, .end = ends[nth] });
}

static void assert_refused(const char *why)
{
	assert_int_equal(run(mapchange_add,
			     ARGS("to=192.168.88.10:80", "protocol=tcp",
				  "external-port=8080")), CMD_FAULT);
	assert_one_line(err);
	assert_contains(err, why);
}

static void test_refusal_has_the_reason_and_the_fix(void **state)
{
	put_monitor();
	fakectl_serve(serve_refusal);
	assert_refused("/conf: line 12 denies it; to allow it: rules add "
		       "action=allow external-ports=8080 "
		       "network=192.168.88.10 internal-ports=80 "
		       "place-before=0\n");
	assert_refused("ports below 1024 need a rule, and the first rule turns "
		       "the default off; to keep it: rules add action=allow "
		       "network=0.0.0.0/0 and rules add action=allow "
		       "network=::/0; then: rules add action=allow "
		       "external-ports=8080 network=192.168.88.10 "
		       "internal-ports=80\n");
	put_conf("deny 1-2 10.0.0.0/8 1-2");
	assert_refused("no line allows it; to allow it: rules add action=allow "
		       "external-ports=8080 network=192.168.88.10 "
		       "internal-ports=80\n");
	assert_refused("refused: another client has that port; choose another "
		       "external-port");
}

static void serve_error(int conn, unsigned nth, const struct ctl_req *req)
{
	tell_end(conn, nth + 1);
}

static void test_errors_of_the_engine_are_reported(void **state)
{
	static const char *const why[] = {
		"does not know", "different version", "as root", "try again",
		"refused", "no such mapping", "firewall did not accept it",
	};

	put_monitor();
	fakectl_serve(serve_error);
	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		assert_int_equal(run(mapchange_add,
				     ARGS("to=192.168.88.10:80",
					  "protocol=tcp", "external-port=1")),
				 CMD_FAULT);
		assert_contains(err, why[i]);
		assert_one_line(err);
	}
}

/* ---- mappings remove ------------------------------------------------- */

static void assert_removed(uint8_t proto, uint16_t port, uint32_t remote_ip)
{
	struct ctl_req req = fakectl_asked();

	assert_int_equal(req.verb, CTL_DELETE);
	assert_int_equal(req.rule.proto, proto);
	assert_int_equal(req.rule.ext_port, port);
	assert_int_equal(addr_to_ip4(req.rule.remote), remote_ip);
}

static void assert_listed(void)
{
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
}

static void assert_remove(const char *what, int status)
{
	if (run(mapchange_remove, ARGS(what)) != status)
		fail_msg("remove %s: %s", what, err);
	if (status == CMD_OK)
		assert_string_equal(err, "");
	else
		assert_one_line(err);
	assert_listed();
}

static void test_remove_sends_the_key(void **state)
{
	fakectl_serve(serve_table);
	assert_remove("0", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_remove("0,2", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 6));
	assert_remove("0-1", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 5));
	assert_remove("[find protocol=tcp]", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_remove("tcp:40000", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_remove("UDP:53:203.0.113.5,numbers", CMD_USAGE);
	assert_remove("numbers=udp:53:203.0.113.5,0", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 5));
	assert_remove("tcp:40000:0.0.0.0", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_remove("all", CMD_OK);
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 5));
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 6));
}

static void assert_removed_pinhole(uint8_t proto, uint16_t port,
				   uint16_t remote_port)
{
	struct ctl_req req = fakectl_asked();

	assert_int_equal(req.verb, CTL_DELETE);
	assert_int_equal(req.rule.kind, NAT_PINHOLE);
	assert_int_equal(req.rule.proto, proto);
	assert_int_equal(req.rule.int_port, port);
	assert_int_equal(req.rule.remote_port, remote_port);
}

static void test_remove_sends_the_key_of_a_pinhole(void **state)
{
	fakectl_serve(serve_both);
	assert_remove("1", CMD_OK);
	assert_removed_pinhole(IPPROTO_TCP, 8080, 0);
	assert_remove("tcp:[2001:db8::5]:8080", CMD_OK);
	assert_removed_pinhole(IPPROTO_TCP, 8080, 0);
	assert_remove("tcp:[2001:db8::5]:8080:*:*", CMD_OK);
	assert_removed_pinhole(IPPROTO_TCP, 8080, 0);
	assert_remove("tcp:[2001:db8::5]:*", CMD_OK);
	assert_removed_pinhole(IPPROTO_TCP, 0, 5060);
	assert_remove("tcp:[2001:db8::5]:*:*:5060", CMD_OK);
	assert_removed_pinhole(IPPROTO_TCP, 0, 5060);
	assert_remove("udplite:[2001:db8:1234:5678:211:22ff:fe33:4455]:65535:"
		      "[2001:db8::9]:*", CMD_OK);
	assert_removed_pinhole(IPPROTO_UDPLITE, 65535, 0);
	assert_remove("tcp:[2001:db8::5]:8080:*:1", CMD_FAULT);
	assert_contains(err, "there is no mapping tcp:[2001:db8::5]:8080:*:1");
	assert_remove("tcp:[2001:db8::5]", CMD_USAGE);
	assert_remove("tcp:[2001:db8::5]:8080:x", CMD_USAGE);
	assert_remove("sctp:8080", CMD_USAGE);
}

static void test_remove_refuses_an_unknown_mapping(void **state)
{
	static const struct {
		const char *what;
		int status;
		const char *why;
	} cases[] = {
		{ "3", CMD_USAGE, "there are: 0 tcp:40000" },
		{ "0,3", CMD_USAGE, "no mapping number 3" },
		{ "99999999999", CMD_USAGE, "there is no mapping" },
		{ "tcp:1", CMD_FAULT, "no mapping tcp:1" },
		{ "udp:53", CMD_USAGE,
		  "use one of: udp:53:203.0.113.5, udp:53:203.0.113.6" },
		{ "udp:53:1.1.1.1", CMD_FAULT, "no mapping" },
		{ "udp:53:", CMD_USAGE, "there is no mapping" },
		{ "udp:53:x", CMD_USAGE, "there is no mapping" },
		{ "udp", CMD_USAGE, "there is no mapping" },
		{ "udp:", CMD_USAGE, "there is no mapping" },
		{ "icmp:1", CMD_USAGE, "there is no mapping" },
		{ "0,", CMD_USAGE, "an empty text is no mapping" },
		{ ",", CMD_USAGE, "an empty text is no mapping" },
		{ "", CMD_USAGE, "an empty text is no mapping" },
		{ "-1", CMD_USAGE, "there is no mapping" },
		{ "0-3", CMD_USAGE, "no mapping number 0-3" },
	};

	fakectl_serve(serve_table);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* this also asserts that only the list was requested */
		assert_remove(cases[i].what, cases[i].status);
		assert_contains(err, cases[i].why);
	}
	assert_int_equal(run(mapchange_remove, NO_ARGS), CMD_USAGE);
}

static void serve_failed_removal(int conn, unsigned nth,
				 const struct ctl_req *req)
{
	if (req->verb == CTL_MAPPINGS)
		serve_table(conn, nth, req);
	else
		tell_end(conn, nth == 1 ? CTL_EFAIL : CTL_ENOENT);
}

static void test_a_failed_removal_does_not_stop_the_others(void **state)
{
	fakectl_serve(serve_failed_removal);
	assert_int_equal(run(mapchange_remove, ARGS("all")), CMD_FAULT);
	assert_one_line(err);
	assert_contains(err, "tcp:40000: the firewall did not accept it");
	assert_listed();
	assert_removed(IPPROTO_TCP, 40000, 0);
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 5));
	assert_removed(IPPROTO_UDP, 53, IP(203, 0, 113, 6));
}

/* ---- no daemon ---------------------------------------------------- */

static void assert_unreachable(const char *why)
{
	assert_int_equal(run(mapprint_run, NO_ARGS), CMD_FAULT);
	assert_one_line(err);
	assert_contains(err, why);
	assert_string_equal(out, "");
}

/* ---- refusals -------------------------------------------------------- */

static void serve_refusals(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = refused_rep(80);

	assert_int_equal(req->verb, CTL_REFUSALS);
	tell(conn, rep);
	rep.refused.rule.ext_port = 0;
	rep.refused.line = 0;
	rep.refused.times = 1;
	rep.refused.ago_s = 3600;
	rep.refused.why = REFUSAL_NO_PORT;
	tell(conn, rep);
	rep.refused.rule = (struct nat_rule){ .kind = 0 };
	rep.refused.why = REFUSAL_LINK;
	tell(conn, rep);
	tell_end(conn, CTL_OK);
}

static void test_print_refusals(void **state)
{
	fakectl_serve(serve_refusals);
	assert_int_equal(run(refusals_print, NO_ARGS), CMD_OK);
	assert_string_equal(out,
"  #   AGO    PROTOCOL   EXTERNAL-PORT   TO                   BY              "
"TIMES   REASON\n"
"  0   1m2s   tcp        80              192.168.88.10:8000   192.168.88.10   "
"2       rule\n"
"  1   1h     tcp                        192.168.88.10:8000   192.168.88.10   "
"1       no-port\n"
"  2   1h                                                     192.168.88.10   "
"1       link\n");
	assert_int_equal(run(refusals_print, ARGS("detail", "where",
						  "ago<1h")), CMD_OK);
	assert_contains(out, "origin=upnp times=2 reason=rule line=7\n");
	assert_int_equal(run(refusals_print, ARGS("count-only")), CMD_OK);
	assert_string_equal(out, "3\n");
}

static void test_print_refusals_as_json(void **state)
{
	fakectl_serve(serve_refusals);
	env.json = true;
	assert_int_equal(run(refusals_print, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_contains(out,
"[{\"number\":0,\"ago\":62,\"times\":2,\"reason\":\"rule\",\"text\":");
	assert_contains(out,
"\"line\":7,\"origin\":\"upnp\",\"by\":\"192.168.88.10\","
"\"kind\":\"mapping\",\"protocol\":\"tcp\",\"external-port\":80,"
"\"to-address\":\"192.168.88.10\",\"to-port\":8000,"
"\"remote-host\":null,\"remote-port\":null}");
	assert_contains(out, "\"line\":null,");
	assert_contains(out, "\"external-port\":null,");
	assert_contains(out, "\"by\":\"192.168.88.10\",\"kind\":null}]");
}

/* More than an engine keeps. */
static void serve_flood_of_refusals(int conn, unsigned nth,
				    const struct ctl_req *req)
{
	for (int i = 0; i < RECENT_MAX + 1; i++)
		tell(conn, refused_rep(80));
	tell_end(conn, CTL_OK);
}

static void test_too_many_refusals_are_an_error(void **state)
{
	fakectl_serve(serve_flood_of_refusals);
	assert_int_equal(run(refusals_print, NO_ARGS), CMD_FAULT);
	assert_string_equal(out, "");
}

static void test_error_if_no_daemon_runs(void **state)
{
	struct statusfile s = monitor_status(STATUS_ENDED);

	close(fake.listen_fd);
	assert_unreachable("is not running: nothing listens on");
	unlink(fake.socket);
	assert_unreachable("is not running: nothing listens on");
	strcpy(s.fault, "five engines died");
	put_status(s);
	assert_unreachable("it ended: five engines died");
	put_conf("rubbish");
	unlink(fake.status);
	assert_unreachable("its configuration has an error: ");
}

static void test_error_if_the_socket_is_not_of_upnpd(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	unlink(fake.socket);
	strcpy(a.sun_path, fake.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_unreachable("is not a socket of upnpd");
	close(fd);
}

static void test_error_if_upnpd_is_not_enabled(void **state)
{
	put_status(monitor_status(STATUS_DISABLED));
	assert_unreachable("not enabled");
	assert_int_equal(run(resync_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "not enabled");
	assert_int_equal(run(mapmonitor_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "not enabled");
}

static void serve_version(int conn, unsigned nth, const struct ctl_req *req)
{
	uint32_t version = CTL_VERSION + 1;

	if (nth == 0)
		tell_bytes(conn, &version, sizeof(version));
	else if (nth == 1)
		tell_bytes(conn, "rubbish\n", 8);
	else if (nth == 2)
		tell(conn, mapping_rep(CTL_ADDED, IPPROTO_TCP, 1));
	else
		tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1));
}

static void test_error_if_the_answer_is_invalid(void **state)
{
	fakectl_serve(serve_version);
	assert_unreachable("different version");
	assert_unreachable("different version");
	assert_unreachable("answer is invalid");
	assert_unreachable("closed the connection");
}

/* ---- status ---------------------------------------------------------- */

static uint16_t http_port;	/* of the engine */
static uint32_t protocols;	/* that are on; pcp does not listen */

static void serve_status(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = { .kind = CTL_STATUS_IS, .status = {
		.ext = addr_ip4(IP(198, 51, 100, 7)), .ext_if = "wan0",
		.http_port = http_port, .igd_versions = 6, .up_s = 61,
		.protocols = protocols,
		.served = protocols & ~(1u << ORIGIN_PCP) &
			  ~(http_port ? 0 : 1u << ORIGIN_UPNP),
		.mappings = 3, .mappings_max = 1024, .suspended = 2,
		.overruled = 1,
		.mappings_of = { [ORIGIN_OPERATOR] = 1, [ORIGIN_UPNP] = 2 },
		.pinholes = 2, .pinholes_max = 1024,
		.pinholes_of = { [ORIGIN_UPNP] = 1, [ORIGIN_PCP] = 1 },
		.per_client_max = 128, .subscribers = 2,
		.subscribers_max = 64,
	} };

	rep.status.refused[REFUSAL_RULE] = 5;
	if (nth == 1) {
		rep.status.ext = (struct addr){ 0 };
		rep.status.no_address = CTL_NO_CARRIER;
	}
	if (req->verb == CTL_STATUS)
		tell(conn, rep);
	tell_end(conn, CTL_OK);
}

static void test_status(void **state)
{
	struct statusfile s = monitor_status(STATUS_SERVING);

	s.repairs = 2;
	s.repaired_s = 784111777;
	s.reloads = 1;
	strcpy(s.reload_fault, "line 3");
	put_status(s);
	http_port = 2828;
	protocols = 1u << ORIGIN_UPNP | 1u << ORIGIN_PCP;
	fakectl_serve(serve_status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_string_equal(err, "");
	assert_contains(out, "             running: yes, process ");
	assert_contains(out, "               since: 1994-11-06T08:49:37Z, "
			"for ");
	assert_contains(out, "       configuration: /etc/upnpd.conf\n");
	assert_contains(out, "              engine: serving for 1m1s\n");
	assert_contains(out, "           protocols: upnp, pcp (does not listen "
			"yet)\n");
	assert_contains(out, "           http-port: 2828\n");
	assert_contains(out, "  external-interface: wan0\n");
	assert_contains(out, "    external-address: 198.51.100.7\n");
	assert_contains(out, "            mappings: 3 of 1024, 1 static, 2 "
			"suspended, 1 overruled; 128 per client at most\n"
			"  mappings-by-origin: 2 upnp\n"
			"            pinholes: 2 of 1024, 0 static\n"
			"  pinholes-by-origin: 1 upnp, 1 pcp\n");
	assert_contains(out, "         subscribers: 2 of 64\n");
	assert_contains(out, "             refused: 5 ");
	assert_contains(out, "             backend: netlink: nf_tables governs "
			 "here\n");
	assert_contains(out, "            firewall: as it should be\n");
	assert_contains(out, "         last-reload: failed: line 3\n");
	assert_contains(out, "         last-repair: 1994-11-06T08:49:37Z, 2 in "
			"all\n");
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out,
		    "external-address: none: the interface has no carrier\n");
}

static void test_status_without_a_port(void **state)
{
	put_status(monitor_status(STATUS_SERVING));
	http_port = 0;
	protocols = 1u << ORIGIN_UPNP;
	fakectl_serve(serve_status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, "              engine: running for 1m1s, but "
			"serves nobody\n");
	assert_contains(out, "           http-port: none: it does not listen "
			"yet\n");
}

/* Nothing waits for a port that will not be opened. */
static void test_status_without_upnp(void **state)
{
	put_status(monitor_status(STATUS_SERVING));
	http_port = 0;
	protocols = 1u << ORIGIN_NAT_PMP;
	fakectl_serve(serve_status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, "              engine: serving for 1m1s\n");
	assert_contains(out, "           protocols: nat-pmp\n");
	assert_contains(out, "           http-port: none: upnp is no\n");
}

static void test_status_without_any_protocol(void **state)
{
	put_status(monitor_status(STATUS_SERVING));
	http_port = 0;
	protocols = 0;
	fakectl_serve(serve_status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, "              engine: running for 1m1s, but "
			"serves nobody\n");
	assert_contains(out, "           protocols: none is on\n");
}

static void test_status_json(void **state)
{
	put_status(monitor_status(STATUS_SERVING));
	http_port = 2828;
	protocols = 1u << ORIGIN_UPNP | 1u << ORIGIN_PCP;
	fakectl_serve(serve_status);
	env.json = true;
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_contains(out, "\"protocols\":{\"upnp\":{\"enabled\":true,"
			"\"serving\":true},\"nat-pmp\":{\"enabled\":false,"
			"\"serving\":false},\"pcp\":{\"enabled\":true,"
			"\"serving\":false}}");
	assert_contains(out, "{\"running\":true,\"enabled\":true,"
			"\"waits\":false,\"pid\":");
	assert_contains(out, "\"igd-versions\":[1,2]}");
	assert_contains(out, "\"external\":{\"interface\":\"wan0\",\"address\":"
			 "\"198.51.100.7\",\"behind-nat\":false,"
			 "\"fault\":null,\"reachable\":true},"
			 "\"upstream\":null");
	assert_contains(out, "\"mappings\":{\"count\":3,\"static\":1,"
			 "\"suspended\":2,\"overruled\":1,"
			 "\"by-origin\":{\"operator\":1,\"upnp\":2,"
			 "\"nat-pmp\":0,\"pcp\":0},\"max\":1024,"
			 "\"max-per-client\":128}");
	assert_contains(out,
			"\"fault\":null,\"repairs\":0,\"last-repair\":null}");
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_contains(out, "\"address\":null,\"behind-nat\":false,"
			 "\"fault\":\"no-carrier\",\"reachable\":false}");
}

static void test_status_without_a_daemon(void **state)
{
	struct statusfile s = monitor_status(STATUS_ENDED);

	unlink(fake.socket);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_string_equal(err, "");
	assert_contains(out, "             running: no\n");
	strcpy(s.fault, "five engines died");
	put_status(s);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_contains(out, "             running: no\n");
	assert_contains(out, "               ended: five engines died\n");
	env.json = true;
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	squeeze(out);
	assert_contains(out, "\"running\":false,\"enabled\":false,"
			"\"waits\":false,"
			 "\"fault\":\"five engines died\"");
}

/* Another process may have the monitor's pid by now. */
static void test_status_of_a_killed_daemon(void **state)
{
	struct statusfile s = monitor_status(STATUS_SERVING);
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	unlink(fake.socket);
	s.pid = pid;
	put_status(s);
	/* a zombie: some inits never reap their children */
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_contains(out, "               ended: without a reason in its "
			"status file\n");
	waitpid(pid, NULL, 0);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_contains(out, "               ended: without a reason in its "
			"status file\n");
	s.pid = getpid();
	s.since_mono_s = 0;	/* this process started later */
	put_status(s);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_contains(out, "               ended: without a reason in its "
			"status file\n");
}

static void test_status_not_enabled(void **state)
{
	put_status(monitor_status(STATUS_DISABLED));
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, "             enabled: no");
	env.json = true;
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_contains(out, "\"running\":true,\"enabled\":false");
	assert_contains(out, "\"mappings\":null");
	put_status(monitor_status(STATUS_WAITING));
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	squeeze(out);
	assert_contains(out, "\"running\":true,\"enabled\":true,"
			"\"waits\":true");
}

static void test_status_with_an_invalid_file(void **state)
{
	put_conf("http-port = x");
	fakectl_serve(serve_status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, " configuration-fault: ");
	assert_contains(out, "conf:3: http-port");
	assert_contains(out, "            mappings: 3 of 1024");
}

static void serve_denial(int conn, unsigned nth, const struct ctl_req *req)
{
	tell_end(conn, CTL_EPERM);
}

static void test_status_without_permission(void **state)
{
	put_status(monitor_status(STATUS_SERVING));
	fakectl_serve(serve_denial);
	assert_int_equal(run(status_run, NO_ARGS), CMD_OK);
	assert_contains(out, "running: yes");
	assert_contains(out, "as root");
	unlink(fake.status);
	assert_int_equal(run(status_run, NO_ARGS), CMD_FAULT);
	assert_contains(out, "             running: not known\n");
}

/* ---- metrics, resync ------------------------------------------------- */

static void test_metrics(void **state)
{
	struct statusfile s = monitor_status(STATUS_SERVING);

	strcpy(s.backend, "a\"b\\");
	put_status(s);
	http_port = 2828;
	protocols = 1u << ORIGIN_UPNP | 1u << ORIGIN_PCP;
	fakectl_serve(serve_status);
	assert_int_equal(run(metrics_run, NO_ARGS), CMD_OK);
	assert_contains(out, "# TYPE upnpd_up gauge\nupnpd_up 1\n");
	assert_contains(out, "# TYPE upnpd_protocol_enabled gauge\n"
			"upnpd_protocol_enabled{protocol=\"upnp\"} 1\n"
			"upnpd_protocol_enabled{protocol=\"nat-pmp\"} 0\n"
			"upnpd_protocol_enabled{protocol=\"pcp\"} 1\n");
	assert_contains(out, "upnpd_protocol_serving{protocol=\"upnp\"} 1\n"
			"upnpd_protocol_serving{protocol=\"nat-pmp\"} 0\n"
			"upnpd_protocol_serving{protocol=\"pcp\"} 0\n");
	assert_contains(out, "\nupnpd_engine_up 1\n");
	assert_contains(out, "\nupnpd_mappings{type=\"dynamic\"} 2\n");
	assert_contains(out, "\nupnpd_mappings{type=\"static\"} 1\n");
	assert_contains(out, "\nupnpd_mappings_by_origin{origin=\"upnp\"} 2\n");
	assert_contains(out, "\nupnpd_mappings_suspended 2\n");
	assert_contains(out, "\nupnpd_mappings_overruled 1\n");
	assert_contains(out,
		    "\nupnpd_mappings_by_origin{origin=\"nat-pmp\"} 0\n");
	assert_contains(out,
			"\nupnpd_backend_info{backend=\"a\\\"b\\\\\"} 1\n");
	assert_contains(out, "\nupnpd_firewall_ok 1\n");
	assert_contains(out, "# TYPE upnpd_refused_total counter\n");
	assert_contains(out, "\"} 5\n");
}

/* One series for each socket, none if nothing is counted. */
static void test_metrics_of_mappings(void **state)
{
	counting = true;
	assert_int_equal(run(metrics_run, NO_ARGS), CMD_OK);
	assert_non_null(strstr(out,
"# TYPE upnpd_forwarded_packets_total counter\n"
"upnpd_forwarded_packets_total{protocol=\"tcp\","
"to=\"192.168.88.10:8000\"} 3\n"
"upnpd_forwarded_packets_total{protocol=\"udp\","
"to=\"192.168.88.11:8000\"} 1\n"
"# HELP upnpd_forwarded_bytes_total"));
	assert_non_null(strstr(out, "} 18446744073709551615\n"));
	assert_int_equal(run(metrics_run, NO_ARGS), CMD_OK);
	assert_null(strstr(out, "forwarded"));
}

static void test_metrics_without_a_daemon(void **state)
{
	unlink(fake.socket);
	assert_int_equal(run(metrics_run, NO_ARGS), CMD_OK);
	assert_contains(out, "\nupnpd_up 0\n");
	assert_contains(out, "\nupnpd_engine_up 0\n");
	assert_string_equal(err, "");
}

static void serve_verify(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = { .kind = CTL_END };

	rep.end.repaired = nth == 1;
	rep.end.err = nth < 2 ? CTL_OK : CTL_EFAIL;
	tell(conn, rep);
}

static void test_resync(void **state)
{
	struct statusfile s = monitor_status(STATUS_SERVING);

	fakectl_serve(serve_verify);
	assert_int_equal(run(resync_run, NO_ARGS), CMD_OK);
	assert_contains(out, "as it should be");
	assert_int_equal(fakectl_asked().verb, CTL_VERIFY);
	assert_int_equal(run(resync_run, NO_ARGS), CMD_OK);
	assert_contains(out, "repaired");
	assert_int_equal(run(resync_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "could not be repaired; see");
	strcpy(s.firewall_fault, "netlink: no such file");
	put_status(s);
	assert_int_equal(run(resync_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "could not be repaired: netlink: no such file");
	assert_int_equal(run(resync_run, ARGS("now")), CMD_USAGE);
}

/* ---- monitor --------------------------------------------------------- */

/* "monitor" ends only with an error, so the last server sends one. */
static void serve_events(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1);

	if (nth == 3) {
		tell_end(conn, CTL_EPERM);
		return;
	}
	tell(conn, rep);
	if (nth > 0) {		/* 2 was removed, 3 added, 1 changed */
		/* enough of them for an unstable sort to reorder them */
		for (int i = 0; i < 20; i++)
			tell(conn, rep);
		strcpy(rep.mapping.desc, "other");
		tell(conn, rep);
		rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, 3);
		tell(conn, rep);
	}
	tell(conn, (struct ctl_rep){ .kind = CTL_READY });
	if (nth == 0) {
		tell(conn, mapping_rep(CTL_ADDED, IPPROTO_TCP, 2));
		tell(conn, mapping_rep(CTL_ADDED, IPPROTO_UDP, 1));
		tell(conn, mapping_rep(CTL_ADDED, IPPROTO_UDP, 1));
		rep = mapping_rep(CTL_REMOVED, IPPROTO_UDP, 1);
		rep.mapping.rule.client = (struct addr){ ADDR_NONE };
		tell(conn, rep);
	}
	if (nth == 1)
		tell(conn, (struct ctl_rep){ .kind = CTL_LOST, .lost = 7 });
	wait_hangup(nth == 1 ? conn : -1);
}

/* Remove the times from the lines. */
static void cut_times(char *text)
{
	char *to = text;
	const char *line = text, *end;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		assert_true(end - line > 21 && line[19] == 'Z');
		memmove(to, line + 21, (size_t)(end + 1 - line - 21));
		to += end + 1 - line - 21;
	}
	*to = '\0';
}

#define PAIRS(proto, port) "D protocol=" proto " external-port=" port \
	" to=192.168.88.10:8000 remote-host=\"\""
#define MORE(desc) " time-left=never by=192.168.88.10 origin=upnp " \
	"description=" desc "\n"
#define AGAIN "connected: again; changes in between follow\n"

static void test_monitor(void **state)
{
	fakectl_serve(serve_events);
	assert_int_equal(run(mapmonitor_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "as root");
	cut_times(out);
	assert_string_equal(out,
		"added " PAIRS("tcp", "2") MORE("\"game\"")
		"added " PAIRS("udp", "1") MORE("\"game\"")
		"changed " PAIRS("udp", "1") MORE("\"game\"")
		"removed " PAIRS("udp", "1")
		" by=192.168.88.10 origin=upnp description=\"game\"\n"
		AGAIN
		"changed " PAIRS("tcp", "1") MORE("\"other\"")
		"removed " PAIRS("tcp", "2")
		" by=192.168.88.10 origin=upnp description=\"game\"\n"
		"added " PAIRS("tcp", "3") MORE("\"game\"")
		"lost: 7 events, read too slowly; reading the table again\n"
		AGAIN);
}

static void serve_pinhole_events(int conn, unsigned nth,
				 const struct ctl_req *req)
{
	if (nth > 0) {
		tell_end(conn, CTL_EPERM);
		return;
	}
	tell(conn, (struct ctl_rep){ .kind = CTL_READY });
	tell(conn, pinhole_rep(CTL_ADDED, "2001:db8::5", 1));
	tell(conn, pinhole_rep(CTL_ADDED, "2001:db8::6", 1));
	tell(conn, mapping_rep(CTL_ADDED, IPPROTO_TCP, 1));
	tell(conn, pinhole_rep(CTL_ADDED, "2001:db8::5", 1));
	tell(conn, pinhole_rep(CTL_REMOVED, "2001:db8::6", 1));
}

#define HOLE(host) "D protocol=tcp to=[2001:db8::" host "]:1 remote-host=\"\""
#define HOLE_MORE "by=fe80::10 origin=upnp id=7 description=\"game\"\n"

static void test_monitor_of_pinholes(void **state)
{
	fakectl_serve(serve_pinhole_events);
	assert_int_equal(run(mapmonitor_run, NO_ARGS), CMD_FAULT);
	cut_times(out);
	assert_string_equal(out,
		"added " HOLE("5") " time-left=23h59m59s " HOLE_MORE
		"added " HOLE("6") " time-left=23h59m59s " HOLE_MORE
		"added " PAIRS("tcp", "1") MORE("\"game\"")
		"changed " HOLE("5") " time-left=23h59m59s " HOLE_MORE
		"removed " HOLE("6") " " HOLE_MORE);
}

static void test_monitor_json(void **state)
{
	unsigned lines = 0;
	char *line, *end;

	fakectl_serve(serve_events);
	env.json = true;
	assert_int_equal(run(mapmonitor_run, NO_ARGS), CMD_FAULT);
	for (line = out; (end = strchr(line, '\n')); line = end + 1) {
		assert_memory_equal(line, "{\"time\":", 8);
		assert_int_equal(end[-1], '}');
		lines++;
	}
	assert_int_equal(lines, 10);
}

static void test_monitor_without_a_daemon(void **state)
{
	unlink(fake.socket);
	assert_int_equal(run(mapmonitor_run, NO_ARGS), CMD_FAULT);
	assert_contains(err, "is not running");
	assert_one_line(err);
}

static void serve_quiet(int conn, unsigned nth, const struct ctl_req *req)
{
	tell(conn, (struct ctl_rep){ .kind = CTL_READY });
	wait_hangup(conn);
}

/* The reader of the output has exited, and there is no event to print. */
static void test_monitor_ends_when_its_reader_exits(void **state)
{
	struct cmd c = { .env = &env };
	int fds[2], status;
	pid_t pid;

	fakectl_serve(serve_quiet);
	env.file = fake.conf;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		_exit(mapmonitor_run(&c));
	}
	close(fds[1]);
	assert_int_equal(fakectl_asked().verb, CTL_MONITOR);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CMD_OK);
}

/* ---- texts ----------------------------------------------------------- */

static void test_times_are_read_back(void **state)
{
	static const uint32_t times[] = {
		0, 1, 59, 60, 61, 3599, 3600, 86399, 86400, 90061, 604799,
		604800,
	};
	char buf[32];
	uint32_t s;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		maptext_time(&w, times[i]);
		assert_int_equal(maptext_read_time(wr_done(&w), &s), 0);
		assert_int_equal(s, times[i]);
	}
	assert_int_equal(maptext_read_time(STR("90"), &s), 0);
	assert_int_equal(s, 90);
	assert_int_equal(maptext_read_time(STR("90m"), &s), 0);
	assert_int_equal(s, 5400);
}

static void test_descriptions_are_printed_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain ~", "plain ~" },
		{ "\x1b[2J\a\t\n\r\x7f", "?[2J?????" },
		{ "\xc2\x9b" "31m\xc2\x85", "?31m?" },
		{ "\xe2\x80\xae" "abc\xe2\x81\xa6", "?abc?" },
		{ "\xff\xc3", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xae",
		  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xae" },
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		maptext_clean(&w, str_z(cases[i].in));
		assert_string_equal(wr_cstr(&w), cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, fakectl_teardown)
		T(test_print_table),
		T(test_print_detail),
		T(test_print_json),
		T(test_print_stats),
		T(test_print_has_a_limit),
		T(test_where_selects),
		T(test_print_pinholes),
		T(test_print_pinholes_alone),
		T(test_print_pinholes_as_json),
		T(test_where_selects_pinholes),
		T(test_print_refuses_invalid_options),
		T(test_number_column_fits_many_mappings),
		T(test_add_sends_the_mapping),
		T(test_add_sends_a_pinhole),
		T(test_add_refuses_an_invalid_pinhole),
		T(test_add_with_required_options_only),
		T(test_add_reports_a_shorter_lease),
		T(test_add_refuses_invalid_options),
		T(test_too_long_comment_is_refused),
		T(test_refusal_has_the_reason_and_the_fix),
		T(test_errors_of_the_engine_are_reported),
		T(test_remove_sends_the_key),
		T(test_remove_sends_the_key_of_a_pinhole),
		T(test_remove_refuses_an_unknown_mapping),
		T(test_a_failed_removal_does_not_stop_the_others),
		T(test_print_refusals),
		T(test_print_refusals_as_json),
		T(test_too_many_refusals_are_an_error),
		T(test_error_if_no_daemon_runs),
		T(test_error_if_the_socket_is_not_of_upnpd),
		T(test_error_if_upnpd_is_not_enabled),
		T(test_error_if_the_answer_is_invalid),
		T(test_status),
		T(test_status_without_a_port),
		T(test_status_without_upnp),
		T(test_status_without_any_protocol),
		T(test_status_json),
		T(test_status_without_a_daemon),
		T(test_status_of_a_killed_daemon),
		T(test_status_not_enabled),
		T(test_status_with_an_invalid_file),
		T(test_status_without_permission),
		T(test_metrics),
		T(test_metrics_of_mappings),
		T(test_metrics_without_a_daemon),
		T(test_resync),
		T(test_monitor),
		T(test_monitor_of_pinholes),
		T(test_monitor_json),
		T(test_monitor_without_a_daemon),
		T(test_monitor_ends_when_its_reader_exits),
		T(test_times_are_read_back),
		T(test_descriptions_are_printed_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
