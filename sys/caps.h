/* SPDX-License-Identifier: ISC */
/*
 * caps.h - drops capabilities: all but two in the monitor, all in the engine.
 *
 * After caps_cut() only CAP_NET_ADMIN and CAP_NET_RAW are left: they are
 * permitted and effective, and a program that is started gets no more than
 * these. no_new_privs keeps exec from regaining any.
 * Runs in: any
 */
#ifndef SYS_CAPS_H
#define SYS_CAPS_H

/**
 * caps_cut - drop all other capabilities permanently, and from the bounding set
 * as well if we have CAP_SETPCAP. Set no_new_privs.
 *
 * Without root it only sets no_new_privs. A second call does no harm.
 * Return: 0 or -errno
 */
int caps_cut(void);

/** caps_bar - empty the bounding set, if we have CAP_SETPCAP. The capabilities
 * that the process holds stay. Return: 0 or -errno */
int caps_bar(void);

/** caps_drop - drop all of them. Return: 0 or -errno */
int caps_drop(void);

#endif
