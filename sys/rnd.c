/* SPDX-License-Identifier: ISC */
/* rnd.c - random numbers of the kernel. Runs in: any */
#include <sys/random.h>
#include <time.h>
#include "sys/rnd.h"

uint32_t rnd_u32(void)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
		v = (uint32_t)time(NULL) * 2654435761u;
	return v;
}
