/* SPDX-License-Identifier: ISC */
/*
 * change.h - a change of the configuration, from the lock to the daemon that
 * has taken it.
 */
#ifndef UPNPCTL_CHANGE_H
#define UPNPCTL_CHANGE_H

#include "upnpctl/cmd.h"
#include "conf/conffile.h"

struct change {
	struct conffile file;
	struct confedit was, now;
	bool serve;	/* enabled=yes was asked for: it must be able to */
};

/**
 * change_begin - lock the file and read it.
 *
 * Return: CMD_OK, else told on stderr and nothing is held
 */
int change_begin(struct change *, const char *path);

/**
 * change_end - judge what has become of it, write it, have the daemon read it.
 *
 * Nothing changed: nothing is written. The lock is held until the daemon has
 * taken it: of two changes each hears what became of its own.
 *
 * Return: exit status, told on stderr; nothing is held
 */
int change_end(struct change *);

/** change_drop - forget it. */
void change_drop(struct change *);

/**
 * change_run - have @edit change the configuration: that of the script which
 * runs, to be judged at its end; else all by itself.
 * @edit: returns an exit status, other than CMD_OK told on stderr
 */
int change_run(struct cmd *, int (*edit)(struct cmd *, struct change *));

/** change_fault - say why confedit did not do it. @what: a name. Return: exit
 * status */
int change_fault(int err, struct str what);

#endif
