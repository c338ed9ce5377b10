/* SPDX-License-Identifier: ISC */
/*
 * proc_why.h - why a program that proc.h ran has failed, as text.
 * Runs in: any
 */
#ifndef SYS_PROC_WHY_H
#define SYS_PROC_WHY_H

#include "base/wr.h"
#include "sys/proc.h"

/** proc_why - write what the program wrote to stderr, and that it took too
 * long; if there is neither, its exit status or what the errno means.
 * @rc: what proc_run() returned, not 0 */
void proc_why(const struct proc *, int rc, struct wr *);

#endif
