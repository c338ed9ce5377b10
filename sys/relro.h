/* SPDX-License-Identifier: ISC */
/*
 * relro.h - makes our own tables of pointers read-only once they are relocated.
 * Runs in: any
 */
#ifndef SYS_RELRO_H
#define SYS_RELRO_H

/**
 * relro_seal - make read-only what the linker marked for it (PT_GNU_RELRO).
 *
 * By the time main() runs a dynamic linker has done this, and so has glibc in a
 * static program; musl has not (1.2.3). A second call does no harm. Call it
 * first, in the process that forks the others.
 */
void relro_seal(void);

#endif
