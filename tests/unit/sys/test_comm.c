/* SPDX-License-Identifier: ISC */
/* test_comm.c - the name of a process, in printable bytes; who has a port. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sys/comm.h"
#include "sys/ports.h"

static void test_own(void **state)
{
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	assert_int_equal(prctl(PR_SET_NAME, "a name\n\033[2J"), 0);
	assert_true(comm_write(&w, (uint32_t)getpid()));
	assert_string_equal(wr_cstr(&w), "a name??[2J");
}

/* More than the kernel gives to any process. */
static void test_none(void **state)
{
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	assert_false(comm_write(&w, UINT32_MAX));
	assert_string_equal(wr_cstr(&w), "");
}

/* A listening socket takes its port, and its process is found. */
static void test_port(void **state)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	const struct addr at = addr_ip4(INADDR_LOOPBACK);
	socklen_t len = sizeof(sin);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
				    sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	port = ntohs(sin.sin_port);
	assert_int_equal(ports_try_bind(IPPROTO_TCP, at, port, NULL), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(ports_try_bind(IPPROTO_TCP, at, port, NULL),
			 -EADDRINUSE);
	assert_int_equal(ports_try_bind(IPPROTO_UDP, at, port, "lo"), 0);
	assert_int_equal(comm_of_port(IPPROTO_TCP, at, port), getpid());
	assert_int_equal(comm_of_port(IPPROTO_UDP, at, port), 0);
	close(fd);
	assert_int_equal(ports_try_bind(IPPROTO_TCP, at, port, NULL), 0);
	assert_int_equal(ports_try_bind(IPPROTO_TCP, addr_ip4(0xc6336401), port,
					NULL), -EADDRNOTAVAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
