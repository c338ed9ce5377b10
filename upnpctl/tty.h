/* SPDX-License-Identifier: ISC */
/*
 * tty.h - the terminal on standard input, a key at a time; and what it was
 * before, restored however this process ends, other than by SIGKILL.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_TTY_H
#define UPNPCTL_TTY_H

#include <stdbool.h>

/** tty_open - remember the terminal's settings, and restore them when a signal
 * or exit() ends the process. Return: 0 or -errno */
int tty_open(void);

/** tty_raw - read single keys, without echo, from now on; false: the settings
 * that the terminal had. */
void tty_raw(bool on);

/** tty_pending - has more been typed, or pasted, than was read? */
bool tty_pending(void);

/** tty_leave - for a forked child, which reads no single keys: restore the
 * signal mask from before tty_open(). */
void tty_leave(void);

/** tty_stop - stop this process, as Ctrl-Z does, with the terminal restored.
 * Returns when the process is continued. */
void tty_stop(void);

/** tty_read - wait for a byte. Return: 0 to 255; -EINTR: the size of the
 * terminal has changed, or the process was stopped and continued: show the line
 * again; -EPIPE: the terminal has closed; other -errno */
int tty_read(void);

#endif
