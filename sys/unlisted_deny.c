/* SPDX-License-Identifier: ISC */
/*
 * unlisted_deny.c - a call that is not on the list fails with EPERM.
 * Runs in: any
 */
#include <errno.h>
#include <linux/seccomp.h>
#include "sys/unlisted.h"

int unlisted_action(uint32_t *ret)
{
	*ret = SECCOMP_RET_ERRNO | EPERM;
	return 0;
}
