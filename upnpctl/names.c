/* SPDX-License-Identifier: ISC */
/* names.c - the names of hosts, from files of the router. Runs in: upnpctl */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/limits.h"
#include "sys/fileio.h"
#include "upnpctl/names.h"

/* busybox, struct dyn_lease */
enum { UDHCPD_HEAD = 8, UDHCPD_LEASE = 36, UDHCPD_ADDR = 4, UDHCPD_NAME = 14,
       UDHCPD_NAME_MAX = 20 };

#define FIRST_USER 1000		/* lower user ids belong to the system */

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) &&
		    !memchr("-_.", s.p[i], 3))
			return false;
	return s.n && s.n <= NAMES_NAME_MAX;
}

static void add(struct names *t, struct addr a, struct str name)
{
	/* lists of blocked names have addresses that no host has */
	if (!is_name(name) || !addr_is_host(a) || t->n == NAMES_MAX ||
	    names_of(t, a))
		return;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		void *v = realloc(t->v, cap * sizeof(*t->v));

		if (!v)
			return;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n].addr = a;
	str_copy(t->v[t->n++].name, sizeof(t->v->name), name);
}

const char *names_of(const struct names *t, struct addr a)
{
	for (size_t i = 0; i < t->n; i++)
		if (addr_equal(t->v[i].addr, a))
			return t->v[i].name;
	return NULL;
}

void names_free(struct names *t)
{
	free(t->v);
	*t = (struct names){ 0 };
}

/* ---- formats --------------------------------------------------------- */

static bool has_dot(struct str s)
{
	return s.n && memchr(s.p, '.', s.n);
}

void names_add_hosts(struct names *t, struct str text)
{
	struct str line, word, name;
	struct addr a;

	while (str_cut(&text, '\n', &line)) {
		struct str rest = line;

		str_cut(&rest, '#', &line);
		if (!str_word(&line, &word) || !addr_parse(word, &a) ||
		    !str_word(&line, &name))
			continue;
		while (has_dot(name) && str_word(&line, &word))
			if (!has_dot(word))
				name = word;
		add(t, a, name);
	}
}

/* Read the word that @n others precede. */
static bool word_after(struct str *line, unsigned n, struct str *ret)
{
	bool is = str_word(line, ret);

	while (is && n-- > 0)
		is = str_word(line, ret);
	return is;
}

void names_add_leases(struct names *t, struct str text)
{
	struct str line, word, name;
	struct addr a;

	while (str_cut(&text, '\n', &line))
		if (word_after(&line, 2, &word) && addr_parse(word, &a) &&
		    str_word(&line, &name))
			add(t, a, name);	/* "*": it has no name */
}

static uint32_t get_be32(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

void names_add_udhcpd(struct names *t, struct str data)
{
	for (data = str_skip(data, UDHCPD_HEAD); data.n >= UDHCPD_LEASE;
	     data = str_skip(data, UDHCPD_LEASE)) {
		const char *name = data.p + UDHCPD_NAME;

		add(t, addr_ip4(get_be32(data.p + UDHCPD_ADDR)),
		    (struct str){ name, strnlen(name, UDHCPD_NAME_MAX) });
	}
}

/* ---- files ----------------------------------------------------------- */

/* In this order. A name that ends with "/" is a folder of such files. */
static const struct {
	const char *path;
	void (*add)(struct names *, struct str);
} files[] = {
	{ "/etc/hosts", names_add_hosts },
	{ "/tmp/dhcp.leases", names_add_leases },	/* OpenWrt */
	{ "/var/lib/misc/dnsmasq.leases", names_add_leases },
	{ "/var/lib/dnsmasq/dnsmasq.leases", names_add_leases },
	{ "/tmp/hosts/", names_add_hosts },	/* OpenWrt: odhcpd, dnsmasq */
	{ "/var/lib/misc/udhcpd.leases", names_add_udhcpd },
};

/* On some systems a user may write such a file into /tmp. */
static bool is_trusted(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       (st.st_uid < FIRST_USER || st.st_uid == getuid());
}

/* The rest of a longer file is ignored. */
static void read_file(struct names *t, int dir, const char *name, char *buf,
		      void (*parse)(struct names *, struct str))
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct str data = { buf, 0 };

	if (fd < 0)
		return;
	if (is_trusted(fd)) {
		fileio_read_fd(fd, buf, NAMES_FILE_MAX, &data);
		parse(t, data);
	}
	close(fd);
}

static void read_folder(struct names *t, const char *path, char *buf,
			void (*parse)(struct names *, struct str))
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			read_file(t, dirfd(d), e->d_name, buf, parse);
	if (d)
		closedir(d);
}

void names_read(struct names *ret)
{
	char *buf = malloc(NAMES_FILE_MAX);

	*ret = (struct names){ 0 };
	for (size_t i = 0; buf && i < sizeof(files) / sizeof(files[0]); i++) {
		const char *path = files[i].path;

		if (path[strlen(path) - 1] == '/')
			read_folder(ret, path, buf, files[i].add);
		else
			read_file(ret, AT_FDCWD, path, buf, files[i].add);
	}
	free(buf);
}
