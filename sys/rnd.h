/* SPDX-License-Identifier: ISC */
/* rnd.h - random numbers of the kernel. Runs in: any */
#ifndef SYS_RND_H
#define SYS_RND_H

#include <stdint.h>

/** rnd_u32 - a random number; never blocks. Before the kernel has gathered
 * enough entropy, soon after the boot, it is a hash of the date: not for
 * secrets. */
uint32_t rnd_u32(void);

#endif
