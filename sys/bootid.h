/* SPDX-License-Identifier: ISC */
/*
 * bootid.h - which boot of the machine this is.
 *
 * Runs in: any
 */
#ifndef SYS_BOOTID_H
#define SYS_BOOTID_H

#define BOOTID_MAX 40	/* a UUID and a NUL */

/**
 * bootid_read - the kernel's name for this boot; "" where it gives none.
 *
 * Call it before chroot(): it reads /proc/sys/kernel/random/boot_id.
 */
void bootid_read(char ret[BOOTID_MAX]);

#endif
