/* SPDX-License-Identifier: ISC */
/* relro.c - makes our own tables of pointers read-only. Runs in: any */
#include "sys/relro.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Our load address: the linker's name of the file's first byte. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* The linker aligns the end of the segment to the largest page size. */
static void seal(uintptr_t from, uintptr_t end)
{
	const uintptr_t page = (uintptr_t)getpagesize();

	from &= ~(page - 1);
	end &= ~(page - 1);
	if (from < end)
		mprotect((void *)from, end - from, PROT_READ);
}

void relro_seal(void)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

	/* In a program at a fixed address glibc does this. */
	if (__ehdr_start.e_type != ET_DYN)
		return;
	for (size_t i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == PT_GNU_RELRO)
			seal(base + p[i].p_vaddr,
			     base + p[i].p_vaddr + p[i].p_memsz);
}
