/* SPDX-License-Identifier: ISC */
/* bootid.c - reads the identifier of this boot of the machine. Runs in: any */
#include <fcntl.h>
#include "base/str.h"
#include "sys/bootid.h"
#include "sys/fileio.h"

void bootid_read(char ret[BOOTID_MAX])
{
	char text[BOOTID_MAX];
	struct str s;

	fileio_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 0, text,
		  sizeof(text), &s);
	str_copy(ret, BOOTID_MAX, str_trim(s));
}
