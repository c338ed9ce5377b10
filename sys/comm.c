/* SPDX-License-Identifier: ISC */
/*
 * comm.c - the names of processes, and which one has a socket.
 * Runs in: monitor, upnpctl
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/text.h"
#include "sys/comm.h"
#include "sys/fileio.h"
#include "sys/ports.h"

#define HOLDERS_MAX 16	/* of one port */

bool comm_write(struct wr *w, uint32_t pid)
{
	char path[32], buf[32];
	struct wr p = wr_init(path, sizeof(path));
	struct str comm;

	wr_fmt(&p, "/proc/%u/comm", (unsigned)pid);
	if (fileio_read(AT_FDCWD, wr_cstr(&p), 0, buf, sizeof(buf), &comm))
		return false;
	comm = str_trim(comm);
	text_put(TEXT_ASCII, w, comm);
	return comm.n;
}

/* Does process @pid have the socket open? @link: "socket:[INODE]" */
static bool has_socket(const char *pid, const char *link)
{
	char path[64], target[64];
	struct wr w = wr_init(path, sizeof(path));
	const struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	wr_fmt(&w, "/proc/%s/fd%c", pid, '\0');
	d = w.over ? NULL : opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target));
		found = n > 0 && str_eq((struct str){ target, (size_t)n },
					str_z(link));
	}
	closedir(d);
	return found;
}

uint32_t comm_of_socket(uint64_t inode)
{
	char link[40];
	struct wr w = wr_init(link, sizeof(link));
	uint32_t pid, ret = 0;
	const struct dirent *e;
	DIR *d = inode ? opendir("/proc") : NULL;

	if (!d)
		return 0;
	wr_fmt(&w, "socket:[%llu]%c", (unsigned long long)inode, '\0');
	while (!ret && (e = readdir(d)))
		if (!str_u32(str_z(e->d_name), 1, INT32_MAX, &pid) &&
		    has_socket(e->d_name, link))
			ret = pid;
	closedir(d);
	return ret;
}

uint32_t comm_of_port(uint8_t protocol, struct addr at, uint16_t port)
{
	struct ports_holder h[HOLDERS_MAX];
	int n = ports_holders(protocol, at, port, h, HOLDERS_MAX);
	uint32_t pid = 0;

	for (int i = 0; i < n && !pid; i++)
		pid = comm_of_socket(h[i].inode);
	return pid;
}
