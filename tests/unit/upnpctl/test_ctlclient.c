/* SPDX-License-Identifier: ISC */
/*
 * test_ctlclient.c - no server can make upnpctl hang or accept an invalid
 * record, whatever it sends and wherever it stops.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <cmocka.h>
#include "base/clock.h"
#include "upnpctl/ctlclient.h"
#include "tests/unit/fakectl.h"

static const struct ctl_req list_req = { .verb = CTL_MAPPINGS };

static int count(void *arg, const struct ctl_rep *rep)
{
	assert_int_equal(rep->kind, CTL_MAPPING);
	++*(unsigned *)arg;
	return 0;
}

static int list(unsigned *ret_n)
{
	struct ctl_end end;

	*ret_n = 0;
	return ctlclient_request(fake.socket, &list_req,
			     CTLCLIENT_KIND(CTL_MAPPING), count, ret_n, &end);
}

/* ---- a valid exchange ------------------------------------- */

static void serve_three(int conn, unsigned nth, const struct ctl_req *req)
{
	for (uint16_t i = 1; i <= 3; i++)
		tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_UDP, i));
	tell_end(conn, CTL_ENOENT);
}

static void test_request_is_sent_and_records_are_read(void **state)
{
	struct ctl_req req = { .verb = CTL_ADD, .lease_s = 7, .desc = "x" };
	struct ctl_req asked;
	struct ctl_end end;
	unsigned n = 0;

	fakectl_serve(serve_three);
	assert_int_equal(ctlclient_request(fake.socket, &req,
				       CTLCLIENT_KIND(CTL_MAPPING), count, &n,
				       &end), 0);
	assert_int_equal(n, 3);
	assert_int_equal(end.err, CTL_ENOENT);
	asked = fakectl_asked();
	req.version = CTL_VERSION;
	assert_memory_equal(&asked, &req, sizeof(req));
}

static int stop_at_two(void *arg, const struct ctl_rep *rep)
{
	return ++*(unsigned *)arg == 2 ? -ENOMEM : 0;
}

static void test_handler_may_stop_the_exchange(void **state)
{
	struct ctl_end end;
	unsigned n = 0;

	fakectl_serve(serve_three);
	assert_int_equal(ctlclient_request(fake.socket, &list_req,
				       CTLCLIENT_KIND(CTL_MAPPING),
				       stop_at_two, &n, &end), -ENOMEM);
	assert_int_equal(n, 2);
}

/* The server refuses before it has read the request: the kernel reports the
 * reset first. */
static void serve_unread(int listen_fd)
{
	int conn = accept(listen_fd, NULL, NULL);
	struct pollfd p = { .fd = conn, .events = POLLIN };

	poll(&p, 1, -1);
	tell_end(conn, CTL_EBUSY);
	close(conn);
	_exit(0);
}

static void test_refusal_before_the_request_is_read(void **state)
{
	struct ctl_end end = { 0 };

	fake.server = fork();
	if (fake.server == 0)
		serve_unread(fake.listen_fd);
	fake.asked_fd = dup(0);
	assert_int_equal(ctlclient_request(fake.socket, &list_req, 0, NULL,
					   NULL, &end),
			 0);
	assert_int_equal(end.err, CTL_EBUSY);
}

/* ---- no server ---------------------------------------------------- */

static void test_missing_server_is_an_error(void **state)
{
	unsigned n;

	close(fake.listen_fd);
	assert_int_equal(list(&n), -ECONNREFUSED);
	unlink(fake.socket);
	assert_int_equal(list(&n), -ENOENT);
}

static void test_too_long_path_is_refused(void **state)
{
	struct ctlclient c;
	char path[200];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ctlclient_open(&c, path, &list_req,
					CTLCLIENT_FOREVER), -ENAMETOOLONG);
	assert_int_equal(c.fd, -1);
}

/* The server's queue is full, and it accepts no connections. */
static void test_full_queue_times_out(void **state)
{
	struct ctlclient c[32];
	int err = 0, i;

	for (i = 0; i < 32 && !err; i++)
		err = ctlclient_open(&c[i], fake.socket, &list_req,
				     clock_mono_ms() + 50);
	assert_int_equal(err, -ETIMEDOUT);
	while (--i >= 0)
		ctlclient_close(&c[i]);
}

/* ---- servers that stop ------------------------------------------------- */

static void serve_silence(int conn, unsigned nth, const struct ctl_req *req)
{
	if (nth == 1)
		tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1));
	wait_hangup(conn);
}

static int read_within(unsigned ms)
{
	struct ctl_rep rep;
	struct ctlclient c;
	int err = ctlclient_open(&c, fake.socket, &list_req,
				 clock_mono_ms() + ms);

	while (!err)
		err = ctlclient_next(&c, CTLCLIENT_KIND(CTL_MAPPING) |
				     CTLCLIENT_KIND(CTL_END), &rep);
	ctlclient_close(&c);
	return err;
}

static void test_silent_server_times_out(void **state)
{
	fakectl_serve(serve_silence);
	assert_int_equal(read_within(100), -ETIMEDOUT);
	assert_int_equal(read_within(100), -ETIMEDOUT);
}

static void serve_trickle(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1);

	while (send(conn, &rep, sizeof(rep), MSG_NOSIGNAL) > 0)
		poll(NULL, 0, 10);
}

static void test_trickling_server_times_out(void **state)
{
	fakectl_serve(serve_trickle);
	assert_int_equal(read_within(300), -ETIMEDOUT);
}

static void serve_flood(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1);

	while (send(conn, &rep, sizeof(rep), MSG_NOSIGNAL) > 0)
		;
}

static void test_flooding_server_is_stopped(void **state)
{
	unsigned n;
	int err;

	fakectl_serve(serve_flood);
	err = list(&n);
	/* A slow machine may see the deadline first. */
	assert_true(err == -EPROTO || err == -ETIMEDOUT);
	assert_true(n <= CTLCLIENT_MAPPINGS_MAX);
}

/* The first engine dies at once, the second serves. */
static void serve_second(int conn, unsigned nth, const struct ctl_req *req)
{
	if (nth > 0)
		serve_three(conn, nth, req);
}

static void test_request_is_sent_again_to_a_new_engine(void **state)
{
	unsigned n;

	fakectl_serve(serve_second);
	assert_int_equal(list(&n), 0);
	assert_int_equal(n, 3);
}

static void serve_half(int conn, unsigned nth, const struct ctl_req *req)
{
	tell(conn, mapping_rep(CTL_MAPPING, IPPROTO_TCP, 1));
}

static void test_half_an_answer_is_an_error(void **state)
{
	unsigned n;

	fakectl_serve(serve_half);
	assert_int_equal(list(&n), -ECONNRESET);
	assert_int_equal(n, 1);
}

/* ---- invalid records ------------------------------------------- */

struct bad_record {
	struct ctl_rep rep;
	unsigned kinds;
	size_t n;		/* number of bytes that are sent */
	int err;
};

static struct ctl_rep good(enum ctl_kind kind)
{
	if (kind == CTL_STATUS_IS)
		return (struct ctl_rep){ .version = CTL_VERSION,
					 .kind = kind };
	if (kind == CTL_REFUSED)
		return refused_rep(80);
	return mapping_rep(kind, IPPROTO_TCP, 80);
}

#define BAD_MAX 48
static struct bad_record bad[BAD_MAX];
static size_t bad_n;

static struct bad_record *add_bad(enum ctl_kind kind, int err)
{
	struct bad_record *b = &bad[bad_n++];

	assert_true(bad_n <= BAD_MAX);
	*b = (struct bad_record){ good(kind), CTLCLIENT_KIND(kind),
				  sizeof(struct ctl_rep), err };
	return b;
}

static void add_bad_frames(void)
{
	add_bad(CTL_MAPPING, -EPROTO)->n = 3;
	add_bad(CTL_MAPPING, -EPROTO)->n = 4;
	add_bad(CTL_MAPPING, -EPROTO)->n--;
	add_bad(CTL_MAPPING, -EPROTO)->n++;
	add_bad(CTL_MAPPING, -EPROTO)->kinds = CTLCLIENT_KIND(CTL_READY);
	add_bad(CTL_MAPPING, -EPROTO)->rep.kind = 0;
	add_bad(CTL_MAPPING, -EPROTO)->rep.kind = CTL_LOST + 1;
	add_bad(CTL_MAPPING, -EPROTO)->rep.kind = 32 + CTL_MAPPING;
	add_bad(CTL_MAPPING, -EPROTONOSUPPORT)->rep.version++;
	add_bad(CTL_MAPPING, -EPROTONOSUPPORT)->rep.version = 0;
	add_bad(CTL_MAPPING, -ECONNRESET)->n = 0;
}

static void add_bad_mappings(enum ctl_kind kind)
{
	struct bad_record *b = add_bad(kind, -EPROTO);

	memset(b->rep.mapping.desc, 'a', sizeof(b->rep.mapping.desc));
	add_bad(kind, -EPROTO)->rep.mapping.rule.kind = NAT_PINHOLE;
	add_bad(kind, -EPROTO)->rep.mapping.rule.proto = 0;
	add_bad(kind, -EPROTO)->rep.mapping.rule.ext_port = 0;
	add_bad(kind, -EPROTO)->rep.mapping.rule.client =
		(struct addr){ ADDR_NONE };
	add_bad(kind, -EPROTO)->rep.mapping.enabled = 2;
}

static void add_bad_rest(void)
{
	struct bad_record *b = add_bad(CTL_STATUS_IS, -EPROTO);

	memset(b->rep.status.ext_if, 'a', sizeof(b->rep.status.ext_if));
	add_bad(CTL_STATUS_IS, -EPROTO)->rep.status.no_address =
		CTL_ADDRESS_PRIVATE + 1;
	add_bad(CTL_STATUS_IS, -EPROTO)->rep.status.http_port = 65536;
	add_bad(CTL_STATUS_IS, -EPROTO)->rep.status.protocols = 1u << ORIGINS;
	add_bad(CTL_STATUS_IS, -EPROTO)->rep.status.served = 1u << ORIGINS;
	add_bad(CTL_REMOVED, -EPROTO)->rep.mapping.rule.proto = 1;
	add_bad(CTL_REMOVED, -EPROTO)->rep.mapping.rule.ext_port = 0;
	b = add_bad(CTL_END, -EPROTO);
	b->rep.end = (struct ctl_end){ .err = CTL_EFAIL + 1 };
	b = add_bad(CTL_END, -EPROTO);
	b->rep.end = (struct ctl_end){ .err = CTL_EREFUSED,
				       .refusal = REFUSALS };
}

static void add_bad_refusals(void)
{
	add_bad(CTL_REFUSED, 0);
	add_bad(CTL_REFUSED, 0)->rep.refused.rule.ext_port = 0;
	add_bad(CTL_REFUSED, 0)->rep.refused.rule = (struct nat_rule){
		.kind = 0 };
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.why = REFUSALS;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.origin = ORIGINS;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.rule.proto = 1;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.rule.kind = NAT_KINDS;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.client.family = ADDR_LINK;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.rule.client.family = 77;
	add_bad(CTL_REFUSED, -EPROTO)->rep.refused.rule.remote.family = 77;
}

static void serve_bad(int conn, unsigned nth, const struct ctl_req *req)
{
	static char room[sizeof(struct ctl_rep) + 8];
	const struct bad_record *b = &bad[req->lease_s];

	memcpy(room, &b->rep, sizeof(b->rep));
	if (b->n)
		tell_bytes(conn, room, b->n);
}

static void test_invalid_records_are_refused(void **state)
{
	struct ctl_rep rep;
	struct ctlclient c;

	bad_n = 0;
	add_bad_frames();
	add_bad_mappings(CTL_MAPPING);
	add_bad_mappings(CTL_ADDED);
	add_bad_rest();
	add_bad_refusals();
	fakectl_serve(serve_bad);
	for (size_t i = 0; i < bad_n; i++) {
		struct ctl_req req = { .verb = CTL_MAPPINGS,
				       .lease_s = (uint32_t)i };

		memset(&rep, 0x55, sizeof(rep));
		assert_int_equal(ctlclient_open(&c, fake.socket, &req,
						clock_mono_ms() + 9000),
				 0);
		if (ctlclient_next(&c, bad[i].kinds, &rep) != bad[i].err)
			fail_msg("bad record %zu", i);
		if (bad[i].err)
			assert_int_equal(rep.kind, 0x55555555);
		ctlclient_close(&c);
	}
}

static void serve_removed(int conn, unsigned nth, const struct ctl_req *req)
{
	struct ctl_rep rep = mapping_rep(CTL_REMOVED, IPPROTO_UDP, 80);

	memset(rep.mapping.desc, 0x1b, sizeof(rep.mapping.desc));
	rep.mapping.enabled = 77;
	tell(conn, rep);
}

static void test_removed_record_has_only_the_rule(void **state)
{
	struct ctlclient c;
	struct ctl_rep rep;

	fakectl_serve(serve_removed);
	assert_int_equal(ctlclient_open(&c, fake.socket, &list_req,
					clock_mono_ms() + 9000), 0);
	assert_int_equal(ctlclient_next(&c, CTLCLIENT_KIND(CTL_REMOVED),
					&rep), 0);
	assert_int_equal(rep.mapping.rule.ext_port, 80);
	assert_string_equal(rep.mapping.desc, "");
	assert_int_equal(rep.mapping.enabled, 0);
	ctlclient_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fakectl_setup, fakectl_teardown)
		T(test_request_is_sent_and_records_are_read),
		T(test_handler_may_stop_the_exchange),
		T(test_refusal_before_the_request_is_read),
		T(test_missing_server_is_an_error),
		T(test_too_long_path_is_refused),
		T(test_full_queue_times_out),
		T(test_silent_server_times_out),
		T(test_trickling_server_times_out),
		T(test_flooding_server_is_stopped),
		T(test_request_is_sent_again_to_a_new_engine),
		T(test_half_an_answer_is_an_error),
		T(test_invalid_records_are_refused),
		T(test_removed_record_has_only_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
