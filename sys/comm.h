/* SPDX-License-Identifier: ISC */
/*
 * comm.h - the names of processes, and which one has a socket.
 * Runs in: monitor, upnpctl
 */
#ifndef SYS_COMM_H
#define SYS_COMM_H

#include <stdint.h>
#include "base/addr.h"
#include "base/wr.h"

/** comm_write - write the name of that process, from /proc/PID/comm, in
 * printable bytes. Return: false, and nothing is written, if there is no such
 * process, or this one may not see it */
bool comm_write(struct wr *w, uint32_t pid);

/** comm_of_socket - find the process that has a socket open. @inode: as
 * ports_holder.inode. Return: its pid; 0: not found, for example because this
 * one may not see it */
uint32_t comm_of_socket(uint64_t inode);

/** comm_of_port - find a process that serves that port (ports_holders()).
 * Return: its pid; 0: none that this one may see */
uint32_t comm_of_port(uint8_t protocol, struct addr at, uint16_t port);

#endif
