/* SPDX-License-Identifier: ISC */
/*
 * ipt_tool_has_table.c - looks for tables of legacy iptables without its tool.
 * A file of its own, because a build without the iptables backend looks too.
 * Runs in: any
 */
#include <fcntl.h>
#include "base/str.h"
#include "sys/fileio.h"
#include "natfw/ipt_tool.h"

bool ipt_tool_has_table(const char *table, bool ip6)
{
	char buf[256];
	struct str rest, name;

	fileio_read(AT_FDCWD, ip6 ? "/proc/net/ip6_tables_names" :
		    "/proc/net/ip_tables_names", 0, buf, sizeof(buf), &rest);
	while (str_cut(&rest, '\n', &name))
		if (table ? str_eq(name, str_z(table)) : name.n > 0)
			return true;
	return false;
}
