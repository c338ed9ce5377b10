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
	size_t target, next;		/* of an entry */
	size_t comefrom, size;	/* the kernel's notes and counters begin and
				 * end there */
	const char *names;		/* of the tables that exist */
} ip4 = {
	SOL_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
	offsetof(struct ipt_entry, target_offset),
	offsetof(struct ipt_entry, next_offset),
	offsetof(struct ipt_entry, comefrom), sizeof(struct ipt_entry),
	"/proc/net/ip_tables_names",
}, ip6 = {
	SOL_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	offsetof(struct ip6t_entry, target_offset),
	offsetof(struct ip6t_entry, next_offset),
	offsetof(struct ip6t_entry, comefrom), sizeof(struct ip6t_entry),
	"/proc/net/ip6_tables_names",
};

/* The chain of the rules that are being read, and the hash that they are part
 * of: that of our chains, or of all others. */
struct walk {
	struct ipt_print *to;
	const struct family *f;
	const struct ipt_getinfo *info;
	const char *at;			/* the first entry */
	bool ours;
};

/* Both families have the same requests. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
	       offsetof(struct ipt_get_entries, entrytable) ==
	       offsetof(struct ip6t_get_entries, entrytable), "layout");
#define HEAD offsetof(struct ipt_get_entries, entrytable)

/* ---- entries ------------------------------------------------------------- */

static void add(struct walk *w, const void *p, size_t n)
{
	uint64_t *hash = w->ours ? &w->to->own : &w->to->hash;

	*hash = hash_words(*hash, p, n);
}

/* A user chain begins with an entry whose target has the chain's name. */
static bool is_head(const struct walk *w, const char *entry, struct str *name)
{
	struct xt_error_target t;
	uint16_t target, next;

	memcpy(&target, entry + w->f->target, sizeof(target));
	memcpy(&next, entry + w->f->next, sizeof(next));
	if (target != w->f->size || next < target + sizeof(t))
		return false;
	memcpy(&t, entry + target, sizeof(t));
	*name = (struct str){ entry + target +
			      offsetof(struct xt_error_target, errorname),
			      strnlen(t.errorname, sizeof(t.errorname)) };
	return !strncmp(t.target.u.user.name, XT_ERROR_TARGET,
			sizeof(t.target.u.user.name));
}

/* The hash of others must not change with rules of ours, which move the chains
 * behind them. So a jump counts by the name of its chain: it leads to the first
 * rule, which the chain's head is before. */
static bool add_jump(struct walk *w, const char *target, size_t n)
{
	/* XT_ALIGN(), which some versions of the headers write with typeof() */
	const size_t align = _Alignof(struct _xt_align);
	const size_t head = w->f->size + (sizeof(struct xt_error_target) +
			    align - 1) / align * align;
	struct xt_standard_target t;
	struct str name;

	if (n < sizeof(t))
		return false;
	memcpy(&t, target, sizeof(t));
	if (*t.target.u.user.name || t.verdict < 0 ||
	    (size_t)t.verdict < head || (size_t)t.verdict > w->info->size ||
	    !is_head(w, w->at + (size_t)t.verdict - head, &name))
		return false;
	add(w, &t.target, sizeof(t.target));
	add(w, name.p, name.n);
	return true;
}

static bool is_hook(const struct walk *w, size_t off)
{
	for (size_t i = 0; i < sizeof(w->info->hook_entry) /
				       sizeof(*w->info->hook_entry); i++)
		if (w->info->valid_hooks >> i & 1 &&
		    w->info->hook_entry[i] == off)
			return true;
	return false;
}

static void add_entry(struct walk *w, const char *at, size_t target,
		      size_t next)
{
	struct str name;

	if (is_head(w, at, &name))
		w->ours = str_starts(name, STR(IPT_PRINT_OURS));
	else if (is_hook(w, (size_t)(at - w->at)))
		w->ours = false;
	add(w, at, w->f->comefrom);
	add(w, at + w->f->size, target - w->f->size);
	if (!add_jump(w, at + target, next - target))
		add(w, at + target, next - target);
}

/* Return: 0, -EBADMSG */
static int add_entries(struct walk *w)
{
	uint16_t target, next;

	for (size_t off = 0; off < w->info->size; off += next) {
		if (w->info->size - off < w->f->size)
			return -EBADMSG;
		memcpy(&target, w->at + off + w->f->target, sizeof(target));
		memcpy(&next, w->at + off + w->f->next, sizeof(next));
		if (target < w->f->size || next < target ||
		    next > w->info->size - off)
			return -EBADMSG;
		add_entry(w, w->at + off, target, next);
	}
	return 0;
}

/* ---- tables -------------------------------------------------------------- */

/* Return: 0, -EAGAIN the table has just changed, other -errno */
static int add_table(struct ipt_print *p, int fd, const struct family *f,
		     struct str name, void *buf, size_t n)
{
	struct ipt_get_entries *get = buf;
	struct ipt_getinfo info = { "" };
	struct walk w = { .to = p, .f = f, .info = &info };
	socklen_t len = sizeof(info);

	str_copy(info.name, sizeof(info.name), name);
	if (getsockopt(fd, f->level, f->info, &info, &len))
		return -errno;
	p->entries += info.num_entries;
	if (!buf)
		return 0;
	p->hash = hash_words(p->hash, &info,
			     offsetof(struct ipt_getinfo, num_entries));
	if (info.size > n - HEAD) {
		p->own = hash_words(p->own, &info, sizeof(info));
		return 0;
	}
	/* The kernel writes names up to their NUL only: what another table left
	 * behind would count. */
	memset(buf, 0, HEAD + info.size);
	memcpy(get->name, info.name, sizeof(get->name));
	get->size = info.size;
	len = (socklen_t)(HEAD + info.size);
	if (getsockopt(fd, f->level, f->entries, get, &len))
		return -errno;
	w.at = (const char *)buf + HEAD;
	return add_entries(&w);
}

static int read_once(const struct family *f, int family, void *buf, size_t n,
		     struct ipt_print *ret)
{
	char names[256];
	struct str rest, name;
	int fd, err;

	*ret = (struct ipt_print){
		.hash = HASH_BEGIN, .own = HASH_BEGIN, .own_known = buf != NULL,
	};
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
	if (buf)
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
