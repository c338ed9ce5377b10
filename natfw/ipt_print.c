/* SPDX-License-Identifier: ISC */
/*
 * ipt_print.c - reads the tables of legacy iptables by getsockopt(2).
 *
 * Any socket of the family will do. One for datagrams needs no CAP_NET_RAW,
 * which the tool needs for its raw socket.
 * Source: linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h
 * Runs in: monitor
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/fileio.h"
#include "natfw/ipt_print.h"

#define TRIES 3		/* if a table changes between the two requests */

static const struct family {
	int level, info, entries;	/* of getsockopt() */
	size_t next, counters, size;	/* of an entry */
	const char *names;		/* of the tables that exist */
} ip4 = {
	SOL_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
	offsetof(struct ipt_entry, next_offset),
	offsetof(struct ipt_entry, counters), sizeof(struct ipt_entry),
	"/proc/net/ip_tables_names",
}, ip6 = {
	SOL_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	offsetof(struct ip6t_entry, next_offset),
	offsetof(struct ip6t_entry, counters), sizeof(struct ip6t_entry),
	"/proc/net/ip6_tables_names",
};

/* Both families have the same requests. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
	       offsetof(struct ipt_get_entries, entrytable) ==
	       offsetof(struct ip6t_get_entries, entrytable), "layout");
#define HEAD offsetof(struct ipt_get_entries, entrytable)

/* Return: 0, -EBADMSG */
static int add_entries(struct ipt_print *p, const struct family *f,
		       const char *at, size_t n)
{
	uint16_t next;

	for (; n; at += next, n -= next) {
		if (n < f->size)
			return -EBADMSG;
		memcpy(&next, at + f->next, sizeof(next));
		if (next < f->size || next > n)
			return -EBADMSG;
		p->hash = hash_words(p->hash, at, f->counters);
		p->hash = hash_words(p->hash, at + f->size, next - f->size);
	}
	return 0;
}

/* Return: 0, -EAGAIN the table has just changed, other -errno */
static int add_table(struct ipt_print *p, int fd, const struct family *f,
		     struct str name, void *buf, size_t n)
{
	struct ipt_get_entries *get = buf;
	struct ipt_getinfo info = { "" };
	socklen_t len = sizeof(info);

	str_copy(info.name, sizeof(info.name), name);
	if (getsockopt(fd, f->level, f->info, &info, &len))
		return -errno;
	p->hash = hash_words(p->hash, &info, sizeof(info));
	p->entries += info.num_entries;
	if (info.size > n - HEAD)
		return 0;
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	len = (socklen_t)(HEAD + info.size);
	if (getsockopt(fd, f->level, f->entries, get, &len))
		return -errno;
	return add_entries(p, f, (const char *)buf + HEAD, info.size);
}

static int read_once(const struct family *f, int family, void *buf, size_t n,
		     struct ipt_print *ret)
{
	char names[256];
	struct str rest, name;
	int fd, err;

	*ret = (struct ipt_print){ .hash = HASH_BEGIN };
	/* A request for a table that does not exist would create it. Without
	 * the file there is no legacy iptables. */
	err = fileio_read(AT_FDCWD, f->names, 0, names, sizeof(names), &rest);
	if (err == -ENOENT)
		err = 0;
	if (err || !rest.n)
		return err;
	ret->any = true;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (!err && str_cut(&rest, '\n', &name))
		if (name.n)
			err = add_table(ret, fd, f, name, buf, n);
	close(fd);
	mem_release(buf, n);
	return err;
}

struct ipt_print ipt_print_read(int family, void *buf, size_t n)
{
	const struct family *f = family == AF_INET6 ? &ip6 : &ip4;
	struct ipt_print ret = { 0 };
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < TRIES; i++)
		err = read_once(f, family, buf, n, &ret);
	ret.known = !err;
	return ret;
}
