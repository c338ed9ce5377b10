/* SPDX-License-Identifier: ISC */
/*
 * caps.c - capabilities by capget(2) and capset(2), which no libc wraps.
 *
 * Never does: give a process one that it did not hold.
 */
#include "base/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All of ours are among the first 32. */
#define BIT(cap) (UINT32_C(1) << (cap))

/* Firewall, links, routes, flows; iptables-legacy talks to the kernel by a raw
 * socket. What tools inherit. */
#define IN_FORCE	(BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))

static const uint32_t needs[] = {
	/* chown to the engine's user, chmod of what is the user's; looking
	 * into it, mode 0700 */
	[CAPS_STATE_DIR] = BIT(CAP_CHOWN) | BIT(CAP_FOWNER) |
			   BIT(CAP_DAC_READ_SEARCH),
	/* the same directory; jail_enter() */
	[CAPS_ENGINE] = BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SYS_CHROOT) |
			BIT(CAP_SETGID) | BIT(CAP_SETUID),
	[CAPS_END_ENGINE] = BIT(CAP_KILL),
	[CAPS_READ_CONF] = BIT(CAP_DAC_READ_SEARCH),
};

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static uint32_t held(void)
{
	uint32_t all = IN_FORCE;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		all |= needs[i];
	return all;
}

static int get(struct caps *c)
{
	*c = (struct caps){ .head.version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, &c->head, c->set) < 0 ? -errno : 0;
}

static int put(struct caps *c)
{
	return syscall(SYS_capset, &c->head, c->set) < 0 ? -errno : 0;
}

/* Has caps_cut() been here? Or there were never more. */
static bool is_cut(const struct caps *c)
{
	return !(c->set[0].permitted & ~held()) && !c->set[1].permitted;
}

/* Put @mask of what is held in force. */
static int force(uint32_t mask)
{
	struct caps c;
	int err = get(&c);

	if (err || !is_cut(&c))
		return err;
	c.set[0].effective = c.set[0].permitted & mask;
	return put(&c);
}

/* Before the others go: it takes CAP_SETPCAP. EINVAL: the kernel's last. */
static int cut_bounding_set(void)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (cap < 32 && held() & BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		/* no right to: no_new_privs does without */
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
	err = cut_bounding_set();
	if (!err)
		err = get(&c);
	if (err)
		return err;
	c.set[0].permitted &= held();
	c.set[0].effective = c.set[0].permitted & IN_FORCE;
	c.set[0].inheritable = 0;
	c.set[1] = (struct __user_cap_data_struct){ 0 };
	return put(&c);
}

/* Where they can not be had, the call that wanted them fails, and says so. */
void caps_raise(enum caps_use use)
{
	force(IN_FORCE | needs[use]);
}

void caps_lower(void)
{
	int saved = errno;

	force(IN_FORCE);
	errno = saved;
}

int caps_settle(void)
{
	struct caps c;
	int err = get(&c);

	if (err)
		return err;
	c.set[0].permitted = c.set[0].effective;
	c.set[1].permitted = c.set[1].effective;
	return put(&c);
}

/* An emptied permitted set empties the ambient one too (capabilities(7)). */
int caps_drop(void)
{
	struct caps c = { .head.version = _LINUX_CAPABILITY_VERSION_3 };

	return put(&c);
}
