/* SPDX-License-Identifier: ISC */
/*
 * fakectl.h - a fake daemon: a process that serves a control socket with a
 * test's function, a configuration that names the socket, and files for the
 * output of upnpctl. Include it once, after cmocka.h.
 */
#ifndef TESTS_UNIT_FAKECTL_H
#define TESTS_UNIT_FAKECTL_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/ctlmsg.h"

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* Serves connection number @nth, which is closed when it returns. */
typedef void (*fakectl_fn)(int conn, unsigned nth, const struct ctl_req *);

static struct {
	char dir[64], socket[96], conf[96], status[96], out[96], err[96];
	int listen_fd, asked_fd;	/* a pipe with the requests */
	pid_t server;
} fake;

/* ---- a server's answers ---------------------------------------------- */

static inline void tell_bytes(int conn, const void *p, size_t n)
{
	if (send(conn, p, n, MSG_NOSIGNAL) < 0)
		_exit(3);
}

static inline void tell(int conn, struct ctl_rep rep)
{
	rep.version = CTL_VERSION;
	tell_bytes(conn, &rep, sizeof(rep));
}

static inline void tell_end(int conn, enum ctl_err err)
{
	tell(conn, (struct ctl_rep){ .kind = CTL_END, .end.err = err });
}

static inline struct ctl_rep mapping_rep(enum ctl_kind kind, uint8_t proto,
					 uint16_t port)
{
	struct ctl_rep rep = {
		.version = CTL_VERSION, .kind = kind,
		.mapping = {
			.rule = { .kind = NAT_PORTMAP, .proto = proto,
				  .ext_port = port, .int_port = 8000 },
			.origin = ORIGIN_UPNP,
			.requester = addr_ip4(IP(192, 168, 88, 10)),
			.enabled = 1,
			.desc = "game",
		},
	};

	rep.mapping.rule.client = addr_ip4(IP(192, 168, 88, 10));
	rep.mapping.rule.remote = addr_any();
	return rep;
}

static inline struct ctl_rep refused_rep(uint16_t port)
{
	struct ctl_rep rep = mapping_rep(CTL_MAPPING, IPPROTO_TCP, port);
	struct nat_rule rule = rep.mapping.rule;

	return (struct ctl_rep){
		.version = CTL_VERSION, .kind = CTL_REFUSED,
		.refused = {
			.rule = rule, .client = rule.client,
			.why = REFUSAL_RULE, .origin = ORIGIN_UPNP,
			.line = 7, .times = 2, .ago_s = 62,
		},
	};
}

/* Wait until the other end hangs up. */
static inline void wait_hangup(int conn)
{
	char c;

	while (recv(conn, &c, 1, 0) > 0)
		;
}

/* ---- the server ------------------------------------------------------ */

static inline void fakectl_run(fakectl_fn serve, int asked_fd)
{
	struct ctl_req req;
	unsigned nth;
	int conn;

	alarm(60);
	for (nth = 0;; nth++) {
		conn = accept(fake.listen_fd, NULL, NULL);
		memset(&req, 0, sizeof(req));
		if (conn < 0 || recv(conn, &req, sizeof(req), 0) < 0 ||
		    write(asked_fd, &req, sizeof(req)) < 0)
			_exit(2);
		serve(conn, nth, &req);
		close(conn);
	}
}

static inline void fakectl_serve(fakectl_fn serve)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	fake.server = fork();
	assert_true(fake.server >= 0);
	if (fake.server == 0) {
		close(fds[0]);
		fakectl_run(serve, fds[1]);
	}
	close(fds[1]);
	fake.asked_fd = fds[0];
}

/* The next request that the server has received. */
static inline struct ctl_req fakectl_asked(void)
{
	struct ctl_req req;

	assert_int_equal(read(fake.asked_fd, &req, sizeof(req)), sizeof(req));
	return req;
}

static inline void fakectl_listen(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, fake.socket);
	fake.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fake.listen_fd, (struct sockaddr *)&a,
			      sizeof(a)), 0);
	assert_int_equal(listen(fake.listen_fd, 8), 0);
}

static inline void fakectl_kill(void)
{
	if (fake.server > 0) {
		kill(fake.server, SIGKILL);
		waitpid(fake.server, NULL, 0);
		close(fake.asked_fd);
	}
	fake.server = 0;
}

static inline void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline int fakectl_setup(void **state)
{
	char text[512];

	memset(&fake, 0, sizeof(fake));
	strcpy(fake.dir, "/tmp/upnpd-ctl-XXXXXX");
	assert_non_null(mkdtemp(fake.dir));
	snprintf(fake.socket, sizeof(fake.socket), "%s/ctl", fake.dir);
	snprintf(fake.conf, sizeof(fake.conf), "%s/conf", fake.dir);
	snprintf(fake.status, sizeof(fake.status), "%s/upnpd.status",
		 fake.dir);
	snprintf(fake.out, sizeof(fake.out), "%s/out", fake.dir);
	snprintf(fake.err, sizeof(fake.err), "%s/err", fake.dir);
	snprintf(text, sizeof(text), "control-socket = %s\n"
		 "pid-file = %s/upnpd.pid\n", fake.socket, fake.dir);
	put_file(fake.conf, text);
	fakectl_listen();
	return 0;
}

static inline int fakectl_teardown(void **state)
{
	fakectl_kill();
	close(fake.listen_fd);
	unlink(fake.socket);
	unlink(fake.conf);
	unlink(fake.status);
	unlink(fake.out);
	unlink(fake.err);
	return rmdir(fake.dir);
}

#endif
