/* SPDX-License-Identifier: ISC */
/* fuzz_dir.h - a folder for targets that read files, in memory if possible. */
#ifndef TESTS_FUZZ_FUZZ_DIR_H
#define TESTS_FUZZ_FUZZ_DIR_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "fuzz.h"

static char fuzz_dir_path[64];
static pid_t fuzz_dir_pid;

static inline void fuzz_dir_remove(void)
{
	DIR *dir = opendir(fuzz_dir_path);
	const struct dirent *e;

	if (!dir || getpid() != fuzz_dir_pid)
		return;
	while ((e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(fuzz_dir_path);
}

/* Make the folder at the first call; exit() deletes it. Return: its path */
static inline const char *fuzz_dir(void)
{
	const char *root = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	if (fuzz_dir_pid == getpid())
		return fuzz_dir_path;
	snprintf(fuzz_dir_path, sizeof(fuzz_dir_path), "%s/upnpd-fuzzXXXXXX",
		 root);
	if (!mkdtemp(fuzz_dir_path))
		abort();
	fuzz_dir_pid = getpid();
	atexit(fuzz_dir_remove);
	return fuzz_dir_path;
}

/* Write a file there. Return: its path, until the next call */
static inline const char *fuzz_file(const char *name, const void *data,
				    size_t n)
{
	static char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
	return path;
}

#endif
