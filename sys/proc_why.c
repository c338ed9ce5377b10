/* SPDX-License-Identifier: ISC */
/* proc_why.c - says why a program failed. Runs in: any */
#include "sys/proc_why.h"

#include <errno.h>
#include <string.h>

void proc_why(const struct proc *p, int rc, struct wr *w)
{
	if (*p->err)
		wr_z(w, p->err);
	if (rc == -ETIMEDOUT)
		wr_fmt(w, "%sit took longer than %d ms and was killed",
		       *p->err ? "; " : "", p->deadline_ms);
	else if (!*p->err && rc < 0)
		wr_z(w, strerror(-rc));
	else if (!*p->err)
		wr_fmt(w, "exit status %d", rc);
}
