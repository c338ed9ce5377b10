/* SPDX-License-Identifier: ISC */
/* rlimits.c - checks the resource limits that upnpd inherits.
 * Runs in: monitor */
#include <errno.h>
#include <sys/resource.h>
#include "base/log.h"
#include "sys/rlimits.h"

static int check(const struct rlimits_need *need)
{
	struct rlimit rl;

	if (prlimit(0, need->what, NULL, &rl))
		return -errno;
	if (rl.rlim_cur >= need->min)
		return 0;
	rl.rlim_cur = rl.rlim_max;
	if (rl.rlim_max >= need->min && !prlimit(0, need->what, &rl, NULL))
		return 0;
	log_err("the limit RLIMIT_%s is %llu, and upnpd needs %llu: raise it "
		"where upnpd is started, with ulimit, or Limit%s= of systemd",
		need->name, (unsigned long long)rl.rlim_max,
		(unsigned long long)need->min, need->name);
	return -EPERM;
}

int rlimits_check(const struct rlimits_need *need, unsigned n)
{
	int err = 0;

	while (n-- && !err)
		err = check(need++);
	return err;
}
