/* SPDX-License-Identifier: ISC */
/*
 * instance.h - one enabled upnpd for each network namespace.
 *
 * Two of them would undo each other's rules again and again, whatever files
 * they use. So an enabled daemon listens on an abstract AF_UNIX name (unix(7)).
 * There is one such name for each network namespace, and it is free again when
 * its process has ended. A disabled daemon has the name only while it removes
 * what an earlier run left.
 * Runs in: monitor
 */
#ifndef MONITOR_INSTANCE_H
#define MONITOR_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/loop.h"

struct instance {
	struct loop *loop;	/* private */
	struct loop_fd name;	/* fd is -1: we do not have the name */
	pid_t other;		/* the daemon that has the name; 0: in a pid
				 * namespace that we cannot see */
};

/** instance_init - begin without the name. @i: the caller's, zeroed; the loop
 * is borrowed, and has room for one descriptor */
void instance_init(struct instance *i, struct loop *);

/**
 * instance_hold - take the name. Nothing changes if we have it.
 * @wait_ms: wait this long for a root process that has it
 *
 * If a process of an ordinary user has it, upnpd must start nevertheless: this
 * is logged and counts as success. The next call tries again.
 *
 * Return: 0, -EBUSY another daemon has it (instance_report()), other -errno
 */
int instance_hold(struct instance *, unsigned wait_ms);

/** instance_report - log that another daemon is enabled, which one, and the
 * remedy, after instance_hold() returned @err. Return: @err */
int instance_report(const struct instance *, int err);

/** instance_release - let another daemon have the name. */
void instance_release(struct instance *);

#endif
