/* SPDX-License-Identifier: ISC */
/*
 * replay.c - runs a fuzz target over files, without libFuzzer.
 *
 * usage: fuzz_TARGET FILE|FOLDER...
 *
 * Each file is run whole and cut at every length, before an unreadable page. It
 * runs in a separate process, so that a failure names its file.
 */
#include <dirent.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"

#define FILE_MAX	(1 << 20)
/* Of one file, at most; a slow target has fewer. */
#define CUTS_MAX	512

static char *edge;		/* the unreadable page */
static unsigned files, failed;

static int make_edge(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, FILE_MAX + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + FILE_MAX, page, PROT_NONE))
		return -1;
	edge = p + FILE_MAX;
	return 0;
}

static void run(const char *text, size_t n)
{
	LLVMFuzzerTestOneInput(memcpy(edge - n, text, n), n);
}

static void run_all(const char *text, size_t n)
{
	unsigned cuts = &fuzz_cuts_max ? fuzz_cuts_max : CUTS_MAX;
	size_t step = n / cuts + 1;

	run(text, n);
	for (size_t cut = 0; cut < n; cut += step)
		run(text, cut);
}

static void replay_file(const char *path)
{
	static char text[FILE_MAX];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
	int status = -1;
	pid_t pid;

	if (f)
		fclose(f);
	fflush(stdout);
	pid = f ? fork() : -1;
	if (pid == 0) {
		run_all(text, n);
		exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	files++;
	if (!status)
		return;
	printf("%s: failed\n", path);
	failed++;
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	char name[4096];

	if (!dir) {
		replay_file(path);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		replay_file(name);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	if (make_edge()) {
		perror(argv[0]);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%s: %u files, %u failed\n", argv[0], files, failed);
	return failed || !files;
}
