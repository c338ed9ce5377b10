/* SPDX-License-Identifier: ISC */
/*
 * caps.h - capabilities: what the monitor keeps, and to hold none.
 *
 * After caps_cut() CAP_NET_ADMIN and CAP_NET_RAW are all there is: permitted,
 * in force, and all that a program gets that is started. no_new_privs keeps
 * exec from bringing any back.
 */
#ifndef SYS_CAPS_H
#define SYS_CAPS_H

/**
 * caps_cut - give up all others, for good: the bounding set too, where
 * CAP_SETPCAP lets us, and no_new_privs.
 *
 * Without root there is nothing to give up but that. Once is enough; again
 * does no harm. Return: 0 or -errno
 */
int caps_cut(void);

/** caps_bar - empty the bounding set, where CAP_SETPCAP lets us: what is held
 * stays so far. Return: 0 or -errno */
int caps_bar(void);

/** caps_drop - give up all of them. Return: 0 or -errno */
int caps_drop(void);

#endif
