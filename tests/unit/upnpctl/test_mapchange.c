/* SPDX-License-Identifier: ISC */
/*
 * test_mapchange.c - a mapping of the operator is first tried in the engine and
 * then written to the configuration. If one of the two fails, neither has it.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/resource.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/wr.h"
#include "upnpctl/args.h"
#include "upnpctl/change.h"
#include "upnpctl/cmd.h"
#include "upnpctl/migrate.h"
#include "upnpctl/out.h"
#include "upnpctl/verbs.h"
#include "tests/unit/fakectl.h"
#include "ipc/statusfile.h"

#define ARGS(...) (const char *const []){ __VA_ARGS__, NULL }
#define CAMERA "protocol=tcp", "external-port=8080", "to=192.168.88.10:80"
#define CAMERA_LINE "mapping tcp 8080 192.168.88.10:80"

static struct cmd_env env;
static char out[4096], err[4096], conf[CONF_FILE_MAX];

static int redirect(int fd, const char *path)
{
	int was = dup(fd);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(was >= 0 && to >= 0);
	dup2(to, fd);
	close(to);
	return was;
}

static void slurp(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf[fread(buf, 1, cap - 1, f)] = '\0';
	fclose(f);
}

/* Return: exit status; out[], err[] and conf[] have the results */
static const struct cmd_verb *verb_of(int (*fn)(struct cmd *))
{
	for (const struct cmd_verb *v = verbs_table; v->name; v++)
		if (v->run == fn)
			return v;
	return NULL;
}

static int run(int (*fn)(struct cmd *), const char *const *args)
{
	static struct cmd c;
	struct str words[16];
	size_t n = 0;
	int status, fd1, fd2;

	c = (struct cmd){ .env = &env, .verb = verb_of(fn) };
	for (; args[n]; n++)
		words[n] = str_z(args[n]);
	env.file = fake.conf;
	fd1 = redirect(1, fake.out);
	fd2 = redirect(2, fake.err);
	if (c.verb)
		status = args_read(&c, words, n);
	else	/* a script of this test */
		for (status = 0; c.n < n; c.n++)
			c.arg[c.n] = words[c.n];
	if (!status)
		status = fn(&c);
	out_flush();
	dup2(fd1, 1);
	dup2(fd2, 2);
	close(fd1);
	close(fd2);
	slurp(fake.out, out, sizeof(out));
	slurp(fake.err, err, sizeof(err));
	slurp(fake.conf, conf, sizeof(conf));
	return status;
}

static void put_conf(const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), "control-socket = %s\n"
		 "pid-file = %s/upnpd.pid\n%s", fake.socket, fake.dir, more);
	put_file(fake.conf, text);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part);
}

#define assert_has(text, part) \
	do { \
		if (!has(text, part)) \
			fail_msg("\"%s\" is not in:\n%s", part, text); \
	} while (0)

/* Write the status file of a monitor that reads @file. */
static void put_status(const char *file)
{
	struct statusfile s = {
		.pid = getpid(), .state = STATUS_SERVING,
		.since_s = 784111777, .since_mono_s = clock_boot_s(),
		.backend = "netlink", .backend_why = "x",
	};

	str_copy(s.file, sizeof(s.file), str_z(file));
	assert_int_equal(statusfile_write(fake.status, &s), 0);
}

/* A monitor runs with the file, but has no pid file, so nobody is signalled. */
static int setup(void **state)
{
	env = (struct cmd_env){ 0 };
	fakectl_setup(state);
	put_status(fake.conf);
	return 0;
}

/* ---- engines --------------------------------------------------------- */

static void serve_yes(int conn, unsigned nth, const struct ctl_req *req)
{
	tell_end(conn, CTL_OK);
}

static void serve_conflict(int conn, unsigned nth, const struct ctl_req *req)
{
	tell(conn, (struct ctl_rep){
		.kind = CTL_END,
		.end = { CTL_EREFUSED, REFUSAL_PORT, 0, 0 } });
}

/* The second mapping is refused. */
static void serve_second_no(int conn, unsigned nth, const struct ctl_req *req)
{
	if (nth == 1)
		serve_conflict(conn, nth, req);
	else
		tell_end(conn, CTL_OK);
}

static struct ctl_rep operators(uint16_t port, bool configured)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, port);

	rep.mapping.rule.int_port = 80;
	rep.mapping.origin = ORIGIN_OPERATOR;
	rep.mapping.requester = (struct addr){ 0 };
	rep.mapping.configured = configured;
	strcpy(rep.mapping.desc, "old \"one\"");
	return rep;
}

/* A table with a mapping of a client, two old static ones, one of which is
 * disabled, one with a lease, and one of the configuration. */
static void serve_table(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep;

	if (req->verb == CTL_MAPPINGS) {
		tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, 40000));
		tell(conn, operators(81, false));
		rep = operators(82, false);
		rep.mapping.enabled = 0;
		tell(conn, rep);
		rep = operators(83, false);
		rep.mapping.left_s = 60;
		tell(conn, rep);
		tell(conn, operators(8080, true));
	}
	tell_end(conn, CTL_OK);
}

/* ---- add ------------------------------------------------------------- */

static void test_add_is_tried_then_written(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_yes);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA, "comment=a \"b\"")),
			 CMD_OK);
	assert_string_equal(err, "");
	assert_has(conf, "\n" CAMERA_LINE " \"a \\\"b\\\"\"\n");
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_ADD);
	assert_int_equal(req.lease_s, 0);
	assert_true(req.configured && !req.disabled);
	assert_string_equal(req.desc, "a \"b\"");
}

static void test_disabled_mapping_is_written(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_yes);
	env.json = true;
	assert_int_equal(run(mapchange_add, ARGS(CAMERA, "disabled=yes",
						 "remote-host=1.2.3.4")),
			 CMD_OK);
	assert_has(conf, "\n" CAMERA_LINE " remote 1.2.3.4 disabled\n");
	req = fakectl_asked();
	assert_true(req.disabled);
	assert_has(out, "\"disabled\": true");
	assert_has(out, "\"origin\": \"operator\"");
	assert_int_equal(run(mapchange_add, ARGS(CAMERA, "disabled=maybe")),
			 CMD_USAGE);
}

static void test_mapping_of_a_remote_port_is_written(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_yes);
	env.json = true;
	assert_int_equal(run(mapchange_add, ARGS(CAMERA,
						 "remote-host=1.2.3.4:3478")),
			 CMD_OK);
	assert_has(conf, "\n" CAMERA_LINE " remote 1.2.3.4:3478\n");
	req = fakectl_asked();
	assert_int_equal(req.rule.remote_port, 3478);
	assert_true(addr_equal(req.rule.remote, addr_ip4(0x01020304)));
	assert_has(out, "\"remote-host\": \"1.2.3.4\"");
	assert_has(out, "\"remote-port\": 3478");
	for (size_t i = 0; i < 3; i++) {
		static const char *const bad[] = {
			"remote-host=1.2.3.4:", "remote-host=1.2.3.4:0",
			"remote-host=:3478",
		};

		assert_int_equal(run(mapchange_add, ARGS(CAMERA, bad[i])),
				 CMD_USAGE);
	}
}

static void test_refused_mapping_is_not_written(void **state)
{
	fakectl_serve(serve_conflict);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_FAULT);
	assert_has(err, "tcp:8080: refused: the router serves that port "
			"itself; choose another external-port");
	assert_false(has(conf, "mapping"));
}

static void test_mapping_is_written_without_an_engine(void **state)
{
	close(fake.listen_fd);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_OK);
	assert_has(conf, "\n" CAMERA_LINE "\n");
	unlink(fake.socket);
	assert_int_equal(run(mapchange_add, ARGS("protocol=udp",
			     "external-port=1", "to=10.0.0.1:1")), CMD_OK);
	assert_has(conf, CAMERA_LINE "\nmapping udp 1 10.0.0.1:1\n");
}

/* A limit of the file size has the effect of a full disk. */
static void test_mapping_that_cannot_be_written_is_undone(void **state)
{
	struct rlimit was, low;
	struct ctl_req req;

	put_conf("mapping tcp 2 10.0.0.1:2\n");
	fakectl_serve(serve_yes);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	low = was;
	low.rlim_cur = 16;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &low);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_FAULT);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_DFL);
	assert_false(has(conf, "8080"));
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_ADD);
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_DELETE);
	assert_int_equal(req.rule.ext_port, 8080);
}

static char conf_at_signal[CONF_FILE_MAX];

static void on_signal(int signo)
{
	int fd = open(fake.conf, O_RDONLY);

	if (read(fd, conf_at_signal, sizeof(conf_at_signal) - 1) < 0)
		abort();
	close(fd);
}

static void serve_yes_and_interrupt(int conn, unsigned nth,
				    const struct ctl_req *req)
{
	kill(getppid(), SIGINT);
	tell_end(conn, CTL_OK);
}

/* Otherwise the engine would have a mapping that the file does not have. */
static void test_interrupt_waits_for_the_write(void **state)
{
	signal(SIGINT, on_signal);
	fakectl_serve(serve_yes_and_interrupt);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_OK);
	signal(SIGINT, SIG_DFL);
	assert_has(conf_at_signal, CAMERA_LINE);
}

/* The daemon that answers may run with another file. */
static void test_engine_of_another_file_gets_no_request(void **state)
{
	fakectl_serve(serve_conflict);
	put_status("/dev/null");
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_OK);
	assert_has(conf, "\n" CAMERA_LINE "\n");
	put_status(fake.conf);
	assert_int_equal(run(mapchange_add, ARGS("protocol=udp",
			     "external-port=1", "to=10.0.0.1:1")), CMD_FAULT);
	/* its monitor has another pid-file, so no status file is here */
	unlink(fake.status);
	assert_int_equal(run(mapchange_add, ARGS("protocol=udp",
			     "external-port=2", "to=10.0.0.1:1")), CMD_OK);
}

static void test_mapping_that_exists_is_refused(void **state)
{
	put_conf(CAMERA_LINE "\n");
	assert_int_equal(run(mapchange_add, ARGS(CAMERA)), CMD_USAGE);
	assert_has(err, "tcp:8080 is in the configuration already; remove it "
			"first: mappings remove tcp:8080");
	assert_int_equal(run(mapchange_add, ARGS("protocol=tcp",
			     "external-port=8080", "to=10.0.0.1:80",
			     "remote-host=1.2.3.4")), CMD_USAGE);
	assert_has(err, ":4: port tcp 8080 already leads to 192.168.88.10 on "
			"line 3");
	assert_false(has(conf, "1.2.3.4"));
}

/* A mapping with a lease is not part of the configuration. */
static void test_mapping_with_a_lease_is_not_written(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_yes);
	assert_int_equal(run(mapchange_add, ARGS(CAMERA, "lease=1h")), CMD_OK);
	req = fakectl_asked();
	assert_int_equal(req.lease_s, 3600);
	assert_false(req.configured);
	assert_false(has(conf, "mapping"));
}

/* ---- remove ---------------------------------------------------------- */

static void test_remove_deletes_the_line(void **state)
{
	struct ctl_req req;

	put_conf("# my camera\n" CAMERA_LINE " # it\n"
		 "mapping tcp 2 10.0.0.1:2\n");
	fakectl_serve(serve_table);
	assert_int_equal(run(mapchange_remove, ARGS("tcp:8080")), CMD_OK);
	assert_string_equal(err, "");
	assert_false(has(conf, "8080"));
	assert_has(conf, "# my camera\nmapping tcp 2 10.0.0.1:2\n");
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_DELETE);
	assert_int_equal(req.rule.ext_port, 8080);
}

static void test_remove_all(void **state)
{
	static const uint16_t ports[] = { 8080, 40000, 81, 82, 83 };
	struct ctl_req req;

	put_conf(CAMERA_LINE "\n");
	fakectl_serve(serve_table);
	assert_int_equal(run(mapchange_remove, ARGS("all")), CMD_OK);
	assert_false(has(conf, "mapping"));
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
	for (size_t i = 0; i < 5; i++) {
		req = fakectl_asked();
		assert_int_equal(req.verb, CTL_DELETE);
		assert_int_equal(req.rule.ext_port, ports[i]);
	}
}

/* The line was deleted by hand, and upnpd has not read the file since. */
static void test_remove_of_a_mapping_without_a_line(void **state)
{
	struct ctl_req req;

	fakectl_serve(serve_table);
	assert_int_equal(run(mapchange_remove, ARGS("tcp:8080")), CMD_OK);
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
	req = fakectl_asked();
	assert_int_equal(req.verb, CTL_DELETE);
	assert_int_equal(req.rule.ext_port, 8080);
}

/* The daemon that answers runs with another file: only the line is deleted. */
static void test_remove_from_a_file_that_no_daemon_reads(void **state)
{
	struct pollfd asked = { .events = POLLIN };

	put_conf("mapping tcp 81 10.0.0.1:81\nmapping tcp 2 10.0.0.1:2\n");
	put_status("/dev/null");
	fakectl_serve(serve_table);
	asked.fd = fake.asked_fd;
	assert_int_equal(run(mapchange_remove, ARGS("tcp:8080")), CMD_FAULT);
	assert_int_equal(run(mapchange_remove, ARGS("tcp:81")), CMD_OK);
	assert_false(has(conf, "tcp 81"));
	assert_has(conf, "tcp 2");
	assert_int_equal(poll(&asked, 1, 0), 0);
}

static void test_remove_without_an_engine(void **state)
{
	close(fake.listen_fd);
	put_conf(CAMERA_LINE "\nmapping tcp 2 10.0.0.1:2\n");
	assert_int_equal(run(mapchange_remove, ARGS("0")), CMD_USAGE);
	assert_has(err, "0 is a number from mappings print, which needs a "
			"running upnpd");
	assert_int_equal(run(mapchange_remove, ARGS("tcp:1")), CMD_FAULT);
	assert_has(conf, CAMERA_LINE);
	assert_int_equal(run(mapchange_remove, ARGS("tcp:8080")), CMD_OK);
	assert_false(has(conf, "8080"));
	assert_int_equal(run(mapchange_remove, ARGS("all")), CMD_OK);
	assert_false(has(conf, "mapping"));
}

/* ---- several changes in a script ------------------------------------- */

static int edit_two(struct cmd *c, struct change *change)
{
	struct cmd_env in = { .file = fake.conf, .change = change };
	struct cmd one = { .env = &in, .n = 3, .arg = {
		STR("protocol=tcp"), STR("external-port=1"),
		STR("to=10.0.0.1:1") } };
	struct cmd two = { .env = &in, .n = 3, .arg = {
		STR("protocol=tcp"), STR("external-port=2"),
		STR("to=10.0.0.1:2") } };
	struct cmd removed = { .env = &in, .n = 1, .arg = {
		STR("tcp:8080") }, .kind = { CMD_ITEMS },
		.verb = verb_of(mapchange_remove) };
	int status = mapchange_remove(&removed);

	if (!status)
		status = mapchange_add(&one);
	return status ? status : mapchange_add(&two);
}

static int add_two(struct cmd *c)
{
	return change_run(c, edit_two);
}

static void assert_asked(enum ctl_verb verb, uint16_t port)
{
	struct ctl_req req = fakectl_asked();

	assert_int_equal(req.verb, verb);
	assert_int_equal(req.rule.ext_port, port);
}

static void test_script_changes_several_mappings(void **state)
{
	put_conf(CAMERA_LINE "\n");
	fakectl_serve(serve_yes);
	assert_int_equal(run(add_two, ARGS(NULL)), CMD_OK);
	assert_has(conf, "mapping tcp 1 10.0.0.1:1\n"
			 "mapping tcp 2 10.0.0.1:2\n");
	assert_false(has(conf, "8080"));
	assert_asked(CTL_DELETE, 8080);
	assert_asked(CTL_ADD, 1);
	assert_asked(CTL_ADD, 2);
}

/* Requests before the refused one are undone. */
static void test_script_with_a_refused_mapping_is_undone(void **state)
{
	put_conf(CAMERA_LINE " \"camera\"\n");
	fakectl_serve(serve_second_no);
	assert_int_equal(run(add_two, ARGS(NULL)), CMD_FAULT);
	assert_has(err, "tcp:1: refused");
	assert_has(conf, "\n" CAMERA_LINE " \"camera\"\n");
	assert_false(has(conf, "10.0.0.1"));
	assert_asked(CTL_DELETE, 8080);
	assert_asked(CTL_ADD, 1);
	assert_asked(CTL_ADD, 8080);
}

/* Remove the camera and add it again, with the argument of @c if it has one. */
static int edit_again(struct cmd *c, struct change *change)
{
	struct cmd_env in = { .file = fake.conf, .change = change };
	struct cmd removed = { .env = &in, .n = 1, .arg = {
		STR("tcp:8080") }, .kind = { CMD_ITEMS },
		.verb = verb_of(mapchange_remove) };
	struct cmd added = { .env = &in, .n = 3 + c->n, .arg = {
		STR("protocol=tcp"), STR("external-port=8080"),
		STR("to=192.168.88.10:80"), c->arg[0] } };
	int status = mapchange_remove(&removed);

	return status ? status : mapchange_add(&added);
}

static int add_again(struct cmd *c)
{
	return change_run(c, edit_again);
}

/* Only mappings that differ are sent to the engine. */
static void test_script_sends_only_mappings_that_differ(void **state)
{
	put_conf(CAMERA_LINE "\n");
	fakectl_serve(serve_yes);
	assert_int_equal(run(add_again, ARGS(NULL)), CMD_OK);
	assert_int_equal(run(add_again, ARGS("disabled=yes")), CMD_OK);
	assert_asked(CTL_DELETE, 8080);
	assert_true(fakectl_asked().disabled);
	assert_int_equal(run(add_again, ARGS("comment=x")), CMD_OK);
	assert_asked(CTL_DELETE, 8080);
	assert_string_equal(fakectl_asked().desc, "x");
	assert_has(conf, CAMERA_LINE " \"x\"\n");
}

/* ---- migrate --------------------------------------------------------- */

static void test_migrate_moves_old_static_mappings(void **state)
{
	put_conf(CAMERA_LINE "\n");
	fakectl_serve(serve_table);
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_OK);
	assert_string_equal(err, "");
	assert_has(out, "2 of 2 static mappings moved to ");
	assert_has(conf, CAMERA_LINE "\n"
		   "mapping tcp 81 192.168.88.10:80 \"old \\\"one\\\"\"\n"
		   "mapping tcp 82 192.168.88.10:80 disabled "
		   "\"old \\\"one\\\"\"\n");
	/* neither the one with a lease nor the client's is moved */
	assert_false(has(conf, "tcp 83") || has(conf, "40000"));
	/* a second run, before the daemon has read the file */
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_OK);
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
	assert_int_equal(fakectl_asked().verb, CTL_MAPPINGS);
}

static void serve_configured(int conn, unsigned nth, const struct ctl_req *req)
{
	tell(conn, operators(8080, true));
	tell_end(conn, CTL_OK);
}

static void test_migrate_with_nothing_left(void **state)
{
	fakectl_serve(serve_configured);
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_OK);
	assert_has(out, "all static mappings are in ");
	env.json = true;
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_OK);
	assert_has(out, "\"moved\": 0");
}

/* A mapping that conflicts with a line of the configuration is not moved. */
static void test_migrate_leaves_a_conflicting_mapping(void **state)
{
	put_conf("mapping tcp 81 10.0.0.9:1 remote 1.2.3.4\n");
	fakectl_serve(serve_table);
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_FAULT);
	assert_has(err, "tcp:81: port tcp 81 already leads to 10.0.0.9 on "
			"line 3");
	assert_has(out, "1 of 2 static mappings moved to ");
	assert_has(conf, "mapping tcp 82");
	assert_false(has(conf, "tcp 81 192"));
}

static void test_migrate_needs_the_daemon_of_the_file(void **state)
{
	put_status("/dev/null");
	fakectl_serve(serve_table);
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_FAULT);
	assert_has(err, "the upnpd that runs reads /dev/null; use -f /dev/null");
	assert_false(has(conf, "mapping"));
}

static void test_migrate_without_a_daemon(void **state)
{
	close(fake.listen_fd);
	assert_int_equal(run(migrate_run, ARGS(NULL)), CMD_FAULT);
	assert_has(err, "upnpd is not running");
}

static int teardown(void **state)
{
	return fakectl_teardown(state);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_add_is_tried_then_written),
		T(test_disabled_mapping_is_written),
		T(test_mapping_of_a_remote_port_is_written),
		T(test_refused_mapping_is_not_written),
		T(test_mapping_is_written_without_an_engine),
		T(test_mapping_that_cannot_be_written_is_undone),
		T(test_interrupt_waits_for_the_write),
		T(test_engine_of_another_file_gets_no_request),
		T(test_mapping_that_exists_is_refused),
		T(test_mapping_with_a_lease_is_not_written),
		T(test_remove_deletes_the_line),
		T(test_remove_all),
		T(test_remove_of_a_mapping_without_a_line),
		T(test_remove_from_a_file_that_no_daemon_reads),
		T(test_remove_without_an_engine),
		T(test_script_changes_several_mappings),
		T(test_script_with_a_refused_mapping_is_undone),
		T(test_script_sends_only_mappings_that_differ),
		T(test_migrate_moves_old_static_mappings),
		T(test_migrate_with_nothing_left),
		T(test_migrate_leaves_a_conflicting_mapping),
		T(test_migrate_needs_the_daemon_of_the_file),
		T(test_migrate_without_a_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
