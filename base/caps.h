/* SPDX-License-Identifier: ISC */
/*
 * caps.h - the monitor's capabilities: what it holds, what is in force, what a
 * program it starts gets.
 *
 * After caps_cut() CAP_NET_ADMIN and CAP_NET_RAW are in force. A few more are
 * held but asleep, and awake only between caps_raise() and caps_lower(). All
 * others are gone, and no_new_privs keeps exec from bringing any back.
 */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

/* What some are awake for. */
enum caps_use {
	CAPS_STATE_DIR,		/* to make it and give it to the engine */
	CAPS_ENGINE,		/* in the new engine, until its jail is shut */
	CAPS_END_ENGINE,	/* a signal to a process of another user */
	CAPS_READ_CONF,		/* a file that root named and another owns */
};

/**
 * caps_cut - give up all other capabilities, for good: the bounding set too,
 * where CAP_SETPCAP lets us, and no_new_privs.
 *
 * Without root there is nothing to give up but that. Once is enough; again
 * does no harm. Return: 0 or -errno
 */
int caps_cut(void);

/** caps_raise - wake what @use needs. Before caps_cut() all are awake, and
 * neither this nor caps_lower() changes anything. */
void caps_raise(enum caps_use);

/** caps_lower - let them sleep again. errno is kept. */
void caps_lower(void);

/**
 * caps_settle - in a child that is to run a program: give up what sleeps.
 *
 * Return: 0 or -errno
 */
int caps_settle(void);

/** caps_drop - give up all of them. Return: 0 or -errno */
int caps_drop(void);

#endif
