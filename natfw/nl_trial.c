/* SPDX-License-Identifier: ISC */
/* nl_trial.c - tries whether the kernel translates here. Runs in: any */
#include "natfw/nl_trial.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "natfw/ipt_tool.h"
#include "natfw/nfnl.h"
#include "natfw/nl_rule.h"

/* Before Linux 4.18 both could be set up, and one of them did nothing. */
static bool legacy_prevents(void)
{
	unsigned long major, minor = 0;
	struct utsname u;
	char *end;

	if (!ipt_tool_has_table("nat", false) || uname(&u))
		return false;
	major = strtoul(u.release, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, NULL, 10);
	return major < 4 || (major == 4 && minor < 18);
}

bool nl_trial_passes(const struct natfw_env *env)
{
	static const struct nl_table trial = { "ip", "upnpd_trial" };
	const struct addr any = addr_ip4(0xc0000201);	/* RFC 5737 */
	const struct natfw_env small = {
		.ext_if = "upnpd", .ext = any, .hairpin = env->hairpin,
		.masquerade = env->masquerade,
		.net = { { 0, "upnpd", { any, 24 } } }, .net_n = 1,
	};
	uint32_t room[4096];
	struct nfnl_batch b;
	int fd, rc;

	if (legacy_prevents())
		return false;
	fd = nfnl_open();
	if (fd < 0)
		return false;
	nfnl_begin(&b, room, sizeof(room), 1);
	nl_rule_put_table(&b, &trial, &small, false);
	nl_rule_delete_table(&b, &trial);
	rc = nfnl_commit(&b, fd);
	close(fd);
	return !rc;
}
