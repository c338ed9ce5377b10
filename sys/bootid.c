/* SPDX-License-Identifier: ISC */
/*
 * bootid.c - which boot of the machine this is.
 *
 * Runs in: any
 */
#include <fcntl.h>
#include <unistd.h>
#include "base/str.h"
#include "sys/bootid.h"

void bootid_read(char ret[BOOTID_MAX])
{
	char text[BOOTID_MAX];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	ret[0] = '\0';
	if (n > 0)
		str_copy(ret, BOOTID_MAX,
			 str_trim((struct str){ text, (size_t)n }));
}
