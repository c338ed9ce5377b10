/* SPDX-License-Identifier: ISC */
/* test_relro.c - after relro_seal() a table of pointers is read-only. */
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/relro.h"

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* It is relocated, so the linker puts it into PT_GNU_RELRO. */
static const void *const table[] = { &table };

static bool is_marked(void)
{
	uintptr_t base = (uintptr_t)&__ehdr_start, at = (uintptr_t)table - base;
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

	for (size_t i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == PT_GNU_RELRO && at >= p[i].p_vaddr &&
		    at + sizeof(table) <= p[i].p_vaddr + p[i].p_memsz)
			return __ehdr_start.e_type == ET_DYN;
	return false;
}

/* Return: the signal that ends a process that writes to the table; 0: none */
static int write_to_it(bool sealed)
{
	const struct rlimit none = { 0, 0 };
	const uintptr_t page = (uintptr_t)getpagesize();
	uintptr_t at = (uintptr_t)table & ~(page - 1);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		if (mprotect((void *)at, page, PROT_READ | PROT_WRITE))
			_exit(1);
		if (sealed)
			relro_seal();
		*(const void *volatile *)(uintptr_t)table = NULL;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_sealed_table_cannot_be_written(void **state)
{
	if (!is_marked())
		skip();
	assert_int_equal(write_to_it(false), 0);
	assert_int_equal(write_to_it(true), SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_table_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
