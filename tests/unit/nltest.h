/* SPDX-License-Identifier: ISC */
/*
 * nltest.h - shared by the tests of netlink, netif, ports and route: netlink
 * messages made by hand that end at an unreadable page, and ip(8) in a network
 * namespace. Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_NLTEST_H
#define TESTS_UNIT_NLTEST_H

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define ROOM 4096
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (c) << 8 | (d))

/* ---- messages made by hand --------------------------------------------- */

/* ROOM bytes with an unreadable page after them. */
static char *room;

static inline int make_room(void **state)
{
	char *p = mmap(NULL, ROOM * 2, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + ROOM, ROOM, PROT_NONE))
		return -1;
	room = p;
	return 0;
}

struct msg {
	union {
		struct nlmsghdr h;
		char bytes[512];
	};
	size_t len;
};

static inline struct msg msg_new(uint16_t type, const void *fixed, size_t n)
{
	struct msg m = { .h = { .nlmsg_type = type } };

	memcpy(m.bytes + NLMSG_HDRLEN, fixed, n);
	m.len = NLMSG_HDRLEN + NLMSG_ALIGN(n);
	m.h.nlmsg_len = (uint32_t)m.len;
	return m;
}

static inline void msg_attr(struct msg *m, uint16_t type, const void *v,
			    size_t n)
{
	struct rtattr a = { .rta_len = RTA_LENGTH(n), .rta_type = type };

	assert_true(m->len + RTA_SPACE(n) <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, &a, sizeof(a));
	memcpy(m->bytes + m->len + sizeof(a), v, n);
	m->len += RTA_ALIGN(a.rta_len);
	m->h.nlmsg_len = (uint32_t)m->len;
}

static inline void msg_u32(struct msg *m, uint16_t type, uint32_t v)
{
	msg_attr(m, type, &v, sizeof(v));
}

/* The message cut to @len bytes, also in its header. The first byte after it
 * cannot be read (within alignment). */
static inline const struct nlmsghdr *cut(const struct msg *m, size_t len)
{
	char *at = room + ROOM - NLMSG_ALIGN(len);
	uint32_t said = (uint32_t)len;

	memcpy(at, m->bytes, len);
	if (len >= sizeof(said))
		memcpy(at, &said, sizeof(said));
	return (const void *)at;
}

/* ---- the real kernel --------------------------------------------------- */

#define NEED_ROOT() do { if (geteuid() != 0) skip(); } while (0)

/* Each test has a namespace of its own, which the kernel removes when no
 * process uses it. */
static inline int own_netns(void **state)
{
	return geteuid() == 0 ? unshare(CLONE_NEWNET) : 0;
}

#define netns_test(f) cmocka_unit_test_setup(f, own_netns)

/* Run ip(8) with the words of @line. Return: its exit status */
static inline int ip_status(const char *line)
{
	char words[128], *argv[20] = { (char[]){ "ip" } }, *w = words;
	size_t n = 1;
	pid_t pid;
	int status;

	snprintf(words, sizeof(words), "%s", line);
	while (n < 19 && (argv[n] = strsep(&w, " ")))
		n++;
	argv[n] = NULL;
	pid = fork();
	if (pid == 0) {
		execvp("ip", argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline void ip(const char *line)
{
	int status = ip_status(line);

	if (status)
		fail_msg("ip %s: status %d", line, status);
}

#endif
