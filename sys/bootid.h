/* SPDX-License-Identifier: ISC */
/* bootid.h - reads the identifier of this boot of the machine. Runs in: any */
#ifndef SYS_BOOTID_H
#define SYS_BOOTID_H

#define BOOTID_MAX 40	/* a UUID and a NUL */

/**
 * bootid_read - read the kernel's identifier of this boot; "" if it has none.
 *
 * Call it before chroot(): it reads /proc/sys/kernel/random/boot_id.
 */
void bootid_read(char ret[BOOTID_MAX]);

#endif
