/* SPDX-License-Identifier: ISC */
/*
 * fuzz_httpmsg.c - the head of an HTTP message, and the parts of a request.
 *
 * Holds: a head in pieces is parsed like the whole; every slice lies in the
 * buffer; an accepted request has one end, and a path without control
 * characters; a Host is that of one address of the router.
 */
#include "base/wr.h"
#include "http/httpreq.h"
#include "fuzz.h"

/* The router's addresses. */
static const char *const own[] = {
	"192.168.88.1", "2001:db8:88::1", "fe80::1",
};
#define OWN_N (sizeof(own) / sizeof(own[0]))

static struct httpmsg msg, part;

static void check_slices(struct str whole)
{
	CHECK(msg.field_n <= HTTP_HEADERS_MAX);
	CHECK(!msg.method.n == !!msg.status);
	CHECK(fuzz_inside(msg.method, whole));
	CHECK(fuzz_inside(msg.target, whole));
	for (size_t i = 0; i < msg.field_n; i++) {
		CHECK(msg.field[i].name.n);
		CHECK(fuzz_inside(msg.field[i].name, whole));
		CHECK(fuzz_inside(msg.field[i].value, whole));
		CHECK(!memchr(msg.field[i].value.p, '\n',
			      msg.field[i].value.n));
	}
}

/* The first result other than "need more" is final. */
static void check_pieces(struct str whole, ssize_t got)
{
	size_t step = whole.n / 64 + 1;
	ssize_t was = 0;

	for (size_t n = 0; n < whole.n; n += step) {
		ssize_t now = httpmsg_parse(whole.p, n, &part);

		CHECK(!was || now == was);
		CHECK(!now || now == got);
		CHECK(now <= (ssize_t)n);
		was = now;
	}
	CHECK(!was || was == got);
}

static void check_path(struct str path)
{
	CHECK(path.n && path.p[0] == '/' && path.n <= HTTP_HEAD_MAX);
	for (size_t i = 0; i < path.n; i++)
		CHECK((unsigned char)path.p[i] >= ' ' && path.p[i] != 0x7f);
}

/* Return: is it a request to this address of the router? */
static bool check_request_to(const char *text)
{
	static char buf[HTTP_HEAD_MAX];
	struct wr path = wr_init(buf, sizeof(buf));
	struct httpreq req;
	struct addr to;
	int err;

	CHECK(addr_parse(str_z(text), &to));
	err = httpreq_read(&msg, to, 2828, &path, &req);
	CHECK(err == 0 || (err <= -400 && err > -600));
	if (err)
		return false;
	check_path(req.path);
	CHECK(req.length <= HTTP_BODY_MAX);
	CHECK(!req.chunked || !req.length);
	CHECK(!httpmsg_count(&msg, STR("Transfer-Encoding")) ||
	      !httpmsg_count(&msg, STR("Content-Length")));
	CHECK(httpmsg_count(&msg, STR("Host")) <= 1);
	CHECK(!httpmsg_count(&msg, STR("Origin")));
	return true;
}

static void check_request(void)
{
	size_t n = 0;

	for (size_t i = 0; i < OWN_N; i++)
		n += check_request_to(own[i]);
	CHECK(n <= 1 || !httpmsg_count(&msg, STR("Host")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str whole = { (const char *)data, n };
	ssize_t got = httpmsg_parse(whole.p, n, &msg);

	CHECK(got <= (ssize_t)n);
	CHECK(got >= 0 || got == -400 || got == -431 || got == -505);
	check_pieces(whole, got);
	if (got <= 0)
		return 0;
	check_slices(whole);
	if (!msg.status)
		check_request();
	return 0;
}
