/* SPDX-License-Identifier: ISC */
/*
 * caps.c - capabilities by capget(2) and capset(2), which no libc wraps.
 *
 * Never does: give a process a capability that it did not hold.
 * Runs in: any
 */
#include "sys/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The capabilities used here are among the first 32. */
#define BIT(cap) (UINT32_C(1) << (cap))

/* Firewall, links, routes, flows; iptables-legacy talks to the kernel by a raw
 * socket. */
#define KEPT	(BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static int get(struct caps *c)
{
	*c = (struct caps){ .head.version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, &c->head, c->set) < 0 ? -errno : 0;
}

static int put(struct caps *c)
{
	return syscall(SYS_capset, &c->head, c->set) < 0 ? -errno : 0;
}

/* Call it before the others are dropped, because it needs CAP_SETPCAP. EINVAL:
 * the kernel has no further capability. */
static int cut_bounding_set(uint32_t kept)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (cap < 32 && kept & BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		/* Without CAP_SETPCAP no_new_privs must be enough. */
		return errno == EINVAL || errno == EPERM ? 0 : -errno;
	}
	return 0;
}

int caps_cut(void)
{
	struct caps c;
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	err = cut_bounding_set(KEPT);
	if (!err)
		err = get(&c);
	if (err)
		return err;
	c.set[0].permitted &= KEPT;
	c.set[0].effective = c.set[0].permitted;
	c.set[0].inheritable = 0;
	c.set[1] = (struct __user_cap_data_struct){ 0 };
	return put(&c);
}

int caps_bar(void)
{
	return cut_bounding_set(0);
}

/* An empty permitted set also empties the ambient set (capabilities(7)). */
int caps_drop(void)
{
	struct caps c = { .head.version = _LINUX_CAPABILITY_VERSION_3 };

	return put(&c);
}
