/* SPDX-License-Identifier: ISC */
/* unlisted_none.c - no filter. Runs in: any */
#include <errno.h>
#include "sys/unlisted.h"

int unlisted_action(uint32_t *ret)
{
	return -ECANCELED;
}
