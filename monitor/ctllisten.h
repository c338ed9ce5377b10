/* SPDX-License-Identifier: ISC */
/*
 * ctllisten.h - makes the control socket, which the engine then serves.
 *
 * The socket is the user's that started the daemon, mode 0600. The monitor
 * keeps it open while engines come and go, so nobody is refused meanwhile.
 *
 * Runs in: monitor
 */
#ifndef MONITOR_CTLLISTEN_H
#define MONITOR_CTLLISTEN_H

#include <stdbool.h>

/**
 * ctllisten_open - make the socket at @path.
 *
 * One that nobody serves any more is replaced; anything else at @path, or one
 * that answers, is left alone (-EADDRINUSE). The caller removes the name in
 * the end.
 *
 * Return: the descriptor, non-blocking; -ENAMETOOLONG, other -errno
 */
int ctllisten_open(const char *path);

/**
 * ctllisten_repair - undo what a hostile engine may have done to the socket.
 * @fd: the socket; the engine that had it has ended
 *
 * Return: false: it cannot be repaired, make another one
 */
bool ctllisten_repair(int fd);

#endif
