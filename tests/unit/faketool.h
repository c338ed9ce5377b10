/* SPDX-License-Identifier: ISC */
/*
 * faketool.h - a fake firewall tool, which replaces proc.c: it records its
 * input and prints a test's text. Include it once, after cmocka.h.
 */
#ifndef TESTS_UNIT_FAKETOOL_H
#define TESTS_UNIT_FAKETOOL_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "base/str.h"
#include "tests/unit/natfwtest.h"

#define IN_MAX 262144
#define SILENT 99	/* an exit status without output */

/* Its output and exit status, by the start of its command line. */
struct answer {
	const char *cmd, *out;
	int rc;
};

static struct {
	const struct answer *answer;	/* ends with a NULL cmd */
	char in[IN_MAX];		/* of the last run that had input */
	size_t in_n, cap;
	unsigned runs;
	char cmd[128];			/* of the last run */
	int deadline_ms;
	unsigned busy;			/* changes that exit with 4 */
	char *low, *edge;		/* between two unreadable pages */
	bool at_low;			/* lines begin there, not end */
} tool;

bool proc_exists(const char *name)
{
	return true;
}

/* Each line ends before an unreadable page, or begins after one. */
static void print_lines(const struct proc *p, const char *text)
{
	struct str rest = str_z(text), line;
	char *at;

	while (p->line && str_cut(&rest, '\n', &line)) {
		at = tool.at_low ? tool.low : tool.edge - line.n;
		p->line(p->arg, (struct str){ memcpy(at, line.p, line.n),
					      line.n });
	}
}

int proc_run(struct proc *p)
{
	const struct answer *a = tool.answer;
	struct wr w = wr_init(tool.cmd, sizeof(tool.cmd));
	size_t i, n;

	for (i = 0; p->argv[i]; i++)
		wr_fmt(&w, i ? " %s" : "%s", p->argv[i]);
	wr_cstr(&w);
	tool.runs++;
	tool.deadline_ms = p->deadline_ms;
	if (p->fill)
		tool.in_n = 0;
	while (p->fill) {
		assert_true(tool.in_n + tool.cap < IN_MAX);
		n = p->fill(p->arg, tool.in + tool.in_n, tool.cap);
		assert_in_range(n, 0, tool.cap);
		tool.in_n += n;
		tool.in[tool.in_n] = '\0';
		if (!n)
			break;
	}
	if (p->fill && tool.busy) {
		tool.busy--;
		return 4;
	}
	while (a && a->cmd && strncmp(tool.cmd, a->cmd, strlen(a->cmd)))
		a++;
	if (!a || !a->cmd)
		return 0;
	if (a->out)
		print_lines(p, a->out);
	if (a->rc > 0 && a->rc != SILENT)
		str_copy(p->err, sizeof(p->err), STR("refused"));
	return a->rc;
}

static int tool_setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p, page, PROT_NONE), 0);
	assert_int_equal(mprotect(p + 3 * page, page, PROT_NONE), 0);
	tool.low = p + page;
	tool.edge = p + 3 * page;
	return 0;
}

/* Succeed without output, except for these answers. */
static void tool_reset(const struct answer *answer)
{
	char *low = tool.low, *edge = tool.edge;

	memset(&tool, 0, sizeof(tool));
	tool.low = low;
	tool.edge = edge;
	tool.cap = 4096;
	tool.answer = answer;
}

#endif
