/* SPDX-License-Identifier: ISC */
/*
 * ctllisten.h - creates the control socket, which the engine then serves.
 *
 * The socket belongs to the user that started the daemon, mode 0600. The
 * monitor keeps it open across engines, so no connection is refused while an
 * engine restarts.
 * Runs in: monitor
 */
#ifndef MONITOR_CTLLISTEN_H
#define MONITOR_CTLLISTEN_H

#include <stdbool.h>

/**
 * ctllisten_open - create the socket at @path.
 *
 * Replaces a socket on which nobody listens. Leaves anything else at @path
 * alone (-EADDRINUSE). The caller removes the name in the end.
 *
 * Return: the descriptor, non-blocking; -ENAMETOOLONG, other -errno
 */
int ctllisten_open(const char *path);

/**
 * ctllisten_repair - undo what a hostile engine may have done to the socket.
 * @fd: the socket; the engine that held it has exited
 *
 * Return: false: it cannot be repaired, make another one
 */
bool ctllisten_repair(int fd);

#endif
