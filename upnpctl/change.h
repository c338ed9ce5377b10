/* SPDX-License-Identifier: ISC */
/*
 * change.h - change the configuration: lock, edit, check, write, reload the
 * daemon. If the file is made from UCI, UCI is written instead.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHANGE_H
#define UPNPCTL_CHANGE_H

#include "upnpctl/cmd.h"
#include "conf/conffile.h"

struct change {
	struct conffile file;
	struct confedit was, now;
	bool uci;	/* the file is made from UCI: write UCI instead */
	bool serve;	/* the change sets enabled: warn if interfaces are
			 * missing */
	bool untried;	/* do not try the mappings in the daemon, which has
			 * them already */
};

/** change_begin - lock the file and read it. Return: CMD_OK; or an exit status,
 * with a message on stderr and without the lock */
int change_begin(struct change *, const char *path);

/**
 * change_end - check the result, write it, reload the daemon, release the lock.
 *
 * Before it writes, sends changed mappings to a running daemon (livemap_try());
 * if the daemon refuses one, nothing is written.
 *
 * Writes nothing if nothing changed. Holds the lock until the daemon has read
 * the file, so that each of two concurrent changes reports its own result.
 *
 * Return: exit status; errors are reported on stderr
 */
int change_end(struct change *);

/** change_drop - release the lock without writing. */
void change_drop(struct change *);

/**
 * change_run - edit the configuration with @edit. In a script, the script's
 * change is edited, and checked when the script ends; otherwise @edit is a
 * change of its own.
 * @edit: reports errors on stderr and returns an exit status
 */
int change_run(struct cmd *, int (*edit)(struct cmd *, struct change *));

/** change_fault - report an error of confedit on stderr. @what: the name of the
 * option or interface. Return: exit status */
int change_fault(int err, struct str what);

#endif
