/* SPDX-License-Identifier: ISC */
/*
 * comm.c - the names of processes. Runs in: monitor, upnpctl
 */
#include <fcntl.h>
#include "base/text.h"
#include "sys/comm.h"
#include "sys/fileio.h"

bool comm_write(struct wr *w, uint32_t pid)
{
	char path[32], buf[32];
	struct wr p = wr_init(path, sizeof(path));
	struct str comm;

	wr_fmt(&p, "/proc/%u/comm", (unsigned)pid);
	if (fileio_read(AT_FDCWD, wr_cstr(&p), 0, buf, sizeof(buf), &comm))
		return false;
	comm = str_trim(comm);
	text_put(TEXT_ASCII, w, comm);
	return comm.n;
}
