/* SPDX-License-Identifier: ISC */
/* test_bootid.c - the kernel's identifier of this boot is always the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sys/bootid.h"

static void the_boot_has_one_identifier(void **state)
{
	char a[BOOTID_MAX], b[BOOTID_MAX];

	bootid_read(a);
	bootid_read(b);
	assert_int_equal(strlen(a), 36);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_has_one_identifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
