/* SPDX-License-Identifier: ISC */
/*
 * relro.h - our own tables of pointers, read-only once they are relocated.
 */
#ifndef SYS_RELRO_H
#define SYS_RELRO_H

/**
 * relro_seal - take the right to write to what the linker marked for it
 * (PT_GNU_RELRO).
 *
 * A dynamic linker has done so by the time main() runs, and glibc in a static
 * program, too; musl has not (1.2.3). A second time does no harm. To be called
 * first of all, by the process that the others are forked from.
 */
void relro_seal(void);

#endif
